//! Packets to be rejected: a ruleset that answers each in one of all the ways there are, and
//! packets of every kind that may be answered or must not.

use crate::lab::Family;
use crate::lab::inject::OUTER_MAC;
use crate::traffic::packet;
use bpfc_packet::{Extension, LengthField, PacketBuilder, Tcp, Transport, UdpLite};

/// The host's address that rules look at, and one that every packet to is rejected.
pub fn addresses(family: Family) -> [&'static str; 2] {
    match family {
        Family::Ipv4 => ["10.1.0.1", "10.1.0.3"],
        Family::Ipv6 => ["2001:db8:1::1", "2001:db8:1::3"],
    }
}

/// The peer's address.
pub fn peer(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "10.1.0.2",
        Family::Ipv6 => "2001:db8:1::2",
    }
}

/// Everything that senders can be told but the TCP reset.
pub fn errors(family: Family) -> &'static [&'static str] {
    match family {
        Family::Ipv4 => &[
            "icmp-net-unreachable",
            "icmp-host-unreachable",
            "icmp-proto-unreachable",
            "icmp-port-unreachable",
            "icmp-net-prohibited",
            "icmp-host-prohibited",
            "icmp-admin-prohibited",
        ],
        Family::Ipv6 => &[
            "icmp6-no-route",
            "icmp6-adm-prohibited",
            "icmp6-addr-unreachable",
            "icmp6-port-unreachable",
            "icmp6-policy-fail",
            "icmp6-reject-route",
        ],
    }
}

/// The first of the ports that [`errors`] go with, in their order.
const FIRST_PORT: u16 = 9000;
/// TCP to this port is reset.
const RESET_PORT: u16 = 80;

/// The table filter with these rules in a chain.
pub fn ruleset(family: Family, chain: &str) -> String {
    let mut text = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                    :errors - [0:0]\n"
        .to_owned();
    let other = addresses(family)[1];
    text += &format!("-A {chain} -d {other} -j REJECT\n");
    text += &format!("-A {chain} -p tcp -m tcp --dport {RESET_PORT} -g errors\n");
    text += "-A errors -p tcp -j REJECT --reject-with tcp-reset\n";
    for (port, error) in (FIRST_PORT..).zip(errors(family)) {
        text +=
            &format!("-A {chain} -p udp -m udp --dport {port} -j REJECT --reject-with {error}\n");
    }
    if family == Family::Ipv6 {
        // Answers to neighbour discovery must get through.
        text += &format!("-A {chain} -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j ACCEPT\n");
    }
    text + &format!("-A {chain} -j REJECT\nCOMMIT\n")
}

/// A packet and what it is.
#[derive(Clone, Debug)]
pub struct Case {
    /// In a few words.
    pub name: String,
    /// From the Ethernet header on.
    pub frame: Vec<u8>,
}

struct Cases {
    family: Family,
    list: Vec<Case>,
}

impl Cases {
    fn add(&mut self, name: impl Into<String>, frame: Vec<u8>) {
        self.list.push(Case { name: name.into(), frame });
    }

    fn build(&mut self, name: impl Into<String>, builder: PacketBuilder) {
        self.add(name, builder.bytes());
    }

    /// A packet to the host's first address.
    fn first(&self) -> PacketBuilder {
        packet(peer(self.family), addresses(self.family)[0])
    }

    /// A packet to the address that is always rejected.
    fn second(&self) -> PacketBuilder {
        packet(peer(self.family), addresses(self.family)[1])
    }

    /// Inverts bits of the frame's byte at this offset behind the network header's fixed part.
    fn damaged(&mut self, name: &str, builder: PacketBuilder, at: usize) {
        let fixed = match self.family {
            Family::Ipv4 => 20,
            Family::Ipv6 => 40,
        };
        let mut frame = builder.bytes();
        frame[14 + fixed + at] ^= 0x5a;
        self.add(name, frame);
    }
}

/// Bytes that differ from each other.
fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + 13) as u8).collect()
}

