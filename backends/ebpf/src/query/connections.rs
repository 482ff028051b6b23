//! Connections under addresses (net/netfilter/nf_conncount.c, as from Linux 6.18's stable releases
//! of 2026 on): lists of the connections that a rule has counted, each looked up again and again,
//! and removed when it is gone or over.
//!
//! Three maps serve all rules of a program: lists by rule and address, connections by a number that
//! is given once, and locks. A list is an order of connections; its lock is that of its key's hash.
//! The kernel looks connections up under its lock, and a `bpf_spin_lock` allows no calls: here the
//! lock is a word that is taken by compare and exchange, held for as long as one walk over a list
//! takes, and never twice at once. Programs of these targets run with bottom halves off and to
//! their end, so whoever holds a lock lets it go; who waits longer than [`PATIENCE`] attempts gives
//! up, and the packet cannot be counted. Lists and connections are touched under their lock alone,
//! so none is freed in another's hands.
//!
//! Where a map is full the packet cannot be counted. Whoever begins a list or finds no room then
//! looks through the lists of one lock, at most one in [`SWEEP_NANOSECONDS`] and all locks in turn,
//! as the kernel's worker does: what is over goes, and lists without connections. Needs Linux 6.1.
//!
//! What the function and the bodies of its loops work on lies in a map, a value for each processor:
//! frames have little room. Only pointers are in its frame, which the bodies are handed.

mod packet;
mod walk;

use crate::asm::{
    Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R4, R6, R7, R8, R9, Reg, Size, Width,
};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::target::ConntrackSource;
use bpfc_artifact::{
    AttachPoint, FunctionIndex, FunctionKind, MapDef, MapIndex, MapKind, MapRole, ProgramKind,
};
use bpfc_ir::{Family, Object};

/// Connections, and lists, that a program has room for.
const MAX_ENTRIES: u32 = 1 << 17;
/// `BPF_F_NO_PREALLOC`: memory comes with connections, and goes with them.
const NO_PREALLOC: u32 = 1;

/// The one value of locks: when lists may be looked through next, the last connection's number,
/// whose lists were looked through last, then the slots.
const SWEEP: u32 = 0;
const NUMBER: u32 = 8;
const CURSOR: u32 = 16;
const SLOTS: u32 = 64;
/// A slot: the lock, how many connections its holder has removed, the key of its first list.
const LOCK: i16 = 0;
const REMOVED: i16 = 8;
const FIRST: i16 = 16;
const SLOT_SHIFT: i32 = 6;
/// Locks, a power of two.
const LOCKS_SHIFT: i32 = 10;

/// A list: the first and the last connection, how many there are, the tick at which it was walked
/// and how many there were then, u64 each; the key of the next list of the slot.
const HEAD: i16 = 0;
const TAIL: i16 = 8;
const COUNT: i16 = 16;
const WALKED: i16 = 24;
const WALKED_COUNT: i16 = 32;
const NEXT_LIST: i16 = 40;
const LIST_SIZE: u32 = 64;
/// A list's key: the number of the rule's object plus one, and the address. 0 is no list.
const KEY_SIZE: u32 = 24;

/// A connection: the next one's number, the tick at which it was counted, then its original tuple
/// as a `struct bpf_sock_tuple` with the protocol behind, zero where there is nothing.
const NEXT: i16 = 0;
const TICK: i16 = 8;
const TUPLE: i16 = 16;
const PROTOCOL: i16 = TUPLE + 36;
const TUPLE_SIZE: i16 = 40;
const ENTRY_SIZE: u32 = 56;

/// What a processor works on, which is no pointer: a list's key, the packet's connection, then what
/// the loops share.
const KEY: i16 = 0;
const ENTRY: i16 = 24;
const CURRENT: i16 = 80;
const PREVIOUS: i16 = 88;
/// What a loop came to.
const OUTCOME: i16 = 96;
const NOW: i16 = 104;
/// Whether the walk looks for the packet's connection.
const SEARCH: i16 = 112;
const STATE: i16 = 120;
/// `struct bpf_ct_opts`.
const OPTIONS: i16 = 128;
/// A new list, or a tuple as the tracker has it.
const ROOM: i16 = 144;
/// The list in front of the one that is looked through.
const BEFORE: i16 = 208;
/// Whether to look through other lists.
const SWEEPS: i16 = 232;
const SCRATCH_SIZE: u32 = 240;

