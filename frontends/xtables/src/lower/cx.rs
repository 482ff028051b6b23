//! What a match or target emits its IR into.

use crate::Unsupported;
use bpfc_ipset::Set;
use bpfc_ir::{
    Base, BinaryOp, Block, Condition, CtField, Family, Fingerprint, FrontendOptions,
    FunctionBuilder, Log, LogKind, Meta, Object, ObjectDef, ObjectKind, Op, ProbeDef, Program,
    Query, Scan, State, StateDef, StateKind, Table, TableDef, Type, Value,
};
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The length in bytes of all that begins with the transport header, an i32, and whether that is
/// at least `bytes` (an i32).
pub(crate) fn holds_transport(b: &mut FunctionBuilder, bytes: Value) -> (Value, Value) {
    let (length, start) = (b.meta(Meta::Length), b.meta(Meta::TransportOffset));
    let start = b.extend(Type::I32, start);
    let length = b.binary(BinaryOp::Sub, length, start);
    (length, b.compare(Condition::Ge, length, bytes))
}

/// One rule while it is lowered: the open block of its chain, and where control goes when the
/// rule does not match or the packet is dropped at once.
#[derive(Debug)]
pub struct RuleCx<'a> {
    builder: &'a mut FunctionBuilder,
    program: &'a mut Program,
    firsts: &'a mut Firsts,
    options: &'a FrontendOptions,
    no_match: Block,
    hotdrop: &'a mut Option<Block>,
    protocol: Option<u8>,
    rule: RuleState,
}

/// What the first rule that names something said of it: it is so for all rules that name it.
#[derive(Debug, Default)]
pub(super) struct Firsts(BTreeMap<String, Box<dyn Any>>);

/// What lowering a rule's matches leaves behind for lowering some of them once more.
#[derive(Debug, Default)]
pub(super) struct RuleState {
    /// The match that is lowered.
    matched: usize,
    /// How many states it has asked for.
    asked: usize,
    /// States and objects by match, in the order asked for.
    states: BTreeMap<(usize, usize), State>,
    objects: BTreeMap<(usize, usize), Object>,
    /// By match: where control goes when it holds and drops the packet.
    late: BTreeMap<usize, Block>,
}

impl<'a> RuleCx<'a> {
    /// A rule whose failure leads to `no_match`; the chain's drop block is declared when first
    /// asked for. `protocol` is the one that its header asks for.
    pub(super) fn new(
        builder: &'a mut FunctionBuilder,
        (program, firsts): (&'a mut Program, &'a mut Firsts),
        options: &'a FrontendOptions,
        no_match: Block,
        hotdrop: &'a mut Option<Block>,
        protocol: Option<u8>,
    ) -> Self {
        let rule = RuleState::default();
        RuleCx { builder, program, firsts, options, no_match, hotdrop, protocol, rule }
    }

    /// That the match of this index is lowered next.
    pub(super) fn begin_match(&mut self, index: usize) {
        self.rule.matched = index;
        self.rule.asked = 0;
    }

    /// Turns to the packets that a match took although it drops them, if any match did: yields
    /// the index of the next match to lower for them. Where a further match does not hold they are
    /// dropped uncounted.
    pub(super) fn begin_late(&mut self) -> Option<usize> {
        let (index, block) = self.rule.late.pop_first()?;
        self.no_match = self.hotdrop();
        self.builder.switch_to(block);
        Some(index + 1)
    }

    /// The chain's builder, with a block open.
    pub fn builder(&mut self) -> &mut FunctionBuilder {
        self.builder
    }

    /// The chain's family.
    pub fn family(&self) -> Family {
        // Chains of iptables see IP alone.
        self.builder.family().ip().unwrap_or(Family::Ipv6)
    }

    /// The one protocol whose packets the rule's `-p` lets through.
    pub fn protocol(&self) -> Option<u8> {
        self.protocol
    }

    /// Where control goes when the rule does not match.
    pub fn no_match(&self) -> Block {
        self.no_match
    }

    /// The block that drops the packet at once, whatever rules follow.
    pub fn hotdrop(&mut self) -> Block {
        match *self.hotdrop {
            Some(block) => block,
            None => *self.hotdrop.insert(self.builder.block()),
        }
    }

