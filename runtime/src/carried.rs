//! What a replacement does not take over of the filter whose place it takes.
//!
//! Counts of rules that stay, sets and lists that are defined as before and the tables of rates go
//! on. The rest ends with the old filter, and whoever replaces it is told.

use crate::counters::{self, Count};
use crate::home::Home;
use crate::metadata::Metadata;
use crate::programs::is_same;
use crate::sets::OldSets;
use crate::state::State;
use crate::{Error, conntrack_table, recent};
use bpfc_artifact::{Artifact, MapDef, MapRole};
use std::fmt;

/// Something of a replaced filter that its successor has not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lost {
    /// The count of a rule or policy that the new ruleset has not.
    Count {
        /// Its label.
        rule: String,
        /// Its text.
        text: String,
        /// What it had counted so far.
        count: Count,
    },
    /// Elements of a set that was made anew or is not there any more.
    Elements {
        /// The set.
        set: String,
        /// How many that it had are not there now.
        elements: usize,
    },
    /// Addresses of a list of `-m recent`.
    Addresses {
        /// The list.
        list: String,
        /// How many.
        addresses: usize,
    },
    /// Buckets of a table of `-m hashlimit`.
    Buckets {
        /// The table, with its family.
        table: String,
        /// How many.
        buckets: usize,
    },
    /// Records of the log that nobody had read.
    Records,
    /// What was known of connections of protocols other than TCP and UDP.
    Connections {
        /// How many.
        connections: usize,
    },
    /// What limits, quotas, sequences and counted connections had reached: they begin anew, as
    /// those of the kernel do when a table is replaced.
    Progress {
        /// How many rules.
        rules: usize,
    },
}

impl Lost {
    /// What kind of thing it is, for programs: one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Lost::Count { .. } => "count",
            Lost::Elements { .. } => "elements",
            Lost::Addresses { .. } => "addresses",
            Lost::Buckets { .. } => "buckets",
            Lost::Records => "records",
            Lost::Connections { .. } => "connections",
            Lost::Progress { .. } => "progress",
        }
    }

    /// The rule, set, list or table; empty where it is the filter's.
    pub fn name(&self) -> &str {
        match self {
            Lost::Count { rule: name, .. }
            | Lost::Elements { set: name, .. }
            | Lost::Addresses { list: name, .. }
            | Lost::Buckets { table: name, .. } => name,
            Lost::Records | Lost::Connections { .. } | Lost::Progress { .. } => "",
        }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let many = |count: &usize, one: &str, more: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {more}"),
        };
        match self {
            Lost::Count { rule, text, count } => {
                let Count { packets, bytes } = count;
                write!(f, "the count of {rule} ({text}): {packets} packets, {bytes} bytes")
            }
            Lost::Elements { set, elements } => {
                write!(f, "{} of set {set}", many(elements, "element", "elements"))
            }
            Lost::Addresses { list, addresses } => {
                write!(f, "{} of the recent list {list}", many(addresses, "address", "addresses"))
            }
            Lost::Buckets { table, buckets } => {
                write!(f, "{} of {table}", many(buckets, "bucket", "buckets"))
            }
            Lost::Records => f.write_str("log records that were not read"),
            Lost::Connections { connections } => write!(
                f,
                "{} of protocols other than TCP and UDP",
                many(connections, "known connection", "known connections")
            ),
            Lost::Progress { rules } => write!(
                f,
                "what limits, quotas and the like of {} had reached",
                many(rules, "rule", "rules")
            ),
        }
    }
}

/// Matches that keep what no replacement takes over, as rules are printed.
const PROGRESS: [&str; 4] = [" -m limit ", " -m quota ", " -m connlimit ", " --mode nth "];

/// What `artifact` does not take over of the generation that decides. The caller holds the lock.
pub(crate) fn lost(
    home: &Home,
    state: &State,
    old: &Metadata,
    sets: &OldSets,
    artifact: &Artifact,
) -> Result<Vec<Lost>, Error> {
    let mut found = Vec::new();
    if let Some(opened) = home.generation(state.target)? {
        let counts = opened.counts(state.halves[state.target.index()])?;
        let gone = counters::left(&old.rules, &artifact.rules);
        for ((rule, count), gone) in old.rules.entries.iter().zip(&counts).zip(gone) {
            if gone && *count != Count::default() {
                let (rule, text, count) = (rule.label.clone(), rule.text.to_string(), *count);
                found.push(Lost::Count { rule, text, count });
            }
        }
        for (object, count) in counters::lost_objects(&old.rules, &counts, &artifact.rules) {
            let rule = format!("{}{}", object.family.label_prefix(), object.table);
            let text = format!("counter {}", object.name);
            found.push(Lost::Count { rule, text, count });
        }
    }
    found.extend(
        sets.lost(artifact)?.into_iter().map(|(set, elements)| Lost::Elements { set, elements }),
    );
    for (def, map) in home.kept(state.target, old)? {
        let stays = |new: &&MapDef| new.keep && is_same(&def, new);
        if artifact.maps.iter().any(|new| stays(&new)) {
            continue;
        }
        let elements = || {
            let (keys, _) = map.elements().map_err(Error::kernel("read what was kept"))?;
            Ok::<_, Error>(keys.len() / (def.key_size as usize).max(1))
        };
        match &def.role {
            MapRole::Log => found.push(Lost::Records),
            MapRole::Object { object, part } if part == "buckets" => {
                let buckets = elements()?;
                let table = object.clone();
                found.extend((buckets > 0).then_some(Lost::Buckets { table, buckets }));
            }
            MapRole::Object { .. } if conntrack_table::holds_notes(&def) => {
                let connections = elements()?;
                found.extend((connections > 0).then_some(Lost::Connections { connections }));
            }
            MapRole::Object { .. } => {
                if let Some((list, addresses)) = recent::addresses(&def, &map)?
                    && addresses > 0
                {
                    found.push(Lost::Addresses { list, addresses });
                }
            }
            _ => {}
        }
    }
    let has_progress = |text: &str| {
        let text = format!(" {text} ");
        PROGRESS.iter().any(|words| text.contains(words))
    };
    let rules = old.rules.entries.iter().filter(|rule| has_progress(&rule.text)).count();
    found.extend((rules > 0).then_some(Lost::Progress { rules }));
    Ok(found)
}
