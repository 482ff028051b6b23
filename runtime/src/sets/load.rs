//! Sets of an artifact that is loaded: made of its elements, or taken over from the filter that it
//! replaces.

use super::is_alike;
use super::place::{Place, SetRow};
use crate::Error;
use crate::sys::{Map, Mapping, clock};
use bpfc_artifact::Artifact;
use std::collections::{BTreeMap, BTreeSet};

/// The rows of an artifact's sets.
pub(crate) fn rows(artifact: &Artifact) -> Vec<SetRow> {
    let name = |map: bpfc_artifact::MapIndex| {
        artifact.maps.get(map.0 as usize).map_or(String::new(), |map| map.name.clone())
    };
    let row = |entry: &bpfc_artifact::SetEntry| SetRow {
        def: entry.set.def.clone(),
        elements: name(entry.elements),
        slot: entry.slot,
        state: name(entry.state),
        offset: entry.offset,
        members: match entry.set.def.kind.is_list() {
            true => entry.set.iter().map(|(key, _)| key.to_vec()).collect(),
            false => Vec::new(),
        },
        digest: entry.set.digest(),
    };
    artifact.sets.iter().map(row).collect()
}

/// The sets of the filter that is replaced.
#[derive(Debug, Default)]
pub(crate) struct OldSets {
    pub rows: Vec<SetRow>,
    /// Their maps, by name.
    pub maps: BTreeMap<String, Map>,
}

impl OldSets {
    /// A set that was loaded with the same, and its maps: the new one goes on with its elements.
    fn like(&self, row: &SetRow) -> Option<(&SetRow, &Map, &Map)> {
        let same = |before: &&SetRow| {
            before.def.name == row.def.name
                && before.digest == row.digest
                && is_alike(&before.def, &row.def)
        };
        let before = self.rows.iter().find(same)?;
        Some((before, self.maps.get(&before.elements)?, self.maps.get(&before.state)?))
    }
}

impl OldSets {
    /// The sets of which elements are there that `artifact`'s have not, and how many.
    pub(crate) fn lost(&self, artifact: &Artifact) -> Result<Vec<(String, usize)>, Error> {
        let new = rows(artifact);
        let mut found = Vec::new();
        for before in &self.rows {
            let at = new.iter().position(|row| row.def.name == before.def.name);
            if at.is_some_and(|at| self.like(&new[at]).is_some()) {
                continue;
            }
            let maps = (self.maps.get(&before.elements), self.maps.get(&before.state));
            let (Some(outer), Some(state)) = maps else { continue };
            let memory = map_memory(state)?;
            let elements = Place::new(before, outer, &memory).elements()?;
            let (keys, values) = elements.elements().map_err(Error::kernel("read a set"))?;
            let layout = before.def.layout();
            let now = clock();
            let alive = keys
                .chunks_exact(layout.key_size)
                .zip(values.chunks_exact(layout.value_size))
                .filter(|(key, value)| !layout.is_mark(key) && !layout.is_expired(value, now));
            let successor = at.map(|at| &artifact.sets[at].set);
            let successor = successor.filter(|set| {
                set.def.layout().key_size == layout.key_size && set.def.kind == before.def.kind
            });
            let kept: BTreeSet<&[u8]> =
                successor.iter().flat_map(|set| set.iter()).map(|(key, _)| key).collect();
            let lost = alive.filter(|(key, _)| !kept.contains(key)).count();
            if lost > 0 {
                found.push((before.def.name.clone(), lost));
            }
        }
        Ok(found)
    }
}

/// Lets the sets that were loaded with the same before go on as they are now. The caller holds the
/// filter's lock, and no program that uses the new maps is attached.
pub(crate) fn carry(artifact: &Artifact, maps: &[Map], old: &OldSets) -> Result<(), Error> {
    for (entry, row) in artifact.sets.iter().zip(&rows(artifact)) {
        let Some((before, outer, state)) = old.like(row) else { continue };
        let memory = map_memory(state)?;
        let elements = Place::new(before, outer, &memory).elements()?;
        let memory = map_memory(&maps[entry.state.0 as usize])?;
        let place = Place::new(row, &maps[entry.elements.0 as usize], &memory);
        if place.state.area > 0 {
            let (keys, _) = elements.elements().map_err(Error::kernel("read a set"))?;
            place.count_all(keys.chunks_exact(place.layout.key_size));
        }
        place.begin(&elements)?;
    }
    Ok(())
}

/// Puts the elements into an artifact's maps, before any program is attached. Sets that go on as
/// they are ([`carry`]) are left out.
pub(crate) fn fill(artifact: &Artifact, maps: &[Map], old: &OldSets) -> Result<(), Error> {
    let rows = rows(artifact);
    let now = clock();
    for (entry, row) in artifact.sets.iter().zip(&rows) {
        let outer = &maps[entry.elements.0 as usize];
        let state = &maps[entry.state.0 as usize];
        let memory = map_memory(state)?;
        let place = Place::new(row, outer, &memory);
        if old.like(row).is_some() {
            continue;
        }
        let elements = place.empty_map()?;
        let mut values = entry.set.elements.values.clone();
        if let Some(at) = place.layout.timeout {
            for value in values.chunks_exact_mut(place.layout.value_size) {
                start(&mut value[at..at + 8], now);
            }
        }
        let keys = &entry.set.elements.keys;
        elements.update_batch(keys, &values).map_err(Error::kernel(format!(
            "fill set {} with {} elements",
            row.def.name,
            entry.set.len()
        )))?;
        if place.state.area > 0 {
            place.count_all(keys.chunks_exact(place.layout.key_size));
            place.mark_all(&elements, keys.chunks_exact(place.layout.key_size))?;
        }
        place.begin(&elements)?;
    }
    Ok(())
}

/// Eight bytes of nanoseconds to wait become the time at which they are over; 0 stays.
pub(crate) fn start(bytes: &mut [u8], now: u64) {
    if let Ok(wait) = <[u8; 8]>::try_from(&*bytes) {
        let wait = u64::from_le_bytes(wait);
        if wait != 0 {
            bytes.copy_from_slice(&now.saturating_add(wait).to_le_bytes());
        }
    }
}

/// The memory of a map of states.
pub(crate) fn map_memory(state: &Map) -> Result<Mapping, Error> {
    use std::os::fd::AsFd as _;
    Mapping::new(state.as_fd(), state.value_size()).map_err(Error::kernel("map the sets' state"))
}
