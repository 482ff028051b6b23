//! Programs in the IR's text form that no front end makes yet: the verifier takes them, and the
//! interpreter and every target in the kernel's test run decide and count alike.

use bpfc_driver::targets;
use bpfc_ir::{Contents, Program, Verdict, parse, verify};
use bpfc_packet::{Extension, Packet, PacketBuilder};
use bpfc_tests::ir_program::{built, compiled, in_the_kernel, interpreted};
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::require;
use bpfc_tests::require::Need;

/// Rules that were merged: one test counts for two rules, the other for all, and code that comes
/// from several says so.
const LISTS: &str = r#"
    chain0 = ip "filter" "INPUT" hook input
    rule0 = chain0 number 1
    rule1 = chain0 number 2
    rule2 = chain0 number 3
    rule3 = chain0 policy final
    counter0 = rule0
    counter1 = rule1
    counter2 = rule2
    counter3 = rule3
    counters0 = counter0, counter1
    counters1 = counter2, counter0, counter3
    rules0 = rule0, rule1
    entry input ip: fn0
    fn0 "filter/INPUT" ip of chain0 {
    block0:
        v0 = load.i8 meta.l4proto @rules0
        v1 = const.i8 6 @rules0
        v2 = cmp eq v0, v1 @rules0
        br v2, block1, block2 @rules0
    block1:
        count counters0 @rules0
        verdict accept @rules0
    block2:
        v3 = load.i32 net+12 @rule2
        v4 = const.i32 0x0a000001 @rule2
        v5 = cmp eq v3, v4 @rule2
        br v5, block3, block4 @rule2
    block3:
        count counters1 @rule2
        verdict drop @rule2
    block4:
        count counter3 @rule3
        verdict accept @rule3
    }"#;

/// Two base chains at one hook, the later one by its priority written first.
const PRIORITIES: &str = r#"
    chain0 = ip "filter" "INPUT" hook input
    chain1 = ip "mangle" "INPUT" hook input
    rule0 = chain0 policy final
    rule1 = chain1 number 1
    rule2 = chain1 policy final
    counter0 = rule0
    counter1 = rule1
    counter2 = rule2
    entry input ip: fn1 priority -150, fn0
    fn0 "filter/INPUT" ip of chain0 {
    block0:
        count counter0 @rule0
        verdict accept @rule0
    }
    fn1 "mangle/INPUT" ip of chain1 {
    block0:
        v0 = load.i8 meta.l4proto @rule1
        v1 = const.i8 17 @rule1
        v2 = cmp eq v0, v1 @rule1
        br v2, block1, block2 @rule1
    block1:
        count counter1 @rule1
        verdict drop @rule1
    block2:
        count counter2 @rule2
        verdict accept @rule2
    }"#;

/// Branches of many ways: by numbers and ranges of 8, 16, 32 and 64 bits, more than are tried one
/// after another, with the ends of the type, and with a way that guards what is loaded behind it.
const SWITCHES: &str = r#"
    chain0 = ip "filter" "INPUT" hook input
    rule0 = chain0 number 1
    rule1 = chain0 number 2
    rule2 = chain0 number 3
    rule3 = chain0 number 4
    rule4 = chain0 policy final
    counter0 = rule0
    counter1 = rule1
    counter2 = rule2
    counter3 = rule3
    counter4 = rule4
    entry input ip: fn0
    fn0 "filter/INPUT" ip of chain0 {
    block0:
        v0 = load.i8 meta.l4proto @rule0
        switch v0, { 0..5: block6, 6: block1, 17: block2, 18..255: block6 }, block3 @rule0
    block1:
        v1 = avail th 20 @rule0
        br v1, block4, block3 @rule0
    block2:
        v2 = avail th 4 @rule0
        br v2, block12, block3 @rule0
    block12:
        v11 = load.i16 th+2 @rule0
        switch v11, { 0..52: block6, 53: block8, 54..65535: block5 }, block3 @rule0
    block3:
        verdict drop @rule0
    block4:
        v3 = load.i16 th+2 @rule1
        switch v3, { 0: block5, 1..21: block6, 22: block7, 23..52: block6, 53: block8, 80: block7,
            443..1023: block8, 40000: block6, 65535: block7 }, block9 @rule1
    block5:
        count counter0 @rule0
        verdict accept @rule0
    block6:
        count counter1 @rule1
        verdict drop @rule1
    block7:
        v4 = load.i32 net+12 @rule2
        v5 = zext.i64 v4 @rule2
        v6 = const.i64 0x100000000 @rule2
        v7 = add v5, v6 @rule2
        switch v7, { 0..0x100000000: block6, 0x10a000001: block8, 0x10a000002..0x1ffffffff: block5 },
            block3 @rule2
    block8:
        count counter2 @rule2
        verdict accept @rule2
    block9:
        v8 = load.i32 net+12 @rule3
        v9 = const.i32 0xffffff00 @rule3
        v10 = and v8, v9 @rule3
        switch v10, { 0x0a000000: block10 }, block11 @rule3
    block10:
        count counter3 @rule3
        verdict drop @rule3
    block11:
        count counter4 @rule4
        verdict accept @rule4
    }"#;

