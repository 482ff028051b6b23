//! The main function of a program: parse the packet once, run the base chains, answer the hook.
//!
//! Frame, from r10 down: 8 bytes for map keys, `struct bpfc_packet`, whose end is the target's
//! scratch until the packet is parsed, values of the base chains that are parts of it. r6 is the
//! context, r7 the packet structure, r8 and r9 are free.

pub mod addressee;
pub mod bare;
pub(crate) mod bridge;
pub(crate) mod drop;
pub mod ethernet;
pub(crate) mod route;
pub(crate) mod socket;

use crate::asm::{Alu, Asm, FP, Jump, Label, R0, R1, R2, R3, R4, R6, R7, R8, Size, Width};
use crate::chain::outcome;
use crate::chain::select::Exits;
use crate::effect::log;
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::packet::layout::{self, TRANSPORT_WINDOW};
use crate::packet::linear::{self, Destination, Offset};
use crate::packet::region;
use crate::routine::Routine;
use crate::scan::walk;
use crate::target::{MainContext, MainLabels, SCRATCH_SIZE, Target};
use crate::{chain, reply};
use bpfc_artifact::{AttachPoint, Function, FunctionKind, Insn};
use bpfc_ir::{Entry, Family, Hook, Verdict};

/// One program to be: what is attached at one place, and whose chains it runs: those of one hook
/// or of several that a packet meets one after another, in that order.
pub(crate) struct Unit<'a> {
    pub(crate) name: String,
    pub(crate) attach: AttachPoint,
    pub(crate) ipv4: Vec<&'a Entry>,
    pub(crate) ipv6: Vec<&'a Entry>,
}

impl Unit<'_> {
    /// Whether its chains are those of hooks that packets pass on their way in.
    pub(crate) fn is_received(&self) -> bool {
        self.ipv4.iter().chain(&self.ipv6).any(|entry| entry.hook.is_received())
    }

    /// Whether it asks where each packet goes: it runs chains of several hooks of the receive path.
    pub(crate) fn is_routed(&self, target: &dyn Target) -> bool {
        let mut hooks = self.ipv4.iter().chain(&self.ipv6).map(|entry| entry.hook);
        let first = hooks.next().filter(|&first| first.is_received());
        target.routing().is_some() && hooks.any(|hook| hook.is_received() && Some(hook) != first)
    }
}

