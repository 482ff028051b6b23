//! Reads a file of cases; errors say the line.

use crate::{Cases, Kind, Line, Refused, Rule, Sample, Test};
use bpfc_abi::Family;

/// What stands before a line's colon.
struct Head<'a> {
    word: &'a str,
    family: Option<Family>,
    rest: Vec<&'a str>,
}

fn head(text: &str) -> Head<'_> {
    let mut words = text.split_ascii_whitespace();
    let word = words.next().unwrap_or_default();
    let mut family = None;
    let mut rest = Vec::new();
    for word in words {
        match word {
            "ip" => family = Some(Family::Ipv4),
            "ip6" => family = Some(Family::Ipv6),
            word => rest.push(word),
        }
    }
    Head { word, family, rest }
}

/// Reads the file of an extension.
pub fn file(kind: Kind, name: &str, text: &str) -> Result<Cases, String> {
    let mut cases = Cases {
        kind,
        name: name.to_owned(),
        samples: Vec::new(),
        rules: Vec::new(),
        tests: Vec::new(),
        rewrites: Vec::new(),
        refused: Vec::new(),
    };
    let mut last = Last::None;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |what: &str| format!("{number}: {what}: {line}");
        let (front, text) = line.split_once(": ").ok_or_else(|| wrong("no colon"))?;
        let (head, text) = (head(front), text.to_owned());
        last = if line.starts_with(' ') {
            add_to(&mut cases, last, &head, text).ok_or_else(|| wrong("this belongs to no line"))?
        } else {
            add(&mut cases, &head, text).ok_or_else(|| wrong("no such line"))?
        };
    }
    Ok(cases)
}

/// What the lines that are indented belong to.
#[derive(Clone, Copy)]
enum Last {
    None,
    Rule,
    Test,
    Rewrite,
    Refused,
}

fn add(cases: &mut Cases, head: &Head<'_>, text: String) -> Option<Last> {
    let line = Line { family: head.family, text };
    let test = |words| Test { words, hits: Vec::new(), misses: Vec::new() };
    Some(match (head.word, &head.rest[..]) {
        ("coverage", []) if head.family == Some(Family::Ipv6) => {
            let sample = cases.samples.last_mut().filter(|sample| sample.words6.is_none())?;
            sample.words6 = Some(line.text);
            Last::None
        }
        ("coverage", ["form", form @ ..]) => {
            let (form, table) = (form.join(" "), "mangle".to_owned());
            cases.samples.push(Sample { form, words: line.text, words6: None, table });
            Last::None
        }
        ("coverage", table) if table.len() < 2 => {
            let table = table.first().copied().unwrap_or("mangle").to_owned();
            let form = String::new();
            cases.samples.push(Sample { form, words: line.text, words6: None, table });
            Last::None
        }
        ("rule", table) if table.len() < 2 => {
            let table = table.first().copied().unwrap_or("filter").to_owned();
            cases.rules.push(Rule { rule: line, table, saved: Vec::new(), listed: Vec::new() });
            Last::Rule
        }
        ("test", []) => {
            cases.tests.push(test(line));
            Last::Test
        }
        ("rewrite", []) => {
            cases.rewrites.push(test(line));
            Last::Rewrite
        }
        ("refused", [code]) => {
            let code = (*code).to_owned();
            cases.refused.push(Refused { rule: line, code, marked: None, taken: None });
            Last::Refused
        }
        _ => return None,
    })
}

fn add_to(cases: &mut Cases, last: Last, head: &Head<'_>, text: String) -> Option<Last> {
    if !head.rest.is_empty() {
        return None;
    }
    let line = Line { family: head.family, text };
    match (last, head.word) {
        (Last::Rule, "saved") => cases.rules.last_mut()?.saved.push(line),
        (Last::Rule, "listed") => cases.rules.last_mut()?.listed.push(line),
        (Last::Test, "hit") => cases.tests.last_mut()?.hits.push(line.text),
        (Last::Test, "miss") => cases.tests.last_mut()?.misses.push(line.text),
        (Last::Refused, "marked") => cases.refused.last_mut()?.marked = Some(line.text),
        (Last::Refused, "taken") => cases.refused.last_mut()?.taken = Some(line.text),
        _ => return None,
    }
    Some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_belong_to_those_above() {
        let text = "# x\ncoverage form --dir in: -m x --dir in\ncoverage filter: -m x\n\
                    coverage ip6: -m x6\n\nrule mangle ip: -A INPUT -m x: y\n  saved: -A INPUT\n\
                    \x20 listed ip6: a  b\ntest: -m x\n  hit: ip\n  miss: ip6\n\
                    refused BPFC0006: -m x\n  marked: x\n  taken: so it is\n";
        let cases = file(Kind::Match, "x", text).expect("cases");
        let [first, second] = &cases.samples[..] else { panic!("{:?}", cases.samples) };
        assert_eq!((first.form.as_str(), first.table.as_str()), ("--dir in", "mangle"));
        assert_eq!((second.words(Family::Ipv6), second.table.as_str()), ("-m x6", "filter"));
        assert_eq!(cases.rules[0].rule.text, "-A INPUT -m x: y");
        assert_eq!(cases.rules[0].saved(Family::Ipv6), ["-A INPUT"]);
        assert_eq!(cases.rules[0].listed(Family::Ipv4), [""; 0]);
        assert_eq!(cases.tests[0].hits, ["ip"]);
        let refused = &cases.refused[0];
        assert_eq!(refused.marked.as_deref(), Some("x"));
        assert_eq!(refused.taken.as_deref(), Some("so it is"));
    }

    #[test]
    fn errors_say_the_line() {
        for (text, number) in
            [("tset: x", 1), ("\nrule x", 2), ("  saved: x", 1), ("test: x\n  saved: x", 2)]
        {
            let error = file(Kind::Match, "x", text).expect_err("an error");
            assert!(error.starts_with(&format!("{number}: ")), "{error}");
        }
    }
}
