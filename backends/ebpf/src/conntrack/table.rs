//! Connections in conntrack's own table, found as the tracker finds them
//! (net/netfilter/nf_conntrack_core.c, `hash_conntrack_raw` and `__nf_conntrack_find_get`).
//!
//! Nothing that programs can reach leads to the table, so that whoever loads the programs says in a
//! map where the kernel's variables lie, which is known where the kernel lists its data symbols
//! (`CONFIG_KALLSYMS_ALL`). bpfc's runtime has programs read it alone and freezes it: the verifier
//! takes what is in it for constants, and removes the walk where the first one is 0, and what else
//! there is where it is not.
//!
//! One function does everything, step by step in a loop: it begins at the head of the tuple's
//! bucket, goes on from node to node, and begins anew where the list ends in another bucket's mark,
//! because a node was moved, or where the table is being exchanged.

use super::entry::{self, DESTINATION_PART, DIRECTION, NODE_SIZE, PROTOCOL};
use super::probe;
use super::siphash::{self, KEY_SIZE};
use crate::asm::{
    Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R4, R6, R7, R8, R9, Size, Width,
};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::kernel::{enter, field, leave};
use crate::packet::layout::CT_TUPLE_SIZE;
use crate::routine::Routine;
use bpfc_artifact::{FunctionIndex, FunctionKind, MapDef, MapIndex, MapKind, MapRole};

/// The kernel's variables, an address of 8 bytes each: all of them, or 0.
mod variable {
    /// `nf_conntrack_hash`: pointer to the buckets.
    pub const BUCKETS: u32 = 0;
    /// `nf_conntrack_htable_size`: u32, how many there are.
    pub const SIZE: u32 = 8;
    /// `nf_conntrack_hash_rnd`: 16 bytes, the key of the hash.
    pub const KEY: u32 = 16;
    /// `nf_conntrack_generation`: u32, odd while the table is exchanged, another one afterwards.
    pub const GENERATION: u32 = 24;
    /// Bytes of the map's value.
    pub const ALL: u32 = 32;
}

const _: () = assert!(variable::GENERATION + 8 == variable::ALL);

/// What the steps remember, in the frame of the function that searches, in front of the tuple.
mod at {
    /// u64: the node that is looked at next, 0 at the beginning.
    pub const NODE: i16 = 0;
    /// u64: number of the bucket.
    pub const BUCKET: i16 = 8;
    /// u64: the packet's network namespace.
    pub const NET: i16 = 16;
    /// u64: the entry that was found, 0 if none.
    pub const ENTRY: i16 = 24;
    /// u64: the direction of its tuple.
    pub const WAY: i16 = 32;
    /// The tuple that is looked for, its direction 0.
    pub const TUPLE: i16 = 48;
}

const _: () = assert!(at::WAY + 8 <= at::TUPLE);

/// Where the tuple lies behind what the steps remember.
pub(super) const TUPLE: i16 = at::TUPLE;

/// A step's own frame: a node with its tuple behind it, or the words that are hashed, then the key
/// and 8 bytes more.
const ENTRY: i16 = -56;
const WORDS: i16 = ENTRY;
const KEY: i16 = ENTRY - KEY_SIZE as i16;
const SCRATCH: i16 = KEY - 8;

/// Steps of a search. The kernel lets no list grow to more than some 80 entries; what takes longer
/// is waiting until the table has been exchanged.
const LONGEST: i32 = 1 << 20;

/// What a search needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    variables: MapIndex,
    step: FunctionIndex,
}

/// The map of the kernel's variables.
fn variables(emitter: &mut Emitter<'_>) -> MapIndex {
    let role = MapRole::Object { object: String::new(), part: "conntrack table".to_owned() };
    emitter.map(&role, || MapDef {
        value_size: variable::ALL,
        ..MapDef::new("conntrack_table", MapKind::Array, role.clone())
    })
}

/// The function of the steps.
pub(crate) fn emit_step(emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
    let variables = variables(emitter);
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "look at one entry of conntrack's table");
    step(&mut asm, variables);
    emitter.add(asm, "connection_step", FunctionKind::LoopBody)
}

impl Table {
    /// The map of the kernel's variables, and the function of the steps.
    pub(super) fn of(emitter: &mut Emitter<'_>) -> Result<Table, EmitError> {
        Ok(Table { variables: variables(emitter), step: emitter.routine(Routine::ConnectionStep) })
    }

