//! Tables of elements: where they lie, and the functions that look elements up.
//!
//! A table is a map of its own: a hash where each part of the key is exact, else an LPM trie, to
//! which ranges are prefixes. A key has its parts one after another in network order, each in words
//! of 4 bytes; that of a trie has the number of bits in front (`struct bpf_lpm_trie_key_u8`). A
//! value has its fields one after another: i128 as it stands in packets, other numbers native in 8
//! bytes.
//!
//! One function a table, `int find(ctx, packet)`, takes the key where arguments lie in the packet
//! structure, and leaves the element's fields there; whoever asks takes them into its frame at once
//! (`select`). So an element is plain numbers: it may be deleted, or become another one, while a
//! packet goes on. Needs Linux 4.11, for tries.

pub(crate) mod plan;

use crate::asm::{Alu, Asm, FP, Helper, Jump, R0, R1, R2, R7, Size, Width};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::table::plan::{field_size, is_trie, part_size};
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{Table, TableDef, Type};

/// Bytes of the largest key of a trie, in the frame.
const KEY: i16 = -(TableDef::LARGEST_KEY as i16 + 8);

/// The function that looks an element up. It answers 1 where it finds
/// one, else 0.
pub(crate) fn emit(emitter: &mut Emitter<'_>, table: Table) -> Result<FunctionIndex, EmitError> {
    let def = &emitter.program.tables[table];
    let map = emitter.tables.maps[&table];
    let mut asm = Asm::new();
    let miss = asm.label();
    let text = match def.name.as_str() {
        "" => "look up an element".to_owned(),
        name => format!("look up in table {name}"),
    };
    emitter.mark_line(&mut asm, None, &text);
    emitter::begin(&mut asm, miss);
    let argument = |at: usize| emitter.layout.argument(at).unwrap_or(0);
    let mut at = KEY;
    if is_trie(def) {
        let bytes: usize = def.key.iter().map(|part| part_size(part.ty)).sum();
        asm.store_imm(Size::W, FP, at, bytes as i32 * 8);
        at += 4;
    }
    for (place, part) in def.key.iter().enumerate() {
        let from = argument(place);
        match part.ty {
            // Words, since the frame takes aligned ones alone.
            Type::I128 => {
                for word in (0..16).step_by(4) {
                    asm.load(Size::W, R1, R7, from + word);
                    asm.store(Size::W, FP, at + word, R1);
                }
            }
            Type::I64 => {
                asm.load(Size::D, R1, R7, from);
                asm.from_big_endian(R1, 64);
                asm.store(Size::D, R7, from, R1);
                for word in (0..8).step_by(4) {
                    asm.load(Size::W, R1, R7, from + word);
                    asm.store(Size::W, FP, at + word, R1);
                }
            }
            _ => {
                asm.load(Size::D, R1, R7, from);
                asm.from_big_endian(R1, 32);
                asm.store(Size::W, FP, at, R1);
            }
        }
        at += part_size(part.ty) as i16;
    }
    asm.map(R1, map);
    asm.mov(R2, FP);
    asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(KEY));
    asm.helper(Helper::MapLookup);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, miss);
    let mut from = 0;
    for (place, field) in def.fields.iter().enumerate() {
        for half in (0..field_size(field)).step_by(8) {
            asm.load(Size::D, R1, R0, from);
            asm.store(Size::D, R7, argument(place) + half, R1);
            from += 8;
        }
    }
    asm.mov_imm(R0, 1);
    asm.exit();
    asm.place(miss);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "find", FunctionKind::Chain)
}
