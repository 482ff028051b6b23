//! What a table holds: chains, rules, named sets, objects.

use super::context::{Context, Expect};
use super::element::Yields;
use super::generate::generate;
use super::interval::{Shape, elements, has_interval};
use super::merge::merge;
use super::typed::{Item, Kind, same_type};
use super::{Evaluated, error};
use crate::datatype::{Datatype, Order};
use crate::model::{self, Element, Expression, Set, TypedPart};
use crate::syntax::{ast, print};
use bpfc_diag::{Code, Span};

/// A named set and the elements it was given, for more of them to join.
pub(super) struct Definition {
    pub set: Set,
    pub items: Vec<Item>,
    /// Whether the table's elements are not yet these.
    pub is_dirty: bool,
}

impl Context<'_> {
    /// The expressions of a rule; `None` where there was an error, which is told.
    pub(super) fn rule(&mut self, rule: &ast::Rule) -> Option<Vec<Expression>> {
        match self.rule_expressions(rule) {
            Ok(expressions) => Some(expressions),
            Err(diagnostic) => {
                super::tell(self.diagnostics, *diagnostic);
                None
            }
        }
    }

    fn rule_expressions(&mut self, rule: &ast::Rule) -> Evaluated<Vec<Expression>> {
        let mut decided: Option<Span> = None;
        for statement in &rule.statements {
            if decided.is_some() {
                let message = "nothing behind a verdict is reached";
                return Err(error(Code::NFT_STATEMENT, statement.span, message));
            }
            let is_last = match &statement.kind {
                ast::StatementKind::Chain { is_goto, rules } => {
                    self.held_chain(*is_goto, rules, statement.span)?;
                    true
                }
                _ => self.statement(statement)?,
            };
            if is_last {
                decided = Some(statement.span);
            }
        }
        let steps = std::mem::take(&mut self.steps);
        generate(&merge(steps, self.table.family))
    }

    /// A chain without a name, that the rule jumps to.
    fn held_chain(&mut self, is_goto: bool, rules: &[ast::Rule], span: Span) -> Evaluated<()> {
        let name = self.table.held_name();
        self.table.push_chain(model::Chain {
            name: name.clone(),
            base: None,
            comment: None,
            rules: Vec::new(),
        });
        for rule in rules {
            let mut inner = Context::new(self.table, self.machine, self.diagnostics);
            let expressions = inner.rule_expressions(rule)?;
            let rule = model::Rule {
                handle: 0,
                expressions,
                comment: rule.comment.clone(),
                span: Some(rule.span),
                text: rule.text.clone(),
            };
            if let Some(at) = self.table.chain_at(&name) {
                self.table.chains[at].rules.push(rule);
            }
        }
        let verdict = match is_goto {
            true => model::Verdict::Goto(name),
            false => model::Verdict::Jump(name),
        };
        let typed = super::typed::Typed {
            kind: Kind::Verdict(verdict),
            datatype: &crate::datatype::VERDICT,
            order: Order::Unknown,
            bits: 0,
            span,
        };
        self.step(super::context::StepKind::Decide(typed), span);
        Ok(())
    }

    fn parts_of(&mut self, of: &ast::SetType) -> Evaluated<Vec<TypedPart>> {
        match of {
            ast::SetType::Named(names) => names.iter().map(named_part).collect(),
            ast::SetType::Of(expr) => {
                self.expect = Expect::default();
                // A typeof says nothing of packets: what it implies is not needed.
                let parts = match &expr.kind {
                    ast::ExprKind::Concat(parts) => parts.as_slice(),
                    _ => std::slice::from_ref(expr),
                };
                parts.iter().map(type_of).collect()
            }
        }
    }

    /// A set or map as its block defines it, without elements.
    pub(super) fn define_set(&mut self, set: &ast::Set) -> Evaluated<Set> {
        let span = set.name.span;
        let noun = if set.is_map { "map" } else { "set" };
        let Some(key) = &set.key else {
            let message = format!("the {noun} does not say the type of its keys");
            return Err(error(Code::NFT_SET, span, message));
        };
        let parts = self.parts_of(key)?;
        let mut defined = Set::new(set.name.text.clone(), parts);
        if defined.key_bits() == 0 || defined.key.iter().any(|part| part.bits == 0) {
            let message = format!("the keys of the {noun} have no size");
            let mut diagnostic = error(Code::NFT_SET, span, message);
            diagnostic.help = Some("say `typeof` and an expression in place of `type`".to_owned());
            return Err(diagnostic);
        }
        if defined.key_bits() > 512 {
            return Err(error(Code::NFT_SET, span, "a key has 64 bytes at most"));
        }
        if set.auto_merge && !set.flags.interval {
            let message = "auto-merge is for sets with `flags interval`";
            return Err(error(Code::NFT_SET, span, message));
        }
        match &set.data {
            None if set.is_map => {
                let message = "the map does not say what it yields";
                return Err(error(Code::NFT_SET, span, message));
            }
            None => {}
            Some(ast::MapData::Object(kind)) => defined.objects = Some(*kind),
            Some(ast::MapData::Type { data, is_range }) => match data {
                ast::SetType::Named(names) if names.len() == 1 && names[0].text == "verdict" => {
                    defined.is_verdict_map = true;
                }
                _ => {
                    defined.data = self.parts_of(data)?;
                    defined.data_is_range = *is_range;
                    if defined.data.iter().any(|part| part.bits == 0) {
                        return Err(error(Code::NFT_SET, span, "what the map yields has no size"));
                    }
                }
            },
        }
        defined.flags = set.flags;
        defined.flags.timeout |= set.timeout.is_some();
        defined.auto_merge = set.auto_merge;
        defined.timeout = set.timeout;
        defined.gc_interval = set.gc_interval;
        defined.size = set.size;
        defined.comment = set.comment.clone();
        defined.span = Some(span);
        let data = match &set.data {
            Some(ast::MapData::Type { data, .. }) => Some(print::set_type(data)),
            _ => None,
        };
        defined.words = Some((print::set_type(key), data));
        for statement in &set.statements {
            let expression = self.stateful(statement)?;
            defined.expressions.push(expression);
        }
        Ok(defined)
    }

    /// Elements for a named set.
    pub(super) fn set_items(&mut self, set: &Set, elements: &ast::Expr) -> Evaluated<Vec<Item>> {
        self.expect = Expect::parts(set.key.clone());
        let yields = match set {
            Set { objects: Some(kind), .. } => Some(Yields::Objects(*kind)),
            Set { is_verdict_map: true, .. } => Some(Yields::Verdicts),
            Set { data, .. } if !data.is_empty() => Some(Yields::Values(data.clone())),
            _ => None,
        };
        let mut value = elements;
        while let ast::ExprKind::Variable(inner) = &value.kind {
            value = inner;
        }
        let ast::ExprKind::Set(written) = &value.kind else {
            let message = "elements stand in braces";
            return Err(error(Code::NFT_SET, elements.span, message));
        };
        let typed = self.items(written, yields.as_ref(), value.span)?;
        let Kind::Set(items) = typed.kind else { return Ok(Vec::new()) };
        if has_interval(&items) && !set.flags.interval {
            let range = items.iter().find(|item| has_interval(std::slice::from_ref(*item)));
            let span = range.map_or(value.span, |item| item.span);
            let message = format!("the {} has no ranges", set.noun());
            let mut diagnostic = error(Code::NFT_SET, span, message);
            diagnostic.help = Some(format!("add `flags interval` to the {}", set.noun()));
            return Err(diagnostic);
        }
        for item in items.iter().filter(|item| item.statements() > 0) {
            let (given, defined) = (item.statements(), set.expressions.len());
            if defined == 0 && !set.flags.dynamic || defined > 0 && given != defined {
                let message = format!("an element has {given} statements, the set has {defined}");
                return Err(error(Code::NFT_SET, item.span, message));
            }
        }
        Ok(items)
    }
}

