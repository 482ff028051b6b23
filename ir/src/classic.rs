//! Classic BPF filters as `-m bpf` takes them: checked as `bpf_check_classic` does and run as the
//! kernel runs what it converts them to (net/core/filter.c).
//!
//! Packet bytes count from the network header, where the packet's data begins at netfilter's hooks.
//! What is not there ends the filter with 0, as does a division by 0. Loads of what the kernel
//! knows besides the bytes (`SKF_AD_OFF`) and of the link header (`SKF_LL_OFF`) are not known here.

use std::fmt;

/// One instruction (`struct sock_filter`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassicInsn {
    /// The operation.
    pub code: u16,
    /// How many instructions a jump passes over where its condition holds.
    pub jt: u8,
    /// Likewise where it does not hold.
    pub jf: u8,
    /// A number.
    pub k: u32,
}

/// A filter that was checked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassicFilter(Vec<ClassicInsn>);

/// What an instruction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassicOp {
    /// `A = P[k:size]`, big endian.
    LoadAbsolute(u8),
    /// `A = P[X + k:size]`, big endian.
    LoadIndirect(u8),
    /// `X = 4 * (P[k] & 0xf)`.
    LoadHeaderLength,
    /// `A = packet length`.
    LoadLength,
    /// `X = packet length`.
    LoadLengthX,
    /// `A = k`.
    LoadConstant,
    /// `X = k`.
    LoadConstantX,
    /// `A = M[k]`.
    LoadMemory,
    /// `X = M[k]`.
    LoadMemoryX,
    /// `M[k] = A`.
    Store,
    /// `M[k] = X`.
    StoreX,
    /// `A = A op operand`; the operand is X or k.
    Alu(ClassicAlu, bool),
    /// `A = -A`.
    Negate,
    /// Passes over k instructions.
    Jump,
    /// Passes over jt or jf instructions; the operand is X or k.
    Branch(ClassicTest, bool),
    /// Ends with k.
    Return,
    /// Ends with A.
    ReturnA,
    /// `X = A`.
    ToX,
    /// `A = X`.
    ToA,
}

/// Arithmetic on 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ClassicAlu {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Or,
    And,
    Xor,
    Shl,
    Shr,
}

/// A test of A, unsigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassicTest {
    /// Equal.
    Eq,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// A common bit.
    Set,
}

/// `SKF_NET_OFF`: from here on offsets count from the network header.
pub const NETWORK_OFFSET: u32 = 0xfff0_0000;
/// `SKF_AD_OFF`: from here on constant offsets name what the kernel knows besides bytes.
const ANCILLARY: u32 = 0xffff_f000;
/// `BPF_MEMWORDS`.
pub const MEMORY_WORDS: usize = 16;

impl ClassicInsn {
    /// What it does; none for an operation that does not exist.
    pub fn op(&self) -> Option<ClassicOp> {
        use ClassicOp::*;
        let by_x = self.code & 0x08 != 0;
        Some(match self.code {
            0x00 => LoadConstant,
            0x01 => LoadConstantX,
            0x20 => LoadAbsolute(4),
            0x28 => LoadAbsolute(2),
            0x30 => LoadAbsolute(1),
            0x40 => LoadIndirect(4),
            0x48 => LoadIndirect(2),
            0x50 => LoadIndirect(1),
            0x60 => LoadMemory,
            0x61 => LoadMemoryX,
            0x80 => LoadLength,
            0x81 => LoadLengthX,
            0xb1 => LoadHeaderLength,
            0x02 => Store,
            0x03 => StoreX,
            0x04 | 0x0c => Alu(ClassicAlu::Add, by_x),
            0x14 | 0x1c => Alu(ClassicAlu::Sub, by_x),
            0x24 | 0x2c => Alu(ClassicAlu::Mul, by_x),
            0x34 | 0x3c => Alu(ClassicAlu::Div, by_x),
            0x44 | 0x4c => Alu(ClassicAlu::Or, by_x),
            0x54 | 0x5c => Alu(ClassicAlu::And, by_x),
            0x64 | 0x6c => Alu(ClassicAlu::Shl, by_x),
            0x74 | 0x7c => Alu(ClassicAlu::Shr, by_x),
            0x84 => Negate,
            0x94 | 0x9c => Alu(ClassicAlu::Mod, by_x),
            0xa4 | 0xac => Alu(ClassicAlu::Xor, by_x),
            0x05 => Jump,
            0x15 | 0x1d => Branch(ClassicTest::Eq, by_x),
            0x25 | 0x2d => Branch(ClassicTest::Gt, by_x),
            0x35 | 0x3d => Branch(ClassicTest::Ge, by_x),
            0x45 | 0x4d => Branch(ClassicTest::Set, by_x),
            0x06 => Return,
            0x16 => ReturnA,
            0x07 => ToX,
            0x87 => ToA,
            _ => return None,
        })
    }