/// A map of addresses and ports to marks, and one of networks to verdicts, as nftables' `meta mark
/// set ip saddr . tcp dport map @m` and `ip saddr vmap @v` are: found, read without a second
/// lookup, and the verdict made control. Ranges of ports are a set without fields.
const TABLES: &str = r#"
    table0 = "m" key i32, i16 fields i32, i64, i128, i8 capacity 16
    table1 = "v" key i8, i32 prefix fields verdict "accept" "drop" "jump web" capacity 8
    table2 = key i64, i16 range capacity 8
    chain0 = ip "filter" "INPUT" hook input
    chain1 = ip "filter" "web"
    rule0 = chain0 number 1
    rule1 = chain0 number 2
    rule2 = chain1 number 1
    rule3 = chain0 policy final
    counter0 = rule0
    counter1 = rule1
    counter2 = rule2
    counter3 = rule3
    entry input ip: fn0
    fn0 "filter/INPUT" ip of chain0 {
    block0:
        v0 = avail th 8 @rule0
        br v0, block1, block6 @rule0
    block1:
        v1 = load.i32 net+12 @rule0
        v2 = load.i16 th+2 @rule0
        v3 = find table0 (v1, v2) @rule0
        v4 = found v3 @rule0
        br v4, block2, block3 @rule0
    block2:
        v5 = field.i32 v3 0 @rule0
        v6 = field.i64 v3 1 @rule0
        v7 = field.i128 v3 2 @rule0
        v8 = field.i8 v3 3 @rule0
        v9 = zext.i64 v8 @rule0
        v10 = add v6, v9 @rule0
        v11 = const.i64 0x100000008 @rule0
        v12 = cmp eq v10, v11 @rule0
        br v12, block10, block3 @rule0
    block10:
        v13 = const.i128 0x20010db8000000000000000000000001 @rule0
        v14 = cmp eq v7, v13 @rule0
        br v14, block11, block3 @rule0
    block11:
        switch v5, { 0x12345678: block12 }, block3 @rule0
    block12:
        count counter0 @rule0
        verdict drop @rule0
    block3:
        v15 = load.i8 meta.l4proto @rule1
        v16 = load.i32 net+12 @rule1
        v17 = find table1 (v15, v16) @rule1
        v18 = found v17 @rule1
        br v18, block4, block6 @rule1
    block4:
        v19 = field.i32 v17 0 @rule1
        count counter1 @rule1
        switch v19, { 0: block7, 1: block8, 2: block9 }, block6 @rule1
    block7:
        verdict accept @rule1
    block8:
        verdict drop @rule1
    block9:
        call fn1, block6 @rule1
    block6:
        count counter3 @rule3
        verdict accept @rule3
    }
    fn1 "filter/web" ip of chain1 {
    block0:
        v0 = avail th 4 @rule2
        br v0, block1, block2 @rule2
    block1:
        v1 = load.i64 net+12 @rule2
        v2 = load.i16 th+2 @rule2
        v3 = find table2 (v1, v2) @rule2
        v4 = found v3 @rule2
        br v4, block3, block2 @rule2
    block3:
        count counter2 @rule2
        verdict drop @rule2
    block2:
        return
    }
    contents table0 {
        { 0x0a000001, 22: 0x12345678, 0x100000001, 0x20010db8000000000000000000000001, 7 }
        { 0x0a000001, 53: 0x12345678, 0x100000001, 0x20010db8000000000000000000000002, 7 }
        { 0x0a000002, 80: 0x12345678, 0x100000000, 0x20010db8000000000000000000000001, 8 }
        { 0x0a000002, 443: 0x12345677, 0x100000000, 0x20010db8000000000000000000000001, 8 }
    }
    contents table1 {
        { 6, 0x0a000000..0x0affffff: 0 }
        { 6, 0x0a000100..0x0a0001ff: 2 }
        { 17, 0x0a000002..0x0a000003: 2 }
        { 17, 0x0a000107: 1 }
    }
    contents table2 {
        { 0x0a0000020a000009, 1..52 }
        { 0x0a0000020a000009, 443..1023 }
        { 0x0a0001070a000009, 0..65534 }
    }"#;

