//! The matches and targets that iptables 1.8.9 knows and bpfc does not compile, each with why.
//!
//! A ruleset that uses one is refused: nothing reads as unknown, and no rule is left out.

use crate::Families::{self, Both, Ipv4, Ipv6};

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Unsupportable {
    /// As `-m` or `-j` takes it.
    pub name: &'static str,
    /// Where it exists.
    pub families: Families,
    /// A sentence: what it would need.
    pub reason: &'static str,
    /// A sentence: what does the same another way, where there is something.
    pub way_out: Option<&'static str>,
}

const fn row(name: &'static str, families: Families, reason: &'static str) -> Unsupportable {
    Unsupportable { name, families, reason, way_out: None }
}

impl Unsupportable {
    const fn instead(self, way_out: &'static str) -> Self {
        Unsupportable { way_out: Some(way_out), ..self }
    }
}

/// Matches.
pub const MATCHES: &[Unsupportable] = &[
    row(
        "ipvs",
        Both,
        "it asks which virtual server of IPVS the packet belongs to, which only its module knows",
    )
    .instead("match the virtual server's address, protocol and port"),
    row("nfacct", Both, "it counts into an object of the kernel's nfacct, which programs cannot reach")
        .instead("every rule has counters of its own, which bpfc counters shows"),
    row(
        "rateest",
        Both,
        "it compares rates that the RATEEST target estimates, and nothing that bpfc compiles feeds an \
         estimator",
    )
    .instead("limit the rate with -m limit or -m hashlimit"),
];

/// Targets.
pub const ACTIONS: &[Unsupportable] = &[
    row(
        "AUDIT",
        Both,
        "it writes to the kernel's audit log, which no program can: log with LOG or NFLOG, \
         or leave the rule to the kernel",
    ),
    row(
        "CHECKSUM",
        Both,
        "it completes checksums that are left to the network card, which the kernel offers \
         programs no way to do: leave the rule to the kernel, or turn the card's part off \
         with 'ethtool -K IF tx off'",
    ),
    row(
        "CLUSTERIP",
        Ipv4,
        "it shares an address between the nodes of a cluster by answering ARP with a group \
         address, which no program can, and newer kernels no longer have it: use the match \
         cluster",
    ),
    row(
        "CONNSECMARK",
        Both,
        "it copies security marks, which the kernel's security modules keep from programs: \
         leave the rule to the kernel",
    ),
    row(
        "CT",
        Both,
        "it decides how the packet is tracked before it is, which programs cannot: they run \
         before a packet has a place for that, or behind the tracker; leave the raw table \
         to the kernel",
    ),
    row(
        "DNAT",
        Both,
        "it translates addresses, which needs the kernel's connection tracking to follow: \
         leave the nat table to the kernel",
    ),
    row(
        "DNPT",
        Ipv6,
        "it translates address prefixes back, also inside of ICMP errors, which no program \
         does: leave the mangle table to the kernel",
    ),
    row(
        "HMARK",
        Both,
        "it sets the mark to a keyed hash as the kernel computes it, of addresses that may \
         be those of the connection: leave the rule to the kernel, or set marks by address \
         with MARK",
    ),
    row(
        "IDLETIMER",
        Both,
        "it starts a timer whose end user space reads from sysfs, which no program can: \
         leave the rule to the kernel",
    ),
    row(
        "LED",
        Both,
        "it makes a light of the machine blink, which no program can: leave the rule to the \
         kernel",
    ),
    row(
        "MASQUERADE",
        Both,
        "it translates addresses, which needs the kernel's connection tracking to follow: \
         leave the nat table to the kernel",
    ),
    row(
        "NETMAP",
        Both,
        "it translates addresses, which needs the kernel's connection tracking to follow: \
         leave the nat table to the kernel",
    ),
    row(
        "NFQUEUE",
        Both,
        "it waits for the verdict of a program in user space, which only the kernel's own \
         hooks can: leave the rule to the kernel",
    ),
    row(
        "NOTRACK",
        Both,
        "it decides that the packet is not tracked before it is, which programs cannot: \
         they run before a packet has a place for that, or behind the tracker; leave the \
         raw table to the kernel",
    ),
    row(
        "QUEUE",
        Both,
        "it waits for the verdict of a program in user space, which only the kernel's own \
         hooks can: leave the rule to the kernel",
    ),
    row(
        "RATEEST",
        Both,
        "it feeds a rate estimator of the kernel, which no program can: leave the rule, and \
         those that match on it, to the kernel",
    ),
    row(
        "REDIRECT",
        Both,
        "it translates addresses, which needs the kernel's connection tracking to follow: \
         leave the nat table to the kernel",
    ),
    row(
        "SECMARK",
        Both,
        "it sets the packet's security mark, which the kernel's security modules keep from \
         programs: leave the rule to the kernel",
    ),
    row(
        "SNAT",
        Both,
        "it translates addresses, which needs the kernel's connection tracking to follow: \
         leave the nat table to the kernel",
    ),
    row(
        "SNPT",
        Ipv6,
        "it translates address prefixes, also inside of ICMP errors, which no program does: \
         leave the mangle table to the kernel",
    ),
    row(
        "SYNPROXY",
        Both,
        "it answers connection attempts in the server's place and then translates sequence \
         numbers, which needs the kernel's connection tracking to follow: leave the rule to \
         the kernel",
    ),
    row(
        "TEE",
        Both,
        "it routes a copy of the packet to a gateway as if this host had sent it, where a \
         program can only clone it to an interface: leave the rule to the kernel, or mirror \
         an interface with tc's action mirred",
    ),
    row(
        "TPROXY",
        Both,
        "it hands packets to a socket of this host whatever their destination, and marks \
         them for a routing rule: leave the mangle table to the kernel",
    ),
    row("ULOG", Ipv4, "Linux 3.17 and later no longer have it: use NFLOG"),
];
