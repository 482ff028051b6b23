//! What stands in the link header behind its addresses (net/netfilter/nft_payload.c,
//! `nft_payload_eval`).
//!
//! Hooks of the network layer see packets whose tags were taken off: behind the addresses stands
//! the type, which the function's family says, and behind it the network header. Tests of a tag
//! fold away there.

use super::chain::Cx;
use super::{Lowered, unsupported};
use crate::model::{Expression, Family as TableFamily, PayloadBase};
use bpfc_ir::{Meta, PacketFamily, Type, Value};

/// Where the type stands, and what is behind it.
const TYPE: u32 = 12;
const END: u32 = 14;

impl Cx<'_, '_> {
    /// Bytes behind the addresses.
    pub fn behind_addresses(
        &mut self,
        offset: u32,
        bytes: u32,
        expression: &Expression,
    ) -> Lowered<Value> {
        let lacks = || unsupported(expression, "the link header behind its addresses");
        let ether_type: u16 = match self.family {
            PacketFamily::Ipv4 => 0x0800,
            PacketFamily::Ipv6 => 0x86dd,
            PacketFamily::Other => return Err(lacks()),
        };
        if self.may_be_at_device() {
            return Err(lacks());
        }
        let end = offset + bytes;
        if !(offset >= END || (offset >= TYPE && end <= END)) {
            return Err(lacks());
        }
        let link = self.builder.meta(Meta::LinkHeader);
        self.require_nonzero(link);
        if offset >= END {
            return self.payload(PayloadBase::Network, offset - END, bytes, expression);
        }
        let [high, low] = ether_type.to_be_bytes();
        Ok(match (offset, bytes) {
            (TYPE, 2) => self.builder.constant(Type::I16, ether_type.into()),
            (TYPE, _) => self.builder.constant(Type::I8, high.into()),
            _ => self.builder.constant(Type::I8, low.into()),
        })
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
