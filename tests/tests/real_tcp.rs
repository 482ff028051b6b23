//! Real connections through a filter that tracks them, on every target: data flows both ways
//! where the rules accept, nothing arrives where they do not, and every rule counts what the
//! kernel's own would have counted.

use bpfc_driver::Options;
use bpfc_tests::differential::EngineError;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::LabError;
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::require;
use bpfc_tests::traffic::{Call, End, no_tcp, no_udp, open, packet, tcp, udp};
use bpfc_tests::twin::{Firewall, Host, Link, Place, Plan, artifact, twins};
use libtest_mimic::{Arguments, Trial};
use std::io::{Read, Write};
use std::net::TcpStream;

const LINKS: &[Link] = &[Link {
    name: "eth0",
    host: &["10.1.0.1/24", "2001:db8:1::1/64"],
    peer: &["10.1.0.2", "2001:db8:1::2"],
}];

/// Hosts' addresses by family.
fn addresses(family: Family) -> (&'static str, &'static str) {
    match family {
        Family::Ipv4 => ("10.1.0.1", "10.1.0.2"),
        Family::Ipv6 => ("2001:db8:1::1", "2001:db8:1::2"),
    }
}

/// What an administrator writes first.
const STATEFUL: &str = "*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A INPUT -p tcp -m conntrack --ctstate NEW -m tcp --dport 80 -j ACCEPT
-A INPUT -p udp -m conntrack --ctstate NEW -m udp --dport 53 -j ACCEPT
-A OUTPUT -m conntrack --ctstate ESTABLISHED
-A OUTPUT -p tcp -m conntrack --ctstate NEW -m tcp --dport 25 -j DROP
-A OUTPUT -m conntrack --ctstate NEW -j ACCEPT
COMMIT
";

/// The same without connections, for the input of control groups.
const STATELESS_INPUT: &str = "*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
-A INPUT -p tcp -m tcp --sport 8080 ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
-A INPUT -p udp -m udp --dport 53 -j ACCEPT
-A INPUT -p udp -m udp --sport 123 -j ACCEPT
-A OUTPUT -m conntrack --ctstate ESTABLISHED
-A OUTPUT -p tcp -m conntrack --ctstate NEW -m tcp --dport 25 -j DROP
-A OUTPUT -m conntrack --ctstate NEW -j ACCEPT
COMMIT
";

fn plan(firewall: Firewall) -> Plan {
    let text = match firewall {
        Firewall::Program("cgroup-skb", _) => STATELESS_INPUT,
        _ => STATEFUL,
    };
    let rulesets = Family::ALL.map(|family| (family, text.to_owned()));
    Plan { links: LINKS, forwarding: false, rulesets: rulesets.to_vec(), hooks: None }
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for firewall in Firewall::PROGRAMS {
        for (name, traffic) in TRAFFIC {
            trials.push(Trial::test(format!("{name}_{firewall}"), move || {
                if can_run(firewall) {
                    twins(&plan(firewall), firewall, traffic)?;
                }
                Ok(())
            }));
        }
        trials.push(Trial::test(format!("bulk_{firewall}"), move || {
            if can_run(firewall) {
                isolated(|| bulk(firewall))?;
            }
            Ok(())
        }));
    }
    trials.push(Trial::test("connections_are_refused_cgroup_skb", || {
        let rulesets = [(Family::Ipv4, STATEFUL.to_owned())];
        match artifact(&rulesets, "cgroup-skb", &Options::default()) {
            Err(error) if error.to_string().contains("connection tracking") => Ok(()),
            other => Err(format!("{other:?}").into()),
        }
    }));
    libtest_mimic::run(&arguments, trials).exit();
}

fn can_run(firewall: Firewall) -> bool {
    require::met(require::KERNEL_IPTABLES) && firewall.has_place()
}

type Traffic = fn(&mut Host) -> Result<(), EngineError>;

const TRAFFIC: [(&str, Traffic); 3] =
    [("tcp", tcp_calls), ("udp", udp_calls), ("packets", packets)];

