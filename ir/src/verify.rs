//! The verifier: what every program must keep, from the front end to code generation.
//!
//! Of a program:
//! - `unique-names`: chains' names in their table and family, rules' numbers in their chain and
//!   functions' names are unique, and a chain has one function and a rule one counter at most.
//! - `entries`: there is at most one entry for each hook and family, a chain appears in it once,
//!   and priorities do not fall.
//! - `families`: the functions of an entry are of its family, a callee has its caller's family and
//!   a function its chain's.
//! - `base-chains`: base chains (those of entries) do not return and are not called.
//! - `acyclic-calls`: calls that start at entries form no cycle.
//! - `probes`: probes' definitions are sound: patterns of 1 to 128 bytes, offsets in order.
//! - `objects`: objects' names are unique, and the kernel would take their numbers.
//! - `states`: states' names are unique, and the kernel would take their numbers.
//! - `tables`: tables' names are unique, keys have parts of numbers of 64 bytes at most, of which
//!   only the last is no exact one, there is room for an element, and verdicts have names.
//! - `references`: functions, chains, rules, counters, lists, states, tables, objects, probes,
//!   blocks, instructions and values that are named exist; terminators lead to blocks of the
//!   layout.
//!
//! Of a function:
//! - `layout`: the layout is not empty and holds no block twice.
//! - `definitions`: every instruction of a laid out block stands in one place, and defines a value
//!   exactly where its operation does; the value knows its instruction and has the operation's
//!   type.
//! - `acyclic-blocks`: blocks form no cycle.
//! - `dominance`: definitions dominate uses.
//! - `operand-types`: arithmetic and comparisons take two numbers of one type; `zext` widens a
//!   number; i128 is made by loads and constants and used by and, or, xor, comparisons and ranges
//!   alone; conditions are bools and nothing else is; offsets, marks, priorities and queues are
//!   i32, times i64; the numbers that a checksum follows are i16 or i32; a hash is of as
//!   many bytes as its numbers have.
//! - `number-ranges`: constants and the ends of ranges fit their type, ranges are not empty, shift
//!   amounts are constants less than the width; the arms of
//!   a switch are in order and disjoint, and there is one.
//! - `sources`: loads have their source's type; loads from the network header stay within its 20
//!   or 40 fixed bytes, from the Ethernet header within 14. `avail` is of the transport header.
//! - `byte-guards`: loads of transport bytes, and scans of the transport header, stand below the
//!   true edge of an `avail th N` that covers them (20 bytes for a TCP scan, 12 for DCCP and SCTP);
//!   loads at an offset below that of an `avail at` of the same value that covers them.
//! - `link-guards`: loads from the Ethernet header stand below a test that `meta.link-header` is
//!   not 0.
//! - `connection-guards`: loads of connection facts but `present` and `state`, and what sets the
//!   connection's mark, stand below a test that `ct.present` is not 0.
//! - `element-guards`: fields are those of an element's table, and are read below the true edge of
//!   a `found` of the same element.
//! - `keys`: an element is looked up by numbers of the types of its table's key.
//! - `ipv6-scans`: scans of IPv6 headers are in functions of IPv6.
//! - `other-frames`: functions of frames that are not IP ask for no connection, route, answer or
//!   header of IP, and write to none.
//! - `device-lookups`: lookups of address types name a device in functions of IPv4 alone.
//! - `queries`: a query is one that its object's kind answers, with arguments of the types that it
//!   takes.
//! - `writes`: what is written lies in the network or transport header where a load of the same
//!   bytes would be allowed, in an option that a scan found, or is inserted behind 20 bytes of
//!   transport header.
//! - `rejections`: the code of a rejection is one of the function's family.
//! - `log-records`: a log record's level is at most 7, and its prefix has at most 127 bytes, no NUL
//!   among them.
//! - `transformations`: an IPsec transformation's place is below 6, and that of a word of its
//!   addresses below 4.
//!
//! `dominance`, the guards and `writes` bind reachable blocks. "Below" means: dominated by the
//! block that the edge leads to, which no other block leads to.
//!
//! The cost is linear in the program, and nothing recurses.

