//! The link header and what follows it (net/netfilter/nft_payload.c, `nft_payload_eval`).
//!
//! Hooks of the network layer see packets whose tags were taken off: behind the addresses stands
//! the type, which the function's family says, and behind it the network header. Tests of a tag
//! fold away there. Before hooks of devices the kernel takes one tag off, too, but keeps it beside
//! the frame; loads that end behind the addresses read the frame with the tag where it stood
//! (`nft_payload_copy_vlan`).

use super::chain::Cx;
use super::registers::type_of;
use super::{Lowered, unsupported};
use crate::model::{Expression, Family as TableFamily, PayloadBase};
use bpfc_ir::{Base, BinaryOp, Condition, Meta, PacketFamily, Type, Value};

/// Where the type stands, and what is behind it.
const TYPE: u32 = 12;
const END: u32 = 14;

/// What stands where in the link header, as rules see it.
#[derive(Clone, Copy)]
enum Field {
    /// The addresses, or all that the frame has in front of byte 14.
    Window,
    /// A number of so many bytes.
    Number(Value, u32),
    /// What follows the Ethernet header's 14 bytes: where the field begins is byte 14.
    Behind,
}

impl Cx<'_, '_> {
    /// Bytes from the beginning of the link header on, eight at most.
    pub fn link_bytes(
        &mut self,
        offset: u32,
        bytes: u32,
        expression: &Expression,
    ) -> Lowered<Value> {
        let end = offset + bytes;
        let link = self.builder.meta(Meta::LinkHeader);
        self.require_nonzero(link);
        if end <= TYPE {
            return self.pieces(Base::Link, None, offset as u16, bytes, expression);
        }
        let fields = match self.is_tagged() {
            true => {
                let tag = self.builder.meta(Meta::VlanTag);
                let ether_type = self.ether_type();
                vec![
                    (0, TYPE, Field::Window),
                    (TYPE, TYPE + 4, Field::Number(tag, 4)),
                    (TYPE + 4, END + 4, Field::Number(ether_type, 2)),
                    (END + 4, u32::MAX, Field::Behind),
                ]
            }
            // What is no sound packet of IP may have a length in the type's place.
            false if self.is_other() => {
                vec![(0, END, Field::Window), (END, u32::MAX, Field::Behind)]
            }
            false => {
                let ether_type = self.ether_type();
                vec![
                    (0, TYPE, Field::Window),
                    (TYPE, END, Field::Number(ether_type, 2)),
                    (END, u32::MAX, Field::Behind),
                ]
            }
        };
        let mut all = Joined::default();
        for (low, high, field) in fields {
            let Some((from, bytes)) = within(low, high, offset, end) else { continue };
            let value = match field {
                Field::Window => self.pieces(Base::Link, None, from as u16, bytes, expression)?,
                Field::Number(value, of) => self.part_of(value, of, from, bytes),
                Field::Behind => self.behind_header(from, bytes, expression)?,
            };
            all.add(self, value, bytes, expression)?;
        }
        all.value.ok_or_else(|| unsupported(expression, "a load of nothing"))
    }

    /// The type of what the frame carries.
    fn ether_type(&mut self) -> Value {
        match self.family {
            PacketFamily::Ipv4 => self.builder.constant(Type::I16, 0x0800),
            PacketFamily::Ipv6 => self.builder.constant(Type::I16, 0x86dd),
            PacketFamily::Other => self.builder.meta(Meta::Protocol),
        }
    }

    /// Bytes of a number of so many, most significant first.
    fn part_of(&mut self, value: Value, of: u32, from: u32, bytes: u32) -> Value {
        let behind = 8 * (of - from - bytes);
        let (whole, part) = (self.type_of(value), type_of(bytes).unwrap_or(Type::I32));
        let mask = (1u128 << (8 * bytes)) - 1;
        if let Some(number) = self.builder.constant_of(value) {
            return self.builder.constant(part, number >> behind & mask);
        }
        let mut value = value;
        if behind > 0 {
            let by = self.builder.constant(whole, behind.into());
            value = self.builder.binary(BinaryOp::Shr, value, by);
        }
        match part.bytes() < whole.bytes() {
            true => self.builder.truncate(part, value),
            false => self.builder.mask(value, mask),
        }
    }

    /// Bytes at an offset from byte 14 of the frame; the rule ends where they are not there.
    fn behind_header(
        &mut self,
        offset: u32,
        bytes: u32,
        expression: &Expression,
    ) -> Lowered<Value> {
        if !self.is_other() {
            return self.payload(PayloadBase::Network, offset, bytes, expression);
        }
        let start = END + offset;
        let end = u16::try_from(start + bytes)
            .map_err(|_| unsupported(expression, "a load so far into the packet"))?;
        let there = self.builder.available(Base::Link, end);
        self.builder.require(there, self.next);
        self.pieces(Base::Link, None, start as u16, bytes, expression)
    }

    /// Whether a tag stands in front of the type. Where packets decide, the rule goes on for those
    /// without one from the expression on another time.
    fn is_tagged(&mut self) -> bool {
        if !self.may_be_at_device() {
            return false;
        }
        if let Some(known) = self.tagged {
            return known;
        }
        let tag = self.builder.meta(Meta::VlanTag);
        let is = self.builder.compare_const(Condition::Ne, tag, 0);
        let [with, without] = [(); 2].map(|()| self.builder.block());
        self.builder.branch(is, with, without);
        self.fork_untagged(without);
        self.builder.switch_to(with);
        self.tagged = Some(true);
        true
    }

    /// Whether the chain is, or may be called by, one of devices, where tags are seen.
    pub fn may_be_at_device(&self) -> bool {
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
