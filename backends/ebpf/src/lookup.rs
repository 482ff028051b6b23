//! Questions to the kernel's own tables: each becomes a function `int lookup(ctx, packet)` that
//! walks the live table.
//!
//! No helper answers them: `bpf_fib_lookup` asks for forwarding to be on, tells no local address
//! from a broadcast one, and exists at XDP and TC alone. So the programs walk what the kernel
//! walks, in its order; offsets come from BTF. What a walk remembers lies in the packet structure,
//! where its loop's body finds it.

pub(crate) mod control_group;
pub(crate) mod fib;
mod flow;
mod metric;
mod mtu;
mod node;
mod own_address;
mod path;
pub(crate) mod receiver;
mod reverse;
mod reverse_ipv4;
mod reverse_ipv6;
mod rules;
mod source;
mod step;
pub(crate) mod transform;
mod tree;
pub(crate) mod trie;

use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::routine::Routine;
use bpfc_artifact::FunctionIndex;
use bpfc_ir::{Family, Lookup, TransformField};

/// The function of a question.
pub(crate) fn function(emitter: &mut Emitter<'_>, lookup: Lookup, family: Family) -> FunctionIndex {
    // One function answers for all of a way's transformations, in either family.
    let (lookup, family) = match lookup {
        Lookup::Transform { way, .. } => {
            let first = TransformField::RequestId;
            (Lookup::Transform { way, index: 0, field: first }, Family::Ipv4)
        }
        Lookup::Transforms(way) => (Lookup::Transforms(way), Family::Ipv4),
        other => (other, family),
    };
    emitter.routine(Routine::Lookup(lookup, family))
}

/// The function of a question that stands for all that it answers.
pub(crate) fn emit(
    emitter: &mut Emitter<'_>,
    lookup: Lookup,
    family: Family,
) -> Result<FunctionIndex, EmitError> {
    match (lookup, family) {
        (Lookup::AddressType(address, device), Family::Ipv4) => {
            trie::address_type(emitter, address, device)
        }
        (Lookup::Receiver { .. } | Lookup::ReceiverMark, _) => {
            crate::lookup::receiver::function(emitter, lookup, family)
        }
        (Lookup::Transforms(way), _) => crate::lookup::transform::count(emitter, way),
        (Lookup::Transform { way, .. }, _) => crate::lookup::transform::field(emitter, way),
        (Lookup::RouteMtu, _) => path::function(emitter, family),
        (Lookup::ReturnMtu, _) => mtu::of_return(emitter, family),
        (Lookup::ReversePath(path), _) => reverse::function(emitter, path, family),
        (Lookup::SocketGroup { low, high }, _) => {
            crate::main_function::socket::group(emitter, low, high)
        }
        (Lookup::AddressType(address, _), Family::Ipv6) => tree::address_type(emitter, address),
    }
}
