//! A whole ruleset as text, for people and for comparing: what is where, and the expressions of
//! every rule as nft shows them.

use super::{Chain, Element, Ruleset, Set, Table, TypedPart, elements_text, expression_text};
use std::fmt::{self, Display, Write};

impl Display for Ruleset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            table_text(f, table)?;
        }
        Ok(())
    }
}

fn table_text(f: &mut fmt::Formatter<'_>, table: &Table) -> fmt::Result {
    let flags: String = table.flags.iter().map(|flag| format!(" {flag}")).collect();
    writeln!(f, "table {} {}{flags}", table.family.name(), table.name)?;
    for object in &table.objects {
        let state = expression_text(&object.expression, table);
        writeln!(f, "  {} {} [ {state} ]", object.kind.name(), object.name)?;
    }
    for set in &table.sets {
        set_text(f, &set.name, set, table)?;
    }
    for (index, set) in table.anonymous.iter().enumerate() {
        set_text(f, &format!("#{index}"), set, table)?;
    }
    table.chains.iter().try_for_each(|chain| chain_text(f, chain, table))
}

fn parts_text(parts: &[TypedPart]) -> String {
    let part = |part: &TypedPart| format!("{} {}", part.datatype.name, part.bits);
    parts.iter().map(part).collect::<Vec<_>>().join(" . ")
}

fn set_text(f: &mut fmt::Formatter<'_>, name: &str, set: &Set, table: &Table) -> fmt::Result {
    write!(f, "  {} {name} {}", set.noun(), parts_text(&set.key))?;
    if set.is_verdict_map {
        f.write_str(" : verdict")?;
    } else if let Some(objects) = set.objects {
        write!(f, " : {}", objects.name())?;
    } else if !set.data.is_empty() {
        write!(f, " : {}", parts_text(&set.data))?;
    }
    let flags = [
        (set.flags.constant, " constant"),
        (set.flags.interval, " interval"),
        (set.flags.timeout, " timeout"),
        (set.flags.dynamic, " dynamic"),
        (set.auto_merge, " auto-merge"),
    ];
    for (_, flag) in flags.iter().filter(|(is, _)| *is) {
        f.write_str(flag)?;
    }
    let numbers =
        [("timeout", set.timeout), ("gc", set.gc_interval), ("size", set.size.map(u64::from))];
    for (name, value) in numbers {
        if let Some(value) = value {
            write!(f, " {name} {value}")?;
        }
    }
    for expression in &set.expressions {
        write!(f, " [ {} ]", expression_text(expression, table))?;
    }
    f.write_char('\n')?;
    for (text, element) in elements_text(set).iter().zip(&set.elements) {
        write!(f, "    {text}")?;
        element_rest(f, element, table)?;
    }
    Ok(())
}

fn element_rest(f: &mut fmt::Formatter<'_>, element: &Element, table: &Table) -> fmt::Result {
    if let Some(timeout) = element.timeout() {
        write!(f, " timeout {timeout}")?;
    }
    if let Some(expires) = element.expires() {
        write!(f, " expires {expires}")?;
    }
    for expression in element.expressions() {
        write!(f, " [ {} ]", expression_text(expression, table))?;
    }
    f.write_char('\n')
}

fn chain_text(f: &mut fmt::Formatter<'_>, chain: &Chain, table: &Table) -> fmt::Result {
    write!(f, "  chain {}", chain.name)?;
    if let Some(base) = &chain.base {
        let policy = if base.drops { "drop" } else { "accept" };
        write!(f, " {} {} {} {policy}", base.kind, base.hook, base.priority)?;
        if !base.devices.is_empty() {
            write!(f, " on {}", base.devices.join(", "))?;
        }
        f.write_str(if base.offload { " offload" } else { "" })?;
    }
    f.write_char('\n')?;
    for rule in &chain.rules {
        let comment =
            rule.comment.as_ref().map_or(String::new(), |comment| format!(" \"{comment}\""));
        writeln!(f, "    rule {}{comment}", rule.handle)?;
        for expression in &rule.expressions {
            writeln!(f, "      [ {} ]", expression_text(expression, table))?;
        }
    }
    Ok(())
}
