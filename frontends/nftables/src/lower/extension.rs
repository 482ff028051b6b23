//! Extension headers of IPv6, options of TCP and chunks of SCTP (net/netfilter/nft_exthdr.c).
//!
//! Whether there is one is asked and compared at once: no value is made of it.

use super::chain::Cx;
use super::registers::{Content, Meaning, only_number};
use super::{Lowered, unsupported};
use crate::model::{Comparison, Expression, Operation, Register};
use crate::protocol::ExtensionKind;
use bpfc_ir::{Base, BinaryOp, Block, Condition, Family, Meta, Scan, SctpChunks, Type, Value};

pub(super) const TCP: u128 = 6;
const SCTP: u128 = 132;

/// An extension that a rule asks for.
pub(super) struct Wanted {
    pub kind: ExtensionKind,
    pub number: u8,
    /// The bytes of it that are asked for.
    pub offset: u32,
    pub bytes: u32,
}

/// A TCP header that is whole.
#[derive(Clone, Copy)]
pub(super) struct TcpHeader {
    /// Its length in bytes.
    pub length: Value,
    /// The offsets from the network header on of what follows it, and of its last byte.
    end: Value,
    last: Value,
}

impl Cx<'_, '_> {
    /// Loads bytes of an extension; the rule ends where there are none.
    pub fn extension(&mut self, expression: &Expression) -> Lowered<()> {
        let (wanted, to) = wanted(expression)?;
        if self.is_other() {
            self.leave();
            return Ok(());
        }
        let start = self.find_extension(&wanted, self.next, self.next, expression)?;
        let end = u16::try_from(wanted.offset + wanted.bytes)
            .map_err(|_| unsupported(expression, "so long an option"))?;
        if wanted.kind != ExtensionKind::Tcp {
            let there = self.builder.available_at(start, end);
            self.builder.require(there, self.next);
        }
        let offset = wanted.offset as u16;
        let value = self.pieces(Base::Network, Some(start), offset, wanted.bytes, expression)?;
        let (bytes, is_host, meaning) = (wanted.bytes, false, Meaning::Plain);
        self.registers.set(to, Content { value, bytes, is_host, meaning });
        Ok(())
    }

    /// Goes on where there is an extension, or none, as the comparison behind it wants.
    pub fn presence(&mut self, expression: &Expression, test: Option<&Expression>) -> Lowered<()> {
        let (wanted, register) = wanted(expression)?;
        let refused =
            || unsupported(expression, "whether there is one, other than compared at once");
        let wants = match test.map(|test| &test.operation) {
            Some(Operation::Compare { op, register: of, data }) if *of == register => {
                match (op, only_number(data)) {
                    (Comparison::Eq, Some(1)) | (Comparison::Neq, Some(0)) => true,
                    (Comparison::Eq, Some(0)) | (Comparison::Neq, Some(1)) => false,
                    _ => return Err(refused()),
                }
            }
            _ => return Err(refused()),
        };
        if self.is_other() {
            // Options of a protocol are missing there; headers and options of IP are asked of what
            // is called IP alone. What is called IPv6 and is not sound has none.
            let called = match wanted.kind {
                ExtensionKind::Ipv4 => Some(0x0800),
                ExtensionKind::Ipv6 => Some(0x86dd),
                _ => None,
            };
            if wants {
                self.leave();
            } else if let Some(called) = called {
                let protocol = self.builder.meta(Meta::Protocol);
                let is = self.builder.compare_const(Condition::Eq, protocol, called);
                self.builder.require(is, self.next);
            }
            return Ok(());
        }
        let go_on = self.builder.block();
        let (present, absent) = if wants { (go_on, self.next) } else { (self.next, go_on) };
        self.find_extension(&wanted, absent, self.next, expression)?;
        self.builder.jump(present);
        self.builder.switch_to(go_on);
        Ok(())
    }

    /// The offset of an extension from the network header on. Leads to `absent` where there is
    /// none, to `never` where a packet is none that could have one.
    fn find_extension(
        &mut self,
        wanted: &Wanted,
        absent: Block,
        never: Block,
        expression: &Expression,
    ) -> Lowered<Value> {
        match wanted.kind {
            ExtensionKind::Ipv6 => {
                if self.family == Family::Ipv4 {
                    // Nothing leads on from here but what is laid out next.
                    let zero = self.builder.constant(Type::I32, 0);
                    let is = self.builder.compare_const(Condition::Ne, zero, 0);
                    self.builder.require(is, never);
                    return Ok(zero);
                }
                let found = self.builder.scan(Scan::Ipv6Header(wanted.number));
                self.require_found(found, absent);
                Ok(found)
            }
            ExtensionKind::Tcp => {
                let header = self.tcp_header(absent);
                Ok(self.tcp_option(header, wanted, absent, absent))
            }
            ExtensionKind::Sctp => {
                self.require_protocol(SCTP, absent);
                let there = self.builder.available(Base::Transport, 12);
                self.builder.require(there, absent);
                let chunks = SctpChunks::none().with(wanted.number);
                let found = self.builder.scan(Scan::SctpChunk(Box::new(chunks)));
                self.require_found(found, absent);
                Ok(found)
            }
            ExtensionKind::Ipv4 => Err(unsupported(expression, "an option of IPv4")),
            ExtensionKind::Dccp => Err(unsupported(expression, "an option of DCCP")),
        }
    }

