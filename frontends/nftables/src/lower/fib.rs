//! What the routing tables say (net/netfilter/nft_fib.c; net/ipv4/netfilter/nft_fib_ipv4.c;
//! net/ipv6/netfilter/nft_fib_ipv6.c): kinds of addresses, and whether there is a way back to the
//! source of a packet by the interface that it came in by.

use super::chain::Cx;
use super::registers::only_number;
use super::{Lowered, unknown, unsupported};
use crate::model::{Comparison, Expression, FibFlags, FibResult, Operation, Register};
use bpfc_ir::{
    Address, Base, BinaryOp, Device, Family, Lookup, Meta, PacketFamily, ReversePath, Type, Value,
};

/// `PACKET_LOOPBACK` (include/uapi/linux/if_packet.h).
const LOOPBACK: u128 = 5;

/// What is asked of the tables.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub flags: &'a FibFlags,
    pub result: FibResult,
    pub is_presence: bool,
}

impl Cx<'_, '_> {
    /// Loads the answer.
    pub fn fib(&mut self, asked: Asked<'_>, to: Register, expression: &Expression) -> Lowered<()> {
        // net/netfilter/nft_fib_netdev.c
        if self.is_other() {
            self.leave();
            return Ok(());
        }
        if asked.result == FibResult::Type && !asked.is_presence {
            let value = self.address_type(asked.flags, expression)?;
            self.put(to, value, 4, true);
            return Ok(());
        }
        let FibFlags { saddr, daddr, mark, iif, oif } = *asked.flags;
        if !saddr || daddr || !iif || oif {
            return Err(unsupported(
                expression,
                "the interface of a route (fib oif) but back to the source",
            ));
        }
        if !self.is_at_prerouting() {
            let what = "a way back (fib saddr . iif oif) at another hook than prerouting";
            return Err(unsupported(expression, what));
        }
        // There the flow need not leave by the interface, which finds another route among several.
        if self.family != PacketFamily::Ipv4 {
            let what = "whether there is a way back (fib saddr . iif oif) in IPv6";
            let why = "where a route has several nexthops the kernel draws one by a hash of the flow, \
                       with a key that it draws at boot";
            let help = "ask it behind `meta nfproto ipv4`, use ip6tables' `-m rpfilter` in IPv6, which \
                        draws nothing, or leave the rule to the kernel";
            return Err(Box::new(unknown(expression, what, why).with_help(help)));
        }
        let back = self.leads_back(mark);
        if asked.is_presence {
            self.put(to, back, 1, true);
            return Ok(());
        }
        // The interface is the one that the packet came in by, or none: only whether there is one
        // is asked.
        let is_asked = match self.behind.first().map(|of| &of.operation) {
            Some(Operation::Compare { op: Comparison::Eq | Comparison::Neq, register, data }) => {
                *register == to && only_number(data) == Some(0)
            }
            _ => false,
        };
        if !is_asked || asked.result != FibResult::Oif {
            return Err(unsupported(expression, "which interface a route leads to (fib oif)"));
        }
        let value = self.builder.extend(Type::I32, back);
        self.put(to, value, 4, true);
        Ok(())
    }

    /// 1 where there is a way back by the interface that the packet came in by, else 0: by the
    /// tables, and for what this host sends itself and what asks for an address yet
    /// (`nft_fib4_eval`).
    fn leads_back(&mut self, valid_mark: bool) -> Value {
        let path = ReversePath { loose: false, valid_mark, accept_local: false, other_kinds: true };
        let back = self.builder.lookup(Lookup::ReversePath(path));
        let back = self.builder.truncate(Type::I8, back);
        let kind = self.builder.meta(Meta::PacketType);
        let looped = self.is_number(kind, LOOPBACK);
        let known = self.builder.binary(BinaryOp::Or, back, looped);
        let source = self.builder.payload(Type::I32, Base::Network, 12);
        let none = self.is_number(source, 0);
        let to = self.builder.payload(Type::I32, Base::Network, 16);
        let to_all = self.is_number(to, 0xffff_ffff);
        let eight = self.builder.constant(Type::I32, 8);
        let group = self.builder.binary(BinaryOp::Shr, to, eight);
        let to_group = self.is_number(group, 0xe0_0000);
        let many = self.builder.binary(BinaryOp::Or, to_all, to_group);
        let asks = self.builder.binary(BinaryOp::And, none, many);
        self.builder.binary(BinaryOp::Or, known, asks)
    }

    /// 1 where a number is this one, else 0: i8.
    fn is_number(&mut self, value: Value, number: u128) -> Value {
        let ty = self.builder.ty(value);
        let [number, one] = [number, 1].map(|number| self.builder.constant(ty, number));
        let differs = self.builder.binary(BinaryOp::Xor, value, number);
        let differs = self.builder.binary(BinaryOp::Min, differs, one);
        let is = self.builder.binary(BinaryOp::Xor, differs, one);
        match ty {
            Type::I8 => is,
            _ => self.builder.truncate(Type::I8, is),
        }
    }

    /// Whether the chain runs at prerouting alone.
    fn is_at_prerouting(&self) -> bool {
        let table = &self.shared.ruleset.tables[self.place.table];
        match &table.chains[self.place.chain].base {
            Some(base) => base.hook == "prerouting",
            None => {
                let mut bases = table.chains.iter().filter_map(|chain| chain.base.as_ref());
                bases.all(|base| base.hook == "prerouting")
            }
        }
    }

    /// The kind of an address, as the kernel numbers those of routes (`nft_fib4_eval_type`).
    fn address_type(&mut self, flags: &FibFlags, expression: &Expression) -> Lowered<Value> {
        if self.family == Family::Ipv6 {
            return Err(unsupported(expression, "fib type in IPv6"));
        }
        let address = match (flags.saddr, flags.daddr) {
            (true, false) => Address::Source,
            (false, true) => Address::Destination,
            _ => return Err(unsupported(expression, "fib of several addresses")),
        };
        let device = match (flags.iif, flags.oif) {
            (true, _) => Some(Device::In),
            (false, true) => Some(Device::Out),
            (false, false) => None,
        };
        Ok(self.builder.lookup(Lookup::AddressType(address, device)))
    }
}
