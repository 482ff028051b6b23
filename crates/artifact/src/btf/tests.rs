//! The blob is read back by a reader that shares nothing with the builder, and by bpftool where
//! there is one.

use super::*;
use crate::{Function, FunctionKind, Insn, Line, ProgramKind};
use std::collections::BTreeMap;

const EXIT: Insn = Insn { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 };
const MOV_0: Insn = Insn { code: 0xb7, dst: 0, src: 0, off: 0, imm: 0 };

fn function(name: &str, kind: FunctionKind, lines: Vec<Line>) -> Function {
    Function {
        name: name.into(),
        kind,
        program: ProgramKind::Xdp,
        packet_size: 96,
        insns: vec![MOV_0, EXIT],
        relocs: Vec::new(),
        lines,
    }
}

fn line(insn: u32, line: u32, text: &str) -> Line {
    Line { insn, file: 0, line, column: 1, text: text.into() }
}

fn artifact(functions: Vec<Function>) -> Artifact {
    Artifact {
        target: "xdp".into(),
        functions,
        sources: vec!["rules.v4".into()],
        ..Artifact::default()
    }
}

fn sample() -> Artifact {
    artifact(vec![
        function("bpfc_input", FunctionKind::Main, vec![line(0, 1, "parse")]),
        function("filter_INPUT", FunctionKind::Chain, vec![line(0, 7, "-A INPUT -j DROP")]),
        function("walk", FunctionKind::Static { arguments: 3 }, vec![]),
        function("step", FunctionKind::LoopBody, vec![line(1, 9, "parse")]),
    ])
}

