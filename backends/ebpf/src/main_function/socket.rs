//! What main does to learn of the socket that sends a packet, as `xt_owner` and nft's `meta skuid`
//! find it (net/netfilter/xt_owner.c; include/net/sock.h, `sk_to_full_sk`).
//!
//! A request that is not a connection yet stands for the socket that listens; a connection that
//! has ended has none. A socket of another network namespace is none.

use crate::asm::{Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R6, R7, R8, R9, Size, Width};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::kernel::{self, cast, if_null, load};
use crate::packet::region;
use crate::packet::region::walk::{INDEX, KIND, NODE};
use crate::scan::walk;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::SocketField;

/// `TCP_TIME_WAIT` and `TCP_NEW_SYN_RECV` (include/net/tcp_states.h).
const TIME_WAIT: i32 = 6;
const NEW_SYN_RECV: i32 = 12;

/// The function that fills the region.
pub(crate) fn emit(emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "find the socket");
    let null = asm.label();
    emitter::begin(&mut asm, null);
    if let Some(at) = emitter.layout.socket() {
        asm.store_imm(Size::D, R7, at, 0);
        asm.store_imm(Size::D, R7, at + 8, 0);
        let at = |field| at + region::socket::place(field);
        find(emitter, &mut asm, null, Some((at(SocketField::Full), at(SocketField::Class))));
        asm.store_imm(Size::B, R7, at(SocketField::Present), 1);
        open_file(&mut asm, null);
        asm.store_imm(Size::B, R7, at(SocketField::Open), 1);
        load(&mut asm, R1, R0, "cred", "fsuid", 4);
        asm.store(Size::W, R7, at(SocketField::User), R1);
        load(&mut asm, R1, R0, "cred", "fsgid", 4);
        asm.store(Size::W, R7, at(SocketField::Group), R1);
    }
    asm.place(null);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "find_socket", FunctionKind::Chain)
}

/// `r8 = struct sock *` of the packet, r9 = its network namespace, r1 = its state; jumps to `none`
/// without one that lives.
fn own(emitter: &Emitter<'_>, asm: &mut Asm, none: Label) {
    emitter.target.load_net(asm, R9);
    emitter.target.load_skb(asm, R1);
    load(asm, R8, R1, "sk_buff", "sk", 8);
    if_null(asm, R8, none);
    cast(asm, R8, "sock");
    asm.mov(R8, R0);
    load(asm, R1, R8, "sock_common", "skc_state", 1);
    asm.jump_imm(Jump::Eq, Width::W64, R1, TIME_WAIT, none);
}

/// `r1 = struct socket *` of the packet's socket; jumps to `none` without one. Where places are
/// given, notes there whether the packet's own socket is a full one, and its class.
fn find(emitter: &Emitter<'_>, asm: &mut Asm, none: Label, notes: Option<(i16, i16)>) {
    let [full, ours] = std::array::from_fn(|_| asm.label());
    own(emitter, asm, none);
    asm.jump_imm(Jump::Ne, Width::W64, R1, NEW_SYN_RECV, full);
    load(asm, R1, R8, "sock_common", "skc_listener", 8);
    if_null(asm, R1, none);
    cast(asm, R1, "sock");
    asm.mov(R8, R0);
    load(asm, R1, R8, "sock_common", "skc_state", 1);
    asm.jump_imm(Jump::Eq, Width::W64, R1, TIME_WAIT, none);
    load(asm, R1, R8, "sock_common", "skc_net", 8);
    asm.jump(Jump::Ne, Width::W64, R1, R9, none);
    asm.goto(ours);
    asm.place(full);
    load(asm, R1, R8, "sock_common", "skc_net", 8);
    asm.jump(Jump::Ne, Width::W64, R1, R9, none);
    if let Some((full, class)) = notes {
        asm.store_imm(Size::B, R7, full, 1);
        if emitter.needs.socket_class {
            asm.mov(R1, R8);
            kernel::enter(asm, R1, "sock", "sk_cgrp_data", 0);
            load(asm, R1, R1, "sock_cgroup_data", "classid", 4);
            asm.store(Size::W, R7, class, R1);
        }
    }
    asm.place(ours);
    load(asm, R1, R8, "sock", "sk_socket", 8);
    if_null(asm, R1, none);
}

