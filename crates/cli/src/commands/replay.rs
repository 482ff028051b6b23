//! `bpfc replay`: runs the packets of a capture through a ruleset.
//!
//! Every packet is judged by itself, as if it had come in through `--iface` (or were leaving
//! through it) with no connection known: see [`frame`] for what a captured packet becomes. A
//! packet that is not IP, or whose headers are too damaged for any rule to see it, is accepted
//! and counted nowhere, whichever engine decides.

pub(super) mod frame;
pub(super) mod kernel;
mod namespace;
pub(super) mod reference;
pub(super) mod tracking;

use super::counters::{JsonCounter, json};
use crate::args::{Engine, ReplayArgs};
use crate::console::{Console, Failure, json_line};
use crate::inputs;
use crate::listing::listing;
use crate::progress::with_progress;
use bpfc_artifact::RuleTable;
use bpfc_driver as driver;
use bpfc_ipset::Part;
use bpfc_ir::{Hook, ObjectKind, Op, Program, Query, SetQuery, Verdict};
use bpfc_packet::InterfaceName;
use bpfc_runtime::{Count, Counters};
use frame::Frame;
use serde::Serialize;
use std::fmt::Write;
use std::sync::Arc;

/// What became of one packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) verdict: Verdict,
    /// Labels of the rules and policies that counted it, in order.
    pub(super) rules: Vec<String>,
}

impl Decision {
    /// For what no rule sees.
    pub(super) fn unseen() -> Self {
        Decision { verdict: Verdict::Accept, rules: Vec::new() }
    }
}

/// What an engine makes of a capture.
pub(super) struct Replay {
    pub(super) decisions: Vec<Decision>,
    rules: RuleTable,
    /// By the rows of `rules`.
    counts: Vec<Count>,
}

#[derive(Serialize)]
struct JsonPacket<'a> {
    packet: usize,
    verdict: &'static str,
    rules: &'a [String],
}

#[derive(Serialize)]
struct JsonCounters<'a> {
    counters: Vec<JsonCounter<'a>>,
}

pub(super) fn run(args: &ReplayArgs, console: &Console) -> Result<(), Failure> {
    if args.engine == Engine::Vm {
        return Err(Failure::Usage(
            "the vm engine is not available yet: use --engine kernel or --engine reference".into(),
        ));
    }
    let hook = hook(args)?;
    let interface = InterfaceName::new(&args.iface)
        .map_err(|error| Failure::Usage(format!("--iface {}: {error}", args.iface)))?;
    let target = target(args, hook)?;
    let inputs = inputs::read_all(&args.ruleset.rulesets, &args.ruleset.selection)?;
    let capture = inputs::read_capture(&args.pcap, console)?;
    let frames: Vec<Frame> =
        capture.packets.iter().map(|packet| Frame::new(packet, hook, interface)).collect();

    let mut options = inputs::options(&args.ruleset.selection, None);
    options.hooks = Some(vec![hook]);
    let compilation = with_progress("compiling", || driver::compile(&inputs, target, &options));
    console.report_errors(&compilation.diagnostics, &compilation.sources, args.warnings);
    let driver::Stage::Built { lowered: program, artifact, .. } = &compilation.stage else {
        return Err(Failure::Said);
    };
    refuse_host(program)?;
    let mut replay = with_progress("replaying", || match args.engine {
        Engine::Reference => {
            let frames: Vec<&Frame> = frames.iter().collect();
            reference::replay(&inputs, program, artifact, target, hook, &frames)
        }
        Engine::Kernel | Engine::Vm => {
            let runs = kernel::replay(program, artifact, target, hook, &args.iface, &frames)?;
            complete(runs, program, &frames, console, |frames| {
                reference::replay(&inputs, program, artifact, target, hook, frames)
            })
        }
    })?;
    if options.drop_rejected {
        // The reference evaluator reads the ruleset, which rejects.
        let rejected = |decision: &&mut Decision| matches!(decision.verdict, Verdict::Reject(_));
        replay.decisions.iter_mut().filter(rejected).for_each(|d| d.verdict = Verdict::Drop);
    }
    match args.json {
        true => print_json(&replay, console),
        false => print_text(&replay, console),
    }
}