/// States without a key: a bucket in nanoseconds, one in ticks, a quota that two rules share by its
/// name, and a cycle. Rates are so low that only the bursts pass.
const STATES: &str = r#"
    state0 = nanosecond-bucket packets 1 every 3600000000000 burst 7
    state1 = nanosecond-bucket bytes 400 every 3600000000000 burst 100
    state2 = tick-bucket average 36000000 burst 9
    state3 = "shared" quota 700
    state4 = cycle 3 start 1
    chain0 = ip "filter" "INPUT" hook input
    rule0 = chain0 number 1
    rule1 = chain0 number 2
    rule2 = chain0 number 3
    rule3 = chain0 number 4
    rule4 = chain0 policy final
    counter0 = rule0
    counter1 = rule1
    counter2 = rule2
    counter3 = rule3
    counter4 = rule4
    entry input ip: fn0
    fn0 "filter/INPUT" ip of chain0 {
    block0:
        v0 = take state4 @rule0
        switch v0, { 0: block1, 1: block2 }, block3 @rule0
    block1:
        v1 = take state0 @rule0
        v2 = const.i32 1 @rule0
        v3 = cmp eq v1, v2 @rule0
        br v3, block4, block5 @rule0
    block4:
        count counter0 @rule0
        verdict drop @rule0
    block2:
        v4 = take state1 @rule1
        v5 = const.i32 0 @rule1
        v6 = cmp eq v4, v5 @rule1
        br v6, block5, block6 @rule1
    block6:
        v7 = take state3 @rule1
        switch v7, { 1: block7 }, block5 @rule1
    block7:
        count counter1 @rule1
        verdict drop @rule1
    block3:
        v8 = take state2 @rule2
        switch v8, { 0: block8 }, block9 @rule2
    block9:
        count counter2 @rule2
        verdict accept @rule2
    block8:
        v9 = take state3 @rule3
        switch v9, { 0: block5 }, block10 @rule3
    block10:
        count counter3 @rule3
        verdict drop @rule3
    block5:
        count counter4 @rule4
        verdict accept @rule4
    }"#;

