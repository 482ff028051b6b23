//! `-m cluster`: whether this node of a cluster is the one that a connection's first sender hashes
//! to (net/netfilter/xt_cluster.c).
//!
//! Of an IPv6 address the first four bytes alone are hashed: the kernel takes its length in words
//! (`NF_CT_TUPLE_L3SIZE`) for one in bytes.
//!
//! All nodes get all frames, under an Ethernet address of a group. So the match, whatever it
//! decides, makes frames for a group that carry a packet for one host packets for this host.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    DecodeCx, Families, Fields, Match, MatchExtension, OptionSpec, Options, Problem, Revision,
    Unsupported,
};
use bpfc_ir::{Base, Condition, CtField, Family, Meta, Op, Type};
use bpfc_packet::pkt_type;
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

/// The descriptor.
pub static CLUSTER: MatchExtension = MatchExtension {
    name: "cluster",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::value("cluster-total-nodes").mandatory(),
        OptionSpec::value("cluster-local-node").invertible(),
        OptionSpec::value("cluster-local-nodemask").invertible(),
        OptionSpec::value("cluster-hash-seed").mandatory(),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision { number: 0, size: 16, decode }],
};

/// `XT_CLUSTER_NODES_MAX`.
const MOST_NODES: u32 = 32;

#[derive(Debug)]
struct Cluster {
    family: Family,
    /// How many nodes there are, up to [`MOST_NODES`]. A blob can say 0.
    nodes: u32,
    /// Those that this one is, each a bit.
    mask: u32,
    seed: u32,
    invert: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let (node, mask) = ("cluster-local-node", "cluster-local-nodemask");
    options.exclusive(&[node, mask])?;
    options.one_of(&[node, mask])?;
    let number = |id, low, high| match options.get(id) {
        Some(given) => given.number(low, high).map(|number| (number as u32, given.invert)),
        None => Ok((0, false)),
    };
    let (nodes, _) = number("cluster-total-nodes", 1, MOST_NODES.into())?;
    let (seed, _) = number("cluster-hash-seed", 0, u32::MAX.into())?;
    // iptables bounds the mask as it bounds the number of a node.
    let (mask, invert) = match options.has(node) {
        true => {
            number(node, 1, MOST_NODES.into()).map(|(node, invert)| (1 << (node - 1), invert))?
        }
        false => number(mask, 1, MOST_NODES.into())?,
    };
    let made = Cluster { family: options.family, nodes, mask, seed, invert };
    made.check().map_err(|reason| options.bad(reason))?;
    Ok(Arc::new(made))
}

/// `struct xt_cluster_match_info`.
fn decode(f: Fields<'_>, cx: &DecodeCx<'_>) -> Result<Arc<dyn Match>, String> {
    let (nodes, mask, seed) = (f.u32(0), f.u32(4), f.u32(8));
    let invert = match f.u32(12) {
        flags @ (0 | 1) => flags == 1,
        flags => return Err(format!("its flags are {flags:#x}, of which the kernel knows 1")),
    };
    let made = Cluster { family: cx.family, nodes, mask, seed, invert };
    made.check()?;
    Ok(Arc::new(made))
}

impl Cluster {
    /// What the kernel refuses (`xt_cluster_mt_checkentry`).
    fn check(&self) -> Result<(), String> {
        if self.nodes > MOST_NODES {
            return Err(format!("{} nodes are more than {MOST_NODES}", self.nodes));
        }
        if u64::from(self.mask) >= 1 << self.nodes {
            return Err(format!("a cluster of {} has no nodes {:#x}", self.nodes, self.mask));
        }
        Ok(())
    }

    /// The hashes of the nodes of the mask: ranges, ends included. Node N has those whose product
    /// with the number of nodes has N in its upper 32 bits (`reciprocal_scale`).
    fn ranges(&self) -> Vec<(u128, u128)> {
        let nodes = u64::from(self.nodes).max(1);
        let first = |node: u32| (u64::from(node) << 32).div_ceil(nodes);
        let mut ranges: Vec<(u128, u128)> = Vec::new();
        for node in (0..self.nodes).filter(|node| self.mask >> node & 1 != 0) {
            let (low, high) = (u128::from(first(node)), u128::from(first(node + 1)) - 1);
            match ranges.last_mut() {
                Some((_, end)) if *end + 1 == low => *end = high,
                _ => ranges.push((low, high)),
            }
        }
        ranges
    }
}

