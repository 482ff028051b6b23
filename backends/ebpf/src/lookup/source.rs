//! IPv6: routes that are bound to source addresses. A node of a table with such routes has a tree
//! of their source addresses below it, whose root's parent is the node (net/ipv6/ip6_fib.c,
//! `fib6_node_lookup_1`; net/ipv6/route.c, `fib6_backtrack`).
//!
//! The search that finds the first node passes over one whose tree has nothing for the flow's
//! source, also where the node has routes for all sources; the way back does not.

use super::node::{HAS_ROUTES, ROOT, Step, TABLE_ROOT, key_of, mode, require_prefix, tree_below};
use crate::asm::{Alu, Asm, Jump, Label, R0, R1, R2, R7, R8, R9, Size, Width};
use crate::kernel::{cast, if_null, load};
use crate::packet::region::walk::{NODE, RETURNING};

impl Step<'_> {
    /// r1 = root of the tree below a node, which is searched for the flow's source.
    pub fn enter_sources(&self, asm: &mut Asm) {
        self.store(asm, NODE, R1);
        self.next_mode(asm, mode::SOURCE_DESCEND);
        asm.goto(self.again);
    }

    /// r1 = node of such a tree.
    pub fn source_climb(&self, asm: &mut Asm, higher: Label) {
        let [other, returning] = std::array::from_fn(|_| asm.label());
        cast(asm, R1, "fib6_node");
        load(asm, R9, R0, "fib6_node", "leaf", 8);
        load(asm, R1, R0, "fib6_node", "fn_flags", 2);
        asm.alu_imm(Alu::And, Width::W64, R1, HAS_ROUTES);
        if_null(asm, R1, other);
        if_null(asm, R9, other);
        key_of(asm, R9, "fib6_src");
        require_prefix(asm, self.source(), other);
        asm.goto(self.found);
        asm.place(other);
        asm.load(Size::D, R1, R7, self.at + NODE);
        cast(asm, R1, "fib6_node");
        load(asm, R2, R0, "fib6_node", "fn_flags", 2);
        load(asm, R1, R0, "fib6_node", "parent", 8);
        self.store(asm, NODE, R1);
        asm.alu_imm(Alu::And, Width::W64, R2, ROOT);
        if_null(asm, R2, self.again);
        // The root's parent is the node that the tree hangs below.
        asm.load(Size::W, R2, R7, self.at + RETURNING);
        asm.jump_imm(Jump::Ne, Width::W64, R2, 0, returning);
        asm.goto(higher);
        asm.place(returning);
        self.return_to(asm);
    }

    /// r1 = node, which is next where it has routes of its own.
    fn return_to(&self, asm: &mut Asm) {
        cast(asm, R1, "fib6_node");
        load(asm, R9, R0, "fib6_node", "leaf", 8);
        load(asm, R1, R0, "fib6_node", "fn_flags", 2);
        asm.alu_imm(Alu::And, Width::W64, R1, HAS_ROUTES);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, self.found);
        asm.goto(self.up);
    }

    /// r1 = node none of whose routes can be used (`fib6_backtrack`).
    pub fn back(&self, asm: &mut Asm, next: Label) {
        let own = asm.label();
        cast(asm, R1, "fib6_node");
        load(asm, R1, R0, "fib6_node", "fn_flags", 2);
        asm.alu_imm(Alu::And, Width::W64, R1, TABLE_ROOT);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, next);
        load(asm, R8, R0, "fib6_node", "parent", 8);
        asm.load(Size::D, R9, R7, self.at + NODE);
        self.store(asm, NODE, R8);
        cast(asm, R8, "fib6_node");
        tree_below(asm, R1, R0);
        if_null(asm, R1, own);
        asm.jump(Jump::Eq, Width::W64, R1, R9, own);
        asm.store_imm(Size::W, R7, self.at + RETURNING, 1);
        self.enter_sources(asm);
        asm.place(own);
        asm.mov(R1, R8);
        self.return_to(asm);
    }
}
