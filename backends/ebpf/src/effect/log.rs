//! Log records: one function `int log(ctx, packet)` writes them all, so that a rule that logs is no
//! more than a number and a call.
//!
//! The number lies in `WALK_RESULT` and names an entry of the map of sites, whose constants go into
//! the record (see [`bpfc_artifact::log`]). Room is reserved in the ring buffer for the least of a
//! few sizes that holds the packet, since the verifier wants a constant. A record that finds no
//! room is counted, for its rule and for the filter. Needs Linux 5.8.

use crate::asm::{Alu, Asm, FP, Helper, Jump, R0, R1, R2, R3, R4, R7, R8, R9, Size, Width};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::packet::layout;
use crate::target::SCRATCH_SIZE;
use bpfc_artifact::log::{self, Site};
use bpfc_artifact::{FunctionIndex, FunctionKind, MapDef, MapIndex, MapKind, MapRole};
use bpfc_ir::{Hook, Log, LogKind, Rule};

/// Bytes of packet in the record of a line: enough for each header that the line shows, with
/// options and with a packet that an error quotes.
const LINE_SNAP: u32 = 512;

/// `LOGLEVEL_WARNING`, as `trace_packet` says.
const TRACE_LEVEL: u8 = 4;

/// `LOGLEVEL_NOTICE`, which net/netfilter/nf_log_syslog.c takes where nothing else is said.
const FINGERPRINT_LEVEL: u8 = 5;

/// Frame: the site's number, then the captured length, then the target's scratch.
const NUMBER: i16 = -8;
const CAPTURED: i16 = -16;
const SCRATCH: i16 = CAPTURED - SCRATCH_SIZE;

/// A hook's number in records.
pub(crate) fn hook_number(hook: Hook) -> i32 {
    match hook {
        Hook::Ingress => 0,
        Hook::Prerouting => 1,
        Hook::Input => 2,
        Hook::Forward => 3,
        Hook::Output => 4,
        Hook::Postrouting => 5,
        Hook::Egress => 6,
    }
}

/// The number of what a rule logs.
pub(crate) fn site(emitter: &mut Emitter<'_>, rule: Rule, log: &Log) -> i32 {
    let common =
        Site { prefix: log.prefix.clone(), label: emitter.program.label(rule), ..Site::default() };
    let site = match log.kind {
        LogKind::Syslog { level, flags } => {
            Site { kind: log::KIND_SYSLOG, level, flags, snap: LINE_SNAP, ..common }
        }
        LogKind::Trace => Site {
            kind: log::KIND_TRACE,
            level: TRACE_LEVEL,
            flags: log::DEFAULT_FLAGS,
            snap: LINE_SNAP,
            ..common
        },
        LogKind::Fingerprint { ttl } => Site {
            kind: log::KIND_FINGERPRINT,
            level: FINGERPRINT_LEVEL,
            flags: log::DEFAULT_FLAGS,
            group: ttl.map_or(log::NO_TTL, u16::from),
            snap: LINE_SNAP,
            ..common
        },
        LogKind::Group { group, threshold, size } => Site {
            kind: log::KIND_GROUP,
            flags: log::DEFAULT_FLAGS,
            group,
            threshold,
            snap: size.unwrap_or(u32::MAX),
            ..common
        },
    };
    let known = emitter.sites.iter().position(|known| *known == site);
    let number = known.unwrap_or_else(|| {
        emitter.sites.push(site);
        emitter.sites.len() - 1
    });
    number as i32
}

/// Gives the packet in r7 a number by which it is traced, unless it has one. Clobbers r0 to r5.
pub(crate) fn trace(emitter: &Emitter<'_>, asm: &mut Asm) {
    let Some(place) = emitter.layout.trace() else { return };
    let traced = asm.label();
    asm.load(Size::W, R0, R7, place);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, traced);
    asm.helper(Helper::Random);
    asm.alu_imm(Alu::Or, Width::W32, R0, 1);
    asm.store(Size::W, R7, place, R0);
    asm.place(traced);
}

/// In main, before the base chains: no packet is traced, or by chance one in so many.
pub(crate) fn sample(emitter: &Emitter<'_>, asm: &mut Asm, one_in: Option<u32>) {
    let Some(place) = emitter.layout.trace() else { return };
    asm.store_imm(Size::W, R7, place, 0);
    let Some(one_in) = one_in else { return };
    let other = asm.label();
    asm.helper(Helper::Random);
    asm.alu_imm(Alu::Mod, Width::W32, R0, one_in.max(1) as i32);
    asm.jump_imm(Jump::Ne, Width::W32, R0, 0, other);
    trace(emitter, asm);
    asm.place(other);
}

/// Fills the map of sites, if there is one.
pub(crate) fn fill_sites(maps: &mut [MapDef], sites: &[Site]) {
    for map in maps.iter_mut().filter(|map| map.role == MapRole::LogSites) {
        map.max_entries = sites.len().max(1) as u32;
        let entries = (0u32..).zip(sites);
        map.initial = entries.map(|(at, site)| (at.to_ne_bytes().to_vec(), site.entry())).collect();
    }
}

struct Maps {
    buffer: MapIndex,
    lost: MapIndex,
    sites: MapIndex,
}

fn maps(emitter: &mut Emitter<'_>) -> Maps {
    Maps {
        buffer: emitter.map(&MapRole::Log, || MapDef {
            key_size: 0,
            value_size: 0,
            max_entries: log::BUFFER_SIZE,
            keep: true,
            ..MapDef::new(log::BUFFER, MapKind::RingBuf, MapRole::Log)
        }),
        lost: emitter.map(&MapRole::LogLost, || MapDef {
            keep: true,
            ..MapDef::new(log::LOST, MapKind::Array, MapRole::LogLost)
        }),
        // Its entries follow when all rules have their numbers.
        sites: emitter.map(&MapRole::LogSites, || MapDef {
            value_size: log::SITE_ENTRY as u32,
            ..MapDef::new(log::SITES, MapKind::Array, MapRole::LogSites)
        }),
    }
}

