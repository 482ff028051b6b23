//! `bpfc status`: what is loaded and where, and whether it filters there.
//!
//! The exit status is 1 where something that should filter does not, so that supervision needs no
//! parser.

use crate::args::StatusArgs;
use crate::console::{Console, Failure, elsewhere, refused};
use bpfc_artifact::{RuleKind, RuleTable};
use bpfc_runtime::{
    AttachmentStatus, Error, Filter, InputFile, Loaded, Problem, ProgramStatus, Status,
};
use comfy_table::{Table, presets};
use serde::Serialize;
use std::time::{Duration, SystemTime};

#[derive(Serialize)]
struct JsonStatus {
    name: String,
    target: String,
    rules: usize,
    /// Seconds since the filter was loaded or replaced; null where the kernel does not tell.
    age: Option<u64>,
    needs_conntrack: bool,
    /// Whether what keeps conntrack on is there; null where nothing need be, or it cannot be seen.
    conntrack: Option<bool>,
    namespace: JsonNamespace,
    programs: Vec<JsonProgram>,
    attachments: Vec<JsonAttachment>,
    /// Programs that decide nothing and note what the others want to know.
    companions: Vec<JsonAttachment>,
    /// Whether programs find connections of protocols other than TCP and UDP in conntrack's own
    /// table.
    walks_connections: bool,
    /// When it was loaded or last replaced, and by which version; null where an earlier version
    /// did it, which does not say.
    loaded: Option<Loaded>,
    /// What it was compiled from; null where that is not recorded.
    inputs: Option<Vec<InputFile>>,
}

/// A filter that cannot be read.
#[derive(Serialize)]
struct JsonUnreadable {
    name: String,
    error: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum JsonRow {
    Filter(Box<JsonStatus>),
    Unreadable(JsonUnreadable),
}

#[derive(Serialize)]
struct JsonNamespace {
    /// In `/run/netns`.
    name: Option<String>,
    inode: u64,
    /// Whether it is the caller's.
    own: bool,
    /// Whether a name or a process leads to it.
    found: bool,
}

#[derive(Serialize)]
struct JsonProgram {
    name: String,
    id: u32,
    instructions: u32,
    machine_bytes: u32,
    verified_instructions: u32,
}

#[derive(Serialize)]
struct JsonAttachment {
    program: String,
    place: bpfc_runtime::Place,
    link: Option<u32>,
    attached: bool,
    /// Why it is not attached.
    problem: Option<String>,
}

/// A filter's row.
struct Row {
    status: Status,
    /// Without policies.
    rules: usize,
    age: Option<Duration>,
}

/// A filter, or the name of one that cannot be read, and why.
type Found = Result<Row, (String, String)>;

pub(super) fn run(args: &StatusArgs, console: &Console) -> Result<(), Failure> {
    let filters = match &args.name {
        Some(name) => vec![Filter::open(name).map_err(refused)?],
        None => Filter::list().map_err(refused)?,
    };
    let found = filters.iter().filter_map(|filter| match row(filter) {
        Ok(row) => Some(Ok(row)),
        // Unloaded meanwhile.
        Err(Error::NotFound(_)) if args.name.is_none() => None,
        Err(error) => Some(Err((filter.name().to_owned(), error.to_string()))),
    });
    let rows: Vec<Found> = found.collect();
    let wrong: Vec<String> = rows.iter().flat_map(wrong).collect();
    if args.json {
        let rows: Vec<JsonRow> = rows.into_iter().map(json).collect();
        match (&args.name, rows.first()) {
            (Some(_), Some(row)) => console.print_json(row)?,
            _ => console.print_json(&rows)?,
        }
    } else {
        match args.name {
            Some(_) => console.print(&rows.iter().flatten().map(details).collect::<String>())?,
            None => console.print(&list(&rows))?,
        }
    }
    for text in &wrong {
        console.failure(text);
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Said) }
}

