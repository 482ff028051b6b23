//! Whether programs fit what the kernel has for calls: 256 functions a program, 8 frames at once,
//! and 512 bytes of stack for all frames together (kernel/bpf/verifier.c,
//! `check_max_stack_depth`; include/linux/bpf_verifier.h).
//!
//! Passes that inline work on estimates of this; here is the result, so that they can be
//! asked again for less.

use bpfc_artifact::{Artifact, Function, FunctionIndex, Insn, RelocKind};
use std::collections::BTreeMap;
use std::fmt;

/// `BPF_MAX_SUBPROGS`.
const FUNCTIONS: usize = 256;
/// `MAX_CALL_FRAMES`.
const FRAMES: u32 = 8;
/// `MAX_BPF_STACK`.
const STACK: u32 = 512;
/// What a frame's size is rounded up to.
const ROUNDING: u32 = 32;
/// The same since Linux 6.9 where programs are compiled to machine code (`round_up_stack_depth`).
const JIT_ROUNDING: u32 = 16;

/// What a program's calls need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallSize {
    /// Functions, main and the bodies of loops included.
    pub functions: usize,
    /// Frames at once, likewise.
    pub frames: u32,
    /// Bytes of stack at once, as any kernel counts them.
    pub stack: u32,
    /// Bytes of stack at once, as Linux 6.9 and later count them with JIT: no more than `stack`.
    pub jit_stack: u32,
}

impl CallSize {
    /// Whether every kernel has that much.
    pub fn fits(self) -> bool {
        self.functions <= FUNCTIONS && !self.is_deep()
    }

    /// Whether Linux 6.9 and later have that much with JIT.
    pub fn fits_jit(self) -> bool {
        self.functions <= FUNCTIONS && self.frames <= FRAMES && self.jit_stack <= STACK
    }

    /// Whether it is the depth that does not fit.
    pub fn is_deep(self) -> bool {
        self.frames > FRAMES || self.stack > STACK
    }

    /// By how many functions there are too many.
    pub fn excess_functions(self) -> usize {
        self.functions.saturating_sub(FUNCTIONS)
    }
}

impl fmt::Display for CallSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} functions, {} of them and {} bytes of stack at once, where the kernel has \
             {FUNCTIONS}, {FRAMES} and {STACK}",
            self.functions, self.frames, self.stack
        )
    }
}

/// What the calls of the largest program need, each number by itself.
///
/// # Panics
/// When an index in the artifact is wrong, or functions call each other in a loop.
pub fn call_size(artifact: &Artifact) -> CallSize {
    let mut known = BTreeMap::new();
    let sizes = artifact.programs.iter().map(|program| {
        let Depth { frames, stack, jit_stack } = depth(artifact, program.entry, &mut known);
        CallSize { functions: artifact.closure(program.entry).len(), frames, stack, jit_stack }
    });
    sizes.fold(CallSize::default(), |a, b| CallSize {
        functions: a.functions.max(b.functions),
        frames: a.frames.max(b.frames),
        stack: a.stack.max(b.stack),
        jit_stack: a.jit_stack.max(b.jit_stack),
    })
}

/// What a function needs together with what it calls.
#[derive(Clone, Copy, Default)]
struct Depth {
    frames: u32,
    stack: u32,
    jit_stack: u32,
}

fn depth(
    artifact: &Artifact,
    index: FunctionIndex,
    known: &mut BTreeMap<FunctionIndex, Depth>,
) -> Depth {
    if let Some(&size) = known.get(&index) {
        return size;
    }
    let function = &artifact.functions[index.0 as usize];
    let mut below = Depth::default();
    for reloc in &function.relocs {
        if let RelocKind::Call(callee) | RelocKind::FunctionPointer(callee) = reloc.kind {
            let callee = depth(artifact, callee, known);
            below.frames = below.frames.max(callee.frames);
            below.stack = below.stack.max(callee.stack);
            below.jit_stack = below.jit_stack.max(callee.jit_stack);
        }
    }
    let frame = frame(function);
    let size = Depth {
        frames: below.frames + 1,
        stack: below.stack + frame.max(1).next_multiple_of(ROUNDING),
        jit_stack: below.jit_stack + frame.next_multiple_of(JIT_ROUNDING),
    };
    known.insert(index, size);
    size
}

/// The frame pointer's number.
const FP: u8 = 10;

/// Bytes of a function's own frame: the lowest that it stores to, loads from or points at.
fn frame(function: &Function) -> u32 {
    // What registers hold that were made from the frame pointer.
    let mut offsets: [Option<i32>; 11] = [None; 11];
    let mut lowest = 0;
    for &Insn { code, dst, src, off, imm } in &function.insns {
        let base = match code & 7 {
            // LDX, ST, STX
            1 => src,
            2 | 3 => dst,
            _ => u8::MAX,
        };
        if base == FP {
            lowest = lowest.min(i32::from(off));
        }
        let Some(held) = offsets.get_mut(usize::from(dst)) else { continue };
        match code {
            // mov64 from a register, add64 of a constant
            0xbf => *held = (src == FP).then_some(0),
            0x07 => *held = held.map(|offset| offset.saturating_add(imm)),
            _ if matches!(code & 7, 0 | 1 | 4 | 7) => *held = None,
            _ => {}
        }
        lowest = lowest.min(held.unwrap_or(0));
    }
    lowest.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfc_artifact::{AttachPoint, FunctionKind, Program, ProgramKind, Reloc};

    fn function(insns: Vec<Insn>, callees: &[u32]) -> Function {
        let call = |&callee: &u32| Reloc { insn: 0, kind: RelocKind::Call(FunctionIndex(callee)) };
        Function {
            name: "f".into(),
            kind: FunctionKind::Main,
            program: ProgramKind::Xdp,
            packet_size: 0,
            insns,
            relocs: callees.iter().map(call).collect(),
            lines: Vec::new(),
        }
    }

    fn insn(code: u8, dst: u8, src: u8, off: i16, imm: i32) -> Insn {
        Insn { code, dst, src, off, imm }
    }

    #[test]
    fn frames_end_at_the_lowest_address_used() {
        let store = insn(0x7a, FP, 0, -24, 0);
        let pointer = [insn(0xbf, 3, FP, 0, 0), insn(0x07, 3, 0, 0, -100)];
        let other = [insn(0xbf, 3, 7, 0, 0), insn(0x07, 3, 0, 0, -400)];
        assert_eq!(frame(&function(vec![store], &[])), 24);
        assert_eq!(frame(&function(pointer.to_vec(), &[])), 100);
        assert_eq!(frame(&function(other.to_vec(), &[])), 0);
    }

    #[test]
    fn the_deepest_path_counts() {
        let big = insn(0x7a, FP, 0, -200, 0);
        let artifact = Artifact {
            target: "xdp".into(),
            functions: vec![
                function(vec![], &[1, 2]),
                function(vec![big], &[]),
                function(vec![], &[3]),
                function(vec![], &[]),
                function(vec![big, big], &[]),
            ],
            programs: vec![Program {
                name: "p".into(),
                attach: AttachPoint::Xdp,
                entry: FunctionIndex(0),
            }],
            ..Artifact::default()
        };
        let size = CallSize { functions: 4, frames: 3, stack: 32 + 224, jit_stack: 208 };
        assert_eq!(call_size(&artifact), size);
    }
}
