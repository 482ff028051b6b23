//! Expressions and statements of nft, on the kernel and on every engine: a rule each with a
//! counter, and the same behind a verdict of a map and in a chain that is called. What nft lists of
//! it compiles alike as text and as JSON.
//!
//! `BPFC_SEED` chooses the packets.

use bpfc_tests::differential::campaign;
use bpfc_tests::generate::packets::{as_nft_reads, packets};
use bpfc_tests::generate::ruleset::Shape;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::lab::nft;
use bpfc_tests::lab::oracle::{Oracle, Stage};
use bpfc_tests::nft_dumps;
use bpfc_tests::nft_listed;
use bpfc_tests::require::{self, KERNEL_IPTABLES, Need};
use libtest_mimic::{Arguments, Trial};

/// What each rule asks of packets of any family.
const EITHER: &[&str] = &[
    "meta l4proto tcp",
    "meta l4proto != { tcp, udp }",
    "meta l4proto { icmp, ipv6-icmp, 200-255 }",
    "meta length 60",
    "meta length != 40-80",
    "meta length { 0-30, 40, 50-100 }",
    "meta mark 0",
    "meta mark != 0",
    "meta mark & 0xff == 7",
    "meta mark 1-0xffff",
    "meta mark < 10",
    "meta pkttype host",
    "meta pkttype { broadcast, multicast }",
    "tcp dport 22",
    "tcp dport != 22",
    "tcp dport 1-1024",
    "tcp dport { 22, 53, 80-443, 1024-65535 }",
    "tcp dport != { 22, 53 }",
    "tcp sport >= 1024",
    "tcp sport . tcp dport { 0 . 0, 22 . 22, 40000 . 22, 53 . 53 }",
    "tcp flags syn",
    "tcp flags syn,ack",
    "tcp flags == syn",
    "tcp flags != syn",
    "tcp flags ! syn",
    "tcp flags { syn, syn | ack, ack, rst }",
    "tcp flags & (fin | syn | rst | ack) == syn",
    "tcp flags syn / syn,ack",
    "tcp flags & (syn | ack) != syn",
    "tcp doff 5-15",
    "tcp window > 1000",
    "tcp urgptr 0",
    "tcp sequence 0-0x7fffffff",
    "tcp option maxseg exists",
    "tcp option maxseg missing",
    "tcp option maxseg size 1460",
    "tcp option maxseg size 0-1460",
    "tcp option maxseg size != 1000",
    "tcp option sack-perm exists",
    "tcp option timestamp missing",
    "tcp option timestamp tsval 0-0x7fffffff",
    "tcp option window count { 0-7, 14 }",
    "tcp option nop exists",
    "sctp chunk init exists",
    "sctp chunk data missing",
    "sctp chunk init flags 0",
    "sctp dport 22",
    "dccp sport 0-40000",
    "udplite checksum != 0",
    "udp dport 53",
    "udp sport != 53",
    "udp length 8-100",
    "udp checksum != 0",
    "th dport 22",
    "th sport { 22, 53, 1024-65535 }",
    "@th,0,8 0-127",
    "@th,0,16 & 0xff00 == 0",
    "@nh,8,8 != 64",
    "iifname \"eth0\"",
    "iifname != \"eth*\"",
    "iifname \"e*\"",
    "iifname { \"eth0\", \"wlan0\", \"lo\" }",
    "iifname { \"eth*\", \"lo\" }",
    "iif eth1",
    "iif { eth0, wlan0 }",
    "iif != lo",
    "oifname \"wan0\"",
    "oifname != \"wan*\"",
    "oif != lo",
    "iifgroup 7",
    "iifgroup default",
    "iifgroup != 7",
    "oifgroup default",
    "oifgroup != 7",
    "iif 0-1000",
    "oif 0",
    "oif > 0",
    "meta iiftype ether",
    "meta iiftype != ppp",
    "meta iiftype { ether, ppp, loopback }",
    "meta oiftype ether",
    "meta oiftype != { ether, ppp }",
    "meta priority 0",
    "meta priority != 0:0",
    "meta priority { 0:1-0:3, 0:6 }",
    "meta time > \"2020-01-01\"",
    "meta time \"2020-01-01\"-\"2100-01-01\"",
    "meta time < 1000000000",
    "meta cpu 0-1023",
    "meta nfproto ipv4",
    "meta nfproto != ipv4",
    "meta protocol ip",
    "meta hour \"00:00\"-\"23:59\"",
    "meta day { \"Monday\", 2, 3, 4, 5, 6, 0 }",
    "limit rate 1/hour burst 20 packets",
    "limit rate over 1/hour burst 20 packets",
    "limit rate 3000 bytes/hour",
    "tcp dport 1-1024 limit rate 2/hour burst 3 packets",
    "quota 2000 bytes",
    "quota over 2000 bytes",
    "numgen inc mod 3 0",
    "numgen inc mod 5 offset 10 { 10, 12-13 }",
    "jhash meta mark mod 3 seed 0x5 < 2",
    "jhash meta l4proto . th dport mod 4 seed 7 { 1, 2 }",
    "jhash meta l4proto . th sport . th dport mod 5 seed 0xdeadbeef offset 100 100-102",
    "meta l4proto . th dport { tcp . 22, udp . 53, tcp . 1024-65535, udp . 1024-65535 }",
];