/// The frame: the program's context, the list, its slot, the address of the above.
const CONTEXT: i16 = -8;
const LIST: i16 = -16;
const SLOT: i16 = -24;
const SCRATCH: i16 = -32;
const FRAME: i16 = SCRATCH;

/// What the tracker has of the packet's connection.
mod state {
    /// Nothing: the packet begins it, or belongs to none.
    pub const FRESH: i32 = 0;
    pub const KNOWN: i32 = 1;
    /// `IPS_ASSURED`.
    pub const ASSURED: i32 = 2;
}

/// `CONNCOUNT_GC_MAX_COLLECT`.
const MAX_COLLECT: i32 = 64;
/// Ticks for which a connection may be on its way to the tracker.
const GRACE: i32 = 2;
/// Attempts at a lock: the most that a loop may have, some 60 ms.
const PATIENCE: i32 = 1 << 23;
/// Time between looks through the lists of a lock.
const SWEEP_NANOSECONDS: i32 = 250_000;
/// An odd number near 2^64 divided by the golden ratio (Knuth, The Art of Computer Programming,
/// section 6.4).
const HASH: u64 = 0x9e37_79b9_7f4a_7c15;
/// `BPF_NOEXIST`.
const NOT_YET: i32 = 1;

/// What the parts of the code share.
struct Code {
    family: Family,
    /// The kernel function that looks connections up.
    kfunc: &'static str,
    locks: MapIndex,
    lists: MapIndex,
    entries: MapIndex,
    scratch: MapIndex,
}

