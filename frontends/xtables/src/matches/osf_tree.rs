//! Lowers a list of fingerprints to a tree of tests.
//!
//! What fingerprints have in common is asked once, and what rules most of them out comes first: the
//! fragment bit, the total length, the length of the options, the kinds of options one after the
//! other, and only then time to live and window. Each of these but the last two has one right branch, so a
//! packet that fails on the way has no other to try.

use super::osf::TtlTest;
use crate::lower::RuleCx;
use bpfc_ir::{
    Base, BinaryOp, Block, Condition, Fingerprint, FunctionBuilder, TcpOption, Type, Value, Window,
};
use std::collections::{BTreeMap, BTreeSet};

/// Lengths of segments and packets that a window may be a multiple of whatever the packet announces.
const SEGMENTS: [u32; 2] = [1460, 1448];
/// Length of the IPv4 and TCP headers without options.
const HEADERS: u16 = 40;
/// Where options begin in the TCP header.
const OPTIONS: u16 = 20;

/// Windows by time to live.
type Leaf = BTreeMap<u8, BTreeSet<Window>>;
/// Leaves by kinds of options.
type Kinds<'f> = BTreeMap<&'f [TcpOption], Leaf>;
/// By the length of all options.
type Lengths<'f> = BTreeMap<u16, Kinds<'f>>;

/// Goes on where one of the fingerprints describes the packet; no match otherwise.
pub(super) fn lower<'f>(
    cx: &mut RuleCx<'_>,
    fingerprints: impl Iterator<Item = &'f Fingerprint>,
    ttl: TtlTest,
) {
    let mut tree: BTreeMap<bool, BTreeMap<u16, Lengths<'f>>> = BTreeMap::new();
    for fingerprint in fingerprints {
        let Fingerprint { dont_fragment, length, options, window, .. } = fingerprint;
        let size: u16 = options.iter().map(|option| option.length()).sum();
        // No packet is made like this: headers are whole words and lie inside of the packet.
        if !size.is_multiple_of(4) || size > 40 || *length < HEADERS + size {
            continue;
        }
        let lives = if ttl == TtlTest::Ignored { 0 } else { fingerprint.ttl };
        let lengths = tree.entry(*dont_fragment).or_default().entry(*length).or_default();
        let leaf = lengths.entry(size).or_default().entry(options.as_slice()).or_default();
        leaf.entry(lives).or_default().insert(*window);
    }
    if tree.is_empty() {
        cx.never();
        return;
    }
    let there = cx.builder().available(Base::Transport, OPTIONS);
    cx.require(there);
    let flags = cx.builder().payload(Type::I8, Base::Transport, 13);
    let syn = cx.builder().mask(flags, 2);
    let syn = cx.builder().compare_const(Condition::Ne, syn, 0);
    cx.require(syn);
    let failed = cx.no_match();
    let b = cx.builder();
    let matched = b.block();
    let lowering = Lowering { ttl, matched, failed };
    let fragments = |b: &mut FunctionBuilder, &fixed: &bool| {
        let byte = b.payload(Type::I8, Base::Network, 6);
        let bit = b.mask(byte, 0x40);
        b.compare_const(if fixed { Condition::Ne } else { Condition::Eq }, bit, 0)
    };
    // With both there is no third to fall back to.
    let whole = tree.len() == 2;
    choose(b, (!whole).then_some(failed), tree, fragments, |b, lengths| {
        let total = |b: &mut FunctionBuilder, &length: &u16| {
            let field = b.payload(Type::I16, Base::Network, 2);
            b.compare_const(Condition::Eq, field, length.into())
        };
        choose(b, Some(failed), lengths, total, |b, sizes| {
            choose(b, Some(failed), sizes, header, |b, kinds| lowering.options(b, kinds));
        });
    });
    b.switch_to(matched);
}

/// Whether the TCP header has so many bytes of options. One that says less than its own 20 bytes has
/// none.
fn header(b: &mut FunctionBuilder, &options: &u16) -> Value {
    let words = b.payload(Type::I8, Base::Transport, 12);
    if options == 0 {
        return b.compare_const(Condition::Lt, words, 0x60);
    }
    let words = b.mask(words, 0xf0);
    b.compare_const(Condition::Eq, words, u128::from((OPTIONS + options) / 4) << 4)
}

/// Tries keys one after the other and goes on with what belongs to the one whose test holds, at
/// `failed` where none does; without that the last one's test holds wherever the others' do not. `rest`
/// ends its block. No block is open afterwards.
fn choose<K, T>(
    b: &mut FunctionBuilder,
    failed: Option<Block>,
    entries: BTreeMap<K, T>,
    test: impl Fn(&mut FunctionBuilder, &K) -> Value,
    mut rest: impl FnMut(&mut FunctionBuilder, T),
) {
    let mut left = entries.len();
    for (key, entry) in entries {
        left -= 1;
        let next = if left == 0 { failed } else { Some(b.block()) };
        if let Some(next) = next {
            let holds = test(b, &key);
            b.require(holds, next);
        }
        rest(b, entry);
        if let (Some(next), true) = (next, left > 0) {
            b.switch_to(next);
        }
    }
}

#[derive(Clone, Copy)]
struct Lowering {
    ttl: TtlTest,
    matched: Block,
    failed: Block,
}

impl Lowering {
    /// The options are there as their length says, and then their kinds.
    fn options(self, b: &mut FunctionBuilder, kinds: Kinds<'_>) {
        let length = kinds
            .keys()
            .next()
            .map_or(0, |options| options.iter().map(|option| option.length()).sum::<u16>());
        if length > 0 {
            let there = b.available(Base::Transport, OPTIONS + length);
            b.require(there, self.failed);
        }
        self.kinds(b, kinds, OPTIONS, None);
    }

