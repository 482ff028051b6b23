//! What nft and the kernel refuse of rulesets that look sound, and take of those that do not: bpfc
//! answers alike. And what `reject` says where nothing says what.

use bpfc_ir::{Hook, Input};
use bpfc_packet::PacketBuilder;
use bpfc_runtime::XdpMode;
use bpfc_tests::differential::devices::{Lab, load};
use bpfc_tests::lab::inject::Frame;
use bpfc_tests::lab::listen::Listener;
use bpfc_tests::lab::namespace::{self, Namespace, isolated};
use bpfc_tests::lab::nft;
use bpfc_tests::require::{self, KERNEL_IPTABLES, Need};
use bpfc_tests::traffic;
use libtest_mimic::{Arguments, Failed, Trial};

/// From 10.0.0.2 to 10.0.0.1.
fn ipv4() -> PacketBuilder {
    traffic::packet("10.0.0.2", "10.0.0.1")
}

/// From 2001:db8::2 to 2001:db8::1.
fn ipv6() -> PacketBuilder {
    traffic::packet("2001:db8::2", "2001:db8::1")
}

const SYN: u8 = 0x02;

/// Chains that jump to each other so many times.
fn nested(jumps: usize) -> String {
    let chain = |number: usize| {
        let next = match number == jumps {
            true => "counter".to_owned(),
            false => format!("counter jump n{}", number + 1),
        };
        format!("    chain n{number} {{\n        {next}\n    }}\n")
    };
    let chains: String = (1..=jumps).rev().map(chain).collect();
    format!(
        "table ip t {{
{chains}    chain c {{
        type filter hook input priority 0; policy accept;
        counter jump n1
        counter
    }}
}}
"
    )
}

/// A chain with one rule at a hook of a family.
fn one_rule(family: &str, hook: &str, rule: &str) -> String {
    format!(
        "table {family} t {{
    chain c {{
        type filter hook {hook} priority 0; policy accept;
        {rule}
    }}
}}
"
    )
}

/// Rulesets that nft or the kernel refuses, by why.
fn refused() -> Vec<(&'static str, String)> {
    let netdev = |rule| one_rule("netdev", "ingress device \"lo\"", rule);
    let input = |rule| one_rule("ip", "input", rule);
    let beside = |what: &str| format!("table ip t {{\n    {what}\n}}\n");
    vec![
        ("eighteen_jumps", nested(18)),
        (
            "chains_in_a_circle",
            nested(3).replace("counter\n    }\n    chain n2", "jump n1\n    }\n    chain n2"),
        ),
        ("jumps_to_a_base_chain", input("jump c")),
        ("rejecting_at_postrouting", one_rule("ip", "postrouting", "reject")),
        ("connections_in_netdev", netdev("ct state new")),
        ("nfproto_outside_inet", netdev("meta nfproto ipv4")),
        ("statements_behind_a_verdict", input("accept counter")),
        ("any_interface_as_a_pattern", input("iifname \"*\"")),
        ("an_interface_without_a_name", input("iifname \"\"")),
        (
            "braces_that_close_on_the_line_of_a_rule",
            "table ip t { chain c { accept } }\n".to_owned(),
        ),
        ("a_counter_called_as_a_keyword", beside("counter ip { }")),
        ("a_set_called_as_a_keyword", beside("set eq { type mark; }")),
        (
            "intervals_that_overlap_with_other_data",
            beside(
                "map m { type inet_service : mark; flags interval; elements = { 1-10 : 1, 5-20 : 2 }; }",
            ),
        ),
    ]
}

/// Rulesets that look refused and are not.
fn taken() -> Vec<(&'static str, String)> {
    let inet = |rule| one_rule("inet", "ingress device \"lo\"", rule);
    vec![
        ("rejecting_at_prerouting", one_rule("ip", "prerouting", "reject")),
        ("rejecting_at_ingress", inet("reject")),
        ("statements_behind_a_map_of_verdicts", one_rule("ip", "input", "meta l4proto vmap { 6 : accept } counter")),
        (
            "names_with_slashes_and_points",
            "table ip t {\n    chain service-ULMVA6XW-ns1/svc1/tcp/p80__10.180.0.3/80 {\n    }\n}\n".to_owned(),
        ),
    ]
}

/// Whether bpfc takes a ruleset, and what it says.
fn compiles(text: &str) -> (bool, String) {
    let input = Input { name: "ruleset".into(), bytes: text.into(), format: Some("nft".into()) };
    let lowered = bpfc_driver::lower(&[input], &bpfc_driver::Options::default());
    let told = lowered.diagnostics.iter().map(|one| format!("{}\n", one.message)).collect();
    (lowered.program.is_some(), told)
}

