//! Loading or replacing in one call, whatever is there and whoever else does the same.

mod common;

use bpfc_runtime::{Error, Filter, Options};
use common::{Cleanup, Net, Verdict, artifact, can_run, has_linux, input, output, passes, unique};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

fn packets(filter: &Filter, rule: u32) -> u64 {
    filter.counters().unwrap().find(&format!("filter/TEST:{rule}")).unwrap().packets
}

/// The first call loads, the second replaces; the rule that is in both keeps its count.
#[test]
fn ensuring_twice_replaces_and_keeps_counts() {
    let test = "ensuring_twice_replaces_and_keeps_counts";
    if !can_run(test) || !has_linux(test, 6, 4) {
        return;
    }
    let name = unique("twice");
    let _cleanup = Cleanup(name.clone());
    Net::new().run(|| {
        let options = Options::new(&name);
        let points = [input(71), output(72)];
        let first = artifact(&points, Verdict::Accept, 0);
        let (filter, replaced) = Filter::ensure_telling(&first, &options).unwrap();
        assert_eq!(replaced, None);
        assert_eq!(filter.name(), name);
        assert!(passes());
        assert_eq!((packets(&filter, 1), packets(&filter, 2)), (1, 1));

        let second = artifact(&points, Verdict::Drop, 5);
        let (again, replaced) = Filter::ensure_telling(&second, &options).unwrap();
        assert_eq!(replaced, Some(Vec::new()));
        assert!(!passes());
        // Output drops it.
        assert_eq!((packets(&again, 1), packets(&again, 2)), (1, 2));
        // Who had it before has the same one.
        assert_eq!(packets(&filter, 2), 2);
    });
}

/// What a replacement refuses is refused here, and what is there goes on.
#[test]
fn ensuring_over_a_filter_refuses_what_a_replacement_refuses() {
    let test = "ensuring_over_a_filter_refuses_what_a_replacement_refuses";
    if !can_run(test) || !has_linux(test, 6, 4) {
        return;
    }
    let name = unique("over");
    let _cleanup = Cleanup(name.clone());
    Net::new().run(|| {
        let options = Options::new(&name);
        let filter = Filter::load(&artifact(&[input(73)], Verdict::Accept, 0), &options).unwrap();
        assert!(passes());
        let moved = artifact(&[input(74)], Verdict::Drop, 0);
        let error = Filter::ensure(&moved, &options).unwrap_err();
        assert!(error.to_string().contains("priority 73 and cannot move to 74"), "{error}");
        assert!(passes());
        assert_eq!(packets(&filter, 1), 2);
        filter.unload().unwrap();
        Filter::ensure(&moved, &options).unwrap();
        assert!(!passes());
    });
}

/// However two callers meet, both have the filter, and one is left that decides and counts.
#[test]
fn two_at_once_both_succeed() {
    let test = "two_at_once_both_succeed";
    if !can_run(test) || !has_linux(test, 6, 4) {
        return;
    }
    let name = unique("both");
    let _cleanup = Cleanup(name.clone());
    let net = Net::new();
    for round in 0..5 {
        let start = Barrier::new(2);
        let ensure = |shift| {
            net.run(|| {
                start.wait();
                let built = artifact(&[input(75)], Verdict::Drop, shift);
                Filter::ensure_telling(&built, &Options::new(&name)).unwrap().1.is_some()
            })
        };
        let replaced = std::thread::scope(|scope| {
            let other = scope.spawn(|| ensure(1));
            [ensure(0), other.join().unwrap()]
        });
        assert_ne!(replaced[0], replaced[1], "round {round}: one loads, the other replaces");
        net.run(|| {
            let filter = Filter::open(&name).unwrap();
            assert_eq!(filter.status().unwrap().attachments.len(), 1);
            assert!(!passes());
            assert_eq!(packets(&filter, 1), 1);
            filter.unload().unwrap();
        });
    }
}

/// While somebody unloads the filter over and over, each call has it loaded or says that it was
/// not to be found, and never that it is there already.
#[test]
fn an_unload_meanwhile_is_no_error_of_its_own() {
    let test = "an_unload_meanwhile_is_no_error_of_its_own";
    if !can_run(test) || !has_linux(test, 6, 4) {
        return;
    }
    let name = unique("gone");
    let _cleanup = Cleanup(name.clone());
    let net = Net::new();
    let (built, options) = (artifact(&[input(76)], Verdict::Drop, 0), Options::new(&name));
    let stop = AtomicBool::new(false);
    let unload = || {
        while !stop.load(Ordering::Relaxed) {
            match Filter::unload_named(&name) {
                Ok(()) | Err(Error::NotFound(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    };
    let tries: Vec<_> = std::thread::scope(|scope| {
        let unloads = scope.spawn(|| net.run(unload));
        let ensure = || (0..20).map(|_| Filter::ensure(&built, &options)).collect();
        let tries = net.run(ensure);
        stop.store(true, Ordering::Relaxed);
        unloads.join().unwrap();
        tries
    });
    for tried in tries {
        assert!(matches!(tried, Ok(_) | Err(Error::NotFound(_))), "{tried:?}");
    }
    net.run(|| {
        Filter::ensure(&built, &options).unwrap();
        assert!(!passes());
    });
}
