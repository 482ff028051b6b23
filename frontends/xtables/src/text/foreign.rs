//! What people have at hand in the place of a dump, told by one line of it, with what leads on.

/// The longest word for which somebody may have meant another.
const LONGEST: usize = 64;

/// The known word that is nearest to another of a usual length.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST { None } else { bpfc_names::nearest(word, known) }
}

/// A kind of text that is no dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// Commands without a table, as `iptables -S` lists them.
    Commands,
    /// What `iptables -L` shows.
    Listing,
    /// A script that runs iptables.
    Script,
    /// What a program wrote to standard error.
    Message,
    /// An nftables ruleset, as text or as JSON.
    Nft,
}

impl Foreign {
    /// What a line belongs to, where its words show it.
    pub fn of(line: &str) -> Option<Foreign> {
        let line = line.trim_start();
        let mut words = line.split_whitespace();
        let (first, second) = (words.next()?, words.next().unwrap_or_default());
        if matches!(first, "-A" | "-I" | "-P" | "-N" | "--append" | "--insert" | "--policy")
            || first.starts_with('[') && second == "-A"
        {
            return Some(Foreign::Commands);
        }
        let heads = ["target", "pkts", "num"];
        if first == "Chain" && line.contains('(') || heads.contains(&first) && line.contains("prot")
        {
            return Some(Foreign::Listing);
        }
        if is_message(line) {
            return Some(Foreign::Message);
        }
        let families = ["ip", "ip6", "inet", "arp", "bridge", "netdev"];
        if first == "table" && families.contains(&second)
            || (first, second) == ("flush", "ruleset")
            || matches!(first, "add" | "create") && matches!(second, "table" | "chain" | "rule")
            || line.starts_with('{') && line.contains("\"nftables\"")
        {
            return Some(Foreign::Nft);
        }
        is_script(first, second).then_some(Foreign::Script)
    }

    /// A sentence: what it is.
    pub fn note(self) -> &'static str {
        match self {
            Foreign::Commands => {
                "it has the form of what iptables -S lists, which leaves the table's name out"
            }
            Foreign::Listing => {
                "it is a listing of iptables -L, which leaves out half of each rule"
            }
            Foreign::Script => "it is a script of iptables commands, not what comes of them",
            Foreign::Message => "it is a message that a program wrote to standard error",
            Foreign::Nft => "it looks like nftables",
        }
    }

    /// What leads on, for a file of this name.
    pub fn help(self, name: &str) -> String {
        match self {
            Foreign::Commands => format!(
                "give what iptables-save prints, or name the table: \
                 {{ echo '*filter'; cat {name}; echo COMMIT; }} | bpfc check -"
            ),
            Foreign::Listing => "give what iptables-save prints".to_owned(),
            Foreign::Script => format!(
                "run it in a network namespace of its own and give what comes of it: \
                 unshare -n sh -c 'sh {name} >&2; iptables-save' | bpfc check -"
            ),
            Foreign::Message => "remove the line: iptables-save > FILE, without 2>&1, keeps such \
                                 lines out"
                .to_owned(),
            Foreign::Nft => {
                "give the whole ruleset, and name its format: --from nft, or --from nft-json for JSON"
                    .to_owned()
            }
        }
    }
}

/// Whether iptables or its kin say so, or a shell that could not run them.
fn is_message(line: &str) -> bool {
    let starts = [
        "Warning:",
        "iptables v",
        "ip6tables v",
        "iptables-save v",
        "ip6tables-save v",
        "iptables-nft-save v",
        "iptables-legacy-save v",
        "modprobe:",
        "Try `",
        "Fatal:",
        "Perhaps iptables",
        "Bad argument",
    ];
    starts.iter().any(|start| line.starts_with(start))
        || line.contains("tables present, use")
        || line.contains("can't initialize ip")
        || line.contains("Permission denied (you must be root)")
        || line.ends_with("command not found")
}

fn is_script(first: &str, second: &str) -> bool {
    let program = match first {
        "sudo" | "exec" | "/usr/bin/sudo" => second,
        first => first,
    };
    let name = program.rsplit('/').next().unwrap_or_default();
    let name = name.trim_start_matches(['$', '{', '"']).trim_end_matches(['}', '"']);
    let lower = name.to_ascii_lowercase();
    let tools = ["iptables", "ip6tables", "iptables-legacy", "ip6tables-legacy", "iptables-nft"];
    first.starts_with("#!")
        || tools.contains(&lower.as_str())
        || program.starts_with(['$', '"'])
            && (lower.starts_with("ipt") || lower.starts_with("ip6t"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_show_what_they_belong_to() {
        for (line, kind) in [
            ("-P INPUT DROP", Some(Foreign::Commands)),
            ("-A INPUT -i lo -j ACCEPT", Some(Foreign::Commands)),
            ("[1:2] -A INPUT -j ACCEPT", Some(Foreign::Commands)),
            ("Chain INPUT (policy ACCEPT)", Some(Foreign::Listing)),
            ("target     prot opt source               destination", Some(Foreign::Listing)),
            (" pkts bytes target     prot opt in     out", Some(Foreign::Listing)),
            ("#!/bin/sh", Some(Foreign::Script)),
            ("iptables -F", Some(Foreign::Script)),
            ("sudo /sbin/ip6tables -A INPUT -j DROP", Some(Foreign::Script)),
            ("$IPT -A INPUT -j DROP", Some(Foreign::Script)),
            ("\"${IPTABLES}\" -A INPUT -j DROP", Some(Foreign::Script)),
            (
                "Warning: iptables-legacy tables present, use iptables-legacy-save to see them",
                Some(Foreign::Message),
            ),
            ("iptables-save v1.8.9 (nf_tables): Could not fetch rule set", Some(Foreign::Message)),
            ("sh: 1: iptables-save: command not found", Some(Foreign::Message)),
            ("table inet filter {", Some(Foreign::Nft)),
            ("flush ruleset", Some(Foreign::Nft)),
            ("{\"nftables\": []}", Some(Foreign::Nft)),
            ("COMMIT", None),
            ("hello world", None),
            ("", None),
        ] {
            assert_eq!(Foreign::of(line), kind, "{line}");
        }
    }
}
