//! A filter's life after it was loaded: interfaces, links and namespaces that go and come back.

use crate::run::{RULES, Ran, alone, bpfc, file, folder};

/// Runs a script as [`alone`] does, with a ruleset in `$RULES` and what stands for containers.
fn script(text: &str) -> Option<Ran> {
    let folder = folder();
    let rules = file(&folder, "life.rules", RULES);
    let functions = "\
fail() { echo \"$*\"; exit 1; }
# COMMAND...: what it says is in $said, its status in $status.
try() { status=0; said=$(\"$@\" 2>&1) || status=$?; }
ends() { [ $status = \"$1\" ] || fail \"status $status, not $1: $said\"; }
says() { case $said in *\"$1\"*) ;; *) fail \"not said: $1, but: $said\" ;; esac; }
until_true() { n=0; until \"$@\"; do n=$((n+1)); [ $n -lt 6000 ] || fail \"$*\"; sleep 0.01; done; }
# A process with a network namespace, $pid, with eth0, whose other end is $far here.
own() { readlink /proc/$1/ns/net; }
elsewhere() { [ \"$(own $pid)\" != \"$(own self)\" ]; }
container() {
    unshare --net sleep 600 >/dev/null 2>&1 9<&- & pid=$!
    until_true elsewhere
    far=far$pid
    ip link add $far type veth peer name eth0 netns $pid
    ip link set $far up
    inside ip link set eth0 up
}
inside() { nsenter -t $pid -n \"$@\"; }
ended() { kill $pid; wait $pid 2>/dev/null || true; }
no_link() { ! ip link show $1 >/dev/null 2>&1; }
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
LOAD=\"$BPFC load $RULES --name life\"
";
    alone(&format!("{functions}{text}"), &[("RULES", &rules)])
}

fn passes(text: &str) {
    if let Some(ran) = script(text) {
        ran.ok();
    }
}

#[test]
fn a_namespace_that_is_gone_frees_the_name() {
    passes(
        "container; first=$far
try inside $LOAD --target xdp --iface eth0; ends 0
try $BPFC status; ends 0; says \"$(stat -Lc %i /proc/$pid/ns/net)\"
try inside $BPFC status; ends 0; says ' -  '
try $LOAD --target xdp --iface lo; ends 1; says 'another network namespace'
# Held by an open file alone, it is not gone, though nothing leads to it.
exec 9</proc/$pid/ns/net
ended; container
try $BPFC status; ends 0; says 'not found'
try inside $LOAD --target xdp --iface eth0; ends 1; says 'bpfc unload life'
exec 9<&-
until_true no_link $first
try $BPFC status; ends 1; says 'namespace gone'; says 'unload life'
try $BPFC status life --json; ends 1; says '\"problem\":\"namespace gone\"'; says '\"found\":false'
try $BPFC load life --again; ends 1; says 'is gone'
# The container that was started again gets its filter.
try inside $LOAD --target xdp --iface eth0; ends 0; says 'loaded life'
try $BPFC status; ends 0
first=$far; ended; until_true no_link $first
try $BPFC unload life; ends 0
[ -z \"$(ls /sys/fs/bpf/bpfc)\" ] || fail left
",
    );
}

/// A netfilter link keeps its namespace alive, so it is never gone; unloading is the way out.
#[test]
fn a_netfilter_filter_of_a_dead_container_is_unloaded() {
    passes(
        "container
try inside $LOAD --target netfilter; ends 0
ended; container
try inside $LOAD --target netfilter; ends 1; says 'bpfc unload life'
try $BPFC unload life; ends 0
try inside $LOAD --target netfilter; ends 0
",
    );
}

#[test]
fn a_filter_is_attached_again() {
    passes(
        "ip link add eth0 type veth peer name eth1
try $LOAD --target tc --iface eth0; ends 0
try $BPFC load life --again; ends 0; says 'life is attached'
ip link del eth0
try $BPFC status; ends 1; says '(gone)'; says 'load life --again'
try $BPFC load life --again; ends 1; says 'no interface eth0'
ip link add eth0 type veth peer name eth1
try $BPFC status; ends 1; says '(detached)'
try $BPFC load life --again; ends 0; says 'attached life'; says 'tc ingress on eth0'
try $BPFC status; ends 0
ip link del eth0; ip link add eth0 type veth peer name eth1
# All filters of this network namespace, as when a unit does not know which.
try $BPFC load --again --json; ends 0; says '\"attached\":[\"tc ingress on eth0\",\"tc egress on eth0\"]'
try $BPFC load --again --json; ends 0; says '\"attached\":[]'; says '\"kept\":[\"tc ingress'
try $BPFC load other --again; ends 1; says 'no filter named other'
",
    );
}

/// `nft flush ruleset` takes away what keeps conntrack on.
#[test]
fn conntrack_is_kept_on_again() {
    passes(
        "printf '%s\\n' '*filter' ':INPUT ACCEPT' '-A INPUT -m conntrack --ctstate INVALID -j DROP' COMMIT >/tmp/ct-$$
try $BPFC load /tmp/ct-$$ --name life --target netfilter; rm /tmp/ct-$$; ends 0
try $BPFC status life; ends 0; says 'conntrack: kept on'
nft flush ruleset
try $BPFC status life; ends 1; says 'not kept on'; says 'inet bpfc-life'
try $BPFC load life --again; ends 0; says 'conntrack on again'
try $BPFC status life; ends 0
nft list tables | grep -q bpfc-life || fail 'no table'
",
    );
}

#[test]
fn loading_the_same_again_changes_nothing() {
    passes(
        "ip link add eth0 type veth peer name eth1
try $LOAD --target xdp --iface eth0 --if-changed; ends 0; says 'loaded life'
ids() { $BPFC status life --json | grep -o '\"id\":[0-9]*'; }
before=$(ids)
try $LOAD --target xdp --iface eth0 --if-changed; ends 0; says 'unchanged life'
try $LOAD --target xdp --iface eth0 --if-changed --json; ends 0; says '\"unchanged\":true'
[ \"$(ids)\" = \"$before\" ] || fail 'replaced'
try $LOAD --target xdp --iface eth0,eth1 --if-changed --json; ends 0; says '\"replaced\":true,\"unchanged\":false'
echo '# nothing' >>$RULES
try $LOAD --target xdp --iface eth0,eth1 --if-changed; ends 0; says 'unchanged life'
sed -i 's/--dport 22/--dport 23/' $RULES
try $LOAD --target xdp --iface eth0,eth1 --if-changed; ends 0; says 'replaced life'
# Where it is not attached, there is something to do.
ip link del eth0; ip link add eth0 type veth peer name eth1
try $LOAD --target xdp --iface eth0,eth1 --if-changed; ends 0; says 'replaced life'
try $BPFC status; ends 0
",
    );
}

/// What cannot be read stops nothing else, and is told.
#[test]
fn status_goes_on_past_what_it_cannot_read() {
    passes(
        "try $LOAD --target netfilter; ends 0
mkdir /sys/fs/bpf/bpfc/broken
bpftool map create /sys/fs/bpf/bpfc/broken/state type array key 4 value 8 entries 1 name state
bpftool map create /sys/fs/bpf/bpfc/broken/slots type array key 4 value 8 entries 1 name slots
mkdir /sys/fs/bpf/bpfc/broken/a
bpftool map create /sys/fs/bpf/bpfc/broken/a/metadata type array key 4 value 8 entries 1 name metadata
try $BPFC status; ends 1; says 'netfilter ip input'; says 'filter broken cannot be read'
try $BPFC status --json; ends 1; says '\"name\":\"life\"'; says '\"name\":\"broken\",\"error\"'
",
    );
}

#[test]
fn a_control_group_must_be_named() {
    let folder = folder();
    let rules = file(&folder, "group.rules", RULES);
    let load = ["load", &rules, "--target", "cgroup-skb", "--hook", "output"];
    let ran = bpfc(&load).fails(2);
    assert!(ran.err.contains("--cgroup DIR") && ran.err.contains("whole machine"), "{}", ran.err);
}

#[test]
fn again_takes_names_alone() {
    for arguments in [
        &["load", "life", "--again", "--target", "xdp"][..],
        &["load", "life", "--again", "--iface", "eth0"],
        &["load", "life", "--again", "--if-changed"],
        &["load", "my.rules", "--again"],
        &["load"],
    ] {
        bpfc(arguments).fails(2);
    }
}

/// The units that are shipped, where systemd is there to read them.
#[test]
fn the_units_are_well_formed() {
    let has = std::process::Command::new("systemd-analyze").arg("--version").output();
    if !has.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: systemd-analyze is not installed");
        return;
    }
    let (folder, shipped) = (folder(), crate::run::root().join("contrib/systemd"));
    let mut units = Vec::new();
    for (template, unit) in [
        ("bpfc@.service", "bpfc@web.service"),
        ("bpfc-again@.service", "bpfc-again@eth0.service"),
        ("bpfc-watch@.service", "bpfc-watch@web.service"),
    ] {
        // Where the command is not installed, the one that was built stands for it.
        let text = std::fs::read_to_string(shipped.join(template)).expect("a unit");
        let text = text.replace("=bpfc ", &format!("={} ", env!("CARGO_BIN_EXE_bpfc")));
        std::fs::write(folder.path().join(template), text).expect("a unit is written");
        units.push(folder.path().join(unit));
        std::fs::copy(folder.path().join(template), folder.path().join(unit)).expect("a copy");
    }
    let output = std::process::Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .args(&units)
        .output()
        .expect("systemd-analyze runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("bpfc"), "{said}");
}

#[test]
fn chains_of_one_hook_alone_on_a_router_are_warned_of() {
    passes(
        "ip link add eth0 type veth peer name eth1; ip link set eth0 up
echo 0 >/proc/sys/net/ipv4/ip_forward
for target in xdp tc; do
try $LOAD --target $target --iface eth0; ends 0
case $said in *forwards*) fail \"$said\" ;; esac
try $BPFC unload life
done
echo 1 >/proc/sys/net/ipv4/ip_forward
for target in xdp tc; do
try $LOAD --target $target --iface eth0 --json; ends 0; says 'eth0 forwards IPv4 packets (net.ipv4.conf.eth0.forwarding is on)'
try $LOAD --target $target --iface eth0 --hook input,forward; ends 0
case $said in *forwards*) fail \"$said\" ;; esac
try $LOAD --target $target --iface eth0 --hook forward; ends 0; says 'come in by eth0 meet the forward chains'
try $BPFC unload life; ends 0
done
",
    );
}

#[test]
fn it_says_what_it_was_loaded_from() {
    passes(
        "cd ${RULES%/*}; sum=$(sha256sum life.rules | cut -d ' ' -f 1)
$BPFC load life.rules --target xdp --iface lo --name life
cd /
try $BPFC status life; ends 0; says \"compiled from: $RULES, sha256 $sum\"
says \"loaded: $(date -u +%Y-)\"; says \" UTC by bpfc $($BPFC --version | cut -d ' ' -f 2)\"
",
    );
}
