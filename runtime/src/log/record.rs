//! One log record, as bytes and as a value.

use super::fingerprint;
use bpfc_artifact::{Hook, log};
use std::time::{Duration, SystemTime};

/// Where a record is meant to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogKind {
    /// A line of the system's log: `LOG`, `osf --log`.
    Syslog {
        /// Syslog level, 0 (emergency) to 7 (debug).
        level: u8,
    },
    /// A group of listeners: `NFLOG`.
    Group {
        /// The group.
        group: u16,
        /// How many records a listener should get at once; 0 for no wish.
        threshold: u16,
    },
    /// A rule that a traced packet has met: `TRACE`, or a filter that samples packets.
    Trace,
}

/// An interface when the packet was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogInterface {
    /// Its number; 0 where an XDP or TC program has routed the packet and knows its name alone.
    pub index: u32,
    /// Its name.
    pub name: String,
}

/// A logged packet's link header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkHeader {
    /// The device's type (`ARPHRD_*`, include/uapi/linux/if_arp.h): 1 is Ethernet.
    pub kind: u16,
    /// Bytes from the link header to the IP header; none where the packet has no link header.
    pub gap: Option<u16>,
    /// As many bytes from its start on as headers of the device have, at most 32; empty where
    /// there is none.
    pub bytes: Vec<u8>,
}

/// One log record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// When the rule logged.
    pub time: SystemTime,
    /// The label of the rule, such as `filter/INPUT:3`.
    pub rule: String,
    /// The hook that the packet was at.
    pub hook: Hook,
    /// Where the record is meant to go.
    pub kind: LogKind,
    /// The number that all records of one traced packet share.
    pub trace: Option<u32>,
    /// What its line says besides the usual (`NF_LOG_*`,
    /// include/uapi/linux/netfilter/nf_log.h).
    pub flags: u8,
    /// The rule's prefix; empty for none. Bytes that are not UTF-8 stand as [`crate::raw`] says.
    pub prefix: String,
    /// Where the packet came from, as far as known at the hook.
    pub input: Option<LogInterface>,
    /// Where it goes, likewise.
    pub output: Option<LogInterface>,
    /// Its mark.
    pub mark: u32,
    /// User and group of the socket that sends it.
    pub owner: Option<(u32, u32)>,
    /// Its EtherType: 0x0800 and 0x86dd for IP; 0 where it is neither and has no Ethernet header.
    pub ether_type: u16,
    /// Its link header.
    pub link: LinkHeader,
    /// Length of the packet in bytes from the IP header on.
    pub length: u32,
    /// Its first bytes from the IP header on.
    pub packet: Vec<u8>,
}

/// EtherTypes of IP.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

