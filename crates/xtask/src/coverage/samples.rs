//! A rule for each extension of iptables 1.8.9, as docs/coverage.md compiles it.

use bpfc_ir::Family;

/// A rule that uses an extension as rulesets usually do.
pub struct Sample {
    /// The extension's name, as `-m` or `-j` takes it.
    pub name: &'static str,
    /// What of it the rule shows, where its forms are compiled in different places.
    pub form: &'static str,
    /// The rule's words behind the chain; an empty text stands for the match or target alone.
    words: &'static str,
    /// Its words in IPv6 where those are others.
    words6: &'static str,
    /// The table that iptables takes it in.
    pub table: &'static str,
}

impl Sample {
    /// The rule's words in a family.
    pub fn words(&self, family: Family) -> &'static str {
        match family {
            Family::Ipv6 if !self.words6.is_empty() => self.words6,
            _ => self.words,
        }
    }
}

const fn rule(name: &'static str, words: &'static str) -> Sample {
    Sample { name, form: "", words, words6: "", table: "mangle" }
}

const fn form(name: &'static str, form: &'static str, words: &'static str) -> Sample {
    Sample { form, ..rule(name, words) }
}

const fn rules(name: &'static str, words: &'static str, words6: &'static str) -> Sample {
    Sample { words6, ..rule(name, words) }
}

const fn within(table: &'static str, name: &'static str, words: &'static str) -> Sample {
    Sample { table, ..rule(name, words) }
}

/// An ipset that the rules with sets use.
pub const SETS: [&str; 2] = [
    "create banned hash:ip family inet hashsize 1024 maxelem 65536\n",
    "create banned hash:ip family inet6 hashsize 1024 maxelem 65536\n",
];

/// A fingerprint that the rule with `osf` compares packets with.
pub const FINGERPRINTS: &str = "S4:64:1:60:M*,S,T,N,W7:Linux:2.6::a kernel of 2.6\n";

/// One for each match, sorted by name.
pub const MATCHES: &[Sample] = &[
    rule("addrtype", "-m addrtype --dst-type LOCAL"),
    rules("ah", "-p ah -m ah --ahspi 500", "-m ah --ahspi 500"),
    rule("bpf", "-m bpf --bytecode \"4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0\""),
    rule("cgroup", "-m cgroup --cgroup 5"),
    rule(
        "cluster",
        "-m cluster --cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed 1",
    ),
    rule("comment", "-m comment --comment web"),
    rule("connbytes", "-m connbytes --connbytes 1000: --connbytes-mode bytes --connbytes-dir both"),
    rule("connlabel", "-m connlabel --label 40"),
    rule("connlimit", "-p tcp --syn -m connlimit --connlimit-above 20"),
    rule("connmark", "-m connmark --mark 1"),
    rule("conntrack", "-m conntrack --ctstate NEW"),
    rule("cpu", "-m cpu --cpu 0"),
    rule("dccp", "-p dccp -m dccp --dport 80"),
    rule("devgroup", "-m devgroup --src-group 1"),
    rule("dscp", "-m dscp --dscp-class EF"),
    rule("dst", "-m dst --dst-len 8"),
    rule("ecn", "-p tcp -m ecn --ecn-tcp-ece"),
    rule("esp", "-p esp -m esp --espspi 500"),
    rule("eui64", "-m eui64"),
    rule("frag", "-m frag --fragfirst"),
    rule(
        "hashlimit",
        "-m hashlimit --hashlimit-above 10/sec --hashlimit-mode srcip --hashlimit-name web",
    ),
    rule("hbh", "-m hbh --hbh-len 8"),
    rule("helper", "-m helper --helper ftp"),
    rule("hl", "-m hl --hl-lt 5"),
    rule("icmp", "-p icmp -m icmp --icmp-type echo-request"),
    rule("icmp6", "-p icmpv6 -m icmp6 --icmpv6-type echo-request"),
    rule("ipcomp", "-p ipcomp -m ipcomp --ipcompspi 18"),
    rules(
        "iprange",
        "-m iprange --src-range 10.0.0.1-10.0.0.9",
        "-m iprange --src-range 2001:db8::1-2001:db8::9",
    ),
    rule("ipv6header", "-m ipv6header --header frag"),
    rule("ipvs", "-m ipvs --ipvs"),
    rule("length", "-m length --length 100:200"),
    rule("limit", "-m limit --limit 3/min"),
    rule("mac", "-m mac --mac-source 02:00:00:00:00:01"),
    rule("mark", "-m mark --mark 1"),
    rule("mh", "-p mh -m mh --mh-type 5"),
    rule("multiport", "-p tcp -m multiport --dports 80,443"),
    rule("nfacct", "-m nfacct --nfacct-name web"),
    rule("osf", "-p tcp -m osf --genre Linux"),
    rule("owner", "-m owner --uid-owner 1000"),
    rule("physdev", "-m physdev --physdev-in eth0"),
    rule("pkttype", "-m pkttype --pkt-type broadcast"),
    form("policy", "--dir in", "-m policy --dir in --pol ipsec --proto esp"),
    form("policy", "--dir out", "-m policy --dir out --pol ipsec --proto esp"),
    rule("quota", "-m quota --quota 1000000"),
    rule("rateest", "-m rateest --rateest web --rateest-gt --rateest-bps 1mbit"),
    rule("realm", "-m realm --realm 5"),
    rule("recent", "-m recent --name ssh --update --seconds 60 --hitcount 4"),
    rule("rpfilter", "-m rpfilter"),
    rule("rt", "-m rt --rt-type 0"),
    rule("sctp", "-p sctp -m sctp --dport 80"),
    rule("set", "-m set --match-set banned src"),
    rule("socket", "-p tcp -m socket"),
    rule("srh", "-m srh --srh-next-hdr 6"),
    rule("state", "-m state --state NEW"),
    rule("statistic", "-m statistic --mode nth --every 10 --packet 0"),
    rule("string", "-m string --algo bm --string evil"),
    rule("tcp", "-p tcp -m tcp --dport 80 --syn"),
    rule("tcpmss", "-p tcp --syn -m tcpmss --mss 1:500"),
    rule("time", "-m time --timestart 08:00 --timestop 18:00"),
    rule("tos", "-m tos --tos Minimize-Delay"),
    rule("ttl", "-m ttl --ttl-lt 5"),
    rule("u32", "-m u32 --u32 \"0>>22&0x3C@0>>16=80\""),
    rule("udp", "-p udp -m udp --dport 53"),
];

