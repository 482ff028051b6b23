//! Loading a filter or replacing it, whichever it takes.
//!
//! Between a look whether a filter of a name is there and what is done about it somebody else may
//! load or unload it. A load finds that out under the lock of the name, and so does a replacement;
//! either then gives way to the other.

use crate::carried::Lost;
use crate::options::Options;
use crate::{Error, Filter};
use bpfc_artifact::Artifact;

/// How often a filter may come and go while this one is loaded.
const ATTEMPTS: u32 = 5;

impl Filter {
    /// Has `artifact` decide under the name that the options give: loads it as [`Filter::load`]
    /// does, or replaces the filter that has the name as [`Filter::replace_with`] does. Others may
    /// load, replace and unload it meanwhile. What a daemon calls when it starts, and whenever its
    /// ruleset has changed.
    ///
    /// # Errors
    /// As of [`Filter::load`] and [`Filter::replace_with`], without [`Error::Exists`].
    /// [`Error::NotFound`] where others have loaded and unloaded the filter again and again
    /// meanwhile.
    pub fn ensure(artifact: &Artifact, options: &Options) -> Result<Filter, Error> {
        Filter::ensure_telling(artifact, options).map(|(filter, _)| filter)
    }

    /// As [`Filter::ensure`]; where it replaced a filter, tells what was not carried over, as
    /// [`Filter::replace_telling`] does. None where it loaded one.
    ///
    /// # Errors
    /// As of [`Filter::ensure`].
    pub fn ensure_telling(
        artifact: &Artifact,
        options: &Options,
    ) -> Result<(Filter, Option<Vec<Lost>>), Error> {
        let mut attempt = 1;
        loop {
            let found = match Filter::load(artifact, options) {
                Err(Error::Exists(name)) => Filter::open(&name),
                loaded => return loaded.map(|filter| (filter, None)),
            };
            let replaced = found.and_then(|filter| {
                filter.replace_telling(artifact, options).map(|lost| (filter, Some(lost)))
            });
            match replaced {
                Err(Error::NotFound(_)) if attempt < ATTEMPTS => attempt += 1,
                replaced => return replaced,
            }
        }
    }
}
