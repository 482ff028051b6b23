//! Differences between two snapshots, for reviewers: a hunk says which rule it belongs to.

use similar::{ChangeTag, TextDiff};
use std::fmt::Write;

/// Lines of context around a change.
const CONTEXT: usize = 2;

/// The difference of two texts, with one line in front for the file and one for each hunk.
pub fn diff(name: &str, old: &str, new: &str) -> String {
    let mut out = match (old.is_empty(), new.is_empty()) {
        (true, _) => format!("== {name} (new)\n"),
        (_, true) => format!("== {name} (gone)\n"),
        _ => format!("== {name}\n"),
    };
    let diff = TextDiff::from_lines(old, new);
    let lines: Vec<&str> = new.lines().collect();
    let old_lines: Vec<&str> = old.lines().collect();
    let mut last_rule = None;
    for group in diff.grouped_ops(CONTEXT) {
        let changes: Vec<_> = group.iter().flat_map(|op| diff.iter_changes(op)).collect();
        let first = changes.iter().find(|change| change.tag() != ChangeTag::Equal);
        let rule = first.and_then(|change| match (change.new_index(), change.old_index()) {
            (Some(index), _) => rule_at(&lines, index),
            (None, Some(index)) => rule_at(&old_lines, index),
            (None, None) => None,
        });
        let number = changes.iter().find_map(|c| c.new_index().or(c.old_index())).unwrap_or(0);
        let same = rule.is_some() && rule == last_rule;
        let _ = match rule {
            Some(rule) if !same => writeln!(out, "@@ line {} @@ {rule}", number + 1),
            _ => writeln!(out, "@@ line {} @@", number + 1),
        };
        last_rule = rule;
        for change in changes {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let _ = writeln!(out, "{sign}{}", change.value().trim_end_matches('\n'));
        }
    }
    out.push('\n');
    out
}

/// The rule that a line belongs to: the last one that is named at it or above, at most until the
/// function's first line.
fn rule_at<'a>(lines: &[&'a str], index: usize) -> Option<&'a str> {
    let above = lines.get(..=index.min(lines.len().checked_sub(1)?))?;
    above.iter().rev().take_while(|line| !line.is_empty()).find_map(|line| rule_in(line))
}

/// The rule's label and text in a line: `filter/INPUT:3: -A INPUT ...`. Of a label in quotes that
/// is all.
fn rule_in(line: &str) -> Option<&str> {
    let label_end = line.match_indices(':').find(|(at, _)| {
        let rest = &line[at + 1..];
        let number = rest.bytes().take_while(u8::is_ascii_digit).count();
        (number > 0 || rest.starts_with("policy"))
            && line[..*at].rsplit([' ', '"', ';']).next().is_some_and(|word| word.contains('/'))
    })?;
    let start = line[..label_end.0].rfind([' ', '"', ';']).map_or(0, |at| at + 1);
    let rest = line[start..].trim_end();
    match line[..start].ends_with('"') {
        true => rest.split('"').next(),
        false => Some(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_found_in_lines() {
        assert_eq!(
            rule_in("    ; filter/INPUT:3: -A INPUT -j ACCEPT"),
            Some("filter/INPUT:3: -A INPUT -j ACCEPT")
        );
        assert_eq!(rule_in("  ip6/filter/x:policy: DROP"), Some("ip6/filter/x:policy: DROP"));
        assert_eq!(
            rule_in("rule0 = \"filter/INPUT:1\" ip table \"filter\" chain \"INPUT\" number 1"),
            Some("filter/INPUT:1")
        );
        assert_eq!(rule_in("   12: (61) r1 = *(u32 *)(r7 +0)"), None);
        assert_eq!(rule_in(""), None);
    }

    #[test]
    fn hunks_name_their_rule() {
        let old = "f:\n ; filter/INPUT:1: -j A\n r1 = 1\n r2 = 2\n";
        let new = "f:\n ; filter/INPUT:1: -j A\n r1 = 9\n r2 = 2\n";
        assert_eq!(
            diff("xdp/a.asm", old, new),
            "== xdp/a.asm\n@@ line 1 @@ filter/INPUT:1: -j A\n f:\n  ; filter/INPUT:1: -j A\n\
             - r1 = 1\n+ r1 = 9\n  r2 = 2\n\n"
        );
        assert!(diff("x", "", "a\n").starts_with("== x (new)\n"));
        assert!(diff("x", "a\n", "").starts_with("== x (gone)\n"));
    }
}
