//! Questions to the kernel's own tables: each becomes a function `int lookup(ctx, packet)` that
//! walks the live table, emitted when first asked for.
//!
//! No helper answers them: `bpf_fib_lookup` asks for forwarding to be on, tells no local address
//! from a broadcast one, and exists at XDP and TC alone. So the programs walk what the kernel
//! walks, in its order; offsets come from BTF. What a walk remembers lies in the packet structure,
//! where its loop's body finds it.

mod own_address;
mod reverse;
mod reverse_ipv6;
mod rules;
mod source;
mod tree;
mod trie;

use crate::asm::{Asm, Label, R0, R1, R6};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::walk;
use bpfc_artifact::FunctionIndex;
use bpfc_ir::{Family, Lookup};

/// `RTN_*` (include/uapi/linux/rtnetlink.h).
mod kind {
    pub const UNICAST: i32 = 1;
    pub const LOCAL: i32 = 2;
    pub const BROADCAST: i32 = 3;
    pub const MULTICAST: i32 = 5;
    /// The first of those that refuse packets; all after it do.
    pub const BLACKHOLE: i32 = 6;
    pub const UNREACHABLE: i32 = 7;
    pub const THROW: i32 = 9;
}

/// `IPTOS_RT_MASK`: what routes and rules by type of service compare.
const LEGACY_TOS: i32 = 0x1c;

/// `RTNH_F_DEAD`.
const NEXTHOP_DEAD: i32 = 1;

/// Steps of a walk, more than any table has on a packet's way.
const LONGEST: i32 = 1 << 20;

/// What a walk remembers: offsets in the region of the packet structure.
pub(crate) mod place {
    /// u64: the node or entry that it looks at.
    pub const NODE: i16 = 0;
    /// u64: where it goes on when this way fails.
    pub const PARENT: i16 = 8;
    /// u64: what it found.
    pub const FOUND: i16 = 16;
    /// u64: the kernel's "no route".
    pub const NONE: i16 = 24;
    /// u32: what it looks for, in IPv4.
    pub const KEY: i16 = 32;
    /// u32: in IPv6, whether the search below a node's source addresses began on the way back.
    pub const RETURNING: i16 = 32;
    /// u32: the list of addresses that is looked at next, while they are looked at.
    pub const BUCKET: i16 = 32;
    /// u32: number among the parent's children.
    pub const INDEX: i16 = 36;
    /// u32: bits in which the key differs from the leaf.
    pub const REST: i16 = 40;
    /// u32: what the next step does.
    pub const MODE: i16 = 44;
    /// u32: the result.
    pub const KIND: i16 = 48;
    /// u32: number of the table that a rule names. From here on only where rules are walked.
    pub const TABLE: i16 = 52;
    /// u64: the device that the packet came in by.
    pub const DEVICE: i16 = 56;
    /// u64: the rule that the next step looks at.
    pub const RULE: i16 = 64;
    /// u64: the rule that this step looks at.
    pub const CURRENT: i16 = 72;
    /// u64: where the list of rules ends.
    pub const END: i16 = 80;
    /// u64: the chains of tables.
    pub const CHAINS: i16 = 88;
    /// u64: the first route of a node.
    pub const FIRST: i16 = 96;
    /// u32: source of the flow, of IPv4 in network order.
    pub const SOURCE: i16 = 104;
    /// u32: number of the nexthop among those of an IPv6 route.
    pub const MEMBER: i16 = 104;
    /// u32: number of the device that the flow leaves by, 0 for any.
    pub const OUT: i16 = 108;
    /// s32: routes to prefixes of so many bits or fewer do not count, -1 where all do.
    pub const LONGEST_SUPPRESSED: i16 = 112;
    /// u32: routes by devices of this group do not count, -1 for none.
    pub const GROUP: i16 = 116;
    /// u32: 1 where the flow's destination is a link-local address.
    pub const LINKED: i16 = 120;
    /// u32: what is known of the IPv6 source of the flow, see `own_address`.
    pub const OWNED: i16 = 124;
    /// u64: the address of this host's that the next step looks at.
    pub const ADDRESS: i16 = 128;
    /// u64: where a device's list of addresses ends, or the host's lists.
    pub const ADDRESSES: i16 = 136;
    /// 16 bytes: source of the flow, of IPv6.
    pub const SOURCE_ADDRESS: i16 = 144;
}

/// Steps that follow rules, besides those that a table's walk has of its own.
mod mode {
    /// Look at a rule.
    pub const RULE: i32 = 16;
    /// Look for the table that the rule names among those of its chain.
    pub const TABLE: i32 = 17;
    /// Look at a nexthop of the route.
    pub const NEXTHOP: i32 = 18;
    /// Look at an address of a device.
    pub const DEVICE_ADDRESS: i32 = 19;
    /// Look at an address of this host.
    pub const HOST_ADDRESS: i32 = 20;
}

/// Bytes of that region.
pub(crate) const REGION: i16 = 56;
/// Bytes of it where rules are walked.
pub(crate) const RULES_REGION: i16 = 160;

/// The function of a question, emitted when first asked for.
pub(crate) fn function(
    emitter: &mut Emitter<'_>,
    lookup: Lookup,
    family: Family,
) -> Result<FunctionIndex, EmitError> {
    if let Some(&index) = emitter.lookups.get(&(lookup, family)) {
        return Ok(index);
    }
    let index = match (lookup, family) {
        (Lookup::AddressType(address, device), Family::Ipv4) => {
            trie::address_type(emitter, address, device)?
        }
        (Lookup::Receiver { .. } | Lookup::ReceiverMark, _) => {
            crate::receiver::function(emitter, lookup, family)?
        }
        (Lookup::ReversePath(path), _) => reverse::function(emitter, path, family)?,
        (Lookup::SocketGroup { low, high }, _) => crate::socket::group(emitter, low, high)?,
        (Lookup::AddressType(address, _), Family::Ipv6) => tree::address_type(emitter, address)?,
    };
    emitter.lookups.insert((lookup, family), index);
    Ok(index)
}

/// Begins a function: r6 = context, r7 = packet; jumps to `null`, where r0 is 0, without one.
fn enter(asm: &mut Asm, null: Label) {
    asm.mov_imm(R0, 0);
    emitter::begin(asm, null);
}

/// Runs a walk's body until it answers that it is done.
fn run(asm: &mut Asm, body: FunctionIndex) {
    asm.mov(R1, R6);
    walk::run_loop(asm, body, LONGEST);
}
