//! Connections that are counted while they live: real ones that open, idle, close, are reset and
//! come again, on the kernel and on every target that can count, with every counter compared.
//!
//! The kernel looks through a list of connections once a tick of its clock, and programs give a
//! connection two ticks to reach the tracker (docs/semantics.md): tests pause for longer between
//! whatever one rule counts.

use bpfc_ir::Hook;
use bpfc_packet::{PacketBuilder, Tcp, Transport};
use bpfc_runtime::XdpMode;
use bpfc_tests::differential::EngineError;
use bpfc_tests::lab::namespace::sysctl;
use bpfc_tests::lab::{Family, LabError};
use bpfc_tests::require;
use bpfc_tests::traffic::{Call, End, datagrams, exchange, no_tcp, open, packet};
use bpfc_tests::twin::{Firewall, Host, Link, Place, Plan, twins};
use libtest_mimic::{Arguments, Trial};
use rustix::net::sockopt;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

const LINKS: &[Link] = &[
    Link {
        name: "eth0",
        host: &["10.1.0.1/24", "2001:db8:1::1/64"],
        peer: &[
            "10.1.0.2",
            "10.1.0.3",
            "10.1.9.4",
            "2001:db8:1::2",
            "2001:db8:1::3",
            "2001:db8:9::4",
        ],
    },
    Link {
        name: "eth1",
        host: &["10.2.0.1/24", "2001:db8:2::1/64"],
        peer: &["10.2.0.2", "2001:db8:2::2"],
    },
];

const FIREWALLS: [Firewall; 3] = [
    Firewall::Program("xdp", XdpMode::Native),
    Firewall::Program("xdp", XdpMode::Generic),
    Firewall::Program("tc", XdpMode::Auto),
];

struct Addresses {
    host: &'static str,
    peers: [&'static str; 3],
    server: &'static str,
    /// Of nobody.
    stranger: &'static str,
}

fn addresses(family: Family) -> Addresses {
    match family {
        Family::Ipv4 => Addresses {
            host: "10.1.0.1",
            peers: ["10.1.0.2", "10.1.0.3", "10.1.9.4"],
            server: "10.2.0.2",
            stranger: "10.7.0.1",
        },
        Family::Ipv6 => Addresses {
            host: "2001:db8:1::1",
            peers: ["2001:db8:1::2", "2001:db8:1::3", "2001:db8:9::4"],
            server: "2001:db8:2::2",
            stranger: "2001:db8:7::1",
        },
    }
}

type Traffic = fn(&mut Host, Family) -> Result<(), EngineError>;

/// A test: the tests before `-m connlimit`, how its limits are written, a last rule, and what is
/// done.
struct Script {
    name: &'static str,
    chain: &'static str,
    tests: &'static [&'static str],
    options: &'static [&'static str],
    rules: &'static [&'static str],
    traffic: Traffic,
}

const LIMITS: &[&str] = &[
    "--connlimit-above 0",
    "--connlimit-above 1",
    "--connlimit-upto 2",
    "--connlimit-above 3",
    "! --connlimit-upto 4",
    "--connlimit-above 5",
];

