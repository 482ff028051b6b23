//! The extensions that bpfc compiles: one row each.

use crate::{ActionExtension, MatchExtension, Unsupportable, matches, targets, unsupported};
use bpfc_ir::Family;

/// Every match, sorted by name.
pub const MATCHES: &[&MatchExtension] = &[
    &matches::addrtype::ADDRTYPE,
    &matches::ah6::AH6,
    &matches::ah::AH,
    &matches::bpf::BPF,
    &matches::cgroup::CGROUP,
    &matches::cluster::CLUSTER,
    &matches::comment::COMMENT,
    &matches::connbytes::CONNBYTES,
    &matches::connlabel::CONNLABEL,
    &matches::connlimit::CONNLIMIT,
    &matches::connmark::CONNMARK,
    &matches::conntrack::CONNTRACK,
    &matches::conntrack::STATE,
    &matches::cpu::CPU,
    &matches::dccp::DCCP,
    &matches::devgroup::DEVGROUP,
    &matches::ecn::ECN,
    &matches::esp::ESP,
    &matches::eui64::EUI64,
    &matches::frag::FRAG,
    &matches::hashlimit::HASHLIMIT,
    &matches::helper::HELPER,
    &matches::icmp::ICMP,
    &matches::icmp::ICMP6,
    &matches::ipcomp::IPCOMP,
    &matches::iprange::IPRANGE,
    &matches::ipv6header::IPV6HEADER,
    &matches::length::LENGTH,
    &matches::limit::LIMIT,
    &matches::mac::MAC,
    &matches::mark::MARK,
    &matches::mh::MH,
    &matches::multiport::MULTIPORT,
    &matches::options_header::DST,
    &matches::options_header::HBH,
    &matches::osf::OSF,
    &matches::owner::OWNER,
    &matches::physdev::PHYSDEV,
    &matches::pkttype::PKTTYPE,
    &matches::policy::POLICY,
    &matches::quota::QUOTA,
    &matches::realm::REALM,
    &matches::recent::RECENT,
    &matches::rpfilter::RPFILTER,
    &matches::rt::RT,
    &matches::sctp::SCTP,
    &matches::set::SET,
    &matches::socket::SOCKET,
    &matches::srh::SRH,
    &matches::statistic::STATISTIC,
    &matches::string::STRING,
    &matches::tcp::TCP,
    &matches::tcpmss::TCPMSS,
    &matches::time::TIME,
    &matches::tos::DSCP,
    &matches::tos::TOS,
    &matches::ttl::HL,
    &matches::ttl::TTL,
    &matches::u32::U32,
    &matches::udp::UDP,
];

/// Every target extension, sorted by name.
pub const ACTIONS: &[&ActionExtension] = &[
    &targets::classify::CLASSIFY,
    &targets::connmark::CONNMARK,
    &targets::tos::DSCP,
    &targets::ecn::ECN,
    &targets::ttl::HL,
    &targets::log::LOG,
    &targets::mark::MARK,
    &targets::nflog::NFLOG,
    &targets::reject::REJECT,
    &targets::set::SET,
    &targets::tcpmss::TCPMSS,
    &targets::tcpoptstrip::TCPOPTSTRIP,
    &targets::tos::TOS,
    &targets::trace::TRACE,
    &targets::ttl::TTL,
];

/// The matches that iptables 1.8.9 knows and that are refused.
pub const REFUSED_MATCHES: &[Unsupportable] = unsupported::MATCHES;

/// The targets that iptables 1.8.9 knows and that are refused.
pub const REFUSED_ACTIONS: &[Unsupportable] = unsupported::ACTIONS;

/// What a name of a match or target comes to.
#[derive(Clone, Copy, Debug)]
pub enum Known<T: 'static> {
    /// It is compiled.
    Supported(&'static T),
    /// iptables 1.8.9 knows it and bpfc does not.
    Unsupported(&'static Unsupportable),
    /// iptables knows it, but not in this family.
    OtherFamily,
    /// Nobody knows it.
    Unknown,
}

/// Looks a match up by the name that `-m` takes or that a kernel struct holds.
pub fn find_match(name: &str, family: Family) -> Known<MatchExtension> {
    // All names of ICMPv6 mean one match, which the kernel calls icmp6.
    let name = match name {
        "icmpv6" | "ipv6-icmp" => "icmp6",
        name => name,
    };
    let named = |m: &&&MatchExtension| m.name == name || m.aliases.contains(&name);
    let found = MATCHES.iter().filter(named).find(|m| m.families.contains(family));
    match found {
        Some(found) => Known::Supported(found),
        None => other(unsupported::MATCHES, name, family, MATCHES.iter().any(|m| named(&m))),
    }
}

/// Looks a target extension up by the name that `-j` takes or that a kernel struct holds.
pub fn find_action(name: &str, family: Family) -> Known<ActionExtension> {
    let found = ACTIONS.iter().find(|a| a.name == name && a.families.contains(family));
    match found {
        Some(found) => Known::Supported(found),
        None => other(unsupported::ACTIONS, name, family, ACTIONS.iter().any(|a| a.name == name)),
    }
}

/// The names that `-m` takes in a family, those of what is refused included.
pub fn match_names(family: Family) -> impl Iterator<Item = &'static str> {
    let taken = MATCHES.iter().filter(move |m| m.families.contains(family));
    let refused = unsupported::MATCHES.iter().filter(move |row| row.families.contains(family));
    taken.map(|m| m.name).chain(refused.map(|row| row.name))
}

/// The names that `-j` takes in a family, likewise.
pub fn action_names(family: Family) -> impl Iterator<Item = &'static str> {
    let taken = ACTIONS.iter().filter(move |a| a.families.contains(family));
    let refused = unsupported::ACTIONS.iter().filter(move |row| row.families.contains(family));
    taken.map(|a| a.name).chain(refused.map(|row| row.name))
}

fn other<T>(
    table: &'static [Unsupportable],
    name: &str,
    family: Family,
    elsewhere: bool,
) -> Known<T> {
    let mut rows = table.iter().filter(|row| row.name == name).peekable();
    let elsewhere = elsewhere || rows.peek().is_some();
    match rows.find(|row| row.families.contains(family)) {
        Some(row) => Known::Unsupported(row),
        None if elsewhere => Known::OtherFamily,
        None => Known::Unknown,
    }
}