/// The kernel's elements of a named set.
pub(super) fn set_elements(set: &Set, items: &[Item]) -> Evaluated<Vec<Element>> {
    let shape = Shape {
        bits: set.key_bits(),
        is_interval: set.flags.interval,
        is_concat: set.key.len() > 1,
        is_map: set.is_map(),
        is_anonymous: false,
        merges: set.auto_merge,
    };
    let all = elements(items, shape)?;
    if set.size.is_some_and(|size| all.len() > size as usize && !set.flags.interval) {
        let message = format!("the {} has {} elements, more than its size", set.noun(), all.len());
        let fallback = Span::new(bpfc_diag::FileId(0), 0, 0);
        return Err(error(Code::NFT_SET, set.span.unwrap_or(fallback), message));
    }
    Ok(all)
}

fn named_part(name: &ast::Name) -> Evaluated<TypedPart> {
    match Datatype::by_name(&name.text).filter(|datatype| datatype.name != "verdict") {
        Some(datatype) => Ok(TypedPart { datatype, bits: datatype.bits, order: datatype.order }),
        None => {
            let message = format!("there is no datatype `{}`", name.text);
            let mut diagnostic = error(Code::NFT_UNKNOWN, name.span, message);
            let near = crate::nearest::nearest(&name.text, Datatype::names());
            diagnostic.help = near.map(|near| format!("did you mean `{near}`?"));
            Err(diagnostic)
        }
    }
}

