//! The XDP target: chains of an ingress hook at the driver, before the kernel's network stack.
//!
//! The program sees Ethernet frames, or IP packets at devices without link header, before
//! defragmentation, routing and untagging; up to two VLAN tags are walked. Programs need Linux 5.18
//! (`bpf_xdp_load_bytes`), and read the kernel's structures more cheaply from 6.2 on
//! (`bpf_cast_to_kern_ctx`), which questions to its tables need.

use bpfc_artifact::{AttachPoint, ProgramKind, log};
use bpfc_ebpf::asm::{
    Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R4, R6, R7, R8, R9, Reg, Size, Width,
};
use bpfc_ebpf::kernel::{self, Reading, Way, field};
use bpfc_ebpf::linear::{self, Destination, Offset};
use bpfc_ebpf::skb;
use bpfc_ebpf::{
    Addressing, Checksums, ConntrackSource, Feature, Growth, MainContext, Needs, Replies, Rewrites,
    Routing, Target, addressee, bare, ethernet, layout, xdp,
};
use bpfc_ir::{Device, Hook, PacketFamily, Verdict};

/// `XDP_DROP`, `XDP_PASS` and `XDP_TX` (`enum xdp_action`).
const XDP_DROP: i32 = 1;
const XDP_PASS: i32 = 2;
const XDP_TX: i32 = 3;
/// `offsetof(struct xdp_md, data)` and `data_end`.
const DATA: i16 = 0;
const DATA_END: i16 = 4;
/// `offsetof(struct xdp_md, ingress_ifindex)`.
const INGRESS_IFINDEX: i16 = 12;

/// Bytes of an Ethernet header's addresses, and of its type.
const ADDRESSES: i32 = 12;
const TYPE: i32 = 2;

/// What `check` says of ports in chains of devices.
const FRAGMENTS_AT_DEVICES: &str = "in chains of devices no rule with ports or types matches a later \
     fragment: the kernel takes bytes of its payload for them, in IPv6 of its header";

/// The target, to be registered.
pub static XDP: Xdp = Xdp;

/// XDP at an interface's ingress.
#[derive(Clone, Copy, Debug)]
pub struct Xdp;

