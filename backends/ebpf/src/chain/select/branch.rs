//! Branches: comparisons, ranges and guards as jumps.

use super::{ETHERNET, Selector};
use crate::asm::{Alu, Jump, Label, R0, R1, R2, R3, R7, Reg, Size, Width};
use crate::error::EmitError;
use crate::packet::layout;
use bpfc_ir::{Base, BinaryOp, Block, Condition, Op, Type, Value};

/// Where a branch leads.
#[derive(Clone, Copy)]
struct Edges {
    then: Label,
    otherwise: Label,
    falls: Falls,
}

/// The edge whose block follows at once and needs no jump.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Falls {
    Then,
    Otherwise,
    Nowhere,
}

impl Selector<'_, '_> {
    /// Emits a branch on a bool.
    pub(super) fn branch(
        &mut self,
        condition: Value,
        then: Block,
        otherwise: Block,
        next: Option<Block>,
    ) -> Result<(), EmitError> {
        if then == otherwise {
            self.go(then, next);
            return Ok(());
        }
        let to = Edges {
            then: self.target_label(then),
            otherwise: self.target_label(otherwise),
            falls: match next {
                Some(next) if next == then => Falls::Then,
                Some(next) if next == otherwise => Falls::Otherwise,
                _ => Falls::Nowhere,
            },
        };
        match *self.function.definition(condition) {
            Op::Const(_, value) => {
                self.go(if value != 0 { then } else { otherwise }, next);
                return Ok(());
            }
            Op::Available(Base::Transport, bytes) => {
                self.asm.load(Size::W, R1, R7, layout::TRANSPORT_AVAILABLE);
                self.test_imm(Condition::Ge, R1, u64::from(bytes), Type::I32, to);
            }
            Op::Available(Base::Link, bytes) => {
                let end = self.emitter.layout.end();
                self.asm.load(Size::W, R1, R7, end);
                if self.emitter.target.keeps_tags() {
                    self.asm.alu_imm(Alu::Add, Width::W64, R1, ETHERNET);
                } else {
                    self.asm.load(Size::W, R2, R7, layout::NETWORK_OFFSET);
                    self.asm.alu(Alu::Add, Width::W64, R1, R2);
                }
                self.test_imm(Condition::Ge, R1, u64::from(bytes), Type::I32, to);
            }
            Op::Available(..) => {
                self.go(then, next);
                return Ok(());
            }
            Op::Found(element) => {
                let (base, offset, _) =
                    self.memory(element).ok_or(EmitError::Type(self.name.clone(), "an element"))?;
                self.asm.load(Size::D, R1, base, offset);
                self.test_imm(Condition::Ne, R1, 0, Type::I64, to);
            }
            Op::AvailableAt(value, bytes) => {
                let reg = self.scalar(value, 0)?;
                self.asm.alu_imm(Alu::Add, Width::W64, reg, i32::from(bytes));
                let end = self.emitter.layout.end();
                self.asm.load(Size::W, R2, R7, end);
                self.test(Condition::Le, Width::W64, reg, R2, to);
            }
            Op::Compare(cond, a, b) => self.compare(cond, a, b, to)?,
            Op::InRange(value, ref ends) => {
                self.range(value, ends.0, ends.1, to)?;
            }
            _ => return Err(EmitError::Type(self.name.clone(), "a branch")),
        }
        Ok(())
    }

    /// `if a COND b goto then else goto otherwise`, leaving out the jump that falls through.
    fn test(&mut self, cond: Condition, width: Width, a: Reg, b: Reg, to: Edges) {
        if to.falls == Falls::Then {
            self.asm.jump(jump(negate(cond)), width, a, b, to.otherwise);
        } else {
            self.asm.jump(jump(cond), width, a, b, to.then);
            if to.falls != Falls::Otherwise {
                self.asm.goto(to.otherwise);
            }
        }
    }

