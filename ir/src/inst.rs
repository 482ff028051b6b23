//! Instructions and terminators.

use crate::{
    Base, Block, CalendarField, Counter, CounterList, Func, Log, Lookup, Object, Query, Rewrite,
    Rule, Scan, Source, State, Switch, Table, Type, Value, Verdict,
};

/// What counts a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    /// A counter.
    One(Counter),
    /// Every counter of a list.
    All(CounterList),
}

/// Arithmetic on two numbers of one type, modulo its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BinaryOp {
    /// Bitwise and; the only one besides `or` and `xor` that takes i128.
    And,
    /// Bitwise or.
    Or,
    /// Bitwise exclusive or.
    Xor,
    /// Sum.
    Add,
    /// Difference.
    Sub,
    /// Product.
    Mul,
    /// Quotient; 0 where the divisor is 0.
    Div,
    /// Remainder; the dividend where the divisor is 0.
    Rem,
    /// The smaller one.
    Min,
    /// Shift left; the amount must be less than the width.
    Shl,
    /// Logical shift right; the amount must be less than the width.
    Shr,
}

/// Comparison of unsigned numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
}

impl Condition {
    /// Whether it holds between two unsigned numbers.
    pub fn holds(self, a: u128, b: u128) -> bool {
        match self {
            Condition::Eq => a == b,
            Condition::Ne => a != b,
            Condition::Lt => a < b,
            Condition::Le => a <= b,
            Condition::Gt => a > b,
            Condition::Ge => a >= b,
        }
    }

    /// The condition with its sides exchanged: what holds between b and a where this holds between
    /// a and b.
    pub fn mirrored(self) -> Condition {
        match self {
            Condition::Lt => Condition::Gt,
            Condition::Le => Condition::Ge,
            Condition::Gt => Condition::Lt,
            Condition::Ge => Condition::Le,
            same => same,
        }
    }
}

/// Whether a packet adds the element that it touches. The number is how long such an element lives,
/// in milliseconds, where each has its own end ([`crate::Expiry::Own`]); 0 for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Touch {
    /// Where there is none yet (`add`); one that is there lives on as it does.
    Add(Timeout),
    /// The same, and one that is there lives so long from now on (`update`), unless it lives for
    /// ever.
    Update(Timeout),
    /// Never (`existing`).
    Existing,
}

/// How long an element lives; small, as instructions are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timeout(u32);

impl Timeout {
    /// For ever.
    pub const NEVER: Timeout = Timeout(0);
    /// What is seconds has this bit.
    const SECONDS: u32 = 1 << 31;

    /// So many milliseconds, 0 for ever. `None` of those that are neither fewer than 2^31 nor whole
    /// seconds.
    pub fn new(milliseconds: u64) -> Option<Timeout> {
        let small = |number: u64| u32::try_from(number).ok().filter(|&n| n < Self::SECONDS);
        let seconds = || small(milliseconds / 1000).filter(|_| milliseconds.is_multiple_of(1000));
        small(milliseconds).or_else(|| Some(seconds()? | Self::SECONDS)).map(Timeout)
    }

    /// Its milliseconds; 0 for ever.
    pub fn get(self) -> u64 {
        match self.0 & Self::SECONDS {
            0 => self.0.into(),
            _ => u64::from(self.0 & !Self::SECONDS) * 1000,
        }
    }
}

