//! The pipeline: inputs become programs. Registries of front ends and back ends, merging of
//! several inputs, the forms that `--emit` prints, and the analysis behind `bpfc check`.
//!
//! Nothing in here does I/O: callers read inputs and write results.

mod analyse;
mod beside;
mod dot;
pub mod emit;
mod family;
mod look;
mod merge;
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
pub use beside::{holds_rules, read_fingerprints, read_sets};
pub use bpfc_ebpf::{ConntrackSource, Target};
pub use pipeline::{
    Compilation, Lowering, Options, Prepared, after_pass, build, compile, format_of, generate,
    kernel_needs, lower, lower_compiled, optimise,
};
pub use registry::{
    FINGERPRINTS, SETS, all_formats, formats, frontends, passes, planned_format, recognise, target,
    targets, targets_with,
};
pub use reject::{drop_rejected, rejection};
pub use trace::{trace, verdict_word};
