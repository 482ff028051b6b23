//! `bpf_fib_lookup` (net/core/filter.c): where the kernel would send a packet, and how long it may
//! be there.

use crate::asm::{
    Alu, Asm, FP, Helper, Jump, Label, R1, R2, R3, R4, R6, R7, R8, R9, Reg, Size, Width,
};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::kernel::device;
use crate::packet::layout;
use bpfc_ir::Family;

/// `struct bpf_fib_lookup` (include/uapi/linux/bpf.h): its size and members. Ports and addresses
/// are in network order. It lies at the top of the frame.
pub(crate) const LOOKUP: i16 = 64;
const FAMILY: i16 = 0;
const PROTOCOL: i16 = 1;
const PORTS: i16 = 2;
/// u16: the packet's length before, the MTU after.
const LENGTH: i16 = 6;
pub(crate) const INTERFACE: i16 = 8;
const TOS_OR_FLOW: i16 = 12;
pub(crate) const SOURCE: i16 = 16;
pub(crate) const DESTINATION: i16 = 32;
/// u32, as the next.
const TABLE: i16 = 48;
const MARK: i16 = 52;

/// `BPF_FIB_LOOKUP_DIRECT` and `BPF_FIB_LOOKUP_TBID`, Linux 6.5.
const IN_TABLE: i32 = 1 | 8;
/// `BPF_FIB_LOOKUP_SKIP_NEIGH`, Linux 6.3.
pub(crate) const SKIP_NEIGHBOUR: i32 = 4;
/// `BPF_FIB_LOOKUP_MARK`, Linux 6.10.
const WITH_MARK: i32 = 32;

/// `BPF_FIB_LKUP_RET_*`.
pub(crate) const SUCCESS: i32 = 0;
pub(crate) const PROHIBIT: i32 = 3;
pub(crate) const FORWARDING_DISABLED: i32 = 5;
pub(crate) const UNSUPPORTED_TUNNEL: i32 = 6;

/// A question: where its parts lie in the packet structure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub(crate) family: Family,
    /// Destination's and source's address; no source where that is none.
    pub(crate) destination: i16,
    pub(crate) source: Option<i16>,
    /// The IP header's beginning, for the type of service; 0 without.
    pub(crate) header: Option<i16>,
    /// Whether the packet's protocol and ports are told.
    pub(crate) transport: bool,
    /// The packet's mark; 0 without.
    pub(crate) mark: Option<i16>,
    /// Whether the MTU is answered, of a packet that fits in any case.
    pub(crate) mtu: bool,
    /// The number of the table to search, a u32; policy routing rules choose without.
    pub(crate) table: Option<i16>,
}

/// r0 = what is answered for a packet that comes in by the device whose number is in r1, less than
/// 0 where this kernel does not know the question. Clobbers r0 to r5.
pub(crate) fn ask(asm: &mut Asm, question: &Question) {
    const AF_INET: i32 = 2;
    const AF_INET6: i32 = 10;
    let at = |member: i16| member - LOOKUP;
    for word in (0..LOOKUP).step_by(8) {
        asm.store_imm(Size::D, FP, word - LOOKUP, 0);
    }
    asm.store(Size::W, FP, at(INTERFACE), R1);
    if question.transport {
        asm.load(Size::B, R1, R7, layout::L4_PROTO);
        asm.store(Size::B, FP, at(PROTOCOL), R1);
        ports(asm, at(PORTS));
    }
    if question.mtu {
        asm.store_imm(Size::H, FP, at(LENGTH), 1);
    }
    let words: &[i16] = match question.family {
        Family::Ipv4 => {
            asm.store_imm(Size::B, FP, at(FAMILY), AF_INET);
            if let Some(header) = question.header {
                asm.load(Size::B, R1, R7, header + 1);
                asm.store(Size::B, FP, at(TOS_OR_FLOW), R1);
            }
            &[0]
        }
        Family::Ipv6 => {
            asm.store_imm(Size::B, FP, at(FAMILY), AF_INET6);
            if let Some(header) = question.header {
                // Traffic class and flow label, the version left out; network order.
                asm.load(Size::W, R1, R7, header);
                asm.from_big_endian(R1, 32);
                asm.alu_imm(Alu::And, Width::W64, R1, 0x0fff_ffff);
                asm.from_big_endian(R1, 32);
                asm.store(Size::W, FP, at(TOS_OR_FLOW), R1);
            }
            &[0, 4, 8, 12]
        }
    };
    for (from, to) in [(question.source, SOURCE), (Some(question.destination), DESTINATION)] {
        let Some(from) = from else { continue };
        for word in words {
            asm.load(Size::W, R1, R7, from + word);
            asm.store(Size::W, FP, at(to) + word, R1);
        }
    }
    let mut flags = SKIP_NEIGHBOUR;
    if let Some(mark) = question.mark {
        asm.load(Size::W, R1, R7, mark);
        asm.store(Size::W, FP, at(MARK), R1);
        flags |= WITH_MARK;
    }
    if let Some(table) = question.table {
        asm.load(Size::W, R1, R7, table);
        asm.store(Size::W, FP, at(TABLE), R1);
        flags |= IN_TABLE;
    }
    asm.mov(R1, R6);
    asm.mov(R2, FP);
    asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(-LOOKUP));
    asm.mov_imm(R3, i32::from(LOOKUP));
    asm.mov_imm(R4, flags);
    asm.helper(Helper::FibLookup);
}

/// r8 = address of the device that was answered; jumps where there is none. Clobbers r0 to r5 and
/// r9.
pub(crate) fn find_device(
    emitter: &mut Emitter<'_>,
    asm: &mut Asm,
    none: Label,
) -> Result<(), EmitError> {
    asm.load(Size::W, R9, FP, INTERFACE - LOOKUP);
    device::find(emitter, asm, -LOOKUP - device::SEARCH)?;
    asm.jump_imm(Jump::Eq, Width::W64, R8, 0, none);
    Ok(())
}

/// `dst =` the MTU that was answered.
pub(crate) fn mtu(asm: &mut Asm, dst: Reg) {
    asm.load(Size::H, dst, FP, LENGTH - LOOKUP);
}

/// Ports, for rules of policy routing that ask for them: of whole TCP and UDP packets and first
/// fragments. r1 = the protocol.
fn ports(asm: &mut Asm, to: i16) {
    const TCP: i32 = 6;
    const UDP: i32 = 17;
    let [ported, none] = std::array::from_fn(|_| asm.label());
    asm.jump_imm(Jump::Eq, Width::W64, R1, TCP, ported);
    asm.jump_imm(Jump::Ne, Width::W64, R1, UDP, none);
    asm.place(ported);
    asm.load(Size::H, R1, R7, layout::FRAGMENT_OFFSET);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, none);
    asm.load(Size::H, R1, R7, layout::TRANSPORT);
    asm.store(Size::H, FP, to, R1);
    asm.load(Size::H, R1, R7, layout::TRANSPORT + 2);
    asm.store(Size::H, FP, to + 2, R1);
    asm.place(none);
}