/// Packets from the peer to the host.
pub fn cases(family: Family) -> Vec<Case> {
    let mut cases = Cases { family, list: Vec::new() };
    udp(&mut cases);
    tcp(&mut cases);
    icmp(&mut cases);
    protocols(&mut cases);
    addressing(&mut cases);
    match family {
        Family::Ipv4 => ipv4(&mut cases),
        Family::Ipv6 => ipv6(&mut cases),
    }
    cases.list
}

fn udp(cases: &mut Cases) {
    for (port, error) in (FIRST_PORT..).zip(errors(cases.family)) {
        cases.build(*error, cases.first().udp(4000, port).payload(noise(33)));
    }
    for length in [
        0, 1, 2, 3, 63, 64, 65, 127, 511, 512, 519, 520, 521, 522, 576, 1000, 1183, 1184, 1185,
        1400,
    ] {
        let builder = cases.first().udp(4000, 7).payload(noise(length));
        cases.build(format!("udp with {length} bytes"), builder);
    }
    let plain = || packet(peer(cases.family), addresses(cases.family)[0]).udp(4000, 7);
    let mut unsummed = plain().payload(noise(20)).bytes();
    let sum = unsummed.len() - 20 - 2;
    unsummed[sum..sum + 2].fill(0);
    let mut padded = plain().payload(noise(3)).bytes();
    padded.extend([0xee; 15]);
    let odd = plain().payload(noise(31));
    let even = plain().payload(noise(32));
    cases.add("udp without checksum", unsummed);
    cases.add("udp with bytes behind the packet", padded);
    cases.damaged("udp with a wrong checksum", odd, 6);
    cases.damaged("udp with a damaged payload", even, 20);
    for length in [0, 1, 4, 7, 8] {
        let whole = cases.second().udp(4000, 7).payload(noise(30)).build();
        let fixed = whole.network_bytes().len() - 38;
        let cut = whole.truncated(fixed + length, LengthField::Adjusted);
        cases.add(format!("udp cut to {length} bytes"), cut.bytes);
    }
}

fn tcp(cases: &mut Cases) {
    let segment = |flags, payload| {
        let tcp = Tcp {
            source: 4001,
            destination: RESET_PORT,
            flags,
            sequence: 0xffff_fff0,
            acknowledgement: 0x1234_5678,
            ..Tcp::default()
        };
        packet(peer(cases.family), addresses(cases.family)[0])
            .transport(Transport::Tcp(tcp))
            .payload(noise(payload))
    };
    let mut list = Vec::new();
    for flags in [0x02, 0x10, 0x12, 0x01, 0x11, 0x18, 0x00, 0x3b, 0x04, 0x14, 0xc2] {
        for payload in [0, 5, 1000] {
            let name = format!("tcp with flags {flags:#x} and {payload} bytes");
            list.push((name, segment(flags, payload)));
        }
    }
    for (name, builder) in list {
        cases.build(name, builder);
    }
    let options = Tcp {
        source: 4002,
        destination: RESET_PORT,
        flags: 2,
        options: vec![2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7],
        ..Tcp::default()
    };
    for data_offset in [None, Some(0), Some(4), Some(15)] {
        let tcp = Tcp { data_offset, ..options.clone() };
        let builder = cases.first().transport(Transport::Tcp(tcp)).payload(noise(2));
        cases.build(format!("tcp with options and data offset {data_offset:?}"), builder);
    }
    let damaged = cases.first().tcp(4003, RESET_PORT, 2).payload(noise(9));
    cases.damaged("tcp with a wrong checksum", damaged, 16);
    let damaged = cases.first().tcp(4003, 81, 2).payload(noise(9));
    cases.damaged("tcp with a wrong checksum, an error", damaged, 4);
    cases.build("tcp, an error", cases.first().tcp(4003, 81, 2));
    cases.build("tcp with RST, an error", cases.first().tcp(4003, 81, 4));
    for length in [0, 8, 19, 20] {
        let whole = cases.second().tcp(4003, 81, 2).payload(noise(5)).build();
        let fixed = whole.network_bytes().len() - 25;
        let cut = whole.truncated(fixed + length, LengthField::Adjusted);
        cases.add(format!("tcp cut to {length} bytes"), cut.bytes);
    }
}