/// Emits a unit's main function.
pub(crate) fn emit(
    emitter: &mut Emitter<'_>,
    unit: &Unit<'_>,
    name: String,
) -> Result<Function, EmitError> {
    let size = emitter.layout.size();
    let late = emitter.layout.late();
    let packet = -8 - (size - late) - late.max(SCRATCH_SIZE);
    let scratch = -8 - SCRATCH_SIZE;
    let walk = if unit.ipv6.is_empty() { None } else { Some(emitter.routine(Routine::Walk)) };

    let addressing = emitter.target.addressing(unit.attach).filter(|_| unit.is_received());
    let addressee = addressing.map(|how| addressee::prepare(emitter, how)).transpose()?;

    let mut hooks = unit.ipv4.iter().chain(&unit.ipv6).map(|entry| entry.hook);
    let arrived = !hooks.any(|hook| hook == Hook::Output);

    let mut asm = Asm::new();
    let labels = MainLabels { ipv4: asm.label(), ipv6: asm.label(), pass: asm.label() };
    emitter.mark_line(&mut asm, None, "find the network header");
    asm.mov(R6, R1);
    asm.mov(R7, FP);
    asm.alu_imm(Alu::Add, Width::W64, R7, i32::from(packet));
    // A place that helpers alone have written to is lower than what the verifier knows of the frame
    // where it goes back to find out what a number came from, and it gives up.
    asm.store_imm(Size::D, R7, 0, 0);
    let mut context = MainContext {
        asm: &mut asm,
        layout: &emitter.layout,
        needs: &emitter.needs,
        attach: unit.attach,
        arrived,
        labels,
        addressee,
        scratch,
    };
    emitter.target.locate(&mut context);

    let [drop, drop_all] = std::array::from_fn(|_| asm.label());
    for family in [Family::Ipv4, Family::Ipv6] {
        let (label, entries) = match family {
            Family::Ipv4 => (labels.ipv4, &unit.ipv4),
            Family::Ipv6 => (labels.ipv6, &unit.ipv6),
        };
        if !asm.is_used(label) {
            continue;
        }
        asm.place(label);
        if entries.is_empty() {
            asm.goto(labels.pass);
            continue;
        }
        match family {
            Family::Ipv4 => {
                emitter.mark_line(&mut asm, None, "parse the IPv4 header");
                parse_ipv4(emitter, &mut asm, labels, scratch);
            }
            Family::Ipv6 => {
                emitter.mark_line(&mut asm, None, "parse the IPv6 headers");
                parse_ipv6(emitter, &mut asm, labels, scratch);
                if let Some(walk) = walk {
                    clear(&mut asm, scratch, late);
                    walk::call(&mut asm, walk);
                }
            }
        }
        emitter.mark_line(&mut asm, None, "copy the transport header");
        copy_transport(emitter, &mut asm, scratch);
        emitter.mark_line(&mut asm, None, "interfaces, mark, packet type");
        emitter.target.facts(&mut MainContext {
            asm: &mut asm,
            layout: &emitter.layout,
            needs: &emitter.needs,
            attach: unit.attach,
            arrived,
            labels,
            addressee,
            scratch,
        });
        clear(&mut asm, scratch, late);
        if let Some(at) = emitter.layout.routed() {
            for word in (0..region::routed::SIZE).step_by(8) {
                asm.store_imm(Size::D, R7, at + word, 0);
            }
        }
        if emitter.needs.conntrack {
            emitter.mark_line(&mut asm, None, "find the connection");
            let source = emitter.target.conntrack(unit.attach);
            let function = emitter.routine(Routine::Connection(source, family));
            emitter::call(&mut asm, function);
        }
        if emitter.needs.socket {
            emitter.mark_line(&mut asm, None, "find the socket");
            let function = emitter.routine(Routine::Socket);
            emitter::call(&mut asm, function);
        }
        if emitter.needs.ports {
            emitter.mark_line(&mut asm, None, "find the bridge ports");
            let function = emitter.routine(Routine::BridgePorts);
            emitter::call(&mut asm, function);
        }
        log::sample(emitter, &mut asm, emitter.trace_one_in);
        run(
            emitter,
            &mut asm,
            unit,
            entries,
            End { drop, drop_all, pass: labels.pass, frame: -packet },
        )?;
    }

    let other = if unit.is_received() { Hook::Prerouting } else { Hook::Ingress };
    for (label, hook) in [(drop, Hook::Input), (drop_all, other)] {
        if asm.is_used(label) {
            emitter.mark_line(&mut asm, None, "drop");
            asm.place(label);
            drop::emit(emitter, &mut asm, unit.attach, hook)?;
        }
    }
    emitter.mark_line(&mut asm, None, "accept");
    asm.place(labels.pass);
    asm.mov_imm(R0, emitter.target.return_value(Verdict::Accept, unit.attach));
    asm.exit();
    let function = asm.finish(name, FunctionKind::Main, emitter.target.kind(), size as u32)?;
    debug_assert!(function.insns.iter().all(is_aligned), "an access that the verifier refuses");
    Ok(function)
}

/// Whether an instruction does not access the frame, or as the verifier takes it: aligned.
fn is_aligned(insn: &Insn) -> bool {
    let base = match insn.code & 7 {
        // LDX, ST, STX
        1 => insn.src,
        2 | 3 => insn.dst,
        _ => return true,
    };
    let bytes = match insn.code & 0x18 {
        0x00 => 4,
        0x08 => 2,
        0x10 => 1,
        _ => 8,
    };
    base != R7.0 && base != FP.0 || insn.off % bytes == 0
}

/// Overwrites what the target may have left at the packet structure's end, such as a dynptr, which
/// no function may be handed a pointer to.
fn clear(asm: &mut Asm, scratch: i16, late: i16) {
    for at in (scratch..scratch + late.min(SCRATCH_SIZE)).step_by(8) {
        asm.store_imm(Size::D, FP, at, 0);
    }
}

/// Where packets go after the base chains.
#[derive(Clone, Copy)]
struct End {
    /// Dropped by the input hook.
    drop: Label,
    /// Dropped by another.
    drop_all: Label,
    pass: Label,
    /// Bytes of main's frame.
    frame: i16,
}

