//! What is kept beside an element: words behind it in `add`, and the bytes of its value.

use crate::definition::{MAX_TIMEOUT, option_word};
use crate::layout::COMMENT;
use crate::numbers::parse_within;
use crate::{ElementError, Layout, SetDef, SetKind};
use bpfc_abi::raw;

/// Nanoseconds in a second.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// A hexadecimal number at the beginning of a text as scanf reads it, its low 32 bits, and what
/// stands behind it, which ipset does not look at.
fn scan_hex(text: &str) -> Option<(u32, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    match digits {
        "" => None,
        // More than 64 bits are as many as there can be.
        digits => Some((u64::from_str_radix(digits, 16).unwrap_or(u64::MAX) as u32, rest)),
    }
}

/// A hexadecimal number without the `0x` that may stand in front.
fn bare(text: &str) -> &str {
    text.strip_prefix("0x").unwrap_or(text)
}

/// Words that another one follows.
const WITH_VALUES: [&str; 9] =
    ["timeout", "packets", "bytes", "comment", "skbmark", "skbprio", "skbqueue", "before", "after"];

/// What words stand behind an element for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// `add`.
    Add,
    /// `del`.
    Delete,
    /// `test`.
    Test,
}

/// The words behind an element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// `nomatch`: an exception.
    pub nomatch: bool,
    /// `wildcard`: the interface's name is the beginning of one.
    pub wildcard: bool,
    /// `timeout` in seconds; absent for the set's default.
    pub timeout: Option<u32>,
    /// `packets`.
    pub packets: u64,
    /// `bytes`.
    pub bytes: u64,
    /// Whether words gave `packets` and `bytes`.
    pub counted: [bool; 2],
    /// `comment`.
    pub comment: String,
    /// `skbmark`: mark and mask.
    pub mark: (u32, u32),
    /// `skbprio`.
    pub priority: u32,
    /// `skbqueue`.
    pub queue: u16,
    /// `before NAME` (true) or `after NAME` in a list.
    pub place: Option<(bool, String)>,
}

impl Extensions {
    /// Reads the words behind an element; errors count them from `first`.
    ///
    /// # Errors
    /// The word at fault and a sentence.
    pub fn parse(
        def: &SetDef,
        command: Command,
        words: &[&str],
        first: usize,
    ) -> Result<Self, ElementError> {
        let mut found = Extensions::default();
        let mut index = 0;
        let mut given: Vec<&str> = Vec::new();
        while let Some(word) = words.get(index) {
            let word = option_word(word);
            let bad = |offset: usize, message: String| ElementError {
                word: first + index + offset,
                message,
            };
            let value = words.get(index + 1).copied();
            let takes_value = !matches!(word, "nomatch" | "wildcard");
            let is_taken = match command {
                Command::Add => true,
                Command::Delete => matches!(word, "before" | "after"),
                Command::Test => matches!(word, "before" | "after" | "nomatch"),
            };
            if !is_taken {
                let what = if command == Command::Test { "test" } else { "del" };
                return Err(bad(0, format!("{what} takes no '{word}'")));
            }
            let named = if word == "after" { "before" } else { word };
            if takes_value && given.contains(&named) {
                return Err(bad(0, format!("'{word}' is given already")));
            }
            given.push(named);
            if takes_value && value.is_none() && WITH_VALUES.contains(&word) {
                return Err(bad(0, format!("'{word}' needs a value")));
            }
            let value = value.unwrap_or_default();
            found
                .take(def, word, value)
                .map_err(|(message, of_value)| bad(usize::from(of_value), message))?;
            index += 1 + usize::from(takes_value);
        }
        Ok(found)
    }

