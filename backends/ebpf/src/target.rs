//! What a back end is: a vtable over this core. What a target may lack is an `Option`, so that no
//! code is emitted as nothing where it does.
//!
//! # The register contract
//!
//! In every function that a target emits code into, r6 is the program's context and r7 points at
//! `struct bpfc_packet`; both must be kept. r0 to r5 and, in main, r8 and r9 are free.

use crate::asm::{Asm, Label, Reg};
use crate::packet::layout::PacketLayout;
use crate::packet::needs::{Feature, Needs};
use bpfc_artifact::{AttachPoint, FunctionIndex, MapIndex, ProgramKind};
use bpfc_ir::{Device, Hook, PacketFamily, Verdict};

/// How a program learns of a packet's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConntrackSource {
    /// From `skb->_nfct`: exactly what the kernel's own rules see at the hook.
    Skb,
    /// By looking the packet's tuple up with this kernel function, `bpf_xdp_ct_lookup` or
    /// `bpf_skb_ct_lookup`: the entry must exist already, and TCP and UDP only
    /// (net/netfilter/nf_conntrack_bpf.c).
    Lookup(&'static str),
}

/// How a target knows whom a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// By `skb->pkt_type`.
    Type,
    /// By comparing its destination with the address of the device.
    Address,
}

/// What main needs for asking.
#[derive(Clone, Copy, Debug)]
pub struct Addressee {
    /// `others(ctx, packet)`, see `main_function::addressee`. The destination stands in the packet
    /// structure, of which the function uses what main has not filled yet.
    pub(crate) function: FunctionIndex,
    /// Where addresses that were found lie: the map and the offset in its value.
    pub(crate) known: Option<(MapIndex, u32)>,
}

/// Addresses that are remembered, by the lowest bits of their device's number. Each is 6 bytes as
/// they stand in frames, and above them 2 bytes of the rest of the number, plus 1.
pub(crate) const KNOWN: u32 = 64;

/// What a target before routing knows for it.
pub trait Routing: Sync {
    /// Emits: `dst` = the number of the interface that the packet came in by. Clobbers r0 to r5.
    fn ifindex(&self, asm: &mut Asm, dst: Reg);

    /// How its answer can differ from the kernel's, for a warning.
    fn caveat(&self) -> &'static str;
}

/// The labels that main's parts jump to.
#[derive(Clone, Copy, Debug)]
pub struct MainLabels {
    /// An IPv4 packet; the network offset is stored.
    pub ipv4: Label,
    /// An IPv6 packet; the network offset is stored.
    pub ipv6: Label,
    /// Another frame, for hooks of devices; the network offset and the EtherType are stored. To
    /// others the same as `pass`.
    pub other: Label,
    /// Not an IP packet that the hook's chains would see: it passes, uncounted.
    pub pass: Label,
}

/// Which hooks a packet is parsed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Those of the network layer: they see IP, cut to the length that its header says.
    Network,
    /// That of frames that come in by a device: they see every frame as it came, behind one VLAN
    /// tag at most.
    Ingress,
    /// That of frames that leave by a device.
    Egress,
}

impl Sight {
    /// Whether every frame is seen.
    pub fn is_device(self) -> bool {
        self != Sight::Network
    }
}

/// What a target's parts of main may know.
#[derive(Debug)]
pub struct MainContext<'a> {
    /// The instructions.
    pub asm: &'a mut Asm,
    /// Where things go.
    pub layout: &'a PacketLayout,
    /// What rules ask for.
    pub needs: &'a Needs,
    /// Where the program will be attached.
    pub attach: AttachPoint,
    /// Whether packets still have the link header that the kernel's hooks know, if any: what leaves
    /// has the next one already.
    pub arrived: bool,
    /// Which hooks the packet is parsed for.
    pub sight: Sight,
    /// Where to jump to.
    pub labels: MainLabels,
    /// How to tell whom a frame is for, where that is to be asked: [`Target::locate`] does.
    pub addressee: Option<Addressee>,
    /// [`SCRATCH_SIZE`] bytes of stack below this offset from r10 are free: the lowest byte is
    /// at `scratch`.
    pub scratch: i16,
}

/// Stack bytes that [`Target::fetch`] and the other parts may use.
pub const SCRATCH_SIZE: i16 = 48;

/// How a target makes an answer of a rejected packet. All code may clobber r0 to r5, and keeps r6
/// to r9 as it finds them. Offsets count as [`Target::fetch`] counts.
pub trait Replies: Sync {
    /// Emits: cut the packet off at the length in r8. r0 is not 0 where that fails.
    fn trim(&self, asm: &mut Asm);

    /// Emits: move the packet's front forward by r9 bytes, which is signed: where it is negative
    /// there is as much room in front afterwards. r0 is not 0 where that fails.
    fn shift(&self, asm: &mut Asm);

