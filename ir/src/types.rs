//! Value types, and where loads read from.
//!
//! Every enum's `Display` is its spelling in the text form.

use crate::{InnerPart, Probe, SctpChunks, Tunnel};
use bpfc_abi::{Hook, PacketFamily, words};

/// Type of a value: a truth value, an unsigned number, or an element of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// A truth value; only branches consume it.
    Bool,
    /// 8 bits.
    I8,
    /// 16 bits.
    I16,
    /// 32 bits.
    I32,
    /// 64 bits.
    I64,
    /// 128 bits: IPv6 addresses and interface names.
    I128,
    /// What a search for an element found, perhaps nothing.
    Element,
}

impl Type {
    /// Width in bytes; 0 for [`Type::Bool`] and [`Type::Element`], which have no memory form.
    pub fn bytes(self) -> u16 {
        match self {
            Type::Bool | Type::Element => 0,
            Type::I8 => 1,
            Type::I16 => 2,
            Type::I32 => 4,
            Type::I64 => 8,
            Type::I128 => 16,
        }
    }

    /// The largest number of the type; 1 for [`Type::Bool`], 0 for [`Type::Element`], which has
    /// none.
    pub fn max(self) -> u128 {
        match self {
            Type::Bool => 1,
            Type::I128 => u128::MAX,
            _ => (1 << (u32::from(self.bytes()) * 8)) - 1,
        }
    }
}

/// What a payload offset counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Base {
    /// The Ethernet header, which must be guarded with [`Meta::LinkHeader`]. In functions of other
    /// frames what follows its 14 bytes can be read, too, guarded with `avail link N`: as the frame
    /// stands at hooks of devices, without the tag of [`Meta::VlanTag`].
    Link,
    /// The IP header; its fixed part (20 or 40 bytes) is always there.
    Network,
    /// The transport header, guarded with `avail th N`.
    Transport,
}

/// What is known about a packet besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Meta {
    /// i8: transport protocol; for IPv6 the header after the extension headers that
    /// `ipv6_find_hdr` walks (net/ipv6/exthdrs_core.c).
    L4Proto,
    /// i8: 1 where the IPv6 extension header chain is broken (the kernel's walk fails), else 0.
    WalkFailed,
    /// i16: fragment offset in units of 8 bytes, 0 for a whole packet or a first fragment.
    FragmentOffset,
    /// i16: bytes from the network header to the transport header; 0 in an IPv6 fragment that is
    /// not the first, as the kernel leaves it.
    TransportOffset,
    /// i32: length in bytes from the network header, by the IP total length. At hooks of devices it
    /// is that of the frame (`skb->len`): without the link header at ingress, with it at egress.
    Length,
    /// i16: EtherType of what the network header is (`skb->protocol`); 1 and 4 stand for frames of
    /// IEEE 802.3, which have a length in its place (net/ethernet/eth.c, `eth_type_trans`).
    Protocol,
    /// i32: the VLAN tag that was taken off the frame before hooks of devices see it, as it stood:
    /// its protocol in the upper 16 bits, its control information in the lower
    /// (`skb->vlan_proto`, `skb->vlan_tci`); 0 where there was none, and at other hooks.
    VlanTag,
    /// i128: input interface name, 16 bytes, NUL padded; 0 where there is none.
    InInterface,
    /// i128: output interface name, as above.
    OutInterface,
    /// i32: firewall mark.
    Mark,
    /// i8: `skb->pkt_type` (include/uapi/linux/if_packet.h): 0 host, 1 broadcast, 2 multicast,
    /// 3 other host, 4 outgoing, 5 loopback.
    PacketType,
    /// i8: 1 where an Ethernet header can be read, else 0.
    LinkHeader,
    /// i32: the processor that handles the packet.
    Cpu,
    /// i64: seconds since 1970 began in UTC, now (`ktime_get_real_seconds`).
    Clock,
    /// i64: the same in the kernel's time zone: less 60 for each minute that it lies west of UTC
    /// (`sys_tz`).
    LocalClock,
    /// i64: nanoseconds since 1970 began in UTC, now (`ktime_get_real_ns`).
    Nanoseconds,
    /// i32: `skb->priority`.
    Priority,
    /// i16: hardware type (`ARPHRD_*`, include/uapi/linux/if_arp.h) of the device that the packet
    /// is at (`skb->dev`), [`Meta::NO_DEVICE`] where it is at none.
    DeviceType,
    /// i16: hardware type of the output interface; 0 where there is none.
    OutType,
    /// i32: number of the input interface; 0 where there is none.
    InIndex,
    /// i32: number of the output interface, as above.
    OutIndex,
    /// i32: group of the input interface (`ip link set DEV group N`); 0 where there is none.
    InGroup,
    /// i32: group of the output interface, as above.
    OutGroup,
    /// i32: the route's realms (`dst->tclassid`): of the source in the upper 16 bits, of the
    /// destination in the lower.
    Realm,
    /// i8: 1 where this host has decreased the packet's time to live on its way out, else 0: it
    /// knows its output interface and comes from no socket (`skb->sk` is null), as
    /// net/netfilter/xt_recent.c asks.
    Forwarded,
    /// i8: 1 where br_netfilter has noted by which ports of a bridge the packet goes, else 0
    /// (`nf_bridge_info_exists`, include/linux/netfilter_bridge.h).
    Bridged,
    /// i128: name of the bridge port that it came in by, 16 bytes, NUL padded; 0 where there is
    /// none (`nf_bridge_get_physindev`).
    InPort,
    /// i128: name of the bridge port that it goes out by, as above (`nf_bridge_get_physoutdev`).
    OutPort,
}

