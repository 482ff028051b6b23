//! A packet in words, as a person describes one:
//!
//! ```text
//! in=eth0 ip saddr 10.0.0.1 daddr 10.0.0.2 tcp sport 4000 dport 22 flags syn
//! ```
//!
//! First what is known besides its bytes (`in=`, `out=`, `mark=`, `ct=`, `ctmark=`, `pkttype=`,
//! `cpu=`, and facts that only its host knows: `host_facts.rs`), then its headers from the outside
//! in, each with its fields in nft's words. What is not said is as usual: a whole packet to this
//! host with time to live 64 and right checksums.
//!
//! | header | fields |
//! |---|---|
//! | `ether` | `saddr`, `daddr` (MAC addresses) |
//! | `ip` | `saddr`, `daddr`, `ttl`, `tos`, `dscp`, `id`, `offset` (units of 8 bytes), `df`, `mf`, `protocol` |
//! | `ip6` | `saddr`, `daddr`, `hoplimit`, `tclass`, `dscp`, `flowlabel`, `nexthdr` |
//! | `tcp` | `sport`, `dport`, `flags` (names with commas, or none), `sequence`, `ackseq`, `window`, `mss` |
//! | `udp`, `udplite`, `sctp`, `dccp` | `sport`, `dport` |
//! | `icmp`, `icmp6` | `type` (number or name), `code` |
//! | `esp` | `spi`, `sequence` |
//! | `payload` | bytes in hexadecimal |
//! | `length` | the IP length, by bytes of 0 behind the payload |

use crate::builder::{Dccp, Ipv4, Ipv6, Network, PacketBuilder, Sctp, Tcp, Transport, UdpLite};
use crate::host_facts::HostFacts;
use crate::{Conntrack, InterfaceName, Packet, Tuple, bytes_from_hex, ct_state, pkt_type};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// What is wrong with a description, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at '{word}': {message}")]
pub struct WordsError {
    /// The word that is wrong; empty at the end.
    pub word: String,
    /// Byte offset of the word in the description.
    pub at: usize,
    /// What is wrong with it.
    pub message: String,
}

/// A packet that was described, with what was said about its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The packet, in an Ethernet frame. Without `ct=` it has no connection.
    pub packet: Packet,
    /// Whether its connection was described.
    pub states_connection: bool,
    /// The names of what was said that only the host knows.
    pub host_facts: BTreeSet<&'static str>,
}

/// Reads a description.
///
/// # Errors
/// At the first word that cannot stand where it does.
pub fn describe(text: &str) -> Result<Described, WordsError> {
    let start = text.as_ptr() as usize;
    let words = text.split_ascii_whitespace();
    let words = words.map(|word| (word.as_ptr() as usize - start, word)).collect();
    let mut reader = Reader { words, next: 0, end: text.len() };
    let mut draft = Draft::default();
    while let Some(word) = reader.word() {
        draft.read(word, &mut reader)?;
    }
    draft.finish(&reader)
}

/// Gives a packet facts that only its host knows, in words; yields the names of what was said.
///
/// # Errors
/// At the first word that is no such fact, or where two contradict each other.
pub fn host_facts(text: &str, packet: &mut Packet) -> Result<BTreeSet<&'static str>, WordsError> {
    let mut facts = HostFacts::default();
    let start = text.as_ptr() as usize;
    for word in text.split_ascii_whitespace() {
        let at = word.as_ptr() as usize - start;
        let error = |message: String| WordsError { word: word.to_owned(), at, message };
        let taken = word.split_once('=').and_then(|(name, value)| facts.read(name, value));
        taken.unwrap_or_else(|| Err("this is no fact about the host".into())).map_err(error)?;
    }
    let end = |message| WordsError { word: String::new(), at: text.len(), message };
    facts.apply(packet).map_err(end)
}

