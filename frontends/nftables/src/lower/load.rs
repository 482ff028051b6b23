//! Loads: from the packet, of what is known of it, and constants. A load that fails ends the rule.

use super::chain::Cx;
use super::fib::Asked;
use super::hash::Scale;
use super::registers::{Content, Meaning, only_number, type_of};
use super::{Lowered, unknown, unsupported};
use crate::model::{Comparison, Direction, Expression, Operation, PayloadBase, Register};
use bpfc_ir::{
    Base, BinaryOp, CalendarField, Condition, CtField, CtTuple, Device, Family, FunctionBuilder,
    Meta, PacketFamily, SocketField, Source, StateKind, TupleField, Type, Value,
};

/// `ARPHRD_ETHER` (include/uapi/linux/if_arp.h).
const ETHERNET: u128 = 1;

impl Cx<'_, '_> {
    pub fn load(&mut self, expression: &Expression) -> Lowered<()> {
        match &expression.operation {
            Operation::Payload { base, offset, bytes, to } => {
                if self.is_other() && matches!(base, PayloadBase::Transport | PayloadBase::Inner) {
                    self.leave();
                    return Ok(());
                }
                if (9..16).contains(bytes) || *bytes == 16 && *base == PayloadBase::Link {
                    // No number is that long: the first eight, and the rest behind them.
                    for (start, bytes) in [(0, 8), (8, bytes - 8)] {
                        if self.builder.is_open() {
                            let value = self.payload(*base, offset + start, bytes, expression)?;
                            self.put(Register(to.0 + start as u8 / 4), value, bytes, false);
                        }
                    }
                    return Ok(());
                }
                let value = self.payload(*base, *offset, *bytes, expression)?;
                self.put(*to, value, *bytes, false);
                Ok(())
            }
            Operation::Meta { key, to } => self.meta(key.kernel, *to, expression),
            Operation::Ct { .. } if self.is_netdev() => Err(unsupported(
                expression,
                "ct in a chain of devices, which the kernel refuses, too,",
            )),
            Operation::Ct { key, direction, to } => {
                self.ct(key.kernel, *direction, *to, expression)
            }
            Operation::Immediate { to, data } => {
                let part = data
                    .only()
                    .ok_or_else(|| unsupported(expression, "a constant of several values"))?;
                let bytes = part.bytes.len() as u32;
                let ty =
                    type_of(bytes).ok_or_else(|| unsupported(expression, "so long a value"))?;
                let number =
                    only_number(data).ok_or_else(|| unsupported(expression, "so long a value"))?;
                let value = self.builder.constant(ty, number);
                self.put(*to, value, bytes, part.is_host);
                Ok(())
            }
            Operation::Numgen { is_random, modulus, offset, to } => {
                let modulus = (*modulus).max(1);
                let value = if *is_random {
                    let random = self.builder.random();
                    self.scaled(random, Scale { modulus, offset: *offset })
                } else {
                    // The first packet gets 0.
                    let kind = StateKind::Cycle { period: modulus, start: modulus - 1 };
                    let state = self.state(kind);
                    let value = self.builder.take(state);
                    let first = self.builder.constant(Type::I32, (*offset).into());
                    self.builder.binary(BinaryOp::Add, value, first)
                };
                self.put(*to, value, 4, true);
                Ok(())
            }
            Operation::Jhash { from, bytes, modulus, seed, offset, to } => {
                let scale = Scale { modulus: *modulus, offset: *offset };
                self.jhash(expression, *from, *bytes, *seed, scale, *to)
            }
            Operation::Fib { flags, result, is_presence, to } => {
                let asked = Asked { flags, result: *result, is_presence: *is_presence };
                self.fib(asked, *to, expression)
            }
            _ => Err(unsupported(expression, "this")),
        }
    }

    /// Whether the chain is one of a table of devices.
    fn is_netdev(&self) -> bool {
        self.shared.ruleset.tables[self.place.table].family == crate::model::Family::Netdev
    }

    pub fn put(&mut self, to: Register, value: Value, bytes: u32, is_host: bool) {
        let meaning = Meaning::Plain;
        self.registers.set(to, Content { value, bytes, is_host, meaning });
    }

    /// Ends the rule where a value is zero.
    pub fn require_nonzero(&mut self, value: Value) {
        let is = self.builder.compare_const(Condition::Ne, value, 0);
        self.builder.require(is, self.next);
    }

    /// Ends the rule where a value is not zero.
    fn require_zero(&mut self, value: Value) {
        let is = self.builder.compare_const(Condition::Ne, value, 0);
        self.builder.forbid(is, self.next);
    }

