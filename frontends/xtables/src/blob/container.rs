//! The forms that a table's blob comes in, and where its entries lie in each.
//!
//! | form | header | what it knows |
//! |---|---|---|
//! | entries | `ipt_get_entries`, 40 bytes | the entries |
//! | replace | `ipt_replace`, 96 bytes | entries, hooks, their number |
//! | live | `ipt_getinfo`, 84 bytes, then the entries form | entries, hooks, their number |
//!
//! The live form is this project's own: the two answers of getsockopt, one after the other. A
//! file may hold several tables in live form, one after the other; the other two forms fill the
//! whole file. Sizes and offsets are those of x86-64 (include/uapi/linux/netfilter_ipv4/ip_tables.h
//! and netfilter_ipv6/ip6_tables.h), numbers little endian.
//!
//! What must hold: every byte of the file belongs to one table, and nothing is read past the end.

use super::BlobError;
use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Netfilter hooks of a table: prerouting, input, forward, output, postrouting.
pub const HOOKS: usize = 5;

const NAME: usize = 32;
const INFO: usize = 84;
const GET_ENTRIES: usize = 40;
const REPLACE: usize = 96;

/// `struct ipt_getinfo`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct GetInfo {
    name: [u8; NAME],
    valid_hooks: U32,
    hook_entry: [U32; HOOKS],
    underflow: [U32; HOOKS],
    entries: U32,
    size: U32,
}

/// `struct ipt_get_entries` without its entries.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct GetEntries {
    name: [u8; NAME],
    size: U32,
    pad: [u8; 4],
}

/// `struct ipt_replace` without its entries. The last two fields tell where the kernel shall put
/// the old counters; in a file they mean nothing.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Replace {
    name: [u8; NAME],
    valid_hooks: U32,
    entries: U32,
    size: U32,
    hook_entry: [U32; HOOKS],
    underflow: [U32; HOOKS],
    counters: U32,
    counters_pointer: [u8; 8],
}

/// Where the base chains begin and end, as offsets into the entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hooks {
    /// Bit `n` is set where hook `n` has a base chain.
    pub valid: u32,
    /// The first entry of each hook's chain.
    pub entry: [u32; HOOKS],
    /// The policy of each hook's chain.
    pub underflow: [u32; HOOKS],
}

/// One table in its container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container<'a> {
    /// Such as `filter`.
    pub table: &'a str,
    /// The base chains; `None` in the entries form, which does not say.
    pub hooks: Option<Hooks>,
    /// How many entries there must be, where the form says.
    pub count: Option<u32>,
    /// Where in the file the entries begin.
    pub start: usize,
    /// The entries.
    pub entries: &'a [u8],
}

/// The name at the beginning of a file, where it is one that a table may have: printable, then
/// NULs up to 32 bytes. No text begins like that.
pub fn table_name(bytes: &[u8]) -> Option<&str> {
    let field = bytes.get(..NAME)?;
    let length = field.iter().position(|&byte| byte == 0)?;
    let (name, rest) = field.split_at(length);
    let printable = name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
    if name.is_empty() || !printable || rest.iter().any(|&byte| byte != 0) {
        return None;
    }
    std::str::from_utf8(name).ok()
}

/// Every table of a file.
pub fn tables(bytes: &[u8]) -> Result<Vec<Container<'_>>, BlobError> {
    let mut tables = Vec::new();
    let mut start = 0;
    while start < bytes.len() || tables.is_empty() {
        let container = table(bytes, start)?;
        start = container.start + container.entries.len();
        tables.push(container);
    }
    Ok(tables)
}

fn table(bytes: &[u8], start: usize) -> Result<Container<'_>, BlobError> {
    let rest = &bytes[start..];
    let Some(table) = table_name(rest) else {
        return Err(BlobError::new(start, "expected the name of a table"));
    };
    let same_name = rest.get(INFO..INFO + NAME).is_some_and(|name| name == &rest[..NAME]);
    if same_name {
        return live(rest, start, table);
    }
    if start > 0 {
        return Err(BlobError::new(start, "bytes follow the table that are not a table"));
    }
    // The second field is a set of five hooks in one form and a size in the other.
    let second = rest.get(NAME..NAME + 4).and_then(|field| U32::ref_from_bytes(field).ok());
    match second {
        Some(field) if field.get() < 1 << HOOKS => replace(rest, table),
        _ => entries_only(rest, table),
    }
}

