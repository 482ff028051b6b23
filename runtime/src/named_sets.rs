//! Named sets and maps of nft rulesets: reading and changing their elements while programs ask.
//!
//! [`bpfc_artifact::NamedSet`] says where elements lie. A packet sees an element before or after
//! it is changed; of a range, which is several prefixes, what is new is there before what is old
//! goes. Changes are made under the filter's lock, as everything that changes a filter; packets
//! take none.

use crate::sets::SetProblem;
use crate::sys::{Map, clock};
use crate::{Error, Filter};
use bpfc_artifact::{ElementPlace, NamedSet, Stored};
use std::collections::BTreeMap;
use std::io;

/// What an element says.
type Words = Vec<[u64; 2]>;

/// The elements of a named set at a moment, packed.
#[derive(Debug)]
pub struct NamedElements {
    place: ElementPlace,
    keys: Vec<u8>,
    values: Vec<u8>,
    /// Where elements are, in the order of their keys.
    order: Vec<u32>,
    /// By group, the states of elements by their numbers.
    groups: Vec<BTreeMap<u32, Words>>,
    /// The moment, in nanoseconds since the machine started.
    pub now: u64,
}

/// How elements are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adding {
    /// As nft adds: one that is there as it shall be is no error.
    Add,
    /// What is there already is written anew.
    Replace,
}

impl Filter {
    /// The named sets of the filter's nft tables that its rules ask, in ruleset order.
    pub fn named_sets(&self) -> Result<Vec<NamedSet>, Error> {
        let _lock = self.lock()?;
        let (home, state) = self.settled()?;
        let opened = home.generation(state.target)?;
        Ok(opened.map(|opened| opened.metadata.rules.sets).unwrap_or_default())
    }

    /// The elements of a named set but for those that are fixed, in the order of their keys.
    /// `None` where none can come and go. Tries need Linux 5.13.
    pub fn named_elements(&self, set: &NamedSet) -> Result<Option<NamedElements>, Error> {
        let _lock = self.lock()?;
        Ok(match Maps::open(self, set)? {
            Some(maps) => Some(maps.elements(set)?),
            None => None,
        })
    }

    /// Adds elements to a named set, whose times begin now: [`Stored::life`] says how long an
    /// element lives and how long it is still to live, in milliseconds and nanoseconds. Those
    /// before one that cannot be added are there.
    ///
    /// # Errors
    /// [`Error::Set`].
    pub fn add_named(
        &self,
        set: &NamedSet,
        elements: &[Stored],
        adding: Adding,
    ) -> Result<(), Error> {
        self.change(set, |maps, now| {
            let mut all = maps.overlaps(set)?;
            for element in elements {
                let mut element = element.clone();
                if let Some((_, end)) = &mut element.life {
                    *end = now.saturating_add(*end);
                }
                maps.add(set, element, adding, now, all.as_mut())?;
            }
            Ok(())
        })
    }

    /// Deletes elements of a named set. With `may_miss` they need not be there.
    ///
    /// # Errors
    /// [`Error::Set`].
    pub fn delete_named(
        &self,
        set: &NamedSet,
        elements: &[Stored],
        may_miss: bool,
    ) -> Result<(), Error> {
        self.change(set, |maps, now| {
            let mut all = maps.overlaps(set)?;
            for element in elements {
                match maps.delete(set, element, now, all.as_mut())? {
                    true => {}
                    false if may_miss => {}
                    false => return Err(SetProblem::NotThere.of(&set.label())),
                }
            }
            Ok(())
        })
    }

    /// Deletes all elements of a named set.
    pub fn flush_named(&self, set: &NamedSet) -> Result<(), Error> {
        self.change(set, |maps, _| {
            let (keys, _) = maps.own.elements().map_err(Error::kernel("read a set"))?;
            keys.chunks_exact(maps.place.key_size as usize).try_for_each(|key| maps.forget(key))
        })
    }

    /// Whether a named set has an element that holds another one.
    pub fn has_named(&self, set: &NamedSet, element: &Stored) -> Result<bool, Error> {
        let _lock = self.lock()?;
        let maps = Maps::open(self, set)?.ok_or_else(|| fixed(set))?;
        let now = clock();
        match maps.overlaps(set)? {
            None => Ok(maps.there(&element.key, now)?.is_some()),
            Some(all) => Ok(all.iter().any(|other| holds(&other.key, &element.key))),
        }
    }

