//! Values: where they lie, and how those that lie nowhere are computed.

use super::fact::is_asked_for;
use super::{Selector, TEMPS};
use crate::asm::{Alu, Jump, R7, Reg, Size, Width};
use crate::error::EmitError;
use crate::packet::layout;
use crate::{Needs, table};
use bpfc_ir::{Base, BinaryOp, CtField, Op, PacketFamily, Source, Type, Value};

/// Whether a value is computed where it stands and kept in the frame.
pub(crate) fn is_kept(op: &Op, family: PacketFamily, needs: &Needs) -> bool {
    match *op {
        Op::Random
        | Op::Take(_)
        | Op::Query(..)
        | Op::Find(..)
        | Op::Touch(..)
        | Op::Scan(_)
        | Op::Lookup(_)
        | Op::Choose(..)
        | Op::LoadAt(..) => true,
        Op::Calendar(..) | Op::Hash(..) | Op::ControlGroup(_) => true,
        Op::Load(_, Source::Meta(meta)) if is_asked_for(meta) => true,
        Op::Load(ty, Source::Payload(base, offset)) if !in_window(base, offset, ty, family) => true,
        Op::Load(..) => needs.changes(op),
        _ => false,
    }
}

/// Whether bytes lie in the part of the packet that main has copied.
fn in_window(base: Base, offset: u16, ty: Type, family: PacketFamily) -> bool {
    let window = match base {
        Base::Link => 14,
        Base::Network => layout::network_window(family),
        Base::Transport => layout::TRANSPORT_WINDOW,
    };
    u32::from(offset) + u32::from(ty.bytes()) <= u32::from(window)
}

impl Selector<'_, '_> {
    /// [`is_kept`] here.
    pub(super) fn is_kept(&self, op: &Op) -> bool {
        is_kept(op, self.function.family, &self.emitter.needs)
    }

    /// Whether an operation loads bytes that main has copied.
    pub(super) fn in_window(&self, op: &Op) -> bool {
        match *op {
            Op::Load(ty, Source::Payload(base, offset)) => {
                in_window(base, offset, ty, self.function.family)
            }
            _ => false,
        }
    }

    /// Where main has copied a header to.
    pub(super) fn window(&self, base: Base) -> Option<i16> {
        match base {
            Base::Link => self.emitter.layout.link(),
            Base::Network => Some(layout::NETWORK),
            Base::Transport => Some(layout::TRANSPORT),
        }
    }

    /// Where a value lies in memory, and whether in network order.
    pub(super) fn memory(&self, value: Value) -> Option<(Reg, i16, bool)> {
        if let Some(slot) = self.slots.get(&value) {
            return Some((slot.base, slot.offset, slot.network_order));
        }
        let layout = &self.emitter.layout;
        match *self.function.definition(value) {
            Op::Field(ty, element, place) => {
                let slot = self.slots.get(&element)?;
                let offset = slot.offset + self.field_offset(element, place);
                Some((slot.base, offset, ty == Type::I128))
            }
            Op::Load(_, Source::Payload(base, offset)) => {
                Some((R7, self.window(base)? + offset as i16, true))
            }
            Op::Load(_, Source::Meta(meta)) => {
                layout.meta(meta).map(|(offset, network)| (R7, offset, network))
            }
            Op::Load(_, Source::Socket(field)) => layout
                .socket()
                .map(|at| (R7, at + crate::packet::region::socket::place(field), false)),
            Op::Load(_, Source::Ct(field)) => {
                let network = matches!(field, CtField::Tuple(..) | CtField::Initiator);
                layout.ct(field).map(|offset| (R7, offset, network))
            }
            _ => None,
        }
    }

    /// Where a field lies in an element's place in the frame, behind whether there is one.
    pub(super) fn field_offset(&self, element: Value, place: u16) -> i16 {
        let (Op::Find(table, _) | Op::Touch(table, ..)) = *self.function.definition(element) else {
            return 0;
        };
        let fields = &self.emitter.program.tables[table].fields;
        8 + fields.iter().take(place.into()).map(table::plan::field_size).sum::<i16>()
    }

    /// Loads a number as it lies in memory. The verifier takes only aligned loads of the frame,
    /// where the packet structure lies for a part of main: others are put together there of
    /// aligned pieces, lowest first, with `tmp`.
    pub(super) fn load(
        &mut self,
        size: Size,
        dst: Reg,
        base: Reg,
        offset: i16,
        tmp: Option<Reg>,
    ) -> Result<(), EmitError> {
        let bytes = size.bytes();
        if !self.is_part_of_main() || base != R7 || offset % bytes == 0 {
            self.asm.load(size, dst, base, offset);
            return Ok(());
        }
        let tmp = tmp.ok_or(EmitError::TooDeep(self.name.clone()))?;
        let mut done = 0;
        while done < bytes {
            let at = offset + done;
            let pieces = [Size::W, Size::H, Size::B];
            let fits = |piece: &Size| at % piece.bytes() == 0 && done + piece.bytes() <= bytes;
            let piece = pieces.into_iter().find(fits).unwrap_or(Size::B);
            self.asm.load(piece, if done == 0 { dst } else { tmp }, base, at);
            if done > 0 {
                self.asm.alu_imm(Alu::Lsh, Width::W64, tmp, i32::from(done) * 8);
                self.asm.alu(Alu::Or, Width::W64, dst, tmp);
            }
            done += piece.bytes();
        }
        Ok(())
    }