impl Target for Xdp {
    fn name(&self) -> &'static str {
        "xdp"
    }

    fn description(&self) -> &'static str {
        "XDP at an interface's ingress, before the network stack"
    }

    fn kind(&self) -> ProgramKind {
        ProgramKind::Xdp
    }

    fn hooks(&self) -> &'static [Hook] {
        &[Hook::Ingress, Hook::Prerouting, Hook::Input, Hook::Forward]
    }

    fn default_hooks(&self) -> Option<&'static [Hook]> {
        Some(&[Hook::Ingress, Hook::Input])
    }

    fn attach(&self, _hook: Hook, _family: PacketFamily) -> AttachPoint {
        AttachPoint::Xdp
    }

    fn refusal(&self, hook: Hook, feature: Feature) -> Option<&'static str> {
        match feature {
            Feature::ConntrackExtension => Some(
                "the tracker has not seen the packet yet, so neither its counters nor what it will \
                 announce; compile the rule for netfilter, or for tc at output or postrouting",
            ),
            Feature::Socket if hook != Hook::Ingress => Some(
                "a packet that comes in has no socket yet; compile the rule for netfilter, tc or \
                 cgroup-skb at the output hook",
            ),
            Feature::BridgePorts => Some(
                "XDP runs before br_netfilter notes a packet's ports; compile the rule for netfilter, or \
                 attach to the ports and name them with -i",
            ),
            Feature::Undone => Some(
                "what IPsec protects is still encrypted at XDP; compile the rule for netfilter",
            ),
            Feature::Ahead => Some(
                "XDP runs before routing, which finds IPsec policies; compile the rule for \
                 netfilter at the forward, output or postrouting hook",
            ),
            Feature::Route => Some(
                "XDP runs before routing; compile the rule for netfilter, or for tc at output or \
                 postrouting",
            ),
            Feature::RouteMtu => Some(
                "XDP runs before routing, which --hook input,forward does in the program; compile \
                 the rule so, or for tc at output or postrouting",
            ),
            // Before, no packet has one at the kernel's hooks either.
            Feature::OutInterface if hook == Hook::Forward => Some(
                "XDP runs before routing, which --hook input,forward does in the program; compile \
                 the rule so, for netfilter at the forward, output or postrouting hook, or for tc at \
                 output or postrouting",
            ),
            Feature::OutDevice => Some(
                "XDP runs before routing; compile the rule for netfilter at the forward, output or \
                 postrouting hook, or for tc at output or postrouting",
            ),
            Feature::Priority if hook == Hook::Forward => Some(
                "routing gives a forwarded packet a priority by its type of service, behind XDP; \
                 compile the rule for netfilter",
            ),
            Feature::SetPriority => Some(
                "an XDP frame has no priority; compile the rule for tc at output or postrouting",
            ),
            Feature::SetConnectionMark => Some(
                "a first packet has no connection yet that could be marked; compile the rule for \
                 tc at output or postrouting, which packets that come in and are forwarded pass, too",
            ),
            Feature::SetQueue => Some(
                "a frame that comes in has no device yet that it leaves by; compile the rule for tc \
                 at postrouting",
            ),
            Feature::ToHost => {
                Some("an XDP frame has no type yet that could be changed; compile the rule for tc")
            }
            Feature::RewriteAddressee => Some(
                "behind XDP the kernel reads for whom a frame is and what it carries; compile the \
                 rule for tc",
            ),
            Feature::SetMark => {
                Some("an XDP frame has no mark; compile the rule for tc, which can set it")
            }
            Feature::CountConnections
            | Feature::Socket
            | Feature::Receiver
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
            | Feature::Conntrack
            | Feature::Fragments
            | Feature::Rewrite
            | Feature::RewriteAddress
            | Feature::TransportChecksum
            | Feature::Reject
            | Feature::Log
            | Feature::LogOwner
            | Feature::Drop
            | Feature::Size => None,
        }
    }

    fn caveat(&self, hook: Hook, feature: Feature) -> Option<&'static str> {
        match feature {
            Feature::Mark => Some("at XDP no packet has a mark yet: every packet's mark is 0"),
            Feature::Priority => {
                Some("at XDP no packet has a priority yet: every packet's priority is 0")
            }
            Feature::Conntrack => Some(
                "at XDP the packet has not passed conntrack: its state is worked out from the \
                 existing entry, and entries of other protocols than TCP and UDP are found where the \
                 kernel says where its table lies, or where packets of theirs have left by the filter's \
                 interfaces (Linux 6.6)",
            ),
            Feature::CountConnections => Some(
                "at XDP connections are counted before the tracker sees the packet: one that a rule \
                 refuses still counts for two ticks of the kernel's clock, and the packet that closes \
                 a connection finds it open",
            ),
            Feature::Fragments if hook == Hook::Ingress => Some(FRAGMENTS_AT_DEVICES),
            Feature::Fragments => Some(
                "at XDP fragments arrive one by one: no rule with ports or types matches the later \
                 ones, where the kernel's input hook, and every hook with conntrack, sees the \
                 whole packet",
            ),
            Feature::VlanTag => Some(
                "at XDP a VLAN tag is seen where it stands in the frame: one that the network card has \
                 taken off is not (ethtool -K DEVICE rxvlan off leaves it there)",
            ),
            Feature::RewriteAddress if matches!(hook, Hook::Input | Hook::Forward) => Some(
                "at XDP a packet is written before it is routed and tracked: the kernel goes by the \
                 new addresses and ports, where a rule of its own at this hook would come later",
            ),
            Feature::TransportChecksum => Some(
                "at XDP a frame does not say whether its checksum is complete: those that \
                 applications of this host or a virtual machine send without one leave with a \
                 wrong one; compile the rule for tc where such frames come in",
            ),
            Feature::Log | Feature::LogOwner if hook == Hook::Forward => {
                Some("at XDP the output interface is not known yet: a log line's OUT= is empty")
            }
            Feature::LogOwner if hook != Hook::Ingress => {
                Some("at XDP a packet has no socket yet: a log line has no UID= and GID=")
            }
            Feature::Drop if hook != Hook::Ingress => Some(
                "at XDP a dropped packet reaches no packet socket either: DHCP clients, which under \
                 iptables get their lease however packets are dropped, need a rule that accepts it, \
                 and tcpdump shows only what passes",
            ),
            Feature::Size if hook != Hook::Ingress => Some(
                "at XDP packets are counted and measured as they come in by the wire, where the \
                 kernel's hooks see several of a connection merged into one (GRO)",
            ),
            Feature::InInterface | Feature::InIndex | Feature::DeviceType
                if hook != Hook::Ingress =>
            {
                Some(
                    "at XDP the input interface is the one the frame came in by, also where a VLAN, \
                 bridge or bond interface on top of it is what iptables sees",
                )
            }
            Feature::OutDevice
            | Feature::ConntrackExtension
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
            | Feature::OutInterface
            | Feature::Link
            | Feature::PacketType
            | Feature::SetMark
            | Feature::SetConnectionMark
            | Feature::ToHost
            | Feature::Rewrite
            | Feature::RewriteAddress
            | Feature::RewriteAddressee
            | Feature::Reject
            | Feature::SetPriority
            | Feature::SetQueue
            | Feature::Log
            | Feature::LogOwner
            | Feature::Drop
            | Feature::Size => None,
        }
    }

    fn return_value(&self, verdict: Verdict, _attach: AttachPoint) -> i32 {
        match verdict {
            Verdict::Accept => XDP_PASS,
            Verdict::Drop => XDP_DROP,
            Verdict::Reject(_) => XDP_TX,
        }
    }

    /// XDP runs with bottom halves off.
    fn is_reentrant(&self) -> bool {
        false
    }

    fn locate(&self, main: &mut MainContext<'_>) {
        let asm = &mut *main.asm;
        let header = main.scratch;
        let labels = main.labels;
        // The Ethernet header, then up to two tags; r8 = offset behind it, r9 = EtherType.
        // It lies in one piece in every frame (net/core/filter.c, `bpf_xdp_adjust_tail`).
        let to = Destination { base: FP, offset: header };
        linear::direct(self, asm, Offset::Constant(0), to, 14, labels.pass);
        asm.store_imm(Size::B, R7, layout::LINK_HEADER, 1);
        if let Some(link) = main.layout.link() {
            for word in (0..12).step_by(4) {
                asm.load(Size::W, R1, FP, header + word);
                asm.store(Size::W, R7, link + word, R1);
            }
            asm.load(Size::H, R1, FP, header + 12);
            asm.store(Size::H, R7, link + 12, R1);
            has_link_header(asm, Reading::at_xdp(main.needs), header);
        }
        asm.load(Size::H, R9, FP, header + 12);
        asm.from_big_endian(R9, 16);
        let bare = main.asm.label();
        addressee::pass_others_by_address(main, header, bare);
        let asm = &mut *main.asm;
        if main.needs.packet_type {
            // The destination decides. The room of the header walk, which comes later, keeps it
            // while the device's address takes its place.
            asm.load(Size::W, R1, FP, header);
            asm.store(Size::W, R7, layout::WALK_END, R1);
            asm.load(Size::H, R1, FP, header + 4);
            asm.store(Size::W, R7, layout::WALK_RESULT, R1);
            packet_type(asm, Reading::at_xdp(main.needs), header);
            if main.addressee.is_some() {
                addressee::type_of_device_above(asm);
            }
        }
        asm.mov_imm(R8, 14);
        ethernet::find_network_header_on_wire(main, self);
        main.asm.place(bare);
        bare::enter(main, header);
    }

    fn keeps_tags(&self) -> bool {
        true
    }

    fn addressing(&self, _attach: AttachPoint) -> Option<Addressing> {
        Some(Addressing::Address)
    }

    fn fetch(&self, asm: &mut Asm, _scratch: i16) {
        asm.mov(R1, R6);
        asm.helper(Helper::XdpLoadBytes);
    }

    fn point(&self, asm: &mut Asm, bytes: u16, near: Label) {
        linear::point(asm, DATA, DATA_END, bytes, near);
    }

    /// What lies in fragments counts as well. `bpf_xdp_load_bytes` would not tell: it reads up to
    /// offset 65,535 only, which the longest IP packet behind its link header ends beyond.
    fn require_length(&self, asm: &mut Asm, shorter: Label) {
        let long_enough = asm.label();
        asm.load(Size::W, R0, R6, DATA_END);
        asm.load(Size::W, R1, R6, DATA);
        asm.alu(Alu::Sub, Width::W64, R0, R1);
        asm.jump(Jump::Le, Width::W64, R8, R0, long_enough);
        asm.mov(R1, R6);
        asm.helper(Helper::XdpBufferLength);
        asm.jump(Jump::Gt, Width::W64, R8, R0, shorter);
        asm.place(long_enough);
    }

    fn end(&self) -> Option<fn(&mut Asm)> {
        Some(|asm| {
            asm.mov(R1, R6);
            asm.helper(Helper::XdpBufferLength);
        })
    }

    fn facts(&self, main: &mut MainContext<'_>) {
        let asm = &mut *main.asm;
        asm.store_imm(Size::W, R7, layout::MARK, 0);
        if main.needs.forwarded {
            asm.store_imm(Size::B, R7, layout::FORWARDED, 0);
        }
        if let Some(name) = main.layout.in_interface() {
            xdp::copy_name(asm, Reading::at_xdp(main.needs), name);
        }
        // Known where packets are routed, once they are.
        if let Some(name) = main.layout.out_interface() {
            skb::no_name(asm, name);
        }
    }

    fn conntrack(&self, _attach: AttachPoint) -> ConntrackSource {
        ConntrackSource::Lookup("bpf_xdp_ct_lookup")
    }

    fn has_routes(&self) -> bool {
        false
    }

    fn routing(&self) -> Option<&dyn Routing> {
        Some(self)
    }

    fn load_skb(&self, asm: &mut Asm, dst: Reg) {
        asm.mov(dst, R6);
    }

    fn load_net(&self, asm: &mut Asm, dst: Reg) {
        xdp::device(asm, R1);
        asm.load_field(Size::D, dst, R1, field("net_device", "nd_net", 8));
    }

    fn load_device(&self, asm: &mut Asm, dst: Reg, _device: Device) {
        xdp::device(asm, dst);
    }

    fn load_own_device(&self, asm: &mut Asm, dst: Reg) {
        xdp::device(asm, dst);
    }

    fn load_in_index(&self, asm: &mut Asm, dst: Reg) {
        asm.load(Size::W, dst, R6, INGRESS_IFINDEX);
    }

    /// A frame has none yet.
    fn load_priority(&self, asm: &mut Asm, dst: Reg) {
        asm.mov_imm(dst, 0);
    }

    fn replies(&self) -> Option<&dyn Replies> {
        Some(self)
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
        Some(self)
    }

    fn fetch_needs_scratch(&self) -> bool {
        false
    }

    fn skip_forwarded(&self) -> Option<fn(&mut Asm, Label)> {
        None
    }

    /// The link header is as the stack will have it: without tags.
    fn record(&self, asm: &mut Asm, needs: &Needs) {
        xdp::record_device(asm, Reading::at_xdp(needs));
        let [linked, none] = std::array::from_fn(|_| asm.label());
        asm.load(Size::W, R2, R7, layout::NETWORK_OFFSET);
        asm.jump_imm(Jump::Ne, Width::W64, R2, 0, linked);
        asm.store_imm(Size::H, R8, log::LINK_GAP as i16, 0);
        asm.goto(none);
        asm.place(linked);
        asm.mov_imm(R2, 0);
        asm.mov_imm(R9, 0);
        for (to, length) in [(0, ADDRESSES), (ADDRESSES, TYPE)] {
            asm.mov(R3, R8);
            asm.alu_imm(Alu::Add, Width::W64, R3, log::LINK as i32 + to);
            asm.mov_imm(R4, length);
            asm.mov(R1, R6);
            asm.helper(Helper::XdpLoadBytes);
            asm.alu(Alu::Or, Width::W64, R9, R0);
            asm.load(Size::W, R2, R7, layout::NETWORK_OFFSET);
            asm.alu_imm(Alu::Sub, Width::W64, R2, TYPE);
        }
        asm.jump_imm(Jump::Ne, Width::W64, R9, 0, none);
        asm.store_imm(Size::B, R8, log::LINK_LENGTH as i16, ADDRESSES + TYPE);
        asm.store_imm(Size::H, R8, log::LINK_GAP as i16, ADDRESSES + TYPE);
        asm.place(none);
    }
}

