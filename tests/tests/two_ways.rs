//! What an artifact reads of the kernel in two ways, by typed pointers where the kernel has them
//! and by copies elsewhere, is the same: names of interfaces, whether a frame has a link header,
//! and whom it is for. Answers and records are compared where others are (`reject`, `bare`).

use bpfc_driver::Options as CompileOptions;
use bpfc_ir::Hook;
use bpfc_runtime::{Filter, Options, XdpMode};
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

/// The address of the macvlan interface, and one of nobody.
const CHILD: [u8; 6] = [0x02, 0, 0, 0, 0, 0xc1];
const STRANGER: [u8; 6] = [0x02, 0, 0, 0, 0, 0x99];
const BROADCAST: [u8; 6] = [0xff; 6];

/// Rules that name interfaces, and rules that do not.
const NAMES: &str = "-A INPUT -i up0 -p udp -m udp --dport 9\n-A INPUT -i tun+ -p udp\n\
                     -A INPUT ! -i lo -p udp -m udp --dport 7 -j ACCEPT\n";
const NO_NAMES: &str = "-A INPUT -p udp -m udp --dport 9\n-A INPUT -p udp -m length --length 0:60\n\
                        -A INPUT -p udp -m udp --dport 7 -j ACCEPT\n";

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for family in Family::ALL {
        for (rules, text) in [("names", NAMES), ("no_names", NO_NAMES)] {
            for mode in [XdpMode::Native, XdpMode::Generic] {
                let name = format!("{rules}_{family}_{mode}");
                trials.push(Trial::test(name, move || {
                    if require::met(require::KERNEL_IPTABLES) {
                        isolated(|| same(family, text, mode))?;
                    }
                    Ok(())
                }));
            }
        }
    }
    for family in Family::ALL {
        trials.push(Trial::test(format!("routed_{family}"), move || {
            if require::met(require::KERNEL_IPTABLES) {
                isolated(|| routed(family))?;
            }
            Ok(())
        }));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn own_address(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "192.0.2.1",
        Family::Ipv6 => "2001:db8::1",
    }
}

struct Host {
    wire: Wire,
    tun: Tun,
    /// What comes in at first, and with the macvlan interface.
    frames: [Vec<Vec<u8>>; 2],
    packets: Vec<Vec<u8>>,
}

impl Host {
    fn new(family: Family) -> Result<Host, LabError> {
        let wire = Wire::new(&["up0"])?;
        let tun = Tun::new("tun0")?;
        ip("addr add 192.0.2.1/32 dev lo\n")?;
        ip6("route add local 2001:db8::1 dev lo table local\n")?;
        for name in ["all", "default", "up0", "tun0"] {
            sysctl(&format!("ipv4/conf/{name}/rp_filter"), "0")?;
        }
        let source = if family == Family::Ipv4 { "8.0.2.9" } else { "2001:db8:800::9" };
        let frame = |(to, port)| {
            let builder = packet(source, own_address(family)).udp(4000, port);
            builder.ethernet(OUTER_MAC, to).bytes()
        };
        // Macvlan interfaces get frames for a group, too, and to the kernel they are not the device
        // below them.
        let first = [INNER_MAC, STRANGER, BROADCAST].map(|to| [(to, 7), (to, 9)]);
        let second = [(CHILD, 7), (STRANGER, 7), (INNER_MAC, 7), (INNER_MAC, 9), (STRANGER, 9)];
        let frames = [
            first.into_iter().flatten().map(frame).collect(),
            second.into_iter().map(frame).collect(),
        ];
        let packets = [7, 9].map(|port| packet(source, own_address(family)).udp(4000, port));
        let packets = packets.iter().map(|builder| builder.bytes()[14..].to_vec()).collect();
        Ok(Host { wire, tun, frames, packets })
    }

    /// Lets all come in while a macvlan interface stands on the device: XDP programs must be there
    /// before it.
    fn send(&mut self) -> Result<(), LabError> {
        for packet in &self.packets {
            self.tun.send(packet)?;
        }
        let frames = self.frames.clone().map(|frames| -> Vec<Frame> {
            frames.into_iter().map(|bytes| Frame { port: 0, bytes }).collect()
        });
        self.wire.send(&frames[0])?;
        let child = CHILD.map(|byte| format!("{byte:02x}")).join(":");
        ip(&format!(
            "link add mv0 link up0 address {child} type macvlan mode bridge\n\
             link set mv0 arp off multicast off\nlink set mv0 addrgenmode none\nlink set mv0 up\n"
        ))?;
        self.wire.send(&frames[1])?;
        ip("link del mv0\n")
    }
}

