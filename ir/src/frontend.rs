//! What a front end is: something that recognises an input and lowers it to a [`Program`].

use crate::{Contents, Fingerprint, Hook, Listing, Program, SetTable};
use bpfc_diag::{Diagnostic, Diagnostics, FileId, SourceMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// A format that `--from` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InputFormat {
    /// As `--from` takes it, such as `iptables-save`.
    pub name: &'static str,
    /// One line for people.
    pub description: &'static str,
}

/// The format in which an input is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recognised<'a> {
    /// A name of [`InputFormat`].
    pub format: &'a str,
    /// Whether the input may as well be of another format, since nothing in it shows its family.
    pub is_guess: bool,
}

impl<'a> Recognised<'a> {
    /// A format that is known.
    pub fn sure(format: &'a str) -> Self {
        Recognised { format, is_guess: false }
    }
}

/// One input: bytes and how they were named.
#[derive(Clone, Debug)]
pub struct Input {
    /// A path, `-` or `live:iptables`.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// The format that the user asked for, a name of [`InputFormat`]; `None` to recognise it.
    pub format: Option<String>,
}

/// What to compile of the inputs.
#[derive(Clone, Debug, Default)]
pub struct FrontendOptions {
    /// The hooks whose base chains become entries; `None` for every hook that has one.
    pub hooks: Option<Vec<Hook>>,
    /// The tables to compile; `None` for the front end's default.
    pub tables: Option<Vec<String>>,
    /// How large programs may be where the result is compiled. `None` where nothing is.
    pub limit: Option<SizeLimit>,
    /// The sets that rules may name.
    pub sets: Arc<SetTable>,
    /// The fingerprints that rules compare packets with, in the order in which they are loaded;
    /// `None` where no input holds any.
    pub fingerprints: Option<Arc<Vec<Fingerprint>>>,
    /// Who knows the users and groups that rules name; `None` where only numbers will do.
    pub accounts: Option<&'static dyn Accounts>,
    /// Who knows the local time that rules are written in; `None` where that is UTC.
    pub zone: Option<&'static dyn Zone>,
    /// Who looks up the hosts that rules name; `None` where only addresses will do.
    pub resolver: Option<&'static dyn Resolver>,
    /// Who reads the files that rulesets include; `None` where they may include none.
    pub files: Option<&'static dyn Files>,
}

/// How large programs may be. Rules of one hook that take more, whatever the target, are refused
/// before they are lowered, and before they are read where that can be known.
#[derive(Clone, Debug)]
pub struct SizeLimit {
    /// Instructions of a program.
    pub instructions: u64,
    /// The limit in words: a sentence without its period.
    pub said: &'static str,
    /// The hooks whose chains each of the targets runs that may be compiled for. Where one of them
    /// is too large for every target, nothing is left to lower, and that is an error.
    pub targets: Vec<Vec<Hook>>,
}

impl SizeLimit {
    /// The error of the first of these hooks, where each target runs one of them.
    pub fn leaves_nothing<'h>(
        &self,
        too_large: &'h [(Hook, Diagnostic)],
    ) -> Option<&'h Diagnostic> {
        let is_hit = |hooks: &Vec<Hook>| too_large.iter().any(|(hook, _)| hooks.contains(hook));
        let (_, error) = too_large.first()?;
        self.targets.iter().all(is_hit).then_some(error)
    }
}

/// The numbers of a machine's users and groups, such as /etc/passwd and /etc/group have them.
pub trait Accounts: std::fmt::Debug + Sync {
    /// The number of the user of a name.
    fn user(&self, name: &str) -> Option<u32>;

    /// The number of the group of a name.
    fn group(&self, name: &str) -> Option<u32>;
}

/// A time zone.
pub trait Zone: std::fmt::Debug + Sync {
    /// Seconds that its local time is ahead of UTC at a time, in seconds since 1970 began in UTC,
    /// or now.
    fn offset(&self, at: Option<i64>) -> i32;
}

/// What knows the addresses of hosts.
pub trait Resolver: std::fmt::Debug + Sync {
    /// The addresses of a host, of either family, each once.
    ///
    /// # Errors
    /// Why the name cannot be looked up, as a sentence without a point.
    fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, String>;
}

/// A file that a ruleset includes.
#[derive(Clone, Debug)]
pub struct IncludedFile {
    /// Its path.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// What reads files that rulesets include: front ends do no I/O.
pub trait Files: std::fmt::Debug + Sync {
    /// The files that a path means, which may be a pattern, in their order. `from` is the name of
    /// the input or file that includes them.
    ///
    /// # Errors
    /// Why a file cannot be read, as part of a sentence.
    fn find(&self, path: &str, from: &str) -> Result<Vec<IncludedFile>, String>;

    /// Where those files are looked for, as paths or patterns, for whoever follows them.
    fn places(&self, path: &str, from: &str) -> Vec<PathBuf>;
}

/// A lowered input.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The program, with entries for the chosen hooks and tables.
    pub program: Program,
    /// Its rules as listings show them.
    pub listing: Listing,
    /// What is in the program's tables.
    pub contents: Contents,
    /// The text that spans point into.
    pub file: FileId,
    /// Hooks of which the program holds nothing, since their rules are too many, each with the
    /// error that says so: for whoever compiles them.
    pub too_large: Vec<(Hook, Diagnostic)>,
}

/// A reader of rulesets, registered by name with the driver.
pub trait Frontend: Sync {
    /// Such as `xtables`.
    fn name(&self) -> &'static str;

    /// The formats it reads.
    fn formats(&self) -> &'static [InputFormat];

    /// The format of these bytes, a name of [`Frontend::formats`], where it is one of its own.
    fn recognise(&self, bytes: &[u8]) -> Option<Recognised<'static>>;

    /// Reads and lowers an input. All errors of the input are reported; `None` where there was
    /// one, so that no program ever leaves a rule out.
    fn lower(
        &self,
        input: &Input,
        read_as: Recognised<'_>,
        options: &FrontendOptions,
        sources: &mut SourceMap,
        diagnostics: &mut Diagnostics,
    ) -> Option<Lowered>;

    /// Whether inputs of a format that are given together are one ruleset, in which each goes on
    /// where the one before it ended.
    fn joins(&self, _format: &str) -> bool {
        false
    }

    /// The same as [`Frontend::lower`] for inputs that are one ruleset: there are several only of
    /// a format of which [`Frontend::joins`] says so.
    fn lower_joined(
        &self,
        inputs: &[&Input],
        read_as: Recognised<'_>,
        options: &FrontendOptions,
        sources: &mut SourceMap,
        diagnostics: &mut Diagnostics,
    ) -> Option<Lowered> {
        self.lower(inputs.first()?, read_as, options, sources, diagnostics)
    }
}
