//! Filters that are not where they were put: seeing it, and attaching them again.

mod common;

use bpfc_artifact::AttachPoint;
use bpfc_runtime::{Error, Filter, Options, Problem};
use common::{
    Cleanup, Net, PATIENCE, Verdict, artifact, can_run, has_cgroup2, has_linux, input, inside, ip,
    output, passes, udp, unique,
};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What an environment variable says the number of kills shall be; a campaign has hundreds.
const KILLS: &str = "BPFC_KILLS";

fn packets(filter: &Filter) -> u64 {
    filter.counters().unwrap().find("filter/TEST:1").unwrap().packets
}

fn problems(filter: &Filter) -> Vec<Option<Problem>> {
    let status = filter.status().unwrap();
    status.attachments.iter().chain(&status.companions).map(|found| found.problem).collect()
}

/// The folder of a filter's links; what is removed there is detached.
fn links(name: &str) -> PathBuf {
    ["/sys/fs/bpf/bpfc", name, "links"].iter().collect()
}

fn pins(name: &str) -> Vec<PathBuf> {
    links(name).read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Neither address resolution nor anything else but a test's own packets.
fn silent(here: &Net, there: &Net) {
    for (net, interface) in [(here, "here"), (there, "there")] {
        ip(&format!("-n {} link set {interface} arp off", net.name));
        ip(&format!("-n {} -6 addr flush dev {interface}", net.name));
    }
}

/// Sends datagrams from the other end, which the filter drops, and waits until it has counted them.
fn counts(filter: &Filter, here: &Net, there: &Net, number: u64) {
    let to = here.run(|| udp("10.9.0.1:0"));
    counts_to(filter, there, to.local_addr().unwrap(), number);
    assert!(to.recv(&mut [0; 64]).is_err(), "a packet passed");
}

/// The same to a socket that somebody else has.
fn counts_to(filter: &Filter, there: &Net, address: SocketAddr, number: u64) {
    let before = packets(filter);
    there.run(|| {
        let from = udp("10.9.0.2:0");
        for _ in 0..number {
            from.send_to(b"packet", address).unwrap();
        }
    });
    let start = Instant::now();
    while packets(filter) < before + number && start.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(packets(filter), before + number);
}

fn an_interface_that_comes_back(points: &[AttachPoint]) {
    let name = unique("back");
    let _cleanup = Cleanup(name.clone());
    let (here, there) = (Net::new(), Net::new());
    here.pair(&there);
    silent(&here, &there);
    let filter = here.run(|| {
        let options = Options::new(&name).interface("here");
        Filter::load(&artifact(points, Verdict::Drop, 0), &options).unwrap()
    });
    counts(&filter, &here, &there, 3);
    let before = packets(&filter);
    let again = filter.again().unwrap();
    assert_eq!((again.attached.len(), again.kept.len()), (0, points.len()));

    ip(&format!("-n {} link del here", here.name));
    assert_eq!(problems(&filter), vec![Some(Problem::InterfaceGone); points.len()]);
    let again = filter.again().unwrap();
    assert_eq!(again.missing.len(), points.len());
    assert!(matches!(again.missing[0].1, Error::NoInterface { .. }));

    here.pair(&there);
    silent(&here, &there);
    assert_eq!(problems(&filter), vec![Some(Problem::Detached); points.len()]);
    let programs = filter.status().unwrap().programs;
    // From elsewhere: it goes where the filter belongs.
    let again = filter.again().unwrap();
    assert_eq!((again.attached.len(), again.kept.len(), again.missing.len()), (points.len(), 0, 0));
    assert_eq!(problems(&filter), vec![None; points.len()]);
    assert_eq!(filter.status().unwrap().programs, programs, "nothing was loaded");
    assert_eq!(pins(&name).len(), points.len(), "old links are gone");
    assert!(packets(&filter) >= before);
    counts(&filter, &here, &there, 3);

    // It is a filter like any other.
    let options = Options::new(&name).interface("here");
    here.run(|| filter.replace_with(&artifact(points, Verdict::Drop, 3), &options).unwrap());
    counts(&filter, &here, &there, 3);
    filter.unload().unwrap();
}

#[test]
fn xdp_comes_back_with_its_interface() {
    if can_run("xdp_comes_back_with_its_interface") {
        an_interface_that_comes_back(&[AttachPoint::Xdp]);
    }
}

#[test]
fn tc_comes_back_with_its_interface() {
    if can_run("tc_comes_back_with_its_interface")
        && has_linux("tc_comes_back_with_its_interface", 6, 6)
    {
        an_interface_that_comes_back(&[AttachPoint::TcIngress]);
    }
}

/// Two interfaces, one of which stays and one of which does not come back.
#[test]
fn what_can_be_attached_is() {
    if !can_run("what_can_be_attached_is") || !has_linux("what_can_be_attached_is", 6, 6) {
        return;
    }
    let name = unique("some");
    let _cleanup = Cleanup(name.clone());
    let here = Net::new();
    let add = |interface: &str, other: &str| {
        ip(&format!("-n {} link add {interface} type veth peer name {other}", here.name));
    };
    add("life-a", "peer-a");
    add("life-b", "peer-b");
    add("life-c", "peer-c");
    let filter = here.run(|| {
        let options =
            Options::new(&name).interface("life-a").interface("life-b").interface("life-c");
        Filter::load(&artifact(&[AttachPoint::TcIngress], Verdict::Drop, 0), &options).unwrap()
    });
    ip(&format!("-n {} link del life-a", here.name));
    ip(&format!("-n {} link del life-b", here.name));
    add("life-b", "peer-b");
    let again = filter.again().unwrap();
    assert_eq!((again.attached.len(), again.kept.len(), again.missing.len()), (1, 1, 1));
    assert_eq!(problems(&filter), [Some(Problem::InterfaceGone), None, None]);
}

/// A netfilter link says nothing when it is detached; the hook does.
#[test]
fn a_hook_that_somebody_freed_is_taken_again() {
    let test = "a_hook_that_somebody_freed_is_taken_again";
    if !can_run(test) || !has_linux(test, 6, 4) {
        return;
    }
    let name = unique("freed");
    let _cleanup = Cleanup(name.clone());
    Net::new().run(|| {
        let points = [input(91), output(92)];
        let filter =
            Filter::load(&artifact(&points, Verdict::Drop, 0), &Options::new(&name)).unwrap();
        assert!(!passes());
        let before = packets(&filter);
        // Once with the link's pin, once while the pin stays.
        for detach in [true, false] {
            let link = filter.status().unwrap().attachments[1].link.unwrap().to_string();
            if detach {
                let done = Command::new("bpftool").args(["link", "detach", "id", &link]).status();
                assert!(done.unwrap().success());
            } else {
                let output =
                    pins(&name).into_iter().find(|pin| pin.ends_with("netfilter-ip-output-92"));
                std::fs::remove_file(output.unwrap()).unwrap();
            }
            assert_eq!(problems(&filter), [None, Some(Problem::Detached)]);
            let again = filter.again().unwrap();
            assert_eq!((again.attached.len(), again.kept.len(), again.missing.len()), (1, 1, 0));
            assert_eq!(problems(&filter), [None, None]);
        }
        assert_eq!(packets(&filter), before);
        assert!(!passes());
        // A replacement sees it as well.
        let link = filter.status().unwrap().attachments[1].link.unwrap().to_string();
        assert!(
            Command::new("bpftool")
                .args(["link", "detach", "id", &link])
                .status()
                .unwrap()
                .success()
        );
        filter.replace(&artifact(&points, Verdict::Drop, 1)).unwrap();
        assert_eq!(problems(&filter), [None, None]);
    });
}

#[test]
fn a_group_that_is_made_again_is_filtered_again() {
    let test = "a_group_that_is_made_again_is_filtered_again";
    if !can_run(test) {
        return;
    }
    if !has_cgroup2() {
        return;
    }
    let name = unique("group");
    let _cleanup = Cleanup(name.clone());
    let group = group(&name);
    std::fs::create_dir(&group).unwrap();
    let mut options = Options::new(&name);
    let points = [AttachPoint::CgroupIngress, AttachPoint::CgroupEgress];
    let built = artifact(&points, Verdict::Drop, 0);
    assert!(
        matches!(Filter::load(&built, &options), Err(Error::Options(_))),
        "it must be asked for"
    );
    options.cgroup = group.clone();
    let filter = Filter::load(&built, &options).unwrap();
    std::fs::remove_dir(&group).unwrap();
    let start = Instant::now();
    // The kernel takes the programs off a moment later.
    while problems(&filter) != [Some(Problem::CgroupGone); 2] {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(!filter.is_unchanged(&built, &options).unwrap_or(false));
    std::fs::create_dir(&group).unwrap();
    assert_eq!(filter.again().unwrap().attached.len(), 2);
    assert_eq!(problems(&filter), [None; 2]);
    assert!(filter.is_unchanged(&built, &options).unwrap());
    filter.unload().unwrap();
    std::fs::remove_dir(&group).unwrap();
}

/// Waits until a filter says that its namespace is gone, which takes the kernel a moment.
fn wait_until_gone(filter: &Filter) {
    let start = Instant::now();
    while problems(filter) != [Some(Problem::NamespaceGone)] {
        assert!(start.elapsed() < PATIENCE, "{:?}", problems(filter));
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A name is free when its namespace is gone, and not while something merely hides it.
fn a_namespace_that_goes(point: AttachPoint) {
    let name = unique("namespace");
    let _cleanup = Cleanup(name.clone());
    let built = artifact(&[point], Verdict::Drop, 0);
    let options = Options::new(&name).interface("here");
    let there = Net::new();
    let here = Net::new();
    here.pair(&there);
    let filter = here.run(|| Filter::load(&built, &options).unwrap());
    assert_eq!(filter.status().unwrap().namespace.name.as_ref(), Some(&here.name));
    let held = File::open(format!("/run/netns/{}", here.name)).unwrap();
    drop(here);

    let next = Net::new();
    let other = Net::new();
    next.pair(&other);
    let status = filter.status().unwrap();
    assert!(!status.namespace.found && status.attachments[0].attached);
    next.run(|| {
        assert!(matches!(Filter::load(&built, &options), Err(Error::Exists(_))));
        let refused = Filter::open(&name).unwrap().replace_with(&built, &options).unwrap_err();
        assert!(matches!(refused, Error::NamespaceLost { gone: false, .. }), "{refused}");
    });
    assert!(matches!(filter.again(), Err(Error::NamespaceLost { gone: false, .. })));
    drop(held);
    wait_until_gone(&filter);
    assert!(matches!(filter.again(), Err(Error::NamespaceLost { gone: true, .. })));

    let filter = next.run(|| Filter::load(&built, &options).unwrap());
    assert_eq!(problems(&filter), [None]);
    assert_eq!(pins(&name).len(), 1);
    // Unloading works, too, when it is gone.
    drop(next);
    wait_until_gone(&filter);
    filter.unload().unwrap();
    assert!(!links(&name).exists());
}

#[test]
fn a_namespace_that_goes_frees_the_name_of_its_xdp_filter() {
    if can_run("a_namespace_that_goes_frees_the_name_of_its_xdp_filter") {
        a_namespace_that_goes(AttachPoint::Xdp);
    }
}

#[test]
fn a_namespace_that_goes_frees_the_name_of_its_tc_filter() {
    let test = "a_namespace_that_goes_frees_the_name_of_its_tc_filter";
    if can_run(test) && has_linux(test, 6, 6) {
        a_namespace_that_goes(AttachPoint::TcIngress);
    }
}

/// Netfilter links keep their namespace: it is not gone, and unloading is the way out.
#[test]
fn a_netfilter_filter_keeps_its_namespace() {
    let test = "a_netfilter_filter_keeps_its_namespace";
    if !can_run(test) || !has_linux(test, 6, 4) {
        return;
    }
    let name = unique("keeps");
    let _cleanup = Cleanup(name.clone());
    let built = artifact(&[input(93)], Verdict::Drop, 0);
    let here = Net::new();
    let filter = here.run(|| Filter::load(&built, &Options::new(&name)).unwrap());
    drop(here);
    Net::new().run(|| {
        let refused = filter.replace(&built).unwrap_err();
        assert!(matches!(refused, Error::NamespaceLost { gone: false, .. }), "{refused}");
        assert!(refused.to_string().contains("bpfc unload"), "{refused}");
        filter.unload().unwrap();
        Filter::load(&built, &Options::new(&name)).unwrap();
        assert!(!passes());
    });
}

#[test]
fn the_same_filter_is_known_again() {
    let test = "the_same_filter_is_known_again";
    if !can_run(test) || !has_linux(test, 6, 4) {
        return;
    }
    let name = unique("same");
    let _cleanup = Cleanup(name.clone());
    let net = Net::new();
    let built = artifact(&[input(94)], Verdict::Drop, 0);
    let options = Options::new(&name);
    net.run(|| {
        let filter = Filter::load(&built, &options).unwrap();
        assert!(filter.is_unchanged(&built, &options).unwrap());
        assert!(
            !filter.is_unchanged(&artifact(&[input(94)], Verdict::Accept, 0), &options).unwrap()
        );
        let elsewhere = Options { priority: Some(95), ..options.clone() };
        assert!(!filter.is_unchanged(&built, &elsewhere).unwrap());
        // Not where it does not filter.
        std::fs::remove_file(&pins(&name)[0]).unwrap();
        assert!(!filter.is_unchanged(&built, &options).unwrap());
        filter.again().unwrap();
        assert!(filter.is_unchanged(&built, &options).unwrap());
    });
    Net::new().run(|| {
        assert!(!Filter::open(&name).unwrap().is_unchanged(&built, &options).unwrap());
    });
}

/// What a child process of this test shall do until it is killed.
const CHILD: &str = "BPFC_TEST_CHILD";
/// What it says when it begins.
const BEGUN: &str = "the child has begun";

fn wait_until_begun(child: &mut Child) {
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().ends_with(BEGUN)), "the child does not begin");
}

/// Not a test by itself: detaches a filter and attaches it again, or unloads and loads it, as the
/// environment says.
#[test]
fn child() {
    let Ok(task) = std::env::var(CHILD) else { return };
    let (what, name) = task.rsplit_once(' ').unwrap();
    println!("{BEGUN}");
    let points = points(what);
    let built = artifact(&points, Verdict::Drop, 0);
    let mut round = 0_u32;
    loop {
        round += 1;
        match Filter::open(name) {
            // The number in the pin's name is new, as of an interface that came back.
            Ok(filter) if !round.is_multiple_of(4) => {
                for pin in pins(name) {
                    std::fs::remove_file(pin).unwrap();
                }
                let again = filter.again().unwrap();
                assert_eq!(again.attached.len(), points.len(), "{:?}", again.missing);
            }
            Ok(filter) => filter.unload().unwrap(),
            Err(Error::NotFound(_)) => {
                Filter::load(&built, &options(what, name)).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn points(what: &str) -> Vec<AttachPoint> {
    match what {
        "xdp" => vec![AttachPoint::Xdp],
        "tc" => vec![AttachPoint::TcIngress],
        "companion of tc" => vec![AttachPoint::TcIngress, AttachPoint::Companion],
        "companion of xdp" => vec![AttachPoint::Xdp, AttachPoint::Companion],
        "cgroup-skb" => vec![AttachPoint::CgroupIngress],
        _ => vec![input(96)],
    }
}

fn options(what: &str, name: &str) -> Options {
    let mut options = Options::new(name);
    match what {
        "netfilter" => options,
        "cgroup-skb" => {
            options.cgroup = group(name);
            options
        }
        _ => options.interface("here"),
    }
}

/// The control group of a filter's test.
fn group(name: &str) -> PathBuf {
    bpfc_runtime::control_groups().expect("cgroup2 is mounted").join(name)
}

/// A control group and a process in it, which holds the socket that packets are sent to.
struct Holder {
    process: Child,
    group: PathBuf,
}

impl Holder {
    fn new(net: &Net, name: &str) -> Holder {
        let group = group(name);
        std::fs::create_dir(&group).unwrap();
        let mut command = inside(&group, "holds");
        command.env(HOLDS, HELD).stdout(Stdio::piped());
        let mut process = net.run(|| command.spawn().unwrap());
        wait_until_begun(&mut process);
        Holder { process, group }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let ended = self.process.kill().and_then(|()| self.process.wait());
        let removed = ended.and_then(|_| std::fs::remove_dir(&self.group));
        if let (Err(error), false) = (removed, std::thread::panicking()) {
            panic!("{}: {error}", self.group.display());
        }
    }
}

/// The socket that a process of this test shall hold until it is killed.
const HOLDS: &str = "BPFC_TEST_HOLDS";
const HELD: &str = "10.9.0.1:9";

/// Not a test by itself: holds a socket, in the control group that it was started in.
#[test]
fn holds() {
    let Ok(address) = std::env::var(HOLDS) else { return };
    let _held = udp(&address);
    println!("{BEGUN}");
    loop {
        std::thread::park();
    }
}

fn kill_after(name: &str, what: &str, time: Duration) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, format!("{what} {name}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until_begun(&mut child);
    std::thread::sleep(time);
    let early = child.try_wait().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(early.is_none(), "the child gave up");
}

/// Loads and attachments that are killed at any moment, under traffic: the next call finds a filter
/// that is in order or none, attaches it, and every packet is then counted once and dropped.
fn killed(what: &str) {
    let kills = std::env::var(KILLS).ok().and_then(|text| text.parse().ok()).unwrap_or(20_u64);
    let name = unique("kills");
    let _cleanup = Cleanup(name.clone());
    let (here, there) = (Net::new(), Net::new());
    here.pair(&there);
    // Without address resolution frames come to no host.
    if !matches!(what, "netfilter" | "cgroup-skb") {
        silent(&here, &there);
    }
    let held: SocketAddr = HELD.parse().unwrap();
    let _holder = (what == "cgroup-skb").then(|| Holder::new(&here, &name));
    let points = points(what);
    let built = artifact(&points, Verdict::Drop, 0);
    let load = || here.run(|| Filter::load(&built, &options(what, &name)).unwrap());
    load();
    let (mut loaded, mut attached) = (0, 0);
    for number in 0..kills {
        // What the child lets through while it has detached the filter is nobody's to count.
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                there.run(|| {
                    let from = udp("10.9.0.2:0");
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        from.send_to(b"traffic", held).unwrap();
                        std::thread::sleep(Duration::from_micros(50));
                    }
                })
            });
            let moment = Duration::from_micros(number * 7_919 % 40_000);
            here.run(|| kill_after(&name, what, moment));
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        let filter = match Filter::open(&name) {
            Ok(filter) => filter,
            Err(Error::NotFound(_)) => {
                loaded += 1;
                load()
            }
            Err(error) => panic!("{error}"),
        };
        let again = filter.again().unwrap();
        assert!(again.missing.is_empty(), "{:?}", again.missing);
        attached += again.attached.len();
        assert_eq!(problems(&filter), vec![None; points.len()]);
        // Nothing is left of what was killed.
        assert_eq!(pins(&name).len(), points.len());
        Filter::list().unwrap();
        let others: Vec<_> = std::fs::read_dir("/sys/fs/bpf/bpfc")
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
            .filter(|entry| entry.starts_with(&name) && *entry != name)
            .collect();
        assert!(others.is_empty(), "{others:?}");
        settle(&filter);
        match what {
            "cgroup-skb" => counts_to(&filter, &there, held, 5),
            _ => counts(&filter, &here, &there, 5),
        }
    }
    eprintln!(
        "{what}: {kills} kills, after {loaded} of them nothing was loaded, after {attached} not attached"
    );
}

/// Waits until no packet of the traffic is under way any more.
fn settle(filter: &Filter) {
    let start = Instant::now();
    let mut before = packets(filter);
    loop {
        std::thread::sleep(Duration::from_millis(5));
        let now = packets(filter);
        if now == before || start.elapsed() > PATIENCE {
            return;
        }
        before = now;
    }
}

#[test]
fn xdp_survives_kills_of_load_and_again() {
    if can_run("xdp_survives_kills_of_load_and_again") {
        killed("xdp");
    }
}

#[test]
fn tc_survives_kills_of_load_and_again() {
    let test = "tc_survives_kills_of_load_and_again";
    if can_run(test) && has_linux(test, 6, 6) {
        killed("tc");
    }
}

#[test]
fn companions_survive_kills_of_load_and_again() {
    let test = "companions_survive_kills_of_load_and_again";
    if can_run(test) && has_linux(test, 6, 6) {
        killed("companion of tc");
        killed("companion of xdp");
    }
}

#[test]
fn netfilter_survives_kills_of_load_and_again() {
    let test = "netfilter_survives_kills_of_load_and_again";
    if can_run(test) && has_linux(test, 6, 4) {
        killed("netfilter");
    }
}

#[test]
fn cgroup_skb_survives_kills_of_load_and_again() {
    let test = "cgroup_skb_survives_kills_of_load_and_again";
    if can_run(test) && has_cgroup2() {
        killed("cgroup-skb");
    }
}
