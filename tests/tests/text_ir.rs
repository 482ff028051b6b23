//! Programs in the IR's text form that no front end makes yet: the verifier takes them, and the
//! interpreter and every target in the kernel's test run decide and count alike.

use bpfc_diag::Diagnostics;
use bpfc_driver::{Options, optimise, targets};
use bpfc_ir::{Program, Verdict, verify};
use bpfc_packet::{Packet, PacketBuilder};
use bpfc_tests::ir_program::{in_the_kernel, interpreted};
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
    let packets = packets();
    for (text, counted) in [
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
        (PRIORITIES, &["filter/INPUT:policy", "mangle/INPUT:1", "mangle/INPUT:policy"]),
    ] {
        let program: Program = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(verify(&program), Ok(()));
        let expected = interpreted(&program, &packets);
        let labels: Vec<&str> =
            expected.1.iter().filter(|(_, count)| count.0 > 0).map(|(label, _)| &**label).collect();
        assert_eq!(labels, counted, "every rule counts something");
        assert!([Verdict::Accept, Verdict::Drop].iter().all(|v| expected.0.contains(v)));
        let optimised = optimise(program.clone(), &Options::default(), &mut Diagnostics::new());
        let optimised = optimised.expect("optimised");
        assert_eq!(interpreted(&optimised, &packets), expected);
        for target in targets() {
            for program in [&program, &optimised] {
                let found = isolated(|| in_the_kernel(program, *target, &packets));
                assert_eq!(found, expected, "{}", target.name());
            }
        }
    }
}
