//! From IR to an artifact: programs by attach point, functions by chain, maps and rules.

use crate::asm::AsmError;
use crate::chain::count_plan::CountLists;
use crate::chain::counters::{COUNTER_SIZE, Counters};
use crate::chain::select;
use crate::chain::{segment, split};
use crate::effect::log;
use crate::emitter::{COUNTERS_MAP, Emitter, Place};
use crate::error::EmitError;
use crate::fit::call_size;
use crate::main_function::Unit;
use crate::query::set::plan::SetPlan;
use crate::table::plan::Tables;
use crate::target::{Addressing, Target};
use crate::{Feature, Needs, PacketLayout, bodies, chain, main_function, names, rule_table};
use bpfc_artifact::{
    Artifact, AttachPoint, Function, MapDef, MapKind, MapRole, Program, ProgramKind,
};
use bpfc_diag::{Code, Diagnostic, Diagnostics, SourceMap};
use bpfc_ir::{
    Checked, Contents, Entry, Func, Hook, Listing, Program as IrProgram, Rule, RuleData, verify,
};
use cranelift_entity::PrimaryMap;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Choices of code generation.
#[derive(Clone, Debug)]
pub struct CompileOptions {
    /// Blocks in one segment of a chain.
    pub blocks_per_segment: usize,
    /// Priority of netfilter programs; `None` for the target's default.
    pub priority: Option<i32>,
    /// Where rules have trace records: one packet in N, by chance, is traced from its first
    /// rule on; `None` for those that a rule says alone.
    pub trace_one_in: Option<u32>,
}

impl Default for CompileOptions {
    fn default() -> Self {
        CompileOptions {
            blocks_per_segment: segment::BLOCKS_PER_SEGMENT,
            priority: None,
            trace_one_in: None,
        }
    }
}

/// Compiles a program for a target. `listing` has its rules' texts, `contents` what is in its
/// tables.
///
/// Warnings (the target sees packets differently from the kernel's hook) and errors go to
/// `diagnostics`; `None` where there was an error.
pub fn compile(
    checked: &Checked<'_>,
    listing: &Listing,
    contents: &Contents,
    target: &dyn Target,
    sources: &SourceMap,
    options: &CompileOptions,
    diagnostics: &mut Diagnostics,
) -> Option<Artifact> {
    let split = split::run(checked.program());
    let program = split.as_ref().unwrap_or(checked.program());
    debug_assert_eq!(verify(program), Ok(()), "splitting keeps what was checked");
    let units = units(program, target, options, diagnostics)?;
    let order = checked.order().to_vec();
    let (mut needs, _) = Needs::of(program, &order);
    let attached: Vec<AttachPoint> = units.iter().map(|unit| unit.attach).collect();
    needs.echoes = !needs.answers.is_empty()
        && target.replies().is_some_and(|replies| replies.echoes(&attached));
    let routed = units.iter().any(|unit| unit.is_routed(target));
    needs.leaving = program.entries.iter().any(|entry| entry.hook == Hook::Egress);
    // What is for others on the link is not forwarded.
    needs.packet_type |= routed;
    // Rules may have written what the packet was routed by, when its route is asked for its MTU.
    needs.flow = routed && needs.route_mtu;
    needs.rules |= needs.flow;
    // Log records name the interface that was found.
    needs.out_interface |= routed && needs.log;
    if !check_features(program, target, routed, diagnostics) {
        return None;
    }
    let job = Job { program, listing, contents, target, sources, options, needs, order, units };
    let mut limit = options.blocks_per_segment;
    let mut parts = chain::parts_of_main(program);
    loop {
        let error = match job.attempt(limit, parts.clone()) {
            // Main's frame, to which those of all that it calls are added, has the chains' values.
            Ok(artifact) if !parts.is_empty() && !call_size(&artifact).fits() => {
                parts.clear();
                continue;
            }
            Ok(artifact) => return Some(artifact),
            // No segment is main.
            Err(EmitError::Asm(AsmError::JumpTooFar { ref function, .. }))
                if !parts.is_empty() && job.units.iter().any(|unit| unit.name == *function) =>
            {
                parts.clear();
                continue;
            }
            Err(error) => error,
        };
        // Blocks with much code in them make a segment too long for its jumps.
        if matches!(error, EmitError::Asm(AsmError::JumpTooFar { .. })) && limit > LEAST_BLOCKS {
            limit = (limit / 4).max(LEAST_BLOCKS);
            continue;
        }
        let (code, help) = match error {
            EmitError::Asm(_) => (Code::TOO_LARGE, "split the chain into several chains"),
            EmitError::TooLarge(_) => (
                Code::TOO_LARGE,
                "put lists of addresses and ports into sets (`ipset`), or keep part of the rules \
                 in the kernel",
            ),
            _ => (Code::NESTING, "simplify the rules of the chain"),
        };
        diagnostics.push(Diagnostic::error(code, None, error.to_string()).with_help(help));
        return None;
    }
}

/// The blocks of a segment below which a chain is not cut any more.
const LEAST_BLOCKS: usize = 8;

