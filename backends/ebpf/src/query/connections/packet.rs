//! What the tracker has, and will make, of a packet's connection.
//!
//! The kernel counts behind the tracker, a program before it. So where the packet changes what
//! matters here, that is worked out: a SYN that begins a closed connection anew, and what makes a
//! connection an assured one (net/netfilter/nf_conntrack_proto_tcp.c, `nf_conntrack_tcp_packet`;
//! nf_conntrack_proto_udp.c, `nf_conntrack_udp_packet`). What needs TCP's windows is not: a packet
//! that closes its connection finds it open.

use super::{Code, ENTRY, OPTIONS, PROTOCOL, ROOM, STATE, TUPLE, TUPLE_SIZE, scratch, state};
use crate::asm::{
    Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R4, R6, R7, R8, R9, Reg, Size, Width,
};
use crate::kernel::{enter, load};
use crate::packet::layout::{self, CT_TUPLE_SIZE};
use bpfc_ir::Family;

/// `IPS_*` (include/uapi/linux/netfilter/nf_conntrack_common.h).
const SEEN_REPLY: i32 = 1 << 1;
const ASSURED: i32 = 1 << 2;
const NAT_CLASH: i32 = 1 << 14;
/// `enum tcp_conntrack`.
const SYN_RECEIVED: i32 = 2;
const ESTABLISHED: i32 = 3;
const TIME_WAIT: i32 = 7;
const CLOSE: i32 = 8;
/// `TCP_RST_SET` of `enum tcp_bit_set`.
const LAST_RESET: i32 = 4;
/// `IP_CT_TCP_FLAG_CLOSE_INIT`.
const CLOSE_INIT: i32 = 4;

const TCP: i32 = 6;
const UDP: i32 = 17;
/// FIN, SYN, RST and ACK, and some of them alone.
const FLAGS: i32 = 0x17;
const SYN: i32 = 0x02;
const ACK: i32 = 0x10;

/// A list node stands in front of each tuple (`struct nf_conntrack_tuple_hash`).
const NODE_SIZE: i32 = 16;

impl Code {
    fn address_length(&self) -> i16 {
        match self.family {
            Family::Ipv4 => 4,
            Family::Ipv6 => 16,
        }
    }

    /// Bytes of a `struct bpf_sock_tuple`.
    pub fn tuple_length(&self) -> i32 {
        2 * i32::from(self.address_length()) + 4
    }

