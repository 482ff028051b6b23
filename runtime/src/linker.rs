//! Makes one program of an artifact's functions: puts them behind each other and fills in what
//! waited for load time.
//!
//! The main function comes first, since the kernel enters a program at its first instruction.
//! Jumps stay inside a function and need no change. An artifact may come from a file, so that
//! nothing in it is believed: [`check`] tests every index before anything follows one.

use crate::Error;
use crate::symbols::Symbols;
use bpfc_artifact::btf::{self, EncodedBtf};
use bpfc_artifact::{
    Artifact, CounterSlot, FunctionIndex, FunctionKind, Insn, KernelField, MapIndex, MapRole,
    RelocKind,
};
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::RawFd;

/// One program, ready for the kernel.
#[derive(Debug)]
pub(crate) struct Linked {
    pub insns: Vec<u64>,
    pub btf: EncodedBtf,
}

/// `BPF_PSEUDO_*` (include/uapi/linux/bpf.h).
const PSEUDO_MAP_FD: u8 = 1;
const PSEUDO_MAP_VALUE: u8 = 2;
const PSEUDO_CALL: u8 = 1;
const PSEUDO_KFUNC_CALL: u8 = 2;
const PSEUDO_FUNC: u8 = 4;

/// `BPF_FUNC_unspec`: no helper, which the verifier refuses where a program comes there.
const NO_HELPER: i32 = 0;

/// `BPF_LD | BPF_IMM | BPF_DW`.
const LDDW: u8 = 0x18;
/// `BPF_JMP | BPF_CALL`.
const CALL: u8 = 0x85;

/// Links the program that `entry` begins. `map_fds` are the artifact's maps in their order.
///
/// The artifact must have passed [`check`].
pub(crate) fn link(
    artifact: &Artifact,
    entry: FunctionIndex,
    map_fds: &[RawFd],
    symbols: &mut Symbols,
) -> Result<Linked, Error> {
    let functions = artifact.closure(entry);
    let mut starts = BTreeMap::new();
    let mut length = 0;
    for index in &functions {
        starts.insert(*index, length);
        length += artifact.functions[index.0 as usize].insns.len();
    }
    let optional = optional_fields(artifact, &functions);
    let mut insns = Vec::with_capacity(length);
    for index in &functions {
        let function = &artifact.functions[index.0 as usize];
        let start = insns.len();
        insns.extend_from_slice(&function.insns);
        for reloc in &function.relocs {
            let at = start + reloc.insn as usize;
            let distance = |callee: &FunctionIndex| starts[callee] as i32 - at as i32 - 1;
            let insn = &mut insns[at];
            match &reloc.kind {
                RelocKind::Map(map) => {
                    insn.src = PSEUDO_MAP_FD;
                    insn.imm = map_fds[map.0 as usize];
                }
                RelocKind::MapValue(map) => {
                    insn.src = PSEUDO_MAP_VALUE;
                    insn.imm = map_fds[map.0 as usize];
                }
                RelocKind::Call(callee) => {
                    insn.src = PSEUDO_CALL;
                    insn.imm = distance(callee);
                }
                RelocKind::FunctionPointer(callee) => {
                    insn.src = PSEUDO_FUNC;
                    insn.imm = distance(callee);
                }
                // Code behind a test that came out false, which the verifier removes.
                RelocKind::OptionalKfunc { name, .. } if !symbols.has_function(name)? => {
                    *insn = Insn { src: 0, imm: NO_HELPER, ..*insn };
                }
                RelocKind::Kfunc(name) | RelocKind::OptionalKfunc { name, .. } => {
                    let (id, module) = symbols.function(name)?;
                    insn.src = PSEUDO_KFUNC_CALL;
                    insn.imm = id as i32;
                    insn.off = module;
                }
                // Code behind a test that came out false, which the verifier removes.
                RelocKind::FieldOffset(field)
                    if optional.contains(field) && !symbols.has_field(field)? => {}
                RelocKind::FieldExists(field) => insn.imm = symbols.has_field(field)?.into(),
                RelocKind::FunctionExists { name, .. } => {
                    insn.imm = symbols.has_function(name)?.into();
                }
                RelocKind::FieldOffset(field) => {
                    let offset = symbols.field(field)?;
                    place_offset(insn, offset).ok_or_else(|| {
                        Error::Artifact(format!(
                            "{}.{} lies at byte {offset} in this kernel, too far for its \
                             instruction",
                            field.structure, field.member
                        ))
                    })?;
                }
                RelocKind::Kconfig(option) => {
                    let (fd, offset) = symbols.option(option)?;
                    insn.src = PSEUDO_MAP_VALUE;
                    insn.imm = fd;
                    insns[at + 1].imm = offset;
                }
                RelocKind::EnumValue { enumeration, enumerator } => {
                    insn.imm = symbols.enumerator(enumeration, enumerator)?;
                }
                RelocKind::TypeSize(structure) => {
                    insn.imm = symbols.size(structure)? as i32;
                }
                RelocKind::TypeId(structure) => insn.imm = symbols.structure(structure)? as i32,
            }
        }
    }
    Ok(Linked {
        insns: insns.iter().map(|insn| u64::from_le_bytes(insn.to_le_bytes())).collect(),
        btf: btf::encode(artifact, &functions),
    })
}

