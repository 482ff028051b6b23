//! An expression of a rule, or of a set's elements: its name says which, attributes say the rest
//! (`NFTA_EXPR_NAME` and `_DATA`).
//!
//! Constants stay as the registers hold them, in one part: what is loaded beside them says later
//! what they are.

use super::attributes::{Attributes, Bytes, Damage};
use super::{load, statement};
use crate::model::{Data, Operation, SetName, Verdict};
use std::collections::BTreeMap;

/// What an expression is read from.
pub(super) struct Source<'a> {
    /// The kernel's name of it.
    pub name: String,
    /// Where it stands.
    pub at: usize,
    /// What it says.
    pub attributes: Attributes<'a>,
    /// The sets of the table, by the kernel's names.
    pub sets: &'a BTreeMap<String, SetName>,
    /// How many expressions it is in.
    pub depth: u32,
}

/// What became of an expression.
pub(super) type Taken = Result<Operation, Refusal>;

/// Why an expression is no operation.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The dump contradicts itself.
    Damaged(Damage),
    /// Nobody knows what it means: words that name it.
    Unknown(String),
}

impl From<Damage> for Refusal {
    fn from(damage: Damage) -> Refusal {
        Refusal::Damaged(damage)
    }
}

/// Expressions nest at most so deep: one in an element of a set, one in a tunnel.
const DEEPEST: u32 = 4;

impl<'a> Source<'a> {
    /// An expression's name and what it says.
    pub fn read(
        attributes: &Attributes<'a>,
        sets: &'a BTreeMap<String, SetName>,
        depth: u32,
    ) -> Result<Source<'a>, Damage> {
        if depth > DEEPEST {
            return Err(Damage::new(attributes.at(), "expressions are nested too deeply"));
        }
        let (name, at) = (attributes.text(1)?, attributes.at());
        // Some have nothing to say, and then no attribute.
        let said = match attributes.maybe_nested(2)? {
            Some(said) => said,
            None => Attributes::read(attributes.get(1)?.behind(usize::MAX))?,
        };
        Ok(Source { name, at, attributes: said, sets, depth })
    }

    /// An expression inside this one.
    pub fn inner(&self, attributes: &Attributes<'a>) -> Result<Source<'a>, Damage> {
        Source::read(attributes, self.sets, self.depth + 1)
    }

    /// That a value means nothing here.
    pub fn unknown(&self, what: &str, value: impl std::fmt::Display) -> Refusal {
        Refusal::Unknown(format!("the {what} {value} of the expression `{}`", self.name))
    }

    /// The set of a name.
    pub fn set(&self, kind: u16) -> Result<SetName, Damage> {
        let name = self.attributes.text(kind)?;
        self.sets.get(&name).cloned().ok_or_else(|| {
            Damage::new(self.at, format!("the table has no set `{name}`, which a rule names"))
        })
    }

    /// A constant.
    pub fn data(&self, kind: u16) -> Result<Data, Damage> {
        data(&self.attributes.nested(kind)?)
    }

    /// What it does.
    pub fn operation(&self) -> Taken {
        match self.name.as_str() {
            "payload" => load::payload(self),
            "meta" => load::meta(self),
            "ct" => load::ct(self),
            "exthdr" => load::extension(self),
            "rt" => load::route(self),
            "socket" => load::socket(self),
            "xfrm" => load::xfrm(self),
            "fib" => load::fib(self),
            "osf" => load::osf(self),
            "numgen" => load::numgen(self),
            "hash" => load::hash(self),
            "inner" => load::inner(self),
            "immediate" => statement::immediate(self),
            "cmp" => statement::compare(self),
            "range" => statement::range(self),
            "bitwise" => statement::bitwise(self),
            "byteorder" => statement::byte_order(self),
            "lookup" => statement::lookup(self),
            "dynset" => statement::dynamic_set(self),
            "counter" => statement::counter(&self.attributes),
            "limit" => statement::limit(self),
            "quota" => statement::quota(&self.attributes),
            "last" => statement::last(&self.attributes),
            "connlimit" => statement::connlimit(&self.attributes),
            "log" => statement::log(self),
            "reject" => statement::reject(self),
            "objref" => statement::object(self),
            "match" | "target" => super::compat::foreign(self),
            name => match outside(name) {
                Some(class) => Ok(Operation::Outside { class }),
                None => Err(Refusal::Unknown(format!("the expression `{name}`"))),
            },
        }
    }
}

/// The class of an expression that is not filtering.
fn outside(name: &str) -> Option<&'static str> {
    Some(match name {
        "nat" | "masq" | "redir" => "nat",
        "queue" => "queue",
        "dup" => "dup",
        "fwd" => "fwd",
        "tproxy" => "tproxy",
        "synproxy" => "synproxy",
        "flow_offload" => "flow",
        "notrack" => "track",
        "tunnel" => "tunnel",
        _ => return None,
    })
}

/// A value of registers (`NFTA_DATA_VALUE`), which has 64 bytes at most.
pub(super) fn data(attributes: &Attributes<'_>) -> Result<Data, Damage> {
    let value = attributes.get(1)?;
    raw(value)
}

fn raw(value: Bytes<'_>) -> Result<Data, Damage> {
    match value.bytes.len() {
        1..=64 => Ok(Data::bytes(value.bytes, false)),
        length => Err(Damage::new(value.at, format!("a value has {length} bytes"))),
    }
}

/// A verdict (`NFTA_DATA_VERDICT`).
pub(super) fn verdict(attributes: &Attributes<'_>) -> Result<Verdict, Refusal> {
    const QUEUE: i32 = 3;
    let attributes = attributes.nested(2)?;
    let code = attributes.be32(1)? as i32;
    Ok(match code {
        0 => Verdict::Drop,
        1 => Verdict::Accept,
        -1 => Verdict::Continue,
        -3 => Verdict::Jump(attributes.text(2)?),
        -4 => Verdict::Goto(attributes.text(2)?),
        -5 => Verdict::Return,
        code if code & 0xff == QUEUE => {
            return Err(Refusal::Unknown("the verdict queue".to_owned()));
        }
        code => {
            let message = format!("the verdict {code} is none");
            return Err(Damage::new(attributes.at(), message).into());
        }
    })
}
