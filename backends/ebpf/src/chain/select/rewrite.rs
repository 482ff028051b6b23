//! Writing the packet: bytes, and the checksums that cover them.
//!
//! Bytes are written to the packet first and then to the copies in `struct bpfc_packet`, which
//! later rules read. Where the kernel refuses a write the packet is dropped, as its own rules do.

use super::Selector;
use crate::asm::{Alu, FP, Jump, R0, R1, R2, R3, R4, R5, R7, R8, Reg, Size, Width};
use crate::chain::outcome;
use crate::effect::{front, strip};
use crate::error::EmitError;
use crate::main_function::parse;
use crate::packet::layout;
use crate::packet::linear::{self, Destination, Offset};
use crate::routine::Routine;
use crate::target::{Growth, SCRATCH_SIZE};
use bpfc_ir::{Base, ChecksumField, Family, Op, OptionKinds, Rewrite, Scan, Stripped, Type, Value};

/// Where in the scratch bytes a checksum lies before it is corrected.
const BEFORE: i16 = 16;
/// Bytes of the link header that main has copied.
const LINK_HEADER: u16 = 14;
/// Bytes of what [`Rewrite::Insert`] puts in.
const INSERTED: i32 = front::GROWTH;
/// Bytes that may stand behind them; both fit the scratch bytes.
const LONGEST_TAIL: i32 = 40;

/// What a checksum covered, and what it covers now.
enum Change {
    /// Two values.
    Values(Value, Value),
    /// The sums that the last call of [`strip`] has left.
    Sums,
}

impl Selector<'_, '_> {
    pub(super) fn rewrite(&mut self, rewrite: &Rewrite) -> Result<(), EmitError> {
        match *rewrite {
            Rewrite::Store(base, offset, value) => self.store(base, offset, value),
            Rewrite::Checksum(field, old, new) => self.checksum(field, &Change::Values(old, new)),
            Rewrite::Strip(end, ref kinds, stripped) => self.strip(end, **kinds, stripped),
            Rewrite::StoreAt(offset, displacement, value) => {
                self.store_at(offset, displacement, value)
            }
            Rewrite::Priority(value) => {
                let priority = self.scalar(value, 0)?;
                let set = self.emitter.target.set_priority();
                self.emitter.has(set, "setting priorities")?(&mut self.asm, priority);
                Ok(())
            }
            Rewrite::Queue(value) => {
                let queue = self.scalar(value, 0)?;
                let set = self.emitter.target.set_queue();
                self.emitter.has(set, "choosing queues")?(&mut self.asm, queue);
                Ok(())
            }
            Rewrite::Insert(offset, value) => self.insert(offset, value),
        }
    }

    fn store(&mut self, base: Base, offset: u16, value: Value) -> Result<(), EmitError> {
        let bytes = self.put(value)?;
        self.write(base, offset, bytes)
    }

