//! Commands. What stands in a document without a command is added, as a listing has it.

use super::document::{Object, Value};
use super::{Parsed, Reader, SCHEMA, error};
use crate::model::{Family, ObjectKind};
use crate::nearest::nearest;
use crate::syntax::ast::*;
use crate::syntax::short;
use bpfc_diag::{Code, Diagnostic};

const COMMANDS: &[&str] = &[
    "add", "create", "insert", "replace", "delete", "destroy", "flush", "rename", "list", "reset",
    "monitor", "export", "import", "describe",
];

/// What commands are about, as listings name it.
const THINGS: &[&str] = &[
    "table",
    "chain",
    "rule",
    "set",
    "map",
    "element",
    "counter",
    "quota",
    "limit",
    "flowtable",
    "ct helper",
    "ct timeout",
    "ct expectation",
    "secmark",
    "synproxy",
    "tunnel",
];

/// The class of what is not filtering.
fn outside_class(thing: &str) -> Option<&'static str> {
    match thing {
        "flowtable" => Some("flow"),
        "ct helper" => Some("helper"),
        "ct timeout" => Some("timeout"),
        "ct expectation" => Some("expectation"),
        "secmark" => Some("secmark"),
        "synproxy" => Some("synproxy"),
        "tunnel" => Some("tunnel"),
        _ => None,
    }
}

fn object_kind(thing: &str) -> ObjectKind {
    match thing {
        "counter" => ObjectKind::Counter,
        "quota" => ObjectKind::Quota,
        _ => ObjectKind::Limit,
    }
}

