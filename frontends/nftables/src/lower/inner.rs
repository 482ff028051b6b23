//! Packets in tunnels, and what follows the transport header (net/netfilter/nft_inner.c,
//! nft_payload.c).

use super::chain::Cx;
use super::registers::{Content, Meaning};
use super::{Lowered, unsupported};
use crate::model::{Expression, Operation, PayloadBase};
use crate::protocol;
use bpfc_ir::{Base, Condition, InnerPart, Scan, Tunnel, Value};

impl Cx<'_, '_> {
    /// A load in what a tunnel carries; the rule ends where there is no such thing.
    pub fn inner(&mut self, expression: &Expression) -> Lowered<()> {
        let Operation::Inner { tunnel, load } = &expression.operation else {
            return Err(unsupported(expression, "this"));
        };
        if self.is_other() {
            self.leave();
            return Ok(());
        }
        let tunnel = kind(tunnel).ok_or_else(|| unsupported(expression, "such a tunnel"))?;
        match &load.operation {
            Operation::Payload { base, offset, bytes, to } => {
                let part = match base {
                    PayloadBase::Tunnel => InnerPart::Tunnel,
                    PayloadBase::Link => InnerPart::Link,
                    PayloadBase::Network => InnerPart::Network,
                    PayloadBase::Transport => InnerPart::Transport,
                    PayloadBase::Inner => {
                        return Err(unsupported(expression, "what an inner header is followed by"));
                    }
                };
                let start = self.scanned(Scan::Inner(tunnel, part));
                let value = self.bytes_at(start, *offset, *bytes, expression)?;
                let (bytes, is_host, meaning) = (*bytes, false, Meaning::Plain);
                self.registers.set(*to, Content { value, bytes, is_host, meaning });
            }
            Operation::Meta { key, to } => {
                let (part, bytes) = match key.kernel {
                    "protocol" => (InnerPart::Protocol, 2),
                    "l4proto" => (InnerPart::L4Proto, 1),
                    name => {
                        let what = format!("meta {name} of a packet in a tunnel");
                        return Err(unsupported(expression, &what));
                    }
                };
                let value = self.scanned(Scan::Inner(tunnel, part));
                let (is_host, meaning) = (false, Meaning::Plain);
                self.registers.set(*to, Content { value, bytes, is_host, meaning });
            }
            _ => return Err(unsupported(expression, "such a load in a tunnel")),
        }
        Ok(())
    }

    /// Bytes of what follows the transport header.
    pub fn transport_payload(
        &mut self,
        offset: u32,
        bytes: u32,
        expression: &Expression,
    ) -> Lowered<Value> {
        let start = self.scanned(Scan::Payload);
        self.bytes_at(start, offset, bytes, expression)
    }

    /// What a scan finds; the rule ends where it finds nothing.
    pub fn scanned(&mut self, scan: Scan) -> Value {
        let found = self.builder.scan(scan);
        let is = self.builder.compare_const(Condition::Lt, found, Scan::BROKEN.into());
        self.builder.require(is, self.next);
        found
    }

    /// Bytes at an offset from a place in the packet; the rule ends where they are not there.
    fn bytes_at(
        &mut self,
        start: Value,
        offset: u32,
        bytes: u32,
        expression: &Expression,
    ) -> Lowered<Value> {
        let end = u16::try_from(offset + bytes)
            .map_err(|_| unsupported(expression, "a load so far into the packet"))?;
        let there = self.builder.available_at(start, end);
        self.builder.require(there, self.next);
        self.pieces(Base::Network, Some(start), offset as u16, bytes, expression)
    }
}

/// The tunnel that the kernel's numbers mean.
fn kind(tunnel: &protocol::Tunnel) -> Option<Tunnel> {
    Some(match (tunnel.kind, tunnel.header, tunnel.flags) {
        (1, 8, 0xf) => Tunnel::Vxlan,
        (2, 8, 0xf) => Tunnel::Geneve,
        (3, _, 0xc) => Tunnel::Gre,
        (4, _, 0xe) => Tunnel::Gretap,
        _ => return None,
    })
}
