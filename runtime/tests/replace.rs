//! Replacement under traffic, by processes that live and by processes that are killed.

mod common;

use bpfc_artifact::{AttachPoint, Family, Hook};
use bpfc_runtime::{Error, Filter, Options};
use common::{
    Cleanup, Net, PATIENCE, Verdict, artifact, can_run, has_linux, input, lost, output, udp, unique,
};
use std::io::{BufRead as _, BufReader};
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Sends datagrams over lo until told to stop; a filter that drops shall let none through.
fn send_until(stop: &AtomicBool, to: &UdpSocket) -> u64 {
    let from = udp("127.0.0.1:0");
    let address = to.local_addr().unwrap();
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        from.send_to(b"packet", address).unwrap();
        sent += 1;
    }
    sent
}

/// What the filter has counted and `lost` says was dropped before it, once that is so much: the
/// kernel may still have the last packet in a queue.
fn settled(filter: &Filter, lost: impl Fn() -> u64, expected: u64) -> u64 {
    let start = Instant::now();
    loop {
        let counted = filter.counters().unwrap().find("filter/TEST:1").unwrap().packets + lost();
        if counted >= expected || start.elapsed() > PATIENCE {
            return counted;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Every packet is dropped and counted once, however often the filter is replaced meanwhile,
/// and readers see the count never go back.
#[test]
fn no_packet_passes_or_is_lost_during_replacements() {
    if !can_run("no_packet_passes_or_is_lost_during_replacements")
        || !has_linux("no_packet_passes_or_is_lost_during_replacements", 6, 4)
    {
        return;
    }
    let name = unique("traffic");
    let _cleanup = Cleanup(name.clone());
    let net = Net::new();
    net.run(|| {
        let filter =
            Filter::load(&artifact(&[input(51)], Verdict::Drop, 0), &Options::new(&name)).unwrap();
        let to = udp("127.0.0.1:0");
        to.set_nonblocking(true).unwrap();
        let stop = AtomicBool::new(false);
        let zeroed = AtomicU64::new(0);
        let sent = std::thread::scope(|scope| {
            let sender = scope.spawn(|| send_until(&stop, &to));
            let reader = scope.spawn(|| {
                let other = Filter::open(&name).unwrap();
                let mut last = 0;
                while !stop.load(Ordering::Relaxed) {
                    let zeros = zeroed.load(Ordering::SeqCst);
                    let now = other.counters().unwrap().find("filter/TEST:1").unwrap().packets;
                    let same = zeros == zeroed.load(Ordering::SeqCst);
                    assert!(!same || zeros % 2 == 1 || now >= last, "{now} after {last}");
                    last = if same { now } else { 0 };
                }
            });
            let start = Instant::now();
            let mut taken = 0;
            let mut round = 0;
            while start.elapsed() < Duration::from_secs(5) {
                round += 1;
                filter.replace(&artifact(&[input(51)], Verdict::Drop, round % 7)).unwrap();
                if round % 5 == 0 {
                    // Odd while zeroing.
                    zeroed.fetch_add(1, Ordering::SeqCst);
                    taken += filter.zero().unwrap().find("filter/TEST:1").unwrap().packets;
                    zeroed.fetch_add(1, Ordering::SeqCst);
                }
            }
            stop.store(true, Ordering::Relaxed);
            reader.join().unwrap();
            let sent = sender.join().unwrap();
            assert!(round > 20, "{round} replacements");
            assert_eq!(settled(&filter, lost, sent - taken) + taken, sent);
            sent
        });
        assert!(sent > 1000);
        assert!(to.recv(&mut [0; 64]).is_err(), "a packet passed");
    });
}

/// Another priority at the same hook is refused, and what was there goes on; another hook is not.
#[test]
fn a_hook_keeps_its_priority() {
    if !can_run("a_hook_keeps_its_priority") || !has_linux("a_hook_keeps_its_priority", 6, 4) {
        return;
    }
    let name = unique("priority");
    let _cleanup = Cleanup(name.clone());
    Net::new().run(|| {
        let filter =
            Filter::load(&artifact(&[input(51)], Verdict::Drop, 0), &Options::new(&name)).unwrap();
        let before = filter.status().unwrap();
        let error = filter.replace(&artifact(&[input(52)], Verdict::Drop, 0)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the filter's program at netfilter ip input is at priority 51 and cannot move to 52 \
             without a packet passing unfiltered: keep the priority, or load the ruleset as a \
             filter of another name and then unload this one"
        );
        assert_eq!(filter.status().unwrap(), before);
        assert!(!common::passes());
        filter.replace(&artifact(&[output(52)], Verdict::Drop, 0)).unwrap();
        filter.replace(&artifact(&[input(52)], Verdict::Drop, 0)).unwrap();
        assert!(!common::passes());
    });
}

/// What decides, and what notes for it.
const WITH_COMPANION: [AttachPoint; 2] = [AttachPoint::Xdp, AttachPoint::Companion];

/// What a child process of this test shall do until it is killed.
const CHILD: &str = "BPFC_TEST_CHILD";
/// What it says when it begins.
const BEGUN: &str = "the child has begun";

/// Not a test by itself: replaces a filter again and again, or loads and unloads it, as the
/// environment says.
#[test]
fn child() {
    let Ok(task) = std::env::var(CHILD) else { return };
    let (what, name) = task.rsplit_once(' ').unwrap();
    println!("{BEGUN}");
    let mut round = 0;
    loop {
        round += 1;
        let shift = round as usize % 7;
        match what {
            // One hook, and another that sees nothing of the traffic.
            "netfilter" => {
                let (family, hook) = (Family::Ipv4, Hook::Forward);
                let points = [input(61), AttachPoint::Netfilter { family, hook, priority: 62 }];
                let points = &points[..1 + round as usize % 2];
                let built = artifact(points, Verdict::Drop, shift);
                Filter::open(name).unwrap().replace(&built).unwrap();
            }
            "xdp" => {
                let built = artifact(&[AttachPoint::Xdp], Verdict::Drop, shift);
                Filter::open(name).unwrap().replace(&built).unwrap();
            }
            // One direction, and both.
            "tc" => {
                let points = [AttachPoint::TcIngress, AttachPoint::TcEgress];
                let points = &points[..1 + round as usize % 2];
                let built = artifact(points, Verdict::Drop, shift);
                Filter::open(name).unwrap().replace(&built).unwrap();
            }
            "companion" => {
                let built = artifact(&WITH_COMPANION, Verdict::Drop, shift);
                let options = Options::new(name).interface("here");
                Filter::load(&built, &options).unwrap().unload().unwrap();
            }
            _ => {
                let built = artifact(&[input(61), output(62)], Verdict::Drop, shift);
                let filter = Filter::load(&built, &Options::new(name)).unwrap();
                filter.unload().unwrap();
            }
        }
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
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().ends_with(BEGUN)), "the child does not begin");
    std::thread::sleep(time);
    let early = child.try_wait().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(early.is_none(), "the child gave up");
}

/// Moments that spread over the steps of the first replacements.
fn moments(number: u64) -> impl Iterator<Item = Duration> {
    (0..number).map(|n| Duration::from_micros(n * 7_919 % 60_000))
}

#[test]
fn a_replacement_that_is_killed_leaves_a_working_filter() {
    if !can_run("a_replacement_that_is_killed_leaves_a_working_filter")
        || !has_linux("a_replacement_that_is_killed_leaves_a_working_filter", 6, 4)
    {
        return;
    }
    let name = unique("killed");
    let _cleanup = Cleanup(name.clone());
    let net = Net::new();
    net.run(|| {
        Filter::load(&artifact(&[input(61)], Verdict::Drop, 0), &Options::new(&name)).unwrap();
        let to = udp("127.0.0.1:0");
        to.set_nonblocking(true).unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let sender = scope.spawn(|| send_until(&stop, &to));
            for time in moments(40) {
                kill_after(&name, "netfilter", time);
                // Found as it was left, then in order.
                let filter = Filter::open(&name).unwrap();
                let status = filter.status().unwrap();
                assert!(status.attachments.iter().all(|found| found.attached));
                assert_eq!(status.programs.len(), status.attachments.len());
                filter.counters().unwrap();
            }
            stop.store(true, Ordering::Relaxed);
            let sent = sender.join().unwrap();
            let filter = Filter::open(&name).unwrap();
            assert_eq!(settled(&filter, lost, sent), sent, "counted and sent");
            assert!(sent > 1000);
        });
        assert!(to.recv(&mut [0; 64]).is_err(), "a packet passed");
    });
}