/// Of IPv4 packets.
const IPV4: &[&str] = &[
    "ip saddr 10.0.0.0/8",
    "ip saddr != 10.0.0.0/9",
    "ip saddr 10.0.0.1",
    "ip saddr { 10.0.0.0/8, 192.168.0.0/16, 127.0.0.1 }",
    "ip saddr != { 10.0.0.0-10.0.0.9, 192.168.0.1 }",
    "ip daddr & 0.0.0.255 == 1",
    "ip daddr 128.0.0.0-255.255.255.255",
    "ip daddr < 128.0.0.0",
    "ip daddr . ip saddr { 10.0.0.1 . 10.0.0.2, 10.0.0.2 . 10.0.0.1 }",
    "fib daddr type local",
    "fib daddr type { broadcast, multicast, unicast }",
    "fib saddr type != unicast",
    "fib saddr type local",
    "ip protocol tcp",
    "ip protocol { 1, 6, 17 }",
    "ip protocol tcp tcp dport 22",
    "ip ttl 64",
    "ip ttl < 64",
    "jhash ip saddr mod 2 seed 0xdeadbeef 1",
    "osf name \"unknown\"",
    "osf ttl skip name \"Linux\"",
    "osf name != \"Linux\"",
    "osf name { \"unknown\", \"Windows\" }",
    "osf version \"Linux:3.0\"",
    "jhash ip saddr . ip daddr . ip id . ip ttl mod 7 seed 1 > 3",
    "ip dscp cs1",
    "ip dscp != { cs0, af11, ef }",
    "ip ecn not-ect",
    "ip length 20-60",
    "ip id 0-32767",
    "ip frag-off & 0x1fff != 0",
    "ip frag-off 0",
    "ip version 4",
    "ip hdrlength 5",
    "ip checksum 0-32767",
    "icmp type echo-request",
    "icmp type { echo-reply, echo-request, 3-5 }",
    "icmp code 0",
    "icmp id 0-100",
    "icmpv6 type 128",
    "ip6 saddr ::/0",
    "ether saddr != 00:00:00:00:00:00",
    "ether type ip",
    "ether type != ip6",
    "ether type vlan vlan id 5",
    "vlan id != 7",
    "ether saddr 02:00:00:00:00:02 ip saddr 10.0.0.0/8",
    "ether saddr != 02:00:00:00:00:02 ip protocol tcp",
    "ether daddr 02:00:00:00:00:01 ip ttl 64 tcp dport 22",
    "ether saddr . ether type { 02:00:00:00:00:02 . ip, 02:00:00:00:00:03 . ip6 }",
    "@ll,48,64 0x0200000000020800",
    "@ll,80,48 0x000208004500",
    "@ll,88,16 0x0208",
    "@ll,104,8 0",
    "@ll,0,128 0x02000000000102000000000208004500",
    "@ll,40,120 & 0xffffffffffffffffffffff00000000 == 0x010200000000020800450000000000",
    "@ll,112,8 0x45",
    "@ll,176,8 64",
    "ether daddr 00:00:00:00:00:00-7f:ff:ff:ff:ff:ff",
];

