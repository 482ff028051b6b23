//! `-m u32`: tests of numbers computed from the packet's bytes (net/netfilter/xt_u32.c).
//!
//! Each test reads four bytes at an offset from the network header, masks and shifts them, may
//! take what comes out as an offset to read on from, and compares the last number with ranges. A
//! test that reads beyond the packet fails, so that an inverted match holds.

mod language;

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    Families, Fields, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{Base, BinaryOp, Block, Condition, Family, Meta, Type, Value};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static U32: MatchExtension = MatchExtension {
    name: "u32",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("u32").invertible().mandatory()],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision { number: 0, size: 1984, decode: |f, _| Ok(Arc::new(decode(f)?)) }],
};

/// `sizeof(struct xt_u32_test)`, and the room in its lists and in the list of tests.
const TEST_SIZE: usize = 180;
const ROOM: usize = 11;
/// The offset of the last four bytes that a packet can have: 65,535 bytes behind an IPv6 header.
const LAST_OFFSET: u32 = 65_571;

#[derive(Debug)]
struct U32 {
    tests: Vec<Test>,
    invert: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Test {
    /// Where the first four bytes are read.
    offset: u32,
    steps: Vec<Step>,
    /// Ranges, ends included; one whose ends are in the wrong order holds no number.
    ranges: Vec<(u32, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    And(u32),
    /// By less than 32 bits.
    Left(u32),
    /// By less than 32 bits.
    Right(u32),
    /// Reads on at this offset from where the number leads.
    At(u32),
}

impl Step {
    /// By the kernel's `enum xt_u32_ops`; newer kernels refuse a shift that leaves nothing, older
    /// ones shift by whatever the processor makes of it.
    fn new(operator: u8, number: u32) -> Result<Self, String> {
        match (operator, number) {
            (0, _) => Ok(Step::And(number)),
            (1 | 2, 32..) => Err(format!("a shift by {number} bits")),
            (1, _) => Ok(Step::Left(number)),
            (2, _) => Ok(Step::Right(number)),
            (3, _) => Ok(Step::At(number)),
            (other, _) => Err(format!("operator {other} is none")),
        }
    }

    fn parts(self) -> (&'static str, u32) {
        match self {
            Step::And(number) => ("&", number),
            Step::Left(number) => ("<<", number),
            Step::Right(number) => (">>", number),
            Step::At(number) => ("@", number),
        }
    }
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let given = options.get("u32").ok_or_else(|| options.bad("no tests"))?;
    let tests = language::tests(given.text()).map_err(|error| given.bad(error))?;
    Ok(Arc::new(U32 { tests, invert: given.invert }))
}

fn decode(f: Fields<'_>) -> Result<U32, String> {
    let count = usize::from(f.u8(ROOM * TEST_SIZE));
    let invert = f.flag(ROOM * TEST_SIZE + 1)?;
    if count > ROOM {
        return Err(format!("{count} tests"));
    }
    let test = |index: usize| {
        let at = index * TEST_SIZE;
        let (numbers, ranges) = (usize::from(f.u8(at + 176)), usize::from(f.u8(at + 177)));
        if !(1..=ROOM).contains(&numbers) || ranges > ROOM {
            return Err(format!("a test of {numbers} numbers and {ranges} ranges"));
        }
        let step = |index: usize| Step::new(f.u8(at + 8 * index + 4), f.u32(at + 8 * index));
        let range = |index: usize| (f.u32(at + 88 + 8 * index), f.u32(at + 92 + 8 * index));
        Ok(Test {
            offset: f.u32(at),
            steps: (1..numbers).map(step).collect::<Result<_, _>>()?,
            ranges: (0..ranges).map(range).collect(),
        })
    };
    Ok(U32 { tests: (0..count).map(test).collect::<Result<_, _>>()?, invert })
}

impl Test {
    /// Whether the packet passes it.
    fn holds(&self, bytes: &[u8]) -> bool {
        let read = |base: usize, offset: u32| -> Option<u32> {
            let part = bytes.get(base.checked_add(offset as usize)?..)?.get(..4)?;
            part.try_into().ok().map(u32::from_be_bytes)
        };
        let number = || {
            let mut base = 0usize;
            let mut number = read(base, self.offset)?;
            for &step in &self.steps {
                number = match step {
                    Step::And(mask) => number & mask,
                    Step::Left(bits) => number << bits,
                    Step::Right(bits) => number >> bits,
                    Step::At(offset) => {
                        base = base.checked_add(number as usize)?;
                        read(base, offset)?
                    }
                };
            }
            Some(number)
        };
        number().is_some_and(|number| {
            self.ranges.iter().any(|&(low, high)| (low..=high).contains(&number))
        })
    }

    /// Emits the test: control goes on where the packet passes it, and at `failed` otherwise.
    fn lower(&self, cx: &mut RuleCx<'_>, failed: Block) {
        let mut base = None;
        let mut number = read(cx, base, self.offset, failed);
        for &step in &self.steps {
            let b = cx.builder();
            let (op, bits) = match step {
                Step::And(mask) => {
                    number = b.mask(number, mask.into());
                    continue;
                }
                Step::At(offset) => {
                    // What leads beyond the packet cannot be read, and no sum overflows then.
                    let length = b.meta(Meta::Length);
                    let inside = b.compare(Condition::Le, number, length);
                    b.require(inside, failed);
                    let sum = match base {
                        Some(base) => b.binary(BinaryOp::Add, base, number),
                        None => number,
                    };
                    base = Some(sum);
                    number = read(cx, base, offset, failed);
                    continue;
                }
                Step::Left(bits) => (BinaryOp::Shl, bits),
                Step::Right(bits) => (BinaryOp::Shr, bits),
            };
            if bits > 0 {
                let bits = b.constant(Type::I32, bits.into());
                number = b.binary(op, number, bits);
            }
        }
        let passed = cx.builder().block();
        for &(low, high) in self.ranges.iter().filter(|(low, high)| low <= high) {
            let b = cx.builder();
            let inside = b.in_range(number, low.into(), high.into());
            b.forbid(inside, passed);
        }
        cx.builder().jump(failed);
        cx.builder().switch_to(passed);
    }
}

/// Emits a read of four bytes; control goes on where they are there, and at `failed` otherwise.
fn read(cx: &mut RuleCx<'_>, base: Option<Value>, offset: u32, failed: Block) -> Value {
    let fixed = if cx.family() == Family::Ipv4 { 20 } else { 40 };
    let b = cx.builder();
    if offset > LAST_OFFSET {
        b.jump(failed);
        let unreached = b.block();
        b.switch_to(unreached);
        return b.constant(Type::I32, 0);
    }
    let place = match base {
        None if offset + 4 <= fixed => {
            return b.payload(Type::I32, Base::Network, offset as u16);
        }
        None => b.constant(Type::I32, offset.into()),
        Some(base) if offset == 0 => base,
        Some(base) => {
            let offset = b.constant(Type::I32, offset.into());
            b.binary(BinaryOp::Add, base, offset)
        }
    };
    let there = b.available_at(place, 4);
    b.require(there, failed);
    b.load_at(Type::I32, place, 0)
}

impl U32 {
    fn print(&self, out: &mut String) {
        out.push_str(" \"");
        for (index, test) in self.tests.iter().enumerate() {
            let _ = write!(out, "{}0x{:x}", if index > 0 { "&&" } else { "" }, test.offset);
            for step in &test.steps {
                let (operator, number) = step.parts();
                let _ = write!(out, "{operator}0x{number:x}");
            }
            for (index, &(low, high)) in test.ranges.iter().enumerate() {
                let _ = write!(out, "{}0x{low:x}", if index > 0 { "," } else { "=" });
                if low != high {
                    let _ = write!(out, ":0x{high:x}");
                }
            }
        }
        out.push('"');
    }
}

impl Match for U32 {
    fn extension(&self) -> &'static MatchExtension {
        &U32
    }

    fn save(&self, out: &mut String) {
        out.push_str(if self.invert { " ! --u32" } else { " --u32" });
        self.print(out);
    }

    fn list(&self, out: &mut String) {
        out.push_str(if self.invert { " u32 !" } else { " u32" });
        self.print(out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let held = self.invert.then(|| cx.builder().block());
        let failed = held.unwrap_or(cx.no_match());
        for test in &self.tests {
            test.lower(cx, failed);
        }
        if let Some(held) = held {
            let no_match = cx.no_match();
            cx.builder().jump(no_match);
            cx.builder().switch_to(held);
        }
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let bytes = packet.packet.bytes();
        Outcome::of(self.tests.iter().all(|test| test.holds(bytes)) != self.invert)
    }
}
