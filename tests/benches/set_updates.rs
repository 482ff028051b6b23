//! How many elements a second come and go in a loaded filter's sets. It reports and judges nothing.
//!
//! `cargo bench -p bpfc-tests --bench set_updates`, as root. One at a time is what a daemon does
//! that bans an address as it sees it: each change takes and gives back the filter's lock. All
//! together is what `bpfc set` does with many elements.

use bpfc_driver::Options as CompilerOptions;
use bpfc_ir::Input;
use bpfc_runtime::{Filter, FilterSet, Options};
use bpfc_tests::lab::namespace::isolated;
use std::error::Error;
use std::time::Instant;

/// Elements that come and go.
const ELEMENTS: u32 = 100_000;

/// Sets by what their elements are.
const SETS: &str = "\
create addresses hash:ip family inet hashsize 1024 maxelem 1000000
create banned hash:ip family inet hashsize 1024 maxelem 1000000 timeout 600 counters
create networks hash:net family inet hashsize 1024 maxelem 1000000
create services hash:ip,port family inet hashsize 1024 maxelem 1000000
";

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    // Asked for lists of benchmarks, as by tools that run all: there is one.
    if std::env::args().any(|argument| argument == "--list") {
        println!("set_updates: benchmark");
        return Ok(());
    }
    isolated(run)
}

fn run() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut rules = "*filter\n:INPUT ACCEPT [0:0]\n".to_owned();
    for (name, words) in
        [("addresses", "src"), ("banned", "src"), ("networks", "src"), ("services", "src,dst")]
    {
        rules += &format!("-A INPUT -m set --match-set {name} {words} -j DROP\n");
    }
    rules += "COMMIT\n";
    let inputs = [("rules", rules.as_str()), ("sets", SETS)].map(|(name, text)| Input {
        name: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
        format: None,
    });
    let target = bpfc_driver::target("netfilter").ok_or("no target")?;
    let result = bpfc_driver::compile(&inputs, target, &CompilerOptions::default());
    let artifact = result.into_artifact().ok_or("the rules do not compile")?;
    let filter = Filter::load(&artifact, &Options::new("updates"))?;
    println!("{:<12} {:>14} {:>14} {:>14} {:>14}", "", "add", "delete", "add", "delete");
    println!("{:<12} {:>29} {:>29}", "updates/s", "one at a time", "all together");
    for (name, suffix) in
        [("addresses", ""), ("banned", ""), ("networks", "/32"), ("services", ",tcp:80")]
    {
        let set = filter.set(name)?;
        let texts: Vec<String> = (0..ELEMENTS).map(|n| element(n, suffix)).collect();
        let words: Vec<[&str; 1]> = texts.iter().map(|text| [text.as_str()]).collect();
        let all: Vec<&[&str]> = words.iter().map(<[&str; 1]>::as_slice).collect();
        let rates = [
            rate(|| all.iter().try_for_each(|words| set.add(words, false)))?,
            rate(|| all.iter().try_for_each(|words| set.delete(words, false)))?,
            rate(|| Ok(set.add_all(&all, false)?))?,
            rate(|| Ok(set.delete_all(&all, false)?))?,
        ];
        println!(
            "{name:<12} {:>14.0} {:>14.0} {:>14.0} {:>14.0}",
            rates[0], rates[1], rates[2], rates[3]
        );
        is_empty(&set)?;
    }
    filter.unload()?;
    Ok(())
}

fn element(number: u32, suffix: &str) -> String {
    let [_, a, b, c] = number.to_be_bytes();
    format!("10.{a}.{b}.{c}{suffix}")
}

fn rate(act: impl FnOnce() -> Result<(), bpfc_runtime::Error>) -> Result<f64, bpfc_runtime::Error> {
    let start = Instant::now();
    act()?;
    Ok(f64::from(ELEMENTS) / start.elapsed().as_secs_f64())
}

/// What was added is deleted again, or nothing was measured.
fn is_empty(set: &FilterSet) -> Result<(), Box<dyn Error + Send + Sync>> {
    match set.list()?.set.iter().next() {
        None => Ok(()),
        Some(_) => Err(format!("set {} is not empty", set.name()).into()),
    }
}
