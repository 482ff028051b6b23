#!/usr/bin/env bash
# A pinned BPF_NETFILTER link keeps its network namespace alive; pinned XDP and tcx links do not.
#
# Surprise: after `ip netns del`, with no process, descriptor or mount left that names the namespace, a
# bpffs pin of a netfilter link still holds it, with every device in it: the other end of a veth pair
# stays in its own namespace until the pin is removed. The link never reports itself as detached, and
# its bpf_link_info (pf, hook, priority, flags) does not say which namespace it is in. An XDP or tcx
# link, pinned the same way, holds nothing: its devices go with the namespace and the link then reports
# ifindex 0. So "every link of it is detached" tells a supervisor that a container is gone for XDP and
# tc, and never for netfilter; whoever pins netfilter links of short-lived namespaces leaks them whole.
#
# Seen on Linux 6.18.44 (x86-64), with libbpf 1.7.0 (crate libbpf-sys 1.7.0+v1.7.0) and iproute2 6.1.0:
#   xdp: pinned, namespace deleted: veth peer gone; link info: ifindex 0
#   tcx: pinned, namespace deleted: veth peer gone; link info: ifindex 0
#   netfilter: pinned, namespace deleted: veth peer still there; link info: pf 2 hooknum 1 priority -10
#   netfilter: pin removed: veth peer gone
# Exit status: 0 where this is what happens, 1 where it is not, 77 where it cannot be tried.
# Needs root, Linux 6.6, cargo, ip, and a C compiler with libelf and zlib headers for libbpf.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "root is needed"; exit 77; }
for tool in cargo ip cc; do command -v "$tool" >/dev/null || { echo "$tool is needed"; exit 77; }; done
mountpoint -q /sys/fs/bpf || { echo "a bpffs at /sys/fs/bpf is needed"; exit 77; }

work=$(mktemp -d)
pins=/sys/fs/bpf/finding-$$ # bpffs takes no dots in names
mkdir "$pins"
near=finding-near-$$
far=finding-far-$$
clean() {
    rm -rf "$work" "$pins"
    ip netns del "$near" 2>/dev/null || true
    ip netns del "$far" 2>/dev/null || true
}
trap clean EXIT
echo "kernel $(uname -r), $(ip -V)"

mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"
[dependencies]
libbpf-sys = "=1.7.0"
[workspace]
TOML
cat >"$work/src/main.rs" <<'RUST'
use libbpf_sys::*;
use std::ffi::CString;

/// `r0 = value; exit`.
fn returns(value: i32) -> [bpf_insn; 2] {
    let mut set = bpf_insn { code: 0xb7, imm: value, ..Default::default() };
    set.set_dst_reg(0);
    [set, bpf_insn { code: 0x95, ..Default::default() }]
}

fn check(what: &str, number: i32) -> i32 {
    if number < 0 {
        eprintln!("{what}: {}", std::io::Error::from_raw_os_error(-number));
        std::process::exit(77);
    }
    number
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let pin = CString::new(words[2].as_str()).unwrap();
    if words[1] == "info" {
        let link = check("open the pin", unsafe { bpf_obj_get(pin.as_ptr()) });
        let mut info = bpf_link_info::default();
        let mut length = std::mem::size_of::<bpf_link_info>() as u32;
        check("link info", unsafe { bpf_link_get_info_by_fd(link, &mut info, &mut length) });
        let part = info.__bindgen_anon_1;
        match info.type_ {
            10 => {
                let netfilter = unsafe { part.netfilter };
                let (pf, hook) = (netfilter.pf, netfilter.hooknum);
                println!("pf {pf} hooknum {hook} priority {}", netfilter.priority);
            }
            _ => println!("ifindex {}", unsafe { part.xdp.ifindex }),
        }
        return;
    }
    // Program type, attach type, and what the program answers to let everything pass.
    let (kind, attach, pass) = match words[1].as_str() {
        "xdp" => (6, 37, 2),
        "tcx" => (3, 46, -1),
        _ => (32, 45, 1),
    };
    let name = CString::new("finding").unwrap();
    let licence = CString::new("GPL").unwrap();
    let insns = returns(pass);
    let mut load = bpf_prog_load_opts {
        sz: std::mem::size_of::<bpf_prog_load_opts>() as u64,
        expected_attach_type: attach,
        ..Default::default()
    };
    let program = check("load", unsafe {
        bpf_prog_load(kind, name.as_ptr(), licence.as_ptr(), insns.as_ptr(), 2, &mut load)
    });
    let mut link = bpf_link_create_opts {
        sz: std::mem::size_of::<bpf_link_create_opts>() as u64,
        ..Default::default()
    };
    let target = match words[1].as_str() {
        "netfilter" => {
            link.__bindgen_anon_1.netfilter = bpf_link_create_opts__bindgen_ty_1__bindgen_ty_5 {
                pf: 2,
                hooknum: 1,
                priority: -10,
                flags: 0,
            };
            0
        }
        _ => words[3].parse().unwrap(),
    };
    let link = check("attach", unsafe { bpf_link_create(program, target, attach, &link) });
    check("pin", unsafe { bpf_obj_pin(link, pin.as_ptr()) });
}
RUST
cargo build --quiet --manifest-path "$work/Cargo.toml" --target-dir "$work/target"
try="$work/target/debug/finding"

peer() { if ip -n "$far" link show peer0 >/dev/null 2>&1; then echo "still there"; else echo gone; fi; }
# Namespaces are torn down in the background: for 10 s, or until the peer is gone.
settled() { for _ in $(seq 100); do [ "$(peer)" = gone ] && break; sleep 0.1; done; peer; }

ip netns add "$far"
bad=0
expect() { # what was seen, what was expected
    echo "$1"
    [ "$1" = "$2" ] || { echo "  expected: $2"; bad=1; }
}
for kind in xdp tcx netfilter; do
    ip netns add "$near"
    ip link add end0 netns "$near" type veth peer name peer0 netns "$far"
    ip -n "$near" link set end0 up
    index=$(ip -n "$near" -o link show end0 | cut -d: -f1)
    nsenter --net="/run/netns/$near" "$try" "$kind" "$pins/link" "$index" || exit 77
    ip netns del "$near"
    seen="$kind: pinned, namespace deleted: veth peer $(settled); link info: $("$try" info "$pins/link")"
    case $kind in
        netfilter) expect "$seen" "$kind: pinned, namespace deleted: veth peer still there; link info: pf 2 hooknum 1 priority -10" ;;
        *) expect "$seen" "$kind: pinned, namespace deleted: veth peer gone; link info: ifindex 0" ;;
    esac
    rm "$pins/link"
    [ "$kind" != netfilter ] || expect "$kind: pin removed: veth peer $(settled)" "$kind: pin removed: veth peer gone"
done
exit $bad
