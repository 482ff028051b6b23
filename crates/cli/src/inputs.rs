//! From words on the command line to inputs of the compiler.

use crate::args::{Reject, SelectionArgs};
use crate::console::{self, Console, Failure};
use crate::{accounts, included, resolver, zone};
use bpfc_diag::{Code, Diagnostic};
use bpfc_driver::{Options, SETS};
use bpfc_ir::{Family, Input, Verdict};
use bpfc_packet::Capture;
use bpfc_runtime::xtables;
use bpfc_runtime::{nft_dump, nft_tables};
use std::error::Error;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Largest ruleset that is read: spans count bytes in 32 bits.
const MAX_INPUT: u64 = 1 << 31;

/// The compiler's options of a selection.
pub fn options(selection: &SelectionArgs, priority: Option<i32>) -> Options {
    let some = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    let mut options = Options {
        hooks: (!selection.hook.is_empty()).then(|| selection.hook.clone()),
        tables: some(&selection.table),
        disabled_passes: selection.disable_pass.clone(),
        drop_rejected: selection.reject == Some(Reject::Drop),
        accounts: Some(&accounts::System),
        zone: Some(&zone::Local),
        resolver: selection.resolve.then_some(&resolver::System as _),
        files: Some(included::files(&selection.include)),
        ..Options::default()
    };
    options.codegen.priority = priority;
    options
}

/// Reads every ruleset. All that cannot be read are named.
pub fn read_all(names: &[String], selection: &SelectionArgs) -> Result<Vec<Input>, Failure> {
    if selection.from.len() > 1 && selection.from.len() != names.len() {
        return Err(Failure::Usage(format!(
            "--from is given {} times for {} rulesets: give it once, or once for each",
            selection.from.len(),
            names.len()
        )));
    }
    if names.iter().filter(|name| *name == "-").count() > 1 {
        return Err(Failure::Usage("standard input can be read only once".into()));
    }
    let mut inputs = Vec::new();
    let mut errors = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let format = selection.from.get(index).or(selection.from.first()).cloned();
        match read(name, selection) {
            Ok((bytes, live_format)) => {
                let format = live_format.map(str::to_owned).or(format);
                inputs.push(Input { name: name.clone(), bytes, format });
            }
            Err(error) => errors.push(error),
        }
    }
    // What the kernel's rules look up are the kernel's sets.
    let kernel = |name: &String| name == "live:iptables" || name == "live:ip6tables";
    if names.iter().any(kernel) && !names.iter().any(|name| name == LIVE_SETS) {
        match read_live_sets() {
            Ok(bytes) if bytes.is_empty() => {}
            Ok(bytes) => {
                let format = Some(SETS.name.to_owned());
                inputs.push(Input { name: LIVE_SETS.to_owned(), bytes, format });
            }
            Err(error) => errors.push(error),
        }
    }
    match errors.is_empty() {
        true => Ok(inputs),
        false => Err(Failure::Refused(errors.join("\nerror: "))),
    }
}

/// The kernel's sets.
const LIVE_SETS: &str = "live:ipset";

fn read_live_sets() -> Result<Vec<u8>, String> {
    bpfc_runtime::ipset::save().map_err(|error| unreadable(LIVE_SETS, &error))
}

/// Why what the kernel holds cannot be read.
fn unreadable(name: &str, error: &(dyn Error + 'static)) -> String {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    let forbidden = causes.any(|cause| {
        let cause = cause.downcast_ref::<std::io::Error>();
        cause.is_some_and(|cause| cause.kind() == ErrorKind::PermissionDenied)
    });
    let hint = if forbidden { " (the kernel's own rules and sets are read by root)" } else { "" };
    format!("cannot read {name}: {error}{hint}")
}

