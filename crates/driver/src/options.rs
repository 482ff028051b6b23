//! Choices of one compilation.

use crate::size;
use bpfc_ebpf::{CompileOptions, Target};
use bpfc_ir::{Accounts, Files, FrontendOptions, Hook, Resolver, Zone};

/// Choices of one compilation.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The hooks whose chains are compiled; `None` for the target's default.
    pub hooks: Option<Vec<Hook>>,
    /// The tables that are compiled; `None` for the front end's default.
    pub tables: Option<Vec<String>>,
    /// Whether rejected packets are dropped without an answer.
    pub drop_rejected: bool,
    /// Names of passes to leave out.
    pub disabled_passes: Vec<String>,
    /// Choices of code generation.
    pub codegen: CompileOptions,
    /// Who knows the users and groups that rules name.
    pub accounts: Option<&'static dyn Accounts>,
    /// Who knows the local time that rules are written in; `None` where that is UTC.
    pub zone: Option<&'static dyn Zone>,
    /// Who looks up the hosts that rules name; `None` where only addresses will do.
    pub resolver: Option<&'static dyn Resolver>,
    /// Who reads the files that rulesets include; `None` where they may include none.
    pub files: Option<&'static dyn Files>,
}

impl Options {
    /// What front ends are told of them.
    pub(crate) fn frontend(&self, hooks: Option<Vec<Hook>>) -> FrontendOptions {
        let (tables, accounts, files) = (self.tables.clone(), self.accounts, self.files);
        let (zone, resolver) = (self.zone, self.resolver);
        let others = FrontendOptions::default();
        FrontendOptions { hooks, tables, accounts, zone, resolver, files, ..others }
    }

    /// The same where what they make is compiled for some of these targets: what is too large for
    /// each of them is refused before it takes time and memory.
    pub(crate) fn compiled(
        &self,
        hooks: Option<Vec<Hook>>,
        targets: &[&dyn Target],
    ) -> FrontendOptions {
        let run = |target: &&dyn Target| match (&hooks, target.default_hooks()) {
            (Some(hooks), _) => hooks.clone(),
            (None, default) => default.unwrap_or(target.hooks()).to_vec(),
        };
        let limit = size::limit(targets.iter().map(run).collect());
        FrontendOptions { limit: Some(limit), ..self.frontend(hooks) }
    }
}
