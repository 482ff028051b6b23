//! What the route of a packet says (net/netfilter/nft_rt.c).

use super::chain::Cx;
use super::{Lowered, unsupported};
use crate::model::{Expression, Register};
use bpfc_ir::{BinaryOp, Condition, Family, Lookup, Meta, Type, Value, Way};

/// `TCP_MSS_DEFAULT` (include/net/tcp.h): what is said where no size fits.
const DEFAULT_SIZE: u128 = 536;

impl Cx<'_, '_> {
    /// Loads what the packet's route says; the rule ends where it has none.
    pub fn rt(&mut self, expression: &Expression, key: &str, to: Register) -> Lowered<()> {
        let Some(family) = self.family.ip() else {
            self.leave();
            return Ok(());
        };
        match key {
            "classid" => {
                let realm = self.builder.meta(Meta::Realm);
                self.put(to, realm, 4, true);
            }
            "ipsec" => {
                let count = self.builder.lookup(Lookup::Transforms(Way::Out));
                let none = self.builder.constant(Type::I32, Lookup::NONE.into());
                let one = self.builder.constant(Type::I32, 1);
                let differs = self.builder.binary(BinaryOp::Xor, count, none);
                let is_there = self.builder.binary(BinaryOp::Min, differs, one);
                let is_there = self.builder.truncate(Type::I8, is_there);
                self.put(to, is_there, 1, true);
            }
            "tcpmss" => {
                let size = self.segment_size(family);
                self.put(to, size, 2, true);
            }
            "nexthop4" | "nexthop6" => return Err(unsupported(expression, "rt nexthop")),
            _ => return Err(unsupported(expression, &format!("rt {key}"))),
        }
        Ok(())
    }

    /// The size of segments that fits the packet's way and the way back (`get_tcpmss`).
    fn segment_size(&mut self, family: Family) -> Value {
        // Both fixed headers.
        let headers: u128 = match family {
            Family::Ipv4 => 20 + 20,
            Family::Ipv6 => 40 + 20,
        };
        let there = self.builder.lookup(Lookup::RouteMtu);
        let no_route = Lookup::NO_ROUTE.into();
        let has_route = self.builder.compare_const(Condition::Ne, there, no_route);
        self.builder.require(has_route, self.next);
        let back = self.builder.lookup(Lookup::ReturnMtu);
        let mtu = self.builder.binary(BinaryOp::Min, there, back);
        // The size less 1, which wraps where it is none, and whether it is more than 16 bits hold.
        let b = &mut self.builder;
        let [headers, limit, one, default] = [headers + 1, 0xffff - headers, 1, DEFAULT_SIZE]
            .map(|number| b.constant(Type::I32, number));
        let below = b.binary(BinaryOp::Sub, mtu, headers);
        let size = b.binary(BinaryOp::Add, below, one);
        let over = b.binary(BinaryOp::Div, below, limit);
        let over = b.binary(BinaryOp::Min, over, one);
        // All bits where it fits, none where it does not.
        let fits = b.binary(BinaryOp::Sub, over, one);
        let chosen = b.binary(BinaryOp::Xor, size, default);
        let chosen = b.binary(BinaryOp::And, chosen, fits);
        let chosen = b.binary(BinaryOp::Xor, chosen, default);
        b.truncate(Type::I16, chosen)
    }
}
