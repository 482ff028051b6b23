//! `-m osf`: the operating system that sent the first packet of a TCP connection, guessed by
//! fingerprints (net/netfilter/xt_osf.c, nfnetlink_osf.c).
//!
//! A rule matches a packet with the SYN flag, whatever other flags it has, that one of the
//! fingerprints of its genre describes. The kernel keeps an inversion of `--genre` and never looks
//! at it, so that `! --genre` matches what `--genre` does. Packets whose TCP header or announced
//! options are cut off never match; fragments are not looked for.
//!
//! With `--log` the rule matches any genre, and a line for the system's log says which fingerprints
//! describe the packet, in the order in which they were loaded, or that none does, also with level
//! 2.

use super::comment::save_string;
use super::osf_tree::{self, Logs, TtlTest};
use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    Families, Fields, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{Fingerprint, Hook, TcpOption, Window};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static OSF: MatchExtension = MatchExtension {
    name: "osf",
    aliases: &[],
    families: Families::Ipv4,
    options: &[
        OptionSpec::value("genre").invertible().mandatory(),
        OptionSpec::value("ttl"),
        OptionSpec::value("log"),
    ],
    protocols: &[6],
    hooks: &[Hook::Prerouting, Hook::Input, Hook::Forward],
    parse,
    revisions: &[Revision { number: 0, size: 48, decode: |f, _| decode(f) }],
};

/// Longest genre in bytes; more is cut off (`MAXGENRELEN` without its NUL).
const LONGEST_GENRE: usize = 31;

/// Flags of `struct nf_osf_info`.
const TTL: u32 = 2;
const LOG: u32 = 4;
const INVERT: u32 = 8;

/// The greatest `--ttl` and `--log`.
const MOST: u32 = 2;

#[derive(Debug)]
struct Osf {
    genre: String,
    invert: bool,
    ttl: Option<u32>,
    log: Option<u32>,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let given = options.get("genre").ok_or_else(|| options.bad("no genre"))?;
    let text = given.text();
    let genre = match text.get(..LONGEST_GENRE) {
        Some(start) => start,
        None if text.len() <= LONGEST_GENRE => text,
        None => return Err(given.bad(format!("it is longer than {LONGEST_GENRE} bytes"))),
    };
    let level = |id| match options.get(id) {
        Some(given) => given.number(0, MOST.into()).map(|number| Some(number as u32)),
        None => Ok(None),
    };
    Ok(Arc::new(Osf {
        genre: genre.to_owned(),
        invert: given.invert,
        ttl: level("ttl")?,
        log: level("log")?,
    }))
}

/// `struct nf_osf_info`: genre, its length, flags, level of logging, test of the time to live.
fn decode(f: Fields<'_>) -> Result<Arc<dyn Match>, String> {
    let genre = f.text(0, LONGEST_GENRE + 1).ok_or("its genre does not end")?;
    let (length, flags) = (f.u32(32), f.u32(36));
    if length as usize != genre.len() {
        return Err(format!("its genre is not {length} bytes long"));
    }
    if flags & !(TTL | LOG | INVERT) != 0 {
        return Err(format!("unknown flags {flags:#x}"));
    }
    let level = |flag, at, what| match (flags & flag != 0, f.u32(at)) {
        (true, level @ 0..=MOST) => Ok(Some(level)),
        (true, level) => Err(format!("there is no {what} {level}")),
        (false, _) => Ok(None),
    };
    Ok(Arc::new(Osf {
        invert: flags & INVERT != 0,
        ttl: level(TTL, 44, "test of the time to live")?,
        log: level(LOG, 40, "level of logging")?,
        genre,
    }))
}

impl Osf {
    fn ttl_test(&self) -> TtlTest {
        match self.ttl {
            None | Some(0) => TtlTest::Equal,
            Some(1) => TtlTest::AtMost,
            Some(_) => TtlTest::Ignored,
        }
    }

    /// Whether the kernel looks at a fingerprint: at every one where it logs what it finds.
    fn is_of_genre(&self, fingerprint: &Fingerprint) -> bool {
        self.log.is_some() || fingerprint.genre == self.genre
    }
}