fn live<'a>(rest: &'a [u8], start: usize, table: &'a str) -> Result<Container<'a>, BlobError> {
    let (info, rest) = header::<GetInfo>(rest, start, "ipt_getinfo")?;
    let (entries, rest) = header::<GetEntries>(rest, start + INFO, "ipt_get_entries")?;
    if info.size != entries.size {
        return Err(BlobError::new(
            start + INFO + NAME,
            format!("the table's size is {} here and {} before", entries.size, info.size),
        ));
    }
    let start = start + INFO + GET_ENTRIES;
    let Some(entries) = rest.get(..info.size.get() as usize) else {
        return Err(truncated(start, info.size, rest.len()));
    };
    let hooks = Hooks {
        valid: info.valid_hooks.get(),
        entry: info.hook_entry.map(U32::get),
        underflow: info.underflow.map(U32::get),
    };
    Ok(Container { table, hooks: Some(hooks), count: Some(info.entries.get()), start, entries })
}

fn replace<'a>(rest: &'a [u8], table: &'a str) -> Result<Container<'a>, BlobError> {
    let (header, entries) = header::<Replace>(rest, 0, "ipt_replace")?;
    exact_size(REPLACE, header.size, entries)?;
    let hooks = Hooks {
        valid: header.valid_hooks.get(),
        entry: header.hook_entry.map(U32::get),
        underflow: header.underflow.map(U32::get),
    };
    let count = Some(header.entries.get());
    Ok(Container { table, hooks: Some(hooks), count, start: REPLACE, entries })
}

fn entries_only<'a>(rest: &'a [u8], table: &'a str) -> Result<Container<'a>, BlobError> {
    let (header, entries) = header::<GetEntries>(rest, 0, "ipt_get_entries")?;
    exact_size(GET_ENTRIES, header.size, entries)?;
    Ok(Container { table, hooks: None, count: None, start: GET_ENTRIES, entries })
}

fn header<'a, T>(rest: &'a [u8], start: usize, what: &str) -> Result<(&'a T, &'a [u8]), BlobError>
where
    T: FromBytes + Immutable + KnownLayout + Unaligned,
{
    T::ref_from_prefix(rest).map_err(|_| {
        let message = format!("the file ends within the header, {what}");
        BlobError::new(start + rest.len(), message)
    })
}

fn exact_size(start: usize, size: U32, entries: &[u8]) -> Result<(), BlobError> {
    let size = size.get() as usize;
    if entries.len() < size {
        return Err(truncated(start, U32::new(size as u32), entries.len()));
    }
    if entries.len() > size {
        let surplus = entries.len() - size;
        return Err(BlobError::new(start + size, format!("{surplus} bytes follow the table")));
    }
    Ok(())
}

fn truncated(start: usize, size: U32, have: usize) -> BlobError {
    let message = format!("the header announces {size} bytes of entries, but {have} follow it");
    BlobError::new(start, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, length: usize) -> Vec<u8> {
        let mut bytes = name.as_bytes().to_vec();
        bytes.resize(length, 0);
        bytes
    }

    #[test]
    fn text_has_no_table_name() {
        assert_eq!(table_name(b"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j DROP\nCOMMIT\n"), None);
        assert_eq!(table_name(&named("filter", 31)), None);
        assert_eq!(table_name(&named("filter", 32)), Some("filter"));
        assert_eq!(table_name(&[0; 40]), None);
    }

    #[test]
    fn forms_are_told_apart() {
        let mut entries = named("filter", 40);
        entries[32] = 112;
        entries.resize(40 + 112, 0);
        let found = tables(&entries).unwrap();
        assert_eq!((found[0].start, found[0].hooks), (40, None));

        let mut replace = named("filter", 96);
        replace[32] = 0x0e;
        replace[40] = 112;
        replace.resize(96 + 112, 0);
        let found = tables(&replace).unwrap();
        assert_eq!((found[0].start, found[0].hooks.unwrap().valid), (96, 0x0e));

        let mut live = named("filter", 84);
        live[80] = 112;
        live.extend(&entries);
        live.extend(live.clone());
        let found = tables(&live).unwrap();
        assert_eq!((found.len(), found[0].start, found[1].start), (2, 124, 124 + 236));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let mut entries = named("filter", 40);
        entries[32] = 112;
        entries.resize(40 + 112, 0);
        for length in 0..entries.len() {
            assert!(tables(&entries[..length]).is_err(), "{length}");
        }
        entries.push(0);
        assert!(tables(&entries).is_err());
    }
}