fn tcp_calls(host: &mut Host) -> Result<(), EngineError> {
    for family in Family::ALL {
        let (ours, theirs) = addresses(family);
        let peer = |port| End::new(Place::Peer(0), theirs, port);
        let own = |port| End::new(Place::Host, ours, port);
        tcp(host, &Call::new(peer(40_000), own(80)))?;
        no_tcp(host, &Call::new(peer(40_001), own(8080)))?;
        tcp(host, &Call::new(peer(40_002), own(80)))?;
        // Outgoing: answers come in as established, whatever their port.
        tcp(host, &Call::new(own(40_003), peer(8080)))?;
        no_tcp(host, &Call::new(own(40_004), peer(25)))?;
    }
    Ok(())
}

fn udp_calls(host: &mut Host) -> Result<(), EngineError> {
    for family in Family::ALL {
        let (ours, theirs) = addresses(family);
        let peer = |port| End::new(Place::Peer(0), theirs, port);
        let own = |port| End::new(Place::Host, ours, port);
        udp(host, &Call::new(peer(50_000), own(53)))?;
        no_udp(host, &Call::new(peer(50_001), own(5353)))?;
        udp(host, &Call::new(own(50_002), peer(123)))?;
    }
    Ok(())
}

/// Packets that no connection expects.
fn packets(host: &mut Host) -> Result<(), EngineError> {
    if !host.view().strays {
        return Ok(());
    }
    for family in Family::ALL {
        let (ours, theirs) = addresses(family);
        let from_peer = || packet(theirs, ours);
        let tcp = |flags| from_peer().tcp(41_000, 80, flags).bytes();
        let frames = vec![
            from_peer().tcp(41_000, 22, 0x02).bytes(),
            tcp(0x00),
            tcp(0x3f),
            tcp(0x06),
            tcp(0x12),
            tcp(0x01),
            from_peer().udp(41_000, 123).payload(vec![0x61; 100]).bytes(),
            from_peer().payload(vec![0x62; 50]).bytes(),
        ];
        host.inject(0, frames)?;
    }
    Ok(())
}

/// More data than fits into a segment, a window or a queue, both ways at once. How many segments
/// that makes is up to the kernel, so there is no twin to compare with.
fn bulk(firewall: Firewall) -> Result<(), EngineError> {
    const LENGTH: usize = 3_000_000;
    let mut host = Host::new(&plan(firewall), firewall)?;
    for family in Family::ALL {
        let (ours, theirs) = addresses(family);
        let call =
            Call::new(End::new(Place::Peer(0), theirs, 42_000), End::new(Place::Host, ours, 80));
        let (mut client, mut server) = open(&mut host, &call)?;
        let data: Vec<u8> = (0..LENGTH).map(|at| (at % 251) as u8).collect();
        let (mut client_out, mut server_out) = (again(&client)?, again(&server)?);
        std::thread::scope(|scope| {
            let data = &data;
            scope.spawn(move || client_out.write_all(data));
            scope.spawn(move || server_out.write_all(data));
            let back = scope.spawn(move || expect(&mut client, data));
            expect(&mut server, data).and(back.join().unwrap_or(Ok(())))
        })?;
        host.settle()?;
        let prefix = format!("{}filter/INPUT:", family.label_prefix());
        let counters = host.counters()?;
        let bytes = counters.iter().filter(|(label, _)| label.starts_with(&prefix));
        let bytes: u64 = bytes.map(|(_, count)| count.bytes).sum();
        if bytes < LENGTH as u64 {
            return Err(EngineError::Refused(format!("only {bytes} bytes were counted")));
        }
    }
    Ok(())
}

fn again(stream: &TcpStream) -> Result<TcpStream, EngineError> {
    Ok(stream.try_clone().map_err(LabError::io("dup"))?)
}

fn expect(stream: &mut TcpStream, data: &[u8]) -> Result<(), EngineError> {
    let mut received = vec![0; data.len()];
    stream.read_exact(&mut received).map_err(LabError::io("reading"))?;
    match received == data {
        true => Ok(()),
        false => Err(EngineError::Refused("other data than was sent".to_owned())),
    }
}
