//! A host behind a firewall, built twice: once with the kernel's iptables, once with a program.
//!
//! A [`Host`] is a network namespace with a few links; at the far end of each is a namespace of
//! its own, the peer. A host is silent: no address resolution, no multicast reports, no rate
//! limits, nothing that a clock decides. TCP acknowledges every segment at once and does not
//! retransmit for as long as a test lasts. So the same traffic makes the same packets, and
//! [`twins`] can demand that every counter of the two hosts is equal.

use crate::differential::EngineError;
use crate::lab::inject::{Frame, INNER_MAC, OUTER_MAC, Wire};
use crate::lab::namespace::{Namespace, ip, ip6, isolated, run, sysctl};
use crate::lab::tables::{self, Count, Counters, Reader};
use crate::lab::{Family, LabError};
use crate::require;
use crate::{fingerprints, sets};
use bpfc_artifact::Artifact;
use bpfc_driver::{Options as CompilerOptions, compile, target};
use bpfc_ir::{Hook, Input};
use bpfc_runtime::{Filter, Options, XdpMode, control_groups};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A link of a host.
#[derive(Clone, Debug)]
pub struct Link {
    /// The host's interface.
    pub name: &'static str,
    /// The host's addresses there, with prefix lengths.
    pub host: &'static [&'static str],
    /// The peer's addresses.
    pub peer: &'static [&'static str],
}

/// What a host looks like.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its links.
    pub links: &'static [Link],
    /// Whether it forwards IPv4 packets between them.
    pub forwarding: bool,
    /// Rulesets of the table filter and others, `iptables-save` text.
    pub rulesets: Vec<(Family, String)>,
    /// The hooks that are compiled, where not the target's default ones.
    pub hooks: Option<Vec<Hook>>,
}

impl Plan {
    /// What of the traffic a firewall sees under this plan.
    pub fn view(&self, firewall: Firewall) -> View {
        let input = self.hooks.as_ref().is_none_or(|hooks| hooks.contains(&Hook::Input));
        View { input, ..firewall.view() }
    }
}

/// What decides on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firewall {
    /// The kernel's iptables.
    Kernel,
    /// Programs of a target, by name.
    Program(&'static str, XdpMode),
}

impl Firewall {
    /// Every target in every mode.
    pub const PROGRAMS: [Firewall; 5] = [
        Firewall::Program("xdp", XdpMode::Native),
        Firewall::Program("xdp", XdpMode::Generic),
        Firewall::Program("tc", XdpMode::Auto),
        Firewall::Program("netfilter", XdpMode::Auto),
        Firewall::Program("cgroup-skb", XdpMode::Auto),
    ];

    /// Whether there is a place here for its programs; says so where there is none.
    ///
    /// # Panics
    ///
    /// Where there is none and `BPFC_REQUIRE_ALL=1`.
    pub fn has_place(self) -> bool {
        let lacks = matches!(self, Firewall::Program("cgroup-skb", _)) && own_cgroup().is_none();
        if lacks {
            assert!(!require::required(), "skipping is not allowed: no cgroup2 is mounted");
            eprintln!("skipped: no cgroup2 is mounted");
        }
        !lacks
    }

    /// What of the traffic these programs see as iptables at its hooks does.
    fn view(self) -> View {
        let everything = View {
            loopback: true,
            own_pings: true,
            strays: true,
            input: true,
            output: true,
            forward: true,
        };
        match self {
            Firewall::Kernel | Firewall::Program("netfilter", _) => everything,
            Firewall::Program("cgroup-skb", _) => {
                View { own_pings: false, strays: false, forward: false, ..everything }
            }
            Firewall::Program("xdp", mode) => View {
                loopback: mode != XdpMode::Native,
                output: false,
                forward: false,
                ..everything
            },
            Firewall::Program(..) => View { forward: false, ..everything },
        }
    }
}

impl fmt::Display for Firewall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Firewall::Kernel => f.write_str("kernel"),
            Firewall::Program("xdp", mode) => write!(f, "xdp_{mode}"),
            Firewall::Program(target, _) => f.write_str(&target.replace('-', "_")),
        }
    }
}

