//! The rulesets of `corpus`, most of them made by the tools that people use: every filter table
//! compiles unchanged, and counts every packet as the kernel's own iptables does.
//!
//! The host has an address on each interface that a ruleset names and routes everything else over
//! all of them. Packets aimed at the rules come in by each interface, and the host sends some of
//! its own; what its iptables counts, a netfilter program of the same ruleset must count, and XDP
//! and TC programs must for packets that begin connections. Nothing depends on how long that takes:
//! rates are made so slow that only their bursts count, on both sides alike. `BPFC_CORPUS_PACKETS`
//! is how many packets there are, `BPFC_SEED` chooses them; `BPFC_CORPUS` is another directory of
//! such files, whose rulesets are tried instead.

use bpfc_artifact::Artifact;
use bpfc_diag::{Code, Severity};
use bpfc_driver::{Compilation, Options as CompileOptions, compile, target};
use bpfc_ir::{Hook, Input};
use bpfc_packet::Transport;
use bpfc_runtime::{Filter, Options};
use bpfc_tests::generate::aimed::{facets, interfaces, routes};
use bpfc_tests::generate::draft::{Draft, protocol};
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::inject::{Frame, Wire};
use bpfc_tests::lab::namespace::{ip, ip6, isolated, run, sysctl};
use bpfc_tests::lab::raw::RawSender;
use bpfc_tests::lab::tables::{self, Counters, Reader};
use bpfc_tests::require::{self, Need};
use libtest_mimic::{Arguments, Failed, Trial};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

/// Rulesets of which a netfilter program cannot do something, with what that is; the hook is in
/// front. XDP and TC programs can, and netfilter programs of the other hooks are made.
const REFUSED: &[(&str, Hook, &str)] = &[
    ("ferm.v4", Hook::Forward, "counting connections"),
    ("ferm.v6", Hook::Forward, "counting connections"),
];

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for ruleset in corpus() {
        let name = ruleset.name.clone();
        let copy = ruleset.clone();
        trials.push(Trial::test(format!("compiles_{name}"), move || compiles(&copy)));
        trials.push(Trial::test(format!("counts_{name}"), move || {
            let needs: Vec<Need> =
                require::KERNEL_IPTABLES.iter().copied().chain([Need::Tool("ipset")]).collect();
            if require::met(&needs) {
                isolated(|| counts(&ruleset))?;
            }
            Ok(())
        }));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// What a netfilter program cannot do of a ruleset, and where.
fn refused(name: &str) -> Option<(Hook, &'static str)> {
    let found = REFUSED.iter().find(|(other, ..)| *other == name);
    found.map(|&(_, hook, what)| (hook, what))
}

/// The hooks whose chains a netfilter program runs; none for every one.
fn netfilter_hooks(name: &str) -> Option<Vec<Hook>> {
    let (without, _) = refused(name)?;
    let hooks = [Hook::Input, Hook::Forward, Hook::Output];
    Some(hooks.into_iter().filter(|hook| *hook != without).collect())
}

/// A file of the corpus.
#[derive(Clone)]
struct Ruleset {
    name: String,
    family: Family,
    text: String,
    sets: Option<String>,
}

fn corpus() -> Vec<Ruleset> {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let folder = std::env::var_os("BPFC_CORPUS").map_or_else(own, PathBuf::from);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the corpus is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rules"))
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
            let family = if name.ends_with(".v6") { Family::Ipv6 } else { Family::Ipv4 };
            let mut text = fs::read_to_string(&path).expect("a readable file");
            // iptables-restore knows COMMIT only with the end of its line.
            if !text.ends_with('\n') {
                text.push('\n');
            }
            let tool = name.split('.').next().unwrap_or_default();
            let sets = fs::read_to_string(folder.join(format!("{tool}.sets"))).ok();
            Ruleset { name, family, text, sets }
        })
        .collect()
}

