//! A target's programs through the kernel's test run, attached to nothing.
//!
//! It shows each packet's verdict on its own, and takes frames that would not get through the
//! stack to the next hook, such as those with VLAN tags.

use super::compile::artifact;
use super::{Engine, EngineError, Ruleset};
use crate::lab::LabError;
use crate::lab::inject::{Frame, INNER_MAC};
use crate::lab::oracle::{INTERFACES, OUT_INTERFACES, Outcome, Stage};
use crate::lab::tables::moved;
use crate::lab::view::{packet_at, route};
use bpfc_runtime::{TestPacket, Unattached};
use nix::net::if_::if_nametoindex;

/// Ethernet types of VLAN tags, outermost first, that are put into every frame.
pub type Tags = &'static [u16];

/// A target in test runs.
#[derive(Debug)]
pub struct TestRun {
    target: &'static str,
    tags: Tags,
    disabled: &'static [&'static str],
    loaded: Option<(Stage, Unattached)>,
}

impl TestRun {
    /// A target by name: xdp, tc at ingress, or cgroup-skb.
    pub fn new(target: &'static str, tags: Tags) -> Self {
        Self { target, tags, disabled: &[], loaded: None }
    }

    /// The same without some of the compiler's passes.
    #[must_use]
    pub fn without(self, passes: &'static [&'static str]) -> Self {
        Self { disabled: passes, ..self }
    }

    /// The return value that lets a packet pass (include/uapi/linux/bpf.h).
    fn pass(&self) -> i32 {
        match self.target {
            "xdp" => 2,
            "tc" => -1,
            _ => 1,
        }
    }
}

impl Engine for TestRun {
    fn name(&self) -> String {
        let mut name = format!("{} (test run, {} tags", self.target, self.tags.len());
        for pass in self.disabled {
            name += ", without ";
            name += pass;
        }
        name + ")"
    }

    fn load(&mut self, ruleset: &Ruleset) -> Result<(), EngineError> {
        let artifact = artifact(ruleset, self.target, self.disabled)?;
        self.loaded = Some((ruleset.stage, Unattached::load(&artifact)?));
        Ok(())
    }

    fn run(&mut self, frames: &[Frame]) -> Result<Outcome, EngineError> {
        let Some((stage, loaded)) = &self.loaded else {
            return Err(EngineError::Refused("no ruleset is loaded".to_owned()));
        };
        let inputs = numbers(INTERFACES)?;
        let outputs = numbers(OUT_INTERFACES)?;
        let mut accepted = 0;
        for frame in frames {
            let mut bytes = tagged(&frame.bytes, self.tags);
            let ifindex = if *stage == Stage::Output {
                // What the host sends itself has no link header yet that says whose it is.
                bytes[..INNER_MAC.len()].copy_from_slice(&INNER_MAC);
                packet_at(*stage, frame).and_then(|packet| route(&packet)).map(|to| outputs[to])
            } else {
                Some(inputs[frame.port])
            };
            let Some(ifindex) = ifindex else { continue };
            let ingress_ifindex = if self.target == "xdp" { 0 } else { ifindex };
            let packet = TestPacket { data: &bytes, ifindex, ingress_ifindex, mark: 0 };
            if loaded.run(0, &packet, 1)?.verdict == self.pass() {
                accepted += 1;
            }
        }
        let counters = moved(&loaded.counters()?);
        Ok(Outcome { accepted: Some(accepted), counters, left: None })
    }

    fn unload(&mut self) -> Result<(), EngineError> {
        self.loaded = None;
        Ok(())
    }
}

/// The kernel's numbers of interfaces.
fn numbers<const N: usize>(names: [&str; N]) -> Result<[u32; N], LabError> {
    let mut numbers = [0; N];
    for (number, name) in numbers.iter_mut().zip(names) {
        *number = if_nametoindex(name).map_err(LabError::errno(name))?;
    }
    Ok(numbers)
}

/// A frame with tags between its addresses and its Ethernet type.
fn tagged(frame: &[u8], tags: Tags) -> Vec<u8> {
    let (addresses, rest) = frame.split_at(12);
    let mut bytes = addresses.to_vec();
    for (number, tag) in tags.iter().enumerate() {
        bytes.extend(tag.to_be_bytes());
        bytes.extend((number as u16 + 100).to_be_bytes());
    }
    bytes.extend(rest);
    bytes
}
