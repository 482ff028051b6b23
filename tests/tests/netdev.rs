//! Chains of devices: what comes in and goes out by one, whatever it carries, through the kernel's
//! nft and every engine.
//!
//! Frames hold IPv4 and IPv6, sound and damaged, with padding behind and tags in front, ARP, frames
//! of IEEE 802.3 and protocols that nobody knows. `BPFC_SEED` chooses them.

use bpfc_ir::Hook;
use bpfc_packet::Packet;
use bpfc_runtime::XdpMode;
use bpfc_tests::differential::devices::{self, DEVICES, Lab, load, same};
use bpfc_tests::generate::packets::packets;
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::ruleset::Shape;
use bpfc_tests::lab::inject::{Frame, INNER_MAC, OUTER_MAC};
use bpfc_tests::lab::kernel_log::{AllNamespaces, KernelLog, Turn};
use bpfc_tests::lab::listen::Listener;
use bpfc_tests::lab::namespace::{self, Namespace, isolated};
use bpfc_tests::lab::oracle::Stage;
use bpfc_tests::lab::tables::moved;
use bpfc_tests::lab::{Family, nft};
use bpfc_tests::require::{self, KERNEL_IPTABLES, Need};
use bpfc_tests::traffic;
use libtest_mimic::{Arguments, Failed, Trial};
use std::time::Duration;

/// What is asked of every frame.
const ANY: &[&str] = &[
    "",
    "meta protocol arp",
    "meta protocol ip",
    "meta protocol ip6",
    "meta protocol != { ip, ip6, arp }",
    "meta protocol 1-4",
    "meta protocol 0x8100",
    "meta length 46",
    "meta length 0-60",
    "meta length != 42",
    "ip saddr 10.0.0.0/8",
    "ip saddr != 10.0.0.0/9",
    "ip protocol tcp",
    "ip ttl < 65",
    "ip daddr . ip saddr { 10.0.0.1 . 10.0.0.2, 10.0.0.2 . 10.0.0.1 }",
    "ip length 20-60",
    "ip6 saddr fe80::/10",
    "ip6 daddr & ::ff == ::1",
    "ip6 nexthdr { 0, 6, 17, 58 }",
    "meta l4proto tcp",
    "meta l4proto != { tcp, udp }",
    "tcp dport 22",
    "tcp dport != 22",
    "tcp flags syn",
    "tcp option maxseg exists",
    "tcp option maxseg missing",
    "udp dport { 53, 1024-65535 }",
    "udp length 8-100",
    "th sport 0-1023",
    "icmp type echo-request",
    "icmpv6 type { echo-reply, 128, nd-neighbor-solicit }",
    "@nh,0,16 0x0001",
    "@nh,0,8 & 0xf0 == 0x40",
    "@nh,160,32 != 0",
    "@nh,400,8 0",
    "@th,0,8 0-127",
    "ether saddr 02:00:00:00:00:02",
    "ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00",
    "ether type ip",
    "ether type ip tcp dport 22",
    "ether type != ip",
    "ether type vlan",
    "ether type 8021ad",
    "ether type arp",
    "ether type { ip, vlan, 0x88cc, 8021ad }",
    "ether saddr 02:00:00:00:00:02 ip saddr 10.0.0.0/8",
    "ether saddr 02:00:00:00:00:02 vlan id 5",
    "vlan id 5",
    "vlan id != 5",
    "vlan id 0-4095",
    "vlan id { 1, 5, 9 } vlan pcp 0-3",
    "vlan id 5 vlan dei 1",
    "vlan id 5 vlan pcp 5 vlan cfi 1",
    "vlan pcp != 5",
    "vlan type ip",
    "vlan type != ip",
    "vlan id 5 ip saddr 10.0.0.0/8",
    "vlan id 5 ip6 nexthdr { 6, 17 }",
    "vlan id 5 tcp dport 1-30000",
    "vlan id 5 meta protocol ip",
    "ether type 8021ad vlan id 5 vlan type 8021q vlan id 6 vlan type ip",
    "ether type 8021ad vlan id 5 vlan type 8021q vlan id 6 ip protocol 6",
    "ether saddr . vlan id { 02:00:00:00:00:02 . 5, 02:00:00:00:00:02 . 7 }",
    "@ll,0,128 0x02000000000102000000000208004500",
    "@ll,0,112 & 0xffffffffffff000000000000ffff == 0x0200000000010000000000008100",
    "@ll,96,32 0x81000005",
    "@ll,96,16 0-1500",
    "@ll,104,16 0x0045",
    "@ll,104,24 0x00a005",
    "@ll,112,16 & 0xf000 == 0xb000",
    "@ll,112,32 0x00050800",
    "@ll,120,40 0x0508004500",
    "@ll,128,16 0x0800",
    "@ll,136,8 0",
    "@ll,144,8 0x45",
    "@ll,144,64 & 0xff000000000000ff == 0x4500000000000000",
    "@ll,160,16 0x0800",
    "@ll,176,8 0x45",
    "@ll,400,8 0",
    "@ll,464,16 0",
    "@ll,472,8 0",
    "exthdr hbh exists",
    "exthdr frag missing",
    "meta mark 0",
    "meta pkttype { host, broadcast, multicast }",
    "limit rate 1/hour burst 20 packets",
    "quota 4000 bytes",
    "meta protocol vmap { ip : jump deep, arp : jump deep, 0x88cc : continue }",
];

