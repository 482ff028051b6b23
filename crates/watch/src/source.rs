//! What rulesets are read from.

use bpfc_ir::Family;
use bpfc_runtime::Followed;
use std::path::PathBuf;

/// What a ruleset is read from, and followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// What nf_tables holds.
    Nftables,
    /// The legacy tables of a family, which are looked at each second.
    Iptables(Family),
    /// The sets of ipset, which are looked at each second.
    Ipset,
}

impl Source {
    /// What a word of the command line names; none for standard input, which cannot be followed,
    /// and for what the kernel does not hold.
    pub fn of(word: &str) -> Option<Source> {
        Some(match word {
            "-" => return None,
            "live:nft" => Source::Nftables,
            "live:iptables" => Source::Iptables(Family::Ipv4),
            "live:ip6tables" => Source::Iptables(Family::Ipv6),
            "live:ipset" => Source::Ipset,
            word if word.starts_with("live:") => return None,
            path => Source::File(path.into()),
        })
    }

    pub(crate) fn file(&self) -> Option<Followed> {
        match self {
            Source::File(path) => Some(Followed::File(path.clone())),
            _ => None,
        }
    }
}
