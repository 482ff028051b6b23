//! A bridge whose packets the rules of the network layer see: bridged ones, flooded ones, packets
//! for this host, packets that it routes into and out of the bridge, and its own. The kernel's own
//! rules and the programs at the same hooks see the very same packets and must count the same.

use bpfc_ir::Hook;
use bpfc_runtime::{Filter, Options};
use bpfc_tests::differential::EngineError;
use bpfc_tests::generate::draft::Draft;
use bpfc_tests::lab::inject::{Frame, INNER_MAC, OUTER_MAC, Wire, wait_for_carrier};
use bpfc_tests::lab::namespace::{ip, ip6, isolated, run, sysctl};
use bpfc_tests::lab::tables::{self, Counters, Reader};
use bpfc_tests::lab::{Family, LabError};
use bpfc_tests::require::{self, Need};
use bpfc_tests::twin::{artifact, wait_for_addresses};
use libtest_mimic::{Arguments, Failed, Trial};

/// For every chain.
const RULES: &[&str] = &[
    "--physdev-is-in",
    "! --physdev-is-in",
    "--physdev-is-bridged",
    "! --physdev-is-bridged",
    "--physdev-in tap100i0",
    "! --physdev-in tap100i0",
    "--physdev-in tap+",
    "--physdev-in tap10",
    "--physdev-in +",
    "! --physdev-in veth+",
    "! --physdev-in tap+ ! --physdev-is-in ! --physdev-is-bridged",
    "--physdev-is-in --physdev-in tap101i0 ! --physdev-is-bridged",
    "--physdev-in tap100i0 --physdev-out tap101i0 --physdev-is-bridged",
    "! --physdev-out tap101i0 --physdev-is-bridged",
    "--physdev-is-out --physdev-is-bridged",
    "! --physdev-is-out --physdev-is-bridged",
];

/// For all chains but OUTPUT, where the kernel refuses them.
const NOT_OUTPUT: &[&str] = &[
    "--physdev-is-out",
    "! --physdev-is-out",
    "--physdev-out veth102",
    "! --physdev-out veth102",
    "--physdev-out tap+",
    "! --physdev-is-out ! --physdev-is-bridged",
    "! --physdev-out tap+ ! --physdev-in tap+",
    "--physdev-is-in ! --physdev-out tap101i0",
];

const CHAINS: [(&str, Hook); 5] = [
    ("PREROUTING", Hook::Prerouting),
    ("INPUT", Hook::Input),
    ("FORWARD", Hook::Forward),
    ("OUTPUT", Hook::Output),
    ("POSTROUTING", Hook::Postrouting),
];

