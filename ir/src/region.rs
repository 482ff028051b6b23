//! What operations read and write, for whoever moves, merges or repeats them: two of them may
//! change places unless one writes a region that the other reads or writes.

use crate::{
    Base, CtField, Function, Meta, Object, Op, PacketFamily, Rewrite, Scan, Source, State, Table,
};

/// A part of a packet, or of what is known of it or kept beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Region {
    /// So many bytes at an offset of a header.
    Bytes(Base, u16, u16),
    /// The bytes behind TCP's fixed header, at offsets that are computed.
    Options,
    /// Bytes of the packet wherever they lie.
    Packet,
    /// The packet's length.
    Length,
    /// Its firewall mark.
    Mark,
    /// Its connection's mark.
    ConnectionMark,
    /// Its type: for this host, for another, for all.
    PacketType,
    /// Its priority.
    Priority,
    /// The transmit queue that it is to leave by.
    Queue,
    /// The time, which changes by itself.
    Moment,
    /// The sequence of random numbers.
    Random,
    /// A state.
    State(State),
    /// The elements of a table.
    Table(Table),
    /// An object.
    Object(Object),
    /// Counters.
    Counters,
    /// Log records, and whether the packet is traced.
    Records,
}

/// Bytes of the Ethernet header.
const ETHERNET: u16 = 14;

/// Bytes of TCP's header in front of its options.
const FIXED_TCP: u16 = 20;

impl Region {
    /// Whether what changes one may change the other.
    pub fn overlaps(self, other: Region) -> bool {
        match (self, other) {
            (Region::Bytes(base, first, length), Region::Bytes(of, start, bytes)) => {
                base == of && first < start + bytes && start < first + length
            }
            (Region::Options, Region::Bytes(base, first, length))
            | (Region::Bytes(base, first, length), Region::Options) => {
                base == Base::Transport && first + length > FIXED_TCP
            }
            (Region::Packet, Region::Bytes(..) | Region::Options | Region::Packet)
            | (Region::Bytes(..) | Region::Options, Region::Packet) => true,
            (one, other) => one == other,
        }
    }
}

/// A few regions.
type Regions = std::iter::Flatten<std::array::IntoIter<Option<Region>, 4>>;

fn regions<const N: usize>(of: [Region; N]) -> Regions {
    const { assert!(N <= 4) };
    let mut all = [None; 4];
    for (place, region) in all.iter_mut().zip(of) {
        *place = Some(region);
    }
    all.into_iter().flatten()
}

impl Op {
    /// What its result depends on besides its operands.
    pub fn reads(&self) -> Regions {
        match *self {
            // What follows the Ethernet header is read by other offsets, too.
            Op::Load(_, Source::Payload(Base::Link, ETHERNET..)) => regions([Region::Packet]),
            Op::Load(ty, Source::Payload(base, offset)) => {
                regions([Region::Bytes(base, offset, ty.bytes())])
            }
            Op::Load(_, Source::Meta(meta)) => match meta {
                Meta::Length => regions([Region::Length]),
                Meta::Mark => regions([Region::Mark]),
                Meta::PacketType => regions([Region::PacketType]),
                Meta::Priority => regions([Region::Priority]),
                Meta::Clock | Meta::LocalClock | Meta::Nanoseconds => regions([Region::Moment]),
                _ => regions([]),
            },
            Op::Load(_, Source::Ct(CtField::Expiration)) => regions([Region::Moment]),
            Op::Load(_, Source::Ct(CtField::Mark)) => regions([Region::ConnectionMark]),
            Op::LoadAt(..) | Op::Scan(_) => regions([Region::Packet]),
            // Routes are chosen by addresses and marks.
            Op::Lookup(_) => regions([Region::Packet, Region::Mark]),
            Op::AvailableAt(..) => regions([Region::Length]),
            Op::Random => regions([Region::Random]),
            Op::Take(state) => regions([Region::State(state), Region::Moment, Region::Length]),
            Op::Query(object, ..) => regions([Region::Object(object), Region::Moment]),
            Op::Find(table, _) => regions([Region::Table(table)]),
            Op::Touch(table, ..) => regions([Region::Table(table), Region::Moment, Region::Length]),
            Op::Remove(table, _) => regions([Region::Table(table)]),
            Op::Count(_) | Op::CountAt(..) => regions([Region::Counters, Region::Length]),
            Op::Log(..) => regions([Region::Records, Region::Packet, Region::Mark, Region::Length]),
            Op::Trace => regions([Region::Records]),
            Op::Rewrite(ref rewrite) => match rewrite {
                Rewrite::Checksum(field, ..) => {
                    regions([Region::Bytes(field.base, field.offset, 2)])
                }
                Rewrite::Insert(..) | Rewrite::Strip(..) => regions([Region::Packet]),
                Rewrite::Store(..)
                | Rewrite::StoreAt(..)
                | Rewrite::Priority(_)
                | Rewrite::Queue(_) => regions([]),
            },
            Op::Load(_, Source::Ct(_) | Source::Socket(_))
            | Op::Const(..)
            | Op::Choose(..)
            | Op::Binary(..)
            | Op::Extend(..)
            | Op::Truncate(..)
            | Op::Calendar(..)
            | Op::Hash(..)
            | Op::Compare(..)
            | Op::InRange(..)
            | Op::Available(..)
            | Op::Found(_)
            | Op::Field(..)
            | Op::ControlGroup(_)
            | Op::SetMark(_)
            | Op::SetConnectionMark(_)
            | Op::ToHost => regions([]),
        }
    }