    /// Bytes of the packet as a number, most significant first.
    pub fn payload(
        &mut self,
        base: PayloadBase,
        offset: u32,
        bytes: u32,
        expression: &Expression,
    ) -> Lowered<Value> {
        let too_far = || unsupported(expression, "a load so far into the packet");
        let end = u16::try_from(offset + bytes).map_err(|_| too_far())?;
        let offset = offset as u16;
        let (base, start) = match base {
            PayloadBase::Link => {
                return self.link_bytes(offset.into(), bytes, expression);
            }
            PayloadBase::Network => (Base::Network, self.network_start(end, end)),
            PayloadBase::Transport => {
                self.require_transport(end);
                (Base::Transport, None)
            }
            PayloadBase::Inner => {
                return self.transport_payload(offset.into(), bytes, expression);
            }
            PayloadBase::Tunnel => return Err(unsupported(expression, "a header in a tunnel")),
        };
        self.pieces(base, start, offset, bytes, expression)
    }

    /// Ends the rule where the transport header has fewer bytes, or there is none.
    pub fn require_transport(&mut self, bytes: u16) {
        // Fragments that are not the first have no transport header: see docs/semantics.md.
        let fragment = self.builder.meta(Meta::FragmentOffset);
        self.require_zero(fragment);
        let there = self.builder.available(Base::Transport, bytes);
        self.builder.require(there, self.next);
    }

    /// Where the network header begins, for bytes that end behind its fixed part: the rule ends
    /// where so many as are needed are not there.
    pub fn network_start(&mut self, end: u16, needed: u16) -> Option<Value> {
        let fixed = match self.family {
            PacketFamily::Ipv4 => 20,
            PacketFamily::Ipv6 => 40,
            PacketFamily::Other => 0,
        };
        (end > fixed).then(|| {
            let start = self.builder.constant(Type::I32, 0);
            let there = self.builder.available_at(start, needed);
            self.builder.require(there, self.next);
            start
        })
    }

    /// Bytes at an offset from a base, or from `start` behind the network header, as a number.
    pub fn pieces(
        &mut self,
        base: Base,
        start: Option<Value>,
        offset: u16,
        bytes: u32,
        expression: &Expression,
    ) -> Lowered<Value> {
        let ty = type_of(bytes).ok_or_else(|| unsupported(expression, "so long a load"))?;
        let mut number: Option<Value> = None;
        let mut done = 0;
        while done < bytes as u16 {
            let piece = match bytes as u16 - done {
                16.. => Type::I128,
                8.. => Type::I64,
                4.. => Type::I32,
                2.. => Type::I16,
                _ => Type::I8,
            };
            let loaded = match start {
                Some(start) => self.builder.load_at(piece, start, offset + done),
                None => self.builder.payload(piece, base, offset + done),
            };
            number = Some(match number {
                None if piece == ty => loaded,
                None => self.builder.extend(ty, loaded),
                Some(_) if ty == Type::I128 => {
                    return Err(unsupported(expression, "a load of 9 to 15 bytes"));
                }
                Some(high) => {
                    let by = self.builder.constant(ty, u128::from(piece.bytes()) * 8);
                    let high = self.builder.binary(BinaryOp::Shl, high, by);
                    let low = match piece == ty {
                        true => loaded,
                        false => self.builder.extend(ty, loaded),
                    };
                    self.builder.binary(BinaryOp::Or, high, low)
                }
            });
            done += piece.bytes();
        }
        number.ok_or_else(|| unsupported(expression, "a load of nothing"))
    }

