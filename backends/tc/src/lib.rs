//! The TC target: chains of an ingress hook at tcx ingress, of an egress hook at tcx egress.
//!
//! Needs Linux 6.6 for the tcx link; interface names, Ethernet headers and connections at egress
//! need 6.2 (`bpf_cast_to_kern_ctx`).

mod replies;

use bpfc_artifact::{AttachPoint, ProgramKind};
use bpfc_ebpf::asm::{
    Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R5, R6, R8, R9, Reg, Size, Width,
};
use bpfc_ebpf::kernel::field;
use bpfc_ebpf::skb;
use bpfc_ebpf::{
    Addressing, Checksums, ConntrackSource, Feature, Growth, MainContext, Needs, Replies, Rewrites,
    Routing, Target, addressee, ethernet,
};
use bpfc_ir::{Device, Hook, PacketFamily, Verdict};

/// `TCX_NEXT` (`enum tcx_action_base`): go on with the next program, then the stack.
const TCX_NEXT: i32 = -1;
/// `TC_ACT_SHOT` and `TC_ACT_REDIRECT`.
const TC_ACT_SHOT: i32 = 2;
const TC_ACT_REDIRECT: i32 = 7;

/// What `check` says of ports in chains of devices.
const FRAGMENTS_AT_DEVICES: &str = "in chains of devices no rule with ports or types matches a later \
     fragment: the kernel takes bytes of its payload for them, in IPv6 of its header";

/// The target, to be registered.
pub static TC: Tc = Tc;

/// TC at both directions.
#[derive(Clone, Copy, Debug)]
pub struct Tc;

fn is_egress(hook: Hook) -> bool {
    matches!(hook, Hook::Output | Hook::Postrouting | Hook::Egress)
}

