//! IPv4: a search of a routing table as `fib_table_lookup` does it (net/ipv4/fib_trie.c).
//!
//! The table is a trie of `struct key_vector`: it is descended by the address, remembering the
//! last node that may have a shorter prefix, and where that way ends without a route the walk goes
//! back there and strips the lowest set bit of the child's number, until nothing is left. A
//! routing change at the same time is seen as the kernel's own search sees it.

use super::flow::Search;
use super::rules;
use super::step::{LEGACY_TOS, NEXTHOP_DEAD, enter, kind, mode as common, run};
use crate::asm::{Alu, Asm, Jump, Label, R0, R1, R2, R3, R4, R5, R7, R8, R9, Reg, Size, Width};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::kernel::{self, cast, first_device, if_null, load, nexthop_info};
use crate::packet::layout;
use crate::packet::region::walk::{FOUND, INDEX, KEY, KIND, MODE, NODE, PARENT, REST, TABLE};
use crate::routine::Routine;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{Address, Device};

/// `RT_TABLE_LOCAL`, and where its chain lies among the 256 of `fib_table_hash`.
const LOCAL_TABLE: i32 = 255;
const LOCAL_CHAIN: i32 = 255 * 8;
/// `KEYLENGTH`: the root's position.
const ROOT: i32 = 32;

/// What a step does.
mod mode {
    /// Look for the table among those of its chain.
    pub const TABLE: i32 = 0;
    /// Towards the longest prefix.
    pub const DESCEND: i32 = 1;
    /// Below a node that the walk went back to, along its first children.
    pub const PREFIX: i32 = 2;
    /// One route of a leaf.
    pub const LEAF: i32 = 3;
    /// Back to a shorter prefix.
    pub const BACK: i32 = 4;
}

/// `inet_dev_addr_type` of the local table (net/ipv4/fib_frontend.c).
pub(super) fn address_type(
    emitter: &mut Emitter<'_>,
    address: Address,
    device: Option<Device>,
) -> Result<FunctionIndex, EmitError> {
    let body = emitter.routine(Routine::RoutingTableStep);
    let Some(at) = emitter.layout.lookup() else {
        return Err(EmitError::Type("lookup".to_owned(), "a region"));
    };
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "find the kind of an address");
    let [null, broadcast, multicast, unicast, done] = std::array::from_fn(|_| asm.label());
    enter(&mut asm, null);
    let offset = match address {
        Address::Source => 12,
        Address::Destination => 16,
    };
    asm.load(Size::W, R1, R7, layout::NETWORK + offset);
    asm.from_big_endian(R1, 32);
    if_null(&mut asm, R1, broadcast);
    asm.jump_imm(Jump::Eq, Width::W32, R1, -1, broadcast);
    asm.mov(R2, R1);
    asm.alu_imm(Alu::Rsh, Width::W64, R2, 28);
    asm.jump_imm(Jump::Eq, Width::W64, R2, 0xe, multicast);
    asm.store(Size::W, R7, at + KEY, R1);
    asm.store_imm(Size::W, R7, at + MODE, mode::TABLE);
    asm.store_imm(Size::W, R7, at + KIND, 0);
    asm.store_imm(Size::D, R7, at + FOUND, 0);

    emitter.target.load_net(&mut asm, R8);
    if_null(&mut asm, R8, unicast);
    kernel::enter(&mut asm, R8, "net", "ipv4", 0);
    // Kernels without policy routing, which have two chains instead of 256, have no such member.
    load(&mut asm, R1, R8, "netns_ipv4", "rules_ops", 8);
    load(&mut asm, R1, R8, "netns_ipv4", "fib_table_hash", 8);
    asm.alu_imm(Alu::Add, Width::W64, R1, LOCAL_CHAIN);
    cast(&mut asm, R1, "hlist_head");
    load(&mut asm, R1, R0, "hlist_head", "first", 8);
    asm.store(Size::D, R7, at + NODE, R1);
    run(&mut asm, body);

    asm.load(Size::W, R9, R7, at + KIND);
    if_null(&mut asm, R9, unicast);
    asm.jump_imm(Jump::Ge, Width::W64, R9, kind::BLACKHOLE, unicast);
    if let Some(device) = device {
        emitter.target.load_device(&mut asm, R8, device);
        let any = asm.label();
        if_null(&mut asm, R8, any);
        asm.load(Size::D, R1, R7, at + FOUND);
        first_device(&mut asm);
        asm.jump(Jump::Ne, Width::W64, R1, R8, unicast);
        asm.place(any);
    }
    asm.mov(R0, R9);
    asm.goto(done);
    for (label, number) in
        [(broadcast, kind::BROADCAST), (multicast, kind::MULTICAST), (unicast, kind::UNICAST)]
    {
        asm.place(label);
        asm.mov_imm(R0, number);
        asm.goto(done);
    }
    asm.place(done);
    asm.place(null);
    asm.exit();
    emitter.add(asm, "address_type", FunctionKind::Chain)
}

