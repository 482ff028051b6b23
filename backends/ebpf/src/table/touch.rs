//! Tables whose elements have states, expire or come and go with numbers of their own: a hash of
//! values with a lock each.
//!
//! What is done with an element is one step under its lock. A program may hold a value that is
//! removed and reused meanwhile, so it looks at the key under the lock. Elements that have gone are
//! collected at intervals, as net/netfilter/xt_hashlimit.c and nf_tables do: one that had gone at
//! the last whole multiple of the interval counts as collected. When a new one finds no room, the
//! first to notice after such a moment removes all of these. Times are ticks, known when the
//! program is loaded as for [`crate::state`], where all elements are idle at one age, and
//! nanoseconds where each has its own end ([`Expiry`]). Needs Linux 5.17.

use super::plan::{IN_USE, Value, field_size};
use super::{EEXIST, Mode, NOT_YET};
use crate::asm::{
    Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, Size, Width,
};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::packet::layout::ARGUMENT_SIZE;
use crate::state::{self, NUMBERS, wide_bucket};
use bpfc_artifact::{FunctionIndex, FunctionKind, MapIndex};
use bpfc_ir::state::tick_bucket::CLOCKS;
use bpfc_ir::{Expiry, FieldDef, Onward, StateKind, Table, TableDef, Touch};

/// How often an element is looked up that others remove meanwhile.
const ATTEMPTS: i32 = 3;

/// How many places of arguments hold the fields and, behind them, what states need and how long
/// until an element is idle. Stack is scarce where hooks know much of a packet.
pub(super) fn arguments(def: &TableDef) -> usize {
    let kept = 8 * (NUMBERS * def.states().count() + usize::from(def.expiry.is_some()));
    def.fields.len() + kept.div_ceil(ARGUMENT_SIZE as usize)
}

pub(super) fn emit(
    emitter: &mut Emitter<'_>,
    table: Table,
    mode: Mode,
) -> Result<FunctionIndex, EmitError> {
    let def = emitter.program.tables[table].clone();
    let code = Code::of(emitter, table, &def, mode)?;
    let collect = match code.adds() && def.expiry.is_some() {
        true => Some(collector(emitter, &code.value)?),
        false => None,
    };

    let mut asm = Asm::new();
    let [miss, lookup, have, other, gone, refused] = std::array::from_fn(|_| asm.label());
    emitter.mark_line(&mut asm, None, &super::text(&def, "take from"));
    asm.mov(R7, R2);
    asm.jump_imm(Jump::Eq, Width::W64, R7, 0, miss);
    code.key(emitter, &mut asm);
    code.data(emitter, &mut asm);
    if code.steps() {
        code.prepare(&mut asm, refused);
    }
    code.clock(&mut asm, refused);
    code.new_value(&mut asm);

    asm.mov_imm(R9, ATTEMPTS);
    asm.place(lookup);
    asm.jump_imm(Jump::Eq, Width::W64, R9, 0, miss);
    asm.alu_imm(Alu::Sub, Width::W64, R9, 1);
    code.arguments(&mut asm);
    asm.helper(Helper::MapLookup);
    if code.adds() {
        let fits = asm.label();
        asm.jump_imm(Jump::Ne, Width::W64, R0, 0, have);
        code.insert(&mut asm, fits);
        if let Some(collect) = collect {
            emitter.table_cell(&mut asm, R8, table);
            asm.load(Size::D, R1, R8, 0);
            asm.load(Size::D, R2, FP, code.collected);
            asm.jump(Jump::Eq, Width::W64, R1, R2, miss);
            asm.store(Size::D, R8, 0, R2);
            asm.map(R1, code.map);
            asm.function_pointer(R2, collect);
            asm.mov(R3, FP);
            asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(code.collected));
            asm.mov_imm(R4, 0);
            asm.helper(Helper::ForEachMapElement);
            code.insert(&mut asm, fits);
        }
        asm.goto(miss);
        asm.place(fits);
        code.arguments(&mut asm);
        asm.helper(Helper::MapLookup);
        asm.jump_imm(Jump::Eq, Width::W64, R0, 0, lookup);
        asm.place(have);
    } else {
        asm.jump_imm(Jump::Eq, Width::W64, R0, 0, miss);
    }

    lock(&mut asm);
    code.check_key(&mut asm, other);
    code.expire(&mut asm, gone);
    code.take(&mut asm);
    unlock(&mut asm);
    asm.mov_imm(R0, 1);
    asm.exit();
    asm.place(other);
    unlock(&mut asm);
    asm.goto(lookup);
    if asm.is_used(gone) {
        asm.place(gone);
        unlock(&mut asm);
    }
    asm.place(miss);
    asm.mov_imm(R0, 0);
    asm.exit();
    if asm.is_used(refused) {
        // No such kernel takes the ruleset: what is asked lets nothing through.
        asm.place(refused);
        for place in 0..def.fields.len() as i16 {
            asm.store_imm(Size::D, R7, code.first + ARGUMENT_SIZE * place, 0);
        }
        asm.mov_imm(R0, 1);
        asm.exit();
    }
    emitter.add(asm, "touch", FunctionKind::Chain)
}