impl Target for Tc {
    fn name(&self) -> &'static str {
        "tc"
    }

    fn description(&self) -> &'static str {
        "traffic control (tcx) at an interface's ingress and egress"
    }

    fn kind(&self) -> ProgramKind {
        ProgramKind::SchedCls
    }

    fn hooks(&self) -> &'static [Hook] {
        &[
            Hook::Ingress,
            Hook::Prerouting,
            Hook::Input,
            Hook::Forward,
            Hook::Output,
            Hook::Postrouting,
            Hook::Egress,
        ]
    }

    fn default_hooks(&self) -> Option<&'static [Hook]> {
        Some(&[Hook::Ingress, Hook::Input, Hook::Output, Hook::Egress])
    }

    fn attach(&self, hook: Hook, _family: PacketFamily) -> AttachPoint {
        if is_egress(hook) { AttachPoint::TcEgress } else { AttachPoint::TcIngress }
    }

    fn refusal(&self, hook: Hook, feature: Feature) -> Option<&'static str> {
        match (feature, is_egress(hook)) {
            (Feature::ConntrackExtension, false) => Some(
                "the tracker has not seen the packet yet, so neither its counters nor what it will \
                 announce; compile the rule for netfilter, or for tc at output or postrouting",
            ),
            (Feature::CountConnections, true) => Some(
                "the tracker has noted a new connection before TC egress drops its packet, and would \
                 keep it among those that live; compile the rule for xdp or tc at the prerouting, \
                 input or forward hook",
            ),
            (Feature::SetConnectionMark, false) => Some(
                "a first packet has no connection yet that could be marked; compile the rule for \
                 the output or postrouting hook, of which the latter sees forwarded packets, too",
            ),
            (Feature::Socket, false) if hook != Hook::Ingress => Some(
                "a packet that comes in has no socket yet; compile the rule for the output or \
                 postrouting hook",
            ),
            (Feature::BridgePorts, false) => Some(
                "TC ingress runs before br_netfilter notes a packet's ports; compile the rule for \
                 netfilter, or attach to the ports and name them with -i",
            ),
            // br_nf_dev_queue_xmit (net/bridge/br_netfilter_hooks.c).
            (Feature::BridgePorts, true) => Some(
                "br_netfilter forgets a packet's ports before TC egress; compile the rule for \
                 netfilter, or attach to the ports and name them with -o",
            ),
            // xfrm_input (net/xfrm/xfrm_input.c) hands them to the network layer again.
            (Feature::Undone, false) => Some(
                "packets that IPsec protects in transport mode pass TC ingress encrypted, and not \
                 again; compile the rule for netfilter",
            ),
            (Feature::Ahead, false) => Some(
                "TC ingress runs before routing, which finds IPsec policies; compile the rule for \
                 netfilter at the forward, output or postrouting hook",
            ),
            // xfrm_output_one (net/xfrm/xfrm_output.c).
            (Feature::Ahead, true) => Some(
                "IPsec policies have been applied before TC egress, which sees encrypted packets; \
                 compile the rule for netfilter at the forward, output or postrouting hook",
            ),
            (Feature::Route, false) => Some(
                "TC ingress runs before routing; compile the rule for netfilter, or for tc at output \
                 or postrouting",
            ),
            (Feature::RouteMtu, false) => Some(
                "TC ingress runs before routing, which --hook input,forward does in the program; \
                 compile the rule so, or for tc at output or postrouting",
            ),
            // Before, no packet has one at the kernel's hooks either.
            (Feature::OutInterface, false) if hook == Hook::Forward => Some(
                "TC ingress runs before routing, which --hook input,forward does in the program; \
                 compile the rule so, for netfilter at the forward, output or postrouting hook, or \
                 for tc at output or postrouting",
            ),
            (Feature::OutDevice, false) => Some(
                "TC ingress runs before routing; compile the rule for netfilter at the forward, \
                 output or postrouting hook, or for tc at output or postrouting",
            ),
            (Feature::Link, true) if hook == Hook::Postrouting => Some(
                "at TC egress a packet has the Ethernet header that it leaves with, at the kernel's hook \
                 the one that it came with, if any; compile the rule for netfilter, or for xdp or tc at \
                 the prerouting, input or forward hook",
            ),
            (Feature::Receiver, true) => Some(
                "a packet that goes out is asked for the socket that it comes from, which is not the same \
                 for what the kernel itself answers; compile the rule for the prerouting or input hook",
            ),
            (Feature::SetQueue, false) => Some(
                "a packet that comes in has no device yet that it leaves by; compile the rule for the \
                 postrouting hook",
            ),
            (Feature::SetQueue, true) if hook == Hook::Output => Some(
                "a packet has no device yet at the kernel's output hook, where such a rule does \
                 nothing; compile it for the postrouting hook",
            ),
            (Feature::Priority, false) if hook == Hook::Forward => Some(
                "routing gives a forwarded packet a priority by its type of service, behind TC \
                 ingress; compile the rule for netfilter",
            ),
            (Feature::DeviceType, true) if hook == Hook::Output => Some(
                "a packet is at no device yet at the kernel's output hook; compile the rule for \
                 netfilter, or for the postrouting hook",
            ),
            // Nobody looks at it behind the input hook.
            (Feature::SetPriority, false) if hook != Hook::Input => Some(
                "routing gives a forwarded packet a priority by its type of service, behind TC \
                 ingress; compile the rule for tc at output or postrouting",
            ),
            (
                Feature::OutDevice
                | Feature::ConntrackExtension
                | Feature::CountConnections
                | Feature::Socket
                | Feature::Receiver
                | Feature::Route
                | Feature::Undone
                | Feature::RouteMtu
                | Feature::ReturnMtu
                | Feature::InInterface
                | Feature::InIndex
                | Feature::DeviceType
                | Feature::Priority
                | Feature::OutInterface
                | Feature::Link
                | Feature::VlanTag
                | Feature::PacketType
                | Feature::Mark
                | Feature::SetMark
                | Feature::SetConnectionMark
                | Feature::ToHost
                | Feature::Conntrack
                | Feature::Fragments
                | Feature::Rewrite
                | Feature::RewriteAddress
                | Feature::RewriteAddressee
                | Feature::TransportChecksum
                | Feature::Reject
                | Feature::SetPriority
                | Feature::SetQueue
                | Feature::Log
                | Feature::LogOwner
                | Feature::Drop
                | Feature::Size,
                _,
            ) => None,
        }
    }

    fn caveat(&self, hook: Hook, feature: Feature) -> Option<&'static str> {
        match (feature, is_egress(hook)) {
            (Feature::Conntrack, false) => Some(
                "at TC ingress the packet has not passed conntrack: its state is worked out from \
                 the existing entry, and entries of other protocols than TCP and UDP are found where the \
                 kernel says where its table lies, or where packets of theirs have left by the filter's \
                 interfaces",
            ),
            (Feature::CountConnections, false) => Some(
                "at TC ingress connections are counted before the tracker sees the packet: one that \
                 a rule refuses still counts for two ticks of the kernel's clock, and the packet that \
                 closes a connection finds it open",
            ),
            (Feature::RewriteAddress, false) if matches!(hook, Hook::Input | Hook::Forward) => {
                Some(
                    "at TC ingress a packet is written before it is routed and tracked: the kernel goes by \
                 the new addresses and ports, where a rule of its own at this hook would come later",
                )
            }
            (Feature::Fragments, _) if matches!(hook, Hook::Ingress | Hook::Egress) => {
                Some(FRAGMENTS_AT_DEVICES)
            }
            (Feature::Fragments, false) => Some(
                "at TC ingress fragments arrive one by one: no rule with ports or types matches the later \
                 ones, where the kernel's input hook, and every hook with conntrack, sees the \
                 whole packet",
            ),
            (Feature::Log | Feature::LogOwner, false) if hook == Hook::Forward => Some(
                "at TC ingress the output interface is not known yet: a log line's OUT= is empty",
            ),
            (Feature::Log | Feature::LogOwner, true) if hook == Hook::Postrouting => Some(
                "at TC egress the input interface of a forwarded packet is no longer known: a log \
                 line's IN= is empty, and it has no MAC=",
            ),
            (Feature::LogOwner, false) if hook != Hook::Ingress => {
                Some("at TC ingress a packet has no socket yet: a log line has no UID= and GID=")
            }
            (Feature::Drop, false) if hook == Hook::Prerouting => Some(
                "at TC ingress a packet for this host that is dropped at prerouting reaches no packet \
                 socket that is bound to IP, as those of DHCP clients are; what the input hook drops \
                 does",
            ),
            (Feature::InInterface | Feature::InIndex | Feature::DeviceType, false)
                if hook != Hook::Ingress =>
            {
                Some(
                    "at TC ingress the input interface is the one the program is attached to, also \
                 where a VLAN, bridge or bond interface on top of it is what iptables sees",
                )
            }
            // At the output hook no packet has one in the kernel either.
            (Feature::InInterface, true) if hook != Hook::Output => {
                Some("at TC egress the input interface of a forwarded packet is no longer known")
            }
            (
                Feature::OutDevice
                | Feature::ConntrackExtension
                | Feature::CountConnections
                | Feature::Socket
                | Feature::Receiver
                | Feature::Route
                | Feature::BridgePorts
                | Feature::Undone
                | Feature::Ahead
                | Feature::RouteMtu
                | Feature::ReturnMtu
                | Feature::InInterface
                | Feature::InIndex
                | Feature::DeviceType
                | Feature::Priority
                | Feature::OutInterface
                | Feature::Link
                | Feature::VlanTag
                | Feature::PacketType
                | Feature::Mark
                | Feature::SetMark
                | Feature::SetConnectionMark
                | Feature::ToHost
                | Feature::Conntrack
                | Feature::Fragments
                | Feature::Rewrite
                | Feature::RewriteAddress
                | Feature::RewriteAddressee
                | Feature::TransportChecksum
                | Feature::Reject
                | Feature::SetPriority
                | Feature::SetQueue
                | Feature::Log
                | Feature::LogOwner
                | Feature::Drop
                | Feature::Size,
                _,
            ) => None,
        }
    }

    fn return_value(&self, verdict: Verdict, _attach: AttachPoint) -> i32 {
        match verdict {
            Verdict::Accept => TCX_NEXT,
            Verdict::Drop => TC_ACT_SHOT,
            Verdict::Reject(_) => TC_ACT_REDIRECT,
        }
    }

    /// Both directions run with bottom halves off.
    fn is_reentrant(&self) -> bool {
        false
    }

    /// The stack has taken the outer tag off; inner tags, up to two, are still in the packet.
    fn locate(&self, main: &mut MainContext<'_>) {
        let asm = &mut *main.asm;
        if main.needs.echoes {
            replies::let_pass(asm, main.labels.pass);
        }
        addressee::pass_others_by_type(main);
        let asm = &mut *main.asm;
        skb::network_offset(asm, R8);
        asm.load(Size::W, R9, R6, skb::PROTOCOL);
        asm.from_big_endian(R9, 16);
        ethernet::find_network_header(main, self);
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
        Some(|asm| asm.load(Size::W, R0, R6, skb::LENGTH))
    }

    fn facts(&self, main: &mut MainContext<'_>) {
        let is_egress = main.attach == AttachPoint::TcEgress;
        skb::facts(main, is_egress);
    }

    fn addressing(&self, attach: AttachPoint) -> Option<Addressing> {
        (attach == AttachPoint::TcIngress).then_some(Addressing::Type)
    }

    fn conntrack(&self, attach: AttachPoint) -> ConntrackSource {
        if attach == AttachPoint::TcEgress {
            ConntrackSource::Skb
        } else {
            ConntrackSource::Lookup("bpf_skb_ct_lookup")
        }
    }

    /// What has come in by an interface keeps its number.
    fn skip_forwarded(&self) -> Option<fn(&mut Asm, Label)> {
        Some(|asm, forwarded| {
            asm.load(Size::W, R1, R6, skb::CAME_IN_BY);
            asm.jump_imm(Jump::Ne, Width::W64, R1, 0, forwarded);
        })
    }

    fn routing(&self) -> Option<&dyn Routing> {
        Some(self)
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

    fn replies(&self) -> Option<&dyn Replies> {
        Some(self)
    }

    fn record(&self, asm: &mut Asm, _needs: &Needs) {
        skb::kernel_skb(asm, R9);
        skb::record(asm);
        skb::record_direction(asm);
    }

    fn set_mark(&self) -> Option<fn(&mut Asm, Reg)> {
        Some(|asm, mark| asm.store(Size::W, R6, skb::MARK, mark))
    }

    fn to_host(&self) -> Option<fn(&mut Asm)> {
        const HOST: i32 = 0;
        Some(|asm| {
            asm.mov(R1, R6);
            asm.mov_imm(R2, HOST);
            asm.helper(Helper::SkbChangeType);
        })
    }

    fn set_priority(&self) -> Option<fn(&mut Asm, Reg)> {
        Some(|asm, priority| asm.store(Size::W, R6, skb::PRIORITY, priority))
    }

    fn set_queue(&self) -> Option<fn(&mut Asm, Reg)> {
        Some(set_queue)
    }

    fn rewrites(&self) -> Option<&dyn Rewrites> {
        Some(self)
    }

    fn fetch_needs_scratch(&self) -> bool {
        false
    }

    fn has_routes(&self) -> bool {
        true
    }
}

