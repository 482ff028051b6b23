//! Network devices by their number, found as the kernel finds them: in the network namespace's
//! table (net/core/dev.c, `dev_get_by_index_rcu`).

use crate::asm::{Alu, Asm, FP, Helper, Jump, R0, R1, R2, R3, R4, R6, R7, R8, R9, Size, Width};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::kernel;
use crate::routine::Routine;
use bpfc_artifact::{FunctionIndex, FunctionKind};

/// More devices than share a place of the table anywhere.
const DEVICES: i32 = 1 << 16;
/// `NETDEV_HASHENTRIES` (include/linux/netdevice.h).
const BUCKETS: i32 = 256;

/// What the search knows, 8 bytes each: the list's next node, the number that is looked for, the
/// device that was found.
const NODE: i16 = 0;
const NUMBER: i16 = 8;
const FOUND: i16 = 16;
/// Bytes of the frame that a search needs.
pub(crate) const SEARCH: i16 = 24;

/// `r8 = struct net_device *` of the number in r9, as a number, 0 where there is none. `search` is
/// where [`SEARCH`] bytes of the frame lie. Clobbers r0 to r5 and r9.
pub(crate) fn find(emitter: &mut Emitter<'_>, asm: &mut Asm, search: i16) -> Result<(), EmitError> {
    emitter.target.load_net(asm, R8);
    kernel::load(asm, R1, R8, "net", "dev_index_head", 8);
    asm.store(Size::D, FP, search + NUMBER, R9);
    asm.store_imm(Size::D, FP, search + FOUND, 0);
    asm.alu_imm(Alu::And, Width::W64, R9, BUCKETS - 1);
    asm.alu_imm(Alu::Lsh, Width::W64, R9, 3);
    asm.alu(Alu::Add, Width::W64, R1, R9);
    kernel::cast(asm, R1, "hlist_head");
    kernel::load(asm, R1, R0, "hlist_head", "first", 8);
    asm.store(Size::D, FP, search + NODE, R1);
    let body = emitter.routine(Routine::DeviceSearch);
    asm.mov_imm(R1, DEVICES);
    asm.function_pointer(R2, body);
    asm.mov(R3, FP);
    asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(search));
    asm.mov_imm(R4, 0);
    asm.helper(Helper::Loop);
    asm.load(Size::D, R8, FP, search + FOUND);
    Ok(())
}

/// One node of the list: 0 to go on, 1 when done.
pub(crate) fn emit_search(emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "find a device");
    let [next, end] = std::array::from_fn(|_| asm.label());
    asm.mov(R6, R2);
    asm.load(Size::D, R7, R6, NODE);
    asm.jump_imm(Jump::Eq, Width::W64, R7, 0, end);
    // The node lies inside its device.
    asm.mov(R8, R7);
    kernel::leave(&mut asm, R8, R1, "net_device", "index_hlist", 16);
    kernel::cast(&mut asm, R8, "net_device");
    kernel::load(&mut asm, R1, R0, "net_device", "ifindex", 4);
    asm.load(Size::D, R2, R6, NUMBER);
    asm.jump(Jump::Ne, Width::W64, R1, R2, next);
    asm.store(Size::D, R6, FOUND, R8);
    asm.goto(end);
    asm.place(next);
    kernel::cast(&mut asm, R7, "hlist_node");
    kernel::load(&mut asm, R1, R0, "hlist_node", "next", 8);
    asm.store(Size::D, R6, NODE, R1);
    asm.mov_imm(R0, 0);
    asm.exit();
    asm.place(end);
    asm.mov_imm(R0, 1);
    asm.exit();
    emitter.add(asm, "find_device", FunctionKind::LoopBody)
}
