//! What is known while a rule is evaluated.

use super::protocols::Protocols;
use super::typed::{Typed, type_words};
use super::{Evaluated, error};
use crate::Machine;
use crate::datatype::{Datatype, INTEGER, Order};
use crate::model::{
    Expression, Family, ObjectKind, Operation, SetName, SetOperation, Table, TypedPart,
};
use crate::protocol::Protocol;
use crate::syntax::ast::RelationOp;
use bpfc_diag::{Code, Diagnostics, Span};

/// What a value must be.
#[derive(Clone, Debug, Default)]
pub(super) struct Expect {
    /// The types of its parts; empty where anything may stand.
    pub parts: Vec<TypedPart>,
    /// The largest value; 0 where its width is all that limits it.
    pub most: u128,
    /// Whether it is a part of a key.
    pub is_key: bool,
}

impl Expect {
    pub fn one(datatype: &'static Datatype, order: Order, bits: u32) -> Expect {
        Expect { parts: vec![TypedPart { datatype, bits, order }], most: 0, is_key: false }
    }

    pub fn parts(parts: Vec<TypedPart>) -> Expect {
        Expect { parts, most: 0, is_key: false }
    }

    /// The only part, or a number of no width.
    pub fn part(&self) -> TypedPart {
        match self.parts.as_slice() {
            [one] => *one,
            _ => TypedPart { datatype: &INTEGER, bits: 0, order: Order::Unknown },
        }
    }
}

/// A statement that was evaluated.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub kind: StepKind,
    pub span: Span,
}

/// What a step is.
#[derive(Clone, Debug)]
pub(super) enum StepKind {
    Match {
        left: Typed,
        op: RelationOp,
        right: Typed,
    },
    /// A map of verdicts, or a verdict.
    Decide(Typed),
    /// What is assigned to, and its new value.
    Assign {
        target: Typed,
        value: Typed,
    },
    /// An object that a map yields.
    ObjectMap {
        key: Typed,
        map: SetName,
    },
    Object {
        kind: ObjectKind,
        name: String,
    },
    UpdateSet {
        op: SetOperation,
        set: SetName,
        key: Typed,
        data: Option<Typed>,
        timeout: Option<u64>,
        expressions: Vec<Expression>,
    },
    /// What needs no registers.
    Plain(Operation),
}

/// A rule, or a set, while it is evaluated.
pub(super) struct Context<'a> {
    pub table: &'a mut Table,
    pub machine: &'a dyn Machine,
    pub diagnostics: &'a mut Diagnostics,
    pub expect: Expect,
    /// Of the packet, and of what a tunnel in it carries.
    protocols: [Protocols; 2],
    /// The tunnel that the current statement looks into.
    pub inner: Option<&'static Protocol>,
    /// The width of what is assigned to, in bits.
    pub statement_bits: u32,
    /// Whether bytes of a packet are assigned to.
    pub is_payload_statement: bool,
    pub steps: Vec<Step>,
    /// How many expressions are around the current one.
    pub depth: u32,
}

/// How deep expressions may nest once variables stand for what they were defined as.
const DEEPEST: u32 = 200;

impl<'a> Context<'a> {
    pub fn new(
        table: &'a mut Table,
        machine: &'a dyn Machine,
        diagnostics: &'a mut Diagnostics,
    ) -> Context<'a> {
        // What tunnels carry begins with a link layer header, as packets of bridges do.
        let protocols = [Protocols::new(table.family), Protocols::new(Family::Bridge)];
        Context {
            table,
            machine,
            diagnostics,
            expect: Expect::default(),
            protocols,
            inner: None,
            statement_bits: 0,
            is_payload_statement: false,
            steps: Vec::new(),
            depth: 0,
        }
    }

    pub fn protocols(&mut self) -> &mut Protocols {
        &mut self.protocols[usize::from(self.inner.is_some())]
    }

    pub fn step(&mut self, kind: StepKind, span: Span) {
        self.steps.push(Step { kind, span });
    }

    pub fn deeper<T>(
        &mut self,
        span: Span,
        evaluate: impl FnOnce(&mut Self) -> Evaluated<T>,
    ) -> Evaluated<T> {
        if self.depth >= DEEPEST {
            return Err(error(Code::NFT_SYNTAX, span, "the expression is nested too deeply"));
        }
        self.depth += 1;
        let result = evaluate(self);
        self.depth -= 1;
        result
    }

    /// The error that something has another type than is wanted.
    pub fn mismatch(&self, wanted: &[TypedPart], found: &Typed) -> Box<bpfc_diag::Diagnostic> {
        let (wanted, found_words) = (type_words(wanted), found.type_words());
        let message = format!("expected a value of the type {wanted}, this is of {found_words}");
        let mut diagnostic = error(Code::NFT_TYPE, found.span, message);
        diagnostic.label = Some(format!("expected {wanted}"));
        diagnostic
    }
}