mod checker;
mod function;
mod guards;
mod program;
#[cfg(test)]
mod tests;
mod types;

use crate::{
    Block, Chain, Counter, CounterList, Func, Function, Hook, Inst, Object, PacketFamily, Probe,
    Program, Rule, RuleList, State, Table, Type, Value,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Where an invariant is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// In the program's tables.
    Program,
    /// In a function as a whole.
    Function(Func),
    /// In a block, or its terminator.
    Block(Func, Block),
    /// In an instruction.
    Inst(Func, Block, Inst),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Program => f.write_str("program"),
            Place::Function(func) => write!(f, "{func}"),
            Place::Block(func, block) => write!(f, "{func} {block}"),
            Place::Inst(func, block, inst) => write!(f, "{func} {block} {inst}"),
        }
    }
}

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {violation}, against {}{}", violation.invariant(), text.as_ref().map_or(String::new(), |text| format!(" (in '{text}')")))]
pub struct VerifyError {
    /// Where.
    pub place: Place,
    /// What.
    pub violation: Violation,
    /// The instruction or terminator as text.
    pub text: Option<String>,
}

/// How an invariant is broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Breaks `unique-names`.
    #[error("{0} has the name of another chain")]
    DuplicateChainName(Chain),
    /// Breaks `unique-names`.
    #[error("{0} and {1} have the same number")]
    DuplicateRule(Rule, Rule),
    /// Breaks `references`.
    #[error("{0} does not exist")]
    MissingChain(Chain),
    /// Breaks `references`.
    #[error("{0} does not exist")]
    MissingCounter(Counter),
    /// Breaks `references`.
    #[error("{0} does not exist")]
    MissingCounters(CounterList),
    /// Breaks `references`.
    #[error("{0} does not exist")]
    MissingRules(RuleList),
    /// Breaks `unique-names`.
    #[error("{0} and {1} are of the same rule")]
    DuplicateCounter(Counter, Counter),
    /// Breaks `unique-names`.
    #[error("{0} and {1} have the same name or chain")]
    DuplicateName(Func, Func),
    /// Breaks `entries`.
    #[error("there are two entries for {0} {1}")]
    DuplicateEntry(Hook, PacketFamily),
    /// Breaks `entries`.
    #[error("the chains of {0} {1} are not in the order of their priorities")]
    Unsorted(Hook, PacketFamily),
    /// Breaks `entries`.
    #[error("{0} appears twice in one entry")]
    DuplicateChain(Func),
    /// Breaks `families`.
    #[error("{0} is of another family")]
    WrongFamily(Func),
    /// Breaks `references`.
    #[error("{0} does not exist")]
    MissingFunction(Func),
    /// Breaks `references`.
    #[error("{0} does not exist")]
    MissingRule(Rule),
    /// Breaks `references`.
    #[error("{0} does not exist")]
    MissingState(State),
    /// Breaks `references`.
    #[error("{0} does not exist")]
    MissingObject(Object),
    /// Breaks `references`.
    #[error("{0} does not exist")]
    MissingTable(Table),
    /// Breaks `states`.
    #[error("{0} has the name of another state, or the kernel refuses its numbers")]
    State(State),
    /// Breaks `tables`.
    #[error("{0} has the name of another table, or is no table")]
    Table(Table),
    /// Breaks `keys`.
    #[error("the key of {0} has other parts")]
    Key(Table),
    /// Breaks `element-guards`.
    #[error("the element has no such field {0}")]
    Field(u16),
    /// Breaks `element-guards`.
    #[error("a field of {0} is read where it may not be found")]
    UnguardedElement(Value),
    /// Breaks `references`.
    #[error("{0} does not exist")]
    MissingProbe(Probe),
    /// Breaks `probes`.
    #[error("{0} is not sound")]
    Probe(Probe),
    /// Breaks `references`.
    #[error("{0} does not exist or is not laid out")]
    MissingBlock(Block),
    /// Breaks `references`.
    #[error("{0} does not exist")]
    MissingInst(Inst),
    /// Breaks `references`.
    #[error("{0} does not exist or is not defined in a laid out block")]
    MissingValue(Value),
    /// Breaks `base-chains`.
    #[error("a base chain returns")]
    BaseChainReturns,
    /// Breaks `base-chains`.
    #[error("{0} is a base chain and is called")]
    BaseChainCalled(Func),
    /// Breaks `acyclic-calls`.
    #[error("calls form a cycle")]
    CallCycle,
    /// Breaks `layout`.
    #[error("the function has no block")]
    NoBlock,
    /// Breaks `layout`.
    #[error("{0} is laid out twice")]
    DuplicateBlock(Block),
    /// Breaks `definitions`.
    #[error("{0} stands in two places")]
    DuplicateInst(Inst),
    /// Breaks `definitions`.
    #[error("the operation and its result do not fit")]
    WrongResult,
    /// Breaks `acyclic-blocks`.
    #[error("blocks form a cycle")]
    BlockCycle,
    /// Breaks `dominance`.
    #[error("{0} is used where it is not always defined")]
    NotDominated(Value),
    /// Breaks `operand-types`.
    #[error("{value} is {found}, which cannot stand here")]
    WrongType {
        /// The operand.
        value: Value,
        /// Its type.
        found: Type,
    },
    /// Breaks `operand-types`.
    #[error("the operands are {0} and {1}")]
    DifferentTypes(Type, Type),
    /// Breaks `number-ranges`.
    #[error("the arms of a switch are not in order, overlap, or do not fit its value")]
    Arms,
    /// Breaks `number-ranges`.
    #[error("the number does not fit {0}")]
    TooLarge(Type),
    /// Breaks `number-ranges`.
    #[error("the range is empty")]
    EmptyRange,
    /// Breaks `number-ranges`.
    #[error("the shift amount is not a constant less than the width")]
    ShiftAmount,
    /// Breaks `operand-types`.
    #[error("a hash of {0} bytes, which is not what its numbers have")]
    HashLength(u16),
    /// Breaks `sources`.
    #[error("the source is {0}")]
    SourceType(Type),
    /// Breaks `sources`.
    #[error("the bytes lie outside of the header's fixed part")]
    OutsideHeader,
    /// Breaks `sources`.
    #[error("only transport bytes can be tested for")]
    AvailableBase,
    /// Breaks `byte-guards`.
    #[error("{0} bytes are needed that no test before covers")]
    Unguarded(u32),
    /// Breaks `link-guards`.
    #[error("no test before says that there is a link header")]
    UnguardedLink,
    /// Breaks `connection-guards`.
    #[error("no test before says that there is a connection")]
    UnguardedConnection,
    /// Breaks `writes`.
    #[error("the bytes would be inserted into a fixed header")]
    InsertedInside,
    /// Breaks `writes`.
    #[error("only the network and transport headers have checksums")]
    WrittenBase,
    /// Breaks `ipv6-scans`.
    #[error("IPv6 headers are searched in a function of IPv4")]
    NotIpv6,
    /// Breaks `other-frames`.
    #[error("frames that are not IP have nothing of the kind")]
    NotIp,
    /// Breaks `queries`.
    #[error("{0} cannot be asked so")]
    Query(Object),
    /// Breaks `objects`.
    #[error("{0} has a name that another object has, or numbers that the kernel refuses")]
    Object(Object),
    /// Breaks `device-lookups`.
    #[error("addresses of one device are searched in a function of IPv6")]
    NotIpv4,
    /// Breaks `transformations`.
    #[error("no packet has a transformation or a word of its addresses in such a place")]
    NoTransform,
    /// Breaks `rejections`.
    #[error("{0} has no such code of unreachable destinations")]
    RejectCode(PacketFamily),
    /// Breaks `log-records`.
    #[error("the kernel refuses such a log record")]
    Log,
}

