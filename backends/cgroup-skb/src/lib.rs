//! The cgroup target: chains of the input hook for packets to a control group's sockets, of the
//! output hook for packets from them.
//!
//! Needs Linux 5.7 for the link; connections, sockets, link headers and log records need 6.2
//! (`bpf_cast_to_kern_ctx`), which makes interface names cheaper.

use bpfc_artifact::{AttachPoint, ProgramKind};
use bpfc_ebpf::asm::{Asm, Jump, Label, R6, R7, R9, Reg, Size, Width};
use bpfc_ebpf::skb;
use bpfc_ebpf::{
    Addressing, ConntrackSource, Feature, MainContext, Needs, Replies, Rewrites, Routing, Target,
    layout,
};
use bpfc_ir::{Device, Hook, PacketFamily, Verdict};

/// The target, to be registered.
pub static CGROUP_SKB: CgroupSkb = CgroupSkb;

/// Both directions of a control group's sockets.
#[derive(Clone, Copy, Debug)]
pub struct CgroupSkb;

impl Target for CgroupSkb {
    fn name(&self) -> &'static str {
        "cgroup-skb"
    }

    fn description(&self) -> &'static str {
        "packets to and from the sockets of a control group"
    }

    fn kind(&self) -> ProgramKind {
        ProgramKind::CgroupSkb
    }

    fn hooks(&self) -> &'static [Hook] {
        &[Hook::Input, Hook::Output]
    }

    fn default_hooks(&self) -> Option<&'static [Hook]> {
        Some(&[Hook::Input, Hook::Output])
    }

    fn attach(&self, hook: Hook, _family: PacketFamily) -> AttachPoint {
        if hook == Hook::Output { AttachPoint::CgroupEgress } else { AttachPoint::CgroupIngress }
    }

    fn refusal(&self, hook: Hook, feature: Feature) -> Option<&'static str> {
        match (feature, hook) {
            (Feature::Receiver, _) => Some(
                "the packet has found its socket, whatever it was looked up by; compile the rule for \
                 xdp or tc",
            ),
            (Feature::ReturnMtu, _) => Some(
                "a control group's programs cannot ask what was learnt of a path; compile the rule for \
                 tc or xdp",
            ),
            (Feature::SetMark, _) => Some(
                "a control group's programs cannot set a packet's mark; compile the rule for tc, \
                 which can",
            ),
            (Feature::SetConnectionMark, _) => Some(
                "a control group's programs cannot write to connections; compile the rule for tc at \
                 output or postrouting",
            ),
            (Feature::Undone, _) => Some(
                "a control group's programs run at a socket, of which IPsec's own packets have none; \
                 compile the rule for netfilter",
            ),
            (Feature::Ahead, _) => Some(
                "IPsec policies have been applied when a control group's programs see what leaves; \
                 compile the rule for netfilter at the forward, output or postrouting hook",
            ),
            (Feature::BridgePorts, _) => Some(
                "br_netfilter's notes are of packets at the kernel's own hooks, and a control group's \
                 programs run at a socket; compile the rule for netfilter",
            ),
            (Feature::DeviceType, Hook::Output) => Some(
                "a packet is at no device yet at the kernel's output hook; compile the rule for \
                 netfilter",
            ),
            (Feature::SetQueue, _) => Some(
                "a control group's programs cannot write the packet's queue; compile the rule for tc \
                 at postrouting",
            ),
            (Feature::ToHost, Hook::Input) => {
                Some("the kernel has long decided whom the frame is for; compile the rule for tc")
            }
            (Feature::Reject, _) => Some(
                "a control group's programs cannot send; compile the rule for xdp or tc, or let \
                 it drop without an answer with --reject drop",
            ),
            // tcp_v4_rcv (net/ipv4/tcp_ipv4.c) and udp_queue_rcv_one_skb (net/ipv4/udp.c) call
            // nf_reset_ct before the socket's filters run, and bpf_skb_ct_lookup is not offered
            // to this type of program.
            (Feature::Conntrack | Feature::ConntrackExtension, Hook::Input) => Some(
                "a packet's connection is forgotten before a socket receives it; compile the \
                 rule for netfilter, xdp or tc at the input hook",
            ),
            (Feature::CountConnections, _) => Some(
                "a control group's programs can look up no connection but their packet's own; \
                 compile the rule for xdp or tc at the input hook",
            ),
            (
                Feature::Rewrite
                | Feature::RewriteAddress
                | Feature::RewriteAddressee
                | Feature::TransportChecksum,
                _,
            ) => Some(
                "a control group's programs cannot write the packet; compile the rule for tc, or for xdp at the \
                 input hook",
            ),
            (
                Feature::OutDevice
                | Feature::ConntrackExtension
                | Feature::Socket
                | Feature::Route
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
                | Feature::SetPriority
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

    /// 1 lets the packet pass, 0 drops it; at egress likewise.
    fn return_value(&self, verdict: Verdict, _attach: AttachPoint) -> i32 {
        match verdict {
            Verdict::Accept => 1,
            Verdict::Drop | Verdict::Reject(_) => 0,
        }
    }

    /// Egress runs in process context.
    fn is_reentrant(&self) -> bool {
        true
    }

    fn locate(&self, main: &mut MainContext<'_>) {
        let asm = &mut *main.asm;
        let labels = main.labels;
        asm.store_imm(Size::W, R7, layout::NETWORK_OFFSET, 0);
        asm.load(Size::W, R9, R6, skb::PROTOCOL);
        asm.from_big_endian(R9, 16);
        asm.jump_imm(Jump::Eq, Width::W64, R9, 0x0800, labels.ipv4);
        asm.jump_imm(Jump::Eq, Width::W64, R9, 0x86dd, labels.ipv6);
        asm.goto(labels.pass);
    }

    fn fetch(&self, asm: &mut Asm, _scratch: i16) {
        skb::fetch(asm);
    }

    fn point(&self, asm: &mut Asm, bytes: u16, near: Label) {
        skb::point(asm, bytes, near);
    }

    fn require_length(&self, asm: &mut Asm, shorter: Label) {
        skb::require_length(asm, shorter);
    }

    fn end(&self) -> Option<fn(&mut Asm)> {
        None
    }

    fn facts(&self, main: &mut MainContext<'_>) {
        let is_egress = main.attach == AttachPoint::CgroupEgress;
        skb::facts(main, is_egress);
    }

    fn conntrack(&self, _attach: AttachPoint) -> ConntrackSource {
        ConntrackSource::Skb
    }

    fn load_skb(&self, asm: &mut Asm, dst: Reg) {
        skb::kernel_skb(asm, dst);
    }

    fn load_net(&self, asm: &mut Asm, dst: Reg) {
        skb::net(asm, dst);
    }

    fn load_device(&self, asm: &mut Asm, dst: Reg, _device: Device) {
        skb::device(asm, dst);
    }

    fn load_own_device(&self, asm: &mut Asm, dst: Reg) {
        skb::device(asm, dst);
    }

    fn load_in_index(&self, asm: &mut Asm, dst: Reg) {
        asm.load(Size::W, dst, R6, skb::CAME_IN_BY);
    }

    fn load_priority(&self, asm: &mut Asm, dst: Reg) {
        asm.load(Size::W, dst, R6, skb::PRIORITY);
    }

    fn record(&self, asm: &mut Asm, _needs: &Needs) {
        skb::kernel_skb(asm, R9);
        skb::record(asm);
        skb::record_direction(asm);
    }

    fn fetch_needs_scratch(&self) -> bool {
        false
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
        Some(|asm, priority| asm.store(Size::W, R6, skb::PRIORITY, priority))
    }

    fn set_queue(&self) -> Option<fn(&mut Asm, Reg)> {
        None
    }

    fn rewrites(&self) -> Option<&dyn Rewrites> {
        None
    }
}
