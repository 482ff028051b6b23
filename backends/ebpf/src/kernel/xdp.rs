//! What the kernel knows of an XDP frame: `struct xdp_buff`, which the context is to it.

use crate::asm::{Asm, R0, R1, R3, R6, R8, Reg, Size};
use crate::kernel::{self, Reading, Way, field, skb};

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

/// `dst = ARPHRD_*`, the type of that device (include/uapi/linux/if_arp.h). Clobbers r0 to r5 and
/// the 8 bytes below r10.
pub fn device_type(asm: &mut Asm, reading: Reading, dst: Reg) {
    reading.emit(asm, |asm, way| {
        if way == Way::Typed {
            device(asm, R1);
            asm.load_field(Size::H, dst, R1, field("net_device", "type", 2));
        } else {
            copy_device(asm, R3);
            kernel::copy_field(asm, dst, R3, "net_device", "type", 2);
        }
    });
}

/// Copies the device's name to an offset of the packet structure. Clobbers r0 to r5, r8 and the 8
/// bytes below r10.
pub fn copy_name(asm: &mut Asm, reading: Reading, to: i16) {
    reading.emit(asm, |asm, way| {
        if way == Way::Typed {
            device(asm, R8);
            skb::copy_name(asm, R8, to);
        } else {
            copy_device(asm, R8);
            skb::probe_name(asm, R8, to);
        }
    });
}
