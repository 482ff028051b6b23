//! What is not filtering, by class.

use bpfc_diag::{Code, Diagnostic, Span};

/// The error that something is not filtering. The class stands in the message.
pub(crate) fn outside(class: &str, span: Span) -> Diagnostic {
    let what = match class {
        "nat" => "address translation (nat)",
        "queue" => "passing packets to user space (queue)",
        "dup" => "copying packets (dup)",
        "fwd" => "forwarding packets to a device (fwd)",
        "tproxy" => "transparent proxying (tproxy)",
        "synproxy" => "answering for servers (synproxy)",
        "flow" => "offloading flows (flow)",
        "bridge" => "filtering on bridges (bridge)",
        "arp" => "filtering ARP (arp)",
        "tunnel" => "matching tunnels (tunnel)",
        "helper" => "a helper of connection tracking (helper)",
        "timeout" => "a timeout of connection tracking (timeout)",
        "expectation" => "an expectation of connection tracking (expectation)",
        "track" => "choosing which packets are tracked (track)",
        "zone" => "choosing zones of connection tracking (zone)",
        "event" => "choosing events of connection tracking (event)",
        "label" => "setting labels of connections (label)",
        "secmark" => "a security mark (secmark)",
        "audit" => "auditing (audit)",
        other => other,
    };
    let message = format!("{what} stays in the kernel: no program does it");
    Diagnostic::error(Code::NFT_OUTSIDE, Some(span), message)
}