/// Removes an element that had gone at a time: called for each with map, key, value and the time's
/// address.
fn collector(emitter: &mut Emitter<'_>, value: &Value) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    let [keep, done] = std::array::from_fn(|_| asm.label());
    emitter.mark_line(&mut asm, None, "collect elements");
    asm.mov(R6, R1);
    asm.mov(R7, R2);
    asm.load(Size::D, R9, R4, 0);
    // The verifier of Linux 6.1 cannot tell the locks of values that a callback is handed.
    asm.helper(Helper::MapLookup);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, done);
    lock(&mut asm);
    asm.load(Size::D, R2, R8, value.end().unwrap_or(0));
    asm.jump(Jump::Lt, Width::W64, R9, R2, keep);
    asm.store_imm(Size::W, R8, IN_USE, 0);
    unlock(&mut asm);
    asm.mov(R1, R6);
    asm.mov(R2, R7);
    asm.helper(Helper::MapDelete);
    asm.goto(done);
    asm.place(keep);
    unlock(&mut asm);
    asm.place(done);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "collect", FunctionKind::Static { arguments: 4 })
}

/// The function that takes an element away, as [`collector`] does.
pub(super) fn remove(emitter: &mut Emitter<'_>, table: Table) -> Result<FunctionIndex, EmitError> {
    let def = emitter.program.tables[table].clone();
    let code = Code::of(emitter, table, &def, Mode::Find)?;
    let mut asm = Asm::new();
    let [done, other] = std::array::from_fn(|_| asm.label());
    emitter.mark_line(&mut asm, None, &super::text(&def, "remove"));
    asm.mov(R7, R2);
    asm.jump_imm(Jump::Eq, Width::W64, R7, 0, done);
    code.key(emitter, &mut asm);
    code.arguments(&mut asm);
    asm.helper(Helper::MapLookup);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, done);
    lock(&mut asm);
    code.check_key(&mut asm, other);
    asm.store_imm(Size::W, R8, IN_USE, 0);
    unlock(&mut asm);
    code.arguments(&mut asm);
    asm.helper(Helper::MapDelete);
    asm.goto(done);
    // It has gone meanwhile, and another one is in its place.
    asm.place(other);
    unlock(&mut asm);
    asm.place(done);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "remove", FunctionKind::Chain)
}

/// r8 = the value r0, whose lock is taken.
fn lock(asm: &mut Asm) {
    asm.mov(R8, R0);
    asm.mov(R1, R8);
    asm.helper(Helper::SpinLock);
}

fn unlock(asm: &mut Asm) {
    asm.mov(R1, R8);
    asm.helper(Helper::SpinUnlock);
}

struct Code<'a> {
    def: &'a TableDef,
    mode: Mode,
    map: MapIndex,
    value: Value,
    /// Where in the frame a new element's value lies, whose end is the key.
    frame: i16,
    /// Where in the frame the time of the last collection lies.
    collected: i16,
    /// Where the packet structure has fields.
    first: i16,
    /// Where it has what states need, three numbers each, then how long until an element is idle.
    numbers: i16,
}

