//! Reads a whole dump: tables, chains, and the commands on their rules.
//!
//! What iptables-restore takes is taken (`ip46tables_restore_main`), and also what it is too
//! strict about: lines of any length, line ends of DOS, jumps to chains that are declared further
//! down. Every line is read on its own, so that one run reports every error. Of a table that is not
//! compiled rules are counted and not read: they may need extensions that nobody knows here.
//!
//! A table that stands twice is flushed before its second part, as iptables-restore flushes it, but
//! for the policies of its base chains. A base chain that is declared twice keeps its rules, and
//! the last policy counts.

use super::command::{Command, Context, PlainRule, PlainTarget};
use super::foreign::{Foreign, nearest};
use super::{rule, words};
use crate::model::{Base, Chain, Counters, Rule, Ruleset, Table, Target, base_hook};
use crate::registry::{self, Known};
use bpfc_diag::{Code, Diagnostic, Diagnostics, FileId, Span};
use bpfc_ir::{Accounts, Family, Verdict, raw};
use std::collections::{HashMap, VecDeque};

/// The greatest number of rules in one input; lists of addresses can multiply them.
const MAX_RULES: usize = 2_000_000;
/// The greatest number of words in a rule. iptables-restore takes 251 (`MAX_ARGC` and what it
/// adds), and what reading a line costs grows with the square of their number.
const MAX_WORDS: usize = 255;
/// The longest chain name in bytes.
const MAX_NAME: usize = 28;

/// A text to read.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// What it says; bytes that are not UTF-8 stand as [`raw`] says.
    pub text: &'a str,
    /// The file that spans point into.
    pub file: FileId,
    /// iptables or ip6tables.
    pub family: Family,
    /// Who knows users and groups by name.
    pub accounts: Option<&'static dyn Accounts>,
    /// The tables that are compiled; `None` for every one.
    pub compiled: Option<&'a [String]>,
}

/// Reads a dump. The ruleset holds what could be read; it is whole only where no error was
/// reported.
pub fn read(text: &Text<'_>, diagnostics: &mut Diagnostics) -> Ruleset {
    let mut reader = Reader {
        text,
        diagnostics,
        ruleset: Ruleset { family: text.family, tables: Vec::new() },
        table: None,
        rules: 0,
        too_many: false,
        outside: Vec::new(),
    };
    let mut offset = 0;
    for line in text.text.split_inclusive('\n') {
        reader.line(line.trim_end_matches(['\n', '\r']), offset);
        offset += line.len();
    }
    if let Some(table) = &reader.table {
        let name = table.name;
        reader.diagnostics.push(
            Diagnostic::error(
                Code::SYNTAX,
                Some(table.span),
                format!("table '{name}' has no COMMIT"),
            )
            .with_help("end the table with a line COMMIT; the dump may be cut off"),
        );
        reader.commit();
    }
    reader.report_outside();
    reader.ruleset
}

/// The most lines outside of tables that are named where there is no table at all.
const MAX_OUTSIDE: usize = 20;

struct Reader<'a, 'd> {
    text: &'a Text<'a>,
    diagnostics: &'d mut Diagnostics,
    ruleset: Ruleset,
    table: Option<OpenTable<'a>>,
    rules: usize,
    too_many: bool,
    /// Errors for lines outside of tables.
    outside: Vec<Diagnostic>,
}

/// A table before its COMMIT.
struct OpenTable<'a> {
    name: &'a str,
    span: Span,
    /// Whether its rules are read; else they are counted.
    is_read: bool,
    unread: usize,
    /// How many rules of an earlier part are flushed, where there is one.
    flushed: Option<usize>,
    chains: Vec<OpenChain>,
    /// Chain indices by name; looked up only.
    index: HashMap<String, usize>,
}

struct OpenChain {
    name: String,
    base: Option<Base>,
    span: Span,
    /// Whether a line declares it.
    declared: bool,
    rules: VecDeque<PlainRule>,
    /// Whether `-X` took it away.
    deleted: bool,
}