impl Reader<'_> {
    /// A command, and whether it only lists something; `None` for what says which nft printed the
    /// document.
    pub(super) fn command(&mut self, value: Value<'_>) -> Parsed<Option<(Command, bool)>> {
        let object = value.object("a command")?;
        if let Some(about) = object.get("metainfo") {
            return metainfo(about).map(|()| None);
        }
        let (name, what) = object.only()?;
        let mut is_create = false;
        let kind = match name {
            "add" => self.of_thing(what, |this, thing, of| this.add(thing, of, true))?,
            "create" => {
                is_create = true;
                self.of_thing(what, |this, thing, of| match thing {
                    "rule" => Err(error(of.span(), "rules are added, not created")),
                    _ => this.add(thing, of, true),
                })?
            }
            "insert" => self.of_rule(what, |this, rule| this.rule_command(rule, true, true))?,
            "replace" => self.of_rule(what, Self::replace)?,
            "delete" => self.of_thing(what, |this, thing, of| this.delete(thing, of, false))?,
            "destroy" => self.of_thing(what, |this, thing, of| this.delete(thing, of, true))?,
            "flush" => self.flush(what)?,
            "rename" => self.rename(what)?,
            word if COMMANDS.contains(&word) => {
                let message = format!("`{word}` asks for what the kernel holds");
                let error = Diagnostic::error(Code::NFT_COMMAND, Some(value.span()), message);
                return Err(error.with_help("leave the command to nft"));
            }
            _ if THINGS.contains(&name) => self.add(name, what, false)?,
            _ => return Err(unknown(value, name, &[COMMANDS, THINGS].concat(), "a command")),
        };
        let is_listed = THINGS.contains(&name);
        Ok(Some((Command { kind, is_create, span: value.span() }, is_listed)))
    }

    /// What a command is about: its name, and what is said of it.
    fn of_thing(
        &mut self,
        value: Value<'_>,
        read: impl FnOnce(&mut Self, &str, Value<'_>) -> Parsed<CommandKind>,
    ) -> Parsed<CommandKind> {
        let object = value.object("a command")?;
        let (thing, of) = object.only()?;
        match THINGS.contains(&thing) {
            true => read(self, thing, of),
            false => Err(unknown(value, thing, THINGS, "what a ruleset holds, such as `rule`")),
        }
    }

    fn of_rule(
        &mut self,
        value: Value<'_>,
        read: impl FnOnce(&mut Self, Value<'_>) -> Parsed<CommandKind>,
    ) -> Parsed<CommandKind> {
        self.of_thing(value, |this, thing, of| match thing {
            "rule" => read(this, of),
            _ => Err(error(of.span(), "only rules are inserted and replaced")),
        })
    }

    fn add(&mut self, thing: &str, of: Value<'_>, is_command: bool) -> Parsed<CommandKind> {
        if let Some(class) = outside_class(thing) {
            of.object("what is added")?;
            return Ok(CommandKind::Outside(class));
        }
        match thing {
            "table" => self.add_table(of),
            "chain" => self.add_chain(of),
            "rule" => self.rule_command(of, false, is_command),
            "set" | "map" => self.add_set(of, thing == "map"),
            "element" => self.elements_of(of, |table, set, elements| CommandKind::Elements {
                table,
                set,
                elements,
            }),
            _ => self.add_object(of, object_kind(thing)),
        }
    }

    /// A rule. The handle of one that is listed is its own; that in a command names a neighbour.
    fn rule_command(
        &mut self,
        value: Value<'_>,
        is_insert: bool,
        is_command: bool,
    ) -> Parsed<CommandKind> {
        let object = self.rule_object(value)?;
        let table = self.table_ref(&object)?;
        let chain = name(&object, "chain")?;
        let handle = object.get("handle").filter(|_| is_command);
        let position = match (object.get("index"), handle) {
            (Some(index), Some(_)) => {
                let message = "a rule's neighbour is named by its index or its handle, not both";
                return Err(error(index.span(), message));
            }
            (Some(index), None) => Some(Position::Index(index.number(u64::MAX, "an index")?)),
            (None, Some(handle)) => {
                if !is_insert {
                    let message = "nft before 1.1.7 passes over the handle of a rule that is added";
                    let span = Some(handle.span());
                    let warning = Diagnostic::warning(Code::NFT_SEEMS, span, message);
                    self.report(warning.with_help("say `index`, or leave the handle out"));
                }
                Some(Position::Handle(handle.number(u64::MAX, "a handle")?))
            }
            (None, None) => None,
        };
        let rule = self.rule(&object)?;
        Ok(CommandKind::Rule { table, chain, position, is_insert, rule })
    }

    fn replace(&mut self, value: Value<'_>) -> Parsed<CommandKind> {
        let object = self.rule_object(value)?;
        let table = self.table_ref(&object)?;
        let chain = name(&object, "chain")?;
        let handle = object.need("handle")?.number(u64::MAX, "a handle")?;
        Ok(CommandKind::Replace { table, chain, handle, rule: self.rule(&object)? })
    }

    fn rule_object<'v>(&mut self, value: Value<'v>) -> Parsed<Object<'v>> {
        let known = ["family", "table", "chain", "expr", "handle", "index", "comment"];
        self.object(value, "the rule", &known)
    }

    fn delete(&mut self, thing: &str, of: Value<'_>, is_destroy: bool) -> Parsed<CommandKind> {
        if let Some(class) = outside_class(thing) {
            of.object("what is deleted")?;
            return Ok(CommandKind::Outside(class));
        }
        if thing == "element" {
            return self.elements_of(of, |table, set, elements| CommandKind::Delete {
                what: Deleted::Elements { table, set, elements },
                is_destroy,
            });
        }
        let object = of.object("what is deleted")?;
        let what = match thing {
            "table" => Deleted::Table(family(&object)?, by_name(&object)?),
            "chain" => Deleted::Chain(self.table_ref(&object)?, by_name(&object)?),
            "rule" => Deleted::Rule {
                table: self.table_ref(&object)?,
                chain: name(&object, "chain")?,
                handle: object.need("handle")?.number(u64::MAX, "a handle")?,
            },
            "set" | "map" => {
                Deleted::Set { table: self.table_ref(&object)?, name: by_name(&object)? }
            }
            _ => {
                let kind = object_kind(thing);
                Deleted::Object { table: self.table_ref(&object)?, kind, name: by_name(&object)? }
            }
        };
        Ok(CommandKind::Delete { what, is_destroy })
    }

    fn flush(&mut self, value: Value<'_>) -> Parsed<CommandKind> {
        let things = ["ruleset", "table", "chain", "set", "map", "meter"];
        let object = value.object("a command")?;
        let (thing, of) = object.only()?;
        if thing == "ruleset" {
            let of_family = match of.is_null() {
                true => None,
                false => {
                    let object = self.object(of, "the ruleset", &["family"])?;
                    object.get("family").map(|_| family(&object)).transpose()?
                }
            };
            return Ok(CommandKind::Flush(Flushed::Ruleset(of_family)));
        }
        if !things.contains(&thing) {
            return Err(unknown(value, thing, &things, "what to flush, such as `ruleset`"));
        }
        let object = of.object("what is flushed")?;
        let (family, name_of) = (family(&object)?, name(&object, "name")?);
        if thing == "table" {
            return Ok(CommandKind::Flush(Flushed::Table(TableRef { family, name: name_of })));
        }
        let table = self.table_ref(&object)?;
        Ok(CommandKind::Flush(match thing {
            "chain" => Flushed::Chain(table, name_of),
            _ => Flushed::Set(table, name_of),
        }))
    }

    fn rename(&mut self, value: Value<'_>) -> Parsed<CommandKind> {
        self.of_thing(value, |this, thing, of| {
            if thing != "chain" {
                return Err(error(of.span(), "only chains are renamed"));
            }
            let object = this.chain_object(of)?;
            let table = this.table_ref(&object)?;
            let (chain, to) = (name(&object, "name")?, name(&object, "newname")?);
            Ok(CommandKind::Rename { table, chain, to })
        })
    }

    /// The table that something is in.
    pub(super) fn table_ref(&mut self, object: &Object<'_>) -> Parsed<TableRef> {
        Ok(TableRef { family: family(object)?, name: name(object, "table")? })
    }
}

