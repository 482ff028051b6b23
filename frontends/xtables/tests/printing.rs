//! Rules are printed and listed as iptables itself does.
//!
//! The oracle is iptables-legacy in a network namespace of its own. Without root or iptables the
//! tests say so and pass; with `BPFC_REQUIRE_ALL=1` that is a failure.

use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_ir::Family;
use bpfc_xtables::{print, read_text};
use std::io::Write;
use std::process::{Command, Stdio};

#[path = "support/lost.rs"]
mod lost;

use lost::without_lost;

/// Rules of both families; `@` and `%` stand for two addresses of the family's.
const RULES: &[&str] = &[
    "-A INPUT",
    "-A INPUT -s @ -d %/24 -i eth0 -j ACCEPT",
    "-A FORWARD ! -s @/8 ! -d % ! -i eth+ -o wlan0.1 ! -p tcp -j DROP",
    "-A FORWARD -i + ! -o lo -p 0 -j RETURN",
    "-A INPUT -s @,% -d % -j U",
    "-A INPUT -s any/0 -p TCP --dport ssh -g U",
    "-A U -p gre -j V",
    "-A U -p 250 -c 5 6",
    "-A INPUT -p tcp --sport 1024: ! --dport :80 -j ACCEPT",
    "-A INPUT -p tcp -m tcp ! --sport 0:65535 --dport 0x50 -j ACCEPT",
    "-A INPUT -p tcp --syn -j DROP",
    "-A INPUT -p tcp ! --syn --tcp-option 8",
    "-A INPUT -p tcp -m tcp --tcp-flags ALL NONE ! --tcp-option 2 -j DROP",
    "-A INPUT -p tcp --tcp-flags urg,psh,rst syn,ack -j DROP",
    "-A INPUT -p udp --dport domain -j ACCEPT",
    "-A INPUT -p udp -m udp ! --sport 30:20 --dport :http",
    "-A INPUT -p udp -m multiport --dports 53,67:68,ntp -j ACCEPT",
    "-A INPUT -p sctp -m multiport ! --ports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
    "-A INPUT -p udplite -m multiport --source-ports 1:65535",
    "-A INPUT -p tcp -m tcpmss --mss 42 -m tcpmss ! --mss 42:",
    "-A INPUT -p 108 -m ipcomp -m ipcomp --ipcompspi 5:9 --compres -m ipcomp ! --ipcompspi :",
    "-A INPUT -p 108 -m ipcomp ! --ipcompspi 7 -m ipcomp --ipcompspi : -m ipcomp --ipcompspi 4:3",
    "-A INPUT -m mac --mac-source 0:1b:C:00:0a:ff",
    "-A FORWARD -m mac ! --mac-source 00:11:22:33:44:55 -j DROP",
    "-A INPUT -m mark --mark 16 -m mark ! --mark 0x1/0xff",
    "-A INPUT -m connmark --mark 1/1 -m connmark ! --mark 4294967295",
    "-A INPUT -m cluster --cluster-total-nodes 2 --cluster-local-node 2 --cluster-hash-seed 0xfeedcafe",
    "-A INPUT -m cluster --cluster-total-nodes 32 ! --cluster-local-nodemask 30 --cluster-hash-seed 7",
    "-A INPUT -m length --length 100 -m length ! --length 7: -m length --length :",
    "-A INPUT -m tos --tos Minimize-Delay -m tos ! --tos 0x10/0x1e -m tos --tos 4",
    "-A INPUT -m dscp --dscp 10 -m dscp ! --dscp-class ef -m dscp --dscp-class AF11",
    "-A INPUT -p tcp -m ecn --ecn-tcp-cwr ! --ecn-tcp-ece ! --ecn-ip-ect 2",
    "-A FORWARD -m physdev --physdev-in tap100i0 --physdev-is-bridged -m physdev ! --physdev-in fw+",
    "-A INPUT -m physdev ! --physdev-is-bridged ! --physdev-is-in -m physdev --physdev-is-out",
    "-A FORWARD -m physdev ! --physdev-out tap+ --physdev-is-out --physdev-in + -j DROP",
    "-A OUTPUT -m physdev --physdev-is-bridged --physdev-out fwln100i0 ! --physdev-is-in",
    "-A INPUT -m policy --dir in --pol none -m policy --dir in --pol ipsec -m policy --dir in",
    "-A FORWARD -m policy --dir out --pol ipsec ! --proto esp --spi 7 ! --reqid 0x10 --mode transport",
    "-A OUTPUT -m policy --pol ipsec --dir out --mode tunnel ! --tunnel-src @/24 --tunnel-dst %",
    "-A INPUT -m policy --dir in --strict --reqid 1 --next ! --mode transport --tunnel-dst @/0 \
     --next --proto 51 --spi 0xffffffff --next --proto ipcomp -j DROP",
    "-A INPUT -m pkttype --pkt-type host -m pkttype ! --pkt-type MCAST",
    "-A INPUT -m state --state NEW,EST -m state ! --state INVALID,untracked,RELATED",
    "-A INPUT -m conntrack ! --ctstate INVALID,SNAT,NEW,DNAT --ctproto udp --ctdir reply",
    "-A INPUT -m conntrack --ctorigsrc @/9 ! --ctorigdst % --ctreplsrc @ ! --ctrepldst %/0",
    "-A INPUT -m conntrack --ctorigsrcport 5 ! --ctorigdstport 5:9 --ctreplsrcport :80 \
     --ctrepldstport 9:5 -j ACCEPT",
    "-A INPUT -m conntrack --ctstatus NONE -m conntrack ! --ctstatus ASSURED,CONF,EXPECTED",
    "-A INPUT -m comment --comment plain-word_1 -m comment --comment \"two words\"",
    "-A INPUT -m comment --comment \"it's \\\"so\\\" \\\\ far\" -m comment --comment \"\"",
    "-A INPUT -m limit -m limit --limit 3/s -m limit --limit 100/minute --limit-burst 7",
    "-A INPUT -m limit --limit 10000 -m limit --limit 1/h -m limit --limit 7000/min",
    "-A INPUT -m quota --quota 5000 -m quota ! --quota 0x10 -m quota --quota 18446744073709551615",
    "-A INPUT -m string --string \"te\\\"s\\\\t a\" --algo kmp --from 3 --to 99 --icase",
    "-A INPUT -m string ! --hex-string \"a|41 4200|x\" --algo bm -m string --algo bm --string b",
    "-A INPUT -m time --timestart 10:00 --timestop 9:00 --contiguous --kerneltz \
     --weekdays 1,Tu,3 --monthdays 1,22,3 --datestart 2020 --datestop 2030-02-31T23:59:59",
    "-A INPUT -m time ! --weekdays Mon ! --monthdays 5 -m time -m time --datestop 2020-05",
    "-A INPUT -m time --weekdays Sun --utc --timestop 23:00 -j DROP",
    "-A INPUT -m bpf --bytecode \"4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0\" -j DROP",
    "-A INPUT -m u32 --u32 \"0x0>>22&0x3C << 2 = 1:5 , 7 && 8=0x10\" -m u32 ! --u32 0=0",
    "-A INPUT -m string --hex-string \"|41 42|\" --algo kmp --to 0x10",
    "-A INPUT -m string --string abc\\ --algo bm -m string --string \"t \" --algo bm",
    "-A OUTPUT -m owner ! --uid-owner 0-5 -m owner --gid-owner root --suppl-groups -j DROP",
    "-A OUTPUT -m owner ! --socket-exists -m owner --socket-exists --uid-owner 0x7 ! --gid-owner 9",
    "-A FORWARD -m devgroup --src-group 5 -m devgroup ! --src-group 0x5/0xff --dst-group 7/0xff",
    "-A INPUT -m devgroup --src-group 0 -m devgroup ! --src-group default",
    "-A FORWARD -m connbytes --connbytes 5:9 --connbytes-dir both --connbytes-mode packets",
    "-A FORWARD -m connbytes ! --connbytes 5: --connbytes-dir reply --connbytes-mode bytes -j DROP",
    "-A INPUT -m connbytes --connbytes :9 --connbytes-mode avgpkt --connbytes-dir original",
    "-A INPUT -m connbytes ! --connbytes 5:9 --connbytes-mode bytes --connbytes-dir both",
    "-A INPUT -m connbytes --connbytes 7 --connbytes-mode packets --connbytes-dir original",
    "-A FORWARD -m helper --helper ftp -m helper ! --helper sip-5060 -m helper --helper \"\"",
    "-A FORWARD -m connlabel --label 5 -m connlabel ! --label 127",
    "-A INPUT -p tcp --syn -m connlimit --connlimit-above 2 -m connlimit ! --connlimit-upto 3",
    "-A INPUT -m connlimit --connlimit-upto 0x10 --connlimit-mask 24 --connlimit-daddr -j DROP",
    "-A INPUT -m connlimit ! --connlimit-above 0 --connlimit-mask 0 --connlimit-saddr",
    "-A OUTPUT -m cgroup --path \"/\" -m cgroup ! --path \"/\"",
    "-A OUTPUT -m cgroup --cgroup 5 -m cgroup ! --cgroup 0x10001",
    "-A INPUT -m recent --set -m recent ! --rcheck --seconds 60 --hitcount 4 --rttl --reap",
    "-A INPUT -m recent --update --name a --rdest --seconds 5 -m recent ! --remove --rsource",
    "-A INPUT -m recent --rcheck --mask % --hitcount 0 --name b -m recent --update --hitcount 70",
    "-A INPUT -j LOG -m comment --comment c",
    "-A INPUT -j LOG --log-level debug --log-prefix \"it's \\\"x\\\" \"",
    "-A FORWARD -j LOG --log-level 0x2 --log-prefix 123456789012345678901234567890",
    "-A INPUT -j LOG --log-prefix x --log-macdecode --log-uid --log-ip-options --log-tcp-options \
     --log-tcp-sequence",
    "-A INPUT -j NFLOG",
    "-A INPUT -j NFLOG --nflog-group 65535 --nflog-size 0 --nflog-threshold 0",
    "-A INPUT -j NFLOG --nflog-threshold 7 --nflog-range 30 --nflog-prefix \"a b\" --nflog-group 3",
    "-A INPUT -j NFLOG --nflog-size 31 --nflog-prefix \
     1234567890123456789012345678901234567890123456789012345678901234567890",
    "-A INPUT -m hashlimit --hashlimit 3/min --hashlimit-name a --hashlimit-mode srcip,dstport",
    "-A INPUT -m hashlimit --hashlimit-above 70 --hashlimit-burst 0x10 --hashlimit-name b \
     --hashlimit-srcmask 24 --hashlimit-mode dstip|srcport --hashlimit-htable-expire 77",
    "-A INPUT -m hashlimit ! --hashlimit-upto 512kb/s --hashlimit-name c --hashlimit-dstmask 0",
    "-A INPUT -m hashlimit ! --hashlimit-above 3mb/s --hashlimit-burst 9m --hashlimit-name d",
    "-A INPUT -m hashlimit --hashlimit-upto 100b/s --hashlimit-burst 5k --hashlimit-name e \
     --hashlimit-htable-size 9 --hashlimit-htable-max 99 --hashlimit-htable-gcinterval 5",
    "-A INPUT -m hashlimit --hashlimit-upto 7/h --hashlimit-name f --hashlimit-rate-match",
    "-A INPUT -m hashlimit --hashlimit-upto 9kb/s --hashlimit-name g --hashlimit-rate-match \
     --hashlimit-rate-interval 12 -m hashlimit --hashlimit 1/s --hashlimit-name h",
    "-A INPUT -j MARK --set-mark 0x10/0xf0",
    "-A INPUT -j MARK --set-xmark 1",
    "-A OUTPUT -m mark --mark 0 -j MARK --and-mark 0xf",
    "-A OUTPUT -j MARK --or-mark 3",
    "-A OUTPUT -j MARK --xor-mark 0x3",
    "-A INPUT -j REJECT",
    "-A FORWARD -p tcp -j REJECT --reject-with tcp-reset",
    "-A OUTPUT -p 6 -j REJECT --reject-with TCP-R",
    "-A U -j REJECT --reject-with PORT",
];

