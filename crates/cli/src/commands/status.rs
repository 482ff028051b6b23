//! `bpfc status`: what is loaded and where.

use crate::args::StatusArgs;
use crate::console::{Console, Failure, elsewhere, refused};
use bpfc_artifact::{RuleKind, RuleTable};
use bpfc_runtime::{AttachmentStatus, Filter, ProgramStatus, Status};
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
    programs: Vec<JsonProgram>,
    attachments: Vec<JsonAttachment>,
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
}

/// A filter's row.
struct Row {
    status: Status,
    /// Without policies.
    rules: usize,
    age: Option<Duration>,
}

pub(super) fn run(args: &StatusArgs, console: &Console) -> Result<(), Failure> {
    let filters = match &args.name {
        Some(name) => vec![Filter::open(name).map_err(refused)?],
        None => Filter::list().map_err(refused)?,
    };
    let rows = filters.iter().map(row).collect::<Result<Vec<Row>, Failure>>()?;
    if args.json {
        let rows: Vec<JsonStatus> = rows.into_iter().map(json).collect();
        return match (&args.name, rows.first()) {
            (Some(_), Some(row)) => console.print_json(row),
            _ => console.print_json(&rows),
        };
    }
    match args.name {
        Some(_) => console.print(&rows.iter().map(details).collect::<String>()),
        None => console.print(&list(&rows)),
    }
}

fn row(filter: &Filter) -> Result<Row, Failure> {
    let counters = filter.counters().map_err(refused)?;
    Ok(Row {
        status: filter.status().map_err(refused)?,
        rules: rule_count(counters.rules()),
        age: age(filter),
    })
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

fn place(attachment: &AttachmentStatus) -> String {
    let place = attachment.attachment.place.to_string();
    if attachment.attached { place } else { format!("{place} (gone)") }
}

fn list(rows: &[Row]) -> String {
    if rows.is_empty() {
        return format!("no filter is loaded{}\n", elsewhere());
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["NAME", "TARGET", "RULES", "AGE", "ATTACHED TO"]);
    for Row { status, rules, age } in rows {
        let places: Vec<String> = status.attachments.iter().map(place).collect();
        table.add_row([
            status.name.clone(),
            status.target.clone(),
            rules.to_string(),
            age.map(short).unwrap_or_else(|| "?".to_owned()),
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
    if status.needs_conntrack {
        text += "  conntrack: kept on\n";
    }
    for attachment in &status.attachments {
        let link = attachment.link.map(|id| format!(", link {id}")).unwrap_or_default();
        text += &format!(
            "  attached: {} by program {}{link}\n",
            place(attachment),
            attachment.attachment.program
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

fn json(Row { status, rules, age }: Row) -> JsonStatus {
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
    };
    JsonStatus {
        name: status.name,
        target: status.target,
        rules,
        age: age.map(|age| age.as_secs()),
        needs_conntrack: status.needs_conntrack,
        programs: status.programs.into_iter().map(program).collect(),
        attachments: status.attachments.into_iter().map(attachment).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        for (seconds, text) in [(0, "0s"), (59, "59s"), (60, "1m"), (7_200, "2h"), (200_000, "2d")]
        {
            assert_eq!(short(Duration::from_secs(seconds)), text);
        }
    }
}
