//! Adding and deleting a packet's element (ip_set_hash_gen.h, `mtype_add`, `mtype_del`, as the
//! SET target calls them).
//!
//! A network part takes the longest prefix length that the set holds. A new element is made of
//! zeros and then filled in, so that nothing large lies on the stack.
//!
//! A full set with `forceadd` makes room: one of the elements that come first in the map goes,
//! drawn by lot, as no program can reach an element of a bucket (`bpf_for_each_map_elem`, Linux
//! 5.13).

use super::key::{Arguments, load_mac};
use super::{Argument, Code, KEY, VALUE};
use crate::asm::{Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R4, R6, R7, R8, Size, Width};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::packet::layout;
use bpfc_artifact::{FunctionIndex, FunctionKind, MaskList};
use bpfc_ipset::{Layout, SetKind};

/// An interface's name while the network is marked.
const SAVED: i16 = -88;
/// The key of an element that makes room, and behind it how many others are passed over for it.
const VICTIM: i16 = -136;
const PASSED: i16 = VICTIM + 40;
/// Among how many elements it is chosen, a power of two.
const CHOICE: i32 = 64;
/// Attempts to make room: others may take it.
const ATTEMPTS: usize = 2;
/// The map is full (`E2BIG`).
const FULL: i32 = -7;
/// `BPF_NOEXIST`.
const NO_EXIST: i32 = 1;
/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

