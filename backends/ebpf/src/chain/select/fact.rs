//! Facts of a packet that are asked for where they are read: main writes none of them into the
//! packet structure, since few rules ask and each takes a call or a walk through the kernel's
//! structures.

use super::Selector;
use crate::asm::{Asm, Helper, R0, R1, Reg};
use crate::kernel::{self, clock};
use bpfc_ir::{Device, Meta};

/// Whether a fact is asked for where it is read.
pub(super) fn is_asked_for(meta: Meta) -> bool {
    match meta {
        Meta::Cpu
        | Meta::Clock
        | Meta::LocalClock
        | Meta::Nanoseconds
        | Meta::Priority
        | Meta::DeviceType
        | Meta::OutType
        | Meta::InIndex
        | Meta::OutIndex
        | Meta::InGroup
        | Meta::OutGroup
        | Meta::Realm => true,
        Meta::L4Proto
        | Meta::WalkFailed
        | Meta::Protocol
        | Meta::VlanTag
        | Meta::FragmentOffset
        | Meta::TransportOffset
        | Meta::Length
        | Meta::InInterface
        | Meta::OutInterface
        | Meta::Mark
        | Meta::PacketType
        | Meta::LinkHeader
        | Meta::Forwarded
        | Meta::Bridged
        | Meta::InPort
        | Meta::OutPort => false,
    }
}

impl Selector<'_, '_> {
    /// r0 = the fact. Clobbers r1 to r5.
    pub(super) fn fact(&mut self, meta: Meta) {
        let target = self.emitter.target;
        let asm = &mut self.asm;
        match meta {
            Meta::Cpu => asm.helper(Helper::ProcessorId),
            Meta::Clock | Meta::LocalClock => {
                clock::read(self.emitter, asm, meta == Meta::LocalClock);
            }
            Meta::Nanoseconds => clock::read_nanoseconds(self.emitter, asm),
            Meta::Priority => target.load_priority(asm, R0),
            Meta::InIndex => target.load_in_index(asm, R0),
            Meta::Realm => {
                kernel::load_route(target, asm, R1);
                member(asm, R1, "dst_entry", "tclassid", 4, 0);
            }
            Meta::InGroup => {
                target.load_device(asm, R1, Device::In);
                of_device(asm, R1, "group", 4, 0);
            }
            Meta::OutGroup | Meta::OutIndex | Meta::OutType => {
                target.load_device(asm, R1, Device::Out);
                let (field, size) = match meta {
                    Meta::OutGroup => ("group", 4),
                    Meta::OutIndex => ("ifindex", 4),
                    _ => ("type", 2),
                };
                of_device(asm, R1, field, size, 0);
            }
            Meta::DeviceType => {
                target.load_own_device(asm, R1);
                of_device(asm, R1, "type", 2, Meta::NO_DEVICE.into());
            }
            _ => {}
        }
    }
}

/// `r0 =` a field of the device at `device`, a typed pointer, or a number where there is none.
fn of_device(asm: &mut Asm, device: Reg, field: &str, size: u16, absent: i32) {
    let none = asm.label();
    asm.mov_imm(R0, absent);
    kernel::if_null(asm, device, none);
    kernel::load(asm, R0, device, "net_device", field, size);
    asm.place(none);
}

/// The same of a structure whose address is a number. Clobbers r1 to r5.
fn member(asm: &mut Asm, address: Reg, structure: &str, field: &str, size: u16, absent: i32) {
    let none = asm.label();
    asm.mov_imm(R0, absent);
    kernel::if_null(asm, address, none);
    kernel::cast(asm, address, structure);
    kernel::load(asm, R0, R0, structure, field, size);
    asm.place(none);
}