/// `r8 = struct sock *`, the packet's own socket where it is a full one (`sk_fullsock`) of its
/// network namespace; jumps to `none` otherwise. Clobbers r9.
pub(crate) fn full(emitter: &Emitter<'_>, asm: &mut Asm, none: Label) {
    own(emitter, asm, none);
    asm.jump_imm(Jump::Eq, Width::W64, R1, NEW_SYN_RECV, none);
    load(asm, R1, R8, "sock_common", "skc_net", 8);
    asm.jump(Jump::Ne, Width::W64, R1, R9, none);
}

/// From `struct socket *` in r1 to the `struct cred *` of who opened it in r0.
fn open_file(asm: &mut Asm, none: Label) {
    load(asm, R1, R1, "socket", "file", 8);
    if_null(asm, R1, none);
    load(asm, R1, R1, "file", "f_cred", 8);
    cast(asm, R1, "cred");
}

/// A function that answers whether a supplementary group of the opener's lies in a range.
pub(crate) fn group(
    emitter: &mut Emitter<'_>,
    low: u32,
    high: u32,
) -> Result<FunctionIndex, EmitError> {
    let Some(at) = emitter.layout.lookup() else {
        return Err(EmitError::Type("lookup".to_owned(), "a region"));
    };
    let body = group_body(emitter, at, low, high)?;
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "search the groups of who opened the socket");
    let null = asm.label();
    emitter::begin(&mut asm, null);
    find(emitter, &mut asm, null, None);
    open_file(&mut asm, null);
    load(&mut asm, R1, R0, "cred", "group_info", 8);
    if_null(&mut asm, R1, null);
    cast(&mut asm, R1, "group_info");
    load(&mut asm, R2, R0, "group_info", "ngroups", 4);
    kernel::enter(&mut asm, R0, "group_info", "gid", 0);
    asm.store(Size::D, R7, at + NODE, R0);
    asm.store(Size::W, R7, at + INDEX, R2);
    asm.store_imm(Size::W, R7, at + KIND, 0);
    asm.mov(R1, R6);
    walk::run_loop(&mut asm, body, GROUPS);
    asm.load(Size::W, R0, R7, at + KIND);
    asm.exit();
    asm.place(null);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "socket_group", FunctionKind::Chain)
}

/// `NGROUPS_MAX`.
const GROUPS: i32 = 65_536;

/// One group: 0 to go on, 1 when done.
fn group_body(
    emitter: &mut Emitter<'_>,
    at: i16,
    low: u32,
    high: u32,
) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "look at one group");
    let [next, stop] = std::array::from_fn(|_| asm.label());
    asm.load(Size::D, R7, R2, 8);
    asm.load(Size::W, R1, R7, at + INDEX);
    if_null(&mut asm, R1, stop);
    asm.alu_imm(Alu::Sub, Width::W64, R1, 1);
    asm.store(Size::W, R7, at + INDEX, R1);
    asm.load(Size::D, R3, R7, at + NODE);
    asm.mov(R1, R3);
    asm.alu_imm(Alu::Add, Width::W64, R1, 4);
    asm.store(Size::D, R7, at + NODE, R1);
    asm.store_imm(Size::D, FP, -8, -1);
    asm.mov(R1, FP);
    asm.alu_imm(Alu::Add, Width::W64, R1, -8);
    asm.mov_imm(R2, 4);
    asm.helper(Helper::ProbeReadKernel);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, stop);
    asm.load(Size::W, R1, FP, -8);
    asm.jump_imm(Jump::Lt, Width::W32, R1, low as i32, next);
    asm.jump_imm(Jump::Gt, Width::W32, R1, high as i32, next);
    asm.store_imm(Size::W, R7, at + KIND, 1);
    asm.place(stop);
    asm.mov_imm(R0, 1);
    asm.exit();
    asm.place(next);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "socket_group_step", FunctionKind::LoopBody)
}