impl Ruleset {
    fn build(&self, name: &str, hooks: Option<Vec<Hook>>, drop_rejected: bool) -> Compilation {
        let input = |name: &str, text: &str, format: String| Input {
            name: name.to_owned(),
            bytes: text.as_bytes().to_vec(),
            format: Some(format),
        };
        let mut inputs =
            vec![input(&self.name, &self.text, format!("{}-save", self.family.tool()))];
        inputs.extend(self.sets.iter().map(|sets| input("sets", sets, "ipset-save".to_owned())));
        let options = CompileOptions { hooks, drop_rejected, ..CompileOptions::default() };
        compile(&inputs, target(name).expect("a target"), &options)
    }

    fn artifact(
        &self,
        name: &str,
        hooks: Option<Vec<Hook>>,
        drop_rejected: bool,
    ) -> Result<Artifact, Failed> {
        let built = self.build(name, hooks, drop_rejected);
        let errors = errors(&built);
        built.artifact().cloned().ok_or_else(|| format!("{name}: {}", errors.join("\n")).into())
    }

    /// The same with rates at which no more packets come within a test, but for the bursts.
    fn slow(&self) -> Self {
        let mut words: Vec<String> = self.text.split(' ').map(str::to_owned).collect();
        for at in 1..words.len() {
            if matches!(
                words[at - 1].as_str(),
                "--limit" | "--hashlimit-upto" | "--hashlimit-above"
            ) && let Some((_, unit)) = words[at].split_once('/')
                && !unit.starts_with("day")
            {
                words[at] = "1/hour".to_owned();
            }
        }
        Self { text: words.join(" "), ..self.clone() }
    }

    /// The same with drops in the place of rejections, whose answers to this host's own packets
    /// would meet its rules in turn.
    fn silent(&self) -> Self {
        let line = |line: &str| match line.split_once(" -j REJECT") {
            Some((rule, _)) => format!("{rule} -j DROP\n"),
            None => format!("{line}\n"),
        };
        Self { text: self.text.lines().map(line).collect(), ..self.clone() }
    }
}

/// The table without rules.
const EMPTY: &str = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n";

fn errors(built: &Compilation) -> Vec<String> {
    let errors = built.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    errors.map(|error| format!("{} {}", error.code, error.message)).collect()
}

/// The targets and hooks that every ruleset must compile for. What netfilter cannot do it says.
fn compiles(ruleset: &Ruleset) -> Result<(), Failed> {
    let received = || Some(vec![Hook::Input, Hook::Forward]);
    for (target, hooks, drop_rejected) in [
        ("netfilter", netfilter_hooks(&ruleset.name), true),
        ("xdp", received(), false),
        ("tc", received(), false),
        ("tc", Some(vec![Hook::Output]), false),
    ] {
        let errors = errors(&ruleset.build(target, hooks.clone(), drop_rejected));
        if !errors.is_empty() {
            return Err(format!("{target} at {hooks:?}: {errors:?}").into());
        }
    }
    if let Some((hook, what)) = refused(&ruleset.name) {
        let expected = format!(
            "{} target netfilter cannot do this at the {hook} hook: {what}",
            Code::TARGET_CANNOT
        );
        let errors = errors(&ruleset.build("netfilter", None, true));
        if errors != [expected.clone()] {
            return Err(format!("{errors:?}, expected {expected}").into());
        }
    }
    Ok(())
}

/// This host's addresses, one for each interface.
fn locals(family: Family, number: usize) -> Vec<IpAddr> {
    (0..number as u8)
        .map(|at| match family {
            Family::Ipv4 => IpAddr::from(Ipv4Addr::new(10, 99, at, 1)),
            Family::Ipv6 => Ipv6Addr::new(0xfd99, at.into(), 0, 0, 0, 0, 0, 1).into(),
        })
        .collect()
}

