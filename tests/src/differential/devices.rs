//! Chains of devices through the kernel's nft and every engine that has them: TC and XDP, attached,
//! and the interpreter before and after passes.

use crate::lab::inject::{Frame, Wire};
use crate::lab::nft;
use crate::lab::packet_sender::PacketSender;
use crate::lab::tables::{Count, Counters, disagreement, moved};
use crate::twin::nft_artifact;
use bpfc_driver::Options as CompileOptions;
use bpfc_interpret::{Environment, interpret};
use bpfc_ir::{CounterDef, Hook, Input};
use bpfc_opt::Limits;
use bpfc_packet::{Clock, InterfaceName, Packet};
use bpfc_runtime::{Filter, Options, XdpMode};
use std::error::Error;
use std::time::SystemTime;

/// What has gone wrong, in words.
pub type Complaint = Box<dyn Error>;

/// The devices of the namespace under test. Chains are of the first and the last.
pub const DEVICES: [&str; 3] = ["eth0", "eth1", "wlan0"];

/// The devices in the calling thread's namespace, with both ways for frames.
pub struct Lab {
    /// Between the devices and who sends.
    pub wire: Wire,
    sender: PacketSender,
    hook: Hook,
}

impl Lab {
    /// Makes the devices, for chains at a hook of theirs.
    ///
    /// # Errors
    /// Where the machine does not do what it should, as for all of these.
    pub fn new(hook: Hook) -> Result<Lab, Complaint> {
        let wire = Wire::new(&DEVICES)?;
        Ok(Lab { wire, sender: PacketSender::new(&DEVICES)?, hook })
    }

    /// Sends frames past the hook.
    ///
    /// # Errors
    /// As for [`Lab::new`].
    pub fn send(&mut self, frames: &[Frame]) -> Result<(), Complaint> {
        if self.hook == Hook::Ingress {
            return Ok(self.wire.send(frames)?);
        }
        for frame in frames {
            self.sender.send(frame.port, &frame.bytes)?;
        }
        Ok(())
    }

    /// What nft counts.
    ///
    /// # Errors
    /// As for [`Lab::new`], and where nft refuses the ruleset.
    pub fn kernel(&mut self, text: &str, frames: &[Frame]) -> Result<Counters, Complaint> {
        nft::load(text)?;
        let reader = nft::Reader::new()?;
        let before = reader.read()?;
        self.send(frames)?;
        let counters = reader.moved(&before)?;
        nft::flush()?;
        Ok(counters)
    }

    /// What a target counts, attached.
    ///
    /// # Errors
    /// As for [`Lab::new`], and where the ruleset does not compile.
    pub fn live(
        &mut self,
        (target, mode): (&str, XdpMode),
        text: &str,
        frames: &[Frame],
    ) -> Result<Counters, Complaint> {
        let filter = load(&Some(vec![self.hook]), (target, mode), text)?;
        self.send(frames)?;
        let counters = moved(&filter.counters()?);
        filter.unload()?;
        Ok(counters)
    }
}

/// Loads the chains of these hooks at all devices.
///
/// # Errors
/// As for [`Lab::live`].
pub fn load(
    hooks: &Option<Vec<Hook>>,
    (target, mode): (&str, XdpMode),
    text: &str,
) -> Result<Filter, Complaint> {
    let options = CompileOptions { hooks: hooks.clone(), ..CompileOptions::default() };
    let artifact = nft_artifact(text, target, &options)?;
    let mut options = Options::new("netdev");
    options.xdp_mode = mode;
    options.interfaces = DEVICES.map(str::to_owned).to_vec();
    Ok(Filter::load(&artifact, &options)?)
}

fn input(text: &str) -> Input {
    Input { name: "ruleset".into(), bytes: text.into(), format: Some("nft".into()) }
}

fn told(diagnostics: &bpfc_diag::Diagnostics) -> String {
    diagnostics.iter().map(|one| format!("{}\n", one.message)).collect()
}

/// What the interpreter counts, of a program before and after passes.
fn interpreted(
    hook: Hook,
    text: &str,
    frames: &[Frame],
    limits: Option<Limits>,
) -> Result<Counters, Complaint> {
    let options = CompileOptions { hooks: Some(vec![hook]), ..CompileOptions::default() };
    let lowered = bpfc_driver::lower(&[input(text)], &options);
    let mut program = lowered.program.ok_or_else(|| told(&lowered.diagnostics))?;
    if let Some(limits) = limits {
        let mut options = bpfc_opt::Options { limits, ..bpfc_opt::Options::default() };
        bpfc_opt::run(&mut program, &mut options)?;
    }
    let mut environment = Environment::new(&program).with_contents(&lowered.contents);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    for frame in frames {
        let mut packet = Packet::from_frame(&frame.bytes[..])?;
        let name = InterfaceName::new(DEVICES[frame.port]).unwrap_or_default();
        match hook {
            Hook::Ingress => packet.in_interface = name,
            _ => packet.out_interface = name,
        }
        packet.clock = Clock { seconds: now, minutes_west: 0 };
        interpret(&program, hook, &packet, &mut environment)?;
    }
    let mut counters = Counters::new();
    for (counter, &CounterDef { rule, .. }) in &program.counters {
        let counts = environment.counter(counter);
        if counts.packets > 0 {
            let count = Count { packets: counts.packets, bytes: counts.bytes };
            counters.insert(program.label(rule), count);
        }
    }
    Ok(counters)
}

/// Holds what an engine counts against the kernel.
///
/// # Errors
/// Where they differ.
pub fn same(name: &str, kernel: &Counters, other: &Counters) -> Result<(), Complaint> {
    match disagreement(kernel, other) {
        Some(lines) => Err(format!("{name}:\n{lines}").into()),
        None => Ok(()),
    }
}

/// Holds every engine against what the kernel counts at a hook, and says what it counts.
///
/// # Errors
/// Where an engine differs, refuses the ruleset, or the machine does not do what it should.
pub fn check(lab: &mut Lab, text: &str, frames: &[Frame]) -> Result<Counters, Complaint> {
    let hook = lab.hook;
    let kernel = lab.kernel(text, frames)?;
    let narrow = Limits { depth: 1, size: u64::MAX, ..Limits::default() };
    for (name, limits) in [
        ("interpreter", None),
        ("interpreter (all passes)", Some(Limits::default())),
        ("interpreter (inlined)", Some(narrow)),
    ] {
        same(name, &kernel, &interpreted(hook, text, frames, limits)?)?;
    }
    let mut targets = vec![("tc", XdpMode::Auto)];
    if hook == Hook::Ingress {
        targets.extend([("xdp", XdpMode::Native), ("xdp", XdpMode::Generic)]);
    }
    for (target, mode) in targets {
        let counters = lab.live((target, mode), text, frames)?;
        same(&format!("{target} ({mode})"), &kernel, &counters)?;
    }
    Ok(kernel)
}
