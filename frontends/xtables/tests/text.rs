//! What the text reader takes, what it refuses, and where it points.

use bpfc_diag::{Code, Diagnostics, Severity, SourceMap};
use bpfc_ir::{Family, Frontend, FrontendOptions, Hook, Input, Recognised, Verdict};
use bpfc_xtables::model::Target;
use bpfc_xtables::{XtablesFrontend, print, read_text};
use std::time::{Duration, Instant};

struct Read {
    ruleset: bpfc_xtables::model::Ruleset,
    sources: SourceMap,
    diagnostics: Diagnostics,
}

fn read_as(family: Family, bytes: &[u8]) -> Read {
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let (ruleset, _) = read_text("rules", bytes, family, &mut sources, &mut diagnostics);
    Read { ruleset, sources, diagnostics }
}

/// The errors of a text and of its rules, in the order of their places: code, the words pointed
/// at, message.
fn errors(family: Family, text: &str) -> Vec<(Code, String, String)> {
    let read = read_as(family, text.as_bytes());
    let chains = read.ruleset.tables.iter().flat_map(|table| &table.chains);
    let refused = chains.flat_map(|chain| &chain.rules).flat_map(|rule| &rule.refused);
    let errors = read.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    let mut errors: Vec<_> = errors.chain(refused).collect();
    errors.sort_by_key(|d| d.span.map(|span| span.start));
    errors
        .into_iter()
        .map(|d| {
            let marked = d.span.map_or("", |span| read.sources.text(span));
            (d.code, marked.to_owned(), d.message.clone())
        })
        .collect()
}

fn table(rules: &str) -> String {
    format!("*filter\n:INPUT ACCEPT [0:0]\n:U - [0:0]\n{rules}\nCOMMIT\n")
}

/// The rules of a text as they are printed.
fn printed(family: Family, rules: &str) -> Vec<String> {
    let read = read_as(family, table(rules).as_bytes());
    assert!(!read.diagnostics.has_errors(), "{rules}: {:?}", read.diagnostics);
    let text = print::ruleset(&read.ruleset, false).text;
    text.lines().filter(|line| line.starts_with("-A")).map(str::to_owned).collect()
}

fn refused(family: Family, rule: &str, code: Code, marked: &str) {
    let found = errors(family, &table(rule));
    assert_eq!(found.len(), 1, "{rule}: {found:?}");
    assert_eq!((found[0].0, found[0].1.as_str()), (code, marked), "{rule}: {}", found[0].2);
}

#[test]
fn old_and_new_inversion_are_one() {
    let wanted = "-A INPUT ! -s 10.0.0.0/8 ! -p tcp -j DROP";
    assert_eq!(printed(Family::Ipv4, "-A INPUT ! -s 10.0.0.0/8 ! -p tcp -j DROP"), [wanted]);
    assert_eq!(printed(Family::Ipv4, "-A INPUT -s ! 10.0.0.0/8 -p ! tcp -j DROP"), [wanted]);
    assert_eq!(
        printed(Family::Ipv4, "-A INPUT -p tcp --tcp-flags ! SYN,ACK SYN --dport ! 80"),
        ["-A INPUT -p tcp -m tcp ! --dport 80 ! --tcp-flags SYN,ACK SYN"]
    );
}

#[test]
fn an_option_stands_behind_what_has_it() {
    let rule = "-A INPUT --ttl-eq 5 -m ttl";
    let found: Vec<Code> = errors(Family::Ipv4, &table(rule)).iter().map(|e| e.0).collect();
    assert_eq!(found, [Code::UNKNOWN_OPTION]);
}

#[test]
fn long_options_are_found_by_their_beginnings() {
    assert_eq!(
        printed(Family::Ipv4, "--append INPUT --jump ACCEPT --proto tcp --destination-p ssh"),
        ["-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"]
    );
    assert_eq!(
        printed(Family::Ipv4, "-A INPUT -p tcp -m multiport --dport 80,443 --jump=ACCEPT"),
        ["-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT"]
    );
    refused(Family::Ipv4, "-A INPUT -p tcp -m tcp --s 1 -j DROP", Code::UNKNOWN_OPTION, "--s");
}

