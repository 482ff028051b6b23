//! Lowers a list of fingerprints to a tree of tests.
//!
//! What fingerprints have in common is asked once, and what rules most of them out comes first: the
//! fragment bit, the total length, the length of the options, the kinds of options one after the
//! other, and only then time to live and window. Each of these but the last two has one right
//! branch, so a packet that fails on the way has no other to try.

use crate::lower::{RuleCx, holds_transport};
use bpfc_ir::{
    Base, BinaryOp, Block, Condition, Fingerprint, FunctionBuilder, Log, LogKind, Op, TcpOption,
    Type, Value, Window,
};
use std::collections::{BTreeMap, BTreeSet};

/// How a packet's time to live is compared with a fingerprint's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TtlTest {
    /// Both are the same.
    Equal,
    /// The packet's is not the greater one. What the kernel looks up besides, for packets of the
    /// device's own networks, cannot hold any more.
    AtMost,
    /// Not at all.
    Ignored,
}

/// What is logged of a packet, besides that no fingerprint describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logs {
    /// Nothing, and that neither.
    Nothing,
    /// The first fingerprint that does.
    First,
    /// Every fingerprint that does.
    All,
}

/// Lengths of segments and packets that a window may be a multiple of whatever the packet
/// announces.
const SEGMENTS: [u32; 2] = [1460, 1448];
/// Length of the IPv4 and TCP headers without options.
const HEADERS: u16 = 40;
/// Where options begin in the TCP header.
const OPTIONS: u16 = 20;

/// Fingerprints by kinds of options, in the order of the list.
type Kinds<'f> = BTreeMap<&'f [TcpOption], Vec<&'f Fingerprint>>;
/// By the length of all options.
type Lengths<'f> = BTreeMap<u16, Kinds<'f>>;

/// Goes on where one of the fingerprints describes the packet; no match otherwise.
pub(super) fn lower<'f>(
    cx: &mut RuleCx<'_>,
    fingerprints: impl Iterator<Item = &'f Fingerprint>,
    ttl: TtlTest,
    logs: Logs,
) {
    let mut tree: BTreeMap<bool, BTreeMap<u16, Lengths<'f>>> = BTreeMap::new();
    for fingerprint in fingerprints {
        let Fingerprint { dont_fragment, length, options, .. } = fingerprint;
        let size: u16 = options.iter().map(|option| option.length()).sum();
        // No packet is made like this: headers are whole words and lie inside of the packet.
        if !size.is_multiple_of(4) || size > 40 || *length < HEADERS + size {
            continue;
        }
        let lengths = tree.entry(*dont_fragment).or_default().entry(*length).or_default();
        lengths.entry(size).or_default().entry(options.as_slice()).or_default().push(fingerprint);
    }
    if tree.is_empty() && logs == Logs::Nothing {
        cx.never();
        return;
    }
    let there = cx.builder().available(Base::Transport, OPTIONS);
    cx.require(there);
    let flags = cx.builder().payload(Type::I8, Base::Transport, 13);
    let syn = cx.builder().mask(flags, 2);
    let syn = cx.builder().compare_const(Condition::Ne, syn, 0);
    cx.require(syn);
    let no_match = cx.no_match();
    let b = cx.builder();
    let matched = b.block();
    let mut failed = no_match;
    if logs != Logs::Nothing {
        require_header(b, no_match);
        failed = b.block();
    }
    let lowering = Lowering { ttl, logs, matched, failed };
    let fragments = |b: &mut FunctionBuilder, &fixed: &bool| {
        let byte = b.payload(Type::I8, Base::Network, 6);
        let bit = b.mask(byte, 0x40);
        b.compare_const(if fixed { Condition::Ne } else { Condition::Eq }, bit, 0)
    };
    // With both there is no third to fall back to.
    let whole = tree.len() == 2;
    if tree.is_empty() {
        b.jump(failed);
    }
    choose(b, (!whole).then_some(failed), tree, fragments, |b, lengths| {
        let total = |b: &mut FunctionBuilder, &length: &u16| {
            let field = b.payload(Type::I16, Base::Network, 2);
            b.compare_const(Condition::Eq, field, length.into())
        };
        choose(b, Some(failed), lengths, total, |b, sizes| {
            choose(b, Some(failed), sizes, header, |b, kinds| lowering.options(b, kinds));
        });
    });
    if logs != Logs::Nothing {
        b.switch_to(failed);
        log(b, "Remote OS is not known: ".to_owned(), None);
        b.jump(no_match);
    }
    b.switch_to(matched);
}

/// Goes on where the whole TCP header is there, options and all: nothing is said of other packets.
fn require_header(b: &mut FunctionBuilder, otherwise: Block) {
    let words = b.payload(Type::I8, Base::Transport, 12);
    let four = b.constant(Type::I8, 4);
    let words = b.binary(BinaryOp::Shr, words, four);
    let words = b.extend(Type::I32, words);
    let two = b.constant(Type::I32, 2);
    let header = b.binary(BinaryOp::Shl, words, two);
    let (_, whole) = holds_transport(b, header);
    b.require(whole, otherwise);
}

/// Logs the packet, by the rule.
fn log(b: &mut FunctionBuilder, prefix: String, ttl: Option<u8>) {
    if let Some(rule) = b.rule() {
        let log = Log { kind: LogKind::Fingerprint { ttl }, prefix };
        b.push(Op::Log(rule, Box::new(log)));
    }
}

