//! The fields of a key: one of each fact, two of those with more than 64 bits.

use super::walk::{Bounds, Walked, fact_type};
use bpfc_classify::{FieldDef, Form, Layout, LayoutError, Role, Rule, Test};
use bpfc_ir::{Base, Family, Op, PacketFamily, Source, Type};

/// Where facts stand in keys.
pub(super) struct Fields {
    pub layout: Layout,
    /// How each fact is tested.
    forms: Vec<Form>,
}

impl Fields {
    /// Small facts of which rules ask no bits lie between ends, all others are compared under
    /// masks.
    pub fn new(walked: &Walked, family: PacketFamily) -> Result<Fields, LayoutError> {
        let mut forms: Vec<Form> = Vec::new();
        for fact in &walked.facts {
            let is_small = bits(fact_type(fact)) <= 16;
            forms.push(if is_small { Form::Ranged } else { Form::Masked });
        }
        for (known, _) in &walked.rules {
            for (form, bounds) in forms.iter_mut().zip(known) {
                if bounds.mask != 0 {
                    *form = Form::Masked;
                }
            }
        }
        let mut defs = Vec::new();
        for (fact, &form) in walked.facts.iter().zip(&forms) {
            let (bits, role) = (bits(fact_type(fact)), role(fact, family));
            let field = |bits, role| FieldDef { bits, form, role };
            match bits.checked_sub(64).filter(|&upper| upper > 0) {
                Some(upper) => defs.extend([field(upper, role), field(64, Role::Other)]),
                None => defs.push(field(bits, role)),
            }
        }
        Ok(Fields { layout: Layout::new(&defs)?, forms })
    }

    /// The rules of a walk over these fields, at most so many: a range of a masked field is as many
    /// as prefixes make it up.
    pub fn rules(
        &self,
        walked: &Walked,
        most: usize,
    ) -> Result<Vec<Rule>, bpfc_classify::RuleError> {
        let mut rules = Vec::with_capacity(walked.rules.len());
        for (priority, (known, action)) in (0..).zip(&walked.rules) {
            let mut all: Vec<Vec<Test>> = vec![Vec::new()];
            for (at, (fact, &form)) in walked.facts.iter().zip(&self.forms).enumerate() {
                let max = fact_type(fact).max();
                let bounds = known.get(at).copied().unwrap_or(Bounds::whole(max));
                let tests = tests(bounds, max, form);
                let longer = |one: Vec<Test>| {
                    tests
                        .iter()
                        .map(move |tests| [&one[..], &tests[..]].concat())
                        .collect::<Vec<_>>()
                };
                all = all.into_iter().flat_map(longer).collect();
                if rules.len() + all.len() > most {
                    return Err(bpfc_classify::RuleError::TooMany);
                }
            }
            rules.extend(all.into_iter().map(|tests| Rule { tests, priority, action: *action }));
        }
        Ok(rules)
    }
}

/// The numbers of a key's fields.
pub(super) fn words<'a>(values: impl Iterator<Item = (&'a Op, u128)>) -> Vec<u64> {
    let mut words = Vec::new();
    for (fact, value) in values {
        if bits(fact_type(fact)) > 64 {
            words.push((value >> 64) as u64);
        }
        words.push(value as u64);
    }
    words
}

fn bits(ty: Type) -> u32 {
    128 - ty.max().leading_zeros()
}

fn role(fact: &Op, family: PacketFamily) -> Role {
    let Op::Load(ty, Source::Payload(base, offset)) = *fact else { return Role::Other };
    let (source, destination) = match family.ip() {
        Some(Family::Ipv4) => (12, 16),
        Some(Family::Ipv6) => (8, 24),
        None => return Role::Other,
    };
    match (base, offset, ty) {
        (Base::Network, at, Type::I32 | Type::I128) if at == source => Role::Source,
        (Base::Network, at, Type::I32 | Type::I128) if at == destination => Role::Destination,
        (Base::Transport, 0, Type::I16) => Role::SourcePort,
        (Base::Transport, 2, Type::I16) => Role::DestinationPort,
        _ => Role::Other,
    }
}

/// The tests of a fact's fields that make up what is known of it, each for all its fields.
fn tests(bounds: Bounds, max: u128, form: Form) -> Vec<Vec<Test>> {
    let Bounds { low, high, mask, value } = bounds;
    let is_wide = max > u64::MAX.into();
    if (low, high, mask) == (0, max, 0) {
        return vec![vec![Test::Any; if is_wide { 2 } else { 1 }]];
    }
    if !is_wide && form == Form::Ranged {
        return vec![vec![Test::Range { low: low as u64, high: high as u64 }]];
    }
    let masks = prefixes(low, high, max).into_iter();
    // Bits that are known of the number and of the prefix must be the same.
    let masks = masks.filter(|(prefix, number)| (number ^ value) & prefix & mask == 0);
    let split = masks.map(|(prefix, number)| {
        let (mask, value) = (prefix | mask, number | value);
        let test = |shift: u32| Test::Mask {
            mask: (mask >> shift) as u64,
            value: (value >> shift) as u64,
        };
        if is_wide { vec![test(64), test(0)] } else { vec![test(0)] }
    });
    split.collect()
}

/// How many terms what is known of a fact is, if it is compared under masks as large ones are.
pub(super) fn terms(bounds: Bounds, max: u128) -> usize {
    if max <= u16::MAX.into() { 1 } else { prefixes(bounds.low, bounds.high, max).len() }
}

/// The fewest prefixes that make up a range, as masks and values.
fn prefixes(low: u128, high: u128, max: u128) -> Vec<(u128, u128)> {
    let mut made = Vec::new();
    let mut next = low;
    loop {
        let mut free = if next == 0 { max } else { (1 << next.trailing_zeros()) - 1 };
        while free > high - next {
            free >>= 1;
        }
        made.push((max & !free, next));
        match (next + free).checked_add(1).filter(|&after| after <= high) {
            Some(after) => next = after,
            None => return made,
        }
    }
}