    fn store_at(
        &mut self,
        offset: Value,
        displacement: u16,
        value: Value,
    ) -> Result<(), EmitError> {
        let bytes = self.put(value)?;
        let place = self.scalar(offset, 1)?;
        debug_assert_eq!(place, R2);
        self.asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(displacement));
        self.asm.load(Size::W, R1, R7, layout::NETWORK_OFFSET);
        self.asm.alu(Alu::Add, Width::W64, R2, R1);
        self.asm.mov_imm(R4, i32::from(bytes));
        self.write_scratch(Base::Network)?;
        match *self.function.definition(offset) {
            // They lie behind the bytes that main has copied.
            Op::Scan(Scan::TcpOption(_) | Scan::TcpMss) => {}
            _ => self.copy_again(),
        }
        Ok(())
    }

    /// Copies the headers anew to where rules read them.
    fn copy_again(&mut self) {
        let window = layout::network_window(self.function.family);
        if window == 0 {
            return;
        }
        let drop = self.leave_label(outcome::DROP);
        let to = Destination { base: R7, offset: layout::NETWORK };
        self.asm.load(Size::W, R2, R7, layout::NETWORK_OFFSET);
        let target = self.emitter.target;
        let from = Offset::Register;
        linear::copy(target, &mut self.asm, from, to, window, self.scratch, drop);
        parse::copy_transport(target, &mut self.asm, self.scratch);
    }

    /// Where packets grow at their end, the inserted bytes and those behind them are written at
    /// once.
    fn insert(&mut self, offset: u16, value: Value) -> Result<(), EmitError> {
        for at in (0..SCRATCH_SIZE).step_by(8) {
            self.asm.store_imm(Size::D, FP, self.scratch + at, 0);
        }
        self.put(value)?;
        let drop = self.leave_label(outcome::DROP);
        self.asm.load(Size::W, R8, R7, layout::TRANSPORT_AVAILABLE);
        self.asm.jump_imm(Jump::Lt, Width::W64, R8, i32::from(offset), drop);
        self.asm.alu_imm(Alu::Sub, Width::W64, R8, i32::from(offset));
        self.asm.jump_imm(Jump::Gt, Width::W64, R8, LONGEST_TAIL, drop);

        if self.emitter.rewrites()?.growth() == Growth::Front {
            self.place(R2, R1, Base::Transport, offset);
            self.asm.store(Size::W, R7, layout::WALK_END, R2);
            let function = self.emitter.routine(Routine::Room);
            self.call(function);
            self.drop_unless_done();
            self.place(R2, R1, Base::Transport, offset);
            self.asm.mov_imm(R4, INSERTED);
            self.write_scratch(Base::Transport)?;
        } else {
            self.insert_before_tail(offset)?;
        }
        self.lengthen()
    }

    /// Moves the r8 bytes behind inserted ones towards the packet's end.
    fn insert_before_tail(&mut self, offset: u16) -> Result<(), EmitError> {
        let last = self.asm.label();
        self.asm.load(Size::W, R2, R7, layout::NETWORK_OFFSET);
        self.asm.load(Size::W, R1, R7, layout::LENGTH);
        self.asm.alu(Alu::Add, Width::W64, R2, R1);
        self.asm.alu_imm(Alu::Add, Width::W64, R2, INSERTED);
        self.emitter.rewrites()?.grow(&mut self.asm);
        self.drop_unless_done();
        self.asm.jump_imm(Jump::Eq, Width::W64, R8, 0, last);
        self.place(R2, R1, Base::Transport, offset);
        self.asm.mov(R3, FP);
        self.asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(self.scratch) + INSERTED);
        self.asm.mov(R4, R8);
        self.emitter.target.fetch(&mut self.asm, self.scratch);
        self.drop_unless_done();
        self.asm.place(last);
        self.place(R2, R1, Base::Transport, offset);
        self.asm.mov(R4, R8);
        self.asm.alu_imm(Alu::Add, Width::W64, R4, INSERTED);
        self.write_scratch(Base::Transport)
    }

    /// The packet is longer by what was inserted.
    fn lengthen(&mut self) -> Result<(), EmitError> {
        let end = self.emitter.layout.end();
        let end = (end != layout::LENGTH).then_some(end);
        for field in [layout::LENGTH, layout::TRANSPORT_AVAILABLE].into_iter().chain(end) {
            self.asm.load(Size::W, R1, R7, field);
            self.asm.alu_imm(Alu::Add, Width::W64, R1, INSERTED);
            self.asm.store(Size::W, R7, field, R1);
        }
        let field = if self.function.family == Family::Ipv4 { 2 } else { 4 };
        if self.function.family == Family::Ipv4 {
            self.read(Base::Network, 10, 2, self.scratch + BEFORE);
            self.asm.load(Size::H, R1, R7, layout::NETWORK + field);
            self.asm.from_big_endian(R1, 16);
            self.asm.mov(R2, R1);
            self.asm.alu_imm(Alu::Add, Width::W64, R2, INSERTED);
            self.correct(Base::Network, 10, false)?;
        }
        self.asm.load(Size::H, R1, R7, layout::NETWORK + field);
        self.asm.from_big_endian(R1, 16);
        self.asm.alu_imm(Alu::Add, Width::W64, R1, INSERTED);
        self.asm.from_big_endian(R1, 16);
        self.asm.store(Size::H, FP, self.scratch, R1);
        self.write(Base::Network, field as u16, 2)
    }

    /// Puts a value's bytes into the scratch bytes; yields how many.
    fn put(&mut self, value: Value) -> Result<u16, EmitError> {
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
        Ok(ty.bytes())
    }

    /// The options, and the checksum that covers them.
    fn strip(
        &mut self,
        end: Value,
        kinds: OptionKinds,
        stripped: Stripped,
    ) -> Result<(), EmitError> {
        let end = self.scalar(end, 0)?;
        self.asm.store(Size::W, R7, layout::WALK_END, end);
        let function = self.emitter.routine(Routine::StripOptions(kinds, stripped));
        self.call(function);
        let unchanged = self.asm.label();
        self.asm.jump_imm(Jump::Eq, Width::W64, R0, strip::UNCHANGED, unchanged);
        let drop = self.leave_label(outcome::DROP);
        self.asm.jump_imm(Jump::Eq, Width::W64, R0, strip::FAILED, drop);
        self.checksum(ChecksumField::TCP, &Change::Sums)?;
        self.asm.place(unchanged);
        Ok(())
    }

    /// Loads what a checksum covered and covers into the registers that values in these places
    /// have: r1 and r2 for 0.
    fn change(&mut self, change: &Change, place: usize) -> Result<[Reg; 2], EmitError> {
        match *change {
            Change::Values(old, new) => {
                Ok([self.scalar(old, place)?, self.scalar(new, place + 1)?])
            }
            Change::Sums => {
                let registers = if place == 0 { [R1, R2] } else { [R3, R4] };
                for (register, at) in registers.into_iter().zip(strip::SUMS) {
                    self.asm.load(Size::W, register, R7, at);
                }
                Ok(registers)
            }
        }
    }

    fn checksum(&mut self, field: ChecksumField, change: &Change) -> Result<(), EmitError> {
        let ChecksumField { base, offset, pseudo, nonzero } = field;
        self.read(base, offset, 2, self.scratch + BEFORE);
        let checksums = self.emitter.rewrites()?.checksums().filter(|_| base == Base::Transport);
        if let Some(checksums) = checksums {
            let numbers = self.change(change, 2)?;
            debug_assert_eq!(numbers, [R3, R4]);
            self.asm.from_big_endian(R3, 32);
            self.asm.from_big_endian(R4, 32);
            self.place(R2, R5, base, offset);
            let before = self.scratch + BEFORE;
            checksums.replace(&mut self.asm, pseudo);
            self.drop_unless_done();
            self.refresh(base, offset, 2);
            if !pseudo {
                // The kernel has not counted the checksum's own change.
                self.asm.load(Size::H, R2, FP, before);
                self.asm.alu_imm(Alu::Xor, Width::W64, R2, 0xffff);
                self.asm.load(Size::H, R1, FP, self.scratch);
                self.asm.alu(Alu::Add, Width::W64, R2, R1);
                checksums.add_to_sum(&mut self.asm);
            }
            if nonzero {
                // The other form of 0, which adds as much to a sum.
                let done = self.asm.label();
                self.asm.load(Size::H, R1, FP, self.scratch);
                self.asm.jump_imm(Jump::Ne, Width::W64, R1, 0, done);
                self.asm.store_imm(Size::H, FP, self.scratch, -1);
                self.write(base, offset, 2)?;
                self.asm.place(done);
            }
            return Ok(());
        }
        let numbers = self.change(change, 0)?;
        debug_assert_eq!(numbers, [R1, R2]);
        self.correct(base, offset, nonzero)
    }

    /// Corrects a checksum that was read, of which the number in r1 becomes that in r2.
    fn correct(&mut self, base: Base, offset: u16, nonzero: bool) -> Result<(), EmitError> {
        self.asm.load(Size::H, R3, FP, self.scratch + BEFORE);
        self.asm.from_big_endian(R3, 16);
        self.asm.alu(Alu::Add, Width::W64, R3, R1);
        // 0xffff divides it, and what is subtracted is not more.
        self.asm.constant(R4, u32::MAX.into());
        self.asm.alu(Alu::Add, Width::W64, R3, R4);
        self.asm.alu(Alu::Sub, Width::W64, R3, R2);
        self.asm.alu_imm(Alu::Mod, Width::W64, R3, 0xffff);
        if nonzero {
            let done = self.asm.label();
            self.asm.jump_imm(Jump::Ne, Width::W64, R3, 0, done);
            self.asm.mov_imm(R3, 0xffff);
            self.asm.place(done);
        }
        self.asm.from_big_endian(R3, 16);
        self.asm.store(Size::H, FP, self.scratch, R3);
        self.write(base, offset, 2)
    }

    /// `to` = where the target finds a byte of a header; clobbers `tmp`.
    fn place(&mut self, to: Reg, tmp: Reg, base: Base, offset: u16) {
        match base {
            // Where there is a link header the packet begins with it.
            Base::Link => return self.asm.mov_imm(to, offset.into()),
            Base::Network => self.asm.load(Size::W, to, R7, layout::NETWORK_OFFSET),
            Base::Transport => {
                self.asm.load(Size::W, to, R7, layout::NETWORK_OFFSET);
                self.asm.load(Size::H, tmp, R7, layout::TRANSPORT_OFFSET);
                self.asm.alu(Alu::Add, Width::W64, to, tmp);
            }
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
    fn write(&mut self, base: Base, offset: u16, bytes: u16) -> Result<(), EmitError> {
        self.place(R2, R1, base, offset);
        self.asm.mov_imm(R4, i32::from(bytes));
        self.write_scratch(base)?;
        self.copy(base, offset, bytes);
        Ok(())
    }

    /// Writes r4 of the scratch bytes to where r2 says, in the header of a base.
    fn write_scratch(&mut self, base: Base) -> Result<(), EmitError> {
        self.asm.mov(R3, FP);
        self.asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(self.scratch));
        self.emitter.rewrites()?.write(&mut self.asm, base == Base::Link);
        self.drop_unless_done();
        Ok(())
    }

    /// Reads bytes that the kernel has changed to the scratch bytes and the copy.
    fn refresh(&mut self, base: Base, offset: u16, bytes: u16) {
        self.read(base, offset, bytes, self.scratch);
        self.copy(base, offset, bytes);
    }

    /// Copies the scratch bytes to where rules read them.
    fn copy(&mut self, base: Base, offset: u16, bytes: u16) {
        let (start, window) = match base {
            Base::Link => match self.emitter.layout.link() {
                Some(start) => (start, LINK_HEADER),
                None => return,
            },
            Base::Network => (layout::NETWORK, layout::network_window(self.function.family)),
            Base::Transport => (layout::TRANSPORT, layout::TRANSPORT_WINDOW),
        };
        for at in (0..bytes).filter(|at| offset + at < window) {
            self.asm.load(Size::B, R1, FP, self.scratch + at as i16);
            self.asm.store(Size::B, R7, start + (offset + at) as i16, R1);
        }
    }
}
