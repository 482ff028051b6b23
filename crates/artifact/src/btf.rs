//! BTF of our own: types, function prototypes, line strings.
//!
//! The kernel asks for BTF before it takes global functions, `bpf_loop` callbacks or line
//! information (Linux 5.0 and 5.13). [`encode`] makes the blob of one program and the two tables
//! that go with it into `BPF_PROG_LOAD`; objects are built from the same parts. Everything is
//! little endian, as an artifact's instructions are, and the same artifact gives the same bytes.

mod builder;
mod functions;
mod lines;
#[cfg(test)]
mod tests;
mod values;

pub use builder::{Builder, Linkage, TypeId, VOID};
pub use functions::{FunctionTypes, PACKET_STRUCT};
pub use lines::{LineInfo, of_function as line_info_of_function};
pub use values::{is_typed, of_map as types_of_map};

use crate::{Artifact, FunctionIndex};

/// `struct bpf_func_info`, 8 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FuncInfo {
    /// The function's first instruction, in units of 8 bytes.
    pub insn: u32,
    /// Its type, of kind `FUNC`.
    pub type_id: TypeId,
}

impl FuncInfo {
    /// The record as the kernel reads it.
    pub fn to_le_bytes(self) -> [u8; 8] {
        (u64::from(self.insn) | (u64::from(self.type_id.0) << 32)).to_le_bytes()
    }
}

/// What [`encode`] makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedBtf {
    /// For `BPF_BTF_LOAD`.
    pub blob: Vec<u8>,
    /// One record a function, ascending; the first is at instruction 0.
    pub func_info: Vec<FuncInfo>,
    /// Ascending strictly; every function begins with one.
    pub line_info: Vec<LineInfo>,
}

impl EncodedBtf {
    /// `bpf_attr.func_info_rec_size`.
    pub const FUNC_INFO_SIZE: u32 = 8;
    /// `bpf_attr.line_info_rec_size`.
    pub const LINE_INFO_SIZE: u32 = 16;

    /// What `bpf_attr.func_info` points at.
    pub fn func_info_bytes(&self) -> Vec<u8> {
        self.func_info.iter().flat_map(|record| record.to_le_bytes()).collect()
    }

    /// What `bpf_attr.line_info` points at.
    pub fn line_info_bytes(&self) -> Vec<u8> {
        self.line_info.iter().flat_map(|record| record.to_le_bytes()).collect()
    }
}

/// The BTF of one program. `functions` are its functions in link order, the main function first,
/// as [`Artifact::closure`] gives them; offsets count through their concatenation.
///
/// Function names must be C identifiers below 128 bytes, or the kernel refuses the blob.
///
/// # Panics
/// When an index does not lie in [`Artifact::functions`].
pub fn encode(artifact: &Artifact, functions: &[FunctionIndex]) -> EncodedBtf {
    let mut btf = Builder::new();
    let mut types = FunctionTypes::new();
    let files: Vec<u32> = artifact.sources.iter().map(|name| btf.string(name)).collect();
    let mut func_info = Vec::with_capacity(functions.len());
    let mut line_info = Vec::new();
    let mut start = 0;
    for index in functions {
        let function = &artifact.functions[index.0 as usize];
        let type_id = types.add(&mut btf, &function.name, function);
        func_info.push(FuncInfo { insn: start, type_id });
        line_info.extend(lines::of_function(&mut btf, &files, function, start));
        start += function.insns.len() as u32;
    }
    EncodedBtf { blob: btf.finish(), func_info, line_info }
}