    /// Goes on where it is known where the table lies. Clobbers r1.
    pub(super) fn require(self, asm: &mut Asm, otherwise: Label) {
        asm.map_value(R1, self.variables, variable::BUCKETS);
        asm.load(Size::D, R1, R1, 0);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, otherwise);
    }

    /// r9 = address of the connection of the tuple in the frame, whose direction goes into the
    /// packet structure; at `absent` where there is none. Keeps r8.
    pub(super) fn find(
        self,
        emitter: &Emitter<'_>,
        asm: &mut Asm,
        frame: entry::Frame,
        direction: i16,
        absent: Label,
    ) {
        let memory = frame.found;
        asm.store_imm(Size::B, FP, frame.key + DIRECTION, 0);
        probe::net(emitter, asm, frame.scratch);
        asm.store(Size::D, FP, memory + at::NET, R3);
        // The verifier of Linux 6.1 looks at a loop's body once: it must not know that this is 0,
        // or it takes every step for the first one.
        asm.store_imm(Size::B, R7, direction, 0);
        asm.load(Size::B, R1, R7, direction);
        for place in [at::NODE, at::BUCKET, at::ENTRY, at::WAY] {
            asm.store(Size::D, FP, memory + place, R1);
        }
        asm.mov_imm(R1, LONGEST);
        asm.function_pointer(R2, self.step);
        asm.frame_address(R3, memory);
        asm.mov_imm(R4, 0);
        asm.helper(Helper::Loop);
        asm.load(Size::D, R9, FP, memory + at::ENTRY);
        asm.jump_imm(Jump::Eq, Width::W64, R9, 0, absent);
        asm.load(Size::D, R1, FP, memory + at::WAY);
        asm.store(Size::B, R7, direction, R1);
    }
}

/// r3 = address of a variable of the kernel's.
fn locate(asm: &mut Asm, variables: MapIndex, variable: u32) {
    asm.map_value(R3, variables, variable);
    asm.load(Size::D, R3, R3, 0);
}

/// One step: r6 = what the steps remember.
fn step(asm: &mut Asm, variables: MapIndex) {
    let [visit, ended, again, stop] = std::array::from_fn(|_| asm.label());
    asm.mov(R6, R2);
    asm.load(Size::D, R8, R6, at::NODE);
    asm.jump_imm(Jump::Ne, Width::W64, R8, 0, visit);
    begin(asm, variables, again, stop);
    asm.goto(again);

    asm.place(visit);
    asm.jump_imm(Jump::Set, Width::W64, R8, 1, ended);
    look(asm, again);
    asm.store(Size::D, R6, at::ENTRY, R9);
    asm.store(Size::D, R6, at::WAY, R7);
    asm.goto(stop);

    // The list ends in its bucket's number, with the lowest bit set.
    asm.place(ended);
    asm.alu_imm(Alu::Rsh, Width::W64, R8, 1);
    asm.load(Size::D, R1, R6, at::BUCKET);
    asm.jump(Jump::Eq, Width::W64, R1, R8, stop);
    asm.store_imm(Size::D, R6, at::NODE, 0);

    asm.place(again);
    asm.mov_imm(R0, 0);
    asm.exit();
    asm.place(stop);
    asm.mov_imm(R0, 1);
    asm.exit();
}

/// To the first node of the tuple's bucket. Where the table is just being exchanged the next step
/// begins again.
fn begin(asm: &mut Asm, variables: MapIndex, again: Label, stop: Label) {
    let read = |asm: &mut Asm, variable: u32, to: i16, bytes: i32| {
        locate(asm, variables, variable);
        probe::copy(asm, to, bytes);
    };
    read(asm, variable::GENERATION, SCRATCH, 4);
    asm.load(Size::W, R9, FP, SCRATCH);
    asm.jump_imm(Jump::Set, Width::W64, R9, 1, again);
    read(asm, variable::BUCKETS, SCRATCH, 8);
    asm.load(Size::D, R8, FP, SCRATCH);
    read(asm, variable::SIZE, SCRATCH, 4);
    asm.load(Size::W, R7, FP, SCRATCH);
    read(asm, variable::GENERATION, SCRATCH, 4);
    asm.load(Size::W, R1, FP, SCRATCH);
    asm.jump(Jump::Ne, Width::W64, R1, R9, again);
    asm.jump_imm(Jump::Eq, Width::W64, R8, 0, stop);

    read(asm, variable::KEY, KEY, KEY_SIZE);
    asm.load(Size::D, R3, R6, at::NET);
    enter(asm, R3, "net", "hash_mix", 4);
    probe::copy(asm, SCRATCH, 4);
    asm.load(Size::W, R9, FP, SCRATCH);
    let [copied, hashed] = std::array::from_fn(|_| asm.label());
    asm.field_exists(R1, field("nf_conntrack_tuple", "dst.__nfct_hash_offsetend", 0));
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, copied);
    hash_tuple(asm);
    asm.goto(hashed);
    asm.place(copied);
    hash_copy(asm);
    asm.place(hashed);

    // Which part of all numbers of 32 bits it lies in (`reciprocal_scale`).
    asm.alu(Alu::Mov, Width::W32, R1, R1);
    asm.alu(Alu::Mul, Width::W64, R1, R7);
    asm.alu_imm(Alu::Rsh, Width::W64, R1, 32);
    asm.store(Size::D, R6, at::BUCKET, R1);
    asm.alu_imm(Alu::Lsh, Width::W64, R1, 3);
    asm.mov(R3, R8);
    asm.alu(Alu::Add, Width::W64, R3, R1);
    probe::copy(asm, SCRATCH, 8);
    asm.load(Size::D, R1, FP, SCRATCH);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, stop);
    asm.store(Size::D, R6, at::NODE, R1);
}

