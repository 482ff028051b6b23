//! `bpfc set`: ipset's words on the command line and in files, and what is said where they fail.

use crate::run::{alone, file, folder};

const RULES: &str = "\
*filter
:INPUT ACCEPT [0:0]
-A INPUT -m set --match-set banned src -j DROP
COMMIT
";

const SETS: &str = "create banned hash:ip family inet hashsize 1024 maxelem 64\n";

/// Runs a script with a filter `web` that has the set `banned`; `$F` is a folder.
fn with_set(script: &str) -> Option<crate::run::Ran> {
    let folder = folder();
    let rules = file(&folder, "web.rules", RULES);
    let sets = file(&folder, "web.set", SETS);
    let script = format!(
        "$BPFC load {rules} {sets} --target netfilter --name web\n{script}\n$BPFC unload web"
    );
    let path = folder.path().to_str().expect("a path in UTF-8");
    alone(&script, &[("F", path)])
}

#[test]
fn what_is_there_already_is_taken_where_that_is_said_anywhere() {
    let Some(ran) = with_set(
        "\
$BPFC set add web banned 10.0.0.1
! $BPFC set add web banned 10.0.0.1
$BPFC set add web banned 10.0.0.1 -exist
$BPFC set add web banned 10.0.0.1 --exist
$BPFC set add web banned -! 10.0.0.1
$BPFC set -! add web banned 10.0.0.1
$BPFC set -exist add web banned 10.0.0.1
$BPFC set --exist add web banned 10.0.0.1
$BPFC set del web banned 10.0.0.2 -exist
! $BPFC set del web banned 10.0.0.2
printf 'add banned 10.0.0.1\\nadd banned 10.0.0.3\\n' | $BPFC set restore web -exist
printf 'add banned 10.0.0.1 -exist\\n-! add banned 10.0.0.3\\n' | $BPFC set restore web
$BPFC set save web banned
",
    ) else {
        return;
    };
    let ran = ran.ok();
    assert!(ran.out.contains("add banned 10.0.0.1\nadd banned 10.0.0.3\n"), "{}", ran.out);
    assert_eq!(ran.err.matches("error: ").count(), 2, "{}", ran.err);
}

#[test]
fn options_and_names_are_read_as_ipset_reads_them() {
    let Some(ran) = with_set(
        "\
$BPFC set add web banned -s 10.0.0.1 -o save
$BPFC set test web banned 10.0.0.1 -q
! $BPFC set test web banned -q 10.0.0.2
! $BPFC set add web banned 10.0.0.2 -x
! $BPFC set add web -x 10.0.0.2
! $BPFC set del web banned 10.0.0.1 timeout 5
$BPFC set del web banned 10.0.0.0/8 -!
printf -- '-! -A banned 10.0.0.3\\nadd banned 10.0.0.4\\na banned \"10.0.0.3\"\\n' \
  | $BPFC set restore web
$BPFC set save web banned
",
    ) else {
        return;
    };
    let ran = ran.ok();
    assert!(ran.out.contains("64\nadd banned 10.0.0.3\nadd banned 10.0.0.4\n"), "{}", ran.out);
    assert!(!ran.out.contains("is in set"), "{}", ran.out);
    for reason in [
        "an element of hash:ip has no '-x'",
        "The set with the given name does not exist",
        "del takes no 'timeout'",
    ] {
        assert!(ran.err.contains(reason), "{}", ran.err);
    }
}

#[test]
fn a_restore_that_stops_names_its_line_and_how_far_it_came() {
    let lines = |text: &str| text.replace('\n', "\\n");
    let run = |text: &str| {
        let script = format!(
            "printf '{}' > $F/lines\n! $BPFC set restore web $F/lines\n$BPFC set save web banned",
            lines(text)
        );
        with_set(&script).map(crate::run::Ran::ok)
    };
    // What is wrong by itself changes nothing.
    for (text, reason) in [
        (
            "add banned 10.0.0.1\nadd banned 10.0.0.400\n",
            "lines:2: add banned 10.0.0.400: set banned: '10.0.0.400' is no IPv4 address; no line was carried out",
        ),
        (
            "add banned 10.0.0.1\n# words\nadd other 10.0.0.1\n",
            "lines:3: add other 10.0.0.1: The set with the given name does not exist; no line was carried out",
        ),
        (
            "add banned 10.0.0.1\nadd banned\n",
            "lines:2: add banned: the element is missing; no line was carried out",
        ),
        (
            "add banned 10.0.0.1\nadd\n",
            "lines:2: add: the set and the element are missing; no line was carried out",
        ),
        (
            "add banned 10.0.0.1\nswap banned other\n",
            "lines:2: swap banned other: 'swap' is neither add, del nor flush; no line was carried out",
        ),
        (
            "add banned 10.0.0.1\nadd banned 10.0.0.2 comment \"\n",
            "lines:2: add banned 10.0.0.2 comment \": a quotation mark is not closed; no line was carried out",
        ),
    ] {
        let Some(ran) = run(text) else { return };
        assert!(ran.err.contains(reason), "{}", ran.err);
        assert!(!ran.out.contains("add banned"), "{}", ran.out);
    }
    // What only the set knows stops there.
    let there = "Element cannot be added to the set: it's already added";
    let gone = "Element cannot be deleted from the set: it's not added";
    for (text, reason, left) in [
        (
            "add banned 10.0.0.1\n\nadd banned 10.0.0.2\nadd banned 10.0.0.1\nadd banned 10.0.0.9\n",
            format!(
                "lines:4: add banned 10.0.0.1: set banned: {there}; the 2 lines before it were carried out"
            ),
            vec!["10.0.0.1", "10.0.0.2"],
        ),
        (
            "add banned 10.0.0.3\nadd banned 10.0.0.1-10.0.0.4\n",
            format!(
                "lines:2: add banned 10.0.0.1-10.0.0.4: set banned: {there}; the line before it was carried out, of this one 2 elements"
            ),
            vec!["10.0.0.1", "10.0.0.2", "10.0.0.3"],
        ),
        (
            "del banned 10.0.0.1\nadd banned 10.0.0.2\n",
            format!(
                "lines:1: del banned 10.0.0.1: set banned: {gone}; no line before it was carried out"
            ),
            vec![],
        ),
        (
            "add banned 10.0.0.1\nflush banned\ndel banned 10.0.0.1\n",
            format!(
                "lines:3: del banned 10.0.0.1: set banned: {gone}; the 2 lines before it were carried out"
            ),
            vec![],
        ),
    ] {
        let Some(ran) = run(text) else { return };
        assert!(ran.err.contains(&reason), "{}\n{reason}", ran.err);
        let expected: String = left.iter().map(|ip| format!("add banned {ip}\n")).collect();
        let found: Vec<&str> = ran.out.lines().filter(|line| line.starts_with("add ")).collect();
        assert_eq!(found.join("\n"), expected.trim_end());
    }
}
