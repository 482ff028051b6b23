//! Matches and targets of iptables, which iptables-nft keeps in rules as expressions.

use super::expression::{Refusal, Source, Taken};

/// A match or target, whose struct nobody reads here.
pub(super) fn foreign(of: &Source<'_>) -> Taken {
    let name = of.attributes.text(1)?;
    Err(Refusal::Unknown(format!("iptables' {} `{name}`", of.name)))
}