fn same(family: Family, rules: &str, mode: XdpMode) -> Result<(), Failed> {
    let mut host = Host::new(family)?;
    let behind = "*security\n:INPUT ACCEPT\n-A INPUT -j DROP\nCOMMIT\n";
    let text = format!("*filter\n:INPUT DROP\n{rules}COMMIT\n");
    tables::restore(family, &format!("{text}{behind}"))?;
    let reader = Reader::new(family, "filter")?;
    let before = reader.read()?;
    host.send()?;
    let mut kernel: Counters = tables::difference(&reader, &before, &reader.read()?);
    kernel.retain(|label, _| label.contains("/INPUT:"));
    assert_eq!(kernel.len(), 4, "{kernel:?}");

    tables::restore(family, &format!("*filter\n:INPUT ACCEPT\nCOMMIT\n{behind}"))?;
    let options = CompileOptions { hooks: Some(vec![Hook::Input]), ..CompileOptions::default() };
    let mut built = artifact(&[(family, text)], "xdp", &options)?;
    for older in [false, true] {
        if older {
            assert!(age(&mut built) >= 2);
        }
        let mut options = Options::new("ways").interface("up0");
        options.xdp_mode = mode;
        // A tun has no XDP in its driver.
        let beside = Options::new("ways-tun").interface("tun0");
        let filters = [Filter::load(&built, &options)?, Filter::load(&built, &beside)?];
        host.send()?;
        let mut program = Counters::new();
        for filter in filters {
            for (label, count) in tables::moved(&filter.counters()?) {
                let sum = program.entry(label).or_default();
                *sum += count;
            }
            filter.unload()?;
        }
        if let Some(lines) = tables::disagreement(&kernel, &program) {
            return Err(format!("older: {older}\n{lines}").into());
        }
    }
    Ok(())
}

/// The name of the interface that a packet will leave by, in chains behind routing.
fn routed(family: Family) -> Result<(), Failed> {
    const RULES: &str = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n-A FORWARD -o out0 -p udp\n\
         -A FORWARD -i up0 ! -o out1\n-A FORWARD -o out1 -m pkttype --pkt-type host\nCOMMIT\n";
    const EMPTY: &str = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\nCOMMIT\n";
    let mut wire = Wire::new(&["up0", "out0", "out1"])?;
    for name in ["all", "up0"] {
        sysctl(&format!("ipv4/conf/{name}/rp_filter"), "0")?;
    }
    sysctl("ipv4/ip_forward", "1")?;
    sysctl("ipv6/conf/all/forwarding", "1")?;
    ip("route add 198.51.100.0/24 dev out0\nroute add 203.0.113.0/24 dev out1\n")?;
    ip6("route add 2001:db8:a::/48 dev out0\nroute add 2001:db8:b::/48 dev out1\n")?;
    let (source, ways) = match family {
        Family::Ipv4 => ("192.0.2.9", ["198.51.100.7", "203.0.113.7"]),
        Family::Ipv6 => ("2001:db8::9", ["2001:db8:a::7", "2001:db8:b::7"]),
    };
    let frames: Vec<Frame> = [ways[0], ways[1], ways[0]]
        .iter()
        .map(|to| Frame { port: 0, bytes: packet(source, to).udp(4000, 9).bytes() })
        .collect();
    tables::restore(family, RULES)?;
    let reader = Reader::new(family, "filter")?;
    let before = reader.read()?;
    wire.send(&frames)?;
    let mut kernel: Counters = tables::difference(&reader, &before, &reader.read()?);
    kernel.retain(|label, _| label.contains("/FORWARD:"));
    assert_eq!(kernel.len(), 4, "{kernel:?}");
    tables::restore(family, EMPTY)?;
    let hooks = Some(vec![Hook::Input, Hook::Forward]);
    let options = CompileOptions { hooks, ..CompileOptions::default() };
    let mut built = artifact(&[(family, RULES.to_owned())], "xdp", &options)?;
    for older in [false, true] {
        if older {
            assert!(age(&mut built) >= 4);
        }
        let filter = Filter::load(&built, &Options::new("routed").interface("up0"))?;
        wire.send(&frames)?;
        let program = tables::moved(&filter.counters()?);
        filter.unload()?;
        if let Some(lines) = tables::disagreement(&kernel, &program) {
            return Err(format!("older: {older}\n{lines}").into());
        }
    }
    Ok(())
}
