//! What a rule logs of a packet.

use crate::raw;
use std::fmt;

/// Where a log record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogKind {
    /// A line of the system's log (net/netfilter/xt_LOG.c).
    Syslog {
        /// Syslog level, 0 (emergency) to 7 (debug).
        level: u8,
        /// What the line says: bits of `NF_LOG_*` (include/uapi/linux/netfilter/nf_log.h).
        flags: u8,
    },
    /// To the listeners of a group, with the packet (net/netfilter/xt_NFLOG.c).
    Group {
        /// The group.
        group: u16,
        /// How many records a listener wants to get at once; 0 leaves it to the listener.
        threshold: u16,
        /// Bytes of the packet at most; none for all.
        size: Option<u32>,
    },
    /// Of a traced packet ([`crate::Op::Trace`]) alone: a line as [`LogKind::Syslog`]'s that tells
    /// which rule it has met (net/ipv4/netfilter/ip_tables.c, `trace_packet`).
    Trace,
    /// A line as [`LogKind::Syslog`]'s of level 5 that says which fingerprint describes a TCP
    /// packet of IPv4 (net/netfilter/nfnetlink_osf.c, `nf_osf_match`): behind the prefix stand
    /// addresses and ports and, where there is such a fingerprint, how much less the packet's time
    /// to live is, and then a new line.
    Fingerprint {
        /// The fingerprint's time to live; none where no fingerprint describes the packet.
        ttl: Option<u8>,
    },
}

/// A log record's constants.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Log {
    /// Where it goes.
    pub kind: LogKind,
    /// What stands in front; at most [`Log::LONGEST_PREFIX`] bytes.
    pub prefix: String,
}

impl Log {
    /// The longest prefix in bytes (`NF_LOG_PREFIXLEN` less its NUL).
    pub const LONGEST_PREFIX: usize = 127;

    /// Whether the kernel would take it.
    pub(crate) fn is_sound(&self) -> bool {
        let level = match self.kind {
            LogKind::Syslog { level, .. } => level,
            LogKind::Group { .. } | LogKind::Trace | LogKind::Fingerprint { .. } => 0,
        };
        level <= 7
            && raw::length(&self.prefix) <= Self::LONGEST_PREFIX
            && !self.prefix.contains('\0')
    }
}

impl fmt::Display for LogKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogKind::Syslog { level, flags } => write!(f, "syslog level {level} flags {flags}"),
            LogKind::Trace => f.write_str("trace"),
            LogKind::Fingerprint { ttl: Some(ttl) } => write!(f, "fingerprint ttl {ttl}"),
            LogKind::Fingerprint { ttl: None } => f.write_str("fingerprint"),
            LogKind::Group { group, threshold, size } => {
                write!(f, "group {group} threshold {threshold}")?;
                size.map_or(Ok(()), |size| write!(f, " size {size}"))
            }
        }
    }
}
