//! `bpfc explain`: why a packet meets its verdict.
//!
//! The packet walks through the ruleset as its author wrote it, test by test, in the reference
//! evaluator. What the compiled program makes of it stands beside that: the program after all
//! passes in the interpreter and, where the kernel can be asked, the loaded program there. A
//! difference between them is an error of bpfc's, and said as one.

mod host;
mod live;

use super::replay::frame::{Frame, now};
use super::replay::tracking::{self, Tracked};
use super::replay::{Decision, kernel, reference};
use crate::args::ExplainArgs;
use crate::console::{Console, Failure};
use crate::inputs;
use crate::progress::with_progress;
use bpfc_artifact::Artifact;
use bpfc_driver as driver;
use bpfc_interpret::{Environment, interpret};
use bpfc_ir::{Contents, Hook, Input, Program};
use bpfc_packet::{Arrival, Captured, LinkType, Packet, bytes_from_hex, describe, pkt_type};
use bpfc_xtables::reference::{Evaluator, Outcome, Step};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

/// Targets in the order in which one is chosen that takes the ruleset.
const PREFERRED: [&str; 3] = ["netfilter", "tc", "xdp"];

/// A packet with what is to be said about it.
struct Subject {
    frame: Frame,
    /// Whether the user said which connection it belongs to.
    states_connection: bool,
    /// Names of what the user said that only the host knows.
    host_facts: BTreeSet<&'static str>,
}

/// What one engine made of the packet.
#[derive(Serialize)]
struct Answer {
    verdict: &'static str,
    rules: Vec<String>,
}

impl Answer {
    fn of(decision: &Decision) -> Self {
        Answer { verdict: decision.verdict.word(), rules: decision.rules.clone() }
    }

    fn is_same(&self, other: &Answer) -> bool {
        (self.verdict, &self.rules) == (other.verdict, &other.rules)
    }
}

/// Everything that is printed.
struct Explanation {
    hook: Hook,
    packet: String,
    steps: Vec<Step>,
    reference: Answer,
    target: &'static str,
    compiled: Answer,
    /// The kernel's answer, or why it was not asked.
    kernel: Result<Answer, String>,
}

pub(super) fn run(args: &ExplainArgs, console: &Console) -> Result<(), Failure> {
    if let Some(name) = &args.live {
        return live::run(name, args, console);
    }
    let subject = subject(args, console)?;
    let Some(packet) = &subject.frame.packet else {
        return Err(Failure::Refused("the packet is not IP: no rule sees it".into()));
    };
    if let Err(error) = packet.parse() {
        return Err(Failure::Refused(format!("no rule sees the packet: {error}")));
    }
    let hook = hook(args, packet)?;
    let inputs = inputs::read_all(&args.rulesets, &args.selection)?;
    let mut options = inputs::options(&args.selection, None);
    options.hooks = Some(vec![hook]);
    let (target, compilation) = with_progress("compiling", || compile(args, &inputs, &options))?;
    console.report_errors(&compilation.diagnostics, &compilation.sources, args.warnings);
    let driver::Stage::Built { lowered, program, artifact } = &compilation.stage else {
        return Err(Failure::Said);
    };

    let mut packet = packet.clone();
    packet.clock = now();
    if !subject.states_connection {
        suppose_first(&mut packet);
    }
    let contents = &compilation.contents;
    host::require(lowered, contents, hook, &packet, &subject.host_facts)?;
    let (reference, steps) = match reference::knows(&inputs) {
        true => by_reference(&inputs, lowered, hook, &packet)?,
        // The rules as they were lowered, before any pass, are what there is to go by.
        false => (by_interpreter(lowered, contents, hook, &packet)?, Vec::new()),
    };
    let compiled = by_interpreter(program, contents, hook, &packet)?;
    let kernel = match why_not_the_kernel(&subject, &packet, target, hook, (program, artifact)) {
        Some(reason) => Err(reason.to_owned()),
        None => {
            let interface = match packet.in_interface.is_some() {
                true => packet.in_interface,
                false => packet.out_interface,
            };
            let name = match interface.is_some() {
                true => interface.to_string(),
                false => "eth0".to_owned(),
            };
            let frames = std::slice::from_ref(&subject.frame);
            match kernel::replay(lowered, artifact, target, hook, &name, frames) {
                Ok(replay) => match &replay.decisions[0] {
                    Some(decision) => Ok(Answer::of(decision)),
                    None => Err("it is longer than a test run of this kernel takes".to_owned()),
                },
                Err(Failure::Refused(reason)) => Err(reason),
                Err(failure) => return Err(failure),
            }
        }
    };
    let explanation = Explanation {
        hook,
        packet: summary(&packet),
        steps,
        reference,
        target: target.name(),
        compiled,
        kernel,
    };
    match args.json {
        true => print_json(&explanation, console)?,
        false => console.print(&text(&explanation))?,
    }
    agree(&explanation)
}

