//! Instruction selection for chains.
//!
//! Pure values are computed where they are used, from `struct bpfc_packet`; loads from it are
//! opaque to the verifier, which keeps its work linear in the number of rules. In a part of main,
//! which is small, they are loads of the frame, and must be aligned. Values that need
//! a call (scans, loads outside the copied windows, random numbers) and those that an effect may
//! change are computed once, where they stand, and kept in the frame.

mod branch;
mod choice;
mod fact;
mod hash;
mod rewrite;
mod slots;
mod switch;
mod value;

pub(crate) use choice::fill;
pub(crate) use slots::kept_size;
pub(crate) use value::is_kept;

use crate::asm::{
    Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R4, R5, R6, R7, R9, Reg, Size, Width,
};
use crate::chain::outcome;
use crate::effect::log;
use crate::emitter::{self, COUNTERS_MAP, CutChain, Emitter};
use crate::error::EmitError;
use crate::kernel::clock;
use crate::lookup::transform;
use crate::packet::layout;
use crate::routine::Routine;
use crate::scan::text;
use crate::{lookup, state, table};
use bpfc_artifact::{CounterSlot, Function, FunctionIndex, FunctionKind};
use bpfc_ir::{
    Base, Block, BlockData, Counted, Counter, CounterList, CtField, Family, Function as IrFunction,
    LogKind, Lookup, Meta, Op, ProbeDef, Scan, Source, Table, Terminator, Type, Value,
};
use cranelift_entity::SecondaryMap;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Bytes of the Ethernet header.
const ETHERNET: i32 = 14;

const TEMPS: [Reg; 6] = [R1, R2, R3, R4, R5, R0];

/// Where a precomputed value lies.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// r10, or r7 where it is carried from one part of the chain to another.
    base: Reg,
    offset: i16,
    network_order: bool,
}

/// One part of a chain to emit as a function of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    /// The blocks in order.
    pub blocks: &'a [Block],
    /// The blocks that other parts lead to, where it is not the first.
    pub entries: &'a [Block],
    /// The outcome that says that control goes on at a block of another part.
    pub ways: &'a SecondaryMap<Block, i32>,
    /// The chain that it is of.
    pub cut: &'a CutChain,
}

struct Selector<'a, 'b> {
    emitter: &'a mut Emitter<'b>,
    function: &'a IrFunction,
    name: String,
    asm: Asm,
    labels: BTreeMap<Block, Label>,
    slots: BTreeMap<Value, Slot>,
    /// Bytes of the frame in use.
    frame: i16,
    scratch: i16,
    exit: Label,
    leave: [Option<Label>; 4],
    /// Where control leaves for other parts, by outcome.
    far: BTreeMap<i32, Label>,
    /// Where packets are counted by a list that is data before control leaves, by outcome.
    leaves: BTreeMap<i32, Label>,
    /// Where it is a part of main: where rejected packets go, with the outcome in r0.
    reject: Option<Label>,
    /// The chunk of counters that r9 points at.
    chunk: Option<u32>,
    /// Further chunks whose addresses are in the frame.
    further: BTreeMap<u32, i16>,
    part: Part<'a>,
}

/// Chunks whose addresses are kept in the frame, at most.
const FURTHER_CHUNKS: usize = 4;
/// Rules that a chunk must hold to be one of them; fewer look it up when they count. Looking it
/// up costs at each call, and each place that does so costs time when the program is loaded.
const RULES_TO_KEEP: usize = 8;

/// Emits one part of a chain.
pub(crate) fn part(
    emitter: &mut Emitter<'_>,
    function: &IrFunction,
    name: String,
    part: Part<'_>,
) -> Result<Function, EmitError> {
    Selector::new(emitter, function, name, part, 8).run()
}

/// Where packets go from a chain that is a part of main.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exits {
    /// Accepted: placed behind the chain.
    pub(crate) accept: Label,
    /// Dropped.
    pub(crate) drop: Label,
    /// Rejected, with the outcome in r0.
    pub(crate) reject: Label,
    /// Whether any rule rejects.
    pub(crate) rejects: bool,
}

