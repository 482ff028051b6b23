//! One entry for each target extension: what a rule's `-j` may say besides verdicts and chains.
//!
//! Targets that write packets leave facets behind, as matches do: packets of which they change
//! something, or just nothing.

use super::draft::protocol;
use super::matches::Maker;
use super::matches::set::facets;
use super::rng::Rng;
use crate::lab::Family;
use crate::lab::oracle::Stage;
use crate::rejected::errors;

/// The text of a `MARK` target.
pub fn mark(rng: &mut Rng) -> String {
    format!("MARK{}", mark_options(rng))
}

/// Rules of a chain that mark connections and packets from each other, and look at what came of it.
pub fn connection_marks(rng: &mut Rng, chain: &str) -> String {
    let mut text = String::new();
    for _ in 0..8 {
        let protocol = *rng.pick(&["tcp", "udp"]);
        let mut options = match rng.below(4) {
            0 => {
                let masks = [0u32, 0xff, 0xffff_0000, 0xffff_ffff];
                let (packet, connection) = (*rng.pick(&masks), *rng.pick(&masks));
                format!(" --save-mark --nfmask {packet:#x} --ctmask {connection:#x}")
            }
            1 => " --restore-mark".to_owned(),
            _ => mark_options(rng),
        };
        if rng.one_in(3) {
            options += &format!(" --{}-shift-mark {}", rng.pick(&["left", "right"]), rng.below(32));
        }
        text += &format!("-A {chain} -p {protocol} -j MARK{}\n", mark_options(rng));
        text += &format!("-A {chain} -p {protocol} -j CONNMARK{options}\n");
        for _ in 0..2 {
            let (bit, invert) = (1u32 << rng.below(32), if rng.one_in(2) { "" } else { " !" });
            let name = *rng.pick(&["connmark", "mark"]);
            text += &format!("-A {chain} -m {name}{invert} --mark {bit:#x}/{bit:#x}\n");
        }
    }
    text
}

fn mark_options(rng: &mut Rng) -> String {
    let value = *rng.pick(&[0u32, 1, 2, 3, 0x10, 0xff, 0x100, 0x8000_0000, 0xffff_ffff]);
    let mask = *rng.pick(&[1u32, 2, 3, 0xf0, 0xff, 0xffff_0000, 0xffff_ffff]);
    match rng.below(6) {
        0 => format!(" --set-mark {value:#x}/{mask:#x}"),
        1 => format!(" --set-xmark {value:#x}/{mask:#x}"),
        2 => format!(" --and-mark {mask:#x}"),
        3 => format!(" --or-mark {value:#x}"),
        4 => format!(" --xor-mark {value:#x}"),
        _ => format!(" --set-mark {value:#x}"),
    }
}

/// A target extension that writes packets.
#[derive(Debug)]
pub struct TargetKind {
    /// As `-j` takes it.
    pub name: &'static str,
    /// The families that have it.
    pub families: &'static [Family],
    /// The protocol that `-p` must name, if any.
    pub protocol: Option<u8>,
    /// Matches that the rule must have, each with a space in front.
    pub tests: &'static str,
    /// Matches that see what it has written.
    pub observers: &'static [&'static str],
    /// Writes the options after `-j name`.
    pub make: fn(&mut Maker<'_>) -> String,
}

const BOTH: &[Family] = &Family::ALL;
const V4: &[Family] = &[Family::Ipv4];
const V6: &[Family] = &[Family::Ipv6];

const fn entry(
    name: &'static str,
    families: &'static [Family],
    observers: &'static [&'static str],
    make: fn(&mut Maker<'_>) -> String,
) -> TargetKind {
    TargetKind { name, families, protocol: None, tests: "", observers, make }
}

/// All that write packets.
pub const REWRITING: &[TargetKind] = &[
    entry("TTL", V4, &["ttl"], |maker| hops(maker, "ttl")),
    entry("HL", V6, &["hl"], |maker| hops(maker, "hl")),
    entry("TOS", BOTH, &["tos", "dscp"], tos),
    entry("DSCP", BOTH, &["tos", "dscp"], dscp),
    entry("ECN", V4, &["ecn", "tos"], ecn_ip),
    TargetKind {
        protocol: Some(protocol::TCP),
        tests: " -m tcp --tcp-flags SYN SYN",
        ..entry("TCPMSS", BOTH, &["tcpmss", "length"], tcpmss)
    },
    TargetKind { protocol: Some(protocol::TCP), ..entry("ECN", V4, &["ecn"], ecn_tcp) },
    TargetKind {
        protocol: Some(protocol::TCP),
        ..entry("TCPOPTSTRIP", BOTH, &["tcp", "tcpmss"], tcpoptstrip)
    },
];

/// Those that mark packets, in the table mangle.
pub const MARKING: &[TargetKind] = &[
    entry("MARK", BOTH, &["mark"], |maker| mark_options(maker.rng)),
    entry("SET", BOTH, &["mark"], map_set),
];

