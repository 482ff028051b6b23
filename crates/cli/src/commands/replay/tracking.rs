//! What connection tracking says of a packet that belongs to no connection: it begins one, or is
//! invalid, or is not tracked (net/netfilter/nf_conntrack_core.c, `nf_conntrack_in`, and
//! nf_conntrack_proto_*.c). Targets that look connections up work the same out.

use bpfc_packet::{Conntrack, Family, Parsed, Tuple, ct_state};

/// What tracking says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Tracked {
    /// The packet begins this connection.
    New(Conntrack),
    /// It is invalid.
    Invalid,
    /// It is not tracked.
    Not,
}

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Flags that may stand together in TCP, without PSH, ECE and CWR: SYN, SYN URG, SYN ACK, RST,
/// RST ACK, FIN ACK, FIN ACK URG, ACK, ACK URG.
const VALID_FLAGS: [u8; 9] = [0x02, 0x22, 0x12, 0x04, 0x14, 0x11, 0x31, 0x10, 0x30];

/// What tracking says of a packet without a connection.
pub(in crate::commands) fn first_packet(packet: &Parsed<'_>) -> Tracked {
    if packet.walk_failed() || packet.fragment_offset() != 0 {
        return Tracked::Invalid;
    }
    let protocol = packet.protocol();
    let ports = match (protocol, packet.ip()) {
        (TCP, _) => tcp(packet),
        (UDP, _) => udp(packet),
        (1, Family::Ipv4) | (58, Family::Ipv6) => return icmp(packet),
        _ => Some((0, 0)),
    };
    match ports {
        Some((source, destination)) => begun(packet, (source, destination), (destination, source)),
        None => Tracked::Invalid,
    }
}

/// The connection that a packet begins, with the ports of both its tuples.
fn begun(packet: &Parsed<'_>, original: (u16, u16), replies: (u16, u16)) -> Tracked {
    let (source, destination) = (packet.source(), packet.destination());
    let tuple = |source, destination, (source_port, destination_port)| Tuple {
        source,
        destination,
        source_port,
        destination_port,
    };
    Tracked::New(Conntrack {
        state: ct_state::NEW,
        status: 0,
        reply: false,
        mark: 0,
        protocol: packet.protocol(),
        original: tuple(source, destination, original),
        replies: tuple(destination, source, replies),
    })
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// The ports of a packet that may begin a connection: a good header, and SYN alone or ACK.
fn tcp(packet: &Parsed<'_>) -> Option<(u16, u16)> {
    let header = packet.transport_slice(0, 20)?;
    let length = usize::from(header[12] >> 4) * 4;
    let flags = header[13] & 0x37;
    let good = length >= 20 && packet.has_transport(length) && VALID_FLAGS.contains(&flags);
    let begins = matches!(flags & 0x17, 0x02 | 0x10);
    (good && begins).then(|| (word(header, 0), word(header, 2)))
}

/// The ports of a packet whose length lies inside the packet.
fn udp(packet: &Parsed<'_>) -> Option<(u16, u16)> {
    let header = packet.transport_slice(0, 8)?;
    let length = usize::from(word(header, 4));
    let good = length >= 8 && packet.has_transport(length);
    good.then(|| (word(header, 0), word(header, 2)))
}

/// Requests begin a connection; neighbour and listener discovery are not tracked; answers and
/// errors of no known connection are invalid.
fn icmp(packet: &Parsed<'_>) -> Tracked {
    let Some(header) = packet.transport_slice(0, 8) else { return Tracked::Invalid };
    let (kind, code, identifier) = (header[0], header[1], word(header, 4));
    let answer = match (packet.ip(), kind) {
        (Family::Ipv4, 8) => 0,
        (Family::Ipv4, 13 | 15 | 17) | (Family::Ipv6, 128 | 139) => kind + 1,
        (Family::Ipv6, 130..=137 | 143) => return Tracked::Not,
        _ => return Tracked::Invalid,
    };
    let ports = |kind| (identifier, u16::from_be_bytes([kind, code]));
    begun(packet, ports(kind), ports(answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfc_packet::PacketBuilder;

    fn state(builder: PacketBuilder) -> Tracked {
        first_packet(&builder.build().parse_headers().unwrap())
    }

    fn v4() -> PacketBuilder {
        PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2])
    }

    #[test]
    fn connections_begin_with_syn_or_in_the_middle() {
        let Tracked::New(connection) = state(v4().tcp(1000, 22, 0x02)) else { panic!("not new") };
        assert_eq!((connection.original.source_port, connection.replies.source_port), (1000, 22));
        assert_eq!(connection.protocol, TCP);
        assert!(matches!(state(v4().tcp(1, 2, 0x10)), Tracked::New(_)));
        for flags in [0x12, 0x11, 0x04, 0, 0x3f, 0x06] {
            assert_eq!(state(v4().tcp(1, 2, flags)), Tracked::Invalid, "{flags:#x}");
        }
    }

    #[test]
    fn other_protocols_begin_connections() {
        assert!(matches!(state(v4().udp(1, 53)), Tracked::New(_)));
        assert!(matches!(state(v4().protocol(47)), Tracked::New(_)));
    }
}
