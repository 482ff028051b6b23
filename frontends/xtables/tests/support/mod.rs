//! What the tests of this crate share: fixtures, reading, lowering, choices from a seed.

#![allow(dead_code, reason = "each test uses its part")]

pub mod lost;

use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_ir::{Family, Frontend as _, FrontendOptions, Input, Lowered, Program, Recognised};
use bpfc_xtables::XtablesFrontend;
use bpfc_xtables::model::Ruleset;
use std::fs;
use std::path::PathBuf;

/// A file of `tests/data`.
pub fn data(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The family that a fixture's name says.
pub fn family(name: &str) -> Family {
    if name.contains('4') { Family::Ipv4 } else { Family::Ipv6 }
}

/// Diagnostics, one a line.
pub fn render(diagnostics: &Diagnostics) -> String {
    diagnostics.iter().map(|d| format!("{:?} {} {}\n", d.severity, d.code, d.message)).collect()
}

/// Reads text without an error.
pub fn read_text(text: &str, family: Family) -> Ruleset {
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let (ruleset, _) =
        bpfc_xtables::read_text("text", text.as_bytes(), family, &mut sources, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{text}: {}", render(&diagnostics));
    ruleset
}

/// Lowers text without an error.
pub fn lower_text(text: &str, family: Family) -> Program {
    let format = if family == Family::Ipv4 { "iptables-save" } else { "ip6tables-save" };
    lower(text.as_bytes().to_vec(), format).unwrap_or_else(|errors| panic!("{text}: {errors}"))
}

/// Lowers an input of a format, the tables raw, mangle and filter.
pub fn lower(bytes: Vec<u8>, format: &str) -> Result<Program, String> {
    lower_listed(bytes, format).map(|lowered| lowered.program)
}

/// The same with its rules as listings show them.
pub fn lower_listed(bytes: Vec<u8>, format: &str) -> Result<Lowered, String> {
    let tables = ["raw", "mangle", "filter"].map(str::to_owned).to_vec();
    let options =
        FrontendOptions { hooks: None, tables: Some(tables), ..FrontendOptions::default() };
    let input = Input { name: "input".to_owned(), bytes, format: None };
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let lowered = XtablesFrontend.lower(
        &input,
        Recognised::sure(format),
        &options,
        &mut sources,
        &mut diagnostics,
    );
    lowered.ok_or_else(|| render(&diagnostics))
}

/// Choices from a seed (xorshift64*).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A sequence of choices.
    pub fn new(seed: u64) -> Self {
        Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    /// True once in so many times.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of a list that is not empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }
}
