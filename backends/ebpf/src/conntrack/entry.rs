//! Entries of conntrack: where things lie in their tuples, and what the tracker asks of an entry
//! before it takes it for a packet's connection.

use super::probe;
use crate::asm::{Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, Reg, Size, Width};
use crate::kernel::field;

/// `struct nf_conntrack_tuple` (include/net/netfilter/nf_conntrack_tuple.h), as far as more than
/// one asks for it.
pub(super) const DESTINATION_PART: i16 = 36;
pub(super) const PROTOCOL: i16 = 38;
pub(super) const DIRECTION: i16 = 39;

/// A list node stands in front of each tuple of an entry.
pub(super) const NODE_SIZE: i32 = 16;
/// `IPS_CONFIRMED` and `IPS_DYING`.
const CONFIRMED: i32 = 1 << 3;
const DYING: i32 = 1 << 9;

/// Where things lie in the frame: the tuple that is looked for, room for an entry's tuple, and 16
/// bytes more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) key: i16,
    pub(super) found: i16,
    pub(super) scratch: i16,
}

/// What an entry is asked about, as registers and places behind them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// u64: the network namespace that it shall be in.
    pub(super) net: (Reg, i16),
    /// u8: the direction of its tuple.
    pub(super) direction: (Reg, i16),
}

/// Goes on where the entry in r9 is one that the tracker finds: of this network namespace, in the
/// default zone, confirmed, neither deleted nor expired. Clobbers r0 to r5 and 8 bytes of the
/// frame.
pub(super) fn require_live(asm: &mut Asm, asked: Asked, scratch: i16, otherwise: Label) {
    probe::load(asm, Size::D, R1, "ct_net", 8, scratch);
    asm.load(Size::D, R2, asked.net.0, asked.net.1);
    asm.jump(Jump::Ne, Width::W64, R1, R2, otherwise);

    let zone = field("nf_conn", "zone", 4);
    let everywhere = asm.label();
    asm.field_exists(R1, zone);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, everywhere);
    probe::load(asm, Size::H, R1, "zone", 4, scratch);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, everywhere);
    // A zone other than the default one, in the directions that a mask says.
    asm.load(Size::B, R1, FP, scratch + 3);
    asm.load(Size::B, R2, asked.direction.0, asked.direction.1);
    asm.alu(Alu::Rsh, Width::W64, R1, R2);
    asm.jump_imm(Jump::Set, Width::W64, R1, 1, otherwise);
    asm.place(everywhere);

    probe::load(asm, Size::D, R1, "status", 8, scratch);
    asm.jump_imm(Jump::Set, Width::W64, R1, DYING, otherwise);
    asm.alu_imm(Alu::And, Width::W64, R1, CONFIRMED);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, otherwise);

    // The time is a number of 32 bits that wraps around.
    probe::load(asm, Size::W, R1, "timeout", 4, scratch);
    asm.helper(Helper::Jiffies);
    asm.load(Size::W, R1, FP, scratch);
    asm.alu(Alu::Sub, Width::W32, R1, R0);
    asm.jump_imm(Jump::Slt, Width::W32, R1, 1, otherwise);
}
