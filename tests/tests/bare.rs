//! Devices without link header: one filter at an Ethernet device and at a tun decides, counts, logs
//! and writes what comes in by either as the kernel's own rules do.
//!
//! Packets carry in their first 14 bytes what would be an EtherType and addresses in an Ethernet
//! header, so that whoever takes one for the other is found out.

use bpfc_driver::Options as CompileOptions;
use bpfc_ir::Hook;
use bpfc_packet::PacketBuilder;
use bpfc_runtime::{Filter, Options};
use bpfc_tests::lab::inject::{Frame, INNER_MAC, OUTER_MAC, Wire};
use bpfc_tests::lab::namespace::{ip, ip6, isolated, sysctl};
use bpfc_tests::lab::tables::{self, Counters, Reader};
use bpfc_tests::lab::tun::Tun;
use bpfc_tests::lab::{Family, LabError};
use bpfc_tests::older::age;
use bpfc_tests::require;
use bpfc_tests::traffic::packet;
use bpfc_tests::twin::artifact;
use libtest_mimic::{Arguments, Failed, Trial};
use std::time::Duration;

/// The Ethernet header's length.
const LINK: usize = 14;
/// TCP's flag of a first segment.
const SYN: u8 = 2;

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    let mut add = |name: String, test: fn(Family, &str) -> Result<(), Failed>, family, target| {
        trials.push(Trial::test(format!("{name}_{family}_{target}"), move || {
            if require::met(require::KERNEL_IPTABLES) {
                isolated(|| test(family, target))?;
            }
            Ok(())
        }));
    };
    for family in Family::ALL {
        // At XDP also as an older kernel takes it.
        for target in ["xdp", "xdp-older", "tc"] {
            add("both".to_owned(), both, family, target);
            add("logged".to_owned(), logged, family, target);
            add("written".to_owned(), written, family, target);
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// A namespace with both devices, whose host has one address.
struct Host {
    wire: Wire,
    tun: Tun,
}

fn own_address(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "192.0.2.1",
        Family::Ipv6 => "2001:db8::1",
    }
}

impl Host {
    fn new() -> Result<Host, LabError> {
        let wire = Wire::new(&["eth0"])?;
        let tun = Tun::new("tun0")?;
        for name in ["all", "eth0", "tun0"] {
            sysctl(&format!("ipv4/conf/{name}/rp_filter"), "0")?;
        }
        ip("link set lo up\naddr add 192.0.2.1/32 dev lo\n")?;
        ip6("route add local 2001:db8::1 dev lo table local\n")?;
        Ok(Host { wire, tun })
    }

    /// Lets each packet come in by both devices.
    fn send(&mut self, packets: &[Vec<u8>]) -> Result<(), LabError> {
        for frame in packets {
            self.tun.send(&frame[LINK..])?;
            self.wire.send(&[Frame { port: 0, bytes: frame.clone() }])?;
        }
        Ok(())
    }
}

/// Sources whose bytes stand where a frame has the EtherType of IPv4, IPv6 or a VLAN tag, and one
/// that stands for nothing.
fn sources(family: Family) -> &'static [&'static str] {
    match family {
        Family::Ipv4 => &["8.0.1.2", "134.221.3.4", "129.0.5.6", "136.168.7.8", "192.0.2.9"],
        Family::Ipv6 => &[
            "2001:db8:800::2",
            "2001:db8:86dd::4",
            "2001:db8:8100::6",
            "2001:db8:88a8::8",
            "2001:db8:9::9",
        ],
    }
}

/// Packets of all sources, frames with an Ethernet header: whole, of several lengths and
/// protocols, with the traffic class that looks like the host's Ethernet address, and cut off.
fn packets(family: Family) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    for source in sources(family) {
        let builder = || packet(source, own_address(family));
        for port in [7, 9, 80] {
            packets.push(builder().udp(4000, port).payload(vec![0x45; port.into()]));
            packets.push(builder().tcp(4000, port, SYN));
            let marked = builder().with_ipv4(|header| header.tos = 0x10);
            packets.push(marked.with_ipv6(|header| header.traffic_class = 0x20).udp(4000, port));
        }
    }
    let whole: Vec<Vec<u8>> = packets.iter().map(PacketBuilder::bytes).collect();
    let cut = whole.iter().flat_map(|frame| {
        [1, 9, frame.len() - LINK - 8].map(|less| frame[..frame.len() - less].to_vec())
    });
    whole.iter().cloned().chain(cut).collect()
}