    /// What it changes in a function of which it is part; nothing, where it may be moved, repeated
    /// and left out.
    pub fn writes(&self, function: &Function) -> Regions {
        match *self {
            Op::Random => regions([Region::Random]),
            Op::Take(state) => regions([Region::State(state)]),
            Op::Query(object, ..) => regions([Region::Object(object)]),
            Op::Touch(table, ..) | Op::Remove(table, _) => regions([Region::Table(table)]),
            Op::Count(_) | Op::CountAt(..) => regions([Region::Counters]),
            Op::Log(..) | Op::Trace => regions([Region::Records]),
            Op::SetMark(_) => regions([Region::Mark]),
            Op::SetConnectionMark(_) => regions([Region::ConnectionMark]),
            Op::ToHost => regions([Region::PacketType]),
            Op::Rewrite(ref rewrite) => match *rewrite {
                Rewrite::Store(base, offset, value) => {
                    regions([Region::Bytes(base, offset, function.ty(value).bytes())])
                }
                Rewrite::StoreAt(offset, ..) => match *function.definition(offset) {
                    Op::Scan(Scan::TcpOption(_) | Scan::TcpMss) => regions([Region::Options]),
                    _ => regions([Region::Packet]),
                },
                Rewrite::Checksum(field, ..) => {
                    regions([Region::Bytes(field.base, field.offset, 2)])
                }
                Rewrite::Strip(..) => {
                    regions([Region::Options, Region::Bytes(Base::Transport, 16, 2)])
                }
                Rewrite::Insert(..) => match function.family {
                    PacketFamily::Ipv4 => regions([
                        Region::Options,
                        Region::Length,
                        Region::Bytes(Base::Network, 2, 2),
                        Region::Bytes(Base::Network, 10, 2),
                    ]),
                    PacketFamily::Ipv6 | PacketFamily::Other => regions([
                        Region::Options,
                        Region::Length,
                        Region::Bytes(Base::Network, 4, 2),
                    ]),
                },
                Rewrite::Priority(_) => regions([Region::Priority]),
                Rewrite::Queue(_) => regions([Region::Queue]),
            },
            Op::Const(..)
            | Op::Load(..)
            | Op::LoadAt(..)
            | Op::Binary(..)
            | Op::Extend(..)
            | Op::Truncate(..)
            | Op::Calendar(..)
            | Op::Hash(..)
            | Op::Compare(..)
            | Op::InRange(..)
            | Op::Available(..)
            | Op::Find(..)
            | Op::Found(_)
            | Op::Field(..)
            | Op::AvailableAt(..)
            | Op::Scan(_)
            | Op::Lookup(_)
            | Op::Choose(..)
            | Op::ControlGroup(_) => regions([]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_overlap_where_bytes_do() {
        let bytes = |first, length| Region::Bytes(Base::Transport, first, length);
        assert!(bytes(2, 2).overlaps(bytes(0, 4)) && bytes(0, 4).overlaps(bytes(3, 1)));
        assert!(!bytes(0, 2).overlaps(bytes(2, 2)));
        assert!(!bytes(0, 2).overlaps(Region::Bytes(Base::Network, 0, 2)));
        assert!(bytes(18, 4).overlaps(Region::Options) && Region::Options.overlaps(bytes(20, 1)));
        assert!(!bytes(16, 4).overlaps(Region::Options));
        for part in [bytes(0, 1), Region::Options, Region::Packet] {
            assert!(part.overlaps(Region::Packet) && Region::Packet.overlaps(part));
        }
        assert!(!Region::Packet.overlaps(Region::Length));
        assert!(Region::Mark.overlaps(Region::Mark));
        assert!(!Region::Mark.overlaps(Region::ConnectionMark));
    }
}
