//! Expressions as they are written.

use super::Statement;
use crate::model::{Direction, FibFlags, FibResult};
use crate::protocol::{ExtensionKind, Field, Protocol};
use crate::selector::{Key, MetaKey};
use bpfc_diag::Span;
use std::sync::Arc;

/// An expression and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

/// An operator between two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    And,
    Or,
    Xor,
    Left,
    Right,
}

/// What is loaded.
#[derive(Clone, Debug)]
pub(crate) enum Selector {
    /// A field of a header, perhaps of one that a tunnel carries.
    Payload {
        protocol: &'static Protocol,
        field: &'static Field,
        inner: Option<&'static Protocol>,
    },
    /// Bytes at a place, counted in bits.
    Raw {
        base: &'static str,
        offset: u32,
        bits: u32,
    },
    /// A field of an extension header, option or chunk, or whether it is there.
    Extension {
        kind: ExtensionKind,
        number: u8,
        field: Field,
        is_presence: bool,
    },
    Meta(&'static MetaKey),
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
        is_check: bool,
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
        of: Box<Expr>,
        modulus: u32,
        seed: Option<u32>,
        offset: u32,
    },
    Symhash {
        modulus: u32,
        offset: u32,
    },
}

/// What a variable stands for.
#[derive(Clone, Debug)]
pub(crate) struct Defined {
    pub value: Expr,
    pub extent: Extent,
}

impl std::ops::Deref for Defined {
    type Target = Expr;

    fn deref(&self) -> &Expr {
        &self.value
    }
}

/// How large an expression is, variables in it counted as what they stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The expressions in it.
    pub size: u64,
    /// How many definitions stand for each other in it.
    pub depth: u32,
}

impl Extent {
    fn join(self, other: Extent) -> Extent {
        let size = self.size.saturating_add(other.size);
        Extent { size, depth: self.depth.max(other.depth) }
    }
}

impl Expr {
    /// How large it is.
    pub fn extent(&self) -> Extent {
        let one = Extent { size: 1, depth: 0 };
        let sum = |parts: &[Expr]| parts.iter().fold(one, |all, part| all.join(part.extent()));
        match &self.kind {
            ExprKind::Variable(defined) => {
                let Extent { size, depth } = defined.extent;
                Extent { size: size.saturating_add(1), depth: depth.saturating_add(1) }
            }
            ExprKind::Binary(_, left, right)
            | ExprKind::Range(left, right)
            | ExprKind::Map(left, right) => one.join(left.extent()).join(right.extent()),
            ExprKind::Prefix(of, _) => one.join(of.extent()),
            ExprKind::Concat(parts) | ExprKind::List(parts) => sum(parts),
            ExprKind::Set(items) => items.iter().fold(one, |all, item| {
                let parts = item.key.iter().chain(item.data.as_deref());
                parts.fold(all, |all, part| all.join(part.extent()))
            }),
            _ => one,
        }
    }
}

/// What an expression is.
#[derive(Clone, Debug)]
pub(crate) enum ExprKind {
    /// A word or number, which means what its datatype makes of it.
    Symbol(String),
    /// `exists` and `missing`.
    Boolean(bool),
    /// `$name`: the expression that it was defined as.
    Variable(Arc<Defined>),
    /// `@name`.
    SetRef(String),
    Select(Box<Selector>),
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    Prefix(Box<Expr>, u32),
    Range(Box<Expr>, Box<Expr>),
    Concat(Vec<Expr>),
    /// Flags with commas between them.
    List(Vec<Expr>),
    Set(Vec<SetItem>),
    Map(Box<Expr>, Box<Expr>),
    Verdict(Verdict),
}

/// A verdict.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Accept,
    Drop,
    Continue,
    Return,
    Jump(Box<Expr>),
    Goto(Box<Expr>),
}

/// An element of a set as it is written.
#[derive(Clone, Debug)]
pub(crate) struct SetItem {
    /// `None` is `*`.
    pub key: Option<Expr>,
    pub data: Option<Box<Expr>>,
    /// What stands behind the key, where something does.
    pub more: Option<Box<ItemMore>>,
    pub span: Span,
}

/// What stands behind the key of an element.
#[derive(Clone, Debug, Default)]
pub(crate) struct ItemMore {
    pub options: ItemOptions,
    pub statements: Vec<Statement>,
}

/// What may stand behind an element's key.
#[derive(Clone, Debug, Default)]
pub(crate) struct ItemOptions {
    pub timeout: Option<u64>,
    pub expires: Option<u64>,
    pub comment: Option<String>,
}

impl ItemOptions {
    pub fn is_none(&self) -> bool {
        self.timeout.is_none() && self.expires.is_none() && self.comment.is_none()
    }
}

/// An operator between what is loaded and what it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RelationOp {
    Implicit,
    Eq,
    Neq,
    Lt,
    Gt,
    Lte,
    Gte,
    /// `!`: none of these bits.
    Not,
}
