//! Writes an artifact as an ELF relocatable object.

use crate::check::{Invalid, check};
use crate::code::{Code, Target};
use crate::content::Content;
use crate::layout::Layout;
use crate::types::{self, MAP_DEFINITION_SIZE, MAPS_SECTION};
use crate::{METADATA_SECTION, TEXT_SECTION, metadata};
use bpfc_artifact::{Artifact, FunctionKind, MapIndex};
use object::write::{Object, Relocation, SectionId, Symbol, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationFlags, SectionKind, SymbolFlags, SymbolKind,
    SymbolScope, elf,
};
use std::collections::BTreeMap;

/// The licence that kernel functions require.
const LICENSE: &[u8] = b"GPL\0";

/// Why an artifact could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// It is not consistent, or an object cannot express it.
    #[error("{0}")]
    Invalid(#[from] Invalid),
    /// It could not be serialised.
    #[error("the artifact does not serialise: {0}")]
    Json(#[from] serde_json::Error),
    /// The object is beyond what ELF can hold.
    #[error("the object cannot be written: {0}")]
    Elf(#[from] object::write::Error),
}

/// The ELF object of an artifact. Needs nothing of the machine it runs on; the same artifact gives
/// the same bytes.
pub fn write(artifact: &Artifact) -> Result<Vec<u8>, WriteError> {
    check(artifact)?;
    let Content { layout, codes, value_maps, types } = Content::of(artifact, metadata::VERSION);

    let mut writer = Writer::new();
    let sections = writer.code_sections(&layout, &codes);
    writer.data_section("license", SectionKind::Data, LICENSE.to_vec(), 1);
    writer.function_symbols(artifact, &layout, &sections);
    writer.map_symbols(artifact, &value_maps);
    writer.extern_symbols(&codes);
    writer.relocations(&sections, &codes)?;
    writer.data_section(".BTF", SectionKind::Other, types.btf, 4);
    writer.data_section(".BTF.ext", SectionKind::Other, types.ext, 4);
    writer.data_section(METADATA_SECTION, SectionKind::Other, metadata::encode(artifact)?, 8);
    Ok(writer.object.write()?)
}

struct Writer<'a> {
    object: Object<'static>,
    functions: BTreeMap<&'a str, SymbolId>,
    maps: BTreeMap<MapIndex, SymbolId>,
    /// Kernel functions and options.
    externs: BTreeMap<&'a str, SymbolId>,
    text: Option<SymbolId>,
}

impl<'a> Writer<'a> {
    fn new() -> Self {
        Writer {
            object: Object::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little),
            functions: BTreeMap::new(),
            maps: BTreeMap::new(),
            externs: BTreeMap::new(),
            text: None,
        }
    }

    fn section(&mut self, name: &str, kind: SectionKind) -> SectionId {
        self.object.add_section(Vec::new(), name.as_bytes().to_vec(), kind)
    }

    fn data_section(&mut self, name: &str, kind: SectionKind, data: Vec<u8>, align: u64) {
        let id = self.section(name, kind);
        self.object.set_section_data(id, data, align);
    }

    fn code_sections(&mut self, layout: &Layout, codes: &[Code]) -> Vec<SectionId> {
        let mut ids = Vec::with_capacity(codes.len());
        for (section, code) in layout.sections.iter().zip(codes) {
            let id = self.section(section.name, SectionKind::Text);
            self.object.append_section_data(id, &code.bytes, 8);
            if section.name == TEXT_SECTION {
                self.text = Some(self.object.section_symbol(id));
            }
            ids.push(id);
        }
        ids
    }

    /// Binding says which functions libbpf leaves global, that is, verified by themselves.
    fn function_symbols(
        &mut self,
        artifact: &Artifact,
        layout: &Layout<'a>,
        sections: &[SectionId],
    ) {
        for (section, id) in layout.sections.iter().zip(sections) {
            for piece in &section.pieces {
                let function = &artifact.functions[piece.function.0 as usize];
                let binding = match function.kind {
                    FunctionKind::Main | FunctionKind::Chain => elf::STB_GLOBAL,
                    FunctionKind::Static { .. } | FunctionKind::LoopBody => elf::STB_LOCAL,
                };
                let symbol = self.symbol(
                    piece.symbol,
                    SymbolSection::Section(*id),
                    u64::from(piece.start) * 8,
                    function.insns.len() as u64 * 8,
                    (binding, elf::STT_FUNC),
                );
                if section.name == TEXT_SECTION {
                    self.functions.insert(piece.symbol, symbol);
                }
            }
        }
    }

    fn map_symbols(&mut self, artifact: &Artifact, value_maps: &BTreeMap<MapIndex, String>) {
        let mut maps_section = None;
        for (index, map) in (0..).map(MapIndex).zip(&artifact.maps) {
            let (id, offset, size) = match value_maps.get(&index) {
                Some(name) => {
                    let id = self.section(name, SectionKind::Data);
                    let value = vec![0; map.value_size as usize];
                    let size = u64::from(map.value_size);
                    (id, self.object.append_section_data(id, &value, 8), size)
                }
                None => {
                    let id = *maps_section.get_or_insert_with(|| {
                        self.object.add_section(
                            Vec::new(),
                            MAPS_SECTION.as_bytes().to_vec(),
                            SectionKind::Data,
                        )
                    });
                    let definition = [0; MAP_DEFINITION_SIZE as usize];
                    let offset = self.object.append_section_data(id, &definition, 8);
                    (id, offset, u64::from(MAP_DEFINITION_SIZE))
                }
            };
            let place = SymbolSection::Section(id);
            let info = (elf::STB_GLOBAL, elf::STT_OBJECT);
            let symbol = self.symbol(&map.name, place, offset, size, info);
            self.maps.insert(index, symbol);
        }
    }

    /// What a program can do without is weak: loaders leave it out where the kernel has it not.
    fn extern_symbols(&mut self, codes: &[Code<'a>]) {
        let needed = types::needed_kfunc_names(codes);
        let options = types::option_names(codes);
        for name in types::kfunc_names(codes).union(&options) {
            let strong = needed.contains(name) || options.contains(name);
            let info = (if strong { elf::STB_GLOBAL } else { elf::STB_WEAK }, elf::STT_NOTYPE);
            let symbol = self.symbol(name, SymbolSection::Undefined, 0, 0, info);
            self.externs.insert(name, symbol);
        }
    }

    /// Addends stay 0: `object` would write them over the instruction's operation code.
    fn relocations(&mut self, sections: &[SectionId], codes: &[Code]) -> Result<(), WriteError> {
        for (section, code) in sections.iter().zip(codes) {
            for reloc in &code.relocs {
                let symbol = match reloc.target {
                    Target::Map(map) => self.maps.get(&map).copied(),
                    Target::Function { name, .. } => self.functions.get(name).copied(),
                    Target::Text => self.text,
                    Target::Kfunc { name, .. } | Target::Kconfig(name) => {
                        self.externs.get(name).copied()
                    }
                };
                // The artifact was checked: each is there.
                let Some(symbol) = symbol else { continue };
                let flags = RelocationFlags::Elf { r_type: reloc.r_type };
                let relocation = Relocation { offset: reloc.offset, symbol, addend: 0, flags };
                self.object.add_relocation(*section, relocation)?;
            }
        }
        Ok(())
    }

    fn symbol(
        &mut self,
        name: &str,
        section: SymbolSection,
        value: u64,
        size: u64,
        (binding, kind): (u8, u8),
    ) -> SymbolId {
        let local = binding == elf::STB_LOCAL;
        self.object.add_symbol(Symbol {
            name: name.as_bytes().to_vec(),
            value,
            size,
            kind: match kind {
                elf::STT_FUNC => SymbolKind::Text,
                elf::STT_OBJECT => SymbolKind::Data,
                _ => SymbolKind::Unknown,
            },
            scope: if local { SymbolScope::Compilation } else { SymbolScope::Dynamic },
            weak: false,
            section,
            flags: SymbolFlags::Elf { st_info: (binding << 4) | kind, st_other: elf::STV_DEFAULT },
        })
    }
}
