//! What the steps of all walks share: numbers of kinds and of what a step does, and how a walk
//! begins.

use crate::asm::{Alu, Asm, Label, R0, R1, R6, R7, Size, Width};
use crate::emitter;
use crate::scan::walk;
use bpfc_artifact::FunctionIndex;
use bpfc_ir::{Family, ReversePath};

/// `RTN_*` (include/uapi/linux/rtnetlink.h).
pub(super) mod kind {
    pub const UNICAST: i32 = 1;
    pub const LOCAL: i32 = 2;
    pub const BROADCAST: i32 = 3;
    pub const MULTICAST: i32 = 5;
    /// The first of those that refuse packets; all after it do.
    pub const BLACKHOLE: i32 = 6;
    pub const UNREACHABLE: i32 = 7;
    pub const THROW: i32 = 9;
}

/// `IPTOS_RT_MASK`: what routes and rules by type of service compare.
pub(super) const LEGACY_TOS: i32 = 0x1c;

/// `RTNH_F_DEAD`.
pub(super) const NEXTHOP_DEAD: i32 = 1;

/// Steps of a walk, more than any table has on a packet's way.
pub(super) const LONGEST: i32 = 1 << 20;

/// Steps that follow rules, besides those that a table's walk has of its own.
pub(super) mod mode {
    /// Look at a rule.
    pub const RULE: i32 = 16;
    /// Look for the table that the rule names among those of its chain.
    pub const TABLE: i32 = 17;
    /// Look at a nexthop of the route.
    pub const NEXTHOP: i32 = 18;
    /// Look at an address of a device.
    pub const DEVICE_ADDRESS: i32 = 19;
    /// Look at an address of this host.
    pub const HOST_ADDRESS: i32 = 20;
}

/// What the steps of a search for the way back know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reverse {
    pub path: ReversePath,
    pub family: Family,
    /// Where the walk's region lies.
    pub at: i16,
}

/// Begins a function: r6 = context, r7 = packet; jumps to `null`, where r0 is 0, without one.
pub(super) fn enter(asm: &mut Asm, null: Label) {
    asm.mov_imm(R0, 0);
    emitter::begin(asm, null);
}

/// Runs a walk's body until it answers that it is done.
pub(super) fn run(asm: &mut Asm, body: FunctionIndex) {
    asm.mov(R1, R6);
    walk::run_loop(asm, body, LONGEST);
}

/// Adds 1 to a u32 of the packet structure. Clobbers r1.
pub(super) fn increase(asm: &mut Asm, place: i16) {
    asm.load(Size::W, R1, R7, place);
    asm.alu_imm(Alu::Add, Width::W64, R1, 1);
    asm.store(Size::W, R7, place, R1);
}