    /// How far its jumps go at most; none for what does not jump.
    fn reach(&self) -> Option<u64> {
        match self.op()? {
            ClassicOp::Jump => Some(self.k.into()),
            ClassicOp::Branch(..) => Some(self.jt.max(self.jf).into()),
            _ => None,
        }
    }
}

impl ClassicFilter {
    /// The most instructions that `-m bpf` takes (`XT_BPF_MAX_NUM_INSTR`).
    pub const LONGEST: usize = 64;

    /// A filter that the kernel takes; the error is a sentence.
    pub fn new(insns: Vec<ClassicInsn>) -> Result<Self, String> {
        use ClassicOp::*;
        if insns.is_empty() || insns.len() > Self::LONGEST {
            return Err(format!("it has {} instructions, not 1 to {}", insns.len(), Self::LONGEST));
        }
        for (at, insn) in insns.iter().enumerate() {
            let bad = |what: &str| Err(format!("instruction {at} {what}"));
            let Some(op) = insn.op() else { return bad("does not exist") };
            let left = (insns.len() - at - 1) as u64;
            if insn.reach().is_some_and(|reach| reach >= left) {
                return bad("jumps out of the filter");
            }
            match op {
                Alu(ClassicAlu::Div | ClassicAlu::Mod, false) if insn.k == 0 => {
                    return bad("divides by 0");
                }
                Alu(ClassicAlu::Shl | ClassicAlu::Shr, false) if insn.k >= 32 => {
                    return bad("shifts by 32 bits or more");
                }
                LoadMemory | LoadMemoryX | Store | StoreX if insn.k as usize >= MEMORY_WORDS => {
                    return bad("uses memory that there is not");
                }
                LoadAbsolute(_) | LoadHeaderLength if insn.k >= ANCILLARY => {
                    return bad(
                        "asks what the kernel knows besides the packet's bytes (SKF_AD_OFF): use \
                         the matches for it, such as mark, pkttype and cpu",
                    );
                }
                LoadAbsolute(_) | LoadHeaderLength
                    if (1 << 31..NETWORK_OFFSET).contains(&insn.k) =>
                {
                    return bad("reads the link header (SKF_LL_OFF): use the match mac");
                }
                _ => {}
            }
        }
        match insns.last().and_then(ClassicInsn::op) {
            Some(Return | ReturnA) => {}
            _ => return Err("it does not end with a return".to_owned()),
        }
        match Self::reads_unset_memory(&insns) {
            Some(at) => Err(format!("instruction {at} reads memory that nothing has set")),
            None => Ok(ClassicFilter(insns)),
        }
    }

    /// The first instruction that reads memory which is not set on all ways to it
    /// (`check_load_and_stores`).
    fn reads_unset_memory(insns: &[ClassicInsn]) -> Option<usize> {
        let mut set = vec![u16::MAX; insns.len()];
        let mut here = 0u16;
        for (at, insn) in insns.iter().enumerate() {
            here &= set[at];
            let next = |distance: u32| at + 1 + distance as usize;
            match insn.op()? {
                ClassicOp::Store | ClassicOp::StoreX => here |= 1 << insn.k,
                ClassicOp::LoadMemory | ClassicOp::LoadMemoryX if here >> insn.k & 1 == 0 => {
                    return Some(at);
                }
                ClassicOp::Jump => {
                    set[next(insn.k)] &= here;
                    here = u16::MAX;
                }
                ClassicOp::Branch(..) => {
                    set[next(insn.jt.into())] &= here;
                    set[next(insn.jf.into())] &= here;
                    here = u16::MAX;
                }
                _ => {}
            }
        }
        None
    }

    /// The instructions.
    pub fn insns(&self) -> &[ClassicInsn] {
        &self.0
    }

    /// What it returns for a packet, whose bytes start at the network header.
    pub fn run(&self, bytes: &[u8]) -> u32 {
        self.walk(bytes).unwrap_or(0)
    }

