//! What can go wrong, said so that an operator can act on it.
//!
//! The kernel's error numbers mislead: a program with too many pending branches gives EFAULT, one
//! that nests too deep E2BIG, a link that somebody else changed EPERM. So each place that calls
//! the kernel says what it was doing, and where the verifier refuses a program the reason is
//! taken from its log.

use crate::btf::BtfError;
use crate::sys::LoadFailure;
use crate::{permissions, verifier_log};
use std::io;
use std::path::PathBuf;

/// Why something could not be done. Whatever was attached before stays attached.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The artifact contradicts itself: an index or offset points nowhere.
    #[error("the artifact is damaged: {0}")]
    Artifact(String),
    /// Options that do not fit together or do not fit the artifact.
    #[error("{0}")]
    Options(String),
    /// The kernel would follow the calls of a program for too long to be asked.
    #[error(
        "the functions of program {program} call each other along so many paths that the kernel, \
         which follows each of them and cannot be interrupted, would be busy for long"
    )]
    TooManyPaths {
        /// Its name.
        program: String,
    },
    /// The verifier refused a program.
    #[error(transparent)]
    Verifier(#[from] Box<VerifierError>),
    /// The kernel would refuse a rule's rate and burst.
    #[error(
        "{place}: this kernel, whose clock has {ticks} ticks a second, refuses the rate and burst of this rule \
         ({text}): give a smaller burst, or a faster rate"
    )]
    Rate {
        /// File, line and label of the rule.
        place: String,
        /// Its text.
        text: String,
        /// `CONFIG_HZ`.
        ticks: u32,
    },
    /// The kernel lacks a feature.
    #[error("this kernel has no {feature}: {since} has it")]
    Unsupported {
        /// What is missing.
        feature: &'static str,
        /// From which kernel on it is there.
        since: String,
    },
    /// A kernel function or structure that a program uses is not there.
    #[error(transparent)]
    Btf(#[from] BtfError),
    /// A set does not do what was asked.
    #[error("set {set}: {problem}")]
    Set {
        /// The set.
        set: String,
        /// Why.
        problem: crate::SetProblem,
    },
    /// A filter of this name is loaded already.
    #[error("a filter named {0} is loaded already: replace it, or unload it first")]
    Exists(String),
    /// Others have replaced the filter, time and again, while the kernel verified a replacement.
    #[error(
        "filter {name} was replaced {attempts} times by others while the kernel verified this \
         replacement: nothing was changed, try again"
    )]
    Overtaken {
        /// The filter.
        name: String,
        /// How often.
        attempts: u32,
    },
    /// No filter of this name is loaded.
    #[error("no filter named {0} is loaded")]
    NotFound(String),
    /// An interface does not exist in this network namespace.
    #[error("no interface {name} in this network namespace")]
    NoInterface {
        /// Its name.
        name: String,
    },
    /// Somebody else is where a program should go.
    #[error("cannot attach to {place}: {reason}")]
    Occupied {
        /// Interface or hook.
        place: String,
        /// Who is there and what to do.
        reason: String,
    },
    /// A device has no frames that a program can read, or others beside those that it is to decide.
    #[error("cannot attach to {place}: {reason}")]
    Unsuitable {
        /// The interface.
        place: String,
        /// Why, and where to attach instead.
        reason: String,
    },
    /// A program follows rules of policy routing, which do not tell it a routing domain's table.
    #[error(
        "cannot attach to {place}: {interface} belongs to a routing domain (VRF), at whose tables \
         rules of a program do not look"
    )]
    RoutingDomain {
        /// Interface or hook.
        place: String,
        /// A routing domain's device, or one that belongs to it.
        interface: String,
    },
    /// A link of ours holds a program that is not ours.
    #[error(
        "the link at {place} now holds program {program} ({name}), which is not this filter's: \
         another process replaced it"
    )]
    Changed {
        /// Interface or hook.
        place: String,
        /// Identifier of the program that is there.
        program: u32,
        /// Its name.
        name: String,
    },
    /// The filter belongs to another network namespace than the caller's.
    #[error("filter {0} was loaded in another network namespace: run this there")]
    Namespace(String),
    /// The filter's network namespace is gone, or cannot be found.
    #[error("{}", lost(.name, *.gone))]
    NamespaceLost {
        /// The filter.
        name: String,
        /// True where it is gone, and all of the filter's places with it.
        gone: bool,
    },
    /// bpffs is not where pins can live.
    #[error("{0}")]
    Bpffs(String),
    /// Conntrack could not be switched on or off.
    #[error("cannot make this network namespace track connections: {}{}", .0, hint(.0))]
    Conntrack(io::Error),
    /// A system call failed.
    #[error("cannot {doing}: {source}{}", hint(.source))]
    Kernel {
        /// What was being done.
        doing: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// A file or directory could not be used.
    #[error("{}: {source}{}", path.display(), path_hint(.source))]
    Path {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A later version loaded the filter, and this one would misread what it has pinned.
    #[error(
        "filter {name} was loaded by a later version of bpfc: its pins are of format {format}, and \
         this one knows formats up to {known}; use that version, or unload the filter"
    )]
    Newer {
        /// The filter.
        name: String,
        /// The format that it has.
        format: u32,
        /// The latest one that is known here.
        known: u32,
    },
    /// The pinned metadata is not what this version writes.
    #[error("the pinned metadata of {name} cannot be read: {reason}")]
    Metadata {
        /// The filter.
        name: String,
        /// Why.
        reason: String,
    },
}

