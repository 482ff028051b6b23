//! What registers hold while a rule is lowered: values in place of bytes.

use crate::model::{Data, Part, Register};
use bpfc_ir::{Device, Type, Value};
use std::collections::BTreeMap;

/// What a value stands for, where its number is not what the kernel's register would hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The number is that of the register.
    Plain,
    /// The name of the interface whose index the register would hold.
    Interface(Device),
    /// 1 where the packet has a link header of Ethernet, in place of the type of its device.
    LinkHeader,
}

impl Meaning {
    /// Whether a name stands for an index.
    pub fn is_interface(self) -> bool {
        matches!(self, Meaning::Interface(_))
    }
}

/// What one value of a register is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content {
    pub value: Value,
    /// Bytes that the value takes in the register.
    pub bytes: u32,
    /// Whether the kernel holds it in the machine's byte order.
    pub is_host: bool,
    pub meaning: Meaning,
}

/// The registers of a rule, by slots of four bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Registers(BTreeMap<u8, Content>);

impl Registers {
    pub fn set(&mut self, register: Register, content: Content) {
        self.0.insert(register.0, content);
    }

    /// The value that begins at a register.
    pub fn get(&self, register: Register) -> Option<Content> {
        self.0.get(&register.0).copied()
    }

    /// The value of a concatenation's part that begins so many bytes behind a register.
    pub fn behind(&self, register: Register, bytes: u32) -> Option<Content> {
        self.get(register.behind(bytes))
    }
}

/// The number type that holds so many bytes.
pub(super) fn type_of(bytes: u32) -> Option<Type> {
    Some(match bytes {
        1 => Type::I8,
        2 => Type::I16,
        3 | 4 => Type::I32,
        5..=8 => Type::I64,
        9..=16 => Type::I128,
        _ => return None,
    })
}

/// The number that bytes are, most significant first.
pub(super) fn number(part: Part<'_>) -> Option<u128> {
    let significant = part.bytes.iter().position(|&byte| byte != 0).unwrap_or(part.bytes.len());
    let bytes = &part.bytes[significant..];
    let add = |number: u128, &byte: &u8| number << 8 | u128::from(byte);
    (bytes.len() <= 16).then(|| bytes.iter().fold(0, add))
}

/// The same of data of one part.
pub(super) fn only_number(data: &Data) -> Option<u128> {
    number(data.only()?)
}