/// What an instruction does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// `v = const.T N`.
    Const(Type, u128),
    /// `v = choose.T v, { N, N }`: the number at that place (i32) of the list; 0 behind its end.
    /// Pure. Not for i128.
    Choose(Type, Box<[u128]>, Value),
    /// `v = load.T SOURCE`: pure, may be repeated and moved within its guards.
    Load(Type, Source),
    /// `v = load.T at v + N`: packet bytes, big endian, at a computed offset (i32) from the
    /// network header; guarded by [`Op::AvailableAt`] of the same value.
    LoadAt(Type, Value, u16),
    /// `v = and v, v` and so on.
    Binary(BinaryOp, Value, Value),
    /// `v = zext.T v`: the same number in a wider type.
    Extend(Type, Value),
    /// `v = trunc.T v`: the number's lowest bits in a narrower type.
    Truncate(Type, Value),
    /// `v = calendar FIELD, v`: i32, what a time (i64) means in the calendar. Pure.
    Calendar(CalendarField, Value),
    /// `v = jhash (v, v) bytes N seed N`: i32, Bob Jenkins' hash as the kernel computes it over so
    /// many bytes of numbers, each of which takes its type's bytes in network order and is filled
    /// up with zeros to whole words of four; see [`crate::jenkins`]. Pure.
    Hash(Box<[Value]>, u16, u32),
    /// `v = cmp eq v, v`: bool.
    Compare(Condition, Value, Value),
    /// `v = range v, LO..HI`: bool, both ends included, LO <= HI.
    InRange(Value, Box<(u128, u128)>),
    /// `v = avail BASE N`: bool, whether N bytes from the base lie inside the packet
    /// (`Base::Transport` only; the other bases have guarantees of their own). False where the
    /// extension header walk failed.
    Available(Base, u16),
    /// `v = avail at v + N`: bool, whether the bytes up to that offset from the network header
    /// lie inside the packet.
    AvailableAt(Value, u16),
    /// `v = scan KIND`: i32, see [`Scan`]. Pure.
    Scan(Scan),
    /// `v = lookup QUESTION`: i32, see [`Lookup`]. Pure.
    Lookup(Lookup),
    /// `v = control-group "PATH"`: i32, 1 where the packet's own socket is a full one of its
    /// network namespace whose control group, in the hierarchy of version 2, is the one of that
    /// path or below it (`cgroup_is_descendant`, include/linux/cgroup.h), else 0. Pure.
    ControlGroup(Box<str>),
    /// `v = random`: i32, evenly distributed; an effect in that it must not be repeated.
    Random,
    /// `v = take stateN`: i32, what the state yields for this packet, see [`crate::StateKind`]; one
    /// atomic step.
    Take(State),
    /// `v = query objectN QUERY (v, v)`: i32, 1 where the answer is yes, else 0; see [`Query`].
    Query(Object, Box<Query>, Box<[Value]>),
    /// `v = find tableN (v, v)`: the element that holds a key, its numbers in the order of the
    /// key's parts. Pure as long as nothing changes the table.
    Find(Table, Box<[Value]>),
    /// `v = touch tableN ADD (v, v)`: the element of a key, made where there is none yet and
    /// [`Touch`] says so, after its states were taken from for this packet, all in one atomic step.
    /// A state's field is what it yielded. There is no such element where there is no room. Behind
    /// the key's parts stand, where the packet may add the element, its numbers
    /// ([`crate::FieldDef::Data`]); one that is there keeps its own.
    Touch(Table, Touch, Box<[Value]>),
    /// `remove tableN (v, v)`: the element of a key is gone, if there was one.
    Remove(Table, Box<[Value]>),
    /// `v = found v`: bool, whether there is such an element.
    Found(Value),
    /// `v = field.T v N`: the element's field of that place; guarded by [`Op::Found`] of the same
    /// element. Pure.
    Field(Type, Value, u16),
    /// `count counterN` or `count countersN`: packets by one, bytes by the packet's length.
    Count(Counted),
    /// `count countersN at v`: counts the counter at that place (i32) of the list; none behind its
    /// end.
    CountAt(CounterList, Value),
    /// `log ruleN KIND prefix "TEXT"`: writes a record of the packet, by the rule; see [`Log`].
    Log(Rule, Box<Log>),
    /// `trace`: from here on the packet is traced: [`crate::LogKind::Trace`] records are written.
    Trace,
    /// `mark v`: sets the packet's firewall mark (i32).
    SetMark(Value),
    /// `ct-mark v`: sets the mark of the packet's connection (i32), for rules behind it, for the
    /// connection's later packets and for the kernel; guarded as [`crate::CtField::Mark`] is. The
    /// packet must be one of TCP or UDP: programs find no other connections again
    /// (net/netfilter/nf_conntrack_bpf.c).
    SetConnectionMark(Value),
    /// `to-host`: a frame that the link layer meant for others or a group becomes one for this
    /// host: [`crate::Meta::PacketType`] is 0 from here on, for rules and for the kernel.
    ToHost,
    /// `store ...`, `insert ...`, `strip ...`, `checksum ...` and so on: writes the packet, see
    /// [`Rewrite`].
    Rewrite(Rewrite),
}

