//! Reads nft's own tests of rules (its folder tests/py, which is not part of this project) and
//! judges them: what nft accepts must become the expressions that its `.t.payload` files list, what
//! it refuses must be refused. The JSON of a rule (`.t.json`, and `.t.json.output` where nft prints
//! other JSON than it was given) must become what its text becomes.

use crate::support::{read_all, read_document};
use bpfc_diag::Code;
use bpfc_nftables::model::{Family, elements_text, expression_text};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// How one ruleset did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As nft has it.
    Same,
    /// Accepted, with other expressions: wanted and found.
    Other(Vec<String>, Vec<String>),
    /// Refused though nft accepts it.
    Refused(String),
    /// Accepted though nft refuses it.
    Accepted,
    /// Refused since it is not filtering, and nft accepts it.
    Outside,
    /// Nothing says what it should be.
    Unknown,
}

/// One ruleset of the suite.
pub struct Unit {
    pub file: String,
    pub line: usize,
    pub family: String,
    pub rule: String,
    pub is_ok: bool,
    pub outcome: Outcome,
    /// How each JSON form of the rule differs from its text, and whether it is the one that nft
    /// lists.
    pub json: Vec<(bool, Option<String>)>,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} {}: {}", self.file, self.line, self.family, self.rule)
    }
}

#[derive(Clone)]
struct Set {
    name: String,
    head: String,
    timeout: Option<String>,
    flags: Option<String>,
    elements: Vec<String>,
}

impl Set {
    fn new(text: &str) -> Set {
        let (name, mut rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let (mut timeout, mut flags) = (None, None);
        if let Some((before, after)) = rest.split_once(" flags ") {
            (rest, flags) = (before, Some(after.trim().to_owned()));
        }
        if let Some((before, after)) = rest.split_once(" timeout ") {
            (rest, timeout) = (before, Some(after.trim().to_owned()));
        }
        let head = rest.trim().to_owned();
        Set { name: name.to_owned(), head, timeout, flags, elements: Vec::new() }
    }

    fn block(&self, more: &[String]) -> String {
        let kind = if self.head.contains(" : ") { "map" } else { "set" };
        let mut text = format!("\t{kind} {} {{\n\t\t{}\n", self.name, self.head);
        if let Some(timeout) = &self.timeout {
            text += &format!("\t\ttimeout {timeout}\n");
        }
        if let Some(flags) = &self.flags {
            text += &format!("\t\tflags {flags}\n");
        }
        let elements: Vec<&str> = self.elements.iter().chain(more).map(String::as_str).collect();
        if !elements.is_empty() {
            text += &format!("\t\telements = {{ {} }}\n", elements.join(", "));
        }
        text + "\t}\n"
    }
}

struct Object {
    name: String,
    text: String,
}

impl Object {
    fn new(text: &str) -> Object {
        let mut words = text.splitn(3, char::is_whitespace);
        let name = words.next().unwrap_or_default().to_owned();
        words.next();
        let rest = words.next().unwrap_or_default().trim();
        let two = ["ct helper", "ct timeout", "ct expectation"];
        let kind = match two.iter().find(|kind| rest.starts_with(**kind)) {
            Some(kind) => *kind,
            None => rest.split_whitespace().next().unwrap_or_default(),
        };
        let spec = rest[kind.len()..].trim();
        let spec = spec.strip_prefix('{').and_then(|s| s.strip_suffix('}')).unwrap_or(spec).trim();
        let mut text = format!("\t{kind} {name} {{\n");
        for part in [spec].iter().filter(|part| !part.is_empty()) {
            text += &format!("\t\t{part}\n");
        }
        Object { name, text: text + "\t}\n" }
    }
}

struct Table {
    family: String,
    name: String,
    chains: Vec<String>,
}

/// Judges every line of the files below a folder whose path holds `only`.
pub fn judge(root: &Path, only: &str) -> Vec<Unit> {
    let mut units = Vec::new();
    for folder in ["any", "arp", "bridge", "inet", "ip", "ip6", "netdev"] {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else { continue };
        let mut names: Vec<String> = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name.ends_with(".t"))
            .collect();
        names.sort();
        for name in names {
            let file = format!("{folder}/{name}");
            if file.contains(only) {
                judge_file(root, &file, &mut units);
            }
        }
    }
    units
}

