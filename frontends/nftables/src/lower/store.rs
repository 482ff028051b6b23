//! What rules write into packets: bytes of headers, and the checksums that cover them, in the order
//! and with the failures of the kernel (net/netfilter/nft_payload.c, `nft_payload_set_eval`).
//!
//! A checksum is corrected by what the bytes were and are, never computed anew, and before they are
//! written: where they are the checksum themselves, what is written stays.

use super::chain::Cx;
use super::registers::{Content, Meaning};
use super::{Lowered, unsupported};
use crate::model::{Expression, Operation, PayloadBase, Register};
use crate::protocol::Checksum;
use bpfc_ir::{
    Arm, Base, BinaryOp, Block, ChecksumField, Condition, Meta, Op, PacketFamily, Rewrite, Scan,
    Switch, Terminator, Type, Value,
};

/// Bytes of the Ethernet header, and of its addresses.
const LINK_HEADER: u32 = 14;
const ADDRESSES: u32 = 12;

/// The kernel's numbers of checksums (`enum nft_payload_csum_types`).
const INTERNET: u32 = 1;

/// The transport protocols whose checksums the kernel corrects, where each lies, and how many bytes
/// of the header must be there for it; a UDP checksum of 0 says that there is none.
const TRANSPORT: [(u128, u16, u16); 4] = [(6, 16, 18), (UDP, 6, 8), (136, 6, 8), (58, 2, 4)];
const UDP: u128 = 17;

/// Bytes that are written.
#[derive(Clone, Copy)]
struct Store {
    base: Base,
    /// Where the network header begins as a value, for bytes behind its fixed part; behind the
    /// transport header where its payload begins.
    start: Option<Value>,
    offset: u16,
    bytes: u16,
    content: Content,
}

/// What a checksum covered and covers, by words of 16 or 32 bits.
type Words = Vec<(Value, Value)>;

impl Cx<'_, '_> {
    pub fn store(&mut self, expression: &Expression) -> Lowered<()> {
        let Operation::PayloadStore { from, base, offset, bytes, checksum, is_covered } =
            &expression.operation
        else {
            return Err(unsupported(expression, "this"));
        };
        if self.is_other() && matches!(base, PayloadBase::Transport | PayloadBase::Inner) {
            self.leave();
            return Ok(());
        }
        let content = self.in_packet_order(*from, *bytes, expression)?;
        let store = self.guarded(*base, *offset, *bytes, *checksum, content, expression)?;
        let header = match checksum {
            Some(Checksum { kind: INTERNET, offset: at }) => Some(ChecksumField {
                base: store.base,
                offset: *at as u16,
                pseudo: false,
                nonzero: true,
            }),
            Some(_) => return Err(unsupported(expression, "writing SCTP, whose checksum")),
            None => None,
        };
        if header.is_none() && !*is_covered {
            return self.write(store, expression);
        }
        let old = self.words_there(store);
        let new = self.words_of(store);
        let Some(new) = new else {
            // Values so long are IPv6's addresses, which no checksum of its header covers.
            if header.is_some() {
                return Err(unsupported(expression, "a checksum over so long a value"));
            }
            self.transport_checksum(store, None, expression)?;
            self.write(store, expression)?;
            let new = self.words_there(store);
            let words = old.into_iter().zip(new).collect();
            return self.transport_checksum(store, Some(&words), expression);
        };
        let words: Words = old.into_iter().zip(new).collect();
        if let Some(field) = header {
            self.correct(store, field, &words, expression)?;
        }
        if *is_covered {
            self.transport_checksum(store, Some(&words), expression)?;
        }
        self.write(store, expression)
    }

    /// What a register holds, of so many bytes in the order of packets.
    pub fn in_packet_order(
        &self,
        from: Register,
        bytes: u32,
        expression: &Expression,
    ) -> Lowered<Content> {
        let content = self.content(from, expression)?;
        if content.meaning != Meaning::Plain {
            return Err(unsupported(expression, "writing the index of an interface"));
        }
        if content.is_host && content.bytes > 1 {
            return Err(unsupported(expression, "writing a number in the machine's order"));
        }
        match content.bytes == bytes {
            true => Ok(content),
            false => Err(unsupported(expression, "writing a value of another size")),
        }
    }

