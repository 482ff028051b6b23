//! The search for bytes in the packet (net/core/skbuff.c, `skb_find_text`).
//!
//! A program may search for thousands of patterns and may have 256 functions, so patterns share
//! functions, [`GROUP`] at a time. Whoever searches says in the packet structure what is looked
//! for: the first eight bytes as a number, how many bytes there are, and which pattern of the group
//! it is. One turn of the loop compares that number at sixteen places of the packet; only where it
//! fits is the rest of the pattern compared, which is code.

use crate::asm::{
    Alu, Asm, FP, Jump, Label, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, Reg, Size, Width,
};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::packet::layout::{self, SearchField};
use crate::routine::{Routine, TextGroup};
use crate::scan::walk;
use crate::target::SCRATCH_SIZE;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{Probe, ProbeDef, Program, TextSearch};

/// Patterns that share a function.
const GROUP: usize = 64;
/// Places that one turn looks at; with the bytes behind the last of them they fill the window.
const PLACES: i16 = 16;
/// Bytes of the packet that one turn copies, at the top of the frame.
const WINDOW: i16 = 24;
/// Bytes of a pattern that are compared at every place.
const HEAD: usize = 8;
/// Where the rest of a pattern is copied to.
const CHUNK: i16 = -WINDOW - 8;
/// Places of a packet of 64 KiB: a turn passes at least one.
const LONGEST: i32 = 65_576;

/// The group of a search, and its place there.
fn place(program: &Program, probe: Probe, search: &TextSearch) -> (TextGroup, usize) {
    let before = program.probes.iter().take_while(|&(other, _)| other != probe);
    let alike =
        before.filter(|(_, other)| matches!(other, ProbeDef::Text(t) if t.fold == search.fold));
    let number = alike.count();
    ((search.fold, number / GROUP), number % GROUP)
}

/// The searches of a group, in order.
fn members(program: &Program, (fold, number): TextGroup) -> impl Iterator<Item = &TextSearch> {
    let texts = program.probes.values().filter_map(move |probe| match probe {
        ProbeDef::Text(text) if text.fold == fold => Some(text),
        _ => None,
    });
    texts.skip(number * GROUP).take(GROUP)
}

/// Up to eight bytes as a number, the first the most significant.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().take(HEAD).fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// By how many bits eight bytes are shifted to leave the first of them.
fn shift(bytes: usize) -> i32 {
    64 - 8 * bytes.min(HEAD) as i32
}

/// Emits the search: the context is in r6 and the packet in r7, the result comes in r0.
pub(crate) fn call(
    emitter: &mut Emitter<'_>,
    asm: &mut Asm,
    probe: Probe,
    search: &TextSearch,
) -> Result<(), EmitError> {
    let (group, member) = place(emitter.program, probe, search);
    let function = emitter.routine(Routine::Text(group));
    asm.constant(R1, number(&search.pattern));
    asm.store(Size::D, R7, emitter.layout.search(SearchField::Head), R1);
    let length = search.pattern.len();
    asm.store_imm(Size::W, R7, emitter.layout.search(SearchField::Shift), shift(length));
    asm.store_imm(Size::W, R7, emitter.layout.search(SearchField::Length), length as i32);
    asm.store_imm(Size::W, R7, layout::WALK_NEXT, member as i32);
    asm.store_imm(Size::W, R7, layout::WALK_OFFSET, i32::from(search.from));
    asm.store_imm(Size::W, R7, layout::WALK_END, i32::from(search.to));
    emitter::call(asm, function);
    Ok(())
}

/// The function of a group of searches.
pub(crate) fn emit(
    emitter: &mut Emitter<'_>,
    group: TextGroup,
) -> Result<FunctionIndex, EmitError> {
    let body = body(emitter, group)?;
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "search the packet");
    let [null, shorter] = std::array::from_fn(|_| asm.label());
    asm.mov_imm(R0, 0);
    emitter::begin(&mut asm, null);
    asm.load(Size::W, R1, R7, emitter.layout.end());
    asm.load(Size::W, R2, R7, layout::WALK_END);
    asm.jump(Jump::Le, Width::W64, R2, R1, shorter);
    asm.store(Size::W, R7, layout::WALK_END, R1);
    asm.place(shorter);
    asm.store_imm(Size::W, R7, layout::WALK_RESULT, bpfc_ir::Scan::ABSENT as i32);
    asm.mov(R1, R6);
    walk::run_loop(&mut asm, body, LONGEST);
    asm.load(Size::W, R0, R7, layout::WALK_RESULT);
    asm.place(null);
    asm.exit();
    emitter.add(asm, "scan_text", FunctionKind::Chain)
}

