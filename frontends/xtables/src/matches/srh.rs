//! `-m srh`: the IPv6 segment routing header (net/ipv6/netfilter/ip6t_srh.c; RFC 8754).
//!
//! A packet matches only where its first routing header is of type 4, is all there, and has no
//! more segments left than its last entry says; nothing is ever dropped. Tests of lengths,
//! segments and entries have one number each for all their comparisons, the last that was given.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::text::address_with_prefix;
use crate::{
    Families, Given, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
    show_address,
};
use bpfc_ir::{BinaryOp, Condition, Family, Meta, Scan, Type, Value};
use bpfc_packet::{Found, Parsed, find_extension};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static SRH: MatchExtension = MatchExtension {
    name: "srh",
    aliases: &[],
    families: Families::Ipv6,
    options: &[
        OptionSpec::value("srh-next-hdr").invertible(),
        OptionSpec::value("srh-hdr-len-eq").invertible(),
        OptionSpec::value("srh-hdr-len-gt").invertible(),
        OptionSpec::value("srh-hdr-len-lt").invertible(),
        OptionSpec::value("srh-segs-left-eq").invertible(),
        OptionSpec::value("srh-segs-left-gt").invertible(),
        OptionSpec::value("srh-segs-left-lt").invertible(),
        OptionSpec::value("srh-last-entry-eq").invertible(),
        OptionSpec::value("srh-last-entry-gt").invertible(),
        OptionSpec::value("srh-last-entry-lt").invertible(),
        OptionSpec::value("srh-tag").invertible(),
        OptionSpec::value("srh-psid").invertible(),
        OptionSpec::value("srh-nsid").invertible(),
        OptionSpec::value("srh-lsid").invertible(),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[
        Revision {
            number: 0,
            size: 16,
            decode: |f, _| {
                let (flags, inverted) = (f.u16(6), f.u16(8));
                if (flags | inverted) & !0x7ff != 0 {
                    return Err(format!("unknown flags {flags:#x} or {inverted:#x}"));
                }
                let numbers = [f.u8(0), f.u8(1), f.u8(2), f.u8(3)].map(u16::from);
                Ok(Arc::new(decode(flags, inverted, numbers, f.u16(4), [None; 3])))
            },
        },
        Revision {
            number: 1,
            size: 112,
            decode: |f, _| {
                let (flags, inverted) = (f.u16(104), f.u16(106));
                if (flags | inverted) & !0x3fff != 0 {
                    return Err(format!("unknown flags {flags:#x} or {inverted:#x}"));
                }
                let address = |at| u128::from_be_bytes(f.bytes(at));
                let segment = |index: usize| {
                    let bit = 1 << (11 + index);
                    (flags & bit != 0).then(|| SegmentTest {
                        address: address(8 + 16 * index),
                        mask: address(56 + 16 * index),
                        invert: inverted & bit != 0,
                    })
                };
                let segments = [segment(0), segment(1), segment(2)];
                let prefix = |test: &SegmentTest| test.prefix().is_some();
                if !segments.iter().flatten().all(prefix) {
                    return Err("a segment's mask is no prefix".to_owned());
                }
                let numbers = [f.u8(0), f.u8(1), f.u8(2), f.u8(3)].map(u16::from);
                Ok(Arc::new(decode(flags, inverted, numbers, f.u16(4), segments)))
            },
        },
    ],
};

/// The fields by their byte in the header, and how tests of them are printed.
const FIELDS: [(u16, &str); 4] =
    [(0, "next-hdr"), (1, "hdr-len"), (3, "segs-left"), (4, "last-entry")];
/// By the bit of the kernel's flags: which field, and how it is compared.
const TESTS: [(usize, Condition); 10] = [
    (0, Condition::Eq),
    (1, Condition::Eq),
    (1, Condition::Gt),
    (1, Condition::Lt),
    (2, Condition::Eq),
    (2, Condition::Gt),
    (2, Condition::Lt),
    (3, Condition::Eq),
    (3, Condition::Gt),
    (3, Condition::Lt),
];
/// Previous, next and last segment.
const SEGMENTS: [&str; 3] = ["psid", "nsid", "lsid"];
/// The routing header, and its type.
const ROUTING: u8 = 43;
const SEGMENT_ROUTING: u128 = 4;

#[derive(Debug)]
struct Srh {
    /// By index into [`TESTS`]: the inversion of those that are asked for.
    tests: [Option<bool>; 10],
    /// By index into [`FIELDS`].
    numbers: [u16; 4],
    /// The tag's two bytes as the machine reads them from memory, and the inversion.
    tag: Option<(u16, bool)>,
    segments: [Option<SegmentTest>; 3],
}

#[derive(Clone, Copy, Debug)]
struct SegmentTest {
    address: u128,
    mask: u128,
    invert: bool,
}

impl SegmentTest {
    fn prefix(&self) -> Option<u32> {
        crate::header::prefix_length(Family::Ipv6, self.mask)
    }

    fn holds(&self, segment: u128) -> bool {
        ((segment ^ self.address) & self.mask == 0) != self.invert
    }
}

fn decode(
    flags: u16,
    inverted: u16,
    numbers: [u16; 4],
    tag: u16,
    segments: [Option<SegmentTest>; 3],
) -> Srh {
    let given = |bit: usize| (flags >> bit & 1 != 0).then_some(inverted >> bit & 1 != 0);
    Srh {
        tests: std::array::from_fn(given),
        numbers,
        tag: given(10).map(|invert| (tag, invert)),
        segments,
    }
}

fn suffix(field: usize, condition: Condition) -> &'static str {
    match condition {
        _ if field == 0 => "",
        Condition::Gt => "-gt",
        Condition::Lt => "-lt",
        _ => "-eq",
    }
}

