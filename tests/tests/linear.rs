//! Packets whose bytes do not lie one after another: programs read their headers where they lie,
//! and by a helper where they do not.
//!
//! A datagram that is too large for one piece of memory has its IP and UDP headers in one and its
//! payload in pages (net/ipv4/ip_output.c, `__ip_append_data`), so that what a program reads of it
//! in one go lies in both. The kernel's own rules and the programs see the same datagrams, large
//! and small, and must count the same.

use bpfc_ir::Hook;
use bpfc_runtime::{Filter, Options};
use bpfc_tests::lab::Family;
use bpfc_tests::lab::inject::{INNER_MAC, Wire};
use bpfc_tests::lab::namespace::{Namespace, ip, ip6, isolated};
use bpfc_tests::lab::tables::{self, Reader};
use bpfc_tests::require;
use bpfc_tests::twin::{artifact, wait_for_addresses};
use libtest_mimic::{Arguments, Failed, Trial};
use std::net::UdpSocket;

/// The largest that the device takes: datagrams are not cut into fragments.
const MTU: u32 = 65_535;
/// The kernel asks for four pages at most at once.
const LARGE: usize = 20_000;
/// Bytes of the payload, from the shortest with which the headers are not read in one go.
const LENGTHS: [usize; 8] = [0, 4, 11, 12, 13, 1_000, LARGE, 3 * LARGE];

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for family in Family::ALL {
        for target in ["tc", "netfilter"] {
            trials.push(Trial::test(format!("{target}_{family}"), move || {
                if require::met(require::KERNEL_IPTABLES) {
                    isolated(|| check(family, target))?;
                }
                Ok(())
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// What lies in the UDP header, just behind it, and at the end.
fn ruleset(family: Family) -> String {
    let payload = match family {
        Family::Ipv4 => "0>>22&0x3C@8=0x62706663",
        Family::Ipv6 => "48=0x62706663",
    };
    format!(
        "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n\
         -A INPUT -p udp -m udp --dport 7\n\
         -A INPUT -p udp -m udp --dport 7 -m u32 --u32 \"{payload}\"\n\
         -A INPUT -p udp -m length --length {LARGE}:65535\n\
         -A INPUT -p udp -m string --string \"the tail\" --algo bm\nCOMMIT\n"
    )
}

/// A payload of a length that begins with a word that the rules know, or not, and ends with another
/// where there is room for both.
fn payload(length: usize, known: bool) -> Vec<u8> {
    let (head, tail) = if known { ("bpfc", "the tail") } else { ("none", "no tails") };
    let tail = if length < head.len() + tail.len() { "" } else { tail };
    let mut payload = head.as_bytes().to_vec();
    payload.resize(length - tail.len(), b'.');
    payload.extend(tail.bytes());
    payload
}

fn check(family: Family, target: &str) -> Result<(), Failed> {
    let mut wire = Wire::new(&["eth0"])?;
    let inner = Namespace::current()?;
    let mac = INNER_MAC.map(|byte| format!("{byte:02x}")).join(":");
    let (host, peer) = match family {
        Family::Ipv4 => ("192.0.2.1", "192.0.2.9"),
        Family::Ipv6 => ("2001:db8::1", "2001:db8::9"),
    };
    let configure = |name: &str, own: &str| match family {
        Family::Ipv4 => ip(&format!("link set {name} mtu {MTU}\naddr add {own}/24 dev {name}\n")),
        Family::Ipv6 => {
            ip6(&format!("link set {name} mtu {MTU}\naddr add {own}/64 dev {name} nodad\n"))?;
            wait_for_addresses(&[own])
        }
    };
    configure("eth0", host)?;
    let text = ruleset(family);
    tables::restore(family, &text)?;
    let options =
        bpfc_driver::Options { hooks: Some(vec![Hook::Input]), ..bpfc_driver::Options::default() };
    let artifact = artifact(&[(family, text)], target, &options)?;
    let mut options = Options::new("linear");
    if target == "tc" {
        options.interfaces = vec!["eth0".to_owned()];
    }
    let filter = Filter::load(&artifact, &options)?;
    let reader = Reader::new(family, "filter")?;
    let before = reader.read()?;

    wire.outer().enter()?;
    configure("o0", peer)?;
    ip(&format!("neigh add {host} lladdr {mac} dev o0 nud permanent\n"))?;
    let socket = UdpSocket::bind((peer, 0)).map_err(|error| error.to_string())?;
    for length in LENGTHS {
        for known in [true, false] {
            let sent = socket.send_to(&payload(length, known), (host, 7));
            sent.map_err(|error| format!("{length} bytes: {error}"))?;
        }
    }
    inner.enter()?;
    wire.settle(0)?;

    let kernel = tables::difference(&reader, &before, &reader.read()?);
    let rules = (1..=4).map(|rule| format!("filter/INPUT:{rule}"));
    for (rule, least) in rules.zip([2 * LENGTHS.len() as u64, 7, 4, 5]) {
        let label = format!("{}{rule}", family.label_prefix());
        let counted = kernel.get(&label).map_or(0, |count| count.packets);
        assert!(counted >= least, "{label} counts {counted}, not {least}");
    }
    let mut program = tables::moved(&filter.counters()?);
    program.retain(|label, _| label.contains("/INPUT:"));
    let kernel = kernel.into_iter().filter(|(label, _)| label.contains("/INPUT:")).collect();
    match tables::disagreement(&kernel, &program) {
        Some(lines) => Err(lines.into()),
        None => Ok(()),
    }
}
