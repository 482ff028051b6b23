//! The way back to a packet's source, as the match rpfilter looks for it: a search of the routing
//! tables that policy routing rules choose, for a flow that begins on the loopback device
//! (net/ipv4/netfilter/ipt_rpfilter.c; net/ipv6/netfilter/ip6t_rpfilter.c).
//!
//! The steps of a table's walk are those of [`super::trie`] and [`super::tree`]; here is what comes
//! before and behind them. Routing domains (VRF), IPv6 routes bound to source addresses, and members
//! of nexthop groups but the first are not looked at.

use super::place::{
    DEVICE, FIRST, FOUND, GROUP, INDEX, KIND, LINKED, LONGEST_SUPPRESSED, MODE, OUT, REST, SOURCE,
};
use super::{NEXTHOP_DEAD, enter, kind, mode, rules, run, tree, trie};
use crate::asm::{Alu, Asm, Jump, Label, R0, R1, R2, R3, R4, R7, R8, R9, Size, Width};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::kernel::{self, cast, if_null, load, nexthop_info};
use crate::layout;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{Device, Family, ReversePath};

/// `IFF_LOOPBACK` (include/uapi/linux/if.h).
const LOOPBACK: i32 = 0x8;

/// What the steps know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reverse {
    pub path: ReversePath,
    pub family: Family,
    /// Where the walk's region lies.
    pub at: i16,
}

/// `Lookup::ReversePath`.
pub(super) fn function(
    emitter: &mut Emitter<'_>,
    path: ReversePath,
    family: Family,
) -> Result<FunctionIndex, EmitError> {
    let Some(at) = emitter.layout.lookup() else {
        return Err(EmitError::Type("lookup".to_owned(), "a region"));
    };
    let reverse = Reverse { path, family, at };
    let body = match family {
        Family::Ipv4 => trie::body(emitter, Some(reverse))?,
        Family::Ipv6 => tree::body(emitter, layout::NETWORK + 8, Some(reverse))?,
    };
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "look for the way back to the source");
    let [null, back] = std::array::from_fn(|_| asm.label());
    enter(&mut asm, null);
    asm.store_imm(Size::W, R7, at + KIND, 0);
    asm.store_imm(Size::W, R7, at + MODE, mode::RULE);
    emitter.target.load_device(&mut asm, R8, Device::In);
    if_null(&mut asm, R8, null);
    load(&mut asm, R1, R8, "net_device", "flags", 4);
    asm.jump_imm(Jump::Set, Width::W64, R1, LOOPBACK, back);
    asm.store(Size::D, R7, at + DEVICE, R8);
    match family {
        Family::Ipv4 => reverse.ipv4_source(&mut asm),
        Family::Ipv6 => reverse.ipv6_flow(&mut asm),
    }
    emitter.target.load_net(&mut asm, R8);
    if_null(&mut asm, R8, null);
    rules::begin(&mut asm, &reverse);
    run(&mut asm, body);
    asm.load(Size::W, R0, R7, at + KIND);
    asm.exit();
    asm.place(back);
    asm.mov_imm(R0, 1);
    asm.exit();
    asm.place(null);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "reverse_path", FunctionKind::Chain)
}

impl Reverse {
    /// `rpfilter_get_saddr`: the flow's source is the packet's destination, or none where that is
    /// no host's.
    fn ipv4_source(&self, asm: &mut Asm) {
        let [none, done] = std::array::from_fn(|_| asm.label());
        asm.load(Size::W, R1, R7, layout::NETWORK + 16);
        asm.jump_imm(Jump::Eq, Width::W32, R1, -1, none);
        asm.load(Size::B, R2, R7, layout::NETWORK + 16);
        asm.alu_imm(Alu::Rsh, Width::W64, R2, 4);
        asm.jump_imm(Jump::Ne, Width::W64, R2, 0xe, done);
        asm.place(none);
        asm.mov_imm(R1, 0);
        asm.place(done);
        asm.store(Size::W, R7, self.at + SOURCE, R1);
        asm.store_imm(Size::W, R7, self.at + OUT, 0);
    }