impl Code<'_> {
    /// The key of the packet's element; goes to the miss where it can be none.
    fn packet_key(&mut self, argument: Argument<'_>) -> Arguments {
        let arguments = self.arguments(argument);
        let (layout, miss) = (self.layout, self.miss);
        self.plain_parts(&arguments);
        if let (SetKind::HashIp, Some(at)) = (self.def.kind, layout.addresses[0]) {
            let at = KEY + at as i16;
            let given = self.asm.label();
            for half in 0..(layout.key_size / 8) as i16 {
                self.asm.load(Size::D, R1, FP, at + half * 8);
                self.asm.jump_imm(Jump::Ne, Width::W64, R1, 0, given);
            }
            self.asm.goto(miss);
            self.asm.place(given);
        }
        if let (Some((low, high)), Some(_)) = (self.def.options.range, layout.addresses[0]) {
            self.asm.load(Size::W, R1, R7, arguments.addresses[0]);
            self.within(low, high);
        } else if let Some((low, high)) = self.def.options.range {
            self.asm.load(Size::W, R1, R7, arguments.port);
            self.within(low, high);
        }
        for part in 0..2 {
            let Some(list) = self.state.prefixes[part] else { continue };
            let first = self.asm.label();
            self.asm.load(Size::W, R1, R8, list.offset as i16);
            self.asm.jump_imm(Jump::Ne, Width::W64, R1, 0, first);
            self.begin_list(list);
            self.asm.place(first);
            self.asm.mov(R1, R8);
            self.network(part, list, arguments.addresses[part]);
        }
        if let (Some(name), Some(_)) = (layout.interface, layout.interface_flags) {
            self.asm.load(Size::B, R1, R7, arguments.interface);
            self.asm.jump_imm(Jump::Eq, Width::W64, R1, 0, miss);
            for half in [0, 8] {
                self.asm.load(Size::D, R1, R7, arguments.interface + half);
                self.asm.store(Size::D, FP, KEY + name as i16 + half, R1);
            }
        }
        arguments
    }

    /// Goes to the miss where r1 is not within bounds.
    fn within(&mut self, low: u32, high: u32) {
        let miss = self.miss;
        self.asm.constant(R2, low.into());
        self.asm.jump(Jump::Lt, Width::W64, R1, R2, miss);
        self.asm.constant(R2, high.into());
        self.asm.jump(Jump::Gt, Width::W64, R1, R2, miss);
    }

    /// The set holds no network: its only length is that of whole addresses. Processors that do
    /// this at the same time write the same.
    fn begin_list(&mut self, list: MaskList) {
        let entry = (list.offset + MaskList::HEADER) as i16;
        let asm = &mut self.asm;
        for word in 0..list.mask as i16 / 4 {
            asm.store_imm(Size::W, R8, entry + word * 4, -1);
        }
        asm.store_imm(Size::B, R8, entry + list.mask as i16, list.mask as i32 * 8);
        asm.store_imm(Size::W, R8, list.offset as i16, 1);
    }

    /// Changes the numbers of elements by prefix length.
    fn count_networks(&mut self, change: i32) {
        for part in 0..2 {
            let (Some(at), Some(prefix)) =
                (self.state.prefix_counts[part], self.layout.prefixes[part])
            else {
                continue;
            };
            let bits = self.layout.address_size as i32 * 8;
            let skip = self.asm.label();
            let asm = &mut self.asm;
            asm.load(Size::B, R1, FP, KEY + prefix as i16);
            asm.jump_imm(Jump::Gt, Width::W64, R1, bits, skip);
            asm.alu_imm(Alu::Lsh, Width::W64, R1, 3);
            asm.map_value(R2, self.place.state, self.place.offset + at);
            asm.alu(Alu::Add, Width::W64, R2, R1);
            asm.mov_imm(R1, change);
            asm.atomic_add(R2, 0, R1);
            asm.place(skip);
        }
    }

    /// Counts an element of the network whose key is on the stack, interfaces aside, and restores
    /// the key. A network that is marked stays so.
    fn mark_network(&mut self, change: i32) {
        let (Some(name), Some(flags)) = (self.layout.interface, self.layout.interface_flags) else {
            return;
        };
        let (name, flags) = (KEY + name as i16, KEY + flags as i16);
        let [there, done] = std::array::from_fn(|_| self.asm.label());
        for half in [0, 8] {
            self.asm.load(Size::D, R1, FP, name + half);
            self.asm.store(Size::D, FP, SAVED + half, R1);
            self.asm.store_imm(Size::D, FP, name + half, 0);
        }
        self.asm.store_imm(Size::B, FP, flags, Layout::NETWORK.into());
        if change > 0 {
            self.lookup();
            self.asm.jump_imm(Jump::Ne, Width::W64, R0, 0, there);
            self.asm.mov(R1, R6);
            self.asm.mov(R2, FP);
            self.asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(KEY));
            self.asm.map_value(R3, self.place.state, self.place.zeros);
            self.asm.mov_imm(R4, NO_EXIST);
            self.asm.helper(Helper::MapUpdate);
            self.asm.place(there);
        }
        self.lookup();
        self.asm.jump_imm(Jump::Eq, Width::W64, R0, 0, done);
        self.asm.constant(R1, (i64::from(change) << 32) as u64);
        self.asm.atomic_add(R0, 0, R1);
        self.asm.place(done);
        for half in [0, 8] {
            self.asm.load(Size::D, R1, FP, SAVED + half);
            self.asm.store(Size::D, FP, name + half, R1);
        }
        self.asm.store_imm(Size::B, FP, flags, 0);
    }

    /// Goes to `full` where as many elements are there as fit, and the map has more room: beside
    /// its elements lie marks of their networks.
    fn check_room(&mut self, full: Label) {
        let Some(counts) = self.state.prefix_counts[0].filter(|_| self.layout.interface.is_some())
        else {
            return;
        };
        let bits = self.layout.address_size as u32 * 8;
        let asm = &mut self.asm;
        asm.map_value(R3, self.place.state, self.place.offset + counts);
        asm.mov_imm(R1, 0);
        for length in 0..=bits {
            asm.load(Size::D, R2, R3, length as i16 * 8);
            asm.alu(Alu::Add, Width::W64, R1, R2);
        }
        asm.constant(R2, self.def.capacity().into());
        asm.jump(Jump::Ge, Width::W64, R1, R2, full);
    }

    /// Puts an element of zeros into the map: r0 = 0 where that is done.
    fn put(&mut self) {
        let asm = &mut self.asm;
        asm.mov(R1, R6);
        asm.mov(R2, FP);
        asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(KEY));
        asm.map_value(R3, self.place.state, self.place.zeros);
        asm.mov_imm(R4, NO_EXIST);
        asm.helper(Helper::MapUpdate);
    }

    /// Deletes an element, no matter which. The key on the stack stays.
    fn make_room(&mut self, choose: FunctionIndex) {
        let words = (0..self.layout.key_size as i16).step_by(8);
        self.asm.helper(Helper::Random);
        self.asm.alu_imm(Alu::And, Width::W64, R0, CHOICE - 1);
        self.asm.store(Size::D, FP, PASSED, R0);
        for word in words.clone() {
            self.asm.store_imm(Size::D, FP, VICTIM + word, 0);
        }
        self.asm.mov(R1, R6);
        self.asm.function_pointer(R2, choose);
        self.asm.mov(R3, FP);
        self.asm.alu_imm(Alu::Add, Width::W64, R3, VICTIM.into());
        self.asm.mov_imm(R4, 0);
        self.asm.helper(Helper::ForEachMapElement);
        self.exchange();
        let gone = self.asm.label();
        self.asm.mov(R1, R6);
        self.asm.mov(R2, FP);
        self.asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(KEY));
        self.asm.helper(Helper::MapDelete);
        self.asm.jump_imm(Jump::Ne, Width::W64, R0, 0, gone);
        self.count_networks(-1);
        self.mark_network(-1);
        self.asm.place(gone);
        self.exchange();
    }

    /// Exchanges the key with that of the element that makes room.
    fn exchange(&mut self) {
        for word in (0..self.layout.key_size as i16).step_by(8) {
            self.asm.load(Size::D, R1, FP, KEY + word);
            self.asm.load(Size::D, R2, FP, VICTIM + word);
            self.asm.store(Size::D, FP, VICTIM + word, R1);
            self.asm.store(Size::D, FP, KEY + word, R2);
        }
    }

    /// Adds the packet's element; `choose` is the function that chooses one that makes room.
    pub(super) fn add(
        &mut self,
        exist: bool,
        timeout: Option<u32>,
        choose: Option<FunctionIndex>,
        argument: Argument<'_>,
    ) {
        let arguments = self.packet_key(argument);
        let [absent, old, fill] = std::array::from_fn(|_| self.asm.label());
        let miss = self.miss;
        self.lookup();
        self.asm.jump_imm(Jump::Eq, Width::W64, R0, 0, absent);
        if !exist {
            self.check_alive(old);
            self.asm.goto(miss);
        }
        // An element that never expires is overwritten only where that is asked for.
        if exist || self.asm.is_used(old) {
            self.asm.place(old);
            self.clear();
            self.asm.goto(fill);
        }

        self.asm.place(absent);
        let [full, added] = std::array::from_fn(|_| self.asm.label());
        self.check_room(if choose.is_some() { full } else { miss });
        self.put();
        match choose {
            Some(choose) => {
                self.asm.jump_imm(Jump::Eq, Width::W64, R0, 0, added);
                self.asm.jump_imm(Jump::Ne, Width::W64, R0, FULL, miss);
                self.asm.place(full);
                for attempt in 1..=ATTEMPTS {
                    self.make_room(choose);
                    self.put();
                    match attempt {
                        ATTEMPTS => self.asm.jump_imm(Jump::Ne, Width::W64, R0, 0, miss),
                        _ => self.asm.jump_imm(Jump::Eq, Width::W64, R0, 0, added),
                    }
                }
            }
            None => self.asm.jump_imm(Jump::Ne, Width::W64, R0, 0, miss),
        }
        self.asm.place(added);
        self.count_networks(1);
        self.mark_network(1);
        self.lookup();
        self.asm.jump_imm(Jump::Eq, Width::W64, R0, 0, miss);
        self.asm.place(fill);
        self.fill(timeout, &arguments);
        self.asm.mov_imm(R0, 1);
        self.asm.exit();
    }

    /// Empties the value r0 but for its timeout.
    pub(super) fn clear(&mut self) {
        self.asm.store_imm(Size::D, R0, 0, 0);
        let layout = self.layout;
        let words = [layout.counters.map(|at| (at, 16)), layout.skbinfo.map(|at| (at, 16))];
        for (at, size) in words.into_iter().flatten() {
            for word in (0..size).step_by(8) {
                self.asm.store_imm(Size::D, R0, at as i16 + word, 0);
            }
        }
        if let Some(at) = layout.comment {
            self.asm.store_imm(Size::B, R0, at as i16, 0);
        }
    }

    /// Fills the empty value r0 in with what the packet says. Clobbers r1.
    pub(super) fn fill_by_packet(&mut self, arguments: &Arguments) {
        let layout = self.layout;
        if let Some(at) = layout.value_mac {
            load_mac(&mut self.asm, R1, arguments.mac);
            self.asm.store(Size::D, R0, at as i16, R1);
            self.asm.store_imm(Size::W, R0, 0, Layout::HAS_MAC as i32);
        }
        if let Some(at) = layout.counters {
            self.asm.mov_imm(R1, 1);
            self.asm.atomic_add(R0, at as i16, R1);
            self.asm.load(Size::W, R1, R7, layout::LENGTH);
            self.asm.atomic_add(R0, at as i16 + 8, R1);
        }
    }

    /// Fills the empty value r0 in.
    fn fill(&mut self, timeout: Option<u32>, arguments: &Arguments) {
        self.fill_by_packet(arguments);
        let Some(at) = self.layout.timeout else { return };
        let seconds = timeout.or(self.def.options.timeout).unwrap_or(0);
        if seconds == 0 {
            self.asm.store_imm(Size::D, R0, at as i16, 0);
            return;
        }
        self.asm.store(Size::D, FP, VALUE, R0);
        self.asm.helper(Helper::Nanoseconds);
        self.asm.constant(R1, u64::from(seconds) * SECOND);
        self.asm.alu(Alu::Add, Width::W64, R1, R0);
        self.asm.load(Size::D, R0, FP, VALUE);
        self.asm.store(Size::D, R0, at as i16, R1);
    }

    pub(super) fn delete(&mut self, argument: Argument<'_>) {
        self.packet_key(argument);
        let miss = self.miss;
        self.lookup();
        self.asm.jump_imm(Jump::Eq, Width::W64, R0, 0, miss);
        self.check_alive(miss);
        self.asm.mov(R1, R6);
        self.asm.mov(R2, FP);
        self.asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(KEY));
        self.asm.helper(Helper::MapDelete);
        self.asm.jump_imm(Jump::Ne, Width::W64, R0, 0, miss);
        self.count_networks(-1);
        self.mark_network(-1);
        self.asm.mov_imm(R0, 1);
        self.asm.exit();
    }
}

/// The function `long choose(map, key, value, struct { key; left; } *)`: takes an element's key,
/// and ends when none is left to be passed over.
pub(super) fn choose(
    emitter: &mut Emitter<'_>,
    layout: Layout,
) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "choose an element that makes room");
    let [pass, stop] = std::array::from_fn(|_| asm.label());
    if let Some(at) = layout.interface_flags {
        // No element, but a mark.
        asm.load(Size::B, R1, R2, at as i16);
        asm.jump_imm(Jump::Eq, Width::W64, R1, Layout::NETWORK.into(), pass);
    }
    for word in (0..layout.key_size as i16).step_by(8) {
        asm.load(Size::D, R1, R2, word);
        asm.store(Size::D, R4, word, R1);
    }
    let left = PASSED - VICTIM;
    asm.load(Size::D, R1, R4, left);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, stop);
    asm.alu_imm(Alu::Sub, Width::W64, R1, 1);
    asm.store(Size::D, R4, left, R1);
    asm.place(pass);
    asm.mov_imm(R0, 0);
    asm.exit();
    asm.place(stop);
    asm.mov_imm(R0, 1);
    asm.exit();
    emitter.add(asm, "choose", FunctionKind::Static { arguments: 4 })
}