/// Frames come in by the device that they are at.
impl Rewrites for Xdp {
    fn write(&self, asm: &mut Asm, _is_link: bool) {
        asm.mov(R1, R6);
        asm.helper(Helper::XdpStoreBytes);
    }

    /// There is always headroom, but not always any behind the frame.
    fn growth(&self) -> Growth {
        Growth::Front
    }

    fn grow(&self, asm: &mut Asm) {
        asm.mov(R1, R6);
        asm.mov_imm(R2, -4);
        asm.helper(Helper::XdpAdjustHead);
    }

    /// A frame does not say whether its checksum is complete.
    fn checksums(&self) -> Option<&dyn Checksums> {
        None
    }
}

impl Routing for Xdp {
    fn ifindex(&self, asm: &mut Asm, dst: Reg) {
        asm.load(Size::W, dst, R6, INGRESS_IFINDEX);
    }

    fn caveat(&self) -> &'static str {
        "at XDP packets are routed by their addresses as they came: what a nat table makes of them \
         later does not count"
    }
}

/// The frame is changed where it lies and sent back by the device that it came in by.
impl Replies for Xdp {
    fn trim(&self, asm: &mut Asm) {
        asm.mov(R1, R6);
        asm.helper(Helper::XdpBufferLength);
        asm.mov(R2, R8);
        asm.alu(Alu::Sub, Width::W64, R2, R0);
        asm.mov(R1, R6);
        asm.helper(Helper::XdpAdjustTail);
    }

