//! Tests of rules: a field and numbers in every form that the language has for them.

use super::Maker;
use super::fields::{FIELDS, Field};
use crate::generate::draft::tcp_flag_names;
use crate::generate::rng::Rng;
use crate::generate::values::{address, address_and_mask, from_number, near_masked, number};
use crate::lab::Family;
use crate::lab::oracle::{INTERFACES, OUT_INTERFACES};
use std::rc::Rc;

/// Whether numbers are excluded.
fn negation(rng: &mut Rng) -> &'static str {
    if rng.one_in(4) { "!= " } else { "" }
}

impl Maker<'_> {
    fn facet(&mut self, facet: impl Fn(&mut Rng, &mut crate::generate::draft::Draft) + 'static) {
        self.facets.push(Rc::new(facet));
    }

    /// The tests of a rule; its fields imply one protocol at most.
    pub(super) fn tests(&mut self) -> Vec<String> {
        let mut tests = Vec::new();
        let family = self.shape.family;
        let fits = |field: &&Field| field.family.is_none_or(|of| of == family);
        let all: Vec<Field> = FIELDS.iter().filter(fits).copied().collect();
        let first = *self.rng.pick(&all);
        let implied = first.protocol;
        let usable: Vec<Field> = all
            .into_iter()
            .filter(|field| match field.is_protocol {
                true => implied.is_none(),
                false => field.protocol.is_none() || field.protocol == implied,
            })
            .collect();
        let mut has_protocol = false;
        for _ in 0..*self.rng.pick(&[0, 1, 1, 1, 1, 2, 2, 3]) {
            let test = match self.rng.below(12) {
                0 | 1 => self.address(),
                2 => self.interface(),
                3 if implied == Some(6) => self.flags(),
                4 if !self.dynamic.is_empty() => {
                    let (name, key) = self.rng.pick(&self.dynamic).clone();
                    format!("{key} {}@{name}", negation(self.rng))
                }
                5 => self.concatenation(&usable),
                6 => self.turns(),
                _ => {
                    let field = if self.rng.one_in(2) { first } else { *self.rng.pick(&usable) };
                    // A second one would contradict the first.
                    if field.is_protocol && std::mem::replace(&mut has_protocol, true) {
                        continue;
                    }
                    self.field(field)
                }
            };
            tests.push(test);
        }
        tests
    }

    /// A number of the field, and a facet that leads to it.
    fn number(&mut self, field: Field) -> u64 {
        let number = (field.pick)(self.rng).min(field.most);
        if let Some(protocol) = field.protocol {
            self.facet(move |_, draft| draft.become_protocol(protocol));
        }
        self.facet(move |rng, draft| {
            (field.set)(draft, rng.near(number..=number, field.most));
        });
        number
    }

    fn range(&mut self, field: Field) -> (u64, u64) {
        let (a, b) = (self.number(field), self.number(field));
        (a.min(b), a.max(b))
    }

    fn element(&mut self, field: Field) -> String {
        match self.rng.one_in(3) {
            true => {
                let (low, high) = self.range(field);
                if low == high { low.to_string() } else { format!("{low}-{high}") }
            }
            false => self.number(field).to_string(),
        }
    }

    fn elements(&mut self, field: Field) -> String {
        let elements: Vec<String> =
            (0..self.rng.within(1..=5)).map(|_| self.element(field)).collect();
        elements.join(", ")
    }

    fn field(&mut self, field: Field) -> String {
        let text = field.text;
        let not = negation(self.rng);
        match self.rng.below(9) {
            0 | 1 => format!("{text} {not}{}", self.number(field)),
            2 => {
                let (low, high) = self.range(field);
                match low == high {
                    true => format!("{text} {not}{low}"),
                    false => format!("{text} {not}{low}-{high}"),
                }
            }
            3 | 4 => format!("{text} {not}{{ {} }}", self.elements(field)),
            5 => {
                let sign = *self.rng.pick(&["<", "<=", ">", ">="]);
                // Nothing is below the least and above the largest: nft refuses to ask.
                let number = self.number(field).clamp(1, field.most - 1);
                format!("{text} {sign} {number}")
            }
            6 if field.datatype == "inet_service" => {
                let mask = *self.rng.pick(&[0x1, 0xff, 0xff00, 0xfff0, 0x8001]);
                format!("{text} & {mask:#x} {not}{}", self.number(field) & mask)
            }
            _ if !field.datatype.is_empty() && field.datatype != "dscp" => {
                let name = self.name("set");
                let elements = self.elements(field);
                let lines = [
                    format!("type {}", field.datatype),
                    "flags interval".to_owned(),
                    "auto-merge".to_owned(),
                    format!("elements = {{ {elements} }}"),
                ];
                self.declare("set", &name, &lines);
                format!("{text} {not}@{name}")
            }
            _ => format!("{text} {not}{}", self.number(field)),
        }
    }

    /// A test of an address.
    fn address(&mut self) -> String {
        let family = self.shape.family;
        let source = self.rng.one_in(2);
        let word = if family == Family::Ipv4 { "ip" } else { "ip6" };
        let text = format!("{word} {}", if source { "saddr" } else { "daddr" });
        let not = negation(self.rng);
        match self.rng.below(4) {
            0 => {
                let mut elements = Vec::new();
                for _ in 0..self.rng.within(1..=4) {
                    elements.push(self.prefix(source));
                }
                format!("{text} {not}{{ {} }}", elements.join(", "))
            }
            1 => {
                let (a, b) = (address(self.rng, family), address(self.rng, family));
                let (low, high) = if number(a) <= number(b) { (a, b) } else { (b, a) };
                self.facet(move |rng, draft| {
                    let spread = number(high) - number(low);
                    let offset = u128::from(rng.bits()) % (spread + 2);
                    let address = from_number(number(low).wrapping_add(offset), family);
                    if source { draft.set_source(address) } else { draft.set_destination(address) }
                });
                match low == high {
                    true => format!("{text} {not}{low}"),
                    false => format!("{text} {not}{low}-{high}"),
                }
            }
            2 => {
                let (address, mask) = address_and_mask(self.rng, family);
                self.towards(address, mask, source);
                let mask = from_number(mask, family);
                format!("{text} & {mask} {not}{address}")
            }
            _ => format!("{text} {not}{}", self.prefix(source)),
        }
    }

    fn towards(&mut self, address: std::net::IpAddr, mask: u128, source: bool) {
        let family = self.shape.family;
        self.facet(move |rng, draft| {
            let address = near_masked(rng, address, mask, family);
            if source { draft.set_source(address) } else { draft.set_destination(address) }
        });
    }

    fn prefix(&mut self, source: bool) -> String {
        let family = self.shape.family;
        let width = crate::generate::values::width(family);
        let address = address(self.rng, family);
        let length = self.rng.within(4..=width.into()) as u32;
        let all = u128::MAX >> (128 - width);
        let mask = all << (width - length) & all;
        let first = from_number(number(address) & mask, family);
        self.towards(first, mask, source);
        if length == width { first.to_string() } else { format!("{first}/{length}") }
    }

    fn interface(&mut self) -> String {
        let stage = self.shape.stage;
        let outputs = stage.has_output() && (!stage.has_input() || self.rng.one_in(2));
        let (word, names): (&str, &[&str]) = match outputs {
            true => ("oifname", &OUT_INTERFACES),
            false if stage.has_input() => ("iifname", &INTERFACES),
            false => return "meta mark 0".to_owned(),
        };
        let not = negation(self.rng);
        let name = *self.rng.pick(names);
        match self.rng.below(4) {
            0 => format!("{word} {not}\"{}*\"", &name[..self.rng.within(1..=4) as usize]),
            1 => format!("{word} {not}{{ \"{name}\", \"{}\" }}", self.rng.pick(names)),
            2 => format!("{word} {not}\"{}\"", &name[..name.len() - 1]),
            _ => format!("{word} {not}\"{name}\""),
        }
    }

    fn flags(&mut self) -> String {
        let names =
            |bits: u8, between: &str| tcp_flag_names(bits).to_lowercase().replace(',', between);
        let bits = |rng: &mut Rng| rng.within(1..=63) as u8;
        let (a, b) = (bits(self.rng), bits(self.rng));
        self.facet(move |rng, draft| {
            let free = rng.byte() & 63;
            draft.tcp().flags = if rng.one_in(2) { a } else { free & !b | a & b };
        });
        match self.rng.below(6) {
            0 => format!("tcp flags {}", names(a, ",")),
            1 => format!("tcp flags == {}", names(a, "|")),
            2 => format!("tcp flags != {}", names(a, "|")),
            3 if a & b != 0 => {
                format!("tcp flags & ({}) == {}", names(b | 1, "|"), names(a & b, "|"))
            }
            4 => format!("tcp flags {{ {}, {} }}", names(a, " | "), names(b, " | ")),
            _ => format!("tcp flags {} / {}", names(a & (a | b), ","), names(a | b, ",")),
        }
    }

    /// A counter of packets that turns round.
    fn turns(&mut self) -> String {
        let modulus = self.rng.within(1..=7);
        let value = self.rng.below(modulus);
        match self.rng.one_in(2) {
            true => format!("numgen inc mod {modulus} {value}"),
            false => {
                let offset = self.rng.below(10);
                format!("numgen inc mod {modulus} offset {offset} <= {}", value + offset)
            }
        }
    }

    /// Several fields at once.
    fn concatenation(&mut self, usable: &[Field]) -> String {
        let number = self.rng.within(2..=3) as usize;
        let fields: Vec<Field> = (0..number).map(|_| *self.rng.pick(usable)).collect();
        // nft 1.0.6 cannot list concatenations with numbers that have no datatype.
        if fields.iter().any(|field| field.datatype.is_empty() || field.datatype == "dscp") {
            return "meta mark 0".to_owned();
        }
        let text: Vec<&str> = fields.iter().map(|field| field.text).collect();
        let elements: Vec<String> = (0..self.rng.within(1..=4))
            .map(|_| {
                let parts = fields.iter().map(|field| self.number(*field).to_string());
                parts.collect::<Vec<_>>().join(" . ")
            })
            .collect();
        let not = negation(self.rng);
        format!("{} {not}{{ {} }}", text.join(" . "), elements.join(", "))
    }

    /// A map of verdicts, named or not.
    pub(super) fn verdict_map(&mut self, further: &[String]) -> String {
        let family = self.shape.family;
        let fits = |field: &&Field| {
            field.family.is_none_or(|of| of == family)
                && field.protocol.is_none()
                && !field.is_protocol
                && !field.datatype.is_empty()
                && field.datatype != "dscp"
        };
        let fields: Vec<Field> = FIELDS.iter().filter(fits).copied().collect();
        let field = *self.rng.pick(&fields);
        let mut numbers: Vec<u64> =
            (0..self.rng.within(1..=5)).map(|_| self.number(field)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let elements: Vec<String> = numbers
            .into_iter()
            .map(|number| format!("{number} : {}", self.verdict(further)))
            .collect();
        let elements = elements.join(", ");
        if self.rng.one_in(2) {
            return format!("{} vmap {{ {elements} }}", field.text);
        }
        let name = self.name("map");
        let lines =
            [format!("type {} : verdict", field.datatype), format!("elements = {{ {elements} }}")];
        self.declare("map", &name, &lines);
        format!("{} vmap @{name}", field.text)
    }
}