/// What is to be compiled.
struct Job<'a> {
    program: &'a IrProgram,
    listing: &'a Listing,
    contents: &'a Contents,
    target: &'a dyn Target,
    sources: &'a SourceMap,
    options: &'a CompileOptions,
    needs: Needs,
    order: Vec<Func>,
    units: Vec<Unit<'a>>,
}

impl Job<'_> {
    /// Generates code with chains cut into segments of `limit` blocks, and the base chains `parts`
    /// as parts of main where they can be.
    fn attempt(&self, limit: usize, parts: BTreeSet<Func>) -> Result<Artifact, EmitError> {
        let &Job { program, listing, target, sources, .. } = self;
        // The sizes of the counters' map follow when all rules have their places.
        let mut maps = vec![MapDef::new("counters", MapKind::PerCpuArray, MapRole::Counters)];
        let sets = SetPlan::new(program, &mut maps);
        let tables = Tables::new(program, listing, &self.order, self.contents, &mut maps);
        let (segments, carried) = chain::cut(program, &self.order, &self.needs, limit);
        let needs = Needs { carried, ..self.needs.clone() };
        let count_lists = CountLists::new(program, &self.order);
        let mut emitter = Emitter {
            target,
            layout: PacketLayout::new(&needs),
            needs,
            segments: &segments,
            counters: Counters::new(count_lists.are_some),
            count_lists,
            choices: Vec::new(),
            maps,
            sets,
            functions: Vec::new(),
            names: names::Names::default(),
            chains: BTreeMap::new(),
            parts_of_main: parts,
            routines: BTreeMap::new(),
            pending: VecDeque::new(),
            remembers: self.units.iter().any(|unit| {
                target.addressing(unit.attach) == Some(Addressing::Address) && unit.is_received()
            }),
            addressee: None,
            places: places(program, listing, sources),
            program,
            tables,
            services: Vec::new(),
            trace_one_in: self.options.trace_one_in,
            sites: Vec::new(),
        };
        let programs = emit(&mut emitter, program, &self.order, &self.units)?;
        Ok(artifact(emitter, (program, listing), programs, sources))
    }
}

fn emit(
    emitter: &mut Emitter<'_>,
    program: &IrProgram,
    order: &[Func],
    units: &[Unit<'_>],
) -> Result<Vec<Program>, EmitError> {
    for &func in order {
        if emitter.parts_of_main.contains(&func) {
            continue;
        }
        chain::emit(emitter, program, func)?;
    }
    let mut programs = Vec::with_capacity(units.len());
    for unit in units {
        let name = emitter.name(&unit.name);
        let main = main_function::emit(emitter, unit, name.clone())?;
        let entry = emitter.push(main);
        programs.push(Program { name, attach: unit.attach, entry });
    }
    emitter.finish(bodies::emit)?;
    programs.append(&mut emitter.services);
    Ok(programs)
}

fn units<'a>(
    program: &'a IrProgram,
    target: &dyn Target,
    options: &CompileOptions,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Unit<'a>>> {
    let mut units: Vec<Unit<'a>> = Vec::new();
    let mut entries: Vec<&Entry> = program.entries.iter().collect();
    entries.sort_by_key(|entry| entry.hook);
    for entry in entries {
        if !target.hooks().contains(&entry.hook) {
            let hooks: Vec<String> = target.hooks().iter().map(|hook| hook.to_string()).collect();
            diagnostics.push(
                Diagnostic::error(
                    Code::TARGET_CANNOT,
                    None,
                    format!(
                        "chains of the {} hook cannot run at target {}",
                        entry.hook,
                        target.name()
                    ),
                )
                .with_help(format!("this target runs the hooks {}", hooks.join(", "))),
            );
            return None;
        }
        let mut attach = target.attach(entry.hook, entry.family);
        if let (AttachPoint::Netfilter { priority, .. }, Some(wanted)) =
            (&mut attach, options.priority)
        {
            *priority = wanted;
        }
        let at = match units.iter().position(|unit| unit.attach == attach) {
            Some(at) => at,
            None => {
                units.push(Unit { name: names::program(attach), attach, entries: Vec::new() });
                units.len() - 1
            }
        };
        let slot = &mut units[at].entries;
        let mut before = slot.iter().filter(|other| other.family == entry.family);
        if let Some(other) = before.find(|other| !meets(target, other.hook, entry.hook)) {
            diagnostics.push(
                Diagnostic::error(
                    Code::TARGET_CANNOT,
                    None,
                    format!(
                        "the hooks {} and {} meet in one program of target {}, which cannot know \
                         which of them a packet would take",
                        other.hook,
                        entry.hook,
                        target.name()
                    ),
                )
                .with_help("choose one of the two with --hook, or the netfilter target"),
            );
            return None;
        }
        slot.push(entry);
    }
    if units.is_empty() {
        diagnostics.push(Diagnostic::error(
            Code::NO_CHAIN,
            None,
            "there is no base chain to compile on the chosen hooks",
        ));
        return None;
    }
    Some(units)
}