    /// Emits: copy r4 bytes from r3 to offset r2. `is_link` says whether it is the link header.
    /// r0 is not 0 where that fails.
    fn store(&self, asm: &mut Asm, is_link: bool);

    /// Whether a device may still have to complete the checksum of packets, wherever their
    /// bytes go.
    fn defers_checksums(&self) -> bool;

    /// Emits: r1 = offset where the device begins to sum up, r2 = offset where it writes the
    /// checksum; jumps to `whole` where nothing is left to it. Only where
    /// [`Replies::defers_checksums`].
    fn deferred_checksum(&self, asm: &mut Asm, whole: Label);

    /// Emits: `dst` = the number of the packet's device.
    fn ifindex(&self, asm: &mut Asm, dst: Reg);

    /// Whether answers come by one of an artifact's own programs, which are attached at these
    /// places.
    fn echoes(&self, attached: &[AttachPoint]) -> bool;

    /// Emits: send the packet back to where it came from; r0 = what the program returns. With
    /// `echoes` one of the artifact's programs may see it and must let it pass.
    fn send(&self, asm: &mut Asm, attach: AttachPoint, echoes: bool);
}

/// A back end.
pub trait Target: Sync {
    /// As `--target` takes it.
    fn name(&self) -> &'static str;

    /// One line for people.
    fn description(&self) -> &'static str;

    /// The kernel's program type.
    fn kind(&self) -> ProgramKind;

    /// The hooks whose chains can run here.
    fn hooks(&self) -> &'static [Hook];

    /// The hooks that are compiled where the user names none; `None` for every hook of
    /// [`Target::hooks`] that has a base chain.
    fn default_hooks(&self) -> Option<&'static [Hook]>;

    /// Where the chains of a hook and family run.
    fn attach(&self, hook: Hook, family: PacketFamily) -> AttachPoint;

    /// Why a feature cannot be had at a hook; `None` where it can.
    fn refusal(&self, hook: Hook, feature: Feature) -> Option<&'static str>;

    /// How a decision can differ from the kernel's own at this hook because a rule asks for a
    /// feature; one sentence for a warning.
    fn caveat(&self, hook: Hook, feature: Feature) -> Option<&'static str>;

    /// The program's return value for a verdict.
    fn return_value(&self, verdict: Verdict, attach: AttachPoint) -> i32;

    /// Whether a program can be interrupted on one processor by itself, so that counters need
    /// atomic additions.
    fn is_reentrant(&self) -> bool;