    fn require_found(&mut self, found: Value, absent: Block) {
        let is = self.builder.compare_const(Condition::Lt, found, Scan::BROKEN.into());
        self.builder.require(is, absent);
    }

    /// Leads to `other` for packets that are not of a protocol, or a later fragment.
    pub fn require_protocol(&mut self, number: u128, other: Block) {
        if self.family == Family::Ipv6 {
            let failed = self.builder.meta(Meta::WalkFailed);
            let failed = self.builder.compare_const(Condition::Ne, failed, 0);
            self.builder.forbid(failed, other);
        }
        let protocol = self.builder.meta(Meta::L4Proto);
        let is = self.builder.compare_const(Condition::Eq, protocol, number);
        self.builder.require(is, other);
        let fragment = self.builder.meta(Meta::FragmentOffset);
        let later = self.builder.compare_const(Condition::Ne, fragment, 0);
        self.builder.forbid(later, other);
    }

    /// The header of a packet of TCP. Leads to `broken` where there is no whole one
    /// (`nft_tcp_header_pointer`).
    pub fn tcp_header(&mut self, broken: Block) -> TcpHeader {
        self.require_protocol(TCP, broken);
        let b = &mut self.builder;
        let there = b.available(Base::Transport, 20);
        b.require(there, broken);
        let length = b.payload(Type::I8, Base::Transport, 12);
        let enough = b.compare_const(Condition::Ge, length, 0x50);
        b.require(enough, broken);
        let four = b.constant(Type::I8, 4);
        let words = b.binary(BinaryOp::Shr, length, four);
        let words = b.extend(Type::I32, words);
        let two = b.constant(Type::I32, 2);
        let length = b.binary(BinaryOp::Shl, words, two);
        let start = b.meta(Meta::TransportOffset);
        let start = b.extend(Type::I32, start);
        let end = b.binary(BinaryOp::Add, start, length);
        let one = b.constant(Type::I32, 1);
        let last = b.binary(BinaryOp::Sub, end, one);
        let there = b.available_at(last, 1);
        b.require(there, broken);
        TcpHeader { length, end, last }
    }

    /// The offset of an option from the network header on, whole and with the bytes that are asked
    /// for within its own length (`nft_exthdr_tcp_eval`). Leads to `absent` where there is none, to
    /// `broken` where it is not sound.
    pub fn tcp_option(
        &mut self,
        header: TcpHeader,
        wanted: &Wanted,
        absent: Block,
        broken: Block,
    ) -> Value {
        let b = &mut self.builder;
        let at = b.scan(Scan::TcpOption(wanted.number));
        let is = b.compare_const(Condition::Lt, at, Scan::BROKEN.into());
        b.require(is, absent);
        // The last byte is looked at for no option.
        let before = b.compare(Condition::Lt, at, header.last);
        b.require(before, absent);
        let asked = u128::from(wanted.offset + wanted.bytes);
        let there = b.available_at(at, 2.max(asked as u16));
        b.require(there, broken);
        if wanted.number <= 1 {
            // Padding is a byte long.
            if asked > 1 {
                let zero = b.constant(Type::I32, 0);
                let fits = b.compare_const(Condition::Ne, zero, 0);
                b.require(fits, broken);
            }
            return at;
        }
        let own = b.load_at(Type::I8, at, 1);
        let own = b.extend(Type::I32, own);
        // An option of no length is taken for one of a byte.
        if asked > 1 {
            let fits = b.compare_const(Condition::Ge, own, asked);
            b.require(fits, broken);
        }
        let behind = b.binary(BinaryOp::Add, at, own);
        let whole = b.compare(Condition::Le, behind, header.end);
        b.require(whole, broken);
        at
    }
}

fn wanted(expression: &Expression) -> Lowered<(Wanted, Register)> {
    match &expression.operation {
        Operation::Extension { kind, number, offset, bytes, to, .. } => {
            let wanted = Wanted { kind: *kind, number: *number, offset: *offset, bytes: *bytes };
            Ok((wanted, *to))
        }
        _ => Err(unsupported(expression, "this")),
    }
}
