//! What manual pages say beyond the command's own definition: examples, exit status, files, and
//! which pages to read next. One row a page.

/// What a page has beyond its command's definition.
struct Page {
    /// Its name.
    name: &'static str,
    /// What is done, and how.
    examples: &'static [(&'static str, &'static str)],
    /// Pages to read next, beside those of its own commands.
    see_also: &'static [&'static str],
}

const PAGES: &[Page] = &[
    Page {
        name: "bpfc",
        examples: &[
            (
                "What compiles for which target, what does not and why:",
                "bpfc check /etc/iptables/rules.v4",
            ),
            (
                "Compile a ruleset and attach it; again under the same name: replace it:",
                "bpfc load /etc/iptables/rules.v4 --target xdp --iface eth0 --name web",
            ),
            (
                "What it has counted, and where it is attached:",
                "bpfc counters web\nbpfc status web",
            ),
            ("Detach it:", "bpfc unload web"),
        ],
        see_also: &["iptables(8)", "ipset(8)", "bpftool(8)"],
    },
    Page {
        name: "bpfc-compile",
        examples: &[
            ("An object for another loader:", "bpfc compile --target xdp rules.v4 -o rules.o"),
            ("How bpfc reads a ruleset, as a tree:", "bpfc compile --emit tree rules.v4"),
        ],
        see_also: &["bpfc-load(1)", "bpfc-check(1)"],
    },
    Page {
        name: "bpfc-check",
        examples: &[
            ("Every target:", "bpfc check rules.v4 rules.v6"),
            ("The kernel's own rules, for one target:", "bpfc check live:iptables --target tc"),
            ("What a machine with an older kernel can load:", "bpfc check rules.v4 --kernel 6.1"),
            ("Rules with sets:", "bpfc check rules.v4 sets.ipset --json"),
        ],
        see_also: &["bpfc-help-code(1)", "bpfc-semantics(1)"],
    },
    Page {
        name: "bpfc-load",
        examples: &[
            ("At the network card:", "bpfc load rules.v4 --target xdp --iface eth0 --name web"),
            (
                "A router's rules, for received and for forwarded packets:",
                "bpfc load rules.v4 --target xdp --hook input,forward --iface wan --iface lan",
            ),
            (
                "What the kernel holds now:",
                "bpfc load live:iptables --target netfilter --name firewall",
            ),
            (
                "In a network namespace, with the machine's mounts:",
                "nsenter --net=/run/netns/blue bpfc load rules.v4 --target tc --iface eth0",
            ),
        ],
        see_also: &["bpfc-status(1)", "bpfc-unload(1)", "bpfc-counters(1)", "bpfc-check(1)"],
    },
    Page {
        name: "bpfc-watch",
        examples: &[
            (
                "Follow nftables' ruleset, whoever changes it:",
                "bpfc watch live:nft --target tc --iface eth0 --name web",
            ),
            (
                "Follow a file with those that it includes:",
                "bpfc watch /etc/nftables.conf --target xdp --iface eth0 --name web",
            ),
            (
                "What happened, for another program:",
                "bpfc watch live:iptables live:ip6tables --target netfilter --name web --json",
            ),
        ],
        see_also: &["bpfc-load(1)", "bpfc-unload(1)", "systemd.service(5)"],
    },
    Page {
        name: "bpfc-unload",
        examples: &[("Detach a filter:", "bpfc unload web")],
        see_also: &["bpfc-load(1)", "bpfc-status(1)"],
    },
    Page {
        name: "bpfc-status",
        examples: &[
            ("Every filter:", "bpfc status"),
            ("One filter, for programs:", "bpfc status web --json"),
        ],
        see_also: &["bpfc-load(1)", "bpfc-counters(1)"],
    },
    Page {
        name: "bpfc-counters",
        examples: &[
            ("As iptables lists them, in whole numbers:", "bpfc counters web -x"),
            ("Print and set to zero, losing no packet:", "bpfc counters web --zero --json"),
        ],
        see_also: &["bpfc-status(1)", "bpfc-save(1)", "iptables(8)"],
    },
    Page {
        name: "bpfc-save",
        examples: &[
            (
                "What iptables-restore -c, or for a ruleset of nft nft -f, reads again:",
                "bpfc save web",
            ),
            ("The rules of one family, into a file:", "bpfc save web --family ipv6 -o rules.v6"),
        ],
        see_also: &["bpfc-counters(1)", "iptables-save(8)", "iptables-restore(8)"],
    },
    Page {
        name: "bpfc-log",
        examples: &[
            ("As the kernel's log would show it:", "bpfc log web"),
            ("What is there, for programs:", "bpfc log web --timeout 0 --json"),
            ("Into a capture:", "bpfc log web -w - | wireshark -k -i -"),
        ],
        see_also: &["bpfc-explain(1)", "iptables-extensions(8)"],
    },
    Page {
        name: "bpfc-conntrack",
        examples: &[
            (
                "While an object that another loader attached is in use:",
                "bpfc conntrack on --name mine",
            ),
            ("Who keeps connection tracking on:", "bpfc conntrack status"),
        ],
        see_also: &["bpfc-compile(1)", "conntrack(8)"],
    },
    Page {
        name: "bpfc-recent",
        examples: &[
            ("Whom a filter has seen:", "bpfc recent list web ssh"),
            ("Forget an address:", "bpfc recent del web ssh 192.0.2.7"),
        ],
        see_also: &["iptables-extensions(8)"],
    },
    Page {
        name: "bpfc-set",
        examples: &[
            (
                "Add an element, with a time to live:",
                "bpfc set add web banned 203.0.113.7 timeout 600",
            ),
            (
                "The same of a set of nft:",
                "bpfc set add web inet/filter/banned 203.0.113.7 timeout 10m",
            ),
            ("What a set holds:", "bpfc set list web banned"),
            ("Give a set new elements in one step:", "bpfc set replace web banned.ipset"),
        ],
        see_also: &["ipset(8)", "nft(8)"],
    },
    Page {
        name: "bpfc-replay",
        examples: &[
            (
                "What becomes of each packet of a capture:",
                "bpfc replay rules.v4 --pcap capture.pcap",
            ),
            (
                "By the reference evaluator, without root:",
                "bpfc replay rules.v4 --pcap capture.pcap --engine reference --json",
            ),
        ],
        see_also: &["bpfc-explain(1)", "tcpdump(8)"],
    },
    Page {
        name: "bpfc-explain",
        examples: &[
            (
                "Why a packet meets its verdict:",
                "bpfc explain rules.v4 --packet 'in=eth0 ip saddr 10.0.0.1 daddr 10.0.0.2 tcp dport 22 flags syn'",
            ),
            ("The rules that traced packets of a loaded filter meet:", "bpfc explain --live web"),
        ],
        see_also: &["bpfc-replay(1)", "bpfc-load(1)"],
    },
    Page {
        name: "bpfc-snapshot",
        examples: &[("What has changed since it was written:", "bpfc snapshot --check rules.v4")],
        see_also: &["bpfc-compile(1)"],
    },
    Page {
        name: "bpfc-help-code",
        examples: &[("What a code of a diagnostic means:", "bpfc help-code BPFC0006")],
        see_also: &["bpfc-check(1)", "bpfc-semantics(1)"],
    },
    Page {
        name: "bpfc-semantics",
        examples: &[
            ("About connections:", "bpfc semantics connections"),
            ("All of it:", "bpfc semantics | less"),
        ],
        see_also: &["bpfc-check(1)"],
    },
    Page {
        name: "bpfc-completions",
        examples: &[(
            "For all users of bash:",
            "bpfc completions bash > /usr/share/bash-completion/completions/bpfc",
        )],
        see_also: &[],
    },
];