impl<'a> Reader<'a, '_> {
    fn error(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(code, Some(span), message));
    }

    fn span(&self, offset: usize, line: &str) -> Span {
        Span::new(self.text.file, offset, offset + line.len())
    }

    fn line(&mut self, line: &'a str, offset: usize) {
        let span = self.span(offset, line);
        if let Some(comment) = line.strip_prefix('#') {
            return self.comment(comment, span);
        }
        if line.is_empty() {
            return;
        }
        if self.table.is_none() {
            match line.strip_prefix('*') {
                Some(rest) => self.open_table(rest, span),
                None if line.trim().is_empty() => {}
                None => self.outside.push(outside(line, span)),
            }
        } else if line == "COMMIT" {
            self.commit();
        } else if self.table.as_ref().is_some_and(|table| !table.is_read) {
            self.unread_line(line, span);
        } else if let Some(rest) = line.strip_prefix(':') {
            self.declare_chain(rest, span);
        } else if !line.trim().is_empty() {
            self.rule_line(line, offset);
        }
    }

    /// Reports the lines outside of tables: all where there are tables, too, and else so many that
    /// people see what the file is.
    fn report_outside(&mut self) {
        let outside = std::mem::take(&mut self.outside);
        let shown = match self.ruleset.tables.is_empty() {
            true => MAX_OUTSIDE.min(outside.len()),
            false => outside.len(),
        };
        let more = outside.len() - shown;
        let place = outside.get(shown).and_then(|error| error.span);
        let mut said = Vec::new();
        for mut error in outside.into_iter().take(shown) {
            // What a line is, is said of the first of its kind.
            if said.contains(&error.help) {
                (error.notes, error.help) = (Vec::new(), None);
            } else {
                said.push(error.help.clone());
            }
            self.diagnostics.push(error);
        }
        if more > 0 {
            let lines = if more == 1 { "line stands" } else { "lines stand" };
            let message =
                format!("{more} more {lines} outside a table: there is none in the input");
            self.diagnostics.push(Diagnostic::error(Code::SYNTAX, place, message));
        }
    }

    /// Of comments only those count by which iptables-nft-save says what it leaves out.
    fn comment(&mut self, comment: &str, span: Span) {
        let named = comment.trim_start().strip_prefix("Table `");
        let Some((name, rest)) = named.and_then(|named| named.split_once('\'')) else { return };
        if !rest.contains("incompatible") {
            return;
        }
        let is_compiled =
            self.text.compiled.is_none_or(|tables| tables.iter().any(|table| table == name));
        let message = format!("table '{name}' is not whole in this dump");
        let note = "iptables-nft-save leaves out what nft has made of it, and says so on this line";
        let found = match is_compiled {
            true => Diagnostic::error(Code::MISSING_TABLE, Some(span), message)
                .with_help("leave the table out with --table, and to the kernel"),
            false => Diagnostic::note(Code::MISSING_TABLE, Some(span), message),
        };
        self.diagnostics.push(found.with_note(note));
    }

    fn open_table(&mut self, rest: &'a str, span: Span) {
        let Some(name) = rest.split([' ', '\t']).find(|word| !word.is_empty()) else {
            return self.error(Code::SYNTAX, span, "the table has no name");
        };
        let compiled = self.text.compiled;
        let is_known = !crate::model::base_chains(name).is_empty();
        if !is_known {
            let error =
                Diagnostic::error(Code::SYNTAX, Some(span), format!("there is no table '{name}'"));
            self.diagnostics.push(meant(error, name, crate::model::TABLES));
        }
        let is_read = is_known && compiled.is_none_or(|tables| tables.iter().any(|t| t == name));
        let chains = Vec::new();
        let mut table = OpenTable {
            name,
            span,
            is_read,
            unread: 0,
            flushed: None,
            chains,
            index: HashMap::new(),
        };
        let earlier = self.ruleset.tables.iter().position(|table| table.name == name);
        if let Some(earlier) = earlier.map(|at| self.ruleset.tables.remove(at)) {
            self.flush(&earlier, &mut table);
        }
        self.table = Some(table);
    }

    /// What a second part of a table leaves of the first: the policies of base chains.
    fn flush(&mut self, earlier: &Table, table: &mut OpenTable<'_>) {
        for chain in &earlier.chains {
            let Some(base) = chain.base else { continue };
            let index = table.add_chain(&chain.name, chain.span.unwrap_or(table.span));
            table.chains[index].base = Some(base);
        }
        table.flushed = Some(earlier.chains.iter().map(|chain| chain.rules.len()).sum());
    }

    /// Warns of a table that stood in the input before.
    fn warn_of_flush(&mut self, table: &OpenTable<'_>) {
        let Some(rules) = table.flushed.filter(|_| table.is_read) else { return };
        let what = match rules {
            1 => "the rule before it is flushed".to_owned(),
            _ => format!("the {rules} rules before it are flushed"),
        };
        let mut warning = Diagnostic::warning(
            Code::REPEATED,
            Some(table.span),
            format!("table '{}' stands twice in the input: the last one counts", table.name),
        )
        .with_label("this one counts")
        .with_note(format!("{what}, as iptables-restore does without -n"));
        let drops = |base: Base| base.policy != Verdict::Accept;
        let kept = table.chains.iter().filter(|c| !c.declared && c.base.is_some_and(drops));
        let kept: Vec<&str> = kept.map(|chain| chain.name.as_str()).collect();
        if !kept.is_empty() {
            warning = warning.with_note(format!(
                "it does not declare {}: the policy DROP stays, where iptables-nft-restore sets ACCEPT",
                kept.join(", ")
            ));
        }
        self.diagnostics.push(warning.with_help("keep the part that is meant"));
    }

    /// A line of a table that is not compiled: its rules and policies are told of.
    fn unread_line(&mut self, line: &str, span: Span) {
        let Some(table) = &mut self.table else { return };
        if let Some(rest) = line.strip_prefix(':') {
            let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
            if let (Some(name), Some("DROP")) = (words.next(), words.next())
                && base_hook(table.name, name).is_some()
            {
                let index = match table.index.get(name) {
                    Some(&index) => index,
                    None => table.add_chain(name, span),
                };
                if let Some(base) = &mut table.chains[index].base {
                    base.policy = Verdict::Drop;
                }
            }
            return;
        }
        let command = match line.starts_with('[') {
            true => line.split_once(']').map_or("", |(_, rest)| rest),
            false => line,
        };
        let adds = |word: &str| {
            word.starts_with("-A")
                || word.starts_with("-I")
                || matches!(word, "--append" | "--insert")
        };
        table.unread += usize::from(command.split_whitespace().any(adds));
    }

    fn declare_chain(&mut self, rest: &'a str, span: Span) {
        let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
        let Some(name) = words.next() else {
            return self.error(Code::SYNTAX, span, "the chain has no name");
        };
        let policy = words.next();
        let counters = words.next();
        if self.declared_base(name) {
            let message = format!("base chain '{name}' is declared twice: its last policy counts");
            self.diagnostics.push(
                Diagnostic::warning(Code::REPEATED, Some(span), message)
                    .with_label("the policy is set once more")
                    .with_note("no rule is lost by it"),
            );
        } else {
            self.new_chain(name, span);
        }
        let Some(policy) = policy else {
            return self.error(Code::SYNTAX, span, format!("chain '{name}' has no policy"));
        };
        if policy != "-" {
            let counters = match counters.map(read_counters) {
                None => None,
                Some(Some(counters)) => Some(counters),
                Some(None) => {
                    return self.error(
                        Code::SYNTAX,
                        span,
                        format!("chain '{name}' has counters that are not [PACKETS:BYTES]"),
                    );
                }
            };
            self.set_policy(name, policy, counters, span);
        }
    }

    /// Whether a line has declared this base chain.
    fn declared_base(&self, name: &str) -> bool {
        let Some(table) = &self.table else { return false };
        let chain = table.index.get(name).map(|&index| &table.chains[index]);
        chain.is_some_and(|chain| chain.declared && chain.base.is_some())
    }

    fn new_chain(&mut self, name: &str, span: Span) {
        if raw::length(name) > MAX_NAME {
            return self.error(
                Code::SYNTAX,
                span,
                format!("chain name '{name}' is longer than {MAX_NAME} bytes"),
            );
        }
        if matches!(name, "ACCEPT" | "DROP" | "RETURN" | "QUEUE") {
            return self.error(
                Code::SYNTAX,
                span,
                format!("chain '{name}' has the name of a verdict"),
            );
        }
        let Some(table) = &mut self.table else { return };
        if let Some(&index) = table.index.get(name) {
            let chain = &mut table.chains[index];
            // Base chains that rules stand in before their declaration, or that an earlier part of
            // the table left.
            if chain.base.is_some() && !chain.declared {
                (chain.declared, chain.span) = (true, span);
                return;
            }
            let error = Diagnostic::error(
                Code::SYNTAX,
                Some(span),
                format!("chain '{name}' is declared twice"),
            );
            self.diagnostics.push(
                error
                    .with_note(
                        "iptables-legacy-restore refuses it; iptables-nft-restore flushes the chain",
                    )
                    .with_help("remove the line, or the rules that stand before it"),
            );
            return;
        }
        let index = table.add_chain(name, span);
        table.chains[index].declared = true;
    }

    fn set_policy(&mut self, name: &str, policy: &str, counters: Option<Counters>, span: Span) {
        let Some(table) = &mut self.table else { return };
        let Some(&index) = table.index.get(name) else {
            // Its declaration was refused.
            return;
        };
        let chain = &mut table.chains[index];
        let message = match (&mut chain.base, policy) {
            (None, _) => {
                format!("chain '{name}' is a user chain of this table and cannot have a policy")
            }
            (Some(base), "ACCEPT" | "DROP") => {
                base.policy = if policy == "DROP" { Verdict::Drop } else { Verdict::Accept };
                base.counters = counters.unwrap_or_default();
                return;
            }
            (Some(_), _) => format!("'{policy}' is not a policy: ACCEPT or DROP"),
        };
        self.error(Code::SYNTAX, span, message);
    }

    fn rule_line(&mut self, line: &'a str, offset: usize) {
        let mut body = line;
        let mut at = offset;
        let mut counters = None;
        if line.starts_with('[') {
            let Some(end) = line.find(']') else {
                let span = self.span(offset, line);
                return self.error(Code::SYNTAX, span, "the counters have no ]");
            };
            counters = read_counters(&line[..=end]);
            if counters.is_none() {
                let span = self.span(offset, &line[..=end]);
                return self.error(Code::SYNTAX, span, "counters are [PACKETS:BYTES]");
            }
            body = &line[end + 1..];
            at += end + 1;
        }
        let words = match words::split(body, self.text.file, at) {
            Ok(words) => words,
            Err(open) => {
                return self.error(Code::SYNTAX, open.0, "these quotes are not closed");
            }
        };
        if words.len() > MAX_WORDS {
            let span = words[MAX_WORDS].span;
            let message = format!("a rule has no more than {MAX_WORDS} words");
            return self.error(Code::SYNTAX, span, message);
        }
        let wrong = words.iter().enumerate().find(|(index, word)| {
            !raw::is_utf8(&word.text) && (*index == 0 || !takes_bytes(&words[index - 1].text))
        });
        if let Some((_, word)) = wrong {
            return self.error(Code::SYNTAX, word.span, "this is not UTF-8");
        }
        let Some(table) = &self.table else { return };
        let context = Context {
            family: self.text.family,
            table: table.name,
            is_chain: &|name| table.index.contains_key(name),
            accounts: self.text.accounts,
        };
        let Some(command) = rule::parse(&words, counters, &context, self.diagnostics) else {
            return;
        };
        let span = self.span(offset, line);
        self.command(command, span);
    }

    fn command(&mut self, command: Command<'a>, span: Span) {
        match command {
            Command::Append { chain, rules } => {
                let Some(rules) = self.admit(rules) else { return };
                if let Some(chain) = self.chain_mut(&chain.text, chain.span) {
                    chain.rules.extend(rules);
                }
            }
            Command::Insert { chain, position, rules } => {
                let Some(rules) = self.admit(rules) else { return };
                let at = chain.span;
                let Some(chain) = self.chain_mut(&chain.text, chain.span) else { return };
                if position > chain.rules.len() + 1 {
                    return self.error(Code::BAD_VALUE, at, "the chain has not so many rules");
                }
                for rule in rules {
                    chain.rules.insert(position - 1, rule);
                }
            }
            Command::Replace { chain, position, rules } => {
                let at = chain.span;
                let Some(chain) = self.chain_mut(&chain.text, chain.span) else { return };
                let mut rules = rules.into_iter();
                match (chain.rules.get_mut(position - 1), rules.next(), rules.next()) {
                    (Some(old), Some(new), None) => *old = new,
                    (None, ..) => {
                        self.error(Code::BAD_VALUE, at, "the chain has not so many rules")
                    }
                    _ => self.error(
                        Code::BAD_VALUE,
                        at,
                        "a rule can be replaced by one rule only, not by a list of addresses",
                    ),
                }
            }
            Command::DeleteNumber { chain, position } => {
                let at = chain.span;
                let Some(chain) = self.chain_mut(&chain.text, chain.span) else { return };
                if chain.rules.remove(position - 1).is_none() {
                    self.error(Code::BAD_VALUE, at, "the chain has not so many rules");
                }
            }
            Command::New(name) => self.new_chain(&name.text, name.span),
            Command::Policy { chain, policy, counters } => {
                if self.chain_mut(&chain.text, chain.span).is_some() {
                    self.set_policy(&chain.text, &policy, counters, span);
                }
            }
            Command::Flush(None) => {
                if let Some(table) = &mut self.table {
                    table.chains.iter_mut().for_each(|chain| chain.rules.clear());
                }
            }
            Command::Flush(Some(chain)) => {
                if let Some(chain) = self.chain_mut(&chain.text, chain.span) {
                    chain.rules.clear();
                }
            }
            Command::DeleteChain(chain) => self.delete_chain(&chain.text, chain.span),
            Command::Nothing => {}
        }
    }

    fn delete_chain(&mut self, name: &str, span: Span) {
        let Some(chain) = self.chain_mut(name, span) else { return };
        if chain.base.is_some() || !chain.rules.is_empty() {
            return self.error(
                Code::SYNTAX,
                span,
                format!("chain '{name}' cannot be deleted: it has rules or is a base chain"),
            );
        }
        chain.deleted = true;
        if let Some(table) = &mut self.table {
            table.index.remove(name);
        }
    }

    /// Counts rules that come in, and refuses them where they are too many.
    fn admit(&mut self, rules: Vec<PlainRule>) -> Option<Vec<PlainRule>> {
        self.rules += rules.len();
        if self.rules <= MAX_RULES {
            return Some(rules);
        }
        if !self.too_many {
            self.too_many = true;
            let span = rules.first().map(|rule| rule.span);
            self.diagnostics.push(Diagnostic::error(
                Code::TOO_LARGE,
                span,
                format!("the input has more than {MAX_RULES} rules"),
            ));
        }
        None
    }

    /// A chain that a command names; the kernel's own chains need no declaration.
    fn chain_mut(&mut self, name: &str, span: Span) -> Option<&mut OpenChain> {
        let table = self.table.as_mut()?;
        let index = match table.index.get(name) {
            Some(&index) => index,
            None if base_hook(table.name, name).is_some() => table.add_chain(name, span),
            None => {
                let message = format!("table '{}' has no chain '{name}'", table.name);
                let error = Diagnostic::error(Code::MISSING_CHAIN, Some(span), message);
                let base = crate::model::base_chains(table.name).iter().map(|(name, _)| *name);
                let known = table.chains.iter().map(|chain| chain.name.as_str()).chain(base);
                let error = match nearest(name, known) {
                    Some(near) => error.with_help(format!("did you mean '{near}'?")),
                    None => error.with_help(format!("declare it with a line `:{name} - [0:0]`")),
                };
                self.diagnostics.push(error);
                return None;
            }
        };
        self.table.as_mut()?.chains.get_mut(index)
    }

    fn commit(&mut self) {
        let Some(table) = self.table.take() else { return };
        self.warn_of_flush(&table);
        // Indices shift where chains were deleted.
        let mut places = vec![0; table.chains.len()];
        let names: Vec<String> = table.chains.iter().map(|chain| chain.name.clone()).collect();
        let is_base: Vec<bool> = table.chains.iter().map(|chain| chain.base.is_some()).collect();
        let mut kept = 0;
        for (place, chain) in places.iter_mut().zip(&table.chains) {
            *place = kept;
            kept += usize::from(!chain.deleted);
        }
        let mut chains = Vec::with_capacity(kept);
        for chain in table.chains {
            if chain.deleted {
                continue;
            }
            let mut rules = Vec::with_capacity(chain.rules.len());
            for rule in chain.rules {
                let PlainRule { header, matches, target, counters, span, target_span, refused } =
                    rule;
                let index = |name: &str| {
                    table.index.get(name).map(|&index| (places[index], is_base[index]))
                };
                let near = |name: &str| near_target(name, &names, self.text.family);
                let family = self.text.family;
                match resolve(target, target_span, index, near, family, self.diagnostics) {
                    Some(target) => {
                        let span = Some(span);
                        rules.push(Rule { header, matches, target, counters, span, refused });
                    }
                    None => continue,
                }
            }
            chains.push(Chain {
                name: chain.name,
                base: chain.base,
                rules,
                span: Some(chain.span),
            });
        }
        let name = table.name.to_owned();
        let (span, unread) = (Some(table.span), table.unread);
        self.ruleset.tables.push(Table { name, chains, span, unread });
    }
}