impl<'a> Code<'a> {
    fn of(
        emitter: &Emitter<'_>,
        table: Table,
        def: &'a TableDef,
        mode: Mode,
    ) -> Result<Code<'a>, EmitError> {
        let first = emitter.layout.argument(0).ok_or(EmitError::Query)?;
        let value = Value::of(def);
        Ok(Code {
            map: emitter.tables.maps[&table],
            numbers: first + ARGUMENT_SIZE * def.fields.len() as i16,
            frame: -value.size,
            collected: -value.size - 8,
            value,
            first,
            def,
            mode,
        })
    }

    fn adds(&self) -> bool {
        matches!(self.mode, Mode::Touch(Touch::Add(_) | Touch::Update(_)))
    }

    /// Whether an element that is there lives longer.
    fn renews(&self) -> bool {
        matches!(self.mode, Mode::Touch(Touch::Update(_)))
    }

    /// How long an element lives that is added, in nanoseconds; 0 for ever.
    fn nanoseconds(&self) -> u64 {
        self.milliseconds().saturating_mul(1_000_000)
    }

    fn milliseconds(&self) -> u64 {
        match self.mode {
            Mode::Touch(Touch::Add(timeout) | Touch::Update(timeout)) => timeout.get(),
            Mode::Touch(Touch::Existing) | Mode::Find => 0,
        }
    }

    /// Whether states are taken from.
    fn steps(&self) -> bool {
        self.mode != Mode::Find
    }

    /// The states with their places in a value.
    fn states(&self) -> impl Iterator<Item = (&StateKind, i16)> {
        let fields = self.def.fields.iter().zip(&self.value.fields);
        fields.filter_map(|(field, &at)| match field {
            FieldDef::State(kind, _) => Some((kind, at)),
            FieldDef::Data(_) | FieldDef::Verdict(_) => None,
        })
    }

    /// Keeps the numbers of a new element, which stand behind the key's parts.
    fn data(&self, emitter: &Emitter<'_>, asm: &mut Asm) {
        if !self.adds() {
            return;
        }
        let mut place = self.def.key.len();
        for (field, &at) in self.def.fields.iter().zip(&self.value.fields) {
            if !matches!(field, FieldDef::Data(_)) {
                continue;
            }
            let from = emitter.layout.argument(place).unwrap_or(0);
            for half in (0..field_size(field)).step_by(8) {
                asm.load(Size::D, R1, R7, from + half);
                asm.store(Size::D, FP, self.frame + at + half, R1);
            }
            place += 1;
        }
    }

    /// Where the packet structure has the numbers of a state.
    fn numbers_of(&self, state: usize) -> i16 {
        self.numbers + (8 * NUMBERS * state) as i16
    }

    /// Where it has how long until an element is idle.
    fn idle(&self) -> i16 {
        self.numbers_of(self.def.states().count())
    }

    /// Makes the key of the arguments, whose places are free then.
    fn key(&self, emitter: &Emitter<'_>, asm: &mut Asm) {
        let at = self.frame + self.value.key;
        super::key(emitter, asm, self.def, at);
        let size = super::key_size(self.def);
        if size % 8 != 0 {
            asm.store_imm(Size::W, FP, at + size, 0);
        }
    }

    /// Keeps what the states need for this packet.
    fn prepare(&self, asm: &mut Asm, refused: Label) {
        for (place, (kind, at)) in self.states().enumerate() {
            match kind {
                StateKind::WideBucket(bucket) => {
                    wide_bucket::prepare(asm, bucket, self.frame + at, refused);
                }
                kind => state::prepare(asm, kind, refused),
            }
            let numbers = self.numbers_of(place);
            for (at, number) in (0..).step_by(8).zip([R6, R8, R9]) {
                asm.store(Size::D, R7, numbers + at, number);
            }
        }
    }

    /// r6 = the time, where elements expire. Keeps when elements were collected last, and how long
    /// until one is idle.
    fn clock(&self, asm: &mut Asm, unknown: Label) {
        let Some(expiry) = self.def.expiry else { return };
        if let Expiry::Own { .. } = expiry {
            asm.helper(Helper::Nanoseconds);
            asm.mov(R6, R0);
            if self.adds() {
                asm.constant(R2, expiry.collect_nanoseconds());
                self.keep_collected(asm);
            }
            return;
        }
        let known = asm.label();
        asm.helper(Helper::Jiffies);
        asm.mov(R6, R0);
        asm.kconfig(R1, "CONFIG_HZ");
        asm.load(Size::W, R3, R1, 0);
        for clock in CLOCKS {
            let Some(ticks) = expiry.ticks(clock) else { continue };
            let next = asm.label();
            asm.jump_imm(Jump::Ne, Width::W64, R3, clock as i32, next);
            asm.constant(R1, ticks.idle);
            asm.constant(R2, ticks.collect);
            asm.goto(known);
            asm.place(next);
        }
        asm.goto(unknown);
        asm.place(known);
        asm.store(Size::D, R7, self.idle(), R1);
        self.keep_collected(asm);
    }

    /// Keeps the last whole multiple of r2 up to the time r6. Clobbers r1 and r2.
    fn keep_collected(&self, asm: &mut Asm) {
        asm.mov(R1, R6);
        asm.alu(Alu::Mod, Width::W64, R1, R2);
        asm.mov(R2, R6);
        asm.alu(Alu::Sub, Width::W64, R2, R1);
        asm.store(Size::D, FP, self.collected, R2);
    }

    /// Completes the value of a new element, but for its key and its numbers.
    fn new_value(&self, asm: &mut Asm) {
        if !self.adds() {
            return;
        }
        asm.store_imm(Size::W, FP, self.frame, 0);
        asm.store_imm(Size::W, FP, self.frame + IN_USE, 1);
        for (kind, at) in self.states() {
            match kind {
                // The rest was known when it was prepared.
                StateKind::WideBucket(_) => asm.store(Size::D, FP, self.frame + at, R6),
                _ => (0..kind.words() as i16).for_each(|word| {
                    asm.store_imm(Size::D, FP, self.frame + at + 8 * word, 0);
                }),
            }
        }
        if let Some(idle_from) = self.value.idle_from {
            asm.load(Size::D, R1, R7, self.idle());
            asm.alu(Alu::Add, Width::W64, R1, R6);
            asm.store(Size::D, FP, self.frame + idle_from, R1);
        }
        if let Some([timeout, end]) = self.value.life {
            asm.constant(R1, self.milliseconds());
            asm.store(Size::D, FP, self.frame + timeout, R1);
            match self.nanoseconds() {
                0 => asm.mov_imm(R1, -1),
                nanoseconds => {
                    asm.constant(R1, nanoseconds);
                    asm.alu(Alu::Add, Width::W64, R1, R6);
                }
            }
            asm.store(Size::D, FP, self.frame + end, R1);
        }
    }

    /// r1 = the table, r2 = the key.
    fn arguments(&self, asm: &mut Asm) {
        asm.map(R1, self.map);
        asm.mov(R2, FP);
        asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(self.frame + self.value.key));
    }

    /// Adds the new element; goes on at `fits` where it is in the table, whoever put it there.
    fn insert(&self, asm: &mut Asm, fits: Label) {
        self.arguments(asm);
        asm.mov(R3, FP);
        asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(self.frame));
        asm.mov_imm(R4, NOT_YET);
        asm.helper(Helper::MapUpdate);
        asm.jump_imm(Jump::Eq, Width::W64, R0, 0, fits);
        asm.jump_imm(Jump::Eq, Width::W64, R0, -EEXIST, fits);
    }

    /// Jumps where the value r8 is another element's by now.
    fn check_key(&self, asm: &mut Asm, other: Label) {
        asm.load(Size::W, R1, R8, IN_USE);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, other);
        for at in (self.value.key..self.value.size).step_by(8) {
            asm.load(Size::D, R1, R8, at);
            asm.load(Size::D, R2, FP, self.frame + at);
            asm.jump(Jump::Ne, Width::W64, R1, R2, other);
        }
    }

    /// Makes the element r8 a new one where it has gone, or jumps where that is none; else it lives
    /// longer where packets renew it.
    fn expire(&self, asm: &mut Asm, gone: Label) {
        let is_wide = |kind: &StateKind| matches!(kind, StateKind::WideBucket(_));
        if self.steps() {
            for (_, at) in self.states().filter(|(kind, _)| is_wide(kind)) {
                // Another processor may have seen a later tick before it took the lock.
                let current = asm.label();
                asm.load(Size::D, R1, R8, at);
                asm.jump(Jump::Ge, Width::W64, R6, R1, current);
                asm.mov(R6, R1);
                asm.place(current);
            }
        }
        let Some(end) = self.value.end() else { return };
        let fresh = asm.label();
        asm.load(Size::D, R1, R8, end);
        match self.value.life {
            Some(_) => asm.mov(R2, R6),
            None => asm.load(Size::D, R2, FP, self.collected),
        }
        if !self.adds() {
            asm.jump(Jump::Ge, Width::W64, R2, R1, gone);
            return;
        }
        let done = asm.label();
        asm.jump(Jump::Lt, Width::W64, R2, R1, fresh);
        for word in (8..self.value.key).step_by(8) {
            let mut wide = self.states().filter(|(kind, _)| is_wide(kind));
            let from = match wide.any(|(_, at)| at == word) {
                true => R6,
                false => {
                    asm.load(Size::D, R1, FP, self.frame + word);
                    R1
                }
            };
            asm.store(Size::D, R8, word, from);
        }
        if let Some(idle_from) = self.value.idle_from {
            // By the tick that this processor goes by now.
            self.renew(asm, idle_from);
        }
        asm.goto(done);
        asm.place(fresh);
        if self.renews() {
            match (self.value.idle_from, self.value.life) {
                (Some(idle_from), _) => self.renew(asm, idle_from),
                (None, Some([timeout, end])) => {
                    // One that lives for ever goes on to; others live as long as the rule says.
                    asm.load(Size::D, R1, R8, timeout);
                    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, done);
                    asm.constant(R1, self.nanoseconds());
                    asm.alu(Alu::Add, Width::W64, R1, R6);
                    asm.store(Size::D, R8, end, R1);
                }
                (None, None) => {}
            }
        }
        asm.place(done);
    }

    /// The element r8 is not idle from now on.
    fn renew(&self, asm: &mut Asm, idle_from: i16) {
        asm.load(Size::D, R1, R7, self.idle());
        asm.alu(Alu::Add, Width::W64, R1, R6);
        asm.store(Size::D, R8, idle_from, R1);
    }

    /// Takes from the states of the element r8, and leaves its fields.
    fn take(&self, asm: &mut Asm) {
        let places = (self.first..).step_by(ARGUMENT_SIZE as usize);
        let fields = self.def.fields.iter().zip(&self.value.fields);
        // No field overwrites numbers: those lie behind all fields.
        let fields = places.zip(fields).map(|(to, (field, &at))| (to, field, at));
        let is_state = |field: &FieldDef| matches!(field, FieldDef::State(..));
        for (to, field, at) in fields.clone().filter(|(_, field, _)| !is_state(field)) {
            for half in (0..field_size(field)).step_by(8) {
                asm.load(Size::D, R1, R8, at + half);
                asm.store(Size::D, R7, to + half, R1);
            }
        }
        if !self.steps() {
            return;
        }
        let states: Vec<(i16, &FieldDef, i16)> =
            fields.filter(|(_, field, _)| is_state(field)).collect();
        for &(to, ..) in states.iter().skip(1) {
            asm.store_imm(Size::D, R7, to, 0);
        }
        let done = asm.label();
        for (state, &(to, field, at)) in states.iter().enumerate() {
            let FieldDef::State(kind, onward) = field else { continue };
            let numbers = self.numbers_of(state);
            match kind {
                StateKind::WideBucket(bucket) => {
                    wide_bucket::step(asm, bucket, at, numbers);
                    asm.mov(R5, R9);
                }
                StateKind::Counter => {
                    for (word, add) in [(0, None), (8, Some(numbers))] {
                        asm.load(Size::D, R1, R8, at + word);
                        match add {
                            Some(numbers) => {
                                asm.load(Size::D, R2, R7, numbers);
                                asm.alu(Alu::Add, Width::W64, R1, R2);
                            }
                            None => asm.alu_imm(Alu::Add, Width::W64, R1, 1),
                        }
                        asm.store(Size::D, R8, at + word, R1);
                    }
                    asm.mov_imm(R5, 1);
                }
                kind => {
                    asm.load(Size::D, R0, R8, at);
                    for (at, number) in (0..).step_by(8).zip([R1, R2, R3]) {
                        asm.load(Size::D, number, R7, numbers + at);
                    }
                    state::step(asm, kind);
                    asm.store(Size::D, R8, at, R4);
                }
            }
            asm.store(Size::D, R7, to, R5);
            if state + 1 < states.len() {
                match onward {
                    Onward::All => {}
                    Onward::Enough => asm.jump_imm(Jump::Eq, Width::W64, R5, 0, done),
                    Onward::Lacking => asm.jump_imm(Jump::Ne, Width::W64, R5, 0, done),
                }
            }
        }
        asm.place(done);
    }
}
