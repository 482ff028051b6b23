//! Conversations over a [`Host`]'s links by real sockets, and packets to inject.
//!
//! Every conversation is a fixed exchange of packets, so that counters can be compared exactly.
//! That something is let through is shown by data that arrives, both ways. That something is
//! dropped is shown once everything under way has settled, without waiting for a time to pass: no
//! socket has seen it.

use crate::differential::EngineError;
use crate::lab::LabError;
use crate::lab::inject::{INNER_MAC, OUTER_MAC};
use crate::twin::{Host, Place};
use bpfc_packet::{Network, PacketBuilder};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, connect, ipproto, listen, socket_with, sockopt,
};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// How long anything that is let through may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// One end of a conversation.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// Where its socket is.
    pub place: Place,
    /// The socket's own address.
    pub address: SocketAddr,
}

impl End {
    /// An end at `address:port`.
    pub fn new(place: Place, address: &str, port: u16) -> End {
        let address: IpAddr = address.parse().expect("an address of the script");
        End { place, address: SocketAddr::new(address, port) }
    }
}

/// Who speaks with whom.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Who begins.
    pub client: End,
    /// Who answers.
    pub server: End,
    /// The address that the client names, where it is not the server's own.
    pub target: SocketAddr,
}

impl Call {
    /// A client that names the server's own address.
    pub fn new(client: End, server: End) -> Call {
        Call { client, server, target: server.address }
    }

    /// A client that names another address, which is translated on the way.
    pub fn by_way_of(self, target: &str) -> Call {
        Call { target: target.parse().expect("an address of the script"), ..self }
    }
}

/// A test's own complaint.
fn complain<T>(call: &Call, what: &str) -> Result<T, EngineError> {
    Err(EngineError::Refused(format!("{call:?}: {what}")))
}

/// An error that says what was being done.
fn naming(what: &str, address: SocketAddr) -> impl FnOnce(Errno) -> io::Error {
    move |error| {
        let error = io::Error::from(error);
        io::Error::new(error.kind(), format!("{what} {address}: {error}"))
    }
}

fn socket(kind: SocketType, end: End, flags: SocketFlags) -> io::Result<OwnedFd> {
    let family = match end.address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let fd = socket_with(family, kind, flags | SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&fd, true)?;
    sockopt::set_socket_timeout(&fd, sockopt::Timeout::Recv, Some(PATIENCE))?;
    sockopt::set_socket_timeout(&fd, sockopt::Timeout::Send, Some(PATIENCE))?;
    bind(&fd, &end.address).map_err(naming("binding", end.address))?;
    Ok(fd)
}

fn listener(host: &Host, end: End) -> Result<TcpListener, LabError> {
    host.at(end.place, || {
        let fd = socket(SocketType::STREAM, end, SocketFlags::empty())?;
        listen(&fd, 8).map_err(naming("listening", end.address))?;
        Ok(TcpListener::from(fd))
    })
}

/// Ends listening at once. Closing alone would not do: a program that is being started by another
/// thread has a copy of the socket until it runs.
fn stop(listener: &TcpListener) -> Result<(), LabError> {
    rustix::net::shutdown(listener, rustix::net::Shutdown::Both)
        .map_err(|error| LabError::io("no longer listening")(error.into()))
}

/// A socket for datagrams, bound to the end's address.
pub fn datagrams(host: &Host, end: End) -> Result<UdpSocket, LabError> {
    let make = || socket(SocketType::DGRAM, end, SocketFlags::empty()).map(UdpSocket::from);
    host.at(end.place, make)
}

/// A connection that is let through: opened, used both ways, closed by the client.
pub fn tcp(host: &mut Host, call: &Call) -> Result<(), EngineError> {
    let (mut client, mut server) = open(host, call)?;
    exchange(&mut client, &mut server, b"what do you have?")?;
    exchange(&mut server, &mut client, b"a page")?;
    client.shutdown(Shutdown::Write).map_err(LabError::io("closing"))?;
    let mut rest = Vec::new();
    server.read_to_end(&mut rest).map_err(LabError::io("reading to the end"))?;
    server.shutdown(Shutdown::Write).map_err(LabError::io("closing"))?;
    client.read_to_end(&mut rest).map_err(LabError::io("reading to the end"))?;
    host.settle()?;
    if rest.is_empty() { Ok(()) } else { complain(call, "more data than was sent") }
}