/// The same on an interface, whose links are updated one by one.
fn killed_on_an_interface(what: &str, point: AttachPoint) {
    let name = unique(what);
    let _cleanup = Cleanup(name.clone());
    let (here, there) = (Net::new(), Net::new());
    here.pair(&there);
    // Nothing but the test's own packets: no neighbour discovery.
    there.ip("link set there arp off");
    here.ip("link set here arp off");
    there.ip("-6 addr flush dev there");
    here.ip("-6 addr flush dev here");
    let to = here.run(|| udp("10.9.0.1:0"));
    to.set_nonblocking(true).unwrap();
    let stop = AtomicBool::new(false);
    here.run(|| {
        let options = Options::new(&name).interface("here");
        Filter::load(&artifact(&[point], Verdict::Drop, 0), &options).unwrap();
    });
    let opened = || here.run(|| Filter::open(&name).unwrap());
    // Queues of both ends may be full.
    let lost = || here.run(lost) + there.run(lost);
    let before = settled(&opened(), lost, 0);
    let sent = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            there.run(|| {
                let (from, address) = (udp("10.9.0.2:0"), to.local_addr().unwrap());
                let mut sent = 0;
                while !stop.load(Ordering::Relaxed) {
                    from.send_to(b"packet", address).unwrap();
                    sent += 1;
                    std::thread::sleep(Duration::from_micros(50));
                }
                sent
            })
        });
        for time in moments(30) {
            here.run(|| kill_after(&name, what, time));
            let status = opened().status().unwrap();
            assert!(status.attachments.iter().all(|found| found.attached));
        }
        stop.store(true, Ordering::Relaxed);
        sender.join().unwrap()
    });
    // A stray packet of the pair's coming up may be counted, too.
    let counted = settled(&opened(), lost, before + sent) - before;
    assert!(to.recv(&mut [0; 64]).is_err(), "a packet passed");
    assert!(sent <= counted && counted <= sent + 8, "{counted} of {sent}");
}

