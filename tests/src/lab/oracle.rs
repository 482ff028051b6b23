//! A ruleset and packets in, verdicts and counters of the kernel's iptables out.
//!
//! A [`Stage`] is a hook with the table under test, the counter that shows how many packets
//! survived it, and a namespace in which packets reach it: every address is local for INPUT,
//! none is for FORWARD. Whatever survives the table under test is dropped by the next table, so
//! that nothing is answered or forwarded and no counter moves for another reason; behind
//! connection tracking it goes on, because only then its connection is remembered.
//!
//! Not every packet reaches a hook: the kernel drops broken IP headers before PREROUTING, joins
//! fragments before INPUT, and does not forward what is scoped to a link. [`Oracle::arrivals`]
//! asks the kernel itself which do.

use super::inject::{Frame, Wire};
use super::namespace::{ip, ip6, run, sysctl};
use super::raw::RawSender;
use super::tables::{self, Counters, Reader};
use super::tap::Tap;
use super::view::{GROUPS, MTUS, REALMS};
use super::{Family, LabError, nft, routes};
use crate::{fingerprints, sets};
use bpfc_ir::Hook;

/// Interfaces of the namespace under test, in the order of [`Frame::port`].
pub const INTERFACES: [&str; 3] = ["eth0", "eth1", "wlan0"];

/// Where forwarded packets leave: the lower half of all addresses by the first, the upper half by
/// the second.
pub const OUT_INTERFACES: [&str; 2] = ["wan0", "wan1"];

/// The hook and table under test, and whether connections are tracked before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// `raw/PREROUTING`: any packet with a sound IP header, fragments included.
    Prerouting,
    /// `filter/INPUT`, every address being local.
    Input,
    /// `filter/FORWARD`, with an output interface.
    Forward,
    /// `mangle/POSTROUTING` of forwarded packets: an output interface and no input interface.
    Postrouting,
    /// `filter/OUTPUT` of packets that raw sockets send: an output interface, no link header.
    Output,
    /// `mangle/PREROUTING` without connection tracking; what is accepted is forwarded, so that the
    /// oracle sees what rules have made of it.
    Mangled,
    /// `mangle/PREROUTING`, behind connection tracking; what is accepted is forwarded.
    TrackedPrerouting,
    /// `filter/INPUT`; what is accepted is delivered, so that its connection is remembered.
    TrackedInput,
    /// `filter/FORWARD`; what is accepted is forwarded, so that its connection is remembered.
    TrackedForward,
}

impl Stage {
    /// The stages where nothing depends on packets before.
    pub const STATELESS: [Stage; 5] =
        [Stage::Prerouting, Stage::Input, Stage::Forward, Stage::Postrouting, Stage::Output];

    /// The stages where rules may write packets, which the oracle sees leave.
    pub const REWRITING: [Stage; 2] = [Stage::Mangled, Stage::Postrouting];

    /// The stages behind connection tracking.
    pub const TRACKED: [Stage; 3] =
        [Stage::TrackedPrerouting, Stage::TrackedInput, Stage::TrackedForward];