const RULES4: &[&str] = &[
    "-A INPUT -s 10.1 -d 1.2.3.4/255.0.255.0 -f -j DROP",
    "-A INPUT ! -f ! -s 0/0",
    "-A INPUT -p icmp --icmp-type echo-request",
    "-A INPUT -p icmp -m icmp ! --icmp-type 3/4 -m icmp --icmp-type any",
    "-A INPUT -p 1 -m icmp --icmp-type ttl-zero-during-t -j DROP",
    "-A INPUT -m ttl --ttl 5 -m ttl ! --ttl-eq 5 -m ttl --ttl-lt 9 -m ttl --ttl-gt 1",
    "-A INPUT -m addrtype ! --src-type LOCAL,un --dst-type broad,XRESOLVE,throw",
    "-A FORWARD -m addrtype --dst-type PROHIBIT,UNREACHABLE --limit-iface-in -j DROP",
    "-A INPUT -p tcp -m osf --genre Linux -m osf ! --genre OS/400 --ttl 1 --log 2",
    "-A FORWARD -p tcp -m osf --log 0 --ttl 2 --genre 01234567890123456789012345678901",
    "-A INPUT -m realm --realm 5 -m realm ! --realm 0x10/0xff -m realm --realm cosmos",
    "-A OUTPUT -m addrtype --src-type local ! --dst-type MULTICAST,NAT --limit-iface-out",
    "-A INPUT -m iprange --src-range 10.0.0.1-10.0.0.9 ! --dst-range 10",
    "-A INPUT -j REJECT --reject-with icmp-net-unreachable",
    "-A INPUT -j REJECT --reject-with icmp-host-unreachable",
    "-A INPUT -j REJECT --reject-with icmp-proto-unreachable",
    "-A INPUT -j REJECT --reject-with icmp-port-unreachable",
    "-A INPUT -j REJECT --reject-with icmp-net-prohibited",
    "-A INPUT -j REJECT --reject-with icmp-host-prohibited",
    "-A INPUT -j REJECT --reject-with icmp-admin-prohibited",
    "-A INPUT -j REJECT --reject-with net-unreach",
    "-A INPUT -j REJECT --reject-with host-unreach",
    "-A INPUT -j REJECT --reject-with proto-unreach",
    "-A INPUT -j REJECT --reject-with port-unreach",
    "-A INPUT -j REJECT --reject-with net-prohib",
    "-A INPUT -j REJECT --reject-with host-prohib",
    "-A INPUT -j REJECT --reject-with Admin-P",
    "-A INPUT -p tcp -j REJECT --reject-with tcp-rst",
    "-A INPUT -j REJECT --reject-with icmp-",
    "-A INPUT -j REJECT --reject-with host",
];

