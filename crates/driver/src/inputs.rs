//! What inputs are: rulesets, and the sets and fingerprints that rules name, which compile to
//! nothing alone. Each input is recognised once, and everything behind it asks what was found.

use crate::look;
use crate::registry::{FINGERPRINTS, SETS, formats, frontend_of, recognise};
use bpfc_diag::{Code, Diagnostic, Diagnostics, SourceMap};
use bpfc_ir::{Fingerprint, Frontend, Input, Recognised, SetTable};
use std::sync::Arc;

/// What an input is.
#[derive(Clone)]
pub enum Role {
    /// Rules that a front end reads.
    Rules(&'static dyn Frontend, Recognised<'static>),
    /// Rules, or what should be some, that no front end reads, with the reason.
    Unreadable(Box<Diagnostic>),
    /// Sets, as ipset saves them.
    Sets,
    /// Fingerprints of operating systems.
    Fingerprints,
}

impl Role {
    /// The role of an input by the format that was asked for, or by its content.
    pub fn of(input: &Input) -> Role {
        match &input.format {
            Some(name) if name == SETS.name => return Role::Sets,
            Some(name) if name == FINGERPRINTS.name => return Role::Fingerprints,
            Some(_) => {}
            // A fingerprint of any window begins with an asterisk, as tables do.
            None if bpfc_osf::recognise(&input.bytes) => return Role::Fingerprints,
            None => {}
        }
        if let Some(error) = look::encoding(&input.name, &input.bytes) {
            return Role::Unreadable(error.into());
        }
        let found = match &input.format {
            Some(name) => frontend_of(name).map(|(front, name)| (front, Recognised::sure(name))),
            None => recognise(&input.bytes),
        };
        match found {
            Some((frontend, read_as)) => Role::Rules(frontend, read_as),
            None if input.format.is_none() && bpfc_ipset_save::recognise(&input.bytes) => {
                Role::Sets
            }
            None => Role::Unreadable(unreadable(input).into()),
        }
    }

    /// Whether it is a ruleset, or should be one.
    pub fn holds_rules(&self) -> bool {
        matches!(self, Role::Rules(..) | Role::Unreadable(_))
    }
}

impl std::fmt::Debug for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Role::Rules(frontend, read_as) => {
                f.debug_tuple("Rules").field(&frontend.name()).field(read_as).finish()
            }
            Role::Unreadable(error) => f.debug_tuple("Unreadable").field(error).finish(),
            Role::Sets => f.write_str("Sets"),
            Role::Fingerprints => f.write_str("Fingerprints"),
        }
    }
}

/// The error for a ruleset whose format is not read, or not recognised.
fn unreadable(input: &Input) -> Diagnostic {
    let names = || formats().map(|f| f.name).collect::<Vec<_>>().join(", ");
    let error = |message: String| Diagnostic::error(Code::UNREADABLE, None, message);
    let name = &input.name;
    match &input.format {
        Some(format) => error(format!("'{name}': there is no format '{format}'"))
            .with_help(format!("the formats are {}", names())),
        None if input.bytes.trim_ascii().is_empty() => {
            error(format!("'{name}' is empty: there is no ruleset in it"))
        }
        None => look::unrecognised(name, &input.bytes, &names()),
    }
}

/// Inputs, each with its role, and what of them rules may name.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The inputs in their order.
    pub all: Vec<(&'a Input, Role)>,
    /// The sets of all inputs that define some.
    pub sets: Arc<SetTable>,
    /// The fingerprints of all inputs that hold some, in their order; `None` where no input does.
    pub fingerprints: Option<Arc<Vec<Fingerprint>>>,
    /// The texts of sets and fingerprints.
    pub sources: SourceMap,
    /// What is wrong with sets and fingerprints.
    pub diagnostics: Diagnostics,
}

impl<'a> Inputs<'a> {
    /// Recognises inputs and reads those that hold no rules.
    pub fn read(inputs: &'a [Input]) -> Inputs<'a> {
        let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
        let all: Vec<(&Input, Role)> =
            inputs.iter().map(|input| (input, Role::of(input))).collect();
        let mut sets = SetTable::default();
        for (Input { name, bytes, .. }, _) in
            all.iter().filter(|(_, role)| matches!(role, Role::Sets))
        {
            bpfc_ipset_save::read(name, bytes, &mut sets, &mut sources, &mut diagnostics);
        }
        let mut fingerprints = None;
        for (Input { name, bytes, .. }, _) in
            all.iter().filter(|(_, role)| matches!(role, Role::Fingerprints))
        {
            let list = fingerprints.get_or_insert_with(Vec::new);
            bpfc_osf::read(name, bytes, list, &mut sources, &mut diagnostics);
        }
        let (sets, fingerprints) = (Arc::new(sets), fingerprints.map(Arc::new));
        Inputs { all, sets, fingerprints, sources, diagnostics }
    }

    /// The rulesets, and what should be some.
    pub fn rulesets(&self) -> impl Iterator<Item = (&'a Input, &Role)> {
        self.all.iter().filter(|(_, role)| role.holds_rules()).map(|(input, role)| (*input, role))
    }

    /// The rulesets of a format.
    pub fn read_as<'b>(&'b self, format: &'b str) -> impl Iterator<Item = &'a Input> + 'b {
        let is_such = move |role: &Role| match role {
            Role::Rules(_, read_as) => read_as.format == format,
            _ => false,
        };
        self.rulesets().filter(move |(_, role)| is_such(role)).map(|(input, _)| input)
    }

    /// The error where there is no ruleset among some inputs.
    pub(crate) fn without_rules(&self) -> Option<Diagnostic> {
        let (input, role) = self.all.first()?;
        if self.rulesets().next().is_some() {
            return None;
        }
        let (what, help) = match role {
            Role::Sets => ("sets", "give the ruleset that names them, too"),
            _ => ("fingerprints", "give the ruleset that compares packets with them, too"),
        };
        let message = format!("'{}' holds {what} and no rules", input.name);
        Some(Diagnostic::error(Code::NO_CHAIN, None, message).with_help(help))
    }
}
