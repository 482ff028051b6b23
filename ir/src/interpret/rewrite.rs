//! Writing the packet. None of it answers where the access has no guard that held.

use super::Run;
use crate::{Base, Rewrite, Type};
use bpfc_packet::replace_checksum;

impl Run<'_, '_, '_> {
    /// Makes a change; `values` are those of [`Rewrite::args`], of type `ty`.
    pub(super) fn rewrite(
        &mut self,
        rewrite: Rewrite,
        ty: Type,
        values: (u128, Option<u128>),
    ) -> Option<()> {
        match rewrite {
            Rewrite::Store(base, offset, _) => {
                let size = usize::from(ty.bytes());
                let bytes = values.0.to_be_bytes();
                self.write(base, offset, &bytes[bytes.len() - size..])
            }
            Rewrite::Checksum(field, ..) => {
                let sum = self.load_bytes(field.base, field.offset, 2)?;
                let sum = u16::from_be_bytes(sum.try_into().ok()?);
                let (old, new) = (u32::try_from(values.0).ok()?, u32::try_from(values.1?).ok()?);
                let sum = replace_checksum(sum, old, new);
                self.write(field.base, field.offset, &sum.to_be_bytes())
            }
        }
    }

    fn load_bytes(&self, base: Base, offset: u16, size: usize) -> Option<&[u8]> {
        match base {
            Base::Link => None,
            Base::Network => self.packet.slice(offset.into(), size),
            Base::Transport => self.packet.transport_slice(offset.into(), size),
        }
    }

    fn write(&mut self, base: Base, offset: u16, bytes: &[u8]) -> Option<()> {
        let old = self.load_bytes(base, offset, bytes.len())?;
        if old == bytes {
            return Some(());
        }
        let start = match base {
            Base::Transport => self.packet.transport(),
            Base::Link | Base::Network => 0,
        };
        let mut packet = self.packet.packet().clone();
        let at = packet.network + start + usize::from(offset);
        packet.bytes.get_mut(at..at + bytes.len())?.copy_from_slice(bytes);
        self.packet = self.packet.of_rewritten(self.rewrites.keep(packet))?;
        Some(())
    }
}