/// Some places: 0 to go on, 1 when done.
fn body(emitter: &mut Emitter<'_>, group: TextGroup) -> Result<FunctionIndex, EmitError> {
    let scratch = CHUNK - SCRATCH_SIZE;
    let fold = group.0;
    let mut asm = Asm::new();
    let [hit, found, advance, stop] = std::array::from_fn(|_| asm.label());
    emitter.mark_line(&mut asm, None, "look at some places");
    walk::enter_body(&mut asm);
    copy_window(emitter, &mut asm, scratch, stop);
    let words = [R1, R2, R3];
    for (at, &word) in words.iter().enumerate() {
        asm.load(Size::D, word, FP, -WINDOW + 8 * at as i16);
        asm.from_big_endian(word, 64);
        if fold {
            upper_case(&mut asm, word);
        }
    }
    asm.load(Size::D, R0, R7, emitter.layout.search(SearchField::Head));
    asm.load(Size::W, R9, R7, emitter.layout.search(SearchField::Shift));
    let hits: Vec<Label> = (0..PLACES).map(|_| asm.label()).collect();
    for (place, &label) in (0..).zip(&hits) {
        let (word, bits) = ((place / 8) as usize, place % 8 * 8);
        asm.mov(R4, words[word]);
        if bits > 0 {
            asm.alu_imm(Alu::Lsh, Width::W64, R4, bits);
            asm.mov(R5, words[word + 1]);
            asm.alu_imm(Alu::Rsh, Width::W64, R5, 64 - bits);
            asm.alu(Alu::Or, Width::W64, R4, R5);
        }
        asm.alu(Alu::Rsh, Width::W64, R4, R9);
        asm.jump(Jump::Eq, Width::W64, R4, R0, label);
    }
    asm.alu_imm(Alu::Add, Width::W64, R8, i32::from(PLACES));
    asm.store(Size::W, R7, layout::WALK_OFFSET, R8);
    asm.mov_imm(R0, 0);
    asm.exit();

    // By way of memory, so that the verifier looks at what follows once for all places.
    for (place, &label) in (0..).zip(&hits) {
        asm.place(label);
        asm.store_imm(Size::W, R7, emitter.layout.search(SearchField::Place), place);
        asm.goto(hit);
    }
    asm.place(hit);
    asm.load(Size::W, R1, R7, emitter.layout.search(SearchField::Place));
    asm.alu(Alu::Add, Width::W64, R8, R1);
    asm.load(Size::W, R1, R7, emitter.layout.search(SearchField::Length));
    asm.alu(Alu::Add, Width::W64, R1, R8);
    asm.load(Size::W, R2, R7, layout::WALK_END);
    asm.jump(Jump::Gt, Width::W64, R1, R2, stop);
    let members: Vec<Vec<u8>> =
        members(emitter.program, group).map(|text| text.pattern.clone()).collect();
    let rests: Vec<(usize, &[u8], Label)> = members
        .iter()
        .enumerate()
        .filter_map(|(member, pattern)| Some((member, pattern.get(HEAD..)?, asm.label())))
        .filter(|(_, rest, _)| !rest.is_empty())
        .collect();
    asm.load(Size::W, R1, R7, layout::WALK_NEXT);
    for &(member, _, label) in &rests {
        asm.jump_imm(Jump::Eq, Width::W64, R1, member as i32, label);
    }
    asm.goto(found);
    for &(_, rest, label) in &rests {
        asm.place(label);
        compare_rest(emitter, &mut asm, rest, fold, scratch, [advance, stop]);
        asm.goto(found);
    }

    asm.place(found);
    asm.store(Size::W, R7, layout::WALK_RESULT, R8);
    asm.place(stop);
    asm.mov_imm(R0, 1);
    asm.exit();
    if asm.is_used(advance) {
        asm.place(advance);
        asm.alu_imm(Alu::Add, Width::W64, R8, 1);
        asm.store(Size::W, R7, layout::WALK_OFFSET, R8);
        asm.mov_imm(R0, 0);
        asm.exit();
    }
    emitter.add(asm, "scan_text_body", FunctionKind::LoopBody)
}

