//! Random rulesets of nft: one table with a base chain, chains that it leads to, sets, maps and
//! objects.
//!
//! Whatever is written is valid for nft 1.0.6 and newer. What each rule asks for leaves a facet
//! behind, as in [`super::ruleset`]. Rates are so slow that only bursts count. Counters stand
//! anywhere in rules, in some several times.

mod fields;
mod tests_of_rules;

use super::Facet;
use super::rng::Rng;
use super::ruleset::Shape;
use crate::lab::Family;
use crate::lab::oracle::Stage;
use std::fmt::Write;

/// A ruleset and how to make packets for it.
pub struct Generated {
    /// The ruleset.
    pub text: String,
    /// Ways to meet its tests.
    pub facets: Vec<Facet>,
}

/// What rules are written with, and what they declare.
struct Maker<'a> {
    rng: &'a mut Rng,
    shape: Shape,
    facets: Vec<Facet>,
    /// Sets, maps and objects.
    declared: String,
    /// How many of them there are.
    number: usize,
    /// Sets that rules fill, each with the selector of its key.
    dynamic: Vec<(String, &'static str)>,
    /// Objects by kind.
    limits: Vec<String>,
    quotas: Vec<String>,
    counters: Vec<String>,
}

/// A random table of a family: the packets' own, or `inet`.
pub fn ruleset(rng: &mut Rng, shape: Shape, is_inet: bool) -> Generated {
    let own = match shape.family {
        Family::Ipv4 => "ip",
        Family::Ipv6 => "ip6",
    };
    let family = if is_inet { "inet" } else { own };
    let mut maker = Maker {
        rng,
        shape,
        facets: Vec::new(),
        declared: String::new(),
        number: 0,
        dynamic: Vec::new(),
        limits: Vec::new(),
        quotas: Vec::new(),
        counters: Vec::new(),
    };
    maker.declare_objects();
    let names: Vec<String> = (0..maker.rng.within(0..=shape.user_chains))
        .map(|number| format!("user{number}"))
        .collect();
    let mut chains = String::new();
    // What is called stands in front of what calls it.
    for (number, name) in names.iter().enumerate().rev() {
        let further = &names[number + 1..];
        let _ = writeln!(chains, "    chain {name} {{");
        for _ in 0..maker.rng.within(1..=shape.rules) {
            let _ = writeln!(chains, "        {}", maker.rule(further));
        }
        chains += "    }\n";
    }
    let (hook, priority) = place(shape.stage);
    let policy = *maker.rng.pick(&["accept", "drop"]);
    let _ = writeln!(chains, "    chain base {{");
    let _ =
        writeln!(chains, "        type filter hook {hook} priority {priority}; policy {policy};");
    if is_inet {
        // What the host says in the other family is its own.
        let packets = if own == "ip" { "ipv4" } else { "ipv6" };
        let _ = writeln!(chains, "        meta nfproto != {packets} accept");
    }
    for _ in 0..maker.rng.within(2..=2 * shape.rules) {
        let _ = writeln!(chains, "        {}", maker.rule(&names));
    }
    chains += "    }\n";
    let text = format!("table {family} t {{\n{}{chains}}}\n", maker.declared);
    Generated { text, facets: maker.facets }
}

/// Hook and priority of a stage's base chain.
pub fn place(stage: Stage) -> (&'static str, i32) {
    match stage {
        Stage::Prerouting => ("prerouting", -300),
        Stage::Input => ("input", 0),
        Stage::Forward => ("forward", 0),
        Stage::Postrouting => ("postrouting", -150),
        _ => ("output", 0),
    }
}

