//! What nft keeps beside things for itself, of which the kernel knows nothing: comments, and how a
//! set was declared. Each piece has a type and a length of one byte each
//! (libnftnl, include/libnftnl/udata.h).
//!
//! Any tool may keep what it likes there. What is unknown, or is not whole, says nothing.

use super::attributes::Attributes;
use crate::datatype::Order;
use crate::model::Endian;
use bpfc_abi::raw;

/// The user data of something.
#[derive(Clone, Copy, Debug)]
pub(super) struct UserData<'a> {
    bytes: &'a [u8],
    endian: Endian,
}

impl<'a> UserData<'a> {
    /// That of an attribute, empty where it is missing.
    pub fn of(attributes: &Attributes<'a>, kind: u16, endian: Endian) -> UserData<'a> {
        UserData { bytes: attributes.find(kind).map_or(&[], |bytes| bytes.bytes), endian }
    }

    /// The piece of a type.
    pub fn find(self, kind: u8) -> Option<UserData<'a>> {
        let mut rest = self.bytes;
        while let [found, length, behind @ ..] = rest {
            let (bytes, next) = behind.split_at_checked(usize::from(*length))?;
            if *found == kind {
                return Some(UserData { bytes, ..self });
            }
            rest = next;
        }
        None
    }

    /// A text of a type.
    pub fn text(self, kind: u8) -> Option<String> {
        let bytes = self.find(kind)?.bytes;
        let end = bytes.iter().position(|&byte| byte == 0)?;
        Some(raw::decode(&bytes[..end]).into_owned())
    }

    /// A number of a type, which lies in the machine's byte order.
    pub fn number(self, kind: u8) -> Option<u32> {
        let bytes = self.find(kind)?.bytes.try_into().ok()?;
        Some(match self.endian {
            Endian::Little => u32::from_le_bytes(bytes),
            Endian::Big => u32::from_be_bytes(bytes),
        })
    }

    /// A byte order of a type.
    pub fn order(self, kind: u8) -> Order {
        match self.number(kind) {
            Some(1) => Order::Host,
            Some(2) => Order::Network,
            _ => Order::Unknown,
        }
    }
}

/// What comments of all things have as their type.
pub(super) const COMMENT: u8 = 0;