pub(super) fn emit(
    emitter: &mut Emitter<'_>,
    object: Object,
    family: Family,
) -> Result<FunctionIndex, EmitError> {
    let code = Code::new(emitter, family)?;
    let address = emitter.layout.argument(0).ok_or(EmitError::Query)?;
    let bodies = walk::Bodies::emit(emitter, &code)?;
    let mut asm = Asm::new();
    let [failed, locked, old, search, collect, append, done, full, sweep] =
        std::array::from_fn(|_| asm.label());
    emitter.mark_line(&mut asm, None, "count connections");
    asm.mov(R7, R2);
    asm.jump_imm(Jump::Eq, Width::W64, R7, 0, failed);
    asm.store(Size::D, FP, CONTEXT, R1);
    // The key of the one value, in a place that is written later.
    asm.store_imm(Size::D, FP, SCRATCH, 0);
    asm.map(R1, code.scratch);
    asm.frame_address(R2, SCRATCH);
    asm.helper(Helper::MapLookup);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, failed);
    asm.mov(R6, R0);
    asm.store(Size::D, FP, SCRATCH, R6);
    asm.store_imm(Size::D, R6, KEY, object.as_u32() as i32 + 1);
    asm.store_imm(Size::D, R6, SWEEPS, 0);
    asm.load(Size::D, R1, R7, address);
    asm.store(Size::D, R6, KEY + 8, R1);
    match family {
        Family::Ipv4 => asm.store_imm(Size::D, R6, KEY + 16, 0),
        Family::Ipv6 => {
            asm.load(Size::D, R1, R7, address + 8);
            asm.store(Size::D, R6, KEY + 16, R1);
        }
    }
    code.packet(&mut asm, failed);

    code.slot(&mut asm);
    try_lock(&mut asm, FP, 0);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, locked);
    asm.store_imm(Size::D, R6, OUTCOME, 0);
    run_loop(&mut asm, bodies.wait);
    asm.load(Size::D, R1, R6, OUTCOME);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, failed);

    asm.place(locked);
    asm.helper(Helper::Jiffies);
    asm.store(Size::D, R6, NOW, R0);
    code.list(&mut asm);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, old);
    for place in [HEAD, TAIL, COUNT, WALKED_COUNT] {
        asm.store_imm(Size::D, R6, ROOM + place, 0);
    }
    asm.load(Size::D, R1, R6, NOW);
    asm.store(Size::D, R6, ROOM + WALKED, R1);
    asm.load(Size::D, R1, FP, SLOT);
    copy_key(&mut asm, (R6, ROOM + NEXT_LIST), (R1, FIRST));
    asm.store_imm(Size::D, R6, SWEEPS, 1);
    asm.map(R1, code.lists);
    scratch(&mut asm, R2, KEY);
    scratch(&mut asm, R3, ROOM);
    asm.mov_imm(R4, NOT_YET);
    asm.helper(Helper::MapUpdate);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, full);
    asm.load(Size::D, R1, FP, SLOT);
    copy_key(&mut asm, (R1, FIRST), (R6, KEY));
    code.list(&mut asm);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, full);
    asm.mov(R8, R0);
    asm.goto(append);

    asm.place(old);
    asm.mov(R8, R0);
    asm.load(Size::D, R1, R6, STATE);
    asm.jump_imm(Jump::Eq, Width::W64, R1, state::ASSURED, collect);
    asm.jump_imm(Jump::Ne, Width::W64, R1, state::FRESH, search);
    // A list that was walked in this tick has not grown much since.
    asm.load(Size::D, R1, R6, NOW);
    asm.load(Size::D, R2, R8, WALKED);
    asm.jump(Jump::Ne, Width::W64, R1, R2, search);
    asm.load(Size::D, R1, R8, COUNT);
    asm.load(Size::D, R2, R8, WALKED_COUNT);
    asm.alu(Alu::Sub, Width::W64, R1, R2);
    asm.jump_imm(Jump::Lt, Width::W64, R1, MAX_COLLECT, append);

    asm.place(search);
    asm.store_imm(Size::D, R6, SEARCH, 1);
    walk_list(&mut asm, &bodies);
    asm.load(Size::D, R1, R6, OUTCOME);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, done);
    walked(&mut asm);
    asm.goto(append);

    asm.place(collect);
    asm.load(Size::D, R1, R6, NOW);
    asm.load(Size::D, R2, R8, WALKED);
    asm.jump(Jump::Eq, Width::W64, R1, R2, done);
    asm.store_imm(Size::D, R6, SEARCH, 0);
    walk_list(&mut asm, &bodies);
    walked(&mut asm);
    asm.goto(done);

    asm.place(append);
    code.append(&mut asm, full);
    asm.place(done);
    asm.load(Size::D, R9, R8, COUNT);
    unlock(&mut asm, FP, 0);
    asm.load(Size::D, R1, R6, SWEEPS);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, sweep);
    asm.mov(R0, R9);
    asm.exit();

    asm.place(full);
    unlock(&mut asm, FP, 0);
    asm.mov_imm(R9, 0);
    asm.place(sweep);
    code.sweep(&mut asm, &bodies);
    asm.mov(R0, R9);
    asm.exit();
    asm.place(failed);
    asm.mov_imm(R0, 0);
    asm.exit();
    let name = emitter.name("connections");
    let size = emitter.layout.size() as u32;
    let function = asm.finish(name, FunctionKind::Chain, emitter.target.kind(), size)?;
    Ok(emitter.push(function))
}

/// `dst` = the address of a place in what r6 points at.
fn scratch(asm: &mut Asm, dst: Reg, place: i16) {
    asm.mov(dst, R6);
    asm.alu_imm(Alu::Add, Width::W64, dst, i32::from(place));
}

/// Runs a body on the frame until it says that it is done.
fn run_loop(asm: &mut Asm, body: FunctionIndex) {
    asm.mov_imm(R1, PATIENCE);
    asm.function_pointer(R2, body);
    asm.frame_address(R3, FRAME);
    asm.mov_imm(R4, 0);
    asm.helper(Helper::Loop);
}

/// Walks the list r8.
fn walk_list(asm: &mut Asm, bodies: &walk::Bodies) {
    asm.store(Size::D, FP, LIST, R8);
    begin_walk(asm, R8, FP, 0);
    run_loop(asm, bodies.step);
}