/// Sets with and without marks for their packets.
fn map_set(maker: &mut Maker<'_>) -> String {
    facets(maker);
    let names: &[(&str, usize)] = match maker.family {
        Family::Ipv4 => &[
            ("info", 1),
            ("infonet", 1),
            ("infonet", 1),
            ("infoport", 2),
            ("net", 1),
            ("count", 1),
            ("infolist", 2),
            ("deeplist", 2),
            ("netlist", 2),
            ("list", 2),
        ],
        Family::Ipv6 => &[
            ("info6", 1),
            ("info6", 1),
            ("net6", 1),
            ("count6", 1),
            ("infolist6", 2),
            ("deeplist6", 2),
        ],
    };
    // Behind routing the packet has another Ethernet header at each place.
    let macs = maker.family == Family::Ipv4 && maker.stage == Stage::Mangled;
    let &(name, parts) = match macs && maker.rng.one_in(3) {
        true => maker.rng.pick(&[("infomac", 2), ("maclist", 2), ("mac", 2)]),
        false => maker.rng.pick(names),
    };
    if macs {
        maker.facet(|rng, draft| draft.mac_source = [2, 0, 0, 0, 0, rng.within(1..=2) as u8]);
    }
    let words: Vec<&str> = (0..parts).map(|_| *maker.rng.pick(&["src", "dst"])).collect();
    let words = words.join(",");
    format!(" --map-set {name} {words} --map-mark")
}

/// Leaves a facet that gives the type of service the bits that it will have, or most of them.
fn class_facet(maker: &mut Maker<'_>, value: u8, mask: u8) {
    maker.facet(move |rng, draft| {
        let changed = if rng.one_in(2) { 1 << rng.below(8) } else { 0 };
        *draft.tos() = (value & mask | rng.byte() & !mask) ^ changed;
    });
}

fn tos(maker: &mut Maker<'_>) -> String {
    let (value, mask) = (maker.rng.byte(), maker.rng.byte());
    match maker.rng.below(6) {
        0 => {
            class_facet(maker, value, mask);
            format!(" --set-tos {value:#04x}/{mask:#04x}")
        }
        1 => {
            class_facet(maker, value, 0xff);
            format!(" --set-tos {value:#04x}")
        }
        2 => {
            class_facet(maker, 8, 0x3f);
            " --set-tos Maximize-Throughput".to_owned()
        }
        3 => {
            class_facet(maker, 0, !mask);
            format!(" --and-tos {mask:#04x}")
        }
        4 => {
            class_facet(maker, value, value);
            format!(" --or-tos {value:#04x}")
        }
        _ => {
            class_facet(maker, value, value);
            format!(" --xor-tos {:#04x}", if maker.rng.one_in(4) { 0 } else { value })
        }
    }
}

fn dscp(maker: &mut Maker<'_>) -> String {
    let &(name, point) =
        maker.rng.pick(&[("CS0", 0u8), ("CS1", 8), ("AF11", 10), ("AF43", 38), ("EF", 46)]);
    class_facet(maker, point << 2, 0xfc);
    match maker.rng.one_in(2) {
        true => format!(" --set-dscp-class {name}"),
        false => format!(" --set-dscp {point:#04x}"),
    }
}

fn ecn_ip(maker: &mut Maker<'_>) -> String {
    let point = maker.rng.below(4) as u8;
    class_facet(maker, point, 3);
    format!(" --ecn-ip-ect {point}")
}

fn ecn_tcp(maker: &mut Maker<'_>) -> String {
    maker.facet(|rng, draft| {
        let tcp = draft.tcp();
        tcp.flags ^= rng.byte() & 0xc0;
    });
    match maker.rng.below(4) {
        0 => format!(" --ecn-tcp-cwr {}", maker.rng.below(2)),
        1 => format!(" --ecn-tcp-ece {} --ecn-ip-ect 1", maker.rng.below(2)),
        _ => " --ecn-tcp-remove".to_owned(),
    }
}

/// Offers of sizes around the one to set, among other options, and none at all.
fn tcpmss(maker: &mut Maker<'_>) -> String {
    let clamps = maker.stage == Stage::Postrouting && maker.rng.one_in(2);
    let sizes: &[u16] = match clamps {
        // What the interfaces take, less both headers.
        true => &[1440, 1460, 1500, 1520, 1560, 1580],
        false => &[0u16, 1, 535, 536, 537, 1219, 1220, 1221, 1400, 1460, 65_495],
    };
    let size = *maker.rng.pick(sizes);
    maker.facet(move |rng, draft| {
        let offer = rng.near(size.into()..=size.into(), 0xffff) as u16;
        let tcp = draft.tcp();
        tcp.flags |= 2;
        tcp.options.clear();
        for _ in 0..rng.below(5) {
            match rng.below(8) {
                0 => tcp.options.push(1),
                1 => tcp.options.extend([4, 2]),
                2 => tcp.options.extend([3, 3, 7]),
                3 => tcp.options.extend([8, 10, 0, 0, 0, 1, 0, 0, 0, 0]),
                4 => tcp.options.extend([2, rng.below(6) as u8]),
                5 => tcp.options.push(rng.below(9) as u8),
                _ => {
                    tcp.options.extend([2, 4]);
                    tcp.options.extend(offer.to_be_bytes());
                }
            }
        }
        tcp.options.truncate(40);
        if rng.one_in(6) {
            tcp.options.resize(40, 1);
        }
        if rng.one_in(2) {
            draft.payload.clear();
        }
    });
    match clamps {
        true => " --clamp-mss-to-pmtu".to_owned(),
        false => format!(" --set-mss {size}"),
    }
}

