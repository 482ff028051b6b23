//! Building an element's key on the stack, of a query's arguments.

use super::{Argument, Code, KEY};
use crate::asm::{Alu, Asm, FP, Jump, Label, R1, R2, R3, R7, R8, Reg, Size, Width};
use bpfc_artifact::MaskList;
use bpfc_ipset::Part;

/// The argument of each part of an element.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Arguments {
    /// Of the first and second address part.
    pub(super) addresses: [i16; 2],
    pub(super) protocol: i16,
    pub(super) port: i16,
    pub(super) mac: i16,
    pub(super) mark: i16,
    pub(super) interface: i16,
    /// What follows the parts: the packet's own mark, where a query asks for a mark.
    pub(super) own: i16,
}

impl Code<'_> {
    pub(super) fn arguments(&self, argument: Argument<'_>) -> Arguments {
        let mut found = Arguments::default();
        let (mut next, mut address) = (0, 0);
        let mut take = || {
            next += 1;
            argument(next - 1)
        };
        for part in self.def.kind.parts() {
            match part {
                Part::Address | Part::Network => {
                    found.addresses[address] = take();
                    address += 1;
                }
                Part::Port => (found.protocol, found.port) = (take(), take()),
                Part::PlainPort => found.port = take(),
                Part::Mac | Part::OptionalMac => found.mac = take(),
                Part::Mark => found.mark = take(),
                Part::Interface => found.interface = take(),
                Part::Name => {}
            }
        }
        found.own = take();
        found
    }

    /// Stores all of the key but networks and interfaces, which are zero.
    pub(super) fn plain_parts(&mut self, arguments: &Arguments) {
        let layout = self.layout;
        for word in 0..layout.key_size as i16 / 8 {
            self.asm.store_imm(Size::D, FP, KEY + word * 8, 0);
        }
        for part in 0..2 {
            if let (Some(at), None) = (layout.addresses[part], layout.prefixes[part]) {
                self.masked_address(KEY + at as i16, arguments.addresses[part]);
            }
        }
        let asm = &mut self.asm;
        if let Some(at) = layout.port {
            asm.load(Size::D, R1, R7, arguments.port);
            asm.from_big_endian(R1, 16);
            asm.store(Size::H, FP, KEY + at as i16, R1);
        }
        if let Some(at) = layout.protocol {
            asm.load(Size::D, R1, R7, arguments.protocol);
            asm.store(Size::B, FP, KEY + at as i16, R1);
        }
        if let Some(at) = layout.mac {
            load_mac(asm, R1, arguments.mac);
            // Aligned to two bytes.
            for half in 0..3 {
                asm.store(Size::H, FP, KEY + at as i16 + half * 2, R1);
                asm.alu_imm(Alu::Rsh, Width::W64, R1, 16);
            }
        }
        if let Some(at) = layout.mark {
            asm.load(Size::D, R1, R7, arguments.mark);
            asm.alu_imm(Alu::And, Width::W32, R1, self.def.options.mark_mask as i32);
            asm.from_big_endian(R1, 32);
            asm.store(Size::W, FP, KEY + at as i16, R1);
        }
    }

    /// Stores an address with the set's own mask.
    fn masked_address(&mut self, to: i16, argument: i16) {
        let mask = self.def.address_mask();
        let asm = &mut self.asm;
        if self.layout.address_size == 4 {
            asm.load(Size::W, R1, R7, argument);
            if mask as u32 != u32::MAX {
                asm.alu_imm(Alu::And, Width::W32, R1, mask as u32 as i32);
            }
            asm.from_big_endian(R1, 32);
            asm.store(Size::W, FP, to, R1);
            return;
        }
        for (half, bits) in [(0, (mask >> 64) as u64), (8, mask as u64)] {
            asm.load(Size::D, R1, R7, argument + half);
            if bits != u64::MAX {
                asm.constant(R2, bits.swap_bytes());
                asm.alu(Alu::And, Width::W64, R1, R2);
            }
            asm.store(Size::D, FP, to + half, R1);
        }
    }

    /// Jumps to `done` where the list of masks has no entry `index`; otherwise r1 = the entry,
    /// from which loads count [`MaskList::HEADER`] bytes further. `index` must be known to the
    /// verifier. r2 is clobbered.
    pub(super) fn entry(&mut self, list: MaskList, index: Reg, done: Label) {
        let asm = &mut self.asm;
        asm.load(Size::W, R2, R8, list.offset as i16);
        asm.jump(Jump::Ge, Width::W64, index, R2, done);
        asm.jump_imm(Jump::Ge, Width::W64, index, list.capacity as i32, done);
        asm.mov(R1, index);
        asm.alu_imm(Alu::Mul, Width::W64, R1, list.entry() as i32);
        asm.alu(Alu::Add, Width::W64, R1, R8);
    }

    /// Stores a network part: the address under the mask of the entry r1, and its length. r2 and
    /// r3 are clobbered.
    pub(super) fn network(&mut self, part: usize, list: MaskList, argument: i16) {
        let layout = self.layout;
        let (Some(address), Some(prefix)) = (layout.addresses[part], layout.prefixes[part]) else {
            return;
        };
        let entry = (list.offset + MaskList::HEADER) as i16;
        let asm = &mut self.asm;
        if layout.address_size == 4 {
            asm.load(Size::W, R2, R7, argument);
            asm.from_big_endian(R2, 32);
            asm.load(Size::W, R3, R1, entry);
            asm.alu(Alu::And, Width::W64, R2, R3);
            asm.store(Size::W, FP, KEY + address as i16, R2);
        } else {
            masked_halves(asm, KEY + address as i16, argument, entry);
        }
        asm.load(Size::B, R2, R1, entry + list.mask as i16);
        asm.store(Size::B, FP, KEY + prefix as i16, R2);
    }

    /// Stores an interface part: the beginning of the name that the entry r1 keeps, and its
    /// flags. r2 and r3 are clobbered.
    pub(super) fn interface(&mut self, list: MaskList, argument: i16) {
        let layout = self.layout;
        let (Some(name), Some(flags)) = (layout.interface, layout.interface_flags) else { return };
        let entry = (list.offset + MaskList::HEADER) as i16;
        masked_halves(&mut self.asm, KEY + name as i16, argument, entry);
        self.asm.load(Size::B, R2, R1, entry + list.mask as i16);
        self.asm.store(Size::B, FP, KEY + flags as i16, R2);
    }
}

/// Stores 16 bytes of an argument under the mask at r1.
fn masked_halves(asm: &mut Asm, to: i16, argument: i16, entry: i16) {
    for half in [0, 8] {
        asm.load(Size::D, R2, R7, argument + half);
        asm.load(Size::D, R3, R1, entry + half);
        asm.alu(Alu::And, Width::W64, R2, R3);
        asm.store(Size::D, FP, to + half, R2);
    }
}

/// `dst` = an Ethernet address such that its bytes lie in their order in memory, two zero bytes
/// behind them.
pub(super) fn load_mac(asm: &mut Asm, dst: Reg, argument: i16) {
    asm.load(Size::D, dst, R7, argument);
    asm.alu_imm(Alu::Lsh, Width::W64, dst, 16);
    asm.from_big_endian(dst, 64);
}
