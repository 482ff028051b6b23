//! `struct bpf_sock_tuple` (include/uapi/linux/bpf.h) of a packet, or of the packet that an ICMP
//! error quotes: what connections and sockets are looked up by. It lies in the frame: both
//! addresses, then both ports, as they stand in packets.

use crate::asm::{Alu, Asm, FP, Jump, Label, R1, R2, R7, R8, Size, Width};
use crate::emitter::Emitter;
use crate::packet::layout;
use crate::scan::walk;
use crate::target::SCRATCH_SIZE;
use bpfc_ir::Family;

pub(crate) const TCP: i32 = 6;
pub(crate) const UDP: i32 = 17;

/// How the two families differ here.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Where the addresses lie in the network header.
    pub addresses: i16,
    /// Bytes of one address.
    pub address: i16,
    /// Where the network header says the protocol.
    pub protocol: i16,
    /// ICMP's protocol number.
    pub icmp: i32,
    /// ICMP's queries that begin something new: the types of request and answer.
    pub queries: &'static [(i32, i32)],
    /// `NFPROTO_*`.
    pub number: i32,
}

const IPV4: Shape = Shape {
    addresses: 12,
    address: 4,
    protocol: 9,
    icmp: 1,
    queries: &[(8, 0), (13, 14), (15, 16), (17, 18)],
    number: 2,
};
const IPV6: Shape = Shape {
    addresses: 8,
    address: 16,
    protocol: 6,
    icmp: 58,
    queries: &[(128, 129), (139, 140)],
    number: 10,
};

impl Shape {
    pub fn of(family: Family) -> &'static Self {
        match family {
            Family::Ipv4 => &IPV4,
            Family::Ipv6 => &IPV6,
        }
    }

    /// Where the source port lies in a tuple; the destination's follows.
    pub fn ports(&self) -> i16 {
        2 * self.address
    }

    /// Bytes of a tuple.
    pub fn bytes(&self) -> i32 {
        i32::from(self.ports()) + 4
    }

    /// r8 = protocol of the packet in r7, r2 = bytes from its transport header on; at `none` where
    /// it has no transport header.
    pub fn protocol(&self, asm: &mut Asm, none: Label) {
        asm.load(Size::B, R1, R7, layout::WALK_FAILED);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, none);
        asm.load(Size::H, R1, R7, layout::FRAGMENT_OFFSET);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, none);
        asm.load(Size::B, R8, R7, layout::L4_PROTO);
        asm.load(Size::W, R2, R7, layout::TRANSPORT_AVAILABLE);
    }

    /// Fills the tuple in the frame from the packet in r7, which has ports.
    pub fn of_packet(&self, asm: &mut Asm, tuple: i16) {
        for word in (0..self.ports()).step_by(4) {
            asm.load(Size::W, R1, R7, layout::NETWORK + self.addresses + word);
            asm.store(Size::W, FP, tuple + word, R1);
        }
        asm.load(Size::W, R1, R7, layout::TRANSPORT);
        asm.store(Size::W, FP, tuple + self.ports(), R1);
    }
}

/// Where the packet that an ICMP error quotes goes in the frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quoted {
    /// Its tuple, turned around, because it went the other way.
    pub tuple: i16,
    /// Its network header: [`Quoted::HEADER`] bytes, with the target's scratch below.
    pub header: i16,
}

impl Quoted {
    /// Bytes of the network header and of the transport header's beginning behind it.
    pub const HEADER: i16 = 48;
    /// Where the transport header begins.
    pub const TRANSPORT: i16 = 40;
    /// Bytes of it that are read.
    const TRANSPORT_BYTES: i32 = 8;

    /// Lowest byte of the frame that is used.
    const fn scratch(self) -> i16 {
        self.header - SCRATCH_SIZE
    }

