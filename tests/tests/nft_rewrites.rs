//! Statements of nft that write packets, on the kernel and on every engine: what leaves must be the
//! same, byte for byte, and rules behind them see what they wrote.
//!
//! `BPFC_SEED` chooses the packets.

use bpfc_packet::Packet;
use bpfc_tests::differential::campaign;
use bpfc_tests::generate::packets::{as_nft_reads, packets};
use bpfc_tests::generate::ruleset::{Shape, single_target};
use bpfc_tests::generate::targets::REWRITING;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::inject::Frame;
use bpfc_tests::lab::nft;
use bpfc_tests::lab::oracle::Stage;
use bpfc_tests::require::{KERNEL_IPTABLES, Need};
use libtest_mimic::Arguments;

/// Rules, one on a line, by name and the least version of nft that makes of them what the newest
/// makes: that took operations on a field for its new value up to 1.1.1, and up to 1.1.0 gave UDP
/// packets a checksum that had none.
type Case = (&'static str, [u32; 3], &'static str);

const ANY: [u32; 3] = [0, 0, 0];
const UDP: [u32; 3] = [1, 1, 1];
const OPERATIONS: [u32; 3] = [1, 1, 2];

/// For packets of any family.
const EITHER: &[Case] = &[
    (
        "ports",
        ANY,
        "tcp dport set 80
        tcp sport 1-30000 tcp sport set 7
        udplite sport set 9
        tcp checksum set 0x1234
        udplite checksum set 1
        tcp dport 80",
    ),
    (
        "datagrams",
        UDP,
        "udp dport set 65535
        udp dport 65535 udp sport set 53
        udp sport 53 udp length 8-60 udp length set 8
        udp dport 1-20000 udp checksum set 0
        udp checksum 0
        udp sport set 5
        udp sport 5",
    ),
    (
        "fields",
        ANY,
        "tcp window set 1000
        tcp urgptr set 0
        tcp sequence set 0xffffffff
        tcp doff set 5
        tcp window 1000",
    ),
    (
        "flags",
        OPERATIONS,
        "tcp flags set tcp flags | ecn | cwr
        tcp flags cwr
        tcp flags set tcp flags & (fin | syn | rst | psh | ack | urg)
        tcp flags cwr",
    ),
    (
        "options",
        ANY,
        "tcp option maxseg size set 1000
        tcp option maxseg size 0-1000
        tcp option timestamp tsval set 0x12345678
        tcp option timestamp tsval 0x12345678
        tcp option sack left set 7",
    ),
    (
        "stripped",
        ANY,
        "reset tcp option sack-perm
        tcp option sack-perm exists
        reset tcp option 8
        tcp option timestamp exists
        reset tcp option 1
        reset tcp option eol
        reset tcp option maxseg
        tcp option maxseg missing",
    ),
    (
        "raw",
        ANY,
        "@th,0,16 set 7
        @th,8,8 set 1
        meta l4proto tcp @th,16,16 set 0x5555
        meta l4proto udp @th,24,8 set 3
        th sport 7",
    ),
    (
        "carried",
        ANY,
        "tcp dport 0-65535 @ih,0,8 set 7
        @ih,0,8 7
        tcp dport 0-65535 @ih,16,32 set 0x12345678
        @ih,16,32 0x12345678
        tcp dport 0-65535 @ih,24,16 set 0",
    ),
    (
        "carried_datagrams",
        UDP,
        "@ih,58,6 set 1
        @ih,8,16 set 5
        @ih,8,16 5",
    ),
    (
        "maps",
        UDP,
        "tcp dport set tcp sport map { 0-1023 : 1, 1024-65535 : 2 }
        tcp dport { 1, 2 }
        udp sport set udp dport map { 53 : 5353, 22 : 2222 }
        udp sport { 5353, 2222 }",
    ),
];

