//! One rule of a blob: its fixed part, the extensions of its matches and of its target.
//!
//! The layout is `struct ipt_entry` or `struct ip6t_entry`, then matches back to back up to
//! `target_offset`, then the target up to `next_offset`, everything aligned to 8 bytes. The checks
//! are those of the kernel (`xt_check_entry_offsets` and `xt_check_entry_match` in
//! net/netfilter/x_tables.c, `check_entry_size_and_hooks` in net/ipv4/netfilter/ip_tables.c), and
//! stricter where the kernel lets through what no rule of iptables looks like.

use super::BlobError;
use bpfc_ir::{Family, raw};
use std::borrow::Cow;
use zerocopy::little_endian::{I32, U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Bytes of the header of a match or target: size, name, revision.
const EXTENSION: usize = 32;
/// Bytes of a name with its NUL.
const NAME: usize = 29;
/// Everything in a table is aligned to this.
const ALIGN: usize = 8;

/// `struct ipt_entry`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Ipv4Entry {
    source: [u8; 4],
    destination: [u8; 4],
    source_mask: [u8; 4],
    destination_mask: [u8; 4],
    names: Names,
    protocol: U16,
    flags: u8,
    inverse: u8,
    cache: U32,
    tail: Tail,
    packets: U64,
    bytes: U64,
}

/// `struct ip6t_entry`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Ipv6Entry {
    source: [u8; 16],
    destination: [u8; 16],
    source_mask: [u8; 16],
    destination_mask: [u8; 16],
    names: Names,
    protocol: U16,
    traffic_class: u8,
    flags: u8,
    inverse: u8,
    pad: [u8; 3],
    cache: U32,
    tail: Tail,
    pad_counters: [u8; 4],
    packets: U64,
    bytes: U64,
}

/// Interface names and the bytes of them that count.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Names {
    input: [u8; 16],
    output: [u8; 16],
    input_mask: [u8; 16],
    output_mask: [u8; 16],
}

/// What the two entries share after their packet part.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Tail {
    target_offset: U16,
    next_offset: U16,
    come_from: U32,
}

/// `struct xt_entry_match` and `struct xt_entry_target`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct ExtensionHeader {
    size: U16,
    name: [u8; NAME],
    revision: u8,
}

/// An interface name as an entry keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawInterface {
    /// The name, NUL padded; under no mask a `+` may stand there without a meaning.
    pub name: [u8; 16],
    /// 0xff for each byte that is compared.
    pub mask: [u8; 16],
}

/// An entry's packet part: `struct ipt_ip` and `struct ip6t_ip6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawHeader {
    /// Source address; an IPv4 address is in the low 32 bits.
    pub source: u128,
    /// Bits of the source address that are compared.
    pub source_mask: u128,
    /// Destination address.
    pub destination: u128,
    /// Bits of the destination address that are compared.
    pub destination_mask: u128,
    /// Input interface.
    pub input: RawInterface,
    /// Output interface.
    pub output: RawInterface,
    /// Protocol number; 0 compares none.
    pub protocol: u16,
    /// `IP6T_F_TOS`'s value, of no effect; 0 for IPv4.
    pub traffic_class: u8,
    /// `IPT_F_*` or `IP6T_F_*`.
    pub flags: u8,
    /// `IPT_INV_*` or `IP6T_INV_*`.
    pub inverse: u8,
}

impl RawHeader {
    /// Whether every packet passes it: nothing in it is set.
    pub fn is_unconditional(&self) -> bool {
        let nothing = RawInterface { name: [0; 16], mask: [0; 16] };
        *self
            == RawHeader {
                source: 0,
                source_mask: 0,
                destination: 0,
                destination_mask: 0,
                input: nothing,
                output: nothing,
                protocol: 0,
                traffic_class: 0,
                flags: 0,
                inverse: 0,
            }
    }
}

