//! One entry for each match extension: what its options may say, and facets that meet or miss
//! them.
//!
//! Matches of connection tracking leave no facets: what they see depends on the packets before,
//! which [`super::conversation`] makes.

mod connection;
mod extension;
mod fingerprint;
mod link;
mod network;
mod payload;
mod ports;
mod sender;
pub(super) mod set;
mod state;
mod transport;

use super::Facet;
use super::draft::{Draft, protocol};
use super::rng::Rng;
use crate::lab::Family;
use crate::lab::oracle::Stage;
use std::rc::Rc;

/// What an entry writes into.
#[derive(Debug)]
pub struct Maker<'a> {
    /// Choices.
    pub rng: &'a mut Rng,
    /// The rule's family.
    pub family: Family,
    /// The protocol that the rule's `-p` names.
    pub protocol: Option<u8>,
    /// Whether rules ask only for what is known before a packet is tracked.
    pub orderly: bool,
    /// Where the rule stands.
    pub stage: Stage,
    /// Where facets go.
    pub facets: &'a mut Facets,
}

impl Maker<'_> {
    /// Leaves a facet behind.
    pub fn facet(&mut self, facet: impl Fn(&mut Rng, &mut Draft) + 'static) {
        self.facets.list.push(Rc::new(facet));
    }
}

/// The facets of a ruleset.
#[derive(Default)]
pub struct Facets {
    /// In the order of the rules.
    pub list: Vec<Facet>,
}

impl std::fmt::Debug for Facets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} facets", self.list.len())
    }
}

