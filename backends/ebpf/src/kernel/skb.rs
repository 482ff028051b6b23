//! What the targets whose context is `struct __sk_buff` (TC and cgroup) share.

use crate::asm::{
    Alu, Asm, Helper, Jump, Label, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, Reg, Size, Width,
};
use crate::kernel::{self, Reading, Way, field};
use crate::packet::{layout, linear};
use crate::target::MainContext;
use bpfc_artifact::{AttachPoint, log};

/// `offsetof(struct __sk_buff, len)`.
pub const LENGTH: i16 = 0;
/// `offsetof(struct __sk_buff, pkt_type)`.
pub const PACKET_TYPE: i16 = 4;
/// `offsetof(struct __sk_buff, mark)`.
pub const MARK: i16 = 8;
/// `offsetof(struct __sk_buff, protocol)`, network order.
pub const PROTOCOL: i16 = 16;
/// `offsetof(struct __sk_buff, vlan_present)`, `vlan_tci`, and `vlan_proto` in network order.
const VLAN_PRESENT: i16 = 20;
const VLAN_CONTROL: i16 = 24;
const VLAN_PROTOCOL: i16 = 28;

/// `offsetof(struct __sk_buff, data)`.
const DATA: i16 = 76;
/// `offsetof(struct __sk_buff, data_end)`.
const DATA_END: i16 = 80;

/// `offsetof(struct __sk_buff, priority)`.
pub const PRIORITY: i16 = 32;
/// `offsetof(struct __sk_buff, queue_mapping)`. A program writes it as it is, but for 0xffff, which
/// it cannot write (net/core/filter.c, `bpf_convert_ctx_access`).
pub const QUEUE_MAPPING: i16 = 12;

/// `offsetof(struct __sk_buff, ingress_ifindex)`: the interface that it came in by, 0 for what this
/// host sends.
pub const CAME_IN_BY: i16 = 36;
/// `offsetof(struct __sk_buff, ifindex)`: the device that the packet is at.
pub const INTERFACE: i16 = 40;

/// Copies r4 bytes at offset r2 from where the packet's data starts to r3, by
/// `bpf_skb_load_bytes`. Its relative cousin, which would count from the network header, reads
/// the linear part alone (net/core/filter.c): what applications send is mostly elsewhere.
pub fn fetch(asm: &mut Asm) {
    asm.mov(R1, R6);
    asm.helper(Helper::SkbLoadBytes);
}

/// Does what [`Target::point`](crate::Target::point) says.
pub fn point(asm: &mut Asm, bytes: u16, near: Label) {
    linear::point(asm, DATA, DATA_END, bytes, near);
}

/// Does what [`Target::require_length`](crate::Target::require_length) says.
pub fn require_length(asm: &mut Asm, shorter: Label) {
    asm.load(Size::W, R1, R6, LENGTH);
    asm.jump(Jump::Gt, Width::W64, R8, R1, shorter);
}

/// Copies r4 bytes at r3 to offset r2 of the packet, by `bpf_skb_store_bytes`; a sum over the
/// packet that the network card has computed follows, which does not cover the link header.
pub fn write(asm: &mut Asm, is_link: bool) {
    asm.mov(R1, R6);
    asm.mov_imm(R5, if is_link { 0 } else { RECOMPUTE_CSUM });
    asm.helper(Helper::SkbStoreBytes);
}

/// `BPF_F_RECOMPUTE_CSUM`.
const RECOMPUTE_CSUM: i32 = 1;

/// `dst` = how far the network header lies behind the start of the packet's data: the link
/// header's length at TC, whatever it is on this device. Clobbers r0 to r5.
pub fn network_offset(asm: &mut Asm, dst: Reg) {
    kernel_skb(asm, R1);
    asm.load_field(Size::D, dst, R1, field("sk_buff", "head", 8));
    asm.load_field(Size::H, R2, R1, field("sk_buff", "network_header", 2));
    asm.alu(Alu::Add, Width::W64, dst, R2);
    asm.load_field(Size::D, R2, R1, field("sk_buff", "data", 8));
    asm.alu(Alu::Sub, Width::W64, dst, R2);
}

/// `dst = struct sk_buff *` of the context in r6, by `bpf_cast_to_kern_ctx`, Linux 6.2.
pub fn kernel_skb(asm: &mut Asm, dst: Reg) {
    asm.mov(R1, R6);
    asm.kfunc("bpf_cast_to_kern_ctx");
    asm.mov(dst, R0);
}

