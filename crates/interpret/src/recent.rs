//! What a list of recently seen addresses answers, and how it changes.

use bpfc_ir::{Family, RecentAction, RecentList, RecentQuery};
use std::collections::VecDeque;

/// A list, from the address that was seen longest ago on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(VecDeque<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    family: Family,
    key: u128,
    ttl: u8,
    /// The times at which it was seen last, the latest first.
    stamps: VecDeque<u64>,
}

/// A packet's address and time to live, and the clock in ticks and ticks a second.
pub(crate) struct Sight {
    pub address: u128,
    pub ttl: u8,
    pub now: u64,
    pub hertz: u32,
}

impl Seen {
    pub fn ask(&mut self, list: &RecentList, query: &RecentQuery, sight: &Sight) -> bool {
        let key = list.key(query.family, sight.address);
        let wanted = |entry: &Entry| {
            (entry.family, entry.key) == (query.family, key)
                && (!query.ttl || [sight.ttl, 0].contains(&entry.ttl) || sight.ttl == 0)
        };
        let Some(at) = self.0.iter().position(wanted) else {
            if query.action != RecentAction::Set {
                return query.invert;
            }
            if self.0.len() == list.entries as usize {
                self.0.pop_front();
            }
            let stamps = VecDeque::from([sight.now]);
            self.0.push_back(Entry { family: query.family, key, ttl: sight.ttl, stamps });
            return !query.invert;
        };
        let age = u64::from(query.seconds.wrapping_mul(sight.hertz));
        // As the kernel compares times: `time_after`.
        let old = |stamp: u64| (stamp.wrapping_sub(sight.now.wrapping_sub(age)) as i64) < 0;
        let seen = |entry: &Entry| {
            let nth = entry.stamps.get(query.hits.max(1) as usize - 1);
            nth.is_some_and(|&stamp| query.seconds == 0 || !old(stamp))
        };
        let found = match query.action {
            RecentAction::Set | RecentAction::Remove => true,
            RecentAction::Check | RecentAction::Update => seen(&self.0[at]),
        };
        let answer = found != query.invert;
        let touched =
            query.action == RecentAction::Set || query.action == RecentAction::Update && answer;
        let reaped =
            query.reap && !(at == 0 && touched) && self.0[0].stamps.iter().take(1).all(|&s| old(s));
        if query.action == RecentAction::Remove {
            self.0.remove(at);
        } else if touched && let Some(mut entry) = self.0.remove(at) {
            entry.stamps.push_front(sight.now);
            entry.stamps.truncate(list.stamps as usize);
            entry.ttl = sight.ttl;
            self.0.push_back(entry);
        }
        if reaped {
            self.0.pop_front();
        }
        answer
    }
}
