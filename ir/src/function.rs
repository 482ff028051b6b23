//! One chain: blocks, instructions, values, and the builder that makes them.

use crate::{
    Base, BinaryOp, Block, CalendarField, Chain, ChainData, Condition, Counted, Counter, Func,
    Inst, Lookup, Object, Op, Origin, PacketFamily, Query, Rule, Scan, Source, State, Table,
    Terminator, Touch, Type, Value, Verdict,
};
use cranelift_entity::PrimaryMap;
use cranelift_entity::packed_option::PackedOption;

/// An instruction with its result and the rules it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstData {
    /// What it does.
    pub op: Op,
    /// The value it defines, none for `count` and `mark`.
    pub result: PackedOption<Value>,
    /// The rules it comes from.
    pub origin: PackedOption<Origin>,
}

// A program of 100,000 rules has millions of instructions, and is cloned while it is fitted.
const _: () = assert!(size_of::<InstData>() <= 48);

/// A value: its type and its definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueData {
    /// Its type.
    pub ty: Type,
    /// The instruction that defines it.
    pub def: Inst,
}

/// A block: instructions, then one terminator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockData {
    /// Instructions in order.
    pub insts: Vec<Inst>,
    /// How it ends.
    pub terminator: Terminator,
    /// The rules that the terminator comes from.
    pub origin: PackedOption<Origin>,
}

/// One chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// `filter/INPUT`, `ip6/filter/INPUT`; unique in the program.
    pub name: String,
    /// The chain whose rules it holds; none where it is no chain's.
    pub chain: PackedOption<Chain>,
    /// Its packets' family: it fixes the network header's shape and the types of addresses.
    pub family: PacketFamily,
    /// Blocks; read through [`Function::layout`] for their order.
    pub blocks: PrimaryMap<Block, BlockData>,
    /// Every block once, the entry first.
    pub layout: Vec<Block>,
    /// Instructions.
    pub insts: PrimaryMap<Inst, InstData>,
    /// Values.
    pub values: PrimaryMap<Value, ValueData>,
}

impl Function {
    /// A function without blocks.
    pub fn new(name: impl Into<String>, family: impl Into<PacketFamily>) -> Self {
        Function {
            name: name.into(),
            chain: None.into(),
            family: family.into(),
            blocks: PrimaryMap::new(),
            layout: Vec::new(),
            insts: PrimaryMap::new(),
            values: PrimaryMap::new(),
        }
    }

    /// A function without blocks for what a chain of the ruleset does with packets of a family.
    pub fn of_chain(chain: Chain, data: &ChainData, family: impl Into<PacketFamily>) -> Self {
        let family = family.into();
        let name = match data.family.only() {
            Some(_) => data.label(),
            None => format!("{} {family}", data.label()),
        };
        Function { chain: chain.into(), ..Function::new(name, family) }
    }

    /// The block that runs first; none in a function without blocks.
    pub fn entry(&self) -> Option<Block> {
        self.layout.first().copied()
    }

    /// The operation that defines a value.
    pub fn definition(&self, value: Value) -> &Op {
        &self.insts[self.values[value].def].op
    }

    /// A value's type.
    pub fn ty(&self, value: Value) -> Type {
        self.values[value].ty
    }

    /// The chains it calls, in layout order, with repetitions.
    pub fn callees(&self) -> impl Iterator<Item = Func> {
        self.layout.iter().filter_map(|&block| match self.blocks[block].terminator {
            Terminator::Call { callee, .. } => Some(callee),
            _ => None,
        })
    }

    /// The type of what an operation defines, none where it defines nothing.
    pub fn result_type(&self, op: &Op) -> Option<Type> {
        match *op {
            Op::Binary(_, a, _) => Some(self.ty(a)),
            _ => op.fixed_type(),
        }
    }
}

/// Appends blocks and instructions to a function. Blocks are declared first, laid out by
/// [`FunctionBuilder::switch_to`] and ended by a terminator.
#[derive(Debug)]
pub struct FunctionBuilder {
    function: Function,
    current: Option<Block>,
    origin: PackedOption<Origin>,
}

impl FunctionBuilder {
    /// A builder of an empty function.
    pub fn new(name: impl Into<String>, family: impl Into<PacketFamily>) -> Self {
        FunctionBuilder {
            function: Function::new(name, family),
            current: None,
            origin: None.into(),
        }
    }

    /// A builder of a function for what a chain of the ruleset does with packets of a family.
    pub fn of_chain(chain: Chain, data: &ChainData, family: impl Into<PacketFamily>) -> Self {
        let function = Function::of_chain(chain, data, family);
        FunctionBuilder { function, current: None, origin: None.into() }
    }

