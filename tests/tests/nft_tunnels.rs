//! What nft's rules ask of packets in tunnels and of payloads: the interpreter beside every engine,
//! and the kernel beside the interpreter, where nft knows such rules (1.0.7).
//!
//! `BPFC_NFT` names another nft than the installed one, `BPFC_SEED` chooses the packets.

use bpfc_packet::Transport;
use bpfc_tests::differential::engines::engines;
use bpfc_tests::differential::interpreter::{Interpreter, Passes};
use bpfc_tests::differential::{Engine, Ruleset, compare};
use bpfc_tests::generate::draft::{Draft, protocol};
use bpfc_tests::generate::packets::packets;
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::ruleset::Shape;
use bpfc_tests::lab::inject::{Frame, Wire};
use bpfc_tests::lab::namespace::{ip, isolated, sysctl};
use bpfc_tests::lab::oracle::{INTERFACES, Oracle, Stage};
use bpfc_tests::lab::{Family, nft};
use bpfc_tests::require::{self, KERNEL_IPTABLES, Need};
use libtest_mimic::{Arguments, Trial};
use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;

const IP_IN_IP: u8 = 4;

/// What a rule asks of what a tunnel carries.
const INSIDE: &[&str] = &[
    "ip saddr 10.0.0.0/8",
    "ip saddr != 10.0.0.0/8",
    "ip daddr { 10.0.0.1, 192.168.0.0/16, 172.16.0.1 }",
    "ip protocol tcp",
    "ip ttl != 64",
    "ip dscp 0",
    "ip6 saddr ::/1",
    "ip6 daddr != fe80::/10",
    "ip6 nexthdr { 6, 17, 43, 44 }",
    "tcp dport 22",
    "tcp dport 1-1024",
    "tcp flags syn",
    "udp dport 53",
    "udp sport != 53",
    "udp length 8-60",
    "icmp type echo-request",
    "icmpv6 type 128",
    "sctp dport 22",
    "ip saddr . TUNNEL ip daddr { 10.0.0.1 . 10.0.0.2, 10.0.0.2 . 10.0.0.1 }",
];

/// What only tunnels with Ethernet inside have.
const FRAMES: &[&str] = &[
    "ether type ip",
    "ether type ip6",
    "ether type vlan",
    "ether saddr 02:00:00:00:00:02",
    "ether daddr != 02:00:00:00:00:01",
    "vlan id 5",
    "vlan id != 5",
    "vlan pcp 2",
];

/// Tunnels, and what is asked of their own headers.
const TUNNELS: [(&str, &[&str]); 4] = [
    (
        "vxlan",
        &[
            "udp dport 4789 vxlan vni 10",
            "meta l4proto udp vxlan vni != 10",
            "meta l4proto udp vxlan flags 8",
        ],
    ),
    (
        "geneve",
        &[
            "meta l4proto udp geneve vni 10",
            "udp dport 6081 geneve vni 0-9",
            "meta l4proto udp geneve type 0x6558",
        ],
    ),
    ("gre", &[]),
    ("gretap", &[]),
];

/// What is asked of what the transport header is followed by.
const PAYLOADS: &[&str] = &[
    "gre version 0",
    "gre flags 0",
    "gre protocol 0x6558",
    "gre protocol ip",
    "@ih,0,8 0x45",
    "@ih,0,32 != 0",
    "@ih,96,16 & 0xff00 == 0x0800",
    "@ih,0,128 != 0",
    "udp dport . @ih,0,16 { 4789 . 0x800, 6081 . 0, 53 . 0x6161 }",
];

/// A table of one tunnel: where rules ask for several, the kernel mixes what it remembers of a
/// packet (Linux 6.13 and later: `nft_inner_restore_tun_ctx`).
fn table(family: &str, stage: Stage, tunnel: usize) -> String {
    let (hook, priority) = match stage {
        Stage::Prerouting => ("prerouting", -300),
        Stage::Forward => ("forward", 0),
        Stage::Postrouting => ("postrouting", -150),
        _ => ("input", 0),
    };
    let (tunnel, own) = TUNNELS[tunnel];
    let frames = if tunnel == "gre" { &[] } else { FRAMES };
    let carrier = if tunnel.starts_with("gre") { "" } else { "meta l4proto udp " };
    let inside = INSIDE.iter().chain(frames).map(|rule| {
        let rule = rule.replace("TUNNEL", tunnel);
        format!("{carrier}{tunnel} {rule}")
    });
    let others = PAYLOADS.iter().chain(own).map(|&rule| rule.to_owned());
    let rules: Vec<String> = others.chain(inside).collect();
    let rules: String = rules.iter().map(|rule| format!("        {rule} counter\n")).collect();
    format!(
        "table {family} t {{
    chain c {{
        type filter hook {hook} priority {priority}; policy drop;
{rules}    }}
}}
"
    )
}

