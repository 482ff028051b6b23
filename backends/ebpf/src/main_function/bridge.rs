//! What main does to learn by which ports of a bridge a packet goes, as br_netfilter has noted it
//! (include/linux/netfilter_bridge.h, `nf_bridge_get_physindev` and `nf_bridge_get_physoutdev`).

use crate::asm::{Asm, Jump, R0, R1, R7, R8, R9, Size, Width};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::kernel::skb::{no_name, probe_name};
use crate::kernel::{cast, if_null, load};
use crate::kernel::{device, extension};
use crate::packet::region::bridge::{BRIDGED, INPUT, OUTPUT};
use bpfc_artifact::{FunctionIndex, FunctionKind};

/// The function that fills the region.
///
/// The input port is kept by its number, in Linux 6.8 and in the stable releases of 2024.
pub(crate) fn emit(emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "find the bridge ports");
    let [null, no_output] = std::array::from_fn(|_| asm.label());
    emitter::begin(&mut asm, null);
    if let Some(at) = emitter.layout.ports() {
        no_name(&mut asm, at + INPUT);
        no_name(&mut asm, at + OUTPUT);
        asm.store_imm(Size::D, R7, at + BRIDGED, 0);
        extension::find(emitter.target, &mut asm, "SKB_EXT_BRIDGE_NF", null);
        asm.store_imm(Size::B, R7, at + BRIDGED, 1);
        cast(&mut asm, R8, "nf_bridge_info");
        load(&mut asm, R1, R0, "nf_bridge_info", "physoutdev", 8);
        load(&mut asm, R9, R0, "nf_bridge_info", "physinif", 4);
        if_null(&mut asm, R1, no_output);
        asm.mov(R8, R1);
        probe_name(&mut asm, R8, at + OUTPUT);
        asm.place(no_output);
        asm.jump_imm(Jump::Eq, Width::W64, R9, 0, null);
        device::find(emitter, &mut asm, -device::SEARCH)?;
        if_null(&mut asm, R8, null);
        probe_name(&mut asm, R8, at + INPUT);
    }
    asm.place(null);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "bridge_ports", FunctionKind::Chain)
}
