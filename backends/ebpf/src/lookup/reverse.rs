//! The way back to a packet's source, as the match rpfilter looks for it: a search of the routing
//! tables that policy routing rules choose, for a flow that begins on the loopback device
//! (net/ipv4/netfilter/ipt_rpfilter.c; net/ipv6/netfilter/ip6t_rpfilter.c).
//!
//! The steps of a table's walk are those of [`super::trie`] and [`super::tree`]; here is what comes
//! before and behind them, for IPv6 together with [`super::reverse_ipv6`]. Routing domains (VRF) are
//! not looked at.

use super::place::{DEVICE, FOUND, GROUP, INDEX, KIND, LONGEST_SUPPRESSED, MODE, OUT, SOURCE};
use super::{enter, kind, mode, reverse_ipv6, rules, run, tree, trie};
use crate::asm::{Alu, Asm, Jump, Label, R0, R1, R2, R3, R7, R8, R9, Size, Width};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::kernel::{self, cast, if_null, load};
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
        Family::Ipv6 => reverse_ipv6::begin(&reverse, &mut asm),
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

    /// Goes on where the rule takes a route to a prefix of r2 bits by the device in r1, at `next`
    /// where it suppresses it (`fib4_rule_suppress`, `fib6_rule_suppress`). Clobbers r1 and r3.
    pub(super) fn unless_suppressed(&self, asm: &mut Asm, next: Label) {
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
        let [own, common, back] = std::array::from_fn(|_| asm.label());
        asm.load(Size::D, R1, R7, self.at + FOUND);
        cast(asm, R1, "fib_info");
        asm.mov(R8, R0);
        load(asm, R1, R8, "fib_info", "nh", 8);
        if_null(asm, R1, own);
        kernel::nexthop_member(asm, self.at + INDEX, end);
        kernel::enter(asm, R0, "nh_info", "fib_nhc", 0);
        asm.mov(R1, R0);
        asm.goto(common);
        asm.place(own);
        asm.load(Size::W, R2, R7, self.at + INDEX);
        load(asm, R1, R8, "fib_info", "fib_nhs", 4);
        asm.jump(Jump::Ge, Width::W64, R2, R1, end);
        asm.type_size(R3, "fib_nh");
        asm.alu(Alu::Mul, Width::W64, R3, R2);
        asm.load(Size::D, R1, R7, self.at + FOUND);
        kernel::enter(asm, R1, "fib_info", "fib_nh", 0);
        asm.alu(Alu::Add, Width::W64, R1, R3);
        asm.place(common);
        cast(asm, R1, "fib_nh_common");
        load(asm, R1, R0, "fib_nh_common", "nhc_dev", 8);
        asm.load(Size::D, R2, R7, self.at + DEVICE);
        asm.jump(Jump::Eq, Width::W64, R1, R2, back);
        increase(asm, self.at + INDEX);
        asm.goto(again);
        asm.place(back);
        asm.store_imm(Size::W, R7, self.at + KIND, 1);
        asm.goto(end);
    }
}

/// Adds 1 to a u32 of the packet structure. Clobbers r1.
pub(super) fn increase(asm: &mut Asm, place: i16) {
    asm.load(Size::W, R1, R7, place);
    asm.alu_imm(Alu::Add, Width::W64, R1, 1);
    asm.store(Size::W, R7, place, R1);
}
