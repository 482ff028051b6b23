//! IPv6: a search of the routing tables as `ip6_route_output` does it for a destination alone
//! (net/ipv6/route.c, `ip6_pol_route`; net/ipv6/ip6_fib.c, `fib6_node_lookup`), first the local
//! table, then the main one.
//!
//! A table is a binary tree of `struct fib6_node`: it is descended by the address's bits, and then
//! climbed to the first node that holds a route which matches and can be used. A node with routes
//! that are bound to source addresses has another tree for these below it. Policy routing rules are
//! not looked at here, and neither is whether a gateway is known not to answer.

use super::flow::{Labels, Search};
use super::node::{
    ANYCAST, EXPIRES, HAS_ROUTES, LOCAL_BIT, REJECT, ROOT, Step, differing, key_of, mode, nexthop,
    require_prefix, tree_below,
};
use super::step::{NEXTHOP_DEAD, enter, kind, mode as common, run};
use super::{own_address, rules};
use crate::asm::{Alu, Asm, Helper, Jump, Label, R0, R1, R2, R3, R7, R8, R9, Size, Width};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::kernel::{self, cast, if_null, load};
use crate::packet::layout;
use crate::packet::region::walk::{
    FIRST, FOUND, INDEX, KIND, MEMBER, MODE, NODE, NONE, PARENT, REST, RETURNING, TABLE,
};
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{Address, Lookup};

/// `RTF_GATEWAY` and `RTF_NONEXTHOP` (include/uapi/linux/route.h and ipv6_route.h).
const GATEWAY: i32 = 0x2;
const NO_NEXTHOP: i32 = 0x0020_0000;

/// What [`Lookup::AddressType`] says of IPv6.
pub(super) fn address_type(
    emitter: &mut Emitter<'_>,
    address: Address,
) -> Result<FunctionIndex, EmitError> {
    let address = layout::NETWORK
        + match address {
            Address::Source => 8,
            Address::Destination => 24,
        };
    let body = body(emitter, address, None)?;
    let Some(at) = emitter.layout.lookup() else {
        return Err(EmitError::Type("lookup".to_owned(), "a region"));
    };
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "find the kind of an address");
    let null = asm.label();
    enter(&mut asm, null);
    asm.store_imm(Size::W, R7, at + MODE, mode::DESCEND);
    asm.store_imm(Size::W, R7, at + KIND, kind::UNREACHABLE);
    emitter.target.load_net(&mut asm, R8);
    if_null(&mut asm, R8, null);
    kernel::enter(&mut asm, R8, "net", "ipv6", 0);
    load(&mut asm, R1, R8, "netns_ipv6", "fib6_null_entry", 8);
    asm.store(Size::D, R7, at + NONE, R1);
    for (table, place) in [("fib6_local_tbl", NODE), ("fib6_main_tbl", PARENT)] {
        load(&mut asm, R1, R8, "netns_ipv6", table, 8);
        kernel::enter(&mut asm, R1, "fib6_table", "tb6_root", 0);
        asm.store(Size::D, R7, at + place, R1);
    }
    run(&mut asm, body);
    asm.load(Size::W, R0, R7, at + KIND);
    asm.exit();
    asm.place(null);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "address_type", FunctionKind::Chain)
}

