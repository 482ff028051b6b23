//! What the rules of a dump take by their words, in a fraction of the time that reading them takes.
//!
//! Only lines are known that iptables-save prints; a text with others is not summed up.

use super::{Asks, Parts, RuleSize, Sizes, Then};
use crate::model::{base_chains, base_hook};
use bpfc_diag::{FileId, Span};
use std::collections::HashMap;

/// What the rules of those tables of a text take that `compiled` names. `None` where they cannot be
/// summed up by their words, or are wrong.
pub(crate) fn of_text(text: &str, file: FileId, compiled: &[String]) -> Option<Sizes> {
    let mut scan = Scan { file, sizes: Sizes::default(), table: None, tables: Vec::new() };
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        scan.line(line.trim_end_matches(['\n', '\r']), offset, compiled)?;
        offset += line.len();
    }
    scan.table.is_none().then_some(scan.sizes)
}

struct Scan<'t> {
    file: FileId,
    sizes: Sizes,
    table: Option<Open<'t>>,
    /// Tables that have been seen.
    tables: Vec<&'t str>,
}

struct Open<'t> {
    name: &'t str,
    is_compiled: bool,
    /// Indices of chains, and of whatever else rules jump to, by name; looked up only.
    index: HashMap<&'t str, u32>,
    /// The chain of the last rule.
    last: (&'t str, u32),
}

impl<'t> Scan<'t> {
    fn line(&mut self, line: &'t str, offset: usize, compiled: &[String]) -> Option<()> {
        if line.is_empty() || line.starts_with('#') {
            return Some(());
        }
        let Some(table) = &mut self.table else {
            let name = line.strip_prefix('*')?;
            // A second part flushes the first.
            if base_chains(name).is_empty() || self.tables.contains(&name) {
                return None;
            }
            self.tables.push(name);
            let is_compiled = compiled.iter().any(|table| table == name);
            self.table = Some(Open { name, is_compiled, index: HashMap::new(), last: ("", 0) });
            return Some(());
        };
        if line == "COMMIT" {
            self.table = None;
            return Some(());
        }
        if !table.is_compiled {
            return Some(());
        }
        match line.strip_prefix(':') {
            Some(rest) => {
                chain(table, &mut self.sizes, rest.split([' ', '\t']).next()?);
            }
            None => {
                let mut rule = rule(table, &mut self.sizes, line)?;
                rule.span = Some(Span::new(self.file, offset, offset + line.len()));
                self.sizes.rules.push(rule);
            }
        }
        Some(())
    }
}

/// The index of a chain.
fn chain<'t>(table: &mut Open<'t>, sizes: &mut Sizes, name: &'t str) -> u32 {
    if table.last.0 == name && !name.is_empty() {
        return table.last.1;
    }
    *table.index.entry(name).or_insert_with(|| {
        let index = sizes.chains as u32;
        sizes.chains += 1;
        sizes.base.extend(base_hook(table.name, name).map(|hook| (hook, index)));
        index
    })
}

