//! Hashes of registers (net/netfilter/nft_hash.c).
//!
//! `jhash` is Bob Jenkins' hash of the registers' bytes, scaled to a range. Where a ruleset gives
//! no seed the kernel draws one when the rule is loaded; a program's is made of the rule's place,
//! so that the same ruleset is the same program.

use super::chain::Cx;
use super::registers::type_of;
use super::{Lowered, unknown, unsupported};
use crate::model::{Expression, Register};
use bpfc_ir::{BinaryOp, Type, Value};
use std::cmp::Ordering;

/// What a hash is brought to: from `offset` on, `modulus` numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub modulus: u32,
    pub offset: u32,
}

impl Cx<'_, '_> {
    /// Loads the hash of so many bytes from a register on.
    pub fn jhash(
        &mut self,
        expression: &Expression,
        from: Register,
        bytes: u32,
        seed: Option<u32>,
        scale: Scale,
        to: Register,
    ) -> Lowered<()> {
        let seed = seed.unwrap_or_else(|| self.own_seed());
        let (mut values, mut at) = (Vec::new(), 0);
        while at < bytes {
            let content = match at {
                0 => self.plain(from, expression)?,
                _ => self.plain(from.behind(at), expression)?,
            };
            let value = match content.is_host {
                true => self.swapped(content.value, content.bytes, expression)?,
                false => content.value,
            };
            values.push(self.at_the_front(value, content.bytes, expression)?);
            at += content.bytes.next_multiple_of(4);
        }
        let bytes = match u16::try_from(bytes) {
            Ok(bytes) if at == u32::from(bytes).next_multiple_of(4) => bytes,
            _ => return Err(unsupported(expression, "a hash of a part of a value")),
        };
        let hash = self.builder.hash(values, bytes, seed);
        let scaled = self.scaled(hash, scale);
        self.put(to, scaled, 4, true);
        Ok(())
    }

    /// A number whose bytes are the other way around in network order.
    fn swapped(&mut self, value: Value, bytes: u32, expression: &Expression) -> Lowered<Value> {
        let ty = self.builder.ty(value);
        if ty == Type::I128 {
            return Err(unsupported(expression, "a hash of so long a number"));
        }
        let mut all = self.builder.constant(ty, 0);
        for byte in 0..bytes {
            let mask = self.builder.constant(ty, 0xff << (8 * byte));
            let one = self.builder.binary(BinaryOp::And, value, mask);
            let to = bytes - 1 - byte;
            let amount = self.builder.constant(ty, (to.abs_diff(byte) * 8).into());
            let moved = match to.cmp(&byte) {
                Ordering::Less => self.builder.binary(BinaryOp::Shr, one, amount),
                Ordering::Equal => one,
                Ordering::Greater => self.builder.binary(BinaryOp::Shl, one, amount),
            };
            all = self.builder.binary(BinaryOp::Or, all, moved);
        }
        Ok(all)
    }

    /// A number of so many bytes at the front of a type's.
    fn at_the_front(
        &mut self,
        value: Value,
        bytes: u32,
        expression: &Expression,
    ) -> Lowered<Value> {
        let ty = self.builder.ty(value);
        let wanted = type_of(bytes).ok_or_else(|| unsupported(expression, "so long a value"))?;
        let value = match ty.bytes().cmp(&wanted.bytes()) {
            Ordering::Less => self.builder.extend(wanted, value),
            Ordering::Equal => value,
            Ordering::Greater => self.builder.truncate(wanted, value),
        };
        let more = u32::from(wanted.bytes()) - bytes;
        if more == 0 {
            return Ok(value);
        }
        let amount = self.builder.constant(wanted, (more * 8).into());
        Ok(self.builder.binary(BinaryOp::Shl, value, amount))
    }

    /// A seed of the rule's place (FNV-1a).
    fn own_seed(&self) -> u32 {
        let table = &self.shared.ruleset.tables[self.place.table];
        let chain = &table.chains[self.place.chain];
        let rule = self.shared.out.program.rules[self.parts.rule].kind;
        let place = format!("{}/{}:{rule:?}:{}", table.name, chain.name, self.at);
        let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        place.bytes().fold(0x811c_9dc5, step)
    }

    /// As `reciprocal_scale` has it (include/linux/kernel.h): the upper half of a product.
    pub fn scaled(&mut self, number: Value, scale: Scale) -> Value {
        let wide = self.builder.extend(Type::I64, number);
        let modulus = self.builder.constant(Type::I64, scale.modulus.max(1).into());
        let product = self.builder.binary(BinaryOp::Mul, wide, modulus);
        let half = self.builder.constant(Type::I64, 32);
        let high = self.builder.binary(BinaryOp::Shr, product, half);
        let high = self.builder.truncate(Type::I32, high);
        let first = self.builder.constant(Type::I32, scale.offset.into());
        self.builder.binary(BinaryOp::Add, high, first)
    }

    /// That a flow's hash is the kernel's own.
    pub fn symhash(&self, expression: &Expression) -> Lowered<()> {
        Err(unknown(
            expression,
            "the hash of the packet's flow",
            "the kernel makes it with a key that it draws at boot: `jhash` of the addresses and ports is one \
             that is known",
        ))
    }
}
