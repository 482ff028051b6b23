//! What the kernel knows of an XDP frame: `struct xdp_buff`, which the context is to it.

use crate::asm::{Asm, R0, R1, R3, R6, R8, R9, Reg, Size};
use crate::kernel::{self, Reading, Way, field, skb};
use bpfc_artifact::log;

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

/// `dst = struct net_device *` of the frame, in one of the ways. Clobbers r0 to r5 and, where it
/// copies, the 8 bytes below r10.
pub fn device_by(asm: &mut Asm, way: Way, dst: Reg) {
    match way {
        Way::Typed => device(asm, dst),
        Way::Copied => copy_device(asm, dst),
    }
}

/// Stores number, name and type of the device into the log record at r8, where that part is zero.
/// Clobbers r0 to r5, r9 and the 8 bytes below r10.
pub fn record_device(asm: &mut Asm, reading: Reading) {
    reading.emit(asm, |asm, way| {
        device_by(asm, way, R9);
        match way {
            Way::Typed => {
                skb::record_device(asm, R9, log::IN_INDEX, log::IN_NAME);
                asm.load_field(Size::H, R1, R9, field("net_device", "type", 2));
            }
            Way::Copied => {
                kernel::copy_field(asm, R1, R9, "net_device", "ifindex", 4);
                asm.store(Size::W, R8, log::IN_INDEX as i16, R1);
                skb::probe_name_to(asm, R9, R8, log::IN_NAME as i16);
                kernel::copy_field(asm, R1, R9, "net_device", "type", 2);
            }
        }
        asm.store(Size::H, R8, log::LINK_TYPE as i16, R1);
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