/// Emits the blocks of a chain as a part of main, whose frame has `frame` bytes: r6 and r7 are
/// main's, r8 and r9 are free. Accepted packets go on behind it; yields whether any do. `None`, and
/// nothing is emitted, where the frame has no room for the chain's values.
pub(crate) fn inline(
    emitter: &mut Emitter<'_>,
    asm: &mut Asm,
    function: &IrFunction,
    part: Part<'_>,
    frame: i16,
    exits: Exits,
) -> Result<Option<bool>, EmitError> {
    let blocks = part.blocks;
    let mut selector = Selector::new(emitter, function, function.name.clone(), part, frame);
    selector.prepare(blocks);
    if selector.frame > LARGEST_FRAME {
        return Ok(None);
    }
    selector.asm = std::mem::take(asm);
    selector.exit = selector.asm.label();
    let Exits { accept, drop, reject, rejects } = exits;
    selector.leave = [Some(accept), Some(accept), Some(drop), None];
    selector.reject = Some(reject);
    selector.counters_at_hand(drop);
    let emitted = selector.blocks(blocks);
    let returns = selector.asm.is_used(selector.exit);
    if returns {
        selector.emitter.mark_line(&mut selector.asm, None, "chain exit");
        selector.asm.place(selector.exit);
        selector.asm.jump_imm(Jump::Eq, Width::W32, R0, outcome::DROP, drop);
        if rejects {
            selector.asm.jump_imm(Jump::Ge, Width::W32, R0, outcome::REJECT, reject);
        }
    }
    selector.asm.place(accept);
    *asm = selector.asm;
    emitted.map(|()| Some(returns || asm.is_used(accept)))
}

/// Bytes of one frame (kernel/bpf/verifier.c, `MAX_BPF_STACK`).
const LARGEST_FRAME: i16 = 512;

impl<'a, 'b> Selector<'a, 'b> {
    fn new(
        emitter: &'a mut Emitter<'b>,
        function: &'a IrFunction,
        name: String,
        part: Part<'a>,
        frame: i16,
    ) -> Selector<'a, 'b> {
        let mut asm = Asm::new();
        let exit = asm.label();
        Selector {
            emitter,
            function,
            name,
            asm,
            labels: BTreeMap::new(),
            slots: BTreeMap::new(),
            frame,
            scratch: 0,
            exit,
            leave: [None; 4],
            far: BTreeMap::new(),
            leaves: BTreeMap::new(),
            reject: None,
            chunk: None,
            further: BTreeMap::new(),
            part,
        }
    }

    /// Whether the chain is a part of main.
    fn is_part_of_main(&self) -> bool {
        self.reject.is_some()
    }

    /// Gives counters and kept values their places.
    fn prepare(&mut self, blocks: &[Block]) {
        let counters = self.counted(blocks, |_, _| true);
        self.emitter.counters.reserve(&counters);
        let are_data = self.emitter.count_lists.are_data;
        let in_place = self.counted(blocks, |counted, is_chosen| {
            !is_chosen && (!are_data || matches!(counted, Counted::One(_)))
        });
        self.choose_chunks(&in_place);
        self.assign_slots(blocks);
    }

    fn run(mut self) -> Result<Function, EmitError> {
        self.prepare(self.part.blocks);
        if self.frame > LARGEST_FRAME {
            return Err(EmitError::Frame(self.name, i32::from(self.frame)));
        }

        self.emitter.mark_line(&mut self.asm, None, "chain entry");
        self.asm.mov(R6, R1);
        self.asm.mov(R7, R2);
        // The packet pointer is never null; the verifier does not know.
        let drop = self.leave_label(outcome::DROP);
        self.asm.jump_imm(Jump::Eq, Width::W64, R7, 0, drop);
        self.counters_at_hand(drop);
        self.blocks(self.part.blocks)?;
        self.emitter.mark_line(&mut self.asm, None, "chain exit");
        for (code, label) in std::mem::take(&mut self.leaves) {
            let function = self.emitter.routine(Routine::CountList);
            self.asm.place(label);
            self.call(function);
            self.asm.mov_imm(R0, code);
            self.asm.exit();
        }
        for (code, label) in std::mem::take(&mut self.far) {
            self.asm.place(label);
            self.asm.mov_imm(R0, code);
            self.asm.exit();
        }
        for code in 0..4 {
            if let Some(label) = self.leave[code as usize].filter(|&l| self.asm.is_used(l)) {
                self.asm.place(label);
                self.asm.mov_imm(R0, code);
                self.asm.goto(self.exit);
            }
        }
        self.asm.place(self.exit);
        self.asm.exit();
        let size = self.emitter.layout.size() as u32;
        let kind = self.emitter.target.kind();
        Ok(self.asm.finish(self.name, FunctionKind::Chain, kind, size)?)
    }

