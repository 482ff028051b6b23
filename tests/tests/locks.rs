//! Who waits for whom where filters are changed at the same time, and that nothing is lost there.

use bpfc_driver::{compile, target};
use bpfc_ir::Input;
use bpfc_runtime::{Artifact, Error, Filter, Options, Waiting, on_waiting};
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::require;
use std::fs::File;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

const FILTERS: &str = "/sys/fs/bpf/bpfc";

const SETS: &str = "\
create addresses hash:ip family inet hashsize 1024 maxelem 65536
create networks hash:net family inet hashsize 1024 maxelem 65536
add networks 10.0.0.0/8
";

/// A ruleset that names both sets, with so many more rules.
fn artifact(rules: usize) -> Artifact {
    let mut text = "*filter\n:INPUT ACCEPT [0:0]\n".to_owned();
    for set in ["addresses", "networks"] {
        text += &format!("-A INPUT -m set --match-set {set} src -j DROP\n");
    }
    for number in 0..rules {
        text += &format!("-A INPUT -p tcp -m tcp --dport {} -j DROP\n", 1000 + number);
    }
    text += "COMMIT\n";
    let inputs = [("rules", text.as_str()), ("sets", SETS)].map(|(name, text)| Input {
        name: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
        format: None,
    });
    let netfilter = target("netfilter").expect("the target");
    let compiled = compile(&inputs, netfilter, &bpfc_driver::Options::default());
    compiled.artifact().cloned().unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
}

fn options(name: &str, priority: i32) -> Options {
    let mut options = Options::new(name);
    options.priority = Some(priority);
    options
}

fn load(name: &str, priority: i32) -> Filter {
    Filter::load(&artifact(1), &options(name, priority)).expect("loads")
}

/// Who has waited for more than a second, of all tests of this file.
static WAITED: Mutex<Vec<Waiting>> = Mutex::new(Vec::new());

fn listen() {
    on_waiting(|waiting| WAITED.lock().expect("no panic").push(waiting.clone()));
}

/// The first who waits for this.
fn waits_for(filter: Option<&str>) -> Waiting {
    loop {
        let waited = WAITED.lock().expect("no panic");
        if let Some(found) = waited.iter().find(|found| found.filter.as_deref() == filter) {
            return found.clone();
        }
        drop(waited);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A lock that the test holds, until it has done what must not wait for it. Where something waits
/// all the same, the test fails instead of hanging.
fn while_locked(lock: &File, act: impl FnOnce()) {
    let freed = AtomicBool::new(false);
    let (done, over) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let freed = &freed;
        scope.spawn(move || {
            if over.recv_timeout(Duration::from_secs(120)) == Err(mpsc::RecvTimeoutError::Timeout) {
                freed.store(true, Ordering::SeqCst);
                lock.unlock().expect("unlocks");
            }
        });
        act();
        drop(done);
    });
    assert!(!freed.load(Ordering::SeqCst), "something waited for a lock of another filter");
}

fn side_by_side() {
    listen();
    let (held, free) = (load("held", 11), load("free", 12));
    let set = free.set("networks").expect("the set");
    let lock = File::open(format!("{FILTERS}/held")).expect("its directory");
    lock.lock().expect("locks");
    while_locked(&lock, || {
        set.add(&["20.0.0.0/8"], false).expect("adds");
        free.swap_sets("addresses", "addresses").expect("swaps");
        free.zero().expect("zeroes");
        free.replace(&artifact(2)).expect("replaces");
        load("third", 13).unload().expect("unloads");
        // What only reads waits for nobody.
        let names = Filter::list().expect("lists").iter().map(|f| f.name().to_owned()).collect();
        let names: Vec<String> = names;
        assert_eq!(names, ["free", "held"]);
        Filter::open("held").expect("opens").counters().expect("counts");
        assert!(held.set("networks").expect("the set").test(&["10.1.1.1"]).expect("tests"));
    });
    std::thread::scope(|scope| {
        let (done, over) = mpsc::channel();
        let held = &held;
        scope.spawn(move || done.send(held.zero().is_ok()));
        let waiting = waits_for(Some("held"));
        let process = std::process::id();
        assert_eq!(waiting.holder.as_ref().map(|holder| holder.0), Some(process), "{waiting}");
        // Until this second nothing has come of it, and who takes all filters waits as well.
        assert!(over.try_recv().is_err());
        let all = File::open(FILTERS).expect("the directory");
        assert!(all.try_lock().is_err(), "all filters are locked shared");
        lock.unlock().expect("unlocks");
        assert_eq!(over.recv(), Ok(true));
    });
    held.unload().expect("unloads");
    free.unload().expect("unloads");
    assert_eq!(std::fs::read_dir(FILTERS).expect("the directory").count(), 0);
}