const SCRIPTS: &[Script] = &[
    Script {
        name: "life",
        chain: "INPUT",
        tests: &["-p tcp -m tcp --syn", "-p tcp -m tcp --tcp-flags PSH PSH"],
        options: LIMITS,
        rules: &[],
        traffic: life,
    },
    Script {
        name: "keys",
        chain: "INPUT",
        tests: &["-p tcp -m tcp --syn", "-p tcp -m tcp --tcp-flags PSH PSH"],
        options: &[
            "--connlimit-above 1",
            "--connlimit-above 1 --connlimit-daddr",
            "--connlimit-above 2 --connlimit-daddr --connlimit-mask 0",
            "--connlimit-above 2 --connlimit-mask 0",
            "--connlimit-upto 3 --connlimit-mask 24",
            "--connlimit-above 3 --connlimit-mask 32 --connlimit-saddr",
        ],
        rules: &[],
        traffic: keys,
    },
    Script {
        name: "acknowledged",
        chain: "INPUT",
        tests: &["-p tcp -m tcp --tcp-flags SYN,FIN,RST,PSH,ACK ACK", "-p tcp"],
        options: LIMITS,
        rules: &[],
        traffic: acknowledged,
    },
    Script {
        name: "limit",
        chain: "INPUT",
        tests: &[],
        options: &[],
        rules: &[
            "-p tcp -m tcp --dport 80 --syn -m connlimit --connlimit-above 2 -j DROP",
            "-p tcp -m tcp --dport 81 --syn -m connlimit --connlimit-upto 2 -j ACCEPT",
            "-p tcp -m tcp --dport 81 --syn -j DROP",
        ],
        traffic: limit,
    },
    Script {
        name: "datagrams",
        chain: "INPUT",
        tests: &["-p udp"],
        options: LIMITS,
        rules: &[],
        traffic: many_datagrams,
    },
    Script {
        name: "emptied",
        chain: "INPUT",
        tests: &["-p tcp -m tcp --tcp-flags PSH PSH"],
        options: LIMITS,
        rules: &[],
        traffic: emptied,
    },
    Script {
        name: "reopened",
        chain: "INPUT",
        tests: &["-p tcp -m tcp --syn"],
        options: LIMITS,
        rules: &[],
        traffic: reopened,
    },
    Script {
        name: "strays",
        chain: "INPUT",
        tests: &["-p tcp", "-p udp"],
        options: LIMITS,
        rules: &[],
        traffic: strays,
    },
    Script {
        name: "many",
        chain: "INPUT",
        tests: &["-p tcp -m tcp --syn"],
        options: &[
            "--connlimit-above 10",
            "--connlimit-above 36",
            "--connlimit-above 63",
            "--connlimit-upto 64",
            "--connlimit-above 65",
            "--connlimit-above 150",
            "--connlimit-upto 199",
        ],
        rules: &[],
        traffic: many,
    },
    Script {
        name: "forwarded",
        chain: "FORWARD",
        tests: &["-p tcp -m tcp --syn", "-p tcp -m tcp --tcp-flags PSH PSH"],
        options: LIMITS,
        rules: &[],
        traffic: forwarded,
    },
];