/// A table with a chain at a hook of the first and the last device.
fn table(hook: &str, family: &str) -> String {
    let named = if hook == "egress" { "oifname" } else { "iifname" };
    let rules: String = ANY
        .iter()
        // Families that see IP alone know no other protocol.
        .filter(|rule| family == "netdev" || !rule.contains("meta protocol"))
        .map(|rule| format!("        {rule} counter\n"))
        .collect();
    let [first, _, last] = DEVICES;
    format!(
        "table {family} t {{
    chain deep {{
        @nh,48,16 0x0001 counter
        meta l4proto udp counter return
        counter
    }}
    chain c {{
        type filter hook {hook} devices = {{ {first}, {last} }} priority 0; policy accept;
        meta protocol 0x88b5 accept
        {named} \"{last}\" counter
{rules}        meta length 60-70 counter drop
        counter
    }}
    chain later {{
        type filter hook {hook} device {first} priority 10; policy drop;
        meta protocol 0x88b5 accept
        counter
        meta length 0-50 counter accept
    }}
}}
"
    )
}

/// Frames of all kinds.
fn frames(seed: u64) -> Vec<Frame> {
    let mut rng = Rng::new(seed);
    let mut all = Vec::new();
    for family in Family::ALL {
        let shape = Shape { marks: false, ..Shape::new(family, Stage::Prerouting) };
        all.extend(packets(&mut rng, shape, &[], 150));
    }
    let frame = |kind: u16, carried: &[u8]| {
        let destination = if carried.len() % 2 == 1 { [0xff; 6] } else { INNER_MAC };
        [&destination[..], &OUTER_MAC, &kind.to_be_bytes(), carried].concat()
    };
    let request: Vec<u8> =
        [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[2; 6], &[10, 0, 0, 1], &[0; 10]].concat();
    let answer: Vec<u8> =
        [&[0, 1, 8, 0, 6, 4, 0, 2][..], &[2; 6], &[10, 0, 0, 2], &[7; 10]].concat();
    let ipv4 = all[0].bytes[14..].to_vec();
    let ipv6 = all[150].bytes[14..].to_vec();
    for (number, bytes) in [
        frame(0x0806, &request),
        frame(0x0806, &answer),
        frame(0x0806, &request[..20]),
        frame(0x88cc, &[2, 7, 4, 1]),
        frame(0x0026, &[0x42; 0x26]),
        frame(0x0020, &[0xff; 0x20]),
        frame(0x9000, &[0; 60]),
        // Called IPv4 and IPv6 without being it.
        frame(0x0800, &[0x65; 40]),
        frame(0x86dd, &[0x45; 60]),
        frame(0x0800, &ipv4[..19]),
        frame(0x0800, &[0x45, 0, 0xff, 0xff, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]),
        frame(0x86dd, &[0x60, 0, 0, 0, 0xff, 0, 17, 64]),
        // Tags: one is taken off on the way in.
        frame(0x8100, &[&[0, 5, 8, 0][..], &ipv4].concat()),
        frame(0x88a8, &[&[0, 5, 8, 6][..], &request].concat()),
        frame(0x8100, &[&[0, 5, 0x81, 0, 0, 6, 8, 0][..], &ipv4].concat()),
        frame(0x8100, &[&[0, 5, 0, 0x26][..], &[0xff; 0x26]].concat()),
        frame(0x8100, &[&[0xb0, 5, 8, 0][..], &ipv4].concat()),
        frame(0x8100, &[&[0xa0, 5, 0x86, 0xdd][..], &ipv6].concat()),
        frame(0x8100, &[&[0x20, 9, 8, 0][..], &ipv4].concat()),
        frame(0x8100, &[&[0, 0, 8, 0][..], &ipv4].concat()),
        frame(0x88a8, &[&[0, 5, 0x81, 0, 0, 6, 8, 0][..], &ipv4].concat()),
        frame(0x88a8, &[&[0, 5, 0x88, 0xa8, 0, 6, 0x86, 0xdd][..], &ipv6].concat()),
        frame(0x8100, &[&[0, 5, 0x88, 0xcc][..], &[2, 7, 4, 1]].concat()),
        frame(0x8100, &[0x10, 7, 8, 0, 0x45, 0]),
    ]
    .into_iter()
    .enumerate()
    {
        all.push(Frame { port: number % DEVICES.len(), bytes: bytes.clone() });
        all.push(Frame { port: 0, bytes });
    }
    // Padding, as short frames have it on a wire.
    for at in (0..all.len()).step_by(3) {
        let length = all[at].bytes.len();
        all[at].bytes.resize(length.max(60), 0);
    }
    all.retain(is_alike);
    all
}

