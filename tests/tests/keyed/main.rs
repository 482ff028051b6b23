//! What outlives a packet under a key: contents as the kernel has them, changes at run time, and
//! exact results where two processors work on it at once.

mod beside_kernel;
mod connections;
mod possible;
mod rates;
mod recent;
mod schedule;

use bpfc_artifact::Artifact;
use bpfc_driver::Options as CompileOptions;
use bpfc_ir::{Hook, Input};
use bpfc_tests::differential::EngineError;
use bpfc_tests::generate::draft::Draft;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::inject::Frame;
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::require;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Runs a test in a namespace of its own, where the machine has what it needs.
fn in_lab(test: impl FnOnce() -> Result<(), EngineError> + Send) {
    if require::met(require::KERNEL_IPTABLES) {
        isolated(test).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// Does the same on two processors at once, where the machine has two.
fn on_two_processors<E: Send>(work: impl Fn() -> Result<(), E> + Sync) -> Result<(), E> {
    std::thread::scope(|scope| {
        let work = &work;
        let threads = [0, 1].map(|processor| {
            scope.spawn(move || {
                let mut processors = CpuSet::new();
                processors.set(processor).expect("a processor's number");
                // With one processor both take turns on it.
                let _ = sched_setaffinity(Pid::from_raw(0), &processors);
                work()
            })
        });
        threads.into_iter().try_for_each(|thread| thread.join().expect("a thread"))
    })
}

fn artifact(family: Family, text: &str, target: &str) -> Result<Artifact, EngineError> {
    let input = Input {
        name: "rules".to_owned(),
        bytes: text.as_bytes().to_vec(),
        format: Some(format!("{}-save", family.tool())),
    };
    let target = bpfc_driver::target(target).expect("a target");
    let options = CompileOptions { hooks: Some(vec![Hook::Input]), ..CompileOptions::default() };
    let result = bpfc_driver::compile(&[input], target, &options);
    result
        .artifact()
        .cloned()
        .ok_or_else(|| EngineError::refused(&result.diagnostics, &result.sources))
}

fn source(family: Family, number: u8) -> IpAddr {
    match family {
        Family::Ipv4 => Ipv4Addr::new(192, 0, 2, number).into(),
        Family::Ipv6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into()).into(),
    }
}

fn packet(family: Family, number: u8, port: u16, ttl: u8) -> Frame {
    let mut draft = Draft::new(family);
    draft.set_source(source(family, number));
    *draft.ttl() = ttl;
    draft.transport = bpfc_packet::Transport::Udp { source: 1024, destination: port };
    draft.frame()
}
