//! libnftables JSON, as `nft -j list ruleset` prints it and `nft -j -f` takes it, read into the
//! same commands as the language's text.
//!
//! The schema is that of libnftables-json(5) and of what nft 1.1.6 reads. What a command means is
//! settled where commands of text are, so a ruleset in either form is the same model. Spans lie in
//! the JSON text. After an error the next command is read, so that all errors are told.
//!
//! What nft lists as text within JSON is read as text. Where JSON says less than the text that it
//! was printed from, or nft would silently read something else than is written, that is an error; a
//! property that nft passes over is a warning.

mod command;
mod document;
mod expression;
mod selector;
mod set;
mod state;
mod statement;
mod table;

use crate::nearest::nearest;
use crate::syntax::ast::{Command, CommandKind};
use crate::syntax::short;
use bpfc_diag::{Code, Diagnostic, Diagnostics, FileId, SourceMap, Span};
use document::{Document, Object, Value};
use std::collections::BTreeSet;

type Parsed<T> = Result<T, Diagnostic>;

/// How deep statements and expressions may nest.
const DEEPEST: u32 = 40;
/// How many errors and warnings are told.
const MOST_TOLD: usize = 100;
/// The newest version of the schema that nft knows.
const SCHEMA: i64 = 1;

fn error(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Code::NFT_SYNTAX, Some(span), message)
}

/// The commands of a document.
pub(crate) fn parse(
    file: FileId,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Vec<Command> {
    let mut reader = Reader { diagnostics, depth: 0, told: 0, outside: None };
    let commands = reader.document(sources.file(file).text(), file);
    commands.unwrap_or_else(|wrong| {
        reader.report(wrong);
        Vec::new()
    })
}

/// What is listed, with what is named before what names it, as a table's block is read. Versions of
/// nft differ in their order, and some list maps before the chains that they lead to.
fn in_order(listed: &mut Vec<Command>) -> Vec<Command> {
    listed.sort_by_key(|command| match command.kind {
        CommandKind::Table { .. } => 0,
        CommandKind::Chain { .. } => 1,
        CommandKind::Object { .. } => 2,
        CommandKind::Set { .. } => 3,
        _ => 4,
    });
    std::mem::take(listed)
}

/// Whether a text is such a document.
pub(crate) fn is_json(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("\"nftables\"") else { return false };
    let rest = rest.trim_start().strip_prefix(':').map(str::trim_start);
    text.trim_start().starts_with('{') && rest.is_some_and(|rest| rest.starts_with('['))
}

/// Chains of devices for which a document names none. They see no packet; nft before 1.1.0 leaves
/// the devices out of what it lists (`findings/nft-json-listing-lacks-devices.sh`).
fn devices_left_out(commands: &[Command]) -> Vec<Diagnostic> {
    let chains = commands.iter().filter_map(|command| match &command.kind {
        CommandKind::Chain { table, chain } => {
            Some(((table.family, &table.name.text, &chain.name.text), chain))
        }
        _ => None,
    });
    let named: BTreeSet<_> =
        chains.clone().filter(|(_, chain)| !chain.devices.is_empty()).map(|(key, _)| key).collect();
    let left_out = chains.filter_map(|(key, chain)| {
        let hook = chain.hook.as_ref()?;
        let is_lost = matches!(hook.name.text.as_str(), "ingress" | "egress");
        (is_lost && !named.contains(&key)).then(|| {
            let message = "the chain is one of devices, and none is named: it would see no packet";
            error(hook.name.span, message)
                .with_note("nft before 1.1.0 leaves the devices out of its JSON")
                .with_help("give it `dev`, or read what `nft list ruleset` prints, or live:nft")
        })
    });
    left_out.collect()
}

struct Reader<'d> {
    diagnostics: &'d mut Diagnostics,
    depth: u32,
    told: usize,
    /// What the current statement holds that is not filtering.
    outside: Option<&'static str>,
}

impl Reader<'_> {
    fn document(&mut self, text: &str, file: FileId) -> Parsed<Vec<Command>> {
        let document = Document::new(text, file)?;
        let root = document.root().object("the document")?;
        let values = root.need("nftables")?.array("an array of commands")?;
        let mut commands = Vec::with_capacity(values.len());
        let mut listed = Vec::new();
        for value in values {
            match self.command(value) {
                Ok(Some((command, true))) => listed.push(command),
                Ok(Some((command, false))) => {
                    commands.append(&mut in_order(&mut listed));
                    commands.push(command);
                }
                Ok(None) => {}
                Err(wrong) => self.report(wrong),
            }
        }
        commands.append(&mut in_order(&mut listed));
        for wrong in devices_left_out(&commands) {
            self.report(wrong);
        }
        Ok(commands)
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.told += 1;
        if self.told <= MOST_TOLD {
            self.diagnostics.push(diagnostic);
        }
    }

    /// One more level of nesting around what `read` reads.
    fn nested<T>(&mut self, span: Span, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEEPEST {
            let message = format!("this is nested more than {DEEPEST} levels deep");
            return Err(error(span, message));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// An object of which the properties are known; others are passed over, as nft does it.
    fn object<'v>(
        &mut self,
        value: Value<'v>,
        what: &'static str,
        known: &[&str],
    ) -> Parsed<Object<'v>> {
        let object = value.object(what)?;
        for (name, value) in object.members() {
            if !known.contains(&&**name) {
                let message =
                    format!("{what} has no property `{}`: nft passes over it", short(name));
                let mut warning = Diagnostic::warning(Code::NFT_SEEMS, Some(value.span()), message);
                let near = nearest(name, known.iter().copied());
                warning.help = near.map(|near| format!("did you mean `{near}`?"));
                self.report(warning);
            }
        }
        Ok(object)
    }
}

/// One of some words.
fn one_of(value: Value<'_>, words: &[&'static str], wanted: &str) -> Parsed<&'static str> {
    let found = value.characters(wanted)?;
    words.iter().copied().find(|word| *word == found).ok_or_else(|| {
        let mut wrong = value.unexpected(wanted);
        let near = nearest(&found, words.iter().copied());
        wrong.help = near.map(|near| format!("did you mean `{near}`?"));
        wrong
    })
}

/// One word, or an array of them.
fn words_of(value: Value<'_>, words: &[&'static str], wanted: &str) -> Parsed<Vec<&'static str>> {
    match value.is_array() {
        true => value.array(wanted)?.iter().map(|one| one_of(*one, words, wanted)).collect(),
        false => Ok(vec![one_of(value, words, wanted)?]),
    }
}

fn boolean(object: &Object<'_>, name: &str) -> Parsed<bool> {
    match object.get(name) {
        Some(value) => value.boolean().ok_or_else(|| value.unexpected("`true` or `false`")),
        None => Ok(false),
    }
}