struct Reader<'a> {
    words: Vec<(usize, &'a str)>,
    next: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    fn word(&mut self) -> Option<&'a str> {
        let word = self.peek()?;
        self.next += 1;
        Some(word)
    }

    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.next).map(|&(_, word)| word)
    }

    /// An error about the last word that was taken.
    fn error(&self, message: impl Into<String>) -> WordsError {
        let (at, word) = match self.next.checked_sub(1).and_then(|last| self.words.get(last)) {
            Some(&(at, word)) => (at, word),
            None => (self.end, ""),
        };
        WordsError { word: word.to_owned(), at, message: message.into() }
    }

    /// The value behind a field's name.
    fn value(&mut self, field: &str) -> Result<&'a str, WordsError> {
        self.word().ok_or_else(|| self.error(format!("{field} needs a value")))
    }

    fn parsed<T: FromStr>(&mut self, field: &str, what: &str) -> Result<T, WordsError> {
        let value = self.value(field)?;
        value.parse().map_err(|_| self.error(format!("{field} is {what}")))
    }

    /// A number in decimal or, behind 0x, in hexadecimal.
    fn number<T: TryFrom<u64>>(&mut self, field: &str, max: u64) -> Result<T, WordsError> {
        let value = self.value(field)?;
        number(value)
            .filter(|&number| number <= max)
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| self.error(format!("{field} is a number from 0 to {max}")))
    }

    fn port(&mut self, field: &str) -> Result<u16, WordsError> {
        self.number(field, 0xffff)
    }

    fn mac(&mut self, field: &str) -> Result<[u8; 6], WordsError> {
        let value = self.value(field)?;
        let wrong = || self.error(format!("{field} is a MAC address such as 02:00:00:00:00:01"));
        let mut bytes = [0; 6];
        let mut parts = value.split(':');
        for byte in &mut bytes {
            let part = parts.next().ok_or_else(wrong)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| wrong())?;
        }
        if parts.next().is_some() { Err(wrong()) } else { Ok(bytes) }
    }
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[derive(Default)]
struct Draft {
    input: InterfaceName,
    output: InterfaceName,
    mark: u32,
    cpu: u32,
    kind: Option<u8>,
    state: Option<u8>,
    connection_mark: Option<u32>,
    reply: bool,
    source_mac: Option<[u8; 6]>,
    destination_mac: Option<[u8; 6]>,
    network: Option<Network>,
    protocol: Option<u8>,
    transport: Option<Transport>,
    payload: Vec<u8>,
    length: Option<usize>,
    host: HostFacts,
}

impl Draft {
    fn read(&mut self, word: &str, reader: &mut Reader<'_>) -> Result<(), WordsError> {
        if let Some((name, value)) = word.split_once('=') {
            return self.fact(name, value, reader);
        }
        match word {
            "ether" => self.ether(reader),
            "ip" => self.ip(reader),
            "ip6" => self.ip6(reader),
            "tcp" => self.tcp(reader),
            "udp" | "udplite" | "sctp" | "dccp" => self.ports(word, reader),
            "icmp" | "icmp6" | "icmpv6" => self.icmp(word, reader),
            "esp" => self.esp(reader),
            "payload" => {
                let value = reader.value(word)?;
                self.payload = bytes_from_hex(value)
                    .ok_or_else(|| reader.error("a payload is bytes in hexadecimal"))?;
                Ok(())
            }
            "length" => {
                self.length = Some(reader.number(word, 0xffff)?);
                Ok(())
            }
            _ => Err(reader.error("this is no header and no fact about a packet")),
        }
    }

