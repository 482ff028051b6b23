//! Policy routing rules: which table a flow is looked up in next (net/core/fib_rules.c,
//! `fib_rules_lookup`; net/ipv4/fib_rules.c and net/ipv6/fib6_rules.c).
//!
//! The flow belongs to user 0 and comes from no tunnel; all else a [`Flow`] says.

use super::flow::{Flow, Search};
use super::node::require_prefix;
use super::step::{LEGACY_TOS, mode};
use crate::asm::{Alu, Asm, Jump, Label, R0, R1, R2, R3, R4, R7, R8, R9, Size, Width};
use crate::kernel::{self, cast, first_device, if_null, load};
use crate::packet::region::walk::{
    ADDRESSES, CHAINS, CURRENT, END, FOUND, GROUP, KEY, LONGEST_SUPPRESSED, MODE, NODE, NONE, OUT,
    RULE, TABLE,
};
use bpfc_ir::Family;

/// `LOOPBACK_IFINDEX`.
const LOOPBACK: i32 = 1;
/// `FIB_RULE_INVERT` (include/uapi/linux/fib_rules.h).
const INVERT: i32 = 0x2;
/// `FR_ACT_*`.
const TO_TABLE: i32 = 1;
const GOTO: i32 = 2;
const NOP: i32 = 3;
/// `RT_TABLE_MAIN` and `RT_TABLE_LOCAL`.
const MAIN_TABLE: i32 = 254;
const LOCAL_TABLE: i32 = 255;
/// Chains of tables, of each family.
const BUCKETS: i32 = 256;
/// Bits of the type of service that are DSCP.
const DSCP: i32 = 0xfc;
/// `IPV6_FLOWLABEL_MASK`.
const FLOW_LABEL: i32 = 0x000f_ffff;

/// r8 = `struct net *`: the first rule is next.
pub(super) fn begin(asm: &mut Asm, search: &dyn Search) {
    let at = search.at();
    let (structure, member, rules) = match search.family() {
        Family::Ipv4 => ("netns_ipv4", "ipv4", "rules_ops"),
        Family::Ipv6 => ("netns_ipv6", "ipv6", "fib6_rules_ops"),
    };
    match search.family() {
        Family::Ipv4 => {
            asm.load(Size::W, R1, R7, search.flow().destination);
            asm.from_big_endian(R1, 32);
            asm.store(Size::W, R7, at + KEY, R1);
        }
        Family::Ipv6 => {}
    }
    kernel::enter(asm, R8, "net", member, 0);
    load(asm, R1, R8, structure, "fib_table_hash", 8);
    asm.store(Size::D, R7, at + CHAINS, R1);
    if search.family() == Family::Ipv6 {
        load(asm, R1, R8, structure, "fib6_null_entry", 8);
        asm.store(Size::D, R7, at + NONE, R1);
        load(asm, R1, R8, structure, "inet6_addr_lst", 8);
        asm.store(Size::D, R7, at + ADDRESSES, R1);
    }
    load(asm, R1, R8, structure, rules, 8);
    kernel::enter(asm, R1, "fib_rules_ops", "rules_list", 16);
    asm.store(Size::D, R7, at + END, R1);
    cast(asm, R1, "list_head");
    load(asm, R1, R0, "list_head", "next", 8);
    asm.store(Size::D, R7, at + RULE, R1);
    if search.family() == Family::Ipv6 {
        // Before the first rule is added the kernel asks none, also where some were deleted.
        let custom = asm.label();
        load(asm, R1, R8, structure, "fib6_has_custom_rules", 1);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, custom);
        asm.store_imm(Size::D, R7, at + END, 0);
        asm.store_imm(Size::W, R7, at + TABLE, 0);
        asm.store_imm(Size::W, R7, at + LONGEST_SUPPRESSED, -1);
        asm.store_imm(Size::W, R7, at + GROUP, -1);
        asm.place(custom);
    }
}

