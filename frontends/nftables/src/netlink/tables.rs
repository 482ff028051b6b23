//! Tables and what is in them, from the messages of a dump.

use super::attributes::{Attributes, Bytes, Damage};
use super::container::{Container, Kind, Message};
use super::expression::Refusal;
use super::orders::Unsettled;
use super::set::comment;
use super::statement::object_kind;
use super::{element, orders, rule, set};
use crate::interfaces::Interfaces;
use crate::model::{
    BaseChain, Chain, ElementData, Endian, Expression, Family, Object, Operation, Rule, Ruleset,
    SetName, Table, Verdict,
};
use bpfc_diag::Span;
use std::collections::BTreeMap;

/// What a dump holds.
pub(super) struct Dump {
    pub ruleset: Ruleset,
    pub interfaces: Interfaces,
    /// What is not filtering: its class, and words for it with which it is shown.
    pub left: Vec<(&'static str, String)>,
    /// The same with places, once there is a text.
    pub outside: Vec<(&'static str, Span)>,
}

/// What is known of a table while it is read.
#[derive(Default)]
struct Names {
    /// Its sets by the kernel's names.
    sets: BTreeMap<String, SetName>,
    /// Its chains that rules hold, by the kernel's names.
    chains: BTreeMap<String, String>,
    /// What of its sets is not read.
    unknown: BTreeMap<String, String>,
    /// Sets of which it is not known how long the parts of keys are.
    unsettled: Vec<Unsettled>,
}

struct Reader<'a> {
    endian: Endian,
    ruleset: Ruleset,
    names: Vec<Names>,
    /// The places of tables.
    tables: BTreeMap<(Family, String), usize>,
    left: Vec<(&'static str, String)>,
    elements: BTreeMap<(usize, String), Vec<Bytes<'a>>>,
    rules: BTreeMap<(usize, usize), Vec<Rule>>,
}

/// Reads all tables of a dump.
pub(super) fn read(container: &Container<'_>) -> Result<Dump, Damage> {
    let mut reader = Reader {
        endian: container.endian,
        ruleset: Ruleset::default(),
        names: Vec::new(),
        tables: BTreeMap::new(),
        left: Vec::new(),
        elements: BTreeMap::new(),
        rules: BTreeMap::new(),
    };
    // What is named is there before what names it, in whatever order the dump has them.
    for kind in [
        Kind::Table,
        Kind::Chain,
        Kind::Object,
        Kind::Flowtable,
        Kind::Set,
        Kind::Elements,
        Kind::Rule,
    ] {
        for message in container.messages.iter().filter(|message| message.kind == kind) {
            reader.message(message)?;
        }
    }
    reader.settle_rules()?;
    reader.read_elements()?;
    let interfaces = Interfaces::known(&container.interfaces);
    let Reader { ruleset, left, .. } = reader;
    Ok(Dump { ruleset, interfaces, left, outside: Vec::new() })
}

/// The family of a number (`NFPROTO_*`).
fn family(message: &Message<'_>) -> Result<Family, Damage> {
    Ok(match message.family {
        1 => Family::Inet,
        2 => Family::Ip,
        3 => Family::Arp,
        5 => Family::Netdev,
        7 => Family::Bridge,
        10 => Family::Ip6,
        number => return Err(Damage::new(message.at, format!("there is no family {number}"))),
    })
}

/// Whether tables of a family are not filtering.
fn is_outside(family: Family) -> bool {
    matches!(family, Family::Arp | Family::Bridge)
}

impl<'a> Reader<'a> {
    fn message(&mut self, message: &Message<'a>) -> Result<(), Damage> {
        let family = family(message)?;
        let attributes = &message.attributes;
        if message.kind == Kind::Table {
            return self.table(family, attributes);
        }
        // A rule, chain or set names its table first, whatever it is.
        let name = attributes.text(1)?;
        if is_outside(family) {
            return Ok(());
        }
        let Some(&at) = self.tables.get(&(family, name.clone())) else {
            let message_at = message.at;
            let message = format!("there is no table `{} {name}`", family.name());
            return Err(Damage::new(message_at, message));
        };
        match message.kind {
            Kind::Chain => self.chain(at, attributes),
            Kind::Object => self.object(at, attributes),
            Kind::Flowtable => {
                let words = format!("flowtable {}", attributes.text(2)?);
                self.left.push(("flow", words));
                Ok(())
            }
            Kind::Set => self.set(at, attributes),
            Kind::Elements => {
                let set = attributes.text(2)?;
                if !self.names[at].sets.contains_key(&set) {
                    let message = format!("there is no set `{set}`, which has elements");
                    return Err(Damage::new(attributes.at(), message));
                }
                let list = attributes.maybe_nested(3)?;
                let list = list.iter().flat_map(|list| list.iter()).map(|(_, element)| element);
                self.elements.entry((at, set)).or_default().extend(list);
                Ok(())
            }
            Kind::Rule => self.rule(at, attributes),
            Kind::Table | Kind::Generation => Ok(()),
        }
    }

    fn table(&mut self, family: Family, attributes: &Attributes<'a>) -> Result<(), Damage> {
        let name = attributes.text(1)?;
        if is_outside(family) {
            let class = family.name();
            if !self.left.iter().any(|(told, _)| *told == class) {
                self.left.push((class, format!("table {class} {name}")));
            }
            return Ok(());
        }
        let at = self.ruleset.tables.len();
        if self.tables.insert((family, name.clone()), at).is_some() {
            let message = format!("a second table is named `{} {name}`", family.name());
            return Err(Damage::new(attributes.at(), message));
        }
        let mut table = Table::new(family, name);
        let flags = attributes.be32_or_0(2)?;
        for (bit, flag) in ["dormant", "owner", "persist"].into_iter().enumerate() {
            if flags & 1 << bit != 0 {
                table.flags.push(flag.to_owned());
            }
        }
        if flags & !7 != 0 {
            let message = format!("the flags {flags:#x} of tables are unknown");
            return Err(Damage::new(attributes.at(), message));
        }
        table.comment = comment(attributes, 6, self.endian);
        self.ruleset.tables.push(table);
        self.names.push(Names::default());
        Ok(())
    }

    fn chain(&mut self, at: usize, attributes: &Attributes<'a>) -> Result<(), Damage> {
        /// `NFT_CHAIN_HW_OFFLOAD` and `NFT_CHAIN_BINDING`.
        const OFFLOAD: u32 = 2;
        const BINDING: u32 = 4;
        let name = attributes.text(3)?;
        let flags = attributes.be32_or_0(10)?;
        let base = match attributes.maybe_nested(4)? {
            Some(hook) => {
                let family = self.ruleset.tables[at].family;
                let mut base = base(family, attributes, &hook)?;
                base.offload = flags & OFFLOAD != 0;
                if base.kind == "nat" {
                    self.left.push(("nat", format!("chain {name}")));
                }
                Some(base)
            }
            None => None,
        };
        let table = &mut self.ruleset.tables[at];
        let known = match flags & BINDING {
            0 => name.clone(),
            _ => table.held_name(),
        };
        if self.names[at].chains.insert(name.clone(), known.clone()).is_some() {
            return Err(Damage::new(attributes.at(), format!("a second chain is named `{name}`")));
        }
        if table.chain_at(&known).is_some() {
            return Err(Damage::new(attributes.at(), format!("two chains are named `{known}`")));
        }
        let comment = comment(attributes, 12, self.endian);
        table.push_chain(Chain { name: known, base, comment, rules: Vec::new() });
        Ok(())
    }

    fn object(&mut self, at: usize, attributes: &Attributes<'a>) -> Result<(), Damage> {
        let (name, number) = (attributes.text(2)?, attributes.be32(3)?);
        let kind = match object_kind(number) {
            Some(Ok(kind)) => kind,
            Some(Err(class)) => {
                self.left.push((class, format!("object {name}")));
                return Ok(());
            }
            None => {
                let message = format!("objects of the type {number} are unknown");
                return Err(Damage::new(attributes.at(), message));
            }
        };
        let none = BTreeMap::new();
        let source = super::expression::Source {
            name: kind.name().to_owned(),
            at: attributes.at(),
            attributes: attributes.nested(4)?,
            sets: &none,
            depth: 0,
        };
        let operation = match source.operation() {
            Ok(operation) => operation,
            Err(Refusal::Damaged(damage)) => return Err(damage),
            Err(Refusal::Unknown(what)) => Operation::Unread { what },
        };
        let expression = Expression { operation, span: None };
        let comment = comment(attributes, 8, self.endian);
        self.ruleset.tables[at].objects.push(Object { kind, name, expression, comment });
        Ok(())
    }

    fn set(&mut self, at: usize, attributes: &Attributes<'a>) -> Result<(), Damage> {
        let told = set::set(attributes, self.endian)?;
        let (table, names) = (&mut self.ruleset.tables[at], &mut self.names[at]);
        let name = match told.is_anonymous {
            true => SetName::Anonymous(table.anonymous.len()),
            false => SetName::Named(told.name.clone()),
        };
        if let Some(datatypes) = told.parts {
            names.unsettled.push(Unsettled { name: name.clone(), datatypes });
        }
        if names.sets.insert(told.name.clone(), name).is_some() {
            let message = format!("a second set is named `{}`", told.name);
            return Err(Damage::new(attributes.at(), message));
        }
        if let Some(what) = told.unknown {
            names.unknown.insert(told.name, what);
        }
        match told.is_anonymous {
            true => table.anonymous.push(told.set),
            false => table.sets.push(told.set),
        }
        Ok(())
    }

    fn rule(&mut self, at: usize, attributes: &Attributes<'a>) -> Result<(), Damage> {
        let names = &self.names[at];
        let name = attributes.text(2)?;
        let known = names.chains.get(&name);
        let chain = known.and_then(|known| self.ruleset.tables[at].chain_at(known));
        let Some(chain) = chain else {
            let message = format!("there is no chain `{name}`, which has a rule");
            return Err(Damage::new(attributes.at(), message));
        };
        let rule = rule::rule(attributes, &names.sets, self.endian)?;
        self.rules.entry((at, chain)).or_default().push(rule);
        Ok(())
    }

    /// Tells the constants of all rules apart and gives chains the names that the model has.
    fn settle_rules(&mut self) -> Result<(), Damage> {
        for ((at, chain), mut rules) in std::mem::take(&mut self.rules) {
            let (table, names) = (&mut self.ruleset.tables[at], &mut self.names[at]);
            for rule in &mut rules {
                let settled =
                    orders::settle(&mut rule.expressions, table, &mut names.unsettled, self.endian);
                if let Err((place, what)) = settled {
                    rule.expressions[place].operation = Operation::Unread { what };
                    rule.expressions.truncate(place + 1);
                }
                rule::fold_ranges(&mut rule.expressions);
                for expression in &mut rule.expressions {
                    names.fold(&mut expression.operation);
                }
            }
            table.chains[chain].rules = rules;
        }
        Ok(())
    }

    fn read_elements(&mut self) -> Result<(), Damage> {
        for ((at, name), list) in std::mem::take(&mut self.elements) {
            let (table, names) = (&mut self.ruleset.tables[at], &mut self.names[at]);
            let set = match &names.sets[&name] {
                SetName::Anonymous(index) => &mut table.anonymous[*index],
                SetName::Named(name) => {
                    let found = table.sets.iter_mut().find(|set| set.name == *name);
                    let Some(set) = found else { continue };
                    set
                }
            };
            let mut elements = Vec::with_capacity(list.len());
            for bytes in list {
                match element::element(bytes, set, &names.sets, self.endian) {
                    Ok(mut element) => {
                        if let ElementData::Verdict(verdict) = &mut element.data {
                            names.fold_verdict(verdict);
                        }
                        elements.push(element);
                    }
                    Err(Refusal::Damaged(damage)) => return Err(damage),
                    Err(Refusal::Unknown(what)) => {
                        names.unknown.entry(name.clone()).or_insert(what);
                    }
                }
            }
            set.elements = elements;
            element::sort(set);
        }
        self.refuse_unknown();
        Ok(())
    }

    /// Rules cannot be compiled that ask sets of which something is not read.
    fn refuse_unknown(&mut self) {
        for (table, names) in self.ruleset.tables.iter_mut().zip(&self.names) {
            if names.unknown.is_empty() {
                continue;
            }
            let of = |name: &SetName| {
                let known = names.unknown.iter();
                let found = known.map(|(known, what)| (names.sets.get(known), what));
                let mut found = found.filter(|(known, _)| *known == Some(name));
                found.next().map(|(_, what)| what.clone())
            };
            for expression in table.chains.iter_mut().flat_map(|chain| &mut chain.rules) {
                for expression in &mut expression.expressions {
                    if let Operation::Lookup { set, .. }
                    | Operation::DynamicSet { set, .. }
                    | Operation::ObjectMap { set, .. } = &expression.operation
                        && let Some(what) = of(set)
                    {
                        let what = format!("the set `{set}` with {what}");
                        expression.operation = Operation::Unread { what };
                    }
                }
            }
        }
    }
}

impl Names {
    fn fold(&self, operation: &mut Operation) {
        if let Operation::Verdict(verdict) = operation {
            self.fold_verdict(verdict);
        }
    }

    fn fold_verdict(&self, verdict: &mut Verdict) {
        if let Verdict::Jump(name) | Verdict::Goto(name) = verdict
            && let Some(known) = self.chains.get(name)
        {
            *name = known.clone();
        }
    }
}

/// Where a chain hangs.
fn base(
    family: Family,
    attributes: &Attributes<'_>,
    hook: &Attributes<'_>,
) -> Result<BaseChain, Damage> {
    let number = hook.be32(1)?;
    let name = match (family, number) {
        (Family::Netdev, 0) | (Family::Inet, 5) => "ingress",
        (Family::Netdev, 1) => "egress",
        (Family::Netdev, _) => "",
        (_, 0) => "prerouting",
        (_, 1) => "input",
        (_, 2) => "forward",
        (_, 3) => "output",
        (_, 4) => "postrouting",
        _ => "",
    };
    if name.is_empty() {
        let message = format!("the family {} has no hook {number}", family.name());
        return Err(Damage::new(hook.at(), message));
    }
    let mut devices: Vec<String> =
        hook.find(3).map(|device| device.text()).into_iter().collect::<Result<_, _>>()?;
    if let Some(list) = hook.maybe_nested(4)? {
        for (kind, device) in list.iter() {
            let name = match kind {
                // A name, or how names begin.
                1 => device.text()?,
                _ => format!("{}*", device.text()?),
            };
            if !devices.contains(&name) {
                devices.push(name);
            }
        }
    }
    let drops = match attributes.be32_or_0(5)? {
        0 => attributes.find(5).is_some(),
        1 => false,
        policy => return Err(Damage::new(attributes.at(), format!("the policy {policy} is none"))),
    };
    let kind = attributes.find(7).map_or(Ok("filter".to_owned()), |kind| kind.text())?;
    if !["filter", "route", "nat"].contains(&kind.as_str()) {
        return Err(Damage::new(
            attributes.at(),
            format!("chains of the type `{kind}` are unknown"),
        ));
    }
    let (hook, priority) = (name.to_owned(), hook.be32(2)? as i32);
    Ok(BaseChain { kind, hook, priority, drops, devices, offload: false })
}