/// The kernel chooses the queue behind the egress programs (net/core/dev.c, `__dev_queue_xmit`),
/// from what its own rules at postrouting would have noted.
fn set_queue(asm: &mut Asm, queue: Reg) {
    let done = asm.label();
    asm.store(Size::D, FP, -8, queue);
    skb::device(asm, R1);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, done);
    asm.load_field(Size::W, R1, R1, field("net_device", "real_num_tx_queues", 4));
    asm.load(Size::D, R2, FP, -8);
    asm.jump(Jump::Ge, Width::W64, R2, R1, done);
    asm.store(Size::W, R6, skb::QUEUE_MAPPING, R2);
    asm.place(done);
}

impl Rewrites for Tc {
    fn write(&self, asm: &mut Asm, is_link: bool) {
        skb::write(asm, is_link);
    }

    fn growth(&self) -> Growth {
        Growth::Tail
    }

    fn grow(&self, asm: &mut Asm) {
        let done = asm.label();
        asm.mov_imm(R0, 0);
        asm.load(Size::W, R1, R6, skb::LENGTH);
        asm.jump(Jump::Ge, Width::W64, R1, R2, done);
        asm.mov(R1, R6);
        asm.mov_imm(R3, 0);
        asm.helper(Helper::SkbChangeTail);
        asm.place(done);
    }

    fn checksums(&self) -> Option<&dyn Checksums> {
        Some(self)
    }
}

impl Checksums for Tc {
    /// `bpf_l4_csum_replace` knows whether the checksum is still that of the pseudo header alone
    /// (net/core/utils.c, `inet_proto_csum_replace4`).
    fn replace(&self, asm: &mut Asm, pseudo: bool) {
        const FIELD_SIZE: i32 = 4;
        const PSEUDO_HEADER: i32 = 0x10;
        asm.mov(R1, R6);
        asm.mov_imm(R5, FIELD_SIZE | if pseudo { PSEUDO_HEADER } else { 0 });
        asm.helper(Helper::L4ChecksumReplace);
    }

    fn add_to_sum(&self, asm: &mut Asm) {
        asm.mov(R1, R6);
        asm.helper(Helper::ChecksumUpdate);
    }
}

impl Routing for Tc {
    fn ifindex(&self, asm: &mut Asm, dst: Reg) {
        asm.load(Size::W, dst, R6, skb::INTERFACE);
    }

    fn caveat(&self) -> &'static str {
        "at TC ingress packets are routed by their addresses as they came: what a nat table makes \
         of them later does not count"
    }
}
