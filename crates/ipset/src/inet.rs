//! A family in ipset's words, which artifacts hold, too: `inet` and `inet6`.

use bpfc_abi::Family;
use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};

/// As `family` of `create` says it.
pub(crate) fn word(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "inet",
        Family::Ipv6 => "inet6",
    }
}

pub(crate) fn serialize<S: Serializer>(
    family: &Option<Family>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match family {
        Some(family) => serializer.serialize_some(word(*family)),
        None => serializer.serialize_none(),
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Family>, D::Error> {
    let Some(found) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    match Family::ALL.into_iter().find(|&family| word(family) == found) {
        Some(family) => Ok(Some(family)),
        None => Err(D::Error::unknown_variant(&found, &["inet", "inet6"])),
    }
}
