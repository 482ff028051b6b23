//! Rules are printed and listed as iptables itself does.
//!
//! The oracle is iptables-legacy in a network namespace of its own. Without root or iptables the
//! tests say so and pass; with `BPFC_REQUIRE_ALL=1` that is a failure.

use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_ir::Family;
use bpfc_xtables::{print, read_text};
use std::io::{self, Write};
use std::process::{Command, Output, Stdio};

#[path = "support/lost.rs"]
mod lost;

use lost::without_lost;

/// The rules of a table that the files of cases hold.
fn text(family: Family, table: &str) -> String {
    let chains: &[&str] = match table {
        "mangle" => &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
        "raw" => &["PREROUTING", "OUTPUT"],
        _ => &["INPUT", "FORWARD", "OUTPUT"],
    };
    let mut text = format!("*{table}\n");
    for chain in chains {
        text += &format!(":{chain} ACCEPT [0:0]\n");
    }
    text += ":U - [0:0]\n:V - [0:0]\n";
    let cases = bpfc_cases::all();
    let rules = cases.iter().flat_map(|cases| &cases.rules);
    for rule in rules.filter(|rule| rule.table == table && rule.rule.is_of(family)) {
        text += &format!("{}\n", rule.text(family));
    }
    text + "COMMIT\n"
}

/// Runs a script in a network namespace of its own, with a text on its standard input.
fn run(script: &str, text: &str) -> io::Result<Output> {
    let mut child = Command::new("unshare")
        .args(["--net", "sh", "-ec", script])
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(text.as_bytes())?;
    }
    child.wait_with_output()
}

/// What iptables-legacy saves and lists after reading a text; `None` where it cannot run here.
fn oracle(family: Family, name: &str, text: &str) -> Option<(String, String)> {
    let tool = if family == Family::Ipv4 { "iptables-legacy" } else { "ip6tables-legacy" };
    // The set that rules name.
    let sets = if family == Family::Ipv4 { "inet" } else { "inet6" };
    let script = format!(
        "ipset create banned hash:ip family {sets} && {tool}-restore && {tool}-save -t {name} && \
         echo === && {tool} -t {name} -nvL"
    );
    let reason = match run(&script, text) {
        Ok(output) if output.status.success() => {
            let all = String::from_utf8_lossy(&output.stdout).into_owned();
            let (saved, listed) = all.split_once("===\n").expect("both outputs");
            return Some((saved.to_owned(), listed.to_owned()));
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    let lacking = ["Operation not permitted", "not found", "No such file"];
    assert!(lacking.iter().any(|lack| reason.contains(lack)), "{reason}");
    let required = std::env::var_os("BPFC_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!required, "skipping is not allowed (BPFC_REQUIRE_ALL): {reason}");
    eprintln!("skipped: {reason}");
    None
}

/// The words of a line of a listing behind its counters.
fn listed(line: &str) -> Vec<&str> {
    // The match bpf ends in a NUL there.
    line.trim_end_matches('\0').split_whitespace().skip(2).collect()
}

#[test]
fn no_inversion_is_lost() {
    let text = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT ! -i + -j DROP\n\
                -A INPUT -p tcp -m tcp ! --dport : -j DROP\n\
                -A INPUT -p udp -m udp ! --sport 0:65535 --dport 0:65535 -j DROP\n\
                -A INPUT -p esp -m esp ! --espspi 0:4294967295 -j DROP\nCOMMIT\n";
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let (ruleset, _) =
        read_text("rules", text.as_bytes(), Family::Ipv4, &mut sources, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    let printed = print::ruleset(&ruleset, false).text;
    for rule in [
        "-A INPUT ! -i + -j DROP",
        "-A INPUT -p tcp -m tcp ! --dport 0:65535 -j DROP",
        "-A INPUT -p udp -m udp ! --sport 0:65535 -j DROP",
        "-A INPUT -p esp -m esp ! --espspi 0:4294967295 -j DROP",
    ] {
        assert!(printed.lines().any(|line| line == rule), "{rule} in {printed}");
    }
}

fn check(family: Family, name: &str, text: &str) {
    let Some((saved, listing)) = oracle(family, name, text) else { return };
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let (ruleset, _) = read_text("rules", text.as_bytes(), family, &mut sources, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");

    let ours = print::ruleset(&ruleset, false).text;
    let theirs = saved.lines().filter(|line| !line.starts_with('#'));
    for (ours, theirs) in ours.lines().zip(theirs) {
        assert_eq!(without_lost(ours), theirs);
    }

    let rows = listing.lines().filter(|line| {
        !line.is_empty() && !line.starts_with("Chain") && !line.trim_start().starts_with("pkts")
    });
    let table = ruleset.table(name).expect("the table");
    let mut rows = rows.map(listed);
    for rule in table.chains.iter().flat_map(|chain| &chain.rules) {
        let columns = print::columns(family, rule).join(" ");
        let mut ours = vec![print::target_word(table, &rule.target)];
        ours.extend(columns.split_whitespace());
        ours.retain(|word| !word.is_empty());
        assert_eq!(Some(ours), rows.next());
    }
    assert_eq!(rows.next(), None);
}

fn check_all(family: Family) {
    for table in ["raw", "mangle", "filter"] {
        check(family, table, &text(family, table));
    }
}

#[test]
fn ipv4_rules_are_printed_as_iptables_prints_them() {
    check_all(Family::Ipv4);
}

#[test]
fn ipv6_rules_are_printed_as_ip6tables_prints_them() {
    check_all(Family::Ipv6);
}

/// What a file of cases says is refused iptables refuses, too, or the file says why not.
#[test]
fn iptables_refuses_what_is_refused() {
    let mut wrong = Vec::new();
    for family in [Family::Ipv4, Family::Ipv6] {
        let head = "*filter\n:INPUT ACCEPT [0:0]\n:U - [0:0]\n";
        if oracle(family, "filter", &format!("{head}COMMIT\n")).is_none() {
            return;
        }
        for cases in bpfc_cases::all() {
            for case in cases.refused.iter().filter(|case| case.rule.is_of(family)) {
                let rule = &case.rule.text;
                let text = format!("{head}{rule}\nCOMMIT\n");
                let script = format!("{}-legacy-restore", family.tool());
                let takes = run(&script, &text).expect("a script").status.success();
                if takes != case.taken.is_some() {
                    wrong.push(format!("{} {family}, taken: {takes}: {rule}", cases.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
