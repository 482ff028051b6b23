//! Probes: what [`crate::Scan::Probe`] does to a whole packet, too large to stand in an
//! instruction.

use crate::ClassicFilter;
use std::fmt;

/// One definition, which scans refer to by number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeDef {
    /// A search for bytes.
    Text(TextSearch),
    /// A classic BPF filter. The scan yields what it returns, which is no offset.
    Filter(ClassicFilter),
}

/// A search for bytes anywhere in a part of the packet, as the kernel's textsearch does it
/// (net/core/skbuff.c, `skb_find_text`; lib/ts_kmp.c). The scan yields where the first occurrence
/// begins, or absent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextSearch {
    /// What is looked for: 1 to [`TextSearch::LONGEST`] bytes.
    pub pattern: Vec<u8>,
    /// The first byte that an occurrence may take, counted from the network header.
    pub from: u16,
    /// The byte behind the last; not before `from`.
    pub to: u16,
    /// Whether the packet's bytes are turned to upper case (Latin-1, as the kernel sees it) before
    /// they are compared with the pattern.
    pub fold: bool,
}

impl TextSearch {
    /// The longest pattern (include/uapi/linux/netfilter/xt_string.h).
    pub const LONGEST: usize = 128;

    /// Whether the numbers fit each other.
    pub fn is_sound(&self) -> bool {
        (1..=Self::LONGEST).contains(&self.pattern.len()) && self.from <= self.to
    }
}

impl ProbeDef {
    /// Whether code can be made of it.
    pub fn is_sound(&self) -> bool {
        match self {
            ProbeDef::Text(text) => text.is_sound(),
            // Checked when it was made.
            ProbeDef::Filter(_) => true,
        }
    }
}

impl fmt::Display for ProbeDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProbeDef::Filter(filter) => write!(f, "filter \"{filter}\""),
            ProbeDef::Text(TextSearch { pattern, from, to, fold }) => {
                f.write_str("text \"")?;
                for byte in pattern {
                    write!(f, "{byte:02x}")?;
                }
                write!(f, "\" from {from} to {to}{}", if *fold { " fold" } else { "" })
            }
        }
    }
}