/// The packet of the command line.
fn subject(args: &ExplainArgs, console: &Console) -> Result<Subject, Failure> {
    if let Some(words) = &args.packet {
        let described = describe(words).map_err(|error| {
            Failure::Usage(format!("--packet: {error}; `bpfc help explain` lists the words"))
        })?;
        let frame = Frame { bytes: described.packet.bytes.clone(), packet: Some(described.packet) };
        return Ok(Subject {
            frame,
            states_connection: described.states_connection,
            host_facts: described.host_facts,
        });
    }
    let interface = bpfc_packet::InterfaceName::new(&args.iface)
        .map_err(|error| Failure::Usage(format!("--iface {}: {error}", args.iface)))?;
    let captured = match (&args.hex, &args.pcap) {
        (Some(hex), _) => from_hex(hex)?,
        (None, Some(path)) => {
            let capture = inputs::read_capture(path, console)?;
            let count = capture.packets.len();
            let wanted = args.number.checked_sub(1);
            wanted.and_then(|at| capture.packets.into_iter().nth(at)).ok_or_else(|| {
                Failure::Refused(format!(
                    "'{}' has {count} packets, and none has the number {}",
                    path.display(),
                    args.number
                ))
            })?
        }
        (None, None) => {
            return Err(Failure::Usage("say the packet with --packet, --hex or --pcap".into()));
        }
    };
    let hook = args.selection.hook.first().copied().unwrap_or(Hook::Input);
    let mut frame = Frame::new(&captured, hook, interface);
    let host_facts = match (&args.facts, &mut frame.packet) {
        (Some(facts), Some(packet)) => bpfc_packet::host_facts(facts, packet).map_err(|error| {
            Failure::Usage(format!("--facts: {error}; `bpfc help explain` lists the words"))
        })?,
        _ => BTreeSet::new(),
    };
    Ok(Subject { frame, states_connection: false, host_facts })
}

/// Bytes from the Ethernet header or, where they begin with 4 or 6, from the IP header on.
fn from_hex(text: &str) -> Result<Captured, Failure> {
    let digits: String = text.chars().filter(|c| !c.is_ascii_whitespace() && *c != ':').collect();
    let bytes = bytes_from_hex(&digits)
        .filter(|bytes| !bytes.is_empty())
        .ok_or_else(|| Failure::Usage("--hex takes pairs of hexadecimal digits".into()))?;
    let link = match Packet::from_ip(&bytes[..]).is_ok_and(|packet| packet.parse_headers().is_ok())
    {
        true => LinkType::Raw,
        false => LinkType::Ethernet,
    };
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    Ok(Captured { time: Duration::ZERO, link, length, bytes })
}

/// The hook: as said, or where a packet with such interfaces passes.
fn hook(args: &ExplainArgs, packet: &Packet) -> Result<Hook, Failure> {
    match args.selection.hook[..] {
        [hook] => Ok(hook),
        [] => Ok(match (packet.in_interface.is_some(), packet.out_interface.is_some()) {
            (true, true) => Hook::Forward,
            (false, true) => Hook::Output,
            _ => Hook::Input,
        }),
        _ => Err(Failure::Usage("explain takes one hook".into())),
    }
}

/// Compiles for the chosen target, or for the first that takes the ruleset.
fn compile(
    args: &ExplainArgs,
    inputs: &[Input],
    options: &driver::Options,
) -> Result<(&'static dyn driver::Target, driver::Compilation), Failure> {
    let names = match &args.target {
        Some(name) => vec![name.as_str()],
        None => PREFERRED.to_vec(),
    };
    let mut refused = None;
    for target in names.into_iter().filter_map(driver::target) {
        let compilation = driver::compile(inputs, target, options);
        if compilation.artifact().is_some() {
            return Ok((target, compilation));
        }
        refused.get_or_insert((target, compilation));
    }
    refused.ok_or_else(|| Failure::Usage("there is no such target".into()))
}

