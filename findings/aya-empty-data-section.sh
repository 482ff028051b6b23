#!/usr/bin/env bash
# aya loads no object that GCC wrote, since it makes a map of an empty section.
#
# Surprise: GNU as writes the sections .data and .bss into every object, of length 0 where the program has no
# variables, so they are in every object of GCC's eBPF compiler. libbpf leaves out sections of that length. aya makes
# an array map with values of 0 bytes for the first that it comes to, which the kernel refuses: "failed to create
# map", EINVAL, for a program of two instructions that has neither maps nor variables. With the two empty sections
# taken out, the same object loads. So whoever writes objects for all loaders writes no empty section.
#
# Seen on Linux 6.18.44 (x86-64) with gcc-bpf 12.2.0-14+deb12u1+, binutils-bpf 2.40-2+1, bpftool
# 7.1.0+6.1.192-3 (libbpf 1.1), and aya 0.14.0 (aya-obj 0.3.0):
#   as GCC wrote it, bpftool:        loads
#   as GCC wrote it, aya:            failed to create map `.data` (or `.bss`): Invalid argument (os error 22)
#   without the empty sections, aya: loads
# Exit status: 0 where this is what happens, 1 where it is not, 77 where it cannot be tried.
# Needs root, Debian 12's apt, cargo, and libelf.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "root is needed"; exit 77; }
for tool in apt-get dpkg-deb cargo; do
    command -v "$tool" >/dev/null || { echo "$tool is needed"; exit 77; }
done
work=$(mktemp -d)
pin=/sys/fs/bpf/finding-$$
trap 'rm -rf "$work" "$pin"' EXIT
(cd "$work" && apt-get -qq -o APT::Sandbox::User=root download \
    gcc-bpf=12.2.0-14+deb12u1+ binutils-bpf=2.40-2+1 bpftool=7.1.0+6.1.192-3) ||
    { echo "the packages cannot be had"; exit 77; }
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
export PATH=$work/root/usr/bin:$work/root/usr/sbin:$PATH
echo "kernel $(uname -r), $(bpf-gcc --version | head -n 1), $(bpftool version | head -n 1)"

cat >"$work/pass.c" <<'C'
__attribute__((section("xdp"), used)) int pass(void *context) { return 2; }
char _license[] __attribute__((section("license"), used)) = "GPL";
C
bpf-gcc -B "$work/root/usr/bin" -O2 -c "$work/pass.c" -o "$work/pass.o"
bpf-objcopy -R .data -R .bss "$work/pass.o" "$work/without.o"

mkdir -p "$work/load/src"
cat >"$work/load/Cargo.toml" <<'TOML'
[package]
name = "load"
version = "0.1.0"
edition = "2021"
[dependencies]
aya = "=0.14.0"
aya-obj = "=0.3.0"
[workspace]
TOML
cat >"$work/load/src/main.rs" <<'RUST'
use std::error::Error;
fn load(path: &str) -> Result<(), Box<dyn Error>> {
    let mut object = aya::EbpfLoader::new().load_file(path)?;
    let program = object.program_mut("pass").ok_or("no program")?;
    let program: &mut aya::programs::Xdp = program.try_into()?;
    Ok(program.load()?)
}
fn main() {
    let path = std::env::args().nth(1).expect("a path");
    match load(&path) {
        Ok(()) => println!("loads"),
        Err(error) => {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                text = cause.to_string() + &format!(" (in: {text})");
                source = cause.source();
            }
            println!("{text}");
        }
    }
}
RUST
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$work/target}
cargo build -q --manifest-path "$work/load/Cargo.toml" || { echo "aya cannot be built"; exit 77; }

bad=0
expect() { # what it is called, what was seen, what is expected to be part of it
    echo "$1 $2"
    case $2 in *"$3"*) ;; *) echo "  expected: $3"; bad=1 ;; esac
}
if said=$(bpftool prog load "$work/pass.o" "$pin" 2>&1); then said=loads; fi
expect "as GCC wrote it, bpftool:" "$said" "loads"
said=$("$CARGO_TARGET_DIR/debug/load" "$work/pass.o")
expect "as GCC wrote it, aya:" "$said" "Invalid argument (os error 22)"
expect "as GCC wrote it, aya:" "$said" "failed to create map \`."
expect "without the empty sections, aya:" "$("$CARGO_TARGET_DIR/debug/load" "$work/without.o")" "loads"
exit $bad
