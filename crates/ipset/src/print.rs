//! Elements as `ipset save` prints them.

use crate::extensions::SECOND;
use crate::kind::Part;
use crate::parts::{show_address, show_mac, show_port};
use crate::{Family, Layout, SetDef, SetKind};
use bpfc_abi::raw;
use serde::Serialize;
use std::fmt::{self, Write as _};

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

fn text_at(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    raw::decode(&bytes[..end]).into_owned()
}

impl SetDef {
    /// The element alone: `10.0.0.0/8,tcp:80`. Key and value have the sizes of the layout.
    pub fn show_key(&self, layout: &Layout, key: &[u8], value: &[u8]) -> String {
        let v6 = self.family == Some(Family::Ipv6);
        let mut out = String::new();
        let mut address = 0;
        for (index, part) in self.kind.parts().iter().enumerate() {
            let separator = if index > 0 { "," } else { "" };
            let field =
                |at: Option<usize>, bytes: usize| at.map_or(&[][..], |at| &key[at..at + bytes]);
            let text = match part {
                Part::Address | Part::Network => {
                    let bytes = field(layout.addresses[address], layout.address_size);
                    let number = bytes.iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte));
                    let mut text = show_address(number, v6);
                    if let Some(at) = layout.prefixes[address]
                        && usize::from(key[at]) != layout.address_size * 8
                    {
                        let _ = write!(text, "/{}", key[at]);
                    }
                    address += 1;
                    text
                }
                Part::Port | Part::PlainPort => {
                    let port = field(layout.port, 2);
                    let port = port.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte));
                    match layout.protocol {
                        Some(at) => show_port(key[at], port),
                        None => port.to_string(),
                    }
                }
                Part::Mac => show_mac(field(layout.mac, 6)),
                Part::OptionalMac if u32_at(value, 0) & Layout::HAS_MAC == 0 => break,
                Part::OptionalMac => {
                    show_mac(layout.value_mac.map_or(&[], |at| &value[at..at + 6]))
                }
                Part::Mark => {
                    let mark = field(layout.mark, 4);
                    let mark = mark.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
                    format!("0x{mark:08x}")
                }
                Part::Interface => {
                    let flags = layout.interface_flags.map_or(0, |at| key[at]);
                    let physdev = if flags & Layout::PHYSDEV != 0 { "physdev:" } else { "" };
                    format!("{physdev}{}", text_at(field(layout.interface, 16)))
                }
                Part::Name => text_at(field(layout.name, 32)),
            };
            out.push_str(separator);
            out.push_str(&text);
        }
        out
    }

    /// The element with what is kept beside it; `now` is what timeouts in the value are counted
    /// from, 0 for values that have not been loaded.
    pub fn show_element(&self, layout: &Layout, key: &[u8], value: &[u8], now: u64) -> String {
        self.describe(layout, key, value, now).to_string()
    }

    /// The element and what is kept beside it, part by part; `now` as in
    /// [`SetDef::show_element`].
    pub fn describe(&self, layout: &Layout, key: &[u8], value: &[u8], now: u64) -> Shown {
        let flags = layout.interface_flags.map_or(0, |at| key[at]);
        let wildcard = self.kind == SetKind::HashNetIface && flags & Layout::WILDCARD != 0;
        let seconds = |expires: u64| match expires {
            0 => 0,
            // As the kernel: 0 would mean that it stays.
            expires => (expires.saturating_sub(now) / SECOND).max(1),
        };
        let mark = layout.skbinfo.map(|at| (u32_at(value, at), u32_at(value, at + 4)));
        let info = |offset: usize| layout.skbinfo.map_or(0, |at| u32_at(value, at + offset));
        Shown {
            element: self.show_key(layout, key, value),
            timeout: layout.timeout.map(|at| seconds(u64_at(value, at))),
            nomatch: u32_at(value, 0) & Layout::NOMATCH != 0,
            wildcard,
            packets: layout.counters.map(|at| u64_at(value, at)),
            bytes: layout.counters.map(|at| u64_at(value, at + 8)),
            comment: layout.comment.map(|at| text_at(&value[at..])).filter(|text| !text.is_empty()),
            skbmark: mark.filter(|mark| *mark != (0, 0)).map(|(mark, mask)| match mask {
                u32::MAX => format!("0x{mark:x}"),
                mask => format!("0x{mark:x}/0x{mask:x}"),
            }),
            skbprio: Some(info(8))
                .filter(|priority| *priority != 0)
                .map(|priority| format!("{:x}:{:x}", priority >> 16, priority & 0xffff)),
            skbqueue: Some(info(12) as u16).filter(|queue| *queue != 0),
        }
    }
}

/// An element for people. Its `Display` is what `ipset save` prints behind the set's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The element alone.
    pub element: String,
    /// Seconds until it expires, 0 for never; none where elements of the set never do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// Whether it is an exception.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub nomatch: bool,
    /// Whether its interface is the beginning of a name.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wildcard: bool,
    /// Packets that it has counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<u64>,
    /// Bytes that it has counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Its comment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The mark, with its mask where that is not whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skbmark: Option<String>,
    /// The priority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skbprio: Option<String>,
    /// The queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skbqueue: Option<u16>,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.element)?;
        if let Some(seconds) = self.timeout {
            write!(f, " timeout {seconds}")?;
        }
        if self.nomatch {
            f.write_str(" nomatch")?;
        }
        if self.wildcard {
            f.write_str(" wildcard")?;
        }
        if let (Some(packets), Some(bytes)) = (self.packets, self.bytes) {
            write!(f, " packets {packets} bytes {bytes}")?;
        }
        if let Some(comment) = &self.comment {
            write!(f, " comment \"{comment}\"")?;
        }
        if let Some(mark) = &self.skbmark {
            write!(f, " skbmark {mark}")?;
        }
        if let Some(priority) = &self.skbprio {
            write!(f, " skbprio {priority}")?;
        }
        self.skbqueue.map_or(Ok(()), |queue| write!(f, " skbqueue {queue}"))
    }
}