fn rule<'t>(table: &mut Open<'t>, sizes: &mut Sizes, line: &'t str) -> Option<RuleSize> {
    let body = match line.starts_with('[') {
        true => line.split_once(']')?.1,
        false => line,
    };
    let mut words = Words(body);
    if !matches!(words.next()?, "-A" | "--append") {
        return None;
    }
    let name = words.next()?;
    let of = chain(table, sizes, name);
    table.last = (name, of);
    let mut rule = RuleSize {
        chain: of,
        callee: None,
        instructions: 0,
        input: Asks::Nothing,
        output: Asks::Nothing,
        is_conditional: false,
        then: Then::Next,
        span: None,
    };
    let (mut inverted, mut of_tcp) = (false, false);
    let mut parts = Parts::default();
    while let Some(word) = words.next() {
        if word == "!" {
            inverted = true;
            continue;
        }
        let asked = if inverted { Asks::Other } else { Asks::Name };
        match word {
            "-s" | "-d" | "--source" | "--src" | "--destination" | "--dst" => {
                if !words.next()?.split(',').any(is_any) {
                    parts.compared += 1;
                }
                rule.is_conditional = true;
            }
            "-p" | "--protocol" | "--proto" => {
                let protocol = words.next()?;
                of_tcp = matches!(protocol, "tcp" | "6") && !inverted;
                if !matches!(protocol, "all" | "0") {
                    (rule.is_conditional, parts.compared) = (true, parts.compared + 1);
                }
            }
            "-j" | "--jump" | "-g" | "--goto" => {
                let target = words.next()?;
                match target {
                    "ACCEPT" | "DROP" => {
                        (rule.then, parts.decides) = (Then::Elsewhere, true);
                    }
                    "RETURN" => rule.then = Then::Return,
                    "REJECT" | "QUEUE" | "NFQUEUE" => rule.then = Then::Elsewhere,
                    _ => {
                        let last = std::mem::take(&mut table.last);
                        rule.callee = Some(chain(table, sizes, target));
                        table.last = last;
                        if matches!(word, "-g" | "--goto") {
                            rule.then = Then::Elsewhere;
                        }
                    }
                }
            }
            "-m" | "--match" => {
                let name = words.next()?;
                if name != "comment" {
                    rule.is_conditional = true;
                }
                parts.is_tcp |= name == "tcp";
            }
            "--comment" => {
                words.next()?;
            }
            "-c" | "--set-counters" => {}
            "--dport" | "--sport" | "--dports" | "--sports" | "--ports" => {
                // Asking for one port loads the match.
                parts.is_tcp |= of_tcp && matches!(word, "--dport" | "--sport");
                rule.is_conditional = true;
                let compared = parts.ports.get_or_insert(0);
                *compared = (*compared).max(listed(words.next()?));
            }
            "-i" | "--in-interface" => {
                let name = words.next()?;
                if name != "+" {
                    (rule.input, parts.compared) = (asked, parts.compared + 1);
                }
            }
            "-o" | "--out-interface" => {
                let name = words.next()?;
                if name != "+" {
                    (rule.output, parts.compared) = (asked, parts.compared + 1);
                }
            }
            // Glued values and shortened options.
            _ if ["-i", "-o", "-j", "-g", "--in-", "--out", "--ju", "--go"]
                .iter()
                .any(|start| word.starts_with(start)) =>
            {
                return None;
            }
            _ if word.starts_with('-') => rule.is_conditional = true,
            _ => {}
        }
        inverted = false;
    }
    rule.instructions = parts.instructions();
    Some(rule)
}

/// How many ports a list compares with at the least; ranges may make the comparison of others
/// needless.
pub(super) fn listed(ports: &str) -> u32 {
    if ports.contains(':') {
        return 0;
    }
    let ports: Vec<&str> = ports.split(',').collect();
    let repeated = |&at: &usize| ports[..at].contains(&ports[at]);
    (0..ports.len()).filter(|at| !repeated(at)).count() as u32
}

/// Whether an address may be any.
fn is_any(address: &str) -> bool {
    address.starts_with(['0', ':']) || address.ends_with("/0") || address.ends_with("/0.0.0.0")
}

/// Where the quotes close that open at a byte.
fn closing(line: &str, open: usize) -> Option<usize> {
    let bytes = line.as_bytes();
    let mut at = open + 1;
    while *bytes.get(at)? != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    Some(at)
}

/// The words of a line, quotes and escapes as they stand.
struct Words<'t>(&'t str);

impl<'t> Iterator for Words<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let rest = self.0.trim_start_matches([' ', '\t']);
        let bytes = rest.as_bytes();
        let end = bytes.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'"'));
        let end = end.unwrap_or(bytes.len());
        let end = match bytes.get(end) {
            Some(b'"') => closing(rest, end)? + 1,
            _ => end,
        };
        self.0 = &rest[end..];
        (end > 0).then_some(&rest[..end])
    }
}
