//! What a test needs of the machine.
//!
//! A test that cannot run here says why and passes, so that a developer without root sees what
//! was left out; with `BPFC_REQUIRE_ALL=1` in the environment, as in continuous integration, the
//! same lack is a failure, so that nothing is ever left out unseen.

use crate::lab::kernel_log;
use nix::unistd::Uid;
use std::path::Path;
use std::process::Command;

/// Something outside the program that a test needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The right to create namespaces and attach programs.
    Root,
    /// The kernel's log, and the right to let namespaces write to it.
    KernelLog,
    /// A program that must be found on `PATH` or in the system's administration folders.
    Tool(&'static str),
}

impl Need {
    /// Why the need is not met, or `None` where it is.
    fn lack(self) -> Option<String> {
        match self {
            Need::Root if Uid::effective().is_root() => None,
            Need::Root => Some("root is needed".to_owned()),
            Need::KernelLog => kernel_log::lack(),
            Need::Tool(name) if find_tool(name) => None,
            Need::Tool(name) => Some(format!("`{name}` is not installed")),
        }
    }
}

/// Root and the tools that every test with the kernel's iptables uses.
pub const KERNEL_IPTABLES: &[Need] = &[
    Need::Root,
    Need::Tool("ip"),
    Need::Tool("iptables-legacy-restore"),
    Need::Tool("iptables-legacy-save"),
    Need::Tool("ip6tables-legacy-restore"),
    Need::Tool("ip6tables-legacy-save"),
    Need::Tool("ipset"),
    Need::Tool("nfnl_osf"),
];

fn find_tool(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(name).is_file())
}

/// True where a test with these needs can run. Otherwise the reason is printed.
///
/// # Panics
///
/// Where a need is not met and `BPFC_REQUIRE_ALL=1`.
pub fn met(needs: &[Need]) -> bool {
    let lacks: Vec<String> = needs.iter().filter_map(|need| need.lack()).collect();
    if lacks.is_empty() {
        return true;
    }
    let reason = lacks.join(", ");
    assert!(!required(), "skipping is not allowed (BPFC_REQUIRE_ALL): {reason}");
    eprintln!("skipped: {reason}");
    false
}

/// Whether the environment forbids skipping.
pub fn required() -> bool {
    std::env::var_os("BPFC_REQUIRE_ALL").is_some_and(|value| value == "1")
}

/// A command whose program is looked for in the administration folders as well, which are not on
/// everybody's `PATH`.
pub fn command(name: &str) -> Command {
    let program = ["/usr/sbin", "/sbin"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| name.into());
    Command::new(program)
}

/// A number from the environment, for runs longer or shorter than the default.
///
/// # Panics
///
/// Where the variable is set and not a number.
pub fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable}={text} is not a number")),
        Err(_) => default,
    }
}

/// Leaves a test early where its needs are not met: `require!(require::KERNEL_IPTABLES)`.
#[macro_export]
macro_rules! require {
    ($needs:expr) => {
        if !$crate::require::met($needs) {
            return;
        }
    };
}
