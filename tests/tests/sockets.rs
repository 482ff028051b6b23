//! Who sends a packet: real sockets of several users, groups and control groups, sockets that
//! only listen, and what the kernel sends by itself. The kernel's own rules and the programs of
//! two targets see the very same packets and must count the same.

use bpfc_runtime::{Filter, Options};
use bpfc_tests::differential::EngineError;
use bpfc_tests::generate::draft::{Draft, protocol};
use bpfc_tests::lab::inject::{Frame, Wire};
use bpfc_tests::lab::namespace::{ip, ip6, isolated, run};
use bpfc_tests::lab::tables::{self, Count, Counters, Reader};
use bpfc_tests::lab::{Family, LabError};
use bpfc_tests::require::{self, Need};
use bpfc_tests::twin::artifact;
use libtest_mimic::{Arguments, Failed, Trial};
use nix::mount::{MsFlags, mount};
use nix::unistd::{Uid, setfsuid};
use std::fs;
use std::net::{IpAddr, TcpListener};

const OWNERS: &[&str] = &[
    "-m owner --uid-owner 0",
    "-m owner ! --uid-owner 0",
    "-m owner --uid-owner 1000",
    "-m owner --uid-owner 1-999",
    "-m owner ! --uid-owner 1000-1001",
    "-m owner --gid-owner 100",
    "-m owner ! --gid-owner 100",
    "-m owner --gid-owner 6-7",
    "-m owner --gid-owner 6-7 --suppl-groups",
    "-m owner ! --gid-owner 6 --suppl-groups",
    "-m owner --gid-owner 4294967290 --suppl-groups",
    "-m owner --socket-exists",
    "-m owner ! --socket-exists",
    "-m owner ! --socket-exists ! --uid-owner 0",
    "-m owner ! --uid-owner 0 ! --gid-owner 0",
    "-m owner --uid-owner 1000 --gid-owner 100 --socket-exists",
    "-m owner --uid-owner 0-4294967294 ! --gid-owner 100-200",
];
const GROUPS: &[&str] = &[
    "-m cgroup --cgroup 0",
    "-m cgroup ! --cgroup 0",
    "-m cgroup --cgroup 65538",
    "-m devgroup --dst-group 0",
    "-m devgroup --dst-group 0x17",
    "-m devgroup ! --dst-group 0x7/0xf",
    "-m devgroup --dst-group 0xff7/0xf",
];
const REALMS: &[&str] = &[
    "-m realm --realm 0",
    "-m realm --realm 5",
    "-m realm ! --realm 0x9/0xffff",
    "-m realm --realm 0x70005",
    "-m realm --realm 0x15/0xf",
];

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for family in Family::ALL {
        for (hook, chain, table) in
            [("output", "OUTPUT", "filter"), ("postrouting", "POSTROUTING", "mangle")]
        {
            trials.push(Trial::test(format!("{family}_{hook}"), move || {
                let needs =
                    [require::KERNEL_IPTABLES, &[Need::Tool("setpriv"), Need::Tool("bash")]];
                if require::met(&needs.concat()) {
                    isolated(|| check(family, chain, table))?;
                }
                Ok(())
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn check(family: Family, chain: &str, table: &'static str) -> Result<(), Failed> {
    let mut wire = Wire::new(&["eth0", "eth1"])?;
    prepare(family)?;
    let text = ruleset(family, chain, table);
    tables::restore(family, &text)?;
    let filters = [load(&text, "netfilter", family, chain)?, load(&text, "tc", family, chain)?];
    let reader = Reader::new(family, table)?;
    let before = reader.read()?;
    send(family, &mut wire)?;
    let expected = tables::difference(&reader, &before, &reader.read()?);
    let policy = format!("{}{table}/{chain}:policy", family.label_prefix());
    let seen = expected.get(&policy).copied().unwrap_or_default();
    assert!(seen.packets >= 12, "{seen} packets");
    // The rules tell packets apart, or nothing is shown.
    let telling = |count: &&Count| (1..seen.packets).contains(&count.packets);
    let told = expected.values().filter(telling).count();
    assert!(told >= 14, "{told} rules tell packets apart");
    for filter in &filters {
        let counters = filter.counters()?;
        let found: Counters = counters
            .iter()
            .filter(|(_, count)| count.packets > 0)
            .map(|(rule, count)| {
                (rule.label.clone(), Count { packets: count.packets, bytes: count.bytes })
            })
            .collect();
        let mut wanted = expected.clone();
        wanted.retain(|label, count| count.packets > 0 && (label.contains(&format!("/{chain}:"))));
        if found != wanted {
            let rules: Vec<&str> = text.lines().filter(|line| line.starts_with("-A")).collect();
            let report = format!("{}: {found:#?}\nkernel: {wanted:#?}\n{rules:#?}", filter.name());
            return Err(report.into());
        }
    }
    Ok(())
}

fn prepare(family: Family) -> Result<(), LabError> {
    ip("link set eth0 group 0x17\n")?;
    match family {
        Family::Ipv4 => ip("addr add 192.0.2.1/24 dev eth0\n\
             addr add 198.51.100.1/24 dev eth1\n\
             route add 203.0.113.0/25 dev eth0 realm 5\n\
             route add 203.0.113.128/25 dev eth1 realm 7/5\n"),
        Family::Ipv6 => ip6("addr add 2001:db8::1/64 dev eth0\n\
             addr add 2001:db8:1::1/64 dev eth1\n"),
    }
}

fn ruleset(family: Family, chain: &str, table: &str) -> String {
    let realms = if family == Family::Ipv4 { REALMS } else { &[] };
    let mut text = format!("*{table}\n:{chain} ACCEPT [0:0]\n");
    for rule in [OWNERS, GROUPS, realms].concat() {
        text += &format!("-A {chain} {rule}\n");
    }
    text + "COMMIT\n"
}

fn load(text: &str, target: &str, family: Family, chain: &str) -> Result<Filter, EngineError> {
    let table = if chain == "OUTPUT" { "filter" } else { "mangle" };
    let hook = if chain == "OUTPUT" { bpfc_ir::Hook::Output } else { bpfc_ir::Hook::Postrouting };
    let options = bpfc_driver::Options {
        hooks: Some(vec![hook]),
        tables: Some(vec![table.to_owned()]),
        ..bpfc_driver::Options::default()
    };
    let artifact = artifact(&[(family, text.to_owned())], target, &options)?;
    let mut options = Options::new(target);
    if target == "tc" {
        options.interfaces = vec!["eth0".to_owned(), "eth1".to_owned()];
    }
    Ok(Filter::load(&artifact, &options)?)
}

/// The addresses of a family that the packets go to: one by each interface, and two by routes.
fn destinations(family: Family) -> [&'static str; 4] {
    match family {
        Family::Ipv4 => ["192.0.2.9", "198.51.100.9", "203.0.113.5", "203.0.113.200"],
        Family::Ipv6 => ["2001:db8::9", "2001:db8:1::9", "2001:db8::10", "2001:db8:1::10"],
    }
}

fn send(family: Family, wire: &mut Wire) -> Result<(), Failed> {
    let class = class_group();
    for (user, group, groups) in [
        ("0", "0", "0"),
        ("1000", "100", "5,6,4000000000"),
        ("500", "7", "100"),
        ("1001", "150", "9"),
    ] {
        for (number, to) in destinations(family).iter().enumerate() {
            let enter = match &class {
                Some(procs) if number == 1 => format!("echo $$ > {procs}; "),
                _ => String::new(),
            };
            let send = format!("echo x > /dev/udp/{to}/9");
            let groups = format!("--groups={groups}");
            let user = format!("--reuid={user}");
            let group = format!("--regid={group}");
            let command = format!("{enter}exec setpriv {user} {group} {groups} bash -c '{send}'");
            run("bash", &["-c", &command], "")?;
        }
    }
    // A request to a user's listening socket, one to a closed port, and an echo request: the
    // answers are a socket's that is not complete, and the kernel's own.
    let own: IpAddr = match family {
        Family::Ipv4 => "192.0.2.1".parse()?,
        Family::Ipv6 => "2001:db8::1".parse()?,
    };
    setfsuid(Uid::from_raw(1000));
    let listener = TcpListener::bind((own, 0));
    setfsuid(Uid::from_raw(0));
    let port = listener.as_ref().map(|listener| listener.local_addr().map(|a| a.port()));
    let port = port.map_err(|error| error.to_string())??;
    let tcp = |port| {
        let mut draft = request(family, own);
        draft.become_protocol(protocol::TCP);
        draft.tcp().destination = port;
        draft.tcp().flags = 2;
        draft.frame()
    };
    let mut echo = request(family, own);
    echo.become_protocol(match family {
        Family::Ipv4 => protocol::ICMP,
        Family::Ipv6 => protocol::ICMPV6,
    });
    let frames: Vec<Frame> = vec![tcp(port), tcp(1), echo.frame(), request(family, own).frame()];
    wire.send(&frames)?;
    drop(listener);
    Ok(())
}

fn request(family: Family, own: IpAddr) -> Draft {
    let mut draft = Draft::new(family);
    let peer = destinations(family)[0].parse();
    draft.set_source(peer.unwrap_or(own));
    draft.set_destination(own);
    draft
}

/// The process list of a control group of version 1 with class 65538, where this kernel has it.
fn class_group() -> Option<String> {
    let place = "/tmp/bpfc-net_cls";
    fs::create_dir_all(place).ok()?;
    mount(Some("net_cls"), place, Some("cgroup"), MsFlags::empty(), Some("net_cls")).ok()?;
    let group = format!("{place}/bpfc-{}", std::process::id());
    fs::create_dir_all(&group).ok()?;
    fs::write(format!("{group}/net_cls.classid"), "65538").ok()?;
    Some(format!("{group}/cgroup.procs"))
}