/// The type of what an expression loads.
fn type_of(expr: &ast::Expr) -> Evaluated<TypedPart> {
    use crate::datatype::*;
    use ast::Selector::*;
    let part = |datatype, bits, order| TypedPart { datatype, bits, order };
    let ast::ExprKind::Select(selector) = &expr.kind else {
        return Err(error(Code::NFT_SET, expr.span, "this has no type"));
    };
    let of_key = |key: &crate::selector::Key| match key.datatype {
        Some(datatype) => Ok(part(datatype, key.bits, key.order)),
        None => {
            let message = format!("the type of `{}` depends on the packet", key.name);
            let mut diagnostic = error(Code::NFT_SET, expr.span, message);
            diagnostic.help = Some("say ip or ip6".to_owned());
            Err(diagnostic)
        }
    };
    Ok(match &**selector {
        Payload { field, .. } => part(field.datatype, field.bits, Order::Network),
        Raw { base: "th", offset: 0 | 16, bits: 16 } => part(&SERVICE, 16, Order::Network),
        Raw { bits, .. } => part(&INTEGER, *bits, Order::Network),
        Extension { is_presence: true, .. } => part(&BOOLEAN, 8, Order::Network),
        Extension { field, .. } => part(field.datatype, field.bits, Order::Network),
        Meta(key) => part(key.datatype, key.bits, key.order),
        Ct { key, .. } | Rt(key) | Socket { key, .. } | Xfrm { key, .. } => of_key(key)?,
        Fib { is_check: true, .. } => part(&BOOLEAN, 8, Order::Host),
        Fib { result: model::FibResult::Oif, .. } => part(&INTERFACE_INDEX, 32, Order::Host),
        Fib { result: model::FibResult::OifName, .. } => part(&INTERFACE_NAME, 128, Order::Host),
        Fib { .. } => part(&FIB_TYPE, 32, Order::Host),
        Osf { .. } => part(&STRING, 128, Order::Host),
        Numgen { .. } | Jhash { .. } | Symhash { .. } => part(&INTEGER, 32, Order::Host),
    })
}

/// Whether a set may be defined again as another.
pub(super) fn check_same_set(known: &Set, new: &Set, span: Span) -> Evaluated<()> {
    let is_same = same_type(&known.key, &new.key)
        && same_type(&known.data, &new.data)
        && known.is_verdict_map == new.is_verdict_map
        && known.objects == new.objects
        && (known.flags.interval || !new.flags.interval);
    if is_same {
        return Ok(());
    }
    let message =
        format!("the {} `{}` is defined with another type already", known.noun(), known.name);
    Err(error(Code::NFT_EXISTS, span, message))
}
