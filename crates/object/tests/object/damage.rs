//! Damaged and altered objects are errors, never panics.

use crate::assemble;
use bpfc_artifact::AttachPoint;
use bpfc_object::{ReadError, read, write};
use object::{Object, ObjectSection, ObjectSymbol};
use proptest::prelude::*;

fn object() -> Vec<u8> {
    write(&assemble::filter("xdp", &[AttachPoint::Xdp])).expect("writes")
}

/// Where a section's bytes lie in the file.
fn place(object: &[u8], section: &str) -> std::ops::Range<usize> {
    let file = object::read::elf::ElfFile64::<object::LittleEndian>::parse(object).expect("ELF");
    let section = file.section_by_name(section).expect("the section");
    let (offset, size) = section.file_range().expect("it has bytes");
    offset as usize..(offset + size) as usize
}

#[test]
fn every_truncation_is_an_error() {
    let object = object();
    for length in 0..object.len() {
        assert!(read(&object[..length]).is_err(), "{length} of {} bytes", object.len());
    }
}

#[test]
fn altered_code_is_an_error() {
    let object = object();
    for section in ["xdp", ".text", ".relxdp", ".rel.text"] {
        for at in place(&object, section) {
            let mut altered = object.clone();
            altered[at] ^= 1;
            assert!(
                matches!(read(&altered), Err(ReadError::Code { .. } | ReadError::Elf(_))),
                "byte {at} of {section}: {:?}",
                read(&altered)
            );
        }
    }
}

#[test]
fn a_moved_function_is_an_error() {
    let object = object();
    let file = object::read::elf::ElfFile64::<object::LittleEndian>::parse(&*object).expect("ELF");
    let index = file.symbols().find(|s| s.name() == Ok("filter_INPUT")).expect("it").index();
    let value = place(&object, ".symtab").start + index.0 * 24 + 8;
    let mut altered = object.clone();
    altered[value] ^= 8;
    assert!(matches!(read(&altered), Err(ReadError::Code { .. })));
}

#[test]
fn damaged_metadata_is_an_error() {
    let object = object();
    for at in place(&object, ".bpfc") {
        let mut altered = object.clone();
        altered[at] ^= 4;
        assert!(matches!(read(&altered), Err(ReadError::Metadata(_))), "byte {at}");
    }
}

#[test]
fn another_version_says_what_to_do() {
    let mut object = object();
    let version = place(&object, ".bpfc").start + 4;
    object[version] = 99;
    let message = read(&object).expect_err("another version").to_string();
    assert!(message.contains("version 99") && message.contains("compile again"), "{message}");
}

/// Changes bytes of the metadata's JSON and makes its checksum right.
fn forge(object: &mut [u8], changes: &[(prop::sample::Index, u8)]) {
    let place = place(object, ".bpfc");
    let (head, json) = object[place].split_at_mut(16);
    for (at, value) in changes {
        json[at.index(json.len())] = *value;
    }
    let sum = json.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    head[8..].copy_from_slice(&sum.to_le_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn mutations_do_not_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        length in any::<Option<prop::sample::Index>>(),
    ) {
        let mut bytes = object();
        for (at, value) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        if let Some(length) = length {
            let length = length.index(bytes.len());
            bytes.truncate(length);
        }
        let _ = read(&bytes);
    }

    /// Digits for digits, mostly: other indices, sizes and instructions.
    #[test]
    fn forged_metadata_does_not_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), b'0'..=b'9'), 1..6),
    ) {
        let mut bytes = object();
        forge(&mut bytes, &changes);
        if let Ok(artifact) = read(&bytes) {
            prop_assert!(write(&artifact).is_ok());
        }
    }

    /// The header and the section table are small: most of the changes above miss them.
    #[test]
    fn mutated_headers_do_not_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = object();
        let table = u64::from_le_bytes(bytes[40..48].try_into().expect("eight bytes")) as usize;
        let places: Vec<usize> = (0..64).chain(table..bytes.len()).collect();
        for (at, value) in &changes {
            bytes[places[at.index(places.len())]] = *value;
        }
        let _ = read(&bytes);
    }
}
