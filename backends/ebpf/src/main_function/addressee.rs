//! Whom the link layer sent a frame to: this host, or others.
//!
//! The kernel's hooks never see a frame that is for another host's Ethernet address
//! (`PACKET_OTHERHOST`: net/ipv4/ip_input.c, `ip_rcv_core`; net/ipv6/ip6_input.c, `ip6_rcv_core`).
//! Such frames come in by ports of bridges, by devices below macvlan, and wherever somebody
//! captures; they pass uncounted.
//!
//! The destination is for others where it is neither the device's own address nor that of a device
//! above it in the same network namespace: a bridge takes frames for its own address
//! (net/bridge/br_input.c, `br_handle_frame`), and so do VLAN and macvlan devices
//! (net/8021q/vlan_core.c, `vlan_do_receive`; drivers/net/macvlan.c, `macvlan_handle_frame`). What
//! stands on a device in another network namespace is another host. Devices are read from the
//! kernel at each such frame, so that a port that is added to a bridge later is known. Whatever
//! cannot be decided counts as for this host: its rules run.
//!
//! TC knows the frame's type already and asks only where that says "other host". XDP compares the
//! address: where it is the one that was found the last time, nothing more is asked, not even
//! whether the frame has a link header ([`super::bare`]).
//!
//! # Drops at TC
//!
//! A frame for a group is for this host and for others: what a bridge floods and macvlan hands on
//! must go on when this host's rules drop it. So the program says "other host" of it
//! (`bpf_skb_change_type`) and lets it go, and the kernel drops it where it enters the network
//! layer, before any hook. Packet sockets that are bound to IP, as those of DHCP clients are, read
//! it like every packet that iptables drops; for their sake the same is done with what is for this
//! host alone, where nothing stands above the device that could make a frame for this host of it
//! again.

use crate::asm::{Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9};
use crate::asm::{Reg, Size, Width};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::kernel::{self, Reading, Way, read, skb, xdp};
use crate::main_function::bare;
use crate::packet::layout;
use crate::routine::Routine;
use crate::scan::walk;
use crate::target::{Addressee, Addressing, KNOWN, MainContext};
use bpfc_artifact::{FunctionIndex, FunctionKind, MapIndex};
use bpfc_ir::Device;

/// It cannot be decided whom the frame is for.
const DOUBTFUL: i32 = 0;
/// It is for others.
const FOR_OTHERS: i32 = 1;
/// It is for the device, or for one above it.
const FOR_US: i32 = 3;

/// `PACKET_HOST`, `PACKET_MULTICAST` and `PACKET_OTHERHOST` (include/uapi/linux/if_packet.h).
const HOST: i32 = 0;
const MULTICAST: i32 = 2;
const OTHER_HOST: i32 = 3;
/// The group bit of an Ethernet address whose first byte is the number's lowest.
const GROUP: i32 = 1;

/// `offsetof(struct xdp_md, ingress_ifindex)`.
const INGRESS_IFINDEX: i16 = 12;

/// Devices that are looked at, at most: all above one.
const DEVICES: i32 = 1 << 16;
/// How many devices stand on each other at most; the kernel takes 8.
const LEVELS: i32 = 4;

/// What the walk remembers, in the packet structure where the network header will be or is no
/// longer needed: 8 bytes each, first the addresses of list entries, of the level that is looked at
/// and those below it.
const CURSOR: i16 = layout::NETWORK;
const ROOT: i16 = CURSOR + 8 * LEVELS as i16;
const DESTINATION: i16 = ROOT + 8;
const OWN: i16 = ROOT + 16;
const NAMESPACE: i16 = ROOT + 24;
/// u32: the level, from 1; 0 when all are done.
const LEVEL: i16 = ROOT + 32;
/// u32: what is known so far. For `drop`: whether the input hook drops.
const OTHERS: i16 = ROOT + 36;
const ALONE: i16 = OTHERS;
const _: () = assert!(OTHERS + 4 <= layout::L4_PROTO);
/// Bytes of a frame for what is read.
const TEMPORARY: i16 = -8;

/// Kinds of device that leave a frame's type as it is, or make of it a frame for this host where
/// its destination is theirs.
const PLAIN: [&str; 5] = ["bridge", "vlan", "bond", "team", "vrf"];
/// Kinds that give a frame a type of its own, by its destination: the beginnings of their names.
const HANDING_ON: [&str; 4] = ["macvlan", "macvtap", "ipvlan", "ipvtap"];