    fn change<T>(
        &self,
        set: &NamedSet,
        change: impl FnOnce(&Maps, u64) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let _lock = self.lock()?;
        let maps = Maps::open(self, set)?.ok_or_else(|| fixed(set))?;
        change(&maps, clock())
    }
}

fn fixed(set: &NamedSet) -> Error {
    let problem = SetProblem::Element(format!(
        "its elements cannot be changed while the filter is loaded: {}; change the ruleset and \
         load it again",
        set.why_fixed
    ));
    problem.of(&set.label())
}

fn holds(one: &[(u128, u128)], other: &[(u128, u128)]) -> bool {
    one.iter().zip(other).all(|(one, other)| one.0 <= other.0 && other.1 <= one.1)
}

fn meets(one: &[(u128, u128)], other: &[(u128, u128)]) -> bool {
    one.iter().zip(other).all(|(one, other)| one.0 <= other.1 && other.0 <= one.1)
}

/// The maps of a set in the generation that decides.
struct Maps {
    place: ElementPlace,
    own: Map,
    groups: Vec<Map>,
}

impl Maps {
    /// `None` where the set lies in none that can be changed.
    fn open(filter: &Filter, set: &NamedSet) -> Result<Option<Maps>, Error> {
        let (home, state) = filter.settled()?;
        let missing = || SetProblem::Missing.of(&set.label());
        let opened = home.generation(state.target)?.ok_or_else(missing)?;
        let sets = opened.metadata.rules.sets;
        let found = sets.into_iter().find(|found| found.label() == set.label());
        let Some(place) = found.ok_or_else(missing)?.place else { return Ok(None) };
        if Some(&place) != set.place.as_ref() {
            // The filter was replaced since the caller asked.
            return Err(Error::Overtaken { name: filter.name().to_owned(), attempts: 1 });
        }
        let open = |name: &str| home.map(state.target, name)?.ok_or_else(missing);
        let own = open(&place.map)?;
        let groups = place.groups.iter().map(|group| open(&group.map));
        let groups = groups.collect::<Result<_, Error>>()?;
        Ok(Some(Maps { place, own, groups }))
    }

    fn read(&self) -> Result<(Vec<u8>, Vec<u8>), Error> {
        self.own.elements().map_err(Error::kernel("read a set"))
    }

    fn elements(self, _: &NamedSet) -> Result<NamedElements, Error> {
        let (keys, values) = self.read()?;
        let mut groups = Vec::new();
        for (map, group) in self.groups.iter().zip(&self.place.groups) {
            let (keys, values) =
                map.elements().map_err(Error::kernel("read the states of a set's elements"))?;
            let size = map.value_size();
            let of = keys.chunks_exact(4).zip(values.chunks_exact(size.max(1)));
            let states = of.filter_map(|(key, value)| {
                let number = u32::from_be_bytes(key.try_into().ok()?);
                Some((number, group.states.iter().map(|state| state.read(value)).collect()))
            });
            groups.push(states.collect());
        }
        let now = clock();
        let count = keys.len() / (self.place.key_size as usize).max(1);
        let mut all = NamedElements {
            place: self.place,
            keys,
            values,
            order: (0..count as u32).collect(),
            groups,
            now,
        };
        all.sort();
        Ok(all)
    }

    /// The elements of a set of ranges that are there; `None` for a set without ranges.
    fn overlaps(&self, _: &NamedSet) -> Result<Option<Vec<Stored>>, Error> {
        if self.place.range.is_none() {
            return Ok(None);
        }
        let now = clock();
        // What has gone would hide what comes, where it is the longer prefix.
        self.collect(now)?;
        let (keys, values) = self.read()?;
        let (key, value) = (self.place.key_size as usize, self.place.value_size as usize);
        let mut found: BTreeMap<Vec<(u128, u128)>, Stored> = BTreeMap::new();
        for (key, value) in keys.chunks_exact(key.max(1)).zip(values.chunks_exact(value.max(1))) {
            let mut stored = Stored::default();
            self.place.read(key, value, &mut stored);
            if stored.life.is_none_or(|(_, end)| end > now) {
                found.insert(stored.key.clone(), stored);
            }
        }
        Ok(Some(found.into_values().collect()))
    }

