//! The sections `.BTF` and `.BTF.ext` of an object.
//!
//! `.BTF` holds what a loaded program's BTF holds (`bpfc_artifact::btf`) and, for libbpf alone,
//! the maps' definitions, the kernel functions' prototypes, and one small structure for each
//! kernel structure's member that the code asks for, with that member at offset 0. `.BTF.ext`
//! holds, for each section with code, its functions, lines and CO-RE relocations; offsets there
//! are in bytes (tools/lib/bpf/libbpf_internal.h, `struct btf_ext_header`).

use crate::code::{Code, CoreTarget, Target};
use crate::kernel::{self, CType, MemberKind};
use crate::layout::Layout;
use bpfc_artifact::btf::{
    Builder, FunctionTypes, Linkage, TypeId, VOID, is_typed, line_info_of_function, types_of_map,
};
use bpfc_artifact::{Artifact, KernelField, MapDef, MapIndex};
use std::collections::{BTreeMap, BTreeSet};

/// Section of the maps' definitions.
pub const MAPS_SECTION: &str = ".maps";
/// Bytes that a map's definition takes there: five pointers.
pub const MAP_DEFINITION_SIZE: u32 = 40;

const BPF_CORE_FIELD_BYTE_OFFSET: u32 = 0;
const BPF_CORE_FIELD_EXISTS: u32 = 2;
const BPF_CORE_TYPE_ID_TARGET: u32 = 7;
const BPF_CORE_TYPE_SIZE: u32 = 9;
const BPF_CORE_ENUMVAL_EXISTS: u32 = 10;
const BPF_CORE_ENUMVAL_VALUE: u32 = 11;

/// The two sections' bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Types {
    /// `.BTF`.
    pub btf: Vec<u8>,
    /// `.BTF.ext`.
    pub ext: Vec<u8>,
    /// By section: where an instruction takes the number that a type has here, in bytes, and the
    /// number. libbpf does not look at it, cilium/ebpf wants it.
    pub numbers: Vec<Vec<(u32, u32)>>,
}

/// Records of one kind in `.BTF.ext`: for each section its name's string offset and the records'
/// bytes.
struct Table {
    record_size: u32,
    sections: Vec<(u32, Vec<u8>)>,
}

impl Table {
    fn new(record_size: u32) -> Self {
        Table { record_size, sections: Vec::new() }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, records) in self.sections.iter().filter(|(_, records)| !records.is_empty()) {
            if bytes.is_empty() {
                push(&mut bytes, &[self.record_size]);
            }
            push(&mut bytes, &[*name, records.len() as u32 / self.record_size]);
            bytes.extend_from_slice(records);
        }
        bytes
    }
}

