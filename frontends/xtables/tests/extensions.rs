//! Every extension of iptables 1.8.9 is compiled or refused by name, in text and in blobs.

mod support;

use bpfc_diag::{Code, Diagnostics, SourceMap};
use bpfc_ir::{
    Accounts, Family, Frontend as _, FrontendOptions, Hook, Input, Recognised, RuleKind,
};
use bpfc_xtables::registry::{Known, find_action, find_match};
use bpfc_xtables::{XtablesFrontend, print, read_text_with};
use std::fs;
use support::data;

/// Match libraries of Debian's iptables 1.8.9-2, by the families that their names say: `xt` for
/// both, `ipt`, `ip6t`.
const MATCHES: &[(&str, &str)] = &[
    (
        "xt",
        "addrtype bpf cgroup cluster comment connbytes connlabel connlimit connmark conntrack \
            cpu dccp devgroup dscp ecn esp hashlimit helper ipcomp iprange ipvs length limit mac \
            mark multiport nfacct osf owner physdev pkttype policy quota rateest recent rpfilter \
            sctp set socket state statistic string tcp tcpmss time tos u32 udp",
    ),
    ("ipt", "ah icmp realm ttl"),
    ("ip6t", "ah dst eui64 frag hbh hl icmp6 ipv6header mh rt srh"),
];

/// Target libraries, likewise. `NAT` holds the four of its kind, `standard` verdicts and jumps.
const TARGETS: &[(&str, &str)] = &[
    (
        "xt",
        "AUDIT CHECKSUM CLASSIFY CONNMARK CONNSECMARK CT DNAT DSCP HMARK IDLETIMER LED LOG \
            MARK MASQUERADE NFLOG NFQUEUE NOTRACK RATEEST REDIRECT SECMARK SET SNAT SYNPROXY \
            TCPMSS TCPOPTSTRIP TEE TOS TPROXY TRACE",
    ),
    ("ipt", "CLUSTERIP ECN NETMAP REJECT TTL ULOG"),
    ("ip6t", "DNPT HL NETMAP REJECT SNPT"),
];

/// Matches of `xt` libraries that are registered for IPv4 alone.
const IPV4_ONLY: &[&str] = &["osf"];

