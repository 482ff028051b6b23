//! One line of `pf.os`, read as `nfnl_osf` reads it (iptables' utils/nfnl_osf.c).
//!
//! Nine fields stand between colons: window, time to live, don't fragment, length, options, genre,
//! version, subtype and details, which nobody looks at. White space behind a colon is passed over.
//! `nfnl_osf` takes nearly anything for a field; where what it makes of one is not what stands
//! there, a warning says so.

use crate::number::{self, is_space};
use bpfc_ir::{Fingerprint, TcpOption, Window};

/// Colons of a line.
const COLONS: usize = 8;
/// Longest name of a system, version or subtype in bytes (`MAXGENRELEN` without its NUL).
const LONGEST_NAME: usize = 31;
/// Bytes of options that are read (`MAXOPTSTRLEN` without the comma and the NUL behind them).
const MOST_OPTION_TEXT: usize = 126;
/// Bytes of options that a TCP header has room for; the kernel refuses more.
const MOST_OPTIONS: u16 = 40;

/// Something about a part of a line, by its bytes.
pub(crate) struct Remark {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) message: String,
    /// Whether the line is refused, and not only read otherwise than it looks.
    pub(crate) refused: bool,
}

/// A field and where it begins in its line.
#[derive(Clone, Copy)]
struct Field<'t> {
    text: &'t str,
    start: usize,
}

/// Reads a line; what is remarkable is added to `remarks`, and with a refusal among it the
/// fingerprint does not count.
pub(crate) fn read(line: &str, remarks: &mut Vec<Remark>) -> Option<Fingerprint> {
    let fields = split(line, remarks)?;
    let [window, ttl, dont_fragment, length, options, genre, version, subtype] = fields;
    let values = self::values(options.text);
    Some(Fingerprint {
        window: self::window(window, remarks),
        ttl: plain(ttl, "time to live", u8::MAX.into(), remarks) as u8,
        dont_fragment: plain(dont_fragment, "don't fragment bit", 1, remarks) as u8 != 0,
        length: plain(length, "length", u16::MAX.into(), remarks) as u16,
        options: self::options(options, remarks),
        values,
        genre: name(after_sign(genre), remarks),
        version: name(version, remarks),
        subtype: name(subtype, remarks),
        span: None,
    })
}

/// Whether a text could be the first fields of a line.
pub(crate) fn looks_right(line: &str) -> bool {
    let mut none = Vec::new();
    let Some([window, ttl, ..]) = split(line, &mut none) else { return false };
    let starts = window.text.starts_with(['S', 'T', '%', '*']);
    (starts || number::read(window.text).whole) && number::read(ttl.text).whole
}

impl Field<'_> {
    fn remark(self, refused: bool, message: String) -> Remark {
        let length = self.text.trim_end_matches(is_space).len().max(1);
        Remark { start: self.start, end: self.start + length, message, refused }
    }
}

fn split<'t>(line: &'t str, remarks: &mut Vec<Remark>) -> Option<[Field<'t>; COLONS]> {
    let found = line.bytes().filter(|&byte| byte == b':').count();
    if found != COLONS {
        let message =
            format!("a fingerprint has nine fields between eight colons, and here are {found}");
        remarks.push(Remark { start: 0, end: line.len().max(1), message, refused: true });
        return None;
    }
    let mut fields = [Field { text: "", start: 0 }; COLONS];
    let mut start = 0;
    for field in &mut fields {
        let end = start + line[start..].find(':')?;
        *field = Field { text: &line[start..end], start };
        let rest = &line[end + 1..];
        start = line.len() - rest.trim_start_matches(is_space).len();
    }
    Some(fields)
}

fn window(field: Field<'_>, remarks: &mut Vec<Remark>) -> Window {
    let text = field.text;
    let kind = text.chars().next();
    let number = match kind {
        Some('S' | 'T') => match text.as_bytes().get(1) {
            Some(b'%') => &text[2..],
            _ => &text[1..],
        },
        Some('%') => &text[1..],
        Some(digit) if digit.is_ascii_digit() => text,
        _ => {
            if text.trim_end_matches(is_space) != "*" {
                let message = format!("'{text}' is no window: nfnl_osf takes any window for it");
                remarks.push(field.remark(false, message));
            }
            return Window::Any;
        }
    };
    let read = number::read(number);
    let value = read.value as u32;
    if !read.whole || u64::from(value) != read.value {
        let message = format!("nfnl_osf reads the number of '{text}' as {value}");
        remarks.push(field.remark(false, message));
    }
    match kind {
        Some('S') => Window::Segments(value),
        Some('T') => Window::Packets(value),
        Some('%') => {
            if value == 0 {
                let message =
                    "a window cannot be a multiple of 0: the kernel refuses it".to_owned();
                remarks.push(field.remark(true, message));
            }
            Window::Multiple(value)
        }
        _ if value == 0 => {
            let message = "a window of 0 stands for any window".to_owned();
            remarks.push(field.remark(false, message));
            Window::Any
        }
        _ => Window::Exactly(value),
    }
}