/// Refuses documents of a schema that is newer than what is known.
fn metainfo(value: Value<'_>) -> Parsed<()> {
    let object = value.object("metainfo")?;
    match object.get("json_schema_version") {
        Some(version) if version.integer().is_none_or(|found| found > SCHEMA) => {
            let message = format!("the schema is newer than version {SCHEMA}, which is read");
            Err(error(version.span(), message))
        }
        _ => Ok(()),
    }
}

fn unknown(value: Value<'_>, name: &str, known: &[&str], wanted: &str) -> Diagnostic {
    let message = format!("expected {wanted}, found `{}`", short(name));
    let mut wrong = error(value.span(), message);
    let near = nearest(name, known.iter().copied());
    wrong.help = near.map(|near| format!("did you mean `{near}`?"));
    wrong
}

/// The family that something says.
pub(super) fn family(object: &Object<'_>) -> Parsed<Family> {
    let value = object.need("family")?;
    let wanted = "a family: ip, ip6, inet, arp, bridge or netdev";
    Family::by_name(&value.string(wanted)?).ok_or_else(|| value.unexpected(wanted))
}

/// A name that a property holds: any text that the kernel takes.
pub(super) fn name(object: &Object<'_>, property: &str) -> Parsed<Name> {
    let value = object.need(property)?;
    let (text, span) = (value.string("a name")?, value.span());
    if text.is_empty() {
        return Err(error(span, "a name is not empty"));
    }
    match bpfc_abi::raw::length(&text) <= 255 {
        true => Ok(Name { text, span }),
        false => Err(error(span, "a name has 255 characters at most")),
    }
}

/// How what is deleted is named.
fn by_name(object: &Object<'_>) -> Parsed<ByName> {
    match (object.get("name"), object.get("handle")) {
        (None, Some(handle)) => Ok(ByName::Handle(handle.number(u64::MAX, "a handle")?)),
        (None, None) => Err(error(object.span(), "say the name or the handle of what is deleted")),
        _ => Ok(ByName::Name(name(object, "name")?)),
    }
}

/// A comment, where there is one.
pub(super) fn comment(object: &Object<'_>) -> Parsed<Option<String>> {
    let Some(value) = object.get("comment") else { return Ok(None) };
    let comment = value.string("a comment")?;
    match bpfc_abi::raw::length(&comment) <= 128 {
        true => Ok(Some(comment)),
        false => Err(error(value.span(), "a comment has 128 characters at most")),
    }
}
