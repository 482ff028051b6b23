//! IPv6 extension headers: ah, frag, rt, srh, hbh, dst, ipv6header and mh.

use super::Maker;
use super::transport::spi_range;
use crate::generate::draft::{Draft, mobility, protocol};
use crate::generate::packets::random_extension;
use crate::generate::rng::Rng;
use crate::generate::values::{address, range_text};
use bpfc_packet::{Extension, Transport};
use std::net::{IpAddr, Ipv6Addr};

/// Puts an extension header in place of the first of its kind, or somewhere among the others.
fn put(rng: &mut Rng, draft: &mut Draft, extension: Extension) {
    let place = draft.extensions.iter().position(|other| other.kind() == extension.kind());
    match place {
        Some(place) => draft.extensions[place] = extension,
        None if extension.kind() == protocol::HOP_BY_HOP => draft.extensions.insert(0, extension),
        None => {
            let place = rng.below(draft.extensions.len() as u64 + 1) as usize;
            draft.extensions.insert(place, extension);
        }
    }
}

pub(super) fn ah(maker: &mut Maker<'_>) -> String {
    let mut text = String::new();
    let (range, low, high) = spi_range(maker.rng);
    let check = maker.rng.below(5) as usize * 4;
    maker.facet(move |rng, draft| {
        let spi = rng.near(low.into()..=high.into(), u32::MAX.into()) as u32;
        let icv = if rng.one_in(3) { check + 4 } else { check };
        let extension = Extension::Authentication { spi, sequence: 1, icv: vec![0xa5; icv] };
        put(rng, draft, extension);
    });
    if maker.rng.one_in(2) {
        text += &format!(" {}--ahspi {range}", maker.rng.negation());
    }
    if maker.rng.one_in(3) {
        text += &format!(" {}--ahlen {}", maker.rng.negation(), 12 + check);
    }
    if maker.rng.one_in(4) {
        text += " --ahres";
    }
    text
}

pub(super) fn frag(maker: &mut Maker<'_>) -> String {
    let mut text = String::new();
    let (a, b) = (maker.rng.below(9) as u32, maker.rng.below(9) as u32);
    let (low, high) = if maker.rng.one_in(2) { (a, a) } else { (a.min(b), a.max(b)) };
    maker.facet(move |rng, draft| {
        let extension = Extension::Fragment {
            offset: *rng.pick(&[0, 0, 1, 2, 185, 8191]),
            more: rng.one_in(2),
            identification: rng.near(low.into()..=high.into(), u32::MAX.into()) as u32,
        };
        put(rng, draft, extension);
    });
    if maker.rng.one_in(2) {
        text += &format!(" {}--fragid {}", maker.rng.negation(), range_text(low, high));
    }
    if maker.rng.one_in(6) {
        text += &format!(" {}--fraglen {}", maker.rng.negation(), maker.rng.pick(&[0, 8, 9]));
    }
    if maker.rng.one_in(5) {
        text += " --fragres";
    }
    if maker.rng.one_in(3) {
        text += " --fragfirst";
    }
    match maker.rng.below(4) {
        0 => text += " --fragmore",
        1 => text += " --fraglast",
        _ => {}
    }
    text
}

/// The search for a longer list anywhere in the header can exceed what one program's jumps reach;
/// it is refused then, with the reason.
const NOT_STRICT_ADDRESSES: usize = 1;