fn prepare(ruleset: &Ruleset, names: &[String]) -> Result<Wire, Failed> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let wire = Wire::new(&names)?;
    for name in names.iter().chain(&["all"]) {
        sysctl(&format!("ipv4/conf/{name}/rp_filter"), "0")?;
        sysctl(&format!("ipv4/conf/{name}/send_redirects"), "0")?;
    }
    sysctl("ipv4/ip_forward", "1")?;
    sysctl("ipv6/conf/all/forwarding", "1")?;
    let mut lines = String::new();
    for (local, name) in locals(ruleset.family, names.len()).iter().zip(&names) {
        lines += &match local {
            IpAddr::V4(local) => format!("addr add {local}/24 brd + dev {name}\n"),
            // An address would become local some time later.
            IpAddr::V6(local) => format!("route add local {local} dev lo table local\n"),
        };
    }
    for slice in 0..8 {
        let name = names[slice % names.len()];
        lines += &match ruleset.family {
            Family::Ipv4 => format!("route add {}.0.0.0/3 dev {name}\n", slice * 32),
            Family::Ipv6 => format!("route add {:x}::/3 dev {name}\n", slice * 0x2000),
        };
    }
    for (destination, name) in routes(&ruleset.text) {
        lines += &format!("route replace {destination} dev {}\n", name.replace('+', "0"));
    }
    match ruleset.family {
        Family::Ipv4 => ip(&lines)?,
        Family::Ipv6 => ip6(&lines)?,
    }
    if let Some(sets) = &ruleset.sets {
        run("ipset", &["restore"], sets)?;
    }
    Ok(wire)
}

/// Packets for a ruleset; with `beginning` only such as XDP and TC programs know as well as the
/// kernel: first packets of connections between hosts that routing lets through.
fn frames(ruleset: &Ruleset, ports: usize, number: usize, beginning: bool) -> Vec<Frame> {
    let family = ruleset.family;
    let mut rng = Rng::new(require::number("BPFC_SEED", 1));
    let facets = facets(&ruleset.text, family);
    let locals = locals(family, ports);
    let mut frames = Vec::new();
    while frames.len() < number {
        let count = frames.len() as u16;
        let mut draft = Draft::new(family);
        draft.port = rng.below(ports as u64) as usize;
        let (near, far) = match family {
            Family::Ipv4 => {
                let near = Ipv4Addr::new(192, 0, 2, rng.within(1..=200) as u8);
                let far = Ipv4Addr::from(rng.bits() as u32 % 0xb000_0000 + 0x0b00_0000);
                (IpAddr::from(near), IpAddr::from(far))
            }
            Family::Ipv6 => {
                let near = Ipv6Addr::new(0x2001, 0xdb8, 0, 7, 0, 0, 0, rng.byte().into());
                let far = Ipv6Addr::new(rng.bits() as u16 % 0x9000 + 0x2000, 1, 2, 3, 4, 5, 6, 7);
                (IpAddr::from(near), IpAddr::from(far))
            }
        };
        draft.set_source(near);
        draft.set_destination(if rng.one_in(2) { *rng.pick(&locals) } else { far });
        let kinds = [protocol::TCP, protocol::TCP, protocol::UDP, icmp(family)];
        draft.become_protocol(*rng.pick(&kinds));
        if let Some((source, _)) = draft.ports() {
            *source = 20_000 + count;
        }
        if rng.one_in(3) {
            draft.tcp().flags = 2;
        }
        for _ in 0..rng.within(1..=3) {
            if !facets.is_empty() {
                rng.pick(&facets)(&mut rng, &mut draft);
            }
        }
        if beginning && !begins(&mut draft, count) {
            continue;
        }
        frames.push(draft.frame());
    }
    frames
}

/// Whether a packet is for another host.
fn leaves(family: Family, frame: &Frame) -> bool {
    match family {
        Family::Ipv4 => {
            !matches!(frame.bytes[30], 0 | 127 | 224..) && frame.bytes[30..32] != [10, 99]
        }
        Family::Ipv6 => frame.bytes[38] != 0 && frame.bytes[38..40] != [0xfd, 0x99],
    }
}

