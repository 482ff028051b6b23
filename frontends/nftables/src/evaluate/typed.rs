//! Expressions with their types.

use crate::datatype::{Base, Datatype, Order};
use crate::model::{Direction, ElementMore, FibFlags, FibResult, SetName, TypedPart, Verdict};
use crate::protocol::{ExtensionKind, Field, Layer, Protocol};
use crate::selector::{Key, MetaKey};
use crate::syntax::ast::BinaryOp;
use bpfc_diag::Span;

/// An expression of which is known what it holds.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub kind: Kind,
    /// What it holds; of a concatenation its parts say that.
    pub datatype: &'static Datatype,
    pub order: Order,
    pub bits: u32,
    pub span: Span,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Value(u128),
    /// A value of which only the first bits matter.
    Prefix(u128, u32),
    Range(u128, u128),
    Load(Load),
    Binary(BinaryOp, Box<Typed>, Box<Typed>),
    /// In the other byte order.
    Swap(Box<Typed>),
    Concat(Vec<Typed>),
    Set(Vec<Item>),
    SetRef {
        name: SetName,
        key: Vec<TypedPart>,
        is_interval: bool,
    },
    Map {
        key: Box<Typed>,
        map: SetName,
    },
    Verdict(Verdict),
}

/// An element of a set.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// `None` stands for all others.
    pub key: Option<Typed>,
    pub data: ItemData,
    /// What it has beside key and data, where it has something.
    pub more: Option<Box<ElementMore>>,
    pub span: Span,
}

impl Item {
    /// How many statements it has.
    pub fn statements(&self) -> usize {
        self.more.as_ref().map_or(0, |more| more.expressions.len())
    }
}

/// What an element yields.
#[derive(Clone, Debug)]
pub(super) enum ItemData {
    None,
    Value(Box<Typed>),
    Verdict(Verdict),
    Object(String),
}

/// What is loaded into a register.
#[derive(Clone, Debug)]
pub(super) enum Load {
    Payload(Payload),
    Extension {
        kind: ExtensionKind,
        number: u8,
        /// In bits.
        offset: u32,
        is_presence: bool,
    },
    Meta {
        key: &'static MetaKey,
        inner: Option<&'static Protocol>,
    },
    Ct {
        key: &'static Key,
        direction: Option<Direction>,
    },
    Rt(&'static Key),
    Socket {
        key: &'static Key,
        level: u32,
    },
    Xfrm {
        key: &'static Key,
        is_out: bool,
        index: u32,
    },
    Fib {
        flags: FibFlags,
        result: FibResult,
        is_presence: bool,
    },
    Osf {
        ttl: u8,
        with_version: bool,
    },
    Numgen {
        is_random: bool,
        modulus: u32,
        offset: u32,
    },
    Jhash {
        of: Box<Typed>,
        modulus: u32,
        seed: Option<u32>,
        offset: u32,
    },
    Symhash {
        modulus: u32,
        offset: u32,
    },
}

/// Bytes of a packet.
#[derive(Clone, Debug)]
pub(super) struct Payload {
    /// The header that is named, if one is.
    pub protocol: Option<&'static Protocol>,
    pub field: Option<&'static Field>,
    pub layer: Layer,
    /// In bits.
    pub offset: u32,
    pub inner: Option<&'static Protocol>,
    /// Whether it is a place rather than a field.
    pub is_raw: bool,
    /// Whether it says which protocol follows.
    pub is_key: bool,
}

/// Stands for the type of a concatenation.
pub(super) static CONCATENATION: Datatype = Datatype {
    name: "concatenation",
    words: "concatenation",
    bits: 0,
    order: Order::Unknown,
    base: Base::Nothing,
    read: crate::datatype::Read::Text,
    symbols: &[],
};

impl Typed {
    pub fn value(
        value: u128,
        datatype: &'static Datatype,
        order: Order,
        bits: u32,
        span: Span,
    ) -> Typed {
        Typed { kind: Kind::Value(value), datatype, order, bits, span }
    }

    /// Width in bytes.
    pub fn bytes(&self) -> u32 {
        self.bits.div_ceil(8)
    }

    pub fn is_constant(&self) -> bool {
        match &self.kind {
            Kind::Value(_) | Kind::Prefix(..) | Kind::Range(..) | Kind::Verdict(_) => true,
            Kind::Set(_) | Kind::SetRef { .. } => true,
            Kind::Concat(parts) => parts.iter().all(Typed::is_constant),
            Kind::Load(_) | Kind::Binary(..) | Kind::Swap(_) | Kind::Map { .. } => false,
        }
    }

    /// The types of its parts, or its own.
    pub fn parts(&self) -> Vec<TypedPart> {
        let part = |typed: &Typed| TypedPart {
            datatype: typed.datatype,
            bits: typed.bits,
            order: typed.order,
        };
        match &self.kind {
            Kind::Concat(parts) => parts.iter().map(part).collect(),
            Kind::SetRef { key, .. } => key.clone(),
            _ => vec![part(self)],
        }
    }

    /// Its type in words.
    pub fn type_words(&self) -> String {
        type_words(&self.parts())
    }

    /// What kind of expression it is, in words.
    pub fn noun(&self) -> &'static str {
        match &self.kind {
            Kind::Value(_) => "value",
            Kind::Prefix(..) => "prefix",
            Kind::Range(..) => "range",
            Kind::Concat(_) => "concatenation",
            Kind::Set(_) => "set",
            Kind::SetRef { .. } => "reference to a set",
            Kind::Map { .. } => "map",
            Kind::Verdict(_) => "verdict",
            Kind::Load(_) | Kind::Binary(..) | Kind::Swap(_) => "expression",
        }
    }
}

/// A type in words.
pub(super) fn type_words(parts: &[TypedPart]) -> String {
    let words: Vec<&str> = parts.iter().map(|part| part.datatype.words).collect();
    words.join(" . ")
}

/// Whether two types are the same.
pub(super) fn same_type(a: &[TypedPart], b: &[TypedPart]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.datatype == b.datatype)
}

/// Whether what has type `b` can be used where type `a` is wanted: a mark takes any number.
pub(super) fn fits(a: &[TypedPart], b: &[TypedPart]) -> bool {
    let is_mark = |parts: &[TypedPart]| matches!(parts, [one] if one.datatype.name == "mark");
    let is_number = |parts: &[TypedPart]| matches!(parts, [one] if one.datatype.is_number());
    is_mark(a) && is_number(b) || same_type(a, b)
}

/// The lowest bits set.
pub(super) fn ones(bits: u32) -> u128 {
    if bits >= 128 { u128::MAX } else { (1 << bits) - 1 }
}
