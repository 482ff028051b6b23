//! Rate limits by address and port (net/netfilter/xt_hashlimit.c, `hashlimit_mt_common`): a hash
//! table of buckets, each with a lock. See [`bpfc_ir::hash_limit`].
//!
//! The kernel collects idle buckets at intervals of its own; here a bucket that was idle at the
//! last whole multiple of the interval counts as collected. When a new one finds no room, the
//! first to notice after such a moment removes all of these. What rates are in ticks is known when
//! the program is loaded, as for [`crate::state`]. Needs Linux 5.17.
//!
//! A bucket's value is a lock (4 bytes), 1 while it is in use (u32), then u64 each: the previous
//! tick, credit, refills or what came, the tick from which on it is idle, then its key. A program
//! may hold a value that is removed and reused meanwhile, so it looks at the key under the lock.

use crate::asm::{
    Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, Reg, Size, Width,
};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::packet::layout;
use bpfc_artifact::{FunctionIndex, FunctionKind, MapDef, MapIndex, MapKind, MapRole};
use bpfc_ir::hash_limit::{HashLimit, Measure, Rates, answer};
use bpfc_ir::state::tick_bucket::CLOCKS;
use bpfc_ir::{Family, Object};

const IN_USE: i16 = 4;
const PREVIOUS: i16 = 8;
const CREDIT: i16 = 16;
const SECOND: i16 = 24;
const EXPIRES: i16 = 32;
const KEY: i16 = 40;

/// The frame: a new bucket's value, whose end is the key; then the last collection.
const VALUE: i16 = -80;
const COLLECTED: i16 = -88;

/// Where the arguments were, once they are in the key: the rates' three numbers, and how long until
/// a bucket is idle. Stack is scarce where hooks know much of a packet.
const NUMBERS: [i16; 3] = [0, 8, 16];
const EXPIRE: i16 = 24;

/// `BPF_NOEXIST`.
const NOT_YET: i32 = 1;
const EEXIST: i32 = 17;
/// How often a bucket is looked up that others remove meanwhile.
const ATTEMPTS: i32 = 3;

pub(super) fn emit(
    emitter: &mut Emitter<'_>,
    object: Object,
    table: &HashLimit,
) -> Result<FunctionIndex, EmitError> {
    let name = emitter.program.objects[object].name.clone();
    let role = MapRole::Object { object: name, part: "buckets".to_owned() };
    let number = emitter.maps.len();
    let key_size = match table.family {
        Family::Ipv4 => 24,
        Family::Ipv6 => 40,
    };
    let map = emitter.map(&role, || MapDef {
        key_size,
        value_size: KEY as u32 + key_size,
        max_entries: table.max,
        locked: true,
        keep: true,
        ..MapDef::new(format!("hashlimit_{number}"), MapKind::Hash, role.clone())
    });
    let collect = collector(emitter)?;
    let argument = |at| emitter.layout.argument(at).ok_or(EmitError::Query);
    let arguments = [argument(0)?, argument(1)?, argument(2)?, argument(3)?];
    let code = Code { table, map, words: key_size as i16 / 8, arguments };

    let mut asm = Asm::new();
    let [known, above, full, lookup, have, again] = std::array::from_fn(|_| asm.label());
    emitter.mark_line(&mut asm, None, "rate limit by key");
    asm.mov(R7, R2);
    asm.jump_imm(Jump::Eq, Width::W64, R7, 0, above);
    asm.helper(Helper::Jiffies);
    asm.mov(R6, R0);
    code.key(&mut asm);
    code.numbers(&mut asm, known, above);
    asm.place(known);
    // R2 = ticks between collections.
    asm.mov(R1, R6);
    asm.alu(Alu::Mod, Width::W64, R1, R2);
    asm.mov(R2, R6);
    asm.alu(Alu::Sub, Width::W64, R2, R1);
    asm.store(Size::D, FP, COLLECTED, R2);
    code.new_bucket(&mut asm);

    asm.mov_imm(R9, ATTEMPTS);
    asm.place(lookup);
    asm.jump_imm(Jump::Eq, Width::W64, R9, 0, full);
    asm.alu_imm(Alu::Sub, Width::W64, R9, 1);
    code.arguments(&mut asm);
    asm.helper(Helper::MapLookup);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, have);
    let fits = asm.label();
    code.insert(&mut asm, fits);
    emitter.object_cell(&mut asm, R8, object);
    asm.load(Size::D, R1, R8, 0);
    asm.load(Size::D, R2, FP, COLLECTED);
    asm.jump(Jump::Eq, Width::W64, R1, R2, full);
    asm.store(Size::D, R8, 0, R2);
    asm.map(R1, map);
    asm.function_pointer(R2, collect);
    asm.mov(R3, FP);
    asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(COLLECTED));
    asm.mov_imm(R4, 0);
    asm.helper(Helper::ForEachMapElement);
    code.insert(&mut asm, fits);
    asm.goto(full);
    asm.place(fits);
    code.arguments(&mut asm);
    asm.helper(Helper::MapLookup);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, lookup);

    asm.place(have);
    asm.mov(R8, R0);
    asm.mov(R1, R8);
    asm.helper(Helper::SpinLock);
    code.check_key(&mut asm, again);
    code.charge(&mut asm);
    asm.mov(R1, R8);
    asm.helper(Helper::SpinUnlock);
    asm.mov(R0, R9);
    asm.exit();
    asm.place(again);
    asm.mov(R1, R8);
    asm.helper(Helper::SpinUnlock);
    asm.goto(lookup);
    asm.place(full);
    asm.mov_imm(R0, answer::NO_ROOM as i32);
    asm.exit();
    asm.place(above);
    asm.mov_imm(R0, answer::ABOVE as i32);
    asm.exit();
    emitter.add(asm, "hashlimit", FunctionKind::Chain)
}