    /// Ends the rule where the bytes, or a checksum of their header, are not there.
    fn guarded(
        &mut self,
        base: PayloadBase,
        offset: u32,
        bytes: u32,
        checksum: Option<Checksum>,
        content: Content,
        expression: &Expression,
    ) -> Lowered<Store> {
        let too_far = || unsupported(expression, "a store so far into the packet");
        let end = offset + bytes;
        let needed = checksum.map_or(end, |checksum| end.max(checksum.offset + 2));
        let needed = u16::try_from(needed).map_err(|_| too_far())?;
        let [offset, bytes] = [offset, bytes].map(|number| number as u16);
        let (base, start) = match base {
            PayloadBase::Link => {
                if end > LINK_HEADER {
                    return Err(unsupported(expression, "writing behind the link header"));
                }
                if end > ADDRESSES && self.may_be_at_device() {
                    let what = "writing the type of frames whose VLAN tag is kept beside them";
                    return Err(unsupported(expression, what));
                }
                let link = self.builder.meta(Meta::LinkHeader);
                self.require_nonzero(link);
                (Base::Link, None)
            }
            PayloadBase::Network => (Base::Network, self.network_start(offset + bytes, needed)),
            PayloadBase::Transport => {
                self.require_transport(needed);
                (Base::Transport, None)
            }
            // Its checksum covers the bytes as it covers those of the header itself.
            PayloadBase::Inner => {
                let start = self.scanned(Scan::Payload);
                let there = self.builder.available_at(start, needed);
                self.builder.require(there, self.next);
                (Base::Transport, Some(start))
            }
            PayloadBase::Tunnel => {
                return Err(unsupported(expression, "writing the header of a tunnel"));
            }
        };
        Ok(Store { base, start, offset, bytes, content })
    }

