//! Where the parts of an element lie in its key, and what stands in its value.
//!
//! Every field is aligned to its size and in network order in the key, in the machine's (always
//! little-endian) order in the value. Sizes are multiples of 8, so that sets of different types
//! share few kinds of maps.

use crate::kind::{Part, SetKind};
use crate::{Family, Options, SetDef};

/// Longest comment, in bytes, without its NUL (`IPSET_MAX_COMMENT_SIZE`).
pub(crate) const COMMENT: usize = 255;
/// Bytes of a name of a set, with its NUL (`IPSET_MAXNAMELEN`).
pub(crate) const NAME: usize = 32;
/// Bytes of an interface's name, with its NUL (`IFNAMSIZ`).
pub(crate) const INTERFACE: usize = 16;

/// Offsets of a set's fields, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Bytes of a key, a multiple of 8, at most 40.
    pub key_size: usize,
    /// Bytes of an address: 4 or 16.
    pub address_size: usize,
    /// Addresses of the first and second address part.
    pub addresses: [Option<usize>; 2],
    /// The byte that holds the prefix length of an address that is a network's.
    pub prefixes: [Option<usize>; 2],
    /// The port, two bytes.
    pub port: Option<usize>,
    /// The protocol, a byte, of ports that have one.
    pub protocol: Option<usize>,
    /// The Ethernet address, six bytes, of types that compare it in the key.
    pub mac: Option<usize>,
    /// The mark, four bytes.
    pub mark: Option<usize>,
    /// The interface's name, sixteen bytes.
    pub interface: Option<usize>,
    /// The interface's flags, a byte: [`Layout::PHYSDEV`], [`Layout::WILDCARD`].
    pub interface_flags: Option<usize>,
    /// The name of a member set, 32 bytes.
    pub name: Option<usize>,
    /// Bytes of a value, a multiple of 8. It begins with flags, four bytes:
    /// [`Layout::NOMATCH`], [`Layout::HAS_MAC`].
    pub value_size: usize,
    /// Eight bytes: nanoseconds until it expires in a file and, in a map, the `CLOCK_MONOTONIC`
    /// time at which it does; 0 for never.
    pub timeout: Option<usize>,
    /// Two times eight bytes: packets and bytes.
    pub counters: Option<usize>,
    /// Mark, mark mask, priority (four bytes each), queue (two bytes).
    pub skbinfo: Option<usize>,
    /// The Ethernet address of a `bitmap:ip,mac` element, six bytes.
    pub value_mac: Option<usize>,
    /// 256 bytes with a NUL at the end; empty for none.
    pub comment: Option<usize>,
}

impl Layout {
    /// Flag of a value: the element is an exception.
    pub const NOMATCH: u32 = 1;
    /// Flag of a value: the Ethernet address is known.
    pub const HAS_MAC: u32 = 2;
    /// Flag of an interface: a bridge port.
    pub const PHYSDEV: u8 = 1;
    /// Flag of an interface: every name that begins so.
    pub const WILDCARD: u8 = 2;
    /// Flag of an interface, in maps only: no element, but a mark that some element has this
    /// network, whatever its interface. The upper half of its value's first eight bytes counts
    /// them.
    pub const NETWORK: u8 = 0x80;

    /// The layout of a definition.
    pub fn of(def: &SetDef) -> Layout {
        let mut layout = Layout {
            address_size: match def.family {
                Some(Family::Ipv6) => 16,
                _ => 4,
            },
            ..Layout::default()
        };
        layout.place_key(def.kind);
        layout.place_value(def.kind, &def.options);
        layout
    }

    /// For a set of networks with interfaces: the key of the element that has the same network and
    /// name, but for all names that begin so where this one is for the whole name, and the other
    /// way. The kernel takes the two for one.
    pub fn twin(&self, key: &[u8]) -> Option<Vec<u8>> {
        let flags = self.interface_flags?;
        let mut twin = key.to_vec();
        *twin.get_mut(flags)? ^= Self::WILDCARD;
        Some(twin)
    }

