//! Makes a command of the options that a line gave.

use super::Word;
use super::command::{Command, PlainRule, PlainTarget, Verb};
use super::getopt::Kind;
use super::rule::Parser;
use crate::header::AddressTest;
use crate::model::Target;
use crate::options::{OptionSpec, Options, Problem};
use crate::{Action, ActionExtension, Header, Match, MatchExtension, names};
use bpfc_diag::{Code, Diagnostic};
use std::sync::Arc;

impl<'a> Parser<'_, 'a, '_> {
    /// Makes the command of what was read.
    pub(super) fn finish(&mut self) -> Option<Command<'a>> {
        if self.other_family {
            return Some(Command::Nothing);
        }
        let Some(verb) = self.verb.take() else {
            if self.errors.is_empty() {
                self.error(Code::SYNTAX, self.span, "the line has no command such as -A CHAIN");
            }
            return None;
        };
        match verb {
            Verb::New(chain) => Some(Command::New(chain)),
            Verb::Policy(chain, policy) => Some(Command::Policy {
                chain,
                policy: policy.text.into_owned(),
                counters: self.counters,
            }),
            Verb::Flush(chain) => Some(Command::Flush(chain)),
            Verb::DeleteChain(Some(chain)) => Some(Command::DeleteChain(chain)),
            Verb::DeleteChain(None) => {
                self.error(Code::SYNTAX, self.span, "-X needs a chain in a dump");
                None
            }
            Verb::Delete(chain, Some(position)) => Some(Command::DeleteNumber { chain, position }),
            Verb::Delete(_, None) => {
                self.error(Code::SYNTAX, self.span, "-D needs a rule number in a dump");
                None
            }
            Verb::Append(chain) => {
                let rules = self.rules(&chain)?;
                Some(Command::Append { chain, rules })
            }
            Verb::Insert(chain, position) => {
                let rules = self.rules(&chain)?;
                Some(Command::Insert { chain, position, rules })
            }
            Verb::Replace(chain, position) => {
                let rules = self.rules(&chain)?;
                Some(Command::Replace { chain, position, rules })
            }
        }
    }

    /// The rules that the line stands for: one for each pair of addresses.
    fn rules(&mut self, chain: &Word<'a>) -> Option<Vec<PlainRule>> {
        self.check_interfaces(chain);
        let extension = |error: &Diagnostic| {
            matches!(error.code, Code::UNSUPPORTED_EXTENSION | Code::UNKNOWN_EXTENSION)
        };
        if !self.errors.iter().all(extension) {
            // What an extension would say now may only follow from an error before.
            return None;
        }
        let mut matches = Vec::new();
        let mut action = None;
        for loaded in std::mem::take(&mut self.extensions) {
            let options = Options {
                name: &loaded.name.text,
                span: loaded.name.span,
                given: &loaded.given,
                family: self.context.family,
                header: &self.header,
                accounts: self.context.accounts,
            };
            let made = match loaded.kind {
                Kind::Match(extension) => make_match(extension, &options, self.context.table)
                    .map(|made| matches.push(made)),
                Kind::Action(extension) => make_action(extension, &options, self.context.table)
                    .map(|made| action = Some(Target::Action(made))),
            };
            if let Err(problem) = made {
                self.error(problem.code, problem.span, problem.message);
            }
        }
        let refused = std::mem::take(&mut self.errors);
        if refused.iter().any(|error| error.code != Code::UNSUPPORTED_EXTENSION) {
            self.errors = refused;
            return None;
        }
        let target_span = self.target.as_ref().map_or(self.span, |(word, _)| word.span);
        let target = match (action, self.target.take()) {
            (Some(action), _) => PlainTarget::Done(action),
            (None, None) => PlainTarget::Done(Target::None),
            (None, Some((word, _)))
                if refused.iter().any(|error| error.span == Some(word.span)) =>
            {
                PlainTarget::Done(Target::None)
            }
            (None, Some((word, goto))) => match (word.text.as_ref(), goto) {
                ("ACCEPT", false) => PlainTarget::Done(Target::Accept),
                ("DROP", false) => PlainTarget::Done(Target::Drop),
                ("RETURN", false) => PlainTarget::Done(Target::Return),
                _ => PlainTarget::Chain { name: word.text.into_owned(), goto },
            },
        };
        let lists = [&self.sources, &self.destinations].map(|list| list.as_deref().unwrap_or(&[]));
        if lists.iter().any(|list| list.len() > 1)
            && lists.iter().any(|list| list.iter().any(|test| test.invert))
        {
            self.error(Code::BAD_VALUE, self.span, "! is not allowed with a list of addresses");
            return None;
        }
        let any = || vec![AddressTest::default()];
        let sources = self.sources.take().unwrap_or_else(any);
        let destinations = self.destinations.take().unwrap_or_else(any);
        const MAX: usize = 1_000_000;
        if sources.len().saturating_mul(destinations.len()) > MAX {
            let message = format!("the lists of addresses make more than {MAX} rules");
            self.error(Code::TOO_LARGE, self.span, message);
            return None;
        }
        let mut rules = Vec::with_capacity(sources.len() * destinations.len());
        for &source in &sources {
            for &destination in &destinations {
                rules.push(PlainRule {
                    header: Header { source, destination, ..self.header.clone() },
                    matches: matches.clone(),
                    target: target.clone(),
                    counters: self.counters.unwrap_or_default(),
                    span: self.span,
                    target_span,
                    refused: refused.clone(),
                });
            }
        }
        Some(rules)
    }

    /// Packets that come in have no output interface yet, and those that go out no input one.
    fn check_interfaces(&mut self, chain: &Word<'a>) {
        let wrong = match chain.text.as_ref() {
            "PREROUTING" | "INPUT" => self.output.map(|span| ('o', span)),
            "POSTROUTING" | "OUTPUT" => self.input.map(|span| ('i', span)),
            _ => None,
        };
        if let Some((letter, span)) = wrong {
            let message = format!("-{letter} cannot be used in chain {}", chain.text);
            self.error(Code::BAD_VALUE, span, message);
        }
    }
}

