//! The pipeline: inputs become programs. Registries of front ends and back ends, merging of
//! several inputs, the forms that `--emit` prints, and the analysis behind `bpfc check`.
//!
//! Nothing in here does I/O: callers read inputs and write results.

mod analyse;
mod dot;
pub mod emit;
mod family;
mod inputs;
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
pub use bpfc_ebpf::{ConntrackSource, Target};
pub use inputs::{Inputs, Role};
pub use pipeline::{
    Compilation, Lowering, Options, Prepared, Stage, after_pass, build, compile, generate,
    kernel_needs, lower, lower_compiled, optimise,
};
pub use registry::{
    FINGERPRINTS, SETS, all_formats, formats, frontends, passes, planned_format, target, targets,
    targets_with,
};
pub use reject::{drop_rejected, rejection};
pub use trace::trace;
