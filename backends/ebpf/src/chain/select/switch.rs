//! Branches of many ways as binary searches: a packet makes as many comparisons as the logarithm of
//! the arms.

use super::Selector;
use crate::asm::{Jump, Label, R0, R1, Reg, Width};
use crate::error::EmitError;
use bpfc_ir::{Arm, Block, Condition, Switch, Type, Value};

/// Arms that are tried one after another: a search would not make fewer comparisons.
const FEW: usize = 3;

/// What is being switched by.
#[derive(Clone, Copy)]
struct Subject {
    value: Value,
    ty: Type,
    /// Its number, unless that is a wide one.
    reg: Option<Reg>,
}

/// What is left of a switch.
struct Rest<'a> {
    arms: &'a [Arm],
    /// Numbers above it have been decided.
    most: u128,
    /// Where it begins; `None` where control falls into it.
    label: Option<Label>,
}

impl Selector<'_, '_> {
    /// Emits a switch.
    pub(super) fn switch(&mut self, switch: &Switch, next: Option<Block>) -> Result<(), EmitError> {
        let ty = self.function.ty(switch.value);
        let reg = match ty {
            Type::I128 => None,
            _ => Some(self.scalar(switch.value, 0)?),
        };
        debug_assert!(reg.is_none_or(|reg| reg == R1));
        let subject = Subject { value: switch.value, ty, reg };
        let whole = Rest { arms: &switch.arms, most: ty.max(), label: None };
        let mut open = vec![whole];
        while let Some(mut rest) = open.pop() {
            if let Some(label) = rest.label {
                self.asm.place(label);
            }
            while rest.arms.len() > FEW {
                let (below, from) = rest.arms.split_at(rest.arms.len() / 2);
                let least = from[0].low;
                let label = self.asm.label();
                self.jump_where(subject, Condition::Lt, least, label)?;
                open.push(Rest { arms: below, most: least - 1, label: Some(label) });
                rest.arms = from;
            }
            let falls = if open.is_empty() { next } else { None };
            self.few(subject, &rest, switch.otherwise, falls)?;
        }
        Ok(())
    }

    /// Tries arms one after another, lower ones first.
    fn few(
        &mut self,
        subject: Subject,
        rest: &Rest<'_>,
        otherwise: Block,
        next: Option<Block>,
    ) -> Result<(), EmitError> {
        for arm in rest.arms {
            let to = self.target_label(arm.to);
            if arm.low == arm.high && subject.reg.is_some() {
                self.jump_where(subject, Condition::Eq, arm.low, to)?;
                continue;
            }
            if arm.low > 0 {
                let other = self.target_label(otherwise);
                self.jump_where(subject, Condition::Lt, arm.low, other)?;
            }
            if arm.high == rest.most {
                self.go(arm.to, next);
                return Ok(());
            }
            self.jump_where(subject, Condition::Le, arm.high, to)?;
        }
        self.go(otherwise, next);
        Ok(())
    }

    /// Jumps to a label where the number compares so with a constant; falls through otherwise.
    fn jump_where(
        &mut self,
        subject: Subject,
        condition: Condition,
        constant: u128,
        label: Label,
    ) -> Result<(), EmitError> {
        let Some(reg) = subject.reg else {
            return self.order_const(subject.value, constant, condition, label);
        };
        let jump = match condition {
            Condition::Eq => Jump::Eq,
            Condition::Lt => Jump::Lt,
            _ => Jump::Le,
        };
        if subject.ty != Type::I64 {
            self.asm.jump_imm(jump, Width::W32, reg, constant as u32 as i32, label);
        } else if let Ok(constant) = i32::try_from(constant) {
            self.asm.jump_imm(jump, Width::W64, reg, constant, label);
        } else {
            self.asm.constant(R0, constant as u64);
            self.asm.jump(jump, Width::W64, reg, R0, label);
        }
        Ok(())
    }
}