    /// Looks up the chunks of counters that are kept. Goes to `drop` where one is missing, which
    /// never happens; the verifier does not know.
    fn counters_at_hand(&mut self, drop: Label) {
        if let Some(chunk) = self.chunk {
            self.lookup_chunk(chunk, drop);
            self.asm.mov(R9, R0);
        }
        for (chunk, offset) in self.further.clone() {
            self.lookup_chunk(chunk, drop);
            self.asm.store(Size::D, FP, offset, R0);
        }
    }

    fn blocks(&mut self, blocks: &[Block]) -> Result<(), EmitError> {
        for &block in blocks {
            let label = self.asm.label();
            self.labels.insert(block, label);
        }
        self.enter();
        let mut entered: BTreeMap<Block, u32> = BTreeMap::new();
        let successors = |&block: &Block| self.function.blocks[block].terminator.successors();
        let entries = self.part.entries.iter().copied();
        let edges = blocks.iter().flat_map(successors).chain(entries);
        edges.for_each(|to| *entered.entry(to).or_default() += 1);
        let mut follows = None;
        for (i, &block) in blocks.iter().enumerate() {
            match follows == Some(block) && entered[&block] == 1 {
                true => self.asm.place_behind(self.labels[&block]),
                false => self.asm.place(self.labels[&block]),
            }
            follows =
                blocks.get(i + 1).copied().filter(|next| successors(&block).any(|to| to == *next));
            self.block(block, blocks.get(i + 1).copied())?;
        }
        Ok(())
    }

    /// Where the part is entered at more than one block: goes on at that which the caller says.
    fn enter(&mut self) {
        let entries = self.part.entries;
        if entries.len() < 2 {
            return;
        }
        self.emitter.mark_line(&mut self.asm, None, "chain continues");
        self.asm.load(Size::W, R1, R7, layout::WALK_RESULT);
        let mut open = vec![(entries, None)];
        while let Some((mut rest, label)) = open.pop() {
            if let Some(label) = label {
                self.asm.place(label);
            }
            while let (from, [middle, ..]) = rest.split_at(rest.len() / 2)
                && !from.is_empty()
            {
                let behind = self.asm.label();
                let number = self.part.ways[*middle];
                self.asm.jump_imm(Jump::Ge, Width::W32, R1, number, behind);
                open.push((&rest[from.len()..], Some(behind)));
                rest = from;
            }
            let to = self.labels[&rest[0]];
            self.asm.goto(to);
        }
    }

    /// The counters that blocks count in a certain way, in order. Which counter of a list it is may
    /// be a number's to say.
    fn counted(&self, blocks: &[Block], way: impl Fn(Counted, bool) -> bool) -> Vec<Counter> {
        let insts = blocks.iter().flat_map(|&block| self.function.blocks[block].insts.iter());
        let counted = insts.filter_map(|&inst| match self.function.insts[inst].op {
            Op::Count(counted) => Some(counted).filter(|&counted| way(counted, false)),
            Op::CountAt(list, _) => Some(Counted::All(list)).filter(|&counted| way(counted, true)),
            _ => None,
        });
        counted.flat_map(|counted| self.emitter.program.counted(counted)).collect()
    }

    /// Chooses the chunks of counters to have at hand: the one that holds the most of these rules,
    /// and a few more. A chain that is inlined into several has its rules where the first of them
    /// has.
    fn choose_chunks(&mut self, counters: &[Counter]) {
        let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
        for slot in counters.iter().filter_map(|&counter| self.slot(counter)) {
            *counts.entry(slot.chunk).or_default() += 1;
        }
        let mut chunks: Vec<(u32, usize)> = counts.into_iter().collect();
        chunks.sort_by_key(|&(chunk, count)| (Reverse(count), chunk));
        let mut chunks = chunks.into_iter();
        self.chunk = chunks.next().map(|(chunk, _)| chunk);
        for (chunk, _) in
            chunks.take_while(|&(_, count)| count >= RULES_TO_KEEP).take(FURTHER_CHUNKS)
        {
            self.frame += 8;
            self.further.insert(chunk, -self.frame);
        }
    }

