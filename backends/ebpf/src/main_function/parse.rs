//! What main reads of a packet's headers before chains run.
//!
//! To hooks of the network layer a packet ends where its header says, and what is no sound packet
//! of IP passes: the kernel drops it before they see it. Hooks of devices see all bytes that came
//! (include/net/netfilter/nf_tables_ipv4.h, nf_tables_ipv6.h), and take what is not sound for an
//! other frame.

use crate::asm::{Alu, Asm, Jump, Label, R0, R1, R2, R3, R4, R7, R8, Size, Width};
use crate::emitter::Emitter;
use crate::packet::layout::{self, TRANSPORT_WINDOW};
use crate::packet::linear::{self, Destination, Offset};
use crate::target::{MainLabels, Sight, Target};
use bpfc_ir::{Family, PacketFamily};

/// How headers are read for a stage.
pub(super) struct Parser<'a> {
    pub target: &'a dyn Target,
    pub sight: Sight,
    pub labels: MainLabels,
    pub scratch: i16,
}

/// Makes a packet that chains of devices have seen one that ends where its header says, as answers
/// quote it. Clobbers r1 and r2.
pub(super) fn cut_to_length(asm: &mut Asm, family: Family) {
    let at = if family == Family::Ipv4 { 2 } else { 4 };
    asm.load(Size::H, R1, R7, layout::NETWORK + at);
    asm.from_big_endian(R1, 16);
    if family == Family::Ipv6 {
        asm.alu_imm(Alu::Add, Width::W64, R1, 40);
    }
    asm.store(Size::W, R7, layout::LENGTH, R1);
    let there = asm.label();
    asm.load(Size::H, R2, R7, layout::TRANSPORT_OFFSET);
    asm.jump(Jump::Ge, Width::W64, R1, R2, there);
    asm.mov(R1, R2);
    asm.place(there);
    asm.alu(Alu::Sub, Width::W64, R1, R2);
    asm.store(Size::W, R7, layout::TRANSPORT_AVAILABLE, R1);
}