/// One for each target, or several of different forms, sorted by name.
pub const TARGETS: &[Sample] = &[
    rule("AUDIT", "-j AUDIT --type drop"),
    rule("CHECKSUM", "-j CHECKSUM --checksum-fill"),
    rule("CLASSIFY", "-j CLASSIFY --set-class 1:10"),
    within(
        "filter",
        "CLUSTERIP",
        "-d 10.0.0.1 -i eth0 -j CLUSTERIP --new --hashmode sourceip \
         --clustermac 01:00:5e:00:00:20 --total-nodes 2 --local-node 1",
    ),
    form("CONNMARK", "--restore-mark", "-j CONNMARK --restore-mark"),
    form("CONNMARK", "--set-mark", "-p tcp -j CONNMARK --set-mark 1"),
    rule("CONNSECMARK", "-j CONNSECMARK --save"),
    within("raw", "CT", "-j CT --notrack"),
    within("nat", "DNAT", "-j DNAT --to-destination 10.0.0.1"),
    rule("DNPT", "-j DNPT --src-pfx 2001:db8::/64 --dst-pfx fd00::/64"),
    rule("DSCP", "-j DSCP --set-dscp-class EF"),
    rule("ECN", "-p tcp -j ECN --ecn-tcp-remove"),
    rule("HL", "-j HL --hl-set 64"),
    rule("HMARK", "-j HMARK --hmark-tuple src,dst --hmark-mod 4 --hmark-rnd 1"),
    rule("IDLETIMER", "-j IDLETIMER --timeout 60 --label web"),
    rule("LED", "-j LED --led-trigger-id web"),
    rule("LOG", "-j LOG --log-prefix \"web: \""),
    rule("MARK", "-j MARK --set-mark 1"),
    within("nat", "MASQUERADE", "-j MASQUERADE"),
    within("nat", "NETMAP", "-j NETMAP --to 10.0.0.0/24"),
    rule("NFLOG", "-j NFLOG --nflog-group 1 --nflog-prefix web"),
    rule("NFQUEUE", "-j NFQUEUE --queue-num 1"),
    within("raw", "NOTRACK", "-j NOTRACK"),
    rule("QUEUE", "-j QUEUE"),
    rule("RATEEST", "-j RATEEST --rateest-name web --rateest-interval 250ms --rateest-ewma 0.5s"),
    within("nat", "REDIRECT", "-p tcp -j REDIRECT --to-ports 8080"),
    within("filter", "REJECT", "-j REJECT"),
    rule("SECMARK", "-j SECMARK --selctx system_u:object_r:firewalld_exec_t:s0"),
    form("SET", "--add-set", "-j SET --add-set banned src"),
    form("SET", "--map-mark", "-j SET --map-set banned src --map-mark"),
    form("SET", "--map-prio", "-j SET --map-set banned src --map-prio"),
    form("SET", "--map-queue", "-j SET --map-set banned src --map-queue"),
    within("nat", "SNAT", "-j SNAT --to-source 10.0.0.1"),
    rule("SNPT", "-j SNPT --src-pfx fd00::/64 --dst-pfx 2001:db8::/64"),
    within("filter", "SYNPROXY", "-p tcp -j SYNPROXY --mss 1460"),
    form("TCPMSS", "--clamp-mss-to-pmtu", "-p tcp --syn -j TCPMSS --clamp-mss-to-pmtu"),
    form("TCPMSS", "--set-mss", "-p tcp --syn -j TCPMSS --set-mss 1400"),
    rule("TCPOPTSTRIP", "-p tcp -j TCPOPTSTRIP --strip-options timestamp"),
    rule("TEE", "-j TEE --gateway 10.0.0.1"),
    rule("TOS", "-j TOS --set-tos 0x10"),
    rule("TPROXY", "-p tcp -j TPROXY --on-port 8080"),
    within("raw", "TRACE", "-j TRACE"),
    rule("TTL", "-j TTL --ttl-set 64"),
    rule("ULOG", "-j ULOG"),
];
