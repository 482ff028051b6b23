//! Netlink attributes: nested lists of a type, a length and as many bytes
//! (include/uapi/linux/netlink.h, `struct nlattr`).

use crate::model::{Endian, Register};
use bpfc_abi::raw;

/// What is wrong with a dump, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    /// Bytes from the beginning of the dump.
    pub at: usize,
    /// A sentence without its period.
    pub message: String,
}

impl Damage {
    pub fn new(at: usize, message: impl Into<String>) -> Damage {
        Damage { at, message: message.into() }
    }
}

type Read<T> = Result<T, Damage>;

/// Bytes of a dump that know their place in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a> {
    pub at: usize,
    pub bytes: &'a [u8],
    pub endian: Endian,
}

impl<'a> Bytes<'a> {
    /// The first so many bytes of what is named.
    pub fn first(self, length: usize, what: &str) -> Read<Bytes<'a>> {
        match self.bytes.get(..length) {
            Some(bytes) => Ok(Bytes { bytes, ..self }),
            None => Err(Damage::new(self.at, format!("{what} is cut off"))),
        }
    }

    /// What is behind so many bytes, nothing where there are no more.
    pub fn behind(self, length: usize) -> Bytes<'a> {
        let length = length.min(self.bytes.len());
        Bytes { at: self.at + length, bytes: &self.bytes[length..], ..self }
    }

    /// So many bytes behind as many others.
    pub fn part(self, from: usize, length: usize) -> Read<Bytes<'a>> {
        self.behind(from).first(length, "a header")
    }

    fn fixed<const N: usize>(self) -> Read<[u8; N]> {
        <[u8; N]>::try_from(self.bytes).map_err(|_| {
            let message = format!("a number of {N} bytes has {}", self.bytes.len());
            Damage::new(self.at, message)
        })
    }

    /// A number in the machine's byte order, as headers have them.
    pub fn native16(self) -> Read<u16> {
        let bytes = self.fixed()?;
        Ok(match self.endian {
            Endian::Little => u16::from_le_bytes(bytes),
            Endian::Big => u16::from_be_bytes(bytes),
        })
    }

    /// The same of four bytes.
    pub fn native32(self) -> Read<u32> {
        let bytes = self.fixed()?;
        Ok(match self.endian {
            Endian::Little => u32::from_le_bytes(bytes),
            Endian::Big => u32::from_be_bytes(bytes),
        })
    }

    /// A byte.
    pub fn u8(self) -> Read<u8> {
        Ok(u8::from_be_bytes(self.fixed()?))
    }

    /// A number in network order, as attributes of nf_tables have them.
    pub fn be16(self) -> Read<u16> {
        Ok(u16::from_be_bytes(self.fixed()?))
    }

    /// The same of four bytes.
    pub fn be32(self) -> Read<u32> {
        Ok(u32::from_be_bytes(self.fixed()?))
    }

    /// The same of eight bytes.
    pub fn be64(self) -> Read<u64> {
        Ok(u64::from_be_bytes(self.fixed()?))
    }

    /// The text up to a NUL.
    pub fn text(self) -> Read<String> {
        match self.bytes.iter().position(|&byte| byte == 0) {
            Some(end) => Ok(raw::decode(&self.bytes[..end]).into_owned()),
            None => Err(Damage::new(self.at, "a text has no end")),
        }
    }
}

/// A list of attributes.
#[derive(Clone, Debug)]
pub(super) struct Attributes<'a> {
    at: usize,
    list: Vec<(u16, Bytes<'a>)>,
}

/// An attribute's type without the flags for nesting and byte order.
const TYPE: u16 = 0x3fff;

impl<'a> Attributes<'a> {
    /// Takes bytes apart.
    pub fn read(bytes: Bytes<'a>) -> Read<Attributes<'a>> {
        let (at, mut rest, mut list) = (bytes.at, bytes, Vec::new());
        while !rest.bytes.is_empty() {
            let header = rest.first(4, "an attribute")?;
            let length = header.part(0, 2)?.native16()? as usize;
            let kind = header.part(2, 2)?.native16()? & TYPE;
            if length < 4 {
                let message = format!("an attribute has the length {length}");
                return Err(Damage::new(rest.at, message));
            }
            list.push((kind, rest.first(length, "an attribute")?.behind(4)));
            rest = rest.behind(length.next_multiple_of(4));
        }
        Ok(Attributes { at, list })
    }

    /// Where they begin.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Each with its type, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u16, Bytes<'a>)> {
        self.list.iter().copied()
    }

    /// The attribute of a type; of several the last one, which the kernel would take.
    pub fn find(&self, kind: u16) -> Option<Bytes<'a>> {
        self.list.iter().rev().find(|(known, _)| *known == kind).map(|(_, bytes)| *bytes)
    }

    /// The attribute of a type, which must be there.
    pub fn get(&self, kind: u16) -> Read<Bytes<'a>> {
        self.find(kind).ok_or_else(|| {
            let message = format!("the attribute {kind} is missing");
            Damage::new(self.at, message)
        })
    }

    /// The attributes inside one.
    pub fn nested(&self, kind: u16) -> Read<Attributes<'a>> {
        Attributes::read(self.get(kind)?)
    }

    /// The attributes inside one that may be missing.
    pub fn maybe_nested(&self, kind: u16) -> Read<Option<Attributes<'a>>> {
        self.find(kind).map(Attributes::read).transpose()
    }

    /// A number that must be there.
    pub fn be32(&self, kind: u16) -> Read<u32> {
        self.get(kind)?.be32()
    }

    /// A number, 0 where it is missing.
    pub fn be32_or_0(&self, kind: u16) -> Read<u32> {
        self.find(kind).map_or(Ok(0), Bytes::be32)
    }

    /// The same of eight bytes.
    pub fn be64_or_0(&self, kind: u16) -> Read<u64> {
        self.find(kind).map_or(Ok(0), Bytes::be64)
    }

    /// A text that must be there.
    pub fn text(&self, kind: u16) -> Read<String> {
        self.get(kind)?.text()
    }

    /// A register that must be there.
    pub fn register(&self, kind: u16) -> Read<Register> {
        register(self.get(kind)?)
    }

    /// A register that may be missing.
    pub fn maybe_register(&self, kind: u16) -> Read<Option<Register>> {
        self.find(kind).map(register).transpose()
    }
}

/// A register by either numbering: 1 to 4 are those of 16 bytes, 8 to 23 those of four
/// (`nft_parse_register`).
fn register(bytes: Bytes<'_>) -> Read<Register> {
    match bytes.be32()? {
        number @ 1..=4 => Ok(Register((number as u8 - 1) * 4)),
        number @ 8..=23 => Ok(Register(number as u8 - 8)),
        number => Err(Damage::new(bytes.at, format!("there is no register {number}"))),
    }
}