/// Of IPv4 packets.
const IPV4: &[Case] = &[
    (
        "classes",
        ANY,
        "ip dscp set cs1
        ip dscp cs1
        ip ecn set ect1
        ip ecn ect1
        meta length 0-60 ip dscp set af23",
    ),
    (
        "changed_classes",
        OPERATIONS,
        "ip dscp set ip dscp | lephb
        ip ecn set ip ecn & ect0
        ip dscp set ip dscp & 0x1f
        ip dscp set ip dscp ^ 0x15
        ip ecn != 0",
    ),
    (
        "hops",
        ANY,
        "ip ttl set 23
        ip ttl 23
        ip id set 0
        ip ttl < 30 ip id set 0xffff
        ip checksum 0-32767
        ip id 0xffff",
    ),
    (
        "sources",
        ANY,
        "ip saddr set 10.9.8.7
        ip saddr 10.9.8.7
        ip saddr set 255.255.255.254
        udp dport 1-30000 ip saddr set 0.0.0.1
        ip saddr 0.0.0.1",
    ),
    (
        "destinations",
        ANY,
        "ip daddr set 10.0.0.77
        ip daddr 10.0.0.77
        tcp dport 1-30000 ip daddr set 192.168.7.1
        ip daddr 192.168.7.1",
    ),
    (
        "messages",
        ANY,
        "icmp type echo-request icmp id set 5
        icmp code set 3
        icmp type set echo-reply
        icmp sequence set 0xffff
        icmp type echo-reply",
    ),
];

/// Of IPv4 packets behind routing, which would see them otherwise.
const IPV4_OUT: &[Case] = &[
    ("sums", ANY, "ip checksum set 0\nip checksum 0\nip ttl set 9\nip checksum != 0"),
    ("raw_network", ANY, "@nh,8,8 set 4\n@nh,160,16 set 0x55aa\nth sport 0x55aa\n@nh,168,32 set 1"),
    ("version", OPERATIONS, "ip version set ip version | 1\nip version 5"),
    ("length", OPERATIONS, "ip hdrlength set ip hdrlength | 1\nip hdrlength 5\nip length set 20"),
    ("protocol", ANY, "ip protocol set 1\nip protocol 1\nmeta l4proto tcp\nip frag-off set 0x2000"),
];

/// Of IPv6 packets.
const IPV6: &[Case] = &[
    (
        "classes",
        ANY,
        "ip6 dscp set af42
        ip6 dscp af42
        ip6 ecn set ce
        ip6 flowlabel set 0x12345
        ip6 flowlabel 0x12345
        ip6 flowlabel set 0xfffff
        ip6 ecn ce",
    ),
    ("hops", ANY, "ip6 hoplimit set 23\nip6 hoplimit 23\nip6 hoplimit < 30 ip6 hoplimit set 64"),
    (
        "sources",
        ANY,
        "ip6 saddr set 2001:db8::9
        ip6 saddr 2001:db8::9
        udp dport 1-30000 ip6 saddr set 2001:db8:ffff:ffff::7
        ip6 saddr 2001:db8:ffff:ffff::7",
    ),
    (
        "destinations",
        ANY,
        "ip6 daddr set 2001:db8::77
        ip6 daddr 2001:db8::77
        tcp dport 1-30000 ip6 daddr set 9001:db8::1
        ip6 daddr 9001:db8::1",
    ),
    (
        "mapped",
        ANY,
        "ip6 daddr set udp dport map { 53 : 2001::5, 22 : 9001::6 }\nip6 daddr 2001::5",
    ),
    (
        "messages",
        ANY,
        "icmpv6 type echo-request icmpv6 id set 5
        icmpv6 code set 3
        icmpv6 sequence set 0xffff
        icmpv6 code 3",
    ),
];

/// Of packets that come in, which have a link header.
const IN: &[Case] = &[(
    "links",
    ANY,
    "ether saddr set 02:00:00:00:00:77
    ether saddr 02:00:00:00:00:77
    ether daddr != 02:00:00:00:00:77",
)];

const IPV6_OUT: &[Case] = &[
    ("raw_network", ANY, "@nh,320,16 set 0x55aa\nth sport 0x55aa\n@nh,328,64 set 1\n@nh,8,8 set 7"),
    ("protocol", ANY, "ip6 nexthdr set 59\nip6 nexthdr 59\nip6 length set 8\nip6 version set 5"),
];