/// `dst = struct net_device *` of the packet. Clobbers r0 to r5.
pub fn device(asm: &mut Asm, dst: Reg) {
    kernel_skb(asm, R1);
    asm.load_field(Size::D, dst, R1, field("sk_buff", "dev", 8));
}

/// `dst = struct net *` of the packet's device. Clobbers r0 to r5.
pub fn net(asm: &mut Asm, dst: Reg) {
    device(asm, R1);
    asm.load_field(Size::D, dst, R1, field("net_device", "nd_net", 8));
}

/// Copies the 16 bytes of the name of the device at `device`, a typed pointer, to the packet
/// structure. Clobbers r1 and r3.
pub fn copy_name(asm: &mut Asm, device: Reg, to: i16) {
    asm.mov(R3, device);
    asm.add_field_offset(R3, field("net_device", "name", 16));
    for at in [0, 8] {
        asm.load(Size::D, R1, R3, at);
        asm.store(Size::D, R7, to + at, R1);
    }
}

/// Does what [`copy_name`] does where `device` is an address that was worked out. Clobbers r0 to
/// r5.
pub(crate) fn probe_name(asm: &mut Asm, device: Reg, to: i16) {
    probe_name_to(asm, device, R7, to);
}

/// Copies the name of the device at `device` to the offset `to` from `base`. Clobbers r0 to r5.
pub(crate) fn probe_name_to(asm: &mut Asm, device: Reg, base: Reg, to: i16) {
    asm.mov(R3, device);
    asm.add_field_offset(R3, field("net_device", "name", 16));
    asm.mov(R1, base);
    asm.alu_imm(Alu::Add, Width::W64, R1, to.into());
    asm.mov_imm(R2, 16);
    asm.helper(Helper::ProbeReadKernel);
}

/// Copies the name of the packet's device, on any kernel. Clobbers r0 to r5, r8 and r9, and the 8
/// bytes below r10.
fn copy_device_name(asm: &mut Asm, to: i16) {
    Reading::Either.emit(asm, |asm, way| match way {
        Way::Typed => {
            device(asm, R8);
            copy_name(asm, R8, to);
        }
        Way::Copied => {
            kernel::copy_field(asm, R8, R6, "sk_buff", "dev", 8);
            probe_name(asm, R8, to);
        }
    });
}

/// Stores an empty interface name.
pub fn no_name(asm: &mut Asm, to: i16) {
    asm.store_imm(Size::D, R7, to, 0);
    asm.store_imm(Size::D, R7, to + 8, 0);
}

/// Stores mark, packet type, Ethernet header and the name of the packet's device, which is the
/// output interface at egress and the input interface otherwise; the other one reads as none.
pub fn facts(main: &mut MainContext<'_>, is_egress: bool) {
    let asm = &mut *main.asm;
    if main.needs.mark {
        asm.load(Size::W, R1, R6, MARK);
        asm.store(Size::W, R7, layout::MARK, R1);
    }
    if main.needs.packet_type && main.addressee.is_none() {
        asm.load(Size::W, R1, R6, PACKET_TYPE);
        asm.store(Size::B, R7, layout::PACKET_TYPE, R1);
    }
    if let Some(tag) = main.layout.tag().filter(|_| main.sight.is_device()) {
        // Where there is none the other fields say nothing.
        let none = asm.label();
        asm.load(Size::W, R1, R6, VLAN_PRESENT);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, none);
        asm.load(Size::W, R1, R6, VLAN_PROTOCOL);
        asm.from_big_endian(R1, 16);
        asm.alu_imm(Alu::Lsh, Width::W64, R1, 16);
        asm.load(Size::W, R2, R6, VLAN_CONTROL);
        asm.alu(Alu::Or, Width::W64, R1, R2);
        asm.store(Size::W, R7, tag, R1);
        asm.place(none);
    }
    let (device, other) = match is_egress {
        true => (main.layout.out_interface(), main.layout.in_interface()),
        false => (main.layout.in_interface(), main.layout.out_interface()),
    };
    if let Some(name) = other {
        no_name(asm, name);
    }
    if main.needs.forwarded {
        asm.store_imm(Size::B, R7, layout::FORWARDED, 0);
    }
    let forwarded = main.needs.forwarded && is_egress;
    if device.is_none() && main.layout.link().is_none() && !forwarded {
        return;
    }
    let tcx = matches!(main.attach, AttachPoint::TcIngress | AttachPoint::TcEgress);
    if !tcx
        && main.layout.link().is_none()
        && !forwarded
        && let Some(name) = device
    {
        return copy_device_name(asm, name);
    }
    kernel_skb(asm, R8);
    if forwarded {
        copy_forwarded(asm);
    }
    if let Some(name) = device {
        asm.load_field(Size::D, R9, R8, field("sk_buff", "dev", 8));
        copy_name(asm, R9, name);
    }
    match main.arrived {
        true => copy_link(main),
        // At the kernel's output hook it has none yet.
        false if main.layout.link().is_some() => {
            main.asm.store_imm(Size::B, R7, layout::LINK_HEADER, 0);
        }
        false => {}
    }
}

