//! Lists of recently seen addresses of a loaded filter (`-m recent`): reading and changing them
//! while packets do, too.
//!
//! A list is read in one step under its lock. Changes are made by a program that came with the
//! filter and takes that lock, so that none is lost and no packet sees half of one.

use crate::sys::{Map, Program, TestRun};
use crate::{Error, Filter, Unattached};
use bpfc_artifact::recent::{self, EDIT_ADD, EDIT_DELETE, EDIT_FLUSH, EDIT_SIZE, RecentLayout};
use bpfc_artifact::{MapDef, MapRole};
use std::fmt;
use std::net::IpAddr;

/// An address in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentAddress {
    /// The address, less the bits that the list's mask leaves out.
    pub address: IpAddr,
    /// The time to live of the packet that was seen last; 0 where it was added by hand.
    pub ttl: u8,
    /// The place behind the latest of [`RecentAddress::stamps`], which are a ring.
    pub index: u32,
    /// The times at which it was seen, in ticks of the kernel's clock (`jiffies`).
    pub stamps: Vec<u64>,
}

/// How a list is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecentEdit {
    /// The address is seen now; whoever is in the list longest leaves it where it is full.
    Add(IpAddr),
    /// The address is removed, if it is there.
    Delete(IpAddr),
    /// Every address is removed.
    Flush,
}

impl RecentAddress {
    /// When it was seen last, in ticks.
    pub fn last_seen(&self) -> u64 {
        let index = (self.index as usize).checked_sub(1);
        index.and_then(|index| self.stamps.get(index)).copied().unwrap_or(0)
    }
}

