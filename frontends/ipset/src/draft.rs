//! A set while its file is read.
//!
//! Most files only add, each element once: elements are appended, and compared when all are there.
//! Where a line does more (deletes, or adds what may be there already) they are kept by key from
//! there on, so that every later line meets what the kernel would have then.

use bpfc_diag::Span;
use bpfc_ipset::{Command, ElementError, Layout, Set, SetDef, SetKind, Wanted};
use std::collections::BTreeMap;

/// A set that is being read.
pub(crate) struct Draft {
    pub(crate) set: Set,
    layout: Layout,
    /// Where it is created.
    pub(crate) span: Span,
    /// Where each element was appended, with how many came of it.
    lines: Vec<(u32, u32)>,
    /// Elements by key, once they are kept so; none are in `set` then. Never for lists.
    by_key: Option<BTreeMap<Vec<u8>, Vec<u8>>>,
}

/// An error of a word behind the command.
pub(crate) fn at(word: usize, message: String) -> ElementError {
    ElementError { word, message }
}

/// Errors of elements count their words behind the set's name.
fn shifted(error: ElementError) -> ElementError {
    ElementError { word: error.word + 1, ..error }
}

impl Draft {
    pub(crate) fn new(def: SetDef, span: Span) -> Draft {
        // An element for a whole name and one for all that begin so are one, and one without an
        // Ethernet address takes the first that comes.
        let settled = matches!(def.kind, SetKind::HashNetIface | SetKind::BitmapIpMac);
        let by_key = settled.then(BTreeMap::new);
        let layout = def.layout();
        Draft { set: Set::new(def), layout, span, lines: Vec::new(), by_key }
    }

    pub(crate) fn def(&self) -> &SetDef {
        &self.set.def
    }

    pub(crate) fn is_list(&self) -> bool {
        self.def().kind.is_list()
    }

    pub(crate) fn clear(&mut self) {
        self.set = Set::new(self.def().clone());
        self.lines.clear();
        if let Some(elements) = &mut self.by_key {
            elements.clear();
        }
    }

    /// Keeps elements by key from here on. Yields where one was added that was there already.
    pub(crate) fn settle(&mut self) -> Option<u32> {
        if self.by_key.is_some() || self.is_list() {
            return None;
        }
        let mut elements = BTreeMap::new();
        let mut twice = None;
        for (place, (key, value)) in self.set.iter().enumerate() {
            let there = elements.insert(key.to_vec(), value.to_vec()).is_some();
            if there && twice.is_none() {
                twice = Some(line_of(&self.lines, place));
            }
        }
        self.clear();
        self.by_key = Some(elements);
        twice
    }

    /// The set with all that was read, and where an element was added that was there already.
    pub(crate) fn finish(mut self) -> (Set, Span, Option<u32>) {
        let twice = match std::mem::take(&mut self.by_key) {
            Some(elements) => {
                self.set.elements.keys = elements.keys().flatten().copied().collect();
                self.set.elements.values = elements.values().flatten().copied().collect();
                None
            }
            None => self.set.sort().map(|(_, second)| line_of(&self.lines, second)),
        };
        (self.set, self.span, twice)
    }

    /// Appends what an element's words mean; `line` is where they stand.
    pub(crate) fn add(
        &mut self,
        words: &[&str],
        exist: bool,
        line: u32,
    ) -> Result<Option<u32>, ElementError> {
        let options = &self.def().options;
        let is_full = options.force_add && self.set.len() >= self.def().capacity() as usize;
        let twice = if exist || is_full { self.settle() } else { None };
        let Some(elements) = &mut self.by_key else {
            let count = self.set.append(&self.layout, words).map_err(shifted)?;
            self.lines.push((line, count as u32));
            return Ok(twice);
        };
        let def = &self.set.def;
        let wanted = read(def, &self.layout, Command::Add, words)?;
        let most = def.capacity() as usize;
        let value = &wanted.value;
        for key in wanted.keys(&self.layout) {
            let twin = self.layout.twin(key).filter(|twin| elements.contains_key(twin));
            // What is there keeps its form, and counters that are not given.
            let key = twin.as_deref().unwrap_or(key);
            if let Some(there) = elements.get_mut(key) {
                let renewed = wanted.extensions.renewed(&self.layout, there, value, exist);
                let already = || at(1, "the element is already in the set".into());
                *there = renewed.ok_or_else(already)?;
                continue;
            } else if elements.len() >= most {
                // The kernel's choice depends on a number that it draws for each set.
                if !def.options.force_add || elements.pop_first().is_none() {
                    return Err(at(1, format!("the set is full: it holds {most} elements")));
                }
            }
            elements.insert(key.to_vec(), value.to_vec());
        }
        Ok(twice)
    }