    /// The element of an exact key, where it is there and has not gone.
    fn there(&self, key: &[(u128, u128)], now: u64) -> Result<Option<Stored>, Error> {
        let wanted = Stored { key: key.to_vec(), ..Stored::default() };
        let Some(bytes) = self.place.keys(&wanted).pop() else { return Ok(None) };
        match self.own.lookup(&bytes) {
            Ok(value) => {
                let mut stored = Stored::default();
                self.place.read(&bytes, &value, &mut stored);
                Ok(Some(stored).filter(|s| s.life.is_none_or(|(_, end)| end > now)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::kernel("read a set")(error)),
        }
    }

    fn add(
        &self,
        set: &NamedSet,
        element: Stored,
        adding: Adding,
        now: u64,
        all: Option<&mut Vec<Stored>>,
    ) -> Result<(), Error> {
        let refuse = |problem: SetProblem| Err(problem.of(&set.label()));
        let alike = |there: &Stored| {
            (&there.data, there.leads) == (&element.data, element.leads) && adding == Adding::Add
        };
        let Some(all) = all else {
            return match self.there(&element.key, now)? {
                Some(there) if alike(&there) => Ok(()),
                Some(_) if adding == Adding::Add => refuse(SetProblem::Exists),
                _ => self.put(set, &element, now),
            };
        };
        let touches = |other: &Stored| {
            // Ranges that lie side by side become one, too.
            let wide = |key: &[(u128, u128)]| -> Vec<(u128, u128)> {
                key.iter().map(|&(low, high)| (low, high.saturating_add(1))).collect()
            };
            meets(&other.key, &element.key)
                || set.merges
                    && element.key.len() == 1
                    && (meets(&wide(&other.key), &element.key)
                        || meets(&other.key, &wide(&element.key)))
        };
        let met: Vec<usize> = (0..all.len()).filter(|&at| touches(&all[at])).collect();
        match met[..] {
            [only] if all[only].key == element.key => {
                if alike(&all[only]) {
                    return Ok(());
                }
                if adding == Adding::Add {
                    return refuse(SetProblem::Exists);
                }
                self.put(set, &element, now)?;
                all[only] = element;
                return Ok(());
            }
            [] => {
                if set.size.is_some_and(|size| all.len() >= size as usize) {
                    return refuse(SetProblem::Full);
                }
                self.put(set, &element, now)?;
                all.push(element);
                return Ok(());
            }
            _ if set.merges && set.place.as_ref().is_some_and(|place| place.data.is_empty()) => {}
            _ => {
                let what = "interval overlaps with an existing one".to_owned();
                return refuse(SetProblem::Element(what));
            }
        }
        let mut whole = element;
        let mut old = Vec::new();
        for &at in met.iter().rev() {
            let other = all.swap_remove(at);
            for (own, other) in whole.key.iter_mut().zip(&other.key) {
                *own = (own.0.min(other.0), own.1.max(other.1));
            }
            old.push(other);
        }
        self.put(set, &whole, now)?;
        let new = self.place.keys(&whole);
        for key in old.iter().flat_map(|old| self.place.keys(old)) {
            if !new.contains(&key) {
                self.forget(&key)?;
            }
        }
        all.push(whole);
        Ok(())
    }

    /// Writes an element, whether or not it is there.
    fn put(&self, set: &NamedSet, element: &Stored, now: u64) -> Result<(), Error> {
        for key in self.place.keys(element) {
            let value = self.place.value(element, &key);
            let write = || match self.place.own_key {
                Some(_) if self.own.lookup(&key).is_ok() => self.own.update_locked(&key, &value),
                _ => self.own.update(&key, &value),
            };
            let is_full = |error: &io::Error| {
                matches!(error.raw_os_error(), Some(libc::E2BIG | libc::ENOSPC))
            };
            match write() {
                Ok(()) => {}
                Err(error) if is_full(&error) => {
                    self.collect(now)?;
                    write().map_err(|error| match is_full(&error) {
                        true => SetProblem::Full.of(&set.label()),
                        false => Error::kernel("add an element to a set")(error),
                    })?;
                }
                Err(error) => return Err(Error::kernel("add an element to a set")(error)),
            }
        }
        Ok(())
    }

    /// Deletes what has gone.
    fn collect(&self, now: u64) -> Result<(), Error> {
        if self.place.life.is_none() {
            return Ok(());
        }
        let (keys, values) = self.read()?;
        let (key, value) = (self.place.key_size as usize, self.place.value_size as usize);
        let mut stored = Stored::default();
        for (key, value) in keys.chunks_exact(key.max(1)).zip(values.chunks_exact(value.max(1))) {
            self.place.read(key, value, &mut stored);
            if stored.life.is_some_and(|(_, end)| end <= now) {
                self.forget(key)?;
            }
        }
        Ok(())
    }

    /// Deletes an element; false where it is not there.
    fn delete(
        &self,
        set: &NamedSet,
        element: &Stored,
        now: u64,
        all: Option<&mut Vec<Stored>>,
    ) -> Result<bool, Error> {
        let Some(all) = all else {
            let found = self.there(&element.key, now)?;
            if found.is_some() {
                self.place.keys(element).iter().try_for_each(|key| self.forget(key))?;
            }
            return Ok(found.is_some());
        };
        let at = all.iter().position(|other| holds(&other.key, &element.key));
        let Some(at) = at.filter(|&at| all[at].key == element.key || set.merges) else {
            return Ok(false);
        };
        let old = all.swap_remove(at);
        let mut left = Vec::new();
        if let ([(low, high)], [(from, to)]) = (&old.key[..], &element.key[..]) {
            if let Some(end) = from.checked_sub(1).filter(|end| end >= low) {
                left.push(Stored { key: vec![(*low, end)], ..old.clone() });
            }
            if let Some(begin) = to.checked_add(1).filter(|begin| begin <= high) {
                left.push(Stored { key: vec![(begin, *high)], ..old.clone() });
            }
        }
        left.iter().try_for_each(|left| self.put(set, left, now))?;
        let new: Vec<Vec<u8>> = left.iter().flat_map(|left| self.place.keys(left)).collect();
        for key in self.place.keys(&old) {
            if !new.contains(&key) {
                self.forget(&key)?;
            }
        }
        all.extend(left);
        Ok(true)
    }

    /// Deletes a key that may be gone.
    fn forget(&self, key: &[u8]) -> Result<(), Error> {
        match self.own.delete(key) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::kernel("delete an element of a set")(error))
            }
            _ => Ok(()),
        }
    }
}

