//! Writing captures: little endian, times in nanoseconds.

use super::{Capture, CaptureError, LinkType};
use pcap_file::pcap::{PcapHeader, PcapWriter, RawPcapPacket};
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::{PcapNgBlock, PcapNgWriter};
use pcap_file::{DataLink, Endianness, TsResolution};
use std::borrow::Cow;

impl Capture {
    pub(super) fn write_pcap(&self) -> Result<Vec<u8>, CaptureError> {
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

    pub(super) fn write_pcapng(&self) -> Result<Vec<u8>, CaptureError> {
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
