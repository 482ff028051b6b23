//! Commands as they are written, with places.

mod expression;

pub(crate) use expression::*;

use crate::model::{Family, LogFlags, ObjectKind, SetOperation};
use bpfc_diag::Span;
use std::sync::Arc;

/// A name and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub text: String,
    pub span: Span,
}

/// A statement and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub kind: StatementKind,
    pub span: Span,
}

/// What a statement is.
#[derive(Clone, Debug)]
pub(crate) enum StatementKind {
    Match {
        left: Expr,
        op: RelationOp,
        right: Expr,
    },
    Verdict(Verdict),
    VerdictMap {
        key: Expr,
        map: Expr,
    },
    /// A selector and its new value.
    Assign {
        target: Expr,
        value: Expr,
    },
    Counter {
        packets: u64,
        bytes: u64,
    },
    Limit {
        rate: u64,
        seconds: u64,
        burst: Option<u32>,
        is_bytes: bool,
        is_over: bool,
    },
    Quota {
        bytes: u64,
        used: u64,
        is_over: bool,
    },
    Last {
        used: Option<u64>,
    },
    Connlimit {
        count: u32,
        is_over: bool,
    },
    Log(Log),
    Reject(Option<RejectWith>),
    Object {
        kind: ObjectKind,
        name: Expr,
    },
    UpdateSet {
        op: SetOperation,
        set: Expr,
        key: Expr,
        options: ItemOptions,
        data: Option<Expr>,
        statements: Vec<Statement>,
    },
    Meter {
        name: Name,
        size: Option<u32>,
        key: Expr,
        options: ItemOptions,
        statement: Box<Statement>,
    },
    /// A chain without a name.
    Chain {
        is_goto: bool,
        rules: Vec<Rule>,
    },
    StripOption {
        number: u8,
    },
    /// What is not filtering.
    Outside(&'static str),
}

/// What `log` says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub prefix: Option<String>,
    pub group: Option<u16>,
    pub snaplen: Option<u32>,
    pub threshold: Option<u16>,
    pub level: Option<u8>,
    pub flags: LogFlags,
}

/// What `reject with` says.
#[derive(Clone, Debug)]
pub(crate) enum RejectWith {
    Icmp(Expr),
    Icmpv6(Expr),
    Icmpx(Expr),
    TcpReset,
}

/// A rule.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub statements: Vec<Statement>,
    pub comment: Option<String>,
    pub span: Span,
    /// The rule in the language, where it is not what the span marks.
    pub text: Option<Arc<str>>,
}

/// What a chain's block says.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub name: Name,
    pub hook: Option<Hook>,
    pub policy: Option<Expr>,
    pub devices: Vec<Expr>,
    pub offload: bool,
    pub comment: Option<String>,
    pub rules: Vec<Rule>,
}

/// Where a base chain hangs.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub kind: String,
    pub name: Name,
    /// A name, number or variable, and what is added to it.
    pub priority: Expr,
    pub offset: i64,
}

/// The type of a key or of data.
#[derive(Clone, Debug)]
pub(crate) enum SetType {
    /// `type a . b`.
    Named(Vec<Name>),
    /// `typeof a . b`.
    Of(Expr),
}

/// What a map yields.
#[derive(Clone, Debug)]
pub(crate) enum MapData {
    Type { data: SetType, is_range: bool },
    Object(ObjectKind),
}

/// What a set's block says.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub name: Name,
    pub is_map: bool,
    pub key: Option<SetType>,
    pub data: Option<MapData>,
    pub flags: crate::model::SetFlags,
    pub auto_merge: bool,
    pub timeout: Option<u64>,
    pub gc_interval: Option<u64>,
    pub size: Option<u32>,
    pub statements: Vec<Statement>,
    pub comment: Option<String>,
    pub elements: Option<Expr>,
    /// Whether a line of its block could not be read.
    pub is_broken: bool,
}

/// An object.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub kind: ObjectKind,
    pub name: Name,
    pub statement: Option<Statement>,
    pub comment: Option<String>,
}

/// A table by family and name.
#[derive(Clone, Debug)]
pub(crate) struct TableRef {
    pub family: Family,
    pub name: Name,
}

/// What a table's block holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableBody {
    pub flags: Vec<Name>,
    pub comment: Option<String>,
    pub chains: Vec<Chain>,
    pub sets: Vec<Set>,
    pub objects: Vec<Object>,
    /// What is not filtering, by class.
    pub outside: Vec<(&'static str, Span)>,
}

/// How a rule's neighbour is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    Handle(u64),
    Index(u64),
}

/// How what is deleted is named.
#[derive(Clone, Debug)]
pub(crate) enum ByName {
    Name(Name),
    Handle(u64),
}

/// What is deleted.
#[derive(Clone, Debug)]
pub(crate) enum Deleted {
    Table(Family, ByName),
    Chain(TableRef, ByName),
    Rule { table: TableRef, chain: Name, handle: u64 },
    Set { table: TableRef, name: ByName },
    Object { table: TableRef, kind: ObjectKind, name: ByName },
    Elements { table: TableRef, set: Name, elements: Expr },
}

/// What is emptied.
#[derive(Clone, Debug)]
pub(crate) enum Flushed {
    Ruleset(Option<Family>),
    Table(TableRef),
    Chain(TableRef, Name),
    Set(TableRef, Name),
}

/// What a command does.
#[derive(Clone, Debug)]
pub(crate) enum CommandKind {
    Table {
        table: TableRef,
        body: TableBody,
    },
    Chain {
        table: TableRef,
        chain: Chain,
    },
    Rule {
        table: TableRef,
        chain: Name,
        position: Option<Position>,
        is_insert: bool,
        rule: Rule,
    },
    Replace {
        table: TableRef,
        chain: Name,
        handle: u64,
        rule: Rule,
    },
    Set {
        table: TableRef,
        set: Set,
    },
    Elements {
        table: TableRef,
        set: Name,
        elements: Expr,
    },
    Object {
        table: TableRef,
        object: Object,
    },
    Delete {
        what: Deleted,
        is_destroy: bool,
    },
    Flush(Flushed),
    Rename {
        table: TableRef,
        chain: Name,
        to: Name,
    },
    /// What is not filtering.
    Outside(&'static str),
}

/// A command and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub kind: CommandKind,
    /// Whether it must make something new.
    pub is_create: bool,
    pub span: Span,
}