/// Removes a bucket that was idle at a tick: called for each with map, key, value and the tick's
/// address.
fn collector(emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    let [keep, done] = std::array::from_fn(|_| asm.label());
    emitter.mark_line(&mut asm, None, "collect idle buckets");
    asm.mov(R6, R1);
    asm.mov(R7, R2);
    asm.load(Size::D, R9, R4, 0);
    // The verifier of Linux 6.1 cannot tell the locks of values that a callback is handed.
    asm.helper(Helper::MapLookup);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, done);
    asm.mov(R8, R0);
    asm.mov(R1, R8);
    asm.helper(Helper::SpinLock);
    asm.load(Size::D, R2, R8, EXPIRES);
    asm.jump(Jump::Lt, Width::W64, R9, R2, keep);
    asm.store_imm(Size::W, R8, IN_USE, 0);
    asm.mov(R1, R8);
    asm.helper(Helper::SpinUnlock);
    asm.mov(R1, R6);
    asm.mov(R2, R7);
    asm.helper(Helper::MapDelete);
    asm.goto(done);
    asm.place(keep);
    asm.mov(R1, R8);
    asm.helper(Helper::SpinUnlock);
    asm.place(done);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "collect", FunctionKind::Static { arguments: 4 })
}

struct Code<'a> {
    table: &'a HashLimit,
    map: MapIndex,
    /// Words of 8 bytes in a key.
    words: i16,
    /// Where the packet structure has the query's arguments.
    arguments: [i16; 4],
}