fn option(test: usize) -> String {
    let (field, condition) = TESTS[test];
    format!("srh-{}{}", FIELDS[field].1, suffix(field, condition))
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let mut srh = Srh { tests: [None; 10], numbers: [0; 4], tag: None, segments: [None; 3] };
    for given in options.given {
        if let Some(test) = (0..TESTS.len()).find(|&test| option(test) == given.id) {
            srh.tests[test] = Some(given.invert);
            srh.numbers[TESTS[test].0] = given.number(0, 255)? as u16;
        } else if given.id == "srh-tag" {
            srh.tag = Some((given.number(0, 0xffff)? as u16, given.invert));
        } else if let Some(which) = SEGMENTS.iter().position(|name| given.id.ends_with(name)) {
            srh.segments[which] = Some(parse_segment(given)?);
        }
    }
    Ok(Arc::new(srh))
}

fn parse_segment(given: &Given<'_>) -> Result<SegmentTest, Problem> {
    let read = address_with_prefix(Family::Ipv6, given.text());
    let (address, mask) = read.map_err(|error| given.bad(error))?;
    Ok(SegmentTest { address, mask, invert: given.invert })
}

/// The place of a segment that a test looks at, in a header with so many segments left and this
/// last entry; none where there is no such segment.
fn place(which: usize, left: usize, last: usize) -> Option<usize> {
    match which {
        0 if left == last => None,
        0 => Some(8 + (left + 1) * 16),
        1 => Some(8 + left.checked_sub(1)? * 16),
        _ => Some(8),
    }
}

impl Srh {
    fn segments(&self, packet: &Parsed<'_>, header: usize, left: u8, last: u8) -> bool {
        self.segments.iter().enumerate().all(|(which, test)| {
            let Some(test) = test else { return true };
            let place = place(which, left.into(), last.into());
            let bytes = place.and_then(|place| packet.slice(header + place, 16));
            let number = |bytes: &[u8]| bytes.iter().fold(0, |n, &b| n << 8 | u128::from(b));
            bytes.is_some_and(|bytes| test.holds(number(bytes)))
        })
    }

    /// Emits the test of one segment of the header at an offset.
    fn lower_segment(&self, cx: &mut RuleCx<'_>, which: usize, header: Value) {
        let Some(test) = self.segments[which] else { return };
        let segment = if which == 2 {
            header
        } else {
            let b = cx.builder();
            let left = b.load_at(Type::I8, header, 3);
            let bound =
                if which == 0 { b.load_at(Type::I8, header, 4) } else { b.constant(Type::I8, 0) };
            let none = b.compare(Condition::Eq, left, bound);
            cx.forbid(none);
            let b = cx.builder();
            let left = b.extend(Type::I32, left);
            let four = b.constant(Type::I32, 4);
            let bytes = b.binary(BinaryOp::Shl, left, four);
            b.binary(BinaryOp::Add, header, bytes)
        };
        // From the header and 16 bytes for each segment that is left: the next one lies 16 bytes
        // before the end of the fixed part and those, the previous one 16 behind.
        let (back, at) = match which {
            0 => (0, 24),
            1 => (8, 0),
            _ => (0, 8),
        };
        let b = cx.builder();
        let segment = if back == 0 {
            segment
        } else {
            let back = b.constant(Type::I32, back);
            b.binary(BinaryOp::Sub, segment, back)
        };
        let there = b.available_at(segment, at + 16);
        cx.require(there);
        let b = cx.builder();
        let found = b.load_at(Type::I128, segment, at);
        let masked = b.mask(found, test.mask);
        let same = b.compare_const(Condition::Eq, masked, test.address & test.mask);
        cx.expect(same, !test.invert);
    }
}