/// Without what docs/semantics.md excepts: fragments that are not the first.
fn is_alike(frame: &Frame) -> bool {
    let Ok(packet) = Packet::from_frame(&frame.bytes[..]) else { return true };
    packet.parse_at_device(false).to_authentication().fragment_offset() == 0
}

/// A ruleset of everything at a hook.
fn check(hook: Hook, family: &str) -> Result<(), Failed> {
    let mut lab = Lab::new(hook)?;
    let frames = frames(require::number("BPFC_SEED", 1));
    let kernel = devices::check(&mut lab, &table(&hook.to_string(), family), &frames)?;
    assert!(kernel.len() > 30, "the kernel has counted: {kernel:?}");
    Ok(())
}

/// Lines of the kernel's log and of records, of frames at a device.
fn log(target: &str) -> Result<(), Failed> {
    let mut lab = Lab::new(Hook::Ingress)?;
    let prefix = format!("dev-{target}-{}:", std::process::id());
    let text = format!(
        "table netdev t {{
    chain c {{
        type filter hook ingress device eth0 priority 0; policy accept;
        meta protocol 0x88b5 accept
        log prefix \"{prefix}\" level debug
        log prefix \"{prefix}\" level debug flags ether flags tcp options
        counter drop
    }}
}}
"
    );
    let mut frames = frames(require::number("BPFC_SEED", 1));
    // At XDP a tag is still in the frame that is logged.
    frames.retain(|frame| frame.port == 0 && frame.bytes[12] != 0x81 && frame.bytes[12] != 0x88);
    let mut kernel = KernelLog::open()?;
    let _turn = Turn::take()?;
    for _ in 0..AGAIN {
        kernel.lines(&prefix)?;
        kernel.is_overwritten();
        nft::load(&text)?;
        lab.send(&frames)?;
        nft::flush()?;
        let lines = kernel.lines(&prefix)?;
        if kernel.is_overwritten() {
            continue;
        }
        let filter = load(&Some(vec![Hook::Ingress]), (target, XdpMode::Auto), &text)?;
        lab.send(&frames)?;
        let mut reader = filter.log()?;
        let mut recorded = Vec::new();
        while let Some(record) = reader.next(Some(Duration::ZERO))? {
            recorded.push(record.line());
        }
        filter.unload()?;
        assert!(lines.len() > 80, "the kernel has logged {} lines", lines.len());
        assert!(lines.iter().any(|line| line.contains("ARP HTYPE")), "one of ARP");
        for (kernel, own) in lines.iter().zip(&recorded) {
            assert_eq!(kernel.trim_end(), own.trim_end());
        }
        assert_eq!(lines.len(), recorded.len());
        return Ok(());
    }
    Err("others overwrite the kernel's log again and again".into())
}