/// Holds what bpfc takes against what nft does.
fn same_answer(name: &str, text: String, wanted: bool) -> Trial {
    let kind = if wanted { "taken" } else { "refused" };
    Trial::test(format!("{kind}_{name}"), move || {
        if !require::met(&[Need::Root, Need::Tool("nft")]) {
            return Ok(());
        }
        assert_eq!(isolated(|| nft::load(&text).is_ok()), wanted, "nft\n{text}");
        let (taken, told) = compiles(&text);
        assert_eq!(taken, wanted, "{told}\n{text}");
        Ok(())
    })
}

/// What an answer says: its protocol, and type and code, or TCP's flags.
fn said(frame: &[u8]) -> Vec<u8> {
    let (protocol, header) = match frame[12..14] {
        [8, 0] => (frame[23], 34),
        _ => (frame[20], 54),
    };
    match protocol {
        6 => vec![6, frame[header + 13]],
        _ => vec![protocol, frame[header], frame[header + 1]],
    }
}

/// By default a packet is refused with an error of its family that names the port, TCP too; in
/// `inet` behind what asks for a family with that family's.
fn reject_defaults() -> Result<(), Failed> {
    let mut lab = Lab::new(Hook::Ingress)?;
    namespace::ip("addr add 10.0.0.1/24 dev eth0\n")?;
    namespace::ip6("addr add 2001:db8::1/64 dev eth0 nodad\n")?;
    namespace::sysctl("ipv4/icmp_ratemask", "0")?;
    namespace::sysctl("ipv6/icmp/ratemask", "2")?;
    let inner = Namespace::current()?;
    lab.wire.outer().enter()?;
    let listener = Listener::new()?;
    inner.enter()?;
    let mut hear = |frames: &[Vec<u8>]| -> Result<Vec<Vec<u8>>, Failed> {
        listener.heard()?;
        for bytes in frames {
            lab.send(&[Frame { port: 0, bytes: bytes.clone() }])?;
            for _ in 0..3 {
                lab.wire.settle(0)?;
            }
        }
        Ok(listener.heard()?.iter().map(|frame| said(frame)).collect())
    };
    let port_v4: &[u8] = &[1, 3, 3];
    let port_v6: &[u8] = &[58, 1, 4];
    let reset: &[u8] = &[6, 0x14];
    let inet = "udp dport 53 reject
        ip saddr 10.0.0.2 udp dport 54 reject
        meta nfproto ipv6 udp dport 54 reject
        tcp dport 23 reject with tcp reset
        tcp dport 22 reject";
    let of = |packet: fn() -> PacketBuilder| {
        let udp = [53, 54].map(|port| packet().udp(4000, port).payload(vec![7; 30]).bytes());
        let tcp = [22, 23].map(|port| packet().tcp(4000, port, SYN).bytes());
        [udp, tcp].concat()
    };
    let (v4, v6) = (of(ipv4), of(ipv6));
    let tests = [
        ("ip", "reject", v4.clone(), vec![port_v4; 4]),
        ("ip6", "reject", v6.clone(), vec![port_v6; 4]),
        ("inet", inet, v4, vec![port_v4, port_v4, port_v4, reset]),
        ("inet", inet, v6, vec![port_v6, port_v6, port_v6, reset]),
    ];
    for (family, rules, frames, wanted) in tests {
        let text = one_rule(family, "input", rules);
        nft::load(&text)?;
        assert_eq!(hear(&frames)?, wanted, "the kernel\n{text}");
        nft::flush()?;
        for (target, mode) in [("xdp", XdpMode::Generic), ("tc", XdpMode::Auto)] {
            let filter = load(&Some(vec![Hook::Input]), (target, mode), &text)?;
            assert_eq!(hear(&frames)?, wanted, "{target} {mode}\n{text}");
            filter.unload()?;
        }
    }
    Ok(())
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = vec![Trial::test("reject_tells_the_port_in_the_packets_family", || {
        match require::met(&[KERNEL_IPTABLES, &[Need::Tool("nft")]].concat()) {
            true => isolated(reject_defaults),
            false => Ok(()),
        }
    })];
    trials.extend(refused().into_iter().map(|(name, text)| same_answer(name, text, false)));
    trials.extend(taken().into_iter().map(|(name, text)| same_answer(name, text, true)));
    libtest_mimic::run(&arguments, trials).exit();
}