impl Match for Srh {
    fn extension(&self) -> &'static MatchExtension {
        &SRH
    }

    fn save(&self, out: &mut String) {
        let sign = |invert| if invert { " !" } else { "" };
        for (test, invert) in self.tests.iter().enumerate() {
            let Some(invert) = *invert else { continue };
            let number = self.numbers[TESTS[test].0];
            let _ = write!(out, "{} --{} {number}", sign(invert), option(test));
        }
        if let Some((tag, invert)) = self.tag {
            let _ = write!(out, "{} --srh-tag {tag}", sign(invert));
        }
        for (name, test) in SEGMENTS.iter().zip(&self.segments) {
            let Some(test) = test else { continue };
            let address = show_address(Family::Ipv6, test.address);
            let prefix = test.prefix().unwrap_or(128);
            let _ = write!(out, "{} --srh-{name} {address}/{prefix}", sign(test.invert));
        }
    }

    fn list(&self, out: &mut String) {
        out.push_str(" srh");
        let sign = |invert| if invert { "!" } else { "" };
        for (test, invert) in self.tests.iter().enumerate() {
            let Some(invert) = *invert else { continue };
            let (field, condition) = TESTS[test];
            let (name, suffix) = (FIELDS[field].1, suffix(field, condition));
            let _ = write!(out, " {name}{suffix}:{}{}", sign(invert), self.numbers[field]);
        }
        if let Some((tag, invert)) = self.tag {
            let _ = write!(out, " tag:{}{tag}", sign(invert));
        }
        for (name, test) in SEGMENTS.iter().zip(&self.segments) {
            let Some(test) = test else { continue };
            let address = show_address(Family::Ipv6, test.address);
            let prefix = test.prefix().unwrap_or(128);
            let _ = write!(out, " {name} {} {address}/{prefix}", sign(test.invert));
        }
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let header = cx.builder().scan(Scan::Ipv6Header(ROUTING));
        // Absent and broken are the two greatest numbers.
        let found = cx.builder().compare_const(Condition::Lt, header, Scan::BROKEN.into());
        cx.require(found);
        let there = cx.builder().available_at(header, 8);
        cx.require(there);
        let length = super::exthdr::lower_length(cx, header);
        let b = cx.builder();
        let end = b.binary(BinaryOp::Add, header, length);
        let packet = b.meta(Meta::Length);
        let whole = b.compare(Condition::Le, end, packet);
        cx.require(whole);
        let kind = cx.builder().load_at(Type::I8, header, 2);
        let segment_routing = cx.builder().compare_const(Condition::Eq, kind, SEGMENT_ROUTING);
        cx.require(segment_routing);
        let b = cx.builder();
        let left = b.load_at(Type::I8, header, 3);
        let last = b.load_at(Type::I8, header, 4);
        let sound = b.compare(Condition::Le, left, last);
        cx.require(sound);
        for (test, invert) in self.tests.iter().enumerate() {
            let Some(invert) = *invert else { continue };
            let (field, condition) = TESTS[test];
            let value = cx.builder().load_at(Type::I8, header, FIELDS[field].0);
            let holds = cx.builder().compare_const(condition, value, self.numbers[field].into());
            cx.expect(holds, !invert);
        }
        if let Some((tag, invert)) = self.tag {
            let value = cx.builder().load_at(Type::I16, header, 6);
            let wanted = u16::from_be_bytes(tag.to_ne_bytes());
            let same = cx.builder().compare_const(Condition::Eq, value, wanted.into());
            cx.expect(same, !invert);
        }
        for which in 0..SEGMENTS.len() {
            self.lower_segment(cx, which, header);
        }
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = &packet.packet;
        let Found::At(header) = find_extension(packet.bytes(), ROUTING) else {
            return Outcome::NoMatch;
        };
        let Some(fixed) = packet.slice(header, 8) else { return Outcome::NoMatch };
        let (left, last) = (fixed[3], fixed[4]);
        let length = (usize::from(fixed[1]) + 1) * 8;
        if packet.available(header) < length || fixed[2] != 4 || left > last {
            return Outcome::NoMatch;
        }
        let tests = self.tests.iter().enumerate().all(|(test, invert)| {
            let Some(invert) = *invert else { return true };
            let (field, condition) = TESTS[test];
            let value = u16::from(fixed[usize::from(FIELDS[field].0)]);
            let holds = match condition {
                Condition::Gt => value > self.numbers[field],
                Condition::Lt => value < self.numbers[field],
                _ => value == self.numbers[field],
            };
            holds != invert
        });
        let tag = u16::from_ne_bytes([fixed[6], fixed[7]]);
        let tag = self.tag.is_none_or(|(wanted, invert)| (tag == wanted) != invert);
        Outcome::of(tests && tag && self.segments(packet, header, left, last))
    }
}
