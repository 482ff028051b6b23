//! Line information: which rule an instruction comes from, for `bpftool prog dump linum` and
//! the verifier's log.
//!
//! The kernel (kernel/bpf/verifier.c, `check_btf_line`) asks that records ascend strictly by
//! instruction, that each function's first instruction has one, and that none points at the
//! second half of a 64-bit immediate load. All three hold for what is returned here, whatever the
//! function's own lines are.

use super::builder::Builder;
use crate::{Function, Line};

/// `struct bpf_line_info`, 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineInfo {
    /// First instruction that comes from the line, in units of 8 bytes.
    pub insn: u32,
    /// Offset of the file's name in the strings of the blob.
    pub file_name: u32,
    /// Offset of the line's text in the strings of the blob.
    pub text: u32,
    /// Line number `<< 10 |` column.
    pub line_column: u32,
}

impl LineInfo {
    /// The record as the kernel reads it.
    pub fn to_le_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let words = [self.insn, self.file_name, self.text, self.line_column];
        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

/// Blobs end at 16 MiB (`BTF_MAX_SIZE`); beyond this many bytes of strings, new line texts are
/// left out and only file, line and column remain.
const TEXT_BUDGET: usize = 12 << 20;
/// 22 bits are there.
const MAX_LINE: u32 = (1 << 22) - 1;
/// 10 bits are there.
const MAX_COLUMN: u32 = (1 << 10) - 1;
/// `BPF_LD | BPF_IMM | BPF_DW`, the instruction of two slots.
const LDDW: u8 = 0x18;

/// The records of one function whose first instruction is number `start` of its section or
/// program. `files` are the string offsets of the artifact's source names.
pub fn of_function(
    btf: &mut Builder,
    files: &[u32],
    function: &Function,
    start: u32,
) -> Vec<LineInfo> {
    let mut records: Vec<LineInfo> = Vec::with_capacity(function.lines.len() + 1);
    let mut previous_insn = None;
    for line in &function.lines {
        let first = records.is_empty();
        if !first && (previous_insn >= Some(line.insn) || !begins_insn(function, line.insn)) {
            continue;
        }
        let insn = if first { 0 } else { line.insn };
        previous_insn = Some(insn);
        records.push(record(btf, files, line, start + insn));
    }
    if records.is_empty() && !function.insns.is_empty() {
        let text = btf.string(&function.name);
        records.push(LineInfo { insn: start, file_name: 0, text, line_column: 0 });
    }
    records
}

fn record(btf: &mut Builder, files: &[u32], line: &Line, insn: u32) -> LineInfo {
    let text = if btf.string_bytes() < TEXT_BUDGET { btf.string(&line.text) } else { 0 };
    LineInfo {
        insn,
        file_name: files.get(line.file as usize).copied().unwrap_or(0),
        text,
        line_column: (line.line.min(MAX_LINE) << 10) | line.column.min(MAX_COLUMN),
    }
}

/// Whether `insn` lies in the function and is not the second half of a 64-bit immediate load,
/// whose operation code is 0.
fn begins_insn(function: &Function, insn: u32) -> bool {
    let Some(this) = function.insns.get(insn as usize) else { return false };
    let after_lddw = insn > 0 && function.insns[insn as usize - 1].code == LDDW;
    !(after_lddw && this.code == 0)
}