/// Opens a connection that is let through.
pub fn open(host: &mut Host, call: &Call) -> Result<(TcpStream, TcpStream), EngineError> {
    let listener = listener(host, call.server)?;
    let client = host.at(call.client.place, || {
        let fd = socket(SocketType::STREAM, call.client, SocketFlags::empty())?;
        connect(&fd, &call.target).map_err(naming("connecting", call.target))?;
        Ok(TcpStream::from(fd))
    });
    let client = match client {
        Ok(client) => client,
        Err(error) => return complain(call, &format!("not let through: {error}")),
    };
    let (server, _) = listener.accept().map_err(LabError::io("accepting"))?;
    stop(&listener)?;
    server.set_read_timeout(Some(PATIENCE)).map_err(LabError::io("SO_RCVTIMEO"))?;
    Ok((client, server))
}

/// Sends data over a connection and reads it at the other end.
pub fn exchange(from: &mut TcpStream, to: &mut TcpStream, data: &[u8]) -> Result<(), EngineError> {
    from.write_all(data).map_err(LabError::io("writing"))?;
    let mut buffer = vec![0; data.len()];
    to.read_exact(&mut buffer).map_err(LabError::io("reading"))?;
    match buffer == data {
        true => Ok(()),
        false => Err(EngineError::Refused("other data than was sent".to_owned())),
    }
}

/// A socket that tries to connect.
fn begin(host: &mut Host, call: &Call) -> Result<OwnedFd, EngineError> {
    let begun = host.at(call.client.place, || {
        let fd = socket(SocketType::STREAM, call.client, SocketFlags::NONBLOCK)?;
        match connect(&fd, &call.target) {
            Err(Errno::INPROGRESS) | Ok(()) => Ok(fd),
            Err(error) => Err(naming("connecting", call.target)(error)),
        }
    });
    Ok(begun?)
}

/// Whether the firewall under test can see that a call is not let through.
fn can_be_seen(host: &Host, call: &Call) -> bool {
    match (call.client.place, call.server.place) {
        (Place::Host, _) => host.view().output,
        (_, Place::Host) => host.view().input,
        _ => host.view().forward,
    }
}

/// A connection that is not let through, to a port where somebody listens. Nothing happens where
/// the firewall under test does not see it.
pub fn no_tcp(host: &mut Host, call: &Call) -> Result<(), EngineError> {
    if !can_be_seen(host, call) {
        return Ok(());
    }
    let listener = listener(host, call.server)?;
    listener.set_nonblocking(true).map_err(LabError::io("O_NONBLOCK"))?;
    let client = begin(host, call)?;
    host.settle()?;
    // Asked again, the kernel says that it is still trying, or how that ended.
    match connect(&client, &call.target) {
        Err(Errno::ALREADY) => {}
        other => return complain(call, &format!("not silence but {other:?}")),
    }
    match listener.accept() {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(stop(&listener)?),
        other => complain(call, &format!("let through: {other:?}")),
    }
}

/// A connection to a port where somebody listens, which the client hears to be refused at once.
pub fn refused_tcp(host: &mut Host, call: &Call) -> Result<(), EngineError> {
    let listener = listener(host, call.server)?;
    let client = begin(host, call)?;
    host.settle()?;
    stop(&listener)?;
    match connect(&client, &call.target) {
        Err(Errno::CONNREFUSED) => Ok(()),
        other => complain(call, &format!("not refused but {other:?}")),
    }
}

/// A datagram to a port where somebody listens, which the client hears to be refused.
pub fn refused_udp(host: &mut Host, call: &Call) -> Result<(), EngineError> {
    let (client, server) = (datagrams(host, call.client)?, datagrams(host, call.server)?);
    let io = |what: &str| LabError::io(format!("{call:?}: {what}"));
    client.connect(call.target).map_err(io("connecting"))?;
    client.send(b"who is there?").map_err(io("asking"))?;
    host.settle()?;
    for socket in [&client, &server] {
        socket.set_nonblocking(true).map_err(io("O_NONBLOCK"))?;
    }
    match (client.recv(&mut [0; 64]), server.recv(&mut [0; 64])) {
        (Err(refused), Err(nothing))
            if refused.kind() == ErrorKind::ConnectionRefused
                && nothing.kind() == ErrorKind::WouldBlock =>
        {
            Ok(())
        }
        other => complain(call, &format!("not refused but {other:?}")),
    }
}

