//! Writing the packet. None of it answers where the access has no guard that held.

use crate::Run;
use bpfc_ir::{Base, Family, Rewrite, Stripped, Type};
use bpfc_packet::{replace_checksum, strip_tcp_options};

impl Run<'_, '_, '_> {
    /// Makes a change; `values` are those of [`Rewrite::args`], the last of type `ty`.
    pub(crate) fn rewrite(
        &mut self,
        rewrite: &Rewrite,
        ty: Type,
        values: (u128, Option<u128>),
    ) -> Option<()> {
        match *rewrite {
            Rewrite::Store(base, offset, _) => {
                let bytes = values.0.to_be_bytes();
                let bytes = last(&bytes, ty.bytes());
                match base {
                    Base::Link => self.write_link(offset, bytes),
                    Base::Network | Base::Transport => {
                        self.write(self.offset(base, offset)?, bytes)
                    }
                }
            }
            Rewrite::StoreAt(_, displacement, _) => {
                let at = usize::try_from(values.0).ok()?.checked_add(displacement.into())?;
                let bytes = values.1?.to_be_bytes();
                self.write(at, last(&bytes, ty.bytes()))
            }
            Rewrite::Priority(_) => {
                self.priority = Some(u32::try_from(values.0).ok()?);
                Some(())
            }
            Rewrite::Queue(_) => {
                self.queue = Some(u32::try_from(values.0).ok()?);
                Some(())
            }
            Rewrite::Strip(_, ref kinds, stripped) => {
                let at = self.offset(Base::Transport, 0)?;
                let end = usize::try_from(values.0).ok()?;
                let mut header = self.packet.slice(at, end)?.to_vec();
                if header.len() > LONGEST_HEADER {
                    return None;
                }
                let only_first = stripped == Stripped::First;
                match strip_tcp_options(&mut header, only_first, |kind| kinds.contains(kind)) {
                    true => self.write(at, &header),
                    false => Some(()),
                }
            }
            Rewrite::Insert(offset, _) => {
                let at = self.offset(Base::Transport, offset)?;
                self.insert(at, u32::try_from(values.0).ok()?)
            }
            Rewrite::Checksum(field, ..) => {
                let at = self.offset(field.base, field.offset)?;
                let sum = self.packet.slice(at, 2)?;
                let sum = u16::from_be_bytes(sum.try_into().ok()?);
                let (old, new) = (u32::try_from(values.0).ok()?, u32::try_from(values.1?).ok()?);
                let sum = match replace_checksum(sum, old, new) {
                    0 if field.nonzero => u16::MAX,
                    sum => sum,
                };
                self.write(at, &sum.to_be_bytes())
            }
        }
    }

    /// An offset from the network header.
    fn offset(&self, base: Base, offset: u16) -> Option<usize> {
        match base {
            Base::Link => None,
            Base::Network => Some(offset.into()),
            Base::Transport if self.packet.walk_failed() => None,
            Base::Transport => self.packet.transport().checked_add(offset.into()),
        }
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> Option<()> {
        if self.packet.slice(at, bytes.len())? == bytes {
            return Some(());
        }
        let mut packet = self.packet.packet().clone();
        let at = packet.network + at;
        packet.bytes.get_mut(at..at + bytes.len())?.copy_from_slice(bytes);
        self.packet = self.packet.of_rewritten(self.rewrites.keep(packet), 0)?;
        Some(())
    }

    fn write_link(&mut self, offset: u16, bytes: &[u8]) -> Option<()> {
        let (at, length) = (usize::from(offset), bytes.len());
        if at + length > LINK_HEADER {
            return None;
        }
        if self.packet.link_slice(at, length)? == bytes {
            return Some(());
        }
        let mut packet = self.packet.packet().clone();
        let at = packet.link?.checked_add(at)?;
        packet.bytes.get_mut(at..at + length)?.copy_from_slice(bytes);
        self.packet = self.packet.of_rewritten(self.rewrites.keep(packet), 0)?;
        Some(())
    }

    fn insert(&mut self, at: usize, value: u32) -> Option<()> {
        let mut bytes = self.packet.bytes().to_vec();
        bytes.get(at..).filter(|tail| tail.len() <= LONGEST_TAIL)?;
        bytes.splice(at..at, value.to_be_bytes());
        let field = match self.packet.family().ip()? {
            Family::Ipv4 => 2,
            Family::Ipv6 => 4,
        };
        let old = u16::from_be_bytes([bytes[field], bytes[field + 1]]);
        let new = old.checked_add(4)?;
        bytes[field..field + 2].copy_from_slice(&new.to_be_bytes());
        if self.packet.family() == Family::Ipv4 {
            let sum = u16::from_be_bytes([bytes[10], bytes[11]]);
            let sum = replace_checksum(sum, old.into(), new.into());
            bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        let mut packet = self.packet.packet().clone();
        packet.bytes.truncate(packet.network);
        packet.bytes.extend(bytes);
        self.packet = self.packet.of_rewritten(self.rewrites.keep(packet), 4)?;
        Some(())
    }
}

/// Bytes of the Ethernet header proper.
const LINK_HEADER: usize = 14;

/// Bytes of a TCP header at most.
const LONGEST_HEADER: usize = 60;

/// Bytes that may stand behind inserted ones.
const LONGEST_TAIL: usize = 40;

/// A number's bytes.
fn last(bytes: &[u8; 16], count: u16) -> &[u8] {
    &bytes[bytes.len() - usize::from(count)..]
}