/// One step for the address at an offset of the packet structure: 0 to go on, 1 when done.
/// Of the local and the main table, or of those that rules choose.
pub(super) fn body(
    emitter: &mut Emitter<'_>,
    address: i16,
    search: Option<&dyn Search>,
) -> Result<FunctionIndex, EmitError> {
    let Some(at) = emitter.layout.lookup() else {
        return Err(EmitError::Type("lookup".to_owned(), "a region"));
    };
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "one step in a routing table");
    let step = Step {
        at,
        address,
        search,
        again: asm.label(),
        up: asm.label(),
        found: asm.label(),
        stop: asm.label(),
    };
    let [descend, climb, higher, route, back, next] = std::array::from_fn(|_| asm.label());
    let [source_descend, source_climb] = std::array::from_fn(|_| asm.label());
    let [rule, table, device, host] = std::array::from_fn(|_| asm.label());
    asm.load(Size::D, R7, R2, 8);
    asm.load(Size::W, R2, R7, at + MODE);
    asm.load(Size::D, R1, R7, at + NODE);
    for (number, label) in [
        (mode::DESCEND, descend),
        (mode::CLIMB, climb),
        (mode::ROUTE, route),
        (mode::BACK, back),
        (mode::SOURCE_DESCEND, source_descend),
        (mode::SOURCE_CLIMB, source_climb),
    ] {
        asm.jump_imm(Jump::Eq, Width::W64, R2, number, label);
    }
    if search.is_some() {
        for (number, label) in [
            (common::RULE, rule),
            (common::TABLE, table),
            (common::DEVICE_ADDRESS, device),
            (common::HOST_ADDRESS, host),
        ] {
            asm.jump_imm(Jump::Eq, Width::W64, R2, number, label);
        }
    }
    asm.goto(step.stop);
    asm.place(descend);
    step.descend(&mut asm, Some(address), mode::CLIMB);
    asm.place(climb);
    step.climb(&mut asm, higher);
    asm.place(source_descend);
    step.descend(&mut asm, step.source(), mode::SOURCE_CLIMB);
    asm.place(source_climb);
    step.source_climb(&mut asm, higher);
    asm.place(back);
    step.back(&mut asm, next);
    asm.place(step.found);
    step.begin_routes(&mut asm);
    asm.place(route);
    match search {
        Some(search) => {
            let labels = Labels { again: step.again, up: step.up, next, end: step.stop };
            search.ipv6_route(&mut asm, &labels);
            asm.place(rule);
            rules::step(&mut asm, search, step.again, step.stop);
            asm.place(table);
            step.table(&mut asm, next);
            asm.place(device);
            own_address::device_step(at, &mut asm, step.again, mode::ROUTE);
            asm.place(host);
            own_address::host_step(at, &mut asm, step.again, mode::ROUTE);
        }
        None => step.route(&mut asm, next),
    }
    asm.place(next);
    step.next_table(&mut asm);
    asm.place(step.up);
    step.next_mode(&mut asm, mode::BACK);
    asm.place(step.again);
    asm.mov_imm(R0, 0);
    asm.exit();
    asm.place(step.stop);
    asm.mov_imm(R0, 1);
    asm.exit();
    emitter.add(asm, "routing_table_step", FunctionKind::LoopBody)
}