    fn fact(&mut self, name: &str, value: &str, reader: &Reader<'_>) -> Result<(), WordsError> {
        let wrong = |what: &str| reader.error(format!("{name} is {what}"));
        let interface =
            || InterfaceName::new(value).map_err(|error| reader.error(error.to_string()));
        let number = |what: &str| {
            number(value).and_then(|n| u32::try_from(n).ok()).ok_or_else(|| wrong(what))
        };
        match name {
            "in" => self.input = interface()?,
            "out" => self.output = interface()?,
            "mark" => self.mark = number("a number of 32 bits")?,
            "cpu" => self.cpu = number("a number of 32 bits")?,
            "ctmark" => self.connection_mark = Some(number("a number of 32 bits")?),
            "ctdir" => {
                self.reply = match value {
                    "original" => false,
                    "reply" => true,
                    _ => return Err(wrong("original or reply")),
                }
            }
            "ct" => {
                self.state = Some(match value.to_ascii_lowercase().as_str() {
                    "new" => ct_state::NEW,
                    "established" => ct_state::ESTABLISHED,
                    "related" => ct_state::RELATED,
                    "invalid" => ct_state::INVALID,
                    "untracked" => ct_state::UNTRACKED,
                    _ => return Err(wrong("new, established, related, invalid or untracked")),
                });
            }
            "pkttype" => {
                self.kind = Some(match value {
                    "host" | "unicast" => pkt_type::HOST,
                    "broadcast" => pkt_type::BROADCAST,
                    "multicast" => pkt_type::MULTICAST,
                    _ => return Err(wrong("host, broadcast or multicast")),
                });
            }
            _ => match self.host.read(name, value) {
                Some(taken) => taken.map_err(|error| reader.error(error))?,
                None => return Err(reader.error(format!("'{name}' is no fact about a packet"))),
            },
        }
        Ok(())
    }

    fn ether(&mut self, reader: &mut Reader<'_>) -> Result<(), WordsError> {
        while let Some(field @ ("saddr" | "daddr")) = reader.peek() {
            reader.word();
            let address = Some(reader.mac(field)?);
            match field {
                "saddr" => self.source_mac = address,
                _ => self.destination_mac = address,
            }
        }
        Ok(())
    }

    fn ip(&mut self, reader: &mut Reader<'_>) -> Result<(), WordsError> {
        self.no_network(reader)?;
        let mut ip = Ipv4::new(Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED);
        while let Some(
            field @ ("saddr" | "daddr" | "ttl" | "tos" | "dscp" | "id" | "offset" | "df" | "mf"
            | "protocol"),
        ) = reader.peek()
        {
            reader.word();
            match field {
                "saddr" => ip.source = reader.parsed(field, "an IPv4 address")?,
                "daddr" => ip.destination = reader.parsed(field, "an IPv4 address")?,
                "ttl" => ip.ttl = reader.number(field, 255)?,
                "tos" => ip.tos = reader.number(field, 255)?,
                "dscp" => ip.tos = ip.tos & 3 | reader.number::<u8>(field, 63)? << 2,
                "id" => ip.identification = reader.number(field, 0xffff)?,
                "offset" => ip.fragment_offset = reader.number(field, 0x1fff)?,
                "df" => ip.dont_fragment = true,
                "mf" => ip.more_fragments = true,
                _ => self.protocol = Some(reader.number(field, 255)?),
            }
        }
        self.network = Some(Network::V4(ip));
        Ok(())
    }

    fn ip6(&mut self, reader: &mut Reader<'_>) -> Result<(), WordsError> {
        self.no_network(reader)?;
        let mut ip = Ipv6::new(Ipv6Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED);
        while let Some(
            field @ ("saddr" | "daddr" | "hoplimit" | "tclass" | "dscp" | "flowlabel" | "nexthdr"),
        ) = reader.peek()
        {
            reader.word();
            match field {
                "saddr" => ip.source = reader.parsed(field, "an IPv6 address")?,
                "daddr" => ip.destination = reader.parsed(field, "an IPv6 address")?,
                "hoplimit" => ip.hop_limit = reader.number(field, 255)?,
                "tclass" => ip.traffic_class = reader.number(field, 255)?,
                "dscp" => {
                    let dscp: u8 = reader.number(field, 63)?;
                    ip.traffic_class = ip.traffic_class & 3 | dscp << 2;
                }
                "flowlabel" => ip.flow_label = reader.number(field, 0xf_ffff)?,
                _ => self.protocol = Some(reader.number(field, 255)?),
            }
        }
        self.network = Some(Network::V6(ip));
        Ok(())
    }

    fn no_network(&self, reader: &Reader<'_>) -> Result<(), WordsError> {
        match self.network {
            None => Ok(()),
            Some(_) => Err(reader.error("there is an IP header already")),
        }
    }

