//! `bpfc load`: compiles rulesets, or takes an object, and attaches the programs.
//!
//! An object and the ruleset it was compiled from do the same: both become one artifact here.

use super::kernel;
use crate::args::{self, LoadArgs, PlaceArgs, SelectionArgs};
use crate::console::{Console, Failure, refused};
use crate::inputs;
use crate::progress::with_progress;
use crate::words;
use bpfc_artifact::{Artifact, AttachPoint, ProgramKind};
use bpfc_driver as driver;
use bpfc_ir::Input;
use bpfc_runtime::{
    BpffsKeeper, Error, Filter, Lost, Options, Place, Status, XdpMode, bpffs_keeper,
    check_that_bpffs_lasts, control_groups, misrouted, running_kernel,
};
use serde::Serialize;
use std::path::{self, Path};

#[derive(Serialize)]
struct JsonLoaded<'a> {
    name: &'a str,
    target: &'a str,
    replaced: bool,
    /// True where `--if-changed` found nothing to do.
    unchanged: bool,
    rules: usize,
    places: Vec<String>,
    /// What of the filter that was replaced was not carried over.
    not_carried: Vec<JsonLost<'a>>,
}

#[derive(Serialize)]
pub(super) struct JsonLost<'a> {
    kind: &'static str,
    name: &'a str,
    /// What of it, as a sentence's part.
    what: String,
}

impl JsonLost<'_> {
    pub(super) fn of(lost: &Lost) -> JsonLost<'_> {
        JsonLost { kind: lost.kind(), name: lost.name(), what: lost.to_string() }
    }
}

/// How many of the things that were not carried over are named on a terminal.
const NAMED: usize = 10;

pub(super) fn run(args: &LoadArgs, console: &Console) -> Result<(), Failure> {
    if args.again {
        return super::again::run(&args.inputs, console, args.place.json);
    }
    let name = name(&args.place, &args.inputs)?;
    let inputs = inputs::read_all(&args.inputs, &args.selection)?;
    let (mut artifact, options) = match object(args, &inputs)? {
        Some(artifact) => {
            let options = options(args, name, &artifact)?;
            (artifact, options)
        }
        None => compile(args, name, &inputs, console)?,
    };
    for input in &mut artifact.inputs {
        absolute(&mut input.name);
    }
    check_that_bpffs_lasts().map_err(refused)?;
    let there =
        if args.if_changed { unchanged(&artifact, &options).map_err(refused)? } else { None };
    let unchanged = there.is_some();
    let (filter, replacement) = match there {
        Some(filter) => (filter, None),
        None => with_progress("loading", || Filter::ensure_telling(&artifact, &options)).map_err(
            |error| {
                let is_unsupported = matches!(error, Error::Unsupported { .. });
                let is_lacking = matches!(error, Error::Btf(_) | Error::Verifier(_));
                let old = old(&artifact).filter(|_| is_unsupported || is_lacking);
                match refused(error) {
                    Failure::Refused(said) if is_unsupported || old.is_some() => {
                        let said = said.trim_end();
                        let other = alternatives(args, &artifact, &inputs);
                        Failure::Refused(format!("{said}{}{other}", old.unwrap_or_default()))
                    }
                    failure => failure,
                }
            },
        )?,
    };
    let replaced = replacement.is_some();
    let lost = replacement.unwrap_or_default();
    let status = filter.status().map_err(refused)?;
    caution(&artifact, &status, console);
    let places = attached(&status);
    if args.place.json {
        return console.print_json(&JsonLoaded {
            name: filter.name(),
            target: &status.target,
            replaced,
            unchanged,
            rules: super::status::rule_count(&artifact.rules),
            places,
            not_carried: lost.iter().map(JsonLost::of).collect(),
        });
    }
    let done = match (unchanged, replaced) {
        (true, _) => "unchanged",
        (false, true) => "replaced",
        (false, false) => "loaded",
    };
    console.done(&format!("{done} {}\n{}{}", filter.name(), lines(&places), not_carried(&lost)))
}

/// Warns of what a filter that is loaded cannot know here, and of what may take it away.
pub(super) fn caution(artifact: &Artifact, status: &Status, console: &Console) {
    if bpffs_keeper() == Some(BpffsKeeper::Others) {
        console.warning(
            "the bpffs at /sys/fs/bpf is not the machine's: the filter lasts as long as other processes have \
             this one mounted",
        );
    }
    if artifact.has_companion() && status.companions.is_empty() && !status.walks_connections {
        console.warning(
            "connections of protocols other than TCP and UDP are not known here: this kernel neither says where \
             conntrack's table lies (/proc/kallsyms lists no data, or kernel.kptr_restrict hides it) nor has a \
             place for a program that notes them (tcx, Linux 6.6). Their packets are NEW, and answers to pings \
             INVALID",
        );
    }
    for misrouted in misrouted(artifact, status.attachments.iter().map(|a| &a.attachment.place)) {
        console.warning(&misrouted.to_string());
    }
}