/// Stores that the packet, which is on its way out, is forwarded, where the `struct sk_buff` in r8
/// has no socket (`skb->sk`). Clobbers r1.
pub fn copy_forwarded(asm: &mut Asm) {
    let done = asm.label();
    asm.load_field(Size::D, R1, R8, field("sk_buff", "sk", 8));
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, done);
    asm.store_imm(Size::B, R7, layout::FORWARDED, 1);
    asm.place(done);
}

/// Copies the Ethernet header of the `struct sk_buff` in r8, and says whether there is one:
/// where the network header starts at least 14 bytes behind a link header that was set, as
/// `-m mac` asks (net/netfilter/xt_mac.c: an Ethernet device and room for the header).
pub fn copy_link(main: &mut MainContext<'_>) {
    const ARPHRD_ETHER: i32 = 1;
    const MAC_HEADER_UNSET: i32 = 0xffff;
    let Some(link) = main.layout.link() else { return };
    let asm = &mut *main.asm;
    let done = asm.label();
    asm.store_imm(Size::B, R7, layout::LINK_HEADER, 0);
    asm.load_field(Size::D, R1, R8, field("sk_buff", "dev", 8));
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, done);
    asm.load_field(Size::H, R1, R1, field("net_device", "type", 2));
    asm.jump_imm(Jump::Ne, Width::W64, R1, ARPHRD_ETHER, done);
    asm.load_field(Size::H, R4, R8, field("sk_buff", "mac_header", 2));
    asm.jump_imm(Jump::Eq, Width::W64, R4, MAC_HEADER_UNSET, done);
    asm.load_field(Size::H, R2, R8, field("sk_buff", "network_header", 2));
    asm.mov(R3, R4);
    asm.alu_imm(Alu::Add, Width::W64, R3, 14);
    asm.jump(Jump::Lt, Width::W64, R2, R3, done);
    asm.load_field(Size::D, R3, R8, field("sk_buff", "head", 8));
    asm.alu(Alu::Add, Width::W64, R3, R4);
    asm.mov(R1, R7);
    asm.alu_imm(Alu::Add, Width::W64, R1, i32::from(link));
    asm.mov_imm(R2, 14);
    asm.helper(Helper::ProbeReadKernel);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, done);
    asm.store_imm(Size::B, R7, layout::LINK_HEADER, 1);
    asm.place(done);
}

/// Stores what a log record at r8 says of the `struct sk_buff` in r9: mark and link header.
/// Clobbers r0 to r5.
pub fn record(asm: &mut Asm) {
    asm.load_field(Size::W, R1, R9, field("sk_buff", "mark", 4));
    asm.store(Size::W, R8, log::MARK as i16, R1);
    record_link(asm);
}

/// Stores number and name of the device at `device`, if there is one. Clobbers r0 to r5.
pub fn record_device(asm: &mut Asm, device: Reg, number: usize, name: usize) {
    let absent = asm.label();
    asm.jump_imm(Jump::Eq, Width::W64, device, 0, absent);
    asm.load_field(Size::W, R1, device, field("net_device", "ifindex", 4));
    asm.store(Size::W, R8, number as i16, R1);
    probe_name_to(asm, device, R8, name as i16);
    asm.place(absent);
}

