//! What the regions of the packet structure hold that a subject of its own fills: offsets in each.

/// What stands in for the facts about the transport header where an authentication header is taken
/// for it, or those facts while it does.
pub(crate) mod authentication {
    /// u32: bytes from the header on.
    pub const AVAILABLE: i16 = 0;
    /// u16: its offset from the network header.
    pub const OFFSET: i16 = 4;
    /// u16: the fragment offset.
    pub const FRAGMENT_OFFSET: i16 = 6;
    /// u8: the protocol.
    pub const L4_PROTO: i16 = 8;
    /// u8: whether the walk failed.
    pub const WALK_FAILED: i16 = 9;
    /// u8: one of [`state`].
    pub const STATE: i16 = 10;
    /// Bytes of all.
    pub const SIZE: i16 = 16;

    /// What is known of the header.
    pub mod state {
        /// There is none.
        pub const ABSENT: u8 = 0;
        /// Its offset is there.
        pub const FOUND: u8 = 1;
        /// Its facts are here.
        pub const PUT_BACK: u8 = 2;
        /// They are in use, those of the transport header are here.
        pub const EXCHANGED: u8 = 3;
    }
}

/// What a walk of the kernel's tables remembers (`lookup`), while its function runs.
pub(crate) mod walk {
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
    /// s32: routes to prefixes of this many bits or fewer do not count, -1 where all do.
    pub const LONGEST_SUPPRESSED: i16 = 112;
    /// u32: routes by devices of this group do not count, -1 for none.
    pub const GROUP: i16 = 116;
    /// u32: 1 where the flow's destination is a link-local address.
    pub const LINKED: i16 = 120;
    /// u32: what is known of the IPv6 source of the flow, see `own_address`.
    pub const OWNED: i16 = 124;
    /// u32: number of the device that a flow comes in by which does not begin on this host.
    pub const INPUT: i16 = 124;
    /// u64: the address of this host's that the next step looks at.
    pub const ADDRESS: i16 = 128;
    /// u64: where a device's list of addresses ends, or the host's lists.
    pub const ADDRESSES: i16 = 136;
    /// 16 bytes: source of the flow, of IPv6.
    pub const SOURCE_ADDRESS: i16 = 144;

    /// Bytes of the region.
    pub const SIZE: i16 = 56;
    /// Bytes of it where rules are walked.
    pub const RULES_SIZE: i16 = 160;
}

/// What a packet was routed by (`route`), for what is asked about its route when rules may have
/// written it.
pub(crate) mod routed {
    /// The first 4 bytes of its network header.
    pub const HEADER: i16 = 0;
    /// u32: its mark, where rules set marks.
    pub const MARK: i16 = 4;
    /// u32: 1 where it is forwarded, 0 where it was not routed by the program.
    pub const FORWARDED: i16 = 8;
    /// Bytes of the region.
    pub const SIZE: i16 = 16;
}

/// What is known of the packet's socket (`socket`).
pub(crate) mod socket {
    use bpfc_ir::SocketField;

    /// Bytes of the region of the packet structure, 0 where nothing is known: three flags, then
    /// user, group and class.
    pub const SIZE: i16 = 16;

    /// Where a field lies in the region.
    pub fn place(field: SocketField) -> i16 {
        match field {
            SocketField::Present => 0,
            SocketField::Open => 1,
            SocketField::Full => 2,
            SocketField::User => 4,
            SocketField::Group => 8,
            SocketField::Class => 12,
        }
    }
}

/// By which ports of a bridge the packet goes (`bridge`).
pub(crate) mod bridge {
    /// 16 bytes: name of the input port.
    pub const INPUT: i16 = 0;
    /// 16 bytes: name of the output port.
    pub const OUTPUT: i16 = 16;
    /// u8: whether anything is noted.
    pub const BRIDGED: i16 = 32;
    /// Bytes of the region.
    pub const SIZE: i16 = 40;
}