#[test]
fn lists_of_addresses_make_several_rules() {
    assert_eq!(
        printed(Family::Ipv4, "-A INPUT -s 10.0.0.1,10.0.0.2/31 -d 1.1.1.1,2.2.2.2 -j U"),
        [
            "-A INPUT -s 10.0.0.1/32 -d 1.1.1.1/32 -j U",
            "-A INPUT -s 10.0.0.1/32 -d 2.2.2.2/32 -j U",
            "-A INPUT -s 10.0.0.2/31 -d 1.1.1.1/32 -j U",
            "-A INPUT -s 10.0.0.2/31 -d 2.2.2.2/32 -j U",
        ]
    );
    refused(
        Family::Ipv4,
        "-A INPUT ! -s 10.0.0.1,10.0.0.2",
        Code::BAD_VALUE,
        "-A INPUT ! -s 10.0.0.1,10.0.0.2",
    );
}

#[test]
fn commands_change_chains_as_iptables_restore_does() {
    let rules = "-A INPUT -s 1.1.1.1\n-I INPUT -s 2.2.2.2\n-I INPUT 2 -s 3.3.3.3\n\
                 -R INPUT 3 -s 4.4.4.4\n-N V\n-A V -j DROP\n-D INPUT 1\n-P INPUT DROP -c 5 6\n\
                 -A INPUT -g V\n-N W\n-X W";
    let read = read_as(Family::Ipv4, table(rules).as_bytes());
    assert!(!read.diagnostics.has_errors(), "{:?}", read.diagnostics);
    assert_eq!(
        printed(Family::Ipv4, rules),
        ["-A INPUT -s 3.3.3.3/32", "-A INPUT -s 4.4.4.4/32", "-A INPUT -g V", "-A V -j DROP"]
    );
    let filter = read.ruleset.table("filter").unwrap();
    let base = filter.chains[0].base.unwrap();
    assert_eq!((base.hook, base.policy), (Hook::Input, Verdict::Drop));
    assert_eq!((base.counters.packets, base.counters.bytes), (5, 6));
    let names: Vec<&str> = filter.chains.iter().map(|chain| chain.name.as_str()).collect();
    assert_eq!(names, ["INPUT", "U", "V"]);
    assert!(matches!(filter.chains[0].rules[2].target, Target::Goto(2)));
}

#[test]
fn counters_stand_in_front_or_behind() {
    let text = "*filter\n:INPUT DROP [7:8]\n[1:2] -A INPUT -j DROP\n-A INPUT -c 3 4\n\
                -A INPUT -c 5,6\nCOMMIT\n";
    let read = read_as(Family::Ipv4, text.as_bytes());
    assert!(!read.diagnostics.has_errors(), "{:?}", read.diagnostics);
    let filter = read.ruleset.table("filter").unwrap();
    let counters: Vec<(u64, u64)> =
        filter.chains[0].rules.iter().map(|r| (r.counters.packets, r.counters.bytes)).collect();
    assert_eq!(counters, [(1, 2), (3, 4), (5, 6)]);
    assert_eq!(filter.chains[0].base.unwrap().counters.packets, 7);
    let again = print::ruleset(&read.ruleset, true).text;
    assert!(again.contains("[3:4] -A INPUT\n"), "{again}");
}

