//! Interfaces that rules name where the kernel keeps their index.
//!
//! nft asks for the index when a ruleset is loaded. Programs compare names, as they are when a
//! packet comes: an index stands for a name here, so that a ruleset is compiled where its
//! interfaces are not.

use std::collections::BTreeMap;
use std::sync::Mutex;

/// The names that a ruleset asks for, by the numbers that stand for them.
#[derive(Debug, Default)]
pub(crate) struct Interfaces(Mutex<BTreeMap<String, u32>>);

/// The loopback interface has this index everywhere.
const LOOPBACK: u32 = 1;
/// No machine has so many interfaces.
const FIRST: u32 = 0x4000_0000;

impl Interfaces {
    /// Those of a machine, by their indexes there.
    pub fn known(interfaces: &[(u32, String)]) -> Interfaces {
        let names = interfaces.iter().map(|(index, name)| (name.clone(), *index));
        Interfaces(Mutex::new(names.collect()))
    }

    /// The number of a name; `None` for an index, which says itself.
    pub fn number(&self, name: &str) -> Option<u32> {
        if name == "lo" {
            return Some(LOOPBACK);
        }
        if name.parse().is_ok_and(|index: u32| index < FIRST) {
            return None;
        }
        let mut names = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let next = FIRST + names.len() as u32;
        Some(*names.entry(name.to_owned()).or_insert(next))
    }

    /// Whether a number stands for a name, and is not the interface's own.
    pub fn stands_in(number: u128) -> bool {
        number >= FIRST.into()
    }

    /// The name of a number, as programs compare it: 16 bytes, the first one most significant; 0
    /// for no interface. `None` for an index that no name stands for.
    pub fn name(&self, number: u32) -> Option<u128> {
        let names = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let name = match number {
            0 => return Some(0),
            LOOPBACK => "lo",
            _ => names.iter().find(|(_, known)| **known == number)?.0.as_str(),
        };
        let mut bytes = [0; 16];
        let length = name.len().min(15);
        bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
        Some(u128::from_be_bytes(bytes))
    }
}
