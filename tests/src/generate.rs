//! Rulesets and packets that belong together, from a seed.
//!
//! A rule tests for a value; random packets would never have it. So whatever writes a test into a
//! rule also leaves a [`Facet`] behind: a way to bend a packet so that it meets the test, or
//! misses it by one. Packets are made by bending a plain one with a few facets of the ruleset at
//! hand and then damaging some of them.
//!
//! - [`rng`]: numbers from a seed.
//! - [`draft`]: packets that can be bent.
//! - [`values`]: small pools of addresses and ports, so that rules and packets meet.
//! - [`matches`] and [`targets`]: one entry for each extension.
//! - [`ruleset`]: rules, user chains, a whole table as `iptables-save` text.
//! - [`nft`]: the same in the language of nft.
//! - [`packets`]: packets for a ruleset.
//! - [`conversation`]: packets of connections.
//! - [`aimed`] and [`aimed_nft`]: packets for rulesets that were not generated.

pub mod aimed;
pub mod aimed_nft;
pub mod conversation;
pub mod draft;
pub mod errors;
pub mod matches;
pub mod nft;
pub mod packets;
pub mod rng;
pub mod ruleset;
pub mod targets;
pub mod values;

use draft::Draft;
use rng::Rng;
use std::rc::Rc;

/// A way to bend a packet towards a test, or to just miss it.
pub type Facet = Rc<dyn Fn(&mut Rng, &mut Draft)>;