/// Of IPv6 packets.
const IPV6: &[&str] = &[
    "ether type ip6",
    "ether type { ip, vlan }",
    "@ll,112,4 6",
    "ether saddr 02:00:00:00:00:02 ip6 nexthdr tcp",
    "ether daddr 02:00:00:00:00:01 ip6 hoplimit 64 tcp dport 22",
    "@ll,48,64 0x02000000000286dd",
    "@ll,88,32 0x0286dd60",
    "@ll,88,16 0x0286",
    "exthdr hbh exists",
    "exthdr dst missing",
    "jhash ip6 saddr mod 3 seed 0 1",
    "jhash ip6 saddr . ip6 daddr . ip6 hoplimit mod 16 seed 99 0-7",
    "exthdr frag exists",
    "exthdr rt missing",
    "hbh nexthdr { 6, 17, 58 }",
    "dst hdrlength 0",
    "frag more-fragments 1",
    "frag id 0-0x7fffffff",
    "rt type 0",
    "mh type != 1",
    "ip6 saddr fe80::/10",
    "ip6 saddr 2001:db8::/96",
    "ip6 saddr != 2001:db8::/72",
    "ip6 daddr fd00:1::/120",
    "ip6 daddr != { 2001:db8::/112, fd00:1::/80 }",
    "ip6 saddr != 2001:db8::/32",
    "ip6 daddr { ::1, fe80::/64, 2001:db8::1-2001:db8::ff }",
    "ip6 daddr & ::ff == ::1",
    "ip6 nexthdr tcp",
    "ip6 nexthdr tcp tcp dport 22",
    "ip6 nexthdr tcp tcp dport 1-65535",
    "ip6 nexthdr { 0, 6, 17, 58 }",
    "ip6 hoplimit 64",
    "ip6 hoplimit < 65",
    "ip6 length 20-60",
    "ip6 version 6",
    "ip6 dscp cs0",
    "ip6 flowlabel 0",
    "ip6 flowlabel != 0-100",
    "ip6 ecn ect0",
    "icmpv6 type echo-request",
    "icmpv6 type { echo-reply, 128, nd-neighbor-solicit }",
    "icmpv6 code 0",
    "icmp type 8",
    "ip saddr 0.0.0.0/0",
    "ether saddr != 00:00:00:00:00:00",
];

