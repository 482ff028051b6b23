//! A table as `iptables-save` text: rules, user chains, jumps, gotos, returns, policies.

use super::draft::protocol;
use super::matches::{CONNECTION_MATCHES, Facets, MATCHES, Maker, MatchKind};
use super::rng::Rng;
use super::targets::{self, TargetKind};
use super::values::{address_and_mask, masked_text, near_masked};
use crate::lab::Family;
use crate::lab::oracle::{INTERFACES, OUT_INTERFACES, Stage};

/// What rules may hold.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The family.
    pub family: Family,
    /// The stage, which names table and base chain.
    pub stage: Stage,
    /// User chains at most.
    pub user_chains: u64,
    /// Rules in a chain at most.
    pub rules: u64,
    /// Whether rules may set marks.
    pub marks: bool,
    /// Whether rules may write packets.
    pub rewrites: bool,
    /// Whether rules may reject packets, where the stage's table can.
    pub rejects: bool,
    /// Whether rules may ask which processor handles a packet.
    pub processors: bool,
    /// Whether rules may ask for socket and route of packets that this host sends, which test runs
    /// have none of.
    pub sender: bool,
    /// Behind connection tracking: whether connections go as they should, and rules ask only for
    /// what is known before a packet is tracked.
    pub orderly: bool,
}

impl Shape {
    /// Small tables that use everything.
    pub fn new(family: Family, stage: Stage) -> Self {
        Self {
            family,
            stage,
            user_chains: 3,
            rules: 8,
            marks: true,
            rewrites: false,
            rejects: false,
            processors: true,
            sender: false,
            orderly: false,
        }
    }

    /// Only the table filter can reject. In OUTPUT the kernel's answers would come to the rules
    /// as well.
    fn may_reject(self) -> bool {
        self.rejects && matches!(self.stage, Stage::Input | Stage::Forward)
    }

    fn allows(self, kind: &MatchKind) -> bool {
        kind.families.contains(&self.family)
            && !(self.orderly && kind.after_tracking)
            && (self.sender || !kind.sender || self.stage != Stage::Output)
            && kind.stages.contains(&self.stage.like())
            && (self.processors || kind.name != "cpu")
    }
}

/// A ruleset and how to make packets for it.
#[derive(Debug)]
pub struct Generated {
    /// `iptables-save` text of one table.
    pub text: String,
    /// Ways to meet its tests.
    pub facets: Facets,
}

/// A random table.
pub fn ruleset(rng: &mut Rng, shape: Shape) -> Generated {
    let mut facets = Facets::default();
    let base = shape.stage.chain().to_owned();
    let mut chains = vec![base];
    for number in 0..rng.within(0..=shape.user_chains) {
        chains.push(format!("user{number}"));
    }
    let policy = *rng.pick(&["ACCEPT", "DROP"]);
    let mut text = format!("*{}\n:{} {policy} [0:0]\n", shape.stage.table(), chains[0]);
    for chain in &chains[1..] {
        text += &format!(":{chain} - [0:0]\n");
    }
    for (number, chain) in chains.iter().enumerate() {
        for _ in 0..rng.within(1..=shape.rules) {
            if shape.rewrites && rng.one_in(3) {
                let fits = |kind: &&TargetKind| kind.families.contains(&shape.family);
                let kinds: Vec<&TargetKind> = targets::REWRITING.iter().filter(fits).collect();
                let kind = *rng.pick(&kinds);
                let rule = rewriting(rng, shape, kind, &mut facets);
                text += &format!("-A {chain}{rule}\n");
                continue;
            }
            let rule = rule(rng, shape, &mut facets);
            let target = target(rng, shape, &rule, &chains[number + 1..]);
            text += &format!("-A {chain}{rule}{target}\n");
        }
    }
    text += "COMMIT\n";
    Generated { text, facets }
}

/// A table whose base chain uses one match in a few variations, and nothing else.
pub fn single_match(rng: &mut Rng, shape: Shape, kind: &MatchKind) -> Generated {
    let mut facets = Facets::default();
    let chain = shape.stage.chain();
    let mut text = format!("*{}\n:{chain} ACCEPT [0:0]\n", shape.stage.table());
    for number in 0..8 {
        let protocol = (!kind.protocols.is_empty()).then(|| *rng.pick(kind.protocols));
        let header = protocol.map_or(String::new(), |number| {
            facets.list.push(std::rc::Rc::new(move |_, draft| draft.become_protocol(number)));
            format!(" -p {number}")
        });
        let mut maker = Maker {
            rng,
            family: shape.family,
            protocol,
            orderly: shape.orderly,
            stage: shape.stage,
            facets: &mut facets,
        };
        let options = (kind.make)(&mut maker);
        let target = ["", " -j ACCEPT", "", " -j DROP"][number % 4];
        text += &format!("-A {chain}{header} -m {}{options}{target}\n", kind.name);
    }
    text += "COMMIT\n";
    Generated { text, facets }
}