const RULES6: &[&str] = &[
    "-A INPUT -s 2001:db8::/ffff:0:ffff:: -d ::ffff:1.2.3.4 -j DROP",
    "-A INPUT ! -s ::/0 ! -d ::1.2.3.4/127",
    "-A INPUT -p icmpv6 --icmpv6-type neighbour-solicitation",
    "-A INPUT -p 58 -m icmpv6 ! --icmpv6-type 1/3 -j DROP",
    "-A INPUT -m hl --hl 5 -m hl ! --hl-eq 5 -m hl --hl-lt 9 -m hl --hl-gt 1",
    "-A INPUT -m eui64 -m srh",
    "-A INPUT -m srh ! --srh-next-hdr 17 --srh-hdr-len-eq 3 ! --srh-hdr-len-gt 4 \
     --srh-hdr-len-lt 5 --srh-segs-left-eq 3 --srh-segs-left-gt 2 ! --srh-segs-left-lt 9 \
     --srh-last-entry-eq 1 --srh-last-entry-gt 3 --srh-last-entry-lt 8 --srh-tag 258",
    "-A INPUT -m srh --srh-psid a::1/64 ! --srh-nsid b::/128 --srh-lsid c::1:0",
    "-A INPUT -m addrtype ! --dst-type LOCAL,ANYCAST,UNREACH --src-type UNICAST,MULTICAST,UNSPEC",
    "-A INPUT -m iprange ! --src-range ::1-::9 --dst-range 2001:db8::1",
    "-A INPUT -j REJECT --reject-with icmp6-no-route",
    "-A INPUT -j REJECT --reject-with icmp6-adm-prohibited",
    "-A INPUT -j REJECT --reject-with icmp6-addr-unreachable",
    "-A INPUT -j REJECT --reject-with icmp6-port-unreachable",
    "-A INPUT -j REJECT --reject-with icmp6-policy-fail",
    "-A INPUT -j REJECT --reject-with icmp6-reject-route",
    "-A INPUT -j REJECT --reject-with no-route",
    "-A INPUT -j REJECT --reject-with ADM",
    "-A INPUT -j REJECT --reject-with addr-unreach",
    "-A INPUT -j REJECT --reject-with policy",
    "-A INPUT -j REJECT --reject-with reject-route",
    "-A INPUT -j REJECT --reject-with icmp6",
];