fn push(bytes: &mut Vec<u8>, words: &[u32]) {
    for word in words {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
}

/// Describes an object. `codes` are those of the layout's sections; `value_maps` are the maps
/// that have data sections of their own, by name, instead of definitions.
pub fn describe(
    artifact: &Artifact,
    layout: &Layout,
    codes: &[Code],
    value_maps: &BTreeMap<MapIndex, String>,
) -> Types {
    let mut all = Describer::default();
    all.maps(artifact, value_maps);
    let files: Vec<u32> = artifact.sources.iter().map(|name| all.btf.string(name)).collect();
    let (mut funcs, mut lines, mut cores) = (Table::new(8), Table::new(16), Table::new(16));
    let mut numbers = Vec::with_capacity(codes.len());
    for (section, code) in layout.sections.iter().zip(codes) {
        let name = all.btf.string(section.name);
        let (mut func, mut line, mut core) = (Vec::new(), Vec::new(), Vec::new());
        for piece in &section.pieces {
            let function = &artifact.functions[piece.function.0 as usize];
            let type_id = all.types.add(&mut all.btf, piece.symbol, function);
            push(&mut func, &[piece.start * 8, type_id.0]);
            for info in line_info_of_function(&mut all.btf, &files, function, piece.start) {
                push(&mut line, &[info.insn * 8, info.file_name, info.text, info.line_column]);
            }
        }
        let mut own = Vec::new();
        for reloc in &code.core {
            let [type_id, access, kind] = all.core(reloc.target);
            if kind == BPF_CORE_TYPE_ID_TARGET {
                own.push((reloc.offset, type_id));
            }
            push(&mut core, &[reloc.offset, type_id, access, kind]);
        }
        funcs.sections.push((name, func));
        lines.sections.push((name, line));
        cores.sections.push((name, core));
        numbers.push(own);
    }
    all.kfuncs(codes);
    all.options(codes);
    Types { btf: all.btf.finish(), ext: ext(&[funcs, lines, cores]), numbers }
}

/// Header and tables of `.BTF.ext`.
fn ext(tables: &[Table; 3]) -> Vec<u8> {
    let mut header = vec![0x9f, 0xeb, 1, 0];
    let mut body = Vec::new();
    push(&mut header, &[32]);
    for table in tables {
        let bytes = table.bytes();
        push(&mut header, &[body.len() as u32, bytes.len() as u32]);
        body.extend_from_slice(&bytes);
    }
    header.extend_from_slice(&body);
    header
}

#[derive(Default)]
struct Describer {
    btf: Builder,
    types: FunctionTypes,
    /// Pointers to kernel structures that nothing is said about but their name.
    pointers: BTreeMap<&'static str, TypeId>,
    /// Structures of one member.
    fields: BTreeMap<KernelField, TypeId>,
    /// Empty structures for their type identifiers.
    structures: BTreeMap<String, TypeId>,
}

impl Describer {
    fn maps(&mut self, artifact: &Artifact, value_maps: &BTreeMap<MapIndex, String>) {
        let mut entries = Vec::new();
        for (index, map) in (0..).map(MapIndex).zip(&artifact.maps) {
            if let Some(section) = value_maps.get(&index) {
                let (u8, u32) = (self.types.u8(&mut self.btf), self.types.u32(&mut self.btf));
                let bytes = self.btf.array(u8, u32, map.value_size);
                let variable = self.btf.variable(&map.name, bytes, Linkage::Global);
                self.btf.section(section, map.value_size, &[(variable, 0, map.value_size)]);
                continue;
            }
            let definition = self.map_definition(map);
            let variable = self.btf.variable(&map.name, definition, Linkage::Global);
            let offset = entries.len() as u32 * MAP_DEFINITION_SIZE;
            entries.push((variable, offset, MAP_DEFINITION_SIZE));
        }
        if !entries.is_empty() {
            let size = entries.len() as u32 * MAP_DEFINITION_SIZE;
            self.btf.section(MAPS_SECTION, size, &entries);
        }
    }

    /// Each number is the length of an array that a member points at (libbpf's `__uint` macro); of
    /// bytes, because the kernel refuses arrays of 4 GiB. Maps with a lock, and counters, have
    /// types instead of sizes (`__type`). What the maps in a map of maps are like is the type of
    /// its elements, an array of none (`__array(values, ...)`), which must come last.
    fn map_definition(&mut self, map: &MapDef) -> TypeId {
        let values = map.inner.as_deref().map(|inner| {
            let inner = self.map_definition(inner);
            let (pointer, u32) = (self.btf.pointer(inner), self.types.u32(&mut self.btf));
            self.btf.array(pointer, u32, 0)
        });
        let (u8, u32) = (self.types.u8(&mut self.btf), self.types.u32(&mut self.btf));
        let number = |btf: &mut Builder, number| btf.array(u8, u32, number);
        let attributes = [
            ("type", number(&mut self.btf, map.kind.number())),
            ("max_entries", number(&mut self.btf, map.max_entries)),
            ("map_flags", number(&mut self.btf, map.flags)),
        ];
        let sizes = match is_typed(map) {
            false => [
                ("key_size", number(&mut self.btf, map.key_size)),
                ("value_size", number(&mut self.btf, map.value_size)),
            ],
            true => {
                let [key, value] = types_of_map(&mut self.btf, &mut self.types, map);
                [("key", key), ("value", value)]
            }
        };
        let mut members: Vec<_> = (0..)
            .zip(attributes.into_iter().chain(sizes))
            .map(|(at, (name, of))| (name, self.btf.pointer(of), at * 8))
            .collect();
        members.extend(values.map(|values| ("values", values, MAP_DEFINITION_SIZE)));
        self.btf.structure("", MAP_DEFINITION_SIZE, &members)
    }

    /// Type, access string and kind of a CO-RE relocation.
    fn core(&mut self, target: CoreTarget) -> [u32; 3] {
        match target {
            CoreTarget::Field(field) => {
                let structure = self.field(field);
                let access = "0".to_owned() + &":0".repeat(field.member.split('.').count());
                [structure.0, self.btf.string(&access), BPF_CORE_FIELD_BYTE_OFFSET]
            }
            CoreTarget::Exists(field) => {
                let structure = self.field(field);
                [structure.0, self.btf.string("0:0"), BPF_CORE_FIELD_EXISTS]
            }
            CoreTarget::Enumerator(enumeration, enumerator) => {
                let name = format!("{enumeration}___bpfc");
                let id = self.btf.enumeration(&name, enumerator);
                [id.0, self.btf.string("0"), BPF_CORE_ENUMVAL_VALUE]
            }
            CoreTarget::FunctionExists(name) => {
                let enumeration = format!("{}___bpfc", kernel::KNOWN_FUNCTIONS);
                let id = self.btf.enumeration(&enumeration, &kernel::known_function(name));
                [id.0, self.btf.string("0"), BPF_CORE_ENUMVAL_EXISTS]
            }
            CoreTarget::Type(name) => {
                [self.structure(name).0, self.btf.string("0"), BPF_CORE_TYPE_ID_TARGET]
            }
            CoreTarget::Size(name) => {
                [self.structure(name).0, self.btf.string("0"), BPF_CORE_TYPE_SIZE]
            }
        }
    }

    /// A structure of which only the name counts.
    fn structure(&mut self, name: &str) -> TypeId {
        if let Some(known) = self.structures.get(name) {
            return *known;
        }
        let structure = self.btf.structure(name, 0, &[]);
        self.structures.insert(name.to_owned(), structure);
        structure
    }

    /// `struct sk_buff___bpfc { unsigned int len; }`: libbpf ignores what follows the last three
    /// underscores.
    fn field(&mut self, field: &KernelField) -> TypeId {
        if let Some(known) = self.fields.get(field) {
            return *known;
        }
        let (u8, u32) = (self.types.u8(&mut self.btf), self.types.u32(&mut self.btf));
        let member = match (kernel::member_kind(field), field.size) {
            (MemberKind::Integer, 1) => u8,
            (MemberKind::Integer, 8) => self.types.u64(&mut self.btf),
            (MemberKind::Integer, 2) => self.btf.int("unsigned short", 2, false),
            (MemberKind::Integer, _) => u32,
            (MemberKind::Pointer, _) => self.types.void_pointer(&mut self.btf),
            (MemberKind::Characters, size) => self.btf.array(u8, u32, size),
            (MemberKind::Structure, size) => self.btf.structure("", size, &[]),
            (MemberKind::Structures, size) => {
                let element = self.btf.structure("", size, &[]);
                self.btf.array(element, u32, 1)
            }
            (MemberKind::Pointers, _) => {
                let element = self.types.void_pointer(&mut self.btf);
                self.btf.array(element, u32, 0)
            }
        };
        let name = format!("{}___bpfc", field.structure);
        // A member of a member lies in a structure without a name.
        let mut path = field.member.rsplit('.');
        let (mut member, mut last) = (member, path.next().unwrap_or(""));
        for outer in path {
            member = self.btf.structure("", field.size, &[(last, member, 0)]);
            last = outer;
        }
        let structure = self.btf.structure(&name, field.size, &[(last, member, 0)]);
        self.fields.insert(field.clone(), structure);
        structure
    }

    /// Kernel functions are external functions of the section `.ksyms`.
    fn kfuncs(&mut self, codes: &[Code]) {
        let mut entries = Vec::new();
        for name in kfunc_names(codes) {
            let Some(prototype) = kernel::prototype(name) else { continue };
            let parameters: Vec<_> =
                prototype.parameters.iter().map(|(name, c)| (*name, self.c_type(*c))).collect();
            let result = self.c_type(prototype.result);
            let prototype = self.btf.prototype(result, &parameters);
            entries.push((self.btf.function(name, prototype, Linkage::Extern), 0, 0));
        }
        if !entries.is_empty() {
            // libbpf wants a 32-bit integer for the variables that it makes of them.
            self.types.int(&mut self.btf);
            self.btf.section(".ksyms", 0, &entries);
        }
    }

    /// Options of the kernel's configuration are external variables of the section `.kconfig`.
    fn options(&mut self, codes: &[Code]) {
        let names = option_names(codes);
        if names.is_empty() {
            return;
        }
        let u32 = self.types.u32(&mut self.btf);
        let entries: Vec<_> = names
            .into_iter()
            .map(|name| (self.btf.variable(name, u32, Linkage::Extern), 0, 4))
            .collect();
        self.btf.section(".kconfig", 0, &entries);
    }

    fn c_type(&mut self, c: CType) -> TypeId {
        match c {
            CType::Void => VOID,
            CType::Int => self.types.int(&mut self.btf),
            CType::U32 => self.types.u32(&mut self.btf),
            CType::U64 => self.types.u64(&mut self.btf),
            CType::VoidPointer => self.types.void_pointer(&mut self.btf),
            CType::Pointer(name) => {
                if let Some(known) = self.pointers.get(name) {
                    return *known;
                }
                let structure = self.btf.structure(name, 0, &[]);
                let pointer = self.btf.pointer(structure);
                self.pointers.insert(name, pointer);
                pointer
            }
        }
    }
}

/// The kernel functions that code calls, each once, by name.
pub fn kfunc_names<'a>(codes: &[Code<'a>]) -> BTreeSet<&'a str> {
    names(codes, |target| match target {
        Target::Kfunc { name, .. } => Some(name),
        _ => None,
    })
}

/// Those of them that it cannot do without.
pub fn needed_kfunc_names<'a>(codes: &[Code<'a>]) -> BTreeSet<&'a str> {
    names(codes, |target| match target {
        Target::Kfunc { name, optional: false } => Some(name),
        _ => None,
    })
}

/// The options of the kernel's configuration that code reads, each once, by name.
pub fn option_names<'a>(codes: &[Code<'a>]) -> BTreeSet<&'a str> {
    names(codes, |target| match target {
        Target::Kconfig(name) => Some(name),
        _ => None,
    })
}

fn names<'a>(codes: &[Code<'a>], of: impl Fn(Target<'a>) -> Option<&'a str>) -> BTreeSet<&'a str> {
    let relocs = codes.iter().flat_map(|code| &code.relocs);
    relocs.filter_map(|reloc| of(reloc.target)).collect()
}
