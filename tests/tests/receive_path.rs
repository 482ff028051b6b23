//! The whole receive path in one program: the tables raw, mangle and filter on the hooks
//! prerouting, input and forward, held against the kernel's own.
//!
//! The host has addresses of its own and routes of every kind. The same packets go through its
//! iptables and, with empty tables, through XDP and TC programs: every rule and policy must count
//! the same, those that name the output interface of forwarded packets included.

use bpfc_driver::{Options as CompileOptions, compile, target};
use bpfc_ir::{Hook, Input};
use bpfc_packet::PacketBuilder;
use bpfc_runtime::{Filter, Options, XdpMode};
use bpfc_tests::lab::Family;
use bpfc_tests::lab::inject::{Frame, INNER_MAC, OUTER_MAC, Wire};
use bpfc_tests::lab::namespace::{ip, ip6, isolated, sysctl};
use bpfc_tests::lab::tables::{self, Counters, Reader};
use bpfc_tests::require;
use libtest_mimic::{Arguments, Failed, Trial};
use std::net::{Ipv4Addr, Ipv6Addr};

const TABLES: [&str; 3] = ["raw", "mangle", "filter"];
const HOOKS: [Hook; 3] = [Hook::Prerouting, Hook::Input, Hook::Forward];

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for family in Family::ALL {
        let modes = [("xdp", XdpMode::Native), ("xdp", XdpMode::Generic), ("tc", XdpMode::Auto)];
        for (target, mode) in modes {
            trials.push(Trial::test(format!("{target}_{mode}_{family}"), move || {
                if require::met(require::KERNEL_IPTABLES) {
                    isolated(|| check(family, target, mode))?;
                }
                Ok(())
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// The ruleset; without `rules` its chains are empty and accept.
fn ruleset(family: Family, rules: bool) -> String {
    let [local, other] = match family {
        Family::Ipv4 => ["10.9.0.1", "10.8.0.0/16"],
        Family::Ipv6 => ["fd00:9::1", "fd00:8::/32"],
    };
    let ttl = match family {
        Family::Ipv4 => "ttl --ttl-eq",
        Family::Ipv6 => "hl --hl-eq",
    };
    let all = format!(
        "*raw\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\n\
         -A PREROUTING -p udp -m udp --dport 7 -j DROP\n\
         -A PREROUTING -i eth0 -s {other}\n-A PREROUTING -m {ttl} 64\nCOMMIT\n\
         *mangle\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n\
         :POSTROUTING ACCEPT\n:seen - \n\
         -A PREROUTING -d {local} -j seen\n-A INPUT -p tcp -j seen\n\
         -A INPUT -p udp -m udp --dport 9 -j DROP\n\
         -A FORWARD -o wan0\n-A FORWARD -o wan1 -p tcp -j DROP\n-A FORWARD ! -o wan+\n\
         -A FORWARD -m {ttl} 63 -j seen\n-A FORWARD -m {ttl} 64\n-A seen -p tcp\n-A seen -o wan0\n-A seen ! -o wan0\n\
         -A seen -o + -p tcp\nCOMMIT\n\
         *filter\n:INPUT DROP\n:FORWARD DROP\n:OUTPUT ACCEPT\n\
         -A INPUT -d {local} -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -i eth0\n\
         -A FORWARD -i eth0 -o wan0 -p tcp -m tcp --dport 80 -j ACCEPT\n\
         -A FORWARD ! -o wan0 -p udp -j DROP\n-A FORWARD -o wan0\nCOMMIT\n"
    );
    match rules {
        true => all,
        false => {
            let lines = all.lines().filter(|line| !line.starts_with("-A") && *line != ":seen - ");
            lines.map(|line| line.replace("DROP", "ACCEPT") + "\n").collect()
        }
    }
}

/// Addresses: this host's, behind each interface, refused by routes of each kind, of groups.
fn destinations(family: Family) -> Vec<String> {
    let list: &[&str] = match family {
        Family::Ipv4 => &[
            "10.9.0.1",
            "10.1.2.3",
            "10.2.2.3",
            "10.3.0.1",
            "10.4.0.1",
            "10.5.0.1",
            "10.1.0.255",
            "224.0.0.1",
            "255.255.255.255",
            "10.9.255.255",
            "10.7.0.1",
        ],
        Family::Ipv6 => &[
            "fd00:9::1",
            "fd00:1::3",
            "fd00:2::3",
            "fd00:3::1",
            "fd00:4::1",
            "fd00:5::1",
            "ff02::1",
            "fd00:7::1",
        ],
    };
    list.iter().map(|&text| text.to_owned()).collect()
}

fn prepare(family: Family) -> Result<Wire, Failed> {
    let wire = Wire::new(&["eth0", "wan0", "wan1"])?;
    for name in ["eth0", "wan0", "wan1", "all"] {
        sysctl(&format!("ipv4/conf/{name}/rp_filter"), "0")?;
        sysctl(&format!("ipv4/conf/{name}/send_redirects"), "0")?;
    }
    sysctl("ipv4/ip_forward", "1")?;
    sysctl("ipv6/conf/all/forwarding", "1")?;
    ip("addr add 10.9.0.1/16 dev eth0\nroute add 10.8.0.0/16 dev eth0\n\
        route add 10.1.0.0/16 dev wan0\nroute add 10.2.0.0/16 dev wan1\n\
        route add blackhole 10.3.0.0/16\nroute add unreachable 10.4.0.0/16\n\
        route add prohibit 10.5.0.0/16\nroute add 10.7.0.0/16 dev eth0\n")?;
    // An address would become local some time later.
    ip6("route add local fd00:9::1 dev lo table local\nroute add fd00:8::/32 dev eth0\n\
         route add fd00:1::/32 dev wan0\nroute add fd00:2::/32 dev wan1\n\
         route add blackhole fd00:3::/32\nroute add unreachable fd00:4::/32\n\
         route add prohibit fd00:5::/32\nroute add fd00:7::/32 dev eth0\n")?;
    // What the host says of its own is not what is counted here, and it must not answer.
    let drop_own = "*security\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT DROP\nCOMMIT\n";
    tables::restore(family, drop_own)?;
    Ok(wire)
}

/// Packets to every destination, of several protocols, with time to live to spare or none.
fn frames(family: Family) -> Vec<Frame> {
    let mut frames = Vec::new();
    for destination in destinations(family) {
        for time in [1, 2, 64, 65] {
            for (protocol, port) in [(6, 22), (6, 80), (17, 7), (17, 9), (17, 53), (47, 0)] {
                let mut builder = match family {
                    Family::Ipv4 => {
                        let to: Ipv4Addr = destination.parse().expect("an address");
                        PacketBuilder::ipv4([10, 8, 0, 9], to).with_ipv4(|ip| ip.ttl = time)
                    }
                    Family::Ipv6 => {
                        let to: Ipv6Addr = destination.parse().expect("an address");
                        let from = "fd00:8::9".parse().expect("an address");
                        PacketBuilder::ipv6(from, to).with_ipv6(|ip| ip.hop_limit = time)
                    }
                };
                builder = match protocol {
                    6 => builder.tcp(4000, port, 2),
                    17 => builder.udp(4000, port),
                    other => builder.protocol(other),
                };
                let to = if port == 53 { [0xff; 6] } else { INNER_MAC };
                let bytes = builder.ethernet(OUTER_MAC, to).bytes();
                frames.push(Frame { port: 0, bytes });
            }
        }
    }
    frames
}

/// What the kernel's own tables count.
fn by_kernel(family: Family, wire: &mut Wire, frames: &[Frame]) -> Result<Counters, Failed> {
    tables::restore(family, &ruleset(family, true))?;
    let readers = TABLES
        .map(|table| Reader::new(family, table))
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    let before = readers.iter().map(Reader::read).collect::<Result<Vec<_>, _>>()?;
    wire.send(frames)?;
    let mut counters = Counters::new();
    for (reader, before) in readers.iter().zip(before) {
        counters.extend(tables::difference(reader, &before, &reader.read()?));
    }
    counters.retain(|label, _| !label.contains("/OUTPUT:") && !label.contains("/POSTROUTING:"));
    Ok(counters)
}

/// What a program counts while the kernel's tables are empty.
fn by_program(
    family: Family,
    (name, mode): (&str, XdpMode),
    wire: &mut Wire,
    frames: &[Frame],
) -> Result<Counters, Failed> {
    tables::restore(family, &ruleset(family, false))?;
    let input = Input {
        name: "ruleset".to_owned(),
        bytes: ruleset(family, true).into_bytes(),
        format: Some(format!("{}-save", family.tool())),
    };
    let options = CompileOptions {
        hooks: Some(HOOKS.to_vec()),
        tables: Some(TABLES.map(str::to_owned).to_vec()),
        ..CompileOptions::default()
    };
    let compiled = compile(&[input], target(name).ok_or("no such target")?, &options);
    let artifact =
        compiled.artifact().cloned().ok_or_else(|| format!("{:?}", compiled.diagnostics))?;
    let mut options = Options::new("receive-path");
    options.xdp_mode = mode;
    options.interfaces = vec!["eth0".to_owned()];
    let filter = Filter::load(&artifact, &options)?;
    wire.send(frames)?;
    let moved = tables::moved(&filter.counters()?);
    filter.unload()?;
    Ok(moved)
}

fn check(family: Family, target: &'static str, mode: XdpMode) -> Result<(), Failed> {
    let mut wire = prepare(family)?;
    let frames = frames(family);
    let kernel = by_kernel(family, &mut wire, &frames)?;
    let program = by_program(family, (target, mode), &mut wire, &frames)?;
    let prefix = family.label_prefix();
    for label in ["mangle/FORWARD:1", "mangle/FORWARD:4", "filter/INPUT:policy"] {
        assert!(kernel.contains_key(&format!("{prefix}{label}")), "{label} is never counted");
    }
    match tables::disagreement(&kernel, &program) {
        None => Ok(()),
        Some(lines) => Err(lines.into()),
    }
}
