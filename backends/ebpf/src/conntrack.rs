//! What main does to learn of a packet's connection.
//!
//! From `skb->_nfct` the answer is the one that the kernel's rules get. By lookup
//! (net/netfilter/nf_conntrack_bpf.c) the program finds entries that exist and works out what
//! the tracker will say once it sees the packet (net/netfilter/nf_conntrack_core.c,
//! `resolve_normal_ct`); docs/semantics.md lists what it cannot know.

mod age;
mod companion;
mod entry;
mod extension;
mod lookup;
pub(crate) mod mark;
mod noted;
mod probe;
mod siphash;
pub(crate) mod table;
pub(crate) mod tuple;

use crate::asm::{Alu, Asm, FP, Helper, Jump, R0, R1, R2, R3, R7, R8, R9, Reg, Size, Width};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::packet::layout::CT_TUPLE_SIZE;
use crate::target::ConntrackSource;
use bpfc_artifact::{FunctionIndex, FunctionKind, KernelField};
use bpfc_ir::{CtField, CtTuple, Family, TupleField};

/// `ct state` bits.
pub(crate) mod state {
    pub const INVALID: i32 = 1;
    pub const ESTABLISHED: i32 = 2;
    pub const RELATED: i32 = 4;
    pub const NEW: i32 = 8;
    pub const UNTRACKED: i32 = 64;
}

/// `IP_CT_UNTRACKED`.
const CTINFO_UNTRACKED: i32 = 7;

struct Places {
    present: i16,
    state: i16,
    direction: i16,
    protocol: i16,
    status: i16,
    mark: i16,
    /// The original tuple; the reply tuple follows it.
    original: i16,
}

impl Places {
    fn of(emitter: &Emitter<'_>) -> Option<Places> {
        let at = |field| emitter.layout.ct(field);
        Some(Places {
            present: at(CtField::Present)?,
            state: at(CtField::State)?,
            direction: at(CtField::Direction)?,
            protocol: at(CtField::Protocol)?,
            status: at(CtField::Status)?,
            mark: at(CtField::Mark)?,
            original: at(CtField::Tuple(CtTuple::Original, TupleField::Source))?,
        })
    }
}

fn field(structure: &str, member: &str, size: u32) -> KernelField {
    KernelField { structure: structure.to_owned(), member: member.to_owned(), size }
}

/// The function that fills the conntrack region for packets of one family. It is a function of its
/// own so that its frame is gone when chains run.
pub(crate) fn emit(
    emitter: &mut Emitter<'_>,
    source: ConntrackSource,
    family: Family,
) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "find the connection");
    let null = asm.label();
    emitter::begin(&mut asm, null);
    if let Some(places) = Places::of(emitter) {
        asm.store_imm(Size::B, R7, places.present, 0);
        age::none(emitter, &mut asm);
        match source {
            ConntrackSource::Skb => from_skb(emitter, &mut asm, &places, -8),
            ConntrackSource::Lookup(kfunc) => {
                let notes = noted::map(emitter);
                companion::add(emitter, notes)?;
                let known = noted::Known { table: table::Table::of(emitter)?, notes };
                lookup::emit(emitter, &mut asm, &places, family, kfunc, known);
            }
        }
    }
    asm.place(null);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "find_connection", FunctionKind::Chain)
}

fn from_skb(emitter: &Emitter<'_>, asm: &mut Asm, places: &Places, scratch: i16) {
    let [entry, untracked, original, done] = std::array::from_fn(|_| asm.label());
    emitter.target.load_skb(asm, R1);
    asm.load_field(Size::D, R8, R1, field("sk_buff", "_nfct", 8));
    asm.mov(R1, R8);
    asm.alu_imm(Alu::And, Width::W64, R1, -8);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, entry);
    asm.jump_imm(Jump::Eq, Width::W64, R8, CTINFO_UNTRACKED, untracked);
    asm.store_imm(Size::B, R7, places.state, state::INVALID);
    asm.goto(done);
    asm.place(untracked);
    asm.store_imm(Size::B, R7, places.state, state::UNTRACKED);
    asm.goto(done);

    asm.place(entry);
    load_entry(asm, R1, R9, scratch);
    // ctinfo: 0 established, 1 related, 2 new, 3 and 4 the first two in the reply direction.
    asm.alu_imm(Alu::And, Width::W64, R8, 7);
    asm.store_imm(Size::B, R7, places.direction, 0);
    asm.jump_imm(Jump::Lt, Width::W64, R8, 3, original);
    asm.store_imm(Size::B, R7, places.direction, 1);
    asm.alu_imm(Alu::Sub, Width::W64, R8, 3);
    asm.place(original);
    asm.mov_imm(R1, state::ESTABLISHED);
    asm.alu(Alu::Lsh, Width::W64, R1, R8);
    asm.store(Size::B, R7, places.state, R1);
    copy_entry(emitter, asm, places, Entry::Typed);
    asm.place(done);
}

