//! Damaged inputs: both readers answer every one with a ruleset or with errors, and what reads
//! without an error lowers to IR that the verifier takes.
//!
//! The same seed gives the same inputs. The fuzz targets beside this crate look further.

#[path = "../fuzz/src/rules.rs"]
mod rules;
mod support;

use bpfc_ir::Family;
use rules::{lower_and_verify, read_and_print, read_blob};
use support::{Rng, data, family};

const BLOBS: [&str; 10] = [
    "chains4.live",
    "chains4.entries",
    "chains4.replace",
    "chains6.live",
    "chains6.entries",
    "chains6.replace",
    "matches4.live",
    "matches6.live",
    "osf4.live",
    "refused4.live",
];
const TEXTS: [&str; 8] = [
    "chains4.rules",
    "chains4.save",
    "chains6.rules",
    "matches4.rules",
    "matches6.rules",
    "osf4.rules",
    "tables4.rules",
    "tables4.save",
];

#[test]
fn fixtures_hold() {
    for name in BLOBS {
        rules::blob(&data(name));
    }
    for name in TEXTS {
        rules::text(&data(name));
    }
}

#[test]
fn every_truncated_blob_is_an_error() {
    for name in BLOBS {
        let bytes = data(name);
        let family = family(name);
        for length in (0..bytes.len()).step_by(3).chain(bytes.len() - 40..bytes.len()) {
            assert!(read_blob(&bytes[..length], family).is_none(), "{name} cut to {length}");
        }
    }
}

#[test]
fn a_blob_is_none_of_the_other_family() {
    for name in BLOBS {
        let other = if family(name) == Family::Ipv4 { Family::Ipv6 } else { Family::Ipv4 };
        assert!(read_blob(&data(name), other).is_none(), "{name}");
    }
}

#[test]
fn blobs_with_changed_bytes_are_read_or_refused() {
    let mut rng = Rng::new(2);
    for name in BLOBS {
        let bytes = data(name);
        let family = family(name);
        let mut accepted = 0;
        for round in 0..3000 {
            let mut changed = bytes.clone();
            for _ in 0..rng.below(3) + 1 {
                let place = rng.below(changed.len() as u64) as usize;
                match rng.below(4) {
                    0 => changed[place] ^= 1 << rng.below(8),
                    1 => changed[place] = rng.next() as u8,
                    2 => changed[place] = *rng.pick(&[0, 1, 0x28, 0x70, 0x7f, 0x80, 0xff]),
                    _ => {
                        let from = rng.below(changed.len() as u64) as usize;
                        let length = rng.below(48) as usize;
                        let end = changed.len().min(place.max(from) + length);
                        let length = end - place.max(from);
                        changed.copy_within(from..from + length, place);
                    }
                }
            }
            if let Some(ruleset) = read_blob(&changed, family) {
                accepted += 1;
                if round % 10 == 0 {
                    lower_and_verify(&ruleset);
                }
            }
        }
        println!("{name}: {accepted} accepted");
    }
}

/// What a line may be changed with.
const WORDS: [&str; 22] = [
    "-A",
    "INPUT",
    "-j",
    "-g",
    "web",
    "!",
    "-m",
    "-p",
    "tcp",
    "sctp",
    "--sport",
    ":",
    ",",
    "\"",
    "\\",
    "0x",
    "-1",
    "*filter",
    "COMMIT",
    "[1:2]",
    "--chunk-types",
    "65536",
];

fn change_text(text: &str, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..rng.below(4) + 1 {
        let place = rng.below(bytes.len() as u64 + 1) as usize;
        match rng.below(5) {
            0 => bytes.truncate(place.max(1)),
            1 => {
                let word = format!(" {} ", rng.pick(&WORDS));
                bytes.splice(place..place, word.bytes());
            }
            2 => {
                let end = bytes.len().min(place + rng.below(20) as usize);
                bytes.drain(place..end);
            }
            3 => {
                let from = rng.below(bytes.len() as u64) as usize;
                let end = bytes.len().min(from + rng.below(60) as usize);
                let copy = bytes[from..end].to_vec();
                bytes.splice(place..place, copy);
            }
            _ => {
                let byte = *rng.pick(&[b' ', b'\n', b'-', b'"', b':', b'0', 0, 0xff, b'!', b'/']);
                bytes.splice(place..place, [byte]);
            }
        }
    }
    bytes
}

#[test]
fn changed_text_is_read_or_refused_and_prints_as_it_reads() {
    let mut rng = Rng::new(3);
    for name in TEXTS {
        let text = String::from_utf8(data(name)).expect("text");
        let family = family(name);
        let mut accepted = 0;
        for round in 0..2500 {
            if let Some(ruleset) = read_and_print(&change_text(&text, &mut rng), family) {
                accepted += 1;
                if round % 10 == 0 {
                    lower_and_verify(&ruleset);
                }
            }
        }
        println!("{name}: {accepted} accepted");
    }
}
