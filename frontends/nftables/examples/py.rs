//! Reports how many rulesets of nft's tests/py are read as nft reads them, by file.
//!
//!     cargo run -p bpfc-nftables --example py -- DIR [PART OF A PATH] [--all]

#[path = "../tests/support/suite.rs"]
mod suite;
#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use suite::Outcome;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let show_all = words.iter().any(|word| word == "--all");
    let paths: Vec<&String> = words.iter().filter(|word| !word.starts_with("--")).collect();
    let Some(root) = paths.first() else {
        eprintln!("usage: py DIR [PART OF A PATH] [--all]");
        std::process::exit(2);
    };
    let units = suite::judge(Path::new(root), paths.get(1).map_or("", |only| only));
    let mut files: BTreeMap<&str, [usize; 7]> = BTreeMap::new();
    let mut all = [0; 7];
    for unit in &units {
        let column = match (&unit.outcome, unit.is_ok) {
            (Outcome::Same, true) => 0,
            (Outcome::Other(..), _) => 1,
            (Outcome::Refused(_), _) => 2,
            (Outcome::Outside, _) => 3,
            (Outcome::Unknown, _) => 4,
            (Outcome::Same, false) => 5,
            (Outcome::Accepted, _) => 6,
        };
        files.entry(&unit.file).or_default()[column] += 1;
        all[column] += 1;
        match &unit.outcome {
            Outcome::Other(wanted, found) if show_all => {
                println!("OTHER {unit}\n  wanted {wanted:#?}\n  found {found:#?}");
            }
            Outcome::Refused(why) if show_all => println!("REFUSED {unit}\n  {why}"),
            Outcome::Accepted if show_all => println!("ACCEPTED {unit}"),
            Outcome::Unknown if show_all => println!("UNKNOWN {unit}"),
            _ => {}
        }
        for (is_listed, other) in &unit.json {
            if let Some(other) = other {
                let form = if *is_listed { "LISTED" } else { "JSON" };
                println!("{form} {unit}\n{other}");
            }
        }
    }
    let forms = || units.iter().flat_map(|unit| &unit.json);
    for listed in [false, true] {
        let of = || forms().filter(|(is_listed, _)| *is_listed == listed);
        let (all, other) = (of().count(), of().filter(|(_, other)| other.is_some()).count());
        let what = if listed { "as nft lists them" } else { "as they are given" };
        println!("JSON, {what}: {all} rules, {other} differ from their text");
    }
    println!("file: same, other, refused, outside, unknown | fail lines refused, accepted");
    for (file, counts) in &files {
        println!("{file:24} {counts:?}");
    }
    let inside = all[0] + all[1] + all[2] + all[4];
    let percent = |part: usize, of: usize| 100.0 * part as f64 / of.max(1) as f64;
    println!("all                      {all:?}");
    println!("filtering: {} of {inside} the same ({:.1}%)", all[0], percent(all[0], inside));
    let fail = all[5] + all[6];
    println!("fail lines: {} of {fail} refused ({:.1}%)", all[5], percent(all[5], fail));
}