/// Which traffic a target sees as iptables does; docs/semantics.md has the reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Packets of the loopback interface.
    pub loopback: bool,
    /// The connections of ICMP queries.
    pub own_pings: bool,
    /// Packets that no socket receives.
    pub strays: bool,
    /// Packets that the host receives.
    pub input: bool,
    /// Packets that the host sends.
    pub output: bool,
    /// Packets that the host forwards.
    pub forward: bool,
}

/// Where a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the host.
    Host,
    /// At the far end of a link, by its number.
    Peer(usize),
}

/// A host on the calling thread, which stays in its namespace.
#[derive(Debug)]
pub struct Host {
    inner: Namespace,
    wires: Vec<Wire>,
    cgroup: Option<ControlGroup>,
    counted: Counted,
    view: View,
}

#[derive(Debug)]
enum Counted {
    Kernel(Vec<Reader>),
    Program(Filter),
}

/// Each isolated thread has a BPF file system of its own, so that one name will do.
const NAME: &str = "twin";

impl Host {
    /// Builds a host. The calling thread must be isolated.
    pub fn new(plan: &Plan, firewall: Firewall) -> Result<Host, EngineError> {
        let inner = Namespace::current()?;
        sysctl("ipv4/icmp_ratelimit", "0")?;
        sysctl("ipv6/icmp/ratelimit", "0")?;
        sysctl("ipv4/igmp_link_local_mcast_reports", "0")?;
        sysctl("ipv4/ping_group_range", "0 0")?;
        let mut wires = Vec::new();
        for link in plan.links {
            wires.push(Wire::new(&[link.name])?);
            configure(link, &wires[wires.len() - 1], &inner)?;
        }
        if plan.forwarding {
            sysctl("ipv4/ip_forward", "1")?;
        }
        let cgroup = match firewall {
            Firewall::Program("cgroup-skb", _) => Some(ControlGroup::create()?),
            _ => None,
        };
        let counted = match firewall {
            Firewall::Kernel => {
                if plan.rulesets.iter().any(|(_, text)| sets::are_named(text)) {
                    sets::restore()?;
                }
                for (family, text) in &plan.rulesets {
                    tables::restore(*family, text)?;
                }
                let families = plan.rulesets.iter().map(|(family, _)| *family);
                let readers = families.map(|family| Reader::new(family, "filter"));
                Counted::Kernel(readers.collect::<Result<_, _>>()?)
            }
            Firewall::Program(target, mode) => {
                // Everything but the table filter stays with the kernel.
                for (family, text) in &plan.rulesets {
                    tables::restore(*family, &without_filter(text))?;
                }
                let mut options = Options::new(NAME);
                options.xdp_mode = mode;
                if matches!(target, "xdp" | "tc") {
                    let names = plan.links.iter().map(|link| link.name.to_owned());
                    options.interfaces = names.collect();
                    if firewall.view().loopback {
                        options.interfaces.push("lo".to_owned());
                    }
                }
                if let Some(cgroup) = &cgroup {
                    options.cgroup = cgroup.path.clone();
                }
                let compiler = CompilerOptions {
                    hooks: plan.hooks.clone(),
                    // What cannot answer decides and counts all the same.
                    drop_rejected: bpfc_driver::target(target)
                        .is_some_and(|target| target.replies().is_none()),
                    ..CompilerOptions::default()
                };
                let artifact = artifact(&plan.rulesets, target, &compiler)?;
                Counted::Program(Filter::load(&artifact, &options)?)
            }
        };
        Ok(Host { inner, wires, cgroup, counted, view: plan.view(firewall) })
    }

    /// What of the traffic the firewall under test sees.
    pub fn view(&self) -> View {
        self.view
    }

