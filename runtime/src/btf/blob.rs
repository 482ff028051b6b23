//! Reads one BTF blob as the kernel publishes it under `/sys/kernel/btf`.
//!
//! The layout is that of include/uapi/linux/btf.h. A module's blob is *split*: its types are
//! numbered on from the last of vmlinux, its string offsets count on from the end of vmlinux's
//! strings, and both may refer back. Types are walked once to note where each begins; nothing is
//! copied out of the blob. Every offset and count is checked, a blob that lies is an error.

use super::BtfError;

const MAGIC: u16 = 0xeb9f;

/// `BTF_KIND_*`, as far as lookups ask for them.
pub(super) mod kind {
    pub const INT: u32 = 1;
    pub const PTR: u32 = 2;
    pub const ARRAY: u32 = 3;
    pub const STRUCT: u32 = 4;
    pub const UNION: u32 = 5;
    pub const ENUM: u32 = 6;
    pub const TYPEDEF: u32 = 8;
    pub const VOLATILE: u32 = 9;
    pub const CONST: u32 = 10;
    pub const RESTRICT: u32 = 11;
    pub const FUNC: u32 = 12;
    pub const FUNC_PROTO: u32 = 13;
    pub const VAR: u32 = 14;
    pub const DATASEC: u32 = 15;
    pub const DECL_TAG: u32 = 17;
    pub const TYPE_TAG: u32 = 18;
    pub const ENUM64: u32 = 19;
}

/// `struct btf_type` and where its records begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Type {
    info: u32,
    /// Size in bytes or number of another type, by kind.
    pub size_or_type: u32,
    records: usize,
}

impl Type {
    pub fn kind(&self) -> u32 {
        (self.info >> 24) & 0x1f
    }

    pub fn count(&self) -> usize {
        (self.info & 0xffff) as usize
    }

    /// True where member offsets hold a bit field's size, too.
    fn has_bit_fields(&self) -> bool {
        self.info >> 31 == 1
    }
}

/// One member of a structure or union.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub name: u32,
    pub type_id: u32,
    /// From the structure's start.
    pub bits: u32,
    /// Size of a bit field in bits, 0 for other members.
    pub bit_field: u32,
}

/// A blob with its types located.
#[derive(Debug)]
pub(super) struct Blob {
    bytes: Vec<u8>,
    /// Where the type with number `first_type + n` begins in `bytes`.
    types: Vec<u32>,
    first_type: u32,
    strings: std::ops::Range<usize>,
    first_string: u32,
}

impl Blob {
    /// Locates the types; `base` is vmlinux where the blob is a module's.
    pub fn parse(bytes: Vec<u8>, base: Option<&Blob>) -> Result<Blob, BtfError> {
        let header = |at| word(&bytes, at);
        if u16::from_le_bytes([byte(&bytes, 0)?, byte(&bytes, 1)?]) != MAGIC {
            return Err(BtfError::Malformed("no BTF magic"));
        }
        let start = header(4)? as usize;
        let section = |offset: u32, length: u32| {
            let begin = start.checked_add(offset as usize)?;
            let end = begin.checked_add(length as usize)?;
            (end <= bytes.len()).then_some(begin..end)
        };
        let outside = BtfError::Malformed("a section lies outside the blob");
        let Some(type_section) = section(header(8)?, header(12)?) else { return Err(outside) };
        let Some(strings) = section(header(16)?, header(20)?) else { return Err(outside) };
        let mut types = Vec::with_capacity(type_section.len() / 24);
        let mut at = type_section.start;
        while at < type_section.end {
            types.push(at as u32);
            let found = read_type(&bytes, at)?;
            at = found.records + record_bytes(&found)?;
        }
        if at != type_section.end {
            return Err(BtfError::Malformed("the last type is cut off"));
        }
        let (first_type, first_string) = match base {
            None => (1, 0),
            Some(base) => (base.end_type(), base.end_string()),
        };
        Ok(Blob { bytes, types, first_type, strings, first_string })
    }

    fn end_type(&self) -> u32 {
        self.first_type + self.types.len() as u32
    }

    fn end_string(&self) -> u32 {
        self.first_string + self.strings.len() as u32
    }

    /// The type of a number, if it is in this blob.
    pub fn get(&self, id: u32) -> Option<Type> {
        let index = id.checked_sub(self.first_type)? as usize;
        read_type(&self.bytes, *self.types.get(index)? as usize).ok()
    }

