//! Reads an object back.

use crate::check::{Invalid, check};
use crate::code::{Code, ElfReloc, Target};
use crate::content::Content;
use crate::metadata::{self, MetadataError};
use crate::{METADATA_SECTION, TEXT_SECTION};
use bpfc_artifact::Artifact;
use object::read::elf::ElfFile64;
use object::{
    LittleEndian, Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget,
    SectionFlags, elf,
};
use std::collections::BTreeMap;

/// Why a file is not an object that bpfc wrote.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Not a little-endian eBPF object of 64 bits.
    #[error("not an eBPF object file")]
    NotObject,
    /// The file is damaged.
    #[error("the object file is damaged: {0}")]
    Elf(#[from] object::read::Error),
    /// An object of another compiler.
    #[error("the object has no section `{METADATA_SECTION}`: bpfc did not write it")]
    NotBpfc,
    /// The metadata section is damaged or another version's.
    #[error("section `{METADATA_SECTION}`: {0}")]
    Metadata(#[from] MetadataError),
    /// The artifact in it contradicts itself.
    #[error("the object's artifact is not consistent: {0}")]
    Invalid(#[from] Invalid),
    /// Its code is not what the metadata says.
    #[error(
        "the code in section `{section}` is not what the object's metadata says: it was altered"
    )]
    Code {
        /// The section's name.
        section: String,
    },
}

type File<'data> = ElfFile64<'data, LittleEndian>;

/// Whether the bytes begin as an eBPF object does, of whatever compiler.
pub fn is_object(bytes: &[u8]) -> bool {
    let (Some(identity), Some(machine)) = (bytes.get(..6), bytes.get(18..20)) else {
        return false;
    };
    identity[..4] == elf::ELFMAG
        && identity[4] == elf::ELFCLASS64
        && identity[5] == elf::ELFDATA2LSB
        && machine == elf::EM_BPF.to_le_bytes()
}

/// The artifact that [`crate::write`] wrote. All sections with code, and their relocations, are
/// compared with it; names and sizes of maps and BTF are taken from the artifact alone.
///
/// # Errors
/// When the bytes are not such an object, or were damaged or altered.
pub fn read(bytes: &[u8]) -> Result<Artifact, ReadError> {
    if !is_object(bytes) {
        return Err(ReadError::NotObject);
    }
    let file = File::parse(bytes)?;
    let metadata = file.section_by_name(METADATA_SECTION).ok_or(ReadError::NotBpfc)?;
    let (artifact, version) = metadata::decode(metadata.data()?)?;
    check(&artifact)?;
    compare(&artifact, version, &file)?;
    Ok(artifact)
}

/// Makes sure that the file's code is the artifact's, no more and no less.
fn compare(artifact: &Artifact, version: u32, file: &File) -> Result<(), ReadError> {
    let Content { layout, codes, .. } = Content::of(artifact, version);
    let mut expected: BTreeMap<&str, Code> =
        layout.sections.iter().map(|section| section.name).zip(codes).collect();
    for section in file.sections() {
        let name = section.name()?;
        if !is_code(section.flags()) {
            continue;
        }
        let altered = || ReadError::Code { section: name.to_owned() };
        let code = expected.remove(name).ok_or_else(altered)?;
        if section.data()? != code.bytes {
            return Err(altered());
        }
        let mut relocs = section.relocations();
        for expected in &code.relocs {
            let (offset, reloc) = relocs.next().ok_or_else(altered)?;
            let names_it = reloc.flags() == RelocationFlags::Elf { r_type: expected.r_type }
                && offset == expected.offset
                && reloc.addend() == 0
                && is_target(artifact, file, reloc.target(), expected)?;
            if !names_it {
                return Err(altered());
            }
        }
        if relocs.next().is_some() {
            return Err(altered());
        }
    }
    match expected.first_key_value() {
        Some((section, _)) => Err(ReadError::Code { section: (*section).to_owned() }),
        None => Ok(()),
    }
}

fn is_code(flags: SectionFlags) -> bool {
    matches!(flags, SectionFlags::Elf { sh_flags } if sh_flags & u64::from(elf::SHF_EXECINSTR) != 0)
}

/// Whether a relocation's symbol is the expected one.
fn is_target(
    artifact: &Artifact,
    file: &File,
    found: RelocationTarget,
    expected: &ElfReloc,
) -> Result<bool, ReadError> {
    let RelocationTarget::Symbol(index) = found else { return Ok(false) };
    let symbol = file.symbol_by_index(index)?;
    let is_named = |name: &str| symbol.name_bytes().is_ok_and(|found| found == name.as_bytes());
    Ok(match expected.target {
        Target::Map(map) => is_named(&artifact.maps[map.0 as usize].name),
        Target::Function { name, start } => {
            is_named(name) && symbol.address() == u64::from(start) * 8 && is_text(file, &symbol)?
        }
        Target::Kfunc { name, .. } | Target::Kconfig(name) => {
            is_named(name) && symbol.is_undefined()
        }
        Target::Text => symbol.address() == 0 && is_text(file, &symbol)?,
    })
}

fn is_text<'data>(
    file: &File<'data>,
    symbol: &impl ObjectSymbol<'data>,
) -> Result<bool, ReadError> {
    let Some(section) = symbol.section_index() else { return Ok(false) };
    Ok(file.section_by_index(section)?.name_bytes()? == TEXT_SECTION.as_bytes())
}