/// Datagrams that are let through, the answer as well: question, answer, question.
pub fn udp(host: &mut Host, call: &Call) -> Result<(), EngineError> {
    let (client, server) = (datagrams(host, call.client)?, datagrams(host, call.server)?);
    let mut buffer = [0; 64];
    let io = |what: &str| LabError::io(format!("{call:?}: {what}"));
    client.send_to(b"who is there?", call.target).map_err(io("asking"))?;
    let (length, from) = server.recv_from(&mut buffer).map_err(io("hearing"))?;
    server.send_to(b"it is me", from).map_err(io("answering"))?;
    let (answer, _) = client.recv_from(&mut buffer).map_err(io("hearing the answer"))?;
    client.send_to(b"and now?", call.target).map_err(io("asking again"))?;
    let (again, _) = server.recv_from(&mut buffer).map_err(io("hearing again"))?;
    host.settle()?;
    match (length, answer, again) {
        (13, 8, 8) => Ok(()),
        _ => complain(call, "other data than was sent"),
    }
}

/// A datagram that is not let through, to a port where somebody listens. Nothing happens where
/// the firewall under test does not see it.
pub fn no_udp(host: &mut Host, call: &Call) -> Result<(), EngineError> {
    if !can_be_seen(host, call) {
        return Ok(());
    }
    let (client, server) = (datagrams(host, call.client)?, datagrams(host, call.server)?);
    match client.send_to(b"who is there?", call.target) {
        Ok(_) => {}
        // The sender's own firewall says so where it decides before the packet is on its way.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
        Err(error) => return complain(call, &format!("sending: {error}")),
    }
    host.settle()?;
    server.set_nonblocking(true).map_err(LabError::io("O_NONBLOCK"))?;
    match server.recv_from(&mut [0; 64]) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        other => complain(call, &format!("let through: {other:?}")),
    }
}

/// A question of the host and its answer, by ICMP echo. The client's port is not used.
pub fn ping(host: &mut Host, client: End, target: &str) -> Result<(), EngineError> {
    let target = End::new(client.place, target, 0).address;
    let (family, protocol, kind) = match client.address {
        SocketAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP, 8),
        SocketAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6, 128),
    };
    let asker = host.at(client.place, || {
        let fd = socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(protocol))?;
        sockopt::set_socket_timeout(&fd, sockopt::Timeout::Recv, Some(PATIENCE))?;
        bind(&fd, &SocketAddr::new(client.address.ip(), 0))?;
        Ok(UdpSocket::from(fd))
    })?;
    let mut question = vec![kind, 0, 0, 0, 0, 0, 0, 1];
    question.extend([0x61; 56]);
    asker.send_to(&question, target).map_err(LabError::io("asking"))?;
    let (length, from) = asker.recv_from(&mut [0; 128]).map_err(LabError::io("hearing"))?;
    host.settle()?;
    match (length, from.ip() == target.ip()) {
        (64, true) => Ok(()),
        _ => Err(EngineError::Refused(format!("{length} bytes from {from}"))),
    }
}

/// A datagram of the host to a port where nobody listens, which the peer says.
pub fn udp_to_nobody(host: &mut Host, client: End, target: &str) -> Result<(), EngineError> {
    let asker = datagrams(host, client)?;
    asker.send_to(b"is anybody there?", target).map_err(LabError::io("asking"))?;
    host.settle()?;
    Ok(())
}

/// A packet from a peer to the host, or beyond it, to be given a transport header.
pub fn packet(source: &str, destination: &str) -> PacketBuilder {
    let parse = |address: &str| address.parse::<IpAddr>().expect("an address of the script");
    let network = match (parse(source), parse(destination)) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            Network::V4(bpfc_packet::Ipv4::new(source, destination))
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            Network::V6(bpfc_packet::Ipv6::new(source, destination))
        }
        _ => panic!("{source} and {destination} are of two families"),
    };
    PacketBuilder::new(network).ethernet(OUTER_MAC, INNER_MAC)
}