/// Kinds of options among others, whole ones and ones whose length lies.
fn tcpoptstrip(maker: &mut Maker<'_>) -> String {
    let known = [2u8, 3, 4, 5, 8, 19, 34, 77, 255];
    let mut kinds: Vec<u8> = known.into_iter().filter(|_| maker.rng.one_in(3)).collect();
    if kinds.is_empty() {
        kinds.push(8);
    }
    let wanted = kinds.clone();
    maker.facet(move |rng, draft| {
        let tcp = draft.tcp();
        tcp.options.clear();
        for _ in 0..rng.below(9) {
            let kind = if rng.one_in(2) { *rng.pick(&wanted) } else { *rng.pick(&known) };
            match rng.below(8) {
                0 => tcp.options.push(1),
                1 => tcp.options.push(rng.below(2) as u8),
                2 => tcp.options.extend([kind, rng.below(45) as u8]),
                3 => tcp.options.push(kind),
                _ => {
                    let length = rng.within(2..=8) as u8;
                    tcp.options.extend([kind, length]);
                    tcp.options.extend((2..length).map(|at| at.wrapping_mul(kind)));
                }
            }
        }
        tcp.options.truncate(40);
        if rng.one_in(6) {
            tcp.options.resize(40, *rng.pick(&wanted));
        }
        if rng.one_in(8) {
            draft.cut = Some(rng.within(18..=60) as usize);
        }
    });
    let kinds: Vec<String> = kinds.iter().map(u8::to_string).collect();
    format!(" --strip-options {}", kinds.join(","))
}

/// A new number of hops, by the options' common prefix.
fn hops(maker: &mut Maker<'_>, prefix: &str) -> String {
    let value = *maker.rng.pick(&[0u8, 1, 2, 31, 63, 64, 65, 128, 254, 255]);
    let (mode, value, bound) = match maker.rng.below(3) {
        0 => ("set", value, value),
        1 => ("inc", value.max(1), 255 - value),
        _ => ("dec", value.max(1), value),
    };
    maker.facet(move |rng, draft| {
        *draft.ttl() = rng.near(bound.into()..=bound.into(), 255) as u8;
    });
    format!(" --{prefix}-{mode} {value}")
}

/// The text of a `REJECT` target for a rule.
pub fn reject(rng: &mut Rng, family: Family, rule: &str) -> String {
    let is_tcp = [" -p tcp", " -p 6"]
        .iter()
        .any(|protocol| rule.ends_with(protocol) || rule.contains(&format!("{protocol} ")));
    if is_tcp && !rule.contains("! -p") && rng.one_in(2) {
        return "REJECT --reject-with tcp-reset".to_owned();
    }
    match rng.one_in(3) {
        true => "REJECT".to_owned(),
        false => format!("REJECT --reject-with {}", rng.pick(errors(family))),
    }
}

/// The text of a `LOG` or `NFLOG` target.
pub fn log(rng: &mut Rng) -> String {
    let mut text = String::new();
    if rng.one_in(2) {
        let level = *rng.pick(&["debug", "0", "warning", "6"]);
        text += "LOG";
        if rng.one_in(2) {
            text += &format!(" --log-prefix \"bpfc {}: \"", rng.below(100));
        }
        text += &format!(" --log-level {level}");
        for flag in ["tcp-sequence", "tcp-options", "ip-options", "uid", "macdecode"] {
            if rng.one_in(3) {
                text += &format!(" --log-{flag}");
            }
        }
    } else {
        text += &format!("NFLOG --nflog-group {}", rng.below(3));
        if rng.one_in(2) {
            text += &format!(" --nflog-prefix x{}", rng.below(100));
        }
        if rng.one_in(2) {
            text += &format!(" --nflog-size {}", rng.pick(&[0u32, 1, 64, 100_000]));
        }
    }
    text
}

/// The text of a `SET` target that changes one of [`crate::sets::SETS`].
pub fn set(rng: &mut Rng, family: Family) -> String {
    let names: &[(&str, usize)] = match family {
        Family::Ipv4 => &[("ip", 1), ("bip", 1), ("ipport", 2), ("net", 1), ("bport", 1)],
        Family::Ipv6 => &[("ip6", 1), ("ipport6", 2), ("net6", 1), ("netport6", 2)],
    };
    let &(name, parts) = rng.pick(names);
    let words: Vec<&str> = (0..parts).map(|_| *rng.pick(&["src", "dst"])).collect();
    let words = words.join(",");
    match rng.below(3) {
        0 => format!("SET --del-set {name} {words}"),
        1 => format!("SET --add-set {name} {words} --exist"),
        _ => format!("SET --add-set {name} {words}"),
    }
}