impl Meta {
    /// The hardware type of no device (`ARPHRD_VOID`).
    pub const NO_DEVICE: u16 = 0xffff;

    /// The type that a load of it has.
    pub fn ty(self) -> Type {
        match self {
            Meta::L4Proto
            | Meta::WalkFailed
            | Meta::PacketType
            | Meta::LinkHeader
            | Meta::Forwarded
            | Meta::Bridged => Type::I8,
            Meta::FragmentOffset
            | Meta::TransportOffset
            | Meta::Protocol
            | Meta::DeviceType
            | Meta::OutType => Type::I16,
            Meta::Clock | Meta::LocalClock | Meta::Nanoseconds => Type::I64,
            Meta::Length
            | Meta::VlanTag
            | Meta::Mark
            | Meta::Priority
            | Meta::InIndex
            | Meta::OutIndex
            | Meta::Cpu
            | Meta::InGroup
            | Meta::OutGroup
            | Meta::Realm => Type::I32,
            Meta::InInterface | Meta::OutInterface | Meta::InPort | Meta::OutPort => Type::I128,
        }
    }

    /// Whether no packet of the kernel's hook has it, so that it reads as 0 there: before routing
    /// no packet has an output interface, and one that this host sends has come in by none
    /// (`nf_hook_state`, include/linux/netfilter.h) and with no link header. Which port of a bridge
    /// a packet leaves by is noted at the forward hook (net/bridge/br_netfilter_hooks.c).
    pub fn is_absent_at(self, hook: Hook) -> bool {
        match hook {
            Hook::Prerouting | Hook::Input => matches!(
                self,
                Meta::OutInterface
                    | Meta::OutPort
                    | Meta::OutGroup
                    | Meta::OutType
                    | Meta::OutIndex
            ),
            Hook::Output => matches!(
                self,
                Meta::InInterface
                    | Meta::LinkHeader
                    | Meta::OutPort
                    | Meta::InGroup
                    | Meta::InIndex
            ),
            Hook::Ingress | Hook::Forward | Hook::Postrouting | Hook::Egress => false,
        }
    }
}

/// What a time means in the calendar. Counts seconds from 1970 on, without leap seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CalendarField {
    /// Seconds since the day began, 0 to 86,399.
    DaySecond,
    /// The day of the week: 1 Monday to 7 Sunday.
    Weekday,
    /// The day of the month, 1 to 31.
    MonthDay,
}

impl CalendarField {
    /// The field of a time in seconds, on the proleptic Gregorian calendar.
    pub fn of(self, seconds: u64) -> u32 {
        const DAY: u64 = 86_400;
        let day = seconds / DAY;
        let field = match self {
            CalendarField::DaySecond => seconds % DAY,
            // The first day was a Thursday.
            CalendarField::Weekday => (day + 3) % 7 + 1,
            CalendarField::MonthDay => {
                // Days of a cycle of 400 years that begins with a March.
                let day = (day + 719_468) % 146_097;
                let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
                let day = day - (365 * year + year / 4 - year / 100);
                let month = (5 * day + 2) / 153;
                day - (153 * month + 2) / 5 + 1
            }
        };
        field as u32
    }
}

/// Which of a connection's two tuples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CtTuple {
    /// As the connection's first packet went.
    Original,
    /// As answers go.
    Reply,
}

/// One of a packet's two addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// Where it comes from.
    Source,
    /// Where it goes.
    Destination,
}

/// One of a packet's two devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Device {
    /// That it came in by.
    In,
    /// That it goes out by.
    Out,
}

/// A tuple's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TupleField {
    /// Source address: i32 or i128 by the function's family.
    Source,
    /// Destination address: i32 or i128 by the function's family.
    Destination,
    /// i16: source port, or what the protocol keeps in its place.
    SourcePort,
    /// i16: destination port, or what the protocol keeps in its place.
    DestinationPort,
}