/// Packets in tunnels, some damaged.
fn tunnelled(rng: &mut Rng, shape: Shape, number: usize) -> Vec<Frame> {
    let frame = |rng: &mut Rng| {
        let inside = Family::ALL[rng.below(2) as usize];
        let inner = packets(rng, Shape { family: inside, ..shape }, &[], 1).swap_remove(0);
        let mut carried = inner.bytes;
        carried.truncate(1200);
        let kind = rng.below(7);
        let framed = match kind {
            4 | 5 => rng.one_in(2),
            6 => false,
            _ => !rng.one_in(8),
        };
        if framed && rng.one_in(3) {
            let tag = [0x81, 0, *rng.pick(&[0, 0x40]), *rng.pick(&[5, 6])];
            carried.splice(12..12, tag);
        }
        if !framed {
            carried.drain(..14);
        }
        if rng.one_in(6) {
            carried.truncate(rng.below(carried.len() as u64 + 1) as usize);
        }
        if rng.one_in(8) && !carried.is_empty() {
            let at = rng.below(carried.len().min(60) as u64) as usize;
            carried[at] = rng.byte();
        }
        let mut draft = Draft::new(shape.family);
        draft.port = rng.below(3) as usize;
        let elsewhere = rng.one_in(9);
        let udp = |port: u16, header: Vec<u8>| {
            let destination = if elsewhere { 53 } else { port };
            (Transport::Udp { source: 1024, destination }, header)
        };
        let (transport, header) = match kind {
            0 | 1 => udp(4789, vec![8, 0, 0, 0, 0, 0, 10, 0]),
            2 | 3 => {
                let options = rng.below(4) as u8;
                let mut header = vec![options, 0, 0x65, 0x58, 0, 0, 10, 0];
                header.resize(8 + 4 * usize::from(options), 0);
                udp(6081, header)
            }
            4 | 5 => {
                let flags = *rng.pick(&[0, 0, 0, 0x20, 0x80, 0xb0, 0x10, 0x40]);
                let version = u8::from(rng.one_in(10));
                let kind = if framed { [0x65, 0x58] } else { [8, 0] };
                let mut bytes = vec![flags, version, kind[0], kind[1]];
                let more = (flags & 0xb0u8).count_ones() as usize;
                bytes.resize(4 + 4 * more, 0);
                (Transport::Raw { protocol: protocol::GRE, bytes }, Vec::new())
            }
            _ => (Transport::Raw { protocol: IP_IN_IP, bytes: Vec::new() }, Vec::new()),
        };
        draft.transport = transport;
        if rng.one_in(12) {
            draft.become_protocol(protocol::TCP);
        }
        draft.payload = header;
        draft.payload.extend(carried);
        if rng.one_in(20) {
            draft.cut = Some(rng.below(40) as usize);
        }
        draft.frame()
    };
    (0..number).map(|_| frame(rng)).collect()
}

/// The interpreter beside all other engines.
fn engines_agree(shape: Shape, text: &str, frames: &[Frame]) -> Result<(), Box<dyn Error>> {
    let Shape { family, stage, .. } = shape;
    let ruleset = Ruleset { family, stage, text: text.to_owned() };
    let oracle = Rc::new(RefCell::new(Oracle::new(family, stage)?));
    let mut known = Interpreter::new(Passes::None);
    for mut engine in engines(&oracle, shape).into_iter().filter(|engine| engine.takes_nft()) {
        if let Some(found) = compare([&mut known, engine.as_mut()], &ruleset, frames)? {
            return Err(found.to_string().into());
        }
    }
    Ok(())
}

/// Marks frames that stand between others.
const BETWEEN: u16 = 0xbeef;

/// A frame of the tunnel that the kernel keeps when its hooks are done with it: the first fragment
/// of a packet for this host.
///
/// The kernel remembers where headers lie in the last packet of each processor by the address of
/// its buffer (Linux 6.13 and later), and takes another packet in the same place for that one. A
/// buffer that is kept is not used again, so that no two packets that follow each other have one.
fn between(tunnel: usize, number: usize) -> Frame {
    let inner = Draft::new(Family::Ipv4).frame().bytes;
    let mut draft = Draft::new(Family::Ipv4);
    draft.set_source([198, 18, (number >> 8) as u8, number as u8].into());
    if let Some(header) = draft.ipv4() {
        (header.identification, header.more_fragments) = (BETWEEN, true);
    }
    let raw = |bytes: &[u8]| Transport::Raw { protocol: protocol::GRE, bytes: bytes.to_vec() };
    let (transport, header, inner) = match TUNNELS[tunnel].0 {
        "vxlan" => (None, vec![8, 0, 0, 0, 0, 0, 9, 0], &inner[..]),
        "geneve" => (None, vec![0, 0, 0x65, 0x58, 0, 0, 9, 0], &inner[..]),
        "gre" => (Some(raw(&[0, 0, 8, 0])), Vec::new(), &inner[14..]),
        _ => (Some(raw(&[0, 0, 0x65, 0x58])), Vec::new(), &inner[..]),
    };
    draft.transport = transport.unwrap_or(draft.transport);
    draft.payload = [&header, inner].concat();
    draft.payload.resize(draft.payload.len().next_multiple_of(8), 0);
    draft.frame()
}