#[test]
fn errors_point_at_the_word_that_is_wrong() {
    let four = |rule, code, marked| refused(Family::Ipv4, rule, code, marked);
    four("-A INPUT -s 1.2.3.4/33", Code::BAD_VALUE, "1.2.3.4/33");
    four("-A INPUT -s fe80::1", Code::BAD_VALUE, "fe80::1");
    four("-A INPUT -s host.example", Code::BAD_VALUE, "host.example");
    four("-A INPUT -p nosuch", Code::BAD_VALUE, "nosuch");
    four("-A INPUT --dport 80 -j DROP", Code::UNKNOWN_OPTION, "--dport");
    four("-A INPUT -m nosuch --whatever 5 -j DROP", Code::UNKNOWN_EXTENSION, "nosuch");
    four("-A INPUT -j NOWHERE", Code::MISSING_CHAIN, "NOWHERE");
    four("-A INPUT -j INPUT", Code::MISSING_CHAIN, "INPUT");
    four("-A NOWHERE -j DROP", Code::MISSING_CHAIN, "NOWHERE");
    four("-A INPUT -o eth0", Code::BAD_VALUE, "-o eth0");
    four("-A INPUT ! -j DROP", Code::BAD_VALUE, "! -j");
    four("-A INPUT -j DROP !", Code::SYNTAX, "!");
    four("-A INPUT ! ! -s 1.1.1.1", Code::SYNTAX, "!");
    four("-A INPUT -s 1.1.1.1 -s 2.2.2.2", Code::SYNTAX, "-s");
    four("-A INPUT stray -j DROP", Code::SYNTAX, "stray");
    four("-A INPUT -m comment --comment \"open", Code::SYNTAX, "\"open");
    four("-s 1.1.1.1 -j DROP", Code::SYNTAX, "-s 1.1.1.1 -j DROP");
    four("[5 -A INPUT", Code::SYNTAX, "[5 -A INPUT");
    refused(Family::Ipv6, "-A INPUT -f", Code::BAD_VALUE, "-f");
    refused(Family::Ipv6, "-A INPUT -s 10.0.0.1", Code::BAD_VALUE, "10.0.0.1");
}

#[test]
fn a_refusal_says_why_and_what_to_do_instead() {
    let text = table("-A INPUT -m ipvs --ipvs");
    let read = read_as(Family::Ipv4, text.as_bytes());
    let error = &read.ruleset.tables[0].chains[0].rules[0].refused[0];
    assert_eq!(error.code, Code::UNSUPPORTED_EXTENSION);
    assert!(error.notes.iter().any(|note| note.contains("virtual server")), "{error:?}");
    assert!(error.help.iter().any(|help| help.contains("protocol and port")), "{error:?}");
}

#[test]
fn every_error_is_reported_in_one_run() {
    let found = errors(
        Family::Ipv4,
        "stray\n*filter\n:INPUT MAYBE [0:0]\n:U ACCEPT [0:0]\n:INPUT - [0:0]\n-A INPUT -p nosuch\n\
         -A INPUT -m rateest --rateest x -m nfacct --nfacct-name x -j NFQUEUE\nCOMMIT\n*mangle\n",
    );
    let codes: Vec<(u16, &str)> = found.iter().map(|e| (e.0.0, e.1.as_str())).collect();
    let (syntax, value) = (Code::SYNTAX.0, Code::BAD_VALUE.0);
    let unsupported = Code::UNSUPPORTED_EXTENSION.0;
    assert_eq!(
        codes,
        [
            (syntax, "stray"),
            (syntax, ":INPUT MAYBE [0:0]"),
            (syntax, ":U ACCEPT [0:0]"),
            (value, "nosuch"),
            (unsupported, "rateest"),
            (unsupported, "nfacct"),
            (unsupported, "NFQUEUE"),
            (syntax, "*mangle"),
        ]
    );
}

#[test]
fn loops_are_refused_where_a_base_chain_reaches_them() {
    let lower = |text: &str| {
        let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
        let input = Input {
            name: "x".to_owned(),
            bytes: text.into(),
            format: Some("iptables-save".to_owned()),
        };
        let options = FrontendOptions::default();
        let lowered = XtablesFrontend.lower(
            &input,
            Recognised::sure("iptables-save"),
            &options,
            &mut sources,
            &mut diagnostics,
        );
        (lowered.is_some(), diagnostics.iter().map(|d| d.code).collect::<Vec<_>>())
    };
    let head = "*filter\n:INPUT ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n-A A -j B\n-A B -g A\n";
    assert_eq!(
        lower(&format!("{head}COMMIT\n")),
        (true, vec![Code::UNUSED_CHAIN, Code::UNUSED_CHAIN])
    );
    assert_eq!(lower(&format!("{head}-A INPUT -j A\nCOMMIT\n")), (false, vec![Code::CHAIN_LOOP]));
    let dead = format!("{head}-A INPUT -j DROP\n-A INPUT -j A\nCOMMIT\n");
    assert!(lower(&dead).0, "the kernel does not look behind an unconditional verdict");
}

