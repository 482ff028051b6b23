//! Setting the mark of the packet's own connection (net/netfilter/nf_conntrack_bpf.c,
//! `nf_conntrack_btf_struct_access`).
//!
//! The packet says which connection is its own (`skb->_nfct`), but a program may write only to
//! one that it has looked up and holds. So the connection is looked up by its reply tuple, in its
//! zone, and written if it is the packet's. Every confirmed connection is found by that tuple, even
//! one that lost a race for the original one (`nf_ct_resolve_clash`); behind the postrouting hook
//! every connection is confirmed. Zones in lookups need Linux 6.11: on older kernels the program
//! does not load.
//!
//! Of a connection that ends while the packet leaves nothing is found, and nobody will see its
//! mark.

use super::{field, load_entry};
use crate::asm::{Alu, Asm, FP, Helper, Jump, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, Size, Width};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::kernel::enter;
use crate::packet::layout::CT_TUPLE_SIZE;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{CtField, Family};

/// The frame: the reply tuple (40 bytes), `struct bpf_ct_opts` (16), `struct bpf_sock_tuple` (36),
/// a place for a pointer.
const REPLY: i16 = -40;
const OPTIONS: i16 = -56;
const TUPLE: i16 = -96;
const POINTER: i16 = -104;

/// `sizeof(struct bpf_ct_opts)` with a zone.
const OPTIONS_SIZE: i32 = 16;
/// `sizeof(struct nf_conntrack_zone)` and its parts.
const ZONE_SIZE: i32 = 4;
const ZONE_DIRECTION: i16 = 3;
/// A list node stands in front of each tuple (`struct nf_conntrack_tuple_hash`).
const NODE_SIZE: i32 = 16;

/// The function that gives the packet's connection the mark in the packet structure. It
/// clobbers what functions may.
pub(crate) fn emit(emitter: &mut Emitter<'_>, family: Family) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "mark the connection");
    let done = asm.label();
    emitter::begin(&mut asm, done);
    if let Some(mark) = emitter.layout.ct(CtField::Mark) {
        write(emitter, &mut asm, family, mark);
    }
    asm.place(done);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "mark_connection", FunctionKind::Chain)
}

fn write(emitter: &Emitter<'_>, asm: &mut Asm, family: Family, mark: i16) {
    let [release, done] = std::array::from_fn(|_| asm.label());
    emitter.target.load_skb(asm, R1);
    asm.load_field(Size::D, R8, R1, field("sk_buff", "_nfct", 8));
    asm.alu_imm(Alu::And, Width::W64, R8, -8);
    asm.jump_imm(Jump::Eq, Width::W64, R8, 0, done);
    load_entry(asm, R8, R9, POINTER);

    asm.mov(R3, R9);
    asm.add_field_offset(R3, field("nf_conn", "tuplehash", 112));
    let second = NODE_SIZE + i32::from(CT_TUPLE_SIZE);
    asm.alu_imm(Alu::Add, Width::W64, R3, second + NODE_SIZE);
    read(asm, REPLY, i32::from(CT_TUPLE_SIZE));
    asm.mov(R3, R9);
    asm.add_field_offset(R3, field("nf_conn", "zone", 4));
    read(asm, TUPLE, ZONE_SIZE);

    // netns_id = BPF_F_CURRENT_NETNS, error, l4proto, dir, ct_zone_id, ct_zone_dir, reserved.
    asm.store_imm(Size::W, FP, OPTIONS, -1);
    asm.store_imm(Size::W, FP, OPTIONS + 4, 0);
    asm.store_imm(Size::D, FP, OPTIONS + 8, 0);
    asm.load(Size::B, R1, FP, REPLY + 38);
    asm.store(Size::B, FP, OPTIONS + 8, R1);
    asm.frame_address(R2, OPTIONS);
    asm.load(Size::H, R1, FP, TUPLE);
    enter(asm, R2, "bpf_ct_opts", "ct_zone_id", 2);
    asm.store(Size::H, R2, 0, R1);
    asm.load(Size::B, R1, FP, TUPLE + ZONE_DIRECTION);
    asm.store(Size::B, R2, 2, R1);

    let length: i16 = match family {
        Family::Ipv4 => 4,
        Family::Ipv6 => 16,
    };
    for (from, to) in [(0, 0), (20, length)] {
        for word in (0..length).step_by(4) {
            asm.load(Size::W, R1, FP, REPLY + from + word);
            asm.store(Size::W, FP, TUPLE + to + word, R1);
        }
    }
    for (from, to) in [(16, 2 * length), (36, 2 * length + 2)] {
        asm.load(Size::H, R1, FP, REPLY + from);
        asm.store(Size::H, FP, TUPLE + to, R1);
    }
    asm.mov(R1, R6);
    asm.frame_address(R2, TUPLE);
    asm.mov_imm(R3, i32::from(2 * length) + 4);
    asm.frame_address(R4, OPTIONS);
    asm.mov_imm(R5, OPTIONS_SIZE);
    asm.kfunc("bpf_skb_ct_lookup");
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, done);
    asm.jump(Jump::Ne, Width::W64, R0, R8, release);
    asm.load(Size::W, R1, R7, mark);
    asm.load_field(Size::W, R2, R0, field("nf_conn", "mark", 4));
    asm.jump(Jump::Eq, Width::W64, R1, R2, release);
    asm.store_field(Size::W, R0, field("nf_conn", "mark", 4), R1);
    asm.place(release);
    asm.mov(R1, R0);
    asm.kfunc("bpf_ct_release");
    asm.place(done);
}

/// Copies bytes at the address in r3 to the frame.
fn read(asm: &mut Asm, to: i16, bytes: i32) {
    asm.frame_address(R1, to);
    asm.mov_imm(R2, bytes);
    asm.helper(Helper::ProbeReadKernel);
}