/// What conntrack knows of the packet's connection. All but [`CtField::State`] must be guarded
/// by [`CtField::Present`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CtField {
    /// i8: 1 where the packet belongs to a connection entry.
    Present,
    /// i8, one bit set: 1 invalid, 2 established, 4 related, 8 new, 64 untracked (nft's
    /// `ct state` bits, include/uapi/linux/netfilter/nf_conntrack_common.h).
    State,
    /// i32: `IPS_*` bits.
    Status,
    /// i8: 0 original, 1 reply.
    Direction,
    /// i32: connection mark.
    Mark,
    /// i8: protocol number of the connection's original tuple.
    Protocol,
    /// An address or port of a tuple.
    Tuple(CtTuple, TupleField),
    /// i32: the first four bytes of the source address of the connection that announced this one
    /// (`ct->master`), or of this one where none did, as its first packet had it.
    Initiator,
    /// i8: 1 where the entry counts packets and bytes (`nf_conn_acct_find`,
    /// include/net/netfilter/nf_conntrack_acct.h); what it has counted is 0 otherwise.
    Counted,
    /// i64: packets of a direction, this one included.
    Packets(CtTuple),
    /// i64: bytes of a direction by their IP headers, this packet's included.
    Bytes(CtTuple),
    /// i128: name of the helper of the connection that announced this one, 16 bytes, NUL padded;
    /// 0 where there is none (net/netfilter/xt_helper.c).
    Helper,
    /// i128: labels, label N being bit N (net/netfilter/nf_conntrack_labels.c).
    Labels,
    /// i32: milliseconds until the entry ends, should no other packet come, in whole ticks of the
    /// kernel's clock (`nf_ct_expires`, include/net/netfilter/nf_conntrack.h).
    Expiration,
    /// i16: the zone that the entry is in: in a direction, where one is named, else in those that
    /// it is limited to (include/net/netfilter/nf_conntrack_zones.h).
    Zone(Option<CtTuple>),
}

impl CtField {
    /// Whether it lies in an extension of the entry.
    pub fn is_extension(self) -> bool {
        use CtField::{Bytes, Counted, Helper, Labels, Packets};
        matches!(self, Counted | Packets(_) | Bytes(_) | Helper | Labels)
    }

    /// Whether the tracker changes it as it sees a packet, so that it is what rules see only
    /// behind that.
    pub fn is_late(self) -> bool {
        self.is_extension() || self == CtField::Expiration
    }

    /// The type that a load of it has in a function of `family`.
    pub fn ty(self, family: impl Into<PacketFamily>) -> Type {
        match self {
            CtField::Present
            | CtField::State
            | CtField::Direction
            | CtField::Protocol
            | CtField::Counted => Type::I8,
            CtField::Packets(_) | CtField::Bytes(_) => Type::I64,
            CtField::Helper | CtField::Labels => Type::I128,
            CtField::Status | CtField::Mark | CtField::Initiator | CtField::Expiration => Type::I32,
            CtField::Zone(_) => Type::I16,
            CtField::Tuple(_, TupleField::SourcePort | TupleField::DestinationPort) => Type::I16,
            CtField::Tuple(..) => match family.into() {
                PacketFamily::Ipv4 => Type::I32,
                // Other frames have no connection: the verifier takes no such load of theirs.
                PacketFamily::Ipv6 | PacketFamily::Other => Type::I128,
            },
        }
    }
}

/// What is known of the socket that sends the packet (include/net/sock.h); all 0 where there is
/// none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SocketField {
    /// i8: 1 where a socket of the packet's network namespace sends it, or stands for one that is
    /// not complete yet (`skb_to_full_sk`).
    Present,
    /// i8: 1 where a process has the socket open.
    Open,
    /// i8: 1 where the packet's own socket is a full one (`sk_fullsock`) of its network namespace.
    Full,
    /// i32: file system user of who opened it, as the kernel numbers users.
    User,
    /// i32: file system group of who opened it.
    Group,
    /// i32: class of its control group (`net_cls.classid`), of a full socket.
    Class,
}

impl SocketField {
    /// The type that a load of it has.
    pub fn ty(self) -> Type {
        match self {
            SocketField::Present | SocketField::Open | SocketField::Full => Type::I8,
            SocketField::User | SocketField::Group | SocketField::Class => Type::I32,
        }
    }
}

/// Where a load reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Packet bytes, big endian, at a constant offset from a base.
    Payload(Base, u16),
    /// A fact about the packet.
    Meta(Meta),
    /// A fact about its connection.
    Ct(CtField),
    /// A fact about the socket that sends it.
    Socket(SocketField),
}

