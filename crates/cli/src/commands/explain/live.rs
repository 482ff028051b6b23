//! `bpfc explain --live`: the rules that a loaded filter's traced packets meet, as they come.
//!
//! Each line has the number of its packet, as packets on several processors mix: first what the
//! packet is, then a line for each rule, as `nft monitor trace` prints them.

use super::summary;
use crate::args::ExplainArgs;
use crate::console::{Console, Failure, json_line, refused, say};
use bpfc_artifact::Hook;
use bpfc_packet::{InterfaceName, Packet};
use bpfc_runtime::{Error, Filter, LogInterface, LogRecord, RuleTable};
use serde::Serialize;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long to wait for a record before looking at the clock.
const LOOK: Duration = Duration::from_secs(1);
/// Packets whose numbers are remembered: records of older ones have all come.
const OPEN: usize = 1024;

#[derive(Serialize)]
struct JsonStep<'a> {
    trace: String,
    packet: String,
    hook: Hook,
    rule: &'a str,
    text: &'a str,
    action: &'a str,
}

pub(super) fn run(name: &str, args: &ExplainArgs, console: &Console) -> Result<(), Failure> {
    let filter = Filter::open(name).map_err(refused)?;
    let rules = filter.counters().map_err(refused)?.rules().clone();
    let mut reader = filter.log().map_err(|error| match error {
        Error::Options(_) => Failure::Refused(format!(
            "{error}: packets are traced where a rule has the target TRACE, or in a filter that was loaded \
             with --trace"
        )),
        error => refused(error),
    })?;
    let end =
        args.timeout.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds.max(0.0)));
    let mut packets = Packets { known: VecDeque::new(), left: args.count.unwrap_or(u64::MAX) };
    let mut wait = Duration::ZERO;
    loop {
        match reader.next(Some(wait)) {
            Ok(Some(record)) => {
                wait = Duration::ZERO;
                let Some(trace) = record.trace else { continue };
                let Some(is_new) = packets.meet(trace) else { return Ok(()) };
                console.print(&lines(&record, trace, is_new, &rules, args.json)?)?;
            }
            Ok(None) => {
                let left = end.map(|end| end.saturating_duration_since(Instant::now()));
                if left == Some(Duration::ZERO) || packets.left == 0 {
                    return Ok(());
                }
                wait = left.map_or(LOOK, |left| left.min(LOOK));
            }
            Err(Error::NotFound(name)) => {
                say(&format!("filter {name} was unloaded\n"));
                return Ok(());
            }
            Err(error) => return Err(refused(error)),
        }
    }
}

/// The packets that were seen last, and how many more are wanted.
struct Packets {
    known: VecDeque<u32>,
    left: u64,
}

impl Packets {
    /// Whether a packet is new; none where no further packet is wanted.
    fn meet(&mut self, trace: u32) -> Option<bool> {
        if self.known.contains(&trace) {
            return Some(false);
        }
        self.left = self.left.checked_sub(1)?;
        self.known.push_back(trace);
        if self.known.len() > OPEN {
            self.known.pop_front();
        }
        Some(true)
    }
}

/// What a record says: the packet where it is new, and the rule.
fn lines(
    record: &LogRecord,
    trace: u32,
    is_new: bool,
    rules: &RuleTable,
    json: bool,
) -> Result<String, Failure> {
    let entry = rules.entries.iter().find(|entry| entry.label == record.rule);
    let (text, action) = match entry {
        Some(entry) => (&*entry.text, entry.verdict.as_str()),
        None if record.rule.ends_with(":return") => ("the end of the chain", "RETURN"),
        None => ("", ""),
    };
    let what = described(record);
    if json {
        return json_line(&JsonStep {
            trace: format!("{trace:08x}"),
            packet: what,
            hook: record.hook,
            rule: &record.rule,
            text,
            action,
        });
    }
    let mut out = String::new();
    if is_new {
        let hook = format!("{:?}", record.hook).to_lowercase();
        out += &format!("trace {trace:08x} {what} at the {hook} hook\n");
    }
    out += &format!("trace {trace:08x} {}: {text}\n", record.rule);
    Ok(out)
}

/// A recorded packet in a line.
fn described(record: &LogRecord) -> String {
    let Ok(mut packet) = Packet::from_ip(record.packet.clone()) else {
        return format!("{} bytes", record.length);
    };
    let name = |interface: &Option<LogInterface>| {
        let name = interface.as_ref().map_or("", |interface| interface.name.as_str());
        InterfaceName::new(name).unwrap_or(InterfaceName::NONE)
    };
    packet.in_interface = name(&record.input);
    packet.out_interface = name(&record.output);
    // What was not recorded of a long packet is of no interest here.
    packet.bytes.resize(packet.bytes.len().max(record.length as usize), 0);
    summary(&packet)
}
