//! Chains that differ in their counters and constants alone become one piece of code.
//!
//! A map of verdicts with thousands of keys leads to as many chains (a service or an address each),
//! most of which tools have made of one template. Where a switch by a number calls chains that are
//! alike, the code of one stands for all of them, in place of the calls, and the number chooses the
//! counters and constants in which they differ ([`Op::CountAt`], [`Op::Choose`]). So do chains that
//! those call, each its own; what all of them call stays a call. Every counter stays exact, and
//! each instruction says of which rules it is.
//!
//! Chains are compared as `simplify` leaves them, numbered in the order of their layout.

use bpfc_ir::{
    Arm, BinaryOp, Block, BlockData, Counted, Counter, Func, Function, Inst, InstData, Op, Origin,
    PacketFamily, Program, Rule, Switch, Terminator, Type, Value, ValueData, reverse_postorder,
};
use cranelift_entity::packed_option::PackedOption;
use cranelift_entity::{EntitySet, SecondaryMap};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Chains that become one piece of code, at least.
const LEAST: usize = 4;
/// Numbers from the least to the greatest one, for each chain, at most: lists have all of them.
const SPARSEST: usize = 4;
/// Instructions and terminators of the code that stands for chains, at most.
const LARGEST: u64 = 4_096;

pub(crate) fn run(program: &mut Program) {
    let Some(order) = program.reachable() else { return };
    let calls_many = |func: &Func| {
        let function = &program.funcs[*func];
        function.layout.iter().any(|&block| match &function.blocks[block].terminator {
            Terminator::Switch(switch) => switch.arms.len() >= LEAST,
            _ => false,
        })
    };
    let candidates: Vec<Func> = order.iter().copied().filter(calls_many).collect();
    if candidates.is_empty() {
        return;
    }
    let shapes = Shapes::new(program, &order);
    for func in candidates {
        let function = Arc::clone(&program.funcs[func]);
        let groups = shapes.groups(&function);
        if groups.is_empty() {
            continue;
        }
        let mut joined = Joined { result: (*function).clone(), program, open: Vec::new() };
        for group in groups {
            joined.group(group);
        }
        let Joined { mut result, .. } = joined;
        let reached = reverse_postorder(&result);
        let mut kept: EntitySet<Block> = EntitySet::with_capacity(result.blocks.len());
        kept.extend(reached);
        result.layout.retain(|&block| kept.contains(block));
        result.compact();
        program.funcs[func] = Arc::new(result);
    }
}

/// An instruction, and what it yields.
type Step = (Op, Option<Value>);

/// What a chain is but for its counters and constants.
#[derive(PartialEq, Eq, Hash)]
struct Shape {
    family: PacketFamily,
    layout: Vec<Block>,
    blocks: Vec<(Vec<Step>, Terminator)>,
}

/// The numbers of chains' shapes, and how large they are with all that they call.
struct Shapes {
    of: SecondaryMap<Func, u32>,
    size: SecondaryMap<Func, u64>,
}

/// Where a switch calls chains that are alike.
struct Group {
    /// The block that the switch ends.
    block: Block,
    /// By the switch's number, from the least one on, the block that calls a chain, and the chain.
    members: BTreeMap<u32, (Block, Func)>,
    /// Where they return to.
    next: Block,
}

impl Shapes {
    /// Of the chains of a program, callees first.
    fn new(program: &Program, order: &[Func]) -> Shapes {
        let mut known: HashMap<Shape, u32> = HashMap::new();
        let mut shapes = Shapes { of: SecondaryMap::new(), size: SecondaryMap::new() };
        for &func in order {
            let function = &program.funcs[func];
            let next = known.len() as u32;
            let shape = shapes.shape(function);
            let own: u64 = shape.blocks.iter().map(|(insts, _)| insts.len() as u64 + 1).sum();
            let callees = function.callees().map(|callee| shapes.size[callee]);
            shapes.size[func] = callees.fold(own, u64::saturating_add);
            shapes.of[func] = *known.entry(shape).or_insert(next);
        }
        shapes
    }

    fn shape(&self, function: &Function) -> Shape {
        let block = |&block: &Block| {
            let data = &function.blocks[block];
            let insts = data.insts.iter().map(|&inst| {
                let InstData { op, result, .. } = &function.insts[inst];
                let op = match *op {
                    Op::Count(Counted::One(_)) => Op::Count(Counted::One(Counter::from_u32(0))),
                    Op::Const(ty, _) if may_be_chosen(ty) => Op::Const(ty, 0),
                    ref op => op.clone(),
                };
                (op, result.expand())
            });
            let terminator = match data.terminator {
                Terminator::Call { callee, next } => {
                    Terminator::Call { callee: Func::from_u32(self.of[callee]), next }
                }
                ref other => other.clone(),
            };
            (insts.collect(), terminator)
        };
        Shape {
            family: function.family,
            layout: function.layout.clone(),
            blocks: function.layout.iter().map(block).collect(),
        }
    }

