//! Commands, in order, as one transaction.

use super::base_chain::{base_chain, policy_drops};
use super::context::Context;
use super::table::Definition;
use super::validate::validate;
use super::{Evaluated, error};
use crate::Machine;
use crate::model::*;
use crate::outside::outside;
use crate::syntax::ast::{self, Command, CommandKind, TableRef};
use bpfc_diag::{Code, Diagnostic, Diagnostics, Severity, Span};
use std::collections::BTreeMap;

pub(super) type Place = (Family, String);

/// A ruleset that commands change.
pub(super) struct Transaction<'a> {
    pub(super) ruleset: Ruleset,
    /// Named sets, for elements to join.
    pub(super) sets: BTreeMap<(Place, String), Definition>,
    /// The last handle of each table.
    pub(super) handles: BTreeMap<Place, u64>,
    /// What is not filtering, by class: left to the kernel where something else is.
    outside: Vec<(&'static str, Span)>,
    /// Sets whose definitions could not be read.
    pub(super) broken: Vec<(Place, String)>,
    machine: &'a dyn Machine,
    pub(super) diagnostics: &'a mut Diagnostics,
}

/// Says what is wrong with a whole ruleset and what of it is not filtering, by class and place, and
/// forgets what is known only while one is read.
pub(crate) fn finish(
    mut ruleset: Ruleset,
    mut left: Vec<(&'static str, Span)>,
    diagnostics: &mut Diagnostics,
) -> Ruleset {
    // What is wrong with a whole is worth knowing where its parts are right.
    if !diagnostics.has_errors() {
        for table in &ruleset.tables {
            let (errors, outside) = validate(table);
            errors.into_iter().for_each(|error| diagnostics.push(error));
            left.extend(outside);
        }
    }
    // What is not filtering is an error where nothing is left that is.
    let chains = ruleset.tables.iter().flat_map(|table| &table.chains);
    let filters = chains.filter_map(|chain| chain.base.as_ref()).any(|base| base.kind != "nat");
    for (class, span) in left {
        let mut diagnostic = outside(class, span);
        if filters {
            diagnostic.severity = Severity::Note;
        }
        diagnostics.push(diagnostic);
    }
    for table in &mut ruleset.tables {
        table.reading = Reading::default();
        for chain in &mut table.chains {
            // Rules of chains without a name are numbered where their chain is complete.
            for (index, rule) in chain.rules.iter_mut().enumerate() {
                if rule.handle == 0 {
                    rule.handle = index as u64 + 1;
                }
            }
        }
    }
    ruleset
}

/// The error that something of a name is not there.
pub(super) fn unknown(what: &str, name: &ast::Name, known: Vec<&str>) -> Box<Diagnostic> {
    let message = format!("there is no {what} `{}`", name.text);
    let mut diagnostic = error(Code::NFT_UNKNOWN, name.span, message);
    let near = crate::nearest::nearest(&name.text, known);
    diagnostic.help = near.map(|near| format!("did you mean `{near}`?"));
    diagnostic
}

impl<'a> Transaction<'a> {
    pub fn new(machine: &'a dyn Machine, diagnostics: &'a mut Diagnostics) -> Transaction<'a> {
        let (sets, handles) = (BTreeMap::new(), BTreeMap::new());
        let (outside, broken) = (Vec::new(), Vec::new());
        let ruleset = Ruleset::default();
        Transaction { ruleset, sets, handles, outside, broken, machine, diagnostics }
    }

    pub fn apply(&mut self, command: &Command) {
        if let Err(diagnostic) = self.command(command) {
            super::tell(self.diagnostics, *diagnostic);
        }
    }

    pub fn finish(mut self) -> Ruleset {
        self.rebuild();
        let Transaction { ruleset, outside, diagnostics, .. } = self;
        finish(ruleset, outside, diagnostics)
    }

    fn command(&mut self, command: &Command) -> Evaluated<()> {
        match &command.kind {
            CommandKind::Table { table, body } => self.add_table(table, body, command.is_create),
            CommandKind::Chain { table, chain } => {
                self.check_new_chain(table, chain, command.is_create)?;
                self.add_chain(table, chain)?;
                self.add_rules(table, chain)
            }
            CommandKind::Rule { table, chain, position, is_insert, rule } => {
                self.add_rule(table, chain, *position, *is_insert, rule)
            }
            CommandKind::Replace { table, chain, handle, rule } => {
                self.replace_rule(table, chain, *handle, rule, command.span)
            }
            CommandKind::Set { table, set } => {
                self.table(table)?;
                if command.is_create && self.table(table)?.set(&set.name.text).is_some() {
                    return Err(self.exists("set or map", &set.name));
                }
                self.add_set(table, set)?;
                self.add_set_elements(table, set)
            }
            CommandKind::Elements { table, set, elements } => {
                self.add_elements(table, set, elements)
            }
            CommandKind::Object { table, object } => self.add_object(table, object),
            CommandKind::Delete { what, is_destroy } => match self.delete(what) {
                Err(diagnostic) if *is_destroy && diagnostic.code == Code::NFT_UNKNOWN => Ok(()),
                result => result,
            },
            CommandKind::Flush(what) => self.flush(what),
            CommandKind::Rename { table, chain, to } => {
                let index = self.chain_index(table, chain)?;
                if self.table(table)?.chain_at(&to.text).is_some() {
                    return Err(self.exists("chain", to));
                }
                self.table(table)?.rename_chain(index, to.text.clone());
                Ok(())
            }
            CommandKind::Outside(class) => {
                self.outside.push((class, command.span));
                Ok(())
            }
        }
    }

    fn exists(&self, what: &str, name: &ast::Name) -> Box<Diagnostic> {
        let message = format!("there is a {what} `{}` already", name.text);
        error(Code::NFT_EXISTS, name.span, message)
    }

    /// Tables of some families are not filtering, which is told once.
    fn check_family(&mut self, table: &TableRef) -> Evaluated<()> {
        let class = match table.family {
            Family::Arp | Family::Bridge => table.family.name(),
            _ => return Ok(()),
        };
        if !self.outside.iter().any(|(told, _)| *told == class) {
            self.outside.push((class, table.name.span));
        }
        Err(super::told())
    }

    pub(super) fn table(&mut self, table: &TableRef) -> Evaluated<&mut Table> {
        self.check_family(table)?;
        let known = self.ruleset.tables.iter().filter(|known| known.family == table.family);
        let known: Vec<&str> = known.map(|known| known.name.as_str()).collect();
        if !known.contains(&table.name.text.as_str()) {
            let what = format!("table of the family {}", table.family.name());
            let mut diagnostic = unknown(&what, &table.name, known);
            let other = self.ruleset.tables.iter().find(|known| known.name == table.name.text);
            if let Some(other) = other {
                let family = other.family.name();
                diagnostic.help = Some(format!("did you mean `{family} {}`?", other.name));
            }
            return Err(diagnostic);
        }
        Ok(self.ruleset.table_mut(table.family, &table.name.text).expect("was found"))
    }

    pub(super) fn handle(&mut self, table: &TableRef) -> u64 {
        let handle = self.handles.entry((table.family, table.name.text.clone())).or_insert(0);
        *handle += 1;
        *handle
    }

    pub(super) fn context<T>(
        &mut self,
        table: &TableRef,
        evaluate: impl FnOnce(&mut Context<'_>) -> T,
    ) -> Evaluated<T> {
        self.table(table)?;
        let found = self.ruleset.table_mut(table.family, &table.name.text).expect("was found");
        Ok(evaluate(&mut Context::new(found, self.machine, self.diagnostics)))
    }

    fn add_table(
        &mut self,
        table: &TableRef,
        body: &ast::TableBody,
        is_create: bool,
    ) -> Evaluated<()> {
        self.check_family(table)?;
        match self.ruleset.table_mut(table.family, &table.name.text) {
            Some(_) if is_create => return Err(self.exists("table", &table.name)),
            Some(_) => {}
            None => {
                self.ruleset.tables.push(Table::new(table.family, table.name.text.clone()));
            }
        }
        for flag in &body.flags {
            if !["dormant", "owner", "persist"].contains(&flag.text.as_str()) {
                let message = format!("tables have no flag `{}`", flag.text);
                return Err(error(Code::NFT_UNKNOWN, flag.span, message));
            }
            let flags = &mut self.table(table)?.flags;
            if !flags.contains(&flag.text) {
                flags.push(flag.text.clone());
            }
        }
        if body.comment.is_some() {
            self.table(table)?.comment = body.comment.clone();
        }
        self.outside.extend(&body.outside);
        // What is named is there before what names it.
        for chain in &body.chains {
            self.told(|this| this.add_chain(table, chain));
        }
        for object in &body.objects {
            self.told(|this| this.add_object(table, object));
        }
        for set in &body.sets {
            self.told(|this| this.add_set(table, set));
        }
        for set in &body.sets {
            self.told(|this| this.add_set_elements(table, set));
        }
        for chain in &body.chains {
            self.told(|this| this.add_rules(table, chain));
        }
        Ok(())
    }

    fn told(&mut self, act: impl FnOnce(&mut Self) -> Evaluated<()>) {
        if let Err(diagnostic) = act(self) {
            super::tell(self.diagnostics, *diagnostic);
        }
    }

    fn check_new_chain(
        &mut self,
        table: &TableRef,
        chain: &ast::Chain,
        is_create: bool,
    ) -> Evaluated<()> {
        let is_known = self.table(table)?.chain_at(&chain.name.text).is_some();
        if is_create && is_known { Err(self.exists("chain", &chain.name)) } else { Ok(()) }
    }

    fn add_chain(&mut self, table: &TableRef, chain: &ast::Chain) -> Evaluated<()> {
        let is_known = self.table(table)?.chain_at(&chain.name.text).is_some();
        let base = match is_known && chain.hook.is_none() {
            true => None,
            false => match base_chain(table.family, chain) {
                Ok(base) => base,
                Err(diagnostic) => {
                    // The chain is there nevertheless, for the rules that name it.
                    self.push_chain(table, chain, None)?;
                    return Err(diagnostic);
                }
            },
        };
        if !is_known {
            return self.push_chain(table, chain, base);
        }
        let name = &chain.name.text;
        let held = self.table(table)?;
        let Some(at) = held.chain_at(name) else { return Ok(()) };
        let known = &mut held.chains[at];
        if chain.comment.is_some() {
            known.comment = chain.comment.clone();
        }
        if let (Some(policy), Some(base)) = (&chain.policy, &mut known.base) {
            base.drops = policy_drops(policy)?;
        }
        let Some(new) = base else { return Ok(()) };
        match &mut known.base {
            Some(known) if (&known.kind, &known.hook) == (&new.kind, &new.hook) => {
                let missing = new.devices.into_iter().filter(|d| !known.devices.contains(d));
                let missing: Vec<String> = missing.collect();
                known.devices.extend(missing);
                Ok(())
            }
            _ => {
                let message = format!("the chain `{name}` is there already and hangs elsewhere");
                Err(error(Code::NFT_EXISTS, chain.name.span, message))
            }
        }
    }

    fn push_chain(
        &mut self,
        table: &TableRef,
        chain: &ast::Chain,
        base: Option<BaseChain>,
    ) -> Evaluated<()> {
        self.handle(table);
        let hook = chain.hook.as_ref().filter(|hook| hook.kind == "nat");
        self.outside.extend(hook.map(|hook| ("nat", hook.name.span)));
        let name = chain.name.text.clone();
        let comment = chain.comment.clone();
        self.table(table)?.push_chain(Chain { name, base, comment, rules: Vec::new() });
        Ok(())
    }

    fn add_rules(&mut self, table: &TableRef, chain: &ast::Chain) -> Evaluated<()> {
        for rule in &chain.rules {
            self.told(|this| this.add_rule(table, &chain.name, None, false, rule));
        }
        Ok(())
    }

    pub(super) fn chain_index(&mut self, table: &TableRef, chain: &ast::Name) -> Evaluated<usize> {
        let table = self.table(table)?;
        match table.chain_at(&chain.text) {
            Some(index) => Ok(index),
            None => {
                let known = table.chains.iter().map(|known| known.name.as_str()).collect();
                Err(unknown("chain", chain, known))
            }
        }
    }

    fn evaluate_rule(
        &mut self,
        table: &TableRef,
        rule: &ast::Rule,
        handle: u64,
    ) -> Evaluated<Option<Rule>> {
        let expressions = self.context(table, |context| context.rule(rule))?;
        let (comment, span, text) = (rule.comment.clone(), Some(rule.span), rule.text.clone());
        Ok(expressions.map(|expressions| Rule { handle, expressions, comment, span, text }))
    }

    fn add_rule(
        &mut self,
        table: &TableRef,
        chain: &ast::Name,
        position: Option<ast::Position>,
        is_insert: bool,
        rule: &ast::Rule,
    ) -> Evaluated<()> {
        let index = self.chain_index(table, chain)?;
        let handle = self.handle(table);
        let Some(rule) = self.evaluate_rule(table, rule, handle)? else { return Ok(()) };
        let rules = &mut self.table(table)?.chains[index].rules;
        let at = match position {
            None if is_insert => 0,
            None => rules.len(),
            Some(ast::Position::Index(index)) => {
                let index = usize::try_from(index).unwrap_or(usize::MAX);
                if index >= rules.len() {
                    let message = format!("the chain has no rule of index {index}");
                    return Err(error(Code::NFT_UNKNOWN, chain.span, message));
                }
                if is_insert { index } else { index + 1 }
            }
            Some(ast::Position::Handle(handle)) => {
                let found = rules.iter().position(|rule| rule.handle == handle);
                let Some(found) = found else {
                    let message = format!("the chain has no rule of handle {handle}");
                    return Err(error(Code::NFT_UNKNOWN, chain.span, message));
                };
                if is_insert { found } else { found + 1 }
            }
        };
        rules.insert(at, rule);
        Ok(())
    }

    pub(super) fn rule_index(
        &mut self,
        table: &TableRef,
        chain: &ast::Name,
        handle: u64,
    ) -> Evaluated<(usize, usize)> {
        let chain_index = self.chain_index(table, chain)?;
        let rules = &self.table(table)?.chains[chain_index].rules;
        match rules.iter().position(|rule| rule.handle == handle) {
            Some(index) => Ok((chain_index, index)),
            None => {
                let message = format!("the chain `{}` has no rule of handle {handle}", chain.text);
                Err(error(Code::NFT_UNKNOWN, chain.span, message))
            }
        }
    }

    fn replace_rule(
        &mut self,
        table: &TableRef,
        chain: &ast::Name,
        handle: u64,
        rule: &ast::Rule,
        _: Span,
    ) -> Evaluated<()> {
        let (chain, index) = self.rule_index(table, chain, handle)?;
        let new = self.handle(table);
        if let Some(rule) = self.evaluate_rule(table, rule, new)? {
            self.table(table)?.chains[chain].rules[index] = rule;
        }
        Ok(())
    }
}