impl NamedElements {
    fn sort(&mut self) {
        let size = self.place.key_size as usize;
        let keys = &self.keys;
        // Most keys are compared as the bytes that they are.
        let is_plain = self.place.range.is_none()
            && self.place.key.windows(2).all(|pair| pair[0].at < pair[1].at);
        if is_plain {
            self.order.sort_unstable_by_key(|&at| &keys[at as usize * size..][..size]);
            return;
        }
        let (place, values) = (&self.place, &self.values);
        let value_size = place.value_size as usize;
        self.order.sort_by_cached_key(|&at| {
            let mut stored = Stored::default();
            let (key, value) = (at as usize * size, at as usize * value_size);
            place.read(&keys[key..][..size], &values[value..][..value_size], &mut stored);
            stored.key
        });
    }

    /// Shows each element once, but for those that have gone.
    pub fn each<E>(&self, mut show: impl FnMut(&Stored) -> Result<(), E>) -> Result<(), E> {
        let (size, value_size) = (self.place.key_size as usize, self.place.value_size as usize);
        let mut stored = Stored::default();
        let mut shown: Vec<(u128, u128)> = Vec::new();
        for &at in &self.order {
            let (key, value) = (at as usize * size, at as usize * value_size);
            self.place.read(
                &self.keys[key..][..size],
                &self.values[value..][..value_size],
                &mut stored,
            );
            if self.place.range.is_some() {
                // A range can be several prefixes.
                if stored.key == shown {
                    continue;
                }
                shown.clone_from(&stored.key);
            }
            if stored.life.is_some_and(|(_, end)| end <= self.now) {
                continue;
            }
            show(&stored)?;
        }
        Ok(())
    }

    /// The states of an element that lie by its number: its group, and their words.
    pub fn states_of(&self, number: u32) -> Option<(usize, &[[u64; 2]])> {
        let is_of = |group: &bpfc_artifact::GroupPlace| {
            (group.numbers.0..=group.numbers.1).contains(&number)
        };
        let at = self.place.groups.iter().position(is_of)?;
        Some((at, self.groups.get(at)?.get(&number)?))
    }

    /// Where elements lie.
    pub fn place(&self) -> &ElementPlace {
        &self.place
    }
}
