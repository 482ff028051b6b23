//! Programs of the IR that no front end made, run by the interpreter and by the kernel's test runs.

use bpfc_artifact::AttachPoint;
use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_driver::{Options, Target, generate};
use bpfc_interpret::{Environment, interpret};
use bpfc_ir::{CounterDef, Hook, Listing, Program, Verdict};
use bpfc_packet::Packet;
use bpfc_runtime::{TestPacket, Unattached};
use std::collections::BTreeMap;

/// What a program decided of each packet, and what it counted by rule.
pub type Outcome = (Vec<Verdict>, BTreeMap<String, (u64, u64)>);

/// What the interpreter says of packets of the input hook.
///
/// # Panics
/// Where the program breaks an invariant.
pub fn interpreted(program: &Program, packets: &[Packet]) -> Outcome {
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

/// What the kernel says of them, in a network namespace that the caller has made.
///
/// # Panics
/// Where the target or the kernel refuses the program.
pub fn in_the_kernel(program: &Program, target: &dyn Target, packets: &[Packet]) -> Outcome {
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
