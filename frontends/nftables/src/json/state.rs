//! Statements with a state, which rules, sets and elements hold, and of which objects are made.

use super::document::{Object, Value};
use super::{Parsed, Reader, boolean, error, one_of};
use crate::model::ObjectKind;
use crate::syntax::ast::{Statement, StatementKind};

/// Units of bytes and how many each is.
const UNITS: [(&str, u64); 3] = [("bytes", 1), ("kbytes", 1 << 10), ("mbytes", 1 << 20)];

impl Reader<'_> {
    /// A statement with a state, or the object that holds one; `None` where it is no such.
    pub(super) fn state(&mut self, name: &str, value: Value<'_>) -> Parsed<Option<StatementKind>> {
        let is_named = |known: &[&str]| match value.is_object() {
            true => {
                let object = value.object("the statement")?;
                let mut names = object.members().iter().map(|(name, _)| &**name);
                Ok(!names.any(|name| known.contains(&name)) && !object.members().is_empty())
            }
            false => Ok(!value.is_null()),
        };
        let limit = ["rate", "per", "burst", "rate_unit", "burst_unit", "inv"];
        let quota = ["val", "val_unit", "used", "used_unit", "inv"];
        Ok(Some(match name {
            "counter" if value.is_null() => StatementKind::Counter { packets: 0, bytes: 0 },
            "counter" if is_named(&["packets", "bytes"])? => {
                self.object_statement(ObjectKind::Counter, value)?
            }
            "counter" => counter(&self.object(value, "the counter", &["packets", "bytes"])?)?,
            "limit" if is_named(&limit)? => self.object_statement(ObjectKind::Limit, value)?,
            "limit" => self::limit(&self.object(value, "the limit", &limit)?)?,
            "quota" if is_named(&quota)? => self.object_statement(ObjectKind::Quota, value)?,
            "quota" => {
                let object = self.object(value, "the quota", &quota)?;
                object.need("val")?;
                let (bytes, used) =
                    (scaled(&object, "val", "val_unit")?, scaled(&object, "used", "used_unit")?);
                StatementKind::Quota { bytes, used, is_over: boolean(&object, "inv")? }
            }
            "last" if value.is_null() => StatementKind::Last { used: None },
            "last" => {
                let object = self.object(value, "the statement last", &["used"])?;
                let used = object.need("used")?;
                StatementKind::Last {
                    // -1 is never.
                    used: match used.integer() {
                        Some(-1) => None,
                        _ => Some(used.number(u64::MAX, "a number of milliseconds")?),
                    },
                }
            }
            "ct count" => {
                let object = self.object(value, "the count of connections", &["val", "inv"])?;
                let count = object.need("val")?.number(u32::MAX.into(), "a number")? as u32;
                StatementKind::Connlimit { count, is_over: boolean(&object, "inv")? }
            }
            _ => return Ok(None),
        }))
    }

    /// An object that is named, or that a map yields.
    fn object_statement(&mut self, kind: ObjectKind, value: Value<'_>) -> Parsed<StatementKind> {
        Ok(StatementKind::Object { kind, name: self.expression(value)? })
    }

    /// The statements that a set gives to its elements.
    pub(super) fn states(&mut self, value: Value<'_>) -> Parsed<Vec<Statement>> {
        let mut statements = Vec::new();
        for value in value.array("an array of statements")? {
            let object = value.object("a statement")?;
            let (name, of) = object.only()?;
            match self.state(name, of)? {
                Some(kind) => statements.push(Statement { kind, span: value.span() }),
                None => {
                    let wanted = "a statement with a state, such as `counter`";
                    return Err(value.unexpected(wanted));
                }
            }
        }
        Ok(statements)
    }
}

/// A number that is 0 where it is not said.
pub(super) fn amount(object: &Object<'_>, name: &str) -> Parsed<u64> {
    object.get(name).map_or(Ok(0), |value| value.number(u64::MAX, "a number"))
}

pub(super) fn counter(object: &Object<'_>) -> Parsed<StatementKind> {
    Ok(StatementKind::Counter {
        packets: amount(object, "packets")?,
        bytes: amount(object, "bytes")?,
    })
}

/// A number of bytes, with its unit in another property.
fn scaled(object: &Object<'_>, name: &str, unit: &str) -> Parsed<u64> {
    let factor = match object.get(unit) {
        None => 1,
        Some(value) => {
            let word = one_of(value, &UNITS.map(|(name, _)| name), "a unit of bytes")?;
            UNITS.iter().find(|(name, _)| *name == word).map_or(1, |(_, factor)| *factor)
        }
    };
    amount(object, name)?
        .checked_mul(factor)
        .ok_or_else(|| error(object.span(), format!("the `{name}` is too large")))
}

pub(super) fn limit(object: &Object<'_>) -> Parsed<StatementKind> {
    let (rate, per) = (object.need("rate")?, object.need("per")?);
    let packets = |value: Value<'_>| value.string("a unit").is_ok_and(|unit| unit == "packets");
    let is_bytes = object.get("rate_unit").is_some_and(|unit| !packets(unit));
    let times = ["second", "minute", "hour", "day", "week"];
    let seconds = match one_of(per, &times, "a time: second, minute, hour, day or week")? {
        "second" => 1,
        "minute" => 60,
        "hour" => 3600,
        "day" => 86_400,
        _ => 604_800,
    };
    let (rate, burst) = match is_bytes {
        true => (scaled(object, "rate", "rate_unit")?, scaled(object, "burst", "burst_unit")?),
        false => (rate.number(u64::MAX, "a number")?, amount(object, "burst")?),
    };
    let burst = match u32::try_from(burst) {
        Ok(burst) => Some(burst).filter(|burst| *burst > 0),
        Err(_) => return Err(error(object.span(), "the burst is too large")),
    };
    Ok(StatementKind::Limit { rate, seconds, burst, is_bytes, is_over: boolean(object, "inv")? })
}
