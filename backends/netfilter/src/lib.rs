//! The netfilter target: programs at the kernel's own five hooks, one for each family.
//!
//! Needs Linux 6.4. The programs see what iptables sees at the same hook: defragmented, routed,
//! untagged packets with their connection.

use bpfc_artifact::{AttachPoint, ProgramKind, log};
use bpfc_ebpf::asm::{
    Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, Reg, Size, Width,
};
use bpfc_ebpf::kernel::{self, field};
use bpfc_ebpf::skb;
use bpfc_ebpf::{
    Addressing, ConntrackSource, Feature, MainContext, Needs, Replies, Rewrites, Routing, Target,
    layout,
};
use bpfc_ir::{Device, Family, Hook, PacketFamily, Verdict};

/// `NF_DROP` and `NF_ACCEPT`.
const NF_DROP: i32 = 0;
const NF_ACCEPT: i32 = 1;
/// `offsetof(struct bpf_nf_ctx, state)` and `skb` (include/linux/netfilter_bpf... the structure
/// is fixed: two pointers).
const CTX_STATE: i16 = 0;
const CTX_SKB: i16 = 8;
/// Just before the kernel's own filter tables (priority 0), at none of the priorities that
/// tables hold (include/uapi/linux/netfilter_ipv4.h).
const PRIORITY: i32 = -10;

/// The target, to be registered.
pub static NETFILTER: Netfilter = Netfilter;

/// The five netfilter hooks.
#[derive(Clone, Copy, Debug)]
pub struct Netfilter;