    fn set_transport(
        &mut self,
        transport: Transport,
        reader: &Reader<'_>,
    ) -> Result<(), WordsError> {
        if self.network.is_none() {
            return Err(reader.error("say 'ip' or 'ip6' before the transport header"));
        }
        if self.transport.replace(transport).is_some() {
            return Err(reader.error("there is a transport header already"));
        }
        Ok(())
    }

    fn tcp(&mut self, reader: &mut Reader<'_>) -> Result<(), WordsError> {
        let mut tcp = Tcp { window: 65535, flags: 0x10, ..Tcp::default() };
        while let Some(
            field @ ("sport" | "dport" | "flags" | "sequence" | "ackseq" | "window" | "mss"),
        ) = reader.peek()
        {
            reader.word();
            match field {
                "sport" => tcp.source = reader.port(field)?,
                "dport" => tcp.destination = reader.port(field)?,
                "sequence" => tcp.sequence = reader.number(field, u32::MAX.into())?,
                "ackseq" => tcp.acknowledgement = reader.number(field, u32::MAX.into())?,
                "window" => tcp.window = reader.number(field, 0xffff)?,
                "mss" => {
                    let mss: u16 = reader.number(field, 0xffff)?;
                    tcp.options = vec![2, 4];
                    tcp.options.extend(mss.to_be_bytes());
                }
                _ => {
                    let value = reader.value(field)?;
                    tcp.flags = flags(value).ok_or_else(|| {
                        reader.error("flags are fin, syn, rst, psh, ack, urg, ece, cwr or none")
                    })?;
                }
            }
        }
        self.set_transport(Transport::Tcp(tcp), reader)
    }

    fn ports(&mut self, name: &str, reader: &mut Reader<'_>) -> Result<(), WordsError> {
        let (mut source, mut destination) = (0, 0);
        while let Some(field @ ("sport" | "dport")) = reader.peek() {
            reader.word();
            match field {
                "sport" => source = reader.port(field)?,
                _ => destination = reader.port(field)?,
            }
        }
        let transport = match name {
            "udp" => Transport::Udp { source, destination },
            "udplite" => Transport::UdpLite(UdpLite { source, destination, coverage: 0 }),
            "sctp" => Transport::Sctp(Sctp { source, destination, ..Sctp::default() }),
            _ => Transport::Dccp(Dccp { source, destination, ..Dccp::default() }),
        };
        self.set_transport(transport, reader)
    }

    fn icmp(&mut self, name: &str, reader: &mut Reader<'_>) -> Result<(), WordsError> {
        let names = if name == "icmp" { ICMP_TYPES } else { ICMPV6_TYPES };
        let (mut kind, mut code) = (if name == "icmp" { 8 } else { 128 }, 0);
        while let Some(field @ ("type" | "code")) = reader.peek() {
            reader.word();
            match field {
                "code" => code = reader.number(field, 255)?,
                _ => {
                    let value = reader.value(field)?;
                    let named = names.iter().find(|(name, _)| *name == value).map(|&(_, n)| n);
                    let known = named.or_else(|| value.parse().ok());
                    kind = known.ok_or_else(|| {
                        let all: Vec<&str> = names.iter().map(|&(name, _)| name).collect();
                        reader.error(format!("type is a number or one of {}", all.join(", ")))
                    })?;
                }
            }
        }
        let rest = [0; 4];
        let transport = match name {
            "icmp" => Transport::Icmp { kind, code, rest },
            _ => Transport::Icmpv6 { kind, code, rest },
        };
        self.set_transport(transport, reader)
    }

    fn esp(&mut self, reader: &mut Reader<'_>) -> Result<(), WordsError> {
        let (mut spi, mut sequence) = (0, 0);
        while let Some(field @ ("spi" | "sequence")) = reader.peek() {
            reader.word();
            match field {
                "spi" => spi = reader.number(field, u32::MAX.into())?,
                _ => sequence = reader.number(field, u32::MAX.into())?,
            }
        }
        self.set_transport(Transport::Esp { spi, sequence }, reader)
    }