    /// r2 = bytes from the ICMP header on. r8 = protocol of the quoted TCP or UDP packet, and the
    /// tuple is filled; at `other`, with ICMP's type in r1 and r2 as it was, where it is no error;
    /// at `rest` where it quotes a packet of another protocol, which is in r8, with the transport
    /// header's first 8 bytes behind the network header, 0 where there are none; and at `broken`
    /// where it quotes no packet. IPv6's transport header must follow its fixed header.
    pub fn read(
        self,
        emitter: &Emitter<'_>,
        asm: &mut Asm,
        family: Family,
        other: Label,
        rest: Label,
        broken: Label,
    ) {
        let shape = Shape::of(family);
        let [error, ported, short] = std::array::from_fn(|_| asm.label());
        asm.jump_imm(Jump::Lt, Width::W64, R2, 8, broken);
        asm.load(Size::B, R1, R7, layout::TRANSPORT);
        match family {
            Family::Ipv4 => {
                for kind in [3, 4, 5, 11, 12] {
                    asm.jump_imm(Jump::Eq, Width::W64, R1, kind, error);
                }
                asm.goto(other);
            }
            Family::Ipv6 => asm.jump_imm(Jump::Ge, Width::W64, R1, 128, other),
        }
        asm.place(error);
        asm.load(Size::H, R8, R7, layout::TRANSPORT_OFFSET);
        asm.alu_imm(Alu::Add, Width::W64, R8, 8);
        for word in (0..Self::HEADER).step_by(8) {
            asm.store_imm(Size::D, FP, self.header + word, 0);
        }
        let fetch = |asm: &mut Asm, bytes, to| {
            walk::fetch(emitter, asm, 0, bytes, to, self.scratch(), broken);
        };
        match family {
            Family::Ipv4 => {
                fetch(asm, 20, self.header);
                asm.load(Size::B, R1, FP, self.header);
                asm.alu_imm(Alu::And, Width::W64, R1, 0xf);
                asm.alu_imm(Alu::Lsh, Width::W64, R1, 2);
                asm.alu(Alu::Add, Width::W64, R8, R1);
            }
            Family::Ipv6 => {
                fetch(asm, 40, self.header);
                asm.alu_imm(Alu::Add, Width::W64, R8, 40);
            }
        }
        let ports = self.header + Self::TRANSPORT;
        for protocol in [TCP, UDP] {
            asm.load(Size::B, R1, FP, self.header + shape.protocol);
            asm.jump_imm(Jump::Eq, Width::W64, R1, protocol, ported);
        }
        walk::fetch(emitter, asm, 0, Self::TRANSPORT_BYTES, ports, self.scratch(), short);
        asm.load(Size::B, R8, FP, self.header + shape.protocol);
        asm.goto(rest);
        asm.place(short);
        asm.store_imm(Size::D, FP, ports, 0);
        asm.load(Size::B, R8, FP, self.header + shape.protocol);
        asm.jump_imm(Jump::Ne, Width::W64, R8, shape.icmp, rest);
        asm.goto(broken);
        asm.place(ported);
        fetch(asm, 4, ports);
        asm.load(Size::B, R8, FP, self.header + shape.protocol);
        let addresses = self.header + shape.addresses;
        for word in (0..shape.address).step_by(4) {
            asm.load(Size::W, R1, FP, addresses + shape.address + word);
            asm.store(Size::W, FP, self.tuple + word, R1);
            asm.load(Size::W, R1, FP, addresses + word);
            asm.store(Size::W, FP, self.tuple + shape.address + word, R1);
        }
        let to = self.tuple + shape.ports();
        asm.load(Size::H, R1, FP, ports + 2);
        asm.store(Size::H, FP, to, R1);
        asm.load(Size::H, R1, FP, ports);
        asm.store(Size::H, FP, to + 2, R1);
    }

    /// Goes on where the packet that quotes was sent to where the quoted one came from. Clobbers r1
    /// and r2.
    pub fn require_sender(self, asm: &mut Asm, shape: &Shape, otherwise: Label) {
        let destination = layout::NETWORK + shape.addresses + shape.address;
        for word in (0..shape.address).step_by(4) {
            asm.load(Size::W, R1, FP, self.header + shape.addresses + word);
            asm.load(Size::W, R2, R7, destination + word);
            asm.jump(Jump::Ne, Width::W64, R1, R2, otherwise);
        }
    }

    /// Goes on where the IPv4 packet that was read is whole, or the first of its fragments.
    /// Clobbers r1.
    pub fn require_first(self, asm: &mut Asm, otherwise: Label) {
        asm.load(Size::H, R1, FP, self.header + 6);
        asm.from_big_endian(R1, 16);
        asm.alu_imm(Alu::And, Width::W64, R1, 0x1fff);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, otherwise);
    }
}
