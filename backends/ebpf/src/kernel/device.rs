//! Network devices by their number, found as the kernel finds them: in the network namespace's
//! table (net/core/dev.c, `dev_get_by_index_rcu`).

use crate::asm::{Alu, Asm, FP, Helper, Jump, R0, R1, R2, R3, R4, R6, R7, R8, R9, Size, Width};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::kernel::{self, Reading, Way, read, xdp};
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
    let reading = Reading::of(emitter);
    let typed = emitter.routine(Routine::DeviceSearch(Way::Typed));
    let copying = reading
        .alternative()
        .map(|_| emitter.routine(Routine::DeviceSearch(Way::Copied)))
        .unwrap_or(typed);
    reading.emit(asm, |asm, way| {
        let body = match way {
            Way::Typed => {
                emitter.target.load_net(asm, R8);
                kernel::load(asm, R1, R8, "net", "dev_index_head", 8);
                typed
            }
            // At XDP alone.
            Way::Copied => {
                xdp::copy_device(asm, R8);
                kernel::copy_field(asm, R8, R8, "net_device", "nd_net", 8);
                kernel::copy_field(asm, R1, R8, "net", "dev_index_head", 8);
                copying
            }
        };
        search_list(asm, way, search, body);
    });
    asm.load(Size::D, R8, FP, search + FOUND);
    Ok(())
}

/// Goes through the list of the number in r9, in the table whose address is r1. Clobbers r0 to r5
/// and r9.
fn search_list(asm: &mut Asm, way: Way, search: i16, body: FunctionIndex) {
    asm.store(Size::D, FP, search + NUMBER, R9);
    asm.store_imm(Size::D, FP, search + FOUND, 0);
    asm.alu_imm(Alu::And, Width::W64, R9, BUCKETS - 1);
    asm.alu_imm(Alu::Lsh, Width::W64, R9, 3);
    asm.alu(Alu::Add, Width::W64, R1, R9);
    read(asm, way, R1, R1, ("hlist_head", "first"), 8);
    asm.store(Size::D, FP, search + NODE, R1);
    asm.mov_imm(R1, DEVICES);
    asm.function_pointer(R2, body);
    asm.mov(R3, FP);
    asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(search));
    asm.mov_imm(R4, 0);
    asm.helper(Helper::Loop);
}

/// One node of the list: 0 to go on, 1 when done.
pub(crate) fn emit_search(emitter: &mut Emitter<'_>, way: Way) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    let name = match way {
        Way::Typed => "find_device",
        Way::Copied => "find_by_copies",
    };
    if let Some(in_objects) = Reading::of(emitter).alternative() {
        asm.stand_behind_test(in_objects);
    }
    emitter.mark_line(&mut asm, None, "find a device");
    let [next, end] = std::array::from_fn(|_| asm.label());
    asm.mov(R6, R2);
    asm.load(Size::D, R7, R6, NODE);
    asm.jump_imm(Jump::Eq, Width::W64, R7, 0, end);
    // The node lies inside its device.
    asm.mov(R8, R7);
    kernel::leave(&mut asm, R8, R1, "net_device", "index_hlist", 16);
    read(&mut asm, way, R1, R8, ("net_device", "ifindex"), 4);
    asm.load(Size::D, R2, R6, NUMBER);
    asm.jump(Jump::Ne, Width::W64, R1, R2, next);
    asm.store(Size::D, R6, FOUND, R8);
    asm.goto(end);
    asm.place(next);
    read(&mut asm, way, R1, R7, ("hlist_node", "next"), 8);
    asm.store(Size::D, R6, NODE, R1);
    asm.mov_imm(R0, 0);
    asm.exit();
    asm.place(end);
    asm.mov_imm(R0, 1);
    asm.exit();
    emitter.add(asm, name, FunctionKind::LoopBody)
}
