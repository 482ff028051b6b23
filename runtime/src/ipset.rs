//! Reads the kernel's own sets (those of ipset) over netlink.
//!
//! `IPSET_CMD_SAVE` gives definitions and elements, `IPSET_CMD_GET_BYNAME` the number by which
//! rules know a set (include/uapi/linux/netfilter/ipset/ip_set.h). The sets are those of the
//! calling thread's network namespace; CAP_NET_ADMIN in it is needed. Linux 5.0 answers with
//! numbers.

use crate::netlink::{self, Attributes};
use bpfc_artifact::raw;
use bpfc_ipset::{Extensions, Family, Layout, Part, Set, SetDef, SetKind};
use std::io;

/// Why the kernel's sets cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// The kernel does not answer, usually for want of CAP_NET_ADMIN or of ipset.
    #[error("the kernel's sets cannot be read: {0}")]
    Ask(#[source] io::Error),
    /// A set of a type that bpfc does not know.
    #[error("the kernel's set '{name}' cannot be read: {reason}")]
    Set {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
}

/// One of the kernel's sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSet {
    /// The number by which `set` matches know it.
    pub number: u16,
    /// Its definition and elements.
    pub set: Set,
}

/// `NFNL_SUBSYS_IPSET`.
const SUBSYSTEM: u16 = 6;
const SAVE: u16 = 8;
const GET_BY_NAME: u16 = 14;
/// `NLM_F_DUMP`.
const DUMP: u16 = 0x300;
/// `IPSET_PROTOCOL`.
const PROTOCOL: u8 = 7;

/// `IPSET_ATTR_*` of a message.
mod top {
    pub const PROTOCOL: u16 = 1;
    pub const SETNAME: u16 = 2;
    pub const TYPENAME: u16 = 3;
    pub const FAMILY: u16 = 5;
    pub const DATA: u16 = 7;
    pub const ADT: u16 = 8;
    pub const INDEX: u16 = 11;
}

/// `IPSET_ATTR_*` of a definition or element.
mod data {
    pub const IP: u16 = 1;
    pub const IP_TO: u16 = 2;
    pub const CIDR: u16 = 3;
    pub const PORT: u16 = 4;
    pub const PORT_TO: u16 = 5;
    pub const TIMEOUT: u16 = 6;
    pub const PROTO: u16 = 7;
    pub const FLAGS: u16 = 8;
    pub const MARK: u16 = 10;
    pub const MARKMASK: u16 = 11;
    pub const BITMASK: u16 = 12;
    // Definitions.
    pub const INITVAL: u16 = 17;
    pub const HASHSIZE: u16 = 18;
    pub const MAXELEM: u16 = 19;
    pub const NETMASK: u16 = 20;
    pub const BUCKETSIZE: u16 = 21;
    pub const SIZE: u16 = 23;
    // Elements.
    pub const ETHER: u16 = 17;
    pub const NAME: u16 = 18;
    pub const IP2: u16 = 20;
    pub const CIDR2: u16 = 21;
    pub const IFACE: u16 = 23;
    pub const BYTES: u16 = 24;
    pub const PACKETS: u16 = 25;
    pub const COMMENT: u16 = 26;
    pub const SKBMARK: u16 = 27;
    pub const SKBPRIO: u16 = 28;
    pub const SKBQUEUE: u16 = 29;
}

/// `enum ipset_cadt_flags`.
const PHYSDEV: u32 = 1 << 1;
const NOMATCH: u32 = 1 << 2;
const COUNTERS: u32 = 1 << 3;
const COMMENT: u32 = 1 << 4;
const FORCEADD: u32 = 1 << 5;
const SKBINFO: u32 = 1 << 6;
const WILDCARD: u32 = 1 << 7;

