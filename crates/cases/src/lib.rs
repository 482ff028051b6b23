//! What is known of each match and target beside its code, in one file each: rules that use it, how
//! they are saved and listed, what is refused, packets that meet it and packets that do not.
//!
//! The files lie in `frontends/xtables/tests`: `matches/NAME.t`, `targets/NAME.t` and `header.t`
//! for what rules test without any match. Whoever tests extensions, or compiles a rule for each,
//! reads them here, so that a new one is written down once.
//!
//! A line is a word that says what it is, further words that say where it holds, a colon and a
//! text; what is indented belongs to the line above, and a line that begins with `#` is a comment:
//!
//! ```text
//! coverage: -m ttl --ttl-lt 5
//!
//! rule ip: -A INPUT -m ttl --ttl 5
//!   saved: -A INPUT -m ttl --ttl-eq 5
//!   listed: 0 -- * * 0.0.0.0/0 0.0.0.0/0 TTL match TTL == 5
//!
//! test ip: -m ttl --ttl-eq 64
//!   hit: ip ttl 64 udp
//!   miss: ip ttl 63 udp
//!
//! refused ip BPFC0006: -A INPUT -m ttl --ttl-eq 256
//!   marked: 256
//! ```
//!
//! - `coverage`: a rule's words behind the chain, which docs/coverage.md compiles. It may name a
//!   table (`mangle` without), the form that the rule shows (`coverage form --set-mark: ...`), or
//!   `ip6` for words that are others in IPv6.
//! - `rule`: a whole rule of the table filter, or of mangle or raw where it says so. `saved` and
//!   `listed` are what iptables makes of it, one line a rule; the words of a listing stand with one
//!   space between them. `@` and `%` stand for two addresses of the family ([`places`]).
//! - `test`: words behind a chain that decide whether a rule meets a packet; `rewrite`: words with
//!   a target that changes packets. `@` stands for an address. `hit` and `miss` are packets in
//!   words (`bpfc explain --packet`); they follow where no `@` stands.
//! - `refused`: a rule that is an error of this code, and the words that it points at. iptables
//!   refuses it, too, unless `taken` says why it does not.
//!
//! `ip` and `ip6` limit any of them to one family.

mod parse;

use bpfc_abi::Family;
use std::path::{Path, PathBuf};

/// What a file is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// What rules test without any match.
    Header,
    /// A match.
    Match,
    /// A target.
    Target,
}

/// One file.
#[derive(Clone, Debug)]
pub struct Cases {
    /// What it is about.
    pub kind: Kind,
    /// The name of the match or target.
    pub name: String,
    /// Rules that docs/coverage.md compiles.
    pub samples: Vec<Sample>,
    /// Rules and what iptables prints of them.
    pub rules: Vec<Rule>,
    /// Tests of packets.
    pub tests: Vec<Test>,
    /// Targets that change packets.
    pub rewrites: Vec<Test>,
    /// Rules that are errors.
    pub refused: Vec<Refused>,
}

/// A rule that uses an extension as rulesets usually do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// What of it the rule shows, where its forms are compiled in different places.
    pub form: String,
    /// The rule's words behind the chain.
    pub words: String,
    /// Its words in IPv6 where those are others.
    pub words6: Option<String>,
    /// The table that iptables takes it in.
    pub table: String,
}

impl Sample {
    /// The rule's words in a family.
    pub fn words(&self, family: Family) -> &str {
        match (&self.words6, family) {
            (Some(words), Family::Ipv6) => words,
            _ => &self.words,
        }
    }
}

/// A text of one family, or of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `None` for both.
    pub family: Option<Family>,
    /// What the line says.
    pub text: String,
}

impl Line {
    /// Whether it holds in a family.
    pub fn is_of(&self, family: Family) -> bool {
        self.family.is_none_or(|own| own == family)
    }
}

/// A rule and what iptables prints of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The rule.
    pub rule: Line,
    /// Its table.
    pub table: String,
    /// As saved: one line a rule that it makes.
    pub saved: Vec<Line>,
    /// As listed.
    pub listed: Vec<Line>,
}

/// A test of packets, or a target that changes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// The words behind the chain.
    pub words: Line,
    /// Packets that it meets.
    pub hits: Vec<String>,
    /// Packets that it does not.
    pub misses: Vec<String>,
}

/// A rule that is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The rule.
    pub rule: Line,
    /// The error's code, such as `BPFC0006`.
    pub code: String,
    /// The words that it points at; the whole rule where nothing is said.
    pub marked: Option<String>,
    /// Why iptables takes it all the same; `None` where iptables refuses it, too.
    pub taken: Option<String>,
}

/// The two addresses of a family that stand for `@` and `%` in rules.
pub fn places(family: Family) -> [&'static str; 2] {
    match family {
        Family::Ipv4 => ["192.0.2.9", "198.51.100.77"],
        Family::Ipv6 => ["2001:db8::9", "fe80:0:0:1::77"],
    }
}

impl Rule {
    /// The rule in a family.
    pub fn text(&self, family: Family) -> String {
        let [first, second] = places(family);
        self.rule.text.replace('@', first).replace('%', second)
    }

    /// What iptables saves of it in a family.
    pub fn saved(&self, family: Family) -> Vec<&str> {
        of(&self.saved, family)
    }

    /// What iptables lists of it in a family.
    pub fn listed(&self, family: Family) -> Vec<&str> {
        of(&self.listed, family)
    }
}

fn of(lines: &[Line], family: Family) -> Vec<&str> {
    lines.iter().filter(|line| line.is_of(family)).map(|line| line.text.as_str()).collect()
}

/// The folder of the files.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../frontends/xtables/tests")
}

/// All files, sorted by kind and name.
///
/// # Panics
/// Where one cannot be read, or has a line that is none of the above.
pub fn all() -> Vec<Cases> {
    let mut found = vec![read(Kind::Header, &folder().join("header.t"))];
    for (kind, name) in [(Kind::Match, "matches"), (Kind::Target, "targets")] {
        let folder = folder().join(name);
        let entries = std::fs::read_dir(&folder).expect("a folder of cases");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
        paths.sort();
        assert!(!paths.is_empty(), "{}", folder.display());
        found.extend(paths.iter().map(|path| read(kind, path)));
    }
    found
}

fn read(kind: Kind, path: &Path) -> Cases {
    let shown = path.display();
    let name = path.file_stem().and_then(|name| name.to_str()).expect("a name in UTF-8");
    assert_eq!(path.extension().and_then(|end| end.to_str()), Some("t"), "{shown}");
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{shown}: {error}"));
    parse::file(kind, name, &text).unwrap_or_else(|error| panic!("{shown}:{error}"))
}

/// The words of all tests, or rewrites, that are of one family alone, or (`None`) of both.
pub fn words(all: &[Cases], family: Option<Family>, of: impl Fn(&Cases) -> &[Test]) -> Vec<&str> {
    let tests = all.iter().flat_map(of).filter(|test| test.words.family == family);
    tests.map(|test| test.words.text.as_str()).collect()
}