    /// Works out the tuple and state of the packet's connection; r7 = the packet. Clobbers r8 and
    /// r9.
    pub fn packet(&self, asm: &mut Asm, failed: Label) {
        let [ported, fresh, assured, ready] = std::array::from_fn(|_| asm.label());
        asm.load(Size::B, R1, R7, layout::WALK_FAILED);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, failed);
        asm.load(Size::H, R1, R7, layout::FRAGMENT_OFFSET);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, failed);
        asm.load(Size::W, R1, R7, layout::TRANSPORT_AVAILABLE);
        asm.jump_imm(Jump::Lt, Width::W64, R1, 4, failed);
        asm.load(Size::B, R8, R7, layout::L4_PROTO);
        asm.jump_imm(Jump::Eq, Width::W64, R8, TCP, ported);
        asm.jump_imm(Jump::Ne, Width::W64, R8, UDP, failed);
        asm.place(ported);
        for word in (0..TUPLE_SIZE).step_by(8) {
            asm.store_imm(Size::D, R6, ENTRY + TUPLE + word, 0);
        }
        let addresses = match self.family {
            Family::Ipv4 => 12,
            Family::Ipv6 => 8,
        };
        let ports = 2 * self.address_length();
        for word in (0..ports).step_by(4) {
            asm.load(Size::W, R1, R7, layout::NETWORK + addresses + word);
            asm.store(Size::W, R6, ENTRY + TUPLE + word, R1);
        }
        asm.load(Size::W, R1, R7, layout::TRANSPORT);
        asm.store(Size::W, R6, ENTRY + TUPLE + ports, R1);
        asm.store(Size::B, R6, ENTRY + PROTOCOL, R8);
        asm.store_imm(Size::D, R6, STATE, state::FRESH);
        scratch(asm, R3, ENTRY + TUPLE);
        self.look_up(asm, FP, 0);
        asm.jump_imm(Jump::Eq, Width::W64, R0, 0, ready);
        asm.mov(R9, R0);
        self.judge(asm, fresh, assured);
        asm.store_imm(Size::D, R6, STATE, state::KNOWN);
        let known = asm.label();
        asm.goto(known);
        asm.place(assured);
        asm.store_imm(Size::D, R6, STATE, state::ASSURED);
        asm.place(known);
        self.original(asm);
        asm.place(fresh);
        asm.mov(R1, R9);
        asm.kfunc("bpf_ct_release");
        asm.place(ready);
    }

    /// Whether the packet in r7 begins its connection r9 anew or makes it an assured one; falls
    /// through where neither is so.
    fn judge(&self, asm: &mut Asm, fresh: Label, assured: Label) {
        let [tcp, syn, known] = std::array::from_fn(|_| asm.label());
        asm.jump_imm(Jump::Eq, Width::W64, R8, TCP, tcp);
        // What flows both ways for two seconds is a stream.
        status(asm, R1);
        asm.jump_imm(Jump::Set, Width::W64, R1, ASSURED, assured);
        asm.alu_imm(Alu::And, Width::W64, R1, SEEN_REPLY | NAT_CLASH);
        asm.jump_imm(Jump::Ne, Width::W64, R1, SEEN_REPLY, known);
        scratch(asm, R1, ROOM);
        asm.mov_imm(R2, 8);
        asm.mov(R3, R9);
        enter(asm, R3, "nf_conn", "proto", 0);
        enter(asm, R3, "nf_ct_udp", "stream_ts", 8);
        asm.helper(Helper::ProbeReadKernel);
        asm.helper(Helper::Jiffies);
        asm.load(Size::D, R1, R6, ROOM);
        asm.alu(Alu::Sub, Width::W64, R1, R0);
        asm.jump_imm(Jump::Slt, Width::W64, R1, 0, assured);
        asm.goto(known);

        asm.place(tcp);
        tcp_entry(asm, R3, R9);
        load(asm, R2, R3, "ip_ct_tcp", "state", 1);
        asm.load(Size::B, R1, R7, layout::TRANSPORT + 13);
        asm.alu_imm(Alu::And, Width::W64, R1, FLAGS);
        asm.jump_imm(Jump::Eq, Width::W64, R1, SYN, syn);
        status(asm, R4);
        asm.jump_imm(Jump::Set, Width::W64, R4, ASSURED, assured);
        // An acknowledgement, after packets both ways, in a connection that it establishes.
        asm.jump_imm(Jump::Ne, Width::W64, R1, ACK, known);
        asm.alu_imm(Alu::And, Width::W64, R4, SEEN_REPLY);
        asm.jump_imm(Jump::Eq, Width::W64, R4, 0, known);
        asm.jump_imm(Jump::Eq, Width::W64, R2, ESTABLISHED, assured);
        asm.jump_imm(Jump::Ne, Width::W64, R2, SYN_RECEIVED, known);
        // From who began it.
        asm.load(Size::B, R1, R6, OPTIONS + 9);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, assured);
        asm.goto(known);

        asm.place(syn);
        let closed = asm.label();
        let old = asm.label();
        asm.jump_imm(Jump::Eq, Width::W64, R2, TIME_WAIT, closed);
        asm.jump_imm(Jump::Ne, Width::W64, R2, CLOSE, old);
        asm.place(closed);
        // FINs were seen, or a reset by who began it.
        asm.mov(R1, R3);
        enter(asm, R1, "ip_ct_tcp", "seen", 0);
        load(asm, R2, R1, "ip_ct_tcp_state", "flags", 1);
        asm.alu_imm(Alu::Add, Width::W64, R1, TCP_STATE_SIZE);
        load(asm, R4, R1, "ip_ct_tcp_state", "flags", 1);
        asm.alu(Alu::Or, Width::W64, R2, R4);
        asm.jump_imm(Jump::Set, Width::W64, R2, CLOSE_INIT, fresh);
        load(asm, R1, R3, "ip_ct_tcp", "last_dir", 1);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, old);
        load(asm, R1, R3, "ip_ct_tcp", "last_index", 1);
        asm.jump_imm(Jump::Eq, Width::W64, R1, LAST_RESET, fresh);
        asm.place(old);
        status(asm, R1);
        asm.jump_imm(Jump::Set, Width::W64, R1, ASSURED, assured);
        asm.place(known);
    }

    /// Puts the original tuple of the connection r9 in the place of the packet's.
    fn original(&self, asm: &mut Asm) {
        scratch(asm, R1, ROOM);
        asm.mov_imm(R2, i32::from(CT_TUPLE_SIZE));
        asm.mov(R3, R9);
        enter(asm, R3, "nf_conn", "tuplehash", 112);
        asm.alu_imm(Alu::Add, Width::W64, R3, NODE_SIZE);
        asm.helper(Helper::ProbeReadKernel);
        let length = self.address_length();
        for (from, to) in [(0, 0), (20, length)] {
            for word in (0..length).step_by(4) {
                asm.load(Size::W, R1, R6, ROOM + from + word);
                asm.store(Size::W, R6, ENTRY + TUPLE + to + word, R1);
            }
        }
        for (from, to) in [(16, 2 * length), (36, 2 * length + 2)] {
            asm.load(Size::H, R1, R6, ROOM + from);
            asm.store(Size::H, R6, ENTRY + TUPLE + to, R1);
        }
    }
}

/// `sizeof(struct ip_ct_tcp_state)`.
const TCP_STATE_SIZE: i32 = 20;

/// `dst` = the status of the connection r9.
fn status(asm: &mut Asm, dst: Reg) {
    load(asm, dst, R9, "nf_conn", "status", 8);
}

/// `dst` = the `struct ip_ct_tcp` of a connection: a member of the union of what protocols keep.
fn tcp_entry(asm: &mut Asm, dst: Reg, connection: Reg) {
    asm.mov(dst, connection);
    enter(asm, dst, "nf_conn", "proto", 0);
}

/// r8 = whether the connection r0, of protocol r8, is over (`already_closed`); lets it go. Clobbers
/// r0 to r5.
pub(super) fn is_over(asm: &mut Asm) {
    let [over, open, done] = std::array::from_fn(|_| asm.label());
    asm.jump_imm(Jump::Ne, Width::W64, R8, TCP, open);
    tcp_entry(asm, R1, R0);
    load(asm, R2, R1, "ip_ct_tcp", "state", 1);
    asm.jump_imm(Jump::Eq, Width::W64, R2, TIME_WAIT, over);
    asm.jump_imm(Jump::Eq, Width::W64, R2, CLOSE, over);
    asm.place(open);
    asm.mov_imm(R8, 0);
    asm.goto(done);
    asm.place(over);
    asm.mov_imm(R8, 1);
    asm.place(done);
    asm.mov(R1, R0);
    asm.kfunc("bpf_ct_release");
}
