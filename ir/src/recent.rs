//! Lists of recently seen addresses (net/netfilter/xt_recent.c): what they are and what is asked
//! of them.
//!
//! A list keeps addresses of both families from the one that was seen longest ago on; a new one
//! takes the place of the first where the list is full. Each address has the time to live of the
//! packet that was seen last and the times, in clock ticks, at which it was seen.

use crate::{Family, Type};
use std::fmt;

/// What never changes about a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecentList {
    /// Addresses that it remembers at most (`ip_list_tot`).
    pub entries: u32,
    /// Times that it remembers of each address, a power of two (`nstamps_max_mask` + 1).
    pub stamps: u32,
    /// The bits of addresses that count, in the order of a `union nf_inet_addr`: those of an IPv4
    /// address are the upper 32.
    pub mask: u128,
}

/// What becomes of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecentAction {
    /// It is seen now, and gets into the list.
    Set,
    /// It is looked for.
    Check,
    /// It is looked for and, where the answer is yes, seen now.
    Update,
    /// It is looked for and removed.
    Remove,
}

/// A question about a packet's address, which an address (i32 or i128 by the family) and a time
/// to live (i8) follow.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecentQuery {
    /// The address's family.
    pub family: Family,
    /// What becomes of it.
    pub action: RecentAction,
    /// Whether the answer is turned around; an update turns on the turned answer.
    pub invert: bool,
    /// How many seconds ago it counts as seen; 0 for any time.
    pub seconds: u32,
    /// How often it must have been seen; 0 for once.
    pub hits: u32,
    /// Whether its packet must have the time to live that the list remembers.
    pub ttl: bool,
    /// Whether the address that was seen longest ago goes where that is longer than `seconds`.
    pub reap: bool,
}

/// `XT_RECENT_MAX_NSTAMPS`, Linux 6.11; 256 before.
pub const MAX_STAMPS: u32 = 1 << 16;
/// Entries of a list at most: their links are 16-bit numbers.
const MAX_ENTRIES: u32 = 1 << 14;

impl RecentList {
    pub(crate) fn is_sound(&self) -> bool {
        (1..=MAX_ENTRIES).contains(&self.entries)
            && self.stamps.is_power_of_two()
            && self.stamps <= MAX_STAMPS
    }

    /// The list that serves rules of which some want it so and later ones as `other` says: the
    /// first decide on the mask, the greatest on the times that are kept.
    pub(crate) fn joined(&self, other: &RecentList) -> Option<RecentList> {
        let stamps = self.stamps.max(other.stamps);
        (self.entries == other.entries).then_some(RecentList { stamps, ..*self })
    }

    /// An address's number in a `union nf_inet_addr`, less the bits that do not count.
    pub fn key(&self, family: Family, address: u128) -> u128 {
        match family {
            Family::Ipv4 => address << 96 & self.mask,
            Family::Ipv6 => address & self.mask,
        }
    }
}

impl RecentQuery {
    pub(crate) fn arguments(&self, list: &RecentList, family: Family) -> Option<Vec<Type>> {
        let address = match family {
            Family::Ipv4 => Type::I32,
            Family::Ipv6 => Type::I128,
        };
        let reads = matches!(self.action, RecentAction::Check | RecentAction::Update);
        let plain = self.seconds == 0 && self.hits == 0 && !self.ttl;
        let sound = self.hits <= list.stamps
            && (reads || plain)
            && !(self.reap && self.seconds == 0)
            && self.family == family;
        sound.then(|| vec![address, Type::I8])
    }
}

impl RecentAction {
    /// Every action, with its word in the text form.
    pub const ALL: [(RecentAction, &'static str); 4] = [
        (RecentAction::Set, "set"),
        (RecentAction::Check, "check"),
        (RecentAction::Update, "update"),
        (RecentAction::Remove, "remove"),
    ];
}

impl fmt::Display for RecentList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RecentList { entries, stamps, mask } = self;
        write!(f, "recent entries {entries} stamps {stamps} mask {mask:#x}")
    }
}

impl fmt::Display for RecentQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = RecentAction::ALL.iter().find(|(action, _)| *action == self.action);
        write!(f, "recent {} {}", self.family, word.map_or("", |(_, word)| word))?;
        let numbers = [("seconds", self.seconds), ("hits", self.hits)];
        for (word, number) in numbers.into_iter().filter(|&(_, number)| number != 0) {
            write!(f, " {word} {number}")?;
        }
        let flags = [("ttl", self.ttl), ("reap", self.reap), ("invert", self.invert)];
        for (word, _) in flags.into_iter().filter(|&(_, on)| on) {
            write!(f, " {word}")?;
        }
        Ok(())
    }
}
