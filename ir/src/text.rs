//! The text form: printed by `Display`, read by `FromStr`.
//!
//! ```text
//! state0 = cycle 3 start 0
//! chain0 = ip "filter" "INPUT" hook input
//! rule0 = chain0 number 1 span 0:12..21
//! entry input ip: fn0
//!
//! fn0 "filter/INPUT" ip of chain0 {
//! block0:
//!     v0 = load.i32 net+12 @rule0
//!     v1 = const.i32 0x0a000001 @rule0
//!     v2 = cmp eq v0, v1 @rule0
//!     br v2, block1, block2 @rule0
//! ...
//! }
//! ```
//!
//! Space, line ends and comments (`#` to the end of the line) carry no meaning. Chains, rules,
//! states, probes and functions are numbered without gaps and in order; blocks, instructions and
//! values need not be. What is read back is numbered without gaps: printing, reading and printing
//! again gives the same text for every program in that form ([`crate::Program::compact`]).
//!
//! What is in tables may follow, in sections of its own that are no part of the program
//! ([`parse()`]): `contents table0 { { 0x0a000001, 22: 5 } { 0x0a000000..0x0a0000ff, 80: 7 } }`.

mod lexer;
mod parse;
mod print;

pub use parse::{ParseError, parse};
pub(crate) use print::Quoted;

#[cfg(test)]
mod tests;