    /// As [`Self::test`] with a constant.
    fn test_imm(&mut self, cond: Condition, a: Reg, b: u64, ty: Type, to: Edges) {
        let imm = if ty == Type::I64 {
            match i32::try_from(b) {
                Ok(imm) => imm,
                Err(_) => {
                    debug_assert_ne!(a, R0);
                    self.asm.constant(R0, b);
                    return self.test(cond, Width::W64, a, R0, to);
                }
            }
        } else {
            b as u32 as i32
        };
        let width = if ty == Type::I64 { Width::W64 } else { Width::W32 };
        if to.falls == Falls::Then {
            self.asm.jump_imm(jump(negate(cond)), width, a, imm, to.otherwise);
        } else {
            self.asm.jump_imm(jump(cond), width, a, imm, to.then);
            if to.falls != Falls::Otherwise {
                self.asm.goto(to.otherwise);
            }
        }
    }

    fn compare(&mut self, cond: Condition, a: Value, b: Value, to: Edges) -> Result<(), EmitError> {
        let ty = self.function.ty(a);
        if ty == Type::I128 {
            return self.compare_wide(cond, a, b, to);
        }
        let Some(constant) = self.function.constant(b) else {
            let left = self.scalar(a, 0)?;
            let right = self.scalar(b, 1)?;
            let width = if ty == Type::I64 { Width::W64 } else { Width::W32 };
            self.test(cond, width, left, right, to);
            return Ok(());
        };
        // Equality does not care for byte order: swap the constant, not the value.
        if matches!(cond, Condition::Eq | Condition::Ne)
            && let Some((reg, mask)) = self.raw(a)?
        {
            if let Some(mask) = mask {
                let raw = swap(mask, ty) as u64;
                self.and_constant(reg, raw, ty);
            }
            self.test_imm(cond, reg, swap(constant, ty) as u64, ty, to);
            return Ok(());
        }
        let reg = self.scalar(a, 0)?;
        self.test_imm(cond, reg, constant as u64, ty, to);
        Ok(())
    }

    fn and_constant(&mut self, reg: Reg, mask: u64, ty: Type) {
        if ty == Type::I64 {
            self.asm.constant(R0, mask);
            self.asm.alu(Alu::And, Width::W64, reg, R0);
        } else {
            self.asm.alu_imm(Alu::And, Width::W32, reg, mask as u32 as i32);
        }
    }

    /// Loads a network-order number, or one under a constant mask, as it lies in memory. The
    /// mask is returned as a number, not applied.
    fn raw(&mut self, value: Value) -> Result<Option<(Reg, Option<u128>)>, EmitError> {
        let (value, mask) = match *self.function.definition(value) {
            Op::Binary(BinaryOp::And, a, b) => match self.function.constant(b) {
                Some(mask) => (a, Some(mask)),
                None => return Ok(None),
            },
            _ => (value, None),
        };
        let ty = self.function.ty(value);
        let (Some((base, offset, true)), Some(size)) = (self.memory(value), Size::of(ty.bytes()))
        else {
            return Ok(None);
        };
        self.load(size, R1, base, offset, Some(R2))?;
        Ok(Some((R1, mask)))
    }

    fn range(&mut self, value: Value, low: u128, high: u128, to: Edges) -> Result<(), EmitError> {
        let ty = self.function.ty(value);
        if ty == Type::I128 {
            self.order_const(value, low, Condition::Lt, to.otherwise)?;
            self.order_const(value, high, Condition::Gt, to.otherwise)?;
            if to.falls != Falls::Then {
                self.asm.goto(to.then);
            }
            return Ok(());
        }
        let reg = self.scalar(value, 0)?;
        if low != 0 {
            if ty == Type::I64 {
                self.asm.constant(R0, low as u64);
                self.asm.alu(Alu::Sub, Width::W64, reg, R0);
            } else {
                self.asm.alu_imm(Alu::Sub, Width::W32, reg, low as u32 as i32);
            }
        }
        self.test_imm(Condition::Le, reg, (high - low) as u64, ty, to);
        Ok(())
    }

