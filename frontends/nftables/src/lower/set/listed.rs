//! Named sets as people see and change them: how their blocks begin, and where their elements lie.

use super::entries::Entries;
use super::leaves::Leaf;
use super::states;
use super::table::{Asked, Statements};
use crate::lower::chain::Cx;
use crate::lower::registers::number;
use crate::lower::table_family;
use crate::model::{Element, ElementData, Expression, Operation, Set, TypedPart};
use crate::values::{self, Values};
use bpfc_ir::{ListedGroup, ListedPart, ListedPlace, ListedSet};
use std::fmt::Write;

impl<'r> Cx<'_, 'r> {
    /// Lists a set of a name, which has become tables.
    pub(super) fn list_set(
        &mut self,
        place: &(usize, String),
        set: &'r Set,
        asked: &Asked<'r>,
        entries: &Entries<'r>,
    ) {
        let of = &self.shared.ruleset.tables[place.0];
        let Some(family) = table_family(of).filter(|_| !set.name.is_empty()) else {
            return;
        };
        let printers: Vec<Values> = set.key.iter().map(values_of).collect();
        let (mut fixed, mut comments) = (Vec::new(), Vec::new());
        let only = asked.only();
        for entry in entries.iter() {
            if only.is_none() {
                fixed.push(element(set, &printers, Some(entry.key), entry.element));
            } else if let Some(comment) = entry.element.comment() {
                comments.push((key_text(&printers, entry.key), comment.to_owned()));
            }
        }
        fixed.extend(asked.other.map(|other| element(set, &printers, None, other)));
        comments.sort();
        let listed = ListedSet {
            family,
            table: of.name.clone(),
            name: set.name.clone(),
            is_map: set.is_map(),
            lines: lines(set),
            size: set.size,
            timeout: set.timeout,
            merges: set.auto_merge,
            fixed,
            comments,
            place: match only {
                Some(table) => Ok(ListedPlace {
                    table,
                    key: set.key.iter().map(part).zip(asked.order()).collect(),
                    data: set.data.iter().map(part).collect(),
                    states: match &asked.statements {
                        Statements::Own(_, of) => statements(of),
                        Statements::None | Statements::Numbered(..) => Vec::new(),
                    },
                    number: match asked.statements {
                        Statements::Numbered(field, _) => Some(field),
                        Statements::None | Statements::Own(..) => None,
                    },
                    groups: match &asked.statements {
                        Statements::Numbered(_, groups) => groups
                            .iter()
                            .map(|group| ListedGroup {
                                table: group.table,
                                numbers: group.numbers,
                                states: statements(group.expressions),
                            })
                            .collect(),
                        Statements::None | Statements::Own(..) => Vec::new(),
                    },
                }),
                None => Err("several parts of its keys are ranges, which are several maps to the \
                             program"
                    .to_owned()),
            },
        };
        self.shared.listed.insert(place.clone(), listed);
    }
}

fn part(part: &TypedPart) -> ListedPart {
    ListedPart { datatype: part.datatype.name.to_owned(), bits: part.bits }
}

fn values_of(part: &TypedPart) -> Values {
    Values::of(part.datatype.name, part.bits)
}

fn statements(expressions: &[Expression]) -> Vec<String> {
    expressions.iter().map(|of| values::statement(&of.operation)).collect()
}

/// What a set's block says, in the order in which nft lists it.
fn lines(set: &Set) -> Vec<String> {
    let named = |parts: &[TypedPart]| {
        let names: Vec<&str> = parts.iter().map(|part| part.datatype.name).collect();
        names.join(" . ")
    };
    let (key, data) = match &set.words {
        Some((key, data)) => (key.clone(), data.clone()),
        None => (format!("type {}", named(&set.key)), None),
    };
    let yields = match () {
        () if set.is_verdict_map => Some("verdict".to_owned()),
        () if set.objects.is_some() => set.objects.map(|kind| kind.name().to_owned()),
        () if set.data.is_empty() => None,
        () => {
            let words = data.unwrap_or_else(|| named(&set.data));
            let bare = words.strip_prefix("typeof ").or_else(|| words.strip_prefix("type "));
            let interval = if set.data_is_range { "interval " } else { "" };
            Some(format!("{interval}{}", bare.unwrap_or(&words)))
        }
    };
    let mut lines = vec![match yields {
        Some(yields) => format!("{key} : {yields}"),
        None => key,
    }];
    lines.extend(set.size.map(|size| format!("size {size}")));
    let flags = [
        (set.flags.constant, "constant"),
        (set.flags.dynamic, "dynamic"),
        (set.flags.interval, "interval"),
        // A time for all elements says so.
        (set.flags.timeout && (set.timeout.is_none() || set.flags.dynamic), "timeout"),
    ];
    let flags: Vec<&str> = flags.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    if !flags.is_empty() {
        lines.push(format!("flags {}", flags.join(",")));
    }
    if !set.expressions.is_empty() {
        lines.push(statements(&set.expressions).join(" "));
    }
    lines.extend(set.auto_merge.then(|| "auto-merge".to_owned()));
    lines.extend(set.timeout.map(|time| format!("timeout {}", values::time(time))));
    lines.extend(set.gc_interval.map(|time| format!("gc-interval {}", values::time(time))));
    lines.extend(set.comment.as_ref().map(|comment| format!("comment \"{comment}\"")));
    lines
}

fn key_text(printers: &[Values], key: &[(u128, u128)]) -> String {
    let mut out = String::new();
    for (at, (printer, &(low, high))) in printers.iter().zip(key).enumerate() {
        out.push_str(if at > 0 { " . " } else { "" });
        printer.range(&mut out, low, high);
    }
    out
}

/// An element that stays as it is.
fn element(set: &Set, printers: &[Values], key: Option<&[(u128, u128)]>, of: &Element) -> String {
    let mut out = match key {
        Some(key) => key_text(printers, key),
        None => "*".to_owned(),
    };
    for expression in states::expressions(set, of) {
        let _ = write!(out, " {}", values::statement(&expression.operation));
        let _ = match expression.operation {
            Operation::Counter { packets, bytes } => {
                write!(out, " packets {packets} bytes {bytes}")
            }
            _ => Ok(()),
        };
    }
    if let Some(timeout) = of.timeout() {
        let _ = write!(out, " timeout {}", values::time(timeout));
    }
    if let Some(comment) = of.comment() {
        let _ = write!(out, " comment \"{comment}\"");
    }
    match &of.data {
        ElementData::None => {}
        ElementData::Value(data) => {
            out.push_str(" : ");
            for (at, (held, part)) in data.parts().zip(&set.data).enumerate() {
                out.push_str(if at > 0 { " . " } else { "" });
                values_of(part).value(&mut out, number(held).unwrap_or(0));
            }
        }
        data => {
            let _ = write!(out, " : {}", Leaf::of(data).name());
        }
    }
    out
}