    /// For a set of networks with interfaces: the key that marks an element's network.
    pub fn network_key(&self, key: &[u8]) -> Option<Vec<u8>> {
        let (name, flags) = (self.interface?, self.interface_flags?);
        let mut marked = key.to_vec();
        marked.get_mut(name..name + INTERFACE)?.fill(0);
        *marked.get_mut(flags)? = Self::NETWORK;
        Some(marked)
    }

    /// Whether an element of this value has expired, by the clock that the values are written by.
    pub fn is_expired(&self, value: &[u8], now: u64) -> bool {
        let expires = self.timeout.and_then(|at| value.get(at..at + 8)?.try_into().ok());
        let expires = expires.map_or(0, u64::from_le_bytes);
        expires != 0 && expires <= now
    }

    /// Whether a map's key is no element's, but marks a network.
    pub fn is_mark(&self, key: &[u8]) -> bool {
        self.interface_flags.is_some_and(|at| key.get(at) == Some(&Self::NETWORK))
    }

    fn place_key(&mut self, kind: SetKind) {
        let parts = kind.parts();
        let has = |wanted: &[Part]| parts.iter().any(|part| wanted.contains(part));
        let mut size = 0;
        let mut place = |bytes: usize, wanted: bool| {
            wanted.then(|| {
                size += bytes;
                size - bytes
            })
        };
        self.name = place(NAME, has(&[Part::Name]));
        self.interface = place(INTERFACE, has(&[Part::Interface]));
        let mut networks = [false; 2];
        let addresses = parts.iter().filter(|part| matches!(part, Part::Address | Part::Network));
        for (index, part) in addresses.take(2).enumerate() {
            self.addresses[index] = place(self.address_size, true);
            networks[index] = *part == Part::Network;
        }
        self.mark = place(4, has(&[Part::Mark]));
        self.mac = place(6, has(&[Part::Mac]));
        self.port = place(2, has(&[Part::Port, Part::PlainPort]));
        self.protocol = place(1, has(&[Part::Port]));
        self.prefixes = networks.map(|network| place(1, network));
        self.interface_flags = place(1, has(&[Part::Interface]));
        self.key_size = size.next_multiple_of(8);
    }

    fn place_value(&mut self, kind: SetKind, options: &Options) {
        let mut size = 8;
        let mut place = |bytes: usize, wanted: bool| {
            wanted.then(|| {
                size += bytes;
                size - bytes
            })
        };
        self.timeout = place(8, options.timeout.is_some());
        self.counters = place(16, options.counters);
        self.skbinfo = place(16, options.skbinfo);
        self.value_mac = place(8, kind == SetKind::BitmapIpMac);
        self.comment = place(COMMENT + 1, options.comment);
        self.value_size = size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_small_and_aligned() {
        for kind in SetKind::all() {
            for family in [Family::Ipv4, Family::Ipv6] {
                let def = SetDef::new("x", kind, Some(family));
                let layout = Layout::of(&def);
                assert!(layout.key_size <= 40 && layout.key_size.is_multiple_of(8), "{kind}");
                for at in layout.addresses.iter().flatten() {
                    assert!(at.is_multiple_of(layout.address_size.min(8)), "{kind}");
                }
                assert!(layout.port.is_none_or(|at| at.is_multiple_of(2)), "{kind}");
                assert!(layout.mark.is_none_or(|at| at.is_multiple_of(4)), "{kind}");
                assert!(layout.interface.is_none_or(|at| at.is_multiple_of(8)), "{kind}");
            }
        }
        let layout = Layout::of(&SetDef::new("x", SetKind::HashNetPort, Some(Family::Ipv4)));
        assert_eq!((layout.key_size, layout.value_size), (8, 8));
        assert_eq!((layout.port, layout.protocol), (Some(4), Some(6)));
        assert_eq!(layout.prefixes, [Some(7), None]);
    }
}