fn listed(list: &[(&str, &'static str)]) -> Vec<(&'static str, Family)> {
    let families = |kind: &str| match kind {
        "ipt" => vec![Family::Ipv4],
        "ip6t" => vec![Family::Ipv6],
        _ => vec![Family::Ipv4, Family::Ipv6],
    };
    list.iter()
        .flat_map(|(kind, names)| names.split_whitespace().map(move |name| (*kind, name)))
        .flat_map(|(kind, name)| families(kind).into_iter().map(move |family| (name, family)))
        .filter(|(name, family)| *family == Family::Ipv4 || !IPV4_ONLY.contains(name))
        .collect()
}

#[test]
fn every_extension_is_known() {
    for (name, family) in listed(MATCHES) {
        let known = find_match(name, family);
        assert!(matches!(known, Known::Supported(_) | Known::Unsupported(_)), "{name} {family}");
    }
    for (name, family) in listed(TARGETS) {
        let known = find_action(name, family);
        assert!(matches!(known, Known::Supported(_) | Known::Unsupported(_)), "{name} {family}");
    }
    assert!(matches!(find_match("nonesuch", Family::Ipv4), Known::Unknown));
    assert!(matches!(find_match("frag", Family::Ipv4), Known::OtherFamily));
    assert!(matches!(find_action("ECN", Family::Ipv6), Known::OtherFamily));
}

/// Where iptables is installed, the lists above are what is there.
#[test]
fn the_lists_are_those_of_the_installed_iptables() {
    let Ok(folder) = fs::read_dir("/usr/lib/x86_64-linux-gnu/xtables") else { return };
    let known: Vec<(&str, &str)> = MATCHES
        .iter()
        .chain(TARGETS)
        .flat_map(|(kind, names)| names.split_whitespace().map(move |name| (*kind, name)))
        .chain([("xt", "NAT"), ("xt", "standard")])
        .collect();
    for entry in folder {
        let file = entry.expect("an entry").file_name().into_string().expect("a name");
        let Some(stem) = file.strip_prefix("lib").and_then(|rest| rest.strip_suffix(".so")) else {
            continue;
        };
        if let Some((kind @ ("xt" | "ipt" | "ip6t"), name)) = stem.split_once('_') {
            assert!(known.contains(&(kind, name)), "{file}");
        }
    }
}

fn codes(diagnostics: &Diagnostics) -> Vec<Code> {
    diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn text_with_a_refused_extension_is_an_error_that_names_it() {
    let refused = listed(MATCHES)
        .into_iter()
        .filter(|(name, family)| matches!(find_match(name, *family), Known::Unsupported(_)))
        .map(|(name, family)| (format!("-m {name}"), name, family));
    let refused_targets = listed(TARGETS)
        .into_iter()
        .filter(|(name, family)| matches!(find_action(name, *family), Known::Unsupported(_)))
        .map(|(name, family)| (format!("-j {name}"), name, family));
    for (words, name, family) in refused.chain(refused_targets) {
        let text = format!(
            "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
             -A INPUT {words} --an-option of-it\nCOMMIT\n"
        );
        let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
        let format = match family {
            Family::Ipv4 => "iptables-save",
            Family::Ipv6 => "ip6tables-save",
        };
        let (name_of, bytes) = ("text".to_owned(), text.into_bytes());
        let input = Input { name: name_of, bytes, format: Some(format.to_owned()) };
        let options = FrontendOptions::default();
        let lowered = XtablesFrontend.lower(
            &input,
            Recognised::sure(format),
            &options,
            &mut sources,
            &mut diagnostics,
        );
        assert!(lowered.is_none());
        assert_eq!(codes(&diagnostics), [Code::UNSUPPORTED_EXTENSION], "{words}");
        let message = &diagnostics.iter().next().expect("one").message;
        assert!(message.contains(&format!("'{name}'")), "{message}");
    }
}

#[test]
fn a_blob_with_refused_extensions_names_each_in_its_rule() {
    let bytes = data("refused4.live");
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let input = Input { name: "live".to_owned(), bytes, format: None };
    let options = FrontendOptions::default();
    let lowered = XtablesFrontend.lower(
        &input,
        Recognised::sure("iptables-blob"),
        &options,
        &mut sources,
        &mut diagnostics,
    );
    assert!(lowered.is_none());
    let found: Vec<(Code, &str, &str)> = diagnostics
        .iter()
        .map(|d| (d.code, d.message.as_str(), sources.text(d.span.expect("a span"))))
        .collect();
    assert_eq!(
        found,
        [
            ("target 'RATEEST' is not supported", "-A INPUT -s 192.0.2.1/32 -j RATEEST"),
            ("match 'rateest' is not supported", "-A INPUT -p tcp -m rateest -j NFQUEUE"),
            ("target 'NFQUEUE' is not supported", "-A INPUT -p tcp -m rateest -j NFQUEUE"),
            ("target 'QUEUE' is not supported", "-A INPUT -j QUEUE"),
        ]
        .map(|(message, rule)| (Code::UNSUPPORTED_EXTENSION, message, rule))
    );
}

fn lower(text: &str, hooks: Option<Vec<Hook>>) -> (Option<bpfc_ir::Program>, Diagnostics) {
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let format = Some("iptables-save".to_owned());
    let input = Input { name: "text".to_owned(), bytes: text.into(), format };
    let options = FrontendOptions { hooks, tables: None, ..FrontendOptions::default() };
    let lowered = XtablesFrontend.lower(
        &input,
        Recognised::sure("iptables-save"),
        &options,
        &mut sources,
        &mut diagnostics,
    );
    (lowered.map(|lowered| lowered.program), diagnostics)
}

/// A machine with one user and one group.
#[derive(Debug)]
struct Machine;

impl Accounts for Machine {
    fn user(&self, name: &str) -> Option<u32> {
        (name == "tor").then_some(106)
    }

    fn group(&self, name: &str) -> Option<u32> {
        (name == "sgx").then_some(104)
    }
}

#[test]
fn senders_have_the_names_that_the_machine_knows() {
    let read = |accounts, options: &str| {
        let text = format!(
            "*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -m owner {options} -j DROP\nCOMMIT\n"
        );
        let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
        let (ruleset, _) = read_text_with(
            accounts,
            None,
            "text",
            text.as_bytes(),
            Family::Ipv4,
            &mut sources,
            &mut diagnostics,
        );
        let printed = print::ruleset(&ruleset, false).text;
        let rule = printed.lines().find(|line| line.starts_with("-A")).map(str::to_owned);
        let errors: Vec<String> = diagnostics.iter().map(|found| found.message.clone()).collect();
        (rule, errors)
    };
    let known: Option<&'static dyn Accounts> = Some(&Machine);
    assert_eq!(
        read(known, "! --uid-owner tor --gid-owner sgx").0.as_deref(),
        Some("-A OUTPUT -m owner ! --uid-owner 106 --gid-owner 104 -j DROP")
    );
    assert_eq!(
        read(known, "--uid-owner sgx").1,
        [
            "--uid-owner: 'sgx' is no number, no range of numbers and no name that this machine knows: \
          write the number as iptables-save does"
        ]
    );
    assert_eq!(
        read(None, "--uid-owner tor").1,
        [
            "--uid-owner: 'tor' is not a number or a range of numbers, and names cannot be looked up here: write \
          the number as iptables-save does"
        ]
    );
}

#[test]
fn refused_extensions_are_no_error_where_they_are_not_compiled() {
    let text = "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                :POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -o wan -j MASQUERADE\nCOMMIT\n\
                *filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                -A FORWARD -j NFQUEUE\n-A INPUT -j DROP\nCOMMIT\n";
    let (program, diagnostics) = lower(text, Some(vec![Hook::Input]));
    assert!(program.is_some());
    assert_eq!(codes(&diagnostics), [Code::TABLE_LEFT_OUT, Code::HOOK_LEFT_OUT]);
    let (program, diagnostics) = lower(text, None);
    assert!(program.is_none());
    assert_eq!(codes(&diagnostics), [Code::TABLE_LEFT_OUT, Code::UNSUPPORTED_EXTENSION]);
}

#[test]
fn matches_of_some_tables_stand_in_no_other() {
    let text = |table: &str, chain: &str| {
        format!("*{table}\n:{chain} ACCEPT [0:0]\n-A {chain} -m rpfilter -j ACCEPT\nCOMMIT\n")
    };
    for table in ["raw", "mangle"] {
        let (_, diagnostics) = lower(&text(table, "PREROUTING"), None);
        assert!(!codes(&diagnostics).contains(&Code::BAD_VALUE), "{diagnostics:?}");
    }
    let (_, diagnostics) = lower(&text("filter", "INPUT"), None);
    let error = diagnostics.iter().find(|found| found.code == Code::BAD_VALUE).expect("an error");
    assert!(
        error.message.contains("it is valid in these tables only: mangle, raw"),
        "{}",
        error.message
    );
}

#[test]
fn a_chain_that_nothing_calls_is_listed_and_has_no_code() {
    let text = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                :spare - [0:0]\n-A spare -j DROP\nCOMMIT\n";
    let (program, diagnostics) = lower(text, None);
    let program = program.expect("a program");
    assert_eq!(codes(&diagnostics), [Code::UNUSED_CHAIN]);
    assert!(program.funcs.values().all(|function| function.name != "filter/spare"));
    let spare: Vec<_> =
        program.rules.iter().filter(|(rule, _)| program.chain_of(*rule).name == "spare").collect();
    assert_eq!(spare.len(), 1);
    let users = program.chains.values().filter(|chain| chain.hook.is_none());
    assert_eq!(users.map(|chain| &chain.name).collect::<Vec<_>>(), ["spare"]);
    assert_eq!(program.label(spare[0].0), "filter/spare:1");
    assert_eq!(spare[0].1.kind, RuleKind::Rule(1));
}
