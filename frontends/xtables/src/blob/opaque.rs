//! Stand-ins for matches and targets that cannot be read, so that their rules can be shown.
//!
//! Their rules are refused wherever they would be compiled, so nothing ever lowers one.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    Action, ActionExtension, Families, Match, MatchExtension, Options, Problem, Unsupported,
    unsupported,
};
use bpfc_ir::Verdict;
use std::sync::{Arc, LazyLock};

/// What a rule shows in the place of a name that nobody knows.
const UNKNOWN: &str = "(unknown)";

/// One descriptor for each name that is known but not supported.
static MATCHES: LazyLock<Vec<MatchExtension>> = LazyLock::new(|| {
    let names = unsupported::MATCHES.iter().map(|row| row.name).chain([UNKNOWN]);
    names.map(match_named).collect()
});

static ACTIONS: LazyLock<Vec<ActionExtension>> = LazyLock::new(|| {
    let names = unsupported::ACTIONS.iter().map(|row| row.name).chain([UNKNOWN]);
    names.map(action_named).collect()
});

fn match_named(name: &'static str) -> MatchExtension {
    MatchExtension {
        name,
        aliases: &[],
        families: Families::Both,
        options: &[],
        protocols: &[],
        hooks: &[],
        parse: |options: &Options<'_>| -> Result<Arc<dyn Match>, Problem> {
            Err(options.bad("it is not supported"))
        },
        revisions: &[],
    }
}

fn action_named(name: &'static str) -> ActionExtension {
    ActionExtension {
        name,
        families: Families::Both,
        options: &[],
        tables: &[],
        parse: |options: &Options<'_>| -> Result<Arc<dyn Action>, Problem> {
            Err(options.bad("it is not supported"))
        },
        revisions: &[],
    }
}

/// The stand-in for a match of a name.
pub fn opaque_match(name: &str) -> Arc<dyn Match> {
    let supported = crate::registry::MATCHES.iter().copied().find(|known| known.name == name);
    let known = || MATCHES.iter().find(|known| known.name == name);
    let found = supported.or_else(known).or_else(|| MATCHES.last());
    Arc::new(Opaque { descriptor: found.unwrap_or(crate::registry::MATCHES[0]) })
}

/// The stand-in for a target of a name.
pub fn opaque_action(name: &str) -> Arc<dyn Action> {
    let supported = crate::registry::ACTIONS.iter().copied().find(|known| known.name == name);
    let known = || ACTIONS.iter().find(|known| known.name == name);
    let found = supported.or_else(known).or_else(|| ACTIONS.last());
    Arc::new(Opaque { descriptor: found.unwrap_or(crate::registry::ACTIONS[0]) })
}

#[derive(Debug)]
struct Opaque<T: 'static> {
    descriptor: &'static T,
}

impl Match for Opaque<MatchExtension> {
    fn extension(&self) -> &'static MatchExtension {
        self.descriptor
    }

    fn save(&self, _: &mut String) {}

    fn list(&self, _: &mut String) {}

    fn lower(&self, _: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        Err(Unsupported(format!("match '{}' could not be read", self.descriptor.name)))
    }

    fn evaluate(&self, _: &View<'_>, _: &mut u64) -> Outcome {
        Outcome::NoMatch
    }
}

impl Action for Opaque<ActionExtension> {
    fn extension(&self) -> &'static ActionExtension {
        self.descriptor
    }

    fn save(&self, _: &mut String) {}

    fn list(&self, _: &mut String) {}

    fn lower(&self, _: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        Err(Unsupported(format!("target '{}' could not be read", self.descriptor.name)))
    }

    fn evaluate(&self, _: &mut View<'_>) -> Option<Verdict> {
        None
    }
}