/// Rules with verdicts, maps and chains. Placed behind [`EITHER`], each counted.
///
/// Few elements are deleted: the kernel keeps what rules have deleted until it collects garbage
/// (net/netfilter/nft_set_hash.c, `nft_rhash_delete`), it counts for the set's size until then, and
/// where a key was deleted often an addition may fail while the table is made anew, which depends
/// on how busy the machine is.
const VERDICTS: &str = "\
    meta l4proto vmap { tcp : jump to_tcp, udp : goto to_udp, icmp : continue } counter
    counter
    tcp dport vmap { 22 : accept, 80-443 : jump web, 1024-40000 : continue } counter
    meta l4proto . th dport vmap { tcp . 22 : drop, udp . 53 : jump web }
    meta mark set meta l4proto map { tcp : 6, udp : 17 } counter
    counter
    meta l4proto @protocols counter
    meta l4proto != @protocols counter
    th dport @ports counter
    th dport vmap @services counter
    add @seen { th dport } counter
    th dport @seen counter
    th sport 0-1023 add @lasting { th sport } counter
    th sport @lasting counter
    update @lasting { th dport timeout 1h } counter
    th dport @anhour counter
    add @anhour { th sport timeout 1h } counter
    add @full { meta length } counter
    add @flood { meta l4proto limit rate 1/hour burst 4 packets } counter
    add @floods { meta l4proto . th dport limit rate over 1/hour burst 1 packets } counter
    meta length @full counter
    update @brief { th sport timeout 30m } counter
    add @brief { th dport } counter
    th dport @brief counter
    update @kinds { meta pkttype timeout 30m } counter
    th sport 53 th dport 1-30000 delete @kinds { meta pkttype } counter
    meta pkttype @kinds counter
    add @chosen { th dport : meta mark } counter
    meta mark set th sport map @chosen counter
    update @counted { meta length counter } counter
    add @counted { meta length } counter
    meta length @counted counter
    update @pairs { meta l4proto . th dport limit rate 1/hour burst 4 packets counter } counter
    meta l4proto . th sport @pairs counter
    th dport @aged counter
    th dport @kept counter
    th sport != @kept counter
    th dport @mixed counter
    meta l4proto . th dport @areas counter
    meta l4proto . th sport . th dport @regions counter
    meta l4proto . th sport . th dport != @regions counter
    meta l4proto . th sport . th dport vmap @ways counter
    meta mark set meta length . th dport map { 0-60 . 53-1023 : 1, 40-80 . 22-30000 : 2, * : 3 } counter
    th sport . th dport { 0-1023 . 1024-65535, 1024-65535 . 0-1023, 100-1000 . 100-1023 } counter
    limit name slow counter
    limit name slow counter
    quota name little counter
    counter limit rate 1/hour burst 7 packets counter tcp dport 1-30000 counter
    counter name total th dport 1-1024 counter name low counter
    counter name total counter counter
    counter name th dport map { 22 : low, 53-1023 : high, 40000 : low } counter
    counter name meta l4proto map @by_protocol counter
    limit name th dport map { 1-1023 : slow, 1024-65535 : slower } counter
    quota name meta l4proto map { tcp : little, udp : large } counter
    meta mark set meta l4proto map { tcp : 6, * : 17 } counter
    meta mark 17 counter
    meta mark set th dport map @marks counter
    meta l4proto . th dport @others counter
    meta l4proto vmap { tcp : jump to_tcp, * : jump web } counter
    tcp dport { 1-30000 } counter return
    th sport 1-20000 counter drop
    counter
";

/// The same, of what nft takes from 1.1 on.
const NEWER: &str = "\
    add @portions { th dport quota over 100 bytes } counter
    th dport vmap { 0-1023 counter : accept, 1024-65535 limit rate 1/hour burst 3 packets : continue } counter
    last quota 30000 bytes used 29000 bytes counter
";

