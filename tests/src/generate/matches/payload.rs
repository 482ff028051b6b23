//! Matches that look at any byte of the packet: string, u32 and bpf.

use super::Maker;
use crate::generate::rng::Rng;
use bpfc_ir::ClassicFilter;

/// Patterns that overlap themselves and each other, and one that is as long as can be.
fn pattern(rng: &mut Rng) -> Vec<u8> {
    const WORDS: &[&[u8]] = &[
        b"a",
        b"GET",
        b"abcabd",
        b"aabaabaa",
        b"Host: www",
        b"BitTorrent protocol",
        b"\"q\\q",
        &[0],
        &[0, 0, 0],
        &[0xe4, 0xf6, 0xfc, 0xf7],
        &[0xff, 0xd0, 0x41],
    ];
    match rng.below(8) {
        0 => vec![b'a'; rng.within(1..=128) as usize],
        1 => (0..rng.within(1..=24)).map(|_| b"ab"[rng.below(2) as usize]).collect(),
        _ => rng.pick(WORDS).to_vec(),
    }
}

/// A pattern as it can stand in a packet: now and then in another case or with a byte changed.
fn variant(rng: &mut Rng, pattern: &[u8]) -> Vec<u8> {
    let mut bytes = pattern.to_vec();
    match rng.below(4) {
        0 => bytes.iter_mut().for_each(|byte| *byte ^= if *byte > 0x40 { 0x20 } else { 0 }),
        1 => {
            let at = rng.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << rng.below(8);
        }
        2 => bytes.truncate(rng.below(bytes.len() as u64) as usize),
        _ => {}
    }
    bytes
}

pub(super) fn string(maker: &mut Maker<'_>) -> String {
    let wanted = pattern(maker.rng);
    let facet = wanted.clone();
    maker.facet(move |rng, draft| {
        let length = *rng.pick(&[0, 1, 7, 8, 15, 16, 17, 40, 200, 1400]);
        draft.payload = (0..length).map(|_| b"ab"[rng.below(2) as usize]).collect();
        for _ in 0..rng.within(1..=3) {
            let at = rng.below(draft.payload.len() as u64 + 1) as usize;
            let bytes = variant(rng, &facet);
            draft.payload.splice(at..at, bytes);
        }
        draft.payload.extend(std::iter::repeat_n(b'a', rng.below(4) as usize));
    });
    let odd = wanted.iter().any(|byte| matches!(byte, 0xbf | 0xdf | 0xff));
    let digits: String = wanted.iter().map(|byte| format!("{byte:02x}")).collect();
    let printable = wanted.iter().all(|byte| byte.is_ascii_alphanumeric());
    let negation = maker.rng.negation();
    let mut text = if printable && maker.rng.one_in(2) {
        format!(" {negation}--string {}", String::from_utf8_lossy(&wanted))
    } else {
        format!(" {negation}--hex-string |{digits}|")
    };
    let ignore_case = maker.rng.one_in(2);
    let algorithm = if ignore_case && odd { "kmp" } else { *maker.rng.pick(&["bm", "kmp"]) };
    text += &format!(" --algo {algorithm}");
    let (a, b) = (maker.rng.below(120), maker.rng.below(120));
    if maker.rng.one_in(3) {
        text += &format!(" --from {}", a.min(b));
    }
    if maker.rng.one_in(3) {
        text += &format!(" --to {}", a.max(b));
    }
    text + if ignore_case { " --icase" } else { "" }
}

/// Tests that read headers, walk to the transport header, or lead anywhere.
pub(super) fn u32(maker: &mut Maker<'_>) -> String {
    let tests: Vec<String> = (0..maker.rng.within(1..=3)).map(|_| test(maker.rng)).collect();
    maker.facet(|rng, draft| {
        draft.payload = (0..rng.below(64)).map(|_| rng.below(6) as u8).collect();
    });
    format!(" {}--u32 \"{}\"", maker.rng.negation(), tests.join("&&"))
}

