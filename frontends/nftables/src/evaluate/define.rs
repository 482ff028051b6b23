//! Commands that define sets and objects, and that add elements.

use super::command::{Place, Transaction, unknown};
use super::table::{Definition, check_same_set, set_elements};
use super::{Evaluated, error};
use crate::model::*;
use crate::syntax::ast::{self, TableRef};
use bpfc_diag::Code;

impl Transaction<'_> {
    pub(super) fn set_place(table: &TableRef, name: &str) -> (Place, String) {
        ((table.family, table.name.text.clone()), name.to_owned())
    }

    pub(super) fn add_set(&mut self, table: &TableRef, set: &ast::Set) -> Evaluated<()> {
        let place = Self::set_place(table, &set.name.text);
        let defined = match self.context(table, |context| context.define_set(set))? {
            Ok(defined) if !set.is_broken => defined,
            result => {
                self.table(table)?.reading.broken_sets.push(set.name.text.clone());
                self.broken.push(place);
                return result.and(Err(super::told())).map_err(|error| match set.is_broken {
                    true => super::told(),
                    false => error,
                });
            }
        };
        if let Some(known) = self.sets.get(&place) {
            return check_same_set(&known.set, &defined, set.name.span);
        }
        self.handle(table);
        self.sets
            .insert(place, Definition { set: defined.clone(), items: Vec::new(), is_dirty: false });
        self.table(table)?.sets.push(defined);
        Ok(())
    }

    pub(super) fn add_set_elements(&mut self, table: &TableRef, set: &ast::Set) -> Evaluated<()> {
        let place = Self::set_place(table, &set.name.text);
        match &set.elements {
            Some(elements) if self.sets.contains_key(&place) => {
                self.add_elements(table, &set.name, elements)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn definition(&mut self, table: &TableRef, set: &ast::Name) -> Evaluated<Set> {
        self.table(table)?;
        match self.sets.get(&Self::set_place(table, &set.text)) {
            Some(known) => Ok(known.set.clone()),
            None if self.broken.contains(&Self::set_place(table, &set.text)) => Err(super::told()),
            None => {
                let sets = &self.table(table)?.sets;
                let known = sets.iter().map(|known| known.name.as_str()).collect();
                Err(unknown("set or map", set, known))
            }
        }
    }

    pub(super) fn add_elements(
        &mut self,
        table: &TableRef,
        set: &ast::Name,
        elements: &ast::Expr,
    ) -> Evaluated<()> {
        let defined = self.definition(table, set)?;
        let items = self.context(table, |context| context.set_items(&defined, elements))??;
        let known = self.sets.get_mut(&Self::set_place(table, &set.text)).expect("was found");
        known.items.extend(items);
        known.is_dirty = true;
        Ok(())
    }

    /// Makes the kernel's elements of every set that was changed.
    pub(super) fn rebuild(&mut self) {
        for (((family, table), name), definition) in &mut self.sets {
            if !std::mem::take(&mut definition.is_dirty) {
                continue;
            }
            match set_elements(&definition.set, &definition.items) {
                Ok(elements) => {
                    let table = self.ruleset.table_mut(*family, table);
                    let sets = table.map_or(&mut [][..], |table| &mut table.sets);
                    if let Some(set) = sets.iter_mut().find(|set| set.name == *name) {
                        set.elements = elements;
                    }
                }
                Err(diagnostic) => super::tell(self.diagnostics, *diagnostic),
            }
        }
    }

    pub(super) fn add_object(&mut self, table: &TableRef, object: &ast::Object) -> Evaluated<()> {
        let name = object.name.text.clone();
        if self.table(table)?.object(object.kind, &name).is_some() {
            return Ok(());
        }
        let expression = match &object.statement {
            Some(statement) => self.context(table, |context| context.stateful(statement))??,
            None if object.kind == ObjectKind::Counter => {
                let operation = Operation::Counter { packets: 0, bytes: 0 };
                Expression { operation, span: Some(object.name.span) }
            }
            None => {
                let message = format!("the {} says nothing", object.kind.name());
                return Err(error(Code::NFT_STATEMENT, object.name.span, message));
            }
        };
        self.handle(table);
        let comment = object.comment.clone();
        let objects = &mut self.table(table)?.objects;
        objects.push(Object { kind: object.kind, name, expression, comment });
        Ok(())
    }
}
