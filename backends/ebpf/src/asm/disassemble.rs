//! Annotated assembly of an artifact: what `--emit asm` prints and snapshots keep.
//!
//! The notation is the kernel's own (kernel/bpf/disasm.c), so that it reads like
//! `bpftool prog dump xlated`; comments name the rule that instructions come from.

use bpfc_artifact::{Artifact, Function, Insn, RelocKind};
use std::fmt::Write;

/// The assembly text of all functions and maps.
pub fn disassemble(artifact: &Artifact) -> String {
    let mut out = String::new();
    for map in &artifact.maps {
        let _ = writeln!(
            out,
            "map {} {:?} key {} value {} entries {}",
            map.name, map.kind, map.key_size, map.value_size, map.max_entries
        );
    }
    for program in &artifact.programs {
        let entry = &artifact.functions[program.entry.0 as usize];
        let _ = writeln!(out, "program {} {:?} entry {}", program.name, program.attach, entry.name);
    }
    for function in &artifact.functions {
        let _ = writeln!(out, "\n{}: ; {:?}", function.name, function.kind);
        body(&mut out, artifact, function);
    }
    out
}

fn body(out: &mut String, artifact: &Artifact, function: &Function) {
    let mut targets: Vec<usize> = function
        .insns
        .iter()
        .enumerate()
        .filter(|(_, insn)| is_jump(insn))
        .map(|(at, insn)| (at as i64 + 1 + i64::from(insn.off)) as usize)
        .collect();
    targets.sort_unstable();
    targets.dedup();
    let name = |at: usize| match targets.binary_search(&at) {
        Ok(number) => format!("L{number}"),
        Err(_) => format!("{at}"),
    };
    let mut at = 0;
    let mut lines = function.lines.iter().peekable();
    while at < function.insns.len() {
        while let Some(line) = lines.next_if(|line| line.insn as usize <= at) {
            let _ = writeln!(out, "; {}", line.text.lines().next().unwrap_or(""));
        }
        if targets.binary_search(&at).is_ok() {
            let _ = writeln!(out, "{}:", name(at));
        }
        let insn = &function.insns[at];
        let reloc = function
            .relocs
            .binary_search_by_key(&(at as u32), |reloc| reloc.insn)
            .ok()
            .map(|i| &function.relocs[i].kind);
        let wide = insn.code == 0x18;
        let high = if wide { function.insns.get(at + 1).map_or(0, |next| next.imm) } else { 0 };
        let text = match reloc {
            Some(kind) => relocated(artifact, insn, high, kind),
            None => {
                let to = (at as i64 + 1 + i64::from(insn.off)) as usize;
                instruction(insn, high, &name(to))
            }
        };
        let _ = writeln!(out, "  {text}");
        at += if wide { 2 } else { 1 };
    }
}

fn is_jump(insn: &Insn) -> bool {
    matches!(insn.code & 0x07, 0x05 | 0x06) && !matches!(insn.code & 0xf0, 0x80 | 0x90)
}

fn relocated(artifact: &Artifact, insn: &Insn, high: i32, kind: &RelocKind) -> String {
    let function = |index: &bpfc_artifact::FunctionIndex| {
        artifact.functions.get(index.0 as usize).map_or("?", |f| f.name.as_str())
    };
    let map = |index: &bpfc_artifact::MapIndex| {
        artifact.maps.get(index.0 as usize).map_or("?", |map| map.name.as_str())
    };
    match kind {
        RelocKind::Map(index) => format!("r{} = map {}", insn.dst, map(index)),
        RelocKind::MapValue(index) => {
            format!("r{} = map {}[0]+{high}", insn.dst, map(index))
        }
        RelocKind::Call(index) => format!("call {}", function(index)),
        RelocKind::FunctionPointer(index) => format!("r{} = &{}", insn.dst, function(index)),
        RelocKind::Kfunc(name) | RelocKind::OptionalKfunc { name, .. } => format!("call {name}"),
        RelocKind::FunctionExists { name, .. } => format!("r{} = exists({name})", insn.dst),
        RelocKind::Kconfig(name) => format!("r{} = &{name}", insn.dst),
        RelocKind::FieldOffset(field) => {
            let place = format!("offsetof({}, {})", field.structure, field.member);
            if insn.code & 0x07 == 0x01 {
                format!("r{} = *({} *)(r{} + {place})", insn.dst, size(insn.code), insn.src)
            } else {
                format!("r{} += {place}", insn.dst)
            }
        }
        RelocKind::EnumValue { enumerator, .. } => format!("r{} = {enumerator}", insn.dst),
        RelocKind::TypeSize(name) => format!("r{} = sizeof({name})", insn.dst),
        RelocKind::FieldExists(field) => {
            format!("r{} = exists({}, {})", insn.dst, field.structure, field.member)
        }
        RelocKind::TypeId(name) => format!("r{} = btf_id({name})", insn.dst),
    }
}