    /// What the rules of the table filter have counted.
    pub fn counters(&self) -> Result<Counters, EngineError> {
        let mut counters = Counters::new();
        match &self.counted {
            Counted::Kernel(readers) => {
                for reader in readers {
                    let labels = reader.labels().map(str::to_owned);
                    counters.extend(labels.zip(reader.read()?));
                }
            }
            Counted::Program(filter) => {
                for (rule, count) in filter.counters()?.iter() {
                    let count = Count { packets: count.packets, bytes: count.bytes };
                    counters.insert(rule.label.clone(), count);
                }
            }
        }
        Ok(counters)
    }

    /// The filter, where a program decides.
    pub fn filter(&self) -> Option<&Filter> {
        match &self.counted {
            Counted::Kernel(_) => None,
            Counted::Program(filter) => Some(filter),
        }
    }

    /// Lets a link's peer receive what XDP sends from the driver, while the filter given back is
    /// there: a veth device takes no frames from its other end's driver unless it has XDP, or GRO,
    /// itself (`veth_xdp_xmit`, drivers/net/veth.c). Under other firewalls nothing is needed.
    pub fn receiver(&self, link: usize, firewall: Firewall) -> Result<Option<Filter>, EngineError> {
        if firewall != Firewall::Program("xdp", XdpMode::Native) {
            return Ok(None);
        }
        let accept = "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n".to_owned();
        let artifact = artifact(&[(Family::Ipv4, accept)], "xdp", &CompilerOptions::default())?;
        let mut options = Options::new("receiver");
        options.xdp_mode = XdpMode::Native;
        options.interfaces = vec!["o0".to_owned()];
        let load = || Filter::load(&artifact, &options).map_err(io::Error::other);
        Ok(Some(self.at(Place::Peer(link), load)?))
    }

    /// Does something at a place, such as making a socket. The host's sockets belong to the
    /// control group that is filtered, if one is.
    pub fn at<T>(&self, place: Place, act: impl FnOnce() -> io::Result<T>) -> Result<T, LabError> {
        match place {
            Place::Host => {
                if let Some(cgroup) = &self.cgroup {
                    cgroup.enter()?;
                }
            }
            Place::Peer(link) => self.wires[link].outer().enter()?,
        }
        let result = act();
        match place {
            Place::Host => {
                if let Some(cgroup) = &self.cgroup {
                    cgroup.leave()?;
                }
            }
            Place::Peer(_) => self.inner.enter()?,
        }
        result.map_err(LabError::io(format!("a socket of {place:?}")))
    }

    /// Sends frames, from the Ethernet header on, over a link to the host, and returns when it is
    /// done with them.
    pub fn inject(&mut self, link: usize, frames: Vec<Vec<u8>>) -> Result<(), LabError> {
        let frames: Vec<Frame> = frames.into_iter().map(|bytes| Frame { port: 0, bytes }).collect();
        self.wires[link].send(&frames)?;
        self.settle()
    }

    /// Returns when all packets under way have arrived, and the answers to them, and the answers
    /// to those.
    pub fn settle(&mut self) -> Result<(), LabError> {
        for _ in 0..3 {
            for wire in &mut self.wires {
                wire.settle(0)?;
            }
        }
        Ok(())
    }
}