/// The function.
pub(crate) fn emit(emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
    let maps = maps(emitter);
    let mut asm = Asm::new();
    let [done, lost] = std::array::from_fn(|_| asm.label());
    emitter.mark_line(&mut asm, None, "log: find what the rule says");
    asm.mov(crate::asm::R6, R1);
    asm.mov(R7, R2);
    asm.jump_imm(Jump::Eq, Width::W64, R7, 0, done);
    asm.load(Size::W, R1, R7, layout::WALK_RESULT);
    asm.store(Size::W, FP, NUMBER, R1);
    asm.map(R1, maps.sites);
    asm.mov(R2, FP);
    asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(NUMBER));
    asm.helper(Helper::MapLookup);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, done);
    asm.mov(R9, R0);
    emitter.mark_line(&mut asm, None, "log: reserve room");
    reserve(&mut asm, &maps);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, lost);
    asm.mov(R8, R0);
    emitter.mark_line(&mut asm, None, "log: write the record");
    constants(&mut asm);
    fill(emitter, &mut asm);
    asm.mov(R1, R8);
    asm.mov_imm(R2, 0);
    asm.helper(Helper::RingBufSubmit);
    asm.goto(done);
    asm.place(lost);
    emitter.mark_line(&mut asm, None, "log: no room");
    asm.mov_imm(R1, 1);
    asm.atomic_add(R9, log::SITE_LOST as i16, R1);
    asm.map_value(R2, maps.lost, 0);
    asm.mov_imm(R1, 1);
    asm.atomic_add(R2, 0, R1);
    asm.place(done);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "write_log", FunctionKind::Chain)
}

/// r0 = a record with room for as much of the packet as the site in r9 wants, whose length goes
/// to the frame; 0 where there is none.
fn reserve(asm: &mut Asm, maps: &Maps) {
    let [whole, sized] = std::array::from_fn(|_| asm.label());
    asm.load(Size::W, R8, R7, layout::LENGTH);
    asm.load(Size::W, R1, R9, (log::SNAP - log::SITE) as i16);
    asm.jump(Jump::Le, Width::W64, R8, R1, whole);
    asm.mov(R8, R1);
    asm.place(whole);
    for room in log::ROOMS {
        asm.mov_imm(R2, (log::HEADER as u32 + room) as i32);
        asm.jump_imm(Jump::Le, Width::W64, R8, room as i32, sized);
    }
    // No packet is longer.
    asm.mov_imm(R8, log::ROOMS[log::ROOMS.len() - 1] as i32);
    asm.place(sized);
    asm.store(Size::D, FP, CAPTURED, R8);
    asm.map(R1, maps.buffer);
    asm.mov_imm(R3, 0);
    asm.helper(Helper::RingBufReserve);
}

/// Copies the site's constants into the record, before r9 is used for something else.
fn constants(asm: &mut Asm) {
    for at in (0..log::SITE_SIZE as i16).step_by(8) {
        asm.load(Size::D, R1, R9, at);
        asm.store(Size::D, R8, log::SITE as i16 + at, R1);
    }
    for at in (0..log::SITE as i16).step_by(8) {
        asm.store_imm(Size::D, R8, at, 0);
    }
}

/// Everything that depends on the packet.
fn fill(emitter: &Emitter<'_>, asm: &mut Asm) {
    asm.helper(Helper::BootTime);
    asm.store(Size::D, R8, log::TIME as i16, R0);
    asm.load(Size::W, R1, R7, layout::LENGTH);
    asm.store(Size::W, R8, log::LENGTH as i16, R1);
    asm.load(Size::B, R1, R7, layout::HOOK);
    asm.store(Size::B, R8, log::HOOK as i16, R1);
    asm.load(Size::B, R1, R7, layout::NETWORK);
    asm.alu_imm(Alu::Rsh, Width::W64, R1, 4);
    asm.store(Size::B, R8, log::VERSION as i16, R1);
    asm.store_imm(Size::H, R8, log::LINK_GAP as i16, i32::from(log::NO_GAP));
    if let Some(trace) = emitter.layout.trace() {
        asm.load(Size::W, R1, R7, trace);
        asm.store(Size::W, R8, log::TRACE as i16, R1);
    }
    emitter.target.record(asm, &emitter.needs);
    if let Some(name) = emitter.layout.out_interface() {
        let known = asm.label();
        asm.load(Size::W, R1, R8, log::OUT_INDEX as i16);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, known);
        for half in [0, 8] {
            asm.load(Size::D, R1, R7, name + half);
            asm.store(Size::D, R8, log::OUT_NAME as i16 + half, R1);
        }
        asm.place(known);
    }
    let done = asm.label();
    asm.load(Size::D, R4, FP, CAPTURED);
    // Less than 1, not 0: so the verifier of Linux 6.1 learns, too, that something is copied.
    asm.jump_imm(Jump::Lt, Width::W64, R4, 1, done);
    asm.load(Size::W, R2, R7, layout::NETWORK_OFFSET);
    asm.mov(R3, R8);
    asm.alu_imm(Alu::Add, Width::W64, R3, log::HEADER as i32);
    emitter.target.fetch(asm, SCRATCH);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, done);
    asm.load(Size::D, R1, FP, CAPTURED);
    asm.store(Size::W, R8, log::CAPTURED as i16, R1);
    asm.place(done);
}