    /// Deletes what an element's words mean.
    pub(crate) fn delete(&mut self, words: &[&str], exist: bool) -> Result<(), ElementError> {
        let layout = self.layout;
        let wanted = read(&self.set.def, &layout, Command::Delete, words)?;
        let elements = self.by_key.get_or_insert_default();
        for key in wanted.keys(&layout) {
            let gone = elements.remove(key).is_some() || {
                let twin = layout.twin(key);
                twin.is_some_and(|twin| elements.remove(&twin).is_some())
            };
            if !gone && !exist {
                let text = words.first().copied().unwrap_or_default();
                return Err(at(1, format!("'{text}' is not in the set")));
            }
        }
        Ok(())
    }

    /// Whether an element is in the set; a whole address is in a set of networks that holds it.
    pub(crate) fn holds(&self, words: &[&str]) -> Result<bool, ElementError> {
        let layout = &self.layout;
        let wanted = read(&self.set.def, layout, Command::Test, words)?;
        let Some(key) = wanted.keys(layout).next() else { return Ok(false) };
        let Some(elements) = &self.by_key else { return Ok(false) };
        let bits = layout.address_size as u8 * 8;
        let mut keys = vec![key.to_vec()];
        if layout.prefixes.iter().flatten().all(|at| key[*at] == bits) {
            for part in 0..2 {
                let (Some(address), Some(prefix)) = (layout.addresses[part], layout.prefixes[part])
                else {
                    continue;
                };
                let narrowed = |key: &Vec<u8>| {
                    let key = key.clone();
                    (0..=bits).rev().map(move |length| {
                        let mut key = key.clone();
                        key[prefix] = length;
                        for bit in usize::from(length)..usize::from(bits) {
                            key[address + bit / 8] &= !(0x80 >> (bit % 8));
                        }
                        key
                    })
                };
                keys = keys.iter().flat_map(narrowed).collect();
            }
        }
        let found = keys.iter().find_map(|key| elements.get(key));
        Ok(found.is_some_and(|value| wanted.extensions.finds(layout, value, &wanted.value)))
    }

    /// Adds a member to a list, before or after another one.
    pub(crate) fn add_member(
        &mut self,
        words: &[&str],
        exist: bool,
        line: u32,
    ) -> Result<(), ElementError> {
        let member = words.first().copied().unwrap_or_default();
        let members = self.set.members();
        let place = self.place(words, &members)?;
        if let Some(there) = members.iter().position(|known| known == member) {
            if !exist {
                return Err(at(1, format!("'{member}' is already in the list")));
            }
            // It keeps its place.
            let wanted = read(&self.set.def, &self.layout, Command::Add, words)?;
            let size = self.layout.value_size;
            let known = &mut self.set.elements.values[there * size..(there + 1) * size];
            let renewed = wanted.extensions.renewed(&self.layout, known, &wanted.value, true);
            known.copy_from_slice(renewed.as_deref().unwrap_or(&wanted.value));
            return Ok(());
        }
        let before = self.set.len();
        self.set.append(&self.layout, words).map_err(shifted)?;
        self.lines.push((line, 1));
        if let Some((first, other)) = place {
            let place = if first { other } else { other + 1 };
            let (key, value) = (self.layout.key_size, self.layout.value_size);
            self.set.elements.keys[place * key..].rotate_right(key);
            self.set.elements.values[place * value..].rotate_right(value);
            self.lines[place..=before].rotate_right(1);
        }
        Ok(())
    }