/// Addresses, neighbours and routes of a link, on both sides.
fn configure(link: &Link, wire: &Wire, inner: &Namespace) -> Result<(), LabError> {
    let name = link.name;
    // No segment waits for its acknowledgement, and none is sent twice.
    const TCP: &str = "quickack 1 rto_min 30s";
    let [ours, theirs] =
        [INNER_MAC, OUTER_MAC].map(|mac| mac.map(|b| format!("{b:02x}")).join(":"));
    let is_ipv6 = |address: &&&str| address.contains(':');
    let batch = |ipv6: bool, lines: String| if ipv6 { ip6(&lines) } else { ip(&lines) };
    for interface in [name, "all", "default"] {
        sysctl(&format!("ipv4/conf/{interface}/rp_filter"), "0")?;
        sysctl(&format!("ipv4/conf/{interface}/send_redirects"), "0")?;
    }
    for ipv6 in [false, true] {
        let mut lines = String::new();
        for address in link.host.iter().filter(|address| is_ipv6(address) == ipv6) {
            let broadcast = if ipv6 { "nodad" } else { "brd +" };
            lines += &format!("addr add {address} dev {name} noprefixroute {broadcast}\n");
        }
        for address in link.peer.iter().filter(|address| is_ipv6(address) == ipv6) {
            lines += &format!("neigh replace {address} lladdr {theirs} dev {name} nud permanent\n");
            lines += &format!("route add {address} dev {name} {TCP}\n");
        }
        batch(ipv6, lines)?;
    }
    let ours_v6: Vec<&str> = link.host.iter().copied().filter(|a| a.contains(':')).collect();
    wait_for_addresses(&ours_v6)?;
    wire.outer().enter()?;
    sysctl("ipv4/icmp_ratelimit", "0")?;
    sysctl("ipv6/icmp/ratelimit", "0")?;
    for interface in ["o0", "all", "default"] {
        sysctl(&format!("ipv4/conf/{interface}/rp_filter"), "0")?;
    }
    for ipv6 in [false, true] {
        let mut lines = String::new();
        for address in link.peer.iter().filter(|address| is_ipv6(address) == ipv6) {
            let options = if ipv6 { "nodad noprefixroute" } else { "noprefixroute" };
            lines += &format!("addr add {address} dev o0 {options}\n");
        }
        for (number, address) in
            link.host.iter().filter(|address| is_ipv6(address) == ipv6).enumerate()
        {
            let address = address.split('/').next().unwrap_or_default();
            lines += &format!("neigh replace {address} lladdr {ours} dev o0 nud permanent\n");
            if number == 0 {
                lines += &format!("route add default via {address} dev o0 onlink {TCP}\n");
            }
        }
        batch(ipv6, lines)?;
    }
    let theirs_v6: Vec<&str> = link.peer.iter().copied().filter(|a| a.contains(':')).collect();
    wait_for_addresses(&theirs_v6)?;
    inner.enter()
}

/// Times that the kernel is asked whether addresses are there.
const ATTEMPTS: u32 = 10_000;

/// Returns when these IPv6 addresses of the calling thread's namespace are local. The kernel makes
/// them so some time after they were added, when it has nothing else to do, even where no
/// duplicate is looked for (`addrconf_dad_work`, net/ipv6/addrconf.c).
pub fn wait_for_addresses(addresses: &[&str]) -> Result<(), LabError> {
    let local = addresses.iter().map(|address| {
        let bare = address.split('/').next().unwrap_or_default();
        format!("local {bare} ")
    });
    let local: Vec<String> = local.collect();
    let mut shown = String::new();
    for _ in 0..ATTEMPTS {
        if local.iter().all(|line| shown.contains(line)) {
            return Ok(());
        }
        shown = run("ip", &["-6", "route", "show", "table", "local"], "")?;
    }
    Err(LabError::Output { tool: "ip -6 route".to_owned(), line: shown })
}

/// The tables of a text besides filter.
fn without_filter(text: &str) -> String {
    let mut kept = String::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with('*') {
            inside = line == "*filter";
        }
        if !inside {
            kept += line;
            kept.push('\n');
        }
    }
    kept
}

/// What a filter has counted, of rules that counted a packet.
pub fn counted(filter: &Filter) -> Result<Counters, EngineError> {
    let counters = filter.counters()?;
    let counted = counters.iter().filter(|(_, count)| count.packets > 0);
    let entry = |(rule, count): (&bpfc_runtime::RuleEntry, bpfc_runtime::Count)| {
        (rule.label.clone(), Count { packets: count.packets, bytes: count.bytes })
    };
    Ok(counted.map(entry).collect())
}