/// r1 = the hash since Linux 6.5, where the tuple's end is marked: of all its bytes but the
/// direction. r9 = number of the network namespace, which is in the key; so is that of the zone, 0.
fn hash_tuple(asm: &mut Asm) {
    asm.load(Size::D, R1, FP, KEY + 8);
    asm.alu(Alu::Xor, Width::W64, R1, R9);
    asm.store(Size::D, FP, KEY + 8, R1);
    copy_addresses(asm);
    asm.load(Size::D, R1, R6, at::TUPLE + 32);
    asm.constant(R2, siphash::length(CT_TUPLE_SIZE as u64 - 1));
    asm.alu(Alu::Or, Width::W64, R1, R2);
    asm.store(Size::D, FP, WORDS + 32, R1);
    siphash::of_words(asm, WORDS, 5, KEY);
}

/// r1 = the hash of Linux 6.1: of a copy of 48 bytes, with the zone, the number in r9, the
/// destination's part and the protocol as u32, u32, u16 and u16 behind the addresses.
fn hash_copy(asm: &mut Asm) {
    copy_addresses(asm);
    asm.load(Size::W, R1, R6, at::TUPLE + 32);
    asm.store(Size::D, FP, WORDS + 32, R1);
    asm.load(Size::B, R1, R6, at::TUPLE + PROTOCOL);
    asm.alu_imm(Alu::Lsh, Width::W64, R1, 16);
    asm.load(Size::H, R2, R6, at::TUPLE + DESTINATION_PART);
    asm.alu(Alu::Or, Width::W64, R1, R2);
    asm.alu_imm(Alu::Lsh, Width::W64, R1, 32);
    asm.alu(Alu::Or, Width::W64, R1, R9);
    asm.store(Size::D, FP, WORDS + 40, R1);
    asm.constant(R1, siphash::length(48));
    asm.store(Size::D, FP, WORDS + 48, R1);
    siphash::of_words(asm, WORDS, 7, KEY);
}

/// The first four words: source and destination, but for the destination's last bytes.
fn copy_addresses(asm: &mut Asm) {
    for word in 0..4 {
        asm.load(Size::D, R1, R6, at::TUPLE + 8 * word);
        asm.store(Size::D, FP, WORDS + 8 * word, R1);
    }
}

/// Of the node in r8: r9 = its entry and r7 = its tuple's direction where it is the one that is
/// looked for; at `again` where it is not, and the next one is looked at.
fn look(asm: &mut Asm, again: Label) {
    let tuple = ENTRY + NODE_SIZE as i16;
    asm.mov(R3, R8);
    probe::copy(asm, ENTRY, NODE_SIZE + i32::from(CT_TUPLE_SIZE));
    asm.load(Size::D, R1, FP, ENTRY);
    asm.store(Size::D, R6, at::NODE, R1);
    for word in (0..CT_TUPLE_SIZE).step_by(8) {
        asm.load(Size::D, R1, FP, tuple + word);
        asm.load(Size::D, R2, R6, at::TUPLE + word);
        asm.alu(Alu::Xor, Width::W64, R1, R2);
        if word + 8 == CT_TUPLE_SIZE {
            // The last byte is the direction.
            asm.alu_imm(Alu::Lsh, Width::W64, R1, 8);
        }
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, again);
    }
    asm.load(Size::B, R7, FP, tuple + DIRECTION);
    asm.jump_imm(Jump::Gt, Width::W64, R7, 1, again);
    asm.mov(R9, R8);
    leave(asm, R9, R1, "nf_conn", "tuplehash", 112);
    asm.mov(R1, R7);
    asm.alu_imm(Alu::Mul, Width::W64, R1, NODE_SIZE + i32::from(CT_TUPLE_SIZE));
    asm.alu(Alu::Sub, Width::W64, R9, R1);
    let places = entry::Asked { net: (R6, at::NET), direction: (FP, tuple + DIRECTION) };
    entry::require_live(asm, places, SCRATCH, again);
}
