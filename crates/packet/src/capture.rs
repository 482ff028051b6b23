//! Capture files in memory: pcap and pcapng, plain or compressed by gzip, of packets behind the
//! link headers that [`LinkType`] lists.
//!
//! The file format is recognised from its first bytes. A file that ends inside a packet is read up
//! to there, and says so ([`Capture::cut`]). Otherwise every packet must be readable: a damaged
//! file is an error that says how many packets were fine, never a shorter capture.

mod gzip;
mod link;
mod reader;
mod writer;

pub use link::LinkType;

use std::time::Duration;

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

/// The packets of a capture, in order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Capture {
    /// Packets in file order.
    pub packets: Vec<Captured>,
    /// Whether the file ends inside another packet, which is not there.
    pub cut: bool,
}

/// Why bytes are no capture that can be read, or a capture cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The first bytes are neither format's.
    #[error("neither a pcap nor a pcapng file")]
    Format,
    /// Compressed by something else than gzip.
    #[error("compressed with {0}, not gzip: give it unpacked")]
    Compressed(&'static str),
    /// What gzip compressed cannot be read.
    #[error("what gzip compressed is damaged: {0}")]
    Unpack(String),
    /// Too large unpacked.
    #[error("it is larger than {0} GiB when it is unpacked")]
    Large(usize),
    /// A link layer that is not read.
    #[error(
        "packets of link type {0}{name} are not read: captures are of Ethernet, of all interfaces \
         (tcpdump -i any, Linux cooked), of the loopback interface of other systems, or of raw IP",
        name = link::other_name(*.0)
    )]
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
    /// A whole capture of these packets.
    pub fn new(packets: Vec<Captured>) -> Self {
        Capture { packets, cut: false }
    }

    /// Reads a capture file.
    ///
    /// # Errors
    /// When it is of another format or link type, or damaged.
    pub fn read(file: &[u8]) -> Result<Self, CaptureError> {
        let unpacked = gzip::unpack(file)?;
        let (file, is_cut) = match &unpacked {
            Some((file, is_cut)) => (file.as_slice(), *is_cut),
            None => (file, false),
        };
        let magic: [u8; 4] =
            file.get(..4).and_then(|magic| magic.try_into().ok()).ok_or(CaptureError::Format)?;
        let (packets, cut) = if magic == PCAPNG_MAGIC {
            reader::read_pcapng(file)?
        } else if PCAP_MAGICS.contains(&u32::from_be_bytes(magic)) {
            reader::read_pcap(file)?
        } else {
            return Err(CaptureError::Format);
        };
        Ok(Capture { packets, cut: cut || is_cut })
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
            let capture = Capture::new(vec![captured(link, 1), captured(link, 1_800_000_000)]);
            for format in [CaptureFormat::Pcap, CaptureFormat::PcapNg] {
                let file = capture.write(format).unwrap();
                let read = Capture::read(&file).unwrap();
                assert_eq!(read, capture);
                assert_eq!(read.packets[0].packet().unwrap().parse().unwrap().length(), 28);
            }
        }
        let mixed = Capture::new(vec![captured(LinkType::Raw, 1), captured(LinkType::Ethernet, 2)]);
        assert!(matches!(mixed.write(CaptureFormat::Pcap), Err(CaptureError::Mixed)));
        let file = mixed.write(CaptureFormat::PcapNg).unwrap();
        assert_eq!(Capture::read(&file).unwrap(), mixed);
    }

    #[test]
    fn a_file_that_ends_early_holds_what_stands_before() {
        let packets = vec![captured(LinkType::Ethernet, 1), captured(LinkType::Ethernet, 2)];
        let capture = Capture::new(packets);
        for format in [CaptureFormat::Pcap, CaptureFormat::PcapNg] {
            let file = capture.write(format).unwrap();
            let ends: Vec<usize> = (0..=2)
                .map(|count| {
                    let packets = capture.packets[..count].to_vec();
                    Capture::new(packets).write(format).unwrap().len()
                })
                .collect();
            for length in 0..=file.len() {
                let read = Capture::read(&file[..length]);
                // The pcapng writer describes an interface only when a packet comes from it.
                let whole = ends.iter().filter(|end| **end <= length).count();
                let Some(packets) = whole.checked_sub(1) else {
                    assert!(read.is_err(), "{length}");
                    continue;
                };
                let read = read.unwrap();
                assert_eq!(read.packets, capture.packets[..packets], "{length}");
                let described = format == CaptureFormat::PcapNg && packets == 0;
                assert!(read.cut != ends.contains(&length) || described, "{length}");
            }
        }
    }

    #[test]
    fn lengths_that_cannot_be_right_are_damage() {
        let capture = Capture::new(vec![captured(LinkType::Ethernet, 1)]);
        let mut file = capture.write(CaptureFormat::Pcap).unwrap();
        file[24 + 8..24 + 12].copy_from_slice(&300_000u32.to_le_bytes());
        let error = Capture::read(&file).unwrap_err().to_string();
        assert_eq!(
            error,
            "the capture is damaged after 0 packets: a packet of 300000 captured bytes"
        );
        let mut file = capture.write(CaptureFormat::PcapNg).unwrap();
        let section = u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize;
        file[section + 4..section + 8].copy_from_slice(&0x7fff_fffcu32.to_le_bytes());
        assert!(matches!(Capture::read(&file), Err(CaptureError::Damaged { packets: 0, .. })));
    }

    #[test]
    fn damaged_files_never_panic() {
        let capture = Capture::new(vec![captured(LinkType::Ethernet, 1)]);
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
    fn other_files_are_refused() {
        assert!(matches!(Capture::read(b"GIF89a"), Err(CaptureError::Format)));
        assert!(matches!(Capture::read(b""), Err(CaptureError::Format)));
        let mut file = Capture::default().write(CaptureFormat::Pcap).unwrap();
        file[20] = 127;
        let error = Capture::read(&file).unwrap_err();
        assert!(matches!(error, CaptureError::LinkType(127)));
        assert!(error.to_string().starts_with("packets of link type 127 (802.11) are not read: "));
    }
}