impl Step<'_> {
    /// r1 = node: to the child that the address's bit names, then on with another mode.
    fn descend(&self, asm: &mut Asm, address: Option<i16>, then: i32) {
        let [left, chosen, bottom] = std::array::from_fn(|_| asm.label());
        cast(asm, R1, "fib6_node");
        load(asm, R1, R0, "fib6_node", "fn_bit", 2);
        asm.jump_imm(Jump::Gt, Width::W64, R1, 127, bottom);
        if let Some(address) = address {
            asm.mov(R2, R1);
            asm.alu_imm(Alu::Rsh, Width::W64, R2, 3);
            asm.alu_imm(Alu::And, Width::W64, R2, 15);
            asm.mov(R3, R7);
            asm.alu(Alu::Add, Width::W64, R3, R2);
            asm.load(Size::B, R2, R3, address);
            // The first bit is the most significant.
            asm.alu_imm(Alu::And, Width::W64, R1, 7);
            asm.alu(Alu::Lsh, Width::W64, R2, R1);
            asm.alu_imm(Alu::And, Width::W64, R2, 0x80);
            if_null(asm, R2, left);
            load(asm, R1, R0, "fib6_node", "right", 8);
            asm.goto(chosen);
        }
        asm.place(left);
        load(asm, R1, R0, "fib6_node", "left", 8);
        asm.place(chosen);
        if_null(asm, R1, bottom);
        self.store(asm, NODE, R1);
        asm.goto(self.again);
        asm.place(bottom);
        self.next_mode(asm, then);
        asm.goto(self.again);
    }

    /// r1 = node: whether its routes, or those below it, are for the address
    /// (`fib6_node_lookup_1`). Places `higher`, where the search goes on above the node.
    fn climb(&self, asm: &mut Asm, higher: Label) {
        let candidate = asm.label();
        cast(asm, R1, "fib6_node");
        load(asm, R9, R0, "fib6_node", "leaf", 8);
        load(asm, R1, R0, "fib6_node", "fn_flags", 2);
        asm.jump_imm(Jump::Set, Width::W64, R1, HAS_ROUTES, candidate);
        tree_below(asm, R1, R0);
        if_null(asm, R1, higher);
        asm.place(candidate);
        if_null(asm, R9, higher);
        key_of(asm, R9, "fib6_dst");
        require_prefix(asm, Some(self.address), higher);
        asm.load(Size::D, R1, R7, self.at + NODE);
        cast(asm, R1, "fib6_node");
        tree_below(asm, R1, R0);
        if_null(asm, R1, self.found);
        asm.store_imm(Size::W, R7, self.at + RETURNING, 0);
        self.enter_sources(asm);

        asm.place(higher);
        asm.load(Size::D, R1, R7, self.at + NODE);
        cast(asm, R1, "fib6_node");
        load(asm, R1, R0, "fib6_node", "fn_flags", 2);
        load(asm, R9, R0, "fib6_node", "leaf", 8);
        // Where nothing matches it is the root's turn.
        asm.jump_imm(Jump::Set, Width::W64, R1, ROOT, self.found);
        load(asm, R1, R0, "fib6_node", "parent", 8);
        self.store(asm, NODE, R1);
        self.next_mode(asm, mode::CLIMB);
        asm.goto(self.again);
    }

    /// r9 = first route of the node.
    fn begin_routes(&self, asm: &mut Asm) {
        if_null(asm, R9, self.up);
        self.store(asm, FOUND, R9);
        if self.search.is_some() {
            self.store(asm, FIRST, R9);
            for place in [INDEX, MEMBER, REST] {
                asm.store_imm(Size::W, R7, self.at + place, 0);
            }
        }
        self.next_mode(asm, mode::ROUTE);
        asm.goto(self.again);
    }

    /// A route of the node: the first that can be used decides.
    fn route(&self, asm: &mut Asm, table: Label) {
        let [next, lasting, refused, rejects] = std::array::from_fn(|_| asm.label());
        asm.load(Size::D, R1, R7, self.at + FOUND);
        if_null(asm, R1, self.up);
        asm.load(Size::D, R2, R7, self.at + NONE);
        asm.jump(Jump::Eq, Width::W64, R1, R2, table);
        cast(asm, R1, "fib6_info");
        asm.mov(R8, R0);
        load(asm, R9, R8, "fib6_info", "fib6_flags", 4);
        asm.mov(R1, R9);
        asm.alu_imm(Alu::And, Width::W64, R1, EXPIRES);
        if_null(asm, R1, lasting);
        asm.helper(Helper::Jiffies);
        load(asm, R1, R8, "fib6_info", "expires", 8);
        asm.jump(Jump::Gt, Width::W64, R0, R1, next);
        asm.place(lasting);
        nexthop(asm, self.at, rejects);
        load(asm, R1, R0, "fib_nh_common", "nhc_gw_family", 1);
        asm.store(Size::W, R7, self.at + INDEX, R1);
        load(asm, R1, R0, "fib_nh_common", "nhc_flags", 1);
        asm.alu_imm(Alu::And, Width::W64, R1, NEXTHOP_DEAD);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, next);
        asm.mov(R1, R9);
        asm.alu_imm(Alu::And, Width::W64, R1, REJECT);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, refused);
        self.decide(asm);

        asm.place(refused);
        load(asm, R1, R8, "fib6_info", "fib6_type", 1);
        asm.jump_imm(Jump::Eq, Width::W64, R1, kind::THROW, table);
        // Any other route by the loopback device refuses, too, for want of a network.
        asm.jump_imm(Jump::Lt, Width::W64, R1, kind::BLACKHOLE, self.stop);
        asm.store(Size::W, R7, self.at + KIND, R1);
        asm.goto(self.stop);

        asm.place(rejects);
        asm.store_imm(Size::W, R7, self.at + KIND, kind::BLACKHOLE);
        asm.goto(self.stop);

        asm.place(next);
        load(asm, R1, R8, "fib6_info", "fib6_next", 8);
        self.store(asm, FOUND, R1);
        asm.goto(self.again);
    }

    /// r8 = route, r9 = its flags, `INDEX` = its gateway's family: kind and bits of what it leads
    /// to.
    fn decide(&self, asm: &mut Asm) {
        let [anycast, local, done] = std::array::from_fn(|_| asm.label());
        asm.load(Size::W, R2, R7, self.at + INDEX);
        asm.store_imm(Size::W, R7, self.at + INDEX, kind::UNICAST);
        asm.mov(R1, R9);
        asm.alu_imm(Alu::And, Width::W64, R1, ANYCAST);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, anycast);
        asm.jump_imm(Jump::Ne, Width::W64, R2, 0, local);
        asm.mov(R1, R9);
        asm.alu_imm(Alu::And, Width::W64, R1, GATEWAY | NO_NEXTHOP);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, local);
        asm.load(Size::D, R1, R7, self.at + FOUND);
        key_of(asm, R1, "fib6_dst");
        load(asm, R1, R8, "rt6key", "plen", 4);
        asm.jump_imm(Jump::Ge, Width::W64, R1, 127, local);
        for half in 0..2 {
            differing(asm, Some(self.address), half);
            asm.jump_imm(Jump::Ne, Width::W64, R1, 0, local);
        }
        asm.place(anycast);
        asm.store_imm(Size::W, R7, self.at + INDEX, kind::UNICAST | Lookup::ANYCAST as i32);
        asm.place(local);
        asm.load(Size::W, R1, R7, self.at + INDEX);
        asm.alu_imm(Alu::Rsh, Width::W64, R9, LOCAL_BIT);
        asm.alu_imm(Alu::And, Width::W64, R9, 1);
        if_null(asm, R9, done);
        asm.alu_imm(Alu::Or, Width::W64, R1, Lookup::LOCAL as i32);
        asm.place(done);
        asm.store(Size::W, R7, self.at + KIND, R1);
        asm.goto(self.stop);
    }

    /// `fib6_get_table`: the table of the chain in r1 that the rule names, at `next` without one.
    fn table(&self, asm: &mut Asm, next: Label) {
        let found = asm.label();
        if_null(asm, R1, next);
        cast(asm, R1, "fib6_table");
        load(asm, R2, R0, "fib6_table", "tb6_id", 4);
        asm.load(Size::W, R3, R7, self.at + TABLE);
        asm.jump(Jump::Eq, Width::W32, R2, R3, found);
        // Its place in the chain is its first member.
        cast(asm, R0, "hlist_node");
        load(asm, R1, R0, "hlist_node", "next", 8);
        self.store(asm, NODE, R1);
        asm.goto(self.again);
        asm.place(found);
        asm.load(Size::D, R1, R7, self.at + NODE);
        kernel::enter(asm, R1, "fib6_table", "tb6_root", 0);
        self.store(asm, NODE, R1);
        self.next_mode(asm, mode::DESCEND);
        asm.goto(self.again);
    }

    /// The main table after the local one; none after that, and the kind stays unreachable.
    fn next_table(&self, asm: &mut Asm) {
        if self.search.is_some() {
            self.next_mode(asm, common::RULE);
            asm.goto(self.again);
            return;
        }
        asm.store_imm(Size::W, R7, self.at + KIND, kind::UNREACHABLE);
        asm.load(Size::D, R1, R7, self.at + PARENT);
        if_null(asm, R1, self.stop);
        self.store(asm, NODE, R1);
        asm.store_imm(Size::D, R7, self.at + PARENT, 0);
        self.next_mode(asm, mode::DESCEND);
        asm.goto(self.again);
    }
}
