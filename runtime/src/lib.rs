//! Loads, attaches, replaces and reads filters: the part of bpfc that a daemon links.
//!
//! A *filter* is an [`Artifact`] in the kernel under a name. It is pinned under
//! `/sys/fs/bpf/bpfc/NAME`, so it goes on when the process that loaded it exits, and any process
//! finds it by its name:
//!
//! ```no_run
//! use bpfc_runtime::{Artifact, Filter, Options};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let artifact = Artifact::read(std::fs::File::open("rules.json")?)?;
//! // Loads it, or replaces the filter of that name.
//! let filter = Filter::ensure(&artifact, &Options::new("web").interface("eth0"))?;
//! for (rule, count) in filter.counters()?.iter() {
//!     println!("{} {} {}", count.packets, count.bytes, rule.label);
//! }
//! filter.replace(&artifact)?; // In one step; rules that stay keep their counts.
//! Filter::open("web")?.unload()?;
//! # Ok(())
//! # }
//! ```
//!
//! What holds, and is tested under traffic and under SIGKILL:
//! - Whatever fails, what was attached before decides as before.
//! - A process that dies at any moment leaves the old filter or the new one: never none, and
//!   never a packet that both count. What it had begun is finished or removed by the next call.
//! - Counts are exact: no packet is lost by zeroing or replacing.
//!
//! `examples/daemon.rs` of `bpfc-driver` compiles as well, and keeps a ruleset loaded that changes.
//!
//! What rules log comes as a stream of [`LogRecord`]s, each of which knows its line:
//!
//! ```no_run
//! # fn main() -> Result<(), bpfc_runtime::Error> {
//! let mut log = bpfc_runtime::Filter::open("web")?.log()?;
//! while let Some(record) = log.next(None)? {
//!     println!("{}: {}", record.rule, record.line());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`Unattached`] runs programs on packets without attaching them. [`xtables`] reads the kernel's
//! own iptables rules and [`nft_dump`] its nftables ruleset, for whoever compiles them.
//!
//! Linux 6.1 and later with BTF (`CONFIG_DEBUG_INFO_BTF`), on little-endian machines. XDP and
//! cgroup filters work on all of these, netfilter filters from 6.4, tc filters from 6.6: they are
//! attached by tcx links. What a kernel lacks is [`Error::Unsupported`]. Root, or CAP_BPF,
//! CAP_NET_ADMIN, CAP_PERFMON and CAP_SYS_ADMIN, is needed for everything but types.

#[cfg(target_endian = "big")]
compile_error!("artifacts hold little-endian instructions");

mod again;
mod bpffs;
// What tests of the runtime from outside share, too.
#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod common;
#[cfg(test)]
extern crate self as bpfc_runtime;

mod btf;
mod carried;
mod changes;
pub mod clock;
mod conntrack;
mod conntrack_table;
mod control_groups;
mod counters;
mod devices;
mod digest;
mod ensure;
mod error;
mod features;
mod filter;
#[cfg(test)]
mod formats;
mod forwarding;
mod health;
mod home;
pub mod ipset;
mod kconfig;
mod linker;
mod load;
mod lock;
mod log;
mod metadata;
mod named_sets;
mod namespace;
mod netlink;
pub mod nft_dump;
pub mod nft_tables;
mod options;
mod permissions;
mod pins;
mod place;
mod places;
mod programs;
mod rates;
mod recent;
mod routing_domains;
mod sets;
mod state;
mod stubs;
mod switch;
mod symbols;
mod sys;
mod testrun;
mod unchanged;
mod verifier_log;
pub mod xtables;

pub use again::Again;
pub use bpfc_artifact::{
    Artifact, InputFile, NamedSet, RuleEntry, RuleTable, Stored, TableEntry, raw,
};
pub use bpffs::{BpffsKeeper, bpffs_keeper, check_that_bpffs_lasts};
pub use btf::BtfError;
pub use carried::Lost;
pub use changes::{Changed, Changes, Followed};
pub use conntrack::{ConntrackKeeper, conntrack_keepers, keep_conntrack, release_conntrack};
pub use counters::{Count, Counters};
pub use error::{Error, VerifierError};
pub use features::{running_kernel, supports};
pub use filter::{AttachmentStatus, Filter, ProgramStatus, Status};
pub use forwarding::{Misrouted, misrouted};
pub use health::{NamespaceStatus, Problem};
pub use lock::{Waiting, on_waiting};
pub use log::{LinkHeader, LogInterface, LogKind, LogLost, LogReader, LogRecord};
pub use metadata::Loaded;
pub use named_sets::{Adding, NamedElements};
pub use options::{Options, XdpMode, control_groups};
pub use place::{Attachment, Place};
pub use recent::{RecentAddress, RecentEdit};
pub use sets::{FilterSet, SetInfo, SetProblem, Stopped};
pub use testrun::{Outcome, TestPacket, Unattached};
