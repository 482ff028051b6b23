//! Ethernet frames into veth pairs, and knowing that they were processed.
//!
//! A [`Wire`] joins two namespaces: the outer one sends, the inner one holds what is tested. A
//! frame sent through a packet socket on the outer end is queued for the inner end's receive
//! path on the processor of the sender, first in first out for each interface. So a marker frame
//! of another protocol, sent last and seen by a packet socket inside, proves that all frames
//! before it went through their hooks; no time passes unless the kernel needs it.

use super::LabError;
use super::namespace::{Namespace, ip, run, sysctl};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{LinkAddr, MsgFlags, recv, sendto, setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, socket_with};
use std::num::NonZeroU32;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

/// Ethernet type of markers, one of those that IEEE 802 keeps for experiments: no filter looks at
/// it.
const MARKER_TYPE: u16 = 0x88b5;

/// Frames that may wait inside a veth pair (its ring holds 256, drivers/net/veth.c); a marker
/// follows at the latest after as many.
const WINDOW: usize = 64;

/// Seconds that the kernel gets to process one window.
const PATIENCE: i64 = 20;

/// The inner ends' hardware address, the same on every interface.
pub const INNER_MAC: [u8; 6] = [0x02, 0x00, 0x00, 0x00, 0x00, 0x01];

/// The outer ends' hardware address.
pub const OUTER_MAC: [u8; 6] = [0x02, 0x00, 0x00, 0x00, 0x00, 0x02];

/// A frame and the interface it arrives on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Number of the interface in [`Wire::names`].
    pub port: usize,
    /// From the Ethernet header on, without checksum.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// The same bytes for the address of the loopback device, on which a test run without another
    /// device takes place: what is for another address is nothing to a program's rules.
    pub fn for_loopback(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[..6].fill(0);
        bytes
    }
}

/// Veth pairs between the calling thread's namespace and one that only sends.
#[derive(Debug)]
pub struct Wire {
    names: Vec<String>,
    outer: Namespace,
    sender: OwnedFd,
    addresses: Vec<LinkAddr>,
    receiver: OwnedFd,
}

/// Numbers of markers, no two alike: several wires into one namespace see each other's.
static MARKERS: AtomicU64 = AtomicU64::new(1);

impl Wire {
    /// Makes interfaces of these names (15 bytes at most each) in the calling thread's namespace.
    /// They are up, without addresses, address resolution or duplicate address detection, and join
    /// no group: a router that joins the routers' groups reports it up to a second later, and the
    /// report would be counted among the packets.
    pub fn new(names: &[&str]) -> Result<Self, LabError> {
        let inner = Namespace::current()?;
        let outer = Namespace::create()?;
        let sender = packet_socket()?;
        quiet()?;
        inner.enter()?;
        quiet()?;
        let mut lines = String::new();
        for (number, name) in names.iter().enumerate() {
            lines += &format!(
                "link add {name} address {} type veth peer name o{number} address {} netns {}\n\
                 link set {name} arp off multicast off\n\
                 link set {name} addrgenmode none\n\
                 link set {name} up\n",
                mac_text(INNER_MAC),
                mac_text(OUTER_MAC),
                outer.path(),
            );
        }
        ip(&lines)?;
        let receiver = packet_socket()?;
        setsockopt(&receiver, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE))
            .map_err(LabError::errno("SO_RCVTIMEO"))?;

