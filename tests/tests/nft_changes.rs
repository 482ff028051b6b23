//! A dump of nf_tables is of one moment, however often the ruleset changes while it is read.

use bpfc_runtime::nft_dump;
use bpfc_tests::lab::namespace::{alone, run};
use bpfc_tests::require::{self, Need};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A ruleset all of whose parts say its number: what is of two of them is seen.
fn ruleset(number: usize) -> String {
    let mut text = format!("flush ruleset\ntable inet t{number} {{\n");
    text += &format!("set s{number}-0 {{ type inet_service; elements = {{ {number} }}; }}\n");
    for part in 0..400 {
        text += &format!("chain c{number}-{part} {{ tcp dport @s{number}-0 drop; }}\n");
    }
    text + "}\n"
}

/// The numbers that names in a dump have, in order, each once in a row.
fn numbers(dump: &[u8]) -> Vec<u8> {
    let names = dump.windows(3).filter(|name| matches!(name[0], b's' | b'c') && name[2] == b'-');
    let mut found: Vec<u8> = names.map(|name| name[1]).collect();
    found.dedup();
    found
}

/// Says so where it goes.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_dump_is_of_one_moment() {
    if !require::met(&[Need::Root, Need::Tool("ip"), Need::Tool("nft")]) {
        return;
    }
    alone(|| {
        let netns = bpfc_tests::lab::namespace::Namespace::current().unwrap();
        let load = |number: usize| run("nft", &["-f", "-"], &ruleset(number)).map(drop).unwrap();
        load(1);
        let (stop, loads) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                netns.enter().unwrap();
                while !stop.load(Ordering::Relaxed) {
                    let count = loads.fetch_add(1, Ordering::Relaxed);
                    load(1 + count % 2);
                }
            });
            // Whatever is found, the other thread ends.
            let _stop = Stop(&stop);
            let mut seen = [0; 2];
            // Until the ruleset has changed many times, and both were seen.
            while loads.load(Ordering::Relaxed) < 60 || seen.contains(&0) {
                match nft_dump::dump() {
                    Ok(dump) => {
                        let numbers = numbers(&dump);
                        assert_eq!(numbers.len(), 1, "{numbers:?}");
                        seen[usize::from(numbers[0] - b'1')] += 1;
                    }
                    Err(nft_dump::DumpError::Changing) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
    });
}
