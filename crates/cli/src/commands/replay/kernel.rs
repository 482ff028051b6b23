//! The kernel engine: the compiled program, run on each packet by `BPF_PROG_TEST_RUN`.
//!
//! The rules that a packet hits are those whose counters changed. A test run of a netfilter
//! program cannot be told the packet's interfaces: Linux up to 6.18 gives it the loopback device
//! as output interface at every hook (net/bpf/test_run.c, `verify_and_copy_hook_state`). Where
//! the packet should have an input interface, the program is therefore loaded with the two
//! members of `struct nf_hook_state` exchanged; a probe tells whether that is needed.

use super::frame::{ETHERNET, Frame};
use super::namespace::{self, LOOPBACK};
use super::{Decision, is_incoming};
use crate::console::{Failure, refused};
use bpfc_artifact::{Artifact, AttachPoint, ProgramKind, RelocKind, RuleTable};
use bpfc_driver::{self as driver, Options};
use bpfc_ir::{Family, Hook, Input, PacketFamily, Program, Verdict};
use bpfc_packet::Packet;
use bpfc_runtime::{Count, Error, TestPacket, Unattached};
use driver::Target;
use std::collections::BTreeMap;
use std::io::ErrorKind;

/// What test runs of the program make of a capture.
pub(in crate::commands) struct TestRuns {
    /// None for a packet that is longer than this kernel's test runs take.
    pub(in crate::commands) decisions: Vec<Option<Decision>>,
    pub(super) rules: RuleTable,
    /// By its rows.
    pub(super) counts: Vec<Count>,
}

/// Packets of so many bytes can be run on every kernel: its buffer is a page of 4 KiB, less what
/// stands around the packet (net/bpf/test_run.c; up to Linux 6.18 for programs that take a socket
/// buffer, later kernels and XDP take about 64 KiB).
const SHORT: usize = 3_072;

/// Replays frames in a network namespace of its own.
pub(in crate::commands) fn replay(
    program: &Program,
    artifact: &Artifact,
    target: &dyn Target,
    hook: Hook,
    interface: &str,
    frames: &[Frame],
) -> Result<TestRuns, Failure> {
    // Only the thread enters the namespace; everything that it opens is closed with it.
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            namespace::enter(interface).map_err(|error| {
                Failure::Refused(format!(
                    "cannot make a network namespace with an interface '{interface}': {error} \
                     (the kernel engine needs root; --engine reference does not)"
                ))
            })?;
            Engine::new(program, artifact, target, hook, interface)?.replay(frames)
        });
        thread.join().unwrap_or_else(|_| Err(Failure::Refused("the replay failed".into())))
    })
}

struct Engine<'a> {
    program: &'a Program,
    target: &'a dyn Target,
    hook: Hook,
    loaded: Unattached,
    tracer: driver::Tracer<'a>,
    /// Counts before the next packet.
    counts: Vec<Count>,
}

impl<'a> Engine<'a> {
    fn new(
        program: &'a Program,
        artifact: &Artifact,
        target: &'a dyn Target,
        hook: Hook,
        interface: &str,
    ) -> Result<Self, Failure> {
        let mut artifact = artifact.clone();
        if target.kind() == ProgramKind::Netfilter
            && interfaces_are_exchanged(target, hook, interface)?
        {
            exchange_interfaces(&mut artifact);
        }
        let loaded = Unattached::load(&artifact).map_err(refused)?;
        let counts = counts(&loaded)?;
        let tracer = driver::Tracer::new(program);
        Ok(Engine { program, target, hook, loaded, tracer, counts })
    }

    fn replay(mut self, frames: &[Frame]) -> Result<TestRuns, Failure> {
        let mut decisions = Vec::with_capacity(frames.len());
        for (index, frame) in frames.iter().enumerate() {
            let decision = self.decide(frame).map_err(|failure| match failure {
                Failure::Refused(message) => {
                    Failure::Refused(format!("packet {}: {message}", index + 1))
                }
                other => other,
            })?;
            decisions.push(decision);
        }
        let counters = self.loaded.counters().map_err(refused)?;
        Ok(TestRuns {
            decisions,
            rules: counters.rules().clone(),
            counts: counters.counts().to_vec(),
        })
    }

