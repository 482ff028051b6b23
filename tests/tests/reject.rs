//! Answers to rejected packets: each is held byte for byte against what the kernel's REJECT sends
//! for the same packet, and real sockets hear of a refusal at once.

use bpfc_runtime::{Filter, Options, XdpMode};
use bpfc_tests::differential::EngineError;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::listen::Listener;
use bpfc_tests::lab::namespace::{isolated, sysctl};
use bpfc_tests::rejected::{Case, cases, ruleset};
use bpfc_tests::require;
use bpfc_tests::twin::{Firewall, Host, Link, Place, Plan, artifact};
use libtest_mimic::{Arguments, Failed, Trial};
use std::fmt::Write;

const LINKS: &[Link] = &[Link {
    name: "eth0",
    host: &["10.1.0.1/24", "10.1.0.3/24", "2001:db8:1::1/64", "2001:db8:1::3/64"],
    peer: &["10.1.0.2", "2001:db8:1::2"],
}];

/// Targets that can answer.
const FIREWALLS: [Firewall; 3] = [
    Firewall::Program("xdp", XdpMode::Native),
    Firewall::Program("xdp", XdpMode::Generic),
    Firewall::Program("tc", XdpMode::Auto),
];

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for family in Family::ALL {
        for firewall in FIREWALLS {
            trials.push(trial(format!("answers_{family}_{firewall}"), move || {
                same_answers(family, firewall)
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(name: String, test: impl Fn() -> Result<(), Failed> + Send + 'static) -> Trial {
    Trial::test(name, move || match require::met(require::KERNEL_IPTABLES) {
        true => test(),
        false => Ok(()),
    })
}

/// Lets the peer receive what XDP sends: a veth device takes no frames from its other end's driver
/// unless it has XDP, or GRO, itself (`veth_xdp_xmit`, drivers/net/veth.c).
fn receiver(host: &Host, firewall: Firewall) -> Result<Option<Filter>, EngineError> {
    if firewall != Firewall::Program("xdp", XdpMode::Native) {
        return Ok(None);
    }
    let accept = "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n".to_owned();
    let artifact = artifact(&[(Family::Ipv4, accept)], "xdp", &bpfc_driver::Options::default())?;
    let mut options = Options::new("receiver");
    options.xdp_mode = XdpMode::Native;
    options.interfaces = vec!["o0".to_owned()];
    let load = || Filter::load(&artifact, &options).map_err(std::io::Error::other);
    Ok(Some(host.at(Place::Peer(0), load)?))
}

/// Answers to each of the packets that come in.
fn answers(
    firewall: Firewall,
    family: Family,
    cases: &[Case],
) -> Result<Vec<Vec<Vec<u8>>>, EngineError> {
    isolated(|| {
        let rulesets = vec![(family, ruleset(family, "INPUT"))];
        let hooks = Some(vec![bpfc_ir::Hook::Input]);
        let plan = Plan { links: LINKS, forwarding: false, rulesets, hooks };
        let mut host = Host::new(&plan, firewall)?;
        // The kernel would answer some and not others, and label flows by a secret.
        sysctl("ipv4/icmp_ratemask", "0")?;
        sysctl("ipv6/icmp/ratemask", "2")?;
        sysctl("ipv6/auto_flowlabels", "0")?;
        let listener = host.at(Place::Peer(0), Listener::new)?;
        let _receiver = receiver(&host, firewall)?;
        let mut heard = Vec::new();
        for case in cases {
            host.inject(0, vec![case.frame.clone()])?;
            let frames = listener.heard()?;
            heard.push(frames.into_iter().map(comparable).collect());
        }
        Ok(heard)
    })
}

/// The Internet checksum's sum of bytes.
fn sum(bytes: &[u8]) -> u32 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |&byte| byte.into());
    let sum: u32 = bytes.chunks(2).map(word).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    (sum & 0xffff) + (sum >> 16)
}

/// An answer whose IPv4 identification is left out where it means something; the header's
/// checksum must be right. The kernel leaves the checksum of its TCP resets to the device, which
/// leaves it to the receiver here: it is completed.
fn comparable(mut frame: Vec<u8>) -> Vec<u8> {
    if frame.get(12..14) != Some(&[8, 0]) || frame.len() < 34 {
        return frame;
    }
    let ip = &mut frame[14..];
    assert_eq!(sum(&ip[..20]), 0xffff, "{ip:02x?}");
    if ip[9] == 6 && ip.len() == 40 {
        let mut pseudo = ip[12..20].to_vec();
        pseudo.extend([0, 6, 0, 20]);
        if ip[36..38] == (sum(&pseudo) as u16).to_be_bytes() {
            let whole = !(sum(&ip[20..40]) as u16);
            ip[36..38].copy_from_slice(&whole.to_be_bytes());
        }
    }
    if ip[6] & 0x40 == 0 {
        ip[4..6].fill(0);
        ip[10..12].fill(0);
    }
    frame
}

fn same_answers(family: Family, firewall: Firewall) -> Result<(), Failed> {
    let cases = cases(family);
    let expected = answers(Firewall::Kernel, family, &cases)?;
    let heard = answers(firewall, family, &cases)?;
    let answered = expected.iter().filter(|answers| !answers.is_empty()).count();
    let mut report = String::new();
    for (case, (expected, heard)) in cases.iter().zip(expected.iter().zip(&heard)) {
        if expected != heard {
            let _ = writeln!(report, "{}: {}", case.name, hex(&case.frame));
            let list = |answers: &[Vec<u8>]| {
                let lines = answers.iter().map(|frame| format!("\n    {}", hex(frame)));
                lines.collect::<String>()
            };
            let _ = writeln!(report, "  kernel:{}", list(expected));
            let _ = writeln!(report, "  {firewall}:{}", list(heard));
        }
    }
    // Of the packets of each family more than a hundred are answered, and more than thirty are not.
    let enough = answered > 60 && cases.len() - answered > 30;
    match report.is_empty() && enough {
        true => Ok(()),
        false => Err(format!("{answered} of {} are answered\n{report}", cases.len()).into()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
