//! Sets and maps that rules hold, and what rules look up in sets.

use super::context::{Context, Expect, Step, StepKind};
use super::element::Yields;
use super::interval::{Shape, elements, has_interval};
use super::typed::{Item, ItemData, Kind, Load, Typed, fits, type_words};
use super::{Evaluated, error};
use crate::datatype::Order;
use crate::model::{Set, SetName, TypedPart};
use crate::syntax::ast::{Expr, ExprKind, RelationOp};
use bpfc_diag::{Code, Span};

impl Context<'_> {
    /// Puts elements into a set that the rule holds and that is looked up by `key`.
    pub(super) fn anonymous(
        &mut self,
        key: &mut Typed,
        mut items: Typed,
        yields: Option<&Yields>,
    ) -> Evaluated<Typed> {
        let span = items.span;
        let Kind::Set(list) = &items.kind else {
            return Err(error(Code::NFT_SET, span, "this is not a set"));
        };
        if list.is_empty() {
            return Err(error(Code::NFT_SET, span, "the set is empty"));
        }
        let is_concat = matches!(key.kind, Kind::Concat(_));
        let is_interval = has_interval(list);
        if is_interval {
            self.convert(key, Order::Network)?;
        } else {
            self.transfer(key, &mut items)?;
        }
        let Kind::Set(list) = items.kind else { return Err(error(Code::NFT_SET, span, "no set")) };
        let parts = key.parts();
        let bits = key.bits;
        let is_map = yields.is_some();
        let shape =
            Shape { bits, is_interval, is_concat, is_map, is_anonymous: true, merges: true };
        let mut set = Set::new("", parts.clone());
        set.flags.constant = true;
        set.flags.interval = is_interval;
        set.elements = elements(&list, shape)?;
        set.span = Some(span);
        match yields {
            Some(Yields::Verdicts) => set.is_verdict_map = true,
            Some(Yields::Values(parts)) => set.data = parts.clone(),
            Some(Yields::Objects(kind)) => set.objects = Some(*kind),
            None => {}
        }
        self.table.anonymous.push(set);
        let name = SetName::Anonymous(self.table.anonymous.len() - 1);
        let kind = Kind::SetRef { name, key: parts, is_interval };
        Ok(Typed { kind, datatype: key.datatype, order: key.order, bits, span })
    }

    /// A match on one of several values, as a dependency.
    pub(super) fn match_values(
        &mut self,
        mut left: Typed,
        values: Vec<u128>,
        span: Span,
    ) -> Evaluated<()> {
        let item = |value: &u128| Item {
            key: Some(Typed::value(*value, left.datatype, left.order, left.bits, span)),
            data: ItemData::None,
            more: None,
            span,
        };
        let kind = Kind::Set(values.iter().map(item).collect());
        let items = Typed { kind, ..left.clone() };
        let right = self.anonymous(&mut left, items, None)?;
        self.steps
            .push(Step { kind: StepKind::Match { left, op: RelationOp::Implicit, right }, span });
        Ok(())
    }

    /// What a map is looked up by, and the map.
    pub(super) fn mapping(
        &mut self,
        key: &Expr,
        map: &Expr,
        yields: Yields,
    ) -> Evaluated<(Typed, SetName)> {
        self.expect = Expect::default();
        let mut typed = self.expression(key)?;
        if typed.is_constant() {
            return Err(error(Code::NFT_TYPE, key.span, "a map is not looked up by a constant"));
        }
        check_addresses(&typed)?;
        self.statement_bits = 0;
        let mut value = map;
        while let ExprKind::Variable(inner) = &value.kind {
            value = inner;
        }
        match &value.kind {
            ExprKind::Set(items) => {
                let items = self.items(items, Some(&yields), map.span)?;
                match self.anonymous(&mut typed, items, Some(&yields))?.kind {
                    Kind::SetRef { name, .. } => Ok((typed, name)),
                    _ => Err(error(Code::NFT_SET, map.span, "this is not a map")),
                }
            }
            ExprKind::SetRef(name) => {
                let set = self.named_set(name, map.span)?;
                let is_it = match &yields {
                    Yields::Verdicts => set.is_verdict_map,
                    Yields::Values(_) => !set.data.is_empty(),
                    Yields::Objects(kind) => set.objects == Some(*kind),
                };
                if !is_it {
                    let what = match &yields {
                        Yields::Verdicts => "verdicts",
                        Yields::Values(_) => "values",
                        Yields::Objects(_) => "such objects",
                    };
                    let message = format!("`{name}` is not a map that yields {what}");
                    return Err(error(Code::NFT_TYPE, map.span, message));
                }
                let (parts, is_interval) = (set.key.clone(), set.flags.interval);
                if let Yields::Values(wanted) = &yields
                    && !wanted.is_empty()
                    && !fits(wanted, &set.data)
                {
                    let (wanted, data) = (type_words(wanted), type_words(&set.data));
                    let message =
                        format!("expected values of the type {wanted}, the map has {data}");
                    return Err(error(Code::NFT_TYPE, map.span, message));
                }
                self.check_key(&parts, &typed)?;
                if is_interval {
                    self.convert(&mut typed, Order::Network)?;
                }
                Ok((typed, SetName::Named(name.clone())))
            }
            _ => Err(error(Code::NFT_TYPE, map.span, "this is not a map")),
        }
    }

    /// A key must have the type of the set that it is looked up in.
    pub(super) fn check_key(&self, parts: &[TypedPart], key: &Typed) -> Evaluated<()> {
        if fits(parts, &key.parts()) { Ok(()) } else { Err(self.mismatch(parts, key)) }
    }

    /// `key map { ... }`, of the type that is expected.
    pub(super) fn map(&mut self, key: &Expr, map: &Expr, span: Span) -> Evaluated<Typed> {
        let wanted = self.expect.parts.clone();
        if wanted.is_empty() {
            let message = "nothing says what type of value the map yields";
            return Err(error(Code::NFT_TYPE, span, message));
        }
        let (key, map) = self.mapping(key, map, Yields::Values(wanted.clone()))?;
        self.expect = Expect::parts(wanted);
        let part = self.expect.part();
        let kind = Kind::Map { key: Box::new(key), map };
        Ok(Typed { kind, datatype: part.datatype, order: part.order, bits: part.bits, span })
    }
}

/// Sets take addresses of connections whose family is said.
pub(super) fn check_addresses(key: &Typed) -> Evaluated<()> {
    match &key.kind {
        Kind::Concat(parts) => parts.iter().try_for_each(check_addresses),
        Kind::Load(Load::Ct { key: of, .. }) if matches!(of.name, "saddr" | "daddr") => {
            let message = format!("a set needs to know the family of `ct {}`", of.name);
            let mut diagnostic = error(Code::NFT_TYPE, key.span, message);
            diagnostic.help = Some(format!("say `ip {0}` or `ip6 {0}`", of.name));
            Err(diagnostic)
        }
        _ => Ok(()),
    }
}