    fn finish(self, reader: &Reader<'_>) -> Result<Described, WordsError> {
        let missing = || WordsError {
            word: String::new(),
            at: reader.end,
            message: "it has no IP header: say 'ip' or 'ip6' with saddr and daddr".to_owned(),
        };
        let mut builder = PacketBuilder::new(self.network.clone().ok_or_else(missing)?);
        let destination = match self.kind {
            Some(pkt_type::BROADCAST) => [0xff; 6],
            Some(pkt_type::MULTICAST) => [1, 0, 0x5e, 0, 0, 1],
            _ => [0; 6],
        };
        builder = builder.ethernet(
            self.source_mac.unwrap_or([2, 0, 0, 0, 0, 1]),
            self.destination_mac.unwrap_or(destination),
        );
        if let Some(transport) = self.transport {
            builder = builder.transport(transport);
        }
        if let Some(protocol) = self.protocol {
            builder = builder.protocol(protocol);
        }
        let shortest = builder.clone().payload(self.payload.clone()).build();
        let mut payload = self.payload;
        if let Some(length) = self.length {
            let have = shortest.bytes.len() - shortest.network;
            let more = length.checked_sub(have).ok_or_else(|| WordsError {
                word: length.to_string(),
                at: reader.end,
                message: format!("the headers and the payload have {have} bytes already"),
            })?;
            payload.resize(payload.len() + more, 0);
        }
        let mut packet = builder.payload(payload).build();
        packet.in_interface = self.input;
        packet.out_interface = self.output;
        packet.mark = self.mark;
        packet.cpu = self.cpu;
        packet.pkt_type = self.kind.unwrap_or(packet.pkt_type);
        packet.untracked = self.state == Some(ct_state::UNTRACKED);
        if let Some(state @ (ct_state::NEW | ct_state::ESTABLISHED | ct_state::RELATED)) =
            self.state
        {
            packet.conntrack =
                connection(&packet, state, self.reply, self.connection_mark.unwrap_or(0));
        }
        let host_facts = self.host.apply(&mut packet).map_err(|message| WordsError {
            word: String::new(),
            at: reader.end,
            message,
        })?;
        Ok(Described { packet, states_connection: self.state.is_some(), host_facts })
    }
}

/// The connection whose packet this is, in either direction.
fn connection(packet: &Packet, state: u8, reply: bool, mark: u32) -> Option<Conntrack> {
    let parsed = packet.parse_headers().ok()?;
    let port = |at: usize| {
        let bytes = parsed.transport_slice(at, 2).unwrap_or(&[0, 0]);
        u16::from_be_bytes([bytes[0], bytes[1]])
    };
    let own = Tuple {
        source: parsed.source(),
        destination: parsed.destination(),
        source_port: port(0),
        destination_port: port(2),
    };
    let other = Tuple {
        source: own.destination,
        destination: own.source,
        source_port: own.destination_port,
        destination_port: own.source_port,
    };
    let (original, replies) = if reply { (other, own) } else { (own, other) };
    // IPS_SEEN_REPLY and IPS_CONFIRMED (include/uapi/linux/netfilter/nf_conntrack_common.h).
    let status = if state == ct_state::NEW { 0 } else { 0x02 | 0x08 };
    Some(Conntrack { state, status, reply, mark, protocol: parsed.protocol(), original, replies })
}

/// TCP flags by name.
fn flags(text: &str) -> Option<u8> {
    const NAMES: [&str; 8] = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"];
    if text.eq_ignore_ascii_case("none") {
        return Some(0);
    }
    text.split([',', '|']).try_fold(0, |flags, name| {
        let bit = NAMES.iter().position(|known| name.eq_ignore_ascii_case(known))?;
        Some(flags | 1 << bit)
    })
}

/// RFC 792, RFC 950, RFC 1256.
const ICMP_TYPES: &[(&str, u8)] = &[
    ("echo-reply", 0),
    ("destination-unreachable", 3),
    ("source-quench", 4),
    ("redirect", 5),
    ("echo-request", 8),
    ("router-advertisement", 9),
    ("router-solicitation", 10),
    ("time-exceeded", 11),
    ("parameter-problem", 12),
    ("timestamp-request", 13),
    ("timestamp-reply", 14),
];

