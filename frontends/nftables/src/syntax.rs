//! The language's text: tokens, the tree of commands that they make, and the parser.

pub(crate) mod ast;
mod lexer;
mod parse;
pub(crate) mod print;
mod words;

pub use parse::Includes;
pub(crate) use parse::{parse, parse_statements, short};