/// Searches through variable parts of a packet. Each yields an i32: an offset in bytes from the
/// network header where something was found, or one of the two constants below.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scan {
    /// The IPv6 extension header of this kind (0 hop-by-hop, 43 routing, 44 fragment, 50 ESP,
    /// 51 AH, 60 destination options, or a transport protocol such as 135), as
    /// `ipv6_find_hdr(skb, &offset, kind, NULL, NULL)` finds it (net/ipv6/exthdrs_core.c).
    Ipv6Header(u8),
    /// The TCP option of this kind in the header at the transport offset, whose fixed 20 bytes
    /// must be available and whose data offset must be at least 5 (net/netfilter/xt_tcpudp.c,
    /// `tcp_find_option`).
    TcpOption(u8),
    /// The TCP option MSS where its length byte is 4 and its four bytes lie within the options;
    /// any other of that kind is passed over. Guarded as [`Scan::TcpOption`]
    /// (net/netfilter/xt_tcpmss.c).
    TcpMss,
    /// The DCCP option of this kind, likewise (net/netfilter/xt_dccp.c, `dccp_find_option`).
    DccpOption(u8),
    /// The first chunk of the set in the SCTP packet at the transport offset, whose fixed 12
    /// bytes must be available. Broken where the four bytes of a chunk's header are not all there
    /// or its length is 0; a length is rounded up to 4, and the walk ends where the next chunk
    /// would begin at or beyond the packet's end. There is always a first chunk to look at
    /// (net/netfilter/xt_sctp.c, `match_packet`).
    SctpChunk(Box<SctpChunks>),
    /// Not an offset but the set of extension headers that the match ipv6header collects: 0x80
    /// hop-by-hop, 0x40 destination options, 0x20 routing, 0x10 fragment, 0x08 AH, 0x04 ESP, 0x02
    /// no next header, 0x01 any other. It walks on behind later fragments, too. Absent where
    /// fewer than two bytes are left for a header; never broken
    /// (net/ipv6/netfilter/ip6t_ipv6header.c, `ipv6header_mt6`).
    Ipv6Headers,
    /// Where what follows the transport header begins: in UDP behind 8 bytes, in TCP where the data
    /// offset says, in GRE (version 0, without routing) behind the fields that its flags announce,
    /// in IPIP at once. Broken where there is none: other protocols, later fragments, headers that
    /// are not all there (net/netfilter/nft_payload.c, `__nft_payload_inner_offset`).
    Payload,
    /// A part of the packet in a tunnel, which begins there. Broken where any of the headers is
    /// not as it should be, whatever part is asked for; absent where there is no such part: a
    /// transport header in a later fragment, a link header or a tunnel's own where the tunnel has
    /// none.
    Inner(Tunnel, InnerPart),
    /// What a definition of the program's says, see [`crate::ProbeDef`]; never broken.
    Probe(Probe),
}

impl Scan {
    /// Nothing found, and nothing wrong.
    pub const ABSENT: u32 = 0xffff_ffff;
    /// The packet is truncated or malformed on the way.
    pub const BROKEN: u32 = 0xffff_fffe;
}

words!(Type { Bool => "bool", I8 => "i8", I16 => "i16", I32 => "i32", I64 => "i64", I128 => "i128",
    Element => "element" });
words!(Base { Link => "link", Network => "net", Transport => "th" });
words!(Meta {
    L4Proto => "l4proto", WalkFailed => "walk-failed", FragmentOffset => "fragment-offset",
    TransportOffset => "transport-offset", Length => "length", Protocol => "protocol",
    VlanTag => "vlan-tag", InInterface => "iifname",
    OutInterface => "oifname", Mark => "mark", PacketType => "pkttype",
    LinkHeader => "link-header", Cpu => "cpu", Clock => "clock", LocalClock => "local-clock",
    Nanoseconds => "nanoseconds", Priority => "priority", DeviceType => "device-type",
    OutType => "oiftype", InIndex => "iif", OutIndex => "oif",
    InGroup => "iifgroup", OutGroup => "oifgroup", Realm => "rtclassid",
    Forwarded => "forwarded", Bridged => "bridged", InPort => "iport", OutPort => "oport",
});
words!(Address { Source => "saddr", Destination => "daddr" });
words!(Device { In => "iif", Out => "oif" });
words!(CalendarField { DaySecond => "day-second", Weekday => "weekday", MonthDay => "month-day" });
words!(SocketField {
    Present => "present", Open => "open", Full => "full", User => "user", Group => "group",
    Class => "class",
});
words!(CtTuple { Original => "original", Reply => "reply" });
words!(TupleField {
    Source => "saddr", Destination => "daddr", SourcePort => "sport", DestinationPort => "dport",
});
