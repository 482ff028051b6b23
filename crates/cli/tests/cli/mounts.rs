//! Filters where mounts are not the machine's: `ip netns exec`, `unshare`, containers.
//!
//! `--propagation unchanged`: mounts are private already, and `unshare` can change that only where
//! the root is a mount point.

use crate::run::{RULES, Ran, alone, file, folder};

/// Runs a script as [`alone`] does, with a small ruleset in `$RULES` and a function that says
/// whether a command fails with a reason and a way out.
fn script(text: &str) -> Option<Ran> {
    let folder = folder();
    let rules = file(&folder, "mounts.rules", RULES);
    let functions = "\
refused() { # WORDS COMMAND...: the command fails and says these words
    words=$1; shift
    if said=$(\"$@\" 2>&1); then echo \"not refused: $*: $said\"; exit 1; fi
    case $said in *\"$words\"*) ;; *) echo \"$*: $said\"; exit 1 ;; esac
    case $said in *nsenter*) ;; *) echo \"no way out: $said\"; exit 1 ;; esac
}
apart() { unshare --mount --propagation unchanged \"$@\"; }
tables() { nft list tables 2>/dev/null | grep bpfc- || true; }
LOAD=\"$BPFC load $RULES --target netfilter --name mounts\"
";
    alone(&format!("{functions}{text}"), &[("RULES", &rules)])
}

/// What `ip netns exec` does: mounts of its own, and a sysfs in which nothing is mounted.
const NO_BPFFS: &str = "while umount -l /sys/fs/bpf 2>/dev/null; do :; done; ";

#[test]
fn no_bpffs_is_mounted_that_ends_with_the_command() {
    let text = format!(
        "for inside in '{NO_BPFFS}exec $@' \
                       'mount -t sysfs sysfs /sys; exec $@'; do
    refused 'would end with the command' apart sh -c \"$inside\" sh $LOAD
    refused 'cannot be known' apart sh -c \"$inside\" sh $BPFC status
    refused 'cannot be known' apart sh -c \"$inside\" sh $BPFC status mounts
    refused 'cannot be known' apart sh -c \"$inside\" sh $BPFC counters mounts
    refused 'cannot be known' apart sh -c \"$inside\" sh $BPFC unload mounts
done
test -z \"$(tables)\"
"
    );
    if let Some(ran) = script(&text) {
        ran.ok();
    }
}

/// A pid namespace of its own has a pid 1 that sees the same mounts, and ends as well.
#[test]
fn the_first_process_of_a_pid_namespace_is_not_the_machines() {
    let text = format!(
        "refused 'would end with the command' apart --pid --fork --mount-proc sh -c \
         '{NO_BPFFS}$@' sh $LOAD
refused 'would end with the command' apart --pid --fork sh -c '{NO_BPFFS}$@' sh $LOAD
refused 'cannot be known' apart --pid --fork --mount-proc sh -c '{NO_BPFFS}$@' sh $BPFC status
"
    );
    if let Some(ran) = script(&text) {
        ran.ok();
    }
}

/// Without `/proc` nothing is known of pid 1.
#[test]
fn what_cannot_be_known_is_refused() {
    let text = format!(
        "refused 'would end with the command' apart sh -c '{NO_BPFFS}mount -t tmpfs none /proc; $@' \
         sh $LOAD
refused 'cannot be known' apart sh -c '{NO_BPFFS}mount -t tmpfs none /proc; $@' sh $BPFC status
"
    );
    if let Some(ran) = script(&text) {
        ran.ok();
    }
}

/// A bpffs that nobody else sees goes when the command ends.
#[test]
fn a_bpffs_of_the_command_alone_is_refused() {
    let text = "refused 'no other process' apart sh -c \
                'mount -t bpf bpf /sys/fs/bpf; exec $@' sh $LOAD
test -z \"$(tables)\"
";
    if let Some(ran) = script(text) {
        ran.ok();
    }
}

/// One that is mounted is used: the same as outside in a copy of the mounts, and one that a
/// container's first process has.
#[test]
fn a_bpffs_that_is_mounted_is_used() {
    let text = "\
apart $LOAD
$BPFC status mounts >/dev/null
apart --pid --fork --mount-proc $BPFC counters mounts >/dev/null
apart $BPFC unload mounts
said=$(apart --pid --fork --mount-proc sh -ec 'mount -t bpf bpf /sys/fs/bpf; \"$@\"; '$BPFC' status' \
    sh $LOAD 2>&1)
case $said in *NAME*mounts*) ;; *) echo \"$said\"; exit 1 ;; esac
case $said in *warning*) echo \"$said\"; exit 1 ;; esac
# Of the container nothing is left, and nothing is claimed of what cannot be seen.
case $($BPFC status) in *'may be in another'*) ;; *) $BPFC status; exit 1 ;; esac
case $($BPFC unload mounts 2>&1) in *'may be in another'*) ;; *) exit 1 ;; esac
";
    if let Some(ran) = script(text) {
        ran.ok();
    }
}