/// Lets the reference engine decide the packets that are too long for a test run: those alone, or,
/// where what one packet leaves behind decides about another, all.
fn complete(
    runs: kernel::TestRuns,
    program: &Program,
    frames: &[Frame],
    console: &Console,
    by_reference: impl FnOnce(&[&Frame]) -> Result<Replay, Failure>,
) -> Result<Replay, Failure> {
    let is_long = |index: &usize| runs.decisions[*index].is_none();
    let long: Vec<usize> = (0..frames.len()).filter(is_long).collect();
    let all = remembers(program);
    if let Some(&first) = long.first() {
        let others = match long.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more,"),
        };
        let (is, what) = match (long.len(), all) {
            (1, false) => ("is", "decided it"),
            (_, false) => ("are", "decided them"),
            (1, true) => ("is", "decided all packets, as rules remember some"),
            (_, true) => ("are", "decided all packets, as rules remember some"),
        };
        let length = frames[first].bytes.len();
        console.warning(&format!(
            "packet {} of {length} bytes{others} {is} longer than a test run of this kernel takes: \
             the reference engine {what}",
            first + 1
        ));
    }
    if all && !long.is_empty() {
        return by_reference(&frames.iter().collect::<Vec<_>>());
    }
    let asked: Vec<&Frame> = long.iter().map(|&index| &frames[index]).collect();
    let mut counts = runs.counts;
    let mut answers = Vec::new();
    if !asked.is_empty() {
        let replay = by_reference(&asked)?;
        for (rule, count) in replay.rules.entries.iter().zip(&replay.counts) {
            let row = runs.rules.entries.iter().position(|row| row.label == rule.label);
            if let Some(sum) = row.and_then(|row| counts.get_mut(row)) {
                sum.packets += count.packets;
                sum.bytes += count.bytes;
            }
        }
        answers = replay.decisions;
    }
    let mut answers = answers.into_iter();
    let decisions = runs
        .decisions
        .into_iter()
        .map(|decision| decision.or_else(|| answers.next()).ok_or(Failure::Said))
        .collect::<Result<_, _>>()?;
    Ok(Replay { decisions, rules: runs.rules, counts })
}

/// Whether what a packet leaves behind may decide about a later one.
fn remembers(program: &Program) -> bool {
    let by_packets =
        |query: &Query| matches!(query, Query::Set(SetQuery::Add { .. } | SetQuery::Delete));
    let ops = || program.funcs.values().flat_map(|function| function.insts.values());
    let changed = ops().any(|inst| matches!(&inst.op, Op::Query(_, query, _) if by_packets(query)));
    let kept = program.objects.values().any(|object| match &object.kind {
        // An element may be compared with its counters, or be completed by a packet.
        ObjectKind::Set(set) => {
            set.def.options.counters || set.def.kind.parts().contains(&Part::OptionalMac)
        }
        _ => true,
    });
    changed || kept || !program.states.is_empty()
}

/// Refuses a program whose rules ask what only the host that handled a packet knows.
pub(super) fn refuse_host(program: &Program) -> Result<(), Failure> {
    let Some(rule) = program.asks_host() else { return Ok(()) };
    let rule = rule.map_or("a rule".to_owned(), |rule| program.label(rule));
    Err(Failure::Refused(format!(
        "{rule} asks for routes, sockets or interfaces of the host that handles the packet; no \
         packet by itself tells them"
    )))
}

/// The one hook that packets are replayed at.
fn hook(args: &ReplayArgs) -> Result<Hook, Failure> {
    match args.ruleset.selection.hook[..] {
        [] => Ok(Hook::Input),
        [hook] => Ok(hook),
        _ => Err(Failure::Usage("replay takes one hook".into())),
    }
}

/// The chosen target, or the first of xdp and tc that has the hook.
fn target(args: &ReplayArgs, hook: Hook) -> Result<&'static dyn driver::Target, Failure> {
    if let Some(name) = &args.target {
        return driver::target(name)
            .ok_or_else(|| Failure::Usage(format!("there is no target '{name}'")));
    }
    let mut defaults = ["xdp", "tc"].into_iter().filter_map(driver::target);
    defaults
        .find(|target| target.hooks().contains(&hook))
        .ok_or_else(|| Failure::Usage(format!("say what runs the {hook} hook, with --target")))
}

/// Whether packets at a hook have an input interface; otherwise they have an output interface.
fn is_incoming(hook: Hook) -> bool {
    !matches!(hook, Hook::Output | Hook::Postrouting | Hook::Egress)
}

fn print_json(replay: &Replay, console: &Console) -> Result<(), Failure> {
    let mut text = String::new();
    for (index, decision) in replay.decisions.iter().enumerate() {
        text += &json_line(&JsonPacket {
            packet: index + 1,
            verdict: decision.verdict.word(),
            rules: &decision.rules,
        })?;
    }
    let counters = Counters::new(Arc::new(replay.rules.clone()), replay.counts.clone());
    text += &json_line(&JsonCounters { counters: json(&counters) })?;
    console.print(&text)
}

fn print_text(replay: &Replay, console: &Console) -> Result<(), Failure> {
    let mut text = String::new();
    for (index, decision) in replay.decisions.iter().enumerate() {
        let verdict = decision.verdict.word();
        let line = format!("{:>6}  {verdict:<6}  {}", index + 1, decision.rules.join(" "));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text.push('\n');
    let counters = Counters::new(Arc::new(replay.rules.clone()), replay.counts.clone());
    text += &listing(&counters, true);
    console.print(&text)
}
