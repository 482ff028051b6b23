//! Kinds of TCP options.

use std::fmt;

/// A set of kinds of TCP options (RFC 9293, section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OptionKinds([u64; 4]);

impl OptionKinds {
    /// Whether it holds a kind.
    pub fn contains(&self, kind: u8) -> bool {
        self.0[usize::from(kind / 64)] >> (kind % 64) & 1 == 1
    }

    /// Adds a kind; whether it was not there.
    pub fn insert(&mut self, kind: u8) -> bool {
        let new = !self.contains(kind);
        self.0[usize::from(kind / 64)] |= 1 << (kind % 64);
        new
    }

    /// Its kinds, from the lowest on.
    pub fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        (0..=u8::MAX).filter(|&kind| self.contains(kind))
    }

    /// As bits: kind 0 is the lowest bit of the first word.
    pub fn words(&self) -> [u64; 4] {
        self.0
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }
}

impl FromIterator<u8> for OptionKinds {
    fn from_iter<I: IntoIterator<Item = u8>>(kinds: I) -> Self {
        let mut set = OptionKinds::default();
        for kind in kinds {
            set.insert(kind);
        }
        set
    }
}

/// The numbers with blanks between.
impl fmt::Display for OptionKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, kind) in self.iter().enumerate() {
            write!(f, "{}{kind}", if at == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}