/// How the entry in r9 is read.
#[derive(Clone, Copy, Debug)]
enum Entry {
    /// r9 is a typed pointer.
    Typed,
    /// r9 is an address; 8 bytes of the frame are free at this place.
    Address(i16),
}

impl Entry {
    /// `dst` = a field of the entry in r9. Clobbers r0 to r5.
    fn load(self, asm: &mut Asm, size: Size, dst: Reg, member: &str, bytes: u32) {
        match self {
            Entry::Typed => asm.load_field(size, dst, R9, field("nf_conn", member, bytes)),
            Entry::Address(scratch) => probe::load(asm, size, dst, member, bytes, scratch),
        }
    }
}

/// `dst = (struct nf_conn *)address`, by way of a structure on the stack, at `scratch`, whose first
/// member is such a pointer: libbpf cannot tell `nf_conn` from the kernel's `nf_conn___init`, whose
/// name it reads as another spelling, and would refuse the object. Clobbers r0 to r5.
fn load_entry(asm: &mut Asm, address: Reg, dst: Reg, scratch: i16) {
    asm.store(Size::D, FP, scratch, address);
    asm.frame_address(R1, scratch);
    asm.type_id(R2, "nf_ct_event");
    asm.kfunc("bpf_rdonly_cast");
    asm.load_field(Size::D, dst, R0, field("nf_ct_event", "ct", 8));
}

/// Copies where the connection at r9 came from, or the one that announced it. Clobbers r8.
fn copy_initiator(emitter: &Emitter<'_>, asm: &mut Asm, entry: Entry) {
    let Some(to) = emitter.layout.ct(CtField::Initiator) else { return };
    let announced = asm.label();
    entry.load(asm, Size::D, R8, "master", 8);
    asm.jump_imm(Jump::Ne, Width::W64, R8, 0, announced);
    asm.mov(R8, R9);
    asm.place(announced);
    // The original tuple begins with the source, behind a list node of 16 bytes.
    asm.mov(R3, R8);
    asm.add_field_offset(R3, field("nf_conn", "tuplehash", 112));
    asm.alu_imm(Alu::Add, Width::W64, R3, 16);
    asm.mov(R1, R7);
    asm.alu_imm(Alu::Add, Width::W64, R1, i32::from(to));
    asm.mov_imm(R2, 4);
    asm.helper(Helper::ProbeReadKernel);
}

/// Copies what rules may ask of the entry in r9. What it carries besides is never asked of an entry
/// that was found by its address.
fn copy_entry(emitter: &Emitter<'_>, asm: &mut Asm, places: &Places, entry: Entry) {
    asm.store_imm(Size::B, R7, places.present, 1);
    entry.load(asm, Size::D, R1, "status", 8);
    asm.store(Size::W, R7, places.status, R1);
    entry.load(asm, Size::W, R1, "mark", 4);
    asm.store(Size::W, R7, places.mark, R1);
    if emitter.needs.initiator {
        copy_initiator(emitter, asm, entry);
    }
    age::copy(emitter, asm, entry);
    if emitter.needs.extensions && matches!(entry, Entry::Typed) {
        extension::copy(emitter, asm);
    }
    if !emitter.needs.tuples {
        return;
    }
    // Both tuples as they are: each `struct nf_conntrack_tuple_hash` is a list node of 16 bytes
    // and the tuple (include/net/netfilter/nf_conntrack_tuple.h).
    for direction in 0..2 {
        asm.mov(R3, R9);
        asm.add_field_offset(R3, field("nf_conn", "tuplehash", 112));
        asm.alu_imm(Alu::Add, Width::W64, R3, 16 + direction * (16 + i32::from(CT_TUPLE_SIZE)));
        asm.mov(R1, R7);
        let to = i32::from(places.original) + direction * i32::from(CT_TUPLE_SIZE);
        asm.alu_imm(Alu::Add, Width::W64, R1, to);
        asm.mov_imm(R2, i32::from(CT_TUPLE_SIZE));
        asm.helper(Helper::ProbeReadKernel);
    }
    asm.load(Size::B, R1, R7, places.original + 38);
    asm.store(Size::B, R7, places.protocol, R1);
}