impl Op {
    /// Whether it must stay in place and happen exactly once.
    pub fn is_effect(&self) -> bool {
        matches!(
            self,
            Op::Random
                | Op::Take(_)
                | Op::Query(..)
                | Op::Touch(..)
                | Op::Remove(..)
                | Op::Count(_)
                | Op::CountAt(..)
                | Op::Log(..)
                | Op::Trace
                | Op::SetMark(_)
                | Op::SetConnectionMark(_)
                | Op::ToHost
                | Op::Rewrite(_)
        )
    }

    /// The values it uses.
    pub fn args(&self) -> impl Iterator<Item = Value> {
        let many = match self {
            Op::Query(_, _, values)
            | Op::Find(_, values)
            | Op::Touch(_, _, values)
            | Op::Hash(values, ..)
            | Op::Remove(_, values) => &values[..],
            _ => &[],
        };
        let (a, b) = match *self {
            Op::Const(..)
            | Op::Load(..)
            | Op::Available(..)
            | Op::Scan(_)
            | Op::Lookup(_)
            | Op::ControlGroup(_)
            | Op::Random
            | Op::Take(_)
            | Op::Query(..)
            | Op::Find(..)
            | Op::Touch(..)
            | Op::Hash(..)
            | Op::Remove(..)
            | Op::Count(_)
            | Op::Log(..)
            | Op::ToHost
            | Op::Trace => (None, None),
            Op::LoadAt(_, v, _)
            | Op::Extend(_, v)
            | Op::Truncate(_, v)
            | Op::Calendar(_, v)
            | Op::InRange(v, ..)
            | Op::AvailableAt(v, _)
            | Op::Found(v)
            | Op::Field(_, v, _)
            | Op::Choose(_, _, v)
            | Op::CountAt(_, v)
            | Op::SetMark(v)
            | Op::SetConnectionMark(v) => (Some(v), None),
            Op::Binary(_, a, b) | Op::Compare(_, a, b) => (Some(a), Some(b)),
            Op::Rewrite(ref rewrite) => {
                let (a, b) = rewrite.args();
                (Some(a), b)
            }
        };
        a.into_iter().chain(b).chain(many.iter().copied())
    }

    /// Replaces each value it uses.
    pub fn map_args(&mut self, mut map: impl FnMut(Value) -> Value) {
        match self {
            Op::Const(..)
            | Op::Load(..)
            | Op::Available(..)
            | Op::Scan(_)
            | Op::Lookup(_)
            | Op::ControlGroup(_)
            | Op::Random
            | Op::Take(_)
            | Op::Count(_)
            | Op::Log(..)
            | Op::ToHost
            | Op::Trace => {}
            Op::Query(_, _, values)
            | Op::Find(_, values)
            | Op::Touch(_, _, values)
            | Op::Hash(values, ..)
            | Op::Remove(_, values) => {
                values.iter_mut().for_each(|value| *value = map(*value));
            }
            Op::LoadAt(_, v, _)
            | Op::Extend(_, v)
            | Op::Truncate(_, v)
            | Op::Calendar(_, v)
            | Op::InRange(v, ..)
            | Op::AvailableAt(v, _)
            | Op::Found(v)
            | Op::Field(_, v, _)
            | Op::Choose(_, _, v)
            | Op::CountAt(_, v)
            | Op::SetMark(v)
            | Op::SetConnectionMark(v) => *v = map(*v),
            Op::Binary(_, a, b) | Op::Compare(_, a, b) => {
                *a = map(*a);
                *b = map(*b);
            }
            Op::Rewrite(rewrite) => rewrite.map_args(map),
        }
    }

