//! What a search of routing tables is for: the flow that policy routing rules and routes are asked
//! about, and what is made of the routes that tables answer.

use crate::asm::{Asm, Label};
use bpfc_ir::Family;

/// A flow: where its parts lie in the packet structure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    /// The number of the device that it comes in by, a u32; the loopback device's without.
    pub input: Option<i16>,
    /// Its destination's address, in network order.
    pub destination: i16,
    /// Its source's address, in network order; without one no rule that names a source matches.
    pub source: Option<i16>,
    /// The beginning of an IP header of its family, for the type of service; 0 without.
    pub header: Option<i16>,
    /// Its mark, a u32; 0 without.
    pub mark: Option<i16>,
    /// The byte that holds its protocol; without one no rule that names a protocol matches.
    pub protocol: Option<i16>,
    /// Source and destination port, in network order; 0 without.
    pub ports: Option<i16>,
}

/// A search that policy routing rules direct.
pub(super) trait Search {
    /// Where the walk's region lies.
    fn at(&self) -> i16;

    /// The family.
    fn family(&self) -> Family;

    /// What rules and routes are asked about.
    fn flow(&self) -> Flow;

    /// Emits what becomes of r8 = `struct fib_alias *`, r9 = its kind, `FOUND` = its `struct
    /// fib_info`: the route that a table answers. Goes on at `next` with the next rule, at `end`
    /// where it decides, at `again` with a step of its own.
    fn ipv4_route(&self, asm: &mut Asm, again: Label, next: Label, end: Label);

    /// Emits a step of its own, which [`super::step::mode::NEXTHOP`] asks for.
    fn nexthop(&self, asm: &mut Asm, again: Label, end: Label);

    /// Emits what becomes of the route in `FOUND`, 0 behind the last one, of a node that matches.
    fn ipv6_route(&self, asm: &mut Asm, labels: &Labels);
}

/// Where a step of a node's routes goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Labels {
    /// With the next step.
    pub again: Label,
    /// On the way back to another node.
    pub up: Label,
    /// With the next rule.
    pub next: Label,
    /// Nowhere: it is decided.
    pub end: Label,
}