    /// The table that the ruleset under test fills.
    pub fn table(self) -> &'static str {
        match self {
            Stage::Prerouting => "raw",
            Stage::Input
            | Stage::Forward
            | Stage::Output
            | Stage::TrackedInput
            | Stage::TrackedForward => "filter",
            Stage::Mangled | Stage::Postrouting | Stage::TrackedPrerouting => "mangle",
        }
    }

    /// The base chain that packets enter.
    pub fn chain(self) -> &'static str {
        match self {
            Stage::Prerouting | Stage::Mangled | Stage::TrackedPrerouting => "PREROUTING",
            Stage::Input | Stage::TrackedInput => "INPUT",
            Stage::Forward | Stage::TrackedForward => "FORWARD",
            Stage::Postrouting => "POSTROUTING",
            Stage::Output => "OUTPUT",
        }
    }

    /// The base chain's hook.
    pub fn hook(self) -> Hook {
        match self {
            Stage::Prerouting | Stage::Mangled | Stage::TrackedPrerouting => Hook::Prerouting,
            Stage::Input | Stage::TrackedInput => Hook::Input,
            Stage::Forward | Stage::TrackedForward => Hook::Forward,
            Stage::Postrouting => Hook::Postrouting,
            Stage::Output => Hook::Output,
        }
    }

    /// The stage that takes the same matches: most entries name stages of their own accord.
    pub fn like(self) -> Stage {
        match self {
            Stage::Mangled => Stage::Prerouting,
            other => other,
        }
    }

    /// Whether connections are tracked before the hook.
    pub fn is_tracked(self) -> bool {
        Stage::TRACKED.contains(&self)
    }

    /// Whether packets reach the hook before their time to live is decreased.
    pub fn is_ingress(self) -> bool {
        matches!(self.hook(), Hook::Prerouting | Hook::Input)
    }

    /// Whether rules can match on the input interface.
    pub fn has_input(self) -> bool {
        !matches!(self.hook(), Hook::Postrouting | Hook::Output)
    }

    /// Whether rules can match on the output interface.
    pub fn has_output(self) -> bool {
        matches!(self.hook(), Hook::Forward | Hook::Postrouting | Hook::Output)
    }

    /// Whether the oracle can tell how many packets were accepted.
    pub fn tells_accepted(self) -> bool {
        self.survivors().is_some()
    }

    /// Table and chain whose policy counts what survives the table under test.
    fn survivors(self) -> Option<(&'static str, &'static str)> {
        match self {
            Stage::Prerouting => Some(("mangle", "PREROUTING")),
            Stage::Input | Stage::TrackedInput => Some(("security", "INPUT")),
            Stage::Forward | Stage::TrackedForward => Some(("security", "FORWARD")),
            Stage::TrackedPrerouting => Some(("filter", "FORWARD")),
            Stage::Mangled | Stage::Postrouting | Stage::Output => None,
        }
    }

    /// The tables besides the one under test. The host's own packets are dropped before they are
    /// tracked. Some packets are not tracked, and some connections are marked, for rules to see.
    fn surroundings(self) -> String {
        let drop_own = "*raw\n:PREROUTING ACCEPT\n:OUTPUT DROP\nCOMMIT\n";
        match self {
            Stage::Prerouting => "*mangle\n:PREROUTING DROP\n:OUTPUT DROP\nCOMMIT\n".to_owned(),
            Stage::Input => format!("{drop_own}*security\n:INPUT DROP\nCOMMIT\n"),
            Stage::Forward => format!("{drop_own}*security\n:FORWARD DROP\nCOMMIT\n"),
            Stage::Mangled | Stage::Postrouting => drop_own.to_owned(),
            Stage::Output => String::new(),
            Stage::TrackedPrerouting => {
                format!("{UNTRACKED_PORT}*filter\n:FORWARD ACCEPT\nCOMMIT\n")
            }
            Stage::TrackedInput => {
                format!("{UNTRACKED_PORT}{MARKED_PORT}*security\n:INPUT ACCEPT\nCOMMIT\n")
            }
            Stage::TrackedForward => {
                format!("{UNTRACKED_PORT}{MARKED_PORT}*security\n:FORWARD ACCEPT\nCOMMIT\n")
            }
        }
    }

    /// The table under test with an empty base chain.
    pub fn empty_ruleset(self) -> String {
        format!("*{}\n:{} ACCEPT\nCOMMIT\n", self.table(), self.chain())
    }
}

/// UDP to and from port 123 is not tracked, connections to TCP port 22 have a helper.
const UNTRACKED_PORT: &str = "*raw\n:PREROUTING ACCEPT\n:OUTPUT DROP\n\
    -A PREROUTING -p udp -m udp --dport 123 -j CT --notrack\n\
    -A PREROUTING -p udp -m udp --sport 123 -j CT --notrack\n\
    -A PREROUTING -p tcp -m tcp --dport 22 -j CT --helper ftp\nCOMMIT\n";

/// Connections to port 443 have mark 7 and label 5.
const MARKED_PORT: &str = "*mangle\n:PREROUTING ACCEPT\n\
    -A PREROUTING -p tcp -m tcp --dport 443 -j CONNMARK --set-mark 7\n\
    -A PREROUTING -p tcp -m tcp --dport 443 -m connlabel --label 5 --set\nCOMMIT\n";

/// The IP packets that left, each with its place in [`OUT_INTERFACES`], sorted.
pub type Departures = Vec<(usize, Vec<u8>)>;

/// What became of a number of packets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How many survived the table under test; `None` where the stage cannot tell.
    pub accepted: Option<u64>,
    /// What was counted in the table under test.
    pub counters: Counters,
    /// What left; `None` where nobody can tell.
    pub left: Option<Departures>,
}