    fn meta(&mut self, key: &str, to: Register, expression: &Expression) -> Lowered<()> {
        let plain = |meta: Meta| (meta, Meaning::Plain);
        let (meta, meaning) = match key {
            "len" => plain(Meta::Length),
            "mark" => plain(Meta::Mark),
            "priority" => plain(Meta::Priority),
            "cpu" => plain(Meta::Cpu),
            "pkttype" => plain(Meta::PacketType),
            "iifname" => plain(Meta::InInterface),
            "oifname" => plain(Meta::OutInterface),
            "iif" => (Meta::InInterface, Meaning::Interface(Device::In)),
            "oif" => (Meta::OutInterface, Meaning::Interface(Device::Out)),
            "iifgroup" => {
                self.require_interface(Device::In);
                plain(Meta::InGroup)
            }
            "oifgroup" => {
                self.require_interface(Device::Out);
                plain(Meta::OutGroup)
            }
            "iiftype" if self.guards_link_header() => (Meta::LinkHeader, Meaning::LinkHeader),
            "iiftype" => {
                let kind = self.builder.meta(Meta::DeviceType);
                let none = Meta::NO_DEVICE.into();
                let there = self.builder.compare_const(Condition::Ne, kind, none);
                self.builder.require(there, self.next);
                self.put(to, kind, 2, true);
                return Ok(());
            }
            "oiftype" => {
                self.require_interface(Device::Out);
                plain(Meta::OutType)
            }
            "time" => plain(Meta::Nanoseconds),
            "rtclassid" => plain(Meta::Realm),
            "l4proto" if self.is_other() => {
                self.leave();
                return Ok(());
            }
            "l4proto" => {
                // Where the walk through extension headers fails the kernel knows of none.
                if self.family == Family::Ipv6 {
                    let failed = self.builder.meta(Meta::WalkFailed);
                    self.require_zero(failed);
                }
                plain(Meta::L4Proto)
            }
            _ => return self.computed_meta(key, to, expression),
        };
        let value = self.builder.meta(meta);
        let bytes = match meaning {
            Meaning::Interface(_) => 4,
            Meaning::LinkHeader => 2,
            Meaning::Plain => u32::from(meta.ty().bytes()),
        };
        // A name stands for an index.
        let is_host = meaning.is_interface() || bytes > 1 && meta.ty() != Type::I128;
        self.registers.set(to, Content { value, bytes, is_host, meaning });
        Ok(())
    }

    /// Ends the rule where a packet has no such interface.
    fn require_interface(&mut self, device: Device) {
        let name = self.builder.meta(match device {
            Device::In => Meta::InInterface,
            Device::Out => Meta::OutInterface,
        });
        self.require_nonzero(name);
    }

    /// Whether the type of the packet's device is asked for as nft does it before loads of the
    /// link header, which the rule then makes: the two together ask whether there is one of
    /// Ethernet.
    fn guards_link_header(&self) -> bool {
        let is_guard = match self.behind.first().map(|next| &next.operation) {
            Some(Operation::Compare { op: Comparison::Eq, data, .. }) => {
                only_number(data) == Some(ETHERNET)
            }
            _ => false,
        };
        is_guard
            && self.behind.iter().any(|later| {
                matches!(later.operation, Operation::Payload { base: PayloadBase::Link, .. })
            })
    }

    /// Keys that are more than a load.
    fn computed_meta(&mut self, key: &str, to: Register, expression: &Expression) -> Lowered<()> {
        let family = self.family;
        let socket = |field: SocketField| (field, field.ty());
        let (field, ty) = match key {
            "protocol" => {
                let value = match family {
                    PacketFamily::Ipv4 => self.builder.constant(Type::I16, 0x0800),
                    PacketFamily::Ipv6 => self.builder.constant(Type::I16, 0x86dd),
                    PacketFamily::Other => self.builder.meta(Meta::Protocol),
                };
                self.put(to, value, 2, false);
                return Ok(());
            }
            "nfproto" => {
                const NETDEV: u128 = 5;
                let number = match family {
                    _ if self.is_netdev() => NETDEV,
                    PacketFamily::Ipv4 => 2,
                    PacketFamily::Ipv6 | PacketFamily::Other => 10,
                };
                let value = self.builder.constant(Type::I8, number);
                self.put(to, value, 1, false);
                return Ok(());
            }
            "prandom" => {
                let value = self.builder.random();
                self.put(to, value, 4, false);
                return Ok(());
            }
            "hour" => {
                // In UTC, where the day of the week is that of the kernel's time zone.
                let clock = self.builder.meta(Meta::Clock);
                let value = self.builder.calendar(CalendarField::DaySecond, clock);
                self.put(to, value, 4, true);
                return Ok(());
            }
            "day" => {
                // Sunday is 0.
                let clock = self.builder.meta(Meta::LocalClock);
                let day = self.builder.calendar(CalendarField::Weekday, clock);
                let week = self.builder.constant(Type::I32, 7);
                let value = self.builder.binary(BinaryOp::Rem, day, week);
                self.put(to, value, 1, false);
                return Ok(());
            }
            "secpath" => {
                let value = self.has_security_path();
                self.put(to, value, 1, false);
                return Ok(());
            }
            "sdif" | "sdifname" => {
                let what = "the interface of a VRF that a packet came in by (meta sdif)";
                let why = "the network layer notes it where no program can read it";
                return Err(unknown(expression, what, why));
            }
            "skuid" => socket(SocketField::User),
            "skgid" => socket(SocketField::Group),
            "cgroup" => socket(SocketField::Class),
            _ => return Err(unsupported(expression, &format!("meta {key}"))),
        };
        let needed: &[SocketField] = match field {
            SocketField::Class => &[SocketField::Full],
            _ => &[SocketField::Present, SocketField::Open],
        };
        for &needed in needed {
            let there = self.builder.load(needed.ty(), Source::Socket(needed));
            self.require_nonzero(there);
        }
        let value = self.builder.load(ty, Source::Socket(field));
        self.put(to, value, 4, true);
        Ok(())
    }

