//! libbpf opens and loads what is written, and the kernel takes it.

use crate::assemble::{self, Code};
use bpfc_artifact::*;
use bpfc_object::write;
use libbpf_rs::{MapCore, ObjectBuilder, OpenObject, PrintLevel, ProgramType, set_print};
use std::sync::Mutex;

/// What libbpf said, for messages of failing tests. At its debug level it tells of instructions
/// that it made invalid because a relocation had no target.
static SAID: Mutex<String> = Mutex::new(String::new());

const INVALID_INSN: &str = "w/ invalid insn";

fn open(artifact: &Artifact) -> OpenObject {
    set_print(Some((PrintLevel::Debug, |level, line| {
        if level != PrintLevel::Debug || line.contains(INVALID_INSN) {
            SAID.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push_str(&line);
        }
    })));
    let object = write(artifact).expect("writes");
    let opened = ObjectBuilder::default().name("bpfc").and_then(|b| b.open_memory(&object));
    opened.unwrap_or_else(|error| panic!("{}: {error}\n{}", artifact.target, said()))
}

fn said() -> String {
    SAID.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
}

/// Whether this process may load programs; says so when not.
fn may_load() -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    skip("not root: nothing is loaded");
    false
}

fn skip(reason: &str) {
    assert!(std::env::var_os("BPFC_REQUIRE_ALL").is_none(), "{reason}");
    eprintln!("skipped: {reason}");
}

/// Whether this kernel has netfilter programs and what they call; says so when not.
fn has_netfilter_programs() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    let version = (numbers.next(), numbers.next());
    if version >= (Some(6), Some(4)) {
        return true;
    }
    skip(&format!("Linux {} has no netfilter programs", release.trim()));
    false
}

#[test]
fn sections_give_the_program_types() {
    for (artifact, sections) in assemble::all() {
        let opened = open(&artifact);
        let found: Vec<(String, String, ProgramType)> = opened
            .progs()
            .map(|p| {
                let text = |os: &std::ffi::OsStr| os.to_string_lossy().into_owned();
                (text(p.name()), text(p.section()), p.prog_type())
            })
            .collect();
        let expected: Vec<_> = artifact
            .programs
            .iter()
            .zip(sections)
            .map(|(program, section)| {
                let kind = ProgramType::from(program.attach.kind().number());
                (program.name.clone(), section.to_string(), kind)
            })
            .collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn the_kernel_takes_every_type() {
    if !may_load() {
        return;
    }
    for (artifact, _) in assemble::all() {
        if artifact.target == "netfilter" && !has_netfilter_programs() {
            continue;
        }
        let loaded = open(&artifact).load();
        let loaded = loaded.unwrap_or_else(|e| panic!("{}: {e}\n{}", artifact.target, said()));
        let counters = loaded.maps().find(|map| map.name() == "bpfc_counters").expect("the map");
        assert_eq!((counters.key_size(), counters.value_size()), (4, 16384));
        assert_eq!(counters.max_entries(), 2);
        assert_eq!(loaded.progs().count(), artifact.programs.len());
    }
}

#[test]
fn a_dump_names_the_rules() {
    use std::os::fd::{AsFd, AsRawFd};
    if !may_load() {
        return;
    }
    let loaded = open(&assemble::filter("xdp", &[AttachPoint::Xdp])).load();
    let loaded = loaded.unwrap_or_else(|e| panic!("{e}\n{}", said()));
    let program = loaded.progs().next().expect("a program");
    let path = format!("/proc/self/fdinfo/{}", program.as_fd().as_raw_fd());
    let info = std::fs::read_to_string(path).expect("fdinfo");
    let id = info.lines().find_map(|line| line.strip_prefix("prog_id:")).expect("an id").trim();
    let dump = std::process::Command::new("bpftool")
        .args(["prog", "dump", "xlated", "id", id, "linum"])
        .output();
    let Ok(dump) = dump else { return skip("bpftool is not installed") };
    let text = String::from_utf8_lossy(&dump.stdout);
    for expected in [
        "-P INPUT ACCEPT [file:rules.v4 line_num:1",
        "-A INPUT -s 10.0.0.1/32 -j DROP [file:rules.v4 line_num:2",
        "int filter_INPUT(struct xdp_md * ctx, struct bpfc_packet * packet)",
    ] {
        assert!(text.contains(expected), "{expected} not in:\n{text}");
    }
}

/// Every kernel function and member that objects declare, in a function that nobody calls: libbpf
/// resolves and compares them all.
#[test]
fn declarations_agree_with_the_kernel() {
    if !may_load() || !has_netfilter_programs() {
        return;
    }
    let mut code = Code::default();
    for name in [
        "bpf_xdp_ct_lookup",
        "bpf_skb_ct_lookup",
        "bpf_ct_release",
        "bpf_dynptr_from_skb",
        "bpf_dynptr_from_xdp",
        "bpf_dynptr_slice",
        "bpf_dynptr_size",
        "bpf_rdonly_cast",
        "bpf_cast_to_kern_ctx",
        "bpf_rcu_read_lock",
        "bpf_rcu_read_unlock",
    ] {
        code.kfunc(name);
    }
    for (structure, member, size) in [
        ("sk_buff", "_nfct", 8),
        ("sk_buff", "len", 4),
        ("sk_buff", "mark", 4),
        ("sk_buff", "data", 8),
        ("sk_buff", "dev", 8),
        ("sk_buff", "network_header", 2),
        ("sk_buff", "mac_header", 2),
        ("sk_buff", "head", 8),
        ("sk_buff", "__pkt_type_offset", 0),
        ("net_device", "ifindex", 4),
        ("net_device", "type", 2),
        ("net_device", "dev_addr", 8),
        ("xdp_buff", "rxq", 8),
        ("xdp_rxq_info", "dev", 8),
        ("net_device", "name", 16),
        ("nf_hook_state", "in", 8),
        ("nf_hook_state", "out", 8),
        ("nf_hook_state", "hook", 1),
        ("nf_conn", "status", 8),
        ("nf_conn", "mark", 4),
        ("nf_conn", "tuplehash", 112),
        ("nf_conntrack_tuple_hash", "tuple", 40),
        ("nf_conntrack_tuple", "src", 20),
        ("nf_conntrack_tuple", "dst", 20),
    ] {
        code.field(structure, member, size).add(1, 0);
        let load = match size {
            0 | 1 => 0x71,
            2 => 0x69,
            4 => 0x61,
            8 => 0x79,
            _ => continue,
        };
        code.field(structure, member, size).load(load, 1, 1, 0);
    }
    code.set(0, 0).exit();
    let mut artifact = assemble::filter("xdp", &[AttachPoint::Xdp]);
    artifact.functions.push(code.function("unused", FunctionKind::Chain, ProgramKind::Xdp));
    let loaded = open(&artifact).load();
    assert!(loaded.is_ok(), "{}", said());
    assert!(!said().contains(INVALID_INSN), "{}", said());
}
