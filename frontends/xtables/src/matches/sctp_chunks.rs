//! The chunk test of `-m sctp`: which chunk types, with which flags, and how many of them.
//!
//! The struct keeps types in a bitmap that is eight times too long. `ALL` sets it all, so that
//! `--chunk-types all ALL` asks for types that no chunk can have and never holds, as in the kernel.
//! Conditions on flags are kept by a type's place in iptables' list of names instead of its number.
//! The two differ from I_DATA on, so that flags after such a name test nothing; this is kept.

use crate::{Fields, Given, Problem};
use bpfc_ir::{ChunkFlags, SctpChunks};
use std::fmt::Write;

/// How many of the listed types must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// At least one chunk is one of them.
    Any,
    /// Each of them is a chunk's.
    All,
    /// Every chunk is one of them.
    Only,
}

/// Names and numbers of chunk types, with letters for the flags that each has, highest bit first.
const TYPES: [(&str, u8, &str); 22] = [
    ("DATA", 0, "----IUBE"),
    ("INIT", 1, "--------"),
    ("INIT_ACK", 2, "--------"),
    ("SACK", 3, "--------"),
    ("HEARTBEAT", 4, "--------"),
    ("HEARTBEAT_ACK", 5, "--------"),
    ("ABORT", 6, "-------T"),
    ("SHUTDOWN", 7, "--------"),
    ("SHUTDOWN_ACK", 8, "--------"),
    ("ERROR", 9, "--------"),
    ("COOKIE_ECHO", 10, "--------"),
    ("COOKIE_ACK", 11, "--------"),
    ("ECN_ECNE", 12, "--------"),
    ("ECN_CWR", 13, "--------"),
    ("SHUTDOWN_COMPLETE", 14, "-------T"),
    ("I_DATA", 64, "----IUBE"),
    ("RE_CONFIG", 130, "--------"),
    ("PAD", 132, "--------"),
    ("ASCONF", 193, "--------"),
    ("ASCONF_ACK", 128, "--------"),
    ("FORWARD_TSN", 192, "--------"),
    ("I_FORWARD_TSN", 194, "--------"),
];

/// How many types can have a condition on their flags.
const MAX_CONDITIONS: usize = 4;
/// Where the conditions begin in the struct, and where their number is.
const CONDITIONS: usize = 268;
const COUNT: usize = 280;

/// `--chunk-types MODE TYPES`, or not.
#[derive(Debug)]
pub struct ChunkTest {
    /// How many of them.
    pub mode: Mode,
    /// The listed types, ascending.
    types: Vec<u8>,
    /// Whether all are listed, which asks for more than there are.
    every: bool,
    conditions: Vec<ChunkFlags>,
    /// Whether the test is inverted.
    pub invert: bool,
}

impl ChunkTest {
    /// Reads `struct xt_sctp_info`.
    pub fn decode(f: Fields<'_>, invert: bool) -> Result<Self, String> {
        let map: Vec<u32> = (0..64).map(|word| f.u32(8 + 4 * word)).collect();
        let every = map.iter().all(|&word| word == u32::MAX);
        if !every && map[8..].iter().any(|&word| word != 0) {
            return Err("chunk types beyond 255".to_owned());
        }
        let mode = match f.u32(264) {
            1 => Mode::Any,
            2 => Mode::All,
            4 => Mode::Only,
            other => return Err(format!("a way {other} to match chunks")),
        };
        let set = |kind: &u8| map[usize::from(kind >> 5)] >> (kind & 31) & 1 == 1;
        let types: Vec<u8> = (0..=255).filter(set).collect();
        let known = |kind| TYPES.iter().any(|&(_, known, _)| known == kind);
        if !every && types.iter().any(|&kind| !known(kind)) {
            return Err("chunk types without a name".to_owned());
        }
        let count = f.u32(COUNT) as usize;
        if count > MAX_CONDITIONS {
            return Err(format!("{count} conditions on flags"));
        }
        let mut conditions: Vec<ChunkFlags> = Vec::new();
        for index in 0..count {
            let [kind, value, mask] = f.bytes(CONDITIONS + 3 * index);
            let again = conditions.iter().any(|known| known.kind == kind);
            if mask == 0 || value & !mask != 0 || again || usize::from(kind) >= TYPES.len() {
                return Err(format!("flags {value:#x}/{mask:#x} of chunk type {kind}"));
            }
            conditions.push(ChunkFlags { kind, mask, value });
        }
        Ok(ChunkTest { mode, types, every, conditions, invert })
    }

