//! Transport headers beyond ports: sctp, tcpmss, dccp, icmp, icmp6, esp, ipcomp and IPv4's ah.

use super::Maker;
use super::ports::both_ports;
use crate::generate::draft::{authentication, protocol};
use crate::generate::rng::Rng;
use crate::generate::values::range_text;
use bpfc_packet::Transport;

/// A chunk type, its name, and its flags' letters and bits.
type Chunk = (u8, &'static str, &'static [(char, u8)]);

/// SCTP chunk types that iptables names, and the letters of the flags it knows of them.
const CHUNKS: &[Chunk] = &[
    (0, "DATA", &[('E', 1), ('B', 2), ('U', 4), ('I', 8)]),
    (1, "INIT", &[]),
    (2, "INIT_ACK", &[]),
    (3, "SACK", &[]),
    (4, "HEARTBEAT", &[]),
    (5, "HEARTBEAT_ACK", &[]),
    (6, "ABORT", &[('T', 1)]),
    (7, "SHUTDOWN", &[]),
    (9, "ERROR", &[]),
    (10, "COOKIE_ECHO", &[]),
    (11, "COOKIE_ACK", &[]),
    (14, "SHUTDOWN_COMPLETE", &[('T', 1)]),
    (0x80, "ASCONF_ACK", &[]),
    (0xc1, "ASCONF", &[]),
];

pub(super) fn sctp(maker: &mut Maker<'_>) -> String {
    let mut text = both_ports(maker, protocol::SCTP);
    if maker.rng.one_in(2) {
        let mut names = Vec::new();
        let mut wanted = Vec::new();
        for _ in 0..maker.rng.within(1..=3) {
            let (kind, name, letters) = *maker.rng.pick(CHUNKS);
            let mut flags = String::new();
            for &(letter, bit) in letters {
                match maker.rng.below(4) {
                    0 => flags.push(letter),
                    1 => flags.push(letter.to_ascii_lowercase()),
                    _ => {}
                }
                wanted.push((kind, bit));
            }
            wanted.push((kind, 0));
            names.push(if flags.is_empty() { name.to_owned() } else { format!("{name}:{flags}") });
        }
        maker.facet(move |rng, draft| draft.sctp().chunks = chunks(rng, &wanted));
        let how = *maker.rng.pick(&["all", "any", "only"]);
        let list = if maker.rng.one_in(10) { "ALL".to_owned() } else { names.join(",") };
        text += &format!(" {}--chunk-types {how} {list}", maker.rng.negation());
    }
    text
}