fn icmp(cases: &mut Cases) {
    let kinds: &[u8] = match cases.family {
        Family::Ipv4 => {
            &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 42, 255]
        }
        Family::Ipv6 => &[0, 1, 2, 3, 4, 5, 100, 127, 128, 129, 139, 200, 255],
    };
    for &kind in kinds {
        let (code, rest) = (0, [0, 7, 0, 1]);
        let transport = match cases.family {
            Family::Ipv4 => Transport::Icmp { kind, code, rest },
            Family::Ipv6 => Transport::Icmpv6 { kind, code, rest },
        };
        let builder = cases.first().transport(transport.clone()).payload(noise(40));
        cases.build(format!("icmp of type {kind}"), builder);
        let damaged = cases.first().transport(transport).payload(noise(41));
        cases.damaged(&format!("icmp of type {kind}, damaged"), damaged, 2);
    }
    let number = if cases.family == Family::Ipv4 { 1 } else { 58 };
    cases.build("icmp without a byte", cases.first().protocol(number));
}

/// Protocols that have no checksum over all they carry, and others.
fn protocols(cases: &mut Cases) {
    for number in [4, 41, 47, 50, 51, 33, 132, 136, 253, 255] {
        for payload in [vec![0; 32], noise(32), Vec::new()] {
            let name =
                format!("protocol {number} with {} bytes {:?}", payload.len(), payload.get(1));
            let bytes = Vec::new();
            let transport = Transport::Raw { protocol: number, bytes };
            let builder = cases.first().transport(transport).payload(payload);
            cases.build(name, builder);
        }
    }
    let udp_lite = Transport::UdpLite(UdpLite { source: 1, destination: 2, coverage: 8 });
    cases.build("udplite", cases.first().transport(udp_lite).payload(noise(30)));
}

