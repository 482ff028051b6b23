//! Commands.

use super::super::ast::*;
use super::{Parsed, Parser};
use crate::model::{Family, ObjectKind};
use bpfc_diag::{Code, Diagnostic, Span};

/// Words that begin commands, for suggestions.
const COMMANDS: &[&str] = &[
    "table", "chain", "rule", "set", "map", "element", "add", "create", "insert", "replace",
    "delete", "destroy", "flush", "rename", "include", "define", "redefine", "undefine",
];

impl Parser<'_> {
    pub(super) fn commands(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        while !self.is_end() {
            if self.is_separator() {
                self.advance();
                continue;
            }
            let start = self.at;
            let result = match self.common() {
                Some(result) => result.map(|()| None),
                None => self.command().and_then(|command| {
                    self.separator()?;
                    Ok(Some(command))
                }),
            };
            match result {
                Ok(command) => commands.extend(command),
                Err(error) => {
                    self.report(error);
                    self.recover();
                    // A `}` that closes nothing is passed over.
                    if self.is_sign("}") || self.at == start {
                        self.advance();
                    }
                }
            }
        }
        commands
    }

    fn command(&mut self) -> Parsed<Command> {
        let start = self.span();
        let mut is_create = false;
        let kind = match self.word() {
            "add" => {
                self.advance();
                self.add()?
            }
            "create" => {
                is_create = true;
                self.advance();
                self.add()?
            }
            "insert" => {
                self.advance();
                self.expect_word("rule")?;
                self.rule_command(true)?
            }
            "replace" => {
                self.advance();
                self.expect_word("rule")?;
                let table = self.table_ref()?;
                let chain = self.name("the name of a chain")?;
                self.expect_word("handle")?;
                let handle = self.number(u64::MAX)?;
                CommandKind::Replace { table, chain, handle, rule: self.rule()? }
            }
            "delete" => self.delete(false)?,
            "destroy" => self.delete(true)?,
            "flush" => self.flush()?,
            "rename" => {
                self.advance();
                self.expect_word("chain")?;
                let table = self.table_ref()?;
                let chain = self.name("the name of a chain")?;
                let to = self.name("the chain's new name")?;
                CommandKind::Rename { table, chain, to }
            }
            word @ ("list" | "reset" | "monitor" | "get" | "export" | "import" | "describe") => {
                let message = format!("`{word}` asks for what the kernel holds");
                let error = Diagnostic::error(Code::NFT_COMMAND, Some(start), message);
                return Err(error.with_help("leave the command to nft"));
            }
            _ => self.add()?,
        };
        Ok(Command { kind, is_create, span: self.since(start) })
    }

    /// What may be added. A chain's name alone begins a rule.
    fn add(&mut self) -> Parsed<CommandKind> {
        let word = self.word().to_owned();
        match word.as_str() {
            "table" => {
                self.advance();
                let table = self.table_ref()?;
                let body = match self.is_sign("{") {
                    true => self.table_block(table.family)?,
                    false => TableBody::default(),
                };
                Ok(CommandKind::Table { table, body })
            }
            "chain" => {
                self.advance();
                let table = self.table_ref()?;
                Ok(CommandKind::Chain { table, chain: self.chain()? })
            }
            "rule" => {
                self.advance();
                self.rule_command(false)
            }
            "set" | "map" => {
                self.advance();
                let table = self.table_ref()?;
                Ok(CommandKind::Set { table, set: self.set_block(word == "map")? })
            }
            "element" => {
                self.advance();
                let table = self.table_ref()?;
                let set = self.name("the name of a set")?;
                Ok(CommandKind::Elements { table, set, elements: self.set_or_variable()? })
            }
            "counter" | "quota" | "limit" => {
                let kind = object_kind(&word);
                self.advance();
                let table = self.table_ref()?;
                Ok(CommandKind::Object { table, object: self.object(kind)? })
            }
            "flowtable" => self.outside("flow"),
            "secmark" => self.outside("secmark"),
            "synproxy" => self.outside("synproxy"),
            "tunnel" => self.outside("tunnel"),
            "ct" => {
                self.advance();
                let class =
                    self.one_of(&["helper", "timeout", "expectation"], "an object of ct")?;
                self.outside(class)
            }
            _ if self.begins_rule() => self.rule_command(false),
            _ => {
                let error = self.unexpected("a command");
                let near = crate::nearest::nearest(&super::short(&word), COMMANDS.iter().copied());
                Err(match near {
                    Some(near) => error.with_help(format!("did you mean `{near}`?")),
                    None => error,
                })
            }
        }
    }

    /// Whether a rule's place and at least one word of a rule stand here.
    fn begins_rule(&self) -> bool {
        let is_family = Family::by_name(self.word()).is_some();
        let names = usize::from(is_family);
        (0..3).all(|by| !self.word_ahead(names + by).is_empty() || by == 2)
            && !self.word_ahead(names + 1).is_empty()
    }

    /// Passes over a command that is not filtering.
    fn outside(&mut self, class: &'static str) -> Parsed<CommandKind> {
        self.recover();
        Ok(CommandKind::Outside(class))
    }

    fn rule_command(&mut self, is_insert: bool) -> Parsed<CommandKind> {
        let table = self.table_ref()?;
        let chain = self.name("the name of a chain")?;
        let position = match self.word() {
            "position" | "handle" => {
                self.advance();
                Some(Position::Handle(self.number(u64::MAX)?))
            }
            "index" => {
                self.advance();
                Some(Position::Index(self.number(u64::MAX)?))
            }
            _ => None,
        };
        Ok(CommandKind::Rule { table, chain, position, is_insert, rule: self.rule()? })
    }

    fn by_name(&mut self, what: &str) -> Parsed<ByName> {
        match self.take_word("handle") {
            true => Ok(ByName::Handle(self.number(u64::MAX)?)),
            false => Ok(ByName::Name(self.name(what)?)),
        }
    }

    fn delete(&mut self, is_destroy: bool) -> Parsed<CommandKind> {
        self.advance();
        let word = self.word().to_owned();
        let what = match word.as_str() {
            "table" => {
                self.advance();
                let family = self.family();
                Deleted::Table(family, self.by_name("the name of a table")?)
            }
            "chain" => {
                self.advance();
                let table = self.table_ref()?;
                Deleted::Chain(table, self.by_name("the name of a chain")?)
            }
            "rule" => {
                self.advance();
                let table = self.table_ref()?;
                let chain = self.name("the name of a chain")?;
                self.expect_word("handle")?;
                Deleted::Rule { table, chain, handle: self.number(u64::MAX)? }
            }
            "set" | "map" => {
                self.advance();
                let table = self.table_ref()?;
                Deleted::Set { table, name: self.by_name("the name of a set")? }
            }
            "element" => {
                self.advance();
                let table = self.table_ref()?;
                let set = self.name("the name of a set")?;
                Deleted::Elements { table, set, elements: self.set_or_variable()? }
            }
            "counter" | "quota" | "limit" => {
                self.advance();
                let table = self.table_ref()?;
                let kind = object_kind(&word);
                Deleted::Object { table, kind, name: self.by_name("the name of an object")? }
            }
            "flowtable" => return self.outside("flow"),
            "secmark" => return self.outside("secmark"),
            "synproxy" => return self.outside("synproxy"),
            "tunnel" => return self.outside("tunnel"),
            "ct" => {
                self.advance();
                let class =
                    self.one_of(&["helper", "timeout", "expectation"], "an object of ct")?;
                return self.outside(class);
            }
            _ => return Err(self.unexpected("what to delete, such as `table` or `rule`")),
        };
        Ok(CommandKind::Delete { what, is_destroy })
    }

    fn flush(&mut self) -> Parsed<CommandKind> {
        self.advance();
        let words = ["ruleset", "table", "chain", "set", "map", "meter"];
        let what = self.one_of(&words, "what to flush, such as `ruleset`")?;
        Ok(CommandKind::Flush(match what {
            "ruleset" => {
                let family = Family::by_name(self.word());
                if family.is_some() {
                    self.advance();
                }
                Flushed::Ruleset(family)
            }
            "table" => Flushed::Table(self.table_ref()?),
            "chain" => {
                let table = self.table_ref()?;
                Flushed::Chain(table, self.name("the name of a chain")?)
            }
            _ => {
                let table = self.table_ref()?;
                Flushed::Set(table, self.name("the name of a set")?)
            }
        }))
    }

    /// A family, `ip` where none is said.
    fn family(&mut self) -> Family {
        match Family::by_name(self.word()) {
            Some(family) => {
                self.advance();
                family
            }
            None => Family::Ip,
        }
    }

    pub(super) fn table_ref(&mut self) -> Parsed<TableRef> {
        let family = self.family();
        Ok(TableRef { family, name: self.name("the name of a table")? })
    }

    /// A comment, where one stands here.
    pub(super) fn comment(&mut self) -> Parsed<Option<String>> {
        if !self.take_word("comment") {
            return Ok(None);
        }
        let span: Span = self.span();
        let comment = self.text("a comment in quotes")?;
        match bpfc_abi::raw::length(&comment) <= 128 {
            true => Ok(Some(comment)),
            false => Err(self.error(span, "a comment has 128 characters at most")),
        }
    }
}

/// The kind of object that a word names.
pub(super) fn object_kind(word: &str) -> ObjectKind {
    match word {
        "counter" => ObjectKind::Counter,
        "quota" => ObjectKind::Quota,
        _ => ObjectKind::Limit,
    }
}
