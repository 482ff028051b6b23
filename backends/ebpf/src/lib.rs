//! The eBPF core that every back end shares: from IR to an [`bpfc_artifact::Artifact`].
//!
//! A chain becomes a global BPF function that reads `struct bpfc_packet`; a program's main
//! function fills that structure and runs the base chains, small ones as parts of itself. What
//! differs between hooks is a [`Target`]. ARCHITECTURE.md explains the shape; [`target`] states the
//! register contract.

pub mod asm;
mod bodies;
mod chain;
mod compile;
mod conntrack;
mod effect;
mod emitter;
mod error;
mod fit;
pub mod kernel;
mod lookup;
mod main_function;
mod named_sets;
mod names;
mod packet;
mod query;
mod reply;
mod routine;
mod rule_table;
mod scan;
mod state;
mod table;
pub mod target;

pub use asm::disassemble::disassemble;
pub use chain::counters::RULES_PER_CHUNK;
pub use compile::{CompileOptions, compile};
pub use fit::{CallSize, call_size};
pub use kernel::{skb, xdp};
pub use main_function::addressee;
pub use main_function::bare;
pub use main_function::ethernet;
pub use packet::layout::{self, PacketLayout};
pub use packet::linear;
pub use packet::needs::{Answer, Feature, Needs};
pub use target::{
    Addressee, Addressing, Checksums, ConntrackSource, Growth, MainContext, MainLabels, Replies,
    Rewrites, Routing, Sight, Target,
};
