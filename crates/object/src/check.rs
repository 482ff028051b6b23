//! What an artifact must be before it is written and after it was read.
//!
//! - Indices of functions, maps and sources lie inside their tables.
//! - Names are C identifiers that fit the kernel's limits, and no symbol is defined twice.
//! - Every program has a main function of its program type, and every main function a program;
//!   calls and pointers go to other functions of the same program type.
//! - Relocations ascend, each lies on an instruction that can take it, and each instruction that
//!   means a map, a function or a kernel function has one.
//!
//! Whether the instructions make sense is the kernel's verifier to say.

use crate::kernel;
use bpfc_artifact::{
    Artifact, Function, FunctionIndex, FunctionKind, Insn, KernelField, MapDef, MapIndex, MapKind,
    RelocKind,
};
use std::collections::BTreeSet;

/// Why an artifact cannot be an object.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Invalid {
    /// A name that the kernel would refuse.
    #[error("{what} `{name}` is not a C identifier of at most {limit} bytes")]
    Name {
        /// What is named so.
        what: &'static str,
        /// The name.
        name: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// Two programs, functions or maps of one name.
    #[error("two programs, functions or maps are named `{0}`")]
    Duplicate(String),
    /// A program without a main function.
    #[error("program `{program}` does not begin with a main function of its type")]
    Entry {
        /// The program.
        program: String,
    },
    /// A main function that no program uses.
    #[error("main function `{function}` belongs to no program")]
    Unattached {
        /// The function.
        function: String,
    },
    /// An instruction or relocation that cannot stand where it does.
    #[error("function `{function}`, instruction {insn}: {reason}")]
    Insn {
        /// The function.
        function: String,
        /// Index into its instructions.
        insn: u32,
        /// What is wrong.
        reason: &'static str,
    },
    /// A function without instructions.
    #[error("function `{function}` is empty")]
    Empty {
        /// The function.
        function: String,
    },
    /// A kernel function whose prototype is not known here.
    #[error("function `{function}` calls the kernel function `{kfunc}`, whose type is unknown")]
    Kfunc {
        /// The caller.
        function: String,
        /// The kernel function.
        kfunc: String,
    },
    /// A map that libbpf cannot create as it is used.
    #[error("map `{map}`: {reason}")]
    Map {
        /// The map.
        map: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A source line of a file that is not in the list.
    #[error("function `{function}` has lines of source number {file}, which is not listed")]
    Source {
        /// The function.
        function: String,
        /// The number.
        file: u32,
    },
}

/// `KSYM_NAME_LEN` of Linux 6.0 and before, less the NUL.
const MAX_SYMBOL: usize = 127;
/// `BPF_OBJ_NAME_LEN`, less the NUL.
const MAX_OBJECT: usize = 15;

/// Checks all that the module's head lists.
pub fn check(artifact: &Artifact) -> Result<(), Invalid> {
    names(artifact)?;
    programs(artifact)?;
    for function in &artifact.functions {
        body(artifact, function)?;
    }
    for index in 0..artifact.maps.len() {
        map(artifact, MapIndex(index as u32))?;
    }
    Ok(())
}

fn identifier(what: &'static str, name: &str, limit: usize) -> Result<(), Invalid> {
    let mut bytes = name.bytes();
    let begins = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let goes_on = bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if begins && goes_on && name.len() <= limit {
        return Ok(());
    }
    Err(Invalid::Name { what, name: name.to_owned(), limit })
}

/// A program's symbol is its name, so main functions may have any that no other function has.
fn names(artifact: &Artifact) -> Result<(), Invalid> {
    let mut functions = BTreeSet::new();
    let mut symbols = BTreeSet::new();
    for function in &artifact.functions {
        identifier("function", &function.name, MAX_SYMBOL)?;
        let main = function.kind == FunctionKind::Main;
        if !functions.insert(&function.name) || !main && !symbols.insert(&function.name) {
            return Err(Invalid::Duplicate(function.name.clone()));
        }
    }
    let programs = artifact.programs.iter().map(|program| ("program", &program.name));
    let maps = artifact.maps.iter().map(|map| ("map", &map.name));
    for (what, name) in programs.chain(maps) {
        identifier(what, name, MAX_OBJECT)?;
        if !symbols.insert(name) {
            return Err(Invalid::Duplicate(name.clone()));
        }
    }
    Ok(())
}

fn programs(artifact: &Artifact) -> Result<(), Invalid> {
    let mut entries = BTreeSet::new();
    for program in &artifact.programs {
        entries.insert(program.entry);
        let entry = artifact.functions.get(program.entry.0 as usize);
        let fits = |entry: &Function| {
            entry.kind == FunctionKind::Main && entry.program == program.attach.kind()
        };
        if !entry.is_some_and(fits) {
            return Err(Invalid::Entry { program: program.name.clone() });
        }
    }
    for (index, function) in (0..).map(FunctionIndex).zip(&artifact.functions) {
        if function.kind == FunctionKind::Main && !entries.contains(&index) {
            return Err(Invalid::Unattached { function: function.name.clone() });
        }
    }
    Ok(())
}

fn body(artifact: &Artifact, function: &Function) -> Result<(), Invalid> {
    if function.insns.is_empty() {
        return Err(Invalid::Empty { function: function.name.clone() });
    }
    for line in &function.lines {
        if line.file as usize >= artifact.sources.len() {
            return Err(Invalid::Source { function: function.name.clone(), file: line.file });
        }
    }
    let error = |insn: u32, reason| Invalid::Insn { function: function.name.clone(), insn, reason };
    let mut relocs = function.relocs.iter().peekable();
    let mut index = 0;
    while let Some(&insn) = function.insns.get(index as usize) {
        let reloc = relocs.next_if(|reloc| reloc.insn == index);
        let second = function.insns.get(index as usize + 1);
        match reloc {
            Some(reloc) => {
                target(artifact, function, &reloc.kind)
                    .and_then(|()| place(insn, &reloc.kind).map_err(Reject::Reason))
                    .map_err(|reject| match reject {
                        Reject::Reason(reason) => error(index, reason),
                        Reject::Invalid(invalid) => invalid,
                    })?;
            }
            None if (is_lddw(insn) || is_call(insn)) && insn.src != 0 => {
                return Err(error(index, "a reference without its relocation"));
            }
            None => {}
        }
        if is_lddw(insn) {
            if second.is_none_or(|second| second.code != 0) {
                return Err(error(index, "half a 64-bit immediate load"));
            }
            index += 1;
        }
        index += 1;
    }
    match relocs.next() {
        Some(reloc) => Err(error(reloc.insn, "a relocation out of order or inside an instruction")),
        None => Ok(()),
    }
}

enum Reject {
    Reason(&'static str),
    Invalid(Invalid),
}

/// Whether what the relocation names exists and may be named here.
fn target(artifact: &Artifact, function: &Function, kind: &RelocKind) -> Result<(), Reject> {
    let kernel_name = |what, name| identifier(what, name, MAX_SYMBOL).map_err(Reject::Invalid);
    match kind {
        RelocKind::Map(MapIndex(map)) | RelocKind::MapValue(MapIndex(map)) => {
            if *map as usize >= artifact.maps.len() {
                return Err(Reject::Reason("no such map"));
            }
        }
        RelocKind::Call(callee) | RelocKind::FunctionPointer(callee) => {
            let Some(callee) = artifact.functions.get(callee.0 as usize) else {
                return Err(Reject::Reason("no such function"));
            };
            if callee.program != function.program {
                return Err(Reject::Reason("the function belongs to another program type"));
            }
            let callback = matches!(kind, RelocKind::FunctionPointer(_));
            let fits = match callee.kind {
                FunctionKind::Main => false,
                FunctionKind::Chain => !callback,
                // `bpf_for_each_map_elem` hands four arguments on.
                FunctionKind::Static { arguments } => !callback || arguments == 4,
                FunctionKind::LoopBody => callback,
            };
            if !fits {
                return Err(Reject::Reason("the function is not one to be used so"));
            }
        }
        RelocKind::Kfunc(name)
        | RelocKind::OptionalKfunc { name, .. }
        | RelocKind::FunctionExists { name, .. } => {
            if kernel::prototype(name).is_none() {
                let (function, kfunc) = (function.name.clone(), name.clone());
                return Err(Reject::Invalid(Invalid::Kfunc { function, kfunc }));
            }
        }
        RelocKind::FieldOffset(KernelField { structure, member, .. })
        | RelocKind::FieldExists(KernelField { structure, member, .. }) => {
            kernel_name("kernel structure", structure)?;
            for name in member.split('.') {
                kernel_name("kernel structure's member", name)?;
            }
        }
        RelocKind::TypeId(structure) | RelocKind::TypeSize(structure) => {
            kernel_name("kernel structure", structure)?
        }
        RelocKind::EnumValue { enumeration, enumerator } => {
            kernel_name("kernel enumeration", enumeration)?;
            kernel_name("enumerator", enumerator)?;
        }
        RelocKind::Kconfig(option) => kernel_name("kernel option", option)?,
    }
    Ok(())
}

/// Whether the instruction can take such a relocation.
fn place(insn: Insn, kind: &RelocKind) -> Result<(), &'static str> {
    let fits = match kind {
        RelocKind::Map(_)
        | RelocKind::MapValue(_)
        | RelocKind::FunctionPointer(_)
        | RelocKind::Kconfig(_) => is_lddw(insn),
        RelocKind::Call(_) | RelocKind::Kfunc(_) | RelocKind::OptionalKfunc { .. } => is_call(insn),
        RelocKind::FieldOffset(_) => takes_immediate(insn) || accesses_memory(insn),
        RelocKind::TypeId(_)
        | RelocKind::TypeSize(_)
        | RelocKind::FieldExists(_)
        | RelocKind::FunctionExists { .. }
        | RelocKind::EnumValue { .. } => takes_immediate(insn),
    };
    if fits { Ok(()) } else { Err("the relocation does not fit the instruction") }
}

/// `BPF_LD | BPF_IMM | BPF_DW`: takes two slots.
pub fn is_lddw(insn: Insn) -> bool {
    insn.code == 0x18
}

fn is_call(insn: Insn) -> bool {
    insn.code == 0x85
}

/// `BPF_ALU` or `BPF_ALU64` with `BPF_K`.
pub fn takes_immediate(insn: Insn) -> bool {
    matches!(insn.code & 7, 4 | 7) && insn.code & 8 == 0
}

/// `BPF_LDX`, `BPF_ST` or `BPF_STX`.
fn accesses_memory(insn: Insn) -> bool {
    matches!(insn.code & 7, 1..=3)
}

/// How functions refer to a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MapUse {
    /// By its file descriptor.
    pub by_descriptor: bool,
    /// By the address of its value.
    pub by_value: bool,
}

/// Who refers to the map and how.
pub fn map_use(artifact: &Artifact, map: MapIndex) -> MapUse {
    let mut found = MapUse::default();
    for reloc in artifact.functions.iter().flat_map(|function| &function.relocs) {
        found.by_descriptor |= reloc.kind == RelocKind::Map(map);
        found.by_value |= reloc.kind == RelocKind::MapValue(map);
    }
    found
}

/// libbpf addresses values only of maps that it makes itself, one for a data section: arrays
/// with one entry. It addresses such maps in no other way.
fn map(artifact: &Artifact, index: MapIndex) -> Result<(), Invalid> {
    let map = &artifact.maps[index.0 as usize];
    let error = |reason| Err(Invalid::Map { map: map.name.clone(), reason });
    if map.kind.is_array() && map.key_size != 4 {
        return error("an array whose keys are not 4 bytes");
    }
    if !map_use(artifact, index).by_value {
        return Ok(());
    }
    if map_use(artifact, index).by_descriptor {
        return error("referred to both by value and by descriptor");
    }
    let MapDef { kind, max_entries, flags, .. } = *map;
    if kind != MapKind::Array || max_entries != 1 || flags != 0 {
        return error("referred to by value, but not a plain array of one entry");
    }
    Ok(())
}
