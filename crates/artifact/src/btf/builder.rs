//! Builds a BTF blob type by type.
//!
//! The layout is the kernel's (include/uapi/linux/btf.h, Documentation/bpf/btf.rst): a header of
//! 24 bytes, the types, the strings; everything little endian, as the instructions of an artifact
//! are. Types are numbered from 1 in the order of their addition, 0 being `void`. Strings are
//! interned: one that is added twice is stored once. The same calls give the same bytes.

use std::collections::HashMap;

/// Number of a type in its blob; 0 is `void`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u32);

/// `void`.
pub const VOID: TypeId = TypeId(0);

/// Linkage of a function (`enum btf_func_linkage`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Linkage {
    /// Verified at each call.
    Static = 0,
    /// Verified once, by its prototype.
    Global = 1,
    /// Defined elsewhere: a kernel function. Only in objects; the kernel takes none.
    Extern = 2,
}

const MAGIC: u16 = 0xeb9f;
const VERSION: u8 = 1;
const HEADER_SIZE: u32 = 24;

const KIND_INT: u32 = 1;
const KIND_PTR: u32 = 2;
const KIND_ARRAY: u32 = 3;
const KIND_STRUCT: u32 = 4;
const KIND_ENUM: u32 = 6;
const KIND_FUNC: u32 = 12;
const KIND_FUNC_PROTO: u32 = 13;
const KIND_VAR: u32 = 14;
const KIND_DATASEC: u32 = 15;

const INT_SIGNED: u32 = 1;

/// A blob under construction.
#[derive(Debug)]
pub struct Builder {
    types: Vec<u8>,
    strings: Vec<u8>,
    /// Looked up only; the order of the strings is that of their addition.
    offsets: HashMap<String, u32>,
    count: u32,
}

impl Default for Builder {
    fn default() -> Self {
        Builder { types: Vec::new(), strings: vec![0], offsets: HashMap::new(), count: 0 }
    }
}

impl Builder {
    /// A blob without types.
    pub fn new() -> Self {
        Self::default()
    }

    /// Offset of `string` in the string section; 0 for the empty one. A NUL byte ends the
    /// string, as it would for its reader.
    pub fn string(&mut self, string: &str) -> u32 {
        let string = string.split('\0').next().unwrap_or_default();
        if string.is_empty() {
            return 0;
        }
        if let Some(&offset) = self.offsets.get(string) {
            return offset;
        }
        let offset = self.strings.len() as u32;
        self.strings.extend_from_slice(string.as_bytes());
        self.strings.push(0);
        self.offsets.insert(string.to_owned(), offset);
        offset
    }

    /// Bytes of the string section so far.
    pub fn string_bytes(&self) -> usize {
        self.strings.len()
    }

    /// An integer of `size` bytes, 1 to 16.
    pub fn int(&mut self, name: &str, size: u32, signed: bool) -> TypeId {
        let id = self.head(name, KIND_INT, 0, size);
        let encoding = if signed { INT_SIGNED } else { 0 };
        self.words(&[(encoding << 24) | (size * 8)]);
        id
    }

    /// A pointer to `target`.
    pub fn pointer(&mut self, target: TypeId) -> TypeId {
        self.head("", KIND_PTR, 0, target.0)
    }

    /// `element[count]`, its index being of the integer type `index`.
    pub fn array(&mut self, element: TypeId, index: TypeId, count: u32) -> TypeId {
        let id = self.head("", KIND_ARRAY, 0, 0);
        self.words(&[element.0, index.0, count]);
        id
    }

    /// A structure of `size` bytes; members are name, type and offset in bytes.
    pub fn structure(&mut self, name: &str, size: u32, members: &[(&str, TypeId, u32)]) -> TypeId {
        let id = self.head(name, KIND_STRUCT, members.len() as u32, size);
        for &(name, member, offset) in members {
            let name = self.string(name);
            self.words(&[name, member.0, offset * 8]);
        }
        id
    }

    /// An enumeration of one enumerator, whose value is 0.
    pub fn enumeration(&mut self, name: &str, enumerator: &str) -> TypeId {
        let id = self.head(name, KIND_ENUM, 1, 4);
        let enumerator = self.string(enumerator);
        self.words(&[enumerator, 0]);
        id
    }

    /// A function's prototype; parameters are name and type.
    pub fn prototype(&mut self, result: TypeId, parameters: &[(&str, TypeId)]) -> TypeId {
        let id = self.head("", KIND_FUNC_PROTO, parameters.len() as u32, result.0);
        for &(name, parameter) in parameters {
            let name = self.string(name);
            self.words(&[name, parameter.0]);
        }
        id
    }

    /// A function.
    pub fn function(&mut self, name: &str, prototype: TypeId, linkage: Linkage) -> TypeId {
        self.head(name, KIND_FUNC, linkage as u32, prototype.0)
    }

    /// A variable, global or external.
    pub fn variable(&mut self, name: &str, variable: TypeId, linkage: Linkage) -> TypeId {
        let id = self.head(name, KIND_VAR, 0, variable.0);
        self.words(&[linkage as u32]);
        id
    }

    /// A section of `size` bytes; entries are a variable or function, its offset and its size,
    /// both in bytes.
    pub fn section(&mut self, name: &str, size: u32, entries: &[(TypeId, u32, u32)]) -> TypeId {
        let id = self.head(name, KIND_DATASEC, entries.len() as u32, size);
        for &(entry, offset, size) in entries {
            self.words(&[entry.0, offset, size]);
        }
        id
    }

    /// The blob.
    pub fn finish(self) -> Vec<u8> {
        let mut blob =
            Vec::with_capacity(HEADER_SIZE as usize + self.types.len() + self.strings.len());
        blob.extend_from_slice(&MAGIC.to_le_bytes());
        blob.extend_from_slice(&[VERSION, 0]);
        let types = self.types.len() as u32;
        for word in [HEADER_SIZE, 0, types, types, self.strings.len() as u32] {
            blob.extend_from_slice(&word.to_le_bytes());
        }
        blob.extend_from_slice(&self.types);
        blob.extend_from_slice(&self.strings);
        blob
    }

    /// `struct btf_type`; `size_or_type` is the union's value.
    fn head(&mut self, name: &str, kind: u32, vlen: u32, size_or_type: u32) -> TypeId {
        let name = self.string(name);
        self.words(&[name, (kind << 24) | vlen, size_or_type]);
        self.count += 1;
        TypeId(self.count)
    }

    fn words(&mut self, words: &[u32]) {
        for word in words {
            self.types.extend_from_slice(&word.to_le_bytes());
        }
    }
}
