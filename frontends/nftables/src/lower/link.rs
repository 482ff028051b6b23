//! What stands in the link header behind its addresses (net/netfilter/nft_payload.c,
//! `nft_payload_eval`).
//!
//! Hooks of the network layer see packets whose tags were taken off: behind the addresses stands
//! the type, which the function's family says, and behind it the network header. Tests of a tag
//! fold away there.

use super::chain::Cx;
use super::registers::type_of;
use super::{Lowered, unsupported};
use crate::model::{Expression, Family as TableFamily, PayloadBase};
use bpfc_ir::{Base, BinaryOp, Meta, PacketFamily, Type, Value};

/// Where the type stands, and what is behind it.
const TYPE: u32 = 12;
const END: u32 = 14;

impl Cx<'_, '_> {
    /// Bytes from the beginning of the link header on, eight at most.
    pub fn link_bytes(
        &mut self,
        offset: u32,
        bytes: u32,
        expression: &Expression,
    ) -> Lowered<Value> {
        let lacks = || unsupported(expression, "the link header behind its addresses");
        let end = offset + bytes;
        let link = self.builder.meta(Meta::LinkHeader);
        self.require_nonzero(link);
        if end <= TYPE {
            return self.pieces(Base::Link, None, offset as u16, bytes, expression);
        }
        let ether_type: u16 = match self.family {
            PacketFamily::Ipv4 => 0x0800,
            PacketFamily::Ipv6 => 0x86dd,
            PacketFamily::Other => return Err(lacks()),
        };
        if self.may_be_at_device() {
            return Err(lacks());
        }
        let mut all = Joined::default();
        if offset < TYPE {
            let bytes = TYPE - offset;
            let value = self.pieces(Base::Link, None, offset as u16, bytes, expression)?;
            all.add(self, value, bytes, expression)?;
        }
        if let Some((from, bytes)) = within(TYPE, END, offset, end) {
            let number =
                ether_type >> (8 * (2 - bytes - from)) & ((1u32 << (8 * bytes)) - 1) as u16;
            let ty = if bytes == 2 { Type::I16 } else { Type::I8 };
            let value = self.builder.constant(ty, number.into());
            all.add(self, value, bytes, expression)?;
        }
        if end > END {
            let from = offset.max(END);
            let bytes = end - from;
            let value = self.payload(PayloadBase::Network, from - END, bytes, expression)?;
            all.add(self, value, bytes, expression)?;
        }
        all.value.ok_or_else(lacks)
    }

    /// Whether the chain is, or may be called by, one of devices, where tags are seen.
    fn may_be_at_device(&self) -> bool {
        let table = &self.shared.ruleset.tables[self.place.table];
        match &table.chains[self.place.chain].base {
            _ if table.family == TableFamily::Netdev => true,
            Some(base) => base.hook == "ingress",
            None => {
                let mut bases = table.chains.iter().filter_map(|chain| chain.base.as_ref());
                bases.any(|base| base.hook == "ingress")
            }
        }
    }
}

/// The part of the bytes from `low` to `high` that lies between `offset` and `end`: where it begins
/// in them, and how many bytes it has; none where there is no such part.
fn within(low: u32, high: u32, offset: u32, end: u32) -> Option<(u32, u32)> {
    let (from, to) = (offset.max(low), end.min(high));
    (from < to).then(|| (from - low, to - from))
}

/// Numbers of successive bytes as one, most significant first.
#[derive(Clone, Copy, Debug, Default)]
struct Joined {
    value: Option<Value>,
    bytes: u32,
}

impl Joined {
    /// Appends the number of so many bytes.
    fn add(
        &mut self,
        cx: &mut Cx<'_, '_>,
        value: Value,
        bytes: u32,
        expression: &Expression,
    ) -> Lowered<()> {
        let all = self.bytes + bytes;
        let joined = match self.value {
            None => value,
            Some(before) => {
                let ty = type_of(all).filter(|&ty| ty != Type::I128);
                let ty = ty.ok_or_else(|| unsupported(expression, "so long a load"))?;
                let [before, value] = [before, value].map(|part| match cx.type_of(part) == ty {
                    true => part,
                    false => cx.builder.extend(ty, part),
                });
                let by = cx.builder.constant(ty, (8 * bytes).into());
                let high = cx.builder.binary(BinaryOp::Shl, before, by);
                cx.builder.binary(BinaryOp::Or, high, value)
            }
        };
        *self = Joined { value: Some(joined), bytes: all };
        Ok(())
    }
}