#[test]
fn a_filter_that_is_being_changed_delays_itself_alone() {
    if require::met(require::KERNEL_IPTABLES) {
        isolated(side_by_side);
    }
}

/// As a version does that knows one lock for all filters.
fn all_locked() {
    listen();
    let filter = load("old", 11);
    let all = File::open(FILTERS).expect("the directory");
    all.lock().expect("locks");
    std::thread::scope(|scope| {
        let (done, over) = mpsc::channel();
        let filter = &filter;
        scope.spawn(move || done.send(filter.zero().is_ok()));
        let waiting = waits_for(None);
        assert_eq!(waiting.holder.map(|holder| holder.0), Some(std::process::id()));
        assert!(over.try_recv().is_err());
        all.unlock().expect("unlocks");
        assert_eq!(over.recv(), Ok(true));
    });
    filter.unload().expect("unloads");
}

#[test]
fn earlier_versions_keep_this_one_out() {
    if require::met(require::KERNEL_IPTABLES) {
        isolated(all_locked);
    }
}

/// Elements of many prefix lengths, which change a set's lists, are added while the filter is
/// replaced again and again, by two at once.
fn add_meanwhile() {
    const ADDED: u32 = 300;
    let filter = load("busy", 11);
    let stop = AtomicBool::new(false);
    let network = |n: u32| format!("{}.{}.0.0/{}", 20 + n / 250, n % 250, 17 + n % 12);
    std::thread::scope(|scope| {
        for rules in [1, 400] {
            let stop = &stop;
            scope.spawn(move || {
                let (filter, artifact) = (Filter::open("busy").expect("opens"), artifact(rules));
                while !stop.load(Ordering::Relaxed) {
                    match filter.replace(&artifact) {
                        // Who has more to verify may come too late each time.
                        Ok(()) | Err(Error::Overtaken { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        let (networks, addresses) =
            (filter.set("networks").expect("the set"), filter.set("addresses").expect("the set"));
        for n in 0..ADDED {
            networks.add(&[&network(n)], false).expect("adds");
            addresses.add(&[&format!("10.0.{}.{}", n / 250, n % 250)], false).expect("adds");
            if n % 50 == 49 {
                // Now the elements are in another map.
                let all = addresses.list().expect("lists").set;
                addresses.replace(&all).expect("replaces");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let (networks, addresses) =
        (filter.set("networks").expect("the set"), filter.set("addresses").expect("the set"));
    assert_eq!(addresses.list().expect("lists").set.len(), ADDED as usize);
    assert_eq!(networks.list().expect("lists").set.len(), ADDED as usize + 1);
    for n in 0..ADDED {
        let address = format!("{}.{}.0.1", 20 + n / 250, n % 250);
        assert!(networks.test(&[&address]).expect("tests"), "{address}");
    }
    filter.unload().expect("unloads");
}

#[test]
fn elements_that_come_during_replacements_stay() {
    if require::met(require::KERNEL_IPTABLES) {
        isolated(add_meanwhile);
    }
}

/// Loads, replacements and unloads of one name from several sides: whatever comes first, each is
/// done or says that the filter is there or is not, and in the end nothing is left.
fn come_and_go() {
    std::thread::scope(|scope| {
        for side in 0..3 {
            scope.spawn(move || {
                let artifact = artifact(side);
                for _ in 0..30 {
                    match Filter::load(&artifact, &options("name", 11)) {
                        Ok(_) | Err(Error::Exists(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                    if side == 2 {
                        match Filter::unload_named("name") {
                            Ok(()) | Err(Error::NotFound(_)) => {}
                            Err(error) => panic!("{error}"),
                        }
                        continue;
                    }
                    let opened = Filter::open("name");
                    match opened.and_then(|filter| filter.replace(&artifact)) {
                        Ok(()) | Err(Error::NotFound(_) | Error::Overtaken { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    match Filter::unload_named("name") {
        Ok(()) | Err(Error::NotFound(_)) => {}
        Err(error) => panic!("{error}"),
    }
    assert_eq!(std::fs::read_dir(FILTERS).expect("the directory").count(), 0);
}

#[test]
fn one_name_has_one_filter() {
    if require::met(require::KERNEL_IPTABLES) {
        isolated(come_and_go);
    }
}