/// A table of a family with all of this at a stage.
fn table(family: &str, packets: Family, stage: Stage, marks: bool) -> String {
    let (hook, priority) = match stage {
        Stage::Prerouting => ("prerouting", -300),
        Stage::Input => ("input", 0),
        Stage::Forward => ("forward", 0),
        Stage::Postrouting => ("postrouting", -150),
        _ => ("output", 0),
    };
    let own = match packets {
        Family::Ipv4 => IPV4,
        Family::Ipv6 => IPV6,
    };
    let fits = |rule: &&&str| {
        let other = match packets {
            Family::Ipv4 => ["icmpv6", "ip6 "],
            Family::Ipv6 => ["icmp ", "ip saddr"],
        };
        let either = rule.contains("nfproto") || other.iter().any(|word| rule.starts_with(word));
        let leaves = matches!(stage, Stage::Output | Stage::Postrouting);
        // What came in by which interface is not part of what packets are here.
        let arrives =
            ["ether", "vlan", "@ll", "iif", "osf"].iter().any(|word| rule.starts_with(word));
        // A packet that this host sends has no link header yet, whatever is asked of it.
        let never = stage == Stage::Output && rule.starts_with("ether");
        let sent = leaves && arrives && !never;
        // What kind an address is IPv6's functions do not ask yet.
        let narrow = family == "inet" && rule.starts_with("fib");
        // At the kernel's hooks no packet is at a device yet, which TC sees it at.
        let unsent = stage == Stage::Output && rule.starts_with("meta iiftype");
        // Forwarding has given a packet its priority there, behind what comes in.
        let early = stage == Stage::Forward && rule.starts_with("meta priority");
        let unknown = sent || unsent || early;
        (family == "inet" || !either) && !unknown && !narrow
    };
    let rules: String = EITHER
        .iter()
        .chain(own)
        .filter(fits)
        .map(|rule| format!("        {rule} counter\n"))
        .collect();
    let newer = if nft::is_at_least([1, 1, 0]) { NEWER } else { "" };
    let verdicts: String = newer
        .lines()
        .chain(VERDICTS.lines())
        .filter(|line| marks || !line.contains("mark set"))
        .map(|l| format!("        {}\n", l.trim()))
        .collect();
    // What the host says in the other family is its own.
    let guard = match (family, packets) {
        ("inet", Family::Ipv4) => "        meta nfproto != ipv4 accept\n",
        ("inet", Family::Ipv6) => "        meta nfproto != ipv6 accept\n",
        _ => "",
    };
    format!(
        "table {family} t {{
    set protocols {{
        type inet_proto
        elements = {{ tcp, 1, 58 }}
    }}
    set ports {{
        type inet_service
        flags interval
        elements = {{ 0-21, 53, 1024-30000 }}
    }}
    map services {{
        type inet_service : verdict
        elements = {{ 22 : jump web, 80 : accept, 443 : drop, 53 : continue }}
    }}
    set seen {{
        type inet_service
        size 1000
        flags dynamic
    }}
    set lasting {{
        type inet_service
        size 1000
        flags dynamic,timeout
        timeout 1h
    }}
    set anhour {{
        type inet_service
        size 1000
        flags dynamic,timeout
    }}
    set full {{
        typeof meta length
        size 3
        flags dynamic
    }}
    set flood {{
        type inet_proto
        size 100
        flags dynamic
    }}
    set floods {{
        type inet_proto . inet_service
        size 5000
        flags dynamic
    }}
    set brief {{
        type inet_service
        size 1000
        flags dynamic,timeout
        timeout 20m
    }}
    set kinds {{
        type pkt_type
        size 1000
        flags dynamic,timeout
        timeout 20m
    }}
    map chosen {{
        typeof th dport : meta mark
        size 300
        flags dynamic
    }}
    set counted {{
        typeof meta length
        size 40
        flags dynamic
        counter
        elements = {{ 28, 40 counter packets 3 bytes 120 }}
    }}
    set pairs {{
        type inet_proto . inet_service
        size 4000
        flags dynamic
    }}
    set portions {{
        type inet_service
        size 4000
        flags dynamic
    }}
    set aged {{
        type inet_service
        flags interval,timeout
        timeout 1h
        elements = {{ 1-50 timeout 30m expires 10m, 53, 1000-20000 timeout 2h }}
    }}
    set kept {{
        type inet_service
        flags interval
        counter
        elements = {{ 0-21, 22, 53-30000 }}
    }}
    set mixed {{
        type inet_service
        limit rate 1/hour burst 1 packets
        elements = {{ 22, 53 limit rate 1/hour burst 2 packets, 80,
            40000 limit rate over 1/hour burst 2 packets }}
    }}
    set areas {{
        type inet_proto . inet_service
        flags interval
        elements = {{ tcp . 0-1023, udp . 50-60, 0-255 . 30000-65535 }}
    }}
    set regions {{
        type inet_proto . inet_service . inet_service
        flags interval
        counter
        elements = {{ tcp . 1-65535 . 1-1023, udp . 0-1023 . 0-65535, 0-50 . 20-40000 . 20-40000,
            icmp . 50000-60000 . 0-65535 }}
    }}
    map ways {{
        type inet_proto . inet_service . inet_service : verdict
        flags interval
        elements = {{ tcp . 0-65535 . 22 : jump web, tcp . 1-1023 . 1-1023 : drop,
            0-255 . 0-2000 . 53 : accept, udp . 0-65535 . 0-65535 : continue }}
    }}
    map by_protocol {{
        type inet_proto : counter
        elements = {{ tcp : total, 17 : datagrams }}
    }}
    map marks {{
        type inet_service : mark
        flags interval
        elements = {{ 0-1023 : 1, 1024-2000 : 2, * : 3 }}
    }}
    set others {{
        type inet_proto . inet_service
        elements = {{ tcp . 22, * }}
    }}
    counter total {{ }}
    counter low {{ }}
    counter high {{ }}
    counter datagrams {{ }}
    limit slower {{
        rate 1/hour burst 12 packets
    }}
    quota large {{
        over 900 bytes
    }}
    limit slow {{
        rate 1/hour burst 9 packets
    }}
    quota little {{
        2000 bytes
    }}
    chain to_tcp {{
        tcp flags syn counter
        tcp dport 22 counter return
        counter
    }}
    chain web {{
        th sport 1024-65535 counter goto to_tcp
        counter
    }}
    chain to_udp {{
        udp dport 53 counter accept
        udp dport 1-1023 counter return
        counter jump web
        counter
    }}
    chain c {{
        type filter hook {hook} priority {priority}; policy drop;
{guard}{rules}{verdicts}    }}
}}
"
    )
}