impl Code<'_> {
    /// Keeps the numbers of this kernel's clock: the rates', how long until a bucket is idle, a new
    /// one's state; r2 = ticks between collections.
    fn numbers(&self, asm: &mut Asm, known: Label, unknown: Label) {
        asm.kconfig(R1, "CONFIG_HZ");
        asm.load(Size::W, R3, R1, 0);
        for clock in CLOCKS {
            let Some(numbers) = self.table.numbers(clock) else { continue };
            let next = asm.label();
            asm.jump_imm(Jump::Ne, Width::W64, R3, clock as i32, next);
            let (rates, credit, second) = match numbers.rates {
                Rates::Packets { per_tick, full, cost } => ([per_tick, full, cost], full, 0),
                Rates::Bytes { per_tick, full, cost, refills } => {
                    ([per_tick, full, cost], full, refills)
                }
                Rates::Window { interval, rate, burst } => ([interval, rate, burst], 0, 0),
            };
            let kept = NUMBERS.into_iter().zip(rates).chain([(EXPIRE, numbers.expire)]);
            let kept = kept.map(|(place, number)| (R7, self.arguments[0] + place, number));
            let new = [(FP, VALUE + CREDIT, credit), (FP, VALUE + SECOND, second)];
            for (base, place, number) in kept.chain(new) {
                asm.constant(R1, number);
                asm.store(Size::D, base, place, R1);
            }
            asm.constant(R2, numbers.collect);
            asm.goto(known);
            asm.place(next);
        }
        asm.goto(unknown);
    }

    /// Makes the key of the arguments, whose place is free then.
    fn key(&self, asm: &mut Asm) {
        let halves: &[i16] = if self.table.family == Family::Ipv4 { &[0] } else { &[0, 8] };
        let [source, destination, source_port, destination_port] = self.arguments;
        let mut at = VALUE + KEY;
        for address in [source, destination] {
            for half in halves {
                asm.load(Size::D, R1, R7, address + half);
                asm.store(Size::D, FP, at, R1);
                at += 8;
            }
        }
        asm.load(Size::D, R1, R7, source_port);
        asm.alu_imm(Alu::Lsh, Width::W64, R1, 16);
        asm.load(Size::D, R2, R7, destination_port);
        asm.alu(Alu::Or, Width::W64, R1, R2);
        asm.store(Size::D, FP, at, R1);
    }

    /// Completes the value of a new bucket, but for its key.
    fn new_bucket(&self, asm: &mut Asm) {
        asm.store_imm(Size::W, FP, VALUE, 0);
        asm.store_imm(Size::W, FP, VALUE + IN_USE, 1);
        asm.store(Size::D, FP, VALUE + PREVIOUS, R6);
        asm.load(Size::D, R1, R7, self.arguments[0] + EXPIRE);
        asm.alu(Alu::Add, Width::W64, R1, R6);
        asm.store(Size::D, FP, VALUE + EXPIRES, R1);
    }

    /// r1 = the table, r2 = the key.
    fn arguments(&self, asm: &mut Asm) {
        asm.map(R1, self.map);
        asm.mov(R2, FP);
        asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(VALUE + KEY));
    }

    /// Adds the new bucket; goes on at `fits` where it is in the table, whoever put it there.
    fn insert(&self, asm: &mut Asm, fits: Label) {
        self.arguments(asm);
        asm.mov(R3, FP);
        asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(VALUE));
        asm.mov_imm(R4, NOT_YET);
        asm.helper(Helper::MapUpdate);
        asm.jump_imm(Jump::Eq, Width::W64, R0, 0, fits);
        asm.jump_imm(Jump::Eq, Width::W64, R0, -EEXIST, fits);
    }

    /// Jumps where the bucket r8 is another's by now.
    fn check_key(&self, asm: &mut Asm, other: Label) {
        asm.load(Size::W, R1, R8, IN_USE);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, other);
        for word in 0..self.words {
            asm.load(Size::D, R1, R8, KEY + 8 * word);
            asm.load(Size::D, R2, FP, VALUE + KEY + 8 * word);
            asm.jump(Jump::Ne, Width::W64, R1, R2, other);
        }
    }

    /// Charges the packet to the bucket r8, under its lock; r9 = the answer.
    fn charge(&self, asm: &mut Asm) {
        let [current, fresh, within, done] = std::array::from_fn(|_| asm.label());
        asm.load(Size::D, R1, R8, PREVIOUS);
        // Another processor may have seen a later tick before it took the lock.
        asm.jump(Jump::Ge, Width::W64, R6, R1, current);
        asm.mov(R6, R1);
        asm.place(current);
        asm.load(Size::D, R1, R8, EXPIRES);
        asm.load(Size::D, R2, FP, COLLECTED);
        asm.jump(Jump::Lt, Width::W64, R2, R1, fresh);
        for at in [CREDIT, SECOND] {
            asm.load(Size::D, R1, FP, VALUE + at);
            asm.store(Size::D, R8, at, R1);
        }
        asm.store(Size::D, R8, PREVIOUS, R6);
        asm.place(fresh);
        asm.load(Size::D, R1, R7, self.arguments[0] + EXPIRE);
        asm.alu(Alu::Add, Width::W64, R1, R6);
        asm.store(Size::D, R8, EXPIRES, R1);
        // R1 = ticks since then, R2 = credit.
        asm.load(Size::D, R2, R8, PREVIOUS);
        asm.mov(R1, R6);
        asm.alu(Alu::Sub, Width::W64, R1, R2);
        asm.load(Size::D, R2, R8, CREDIT);
        asm.mov_imm(R9, answer::ABOVE as i32);
        if self.table.interval.is_some() {
            self.window(asm, done);
        } else {
            self.fill(asm);
            self.cost(asm);
            asm.jump(Jump::Ge, Width::W64, R2, R3, within);
            asm.store(Size::D, R8, CREDIT, R2);
            asm.goto(done);
            asm.place(within);
            asm.alu(Alu::Sub, Width::W64, R2, R3);
            asm.store(Size::D, R8, CREDIT, R2);
            asm.mov_imm(R9, answer::WITHIN as i32);
        }
        asm.place(done);
    }

    fn number(&self, asm: &mut Asm, dst: Reg, which: usize) {
        asm.load(Size::D, dst, R7, self.arguments[0] + NUMBERS[which]);
    }

    /// r2 = the credit that is there after r1 ticks, r4 = a full bucket's.
    fn fill(&self, asm: &mut Asm) {
        let [same, capped] = std::array::from_fn(|_| asm.label());
        self.number(asm, R4, 1);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, same);
        asm.store(Size::D, R8, PREVIOUS, R6);
        self.number(asm, R3, 0);
        asm.alu(Alu::Mul, Width::W64, R1, R3);
        asm.mov(R5, R2);
        asm.alu(Alu::Add, Width::W64, R2, R1);
        if self.table.measure == Measure::Bytes {
            // Too much to count is enough.
            asm.jump(Jump::Le, Width::W64, R2, R5, capped);
        }
        asm.jump(Jump::Le, Width::W64, R2, R4, same);
        if asm.is_used(capped) {
            asm.place(capped);
        }
        asm.mov(R2, R4);
        asm.place(same);
    }

    /// r3 = what the packet costs; fills an empty bucket where it has refills left.
    fn cost(&self, asm: &mut Asm) {
        self.number(asm, R3, 2);
        if self.table.measure == Measure::Packets {
            return;
        }
        let [most, enough] = std::array::from_fn(|_| asm.label());
        asm.load(Size::W, R1, R7, layout::LENGTH);
        asm.alu_imm(Alu::Rsh, Width::W64, R1, bpfc_ir::hash_limit::CHUNK_SHIFT as i32);
        asm.alu_imm(Alu::Add, Width::W64, R1, 1);
        asm.alu(Alu::Mul, Width::W64, R3, R1);
        asm.jump(Jump::Le, Width::W64, R3, R4, most);
        asm.mov(R3, R4);
        asm.place(most);
        asm.jump(Jump::Ge, Width::W64, R2, R3, enough);
        asm.load(Size::D, R1, R8, SECOND);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, enough);
        asm.alu_imm(Alu::Sub, Width::W64, R1, 1);
        asm.store(Size::D, R8, SECOND, R1);
        asm.mov(R2, R4);
        asm.place(enough);
    }

    /// Compares what came in an interval; r1 = ticks since it began, r2 = whether the one before
    /// had too much.
    fn window(&self, asm: &mut Asm, done: Label) {
        let [current, judged] = std::array::from_fn(|_| asm.label());
        asm.load(Size::D, R5, R8, SECOND);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, current);
        self.number(asm, R3, 0);
        asm.jump(Jump::Lt, Width::W64, R1, R3, current);
        asm.store(Size::D, R8, PREVIOUS, R6);
        self.number(asm, R4, 1);
        asm.alu(Alu::Mul, Width::W64, R1, R4);
        asm.alu(Alu::Mul, Width::W64, R5, R3);
        asm.mov_imm(R2, 0);
        asm.jump(Jump::Le, Width::W64, R5, R1, judged);
        asm.mov_imm(R2, 1);
        asm.place(judged);
        asm.store(Size::D, R8, CREDIT, R2);
        asm.mov_imm(R5, 0);
        asm.place(current);
        match self.table.measure {
            Measure::Packets => asm.alu_imm(Alu::Add, Width::W64, R5, 1),
            Measure::Bytes => {
                asm.load(Size::W, R1, R7, layout::LENGTH);
                asm.alu(Alu::Add, Width::W64, R5, R1);
            }
        }
        asm.store(Size::D, R8, SECOND, R5);
        asm.jump_imm(Jump::Ne, Width::W64, R2, 0, done);
        self.number(asm, R1, 2);
        asm.jump(Jump::Gt, Width::W64, R5, R1, done);
        asm.mov_imm(R9, answer::WITHIN as i32);
    }
}
