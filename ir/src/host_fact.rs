//! What an operation asks that no packet tells by itself: only the host that handles it knows.

use crate::{Address, CtField, Lookup, Meta, Op, SocketField, Source, Way};

/// Something that the host knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostFact {
    /// What kind of address routing makes one of the packet's.
    AddressType(Address),
    /// Whether there is a way back to the packet's source by the interface that it came in by.
    WayBack,
    /// The socket that will receive the packet.
    Receiver,
    /// The receiving socket's mark.
    ReceiverMark,
    /// Whether a socket sends the packet, and which process has it open.
    Socket,
    /// The user who opened the sending socket.
    User,
    /// The group of who opened it.
    Group,
    /// The supplementary groups of who opened it.
    Groups,
    /// The class of its control group.
    Class,
    /// The path of its control group.
    ControlGroup,
    /// The input interface's group.
    InGroup,
    /// The output interface's group.
    OutGroup,
    /// The input interface's number.
    InIndex,
    /// The output interface's number.
    OutIndex,
    /// The hardware type of the device that the packet is at.
    DeviceType,
    /// The output interface's hardware type.
    OutType,
    /// The packet's priority.
    Priority,
    /// The realms of the packet's route.
    Realm,
    /// The MTU of the packet's route.
    RouteMtu,
    /// The MTU of the way back to the packet's source.
    ReturnMtu,
    /// By which ports of a bridge the packet goes.
    BridgePorts,
    /// The IPsec transformations that the packet has come by, or will go by.
    Transforms(Way),
    /// What the packet's connection has counted.
    ConnectionCounters,
    /// The labels of the packet's connection.
    ConnectionLabels,
    /// When the packet's connection ends.
    ConnectionExpiration,
    /// The zone of the packet's connection.
    ConnectionZone,
    /// Which connection announced the packet's, and the helper that saw it.
    Announcer,
}

impl HostFact {
    /// Whether the host's tracker knows it. The others come from its routes, sockets and
    /// interfaces.
    pub fn is_tracked(self) -> bool {
        use HostFact::*;
        matches!(
            self,
            ConnectionCounters
                | ConnectionLabels
                | ConnectionExpiration
                | ConnectionZone
                | Announcer
        )
    }
}

impl Op {
    /// What the operation asks of the host, where it does.
    pub fn host_fact(&self) -> Option<HostFact> {
        Some(match *self {
            Op::Lookup(Lookup::AddressType(address, _)) => HostFact::AddressType(address),
            Op::Lookup(Lookup::ReversePath(_)) => HostFact::WayBack,
            Op::Lookup(Lookup::RouteMtu) => HostFact::RouteMtu,
            Op::Lookup(Lookup::ReturnMtu) => HostFact::ReturnMtu,
            Op::Lookup(Lookup::Receiver { .. }) => HostFact::Receiver,
            Op::Lookup(Lookup::ReceiverMark) => HostFact::ReceiverMark,
            Op::Lookup(Lookup::SocketGroup { .. }) => HostFact::Groups,
            Op::Lookup(Lookup::Transforms(way) | Lookup::Transform { way, .. }) => {
                HostFact::Transforms(way)
            }
            Op::ControlGroup(_) => HostFact::ControlGroup,
            Op::Load(_, Source::Socket(field)) => match field {
                SocketField::Present | SocketField::Open | SocketField::Full => HostFact::Socket,
                SocketField::User => HostFact::User,
                SocketField::Group => HostFact::Group,
                SocketField::Class => HostFact::Class,
            },
            Op::Load(_, Source::Meta(Meta::InGroup)) => HostFact::InGroup,
            Op::Load(_, Source::Meta(Meta::OutGroup)) => HostFact::OutGroup,
            Op::Load(_, Source::Meta(Meta::InIndex)) => HostFact::InIndex,
            Op::Load(_, Source::Meta(Meta::OutIndex)) => HostFact::OutIndex,
            Op::Load(_, Source::Meta(Meta::DeviceType)) => HostFact::DeviceType,
            Op::Load(_, Source::Meta(Meta::OutType)) => HostFact::OutType,
            Op::Load(_, Source::Meta(Meta::Priority)) => HostFact::Priority,
            Op::Load(_, Source::Meta(Meta::Realm)) => HostFact::Realm,
            Op::Load(_, Source::Meta(Meta::Bridged | Meta::InPort | Meta::OutPort)) => {
                HostFact::BridgePorts
            }
            Op::Load(_, Source::Ct(field)) => match field {
                CtField::Counted | CtField::Packets(_) | CtField::Bytes(_) => {
                    HostFact::ConnectionCounters
                }
                CtField::Labels => HostFact::ConnectionLabels,
                CtField::Expiration => HostFact::ConnectionExpiration,
                CtField::Zone(_) => HostFact::ConnectionZone,
                CtField::Helper => HostFact::Announcer,
                _ => return None,
            },
            _ => return None,
        })
    }
}