/// One rule; `end` where it is the last one and where it refuses.
pub(super) fn step(asm: &mut Asm, search: &dyn Search, again: Label, end: Label) {
    let at = search.at();
    let [differs, decided, table, chain] = std::array::from_fn(|_| asm.label());
    asm.load(Size::D, R1, R7, at + RULE);
    asm.load(Size::D, R2, R7, at + END);
    if search.family() == Family::Ipv6 {
        without_rules(asm, at, chain, end);
    }
    asm.jump(Jump::Eq, Width::W64, R1, R2, end);
    if_null(asm, R1, end);
    asm.store(Size::D, R7, at + CURRENT, R1);
    // Its place in the list is its first member.
    cast(asm, R1, "list_head");
    load(asm, R1, R0, "list_head", "next", 8);
    asm.store(Size::D, R7, at + RULE, R1);
    current(asm, search);
    common(asm, search, differs);
    match search.family() {
        Family::Ipv4 => ipv4(asm, &search.flow(), differs),
        Family::Ipv6 => ipv6(asm, search, differs),
    }
    asm.mov_imm(R9, 1);
    asm.goto(decided);
    asm.place(differs);
    asm.mov_imm(R9, 0);
    asm.place(decided);

    current(asm, search);
    load(asm, R1, R8, "fib_rule", "flags", 4);
    asm.alu_imm(Alu::And, Width::W64, R1, INVERT);
    asm.alu_imm(Alu::Rsh, Width::W64, R1, 1);
    asm.alu(Alu::Xor, Width::W64, R9, R1);
    if_null(asm, R9, again);
    load(asm, R1, R8, "fib_rule", "action", 1);
    asm.jump_imm(Jump::Eq, Width::W64, R1, TO_TABLE, table);
    asm.jump_imm(Jump::Eq, Width::W64, R1, NOP, again);
    asm.jump_imm(Jump::Ne, Width::W64, R1, GOTO, end);
    // Where the rule to go to is missing, the next one follows.
    load(asm, R1, R8, "fib_rule", "ctarget", 8);
    if_null(asm, R1, again);
    asm.store(Size::D, R7, at + RULE, R1);
    asm.goto(again);

    asm.place(table);
    for (member, place) in
        [("suppress_prefixlen", LONGEST_SUPPRESSED), ("suppress_ifgroup", GROUP), ("table", TABLE)]
    {
        load(asm, R1, R8, "fib_rule", member, 4);
        asm.store(Size::W, R7, at + place, R1);
    }
    asm.place(chain);
    asm.alu_imm(Alu::And, Width::W64, R1, BUCKETS - 1);
    asm.alu_imm(Alu::Lsh, Width::W64, R1, 3);
    asm.load(Size::D, R2, R7, at + CHAINS);
    asm.alu(Alu::Add, Width::W64, R1, R2);
    cast(asm, R1, "hlist_head");
    load(asm, R1, R0, "hlist_head", "first", 8);
    asm.store(Size::D, R7, at + NODE, R1);
    asm.store_imm(Size::W, R7, at + MODE, mode::TABLE);
    asm.goto(again);
}

/// r2 = 0 where no rules are asked: goes on at `chain` with the local, then with the main table in
/// r1.
fn without_rules(asm: &mut Asm, at: i16, chain: Label, end: Label) {
    let [rules, chosen] = std::array::from_fn(|_| asm.label());
    asm.jump_imm(Jump::Ne, Width::W64, R2, 0, rules);
    asm.load(Size::W, R2, R7, at + TABLE);
    asm.jump_imm(Jump::Eq, Width::W64, R2, MAIN_TABLE, end);
    asm.mov_imm(R1, LOCAL_TABLE);
    if_null(asm, R2, chosen);
    asm.mov_imm(R1, MAIN_TABLE);
    asm.place(chosen);
    asm.store(Size::W, R7, at + TABLE, R1);
    asm.goto(chain);
    asm.place(rules);
}

/// r8 = the rule, as its family has it; what families have in common comes first.
fn current(asm: &mut Asm, search: &dyn Search) {
    asm.load(Size::D, R1, R7, search.at() + CURRENT);
    cast(asm, R1, name(search.family()));
    asm.mov(R8, R0);
}

fn name(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "fib4_rule",
        Family::Ipv6 => "fib6_rule",
    }
}

/// `fib_rule_match`, and of the families' own tests those that are alike.
fn common(asm: &mut Asm, search: &dyn Search, differs: Label) {
    let flow = search.flow();
    let [any_in, any_out, any_protocol] = std::array::from_fn(|_| asm.label());
    load(asm, R1, R8, "fib_rule", "iifindex", 4);
    if_null(asm, R1, any_in);
    match flow.input {
        Some(input) => {
            asm.load(Size::W, R2, R7, input);
            asm.jump(Jump::Ne, Width::W32, R1, R2, differs);
        }
        None => asm.jump_imm(Jump::Ne, Width::W32, R1, LOOPBACK, differs),
    }
    asm.place(any_in);
    load(asm, R1, R8, "fib_rule", "oifindex", 4);
    if_null(asm, R1, any_out);
    asm.load(Size::W, R2, R7, search.at() + OUT);
    asm.jump(Jump::Ne, Width::W32, R1, R2, differs);
    asm.place(any_out);
    match flow.mark {
        Some(mark) => asm.load(Size::W, R2, R7, mark),
        None => asm.mov_imm(R2, 0),
    }
    load(asm, R1, R8, "fib_rule", "mark", 4);
    asm.alu(Alu::Xor, Width::W64, R1, R2);
    load(asm, R2, R8, "fib_rule", "mark_mask", 4);
    asm.alu(Alu::And, Width::W64, R1, R2);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, differs);
    load(asm, R1, R8, "fib_rule", "tun_id", 8);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, differs);
    load(asm, R1, R8, "fib_rule", "l3mdev", 1);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, differs);
    // The first user: a range begins with its lower end.
    asm.load_field(Size::W, R1, R8, kernel::field("fib_rule", "uid_range", 8));
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, differs);
    for (number, side) in (0..).zip(["sport", "dport"]) {
        port(asm, side, flow.ports.map(|ports| ports + 2 * number), differs);
    }
    load(asm, R1, R8, "fib_rule", "ip_proto", 1);
    if_null(asm, R1, any_protocol);
    match flow.protocol {
        None => asm.goto(differs),
        Some(protocol) => {
            asm.load(Size::B, R2, R7, protocol);
            asm.jump(Jump::Ne, Width::W64, R1, R2, differs);
        }
    }
    asm.place(any_protocol);
}

