//! A gateway between two hosts, each in a namespace of its own, as its users would see it: what it
//! refuses fails at once and says why, a download is as long as the ruleset says, and an address
//! that is banned while the filter runs is cut off with its next packet.
//!
//! Every test is the same with the kernel's iptables and ipset on the gateway, so that what is
//! demanded of the programs is what the kernel does. Nothing waits for time to pass: where packets
//! must not arrive, a later one on the same way that does shows that they have not.

use bpfc_driver::{Options as CompileOptions, compile, target};
use bpfc_ir::{Hook, Input};
use bpfc_runtime::{Filter, Options, XdpMode};
use bpfc_tests::differential::EngineError;
use bpfc_tests::lab::namespace::{isolated, run, sysctl};
use bpfc_tests::lab::{Family, LabError};
use bpfc_tests::require;
use bpfc_tests::traffic::{Call, End, datagrams, refused_tcp, tcp};
use bpfc_tests::twin::{Firewall, Host, Link, Place, Plan};
use libtest_mimic::{Arguments, Failed, Trial};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, ipproto, socket_with, sockopt};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

const CLIENT: Place = Place::Peer(0);
const SERVER: Place = Place::Peer(1);

const LINKS: &[Link] = &[
    Link {
        name: "eth0",
        host: &["10.1.0.1/24", "2001:db8:1::1/64"],
        peer: &["10.1.0.2", "10.1.0.3", "2001:db8:1::2", "2001:db8:1::3"],
    },
    Link {
        name: "eth1",
        host: &["10.2.0.1/24", "2001:db8:2::1/64"],
        peer: &["10.2.0.2", "2001:db8:2::2"],
    },
];

const FIREWALLS: [Firewall; 5] = [
    Firewall::Kernel,
    Firewall::Program("xdp", XdpMode::Native),
    Firewall::Program("xdp", XdpMode::Generic),
    // On a veth device with nothing at its other end that receives by XDP.
    Firewall::Program("xdp", XdpMode::Auto),
    Firewall::Program("tc", XdpMode::Auto),
];

/// How long anything that must arrive may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Packets that the limit lets through before an hour has passed.
const BURST: usize = 7;

/// The addresses of one family.
struct Addresses {
    gateway: &'static str,
    client: &'static str,
    /// Another of the client's, to be banned.
    other: &'static str,
    server: &'static str,
}

fn addresses(family: Family) -> Addresses {
    match family {
        Family::Ipv4 => Addresses {
            gateway: "10.1.0.1",
            client: "10.1.0.2",
            other: "10.1.0.3",
            server: "10.2.0.2",
        },
        Family::Ipv6 => Addresses {
            gateway: "2001:db8:1::1",
            client: "2001:db8:1::2",
            other: "2001:db8:1::3",
            server: "2001:db8:2::2",
        },
    }
}

/// The rules' labels, as numbered in [`ruleset`].
const BANNED: &str = "filter/FORWARD:1";
const RESET: &str = "filter/FORWARD:2";
const ECHO: &str = "filter/FORWARD:3";
const UNREACHABLE: &str = "filter/FORWARD:4";
const WITHIN_LIMIT: &str = "filter/FORWARD:5";
const BEYOND_LIMIT: &str = "filter/FORWARD:6";
const RESET_BY_GATEWAY: &str = "filter/INPUT:1";

fn ruleset(family: Family) -> String {
    let (echo, prohibited, unreachable) = match family {
        Family::Ipv4 => (
            "-p icmp -m icmp --icmp-type echo-request",
            "icmp-host-prohibited",
            "icmp-port-unreachable",
        ),
        Family::Ipv6 => (
            "-p ipv6-icmp -m icmp6 --icmpv6-type echo-request",
            "icmp6-adm-prohibited",
            "icmp6-port-unreachable",
        ),
    };
    format!(
        "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n\
         -A INPUT -p tcp -m tcp --dport 22 -j REJECT --reject-with tcp-reset\n\
         -A FORWARD -m set --match-set banned src -j DROP\n\
         -A FORWARD -p tcp -m tcp --dport 22 -j REJECT --reject-with tcp-reset\n\
         -A FORWARD {echo} -j REJECT --reject-with {prohibited}\n\
         -A FORWARD -p udp -m udp --dport 53 -j REJECT --reject-with {unreachable}\n\
         -A FORWARD -i eth1 -o eth0 -p udp -m udp --sport 5000 \
         -m limit --limit 1/hour --limit-burst {BURST} -j ACCEPT\n\
         -A FORWARD -i eth1 -o eth0 -p udp -m udp --sport 5000 -j DROP\n\
         -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
         -A FORWARD -i eth0 -o eth1 -p tcp -m tcp --dport 80 -j ACCEPT\n\
         -A FORWARD -i eth0 -o eth1 -p udp -m udp --dport 7 -j ACCEPT\nCOMMIT\n"
    )
}