    /// Reads `any|all|only TYPE[:FLAGS],...`, `ALL` or `NONE`.
    pub fn parse(given: &Given<'_>) -> Result<Self, Problem> {
        let mode = match given.text().to_ascii_lowercase().as_str() {
            "any" => Mode::Any,
            "all" => Mode::All,
            "only" => Mode::Only,
            other => return Err(given.bad(format!("'{other}' is none of any, all and only"))),
        };
        let invert = given.invert;
        let mut test =
            ChunkTest { mode, types: Vec::new(), every: false, conditions: Vec::new(), invert };
        let list = given.values.get(1).map_or("", |word| &word.text);
        if list.eq_ignore_ascii_case("ALL") {
            test.every = true;
            test.types = (0..=255).collect();
            return Ok(test);
        }
        if list.eq_ignore_ascii_case("NONE") {
            return Ok(test);
        }
        for item in list.split(',').filter(|item| !item.is_empty()) {
            let (name, flags) = item.split_once(':').unwrap_or((item, ""));
            let found = TYPES.iter().position(|(known, ..)| known.eq_ignore_ascii_case(name));
            let Some(place) = found else {
                return Err(given.bad(format!("'{name}' is no type of SCTP chunks")));
            };
            test.types.push(TYPES[place].1);
            for flag in flags.chars() {
                let letters = TYPES[place].2.chars().rev();
                let bit = letters.rev().position(|known| known == flag.to_ascii_uppercase());
                let Some(bit) = bit else {
                    return Err(given.bad(format!("'{flag}' is no flag of {name} chunks")));
                };
                if !test.add_condition(place as u8, 0x80 >> bit, flag.is_ascii_uppercase()) {
                    let message = format!("more than {MAX_CONDITIONS} types have flags");
                    return Err(given.bad(message));
                }
            }
        }
        test.types.sort_unstable();
        test.types.dedup();
        Ok(test)
    }

    /// Adds a flag to its type's condition; false where there is no room for one more type. A flag
    /// that was to be set once stays so.
    fn add_condition(&mut self, kind: u8, bit: u8, set: bool) -> bool {
        let known = self.conditions.iter().position(|condition| condition.kind == kind);
        if known.is_none() && self.conditions.len() == MAX_CONDITIONS {
            return false;
        }
        let place = known.unwrap_or_else(|| {
            self.conditions.push(ChunkFlags { kind, mask: 0, value: 0 });
            self.conditions.len() - 1
        });
        let condition = &mut self.conditions[place];
        condition.mask |= bit;
        condition.value |= if set { bit } else { 0 };
        true
    }

    /// The listed types, ascending.
    pub fn kinds(&self) -> impl Iterator<Item = u8> {
        self.types.iter().copied()
    }

    /// Whether types are asked for that no chunk can have.
    pub fn asks_impossible(&self) -> bool {
        self.every
    }

    /// Whether a chunk is one of the listed.
    pub fn contains(&self, kind: u8, flags: u8) -> bool {
        let mut conditions = self.conditions.iter().filter(|condition| condition.kind == kind);
        self.types.binary_search(&kind).is_ok()
            && conditions.all(|condition| flags & condition.mask == condition.value)
    }

    /// The listed chunks.
    pub fn set(&self) -> SctpChunks {
        self.types.iter().fold(SctpChunks::none(), |set, &kind| self.extend(set, kind))
    }

    /// One set for each listed type.
    pub fn sets(&self) -> Vec<SctpChunks> {
        self.types.iter().map(|&kind| self.extend(SctpChunks::none(), kind)).collect()
    }

    fn extend(&self, set: SctpChunks, kind: u8) -> SctpChunks {
        let set = set.with(kind);
        let condition = self.conditions.iter().find(|condition| condition.kind == kind);
        // There are at most four conditions, each of another type.
        condition.and_then(|&condition| set.where_flags(condition)).unwrap_or(set)
    }

    /// Appends ` any DATA:Be,INIT` as iptables-save prints it, or with numbers as `iptables -nL`
    /// does.
    pub fn print(&self, numeric: bool, out: &mut String) {
        out.push_str(match self.mode {
            Mode::Any => " any",
            Mode::All => " all",
            Mode::Only => " only",
        });
        if self.every || self.types.is_empty() {
            out.push_str(if self.every { " ALL" } else { " NONE" });
            return;
        }
        for (index, &kind) in self.types.iter().enumerate() {
            out.push(if index == 0 { ' ' } else { ',' });
            let name = TYPES.iter().find(|(_, known, _)| *known == kind).map(|(name, ..)| *name);
            let _ = match name {
                Some(name) if !numeric => write!(out, "{name}"),
                _ => write!(out, "0x{kind:04X}"),
            };
            let condition = self.conditions.iter().find(|condition| condition.kind == kind);
            let Some(ChunkFlags { mask, value, .. }) = condition else { continue };
            out.push(':');
            let letters = TYPES.get(usize::from(kind)).map_or("", |(_, _, letters)| letters);
            for (bit, letter) in letters.chars().enumerate().map(|(n, l)| (0x80u8 >> n, l)) {
                if mask & bit != 0 {
                    let upper = value & bit != 0;
                    out.push(if upper { letter } else { letter.to_ascii_lowercase() });
                }
            }
        }
    }
}
