//! Whether the packet's socket is in a control group of version 2 (include/linux/cgroup.h,
//! `cgroup_is_descendant`, as net/netfilter/xt_cgroup.c asks it).
//!
//! What a path means on a machine stands in a map that the runtime fills: identifier and level. A
//! group knows all that lie above it, itself included, by level (Linux 6.1).

use crate::asm::{Alu, Asm, Jump, R0, R1, R2, R3, R7, R8, R9, Size, Width};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::kernel::{self, cast, if_null, load};
use crate::main_function::socket;
use crate::packet::region::walk::NODE;
use bpfc_artifact::{FunctionIndex, FunctionKind, MapDef, MapIndex, MapKind, MapRole};
use bpfc_ir::{Op, Program};
use std::collections::BTreeSet;

/// Bytes of a path's entry: identifier and level, 8 each.
const ENTRY: u32 = 16;
const LEVEL: i16 = 8;

/// The paths that a program's rules name, each once, in order.
fn paths(program: &Program) -> Vec<String> {
    let insts = program.funcs.values().flat_map(|function| function.insts.values());
    let named = insts.filter_map(|inst| match &inst.op {
        Op::ControlGroup(path) => Some(path.to_string()),
        _ => None,
    });
    named.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The map of all paths, and where one of them lies in its value.
fn place(emitter: &mut Emitter<'_>, path: &str) -> (MapIndex, u32) {
    let known = emitter.maps.iter().position(|m| matches!(m.role, MapRole::ControlGroups(_)));
    let index = known.unwrap_or_else(|| {
        let paths = paths(emitter.program);
        let value_size = paths.len() as u32 * ENTRY;
        let role = MapRole::ControlGroups(paths);
        emitter.maps.push(MapDef { value_size, ..MapDef::new("cgroups", MapKind::Array, role) });
        emitter.maps.len() - 1
    });
    let at = match &emitter.maps[index].role {
        MapRole::ControlGroups(paths) => paths.iter().position(|known| known == path),
        _ => None,
    };
    (MapIndex(index as u32), at.unwrap_or(0) as u32 * ENTRY)
}

/// The function that asks for a path: r0 = 1 or 0.
pub(crate) fn emit(emitter: &mut Emitter<'_>, path: &str) -> Result<FunctionIndex, EmitError> {
    let Some(at) = emitter.layout.lookup() else {
        return Err(EmitError::Type("control group".to_owned(), "a region"));
    };
    let (map, entry) = place(emitter, path);
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "ask for the socket's control group");
    let null = asm.label();
    emitter::begin(&mut asm, null);
    socket::full(emitter, &mut asm, null);
    asm.mov(R1, R8);
    kernel::enter(&mut asm, R1, "sock", "sk_cgrp_data", 0);
    load(&mut asm, R1, R1, "sock_cgroup_data", "cgroup", 8);
    if_null(&mut asm, R1, null);
    asm.store(Size::D, R7, at + NODE, R1);
    cast(&mut asm, R1, "cgroup");
    load(&mut asm, R2, R0, "cgroup", "level", 4);
    asm.map_value(R9, map, entry);
    asm.load(Size::D, R3, R9, LEVEL);
    asm.jump(Jump::Lt, Width::W64, R2, R3, null);
    asm.alu_imm(Alu::Lsh, Width::W64, R3, 3);
    asm.load(Size::D, R1, R7, at + NODE);
    kernel::enter(&mut asm, R1, "cgroup", "ancestors", 0);
    asm.alu(Alu::Add, Width::W64, R1, R3);
    // Any structure that begins with a pointer reads an element of the array.
    cast(&mut asm, R1, "hlist_head");
    load(&mut asm, R1, R0, "hlist_head", "first", 8);
    if_null(&mut asm, R1, null);
    cast(&mut asm, R1, "cgroup");
    load(&mut asm, R1, R0, "cgroup", "kn", 8);
    load(&mut asm, R1, R1, "kernfs_node", "id", 8);
    asm.load(Size::D, R2, R9, 0);
    asm.jump(Jump::Ne, Width::W64, R1, R2, null);
    asm.mov_imm(R0, 1);
    asm.exit();
    asm.place(null);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "control_group", FunctionKind::Chain)
}