#[test]
fn xdp_survives_kills() {
    if can_run("xdp_survives_kills") {
        killed_on_an_interface("xdp", AttachPoint::Xdp);
    }
}

#[test]
fn tc_survives_kills() {
    if can_run("tc_survives_kills") && has_linux("tc_survives_kills", 6, 6) {
        killed_on_an_interface("tc", AttachPoint::TcIngress);
    }
}

#[test]
fn a_load_that_is_killed_leaves_all_or_nothing() {
    if !can_run("a_load_that_is_killed_leaves_all_or_nothing")
        || !has_linux("a_load_that_is_killed_leaves_all_or_nothing", 6, 4)
    {
        return;
    }
    let name = unique("begun");
    let _cleanup = Cleanup(name.clone());
    let net = Net::new();
    net.run(|| {
        for time in moments(30) {
            kill_after(&name, "load", time);
            match Filter::open(&name) {
                Ok(filter) => {
                    let status = filter.status().unwrap();
                    assert!(status.attachments.iter().all(|found| found.attached));
                    assert!(!common::passes());
                    filter.unload().unwrap();
                }
                // What died leaves its work to the next call that has the lock.
                Err(Error::NotFound(_)) => {
                    assert!(matches!(Filter::unload_named(&name), Err(Error::NotFound(_))));
                }
                Err(error) => panic!("{error}"),
            }
            assert!(common::passes());
        }
    });
}

/// Where a filter has a companion, too: both are there, or neither, and the next load finds the
/// places free.
#[test]
fn a_load_that_is_killed_leaves_no_companion_alone() {
    let test = "a_load_that_is_killed_leaves_no_companion_alone";
    if !can_run(test) || !has_linux(test, 6, 6) {
        return;
    }
    let name = unique("noted");
    let _cleanup = Cleanup(name.clone());
    let (here, there) = (Net::new(), Net::new());
    here.pair(&there);
    let options = Options::new(&name).interface("here");
    let built = artifact(&WITH_COMPANION, Verdict::Drop, 0);
    let check = |filter: &Filter| {
        let status = filter.status().unwrap();
        assert_eq!((status.attachments.len(), status.companions.len()), (1, 1));
        let mut places = status.attachments.iter().chain(&status.companions);
        assert!(places.all(|found| found.attached), "{status:?}");
    };
    here.run(|| {
        for time in moments(30) {
            kill_after(&name, "companion", time);
            match Filter::open(&name) {
                Ok(filter) => {
                    check(&filter);
                    filter.unload().unwrap();
                }
                Err(Error::NotFound(_)) => {
                    assert!(matches!(Filter::unload_named(&name), Err(Error::NotFound(_))));
                }
                Err(error) => panic!("{error}"),
            }
            // The companion of this test drops what leaves.
            is_free(&here, &there);
            let filter = Filter::load(&built, &options).unwrap();
            check(&filter);
            filter.unload().unwrap();
        }
    });
}

/// Waits until datagrams pass both ways: links that are no longer pinned go a moment later.
fn is_free(here: &Net, there: &Net) {
    for (net, other, address) in [(here, there, "10.9.0.2:0"), (there, here, "10.9.0.1:0")] {
        let to = other.run(|| udp(address));
        let from = net.run(|| udp("0.0.0.0:0"));
        let start = Instant::now();
        loop {
            from.send_to(b"packet", to.local_addr().unwrap()).unwrap();
            if to.recv(&mut [0; 64]).is_ok() {
                break;
            }
            assert!(start.elapsed() < PATIENCE, "something still drops what goes to {address}");
        }
    }
}