/// A match or target: its name, revision and data as the kernel keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawExtension<'a> {
    /// Where in the file its header begins.
    pub offset: usize,
    /// Its name; empty for the standard target.
    pub name: &'a str,
    /// Its revision.
    pub revision: u8,
    /// What follows its header, padding included.
    pub data: &'a [u8],
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEntry<'a> {
    /// Where it begins, counted from the first entry: what jumps name.
    pub offset: u32,
    /// Where the next one begins.
    pub next: u32,
    /// Its packet part.
    pub header: RawHeader,
    /// Its matches, in order.
    pub matches: Vec<RawExtension<'a>>,
    /// Its target.
    pub target: RawExtension<'a>,
    /// The hooks that reach it, one bit each, where the kernel wrote them.
    pub come_from: u32,
    /// Packets counted.
    pub packets: u64,
    /// Bytes counted.
    pub bytes: u64,
}

impl RawEntry<'_> {
    /// The verdict of a standard target: negative for a verdict, else the offset of an entry.
    pub fn verdict(&self) -> Option<i32> {
        if !self.target.name.is_empty() {
            return None;
        }
        I32::ref_from_prefix(self.target.data).ok().map(|(verdict, _)| verdict.get())
    }

    /// The name in an error target, which begins a user chain and ends a table.
    pub fn error_name(&self) -> Option<Cow<'_, str>> {
        if self.target.name != "ERROR" {
            return None;
        }
        terminated(self.target.data).map(raw::decode)
    }

    /// Whether it decides nothing but its target: no match and an empty packet part.
    pub fn is_unconditional(&self) -> bool {
        self.matches.is_empty() && self.header.is_unconditional()
    }
}

/// Bytes of an entry's fixed part.
pub fn fixed_size(family: Family) -> usize {
    match family {
        Family::Ipv4 => size_of::<Ipv4Entry>(),
        Family::Ipv6 => size_of::<Ipv6Entry>(),
    }
}

/// Every entry of a table. `start` is where in the file `bytes` begin.
pub fn entries(bytes: &[u8], start: usize, family: Family) -> Result<Vec<RawEntry<'_>>, BlobError> {
    let mut entries = Vec::new();
    let mut offset = 0;
    while offset < bytes.len() {
        let entry = entry(bytes, offset, start, family)?;
        offset = entry.next as usize;
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(
    bytes: &[u8],
    offset: usize,
    start: usize,
    family: Family,
) -> Result<RawEntry<'_>, BlobError> {
    let at = start + offset;
    let rest = &bytes[offset..];
    let fixed = fixed_size(family);
    let Some((header, tail, packets, counted)) = fixed_part(rest, family) else {
        let message = format!("an entry has {fixed} bytes, but {} are left", rest.len());
        return Err(BlobError::new(at, message));
    };
    let target_offset = usize::from(tail.target_offset.get());
    let next_offset = usize::from(tail.next_offset.get());
    let fits = target_offset >= fixed
        && target_offset.is_multiple_of(ALIGN)
        && next_offset.is_multiple_of(ALIGN)
        && next_offset >= target_offset + EXTENSION
        && next_offset <= rest.len();
    if !fits {
        let message = format!(
            "the entry's target lies at {target_offset} and its end at {next_offset}, which \
             cannot be: {fixed} bytes of it are fixed and {} are left",
            rest.len()
        );
        return Err(BlobError::new(at, message));
    }
    let mut matches = Vec::new();
    let mut place = fixed;
    while place < target_offset {
        let found = extension(&rest[..target_offset], place, at)?;
        place += EXTENSION + found.data.len();
        matches.push(found);
    }
    let target = extension(&rest[..next_offset], target_offset, at)?;
    if target_offset + EXTENSION + target.data.len() != next_offset {
        let message = "the entry goes on after its target".to_owned();
        return Err(BlobError::new(target.offset, message));
    }
    let size = match target.name {
        "" => Some(8),
        "ERROR" => Some(32),
        _ => None,
    };
    if size.is_some_and(|size| target.data.len() != size) {
        let message = format!("the target '{}' has {} bytes", target.name, target.data.len());
        return Err(BlobError::new(target.offset, message));
    }
    if target.name == "ERROR" && terminated(target.data).is_none() {
        return Err(BlobError::new(target.offset, "the chain's name has no end"));
    }
    Ok(RawEntry {
        offset: offset as u32,
        next: (offset + next_offset) as u32,
        header,
        matches,
        target,
        come_from: tail.come_from.get(),
        packets,
        bytes: counted,
    })
}