    /// The decision; none for a packet that is too long for a test run.
    fn decide(&mut self, frame: &Frame) -> Result<Option<Decision>, Failure> {
        let unseen = Ok(Some(Decision::unseen()));
        let family = self.family(frame);
        let Some(index) = self.program_for(family) else { return unseen };
        let attach = self.loaded.programs()[index].attach;
        let Some(data) = data(attach, frame) else { return unseen };
        let incoming = is_incoming(self.hook);
        let packet = TestPacket {
            data: &data,
            ingress_ifindex: match attach {
                AttachPoint::TcIngress | AttachPoint::CgroupIngress if incoming => LOOPBACK,
                _ => 0,
            },
            ..TestPacket::default()
        };
        let outcome = match self.loaded.run(index, &packet, 1) {
            Ok(outcome) => outcome,
            // The kernel looks at the length before it runs anything.
            Err(Error::Kernel { source, .. })
                if source.kind() == ErrorKind::InvalidInput && data.len() > SHORT =>
            {
                return Ok(None);
            }
            Err(error) => return Err(refused(error)),
        };
        let rules = self.counted(family)?;
        // A rejection that nobody may be told of returns what a drop does: the rule tells.
        let returned = |verdict| self.target.return_value(verdict, attach) == outcome.verdict;
        let verdict = match driver::rejection(self.program, &rules).map(Verdict::Reject) {
            Some(reject) if returned(reject) || returned(Verdict::Drop) => reject,
            None if returned(Verdict::Accept) => Verdict::Accept,
            None if returned(Verdict::Drop) => Verdict::Drop,
            _ => {
                let message = format!("the program answered {}, no verdict", outcome.verdict);
                return Err(Failure::Refused(message));
            }
        };
        Ok(Some(Decision { verdict, rules }))
    }

    /// The family of a frame as the hook sees it; none where it is not IP and the hook sees no
    /// other.
    fn family(&self, frame: &Frame) -> Option<PacketFamily> {
        match self.hook {
            Hook::Ingress | Hook::Egress => {
                let packet = Packet::from_frame(&frame.bytes[..]).ok()?;
                Some(packet.parse_at_device(self.hook == Hook::Egress).family())
            }
            _ => frame.packet.as_ref().map(|packet| packet.family),
        }
    }

    /// The program that sees packets of a family.
    fn program_for(&self, family: Option<PacketFamily>) -> Option<usize> {
        self.loaded.programs().iter().position(|program| match program.attach {
            AttachPoint::Netfilter { family: own, .. } => {
                family.is_some_and(|family| family == own)
            }
            AttachPoint::Service | AttachPoint::Companion => false,
            _ => true,
        })
    }

    /// The rules that counted the last packet, in order.
    fn counted(&mut self, family: Option<PacketFamily>) -> Result<Vec<String>, Failure> {
        let after = self.loaded.counters().map_err(refused)?;
        let changed: BTreeMap<&str, u64> = after
            .iter()
            .zip(&self.counts)
            .filter(|((_, now), before)| now.packets != before.packets)
            .map(|((rule, now), before)| {
                (rule.label.as_str(), now.packets.wrapping_sub(before.packets))
            })
            .collect();
        let family = family.unwrap_or(PacketFamily::Ipv4);
        let order = self.tracer.trace(self.hook, family, &changed);
        self.counts = after.iter().map(|(_, count)| count).collect();
        Ok(order)
    }
}

fn counts(loaded: &Unattached) -> Result<Vec<Count>, Failure> {
    Ok(loaded.counters().map_err(refused)?.iter().map(|(_, count)| count).collect())
}