/// The kernel's nft beside the interpreter, before routing.
fn kernel_agrees(shape: Shape, tunnel: usize, frames: &[Frame]) -> Result<(), Box<dyn Error>> {
    let mut wire = Wire::new(&INTERFACES)?;
    for name in INTERFACES.iter().chain(&["all"]) {
        sysctl(&format!("ipv4/conf/{name}/rp_filter"), "0")?;
        sysctl(&format!("ipv4/conf/{name}/accept_local"), "1")?;
    }
    ip("rule add pref 1 lookup 100\nroute add local 0.0.0.0/0 dev lo table 100\n")?;
    let asks = match TUNNELS[tunnel].0 {
        name @ ("vxlan" | "geneve") => format!("meta l4proto udp {name} vni 9"),
        "gre" => "gre ip version 4".to_owned(),
        _ => "gretap ether type ip".to_owned(),
    };
    let apart = format!("ip id {BETWEEN} {asks}\n        ip id {BETWEEN} accept\n");
    let text = table("ip", shape.stage, tunnel);
    let text = text.replacen("policy drop;\n", &format!("policy accept;\n        {apart}"), 1);
    let spaced: Vec<Frame> = (0..)
        .zip(frames)
        .flat_map(|(number, frame)| [frame.clone(), between(tunnel, number)])
        .collect();
    nft::load(&text)?;
    let reader = nft::Reader::new()?;
    let before = reader.read()?;
    wire.send(&spaced)?;
    let counted = reader.moved(&before)?;
    let mut known = Interpreter::new(Passes::None);
    let Shape { family, stage, .. } = shape;
    known.load(&Ruleset { family, stage, text: text.clone() })?;
    let wanted = known.run(&spaced)?.counters;
    let labels = counted.keys().chain(wanted.keys());
    let differing: Vec<String> = labels
        .filter(|label| counted.get(*label) != wanted.get(*label))
        .map(|label| format!("{label}: {:?}, {:?}", counted.get(label), wanted.get(label)))
        .collect();
    match differing.is_empty() {
        true => Ok(()),
        false => Err(format!("kernel and interpreter: {}\n{text}", differing.join("\n")).into()),
    }
}

fn check(shape: Shape, family: &str, tunnel: usize) -> Result<(), Box<dyn Error>> {
    let mut rng = Rng::new(require::number("BPFC_SEED", 1));
    let frames = tunnelled(&mut rng, shape, 300);
    engines_agree(shape, &table(family, shape.stage, tunnel), &frames)
}

fn check_kernel(shape: Shape, tunnel: usize) -> Result<(), Box<dyn Error>> {
    let mut rng = Rng::new(require::number("BPFC_SEED", 1));
    let frames = tunnelled(&mut rng, shape, 300);
    // An installed nft that does not know tunnels says nothing.
    match nft::takes(&table("ip", shape.stage, tunnel)) {
        true => kernel_agrees(shape, tunnel, &frames),
        false => Ok(()),
    }
}

fn main() {
    let mut trials = Vec::new();
    for family in Family::ALL {
        for stage in [Stage::Prerouting, Stage::Input, Stage::Forward, Stage::Postrouting] {
            let own = if family == Family::Ipv4 { "ip" } else { "ip6" };
            let shape = Shape { marks: false, ..Shape::new(family, stage) };
            for (tunnel, (word, _)) in TUNNELS.iter().enumerate() {
                let name = format!("{word}_{own}_{stage:?}").to_lowercase();
                trials.push(Trial::test(name, move || {
                    let needs = [KERNEL_IPTABLES, &[Need::Tool("nft")]].concat();
                    if !require::met(&needs) {
                        return Ok(());
                    }
                    isolated(|| check(shape, own, tunnel).map_err(Into::into))
                }));
            }
        }
    }
    for (tunnel, (word, _)) in TUNNELS.iter().enumerate() {
        let shape = Shape { marks: false, ..Shape::new(Family::Ipv4, Stage::Prerouting) };
        trials.push(Trial::test(format!("{word}_kernel"), move || {
            let needs = [KERNEL_IPTABLES, &[Need::Tool("nft")]].concat();
            if !require::met(&needs) {
                return Ok(());
            }
            isolated(|| check_kernel(shape, tunnel).map_err(Into::into))
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