/// Prepares a walk over a list from its head; `base` and `below` say where the frame lies.
fn begin_walk(asm: &mut Asm, list: Reg, base: Reg, below: i16) {
    asm.load(Size::D, R1, list, HEAD);
    asm.store(Size::D, R6, CURRENT, R1);
    asm.store_imm(Size::D, R6, PREVIOUS, 0);
    asm.store_imm(Size::D, R6, OUTCOME, 0);
    asm.load(Size::D, R1, base, SLOT + below);
    asm.store_imm(Size::D, R1, REMOVED, 0);
}

/// Copies a list's key. Clobbers r2.
fn copy_key(asm: &mut Asm, (to, at): (Reg, i16), (from, place): (Reg, i16)) {
    for word in (0..KEY_SIZE as i16).step_by(8) {
        asm.load(Size::D, R2, from, place + word);
        asm.store(Size::D, to, at + word, R2);
    }
}

/// Notes that the list r8 was walked.
fn walked(asm: &mut Asm) {
    asm.load(Size::D, R1, R6, NOW);
    asm.store(Size::D, R8, WALKED, R1);
    asm.load(Size::D, R1, R8, COUNT);
    asm.store(Size::D, R8, WALKED_COUNT, R1);
}

/// r0 is 0 where the slot's lock was free; it is taken then. Clobbers r1 and r2.
fn try_lock(asm: &mut Asm, base: Reg, below: i16) {
    asm.load(Size::D, R1, base, SLOT + below);
    asm.mov_imm(R0, 0);
    asm.mov_imm(R2, 1);
    asm.atomic_exchange(R1, LOCK, R2);
}

/// Lets the slot's lock go. Clobbers r1 and r2.
fn unlock(asm: &mut Asm, base: Reg, below: i16) {
    asm.load(Size::D, R1, base, SLOT + below);
    asm.mov_imm(R2, -1);
    // One that yields the old value is ordered with all that was done under the lock.
    asm.atomic_fetch_add(R1, LOCK, R2);
}

impl Code {
    fn new(emitter: &mut Emitter<'_>, family: Family) -> Result<Code, EmitError> {
        let attach = match emitter.target.kind() {
            ProgramKind::Xdp => AttachPoint::Xdp,
            _ => AttachPoint::TcIngress,
        };
        let ConntrackSource::Lookup(kfunc) = emitter.target.conntrack(attach) else {
            return Err(EmitError::Query);
        };
        let mut map = |name: &str, kind: MapKind, key_size, value_size| {
            let role = MapRole::Object { object: String::new(), part: name.to_owned() };
            let (max_entries, flags) = match kind.is_array() {
                true => (1, 0),
                false => (MAX_ENTRIES, NO_PREALLOC),
            };
            emitter.map(&role, || MapDef {
                key_size,
                value_size,
                max_entries,
                flags,
                ..MapDef::new(name, kind, role.clone())
            })
        };
        let locks = SLOTS + (1 << (LOCKS_SHIFT + SLOT_SHIFT));
        Ok(Code {
            family,
            kfunc,
            locks: map("count_locks", MapKind::Array, 4, locks),
            lists: map("count_lists", MapKind::Hash, KEY_SIZE, LIST_SIZE),
            entries: map("counted", MapKind::Hash, 8, ENTRY_SIZE),
            scratch: map("count_scratch", MapKind::PerCpuArray, 4, SCRATCH_SIZE),
        })
    }

    /// Puts the slot of the key's hash into the frame. Clobbers r1 to r3.
    fn slot(&self, asm: &mut Asm) {
        asm.constant(R3, HASH);
        asm.load(Size::D, R1, R6, KEY + 8);
        for place in [KEY + 16, KEY] {
            asm.alu(Alu::Mul, Width::W64, R1, R3);
            asm.load(Size::D, R2, R6, place);
            asm.alu(Alu::Xor, Width::W64, R1, R2);
        }
        asm.alu(Alu::Mul, Width::W64, R1, R3);
        asm.alu_imm(Alu::Rsh, Width::W64, R1, 64 - LOCKS_SHIFT);
        self.enter_slot(asm);
    }

