//! What an artifact reads of the kernel in two ways, by typed pointers where the kernel has them
//! and by copies elsewhere, is the same: names of interfaces, whether a frame has a link header,
//! and whom it is for. This kernel has typed pointers; that it had none is said by another name of
//! the function that is asked for.

use bpfc_artifact::{Artifact, RelocKind};
use bpfc_driver::Options as CompileOptions;
use bpfc_ir::Hook;
use bpfc_runtime::{Filter, Options, XdpMode};
use bpfc_tests::lab::inject::{Frame, INNER_MAC, OUTER_MAC, Wire};
use bpfc_tests::lab::namespace::{ip, ip6, isolated, sysctl};
use bpfc_tests::lab::tables::{self, Counters, Reader};
use bpfc_tests::lab::tun::Tun;
use bpfc_tests::lab::{Family, LabError};
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

/// The artifact as an older kernel takes it. Yields how often it asks.
fn age(artifact: &mut Artifact) -> usize {
    let mut asked = 0;
    for reloc in artifact.functions.iter_mut().flat_map(|function| &mut function.relocs) {
        match &mut reloc.kind {
            RelocKind::FunctionExists { name, .. } => {
                *name = "bpf_of_a_later_kernel".to_owned();
                asked += 1;
            }
            RelocKind::OptionalKfunc { name, .. } => *name = "bpf_of_a_later_kernel".to_owned(),
            _ => {}
        }
    }
    asked
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
