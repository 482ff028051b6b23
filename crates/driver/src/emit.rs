//! The forms of a program that people read: what `--emit` and snapshots print.

use bpfc_artifact::Artifact;
use bpfc_ir::{Listing, Program};

pub use crate::dot::dot;
pub use crate::tree::tree;

/// The text form of IR, with the rules' texts.
pub fn ir(program: &Program, listing: &Listing) -> String {
    let mut text = program.listed(listing).to_string();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Annotated assembly.
pub fn asm(artifact: &Artifact) -> String {
    bpfc_ebpf::disassemble(artifact)
}