fn fixed_part(rest: &[u8], family: Family) -> Option<(RawHeader, &Tail, u64, u64)> {
    match family {
        Family::Ipv4 => {
            let (entry, _) = Ipv4Entry::ref_from_prefix(rest).ok()?;
            let address = |bytes: [u8; 4]| u128::from(u32::from_be_bytes(bytes));
            let header = RawHeader {
                source: address(entry.source),
                source_mask: address(entry.source_mask),
                destination: address(entry.destination),
                destination_mask: address(entry.destination_mask),
                input: RawInterface { name: entry.names.input, mask: entry.names.input_mask },
                output: RawInterface { name: entry.names.output, mask: entry.names.output_mask },
                protocol: entry.protocol.get(),
                traffic_class: 0,
                flags: entry.flags,
                inverse: entry.inverse,
            };
            Some((header, &entry.tail, entry.packets.get(), entry.bytes.get()))
        }
        Family::Ipv6 => {
            let (entry, _) = Ipv6Entry::ref_from_prefix(rest).ok()?;
            let header = RawHeader {
                source: u128::from_be_bytes(entry.source),
                source_mask: u128::from_be_bytes(entry.source_mask),
                destination: u128::from_be_bytes(entry.destination),
                destination_mask: u128::from_be_bytes(entry.destination_mask),
                input: RawInterface { name: entry.names.input, mask: entry.names.input_mask },
                output: RawInterface { name: entry.names.output, mask: entry.names.output_mask },
                protocol: entry.protocol.get(),
                traffic_class: entry.traffic_class,
                flags: entry.flags,
                inverse: entry.inverse,
            };
            Some((header, &entry.tail, entry.packets.get(), entry.bytes.get()))
        }
    }
}

/// The match or target at `place` of an entry, which must end within `entry`. `at` is where in
/// the file the entry begins.
fn extension(entry: &[u8], place: usize, at: usize) -> Result<RawExtension<'_>, BlobError> {
    let offset = at + place;
    let rest = &entry[place..];
    let Ok((header, _)) = ExtensionHeader::ref_from_prefix(rest) else {
        let message = format!("{} bytes are left where a match must stand", rest.len());
        return Err(BlobError::new(offset, message));
    };
    let size = usize::from(header.size.get());
    if size < EXTENSION || size > rest.len() || !size.is_multiple_of(ALIGN) {
        let message = format!("a match or target of {size} bytes, where {} are left", rest.len());
        return Err(BlobError::new(offset, message));
    }
    let name = terminated(&header.name)
        .filter(|name| name.iter().all(u8::is_ascii_graphic))
        .and_then(|name| std::str::from_utf8(name).ok());
    let Some(name) = name else {
        return Err(BlobError::new(offset, "the name of a match or target is not one"));
    };
    Ok(RawExtension { offset, name, revision: header.revision, data: &rest[EXTENSION..size] })
}

/// What stands before the first NUL; `None` without one.
fn terminated(field: &[u8]) -> Option<&[u8]> {
    let length = field.iter().position(|&byte| byte == 0)?;
    Some(&field[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_the_kernels() {
        assert_eq!(fixed_size(Family::Ipv4), 112);
        assert_eq!(fixed_size(Family::Ipv6), 168);
        assert_eq!(size_of::<ExtensionHeader>(), EXTENSION);
    }

    #[test]
    fn an_entry_without_a_target_is_an_error() {
        let mut bytes = vec![0; 112];
        bytes[88] = 112;
        bytes[90] = 112;
        assert!(entries(&bytes, 40, Family::Ipv4).is_err());
        bytes[90] = 152;
        bytes.resize(152, 0);
        assert!(entries(&bytes, 40, Family::Ipv4).is_err(), "the target has size 0");
        bytes[112] = 40;
        let found = entries(&bytes, 40, Family::Ipv4).unwrap();
        assert_eq!((found.len(), found[0].verdict(), found[0].target.offset), (1, Some(0), 152));
    }
}