    fn slot(&self, counter: Counter) -> Option<CounterSlot> {
        self.emitter.counters.slot(counter)
    }

    /// The label of leaving the function with an outcome.
    fn leave_label(&mut self, code: i32) -> Label {
        match self.leave[code as usize] {
            Some(label) => label,
            None => {
                let label = self.asm.label();
                self.leave[code as usize] = Some(label);
                label
            }
        }
    }

    /// r0 = the counters of a chunk; r1 and r2 are clobbered.
    fn lookup_chunk(&mut self, chunk: u32, otherwise: Label) {
        self.asm.store_imm(Size::W, FP, -4, chunk as i32);
        self.asm.map(R1, COUNTERS_MAP);
        self.asm.mov(R2, FP);
        self.asm.alu_imm(Alu::Add, Width::W64, R2, -4);
        self.asm.helper(Helper::MapLookup);
        self.asm.jump_imm(Jump::Eq, Width::W64, R0, 0, otherwise);
    }

    /// Says which list of counters is to be counted.
    fn name_list(&mut self, list: CounterList) {
        let place = self.emitter.count_lists.place(self.emitter.program, list);
        self.asm.store_imm(Size::W, R7, layout::WALK_RESULT, place as i32);
    }

    /// The list and the outcome of a block that counts by a list that is data, and ends.
    fn leaf(&self, data: &BlockData) -> Option<(CounterList, i32)> {
        if !self.emitter.count_lists.are_data || self.is_part_of_main() {
            return None;
        }
        let [inst] = data.insts[..] else { return None };
        let Op::Count(Counted::All(list)) = self.function.insts[inst].op else { return None };
        let code = match data.terminator {
            Terminator::Return => outcome::RETURN,
            Terminator::Verdict(verdict) => outcome::of_verdict(verdict),
            _ => return None,
        };
        Some((list, code))
    }

    fn block(&mut self, block: Block, next: Option<Block>) -> Result<(), EmitError> {
        let data = &self.function.blocks[block];
        if let Some((list, code)) = self.leaf(data) {
            self.emitter.mark_line(&mut self.asm, data.origin.expand(), "");
            self.name_list(list);
            let asm = &mut self.asm;
            let label = *self.leaves.entry(code).or_insert_with(|| asm.label());
            self.asm.goto(label);
            return Ok(());
        }
        for &inst in &data.insts {
            let inst = &self.function.insts[inst];
            if inst.op.is_effect()
                || inst.result.expand().is_some_and(|v| self.slots.contains_key(&v))
            {
                self.emitter.mark_line(&mut self.asm, inst.origin.expand(), "");
                self.effect(&inst.op, inst.result.expand())?;
            }
        }
        self.emitter.mark_line(&mut self.asm, data.origin.expand(), "");
        match data.terminator {
            Terminator::Jump(to) => self.go(to, next),
            Terminator::Branch { condition, then, otherwise } => {
                self.branch(condition, then, otherwise, next)?;
            }
            Terminator::Switch(ref switch) => self.switch(switch, next)?,
            Terminator::Call { callee, next: to } => {
                emitter::call_chain(self.emitter, &mut self.asm, callee);
                self.asm.jump_imm(Jump::Ne, Width::W32, R0, outcome::RETURN, self.exit);
                self.go(to, next);
            }
            Terminator::Return => self.finish(outcome::RETURN),
            Terminator::Verdict(verdict) => self.finish(outcome::of_verdict(verdict)),
        }
        Ok(())
    }

    fn call(&mut self, callee: FunctionIndex) {
        self.asm.mov(R1, R6);
        self.asm.mov(R2, R7);
        self.asm.call(callee);
    }

    /// Leaves the chain with an outcome.
    fn finish(&mut self, code: i32) {
        match self.reject {
            None => {
                self.asm.mov_imm(R0, code);
                self.asm.exit();
            }
            Some(reject) if code >= outcome::REJECT => {
                self.asm.mov_imm(R0, code);
                self.asm.goto(reject);
            }
            Some(_) => {
                let label = self.leave_label(code);
                self.asm.goto(label);
            }
        }
    }