/// What main needs where a target's programs have to ask.
pub(crate) fn prepare(
    emitter: &mut Emitter<'_>,
    addressing: Addressing,
) -> Result<Addressee, EmitError> {
    if let Some(known) = emitter.addressee {
        return Ok(known);
    }
    let known = (addressing == Addressing::Address).then(|| emitter.known_addresses());
    let function = function(emitter, known)?;
    let addressee = Addressee { function, known };
    emitter.addressee = Some(addressee);
    Ok(addressee)
}

/// In main, where `struct __sk_buff` is the context: passes what is for others.
pub fn pass_others_by_type(main: &mut MainContext<'_>) {
    let Some(addressee) = main.addressee else { return };
    let asm = &mut *main.asm;
    let ours = asm.label();
    asm.load(Size::W, R1, R6, skb::PACKET_TYPE);
    asm.store(Size::B, R7, layout::PACKET_TYPE, R1);
    asm.jump_imm(Jump::Ne, Width::W64, R1, OTHER_HOST, ours);
    destination(asm, main.scratch, ours);
    asm.store(Size::D, R7, DESTINATION, R2);
    emitter::call(asm, addressee.function);
    asm.jump_imm(Jump::Eq, Width::W64, R0, FOR_OTHERS, main.labels.pass);
    // The device above makes it a frame for this host. Without a jump the verifier has one way to
    // walk from here.
    const { assert!(OTHER_HOST - FOR_US == HOST && OTHER_HOST - DOUBTFUL == OTHER_HOST) };
    asm.mov_imm(R1, OTHER_HOST);
    asm.alu(Alu::Sub, Width::W64, R1, R0);
    asm.store(Size::B, R7, layout::PACKET_TYPE, R1);
    asm.place(ours);
}

/// In main, where `struct xdp_md` is the context and the frame's first 6 bytes lie at `header` of
/// the frame: passes what is for others, and notes in `WALK_NEXT` where it is for a device above.
/// Jumps to `bare` where the frame has no link header. Clobbers r0 to r5 and r8.
pub fn pass_others_by_address(main: &mut MainContext<'_>, header: i16, bare: Label) {
    let Some(Addressee { function, known: Some(known) }) = main.addressee else {
        return bare::if_bare(main.asm, main.needs, bare);
    };
    let asm = &mut *main.asm;
    let ours = asm.label();
    asm.store_imm(Size::W, R7, layout::WALK_NEXT, DOUBTFUL);
    asm.load(Size::W, R2, FP, header);
    asm.load(Size::H, R3, FP, header + 4);
    asm.alu_imm(Alu::Lsh, Width::W64, R3, 32);
    asm.alu(Alu::Or, Width::W64, R2, R3);
    find_known(asm, known);
    asm.load(Size::D, R1, R5, 0);
    asm.jump(Jump::Eq, Width::W64, R1, R4, ours);
    asm.mov(R8, R2);
    bare::if_bare(asm, main.needs, bare);
    asm.jump_imm(Jump::Set, Width::W64, R8, GROUP, ours);
    asm.store(Size::D, R7, DESTINATION, R8);
    emitter::call(asm, function);
    asm.jump_imm(Jump::Eq, Width::W64, R0, FOR_OTHERS, main.labels.pass);
    asm.store(Size::W, R7, layout::WALK_NEXT, R0);
    asm.place(ours);
}

/// In main, behind [`pass_others_by_address`]: a frame for the address of a device above has the
/// type that it will have there.
pub fn type_of_device_above(asm: &mut Asm) {
    let other = asm.label();
    asm.load(Size::W, R1, R7, layout::WALK_NEXT);
    asm.jump_imm(Jump::Ne, Width::W64, R1, FOR_US, other);
    asm.store_imm(Size::B, R7, layout::PACKET_TYPE, HOST);
    asm.place(other);
}

/// r5 = where the device's address is remembered, r4 = what stands there if it is the destination
/// in r2. Clobbers r1.
fn find_known(asm: &mut Asm, (map, offset): (MapIndex, u32)) {
    asm.load(Size::W, R1, R6, INGRESS_IFINDEX);
    asm.mov(R4, R1);
    // Never what stands where nothing was remembered yet.
    asm.alu_imm(Alu::Rsh, Width::W64, R4, KNOWN.ilog2() as i32);
    asm.alu_imm(Alu::Add, Width::W64, R4, 1);
    asm.alu_imm(Alu::Lsh, Width::W64, R4, 48);
    asm.alu(Alu::Or, Width::W64, R4, R2);
    asm.alu_imm(Alu::And, Width::W64, R1, KNOWN as i32 - 1);
    asm.alu_imm(Alu::Lsh, Width::W64, R1, 3);
    asm.map_value(R5, map, offset);
    asm.alu(Alu::Add, Width::W64, R5, R1);
}