/// One family's iptables at one stage, in the calling thread's namespace.
#[derive(Debug)]
pub struct Oracle {
    family: Family,
    stage: Stage,
    wire: Wire,
    /// Where packets are sent from, where they do not come in.
    raw: Option<RawSender>,
    /// One for each of [`OUT_INTERFACES`], where rules may write packets.
    taps: Vec<Tap>,
    survivors: Option<Reader>,
    reader: Reader,
    /// Where the ruleset in place is one of nft.
    nft: Option<nft::Reader>,
    /// Once a ruleset has asked for them.
    fingerprints: Option<fingerprints::Loaded>,
}

impl Oracle {
    /// Sets up the calling thread's namespace, which must be fresh.
    pub fn new(family: Family, stage: Stage) -> Result<Self, LabError> {
        let names: Vec<&str> = INTERFACES.into_iter().chain(OUT_INTERFACES).collect();
        let wire = Wire::new(&names)?;
        for name in names.iter().chain(&["all", "default"]) {
            sysctl(&format!("ipv4/conf/{name}/rp_filter"), "0")?;
            sysctl(&format!("ipv4/conf/{name}/accept_local"), "1")?;
            sysctl(&format!("ipv4/conf/{name}/route_localnet"), "1")?;
            sysctl(&format!("ipv4/conf/{name}/accept_source_route"), "1")?;
            sysctl(&format!("ipv4/conf/{name}/send_redirects"), "0")?;
            sysctl(&format!("ipv6/conf/{name}/accept_source_route"), "1")?;
        }
        ip(&GROUPS.map(|(name, group)| format!("link set {name} group {group}\n")).concat())?;
        ip(&MTUS.map(|(name, mtu)| format!("link set {name} mtu {mtu}\n")).concat())?;
        match stage {
            Stage::Prerouting => {}
            Stage::Input | Stage::TrackedInput => {
                let routes = |any| {
                    format!("rule add pref 1 lookup 100\nroute add local {any} dev lo table 100\n")
                };
                ip(&routes("0.0.0.0/0"))?;
                ip6(&routes("::/0"))?;
            }
            _ => {
                if stage != Stage::Output {
                    sysctl("ipv4/ip_forward", "1")?;
                    // It makes the kernel join the routers' groups and tell so, which OUTPUT sees.
                    sysctl("ipv6/conf/all/forwarding", "1")?;
                }
                let [low, high] = OUT_INTERFACES;
                let [first, second] = REALMS;
                ip(&format!(
                    "route add 0.0.0.0/1 dev {low} realm {first}\n\
                     route add 128.0.0.0/1 dev {high} realm {second}\n"
                ))?;
                ip6(&format!("route add ::/1 dev {low}\nroute add 8000::/1 dev {high}\n"))?;
            }
        }
        ip(&routes::commands(stage, Family::Ipv4))?;
        ip6(&routes::commands(stage, Family::Ipv6))?;
        tables::restore(family, &stage.surroundings())?;
        tables::restore(family, &stage.empty_ruleset())?;
        let survivors = match stage.survivors() {
            Some((table, _)) => Some(Reader::new(family, table)?),
            None => None,
        };
        let raw = match stage {
            Stage::Output => Some(RawSender::new(family)?),
            _ => None,
        };
        let taps = match Stage::REWRITING.contains(&stage) {
            true => OUT_INTERFACES.into_iter().map(Tap::new).collect::<Result<_, _>>()?,
            false => Vec::new(),
        };
        let reader = Reader::new(family, stage.table())?;
        let (nft, fingerprints) = (None, None);
        Ok(Self { family, stage, wire, raw, taps, survivors, reader, nft, fingerprints })
    }

    /// The family.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The stage.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The interfaces, to attach programs to.
    pub fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// Puts a ruleset in place: `iptables-save` text of the stage's table only, or one of nft
    /// beside an empty table.
    pub fn load(&mut self, ruleset: &str) -> Result<(), LabError> {
        if sets::are_named(ruleset) {
            sets::restore()?;
        }
        if fingerprints::are_named(ruleset) && self.fingerprints.is_none() {
            self.fingerprints = Some(fingerprints::load()?);
        }
        if nft::is_ruleset(ruleset) {
            nft::load(ruleset)?;
            self.nft = Some(nft::Reader::new()?);
            return Ok(());
        }
        if self.nft.take().is_some() {
            nft::flush()?;
        }
        tables::restore(self.family, ruleset)?;
        self.reader = Reader::new(self.family, self.stage.table())?;
        Ok(())
    }

    /// Forgets all connections.
    pub fn forget(&self) -> Result<(), LabError> {
        match self.stage.is_tracked() {
            true => run("conntrack", &["-F"], "").map(drop),
            false => Ok(()),
        }
    }