/// What the kernel tells of a ruleset must be the program that its text is.
fn told(family: &str, shape: Shape, text: String) -> Trial {
    let name = format!("told_{family}_{}_{:?}", shape.family, shape.stage).to_lowercase();
    Trial::test(name, move || {
        if !require::met(&[Need::Root, Need::Tool("ip"), Need::Tool("nft")]) {
            return Ok(());
        }
        let both = nft_dumps::both_apart(&text)?;
        let difference = both.difference();
        let is_program = both.text.contains("\nfn");
        (difference.is_empty() && is_program).then_some(()).ok_or_else(|| difference.into())
    })
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    let needs = || [KERNEL_IPTABLES, &[Need::Tool("nft")]].concat();
    for packets_of in Family::ALL {
        for stage in Stage::STATELESS {
            let own = if packets_of == Family::Ipv4 { "ip" } else { "ip6" };
            for family in [own, "inet"] {
                let shape = Shape { marks: false, ..Shape::new(packets_of, stage) };
                let text = table(family, packets_of, stage, false);
                trials.push(told(family, shape, text.clone()));
                let name = format!("listed_{family}_{packets_of}_{stage:?}").to_lowercase();
                // Old versions do not say in JSON how wide an integer is.
                let mut listed_text = text.replace("typeof meta length\n", "typeof meta mark\n");
                for set in ["full", "counted"] {
                    listed_text = listed_text
                        .replace(&format!("@{set} {{ meta length"), &format!("@{set} {{ meta mark"))
                        .replace(&format!("meta length @{set}"), &format!("meta mark @{set}"));
                }
                trials.push(Trial::test(name, move || match require::met(&needs()) {
                    true => isolated(|| {
                        // Rules name its interfaces.
                        let _oracle = Oracle::new(packets_of, stage)?;
                        nft::load(&listed_text)?;
                        nft_listed::compile_alike(&[stage.hook()]).map_err(Into::into)
                    }),
                    false => Ok(()),
                }));
                trials.push(campaign::trial(family, shape, needs(), 1, move |rng| {
                    (text.clone(), as_nft_reads(packets(rng, shape, &[], 300)))
                }));
            }
        }
        let shape = Shape { marks: true, ..Shape::new(packets_of, Stage::Prerouting) };
        let text = table("inet", packets_of, Stage::Prerouting, true);
        trials.push(campaign::trial("marking", shape, needs(), 1, move |rng| {
            (text.clone(), as_nft_reads(packets(rng, shape, &[], 300)))
        }));
    }
    libtest_mimic::run(&arguments, trials).exit();
}