/// The fields that a program asks for before it reads them.
fn optional_fields<'a>(
    artifact: &'a Artifact,
    functions: &[FunctionIndex],
) -> BTreeSet<&'a KernelField> {
    functions
        .iter()
        .flat_map(|index| &artifact.functions[index.0 as usize].relocs)
        .filter_map(|reloc| match &reloc.kind {
            RelocKind::FieldExists(field) => Some(field),
            _ => None,
        })
        .collect()
}

/// True for loads and stores, whose offset is in `off`; arithmetic has it in `imm`.
fn is_memory_access(insn: Insn) -> bool {
    matches!(insn.code & 7, 0..=3)
}

fn place_offset(insn: &mut Insn, offset: u32) -> Option<()> {
    if is_memory_access(*insn) {
        insn.off = i16::try_from(offset).ok()?;
    } else {
        insn.imm = i32::try_from(offset).ok()?;
    }
    Some(())
}

/// Tests that every index of an artifact points at something and every name can be used.
pub(crate) fn check(artifact: &Artifact) -> Result<(), Error> {
    let damaged = |what: String| Err(Error::Artifact(what));
    let mut names = BTreeSet::new();
    for map in &artifact.maps {
        if !is_identifier(&map.name) || !names.insert(map.name.as_str()) {
            return damaged(format!("map name {:?} is not unique or no identifier", map.name));
        }
    }
    for map in &artifact.maps {
        let sizes = (map.key_size as usize, map.value_size as usize);
        if !map.initial.is_empty() && map.initial.sizes() != sizes {
            return damaged(format!("an element of map {} has other sizes", map.name));
        }
    }
    check_counters(artifact)?;
    names.clear();
    for program in &artifact.programs {
        if !is_identifier(&program.name) || !names.insert(program.name.as_str()) {
            return damaged(format!(
                "program name {:?} is not unique or no identifier",
                program.name
            ));
        }
        let Some(entry) = artifact.functions.get(program.entry.0 as usize) else {
            return damaged(format!("program {} has no entry", program.name));
        };
        if entry.kind != FunctionKind::Main || entry.program != program.attach.kind() {
            return damaged(format!("the entry of program {} is of another kind", program.name));
        }
    }
    check_functions(artifact)?;
    match artifact.walks_too_far() {
        Some(program) => Err(Error::TooManyPaths { program: program.name.clone() }),
        None => Ok(()),
    }
}