/// What a test run takes as the packet; none for what the hook would never see.
fn data(attach: AttachPoint, frame: &Frame) -> Option<Vec<u8>> {
    match attach {
        // Netfilter hooks and cgroups see whole, trimmed, untagged IP packets.
        AttachPoint::Netfilter { .. } | AttachPoint::CgroupIngress | AttachPoint::CgroupEgress => {
            let parsed = frame.parsed()?;
            let addresses = frame.bytes[..12].try_into().ok()?;
            Some(untagged(attach, addresses, parsed.ip(), parsed.bytes()))
        }
        AttachPoint::Service | AttachPoint::Companion => None,
        AttachPoint::Xdp => Some(frame.bytes.clone()).filter(|data| data.len() >= ETHERNET),
        // The kernel runs nothing on frames without content, or with half an IP header.
        AttachPoint::TcIngress | AttachPoint::TcEgress => {
            let is_damaged = frame.packet.is_some() && frame.parsed().is_none();
            (frame.bytes.len() > ETHERNET && !is_damaged).then(|| frame.bytes.clone())
        }
    }
}

/// An IP packet as a test run takes it: behind an Ethernet header, but for netfilter's output
/// hook, where packets have none yet (net/bpf/test_run.c, `bpf_prog_test_run_nf`).
fn untagged(attach: AttachPoint, addresses: [u8; 12], family: Family, ip: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(ETHERNET + ip.len());
    if !is_netfilter_output(attach) {
        data.extend(addresses);
        data.extend(match family {
            Family::Ipv4 => [0x08, 0x00],
            Family::Ipv6 => [0x86, 0xdd],
        });
    }
    data.extend(ip);
    data
}

/// Whether this is netfilter's output hook.
pub(super) fn is_netfilter_output(attach: AttachPoint) -> bool {
    matches!(attach, AttachPoint::Netfilter { hook: Hook::Output, .. })
}

/// Exchanges input and output interface in a netfilter program.
fn exchange_interfaces(artifact: &mut Artifact) {
    for function in &mut artifact.functions {
        for reloc in &mut function.relocs {
            if let RelocKind::FieldOffset(field) = &mut reloc.kind
                && field.structure == "nf_hook_state"
            {
                field.member = match field.member.as_str() {
                    "in" => "out".to_owned(),
                    "out" => "in".to_owned(),
                    other => other.to_owned(),
                };
            }
        }
    }
}

/// Whether a test run at a hook gives the packet its interface on the wrong side: a program that
/// accepts what has the interface is run.
fn interfaces_are_exchanged(
    target: &dyn Target,
    hook: Hook,
    interface: &str,
) -> Result<bool, Failure> {
    let chain = hook.to_string().to_uppercase();
    let side = if is_incoming(hook) { "-i" } else { "-o" };
    // The mangle table has chains at every hook.
    let rules =
        format!("*mangle\n:{chain} DROP\n-A {chain} {side} {interface} -j ACCEPT\nCOMMIT\n");
    let input = Input {
        name: "probe".into(),
        bytes: rules.into_bytes(),
        format: Some("iptables-save".into()),
    };
    let options = Options {
        hooks: Some(vec![hook]),
        tables: Some(vec!["mangle".into()]),
        ..Options::default()
    };
    let compiled = driver::compile(&[input], target, &options);
    let artifact = compiled.into_artifact().ok_or_else(|| {
        Failure::Refused(format!("interfaces cannot be told apart at hook {hook}"))
    })?;
    let probe = Unattached::load(&artifact).map_err(refused)?;
    let attach = probe.programs()[0].attach;
    let ip = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 255, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    let data = untagged(attach, [0; 12], Family::Ipv4, &ip);
    let packet = TestPacket { data: &data, ..TestPacket::default() };
    let outcome = probe.run(0, &packet, 1).map_err(refused)?;
    Ok(outcome.verdict != target.return_value(Verdict::Accept, attach))
}