/// Rules of the table mangle.
const MANGLE: &[&str] = &[
    "-A PREROUTING -m socket -m socket --nowildcard",
    "-A INPUT -p tcp -m socket --restore-skmark --nowildcard --transparent -j ACCEPT",
    "-A PREROUTING -m rpfilter",
    "-A PREROUTING -m rpfilter --invert -m rpfilter --accept-local --loose",
    "-A PREROUTING -m rpfilter --validmark --invert --loose --accept-local -j DROP",
    "-A PREROUTING -j DSCP --set-dscp 0x1f",
    "-A PREROUTING -j DSCP --set-dscp-class af11",
    "-A FORWARD -j TOS --set-tos 0x12",
    "-A FORWARD -j TOS --set-tos 18/0x0f",
    "-A FORWARD -j TOS --set-tos Maximize-Throughput",
    "-A FORWARD -j TOS --and-tos 0x12",
    "-A FORWARD -j TOS --or-tos 0x12",
    "-A POSTROUTING -j TOS --xor-tos 0x12",
    "-A PREROUTING -j CONNMARK --set-mark 5/7 --left-shift-mark 3",
    "-A PREROUTING -j CONNMARK --set-xmark 5",
    "-A PREROUTING -j CONNMARK --and-mark 0xf",
    "-A PREROUTING -j CONNMARK --or-mark 0xf",
    "-A PREROUTING -j CONNMARK --xor-mark 0xf",
    "-A PREROUTING -j CONNMARK --save-mark",
    "-A PREROUTING -j CONNMARK --save-mark --mask 0xff --right-shift-mark 31",
    "-A PREROUTING -j CONNMARK --save-mark --nfmask 0 --ctmask 5",
    "-A POSTROUTING -j CONNMARK --restore-mark",
    "-A POSTROUTING -j CONNMARK --restore-mark --mask 0xff00",
    "-A POSTROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xf0 --left-shift-mark 3",
    "-A POSTROUTING -j CLASSIFY --set-class 1:fFff",
    "-A FORWARD -j CLASSIFY --set-class 0x12345:-1junk",
    "-A OUTPUT -j CLASSIFY --set-class 0:1abcde",
    "-A FORWARD -p tcp --syn -j TCPMSS --set-mss 1400",
    "-A FORWARD -p tcp -j TCPOPTSTRIP --strip-options mss,0x13,7,timestamp",
    "-A FORWARD -p tcp -j TCPOPTSTRIP",
    "-A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
];

