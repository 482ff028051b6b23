//! Jenkins' hash (`bpfc_ir::jenkins`) in registers.

use super::Selector;
use crate::asm::{Alu, R0, R1, R2, R3, R4, Reg, Width};
use crate::error::EmitError;
use bpfc_ir::Value;

/// The three sums.
const SUMS: [Reg; 3] = [R1, R2, R3];

/// What the sums begin with, besides the seed.
const START: u32 = 0xdead_beef + 4;

/// Which sum is changed by which other one, and by how many bits that one is rotated.
const STEPS: [(usize, usize, i32); 7] =
    [(2, 1, 14), (0, 2, 11), (1, 0, 25), (2, 1, 16), (0, 2, 4), (1, 0, 14), (2, 1, 24)];

impl Selector<'_, '_> {
    /// r0 = the hash of a number. Clobbers r1 to r4.
    pub(super) fn hash(&mut self, value: Value, seed: u32) -> Result<(), EmitError> {
        let start = START.wrapping_add(seed);
        let word = self.scalar(value, 0)?;
        debug_assert_eq!(word, R1);
        let asm = &mut self.asm;
        asm.from_big_endian(R1, 32);
        asm.alu_imm(Alu::Add, Width::W32, R1, start as i32);
        asm.constant(R2, start.into());
        asm.mov(R3, R2);
        for (to, from, bits) in STEPS {
            let (to, from) = (SUMS[to], SUMS[from]);
            asm.alu(Alu::Xor, Width::W32, to, from);
            asm.mov(R4, from);
            asm.alu_imm(Alu::Lsh, Width::W32, R4, bits);
            asm.mov(R0, from);
            asm.alu_imm(Alu::Rsh, Width::W32, R0, 32 - bits);
            asm.alu(Alu::Or, Width::W32, R4, R0);
            asm.alu(Alu::Sub, Width::W32, to, R4);
        }
        asm.mov(R0, R3);
        Ok(())
    }
}
