//! The shipped example rulesets on every target that can run them, in front of the traffic that
//! they were written for: every counter must be the one of the kernel's own iptables with the same
//! ruleset and the same traffic.

use bpfc_ir::Hook;
use bpfc_packet::{Extension, PacketBuilder, Transport};
use bpfc_tests::differential::EngineError;
use bpfc_tests::lab::Family;
use bpfc_tests::require;
use bpfc_tests::traffic::{Call, End, no_tcp, no_udp, packet, ping, tcp, udp, udp_to_nobody};
use bpfc_tests::twin::{Firewall, Host, Link, Place, Plan, twins};
use libtest_mimic::{Arguments, Failed, Trial};
use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};

type Answer = Result<(), EngineError>;

/// An example and its traffic.
#[derive(Clone, Copy)]
struct Example {
    name: &'static str,
    family: Family,
    links: &'static [Link],
    forwarding: bool,
    traffic: fn(&mut Host) -> Answer,
    /// Rules that no packet can reach, or none that the kernel would not drop before any rule.
    never: &'static [&'static str],
}

const EXAMPLES: [Example; 5] = [
    Example {
        name: "webserver",
        family: Family::Ipv4,
        links: &[Link {
            name: "eth0",
            host: &["192.0.2.10/24"],
            peer: &["192.0.2.20", "198.51.100.7", "203.0.113.17", "203.0.113.18"],
        }],
        forwarding: false,
        traffic: webserver,
        // Such flags are INVALID already, and so are errors of unknown connections.
        never: &[
            "filter/INPUT:4",
            "filter/INPUT:5",
            "filter/INPUT:8",
            "filter/INPUT:9",
            "filter/FORWARD:policy",
        ],
    },
    Example {
        name: "workstation",
        family: Family::Ipv4,
        links: &[
            Link {
                name: "wlan0",
                host: &["192.168.1.5/24"],
                peer: &["192.168.1.20", "203.0.113.53"],
            },
            Link { name: "docker0", host: &["172.17.0.1/16"], peer: &["172.17.0.2"] },
        ],
        forwarding: false,
        traffic: workstation,
        // Nothing routes packets to this host itself elsewhere.
        never: &["filter/OUTPUT:2", "filter/FORWARD:policy"],
    },
    Example {
        name: "ipv6-host",
        family: Family::Ipv6,
        links: &[Link {
            name: "eth0",
            host: &["2001:db8:2::10/64", "fe80::10/64"],
            peer: &["2001:db8:1::7", "2001:db8:9::1", "fe80::20"],
        }],
        forwarding: false,
        traffic: ipv6_host,
        // The kernel drops ::1 from outside before any rule.
        never: &["ip6/filter/INPUT:2", "ip6/filter/FORWARD:policy"],
    },
    Example {
        name: "gateway",
        family: Family::Ipv4,
        links: &[
            Link { name: "wan", host: &["198.51.100.1/24"], peer: &["203.0.113.9"] },
            Link {
                name: "lan",
                host: &["192.168.10.1/24"],
                peer: &["192.168.10.5", "192.168.10.77", "192.168.99.9"],
            },
            Link { name: "dmz", host: &["10.20.0.1/24"], peer: &["10.20.0.10", "10.20.0.25"] },
        ],
        forwarding: true,
        traffic: gateway,
        // Sources that routing refuses; errors of unknown connections.
        never: &[
            "filter/bad-sources:4",
            "filter/bad-sources:5",
            "filter/icmp-in:2",
            "filter/icmp-in:3",
            "filter/icmp-in:4",
        ],
    },
    Example {
        name: "mailserver",
        family: Family::Ipv4,
        links: &[Link {
            name: "eth0",
            host: &["192.0.2.25/24"],
            peer: &["192.0.2.20", "198.51.100.7", "203.0.113.17"],
        }],
        forwarding: false,
        traffic: mailserver,
        never: &["filter/FORWARD:policy", "filter/INPUT:policy"],
    },
];

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for example in EXAMPLES {
        for firewall in Firewall::PROGRAMS {
            trials.push(Trial::test(format!("{}_{firewall}", example.name), move || {
                if require::met(require::KERNEL_IPTABLES) && firewall.has_place() {
                    check(example, firewall)
                } else {
                    Ok(())
                }
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn check(example: Example, firewall: Firewall) -> Result<(), Failed> {
    let path = format!("{}/../examples/{}.rules", env!("CARGO_MANIFEST_DIR"), example.name);
    let text = std::fs::read_to_string(&path)?;
    let surroundings = quiet(example.family, text.contains("-j REJECT"));
    // A control group's programs know connections at output alone.
    let cgroup = matches!(firewall, Firewall::Program("cgroup-skb", _));
    let plan = Plan {
        links: example.links,
        forwarding: example.forwarding,
        rulesets: vec![(example.family, text + surroundings)],
        hooks: cgroup.then(|| vec![Hook::Output]),
    };
    let counters = twins(&plan, firewall, example.traffic)?;
    if plan.view(firewall).forward {
        let unmoved = counters.iter().filter(|(_, count)| count.packets == 0);
        let unmoved: Vec<&str> = unmoved.map(|(label, _)| label.as_str()).collect();
        let expected: std::collections::BTreeSet<&str> = example.never.iter().copied().collect();
        let expected: Vec<&str> = expected.into_iter().collect();
        if unmoved != expected {
            return Err(format!("not reached: {unmoved:?}, expected: {expected:?}").into());
        }
    }
    Ok(())
}

/// Keeps from every counter what the kernel sends of itself: multicast reports, which a clock
/// decides, and, where the ruleset rejects, its answers, which a program shows to no rule.
fn quiet(family: Family, rejects: bool) -> &'static str {
    match family {
        Family::Ipv4 if !rejects => "",
        Family::Ipv4 => {
            "*raw\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\n\
             -A OUTPUT -p icmp -m icmp --icmp-type 3 -j DROP\n\
             -A OUTPUT -p tcp -m tcp --tcp-flags RST RST -j DROP\nCOMMIT\n"
        }
        Family::Ipv6 => {
            "*raw\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\n\
             -A OUTPUT -p ipv6-icmp -m icmp6 --icmpv6-type 143 -j DROP\nCOMMIT\n"
        }
    }
}

fn host_end(address: &str, port: u16) -> End {
    End::new(Place::Host, address, port)
}

fn peer(link: usize, address: &str, port: u16) -> End {
    End::new(Place::Peer(link), address, port)
}

/// An ICMP packet. Queries differ by `identifier`: a second question of the same would belong to
/// a connection, which XDP and TC cannot know.
fn icmp(builder: PacketBuilder, kind: u8, identifier: u8) -> PacketBuilder {
    builder.transport(Transport::Icmp { kind, code: 0, rest: [0, identifier, 0, 1] })
}

/// An ICMPv6 packet, as with [`icmp`].
fn icmpv6(builder: PacketBuilder, kind: u8, identifier: u8) -> PacketBuilder {
    builder.transport(Transport::Icmpv6 { kind, code: 0, rest: [0, identifier, 0, 1] })
}

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
/// FIN, SYN, RST, PSH, ACK and URG: no connection has them together.
const CHRISTMAS_TREE: u8 = 0x3f;

fn webserver(host: &mut Host) -> Answer {
    const OWN: &str = "192.0.2.10";
    let own = |port| host_end(OWN, port);
    let anybody = |port| peer(0, "192.0.2.20", port);
    let office = |port| peer(0, "198.51.100.7", port);
    if host.view().loopback {
        udp(host, &Call::new(host_end("127.0.0.1", 4000), host_end("127.0.0.1", 4001)))?;
    }
    tcp(host, &Call::new(anybody(4010), own(80)))?;
    tcp(host, &Call::new(anybody(4011), own(443)))?;
    udp(host, &Call::new(anybody(4012), own(443)))?;
    no_tcp(host, &Call::new(anybody(4013), own(22)))?;
    no_tcp(host, &Call::new(anybody(4014), own(9100)))?;
    tcp(host, &Call::new(office(4015), own(22)))?;
    tcp(host, &Call::new(office(4016), own(3306)))?;
    udp(host, &Call::new(office(4017), own(161)))?;
    no_udp(host, &Call::new(office(4018), own(162)))?;
    tcp(host, &Call::new(peer(0, "203.0.113.17", 4019), own(9100)))?;
    no_tcp(host, &Call::new(peer(0, "203.0.113.18", 4020), own(9100)))?;
    tcp(host, &Call::new(own(4021), anybody(25)))?;
    udp(host, &Call::new(own(4022), anybody(53)))?;
    udp_to_nobody(host, own(4023), "192.0.2.20:5300")?;
    if host.view().own_pings {
        ping(host, own(0), "192.0.2.20")?;
    }
    if host.view().strays {
        let from = |source| packet(source, OWN);
        let anybody = || from("192.0.2.20");
        let frames = [
            anybody().tcp(5000, 80, CHRISTMAS_TREE),
            anybody().tcp(5001, 80, 0),
            anybody().tcp(5002, 80, SYN | 0x04),
            anybody().tcp(5003, 443, ACK),
            icmp(anybody(), 8, 1).payload(vec![0x61; 56]),
            icmp(anybody(), 3, 2).payload(vec![0x61; 28]),
            icmp(anybody(), 11, 3).payload(vec![0x61; 28]),
            icmp(anybody(), 13, 4).payload(vec![0; 12]),
            anybody().tcp(5004, 81, SYN),
            from("198.51.100.200").tcp(5005, 3306, SYN),
            from("198.51.101.1").tcp(5006, 22, SYN),
            from("203.0.113.17").tcp(5007, 9101, SYN),
            anybody().with_ipv4(|ip| ip.options = vec![7, 7, 4, 0, 0, 0, 0]).udp(5008, 443),
            anybody().udp(5009, 444).payload(vec![0x61; 700]),
        ];
        host.inject(0, frames.iter().map(PacketBuilder::bytes).collect())?;
    }
    Ok(())
}

fn mailserver(host: &mut Host) -> Answer {
    const OWN: &str = "192.0.2.25";
    let own = |port| host_end(OWN, port);
    let anybody = |port| peer(0, "198.51.100.7", port);
    if host.view().loopback {
        udp(host, &Call::new(host_end("127.0.0.1", 4000), host_end("127.0.0.1", 4001)))?;
    }
    for (port, service) in (4010..).zip([25, 465, 587, 993]) {
        tcp(host, &Call::new(anybody(port), own(service)))?;
    }
    tcp(host, &Call::new(own(4020), anybody(25)))?;
    udp(host, &Call::new(own(4021), anybody(53)))?;
    if host.view().strays {
        let from = |source| packet(source, OWN);
        let anybody = || from("192.0.2.20");
        let frames = [
            anybody().tcp(5000, 25, CHRISTMAS_TREE),
            icmp(anybody(), 8, 1).payload(vec![0x61; 56]),
            anybody().tcp(5001, 113, SYN),
            anybody().udp(5002, 33_434).payload(vec![0x40; 32]),
            anybody().udp(5003, 33_534).payload(vec![0x40; 1400]),
            anybody().udp(5004, 53).payload(vec![0x61; 30]),
            anybody().tcp(5005, 22, SYN),
            from("203.0.113.17").tcp(5006, 113, SYN),
            from("203.0.113.17").tcp(5007, 22, SYN),
        ];
        host.inject(0, frames.iter().map(PacketBuilder::bytes).collect())?;
    }
    Ok(())
}

fn workstation(host: &mut Host) -> Answer {
    const OWN: &str = "192.168.1.5";
    let own = |port| host_end(OWN, port);
    let neighbour = |port| peer(0, "192.168.1.20", port);
    let container = |port| peer(1, "172.17.0.2", port);
    let docker = |port| host_end("172.17.0.1", port);
    if host.view().loopback {
        udp(host, &Call::new(host_end("127.0.0.1", 4000), host_end("127.0.0.1", 4001)))?;
    }
    tcp(host, &Call::new(own(4010), peer(0, "203.0.113.53", 443)))?;
    udp(host, &Call::new(own(4011), peer(0, "203.0.113.53", 53)))?;
    udp_to_nobody(host, own(4012), "192.168.1.20:9999")?;
    tcp(host, &Call::new(neighbour(4013), own(631)))?;
    tcp(host, &Call::new(neighbour(4014), own(22)))?;
    no_tcp(host, &Call::new(peer(0, "203.0.113.53", 4015), own(22)))?;
    udp(host, &Call::new(neighbour(4016), own(1714)))?;
    udp(host, &Call::new(neighbour(4017), own(1764)))?;
    no_udp(host, &Call::new(neighbour(4018), own(1765)))?;
    udp(host, &Call::new(container(4019), docker(53)))?;
    no_udp(host, &Call::new(container(4020), docker(1714)))?;
    no_udp(host, &Call::new(neighbour(4021), own(53)))?;
    tcp(host, &Call::new(docker(4022), container(8080)))?;
    if host.view().own_pings {
        ping(host, own(0), "203.0.113.53")?;
    }
    if host.view().strays {
        // The group that the rule for name service speaks of.
        let member = host.at(Place::Host, || {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 5353))?;
            socket.join_multicast_v4(
                &Ipv4Addr::new(224, 0, 0, 251),
                &Ipv4Addr::new(192, 168, 1, 5),
            )?;
            Ok(socket)
        })?;
        let from = |source| packet(source, OWN);
        let group = |mac| packet("192.168.1.20", "224.0.0.251").ethernet([2, 0, 0, 0, 0, 2], mac);
        let everybody =
            |target| packet("192.168.1.20", target).ethernet([2, 0, 0, 0, 0, 2], [0xff; 6]);
        let frames = [
            from("192.168.1.1").udp(67, 68).payload(vec![1; 300]),
            icmp(from("192.168.1.20"), 8, 5).payload(vec![0x61; 20]),
            group([1, 0, 0x5e, 0, 0, 0xfb]).udp(5353, 5353).payload(vec![0; 40]),
            group([1, 0, 0x5e, 0, 0, 0xfb]).udp(5353, 5354).payload(vec![0; 40]),
            everybody("192.168.1.255").udp(137, 137).payload(vec![0; 50]),
            everybody("255.255.255.255").udp(1716, 1717).payload(vec![0; 50]),
            everybody("255.255.255.255").udp(17, 17).payload(vec![0; 50]),
            from("192.168.1.20").tcp(5000, 22, CHRISTMAS_TREE),
            from("192.168.1.20").tcp(5001, 22, SYN | 1),
        ];
        host.inject(0, frames.iter().map(PacketBuilder::bytes).collect())?;
        drop(member);
    }
    Ok(())
}

fn ipv6_host(host: &mut Host) -> Answer {
    const OWN: &str = "2001:db8:2::10";
    let own = |port| host_end(OWN, port);
    let office = |port| peer(0, "2001:db8:1::7", port);
    let anybody = |port| peer(0, "2001:db8:9::1", port);
    if host.view().loopback {
        udp(host, &Call::new(host_end("::1", 4000), host_end("::1", 4001)))?;
    }
    tcp(host, &Call::new(anybody(4010), own(80)))?;
    tcp(host, &Call::new(anybody(4011), own(443)))?;
    tcp(host, &Call::new(office(4012), own(22)))?;
    no_tcp(host, &Call::new(anybody(4013), own(22)))?;
    no_udp(host, &Call::new(anybody(4014), own(53)))?;
    tcp(host, &Call::new(own(4015), anybody(443)))?;
    udp(host, &Call::new(own(4016), anybody(53)))?;
    udp_to_nobody(host, own(4017), "[2001:db8:9::1]:9999")?;
    if host.view().own_pings {
        ping(host, own(0), "2001:db8:9::1")?;
    }
    if host.view().strays {
        let member = host.at(Place::Host, || {
            let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 5353))?;
            socket.join_multicast_v6(
                &"ff02::fb".parse::<Ipv6Addr>().map_err(std::io::Error::other)?,
                index()?,
            )?;
            Ok(socket)
        })?;
        let near = |limit: u8| packet("fe80::20", "fe80::10").with_ipv6(|ip| ip.hop_limit = limit);
        let far = || packet("2001:db8:9::1", OWN);
        let traced = |limit: u8| far().with_ipv6(|ip| ip.hop_limit = limit).udp(6000, 33434);
        let group = |target| {
            packet("fe80::20", target).ethernet([2, 0, 0, 0, 0, 2], [0x33, 0x33, 0, 0, 0, 0xfb])
        };
        let mut frames = vec![
            far()
                .extension(Extension::Routing { kind: 0, segments_left: 0, data: vec![0; 20] })
                .udp(1, 80),
            far()
                .extension(Extension::DestinationOptions(vec![1, 4, 0, 0, 0, 0]))
                .tcp(6001, 81, SYN),
            far().extension(Extension::HopByHop(vec![1, 4, 0, 0, 0, 0])).udp(6002, 53),
            far().tcp(6003, 80, CHRISTMAS_TREE),
            icmpv6(far(), 128, 10).payload(vec![0x61; 56]),
            icmpv6(far(), 128, 11).payload(vec![0x61; 1400]),
            icmpv6(far(), 1, 12).payload(vec![0x61; 40]),
            near(64).udp(547, 546),
            near(64).udp(546, 546),
            group("ff02::fb").udp(5353, 5353),
            group("ff02::fb").udp(5353, 5354),
            traced(29),
            traced(30),
            icmpv6(far(), 130, 13),
            icmpv6(far(), 200, 14),
        ];
        frames.extend((1..=4).map(|kind| icmpv6(near(64), kind, 15).payload(vec![0x61; 40])));
        frames.extend((130..=137).map(|kind| icmpv6(near(255), kind, 16)));
        frames.extend((130..=137).map(|kind| icmpv6(near(254), kind, 17)));
        host.inject(0, frames.iter().map(PacketBuilder::bytes).collect())?;
        drop(member);
    }
    Ok(())
}