fn indices(count: u32) -> Vec<FunctionIndex> {
    (0..count).map(FunctionIndex).collect()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Kind, name, `size_or_type` and `vlen`.
type ReadType = (u32, String, u32, u32);

fn read_back(blob: &[u8]) -> (Vec<ReadType>, Vec<u8>) {
    assert_eq!(blob[..4], [0x9f, 0xeb, 1, 0]);
    let (header, types, strings) = (word(blob, 4), word(blob, 12), word(blob, 16));
    let strings_at = (header + strings) as usize;
    let strings = blob[strings_at..].to_vec();
    assert_eq!(strings.len() as u32, word(blob, 20));
    let mut at = header as usize;
    let mut read = Vec::new();
    while at < (header + types) as usize {
        let (info, value) = (word(blob, at + 4), word(blob, at + 8));
        let (kind, vlen) = (info >> 24, info & 0xffff);
        read.push((kind, text(&strings, word(blob, at)), value, vlen));
        at += 12
            + match kind {
                1 => 4,
                3 => 12,
                4 => 12 * vlen as usize,
                13 => 8 * vlen as usize,
                _ => 0,
            };
    }
    (read, strings)
}

fn text(strings: &[u8], offset: u32) -> String {
    let bytes = strings[offset as usize..].split(|byte| *byte == 0).next().expect("a string");
    String::from_utf8(bytes.to_vec()).expect("utf-8")
}

#[test]
fn functions_have_the_types_that_the_kernel_asks_for() {
    let encoded = encode(&sample(), &indices(4));
    let (types, _) = read_back(&encoded.blob);
    let by_name: BTreeMap<_, _> = types
        .iter()
        .map(|(kind, name, value, vlen)| (name.as_str(), (*kind, *value, *vlen)))
        .collect();
    assert_eq!(by_name["bpfc_packet"], (4, 96, 1));
    assert_eq!(by_name["xdp_md"].0, 4);
    let expected = [("bpfc_input", 1, 1), ("filter_INPUT", 1, 2), ("walk", 0, 3), ("step", 0, 2)];
    for (info, (name, linkage, parameters)) in encoded.func_info.iter().zip(expected) {
        let (kind, found, prototype, found_linkage) = &types[info.type_id.0 as usize - 1];
        assert_eq!((*kind, found.as_str(), *found_linkage), (12, name, linkage));
        let (kind, _, result, vlen) = &types[*prototype as usize - 1];
        assert_eq!((*kind, *vlen), (13, parameters), "{name}");
        assert_eq!(types[*result as usize - 1].0, 1, "{name} returns an integer");
    }
    let starts: Vec<u32> = encoded.func_info.iter().map(|info| info.insn).collect();
    assert_eq!(starts, [0, 2, 4, 6]);
    assert_eq!(encoded.func_info_bytes().len(), 4 * EncodedBtf::FUNC_INFO_SIZE as usize);
}

#[test]
fn lines_begin_every_function_and_ascend() {
    let encoded = encode(&sample(), &indices(4));
    let (_, strings) = read_back(&encoded.blob);
    let lines: Vec<_> = encoded
        .line_info
        .iter()
        .map(|info| {
            (info.insn, text(&strings, info.file_name), text(&strings, info.text), info.line_column)
        })
        .collect();
    let file = || "rules.v4".to_string();
    assert_eq!(
        lines,
        [
            (0, file(), "parse".into(), (1 << 10) | 1),
            (2, file(), "-A INPUT -j DROP".into(), (7 << 10) | 1),
            (4, String::new(), "walk".into(), 0),
            (6, file(), "parse".into(), (9 << 10) | 1),
        ]
    );
    assert_eq!(encoded.line_info_bytes().len(), 4 * EncodedBtf::LINE_INFO_SIZE as usize);
}

#[test]
fn lines_that_the_kernel_would_refuse_are_left_out() {
    let mut main = function("f", FunctionKind::Main, vec![]);
    let lddw = Insn { code: 0x18, ..Insn::default() };
    main.insns = vec![lddw, Insn::default(), MOV_0, EXIT];
    main.lines = [0, 1, 2, 2, 1, 3, 4].map(|insn| line(insn, insn + 1, "x")).to_vec();
    main.lines[5].column = 5000;
    let encoded = encode(&artifact(vec![main]), &indices(1));
    let starts: Vec<u32> = encoded.line_info.iter().map(|info| info.insn).collect();
    assert_eq!(starts, [0, 2, 3]);
    assert_eq!(encoded.line_info[2].line_column, (4 << 10) | 1023);
}

#[test]
fn twenty_thousand_lines_are_quick_and_equal_each_time() {
    let mut main = function("f", FunctionKind::Main, vec![]);
    main.insns = vec![MOV_0; 20_000];
    main.lines = (0..20_000).map(|n| line(n, n, &format!("-A INPUT -s 10.0.0.{n}"))).collect();
    let artifact = artifact(vec![main]);
    let before = std::time::Instant::now();
    let encoded = encode(&artifact, &indices(1));
    assert!(before.elapsed().as_millis() < 500, "{:?}", before.elapsed());
    assert_eq!(encoded.line_info.len(), 20_000);
    assert_eq!(encoded, encode(&artifact, &indices(1)));
}

#[test]
fn strings_stay_below_the_kernels_limit() {
    let mut main = function("f", FunctionKind::Main, vec![]);
    main.insns = vec![MOV_0; 20_000];
    main.lines = (0..20_000).map(|n| line(n, n, &format!("{n:01000}"))).collect();
    let encoded = encode(&artifact(vec![main]), &indices(1));
    assert!(encoded.blob.len() < 16 << 20);
    assert_eq!(encoded.line_info.len(), 20_000);
    assert_eq!(encoded.line_info[19_999].text, 0);
}

#[test]
fn bpftool_reads_the_blob() {
    let path = std::env::temp_dir().join(format!("bpfc-btf-{}", std::process::id()));
    std::fs::write(&path, encode(&sample(), &indices(4)).blob).expect("a temporary file");
    let output =
        std::process::Command::new("bpftool").args(["btf", "dump", "file"]).arg(&path).output();
    let _ = std::fs::remove_file(&path);
    match output {
        Ok(output) => {
            let dump = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            for expected in [
                "STRUCT 'bpfc_packet' size=96 vlen=1",
                "FUNC 'bpfc_input'",
                "FUNC 'filter_INPUT'",
                "linkage=global",
                "linkage=static",
            ] {
                assert!(dump.contains(expected), "{expected} not in:\n{dump}");
            }
        }
        Err(error) => {
            assert!(std::env::var_os("BPFC_REQUIRE_ALL").is_none(), "bpftool: {error}");
            eprintln!("skipped: bpftool does not run: {error}");
        }
    }
}
