//! Policy routing rules: which table a flow is looked up in next (net/core/fib_rules.c,
//! `fib_rules_lookup`; net/ipv4/fib_rules.c and net/ipv6/fib6_rules.c).
//!
//! The flow begins on the loopback device, belongs to user 0, comes from no tunnel and has no ports.
//! IPv4 does not know its protocol either.

use super::node::require_prefix;
use super::step::{LEGACY_TOS, Reverse, mode};
use crate::asm::{Alu, Asm, Jump, Label, R0, R1, R2, R3, R7, R8, R9, Size, Width};
use crate::kernel::{self, cast, if_null, load};
use crate::layout;
use crate::region::walk::{
    ADDRESSES, CHAINS, CURRENT, END, GROUP, KEY, LONGEST_SUPPRESSED, MODE, NODE, NONE, OUT, RULE,
    SOURCE, SOURCE_ADDRESS, TABLE,
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
/// Chains of tables, of each family.
const BUCKETS: i32 = 256;
/// Bits of the type of service that are DSCP.
const DSCP: i32 = 0xfc;
/// `IPV6_FLOWLABEL_MASK`.
const FLOW_LABEL: i32 = 0x000f_ffff;

/// r8 = `struct net *`: the first rule is next.
pub(super) fn begin(asm: &mut Asm, reverse: &Reverse) {
    let at = reverse.at;
    let (structure, member, rules) = match reverse.family {
        Family::Ipv4 => ("netns_ipv4", "ipv4", "rules_ops"),
        Family::Ipv6 => ("netns_ipv6", "ipv6", "fib6_rules_ops"),
    };
    match reverse.family {
        Family::Ipv4 => {
            asm.load(Size::W, R1, R7, layout::NETWORK + 12);
            asm.from_big_endian(R1, 32);
            asm.store(Size::W, R7, at + KEY, R1);
        }
        Family::Ipv6 => {}
    }
    kernel::enter(asm, R8, "net", member, 0);
    load(asm, R1, R8, structure, "fib_table_hash", 8);
    asm.store(Size::D, R7, at + CHAINS, R1);
    if reverse.family == Family::Ipv6 {
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
}

/// One rule; `end` where it is the last one and where it refuses.
pub(super) fn step(asm: &mut Asm, reverse: &Reverse, again: Label, end: Label) {
    let at = reverse.at;
    let [differs, decided, table] = std::array::from_fn(|_| asm.label());
    asm.load(Size::D, R1, R7, at + RULE);
    asm.load(Size::D, R2, R7, at + END);
    asm.jump(Jump::Eq, Width::W64, R1, R2, end);
    if_null(asm, R1, end);
    asm.store(Size::D, R7, at + CURRENT, R1);
    // Its place in the list is its first member.
    cast(asm, R1, "list_head");
    load(asm, R1, R0, "list_head", "next", 8);
    asm.store(Size::D, R7, at + RULE, R1);
    current(asm, reverse);
    common(asm, reverse, differs);
    match reverse.family {
        Family::Ipv4 => ipv4(asm, at, differs),
        Family::Ipv6 => ipv6(asm, reverse, differs),
    }
    asm.mov_imm(R9, 1);
    asm.goto(decided);
    asm.place(differs);
    asm.mov_imm(R9, 0);
    asm.place(decided);

    current(asm, reverse);
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

/// r8 = the rule, as its family has it; what families have in common comes first.
fn current(asm: &mut Asm, reverse: &Reverse) {
    asm.load(Size::D, R1, R7, reverse.at + CURRENT);
    cast(asm, R1, name(reverse.family));
    asm.mov(R8, R0);
}

fn name(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "fib4_rule",
        Family::Ipv6 => "fib6_rule",
    }
}

/// `fib_rule_match`, and of the families' own tests those that are alike.
fn common(asm: &mut Asm, reverse: &Reverse, differs: Label) {
    let [any_in, any_out, any_protocol] = std::array::from_fn(|_| asm.label());
    load(asm, R1, R8, "fib_rule", "iifindex", 4);
    if_null(asm, R1, any_in);
    asm.jump_imm(Jump::Ne, Width::W32, R1, LOOPBACK, differs);
    asm.place(any_in);
    load(asm, R1, R8, "fib_rule", "oifindex", 4);
    if_null(asm, R1, any_out);
    asm.load(Size::W, R2, R7, reverse.at + OUT);
    asm.jump(Jump::Ne, Width::W32, R1, R2, differs);
    asm.place(any_out);
    if reverse.path.valid_mark {
        asm.load(Size::W, R2, R7, layout::MARK);
    } else {
        asm.mov_imm(R2, 0);
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
    // The first user, and both ports: each begins with its lower end.
    for (member, bytes, size) in
        [("uid_range", 8, Size::W), ("sport_range", 4, Size::H), ("dport_range", 4, Size::H)]
    {
        asm.load_field(size, R1, R8, kernel::field("fib_rule", member, bytes));
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, differs);
    }
    load(asm, R1, R8, "fib_rule", "ip_proto", 1);
    if_null(asm, R1, any_protocol);
    match reverse.family {
        Family::Ipv4 => asm.goto(differs),
        Family::Ipv6 => {
            asm.load(Size::B, R2, R7, layout::NETWORK + 6);
            asm.jump(Jump::Ne, Width::W64, R1, R2, differs);
        }
    }
    asm.place(any_protocol);
}

/// `fib4_rule_match`: the flow goes from the packet's destination to its source.
fn ipv4(asm: &mut Asm, at: i16, differs: Label) {
    for (address, mask, place) in
        [("src", "srcmask", at + SOURCE), ("dst", "dstmask", layout::NETWORK + 12)]
    {
        load(asm, R1, R8, "fib4_rule", address, 4);
        asm.load(Size::W, R2, R7, place);
        asm.alu(Alu::Xor, Width::W64, R1, R2);
        load(asm, R2, R8, "fib4_rule", mask, 4);
        asm.alu(Alu::And, Width::W64, R1, R2);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, differs);
    }
    asm.load(Size::B, R2, R7, layout::NETWORK + 1);
    dscp(asm, Family::Ipv4, differs);
}

/// r2 = the packet's type of service, which must be the rule's in r8. Rules say all bits of DSCP
/// or, since Linux 6.15, some of them; IPv4's rules by TOS, which `dscp_full` (Linux 6.12) tells from
/// those by DSCP, compare what the type of service had once.
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
fn flow_label(asm: &mut Asm, differs: Label) {
    let any = asm.label();
    for member in ["flowlabel", "flowlabel_mask"] {
        asm.field_exists(R1, kernel::field("fib6_rule", member, 4));
        if_null(asm, R1, any);
    }
    load(asm, R1, R8, "fib6_rule", "flowlabel", 4);
    asm.load(Size::W, R2, R7, layout::NETWORK);
    asm.alu(Alu::Xor, Width::W64, R1, R2);
    load(asm, R2, R8, "fib6_rule", "flowlabel_mask", 4);
    asm.alu(Alu::And, Width::W64, R1, R2);
    asm.from_big_endian(R1, 32);
    asm.alu_imm(Alu::And, Width::W64, R1, FLOW_LABEL);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, differs);
    asm.place(any);
}

