//! Reading the kernel's structures by address, for packets that come in: XDP programs that ask for
//! connections run on Linux 6.1, too, which has no typed pointers to arbitrary addresses
//! (`bpf_rdonly_cast`, 6.2). A read of an address that holds nothing gives 0.

use crate::asm::{Asm, FP, Helper, R1, R2, R3, R6, R9, Reg, Size};
use crate::emitter::Emitter;
use crate::kernel::field;
use bpfc_artifact::ProgramKind;

/// Copies bytes at the address in r3 to the frame. Clobbers r0 to r5.
pub(super) fn copy(asm: &mut Asm, to: i16, bytes: i32) {
    asm.frame_address(R1, to);
    asm.mov_imm(R2, bytes);
    asm.helper(Helper::ProbeReadKernel);
}

/// `dst` = the beginning of a field of so many bytes, 8 at most, of the `struct nf_conn` at the
/// address in r9, by way of 8 bytes of the frame. Clobbers r0 to r5.
pub(super) fn load(asm: &mut Asm, size: Size, dst: Reg, member: &str, bytes: u32, scratch: i16) {
    asm.mov(R3, R9);
    asm.add_field_offset(R3, field("nf_conn", member, bytes));
    copy(asm, scratch, bytes as i32);
    asm.load(size, dst, FP, scratch);
}

/// r3 = the pointer in a field of the structure at the address in r3, by way of 8 bytes of the
/// frame. Clobbers r0 to r5.
fn follow(asm: &mut Asm, structure: &str, member: &str, scratch: i16) {
    asm.add_field_offset(R3, field(structure, member, 8));
    copy(asm, scratch, 8);
    asm.load(Size::D, R3, FP, scratch);
}

/// r3 = address of the network namespace of the device that the packet came in by. The context that
/// a program is given is the kernel's own `struct xdp_buff` or `struct sk_buff`; only reads through
/// it are rewritten. Clobbers r0 to r5.
pub(super) fn net(emitter: &Emitter<'_>, asm: &mut Asm, scratch: i16) {
    asm.mov(R3, R6);
    if emitter.target.kind() == ProgramKind::Xdp {
        follow(asm, "xdp_buff", "rxq", scratch);
        follow(asm, "xdp_rxq_info", "dev", scratch);
    } else {
        follow(asm, "sk_buff", "dev", scratch);
    }
    follow(asm, "net_device", "nd_net", scratch);
}