    /// Sends packets and says what the ruleset in place did with them.
    pub fn run(&mut self, frames: &[Frame]) -> Result<Outcome, LabError> {
        self.left()?;
        let before = (self.reader.read()?, self.survived()?);
        let nft_before = self.nft.as_ref().map(nft::Reader::read).transpose()?;
        match &self.raw {
            Some(raw) => raw.send(frames)?,
            None => self.wire.send(frames)?,
        }
        let after = (self.reader.read()?, self.survived()?);
        let mut counters = tables::difference(&self.reader, &before.0, &after.0);
        // Other base chains of the same table see the packets as well.
        let own = self.label(self.stage.chain());
        counters.retain(|label, _| !label.ends_with(":policy") || *label == own);
        if let Some((reader, before)) = self.nft.as_ref().zip(nft_before) {
            counters = reader.moved(&before)?;
        }
        let accepted = after.1.zip(before.1).map(|(after, before)| after - before);
        Ok(Outcome { accepted, counters, left: self.left()? })
    }

    /// What has left since the last call.
    fn left(&self) -> Result<Option<Departures>, LabError> {
        let version = Some(match self.family {
            Family::Ipv4 => 4,
            Family::Ipv6 => 6,
        });
        let mut left = Vec::new();
        for (number, tap) in self.taps.iter().enumerate() {
            // What the host says in the other family is its own: nothing there drops it.
            let own_family = |packet: &Vec<u8>| packet.first().map(|byte| byte >> 4) == version;
            left.extend(tap.read()?.into_iter().filter(own_family).map(|packet| (number, packet)));
        }
        left.sort_unstable();
        Ok((!self.taps.is_empty()).then_some(left))
    }

    /// How many packets have survived the table under test.
    fn survived(&self) -> Result<Option<u64>, LabError> {
        let Some((reader, (table, chain))) = self.survivors.as_ref().zip(self.stage.survivors())
        else {
            return Ok(None);
        };
        let label = format!("{}{table}/{chain}:policy", self.family.label_prefix());
        let counts = reader.read()?;
        let count = reader.labels().zip(counts).find(|(other, _)| *other == label);
        Ok(Some(count.map_or(0, |(_, count)| count.packets)))
    }

    /// The label of a base chain's policy in the table under test.
    fn label(&self, chain: &str) -> String {
        format!("{}{}/{chain}:policy", self.family.label_prefix(), self.stage.table())
    }

    /// Which packets reach the stage's base chain. Leaves an empty ruleset in place.
    pub fn arrivals(&mut self, frames: &[Frame]) -> Result<Vec<bool>, LabError> {
        self.load(&self.stage.empty_ruleset())?;
        self.counted(frames, &self.label(self.stage.chain()))
    }

    /// Which packets the kernel knows by fingerprints that are none of the tests'. Leaves an empty
    /// ruleset in place, and the tests' fingerprints out until a ruleset asks for them.
    pub fn strangers(&mut self, frames: &[Frame]) -> Result<Vec<bool>, LabError> {
        self.fingerprints = None;
        let (table, chain) = (self.stage.table(), self.stage.chain());
        // A rule that logs and compares no time to live matches what any fingerprint can; nothing
        // is logged in a namespace that has no logger.
        let rule = format!("-A {chain} -p tcp -m osf --genre any --log 0 --ttl 2");
        let strangers = fingerprints::without(|| {
            tables::restore(self.family, &format!("*{table}\n:{chain} ACCEPT\n{rule}\nCOMMIT\n"))?;
            self.reader = Reader::new(self.family, table)?;
            self.counted(frames, &format!("{}{table}/{chain}:1", self.family.label_prefix()))
        })?;
        self.load(&self.stage.empty_ruleset())?;
        Ok(strangers)
    }

    /// Which packets a rule or policy of the ruleset in place counts.
    fn counted(&mut self, frames: &[Frame], label: &str) -> Result<Vec<bool>, LabError> {
        let mut counted = vec![false; frames.len()];
        let mut open = Vec::new();
        open.push(0..frames.len());
        while let Some(range) = open.pop() {
            let outcome = self.run(&frames[range.clone()])?;
            let count = outcome.counters.get(label).map_or(0, |count| count.packets);
            if count == range.len() as u64 {
                counted[range].fill(true);
            } else if count != 0 && range.len() > 1 {
                let middle = range.start + range.len() / 2;
                open.push(middle..range.end);
                open.push(range.start..middle);
            }
        }
        Ok(counted)
    }
}