/// What of a filter does not filter, and what to do.
fn wrong(found: &Found) -> Vec<String> {
    let Row { status, .. } = match found {
        Ok(row) => row,
        Err((name, error)) => return vec![format!("filter {name} cannot be read: {error}")],
    };
    let name = &status.name;
    let mut wrong = Vec::new();
    let places = status.attachments.iter().chain(&status.companions);
    for AttachmentStatus { attachment, problem, .. } in places {
        let place = &attachment.place;
        let (is, way_out) = match problem {
            None => continue,
            Some(Problem::InterfaceGone) => (
                "its interface is gone",
                format!("once it is back, `bpfc load {name} --again` attaches the filter"),
            ),
            Some(Problem::CgroupGone) => (
                "the control group is gone",
                format!("once it is back, `bpfc load {name} --again` attaches the filter"),
            ),
            Some(Problem::NamespaceGone) => (
                "its network namespace is gone",
                format!("a new `bpfc load` as {name} replaces it, `bpfc unload {name}` removes it"),
            ),
            Some(Problem::Detached) => (
                "it was detached, or the place is new",
                format!("`bpfc load {name} --again` attaches the filter"),
            ),
        };
        wrong.push(format!("filter {name} does not filter at {place}: {is}; {way_out}"));
    }
    if status.conntrack == Some(false) {
        wrong.push(format!(
            "filter {name} needs conntrack, and its table inet bpfc-{name}, which keeps it on, is gone: `bpfc \
             load {name} --again` makes it again"
        ));
    }
    wrong
}

fn row(filter: &Filter) -> Result<Row, Error> {
    let counters = filter.counters()?;
    Ok(Row { status: filter.status()?, rules: rule_count(counters.rules()), age: age(filter) })
}

/// How many rules a table has, policies left out.
pub(super) fn rule_count(rules: &RuleTable) -> usize {
    rules.entries.iter().filter(|entry| entry.kind != RuleKind::Policy).count()
}

/// How long ago the filter was loaded or replaced: when its folder of pins last changed.
fn age(filter: &Filter) -> Option<Duration> {
    let pins = std::path::Path::new("/sys/fs/bpf/bpfc").join(filter.name());
    let changed = pins.metadata().and_then(|metadata| metadata.modified()).ok()?;
    SystemTime::now().duration_since(changed).ok()
}