fn addressing(cases: &mut Cases) {
    let (host, broadcast, sources, groups): (_, &[&str], &[&str], &str) = match cases.family {
        Family::Ipv4 => (
            "10.1.0.1",
            &["255.255.255.255", "10.1.0.255"],
            &["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "0.1.2.3"],
            "224.0.0.1",
        ),
        Family::Ipv6 => ("2001:db8:1::1", &[], &["::", "::1", "ff02::1"], "ff02::1"),
    };
    for &source in sources {
        cases.build(format!("from {source}"), packet(source, host).udp(1, 7));
        cases.build(format!("from {source}, tcp"), packet(source, host).tcp(1, RESET_PORT, 2));
    }
    let own = peer(cases.family);
    for &destination in broadcast {
        let builder = packet(own, destination).ethernet(OUTER_MAC, [0xff; 6]);
        cases.build(format!("to {destination}"), builder.clone().udp(1, 7));
        cases.build(format!("to {destination}, tcp"), builder.tcp(1, RESET_PORT, 2));
    }
    let group = [0x01, 0, 0x5e, 0, 0, 1];
    cases.build("to a group", packet(own, groups).ethernet(OUTER_MAC, group).udp(1, 7));
    cases.build("to a group's frame", cases.first().ethernet(OUTER_MAC, group).udp(1, 7));
    cases.build("to everybody's frame", cases.first().ethernet(OUTER_MAC, [0xff; 6]).udp(1, 7));
    cases.build("to another host", cases.first().ethernet(OUTER_MAC, [2, 9, 9, 9, 9, 9]).udp(1, 7));
}

fn ipv4(cases: &mut Cases) {
    for tos in [0x00, 0x02, 0x10, 0x1e, 0xb8, 0xff] {
        let with = |builder: PacketBuilder| builder.with_ipv4(|ip| ip.tos = tos);
        cases.build(format!("udp with tos {tos:#x}"), with(cases.first().udp(1, 7)));
        cases.build(format!("tcp with tos {tos:#x}"), with(cases.first().tcp(1, RESET_PORT, 2)));
    }
    let lists: [&[u8]; 3] = [&[1, 1, 1, 0], &[0x94, 4, 0, 0], &[0x88, 4, 0, 7, 1, 1, 1, 1]];
    for options in lists {
        let with = |builder: PacketBuilder| builder.with_ipv4(|ip| ip.options = options.to_vec());
        let name = format!("with options {options:?}");
        cases.build(format!("udp {name}"), with(cases.first().udp(1, 7).payload(noise(700))));
        cases.build(format!("tcp {name}"), with(cases.first().tcp(1, RESET_PORT, 2)));
        cases.build(
            format!("tcp with data {name}"),
            with(cases.first().tcp(1, RESET_PORT, 0x11).payload(noise(77))),
        );
    }
    for (more, offset) in [(true, 0), (true, 3), (false, 3)] {
        let with = |builder: PacketBuilder| {
            builder.with_ipv4(|ip| {
                ip.dont_fragment = false;
                ip.more_fragments = more;
                ip.fragment_offset = offset;
            })
        };
        let name = format!("fragment at {offset}, more {more}");
        // A first fragment's checksum is that of the whole.
        cases.damaged(&format!("udp {name}"), with(cases.first().udp(1, 7).payload(noise(64))), 6);
        cases.damaged(
            &format!("tcp {name}"),
            with(cases.first().tcp(1, RESET_PORT, 2).payload(noise(44))),
            16,
        );
    }
}

fn ipv6(cases: &mut Cases) {
    let with = |builder: PacketBuilder| {
        builder.with_ipv6(|ip| {
            ip.traffic_class = 0xff;
            ip.flow_label = 0xabcde;
        })
    };
    cases.build("udp with class and label", with(cases.first().udp(1, 7)));
    cases.build("tcp with class and label", with(cases.first().tcp(1, RESET_PORT, 2)));
    let routing = Extension::Routing { kind: 0, segments_left: 0, data: vec![0; 4] };
    let fragment = |offset, more| Extension::Fragment { offset, more, identification: 0x1234_5678 };
    let lists = [
        vec![Extension::HopByHop(vec![5, 2, 0, 0, 1, 0])],
        vec![Extension::DestinationOptions(vec![1, 4, 0, 0, 0, 0])],
        vec![routing.clone()],
        vec![fragment(0, false)],
        vec![fragment(0, true)],
        vec![fragment(3, false)],
        vec![Extension::Authentication { spi: 7, sequence: 1, icv: vec![0; 12] }],
        vec![
            Extension::HopByHop(vec![1, 4, 0, 0, 0, 0]),
            routing,
            Extension::DestinationOptions(vec![1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ],
    ];
    for list in lists {
        let with =
            |builder: PacketBuilder| list.iter().cloned().fold(builder, PacketBuilder::extension);
        let kinds: Vec<String> = list.iter().map(|extension| format!("{extension:?}")).collect();
        let name = kinds.join(", ");
        cases.build(format!("udp behind {name}"), with(cases.first().udp(1, 7).payload(noise(30))));
        cases.build(format!("tcp behind {name}"), with(cases.first().tcp(1, RESET_PORT, 2)));
        cases.build(
            format!("tcp with data behind {name}"),
            with(cases.first().tcp(1, RESET_PORT, 1).payload(noise(81))),
        );
    }
    cases.build("no next header", cases.first().protocol(59).payload(noise(8)));
    cases.build("no next header, nothing", cases.first().protocol(59));
    let cut = cases.first().extension(Extension::DestinationOptions(vec![0; 14])).udp(1, 7).build();
    cases.add("a cut extension header", cut.truncated(46, LengthField::Adjusted).bytes);
    let cut = cases.first().extension(Extension::DestinationOptions(vec![0; 14])).udp(1, 7).build();
    cases.add("nothing behind an extension header", cut.truncated(56, LengthField::Adjusted).bytes);
}
