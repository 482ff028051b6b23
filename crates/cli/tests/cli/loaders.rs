//! Objects loaded by what Debian ships, bpftool, `ip` and `tc`, without any help of bpfc's.

use crate::run::{alone, bpfc, file, folder};

/// Rules with counters, a limit, which keeps its state in a map that code addresses, and a chain.
const RULES: &str = "\
*filter
:INPUT DROP
:OUTPUT ACCEPT
:ssh -
-A INPUT -i lo -p udp --dport 9 -j ACCEPT
-A INPUT -p tcp --dport 22 -j ssh
-A OUTPUT -p udp --dport 7 -j DROP
-A ssh -s 10.0.0.0/8 -m limit --limit 3/sec -j ACCEPT
COMMIT
";

/// Runs a script with the object for a target in `$OBJECT` and what scripts share; what it prints.
#[track_caller]
fn with_object(target: &str, script: &str) -> Option<String> {
    let folder = folder();
    let rules = file(&folder, "loaders.v4", RULES);
    let object = folder.path().join("rules.o").to_str().expect("UTF-8").to_owned();
    bpfc(&["compile", &rules, "--target", target, "-o", &object]).ok();
    let functions = "\
# PORT: sends a datagram to it.
send() { (echo >/dev/udp/127.0.0.1/$1) || true; }
# Prints the counted rules of the program whose `id` standard input names.
counted() {
    id=$(sed -n 's/.* id \\([0-9]*\\).*/\\1/p' | head -1)
    for map in $(bpftool prog show id $id | sed -n 's/.* map_ids \\([0-9,]*\\).*/\\1/p' | tr , ' '); do
        bpftool map dump id $map
    done | grep '\"packets\": [1-9]'
}
ip link set lo up
";
    let ran = alone(&format!("{functions}{script}"), &[("OBJECT", &object)])?;
    Some(ran.ok().out)
}

/// Fails unless each text is there.
#[track_caller]
fn has(out: &str, expected: &[&str]) {
    for expected in expected {
        assert!(out.contains(expected), "{expected} not in:\n{out}");
    }
}

#[test]
fn bpftool_loads_objects_and_prints_their_counters() {
    for (target, program) in
        [("xdp", "bpfc_xdp"), ("tc", "bpfc_tc_in"), ("cgroup-skb", "bpfc_cgroup_in")]
    {
        let script = "\
bpftool prog loadall $OBJECT /sys/fs/bpf/programs pinmaps /sys/fs/bpf/maps
ls /sys/fs/bpf/programs
bpftool map dump pinned /sys/fs/bpf/maps/counters
";
        let Some(out) = with_object(target, script) else { return };
        has(&out, &[program, "\"packets\": 0", "\"bytes\": 0"]);
    }
}

#[test]
fn ip_attaches_an_object_that_filters_and_counts() {
    let script = "\
ip link set dev lo xdpgeneric obj $OBJECT sec xdp
send 9
ip -d link show dev lo | grep 'prog/xdp' | counted
";
    let Some(out) = with_object("xdp", script) else { return };
    has(&out, &["\"packets\": 1,"]);
}

#[test]
fn tc_attaches_an_object_that_filters_and_counts() {
    let script = "\
tc qdisc add dev lo clsact
tc filter add dev lo ingress bpf da obj $OBJECT program bpfc_tc_in
send 9
tc filter show dev lo ingress | grep bpfc_tc_in | counted
tc filter add dev lo egress bpf da obj $OBJECT program bpfc_tc_out
send 7
echo egress
tc filter show dev lo egress | grep bpfc_tc_out | counted
";
    let Some(out) = with_object("tc", script) else { return };
    let (ingress, egress) = out.split_once("egress").expect("both ways");
    has(ingress, &["\"packets\": 1,"]);
    has(egress, &["\"packets\": 1,"]);
}