/// Compiles rulesets of both families into one artifact for a target.
pub fn artifact(
    rulesets: &[(Family, String)],
    name: &str,
    options: &CompilerOptions,
) -> Result<Artifact, EngineError> {
    let mut inputs: Vec<Input> = rulesets
        .iter()
        .map(|(family, text)| Input {
            name: family.to_string(),
            bytes: text.clone().into_bytes(),
            format: Some(format!("{}-save", family.tool())),
        })
        .collect();
    if rulesets.iter().any(|(_, text)| sets::are_named(text)) {
        inputs.push(sets::input());
    }
    if rulesets.iter().any(|(_, text)| fingerprints::are_named(text)) {
        inputs.push(fingerprints::input());
    }
    compiled(&inputs, name, options)
}

/// Compiles the text of an nft ruleset for a target.
///
/// # Errors
/// Where it does not compile.
pub fn nft_artifact(
    text: &str,
    name: &str,
    options: &CompilerOptions,
) -> Result<Artifact, EngineError> {
    let input =
        Input { name: "t.nft".to_owned(), bytes: text.into(), format: Some("nft".to_owned()) };
    compiled(&[input], name, options)
}

fn compiled(
    inputs: &[Input],
    name: &str,
    options: &CompilerOptions,
) -> Result<Artifact, EngineError> {
    let target =
        target(name).ok_or_else(|| EngineError::Refused(format!("there is no target {name}")))?;
    let result = compile(inputs, target, options);
    result
        .artifact()
        .cloned()
        .ok_or_else(|| EngineError::refused(&result.diagnostics, &result.sources))
}

/// Sends the same traffic to two hosts and reports every counter that differs. Both get the
/// traffic that the firewall under test sees. Gives back what was counted.
pub fn twins(
    plan: &Plan,
    firewall: Firewall,
    traffic: impl Fn(&mut Host) -> Result<(), EngineError> + Sync,
) -> Result<Counters, String> {
    let answer = |which: Firewall| {
        isolated(|| {
            let mut host = Host::new(plan, which)?;
            host.view = plan.view(firewall);
            traffic(&mut host)?;
            host.counters()
        })
        .map_err(|error: EngineError| format!("{which}: {error}"))
    };
    let expected = answer(Firewall::Kernel)?;
    let counted = answer(firewall)?;
    let mut report = String::new();
    let zero = Count::default();
    for (label, count) in &counted {
        let right = expected.get(label).copied().unwrap_or(zero);
        if *count != right {
            report += &format!("{label}: kernel {right}, {firewall} {count}\n");
        }
    }
    match report.is_empty() {
        true => Ok(counted),
        false => Err(report),
    }
}

/// A control group for the calling thread's sockets, removed when dropped.
#[derive(Debug)]
struct ControlGroup {
    parent: PathBuf,
    path: PathBuf,
}

impl ControlGroup {
    /// A threaded group below the process's own.
    fn create() -> Result<ControlGroup, LabError> {
        let parent = own_cgroup().ok_or_else(|| LabError::Output {
            tool: "/proc/self/mounts".to_owned(),
            line: "no cgroup2".to_owned(),
        })?;
        let thread = nix::unistd::gettid();
        let path = parent.join(format!("bpfc-test-{}-{thread}", std::process::id()));
        std::fs::create_dir(&path).map_err(LabError::io(path.display().to_string()))?;
        let group = ControlGroup { parent, path };
        write(&group.path.join("cgroup.type"), "threaded")?;
        Ok(group)
    }

    fn enter(&self) -> Result<(), LabError> {
        write(&self.path.join("cgroup.threads"), "0")
    }

    fn leave(&self) -> Result<(), LabError> {
        write(&self.parent.join("cgroup.threads"), "0")
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        // Nobody is in it, and what cannot be removed does no harm.
        let _ = std::fs::remove_dir(&self.path);
    }
}

fn write(path: &Path, text: &str) -> Result<(), LabError> {
    std::fs::write(path, text).map_err(LabError::io(path.display().to_string()))
}

/// The process's control group in the version 2 hierarchy, if there is one.
fn own_cgroup() -> Option<PathBuf> {
    let root = control_groups()?;
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let path = root.join(own);
    path.join("cgroup.threads").is_file().then_some(path)
}