const MANGLE4: &[&str] = &[
    "-A INPUT -j TTL --ttl-set 0x40",
    "-A OUTPUT -j TTL --ttl-inc 5",
    "-A OUTPUT -p tcp -j TTL --ttl-dec 1",
    "-A OUTPUT -p tcp -j ECN --ecn-tcp-remove",
    "-A OUTPUT -p 6 -j ECN --ecn-tcp-cwr 1 --ecn-tcp-ece 0",
    "-A OUTPUT -p tcp -j ECN --ecn-tcp-cwr 1",
    "-A OUTPUT -j ECN --ecn-ip-ect 2",
];

const MANGLE6: &[&str] = &[
    "-A INPUT -j HL --hl-set 0x40",
    "-A OUTPUT -j HL --hl-inc 5",
    "-A OUTPUT -p tcp -j HL --hl-dec 1",
];

fn mangle_text(family: Family) -> String {
    let own = if family == Family::Ipv4 { MANGLE4 } else { MANGLE6 };
    let mut text = "*mangle\n".to_owned();
    for chain in ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"] {
        text += &format!(":{chain} ACCEPT [0:0]\n");
    }
    for rule in MANGLE.iter().chain(own) {
        text += &format!("{rule}\n");
    }
    text + "COMMIT\n"
}

fn text(family: Family) -> String {
    let (own, places) = match family {
        Family::Ipv4 => (RULES4, ["192.0.2.9", "198.51.100.77"]),
        Family::Ipv6 => (RULES6, ["2001:db8::9", "fe80:0:0:1::77"]),
    };
    let mut text = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                    :U - [0:0]\n:V - [0:0]\n"
        .to_owned();
    for rule in RULES.iter().chain(own) {
        text.push_str(&rule.replace('@', places[0]).replace('%', places[1]));
        text.push('\n');
    }
    text + "COMMIT\n"
}