impl Match for Osf {
    fn extension(&self) -> &'static MatchExtension {
        &OSF
    }

    fn save(&self, out: &mut String) {
        out.push_str(if self.invert { " ! --genre" } else { " --genre" });
        let apart = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\');
        if self.genre.is_empty() || self.genre.contains(apart) {
            // iptables-save prints it bare, and what it prints cannot be read.
            save_string(&self.genre, out);
        } else {
            let _ = write!(out, " {}", self.genre);
        }
        for (name, level) in [("ttl", self.ttl), ("log", self.log)] {
            if let Some(level) = level {
                let _ = write!(out, " --{name} {level}");
            }
        }
    }

    fn list(&self, out: &mut String) {
        let sign = if self.invert { "! " } else { "" };
        let _ = write!(out, " OS fingerprint match {sign}{}", self.genre);
    }

    fn needs_fingerprints(&self) -> bool {
        true
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let wanted = cx.fingerprints().iter().filter(|fingerprint| self.is_of_genre(fingerprint));
        let logs = match self.log {
            None => Logs::Nothing,
            Some(1) => Logs::First,
            Some(_) => Logs::All,
        };
        osf_tree::lower(cx, wanted, self.ttl_test(), logs);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let (fingerprints, packet) = (packet.fingerprints, &packet.packet);
        let Some(sent) = Sent::of(packet.bytes(), |from, to| packet.transport_slice(from, to))
        else {
            return Outcome::NoMatch;
        };
        let mut wanted = fingerprints.iter().filter(|fingerprint| self.is_of_genre(fingerprint));
        Outcome::of(wanted.any(|fingerprint| sent.is_described_by(fingerprint, self.ttl_test())))
    }
}

/// What fingerprints say something of, as a packet has it.
#[derive(Debug)]
struct Sent<'a> {
    length: u16,
    dont_fragment: bool,
    ttl: u8,
    window: u16,
    options: &'a [u8],
}

impl<'a> Sent<'a> {
    /// Reads a packet; none where it is no SYN, or cut off. `transport` yields so many bytes of the
    /// transport header from an offset.
    fn of(ip: &'a [u8], transport: impl Fn(usize, usize) -> Option<&'a [u8]>) -> Option<Sent<'a>> {
        let tcp = transport(0, 20)?;
        if tcp[13] & 2 == 0 {
            return None;
        }
        let header = usize::from(tcp[12] >> 4) * 4;
        let options = if header > 20 { transport(20, header - 20)? } else { &[] };
        let number = |bytes: &[u8], at: usize| {
            Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
        };
        Some(Sent {
            length: number(ip, 2)?,
            dont_fragment: ip.get(6)? & 0x40 != 0,
            ttl: *ip.get(8)?,
            window: number(tcp, 14)?,
            options,
        })
    }

    fn is_described_by(&self, fingerprint: &Fingerprint, ttl: TtlTest) -> bool {
        let Fingerprint { dont_fragment, length, options, .. } = fingerprint;
        let lives = match ttl {
            TtlTest::Equal => self.ttl == fingerprint.ttl,
            TtlTest::AtMost => self.ttl <= fingerprint.ttl,
            TtlTest::Ignored => true,
        };
        self.length == *length
            && self.dont_fragment == *dont_fragment
            && lives
            && self.segment_size(options).is_some_and(|size| self.fits(fingerprint.window, size))
    }

    /// The last maximum segment size, 0 without one; none where the options are others.
    fn segment_size(&self, options: &[TcpOption]) -> Option<u16> {
        let mut rest = self.options;
        let mut size = 0;
        for option in options {
            let (bytes, behind) = rest.split_at_checked(option.length().into())?;
            if bytes[0] != option.kind() {
                return None;
            }
            if *option == TcpOption::SegmentSize {
                size = u16::from_be_bytes([bytes[2], bytes[3]]);
            }
            rest = behind;
        }
        rest.is_empty().then_some(size)
    }

    fn fits(&self, window: Window, size: u16) -> bool {
        let times = |factor: u32, sizes: [u32; 3]| {
            sizes.iter().any(|&size| factor.wrapping_mul(size) == u32::from(self.window))
        };
        let size = u32::from(size);
        match window {
            Window::Any => true,
            Window::Exactly(number) => u32::from(self.window) == number,
            Window::Segments(factor) => times(factor, [size, 1460, 1448]),
            Window::Packets(factor) => times(factor, [size + 40, 1500, 1488]),
            Window::Multiple(number) => u32::from(self.window).is_multiple_of(number),
        }
    }
}