/// Chunks of these types and flags and of others; sometimes lengths lie.
fn chunks(rng: &mut Rng, wanted: &[(u8, u8)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..rng.within(0..=4) {
        let (kind, flags) =
            if rng.one_in(4) { (rng.pick(CHUNKS).0, rng.byte()) } else { *rng.pick(wanted) };
        let flags = if rng.one_in(3) { flags ^ 1 << rng.below(4) } else { flags };
        let content = rng.below(9) as usize;
        let length = if rng.one_in(12) { rng.below(64) as u16 } else { 4 + content as u16 };
        bytes.extend([kind, flags]);
        bytes.extend(length.to_be_bytes());
        bytes.resize(bytes.len() + content.next_multiple_of(4), 0x5a);
    }
    bytes
}

pub(super) fn tcpmss(maker: &mut Maker<'_>) -> String {
    const SIZES: &[u16] = &[0, 536, 1300, 1460, 0xffff];
    let (a, b) = (*maker.rng.pick(SIZES), *maker.rng.pick(SIZES));
    let (low, high) = if maker.rng.one_in(2) { (a, a) } else { (a.min(b), a.max(b)) };
    maker.facet(move |rng, draft| {
        let size = rng.near(low.into()..=high.into(), 0xffff) as u16;
        let [first, second] = size.to_be_bytes();
        let mut options = vec![1; rng.below(3) as usize];
        if rng.one_in(4) {
            // An option that is none: its length is wrong.
            options.extend([2, *rng.pick(&[0, 2, 3, 5]), 9, 9, 9]);
        }
        options.extend([2, 4, first, second]);
        if rng.one_in(5) {
            options.truncate(rng.below(options.len() as u64) as usize);
        }
        let tcp = draft.tcp();
        tcp.options = options;
        tcp.data_offset = rng.one_in(6).then(|| rng.below(16) as u8);
    });
    let text = if low == high { low.to_string() } else { format!("{low}:{high}") };
    format!(" {}--mss {text}", maker.rng.negation())
}

const DCCP_TYPES: &[&str] = &[
    "REQUEST", "RESPONSE", "DATA", "ACK", "DATAACK", "CLOSEREQ", "CLOSE", "RESET", "SYNC",
    "SYNCACK",
];

pub(super) fn dccp(maker: &mut Maker<'_>) -> String {
    let mut text = both_ports(maker, protocol::DCCP);
    if maker.rng.one_in(2) {
        let mut names = Vec::new();
        for _ in 0..maker.rng.within(1..=3) {
            let kind = maker.rng.below(DCCP_TYPES.len() as u64) as u8;
            names.push(DCCP_TYPES[usize::from(kind)]);
            maker.facet(move |rng, draft| {
                draft.dccp().kind = rng.near(kind.into()..=kind.into(), 15) as u8;
            });
        }
        if maker.rng.one_in(6) {
            names.push("INVALID");
        }
        text += &format!(" {}--dccp-types {}", maker.rng.negation(), names.join(","));
    }
    if maker.rng.one_in(4) {
        let option = *maker.rng.pick(&[1u8, 32, 33, 37, 255]);
        maker.facet(move |rng, draft| {
            let dccp = draft.dccp();
            dccp.options = vec![0; rng.below(3) as usize];
            let kind = if rng.one_in(2) { option } else { option.wrapping_add(1) };
            dccp.options.extend([kind, 4, 1, 1]);
            dccp.data_offset = rng.one_in(6).then(|| rng.byte());
        });
        text += &format!(" {}--dccp-option {option}", maker.rng.negation());
    }
    text
}

pub(super) fn icmp(maker: &mut Maker<'_>) -> String {
    const NAMES: &[(&str, u8, Option<u8>)] = &[
        ("any", 255, None),
        ("echo-reply", 0, None),
        ("destination-unreachable", 3, None),
        ("port-unreachable", 3, Some(3)),
        ("fragmentation-needed", 3, Some(4)),
        ("redirect", 5, None),
        ("echo-request", 8, None),
        ("time-exceeded", 11, None),
        ("ttl-zero-during-transit", 11, Some(0)),
        ("timestamp-request", 13, None),
    ];
    let text = icmp_type(maker, NAMES, |kind, code, rest| Transport::Icmp { kind, code, rest });
    format!(" {}--icmp-type {text}", maker.rng.negation())
}

pub(super) fn icmp6(maker: &mut Maker<'_>) -> String {
    const NAMES: &[(&str, u8, Option<u8>)] = &[
        ("destination-unreachable", 1, None),
        ("no-route", 1, Some(0)),
        ("packet-too-big", 2, None),
        ("time-exceeded", 3, None),
        ("bad-header", 4, Some(0)),
        ("echo-request", 128, None),
        ("echo-reply", 129, None),
        ("router-solicitation", 133, None),
        ("neighbour-solicitation", 135, None),
        ("neighbour-advertisement", 136, None),
    ];
    let text = icmp_type(maker, NAMES, |kind, code, rest| Transport::Icmpv6 { kind, code, rest });
    format!(" {}--icmpv6-type {text}", maker.rng.negation())
}

fn icmp_type(
    maker: &mut Maker<'_>,
    names: &'static [(&'static str, u8, Option<u8>)],
    build: fn(u8, u8, [u8; 4]) -> Transport,
) -> String {
    let (text, kind, code) = match maker.rng.below(3) {
        0 => {
            let &(name, kind, code) = maker.rng.pick(names);
            (name.to_owned(), kind, code)
        }
        1 => {
            let kind = maker.rng.byte();
            (kind.to_string(), kind, None)
        }
        _ => {
            let (kind, code) = (maker.rng.pick(names).1, maker.rng.below(5) as u8);
            (format!("{kind}/{code}"), kind, Some(code))
        }
    };
    maker.facet(move |rng, draft| {
        let kind = rng.near(kind.into()..=kind.into(), 255) as u8;
        let code = match code {
            Some(code) => rng.near(code.into()..=code.into(), 255) as u8,
            None => rng.below(6) as u8,
        };
        draft.transport = build(kind, code, [0, 1, 0, 1]);
    });
    text
}

/// An SPI range as text, and its ends.
pub(super) fn spi_range(rng: &mut Rng) -> (String, u32, u32) {
    const POOL: &[u32] = &[0, 1, 255, 256, 500, 0x1_0000, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
    let (a, b) = (*rng.pick(POOL), *rng.pick(POOL));
    let (low, high) = if rng.one_in(2) { (a, a) } else { (a.min(b), a.max(b)) };
    (range_text(low, high), low, high)
}

pub(super) fn esp(maker: &mut Maker<'_>) -> String {
    let (text, low, high) = spi_range(maker.rng);
    maker.facet(move |rng, draft| {
        let spi = rng.near(low.into()..=high.into(), u32::MAX.into()) as u32;
        draft.transport = Transport::Esp { spi, sequence: 1 };
    });
    format!(" {}--espspi {text}", maker.rng.negation())
}

pub(super) fn ipcomp(maker: &mut Maker<'_>) -> String {
    let (text, low, high) = spi_range(maker.rng);
    maker.facet(move |rng, draft| {
        let index = rng.near(low.into()..=high.into(), 0xffff) as u16;
        let mut bytes = vec![protocol::TCP, 0];
        bytes.extend(index.to_be_bytes());
        bytes.resize(4 + rng.below(9) as usize, 0x5a);
        draft.transport = Transport::Raw { protocol: protocol::IPCOMP, bytes };
    });
    match maker.rng.below(4) {
        0 => " --compres".to_owned(),
        _ => format!(" {}--ipcompspi {text}", maker.rng.negation()),
    }
}

pub(super) fn ah(maker: &mut Maker<'_>) -> String {
    let (text, low, high) = spi_range(maker.rng);
    maker.facet(move |rng, draft| {
        let spi = rng.near(low.into()..=high.into(), u32::MAX.into()) as u32;
        draft.transport = authentication(spi);
    });
    format!(" {}--ahspi {text}", maker.rng.negation())
}