    /// r8 = device. The flow leaves by it, where the way back must, as it must to a link-local
    /// address.
    fn ipv6_flow(&self, asm: &mut Asm) {
        let [local, bound, done] = std::array::from_fn(|_| asm.label());
        asm.load(Size::H, R1, R7, layout::NETWORK + 8);
        asm.from_big_endian(R1, 16);
        asm.alu_imm(Alu::And, Width::W64, R1, 0xffc0);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0xfe80, local);
        asm.store_imm(Size::W, R7, self.at + LINKED, 0);
        if self.path.loose {
            asm.store_imm(Size::W, R7, self.at + OUT, 0);
            asm.goto(done);
        } else {
            asm.goto(bound);
        }
        asm.place(local);
        asm.store_imm(Size::W, R7, self.at + LINKED, 1);
        asm.place(bound);
        load(asm, R1, R8, "net_device", "ifindex", 4);
        asm.store(Size::W, R7, self.at + OUT, R1);
        asm.place(done);
    }

    /// Goes on where the rule takes a route to a prefix of r2 bits by the device in r1, at `next`
    /// where it suppresses it (`fib4_rule_suppress`, `fib6_rule_suppress`). Clobbers r1 and r3.
    fn unless_suppressed(&self, asm: &mut Asm, next: Label) {
        let [long, done] = std::array::from_fn(|_| asm.label());
        asm.load(Size::W, R3, R7, self.at + LONGEST_SUPPRESSED);
        asm.jump(Jump::Slt, Width::W32, R3, R2, long);
        asm.goto(next);
        asm.place(long);
        asm.load(Size::W, R3, R7, self.at + GROUP);
        asm.jump_imm(Jump::Eq, Width::W32, R3, -1, done);
        if_null(asm, R1, done);
        load(asm, R1, R1, "net_device", "group", 4);
        asm.jump(Jump::Eq, Width::W32, R1, R3, next);
        asm.place(done);
    }

    /// r8 = `struct fib_alias *`, r9 = its kind, `FOUND` = its `struct fib_info`: the route that a
    /// table answers. Goes on at `next` with the next rule, at `end` where it decides.
    pub(super) fn ipv4_route(&self, asm: &mut Asm, again: Label, next: Label, end: Label) {
        let sound = asm.label();
        asm.jump_imm(Jump::Eq, Width::W64, R9, kind::THROW, next);
        asm.jump_imm(Jump::Ge, Width::W64, R9, kind::BLACKHOLE, end);
        asm.load(Size::D, R1, R7, self.at + FOUND);
        trie::route_device(asm);
        load(asm, R3, R8, "fib_alias", "fa_slen", 1);
        asm.mov_imm(R2, 32);
        asm.alu(Alu::Sub, Width::W64, R2, R3);
        self.unless_suppressed(asm, next);
        asm.jump_imm(Jump::Eq, Width::W64, R9, kind::UNICAST, sound);
        if self.path.accept_local {
            asm.jump_imm(Jump::Ne, Width::W64, R9, kind::LOCAL, end);
        } else {
            asm.goto(end);
        }
        asm.place(sound);
        if self.path.loose {
            asm.store_imm(Size::W, R7, self.at + KIND, 1);
            asm.goto(end);
        } else {
            asm.store_imm(Size::W, R7, self.at + INDEX, 0);
            asm.store_imm(Size::W, R7, self.at + MODE, mode::NEXTHOP);
            asm.goto(again);
        }
    }

    /// One nexthop of the route: whether it leads to the device (`fib_info_nh_uses_dev`).
    pub(super) fn nexthop(&self, asm: &mut Asm, again: Label, end: Label) {
        let [own, compare] = std::array::from_fn(|_| asm.label());
        asm.load(Size::D, R1, R7, self.at + FOUND);
        cast(asm, R1, "fib_info");
        asm.mov(R8, R0);
        load(asm, R1, R8, "fib_info", "nh", 8);
        if_null(asm, R1, own);
        nexthop_info(asm);
        kernel::enter(asm, R0, "nh_info", "fib_nhc", 0);
        cast(asm, R0, "fib_nh_common");
        load(asm, R1, R0, "fib_nh_common", "nhc_dev", 8);
        asm.load(Size::D, R2, R7, self.at + DEVICE);
        asm.jump(Jump::Ne, Width::W64, R1, R2, end);
        asm.store_imm(Size::W, R7, self.at + KIND, 1);
        asm.goto(end);

        asm.place(own);
        asm.load(Size::W, R2, R7, self.at + INDEX);
        load(asm, R3, R8, "fib_info", "fib_nhs", 4);
        asm.jump(Jump::Ge, Width::W64, R2, R3, end);
        asm.mov(R3, R2);
        asm.alu_imm(Alu::Add, Width::W64, R3, 1);
        asm.store(Size::W, R7, self.at + INDEX, R3);
        // The size of a nexthop ends with its last member, rounded up to 8 bytes.
        asm.mov_imm(R3, 0);
        kernel::enter(asm, R3, "fib_nh", "nh_saddr_genid", 4);
        asm.alu_imm(Alu::Add, Width::W64, R3, 4 + 7);
        asm.alu_imm(Alu::And, Width::W64, R3, -8);
        asm.alu(Alu::Mul, Width::W64, R3, R2);
        asm.load(Size::D, R4, R7, self.at + FOUND);
        kernel::enter(asm, R4, "fib_info", "fib_nh", 0);
        asm.alu(Alu::Add, Width::W64, R4, R3);
        cast(asm, R4, "fib_nh_common");
        load(asm, R1, R0, "fib_nh_common", "nhc_dev", 8);
        asm.load(Size::D, R2, R7, self.at + DEVICE);
        asm.jump(Jump::Eq, Width::W64, R1, R2, compare);
        asm.goto(again);
        asm.place(compare);
        asm.store_imm(Size::W, R7, self.at + KIND, 1);
        asm.goto(end);
    }

    /// One route of a node of `ip6_pol_route_lookup` (net/ipv6/route.c, `rt6_device_match`): the
    /// first that leads to the device the flow leaves by, otherwise the node's first. `INDEX` says
    /// whether the latter is looked at again.
    pub(super) fn ipv6_route(&self, asm: &mut Asm, labels: &Ipv6Labels) {
        let Ipv6Labels { again, up, next, end } = *labels;
        let [more, first, fits, refused, kept] = std::array::from_fn(|_| asm.label());
        asm.load(Size::D, R1, R7, self.at + FOUND);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, more);
        // None fits: a link-local address must have one, for any other the first will do.
        asm.load(Size::W, R2, R7, self.at + LINKED);
        asm.jump_imm(Jump::Ne, Width::W64, R2, 0, up);
        asm.load(Size::W, R2, R7, self.at + INDEX);
        asm.jump_imm(Jump::Ne, Width::W64, R2, 0, up);
        asm.store_imm(Size::W, R7, self.at + INDEX, 1);
        asm.load(Size::D, R1, R7, self.at + FIRST);
        asm.store(Size::D, R7, self.at + FOUND, R1);

        asm.place(more);
        tree::none_is_no_route(asm, self.at, R1, next);
        cast(asm, R1, "fib6_info");
        asm.mov(R8, R0);
        tree::nexthop(asm, self.at, end);
        load(asm, R9, R0, "fib_nh_common", "nhc_dev", 8);
        load(asm, R1, R0, "fib_nh_common", "nhc_flags", 1);
        asm.jump_imm(Jump::Set, Width::W64, R1, NEXTHOP_DEAD, refused);
        asm.load(Size::W, R1, R7, self.at + OUT);
        if_null(asm, R1, fits);
        asm.load(Size::W, R1, R7, self.at + INDEX);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, first);
        asm.load(Size::D, R1, R7, self.at + DEVICE);
        asm.jump(Jump::Eq, Width::W64, R1, R9, fits);
        asm.place(refused);
        // The first one again, and it leads nowhere.
        asm.load(Size::W, R1, R7, self.at + INDEX);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, up);
        load(asm, R1, R8, "fib6_info", "fib6_next", 8);
        asm.store(Size::D, R7, self.at + FOUND, R1);
        asm.goto(again);

        asm.place(first);
        asm.store_imm(Size::W, R7, self.at + REST, 0);
        asm.goto(kept);
        asm.place(fits);
        asm.store_imm(Size::W, R7, self.at + REST, 1);
        asm.place(kept);
        self.ipv6_decide(asm, next, end);
    }

    /// r8 = route, r9 = its device, `REST` = whether the device is right or any will do.
    fn ipv6_decide(&self, asm: &mut Asm, next: Label, end: Label) {
        const REJECT: i32 = 0x200;
        const ANYCAST: i32 = 0x0010_0000;
        /// `RTF_LOCAL`.
        const LOCAL_BIT: i32 = 31;
        let [unrefused, local] = std::array::from_fn(|_| asm.label());
        load(asm, R1, R8, "fib6_info", "fib6_flags", 4);
        asm.mov(R2, R1);
        asm.alu_imm(Alu::And, Width::W64, R2, REJECT);
        if_null(asm, R2, unrefused);
        load(asm, R1, R8, "fib6_info", "fib6_type", 1);
        asm.jump_imm(Jump::Eq, Width::W64, R1, kind::THROW, next);
        asm.goto(end);
        asm.place(unrefused);
        asm.mov(R2, R8);
        kernel::enter(asm, R2, "fib6_info", "fib6_dst", 20);
        load(asm, R2, R2, "rt6key", "plen", 4);
        asm.mov(R1, R9);
        self.unless_suppressed(asm, next);
        load(asm, R1, R8, "fib6_info", "fib6_flags", 4);
        asm.mov(R2, R1);
        asm.alu_imm(Alu::And, Width::W64, R2, ANYCAST);
        asm.jump_imm(Jump::Ne, Width::W64, R2, 0, end);
        asm.alu_imm(Alu::Rsh, Width::W64, R1, LOCAL_BIT);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, local);
        asm.load(Size::W, R1, R7, self.at + REST);
        asm.store(Size::W, R7, self.at + KIND, R1);
        asm.goto(end);
        asm.place(local);
        asm.store_imm(Size::W, R7, self.at + KIND, self.path.accept_local.into());
        asm.goto(end);
    }
}

/// Where a step of a node's routes goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ipv6Labels {
    /// With the next step.
    pub again: Label,
    /// At the node's parent.
    pub up: Label,
    /// With the next rule.
    pub next: Label,
    /// Nowhere: it is decided.
    pub end: Label,
}