/// A match extension.
#[derive(Debug)]
pub struct MatchKind {
    /// As `-m` takes it.
    pub name: &'static str,
    /// The families that have it.
    pub families: &'static [Family],
    /// The protocols one of which `-p` must name without negation; empty where any will do.
    pub protocols: &'static [u8],
    /// The stages whose chains may use it.
    pub stages: &'static [Stage],
    /// Whether it asks what a packet's connection carries once it is tracked.
    pub after_tracking: bool,
    /// Whether it asks for socket or route of a packet that this host sends.
    pub sender: bool,
    /// Writes the options after `-m name`.
    pub make: fn(&mut Maker<'_>) -> String,
}

const BOTH: &[Family] = &Family::ALL;
const V4: &[Family] = &[Family::Ipv4];
const V6: &[Family] = &[Family::Ipv6];
const EVERYWHERE: &[Stage] = &Stage::STATELESS;
const PORTED: &[u8] =
    &[protocol::TCP, protocol::UDP, protocol::UDPLITE, protocol::SCTP, protocol::DCCP];

const fn entry(
    name: &'static str,
    families: &'static [Family],
    protocols: &'static [u8],
    make: fn(&mut Maker<'_>) -> String,
) -> MatchKind {
    MatchKind {
        name,
        families,
        protocols,
        stages: EVERYWHERE,
        after_tracking: false,
        sender: false,
        make,
    }
}

/// All that look at the packet.
pub const MATCHES: &[MatchKind] = &[
    entry("tcp", BOTH, &[protocol::TCP], ports::tcp),
    entry("udp", BOTH, &[protocol::UDP], ports::udp),
    entry("sctp", BOTH, &[protocol::SCTP], transport::sctp),
    entry("dccp", BOTH, &[protocol::DCCP], transport::dccp),
    entry("tcpmss", BOTH, &[protocol::TCP], transport::tcpmss),
    MatchKind {
        stages: &[Stage::Prerouting, Stage::Input, Stage::Forward],
        ..entry("osf", V4, &[protocol::TCP], fingerprint::osf)
    },
    entry("multiport", BOTH, PORTED, ports::multiport),
    entry("icmp", V4, &[protocol::ICMP], transport::icmp),
    entry("icmp6", V6, &[protocol::ICMPV6], transport::icmp6),
    entry("esp", BOTH, &[protocol::ESP], transport::esp),
    entry("ipcomp", BOTH, &[protocol::IPCOMP], transport::ipcomp),
    entry("ah", V4, &[protocol::AH], transport::ah),
    entry("ah", V6, &[], extension::ah),
    entry("frag", V6, &[], extension::frag),
    entry("rt", V6, &[], extension::rt),
    entry("hbh", V6, &[], extension::hbh),
    entry("dst", V6, &[], extension::dst),
    entry("ipv6header", V6, &[], extension::ipv6header),
    entry("srh", V6, &[], extension::srh),
    entry("mh", V6, &[protocol::MOBILITY], extension::mh),
    entry("addrtype", V4, &[], network::addrtype),
    MatchKind {
        // The Input stage has policy routing rules, which programs do not look at.
        stages: &[Stage::Prerouting, Stage::Forward, Stage::Postrouting, Stage::Output],
        ..entry("addrtype", V6, &[], network::addrtype)
    },
    MatchKind { stages: &[Stage::Prerouting], ..entry("rpfilter", BOTH, &[], network::rpfilter) },
    entry("iprange", BOTH, &[], network::iprange),
    entry("length", BOTH, &[], network::length),
    entry("ttl", V4, &[], network::ttl),
    entry("hl", V6, &[], network::hl),
    entry("tos", BOTH, &[], network::tos),
    entry("dscp", BOTH, &[], network::dscp),
    entry("ecn", BOTH, &[], network::ecn),
    MatchKind {
        stages: &[Stage::Prerouting, Stage::Input, Stage::Forward],
        ..entry("mac", BOTH, &[], link::mac)
    },
    MatchKind {
        stages: &[Stage::Prerouting, Stage::Input, Stage::Forward],
        ..entry("eui64", V6, &[], link::eui64)
    },
    MatchKind {
        stages: &[Stage::Prerouting, Stage::Input, Stage::Forward],
        ..entry("devgroup", BOTH, &[], sender::input_group)
    },
    MatchKind {
        stages: &[Stage::Forward, Stage::Postrouting, Stage::Output],
        ..entry("devgroup", BOTH, &[], sender::output_group)
    },
    MatchKind {
        stages: &[Stage::Forward, Stage::Postrouting, Stage::Output],
        sender: true,
        ..entry("realm", V4, &[], sender::realm)
    },
    MatchKind {
        stages: &[Stage::Postrouting, Stage::Output],
        sender: true,
        ..entry("owner", BOTH, &[], sender::owner)
    },
    MatchKind {
        stages: &[Stage::Postrouting, Stage::Output],
        sender: true,
        ..entry("cgroup", BOTH, &[], sender::cgroup)
    },
    entry("string", BOTH, &[], payload::string),
    entry("u32", BOTH, &[], payload::u32),
    entry("bpf", BOTH, &[], payload::bpf),
    entry("time", BOTH, &[], link::time),
    entry("pkttype", BOTH, &[], link::pkttype),
    entry("mark", BOTH, &[], link::mark),
    entry("comment", BOTH, &[], link::comment),
    MatchKind {
        // Of the hooks that only the netfilter target has packets at.
        stages: &[Stage::Forward],
        ..entry("physdev", BOTH, &[], link::physdev)
    },
    MatchKind { stages: &[Stage::Forward], ..entry("policy", BOTH, &[], link::policy) },
    entry("cpu", BOTH, &[], link::cpu),
    entry("statistic", BOTH, &[], link::statistic),
    entry("limit", BOTH, &[], state::limit),
    entry("quota", BOTH, &[], state::quota),
    entry("recent", BOTH, &[], state::recent),
    entry("hashlimit", BOTH, &[], state::hashlimit),
    entry("set", BOTH, &[], set::set),
    MatchKind {
        stages: &[Stage::Prerouting, Stage::Input, Stage::Forward],
        ..entry("set", V4, &[], set::mac)
    },
    MatchKind {
        stages: &[Stage::Prerouting, Stage::Input, Stage::Forward],
        ..entry("set", BOTH, &[], set::interface)
    },
];

/// Those that ask what connection tracking knows.
pub const CONNECTION_MATCHES: &[MatchKind] = &[
    MatchKind { stages: &Stage::TRACKED, ..entry("conntrack", BOTH, &[], connection::conntrack) },
    MatchKind { stages: &Stage::TRACKED, ..entry("state", BOTH, &[], connection::state) },
    MatchKind {
        stages: &[Stage::TrackedInput, Stage::TrackedForward],
        after_tracking: true,
        ..entry("connmark", BOTH, &[], connection::connmark)
    },
    MatchKind {
        // Before forwarding it changes what frames are for, which netfilter programs cannot.
        stages: &[Stage::TrackedForward],
        ..entry("cluster", BOTH, &[], connection::cluster)
    },
    MatchKind {
        stages: &[Stage::TrackedInput, Stage::TrackedForward],
        after_tracking: true,
        ..entry("connlabel", BOTH, &[], connection::connlabel)
    },
    MatchKind {
        stages: &Stage::TRACKED,
        after_tracking: true,
        ..entry("connbytes", BOTH, &[], connection::connbytes)
    },
    MatchKind {
        stages: &Stage::TRACKED,
        after_tracking: true,
        ..entry("helper", BOTH, &[], connection::helper)
    },
];

/// Those whose answer depends on connections of before, of which no generated packets are part.
pub const COUNTING_MATCHES: &[MatchKind] =
    &[entry("connlimit", BOTH, &[protocol::TCP, protocol::UDP], connection::connlimit)];