    /// As [`Self::compare`] for 128 bits, half by half.
    fn compare_wide(
        &mut self,
        cond: Condition,
        a: Value,
        b: Value,
        to: Edges,
    ) -> Result<(), EmitError> {
        let (equal, different, equal_falls) = match cond {
            Condition::Eq => (to.then, to.otherwise, Falls::Then),
            Condition::Ne => (to.otherwise, to.then, Falls::Otherwise),
            _ => {
                let Some(constant) = self.function.constant(b) else {
                    return Err(EmitError::Type(self.name.clone(), "an order"));
                };
                self.order_const(a, constant, cond, to.then)?;
                if to.falls != Falls::Otherwise {
                    self.asm.goto(to.otherwise);
                }
                return Ok(());
            }
        };
        let constant = self.function.constant(b);
        let (inner, mask) = match *self.function.definition(a) {
            Op::Binary(BinaryOp::And, inner, mask) => match self.function.constant(mask) {
                Some(mask) => (inner, mask),
                None => (a, u128::MAX),
            },
            _ => (a, u128::MAX),
        };
        for half in 0..2u8 {
            let shift = if half == 0 { 64 } else { 0 };
            let half_mask = (mask >> shift) as u64;
            match (constant, self.memory(inner)) {
                (Some(constant), Some((base, offset, true))) => {
                    let want = ((constant >> shift) as u64).swap_bytes();
                    // One test is made even where its answer is known: the verifier refuses
                    // blocks that no jump leads to.
                    if half_mask == 0 && want == 0 && mask != 0 {
                        continue;
                    }
                    self.load(Size::D, R1, base, offset + i16::from(half) * 8, Some(R2))?;
                    if half_mask != u64::MAX {
                        self.asm.constant(R2, half_mask.swap_bytes());
                        self.asm.alu(Alu::And, Width::W64, R1, R2);
                    }
                    self.asm.constant(R2, want);
                }
                _ => {
                    self.half(a, half, R1, R3)?;
                    self.half(b, half, R2, R3)?;
                }
            }
            self.asm.jump(Jump::Ne, Width::W64, R1, R2, different);
        }
        if to.falls != equal_falls {
            self.asm.goto(equal);
        }
        Ok(())
    }

    /// Jumps to `label` where `value COND constant`, an order; falls through otherwise.
    pub(super) fn order_const(
        &mut self,
        value: Value,
        constant: u128,
        cond: Condition,
        label: Label,
    ) -> Result<(), EmitError> {
        let (strict, equal_jumps) = match cond {
            Condition::Lt => (Jump::Lt, false),
            Condition::Le => (Jump::Lt, true),
            Condition::Gt => (Jump::Gt, false),
            Condition::Ge => (Jump::Gt, true),
            Condition::Eq | Condition::Ne => {
                return Err(EmitError::Type(self.name.clone(), "an order"));
            }
        };
        let done = self.asm.label();
        self.half(value, 0, R1, R3)?;
        self.asm.constant(R2, (constant >> 64) as u64);
        self.asm.jump(strict, Width::W64, R1, R2, label);
        self.asm.jump(Jump::Ne, Width::W64, R1, R2, done);
        self.half(value, 1, R1, R3)?;
        self.asm.constant(R2, constant as u64);
        self.asm.jump(strict, Width::W64, R1, R2, label);
        if equal_jumps {
            self.asm.jump(Jump::Eq, Width::W64, R1, R2, label);
        }
        self.asm.place(done);
        Ok(())
    }
}

/// A number as its bytes lie in memory when read on a little-endian machine.
fn swap(value: u128, ty: Type) -> u128 {
    match ty {
        Type::I16 => u128::from((value as u16).swap_bytes()),
        Type::I32 => u128::from((value as u32).swap_bytes()),
        Type::I64 => u128::from((value as u64).swap_bytes()),
        _ => value,
    }
}

fn jump(cond: Condition) -> Jump {
    match cond {
        Condition::Eq => Jump::Eq,
        Condition::Ne => Jump::Ne,
        Condition::Lt => Jump::Lt,
        Condition::Le => Jump::Le,
        Condition::Gt => Jump::Gt,
        Condition::Ge => Jump::Ge,
    }
}

fn negate(cond: Condition) -> Condition {
    match cond {
        Condition::Eq => Condition::Ne,
        Condition::Ne => Condition::Eq,
        Condition::Lt => Condition::Ge,
        Condition::Le => Condition::Gt,
        Condition::Gt => Condition::Le,
        Condition::Ge => Condition::Lt,
    }
}