/// Every relocation must fit its instruction and point at something.
fn check_functions(artifact: &Artifact) -> Result<(), Error> {
    let damaged = |what: String| Err(Error::Artifact(what));
    for function in &artifact.functions {
        if function.insns.is_empty() {
            return damaged(format!("function {} is empty", function.name));
        }
        for reloc in &function.relocs {
            let place = format!("{} + {}", function.name, reloc.insn);
            let at = reloc.insn as usize;
            let Some(insn) = function.insns.get(at) else {
                return damaged(format!("{place} is no instruction"));
            };
            let wide = insn.code == LDDW && at + 1 < function.insns.len();
            let fits = match &reloc.kind {
                RelocKind::Map(map) | RelocKind::MapValue(map) => wide && has_map(artifact, *map),
                RelocKind::Kconfig(_) => wide,
                RelocKind::FunctionPointer(callee) => wide && has_function(artifact, *callee),
                RelocKind::Call(callee) => insn.code == CALL && has_function(artifact, *callee),
                RelocKind::Kfunc(_) | RelocKind::OptionalKfunc { .. } => insn.code == CALL,
                RelocKind::FieldOffset(_) => insn.code != LDDW && !is_jump(*insn),
                RelocKind::EnumValue { .. } => insn.code != LDDW && !is_memory_access(*insn),
                RelocKind::TypeId(_)
                | RelocKind::TypeSize(_)
                | RelocKind::FieldExists(_)
                | RelocKind::FunctionExists { .. } => insn.code != LDDW && !is_memory_access(*insn),
            };
            if !fits {
                return damaged(format!("{place} does not fit its relocation"));
            }
        }
    }
    Ok(())
}

/// Every rule's pair of counters must lie in the one map of counters.
fn check_counters(artifact: &Artifact) -> Result<(), Error> {
    let damaged = |what: String| Err(Error::Artifact(what));
    let mut maps = artifact.maps.iter().filter(|map| map.role == MapRole::Counters);
    let map = maps.next();
    if maps.next().is_some() {
        return damaged("it has more than one map of counters".into());
    }
    let rules = &artifact.rules;
    let of_rules = rules.entries.iter().map(|rule| (rule.counter, rule.label.as_str()));
    let of_statements = rules.counters.iter().map(|counter| {
        let rule = rules.entries.get(counter.rule as usize);
        (counter.counter, rule.map_or("", |rule| rule.label.as_str()))
    });
    for (slot, rule) in of_rules.chain(of_statements) {
        let Some(CounterSlot { chunk, offset }) = slot else { continue };
        let inside = map.is_some_and(|map| {
            let end = u64::from(offset) + 16;
            chunk < map.max_entries && end <= u64::from(map.value_size)
        });
        if !inside {
            return damaged(format!("the counter of rule {rule} lies outside the map"));
        }
    }
    Ok(())
}

fn is_jump(insn: Insn) -> bool {
    matches!(insn.code & 7, 5 | 6)
}

fn has_map(artifact: &Artifact, map: MapIndex) -> bool {
    (map.0 as usize) < artifact.maps.len()
}

fn has_function(artifact: &Artifact, function: FunctionIndex) -> bool {
    (function.0 as usize) < artifact.functions.len()
}

/// Names become file names under bpffs, which allows no dot.
fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 15
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfc_artifact::{AttachPoint, Function, Program, ProgramKind, Reloc};

    /// Functions below each other, each with two calls of the next.
    fn doubling(levels: u32) -> Artifact {
        let call = Insn { code: CALL, dst: 0, src: PSEUDO_CALL, off: 0, imm: 0 };
        let functions = (0..=levels).map(|level| Function {
            name: format!("f{level}"),
            kind: if level == 0 { FunctionKind::Main } else { FunctionKind::Chain },
            program: ProgramKind::Xdp,
            packet_size: 8,
            insns: vec![call; 3],
            relocs: (0..2)
                .filter(|_| level < levels)
                .map(|insn| Reloc { insn, kind: RelocKind::Call(FunctionIndex(level + 1)) })
                .collect(),
            lines: Vec::new(),
        });
        Artifact {
            target: "xdp".into(),
            functions: functions.collect(),
            programs: vec![Program {
                name: "p".into(),
                attach: AttachPoint::Xdp,
                entry: FunctionIndex(0),
            }],
            sources: vec![String::new()],
            ..Artifact::default()
        }
    }

    #[test]
    fn what_would_keep_the_kernel_busy_is_not_given_to_it() {
        assert!(check(&doubling(7)).is_ok());
        for levels in [30, 100] {
            assert!(matches!(check(&doubling(levels)), Err(Error::TooManyPaths { .. })));
        }
    }
}