    /// Computes a number of at most 64 bits into the temporary of a depth.
    pub(super) fn scalar(&mut self, value: Value, depth: usize) -> Result<Reg, EmitError> {
        let Some(&dst) = TEMPS.get(depth) else {
            return Err(EmitError::TooDeep(self.name.clone()));
        };
        let ty = self.function.ty(value);
        if let Some((base, offset, network)) = self.memory(value) {
            let is_whole = self.slots.contains_key(&value)
                || matches!(self.function.definition(value), Op::Field(..));
            let size = if is_whole && !network { Some(Size::D) } else { Size::of(ty.bytes()) };
            let size = size.ok_or(EmitError::Type(self.name.clone(), "a load"))?;
            self.load(size, dst, base, offset, TEMPS.get(depth + 1).copied())?;
            if network && ty.bytes() > 1 {
                self.asm.from_big_endian(dst, i32::from(ty.bytes()) * 8);
            }
            return Ok(dst);
        }
        match *self.function.definition(value) {
            Op::Const(_, constant) => self.asm.constant(dst, constant as u64),
            Op::Extend(_, inner) => {
                self.scalar(inner, depth)?;
            }
            Op::Truncate(_, inner) => {
                match self.function.ty(inner) {
                    Type::I128 => {
                        let tmp = TEMPS.get(depth + 1).copied();
                        let tmp = tmp.ok_or(EmitError::TooDeep(self.name.clone()))?;
                        self.half(inner, 1, dst, tmp)?;
                    }
                    _ => {
                        self.scalar(inner, depth)?;
                    }
                }
                let kept = if ty == Type::I32 { -1 } else { ty.max() as i32 };
                self.asm.alu_imm(Alu::And, Width::W32, dst, kept);
            }
            Op::Binary(BinaryOp::Min, a, b) => {
                self.scalar(a, depth)?;
                let right = self.scalar(b, depth + 1)?;
                let smaller = self.asm.label();
                self.asm.jump(Jump::Le, Width::W64, dst, right, smaller);
                self.asm.mov(dst, right);
                self.asm.place(smaller);
            }
            Op::Binary(op, a, b) => {
                self.scalar(a, depth)?;
                let width = if ty == Type::I64 { Width::W64 } else { Width::W32 };
                let alu = alu(op).ok_or(EmitError::Type(self.name.clone(), "arithmetic"))?;
                match self.function.constant(b) {
                    Some(c) if ty != Type::I64 => {
                        self.asm.alu_imm(alu, width, dst, c as u32 as i32);
                    }
                    Some(c) if i32::try_from(c).is_ok() => {
                        self.asm.alu_imm(alu, width, dst, c as i32);
                    }
                    _ => {
                        let right = self.scalar(b, depth + 1)?;
                        self.asm.alu(alu, width, dst, right);
                    }
                }
                if matches!(ty, Type::I8 | Type::I16) {
                    self.asm.alu_imm(Alu::And, Width::W32, dst, ty.max() as i32);
                }
            }
            _ => return Err(EmitError::Type(self.name.clone(), "a number")),
        }
        Ok(dst)
    }

    /// Loads half of a wide number as a number: the high half is 0. Clobbers `tmp`.
    pub(super) fn half(
        &mut self,
        value: Value,
        half: u8,
        dst: Reg,
        tmp: Reg,
    ) -> Result<(), EmitError> {
        let shift = if half == 0 { 64 } else { 0 };
        if let Some((base, offset, _)) = self.memory(value) {
            self.load(Size::D, dst, base, offset + i16::from(half) * 8, Some(tmp))?;
            self.asm.from_big_endian(dst, 64);
            return Ok(());
        }
        match *self.function.definition(value) {
            Op::Const(_, constant) => self.asm.constant(dst, (constant >> shift) as u64),
            Op::Binary(op @ (BinaryOp::And | BinaryOp::Or | BinaryOp::Xor), a, b) => {
                self.half(a, half, dst, tmp)?;
                match self.function.constant(b) {
                    Some(c) => self.asm.constant(tmp, (c >> shift) as u64),
                    None => return Err(EmitError::Type(self.name.clone(), "two wide values")),
                }
                let alu = alu(op).ok_or(EmitError::Type(self.name.clone(), "arithmetic"))?;
                self.asm.alu(alu, Width::W64, dst, tmp);
            }
            _ => return Err(EmitError::Type(self.name.clone(), "a wide value")),
        }
        Ok(())
    }
}

/// The instruction of an operation that is one.
fn alu(op: BinaryOp) -> Option<Alu> {
    Some(match op {
        BinaryOp::And => Alu::And,
        BinaryOp::Or => Alu::Or,
        BinaryOp::Xor => Alu::Xor,
        BinaryOp::Add => Alu::Add,
        BinaryOp::Sub => Alu::Sub,
        BinaryOp::Mul => Alu::Mul,
        BinaryOp::Div => Alu::Div,
        BinaryOp::Rem => Alu::Mod,
        BinaryOp::Shl => Alu::Lsh,
        BinaryOp::Shr => Alu::Rsh,
        BinaryOp::Min => return None,
    })
}