fn mac(bytes: [u8; 6]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(":")
}

fn rules(family: Family) -> String {
    let [first, second, ..] = sources(family) else { unreachable!("there are five") };
    let (outer, inner) = (mac(OUTER_MAC), mac(INNER_MAC));
    format!(
        "*filter\n:INPUT DROP\n:bare -\n\
         -A INPUT -p tcp -m mac --mac-source {outer}\n\
         -A INPUT -p tcp -m mac ! --mac-source {inner}\n\
         -A INPUT -m pkttype --pkt-type host\n\
         -A INPUT ! -i eth+ -j bare\n\
         -A INPUT -i tun0 -p udp -m udp --dport 7 -j ACCEPT\n\
         -A INPUT -i eth0 -p udp -m udp --dport 9 -j ACCEPT\n\
         -A INPUT -s {first} -j DROP\n\
         -A INPUT -m length --length 0:60\n\
         -A bare -s {second} -j RETURN\n\
         -A bare -p tcp -m tcp --dport 80 --syn -j REJECT --reject-with tcp-reset\n\
         -A bare -p udp -m udp --dport 80 -j ACCEPT\n\
         COMMIT\n{BEHIND}"
    )
}

/// What survives is counted, and nobody hears of it.
const BEHIND: &str = "*security\n:INPUT ACCEPT\n-A INPUT -i tun0\n-A INPUT -i eth0\n\
                      -A INPUT -j DROP\nCOMMIT\n";

/// The tables, with nothing in the filter.
fn without_rules() -> String {
    format!("*filter\n:INPUT ACCEPT\nCOMMIT\n{BEHIND}")
}

/// What was counted in a table by the chains of a hook and those below, and in the table behind.
fn counted(
    family: Family,
    table: &'static str,
    act: impl FnOnce() -> Result<(), Failed>,
) -> Result<(Counters, Counters), Failed> {
    let readers = [Reader::new(family, table)?, Reader::new(family, "security")?];
    let before = [readers[0].read()?, readers[1].read()?];
    act()?;
    let [own, behind] = [0, 1].map(|at| -> Result<Counters, LabError> {
        let mut counters = tables::difference(&readers[at], &before[at], &readers[at].read()?);
        counters.retain(|label, _| !label.contains("/OUTPUT:"));
        Ok(counters)
    });
    Ok((own?, behind?))
}

fn compare(kernel: &Counters, program: &Counters) -> Result<(), Failed> {
    match tables::disagreement(kernel, program) {
        None => Ok(()),
        Some(lines) => Err(lines.into()),
    }
}

fn load(family: Family, text: String, target: &str, hook: Hook) -> Result<Filter, Failed> {
    let table = if hook == Hook::Input { "filter" } else { "mangle" };
    let options = CompileOptions {
        hooks: Some(vec![hook]),
        tables: Some(vec![table.to_owned()]),
        ..CompileOptions::default()
    };
    let (target, older) = match target {
        "xdp-older" => ("xdp", true),
        target => (target, false),
    };
    let mut artifact = artifact(&[(family, text)], target, &options)?;
    if older {
        assert!(age(&mut artifact) > 0);
    }
    Ok(Filter::load(&artifact, &Options::new("bare").interface("eth0").interface("tun0"))?)
}

/// Verdicts and counters.
fn both(family: Family, target: &str) -> Result<(), Failed> {
    let mut host = Host::new()?;
    let packets = packets(family);
    tables::restore(family, &rules(family))?;
    let (kernel, behind) = counted(family, "filter", || Ok(host.send(&packets)?))?;
    tables::restore(family, &without_rules())?;
    let filter = load(family, rules(family), target, Hook::Input)?;
    let (_, passed) = counted(family, "filter", || Ok(host.send(&packets)?))?;
    let program = tables::moved(&filter.counters()?);
    filter.unload()?;
    for rule in ["INPUT:1", "INPUT:3", "INPUT:5", "INPUT:6", "INPUT:7", "bare:2", "bare:3"] {
        assert!(kernel.keys().any(|label| label.ends_with(rule)), "{rule}: {kernel:?}");
    }
    compare(&kernel, &program)?;
    compare(&behind, &passed)
}

