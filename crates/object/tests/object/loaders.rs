//! What loaders other than libbpf want of an object.

use crate::assemble::{self, Code};
use aya_obj::{Object, ProgramSection};
use bpfc_artifact::*;
use bpfc_object::write;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

/// A program without kernel functions, and its counters.
fn plain(attach: AttachPoint) -> Artifact {
    let counters = assemble::map("counters", MapKind::PerCpuArray, MapRole::Counters, 1024 * 16, 1);
    let state = assemble::map(
        "state",
        MapKind::Array,
        MapRole::Object { object: "state".into(), part: "value".into() },
        64,
        1,
    );
    let mut code = Code::default();
    code.lddw(1, RelocKind::Map(MapIndex(0)), 0);
    code.lddw(1, RelocKind::MapValue(MapIndex(1)), 8);
    let main = code.set(0, 1).exit().function("main", FunctionKind::Main, attach.kind());
    Artifact {
        programs: vec![Program { name: "bpfc_plain".into(), attach, entry: FunctionIndex(0) }],
        functions: vec![main],
        maps: vec![counters, state],
        rules: RuleTable::default(),
        ..assemble::filter("tc", &[AttachPoint::TcIngress])
    }
}

/// aya knows neither `tcx/` sections nor those of netfilter, and no kernel functions.
#[test]
fn aya_reads_what_needs_no_kernel_function() {
    for attach in [AttachPoint::Xdp, AttachPoint::TcIngress, AttachPoint::TcEgress] {
        let bytes = write(&plain(attach)).expect("writes");
        let object = Object::parse(&bytes).unwrap_or_else(|error| panic!("{attach:?}: {error}"));
        let program = object.programs.get("bpfc_plain").expect("the program");
        match attach {
            AttachPoint::Xdp => assert!(matches!(program.section, ProgramSection::Xdp { .. })),
            _ => assert!(matches!(program.section, ProgramSection::SchedClassifier)),
        }
        let counters = object.maps.get("counters").expect("the counters");
        assert_eq!((counters.key_size(), counters.value_size()), (4, 1024 * 16));
        assert!(object.maps.contains_key(".data.state"));
    }
}

/// cilium/ebpf compares the instruction that takes a kernel type's number with the number that the
/// relocation gives the type in the object (`coreFixup`, btf/core.go).
#[test]
fn an_instruction_holds_the_number_that_its_relocation_names() {
    const TYPE_ID_TARGET: u32 = 7;
    let mut found = 0;
    for (artifact, _) in assemble::all() {
        let bytes = write(&artifact).expect("writes");
        let file = object::File::parse(&*bytes).expect("an object");
        let data = |name: &str| {
            let section = file.section_by_name(name).expect(name);
            section.data().expect("bytes").to_vec()
        };
        let (ext, btf) = (data(".BTF.ext"), data(".BTF"));
        let word = |bytes: &[u8], at: usize| {
            u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize
        };
        let strings = word(&btf, 4) + word(&btf, 16);
        // struct btf_ext_header: the last two words of 32 bytes.
        let mut at = word(&ext, 4) + word(&ext, 24);
        let end = at + word(&ext, 28);
        if at == end {
            continue;
        }
        let size = word(&ext, at);
        at += 4;
        while at < end {
            let (name, number) = (strings + word(&ext, at), word(&ext, at + 4));
            let name = btf[name..].split(|&byte| byte == 0).next().expect("a name");
            let code = data(std::str::from_utf8(name).expect("text"));
            at += 8;
            for record in (0..number).map(|record| at + record * size) {
                if word(&ext, record + 12) as u32 == TYPE_ID_TARGET {
                    let immediate = word(&code, word(&ext, record) + 4);
                    assert_eq!(immediate, word(&ext, record + 4), "{}", artifact.target);
                    found += 1;
                }
            }
            at += number * size;
        }
    }
    assert!(found > 0);
}

/// cilium/ebpf takes calls of local functions only as clang writes them: the symbol is the
/// section's, and the instruction holds the place (`relocateInstruction`, elf_reader.go).
#[test]
fn no_relocation_names_a_local_function() {
    let mut found = 0;
    for (artifact, _) in assemble::all() {
        let bytes = write(&artifact).expect("writes");
        let file = object::File::parse(&*bytes).expect("an object");
        for (_, relocation) in file.sections().flat_map(|section| section.relocations()) {
            let object::RelocationTarget::Symbol(index) = relocation.target() else { continue };
            let symbol = file.symbol_by_index(index).expect("a symbol");
            if symbol.is_local() {
                assert_eq!(symbol.kind(), object::SymbolKind::Section, "{:?}", symbol.name());
                found += 1;
            }
        }
    }
    assert!(found > 0);
}
