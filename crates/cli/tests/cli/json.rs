//! The form of what `--json` prints, one golden text a command: fields are added, never renamed or
//! removed.
//!
//! What differs from machine to machine and from run to run stands as its type.

use crate::run::{alone, bpfc, file, folder};
use bpfc_packet::{Capture, CaptureFormat, Captured, LinkType, describe};
use serde_json::Value;
use std::time::Duration;

const RULES: &str = "\
*filter
:INPUT ACCEPT [0:0]
:local - [0:0]
-A INPUT -p udp -m udp --dport 9 -m set --match-set seen src -j local
-A local -m recent --set --name ports
-A local -j LOG --log-prefix \"golden: \" --log-level 4
-A local -j DROP
COMMIT
";

const SETS: &str = "\
create seen hash:ip family inet hashsize 1024 maxelem 65536 timeout 0 counters comment
add seen 127.0.0.1 timeout 0 comment \"this host\"
";

/// Numbers and words that no two runs have in common.
const VOLATILE: [&str; 20] = [
    "age",
    "id",
    "instructions",
    "machine_bytes",
    "verified_instructions",
    "link",
    "ifindex",
    "inode",
    "time",
    "line",
    "packet",
    "last_seen",
    "seen",
    "trace",
    "priority",
    "digest",
    "kernel",
    "kernel_not_tried",
    "at",
    "version",
];

/// The value with what is volatile replaced by its type.
fn settled(value: Value) -> Value {
    let kind = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "truth",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    match value {
        Value::Array(list) => Value::Array(list.into_iter().map(settled).collect()),
        Value::Object(fields) => {
            let field = |(name, value): (String, Value)| match VOLATILE.contains(&&*name) {
                // What is known in one environment alone may be null in the other.
                true if name.starts_with("kernel") => (name, Value::from("...")),
                true => (name, Value::from(format!("<{}>", kind(&value)))),
                false => (name, settled(value)),
            };
            Value::Object(fields.into_iter().map(field).collect())
        }
        other => other,
    }
}

/// Lines of JSON as a golden text.
fn golden(lines: &str) -> String {
    let line = |line: &str| {
        let value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        serde_json::to_string_pretty(&settled(value)).expect("JSON") + "\n"
    };
    lines.lines().map(line).collect()
}

/// Golden texts lie in the workspace's folder of snapshots.
fn hold(name: &str, golden: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../snapshots/json");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, golden));
}

fn inputs(folder: &tempfile::TempDir) -> [String; 2] {
    [file(folder, "golden.rules", RULES), file(folder, "golden.ipset", SETS)]
}

#[test]
fn check_and_explain_and_replay() {
    let folder = folder();
    let [rules, sets] = inputs(&folder);
    let ran = bpfc(&["check", &rules, &sets, "--json", "--target", "tc"]).ok();
    let out = ran.out.replace(folder.path().to_str().expect("UTF-8"), "DIR");
    hold("check", &golden(&out));
    // What a compiler's user is told of the source is told of by its line.
    let nothing = file(&folder, "bad.rules", "*filter\n:INPUT ACCEPT\n-A INPUT -j NONE\nCOMMIT\n");
    let old = ["check", &rules, &sets, "--json", "--target", "tc", "--kernel", "6.1"];
    let out = bpfc(&old).fails(1).out.replace(folder.path().to_str().expect("UTF-8"), "DIR");
    hold("check-kernel", &golden(&out));
    let ran = bpfc(&["check", &nothing, "--json", "--target", "tc"]).fails(1);
    let out = ran.out.replace(folder.path().to_str().expect("UTF-8"), "DIR");
    hold("check-error", &golden(&out));
    let words = "in=lo ip saddr 127.0.0.1 daddr 127.0.0.1 udp sport 4000 dport 9";
    let ran =
        bpfc(&["explain", &rules, &sets, "--packet", words, "--target", "netfilter", "--json"]);
    hold("explain", &golden(&ran.ok().out));
    let packet = describe(words).expect("a packet").packet.bytes;
    let packet = Captured {
        time: Duration::ZERO,
        link: LinkType::Raw,
        length: packet.len() as u32,
        bytes: packet,
    };
    let capture = file(
        &folder,
        "golden.pcap",
        Capture { packets: vec![packet], ..Capture::default() }
            .write(CaptureFormat::Pcap)
            .expect("a capture"),
    );
    let replay = ["replay", &rules, &sets, "--pcap", &capture, "--engine", "reference", "--json"];
    hold("replay", &golden(&bpfc(&replay).ok().out));
}

#[test]
fn help_code_and_compile() {
    hold("help-code", &golden(&bpfc(&["help-code", "BPFC0006", "--json"]).ok().out));
    let folder = folder();
    let rules = file(&folder, "small.rules", "*filter\n:INPUT DROP [0:0]\nCOMMIT\n");
    let ran = bpfc(&["compile", &rules, "--emit", "json", "--target", "netfilter"]).ok();
    let artifact: Value = serde_json::from_str(&ran.out).expect("JSON");
    // The artifact's form is tested where it is defined; here is which parts there are.
    let parts = artifact.as_object().expect("an object").keys();
    hold("compile", &parts.map(|part| format!("{part}\n")).collect::<String>());
}

#[test]
fn commands_of_a_loaded_filter() {
    let folder = folder();
    let [rules, sets] = inputs(&folder);
    let script = r#"
    $BPFC load $RULES $SETS --target netfilter --name golden --trace 1 --json
    echo -n hello > /dev/udp/127.0.0.1/9
    for command in "status golden" "status" "counters golden" "save golden" "log golden --timeout 0" \
        "recent list golden ports" "recent list golden" "set list golden seen"; do
        echo "== $command"
        $BPFC $command --json
    done
    echo -n hello > /dev/udp/127.0.0.1/9
    echo "== explain --live golden"
    $BPFC explain --live golden --count 1 --timeout 20 --json
    $BPFC unload golden >&2
    "#;
    let Some(ran) = alone(script, &[("RULES", &rules), ("SETS", &sets)]) else { return };
    let out = ran.ok().out.replace(folder.path().to_str().expect("UTF-8"), "DIR");
    let mut parts = out.split("== ");
    hold("load", &golden(parts.next().expect("load")));
    for part in parts {
        let (command, lines) = part.split_once('\n').expect("a command");
        let name = command.replace(" --timeout 0", "").replace(" --", " ").replace(' ', "-");
        hold(&name, &golden(lines));
    }
}
