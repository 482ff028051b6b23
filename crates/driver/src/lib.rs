//! The pipeline: inputs become programs. Registries of front ends and back ends, merging of
//! several inputs, the forms that `--emit` prints, and the analysis behind `bpfc check`.
//!
//! Nothing in here does I/O: callers read inputs and write results.
//!
//! What callers need of the crates below has its name here, too, so that a daemon which compiles
//! links this crate and `bpfc-runtime` alone:
//!
//! ```
//! use bpfc_driver::{Input, Options, compile, target};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bytes = b"*filter\n:INPUT DROP [0:0]\nCOMMIT\n".to_vec();
//! let input = Input { name: "rules.v4".into(), bytes, format: None };
//! let target = target("xdp").ok_or("no such target")?;
//! let artifact = compile(&[input], target, &Options::default()).result()?;
//! assert_eq!(artifact.target, "xdp");
//! # Ok(())
//! # }
//! ```
//!
//! `examples/daemon.rs` goes on from there: it loads the artifact, swaps and prints what rules
//! count.

mod analyse;
mod build;
mod dot;
pub mod elements;
pub mod emit;
mod errors;
mod family;
mod hooks;
mod inputs;
mod later;
mod look;
mod merge;
mod options;
mod pipeline;
mod registry;
mod reject;
#[cfg(test)]
mod sample;
mod size;
mod tables;
mod trace;
mod tree;

pub use analyse::analyse;
pub use bpfc_artifact::Artifact;
pub use bpfc_diag::{Code, Diagnostic, Diagnostics, JsonDiagnostic, Renderer, Severity, SourceMap};
pub use bpfc_ebpf::{CompileOptions, ConntrackSource, Target};
pub use bpfc_ir::{Accounts, Family, Hook, Input, Listing, Program};
pub use build::{Prepared, after_pass, build, generate, kernel_needs, optimise};
pub use errors::CompileErrors;
pub use hooks::{default_hooks, no_chain};
pub use inputs::{Inputs, Role};
pub use options::Options;
pub use pipeline::{Compilation, Lowering, Stage, compile, lower, lower_compiled};
pub use registry::{FINGERPRINTS, SETS, formats, frontends, passes, target, targets, targets_with};
pub use reject::{drop_rejected, rejection};
pub use trace::Tracer;