    /// The groups of chains that switches of a function call.
    fn groups(&self, function: &Function) -> Vec<Group> {
        let mut groups = Vec::new();
        for &block in &function.layout {
            let Terminator::Switch(switch) = &function.blocks[block].terminator else { continue };
            if switch.arms.len() < LEAST || function.ty(switch.value) != Type::I32 {
                continue;
            }
            let mut alike: BTreeMap<(u32, Block), BTreeMap<u32, (Block, Func)>> = BTreeMap::new();
            for &Arm { low, high, to } in &switch.arms {
                let data = &function.blocks[to];
                if let Terminator::Call { callee, next } = data.terminator
                    && data.insts.is_empty()
                    && low == high
                    && let Ok(number) = u32::try_from(low)
                {
                    let members = alike.entry((self.of[callee], next)).or_default();
                    members.insert(number, (to, callee));
                }
            }
            for ((_, next), members) in alike {
                let chains: BTreeSet<Func> = members.values().map(|&(_, func)| func).collect();
                let (Some((&least, &(_, first))), Some((&greatest, _))) =
                    (members.first_key_value(), members.last_key_value())
                else {
                    continue;
                };
                let numbers = (greatest - least) as usize;
                if chains.len() >= LEAST
                    && numbers < members.len().saturating_mul(SPARSEST)
                    && self.size[first] <= LARGEST
                {
                    groups.push(Group { block, members, next });
                }
            }
        }
        groups
    }
}

/// Whether a number may choose a constant of a type.
fn may_be_chosen(ty: Type) -> bool {
    !matches!(ty, Type::Bool | Type::Element | Type::I128)
}

/// A function into which chains go.
struct Joined<'p> {
    result: Function,
    program: &'p mut Program,
    /// Calls of chains that are alike, each its own.
    open: Vec<Call>,
}

struct Call {
    /// The block that ends with it.
    block: Block,
    /// The chains by the number's value.
    chains: Vec<Func>,
    next: Block,
    number: Value,
}

