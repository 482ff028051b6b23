//! Tables, and what they hold beside sets: chains, rules, objects.

use super::command::{comment, family, name};
use super::document::{Object, Value};
use super::{Parsed, Reader, boolean, error, one_of};
use crate::model::ObjectKind;
use crate::syntax::ast::{
    Chain, CommandKind, Expr, ExprKind, Hook, Name, Object as AstObject, Rule, Statement,
    StatementKind, TableBody, TableRef,
};
use crate::syntax::print;
use bpfc_diag::Diagnostic;

/// The priorities that text has names for, in all families but bridge.
const PRIORITIES: [(&str, i64); 6] = [
    ("raw", -300),
    ("mangle", -150),
    ("dstnat", -100),
    ("filter", 0),
    ("security", 50),
    ("srcnat", 100),
];

impl Reader<'_> {
    pub(super) fn add_table(&mut self, value: Value<'_>) -> Parsed<CommandKind> {
        let known = ["family", "name", "handle", "flags", "comment"];
        let object = self.object(value, "the table", &known)?;
        let table = TableRef { family: family(&object)?, name: name(&object, "name")? };
        let mut body = TableBody { comment: comment(&object)?, ..TableBody::default() };
        if let Some(flags) = object.get("flags") {
            let all = match flags.is_array() {
                true => flags.array("flags")?,
                false => vec![flags],
            };
            for flag in all {
                let text = flag.string("a flag of the table")?;
                body.flags.push(Name { text, span: flag.span() });
            }
        }
        Ok(CommandKind::Table { table, body })
    }

    pub(super) fn chain_object<'v>(&mut self, value: Value<'v>) -> Parsed<Object<'v>> {
        let known = [
            "family", "table", "name", "newname", "handle", "type", "hook", "prio", "dev",
            "policy", "comment",
        ];
        self.object(value, "the chain", &known)
    }

    /// A chain. It is there even where what it says of itself is wrong, for rules that name it.
    pub(super) fn add_chain(&mut self, value: Value<'_>) -> Parsed<CommandKind> {
        let object = self.chain_object(value)?;
        let table = self.table_ref(&object)?;
        let mut chain = Chain {
            name: name(&object, "name")?,
            hook: None,
            policy: None,
            devices: Vec::new(),
            offload: false,
            comment: None,
            rules: Vec::new(),
        };
        if let Err(wrong) = chain_base(&object, &mut chain) {
            self.report(wrong);
            (chain.hook, chain.policy) = (None, None);
        }
        Ok(CommandKind::Chain { table, chain })
    }

    pub(super) fn rule(&mut self, object: &Object<'_>) -> Parsed<Rule> {
        let statements = object.need("expr")?.array("an array of statements")?;
        let statements = self.statements(&statements)?;
        let comment = comment(object)?;
        let text = print::rule(&statements, comment.as_deref());
        Ok(Rule { statements, comment, span: object.span(), text: Some(text.into()) })
    }

    pub(super) fn add_object(&mut self, value: Value<'_>, kind: ObjectKind) -> Parsed<CommandKind> {
        let (what, own): (_, &[&str]) = match kind {
            ObjectKind::Counter => ("the counter", &["packets", "bytes"]),
            ObjectKind::Quota => ("the quota", &["bytes", "used", "inv"]),
            ObjectKind::Limit => {
                ("the limit", &["rate", "per", "burst", "rate_unit", "burst_unit", "inv"])
            }
        };
        let known = [&["family", "table", "name", "handle", "comment"], own].concat();
        let object = self.object(value, what, &known)?;
        let table = self.table_ref(&object)?;
        let state = match kind {
            ObjectKind::Counter => super::state::counter(&object)?,
            ObjectKind::Quota => StatementKind::Quota {
                bytes: super::state::amount(&object, "bytes")?,
                used: super::state::amount(&object, "used")?,
                is_over: boolean(&object, "inv")?,
            },
            ObjectKind::Limit => super::state::limit(&object)?,
        };
        let name = name(&object, "name")?;
        let statement = Some(Statement { kind: state, span: object.span() });
        let object = AstObject { kind, name, statement, comment: comment(&object)? };
        Ok(CommandKind::Object { table, object })
    }
}

/// Where a chain hangs.
fn chain_base(object: &Object<'_>, chain: &mut Chain) -> Parsed<()> {
    chain.comment = comment(object)?;
    let symbol = |text: &str, value: Value<'_>| {
        let kind = ExprKind::Symbol(text.to_owned());
        Expr { kind, span: value.span() }
    };
    let place = [object.get("type"), object.get("hook"), object.get("prio")];
    match place {
        [Some(kind), Some(hook), Some(priority)] => {
            let span = hook.span();
            chain.hook = Some(Hook {
                kind: one_of(kind, &["filter", "nat", "route"], "a type of chain")?.to_owned(),
                name: Name { text: hook.string("the name of a hook")?, span },
                priority: symbol("0", priority),
                offset: chain_priority(priority)?,
            });
        }
        [None, None, None] if object.get("dev").is_none() => {}
        _ => {
            let message = "a chain with a hook says its `type`, its `hook` and its `prio`";
            let note = "nft takes it for a chain that hangs nowhere where one of them is missing";
            return Err(error(object.span(), message).with_note(note));
        }
    }
    if let Some(policy) = object.get("policy") {
        let word = one_of(policy, &["accept", "drop"], "a policy")?;
        chain.policy = Some(symbol(word, policy));
    }
    if let Some(devices) = object.get("dev") {
        let all = match devices.is_array() {
            true => devices.array("names of devices")?,
            false => vec![devices],
        };
        for device in all {
            let name = device.string("the name of a device")?;
            if name.is_empty() {
                return Err(error(device.span(), "the name of a device is not empty"));
            }
            chain.devices.push(symbol(&name, device));
        }
    }
    Ok(())
}

fn chain_priority(value: Value<'_>) -> Parsed<i64> {
    let wanted = "a priority, which is a number in JSON";
    match value.integer().filter(|priority| i32::try_from(*priority).is_ok()) {
        Some(priority) => Ok(priority),
        None => {
            let mut wrong: Diagnostic = value.unexpected(wanted);
            if let Ok(word) = value.string(wanted) {
                let known = PRIORITIES.iter().find(|(name, _)| *name == word);
                wrong.help = known.map(|(name, number)| format!("`{name}` is {number}"));
                wrong = wrong.with_note("nft takes a chain without one for one that hangs nowhere");
            }
            Err(wrong)
        }
    }
}