/// A number of which `nfnl_osf` keeps the lowest bits, of 0 to `max`.
fn plain(field: Field<'_>, what: &str, max: u64, remarks: &mut Vec<Remark>) -> u64 {
    let read = number::read(field.text);
    if !read.whole || read.value > max {
        let bits = if max > 0xff { 0xffff } else { 0xff };
        let value = read.value & bits;
        let text = field.text.trim_end_matches(is_space);
        let message = format!(
            "the {what} '{text}' is no number from 0 to {max}: nfnl_osf reads {value} instead"
        );
        remarks.push(field.remark(false, message));
    }
    read.value
}

/// Options end at commas; the first letter says which one it is, and the rest of it is passed over:
/// the kernel never looks at their values.
fn options(field: Field<'_>, remarks: &mut Vec<Remark>) -> Vec<TcpOption> {
    if field.text.len() > MOST_OPTION_TEXT {
        let message =
            format!("options are longer than the {MOST_OPTION_TEXT} bytes that nfnl_osf reads");
        remarks.push(field.remark(true, message));
        return Vec::new();
    }
    let mut options = Vec::new();
    let mut rest = field.text;
    loop {
        let start = field.start + field.text.len() - rest.len();
        let (text, next) = rest.split_once(',').unwrap_or((rest, ""));
        let option = match text.as_bytes().first() {
            Some(b'N') => Some(TcpOption::Nop),
            Some(b'S') => Some(TcpOption::SackPermitted),
            Some(b'T') => Some(TcpOption::Timestamp),
            Some(b'W') => Some(TcpOption::WindowScale),
            Some(b'M') => Some(TcpOption::SegmentSize),
            Some(b'E') => Some(TcpOption::End),
            _ => None,
        };
        let bare = text.trim_end_matches(is_space);
        if option.is_none() && !matches!(bare, "" | ".") {
            let message = format!("'{bare}' is no option: nfnl_osf passes it over");
            remarks.push(Field { text, start }.remark(false, message));
        } else if bare.contains(is_space) {
            let message =
                format!("nfnl_osf passes over what follows in '{bare}': options end at commas");
            remarks.push(Field { text, start }.remark(false, message));
        }
        options.extend(option);
        rest = next.trim_start_matches(is_space);
        if rest.is_empty() {
            break;
        }
    }
    let length: u16 = options.iter().map(|option: &TcpOption| option.length()).sum();
    if length > MOST_OPTIONS {
        let message = format!(
            "the options are {length} bytes long, and a TCP header has room for {MOST_OPTIONS}: the \
             kernel refuses the fingerprint"
        );
        remarks.push(field.remark(true, message));
    }
    options
}

/// What is kept of each option's value: a kind of wildcard (`enum nf_osf_window_size_options`) and
/// a number, both 0 where the option has none.
fn values(text: &str) -> Vec<(u8, u32)> {
    let value = |option: &str, kinds: &[(char, u8)]| {
        let rest = &option[1..];
        let wildcard = kinds.iter().find(|(sign, _)| rest.starts_with(*sign));
        let number = if wildcard.is_some() { &rest[1..] } else { rest };
        (wildcard.map_or(0, |(_, kind)| *kind), number::read(number).value as u32)
    };
    text.split(',')
        .map(|option| option.trim_start_matches(is_space))
        .filter_map(|option| match option.as_bytes().first() {
            Some(b'W') => Some(value(option, &[('%', 3), ('S', 1), ('T', 2)])),
            Some(b'M') => Some(value(option, &[('%', 3)])),
            Some(b'N' | b'S' | b'T' | b'E') => Some((0, 0)),
            _ => None,
        })
        .collect()
}

/// A system's name behind the sign that says how good the fingerprint is.
fn after_sign(field: Field<'_>) -> Field<'_> {
    match field.text.starts_with(['@', '*']) {
        true => Field { text: &field.text[1..], start: field.start + 1 },
        false => field,
    }
}

/// A name: the kernel keeps its first bytes.
fn name(field: Field<'_>, remarks: &mut Vec<Remark>) -> String {
    let text = field.text;
    if text.contains(char::REPLACEMENT_CHARACTER) {
        remarks.push(field.remark(true, "these bytes are not UTF-8".to_owned()));
        return String::new();
    }
    match text.get(..LONGEST_NAME) {
        Some(start) if text.len() > LONGEST_NAME => {
            let message = format!("the kernel keeps {LONGEST_NAME} bytes of '{text}'");
            remarks.push(field.remark(false, message));
            start.to_owned()
        }
        None if text.len() > LONGEST_NAME => {
            let message = format!("'{text}' is longer than {LONGEST_NAME} bytes");
            remarks.push(field.remark(true, message));
            String::new()
        }
        _ => text.to_owned(),
    }
}