impl Joined<'_> {
    /// Puts one piece of code in the place of calls.
    fn group(&mut self, Group { block, members, next }: Group) {
        let (Some((&least, &(_, first))), Some((&greatest, _))) =
            (members.first_key_value(), members.last_key_value())
        else {
            return;
        };
        let Terminator::Switch(switch) = &self.result.blocks[block].terminator else { return };
        let value = switch.value;
        let origin = self.result.blocks[block].origin;
        let entry = self.result.blocks.push(BlockData {
            insts: Vec::new(),
            terminator: Terminator::Return,
            origin,
        });
        self.result.layout.push(entry);
        let mut number = value;
        if least > 0 {
            let op = Op::Const(Type::I32, least.into());
            let least = self.push(entry, op, Some(Type::I32), origin);
            if let Some(least) = least {
                let op = Op::Binary(BinaryOp::Sub, value, least);
                number = self.push(entry, op, Some(Type::I32), origin).unwrap_or(value);
            }
        }
        // A number that leads elsewhere never comes here.
        let chain = |number: u32| members.get(&number).map_or(first, |&(_, func)| func);
        let chains = (least..=greatest).map(chain).collect();
        self.open.push(Call { block: entry, chains, next, number });
        let mut arms: Vec<Arm> = Vec::new();
        let leads = |arm: &Arm| {
            let is_member = arm.low == arm.high
                && u32::try_from(arm.low).is_ok_and(|number| members.contains_key(&number));
            if is_member { entry } else { arm.to }
        };
        if let Terminator::Switch(switch) = &mut self.result.blocks[block].terminator {
            for arm in &switch.arms {
                let to = leads(arm);
                match arms.last_mut() {
                    Some(last) if last.to == to && last.high.checked_add(1) == Some(arm.low) => {
                        last.high = arm.high;
                    }
                    _ => arms.push(Arm { to, ..*arm }),
                }
            }
            **switch = Switch { value, arms, otherwise: switch.otherwise };
        }
        while let Some(call) = self.open.pop() {
            self.call(&call);
        }
    }

    fn push(
        &mut self,
        block: Block,
        op: Op,
        ty: Option<Type>,
        origin: PackedOption<Origin>,
    ) -> Option<Value> {
        let result = &mut self.result;
        let inst = result.insts.push(InstData { op, result: None.into(), origin });
        result.blocks[block].insts.push(inst);
        let value = ty.map(|ty| result.values.push(ValueData { ty, def: inst }));
        result.insts[inst].result = value.into();
        value
    }

    /// Puts the code of the first chain in the place of a call, with what the number chooses.
    fn call(&mut self, Call { block, chains, next, number }: &Call) {
        let chains: Vec<Arc<Function>> =
            chains.iter().map(|&func| Arc::clone(&self.program.funcs[func])).collect();
        let Some(source) = chains.first().cloned() else { return };
        let mut blocks: SecondaryMap<Block, PackedOption<Block>> = SecondaryMap::new();
        for &block in &source.layout {
            let data = BlockData {
                insts: Vec::new(),
                terminator: Terminator::Return,
                origin: None.into(),
            };
            blocks[block] = self.result.blocks.push(data).into();
        }
        let target = |block: Block| blocks[block].expand().unwrap_or(block);
        let mut values: SecondaryMap<Value, PackedOption<Value>> = SecondaryMap::new();
        if let Some(entry) = source.entry() {
            self.result.blocks[*block].terminator = Terminator::Jump(target(entry));
        }
        for (place, &of) in source.layout.iter().enumerate() {
            let to = target(of);
            let data = &source.blocks[of];
            for (at, &inst) in data.insts.iter().enumerate() {
                let all = || chains.iter().map(|chain| &chain.insts[inst_at(chain, place, at)]);
                let mut op =
                    self.chosen(&source.insts[inst].op, all().map(|data| &data.op), *number);
                if !matches!(op, Op::Choose(..) | Op::CountAt(..)) {
                    op.map_args(|value| values[value].expand().unwrap_or(value));
                }
                let origin = self.origin(all().map(|data| data.origin));
                let result = source.insts[inst].result.expand();
                let ty = result.map(|value| source.ty(value));
                let copied = self.push(to, op, ty, origin);
                if let Some(value) = result {
                    values[value] = copied.into();
                }
            }
            let mut terminator = data.terminator.clone();
            terminator.map_blocks(target);
            terminator.map_arg(|value| values[value].expand().unwrap_or(value));
            match &terminator {
                Terminator::Return => terminator = Terminator::Jump(*next),
                &Terminator::Call { callee, next } => {
                    let callees = chains.iter().map(|chain| callee_at(chain, place));
                    let callees: Vec<Func> = callees.map(|func| func.unwrap_or(callee)).collect();
                    if callees.iter().any(|&other| other != callee) {
                        self.open.push(Call { block: to, chains: callees, next, number: *number });
                    }
                }
                _ => {}
            }
            let ends = chains.iter().map(|chain| chain.blocks[chain.layout[place]].origin);
            let origin = self.origin(ends);
            let data = &mut self.result.blocks[to];
            (data.terminator, data.origin) = (terminator, origin);
            self.result.layout.push(to);
        }
    }

    /// What stands for an operation of chains, which the number chooses where they differ.
    fn chosen<'a>(&mut self, op: &Op, all: impl Iterator<Item = &'a Op>, number: Value) -> Op {
        match *op {
            Op::Count(Counted::One(first)) => {
                let counters = all.map(|op| match *op {
                    Op::Count(Counted::One(counter)) => counter,
                    _ => first,
                });
                let counters: Box<[Counter]> = counters.collect();
                match counters.iter().all(|&counter| counter == first) {
                    true => op.clone(),
                    false => Op::CountAt(self.program.counter_lists.push(counters), number),
                }
            }
            Op::Const(ty, first) if may_be_chosen(ty) => {
                let numbers = all.map(|op| match *op {
                    Op::Const(_, number) => number,
                    _ => first,
                });
                let numbers: Box<[u128]> = numbers.collect();
                match numbers.iter().all(|&number| number == first) {
                    true => op.clone(),
                    false => Op::Choose(ty, numbers, number),
                }
            }
            _ => op.clone(),
        }
    }

    /// Where what stands for instructions of chains comes from.
    fn origin(&mut self, all: impl Iterator<Item = PackedOption<Origin>>) -> PackedOption<Origin> {
        let mut origins: Vec<Origin> = all.filter_map(|origin| origin.expand()).collect();
        origins.sort_unstable();
        origins.dedup();
        match origins[..] {
            [] => None.into(),
            [one] => one.into(),
            _ => {
                let rules = origins.iter().flat_map(|origin| origin.rules(self.program));
                let rules: BTreeSet<Rule> = rules.collect();
                Origin::from(self.program.rule_lists.push(rules.into_iter().collect())).into()
            }
        }
    }
}

/// The instruction at a place of a block of a chain that is like others.
fn inst_at(chain: &Function, place: usize, at: usize) -> Inst {
    chain.blocks[chain.layout[place]].insts[at]
}

/// The chain that a block of a chain calls.
fn callee_at(chain: &Function, place: usize) -> Option<Func> {
    match chain.blocks[chain.layout[place]].terminator {
        Terminator::Call { callee, .. } => Some(callee),
        _ => None,
    }
}
