//! What a caller chooses when loading a filter.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where XDP programs run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum XdpMode {
    /// In the driver where it can, in the network stack otherwise.
    #[default]
    Auto,
    /// In the driver, or an error.
    Native,
    /// In the network stack, on any interface.
    Generic,
}

impl fmt::Display for XdpMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            XdpMode::Auto => "auto",
            XdpMode::Native => "native",
            XdpMode::Generic => "generic",
        })
    }
}

impl FromStr for XdpMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(XdpMode::Auto),
            "native" => Ok(XdpMode::Native),
            "generic" => Ok(XdpMode::Generic),
            _ => Err(format!("no XDP mode {text:?}: auto, native or generic")),
        }
    }
}

/// How a filter is loaded. [`Options::new`] gives the defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The filter's name, under which it is found again: up to 64 letters, digits, `_` and `-`.
    pub name: String,
    /// Interfaces of the caller's network namespace, for XDP and tc; no others may be given.
    pub interfaces: Vec<String>,
    /// Where XDP programs run.
    pub xdp_mode: XdpMode,
    /// Priority of all netfilter programs in the place of their own. The kernel refuses one that
    /// anything else at that hook holds, and `i32::MIN` and `i32::MAX`.
    pub priority: Option<i32>,
    /// The cgroup (version 2) of cgroup programs; none by default. [`control_groups`] is the whole
    /// hierarchy: a program there decides for every socket of the machine, in all network
    /// namespaces.
    pub cgroup: PathBuf,
}

impl Options {
    /// A name and the defaults.
    pub fn new(name: impl Into<String>) -> Options {
        Options {
            name: name.into(),
            interfaces: Vec::new(),
            xdp_mode: XdpMode::Auto,
            priority: None,
            cgroup: PathBuf::new(),
        }
    }

    /// Adds an interface.
    #[must_use]
    pub fn interface(mut self, name: impl Into<String>) -> Options {
        self.interfaces.push(name.into());
        self
    }
}

/// The root of the hierarchy of control groups, version 2: wherever `/proc/self/mounts` says that
/// it is mounted.
pub fn control_groups() -> Option<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (path, kind) = (fields.next()?, fields.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(path))
    })
}
