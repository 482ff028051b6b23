//! Lists of recently seen addresses (net/netfilter/xt_recent.c, `recent_mt`): one map value that
//! holds the whole list, and a lock around each question, as the kernel does it.
//!
//! [`bpfc_artifact::recent`] says how the list lies in the value.
//!
//! The times of an entry never decrease along its ring, since the clock is read before the lock is
//! taken and brought up to the latest tick under it. So the kernel's count of the times that are
//! recent enough reaches `hits` exactly where the time `hits` places back is recent enough.

use crate::asm::{
    Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, Reg, Size, Width,
};
use crate::emitter::Emitter;
use crate::error::EmitError;
use bpfc_artifact::recent::{self, RecentLayout};
use bpfc_artifact::{
    AttachPoint, FunctionIndex, FunctionKind, MapDef, MapIndex, MapKind, MapRole, Program,
    ProgramKind,
};
use bpfc_ir::{Family, Object, RecentAction, RecentList, RecentQuery};

const COUNT: i16 = recent::COUNT as i16;
const LATEST: i16 = recent::LATEST as i16;
const USED: i16 = recent::USED as i16;
const FAMILY: i16 = recent::FAMILY as i16;
const TTL: i16 = recent::TTL as i16;
const INDEX: i16 = recent::INDEX as i16;
const STAMPS_USED: i16 = recent::STAMPS_USED as i16;
const STAMPS: i16 = recent::STAMPS as i16;

/// The frame: the key as it is compared, the head of its hash's ring, the packet's time to live,
/// the answer, how many ticks are recent, the family.
const KEY: i16 = -16;
const RING: i16 = -24;
const SIGHT_TTL: i16 = -32;
const ANSWER: i16 = -40;
const WINDOW: i16 = -48;
const KEY_FAMILY: i16 = -56;
const MAP_KEY: i16 = -60;
/// Where an editing program reads its command to.
const EDIT: i16 = -88;

/// An odd number near 2^64 divided by the golden ratio (Knuth, The Art of Computer Programming,
/// section 6.4).
const HASH: u64 = 0x9e37_79b9_7f4a_7c15;

pub(super) fn emit(
    emitter: &mut Emitter<'_>,
    object: Object,
    list: &RecentList,
    query: &RecentQuery,
) -> Result<FunctionIndex, EmitError> {
    let shape = Shape::new(list);
    let map = shape.map(emitter, object)?;
    let arguments = [0, 1].map(|at| emitter.layout.argument(at));
    let [Some(address), Some(ttl)] = arguments else { return Err(EmitError::Query) };

    let mut asm = Asm::new();
    let failed = asm.label();
    emitter.mark_line(&mut asm, None, "look into a list of recently seen addresses");
    asm.mov(R7, R2);
    asm.jump_imm(Jump::Eq, Width::W64, R7, 0, failed);
    asm.helper(Helper::Jiffies);
    asm.mov(R6, R0);
    if query.seconds != 0 {
        asm.kconfig(R1, "CONFIG_HZ");
        asm.load(Size::W, R1, R1, 0);
        // The kernel multiplies in 32 bits.
        asm.alu_imm(Alu::Mul, Width::W32, R1, query.seconds as i32);
        asm.store(Size::D, FP, WINDOW, R1);
    }
    shape.open(&mut asm, map, failed);
    asm.load(Size::B, R1, R7, ttl);
    asm.store(Size::D, FP, SIGHT_TTL, R1);
    shape.key(&mut asm, query.family, address);
    asm.store_imm(Size::D, FP, ANSWER, i32::from(query.invert));
    asm.mov(R1, R8);
    asm.helper(Helper::SpinLock);
    shape.ask(&mut asm, query);
    asm.mov(R1, R8);
    asm.helper(Helper::SpinUnlock);
    asm.load(Size::D, R0, FP, ANSWER);
    asm.exit();
    asm.place(failed);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "recent", FunctionKind::Chain)
}

/// One of the two ways in which nodes are linked.
#[derive(Clone, Copy)]
enum Links {
    Age,
    Hash,
}

