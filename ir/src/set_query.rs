//! What rules ask of sets: which values a packet is looked up by, and how it is written.
//!
//! A list's members are asked one by one: the front end writes the loop that the kernel runs
//! (net/netfilter/ipset/ip_set_list_set.c), so that each member gets the values of its own type.

use crate::{Family, Type};
use bpfc_ipset::{Comparison, Part, SetDef, Test};
use std::fmt;

/// What an element says of the packets that are in it (`skbinfo`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SetInfo {
    /// The mark that the packet is to have: its own, which is the query's last argument (i32),
    /// where no element says.
    Mark,
    /// The priority; 0 where no element says.
    Priority,
    /// The transmit queue; 0 where no element says.
    Queue,
}

/// One question to a set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SetQuery {
    /// Whether the packet is in the set; counts it there.
    Test(Test),
    /// What the element that the packet is in says of it. Counts it there.
    Info(SetInfo, Test),
    /// Whether the list's member of this position (in its definition) is there.
    Member(u32),
    /// Counts the packet for a list's member that it was found in; whether the member is there
    /// and its counters are as wanted.
    Hit(u32, Test),
    /// What the list says of packets that were found in its member of this position.
    MemberInfo(u32, SetInfo),
    /// Adds the packet's element; holds where it was added or refreshed.
    Add {
        /// Whether an element that is there is refreshed.
        exist: bool,
        /// Seconds until it expires; the set's default where absent.
        timeout: Option<u32>,
    },
    /// Deletes the packet's element; holds where it was there.
    Delete,
}

impl SetQuery {
    /// The types of its arguments, in the order of the set's parts: addresses, then for a port
    /// its protocol (i8) and its number (i16), Ethernet addresses as i64, interfaces as i128.
    /// `None` where the set cannot be asked so in a chain of this family.
    pub fn arguments(&self, def: &SetDef, family: Family) -> Option<Vec<Type>> {
        let of_list =
            matches!(self, SetQuery::Member(_) | SetQuery::Hit(..) | SetQuery::MemberInfo(..));
        if of_list != def.kind.is_list() {
            return None;
        }
        if !def.takes(family) {
            return None;
        }
        let mut types = Vec::new();
        for part in def.kind.parts() {
            match part {
                Part::Address | Part::Network if family == Family::Ipv4 => types.push(Type::I32),
                Part::Address | Part::Network | Part::Interface => types.push(Type::I128),
                Part::Port => types.extend([Type::I8, Type::I16]),
                Part::PlainPort => types.push(Type::I16),
                Part::Mac | Part::OptionalMac => types.push(Type::I64),
                Part::Mark => types.push(Type::I32),
                Part::Name => {}
            }
        }
        if self.info() == Some(SetInfo::Mark) {
            types.push(Type::I32);
        }
        Some(types)
    }

    /// What it asks of an element beyond whether there is one.
    pub fn info(&self) -> Option<SetInfo> {
        match self {
            SetQuery::Info(info, _) | SetQuery::MemberInfo(_, info) => Some(*info),
            _ => None,
        }
    }
}

fn write_test(f: &mut fmt::Formatter<'_>, test: &Test) -> fmt::Result {
    if test.return_nomatch {
        f.write_str(" return-nomatch")?;
    }
    if test.keep_counters {
        f.write_str(" keep-counters")?;
    }
    for (word, comparison) in [("packets", test.packets), ("bytes", test.bytes)] {
        let (condition, number) = match comparison {
            None => continue,
            Some(Comparison::Equal(number)) => ("eq", number),
            Some(Comparison::NotEqual(number)) => ("ne", number),
            Some(Comparison::Less(number)) => ("lt", number),
            Some(Comparison::Greater(number)) => ("gt", number),
        };
        write!(f, " {word} {condition} {number}")?;
    }
    Ok(())
}

impl fmt::Display for SetInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SetInfo::Mark => "mark",
            SetInfo::Priority => "priority",
            SetInfo::Queue => "queue",
        })
    }
}

impl fmt::Display for SetQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetQuery::Test(test) => {
                f.write_str("test")?;
                write_test(f, test)
            }
            SetQuery::Info(info, test) => {
                write!(f, "{info}")?;
                write_test(f, test)
            }
            SetQuery::MemberInfo(position, info) => write!(f, "member-{info} {position}"),
            SetQuery::Member(position) => write!(f, "member {position}"),
            SetQuery::Hit(position, test) => {
                write!(f, "hit {position}")?;
                write_test(f, test)
            }
            SetQuery::Add { exist, timeout } => {
                f.write_str("add")?;
                if *exist {
                    f.write_str(" exist")?;
                }
                timeout.map_or(Ok(()), |seconds| write!(f, " timeout {seconds}"))
            }
            SetQuery::Delete => f.write_str("delete"),
        }
    }
}