    /// Puts the slot of number r1 into the frame. Clobbers r1 and r2.
    fn enter_slot(&self, asm: &mut Asm) {
        asm.alu_imm(Alu::Lsh, Width::W64, R1, SLOT_SHIFT);
        asm.map_value(R2, self.locks, SLOTS);
        asm.alu(Alu::Add, Width::W64, R2, R1);
        asm.store(Size::D, FP, SLOT, R2);
    }

    /// r0 = the list of the key, or 0.
    fn list(&self, asm: &mut Asm) {
        asm.map(R1, self.lists);
        scratch(asm, R2, KEY);
        asm.helper(Helper::MapLookup);
    }

    /// Adds the packet's connection to the end of the list r8. Clobbers r9.
    fn append(&self, asm: &mut Asm, full: Label) {
        let [first, counted] = std::array::from_fn(|_| asm.label());
        asm.map_value(R1, self.locks, NUMBER);
        asm.mov_imm(R2, 1);
        asm.atomic_fetch_add(R1, 0, R2);
        // No connection has the number 0.
        asm.alu_imm(Alu::Add, Width::W64, R2, 1);
        asm.store(Size::D, R6, CURRENT, R2);
        asm.store_imm(Size::D, R6, ENTRY + NEXT, 0);
        asm.load(Size::D, R1, R6, NOW);
        asm.store(Size::D, R6, ENTRY + TICK, R1);
        asm.map(R1, self.entries);
        scratch(asm, R2, CURRENT);
        scratch(asm, R3, ENTRY);
        asm.mov_imm(R4, NOT_YET);
        asm.helper(Helper::MapUpdate);
        asm.jump_imm(Jump::Ne, Width::W64, R0, 0, full);
        asm.load(Size::D, R9, R6, CURRENT);
        asm.load(Size::D, R1, R8, TAIL);
        asm.store(Size::D, R8, TAIL, R9);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, first);
        asm.store(Size::D, R6, PREVIOUS, R1);
        asm.map(R1, self.entries);
        scratch(asm, R2, PREVIOUS);
        asm.helper(Helper::MapLookup);
        asm.jump_imm(Jump::Eq, Width::W64, R0, 0, counted);
        asm.store(Size::D, R0, NEXT, R9);
        asm.goto(counted);
        asm.place(first);
        asm.store(Size::D, R8, HEAD, R9);
        asm.place(counted);
        asm.load(Size::D, R1, R8, COUNT);
        asm.alu_imm(Alu::Add, Width::W64, R1, 1);
        asm.store(Size::D, R8, COUNT, R1);
    }

    /// Looks through the lists of the next lock, unless that was done a moment ago. Keeps r9.
    fn sweep(&self, asm: &mut Asm, bodies: &walk::Bodies) {
        let skip = asm.label();
        asm.helper(Helper::Nanoseconds);
        asm.mov(R2, R0);
        asm.map_value(R1, self.locks, SWEEP);
        asm.load(Size::D, R0, R1, 0);
        asm.jump(Jump::Gt, Width::W64, R0, R2, skip);
        asm.alu_imm(Alu::Add, Width::W64, R2, SWEEP_NANOSECONDS);
        asm.mov(R3, R0);
        asm.atomic_exchange(R1, 0, R2);
        asm.jump(Jump::Ne, Width::W64, R0, R3, skip);
        asm.map_value(R2, self.locks, CURSOR);
        asm.mov_imm(R1, 1);
        asm.atomic_fetch_add(R2, 0, R1);
        asm.alu_imm(Alu::And, Width::W64, R1, (1 << LOCKS_SHIFT) - 1);
        self.enter_slot(asm);
        // Who works on them removes what is over.
        try_lock(asm, FP, 0);
        asm.jump_imm(Jump::Ne, Width::W64, R0, 0, skip);
        asm.load(Size::D, R1, FP, SLOT);
        copy_key(asm, (R6, KEY), (R1, FIRST));
        asm.store_imm(Size::D, R6, BEFORE, 0);
        run_loop(asm, bodies.sweep);
        unlock(asm, FP, 0);
        asm.place(skip);
    }
}