fn judge_file(root: &Path, file: &str, units: &mut Vec<Unit>) {
    let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
    let mut chains = BTreeMap::<String, String>::new();
    let (mut tables, mut sets, mut objects) = (Vec::<Table>::new(), Vec::<Set>::new(), Vec::new());
    let mut payloads = Payloads::new(root, file);
    let forms = [".json", ".json.output"].map(|end| forms_of(&root.join(format!("{file}{end}"))));
    for (number, line) in text.lines().enumerate() {
        let Some(mark) = line.chars().next().filter(|mark| *mark != '#') else { continue };
        let rest = &line[mark.len_utf8()..];
        let mut add = |rule: &str, is_ok: bool, body: &str, is_rule: bool| {
            for table in &tables {
                let count = if is_rule { table.chains.len() } else { 1 };
                for chain in table.chains.iter().take(count) {
                    let Some(spec) = chains.get(chain) else { continue };
                    let rule_line = if is_rule { format!("\t\t{rule}\n") } else { String::new() };
                    let text = format!(
                        "table {} {} {{\n{body}\tchain {chain} {{\n\t\t{spec}; policy accept;\n{rule_line}\t}}\n}}\n",
                        table.family, table.name
                    );
                    let wanted = match is_rule && is_ok {
                        true => payloads.find(&table.family, rule),
                        false => None,
                    };
                    units.push(Unit {
                        file: file.to_owned(),
                        line: number + 1,
                        family: table.family.clone(),
                        rule: rule.to_owned(),
                        is_ok,
                        outcome: judge_text(&text, table, chain, is_ok, is_rule, wanted.as_deref()),
                        // Sets that rules name are not there in JSON.
                        json: match is_rule && is_ok && body.is_empty() {
                            true => forms
                                .iter()
                                .zip([false, true])
                                .filter_map(|(forms, is_listed)| {
                                    Some((forms.get(rule)?, is_listed))
                                })
                                .map(|(form, is_listed)| {
                                    (is_listed, judge_json(&text, rule, table, chain, spec, form))
                                })
                                .collect(),
                            false => Vec::new(),
                        },
                    });
                }
            }
        };
        match mark {
            ':' => {
                if let Some((name, spec)) = rest.trim().split_once(';') {
                    chains.insert(name.to_owned(), spec.to_owned());
                }
            }
            '*' => {
                let parts: Vec<&str> = rest.trim().split(';').collect();
                if let [family, name, names] = parts[..] {
                    let chains = names.split(',').map(str::to_owned).collect();
                    tables.push(Table { family: family.into(), name: name.into(), chains });
                }
            }
            '-' => {}
            '!' => {
                let Some((text, expected)) = rest.trim().split_once(';') else { continue };
                let set = Set::new(text);
                add(text, expected == "ok", &set.block(&[]), false);
                if expected == "ok" {
                    sets.push(set);
                }
            }
            '?' => {
                let Some((text, expected)) = rest.trim().split_once(';') else { continue };
                let (name, elements) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
                let elements: Vec<String> =
                    elements.split(',').map(|element| element.trim().to_owned()).collect();
                if let Some(set) = sets.iter_mut().find(|set| set.name == name) {
                    add(text, expected == "ok", &set.block(&elements), false);
                    if expected == "ok" {
                        set.elements.extend(elements);
                    }
                }
            }
            '%' => {
                let (text, expected) = match rest.rfind('}') {
                    Some(brace) => (&rest[..brace + 1], rest[brace + 1..].trim_start_matches(';')),
                    None => rest.split_once(';').unwrap_or((rest, "")),
                };
                let object = Object::new(text);
                add(text, expected.trim() == "ok", &object.text, false);
                if expected.trim() == "ok" {
                    objects.push(object);
                }
            }
            _ => {
                let parts: Vec<&str> = line.split(';').collect();
                if !(2..=3).contains(&parts.len()) || !["ok", "fail"].contains(&parts[1].trim_end())
                {
                    continue;
                }
                let rule = parts[0].trim();
                let names = |name: &str| {
                    rule.match_indices(&format!("@{name}")).any(|(at, found)| {
                        let next = rule[at + found.len()..].chars().next();
                        !next.is_some_and(|c| c.is_alphanumeric() || c == '_')
                    })
                };
                let mut body = String::new();
                for set in sets.iter().filter(|set| names(&set.name)) {
                    body += &set.block(&[]);
                }
                for object in &objects {
                    if rule.contains(&format!("\"{}\"", object.name)) {
                        body += &object.text;
                    }
                }
                add(rule, parts[1].trim_end() == "ok", &body, true);
            }
        }
    }
}