/// A range of ports, of which a rule that does not ask has 0 to 0. Since Linux 6.15 a rule that
/// names one port can say which of its bits count (include/net/fib_rules.h, `fib_rule_port_match`).
fn port(asm: &mut Asm, side: &str, port: Option<i16>, differs: Label) {
    let [any, range] = std::array::from_fn(|_| asm.label());
    let (member, mask) = (format!("{side}_range"), format!("{side}_mask"));
    asm.mov(R3, R8);
    kernel::enter(asm, R3, "fib_rule", &member, 4);
    asm.load(Size::H, R1, R3, 0);
    let Some(port) = port else {
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, differs);
        return;
    };
    asm.load(Size::H, R3, R3, 2);
    if_null(asm, R3, any);
    asm.load(Size::H, R2, R7, port);
    asm.from_big_endian(R2, 16);
    asm.field_exists(R4, kernel::field("fib_rule", &mask, 2));
    if_null(asm, R4, range);
    load(asm, R4, R8, "fib_rule", &mask, 2);
    if_null(asm, R4, range);
    asm.alu(Alu::Xor, Width::W64, R2, R1);
    asm.alu(Alu::And, Width::W64, R2, R4);
    asm.jump_imm(Jump::Ne, Width::W64, R2, 0, differs);
    asm.goto(any);
    asm.place(range);
    asm.jump(Jump::Lt, Width::W64, R2, R1, differs);
    asm.jump(Jump::Gt, Width::W64, R2, R3, differs);
    asm.place(any);
}

/// `fib4_rule_match`.
fn ipv4(asm: &mut Asm, flow: &Flow, differs: Label) {
    for (address, mask, place) in
        [("src", "srcmask", flow.source), ("dst", "dstmask", Some(flow.destination))]
    {
        load(asm, R1, R8, "fib4_rule", address, 4);
        match place {
            Some(place) => asm.load(Size::W, R2, R7, place),
            None => asm.mov_imm(R2, 0),
        }
        asm.alu(Alu::Xor, Width::W64, R1, R2);
        load(asm, R2, R8, "fib4_rule", mask, 4);
        asm.alu(Alu::And, Width::W64, R1, R2);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, differs);
    }
    match flow.header {
        Some(header) => asm.load(Size::B, R2, R7, header + 1),
        None => asm.mov_imm(R2, 0),
    }
    dscp(asm, Family::Ipv4, differs);
}

/// r2 = the packet's type of service, which must be the rule's in r8. Rules say all bits of DSCP
/// or, since Linux 6.15, some of them; IPv4's rules by TOS, which `dscp_full` (Linux 6.12) tells
/// from those by DSCP, compare what the type of service had once.
fn dscp(asm: &mut Asm, family: Family, differs: Label) {
    let [unmasked, whole, by_tos, any] = std::array::from_fn(|_| asm.label());
    let rule = name(family);
    asm.alu_imm(Alu::And, Width::W64, R2, DSCP);
    load(asm, R1, R8, rule, "dscp", 1);
    asm.field_exists(R3, kernel::field(rule, "dscp_mask", 1));
    if_null(asm, R3, unmasked);
    load(asm, R3, R8, rule, "dscp_mask", 1);
    if_null(asm, R3, if family == Family::Ipv4 { by_tos } else { any });
    asm.alu(Alu::Xor, Width::W64, R1, R2);
    asm.alu(Alu::And, Width::W64, R1, R3);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, differs);
    asm.goto(any);
    asm.place(unmasked);
    if family == Family::Ipv4 {
        asm.field_exists(R3, kernel::field(rule, "dscp_full", 1));
        if_null(asm, R3, by_tos);
        // A bit field, alone in the byte behind.
        asm.mov(R3, R8);
        kernel::enter(asm, R3, rule, "dscp", 1);
        asm.load(Size::B, R3, R3, 1);
        asm.jump_imm(Jump::Ne, Width::W64, R3, 0, whole);
        asm.place(by_tos);
        asm.alu_imm(Alu::And, Width::W64, R2, LEGACY_TOS);
    }
    if_null(asm, R1, any);
    asm.place(whole);
    asm.jump(Jump::Ne, Width::W64, R1, R2, differs);
    asm.place(any);
}