/// Where a filter is attached.
pub(super) fn attached(status: &Status) -> Vec<String> {
    status.attachments.iter().map(|of| of.attachment.place.to_string()).collect()
}

/// Places as words.
pub(super) fn named(places: &[Place]) -> Vec<String> {
    places.iter().map(ToString::to_string).collect()
}

/// The lines that name places.
pub(super) fn lines(places: &[String]) -> String {
    places.iter().map(|place| format!("  {place}\n")).collect()
}

/// The lines that name what was not carried over.
pub(super) fn not_carried(lost: &[Lost]) -> String {
    let mut lines: String =
        lost.iter().take(NAMED).map(|lost| format!("  not carried over: {lost}\n")).collect();
    if lost.len() > NAMED {
        lines += &format!("  and {} more, which --json names\n", lost.len() - NAMED);
    }
    lines
}

/// What this kernel is too old for, by its version.
fn old(artifact: &Artifact) -> Option<String> {
    let running = running_kernel()?;
    let lacks = kernel::lacks(artifact, running);
    let least = lacks.first()?.since;
    Some(format!(
        "; with target {} the ruleset needs Linux {least} or later, and {running} has no {}",
        artifact.target,
        kernel::list(&lacks)
    ))
}

/// What else can be done where this kernel cannot attach programs of the target: which targets
/// take the ruleset here.
fn alternatives(args: &LoadArgs, artifact: &Artifact, inputs: &[Input]) -> String {
    if inputs.iter().any(|input| bpfc_object::is_object(&input.bytes)) {
        return String::new();
    }
    let takes = |target: &&dyn driver::Target| {
        let compiled = driver::compile(inputs, *target, &inputs::options(&args.selection, None));
        let attached = |artifact: &Artifact| {
            let decide = artifact.programs.iter().filter(|p| p.attach != AttachPoint::Companion);
            let mut decide = decide.map(|program| program.attach);
            decide.all(|attach| bpfc_runtime::supports(attach).is_ok()) && old(artifact).is_none()
        };
        target.name() != artifact.target && compiled.artifact().is_some_and(attached)
    };
    let names: Vec<String> = driver::targets()
        .iter()
        .copied()
        .filter(takes)
        .map(|target| format!("--target {}", target.name()))
        .collect();
    match names[..] {
        [] => "; no other target takes this ruleset on this kernel".into(),
        _ => format!("; on this kernel the ruleset can be loaded with {}", names.join(" or ")),
    }
}