        outer.enter()?;
        let mut lines = String::new();
        for number in 0..names.len() {
            lines += &format!(
                "link set o{number} arp off multicast off\n\
                 link set o{number} addrgenmode none\n\
                 link set o{number} up\n",
            );
        }
        ip(&lines)?;
        let outer_names: Vec<String> = (0..names.len()).map(|n| format!("o{n}")).collect();
        let addresses = outer_names.iter().map(|name| link_address(name)).collect();
        wait_for_carrier(&outer_names)?;
        inner.enter()?;
        wait_for_carrier(names)?;
        Ok(Self {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            outer,
            sender,
            addresses: Result::from_iter::<Vec<_>>(addresses)?,
            receiver,
        })
    }

    /// The inner interfaces' names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The namespace of the outer ends, interfaces `o0`, `o1` and so on.
    pub fn outer(&self) -> &Namespace {
        &self.outer
    }

    /// Sends frames in order and returns when the kernel is done with all of them.
    pub fn send(&mut self, frames: &[Frame]) -> Result<(), LabError> {
        for window in frames.chunks(WINDOW) {
            for frame in window {
                self.transmit(frame.port, &frame.bytes)?;
            }
            for port in 0..self.names.len() {
                if window.iter().any(|frame| frame.port == port) {
                    self.settle(port)?;
                }
            }
        }
        Ok(())
    }

    fn transmit(&self, port: usize, bytes: &[u8]) -> Result<(), LabError> {
        let address = &self.addresses[port];
        sendto(self.sender.as_raw_fd(), bytes, address, MsgFlags::empty())
            .map(drop)
            .map_err(LabError::errno(format!("sending {} bytes", bytes.len())))
    }

    /// Sends a marker to a port and waits until the inner end has received it, and so all that was
    /// sent there before.
    pub fn settle(&mut self, port: usize) -> Result<(), LabError> {
        let number = MARKERS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut marker = Vec::with_capacity(60);
        marker.extend(INNER_MAC);
        marker.extend(OUTER_MAC);
        marker.extend(MARKER_TYPE.to_be_bytes());
        marker.extend(number);
        marker.resize(60, 0);
        self.transmit(port, &marker)?;
        let mut buffer = [0; 128];
        loop {
            match recv(self.receiver.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Ok(length) if length >= 22 && buffer[14..22] == number => return Ok(()),
                Ok(_) => {}
                Err(nix::Error::EINTR) => {}
                Err(error) => {
                    return Err(LabError::Marker {
                        port: self.names[port].clone(),
                        reason: error.to_string(),
                    });
                }
            }
        }
    }
}

/// Times that the kernel is asked whether interfaces are ready.
const ATTEMPTS: u32 = 10_000;

/// Returns when the kernel has taken note that these interfaces of the calling thread's namespace
/// have a carrier. It does so some time after they are up, and until then sends nothing by them
/// and finds no IPv6 address on them (net/core/link_watch.c). Linux 6.8 and later take note when
/// they are asked.
pub fn wait_for_carrier(names: &[impl AsRef<str>]) -> Result<(), LabError> {
    let lines: String =
        names.iter().map(|name| format!("link show dev {}\n", name.as_ref())).collect();
    let mut shown = String::new();
    for _ in 0..ATTEMPTS {
        shown = run("ip", &["-batch", "-"], &lines)?;
        if shown.matches(" state UP ").count() == names.len() {
            return Ok(());
        }
    }
    Err(LabError::Output { tool: "ip link".to_owned(), line: shown })
}

/// Settings of the calling thread's namespace for interfaces made later: the kernel sends
/// nothing of its own.
fn quiet() -> Result<(), LabError> {
    sysctl("ipv6/conf/default/accept_ra", "0")?;
    sysctl("ipv6/conf/default/router_solicitations", "0")?;
    sysctl("ipv6/conf/default/accept_dad", "0")?;
    sysctl("ipv6/conf/default/dad_transmits", "0")
}

/// A packet socket of the calling thread's namespace that receives markers alone.
fn packet_socket() -> Result<OwnedFd, LabError> {
    let protocol = NonZeroU32::new(u32::from(MARKER_TYPE.to_be())).map(Protocol::from_raw);
    socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, protocol)
        .map_err(|error| LabError::io("packet socket")(error.into()))
}

/// An interface of the calling thread's namespace, to send by or to listen on.
pub(super) fn link_address(name: &str) -> Result<LinkAddr, LabError> {
    getifaddrs()
        .map_err(LabError::errno("getifaddrs"))?
        .filter(|interface| interface.interface_name == name)
        .find_map(|interface| interface.address?.as_link_addr().copied())
        .ok_or_else(|| LabError::Output { tool: "getifaddrs".to_owned(), line: name.to_owned() })
}

fn mac_text(address: [u8; 6]) -> String {
    address.map(|byte| format!("{byte:02x}")).join(":")
}
