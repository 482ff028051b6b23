//! Jenkins' hash (`bpfc_ir::jenkins`) in registers.

use super::Selector;
use crate::asm::{Alu, Asm, R0, R1, R2, R3, R4, R5, R7, Reg, Size, Width};
use crate::error::EmitError;
use bpfc_ir::jenkins::{LAST, ROUNDS, START};
use bpfc_ir::{Type, Value};

/// The three sums.
const SUMS: [Reg; 3] = [R1, R2, R3];

/// r4 = a register, rotated left. Clobbers r0.
fn rotate(asm: &mut Asm, from: Reg, bits: u32) {
    asm.mov(R4, from);
    asm.alu_imm(Alu::Lsh, Width::W32, R4, bits as i32);
    asm.mov(R0, from);
    asm.alu_imm(Alu::Rsh, Width::W32, R0, 32 - bits as i32);
    asm.alu(Alu::Or, Width::W32, R4, R0);
}

impl Selector<'_, '_> {
    /// r0 = the hash of so many bytes of numbers. Clobbers r1 to r5, and the places of arguments.
    pub(super) fn hash(
        &mut self,
        values: &[Value],
        bytes: u16,
        seed: u32,
    ) -> Result<(), EmitError> {
        let start = START.wrapping_add(bytes.into()).wrapping_add(seed);
        let is_number = |&value: &Value| self.function.ty(value).bytes() <= 4;
        if let [value] = values
            && is_number(value)
        {
            let word = self.scalar(*value, 0)?;
            debug_assert_eq!(word, R1);
            word_of(&mut self.asm, R1, self.function.ty(*value));
            self.asm.alu_imm(Alu::Add, Width::W32, R1, start as i32);
            self.asm.constant(R2, start.into());
            self.asm.mov(R3, R2);
        } else {
            self.arguments(values)?;
            self.asm.constant(R1, start.into());
            self.asm.mov(R2, R1);
            self.asm.mov(R3, R1);
            self.sum(values);
        }
        let asm = &mut self.asm;
        for (to, from, bits) in LAST {
            let (to, from) = (SUMS[to], SUMS[from]);
            asm.alu(Alu::Xor, Width::W32, to, from);
            rotate(asm, from, bits);
            asm.alu(Alu::Sub, Width::W32, to, R4);
        }
        asm.mov(R0, R3);
        Ok(())
    }

    /// Adds the words of all arguments to the sums, and mixes these after each three but the last.
    fn sum(&mut self, values: &[Value]) {
        let mut added = 0;
        for (at, &value) in values.iter().enumerate() {
            let Some(place) = self.emitter.layout.argument(at) else { continue };
            let ty = self.function.ty(value);
            let asm = &mut self.asm;
            if ty == Type::I64 {
                asm.load(Size::D, R4, R7, place);
                asm.from_big_endian(R4, 64);
                asm.store(Size::D, R7, place, R4);
            }
            for word in (0..ty.bytes() as i16).step_by(4) {
                if added > 0 && added % 3 == 0 {
                    for (to, from, bits) in ROUNDS {
                        let other = SUMS[3 - to - from];
                        let (to, from) = (SUMS[to], SUMS[from]);
                        asm.alu(Alu::Sub, Width::W32, to, from);
                        rotate(asm, from, bits);
                        asm.alu(Alu::Xor, Width::W32, to, R4);
                        asm.alu(Alu::Add, Width::W32, from, other);
                    }
                }
                asm.load(Size::W, R5, R7, place + word);
                if ty.bytes() <= 4 {
                    word_of(asm, R5, ty);
                }
                asm.alu(Alu::Add, Width::W32, SUMS[added % 3], R5);
                added += 1;
            }
        }
    }
}

/// The word that the bytes of a number of four bytes at most are, filled up with zeros.
fn word_of(asm: &mut Asm, number: Reg, ty: Type) {
    match ty {
        Type::I16 => asm.from_big_endian(number, 16),
        Type::I32 => asm.from_big_endian(number, 32),
        _ => {}
    }
}