/// Copies the bytes from r8 on to the top of the frame, zeros behind the end; jumps to `stop`
/// where so few are left that the pattern does not fit.
fn copy_window(emitter: &Emitter<'_>, asm: &mut Asm, scratch: i16, stop: Label) {
    let short = asm.label();
    asm.load(Size::W, R9, R7, layout::WALK_END);
    asm.jump(Jump::Ge, Width::W64, R8, R9, stop);
    asm.mov(R4, R9);
    asm.alu(Alu::Sub, Width::W64, R4, R8);
    asm.load(Size::W, R1, R7, emitter.layout.search(SearchField::Length));
    asm.jump(Jump::Lt, Width::W64, R4, R1, stop);
    asm.jump_imm(Jump::Lt, Width::W64, R4, 1, stop);
    asm.jump_imm(Jump::Le, Width::W64, R4, i32::from(WINDOW), short);
    asm.mov_imm(R4, i32::from(WINDOW));
    asm.place(short);
    for at in (0..WINDOW).step_by(8) {
        asm.store_imm(Size::D, FP, -WINDOW + at, 0);
    }
    asm.mov(R2, R8);
    asm.load(Size::W, R1, R7, layout::NETWORK_OFFSET);
    asm.alu(Alu::Add, Width::W64, R2, R1);
    asm.mov(R3, FP);
    asm.alu_imm(Alu::Add, Width::W64, R3, -i32::from(WINDOW));
    emitter.target.fetch(asm, scratch);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, stop);
}

/// Compares the pattern's bytes behind the first eight with the packet's at r8 + 8; jumps to
/// `advance` where they differ.
fn compare_rest(
    emitter: &Emitter<'_>,
    asm: &mut Asm,
    rest: &[u8],
    fold: bool,
    scratch: i16,
    [advance, stop]: [Label; 2],
) {
    for (at, chunk) in rest.chunks(HEAD).enumerate() {
        asm.store_imm(Size::D, FP, CHUNK, 0);
        let offset = (HEAD + at * HEAD) as i32;
        walk::fetch(emitter, asm, offset, chunk.len() as i32, CHUNK, scratch, stop);
        asm.load(Size::D, R1, FP, CHUNK);
        asm.from_big_endian(R1, 64);
        if fold {
            upper_case(asm, R1);
        }
        if chunk.len() < HEAD {
            asm.alu_imm(Alu::Rsh, Width::W64, R1, shift(chunk.len()));
        }
        asm.constant(R2, number(chunk));
        asm.jump(Jump::Ne, Width::W64, R1, R2, advance);
    }
}

/// Turns the eight bytes of a register to upper case as the kernel's `toupper` does (Latin-1, 0xdf
/// and 0xff being letters): in each byte that is a lower case letter 0x20 is taken away. Clobbers
/// r0, r4, r5 and r9.
fn upper_case(asm: &mut Asm, bytes: Reg) {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let width = Width::W64;
    // What follows looks at the high bit of each byte of a sum that cannot overflow its byte.
    asm.constant(R4, EACH * 0x7f);
    asm.alu(Alu::And, width, R4, bytes);
    // r5: the lower seven bits are from 0x61 to 0x7a, and the byte is less than 0x80.
    asm.constant(R5, EACH * (0x80 - 0x61));
    asm.alu(Alu::Add, width, R5, R4);
    asm.constant(R0, EACH * (0x7f - 0x7a));
    asm.alu(Alu::Add, width, R0, R4);
    asm.alu(Alu::Xor, width, R5, R0);
    asm.mov(R0, bytes);
    asm.alu_imm(Alu::Xor, width, R0, -1);
    asm.alu(Alu::And, width, R5, R0);
    // r0: they are not 0x77, and at least 0x5f, and the byte is at least 0x80.
    asm.constant(R0, EACH * 0x77);
    asm.alu(Alu::Xor, width, R0, R4);
    asm.constant(R9, EACH * 0x7f);
    asm.alu(Alu::Add, width, R0, R9);
    asm.constant(R9, EACH * (0x80 - 0x5f));
    asm.alu(Alu::Add, width, R4, R9);
    asm.alu(Alu::And, width, R0, R4);
    asm.alu(Alu::And, width, R0, bytes);
    asm.alu(Alu::Or, width, R5, R0);
    asm.constant(R9, EACH * 0x80);
    asm.alu(Alu::And, width, R5, R9);
    asm.alu_imm(Alu::Rsh, width, R5, 2);
    asm.alu(Alu::Sub, width, bytes, R5);
}