impl Parser<'_> {
    /// Where packets go that are not what their link header says.
    fn unsound(&self) -> Label {
        self.labels.other
    }

    /// Copies bytes from the network header on, unless the packet is shorter.
    fn fetch_header(&self, asm: &mut Asm, bytes: u16) {
        let to = Destination { base: R7, offset: layout::NETWORK };
        asm.load(Size::W, R2, R7, layout::NETWORK_OFFSET);
        let missing = self.unsound();
        linear::copy(self.target, asm, Offset::Register, to, bytes, self.scratch, missing);
    }

    /// Notes the length in r2 that the header says, unless the packet ends before, as ip_rcv and
    /// ip6_rcv drop such packets before any hook sees them. For hooks of devices r2 becomes the
    /// length of what came. Clobbers r0 to r5 and r8.
    fn note_length(&self, emitter: &Emitter<'_>, asm: &mut Asm) {
        if self.sight.is_device() {
            asm.mov(R8, R2);
            self.note_frame_length(emitter, asm);
            asm.jump(Jump::Lt, Width::W64, R2, R8, self.unsound());
            return;
        }
        asm.store(Size::W, R7, layout::LENGTH, R2);
        let end = emitter.layout.end();
        if end != layout::LENGTH {
            asm.store(Size::W, R7, end, R2);
        }
    }

    /// Passes the packet when it ends before the length at LENGTH.
    fn require_length(&self, asm: &mut Asm) {
        if self.sight.is_device() {
            return;
        }
        asm.load(Size::W, R8, R7, layout::NETWORK_OFFSET);
        asm.load(Size::W, R1, R7, layout::LENGTH);
        asm.alu(Alu::Add, Width::W64, R8, R1);
        self.target.require_length(asm, self.unsound());
    }

    /// r2 = bytes from the network header to the frame's end; notes it. Clobbers r0 to r5.
    fn note_frame_length(&self, emitter: &Emitter<'_>, asm: &mut Asm) {
        if let Some(end) = self.target.end() {
            end(asm);
        }
        asm.load(Size::W, R1, R7, layout::NETWORK_OFFSET);
        asm.mov(R2, R0);
        asm.alu(Alu::Sub, Width::W64, R2, R1);
        let counted = if self.sight == Sight::Egress { R0 } else { R2 };
        asm.store(Size::W, R7, layout::LENGTH, counted);
        let end = emitter.layout.end();
        if end != layout::LENGTH {
            asm.store(Size::W, R7, end, R2);
        }
    }

    /// net/ipv4/ip_input.c, `ip_rcv_core`: version, header length and total length must hold.
    pub fn ipv4(&self, emitter: &Emitter<'_>, asm: &mut Asm) {
        let unsound = self.unsound();
        self.fetch_header(asm, layout::network_window(PacketFamily::Ipv4));
        asm.load(Size::B, R1, R7, layout::NETWORK);
        asm.mov(R2, R1);
        asm.alu_imm(Alu::Rsh, Width::W64, R2, 4);
        asm.jump_imm(Jump::Ne, Width::W64, R2, 4, unsound);
        asm.alu_imm(Alu::And, Width::W64, R1, 0xf);
        asm.jump_imm(Jump::Lt, Width::W64, R1, 5, unsound);
        asm.alu_imm(Alu::Lsh, Width::W64, R1, 2);
        asm.store(Size::H, R7, layout::TRANSPORT_OFFSET, R1);
        asm.load(Size::H, R2, R7, layout::NETWORK + 2);
        asm.from_big_endian(R2, 16);
        asm.jump(Jump::Lt, Width::W64, R2, R1, unsound);
        self.note_length(emitter, asm);
        if self.sight.is_device() {
            asm.load(Size::H, R1, R7, layout::TRANSPORT_OFFSET);
        }
        asm.alu(Alu::Sub, Width::W64, R2, R1);
        asm.store(Size::W, R7, layout::TRANSPORT_AVAILABLE, R2);
        asm.load(Size::H, R1, R7, layout::NETWORK + 6);
        asm.from_big_endian(R1, 16);
        asm.alu_imm(Alu::And, Width::W64, R1, 0x1fff);
        asm.store(Size::H, R7, layout::FRAGMENT_OFFSET, R1);
        asm.load(Size::B, R1, R7, layout::NETWORK + 9);
        asm.store(Size::B, R7, layout::L4_PROTO, R1);
        asm.store_imm(Size::B, R7, layout::WALK_FAILED, 0);
        self.require_length(asm);
    }

    /// net/ipv6/ip6_input.c, `ip6_rcv_core`: version and payload length must hold.
    pub fn ipv6(&self, emitter: &Emitter<'_>, asm: &mut Asm) {
        let unsound = self.unsound();
        self.fetch_header(asm, layout::network_window(PacketFamily::Ipv6));
        asm.load(Size::B, R1, R7, layout::NETWORK);
        asm.alu_imm(Alu::Rsh, Width::W64, R1, 4);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 6, unsound);
        asm.load(Size::H, R2, R7, layout::NETWORK + 4);
        asm.from_big_endian(R2, 16);
        asm.alu_imm(Alu::Add, Width::W64, R2, 40);
        self.note_length(emitter, asm);
        asm.store_imm(Size::H, R7, layout::TRANSPORT_OFFSET, 40);
        asm.store_imm(Size::H, R7, layout::FRAGMENT_OFFSET, 0);
        asm.store_imm(Size::B, R7, layout::WALK_FAILED, 0);
        asm.load(Size::B, R1, R7, layout::NETWORK + 6);
        asm.store(Size::B, R7, layout::L4_PROTO, R1);
        self.require_length(asm);
    }

    /// Of a frame that is no packet of IP nothing is known but where it begins and ends.
    pub fn other(&self, emitter: &Emitter<'_>, asm: &mut Asm) {
        self.note_frame_length(emitter, asm);
        asm.store_imm(Size::W, R7, layout::TRANSPORT_AVAILABLE, 0);
        asm.store_imm(Size::H, R7, layout::TRANSPORT_OFFSET, 0);
        asm.store_imm(Size::H, R7, layout::FRAGMENT_OFFSET, 0);
        asm.store_imm(Size::B, R7, layout::WALK_FAILED, 1);
        asm.store_imm(Size::B, R7, layout::L4_PROTO, 0);
        // Log records tell by it what the frame is called.
        let [known, ipv6, stored] = std::array::from_fn(|_| asm.label());
        asm.load(Size::H, R1, R7, layout::PROTOCOL);
        asm.mov_imm(R2, 0x40);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0x0800, known);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0x86dd, ipv6);
        asm.mov_imm(R2, 0);
        asm.goto(stored);
        asm.place(ipv6);
        asm.mov_imm(R2, 0x60);
        asm.place(known);
        asm.place(stored);
        asm.store(Size::B, R7, layout::NETWORK, R2);
    }

    /// [`copy_transport`].
    pub fn transport(&self, asm: &mut Asm) {
        copy_transport(self.target, asm, self.scratch);
    }
}

/// Emits: copy what there is of the transport header; the rest of the window is zero. Clobbers r0
/// to r5.
pub(crate) fn copy_transport(target: &dyn Target, asm: &mut Asm, scratch: i16) {
    let to = Destination { base: R7, offset: layout::TRANSPORT };
    let [near, far, short, done, end] = std::array::from_fn(|_| asm.label());
    asm.load(Size::W, R2, R7, layout::NETWORK_OFFSET);
    asm.load(Size::H, R4, R7, layout::TRANSPORT_OFFSET);
    asm.alu(Alu::Add, Width::W64, R2, R4);
    asm.load(Size::W, R4, R7, layout::TRANSPORT_AVAILABLE);
    asm.jump_imm(Jump::Lt, Width::W64, R4, i32::from(TRANSPORT_WINDOW), far);
    linear::look(target, asm, Offset::Register, TRANSPORT_WINDOW, near);
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
    target.fetch(asm, scratch);
    asm.place(done);
    asm.goto(end);
    asm.place(near);
    linear::read(asm, to, TRANSPORT_WINDOW);
    asm.goto(done);
    asm.place(end);
}
