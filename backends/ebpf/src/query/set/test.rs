//! Looking a packet up in a set (ip_set_hash_gen.h, `mtype_test`, `mtype_test_cidrs`).

use super::key::{Arguments, load_mac};
use super::{Argument, Code, INDEX, KEY, MET};
use crate::asm::{Alu, FP, Jump, Label, R0, R1, R2, R3, R7, R9, Size, Width};
use crate::packet::layout;
use bpfc_artifact::MaskList;
use bpfc_ipset::{Comparison, Layout, Test};
use bpfc_ir::SetInfo;

/// A loop over one part of the key.
#[derive(Clone, Copy)]
enum Level {
    Network(usize, MaskList),
    Interface(MaskList),
}

impl Code<'_> {
    /// The whole of a test: answers 1, or goes to the miss.
    pub(super) fn test(&mut self, test: &Test, argument: Argument<'_>) {
        let arguments = self.arguments(argument);
        if self.layout.interface.is_some() {
            // A packet without such an interface is in no such set.
            self.asm.load(Size::B, R1, R7, arguments.interface);
            let miss = self.miss;
            self.asm.jump_imm(Jump::Eq, Width::W64, R1, 0, miss);
        }
        self.plain_parts(&arguments);
        let miss = self.miss;
        let [first, second] = self.state.prefixes;
        match (first, second, self.state.interfaces) {
            (Some(network), _, Some(interfaces)) => {
                self.networks_with_interfaces(network, interfaces, test, &arguments);
            }
            (Some(one), Some(other), _) => {
                self.outer_loop(Level::Network(0, one), &arguments, miss, |code, next| {
                    code.inner_loop(Level::Network(1, other), &arguments, next, |code, next| {
                        code.find(test, &arguments, [next, next]);
                    });
                });
            }
            (Some(list), None, _) | (None, Some(list), _) => {
                let part = usize::from(first.is_none());
                self.outer_loop(Level::Network(part, list), &arguments, miss, |code, next| {
                    code.find(test, &arguments, [next, next]);
                });
            }
            (None, None, _) => self.find(test, &arguments, [miss, miss]),
        }
    }

    /// Of the networks that hold the packet's address only the longest is looked at, unless an
    /// element that has the interface, too, does not count for the packet (`multi` in
    /// `mtype_test_cidrs`).
    fn networks_with_interfaces(
        &mut self,
        network: MaskList,
        interfaces: MaskList,
        test: &Test,
        arguments: &Arguments,
    ) {
        let (Some(name), Some(flags)) = (self.layout.interface, self.layout.interface_flags) else {
            return;
        };
        let miss = self.miss;
        self.outer_loop(Level::Network(0, network), arguments, miss, |code, shorter| {
            for half in [0, 8] {
                code.asm.store_imm(Size::D, FP, KEY + name as i16 + half, 0);
            }
            code.asm.store_imm(Size::B, FP, KEY + flags as i16, Layout::NETWORK.into());
            code.lookup();
            code.asm.jump_imm(Jump::Eq, Width::W64, R0, 0, shorter);
            code.asm.store_imm(Size::D, FP, MET, 0);
            let [done, met] = std::array::from_fn(|_| code.asm.label());
            code.inner_loop(Level::Interface(interfaces), arguments, done, |code, next| {
                code.find(test, arguments, [next, met]);
                // An element of a set without timeouts and counters always counts.
                if code.asm.is_used(met) {
                    code.asm.place(met);
                    code.asm.store_imm(Size::D, FP, MET, 1);
                }
            });
            code.asm.place(done);
            code.asm.load(Size::D, R1, FP, MET);
            code.asm.jump_imm(Jump::Eq, Width::W64, R1, 0, miss);
        });
    }

    fn level(&mut self, level: Level, arguments: &Arguments) {
        match level {
            Level::Network(part, list) => self.network(part, list, arguments.addresses[part]),
            Level::Interface(list) => self.interface(list, arguments.interface),
        }
    }

    /// Runs `body` for each entry of a level's list; the body goes on to the label that it gets.
    fn outer_loop(
        &mut self,
        level: Level,
        arguments: &Arguments,
        done: Label,
        body: impl FnOnce(&mut Self, Label),
    ) {
        let [again, next] = std::array::from_fn(|_| self.asm.label());
        let (Level::Network(_, list) | Level::Interface(list)) = level;
        self.asm.mov_imm(R9, 0);
        self.asm.place(again);
        self.entry(list, R9, done);
        self.level(level, arguments);
        body(self, next);
        self.asm.place(next);
        self.asm.alu_imm(Alu::Add, Width::W64, R9, 1);
        self.asm.goto(again);
    }

    /// As [`Code::outer_loop`], with its index on the stack.
    fn inner_loop(
        &mut self,
        level: Level,
        arguments: &Arguments,
        done: Label,
        body: impl FnOnce(&mut Self, Label),
    ) {
        let [again, next] = std::array::from_fn(|_| self.asm.label());
        let (Level::Network(_, list) | Level::Interface(list)) = level;
        self.asm.mov_imm(R0, 0);
        self.asm.store(Size::D, FP, INDEX, R0);
        self.asm.place(again);
        self.asm.load(Size::D, R0, FP, INDEX);
        self.entry(list, R0, done);
        self.level(level, arguments);
        body(self, next);
        self.asm.place(next);
        self.asm.load(Size::D, R0, FP, INDEX);
        self.asm.alu_imm(Alu::Add, Width::W64, R0, 1);
        self.asm.store(Size::D, FP, INDEX, R0);
        self.asm.goto(again);
    }

    /// Looks the key up and answers, or goes on where there is no such element, or where it does
    /// not count for this packet.
    fn find(&mut self, test: &Test, arguments: &Arguments, [absent, next]: [Label; 2]) {
        self.lookup();
        self.asm.jump_imm(Jump::Eq, Width::W64, R0, 0, absent);
        self.check_mac(arguments, next);
        self.check_alive(next);
        self.count(test, next);
        let nets = self.def.kind.takes_nomatch();
        if let Some(asked) = self.asked {
            self.check_exception(test);
            self.info(asked, arguments.own);
            return;
        }
        if nets {
            self.asm.load(Size::W, R0, R0, 0);
            self.asm.alu_imm(Alu::And, Width::W64, R0, Layout::NOMATCH as i32);
            if !test.return_nomatch {
                self.asm.alu_imm(Alu::Xor, Width::W64, R0, Layout::NOMATCH as i32);
            }
        } else {
            self.asm.mov_imm(R0, 1);
        }
        self.asm.exit();
    }

    /// An exception decides that there is no element.
    fn check_exception(&mut self, test: &Test) {
        if !self.def.kind.takes_nomatch() {
            return;
        }
        let wrong = if test.return_nomatch { Jump::Eq } else { Jump::Ne };
        self.asm.load(Size::W, R1, R0, 0);
        self.asm.alu_imm(Alu::And, Width::W64, R1, Layout::NOMATCH as i32);
        self.asm.jump_imm(wrong, Width::W64, R1, 0, self.miss);
    }

    /// Answers what the element r0 says of its packets; `own` is where the packet's mark lies.
    fn info(&mut self, asked: SetInfo, own: i16) {
        let at = self.layout.skbinfo.map(|at| at as i16);
        let asm = &mut self.asm;
        match (asked, at) {
            (SetInfo::Mark, Some(at)) => {
                // Mark and mask at once: no half of a change.
                asm.load(Size::D, R2, R0, at);
                asm.mov(R1, R2);
                asm.alu_imm(Alu::Rsh, Width::W64, R1, 32);
                asm.alu_imm(Alu::Xor, Width::W64, R1, -1);
                asm.load(Size::W, R0, R7, own);
                asm.alu(Alu::And, Width::W32, R0, R1);
                asm.alu(Alu::Xor, Width::W32, R0, R2);
            }
            (SetInfo::Mark, None) => asm.load(Size::W, R0, R7, own),
            (SetInfo::Priority, Some(at)) => asm.load(Size::W, R0, R0, at + 8),
            (SetInfo::Queue, Some(at)) => asm.load(Size::H, R0, R0, at + 12),
            (SetInfo::Priority | SetInfo::Queue, None) => asm.mov_imm(R0, 0),
        }
        asm.exit();
    }

    /// A `bitmap:ip,mac` element without an Ethernet address takes the packet's and answers yes: it
    /// is added anew, with nothing beside it but its timeout (ip_set_core.c, `ip_set_test`). With
    /// another address it does not count.
    fn check_mac(&mut self, arguments: &Arguments, next: Label) {
        let Some(at) = self.layout.value_mac else { return };
        let known = self.asm.label();
        let asm = &mut self.asm;
        load_mac(asm, R2, arguments.mac);
        asm.load(Size::W, R1, R0, 0);
        asm.jump_imm(Jump::Set, Width::W64, R1, Layout::HAS_MAC as i32, known);
        self.clear();
        self.fill_by_packet(arguments);
        match self.asked {
            Some(asked) => self.info(asked, arguments.own),
            None => {
                self.asm.mov_imm(R0, 1);
                self.asm.exit();
            }
        }
        let asm = &mut self.asm;
        asm.place(known);
        asm.load(Size::D, R1, R0, at as i16);
        asm.jump(Jump::Ne, Width::W64, R1, R2, next);
    }

    /// Counts the packet in the value r0, then compares its counters (ip_set_core.c,
    /// `ip_set_match_extensions`).
    fn count(&mut self, test: &Test, next: Label) {
        let Some(at) = self.layout.counters else { return };
        let at = at as i16;
        if !test.keep_counters {
            self.asm.mov_imm(R1, 1);
            self.asm.atomic_fetch_add(R0, at, R1);
            self.asm.alu_imm(Alu::Add, Width::W64, R1, 1);
            self.asm.load(Size::W, R3, R7, layout::LENGTH);
            self.asm.mov(R2, R3);
            self.asm.atomic_fetch_add(R0, at + 8, R2);
            self.asm.alu(Alu::Add, Width::W64, R2, R3);
        } else {
            self.asm.load(Size::D, R1, R0, at);
            self.asm.load(Size::D, R2, R0, at + 8);
        }
        for (counter, comparison) in [(R1, test.packets), (R2, test.bytes)] {
            let Some(comparison) = comparison else { continue };
            // What does not hold goes on.
            let (jump, number) = match comparison {
                Comparison::Equal(number) => (Jump::Ne, number),
                Comparison::NotEqual(number) => (Jump::Eq, number),
                Comparison::Less(number) => (Jump::Ge, number),
                Comparison::Greater(number) => (Jump::Le, number),
            };
            self.asm.constant(R3, number);
            self.asm.jump(jump, Width::W64, counter, R3, next);
        }
    }

    /// Whether a list's member is there; with a test, counts the packet for it.
    pub(super) fn member(&mut self, key: &[u8], test: Option<&Test>, argument: Argument<'_>) {
        let own = self.arguments(argument).own;
        for (word, bytes) in (0..).zip(key.chunks(8)) {
            let mut all = [0; 8];
            all[..bytes.len()].copy_from_slice(bytes);
            self.asm.constant(R1, u64::from_le_bytes(all));
            self.asm.store(Size::D, FP, KEY + word * 8, R1);
        }
        let miss = self.miss;
        self.lookup();
        self.asm.jump_imm(Jump::Eq, Width::W64, R0, 0, miss);
        self.check_alive(miss);
        if let Some(test) = test {
            self.count(test, miss);
        }
        if let Some(asked) = self.asked {
            self.info(asked, own);
            return;
        }
        self.asm.mov_imm(R0, 1);
        self.asm.exit();
    }
}