fn judge_text(
    text: &str,
    table: &Table,
    chain: &str,
    is_ok: bool,
    is_rule: bool,
    wanted: Option<&[String]>,
) -> Outcome {
    let (ruleset, _, diagnostics) = read_all(text);
    let errors: Vec<&str> = diagnostics.iter().map(|d| d.message.as_str()).collect();
    let ruleset = match ruleset {
        Some(ruleset) => ruleset,
        None if !is_ok => return Outcome::Same,
        None if diagnostics.iter().any(|d| d.code == Code::NFT_OUTSIDE) => {
            return Outcome::Outside;
        }
        None => return Outcome::Refused(errors.join("; ")),
    };
    if !is_ok {
        return Outcome::Accepted;
    }
    if !is_rule {
        return Outcome::Same;
    }
    let Some(wanted) = wanted else { return Outcome::Unknown };
    let found = Family::by_name(&table.family)
        .and_then(|family| ruleset.table(family, &table.name))
        .map(|table| {
            let mut lines = Vec::new();
            for set in &table.anonymous {
                let mut elements: Vec<String> =
                    elements_text(set).iter().map(|element| squeeze(element)).collect();
                elements.sort();
                lines.push(elements.join(" | "));
            }
            lines.sort();
            let rules = table.chain(chain).map_or(&[][..], |chain| &chain.rules);
            for expression in rules.iter().flat_map(|rule| &rule.expressions) {
                lines.push(squeeze(&expression_text(expression, table)));
            }
            lines
        })
        .unwrap_or_default();
    match found == wanted {
        true => Outcome::Same,
        false => Outcome::Other(wanted.to_vec(), found),
    }
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The blocks of expressions of a file, by rule.
struct Payloads {
    base: std::path::PathBuf,
    files: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl Payloads {
    fn new(root: &Path, file: &str) -> Payloads {
        Payloads { base: root.join(format!("{file}.payload")), files: BTreeMap::new() }
    }

    fn find(&mut self, family: &str, rule: &str) -> Option<Vec<String>> {
        let of_family = format!("{}.{family}", self.base.display());
        let common = self.base.display().to_string();
        [of_family, common].iter().find_map(|path| {
            let blocks =
                self.files.entry(path.clone()).or_insert_with(|| blocks_of(Path::new(path)));
            blocks.get(rule).cloned()
        })
    }
}

fn blocks_of(path: &Path) -> BTreeMap<String, Vec<String>> {
    let mut blocks: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut current: Option<(String, Vec<String>, Vec<String>)> = None;
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut close = |current: &mut Option<(String, Vec<String>, Vec<String>)>| {
        if let Some((rule, mut sets, expressions)) = current.take() {
            sets.sort();
            sets.extend(expressions);
            blocks.entry(rule).or_insert(sets);
        }
    };
    for line in text.lines() {
        if let Some(rule) = line.strip_prefix("# ") {
            close(&mut current);
            current = Some((rule.trim().to_owned(), Vec::new(), Vec::new()));
        } else if line.trim().is_empty() {
            close(&mut current);
        } else if let Some((_, sets, expressions)) = &mut current {
            let line = line.trim();
            if let Some(inner) = line.strip_prefix("[ ").and_then(|l| l.strip_suffix(']')) {
                expressions.push(squeeze(inner));
            } else if let Some(elements) = line.strip_prefix("element") {
                let mut elements: Vec<String> =
                    format!(" {elements}").split("element").map(squeeze).collect();
                elements.sort();
                sets.push(elements.join(" | "));
            }
        }
    }
    close(&mut current);
    blocks
}

/// The statements of each rule as JSON, by rule.
fn forms_of(path: &Path) -> BTreeMap<String, String> {
    let mut forms: BTreeMap<String, String> = BTreeMap::new();
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut rule = "";
    for line in text.lines() {
        match line.strip_prefix("# ") {
            Some(next) => rule = next.trim(),
            None if rule.is_empty() => {}
            None => *forms.entry(rule.to_owned()).or_default() += line,
        }
    }
    forms.retain(|_, form| !form.trim().is_empty());
    forms
}

/// How the model of a rule's JSON, or of the text that is shown for it, differs from that of its
/// text.
///
/// The elements of sets may stand in another order.
fn judge_json(
    text: &str,
    rule: &str,
    table: &Table,
    chain: &str,
    spec: &str,
    form: &str,
) -> Option<String> {
    let words: Vec<&str> = spec.split_whitespace().collect();
    let after = |word: &str| {
        let at = words.iter().position(|known| *known == word);
        at.and_then(|at| words.get(at + 1)).copied().unwrap_or_default()
    };
    let place = format!("\"family\": \"{}\", \"table\": \"{}\"", table.family, table.name);
    let device = match after("device") {
        "" => String::new(),
        device => format!(", \"dev\": \"{device}\""),
    };
    let document = format!(
        "{{\"nftables\": [{{\"metainfo\": {{\"json_schema_version\": 1}}}},
        {{\"add\": {{\"table\": {{\"family\": \"{}\", \"name\": \"{}\"}}}}}},
        {{\"add\": {{\"chain\": {{{place}, \"name\": \"{chain}\", \"type\": \"{}\", \"hook\": \"{}\",
            \"prio\": {}, \"policy\": \"accept\"{device}}}}}}},
        {{\"add\": {{\"rule\": {{{place}, \"chain\": \"{chain}\", \"expr\": {form}}}}}}}]}}",
        table.family,
        table.name,
        after("type"),
        after("hook"),
        after("priority"),
    );
    let (of_text, _, said_of_text) = read_all(text);
    let (of_json, _, said_of_json) = read_document(&document);
    let shown = of_json.as_ref().map(|ruleset| {
        let chains = ruleset.tables.iter().flat_map(|table| &table.chains);
        let mut rules = chains.flat_map(|chain| &chain.rules);
        rules.next().and_then(|rule| rule.text.clone()).unwrap_or_default()
    });
    let answer = |ruleset: Option<bpfc_nftables::model::Ruleset>, said: &bpfc_diag::Diagnostics| {
        ruleset.map_or_else(
            || said.iter().map(|d| d.message.as_str()).collect::<Vec<_>>().join("; "),
            |ruleset| ruleset.to_string(),
        )
    };
    let is_warned = said_of_json.iter().any(|d| d.message.contains("nft passes over"));
    let wanted = answer(of_text, &said_of_text);
    let found = answer(of_json, &said_of_json);
    let sorted = |text: &str| {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines.join("\n")
    };
    if sorted(&found) != sorted(&wanted) || is_warned {
        return Some(format!("text:\n{wanted}\nJSON:\n{found}\n{form}"));
    }
    let shown = shown?;
    let (read, _, said) =
        read_all(&text.replace(&format!("\t\t{rule}\n"), &format!("\t\t{shown}\n")));
    let again = answer(read, &said);
    (sorted(&again) != sorted(&found)).then(|| format!("shown as: {shown}\n{again}\nis:\n{found}"))
}