impl OpenTable<'_> {
    fn add_chain(&mut self, name: &str, span: Span) -> usize {
        let base = base_hook(self.name, name).map(|hook| Base {
            hook,
            policy: Verdict::Accept,
            counters: Counters::default(),
        });
        let index = self.chains.len();
        self.chains.push(OpenChain {
            name: name.to_owned(),
            base,
            span,
            declared: false,
            rules: VecDeque::new(),
            deleted: false,
        });
        self.index.insert(name.to_owned(), index);
        index
    }
}

/// Finds the chain of a jump; `index` also tells whether it is a base chain. `None`, with an error
/// reported, where there is none.
fn resolve(
    target: PlainTarget,
    span: Span,
    index: impl Fn(&str) -> Option<(usize, bool)>,
    near: impl Fn(&str) -> Option<String>,
    family: Family,
    diagnostics: &mut Diagnostics,
) -> Option<Target> {
    let (name, goto) = match target {
        PlainTarget::Done(target) => return Some(target),
        PlainTarget::Chain { name, goto } => (name, goto),
    };
    if let Some((chain, base)) = index(&name) {
        if base {
            let message = format!("'{name}' is a base chain, which no rule can jump to");
            diagnostics.push(Diagnostic::error(Code::MISSING_CHAIN, Some(span), message));
            return None;
        }
        return Some(if goto { Target::Goto(chain) } else { Target::Jump(chain) });
    }
    let unknown = matches!(registry::find_action(&name, family), Known::Unknown);
    let message = if goto {
        format!("goto '{name}' is not a chain")
    } else if unknown {
        format!("'{name}' is neither a chain of this table nor a target")
    } else {
        format!("'{name}' is not a chain of this table")
    };
    let help = match near(&name) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("declare the chain with a line `:{name} - [0:0]`, or correct the name"),
    };
    diagnostics.push(Diagnostic::error(Code::MISSING_CHAIN, Some(span), message).with_help(help));
    None
}

