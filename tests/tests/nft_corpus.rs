//! The rulesets of `corpus/nft`, in the styles of the tools and people that write such: every
//! filter chain compiles unchanged, and counts every packet as the kernel's own nft does.
//!
//! As `corpus.rs` has it for iptables: packets aimed at the rules come in by each interface that a
//! ruleset names, and the host sends some of its own. Every rule gets a counter. Chains that stay
//! in the kernel (nat) are there beside netfilter programs, and on neither side where programs run
//! before or behind them. What nft lists of a ruleset compiles alike as text and as JSON.
//! `BPFC_CORPUS_PACKETS` is how many packets there are, `BPFC_SEED` chooses
//! them; `BPFC_CORPUS` is another directory of such files, whose rulesets are tried instead.

use bpfc_artifact::Artifact;
use bpfc_diag::{Code, Severity};
use bpfc_driver::{Compilation, Options as CompileOptions, compile, target};
use bpfc_ir::{Files, Hook, IncludedFile, Input};
use bpfc_packet::Transport;
use bpfc_runtime::{Filter, Options};
use bpfc_tests::generate::aimed_nft::Aims;
use bpfc_tests::generate::draft::{Draft, protocol};
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::inject::{Frame, Wire};
use bpfc_tests::lab::namespace::{ip, ip6, isolated, run, sysctl};
use bpfc_tests::lab::nft::{self, Base};
use bpfc_tests::lab::raw::RawSender;
use bpfc_tests::lab::tables::{self, Count, Counters};
use bpfc_tests::nft_listed;
use bpfc_tests::nft_text::{counted, silent, slow, without_flowtables};
use bpfc_tests::require::{self, Need};
use libtest_mimic::{Arguments, Failed, Trial};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

/// What a target cannot do of a ruleset.
const REFUSED: &[(&str, &str, &str)] = &[
    ("mangle", "netfilter", "setting the packet's mark"),
    ("mangle", "xdp", "setting the packet's mark"),
    // Chains of the forward hook alone are no path that is routed.
    ("iot", "xdp", "the output interface"),
    ("iot", "tc", "the output interface"),
    ("libvirt", "xdp", "the output interface"),
    ("libvirt", "tc", "the output interface"),
];

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for ruleset in corpus() {
        let name = ruleset.name.clone();
        let copy = ruleset.clone();
        if is_own() {
            trials.push(Trial::test(format!("compiles_{name}"), move || compiles(&copy)));
        }
        let needs = || -> Vec<Need> {
            require::KERNEL_IPTABLES.iter().copied().chain([Need::Tool("nft")]).collect()
        };
        let copy = ruleset.clone();
        trials.push(Trial::test(format!("listed_{name}"), move || {
            if require::met(&needs()) {
                isolated(|| listed(&copy))?;
            }
            Ok(())
        }));
        trials.push(Trial::test(format!("counts_{name}"), move || {
            if require::met(&needs()) {
                isolated(|| counts(&ruleset))?;
            }
            Ok(())
        }));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// What nft lists of it as JSON compiles to what it lists as text.
fn listed(ruleset: &Ruleset) -> Result<(), Failed> {
    let ruleset = ruleset.prepared();
    let aims = Aims::of(&ruleset.text, &ruleset.included());
    let _wire = prepare(&aims.interfaces)?;
    load(&ruleset, |_| false)?;
    nft_listed::compile_alike(&ruleset.hooks()).map_err(Into::into)
}

/// Whether it is the corpus of this folder.
fn is_own() -> bool {
    std::env::var_os("BPFC_CORPUS").is_none()
}

fn folder() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/nft");
    std::env::var_os("BPFC_CORPUS").map_or_else(own, PathBuf::from)
}

/// The files of the corpus that rulesets include, as nft finds them from there.
#[derive(Debug)]
struct Folder;