/// Whether the TCP header has `options` bytes of options. One that says less than its own 20 bytes
/// has none.
fn header(b: &mut FunctionBuilder, &options: &u16) -> Value {
    let words = b.payload(Type::I8, Base::Transport, 12);
    if options == 0 {
        return b.compare_const(Condition::Lt, words, 0x60);
    }
    let words = b.mask(words, 0xf0);
    b.compare_const(Condition::Eq, words, u128::from((OPTIONS + options) / 4) << 4)
}

/// Tries keys one after the other and goes on with what belongs to the one whose test holds, at
/// `failed` where none does; without that the last one's test holds wherever the others' do not.
/// `rest` ends its block. No block is open afterwards.
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
    logs: Logs,
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
                None if self.logs == Logs::Nothing => return self.leaf(b, &leaf, size),
                None => return self.logged(b, &leaf, size),
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
    fn leaf(self, b: &mut FunctionBuilder, leaf: &[&Fingerprint], size: Option<u16>) {
        let mut by_ttl: BTreeMap<u8, BTreeSet<Window>> = BTreeMap::new();
        for fingerprint in leaf {
            let lives = if self.ttl == TtlTest::Ignored { 0 } else { fingerprint.ttl };
            by_ttl.entry(lives).or_default().insert(fingerprint.window);
        }
        let mut left = by_ttl.len();
        for (lives, of_ttl) in by_ttl {
            left -= 1;
            let next = if left == 0 { self.failed } else { b.block() };
            self.lives(b, lives, next);
            // A packet has one time to live, but several may be above it.
            let otherwise = if self.ttl == TtlTest::Equal { self.failed } else { next };
            windows(b, &of_ttl, size, self.matched, otherwise);
            if left > 0 {
                b.switch_to(next);
            }
        }
    }

    /// Compares one fingerprint after the other and logs those that describe the packet. Where all
    /// are wanted, each but the first is compared in two places: behind those that have not, and
    /// behind one that has.
    fn logged(self, b: &mut FunctionBuilder, leaf: &[&Fingerprint], size: Option<u16>) {
        let blocks = |b: &mut FunctionBuilder, count| -> Vec<Block> {
            (0..count).map(|_| b.block()).collect()
        };
        let hits = blocks(b, leaf.len());
        let first = blocks(b, leaf.len());
        b.jump(first.first().copied().unwrap_or(self.failed));
        self.one_by_one(b, leaf, size, [&first, &hits], self.failed);
        let later = match self.logs {
            Logs::All => blocks(b, leaf.len().saturating_sub(1)),
            Logs::First | Logs::Nothing => Vec::new(),
        };
        for (index, (fingerprint, &hit)) in leaf.iter().zip(&hits).enumerate() {
            let Fingerprint { genre, version, subtype, ttl, .. } = fingerprint;
            b.switch_to(hit);
            log(b, format!("{genre} [{version}:{subtype}] : "), Some(*ttl));
            b.jump(later.get(index).copied().unwrap_or(self.matched));
        }
        if !later.is_empty() {
            self.one_by_one(b, &leaf[1..], size, [&later, &hits[1..]], self.matched);
        }
    }

    /// Compares fingerprints in their order, each in a block of its own, until one describes the
    /// packet: each has a block for that, too.
    fn one_by_one(
        self,
        b: &mut FunctionBuilder,
        list: &[&Fingerprint],
        size: Option<u16>,
        [blocks, hits]: [&[Block]; 2],
        otherwise: Block,
    ) {
        for (index, fingerprint) in list.iter().enumerate() {
            let next = blocks.get(index + 1).copied().unwrap_or(otherwise);
            b.switch_to(blocks[index]);
            self.lives(b, fingerprint.ttl, next);
            windows(b, &BTreeSet::from([fingerprint.window]), size, hits[index], next);
        }
    }

    /// Compares the time to live with a fingerprint's.
    fn lives(self, b: &mut FunctionBuilder, ttl: u8, otherwise: Block) {
        let condition = match self.ttl {
            TtlTest::Equal => Condition::Eq,
            TtlTest::AtMost => Condition::Le,
            TtlTest::Ignored => return,
        };
        let field = b.payload(Type::I8, Base::Network, 8);
        let holds = b.compare_const(condition, field, ttl.into());
        b.require(holds, otherwise);
    }
}

/// Compares the window. `size` is where the option with the maximum segment size begins.
fn windows(
    b: &mut FunctionBuilder,
    windows: &BTreeSet<Window>,
    size: Option<u16>,
    matched: Block,
    otherwise: Block,
) {
    let sums = Sums::of(windows, size.is_some());
    if sums.any {
        b.jump(matched);
        return;
    }
    for (low, high) in sums.ranges() {
        let window = b.payload(Type::I16, Base::Transport, 14);
        let inside = b.in_range(window, low.into(), high.into());
        b.forbid(inside, matched);
    }
    for &divisor in &sums.multiples {
        let window = b.payload(Type::I16, Base::Transport, 14);
        let divisor = b.constant(Type::I16, divisor.into());
        let rest = b.binary(BinaryOp::Rem, window, divisor);
        let divides = b.compare_const(Condition::Eq, rest, 0);
        b.forbid(divides, matched);
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
        b.forbid(same, matched);
    }
    b.jump(otherwise);
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
