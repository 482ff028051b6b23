//! Who sends a packet: real sockets of several users, groups and control groups, sockets that
//! only listen, and what the kernel sends by itself. The kernel's own rules and the programs of
//! two targets see the very same packets and must count the same.

use bpfc_artifact::Artifact;
use bpfc_ir::Hook;
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
/// By paths in the hierarchy of version 2, of which `@` is the test's own group.
const PATHS: &[&str] = &[
    "-m cgroup --path @",
    "-m cgroup ! --path @",
    "-m cgroup --path /@//a/",
    "-m cgroup ! --path @/a",
    "-m cgroup --path @/a/b",
    "-m cgroup --path @/c",
    "-m cgroup --path \"/\"",
    "-m cgroup ! --path \"\"",
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
    trials.push(Trial::test("a_group_that_is_not_there_leaves_what_was_attached", || {
        if require::met(require::KERNEL_IPTABLES) {
            isolated(missing)?;
        }
        Ok(())
    }));
    libtest_mimic::run(&arguments, trials).exit();
}

/// Paths are looked up when a filter is loaded, also from an object: one that is no group's is an
/// error, and the filter before stays.
fn missing() -> Result<(), Failed> {
    let groups = Groups::make("missing")?;
    let text = |path: &str| {
        format!(
            "*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -m cgroup --path \"{path}\" -j DROP\nCOMMIT\n"
        )
    };
    let options =
        bpfc_driver::Options { hooks: Some(vec![Hook::Output]), ..bpfc_driver::Options::default() };
    let compiled = |path: &str| -> Result<Artifact, Failed> {
        let artifact = artifact(&[(Family::Ipv4, text(path))], "netfilter", &options)?;
        Ok(bpfc_object::read(&bpfc_object::write(&artifact)?)?)
    };
    let there = compiled(&format!("{}/a", groups.name))?;
    let gone = compiled(&format!("{}/no such", groups.name))?;
    let said = |outcome: Result<(), bpfc_runtime::Error>| outcome.err().map(|e| e.to_string());
    let failure = said(Filter::load(&gone, &Options::new("groups")).map(drop));
    assert!(failure.as_ref().is_some_and(|f| f.contains("no such")), "{failure:?}");
    let filter = Filter::load(&there, &Options::new("groups"))?;
    let failure = said(filter.replace(&gone));
    assert!(failure.as_ref().is_some_and(|f| f.contains("no such")), "{failure:?}");
    // Loopback is up, and only who is in the group cannot send.
    ip("link set lo up\n")?;
    let speak = |enter: &str| {
        let send = format!("{enter}exec bash -c 'echo x > /dev/udp/127.0.0.1/9'");
        run("bash", &["-c", &send], "").map(drop)
    };
    let dropped = || -> Result<u64, Failed> {
        let counters = filter.counters()?;
        let rule = counters.iter().find(|(rule, _)| rule.label == "filter/OUTPUT:1");
        Ok(rule.map_or(0, |(_, count)| count.packets))
    };
    speak("")?;
    assert_eq!(dropped()?, 0);
    // The shell learns that its packet was dropped.
    let refused = speak(&groups.enter(3));
    assert_eq!((refused.is_err(), dropped()?), (true, 1));
    Ok(())
}

fn check(family: Family, chain: &str, table: &'static str) -> Result<(), Failed> {
    let mut wire = Wire::new(&["eth0", "eth1"])?;
    prepare(family)?;
    let groups = Groups::make(&format!("{family}-{chain}"))?;
    let text = ruleset(family, chain, table, &groups);
    tables::restore(family, &text)?;
    let filters = [load(&text, "netfilter", family, chain)?, load(&text, "tc", family, chain)?];
    let reader = Reader::new(family, table)?;
    let before = reader.read()?;
    send(family, &mut wire, &groups)?;
    let expected = tables::difference(&reader, &before, &reader.read()?);
    let policy = format!("{}{table}/{chain}:policy", family.label_prefix());
    let seen = expected.get(&policy).copied().unwrap_or_default();
    assert!(seen.packets >= 12, "{seen} packets");
    // The rules tell packets apart, or nothing is shown.
    let telling = |count: &&Count| (1..seen.packets).contains(&count.packets);
    let told = expected.values().filter(telling).count();
    assert!(told >= 18, "{told} rules tell packets apart");
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

fn ruleset(family: Family, chain: &str, table: &str, groups: &Groups) -> String {
    let realms = if family == Family::Ipv4 { REALMS } else { &[] };
    let mut text = format!("*{table}\n:{chain} ACCEPT [0:0]\n");
    for rule in [OWNERS, GROUPS, PATHS, realms].concat() {
        text += &format!("-A {chain} {}\n", rule.replace('@', &groups.name));
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

fn send(family: Family, wire: &mut Wire, groups: &Groups) -> Result<(), Failed> {
    let class = class_group();
    for (user, group, others) in [
        ("0", "0", "0"),
        ("1000", "100", "5,6,4000000000"),
        ("500", "7", "100"),
        ("1001", "150", "9"),
    ] {
        for (number, to) in destinations(family).iter().enumerate() {
            let enter = match &class {
                Some(procs) if number == 1 => format!("echo $$ > {procs}; "),
                _ => String::new(),
            } + &groups.enter(number);
            let send = format!("echo x > /dev/udp/{to}/9");
            let groups = format!("--groups={others}");
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

/// Control groups of version 2, one below the other: the test's own, `a`, `a/b` and `c`.
struct Groups {
    /// The path of the first.
    name: String,
}

/// Where the hierarchy is mounted.
const HIERARCHY: &str = "/tmp/bpfc-cgroup2";

impl Groups {
    fn make(suffix: &str) -> Result<Self, Failed> {
        fs::create_dir_all(HIERARCHY)?;
        mount(Some("cgroup2"), HIERARCHY, Some("cgroup2"), MsFlags::empty(), None::<&str>)?;
        let name = format!("bpfc-{}-{suffix}", std::process::id());
        for group in ["a/b", "c"] {
            fs::create_dir_all(format!("{HIERARCHY}/{name}/{group}"))?;
        }
        Ok(Groups { name })
    }

    /// A shell's words that enter the group of a destination.
    fn enter(&self, number: usize) -> String {
        match ["", "", "/a", "/a/b"].get(number) {
            None | Some(&"") => String::new(),
            Some(group) => {
                format!("echo $$ > {HIERARCHY}/{}{group}/cgroup.procs; ", self.name)
            }
        }
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for group in ["/a/b", "/a", "/c", ""] {
            let _ = fs::remove_dir(format!("{HIERARCHY}/{}{group}", self.name));
        }
    }
}