/// Every set of this network namespace, lists last; none where the kernel has no ipset.
///
/// # Errors
/// [`SetError`].
pub fn read_sets() -> Result<Vec<LiveSet>, SetError> {
    let mut sets: Vec<(Set, Layout)> = Vec::new();
    let mut failed = None;
    let request = Attributes::default().byte(top::PROTOCOL, PROTOCOL);
    let result = netlink::ask(SUBSYSTEM, SAVE, DUMP, &request, |message| {
        if failed.is_none()
            && let Err(error) = take(message, &mut sets)
        {
            failed = Some(error);
        }
        Ok(())
    });
    match result {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) && sets.is_empty() => {
            // nfnetlink knows no such subsystem.
            return Ok(Vec::new());
        }
        result => result.map_err(SetError::Ask)?,
    }
    if let Some(error) = failed {
        return Err(error);
    }
    sets.into_iter()
        .map(|(mut set, _)| {
            set.sort();
            Ok(LiveSet { number: number(&set.def.name)?, set })
        })
        .collect()
}

/// As `ipset save` would print the sets, with their numbers in comments: what the front end reads.
///
/// # Errors
/// [`SetError`].
pub fn save() -> Result<Vec<u8>, SetError> {
    let mut text = String::new();
    for LiveSet { number, set } in read_sets()? {
        text += &format!("# number {number} {}\n{}", set.def.name, set.save());
    }
    Ok(raw::encode(&text).into_owned())
}

fn number(name: &str) -> Result<u16, SetError> {
    let request = Attributes::default().byte(top::PROTOCOL, PROTOCOL).string(top::SETNAME, name);
    let mut found = None;
    netlink::ask(SUBSYSTEM, GET_BY_NAME, 0, &request, |message| {
        let index = netlink::attributes(message).find(|(kind, _)| *kind == top::INDEX);
        found = index.map(|(_, payload)| be(payload) as u16);
        Ok(())
    })
    .map_err(SetError::Ask)?;
    found.ok_or_else(|| SetError::Set {
        name: name.to_owned(),
        reason: "the kernel tells no number".into(),
    })
}

/// A number in network order of up to 8 bytes.
fn be(payload: &[u8]) -> u64 {
    payload.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn text(payload: &[u8]) -> String {
    let end = payload.iter().position(|byte| *byte == 0).unwrap_or(payload.len());
    raw::decode(&payload[..end]).into_owned()
}

/// The address inside an `IPSET_ATTR_IP`.
fn address(payload: &[u8]) -> &[u8] {
    netlink::attributes(payload).next().map_or(&[], |(_, address)| address)
}

fn take(message: &[u8], sets: &mut Vec<(Set, Layout)>) -> Result<(), SetError> {
    let (mut name, mut kind, mut family) = (String::new(), String::new(), 0);
    let (mut definition, mut elements) = (None, None);
    for (attribute, payload) in netlink::attributes(message) {
        match attribute {
            top::SETNAME => name = text(payload),
            top::TYPENAME => kind = text(payload),
            top::FAMILY => family = payload.first().copied().unwrap_or(0),
            top::DATA => definition = Some(payload),
            top::ADT => elements = Some(payload),
            _ => {}
        }
    }
    if let Some(definition) = definition {
        let found: SetKind =
            kind.parse().map_err(|reason| SetError::Set { name: name.clone(), reason })?;
        let family = if family == 10 { Family::Ipv6 } else { Family::Ipv4 };
        let mut def = SetDef::new(&name, found, Some(family));
        define(&mut def, definition);
        let layout = def.layout();
        sets.push((Set::new(def), layout));
    }
    let Some((set, layout)) = sets.iter_mut().rev().find(|(set, _)| set.def.name == name) else {
        return Ok(());
    };
    for (_, element) in elements.into_iter().flat_map(netlink::attributes) {
        add(set, layout, element);
    }
    Ok(())
}

fn define(def: &mut SetDef, attributes: &[u8]) {
    let (mut range, mut flags) = ([None, None], 0);
    let options = &mut def.options;
    for (kind, payload) in netlink::attributes(attributes) {
        let number = be(payload) as u32;
        match kind {
            data::IP => range[0] = Some(be(address(payload)) as u32),
            data::IP_TO => range[1] = Some(be(address(payload)) as u32),
            data::PORT => range[0] = Some(number),
            data::PORT_TO => range[1] = Some(number),
            data::TIMEOUT => options.timeout = Some(number),
            data::FLAGS => flags = number,
            data::MARKMASK => {
                let native = payload.first_chunk().map(|mask| u32::from_ne_bytes(*mask));
                options.mark_mask = native.unwrap_or(u32::MAX);
            }
            data::BITMASK => {
                let mask = address(payload);
                options.bitmask =
                    Some(mask.iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte)));
            }
            data::INITVAL => options.initial = Some(number),
            data::HASHSIZE => options.hash_size = number,
            data::MAXELEM => options.max_elements = number,
            data::NETMASK => options.netmask = Some(number as u8),
            data::BUCKETSIZE => options.bucket_size = Some(number),
            data::SIZE => options.list_size = number,
            _ => {}
        }
    }
    if let [Some(low), Some(high)] = range {
        options.range = Some((low, high));
    }
    options.counters = flags & COUNTERS != 0;
    options.comment = flags & COMMENT != 0;
    options.skbinfo = flags & SKBINFO != 0;
    options.force_add = flags & FORCEADD != 0;
}

