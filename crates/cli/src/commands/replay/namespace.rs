//! A network namespace of one thread's own, for running programs on packets.
//!
//! `BPF_PROG_TEST_RUN` gives a packet the namespace's loopback device, so the loopback device gets
//! the name that the packets' interface has. The namespace goes when the thread ends.

use netlink_sys::{Socket, protocols::NETLINK_ROUTE};
use nix::sched::{CloneFlags, CpuSet, sched_setaffinity, unshare};
use nix::unistd::Pid;
use std::io;

/// The number of a namespace's loopback device.
pub(super) const LOOPBACK: u32 = 1;

/// `RTM_NEWLINK` and `NLMSG_ERROR`.
const NEW_LINK: u16 = 16;
const ERROR: u16 = 2;
/// `NLM_F_REQUEST | NLM_F_ACK`.
const REQUEST_ACK: u16 = 1 | 4;
/// `IFLA_BROADCAST` and `IFLA_IFNAME`.
const BROADCAST: u16 = 2;
const IFNAME: u16 = 3;

/// Moves the calling thread into a new network namespace whose loopback device is called
/// `interface` and has Ethernet's broadcast address, and onto the first processor, so that
/// `--cpu` tests have one answer.
pub(super) fn enter(interface: &str) -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    let mut first = CpuSet::new();
    first.set(0)?;
    sched_setaffinity(Pid::from_raw(0), &first)?;
    change_loopback(interface)
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = ((4 + value.len()) as u16).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn change_loopback(name: &str) -> io::Result<()> {
    let mut attributes = attribute(BROADCAST, &[0xff; 6]);
    if name != "lo" {
        attributes.extend(attribute(IFNAME, &[name.as_bytes(), &[0]].concat()));
    }
    let length = 16 + 16 + attributes.len();

    let mut message = Vec::with_capacity(length);
    // struct nlmsghdr: length, type, flags, sequence, port.
    message.extend((length as u32).to_ne_bytes());
    message.extend(NEW_LINK.to_ne_bytes());
    message.extend(REQUEST_ACK.to_ne_bytes());
    message.extend([0; 8]);
    // struct ifinfomsg: family, type, index, flags, change.
    message.extend([0; 4]);
    message.extend(LOOPBACK.to_ne_bytes());
    message.extend([0; 8]);
    message.extend(attributes);

    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.send(&message, 0)?;
    let (answer, _) = socket.recv_from_full()?;
    let kind = answer.get(4..6).map(|bytes| u16::from_ne_bytes([bytes[0], bytes[1]]));
    let code = answer.get(16..20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    match (kind, code) {
        (Some(ERROR), Some(0)) => Ok(()),
        (Some(ERROR), Some(code)) => Err(io::Error::from_raw_os_error(-code)),
        _ => Err(io::Error::from(io::ErrorKind::InvalidData)),
    }
}
