//! What is known of the transformations of IPsec that a packet has come by or will go by
//! (net/netfilter/nft_xfrm.c).

use super::chain::Cx;
use super::{Lowered, unsupported};
use crate::model::{Expression, Register};
use bpfc_ir::{Address, BinaryOp, Condition, Lookup, TransformField, Type, Value, Way};

/// `AF_INET` and `AF_INET6`.
const IPV4: u128 = 2;
const IPV6: u128 = 10;
/// `XFRM_MODE_TUNNEL`, `XFRM_MODE_BEET` and `XFRM_MODE_IPTFS`: only the states of these have
/// addresses of their own (`xfrm_state_addr_ok`).
const MODES: [(u128, u128); 2] = [(1, 1), (4, 5)];

impl Cx<'_, '_> {
    /// 1 where the packet came by IPsec, whatever that undid (`secpath_exists`), else 0.
    pub fn has_security_path(&mut self) -> Value {
        if self.is_other() {
            return self.builder.constant(Type::I8, 0);
        }
        let count = self.builder.lookup(Lookup::Transforms(Way::In));
        // What stands for none is the largest number: one more is 0.
        const { assert!(Lookup::NONE == u32::MAX) };
        let one = self.builder.constant(Type::I32, 1);
        let sum = self.builder.binary(BinaryOp::Add, count, one);
        let is = self.builder.binary(BinaryOp::Min, sum, one);
        self.builder.truncate(Type::I8, is)
    }

    /// Loads what one transformation says; the rule ends where there is none at that place, or
    /// where it has no such address.
    pub fn ipsec(
        &mut self,
        expression: &Expression,
        key: &str,
        is_out: bool,
        index: u32,
        to: Register,
    ) -> Lowered<()> {
        if self.is_other() {
            self.leave();
            return Ok(());
        }
        let way = if is_out { Way::Out } else { Way::In };
        let place = match u8::try_from(index) {
            Ok(place) if place < Way::MOST => place,
            // The kernel undoes and applies no more than so many.
            _ => {
                self.leave();
                return Ok(());
            }
        };
        let count = self.builder.lookup(Lookup::Transforms(way));
        let has = self.builder.compare_const(Condition::Ne, count, Lookup::NONE.into());
        self.builder.require(has, self.next);
        let there = self.builder.compare_const(Condition::Gt, count, index.into());
        self.builder.require(there, self.next);
        let ask = |field| Lookup::Transform { way, index: place, field };
        let (address, family) = match key {
            "reqid" => {
                let value = self.builder.lookup(ask(TransformField::RequestId));
                self.put(to, value, 4, true);
                return Ok(());
            }
            "spi" => {
                let value = self.builder.lookup(ask(TransformField::Spi));
                self.put(to, value, 4, false);
                return Ok(());
            }
            "saddr4" => (Address::Source, IPV4),
            "saddr6" => (Address::Source, IPV6),
            "daddr4" => (Address::Destination, IPV4),
            "daddr6" => (Address::Destination, IPV6),
            _ => return Err(unsupported(expression, &format!("ipsec {key}"))),
        };
        let found = self.builder.lookup(ask(TransformField::Family));
        let is_such = self.builder.compare_const(Condition::Eq, found, family);
        self.builder.require(is_such, self.next);
        let mode = self.builder.lookup(ask(TransformField::Mode));
        let known = self.builder.block();
        for (first, last) in MODES {
            let other = self.builder.block();
            let is_one = self.builder.in_range(mode, first, last);
            self.builder.branch(is_one, known, other);
            self.builder.switch_to(other);
        }
        self.builder.jump(self.next);
        self.builder.switch_to(known);
        let words = if family == IPV4 { 1 } else { 4 };
        for word in 0..words {
            let value = self.builder.lookup(ask(TransformField::Address(address, word)));
            debug_assert_eq!(self.builder.ty(value), Type::I32);
            self.put(to.behind(u32::from(word) * 4), value, 4, false);
        }
        Ok(())
    }
}
