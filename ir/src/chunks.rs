//! Sets of SCTP chunks: what [`crate::Scan::SctpChunk`] looks for.

use std::fmt;
use std::str::FromStr;

/// A set of chunks by type and, for at most four types, by flags
/// (include/uapi/linux/netfilter/xt_sctp.h).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SctpChunks {
    types: [u64; 4],
    conditions: [ChunkFlags; 4],
    outside: bool,
}

/// A condition on the flags of one type's chunks: `flags & mask == value`. A mask of 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkFlags {
    /// The chunk type.
    pub kind: u8,
    /// The flags that count.
    pub mask: u8,
    /// What they must be.
    pub value: u8,
}

impl SctpChunks {
    /// No chunk.
    pub fn none() -> Self {
        Self::default()
    }

    /// These chunks and those of a type.
    pub fn with(mut self, kind: u8) -> Self {
        self.types[usize::from(kind >> 6)] |= 1 << (kind & 63);
        self
    }

    /// These chunks, but those of the condition's type only where its flags are so; `None` where
    /// there are four conditions already or one for that type.
    pub fn where_flags(mut self, condition: ChunkFlags) -> Option<Self> {
        if condition.mask == 0 {
            return Some(self);
        }
        if self.conditions.iter().any(|known| known.mask != 0 && known.kind == condition.kind) {
            return None;
        }
        *self.conditions.iter_mut().find(|slot| slot.mask == 0)? = condition;
        // One form for one meaning: used slots first, by type.
        self.conditions.sort_unstable_by_key(|slot| (slot.mask == 0, slot.kind));
        Some(self)
    }

    /// All chunks but these.
    pub fn complement(self) -> Self {
        SctpChunks { outside: !self.outside, ..self }
    }

    /// Whether it is the chunks outside of what [`SctpChunks::kinds`] and
    /// [`SctpChunks::conditions`] describe.
    pub fn is_complement(&self) -> bool {
        self.outside
    }

    /// The types that are named, ascending.
    pub fn kinds(&self) -> impl Iterator<Item = u8> {
        let types = self.types;
        (0..=255u8).filter(move |kind| types[usize::from(kind >> 6)] >> (kind & 63) & 1 == 1)
    }

    /// The named types as bits, type 0 the lowest bit of the first word.
    pub fn bits(&self) -> [u64; 4] {
        self.types
    }

    /// The conditions on flags, by type.
    pub fn conditions(&self) -> impl Iterator<Item = ChunkFlags> {
        self.conditions.into_iter().filter(|condition| condition.mask != 0)
    }

    /// Whether a chunk of this type and these flags belongs to the set.
    pub fn contains(&self, kind: u8, flags: u8) -> bool {
        let named = self.types[usize::from(kind >> 6)] >> (kind & 63) & 1 == 1;
        let mut conditions = self.conditions().filter(|condition| condition.kind == kind);
        let held = conditions.all(|condition| flags & condition.mask == condition.value);
        (named && held) != self.outside
    }
}

impl fmt::Display for SctpChunks {
    /// `{0,3/7=1,192}`: types, and a type with mask and value of its flags; `!` in front of the
    /// complement.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.outside { "!{" } else { "{" })?;
        let mut comma = "";
        let mut item = |kind: u8, condition: Option<ChunkFlags>, f: &mut fmt::Formatter<'_>| {
            write!(f, "{comma}{kind}")?;
            comma = ",";
            match condition {
                Some(ChunkFlags { mask, value, .. }) => write!(f, "/{mask}={value}"),
                None => Ok(()),
            }
        };
        for kind in self.kinds() {
            item(kind, self.conditions().find(|condition| condition.kind == kind), f)?;
        }
        f.write_str("}")
    }
}

impl FromStr for SctpChunks {
    type Err = crate::UnknownWord;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (outside, rest) = match s.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, s),
            };
            let items = rest.strip_prefix('{')?.strip_suffix('}')?;
            let mut set = SctpChunks { outside, ..Self::none() };
            for item in items.split(',').filter(|_| !items.is_empty()) {
                let (kind, condition) = match item.split_once('/') {
                    Some((kind, condition)) => (kind, Some(condition.split_once('=')?)),
                    None => (item, None),
                };
                let kind = kind.parse().ok()?;
                set = set.with(kind);
                if let Some((mask, value)) = condition {
                    let (mask, value) = (mask.parse().ok()?, value.parse().ok()?);
                    set = set.where_flags(ChunkFlags { kind, mask, value })?;
                }
            }
            Some(set)
        };
        read().ok_or_else(|| crate::UnknownWord(s.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_they_say() {
        let flags = ChunkFlags { kind: 0, mask: 3, value: 1 };
        let set = SctpChunks::none().with(0).with(192).where_flags(flags).unwrap();
        assert!(set.contains(0, 5) && set.contains(192, 0));
        assert!(!set.contains(0, 2) && !set.contains(1, 1));
        assert!(set.complement().contains(0, 2) && !set.complement().contains(192, 0));
        assert_eq!(set.where_flags(ChunkFlags { kind: 0, mask: 1, value: 0 }), None);
    }

    #[test]
    fn text_round_trips() {
        for text in ["{}", "!{}", "{0,6/1=1,192}", "!{0/7=2,255}"] {
            assert_eq!(text.parse::<SctpChunks>().unwrap().to_string(), text);
        }
        for text in ["", "{", "{0,}", "{256}", "{0/1}", "{0/1=2/3}", "{0/1=1,0/2=2}"] {
            assert!(text.parse::<SctpChunks>().is_err(), "{text}");
        }
    }
}