fn test(rng: &mut Rng) -> String {
    let offset = *rng.pick(&[0u32, 2, 6, 12, 16, 17, 20, 36, 37, 40, 48, 60, 65_571, 0xffff_ffff]);
    let mut text = match rng.below(3) {
        // The header's length in IPv4, and then ports, or what a header length leads to.
        0 => format!("0>>22&0x3C@{}", rng.pick(&[0, 2, 4, 12, 0xffff_fff0u32])),
        _ => offset.to_string(),
    };
    for _ in 0..rng.below(4) {
        text += &match rng.below(4) {
            0 => format!("&{:#x}", rng.pick(&[0xffu32, 0xf0f0, 0x7, 0x1fff_0000, u32::MAX])),
            1 => format!("<<{}", rng.pick(&[0, 1, 8, 31])),
            2 => format!(">>{}", rng.pick(&[0, 3, 16, 24, 31])),
            _ => format!("@{}", rng.pick(&[0u32, 1, 8, 36, 0x7fff_ffff])),
        };
    }
    let ranges: Vec<String> = (0..rng.within(1..=3))
        .map(|_| match rng.below(4) {
            0 => rng.below(8).to_string(),
            1 => format!("0:{:#x}", rng.pick(&[0u32, 0x40, 0xffff, u32::MAX])),
            2 => format!("{:#x}:{:#x}", rng.below(1 << 32), rng.below(1 << 32)),
            _ => format!("{}:0xffffffff", rng.below(16)),
        })
        .collect();
    text + "=" + &ranges.join(",")
}

/// Filters of random instructions that the kernel takes: those that it would refuse are made anew.
pub(super) fn bpf(maker: &mut Maker<'_>) -> String {
    loop {
        let length = maker.rng.within(2..=24) as usize;
        let mut insns: Vec<String> = (1..length).map(|at| insn(maker.rng, length - at)).collect();
        insns.push(format!("{} 0 0 {}", maker.rng.pick(&[6, 22]), maker.rng.below(2)));
        let text = insns.join(",");
        if text.parse::<ClassicFilter>().is_ok() {
            return format!(" --bytecode \"{length},{text}\"");
        }
    }
}

/// One instruction with so many behind it.
fn insn(rng: &mut Rng, left: usize) -> String {
    let offset = *rng.pick(&[0u32, 1, 6, 9, 12, 16, 20, 22, 40, 53, 70, 0xfff0_0000, 0xfff0_0009]);
    let number = *rng.pick(&[0u32, 1, 4, 6, 17, 0x0f, 0x1fff, 0xffff, 0xc000_0201, u32::MAX]);
    let distance = |rng: &mut Rng| rng.below(left.min(5) as u64);
    match rng.below(12) {
        0..=2 => format!("{} 0 0 {offset}", rng.pick(&[32, 40, 48])),
        3 => format!("{} 0 0 {}", rng.pick(&[64, 72, 80]), rng.pick(&[0u32, 1, 8, 0xffff_ffff])),
        4 => format!("177 0 0 {offset}"),
        5 => format!("{} 0 0 {number}", rng.pick(&[0, 1, 128, 129])),
        6 => format!("{} 0 0 {}", rng.pick(&[96, 97, 2, 3, 2, 3]), rng.below(3)),
        7 => {
            let code =
                *rng.pick(&[4, 12, 20, 28, 36, 44, 52, 60, 68, 76, 84, 92, 132, 148, 156, 164]);
            format!("{code} 0 0 {number}")
        }
        8 => format!("{} 0 0 {}", rng.pick(&[100, 116, 108, 124]), rng.below(32)),
        9 => format!("{} 0 0 0", rng.pick(&[7, 135])),
        _ => {
            let code = *rng.pick(&[21, 37, 53, 69, 29, 45, 61, 77]);
            format!("{code} {} {} {number}", distance(rng), distance(rng))
        }
    }
}