    /// The type of what it defines where its operands do not matter: all but arithmetic, which
    /// has its first operand's type, and what defines nothing.
    pub fn fixed_type(&self) -> Option<Type> {
        match *self {
            Op::Const(ty, _)
            | Op::Load(ty, _)
            | Op::LoadAt(ty, ..)
            | Op::Field(ty, ..)
            | Op::Choose(ty, ..)
            | Op::Extend(ty, _)
            | Op::Truncate(ty, _) => Some(ty),
            Op::Compare(..)
            | Op::InRange(..)
            | Op::Available(..)
            | Op::Found(_)
            | Op::AvailableAt(..) => Some(Type::Bool),
            Op::Find(..) | Op::Touch(..) => Some(Type::Element),
            Op::Calendar(..)
            | Op::Hash(..)
            | Op::Scan(_)
            | Op::Lookup(_)
            | Op::ControlGroup(_)
            | Op::Random
            | Op::Take(_)
            | Op::Query(..) => Some(Type::I32),
            Op::Binary(..)
            | Op::Remove(..)
            | Op::Count(_)
            | Op::CountAt(..)
            | Op::Log(..)
            | Op::Trace
            | Op::SetMark(_)
            | Op::SetConnectionMark(_)
            | Op::ToHost
            | Op::Rewrite(_) => None,
        }
    }
}

/// How a block ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Terminator {
    /// `jump blockN`.
    Jump(Block),
    /// `br v, blockT, blockF`.
    Branch {
        /// A bool.
        condition: Value,
        /// Where it goes on when true.
        then: Block,
        /// Where it goes on when false.
        otherwise: Block,
    },
    /// `switch v, { 22: blockN, 80..443: blockM }, blockO`: where the arm leads that holds the
    /// number, else the last block.
    Switch(Box<Switch>),
    /// `call fnN, blockM`: the chain, then the block when the chain returns; a verdict in the
    /// chain ends the caller too.
    Call {
        /// The chain.
        callee: Func,
        /// Where its return leads.
        next: Block,
    },
    /// `return` to the caller; in a base chain, to what follows its entry: the front end gives a
    /// base chain a policy, so a base chain never returns.
    Return,
    /// `verdict accept` and so on.
    Verdict(Verdict),
}

impl Terminator {
    /// Where control may go on inside the function, in text order.
    pub fn successors(&self) -> impl Iterator<Item = Block> {
        let (arms, last) = match self {
            Terminator::Switch(switch) => (&switch.arms[..], Some(switch.otherwise)),
            _ => (&[][..], None),
        };
        let (a, b) = match *self {
            Terminator::Jump(block) => (Some(block), None),
            Terminator::Branch { then, otherwise, .. } => (Some(then), Some(otherwise)),
            Terminator::Call { next, .. } => (Some(next), None),
            Terminator::Switch(_) | Terminator::Return | Terminator::Verdict(_) => (None, None),
        };
        a.into_iter().chain(b).chain(arms.iter().map(|arm| arm.to)).chain(last)
    }

    /// Replaces each successor.
    pub fn map_blocks(&mut self, mut map: impl FnMut(Block) -> Block) {
        match self {
            Terminator::Jump(block) | Terminator::Call { next: block, .. } => *block = map(*block),
            Terminator::Branch { then, otherwise, .. } => {
                *then = map(*then);
                *otherwise = map(*otherwise);
            }
            Terminator::Switch(switch) => {
                switch.arms.iter_mut().for_each(|arm| arm.to = map(arm.to));
                switch.otherwise = map(switch.otherwise);
            }
            Terminator::Return | Terminator::Verdict(_) => {}
        }
    }

    /// The value that it decides by.
    pub fn arg(&self) -> Option<Value> {
        match self {
            Terminator::Branch { condition, .. } => Some(*condition),
            Terminator::Switch(switch) => Some(switch.value),
            Terminator::Jump(_)
            | Terminator::Call { .. }
            | Terminator::Return
            | Terminator::Verdict(_) => None,
        }
    }

    /// Replaces the value that it decides by.
    pub fn map_arg(&mut self, map: impl FnOnce(Value) -> Value) {
        match self {
            Terminator::Branch { condition: value, .. } => *value = map(*value),
            Terminator::Switch(switch) => switch.value = map(switch.value),
            Terminator::Jump(_)
            | Terminator::Call { .. }
            | Terminator::Return
            | Terminator::Verdict(_) => {}
        }
    }
}