/// `r2 =` the destination of the frame whose context is r6, a `struct __sk_buff`. Clobbers r0 to r5
/// and 8 bytes at `place` of the frame.
fn destination(asm: &mut Asm, place: i16, none: Label) {
    asm.store_imm(Size::D, FP, place, 0);
    asm.mov(R1, R6);
    asm.mov_imm(R2, 0);
    asm.frame_address(R3, place);
    asm.mov_imm(R4, 6);
    asm.helper(Helper::SkbLoadBytes);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, none);
    asm.load(Size::D, R2, FP, place);
}

/// `dst =` the Ethernet address of a device, its first byte the lowest. Clobbers r0 to r5 and the
/// temporary bytes.
fn address(asm: &mut Asm, way: Way, dst: Reg, device: Reg) {
    read(asm, way, R3, device, ("net_device", "dev_addr"), 8);
    if way == Way::Typed {
        // The kernel has room for 32 bytes there (include/linux/netdevice.h, `MAX_ADDR_LEN`).
        kernel::cast_to_bytes(asm, R3);
        asm.load(Size::D, dst, R0, 0);
        asm.alu_imm(Alu::Lsh, Width::W64, dst, 16);
        asm.alu_imm(Alu::Rsh, Width::W64, dst, 16);
    } else {
        kernel::copy(asm, 6);
        asm.load(Size::D, dst, FP, TEMPORARY);
    }
}

/// The function `others(ctx, packet)`.
fn function(
    emitter: &mut Emitter<'_>,
    known: Option<(MapIndex, u32)>,
) -> Result<FunctionIndex, EmitError> {
    let reading = Reading::of(emitter);
    let typed = body(emitter, reading, Way::Typed)?;
    let copying = match reading.alternative() {
        Some(in_objects) => Some((in_objects, body(emitter, reading, Way::Copied)?)),
        None => None,
    };
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "ask whether a frame is for others");
    let doubtful = asm.label();
    emitter::begin(&mut asm, doubtful);
    match copying {
        None => ask(emitter, &mut asm, known, (Way::Typed, typed), doubtful),
        Some((in_objects, copying)) => {
            let other = asm.label();
            asm.unless_kernel_has(kernel::CAST, in_objects, other, |asm| {
                ask(emitter, asm, known, (Way::Typed, typed), doubtful);
            });
            asm.place(other);
            ask(emitter, &mut asm, known, (Way::Copied, copying), doubtful);
        }
    }
    asm.place(doubtful);
    asm.mov_imm(R0, DOUBTFUL);
    asm.exit();
    emitter.add(asm, "others", FunctionKind::Chain)
}

/// Asks in one way, and returns the answer, but to `doubtful` where it is that.
fn ask(
    emitter: &Emitter<'_>,
    asm: &mut Asm,
    known: Option<(MapIndex, u32)>,
    (way, body): (Way, FunctionIndex),
    doubtful: Label,
) {
    let [others, other] = std::array::from_fn(|_| asm.label());
    match way {
        Way::Typed => emitter.target.load_device(asm, R8, Device::In),
        Way::Copied => xdp::copy_device(asm, R8),
    }
    address(asm, way, R9, R8);
    asm.load(Size::D, R2, R7, DESTINATION);
    asm.jump(Jump::Ne, Width::W64, R2, R9, other);
    if let Some(known) = known {
        find_known(asm, known);
        asm.store(Size::D, R5, 0, R4);
    }
    asm.mov_imm(R0, FOR_US);
    asm.exit();
    asm.place(other);
    read(asm, way, R1, R8, ("net_device", "upper_level"), 1);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 1, others);
    asm.store(Size::D, R7, ROOT, R8);
    asm.store(Size::D, R7, OWN, R9);
    read(asm, way, R1, R8, ("net_device", "nd_net"), 8);
    asm.store(Size::D, R7, NAMESPACE, R1);
    kernel::enter(asm, R8, "net_device", "adj_list.upper", 16);
    asm.store(Size::D, R7, CURSOR, R8);
    asm.store_imm(Size::W, R7, LEVEL, 1);
    asm.store_imm(Size::W, R7, OTHERS, FOR_OTHERS);
    asm.mov(R1, R6);
    walk::run_loop(asm, body, DEVICES);
    let answered = asm.label();
    asm.load(Size::W, R0, R7, OTHERS);
    asm.jump_imm(Jump::Ne, Width::W64, R0, FOR_OTHERS, answered);
    asm.load(Size::W, R1, R7, LEVEL);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, doubtful);
    asm.place(others);
    asm.mov_imm(R0, FOR_OTHERS);
    asm.place(answered);
    asm.exit();
}