    /// Emits: find the network header, store its offset as [`Target::fetch`] counts in
    /// `NETWORK_OFFSET` (u32) and jump to one of the labels. Does not fall through.
    fn locate(&self, main: &mut MainContext<'_>);

    /// Emits: copy r4 bytes (1 to the room at r3) at offset r2 to r3. r0 is 0 when done and not
    /// 0 when the packet is shorter. Clobbers r0 to r5.
    fn fetch(&self, asm: &mut Asm, scratch: i16);

    /// Emits: jump to `near` with r1 = where `bytes` bytes at the offset in r2 lie, as
    /// [`Target::fetch`] counts, for plain loads; falls through, with r2 as it was, where they do
    /// not lie one after another. r2 is at most 0x7fff. Clobbers r0 and r3 to r5, and r2 where it
    /// jumps.
    fn point(&self, asm: &mut Asm, bytes: u16, near: Label);

    /// Emits: jump to `shorter` where the packet ends before the offset in r8, as [`Target::fetch`]
    /// counts. Clobbers r0 to r5.
    fn require_length(&self, asm: &mut Asm, shorter: Label);

    /// Emits: r0 = where the packet ends, as [`Target::fetch`] counts. Clobbers r0 to r5. `None`
    /// where no hooks of devices run.
    fn end(&self) -> Option<fn(&mut Asm)>;

    /// Whether the VLAN tag that the kernel takes off before hooks of devices see a frame still
    /// stands in it.
    fn keeps_tags(&self) -> bool {
        false
    }

    /// Whether [`Target::fetch`] writes to its scratch bytes, so that it is better a function of
    /// its own than a part of frames that stay while others are called.
    fn fetch_needs_scratch(&self) -> bool;

    /// Emits: store interface names, mark, packet type and the Ethernet header as the needs
    /// say. Falls through.
    fn facts(&self, main: &mut MainContext<'_>);

    /// How a program at an attach point tells frames for others from those for this host; `None`
    /// where it sees none.
    fn addressing(&self, attach: AttachPoint) -> Option<Addressing>;

    /// How connections are known at an attach point.
    fn conntrack(&self, attach: AttachPoint) -> ConntrackSource;

    /// How packets that leave are told apart: what is emitted jumps to a label where a packet was
    /// not sent by this host, and so never met the output hook, and clobbers r0 to r5. `None` where
    /// packets of others do not come by.
    fn skip_forwarded(&self) -> Option<fn(&mut Asm, Label)>;

    /// Whether packets carry the route that was found for them, where there is one:
    /// [`Target::load_skb`] tells.
    fn has_routes(&self) -> bool;

    /// How packets are routed where chains of several hooks before and behind routing run in one
    /// program; `None` where a program sees packets of one hook alone.
    fn routing(&self) -> Option<&dyn Routing>;

    /// Emits: `dst = struct sk_buff *`, for [`ConntrackSource::Skb`]. Clobbers r0 to r5.
    fn load_skb(&self, asm: &mut Asm, dst: Reg);

    /// Emits: `dst = struct net *`, the network namespace that the packet is in. Clobbers r0 to r5.
    fn load_net(&self, asm: &mut Asm, dst: Reg);

    /// Emits: `dst = struct net_device *` that the packet came in or goes out by, 0 where there is
    /// none. Never called where the feature of that interface is refused. Clobbers r0 to r5.
    fn load_device(&self, asm: &mut Asm, dst: Reg, device: Device);

    /// Emits: `dst = struct net_device *` that the packet is at (`skb->dev`), 0 where it is at
    /// none. Clobbers r0 to r5.
    fn load_own_device(&self, asm: &mut Asm, dst: Reg);

    /// Emits: `dst` = the number of the input interface, 0 where there is none. Clobbers r0 to r5.
    fn load_in_index(&self, asm: &mut Asm, dst: Reg);

    /// Emits: `dst` = the packet's priority. Clobbers r0 to r5.
    fn load_priority(&self, asm: &mut Asm, dst: Reg);

    /// How rejected packets are answered; `None` where [`Feature::Reject`] is refused.
    fn replies(&self) -> Option<&dyn Replies>;

    /// Emits: store what a log record says of the packet's interfaces, mark, link header and owner
    /// (see [`bpfc_artifact::log`]) into the record at r8, where that part is zero. Clobbers r0 to
    /// r5, r9 and the 8 bytes below r10.
    fn record(&self, asm: &mut Asm, needs: &Needs);

    /// How the packet's mark is set to the 32-bit number in a register; `None` where
    /// [`Feature::SetMark`] is refused.
    fn set_mark(&self) -> Option<fn(&mut Asm, Reg)>;

    /// How the packet is made one for this host, whatever the link layer meant: the 8 bytes below
    /// r10 are free, r0 to r5 are clobbered. `None` where [`Feature::ToHost`] is refused, or where
    /// every packet is one.
    fn to_host(&self) -> Option<fn(&mut Asm)>;

    /// How the packet's priority is set to the 32-bit number in a register; `None` where
    /// [`Feature::SetPriority`] is refused.
    fn set_priority(&self) -> Option<fn(&mut Asm, Reg)>;

    /// How the 32-bit number in a register is noted as the packet's transmit queue, where its
    /// device has a queue of that number: the 8 bytes below r10 are free, r0 to r5 are clobbered.
    /// `None` where [`Feature::SetQueue`] is refused.
    fn set_queue(&self) -> Option<fn(&mut Asm, Reg)>;

    /// How packets are written; `None` where [`Feature::Rewrite`] is refused.
    fn rewrites(&self) -> Option<&dyn Rewrites>;
}

/// Where packets grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// In front of their first byte.
    Front,
    /// Behind their last byte.
    Tail,
}

/// How a target writes packets. Offsets count as [`Target::fetch`] counts; code may clobber r0 to
/// r5.
pub trait Rewrites: Sync {
    /// Emits: copy r4 bytes at r3 into the packet at offset r2. r0 is 0 when done. A checksum of
    /// the packet's bytes that the network card has computed follows; it does not cover the link
    /// header (`is_link`).
    fn write(&self, asm: &mut Asm, is_link: bool);

    /// Where packets grow.
    fn growth(&self) -> Growth;

    /// Emits: four more bytes in front of the packet, or make it end at offset r2 or behind it, by
    /// [`Rewrites::growth`]. r0 is 0 when done.
    fn grow(&self, asm: &mut Asm);

    /// How transport checksums are corrected where a packet says by itself how far its checksum is
    /// computed; `None` where it does not say.
    fn checksums(&self) -> Option<&dyn Checksums>;
}

/// Checksums that a packet says how far they are computed. Code may clobber r0 to r5.
pub trait Checksums: Sync {
    /// Emits: correct the transport checksum at offset r2, of which the 32 bits r3 (network order)
    /// become r4; `pseudo` says that they are of the pseudo header. r0 is 0 when done.
    fn replace(&self, asm: &mut Asm, pseudo: bool);

    /// Emits: add r2 to the sum over the packet that the network card has computed, if it has.
    fn add_to_sum(&self, asm: &mut Asm);
}