/// Ports of the bridge, and an interface that is none.
const INTERFACES: [&str; 4] = ["tap100i0", "tap101i0", "veth102", "eth0"];
/// Somebody behind the second port, whom the bridge has heard of.
const KNOWN: [u8; 6] = [0x02, 0, 0, 0, 0, 0xa1];
/// Nobody that it has heard of.
const UNKNOWN: [u8; 6] = [0x02, 0, 0, 0, 0, 0x99];

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    let mut add = |name: String, test: fn(Family) -> Result<(), Failed>, family| {
        trials.push(Trial::test(name, move || {
            let needs = [require::KERNEL_IPTABLES, &[Need::Tool("bash")]];
            if require::met(&needs.concat()) {
                isolated(|| test(family))?;
            }
            Ok(())
        }));
    };
    for family in Family::ALL {
        add(format!("{family}_ports"), ports, family);
        add(format!("{family}_without_br_netfilter"), silent, family);
        add(format!("{family}_verdicts"), verdicts, family);
        add(format!("{family}_output_ports_of_own_packets_are_refused"), refused, family);
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn ports(family: Family) -> Result<(), Failed> {
    let mut wire = prepare(family, true)?;
    let text = ruleset(family);
    let (expected, found) = count(family, &mut wire, &text)?;
    for (chain, _) in CHAINS {
        let label = |what: &str| format!("{}mangle/{chain}:{what}", family.label_prefix());
        let all = expected.get(&label("policy")).map_or(0, |count| count.packets);
        assert!(all >= 3, "{chain}: {all} packets");
        // The rules tell packets apart, where any have been on the bridge.
        let told = expected
            .iter()
            .filter(|(rule, count)| {
                rule.starts_with(&label("")) && (1..all).contains(&count.packets)
            })
            .count();
        let least = if chain == "OUTPUT" { 0 } else { 8 };
        assert!(told >= least, "{chain}: {told} rules tell packets apart: {expected:#?}");
    }
    match found == expected {
        true => Ok(()),
        false => Err(format!("{found:#?}\nkernel: {expected:#?}\n{text}").into()),
    }
}

/// Where br_netfilter is off, no rule sees what is bridged, and nothing is noted of the rest.
fn silent(family: Family) -> Result<(), Failed> {
    let mut wire = prepare(family, false)?;
    let (expected, found) = count(family, &mut wire, &ruleset(family))?;
    let is_in = format!("{}mangle/INPUT:2", family.label_prefix());
    assert_eq!(expected.get(&is_in), None);
    assert_eq!(found, expected);
    Ok(())
}

/// What a rule drops does not come to the next hook, whoever drops it.
fn verdicts(family: Family) -> Result<(), Failed> {
    const DROP: &str = "-A FORWARD -m physdev --physdev-in tap+ --physdev-out veth102 \
         --physdev-is-bridged -j DROP\n\
         -A FORWARD -m physdev ! --physdev-is-bridged --physdev-in tap101i0 -j DROP\n";
    // Not the answers, which come or not as the clock has it.
    const OBSERVE: &str = "-A POSTROUTING -m physdev --physdev-is-bridged\n\
         -A POSTROUTING -p udp -m physdev ! --physdev-is-bridged\n";
    let mut wire = prepare(family, true)?;
    let seen = ["nobody", "kernel", "program"].map(|dropper| -> Result<Counters, Failed> {
        let rules = if dropper == "kernel" { DROP } else { "" };
        tables::restore(family, &table(family, &format!("{rules}{OBSERVE}")))?;
        let filter = (dropper == "program")
            .then(|| load(family, &table(family, DROP), &[Hook::Forward]))
            .transpose()?;
        let reader = Reader::new(family, "mangle")?;
        let before = reader.read()?;
        send(family, &mut wire)?;
        let mut counted = tables::difference(&reader, &before, &reader.read()?);
        counted.retain(|rule, _| {
            rule.contains("POSTROUTING:") && !rule.ends_with("policy") && !is_icmp(rule)
        });
        if let Some(filter) = filter {
            filter.unload()?;
        }
        Ok(counted)
    });
    let [nobody, kernel, program] = seen;
    let seen = [nobody?, kernel?, program?];
    let bridged = format!("{}mangle/POSTROUTING:2", family.label_prefix());
    let bridged = seen.each_ref().map(|counted| counted.get(&bridged).map_or(0, |c| c.packets));
    assert!(bridged[1] >= 4 && bridged[1] < bridged[0], "{seen:#?}");
    assert_eq!(seen[1], seen[2], "{seen:#?}");
    Ok(())
}

/// The kernel's check of a rule, and bpfc's.
fn refused(family: Family) -> Result<(), Failed> {
    for (rule, taken) in [
        ("--physdev-out tap100i0", false),
        ("! --physdev-is-out", false),
        ("--physdev-is-out ! --physdev-is-bridged", false),
        ("--physdev-is-out --physdev-is-bridged", true),
        ("--physdev-in tap100i0", true),
    ] {
        for reached in [true, false] {
            let jump = if reached { "-A OUTPUT -j USER\n" } else { "-A FORWARD -j USER\n" };
            let rules = format!("{jump}-A USER -m physdev {rule}\n");
            let text = table(family, &rules).replace(":OUTPUT", ":USER - [0:0]\n:OUTPUT");
            let wanted = taken || !reached;
            assert_eq!(tables::restore(family, &text).is_ok(), wanted, "{text}");
            assert_eq!(compiled(family, &text, &[Hook::Output]).is_ok(), wanted, "{text}");
        }
    }
    Ok(())
}

fn ruleset(family: Family) -> String {
    let mut rules = String::new();
    for (chain, hook) in CHAINS {
        let further = if hook == Hook::Output { &[] } else { NOT_OUTPUT };
        for rule in RULES.iter().chain(further) {
            rules += &format!("-A {chain} -m physdev {rule}\n");
        }
    }
    table(family, &rules)
}

/// A table in which ICMP leaves at once: the kernel answers and reports as its clock has it.
fn table(family: Family, rules: &str) -> String {
    let icmp = if family == Family::Ipv4 { "icmp" } else { "ipv6-icmp" };
    let chains: String =
        CHAINS.iter().map(|(chain, _)| format!(":{chain} ACCEPT [0:0]\n")).collect();
    let first = |chain: &str| format!("-A {chain} -p {icmp} -j ACCEPT\n");
    let first: String = CHAINS.iter().map(|(chain, ..)| first(chain)).collect();
    format!("*mangle\n{chains}{first}{rules}COMMIT\n")
}

/// Whether it is the rule by which ICMP leaves.
fn is_icmp(rule: &str) -> bool {
    rule.ends_with(":1")
}

/// What the kernel's rules and the programs beside them count of the traffic.
fn count(family: Family, wire: &mut Wire, text: &str) -> Result<(Counters, Counters), Failed> {
    tables::restore(family, text)?;
    let filter = load(family, text, &CHAINS.map(|(_, hook)| hook))?;
    let reader = Reader::new(family, "mangle")?;
    let before = reader.read()?;
    send(family, wire)?;
    let mut expected = tables::difference(&reader, &before, &reader.read()?);
    let mut found = tables::moved(&filter.counters()?);
    for counted in [&mut expected, &mut found] {
        counted.retain(|rule, count| count.packets > 0 && !is_icmp(rule));
    }
    Ok((expected, found))
}

fn compiled(
    family: Family,
    text: &str,
    hooks: &[Hook],
) -> Result<bpfc_artifact::Artifact, EngineError> {
    let options = bpfc_driver::Options {
        hooks: Some(hooks.to_vec()),
        tables: Some(vec!["mangle".to_owned()]),
        ..bpfc_driver::Options::default()
    };
    artifact(&[(family, text.to_owned())], "netfilter", &options)
}

fn load(family: Family, text: &str, hooks: &[Hook]) -> Result<Filter, EngineError> {
    Ok(Filter::load(&compiled(family, text, hooks)?, &Options::new("ports"))?)
}

fn prepare(family: Family, shown: bool) -> Result<Wire, LabError> {
    let wire = Wire::new(&INTERFACES)?;
    let mac = INNER_MAC.map(|byte| format!("{byte:02x}")).join(":");
    let mut lines = format!("link add br0 address {mac} type bridge mcast_snooping 0\n");
    for port in &INTERFACES[..3] {
        lines += &format!("link set {port} master br0\n");
    }
    ip(&(lines + "link set br0 addrgenmode none\nlink set br0 up\n"))?;
    wait_for_carrier(&["br0"])?;
    let value = if shown { "1" } else { "0" };
    sysctl("bridge/bridge-nf-call-iptables", value)?;
    sysctl("bridge/bridge-nf-call-ip6tables", value)?;
    match family {
        Family::Ipv4 => {
            sysctl("ipv4/ip_forward", "1")?;
            ip("addr add 192.0.2.1/24 dev br0\n\
                addr add 198.51.100.1/24 dev eth0\n\
                neigh add 192.0.2.9 lladdr 02:00:00:00:00:a1 dev br0 nud permanent\n\
                neigh add 198.51.100.9 lladdr 02:00:00:00:00:02 dev eth0 nud permanent\n")?;
        }
        Family::Ipv6 => {
            sysctl("ipv6/conf/all/forwarding", "1")?;
            ip6("addr add 2001:db8::1/64 dev br0 nodad\n\
                 addr add 2001:db8:1::1/64 dev eth0 nodad\n\
                 neigh add 2001:db8::9 lladdr 02:00:00:00:00:a1 dev br0 nud permanent\n\
                 neigh add 2001:db8:1::9 lladdr 02:00:00:00:00:02 dev eth0 nud permanent\n")?;
            wait_for_addresses(&["2001:db8::1", "2001:db8:1::1"])?;
        }
    }
    Ok(wire)
}

/// This host's address on the bridge, somebody's there, somebody's behind the other interface.
fn addresses(family: Family) -> [&'static str; 3] {
    match family {
        Family::Ipv4 => ["192.0.2.1", "192.0.2.9", "198.51.100.9"],
        Family::Ipv6 => ["2001:db8::1", "2001:db8::9", "2001:db8:1::9"],
    }
}

fn send(family: Family, wire: &mut Wire) -> Result<(), Failed> {
    let [own, near, far] = addresses(family);
    let frame = |port, (from, source): ([u8; 6], &str), (to, destination): ([u8; 6], &str)| {
        let mut draft = Draft::new(family);
        draft.port = port;
        draft.mac_source = from;
        draft.mac_destination = to;
        draft.set_source(source.parse()?);
        draft.set_destination(destination.parse()?);
        Ok::<Frame, Failed>(draft.frame())
    };
    let mut frames = vec![
        // The bridge learns who is where.
        frame(1, (KNOWN, near), (UNKNOWN, far))?,
        frame(0, (OUTER_MAC, near), (KNOWN, far))?,
        frame(0, (OUTER_MAC, near), (UNKNOWN, far))?,
        frame(2, (OUTER_MAC, near), (KNOWN, far))?,
        frame(2, (OUTER_MAC, near), ([0xff; 6], own))?,
    ];
    for port in 0..3 {
        frames.push(frame(port, (OUTER_MAC, near), (INNER_MAC, own))?);
        frames.push(frame(port, (OUTER_MAC, near), (INNER_MAC, far))?);
    }
    frames.push(frame(3, (OUTER_MAC, far), (INNER_MAC, near))?);
    frames.push(frame(3, (OUTER_MAC, far), (INNER_MAC, own))?);
    wire.send(&frames)?;
    for to in [near, far, own] {
        run("bash", &["-c", &format!("echo x > /dev/udp/{to}/9")], "")?;
    }
    Ok(())
}
