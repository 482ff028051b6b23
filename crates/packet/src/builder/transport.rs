//! Transport headers with their checksums.

use super::network::{Network, checksum};

/// A transport header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP (6).
    Tcp(Tcp),
    /// UDP (17).
    Udp {
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
    },
    /// UDP-Lite (136).
    UdpLite(UdpLite),
    /// SCTP (132).
    Sctp(Sctp),
    /// DCCP (33).
    Dccp(Dccp),
    /// ICMP (1).
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// The four bytes after the checksum.
        rest: [u8; 4],
    },
    /// ICMPv6 (58), whose checksum covers the addresses.
    Icmpv6 {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// The four bytes after the checksum.
        rest: [u8; 4],
    },
    /// ESP (50).
    Esp {
        /// Security parameters index.
        spi: u32,
        /// Sequence number.
        sequence: u32,
    },
    /// Anything else, or a broken header of a known protocol.
    Raw {
        /// Protocol number; 59 for no next header.
        protocol: u8,
        /// Bytes before the payload.
        bytes: Vec<u8>,
    },
}

/// A TCP header.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tcp {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128.
    pub flags: u8,
    /// Window.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Options, padded with zeroes to a multiple of 4.
    pub options: Vec<u8>,
    /// The data offset field in units of 4 bytes, where it shall lie.
    pub data_offset: Option<u8>,
}

/// A UDP-Lite header.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct UdpLite {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// How many bytes the checksum covers, 0 for all.
    pub coverage: u16,
}

/// An SCTP common header and its chunks.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Sctp {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// Verification tag.
    pub tag: u32,
    /// Chunks as they are.
    pub chunks: Vec<u8>,
}

/// A DCCP header; sequence numbers and service codes are 0.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Dccp {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// Packet type, less than 16.
    pub kind: u8,
    /// Whether sequence numbers have 48 bits.
    pub extended: bool,
    /// Options, padded with zeroes to a multiple of 4.
    pub options: Vec<u8>,
    /// The data offset field in units of 4 bytes, where it shall lie.
    pub data_offset: Option<u8>,
}

impl Transport {
    /// Its protocol number.
    pub fn protocol(&self) -> u8 {
        match self {
            Transport::Tcp(_) => 6,
            Transport::Udp { .. } => 17,
            Transport::UdpLite(_) => 136,
            Transport::Sctp(_) => 132,
            Transport::Dccp(_) => 33,
            Transport::Icmp { .. } => 1,
            Transport::Icmpv6 { .. } => 58,
            Transport::Esp { .. } => 50,
            Transport::Raw { protocol, .. } => *protocol,
        }
    }

    /// Header and payload; lengths beyond 16 bits wrap.
    pub(super) fn bytes(&self, network: &Network, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let ports = |bytes: &mut Vec<u8>, source: &u16, destination: &u16| {
            bytes.extend(source.to_be_bytes());
            bytes.extend(destination.to_be_bytes());
        };
        match self {
            Transport::Tcp(tcp) => {
                ports(&mut bytes, &tcp.source, &tcp.destination);
                bytes.extend(tcp.sequence.to_be_bytes());
                bytes.extend(tcp.acknowledgement.to_be_bytes());
                let length = 20 + tcp.options.len().next_multiple_of(4);
                bytes.extend([tcp.data_offset.unwrap_or((length / 4) as u8) << 4, tcp.flags]);
                bytes.extend(tcp.window.to_be_bytes());
                bytes.extend([0, 0]);
                bytes.extend(tcp.urgent.to_be_bytes());
                bytes.extend(&tcp.options);
                bytes.resize(length, 0);
                bytes.extend(payload);
                self.seal(&mut bytes, network, 16, None);
            }
            Transport::Udp { source, destination } => {
                ports(&mut bytes, source, destination);
                bytes.extend(((8 + payload.len()) as u16).to_be_bytes());
                bytes.extend([0, 0]);
                bytes.extend(payload);
                self.seal(&mut bytes, network, 6, None);
                no_zero(&mut bytes[6..8]);
            }
            Transport::UdpLite(lite) => {
                ports(&mut bytes, &lite.source, &lite.destination);
                bytes.extend(lite.coverage.to_be_bytes());
                bytes.extend([0, 0]);
                bytes.extend(payload);
                let covered = (lite.coverage > 0).then_some(usize::from(lite.coverage));
                self.seal(&mut bytes, network, 6, covered);
                no_zero(&mut bytes[6..8]);
            }
            Transport::Sctp(sctp) => {
                ports(&mut bytes, &sctp.source, &sctp.destination);
                bytes.extend(sctp.tag.to_be_bytes());
                bytes.extend([0; 4]);
                bytes.extend(&sctp.chunks);
                bytes.extend(payload);
                let sum = crc32c(&bytes).to_le_bytes();
                bytes[8..12].copy_from_slice(&sum);
            }
            Transport::Dccp(dccp) => {
                ports(&mut bytes, &dccp.source, &dccp.destination);
                let by_type = match dccp.kind & 0xf {
                    0 => 4,
                    2 => 0,
                    3..=6 | 8 | 9 => 8,
                    _ => 12,
                };
                let fixed = 12 + if dccp.extended { 4 } else { 0 } + by_type;
                let length = fixed + dccp.options.len().next_multiple_of(4);
                bytes.extend([dccp.data_offset.unwrap_or((length / 4) as u8), 0, 0, 0]);
                bytes.push((dccp.kind & 0xf) << 1 | u8::from(dccp.extended));
                bytes.resize(fixed, 0);
                bytes.extend(&dccp.options);
                bytes.resize(length, 0);
                bytes.extend(payload);
                self.seal(&mut bytes, network, 6, None);
            }
            Transport::Icmp { kind, code, rest } => {
                bytes.extend([*kind, *code, 0, 0]);
                bytes.extend(rest);
                bytes.extend(payload);
                let sum = checksum(&bytes);
                bytes[2..4].copy_from_slice(&sum);
            }
            Transport::Icmpv6 { kind, code, rest } => {
                bytes.extend([*kind, *code, 0, 0]);
                bytes.extend(rest);
                bytes.extend(payload);
                self.seal(&mut bytes, network, 2, None);
            }
            Transport::Esp { spi, sequence } => {
                bytes.extend(spi.to_be_bytes());
                bytes.extend(sequence.to_be_bytes());
                bytes.extend(payload);
            }
            Transport::Raw { bytes: raw, .. } => {
                bytes.extend(raw);
                bytes.extend(payload);
            }
        }
        bytes
    }

    /// Writes the checksum of the pseudo header and what it covers (all of it by default).
    fn seal(&self, bytes: &mut [u8], network: &Network, at: usize, covered: Option<usize>) {
        let mut summed = network.pseudo_header(self.protocol(), bytes.len());
        summed.extend(&bytes[..covered.unwrap_or(bytes.len()).min(bytes.len())]);
        let sum = checksum(&summed);
        bytes[at..at + 2].copy_from_slice(&sum);
    }
}

/// UDP writes a sum of 0 as its other form, since 0 means no checksum.
fn no_zero(field: &mut [u8]) {
    if field == [0, 0] {
        field.fill(0xff);
    }
}

/// The Castagnoli checksum that SCTP uses (RFC 9260, appendix A).
fn crc32c(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for &byte in bytes {
        sum ^= u32::from(byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0x82f6_3b78 } else { sum >> 1 };
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_castagnoli_checksum_has_its_check_value() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}
