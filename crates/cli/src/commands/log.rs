//! `bpfc log`: what a filter's rules log, as the kernel's own log shows it, as JSON or as a
//! capture.

mod pcapng;

use crate::args::LogArgs;
use crate::console::{Console, Failure, json_line, refused, say};
use bpfc_artifact::Hook;
use bpfc_runtime::{Error, Filter, LogKind, LogReader, LogRecord};
use pcapng::Capture;
use serde::Serialize;
use std::io::Write;
use std::time::{Duration, Instant, UNIX_EPOCH};

/// How long to wait for a record before looking for lost ones.
const LOOK: Duration = Duration::from_secs(1);

/// One record, as `--json` prints it.
#[derive(Serialize)]
struct JsonRecord<'a> {
    /// Seconds since 1970.
    time: f64,
    rule: &'a str,
    hook: Hook,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
    prefix: &'a str,
    r#in: Option<&'a str>,
    out: Option<&'a str>,
    mark: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gid: Option<u32>,
    /// Of the IP packet.
    length: u32,
    line: String,
    /// Hexadecimal.
    link: String,
    packet: String,
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn json(record: &LogRecord) -> Result<String, Failure> {
    let (level, group) = match record.kind {
        LogKind::Syslog { level } => (Some(level), None),
        LogKind::Group { group, .. } => (None, Some(group)),
        LogKind::Trace => (None, None),
    };
    let time = record.time.duration_since(UNIX_EPOCH).unwrap_or_default();
    json_line(&JsonRecord {
        time: time.as_secs_f64(),
        rule: &record.rule,
        hook: record.hook,
        level,
        group,
        trace: record.trace.map(|trace| format!("{trace:08x}")),
        prefix: &record.prefix,
        r#in: record.input.as_ref().map(|interface| interface.name.as_str()),
        out: record.output.as_ref().map(|interface| interface.name.as_str()),
        mark: record.mark,
        uid: record.owner.map(|(user, _)| user),
        gid: record.owner.map(|(_, group)| group),
        length: record.length,
        line: record.line(),
        link: hexadecimal(&record.link.bytes),
        packet: hexadecimal(&record.packet),
    })
}

/// Where records go.
enum Sink {
    Lines,
    Json,
    Capture(Box<Capture>),
}

impl Sink {
    fn write(&mut self, record: &LogRecord, console: &Console) -> Result<(), Failure> {
        match self {
            Sink::Lines => console.print(&(record.line() + "\n")),
            Sink::Json => console.print(&json(record)?),
            Sink::Capture(capture) => capture.write(record),
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        match self {
            Sink::Lines | Sink::Json => Ok(()),
            Sink::Capture(capture) => capture.flush(),
        }
    }
}

fn sink(args: &LogArgs) -> Result<Sink, Failure> {
    let Some(path) = &args.write else {
        return Ok(if args.json { Sink::Json } else { Sink::Lines });
    };
    let out: Box<dyn Write> = if path.as_os_str() == "-" {
        Box::new(std::io::stdout())
    } else {
        let file = std::fs::File::create(path);
        Box::new(file.map_err(|error| Failure::Refused(format!("{}: {error}", path.display())))?)
    };
    Ok(Sink::Capture(Box::new(Capture::new(out)?)))
}

pub(super) fn run(args: &LogArgs, console: &Console) -> Result<(), Failure> {
    let filter = Filter::open(&args.name).map_err(refused)?;
    let mut reader = filter.log().map_err(refused)?;
    let mut sink = sink(args)?;
    let mut lost = Lost { said: 0, json: args.json && args.write.is_none() };
    let end = args.timeout.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds));
    let mut left = args.count.unwrap_or(u64::MAX);
    // What is there already is read without waiting.
    let mut wait = Duration::ZERO;
    while left > 0 {
        match reader.next(Some(wait)) {
            Ok(Some(record)) => {
                sink.write(&record, console)?;
                left -= 1;
                wait = Duration::ZERO;
            }
            Ok(None) => {
                sink.flush()?;
                lost.say(&reader, console)?;
                let remaining = end.map(|end| end.saturating_duration_since(Instant::now()));
                if remaining == Some(Duration::ZERO) {
                    break;
                }
                wait = remaining.map_or(LOOK, |remaining| remaining.min(LOOK));
            }
            Err(Error::NotFound(name)) => {
                say(&format!("filter {name} was unloaded\n"));
                break;
            }
            Err(error) => return Err(refused(error)),
        }
    }
    sink.flush()?;
    lost.say(&reader, console)
}

/// How many lost records the user knows of.
struct Lost {
    said: u64,
    json: bool,
}

impl Lost {
    fn say(&mut self, reader: &LogReader, console: &Console) -> Result<(), Failure> {
        let lost = reader.lost().map_err(refused)?;
        if lost == self.said {
            return Ok(());
        }
        self.said = lost;
        match self.json {
            true => console.print_json(&serde_json::json!({ "lost": lost })),
            false => {
                say(&format!("{lost} records found no room in the buffer and are lost\n"));
                Ok(())
            }
        }
    }
}
