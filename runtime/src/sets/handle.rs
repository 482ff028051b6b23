//! One set of a filter, as callers use it.

use super::load::{map_memory, start};
use super::place::{Place, SetRow};
use super::{SetProblem, Stopped, is_alike};
use crate::home::Home;
use crate::lock::{Lock, Locker};
use crate::state::State;
use crate::sys::{Map, Mapping, clock};
use crate::{Error, Filter, pins};
use bpfc_ipset::{Command, Layout, Set, SetDef, Wanted, expand_member};
use std::borrow::Cow;
use std::io;
use std::sync::{Mutex, PoisonError};

/// A set of a loaded filter. It follows the filter through replacements.
#[derive(Debug)]
pub struct FilterSet {
    filter: String,
    name: String,
    handle: Mutex<Handle>,
}

/// What is kept open from one use to the next.
#[derive(Debug, Default)]
struct Handle {
    locker: Option<Locker>,
    opened: Option<Opened>,
}

/// What of it is open: the maps of one generation.
#[derive(Debug)]
pub(super) struct Opened {
    home: Home,
    generation: u32,
    /// The filter's state when that generation was last known to decide.
    state: State,
    pub(super) row: SetRow,
    /// The names of the filter's sets, and whether each is a list.
    pub(super) names: Vec<(String, bool)>,
    outer: Map,
    memory: Mapping,
    /// The map with the elements, and the slot that it was found in.
    pub(super) elements: Map,
    slot: u32,
}

/// A set as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetInfo {
    /// Its definition.
    pub def: SetDef,
    /// Its elements: sorted by key, in a list in the order of the list. Those that have expired are
    /// not there; timeouts are counted from [`SetInfo::now`].
    pub set: Set,
    /// The moment of the listing on the clock that timeouts are counted by, in nanoseconds.
    pub now: u64,
}

impl Filter {
    /// The definitions of the filter's sets, by name.
    pub fn sets(&self) -> Result<Vec<SetDef>, Error> {
        Ok(self.set_rows()?.into_iter().map(|row| row.def).collect())
    }

    /// A set of the filter.
    ///
    /// # Errors
    /// [`Error::Set`] with [`SetProblem::Missing`] where there is none of this name.
    pub fn set(&self, name: &str) -> Result<FilterSet, Error> {
        let set = FilterSet {
            filter: self.name().to_owned(),
            name: name.to_owned(),
            handle: Mutex::default(),
        };
        set.with(|_| Ok(()))?;
        Ok(set)
    }

    /// Exchanges the elements of two sets of one type, family and options. A packet sees each of
    /// them before or after.
    pub fn swap_sets(&self, one: &str, other: &str) -> Result<(), Error> {
        let (one, other) = (self.set(one)?, self.set(other)?);
        let lock = Lock::wait(self.name(), &pins::home(self.name()))?;
        let _lock = lock.ok_or_else(|| Error::NotFound(self.name().to_owned()))?;
        one.with(|first| {
            other.with(|second| {
                if !is_alike(&first.row.def, &second.row.def) {
                    return Err(SetProblem::Types.of(&first.row.def.name));
                }
                let keys = |map: &Map| map.elements().map_err(Error::kernel("read a set"));
                let (one_keys, other_keys) = (keys(&first.elements)?.0, keys(&second.elements)?.0);
                for (to, map, keys) in [
                    (&*first, &second.elements, &other_keys),
                    (&*second, &first.elements, &one_keys),
                ] {
                    let place = to.place();
                    place.count_all(keys.chunks_exact(place.layout.key_size));
                    place.switch(map)?;
                }
                first.place().release_other()?;
                second.place().release_other()
            })
        })
    }
}

