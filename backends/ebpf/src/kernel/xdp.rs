//! What the kernel knows of an XDP frame: `struct xdp_buff`, which the context is to it.

use crate::asm::{Asm, R0, R1, R3, R6, Reg, Size};
use crate::kernel::{self, field};

/// `dst = struct net_device *` that the frame whose context is r6 came in by, as a typed pointer:
/// Linux 6.2 (`bpf_cast_to_kern_ctx`). Clobbers r0 to r5.
pub fn device(asm: &mut Asm, dst: Reg) {
    asm.mov(R1, R6);
    asm.kfunc("bpf_cast_to_kern_ctx");
    asm.load_field(Size::D, R1, R0, field("xdp_buff", "rxq", 8));
    asm.load_field(Size::D, dst, R1, field("xdp_rxq_info", "dev", 8));
}

/// `dst =` its address, on any kernel. Clobbers r0 to r5 and the 8 bytes below r10.
pub fn copy_device(asm: &mut Asm, dst: Reg) {
    kernel::copy_field(asm, R3, R6, "xdp_buff", "rxq", 8);
    kernel::copy_field(asm, dst, R3, "xdp_rxq_info", "dev", 8);
}

/// `dst = ARPHRD_*`, the type of that device (include/uapi/linux/if_arp.h). `typed` says whether
/// the program has typed pointers. Clobbers r0 to r5 and the 8 bytes below r10.
pub fn device_type(asm: &mut Asm, typed: bool, dst: Reg) {
    if typed {
        device(asm, R1);
        asm.load_field(Size::H, dst, R1, field("net_device", "type", 2));
    } else {
        copy_device(asm, R3);
        kernel::copy_field(asm, dst, R3, "net_device", "type", 2);
    }
}
