//! What rules note beside packets: marks, priorities, types (net/netfilter/nft_meta.c,
//! `nft_meta_set_eval`; net/netfilter/nft_ct.c, `nft_ct_set_eval`).

use super::chain::Cx;
use super::registers::{Content, Meaning};
use super::{Lowered, unsupported};
use crate::model::{Expression, Operation, Register};
use bpfc_ir::{Op, Rewrite, Type, Value};

impl Cx<'_, '_> {
    /// Gives something of the packet a new value.
    pub fn set_meta(&mut self, expression: &Expression) -> Lowered<()> {
        let Operation::MetaSet { key, from } = &expression.operation else {
            return Err(unsupported(expression, "this"));
        };
        let op = match key.kernel {
            "mark" => Op::SetMark(self.host_word(*from, expression)?),
            "priority" => Op::Rewrite(Rewrite::Priority(self.host_word(*from, expression)?)),
            _ => return Err(unsupported(expression, &format!("changing meta {}", key.name))),
        };
        self.builder.push(op);
        Ok(())
    }

    /// A register of four bytes in the machine's order.
    fn host_word(&mut self, from: Register, expression: &Expression) -> Lowered<Value> {
        let content = self.plain(from, expression)?;
        let wide = self.widened(content, 4);
        match wide {
            Some(Content { value, .. }) if self.type_of(value) == Type::I32 => Ok(value),
            _ => Err(unsupported(expression, "a value of this size or byte order here")),
        }
    }

    /// The same number in so many bytes at least: what is in the machine's order has zeros where it
    /// has no bytes, since registers are 32 bits. None of numbers in the order of packets.
    pub fn widened(&mut self, content: Content, bytes: u32) -> Option<Content> {
        if content.bytes >= bytes {
            return Some(content);
        }
        let is_number =
            content.meaning == Meaning::Plain && (content.is_host || content.bytes == 1);
        let ty = super::registers::type_of(bytes).filter(|ty| is_number && *ty != Type::I128)?;
        let value = match self.type_of(content.value) {
            narrow if narrow.bytes() < ty.bytes() => self.builder.extend(ty, content.value),
            _ => content.value,
        };
        Some(Content { value, bytes, is_host: true, ..content })
    }
}