    fn take(&mut self, def: &SetDef, word: &str, value: &str) -> Result<(), (String, bool)> {
        let options = &def.options;
        let without = |what: &str| Err((format!("the set was created without {what}"), false));
        let number = |most: u64| {
            let number = parse_within(value, 0, most);
            number.ok_or_else(|| (format!("'{value}' is not a number from 0 to {most}"), true))
        };
        match word {
            "nomatch" if def.kind.takes_nomatch() => self.nomatch = true,
            "wildcard" if def.kind == SetKind::HashNetIface => self.wildcard = true,
            "before" | "after" if def.kind.is_list() => {
                self.place = Some((word == "before", value.to_owned()));
            }
            "timeout" if options.timeout.is_none() => return without("timeout"),
            "timeout" => self.timeout = Some(number(MAX_TIMEOUT.into())? as u32),
            "packets" | "bytes" if !options.counters => return without("counters"),
            "packets" => (self.packets, self.counted[0]) = (number(u64::MAX - 1)?, true),
            "bytes" => (self.bytes, self.counted[1]) = (number(u64::MAX - 1)?, true),
            "comment" if !options.comment => return without("comment"),
            "comment" if value.contains('"') => {
                return Err(("a comment must not contain a quotation mark".into(), true));
            }
            "comment" if raw::length(value) > COMMENT => {
                return Err((format!("a comment has at most {COMMENT} bytes"), true));
            }
            "comment" => value.clone_into(&mut self.comment),
            "skbmark" | "skbprio" | "skbqueue" if !options.skbinfo => return without("skbinfo"),
            "skbmark" => {
                let (mark, rest) = value
                    .strip_prefix("0x")
                    .and_then(scan_hex)
                    .ok_or_else(|| (format!("'{value}' is not 0xMARK or 0xMARK/0xMASK"), true))?;
                let mask = rest.strip_prefix("/0x").and_then(scan_hex);
                self.mark = (mark, mask.map_or(u32::MAX, |(mask, _)| mask));
            }
            "skbprio" => {
                let parts = scan_hex(bare(value)).and_then(|(major, rest)| {
                    let (minor, _) = scan_hex(bare(rest.strip_prefix(':')?))?;
                    Some(major << 16 | minor & 0xffff)
                });
                self.priority =
                    parts.ok_or_else(|| (format!("'{value}' is not MAJOR:MINOR"), true))?;
            }
            "skbqueue" => self.queue = number(u16::MAX.into())? as u16,
            _ => return Err((format!("an element of {} has no '{word}'", def.kind), false)),
        }
        Ok(())
    }

    /// What becomes of an element that is there already when it is added with `wanted` as its
    /// value; none where that is an error. Counters that words did not give stay, and so does the
    /// Ethernet address of a `bitmap:ip,mac` element, which is taken from whoever brings the first
    /// one.
    pub fn renewed(
        &self,
        layout: &Layout,
        there: &[u8],
        wanted: &[u8],
        exist: bool,
    ) -> Option<Vec<u8>> {
        let mut value = wanted.to_vec();
        let has_mac = |value: &[u8]| u32::from(value[0]) & Layout::HAS_MAC != 0;
        let mut keep = |at: usize, size: usize| {
            value[at..at + size].copy_from_slice(&there[at..at + size]);
        };
        match layout.value_mac {
            Some(_) if has_mac(wanted) && !has_mac(there) => {
                // What it was added with begins to count.
                if let Some(at) = layout.timeout.filter(|_| self.timeout.is_none()) {
                    keep(at, 8);
                }
            }
            _ if !exist => return None,
            Some(at) if !has_mac(wanted) => {
                keep(0, 4);
                keep(at, 6);
            }
            _ => {}
        }
        for (offset, given) in [(0, self.counted[0]), (8, self.counted[1])] {
            if let Some(at) = layout.counters.filter(|_| !given) {
                keep(at + offset, 8);
            }
        }
        Some(value)
    }

    /// Whether `test` with these words finds an element that is there with `value`: an exception
    /// where it asks for one, and with the Ethernet address that it names.
    pub fn finds(&self, layout: &Layout, value: &[u8], wanted: &[u8]) -> bool {
        let flags = u32::from(value[0]);
        let both = flags & u32::from(wanted[0]) & Layout::HAS_MAC != 0;
        let mac =
            |value: &[u8]| layout.value_mac.and_then(|at| Some(value.get(at..at + 6)?.to_vec()));
        let other_mac = both && mac(value) != mac(wanted);
        (flags & Layout::NOMATCH != 0) == self.nomatch && !other_mac
    }

    /// The value of an element, its timeout counted from when it is loaded.
    pub fn value(&self, def: &SetDef, layout: &Layout, mac: Option<[u8; 6]>) -> Vec<u8> {
        let mut value = vec![0; layout.value_size];
        let mut put = |at: Option<usize>, offset: usize, bytes: &[u8]| {
            if let Some(at) = at {
                value[at + offset..at + offset + bytes.len()].copy_from_slice(bytes);
            }
        };
        let nomatch = if self.nomatch { Layout::NOMATCH } else { 0 };
        let has_mac = if mac.is_some() { Layout::HAS_MAC } else { 0 };
        put(Some(0), 0, &(nomatch | has_mac).to_le_bytes());
        let seconds = self.timeout.or(def.options.timeout).unwrap_or(0);
        put(layout.timeout, 0, &(u64::from(seconds) * SECOND).to_le_bytes());
        put(layout.counters, 0, &self.packets.to_le_bytes());
        put(layout.counters, 8, &self.bytes.to_le_bytes());
        put(layout.skbinfo, 0, &self.mark.0.to_le_bytes());
        put(layout.skbinfo, 4, &self.mark.1.to_le_bytes());
        put(layout.skbinfo, 8, &self.priority.to_le_bytes());
        put(layout.skbinfo, 12, &self.queue.to_le_bytes());
        put(layout.value_mac, 0, &mac.unwrap_or_default());
        put(layout.comment, 0, &raw::encode(&self.comment));
        value
    }
}