/// An age in its largest unit, as `3h`.
fn short(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Seconds since 1970 as `2026-11-30 15:24:05 UTC`.
fn date(seconds: u64) -> String {
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March, so that leap days end them: 400 of them have 146,097 days.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..10 => (400 * era + year_of_era, month + 3),
        _ => (400 * era + year_of_era + 1, month - 9),
    };
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

fn place(attachment: &AttachmentStatus) -> String {
    let place = attachment.attachment.place.to_string();
    match attachment.problem {
        None => place,
        Some(problem) => format!("{place} ({problem})"),
    }
}

/// A filter's network namespace: `-` for the caller's, else its name or its inode.
fn namespace(status: &Status) -> String {
    let found = &status.namespace;
    let gone = |found: &AttachmentStatus| found.problem == Some(Problem::NamespaceGone);
    match &found.name {
        _ if found.own => "-".to_owned(),
        Some(name) => name.clone(),
        None if status.attachments.iter().any(gone) => format!("{} (gone)", found.inode),
        None if !found.found => format!("{} (not found)", found.inode),
        None => found.inode.to_string(),
    }
}

fn list(rows: &[Found]) -> String {
    if rows.is_empty() {
        return format!("no filter is loaded{}\n", elsewhere());
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["NAME", "TARGET", "RULES", "AGE", "NAMESPACE", "ATTACHED TO"]);
    for found in rows {
        let Row { status, rules, age } = match found {
            Ok(row) => row,
            Err((name, error)) => {
                let why = format!("cannot be read: {error}");
                table.add_row([name, "?", "?", "?", "?", why.as_str()]);
                continue;
            }
        };
        let places: Vec<String> = status.attachments.iter().map(place).collect();
        table.add_row([
            status.name.clone(),
            status.target.clone(),
            rules.to_string(),
            age.map(short).unwrap_or_else(|| "?".to_owned()),
            namespace(status),
            places.join("; "),
        ]);
    }
    table.to_string().lines().map(|line| format!("{}\n", line.trim())).collect()
}

fn details(row: &Row) -> String {
    let Row { status, rules, age } = row;
    let mut text = format!("{}\n  target: {}\n  rules: {rules}\n", status.name, status.target);
    if let Some(age) = age {
        text += &format!("  age: {}\n", short(*age));
    }
    text += &match &status.loaded {
        Some(loaded) => format!("  loaded: {} by bpfc {}\n", date(loaded.at), loaded.version),
        None => "  loaded: not recorded\n".to_owned(),
    };
    if status.inputs.is_empty() {
        text += "  compiled from: not recorded\n";
    }
    for InputFile { name, sha256 } in &status.inputs {
        text += &format!("  compiled from: {name}, sha256 {sha256}\n");
    }
    text += &format!("  namespace: {}\n", namespace(status));
    if status.needs_conntrack {
        text += match status.conntrack {
            Some(true) => "  conntrack: kept on\n",
            Some(false) => "  conntrack: not kept on any more\n",
            None => "  conntrack: kept on in a namespace that cannot be entered\n",
        };
    }
    for attachment in &status.attachments {
        let link = attachment.link.map(|id| format!(", link {id}")).unwrap_or_default();
        text += &format!(
            "  attached: {} by program {}{link}\n",
            place(attachment),
            attachment.attachment.program
        );
    }
    if status.walks_connections {
        text += "  connections found: in conntrack's own table\n";
    }
    for companion in &status.companions {
        let link = companion.link.map(|id| format!(", link {id}")).unwrap_or_default();
        text += &format!(
            "  connections noted: {} by program {}{link}\n",
            place(companion),
            companion.attachment.program
        );
    }
    for program in &status.programs {
        text += &format!(
            "  program: {}, id {}, {} instructions, {} bytes of machine code\n",
            program.name, program.id, program.insns, program.machine_bytes
        );
    }
    text
}

fn json(found: Found) -> JsonRow {
    let Row { status, rules, age } = match found {
        Ok(row) => row,
        Err((name, error)) => return JsonRow::Unreadable(JsonUnreadable { name, error }),
    };
    let program = |program: ProgramStatus| JsonProgram {
        name: program.name,
        id: program.id,
        instructions: program.insns,
        machine_bytes: program.machine_bytes,
        verified_instructions: program.verified_insns,
    };
    let attachment = |status: AttachmentStatus| JsonAttachment {
        program: status.attachment.program,
        place: status.attachment.place,
        link: status.link,
        attached: status.attached,
        problem: status.problem.map(|problem| problem.to_string()),
    };
    JsonRow::Filter(Box::new(JsonStatus {
        name: status.name,
        target: status.target,
        rules,
        age: age.map(|age| age.as_secs()),
        needs_conntrack: status.needs_conntrack,
        conntrack: status.conntrack,
        namespace: JsonNamespace {
            name: status.namespace.name,
            inode: status.namespace.inode,
            own: status.namespace.own,
            found: status.namespace.found,
        },
        programs: status.programs.into_iter().map(program).collect(),
        attachments: status.attachments.into_iter().map(attachment).collect(),
        companions: status.companions.into_iter().map(attachment).collect(),
        walks_connections: status.walks_connections,
        loaded: status.loaded,
        inputs: Some(status.inputs).filter(|inputs| !inputs.is_empty()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_735_689_599, "2024-12-31 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(date(seconds), text);
        }
    }

    #[test]
    fn ages_have_one_unit() {
        for (seconds, text) in [(0, "0s"), (59, "59s"), (60, "1m"), (7_200, "2h"), (200_000, "2d")]
        {
            assert_eq!(short(Duration::from_secs(seconds)), text);
        }
    }
}