fn size(code: u8) -> &'static str {
    match code & 0x18 {
        0x00 => "u32",
        0x08 => "u16",
        0x10 => "u8",
        _ => "u64",
    }
}

fn instruction(insn: &Insn, high: i32, target: &str) -> String {
    let Insn { code, dst, src, off, imm } = *insn;
    match code & 0x07 {
        0x00 => format!("r{dst} = {:#x} ll", (high as u32 as u64) << 32 | imm as u32 as u64),
        0x01 => format!("r{dst} = *({} *)(r{src} {off:+})", size(code)),
        0x02 => format!("*({} *)(r{dst} {off:+}) = {imm}", size(code)),
        0x03 if code & 0xe0 == 0xc0 => match imm {
            0xf1 => format!("r0 = atomic_exchange((u64 *)(r{dst} {off:+}), r0, r{src})"),
            0x01 => format!("r{src} = atomic_fetch_add((u64 *)(r{dst} {off:+}), r{src})"),
            _ => format!("lock *(u64 *)(r{dst} {off:+}) += r{src}"),
        },
        0x03 => format!("*({} *)(r{dst} {off:+}) = r{src}", size(code)),
        0x04 | 0x07 => arithmetic(insn),
        _ => match code & 0xf0 {
            0x00 => format!("goto {target}"),
            0x80 => format!("call helper {imm}"),
            0x90 => "exit".to_owned(),
            _ => {
                let register = if code & 0x07 == 0x06 { 'w' } else { 'r' };
                let sign = condition(code);
                if code & 0x08 != 0 {
                    format!("if {register}{dst} {sign} {register}{src} goto {target}")
                } else {
                    format!("if {register}{dst} {sign} {imm:#x} goto {target}")
                }
            }
        },
    }
}

fn condition(code: u8) -> &'static str {
    match code & 0xf0 {
        0x10 => "==",
        0x20 => ">",
        0x30 => ">=",
        0x40 => "&",
        0x50 => "!=",
        0x60 => "s>",
        0x70 => "s>=",
        0xa0 => "<",
        0xb0 => "<=",
        0xc0 => "s<",
        _ => "s<=",
    }
}

fn arithmetic(insn: &Insn) -> String {
    let Insn { code, dst, src, imm, .. } = *insn;
    let register = if code & 0x07 == 0x04 { 'w' } else { 'r' };
    let operator = match code & 0xf0 {
        0x00 => "+=",
        0x10 => "-=",
        0x20 => "*=",
        0x30 => "/=",
        0x40 => "|=",
        0x50 => "&=",
        0x60 => "<<=",
        0x70 => ">>=",
        0x80 => return format!("{register}{dst} = -{register}{dst}"),
        0x90 => "%=",
        0xa0 => "^=",
        0xb0 => "=",
        0xc0 => "s>>=",
        _ => {
            let order = if code & 0x08 != 0 { "be" } else { "le" };
            return format!("r{dst} = {order}{imm} r{dst}");
        }
    };
    if code & 0x08 != 0 {
        format!("{register}{dst} {operator} {register}{src}")
    } else {
        format!("{register}{dst} {operator} {imm:#x}")
    }
}