fn icmp(family: Family) -> u8 {
    match family {
        Family::Ipv4 => protocol::ICMP,
        Family::Ipv6 => protocol::ICMPV6,
    }
}

/// Makes a packet the first of its connection where it can be one.
fn begins(draft: &mut Draft, number: u16) -> bool {
    let packet = draft.frame().bytes;
    let ends = match draft.family() {
        Family::Ipv4 => [&packet[26..30], &packet[30..34]],
        Family::Ipv6 => [&packet[22..38], &packet[38..54]],
    };
    let plain = |address: &[u8]| match draft.family() {
        Family::Ipv4 => !matches!(address[0], 0 | 127 | 224..) && address[..2] != [10, 99],
        Family::Ipv6 => matches!(address[0], 0x20..0xf0) || address[..2] == [0xfd, 0],
    };
    let local = |address: &[u8]| match draft.family() {
        Family::Ipv4 => address[..2] == [10, 99] && address[3] == 1,
        Family::Ipv6 => address[..2] == [0xfd, 0x99],
    };
    if !plain(ends[0]) || !(plain(ends[1]) || local(ends[1])) {
        return false;
    }
    if let Some((source, _)) = draft.ports() {
        *source = 20_000 + number;
    }
    match &mut draft.transport {
        Transport::Tcp(tcp) => {
            tcp.flags = 2;
            true
        }
        Transport::Udp { .. } => true,
        Transport::Icmp { kind: 8, rest, .. } | Transport::Icmpv6 { kind: 128, rest, .. } => {
            *rest = [(number >> 8) as u8, number as u8, 0, 1];
            true
        }
        _ => false,
    }
}

/// Packets: what comes in by wires, or what the host sends.
enum Traffic<'a> {
    In(&'a mut Wire, &'a [Frame]),
    Out(&'a [Frame]),
}

impl Traffic<'_> {
    /// Keeps what the host says of its own from the rules, and forgets all connections.
    fn prepare(&self, family: Family) -> Result<(), Failed> {
        let (policy, reports) = match (self, family) {
            (Traffic::In(..), _) => ("DROP", ""),
            (Traffic::Out(_), Family::Ipv4) => ("ACCEPT", ""),
            // The kernel tells routers which groups it listens to whenever it likes.
            (Traffic::Out(_), Family::Ipv6) => {
                ("ACCEPT", "-A OUTPUT -p ipv6-icmp -m icmp6 --icmpv6-type 143 -j DROP\n")
            }
        };
        let text = format!("*raw\n:PREROUTING ACCEPT\n:OUTPUT {policy}\n{reports}COMMIT\n");
        tables::restore(family, &text)?;
        run("conntrack", &["-F"], "")?;
        Ok(())
    }

    fn send(&mut self, family: Family) -> Result<(), Failed> {
        match self {
            Traffic::In(wire, frames) => Ok(wire.send(frames)?),
            Traffic::Out(frames) => Ok(RawSender::new(family)?.send(frames)?),
        }
    }
}

/// What the kernel's own table counts.
fn by_kernel(ruleset: &Ruleset, traffic: &mut Traffic<'_>) -> Result<Counters, Failed> {
    traffic.prepare(ruleset.family)?;
    tables::restore(ruleset.family, EMPTY)?;
    tables::restore(ruleset.family, &ruleset.text)?;
    let reader = Reader::new(ruleset.family, "filter")?;
    let before = reader.read()?;
    traffic.send(ruleset.family)?;
    Ok(tables::difference(&reader, &before, &reader.read()?))
}

/// What programs count while the kernel's table is empty.
fn by_programs(
    ruleset: &Ruleset,
    artifact: &Artifact,
    interfaces: &[String],
    traffic: &mut Traffic<'_>,
) -> Result<Counters, Failed> {
    traffic.prepare(ruleset.family)?;
    tables::restore(ruleset.family, EMPTY)?;
    let mut options = Options::new("corpus");
    options.interfaces = interfaces.to_vec();
    let filter = Filter::load(artifact, &options)?;
    traffic.send(ruleset.family)?;
    let moved = tables::moved(&filter.counters()?);
    filter.unload()?;
    Ok(moved)
}

