//! Capture files in memory: pcap and pcapng, of Ethernet frames or of bare IP packets.
//!
//! The file format is recognised from its first bytes. Every packet must be readable: a damaged
//! file is an error that says how many packets were fine, never a shorter capture.

use crate::{FrameError, Packet};
use pcap_file::pcap::{PcapHeader, PcapParser, PcapWriter, RawPcapPacket};
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::{Block, PcapNgBlock, PcapNgParser, PcapNgWriter};
use pcap_file::{DataLink, Endianness, TsResolution};
use std::borrow::Cow;
use std::time::Duration;

/// What a captured packet starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkType {
    /// An Ethernet header (LINKTYPE 1).
    Ethernet,
    /// An IP header of either version (LINKTYPE 101; 12 and 14 on some systems).
    Raw,
    /// An IPv4 header (LINKTYPE 228).
    Ipv4,
    /// An IPv6 header (LINKTYPE 229).
    Ipv6,
}

impl LinkType {
    /// The number in a capture file.
    pub fn number(self) -> u32 {
        match self {
            LinkType::Ethernet => 1,
            LinkType::Raw => 101,
            LinkType::Ipv4 => 228,
            LinkType::Ipv6 => 229,
        }
    }

    fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(LinkType::Ethernet),
            12 | 14 | 101 => Some(LinkType::Raw),
            228 => Some(LinkType::Ipv4),
            229 => Some(LinkType::Ipv6),
            _ => None,
        }
    }
}

/// The two file formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CaptureFormat {
    /// The classic one, written with nanoseconds.
    Pcap,
    /// The one of blocks.
    PcapNg,
}

/// One packet of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// Since 1970, of what the file says.
    pub time: Duration,
    /// What its bytes start with.
    pub link: LinkType,
    /// Length on the wire; more than `bytes` has where the capture cut it.
    pub length: u32,
    /// Bytes that were captured.
    pub bytes: Vec<u8>,
}

impl Captured {
    /// The packet, with nothing known besides its bytes.
    ///
    /// # Errors
    /// When it is not IP.
    pub fn packet(&self) -> Result<Packet, FrameError> {
        let packet = match self.link {
            LinkType::Ethernet => return Packet::from_ethernet(&self.bytes[..]),
            _ => Packet::from_ip(&self.bytes[..])?,
        };
        match (self.link, packet.version) {
            (LinkType::Ipv4, crate::IpVersion::V6) => Err(FrameError::Version(6)),
            (LinkType::Ipv6, crate::IpVersion::V4) => Err(FrameError::Version(4)),
            _ => Ok(packet),
        }
    }
}

/// The packets of a capture, in order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Capture {
    /// Packets in file order.
    pub packets: Vec<Captured>,
}

/// Why bytes are no capture that can be read, or a capture cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The first bytes are neither format's.
    #[error("neither a pcap nor a pcapng file")]
    Format,
    /// A link layer that is neither Ethernet nor IP.
    #[error("packets of link type {0} are neither Ethernet frames nor IP packets")]
    LinkType(u32),
    /// A packet names an interface that the file does not describe.
    #[error("packet {0} names an interface that the file does not describe")]
    Interface(usize),
    /// The file is damaged.
    #[error("the capture is damaged after {packets} packets: {reason}")]
    Damaged {
        /// How many packets were read before.
        packets: usize,
        /// What the reader says.
        reason: String,
    },
    /// Packets of different link types in one pcap file.
    #[error("a pcap file holds packets of one link type only")]
    Mixed,
    /// A packet or a time that the format has no room for.
    #[error("packet {packet} does not fit the format: {reason}")]
    Unwritable {
        /// Its number, from 0.
        packet: usize,
        /// What the writer says.
        reason: String,
    },
}

const PCAPNG_MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const PCAP_MAGICS: [u32; 4] = [0xa1b2_c3d4, 0xd4c3_b2a1, 0xa1b2_3c4d, 0x4d3c_b2a1];

impl Capture {
    /// Reads a capture file.
    ///
    /// # Errors
    /// When it is of another format or link type, or damaged.
    pub fn read(file: &[u8]) -> Result<Self, CaptureError> {
        let magic: [u8; 4] =
            file.get(..4).and_then(|magic| magic.try_into().ok()).ok_or(CaptureError::Format)?;
        let packets = if magic == PCAPNG_MAGIC {
            read_pcapng(file)?
        } else if PCAP_MAGICS.contains(&u32::from_be_bytes(magic)) {
            read_pcap(file)?
        } else {
            return Err(CaptureError::Format);
        };
        Ok(Capture { packets })
    }

    /// Writes a capture file, little endian, times in nanoseconds.
    ///
    /// # Errors
    /// When a pcap file would hold different link types, or a time lies beyond its format.
    pub fn write(&self, format: CaptureFormat) -> Result<Vec<u8>, CaptureError> {
        match format {
            CaptureFormat::Pcap => self.write_pcap(),
            CaptureFormat::PcapNg => self.write_pcapng(),
        }
    }

