//! IPsec transformations of a packet, as net/netfilter/xt_policy.c looks at them: those that were
//! undone when it came in stand in an extension of the packet (`skb_sec_path`), those that it will
//! go by are a chain of routes (include/net/xfrm.h, `xfrm_dst_child`).
//!
//! One function counts a way's transformations, another reads a field of one; which one and which
//! field is in the packet structure.

use crate::asm::{Alu, Asm, Jump, Label, R0, R1, R2, R3, R7, R8, R9, Reg, Size, Width};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::kernel::extension;
use crate::kernel::{cast, enter, if_null, load, load_route};
use crate::packet::layout;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{Address, Lookup, TransformField, Way};

/// Where a field's function is told which transformation and which field it is asked for.
const INDEX: i16 = layout::WALK_NEXT;
const FIELD: i16 = layout::WALK_OFFSET;

/// Numbers of fields; an address's word is added to its first.
mod number {
    pub const REQUEST: i32 = 0;
    pub const SPI: i32 = 1;
    pub const PROTOCOL: i32 = 2;
    pub const MODE: i32 = 3;
    pub const SOURCE: i32 = 4;
    pub const DESTINATION: i32 = 8;
    pub const FAMILY: i32 = 12;
}

/// Tells a field's function what it is asked for.
pub(crate) fn ask(asm: &mut Asm, index: u8, field: TransformField) {
    let field = match field {
        TransformField::RequestId => number::REQUEST,
        TransformField::Spi => number::SPI,
        TransformField::Protocol => number::PROTOCOL,
        TransformField::Mode => number::MODE,
        TransformField::Family => number::FAMILY,
        TransformField::Address(Address::Source, word) => number::SOURCE + i32::from(word),
        TransformField::Address(Address::Destination, word) => {
            number::DESTINATION + i32::from(word)
        }
    };
    asm.store_imm(Size::W, R7, INDEX, index.into());
    asm.store_imm(Size::W, R7, FIELD, field);
}

/// The function of [`Lookup::Transforms`].
pub(crate) fn count(emitter: &mut Emitter<'_>, way: Way) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "count IPsec transformations");
    let [none, done] = std::array::from_fn(|_| asm.label());
    emitter::begin(&mut asm, none);
    match way {
        Way::In => {
            path(emitter, &mut asm, none);
            load(&mut asm, R0, R0, "sec_path", "len", 4);
        }
        Way::Out => {
            load_route(emitter.target, &mut asm, R8);
            transform_of_route(&mut asm, none);
            for number in 1..Way::MOST {
                asm.mov_imm(R9, number.into());
                next_route(&mut asm, done);
                transform_of_route(&mut asm, done);
            }
            asm.mov_imm(R9, Way::MOST.into());
            asm.place(done);
            asm.mov(R0, R9);
        }
    }
    asm.exit();
    asm.place(none);
    asm.mov_imm(R0, Lookup::NONE as i32);
    asm.exit();
    emitter.add(asm, &format!("transforms_{way}"), FunctionKind::Chain)
}

/// The function of all [`Lookup::Transform`] of a way.
pub(crate) fn field(emitter: &mut Emitter<'_>, way: Way) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "look at an IPsec transformation");
    let [none, found] = std::array::from_fn(|_| asm.label());
    emitter::begin(&mut asm, none);
    match way {
        Way::In => {
            path(emitter, &mut asm, none);
            load(&mut asm, R2, R0, "sec_path", "len", 4);
            asm.load(Size::W, R3, R7, INDEX);
            asm.jump(Jump::Le, Width::W64, R2, R3, none);
            enter(&mut asm, R8, "sec_path", "xvec", 0);
            asm.alu_imm(Alu::Lsh, Width::W64, R3, 3);
            asm.alu(Alu::Add, Width::W64, R8, R3);
            // Any structure that begins with a pointer reads an element of the array.
            cast(&mut asm, R8, "hlist_head");
            load(&mut asm, R1, R0, "hlist_head", "first", 8);
        }
        Way::Out => {
            load_route(emitter.target, &mut asm, R8);
            for number in 0..Way::MOST {
                transform_of_route(&mut asm, none);
                asm.load(Size::W, R3, R7, INDEX);
                asm.jump_imm(Jump::Eq, Width::W64, R3, number.into(), found);
                next_route(&mut asm, none);
            }
            asm.goto(none);
            asm.place(found);
        }
    }
    if_null(&mut asm, R1, none);
    asm.mov(R9, R1);
    cast(&mut asm, R9, "xfrm_state");
    asm.mov(R8, R0);
    read_field(&mut asm);
    asm.place(none);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, &format!("transform_{way}"), FunctionKind::Chain)
}

