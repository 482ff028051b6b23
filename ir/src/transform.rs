//! IPsec: what a program can ask of the transformations that a packet has come by or will go by.

use crate::Address;
use std::fmt;

/// Which transformations of a packet: an ordered list each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// Those that were undone when it came in, in the order in which they were (`skb_sec_path`,
    /// include/net/xfrm.h).
    In,
    /// Those that its route will apply, in the order in which it will (`skb_dst(skb)->xfrm`, then
    /// the child's, include/net/xfrm.h, `xfrm_dst_child`).
    Out,
}

impl Way {
    /// Transformations that a packet can have at most (`XFRM_MAX_DEPTH`).
    pub const MOST: u8 = 6;
}

/// What is asked of one transformation (include/net/xfrm.h, `struct xfrm_state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransformField {
    /// The request that it belongs to (`props.reqid`).
    RequestId,
    /// Its security parameters index (`id.spi`).
    Spi,
    /// Its protocol: 50 ESP, 51 AH, 108 IPComp (`id.proto`).
    Protocol,
    /// Its mode: 0 transport, 1 tunnel, and others (`props.mode`).
    Mode,
    /// The family of its addresses: 2 IPv4, 10 IPv6 (`props.family`).
    Family,
    /// Four bytes of one of its addresses (`props.saddr`, `id.daddr`): word 0 to 3. An IPv4 address
    /// is word 0; in functions of either family all can be asked.
    Address(Address, u8),
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Way::In => "in",
            Way::Out => "out",
        })
    }
}

impl fmt::Display for TransformField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransformField::RequestId => f.write_str("reqid"),
            TransformField::Spi => f.write_str("spi"),
            TransformField::Protocol => f.write_str("protocol"),
            TransformField::Mode => f.write_str("mode"),
            TransformField::Family => f.write_str("family"),
            TransformField::Address(address, word) => write!(f, "{address} {word}"),
        }
    }
}