    fn write_pcap(&self) -> Result<Vec<u8>, CaptureError> {
        let link = self.packets.first().map_or(LinkType::Ethernet, |packet| packet.link);
        if self.packets.iter().any(|packet| packet.link != link) {
            return Err(CaptureError::Mixed);
        }
        let unwritable = |packet| {
            move |error: pcap_file::PcapError| CaptureError::Unwritable {
                packet,
                reason: error.to_string(),
            }
        };
        let header = PcapHeader {
            datalink: DataLink::from(link.number()),
            snaplen: 0x4_0000,
            ts_resolution: TsResolution::NanoSecond,
            endianness: Endianness::Little,
            ..PcapHeader::default()
        };
        let mut writer = PcapWriter::with_header(Vec::new(), header).map_err(unwritable(0))?;
        for (number, packet) in self.packets.iter().enumerate() {
            let seconds = u32::try_from(packet.time.as_secs());
            let length = u32::try_from(packet.bytes.len());
            let (Ok(ts_sec), Ok(incl_len)) = (seconds, length) else {
                let reason = "time or length beyond 32 bits".to_owned();
                return Err(CaptureError::Unwritable { packet: number, reason });
            };
            let raw = RawPcapPacket {
                ts_sec,
                ts_frac: packet.time.subsec_nanos(),
                incl_len,
                orig_len: packet.length,
                data: Cow::Borrowed(&packet.bytes),
            };
            writer.write_raw_packet(&raw).map_err(unwritable(number))?;
        }
        Ok(writer.into_writer())
    }

    fn write_pcapng(&self) -> Result<Vec<u8>, CaptureError> {
        let unwritable = |packet| {
            move |error: pcap_file::PcapError| CaptureError::Unwritable {
                packet,
                reason: error.to_string(),
            }
        };
        let mut writer =
            PcapNgWriter::with_endianness(Vec::new(), Endianness::Little).map_err(unwritable(0))?;
        let mut links: Vec<LinkType> = Vec::new();
        for (number, packet) in self.packets.iter().enumerate() {
            let known = links.iter().position(|&link| link == packet.link);
            let interface = known.unwrap_or(links.len());
            if known.is_none() {
                links.push(packet.link);
                let description = InterfaceDescriptionBlock {
                    linktype: DataLink::from(packet.link.number()),
                    snaplen: 0,
                    options: vec![InterfaceDescriptionOption::IfTsResol(9)],
                };
                writer.write_block(&description.into_block()).map_err(unwritable(number))?;
            }
            if u64::try_from(packet.time.as_nanos()).is_err() {
                let reason = "time beyond 64 bits".to_owned();
                return Err(CaptureError::Unwritable { packet: number, reason });
            }
            let block = EnhancedPacketBlock {
                interface_id: interface as u32,
                timestamp: packet.time,
                original_len: packet.length,
                data: Cow::Borrowed(&packet.bytes),
                options: Vec::new(),
            };
            writer.write_block(&block.into_block()).map_err(unwritable(number))?;
        }
        Ok(writer.into_inner())
    }
}

fn damaged(packets: &[Captured], reason: impl ToString) -> CaptureError {
    CaptureError::Damaged { packets: packets.len(), reason: reason.to_string() }
}

/// Packets are taken raw: the snap length of a real file may be less than a length on the wire.
fn read_pcap(file: &[u8]) -> Result<Vec<Captured>, CaptureError> {
    let mut packets = Vec::new();
    let (mut rest, parser) = PcapParser::new(file).map_err(|error| damaged(&packets, error))?;
    let header = parser.header();
    // The upper bits of the field hold the length of a frame check sequence.
    let number = u32::from(header.datalink) & 0xffff;
    let link = LinkType::from_number(number).ok_or(CaptureError::LinkType(number))?;
    while !rest.is_empty() {
        let (after, raw) =
            parser.next_raw_packet(rest).map_err(|error| damaged(&packets, error))?;
        rest = after;
        let nanoseconds = match header.ts_resolution {
            TsResolution::MicroSecond => u64::from(raw.ts_frac) * 1000,
            TsResolution::NanoSecond => u64::from(raw.ts_frac),
        };
        let time = Duration::from_secs(raw.ts_sec.into()) + Duration::from_nanos(nanoseconds);
        packets.push(Captured { time, link, length: raw.orig_len, bytes: raw.data.into_owned() });
    }
    Ok(packets)
}