/// One device above: 0 to go on, 1 when done.
fn body(emitter: &mut Emitter<'_>, reading: Reading, way: Way) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    let name = match way {
        Way::Typed => "others_body",
        Way::Copied => "others_copying",
    };
    if let Some(in_objects) = reading.alternative() {
        asm.stand_behind_test(in_objects);
    }
    emitter.mark_line(&mut asm, None, "look at a device above");
    let [inner, list, entry, above, next, ours, doubtful, end] =
        std::array::from_fn(|_| asm.label());
    let node = ("netdev_adjacent", "dev");
    asm.load(Size::D, R7, R2, 8);
    asm.load(Size::D, R1, R7, CURSOR);
    read(&mut asm, way, R8, R1, ("list_head", "next"), 8);
    // The list is that of the device below.
    asm.load(Size::W, R1, R7, LEVEL);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 1, inner);
    asm.load(Size::D, R9, R7, ROOT);
    asm.goto(list);
    asm.place(inner);
    asm.load(Size::D, R9, R7, CURSOR + 8);
    kernel::leave(&mut asm, R9, R1, "netdev_adjacent", "list", 16);
    read(&mut asm, way, R9, R9, node, 8);
    asm.place(list);
    kernel::enter(&mut asm, R9, "net_device", "adj_list.upper", 16);
    asm.jump(Jump::Ne, Width::W64, R8, R9, entry);
    for level in 1..LEVELS as i16 {
        asm.load(Size::D, R1, R7, CURSOR + 8 * level);
        asm.store(Size::D, R7, CURSOR + 8 * (level - 1), R1);
    }
    asm.load(Size::W, R1, R7, LEVEL);
    asm.alu_imm(Alu::Sub, Width::W64, R1, 1);
    asm.store(Size::W, R7, LEVEL, R1);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, next);
    asm.goto(end);

    asm.place(entry);
    asm.jump_imm(Jump::Eq, Width::W64, R8, 0, doubtful);
    asm.store(Size::D, R7, CURSOR, R8);
    kernel::leave(&mut asm, R8, R1, "netdev_adjacent", "list", 16);
    read(&mut asm, way, R8, R8, node, 8);
    asm.jump_imm(Jump::Eq, Width::W64, R8, 0, doubtful);
    read(&mut asm, way, R1, R8, ("net_device", "nd_net"), 8);
    asm.load(Size::D, R2, R7, NAMESPACE);
    asm.jump(Jump::Ne, Width::W64, R1, R2, above);
    judge(&mut asm, way, above, [ours, doubtful]);

    asm.place(above);
    read(&mut asm, way, R1, R8, ("net_device", "upper_level"), 1);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 1, next);
    asm.load(Size::W, R1, R7, LEVEL);
    asm.jump_imm(Jump::Ge, Width::W64, R1, LEVELS, doubtful);
    asm.alu_imm(Alu::Add, Width::W64, R1, 1);
    asm.store(Size::W, R7, LEVEL, R1);
    for level in (1..LEVELS as i16).rev() {
        asm.load(Size::D, R1, R7, CURSOR + 8 * (level - 1));
        asm.store(Size::D, R7, CURSOR + 8 * level, R1);
    }
    kernel::enter(&mut asm, R8, "net_device", "adj_list.upper", 16);
    asm.store(Size::D, R7, CURSOR, R8);
    asm.place(next);
    asm.mov_imm(R0, 0);
    asm.exit();
    asm.place(ours);
    asm.store_imm(Size::W, R7, OTHERS, FOR_US);
    asm.goto(end);
    asm.place(doubtful);
    asm.store_imm(Size::W, R7, OTHERS, DOUBTFUL);
    asm.place(end);
    asm.mov_imm(R0, 1);
    asm.exit();
    emitter.add(asm, name, FunctionKind::LoopBody)
}