/// Checks what every extension wants checked.
fn check_options(specs: &[OptionSpec], options: &Options<'_>) -> Result<(), Problem> {
    match specs.iter().find(|spec| spec.mandatory && !options.has(spec.id)) {
        Some(spec) => Err(options.bad(format!("option '--{}' must be given", spec.id))),
        None => Ok(()),
    }
}

fn make_match(
    extension: &'static MatchExtension,
    options: &Options<'_>,
    table: &str,
) -> Result<Arc<dyn Match>, Problem> {
    check_options(extension.options, options)?;
    let protocol = options.header.protocol;
    let fits = extension.protocols.is_empty()
        || (!protocol.invert
            && extension.protocols.iter().any(|&p| u16::from(p) == protocol.number));
    if !fits {
        let names: Vec<String> = extension
            .protocols
            .iter()
            .map(|&p| format!("-p {}", names::protocol_name(p.into()).unwrap_or("?")))
            .collect();
        return Err(options.bad(format!("the rule must also say {}", names.join(" or "))));
    }
    let made = (extension.parse)(options)?;
    check_table(made.tables(), options, table)?;
    Ok(made)
}

fn make_action(
    extension: &'static ActionExtension,
    options: &Options<'_>,
    table: &str,
) -> Result<Arc<dyn Action>, Problem> {
    check_options(extension.options, options)?;
    check_table(extension.tables, options, table)?;
    let made = (extension.parse)(options)?;
    check_table(made.tables(), options, table)?;
    Ok(made)
}

/// Checks that the rule's table is among those that may use an extension, if any are named.
fn check_table(tables: &[&str], options: &Options<'_>, table: &str) -> Result<(), Problem> {
    match tables.is_empty() || tables.contains(&table) {
        true => Ok(()),
        false => {
            let tables = tables.join(", ");
            Err(options.bad(format!("it is valid in these tables only: {tables}")))
        }
    }
}