impl Opened {
    fn place(&self) -> Place<'_> {
        Place::new(&self.row, &self.outer, &self.memory)
    }

    /// Whether the generation whose maps are open still decides. Every switch to another one, and
    /// the filter's end, changes the state, whose sequence number never comes again.
    fn is_current(&mut self) -> Result<bool, Error> {
        let state = self.home.state.read()?;
        if state == self.state {
            return Ok(true);
        }
        let current = self.home.generation_id(state.target)? == Some(self.generation);
        if current {
            self.state = state;
        }
        Ok(current)
    }

    /// Whether the slot still is the one whose map is open.
    fn refresh(&mut self) -> Result<(), Error> {
        let slot = self.place().slot();
        if slot != self.slot {
            self.elements = self.place().elements()?;
            self.slot = slot;
        }
        Ok(())
    }

    fn replace(&mut self, elements: Map) -> Result<(), Error> {
        let place = self.place();
        place.switch(&elements)?;
        place.release_other()?;
        self.slot = place.slot();
        self.elements = elements;
        Ok(())
    }

    pub(super) fn expired(&self, value: &[u8], now: u64) -> bool {
        self.row.def.layout().is_expired(value, now)
    }

    /// Deletes what has expired.
    fn collect(&self) -> Result<(), Error> {
        let layout = self.row.def.layout();
        if layout.timeout.is_none() {
            return Ok(());
        }
        let now = clock();
        let (keys, values) = self.elements.elements().map_err(Error::kernel("read a set"))?;
        let pairs = keys.chunks_exact(layout.key_size).zip(values.chunks_exact(layout.value_size));
        for (key, _) in pairs.filter(|(_, value)| self.expired(value, now)) {
            self.forget(key)?;
        }
        Ok(())
    }

    /// The key that an element of this one has: in a set with interfaces, of a name and of all that
    /// begin so the one that is there.
    fn known<'k>(&self, key: &'k [u8]) -> Cow<'k, [u8]> {
        let twin = self.row.def.layout().twin(key);
        match twin.filter(|twin| self.elements.lookup(twin).is_ok()) {
            Some(twin) => Cow::Owned(twin),
            None => Cow::Borrowed(key),
        }
    }

    /// Adds an element of what words mean.
    fn add(
        &mut self,
        key: &[u8],
        value: &[u8],
        wanted: &Wanted,
        exist: bool,
        now: u64,
    ) -> Result<(), Error> {
        let name = self.row.def.name.clone();
        let layout = self.row.def.layout();
        let key = &*self.known(key);
        let failed = |error| Error::kernel(format!("add an element to set {name}"))(error);
        for attempt in 0..3 {
            let result = match self.place().is_full() && self.elements.lookup(key).is_err() {
                true => Err(io::Error::from_raw_os_error(libc::E2BIG)),
                false => self.elements.put(key, value, true),
            };
            match result {
                Ok(()) => {
                    self.place().mark(&self.elements, key, 1)?;
                    let lists = self.place().state.area > 0;
                    if lists && self.place().count(key, 1) && !self.place().is_current() {
                        self.place().switch(&self.elements)?;
                        self.place().release_other()?;
                        self.slot = self.place().slot();
                    }
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    // A packet can have deleted it meanwhile.
                    let Ok(there) = self.elements.lookup(key) else { continue };
                    let renewed = match self.expired(&there, now) {
                        true => value.to_vec(),
                        false => wanted
                            .extensions
                            .renewed(&layout, &there, value, exist)
                            .ok_or_else(|| SetProblem::Exists.of(&name))?,
                    };
                    match self.elements.put(key, &renewed, false) {
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        result => return result.map_err(failed),
                    }
                }
                Err(error) if error.raw_os_error() == Some(libc::E2BIG) => {
                    if attempt == 0 {
                        self.collect()?;
                    }
                    if attempt == 1 && self.row.def.options.force_add {
                        self.make_room(now)?;
                    } else if attempt > 0 {
                        return Err(SetProblem::Full.of(&name));
                    }
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Err(SetProblem::Full.of(&name))
    }

    /// Deletes an element that may be gone.
    fn forget(&self, key: &[u8]) -> Result<(), Error> {
        if self.elements.delete(key).is_ok() {
            self.place().count(key, -1);
            self.place().mark(&self.elements, key, -1)?;
        }
        Ok(())
    }

    /// Deletes an element, no matter which.
    fn make_room(&self, now: u64) -> Result<(), Error> {
        let size = self.row.def.layout().key_size;
        let (keys, _) = self.elements.elements().map_err(Error::kernel("read a set"))?;
        let count = (keys.len() / size).max(1);
        let chosen = (now / 1000) as usize % count;
        let is_element = |key: &&[u8]| !self.row.def.layout().is_mark(key);
        keys.chunks_exact(size).skip(chosen).find(is_element).map_or(Ok(()), |key| self.forget(key))
    }

    fn delete(&self, key: &[u8], now: u64) -> Result<(), Error> {
        let name = &self.row.def.name;
        let key = &*self.known(key);
        if self.row.def.options.timeout.is_some()
            && self.elements.lookup(key).is_ok_and(|value| self.expired(&value, now))
        {
            return Err(SetProblem::NotThere.of(name));
        }
        match self.elements.delete(key) {
            Ok(()) => {
                self.place().count(key, -1);
                self.place().mark(&self.elements, key, -1)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(SetProblem::NotThere.of(name))
            }
            Err(error) => Err(Error::kernel(format!("delete an element of set {name}"))(error)),
        }
    }

    /// Whether an element is in the set; a whole address is looked up under every prefix length.
    fn test(&self, key: &[u8], wanted: &Wanted, now: u64) -> Result<bool, Error> {
        let layout = self.row.def.layout();
        let bits = layout.address_size as u8 * 8;
        let whole = layout.prefixes.iter().flatten().all(|at| key[*at] == bits);
        let mut keys = vec![key.to_vec()];
        if whole {
            for part in 0..2 {
                let (Some(address), Some(prefix)) = (layout.addresses[part], layout.prefixes[part])
                else {
                    continue;
                };
                let lengths = self.place().prefix_lengths(part);
                let narrowed = |key: &Vec<u8>| {
                    let key = key.clone();
                    lengths.clone().into_iter().map(move |length| {
                        let mut key = key.clone();
                        key[prefix] = length;
                        for bit in usize::from(length)..layout.address_size * 8 {
                            key[address + bit / 8] &= !(0x80 >> (bit % 8));
                        }
                        key
                    })
                };
                keys = keys.iter().flat_map(narrowed).collect();
            }
        }
        for key in keys {
            let mut met = false;
            for key in self.beginnings(&layout, &key) {
                let Ok(value) = self.elements.lookup(&key) else { continue };
                met = true;
                if !self.expired(&value, now) {
                    return Ok(wanted.extensions.finds(&layout, &value, &wanted.value));
                }
            }
            let mark = layout.network_key(&key).filter(|_| !met);
            if mark.is_some_and(|mark| self.elements.lookup(&mark).is_ok()) {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// A key, and where elements stand for all interfaces whose names begin alike, those.
    fn beginnings(&self, layout: &Layout, key: &[u8]) -> Vec<Vec<u8>> {
        let mut keys = vec![key.to_vec()];
        let (Some(name), Some(flags)) = (layout.interface, layout.interface_flags) else {
            return keys;
        };
        if !self.place().has_wildcards() || key[flags] != 0 {
            return keys;
        }
        let length = key[name..name + 16].iter().take_while(|byte| **byte != 0).count();
        for kept in (1..=length).rev() {
            let mut shorter = key.to_vec();
            shorter[name + kept..name + 16].fill(0);
            shorter[flags] = Layout::WILDCARD;
            keys.push(shorter);
        }
        keys
    }
}

impl FilterSet {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Does something with the set as it is now.
    fn with<T>(&self, act: impl FnOnce(&mut Opened) -> Result<T, Error>) -> Result<T, Error> {
        let mut handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        self.act(&mut handle.opened, act)
    }

    /// Changes the set as it is now, under the filter's lock.
    fn change<T>(&self, act: impl FnOnce(&mut Opened) -> Result<T, Error>) -> Result<T, Error> {
        let mut handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        let Handle { locker, opened } = &mut *handle;
        if let (Some(locker), Some(known)) = (locker.as_mut(), opened.as_mut()) {
            let _lock = locker.lock()?;
            // Then it is the filter whose lock this is: one that was unloaded has another state.
            if known.is_current()? {
                known.refresh()?;
                return act(known);
            }
        }
        loop {
            let found = Locker::new(&self.filter)?;
            let found = found.ok_or_else(|| Error::NotFound(self.filter.clone()))?;
            let lock = locker.insert(found).lock()?;
            if lock.is_current()? {
                return self.act(opened, act);
            }
        }
    }

    fn act<T>(
        &self,
        opened: &mut Option<Opened>,
        act: impl FnOnce(&mut Opened) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let current = match opened.as_mut() {
            Some(opened) => opened.is_current()?,
            None => false,
        };
        let opened = match opened {
            Some(opened) if current => opened,
            opened => opened.insert(self.open()?),
        };
        opened.refresh()?;
        act(opened)
    }

    fn open(&self) -> Result<Opened, Error> {
        let missing = || Error::NotFound(self.filter.clone());
        let home = Home::open(&self.filter, pins::home(&self.filter))?.ok_or_else(missing)?;
        let found = home.state.read()?;
        let target = found.target;
        let generation = home.generation_id(target)?.ok_or_else(missing)?;
        let metadata = home.generation(target)?.ok_or_else(missing)?.metadata;
        let mut rows = metadata.sets.into_iter();
        let names =
            rows.clone().map(|row| (row.def.name.clone(), row.def.kind.is_list())).collect();
        let row = rows.find(|row| row.def.name == self.name);
        let row = row.ok_or_else(|| SetProblem::Missing.of(&self.name))?;
        let outer = home.map(target, &row.elements)?.ok_or_else(missing)?;
        let state = home.map(target, &row.state)?.ok_or_else(missing)?;
        let memory = map_memory(&state)?;
        let place = Place::new(&row, &outer, &memory);
        let (slot, elements) = (place.slot(), place.elements()?);
        let state = found;
        Ok(Opened { home, generation, state, row, names, outer, memory, elements, slot })
    }

    /// Its definition.
    pub fn def(&self) -> Result<SetDef, Error> {
        self.with(|opened| Ok(opened.row.def.clone()))
    }

    /// Reads an element with what stands behind it, as ipset's command takes it.
    fn read(&self, command: Command, opened: &Opened, words: &[&str]) -> Result<Wanted, Error> {
        let def = &opened.row.def;
        let member = def.kind.is_list().then(|| expand_member(words));
        let words = member.as_deref().unwrap_or(words);
        let wanted = Wanted::read(def, &def.layout(), command, words)
            .map_err(|error| SetProblem::Element(error.message).of(&self.name))?;
        if let Some(member) = member.as_deref().and_then(|words| words.first()) {
            opened.check_names(command, member, &wanted)?;
        }
        Ok(wanted)
    }

    /// Adds an element: its text (which may mean several, such as a range of addresses) and the
    /// words behind it (`timeout 60`, `comment x`, `nomatch`). With `exist` an element that is
    /// there is written anew, and is no error.
    ///
    /// # Errors
    /// [`Error::Set`] says what ipset would.
    pub fn add(&self, element: &[&str], exist: bool) -> Result<(), Error> {
        Ok(self.add_all(&[element], exist)?)
    }

    /// Whether this would be an element for a command, whatever is in the set.
    ///
    /// # Errors
    /// [`Error::Set`] says what ipset would.
    pub fn check(&self, command: Command, element: &[&str]) -> Result<(), Error> {
        self.with(|opened| self.read(command, opened, element).map(drop))
    }

    /// Adds many elements, up to the first that cannot be added.
    ///
    /// # Errors
    /// As of [`FilterSet::add`], and how many were added before.
    pub fn add_all(&self, elements: &[&[&str]], exist: bool) -> Result<(), Stopped> {
        self.change_each(elements, |opened, words, now, parts| {
            let layout = opened.row.def.layout();
            let wanted = self.read(Command::Add, opened, words)?;
            let mut value = wanted.value.clone();
            if let Some(at) = layout.timeout {
                start(&mut value[at..at + 8], now);
            }
            for key in wanted.keys(&layout) {
                opened.check_place(Command::Add, key, &wanted, now)?;
                opened.add(key, &value, &wanted, exist, now)?;
                *parts += 1;
            }
            Ok(())
        })
    }

    /// Changes elements one after the other, under one lock. `act` counts what an element means
    /// in its last argument.
    fn change_each(
        &self,
        elements: &[&[&str]],
        act: impl Fn(&mut Opened, &[&str], u64, &mut usize) -> Result<(), Error>,
    ) -> Result<(), Stopped> {
        let (mut index, mut parts) = (0, 0);
        let result = self.change(|opened| {
            let now = clock();
            for words in elements {
                parts = 0;
                act(opened, words, now, &mut parts)?;
                index += 1;
            }
            Ok(())
        });
        result.map_err(|error| Stopped { index, parts, error })
    }

    /// Deletes an element, or several. With `exist` one that is not there is no error.
    ///
    /// # Errors
    /// [`Error::Set`] says what ipset would.
    pub fn delete(&self, element: &[&str], exist: bool) -> Result<(), Error> {
        Ok(self.delete_all(&[element], exist)?)
    }

    /// Deletes many elements, up to the first that cannot be deleted.
    ///
    /// # Errors
    /// As of [`FilterSet::delete`], and how many were deleted before.
    pub fn delete_all(&self, elements: &[&[&str]], exist: bool) -> Result<(), Stopped> {
        self.change_each(elements, |opened, words, now, parts| {
            let wanted = self.read(Command::Delete, opened, words)?;
            for key in wanted.keys(&opened.row.def.layout()) {
                opened.check_place(Command::Delete, key, &wanted, now)?;
                match opened.delete(key, now) {
                    Err(Error::Set { problem: SetProblem::NotThere, .. }) if exist => {}
                    result => result?,
                }
                *parts += 1;
            }
            Ok(())
        })
    }

    /// Whether an element is in the set. A single address is in a set of networks when a network
    /// holds it; with `nomatch` behind it, when an exception does.
    ///
    /// # Errors
    /// [`Error::Set`] for what is no element.
    pub fn test(&self, element: &[&str]) -> Result<bool, Error> {
        self.with(|opened| {
            let wanted = self.read(Command::Test, opened, element)?;
            let now = clock();
            let layout = opened.row.def.layout();
            let Some(key) = wanted.keys(&layout).next() else { return Ok(false) };
            match opened.check_place(Command::Test, key, &wanted, now) {
                Ok(()) => opened.test(key, &wanted, now),
                Err(Error::Set { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        })
    }

    /// What is in the set now.
    pub fn list(&self) -> Result<SetInfo, Error> {
        self.with(|opened| {
            let now = clock();
            let (keys, values) = opened.elements.elements().map_err(Error::kernel("read a set"))?;
            let layout = opened.row.def.layout();
            let mut set = Set::new(opened.row.def.clone());
            let pairs =
                keys.chunks_exact(layout.key_size).zip(values.chunks_exact(layout.value_size));
            let alive: Vec<(&[u8], &[u8])> = pairs
                .filter(|(key, value)| !layout.is_mark(key) && !opened.expired(value, now))
                .collect();
            let members = &opened.row.members;
            let position = |key: &[u8]| members.iter().position(|member| member.as_slice() == key);
            let mut alive = alive;
            if set.def.kind.is_list() {
                alive.sort_by_key(|(key, _)| position(key));
            }
            for (key, value) in alive {
                set.elements.keys.extend_from_slice(key);
                set.elements.values.extend_from_slice(value);
            }
            set.sort();
            Ok(SetInfo { def: set.def.clone(), set, now })
        })
    }

    /// Empties the set in one step.
    pub fn flush(&self) -> Result<(), Error> {
        let empty = Set::new(self.def()?);
        self.replace(&empty)
    }

    /// Replaces all elements in one step. The definition of `set` must be like the set's own.
    ///
    /// # Errors
    /// [`SetProblem::Types`] where it is not, [`SetProblem::Full`] where they do not fit.
    pub fn replace(&self, set: &Set) -> Result<(), Error> {
        self.change(|opened| {
            if !is_alike(&opened.row.def, &set.def) {
                return Err(SetProblem::Types.of(&self.name));
            }
            let place = opened.place();
            let map = place.empty_map()?;
            let mut values = set.elements.values.clone();
            let now = clock();
            if let Some(at) = place.layout.timeout {
                for value in values.chunks_exact_mut(place.layout.value_size) {
                    start(&mut value[at..at + 8], now);
                }
            }
            map.update_batch(&set.elements.keys, &values).map_err(|error| {
                match error.raw_os_error() {
                    Some(libc::E2BIG) => SetProblem::Full.of(&self.name),
                    _ => Error::kernel(format!("fill set {}", self.name))(error),
                }
            })?;
            let keys = || set.elements.keys.chunks_exact(place.layout.key_size);
            place.count_all(keys());
            place.mark_all(&map, keys())?;
            opened.replace(map)
        })
    }
}