/// Calls a family's base chains in the order in which a packet meets their hooks. An accept goes on
/// with the next, the last one's leads to `pass`. Where the packet goes in the end says how it is
/// answered when it is rejected.
fn run(
    emitter: &mut Emitter<'_>,
    asm: &mut Asm,
    unit: &Unit<'_>,
    entries: &[&Entry],
    end: End,
) -> Result<(), EmitError> {
    let [Some(first), Some(last)] = [entries.first(), entries.last()] else { return Ok(()) };
    let family = first.family;
    if !unit.is_routed(emitter.target) {
        let reject = asm.label();
        for entry in entries {
            let forwarded = asm.label();
            if entry.hook == Hook::Output
                && let Some(skip) = emitter.target.skip_forwarded()
            {
                skip(asm, forwarded);
            }
            let goes_on = call(emitter, asm, entry, reject, end)?;
            if !goes_on && !asm.is_used(forwarded) {
                return answer(emitter, asm, unit, last, reject);
            }
            asm.place(forwarded);
        }
        asm.goto(end.pass);
        return answer(emitter, asm, unit, last, reject);
    }
    let before = entries.iter().filter(|entry| entry.hook == Hook::Prerouting);
    let behind = entries.iter().filter(|entry| entry.hook != Hook::Prerouting);
    let reject = asm.label();
    for entry in before {
        if !call(emitter, asm, entry, reject, end)? {
            return answer(emitter, asm, unit, first, reject);
        }
    }
    if behind.clone().next().is_some() {
        let route = emitter.routine(Routine::Route(family));
        emitter.mark_line(asm, None, "route the packet");
        emitter::call(asm, route);
    }
    for entry in behind {
        let way = if entry.hook == Hook::Forward { route::FORWARD } else { route::LOCAL };
        let [other, reject] = std::array::from_fn(|_| asm.label());
        // r0 is the way until a chain has run, behind which nothing else does.
        asm.jump_imm(Jump::Ne, Width::W32, R0, way, other);
        if call(emitter, asm, entry, reject, end)? {
            asm.goto(end.pass);
        }
        answer(emitter, asm, unit, entry, reject)?;
        asm.place(other);
    }
    asm.goto(end.pass);
    answer(emitter, asm, unit, first, reject)
}

/// Runs the base chains of one hook. A rejected packet goes to `reject` with the outcome in r0.
/// Yields whether any packet goes on behind them: the verifier takes no code that nothing reaches.
fn call(
    emitter: &mut Emitter<'_>,
    asm: &mut Asm,
    entry: &Entry,
    reject: Label,
    end: End,
) -> Result<bool, EmitError> {
    emitter.mark_line(asm, None, "run the base chains");
    if emitter.needs.log {
        asm.store_imm(Size::B, R7, layout::HOOK, log::hook_number(entry.hook));
    }
    let rejects = emitter.needs.answers.iter().any(|&(of, _)| of == entry.family);
    let drop = if entry.hook == Hook::Input { end.drop } else { end.drop_all };
    for func in entry.funcs() {
        let exits = Exits { accept: asm.label(), drop, reject, rejects };
        match chain::inline(emitter, asm, func, end.frame, exits)? {
            Some(true) => continue,
            Some(false) => return Ok(false),
            None => {}
        }
        if emitter.parts_of_main.contains(&func) {
            chain::emit(emitter, emitter.program, func)?;
        }
        emitter::call_chain(emitter, asm, func);
        asm.jump_imm(Jump::Eq, Width::W32, R0, outcome::DROP, drop);
        if rejects {
            asm.jump_imm(Jump::Ge, Width::W32, R0, outcome::REJECT, reject);
        }
    }
    Ok(true)
}

/// Answers packets that were rejected at a hook, if any are.
fn answer(
    emitter: &mut Emitter<'_>,
    asm: &mut Asm,
    unit: &Unit<'_>,
    entry: &Entry,
    reject: Label,
) -> Result<(), EmitError> {
    if asm.is_used(reject) {
        emitter.mark_line(asm, None, "reject");
        asm.place(reject);
        reply::call(emitter, asm, unit.attach, entry.hook, entry.family)?;
    }
    Ok(())
}

/// Copies bytes from the network header on, or passes the packet when it is shorter.
fn fetch_header(
    emitter: &Emitter<'_>,
    asm: &mut Asm,
    labels: MainLabels,
    scratch: i16,
    bytes: u16,
) {
    let to = Destination { base: R7, offset: layout::NETWORK };
    asm.load(Size::W, R2, R7, layout::NETWORK_OFFSET);
    linear::copy(emitter.target, asm, Offset::Register, to, bytes, scratch, labels.pass);
}

/// Passes the packet when it ends before the length that its header says (at LENGTH), as ip_rcv
/// and ip6_rcv drop such packets before any hook sees them.
fn require_length(emitter: &Emitter<'_>, asm: &mut Asm, labels: MainLabels) {
    asm.load(Size::W, R8, R7, layout::NETWORK_OFFSET);
    asm.load(Size::W, R1, R7, layout::LENGTH);
    asm.alu(Alu::Add, Width::W64, R8, R1);
    emitter.target.require_length(asm, labels.pass);
}