/// The chain or target that a word may have meant.
fn near_target(word: &str, chains: &[String], family: Family) -> Option<String> {
    let verdicts = ["ACCEPT", "DROP", "RETURN"].into_iter();
    let mut known: Vec<&str> = chains.iter().map(String::as_str).collect();
    for name in verdicts.chain(registry::action_names(family)) {
        known.push(name);
    }
    nearest(word, known).map(str::to_owned)
}

/// With the known word that may have been meant, where one is near.
fn meant(error: Diagnostic, word: &str, known: &[&str]) -> Diagnostic {
    match nearest(word, known.iter().copied()) {
        Some(near) => error.with_help(format!("did you mean '{near}'?")),
        None => error,
    }
}

/// The error for a line outside of tables.
fn outside(line: &str, span: Span) -> Diagnostic {
    let error = Diagnostic::error(Code::SYNTAX, Some(span), "this line stands outside a table");
    match Foreign::of(line) {
        Some(Foreign::Commands) => {
            error.with_help("put it between a line such as *filter and its COMMIT")
        }
        Some(kind) => error.with_note(kind.note()).with_help(kind.help("FILE")),
        None => error,
    }
}

/// Whether an option's value may be other bytes than UTF-8: texts, names of chains and sets.
fn takes_bytes(option: &str) -> bool {
    const TEXTS: [&str; 5] =
        ["--comment", "--log-prefix", "--nflog-prefix", "--string", "--hex-string"];
    const SETS: [&str; 4] = ["--match-set", "--add-set", "--del-set", "--map-set"];
    const CHAINS: [&str; 8] = ["-A", "-I", "-N", "-j", "-g", "--append", "--jump", "--goto"];
    [&TEXTS[..], &SETS, &CHAINS].iter().any(|known| known.contains(&option))
}

/// `[PACKETS:BYTES]`.
fn read_counters(text: &str) -> Option<Counters> {
    let (packets, bytes) = text.strip_prefix('[')?.strip_suffix(']')?.split_once(':')?;
    Some(Counters { packets: packets.trim().parse().ok()?, bytes: bytes.trim().parse().ok()? })
}