/// Without a word about connections the packet is the first of its connection.
fn suppose_first(packet: &mut Packet) {
    let tracked = packet.parse_headers().map(|parsed| tracking::first_packet(&parsed));
    if let Ok(tracked) = tracked {
        packet.untracked = tracked == Tracked::Not;
        packet.conntrack = match tracked {
            Tracked::New(connection) => Some(connection),
            Tracked::Not | Tracked::Invalid => None,
        };
    }
}

fn by_reference(
    inputs: &[Input],
    program: &Program,
    hook: Hook,
    packet: &Packet,
) -> Result<(Answer, Vec<Step>), Failure> {
    let parsed = packet
        .parse_headers()
        .map_err(|error| Failure::Refused(format!("no rule sees the packet: {error}")))?;
    let inputs = driver::Inputs::read(inputs);
    let fingerprints = inputs.fingerprints.as_ref().map_or(&[][..], |list| list.as_slice());
    for (input, role) in inputs.rulesets() {
        let ruleset = reference::read(input, role, &inputs.sets)?;
        let tables = reference::tables(program, hook, ruleset.family);
        if packet.family != ruleset.family || tables.is_empty() {
            continue;
        }
        let evaluator = Evaluator::new(&ruleset, &tables).with_sets(&inputs.sets);
        let (decision, steps) = evaluator.with_fingerprints(fingerprints).explain(hook, parsed);
        let answer = Answer { verdict: decision.verdict.word(), rules: decision.rules };
        return Ok((answer, steps));
    }
    Ok((Answer::of(&Decision::unseen()), Vec::new()))
}

fn by_interpreter(
    program: &Program,
    contents: &Contents,
    hook: Hook,
    packet: &Packet,
) -> Result<Answer, Failure> {
    let mut environment = Environment::new(program).with_contents(contents);
    let outcome = interpret(program, hook, packet, &mut environment)
        .map_err(|error| Failure::Refused(format!("the compiled program: {error}")))?;
    let label = |rule: &bpfc_ir::Rule| program.label(*rule);
    Ok(Answer { verdict: outcome.verdict.word(), rules: outcome.rules.iter().map(label).collect() })
}

/// Why the kernel cannot be asked about this packet: a test run takes bytes alone.
fn why_not_the_kernel(
    subject: &Subject,
    packet: &Packet,
    target: &dyn driver::Target,
    hook: Hook,
    (program, artifact): (&Program, &Artifact),
) -> Option<&'static str> {
    if !nix::unistd::geteuid().is_root() {
        return Some("it needs root");
    }
    if subject.states_connection {
        return Some("a test run cannot be told the packet's connection");
    }
    if program.asks_host().is_some() {
        return Some("a test run asks this host's routes, sockets and interfaces");
    }
    let attach = target.attach(hook, packet.family);
    if artifact.needs_conntrack
        && !matches!(target.conntrack(attach), driver::ConntrackSource::Lookup(_))
    {
        return Some("a test run's packet has no connection at this target");
    }
    let is_plain = packet.mark == 0
        && packet.cpu == 0
        && matches!(packet.pkt_type, pkt_type::HOST)
        && packet.arrival == Arrival::default()
        && !(packet.in_interface.is_some() && packet.out_interface.is_some());
    (!is_plain).then_some("a test run cannot be told all that was said about the packet")
}

/// One line about a packet.
fn summary(packet: &Packet) -> String {
    let mut text = String::new();
    for (name, interface) in [("in", packet.in_interface), ("out", packet.out_interface)] {
        if interface.is_some() {
            let _ = write!(text, "{name}={interface} ");
        }
    }
    if let Ok(parsed) = packet.parse_headers() {
        let _ = write!(text, "{} > {}", parsed.source(), parsed.destination());
        let ports = parsed.transport_slice(0, 4).map(|bytes| {
            let port = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
            (port(0), port(2))
        });
        let _ = match (parsed.protocol(), ports) {
            (protocol @ (6 | 17 | 33 | 132 | 136), Some((source, destination))) => {
                let name = match protocol {
                    6 => "tcp",
                    17 => "udp",
                    33 => "dccp",
                    132 => "sctp",
                    _ => "udplite",
                };
                write!(text, " {name} {source} > {destination}")
            }
            (1, _) => write!(text, " icmp"),
            (58, _) => write!(text, " icmp6"),
            (protocol, _) => write!(text, " protocol {protocol}"),
        };
        let _ = write!(text, ", {} bytes", parsed.length());
    }
    text
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Match => "yes",
        Outcome::NoMatch => "no",
        Outcome::Hotdrop => "drop",
        Outcome::MatchThenDrop => "yes, drop",
    }
}

