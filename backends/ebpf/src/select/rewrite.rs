//! Writing the packet: bytes, and the checksums that cover them.
//!
//! Bytes are written to the packet first and then to the copies in `struct bpfc_packet`, which
//! later rules read. Where the kernel refuses a write the packet is dropped, as its own rules do.

use super::Selector;
use crate::asm::{Alu, FP, Jump, R0, R1, R2, R3, R4, R5, R7, Reg, Size, Width};
use crate::error::EmitError;
use crate::{layout, outcome};
use bpfc_ir::{Base, ChecksumField, Rewrite, Type, Value};

/// Where in the scratch bytes a checksum lies before it is corrected.
const BEFORE: i16 = 16;

impl Selector<'_, '_> {
    pub(super) fn rewrite(&mut self, rewrite: Rewrite) -> Result<(), EmitError> {
        match rewrite {
            Rewrite::Store(base, offset, value) => self.store(base, offset, value),
            Rewrite::Checksum(field, old, new) => self.checksum(field, old, new),
        }
    }

    fn store(&mut self, base: Base, offset: u16, value: Value) -> Result<(), EmitError> {
        let ty = self.function.ty(value);
        if ty == Type::I128 {
            for half in 0..2u8 {
                self.half(value, half, R1, R3)?;
                self.asm.from_big_endian(R1, 64);
                self.asm.store(Size::D, FP, self.scratch + i16::from(half) * 8, R1);
            }
        } else {
            let number = self.scalar(value, 0)?;
            let size = Size::of(ty.bytes());
            let size = size.ok_or(EmitError::Type(self.name.clone(), "a store"))?;
            if ty.bytes() > 1 {
                self.asm.from_big_endian(number, i32::from(ty.bytes()) * 8);
            }
            self.asm.store(size, FP, self.scratch, number);
        }
        self.write(base, offset, ty.bytes());
        Ok(())
    }

    fn checksum(&mut self, field: ChecksumField, old: Value, new: Value) -> Result<(), EmitError> {
        let ChecksumField { base, offset, pseudo } = field;
        self.read(base, offset, 2, self.scratch + BEFORE);
        if base == Base::Transport && self.emitter.target.keeps_checksums() {
            let (old, new) = (self.scalar(old, 2)?, self.scalar(new, 3)?);
            debug_assert_eq!((old, new), (R3, R4));
            self.asm.from_big_endian(R3, 32);
            self.asm.from_big_endian(R4, 32);
            self.place(R2, R5, base, offset);
            let before = self.scratch + BEFORE;
            self.emitter.target.replace_checksum(&mut self.asm, pseudo);
            self.drop_unless_done();
            self.refresh(base, offset, 2);
            if !pseudo {
                // The kernel has not counted the checksum's own change.
                self.asm.load(Size::H, R2, FP, before);
                self.asm.alu_imm(Alu::Xor, Width::W64, R2, 0xffff);
                self.asm.load(Size::H, R1, FP, self.scratch);
                self.asm.alu(Alu::Add, Width::W64, R2, R1);
                self.emitter.target.add_to_sum(&mut self.asm);
            }
            return Ok(());
        }
        let (old, new) = (self.scalar(old, 0)?, self.scalar(new, 1)?);
        self.asm.load(Size::H, R3, FP, self.scratch + BEFORE);
        self.asm.from_big_endian(R3, 16);
        self.asm.alu(Alu::Add, Width::W64, R3, old);
        // 0xffff divides it, and what is subtracted is not more.
        self.asm.constant(R4, u32::MAX.into());
        self.asm.alu(Alu::Add, Width::W64, R3, R4);
        self.asm.alu(Alu::Sub, Width::W64, R3, new);
        self.asm.alu_imm(Alu::Mod, Width::W64, R3, 0xffff);
        self.asm.from_big_endian(R3, 16);
        self.asm.store(Size::H, FP, self.scratch, R3);
        self.write(base, offset, 2);
        Ok(())
    }

    /// `to` = where the target finds a byte of a header; clobbers `tmp`.
    fn place(&mut self, to: Reg, tmp: Reg, base: Base, offset: u16) {
        self.asm.load(Size::W, to, R7, layout::NETWORK_OFFSET);
        if base == Base::Transport {
            self.asm.load(Size::H, tmp, R7, layout::TRANSPORT_OFFSET);
            self.asm.alu(Alu::Add, Width::W64, to, tmp);
        }
        if offset != 0 {
            self.asm.alu_imm(Alu::Add, Width::W64, to, i32::from(offset));
        }
    }

    fn drop_unless_done(&mut self) {
        let drop = self.leave_label(outcome::DROP);
        self.asm.jump_imm(Jump::Ne, Width::W64, R0, 0, drop);
    }

    /// Copies bytes of the packet to the frame.
    fn read(&mut self, base: Base, offset: u16, bytes: u16, to: i16) {
        self.place(R2, R1, base, offset);
        self.asm.mov(R3, FP);
        self.asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(to));
        self.asm.mov_imm(R4, i32::from(bytes));
        self.emitter.target.fetch(&mut self.asm, self.scratch);
        self.drop_unless_done();
    }

    /// Writes the scratch bytes to the packet.
    fn write(&mut self, base: Base, offset: u16, bytes: u16) {
        self.place(R2, R1, base, offset);
        self.asm.mov(R3, FP);
        self.asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(self.scratch));
        self.asm.mov_imm(R4, i32::from(bytes));
        self.emitter.target.write(&mut self.asm);
        self.drop_unless_done();
        self.copy(base, offset, bytes);
    }

    /// Reads bytes that the kernel has changed to the scratch bytes and the copy.
    fn refresh(&mut self, base: Base, offset: u16, bytes: u16) {
        self.read(base, offset, bytes, self.scratch);
        self.copy(base, offset, bytes);
    }

    /// Copies the scratch bytes to where rules read them.
    fn copy(&mut self, base: Base, offset: u16, bytes: u16) {
        let (start, window) = match base {
            Base::Link => return,
            Base::Network => (layout::NETWORK, layout::network_window(self.function.family)),
            Base::Transport => (layout::TRANSPORT, layout::TRANSPORT_WINDOW),
        };
        for at in (0..bytes).filter(|at| offset + at < window) {
            self.asm.load(Size::B, R1, FP, self.scratch + at as i16);
            self.asm.store(Size::B, R7, start + (offset + at) as i16, R1);
        }
    }
}
