//! The line that the kernel's own log would show for a record (net/netfilter/nf_log_syslog.c),
//! byte for byte, its trailing blank included. It is that of Linux 6.15 and later, which know the
//! TCP flag AE; before, its bit counts to `RES=`.
//!
//! Where a header that the line shows lies beyond the recorded bytes, the line ends with
//! `CUT=N`, the number of recorded bytes; only IPv6 packets with more than 300 bytes of extension
//! headers and `NFLOG` rules with a small size come to that.

use super::record::LogRecord;
use bpfc_artifact::log::{DECODE_LINK, IP_OPTIONS, OWNER, TCP_OPTIONS, TCP_SEQUENCE};
use std::fmt::Write;
use std::net::Ipv4Addr;

/// `ARPHRD_ETHER`.
const ETHERNET: u16 = 1;

/// EtherTypes of ARP and RARP.
const ARP: u16 = 0x0806;
const REVERSE_ARP: u16 = 0x8035;

/// Why a part of a line ends.
enum Stop {
    /// The kernel leaves the part here.
    Part,
    /// What comes next was not recorded.
    Cut,
}

type Part = Result<(), Stop>;

/// Why bytes are not there.
enum Missing {
    /// The packet ends before.
    Packet,
    /// The record does.
    Record,
}

struct Line<'a> {
    record: &'a LogRecord,
    out: String,
}

impl LogRecord {
    /// The line that `dmesg` would show, without its time and level.
    pub fn line(&self) -> String {
        let mut line = Line { record: self, out: self.prefix.clone() };
        let name = |interface: &Option<super::LogInterface>| match interface {
            Some(interface) => interface.name.clone(),
            None => String::new(),
        };
        line.add(format_args!("IN={} OUT={} ", name(&self.input), name(&self.output)));
        let is_arp = matches!(self.ether_type, ARP | REVERSE_ARP);
        let shows_link = match self.version() {
            0 => !is_arp || line.has(DECODE_LINK),
            _ => self.input.is_some(),
        };
        if shows_link {
            line.link();
        }
        let packet = match (self.version(), self.ether_type) {
            (4, _) => line.ipv4(0),
            (6, _) => line.ipv6(0),
            (_, ARP | REVERSE_ARP) => line.arp(),
            // `nf_log_unknown_packet`.
            _ => Ok(()),
        };
        if let Err(Stop::Cut) = packet {
            line.add(format_args!("CUT={} ", self.packet.len()));
        }
        line.out
    }
}

/// Bytes of an address, as the kernel writes them.
fn colons(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(":")
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    match bytes.get(at..at + 2) {
        Some(&[high, low]) => u16::from_be_bytes([high, low]),
        _ => 0,
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) << 16 | u32::from(u16_at(bytes, at + 2))
}

impl<'a> Line<'a> {
    fn add(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(text);
    }

    fn has(&self, flag: u8) -> bool {
        self.record.flags & flag != 0
    }