/// Elements that packets add and touch, as nftables' meters and dynamic sets, and tables of rates:
/// a limit by source whose table is full for the third, a quota and a cycle by port and protocol, a
/// bucket that expires, a set without states that fills up, and given elements with states.
const METERS: &str = r#"
    table0 = "flood" key i32 fields state nanosecond-bucket packets 1 every 3600000000000 burst 5
        capacity 2 dynamic
    table1 = key i16, i8 fields state quota 60, state cycle 3 start 1 capacity 64 dynamic
    table2 = "rates" key i128, i16
        fields state wide-bucket packets average 3600000000 burst 2 capacity 1 dynamic
        idle 3600000 collect 3600000
    table3 = "known" key i16 capacity 4 dynamic
    table4 = "given" key i8 fields i32, state cycle 4 start 0, i128, state tick-bucket average 36000000 burst 9
        capacity 2
    chain0 = ip "filter" "INPUT" hook input
    rule0 = chain0 number 1
    rule1 = chain0 number 2
    rule2 = chain0 number 3
    rule3 = chain0 number 4
    rule4 = chain0 number 5
    rule5 = chain0 number 6
    rule6 = chain0 policy final
    counter0 = rule0
    counter1 = rule1
    counter2 = rule2
    counter3 = rule3
    counter4 = rule4
    counter5 = rule5
    counter6 = rule6
    entry input ip: fn0
    fn0 "filter/INPUT" ip of chain0 {
    block0:
        v0 = avail th 4 @rule0
        br v0, block1, block20 @rule0
    block1:
        v1 = load.i16 th+2 @rule0
        v2 = load.i8 meta.l4proto @rule0
        v3 = load.i32 net+12 @rule0
        v4 = touch table0 add (v3) @rule0
        v5 = found v4 @rule0
        br v5, block2, block10 @rule0
    block2:
        v6 = field.i32 v4 0 @rule0
        switch v6, { 1: block3 }, block4 @rule0
    block3:
        count counter0 @rule0
        jump block15 @rule0
    block4:
        v7 = touch table1 add (v1, v2) @rule1
        v8 = found v7 @rule1
        br v8, block5, block20 @rule1
    block5:
        v9 = field.i32 v7 0 @rule1
        v10 = field.i32 v7 1 @rule1
        switch v9, { 1: block6 }, block7 @rule1
    block6:
        count counter1 @rule1
        verdict drop @rule1
    block7:
        switch v10, { 0: block8 }, block20 @rule2
    block8:
        count counter2 @rule2
        verdict drop @rule2
    block10:
        v11 = const.i16 7 @rule3
        v12 = const.i128 0x20010db8000000000000000000000001 @rule3
        v13 = touch table2 add (v12, v11) @rule3
        v14 = found v13 @rule3
        br v14, block11, block20 @rule3
    block11:
        v15 = field.i32 v13 0 @rule3
        switch v15, { 1: block12 }, block13 @rule3
    block12:
        count counter3 @rule3
        verdict drop @rule3
    block13:
        v16 = touch table3 add (v1) @rule4
        v17 = found v16 @rule4
        br v17, block14, block15 @rule4
    block14:
        count counter4 @rule4
        v18 = touch table3 existing (v1) @rule4
        v19 = find table3 (v1) @rule4
        v20 = found v18 @rule4
        v21 = found v19 @rule4
        br v20, block16, block20 @rule4
    block16:
        br v21, block15, block20 @rule4
    block15:
        v22 = touch table4 existing (v2) @rule5
        v23 = find table4 (v2) @rule5
        v24 = found v22 @rule5
        br v24, block17, block20 @rule5
    block17:
        v25 = field.i32 v22 0 @rule5
        v26 = field.i32 v22 1 @rule5
        v27 = field.i128 v22 2 @rule5
        v28 = field.i32 v22 3 @rule5
        v29 = found v23 @rule5
        br v29, block18, block20 @rule5
    block18:
        v30 = field.i32 v23 0 @rule5
        v31 = field.i128 v23 2 @rule5
        v32 = cmp eq v27, v31 @rule5
        br v32, block19, block20 @rule5
    block19:
        v33 = add v25, v26 @rule5
        v34 = add v33, v30 @rule5
        v35 = add v34, v28 @rule5
        switch v35, { 0x20000003: block21 }, block20 @rule5
    block21:
        count counter5 @rule5
        verdict drop @rule5
    block20:
        count counter6 @rule6
        verdict accept @rule6
    }
    contents table4 {
        { 6: 0x10000000, 0, 0x20010db8000000000000000000000001, 0 }
        { 1: 0x10000001, 0, 1, 0 }
    }"#;

/// A chain of both families, as nftables' family `inet` has them, and one that it calls: what
/// they do with packets of a family is a function each, with the counters, states and tables of
/// the chain.
const BOTH: &str = r#"
    table0 = "ports" key i8, i16 range capacity 8
    state0 = cycle 3 start 2
    chain0 = inet "filter" "input" hook input
    chain1 = inet "filter" "web"
    rule0 = chain0 number 1
    rule1 = chain0 number 2
    rule2 = chain1 number 1
    rule3 = chain0 policy final
    counter0 = rule0
    counter1 = rule1
    counter2 = rule2
    counter3 = rule3
    entry input ip: fn0
    entry input ip6: fn1
    fn0 "inet/filter/input ip" ip of chain0 {
    block0:
        v0 = load.i32 net+12 @rule0
        switch v0, { 0x0a000002: block2 }, block1 @rule0
    block1:
        v1 = avail th 4 @rule1
        br v1, block3, block5 @rule1
    block2:
        count counter0 @rule0
        verdict drop @rule0
    block3:
        v2 = load.i8 meta.l4proto @rule1
        v3 = load.i16 th+2 @rule1
        v4 = find table0 (v2, v3) @rule1
        v5 = found v4 @rule1
        br v5, block4, block5 @rule1
    block4:
        count counter1 @rule1
        call fn2, block5 @rule1
    block5:
        count counter3 @rule3
        verdict accept @rule3
    }
    fn1 "inet/filter/input ip6" ip6 of chain0 {
    block0:
        v1 = avail th 4 @rule1
        br v1, block3, block5 @rule1
    block3:
        v2 = load.i8 meta.l4proto @rule1
        v3 = load.i16 th+2 @rule1
        v4 = find table0 (v2, v3) @rule1
        v5 = found v4 @rule1
        br v5, block4, block5 @rule1
    block4:
        count counter1 @rule1
        call fn3, block5 @rule1
    block5:
        count counter3 @rule3
        verdict accept @rule3
    }
    fn2 "inet/filter/web ip" ip of chain1 {
    block0:
        v0 = take state0 @rule2
        switch v0, { 0: block1 }, block2 @rule2
    block1:
        count counter2 @rule2
        verdict drop @rule2
    block2:
        return
    }
    fn3 "inet/filter/web ip6" ip6 of chain1 {
    block0:
        v0 = take state0 @rule2
        switch v0, { 0: block1 }, block2 @rule2
    block1:
        count counter2 @rule2
        verdict drop @rule2
    block2:
        return
    }
    contents table0 {
        { 6, 22..80 }
        { 17, 53 }
        { 17, 0 }
    }"#;