/// Marks, which TC alone sets; rules for packets of both families.
const MARKS: &[Case] = &[
    (
        "marks",
        ANY,
        "meta mark set 0x1234
        meta mark 0x1234
        tcp dport 0-20000 meta mark set meta mark | 0x10000
        udp sport 0-30000 meta mark set (meta mark | 0x10) << 8
        meta mark & 0xff00 == 0x1200
        meta mark set meta l4proto map { tcp : 1, udp : 0x80000000, icmp : 3 }
        meta mark set meta length
        meta mark 0-60
        meta mark set numgen inc mod 7 offset 3
        meta mark 5-7
        meta pkttype multicast meta pkttype set host
        meta pkttype host",
    ),
    (
        "computed_marks",
        OPERATIONS,
        "meta mark set ip dscp
        meta mark set ip dscp << 2 | 0x10
        meta mark != 0x10
        meta mark set ip6 dscp << 26 | 0x10
        meta mark & 0xff000000 != 0
        meta mark set meta mark & 0xff | meta length << 8
        meta mark set th dport
        meta mark 0-1000
        meta mark set meta mark | iif | meta cpu
        meta mark 1-0xffff
        tcp window set meta mark map { 0-1000 : 7, 1001-0xffffffff : 9 }
        tcp window 7",
    ),
];

/// A table of a family with rules at a stage.
fn table(family: &str, stage: Stage, rules: &str) -> String {
    let hook = if stage == Stage::Mangled { "prerouting" } else { "postrouting" };
    let rules: String =
        rules.lines().map(|rule| format!("        {} counter\n", rule.trim())).collect();
    format!(
        "table {family} t {{
    chain c {{
        type filter hook {hook} priority -150; policy accept;
{rules}        counter
    }}
}}
"
    )
}

/// Whether TCP's header ends where its fixed part does at the least: what rules write behind a
/// shorter one may be where it says so itself (docs/semantics.md).
fn has_whole_header(frame: &Frame) -> bool {
    let Ok(packet) = Packet::from_ip(&frame.bytes[14..]) else { return true };
    let Ok(parsed) = packet.parse_headers() else { return true };
    let offset = parsed.transport_slice(12, 1);
    parsed.protocol() != 6 || offset.is_none_or(|bytes| bytes[0] >> 4 >= 5)
}

/// As nft reads them, without transport headers that are cut off before routing: where their
/// checksum is missing the kernel leaves IPv4's wrong, and looks at it again behind programs at
/// ingress.
fn alike(frames: Vec<Frame>, stage: Stage) -> Vec<Frame> {
    let is_whole = |frame: &Frame| {
        let Ok(packet) = Packet::from_ip(&frame.bytes[14..]) else { return true };
        let Ok(parsed) = packet.parse_headers() else { return true };
        parsed.has_transport(18) || !matches!(parsed.protocol(), 6 | 58 | 136)
    };
    let frames = as_nft_reads(frames).into_iter();
    frames.filter(|frame| stage != Stage::Mangled || is_whole(frame)).collect()
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for packets_of in Family::ALL {
        for stage in Stage::REWRITING {
            let (own, out, family) = match packets_of {
                Family::Ipv4 => (IPV4, IPV4_OUT, "ip"),
                Family::Ipv6 => (IPV6, IPV6_OUT, "ip6"),
            };
            let out = if stage == Stage::Postrouting { out } else { IN };
            for (at, &(name, least, rules)) in EITHER.iter().chain(own).chain(out).enumerate() {
                if !nft::is_at_least(least) {
                    eprintln!("nft is older than {least:?}: {name} is left out");
                    continue;
                }
                let shape = Shape { marks: false, rewrites: true, ..Shape::new(packets_of, stage) };
                let family = if at % 2 == 0 { family } else { "inet" };
                let text = table(family, stage, rules);
                let needs = [KERNEL_IPTABLES, &[Need::Tool("nft")]].concat();
                trials.push(campaign::trial(name, shape, needs, 1, move |rng| {
                    // Packets that targets of iptables write something of.
                    let kinds = REWRITING.iter().filter(|kind| kind.families.contains(&packets_of));
                    let facets: Vec<_> = kinds
                        .flat_map(|kind| single_target(rng, shape, kind).facets.list)
                        .collect();
                    let mut frames = alike(packets(rng, shape, &facets, 300), stage);
                    frames.retain(|frame| name != "carried" || has_whole_header(frame));
                    (text.clone(), frames)
                }));
            }
        }
    }
    for packets_of in Family::ALL {
        for &(name, _, rules) in MARKS.iter().filter(|case| nft::is_at_least(case.1)) {
            let shape = Shape { rewrites: true, ..Shape::new(packets_of, Stage::Mangled) };
            let text = table("inet", Stage::Mangled, rules);
            let needs = [KERNEL_IPTABLES, &[Need::Tool("nft")]].concat();
            trials.push(campaign::trial(name, shape, needs, 1, move |rng| {
                (text.clone(), alike(packets(rng, shape, &[], 300), Stage::Mangled))
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}
