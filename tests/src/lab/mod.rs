//! The kernel as an oracle, inside network namespaces that vanish with the thread that made them.
//!
//! - [`namespace`]: threads with a network of their own, and the `ip` tool in them.
//! - [`inject`]: Ethernet frames into veth pairs, and knowing that they were processed.
//! - [`listen`]: what comes out at the other end.
//! - [`raw`]: packets that the host itself sends.
//! - [`routes`]: routes of every kind.
//! - [`tables`]: counters of the kernel's iptables.
//! - [`tap`]: packets that leave by an interface.
//! - [`view`]: what a hook sees of a frame.
//! - [`kernel_log`]: what `-j LOG` writes.
//! - [`nflog`]: what `-j NFLOG` sends.
//! - [`policy_rule`]: rules of policy routing.
//! - [`oracle`]: a ruleset and packets in, verdicts and counters out.

pub mod inject;
pub mod kernel_log;
pub mod listen;
pub mod namespace;
pub mod nflog;
pub mod oracle;
pub mod policy_rule;
pub mod raw;
pub mod routes;
pub mod tables;
pub mod tap;
pub mod view;

use std::fmt;
use std::io;

/// What can go wrong with the machine, as opposed to with what is tested.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A tool could not be started or talked to.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// A tool ended with an error.
    #[error("{command} failed: {stderr}\n{input}")]
    Tool {
        /// The command line.
        command: String,
        /// Its standard input.
        input: String,
        /// Its standard error.
        stderr: String,
    },
    /// A marker frame did not come back.
    #[error("a marker frame on {port} was not received: {reason}")]
    Marker {
        /// The interface that it was meant for.
        port: String,
        /// What the system said.
        reason: String,
    },
    /// The kernel's tables cannot be read.
    #[error(transparent)]
    Table(#[from] bpfc_runtime::xtables::TableError),
    /// A tool's output is not what it should be.
    #[error("{tool} printed {line:?}")]
    Output {
        /// The tool.
        tool: String,
        /// The line in question.
        line: String,
    },
}

impl LabError {
    /// Wraps a system error.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// Wraps an error number.
    pub fn errno(what: impl Into<String>) -> impl FnOnce(nix::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source: source.into() }
    }
}

/// Address family of a table and its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4, `iptables-legacy`.
    Ipv4,
    /// IPv6, `ip6tables-legacy`.
    Ipv6,
}

impl Family {
    /// Both.
    pub const ALL: [Family; 2] = [Family::Ipv4, Family::Ipv6];

    /// The prefix of the family's tools: `iptables` or `ip6tables`.
    pub fn tool(self) -> &'static str {
        match self {
            Family::Ipv4 => "iptables",
            Family::Ipv6 => "ip6tables",
        }
    }

    /// What stands before the table in a rule's label: nothing or `ip6/`.
    pub fn label_prefix(self) -> &'static str {
        match self {
            Family::Ipv4 => "",
            Family::Ipv6 => "ip6/",
        }
    }
}

impl From<Family> for bpfc_ir::Family {
    fn from(family: Family) -> Self {
        match family {
            Family::Ipv4 => bpfc_ir::Family::Ipv4,
            Family::Ipv6 => bpfc_ir::Family::Ipv6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::Ipv4 => "ipv4",
            Family::Ipv6 => "ipv6",
        })
    }
}
