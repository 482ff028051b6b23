//! Instructions as they stand in an object, with the relocations of ELF and of CO-RE.
//!
//! The conventions are clang's, which libbpf expects (`bpf_program__record_reloc`,
//! `bpf_core_patch_insn`): a call has `src = BPF_PSEUDO_CALL` and `imm = -1` against its callee's
//! symbol; the address of a callback is against the section symbol of `.text` with the byte
//! offset in `imm`; a kernel structure's offset holds the offset in the local declaration, here
//! always 0. Addends stand in `imm`: relocations without addends have none of their own.

use crate::layout::{CodeSection, Layout};
use bpfc_artifact::{Artifact, Insn, KernelField, MapIndex, Reloc, RelocKind};

/// `R_BPF_64_64`, for a 64-bit immediate load.
pub const R_BPF_64_64: u32 = 1;
/// `R_BPF_64_32`, for a call.
pub const R_BPF_64_32: u32 = 10;

const BPF_PSEUDO_CALL: u8 = 1;
const BPF_PSEUDO_FUNC: u8 = 4;
/// `BPF_FUNC_unspec`: no helper, in code that is never reached.
const NO_HELPER: i32 = 0;

/// The symbol of a relocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A map's.
    Map(MapIndex),
    /// A function's in `.text`.
    Function {
        /// Its name.
        name: &'a str,
        /// Where it lies, in units of 8 bytes.
        start: u32,
    },
    /// The section symbol of `.text`.
    Text,
    /// An undefined one: a kernel function's.
    Kfunc {
        /// Its name.
        name: &'a str,
        /// Whether the program does without.
        optional: bool,
    },
    /// An undefined one: an option of the kernel's configuration.
    Kconfig(&'a str),
}

/// An entry of a section's relocation table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElfReloc<'a> {
    /// Offset in the section, in bytes.
    pub offset: u64,
    /// `R_BPF_64_64` or `R_BPF_64_32`.
    pub r_type: u32,
    /// Its symbol.
    pub target: Target<'a>,
}

/// What a CO-RE relocation asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoreTarget<'a> {
    /// `BPF_CORE_FIELD_BYTE_OFFSET`.
    Field(&'a KernelField),
    /// `BPF_CORE_FIELD_EXISTS`.
    Exists(&'a KernelField),
    /// `BPF_CORE_ENUMVAL_EXISTS`, of the enumerator that stands for a kernel function.
    FunctionExists(&'a str),
    /// `BPF_CORE_TYPE_SIZE`.
    Size(&'a str),
    /// `BPF_CORE_TYPE_ID_TARGET`.
    Type(&'a str),
    /// `BPF_CORE_ENUMVAL_VALUE`: an enumeration and an enumerator of it.
    Enumerator(&'a str, &'a str),
}

/// A CO-RE relocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreReloc<'a> {
    /// Offset in the section, in bytes.
    pub offset: u32,
    /// What it asks for.
    pub target: CoreTarget<'a>,
}

/// The contents of a section with code.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Code<'a> {
    /// The instructions, little endian.
    pub bytes: Vec<u8>,
    /// ELF relocations, ascending.
    pub relocs: Vec<ElfReloc<'a>>,
    /// CO-RE relocations, ascending.
    pub core: Vec<CoreReloc<'a>>,
}

/// Assembles one section of a valid artifact.
pub fn of_section<'a>(
    artifact: &'a Artifact,
    layout: &Layout,
    section: &CodeSection<'a>,
) -> Code<'a> {
    let mut code = Code::default();
    for piece in &section.pieces {
        let function = &artifact.functions[piece.function.0 as usize];
        let mut relocs = function.relocs.iter().peekable();
        let mut after_reloc = false;
        for (index, &insn) in (0..).zip(&function.insns) {
            let mut insn = insn;
            let reloc = relocs.next_if(|reloc| reloc.insn == index);
            if let Some(reloc) = reloc {
                let previous_length = code.bytes.len();
                let second = function.insns.get(index as usize + 1).copied();
                insn = patched(layout, insn, second, reloc);
                code.record(artifact, layout, previous_length, reloc);
            } else if after_reloc {
                // The second half of a load whose first half was patched.
                insn.imm = 0;
            }
            after_reloc = reloc.is_some() && crate::check::is_lddw(insn);
            code.bytes.extend_from_slice(&insn.to_le_bytes());
        }
    }
    code
}

