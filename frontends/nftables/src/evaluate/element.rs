//! Elements of sets and maps.

use super::context::{Context, Expect};
use super::typed::{Item, ItemData, Kind, Typed, fits};
use super::{Evaluated, error};
use crate::datatype::Base;
use crate::model::{Data, ElementMore, ObjectKind, TypedPart};
use crate::syntax::ast::{Expr, ExprKind, ItemOptions, SetItem};
use bpfc_diag::{Code, Span};

/// What a map yields.
#[derive(Clone, Debug)]
pub(super) enum Yields {
    Verdicts,
    Values(Vec<TypedPart>),
    Objects(ObjectKind),
}

impl Context<'_> {
    /// Elements of the type that is expected; those of a map yield something.
    pub(super) fn items(
        &mut self,
        items: &[SetItem],
        yields: Option<&Yields>,
        span: Span,
    ) -> Evaluated<Typed> {
        let expect = self.expect.clone();
        let mut typed = Vec::new();
        for item in items {
            self.expect = expect.clone();
            self.expect.is_key = true;
            self.item(item, yields, &mut typed)?;
        }
        let part = expect.part();
        self.expect = expect;
        Ok(Typed {
            kind: Kind::Set(typed),
            datatype: part.datatype,
            order: part.order,
            bits: part.bits,
            span,
        })
    }

    fn item(
        &mut self,
        item: &SetItem,
        yields: Option<&Yields>,
        typed: &mut Vec<Item>,
    ) -> Evaluated<()> {
        let wanted = self.expect.parts.clone();
        let mut keys = Vec::new();
        match &item.key {
            None => keys.push(None),
            Some(key) => {
                let inner = match (set_behind(key), &item.data) {
                    // A set in a set of a map has its elements' data, or that behind it.
                    (Some((items, span)), None) => self.items(items, yields, span)?,
                    (Some((items, span)), Some(_)) => self.items(items, None, span)?,
                    (None, _) => self.expression(key)?,
                };
                match inner.kind {
                    Kind::Set(items) if item.data.is_none() => {
                        typed.extend(items);
                        return Ok(());
                    }
                    Kind::Set(items) => keys.extend(items.into_iter().map(|item| item.key)),
                    Kind::SetRef { .. } => {
                        let message = "a reference to a set cannot be an element";
                        return Err(error(Code::NFT_SET, key.span, message));
                    }
                    _ => keys.push(Some(inner)),
                }
            }
        }
        for key in keys.iter().flatten() {
            if !key.is_constant() || matches!(key.kind, Kind::Verdict(_)) {
                return Err(error(Code::NFT_SET, key.span, "an element is a constant value"));
            }
            if !fits(&wanted, &key.parts()) {
                return Err(self.mismatch(&wanted, key));
            }
        }
        let data = self.item_data(item, yields)?;
        let mut expressions = Vec::new();
        let none = ItemOptions::default();
        let options = item.more.as_ref().map_or(&none, |more| &more.options);
        for statement in item.more.iter().flat_map(|more| &more.statements) {
            expressions.push(self.stateful(statement)?);
        }
        for key in keys {
            let is_plain = expressions.is_empty() && options.is_none();
            let more = (!is_plain).then(|| {
                Box::new(ElementMore {
                    timeout: options.timeout,
                    expires: options.expires,
                    expressions: expressions.clone(),
                    comment: options.comment.clone(),
                })
            });
            typed.push(Item { key, data: data.clone(), more, span: item.span });
        }
        Ok(())
    }

    fn item_data(&mut self, item: &SetItem, yields: Option<&Yields>) -> Evaluated<ItemData> {
        let (data, yields) = match (&item.data, yields) {
            (None, None) => return Ok(ItemData::None),
            (None, Some(_)) => {
                let message = "an element of a map has a value behind a colon";
                return Err(error(Code::NFT_SET, item.span, message));
            }
            (Some(data), None) => {
                let message = "an element of a set has no value; only those of maps have";
                return Err(error(Code::NFT_SET, data.span, message));
            }
            (Some(data), Some(yields)) => (data, yields),
        };
        match yields {
            Yields::Objects(_) => match &data.kind {
                ExprKind::Symbol(name) => Ok(ItemData::Object(name.clone())),
                _ => Err(error(Code::NFT_SET, data.span, "this is not the name of an object")),
            },
            Yields::Verdicts => match data.kind {
                ExprKind::Verdict(ref verdict) => match self.verdict(verdict, data.span)?.kind {
                    Kind::Verdict(verdict) => Ok(ItemData::Verdict(verdict)),
                    _ => Ok(ItemData::None),
                },
                _ => Err(error(Code::NFT_TYPE, data.span, "the map yields verdicts")),
            },
            Yields::Values(parts) => {
                self.expect = Expect::parts(parts.clone());
                let value = self.expression(data)?;
                let has_range =
                    |typed: &Typed| matches!(typed.kind, Kind::Range(..) | Kind::Prefix(..));
                let is_range = match &value.kind {
                    Kind::Concat(parts) => parts.iter().any(has_range),
                    _ => has_range(&value),
                };
                if is_range {
                    let message = "a map that yields ranges is for address translation (nat)";
                    return Err(error(Code::NFT_OUTSIDE, data.span, message));
                }
                match &value.kind {
                    Kind::Value(_) | Kind::Concat(_) if fits(parts, &value.parts()) => {
                        Ok(ItemData::Value(Box::new(value)))
                    }
                    _ => Err(self.mismatch(parts, &value)),
                }
            }
        }
    }
}

/// The set that an expression is, or that its variables stand for.
fn set_behind(expr: &Expr) -> Option<(&[SetItem], Span)> {
    match &expr.kind {
        ExprKind::Set(items) => Some((items, expr.span)),
        ExprKind::Variable(value) => set_behind(value),
        _ => None,
    }
}

/// Whether a key stands for several values.
pub(super) fn is_interval(key: &Typed) -> bool {
    match &key.kind {
        Kind::Prefix(..) | Kind::Range(..) => true,
        Kind::Concat(parts) => parts.iter().any(is_interval),
        _ => false,
    }
}

/// The lowest and the highest value of a constant.
pub(super) fn ends(typed: &Typed) -> (u128, u128) {
    match &typed.kind {
        Kind::Value(value) => (*value, *value),
        Kind::Range(low, high) => (*low, *high),
        Kind::Prefix(value, length) => {
            let rest = super::typed::ones(typed.bits.saturating_sub(*length));
            (*value, *value | rest)
        }
        _ => (0, 0),
    }
}

/// A constant as registers hold it.
pub(super) fn data_of(typed: &Typed) -> Data {
    let mut data = Data::default();
    for part in parts_of(typed) {
        let is_host =
            part.order == crate::datatype::Order::Host && part.datatype.base != Base::Text;
        data.push_number(ends(part).0, part.bytes() as usize, is_host);
    }
    data
}

/// The lowest or highest values of a concatenation of ranges, in the network's order.
pub(super) fn end_data(typed: &Typed, is_high: bool) -> Data {
    let mut data = Data::default();
    for part in parts_of(typed) {
        let (low, high) = ends(part);
        data.push_number(if is_high { high } else { low }, part.bytes() as usize, false);
    }
    data
}

/// The parts of a concatenation, or a value alone.
fn parts_of(typed: &Typed) -> &[Typed] {
    match &typed.kind {
        Kind::Concat(parts) => parts,
        _ => std::slice::from_ref(typed),
    }
}