/// The filter that is loaded, where loading it would change nothing.
fn unchanged(artifact: &Artifact, options: &Options) -> Result<Option<Filter>, Error> {
    match Filter::open(&options.name) {
        // What cannot be compared, such as what another version has loaded, is for the load to
        // judge.
        Ok(filter) => Ok(filter.is_unchanged(artifact, options).unwrap_or(false).then_some(filter)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes an absolute path of an input's name, if it is one: the folder that the command ran in says
/// nothing to those who look later.
pub(super) fn absolute(name: &mut String) {
    let path = Path::new(&*name);
    let path = path.exists().then(|| path::absolute(path).ok()).flatten();
    if let Some(path) = path.as_deref().and_then(Path::to_str) {
        *name = path.to_owned();
    }
}

/// The filter's name: what is asked for, or the first ruleset's.
pub(super) fn name(place: &PlaceArgs, inputs: &[String]) -> Result<String, Failure> {
    if let Some(name) = &place.name {
        return Ok(name.clone());
    }
    let stem = inputs.first().and_then(|input| inputs::name_of(input)).ok_or_else(|| {
        Failure::Usage("a filter from standard input needs a name: --name NAME".into())
    })?;
    words::filter_name(&stem)
        .map_err(|error| Failure::Usage(format!("{error}: choose one with --name NAME")))
}

/// The artifact of an object, where the input is one.
fn object(args: &LoadArgs, inputs: &[Input]) -> Result<Option<Artifact>, Failure> {
    let Some(found) = inputs.iter().find(|input| bpfc_object::is_object(&input.bytes)) else {
        return Ok(None);
    };
    if inputs.len() > 1 {
        return Err(Failure::Usage(format!(
            "'{}' is an object: it is loaded alone, not together with other inputs",
            found.name
        )));
    }
    let chosen = &args.selection;
    if !chosen.hook.is_empty()
        || !chosen.table.is_empty()
        || !chosen.from.is_empty()
        || !chosen.disable_pass.is_empty()
        || chosen.reject.is_some()
    {
        return Err(Failure::Usage(
            "--hook, --table, --from and --disable-pass are for compiling; the object is compiled"
                .into(),
        ));
    }
    let artifact = bpfc_object::read(&found.bytes)
        .map_err(|error| Failure::Refused(format!("cannot read '{}': {error}", found.name)))?;
    if let Some(target) = &args.place.target
        && *target != artifact.target
    {
        return Err(Failure::Refused(format!(
            "'{}' was compiled for target {}, not for {target}",
            found.name, artifact.target
        )));
    }
    Ok(Some(artifact))
}

/// The artifact of rulesets, and the options to load it with. Where the command line is wrong,
/// that alone is said.
fn compile(
    args: &LoadArgs,
    name: String,
    inputs: &[Input],
    console: &Console,
) -> Result<(Artifact, Options), Failure> {
    let target = target(&args.place)?;
    let selected = selected(&args.selection, &args.place);
    let compilation = with_progress("compiling", || driver::compile(inputs, target, &selected));
    let options =
        compilation.artifact().map(|artifact| options(args, name, artifact)).transpose()?;
    console.report_errors(&compilation.diagnostics, &compilation.sources, args.place.warnings);
    compilation.into_artifact().zip(options).ok_or(Failure::Said)
}

/// What is compiled, and how.
pub(super) fn selected(selection: &SelectionArgs, place: &PlaceArgs) -> driver::Options {
    let mut options = inputs::options(selection, place.priority);
    options.codegen.trace_one_in = place.trace;
    options
}

/// The target, which rulesets do not know.
pub(super) fn target(place: &PlaceArgs) -> Result<&'static dyn driver::Target, Failure> {
    place.target.as_deref().and_then(driver::target).ok_or_else(|| {
        let names: Vec<&str> = driver::targets().iter().map(|t| t.name()).collect();
        Failure::Usage(format!("say what to load for: --target {}", names.join("|")))
    })
}

/// The runtime's options; what the target has no use for is refused, not ignored.
fn options(args: &LoadArgs, name: String, artifact: &Artifact) -> Result<Options, Failure> {
    let attached = artifact.programs.iter();
    let attached =
        attached.filter(|p| !matches!(p.attach, AttachPoint::Service | AttachPoint::Companion));
    let kinds: Vec<ProgramKind> = attached.map(|p| p.attach.kind()).collect();
    placed(&args.place, name, &artifact.target, &kinds)
}

/// The options of programs of these kinds, which are the target's.
pub(super) fn placed(
    place: &PlaceArgs,
    name: String,
    target: &str,
    kinds: &[ProgramKind],
) -> Result<Options, Failure> {
    let has = |kind: ProgramKind| kinds.contains(&kind);
    let misplaced = |option: &str, of: &str| {
        Err(Failure::Usage(format!("{option} is for {of}, and the target is {target}")))
    };
    let on_interfaces = has(ProgramKind::Xdp) || has(ProgramKind::SchedCls);
    if place.iface.is_empty() && on_interfaces {
        return Err(Failure::Usage(format!(
            "target {target} attaches to interfaces: say which with --iface"
        )));
    }
    for (index, interface) in place.iface.iter().enumerate() {
        if place.iface[..index].contains(interface) {
            return Err(Failure::Usage(format!("interface {interface} is named twice")));
        }
    }
    if !place.iface.is_empty() && !on_interfaces {
        return misplaced("--iface", "xdp and tc");
    }
    if place.priority.is_some() && !has(ProgramKind::Netfilter) {
        return misplaced("--priority", "netfilter");
    }
    if place.xdp_mode != args::XdpMode::Auto && !has(ProgramKind::Xdp) {
        return misplaced("--xdp-mode", "xdp");
    }
    if place.cgroup.is_some() && !has(ProgramKind::CgroupSkb) {
        return misplaced("--cgroup", "cgroup-skb");
    }
    if place.cgroup.is_none() && has(ProgramKind::CgroupSkb) {
        let all = control_groups().unwrap_or_else(|| "/sys/fs/cgroup".into());
        return Err(Failure::Usage(format!(
            "target {} attaches to a control group: say which with --cgroup DIR (--cgroup {} is the whole \
             machine, in all its network namespaces)",
            target,
            all.display()
        )));
    }
    let mut options = Options::new(name);
    options.interfaces = place.iface.clone();
    options.xdp_mode = match place.xdp_mode {
        args::XdpMode::Auto => XdpMode::Auto,
        args::XdpMode::Native => XdpMode::Native,
        args::XdpMode::Generic => XdpMode::Generic,
    };
    options.priority = place.priority;
    if let Some(cgroup) = &place.cgroup {
        options.cgroup = cgroup.clone();
    }
    Ok(options)
}