impl Target for Netfilter {
    fn name(&self) -> &'static str {
        "netfilter"
    }

    fn description(&self) -> &'static str {
        "BPF_NETFILTER at the kernel's own hooks"
    }

    fn kind(&self) -> ProgramKind {
        ProgramKind::Netfilter
    }

    fn hooks(&self) -> &'static [Hook] {
        &[Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting]
    }

    fn default_hooks(&self) -> Option<&'static [Hook]> {
        None
    }

    fn attach(&self, hook: Hook, family: PacketFamily) -> AttachPoint {
        // Its hooks see IP alone.
        let family = family.ip().unwrap_or(Family::Ipv4);
        let hook = match hook {
            Hook::Ingress | Hook::Egress => Hook::Prerouting,
            hook => hook,
        };
        AttachPoint::Netfilter { family, hook, priority: PRIORITY }
    }

    fn refusal(&self, hook: Hook, feature: Feature) -> Option<&'static str> {
        match (feature, hook) {
            (Feature::ReturnMtu, _) => Some(
                "a netfilter program cannot ask what was learnt of a path; compile the rule for tc or \
                 xdp",
            ),
            (Feature::Route | Feature::RouteMtu, Hook::Prerouting) => {
                Some("packets have no route before routing; compile the rule for a later hook")
            }
            (Feature::Ahead, Hook::Prerouting) => Some(
                "routing, which finds IPsec policies, comes later; compile the rule for a later hook",
            ),
            (Feature::Receiver, _) => {
                Some("a netfilter program cannot look sockets up; compile the rule for xdp or tc")
            }
            (Feature::SetMark, _) => Some(
                "a netfilter program cannot write the packet; compile the rule for tc, which can \
                 set marks",
            ),
            (Feature::SetConnectionMark, _) => Some(
                "a netfilter program cannot write to connections; compile the rule for tc at output \
                 or postrouting",
            ),
            (Feature::SetQueue, _) => Some(
                "a netfilter program cannot write the packet's queue; compile the rule for tc at \
                 postrouting",
            ),
            // Behind them every packet with an address of one host is for this host.
            (Feature::ToHost, Hook::Prerouting | Hook::Input) => Some(
                "a netfilter program cannot make frames for a group packets for this host; compile \
                 the rule for tc, or for a later hook",
            ),
            (
                Feature::Rewrite
                | Feature::RewriteAddress
                | Feature::RewriteAddressee
                | Feature::TransportChecksum,
                _,
            ) => {
                Some("a netfilter program cannot write the packet; compile the rule for tc or xdp")
            }
            (Feature::Reject, _) => Some(
                "a netfilter program cannot send; compile the rule for xdp or tc, or let it drop \
                 without an answer with --reject drop",
            ),
            (Feature::CountConnections, _) => Some(
                "a netfilter program can look up no connection but its packet's own; compile the rule \
                 for xdp or tc at the prerouting, input or forward hook",
            ),
            (Feature::SetPriority, _) => Some(
                "a netfilter program cannot write the packet's priority; compile the rule for tc at \
                 output or postrouting",
            ),
            (
                Feature::OutDevice
                | Feature::ConntrackExtension
                | Feature::Socket
                | Feature::Route
                | Feature::BridgePorts
                | Feature::Undone
                | Feature::Ahead
                | Feature::RouteMtu
                | Feature::InInterface
                | Feature::InIndex
                | Feature::DeviceType
                | Feature::Priority
                | Feature::OutInterface
                | Feature::Link
                | Feature::VlanTag
                | Feature::PacketType
                | Feature::Mark
                | Feature::ToHost
                | Feature::Conntrack
                | Feature::Fragments
                | Feature::Log
                | Feature::LogOwner
                | Feature::Drop
                | Feature::Size,
                _,
            ) => None,
        }
    }

    fn caveat(&self, _hook: Hook, _feature: Feature) -> Option<&'static str> {
        None
    }

    fn return_value(&self, verdict: Verdict, _attach: AttachPoint) -> i32 {
        match verdict {
            Verdict::Accept => NF_ACCEPT,
            Verdict::Drop | Verdict::Reject(_) => NF_DROP,
        }
    }

    /// The output hooks run in process context.
    fn is_reentrant(&self) -> bool {
        true
    }

    fn locate(&self, main: &mut MainContext<'_>) {
        let asm = &mut *main.asm;
        asm.store_imm(Size::W, R7, layout::NETWORK_OFFSET, 0);
        match main.attach {
            AttachPoint::Netfilter { family: Family::Ipv6, .. } => {
                asm.goto(main.labels.ipv6);
            }
            _ => asm.goto(main.labels.ipv4),
        }
    }

    /// `bpf_dynptr_from_skb` and `bpf_dynptr_read`: the packet's data starts at the network
    /// header.
    fn fetch(&self, asm: &mut Asm, scratch: i16) {
        let (dynptr, offset, to, length) = (scratch, scratch + 16, scratch + 24, scratch + 32);
        asm.store(Size::D, FP, offset, R2);
        asm.store(Size::D, FP, to, R3);
        asm.store(Size::D, FP, length, R4);
        asm.load(Size::D, R1, R6, CTX_SKB);
        asm.mov_imm(R2, 0);
        asm.mov(R3, FP);
        asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(dynptr));
        asm.kfunc("bpf_dynptr_from_skb");
        asm.load(Size::D, R1, FP, to);
        asm.load(Size::D, R2, FP, length);
        asm.mov(R3, FP);
        asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(dynptr));
        asm.load(Size::D, R4, FP, offset);
        asm.mov_imm(R5, 0);
        asm.helper(Helper::DynptrRead);
    }

    /// `skb->data`, where the linear part is long enough: `skb->len - skb->data_len` bytes
    /// (include/linux/skbuff.h, `skb_headlen`).
    fn point(&self, asm: &mut Asm, bytes: u16, near: Label) {
        let [linear, far] = std::array::from_fn(|_| asm.label());
        asm.load(Size::D, R5, R6, CTX_SKB);
        asm.load_field(Size::W, R3, R5, field("sk_buff", "len", 4));
        asm.load_field(Size::W, R4, R5, field("sk_buff", "data_len", 4));
        asm.alu(Alu::Sub, Width::W64, R3, R4);
        asm.mov(R4, R2);
        asm.alu_imm(Alu::Add, Width::W64, R4, bytes.into());
        asm.jump(Jump::Le, Width::W64, R4, R3, linear);
        asm.goto(far);
        asm.place(linear);
        asm.load_field(Size::D, R1, R5, field("sk_buff", "data", 8));
        asm.alu(Alu::Add, Width::W64, R1, R2);
        kernel::cast_to_bytes(asm, R1);
        asm.mov(R1, R0);
        asm.goto(near);
        asm.place(far);
    }

    fn require_length(&self, asm: &mut Asm, shorter: Label) {
        asm.load(Size::D, R1, R6, CTX_SKB);
        asm.load_field(Size::W, R1, R1, field("sk_buff", "len", 4));
        asm.jump(Jump::Gt, Width::W64, R8, R1, shorter);
    }

    fn end(&self) -> Option<fn(&mut Asm)> {
        None
    }

    fn fetch_needs_scratch(&self) -> bool {
        true
    }

    fn facts(&self, main: &mut MainContext<'_>) {
        let asm = &mut *main.asm;
        for (name, device) in
            [(main.layout.in_interface(), "in"), (main.layout.out_interface(), "out")]
        {
            let Some(name) = name else { continue };
            skb::no_name(asm, name);
            asm.load(Size::D, R8, R6, CTX_STATE);
            asm.load_field(Size::D, R9, R8, field("nf_hook_state", device, 8));
            let absent = asm.label();
            asm.jump_imm(Jump::Eq, Width::W64, R9, 0, absent);
            skb::copy_name(asm, R9, name);
            asm.place(absent);
        }
        asm.load(Size::D, R8, R6, CTX_SKB);
        if main.needs.mark {
            asm.load_field(Size::W, R1, R8, field("sk_buff", "mark", 4));
            asm.store(Size::W, R7, layout::MARK, R1);
        }
        if main.needs.packet_type {
            // pkt_type is a bit field of three bits at a marked place.
            asm.load_field(Size::B, R1, R8, field("sk_buff", "__pkt_type_offset", 0));
            asm.alu_imm(Alu::And, Width::W64, R1, 7);
            asm.store(Size::B, R7, layout::PACKET_TYPE, R1);
        }
        if main.needs.forwarded {
            let inward = asm.label();
            asm.store_imm(Size::B, R7, layout::FORWARDED, 0);
            asm.load(Size::D, R1, R6, CTX_STATE);
            asm.load_field(Size::D, R1, R1, field("nf_hook_state", "out", 8));
            asm.jump_imm(Jump::Eq, Width::W64, R1, 0, inward);
            skb::copy_forwarded(asm);
            asm.place(inward);
        }
        skb::copy_link(main);
    }

    fn conntrack(&self, _attach: AttachPoint) -> ConntrackSource {
        ConntrackSource::Skb
    }

    fn load_skb(&self, asm: &mut Asm, dst: Reg) {
        asm.load(Size::D, dst, R6, CTX_SKB);
    }

    fn load_net(&self, asm: &mut Asm, dst: Reg) {
        asm.load(Size::D, R1, R6, CTX_STATE);
        asm.load_field(Size::D, dst, R1, field("nf_hook_state", "net", 8));
    }

    fn load_device(&self, asm: &mut Asm, dst: Reg, device: Device) {
        let member = match device {
            Device::In => "in",
            Device::Out => "out",
        };
        asm.load(Size::D, R1, R6, CTX_STATE);
        asm.load_field(Size::D, dst, R1, field("nf_hook_state", member, 8));
    }

    fn load_own_device(&self, asm: &mut Asm, dst: Reg) {
        asm.load(Size::D, R1, R6, CTX_SKB);
        asm.load_field(Size::D, dst, R1, field("sk_buff", "dev", 8));
    }

    fn load_in_index(&self, asm: &mut Asm, dst: Reg) {
        let absent = asm.label();
        self.load_device(asm, R1, Device::In);
        asm.mov_imm(R0, 0);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, absent);
        asm.load_field(Size::W, R0, R1, field("net_device", "ifindex", 4));
        asm.place(absent);
        asm.mov(dst, R0);
    }

    fn load_priority(&self, asm: &mut Asm, dst: Reg) {
        asm.load(Size::D, R1, R6, CTX_SKB);
        asm.load_field(Size::W, dst, R1, field("sk_buff", "priority", 4));
    }

    fn record(&self, asm: &mut Asm, _needs: &Needs) {
        asm.load(Size::D, R9, R6, CTX_SKB);
        skb::record(asm);
        skb::record_owner(asm);
        for (device, number, name) in
            [("in", log::IN_INDEX, log::IN_NAME), ("out", log::OUT_INDEX, log::OUT_NAME)]
        {
            asm.load(Size::D, R4, R6, CTX_STATE);
            asm.load_field(Size::D, R4, R4, field("nf_hook_state", device, 8));
            skb::record_device(asm, R4, number, name);
        }
    }

    fn addressing(&self, _attach: AttachPoint) -> Option<Addressing> {
        None
    }

    fn skip_forwarded(&self) -> Option<fn(&mut Asm, Label)> {
        None
    }

    fn has_routes(&self) -> bool {
        true
    }

    fn routing(&self) -> Option<&dyn Routing> {
        None
    }

    fn replies(&self) -> Option<&dyn Replies> {
        None
    }

    fn set_mark(&self) -> Option<fn(&mut Asm, Reg)> {
        None
    }

    fn to_host(&self) -> Option<fn(&mut Asm)> {
        None
    }

    fn set_priority(&self) -> Option<fn(&mut Asm, Reg)> {
        None
    }

    fn set_queue(&self) -> Option<fn(&mut Asm, Reg)> {
        None
    }

    fn rewrites(&self) -> Option<&dyn Rewrites> {
        None
    }
}
