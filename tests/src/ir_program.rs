//! Programs of the IR that no front end made, run by the interpreter and by the kernel's test runs.

use bpfc_artifact::{Artifact, AttachPoint};
use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_driver::{Options, Prepared, Target, build, generate};
use bpfc_interpret::{Environment, interpret};
use bpfc_ir::{Checked, Contents, Hook, Listing, PacketFamily, Program, Verdict};
use bpfc_packet::Packet;
use bpfc_runtime::{TestPacket, Unattached};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a program decided of each packet, and what it counted by rule.
pub type Outcome = (Vec<Verdict>, BTreeMap<String, (u64, u64)>);

/// What the interpreter says of packets of the input hook.
///
/// # Panics
/// Where the program breaks an invariant.
pub fn interpreted(program: &Program, contents: &Contents, packets: &[Packet]) -> Outcome {
    let mut environment = Environment::new(program).with_contents(contents);
    let decide = |packet: &Packet| {
        interpret(program, Hook::Input, packet, &mut environment).expect("a verdict").verdict
    };
    let verdicts = packets.iter().map(decide).collect();
    let counts = program.counters.iter().map(|(counter, def)| {
        let counts = environment.counter(counter);
        (program.label(def.rule), (counts.packets, counts.bytes))
    });
    (verdicts, counts.collect())
}

/// The program as compiled for a target without a pass.
///
/// # Panics
/// Where the target refuses it.
pub fn compiled(program: &Program, contents: &Contents, target: &dyn Target) -> Artifact {
    let (mut diagnostics, options) = (Diagnostics::new(), Options::default());
    let (listing, sources) = (Listing::default(), SourceMap::new());
    let checked = Checked::new(program).unwrap_or_else(|errors| panic!("{errors:?}"));
    generate(&checked, &listing, contents, target, &sources, &options, &mut diagnostics)
        .unwrap_or_else(|| panic!("{}: {diagnostics:?}", target.name()))
}

/// The program as compiled for a target with all passes, within the kernel's limits.
///
/// # Panics
/// Where the target refuses it.
pub fn built(program: &Program, contents: &Contents, target: &dyn Target) -> Artifact {
    let (mut diagnostics, options) = (Diagnostics::new(), Options::default());
    let (listing, sources) = (Arc::new(Listing::default()), SourceMap::new());
    Prepared::new(program, &listing, &Arc::new(contents.clone()), &options, &mut diagnostics)
        .and_then(|prepared| build(&prepared, target, &sources, &options, &mut diagnostics))
        .unwrap_or_else(|| panic!("{}: {diagnostics:?}", target.name()))
        .1
}

/// What the kernel says of packets of the input hook, in a network namespace that the caller has
/// made.
///
/// # Panics
/// Where the kernel refuses the artifact.
pub fn in_the_kernel(artifact: &Artifact, target: &dyn Target, packets: &[Packet]) -> Outcome {
    let loaded = Unattached::load(artifact).expect("the kernel takes it");
    let decides = |attach, packet: &Packet| match attach {
        AttachPoint::Companion | AttachPoint::Service => false,
        AttachPoint::Netfilter { family, .. } => packet.family == family,
        _ => true,
    };
    let decide = |packet: &Packet| {
        let mut programs = loaded.programs().iter();
        let index = programs.position(|program| decides(program.attach, packet));
        let index = index.expect("a program that decides");
        let attach = loaded.programs()[index].attach;
        let mut data = vec![0; 12];
        data.extend(match packet.family {
            PacketFamily::Ipv4 => [8, 0],
            PacketFamily::Ipv6 => [0x86, 0xdd],
            PacketFamily::Other => [0x08, 0x06],
        });
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
