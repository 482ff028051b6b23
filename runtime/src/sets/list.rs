//! Members of a list: which there may be, and where they stand.
//!
//! Programs ask the members that a list was compiled with, in that order. Each of them may be
//! deleted and added again, and stands where it stood.

use super::SetProblem;
use super::handle::Opened;
use crate::Error;
use bpfc_artifact::raw;
use bpfc_ipset::{Command, Wanted};

/// A set's name in a key, without what fills it up.
fn name_of(key: &[u8]) -> &[u8] {
    let end = key.iter().position(|byte| *byte == 0).unwrap_or(key.len());
    &key[..end]
}

impl Opened {
    /// Whether a list can hold a member, and knows the one that words put it before or after.
    pub(super) fn check_names(
        &self,
        command: Command,
        member: &str,
        wanted: &Wanted,
    ) -> Result<(), Error> {
        let list = &self.row.def.name;
        let refuse = |reason: String| Err(SetProblem::Element(reason).of(list));
        let known = |name: &str| self.names.iter().find(|(known, _)| known == name);
        match known(member) {
            // Only a rule's sets are the filter's.
            None if command == Command::Add && !self.is_compiled(member) => {
                return self.not_compiled(member);
            }
            None => {
                return refuse(
                    "Set to be added/deleted/tested as element does not exist.".to_owned(),
                );
            }
            Some((_, true)) => {
                return refuse("Sets with list:set type cannot be added to the set.".to_owned());
            }
            Some(_) => {}
        }
        match &wanted.extensions.place {
            Some((_, other)) if known(other).is_none() => refuse(
                "The set to which you referred with 'before' or 'after' does not exist.".to_owned(),
            ),
            _ if command == Command::Add && !self.is_compiled(member) => self.not_compiled(member),
            _ => Ok(()),
        }
    }

    fn is_compiled(&self, member: &str) -> bool {
        let member = raw::encode(member);
        self.row.members.iter().any(|key| name_of(key) == &*member)
    }

    fn not_compiled<T>(&self, member: &str) -> Result<T, Error> {
        Err(SetProblem::Element(format!(
            "set '{member}' was not in the list when the filter was compiled: load it again with \
             the list as it shall be"
        ))
        .of(&self.row.def.name))
    }

    /// Whether a member stands, or when it is added comes to stand, where words put it.
    pub(super) fn check_place(
        &self,
        command: Command,
        key: &[u8],
        wanted: &Wanted,
        now: u64,
    ) -> Result<(), Error> {
        let Some((before, other)) = &wanted.extensions.place else { return Ok(()) };
        let list = &self.row.def.name;
        let is_there =
            |key: &[u8]| self.elements.lookup(key).is_ok_and(|value| !self.expired(&value, now));
        // Those that are there, and this one.
        let standing: Vec<&Vec<u8>> =
            self.row.members.iter().filter(|there| *there == key || is_there(there)).collect();
        let at = |name: &[u8]| standing.iter().position(|key| name_of(key) == name);
        let (Some(here), there) = (at(name_of(key)), at(&raw::encode(other))) else {
            return Err(SetProblem::NotThere.of(list));
        };
        let missing = || {
            Err(SetProblem::Element(
                "The set to which you referred with 'before' or 'after' is not added to the set."
                    .to_owned(),
            )
            .of(list))
        };
        let stands = there.is_some_and(|there| match before {
            true => here + 1 == there,
            false => there + 1 == here,
        });
        match command {
            Command::Delete | Command::Test if stands && is_there(key) => Ok(()),
            Command::Delete | Command::Test => missing(),
            // The other one alone can be where it is not.
            Command::Add if there.is_none_or(|there| !is_there(standing[there])) => missing(),
            // What is there keeps its place.
            Command::Add if stands || is_there(key) => Ok(()),
            Command::Add => Err(SetProblem::Element(format!(
                "'{}' stood elsewhere when the filter was compiled: load it again with the list as \
                 it shall be",
                raw::decode(name_of(key))
            ))
            .of(list)),
        }
    }
}
