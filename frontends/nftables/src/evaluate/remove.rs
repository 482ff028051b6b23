//! Commands that delete and empty.

use super::command::{Place, Transaction, unknown};
use super::{Evaluated, error};
use crate::model::Family;
use crate::syntax::ast::{self, ByName, Deleted, Flushed, TableRef};
use bpfc_diag::{Code, Diagnostic};

impl Transaction<'_> {
    fn delete_elements(
        &mut self,
        table: &TableRef,
        set: &ast::Name,
        elements: &ast::Expr,
    ) -> Evaluated<()> {
        let mut defined = self.definition(table, set)?;
        // Elements are deleted by their keys.
        (defined.is_verdict_map, defined.objects) = (false, None);
        defined.data.clear();
        let items = self.context(table, |context| context.set_items(&defined, elements))??;
        let known = self.sets.get_mut(&Self::set_place(table, &set.text)).expect("was found");
        let key = |item: &super::typed::Item| {
            let key = item.key.as_ref();
            key.map(|key| {
                (super::element::end_data(key, false), super::element::end_data(key, true))
            })
        };
        known.is_dirty = true;
        for item in items {
            let wanted = key(&item);
            let before = known.items.len();
            known.items.retain(|known| key(known) != wanted);
            if known.items.len() == before {
                let message = format!("`{}` has no such element", set.text);
                return Err(error(Code::NFT_UNKNOWN, item.span, message));
            }
        }
        Ok(())
    }

    fn by_name<'n>(&self, name: &'n ByName) -> Evaluated<&'n ast::Name> {
        match name {
            ByName::Name(name) => Ok(name),
            ByName::Handle(handle) => {
                // Only rules have handles that a text can know.
                let message = format!("nothing that the text makes has the handle {handle}");
                Err(Box::new(Diagnostic::error(Code::NFT_UNKNOWN, None, message)))
            }
        }
    }

    pub(super) fn delete(&mut self, what: &Deleted) -> Evaluated<()> {
        match what {
            Deleted::Table(family, name) => {
                let name = self.by_name(name)?.clone();
                let table = TableRef { family: *family, name };
                self.table(&table)?;
                self.remove_table(table.family, &table.name.text);
            }
            Deleted::Chain(table, name) => {
                let index = self.chain_index(table, self.by_name(name)?)?;
                self.table(table)?.remove_chain(index);
            }
            Deleted::Rule { table, chain, handle } => {
                let (chain, rule) = self.rule_index(table, chain, *handle)?;
                self.table(table)?.chains[chain].rules.remove(rule);
            }
            Deleted::Set { table, name } => {
                let name = self.by_name(name)?;
                self.definition(table, name)?;
                self.sets.remove(&Self::set_place(table, &name.text));
                self.table(table)?.sets.retain(|set| set.name != name.text);
            }
            Deleted::Object { table, kind, name } => {
                let name = self.by_name(name)?;
                let objects = &mut self.table(table)?.objects;
                let before = objects.len();
                objects.retain(|object| object.kind != *kind || object.name != name.text);
                if objects.len() == before {
                    return Err(unknown(kind.name(), name, Vec::new()));
                }
            }
            Deleted::Elements { table, set, elements } => {
                self.delete_elements(table, set, elements)?;
            }
        }
        Ok(())
    }

    fn remove_table(&mut self, family: Family, name: &str) {
        self.ruleset.tables.retain(|table| table.family != family || table.name != name);
        self.sets.retain(|((of, table), _), _| *of != family || table != name);
        self.handles.remove(&(family, name.to_owned()));
    }

    pub(super) fn flush(&mut self, what: &Flushed) -> Evaluated<()> {
        match what {
            Flushed::Ruleset(family) => {
                let tables = self.ruleset.tables.iter();
                let gone =
                    tables.filter(|table| family.is_none_or(|family| table.family == family));
                let gone: Vec<Place> =
                    gone.map(|table| (table.family, table.name.clone())).collect();
                for (family, name) in gone {
                    self.remove_table(family, &name);
                }
            }
            Flushed::Table(table) => {
                for chain in &mut self.table(table)?.chains {
                    chain.rules.clear();
                }
            }
            Flushed::Chain(table, chain) => {
                let index = self.chain_index(table, chain)?;
                self.table(table)?.chains[index].rules.clear();
            }
            Flushed::Set(table, set) => {
                self.definition(table, set)?;
                let known = self.sets.get_mut(&Self::set_place(table, &set.text));
                let known = known.expect("was found");
                known.items.clear();
                known.is_dirty = true;
            }
        }
        Ok(())
    }
}