impl Files for Folder {
    fn find(&self, path: &str, _: &str) -> Result<Vec<IncludedFile>, String> {
        let path = folder().join(path);
        let (parent, name) = (path.parent().ok_or("no folder")?, path.file_name());
        let name = name.and_then(|name| name.to_str()).ok_or("no name")?;
        let (begin, end) = name.split_once('*').unwrap_or((name, ""));
        let matches = |found: &str| match name.contains('*') {
            true => found.starts_with(begin) && found.ends_with(end),
            false => found == name,
        };
        let entries = fs::read_dir(parent).map_err(|error| error.to_string())?;
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|found| matches(found))
            .collect();
        names.sort();
        let read = |name: String| {
            let bytes = fs::read(parent.join(&name)).map_err(|error| error.to_string())?;
            Ok(IncludedFile { name, bytes })
        };
        names.into_iter().map(read).collect()
    }

    fn places(&self, path: &str, _: &str) -> Vec<PathBuf> {
        vec![folder().join(path)]
    }
}

/// A file of the corpus.
#[derive(Clone)]
struct Ruleset {
    name: String,
    text: String,
}

fn corpus() -> Vec<Ruleset> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder())
        .expect("the corpus is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "nft"))
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
            Ruleset { name, text: fs::read_to_string(&path).expect("a readable file") }
        })
        .collect()
}

impl Ruleset {
    fn build(&self, name: &str, hooks: &[Hook], drop_rejected: bool) -> Compilation {
        let input = Input {
            name: format!("{}.nft", self.name),
            bytes: self.text.as_bytes().to_vec(),
            format: None,
        };
        let hooks = Some(hooks.to_vec());
        let options =
            CompileOptions { hooks, drop_rejected, files: Some(&Folder), ..Default::default() };
        compile(&[input], target(name).expect("a target"), &options)
    }

    fn artifact(
        &self,
        name: &str,
        hooks: &[Hook],
        drop_rejected: bool,
    ) -> Result<Artifact, Failed> {
        let built = self.build(name, hooks, drop_rejected);
        let errors = errors(&built);
        built.artifact().cloned().ok_or_else(|| format!("{name}: {}", errors.join("\n")).into())
    }

    /// The text of the files that it includes.
    fn included(&self) -> String {
        let paths = self.text.lines().filter_map(|line| line.strip_prefix("include \""));
        let paths = paths.filter_map(|line| line.split('"').next());
        let files = paths.flat_map(|path| Folder.find(path, "").unwrap_or_default());
        files.map(|file| String::from_utf8_lossy(&file.bytes).into_owned() + "\n").collect()
    }

    /// The hooks of its chains that filter, and the families that these see.
    fn hooks(&self) -> Vec<Hook> {
        let is_here = |hook: &&Hook| {
            ["filter", "route"]
                .iter()
                .any(|kind| self.text.contains(&format!("type {kind} hook {hook} ")))
        };
        Hook::ALL.iter().filter(is_here).copied().collect()
    }

    fn hooks_of(&self, some: &[Hook]) -> Vec<Hook> {
        self.hooks().into_iter().filter(|hook| some.contains(hook)).collect()
    }

    fn families(&self) -> Vec<Family> {
        let has = |word: &str| {
            [format!("table {word} "), format!("chain {word} ")]
                .iter()
                .any(|begin| self.text.contains(begin.as_str()))
        };
        let inet = has("inet");
        let of = |family: &Family| match family {
            Family::Ipv4 => inet || has("ip"),
            Family::Ipv6 => inet || has("ip6"),
        };
        Family::ALL.into_iter().filter(of).collect()
    }

    /// The same as both sides run it.
    fn prepared(&self) -> Ruleset {
        let text = counted(&slow(&without_flowtables(&self.text)));
        Ruleset { text, ..self.clone() }
    }

    fn silent(&self) -> Ruleset {
        Ruleset { text: silent(&self.text), ..self.clone() }
    }

    /// Whether a target cannot do what the ruleset says; of rulesets that are not the corpus's own
    /// whether it does not compile.
    fn is_refused(&self, target: &str, hooks: &[Hook]) -> bool {
        if is_own() {
            return REFUSED.iter().any(|(name, of, _)| (*name, *of) == (&self.name, target));
        }
        let errors = errors(&self.build(target, hooks, target == "netfilter"));
        for error in &errors {
            println!("{}: {target}: {error}", self.name);
        }
        !errors.is_empty()
    }
}