/// The bytes of one input, and its format where the kernel says it.
fn read(name: &str, selection: &SelectionArgs) -> Result<(Vec<u8>, Option<&'static str>), String> {
    let live = |family: Family, format: &'static str| {
        let bytes = xtables::read_tables(family).map_err(|error| unreadable(name, &error))?;
        let nft = nft_tables::filled(family).map_err(|error| unreadable(name, &error))?;
        let remark = beside_nft(name, family, &bytes, &nft, &selection.table)?;
        remark.into_iter().for_each(console::remark);
        Ok((bytes, Some(format)))
    };
    match name {
        "-" => Ok((read_limited(std::io::stdin().lock(), "standard input")?, None)),
        "live:iptables" => live(Family::Ipv4, "iptables-blob"),
        "live:ip6tables" => live(Family::Ipv6, "ip6tables-blob"),
        LIVE_SETS => Ok((read_live_sets()?, Some(SETS.name))),
        "live:nft" => {
            let bytes = nft_dump::dump().map_err(|error| unreadable(name, &error))?;
            Ok((bytes, Some("nft-dump")))
        }
        _ if name.starts_with("live:") => Err(format!(
            "'{name}' is unknown: what the kernel holds is live:iptables, live:ip6tables, live:nft \
             or live:ipset"
        )),
        path => Ok((read_file(Path::new(path))?, None)),
    }
}

/// What is said of the rules of iptables-nft (`nft` are its tables that hold something) where the
/// legacy tables are read: an error where these would let everything pass in their place.
fn beside_nft(
    name: &str,
    family: Family,
    bytes: &[u8],
    nft: &[String],
    chosen: &[String],
) -> Result<Option<Diagnostic>, String> {
    let tool = family.tool();
    let is_chosen = |table: &str| match chosen {
        [] => table == "filter",
        chosen => chosen.iter().any(|name| name == table),
    };
    let tables: Vec<String> = nft.iter().map(|table| format!("{family} {table}")).collect();
    let tables = tables.join(", ");
    if nft.iter().any(|table| is_chosen(table)) && is_blank(bytes, family, is_chosen) {
        let legacy = if bytes.is_empty() {
            "there are no legacy tables"
        } else {
            "the legacy tables are empty"
        };
        return Err(format!(
            "{name}: {legacy}, and the rules are iptables-nft's (nftables holds {tables}), which \
             live: does not read: {tool}-save | bpfc load - --name NAME"
        ));
    }
    if bytes.is_empty() {
        return Err(format!("{name}: the kernel holds no such tables for this network namespace"));
    }
    if nft.is_empty() {
        return Ok(None);
    }
    let message =
        format!("{name} reads the legacy tables; those of iptables-nft ({tables}) hold rules, too");
    Ok(Some(
        Diagnostic::warning(Code::OTHER_RULES, None, message)
            .with_note("the kernel runs both; what iptables-nft made stays where it is")
            .with_help(format!("to compile those instead: {tool}-save | bpfc load - --name NAME")),
    ))
}

/// Whether the chosen tables of a blob have no rules and accept everything, or are not there.
fn is_blank(bytes: &[u8], family: Family, is_chosen: impl Fn(&str) -> bool) -> bool {
    if bytes.is_empty() {
        return true;
    }
    // What cannot be read is said where it is compiled.
    let Ok(tables) = bpfc_xtables::blob::tables(bytes, family) else { return false };
    tables.iter().filter(|table| is_chosen(table.name)).all(|table| {
        table.chains.iter().all(|chain| {
            chain.rules.is_empty() && chain.base.is_none_or(|base| base.policy == Verdict::Accept)
        })
    })
}

/// The bytes of a file, or of standard input for `-`.
pub fn read_bytes(name: &str) -> Result<Vec<u8>, String> {
    match name {
        "-" => read_limited(std::io::stdin().lock(), "standard input"),
        path => read_file(Path::new(path)),
    }
}

/// A capture, of standard input for `-`. Where it ends inside a packet that is said.
pub fn read_capture(path: &Path, console: &Console) -> Result<Capture, Failure> {
    let bytes = match path.to_str() {
        Some("-") => read_bytes("-"),
        _ => read_file(path),
    };
    let name = path.display();
    let capture = Capture::read(&bytes.map_err(Failure::Refused)?)
        .map_err(|error| Failure::Refused(format!("cannot read '{name}': {error}")))?;
    if capture.cut {
        let whole = match capture.packets.len() {
            1 => "the one packet before it is there".to_owned(),
            count => format!("the {count} packets before it are there"),
        };
        console.warning(&format!("'{name}' ends inside a packet: {whole}"));
    }
    Ok(capture)
}

