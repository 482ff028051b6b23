//! What is written is read back the same, and written the same again.

use crate::assemble::{self, Code};
use bpfc_artifact::*;
use bpfc_object::{ReadError, is_object, read, write};

#[test]
fn every_type_comes_back_the_same() {
    for (artifact, _) in assemble::all() {
        let object = write(&artifact).expect("writes");
        assert!(is_object(&object));
        assert_eq!(read(&object).expect("reads"), artifact);
        assert_eq!(write(&artifact).expect("writes"), object);
    }
}

#[test]
fn two_programs_may_share_a_main_function() {
    let mut artifact = assemble::filter("cgroup-skb", &[AttachPoint::CgroupIngress]);
    let mut second = artifact.programs[0].clone();
    second.name = "bpfc_output".into();
    second.attach = AttachPoint::CgroupEgress;
    artifact.programs.push(second);
    assert_eq!(read(&write(&artifact).expect("writes")).expect("reads"), artifact);
}

#[test]
fn a_program_without_callees_or_maps_needs_no_text() {
    let mut code = Code::default();
    let main = code.set(0, 2).exit().function("main", FunctionKind::Main, ProgramKind::Xdp);
    let mut artifact = assemble::filter("xdp", &[AttachPoint::Xdp]);
    artifact.functions = vec![main];
    artifact.programs[0].entry = FunctionIndex(0);
    artifact.maps.clear();
    let object = write(&artifact).expect("writes");
    assert_eq!(read(&object).expect("reads"), artifact);
}

#[test]
fn other_files_are_not_objects() {
    assert!(!is_object(b""));
    assert!(!is_object(b"*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"));
    let this = std::env::current_exe().and_then(std::fs::read).expect("this program");
    assert!(!is_object(&this));
    assert_eq!(read(&this).expect_err("not one").to_string(), "not an eBPF object file");
}

/// `tc-1.o` is what the first version wrote of a ruleset.
#[test]
fn objects_of_the_first_version_are_read() {
    let first = include_bytes!("fixtures/tc-1.o");
    let artifact = read(first).expect("reads");
    assert_eq!(artifact.target, "tc");
    let second = write(&artifact).expect("writes");
    assert_ne!(first.as_slice(), second);
    assert_eq!(read(&second).expect("reads"), artifact);
    // A version that does not go with the code is no way to read it.
    for (object, is, version) in [(first.to_vec(), 1, 2), (second, 3, 1)] {
        let mut altered = object;
        let at = altered
            .windows(8)
            .position(|bytes| bytes[..4] == *b"bpfc" && bytes[4] == is && bytes[5..] == [0, 0, 0]);
        altered[at.expect("the version") + 4] = version;
        assert!(matches!(read(&altered), Err(ReadError::Code { .. })));
    }
}