/// The set that rules name, without elements.
fn set(family: Family) -> String {
    let family = match family {
        Family::Ipv4 => "inet",
        Family::Ipv6 => "inet6",
    };
    format!("create banned hash:ip family {family}\n")
}

fn main() {
    let arguments = Arguments::from_args();
    type Test = fn(&mut Gateway) -> Result<(), EngineError>;
    let tests: [(&str, Test); 4] =
        [("connections", connections), ("errors", errors), ("download", download), ("ban", ban)];
    let mut trials = Vec::new();
    for (name, test) in tests {
        for family in Family::ALL {
            for firewall in FIREWALLS {
                trials.push(Trial::test(format!("{name}_{family}_{firewall}"), move || {
                    if require::met(require::KERNEL_IPTABLES) {
                        isolated(|| test(&mut Gateway::new(family, firewall)?))
                            .map_err(Failed::from)?;
                    }
                    Ok(())
                }));
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// The gateway, between the client and the server.
struct Gateway {
    host: Host,
    family: Family,
    addresses: Addresses,
    /// Where programs decide.
    filter: Option<Filter>,
    _receiver: Option<Filter>,
}

impl Gateway {
    fn new(family: Family, firewall: Firewall) -> Result<Gateway, EngineError> {
        let rulesets = match firewall {
            Firewall::Kernel => {
                run("ipset", &["restore"], &set(family))?;
                vec![(family, ruleset(family))]
            }
            Firewall::Program(..) => Vec::new(),
        };
        let plan = Plan { links: LINKS, forwarding: true, rulesets, hooks: None };
        let host = Host::new(&plan, Firewall::Kernel)?;
        sysctl("ipv6/conf/all/forwarding", "1")?;
        let filter = match firewall {
            Firewall::Kernel => None,
            Firewall::Program(target, mode) => Some(load(family, target, mode)?),
        };
        let _receiver = host.receiver(0, firewall)?;
        Ok(Gateway { host, family, addresses: addresses(family), filter, _receiver })
    }

    /// Adds an address to the set of those that are banned, or deletes it.
    fn change(&self, how: &str, address: &str) -> Result<(), EngineError> {
        let Some(filter) = &self.filter else {
            return Ok(run("ipset", &[how, "banned", address], "").map(drop)?);
        };
        let set = filter.set("banned")?;
        match how {
            "add" => set.add(&[address], false)?,
            _ => set.delete(&[address], false)?,
        }
        Ok(())
    }

    /// Demands that a rule has counted as many packets.
    fn expect(&self, rule: &str, packets: usize) -> Result<(), EngineError> {
        let label = format!("{}{rule}", self.family.label_prefix());
        let counted = match &self.filter {
            None => self.host.counters()?.get(&label).map(|count| count.packets),
            Some(filter) => {
                let counters = filter.counters()?;
                counters
                    .iter()
                    .find(|(rule, _)| rule.label == label)
                    .map(|(_, count)| count.packets)
            }
        };
        match counted == Some(packets as u64) {
            true => Ok(()),
            false => complain(format!("{label} counted {counted:?} packets, not {packets}")),
        }
    }

    fn client(&self, port: u16) -> End {
        End::new(CLIENT, self.addresses.client, port)
    }

    fn server(&self, port: u16) -> End {
        End::new(SERVER, self.addresses.server, port)
    }
}

fn load(family: Family, name: &str, mode: XdpMode) -> Result<Filter, EngineError> {
    let input = |name: &str, text: String, format: String| Input {
        name: name.to_owned(),
        bytes: text.into_bytes(),
        format: Some(format),
    };
    let inputs = [
        input("rules", ruleset(family), format!("{}-save", family.tool())),
        input("sets", set(family), "ipset-save".to_owned()),
    ];
    let options = CompileOptions {
        hooks: Some(vec![Hook::Input, Hook::Forward]),
        ..CompileOptions::default()
    };
    let result = compile(&inputs, target(name).expect("a target"), &options);
    let artifact = result
        .artifact()
        .cloned()
        .ok_or_else(|| EngineError::refused(&result.diagnostics, &result.sources))?;
    let mut options = Options::new("gateway");
    options.xdp_mode = mode;
    options.interfaces = LINKS.iter().map(|link| link.name.to_owned()).collect();
    Ok(Filter::load(&artifact, &options)?)
}

fn complain<T>(what: impl Into<String>) -> Result<T, EngineError> {
    Err(EngineError::Refused(what.into()))
}

/// A connection is let through, another is refused by the gateway on its way, and a third where it
/// ends at the gateway itself. The server listens each time.
fn connections(gateway: &mut Gateway) -> Result<(), EngineError> {
    let call = Call::new(gateway.client(40_000), gateway.server(80));
    tcp(&mut gateway.host, &call)?;
    gateway.expect(RESET, 0)?;
    let call = Call::new(gateway.client(40_001), gateway.server(22));
    refused_tcp(&mut gateway.host, &call)?;
    gateway.expect(RESET, 1)?;
    let itself = End::new(Place::Host, gateway.addresses.gateway, 22);
    let call = Call::new(gateway.client(40_002), itself);
    refused_tcp(&mut gateway.host, &call)?;
    gateway.expect(RESET, 1)?;
    gateway.expect(RESET_BY_GATEWAY, 1)
}

/// A ping and a datagram get the errors that the ruleset names, from the gateway's address.
fn errors(gateway: &mut Gateway) -> Result<(), EngineError> {
    let (echo, prohibited, unreachable) = match gateway.family {
        Family::Ipv4 => (8, (3, 10, ErrorKind::HostUnreachable), (3, 3)),
        Family::Ipv6 => (128, (1, 1, ErrorKind::PermissionDenied), (1, 4)),
    };
    let pinger = pinger(gateway)?;
    let question = [&[echo, 0, 0, 0, 0, 0, 0, 1], &[0x61; 56][..]].concat();
    refused(gateway, &pinger, gateway.server(0), &question, prohibited)?;
    gateway.expect(ECHO, 1)?;
    let asker = datagrams(&gateway.host, gateway.client(50_000))?;
    let (kind, code) = unreachable;
    let unreachable = (kind, code, ErrorKind::ConnectionRefused);
    refused(gateway, &asker, gateway.server(53), b"where is example.org?", unreachable)?;
    gateway.expect(UNREACHABLE, 1)
}

/// The client's socket for ICMP queries, as ping has one.
fn pinger(gateway: &Gateway) -> Result<UdpSocket, EngineError> {
    let end = gateway.client(0);
    let make = || {
        let group = "ipv4/ping_group_range";
        sysctl(group, "0 0").map_err(io::Error::other)?;
        let socket = icmp(gateway.family, SocketType::DGRAM)?;
        bind(&socket, &end.address)?;
        Ok(socket)
    };
    Ok(gateway.host.at(end.place, make)?)
}

/// A socket of the calling thread's namespace for ICMP.
fn icmp(family: Family, kind: SocketType) -> io::Result<UdpSocket> {
    let (family, protocol) = match family {
        Family::Ipv4 => (AddressFamily::INET, ipproto::ICMP),
        Family::Ipv6 => (AddressFamily::INET6, ipproto::ICMPV6),
    };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, Some(protocol))?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(PATIENCE))?;
    Ok(UdpSocket::from(socket))
}

/// Sends a question that is refused: the socket gets an error, and the client has heard exactly
/// one, from the gateway's own address, of this type and code, which quotes the question.
fn refused(
    gateway: &Gateway,
    socket: &UdpSocket,
    server: End,
    question: &[u8],
    (kind, code, error): (u8, u8, ErrorKind),
) -> Result<(), EngineError> {
    let observer = gateway.host.at(CLIENT, || icmp(gateway.family, SocketType::RAW))?;
    socket.connect(server.address).map_err(LabError::io("connecting"))?;
    socket.send(question).map_err(LabError::io("asking"))?;
    match socket.recv(&mut [0; 128]) {
        Err(heard) if heard.kind() == error => {}
        other => return complain(format!("not {error} but {other:?}")),
    }
    // The kernel shows an error to raw sockets first.
    observer.set_nonblocking(true).map_err(LabError::io("O_NONBLOCK"))?;
    let mut heard = Vec::new();
    let mut buffer = [0; 2048];
    loop {
        match observer.recv_from(&mut buffer) {
            Ok((length, from)) => {
                // IPv4 shows its own header as well.
                let header = if gateway.family == Family::Ipv4 { 20 } else { 0 };
                let message = &buffer[header..length];
                if message[0] == kind {
                    let quotes = is_own(gateway, server.address.ip(), &message[8..])
                        && message.ends_with(&question[8..]);
                    heard.push((from.ip(), message[1], quotes));
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(LabError::io("hearing")(error).into()),
        }
    }
    let address: IpAddr = gateway.addresses.gateway.parse().expect("an address");
    match heard == [(address, code, true)] {
        true => Ok(()),
        false => complain(format!("not one error of code {code} from {address} but {heard:?}")),
    }
}

/// Whether a quoted packet is the client's own to this address.
fn is_own(gateway: &Gateway, to: IpAddr, packet: &[u8]) -> bool {
    let from: IpAddr = gateway.addresses.client.parse().expect("an address");
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            packet.get(12..20) == Some(&[from.octets(), to.octets()].concat())
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            packet.get(8..40) == Some(&[from.octets(), to.octets()].concat())
        }
        _ => false,
    }
}

/// Sends datagrams.
fn send(socket: &UdpSocket, to: SocketAddr, datagrams: &[&str]) -> Result<(), EngineError> {
    for text in datagrams {
        socket.send_to(text.as_bytes(), to).map_err(LabError::io(format!("sending {text}")))?;
    }
    Ok(())
}

/// The datagrams that arrive up to one that says `end`, and who sent that.
fn until_end(socket: &UdpSocket) -> Result<(Vec<String>, SocketAddr), EngineError> {
    let mut texts = Vec::new();
    let mut buffer = [0; 64];
    loop {
        let received = socket.recv_from(&mut buffer);
        let (length, from) = received.map_err(LabError::io("waiting for the end"))?;
        match String::from_utf8_lossy(&buffer[..length]).into_owned() {
            end if end == "end" => return Ok((texts, from)),
            text => texts.push(text),
        }
    }
}

/// A stream from the server to the client: what the limit lets through arrives, nothing else.
fn download(gateway: &mut Gateway) -> Result<(), EngineError> {
    const SENT: usize = 20;
    let client = datagrams(&gateway.host, gateway.client(50_000))?;
    let stream = datagrams(&gateway.host, gateway.server(5000))?;
    let server = datagrams(&gateway.host, gateway.server(7))?;
    send(&client, gateway.server(7).address, &["download", "end"])?;
    let (asked, who) = until_end(&server)?;
    if asked != ["download"] {
        return complain(format!("the server heard {asked:?}"));
    }
    let numbers: Vec<String> = (0..SENT).map(|number| number.to_string()).collect();
    let texts: Vec<&str> = numbers.iter().map(String::as_str).collect();
    send(&stream, who, &texts)?;
    // The answer to a question comes by the same way and is not limited.
    send(&server, who, &["end"])?;
    let (received, _) = until_end(&client)?;
    if received != numbers[..BURST] {
        return complain(format!("received {received:?}"));
    }
    gateway.expect(WITHIN_LIMIT, BURST)?;
    gateway.expect(BEYOND_LIMIT, SENT - BURST)
}

/// An address is cut off with its first packet after it was banned, in the middle of a
/// conversation, and let through with the first one after that was taken back.
fn ban(gateway: &mut Gateway) -> Result<(), EngineError> {
    let other = End::new(CLIENT, gateway.addresses.other, 50_001);
    let suspect = datagrams(&gateway.host, other)?;
    let witness = datagrams(&gateway.host, gateway.client(50_000))?;
    let server = datagrams(&gateway.host, gateway.server(7))?;
    let to = gateway.server(7).address;
    let heard = |texts: &[&str], wanted: &[&str]| {
        send(&suspect, to, texts)?;
        send(&witness, to, &["end"])?;
        match until_end(&server)?.0 {
            heard if heard == wanted => Ok(()),
            heard => complain(format!("the server heard {heard:?}, not {wanted:?}")),
        }
    };
    heard(&["hello"], &["hello"])?;
    send(&server, other.address, &["end"])?;
    until_end(&suspect)?;
    heard(&["still here"], &["still here"])?;
    gateway.expect(BANNED, 0)?;

    gateway.change("add", gateway.addresses.other)?;
    heard(&["one", "two", "three"], &[])?;
    gateway.expect(BANNED, 3)?;

    gateway.change("del", gateway.addresses.other)?;
    heard(&["back again"], &["back again"])?;
    gateway.expect(BANNED, 3)
}
