//! The main function of a program: parse the packet once, run the base chains, answer the hook.
//!
//! Frame, from r10 down: 8 bytes for map keys, `struct bpfc_packet`, whose end is the target's
//! scratch until the packet is parsed, values of the base chains that are parts of it. r6 is the
//! context, r7 the packet structure, r8 and r9 are free.

pub mod addressee;
pub(crate) mod authentication;
pub mod bare;
pub(crate) mod bridge;
pub(crate) mod drop;
pub mod ethernet;
pub(crate) mod parse;
pub(crate) mod route;
pub(crate) mod socket;

use crate::asm::{Alu, Asm, FP, Jump, Label, R0, R1, R6, R7, Size, Width};
use crate::chain::outcome;
use crate::chain::select::Exits;
use crate::effect::log;
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::packet::layout;
use crate::packet::region;
use crate::routine::Routine;
use crate::scan::walk;
use crate::target::{Addressee, MainContext, MainLabels, SCRATCH_SIZE, Sight, Target};
use crate::{chain, conntrack, reply};
use bpfc_artifact::{AttachPoint, Function, FunctionIndex, FunctionKind, Insn};
use bpfc_ir::{BaseChain, CtField, Entry, Hook, PacketFamily, Verdict, Walk};
use parse::Parser;

/// One program to be: what is attached at one place, and whose chains it runs: those of one hook
/// or of several that a packet meets one after another, in that order.
pub(crate) struct Unit<'a> {
    pub(crate) name: String,
    pub(crate) attach: AttachPoint,
    pub(crate) entries: Vec<&'a Entry>,
}

/// The chains that run on one view of a packet.
struct Stage<'a> {
    sight: Sight,
    entries: Vec<&'a Entry>,
}

impl<'a> Stage<'a> {
    /// Those of a family.
    fn of(&self, family: PacketFamily) -> Vec<&'a Entry> {
        self.entries.iter().copied().filter(|entry| entry.family == family).collect()
    }

    fn has(&self, family: PacketFamily) -> bool {
        self.entries.iter().any(|entry| entry.family == family)
    }

    /// Whether its hooks are passed by packets on their way in.
    fn is_received(&self) -> bool {
        self.entries.iter().any(|entry| entry.hook.is_received())
    }
}

impl<'a> Unit<'a> {
    /// Whether its chains are those of hooks that packets pass on their way in.
    pub(crate) fn is_received(&self) -> bool {
        self.entries.iter().any(|entry| entry.hook.is_received())
    }

    /// Whether it asks where each packet goes: it runs chains of several hooks of the receive path.
    pub(crate) fn is_routed(&self, target: &dyn Target) -> bool {
        let hooks = self.entries.iter().map(|entry| entry.hook);
        let mut hooks = hooks.filter(|hook| hook.is_received());
        let first = hooks.next();
        target.routing().is_some() && hooks.any(|hook| Some(hook) != first)
    }