/// [`body`] of a search of the local table alone.
pub(crate) fn emit_step(emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
    body(emitter, None)
}

/// One step: 0 to go on, 1 when done. Of the local table alone, or of those that rules choose.
pub(super) fn body(
    emitter: &mut Emitter<'_>,
    search: Option<&dyn Search>,
) -> Result<FunctionIndex, EmitError> {
    let Some(at) = emitter.layout.lookup() else {
        return Err(EmitError::Type("lookup".to_owned(), "a region"));
    };
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "one step in a routing table");
    let [table, prefix, leaf, back] = std::array::from_fn(|_| asm.label());
    let step = Step {
        at,
        search,
        again: asm.label(),
        back: asm.label(),
        stop: asm.label(),
        end: asm.label(),
    };
    let [rule, nexthop] = std::array::from_fn(|_| asm.label());
    asm.load(Size::D, R7, R2, 8);
    asm.load(Size::W, R2, R7, at + MODE);
    asm.load(Size::D, R1, R7, at + NODE);
    if search.is_some() {
        asm.jump_imm(Jump::Eq, Width::W64, R2, common::RULE, rule);
        asm.jump_imm(Jump::Eq, Width::W64, R2, common::TABLE, table);
        asm.jump_imm(Jump::Eq, Width::W64, R2, common::NEXTHOP, nexthop);
    }
    asm.jump_imm(Jump::Eq, Width::W64, R2, mode::TABLE, table);
    asm.jump_imm(Jump::Eq, Width::W64, R2, mode::LEAF, leaf);
    asm.jump_imm(Jump::Eq, Width::W64, R2, mode::BACK, back);
    cast(&mut asm, R1, "key_vector");
    asm.mov(R8, R0);
    load(&mut asm, R9, R8, "key_vector", "key", 4);
    asm.load(Size::W, R1, R7, at + KEY);
    asm.alu(Alu::Xor, Width::W64, R9, R1);
    asm.load(Size::W, R2, R7, at + MODE);
    asm.jump_imm(Jump::Eq, Width::W64, R2, mode::PREFIX, prefix);

    step.descend(&mut asm, prefix);
    asm.place(prefix);
    step.prefix(&mut asm);
    asm.place(table);
    step.table(&mut asm);
    asm.place(leaf);
    step.leaf(&mut asm);
    asm.place(back);
    step.back(&mut asm);
    if let Some(search) = search {
        asm.place(rule);
        rules::step(&mut asm, search, step.again, step.end);
        asm.place(nexthop);
        search.nexthop(&mut asm, step.again, step.end);
    }

    asm.place(step.back);
    asm.store_imm(Size::W, R7, at + MODE, mode::BACK);
    asm.place(step.again);
    asm.mov_imm(R0, 0);
    asm.exit();
    asm.place(step.stop);
    if search.is_some() {
        // The next rule may name another table.
        asm.store_imm(Size::W, R7, at + MODE, common::RULE);
        asm.goto(step.again);
    }
    asm.place(step.end);
    asm.mov_imm(R0, 1);
    asm.exit();
    emitter.add(asm, "routing_table_step", FunctionKind::LoopBody)
}

/// The parts of a step; the node is in r1 when one begins, and as a typed pointer in r8.
struct Step<'a> {
    at: i16,
    search: Option<&'a dyn Search>,
    /// The step is done.
    again: Label,
    /// The next step goes back.
    back: Label,
    /// The walk of this table is done.
    stop: Label,
    /// The whole walk is done.
    end: Label,
}

