//! What is kept beside an element: words behind it in `add`, and the bytes of its value.

use crate::definition::MAX_TIMEOUT;
use crate::layout::COMMENT;
use crate::{ElementError, Layout, SetDef, SetKind};

/// Nanoseconds in a second.
pub(crate) const SECOND: u64 = 1_000_000_000;

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
    pub fn parse(def: &SetDef, words: &[&str], first: usize) -> Result<Self, ElementError> {
        let mut found = Extensions::default();
        let mut index = 0;
        while let Some(word) = words.get(index) {
            let bad = |offset: usize, message: String| ElementError {
                word: first + index + offset,
                message,
            };
            let value = words.get(index + 1).copied();
            let takes_value = !matches!(*word, "nomatch" | "wildcard");
            if takes_value && value.is_none() {
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
        let number = |most: u64| match value.parse::<u64>() {
            Ok(number) if number <= most && !value.starts_with('+') => Ok(number),
            _ => Err((format!("'{value}' is not a number from 0 to {most}"), true)),
        };
        let hex = |text: &str| {
            let digits = text.strip_prefix("0x").unwrap_or(text);
            u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
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
            "packets" => self.packets = number(u64::MAX)?,
            "bytes" => self.bytes = number(u64::MAX)?,
            "comment" if !options.comment => return without("comment"),
            "comment" if value.contains('"') => {
                return Err(("a comment must not contain a quotation mark".into(), true));
            }
            "comment" if value.len() > COMMENT => {
                return Err((format!("a comment has at most {COMMENT} bytes"), true));
            }
            "comment" => value.clone_into(&mut self.comment),
            "skbmark" | "skbprio" | "skbqueue" if !options.skbinfo => return without("skbinfo"),
            "skbmark" => {
                let (mark, mask) = match value.split_once('/') {
                    Some((mark, mask)) => (hex(mark), hex(mask)),
                    None => (hex(value), Some(u32::MAX)),
                };
                self.mark = mark
                    .zip(mask)
                    .ok_or_else(|| (format!("'{value}' is not MARK or MARK/MASK"), true))?;
            }
            "skbprio" => {
                let parts = value.split_once(':').and_then(|(major, minor)| {
                    let part = |text| hex(text).and_then(|number| u16::try_from(number).ok());
                    Some(u32::from(part(major)?) << 16 | u32::from(part(minor)?))
                });
                self.priority =
                    parts.ok_or_else(|| (format!("'{value}' is not MAJOR:MINOR"), true))?;
            }
            "skbqueue" => self.queue = number(u16::MAX.into())? as u16,
            _ => return Err((format!("an element of {} has no '{word}'", def.kind), false)),
        }
        Ok(())
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
        put(layout.comment, 0, self.comment.as_bytes());
        value
    }
}
