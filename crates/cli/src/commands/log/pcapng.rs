//! Log records as a pcapng capture: an interface for each one that records name, and each packet
//! with its rule and prefix as a comment.
//!
//! All packets have Ethernet headers: tcpdump reads one kind of link header from a file, and which
//! devices a filter will log packets of is not known when the file begins. Where a packet came
//! without one (a tunnel's, a sent one's), it gets one with zero addresses, as those of the
//! loopback device have.

use crate::console::{Failure, printable};
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
    interfaces: Vec<String>,
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
        let mut data = Vec::with_capacity(ETHERNET_HEADER + record.packet.len());
        if framed {
            data.extend_from_slice(&link.bytes);
        } else {
            data.resize(ETHERNET_HEADER - 2, 0);
            data.extend(record.ether_type.to_be_bytes());
        }
        data.extend_from_slice(&record.packet);
        let interface_id = self.interface(record)?;
        let comment = match record.prefix.is_empty() {
            true => record.rule.clone(),
            false => format!("{} {}", record.rule, record.prefix),
        };
        let block = EnhancedPacketBlock {
            interface_id,
            timestamp: record.time.duration_since(UNIX_EPOCH).unwrap_or_default(),
            original_len: record.length.saturating_add(ETHERNET_HEADER as u32),
            data: Cow::Owned(data),
            options: vec![EnhancedPacketOption::Comment(Cow::Owned(
                printable(&comment).into_owned(),
            ))],
        };
        self.writer.write_block(&block.into_block()).map(drop).map_err(failed)
    }

    /// The number of a record's interface, described when it is first met.
    fn interface(&mut self, record: &LogRecord) -> Result<u32, Failure> {
        let interface = record.input.as_ref().or(record.output.as_ref());
        let name = interface.map_or("", |interface| interface.name.as_str());
        let known = self.interfaces.iter().position(|known| known == name);
        if let Some(number) = known {
            return Ok(number as u32);
        }
        let mut options = vec![InterfaceDescriptionOption::IfTsResol(9)];
        if !name.is_empty() {
            options.push(InterfaceDescriptionOption::IfName(Cow::Borrowed(name)));
        }
        let description =
            InterfaceDescriptionBlock { linktype: DataLink::ETHERNET, snaplen: 0, options };
        self.writer.write_block(&description.into_block()).map_err(failed)?;
        self.interfaces.push(name.to_owned());
        Ok(self.interfaces.len() as u32 - 1)
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.writer.get_mut().flush()?)
    }
}