impl Violation {
    /// The name of the broken invariant, as the module's page lists it.
    pub fn invariant(&self) -> &'static str {
        match self {
            Violation::DuplicateChainName(..)
            | Violation::DuplicateRule(..)
            | Violation::DuplicateCounter(..)
            | Violation::DuplicateName(..) => "unique-names",
            Violation::DuplicateEntry(..)
            | Violation::Unsorted(..)
            | Violation::DuplicateChain(..) => "entries",
            Violation::WrongFamily(..) => "families",
            Violation::MissingFunction(..)
            | Violation::MissingChain(..)
            | Violation::MissingCounter(..)
            | Violation::MissingCounters(..)
            | Violation::MissingRules(..)
            | Violation::MissingRule(..)
            | Violation::MissingState(..)
            | Violation::MissingObject(..)
            | Violation::MissingProbe(..)
            | Violation::MissingTable(..)
            | Violation::MissingBlock(..)
            | Violation::MissingInst(..)
            | Violation::MissingValue(..) => "references",
            Violation::Probe(..) => "probes",
            Violation::NotIp => "other-frames",
            Violation::BaseChainReturns | Violation::BaseChainCalled(..) => "base-chains",
            Violation::CallCycle => "acyclic-calls",
            Violation::NoBlock | Violation::DuplicateBlock(..) => "layout",
            Violation::DuplicateInst(..) | Violation::WrongResult => "definitions",
            Violation::BlockCycle => "acyclic-blocks",
            Violation::NotDominated(..) => "dominance",
            Violation::WrongType { .. }
            | Violation::DifferentTypes(..)
            | Violation::HashLength(..) => "operand-types",
            Violation::TooLarge(..)
            | Violation::EmptyRange
            | Violation::ShiftAmount
            | Violation::Arms => "number-ranges",
            Violation::SourceType(..) | Violation::OutsideHeader | Violation::AvailableBase => {
                "sources"
            }
            Violation::Unguarded(..) => "byte-guards",
            Violation::UnguardedLink => "link-guards",
            Violation::UnguardedConnection => "connection-guards",
            Violation::InsertedInside | Violation::WrittenBase => "writes",
            Violation::State(..) => "states",
            Violation::Table(..) => "tables",
            Violation::Key(..) => "keys",
            Violation::Field(..) | Violation::UnguardedElement(..) => "element-guards",
            Violation::NotIpv6 => "ipv6-scans",
            Violation::Query(..) => "queries",
            Violation::Object(..) => "objects",
            Violation::NotIpv4 => "device-lookups",
            Violation::NoTransform => "transformations",
            Violation::RejectCode(..) => "rejections",
            Violation::Log => "log-records",
        }
    }
}

/// Checks every invariant. Later checks of a function are left out where earlier ones failed
/// that they rest on.
///
/// # Errors
/// Everything that is broken, in order of functions.
pub fn verify(program: &Program) -> Result<(), Vec<VerifyError>> {
    verify_since(program, &BTreeSet::new()).map(|_| ())
}

/// [`verify`] but for functions that are known to be sound. Yields those that the entries reach,
/// callees before callers.
pub(crate) fn verify_since(
    program: &Program,
    known: &BTreeSet<*const Function>,
) -> Result<Vec<Func>, Vec<VerifyError>> {
    let mut errors = Vec::new();
    let order = program::check(program, &mut errors);
    for (func, function) in &program.funcs {
        if !known.contains(&Arc::as_ptr(function)) {
            function::check(program, func, &mut errors);
        }
    }
    if errors.is_empty() { Ok(order) } else { Err(errors) }
}
