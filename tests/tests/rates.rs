//! Rates and bursts against the running kernel's own rules: what iptables takes is loaded, and what
//! the kernel refuses, which depends on its clock, is refused.

use bpfc_driver::{Options, compile, target};
use bpfc_ir::Input;
use bpfc_runtime::{Error, Filter};
use bpfc_tests::lab::namespace::{isolated, run};
use bpfc_tests::require;

/// Rates of `limit` with bursts, most of which some clocks take and others do not.
const LIMITS: [(&str, &[u32]); 8] = [
    ("1/day", &[0, 1, 4, 5, 29, 33, 34, 38, 56, 57, 3459]),
    ("2/day", &[9, 10, 372, 3731]),
    ("3/day", &[596, 5023, 9461]),
    ("5/hour", &[2256]),
    ("1/hour", &[119, 120, 121, 500]),
    ("1/min", &[7158, 7159, 10_000]),
    ("1/sec", &[10_000]),
    ("10000/sec", &[1, 10_000]),
];

/// The same of `hashlimit`.
const TABLES: [(&str, &[&str]); 6] = [
    ("1/day", &["0", "3", "5", "6", "7", "11", "15", "17", "18", "29"]),
    ("7/hour", &["1", "100000", "1000000"]),
    ("1000/sec", &["1", "1000000"]),
    ("1b/s", &["1", "100b"]),
    ("512kb/s", &["1mb", "5mb"]),
    ("4096mb/s", &[]),
];

/// Matches of one rule each.
fn matches() -> Vec<String> {
    let mut all = Vec::new();
    for (rate, bursts) in LIMITS {
        all.extend(
            bursts.iter().map(|burst| format!("-m limit --limit {rate} --limit-burst {burst}")),
        );
    }
    for (rate, bursts) in TABLES {
        let table = format!("-m hashlimit --hashlimit-upto {rate} --hashlimit-mode srcip");
        let bursts = bursts.iter().map(|burst| format!(" --hashlimit-burst {burst}"));
        all.extend(bursts.chain([String::new()]).map(|burst| format!("{table}{burst}")));
    }
    for measure in ["100/sec", "512kb/s"] {
        all.push(format!(
            "-m hashlimit --hashlimit-above {measure} --hashlimit-rate-match --hashlimit-rate-interval 7"
        ));
    }
    all
}

/// Whether bpfc loads a rule.
fn loads(text: &str, format: &str) -> bool {
    let bytes = text.as_bytes().to_vec();
    let input = Input { name: "rules".into(), bytes, format: Some(format.into()) };
    let netfilter = target("netfilter").expect("the target");
    let Some(artifact) = compile(&[input], netfilter, &Options::default()).into_artifact() else {
        return false;
    };
    match Filter::load(&artifact, &bpfc_runtime::Options::new("rates")) {
        Ok(filter) => filter.unload().map(|()| true).expect("unloads"),
        Err(error @ Error::Rate { .. }) => {
            assert!(error.to_string().starts_with("rules:3: "), "{error}");
            false
        }
        Err(error) => panic!("{text}{error}"),
    }
}

fn check() {
    let mut refused = 0;
    for (restore, format) in [
        ("iptables-legacy-restore", "iptables-save"),
        ("ip6tables-legacy-restore", "ip6tables-save"),
    ] {
        for (number, matched) in matches().into_iter().enumerate() {
            let name = match matched.contains("hashlimit") {
                true => format!(" --hashlimit-name t{number}"),
                false => String::new(),
            };
            let text = format!(
                "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT {matched}{name} -j ACCEPT\nCOMMIT\n"
            );
            let kernel = run(restore, &[], &text).is_ok();
            assert_eq!(loads(&text, format), kernel, "{restore}: {matched}");
            refused += usize::from(!kernel);
        }
    }
    assert!(refused > 10, "the kernel refused {refused}");
}

#[test]
fn rates_are_refused_as_the_running_kernel_refuses_them() {
    if require::met(require::KERNEL_IPTABLES) {
        isolated(check);
    }
}
