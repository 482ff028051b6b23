//! The packet that evaluators read, and the means to make, keep and cut packets.
//!
//! A [`Packet`] is bytes and what a kernel knows besides them: interfaces, mark, connection. Its
//! [`Parsed`] view answers questions about headers as netfilter's own walk would (IPv4 header
//! length, IPv6 extension headers, trimming to the IP length), and [`NotDelivered`] says why a
//! packet would be dropped before any rule sees it. The reference evaluators and the IR
//! interpreter read packets through this crate alone, so it decides nothing about rules.
//!
//! All numbers are in host order; addresses are `std::net` types. Nothing in here does I/O.

mod builder;
mod capture;
mod chunks;
mod conntrack;
mod extension;
mod hex;
mod host_facts;
mod inner;
mod interface;
mod options;
mod packet;
mod parsed;
mod receive;
mod rewrites;
mod routes;
mod socket;
mod text;
mod transform;
mod words;

pub use bpfc_abi::{Family, PacketFamily};
pub use builder::{
    Dccp, Extension, Ipv4, Ipv6, LengthField, Network, PacketBuilder, Sctp, Tcp, Transport, UdpLite,
};
pub use capture::{Capture, CaptureError, CaptureFormat, Captured, LinkType};
pub use chunks::find_sctp_chunk;
pub use conntrack::{Connections, Conntrack, Extensions, Tuple, ct_state, ct_status};
pub use extension::{Walk, extension_set, find_extension, walk_extensions};
pub use hex::bytes_from_hex;
pub use inner::{Inner, TunnelShape, inner, transport_payload};
pub use interface::{InterfaceName, InterfaceNameError};
pub use options::{Found, find_dccp_option, find_tcp_mss, find_tcp_option, strip_tcp_options};
pub use packet::{Arrival, BridgePorts, Clock, Devices, FrameError, Packet, pkt_type};
pub use parsed::Parsed;
pub use receive::NotDelivered;
pub use rewrites::{Rewrites, replace_checksum};
pub use routes::{Route, Routes, route_kind};
pub use socket::{Owner, Receiver, Socket};
pub use text::{find_text, kernel_upper};
pub use transform::{Transform, Transforms};
pub use words::{Described, WordsError, describe, host_facts};