pub(super) fn rt(maker: &mut Maker<'_>) -> String {
    let mut text = String::new();
    let addresses: Vec<Ipv6Addr> = (0..maker.rng.within(1..=3))
        .filter_map(|_| match address(maker.rng, maker.family) {
            IpAddr::V6(address) => Some(address),
            IpAddr::V4(_) => None,
        })
        .collect();
    let kind = *maker.rng.pick(&[0u8, 0, 0, 2, 3, 255]);
    let (a, b) = (maker.rng.below(4) as u8, maker.rng.below(4) as u8);
    let (low, high) = (a.min(b), a.max(b));
    let wanted = addresses.clone();
    maker.facet(move |rng, draft| {
        let mut data = vec![0; 4];
        if rng.one_in(6) {
            data[rng.below(4) as usize] = 1;
        }
        let mut list = wanted.clone();
        match rng.below(5) {
            0 => drop(list.pop()),
            1 => list.extend(wanted.first()),
            2 => list.insert(0, Ipv6Addr::LOCALHOST),
            3 => list.reverse(),
            _ => {}
        }
        data.extend(list.iter().flat_map(|address| address.octets()));
        let extension = Extension::Routing {
            kind: rng.near(kind.into()..=kind.into(), 255) as u8,
            segments_left: rng.near(low.into()..=high.into(), 255) as u8,
            data,
        };
        put(rng, draft, extension);
    });
    let typed = maker.rng.one_in(2);
    if typed {
        let negation = if kind == 0 { "" } else { maker.rng.negation() };
        text += &format!(" {negation}--rt-type {kind}");
    }
    if maker.rng.one_in(3) {
        text += &format!(" {}--rt-segsleft {}", maker.rng.negation(), range_text(low, high));
    }
    if maker.rng.one_in(4) {
        let length = 8 + 16 * addresses.len();
        text += &format!(" {}--rt-len {length}", maker.rng.negation());
    }
    if typed && kind == 0 {
        if maker.rng.one_in(4) {
            text += " --rt-0-res";
        }
        if maker.rng.one_in(2) {
            let list: Vec<String> = addresses.iter().map(Ipv6Addr::to_string).collect();
            text += &format!(" --rt-0-addrs {}", list.join(","));
            if addresses.len() <= NOT_STRICT_ADDRESSES && maker.rng.one_in(2) {
                text += " --rt-0-not-strict";
            }
        }
    }
    text
}

/// Options of a hop-by-hop or destination header: what `--hbh-opts` lists, and bytes to match.
fn options(maker: &mut Maker<'_>, prefix: &str, build: fn(Vec<u8>) -> Extension) -> String {
    // Types below 64 are skipped by a kernel that does not know them; 1 is padding, 5 an alert.
    const TYPES: &[u8] = &[1, 5, 7, 30, 62];
    let mut wanted = Vec::new();
    let mut parts = Vec::new();
    for _ in 0..maker.rng.within(1..=3) {
        let kind = *maker.rng.pick(TYPES);
        let length = if kind == 5 { 2 } else { maker.rng.below(5) as u8 };
        let said = !maker.rng.one_in(3);
        parts.push(if said { format!("{kind}:{length}") } else { kind.to_string() });
        wanted.push((kind, length));
    }
    maker.facet(move |rng, draft| {
        let mut bytes = Vec::new();
        for &(kind, length) in &wanted {
            let (kind, length) = match rng.below(8) {
                0 => (*rng.pick(TYPES), length),
                1 if kind != 5 => (kind, length + 1),
                2 => {
                    bytes.push(0);
                    (kind, length)
                }
                _ => (kind, length),
            };
            bytes.extend([kind, length]);
            bytes.resize(bytes.len() + usize::from(length), 0);
        }
        if rng.one_in(10) {
            bytes.pop();
        }
        put(rng, draft, build(bytes));
    });
    let mut text = String::new();
    if maker.rng.one_in(3) {
        let length = *maker.rng.pick(&[8, 16, 24]);
        text += &format!(" {}--{prefix}-len {length}", maker.rng.negation());
    }
    if !maker.rng.one_in(3) {
        text += &format!(" --{prefix}-opts {}", parts.join(","));
    }
    text
}

pub(super) fn hbh(maker: &mut Maker<'_>) -> String {
    options(maker, "hbh", Extension::HopByHop)
}

pub(super) fn dst(maker: &mut Maker<'_>) -> String {
    options(maker, "dst", Extension::DestinationOptions)
}