    /// Its chains by how they see a packet, in the order in which it meets them.
    fn stages(&self) -> Vec<Stage<'a>> {
        let sight = |hook| match hook {
            Hook::Ingress => Sight::Ingress,
            Hook::Egress => Sight::Egress,
            _ => Sight::Network,
        };
        let stage = |of: Sight| {
            let entries = self.entries.iter().copied();
            let entries = entries.filter(|entry| sight(entry.hook) == of).collect();
            Stage { sight: of, entries }
        };
        let all = [Sight::Ingress, Sight::Network, Sight::Egress].map(stage);
        all.into_iter().filter(|stage| !stage.entries.is_empty()).collect()
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
    let walk = unit.entries.iter().any(|entry| entry.family == PacketFamily::Ipv6);
    let walk = walk.then(|| emitter.routine(Routine::Walk));
    let addressing = emitter.target.addressing(unit.attach).filter(|_| unit.is_received());
    let addressee = addressing.map(|how| addressee::prepare(emitter, how)).transpose()?;

    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "find the network header");
    asm.mov(R6, R1);
    asm.mov(R7, FP);
    asm.alu_imm(Alu::Add, Width::W64, R7, i32::from(packet));
    // A place that helpers alone have written to is lower than what the verifier knows of the frame
    // where it goes back to find out what a number came from, and it gives up.
    asm.store_imm(Size::D, R7, 0, 0);
    for (number, stage) in unit.stages().iter().enumerate() {
        if number > 0 {
            emitter.mark_line(&mut asm, None, "find the network header");
        }
        let addressee = addressee.filter(|_| stage.is_received());
        let pass = run_stage(emitter, &mut asm, unit, stage, (walk, addressee), packet)?;
        emitter.mark_line(&mut asm, None, "accept");
        asm.place(pass);
    }
    asm.mov_imm(R0, emitter.target.return_value(Verdict::Accept, unit.attach));
    asm.exit();
    let function = asm.finish(name, FunctionKind::Main, emitter.target.kind(), size as u32)?;
    debug_assert!(function.insns.iter().all(is_aligned), "an access that the verifier refuses");
    Ok(function)
}

/// Parses a packet for a stage and runs its chains. Yields the label that packets go on at.
fn run_stage(
    emitter: &mut Emitter<'_>,
    asm: &mut Asm,
    unit: &Unit<'_>,
    stage: &Stage<'_>,
    (walk, addressee): (Option<FunctionIndex>, Option<Addressee>),
    packet: i16,
) -> Result<Label, EmitError> {
    let late = emitter.layout.late();
    let scratch = -8 - SCRATCH_SIZE;
    let sight = stage.sight;
    let arrived = !stage.entries.iter().any(|entry| entry.hook == Hook::Output);
    let [ipv4, ipv6, pass] = std::array::from_fn(|_| asm.label());
    let other = if sight.is_device() { asm.label() } else { pass };
    let labels = MainLabels { ipv4, ipv6, other, pass };
    if let Some(tag) = emitter.layout.tag() {
        asm.store_imm(Size::D, R7, tag, 0);
    }
    emitter.target.locate(&mut MainContext {
        asm,
        layout: &emitter.layout,
        needs: &emitter.needs,
        attach: unit.attach,
        arrived,
        sight,
        labels,
        addressee,
        scratch,
    });
    let [drop, drop_all] = std::array::from_fn(|_| asm.label());
    for family in PacketFamily::ALL {
        let label = match family {
            PacketFamily::Ipv4 => labels.ipv4,
            PacketFamily::Ipv6 => labels.ipv6,
            PacketFamily::Other if sight.is_device() => labels.other,
            PacketFamily::Other => continue,
        };
        if !asm.is_used(label) {
            continue;
        }
        asm.place(label);
        // What is no sound packet of the family is an other frame to hooks of devices.
        if !stage.has(family) && (!sight.is_device() || !stage.has(PacketFamily::Other)) {
            asm.goto(labels.pass);
            continue;
        }
        let parser = Parser { target: emitter.target, sight, labels, scratch };
        match family {
            PacketFamily::Ipv4 => {
                emitter.mark_line(asm, None, "parse the IPv4 header");
                parser.ipv4(emitter, asm);
            }
            PacketFamily::Ipv6 => {
                emitter.mark_line(asm, None, "parse the IPv6 headers");
                parser.ipv6(emitter, asm);
                authentication::forget(emitter, asm);
                if let Some(walk) = walk {
                    clear(asm, scratch, late);
                    walk::call(emitter, asm, walk);
                }
            }
            PacketFamily::Other => {
                emitter.mark_line(asm, None, "nothing is known of another frame");
                parser.other(emitter, asm);
            }
        }
        let entries = stage.of(family);
        if entries.is_empty() {
            asm.goto(labels.pass);
            continue;
        }
        if family != PacketFamily::Other {
            emitter.mark_line(asm, None, "copy the transport header");
            parser.transport(asm);
        }
        emitter.mark_line(asm, None, "interfaces, mark, packet type");
        emitter.target.facts(&mut MainContext {
            asm,
            layout: &emitter.layout,
            needs: &emitter.needs,
            attach: unit.attach,
            arrived,
            sight,
            labels,
            addressee,
            scratch,
        });
        clear(asm, scratch, late);
        if let Some(at) = emitter.layout.routed() {
            for word in (0..region::routed::SIZE).step_by(8) {
                asm.store_imm(Size::D, R7, at + word, 0);
            }
        }
        find_more(emitter, asm, unit, sight, family);
        log::sample(emitter, asm, emitter.trace_one_in);
        let routed = !sight.is_device() && unit.is_routed(emitter.target);
        let end = End { drop, drop_all, pass: labels.pass, frame: -packet, routed };
        run(emitter, asm, unit, &entries, end)?;
    }

    let other = if stage.is_received() { Hook::Prerouting } else { Hook::Ingress };
    for (label, hook) in [(drop, Hook::Input), (drop_all, other)] {
        if asm.is_used(label) {
            emitter.mark_line(asm, None, "drop");
            asm.place(label);
            drop::emit(emitter, asm, unit.attach, hook)?;
        }
    }
    Ok(labels.pass)
}