    /// The label of a block, or of leaving to the next part.
    fn target_label(&mut self, block: Block) -> Label {
        match self.labels.get(&block) {
            Some(&label) => label,
            None => match self.part.ways[block] {
                outcome::NEXT => self.leave_label(outcome::NEXT),
                way => {
                    debug_assert!(way >= outcome::ENTRY, "a block of no part");
                    let asm = &mut self.asm;
                    *self.far.entry(way).or_insert_with(|| asm.label())
                }
            },
        }
    }

    /// Goes on at a block, without a jump where it follows at once.
    fn go(&mut self, to: Block, next: Option<Block>) {
        if Some(to) != next {
            let label = self.target_label(to);
            self.asm.goto(label);
        }
    }

    /// Emits what happens where it stands: effects, and values that are kept.
    fn effect(&mut self, op: &Op, result: Option<Value>) -> Result<(), EmitError> {
        match *op {
            Op::Count(Counted::All(list)) if self.emitter.count_lists.are_data => {
                let function = self.emitter.routine(Routine::CountList);
                self.name_list(list);
                self.call(function);
            }
            Op::Count(counted) => {
                let program = self.emitter.program;
                program.counted(counted).for_each(|counter| self.count(counter));
            }
            Op::CountAt(list, at) => self.count_at(list, at)?,
            Op::Choose(_, ref numbers, at) => {
                self.choose(numbers, at)?;
                self.keep(result);
            }
            Op::Trace => log::trace(self.emitter, &mut self.asm),
            Op::Log(rule, ref log) => {
                let function = self.emitter.routine(Routine::Log);
                let site = log::site(self.emitter, rule, log);
                let untraced = self.asm.label();
                if let (LogKind::Trace, Some(trace)) = (log.kind, self.emitter.layout.trace()) {
                    self.asm.load(Size::W, R1, R7, trace);
                    self.asm.jump_imm(Jump::Eq, Width::W64, R1, 0, untraced);
                }
                self.asm.store_imm(Size::W, R7, layout::WALK_RESULT, site);
                self.call(function);
                self.asm.place(untraced);
            }
            Op::SetMark(value) => {
                let mark = self.scalar(value, 0)?;
                let set = self.emitter.has(self.emitter.target.set_mark(), "setting marks")?;
                set(&mut self.asm, mark);
                self.asm.store(Size::W, R7, layout::MARK, mark);
            }
            Op::SetConnectionMark(value) => {
                let mark = self.scalar(value, 0)?;
                if let Some(at) = self.emitter.layout.ct(CtField::Mark) {
                    self.asm.store(Size::W, R7, at, mark);
                }
                let function = self.emitter.routine(Routine::ConnectionMark(self.ip()?));
                self.call(function);
            }
            Op::ToHost => {
                // Elsewhere every packet is one for this host.
                if let Some(to_host) = self.emitter.target.to_host() {
                    to_host(&mut self.asm);
                }
                self.asm.store_imm(Size::B, R7, layout::PACKET_TYPE, 0);
            }
            Op::Hash(ref values, bytes, seed) => {
                self.hash(values, bytes, seed)?;
                self.keep(result);
            }
            Op::Random => {
                self.asm.helper(Helper::Random);
                self.keep(result);
            }
            Op::Load(_, Source::Meta(meta)) if fact::is_asked_for(meta) => {
                self.fact(meta);
                self.keep(result);
            }
            Op::Calendar(field, time) => {
                let seconds = self.scalar(time, 0)?;
                clock::calendar(&mut self.asm, field, seconds);
                self.keep(result);
            }
            Op::Load(_, Source::Meta(Meta::Mark)) => {
                self.asm.load(Size::W, R0, R7, layout::MARK);
                self.keep(result);
            }
            Op::Load(_, Source::Ct(field @ CtField::Mark)) => {
                if let Some(at) = self.emitter.layout.ct(field) {
                    self.asm.load(Size::W, R0, R7, at);
                }
                self.keep(result);
            }
            Op::Load(_, Source::Meta(Meta::PacketType)) => {
                self.asm.load(Size::B, R0, R7, layout::PACKET_TYPE);
                self.keep(result);
            }
            Op::Take(state) => {
                state::take(self.emitter, &mut self.asm, state);
                self.keep(result);
            }
            Op::Query(object, ref query, ref arguments) => {
                self.arguments(arguments)?;
                let function = self.emitter.routine(Routine::Query(object, (**query).clone()));
                self.call(function);
                self.asm.alu(Alu::Mov, Width::W32, R0, R0);
                self.keep(result);
            }
            Op::Find(table, ref key) => {
                self.arguments(key)?;
                let function = self.emitter.routine(Routine::Find(table));
                self.call(function);
                self.asm.alu(Alu::Mov, Width::W32, R0, R0);
                self.keep(result);
                self.keep_fields(table, result);
            }
            Op::Touch(table, touch, ref key) => {
                self.arguments(key)?;
                let function = self.emitter.routine(Routine::Touch(table, touch));
                self.call(function);
                self.asm.alu(Alu::Mov, Width::W32, R0, R0);
                self.keep(result);
                self.keep_fields(table, result);
            }
            Op::Remove(table, ref key) => {
                self.arguments(key)?;
                let function = self.emitter.routine(Routine::Remove(table));
                self.call(function);
            }
            Op::Scan(ref scan) => {
                match *scan {
                    Scan::Probe(probe) => match self.emitter.program.probes.get(probe) {
                        Some(ProbeDef::Text(text)) => {
                            text::call(self.emitter, &mut self.asm, probe, text)?;
                        }
                        _ => {
                            let function = self.emitter.routine(Routine::Scan(scan.clone()));
                            self.call(function);
                        }
                    },
                    _ => {
                        let function = self.emitter.routine(Routine::Scan(scan.clone()));
                        self.call(function);
                    }
                }
                self.asm.alu(Alu::Mov, Width::W32, R0, R0);
                self.keep(result);
            }
            Op::Lookup(lookup) => {
                let function = lookup::function(self.emitter, lookup, self.ip()?);
                if let Lookup::Transform { index, field, .. } = lookup {
                    transform::ask(&mut self.asm, index, field);
                }
                self.call(function);
                self.asm.alu(Alu::Mov, Width::W32, R0, R0);
                self.keep(result);
            }
            Op::ControlGroup(ref path) => {
                let function = self.emitter.routine(Routine::ControlGroup(path.clone()));
                self.call(function);
                self.asm.alu(Alu::Mov, Width::W32, R0, R0);
                self.keep(result);
            }
            Op::LoadAt(ty, offset, displacement) => {
                let offset = self.scalar(offset, 1)?;
                debug_assert_eq!(offset, R2);
                self.asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(displacement));
                self.fetch(ty, result)?;
            }
            Op::Rewrite(ref rewrite) => self.rewrite(rewrite)?,
            Op::Load(ty, Source::Payload(base, offset)) if self.in_window(op) => {
                self.keep_window(ty, base, offset, result)?;
            }
            Op::Load(_, Source::Meta(Meta::Length)) => {
                self.asm.load(Size::W, R0, R7, layout::LENGTH);
                self.keep(result);
            }
            Op::Load(ty, Source::Payload(Base::Link, offset)) => {
                if self.emitter.target.keeps_tags() {
                    // What follows the tag, if there is one.
                    self.asm.mov_imm(R2, i32::from(offset) - ETHERNET);
                    self.fetch(ty, result)?;
                } else {
                    self.asm.mov_imm(R2, i32::from(offset));
                    self.fetch_at(ty, result)?;
                }
            }
            Op::Load(ty, Source::Payload(base, offset)) => {
                match base {
                    Base::Transport => self.asm.load(Size::H, R2, R7, layout::TRANSPORT_OFFSET),
                    Base::Network | Base::Link => self.asm.mov_imm(R2, 0),
                }
                self.asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(offset));
                self.fetch(ty, result)?;
            }
            // Computed where they are used.
            Op::Load(_, Source::Meta(_) | Source::Ct(_) | Source::Socket(_))
            | Op::Const(..)
            | Op::Binary(..)
            | Op::Extend(..)
            | Op::Truncate(..)
            | Op::Compare(..)
            | Op::InRange(..)
            | Op::Available(..)
            | Op::AvailableAt(..)
            | Op::Found(_)
            | Op::Field(..) => {
                return Err(EmitError::Type(self.name.clone(), "a value that is kept"));
            }
        }
        Ok(())
    }

    /// The family of IP that the packets are of: the verifier leaves questions about other frames
    /// out.
    fn ip(&self) -> Result<Family, EmitError> {
        let family = self.function.family.ip();
        family.ok_or(EmitError::Type(self.name.clone(), "a question about a packet of IP"))
    }

    /// Stores r0 in a value's slot.
    fn keep(&mut self, value: Option<Value>) {
        if let Some(slot) = value.and_then(|value| self.slots.get(&value)) {
            self.asm.store(Size::D, slot.base, slot.offset, R0);
        }
    }

    /// Copies packet bytes that main has copied into a value's slot.
    fn keep_window(
        &mut self,
        ty: Type,
        base: Base,
        offset: u16,
        result: Option<Value>,
    ) -> Result<(), EmitError> {
        let slot = result.and_then(|value| self.slots.get(&value).copied());
        let (Some(slot), Some(start)) = (slot, self.window(base)) else { return Ok(()) };
        let size = Size::of(ty.bytes()).unwrap_or(Size::D);
        for at in (0..ty.bytes() as i16).step_by(8) {
            self.load(size, R0, R7, start + offset as i16 + at, Some(R1))?;
            self.asm.store(size, slot.base, slot.offset + at, R0);
        }
        Ok(())
    }

    /// Copies packet bytes at r2, from the network header, into a value's slot.
    fn fetch(&mut self, ty: Type, result: Option<Value>) -> Result<(), EmitError> {
        self.asm.load(Size::W, R1, R7, layout::NETWORK_OFFSET);
        self.asm.alu(Alu::Add, Width::W64, R2, R1);
        self.fetch_at(ty, result)
    }

    /// Copies packet bytes at r2, as the target counts, into a value's slot.
    fn fetch_at(&mut self, ty: Type, result: Option<Value>) -> Result<(), EmitError> {
        let Some(slot) = result.and_then(|value| self.slots.get(&value).copied()) else {
            return Ok(());
        };
        self.asm.store_imm(Size::D, slot.base, slot.offset, 0);
        if ty == Type::I128 {
            self.asm.store_imm(Size::D, slot.base, slot.offset + 8, 0);
        }
        self.asm.mov(R3, slot.base);
        self.asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(slot.offset));
        self.asm.mov_imm(R4, i32::from(ty.bytes()));
        // The guard says the bytes are there; where it does not hold the value is zero.
        if self.emitter.target.fetch_needs_scratch() {
            let function = self.emitter.routine(Routine::Fetch);
            self.asm.mov(R1, R6);
            self.asm.call(function);
        } else {
            self.emitter.target.fetch(&mut self.asm, self.scratch);
        }
        Ok(())
    }

    fn count(&mut self, counter: Counter) {
        let Some(slot) = self.slot(counter) else { return };
        let base = if self.chunk == Some(slot.chunk) {
            R9
        } else if let Some(&offset) = self.further.get(&slot.chunk) {
            self.asm.load(Size::D, R0, FP, offset);
            R0
        } else {
            let drop = self.leave_label(outcome::DROP);
            self.lookup_chunk(slot.chunk, drop);
            R0
        };
        let offset = slot.offset as i16;
        let length = |asm: &mut Asm, reg| asm.load(Size::W, reg, R7, layout::LENGTH);
        self.emitter.count_packet(&mut self.asm, base, offset, length);
    }

    /// Takes the fields of an element that was found, or what lies there instead.
    fn keep_fields(&mut self, table: Table, element: Option<Value>) {
        let Some(slot) = element.and_then(|value| self.slots.get(&value).copied()) else { return };
        let mut to = slot.offset + 8;
        for (at, field) in self.emitter.program.tables[table].fields.iter().enumerate() {
            let Some(from) = self.emitter.layout.argument(at) else { continue };
            for half in (0..table::plan::field_size(field)).step_by(8) {
                self.asm.load(Size::D, R0, R7, from + half);
                self.asm.store(Size::D, slot.base, to, R0);
                to += 8;
            }
        }
    }

    /// Puts the arguments of a query where its function finds them.
    fn arguments(&mut self, arguments: &[Value]) -> Result<(), EmitError> {
        for (at, &value) in arguments.iter().enumerate() {
            let Some(place) = self.emitter.layout.argument(at) else { continue };
            if self.function.ty(value) == Type::I128 {
                for half in 0..2u8 {
                    self.half(value, half, R1, R2)?;
                    self.asm.from_big_endian(R1, 64);
                    self.asm.store(Size::D, R7, place + i16::from(half) * 8, R1);
                }
            } else {
                let number = self.scalar(value, 0)?;
                self.asm.store(Size::D, R7, place, number);
            }
        }
        Ok(())
    }
}