/// Base chains of which every other one takes an authentication header for the transport header:
/// each counts what it sees, and what the first of them writes is seen by the next.
const WALKS: &str = r#"
    chain0 = ip6 "raw" "INPUT" hook input
    chain1 = inet "t" "c" hook input
    chain2 = ip6 "mangle" "INPUT" hook input
    rule0 = chain0 number 1
    rule1 = chain0 policy final
    rule2 = chain1 number 1
    rule3 = chain1 number 2
    rule4 = chain1 policy final
    rule5 = chain2 number 1
    rule6 = chain2 policy final
    counter0 = rule0
    counter1 = rule1
    counter2 = rule2
    counter3 = rule3
    counter4 = rule4
    counter5 = rule5
    counter6 = rule6
    entry input ip6: fn0 priority -300, fn1 priority -200 to-ah, fn2 priority -150
    fn0 "ip6/raw/INPUT" ip6 of chain0 {
    block0:
        v0 = load.i8 meta.l4proto @rule0
        v1 = const.i8 17 @rule0
        v2 = cmp eq v0, v1 @rule0
        br v2, block1, block2 @rule0
    block1:
        count counter0 @rule0
        jump block2 @rule0
    block2:
        count counter1 @rule1
        verdict accept @rule1
    }
    fn1 "inet/t/c ip6" ip6 of chain1 {
    block0:
        v0 = load.i8 meta.l4proto @rule2
        v1 = const.i8 51 @rule2
        v2 = cmp eq v0, v1 @rule2
        br v2, block1, block4 @rule2
    block1:
        count counter2 @rule2
        v3 = avail th 12 @rule3
        br v3, block2, block4 @rule3
    block2:
        v4 = load.i32 th+4 @rule3
        v5 = const.i32 7 @rule3
        v6 = cmp eq v4, v5 @rule3
        br v6, block3, block4 @rule3
    block3:
        count counter3 @rule3
        jump block4 @rule3
    block4:
        count counter4 @rule4
        verdict accept @rule4
    }
    fn2 "ip6/mangle/INPUT" ip6 of chain2 {
    block0:
        v0 = avail th 4 @rule5
        br v0, block1, block3 @rule5
    block1:
        v1 = load.i16 th+2 @rule5
        v2 = const.i16 53 @rule5
        v3 = cmp eq v1, v2 @rule5
        br v3, block2, block3 @rule5
    block2:
        count counter5 @rule5
        verdict drop @rule5
    block3:
        count counter6 @rule6
        verdict accept @rule6
    }"#;

/// IPv6 packets with and without authentication headers, whole and cut off.
fn authenticated() -> Vec<Packet> {
    let [source, destination] = [1u128, 2].map(std::net::Ipv6Addr::from);
    let header = |icv: usize| Extension::Authentication { spi: 7, sequence: 1, icv: vec![0; icv] };
    let options = || Extension::DestinationOptions(vec![1, 4, 0, 0, 0, 0]);
    let chains = [
        vec![],
        vec![header(12)],
        vec![header(0)],
        vec![options(), header(8)],
        vec![header(12), options(), header(12)],
    ];
    chains
        .into_iter()
        .flat_map(|chain| {
            let with = |builder: PacketBuilder| {
                chain.iter().cloned().fold(builder, PacketBuilder::extension)
            };
            let start = || with(PacketBuilder::ipv6(source, destination));
            [start().udp(1, 53), start().udp(1, 54), start().tcp(1, 53, 2)]
        })
        .map(|builder| builder.build())
        .collect()
}