    /// Where control goes when the match holds and the packet is nevertheless dropped: the rest
    /// of the rule's matches decide whether the rule counts it and its target acts on it, and then
    /// it is dropped. So the kernel treats inverted tests of broken packets that set hotdrop and
    /// yet match.
    pub fn match_then_drop(&mut self) -> Block {
        let index = self.rule.matched;
        match self.rule.late.get(&index) {
            Some(&block) => block,
            None => {
                let block = self.builder.block();
                self.rule.late.insert(index, block);
                block
            }
        }
    }

    /// State across packets: one for each time that a match asks for it, however often the match
    /// is lowered.
    pub fn state(&mut self, kind: StateKind) -> State {
        let key = (self.rule.matched, self.rule.asked);
        self.rule.asked += 1;
        let program = &mut *self.program;
        let def = StateDef { name: String::new(), kind };
        *self.rule.states.entry(key).or_insert_with(|| program.states.push(def))
    }

    /// An object of the rule's own, as [`RuleCx::state`].
    pub fn object(&mut self, kind: ObjectKind) -> Object {
        let key = (self.rule.matched, self.rule.asked);
        self.rule.asked += 1;
        let program = &mut *self.program;
        let def = ObjectDef { name: String::new(), kind };
        *self.rule.objects.entry(key).or_insert_with(|| program.objects.push(def))
    }

    /// What the first rule said of something that all rules of a ruleset share by its name, which
    /// is this rule's where it is the first.
    pub fn first<T: Any + Clone>(&mut self, name: &str, own: &T) -> T {
        let make = || Box::new(own.clone()) as Box<dyn Any>;
        let first = self.firsts.0.entry(name.to_owned()).or_insert_with(make);
        first.downcast_ref().unwrap_or(own).clone()
    }

    /// The table of a name, made as `def` says where it is first asked for.
    pub fn named_table(&mut self, def: TableDef) -> Table {
        let known = self.program.table_named(&def.name);
        known.unwrap_or_else(|| self.program.tables.push(def))
    }

    /// The set of a name, where there is one.
    pub fn set(&self, name: &str) -> Option<Arc<Set>> {
        self.options.sets.get(name).map(Arc::clone)
    }