/// net/ipv4/ip_input.c, `ip_rcv_core`: version, header length and total length must hold; what
/// fails there never reaches a hook, so it passes here and the kernel drops it.
fn parse_ipv4(emitter: &Emitter<'_>, asm: &mut Asm, labels: MainLabels, scratch: i16) {
    fetch_header(emitter, asm, labels, scratch, layout::network_window(Family::Ipv4));
    asm.load(Size::B, R1, R7, layout::NETWORK);
    asm.mov(R2, R1);
    asm.alu_imm(Alu::Rsh, Width::W64, R2, 4);
    asm.jump_imm(Jump::Ne, Width::W64, R2, 4, labels.pass);
    asm.alu_imm(Alu::And, Width::W64, R1, 0xf);
    asm.jump_imm(Jump::Lt, Width::W64, R1, 5, labels.pass);
    asm.alu_imm(Alu::Lsh, Width::W64, R1, 2);
    asm.store(Size::H, R7, layout::TRANSPORT_OFFSET, R1);
    asm.load(Size::H, R2, R7, layout::NETWORK + 2);
    asm.from_big_endian(R2, 16);
    asm.jump(Jump::Lt, Width::W64, R2, R1, labels.pass);
    asm.store(Size::W, R7, layout::LENGTH, R2);
    asm.alu(Alu::Sub, Width::W64, R2, R1);
    asm.store(Size::W, R7, layout::TRANSPORT_AVAILABLE, R2);
    asm.load(Size::H, R1, R7, layout::NETWORK + 6);
    asm.from_big_endian(R1, 16);
    asm.alu_imm(Alu::And, Width::W64, R1, 0x1fff);
    asm.store(Size::H, R7, layout::FRAGMENT_OFFSET, R1);
    asm.load(Size::B, R1, R7, layout::NETWORK + 9);
    asm.store(Size::B, R7, layout::L4_PROTO, R1);
    asm.store_imm(Size::B, R7, layout::WALK_FAILED, 0);
    require_length(emitter, asm, labels);
}

/// net/ipv6/ip6_input.c, `ip6_rcv_core`: version and payload length must hold.
fn parse_ipv6(emitter: &Emitter<'_>, asm: &mut Asm, labels: MainLabels, scratch: i16) {
    fetch_header(emitter, asm, labels, scratch, layout::network_window(Family::Ipv6));
    asm.load(Size::B, R1, R7, layout::NETWORK);
    asm.alu_imm(Alu::Rsh, Width::W64, R1, 4);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 6, labels.pass);
    asm.load(Size::H, R2, R7, layout::NETWORK + 4);
    asm.from_big_endian(R2, 16);
    asm.alu_imm(Alu::Add, Width::W64, R2, 40);
    asm.store(Size::W, R7, layout::LENGTH, R2);
    asm.store_imm(Size::H, R7, layout::TRANSPORT_OFFSET, 40);
    asm.store_imm(Size::H, R7, layout::FRAGMENT_OFFSET, 0);
    asm.store_imm(Size::B, R7, layout::WALK_FAILED, 0);
    asm.load(Size::B, R1, R7, layout::NETWORK + 6);
    asm.store(Size::B, R7, layout::L4_PROTO, R1);
    require_length(emitter, asm, labels);
}

/// Copies what there is of the transport header; the rest of the window is zero.
fn copy_transport(emitter: &Emitter<'_>, asm: &mut Asm, scratch: i16) {
    let to = Destination { base: R7, offset: layout::TRANSPORT };
    let [near, far, short, done, end] = std::array::from_fn(|_| asm.label());
    asm.load(Size::W, R2, R7, layout::NETWORK_OFFSET);
    asm.load(Size::H, R4, R7, layout::TRANSPORT_OFFSET);
    asm.alu(Alu::Add, Width::W64, R2, R4);
    asm.load(Size::W, R4, R7, layout::TRANSPORT_AVAILABLE);
    asm.jump_imm(Jump::Lt, Width::W64, R4, i32::from(TRANSPORT_WINDOW), far);
    linear::look(emitter.target, asm, Offset::Register, TRANSPORT_WINDOW, near);
    asm.place(far);
    for (size, at) in linear::pieces(TRANSPORT_WINDOW) {
        asm.store_imm(size, R7, layout::TRANSPORT + at, 0);
    }
    asm.load(Size::W, R4, R7, layout::TRANSPORT_AVAILABLE);
    // Less than 1, not 0: so the verifier of Linux 6.1 learns, too, that something is copied.
    asm.jump_imm(Jump::Lt, Width::W64, R4, 1, done);
    asm.jump_imm(Jump::Le, Width::W64, R4, i32::from(TRANSPORT_WINDOW), short);
    asm.mov_imm(R4, i32::from(TRANSPORT_WINDOW));
    asm.place(short);
    asm.mov(R3, R7);
    asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(layout::TRANSPORT));
    emitter.target.fetch(asm, scratch);
    asm.place(done);
    asm.goto(end);
    asm.place(near);
    linear::read(asm, to, TRANSPORT_WINDOW);
    asm.goto(done);
    asm.place(end);
}