/// Packets of both families by turns.
fn both() -> Vec<Packet> {
    let v6 = |at: usize| {
        let [source, destination] = [1u128, 2].map(std::net::Ipv6Addr::from);
        let builder = PacketBuilder::ipv6(source, destination);
        let port = [22, 53, 80, 443][at % 4];
        let builder = match at % 3 {
            0 => builder.udp(40_000, port),
            _ => builder.tcp(40_000, port, 2),
        };
        builder.build()
    };
    packets().into_iter().enumerate().flat_map(|(at, packet)| [packet, v6(at)]).collect()
}

fn packets() -> Vec<Packet> {
    let from = |last| PacketBuilder::ipv4([10, 0, last / 4, last], [10, 0, 0, 9]);
    let ports = [0, 1, 21, 22, 23, 53, 54, 80, 443, 900, 1023, 1024, 40_000, 65_534, 65_535];
    let pairs = [1, 2, 7].into_iter().flat_map(|last| ports.map(|port| (last, port)));
    pairs
        .flat_map(|(last, port)| [from(last).tcp(40_000, port, 2), from(last).udp(40_000, port)])
        .map(|builder| builder.build())
        .collect()
}

#[test]
fn text_is_compiled_as_it_is_interpreted() {
    if !require::met(&[Need::Root]) {
        return;
    }
    for (text, counted) in [
        (
            BOTH,
            &[
                "inet/filter/input:1",
                "inet/filter/input:2",
                "inet/filter/input:policy",
                "inet/filter/web:1",
            ][..],
        ),
        (
            WALKS,
            &[
                "inet/t/c:1",
                "inet/t/c:2",
                "inet/t/c:policy",
                "ip6/mangle/INPUT:1",
                "ip6/mangle/INPUT:policy",
                "ip6/raw/INPUT:1",
                "ip6/raw/INPUT:policy",
            ],
        ),
        (LISTS, &["filter/INPUT:1", "filter/INPUT:2", "filter/INPUT:3", "filter/INPUT:policy"][..]),
        (
            SWITCHES,
            &[
                "filter/INPUT:1",
                "filter/INPUT:2",
                "filter/INPUT:3",
                "filter/INPUT:4",
                "filter/INPUT:policy",
            ],
        ),
        (TABLES, &["filter/INPUT:1", "filter/INPUT:2", "filter/INPUT:policy", "filter/web:1"]),
        (
            STATES,
            &[
                "filter/INPUT:1",
                "filter/INPUT:2",
                "filter/INPUT:3",
                "filter/INPUT:4",
                "filter/INPUT:policy",
            ],
        ),
        (
            METERS,
            &[
                "filter/INPUT:1",
                "filter/INPUT:2",
                "filter/INPUT:3",
                "filter/INPUT:4",
                "filter/INPUT:5",
                "filter/INPUT:6",
                "filter/INPUT:policy",
            ],
        ),
        (PRIORITIES, &["filter/INPUT:policy", "mangle/INPUT:1", "mangle/INPUT:policy"]),
    ] {
        let (program, contents) = parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(verify(&program), Ok(()));
        let packets = match text {
            BOTH => both(),
            WALKS => authenticated(),
            _ => packets(),
        };
        let expected = interpreted(&program, &contents, &packets);
        let labels: Vec<&str> =
            expected.1.iter().filter(|(_, count)| count.0 > 0).map(|(label, _)| &**label).collect();
        assert_eq!(labels, counted, "every rule counts something");
        assert!([Verdict::Accept, Verdict::Drop].iter().all(|v| expected.0.contains(v)));
        for target in targets() {
            let as_it_is = compiled(&program, &contents, *target);
            let optimised = built(&program, &contents, *target);
            for artifact in [as_it_is, optimised] {
                let found = isolated(|| in_the_kernel(&artifact, *target, &packets));
                assert_eq!(found, expected, "{}", target.name());
            }
        }
    }
}