    fn walk(&self, bytes: &[u8]) -> Option<u32> {
        let (mut a, mut x, mut memory, mut at) = (0u32, 0u32, [0u32; MEMORY_WORDS], 0usize);
        let load = |offset: u32, size: u8| -> Option<u32> {
            let offset = match offset {
                NETWORK_OFFSET.. => offset - NETWORK_OFFSET,
                // The link header, or nothing.
                0x8000_0000.. => return None,
                offset => offset,
            };
            let part = bytes.get(offset as usize..)?.get(..size.into())?;
            Some(part.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
        };
        loop {
            let insn = *self.0.get(at)?;
            at += 1;
            let k = insn.k;
            match insn.op()? {
                ClassicOp::LoadAbsolute(size) => a = load(k, size)?,
                ClassicOp::LoadIndirect(size) => a = load(x.wrapping_add(k), size)?,
                ClassicOp::LoadHeaderLength => x = (load(k, 1)? & 0xf) * 4,
                ClassicOp::LoadLength => a = bytes.len() as u32,
                ClassicOp::LoadLengthX => x = bytes.len() as u32,
                ClassicOp::LoadConstant => a = k,
                ClassicOp::LoadConstantX => x = k,
                ClassicOp::LoadMemory => a = *memory.get(k as usize)?,
                ClassicOp::LoadMemoryX => x = *memory.get(k as usize)?,
                ClassicOp::Store => *memory.get_mut(k as usize)? = a,
                ClassicOp::StoreX => *memory.get_mut(k as usize)? = x,
                ClassicOp::Alu(alu, by_x) => {
                    let operand = if by_x { x } else { k };
                    a = match alu {
                        ClassicAlu::Add => a.wrapping_add(operand),
                        ClassicAlu::Sub => a.wrapping_sub(operand),
                        ClassicAlu::Mul => a.wrapping_mul(operand),
                        ClassicAlu::Div => a.checked_div(operand)?,
                        ClassicAlu::Mod => a.checked_rem(operand)?,
                        ClassicAlu::Or => a | operand,
                        ClassicAlu::And => a & operand,
                        ClassicAlu::Xor => a ^ operand,
                        ClassicAlu::Shl => a.wrapping_shl(operand),
                        ClassicAlu::Shr => a.wrapping_shr(operand),
                    };
                }
                ClassicOp::Negate => a = a.wrapping_neg(),
                ClassicOp::Jump => at += k as usize,
                ClassicOp::Branch(test, by_x) => {
                    let operand = if by_x { x } else { k };
                    let holds = match test {
                        ClassicTest::Eq => a == operand,
                        ClassicTest::Gt => a > operand,
                        ClassicTest::Ge => a >= operand,
                        ClassicTest::Set => a & operand != 0,
                    };
                    at += usize::from(if holds { insn.jt } else { insn.jf });
                }
                ClassicOp::Return => return Some(k),
                ClassicOp::ReturnA => return Some(a),
                ClassicOp::ToX => x = a,
                ClassicOp::ToA => a = x,
            }
        }
    }
}

impl fmt::Display for ClassicFilter {
    /// `48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0`, as nfbpf_compile prints it behind the length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, ClassicInsn { code, jt, jf, k }) in self.0.iter().enumerate() {
            write!(f, "{}{code} {jt} {jf} {k}", if index > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

impl std::str::FromStr for ClassicFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let insn = |(index, part): (usize, &str)| {
            let bad = || format!("instruction {index}, '{part}', is not four numbers");
            let words: Vec<&str> = part.split_ascii_whitespace().collect();
            let &[code, jt, jf, k] = words.as_slice() else { return Err(bad()) };
            Ok(ClassicInsn {
                code: code.parse().map_err(|_| bad())?,
                jt: jt.parse().map_err(|_| bad())?,
                jf: jf.parse().map_err(|_| bad())?,
                k: k.parse().map_err(|_| bad())?,
            })
        };
        let insns: Result<Vec<ClassicInsn>, String> =
            text.split(',').enumerate().map(insn).collect();
        ClassicFilter::new(insns?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str, bytes: &[u8]) -> u32 {
        text.parse::<ClassicFilter>().expect("a filter").run(bytes)
    }

    #[test]
    fn filters_run_to_their_return() {
        let protocol = "48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0";
        assert_eq!(run(protocol, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 6]), 1);
        assert_eq!(run(protocol, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 17]), 0);
        assert_eq!(run(protocol, &[0; 9]), 0);
        // A header's length, a number behind it, and memory.
        let walk = "177 0 0 0,72 0 0 2,2 0 0 3,0 0 0 5,97 0 0 3,12 0 0 0,22 0 0 0";
        assert_eq!(run(walk, &[0x41, 0, 0, 0, 0, 0, 1, 2]), 0x107);
        assert_eq!(run("128 0 0 0,52 0 0 2,22 0 0 0", &[0; 9]), 4);
        assert_eq!(run("32 0 0 4293918720,22 0 0 0", &[0, 0, 1, 0, 7]), 256);
        assert_eq!(run("1 0 0 0,0 0 0 9,60 0 0 0,6 0 0 1", &[]), 0);
    }

    #[test]
    fn what_the_kernel_refuses_is_refused() {
        for text in [
            "",
            "6 0 0",
            "0 0 0 1",
            "5 0 0 1,6 0 0 0",
            "21 0 1 5,6 0 0 0",
            "52 0 0 0,6 0 0 0",
            "100 0 0 32,6 0 0 0",
            "2 0 0 16,6 0 0 0",
            "96 0 0 1,6 0 0 0",
            "255 0 0 0,6 0 0 0",
            "32 0 0 4294963200,6 0 0 0",
            "32 0 0 4292870144,6 0 0 0",
            "6 0 0 4294967296",
        ] {
            assert!(text.parse::<ClassicFilter>().is_err(), "{text}");
        }
        let long = |count| vec!["6 0 0 1"; count].join(",");
        assert!(long(64).parse::<ClassicFilter>().is_ok());
        assert!(long(65).parse::<ClassicFilter>().is_err());
    }
}