    /// The fingerprints of operating systems, in the order in which they are loaded.
    pub fn fingerprints(&self) -> &'a [Fingerprint] {
        self.options.fingerprints.as_ref().map_or(&[], |list| list.as_slice())
    }

    /// The object of a name, which all rules share. An error where rules disagree on what it is.
    pub fn named_object(&mut self, name: &str, kind: ObjectKind) -> Result<Object, Unsupported> {
        self.program.named_object(name, kind.clone()).map_err(|other| {
            let wanted = kind.to_string();
            let known = &self.program.objects[other].kind;
            Unsupported(format!("'{name}' is {wanted} here and {known} in a rule before"))
        })
    }

    /// Whether a limit or quota of the rule's own has enough for the packet.
    pub fn take(&mut self, kind: StateKind) -> Value {
        let state = self.state(kind);
        let enough = self.builder.take(state);
        self.builder.compare_const(Condition::Ne, enough, 0)
    }

    /// What an object answers to the packet: true or false.
    pub fn query(&mut self, object: Object, query: Query, arguments: Vec<Value>) -> Value {
        let answer = self.builder.query(object, query, arguments);
        self.builder.compare_const(Condition::Ne, answer, 0)
    }

    /// A scan by a definition that is too large for an instruction.
    pub fn probe(&mut self, definition: ProbeDef) -> Value {
        let probe = self.program.probe(definition);
        self.builder.scan(Scan::Probe(probe))
    }

    /// Logs the packet, by the rule.
    pub fn log(&mut self, kind: LogKind, prefix: &str) {
        if let Some(rule) = self.builder.rule() {
            let log = Log { kind, prefix: prefix.to_owned() };
            self.builder.push(Op::Log(rule, Box::new(log)));
        }
    }

    /// Declares the block in which the rule goes on behind a match that several tests decide. The
    /// match switches to it at its end.
    pub fn fork(&mut self, invert: bool) -> Fork {
        let (matched, no_match) = (self.builder.block(), self.no_match);
        match invert {
            false => Fork { matched, held: matched, failed: no_match },
            true => Fork { matched, held: no_match, failed: matched },
        }
    }

    /// Goes on where the packet has a connection, at `otherwise` where it has none.
    pub fn require_connection(&mut self, otherwise: Block) {
        let present = self.builder.ct(CtField::Present);
        let present = self.builder.compare_const(Condition::Ne, present, 0);
        self.builder.require(present, otherwise);
    }

    /// Goes on where the condition holds; no match otherwise.
    pub fn require(&mut self, condition: Value) {
        self.builder.require(condition, self.no_match);
    }

    /// Goes on where the condition does not hold; no match otherwise.
    pub fn forbid(&mut self, condition: Value) {
        self.builder.forbid(condition, self.no_match);
    }

    /// Goes on where the condition is `wanted`; no match otherwise.
    pub fn expect(&mut self, condition: Value, wanted: bool) {
        if wanted { self.require(condition) } else { self.forbid(condition) }
    }

    /// Goes on where the condition holds; the packet is dropped at once otherwise.
    pub fn require_or_drop(&mut self, condition: Value) {
        let drop = self.hotdrop();
        self.builder.require(condition, drop);
    }

    /// Goes on where the condition does not hold; the packet is dropped at once otherwise.
    pub fn forbid_or_drop(&mut self, condition: Value) {
        let drop = self.hotdrop();
        self.builder.forbid(condition, drop);
    }

    /// Goes on in no case: the rule never matches. The open block that follows is not reached.
    pub fn never(&mut self) {
        self.builder.jump(self.no_match);
        let next = self.builder.block();
        self.builder.switch_to(next);
    }

    /// Goes on where `low <= value <= high` is `wanted`; no match otherwise. An empty range holds
    /// no value.
    pub fn expect_range(&mut self, value: Value, low: u128, high: u128, wanted: bool) {
        if low > high {
            if wanted {
                self.never();
            }
            return;
        }
        let inside = self.builder.in_range(value, low, high);
        self.expect(inside, wanted);
    }

    /// Goes on where the packet is no fragment or a first one; no match otherwise.
    pub fn require_first_fragment(&mut self) {
        let offset = self.builder.meta(Meta::FragmentOffset);
        let first = self.builder.compare_const(Condition::Eq, offset, 0);
        self.require(first);
    }

    /// Goes on where `bytes` bytes of the transport header are there; otherwise the packet is
    /// dropped at once, as most matches do with a truncated header.
    pub fn transport_or_drop(&mut self, bytes: u16) {
        let there = self.builder.available(Base::Transport, bytes);
        self.require_or_drop(there);
    }

    /// Goes on where the whole TCP header is there, options and all; otherwise the packet is
    /// dropped at once. Yields the lengths in bytes of the header and of all that begins with it,
    /// two i32.
    pub fn tcp_header_or_drop(&mut self) -> (Value, Value) {
        self.transport_or_drop(20);
        let b = &mut *self.builder;
        let words = b.payload(Type::I8, Base::Transport, 12);
        let four = b.constant(Type::I8, 4);
        let words = b.binary(BinaryOp::Shr, words, four);
        let enough = b.compare_const(Condition::Ge, words, 5);
        self.require_or_drop(enough);
        let b = &mut *self.builder;
        let words = b.extend(Type::I32, words);
        let two = b.constant(Type::I32, 2);
        let header = b.binary(BinaryOp::Shl, words, two);
        let (length, whole) = holds_transport(b, header);
        self.require_or_drop(whole);
        (header, length)
    }

    /// Goes on where one of the tests holds (or, with `wanted` false, where none does). Each test
    /// makes one condition; tests run in order and later ones only while none has held.
    pub fn expect_any<T>(
        &mut self,
        tests: &[T],
        wanted: bool,
        mut condition: impl FnMut(&mut FunctionBuilder, &T) -> Value,
    ) {
        let Fork { matched, held, failed } = self.fork(!wanted);
        for test in tests {
            let holds = condition(self.builder, test);
            self.builder.forbid(holds, held);
        }
        self.builder.jump(failed);
        self.builder.switch_to(matched);
    }
}

/// Where control goes from the tests of a match; see [`RuleCx::fork`].
#[derive(Clone, Copy, Debug)]
pub struct Fork {
    /// Where the rule goes on.
    pub matched: Block,
    /// Where to go when what the match asks holds: with inversion the rule does not match.
    pub held: Block,
    /// Where to go when it does not.
    pub failed: Block,
}
