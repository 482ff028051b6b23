//! The way back to a packet's source, as the match rpfilter looks for it: a search of the routing
//! tables that policy routing rules choose, for a flow that begins on the loopback device
//! (net/ipv4/netfilter/ipt_rpfilter.c; net/ipv6/netfilter/ip6t_rpfilter.c).
//!
//! The steps of a table's walk are those of [`super::trie`] and [`super::tree`]; here is what comes
//! before them, and what comes behind in [`super::reverse_ipv4`] and [`super::reverse_ipv6`].
//! Routing domains (VRF) are not looked at.

use super::flow::{Flow, Labels, Search};
use super::step::{Reverse, enter, mode, run};
use super::{reverse_ipv4, reverse_ipv6, rules, tree, trie};
use crate::asm::{Asm, Jump, Label, R0, R1, R7, R8, Size, Width};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::kernel::{if_null, load};
use crate::packet::layout;
use crate::packet::region::walk::{DEVICE, KIND, MODE, SOURCE, SOURCE_ADDRESS};
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{Device, Family, ReversePath};

/// `IFF_LOOPBACK` (include/uapi/linux/if.h).
const LOOPBACK: i32 = 0x8;

/// `Lookup::ReversePath`.
pub(super) fn function(
    emitter: &mut Emitter<'_>,
    path: ReversePath,
    family: Family,
) -> Result<FunctionIndex, EmitError> {
    let Some(at) = emitter.layout.lookup() else {
        return Err(EmitError::Type("lookup".to_owned(), "a region"));
    };
    let reverse = Reverse { path, family, at };
    let body = match family {
        Family::Ipv4 => trie::body(emitter, Some(&reverse))?,
        Family::Ipv6 => tree::body(emitter, layout::NETWORK + 8, Some(&reverse))?,
    };
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "look for the way back to the source");
    let [null, back] = std::array::from_fn(|_| asm.label());
    enter(&mut asm, null);
    asm.store_imm(Size::W, R7, at + KIND, 0);
    asm.store_imm(Size::W, R7, at + MODE, mode::RULE);
    emitter.target.load_device(&mut asm, R8, Device::In);
    if_null(&mut asm, R8, null);
    load(&mut asm, R1, R8, "net_device", "flags", 4);
    asm.jump_imm(Jump::Set, Width::W64, R1, LOOPBACK, back);
    asm.store(Size::D, R7, at + DEVICE, R8);
    match family {
        Family::Ipv4 => reverse_ipv4::begin(&reverse, &mut asm),
        Family::Ipv6 => reverse_ipv6::begin(&reverse, &mut asm),
    }
    emitter.target.load_net(&mut asm, R8);
    if_null(&mut asm, R8, null);
    rules::begin(&mut asm, &reverse);
    run(&mut asm, body);
    asm.load(Size::W, R0, R7, at + KIND);
    asm.exit();
    asm.place(back);
    asm.mov_imm(R0, 1);
    asm.exit();
    asm.place(null);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "reverse_path", FunctionKind::Chain)
}

impl Search for Reverse {
    fn at(&self) -> i16 {
        self.at
    }

    fn family(&self) -> Family {
        self.family
    }

    /// From the packet's destination to its source. IPv4 does not know its protocol.
    fn flow(&self) -> Flow {
        let (destination, source, protocol) = match self.family {
            Family::Ipv4 => (layout::NETWORK + 12, self.at + SOURCE, None),
            Family::Ipv6 => {
                (layout::NETWORK + 8, self.at + SOURCE_ADDRESS, Some(layout::NETWORK + 6))
            }
        };
        Flow {
            input: None,
            destination,
            source: Some(source),
            header: Some(layout::NETWORK),
            mark: self.path.valid_mark.then_some(layout::MARK),
            protocol,
            ports: None,
        }
    }

    fn ipv4_route(&self, asm: &mut Asm, again: Label, next: Label, end: Label) {
        reverse_ipv4::route(self, asm, again, next, end);
    }

    fn nexthop(&self, asm: &mut Asm, again: Label, end: Label) {
        reverse_ipv4::nexthop(self, asm, again, end);
    }

    fn ipv6_route(&self, asm: &mut Asm, labels: &Labels) {
        reverse_ipv6::route(self, asm, labels);
    }
}