    fn shift(&self, asm: &mut Asm) {
        bare::shift(asm);
    }

    fn store(&self, asm: &mut Asm, _is_link: bool) {
        asm.mov(R1, R6);
        asm.helper(Helper::XdpStoreBytes);
    }

    /// A frame is bytes and nothing else.
    fn defers_checksums(&self) -> bool {
        false
    }

    fn deferred_checksum(&self, asm: &mut Asm, whole: Label) {
        asm.goto(whole);
    }

    fn ifindex(&self, asm: &mut Asm, dst: Reg) {
        asm.load(Size::W, dst, R6, INGRESS_IFINDEX);
    }

    /// What XDP sends meets no program on its way out.
    fn echoes(&self, _attached: &[AttachPoint]) -> bool {
        false
    }

    fn send(&self, asm: &mut Asm, _attach: AttachPoint, _echoes: bool) {
        asm.mov_imm(R0, XDP_TX);
    }
}

/// Stores that a frame of a device that is no Ethernet device has no header for `-m mac` to look at
/// (net/netfilter/xt_mac.c). That is the loopback device, whose frames come from the address 0:
/// others need not ask.
fn has_link_header(asm: &mut Asm, reading: Reading, header: i16) {
    const ARPHRD_ETHER: i32 = 1;
    let has = asm.label();
    asm.load(Size::H, R1, FP, header + 6);
    asm.load(Size::W, R2, FP, header + 8);
    asm.alu(Alu::Or, Width::W64, R1, R2);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, has);
    xdp::device_type(asm, reading, R1);
    asm.jump_imm(Jump::Eq, Width::W64, R1, ARPHRD_ETHER, has);
    asm.store_imm(Size::B, R7, layout::LINK_HEADER, 0);
    asm.place(has);
}

