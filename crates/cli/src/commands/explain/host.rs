//! What only the host that handles a packet knows: said in words, or asked for where the packet's
//! way comes to a rule that needs it.

use crate::console::Failure;
use bpfc_interpret::{Environment, Fault, InterpretError, interpret};
use bpfc_ir::{Address, Contents, Hook, HostFact, Program, Way};
use bpfc_packet::Packet;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The word that says a fact, an example, and the fact in words; no word where none can say it.
fn word(fact: HostFact) -> (Option<(&'static str, &'static str)>, &'static str) {
    let (word, what) = match fact {
        HostFact::AddressType(Address::Source) => {
            (("srctype", "srctype=unicast"), "what kind of address the source is")
        }
        HostFact::AddressType(Address::Destination) => {
            (("dsttype", "dsttype=local"), "what kind of address the destination is")
        }
        HostFact::WayBack => (
            ("back", "back=IF or back=none"),
            "whether there is a way back to the source by its interface",
        ),
        HostFact::Receiver => {
            (("receiver", "receiver=bound, any or none"), "which socket will receive the packet")
        }
        HostFact::ReceiverMark => {
            (("receivermark", "receivermark=N"), "the mark of the socket that receives the packet")
        }
        HostFact::Socket => (("socket", "uid=N or socket=none"), "which socket sends the packet"),
        HostFact::User => (("uid", "uid=N"), "whose socket sends the packet"),
        HostFact::Group => (("gid", "gid=N"), "of which group's process the sending socket is"),
        HostFact::Groups => {
            (("groups", "groups=N,N"), "in which supplementary groups the sending process is")
        }
        HostFact::Class => (("classid", "classid=N"), "the class of the sender's control group"),
        HostFact::ControlGroup => (("cgroup", "cgroup=PATH"), "the sender's control group"),
        HostFact::InGroup => (("ingroup", "ingroup=N"), "the input interface's group"),
        HostFact::OutGroup => (("outgroup", "outgroup=N"), "the output interface's group"),
        HostFact::InIndex => (("inindex", "inindex=N"), "the input interface's number"),
        HostFact::OutIndex => (("outindex", "outindex=N"), "the output interface's number"),
        HostFact::DeviceType => {
            (("devtype", "devtype=N"), "the hardware type of the device that the packet is at")
        }
        HostFact::OutType => (("outtype", "outtype=N"), "the output interface's hardware type"),
        HostFact::Priority => (("priority", "priority=N"), "the packet's priority"),
        HostFact::Realm => (("realm", "realm=N"), "the realm of the packet's route"),
        HostFact::RouteMtu => {
            (("mtu", "mtu=N or mtu=none"), "how long packets may be on the packet's route")
        }
        HostFact::ReturnMtu => (
            ("backmtu", "backmtu=N or backmtu=none"),
            "how long packets may be on the way back to the source",
        ),
        HostFact::BridgePorts => (
            ("bridge", "physin=IF, physout=IF or bridge=none"),
            "by which ports of a bridge the packet goes",
        ),
        HostFact::Transforms(Way::In) => (
            ("ipsecin", "ipsecin=esp,tunnel or ipsecin=none"),
            "by which IPsec policy the packet came in",
        ),
        HostFact::Transforms(Way::Out) => (
            ("ipsecout", "ipsecout=esp,tunnel or ipsecout=none"),
            "by which IPsec policy the packet will go",
        ),
        HostFact::ConnectionCounters => return (None, "what the packet's connection has counted"),
        HostFact::ConnectionLabels => return (None, "the labels of the packet's connection"),
        HostFact::ConnectionExpiration => return (None, "when the packet's connection ends"),
        HostFact::ConnectionZone => return (None, "the zone of the packet's connection"),
        HostFact::Announcer => return (None, "which helper announced the packet's connection"),
    };
    (Some(word), what)
}

/// Facts of a socket: of them, all are known where there is none, and that there is one is known
/// where one of them is said.
const OF_SOCKET: [HostFact; 6] = [
    HostFact::Socket,
    HostFact::User,
    HostFact::Group,
    HostFact::Groups,
    HostFact::Class,
    HostFact::ControlGroup,
];

fn known(packet: &Packet, said: &BTreeSet<&'static str>) -> BTreeSet<HostFact> {
    use HostFact::*;
    let others = [
        AddressType(Address::Source),
        AddressType(Address::Destination),
        WayBack,
        Receiver,
        ReceiverMark,
        InGroup,
        OutGroup,
        InIndex,
        OutIndex,
        DeviceType,
        OutType,
        Priority,
        Realm,
        Transforms(Way::In),
        Transforms(Way::Out),
        RouteMtu,
        ReturnMtu,
    ];
    let is_said = |fact: HostFact| word(fact).0.is_some_and(|(name, _)| said.contains(name));
    let mut known: BTreeSet<HostFact> = others.into_iter().filter(|&fact| is_said(fact)).collect();
    known.extend(OF_SOCKET.into_iter().filter(|&fact| is_said(fact)));
    if said.contains("socket") {
        known.extend(OF_SOCKET);
    }
    if OF_SOCKET.iter().any(|fact| known.contains(fact)) {
        known.insert(Socket);
    }
    if ["bridge", "physin", "physout"].iter().any(|&name| said.contains(name)) {
        known.insert(BridgePorts);
    }
    if known.contains(&Receiver) && packet.receiver.is_none() {
        known.insert(ReceiverMark);
    }
    if let Ok(parsed) = packet.parse_headers() {
        let addresses =
            [(Address::Source, parsed.source()), (Address::Destination, parsed.destination())];
        let evident = addresses.into_iter().filter(|(_, address)| is_evident(*address));
        known.extend(evident.map(|(address, _)| AddressType(address)));
    }
    known
}

/// Whether an address says itself what kind it is (net/ipv4/fib_frontend.c,
/// `__inet_dev_addr_type`).
fn is_evident(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_unspecified() || address.is_broadcast() || address.is_multicast()
        }
        IpAddr::V6(_) => false,
    }
}

/// Refuses a packet whose way through the ruleset depends on what nobody said about its host.
pub(super) fn require(
    lowered: &Program,
    contents: &Contents,
    hook: Hook,
    packet: &Packet,
    said: &BTreeSet<&'static str>,
) -> Result<(), Failure> {
    let mut environment =
        Environment::new(lowered).knowing(known(packet, said)).with_contents(contents);
    let fault = match interpret(lowered, hook, packet, &mut environment) {
        Err(InterpretError::Fault { fault, .. }) => fault,
        _ => return Ok(()),
    };
    let Fault::Unknown { fact, rule } = fault else { return Ok(()) };
    let rule = rule.map_or("a rule".to_owned(), |rule| lowered.label(rule));
    let (word, what) = word(fact);
    Err(Failure::Refused(match word {
        Some((_, example)) => format!(
            "{rule} asks {what}, which only the host that handles the packet knows: say \
             {example} (`bpfc help explain` lists the words)"
        ),
        None => format!(
            "{rule} asks {what}, which only the host that handles the packet knows, and no word \
             says"
        ),
    }))
}
