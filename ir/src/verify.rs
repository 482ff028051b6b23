//! The verifier: what every program must keep, from the front end to code generation.
//!
//! Of a program:
//! 1. Rules' labels and functions' names are unique.
//! 2. There is at most one entry for each hook and family; its chains exist, are of its family
//!    and appear once.
//! 3. Base chains (those of entries) do not return and are not called.
//! 4. Calls that start at entries form no cycle, and a callee has its caller's family.
//!
//! 18. Probes' definitions are sound: patterns of 1 to 128 bytes, offsets in order.
//!
//! Of a function:
//! 5. The layout is not empty and holds no block twice; terminators lead to blocks of the layout,
//!    call functions and name rules that exist.
//! 6. Every instruction of a laid out block exists, stands in one place, names rules, states,
//!    objects, probes and values that exist, and defines a value exactly where its operation does;
//!    the value knows its instruction and has the operation's type.
//! 7. Blocks form no cycle.
//! 8. Definitions dominate uses.
//! 9. Operand types are right: arithmetic and comparisons take two numbers of one type; `zext`
//!    widens a number; i128 is made by loads and constants and used by and, or, xor, comparisons
//!    and ranges alone; conditions are bools and nothing else is; offsets and marks are i32,
//!    times i64.
//! 10. Numbers fit: constants and the ends of ranges their type, ranges are not empty, shift
//!     amounts are constants less than the width, periods are above their state's start.
//! 11. Loads have their source's type; loads from the network header stay within its 20 or 40
//!     fixed bytes, from the Ethernet header within 14. `avail` is of the transport header.
//! 12. Loads of transport bytes, and scans of the transport header, stand below the true edge of
//!     an `avail th N` that covers them (20 bytes for a TCP scan, 12 for DCCP and SCTP).
//! 13. Loads at an offset stand below the true edge of an `avail at` of the same value that covers
//!     them.
//! 14. Loads from the Ethernet header stand below a test that `meta.link-header` is not 0.
//! 15. Loads of connection facts but `present` and `state`, and what sets the connection's mark,
//!     stand below a test that `ct.present` is not 0.
//! 16. Scans of IPv6 headers are in functions of IPv6.
//! 17. A query is one that its object's kind answers, with arguments of the types that it takes.
//!     Objects' names are unique, and the kernel would take their numbers.
//! 18. Priorities and queues are i32. What is written lies in the network or transport header where
//!     a load of the same bytes would be allowed, in an option that a scan found, or is inserted
//!     behind 20 bytes of transport header; the numbers that a checksum follows are i16 or i32.
//! 19. Lookups of address types name a device in functions of IPv4 alone.
//! 20. The code of a rejection is one of the function's family.
//! 21. A log record's level is at most 7, and its prefix has at most 127 bytes, no NUL among them.
//! 22. An IPsec transformation's place is below 6, and that of a word of its addresses below 4.
//!
//! Invariants 8, 12 to 15 and 18 bind reachable blocks. "Below" means: dominated by the block
//! that the edge leads to, which no other edge leads to.
//!
//! The cost is linear in the program, and nothing recurses.

mod function;
mod guards;
mod program;
#[cfg(test)]
mod tests;
mod types;

