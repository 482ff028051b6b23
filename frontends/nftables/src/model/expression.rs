//! The kernel's expressions. Each one reads and writes registers, ends the rule or goes on.

use super::{Data, ObjectKind, SetName};
use crate::protocol::{Checksum, ExtensionKind, Tunnel};
use crate::selector::{Key, MetaKey};
use bpfc_diag::Span;
use std::fmt;

/// A place for data: the first of its four-byte slots, 0 to 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Register(pub u8);

impl Register {
    /// The register so many bytes behind it.
    pub fn behind(self, bytes: u32) -> Register {
        Register(self.0.saturating_add((bytes / 4) as u8))
    }
}

impl fmt::Display for Register {
    /// As netlink numbers them: the four of 16 bytes, then the others of 4.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 4 {
            0 => write!(f, "{}", 1 + self.0 / 4),
            _ => write!(f, "{}", 8 + self.0),
        }
    }
}

/// What happens to a packet or to the walk through chains.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The base chain is left; the packet goes on.
    Accept,
    /// The packet ends.
    Drop,
    /// The rule goes on.
    Continue,
    /// The chain is left.
    Return,
    /// A chain runs; then the next rule does.
    Jump(String),
    /// A chain runs in place of the rest of this one.
    Goto(String),
}

/// Where bytes of a packet are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayloadBase {
    /// The link layer header.
    Link,
    /// The network header.
    Network,
    /// The transport header.
    Transport,
    /// What follows the transport header.
    Inner,
    /// The header of a tunnel, in an inner expression.
    Tunnel,
}

/// How numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Not equal.
    Neq,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
}

/// How two registers are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Combination {
    /// Bits of both.
    And,
    /// Bits of one at least.
    Or,
    /// Bits of one only.
    Xor,
}

/// Where a lookup puts what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Found {
    /// Nowhere: being found is all.
    Nothing,
    /// It decides.
    Verdict,
    /// Into a register.
    Register(Register),
}

/// A direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// As the first packet went.
    Original,
    /// The other way.
    Reply,
}

/// What `fib` looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FibFlags {
    /// The source address.
    pub saddr: bool,
    /// The destination address.
    pub daddr: bool,
    /// The mark.
    pub mark: bool,
    /// The input interface.
    pub iif: bool,
    /// The output interface.
    pub oif: bool,
}

/// What `fib` yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FibResult {
    /// The index of the interface.
    Oif,
    /// Its name.
    OifName,
    /// The kind of address.
    Type,
}

/// What a log line holds beside the packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogFlags {
    /// Sequence numbers of TCP.
    pub tcp_sequence: bool,
    /// Options of TCP.
    pub tcp_options: bool,
    /// Options of IPv4.
    pub ip_options: bool,
    /// The socket's owner.
    pub owner: bool,
    /// The link layer header in words.
    pub link: bool,
}

/// What a rule does to a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetOperation {
    /// Adds an element that is not there.
    Add,
    /// Adds it, or lets it live anew.
    Update,
    /// Removes it.
    Delete,
}