/// RFC 4443, RFC 4861.
const ICMPV6_TYPES: &[(&str, u8)] = &[
    ("destination-unreachable", 1),
    ("packet-too-big", 2),
    ("time-exceeded", 3),
    ("parameter-problem", 4),
    ("echo-request", 128),
    ("echo-reply", 129),
    ("nd-router-solicit", 133),
    ("nd-router-advert", 134),
    ("nd-neighbor-solicit", 135),
    ("nd-neighbor-advert", 136),
    ("nd-redirect", 137),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    #[test]
    fn a_packet_is_what_was_said() {
        let text = "in=eth0 mark=0x10 ip saddr 10.0.0.1 daddr 10.0.0.2 ttl 7 \
                    tcp sport 4000 dport 22 flags syn length 100";
        let Described { packet, states_connection, .. } = describe(text).unwrap();
        assert_eq!(packet.in_interface, InterfaceName::new("eth0").unwrap());
        assert_eq!((packet.mark, states_connection), (0x10, false));
        let parsed = packet.parse().unwrap();
        assert_eq!(parsed.source(), "10.0.0.1".parse::<IpAddr>().unwrap());
        assert_eq!((parsed.protocol(), parsed.length()), (6, 100));
        assert_eq!(parsed.transport_slice(0, 4).unwrap(), [0x0f, 0xa0, 0, 22]);
        assert_eq!(parsed.transport_slice(13, 1).unwrap(), [2]);
        assert_eq!(parsed.slice(8, 1).unwrap(), [7]);
    }

    #[test]
    fn answers_belong_to_the_connection_turned_round() {
        let text = "ct=established ctdir=reply ctmark=5 ip6 saddr 2001:db8::2 daddr 2001:db8::1 \
                    udp sport 53 dport 999";
        let connection = describe(text).unwrap().packet.conntrack.unwrap();
        assert_eq!((connection.state, connection.mark), (ct_state::ESTABLISHED, 5));
        assert_eq!((connection.original.source_port, connection.replies.source_port), (999, 53));
    }

    #[test]
    fn every_header_can_be_said() {
        for (text, protocol) in [
            ("ip saddr 1.2.3.4 daddr 4.3.2.1 icmp type echo-reply code 1", 1),
            ("ip6 saddr ::1 daddr ::2 hoplimit 3 icmp6 type nd-neighbor-solicit", 58),
            ("ip saddr 1.2.3.4 daddr 4.3.2.1 protocol 47", 47),
            ("ip saddr 1.2.3.4 daddr 4.3.2.1 esp spi 0x100", 50),
            ("ip saddr 1.2.3.4 daddr 4.3.2.1 sctp sport 1 dport 2 payload 00ff", 132),
            ("pkttype=broadcast ether saddr 02:0:0:0:0:9 ip saddr 1.2.3.4 daddr 4.3.2.1", 253),
        ] {
            let packet = describe(text).unwrap().packet;
            assert_eq!(packet.parse_headers().unwrap().protocol(), protocol, "{text}");
        }
    }

    #[test]
    fn errors_name_the_word() {
        for (text, word, part) in [
            ("", "", "no IP header"),
            ("ip saddr 300.0.0.1", "300.0.0.1", "IPv4 address"),
            ("tcp dport 22", "22", "before the transport"),
            ("ip saddr 1.2.3.4 daddr", "daddr", "needs a value"),
            ("ip tcp dport 70000", "70000", "from 0 to 65535"),
            ("ip tcp flags syn,fun", "syn,fun", "flags are"),
            ("colour=red ip", "colour=red", "no fact"),
            ("ip ip6", "ip6", "already"),
            ("ip udp udp", "udp", "already"),
            ("ip payload 0", "0", "hexadecimal"),
            ("ip what", "what", "no header"),
            ("in=an-interface-too-long ip", "in=an-interface-too-long", "15 bytes"),
            ("ip tcp length 10", "10", "bytes already"),
        ] {
            let error = describe(text).unwrap_err();
            assert_eq!(error.word, word, "{text}: {error}");
            assert!(error.message.contains(part), "{text}: {error}");
        }
    }
}
