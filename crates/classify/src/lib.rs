//! From rules of which the first that matches decides to tables that find it in a few steps.
//!
//! [`Rules`] are the specification: an ordered list of conjunctions over the fields of a
//! [`Layout`]. [`build`] makes a [`Plan`] of them, which holds the rules and an array of numbers as
//! a program walks it; [`lookup`] is that walk, and counts its steps; [`check`] proves for every
//! packet that the array finds what the rules say. Nothing here knows of packets, of the IR or of
//! eBPF: a key is words of 64 bits.
//!
//! A plan has up to five stages, each a tree whose nodes lead by windows of the key's bits to one
//! of many cells, and whose leaves list a few rules. A rule is in one stage, by which of its fields
//! are narrow, and in the leaves of that stage that it may decide. Stages are walked in the order
//! of their best rules, and one that cannot better what was found is left out.

pub mod generate;

mod build;
mod check;
mod entry;
mod estimate;
mod grow;
mod layout;
mod lookup;
mod plan;
mod region;
mod rule;
mod window;

pub use build::{BuildError, Options, build};
pub use check::{Flaw, check};
pub use entry::{Entry, Leaf, Node, Part};
pub use layout::{Field, FieldDef, Form, Key, Layout, LayoutError, Role};
pub use lookup::{Cost, lookup};
pub use plan::{Plan, Root, Stage};
pub use rule::{Found, Rule, RuleError, Rules, Test};