/// Files that pages about loaded filters name.
const FILES: &str = "\
.SH FILES
.TP
/sys/fs/bpf/bpfc/NAME
What a loaded filter consists of. It lasts as long as this bpffs is mounted.
";

/// Commands that read and write no filter.
const WITHOUT_FILTERS: &[&str] = &[
    "bpfc-compile",
    "bpfc-check",
    "bpfc-replay",
    "bpfc-snapshot",
    "bpfc-help-code",
    "bpfc-semantics",
    "bpfc-completions",
];

/// The sections of a page that follow its options. A command of a command has its parent's.
pub fn sections<'c>(name: &str, commands: impl Iterator<Item = &'c str>) -> String {
    let is_row = |page: &&Page| {
        name.strip_prefix(page.name)
            .is_some_and(|rest| rest.is_empty() || page.name != "bpfc" && rest.starts_with('-'))
    };
    let row = PAGES.iter().find(is_row);
    let mut text = String::new();
    for (at, (what, how)) in row.iter().flat_map(|row| row.examples).enumerate() {
        text += if at == 0 { ".SH EXAMPLES\n" } else { "" };
        text += &format!(".PP\n{}\n.PP\n.RS 4\n.nf\n{}\n.fi\n.RE\n", plain(what), plain(how));
    }
    text += ".SH EXIT STATUS\n.TP\n0\nDone.\n.TP\n1\nThe input or the kernel said no.\n.TP\n2\nThe command line is \
             wrong.\n";
    if !WITHOUT_FILTERS.contains(&name) {
        text += FILES;
    }
    let mut others: Vec<String> = commands.map(|command| format!("{name}-{command}(1)")).collect();
    if let Some((parent, _)) = name.rsplit_once('-').filter(|(parent, _)| *parent != "bpfc-help") {
        others.insert(0, format!("{parent}(1)"));
    } else if name != "bpfc" {
        others.insert(0, "bpfc(1)".to_owned());
    }
    others.extend(row.iter().flat_map(|row| row.see_also).map(|&page| page.to_owned()));
    others.dedup();
    let others: Vec<String> = others
        .iter()
        .filter_map(|page| page.strip_suffix(')')?.split_once('('))
        .map(|(page, section)| format!(".BR {} ({section})", plain(page)))
        .collect();
    if !others.is_empty() {
        text += &format!(".SH SEE ALSO\n{}\n", others.join(" ,\n"));
    }
    text
}

/// Text as roff reads it: dashes stay what they are, and no line is a request.
fn plain(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_examples() {
        for command in bpfc_cli::definition().get_subcommands() {
            let name = format!("bpfc-{}", command.get_name());
            let known = PAGES.iter().any(|page| page.name == name && !page.examples.is_empty());
            assert!(known || command.is_hide_set() || command.get_name() == "help", "{name}");
        }
    }

    #[test]
    fn pages_end_with_what_to_read_next() {
        let page = sections("bpfc-set-add", std::iter::empty());
        assert!(page.contains("bpfc set list web banned\n"), "{page}");
        assert!(page.contains(".SH EXIT STATUS\n") && page.contains(".SH FILES\n"), "{page}");
        assert!(
            page.ends_with(".SH SEE ALSO\n.BR bpfc\\-set (1) ,\n.BR ipset (8) ,\n.BR nft (8)\n"),
            "{page}"
        );
    }

    #[test]
    fn roff_reads_text_as_text() {
        assert_eq!(plain(".x -y\n'z\\"), "\\&.x \\-y\n\\&'z\\e");
    }
}
