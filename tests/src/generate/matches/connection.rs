//! What connection tracking knows: conntrack, state, connmark, connlabel, connbytes, helper,
//! cluster and connlimit.

use super::Maker;
use crate::generate::conversation::{clients, servers};
use crate::generate::draft::protocol;
use crate::generate::values::range_text;
use crate::lab::Family;

/// Some of a list of words, at least one, with commas between them.
fn some(maker: &mut Maker<'_>, words: &[&str]) -> String {
    let mut chosen: Vec<&str> = words.iter().filter(|_| maker.rng.one_in(3)).copied().collect();
    if chosen.is_empty() {
        chosen.push(*maker.rng.pick::<&str>(words));
    }
    chosen.join(",")
}

const STATES: &[&str] = &["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"];

pub(super) fn state(maker: &mut Maker<'_>) -> String {
    format!(" {}--state {}", maker.rng.negation(), some(maker, STATES))
}

pub(super) fn conntrack(maker: &mut Maker<'_>) -> String {
    let mut text = String::new();
    if maker.rng.one_in(2) {
        let states = [STATES, &["SNAT", "DNAT"]].concat();
        text += &format!(" {}--ctstate {}", maker.rng.negation(), some(maker, &states));
    }
    if maker.rng.one_in(5) && !maker.orderly {
        let statuses = ["NONE", "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED"];
        text += &format!(" {}--ctstatus {}", maker.rng.negation(), some(maker, &statuses));
    }
    if maker.rng.one_in(4) {
        text += &format!(" --ctdir {}", maker.rng.pick(&["ORIGINAL", "REPLY"]));
    }
    if maker.rng.one_in(5) {
        let known = [protocol::TCP, protocol::UDP, protocol::ICMP, protocol::ICMPV6];
        text += &format!(" {}--ctproto {}", maker.rng.negation(), maker.rng.pick(&known));
    }
    for (option, client) in [
        ("--ctorigsrc", true),
        ("--ctorigdst", false),
        ("--ctreplsrc", false),
        ("--ctrepldst", true),
    ] {
        if maker.rng.one_in(8) {
            let hosts = if client { clients(maker.family) } else { servers(maker.family) };
            let host = maker.rng.pick(&hosts);
            text += &format!(" {}{option} {host}", maker.rng.negation());
        }
    }
    for (option, client) in [
        ("--ctorigsrcport", true),
        ("--ctorigdstport", false),
        ("--ctreplsrcport", false),
        ("--ctrepldstport", true),
    ] {
        if maker.rng.one_in(8) {
            let (low, high) = match client {
                true => (40_000 + maker.rng.below(8), 40_008 + maker.rng.below(50)),
                false => (*maker.rng.pick(&[22u64, 53, 80]), *maker.rng.pick(&[80u64, 123, 443])),
            };
            text += &format!(" {}{option} {}", maker.rng.negation(), range_text(low, high));
        }
    }
    if text.is_empty() {
        text += &format!(" --ctstate {}", some(maker, STATES));
    }
    text
}

/// Connections to port 443 have mark 7, all others none.
pub(super) fn connmark(maker: &mut Maker<'_>) -> String {
    let value = *maker.rng.pick(&["0x0", "0x7", "0x3/0x3", "0x0/0x8", "0x4/0x6"]);
    format!(" {}--mark {value}", maker.rng.negation())
}

/// Clusters of a few nodes, or of many.
pub(super) fn cluster(maker: &mut Maker<'_>) -> String {
    let nodes = *maker.rng.pick(&[1u64, 2, 2, 3, 7, 32]);
    let negation = maker.rng.negation();
    let local = match maker.rng.one_in(2) && nodes > 5 {
        true => format!("{negation}--cluster-local-nodemask {}", maker.rng.within(1..=31)),
        false => format!("{negation}--cluster-local-node {}", maker.rng.within(1..=nodes)),
    };
    let seed = maker.rng.bits() as u32;
    format!(" --cluster-total-nodes {nodes} {local} --cluster-hash-seed {seed:#x}")
}

/// Connections to port 443 have label 5, all others none.
pub(super) fn connlabel(maker: &mut Maker<'_>) -> String {
    let label = *maker.rng.pick(&[5u32, 5, 0, 69, 127]);
    format!(" {}--label {label}", maker.rng.negation())
}

/// Connections to TCP port 22 have the helper ftp, all others none.
pub(super) fn helper(maker: &mut Maker<'_>) -> String {
    let name = *maker.rng.pick(&["ftp", "ftp", "ftp-21", "ft", "sip", "\"\""]);
    format!(" {}--helper {name}", maker.rng.negation())
}

/// What a conversation's few packets come to, and more.
pub(super) fn connbytes(maker: &mut Maker<'_>) -> String {
    let rng = &mut *maker.rng;
    let (mode, most) = *rng.pick(&[("packets", 8), ("bytes", 600), ("avgpkt", 120)]);
    let (one, other) = (rng.within(0..=most), rng.within(0..=most));
    let range = match rng.below(3) {
        0 => format!("{one}:"),
        1 => format!(":{one}"),
        _ => format!("{}:{}", one.min(other), one.max(other)),
    };
    let direction = rng.pick(&["original", "reply", "both"]);
    let negation = rng.negation();
    format!(" {negation}--connbytes {range} --connbytes-dir {direction} --connbytes-mode {mode}")
}

pub(super) fn connlimit(maker: &mut Maker<'_>) -> String {
    let rng = &mut *maker.rng;
    let negation = rng.negation();
    let word = *rng.pick(&["upto", "above"]);
    let limit = *rng.pick(&[0u64, 1, 20, 4_294_967_295]);
    let mut text = format!(" {negation}--connlimit-{word} {limit}");
    if rng.one_in(2) {
        let most = if maker.family == Family::Ipv4 { 32 } else { 128 };
        text += &format!(" --connlimit-mask {}", rng.within(0..=most));
    }
    text + *rng.pick(&["", " --connlimit-saddr", " --connlimit-daddr"])
}