/// The number of eth0 in the calling thread's namespace.
fn index() -> std::io::Result<u32> {
    let mut text = String::new();
    std::fs::File::open("/proc/thread-self/net/dev_mcast")?.read_to_string(&mut text)?;
    let line = text.lines().find(|line| line.split_whitespace().nth(1) == Some("eth0"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| std::io::Error::other("no eth0"))
}

fn gateway(host: &mut Host) -> Answer {
    gateway_itself(host)?;
    if host.view().forward {
        through_gateway(host)?;
    }
    Ok(())
}

/// Links in the order of the example.
const WAN: usize = 0;
const LAN: usize = 1;
const DMZ: usize = 2;

fn gateway_itself(host: &mut Host) -> Answer {
    let wan = |port| host_end("198.51.100.1", port);
    let lan = |port| host_end("192.168.10.1", port);
    let internet = |port| peer(WAN, "203.0.113.9", port);
    let admin = |port| peer(LAN, "192.168.10.5", port);
    let staff = |port| peer(LAN, "192.168.10.77", port);
    if host.view().loopback {
        udp(host, &Call::new(host_end("127.0.0.1", 4000), host_end("127.0.0.1", 4001)))?;
    }
    udp(host, &Call::new(internet(4010), wan(51820)))?;
    no_udp(host, &Call::new(internet(4011), wan(53)))?;
    no_tcp(host, &Call::new(internet(4012), wan(22)))?;
    udp(host, &Call::new(staff(4013), lan(53)))?;
    udp(host, &Call::new(staff(4014), lan(123)))?;
    tcp(host, &Call::new(staff(4015), lan(53)))?;
    tcp(host, &Call::new(admin(4016), lan(22)))?;
    no_tcp(host, &Call::new(staff(4017), lan(22)))?;
    no_udp(host, &Call::new(peer(LAN, "192.168.99.9", 4018), lan(53)))?;
    tcp(host, &Call::new(wan(4019), internet(443)))?;
    if host.view().own_pings {
        ping(host, wan(0), "203.0.113.9")?;
    }
    if host.view().strays {
        let from = |source| packet(source, "198.51.100.1");
        let frames = [
            from("10.1.2.3").udp(5000, 51820),
            from("172.31.255.255").udp(5001, 51820),
            from("172.32.0.0").udp(5002, 51820),
            from("192.168.200.1").tcp(5003, 80, ACK),
            packet("203.0.113.9", "224.0.0.1")
                .ethernet([2, 0, 0, 0, 0, 2], [1, 0, 0x5e, 0, 0, 1])
                .udp(5004, 51820),
            icmp(from("203.0.113.9"), 8, 6).payload(vec![0x61; 56]),
            icmp(from("203.0.113.9"), 8, 7).payload(vec![0x61; 1001]),
            icmp(from("203.0.113.9"), 13, 8).payload(vec![0; 12]),
            from("203.0.113.9").tcp(5005, 80, CHRISTMAS_TREE),
        ];
        host.inject(WAN, frames.iter().map(PacketBuilder::bytes).collect())?;
    }
    Ok(())
}

fn through_gateway(host: &mut Host) -> Answer {
    let internet = |port| peer(WAN, "203.0.113.9", port);
    let staff = |port| peer(LAN, "192.168.10.77", port);
    let foreign = |port| peer(LAN, "192.168.99.9", port);
    let web = |port| peer(DMZ, "10.20.0.10", port);
    let mail = |port| peer(DMZ, "10.20.0.25", port);
    // Out to the internet, with the gateway's address.
    tcp(host, &Call::new(staff(4100), internet(80)))?;
    udp(host, &Call::new(staff(4101), internet(53)))?;
    no_tcp(host, &Call::new(staff(4102), internet(25)))?;
    no_tcp(host, &Call::new(staff(4103), internet(138)))?;
    no_udp(host, &Call::new(staff(4104), internet(445)))?;
    no_tcp(host, &Call::new(foreign(4105), internet(80)))?;
    // To the public servers, from inside and from outside.
    tcp(host, &Call::new(staff(4106), web(22)))?;
    tcp(host, &Call::new(staff(4107), mail(993)))?;
    no_tcp(host, &Call::new(staff(4108), web(993)))?;
    tcp(host, &Call::new(internet(4109), web(443)).by_way_of("198.51.100.1:443"))?;
    tcp(host, &Call::new(internet(4110), mail(25)))?;
    no_tcp(host, &Call::new(internet(4111), mail(80)))?;
    // The servers themselves.
    tcp(host, &Call::new(web(4112), internet(443)))?;
    udp(host, &Call::new(mail(4113), internet(53)))?;
    no_tcp(host, &Call::new(mail(4114), internet(25)))?;
    no_udp(host, &Call::new(web(4115), staff(53)))?;
    let esp = packet("203.0.113.9", "10.20.0.10")
        .transport(Transport::Esp { spi: 256, sequence: 1 })
        .payload(vec![0x61; 40]);
    let spoofed = packet("10.20.0.99", "10.20.0.10").udp(4116, 443);
    let invalid = packet("203.0.113.9", "10.20.0.25").tcp(4117, 25, CHRISTMAS_TREE);
    let wan = [esp, spoofed, invalid];
    host.inject(WAN, wan.iter().map(PacketBuilder::bytes).collect())?;
    let echo = |target, length: usize| {
        icmp(packet("10.20.0.10", target), 8, length as u8).payload(vec![0x61; length])
    };
    let dmz = [echo("192.168.10.77", 56), echo("192.168.10.77", 1200), echo("203.0.113.9", 8)];
    host.inject(DMZ, dmz.iter().map(PacketBuilder::bytes).collect())?;
    Ok(())
}
