//! Programs in the IR's text form that no front end makes yet: the verifier takes them, and the
//! interpreter and every target in the kernel's test run decide and count alike.

use bpfc_artifact::AttachPoint;
use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_driver::{Options, Target, generate, optimise, targets};
use bpfc_interpret::{Environment, interpret};
use bpfc_ir::{CounterDef, Hook, Listing, Program, Verdict, verify};
use bpfc_packet::{Packet, PacketBuilder};
use bpfc_runtime::{TestPacket, Unattached};
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::require;
use bpfc_tests::require::Need;
use std::collections::BTreeMap;

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

fn packets() -> Vec<Packet> {
    let from = |last| PacketBuilder::ipv4([10, 0, 0, last], [10, 0, 0, 9]);
    [1, 2]
        .into_iter()
        .flat_map(|last| [from(last).tcp(40_000, 22, 2), from(last).udp(40_000, 53)])
        .map(|builder| builder.build())
        .collect()
}

/// What a program decided of each packet, and what it counted by rule.
type Outcome = (Vec<Verdict>, BTreeMap<String, (u64, u64)>);

fn interpreted(program: &Program, packets: &[Packet]) -> Outcome {
    let mut environment = Environment::new(program);
    let decide = |packet: &Packet| {
        interpret(program, Hook::Input, packet, &mut environment).expect("a verdict").verdict
    };
    let verdicts = packets.iter().map(decide).collect();
    let counts = program.counters.iter().map(|(counter, &CounterDef { rule })| {
        let counts = environment.counter(counter);
        (program.label(rule), (counts.packets, counts.bytes))
    });
    (verdicts, counts.collect())
}

fn in_the_kernel(program: &Program, target: &dyn Target, packets: &[Packet]) -> Outcome {
    let mut diagnostics = Diagnostics::new();
    let options = Options::default();
    let sources = SourceMap::new();
    let artifact =
        generate(program, &Listing::default(), target, &sources, &options, &mut diagnostics)
            .unwrap_or_else(|| panic!("{}: {diagnostics:?}", target.name()));
    let loaded = Unattached::load(&artifact).expect("the kernel takes it");
    let decides = |attach| !matches!(attach, AttachPoint::Companion | AttachPoint::Service);
    let index = loaded.programs().iter().position(|program| decides(program.attach));
    let index = index.expect("a program that decides");
    let attach = loaded.programs()[index].attach;
    let decide = |packet: &Packet| {
        let mut data = vec![0; 12];
        data.extend([8, 0]);
        data.extend(&packet.bytes);
        let loopback = matches!(attach, AttachPoint::TcIngress | AttachPoint::CgroupIngress);
        let ingress_ifindex = u32::from(loopback);
        let packet = TestPacket { data: &data, ingress_ifindex, ..TestPacket::default() };
        let returned = loaded.run(index, &packet, 1).expect("a test run").verdict;
        let is = |verdict: &Verdict| target.return_value(*verdict, attach) == returned;
        [Verdict::Accept, Verdict::Drop].into_iter().find(is).expect("a verdict")
    };
    let verdicts = packets.iter().map(decide).collect();
    let counters = loaded.counters().expect("counters");
    let counts =
        counters.iter().map(|(rule, count)| (rule.label.clone(), (count.packets, count.bytes)));
    (verdicts, counts.collect())
}

#[test]
fn text_is_compiled_as_it_is_interpreted() {
    if !require::met(&[Need::Root]) {
        return;
    }
    let packets = packets();
    for (text, counted) in [
        (LISTS, &["filter/INPUT:1", "filter/INPUT:2", "filter/INPUT:3", "filter/INPUT:policy"][..]),
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
