//! A small daemon: loads a filter, or takes over the one that is there, and prints what its rules
//! count each second. The filter stays when the daemon exits; run it again to replace it.
//!
//! ```text
//! bpfc compile rules.v4 --target xdp --emit json -o rules.json
//! cargo run -p bpfc-runtime --example daemon -- web rules.json eth0
//! ```
//!
//! Arguments are the filter's name, the artifact as JSON, and the interfaces (for xdp and tc).
//! It needs root, as `bpfc load` does. `bpfc unload web` ends the filter.

use bpfc_runtime::{Artifact, Error, Filter, Options};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs, thread};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, path, interfaces @ ..] = arguments.as_slice() else {
        eprintln!("usage: daemon NAME ARTIFACT.json [INTERFACE]...");
        return ExitCode::from(2);
    };
    let artifact: Artifact = match fs::read(path)
        .map_err(|error| error.to_string())
        .and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string()))
    {
        Ok(artifact) => artifact,
        Err(error) => {
            eprintln!("{path}: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut options = Options::new(name);
    options.interfaces = interfaces.to_vec();
    match run(&artifact, &options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Puts the filter in place and prints its counters until it is unloaded.
fn run(artifact: &Artifact, options: &Options) -> Result<(), Error> {
    let filter = match Filter::open(&options.name) {
        // After a restart the filter is still there and has been filtering all the time. The
        // artifact may be another one: it takes over in one step, with the counts of rules that
        // are in both.
        Ok(filter) => {
            filter.replace_with(artifact, options)?;
            filter
        }
        Err(Error::NotFound(_)) => Filter::load(artifact, options)?,
        Err(error) => return Err(error),
    };
    for place in filter.status()?.attachments {
        println!("{} at {}", place.attachment.program, place.attachment.place);
    }
    loop {
        thread::sleep(Duration::from_secs(1));
        let counters = match filter.counters() {
            Err(Error::NotFound(_)) => return Ok(()),
            other => other?,
        };
        for (rule, count) in counters.iter().filter(|(_, count)| count.packets > 0) {
            println!("{:>10} {:>14}  {}  {}", count.packets, count.bytes, rule.label, rule.text);
        }
    }
}