use crate::{Block, Family, Func, Hook, Inst, Object, Probe, Program, Rule, State, Type, Value};

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
#[error("{place}: {violation}{}", text.as_ref().map_or(String::new(), |text| format!(" (in '{text}')")))]
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
    /// Invariant 1.
    #[error("{0} and {1} have the same label")]
    DuplicateLabel(Rule, Rule),
    /// Invariant 1.
    #[error("{0} and {1} have the same name")]
    DuplicateName(Func, Func),
    /// Invariant 2.
    #[error("there are two entries for {0} {1}")]
    DuplicateEntry(Hook, Family),
    /// Invariant 2.
    #[error("{0} appears twice in one entry")]
    DuplicateChain(Func),
    /// Invariants 2 and 4.
    #[error("{0} is of another family")]
    WrongFamily(Func),
    /// Invariants 2 and 5.
    #[error("{0} does not exist")]
    MissingFunction(Func),
    /// Invariants 5 and 6.
    #[error("{0} does not exist")]
    MissingRule(Rule),
    /// Invariant 6.
    #[error("{0} does not exist")]
    MissingState(State),
    /// Invariant 6.
    #[error("{0} does not exist")]
    MissingObject(Object),
    /// Invariant 6.
    #[error("{0} does not exist")]
    MissingProbe(Probe),
    /// Invariant 18.
    #[error("{0} is not sound")]
    Probe(Probe),
    /// Invariant 5.
    #[error("{0} does not exist or is not laid out")]
    MissingBlock(Block),
    /// Invariant 6.
    #[error("{0} does not exist")]
    MissingInst(Inst),
    /// Invariant 6.
    #[error("{0} does not exist or is not defined in a laid out block")]
    MissingValue(Value),
    /// Invariant 3.
    #[error("a base chain returns")]
    BaseChainReturns,
    /// Invariant 3.
    #[error("{0} is a base chain and is called")]
    BaseChainCalled(Func),
    /// Invariant 4.
    #[error("calls form a cycle")]
    CallCycle,
    /// Invariant 5.
    #[error("the function has no block")]
    NoBlock,
    /// Invariant 5.
    #[error("{0} is laid out twice")]
    DuplicateBlock(Block),
    /// Invariant 6.
    #[error("{0} stands in two places")]
    DuplicateInst(Inst),
    /// Invariant 6.
    #[error("the operation and its result do not fit")]
    WrongResult,
    /// Invariant 7.
    #[error("blocks form a cycle")]
    BlockCycle,
    /// Invariant 8.
    #[error("{0} is used where it is not always defined")]
    NotDominated(Value),
    /// Invariant 9.
    #[error("{value} is {found}, which cannot stand here")]
    WrongType {
        /// The operand.
        value: Value,
        /// Its type.
        found: Type,
    },
    /// Invariant 9.
    #[error("the operands are {0} and {1}")]
    DifferentTypes(Type, Type),
    /// Invariant 10.
    #[error("the number does not fit {0}")]
    TooLarge(Type),
    /// Invariant 10.
    #[error("the range is empty")]
    EmptyRange,
    /// Invariant 10.
    #[error("the shift amount is not a constant less than the width")]
    ShiftAmount,
    /// Invariant 10.
    #[error("the period is not above the state's start")]
    Period,
    /// Invariant 11.
    #[error("the source is {0}")]
    SourceType(Type),
    /// Invariant 11.
    #[error("the bytes lie outside of the header's fixed part")]
    OutsideHeader,
    /// Invariant 11.
    #[error("only transport bytes can be tested for")]
    AvailableBase,
    /// Invariants 12 and 13.
    #[error("{0} bytes are needed that no test before covers")]
    Unguarded(u32),
    /// Invariant 14.
    #[error("no test before says that there is a link header")]
    UnguardedLink,
    /// Invariant 15.
    #[error("no test before says that there is a connection")]
    UnguardedConnection,
    /// Invariant 18.
    #[error("{0} is no TCP option that a scan found")]
    NoOption(Value),
    /// Invariant 18.
    #[error("the bytes would be inserted into a fixed header")]
    InsertedInside,
    /// Invariant 18.
    #[error("only the network and transport headers can be written")]
    WrittenBase,
    /// Invariant 16.
    #[error("IPv6 headers are searched in a function of IPv4")]
    NotIpv6,
    /// Invariant 17.
    #[error("{0} cannot be asked so")]
    Query(Object),
    /// Invariant 17.
    #[error("{0} has a name that another object has, or numbers that the kernel refuses")]
    Object(Object),
    /// Invariant 19.
    #[error("addresses of one device are searched in a function of IPv6")]
    NotIpv4,
    /// Invariant 22.
    #[error("no packet has a transformation or a word of its addresses in such a place")]
    NoTransform,
    /// Invariant 20.
    #[error("{0} has no such code of unreachable destinations")]
    RejectCode(Family),
    /// Invariant 21.
    #[error("the kernel refuses such a log record")]
    Log,
}

/// Checks every invariant. Later checks of a function are left out where earlier ones failed
/// that they rest on.
///
/// # Errors
/// Everything that is broken, in order of functions.
pub fn verify(program: &Program) -> Result<(), Vec<VerifyError>> {
    let mut errors = Vec::new();
    program::check(program, &mut errors);
    for func in program.funcs.keys() {
        function::check(program, func, &mut errors);
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}