pub(super) fn ipv6header(maker: &mut Maker<'_>) -> String {
    const NAMES: &[&str] = &["hop", "dst", "route", "frag", "auth", "esp", "none", "prot"];
    let mut names: Vec<&str> = NAMES.iter().filter(|_| maker.rng.one_in(3)).copied().collect();
    if names.is_empty() {
        names.push(*maker.rng.pick::<&str>(NAMES));
    }
    maker.facet(|rng, draft| {
        draft.extensions.clear();
        for _ in 0..rng.below(4) {
            let extension = random_extension(rng);
            put(rng, draft, extension);
        }
        match rng.below(6) {
            0 => draft.transport = Transport::Raw { protocol: protocol::NONE, bytes: Vec::new() },
            1 => draft.become_protocol(protocol::ESP),
            _ => {}
        }
    });
    let soft = if maker.rng.one_in(2) { " --soft" } else { "" };
    format!(" {}--header {}{soft}", maker.rng.negation(), names.join(","))
}

pub(super) fn mh(maker: &mut Maker<'_>) -> String {
    let (a, b) = (maker.rng.below(9) as u8, maker.rng.below(9) as u8);
    let (low, high) = if maker.rng.one_in(2) { (a, a) } else { (a.min(b), a.max(b)) };
    maker.facet(move |rng, draft| {
        let kind = rng.near(low.into()..=high.into(), 255) as u8;
        draft.transport = mobility(kind, *rng.pick(&[0, 0, 1, 2]));
        if let (Transport::Raw { bytes, .. }, true) = (&mut draft.transport, rng.one_in(6)) {
            bytes[0] = protocol::TCP;
        }
    });
    format!(" {}--mh-type {}", maker.rng.negation(), range_text(low, high))
}

/// Segments that rules name and headers list.
const SEGMENTS: [&str; 4] = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "fe80::5"];

pub(super) fn srh(maker: &mut Maker<'_>) -> String {
    maker.facet(|rng, draft| {
        let count = rng.within(0..=4) as u8;
        let mut data = vec![count.saturating_sub(1), 0, 0, rng.below(3) as u8];
        for _ in 0..count {
            let segment: Option<Ipv6Addr> = rng.pick(&SEGMENTS).parse().ok();
            data.extend(segment.unwrap_or(Ipv6Addr::LOCALHOST).octets());
        }
        if rng.one_in(6) {
            data[0] = rng.byte() & 7;
        }
        let kind = if rng.one_in(6) { rng.byte() & 7 } else { 4 };
        let segments_left = if rng.one_in(6) { rng.byte() & 7 } else { rng.below(4) as u8 };
        put(rng, draft, Extension::Routing { kind, segments_left, data });
    });
    let mut text = String::new();
    let numbers: [(&str, u64); 10] = [
        ("next-hdr", *maker.rng.pick(&[6, 17, 43, 60])),
        ("hdr-len-eq", maker.rng.below(9)),
        ("hdr-len-gt", maker.rng.below(9)),
        ("hdr-len-lt", maker.rng.below(9)),
        ("segs-left-eq", maker.rng.below(4)),
        ("segs-left-gt", maker.rng.below(4)),
        ("segs-left-lt", maker.rng.below(4)),
        ("last-entry-eq", maker.rng.below(4)),
        ("last-entry-gt", maker.rng.below(4)),
        ("last-entry-lt", maker.rng.below(4)),
    ];
    for (name, number) in numbers {
        if maker.rng.one_in(12) {
            text += &format!(" {}--srh-{name} {number}", maker.rng.negation());
        }
    }
    if maker.rng.one_in(8) {
        // The kernel compares it in the machine's byte order.
        text += &format!(" {}--srh-tag {}", maker.rng.negation(), maker.rng.below(3) << 8);
    }
    for name in ["psid", "nsid", "lsid"] {
        if maker.rng.one_in(4) {
            let (segment, length) = (*maker.rng.pick(&SEGMENTS), *maker.rng.pick(&[0, 64, 128]));
            text += &format!(" {}--srh-{name} {segment}/{length}", maker.rng.negation());
        }
    }
    text
}
