//! The eBPF core that every back end shares: from IR to an [`bpfc_artifact::Artifact`].
//!
//! A chain becomes a global BPF function that reads `struct bpfc_packet`; a program's main
//! function fills that structure and runs the base chains, small ones as parts of itself. What
//! differs between hooks is a [`Target`]. ARCHITECTURE.md explains the shape; [`target`] states the
//! register contract.

pub mod addressee;
pub mod asm;
mod bridge;
mod chain;
mod clock;
mod compile;
mod conntrack;
mod control_group;
mod count_list;
mod counters;
mod device;
pub mod disassemble;
mod drop;
mod emitter;
mod error;
pub mod ethernet;
mod extension;
mod fib;
mod fit;
mod front;
pub mod kernel;
pub mod layout;
pub mod linear;
mod log;
mod lookup;
mod main_function;
mod names;
mod needs;
mod outcome;
mod query;
mod receiver;
mod region;
mod reply;
mod route;
mod routine;
mod scan;
mod scan_filter;
mod scan_ipv6_set;
mod scan_sctp;
mod scan_text;
mod segment;
mod select;
mod set_plan;
pub mod skb;
mod socket;
mod split;
mod state;
mod strip;
mod table;
pub mod target;
mod transform;
mod tuple;
mod walk;

pub use addressee::{Addressee, Addressing};
pub use compile::{CompileOptions, compile};
pub use counters::RULES_PER_CHUNK;
pub use disassemble::disassemble;
pub use fit::{CallSize, call_size};
pub use layout::PacketLayout;
pub use needs::{Feature, Needs, feature};
pub use reply::Answer;
pub use route::Routing;
pub use target::{
    Checksums, ConntrackSource, Growth, MainContext, MainLabels, Replies, Rewrites, Target,
};
