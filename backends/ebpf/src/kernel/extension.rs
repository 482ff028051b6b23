//! Extensions of packets: what parts of the kernel keep with a packet that most packets have not
//! (include/linux/skbuff.h, `skb_ext_find`).

use crate::asm::{Alu, Asm, Jump, Label, R0, R1, R2, R3, R8, R9, Size, Width};
use crate::kernel::{cast, enter, load};
use crate::target::Target;

/// Offsets, one byte for each kind, count in units of 8 bytes.
const UNIT: i32 = 3;

/// `r8 =` address of the packet's extension of a kind, an enumerator of `enum skb_ext_id`; jumps to
/// `none` where the packet has none. Clobbers r0 to r5 and r9.
pub(crate) fn find(target: &dyn Target, asm: &mut Asm, kind: &str, none: Label) {
    target.load_skb(asm, R8);
    load(asm, R1, R8, "sk_buff", "active_extensions", 1);
    asm.enum_value(R9, "skb_ext_id", kind);
    asm.mov_imm(R3, 1);
    asm.alu(Alu::Lsh, Width::W64, R3, R9);
    asm.alu(Alu::And, Width::W64, R1, R3);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, none);
    load(asm, R8, R8, "sk_buff", "extensions", 8);
    cast(asm, R8, "skb_ext");
    enter(asm, R0, "skb_ext", "offset", 0);
    asm.alu(Alu::Add, Width::W64, R0, R9);
    asm.load(Size::B, R2, R0, 0);
    asm.alu_imm(Alu::Lsh, Width::W64, R2, UNIT);
    asm.alu(Alu::Add, Width::W64, R8, R2);
}