/// Chains of devices and of the network layer in one program: each packet meets both, cut to its
/// length for the latter.
fn both(target: &str) -> Result<(), Failed> {
    let mut lab = Lab::new(Hook::Ingress)?;
    let local =
        |any: &str| format!("rule add pref 1 lookup 100\nroute add local {any} dev lo table 100\n");
    for name in DEVICES.iter().chain(&["all", "default"]) {
        namespace::sysctl(&format!("ipv4/conf/{name}/rp_filter"), "0")?;
        namespace::sysctl(&format!("ipv4/conf/{name}/accept_local"), "1")?;
    }
    namespace::ip(&local("0.0.0.0/0"))?;
    namespace::ip6(&local("::/0"))?;
    let text = "table netdev d {
    chain c {
        type filter hook ingress device eth0 priority 0; policy accept;
        meta protocol 0x88b5 accept
        meta length 46 counter
        udp dport 54 counter drop
        meta protocol arp counter
        counter
    }
}
table inet f {
    chain c {
        type filter hook input priority 0; policy drop;
        meta length 28 counter
        meta length 46 counter
        udp dport 53 counter
        udp dport 54 counter
        tcp dport 22 counter
        iifname \"eth0\" counter
        counter
    }
}
";
    let mut frames = Vec::new();
    for ends in [["10.0.0.2", "10.0.0.1"], ["2001:db8::2", "2001:db8::1"]] {
        let packet = || traffic::packet(ends[0], ends[1]).ethernet(OUTER_MAC, INNER_MAC);
        for (port, length) in [(53, 0), (53, 30), (54, 0), (55, 200)] {
            let mut bytes = packet().udp(4000, port).payload(vec![7; length]).bytes();
            bytes.resize(bytes.len().max(60), 0);
            frames.push(bytes);
        }
        frames.push(packet().tcp(4000, 22, 2).bytes());
    }
    frames.push([&[0xff; 6][..], &OUTER_MAC, &[8, 6, 0, 1, 8, 0], &[0; 40]].concat());
    let frames: Vec<Frame> = (0..2)
        .flat_map(|port| frames.iter().map(move |bytes| Frame { port, bytes: bytes.clone() }))
        .collect();
    let kernel = lab.kernel(text, &frames)?;
    assert!(kernel.len() > 8, "the kernel has counted: {kernel:?}");
    let mode = if target == "xdp" { XdpMode::Native } else { XdpMode::Auto };
    let hooks = Some(vec![Hook::Ingress, Hook::Input]);
    let filter = load(&hooks, (target, mode), text)?;
    lab.send(&frames)?;
    let counters = moved(&filter.counters()?);
    filter.unload()?;
    Ok(same(target, &kernel, &counters)?)
}

