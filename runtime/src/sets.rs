//! The sets of a loaded filter: listing and changing them while programs use them.
//!
//! [`bpfc_artifact::SetEntry`] says how a set lies in maps. Elements come and go one by one in the
//! map that the slot names; what replaces a whole set (flushing, filling, swapping) and what
//! changes the lists of prefix lengths is written beside it and then switched to by one number, so
//! that a packet sees the set before or after, never between.
//!
//! Changes are made under the filter's lock, as everything that changes a filter. Programs
//! take no lock: the SET target may add and delete meanwhile.

mod handle;
mod list;
mod load;
mod place;

pub use handle::{FilterSet, SetInfo};
pub(crate) use load::{OldSets, carry, fill, rows};
pub(crate) use place::SetRow;

use crate::Error;
use bpfc_ipset::SetDef;

/// Why a set does not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetProblem {
    /// The filter has no such set.
    #[error("The set with the given name does not exist")]
    Missing,
    /// The element is there.
    #[error("Element cannot be added to the set: it's already added")]
    Exists,
    /// The element is not there.
    #[error("Element cannot be deleted from the set: it's not added")]
    NotThere,
    /// As many elements as fit.
    #[error("Hash is full, cannot add more elements")]
    Full,
    /// An element that the set cannot hold.
    #[error("{0}")]
    Element(String),
    /// Two sets that cannot be swapped.
    #[error("The sets cannot be swapped: their type does not match")]
    Types,
}

/// One of many elements could not be changed: those before it were.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Stopped {
    /// Which one of those that were given, from 0.
    pub index: usize,
    /// Of an element that means several, such as a range of addresses, how many were changed.
    pub parts: usize,
    /// Why.
    #[source]
    pub error: Error,
}

impl From<Stopped> for Error {
    fn from(stopped: Stopped) -> Error {
        stopped.error
    }
}

impl SetProblem {
    pub(crate) fn of(self, set: &str) -> Error {
        Error::Set { set: set.to_owned(), problem: self }
    }
}

/// Whether one set's elements can stand in another's place: programs are compiled for a type,
/// family and layout.
pub(crate) fn is_alike(one: &SetDef, other: &SetDef) -> bool {
    let key = |def: &SetDef| {
        let options = &def.options;
        (def.kind, def.family, def.layout(), def.address_mask(), options.mark_mask, options.range)
    };
    key(one) == key(other)
}