/// The whole receive path of XDP and TC.
const RECEIVED: &[Hook] = &[Hook::Prerouting, Hook::Input, Hook::Forward];

fn errors(built: &Compilation) -> Vec<String> {
    let errors = built.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    errors.map(|error| format!("{} {}", error.code, error.message)).collect()
}

/// The targets and hooks that every ruleset must compile for, but for what a target cannot do. What
/// is left to the kernel has a note.
fn compiles(ruleset: &Ruleset) -> Result<(), Failed> {
    for (target, hooks, drop_rejected) in [
        ("netfilter", ruleset.hooks(), true),
        ("xdp", ruleset.hooks_of(RECEIVED), false),
        ("tc", ruleset.hooks_of(RECEIVED), false),
        ("tc", ruleset.hooks_of(&[Hook::Output, Hook::Postrouting]), false),
    ] {
        if hooks.is_empty() {
            continue;
        }
        let built = ruleset.build(target, &hooks, drop_rejected);
        let errors = errors(&built);
        let refused = REFUSED.iter().find(|(n, t, _)| (*n, *t) == (&ruleset.name, target));
        match refused {
            Some((.., what)) if errors.iter().any(|error| error.contains(what)) => {}
            None if errors.is_empty() => {}
            _ => return Err(format!("{target} at {hooks:?}: {errors:?}").into()),
        }
        let has_nat = ruleset.text.contains("type nat hook");
        let is_noted = built.diagnostics.iter().any(|found| {
            found.severity == Severity::Note
                && matches!(found.code, Code::NFT_OUTSIDE | Code::HOOK_LEFT_OUT)
                && found.message.contains("nat")
        });
        if has_nat && !is_noted {
            return Err(format!("{target}: no note names what is left to the kernel").into());
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

/// An address that packets leave to by an interface, other routes aside.
fn towards(rng: &mut Rng, family: Family, port: usize) -> IpAddr {
    let host = rng.byte();
    match family {
        Family::Ipv4 => Ipv4Addr::new(51, port as u8, 7, host).into(),
        Family::Ipv6 => Ipv6Addr::new(0x2a00, port as u16, 0, 0, 0, 0, 7, host.into()).into(),
    }
}

fn prepare(interfaces: &[String]) -> Result<Wire, Failed> {
    let names: Vec<&str> = interfaces.iter().map(String::as_str).collect();
    let wire = Wire::new(&names)?;
    for name in names.iter().chain(&["all"]) {
        sysctl(&format!("ipv4/conf/{name}/rp_filter"), "0")?;
        sysctl(&format!("ipv4/conf/{name}/send_redirects"), "0")?;
    }
    sysctl("ipv4/ip_forward", "1")?;
    sysctl("ipv6/conf/all/forwarding", "1")?;
    let (mut four, mut six) = (String::new(), String::new());
    for (at, name) in names.iter().enumerate() {
        let (local4, local6) =
            (locals(Family::Ipv4, names.len())[at], locals(Family::Ipv6, names.len())[at]);
        four += &format!("addr add {local4}/24 brd + dev {name}\n");
        four += &format!("route add 51.{at}.0.0/16 dev {name}\n");
        // An address would become local some time later.
        six += &format!("route add local {local6} dev lo table local\n");
        six += &format!("route add 2a00:{at:x}::/32 dev {name}\n");
    }
    for slice in 0..8 {
        let name = names[slice % names.len()];
        four += &format!("route add {}.0.0.0/3 dev {name}\n", slice * 32);
        six += &format!("route add {:x}::/3 dev {name}\n", slice * 0x2000);
    }
    ip(&four)?;
    ip6(&six)?;
    Ok(wire)
}

/// Packets for a ruleset, of the families that it sees in turn; with `beginning` only such as XDP
/// and TC programs know as well as the kernel: first packets of connections between hosts that
/// routing lets through.
fn frames(ruleset: &Ruleset, aims: &Aims, number: usize, beginning: bool) -> Vec<Frame> {
    let mut rng = Rng::new(require::number("BPFC_SEED", 1));
    let facets = aims.facets(towards);
    let families = ruleset.families();
    let ports = aims.interfaces.len();
    let mut frames = Vec::new();
    let mut drafts: Vec<Draft> = Vec::new();
    while frames.len() < number {
        let count = frames.len() as u16;
        let family = families[frames.len() % families.len()];
        if !beginning && !drafts.is_empty() && rng.one_in(8) {
            let answer = answer(rng.pick(&drafts), &mut rng, ports);
            frames.push(answer.frame());
            continue;
        }
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
        let local = *rng.pick(&locals(family, ports));
        draft.set_destination(if rng.one_in(2) { local } else { far });
        let icmp = match family {
            Family::Ipv4 => protocol::ICMP,
            Family::Ipv6 => protocol::ICMPV6,
        };
        draft.become_protocol(*rng.pick(&[protocol::TCP, protocol::TCP, protocol::UDP, icmp]));
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
        drafts.push(draft);
    }
    frames
}

/// A packet the other way.
fn answer(to: &Draft, rng: &mut Rng, ports: usize) -> Draft {
    use bpfc_packet::Network;
    let mut answer = to.clone();
    answer.port = rng.below(ports as u64) as usize;
    match &mut answer.network {
        Network::V4(header) => std::mem::swap(&mut header.source, &mut header.destination),
        Network::V6(header) => std::mem::swap(&mut header.source, &mut header.destination),
    }
    match &mut answer.transport {
        Transport::Icmp { kind: kind @ 8, .. } => *kind = 0,
        Transport::Icmpv6 { kind: kind @ 128, .. } => *kind = 129,
        Transport::Tcp(tcp) => tcp.flags = if tcp.flags & 2 != 0 { 0x12 } else { 0x10 },
        _ => {}
    }
    if let Some((source, destination)) = answer.ports() {
        std::mem::swap(source, destination);
    }
    answer
}

/// The addresses of a frame.
fn ends(frame: &Frame) -> (Family, [&[u8]; 2]) {
    let bytes = &frame.bytes;
    match bytes[14] >> 4 {
        4 => (Family::Ipv4, [&bytes[26..30], &bytes[30..34]]),
        _ => (Family::Ipv6, [&bytes[22..38], &bytes[38..54]]),
    }
}

/// Whether a packet is for another host.
fn leaves(frame: &Frame) -> bool {
    match ends(frame) {
        (Family::Ipv4, [_, to]) => !matches!(to[0], 0 | 127 | 224..) && to[..2] != [10, 99],
        (Family::Ipv6, [_, to]) => to[0] != 0 && to[..2] != [0xfd, 0x99],
    }
}

/// Makes a packet the first of its connection where it can be one.
fn begins(draft: &mut Draft, number: u16) -> bool {
    let frame = draft.frame();
    let (family, ends) = ends(&frame);
    let plain = |address: &[u8]| match family {
        Family::Ipv4 => !matches!(address[0], 0 | 127 | 224..) && address[..2] != [10, 99],
        Family::Ipv6 => matches!(address[0], 0x20..0xf0) || address[..2] == [0xfd, 0],
    };
    let local = |address: &[u8]| match family {
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
    fn prepare(&self) -> Result<(), Failed> {
        for family in Family::ALL {
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
        }
        run("conntrack", &["-F"], "")?;
        Ok(())
    }

    fn send(&mut self) -> Result<(), Failed> {
        match self {
            Traffic::In(wire, frames) => Ok(wire.send(frames)?),
            Traffic::Out(frames) => {
                let senders = [RawSender::new(Family::Ipv4)?, RawSender::new(Family::Ipv6)?];
                for frame in *frames {
                    let (family, _) = ends(frame);
                    let sender = &senders[usize::from(family == Family::Ipv6)];
                    sender.send(std::slice::from_ref(frame))?;
                }
                Ok(())
            }
        }
    }
}

/// Which chains of the ruleset the kernel runs on either side.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nat {
    /// Those of nat are there on both sides.
    Kept,
    /// They are on neither.
    Gone,
}

fn load(ruleset: &Ruleset, removed: impl Fn(&Base) -> bool) -> Result<(), Failed> {
    nft::load_in(&folder(), &ruleset.text)?;
    nft::remove(removed)?;
    Ok(())
}

/// What the kernel's own tables count.
fn by_kernel(ruleset: &Ruleset, nat: Nat, traffic: &mut Traffic<'_>) -> Result<Counters, Failed> {
    traffic.prepare()?;
    load(ruleset, |base| base.is_nat && nat == Nat::Gone)?;
    let reader = nft::Reader::new()?;
    let before = reader.read()?;
    traffic.send()?;
    Ok(reader.moved(&before)?)
}

/// What programs count while nothing of the kernel's tables filters.
fn by_programs(
    ruleset: &Ruleset,
    programs: &[(Artifact, Options)],
    nat: Nat,
    traffic: &mut Traffic<'_>,
) -> Result<Counters, Failed> {
    traffic.prepare()?;
    load(ruleset, |base| !base.is_nat || nat == Nat::Gone)?;
    let mut filters = Vec::new();
    for (artifact, options) in programs {
        filters.push(Filter::load(artifact, options)?);
    }
    // Counters may begin with numbers.
    let begin: Vec<Counters> = filters
        .iter()
        .map(|filter| Ok(tables::moved(&filter.counters()?)))
        .collect::<Result<_, Failed>>()?;
    traffic.send()?;
    let mut moved = Counters::new();
    for (filter, begin) in filters.into_iter().zip(begin) {
        for (label, count) in tables::moved(&filter.counters()?) {
            let before = begin.get(&label).copied().unwrap_or_default();
            *moved.entry(label).or_default() += count - before;
        }
        filter.unload()?;
    }
    moved.retain(|_, count| *count != Count::default());
    Ok(moved)
}

/// The netfilter programs of a ruleset: those of the hook prerouting run where its chains do,
/// before or behind what tracks connections and translates addresses.
fn netfilter(ruleset: &Ruleset) -> Result<Vec<(Artifact, Options)>, Failed> {
    let (early, late): (Vec<Hook>, Vec<Hook>) =
        ruleset.hooks().into_iter().partition(|hook| *hook == Hook::Prerouting);
    let mut programs = Vec::new();
    if !early.is_empty() {
        let mut options = Options::new("early");
        let all = nft::bases()?;
        let own = all.iter().filter(|base| !base.is_nat && base.hook == "prerouting");
        let before = own.map(|base| base.priority).filter(|priority| *priority < -100).max();
        // The priorities themselves are taken by iptables' tables.
        options.priority = before.map(|priority| priority + 1);
        programs.push((ruleset.artifact("netfilter", &early, true)?, options));
    }
    if !late.is_empty() {
        programs.push((ruleset.artifact("netfilter", &late, true)?, Options::new("late")));
    }
    Ok(programs)
}

/// A program at all interfaces.
fn at_interfaces(
    ruleset: &Ruleset,
    target: &str,
    hooks: &[Hook],
    interfaces: &[String],
) -> Result<Vec<(Artifact, Options)>, Failed> {
    let mut options = Options::new("corpus");
    options.interfaces = interfaces.to_vec();
    Ok(vec![(ruleset.artifact(target, hooks, false)?, options)])
}

/// Where counters differ. Chains that packets reach from nat chains alone are not compared, nor
/// those without a name, of which nft lists no rules.
fn same(
    ruleset: &Ruleset,
    what: &str,
    kernel: &Counters,
    programs: &[(Artifact, Options)],
    counted: &Counters,
) -> String {
    let is_known =
        |label: &str| programs.iter().any(|(artifact, _)| artifact.rules.find(label).is_some());
    let has_nat = ruleset.text.contains("type nat hook");
    let is_ours = |label: &&String| !label.contains("/__chain") && (!has_nat || is_known(label));
    let [kernel, program] = [kernel, counted].map(|counters| {
        let ours = counters.iter().filter(|(label, _)| is_ours(label));
        ours.map(|(label, count)| (label.clone(), *count)).collect::<Counters>()
    });
    match tables::disagreement(&kernel, &program) {
        None => String::new(),
        Some(lines) => format!("{} {what}:\n{lines}\n", ruleset.name),
    }
}

fn counts(ruleset: &Ruleset) -> Result<(), Failed> {
    let ruleset = ruleset.prepared();
    let quiet = ruleset.silent();
    let aims = Aims::of(&ruleset.text, &ruleset.included());
    let names = &aims.interfaces;
    let mut wire = prepare(names)?;
    let number = require::number("BPFC_CORPUS_PACKETS", 400) as usize;
    let mixed = frames(&ruleset, &aims, number, false);
    let beginning = frames(&ruleset, &aims, number, true);
    let mut report = String::new();
    // Incoming packets at the kernel's hooks.
    let kernel = by_kernel(&ruleset, Nat::Kept, &mut Traffic::In(&mut wire, &mixed))?;
    if !ruleset.is_refused("netfilter", &ruleset.hooks()) {
        let programs = netfilter(&ruleset)?;
        let traffic = &mut Traffic::In(&mut wire, &mixed);
        let program = by_programs(&ruleset, &programs, Nat::Kept, traffic)?;
        report += &same(&ruleset, "netfilter", &kernel, &programs, &program);
    }
    let rules = ruleset.text.matches("counter").count();
    println!("{}: {} of {rules} rules count", ruleset.name, kernel.len());
    let least = if is_own() { 4 } else { 1 };
    if kernel.len() < least {
        report += "hardly a rule counts\n";
    }

    // The host's own, to others.
    let own = |frames: &[Frame]| -> Vec<Frame> {
        frames.iter().filter(|frame| leaves(frame)).cloned().collect()
    };
    let output = ruleset.hooks_of(&[Hook::Output, Hook::Postrouting]);
    if !output.is_empty() {
        let frames = own(&mixed);
        let kernel = by_kernel(&quiet, Nat::Kept, &mut Traffic::Out(&frames))?;
        if !quiet.is_refused("netfilter", &quiet.hooks()) {
            let programs = netfilter(&quiet)?;
            let traffic = &mut Traffic::Out(&frames);
            let program = by_programs(&quiet, &programs, Nat::Kept, traffic)?;
            report += &same(&ruleset, "netfilter, own packets", &kernel, &programs, &program);
        }
        // TC drops a packet when its connection is known already: that shows in packets that
        // answer.
        let frames = own(&beginning);
        let kernel = by_kernel(&quiet, Nat::Gone, &mut Traffic::Out(&frames))?;
        if is_own() || !quiet.is_refused("tc", &output) {
            let programs = at_interfaces(&quiet, "tc", &output, names)?;
            let traffic = &mut Traffic::Out(&frames);
            let program = by_programs(&quiet, &programs, Nat::Gone, traffic)?;
            report += &same(&ruleset, "tc, own packets", &kernel, &programs, &program);
        }
    }

    // Incoming packets at the whole receive path of XDP and TC.
    let received = ruleset.hooks_of(RECEIVED);
    // What is no path is not routed: all that comes runs the input chains.
    let beginning: Vec<Frame> = match received == [Hook::Input] {
        true => beginning.into_iter().filter(|frame| !leaves(frame)).collect(),
        false => beginning,
    };
    let kernel = by_kernel(&ruleset, Nat::Gone, &mut Traffic::In(&mut wire, &beginning))?;
    for target in ["xdp", "tc"] {
        if received.is_empty() || ruleset.is_refused(target, &received) {
            continue;
        }
        let programs = at_interfaces(&ruleset, target, &received, names)?;
        let traffic = &mut Traffic::In(&mut wire, &beginning);
        let program = by_programs(&ruleset, &programs, Nat::Gone, traffic)?;
        report += &same(&ruleset, target, &kernel, &programs, &program);
    }
    match report.is_empty() {
        true => Ok(()),
        false => Err(report.into()),
    }
}