#[test]
fn bytes_that_are_not_utf_8_are_taken_in_texts_and_names_of_chains() {
    let read = |bytes: &[u8]| {
        let text = [b"*filter\n:INPUT ACCEPT [0:0]\n", bytes, b"\nCOMMIT\n"].concat();
        read_as(Family::Ipv4, &text).diagnostics.has_errors()
    };
    assert!(!read(b"# caf\xe9\n-A INPUT -m comment --comment \"caf\xe9\" -j DROP"));
    assert!(read(b"-A INPUT -i caf\xe9 -j DROP"));
    assert!(!read(b":caf\xe9 - [0:0]\n-A INPUT -j caf\xe9\n-A caf\xe9 -j LOG --log-prefix \xff"));
    assert!(read(b":caf\xe9 - [0:0]\n-A INPUT -j caf\xe8"));
    // Long as iptables counts: by bytes.
    assert!(!read(&[b":".as_slice(), &[0xe9; 28], b" - [0:0]"].concat()));
    assert!(read(&[b":".as_slice(), &[0xe9; 29], b" - [0:0]"].concat()));
    assert!(read(b"-A INPUT -m recent --set --name caf\xe9"));
    assert!(!read(b"-A INPUT -m string --algo bm ! --string caf\xe9"));
    assert!(!read(b"-A INPUT -j DROP\r"));
}

#[test]
fn large_inputs_are_read_quickly() {
    let mut text = "*filter\n:INPUT ACCEPT [0:0]\n".to_owned();
    for index in 0..20_000 {
        let (high, low) = (index / 256, index % 256);
        text.push_str(&format!(
            "-A INPUT -s 10.{high}.{low}.0/24 -p tcp -m tcp --dport {index} -j ACCEPT\n"
        ));
    }
    text.push_str("COMMIT\n");
    let start = Instant::now();
    assert!(!read_as(Family::Ipv4, text.as_bytes()).diagnostics.has_errors());
    let long = format!("*filter\n-A INPUT -s {}\nCOMMIT\n", "1.1.1.1,".repeat(1_250_000));
    assert!(read_as(Family::Ipv4, long.as_bytes()).diagnostics.has_errors());
    let quotes = format!("*filter\n-A INPUT {}\nCOMMIT\n", "\"".repeat(5_000_001));
    assert!(read_as(Family::Ipv4, quotes.as_bytes()).diagnostics.has_errors());
    for option in ["-s 1.1.1.1 ", "-m mark --mark 1 ", "! "] {
        let words = format!("*filter\n-A INPUT {}\nCOMMIT\n", option.repeat(1_000_000));
        assert!(read_as(Family::Ipv4, words.as_bytes()).diagnostics.has_errors());
    }
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn rules_have_as_many_words_as_iptables_restore_takes() {
    let rule = |count| format!("-A INPUT {}-j ACCEPT", "-v ".repeat(count));
    assert_eq!(printed(Family::Ipv4, &rule(247)), ["-A INPUT -j ACCEPT"]);
    refused(Family::Ipv4, &rule(252), Code::SYNTAX, "ACCEPT");
}

#[test]
fn interfaces_are_named_as_the_kernel_names_them() {
    let rule = "-A INPUT -i eth\u{e9}0 -j ACCEPT";
    assert_eq!(printed(Family::Ipv4, rule), [rule]);
    refused(Family::Ipv4, "-A INPUT -i \"eth 0\" -j ACCEPT", Code::BAD_VALUE, "\"eth 0\"");
}

#[test]
fn families_are_told_apart() {
    let of = |text: &str| {
        XtablesFrontend.recognise(text.as_bytes()).map(|found| (found.format, found.is_guess))
    };
    assert_eq!(
        of("# Generated by ip6tables-save v1.8.9\n*filter\n"),
        Some(("ip6tables-save", false))
    );
    assert_eq!(of("# Generated by iptables-nft-save\n*filter\n"), Some(("iptables-save", false)));
    assert_eq!(of("*filter\n-A INPUT -s fe80::/10 -j DROP\n"), Some(("ip6tables-save", false)));
    assert_eq!(of("*filter\n-A INPUT -p ipv6-icmp -j DROP\n"), Some(("ip6tables-save", false)));
    assert_eq!(of("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"), Some(("iptables-save", true)));
    assert_eq!(
        of("# my iptables rules\n*filter\n-A INPUT -s ::1\n"),
        Some(("ip6tables-save", false))
    );
    assert_eq!(of("table ip filter {\n}\n"), None);
}
