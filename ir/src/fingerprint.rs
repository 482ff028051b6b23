//! Fingerprints of operating systems: what the first packet of a TCP connection looks like.
//!
//! They are what the kernel's `struct nf_osf_user_finger` says that its search looks at
//! (net/netfilter/nfnetlink_osf.c, Linux 2.6.31 and later): values of options are never compared.

use bpfc_diag::Span;

/// What the window of a packet must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// Anything.
    Any,
    /// This number.
    Exactly(u32),
    /// So many times the maximum segment size that the packet announces (0 where it announces
    /// none), 1,460 or 1,448 bytes, modulo 2^32.
    Segments(u32),
    /// So many times that size and 40 bytes of headers, modulo 2^32.
    Packets(u32),
    /// A multiple of this number, which is not 0.
    Multiple(u32),
}

/// A kind of TCP option with the length that the search passes over, whatever the packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TcpOption {
    /// The end of the list, or a byte of padding: kind 0, one byte.
    End,
    /// No operation: kind 1, one byte.
    Nop,
    /// The maximum segment size: kind 2, four bytes.
    SegmentSize,
    /// The window scale: kind 3, three bytes.
    WindowScale,
    /// Selective acknowledgements are permitted: kind 4, two bytes.
    SackPermitted,
    /// Timestamps: kind 8, ten bytes.
    Timestamp,
}

impl TcpOption {
    /// Its number (IANA).
    pub fn kind(self) -> u8 {
        match self {
            TcpOption::End => 0,
            TcpOption::Nop => 1,
            TcpOption::SegmentSize => 2,
            TcpOption::WindowScale => 3,
            TcpOption::SackPermitted => 4,
            TcpOption::Timestamp => 8,
        }
    }

    /// Its length in bytes.
    pub fn length(self) -> u16 {
        match self {
            TcpOption::End | TcpOption::Nop => 1,
            TcpOption::SackPermitted => 2,
            TcpOption::WindowScale => 3,
            TcpOption::SegmentSize => 4,
            TcpOption::Timestamp => 10,
        }
    }
}

/// One fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint {
    /// The window of its packets.
    pub window: Window,
    /// The time to live that the system sends packets with.
    pub ttl: u8,
    /// Whether packets say that they must not be fragmented.
    pub dont_fragment: bool,
    /// The total length in bytes that the IPv4 header says.
    pub length: u16,
    /// Kinds of options in the order of the packet, no others and nothing behind them.
    pub options: Vec<TcpOption>,
    /// What the kernel keeps of each option's value, kind of wildcard and number, and never
    /// compares with a packet: fingerprints that differ in it alone are two.
    pub values: Vec<(u8, u32)>,
    /// The operating system, as `--genre` names it: at most 31 bytes.
    pub genre: String,
    /// Its version: at most 31 bytes.
    pub version: String,
    /// Its subtype or patch level: at most 31 bytes.
    pub subtype: String,
    /// Where it is defined.
    pub span: Option<Span>,
}
