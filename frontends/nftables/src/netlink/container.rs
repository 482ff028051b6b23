//! The file format of a dump: a header of 16 bytes, then netlink messages as the kernel sent them.
//!
//! | bytes | what |
//! |---|---|
//! | 0 to 7 | `nftdump` and a NUL |
//! | 8 and 9 | the number 1 in the byte order of the machine, which is that of all headers behind |
//! | 10 and 11 | the version of the format, in that order: 1 |
//! | 12 to 15 | 0 |
//! | 16 on | messages, each with its header (`struct nlmsghdr`), each at a multiple of 4 |
//!
//! The messages are those that answer `RTM_GETLINK` (for the names of interfaces), then those of
//! `NFT_MSG_GETGEN`, `_GETTABLE`, `_GETCHAIN`, `_GETSET`, `_GETSETELEM`, `_GETOBJ`, `_GETFLOWTABLE`
//! and `_GETRULE`, of one generation (include/uapi/linux/netlink.h, netfilter/nf_tables.h). What
//! ends an answer (`NLMSG_DONE`) may be among them and says nothing.

use super::attributes::{Attributes, Bytes, Damage};
use crate::model::Endian;

/// How a dump begins.
pub(super) const MAGIC: &[u8; 8] = b"nftdump\0";

/// The version that is written and read.
const VERSION: u16 = 1;
const HEADER: usize = 16;
/// Bytes of `struct nlmsghdr`.
const MESSAGE: usize = 16;
/// Bytes of `struct nfgenmsg`, and of `struct ifinfomsg`.
const NFGEN: usize = 4;
const IFINFO: usize = 16;

const DONE: u16 = 3;
const NEW_LINK: u16 = 16;
const NF_TABLES: u16 = 10;

/// What a message of nf_tables is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `NFT_MSG_NEWTABLE`.
    Table,
    /// `NFT_MSG_NEWCHAIN`.
    Chain,
    /// `NFT_MSG_NEWRULE`.
    Rule,
    /// `NFT_MSG_NEWSET`.
    Set,
    /// `NFT_MSG_NEWSETELEM`.
    Elements,
    /// `NFT_MSG_NEWGEN`.
    Generation,
    /// `NFT_MSG_NEWOBJ`.
    Object,
    /// `NFT_MSG_NEWFLOWTABLE`.
    Flowtable,
}

impl Kind {
    fn of(number: u16) -> Option<Kind> {
        Some(match number {
            0 => Kind::Table,
            3 => Kind::Chain,
            6 => Kind::Rule,
            9 => Kind::Set,
            12 => Kind::Elements,
            15 => Kind::Generation,
            18 => Kind::Object,
            22 => Kind::Flowtable,
            _ => return None,
        })
    }
}

/// A message of nf_tables.
#[derive(Clone, Debug)]
pub(super) struct Message<'a> {
    /// What it is about.
    pub kind: Kind,
    /// `NFPROTO_*`.
    pub family: u8,
    /// Where it stands.
    pub at: usize,
    pub attributes: Attributes<'a>,
}

/// A dump, taken apart into messages.
#[derive(Clone, Debug)]
pub(super) struct Container<'a> {
    /// The byte order of the machine.
    pub endian: Endian,
    /// The interfaces by their indexes, in the dump's order.
    pub interfaces: Vec<(u32, String)>,
    /// The messages of nf_tables, in the dump's order.
    pub messages: Vec<Message<'a>>,
}

impl<'a> Container<'a> {
    /// Takes a dump apart.
    ///
    /// # Errors
    /// Where it is none, or is cut off.
    pub fn read(bytes: &'a [u8]) -> Result<Container<'a>, Damage> {
        let Some((header, rest)) =
            bytes.split_at_checked(HEADER).filter(|(header, _)| header.starts_with(MAGIC))
        else {
            return Err(Damage::new(0, "this is no dump of nf_tables"));
        };
        let endian = match header[8..10] {
            [1, 0] => Endian::Little,
            [0, 1] => Endian::Big,
            _ => return Err(Damage::new(8, "the dump does not say its byte order")),
        };
        let rest = Bytes { at: HEADER, bytes: rest, endian };
        let version = Bytes { at: 10, bytes: &header[10..12], endian }.native16()?;
        if version != VERSION {
            let message = format!("the dump has version {version} of the format, not {VERSION}");
            return Err(Damage::new(10, message));
        }
        let mut container = Container { endian, interfaces: Vec::new(), messages: Vec::new() };
        container.take(rest)?;
        Ok(container)
    }

    fn take(&mut self, mut rest: Bytes<'a>) -> Result<(), Damage> {
        while !rest.bytes.is_empty() {
            let header = rest.first(MESSAGE, "a message")?;
            let length = header.first(4, "a message")?.native32()? as usize;
            let message = rest.first(length.max(MESSAGE), "a message")?;
            rest = rest.behind(length.max(MESSAGE).next_multiple_of(4));
            let number = header.part(4, 2)?.native16()?;
            let payload = message.behind(MESSAGE);
            match number {
                DONE => {}
                NEW_LINK => self.link(payload)?,
                _ if number >> 8 == NF_TABLES => {
                    let Some(kind) = Kind::of(number & 0xff) else {
                        let message = format!("nf_tables' message {} is unknown", number & 0xff);
                        return Err(Damage::new(header.at, message));
                    };
                    let family = payload.first(NFGEN, "a message")?.bytes[0];
                    let attributes = Attributes::read(payload.behind(NFGEN))?;
                    self.messages.push(Message { kind, family, at: header.at, attributes });
                }
                _ => {
                    let message = format!("messages of the type {number} have no place here");
                    return Err(Damage::new(header.at, message));
                }
            }
        }
        Ok(())
    }

    /// An interface: its index and its name (`IFLA_IFNAME`).
    fn link(&mut self, payload: Bytes<'a>) -> Result<(), Damage> {
        let index = payload.first(IFINFO, "an interface")?.part(4, 4)?.native32()?;
        let attributes = Attributes::read(payload.behind(IFINFO))?;
        if let Some(name) = attributes.find(3) {
            self.interfaces.push((index, name.text()?));
        }
        Ok(())
    }
}