    /// The family that was given.
    pub fn family(&self) -> PacketFamily {
        self.function.family
    }

    /// The rule that instructions and terminators carry from here on.
    pub fn set_rule(&mut self, rule: Option<Rule>) {
        self.set_origin(rule.map(Origin::from));
    }

    /// The rules that instructions and terminators carry from here on.
    pub fn set_origin(&mut self, origin: Option<Origin>) {
        self.origin = origin.into();
    }

    /// A value's type.
    pub fn ty(&self, value: Value) -> Type {
        self.function.ty(value)
    }

    /// The number that a value is, where that is a constant.
    pub fn constant_of(&self, value: Value) -> Option<u128> {
        match *self.function.definition(value) {
            Op::Const(_, number) => Some(number),
            _ => None,
        }
    }

    /// The rule that instructions carry now, where it is one.
    pub fn rule(&self) -> Option<Rule> {
        self.origin.expand()?.rule()
    }

    /// Declares a block; it takes its place in the layout when switched to.
    pub fn block(&mut self) -> Block {
        self.function.blocks.push(BlockData {
            insts: Vec::new(),
            terminator: Terminator::Return,
            origin: self.origin,
        })
    }

    /// Lays a block out at the end and appends to it from here on.
    pub fn switch_to(&mut self, block: Block) {
        debug_assert!(self.current.is_none(), "the block before has no terminator");
        self.function.layout.push(block);
        self.current = Some(block);
    }

    /// Whether the block that was switched to still waits for its terminator.
    pub fn is_open(&self) -> bool {
        self.current.is_some()
    }

    /// Appends an instruction; the value is there for operations that define one.
    ///
    /// # Panics
    /// When no block is open.
    pub fn push(&mut self, op: Op) -> Option<Value> {
        let block = self.current.expect("an open block");
        let ty = self.function.result_type(&op);
        let inst =
            self.function.insts.push(InstData { op, result: None.into(), origin: self.origin });
        let result = ty.map(|ty| self.function.values.push(ValueData { ty, def: inst }));
        self.function.insts[inst].result = result.into();
        self.function.blocks[block].insts.push(inst);
        result
    }

    fn value(&mut self, op: Op) -> Value {
        self.push(op).expect("an operation that defines a value")
    }

    /// Ends the open block.
    ///
    /// # Panics
    /// When no block is open.
    pub fn terminate(&mut self, terminator: Terminator) {
        let block = self.current.take().expect("an open block");
        self.function.blocks[block].terminator = terminator;
        self.function.blocks[block].origin = self.origin;
    }

    /// Counts the packet.
    pub fn count(&mut self, counter: Counter) {
        self.push(Op::Count(Counted::One(counter)));
    }

    /// A constant.
    pub fn constant(&mut self, ty: Type, value: u128) -> Value {
        self.value(Op::Const(ty, value & ty.max()))
    }

    /// A load.
    pub fn load(&mut self, ty: Type, source: Source) -> Value {
        self.value(Op::Load(ty, source))
    }

    /// A load of packet bytes at a constant offset.
    pub fn payload(&mut self, ty: Type, base: Base, offset: u16) -> Value {
        self.load(ty, Source::Payload(base, offset))
    }

    /// A load of a fact about the packet, in its own type.
    pub fn meta(&mut self, meta: crate::Meta) -> Value {
        self.load(meta.ty(), Source::Meta(meta))
    }

    /// A load of a fact about the packet's connection, in its own type.
    pub fn ct(&mut self, field: crate::CtField) -> Value {
        self.load(field.ty(self.function.family), Source::Ct(field))
    }

    /// A load at a computed offset.
    pub fn load_at(&mut self, ty: Type, offset: Value, displacement: u16) -> Value {
        self.value(Op::LoadAt(ty, offset, displacement))
    }

    /// Arithmetic.
    pub fn binary(&mut self, op: BinaryOp, a: Value, b: Value) -> Value {
        self.value(Op::Binary(op, a, b))
    }

    /// `value & mask`; the value itself where the mask has all its bits.
    pub fn mask(&mut self, value: Value, mask: u128) -> Value {
        let ty = self.function.ty(value);
        if mask & ty.max() == ty.max() {
            return value;
        }
        let mask = self.constant(ty, mask);
        self.binary(BinaryOp::And, value, mask)
    }

    /// A comparison.
    pub fn compare(&mut self, condition: Condition, a: Value, b: Value) -> Value {
        self.value(Op::Compare(condition, a, b))
    }

