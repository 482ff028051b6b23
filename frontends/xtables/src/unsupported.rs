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
}

const fn row(name: &'static str, families: Families, reason: &'static str) -> Unsupportable {
    Unsupportable { name, families, reason }
}

/// Matches.
pub const MATCHES: &[Unsupportable] = &[
    row("cluster", Both, "it hashes the connection over the nodes of a cluster"),
    row("connbytes", Both, "it reads the connection's own counters"),
    row("connlabel", Both, "it reads the connection's labels"),
    row("connlimit", Both, "it counts connections by address"),
    row("hashlimit", Both, "it limits rates by address and port"),
    row("helper", Both, "it reads the connection's helper"),
    row("ipvs", Both, "it asks the IPVS load balancer"),
    row("nfacct", Both, "it counts into an accounting object of the kernel"),
    row("osf", Both, "it guesses the sender's operating system by a fingerprint list"),
    row("physdev", Both, "it asks for the bridge port"),
    row("policy", Both, "it asks for the packet's IPsec policy"),
    row("rateest", Both, "it reads a rate estimator"),
    row("recent", Both, "it keeps lists of recently seen addresses"),
    row("rpfilter", Both, "it asks the routing table for the way back"),
    row("set", Both, "it looks addresses up in an ipset"),
    row("socket", Both, "it looks the packet's socket up"),
];

/// Targets.
pub const ACTIONS: &[Unsupportable] = &[
    row("AUDIT", Both, "it writes to the audit log"),
    row("CHECKSUM", Both, "it fills in checksums"),
    row("CLASSIFY", Both, "it sets the packet's traffic class"),
    row("CLUSTERIP", Ipv4, "it shares an address between the nodes of a cluster"),
    row("CONNMARK", Both, "it sets the connection's mark"),
    row("CONNSECMARK", Both, "it sets the connection's security mark"),
    row("CT", Both, "it chooses how the connection is tracked"),
    row("DNAT", Both, "it translates addresses, which stays in the kernel"),
    row("DNPT", Ipv6, "it translates address prefixes, which stays in the kernel"),
    row("HMARK", Both, "it sets the mark to a hash of the packet"),
    row("IDLETIMER", Both, "it watches for idle interfaces"),
    row("LED", Both, "it makes a light blink"),
    row("LOG", Both, "it writes to the kernel's log"),
    row("MASQUERADE", Both, "it translates addresses, which stays in the kernel"),
    row("NETMAP", Both, "it translates addresses, which stays in the kernel"),
    row("NFLOG", Both, "it sends packets to a logging daemon"),
    row("NFQUEUE", Both, "it sends packets to a program"),
    row("NOTRACK", Both, "it excludes packets from connection tracking"),
    row("QUEUE", Both, "it sends packets to a program"),
    row("RATEEST", Both, "it feeds a rate estimator"),
    row("REDIRECT", Both, "it translates addresses, which stays in the kernel"),
    row("SECMARK", Both, "it sets the packet's security mark"),
    row("SET", Both, "it adds addresses to an ipset"),
    row("SNAT", Both, "it translates addresses, which stays in the kernel"),
    row("SNPT", Ipv6, "it translates address prefixes, which stays in the kernel"),
    row("SYNPROXY", Both, "it answers connection attempts in the server's place"),
    row("TCPMSS", Both, "it changes the packet"),
    row("TCPOPTSTRIP", Both, "it changes the packet"),
    row("TEE", Both, "it sends a copy of the packet elsewhere"),
    row("TPROXY", Both, "it hands packets to a transparent proxy"),
    row("TRACE", Both, "it traces the packet through the kernel's rules"),
    row("ULOG", Ipv4, "it sends packets to a logging daemon"),
];