impl Maker<'_> {
    fn name(&mut self, kind: &str) -> String {
        self.number += 1;
        format!("{kind}{}", self.number)
    }

    fn declare(&mut self, kind: &str, name: &str, lines: &[String]) {
        let _ = writeln!(self.declared, "    {kind} {name} {{");
        for line in lines {
            let _ = writeln!(self.declared, "      {line}");
        }
        self.declared += "    }\n";
    }

    fn declare_objects(&mut self) {
        for _ in 0..self.rng.below(3) {
            let name = self.name("limit");
            let line = self.rate();
            self.declare("limit", &name, &[line]);
            self.limits.push(name);
        }
        for _ in 0..self.rng.below(2) {
            let name = self.name("quota");
            let line = format!("{}{} bytes", self.over(), self.rng.within(20..=3000));
            self.declare("quota", &name, &[line]);
            self.quotas.push(name);
        }
        for _ in 0..self.rng.below(3) {
            let name = self.name("counter");
            self.declare("counter", &name, &[]);
            self.counters.push(name);
        }
        for _ in 0..self.rng.below(3) {
            let name = self.name("seen");
            let key = *self.rng.pick(&["meta l4proto", "th sport", "th dport", "meta length"]);
            let kind = match key {
                "meta l4proto" => "type inet_proto",
                "meta length" => "typeof meta length",
                _ => "type inet_service",
            };
            // Sets that get full, too.
            let size = *self.rng.pick(&[3, 10, 5000]);
            let mut lines = vec![kind.to_owned(), format!("size {size}")];
            lines.push("flags dynamic".to_owned());
            self.declare("set", &name, &lines);
            self.dynamic.push((name, key));
        }
    }

    fn over(&mut self) -> &'static str {
        if self.rng.one_in(3) { "over " } else { "" }
    }

    /// A rate without the word `limit` in front.
    fn rate(&mut self) -> String {
        let over = self.over();
        match self.rng.below(3) {
            0 => format!("rate {over}{} bytes/hour", self.rng.within(100..=3000)),
            1 => format!("rate {over}1/hour"),
            _ => format!("rate {over}1/hour burst {} packets", self.rng.within(1..=40)),
        }
    }

    fn rule(&mut self, further: &[String]) -> String {
        let mut parts = self.tests();
        for _ in 0..*self.rng.pick(&[0, 0, 0, 1, 1, 2]) {
            let statement = self.statement();
            let at = self.rng.below(parts.len() as u64 + 1) as usize;
            parts.insert(at, statement);
        }
        let verdict = self.verdict_of_rule(further);
        let has_map = verdict.contains("vmap");
        parts.extend((!verdict.is_empty()).then_some(verdict));
        // A counter stands in front of the verdict, some stand anywhere before it.
        let last = if has_map || parts.is_empty() { parts.len() } else { parts.len() - 1 };
        for _ in 0..*self.rng.pick(&[0, 1, 1, 1, 1, 2]) {
            let at = match self.rng.one_in(3) {
                true => self.rng.below(last as u64 + 1) as usize,
                false => last,
            };
            parts.insert(at, "counter".to_owned());
        }
        if parts.is_empty() {
            parts.push("counter".to_owned());
        }
        parts.join(" ")
    }

    /// A statement with a state.
    fn statement(&mut self) -> String {
        let named = |kind: &str, names: &[String], rng: &mut Rng| {
            (!names.is_empty()).then(|| format!("{kind} name \"{}\"", rng.pick(names)))
        };
        let found = match self.rng.below(6) {
            0 => named("limit", &self.limits, self.rng),
            1 => named("quota", &self.quotas, self.rng),
            2 => named("counter", &self.counters, self.rng),
            3 if !self.dynamic.is_empty() => {
                let (name, key) = self.rng.pick(&self.dynamic).clone();
                let verb = *self.rng.pick(&["add", "add", "update"]);
                Some(format!("{verb} @{name} {{ {key} }}"))
            }
            4 => Some(format!("quota {}{} bytes", self.over(), self.rng.within(20..=3000))),
            _ => None,
        };
        found.unwrap_or_else(|| format!("limit {}", self.rate()))
    }

    fn verdict(&mut self, further: &[String]) -> String {
        match self.rng.below(if further.is_empty() { 4 } else { 8 }) {
            0 => "accept".to_owned(),
            1 => "drop".to_owned(),
            2 => "return".to_owned(),
            3 => "continue".to_owned(),
            4 => format!("goto {}", self.rng.pick(further)),
            _ => format!("jump {}", self.rng.pick(further)),
        }
    }

    /// What a rule ends with, perhaps nothing.
    fn verdict_of_rule(&mut self, further: &[String]) -> String {
        match self.rng.below(8) {
            0..=2 => String::new(),
            3 => self.verdict_map(further),
            4 if self.shape.marks => format!("meta mark set {}", self.rng.below(4)),
            _ => self.verdict(further),
        }
    }
}
