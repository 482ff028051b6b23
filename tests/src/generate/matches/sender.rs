//! Who sends a packet and by what way: owner, cgroup, devgroup and realm.
//!
//! Packets that come in have no socket; those that the host sends are of whoever runs the test, and
//! of no class. Interfaces and routes of the oracle have the groups and realms of
//! [`crate::lab::view`].

use super::Maker;
use crate::lab::view::{GROUPS, REALMS};

pub(super) fn owner(maker: &mut Maker<'_>) -> String {
    let rng = &mut *maker.rng;
    let ids = ["0", "0", "0-5", "1", "1000", "1-4294967294"];
    let mut text = String::new();
    if rng.one_in(2) {
        text += &format!(" {}--uid-owner {}", rng.negation(), rng.pick(&ids));
    }
    if rng.one_in(3) {
        text += &format!(" {}--gid-owner {}", rng.negation(), rng.pick(&ids));
        text += *rng.pick(&["", " --suppl-groups"]);
    }
    if text.is_empty() || rng.one_in(3) {
        text += &format!(" {}--socket-exists", rng.negation());
    }
    text
}

pub(super) fn cgroup(maker: &mut Maker<'_>) -> String {
    if maker.rng.one_in(4) {
        // The root is the only group that is there on every machine.
        return format!(" {}--path {}", maker.rng.negation(), maker.rng.pick(&["/", "\"\""]));
    }
    let class = *maker.rng.pick(&[0u32, 0, 1, 0x0010_0001]);
    format!(" {}--cgroup {class}", maker.rng.negation())
}

/// A number with a mask, of those that there are or near them.
fn near(maker: &mut Maker<'_>, numbers: &[u32]) -> String {
    let rng = &mut *maker.rng;
    let number = *rng.pick(numbers) ^ if rng.one_in(4) { 1 << rng.below(5) } else { 0 };
    match rng.one_in(3) {
        true => format!("{:#x}/{:#x}", number & 0xf, 0xf),
        false => format!("{number:#x}"),
    }
}

pub(super) fn input_group(maker: &mut Maker<'_>) -> String {
    let groups: Vec<u32> = GROUPS.iter().map(|(_, group)| *group).chain([0]).collect();
    let negation = maker.rng.negation();
    format!(" {negation}--src-group {}", near(maker, &groups))
}

pub(super) fn output_group(maker: &mut Maker<'_>) -> String {
    let groups: Vec<u32> = GROUPS.iter().map(|(_, group)| *group).chain([0]).collect();
    let negation = maker.rng.negation();
    format!(" {negation}--dst-group {}", near(maker, &groups))
}

pub(super) fn realm(maker: &mut Maker<'_>) -> String {
    let [low, high] = REALMS;
    let all = [low, low, high, 0, low << 16 | low, high << 16];
    let negation = maker.rng.negation();
    let realm = *maker.rng.pick(&all);
    let mask = *maker.rng.pick(&[0xffff_ffff, 0xffff, 0xffff_0000, 1, 0x0001_0000u32]);
    match mask {
        0xffff_ffff => format!(" {negation}--realm {realm:#x}"),
        mask => format!(" {negation}--realm {:#x}/{mask:#x}", realm & mask),
    }
}
