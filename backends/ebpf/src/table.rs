//! Tables of elements: where they lie, and the functions that look elements up.
//!
//! A table is a map of its own: a hash where each part of the key is exact, else an LPM trie, to
//! which ranges are prefixes. A key has its parts one after another in network order, each in words
//! of 4 bytes; that of a trie has the number of bits in front (`struct bpf_lpm_trie_key_u8`). A
//! value has its fields one after another: i128 as it stands in packets, other numbers native in 8
//! bytes; then, where elements expire, when. Where elements have states, or packets put others with
//! numbers of their own in their places, a lock stands in front and the key behind
//! ([`plan::Value`], `touch`).
//!
//! One function a table, `int find(ctx, packet)`, takes the key where arguments lie in the packet
//! structure, and leaves the element's fields there; whoever asks takes them into its frame at once
//! (`select`). So an element is plain numbers: it may be deleted, or become another one, while a
//! packet goes on. Needs Linux 4.11, for tries.

pub(crate) mod plan;
mod touch;

use crate::asm::{Alu, Asm, FP, Helper, Jump, R0, R1, R2, R3, R4, R6, R7, Size, Width};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::table::plan::{Value, field_size, is_live, is_trie, key_size, part_size};
use bpfc_artifact::{FunctionIndex, FunctionKind, MapIndex};
use bpfc_ir::{Table, TableDef, Touch, Type};

/// Bytes of the largest key of a trie, in the frame.
const KEY: i16 = -(TableDef::LARGEST_KEY as i16 + 8);

/// How an element is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// It is read.
    Find,
    /// It is touched.
    Touch(Touch),
}

/// The function that looks an element up. It answers 1 where it finds one, else 0.
pub(crate) fn find(emitter: &mut Emitter<'_>, table: Table) -> Result<FunctionIndex, EmitError> {
    match is_live(&emitter.program.tables[table]) {
        true => touch::emit(emitter, table, Mode::Find),
        false => plain(emitter, table, Mode::Find),
    }
}

/// The function that touches an element. It answers 1 where there is one then, else 0.
pub(crate) fn touch(
    emitter: &mut Emitter<'_>,
    table: Table,
    how: Touch,
) -> Result<FunctionIndex, EmitError> {
    match is_live(&emitter.program.tables[table]) {
        true => touch::emit(emitter, table, Mode::Touch(how)),
        false => plain(emitter, table, Mode::Touch(how)),
    }
}

/// How many places of arguments a function of a table takes for what it yields and keeps there.
pub(crate) fn arguments(def: &TableDef) -> usize {
    touch::arguments(def)
}

/// Words for listings.
fn text(def: &TableDef, doing: &str) -> String {
    match def.name.as_str() {
        "" => format!("{doing} an element"),
        name => format!("{doing} an element of table {name}"),
    }
}

/// Makes the key of the arguments, at an offset in the frame.
fn key(emitter: &Emitter<'_>, asm: &mut Asm, def: &TableDef, mut at: i16) {
    for (place, part) in def.key.iter().enumerate() {
        let from = emitter.layout.argument(place).unwrap_or(0);
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
}

/// `BPF_NOEXIST`.
const NOT_YET: i32 = 1;
const EEXIST: i32 = 17;

/// The function of a table whose elements never change: one that packets add says nothing.
fn plain(emitter: &mut Emitter<'_>, table: Table, mode: Mode) -> Result<FunctionIndex, EmitError> {
    let def = &emitter.program.tables[table];
    let map = emitter.tables.maps[&table];
    let mut asm = Asm::new();
    let [miss, none] = std::array::from_fn(|_| asm.label());
    emitter.mark_line(&mut asm, None, &text(def, "look up"));
    emitter::begin(&mut asm, miss);
    plain_key(emitter, &mut asm, def);
    plain_arguments(&mut asm, map);
    asm.helper(Helper::MapLookup);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, none);
    let value = Value::of(def);
    if let Some([_, end]) = value.life {
        asm.mov(R6, R0);
        asm.helper(Helper::Nanoseconds);
        asm.load(Size::D, R1, R6, end);
        asm.jump(Jump::Ge, Width::W64, R0, R1, miss);
        asm.mov(R0, R6);
    }
    for (place, (field, &at)) in def.fields.iter().zip(&value.fields).enumerate() {
        let to = emitter.layout.argument(place).unwrap_or(0);
        for half in (0..field_size(field)).step_by(8) {
            asm.load(Size::D, R1, R0, at + half);
            asm.store(Size::D, R7, to + half, R1);
        }
    }
    asm.mov_imm(R0, 1);
    asm.exit();
    asm.place(none);
    if matches!(mode, Mode::Touch(Touch::Add(_) | Touch::Update(_))) {
        let added = asm.label();
        asm.store_imm(Size::D, FP, NOTHING, 0);
        plain_arguments(&mut asm, map);
        asm.mov(R3, FP);
        asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(NOTHING));
        asm.mov_imm(R4, NOT_YET);
        asm.helper(Helper::MapUpdate);
        asm.jump_imm(Jump::Eq, Width::W64, R0, 0, added);
        asm.jump_imm(Jump::Ne, Width::W64, R0, -EEXIST, miss);
        asm.place(added);
        asm.mov_imm(R0, 1);
        asm.exit();
    }
    asm.place(miss);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "find", FunctionKind::Chain)
}

/// Makes the whole key of the arguments in the frame.
fn plain_key(emitter: &Emitter<'_>, asm: &mut Asm, def: &TableDef) {
    let bits = if is_trie(def) { 4 } else { 0 };
    if is_trie(def) {
        asm.store_imm(Size::W, FP, KEY, i32::from(key_size(def)) * 8);
    }
    key(emitter, asm, def, KEY + bits);
}

/// r1 = the map, r2 = that key.
fn plain_arguments(asm: &mut Asm, map: MapIndex) {
    asm.map(R1, map);
    asm.mov(R2, FP);
    asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(KEY));
}

/// The function that takes an element away. It answers 0.
pub(crate) fn remove(emitter: &mut Emitter<'_>, table: Table) -> Result<FunctionIndex, EmitError> {
    let def = &emitter.program.tables[table];
    if is_live(def) {
        return touch::remove(emitter, table);
    }
    let map = emitter.tables.maps[&table];
    let mut asm = Asm::new();
    let done = asm.label();
    emitter.mark_line(&mut asm, None, &text(def, "remove"));
    emitter::begin(&mut asm, done);
    plain_key(emitter, &mut asm, def);
    plain_arguments(&mut asm, map);
    asm.helper(Helper::MapDelete);
    asm.place(done);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "remove", FunctionKind::Chain)
}

/// In the frame, the value of an element that says nothing.
const NOTHING: i16 = KEY - 8;