/// A program that the verifier refused.
#[derive(Debug, thiserror::Error)]
#[error("the kernel refused program {program}: {reason}")]
pub struct VerifierError {
    /// Its name.
    pub program: String,
    /// The reason in a line or two.
    pub reason: String,
    /// The verifier's whole log.
    pub log: String,
    /// The error number that came with it.
    pub error: io::Error,
}

impl Error {
    pub(crate) fn kernel(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let doing = doing.into();
        move |source| Error::Kernel { doing, source }
    }

    pub(crate) fn path(path: &std::path::Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Path { path, source }
    }

    pub(crate) fn verifier(program: &str, failure: LoadFailure) -> Error {
        let number = failure.error.raw_os_error();
        let said = verifier_log::reason(&failure.log);
        // These come before the verifier, or behind it.
        let elsewhere = match number {
            Some(libc::EMFILE | libc::ENFILE) => true,
            Some(libc::EPERM | libc::ENOMEM | libc::ENOSPC | libc::EAGAIN) => said.is_none(),
            _ => false,
        };
        if elsewhere {
            return Error::kernel(format!("load program {program}"))(failure.error);
        }
        let reason = said.unwrap_or_else(|| match number {
            Some(libc::E2BIG) => bpfc_artifact::MOST_PROCESSED.into(),
            _ => failure.error.to_string(),
        });
        Error::Verifier(Box::new(VerifierError {
            program: program.to_owned(),
            reason,
            log: failure.log,
            error: failure.error,
        }))
    }
}

/// What an error number is about that says little by itself.
fn hint(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => permissions::reason(),
        Some(libc::EMFILE) => {
            " (this process has as many files open as RLIMIT_NOFILE allows: raise it, as by \
             `ulimit -n`)"
                .into()
        }
        Some(libc::ENFILE) => {
            " (the system has as many files open as the sysctl fs.file-max allows)".into()
        }
        Some(libc::ENOMEM) => {
            " (the system, or the control group by its limit memory.max, is out of memory)".into()
        }
        _ => String::new(),
    }
}

fn lost(name: &str, gone: bool) -> String {
    match gone {
        true => format!(
            "the network namespace of filter {name} is gone: load it again from its ruleset, which \
             replaces it, or unload it"
        ),
        false => format!(
            "no name in /run/netns and no process leads to the network namespace of filter {name}, which is \
             attached there all the same: run this in it, or `bpfc unload {name}`"
        ),
    }
}

/// bpffs is root's alone unless an administrator opens it.
fn path_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => " (loaded filters are seen and changed by root)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(number: i32, log: &str) -> Error {
        let error = io::Error::from_raw_os_error(number);
        Error::verifier("main", LoadFailure { error, log: log.into() })
    }

    #[test]
    fn the_reason_comes_from_the_log() {
        let error = refused(libc::ENOMEM, "The sequence of 8193 jumps is too complex.\n");
        assert!(matches!(error, Error::Verifier(_)), "{error}");
        assert!(error.to_string().contains("too many pending branches"), "{error}");
        assert!(refused(libc::E2BIG, "").to_string().contains("1,000,000 instructions"));
    }

    #[test]
    fn what_the_verifier_did_not_refuse_is_not_called_so() {
        let verified = "0: (95) exit\nprocessed 1 insns (limit 1000000)\n";
        for (number, log, words) in [
            (libc::EMFILE, verified, "RLIMIT_NOFILE"),
            (libc::EMFILE, "", "RLIMIT_NOFILE"),
            (libc::ENFILE, "", "fs.file-max"),
            (libc::ENOMEM, verified, "control group"),
            (libc::EPERM, "", "("),
        ] {
            let error = refused(number, log);
            assert!(matches!(error, Error::Kernel { .. }), "{error}");
            let text = error.to_string();
            assert!(text.starts_with("cannot load program main: "), "{text}");
            assert!(text.contains(words), "{text}");
        }
    }
}
