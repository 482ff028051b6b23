//! Classic BPF filters (net/core/filter.c, `bpf_convert_filter`): one function each.
//!
//! A lies in r8 and X in r9, both as 32 bits; memory lies in the frame. What the kernel's converted
//! program does on a load that fails and on a division by 0, to return 0, this does.

use crate::asm::{Alu, Asm, FP, Jump, Label, R0, R1, R2, R3, R4, R6, R7, R8, R9, Size, Width};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::packet::layout;
use crate::target::SCRATCH_SIZE;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{
    CLASSIC_MEMORY_WORDS, CLASSIC_NETWORK_OFFSET, ClassicAlu, ClassicFilter, ClassicInsn,
    ClassicOp, ClassicTest,
};

/// Where loaded bytes lie, below it memory, below that the target's scratch.
const LOADED: i16 = -8;
const MEMORY: i16 = LOADED - 4 * CLASSIC_MEMORY_WORDS as i16;
const SCRATCH: i16 = MEMORY - SCRATCH_SIZE;
const W32: Width = Width::W32;

/// Emits a filter.
pub(crate) fn emit(
    emitter: &mut Emitter<'_>,
    filter: &ClassicFilter,
) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "run the filter");
    let fail = asm.label();
    asm.mov(R6, R1);
    asm.mov(R7, R2);
    asm.mov_imm(R8, 0);
    asm.mov_imm(R9, 0);
    asm.jump_imm(Jump::Eq, Width::W64, R7, 0, fail);
    let insns = filter.insns();
    let labels: Vec<Label> = insns.iter().map(|_| asm.label()).collect();
    let reached = reached(insns);
    for (at, insn) in insns.iter().enumerate() {
        // The kernel's verifier refuses what nothing reaches.
        if !reached[at] {
            continue;
        }
        asm.place(labels[at]);
        instruction(emitter, &mut asm, insn, &labels[at + 1..], fail);
    }
    asm.place(fail);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "scan_filter", FunctionKind::Chain)
}

/// Which instructions control can come to.
fn reached(insns: &[ClassicInsn]) -> Vec<bool> {
    let mut reached = vec![false; insns.len() + 1];
    reached[0] = true;
    for (at, insn) in insns.iter().enumerate() {
        if !reached[at] {
            continue;
        }
        let next = at + 1;
        match insn.op() {
            Some(ClassicOp::Return | ClassicOp::ReturnA) | None => {}
            Some(ClassicOp::Jump) => reached[next + insn.k as usize] = true,
            Some(ClassicOp::Branch(..)) => {
                reached[next + usize::from(insn.jt)] = true;
                reached[next + usize::from(insn.jf)] = true;
            }
            Some(_) => reached[next] = true,
        }
    }
    reached
}