/// The bytes of a file.
pub fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let file = std::fs::File::open(path)
        .map_err(|error| format!("cannot read '{}': {error}", path.display()))?;
    read_limited(file, &format!("'{}'", path.display()))
}

fn read_limited(from: impl Read, name: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    from.take(MAX_INPUT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot read {name}: {error}"))?;
    if bytes.len() as u64 > MAX_INPUT {
        return Err(format!("{name} is larger than {} GiB", MAX_INPUT >> 30));
    }
    Ok(bytes)
}

/// A name for what is made of an input: its file name without the ending, `iptables` of
/// `live:iptables`; none for standard input.
pub fn stem(name: &str) -> Option<String> {
    if name == "-" {
        return None;
    }
    if let Some(live) = name.strip_prefix("live:") {
        return Some(live.to_owned());
    }
    Path::new(name).file_stem().map(|stem| stem.to_string_lossy().into_owned())
}

/// A filter's name for what is made of an input: its [`stem`], with a dash for every run of
/// characters that a filter's name cannot have. `web.v4.rules` becomes `web-v4`.
pub fn name_of(input: &str) -> Option<String> {
    let stem = stem(input)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let parts: Vec<&str> = stem.split(|c| !fits(c)).filter(|part| !part.is_empty()).collect();
    Some(parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_file_names() {
        assert_eq!(stem("a/webserver.rules").as_deref(), Some("webserver"));
        assert_eq!(stem("live:iptables").as_deref(), Some("iptables"));
        assert_eq!(stem("-"), None);
        for (input, name) in [
            ("/etc/web.v4.rules", "web-v4"),
            ("rules.v4", "rules"),
            ("my rules (2).txt", "my-rules-2"),
            ("a--b_c", "a-b_c"),
            (".rules", "rules"),
            ("live:iptables", "iptables"),
        ] {
            assert_eq!(name_of(input).as_deref(), Some(name), "{input}");
        }
    }

    #[test]
    fn inputs_that_cannot_be_read_are_all_named() {
        let names = ["/nonexistent/a".to_owned(), "/nonexistent/b".to_owned(), "live:x".to_owned()];
        let Err(Failure::Refused(message)) = read_all(&names, &SelectionArgs::default()) else {
            panic!("read");
        };
        assert_eq!(message.lines().count(), 3, "{message}");
        assert!(message.contains("'live:x' is unknown"));
    }

    #[test]
    fn formats_go_with_inputs() {
        let names = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let selection = SelectionArgs { from: vec!["x".into(); 2], ..SelectionArgs::default() };
        assert!(matches!(read_all(&names, &selection), Err(Failure::Usage(_))));
    }

    #[test]
    fn rules_of_nft_are_not_passed_over() {
        let said = |nft: &[&str], chosen: &[&str], bytes: &[u8]| {
            let [nft, chosen] = [nft, chosen].map(|list| list.iter().map(|s| (*s).to_owned()));
            let (nft, chosen): (Vec<String>, Vec<String>) = (nft.collect(), chosen.collect());
            beside_nft("live:ip6tables", Family::Ipv6, bytes, &nft, &chosen)
                .map(|remark| remark.map(|remark| remark.message))
        };
        let error = said(&["filter"], &[], b"").unwrap_err();
        assert!(error.contains("ip6 filter") && error.contains("ip6tables-save | bpfc"), "{error}");
        let error = said(&["nat"], &[], b"").unwrap_err();
        assert!(error.contains("holds no such tables"), "{error}");
        assert!(said(&["mangle"], &["filter", "mangle"], b"").is_err());
        // Bytes that are no blob are not blank.
        let warning = said(&["filter", "nat"], &[], b"x").unwrap().unwrap();
        assert!(warning.contains("ip6 filter, ip6 nat"), "{warning}");
        assert_eq!(said(&[], &[], b"x"), Ok(None));
    }
}