    /// Bytes of the packet, if they are there.
    fn bytes(&self, at: usize, length: usize) -> Result<&'a [u8], Missing> {
        match self.record.packet.get(at..at.saturating_add(length)) {
            Some(bytes) => Ok(bytes),
            None if (at + length) as u64 > u64::from(self.record.length) => Err(Missing::Packet),
            None => Err(Missing::Record),
        }
    }

    /// As [`Line::bytes`]: where the packet ends before, `text` is added and the part ends.
    fn header(&mut self, at: usize, length: usize, text: &str) -> Result<&'a [u8], Stop> {
        self.bytes(at, length).map_err(|missing| match missing {
            Missing::Record => Stop::Cut,
            Missing::Packet => {
                self.out.push_str(text);
                Stop::Part
            }
        })
    }

    /// How many bytes the packet has from an offset on; wraps as the kernel's number does.
    fn rest(&self, at: usize) -> u32 {
        self.record.length.wrapping_sub(at as u32)
    }

    fn incomplete(&self, at: usize) -> String {
        format!("INCOMPLETE [{} bytes] ", self.rest(at))
    }

    fn hexadecimal(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.add(format_args!("{byte:02X}"));
        }
    }

    /// `dump_mac_header`.
    fn link(&mut self) {
        let link = &self.record.link;
        if self.has(DECODE_LINK) && link.kind == ETHERNET {
            if let (Some(14..), Some(header)) = (link.gap, link.bytes.get(..14)) {
                let (destination, source) = (colons(&header[..6]), colons(&header[6..12]));
                self.add(format_args!("MACSRC={source} MACDST={destination} "));
                self.add(format_args!("MACPROTO={:04x} ", u16_at(header, 12)));
            }
            return;
        }
        self.add(format_args!("MAC={} ", colons(&link.bytes)));
    }

    /// `dump_arp_packet`.
    fn arp(&mut self) -> Part {
        let header = self.header(0, 8, "TRUNCATED")?;
        let [hardware, protocol, operation] = [0, 2, 6].map(|at| u16_at(header, at));
        self.add(format_args!("ARP HTYPE={hardware} PTYPE=0x{protocol:04x} OPCODE={operation}"));
        if hardware != ETHERNET || header[4] != 6 || header[5] != 4 {
            return Ok(());
        }
        let text = format!(" INCOMPLETE [{} bytes]", self.rest(8));
        let addresses = self.header(8, 20, &text)?;
        for (side, at) in [("SRC", 0), ("DST", 10)] {
            let mac = colons(&addresses[at..at + 6]);
            let ip = Ipv4Addr::from_bits(u32_at(addresses, at + 6));
            self.add(format_args!(" MAC{side}={mac} IP{side}={ip}"));
        }
        Ok(())
    }

    /// `dump_ipv4_packet` of the header at `at`, which is not 0 for a packet that an error quotes.
    fn ipv4(&mut self, at: usize) -> Part {
        let header = self.header(at, 20, "TRUNCATED")?;
        let address = |from: usize| Ipv4Addr::from_bits(u32_at(header, from));
        self.add(format_args!("SRC={} DST={} ", address(12), address(16)));
        self.add(format_args!(
            "LEN={} TOS=0x{:02X} PREC=0x{:02X} TTL={} ID={} ",
            u16_at(header, 2),
            header[1] & 0x1e,
            header[1] & 0xe0,
            header[8],
            u16_at(header, 4),
        ));
        let fragment = u16_at(header, 6);
        for (bit, word) in [(0x8000, "CE "), (0x4000, "DF "), (0x2000, "MF ")] {
            if fragment & bit != 0 {
                self.out.push_str(word);
            }
        }
        let fragment = fragment & 0x1fff;
        if fragment != 0 {
            self.add(format_args!("FRAG:{fragment} "));
        }
        let length = usize::from(header[0] & 0xf) * 4;
        if self.has(IP_OPTIONS) && length > 20 {
            let options = self.header(at + 20, length - 20, "TRUNCATED")?;
            self.out.push_str("OPT (");
            self.hexadecimal(options);
            self.out.push_str(") ");
        }
        let (protocol, later, next) = (header[9], fragment != 0, at + length);
        match protocol {
            6 => self.tcp(next, later)?,
            17 | 136 => self.udp(next, later, protocol)?,
            1 => self.icmp(next, later, at == 0)?,
            51 if later => {}
            51 => {
                self.out.push_str("PROTO=AH ");
                self.security(next, 12, 4)?;
            }
            50 => {
                self.out.push_str("PROTO=ESP ");
                if !later {
                    self.security(next, 8, 0)?;
                }
            }
            other => self.add(format_args!("PROTO={other} ")),
        }
        if at == 0 {
            self.end();
        }
        Ok(())
    }

    /// The security parameter index of a header of `length` bytes.
    fn security(&mut self, at: usize, length: usize, index: usize) -> Part {
        match self.bytes(at, length) {
            Ok(header) => self.add(format_args!("SPI=0x{:x} ", u32_at(header, index))),
            Err(Missing::Packet) => {
                let text = self.incomplete(at);
                self.out.push_str(&text);
            }
            Err(Missing::Record) => return Err(Stop::Cut),
        }
        Ok(())
    }

    /// `nf_log_dump_tcp_header`.
    fn tcp(&mut self, at: usize, later: bool) -> Part {
        self.out.push_str("PROTO=TCP ");
        if later {
            return Ok(());
        }
        let text = self.incomplete(at);
        let header = self.header(at, 20, &text)?;
        self.add(format_args!("SPT={} DPT={} ", u16_at(header, 0), u16_at(header, 2)));
        if self.has(TCP_SEQUENCE) {
            self.add(format_args!("SEQ={} ACK={} ", u32_at(header, 4), u32_at(header, 8)));
        }
        self.add(format_args!("WINDOW={} ", u16_at(header, 14)));
        self.add(format_args!("RES=0x{:02x} ", (header[12] & 0xe) << 2));
        if header[12] & 1 != 0 {
            self.out.push_str("AE ");
        }
        let names = ["CWR ", "ECE ", "URG ", "ACK ", "PSH ", "RST ", "SYN ", "FIN "];
        for (number, name) in names.into_iter().enumerate() {
            if header[13] & 0x80 >> number != 0 {
                self.out.push_str(name);
            }
        }
        self.add(format_args!("URGP={} ", u16_at(header, 18)));
        let length = usize::from(header[12] >> 4) * 4;
        if self.has(TCP_OPTIONS) && length > 20 {
            let options = self.header(at + 20, length - 20, "OPT (TRUNCATED)")?;
            self.out.push_str("OPT (");
            self.hexadecimal(options);
            self.out.push_str(") ");
        }
        Ok(())
    }

    /// `nf_log_dump_udp_header`.
    fn udp(&mut self, at: usize, later: bool, protocol: u8) -> Part {
        self.out.push_str(if protocol == 17 { "PROTO=UDP " } else { "PROTO=UDPLITE " });
        if later {
            return Ok(());
        }
        let text = self.incomplete(at);
        let header = self.header(at, 8, &text)?;
        let [source, destination, length] = [0, 2, 4].map(|at| u16_at(header, at));
        self.add(format_args!("SPT={source} DPT={destination} LEN={length} "));
        Ok(())
    }

    fn icmp(&mut self, at: usize, later: bool, outermost: bool) -> Part {
        self.out.push_str("PROTO=ICMP ");
        if later {
            return Ok(());
        }
        let text = self.incomplete(at);
        let header = match self.header(at, 8, &text) {
            Ok(header) => header,
            Err(Stop::Part) => return Ok(()),
            Err(Stop::Cut) => return Err(Stop::Cut),
        };
        let (kind, code) = (header[0], header[1]);
        self.add(format_args!("TYPE={kind} CODE={code} "));
        let needed = match kind {
            0 | 8 => 4,
            3 | 4 | 5 | 11 | 12 => 28,
            13 | 14 => 20,
            17 | 18 => 12,
            _ => 0,
        };
        if self.rest(at) < needed {
            self.out.push_str(&text);
            return Ok(());
        }
        match kind {
            0 | 8 => self.add(format_args!("ID={} SEQ={} ", u16_at(header, 4), u16_at(header, 6))),
            12 => self.add(format_args!("PARAMETER={} ", header[4])),
            3 | 4 | 5 | 11 => {
                if kind == 5 {
                    let gateway = Ipv4Addr::from_bits(u32_at(header, 4));
                    self.add(format_args!("GATEWAY={gateway} "));
                }
                if outermost {
                    self.out.push('[');
                    self.quoted(|line| line.ipv4(at + 8))?;
                }
                if (kind, code) == (3, 4) {
                    self.add(format_args!("MTU={} ", u16_at(header, 6)));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A packet that an error quotes, behind its bracket.
    fn quoted(&mut self, packet: impl FnOnce(&mut Self) -> Part) -> Part {
        let result = packet(self);
        self.out.push_str("] ");
        match result {
            Err(Stop::Cut) => Err(Stop::Cut),
            _ => Ok(()),
        }
    }

    /// `dump_ipv6_packet`, likewise.
    fn ipv6(&mut self, at: usize) -> Part {
        let header = self.header(at, 40, "TRUNCATED")?;
        for (name, from) in [("SRC", 8), ("DST", 24)] {
            let groups: Vec<String> =
                (0..8).map(|i| format!("{:04x}", u16_at(header, from + 2 * i))).collect();
            self.add(format_args!("{name}={} ", groups.join(":")));
        }
        let first = u32_at(header, 0);
        self.add(format_args!(
            "LEN={} TC={} HOPLIMIT={} FLOWLBL={} ",
            u32::from(u16_at(header, 4)) + 40,
            first >> 20 & 0xff,
            header[7],
            first & 0xf_ffff,
        ));
        let (mut next, mut kind, mut later) = (at + 40, header[6], false);
        while matches!(kind, 0 | 43 | 44 | 50 | 51 | 60) {
            let start = self.header(next, 2, "TRUNCATED")?;
            let length = self.extension(next, kind, start, &mut later)?;
            kind = start[0];
            next += length;
        }
        match kind {
            6 => self.tcp(next, later)?,
            17 | 136 => self.udp(next, later, kind)?,
            58 => self.icmp6(next, later, at == 0)?,
            other => self.add(format_args!("PROTO={other} ")),
        }
        if at == 0 {
            self.end();
        }
        Ok(())
    }

    /// One extension header; its length in bytes.
    fn extension(
        &mut self,
        at: usize,
        kind: u8,
        start: &[u8],
        later: &mut bool,
    ) -> Result<usize, Stop> {
        let options = self.has(IP_OPTIONS);
        if options {
            self.out.push_str("OPT ( ");
        }
        let length = match kind {
            44 => {
                self.out.push_str("FRAG:");
                let header = self.header(at, 8, "TRUNCATED ")?;
                let offset = u16_at(header, 2);
                self.add(format_args!("{} ", offset & 0xfff8));
                if offset & 1 != 0 {
                    self.out.push_str("INCOMPLETE ");
                }
                self.add(format_args!("ID:{:08x} ", u32_at(header, 4)));
                *later |= offset & 0xfff8 != 0;
                8
            }
            50 | 51 => {
                let (name, length, index) =
                    if kind == 51 { ("AH ", 12, 4) } else { ("ESP ", 8, 0) };
                if options {
                    self.out.push_str(name);
                    if *later {
                        self.out.push(')');
                        return Err(Stop::Part);
                    }
                    let text = format!("{})", self.incomplete(at));
                    let header = self.header(at, length, &text)?;
                    let end = if kind == 51 { "" } else { ")" };
                    self.add(format_args!("SPI=0x{:x} {end}", u32_at(header, index)));
                }
                if kind == 50 {
                    return Err(Stop::Part);
                }
                (usize::from(start[1]) + 2) * 4
            }
            _ if *later => {
                if options {
                    self.out.push(')');
                }
                return Err(Stop::Part);
            }
            _ => (usize::from(start[1]) + 1) * 8,
        };
        if options {
            self.out.push_str(") ");
        }
        Ok(length)
    }

    fn icmp6(&mut self, at: usize, later: bool, outermost: bool) -> Part {
        self.out.push_str("PROTO=ICMPv6 ");
        if later {
            return Ok(());
        }
        let text = self.incomplete(at);
        let header = self.header(at, 8, &text)?;
        let (kind, code) = (header[0], header[1]);
        self.add(format_args!("TYPE={kind} CODE={code} "));
        match kind {
            128 | 129 => {
                self.add(format_args!("ID={} SEQ={} ", u16_at(header, 4), u16_at(header, 6)));
            }
            1..=4 => {
                if kind == 4 {
                    self.add(format_args!("POINTER={:08x} ", u32_at(header, 4)));
                }
                if outermost {
                    self.out.push('[');
                    self.quoted(|line| line.ipv6(at + 8))?;
                }
                if kind == 2 {
                    self.add(format_args!("MTU={} ", u32_at(header, 4)));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Owner and mark.
    fn end(&mut self) {
        if let (true, Some((user, group))) = (self.has(OWNER), self.record.owner) {
            self.add(format_args!("UID={user} GID={group} "));
        }
        if self.record.mark != 0 {
            self.add(format_args!("MARK=0x{:x} ", self.record.mark));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LinkHeader, LogInterface, LogKind, LogRecord};
    use bpfc_artifact::Hook;
    use std::time::SystemTime;

    fn bytes(digits: &str) -> Vec<u8> {
        let digits: Vec<char> = digits.chars().filter(|c| !c.is_whitespace()).collect();
        let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16);
        digits.chunks(2).map(|pair| byte(pair).unwrap()).collect()
    }

    /// A record of everything that a line can say.
    fn record(packet: &str) -> LogRecord {
        let packet = bytes(packet);
        LogRecord {
            time: SystemTime::UNIX_EPOCH,
            rule: "filter/INPUT:1".to_owned(),
            hook: Hook::Input,
            kind: LogKind::Syslog { level: 4 },
            flags: 0x0f,
            prefix: "x: ".to_owned(),
            input: Some(LogInterface { index: 2, name: "eth0".to_owned() }),
            output: None,
            mark: 0x1f,
            trace: None,
            owner: Some((7, 8)),
            ether_type: if packet.first().is_some_and(|byte| byte >> 4 == 6) {
                0x86dd
            } else {
                0x0800
            },
            link: LinkHeader {
                kind: 1,
                gap: Some(14),
                bytes: bytes("020000000001 020000000002 0800"),
            },
            length: packet.len() as u32,
            packet,
        }
    }

    const FRONT: &str = "x: IN=eth0 OUT= MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 ";

    // The tests against the kernel (tests/tests/log.rs) hold the same form against its own lines.

    #[test]
    fn tcp() {
        let record = record(
            "4500002c 00014000 40060000 c0000201 c0000202
             0fa00016 00000001 00000002 6112faf0 00000005 02040218",
        );
        let end = "SRC=192.0.2.1 DST=192.0.2.2 LEN=44 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=TCP \
                   SPT=4000 DPT=22 SEQ=1 ACK=2 WINDOW=64240 RES=0x00 AE ACK SYN URGP=5 \
                   OPT (02040218) UID=7 GID=8 MARK=0x1f ";
        assert_eq!(record.line(), format!("{FRONT}{end}"));
        let plain = LogRecord { flags: 0x20, mark: 0, output: record.input.clone(), ..record };
        assert_eq!(
            plain.line(),
            "x: IN=eth0 OUT=eth0 MACSRC=02:00:00:00:00:02 MACDST=02:00:00:00:00:01 MACPROTO=0800 \
             SRC=192.0.2.1 DST=192.0.2.2 LEN=44 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=TCP \
             SPT=4000 DPT=22 WINDOW=64240 RES=0x00 AE ACK SYN URGP=5 "
        );
    }

    #[test]
    fn an_error_and_what_it_quotes() {
        let record = record(
            "45000038 00000000 40010000 c0000201 c0000202 03040000 00000578
             4500001c 0000200a 40110000 0a000001 0a000002 00350400 00080000",
        );
        let end = "SRC=192.0.2.1 DST=192.0.2.2 LEN=56 TOS=0x00 PREC=0x00 TTL=64 ID=0 PROTO=ICMP \
                   TYPE=3 CODE=4 [SRC=10.0.0.1 DST=10.0.0.2 LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=0 \
                   MF FRAG:10 PROTO=UDP ] MTU=1400 UID=7 GID=8 MARK=0x1f ";
        assert_eq!(record.line(), format!("{FRONT}{end}"));
    }

    #[test]
    fn extension_headers_and_a_packet_that_ends_early() {
        let record = record(
            "60000000 00142c40 20010db8000000000000000000000001 20010db8000000000000000000000002
             11000001 00000009 00350400 0014",
        );
        let end = "SRC=2001:0db8:0000:0000:0000:0000:0000:0001 \
                   DST=2001:0db8:0000:0000:0000:0000:0000:0002 LEN=60 TC=0 HOPLIMIT=64 FLOWLBL=0 \
                   OPT ( FRAG:0 INCOMPLETE ID:00000009 ) PROTO=UDP INCOMPLETE [6 bytes] ";
        assert_eq!(record.line(), format!("{FRONT}{end}"));
    }

    #[test]
    fn what_was_not_recorded_is_said() {
        let mut record = record("45000054 00000000 40110000 c0000201 c0000202 0035");
        record.length = 84;
        assert!(record.line().ends_with(" PROTO=UDP CUT=22 "), "{}", record.line());
        record.packet.clear();
        assert_eq!(record.line(), format!("{FRONT}CUT=0 "));
    }

    #[test]
    fn any_bytes_have_a_line() {
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as u8
        };
        for round in 0..5000usize {
            let mut record = record("");
            record.packet = (0..round % 120).map(|_| random()).collect();
            if let Some(first) = record.packet.first_mut() {
                *first = if round % 2 == 0 { 0x40 | *first & 0xf } else { 0x60 };
            }
            record.length = u32::from(random());
            record.flags = random();
            assert!(record.line().starts_with("x: IN=eth0 OUT= "));
        }
    }
}