/// The device of the `struct sk_buff` in r9 as the output interface at the egress hooks, with the
/// packet's owner, and as the input interface at the others: a packet that came in may still have
/// its sender's socket there, which the kernel's hooks never see. Clobbers r0 to r5.
pub fn record_direction(asm: &mut Asm) {
    let [incoming, stored] = std::array::from_fn(|_| asm.label());
    asm.load_field(Size::D, R4, R9, field("sk_buff", "dev", 8));
    asm.load(Size::B, R1, R7, layout::HOOK);
    asm.jump_imm(Jump::Lt, Width::W64, R1, FIRST_EGRESS_HOOK, incoming);
    record_device(asm, R4, log::OUT_INDEX, log::OUT_NAME);
    record_owner(asm);
    asm.goto(stored);
    asm.place(incoming);
    record_device(asm, R4, log::IN_INDEX, log::IN_NAME);
    asm.place(stored);
}

/// The output hook's number in [`log::HOOK`]; those after it are egress hooks as well.
const FIRST_EGRESS_HOOK: i32 = 4;

/// User and group that opened the socket's file (net/netfilter/nf_log_syslog.c,
/// `nf_log_dump_sk_uid_gid`) of the `struct sk_buff` in r9; sockets that are not full ones have
/// none. Clobbers r0 to r5.
pub fn record_owner(asm: &mut Asm) {
    const TCP_TIME_WAIT: i32 = 6;
    const TCP_NEW_SYN_RECV: i32 = 12;
    let none = asm.label();
    asm.load_field(Size::D, R1, R9, field("sk_buff", "sk", 8));
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, none);
    asm.load_field(Size::B, R2, R1, field("sock_common", "skc_state", 1));
    asm.jump_imm(Jump::Eq, Width::W64, R2, TCP_TIME_WAIT, none);
    asm.jump_imm(Jump::Eq, Width::W64, R2, TCP_NEW_SYN_RECV, none);
    for (structure, member) in [("sock", "sk_socket"), ("socket", "file"), ("file", "f_cred")] {
        asm.load_field(Size::D, R1, R1, field(structure, member, 8));
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, none);
    }
    asm.load_field(Size::W, R2, R1, field("cred", "fsuid", 4));
    asm.store(Size::W, R8, log::UID as i16, R2);
    asm.load_field(Size::W, R2, R1, field("cred", "fsgid", 4));
    asm.store(Size::W, R8, log::GID as i16, R2);
    asm.store_imm(Size::B, R8, log::FACTS as i16, i32::from(log::HAS_OWNER));
    asm.place(none);
}

/// As many bytes from the link header on as the device's link headers have.
fn record_link(asm: &mut Asm) {
    const MAC_HEADER_UNSET: i32 = 0xffff;
    let [none, fits] = std::array::from_fn(|_| asm.label());
    asm.load_field(Size::D, R1, R9, field("sk_buff", "dev", 8));
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, none);
    asm.load_field(Size::H, R2, R1, field("net_device", "type", 2));
    asm.store(Size::H, R8, log::LINK_TYPE as i16, R2);
    asm.load_field(Size::H, R2, R1, field("net_device", "hard_header_len", 2));
    asm.load_field(Size::H, R4, R9, field("sk_buff", "mac_header", 2));
    asm.jump_imm(Jump::Eq, Width::W64, R4, MAC_HEADER_UNSET, none);
    asm.load_field(Size::H, R3, R9, field("sk_buff", "network_header", 2));
    asm.alu(Alu::Sub, Width::W64, R3, R4);
    asm.store(Size::H, R8, log::LINK_GAP as i16, R3);
    asm.jump_imm(Jump::Eq, Width::W64, R3, 0, none);
    asm.jump_imm(Jump::Eq, Width::W64, R2, 0, none);
    asm.jump_imm(Jump::Le, Width::W64, R2, log::LINK_ROOM as i32, fits);
    asm.mov_imm(R2, log::LINK_ROOM as i32);
    asm.place(fits);
    asm.store(Size::B, R8, log::LINK_LENGTH as i16, R2);
    asm.load_field(Size::D, R3, R9, field("sk_buff", "head", 8));
    asm.alu(Alu::Add, Width::W64, R3, R4);
    asm.mov(R1, R8);
    asm.alu_imm(Alu::Add, Width::W64, R1, log::LINK as i32);
    asm.helper(Helper::ProbeReadKernel);
    asm.place(none);
}