/// Looks at the device in r8, which is in the packet's network namespace: to `ours` where the frame
/// is for its address, to `doubtful` where it may take it for this host all the same, else to
/// `other`. A frame for a group may be taken by whatever gives it a type anew.
fn judge(asm: &mut Asm, way: Way, other: Label, [ours, doubtful]: [Label; 2]) {
    let [plain, handing, compare] = std::array::from_fn(|_| asm.label());
    read(asm, way, R1, R8, ("net_device", "rtnl_link_ops"), 8);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, doubtful);
    read(asm, way, R3, R1, ("rtnl_link_ops", "kind"), 8);
    kernel::copy(asm, 8);
    asm.load(Size::D, R9, FP, TEMPORARY);
    for (kinds, label) in [(&PLAIN[..], plain), (&HANDING_ON[..], handing)] {
        for kind in kinds {
            // With the NUL behind it; what follows that is shifted out.
            let length = kind.len() + 1;
            let shift = 64 - 8 * length as i32;
            let mut bytes = [0; 8];
            bytes[8 - length..7].copy_from_slice(kind.as_bytes());
            asm.mov(R1, R9);
            asm.alu_imm(Alu::Lsh, Width::W64, R1, shift);
            asm.constant(R2, u64::from_le_bytes(bytes));
            asm.jump(Jump::Eq, Width::W64, R1, R2, label);
        }
    }
    asm.goto(doubtful);
    asm.place(plain);
    asm.load(Size::D, R1, R7, DESTINATION);
    asm.jump_imm(Jump::Set, Width::W64, R1, GROUP, other);
    address(asm, way, R9, R8);
    asm.goto(compare);
    asm.place(handing);
    asm.load(Size::D, R1, R7, DESTINATION);
    asm.jump_imm(Jump::Set, Width::W64, R1, GROUP, doubtful);
    address(asm, way, R9, R8);
    // Only in passthru mode does it share the device's address; then it takes every frame.
    asm.load(Size::D, R1, R7, OWN);
    asm.jump(Jump::Eq, Width::W64, R9, R1, doubtful);
    asm.place(compare);
    asm.load(Size::D, R1, R7, DESTINATION);
    asm.jump(Jump::Eq, Width::W64, R9, R1, ours);
    asm.goto(other);
}

/// `TCX_PASS` (`enum tcx_action_base`): on to the stack, and no program behind this one is asked.
const TCX_PASS: i32 = 0;
/// `TC_ACT_SHOT`.
const TC_ACT_SHOT: i32 = 2;

/// Drops the packet in r6 and r7 at TC ingress: r0 = what the program returns. `is_input` says
/// whether the input hook drops it: what is for this host alone then goes on to packet sockets.
pub(crate) fn drop(
    emitter: &mut Emitter<'_>,
    asm: &mut Asm,
    is_input: bool,
) -> Result<(), EmitError> {
    let function = emitter.routine(Routine::Drop);
    asm.store_imm(Size::W, R7, ALONE, is_input.into());
    emitter::call(asm, function);
    Ok(())
}

/// The function `drop(ctx, packet)`.
pub(crate) fn emit_drop(emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
    let others = prepare(emitter, Addressing::Type)?.function;
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "drop for this host alone");
    let [group, go_on, shot] = std::array::from_fn(|_| asm.label());
    emitter::begin(&mut asm, shot);
    asm.load(Size::W, R1, R6, skb::PACKET_TYPE);
    asm.jump_imm(Jump::Ne, Width::W64, R1, HOST, group);
    asm.load(Size::W, R1, R7, ALONE);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, shot);
    skb::device(&mut asm, R8);
    kernel::load(&mut asm, R1, R8, "net_device", "upper_level", 1);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 1, shot);
    kernel::load(&mut asm, R1, R8, "net_device", "rx_handler", 8);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, shot);
    asm.goto(go_on);
    asm.place(group);
    asm.jump_imm(Jump::Gt, Width::W64, R1, MULTICAST, shot);
    destination(&mut asm, TEMPORARY, shot);
    asm.store(Size::D, R7, DESTINATION, R2);
    emitter::call(&mut asm, others);
    asm.jump_imm(Jump::Ne, Width::W64, R0, FOR_OTHERS, shot);
    asm.place(go_on);
    asm.mov(R1, R6);
    asm.mov_imm(R2, OTHER_HOST);
    asm.helper(Helper::SkbChangeType);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, shot);
    asm.mov_imm(R0, TCX_PASS);
    asm.exit();
    asm.place(shot);
    asm.mov_imm(R0, TC_ACT_SHOT);
    asm.exit();
    emitter.add(asm, "drop", FunctionKind::Chain)
}