/// Finds out what rules ask for beside the headers: connection, socket, bridge ports. Hooks of
/// devices run where no packet has a connection yet, or where nobody asks for it any more
/// (net/netfilter/nft_ct.c, `nft_ct_get_init`): all of it reads as none there.
fn find_more(
    emitter: &mut Emitter<'_>,
    asm: &mut Asm,
    unit: &Unit<'_>,
    sight: Sight,
    family: PacketFamily,
) {
    if sight.is_device() {
        let size = emitter.layout.size();
        for at in (size - emitter.layout.late()..size).step_by(8) {
            asm.store_imm(Size::D, R7, at, 0);
        }
        if let Some(state) = emitter.layout.ct(CtField::State) {
            asm.store_imm(Size::B, R7, state, conntrack::state::INVALID);
        }
    } else if let Some(family) = family.ip().filter(|_| emitter.needs.conntrack) {
        emitter.mark_line(asm, None, "find the connection");
        let source = emitter.target.conntrack(unit.attach);
        let function = emitter.routine(Routine::Connection(source, family));
        emitter::call(asm, function);
    }
    if emitter.needs.socket && sight != Sight::Ingress {
        emitter.mark_line(asm, None, "find the socket");
        let function = emitter.routine(Routine::Socket);
        emitter::call(asm, function);
    }
    if emitter.needs.ports && !sight.is_device() {
        emitter.mark_line(asm, None, "find the bridge ports");
        let function = emitter.routine(Routine::BridgePorts);
        emitter::call(asm, function);
    }
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
    /// Whether the program asks where the packet goes.
    routed: bool,
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
    let family = family.ip().filter(|_| end.routed);
    let Some(family) = family else {
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
    };
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
    let rejects = emitter.needs.answers.iter().any(|&(of, _)| entry.family == of);
    let drop = if entry.hook == Hook::Input { end.drop } else { end.drop_all };
    let mut now = Walk::Through;
    for &BaseChain { func, walk, .. } in &entry.chains {
        authentication::choose(emitter, asm, entry.family, walk, &mut now);
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
    authentication::choose(emitter, asm, entry.family, Walk::Through, &mut now);
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
        if entry.family == PacketFamily::Ipv6 {
            authentication::put_back(emitter, asm);
        }
        if let Some(family) = entry.family.ip() {
            if matches!(entry.hook, Hook::Ingress | Hook::Egress) {
                parse::cut_to_length(asm, family);
            }
            reply::call(emitter, asm, unit.attach, entry.hook, family)?;
        }
    }
    Ok(())
}