    /// The parts of what is written: of 4 bytes, then of 2, then one.
    fn parts(store: Store) -> impl Iterator<Item = (u16, Type)> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let ty = match store.bytes - at {
                4.. => Type::I32,
                2.. => Type::I16,
                1 => Type::I8,
                0 => return None,
            };
            at += ty.bytes();
            Some((at - ty.bytes(), ty))
        })
    }

    /// A part as a checksum adds it: a last byte is the first one of a word.
    fn word(&mut self, part: Value) -> Value {
        if self.type_of(part) != Type::I8 {
            return part;
        }
        let word = self.builder.extend(Type::I16, part);
        let eight = self.builder.constant(Type::I16, 8);
        self.builder.binary(BinaryOp::Shl, word, eight)
    }

    /// The words in the packet.
    fn words_there(&mut self, store: Store) -> Vec<Value> {
        let load = |(at, ty)| {
            let offset = store.offset + at;
            let part = match store.start {
                Some(start) => self.builder.load_at(ty, start, offset),
                None => self.builder.payload(ty, store.base, offset),
            };
            self.word(part)
        };
        Self::parts(store).map(load).collect()
    }

    /// The words that are written; none of values that are too long to be taken apart.
    fn words_of(&mut self, store: Store) -> Option<Vec<Value>> {
        let words = Self::parts(store).map(|(at, ty)| {
            let part = self.part(store, at, ty)?;
            Some(self.word(part))
        });
        words.collect()
    }

    /// Bytes of the value that is written.
    fn part(&mut self, store: Store, at: u16, ty: Type) -> Option<Value> {
        let value = store.content.value;
        let shift = 8 * (store.bytes - at - ty.bytes());
        if let Some(constant) = self.builder.constant_of(value) {
            return Some(self.builder.constant(ty, constant >> shift & ty.max()));
        }
        let whole = self.type_of(value);
        if whole == Type::I128 {
            return None;
        }
        let mut part = value;
        if shift > 0 {
            let by = self.builder.constant(whole, shift.into());
            part = self.builder.binary(BinaryOp::Shr, part, by);
        }
        Some(match whole.bytes() > ty.bytes() {
            true => self.builder.truncate(ty, part),
            false => part,
        })
    }

    /// Writes the bytes.
    fn write(&mut self, store: Store, expression: &Expression) -> Lowered<()> {
        let whole = self.type_of(store.content.value).bytes() == store.bytes;
        if whole {
            self.write_part(store, 0, store.content.value);
            return Ok(());
        }
        let parts: Vec<_> = Self::parts(store).collect();
        for (at, ty) in parts {
            let part = self.part(store, at, ty);
            let part = part.ok_or_else(|| unsupported(expression, "writing so long a value"))?;
            self.write_part(store, at, part);
        }
        Ok(())
    }

    fn write_part(&mut self, store: Store, at: u16, part: Value) {
        let offset = store.offset + at;
        let rewrite = match store.start {
            Some(start) => Rewrite::StoreAt(start, offset, part),
            None => Rewrite::Store(store.base, offset, part),
        };
        self.builder.push(Op::Rewrite(rewrite));
    }

    /// Corrects a checksum, unless what is written is the checksum.
    fn correct(
        &mut self,
        store: Store,
        field: ChecksumField,
        words: &Words,
        expression: &Expression,
    ) -> Lowered<()> {
        let (first, last) = (store.offset, store.offset + store.bytes);
        let is_of_payload = store.base == Base::Transport && store.start.is_some();
        let is_beside = store.base != field.base || is_of_payload;
        if !is_beside && first < field.offset + 2 && field.offset < last {
            return match first <= field.offset && field.offset + 2 <= last {
                true => Ok(()),
                false => Err(unsupported(expression, "writing half of a checksum")),
            };
        }
        if self.is_other() {
            // All of what is no sound packet of IP is at computed offsets; where they begin was
            // tested, with the checksum's place.
            let start = store.start.ok_or_else(|| unsupported(expression, "this checksum"))?;
            self.correct_anywhere(start, field, words);
            return Ok(());
        }
        for &(old, new) in words {
            self.builder.push(Op::Rewrite(Rewrite::Checksum(field, old, new)));
        }
        Ok(())
    }

    /// The same behind the beginning of what is no sound packet of IP, where all bytes are such at
    /// computed offsets.
    fn correct_anywhere(&mut self, start: Value, field: ChecksumField, words: &Words) {
        const MODULUS: u128 = 0xffff;
        let b = &mut self.builder;
        let sum = b.load_at(Type::I16, start, field.offset);
        let mut sum = b.extend(Type::I64, sum);
        // The modulus divides it, and what is subtracted is not more.
        let enough = b.constant(Type::I64, u32::MAX.into());
        for &(old, new) in words {
            let [old, new] = [old, new].map(|word| b.extend(Type::I64, word));
            sum = b.binary(BinaryOp::Add, sum, old);
            sum = b.binary(BinaryOp::Add, sum, enough);
            sum = b.binary(BinaryOp::Sub, sum, new);
        }
        // From 1 to the modulus, which is the other form of 0.
        let [less, modulus, one] =
            [MODULUS - 1, MODULUS, 1].map(|number| b.constant(Type::I64, number));
        sum = b.binary(BinaryOp::Add, sum, less);
        sum = b.binary(BinaryOp::Rem, sum, modulus);
        sum = b.binary(BinaryOp::Add, sum, one);
        let sum = b.truncate(Type::I16, sum);
        b.push(Op::Rewrite(Rewrite::StoreAt(start, field.offset, sum)));
    }

    /// Corrects the transport checksum that covers the bytes, if there is one, or without words
    /// only ends the rule where there should be one but is not (`nft_payload_l4csum_update`).
    fn transport_checksum(
        &mut self,
        store: Store,
        words: Option<&Words>,
        expression: &Expression,
    ) -> Lowered<()> {
        if self.is_other() {
            return Ok(());
        }
        let done = self.builder.block();
        let fragment = self.builder.meta(Meta::FragmentOffset);
        let later = self.builder.compare_const(Condition::Ne, fragment, 0);
        self.builder.forbid(later, done);
        if self.family == PacketFamily::Ipv6 {
            let failed = self.builder.meta(Meta::WalkFailed);
            let failed = self.builder.compare_const(Condition::Ne, failed, 0);
            self.builder.forbid(failed, done);
        }
        let protocol = self.builder.meta(Meta::L4Proto);
        let blocks: Vec<Block> = TRANSPORT.iter().map(|_| self.builder.block()).collect();
        let mut arms: Vec<Arm> = TRANSPORT
            .iter()
            .zip(&blocks)
            .map(|(&(number, ..), &to)| Arm { low: number, high: number, to })
            .collect();
        arms.sort_by_key(|arm| arm.low);
        let switch = Switch { value: protocol, arms, otherwise: done };
        self.builder.terminate(Terminator::Switch(Box::new(switch)));
        for ((number, offset, needed), block) in TRANSPORT.into_iter().zip(blocks) {
            self.builder.switch_to(block);
            let there = self.builder.available(Base::Transport, needed);
            let missing = if number == UDP { done } else { self.next };
            self.builder.require(there, missing);
            if number == UDP {
                let sum = self.builder.payload(Type::I16, Base::Transport, offset);
                let none = self.builder.compare_const(Condition::Eq, sum, 0);
                self.builder.forbid(none, done);
            }
            let pseudo = store.base != Base::Transport;
            let field = ChecksumField { base: Base::Transport, offset, pseudo, nonzero: true };
            if let Some(words) = words {
                self.correct(store, field, words, expression)?;
            }
            self.builder.jump(done);
        }
        self.builder.switch_to(done);
        Ok(())
    }
}
