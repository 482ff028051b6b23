#!/usr/bin/env bash
# A useless instruction in every block of a program can save a fifth of the verifier's work, or cost half as much again.
#
# Surprise: a chain of 1,000 equal blocks, each of which loads and compares a field a few times and goes on at the
# next block where a comparison fails, is verified in linear time; but the instructions processed for a block are no
# smooth function of its length. Where every way into a block meets a state that the verifier has kept, it stops there;
# but it keeps a state only two jumps and eight instructions behind the last one that it kept (kernel/bpf/verifier.c,
# is_state_visited), so which instructions have one is a matter of the block's length modulo that. Blocks of 4
# comparisons cost 26 processed instructions; with `r2 = 0`, which nothing reads, behind the first load, they cost 21.
# Blocks of 6 comparisons and 13 instructions cost 30, of 14 instructions 43, of 15 instructions 49, of 16 again 38. So
# processed instructions of two programs say little about which code is better until both lengths are varied, and a
# program that is refused at 1,000,000 may load with more code in it.
#
# Seen on Linux 6.18.44 (x86-64), with libbpf 1.7.0 (crate libbpf-sys 1.7.0+v1.7.0), an XDP program:
#   4 comparisons, 8 instructions a block: 26.0 processed
#   4 comparisons, 9 instructions a block: 21.0 processed
#   4 comparisons, 10 instructions a block: 23.0 processed
#   6 comparisons, 13 instructions a block: 30.0 processed
#   6 comparisons, 14 instructions a block: 43.0 processed
#   6 comparisons, 15 instructions a block: 49.0 processed
#   6 comparisons, 16 instructions a block: 38.0 processed
# Exit status: 0 where this is what happens, 1 where it is not, 77 where it cannot be tried.
# Needs root, Linux 5.16 (verified_insns), cargo, and a C compiler with libelf and zlib headers for libbpf.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "root is needed"; exit 77; }
for tool in cargo cc; do command -v "$tool" >/dev/null || { echo "$tool is needed"; exit 77; }; done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "kernel $(uname -r)"

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

const BLOCKS: usize = 1000;

fn insn(code: u8, dst: u8, src: u8, off: usize, imm: usize) -> bpf_insn {
    let (off, imm) = (i16::try_from(off).unwrap(), i32::try_from(imm).unwrap());
    let mut insn = bpf_insn { code, off, imm, ..Default::default() };
    insn.set_dst_reg(dst);
    insn.set_src_reg(src);
    insn
}

/// Blocks of so many comparisons of `ctx->ingress_ifindex`, with `useless` more instructions each.
fn program(comparisons: usize, useless: usize) -> Vec<bpf_insn> {
    let mut insns = vec![insn(0xbf, 7, 1, 0, 0)];
    let length = 2 * comparisons + useless;
    let matched = 1 + BLOCKS * length + 2;
    for block in 0..BLOCKS {
        let next = 1 + (block + 1) * length;
        for comparison in 0..comparisons {
            insns.push(insn(0x61, 1, 7, 12, 0));
            let extra = if comparison == 0 { useless } else { 0 };
            insns.extend((0..extra).map(|_| insn(0xb7, 2, 0, 0, 0)));
            // The last comparison leads to the match, the others to the next block.
            let (code, to) = if comparison + 1 < comparisons { (0x56, next) } else { (0x16, matched) };
            let off = to - insns.len() - 1;
            insns.push(insn(code, 1, 0, off, 1000 + block * 8 + comparison));
        }
    }
    for answer in [2, 1] {
        insns.push(insn(0xb7, 0, 0, 0, answer));
        insns.push(insn(0x95, 0, 0, 0, 0));
    }
    insns
}

fn check(what: &str, number: i32) -> i32 {
    if number < 0 {
        eprintln!("{what}: {}", std::io::Error::from_raw_os_error(-number));
        std::process::exit(77);
    }
    number
}

fn main() {
    let [name, licence] = ["finding", "GPL"].map(|text| CString::new(text).unwrap());
    for (comparisons, lengths) in [(4, vec![8, 9, 10]), (6, vec![13, 14, 15, 16])] {
        for length in lengths {
            let insns = program(comparisons, length - 2 * comparisons);
            let mut load = bpf_prog_load_opts {
                sz: std::mem::size_of::<bpf_prog_load_opts>() as u64,
                expected_attach_type: 37,
                ..Default::default()
            };
            let (count, text) = (insns.len() as u64, insns.as_ptr());
            let program = check("load", unsafe {
                bpf_prog_load(6, name.as_ptr(), licence.as_ptr(), text, count, &mut load)
            });
            let mut info = bpf_prog_info::default();
            let mut size = std::mem::size_of::<bpf_prog_info>() as u32;
            check("program info", unsafe { bpf_prog_get_info_by_fd(program, &mut info, &mut size) });
            let processed = f64::from(info.verified_insns) / BLOCKS as f64;
            println!("{comparisons} comparisons, {length} instructions a block: {processed:.1} processed");
        }
    }
}
RUST
cargo build --quiet --manifest-path "$work/Cargo.toml" --target-dir "$work/target"
expected=$(sed -n 's/^#   \([46] comparisons.*\)/\1/p' "$0")
seen=$("$work/target/debug/finding")
echo "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected"; exit 1; }
