//! A small daemon: keeps the ruleset of a file loaded, swaps it in whenever the file changes, and
//! prints each second what its rules have counted, until the filter is unloaded.
//!
//! ```text
//! cargo run -p bpfc-driver --example daemon -- web rules.v4 xdp eth0
//! ```
//!
//! Arguments are the filter's name, the ruleset, the target, and the interfaces (for xdp and tc).
//! It needs root, as `bpfc load` does. The filter stays when the daemon is killed; run it again to
//! go on. `bpfc unload web` ends both.

use bpfc_driver::{Input, compile, target};
use bpfc_runtime::{Error as RuntimeError, Filter, Options};
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs, io, thread};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, path, target, interfaces @ ..] = arguments.as_slice() else {
        eprintln!("usage: daemon NAME RULESET TARGET [INTERFACE]...");
        return ExitCode::from(2);
    };
    let options = Options { interfaces: interfaces.to_vec(), ..Options::new(name) };
    match run(path, target, &options, &mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Compiles a ruleset and has it decide: loads it, or swaps it in with the counts of rules that it
/// shares with what is there.
fn apply(path: &str, text: &[u8], kind: &str, options: &Options) -> Result<Filter, Box<dyn Error>> {
    let input = Input { name: path.into(), bytes: text.into(), format: None };
    let target = target(kind).ok_or_else(|| format!("there is no target {kind}"))?;
    let artifact = compile(&[input], target, &Default::default()).result()?;
    Ok(Filter::ensure(&artifact, options)?)
}

/// Prints what has been counted; false once the filter is gone.
fn print(filter: &Filter, out: &mut dyn Write) -> Result<bool, Box<dyn Error>> {
    let counters = match filter.counters() {
        Err(RuntimeError::NotFound(_)) => return Ok(false),
        counters => counters?,
    };
    for (rule, count) in counters.iter() {
        writeln!(out, "{:>10} {:>14}  {}  {}", count.packets, count.bytes, rule.label, rule.text)?;
    }
    Ok(true)
}

/// Has the ruleset of a file decide until the filter is unloaded. The file is to be replaced by
/// renaming another one over it, so that nobody reads half of it.
pub fn run(
    path: &str,
    target: &str,
    options: &Options,
    out: &mut dyn Write,
) -> Result<(), Box<dyn Error>> {
    let mut text = fs::read(path)?;
    let filter = apply(path, &text, target, options)?;
    while print(&filter, out)? {
        thread::sleep(Duration::from_secs(1));
        let now = fs::read(path)?;
        if now != text {
            text = now;
            // What does not compile or load is said, and what was loaded before decides on.
            if let Err(error) = apply(path, &text, target, options) {
                writeln!(out, "{error}")?;
            }
        }
    }
    Ok(())
}
