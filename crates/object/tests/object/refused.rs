//! What cannot be an object is refused with the reason.

use crate::assemble::{self, Code};
use bpfc_artifact::*;
use bpfc_object::write;

fn refusal(change: impl FnOnce(&mut Artifact)) -> String {
    let mut artifact = assemble::filter("xdp", &[AttachPoint::Xdp]);
    change(&mut artifact);
    write(&artifact).expect_err("refused").to_string()
}

fn chain(artifact: &mut Artifact) -> &mut Function {
    &mut artifact.functions[0]
}

#[test]
fn names() {
    let refused = refusal(|a| chain(a).name = "filter/INPUT".into());
    assert_eq!(refused, "function `filter/INPUT` is not a C identifier of at most 127 bytes");
    let refused = refusal(|a| a.maps[0].name = "bpfc_counters_of_rules".into());
    assert!(refused.contains("at most 15 bytes"), "{refused}");
    let refused = refusal(|a| a.maps[0].name = "walk".into());
    assert_eq!(refused, "two programs, functions or maps are named `walk`");
}

#[test]
fn programs_without_their_main_function() {
    let refused = refusal(|a| a.programs[0].entry = FunctionIndex(77));
    assert!(refused.contains("does not begin with a main function"), "{refused}");
    let refused = refusal(|a| a.programs[0].attach = AttachPoint::TcEgress);
    assert!(refused.contains("does not begin with a main function"), "{refused}");
    let refused = refusal(|a| a.programs.clear());
    assert_eq!(refused, "main function `bpfc_input_0` belongs to no program");
}

#[test]
fn references_that_lead_nowhere() {
    let refused = refusal(|a| a.maps.clear());
    assert_eq!(refused, "function `filter_INPUT`, instruction 6: no such map");
    let refused = refusal(|a| chain(a).relocs.clear());
    assert!(refused.ends_with("instruction 28: a reference without its relocation"), "{refused}");
    let refused = refusal(|a| chain(a).relocs[0].insn = 0);
    assert!(refused.ends_with("the relocation does not fit the instruction"), "{refused}");
    let refused = refusal(|a| chain(a).relocs.reverse());
    assert!(refused.ends_with("a relocation out of order or inside an instruction"), "{refused}");
    let refused = refusal(|a| {
        let main = a.programs[0].entry;
        chain(a).relocs[3].kind = RelocKind::Call(main);
    });
    assert!(refused.ends_with("the function is not one to be used so"), "{refused}");
    let refused = refusal(|a| {
        let mut code = Code::default();
        code.kfunc("bpf_made_up").exit();
        let made = code.function("made", FunctionKind::Chain, ProgramKind::Xdp);
        a.functions.push(made);
    });
    assert_eq!(
        refused,
        "function `made` calls the kernel function `bpf_made_up`, whose type is unknown"
    );
}

#[test]
fn maps_that_libbpf_cannot_address() {
    let refused = refusal(|a| a.maps[1].max_entries = 2);
    assert_eq!(
        refused,
        "map `bpfc_state`: referred to by value, but not a plain array of one entry"
    );
}

#[test]
fn lines_of_unlisted_sources() {
    let refused = refusal(|a| a.sources.clear());
    assert!(refused.contains("lines of source number 0, which is not listed"), "{refused}");
}
