//! ELF objects: an artifact as a file that libbpf loads, and back.
//!
//! [`write`] makes a relocatable eBPF object in libbpf's conventions: one section for each
//! program type (`xdp`, `classifier`, `netfilter` and so on) with the main functions of its
//! programs, `.text` with all other functions, `.maps`, `license`, `.BTF`, `.BTF.ext`. So
//! bpftool, libbpf, iproute2 and others open and load an object without this project
//! (docs/objects.md says which of them were tried). What ELF
//! has no place for (rules and their counters, netfilter priorities) is in a section `.bpfc`,
//! which holds the whole artifact; [`read`] takes it from there after it made sure that the code
//! beside it is the same.
//!
//! What must hold: [`read`] of what [`write`] made is the same artifact; the same artifact gives
//! the same bytes; no input makes [`read`] panic; an artifact that one of libbpf's formats cannot
//! express is an error of [`write`], never an object that does something else.

mod check;
mod code;
mod content;
mod elf;
mod kernel;
mod layout;
mod metadata;
mod read;
mod types;

pub use check::Invalid;
pub use elf::{WriteError, write};
pub use read::{ReadError, is_object, read};

/// Section with the complete artifact.
pub const METADATA_SECTION: &str = ".bpfc";
/// Section with all functions that are not a program's main function.
pub const TEXT_SECTION: &str = ".text";
