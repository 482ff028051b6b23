//! Log records as a pcapng capture: an interface for each interface and kind of link header that
//! records name, and each packet with its rule and prefix as a comment.

use crate::console::Failure;
use bpfc_runtime::LogRecord;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::{PcapNgBlock, PcapNgWriter};
use pcap_file::{DataLink, Endianness, PcapError};
use std::borrow::Cow;
use std::io::{BufWriter, Write};
use std::time::UNIX_EPOCH;

/// `ARPHRD_ETHER` and `ARPHRD_LOOPBACK`, whose packets have Ethernet headers.
const ETHERNET: [u16; 2] = [1, 772];
/// Bytes of an Ethernet header.
const ETHERNET_HEADER: usize = 14;

/// A capture that is written.
pub(super) struct Capture {
    writer: PcapNgWriter<BufWriter<Box<dyn Write>>>,
    interfaces: Vec<(String, DataLink)>,
}

fn failed(error: PcapError) -> Failure {
    match error {
        PcapError::IoError(error) => error.into(),
        other => Failure::Refused(format!("cannot write the capture: {other}")),
    }
}

impl Capture {
    pub(super) fn new(out: Box<dyn Write>) -> Result<Capture, Failure> {
        let writer = PcapNgWriter::with_endianness(BufWriter::new(out), Endianness::Little);
        Ok(Capture { writer: writer.map_err(failed)?, interfaces: Vec::new() })
    }

    pub(super) fn write(&mut self, record: &LogRecord) -> Result<(), Failure> {
        let link = &record.link;
        let framed = ETHERNET.contains(&link.kind)
            && link.gap == Some(ETHERNET_HEADER as u16)
            && link.bytes.len() == ETHERNET_HEADER;
        let mut data = Vec::new();
        if framed {
            data.extend_from_slice(&link.bytes);
        }
        let header = data.len() as u32;
        data.extend_from_slice(&record.packet);
        let kind = if framed { DataLink::ETHERNET } else { DataLink::RAW };
        let interface_id = self.interface(record, kind)?;
        let comment = match record.prefix.is_empty() {
            true => record.rule.clone(),
            false => format!("{} {}", record.rule, record.prefix),
        };
        let block = EnhancedPacketBlock {
            interface_id,
            timestamp: record.time.duration_since(UNIX_EPOCH).unwrap_or_default(),
            original_len: record.length.saturating_add(header),
            data: Cow::Owned(data),
            options: vec![EnhancedPacketOption::Comment(Cow::Owned(comment))],
        };
        self.writer.write_block(&block.into_block()).map(drop).map_err(failed)
    }

    /// The number of a record's interface, described when it is first met.
    fn interface(&mut self, record: &LogRecord, kind: DataLink) -> Result<u32, Failure> {
        let interface = record.input.as_ref().or(record.output.as_ref());
        let name = interface.map_or("", |interface| interface.name.as_str());
        let known = self.interfaces.iter().position(|known| known.0 == name && known.1 == kind);
        if let Some(number) = known {
            return Ok(number as u32);
        }
        let mut options = vec![InterfaceDescriptionOption::IfTsResol(9)];
        if !name.is_empty() {
            options.push(InterfaceDescriptionOption::IfName(Cow::Borrowed(name)));
        }
        let description = InterfaceDescriptionBlock { linktype: kind, snaplen: 0, options };
        self.writer.write_block(&description.into_block()).map_err(failed)?;
        self.interfaces.push((name.to_owned(), kind));
        Ok(self.interfaces.len() as u32 - 1)
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.writer.get_mut().flush()?)
    }
}