/// The type that `eth_type_trans` will give the frame (net/ethernet/eth.c): host where the
/// destination is the device's address, otherwise broadcast, multicast or other host.
fn packet_type(asm: &mut Asm, reading: Reading, scratch: i16) {
    const HOST: i32 = 0;
    const BROADCAST: i32 = 1;
    const MULTICAST: i32 = 2;
    const OTHER_HOST: i32 = 3;
    let [other, group, multicast, done] = std::array::from_fn(|_| asm.label());
    reading.emit(asm, |asm, way| {
        xdp::device_by(asm, way, R8);
        match way {
            Way::Typed => asm.load_field(Size::D, R3, R8, field("net_device", "dev_addr", 8)),
            Way::Copied => kernel::copy_field(asm, R3, R8, "net_device", "dev_addr", 8),
        }
    });
    asm.mov(R1, FP);
    asm.alu_imm(Alu::Add, Width::W64, R1, i32::from(scratch));
    asm.mov_imm(R2, 6);
    asm.store_imm(Size::D, FP, scratch, 0);
    asm.helper(Helper::ProbeReadKernel);
    asm.load(Size::W, R3, R7, layout::WALK_END);
    asm.load(Size::W, R4, R7, layout::WALK_RESULT);
    asm.load(Size::W, R1, FP, scratch);
    asm.load(Size::H, R2, FP, scratch + 4);
    asm.mov_imm(R0, HOST);
    asm.jump(Jump::Ne, Width::W64, R1, R3, other);
    asm.jump(Jump::Eq, Width::W64, R2, R4, done);
    asm.place(other);
    asm.mov(R1, R3);
    asm.alu_imm(Alu::And, Width::W64, R1, 1);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, group);
    asm.mov_imm(R0, OTHER_HOST);
    asm.goto(done);
    asm.place(group);
    asm.mov_imm(R0, BROADCAST);
    asm.jump_imm(Jump::Ne, Width::W32, R3, -1, multicast);
    asm.jump_imm(Jump::Eq, Width::W32, R4, 0xffff, done);
    asm.place(multicast);
    asm.mov_imm(R0, MULTICAST);
    asm.place(done);
    asm.store(Size::B, R7, layout::PACKET_TYPE, R0);
}