/// Linux 6.14 can tell flows by their labels.
fn flow_label(asm: &mut Asm, header: Option<i16>, differs: Label) {
    let any = asm.label();
    for member in ["flowlabel", "flowlabel_mask"] {
        asm.field_exists(R1, kernel::field("fib6_rule", member, 4));
        if_null(asm, R1, any);
    }
    load(asm, R1, R8, "fib6_rule", "flowlabel", 4);
    if let Some(header) = header {
        asm.load(Size::W, R2, R7, header);
        asm.alu(Alu::Xor, Width::W64, R1, R2);
    }
    load(asm, R2, R8, "fib6_rule", "flowlabel_mask", 4);
    asm.alu(Alu::And, Width::W64, R1, R2);
    asm.from_big_endian(R1, 32);
    asm.alu_imm(Alu::And, Width::W64, R1, FLOW_LABEL);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, differs);
    asm.place(any);
}

/// `fib6_rule_match`. The unspecified address is no source.
fn ipv6(asm: &mut Asm, search: &dyn Search, differs: Label) {
    let flow = search.flow();
    let any = asm.label();
    match flow.header {
        Some(header) => {
            asm.load(Size::H, R2, R7, header);
            asm.from_big_endian(R2, 16);
            asm.alu_imm(Alu::Rsh, Width::W64, R2, 4);
        }
        None => asm.mov_imm(R2, 0),
    }
    dscp(asm, Family::Ipv6, differs);
    flow_label(asm, flow.header, differs);
    for (member, address) in [("dst", Some(flow.destination)), ("src", flow.source)] {
        asm.load(Size::D, R1, R7, search.at() + CURRENT);
        kernel::enter(asm, R1, "fib6_rule", member, 20);
        cast(asm, R1, "rt6key");
        asm.mov(R8, R0);
        load(asm, R1, R8, "rt6key", "plen", 4);
        if member == "src" {
            if_null(asm, R1, any);
        }
        let Some(address) = address else {
            asm.goto(differs);
            continue;
        };
        if member == "src" {
            asm.load(Size::D, R1, R7, address);
            asm.load(Size::D, R2, R7, address + 8);
            asm.alu(Alu::Or, Width::W64, R1, R2);
            if_null(asm, R1, differs);
        }
        require_prefix(asm, Some(address), differs);
    }
    asm.place(any);
}

/// Goes on where the rule takes the route of r8 = `struct fib_alias *`, at `next` where it
/// suppresses it (`fib4_rule_suppress`). `FOUND` is its `struct fib_info`. Clobbers r0 to r5.
pub(super) fn unless_ipv4_suppressed(asm: &mut Asm, at: i16, next: Label) {
    asm.load(Size::D, R1, R7, at + FOUND);
    first_device(asm);
    load(asm, R3, R8, "fib_alias", "fa_slen", 1);
    asm.mov_imm(R2, 32);
    asm.alu(Alu::Sub, Width::W64, R2, R3);
    unless_suppressed(asm, at, next);
}

/// Likewise of r8 = `struct fib6_info *` by the device in r9 (`fib6_rule_suppress`).
pub(super) fn unless_ipv6_suppressed(asm: &mut Asm, at: i16, next: Label) {
    asm.mov(R2, R8);
    kernel::enter(asm, R2, "fib6_info", "fib6_dst", 20);
    load(asm, R2, R2, "rt6key", "plen", 4);
    asm.mov(R1, R9);
    unless_suppressed(asm, at, next);
}

/// Of a route to a prefix of r2 bits by the device in r1. Clobbers r1 and r3.
fn unless_suppressed(asm: &mut Asm, at: i16, next: Label) {
    let [long, done] = std::array::from_fn(|_| asm.label());
    asm.load(Size::W, R3, R7, at + LONGEST_SUPPRESSED);
    asm.jump(Jump::Slt, Width::W32, R3, R2, long);
    asm.goto(next);
    asm.place(long);
    asm.load(Size::W, R3, R7, at + GROUP);
    asm.jump_imm(Jump::Eq, Width::W32, R3, -1, done);
    if_null(asm, R1, done);
    load(asm, R1, R1, "net_device", "group", 4);
    asm.jump(Jump::Eq, Width::W32, R1, R3, next);
    asm.place(done);
}