/// Emits one instruction; `following` are the labels of those behind it.
fn instruction(
    emitter: &Emitter<'_>,
    asm: &mut Asm,
    insn: &ClassicInsn,
    following: &[Label],
    fail: Label,
) {
    let k = insn.k as i32;
    let word = MEMORY + 4 * (insn.k as usize % CLASSIC_MEMORY_WORDS) as i16;
    let Some(op) = insn.op() else { return };
    match op {
        ClassicOp::LoadAbsolute(size) => {
            asm.alu_imm(Alu::Mov, W32, R2, k);
            load(emitter, asm, size, fail);
            asm.mov(R8, R0);
        }
        ClassicOp::LoadIndirect(size) => {
            asm.alu(Alu::Mov, W32, R2, R9);
            asm.alu_imm(Alu::Add, W32, R2, k);
            load(emitter, asm, size, fail);
            asm.mov(R8, R0);
        }
        ClassicOp::LoadHeaderLength => {
            asm.alu_imm(Alu::Mov, W32, R2, k);
            load(emitter, asm, 1, fail);
            asm.alu_imm(Alu::And, W32, R0, 0xf);
            asm.alu_imm(Alu::Lsh, W32, R0, 2);
            asm.mov(R9, R0);
        }
        ClassicOp::LoadLength => asm.load(Size::W, R8, R7, layout::LENGTH),
        ClassicOp::LoadLengthX => asm.load(Size::W, R9, R7, layout::LENGTH),
        ClassicOp::LoadConstant => asm.alu_imm(Alu::Mov, W32, R8, k),
        ClassicOp::LoadConstantX => asm.alu_imm(Alu::Mov, W32, R9, k),
        ClassicOp::LoadMemory => asm.load(Size::W, R8, FP, word),
        ClassicOp::LoadMemoryX => asm.load(Size::W, R9, FP, word),
        ClassicOp::Store => asm.store(Size::W, FP, word, R8),
        ClassicOp::StoreX => asm.store(Size::W, FP, word, R9),
        ClassicOp::Alu(alu, by_x) => {
            let divides = matches!(alu, ClassicAlu::Div | ClassicAlu::Mod);
            if by_x && divides {
                asm.jump_imm(Jump::Eq, W32, R9, 0, fail);
            }
            let alu = match alu {
                ClassicAlu::Add => Alu::Add,
                ClassicAlu::Sub => Alu::Sub,
                ClassicAlu::Mul => Alu::Mul,
                ClassicAlu::Div => Alu::Div,
                ClassicAlu::Mod => Alu::Mod,
                ClassicAlu::Or => Alu::Or,
                ClassicAlu::And => Alu::And,
                ClassicAlu::Xor => Alu::Xor,
                ClassicAlu::Shl => Alu::Lsh,
                ClassicAlu::Shr => Alu::Rsh,
            };
            match by_x {
                true => asm.alu(alu, W32, R8, R9),
                false => asm.alu_imm(alu, W32, R8, k),
            }
        }
        ClassicOp::Negate => {
            asm.mov_imm(R1, 0);
            asm.alu(Alu::Sub, W32, R1, R8);
            asm.mov(R8, R1);
        }
        ClassicOp::Jump => asm.goto(following[insn.k as usize]),
        ClassicOp::Branch(test, by_x) => {
            let test = match test {
                ClassicTest::Eq => Jump::Eq,
                ClassicTest::Gt => Jump::Gt,
                ClassicTest::Ge => Jump::Ge,
                ClassicTest::Set => Jump::Set,
            };
            let (then, otherwise) =
                (following[usize::from(insn.jt)], following[usize::from(insn.jf)]);
            match by_x {
                true => asm.jump(test, W32, R8, R9, then),
                false => asm.jump_imm(test, W32, R8, k, then),
            }
            if insn.jf > 0 {
                asm.goto(otherwise);
            }
        }
        ClassicOp::Return => {
            asm.alu_imm(Alu::Mov, W32, R0, k);
            asm.exit();
        }
        ClassicOp::ReturnA => {
            asm.mov(R0, R8);
            asm.exit();
        }
        ClassicOp::ToX => asm.mov(R9, R8),
        ClassicOp::ToA => asm.mov(R8, R9),
    }
}

/// r0 = the number of `size` bytes at offset r2 from the network header; jumps to `fail` where
/// they are not there.
fn load(emitter: &Emitter<'_>, asm: &mut Asm, size: u8, fail: Label) {
    let plain = asm.label();
    asm.jump_imm(Jump::Lt, W32, R2, CLASSIC_NETWORK_OFFSET as i32, plain);
    asm.alu_imm(Alu::Sub, W32, R2, CLASSIC_NETWORK_OFFSET as i32);
    asm.place(plain);
    asm.load(Size::W, R1, R7, emitter.layout.end());
    asm.mov(R3, R2);
    asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(size));
    asm.jump(Jump::Gt, Width::W64, R3, R1, fail);
    asm.load(Size::W, R1, R7, layout::NETWORK_OFFSET);
    asm.alu(Alu::Add, Width::W64, R2, R1);
    asm.store_imm(Size::D, FP, LOADED, 0);
    asm.mov(R3, FP);
    asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(LOADED));
    asm.mov_imm(R4, i32::from(size));
    emitter.target.fetch(asm, SCRATCH);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, fail);
    let (access, bits) = match size {
        1 => (Size::B, 0),
        2 => (Size::H, 16),
        _ => (Size::W, 32),
    };
    asm.load(access, R0, FP, LOADED);
    if bits > 0 {
        asm.from_big_endian(R0, bits);
    }
}