fn read_pcapng(file: &[u8]) -> Result<Vec<Captured>, CaptureError> {
    let mut packets = Vec::new();
    let (mut rest, mut parser) =
        PcapNgParser::new(file).map_err(|error| damaged(&packets, error))?;
    while !rest.is_empty() {
        let (after, block) = parser.next_block(rest).map_err(|error| damaged(&packets, error))?;
        rest = after;
        let (interface, ticks, length, bytes) = match block {
            // The reader takes every time for nanoseconds; the interface says what it is.
            Block::EnhancedPacket(block) => {
                (block.interface_id, block.timestamp.as_nanos(), block.original_len, block.data)
            }
            Block::Packet(block) => {
                (block.interface_id.into(), block.timestamp.into(), block.original_len, block.data)
            }
            Block::SimplePacket(block) => {
                // No captured length: the block's is padded to a multiple of four.
                let mut data = block.data.into_owned();
                data.truncate(block.original_len as usize);
                (0, 0, block.original_len, Cow::Owned(data))
            }
            _ => continue,
        };
        let description = parser
            .interfaces()
            .get(interface as usize)
            .ok_or(CaptureError::Interface(packets.len()))?;
        let number = u32::from(description.linktype);
        let link = LinkType::from_number(number).ok_or(CaptureError::LinkType(number))?;
        let resolution = description.options.iter().find_map(|option| match option {
            InterfaceDescriptionOption::IfTsResol(resolution) => Some(*resolution),
            _ => None,
        });
        let time = time(ticks, resolution.unwrap_or(6));
        packets.push(Captured { time, link, length, bytes: bytes.into_owned() });
    }
    Ok(packets)
}

/// A time in ticks of 10^-n seconds, or 2^-n where the highest bit of n is set.
fn time(ticks: u128, resolution: u8) -> Duration {
    let exponent = u32::from(resolution & 0x7f);
    let per_second = match resolution & 0x80 {
        0 => 10u128.checked_pow(exponent),
        _ => 1u128.checked_shl(exponent),
    };
    // Finer than any clock: less than a nanosecond in 64 bits of ticks.
    let Some(per_second) = per_second else { return Duration::ZERO };
    let seconds = u64::try_from(ticks / per_second).unwrap_or(u64::MAX);
    let nanoseconds = (ticks % per_second)
        .checked_mul(1_000_000_000)
        .map_or(0, |nanoseconds| nanoseconds / per_second);
    Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PacketBuilder;

    fn captured(link: LinkType, seconds: u64) -> Captured {
        let builder = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2]).udp(1, 2);
        let bytes = match link {
            LinkType::Ethernet => builder.ethernet([2; 6], [4; 6]).bytes(),
            _ => builder.bytes(),
        };
        let time = Duration::new(seconds, 123_456_789);
        Captured { time, link, length: bytes.len() as u32, bytes }
    }

    #[test]
    fn both_formats_give_back_what_was_written() {
        for link in [LinkType::Ethernet, LinkType::Raw, LinkType::Ipv4] {
            let capture =
                Capture { packets: vec![captured(link, 1), captured(link, 1_800_000_000)] };
            for format in [CaptureFormat::Pcap, CaptureFormat::PcapNg] {
                let file = capture.write(format).unwrap();
                let read = Capture::read(&file).unwrap();
                assert_eq!(read, capture);
                assert_eq!(read.packets[0].packet().unwrap().parse().unwrap().length(), 28);
            }
        }
        let mixed =
            Capture { packets: vec![captured(LinkType::Raw, 1), captured(LinkType::Ethernet, 2)] };
        assert!(matches!(mixed.write(CaptureFormat::Pcap), Err(CaptureError::Mixed)));
        let file = mixed.write(CaptureFormat::PcapNg).unwrap();
        assert_eq!(Capture::read(&file).unwrap(), mixed);
    }

    #[test]
    fn every_truncation_is_an_error_or_a_whole_packet_less() {
        let capture = Capture {
            packets: vec![captured(LinkType::Ethernet, 1), captured(LinkType::Ethernet, 2)],
        };
        for format in [CaptureFormat::Pcap, CaptureFormat::PcapNg] {
            let file = capture.write(format).unwrap();
            for length in 0..file.len() {
                if let Ok(read) = Capture::read(&file[..length]) {
                    assert!(read.packets.len() < 2);
                    assert!(capture.packets.starts_with(&read.packets));
                }
            }
        }
    }

    #[test]
    fn damaged_files_never_panic() {
        let capture = Capture { packets: vec![captured(LinkType::Ethernet, 1)] };
        for format in [CaptureFormat::Pcap, CaptureFormat::PcapNg] {
            let file = capture.write(format).unwrap();
            for at in 0..file.len() {
                for value in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut file = file.clone();
                    file[at] = value;
                    let _ = Capture::read(&file);
                }
            }
        }
    }

    #[test]
    fn ticks_are_of_the_resolution() {
        assert_eq!(time(1_500_000, 6), Duration::from_millis(1500));
        assert_eq!(time(3, 0x81), Duration::from_millis(1500));
        assert_eq!(time(7, 0), Duration::from_secs(7));
        assert_eq!(time(u128::from(u64::MAX), 0x7f), Duration::ZERO);
    }

    #[test]
    fn other_files_are_refused() {
        assert!(matches!(Capture::read(b"GIF89a"), Err(CaptureError::Format)));
        assert!(matches!(Capture::read(b""), Err(CaptureError::Format)));
        let mut file = Capture::default().write(CaptureFormat::Pcap).unwrap();
        file[20] = 113;
        assert!(matches!(Capture::read(&file), Err(CaptureError::LinkType(113))));
    }
}
