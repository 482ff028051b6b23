//! What a line of a dump comes to: a command, and rules whose jumps are not yet looked up.

use super::Word;
use crate::model::{Counters, Target};
use crate::{Header, Match};
use bpfc_diag::{Diagnostic, Span};
use bpfc_ir::{Accounts, Family};
use std::sync::Arc;

/// What a line stands in.
pub struct Context<'c> {
    /// iptables or ip6tables.
    pub family: Family,
    /// The table's name.
    pub table: &'c str,
    /// Whether a chain of this name has been declared.
    pub is_chain: &'c dyn Fn(&str) -> bool,
    /// Who knows users and groups by name.
    pub accounts: Option<&'static dyn Accounts>,
}

/// A rule whose jump is not yet looked up.
#[derive(Clone, Debug)]
pub struct PlainRule {
    /// Its own tests.
    pub header: Header,
    /// Its matches in order.
    pub matches: Vec<Arc<dyn Match>>,
    /// What it does.
    pub target: PlainTarget,
    /// Its counters.
    pub counters: Counters,
    /// The whole command without its counters.
    pub span: Span,
    /// The target's name.
    pub target_span: Span,
    /// What cannot be compiled of it.
    pub refused: Vec<Diagnostic>,
}

/// A target before its table's end.
#[derive(Clone, Debug)]
pub enum PlainTarget {
    /// One that needs no chain.
    Done(Target),
    /// A chain's name.
    Chain {
        /// As the rule names it.
        name: String,
        /// `-g` rather than `-j`.
        goto: bool,
    },
}

/// A command.
#[derive(Clone, Debug)]
pub enum Command<'a> {
    /// `-A CHAIN`.
    Append { chain: Word<'a>, rules: Vec<PlainRule> },
    /// `-I CHAIN [NUMBER]`.
    Insert { chain: Word<'a>, position: usize, rules: Vec<PlainRule> },
    /// `-R CHAIN NUMBER`.
    Replace { chain: Word<'a>, position: usize, rules: Vec<PlainRule> },
    /// `-D CHAIN NUMBER`.
    DeleteNumber { chain: Word<'a>, position: usize },
    /// `-N CHAIN`.
    New(Word<'a>),
    /// `-P CHAIN POLICY`.
    Policy { chain: Word<'a>, policy: String, counters: Option<Counters> },
    /// `-F [CHAIN]`.
    Flush(Option<Word<'a>>),
    /// `-X CHAIN`.
    DeleteChain(Word<'a>),
    /// A line for the other family (`-4`, `-6`), which this family's restore passes over.
    Nothing,
}

/// What the line commands.
#[derive(Clone, Debug)]
pub enum Verb<'a> {
    Append(Word<'a>),
    Insert(Word<'a>, usize),
    Replace(Word<'a>, usize),
    Delete(Word<'a>, Option<usize>),
    New(Word<'a>),
    Policy(Word<'a>, Word<'a>),
    Flush(Option<Word<'a>>),
    DeleteChain(Option<Word<'a>>),
}