impl Match for Cluster {
    fn extension(&self) -> &'static MatchExtension {
        &CLUSTER
    }

    fn save(&self, out: &mut String) {
        let _ = write!(
            out,
            "{} --cluster-local-nodemask {:#010x} --cluster-total-nodes {} --cluster-hash-seed {:#010x}",
            if self.invert { " !" } else { "" },
            self.mask,
            self.nodes,
            self.seed
        );
    }

    fn list(&self, out: &mut String) {
        let _ = write!(
            out,
            " cluster {}node_mask={:#010x} total_nodes={} hash_seed={:#010x}",
            if self.invert { "!" } else { "" },
            self.mask,
            self.nodes,
            self.seed
        );
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let b = cx.builder();
        let typed = b.block();
        let kind = b.meta(Meta::PacketType);
        let group = b.compare_const(Condition::Eq, kind, pkt_type::MULTICAST.into());
        b.require(group, typed);
        let (offset, low, high) = match self.family {
            Family::Ipv4 => (16, 0xe0, 0xef),
            Family::Ipv6 => (24, 0xff, 0xff),
        };
        let first = b.payload(Type::I8, Base::Network, offset);
        let to_group = b.in_range(first, low, high);
        b.forbid(to_group, typed);
        b.push(Op::ToHost);
        b.jump(typed);
        b.switch_to(typed);
        let present = b.ct(CtField::Present);
        let present = b.compare_const(Condition::Ne, present, 0);
        cx.require(present);
        let ranges = self.ranges();
        if ranges.is_empty() {
            if !self.invert {
                cx.never();
            }
            return Ok(());
        }
        let b = cx.builder();
        let source = b.ct(CtField::Initiator);
        let hash = b.hash(vec![source], 4, self.seed);
        cx.expect_any(&ranges, !self.invert, |b, &(low, high)| b.in_range(hash, low, high));
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>, _: &mut u64) -> Outcome {
        if view.packet_type.get() == pkt_type::MULTICAST
            && !view.packet.destination().is_multicast()
        {
            view.packet_type.set(pkt_type::HOST);
        }
        let packet = view.packet.packet();
        let Some(connection) = &packet.conntrack else { return Outcome::NoMatch };
        let source = packet.extensions.announcer.unwrap_or(connection.original.source);
        let word = match source {
            IpAddr::V4(source) => u32::from_ne_bytes(source.octets()),
            IpAddr::V6(source) => {
                let [a, b, c, d, ..] = source.octets();
                u32::from_ne_bytes([a, b, c, d])
            }
        };
        let hash = hash(word, self.seed);
        let node = (u64::from(hash) * u64::from(self.nodes)) >> 32;
        Outcome::of((self.mask >> node & 1 != 0) != self.invert)
    }
}

/// `jhash_1word` (include/linux/jhash.h).
fn hash(word: u32, seed: u32) -> u32 {
    let start = 0xdead_beef_u32.wrapping_add(4).wrapping_add(seed);
    let (mut a, mut b, mut c) = (start.wrapping_add(word), start, start);
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The range that a hash lies in is that of the node that the kernel's multiplication finds.
    #[test]
    fn ranges_are_those_of_the_multiplication() {
        for nodes in 1..=MOST_NODES {
            for node in 0..nodes {
                let family = Family::Ipv4;
                let one = Cluster { family, nodes, mask: 1 << node, seed: 0, invert: false };
                let [(low, high)] = one.ranges()[..] else { panic!() };
                let of = |hash: u128| (hash * u128::from(nodes)) >> 32;
                assert_eq!((of(low), of(high)), (node.into(), node.into()));
                assert!(low == 0 || of(low - 1) < node.into());
                assert!(high == u128::from(u32::MAX) || of(high + 1) > node.into());
            }
        }
    }
}
