//! Answers to rejected packets: each is held byte for byte against what the kernel's REJECT sends
//! for the same packet, and real sockets hear of a refusal at once.

use bpfc_driver::Options as CompileOptions;
use bpfc_ir::Hook;
use bpfc_runtime::{Filter, Options, TestPacket, Unattached, XdpMode};
use bpfc_tests::differential::EngineError;
use bpfc_tests::lab::inject::OUTER_MAC;
use bpfc_tests::lab::listen::Listener;
use bpfc_tests::lab::namespace::{ip, ip6, isolated, sysctl};
use bpfc_tests::lab::tun::Tun;
use bpfc_tests::lab::{Family, LabError, tables};
use bpfc_tests::older::age;
use bpfc_tests::rejected::{self, Case, addresses, cases, ruleset};
use bpfc_tests::require;
use bpfc_tests::traffic::{Call, End, packet, refused_tcp, refused_udp};
use bpfc_tests::twin::{Firewall, Host, Link, Place, Plan, artifact, wait_for_addresses};
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
    for firewall in [Firewall::Kernel].into_iter().chain(FIREWALLS) {
        trials.push(trial(format!("refusals_{firewall}"), move || refusals(firewall)));
        trials.push(trial(format!("forwarded_{firewall}"), move || {
            forwarded(firewall, &[Hook::Forward])
        }));
        trials.push(trial(format!("routed_{firewall}"), move || {
            forwarded(firewall, &[Hook::Input, Hook::Forward])
        }));
    }
    for family in Family::ALL {
        trials.push(trial(format!("deferred_{family}"), move || deferred(family)));
        trials.push(trial(format!("bare_{family}_xdp_older"), move || bare(family, "xdp", true)));
        for target in ["xdp", "tc"] {
            trials.push(trial(format!("tags_{family}_{target}"), move || tags(family, target)));
            trials.push(trial(format!("bare_{family}_{target}"), move || {
                bare(family, target, false)
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

/// Answers to each of the packets that come in.
fn answers(
    firewall: Firewall,
    family: Family,
    cases: &[Case],
) -> Result<Vec<Vec<Vec<u8>>>, EngineError> {
    isolated(|| {
        let rulesets = vec![(family, ruleset(family, "INPUT"))];
        let hooks = Some(vec![Hook::Input]);
        let plan = Plan { links: LINKS, forwarding: false, rulesets, hooks };
        let mut host = Host::new(&plan, firewall)?;
        quiet()?;
        sysctl("ipv6/conf/eth0/hop_limit", "77")?;
        let listener = host.at(Place::Peer(0), Listener::new)?;
        let _receiver = host.receiver(0, firewall)?;
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
    hold(&cases, &expected, &heard, &firewall.to_string())
}

/// Holds answers to packets of all kinds against the kernel's.
fn hold(
    cases: &[Case],
    expected: &[Vec<Vec<u8>>],
    heard: &[Vec<Vec<u8>>],
    firewall: &str,
) -> Result<(), Failed> {
    let answered = expected.iter().filter(|answers| !answers.is_empty()).count();
    let mut report = String::new();
    for (case, (expected, heard)) in cases.iter().zip(expected.iter().zip(heard)) {
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
    // Packets of both kinds: those that are answered, and those that must not be.
    let enough = answered > 60 && cases.len() - answered > 30;
    match report.is_empty() && enough {
        true => Ok(()),
        false => Err(format!("{answered} of {} are answered\n{report}", cases.len()).into()),
    }
}

/// The answers that leave by a device without link header. `older` says whether the kernel is one
/// that programs read by copies.
fn bare(family: Family, target: &str, older: bool) -> Result<(), Failed> {
    let mut cases = cases(family);
    let kind: [u8; 2] = if family == Family::Ipv4 { [0x08, 0x00] } else { [0x86, 0xdd] };
    // Such a device has no groups, and no tags.
    cases.retain(|case| case.frame[0] & 1 == 0 && case.frame[12..14] == kind);
    let answers = |target: Option<&str>| {
        isolated(|| -> Result<Vec<Vec<Vec<u8>>>, EngineError> {
            let tun = Tun::new("tun0")?;
            for address in addresses(family) {
                match family {
                    Family::Ipv4 => ip(&format!("addr add {address}/24 dev tun0\n"))?,
                    Family::Ipv6 => ip6(&format!("addr add {address}/64 dev tun0 nodad\n"))?,
                }
            }
            if family == Family::Ipv6 {
                wait_for_addresses(&addresses(family))?;
            }
            sysctl("ipv4/conf/all/rp_filter", "0")?;
            sysctl("ipv4/conf/tun0/rp_filter", "0")?;
            quiet()?;
            sysctl("ipv6/conf/tun0/hop_limit", "77")?;
            let mut filter = None;
            match target {
                None => tables::restore(family, &ruleset(family, "INPUT"))?,
                Some(target) => {
                    let options =
                        CompileOptions { hooks: Some(vec![Hook::Input]), ..Default::default() };
                    let rulesets = [(family, ruleset(family, "INPUT"))];
                    let mut built = artifact(&rulesets, target, &options)?;
                    if older {
                        assert!(age(&mut built) > 0);
                    }
                    filter = Some(Filter::load(&built, &Options::new("t").interface("tun0"))?);
                }
            }
            let mut heard = Vec::new();
            tun.read()?;
            for case in &cases {
                tun.send(&case.frame[14..])?;
                let linked = |packet: Vec<u8>| [&[0; 12], &kind[..], &packet].concat();
                heard.push(tun.read()?.into_iter().map(|it| comparable(linked(it))).collect());
            }
            if let Some(filter) = filter {
                filter.unload()?;
            }
            Ok(heard)
        })
    };
    hold(&cases, &answers(None)?, &answers(Some(target))?, target)
}

/// The kernel would answer some and not others, and label flows by a secret.
fn quiet() -> Result<(), LabError> {
    sysctl("ipv4/icmp_ratemask", "0")?;
    sysctl("ipv6/icmp/ratemask", "2")?;
    sysctl("ipv6/auto_flowlabels", "0")?;
    sysctl("ipv4/ip_default_ttl", "99")
}

/// Rules that refuse, and that would drop the refusals if they were asked.
const REFUSING: &str = "*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 80 -j REJECT --reject-with tcp-reset
-A INPUT -p udp -m udp --dport 53 -j REJECT
-A OUTPUT -p tcp -m tcp --dport 25 -j REJECT --reject-with tcp-reset
-A OUTPUT -p udp -m udp --dport 54 -j REJECT
COMMIT
";

/// Rules that a program's own answers must not come to. On the loopback device they do come in.
const DROPPING: &str = "\
-A INPUT ! -i lo -p tcp -m tcp --tcp-flags RST RST -j DROP
-A INPUT ! -i lo -p PING -j DROP
-A OUTPUT -p tcp -m tcp --tcp-flags RST RST -j DROP
-A OUTPUT -p PING -j DROP
COMMIT
";

/// Sockets at both ends hear of refusals.
fn refusals(firewall: Firewall) -> Result<(), Failed> {
    isolated(|| -> Result<(), EngineError> {
        let rules = |family| {
            let ping = if family == Family::Ipv4 { "icmp" } else { "ipv6-icmp" };
            let own = DROPPING.replace("PING", ping);
            match firewall {
                Firewall::Kernel => (family, REFUSING.to_owned()),
                _ => (family, REFUSING.replace("COMMIT\n", &own)),
            }
        };
        let rulesets = Family::ALL.map(rules).to_vec();
        let plan = Plan { links: LINKS, forwarding: false, rulesets, hooks: None };
        let mut host = Host::new(&plan, firewall)?;
        let _receiver = host.receiver(0, firewall)?;
        for family in Family::ALL {
            let own = |port| End::new(Place::Host, rejected::addresses(family)[0], port);
            let far = |port| End::new(Place::Peer(0), rejected::peer(family), port);
            refused_tcp(&mut host, &Call::new(far(40_000), own(80)))?;
            refused_udp(&mut host, &Call::new(far(40_002), own(53)))?;
            if matches!(firewall, Firewall::Program("tc", _)) {
                refused_tcp(&mut host, &Call::new(own(40_003), far(25)))?;
                refused_udp(&mut host, &Call::new(own(40_005), far(54)))?;
            }
            if !host.view().loopback {
                continue;
            }
            let loopback = if family == Family::Ipv4 { "127.0.0.1" } else { "::1" };
            let inside = |port| End::new(Place::Host, loopback, port);
            refused_tcp(&mut host, &Call::new(inside(40_006), inside(80)))?;
            refused_udp(&mut host, &Call::new(inside(40_007), inside(53)))?;
            if matches!(firewall, Firewall::Program("tc", _)) {
                refused_tcp(&mut host, &Call::new(inside(40_008), inside(25)))?;
                refused_udp(&mut host, &Call::new(inside(40_009), inside(54)))?;
            }
        }
        Ok(())
    })
    .map_err(Failed::from)
}

/// Two links of a router.
const BOTH_LINKS: &[Link] = &[
    Link {
        name: "eth0",
        host: &["10.1.0.1/24", "2001:db8:1::1/64"],
        peer: &["10.1.0.2", "2001:db8:1::2"],
    },
    Link {
        name: "eth1",
        host: &["10.2.0.1/24", "2001:db8:2::1/64"],
        peer: &["10.2.0.2", "2001:db8:2::2"],
    },
];

/// An error about a packet that passes through comes from the router's own address, whose packet
/// it quotes.
fn forwarded(firewall: Firewall, hooks: &[Hook]) -> Result<(), Failed> {
    isolated(|| -> Result<(), EngineError> {
        let chain = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n\
                     -A FORWARD -j REJECT\nCOMMIT\n";
        let rulesets = Family::ALL.map(|family| (family, chain.to_owned())).to_vec();
        let hooks = Some(hooks.to_vec());
        let plan = Plan { links: BOTH_LINKS, forwarding: true, rulesets, hooks };
        let mut host = Host::new(&plan, firewall)?;
        sysctl("ipv6/conf/all/forwarding", "1")?;
        let listener = host.at(Place::Peer(0), Listener::new)?;
        let _receiver = host.receiver(0, firewall)?;
        let routes = [
            ("10.1.0.2", "10.2.0.2", vec![10, 1, 0, 1], 14 + 12, 14 + 28),
            (
                "2001:db8:1::2",
                "2001:db8:2::2",
                [0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1].to_vec(),
                14 + 8,
                14 + 48,
            ),
        ];
        for (from, to, source, at, quotation) in routes {
            let frame = packet(from, to).udp(5000, 53).payload(vec![7; 20]).bytes();
            host.inject(0, vec![frame.clone()])?;
            let heard = listener.heard()?;
            let is_error = |answer: &Vec<u8>| {
                answer[at..at + source.len()] == source
                    && answer.len() == quotation + frame.len() - 14
                    // What routing changes is in the first twelve bytes.
                    && answer[quotation + 12..] == frame[14 + 12..]
            };
            if heard.iter().filter(|answer| is_error(answer)).count() != 1 {
                let heard: Vec<String> = heard.iter().map(|frame| hex(frame)).collect();
                return Err(EngineError::Refused(format!("{from} to {to}: {heard:#?}")));
            }
        }
        Ok(())
    })
    .map_err(Failed::from)
}

/// A datagram's checksum that its sender has left to the device is left so in the error that quotes
/// it. When a device completes it, as is done here, the error's own checksum is right.
fn deferred(family: Family) -> Result<(), Failed> {
    isolated(|| -> Result<(), EngineError> {
        let rulesets = vec![(family, REFUSING.to_owned())];
        let plan = Plan { links: LINKS, forwarding: false, rulesets, hooks: None };
        let mut host = Host::new(&plan, Firewall::Program("tc", XdpMode::Auto))?;
        let listener = host.at(Place::Peer(0), Listener::new)?;
        let own = End::new(Place::Host, rejected::addresses(family)[0], 53);
        let far = End::new(Place::Peer(0), rejected::peer(family), 40_002);
        refused_udp(&mut host, &Call::new(far, own))?;
        let mut heard = listener.heard()?;
        let [frame] = &mut heard[..] else {
            return Err(EngineError::Refused(format!("{} answers", heard.len())));
        };
        let (header, icmp, addresses) = match family {
            Family::Ipv4 => (20, 1, 12..20),
            Family::Ipv6 => (40, 58, 8..40),
        };
        let ip = &mut frame[14..];
        let pseudo = |header: &[u8], protocol: u8, length: usize| {
            let numbers = [0, protocol, 0, 0, (length >> 8) as u8, length as u8];
            [&header[addresses.clone()], &numbers].concat()
        };
        let quotation = header + 8;
        let udp = quotation + header;
        let length = ip.len() - udp;
        let partial = sum(&pseudo(&ip[quotation..], 17, length)) as u16;
        assert_eq!(ip[udp + 6..udp + 8], partial.to_be_bytes(), "{}", hex(ip));
        let completed = !(sum(&ip[udp..]) as u16);
        ip[udp + 6..udp + 8].copy_from_slice(&completed.to_be_bytes());
        let mut summed = match family {
            Family::Ipv4 => Vec::new(),
            Family::Ipv6 => pseudo(ip, icmp, ip.len() - header),
        };
        summed.extend(&ip[header..]);
        assert_eq!(sum(&summed), 0xffff, "{}", hex(ip));
        Ok(())
    })
    .map_err(Failed::from)
}

/// VLAN tags come back as they were.
fn tags(family: Family, target: &str) -> Result<(), Failed> {
    isolated(|| -> Result<(), EngineError> {
        let rulesets = [(family, ruleset(family, "INPUT"))];
        let artifact = artifact(&rulesets, target, &bpfc_driver::Options::default())?;
        let program = Unattached::load(&artifact)?;
        let answer = |frame: &[u8]| -> Result<(i32, Vec<u8>), EngineError> {
            let ingress_ifindex = u32::from(target == "tc");
            let packet = TestPacket { data: frame, ingress_ifindex, ..TestPacket::default() };
            let outcome = program.run(0, &packet, 1)?;
            Ok((outcome.verdict, outcome.data))
        };
        let to_us = || packet(rejected::peer(family), rejected::addresses(family)[0]);
        let packets = [
            to_us().udp(1, 7).payload(vec![0x61; 33]),
            to_us().udp(1, 7).payload(vec![0x61; 1300]),
            to_us().tcp(1, 80, 0x02).payload(vec![0x61; 3]),
        ];
        for builder in packets {
            // A test run's device has no address.
            let builder = builder.ethernet(OUTER_MAC, [0; 6]);
            let (verdict, plain) = answer(&builder.bytes())?;
            // XDP_TX and TC_ACT_REDIRECT.
            assert!(matches!((target, verdict), ("xdp", 3) | ("tc", 7)), "{target} {verdict}");
            for tags in [&[(0x8100, 100)][..], &[(0x88a8, 7), (0x8100, 4095)]] {
                let mut wanted = comparable(plain.clone());
                let mut tagged = builder.clone();
                for &(kind, tag) in tags.iter() {
                    tagged = tagged.vlan(kind, tag);
                }
                for &(kind, tag) in tags.iter().rev() {
                    let bytes = [kind.to_be_bytes(), tag.to_be_bytes()].concat();
                    wanted.splice(12..12, bytes);
                }
                let (same, mut bare) = answer(&tagged.bytes())?;
                let header: Vec<u8> = bare.drain(12..12 + 4 * tags.len()).collect();
                let mut got = comparable(bare);
                got.splice(12..12, header);
                if (same, &got) != (verdict, &wanted) {
                    let report = format!("{verdict} {} but {same} {}", hex(&wanted), hex(&got));
                    return Err(EngineError::Refused(report));
                }
            }
        }
        Ok(())
    })
    .map_err(Failed::from)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