/// Whether chains of two hooks can run in one program: a packet meets them one after the other, or
/// the program asks which of them it would take.
fn meets(target: &dyn Target, earlier: Hook, later: Hook) -> bool {
    earlier.leads_to(later)
        || target.routing().is_some() && earlier.is_received() && later.is_received()
}

/// Reports every rule that asks for what the target cannot give at its hook, and warns of what
/// it gives differently.
fn check_features(
    program: &IrProgram,
    target: &dyn Target,
    routed: bool,
    diagnostics: &mut Diagnostics,
) -> bool {
    let mut good = true;
    if let Some(routing) = target.routing().filter(|_| routed) {
        diagnostics.push(
            Diagnostic::warning(Code::SEMANTICS_DIFFER, None, routing.caveat())
                .with_note("`bpfc semantics` lists every such case"),
        );
    }
    let mut warned: Vec<(Hook, Feature)> = Vec::new();
    // A rule is told a reason once, whatever else it asks for that has the same.
    let mut refused: Vec<(Rule, &str)> = Vec::new();
    for entry in &program.entries {
        let reached = reach(program, entry.funcs().collect());
        let (_, asked) = Needs::of(program, &reached);
        for (feature, rule) in asked {
            let span = rule.and_then(|rule| program.rules[rule].span);
            let forwarded = routed && entry.hook == Hook::Forward;
            let known = forwarded && matches!(feature, Feature::OutInterface | Feature::RouteMtu);
            let logged = forwarded && matches!(feature, Feature::Log | Feature::LogOwner);
            if let Some(reason) = target.refusal(entry.hook, feature).filter(|_| !known) {
                good = false;
                if let Some(rule) = rule {
                    if refused.contains(&(rule, reason)) {
                        continue;
                    }
                    refused.push((rule, reason));
                }
                diagnostics.push(
                    Diagnostic::error(
                        Code::TARGET_CANNOT,
                        span,
                        format!(
                            "target {} cannot do this at the {} hook: {}",
                            target.name(),
                            entry.hook,
                            feature.describe()
                        ),
                    )
                    .with_label(feature.describe())
                    .with_help(reason),
                );
            } else if let Some(caveat) = target.caveat(entry.hook, feature).filter(|_| !logged)
                && !warned.contains(&(entry.hook, feature))
            {
                warned.push((entry.hook, feature));
                diagnostics.push(
                    Diagnostic::warning(Code::SEMANTICS_DIFFER, span, caveat)
                        .with_note("`bpfc semantics` lists every such case"),
                );
            }
        }
    }
    good
}

fn reach(program: &IrProgram, mut stack: Vec<Func>) -> Vec<Func> {
    let mut seen = vec![false; program.funcs.len()];
    let mut order = Vec::new();
    while let Some(func) = stack.pop() {
        if !std::mem::replace(&mut seen[func.as_u32() as usize], true) {
            order.push(func);
            stack.extend(program.funcs[func].callees());
        }
    }
    order.sort_unstable();
    order
}

fn places(program: &IrProgram, listing: &Listing, sources: &SourceMap) -> PrimaryMap<Rule, Place> {
    let place = |(rule, data): (Rule, &RuleData)| {
        let text: Arc<str> = format!("{}: {}", program.label(rule), listing.text(rule)).into();
        let Some(span) = data.span else { return Place { text, ..Place::default() } };
        let position = sources.position(span);
        Place { file: span.file.0, line: position.line, column: position.column, text }
    };
    program.rules.iter().map(place).collect()
}

fn artifact(
    mut emitter: Emitter<'_>,
    (program, listing): (&IrProgram, &Listing),
    programs: Vec<Program>,
    sources: &SourceMap,
) -> Artifact {
    let mut functions: Vec<Function> = emitter.functions.drain(..).flatten().collect();
    emitter.names.part(&mut functions, &emitter.maps);
    let mut maps = emitter.maps;
    log::fill_sites(&mut maps, &emitter.sites);
    emitter.count_lists.fill(program, &emitter.counters, &mut maps);
    select::fill(&emitter.choices, &mut maps);
    let names: Vec<Arc<str>> = sources.files().map(|(_, file)| file.name().into()).collect();
    let counters = &mut maps[COUNTERS_MAP.0 as usize];
    counters.value_size = emitter.counters.value_size().max(COUNTER_SIZE);
    counters.max_entries = emitter.counters.chunks();
    let mut rules = rule_table::table(program, listing, &emitter.counters, &names, sources);
    rules.sets = crate::named_sets::entries(program, listing, &emitter.tables, &maps);
    let mut names: Vec<String> = names.iter().map(ToString::to_string).collect();
    if names.is_empty() {
        names.push(String::new());
    }
    Artifact {
        target: emitter.target.name().to_owned(),
        functions,
        programs,
        maps,
        rules,
        sets: emitter.sets.entries(program),
        needs_conntrack: emitter.needs.conntrack || emitter.needs.counted,
        needs_accounting: emitter.needs.accounting,
        sends: !emitter.needs.answers.is_empty(),
        asks_for_link: emitter.target.kind() == ProgramKind::Xdp,
        sources: names,
        inputs: Vec::new(),
    }
}
