//! SipHash-2-4 as the kernel computes it (lib/siphash.c): two rounds a word, four at the end.

use crate::asm::{Alu, Asm, FP, R0, R1, R2, R3, R4, R5, Reg, Size, Width};

/// Bytes of a key.
pub(super) const KEY_SIZE: i32 = 16;

/// What the last word has of how many bytes are hashed.
pub(super) const fn length(bytes: u64) -> u64 {
    bytes << 56
}

/// What the key's halves are mixed with at the beginning.
const START: [u64; 4] =
    [0x736f_6d65_7073_6575, 0x646f_7261_6e64_6f6d, 0x6c79_6765_6e65_7261, 0x7465_6462_7974_6573];

/// The four words of state.
const STATE: [Reg; 4] = [R1, R2, R3, R4];
/// The word that is mixed in.
const WORD: Reg = R0;
/// What a rotation needs.
const SPARE: Reg = R5;

/// r1 = the hash, of 64 bits, of `number` words in the frame, where the key lies as well. Clobbers
/// r0 to r5.
pub(super) fn of_words(asm: &mut Asm, words: i16, number: i16, key: i16) {
    let [v0, v1, v2, v3] = STATE;
    for (half, (state, start)) in [0, 1, 0, 1].into_iter().zip(STATE.into_iter().zip(START)) {
        asm.constant(state, start);
        asm.load(Size::D, WORD, FP, key + 8 * half);
        asm.alu(Alu::Xor, Width::W64, state, WORD);
    }
    for index in 0..number {
        asm.load(Size::D, WORD, FP, words + 8 * index);
        asm.alu(Alu::Xor, Width::W64, v3, WORD);
        rounds(asm, 2);
        asm.alu(Alu::Xor, Width::W64, v0, WORD);
    }
    asm.alu_imm(Alu::Xor, Width::W64, v2, 0xff);
    rounds(asm, 4);
    for state in [v1, v2, v3] {
        asm.alu(Alu::Xor, Width::W64, v0, state);
    }
}

/// Keeps r0.
fn rounds(asm: &mut Asm, number: u32) {
    let [v0, v1, v2, v3] = STATE;
    for _ in 0..number {
        mix(asm, v0, v1, 13);
        rotate(asm, v0, 32);
        mix(asm, v2, v3, 16);
        mix(asm, v0, v3, 21);
        mix(asm, v2, v1, 17);
        rotate(asm, v2, 32);
    }
}

/// `a += b; b = rotl(b, bits) ^ a`.
fn mix(asm: &mut Asm, a: Reg, b: Reg, bits: i32) {
    asm.alu(Alu::Add, Width::W64, a, b);
    rotate(asm, b, bits);
    asm.alu(Alu::Xor, Width::W64, b, a);
}

/// `reg = rotl(reg, bits)`.
fn rotate(asm: &mut Asm, reg: Reg, bits: i32) {
    asm.mov(SPARE, reg);
    asm.alu_imm(Alu::Lsh, Width::W64, reg, bits);
    asm.alu_imm(Alu::Rsh, Width::W64, SPARE, 64 - bits);
    asm.alu(Alu::Or, Width::W64, reg, SPARE);
}