/// The instruction as the loader expects it before it applies the relocation.
fn patched(layout: &Layout, insn: Insn, second: Option<Insn>, reloc: &Reloc) -> Insn {
    match &reloc.kind {
        RelocKind::Map(_) | RelocKind::Kconfig(_) => Insn { src: 0, off: 0, imm: 0, ..insn },
        RelocKind::MapValue(_) => {
            Insn { src: 0, off: 0, imm: second.map_or(0, |second| second.imm), ..insn }
        }
        RelocKind::Call(callee) if layout.called_by_place[callee.0 as usize] => {
            let start = layout.text_start[callee.0 as usize];
            Insn { dst: 0, src: BPF_PSEUDO_CALL, off: 0, imm: start as i32 - 1, ..insn }
        }
        RelocKind::OptionalKfunc { in_objects: false, .. } => {
            Insn { src: 0, off: 0, imm: NO_HELPER, ..insn }
        }
        RelocKind::Call(_) | RelocKind::Kfunc(_) | RelocKind::OptionalKfunc { .. } => {
            Insn { dst: 0, src: BPF_PSEUDO_CALL, off: 0, imm: -1, ..insn }
        }
        RelocKind::FunctionPointer(callee) => {
            let start = layout.text_start[callee.0 as usize];
            Insn { src: BPF_PSEUDO_FUNC, off: 0, imm: (start * 8) as i32, ..insn }
        }
        RelocKind::FieldOffset(_) if crate::check::takes_immediate(insn) => Insn { imm: 0, ..insn },
        RelocKind::FieldOffset(_) => Insn { off: 0, ..insn },
        // libbpf expects what is true of the type as the object describes it.
        RelocKind::FieldExists(_) => Insn { imm: 1, ..insn },
        RelocKind::FunctionExists { in_objects, .. } => Insn { imm: (*in_objects).into(), ..insn },
        RelocKind::TypeId(_) | RelocKind::TypeSize(_) | RelocKind::EnumValue { .. } => {
            Insn { imm: 0, ..insn }
        }
    }
}

impl<'a> Code<'a> {
    /// Puts numbers into the instructions at offsets in bytes.
    pub fn place_numbers(&mut self, numbers: &[(u32, u32)]) {
        for &(offset, number) in numbers {
            let at = offset as usize + 4;
            if let Some(immediate) = self.bytes.get_mut(at..at + 4) {
                immediate.copy_from_slice(&number.to_le_bytes());
            }
        }
    }

    /// Adds the table entry of the instruction at `offset` bytes.
    fn record(&mut self, artifact: &'a Artifact, layout: &Layout, offset: usize, reloc: &'a Reloc) {
        let elf = |r_type, target| ElfReloc { offset: offset as u64, r_type, target };
        let core = |target| CoreReloc { offset: offset as u32, target };
        match &reloc.kind {
            RelocKind::Map(map) | RelocKind::MapValue(map) => {
                self.relocs.push(elf(R_BPF_64_64, Target::Map(*map)));
            }
            RelocKind::Call(callee) if layout.called_by_place[callee.0 as usize] => {
                self.relocs.push(elf(R_BPF_64_32, Target::Text));
            }
            RelocKind::Call(callee) => {
                let name = &artifact.functions[callee.0 as usize].name;
                let start = layout.text_start[callee.0 as usize];
                self.relocs.push(elf(R_BPF_64_32, Target::Function { name, start }));
            }
            RelocKind::FunctionPointer(_) => self.relocs.push(elf(R_BPF_64_64, Target::Text)),
            RelocKind::Kconfig(name) => self.relocs.push(elf(R_BPF_64_64, Target::Kconfig(name))),
            RelocKind::Kfunc(name) => {
                self.relocs.push(elf(R_BPF_64_32, Target::Kfunc { name, optional: false }));
            }
            RelocKind::OptionalKfunc { in_objects: false, .. }
            | RelocKind::FunctionExists { in_objects: false, .. } => {}
            RelocKind::OptionalKfunc { name, .. } => {
                self.relocs.push(elf(R_BPF_64_32, Target::Kfunc { name, optional: true }));
            }
            RelocKind::FieldOffset(field) => self.core.push(core(CoreTarget::Field(field))),
            RelocKind::EnumValue { enumeration, enumerator } => {
                self.core.push(core(CoreTarget::Enumerator(enumeration, enumerator)));
            }
            RelocKind::FieldExists(field) => self.core.push(core(CoreTarget::Exists(field))),
            RelocKind::FunctionExists { name, .. } => {
                self.core.push(core(CoreTarget::FunctionExists(name)));
            }
            RelocKind::TypeSize(name) => self.core.push(core(CoreTarget::Size(name))),
            RelocKind::TypeId(name) => self.core.push(core(CoreTarget::Type(name))),
        }
    }
}