fn same(
    ruleset: &Ruleset,
    what: &str,
    kernel: &Counters,
    program: &Counters,
) -> Result<(), String> {
    match tables::disagreement(kernel, program) {
        None => Ok(()),
        Some(lines) => Err(format!("{} {what}:\n{lines}\n", ruleset.name)),
    }
}

fn counts(ruleset: &Ruleset) -> Result<(), Failed> {
    let ruleset = ruleset.slow();
    let silent = ruleset.silent();
    let names = interfaces(&ruleset.text);
    let mut wire = prepare(&ruleset, &names)?;
    let number = require::number("BPFC_CORPUS_PACKETS", 600) as usize;
    let mixed = frames(&ruleset, names.len(), number, false);
    let beginning = frames(&ruleset, names.len(), number, true);
    let mut report = String::new();

    // Incoming packets at the kernel's hooks.
    let hooks = netfilter_hooks(&ruleset.name);
    let mut kernel = by_kernel(&ruleset, &mut Traffic::In(&mut wire, &mixed))?;
    let program = ruleset.artifact("netfilter", hooks.clone(), true)?;
    let traffic = &mut Traffic::In(&mut wire, &mixed);
    let mut counted = by_programs(&ruleset, &program, &[], traffic)?;
    if refused(&ruleset.name).is_some() {
        // Chains that both hooks call count less.
        for counters in [&mut kernel, &mut counted] {
            counters.retain(|label, _| label.contains("/INPUT:"));
        }
    }
    report += &same(&ruleset, "netfilter", &kernel, &counted).err().unwrap_or_default();
    let rules = ruleset.text.lines().filter(|line| line.starts_with("-A")).count();
    println!("{}: {} of {rules} rules and policies count", ruleset.name, kernel.len());
    let least = if std::env::var_os("BPFC_CORPUS").is_some() { 1 } else { 4 };
    if kernel.len() < least {
        report += "hardly a rule counts\n";
    }

    // The host's own, to others.
    let own: Vec<Frame> =
        mixed.iter().filter(|frame| leaves(ruleset.family, frame)).cloned().collect();
    let kernel = by_kernel(&silent, &mut Traffic::Out(&own))?;
    let program = silent.artifact("netfilter", hooks, true)?;
    let counted = by_programs(&silent, &program, &[], &mut Traffic::Out(&own))?;
    report +=
        &same(&ruleset, "netfilter, own packets", &kernel, &counted).err().unwrap_or_default();
    // TC drops a packet when its connection is known already: that shows in packets that answer.
    let own: Vec<Frame> =
        beginning.iter().filter(|frame| leaves(ruleset.family, frame)).cloned().collect();
    let kernel = by_kernel(&silent, &mut Traffic::Out(&own))?;
    let program = silent.artifact("tc", Some(vec![Hook::Output]), false)?;
    let counted = by_programs(&silent, &program, &names, &mut Traffic::Out(&own))?;
    report += &same(&ruleset, "tc, own packets", &kernel, &counted).err().unwrap_or_default();

    // Incoming packets at the whole receive path of XDP and TC.
    let kernel = by_kernel(&ruleset, &mut Traffic::In(&mut wire, &beginning))?;
    for target in ["xdp", "tc"] {
        let program = ruleset.artifact(target, Some(vec![Hook::Input, Hook::Forward]), false)?;
        let traffic = &mut Traffic::In(&mut wire, &beginning);
        let counted = by_programs(&ruleset, &program, &names, traffic)?;
        report += &same(&ruleset, target, &kernel, &counted).err().unwrap_or_default();
    }
    match report.is_empty() {
        true => Ok(()),
        false => Err(report.into()),
    }
}