/// A record says that there is no link header, as the kernel's line does.
fn logged(family: Family, target: &str) -> Result<(), Failed> {
    let mut host = Host::new()?;
    tables::restore(family, &without_rules())?;
    let text = "*filter\n:INPUT ACCEPT\n-A INPUT -j LOG --log-prefix \"in: \"\nCOMMIT\n";
    let filter = load(family, text.to_owned(), target, Hook::Input)?;
    let mut reader = filter.log()?;
    let frame = packet(sources(family)[0], own_address(family)).udp(4000, 9).bytes();
    host.send(&[frame])?;
    let mut lines = Vec::new();
    while let Some(record) = reader.next(Some(Duration::ZERO))? {
        lines.push((record.line(), record.link.gap, record.link.kind));
    }
    filter.unload()?;
    let header = format!("{}:{}", mac(INNER_MAC), mac(OUTER_MAC));
    let kind = if family == Family::Ipv4 { "08:00" } else { "86:dd" };
    let [(bare, Some(0), 0xfffe), (linked, Some(14), 1)] = &lines[..] else {
        return Err(format!("{lines:?}").into());
    };
    assert!(bare.starts_with("in: IN=tun0 OUT= MAC= SRC="), "{bare}");
    let front = format!("in: IN=eth0 OUT= MAC={header}:{kind} SRC=");
    assert!(linked.starts_with(&front), "{linked}");
    Ok(())
}

/// Rules that write to a packet's first bytes, and make it longer: what the network layer gets then
/// is what the kernel's rules make of it.
fn written(family: Family, target: &str) -> Result<(), Failed> {
    let rules = "*mangle\n:PREROUTING ACCEPT\n\
         -A PREROUTING -p udp -m udp --dport 7 -j DSCP --set-dscp 4\n\
         -A PREROUTING -p udp -m udp --dport 9 -j DSCP --set-dscp 3\n\
         -A PREROUTING -p tcp -j DSCP --set-dscp 4\n\
         -A PREROUTING -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 500\nCOMMIT\n";
    let behind = "*security\n:INPUT ACCEPT\n-A INPUT -m dscp --dscp 4\n-A INPUT -m dscp --dscp 3\n\
         -A INPUT -p tcp -m tcpmss --mss 500\n-A INPUT -i tun0\n-A INPUT -i eth0\n\
         -A INPUT -j DROP\nCOMMIT\n";
    let mut host = Host::new()?;
    // Segments to port 80 have the flag alone that TCPMSS looks at.
    let packets: Vec<Vec<u8>> = sources(family)
        .iter()
        .flat_map(|source| {
            let builder = || packet(source, own_address(family));
            let udp = [7, 9, 80].map(|port| builder().udp(4000, port));
            udp.into_iter().chain([builder().tcp(4000, 80, SYN)])
        })
        .map(|builder| builder.bytes())
        .collect();
    tables::restore(family, &format!("{rules}{behind}"))?;
    let (kernel, seen) = counted(family, "mangle", || Ok(host.send(&packets)?))?;
    tables::restore(family, &format!("*mangle\n:PREROUTING ACCEPT\nCOMMIT\n{behind}"))?;
    let filter = load(family, rules.to_owned(), target, Hook::Prerouting)?;
    let (_, passed) = counted(family, "mangle", || Ok(host.send(&packets)?))?;
    let mut program = tables::moved(&filter.counters()?);
    filter.unload()?;
    program.retain(|label, _| label.contains("/PREROUTING:"));
    let mut kernel = kernel;
    kernel.retain(|label, _| label.contains("/PREROUTING:"));
    assert_eq!(seen.len(), 6, "{seen:?}");
    compare(&kernel, &program)?;
    compare(&seen, &passed)
}