    /// Compares the kinds of options from an offset in the TCP header on. `size` is where the last
    /// option with a maximum segment size begins.
    fn kinds(self, b: &mut FunctionBuilder, kinds: Kinds<'_>, offset: u16, size: Option<u16>) {
        let mut next: BTreeMap<TcpOption, Kinds<'_>> = BTreeMap::new();
        for (options, leaf) in kinds {
            match options.split_first() {
                Some((first, rest)) => {
                    next.entry(*first).or_default().insert(rest, leaf);
                }
                // All have the same length, so this one is alone.
                None => return self.leaf(b, leaf, size),
            }
        }
        let kind = |b: &mut FunctionBuilder, option: &TcpOption| {
            let byte = b.payload(Type::I8, Base::Transport, offset);
            b.compare_const(Condition::Eq, byte, option.kind().into())
        };
        let entries = next.into_iter().map(|(option, kinds)| (option, (option, kinds))).collect();
        choose(b, Some(self.failed), entries, kind, |b, (option, kinds)| {
            let size = if option == TcpOption::SegmentSize { Some(offset) } else { size };
            self.kinds(b, kinds, offset + option.length(), size);
        });
    }

    /// Compares the time to live, and the window for each that it may be.
    fn leaf(self, b: &mut FunctionBuilder, leaf: Leaf, size: Option<u16>) {
        let mut left = leaf.len();
        for (lives, windows) in leaf {
            left -= 1;
            let next = if left == 0 { self.failed } else { b.block() };
            let condition = match self.ttl {
                TtlTest::Equal => Some(Condition::Eq),
                TtlTest::AtMost => Some(Condition::Le),
                TtlTest::Ignored => None,
            };
            if let Some(condition) = condition {
                let ttl = b.payload(Type::I8, Base::Network, 8);
                let holds = b.compare_const(condition, ttl, lives.into());
                b.require(holds, next);
            }
            // A packet has one time to live, but several may be above it.
            let otherwise = if self.ttl == TtlTest::Equal { self.failed } else { next };
            self.windows(b, &windows, size, otherwise);
            if left > 0 {
                b.switch_to(next);
            }
        }
    }

    /// Compares the window.
    fn windows(
        self,
        b: &mut FunctionBuilder,
        windows: &BTreeSet<Window>,
        size: Option<u16>,
        otherwise: Block,
    ) {
        let sums = Sums::of(windows, size.is_some());
        if sums.any {
            b.jump(self.matched);
            return;
        }
        for (low, high) in sums.ranges() {
            let window = b.payload(Type::I16, Base::Transport, 14);
            let inside = b.in_range(window, low.into(), high.into());
            b.forbid(inside, self.matched);
        }
        for &divisor in &sums.multiples {
            let window = b.payload(Type::I16, Base::Transport, 14);
            let divisor = b.constant(Type::I16, divisor.into());
            let rest = b.binary(BinaryOp::Rem, window, divisor);
            let divides = b.compare_const(Condition::Eq, rest, 0);
            b.forbid(divides, self.matched);
        }
        for &(factor, headers) in &sums.announced {
            let Some(option) = size else { continue };
            let size = b.payload(Type::I16, Base::Transport, option + 2);
            let mut size = b.extend(Type::I32, size);
            if headers > 0 {
                let headers = b.constant(Type::I32, headers.into());
                size = b.binary(BinaryOp::Add, size, headers);
            }
            let factor = b.constant(Type::I32, factor.into());
            let product = b.binary(BinaryOp::Mul, size, factor);
            let window = b.payload(Type::I16, Base::Transport, 14);
            let window = b.extend(Type::I32, window);
            let same = b.compare(Condition::Eq, window, product);
            b.forbid(same, self.matched);
        }
        b.jump(otherwise);
    }
}

/// What windows come to: those that hold for one packet in common, and those that need the segment
/// size that it announces.
#[derive(Debug, Default)]
struct Sums {
    any: bool,
    exact: BTreeSet<u16>,
    multiples: BTreeSet<u32>,
    /// A factor, and what is added to the announced size before.
    announced: BTreeSet<(u32, u16)>,
}

impl Sums {
    fn of(windows: &BTreeSet<Window>, announced: bool) -> Sums {
        let mut sums = Sums::default();
        for window in windows {
            match *window {
                Window::Any | Window::Multiple(1) => sums.any = true,
                Window::Exactly(number) => sums.add(number),
                Window::Multiple(number) if number > u16::MAX.into() => sums.add(0),
                Window::Multiple(number) => {
                    sums.multiples.insert(number);
                }
                Window::Segments(factor) => sums.add_times(factor, 0, announced),
                Window::Packets(factor) => sums.add_times(factor, HEADERS, announced),
            }
        }
        sums
    }

    /// Adds a window, which no packet has where it is too large.
    fn add(&mut self, number: u32) {
        self.exact.extend(u16::try_from(number));
    }

    fn add_times(&mut self, factor: u32, headers: u16, announced: bool) {
        for size in SEGMENTS {
            self.add(factor.wrapping_mul(size + u32::from(headers)));
        }
        match announced && factor != 0 {
            true => {
                self.announced.insert((factor, headers));
            }
            // Without a size it is taken for 0.
            false => self.add(factor.wrapping_mul(headers.into())),
        }
    }

    /// The numbers as ranges.
    fn ranges(&self) -> Vec<(u16, u16)> {
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        for &number in &self.exact {
            match ranges.last_mut() {
                Some((_, high)) if high.checked_add(1) == Some(number) => *high = number,
                _ => ranges.push((number, number)),
            }
        }
        ranges
    }
}
