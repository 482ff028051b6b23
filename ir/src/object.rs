//! Objects: what outlives a packet and decides by more than one number, such as a rate limit.
//!
//! A rule asks an object by [`crate::Op::Query`]; what the object keeps between packets, and how
//! processors share it, is the back end's. An object with a name is one for all rules that name
//! it, and is found by that name at run time; one without belongs to the rule that asks it.

use crate::{Family, Object, PacketFamily, Program, RecentList, RecentQuery, SetQuery, Type};
use bpfc_ipset::Set;
use std::fmt;
use std::sync::Arc;

/// What an object is, with what never changes about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// Addresses that were seen (net/netfilter/xt_recent.c).
    Recent(RecentList),
    /// Connections of TCP and UDP under keys, each counted once while it lives
    /// (net/netfilter/nf_conncount.c).
    Connections {
        /// The family of its keys, which are addresses.
        family: Family,
    },
    /// A set of addresses, networks, ports (net/netfilter/ipset), with its first elements.
    Set(Arc<Set>),
}

/// An object's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectDef {
    /// Its name, unique among named objects; empty where it belongs to one rule.
    pub name: String,
    /// What it is.
    pub kind: ObjectKind,
}

/// What is asked of an object. Each yields an i32: 1 where it holds, else 0, if it does not say
/// otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Query {
    /// Looks an address up in a list of seen ones.
    Recent(RecentQuery),
    /// Counts the packet's connection under an address; yields how many live under it then, and 0
    /// where it cannot be counted: there is no room, or the packet is neither of TCP nor UDP, a
    /// later fragment, or cut off before its ports.
    Connections,
    /// Something of a set.
    Set(SetQuery),
}

impl Query {
    /// The types of its arguments in a chain of a family; `None` where an object of this kind
    /// cannot be asked so.
    pub fn arguments(&self, kind: &ObjectKind, family: PacketFamily) -> Option<Vec<Type>> {
        // Other frames have no addresses that could be asked for.
        let family = family.ip()?;
        match (self, kind) {
            (Query::Recent(query), ObjectKind::Recent(list)) => query.arguments(list, family),
            (Query::Connections, &ObjectKind::Connections { family: own }) => {
                let address = match family {
                    Family::Ipv4 => Type::I32,
                    Family::Ipv6 => Type::I128,
                };
                (own == family).then(|| vec![address])
            }
            (Query::Set(query), ObjectKind::Set(set)) => query.arguments(&set.def, family),
            _ => None,
        }
    }
}

impl ObjectKind {
    /// Whether the kernel would take its numbers.
    pub(crate) fn is_sound(&self) -> bool {
        match self {
            ObjectKind::Connections { .. } | ObjectKind::Set(_) => true,
            ObjectKind::Recent(list) => list.is_sound(),
        }
    }

    /// A definition that satisfies both rules; `None` where the two conflict.
    pub fn joined(&self, other: &ObjectKind) -> Option<ObjectKind> {
        match (self, other) {
            (ObjectKind::Recent(list), ObjectKind::Recent(other)) => {
                list.joined(other).map(ObjectKind::Recent)
            }
            _ => (self == other).then(|| self.clone()),
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ObjectKind::Recent(list) => list.fmt(f),
            ObjectKind::Connections { family } => write!(f, "connections {family}"),
            ObjectKind::Set(set) => {
                write!(f, "set ")?;
                for (number, line) in set.save().lines().enumerate() {
                    let separator = if number == 0 { "" } else { ", " };
                    write!(f, "{separator}{}", crate::text::Quoted(line))?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Query::Recent(query) => query.fmt(f),
            Query::Connections => f.write_str("connections"),
            Query::Set(query) => query.fmt(f),
        }
    }
}

impl Program {
    /// The object of a name, made when it is first asked for and changed so that it serves all
    /// who ask; `Err` with the object of that name where it cannot.
    pub fn named_object(&mut self, name: &str, kind: ObjectKind) -> Result<Object, Object> {
        let Some((object, def)) = self.objects.iter().find(|(_, def)| def.name == name) else {
            return Ok(self.objects.push(ObjectDef { name: name.to_owned(), kind }));
        };
        self.objects[object].kind = def.kind.joined(&kind).ok_or(object)?;
        Ok(object)
    }
}