/// `r0 = struct sec_path *` of the packet, r8 = its address.
fn path(emitter: &Emitter<'_>, asm: &mut Asm, none: Label) {
    extension::find(emitter.target, asm, "SKB_EXT_SEC_PATH", none);
    cast(asm, R8, "sec_path");
}

/// `r1 =` address of the `struct xfrm_state` of the route at r8; jumps where there is none.
fn transform_of_route(asm: &mut Asm, none: Label) {
    if_null(asm, R8, none);
    cast(asm, R8, "dst_entry");
    load(asm, R1, R0, "dst_entry", "xfrm", 8);
    if_null(asm, R1, none);
}

/// `r8 =` the route that follows the one at r8 which has a transformation.
fn next_route(asm: &mut Asm, none: Label) {
    cast(asm, R8, "xfrm_dst");
    load(asm, R1, R0, "xfrm_dst", "child", 8);
    if_null(asm, R1, none);
    asm.mov(R8, R1);
}

/// Leaves with the field of the `struct xfrm_state *` in r8, whose address r9 is.
fn read_field(asm: &mut Asm) {
    /// Loads a field into r0.
    fn plain(asm: &mut Asm, (structure, member, size): (&str, &str, u16)) {
        load(asm, R0, R8, structure, member, size);
    }
    let [spi, protocol, mode, family, source, destination] = std::array::from_fn(|_| asm.label());
    asm.load(Size::W, R1, R7, FIELD);
    asm.jump_imm(Jump::Eq, Width::W64, R1, number::SPI, spi);
    asm.jump_imm(Jump::Eq, Width::W64, R1, number::PROTOCOL, protocol);
    asm.jump_imm(Jump::Eq, Width::W64, R1, number::MODE, mode);
    asm.jump_imm(Jump::Eq, Width::W64, R1, number::FAMILY, family);
    asm.jump_imm(Jump::Ge, Width::W64, R1, number::DESTINATION, destination);
    asm.jump_imm(Jump::Ge, Width::W64, R1, number::SOURCE, source);
    plain(asm, ("xfrm_state", "props.reqid", 4));
    asm.exit();
    asm.place(protocol);
    plain(asm, ("xfrm_state", "id.proto", 1));
    asm.exit();
    asm.place(mode);
    plain(asm, ("xfrm_state", "props.mode", 1));
    asm.exit();
    asm.place(family);
    plain(asm, ("xfrm_state", "props.family", 2));
    asm.exit();
    asm.place(spi);
    plain(asm, ("xfrm_state", "id.spi", 4));
    asm.from_big_endian(R0, 32);
    asm.exit();
    let word = |asm: &mut Asm, member: &str, first: i32| {
        const ADDRESS: Reg = R9;
        asm.alu_imm(Alu::Sub, Width::W64, R1, first);
        asm.alu_imm(Alu::Lsh, Width::W64, R1, 2);
        asm.alu(Alu::Add, Width::W64, ADDRESS, R1);
        enter(asm, ADDRESS, "xfrm_state", member, 16);
        // Addresses begin with an array of numbers, and so does what is read of them.
        cast(asm, ADDRESS, "in_addr");
        load(asm, R0, R0, "in_addr", "s_addr", 4);
        asm.from_big_endian(R0, 32);
        asm.exit();
    };
    asm.place(source);
    word(asm, "props.saddr", number::SOURCE);
    asm.place(destination);
    word(asm, "id.daddr", number::DESTINATION);
}