/// A table whose base chain uses one target in a few variations, each followed by a test of what
/// it has written.
pub fn single_target(rng: &mut Rng, shape: Shape, kind: &TargetKind) -> Generated {
    let mut facets = Facets::default();
    let chain = shape.stage.chain();
    let mut text = format!("*{}\n:{chain} ACCEPT [0:0]\n", shape.stage.table());
    for _ in 0..6 {
        let rule = rewriting(rng, shape, kind, &mut facets);
        text += &format!("-A {chain}{rule}\n");
        let observers: Vec<&MatchKind> =
            MATCHES.iter().filter(|other| kind.observers.contains(&other.name)).collect();
        if observers.is_empty() {
            continue;
        }
        let observer = *rng.pick(&observers);
        let protocol = observer.protocols.first().copied();
        let header = protocol.map_or(String::new(), |number| format!(" -p {number}"));
        let facets = &mut facets;
        let mut maker = Maker {
            rng,
            family: shape.family,
            protocol,
            orderly: false,
            stage: shape.stage,
            facets,
        };
        let options = (observer.make)(&mut maker);
        text += &format!("-A {chain}{header} -m {}{options}\n", observer.name);
    }
    text += "COMMIT\n";
    Generated { text, facets }
}

/// A rule with a target that writes packets, for some of those that it can be used for.
fn rewriting(rng: &mut Rng, shape: Shape, kind: &TargetKind, facets: &mut Facets) -> String {
    let mut text = header(rng, shape, facets);
    if let Some(number) = kind.protocol {
        facets.list.push(std::rc::Rc::new(move |_, draft| draft.become_protocol(number)));
        text += &format!(" -p {number}");
    }
    let protocol = kind.protocol;
    let mut maker =
        Maker { rng, family: shape.family, protocol, orderly: false, stage: shape.stage, facets };
    let options = (kind.make)(&mut maker);
    format!("{text}{} -j {}{options}", kind.tests, kind.name)
}

/// A table whose base chain tests IP headers and interfaces, and nothing else.
pub fn headers(rng: &mut Rng, shape: Shape) -> Generated {
    let mut facets = Facets::default();
    let chain = shape.stage.chain();
    let mut text = format!("*{}\n:{chain} ACCEPT [0:0]\n", shape.stage.table());
    for number in 0..12 {
        let mut rule = header(rng, shape, &mut facets);
        rule += &protocol_test(rng, shape.family, &mut facets).0;
        let target = ["", "", "", " -j ACCEPT", "", " -j DROP"][number % 6];
        text += &format!("-A {chain}{rule}{target}\n");
    }
    text += "COMMIT\n";
    Generated { text, facets }
}

/// A random table for packets of conversations: every rule asks for something of connection
/// tracking, and some for ports too.
///
/// A packet that XDP drops never reaches the tracker, while one that iptables drops has passed
/// it. So that orderly conversations stay the same for both, nothing but their first packet is
/// dropped.
pub fn connection_ruleset(rng: &mut Rng, shape: Shape) -> String {
    let mut facets = Facets::default();
    let kinds: Vec<&MatchKind> =
        CONNECTION_MATCHES.iter().filter(|kind| shape.allows(kind)).collect();
    let policy = if shape.orderly || rng.one_in(2) { "ACCEPT" } else { "DROP" };
    let chain = shape.stage.chain();
    let mut text = format!("*{}\n:{chain} {policy} [0:0]\n", shape.stage.table());
    for _ in 0..rng.within(1..=shape.rules) {
        let kind = *rng.pick(&kinds);
        let port = rng.pick(&[22, 53, 80, 443]);
        if shape.orderly && rng.one_in(5) {
            text += &format!(
                "-A {chain} -p tcp -m tcp --dport {port} --syn -m conntrack --ctstate NEW -j DROP\n"
            );
            continue;
        }
        let (header, protocol) = match rng.below(4) {
            0 => (format!(" -p tcp -m tcp --dport {port}"), Some(protocol::TCP)),
            _ => (String::new(), None),
        };
        let mut maker = Maker {
            rng,
            family: shape.family,
            protocol,
            orderly: shape.orderly,
            stage: shape.stage,
            facets: &mut facets,
        };
        let options = (kind.make)(&mut maker);
        let target = match rng.below(6) {
            0 | 1 => " -j ACCEPT".to_owned(),
            2 if !shape.orderly => " -j DROP".to_owned(),
            _ => String::new(),
        };
        text += &format!("-A {chain}{header} -m {}{options}{target}\n", kind.name);
    }
    text + "COMMIT\n"
}