fn text(explanation: &Explanation) -> String {
    let mut out = format!("{} at the {} hook\n", explanation.packet, explanation.hook);
    let mut chain = None;
    for step in &explanation.steps {
        let indent = "  ".repeat(step.depth + 1);
        if chain != Some((&step.chain, step.depth)) {
            let _ = writeln!(out, "{}chain {}", "  ".repeat(step.depth), step.chain);
            chain = Some((&step.chain, step.depth));
        }
        let number = step.label.rsplit(':').next().unwrap_or_default();
        let _ = writeln!(out, "{indent}{number}: {}", step.text);
        for test in &step.tests {
            let _ = writeln!(out, "{indent}    {:<4} {}", word(test.outcome), test.text);
        }
        let met = matches!(step.outcome, Outcome::Match | Outcome::MatchThenDrop);
        let action = match (met, step.action.as_str()) {
            (false, _) => continue,
            (true, "") => "counted",
            (true, action) => action,
        };
        let _ = writeln!(out, "{indent}    => {action}");
    }
    let answer = |name: &str, answer: &Answer, same: bool| match same {
        true => format!("{name}: {}, by the same rules\n", answer.verdict),
        false => format!("{name}: {}, by {}\n", answer.verdict, list(&answer.rules)),
    };
    out += &answer("verdict", &explanation.reference, false);
    let is_same = |other: &Answer| explanation.reference.is_same(other);
    let compiled = &explanation.compiled;
    out += &answer(&format!("compiled for {}", explanation.target), compiled, is_same(compiled));
    match &explanation.kernel {
        Ok(kernel) => out += &answer("loaded into this kernel", kernel, is_same(kernel)),
        Err(reason) => {
            let _ = writeln!(out, "loaded into this kernel: not tried, {reason}");
        }
    }
    out
}

fn list(rules: &[String]) -> String {
    match rules {
        [] => "no rule".to_owned(),
        rules => rules.join(" "),
    }
}

#[derive(Serialize)]
struct JsonTest<'a> {
    test: &'a str,
    outcome: &'static str,
}

#[derive(Serialize)]
struct JsonStep<'a> {
    rule: &'a str,
    text: &'a str,
    outcome: &'static str,
    action: &'a str,
    tests: Vec<JsonTest<'a>>,
}

#[derive(Serialize)]
struct JsonExplanation<'a> {
    packet: &'a str,
    hook: String,
    verdict: &'static str,
    rules: &'a [String],
    steps: Vec<JsonStep<'a>>,
    target: &'static str,
    compiled: &'a Answer,
    kernel: Option<&'a Answer>,
    kernel_not_tried: Option<&'a str>,
}

fn print_json(explanation: &Explanation, console: &Console) -> Result<(), Failure> {
    let steps = explanation.steps.iter().map(|step| JsonStep {
        rule: &step.label,
        text: &step.text,
        outcome: word(step.outcome),
        action: &step.action,
        tests: step
            .tests
            .iter()
            .map(|test| JsonTest { test: &test.text, outcome: word(test.outcome) })
            .collect(),
    });
    console.print_json(&JsonExplanation {
        packet: &explanation.packet,
        hook: explanation.hook.to_string(),
        verdict: explanation.reference.verdict,
        rules: &explanation.reference.rules,
        steps: steps.collect(),
        target: explanation.target,
        compiled: &explanation.compiled,
        kernel: explanation.kernel.as_ref().ok(),
        kernel_not_tried: explanation.kernel.as_ref().err().map(String::as_str),
    })
}

/// An error where the engines disagree.
fn agree(explanation: &Explanation) -> Result<(), Failure> {
    let others = [
        ("the compiled program", Some(&explanation.compiled)),
        ("the program in this kernel", explanation.kernel.as_ref().ok()),
    ];
    for (name, answer) in others {
        if answer.is_some_and(|answer| !explanation.reference.is_same(answer)) {
            return Err(Failure::Refused(format!(
                "{name} decides otherwise than the ruleset says: this is an error of bpfc, please \
                 report it"
            )));
        }
    }
    Ok(())
}
