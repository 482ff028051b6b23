//! Reading captures of both formats.
//!
//! A file that ends inside a packet, as a capture does whose program was killed, holds what stands
//! before. A file whose lengths cannot be right is damaged, and that is an error: where they end,
//! nothing tells what would come behind them.

use super::{CaptureError, Captured, LinkType};
use pcap_file::pcap::PcapParser;
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
use pcap_file::pcapng::{Block, PcapNgParser};
use pcap_file::{Endianness, TsResolution};
use std::borrow::Cow;
use std::time::Duration;

/// Packets, and whether the file ends inside another one.
type Packets = (Vec<Captured>, bool);

/// Longest packet that a file may hold where its own limit is less (libpcap's `MAXIMUM_SNAPLEN`).
const LONGEST: u32 = 262_144;
/// Longest block that is waited for behind the end of a file, as in libpcap.
const LONGEST_BLOCK: u32 = 16 << 20;
/// Type of a section header, the same in both byte orders.
const SECTION: u32 = 0x0a0d_0d0a;

fn damaged(packets: &[Captured], reason: impl ToString) -> CaptureError {
    CaptureError::Damaged { packets: packets.len(), reason: reason.to_string() }
}

fn link_type(number: u32) -> Result<LinkType, CaptureError> {
    LinkType::from_number(number).ok_or(CaptureError::LinkType(number))
}

/// The number at an offset; none behind the end.
fn number(bytes: &[u8], at: usize, order: Endianness) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(match order {
        Endianness::Big => u32::from_be_bytes(*bytes),
        Endianness::Little => u32::from_le_bytes(*bytes),
    })
}

/// Packets are taken raw: the snap length of a real file may be less than a length on the wire.
pub(super) fn read_pcap(file: &[u8]) -> Result<Packets, CaptureError> {
    let mut packets = Vec::new();
    let (mut rest, parser) =
        PcapParser::new(file).map_err(|_| damaged(&packets, "it ends inside its header"))?;
    let header = parser.header();
    // The upper bits of the field hold the length of a frame check sequence.
    let link = link_type(u32::from(header.datalink) & 0xffff)?;
    while !rest.is_empty() {
        let Some(length) = number(rest, 8, header.endianness) else { return Ok((packets, true)) };
        if length > header.snaplen.max(LONGEST) {
            return Err(damaged(&packets, format!("a packet of {length} captured bytes")));
        }
        if rest.len() < 16 + length as usize {
            return Ok((packets, true));
        }
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
    Ok((packets, false))
}

/// Whether a file ends inside the block that `rest` begins with.
fn ends_inside(rest: &[u8], order: Endianness) -> bool {
    let order = match (number(rest, 0, order), number(rest, 8, Endianness::Big)) {
        (Some(SECTION), Some(0x1a2b_3c4d)) => Endianness::Big,
        (Some(SECTION), Some(0x4d3c_2b1a)) => Endianness::Little,
        _ => order,
    };
    match number(rest, 4, order) {
        // A length that cannot be right is for the parser to refuse.
        Some(length) if length % 4 != 0 || !(12..=LONGEST_BLOCK).contains(&length) => false,
        Some(length) => rest.len() < length as usize,
        None => true,
    }
}

pub(super) fn read_pcapng(file: &[u8]) -> Result<Packets, CaptureError> {
    let mut packets = Vec::new();
    if ends_inside(file, Endianness::Big) {
        return Err(damaged(&packets, "it ends inside its header"));
    }
    let (mut rest, mut parser) =
        PcapNgParser::new(file).map_err(|error| damaged(&packets, error))?;
    while !rest.is_empty() {
        if ends_inside(rest, parser.section().endianness) {
            return Ok((packets, true));
        }
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
        let link = link_type(u32::from(description.linktype))?;
        let resolution = description.options.iter().find_map(|option| match option {
            InterfaceDescriptionOption::IfTsResol(resolution) => Some(*resolution),
            _ => None,
        });
        let time = time(ticks, resolution.unwrap_or(6));
        packets.push(Captured { time, link, length, bytes: bytes.into_owned() });
    }
    Ok((packets, false))
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

    #[test]
    fn ticks_are_of_the_resolution() {
        assert_eq!(time(1_500_000, 6), Duration::from_millis(1500));
        assert_eq!(time(3, 0x81), Duration::from_millis(1500));
        assert_eq!(time(7, 0), Duration::from_secs(7));
        assert_eq!(time(u128::from(u64::MAX), 0x7f), Duration::ZERO);
    }
}
