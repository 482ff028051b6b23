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
        "tunnel" => "tunnels (tunnel)",
        "helper" => "connection tracking's helpers (helper)",
        "timeout" => "connection tracking's timeouts (timeout)",
        "expectation" => "connection tracking's expectations (expectation)",
        "track" => "choosing which packets are tracked (track)",
        "zone" => "choosing zones of connection tracking (zone)",
        "event" => "choosing events of connection tracking (event)",
        "label" => "setting labels of connections (label)",
        "secmark" => "security marks (secmark)",
        "audit" => "auditing (audit)",
        other => other,
    };
    let message = format!("{what} is not filtering and stays in the kernel");
    Diagnostic::error(Code::NFT_OUTSIDE, Some(span), message)
}