/// `fib6_rule_match`. Where the packet went to no host, the flow has no source.
fn ipv6(asm: &mut Asm, reverse: &Reverse, differs: Label) {
    let any = asm.label();
    asm.load(Size::H, R2, R7, layout::NETWORK);
    asm.from_big_endian(R2, 16);
    asm.alu_imm(Alu::Rsh, Width::W64, R2, 4);
    dscp(asm, Family::Ipv6, differs);
    flow_label(asm, differs);
    let source = reverse.at + SOURCE_ADDRESS;
    for (member, address) in [("dst", layout::NETWORK + 8), ("src", source)] {
        asm.load(Size::D, R1, R7, reverse.at + CURRENT);
        kernel::enter(asm, R1, "fib6_rule", member, 20);
        cast(asm, R1, "rt6key");
        asm.mov(R8, R0);
        load(asm, R1, R8, "rt6key", "plen", 4);
        if member == "src" {
            if_null(asm, R1, any);
            asm.load(Size::D, R1, R7, source);
            asm.load(Size::D, R2, R7, source + 8);
            asm.alu(Alu::Or, Width::W64, R1, R2);
            if_null(asm, R1, differs);
        }
        require_prefix(asm, Some(address), differs);
    }
    asm.place(any);
}

/// Goes on where the rule takes a route to a prefix of r2 bits by the device in r1, at `next`
/// where it suppresses it (`fib4_rule_suppress`, `fib6_rule_suppress`). Clobbers r1 and r3.
pub(super) fn unless_suppressed(asm: &mut Asm, at: i16, next: Label) {
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