struct Shape {
    list: RecentList,
    layout: RecentLayout,
    /// E.
    nodes: i32,
}

impl Shape {
    fn new(list: &RecentList) -> Shape {
        let layout = RecentLayout { entries: list.entries, stamps: list.stamps };
        Shape { list: *list, layout, nodes: layout.nodes() as i32 }
    }

    /// The list's map; with it comes the program that edits it.
    fn map(&self, emitter: &mut Emitter<'_>, object: Object) -> Result<MapIndex, EmitError> {
        let name = emitter.program.objects[object].name.clone();
        let role = MapRole::Object { object: name, part: self.layout.part() };
        let number = emitter.maps.len();
        let map = emitter.map(&role, || MapDef {
            value_size: self.layout.value_size(),
            locked: true,
            keep: true,
            ..MapDef::new(format!("recent_{number}"), MapKind::Array, role.clone())
        });
        if map.0 as usize == number {
            self.editor(emitter, map)?;
        }
        Ok(map)
    }

    /// r8 = the list.
    fn open(&self, asm: &mut Asm, map: MapIndex, failed: Label) {
        asm.store_imm(Size::W, FP, MAP_KEY, 0);
        asm.map(R1, map);
        asm.mov(R2, FP);
        asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(MAP_KEY));
        asm.helper(Helper::MapLookup);
        asm.jump_imm(Jump::Eq, Width::W64, R0, 0, failed);
        asm.mov(R8, R0);
    }

    /// A program that changes the list as writing to `/proc/net/xt_recent` does
    /// (`recent_mt_proc_write`): addresses count as they are, whatever the list's mask. It answers
    /// 1 when done.
    fn editor(&self, emitter: &mut Emitter<'_>, map: MapIndex) -> Result<(), EmitError> {
        let mut asm = Asm::new();
        let [failed, found, absent, delete, flush, done] = std::array::from_fn(|_| asm.label());
        emitter.mark_line(&mut asm, None, "edit a list of recently seen addresses");
        asm.mov_imm(R2, 0);
        asm.mov(R3, FP);
        asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(EDIT));
        asm.mov_imm(R4, recent::EDIT_SIZE as i32);
        asm.helper(Helper::XdpLoadBytes);
        asm.jump_imm(Jump::Ne, Width::W64, R0, 0, failed);
        asm.helper(Helper::Jiffies);
        asm.mov(R6, R0);
        self.open(&mut asm, map, failed);
        asm.load(Size::B, R7, FP, EDIT);
        asm.load(Size::B, R1, FP, EDIT + 1);
        asm.store(Size::D, FP, KEY_FAMILY, R1);
        asm.load(Size::D, R1, FP, EDIT + 8);
        asm.load(Size::D, R2, FP, EDIT + 16);
        self.hash(&mut asm);
        asm.store_imm(Size::D, FP, SIGHT_TTL, 0);
        asm.mov(R1, R8);
        asm.helper(Helper::SpinLock);
        self.advance(&mut asm);
        asm.jump_imm(Jump::Eq, Width::W64, R7, i32::from(recent::EDIT_FLUSH), flush);
        self.find(&mut asm, false, found, absent);
        asm.place(absent);
        asm.jump_imm(Jump::Ne, Width::W64, R7, i32::from(recent::EDIT_ADD), done);
        self.insert(&mut asm);
        asm.goto(done);
        asm.place(found);
        asm.jump_imm(Jump::Eq, Width::W64, R7, i32::from(recent::EDIT_DELETE), delete);
        self.touch(&mut asm, false);
        asm.goto(done);
        asm.place(delete);
        asm.mov(R0, R9);
        self.remove(&mut asm);
        asm.goto(done);

        asm.place(flush);
        let again = asm.label();
        // No more entries than nodes; the verifier does not know.
        asm.mov_imm(R9, self.nodes + 1);
        asm.place(again);
        asm.alu_imm(Alu::Sub, Width::W64, R9, 1);
        asm.jump_imm(Jump::Eq, Width::W64, R9, 0, done);
        asm.mov_imm(R5, self.nodes);
        self.next(&mut asm, Links::Age, R0, R5);
        asm.jump_imm(Jump::Ge, Width::W64, R0, self.nodes, done);
        self.remove(&mut asm);
        asm.goto(again);

        asm.place(done);
        asm.mov(R1, R8);
        asm.helper(Helper::SpinUnlock);
        asm.mov_imm(R0, 1);
        asm.exit();
        asm.place(failed);
        asm.mov_imm(R0, 0);
        asm.exit();
        let name = RecentLayout::editor(&emitter.maps[map.0 as usize].name);
        let unique = emitter.name(&name);
        let function = asm.finish(unique, FunctionKind::Main, ProgramKind::Xdp, 0)?;
        let entry = emitter.push(function);
        emitter.services.push(Program { name, attach: AttachPoint::Service, entry });
        Ok(())
    }

    fn links(&self, links: Links) -> i32 {
        match links {
            Links::Age => recent::AGE as i32,
            Links::Hash => self.layout.hash() as i32,
        }
    }

    /// Puts the packet's key into the frame, and the head of its hash's ring. Clobbers r1 to r3.
    fn key(&self, asm: &mut Asm, family: Family, address: i16) {
        let mask = self.list.mask.to_be_bytes();
        let halves = [0, 8].map(|at| {
            mask[at..at + 8].iter().rev().fold(0, |half, &byte| half << 8 | u64::from(byte))
        });
        asm.load(Size::D, R1, R7, address);
        asm.mov_imm(R2, 0);
        match family {
            // The argument is a number; in the packet its upper byte comes first.
            Family::Ipv4 => asm.from_big_endian(R1, 32),
            Family::Ipv6 => asm.load(Size::D, R2, R7, address + 8),
        }
        for (half, mask) in [R1, R2].into_iter().zip(halves) {
            if mask != u64::MAX {
                asm.constant(R3, mask);
                asm.alu(Alu::And, Width::W64, half, R3);
            }
        }
        asm.store_imm(Size::D, FP, KEY_FAMILY, family_number(family));
        self.hash(asm);
    }

    /// Keeps the key in r1 and r2, and the head of its hash's ring. Clobbers r1 and r3.
    fn hash(&self, asm: &mut Asm) {
        asm.store(Size::D, FP, KEY, R1);
        asm.store(Size::D, FP, KEY + 8, R2);
        asm.constant(R3, HASH);
        asm.alu(Alu::Mul, Width::W64, R1, R3);
        asm.alu(Alu::Xor, Width::W64, R1, R2);
        asm.alu(Alu::Mul, Width::W64, R1, R3);
        asm.alu_imm(Alu::Rsh, Width::W64, R1, 48);
        asm.alu_imm(Alu::And, Width::W64, R1, self.nodes - 1);
        asm.alu_imm(Alu::Add, Width::W64, R1, self.nodes);
        asm.store(Size::D, FP, RING, R1);
    }

    /// `dst` = the address that a node's link has, but for the offset of the links.
    fn link(&self, asm: &mut Asm, dst: Reg, node: Reg) {
        asm.mov(dst, node);
        asm.alu_imm(Alu::And, Width::W64, dst, 2 * self.nodes - 1);
        asm.alu_imm(Alu::Lsh, Width::W64, dst, 2);
        asm.alu(Alu::Add, Width::W64, dst, R8);
    }

    /// `dst` = the node behind another. Clobbers r1.
    fn next(&self, asm: &mut Asm, links: Links, dst: Reg, node: Reg) {
        self.link(asm, R1, node);
        self.offset(asm, R1, links);
        asm.load(Size::H, R1, R1, 0);
        asm.alu(Alu::Xor, Width::W64, R1, node);
        asm.mov(dst, R1);
    }

    fn offset(&self, asm: &mut Asm, link: Reg, links: Links) {
        asm.alu_imm(Alu::Add, Width::W64, link, self.links(links));
    }

    /// Takes a node out of its ring; its own link is left as it was. Clobbers r1 to r4.
    fn unlink(&self, asm: &mut Asm, links: Links, node: Reg) {
        self.link(asm, R1, node);
        self.offset(asm, R1, links);
        asm.load(Size::H, R2, R1, 0);
        asm.alu(Alu::Xor, Width::W64, R2, node);
        asm.load(Size::H, R3, R1, 2);
        asm.alu(Alu::Xor, Width::W64, R3, node);
        self.join(asm, links, R3, R2);
    }

    /// Makes one node the next of another. Clobbers r1 and r4.
    fn join(&self, asm: &mut Asm, links: Links, first: Reg, second: Reg) {
        asm.mov(R4, first);
        asm.alu(Alu::Xor, Width::W64, R4, second);
        self.link(asm, R1, first);
        self.offset(asm, R1, links);
        asm.store(Size::H, R1, 0, R4);
        self.link(asm, R1, second);
        self.offset(asm, R1, links);
        asm.store(Size::H, R1, 2, R4);
    }

    /// Puts a node in front of a ring's head, which r5 is. Clobbers r1 to r4.
    fn append(&self, asm: &mut Asm, links: Links, node: Reg) {
        self.link(asm, R1, R5);
        self.offset(asm, R1, links);
        asm.load(Size::H, R2, R1, 2);
        asm.alu(Alu::Xor, Width::W64, R2, R5);
        self.join(asm, links, R2, node);
        self.join(asm, links, node, R5);
    }

    /// `dst` = the address of an entry.
    fn entry(&self, asm: &mut Asm, dst: Reg, node: Reg) {
        asm.mov(dst, node);
        asm.alu_imm(Alu::And, Width::W64, dst, self.nodes - 1);
        asm.alu_imm(Alu::Mul, Width::W64, dst, self.layout.entry_size() as i32);
        asm.alu(Alu::Add, Width::W64, dst, R8);
        asm.alu_imm(Alu::Add, Width::W64, dst, self.layout.first() as i32);
    }

    /// `dst` = the time that lies `back` places before the next one's in the entry at `entry`.
    fn stamp(&self, asm: &mut Asm, dst: Reg, entry: Reg, back: u32) {
        asm.load(Size::W, dst, entry, INDEX);
        asm.alu_imm(Alu::Sub, Width::W64, dst, back as i32);
        asm.alu_imm(Alu::And, Width::W64, dst, self.list.stamps as i32 - 1);
        asm.alu_imm(Alu::Lsh, Width::W64, dst, 3);
        asm.alu(Alu::Add, Width::W64, dst, entry);
        asm.load(Size::D, dst, dst, STAMPS);
    }

    /// Jumps where a time is not recent, as `time_after` compares; clobbers it and r5.
    fn if_old(&self, asm: &mut Asm, stamp: Reg, to: Label) {
        asm.mov(R5, R6);
        asm.load(Size::D, R0, FP, WINDOW);
        asm.alu(Alu::Sub, Width::W64, R5, R0);
        asm.alu(Alu::Sub, Width::W64, stamp, R5);
        asm.jump_imm(Jump::Slt, Width::W64, stamp, 0, to);
    }

    /// The question, under the lock: r6 = now, r8 = the list.
    fn ask(&self, asm: &mut Asm, query: &RecentQuery) {
        let [found, absent, done] = std::array::from_fn(|_| asm.label());
        self.advance(asm);
        self.find(asm, query.ttl, found, absent);
        asm.place(absent);
        if query.action == RecentAction::Set {
            self.insert(asm);
            self.answer(asm, !query.invert);
        }
        asm.goto(done);

        asm.place(found);
        match query.action {
            RecentAction::Set => {
                self.touch(asm, true);
                self.answer(asm, !query.invert);
            }
            RecentAction::Remove => {
                asm.mov(R0, R9);
                self.remove(asm);
                self.answer(asm, !query.invert);
            }
            RecentAction::Check | RecentAction::Update => self.check(asm, query),
        }
        asm.place(done);
    }

    /// r6 = the latest tick: another processor may have seen a later one before it took the lock.
    fn advance(&self, asm: &mut Asm) {
        let current = asm.label();
        asm.load(Size::D, R1, R8, LATEST);
        asm.jump(Jump::Ge, Width::W64, R6, R1, current);
        asm.mov(R6, R1);
        asm.place(current);
        asm.store(Size::D, R8, LATEST, R6);
    }

    fn answer(&self, asm: &mut Asm, answer: bool) {
        asm.store_imm(Size::D, FP, ANSWER, i32::from(answer));
    }

    /// r9 = the key's entry at `found`; with `ttl` its time to live must be the packet's.
    fn find(&self, asm: &mut Asm, ttl: bool, found: Label, absent: Label) {
        let again = asm.label();
        asm.load(Size::D, R9, FP, RING);
        // No ring is longer; the verifier does not know.
        asm.mov_imm(R0, self.nodes + 1);
        asm.place(again);
        asm.alu_imm(Alu::Sub, Width::W64, R0, 1);
        asm.jump_imm(Jump::Eq, Width::W64, R0, 0, absent);
        self.next(asm, Links::Hash, R9, R9);
        asm.jump_imm(Jump::Ge, Width::W64, R9, self.nodes, absent);
        self.entry(asm, R1, R9);
        for half in [0, 8] {
            asm.load(Size::D, R2, R1, half);
            asm.load(Size::D, R3, FP, KEY + half);
            asm.jump(Jump::Ne, Width::W64, R2, R3, again);
        }
        asm.load(Size::B, R2, R1, FAMILY);
        asm.load(Size::D, R3, FP, KEY_FAMILY);
        asm.jump(Jump::Ne, Width::W64, R2, R3, again);
        if ttl {
            asm.load(Size::B, R2, R1, TTL);
            asm.jump_imm(Jump::Eq, Width::W64, R2, 0, found);
            asm.load(Size::D, R3, FP, SIGHT_TTL);
            asm.jump_imm(Jump::Eq, Width::W64, R3, 0, found);
            asm.jump(Jump::Ne, Width::W64, R2, R3, again);
        }
        asm.goto(found);
    }

    /// Makes an entry of the key in place of the oldest where the list is full.
    fn insert(&self, asm: &mut Asm) {
        let [room, fresh, ready] = std::array::from_fn(|_| asm.label());
        asm.load(Size::W, R1, R8, COUNT);
        asm.jump_imm(Jump::Lt, Width::W64, R1, self.list.entries as i32, room);
        asm.mov_imm(R5, self.nodes);
        self.next(asm, Links::Age, R0, R5);
        self.remove(asm);
        asm.place(room);
        asm.mov_imm(R5, self.nodes + 1);
        self.next(asm, Links::Age, R9, R5);
        asm.jump_imm(Jump::Ge, Width::W64, R9, self.nodes, fresh);
        self.unlink(asm, Links::Age, R9);
        asm.goto(ready);
        asm.place(fresh);
        asm.load(Size::W, R9, R8, USED);
        asm.mov(R1, R9);
        asm.alu_imm(Alu::Add, Width::W64, R1, 1);
        asm.store(Size::W, R8, USED, R1);
        asm.alu_imm(Alu::And, Width::W64, R9, self.nodes - 1);
        asm.place(ready);
        self.entry(asm, R1, R9);
        for half in [0, 8] {
            asm.load(Size::D, R2, FP, KEY + half);
            asm.store(Size::D, R1, half, R2);
        }
        asm.load(Size::D, R2, FP, KEY_FAMILY);
        asm.store(Size::B, R1, FAMILY, R2);
        asm.load(Size::D, R2, FP, SIGHT_TTL);
        asm.store(Size::B, R1, TTL, R2);
        asm.store_imm(Size::W, R1, INDEX, 1);
        asm.store_imm(Size::W, R1, STAMPS_USED, 1);
        asm.store(Size::D, R1, STAMPS, R6);
        asm.mov_imm(R5, self.nodes);
        self.append(asm, Links::Age, R9);
        asm.load(Size::D, R5, FP, RING);
        self.append(asm, Links::Hash, R9);
        asm.load(Size::W, R1, R8, COUNT);
        asm.alu_imm(Alu::Add, Width::W64, R1, 1);
        asm.store(Size::W, R8, COUNT, R1);
    }

    /// Frees the entry r0. Keeps r9.
    fn remove(&self, asm: &mut Asm) {
        self.unlink(asm, Links::Hash, R0);
        self.unlink(asm, Links::Age, R0);
        asm.mov_imm(R5, self.nodes + 1);
        self.append(asm, Links::Age, R0);
        asm.load(Size::W, R1, R8, COUNT);
        asm.alu_imm(Alu::Sub, Width::W64, R1, 1);
        asm.store(Size::W, R8, COUNT, R1);
    }

    /// The entry r9 is seen now (`recent_entry_update`), with `ttl` in a packet of this time to
    /// live.
    fn touch(&self, asm: &mut Asm, ttl: bool) {
        let known = asm.label();
        self.entry(asm, R1, R9);
        asm.load(Size::W, R2, R1, INDEX);
        asm.alu_imm(Alu::And, Width::W64, R2, self.list.stamps as i32 - 1);
        asm.mov(R3, R2);
        asm.alu_imm(Alu::Lsh, Width::W64, R3, 3);
        asm.alu(Alu::Add, Width::W64, R3, R1);
        asm.store(Size::D, R3, STAMPS, R6);
        asm.alu_imm(Alu::Add, Width::W64, R2, 1);
        asm.store(Size::W, R1, INDEX, R2);
        asm.load(Size::W, R3, R1, STAMPS_USED);
        asm.jump(Jump::Le, Width::W64, R2, R3, known);
        asm.store(Size::W, R1, STAMPS_USED, R2);
        asm.place(known);
        if ttl {
            asm.load(Size::D, R2, FP, SIGHT_TTL);
            asm.store(Size::B, R1, TTL, R2);
        }
        self.unlink(asm, Links::Age, R9);
        asm.mov_imm(R5, self.nodes);
        self.append(asm, Links::Age, R9);
    }

    /// Whether the entry r9 was seen as often as asked for; reaps and updates.
    fn check(&self, asm: &mut Asm, query: &RecentQuery) {
        let [miss, judged, fresh, end] = std::array::from_fn(|_| asm.label());
        let nth = query.hits.max(1);
        self.entry(asm, R1, R9);
        asm.load(Size::W, R2, R1, STAMPS_USED);
        asm.jump_imm(Jump::Lt, Width::W64, R2, nth as i32, miss);
        if query.seconds != 0 {
            self.stamp(asm, R2, R1, nth);
            self.if_old(asm, R2, miss);
        }
        self.answer(asm, !query.invert);
        asm.goto(judged);
        asm.place(miss);
        self.answer(asm, query.invert);
        asm.place(judged);
        if query.reap {
            asm.mov_imm(R5, self.nodes);
            self.next(asm, Links::Age, R3, R5);
            if query.action == RecentAction::Update {
                // What is updated stays.
                let other = asm.label();
                asm.jump(Jump::Ne, Width::W64, R3, R9, other);
                asm.load(Size::D, R1, FP, ANSWER);
                asm.jump_imm(Jump::Ne, Width::W64, R1, 0, fresh);
                asm.place(other);
            }
            let old = asm.label();
            self.entry(asm, R1, R3);
            self.stamp(asm, R2, R1, 1);
            self.if_old(asm, R2, old);
            asm.goto(fresh);
            asm.place(old);
            asm.mov(R0, R3);
            self.remove(asm);
        }
        asm.place(fresh);
        if query.action == RecentAction::Update {
            asm.load(Size::D, R1, FP, ANSWER);
            asm.jump_imm(Jump::Eq, Width::W64, R1, 0, end);
            self.touch(asm, true);
        }
        asm.place(end);
    }
}

fn family_number(family: Family) -> i32 {
    match family {
        Family::Ipv4 => 4,
        Family::Ipv6 => 6,
    }
}