    /// Deletes a member of a list, which must stand where the words say.
    pub(crate) fn delete_member(
        &mut self,
        words: &[&str],
        exist: bool,
    ) -> Result<(), ElementError> {
        read(&self.set.def, &self.layout, Command::Delete, words)?;
        match self.member(words)? {
            Some(there) => {
                let (key, value) = (self.layout.key_size, self.layout.value_size);
                self.set.elements.keys.drain(there * key..(there + 1) * key);
                self.set.elements.values.drain(there * value..(there + 1) * value);
                self.lines.remove(there);
                Ok(())
            }
            None if exist => Ok(()),
            None => {
                let member = words.first().copied().unwrap_or_default();
                Err(at(1, format!("'{member}' is not in the list")))
            }
        }
    }

    /// Where a member stands; none where it is not there. That it does not stand as the words say
    /// is an error.
    pub(crate) fn member(&self, words: &[&str]) -> Result<Option<usize>, ElementError> {
        let member = words.first().copied().unwrap_or_default();
        let members = self.set.members();
        let there = members.iter().position(|known| known == member);
        if let Some((before, other)) = place_of(words) {
            let stands = |there: usize| match before {
                true => members.get(there + 1).is_some_and(|next| next == other),
                false => there > 0 && members[there - 1] == other,
            };
            if !there.is_some_and(stands) {
                return Err(at(3, format!("'{member}' does not stand there")));
            }
        }
        Ok(there)
    }

    /// Before (true) or after which position a member is to stand.
    fn place(
        &self,
        words: &[&str],
        members: &[String],
    ) -> Result<Option<(bool, usize)>, ElementError> {
        let Some((before, other)) = place_of(words) else { return Ok(None) };
        let found = members.iter().position(|known| known == other);
        let found = found.ok_or_else(|| at(3, format!("'{other}' is not in the list")))?;
        Ok(Some((before, found)))
    }

    /// Whether a list holds a set.
    pub(crate) fn has_member(&self, name: &str) -> bool {
        self.is_list() && self.set.members().iter().any(|member| member == name)
    }

    /// Whether `create` with `-exist` takes another definition for this one's
    /// (net/netfilter/ipset, `same_set` of each type): families are not compared.
    pub(crate) fn is_same(&self, other: &SetDef) -> bool {
        let (one, two) = (&self.def().options, &other.options);
        let masks = |def: &SetDef, options: &bpfc_ipset::Options| match (
            options.netmask,
            options.bitmask,
        ) {
            (None, None) => None,
            _ => Some((def.family, def.address_mask())),
        };
        self.def().kind == other.kind
            && one.range == two.range
            && one.max_elements == two.max_elements
            && masks(self.def(), one) == masks(other, two)
            && one.mark_mask == two.mark_mask
            && one.timeout == two.timeout
            && (one.counters, one.comment, one.skbinfo) == (two.counters, two.comment, two.skbinfo)
            && one.list_size.max(4) == two.list_size.max(4)
    }
}

/// What an element's words mean.
fn read(
    def: &SetDef,
    layout: &Layout,
    command: Command,
    words: &[&str],
) -> Result<Wanted, ElementError> {
    Wanted::read(def, layout, command, words).map_err(shifted)
}

/// `before NAME` (true) or `after NAME` behind a member.
fn place_of<'a>(words: &[&'a str]) -> Option<(bool, &'a str)> {
    let option = |word: &str| matches!(word, "before" | "after" | "--before" | "--after");
    let at = words.iter().skip(1).position(|word| option(word))? + 1;
    Some((words[at].ends_with("before"), *words.get(at + 1)?))
}

/// The other set that words put a member before or after.
pub(crate) fn other_of<'a>(words: &[&'a str]) -> Option<&'a str> {
    place_of(words).map(|(_, other)| other)
}

/// The offset of the line that an element came of.
fn line_of(lines: &[(u32, u32)], mut place: usize) -> u32 {
    for (start, count) in lines {
        if place < *count as usize {
            return *start;
        }
        place -= *count as usize;
    }
    0
}
