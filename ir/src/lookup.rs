//! Questions about a packet that only a search of the kernel's own tables answers.
//!
//! Each yields an i32. They are pure: within one packet's walk the same question has the same
//! answer. Programs search the kernel's live tables, so nothing has to be kept up to date.

use crate::{Address, Device, TransformField, Way};
use std::fmt;

/// Which way back to a packet's source counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReversePath {
    /// Whether it may lead through another device than the one that the packet came in by.
    pub loose: bool,
    /// Whether policy routing rules are asked with the packet's mark rather than with 0.
    pub valid_mark: bool,
    /// Whether the source may be an address of this host.
    pub accept_local: bool,
    /// Whether routes count that lead neither to one host nor to this one, as those of broadcasts
    /// (IPv4).
    pub other_kinds: bool,
}

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lookup {
    /// What kind of address the routing tables make one of the packet's addresses, of addresses
    /// and routes of this device alone where one is named.
    ///
    /// In IPv4 an `RTN_*` number (include/uapi/linux/rtnetlink.h), as `inet_addr_type` and
    /// `inet_dev_addr_type` answer it from the local table (net/ipv4/fib_frontend.c): unicast 1,
    /// local 2, broadcast 3, anycast 4, multicast 5; unicast, too, where a route refuses the
    /// address.
    ///
    /// In IPv6 the `RTN_*` number of a route that refuses the address (blackhole 6, unreachable 7
    /// also where there is none, prohibit 8), otherwise 1 (unicast) with [`Lookup::LOCAL`] and
    /// [`Lookup::ANYCAST`] where they hold, by the local and the main table
    /// (net/ipv6/route.c, `ip6_route_output`; include/net/ip6_route.h,
    /// `ipv6_anycast_destination`). A device cannot be named.
    AddressType(Address, Option<Device>),
    /// 1 where the routing tables have a way back to the packet's source, as policy routing rules
    /// and tables have it for a flow from the packet's destination, or where the packet came in by
    /// the loopback device, else 0 (net/ipv4/netfilter/ipt_rpfilter.c, `rpfilter_lookup_reverse`;
    /// net/ipv6/netfilter/ip6t_rpfilter.c, `rpfilter_lookup_reverse6`).
    ReversePath(ReversePath),
    /// The MTU of the packet's own route, in bytes of the IP packet: what the path is known to
    /// take, else what the route or its device says (include/net/dst.h, `dst_mtu`;
    /// net/ipv4/route.c, `ipv4_mtu`; include/net/ip6_route.h, `ip6_dst_mtu_maybe_forward`);
    /// [`Lookup::NO_ROUTE`] where the packet has none.
    RouteMtu,
    /// The MTU of the route that this host itself would take to the packet's source, found by
    /// nothing but that address; [`Lookup::NO_ROUTE`] where there is none
    /// (net/netfilter/xt_TCPMSS.c, `tcpmss_reverse_mtu`).
    ReturnMtu,
    /// The socket that will receive the packet, or that sent the one which an ICMP error quotes:
    /// bits of [`Receiver`], 0 where there is none (net/netfilter/xt_socket.c).
    Receiver {
        /// Whether [`Receiver::TRANSPARENT`] is told.
        transparent: bool,
    },
    /// That socket's mark (`SO_MARK`), 0 where it is not a full one.
    ReceiverMark,
    /// How many IPsec transformations the packet has come by or will go by, [`Lookup::NONE`] where
    /// nothing is known of any, as the kernel tells a path of none from no path
    /// (net/netfilter/xt_policy.c).
    Transforms(Way),
    /// What one of them is, by its place in the list; 0 beyond the list's end.
    Transform {
        /// Which list.
        way: Way,
        /// Place, below [`Way::MOST`].
        index: u8,
        /// What is asked.
        field: TransformField,
    },
    /// 1 where a supplementary group of who opened the packet's socket lies in a range, ends
    /// included, else 0 (`cred->group_info`, as net/netfilter/xt_owner.c searches it).
    SocketGroup {
        /// The first group.
        low: u32,
        /// The last group.
        high: u32,
    },
}

/// What [`Lookup::Receiver`] says of a socket: bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receiver;

impl Receiver {
    /// There is one.
    pub const FOUND: u32 = 1;
    /// It is bound to an address, or stands for a connection that begins or has ended.
    pub const BOUND: u32 = 2;
    /// It takes packets for addresses of others (`inet_sk_transparent`).
    pub const TRANSPARENT: u32 = 4;
    /// It is a full one (`sk_fullsock`).
    pub const FULL: u32 = 8;
}

impl Lookup {
    /// An address of this host.
    pub const LOCAL: u32 = 0x100;
    /// An address of several hosts.
    pub const ANYCAST: u32 = 0x200;
    /// No IPsec transformation.
    pub const NONE: u32 = 0xffff_ffff;
    /// The MTU where there is no route: nothing limits the packet.
    pub const NO_ROUTE: u32 = u32::MAX;
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lookup::SocketGroup { low, high } => write!(f, "socket-group {low}..{high}"),
            Lookup::Receiver { transparent } => {
                write!(f, "receiver{}", if *transparent { " transparent" } else { "" })
            }
            Lookup::Transforms(way) => write!(f, "transforms {way}"),
            Lookup::Transform { way, index, field } => {
                write!(f, "transform {way} {index} {field}")
            }
            Lookup::ReceiverMark => f.write_str("receiver-mark"),
            Lookup::RouteMtu => f.write_str("route-mtu"),
            Lookup::ReturnMtu => f.write_str("return-mtu"),
            Lookup::ReversePath(path) => {
                f.write_str("reverse-path")?;
                for (holds, word) in [
                    (path.loose, " loose"),
                    (path.valid_mark, " valid-mark"),
                    (path.accept_local, " accept-local"),
                    (path.other_kinds, " other-kinds"),
                ] {
                    f.write_str(if holds { word } else { "" })?;
                }
                Ok(())
            }
            Lookup::AddressType(address, None) => write!(f, "address-type {address}"),
            Lookup::AddressType(address, Some(device)) => {
                write!(f, "address-type {address} {device}")
            }
        }
    }
}