    /// A comparison with a constant.
    pub fn compare_const(&mut self, condition: Condition, a: Value, b: u128) -> Value {
        let b = self.constant(self.function.ty(a), b);
        self.compare(condition, a, b)
    }

    /// Whether a value lies in a range, ends included; an equality where both ends are one.
    pub fn in_range(&mut self, value: Value, low: u128, high: u128) -> Value {
        if low == high {
            return self.compare_const(Condition::Eq, value, low);
        }
        self.value(Op::InRange(value, Box::new((low, high))))
    }

    /// Whether transport bytes are there.
    pub fn available(&mut self, base: Base, bytes: u16) -> Value {
        self.value(Op::Available(base, bytes))
    }

    /// Whether bytes up to a computed offset are there.
    pub fn available_at(&mut self, offset: Value, bytes: u16) -> Value {
        self.value(Op::AvailableAt(offset, bytes))
    }

    /// A scan.
    pub fn scan(&mut self, scan: Scan) -> Value {
        self.value(Op::Scan(scan))
    }

    /// A question to the kernel's tables.
    pub fn lookup(&mut self, lookup: Lookup) -> Value {
        self.value(Op::Lookup(lookup))
    }

    /// What a state yields for the packet.
    pub fn take(&mut self, state: State) -> Value {
        self.value(Op::Take(state))
    }

    /// What an object answers: 1 or 0.
    pub fn query(&mut self, object: Object, query: Query, arguments: Vec<Value>) -> Value {
        self.value(Op::Query(object, Box::new(query), arguments.into()))
    }

    /// The element of a table that holds a key.
    pub fn find(&mut self, table: Table, key: Vec<Value>) -> Value {
        self.value(Op::Find(table, key.into()))
    }

    /// The element of a key, touched by the packet.
    pub fn touch(&mut self, table: Table, touch: Touch, values: Vec<Value>) -> Value {
        self.value(Op::Touch(table, touch, values.into()))
    }

    /// Takes the element of a key away.
    pub fn remove(&mut self, table: Table, key: Vec<Value>) {
        self.push(Op::Remove(table, key.into()));
    }

    /// Whether there is such an element.
    pub fn found(&mut self, element: Value) -> Value {
        self.value(Op::Found(element))
    }

    /// A field of an element that was found.
    pub fn field(&mut self, ty: Type, element: Value, place: u16) -> Value {
        self.value(Op::Field(ty, element, place))
    }

    /// A random number.
    pub fn random(&mut self) -> Value {
        self.value(Op::Random)
    }

    /// The same number in a wider type.
    pub fn extend(&mut self, ty: Type, value: Value) -> Value {
        self.value(Op::Extend(ty, value))
    }

    /// The number's lowest bits in a narrower type.
    pub fn truncate(&mut self, ty: Type, value: Value) -> Value {
        self.value(Op::Truncate(ty, value))
    }

    /// What a time means in the calendar.
    pub fn calendar(&mut self, field: CalendarField, seconds: Value) -> Value {
        self.value(Op::Calendar(field, seconds))
    }

    /// Whether the packet's socket is in a control group.
    pub fn control_group(&mut self, path: &str) -> Value {
        self.value(Op::ControlGroup(path.into()))
    }

    /// Jenkins' hash of so many bytes of numbers.
    pub fn hash(&mut self, values: Vec<Value>, bytes: u16, seed: u32) -> Value {
        self.value(Op::Hash(values.into(), bytes, seed))
    }

    /// Ends the open block in a branch.
    pub fn branch(&mut self, condition: Value, then: Block, otherwise: Block) {
        self.terminate(Terminator::Branch { condition, then, otherwise });
    }

    /// Ends the open block with a test: continues in a new block when true (laid out next and
    /// switched to), at `otherwise` when false.
    pub fn require(&mut self, condition: Value, otherwise: Block) {
        let next = self.block();
        self.branch(condition, next, otherwise);
        self.switch_to(next);
    }

    /// Ends the open block with a test: continues in a new block when false (laid out next and
    /// switched to), at `otherwise` when true.
    pub fn forbid(&mut self, condition: Value, otherwise: Block) {
        let next = self.block();
        self.branch(condition, otherwise, next);
        self.switch_to(next);
    }

    /// Ends the open block.
    pub fn jump(&mut self, block: Block) {
        self.terminate(Terminator::Jump(block));
    }

    /// Ends the open block with a verdict.
    pub fn verdict(&mut self, verdict: Verdict) {
        self.terminate(Terminator::Verdict(verdict));
    }

    /// The function.
    ///
    /// # Panics
    /// When a block is still open.
    pub fn finish(self) -> Function {
        assert!(self.current.is_none(), "the last block has no terminator");
        self.function
    }
}
