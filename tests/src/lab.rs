//! The kernel as an oracle, inside network namespaces that vanish with the thread that made them.
//!
//! - [`namespace`]: threads with a network of their own, and the `ip` tool in them.
//! - [`inject`]: Ethernet frames into veth pairs, and knowing that they were processed.
//! - [`listen`]: what comes out at the other end.
//! - [`raw`]: packets that the host itself sends.
//! - [`routes`]: routes of every kind.
//! - [`tables`]: counters of the kernel's iptables.
//! - [`tap`]: packets that leave by an interface.
//! - [`tun`]: a device without link header.
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
pub mod nft;
pub mod oracle;
pub mod packet_sender;
pub mod policy_rule;
pub mod raw;
pub mod routes;
pub mod tables;
pub mod tap;
pub mod tun;
pub mod view;

pub use bpfc_ir::Family;

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
