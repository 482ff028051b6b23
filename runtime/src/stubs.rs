//! Small programs of the runtime's own: what holds a place before a filter decides there.
//!
//! A netfilter link cannot be updated (`BPF_LINK_UPDATE` gives EOPNOTSUPP), so its program is a
//! trampoline for good: it reads the state ([`crate::state`]) and jumps to the program in the
//! slot of the generation that decides. Both jumps have a constant index, which the JIT compiles
//! to a direct jump, about 2 ns. An empty slot lets the packet pass.

use crate::Error;
use crate::sys::{LoadRequest, Map, MapSpec, Program};
use bpfc_artifact::{Insn, MapKind, ProgramKind};
use std::os::fd::{AsFd as _, AsRawFd as _};

/// Name of programs that let everything pass.
pub(crate) const PASS: &str = "bpfc_pass";

/// Pairs of slots: room for all ten netfilter hooks of two families, twice, as when a replacement
/// has programs at hooks where the old one had none.
pub(crate) const PAIRS: u32 = 32;
/// A slot for each generation.
pub(crate) const SLOTS: u32 = 2 * PAIRS;

const fn insn(code: u8, dst: u8, src: u8, off: i16, imm: i32) -> Insn {
    Insn { code, dst, src, off, imm }
}

const EXIT: Insn = insn(0x95, 0, 0, 0, 0);
/// `bpf_tail_call`.
const TAIL_CALL: i32 = 12;

/// What a program of this kind returns so that the packet goes on its way: `XDP_PASS`,
/// `TCX_NEXT`, 1 for a cgroup, `NF_ACCEPT`.
fn pass_verdict(kind: ProgramKind) -> i32 {
    match kind {
        ProgramKind::Xdp => 2,
        ProgramKind::SchedCls => -1,
        ProgramKind::CgroupSkb | ProgramKind::Netfilter => 1,
    }
}

fn load(name: &str, kind: ProgramKind, attach_type: u32, insns: &[Insn]) -> Result<Program, Error> {
    let insns: Vec<u64> = insns.iter().map(|insn| u64::from_le_bytes(insn.to_le_bytes())).collect();
    let request = LoadRequest {
        name,
        kind: kind.number(),
        expected_attach_type: attach_type,
        insns: &insns,
        btf: None,
        fd_array: &[],
    };
    Program::load(&request).map_err(|failure| Error::verifier(name, failure))
}

/// A program that lets everything pass.
pub(crate) fn pass(kind: ProgramKind, attach_type: u32) -> Result<Program, Error> {
    load(PASS, kind, attach_type, &[insn(0xb7, 0, 0, 0, pass_verdict(kind)), EXIT])
}

/// The program array that trampolines jump through.
pub(crate) fn create_slots() -> Result<Map, Error> {
    let spec = MapSpec {
        name: "bpfc_slots",
        kind: MapKind::ProgArray.number(),
        key_size: 4,
        value_size: 4,
        max_entries: SLOTS,
        flags: 0,
    };
    Map::create(&spec, None).map_err(Error::kernel("create a program array"))
}

/// The trampoline of the netfilter place with this pair of slots, `2 * pair` and `2 * pair + 1`.
pub(crate) fn trampoline(
    state: &Map,
    slots: &Map,
    pair: u32,
    attach_type: u32,
) -> Result<Program, Error> {
    let slots = slots.as_fd().as_raw_fd();
    let jump = |slot: u32| {
        [
            insn(0xbf, 1, 6, 0, 0),
            insn(0x18, 2, 1, 0, slots),
            insn(0, 0, 0, 0, 0),
            insn(0xb7, 3, 0, 0, slot as i32),
            insn(0x85, 0, 0, 0, TAIL_CALL),
        ]
    };
    let mut insns = vec![
        insn(0xbf, 6, 1, 0, 0),
        insn(0x18, 1, 2, 0, state.as_fd().as_raw_fd()),
        insn(0, 0, 0, 0, 0),
        insn(0x71, 1, 1, 0, 0),
        insn(0x57, 1, 0, 0, 1),
        // To the second jump when the bit is set.
        insn(0x55, 1, 0, 6, 0),
    ];
    insns.extend(jump(2 * pair));
    insns.push(insn(0x05, 0, 0, 5, 0));
    insns.extend(jump(2 * pair + 1));
    insns.push(insn(0xb7, 0, 0, 0, pass_verdict(ProgramKind::Netfilter)));
    insns.push(EXIT);
    load("bpfc_trampoline", ProgramKind::Netfilter, attach_type, &insns)
}