impl LogRecord {
    /// The record in bytes of the ring buffer; `booted` is when the system started. None where it
    /// is not one of this version's.
    pub(super) fn read(bytes: &[u8], booted: SystemTime) -> Option<LogRecord> {
        let (header, rest) = bytes.split_at_checked(log::HEADER)?;
        let u16 = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
        let u32 = |at: usize| u32::from_ne_bytes(std::array::from_fn(|i| header[at + i]));
        let interface = |index: usize, name: usize| {
            (u32(index) != 0 || header[name] != 0).then(|| LogInterface {
                index: u32(index),
                name: log::text(&header[name..name + 16]),
            })
        };
        let time = u64::from_ne_bytes(std::array::from_fn(|i| header[log::TIME + i]));
        let link = header.get(log::LINK..log::LINK + usize::from(header[log::LINK_LENGTH]))?;
        let packet = rest.get(..u32(log::CAPTURED) as usize)?.to_vec();
        let mut prefix = log::text(&header[log::PREFIX..log::LABEL]);
        if header[log::KIND] == log::KIND_FINGERPRINT {
            prefix = fingerprint::prefix(&prefix, u16(log::GROUP), &packet);
        }
        Some(LogRecord {
            time: booted + Duration::from_nanos(time),
            rule: log::text(&header[log::LABEL..log::HEADER]),
            hook: match header[log::HOOK] {
                0 => Hook::Ingress,
                1 => Hook::Prerouting,
                2 => Hook::Input,
                3 => Hook::Forward,
                4 => Hook::Output,
                5 => Hook::Postrouting,
                6 => Hook::Egress,
                _ => return None,
            },
            kind: match header[log::KIND] {
                log::KIND_SYSLOG | log::KIND_FINGERPRINT => {
                    LogKind::Syslog { level: header[log::LEVEL] }
                }
                log::KIND_GROUP => {
                    LogKind::Group { group: u16(log::GROUP), threshold: u16(log::THRESHOLD) }
                }
                log::KIND_TRACE => LogKind::Trace,
                _ => return None,
            },
            trace: Some(u32(log::TRACE)).filter(|&trace| trace != 0),
            flags: header[log::FLAGS],
            prefix,
            input: interface(log::IN_INDEX, log::IN_NAME),
            output: interface(log::OUT_INDEX, log::OUT_NAME),
            mark: u32(log::MARK),
            owner: (header[log::FACTS] & log::HAS_OWNER != 0)
                .then(|| (u32(log::UID), u32(log::GID))),
            ether_type: match (header[log::VERSION], link) {
                (4, _) => IPV4,
                (6, _) => IPV6,
                (_, [_, _, _, _, _, _, _, _, _, _, _, _, high, low, ..]) => {
                    u16::from_be_bytes([*high, *low])
                }
                _ => 0,
            },
            link: LinkHeader {
                kind: u16(log::LINK_TYPE),
                gap: Some(u16(log::LINK_GAP)).filter(|&gap| gap != log::NO_GAP),
                bytes: link.to_vec(),
            },
            length: u32(log::LENGTH),
            packet,
        })
    }

    /// The version of IP: 4 or 6, or 0 of another frame.
    pub fn version(&self) -> u8 {
        match self.ether_type {
            IPV4 => 4,
            IPV6 => 6,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfc_artifact::log::Site;

    fn bytes() -> Vec<u8> {
        let mut bytes = vec![0; log::HEADER + 8];
        let site = Site {
            kind: log::KIND_SYSLOG,
            level: 4,
            prefix: "in: ".to_owned(),
            label: "filter/INPUT:1".to_owned(),
            ..Site::default()
        };
        bytes[log::SITE..log::HEADER].copy_from_slice(&site.entry()[..log::SITE_SIZE]);
        bytes[log::HOOK] = 2;
        bytes[log::CAPTURED] = 8;
        bytes[log::IN_INDEX] = 3;
        bytes[log::IN_NAME..log::IN_NAME + 4].copy_from_slice(b"eth0");
        bytes
    }

    #[test]
    fn records_are_read() {
        let record = LogRecord::read(&bytes(), SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(record.rule, "filter/INPUT:1");
        assert_eq!((record.prefix.as_str(), record.hook), ("in: ", Hook::Input));
        let eth0 = LogInterface { index: 3, name: "eth0".to_owned() };
        assert_eq!((record.input, record.output), (Some(eth0), None));
        assert_eq!((record.kind, record.packet.len()), (LogKind::Syslog { level: 4 }, 8));
    }

    #[test]
    fn damaged_records_are_none() {
        let good = bytes();
        for length in 0..good.len() {
            assert_eq!(LogRecord::read(&good[..length], SystemTime::UNIX_EPOCH), None);
        }
        for at in [log::HOOK, log::KIND] {
            let mut bytes = good.clone();
            bytes[at] = 99;
            assert_eq!(LogRecord::read(&bytes, SystemTime::UNIX_EPOCH), None);
        }
        let mut long = good.clone();
        long[log::LINK_LENGTH] = 0xff;
        let _ = LogRecord::read(&long, SystemTime::UNIX_EPOCH);
    }
}