/// A rule's tests.
fn rule(rng: &mut Rng, shape: Shape, facets: &mut Facets) -> String {
    let mut text = header(rng, shape, facets);
    let (protocol_text, protocol) = protocol_test(rng, shape.family, facets);
    text += &protocol_text;
    let matches: Vec<&MatchKind> = MATCHES
        .iter()
        .filter(|kind| shape.allows(kind))
        .filter(|kind| {
            kind.protocols.is_empty() || protocol.is_some_and(|p| kind.protocols.contains(&p))
        })
        .collect();
    let mut used: Vec<&str> = Vec::new();
    for _ in 0..*rng.pick(&[0, 0, 1, 1, 1, 2, 3]) {
        // A match that wants the rule's protocol is chosen more often than one that takes any.
        let wanting: Vec<_> = matches.iter().filter(|kind| !kind.protocols.is_empty()).collect();
        let kind = match wanting.is_empty() || rng.one_in(3) {
            true => *rng.pick(&matches),
            false => **rng.pick(&wanting),
        };
        if used.contains(&kind.name) {
            continue;
        }
        used.push(kind.name);
        let mut maker = Maker {
            rng,
            family: shape.family,
            protocol,
            orderly: shape.orderly,
            stage: shape.stage,
            facets,
        };
        let options = (kind.make)(&mut maker);
        text += &format!(" -m {}{options}", kind.name);
    }
    text
}

/// Addresses, interfaces and fragments.
fn header(rng: &mut Rng, shape: Shape, facets: &mut Facets) -> String {
    let family = shape.family;
    let mut text = String::new();
    for (option, source) in [("-s", true), ("-d", false)] {
        if rng.one_in(4) {
            let (address, mask) = address_and_mask(rng, family);
            facets.list.push(std::rc::Rc::new(move |rng, draft| {
                let address = near_masked(rng, address, mask, family);
                if source { draft.set_source(address) } else { draft.set_destination(address) }
            }));
            let masked = masked_text(address, mask, family);
            text += &format!(" {}{option} {masked}", rng.negation());
        }
    }
    if shape.stage.has_input() && rng.one_in(6) {
        let name = interface(rng, &INTERFACES);
        text += &format!(" {}-i {name}", rng.negation());
    }
    if shape.stage.has_output() && rng.one_in(6) {
        let name = interface(rng, &OUT_INTERFACES);
        text += &format!(" {}-o {name}", rng.negation());
    }
    if family == Family::Ipv4 && rng.one_in(12) {
        text += &format!(" {}-f", rng.negation());
    }
    text
}

/// A name of the list, a beginning of one, or neither.
fn interface(rng: &mut Rng, names: &[&str]) -> String {
    let name = *rng.pick(names);
    match rng.below(5) {
        0 => format!("{}+", &name[..rng.within(0..=name.len() as u64) as usize]),
        1 => name[..name.len() - 1].to_owned(),
        2 => format!("{name}0"),
        _ => name.to_owned(),
    }
}

/// `-p`, and the protocol that matches of the rule may rely on.
fn protocol_test(rng: &mut Rng, family: Family, facets: &mut Facets) -> (String, Option<u8>) {
    let icmp = match family {
        Family::Ipv4 => ("icmp", protocol::ICMP),
        Family::Ipv6 => ("ipv6-icmp", protocol::ICMPV6),
    };
    let mut known = vec![
        ("tcp", protocol::TCP),
        ("tcp", protocol::TCP),
        ("tcp", protocol::TCP),
        ("udp", protocol::UDP),
        ("udp", protocol::UDP),
        icmp,
        icmp,
        ("sctp", protocol::SCTP),
        ("dccp", protocol::DCCP),
        ("udplite", protocol::UDPLITE),
        ("esp", protocol::ESP),
        ("gre", protocol::GRE),
    ];
    match family {
        Family::Ipv4 => known.push(("ah", protocol::AH)),
        Family::Ipv6 => known.push(("mh", protocol::MOBILITY)),
    }
    if rng.one_in(4) {
        return (String::new(), None);
    }
    let &(name, number) = rng.pick(&known);
    facets.list.push(std::rc::Rc::new(move |_, draft| draft.become_protocol(number)));
    if rng.one_in(8) {
        return (format!(" ! -p {name}"), None);
    }
    let text = if rng.one_in(3) { number.to_string() } else { name.to_owned() };
    (format!(" -p {text}"), Some(number))
}

/// The `-j` or `-g` of a rule, or nothing; `further` are the chains that may be called.
fn target(rng: &mut Rng, shape: Shape, rule: &str, further: &[String]) -> String {
    match rng.below(13) {
        0..=1 => " -j ACCEPT".to_owned(),
        2..=3 => " -j DROP".to_owned(),
        4 => " -j RETURN".to_owned(),
        5..=7 if !further.is_empty() => format!(" -j {}", rng.pick(further)),
        8 if !further.is_empty() => format!(" -g {}", rng.pick(further)),
        9 if shape.marks => format!(" -j {}", targets::mark(rng)),
        10 if shape.may_reject() => format!(" -j {}", targets::reject(rng, shape.family, rule)),
        11 => format!(" -j {}", targets::log(rng)),
        12 => format!(" -j {}", targets::set(rng, shape.family)),
        _ => String::new(),
    }
}
