use super::*;
use crate::text::{self, Text};
use bpfc_diag::{Diagnostics, FileId};
use bpfc_ir::Family;

const FILE: FileId = FileId(0);

fn filter() -> Vec<String> {
    vec!["filter".to_owned()]
}

fn by_words(text: &str) -> Option<Sizes> {
    of_text(text, FILE, &filter())
}

fn by_model(text: &str) -> Sizes {
    let mut diagnostics = Diagnostics::new();
    let compiled = filter();
    let compiled = Some(compiled.as_slice());
    let family = Family::Ipv4;
    let text = Text { text, file: FILE, family, accounts: None, compiled };
    let ruleset = text::read(&text, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    of_tables(ruleset.tables.iter().filter(|table| table.name == "filter"))
}

/// How many rules of a hook count.
fn counted(text: &str, hook: Hook) -> usize {
    let numbers = [by_words(text).expect("summed up"), by_model(text)].map(|sizes| {
        let live = sizes.live(hook);
        let reached = sizes.reached(hook, &live);
        let rules = sizes.rules.iter().zip(&live);
        rules.filter(|(rule, live)| **live && reached[rule.chain as usize]).count()
    });
    assert_eq!(numbers[0], numbers[1]);
    numbers[0]
}

fn table(lines: &str) -> String {
    format!(
        "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP\n:OUTPUT ACCEPT\n:user - [0:0]\n:other -\n{lines}COMMIT\n"
    )
}

#[test]
fn words_say_what_the_model_says() {
    let text = table(
        "-A INPUT\n\
         [1:2] -A INPUT -s 10.0.0.1/32 -j ACCEPT\n\
         -A INPUT -i eth0 ! -d 10.0.0.0/8 -p udp -m udp --dport 53 -j DROP\n\
         -A INPUT ! -i lo -p tcp -m tcp --dport 22:80 -m comment --comment \"a \\\" -j b\" -j RETURN\n\
         -A FORWARD -o eth+ -p icmp -g user\n\
         -A FORWARD -m comment --comment alone -j DROP\n\
         -A FORWARD -i + -j user\n\
         -A OUTPUT -s 0.0.0.0/0 -p all -m state --state NEW -j user\n\
         -A user -m mark --mark 5 -j LOG --log-prefix \"x y\"\n\
         -A user -j REJECT\n",
    );
    let (words, model) = (by_words(&text).expect("summed up").rules, by_model(&text).rules);
    // Chains are numbered as they come; these come in the order in which they are declared.
    let shown = |rules: &[RuleSize]| -> Vec<String> {
        let shown = |r: &RuleSize| {
            let calls = r.callee.filter(|callee| *callee < 5);
            format!(
                "{} {calls:?} {} {:?} {:?} {} {:?} {:?}",
                r.chain,
                r.instructions,
                r.input,
                r.output,
                r.is_conditional,
                r.then,
                r.span.map(|span| span.end)
            )
        };
        rules.iter().map(shown).collect()
    };
    assert_eq!(words.len(), 10);
    assert_eq!(shown(&words), shown(&model));
    assert_eq!(words[1].instructions, 4 + 3 + 2 - 1 - 1);
    assert_eq!(words[2].instructions, 4 + 3 + 3 + 3 + (6 + 3) + 2 - 1);
}

#[test]
fn lists_of_ports_are_compared_one_by_one() {
    for (ports, expected) in [
        ("--dports 22", 6 + 3),
        ("--dports 22,80,443", 6 + 3 + 2 * 2),
        ("--sports 22,80,22,80", 6 + 3 + 2),
        ("--dports 22,80:90,85", 6),
        ("--dports 22,80 -m multiport --sports 1,2,3", 6 + 3 + 2 * 2),
    ] {
        let text = table(&format!("-A INPUT -p tcp -m multiport {ports}\n"));
        let instructions = by_words(&text).expect("summed up").rules[0].instructions;
        assert_eq!(instructions, 4 + 3 + expected - 1, "{ports}");
    }
}

#[test]
fn what_has_no_code_does_not_count() {
    let more = "-A INPUT -s 10.0.0.1/32 -j DROP\n-A user -s 10.0.0.2/32\n-A other -p tcp\n";
    for (lines, input, forward) in [
        // Chains that nothing calls.
        ("", 1, 0),
        ("-A INPUT -j user\n-A FORWARD -s 10.0.0.1/32 -g other\n", 3, 2),
        // What stands behind a verdict for all.
        ("-A INPUT -j user\n-A INPUT -m comment --comment off -j ACCEPT\n", 3, 0),
        ("-A INPUT -j user\n-A user -j RETURN\n", 3, 0),
        ("-A INPUT -j user\n-A user -j REJECT\n", 2, 0),
        ("-A INPUT -j user\n-A INPUT -j LOG\n", 4, 0),
        // Interfaces that a hook does not know.
        ("-A INPUT -j user\n-A FORWARD -j user\n-A user -o eth0 -j other\n", 3, 4),
        ("-A INPUT -j user\n-A FORWARD -j user\n-A user ! -o eth0 -j ACCEPT\n", 2, 3),
        ("-A INPUT -j user\n-A FORWARD -j user\n-A user -o + -j ACCEPT\n", 2, 2),
        ("-A FORWARD ! -i eth0 -j user\n", 1, 2),
    ] {
        let text = table(&format!("{lines}{more}"));
        assert_eq!(counted(&text, Hook::Input), input, "{lines}");
        assert_eq!(counted(&text, Hook::Forward), forward, "{lines}");
    }
}

#[test]
fn what_iptables_save_does_not_print_is_not_summed_up() {
    for line in [
        "-I INPUT -j DROP",
        "-D INPUT 1",
        "-F",
        "-A INPUT -ieth0",
        "-A INPUT --out-int eth0",
        "-A INPUT -m comment --comment \"open",
        "-A INPUT -s",
        "-A",
        "*filter",
        "INPUT",
    ] {
        assert!(by_words(&table(&format!("{line}\n"))).is_none(), "{line}");
    }
    for text in ["*filter\n", "*filter\nCOMMIT\n*filter\nCOMMIT\n", "x\n", "*none\nCOMMIT\n"] {
        assert!(by_words(text).is_none(), "{text}");
    }
    let others = "*nat\n:PREROUTING ACCEPT\n-I PREROUTING x\nCOMMIT\n";
    assert!(by_words(others).expect("summed up").rules.is_empty());
}

#[test]
fn the_error_stands_where_the_limit_is_passed() {
    let text = table("-A INPUT -s 10.0.0.1\n-A INPUT\n-A user\n-A INPUT -j user\n-A OUTPUT\n");
    let limit = |instructions| SizeLimit {
        instructions,
        said: "so many at most",
        targets: vec![vec![Hook::Input], vec![Hook::Forward, Hook::Output]],
    };
    for sizes in [by_words(&text).expect("summed up"), by_model(&text)] {
        assert!(sizes.too_large(&limit(14), None).is_empty());
        assert!(sizes.too_large(&limit(9), Some(&[Hook::Output])).is_empty());
        let found = sizes.too_large(&limit(13), None);
        let [(Hook::Input, error)] = &found[..] else { panic!("{found:?}") };
        assert!(
            error.message.contains("the 4 rules that packets of the input hook meet take at least 14 instructions: so many at most"),
            "{}",
            error.message
        );
        let at = error.span.expect("a place").start as usize;
        assert!(text[at..].starts_with("-A INPUT -j user") || text[at..].starts_with("-A user"));
        // Another target runs other hooks.
        assert!(limit(13).leaves_nothing(&found).is_none());
        let found = sizes.too_large(&limit(2), None);
        assert_eq!(found.len(), 2);
        assert!(limit(2).leaves_nothing(&found).is_some());
    }
}
