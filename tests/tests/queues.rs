//! The target SET --map-queue: datagrams that leave a device of several queues are counted by the
//! queue that the kernel has chosen for them, where its own iptables, and where the program of TC,
//! has noted what the elements of a set say.

use bpfc_driver::{Options, compile, target};
use bpfc_ir::{Hook, Input};
use bpfc_runtime::{Filter, Options as LoadOptions};
use bpfc_tests::lab::Family;
use bpfc_tests::lab::namespace::{ip, isolated, run, sysctl};
use bpfc_tests::lab::tables::restore;
use bpfc_tests::require::{self, Need};
use std::net::UdpSocket;

const RULES: &str = "*mangle\n:POSTROUTING ACCEPT [0:0]\n\
     -A POSTROUTING -p udp -m udp --dport 9 -j SET --map-set queues dst,dst --map-queue\nCOMMIT\n";

/// Queues are numbered from 0; the device has no queue 4.
const SETS: &str = "create queues list:set skbinfo\n\
     create one hash:ip family inet skbinfo\nadd one 10.9.0.2\n\
     create two hash:net family inet\nadd two 10.9.0.4/31\n\
     create three bitmap:ip range 10.9.0.0/24 skbinfo\nadd three 10.9.0.6\n\
     create four hash:ip family inet\nadd four 10.9.0.7\n\
     create zero hash:ip family inet\nadd zero 10.9.0.8\n\
     add queues one skbqueue 1\nadd queues two skbqueue 2\nadd queues three skbqueue 3\n\
     add queues four skbqueue 4\nadd queues zero skbqueue 0\n";

/// A device with four queues that count what they send.
fn network() {
    ip("link add wan numtxqueues 4 type veth peer name far numrxqueues 4\n").expect("a device");
    sysctl("ipv6/conf/wan/disable_ipv6", "1").expect("sysctl");
    ip("link set far up\nlink set wan up\naddr add 10.9.0.1/24 dev wan\n").expect("an address");
    for last in 2..10 {
        ip(&format!("neigh add 10.9.0.{last} lladdr 02:00:00:00:00:09 dev wan\n")).expect("ARP");
    }
    run("tc", &["qdisc", "add", "dev", "wan", "root", "handle", "1:", "mq"], "").expect("mq");
}

/// Sends a different number of datagrams to each address, from several ports, and counts those of
/// each queue.
fn send() -> Vec<u64> {
    for source in 4000..4008 {
        let socket = UdpSocket::bind(("10.9.0.1", source)).expect("a socket");
        for (last, port) in (2..10u32).flat_map(|last| [(last, 9), (last, 10)]) {
            for _ in 0..1 << (last - 2) {
                socket.send_to(b"datagram", format!("10.9.0.{last}:{port}")).expect("a datagram");
            }
        }
    }
    let shown = run("tc", &["-s", "class", "show", "dev", "wan"], "").expect("classes");
    let counts = shown.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["Sent", _, "bytes", packets, ..] => packets.parse().ok(),
            _ => None,
        }
    });
    counts.collect()
}

fn kernel(rules: &str) -> Vec<u64> {
    isolated(|| {
        network();
        run("ipset", &["restore"], SETS).expect("sets");
        restore(Family::Ipv4, rules).expect("iptables");
        send()
    })
}

fn program() -> Vec<u64> {
    isolated(|| {
        network();
        let options = Options {
            hooks: Some(vec![Hook::Postrouting]),
            tables: Some(vec!["mangle".to_owned()]),
            ..Options::default()
        };
        let inputs = [("rules", RULES, "iptables-save"), ("sets", SETS, "ipset-save")].map(
            |(name, text, format)| Input {
                name: name.to_owned(),
                bytes: text.as_bytes().to_vec(),
                format: Some(format.to_owned()),
            },
        );
        let compiled = compile(&inputs, target("tc").expect("tc"), &options);
        let artifact =
            compiled.artifact().cloned().unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
        let mut options = LoadOptions::new("queues");
        options.interfaces = vec!["wan".to_owned()];
        let filter = Filter::load(&artifact, &options).expect("a filter");
        let counts = send();
        filter.unload().expect("an end");
        counts
    })
}

#[test]
fn queues_are_those_that_iptables_chooses() {
    if !require::met(&[require::KERNEL_IPTABLES, &[Need::Tool("ipset"), Need::Tool("tc")]].concat())
    {
        return;
    }
    let expected = kernel(RULES);
    let [first, second, third, fourth] = expected[..] else { panic!("{expected:?}") };
    assert_eq!(first + second + third + fourth, 8 * 2 * 255, "{expected:?}");
    assert_ne!(
        kernel("*mangle\n:POSTROUTING ACCEPT\nCOMMIT\n"),
        expected,
        "no rule, no difference"
    );
    assert_eq!(program(), expected);
}