    fn ct(
        &mut self,
        key: &str,
        direction: Option<Direction>,
        to: Register,
        expression: &Expression,
    ) -> Lowered<()> {
        if key == "state" {
            let state = self.builder.ct(CtField::State);
            let state = self.builder.extend(Type::I32, state);
            self.put(to, state, 4, true);
            return Ok(());
        }
        let refused = || unsupported(expression, &format!("ct {key}"));
        let tuple = match direction {
            Some(Direction::Original) | None => CtTuple::Original,
            Some(Direction::Reply) => CtTuple::Reply,
        };
        let of = |part| CtField::Tuple(tuple, part);
        let family = self.family;
        let is_other = |wanted: Family| family != wanted;
        let (field, is_host) = match key {
            "status" => (CtField::Status, true),
            "mark" => (CtField::Mark, true),
            "direction" => (CtField::Direction, false),
            "protocol" => (CtField::Protocol, false),
            "label" => (CtField::Labels, true),
            "helper" => (CtField::Helper, false),
            "packets" | "bytes" | "avgpkt" => {
                let present = self.builder.ct(CtField::Present);
                self.require_nonzero(present);
                let value = self.counted_traffic(key, direction);
                self.put(to, value, 8, true);
                return Ok(());
            }
            "expiration" => (CtField::Expiration, true),
            "zone" => (CtField::Zone(direction.map(|_| tuple)), true),
            "id" => {
                let why = "the kernel makes it of the entry's address and a secret of its own";
                return Err(unknown(expression, "the number of a connection (ct id)", why));
            }
            "src" => (of(TupleField::Source), false),
            "dst" => (of(TupleField::Destination), false),
            "proto_src" => (of(TupleField::SourcePort), false),
            "proto_dst" => (of(TupleField::DestinationPort), false),
            "src_ip" | "dst_ip" | "src_ip6" | "dst_ip6" => {
                let of_four = matches!(key, "src_ip" | "dst_ip");
                if is_other(if of_four { Family::Ipv4 } else { Family::Ipv6 }) {
                    // A connection of the other family has none.
                    self.builder.jump(self.next);
                    return Ok(());
                }
                let is_source = key.starts_with("src");
                let part = if is_source { TupleField::Source } else { TupleField::Destination };
                (of(part), false)
            }
            "l3protocol" => {
                let present = self.builder.ct(CtField::Present);
                self.require_nonzero(present);
                let number = if family == Family::Ipv4 { 2 } else { 10 };
                let value = self.builder.constant(Type::I8, number);
                self.put(to, value, 1, false);
                return Ok(());
            }
            _ => return Err(refused()),
        };
        let present = self.builder.ct(CtField::Present);
        self.require_nonzero(present);
        let value = self.builder.ct(field);
        if field == CtField::Helper {
            // No helper's name is empty.
            self.require_nonzero(value);
        }
        self.put(to, value, u32::from(field.ty(family).bytes()), is_host);
        Ok(())
    }

    /// What a connection has counted in a direction or in both (`nft_ct_get_eval_counter`).
    fn counted_traffic(&mut self, key: &str, direction: Option<Direction>) -> Value {
        let directions: &[CtTuple] = match direction {
            Some(Direction::Original) => &[CtTuple::Original],
            Some(Direction::Reply) => &[CtTuple::Reply],
            None => &[CtTuple::Original, CtTuple::Reply],
        };
        let mut sum = |of: fn(CtTuple) -> CtField| {
            let add = |builder: &mut FunctionBuilder, sum: Option<Value>, tuple: CtTuple| {
                let one = builder.ct(of(tuple));
                Some(match sum {
                    Some(sum) => builder.binary(BinaryOp::Add, sum, one),
                    None => one,
                })
            };
            let added =
                directions.iter().fold(None, |sum, &tuple| add(&mut self.builder, sum, tuple));
            added.unwrap_or_else(|| self.builder.constant(Type::I64, 0))
        };
        match key {
            "packets" => sum(CtField::Packets),
            "bytes" => sum(CtField::Bytes),
            // An average of no packets is 0.
            _ => {
                let (bytes, packets) = (sum(CtField::Bytes), sum(CtField::Packets));
                self.builder.binary(BinaryOp::Div, bytes, packets)
            }
        }
    }
}