fn add(set: &mut Set, layout: &Layout, attributes: &[u8]) {
    let mut key = vec![0; layout.key_size];
    let mut extensions = Extensions::default();
    let (mut mac, mut flags) = (None, 0);
    let bits = layout.address_size as u8 * 8;
    let mut put = |at: Option<usize>, bytes: &[u8]| {
        if let Some(place) = at.and_then(|at| key.get_mut(at..at + bytes.len())) {
            place.copy_from_slice(bytes);
        }
    };
    let networks =
        set.def.kind.parts().iter().filter(|part| matches!(part, Part::Address | Part::Network));
    for (index, _) in networks.enumerate() {
        put(layout.prefixes[index], &[bits]);
    }
    for (kind, payload) in netlink::attributes(attributes) {
        match kind {
            data::IP => put(layout.addresses[0], address(payload)),
            data::IP2 => put(layout.addresses[1], address(payload)),
            // The prefix length of the only network, which may be the second address's.
            data::CIDR => put(layout.prefixes[0].or(layout.prefixes[1]), payload),
            data::CIDR2 => put(layout.prefixes[1], payload),
            data::PORT => put(layout.port, payload),
            data::PROTO => put(layout.protocol, payload),
            data::MARK => put(layout.mark, payload),
            data::ETHER => {
                put(layout.mac, payload);
                mac = payload.first_chunk().copied().filter(|_| layout.value_mac.is_some());
            }
            data::IFACE => {
                let end = payload.iter().position(|byte| *byte == 0).unwrap_or(payload.len());
                put(layout.interface, &payload[..end]);
            }
            data::NAME => put(layout.name, &raw::encode(&text(payload))),
            data::FLAGS => flags = be(payload) as u32,
            data::TIMEOUT => extensions.timeout = Some(be(payload) as u32),
            data::BYTES => extensions.bytes = be(payload),
            data::PACKETS => extensions.packets = be(payload),
            data::COMMENT => extensions.comment = text(payload),
            data::SKBMARK => {
                let both = be(payload);
                extensions.mark = ((both >> 32) as u32, both as u32);
            }
            data::SKBPRIO => extensions.priority = be(payload) as u32,
            data::SKBQUEUE => extensions.queue = be(payload) as u16,
            _ => {}
        }
    }
    extensions.nomatch = flags & NOMATCH != 0;
    let physdev = if flags & PHYSDEV != 0 { Layout::PHYSDEV } else { 0 };
    let wildcard = if flags & WILDCARD != 0 { Layout::WILDCARD } else { 0 };
    put(layout.interface_flags, &[physdev | wildcard]);
    set.elements.keys.extend(key);
    set.elements.values.extend(extensions.value(&set.def, layout, mac));
}
