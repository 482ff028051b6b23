//! Sets, maps and objects.

use super::{Data, Expression, Verdict};
use crate::datatype::{Datatype, Order};
use bpfc_diag::Span;
use std::fmt;

/// How an expression names a set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetName {
    /// A named one.
    Named(String),
    /// One that a rule holds: its index in the table.
    Anonymous(usize),
}

/// A part of a key or of a map's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypedPart {
    /// What it holds.
    pub datatype: &'static Datatype,
    /// Width in bits.
    pub bits: u32,
    /// Byte order.
    pub order: Order,
}

impl TypedPart {
    /// Width in bytes.
    pub fn bytes(&self) -> u32 {
        self.bits.div_ceil(8)
    }
}

/// What a set can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetFlags {
    /// Elements never change.
    pub constant: bool,
    /// Elements may be ranges.
    pub interval: bool,
    /// Elements may end by themselves.
    pub timeout: bool,
    /// Rules add elements.
    pub dynamic: bool,
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A counter.
    Counter,
    /// A quota.
    Quota,
    /// A limit.
    Limit,
}

impl ObjectKind {
    /// The kernel's number.
    pub fn number(self) -> u32 {
        match self {
            ObjectKind::Counter => 1,
            ObjectKind::Quota => 2,
            ObjectKind::Limit => 4,
        }
    }

    /// As the language names it.
    pub fn name(self) -> &'static str {
        match self {
            ObjectKind::Counter => "counter",
            ObjectKind::Quota => "quota",
            ObjectKind::Limit => "limit",
        }
    }
}

/// An object: a named statement that rules share.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// Its state.
    pub expression: Expression,
    /// What people say of it.
    pub comment: Option<String>,
}

/// What an element of a map yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElementData {
    /// Nothing: it is an element of a set.
    None,
    /// A value.
    Value(Data),
    /// A verdict.
    Verdict(Verdict),
    /// An object's name.
    Object(String),
}

/// An element.
#[derive(Clone, Debug)]
pub struct Element {
    /// Its key, or the lower end of it; `None` for the element that stands for all others.
    pub key: Option<Data>,
    /// The upper end of a key with ranges, in sets of concatenations.
    pub key_end: Option<Data>,
    /// Whether the interval of the element before ends right before this key.
    pub is_end: bool,
    /// Whether the interval reaches to the largest key.
    pub is_open: bool,
    /// What it yields.
    pub data: ElementData,
    /// What it has beside key and data, where it has something: most have nothing.
    pub more: Option<Box<ElementMore>>,
    /// Where it is written, if it is.
    pub span: Option<Span>,
}

/// What an element may have beside key and data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ElementMore {
    /// How long it lives, in milliseconds; 0 for ever.
    pub timeout: Option<u64>,
    /// How long it is still to live, in milliseconds.
    pub expires: Option<u64>,
    /// What is evaluated when it is found.
    pub expressions: Vec<Expression>,
    /// What people say of it.
    pub comment: Option<String>,
}

impl Element {
    /// How long it lives, in milliseconds; 0 for ever.
    pub fn timeout(&self) -> Option<u64> {
        self.more.as_ref()?.timeout
    }

    /// How long it is still to live, in milliseconds.
    pub fn expires(&self) -> Option<u64> {
        self.more.as_ref()?.expires
    }

    /// What is evaluated when it is found.
    pub fn expressions(&self) -> &[Expression] {
        self.more.as_ref().map_or(&[], |more| &more.expressions)
    }

    /// What people say of it.
    pub fn comment(&self) -> Option<&str> {
        self.more.as_ref()?.comment.as_deref()
    }
}

impl PartialEq for Element {
    /// Where elements are written does not matter.
    fn eq(&self, other: &Self) -> bool {
        let rest = |e: &Element| (e.is_end, e.is_open, e.timeout(), e.expires());
        (&self.key, &self.key_end, &self.data) == (&other.key, &other.key_end, &other.data)
            && rest(self) == rest(other)
            && self.expressions() == other.expressions()
            && self.comment() == other.comment()
    }
}

/// A set or map.
#[derive(Clone, Debug)]
pub struct Set {
    /// Its name; empty for one that a rule holds.
    pub name: String,
    /// Its key: one part, or the parts of a concatenation.
    pub key: Vec<TypedPart>,
    /// What it yields; empty for sets, for maps of verdicts and for maps of objects.
    pub data: Vec<TypedPart>,
    /// Whether its data are ranges.
    pub data_is_range: bool,
    /// Whether it yields verdicts.
    pub is_verdict_map: bool,
    /// The objects that it yields.
    pub objects: Option<ObjectKind>,
    /// What it can do.
    pub flags: SetFlags,
    /// Whether adjacent and overlapping intervals become one.
    pub auto_merge: bool,
    /// How long elements live, in milliseconds.
    pub timeout: Option<u64>,
    /// How often the kernel looks for dead elements, in milliseconds.
    pub gc_interval: Option<u64>,
    /// How many elements it may have.
    pub size: Option<u32>,
    /// What every element evaluates when it is found.
    pub expressions: Vec<Expression>,
    /// What people say of it.
    pub comment: Option<String>,
    /// Its elements. Those of intervals are in ascending order, with an end after each.
    pub elements: Vec<Element>,
    /// How the ruleset writes the types of its keys and of what it yields, if it does.
    pub words: Option<(String, Option<String>)>,
    /// Where it is written, if it is.
    pub span: Option<Span>,
}

impl PartialEq for Set {
    /// Where and how sets are written does not matter.
    fn eq(&self, other: &Self) -> bool {
        let shape = |s: &Set| (s.data_is_range, s.is_verdict_map, s.objects, s.flags);
        let times = |s: &Set| (s.auto_merge, s.timeout, s.gc_interval, s.size);
        (&self.name, &self.key, &self.data) == (&other.name, &other.key, &other.data)
            && shape(self) == shape(other)
            && times(self) == times(other)
            && self.expressions == other.expressions
            && self.comment == other.comment
            && self.elements == other.elements
    }
}

impl Set {
    /// A set of a key without elements.
    pub fn new(name: impl Into<String>, key: Vec<TypedPart>) -> Set {
        Set {
            name: name.into(),
            key,
            data: Vec::new(),
            data_is_range: false,
            is_verdict_map: false,
            objects: None,
            flags: SetFlags::default(),
            auto_merge: false,
            timeout: None,
            gc_interval: None,
            size: None,
            expressions: Vec::new(),
            comment: None,
            elements: Vec::new(),
            words: None,
            span: None,
        }
    }

    /// Whether it yields something.
    pub fn is_map(&self) -> bool {
        self.is_verdict_map || !self.data.is_empty() || self.objects.is_some()
    }

    /// `set` or `map`.
    pub fn noun(&self) -> &'static str {
        if self.is_map() { "map" } else { "set" }
    }

    /// Width of the key in bits, each part of a concatenation padded to 32.
    pub fn key_bits(&self) -> u32 {
        padded_bits(&self.key)
    }
}

/// The bits that parts take in registers.
pub(crate) fn padded_bits(parts: &[TypedPart]) -> u32 {
    match parts {
        [one] => one.bits,
        parts => parts.iter().map(|part| part.bits.next_multiple_of(32)).sum(),
    }
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetName::Named(name) => f.write_str(name),
            SetName::Anonymous(index) => write!(f, "__set{index}"),
        }
    }
}