/// Each of so many keys leads to a chain of its own, as kube-proxy's map of addresses, protocols
/// and ports to chains does.
const CHAINS: u32 = 5_000;

/// A verdict map to [`CHAINS`] chains, each of two rules, with the elements of the map.
fn dispatch() -> (Program, Contents) {
    use std::fmt::Write;
    let [mut names, mut chains, mut rules, mut counters] = [(); 4].map(|()| String::new());
    let [mut arms, mut calls, mut functions, mut elements] = [(); 4].map(|()| String::new());
    let mut write = |at: u32| -> std::fmt::Result {
        let (chain, func, rule) = (at + 1, at + 1, 1 + 2 * at);
        write!(names, " \"goto svc{at}\"")?;
        writeln!(chains, "chain{chain} = ip \"filter\" \"svc{at}\"")?;
        writeln!(
            rules,
            "rule{rule} = chain{chain} number 1\nrule{} = chain{chain} number 2",
            rule + 1
        )?;
        writeln!(counters, "counter{rule} = rule{rule}\ncounter{0} = rule{0}", rule + 1)?;
        write!(arms, "{}{at}: block{}", if at == 0 { "" } else { ", " }, 10 + at)?;
        writeln!(calls, "block{}: call fn{func}, block2 @rule0", 10 + at)?;
        writeln!(
            functions,
            "fn{func} \"filter/svc{at}\" ip of chain{chain} {{
             block0: v0 = load.i8 net+8 @rule{rule}
                     v1 = const.i8 {} @rule{rule}
                     v2 = cmp eq v0, v1 @rule{rule}
                     br v2, block1, block2 @rule{rule}
             block1: count counter{rule} @rule{rule} verdict drop @rule{rule}
             block2: count counter{next} @rule{next} {} @rule{next} }}",
            60 + at % 5,
            if at.is_multiple_of(3) { "return" } else { "verdict accept" },
            next = rule + 1,
        )?;
        let (address, port) = (0x0a60_0000 + at / 4, 8_000 + at % 4);
        writeln!(elements, "{{ {address:#x}, 6, {port}: {at} }}")
    };
    (0..CHAINS).for_each(|at| write(at).expect("text"));
    let text = format!(
        "table0 = \"services\" key i32, i8, i16 fields verdict{names} capacity 65536
         chain0 = ip \"filter\" \"INPUT\" hook input
         {chains} rule0 = chain0 policy {rules} counter0 = rule0 {counters}
         entry input ip: fn0
         fn0 \"filter/INPUT\" ip of chain0 {{
         block0: v0 = avail th 4 br v0, block1, block2
         block1: v1 = load.i32 net+16 v2 = load.i8 meta.l4proto v3 = load.i16 th+2
                 v4 = find table0 (v1, v2, v3)
                 v5 = found v4
                 br v5, block3, block2
         block3: v6 = field.i32 v4 0
                 switch v6, {{ {arms} }}, block2
         block2: count counter0 @rule0 verdict accept @rule0
         {calls} }}
         {functions} contents table0 {{ {elements} }}"
    );
    parse(&text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn five_thousand_chains_of_a_verdict_map_load() {
    if !require::met(&[Need::Root]) {
        return;
    }
    let (program, contents) = dispatch();
    assert_eq!(verify(&program), Ok(()));
    let packet = |at: u32, ttl: u8, port: u16| {
        let to = (0x0a60_0000 + at / 4).to_be_bytes();
        PacketBuilder::ipv4([192, 0, 2, 1], to)
            .with_ipv4(|ip| ip.ttl = ttl)
            .tcp(40_000, port, 2)
            .build()
    };
    let packets: Vec<Packet> = (0..CHAINS + 8)
        .step_by(97)
        .flat_map(|at| {
            let port = 8_000 + (at % 4) as u16;
            [packet(at, 60 + (at % 5) as u8, port), packet(at, 70, port), packet(at, 70, port + 9)]
        })
        .collect();
    let expected = interpreted(&program, &contents, &packets);
    assert!([Verdict::Accept, Verdict::Drop].iter().all(|v| expected.0.contains(v)));
    for target in targets() {
        let artifact = built(&program, &contents, *target);
        let found = isolated(|| in_the_kernel(&artifact, *target, &packets));
        assert!(found == expected, "{}", target.name());
    }
}
