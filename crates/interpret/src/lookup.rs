//! What the kernel's tables would answer, by the facts that come with the packet. A packet without
//! routes is one of a host that has none.

use crate::Run;
use bpfc_ir::{
    Address, Device, Family, Lookup, Receiver, ReversePath, SocketField, TransformField, Way,
};
use bpfc_packet::{InterfaceName, Owner, Routes, Transform};

impl Run<'_, '_, '_> {
    pub(crate) fn lookup(&self, lookup: Lookup) -> u32 {
        match lookup {
            Lookup::SocketGroup { low, high } => {
                let owner = self.packet.packet().socket.as_ref().and_then(|s| s.owner.as_ref());
                let held = |owner: &Owner| owner.groups.iter().any(|g| (low..=high).contains(g));
                owner.is_some_and(held).into()
            }
            Lookup::Receiver { transparent } => self.receiver(transparent),
            Lookup::ReceiverMark => {
                let receiver = self.packet.packet().receiver.as_ref();
                receiver.filter(|receiver| receiver.full).map_or(0, |receiver| receiver.mark)
            }
            Lookup::RouteMtu => self.packet.packet().route_mtu,
            Lookup::ReturnMtu => self.packet.packet().return_mtu,
            Lookup::ReversePath(path) => self.reverse_path(path).into(),
            Lookup::Transforms(way) => {
                self.transforms(way).map_or(Lookup::NONE, |list| list.len() as u32)
            }
            Lookup::Transform { way, index, field } => {
                let found = self.transforms(way).and_then(|list| list.get(usize::from(index)));
                found.map_or(0, |transform| transform_field(transform, field))
            }
            Lookup::AddressType(address, device) => self.address_type(address, device),
        }
    }

    pub(crate) fn socket(&self, field: SocketField) -> u128 {
        let Some(socket) = &self.packet.packet().socket else { return 0 };
        let owner = socket.owner.as_ref();
        match field {
            SocketField::Present | SocketField::Full => 1,
            SocketField::Open => owner.is_some().into(),
            SocketField::User => owner.map_or(0, |owner| owner.user.into()),
            SocketField::Group => owner.map_or(0, |owner| owner.group.into()),
            SocketField::Class => socket.class.into(),
        }
    }

    pub(crate) fn control_group(&self, path: &str) -> bool {
        let socket = self.packet.packet().socket.as_ref();
        socket.is_some_and(|socket| socket.is_in_group(path))
    }

    fn receiver(&self, transparent: bool) -> u32 {
        let Some(receiver) = &self.packet.packet().receiver else { return 0 };
        let bit = |holds: bool, bit: u32| if holds { bit } else { 0 };
        Receiver::FOUND
            | bit(!(receiver.full && receiver.wildcard), Receiver::BOUND)
            | bit(transparent && receiver.transparent, Receiver::TRANSPARENT)
            | bit(receiver.full, Receiver::FULL)
    }

    fn transforms(&self, way: Way) -> Option<&[Transform]> {
        let transforms = &self.packet.packet().transforms;
        match way {
            Way::In => transforms.undone.as_deref(),
            Way::Out => transforms.ahead.as_deref(),
        }
    }

    /// Policy routing rules and marks are not among what is known.
    fn reverse_path(&self, path: ReversePath) -> bool {
        let packet = self.packet.packet();
        let device = packet.in_interface;
        let routes = packet.routes.as_deref();
        let leads_back = |routes: &Routes| {
            let counts = [path.accept_local, path.other_kinds];
            routes.leads_back(self.packet.source(), device, path.loose, counts)
        };
        device == InterfaceName::LOOPBACK || routes.is_some_and(leads_back)
    }

    fn address_type(&self, address: Address, device: Option<Device>) -> u32 {
        let packet = self.packet.packet();
        let none = Routes::default();
        let routes = packet.routes.as_deref().unwrap_or(&none);
        let address = match address {
            Address::Source => self.packet.source(),
            Address::Destination => self.packet.destination(),
        };
        let family = packet.family;
        if family == Family::Ipv4 {
            let device = device.map(|device| match device {
                Device::In => packet.in_interface,
                Device::Out => packet.out_interface,
            });
            return routes.ipv4_kind(address, device.filter(|device| device.is_some())).into();
        }
        let (kind, is_local, is_anycast) = routes.ipv6_kind(address);
        let bit = |holds: bool, bit: u32| if holds { bit } else { 0 };
        u32::from(kind) | bit(is_local, Lookup::LOCAL) | bit(is_anycast, Lookup::ANYCAST)
    }
}

fn transform_field(transform: &Transform, field: TransformField) -> u32 {
    match field {
        TransformField::RequestId => transform.request,
        TransformField::Spi => transform.spi,
        TransformField::Protocol => transform.protocol.into(),
        TransformField::Mode => transform.mode.into(),
        TransformField::Family => transform.family.into(),
        TransformField::Address(address, word) => {
            let bytes = match address {
                Address::Source => &transform.source,
                Address::Destination => &transform.destination,
            };
            let at = usize::from(word) * 4;
            let word = bytes.get(at..at + 4).and_then(|bytes| bytes.first_chunk());
            word.map_or(0, |word| u32::from_be_bytes(*word))
        }
    }
}