/// What an expression does.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "fields say what their variant's sentence names")]
pub enum Operation {
    /// Loads bytes of the packet; the rule ends where there are none.
    Payload { base: PayloadBase, offset: u32, bytes: u32, to: Register },
    /// Stores bytes into the packet and corrects checksums.
    PayloadStore {
        from: Register,
        base: PayloadBase,
        offset: u32,
        bytes: u32,
        checksum: Option<Checksum>,
        /// Whether the transport checksum covers the bytes, too.
        is_covered: bool,
    },
    /// Loads what the kernel knows.
    Meta { key: &'static MetaKey, to: Register },
    /// Changes it.
    MetaSet { key: &'static MetaKey, from: Register },
    /// Loads what the connection knows.
    Ct { key: &'static Key, direction: Option<Direction>, to: Register },
    /// Changes it.
    CtSet { key: &'static Key, direction: Option<Direction>, from: Register },
    /// Loads bytes of an extension header, option or chunk, or whether there is one.
    Extension {
        kind: ExtensionKind,
        number: u8,
        offset: u32,
        bytes: u32,
        is_presence: bool,
        to: Register,
    },
    /// Stores bytes into an option of TCP.
    ExtensionStore { kind: ExtensionKind, number: u8, offset: u32, bytes: u32, from: Register },
    /// Replaces an option of TCP by padding.
    ExtensionReset { number: u8 },
    /// Loads what the packet's route knows.
    Rt { key: &'static Key, to: Register },
    /// Loads what the packet's socket knows.
    Socket { key: &'static Key, level: u32, to: Register },
    /// Loads what a transformation of IPsec knows.
    Xfrm { key: &'static Key, is_out: bool, index: u32, to: Register },
    /// Loads what the routing tables say.
    Fib { flags: FibFlags, result: FibResult, is_presence: bool, to: Register },
    /// Loads the name of the sender's operating system.
    Osf { ttl: u8, with_version: bool, to: Register },
    /// Loads the next number of a cycle, or a random one.
    Numgen { is_random: bool, modulus: u32, offset: u32, to: Register },
    /// Loads Jenkins' hash of registers.
    Jhash { from: Register, bytes: u32, modulus: u32, seed: Option<u32>, offset: u32, to: Register },
    /// Loads a hash of the packet's flow.
    Symhash { modulus: u32, offset: u32, to: Register },
    /// Does a load in what a tunnel's header carries.
    Inner { tunnel: Tunnel, load: Box<Expression> },
    /// Puts a constant into a register.
    Immediate { to: Register, data: Data },
    /// Decides.
    Verdict(Verdict),
    /// Goes on where the comparison holds.
    Compare { op: Comparison, register: Register, data: Data },
    /// Goes on where the register lies in a range, or does not.
    Range { is_not: bool, register: Register, from: Data, to: Data },
    /// Keeps bits of a mask and turns others.
    MaskXor { to: Register, from: Register, bytes: u32, mask: Data, xor: Data },
    /// Shifts a number.
    Shift { to: Register, from: Register, bytes: u32, is_left: bool, by: u32 },
    /// Combines two registers.
    Combine { op: Combination, to: Register, from: Register, with: Register, bytes: u32 },
    /// Turns a number from the machine's order into the network's, or back.
    ByteOrder { to: Register, from: Register, to_network: bool, size: u32, bytes: u32 },
    /// Goes on where a set has an element, or has not; may load what it yields.
    Lookup { register: Register, set: SetName, found: Found, is_inverted: bool },
    /// Adds, renews or removes an element.
    DynamicSet {
        op: SetOperation,
        set: SetName,
        key: Register,
        data: Option<Register>,
        timeout: Option<u64>,
        expressions: Vec<Expression>,
    },
    /// Counts.
    Counter { packets: u64, bytes: u64 },
    /// Goes on as often as a token bucket allows, or no more than that.
    Limit { rate: u64, seconds: u64, burst: u32, is_bytes: bool, is_over: bool },
    /// Goes on until so many bytes went on, or after that.
    Quota { bytes: u64, used: u64, is_over: bool },
    /// Remembers when.
    Last { used: Option<u64> },
    /// Goes on where at most so many connections are there, or more.
    Connlimit { count: u32, is_over: bool },
    /// Logs.
    Log {
        prefix: Option<String>,
        group: Option<u16>,
        snaplen: u32,
        threshold: u16,
        level: Option<u8>,
        flags: LogFlags,
    },
    /// Drops, and tells the sender: 0 by ICMP, 1 by a TCP reset, 2 by ICMP of either family.
    Reject { kind: u32, code: u8 },
    /// Evaluates an object.
    Object { kind: ObjectKind, name: String },
    /// Evaluates the object that a map yields.
    ObjectMap { register: Register, set: SetName },
    /// Does what is not filtering, and whatever the rule says behind it.
    Outside { class: &'static str },
    /// Does what nobody knows, in words that name it.
    Unread { what: String },
}

/// An expression of a rule.
#[derive(Clone, Debug)]
pub struct Expression {
    /// What it does.
    pub operation: Operation,
    /// Where that is written, if it is.
    pub span: Option<Span>,
}

impl PartialEq for Expression {
    /// Where expressions are written does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.operation == other.operation
    }
}
