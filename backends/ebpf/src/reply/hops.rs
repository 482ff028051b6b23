//! How far an answer may go: time to live and hop limit, as this host is set up. Routes can say
//! otherwise to the kernel (`ip4_dst_hoplimit`, include/net/route.h; `ip6_dst_hoplimit`,
//! net/ipv6/output_core.c), not to a program.

use crate::asm::{Asm, Jump, R1, R2, Size, Width};
use crate::emitter::Emitter;
use crate::kernel::field;
use bpfc_ir::{Device, Family};

/// What counts where a device says nothing (`IPV6_DEFAULT_HOPLIMIT`).
const DEFAULT: i32 = 64;

/// r1 = `net.ipv4.ip_default_ttl`, or `net.ipv6.conf.*.hop_limit` of the packet's device. Clobbers
/// r0 to r5.
pub(super) fn load(emitter: &Emitter<'_>, asm: &mut Asm, family: Family) {
    match family {
        Family::Ipv4 => {
            emitter.target.load_net(asm, R2);
            asm.add_field_offset(R2, field("net", "ipv4", 0));
            let ttl = field("netns_ipv4", "sysctl_ip_default_ttl", 1);
            asm.load_field(Size::B, R1, R2, ttl);
        }
        Family::Ipv6 => {
            let [none, known] = std::array::from_fn(|_| asm.label());
            emitter.target.load_device(asm, R2, Device::In);
            asm.load_field(Size::D, R2, R2, field("net_device", "ip6_ptr", 8));
            asm.jump_imm(Jump::Eq, Width::W64, R2, 0, none);
            asm.add_field_offset(R2, field("inet6_dev", "cnf", 0));
            asm.load_field(Size::W, R1, R2, field("ipv6_devconf", "hop_limit", 4));
            asm.jump_imm(Jump::Ne, Width::W64, R1, 0, known);
            asm.place(none);
            asm.mov_imm(R1, DEFAULT);
            asm.place(known);
        }
    }
}