/// What iptables-legacy saves and lists after reading a text; `None` where it cannot run here.
fn oracle(family: Family, name: &str, text: &str) -> Option<(String, String)> {
    let tool = if family == Family::Ipv4 { "iptables-legacy" } else { "ip6tables-legacy" };
    let script =
        format!("{tool}-restore && {tool}-save -t {name} && echo === && {tool} -t {name} -nvL");
    let run = || {
        let mut child = Command::new("unshare")
            .args(["--net", "sh", "-ec", &script])
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(text.as_bytes())?;
        }
        child.wait_with_output()
    };
    let reason = match run() {
        Ok(output) if output.status.success() => {
            let all = String::from_utf8_lossy(&output.stdout).into_owned();
            let (saved, listed) = all.split_once("===\n").expect("both outputs");
            return Some((saved.to_owned(), listed.to_owned()));
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    let lacking = ["Operation not permitted", "not found", "No such file"];
    assert!(lacking.iter().any(|lack| reason.contains(lack)), "{reason}");
    let required = std::env::var_os("BPFC_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!required, "skipping is not allowed (BPFC_REQUIRE_ALL): {reason}");
    eprintln!("skipped: {reason}");
    None
}

/// The words of a line of a listing behind its counters.
fn listed(line: &str) -> Vec<&str> {
    // The match bpf ends in a NUL there.
    line.trim_end_matches('\0').split_whitespace().skip(2).collect()
}

#[test]
fn no_inversion_is_lost() {
    let text = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT ! -i + -j DROP\n\
                -A INPUT -p tcp -m tcp ! --dport : -j DROP\n\
                -A INPUT -p udp -m udp ! --sport 0:65535 --dport 0:65535 -j DROP\n\
                -A INPUT -p esp -m esp ! --espspi 0:4294967295 -j DROP\nCOMMIT\n";
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let (ruleset, _) =
        read_text("rules", text.as_bytes(), Family::Ipv4, &mut sources, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    let printed = print::ruleset(&ruleset, false).text;
    for rule in [
        "-A INPUT ! -i + -j DROP",
        "-A INPUT -p tcp -m tcp ! --dport 0:65535 -j DROP",
        "-A INPUT -p udp -m udp ! --sport 0:65535 -j DROP",
        "-A INPUT -p esp -m esp ! --espspi 0:4294967295 -j DROP",
    ] {
        assert!(printed.lines().any(|line| line == rule), "{rule} in {printed}");
    }
}

fn check(family: Family, name: &str, text: &str) {
    let Some((saved, listing)) = oracle(family, name, text) else { return };
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let (ruleset, _) = read_text("rules", text.as_bytes(), family, &mut sources, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");

    let ours = print::ruleset(&ruleset, false).text;
    let theirs = saved.lines().filter(|line| !line.starts_with('#'));
    for (ours, theirs) in ours.lines().zip(theirs) {
        assert_eq!(without_lost(ours), theirs);
    }

    let rows = listing.lines().filter(|line| {
        !line.is_empty() && !line.starts_with("Chain") && !line.trim_start().starts_with("pkts")
    });
    let table = ruleset.table(name).expect("the table");
    let mut rows = rows.map(listed);
    for rule in table.chains.iter().flat_map(|chain| &chain.rules) {
        let columns = print::columns(family, rule).join(" ");
        let mut ours = vec![print::target_word(table, &rule.target)];
        ours.extend(columns.split_whitespace());
        ours.retain(|word| !word.is_empty());
        assert_eq!(Some(ours), rows.next());
    }
    assert_eq!(rows.next(), None);
}

#[test]
fn ipv4_rules_are_printed_as_iptables_prints_them() {
    check(Family::Ipv4, "filter", &text(Family::Ipv4));
    check(Family::Ipv4, "mangle", &mangle_text(Family::Ipv4));
}

#[test]
fn ipv6_rules_are_printed_as_ip6tables_prints_them() {
    check(Family::Ipv6, "filter", &text(Family::Ipv6));
    check(Family::Ipv6, "mangle", &mangle_text(Family::Ipv6));
}