fn plan(script: &Script) -> Plan {
    let text = |family| {
        let mut text =
            "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
                .to_owned();
        for (test, limit) in
            script.tests.iter().flat_map(|test| script.options.iter().map(move |l| (test, l)))
        {
            let limit = match family {
                Family::Ipv4 => (*limit).to_owned(),
                Family::Ipv6 => limit.replace("mask 24", "mask 48").replace("mask 32", "mask 128"),
            };
            text += &format!("-A {} {test} -m connlimit {limit}\n", script.chain);
        }
        for rule in script.rules {
            text += &format!("-A {} {rule}\n", script.chain);
        }
        text + "COMMIT\n"
    };
    let rulesets = Family::ALL.map(|family| (family, text(family)));
    let hook = if script.chain == "INPUT" { Hook::Input } else { Hook::Forward };
    let hooks = Some(vec![hook]);
    Plan { links: LINKS, forwarding: true, rulesets: rulesets.to_vec(), hooks }
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for script in SCRIPTS {
        for firewall in FIREWALLS {
            trials.push(Trial::test(format!("{}_{firewall}", script.name), move || {
                if !require::met(require::KERNEL_IPTABLES) {
                    return Ok(());
                }
                let counted = twins(&plan(script), firewall, |host| {
                    for family in Family::ALL {
                        (script.traffic)(host, family)?;
                    }
                    Ok(())
                })?;
                let of_rules = counted.iter().filter(|(label, _)| !label.ends_with("policy"));
                match of_rules.filter(|(_, count)| count.packets > 0).count() {
                    0..4 => Err("hardly a rule counts".into()),
                    _ => Ok(()),
                }
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// Longer than what a connection has to reach the tracker, whatever the kernel's clock.
fn pause(host: &mut Host) -> Result<(), EngineError> {
    host.settle()?;
    std::thread::sleep(Duration::from_millis(30));
    Ok(())
}

fn call(family: Family, peer: usize, from: u16, to: u16) -> Call {
    let Addresses { host, peers, .. } = addresses(family);
    Call::new(End::new(Place::Peer(0), peers[peer], from), End::new(Place::Host, host, to))
}

type Pair = (TcpStream, TcpStream);

/// Opens a connection and lets its packets be counted.
fn opened(host: &mut Host, call: &Call) -> Result<Pair, EngineError> {
    let pair = open(host, call)?;
    pause(host)?;
    Ok(pair)
}

fn says(host: &mut Host, (client, server): &mut Pair) -> Result<(), EngineError> {
    exchange(client, server, b"what do you have?")?;
    exchange(server, client, b"a page")?;
    pause(host)
}

/// Closes a connection, `first` before `second`.
fn closes(
    host: &mut Host,
    first: &mut TcpStream,
    second: &mut TcpStream,
) -> Result<(), EngineError> {
    let io = LabError::io("closing");
    let mut close = || {
        first.shutdown(Shutdown::Write)?;
        second.read_to_end(&mut Vec::new())?;
        second.shutdown(Shutdown::Write)?;
        first.read_to_end(&mut Vec::new()).map(drop)
    };
    close().map_err(io)?;
    pause(host)
}

fn resets(host: &mut Host, (client, _server): Pair) -> Result<(), EngineError> {
    let reset = sockopt::set_socket_linger(&client, Some(Duration::ZERO));
    reset.map_err(|error| LabError::io("SO_LINGER")(error.into()))?;
    drop(client);
    pause(host)
}

/// Connections open, idle, close and are reset, and others come in their places.
fn life(host: &mut Host, family: Family) -> Result<(), EngineError> {
    let mut open = Vec::new();
    for port in 0..4 {
        open.push(opened(host, &call(family, 0, 40_000 + port, 80))?);
    }
    for pair in &mut open {
        says(host, pair)?;
    }
    let (mut client, mut server) = open.remove(1);
    closes(host, &mut client, &mut server)?;
    open.push(opened(host, &call(family, 0, 40_010, 80))?);
    says(host, &mut open[0])?;
    let pair = open.remove(1);
    resets(host, pair)?;
    says(host, &mut open[0])?;
    open.push(opened(host, &call(family, 0, 40_011, 81))?);
    open.push(opened(host, &call(family, 0, 40_012, 81))?);
    let (mut client, mut server) = open.remove(0);
    closes(host, &mut server, &mut client)?;
    open.push(opened(host, &call(family, 0, 40_013, 81))?);
    for (mut client, mut server) in open {
        closes(host, &mut client, &mut server)?;
    }
    let (mut client, mut server) = opened(host, &call(family, 0, 40_014, 80))?;
    closes(host, &mut client, &mut server)
}

/// Connections of several clients, which rules put under one address or several.
fn keys(host: &mut Host, family: Family) -> Result<(), EngineError> {
    let mut open = Vec::new();
    for port in 0..2 {
        for peer in 0..3 {
            open.push(opened(host, &call(family, peer, 41_000 + port, 80 + port))?);
        }
    }
    for pair in &mut open {
        says(host, pair)?;
    }
    for (mut client, mut server) in open {
        closes(host, &mut client, &mut server)?;
    }
    pause(host)
}

/// Connections that are never closed: they end with the test.
static KEPT: Mutex<Vec<Pair>> = Mutex::new(Vec::new());

/// Every packet of connections is counted, the one that establishes them too.
fn acknowledged(host: &mut Host, family: Family) -> Result<(), EngineError> {
    for port in 0..3 {
        let mut pair = opened(host, &call(family, 0, 42_000 + port, 80))?;
        says(host, &mut pair)?;
        says(host, &mut pair)?;
        KEPT.lock().expect("no test panics with it").push(pair);
    }
    Ok(())
}

/// As many connections as are allowed; one more when another is gone.
fn limit(host: &mut Host, family: Family) -> Result<(), EngineError> {
    for to in [80, 81] {
        let mut first = opened(host, &call(family, 0, 43_000, to))?;
        let second = opened(host, &call(family, 0, 43_001, to))?;
        no_tcp(host, &call(family, 0, 43_002, to))?;
        pause(host)?;
        no_tcp(host, &call(family, 0, 43_003, to))?;
        // Others have a number of their own.
        let other = opened(host, &call(family, 1, 43_002, to))?;
        closes(host, &mut first.0, &mut first.1)?;
        let third = opened(host, &call(family, 0, 43_004, to))?;
        no_tcp(host, &call(family, 0, 43_005, to))?;
        pause(host)?;
        for (mut client, mut server) in [second, third, other] {
            closes(host, &mut client, &mut server)?;
        }
    }
    Ok(())
}

/// Datagrams with and without answers.
fn many_datagrams(host: &mut Host, family: Family) -> Result<(), EngineError> {
    let io = || LabError::io("a datagram");
    let mut buffer = [0; 16];
    let server = datagrams(host, call(family, 0, 0, 53).server)?;
    let mut clients = Vec::new();
    for port in 0..4 {
        let call = call(family, 0, 44_000 + port, 53);
        let client = datagrams(host, call.client)?;
        for _ in 0..2 {
            client.send_to(b"question", call.target).map_err(io())?;
            let (_, from) = server.recv_from(&mut buffer).map_err(io())?;
            pause(host)?;
            if port > 1 {
                server.send_to(b"answer", from).map_err(io())?;
                client.recv_from(&mut buffer).map_err(io())?;
            }
        }
        clients.push((client, call.target));
    }
    // What goes on for two seconds is a stream.
    std::thread::sleep(Duration::from_millis(2100));
    for (client, target) in clients {
        client.send_to(b"question", target).map_err(io())?;
        server.recv_from(&mut buffer).map_err(io())?;
        pause(host)?;
    }
    Ok(())
}

/// Connections that come again from the same port, the tracker remembering the ones before.
fn reopened(host: &mut Host, family: Family) -> Result<(), EngineError> {
    let held = opened(host, &call(family, 0, 45_100, 80))?;
    for port in [45_000, 45_001] {
        for _ in 0..3 {
            let mut pair = opened(host, &call(family, 0, port, 80))?;
            // Who closes first lingers, and may be asked anew.
            closes(host, &mut pair.1, &mut pair.0)?;
            drop(pair);
        }
    }
    for _ in 0..2 {
        let pair = opened(host, &call(family, 0, 45_002, 80))?;
        resets(host, pair)?;
    }
    let (mut client, mut server) = held;
    closes(host, &mut client, &mut server)
}

/// Where a list has lost all its connections, the kernel drops what comes of others that are
/// established: it neither counts them nor takes 0 for an answer.
fn emptied(host: &mut Host, family: Family) -> Result<(), EngineError> {
    let mut first = opened(host, &call(family, 0, 49_000, 80))?;
    let mut second = opened(host, &call(family, 0, 49_001, 80))?;
    says(host, &mut first)?;
    says(host, &mut second)?;
    closes(host, &mut first.0, &mut first.1)?;
    second.0.write_all(b"nobody hears this").map_err(LabError::io("writing"))?;
    pause(host)?;
    KEPT.lock().expect("no test panics with it").push(second);
    // Another address has a list of its own.
    let mut other = opened(host, &call(family, 1, 49_000, 80))?;
    says(host, &mut other)?;
    closes(host, &mut other.0, &mut other.1)
}

fn from_peer(family: Family) -> PacketBuilder {
    let Addresses { host, peers, .. } = addresses(family);
    packet(peers[0], host)
}

/// Packets that no connection expects, one after the other.
fn strays(host: &mut Host, family: Family) -> Result<(), EngineError> {
    let tcp = |from, flags| from_peer(family).tcp(from, 9, flags).bytes();
    let short = from_peer(family).payload(vec![0x12, 0x34]).protocol(6);
    let frames = [
        tcp(46_000, 0x10),
        tcp(46_000, 0x10),
        tcp(46_001, 0x00),
        tcp(46_001, 0x3f),
        tcp(46_002, 0x12),
        short.bytes(),
        tcp(46_003, 0x04),
        from_peer(family).udp(46_000, 9).payload(vec![0x61; 10]).bytes(),
        from_peer(family).udp(46_001, 9).payload(vec![0x61; 10]).bytes(),
        from_peer(family).udp(46_001, 9).payload(vec![0x61; 10]).bytes(),
    ];
    for frame in frames {
        host.inject(0, vec![frame])?;
        pause(host)?;
    }
    Ok(())
}

/// More connections than are removed at once, and more in one tick than the kernel counts unseen.
/// Nobody hears the answers: the host has no route to who asks.
fn many(host: &mut Host, family: Family) -> Result<(), EngineError> {
    const NUMBER: u16 = 100;
    let Addresses { host: own, stranger, .. } = addresses(family);
    let frame = |port: u16, flags, sequence| {
        let tcp = Tcp {
            source: 47_000 + port,
            destination: 80,
            flags,
            sequence,
            window: 1000,
            ..Tcp::default()
        };
        packet(stranger, own).transport(Transport::Tcp(tcp)).bytes()
    };
    host.inject(0, (0..NUMBER).map(|port| frame(port, 0x02, 1000)).collect())?;
    pause(host)?;
    host.inject(0, (0..NUMBER).map(|port| frame(port, 0x04, 1001)).collect())?;
    pause(host)?;
    for port in NUMBER..NUMBER + 4 {
        host.inject(0, vec![frame(port, 0x02, 1000)])?;
        pause(host)?;
    }
    Ok(())
}

/// Connections through the host.
fn forwarded(host: &mut Host, family: Family) -> Result<(), EngineError> {
    sysctl("ipv6/conf/all/forwarding", "1")?;
    let Addresses { peers, server, .. } = addresses(family);
    let call = |port| {
        Call::new(End::new(Place::Peer(0), peers[0], port), End::new(Place::Peer(1), server, 80))
    };
    let mut open = Vec::new();
    for port in 48_000..48_003 {
        open.push(opened(host, &call(port))?);
    }
    for pair in &mut open {
        says(host, pair)?;
    }
    let (mut client, mut server) = open.remove(1);
    closes(host, &mut client, &mut server)?;
    open.push(opened(host, &call(48_010))?);
    for (mut client, mut server) in open {
        closes(host, &mut client, &mut server)?;
    }
    Ok(())
}