    /// The types of this blob that have a name, with their numbers, ascending. A kernel has 100,000
    /// types and more, and a load asks for some twenty names.
    pub fn named<'a>(
        &'a self,
        base: Option<&'a Blob>,
        name: &'a str,
    ) -> impl Iterator<Item = (u32, Type)> + 'a {
        let (name, first) = (name.as_bytes(), name.as_bytes().first());
        let (own, base) = (self.texts(), base.map_or(&[][..], Blob::texts));
        let is_called = move |at: usize| {
            let offset = self.bytes.get(at..).and_then(|tail| tail.first_chunk());
            let offset = offset.map_or(0, |offset| u32::from_le_bytes(*offset));
            let (strings, at) = match offset.checked_sub(self.first_string) {
                Some(offset) => (own, offset as usize),
                None => (base, offset as usize),
            };
            // Most names differ in their first byte already.
            let is_like = offset != 0 && strings.get(at) == first;
            let rest = || strings.get(at..)?.strip_prefix(name);
            is_like && rest().is_some_and(|rest| rest.first().is_none_or(|&byte| byte == 0))
        };
        let found =
            (self.first_type..).zip(&self.types).filter(move |(_, at)| is_called(**at as usize));
        found.filter_map(|(id, at)| Some((id, read_type(&self.bytes, *at as usize).ok()?)))
    }

    /// All strings, each with a NUL behind it.
    fn texts(&self) -> &[u8] {
        self.bytes.get(self.strings.clone()).unwrap_or(&[])
    }

    /// The string at an offset, without its NUL, if it is in this blob.
    pub fn string(&self, offset: u32) -> Option<&[u8]> {
        let offset = offset.checked_sub(self.first_string)? as usize;
        let tail = self.bytes[self.strings.clone()].get(offset..)?;
        tail.split(|byte| *byte == 0).next()
    }

    /// A structure's member.
    pub fn member(&self, structure: &Type, index: usize) -> Option<Member> {
        if index >= structure.count() {
            return None;
        }
        let at = structure.records + 12 * index;
        let offset = word(&self.bytes, at + 8).ok()?;
        let (bits, bit_field) = if structure.has_bit_fields() {
            (offset & 0xff_ffff, offset >> 24)
        } else {
            (offset, 0)
        };
        Some(Member {
            name: word(&self.bytes, at).ok()?,
            type_id: word(&self.bytes, at + 4).ok()?,
            bits,
            bit_field,
        })
    }

    /// An enumeration's enumerator: its name's offset and its value.
    pub fn enumerator(&self, enumeration: &Type, index: usize) -> Option<(u32, i32)> {
        if index >= enumeration.count() {
            return None;
        }
        let at = enumeration.records + 8 * index;
        Some((word(&self.bytes, at).ok()?, word(&self.bytes, at + 4).ok()? as i32))
    }

    /// The type of a prototype's parameter.
    pub fn parameter(&self, prototype: &Type, index: usize) -> Option<u32> {
        (index < prototype.count())
            .then(|| word(&self.bytes, prototype.records + 8 * index + 4).ok())
            .flatten()
    }
}

fn byte(bytes: &[u8], at: usize) -> Result<u8, BtfError> {
    bytes.get(at).copied().ok_or(BtfError::Malformed("cut off"))
}

fn word(bytes: &[u8], at: usize) -> Result<u32, BtfError> {
    let word = bytes.get(at..).and_then(|tail| tail.first_chunk());
    word.map(|word| u32::from_le_bytes(*word)).ok_or(BtfError::Malformed("cut off"))
}

fn read_type(bytes: &[u8], at: usize) -> Result<Type, BtfError> {
    Ok(Type { info: word(bytes, at + 4)?, size_or_type: word(bytes, at + 8)?, records: at + 12 })
}

/// Bytes that follow `struct btf_type`.
fn record_bytes(found: &Type) -> Result<usize, BtfError> {
    Ok(match found.kind() {
        kind::INT | kind::VAR | kind::DECL_TAG => 4,
        kind::ARRAY => 12,
        kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => 12 * found.count(),
        kind::ENUM | kind::FUNC_PROTO => 8 * found.count(),
        // PTR, FWD, the qualifiers, FUNC, FLOAT, TYPE_TAG.
        2 | 7..=12 | 16 | 18 => 0,
        _ => return Err(BtfError::Malformed("a type of unknown kind")),
    })
}
