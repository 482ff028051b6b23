//! Link headers and bridge ports where the kernel's hooks know none: in chains that hooks share, at
//! targets that see packets elsewhere.

use bpfc_diag::Severity;
use bpfc_driver::{Options, compile, target};
use bpfc_ir::{Hook, Input};
use bpfc_runtime::XdpMode;
use bpfc_tests::lab::Family;
use bpfc_tests::require;
use bpfc_tests::traffic::{Call, End, tcp, udp};
use bpfc_tests::twin::{Firewall, Link, Place, Plan, twins};

/// A chain for packets that come in, which have an Ethernet header, and for those that leave, which
/// have none yet at the output hook.
const SHARED: &str = "\
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:both - [0:0]
-A INPUT -j both
-A OUTPUT -j both
-A both -m set --match-set mac src,src
-A both -m set ! --match-set mac src,src
-A both -m set --match-set mac src,src -j ACCEPT
COMMIT
";

#[test]
fn packets_that_leave_have_no_link_header() {
    if !require::met(require::KERNEL_IPTABLES) {
        return;
    }
    let plan = Plan {
        links: &[Link { name: "eth0", host: &["10.0.0.1/24"], peer: &["10.0.0.2"] }],
        forwarding: false,
        rulesets: vec![(Family::Ipv4, SHARED.to_owned())],
        hooks: None,
    };
    for program in ["tc", "netfilter"] {
        let counted = twins(&plan, Firewall::Program(program, XdpMode::Auto), |host| {
            let peer = |port| End::new(Place::Peer(0), "10.0.0.2", port);
            let own = |port| End::new(Place::Host, "10.0.0.1", port);
            tcp(host, &Call::new(peer(40_000), own(80)))?;
            udp(host, &Call::new(own(50_000), peer(53)))
        });
        let counted = counted.unwrap_or_else(|report| panic!("{program}: {report}"));
        let found = |rule: usize| counted.get(&format!("filter/both:{rule}")).map(|c| c.packets);
        assert!(found(1) > Some(0) && found(2) > Some(0), "{program}: {counted:?}");
    }
}

/// What is said of one rule in a chain, compiled for one hook and target.
fn refusals(rule: &str, name: &str, hook: Hook) -> Vec<String> {
    let chain = if hook == Hook::Output { "OUTPUT" } else { "INPUT" };
    let text = format!("*filter\n:{chain} ACCEPT [0:0]\n-A {chain} {rule} -j DROP\nCOMMIT\n");
    let bytes = text.into_bytes();
    let format = Some("iptables-save".to_owned());
    let input = Input { name: "rules".to_owned(), bytes, format };
    let options = Options { hooks: Some(vec![hook]), ..Options::default() };
    let compiled = compile(&[input], target(name).expect("the target"), &options);
    let errors = compiled.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    errors.map(|found| format!("{found:?}")).collect()
}

#[test]
fn ports_that_no_packet_leaves_by_are_known_where_notes_are_not() {
    for (name, hook) in [
        ("xdp", Hook::Input),
        ("tc", Hook::Input),
        ("tc", Hook::Output),
        ("cgroup-skb", Hook::Input),
        ("cgroup-skb", Hook::Output),
        ("netfilter", Hook::Input),
    ] {
        for rule in ["-m physdev --physdev-is-bridged", "-m physdev ! --physdev-is-bridged"] {
            assert_eq!(refusals(rule, name, hook), [] as [String; 0], "{name}: {rule}");
        }
        if hook == Hook::Input {
            for rule in [
                "-m physdev --physdev-is-out",
                "-m physdev ! --physdev-is-out",
                "-m physdev ! --physdev-is-out ! --physdev-is-bridged",
                "-m physdev --physdev-out eth0",
            ] {
                assert_eq!(refusals(rule, name, hook), [] as [String; 0], "{name}: {rule}");
            }
        }
        // Whether these match depends on whether the packet came by a bridge.
        for rule in [
            "-m physdev --physdev-is-in",
            "-m physdev ! --physdev-in eth0",
            "-m physdev ! --physdev-is-bridged ! --physdev-is-in",
        ] {
            let said = refusals(rule, name, hook).concat();
            assert_eq!(said.contains("bridge port"), name != "netfilter", "{name}: {rule}: {said}");
        }
    }
}
