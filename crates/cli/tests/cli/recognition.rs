//! Inputs that are not quite what a command asks for: what is said leads on, and doing it works.

use crate::run::{alone, bpfc, file, folder};

const NOTHING_SHOWN: &str = "*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n";

#[test]
fn a_guessed_family_is_said() {
    let folder = folder();
    let [four, six] = ["rules.v4", "rules.v6"].map(|name| file(&folder, name, NOTHING_SHOWN));
    let ran = bpfc(&["check", &six, "--target", "netfilter"]).ok();
    assert!(ran.err.contains("warning[BPFC0027]"), "{}", ran.err);
    assert!(ran.err.contains("--from ip6tables-save"), "{}", ran.err);
    let told = ["check", &six, "--target", "netfilter", "--from", "ip6tables-save"];
    assert!(!bpfc(&told).ok().err.contains("BPFC0027"));
    let ran = bpfc(&["check", &six, &four, "--target", "netfilter"]).fails(1);
    let help = "--from ip6tables-save --from iptables-save";
    assert!(ran.err.contains(help), "{}", ran.err);
    assert_eq!(ran.err.matches("error[").count(), 1, "{}", ran.err);
    let words: Vec<&str> = help.split(' ').collect();
    bpfc(&[&["check", &six, &four, "--target", "netfilter"][..], &words].concat()).ok();
}

#[test]
fn what_help_says_works() {
    let folder = folder();
    let listing = "-P INPUT DROP\n-N web\n-A INPUT -p tcp -m tcp --dport 80 -j web\n\
                   -A web -s 192.0.2.0/24 -j ACCEPT\n";
    let script = "#!/bin/sh\niptables -P INPUT DROP\niptables -A INPUT -s 192.0.2.0/24 -j ACCEPT\n";
    let wide: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(NOTHING_SHOWN.bytes().flat_map(|byte| [byte, 0])).collect();
    let marked = format!("\u{feff}{NOTHING_SHOWN}");
    for (name, content) in [
        ("listing.txt", listing.as_bytes()),
        ("script.sh", script.as_bytes()),
        ("wide.rules", &wide),
        ("marked.rules", marked.as_bytes()),
    ] {
        let path = file(&folder, name, content);
        let said = bpfc(&["check", &path]).fails(1).err;
        let help = said.lines().find_map(|line| line.split_once("= help: ")).expect("help").1;
        let (_, command) = help.split_once(": ").expect("a command");
        let command = match name {
            "marked.rules" => format!("{command} && $BPFC check {path}"),
            _ => command.replace("bpfc check", "$BPFC check"),
        };
        if let Some(ran) = alone(&format!("set -o pipefail\n{command}"), &[]) {
            assert!(ran.ok().out.contains("rule"), "{name}: {command}");
        }
    }
}

/// The kernel's own rules, of either iptables or of both.
#[test]
fn rules_of_the_other_iptables_are_not_passed_over() {
    let Some(ran) = alone(
        "type iptables-legacy iptables-nft-restore >/dev/null || { echo skipped; exit 0; }
check() { $BPFC check \"$1\" --target tc --color never 2>&1; }
for tool in iptables ip6tables; do
    nft() { printf '*filter\\n:INPUT DROP\\n-A INPUT -i lo -j ACCEPT\\nCOMMIT\\n' | $tool-nft-restore; }
    if said=$(check live:$tool); then echo \"$tool, nothing: $said\"; exit 1; fi
    nft
    if said=$(check live:$tool); then echo \"$tool, nft alone: $said\"; exit 1; fi
    case $said in *\"$tool-save | bpfc load\"*) ;; *) echo \"$said\"; exit 1 ;; esac
    names=/proc/self/net/${tool%tables}_tables_names
    test -z \"$(cat $names 2>/dev/null)\" || { echo 'asking has made tables'; exit 1; }
    $tool-legacy -L -n >/dev/null
    if said=$(check live:$tool); then echo \"$tool, empty legacy: $said\"; exit 1; fi
    case $said in *\"legacy tables are empty\"*) ;; *) echo \"$said\"; exit 1 ;; esac
    $tool-legacy -A INPUT -p tcp -j DROP
    said=$(check live:$tool) || { echo \"$tool, both: $said\"; exit 1; }
    case $said in *'warning[BPFC0030]'*' filter'*) ;; *) echo \"$said\"; exit 1 ;; esac
    $tool-nft -P INPUT ACCEPT; $tool-nft -F
    said=$(check live:$tool) || { echo \"$tool, legacy alone: $said\"; exit 1; }
    case $said in *BPFC0030*) echo \"$said\"; exit 1 ;; esac
done",
        &[],
    ) else {
        return;
    };
    ran.ok();
}