impl Step<'_> {
    fn store(&self, asm: &mut Asm, place: i16, reg: Reg) {
        asm.store(Size::D, R7, self.at + place, reg);
    }

    fn next_mode(&self, asm: &mut Asm, mode: i32) {
        asm.store_imm(Size::W, R7, self.at + MODE, mode);
    }

    /// `fib_get_table`, then the first node below the root.
    fn table(&self, asm: &mut Asm) {
        let found = asm.label();
        if_null(asm, R1, self.stop);
        cast(asm, R1, "fib_table");
        load(asm, R2, R0, "fib_table", "tb_id", 4);
        if self.search.is_some() {
            asm.load(Size::W, R3, R7, self.at + TABLE);
            asm.jump(Jump::Eq, Width::W32, R2, R3, found);
        } else {
            asm.jump_imm(Jump::Eq, Width::W32, R2, LOCAL_TABLE, found);
        }
        // Its place in the chain is its first member.
        cast(asm, R0, "hlist_node");
        load(asm, R1, R0, "hlist_node", "next", 8);
        self.store(asm, NODE, R1);
        asm.goto(self.again);
        asm.place(found);
        load(asm, R1, R0, "fib_table", "tb_data", 8);
        self.store(asm, PARENT, R1);
        asm.store_imm(Size::W, R7, self.at + INDEX, 0);
        cast(asm, R1, "key_vector");
        child(asm, R1, R0);
        if_null(asm, R1, self.stop);
        self.store(asm, NODE, R1);
        self.next_mode(asm, mode::DESCEND);
        asm.goto(self.again);
    }

    /// r8 = node, r9 = key xor the node's. Leaves for `mismatch` where the prefix differs.
    fn descend(&self, asm: &mut Asm, mismatch: Label) {
        let shorter = asm.label();
        asm.mov(R2, R9);
        load(asm, R3, R8, "key_vector", "pos", 1);
        asm.alu(Alu::Rsh, Width::W64, R2, R3);
        load(asm, R4, R8, "key_vector", "bits", 1);
        asm.mov_imm(R5, 1);
        asm.alu(Alu::Lsh, Width::W64, R5, R4);
        asm.jump(Jump::Ge, Width::W64, R2, R5, mismatch);
        let inner = asm.label();
        asm.jump_imm(Jump::Ne, Width::W64, R4, 0, inner);
        self.enter_leaf(asm);
        asm.place(inner);
        load(asm, R5, R8, "key_vector", "slen", 1);
        asm.load(Size::D, R1, R7, self.at + NODE);
        asm.jump(Jump::Le, Width::W64, R5, R3, shorter);
        self.store(asm, PARENT, R1);
        asm.store(Size::W, R7, self.at + INDEX, R2);
        asm.place(shorter);
        self.enter_child(asm, mode::DESCEND);
    }

    /// r1 = address of a node, r2 = number of its child, which is next.
    fn enter_child(&self, asm: &mut Asm, mode: i32) {
        asm.alu_imm(Alu::Lsh, Width::W64, R2, 3);
        asm.alu(Alu::Add, Width::W64, R1, R2);
        cast(asm, R1, "key_vector");
        child(asm, R1, R0);
        self.store(asm, NODE, R1);
        if_null(asm, R1, self.back);
        self.next_mode(asm, mode);
        asm.goto(self.again);
    }

    /// r8 = leaf, r9 = key xor the leaf's: its routes are next.
    fn enter_leaf(&self, asm: &mut Asm) {
        asm.store(Size::W, R7, self.at + REST, R9);
        child(asm, R1, R8);
        self.store(asm, NODE, R1);
        self.next_mode(asm, mode::LEAF);
        asm.goto(self.again);
    }

    /// r8 = node, r9 = key xor the node's: whether a shorter prefix below it may still match.
    fn prefix(&self, asm: &mut Asm) {
        let inner = asm.label();
        // prefix_mismatch: bits that differ at or above the prefix's lowest set bit.
        load(asm, R1, R8, "key_vector", "key", 4);
        asm.mov_imm(R2, 0);
        asm.alu(Alu::Sub, Width::W32, R2, R1);
        asm.alu(Alu::Or, Width::W32, R2, R1);
        asm.alu(Alu::And, Width::W32, R2, R9);
        asm.jump_imm(Jump::Ne, Width::W64, R2, 0, self.back);
        load(asm, R2, R8, "key_vector", "slen", 1);
        load(asm, R3, R8, "key_vector", "pos", 1);
        asm.jump(Jump::Eq, Width::W64, R2, R3, self.back);
        load(asm, R4, R8, "key_vector", "bits", 1);
        asm.jump_imm(Jump::Ne, Width::W64, R4, 0, inner);
        self.enter_leaf(asm);
        asm.place(inner);
        child(asm, R1, R8);
        self.store(asm, NODE, R1);
        if_null(asm, R1, self.back);
        self.next_mode(asm, mode::PREFIX);
        asm.goto(self.again);
    }

    /// One route: what `fib_table_lookup` skips is skipped, the first other one decides.
    fn leaf(&self, asm: &mut Asm) {
        let [candidate, next, refused] = std::array::from_fn(|_| asm.label());
        if_null(asm, R1, self.back);
        cast(asm, R1, "fib_alias");
        asm.mov(R8, R0);
        load(asm, R1, R8, "fib_alias", "fa_slen", 1);
        asm.mov_imm(R2, 1);
        asm.alu(Alu::Lsh, Width::W64, R2, R1);
        asm.load(Size::W, R3, R7, self.at + REST);
        asm.jump(Jump::Ge, Width::W64, R3, R2, next);
        load(asm, R1, R8, "fib_alias", "fa_dscp", 1);
        let header = self.search.and_then(|search| search.flow().header);
        if let Some(header) = header {
            // `fib_dscp_masked_match`.
            let any = asm.label();
            if_null(asm, R1, any);
            asm.load(Size::B, R2, R7, header + 1);
            asm.alu_imm(Alu::And, Width::W64, R2, LEGACY_TOS);
            asm.jump(Jump::Ne, Width::W64, R1, R2, next);
            asm.place(any);
        } else {
            asm.jump_imm(Jump::Ne, Width::W64, R1, 0, next);
        }
        load(asm, R1, R8, "fib_alias", "fa_info", 8);
        self.store(asm, FOUND, R1);
        cast(asm, R1, "fib_info");
        load(asm, R1, R0, "fib_info", "fib_dead", 1);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, next);
        load(asm, R9, R8, "fib_alias", "fa_type", 1);
        asm.jump_imm(Jump::Ge, Width::W64, R9, kind::BLACKHOLE, refused);
        load(asm, R1, R0, "fib_info", "fib_flags", 4);
        asm.alu_imm(Alu::And, Width::W64, R1, NEXTHOP_DEAD);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, next);
        load(asm, R1, R0, "fib_info", "nh", 8);
        if_null(asm, R1, candidate);
        nexthop_info(asm);
        load(asm, R1, R0, "nh_info", "reject_nh", 1);
        if_null(asm, R1, candidate);
        asm.mov_imm(R9, kind::BLACKHOLE);
        asm.place(candidate);
        asm.place(refused);
        if let Some(search) = self.search {
            search.ipv4_route(asm, self.again, self.stop, self.end);
        } else {
            asm.store(Size::W, R7, self.at + KIND, R9);
            asm.goto(self.stop);
        }
        asm.place(next);
        // Its place in the leaf's list is its first member.
        cast(asm, R8, "hlist_node");
        load(asm, R1, R0, "hlist_node", "next", 8);
        self.store(asm, NODE, R1);
        asm.goto(self.again);
    }

    /// Strips a bit of the child's number, or goes up.
    fn back(&self, asm: &mut Asm) {
        let strip = asm.label();
        asm.load(Size::D, R1, R7, self.at + PARENT);
        asm.load(Size::W, R2, R7, self.at + INDEX);
        asm.jump_imm(Jump::Ne, Width::W64, R2, 0, strip);
        cast(asm, R1, "key_vector");
        load(asm, R1, R0, "key_vector", "pos", 1);
        asm.jump_imm(Jump::Ge, Width::W64, R1, ROOT, self.stop);
        load(asm, R9, R0, "key_vector", "key", 4);
        asm.load(Size::D, R1, R7, self.at + PARENT);
        kernel::leave(asm, R1, R2, "tnode", "kv", 0);
        cast(asm, R1, "tnode");
        load(asm, R1, R0, "tnode", "parent", 8);
        self.store(asm, PARENT, R1);
        cast(asm, R1, "key_vector");
        load(asm, R1, R0, "key_vector", "key", 4);
        asm.alu(Alu::Xor, Width::W64, R9, R1);
        load(asm, R1, R0, "key_vector", "pos", 1);
        asm.alu(Alu::Rsh, Width::W64, R9, R1);
        asm.store(Size::W, R7, self.at + INDEX, R9);
        asm.goto(self.again);
        asm.place(strip);
        asm.mov(R3, R2);
        asm.alu_imm(Alu::Sub, Width::W64, R3, 1);
        asm.alu(Alu::And, Width::W64, R2, R3);
        asm.store(Size::W, R7, self.at + INDEX, R2);
        self.enter_child(asm, mode::PREFIX);
    }
}

/// `dst =` a node's first child, or a leaf's first route: a union (`struct key_vector`).
fn child(asm: &mut Asm, dst: Reg, node: Reg) {
    load(asm, dst, node, "key_vector", "leaf", 8);
}