/// What is said to senders whose frames a chain of a device rejects.
fn reject(target: &str) -> Result<(), Failed> {
    let mut lab = Lab::new(Hook::Ingress)?;
    let text = "table netdev t {
    chain c {
        type filter hook ingress device eth0 priority 0; policy accept;
        meta protocol 0x88b5 accept
        tcp dport 22 counter reject with tcp reset
        ip protocol udp counter reject with icmp port-unreachable
        ip6 nexthdr udp counter reject with icmpv6 admin-prohibited
        meta protocol arp counter
    }
}
";
    let mut frames = Vec::new();
    for ends in [["10.0.0.2", "10.0.0.1"], ["2001:db8::2", "2001:db8::1"]] {
        let packet = || traffic::packet(ends[0], ends[1]).ethernet(OUTER_MAC, INNER_MAC);
        frames.push(packet().tcp(4000, 22, 2).payload(vec![7; 30]).bytes());
        // As short as frames on a wire are not: padding follows.
        let mut short = packet().udp(4000, 53).bytes();
        short.resize(short.len().max(60) + 8, 0);
        frames.push(short);
        frames.push(packet().udp(4000, 53).payload(vec![9; 900]).bytes());
    }
    let inner = Namespace::current()?;
    lab.wire.outer().enter()?;
    let listener = Listener::new()?;
    inner.enter()?;
    let hear = |lab: &mut Lab| -> Result<Vec<Vec<u8>>, Failed> {
        listener.heard()?;
        for bytes in &frames {
            lab.send(&[Frame { port: 0, bytes: bytes.clone() }])?;
            for _ in 0..3 {
                lab.wire.settle(0)?;
            }
        }
        Ok(listener.heard()?)
    };
    nft::load(text)?;
    let wanted = hear(&mut lab)?;
    nft::flush()?;
    let mode = if target == "xdp" { XdpMode::Generic } else { XdpMode::Auto };
    let filter = load(&Some(vec![Hook::Ingress]), (target, mode), text)?;
    let heard = hear(&mut lab)?;
    filter.unload()?;
    assert_eq!(wanted.len(), frames.len(), "the kernel answers each");
    // Who says what to whom: how much an error quotes, and its header's options, is another matter
    // (docs/semantics.md).
    let told = |frame: Vec<u8>| {
        let (protocol, addresses, said) = match frame[12..14] {
            [8, 0] => (frame[23], 26..34, 34),
            _ => (frame[20], 22..54, 54),
        };
        let bytes = if protocol == 6 { 14 } else { 2 };
        [&[protocol], &frame[..12], &frame[addresses], &frame[said..said + bytes]].concat()
    };
    let [wanted, heard] = [wanted, heard].map(|all| all.into_iter().map(told).collect::<Vec<_>>());
    assert_eq!(wanted, heard);
    Ok(())
}

/// Times that the kernel's log is read anew, where others overwrite it.
const AGAIN: u32 = 20;

fn main() {
    let arguments = Arguments::from_args();
    let needs = || [KERNEL_IPTABLES, &[Need::Tool("nft")]].concat();
    let trial = |name: &str, hook: Hook, family: &'static str| {
        Trial::test(name, move || {
            if require::met(&needs()) {
                isolated(|| check(hook, family))?;
            }
            Ok(())
        })
    };
    let may_log = require::met(KERNEL_IPTABLES) && require::met(&[Need::KernelLog]);
    let setting = match may_log && !arguments.list {
        true => AllNamespaces::allow().ok(),
        false => None,
    };
    let logged = |target: &'static str| {
        Trial::test(format!("log_{target}"), move || {
            if may_log && require::met(&[Need::Tool("nft")]) {
                isolated(|| log(target))?;
            }
            Ok(())
        })
    };
    type OfTarget = fn(&str) -> Result<(), Failed>;
    let of_target = |name: &str, test: OfTarget, target: &'static str| {
        Trial::test(format!("{name}_{target}"), move || {
            if require::met(&needs()) {
                isolated(|| test(target))?;
            }
            Ok(())
        })
    };
    let trials = vec![
        logged("xdp"),
        logged("tc"),
        of_target("reject", reject, "xdp"),
        of_target("reject", reject, "tc"),
        of_target("both", both, "xdp"),
        of_target("both", both, "tc"),
        trial("netdev_ingress", Hook::Ingress, "netdev"),
        trial("netdev_egress", Hook::Egress, "netdev"),
        trial("inet_ingress", Hook::Ingress, "inet"),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(setting);
    conclusion.exit();
}