/// As a line of `/proc/net/xt_recent/LIST`.
impl fmt::Display for RecentAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("src=")?;
        match self.address {
            IpAddr::V4(address) => write!(f, "{address}")?,
            // As the kernel's %pI6 has it: nothing left out.
            IpAddr::V6(address) => {
                for (at, part) in address.segments().into_iter().enumerate() {
                    write!(f, "{}{part:04x}", if at == 0 { "" } else { ":" })?;
                }
            }
        }
        let (ttl, last_seen, index) = (self.ttl, self.last_seen(), self.index);
        write!(f, " ttl: {ttl} last_seen: {last_seen} oldest_pkt: {index}")?;
        for (at, stamp) in self.stamps.iter().enumerate() {
            write!(f, "{} {stamp}", if at == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl Filter {
    /// The names of its lists of recently seen addresses, in the order of their first rule.
    pub fn recent_lists(&self) -> Result<Vec<String>, Error> {
        self.with_kept(|maps, _| {
            Ok(maps.iter().filter_map(|(def, _)| Some(list(def)?.0)).collect())
        })
    }

    /// The addresses of a list, from the one that was seen longest ago on.
    pub fn recent(&self, name: &str) -> Result<Vec<RecentAddress>, Error> {
        self.with_kept(|maps, _| {
            let maps = maps.iter().map(|(def, map)| (def, map));
            read(maps, name).ok_or_else(|| self.missing(name))?
        })
    }

    /// Changes a list. Packets see it as it was or as it is then.
    pub fn edit_recent(&self, name: &str, edit: RecentEdit) -> Result<(), Error> {
        self.with_kept(|maps, program| {
            let wanted = |def: &&MapDef| list(def).is_some_and(|(known, _)| known == name);
            let def = maps.iter().map(|(def, _)| def).find(wanted);
            let def = def.ok_or_else(|| self.missing(name))?;
            let editor = program(&RecentLayout::editor(&def.name))?;
            let run = TestRun { data: &command(edit), context: &[], repeat: 1, context_out: false };
            let done = editor.test_run(&run).map_err(Error::kernel("edit a list of addresses"))?;
            match done.retval {
                1 => Ok(()),
                _ => Err(Error::Artifact(format!("it did not edit the list {name}"))),
            }
        })
    }

    fn missing(&self, list: &str) -> Error {
        Error::Options(format!("filter {} has no list {list:?}", self.name()))
    }
}

impl Unattached {
    /// As [`Filter::recent`]; none where there is no such list.
    pub fn recent(&self, name: &str) -> Result<Option<Vec<RecentAddress>>, Error> {
        read(self.maps(), name).transpose()
    }
}

/// Reads the list of a name.
fn read<'m>(
    maps: impl Iterator<Item = (&'m MapDef, &'m Map)>,
    name: &str,
) -> Option<Result<Vec<RecentAddress>, Error>> {
    let mut lists = maps.filter_map(|(def, map)| Some((list(def)?, map)));
    let ((_, layout), map) = lists.find(|((known, _), _)| known == name)?;
    let value = map.lookup_locked(&[0; 4]);
    let value = value.map_err(Error::kernel("read a list of addresses"));
    Some(value.map(|value| decode(layout, &value)))
}

/// The name of the list that a kept map holds and how many addresses are in it; none where it
/// holds no list.
pub(crate) fn addresses(def: &MapDef, map: &Map) -> Result<Option<(String, usize)>, Error> {
    let Some((name, _)) = list(def) else { return Ok(None) };
    let addresses = read(std::iter::once((def, map)), &name).transpose()?;
    Ok(addresses.map(|addresses| (name, addresses.len())))
}

/// Finds the program of a name.
pub(crate) type Programs<'a> = dyn Fn(&str) -> Result<Program, Error> + 'a;

/// The name and layout of the list that a map holds, if it is one.
fn list(def: &MapDef) -> Option<(String, RecentLayout)> {
    let MapRole::Object { object, part } = &def.role else { return None };
    let layout = RecentLayout::of_part(part)?;
    let name = object.strip_prefix("recent ").unwrap_or(object);
    (layout.value_size() == def.value_size).then(|| (name.to_owned(), layout))
}

fn command(edit: RecentEdit) -> [u8; EDIT_SIZE] {
    let mut bytes = [0; EDIT_SIZE];
    let (kind, address) = match edit {
        RecentEdit::Add(address) => (EDIT_ADD, Some(address)),
        RecentEdit::Delete(address) => (EDIT_DELETE, Some(address)),
        RecentEdit::Flush => (EDIT_FLUSH, None),
    };
    bytes[0] = kind;
    match address {
        Some(IpAddr::V4(address)) => {
            bytes[1] = 4;
            bytes[8..12].copy_from_slice(&address.octets());
        }
        Some(IpAddr::V6(address)) => {
            bytes[1] = 6;
            bytes[8..].copy_from_slice(&address.octets());
        }
        None => {}
    }
    bytes
}

/// Entries from the oldest on; what does not fit the layout ends the list.
fn decode(layout: RecentLayout, value: &[u8]) -> Vec<RecentAddress> {
    let mut addresses = Vec::new();
    let mut node = layout.nodes();
    while addresses.len() < layout.entries as usize {
        let link = u16_at(value, (recent::AGE + 4 * node) as usize);
        node ^= u32::from(link.unwrap_or(0));
        if node >= layout.nodes() {
            break;
        }
        let at = (layout.first() + node * layout.entry_size()) as usize;
        let Some(entry) = value.get(at..at + layout.entry_size() as usize) else { break };
        addresses.extend(decode_entry(entry));
    }
    addresses
}

fn decode_entry(entry: &[u8]) -> Option<RecentAddress> {
    let address: [u8; 16] = *entry.first_chunk()?;
    let address = match entry[recent::FAMILY as usize] {
        4 => IpAddr::from([address[0], address[1], address[2], address[3]]),
        _ => IpAddr::from(address),
    };
    let number = |at: u32| Some(u32::from_ne_bytes(*entry.get(at as usize..)?.first_chunk()?));
    let stamps = entry[recent::STAMPS as usize..].chunks_exact(8);
    Some(RecentAddress {
        address,
        ttl: entry[recent::TTL as usize],
        index: number(recent::INDEX)?,
        stamps: stamps
            .take(number(recent::STAMPS_USED)? as usize)
            .filter_map(|stamp| Some(u64::from_ne_bytes(stamp.try_into().ok()?)))
            .collect(),
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_prints_as_the_kernel_prints_it() {
        let entry = RecentAddress {
            address: "192.0.2.7".parse().unwrap(),
            ttl: 64,
            index: 1,
            stamps: vec![30, 10, 20],
        };
        assert_eq!(
            entry.to_string(),
            "src=192.0.2.7 ttl: 64 last_seen: 30 oldest_pkt: 1 30, 10, 20"
        );
        let entry = RecentAddress { address: "2001:db8::9".parse().unwrap(), ..entry };
        assert!(entry.to_string().starts_with("src=2001:0db8:0000:0000:0000:0000:0000:0009 ttl"));
    }

    #[test]
    fn zeros_are_an_empty_list() {
        let layout = RecentLayout { entries: 3, stamps: 2 };
        assert_eq!(decode(layout, &vec![0; layout.value_size() as usize]), []);
        assert_eq!(decode(layout, &[]), []);
    }
}
