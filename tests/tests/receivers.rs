//! The match socket: real sockets of every state, bound to an address or not, transparent or not,
//! what ICMP errors quote, and connections that this host translates. All of it goes over the
//! loopback device, where the kernel's own rules and the programs of two targets see the very same
//! packets and must count the same.

use bpfc_ir::Hook;
use bpfc_runtime::{Filter, Options, XdpMode};
use bpfc_tests::differential::EngineError;
use bpfc_tests::lab::namespace::{ip, isolated, sysctl};
use bpfc_tests::lab::tables::{self, Reader};
use bpfc_tests::lab::{Family, nft};
use bpfc_tests::require;
use bpfc_tests::twin::{artifact, counted, nft_artifact};
use libtest_mimic::{Arguments, Failed, Trial};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen, setsockopt, socket,
    sockopt,
};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};

/// The same of nft, where each rule counts: by TC alone what asks for marks.
const ASKED: &[&str] = &[
    "socket transparent 0",
    "socket transparent 1",
    "socket transparent != 0",
    "socket wildcard 0",
    "socket wildcard 1",
    "tcp dport 2000-2002 socket wildcard 0",
    "udp dport 2000-2002 socket wildcard 1",
    "socket mark 5",
    "socket mark != 5",
    "socket mark { 0, 6 }",
];

/// What every target decides.
const RULES: &[&str] = &[
    "-m socket",
    "-m socket --nowildcard",
    "-m socket --transparent",
    "-m socket --transparent --nowildcard",
    "-p tcp -m socket",
    "-p udp -m socket --nowildcard",
    "-p udp -m socket --transparent",
];
/// What only TC does besides.
const MARKING: &[&str] = &[
    "-m socket --restore-skmark",
    "-m mark --mark 5",
    "-m socket --nowildcard --restore-skmark",
    "-m mark --mark 6",
    "-m mark --mark 0",
];

/// The source of what goes to this port is translated.
const TRANSLATED: u16 = 2004;

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for family in Family::ALL {
        for chain in ["PREROUTING", "INPUT"] {
            trials.push(Trial::test(format!("{family}_{chain}").to_lowercase(), move || {
                if require::met(require::KERNEL_IPTABLES) {
                    isolated(|| check(family, chain))?;
                }
                Ok(())
            }));
            trials.push(Trial::test(format!("{family}_{chain}_nft").to_lowercase(), move || {
                let needs = [require::KERNEL_IPTABLES, &[require::Need::Tool("nft")]].concat();
                if require::met(&needs) {
                    isolated(|| check_nft(family, chain))?;
                }
                Ok(())
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn check(family: Family, chain: &str) -> Result<(), Failed> {
    ip("link set lo up\n")?;
    sysctl("ipv4/tcp_timestamps", "1")?;
    if family == Family::Ipv4 {
        let nat = format!(
            "*nat\n:POSTROUTING ACCEPT\n-A POSTROUTING -p udp -m udp --dport {TRANSLATED} \
             -j SNAT --to-source 127.0.0.9\nCOMMIT\n"
        );
        tables::restore(family, &nat)?;
    }
    let text = |rules: &[&str]| {
        let rules: String = rules.iter().map(|rule| format!("-A {chain} {rule}\n")).collect();
        format!("*mangle\n:{chain} ACCEPT [0:0]\n{rules}COMMIT\n")
    };
    let (plain, all) = (text(RULES), text(&[RULES, MARKING].concat()));
    let filters = [
        load(&all, "tc", XdpMode::Auto, family, chain)?,
        load(&plain, "xdp", XdpMode::Generic, family, chain)?,
    ];
    tables::restore(family, &all)?;
    let reader = Reader::new(family, "mangle")?;
    let before = reader.read()?;
    talk(family)?;
    let expected = tables::difference(&reader, &before, &reader.read()?);
    let own = |label: &String| label.contains(&format!("/{chain}:")) && !label.ends_with("policy");
    let told = expected.iter().filter(|(label, count)| own(label) && count.packets > 0).count();
    assert_eq!(told, RULES.len() + MARKING.len(), "{expected:?}");
    for filter in &filters {
        let rules = if filter.name() == "xdp" { RULES.len() } else { RULES.len() + MARKING.len() };
        let number = |label: &str| label.rsplit(':').next().and_then(|n| n.parse::<usize>().ok());
        let mut wanted = expected.clone();
        wanted.retain(|label, count| {
            let within = number(label).is_some_and(|number| number <= rules);
            own(label) && count.packets > 0 && within
        });
        let mut found = counted(filter)?;
        found.retain(|label, _| own(label));
        if found != wanted {
            return Err(format!("{}: {found:#?}\nkernel: {wanted:#?}", filter.name()).into());
        }
    }
    Ok(())
}

fn check_nft(family: Family, chain: &str) -> Result<(), Failed> {
    ip("link set lo up\n")?;
    sysctl("ipv4/tcp_timestamps", "1")?;
    let keyword = if family == Family::Ipv4 { "ip" } else { "ip6" };
    let hook = if chain == "INPUT" { Hook::Input } else { Hook::Prerouting };
    let text = |rules: &[&str]| {
        let rules: String = rules.iter().map(|rule| format!("{rule} counter\n")).collect();
        format!(
            "table {keyword} t {{\nchain c {{\ntype filter hook {hook} priority mangle\n{rules}counter\n}}\n}}\n"
        )
    };
    let load = |text: String, kind: &str, mode: XdpMode| -> Result<Filter, Failed> {
        let choices =
            bpfc_driver::Options { hooks: Some(vec![hook]), ..bpfc_driver::Options::default() };
        let artifact = nft_artifact(&text, kind, &choices)?;
        let mut options = Options::new(kind).interface("lo");
        options.xdp_mode = mode;
        Ok(Filter::load(&artifact, &options)?)
    };
    let without_marks = &ASKED[..ASKED.len() - 3];
    let filters = [
        (load(text(ASKED), "tc", XdpMode::Auto)?, ASKED.len()),
        (load(text(without_marks), "xdp", XdpMode::Generic)?, without_marks.len()),
    ];
    nft::load(&text(ASKED))?;
    talk(family)?;
    let expected: tables::Counters = nft::counters()?.into_iter().collect();
    let label = |number: usize| format!("{keyword}/t/c:{number}");
    for (filter, rules) in &filters {
        let found = tables::moved(&filter.counters()?);
        for number in 1..=*rules {
            let wanted = expected.get(&label(number)).copied().unwrap_or_default();
            let counted = found.get(&label(number)).copied().unwrap_or_default();
            let rule = ASKED[number - 1];
            assert_eq!(counted, wanted, "{} {rule}: {found:#?} {expected:#?}", filter.name());
            assert!(wanted.packets > 0, "{rule}: {expected:#?}");
        }
    }
    Ok(())
}

fn load(
    text: &str,
    target: &str,
    mode: XdpMode,
    family: Family,
    chain: &str,
) -> Result<Filter, EngineError> {
    let hook = if chain == "INPUT" { Hook::Input } else { Hook::Prerouting };
    let options = bpfc_driver::Options {
        hooks: Some(vec![hook]),
        tables: Some(vec!["mangle".to_owned()]),
        ..bpfc_driver::Options::default()
    };
    let artifact = artifact(&[(family, text.to_owned())], target, &options)?;
    let mut options = Options::new(target);
    options.interfaces = vec!["lo".to_owned()];
    options.xdp_mode = mode;
    Ok(Filter::load(&artifact, &options)?)
}

/// A socket that takes packets for others' addresses, bound and, of TCP, listening.
fn transparent(kind: SockType, to: SocketAddr) -> Result<OwnedFd, Failed> {
    let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let made = socket(family, kind, SockFlag::empty(), None)?;
    // IPv6 sockets take the option, too.
    setsockopt(&made, sockopt::IpTransparent, &true)?;
    bind(made.as_raw_fd(), &SockaddrStorage::from(to))?;
    if kind == SockType::Stream {
        listen(&made, Backlog::new(8)?)?;
    }
    Ok(made)
}

fn talk(family: Family) -> Result<(), Failed> {
    let (host, any): (IpAddr, IpAddr) = match family {
        Family::Ipv4 => ("127.0.0.1".parse()?, "0.0.0.0".parse()?),
        Family::Ipv6 => ("::1".parse()?, "::".parse()?),
    };
    // Listeners: one bound, one not, one transparent.
    for (port, at) in [(2000, Some(host)), (2001, Some(any)), (2002, None)] {
        let listener = match at {
            Some(at) => TcpListener::bind((at, port))?,
            None => TcpListener::from(transparent(SockType::Stream, (host, port).into())?),
        };
        let mut client = TcpStream::connect((host, port))?;
        let (mut server, _) = listener.accept()?;
        for _ in 0..3 {
            client.write_all(b"question")?;
            server.read_exact(&mut [0; 8])?;
            server.write_all(b"answer")?;
            client.read_exact(&mut [0; 6])?;
        }
        // Who closes first waits, and the other end's last packet finds it so. The transparent end
        // is the server.
        let (first, mut last) = if at.is_some() { (client, server) } else { (server, client) };
        drop(first);
        assert_eq!(last.read(&mut [0; 1])?, 0);
        drop(last);
    }
    // Nobody listens.
    assert!(TcpStream::connect((host, 1)).is_err());
    // Datagrams to sockets that are bound, not bound, transparent, marked; and to nobody.
    let bound = UdpSocket::bind((host, 2000))?;
    setsockopt(&bound, sockopt::Mark, &5)?;
    let wild = UdpSocket::bind((any, 2001))?;
    setsockopt(&wild, sockopt::Mark, &6)?;
    let other = UdpSocket::from(transparent(SockType::Datagram, (host, 2002).into())?);
    let translated = UdpSocket::bind((host, TRANSLATED))?;
    for (server, port) in [(&bound, 2000), (&wild, 2001), (&other, 2002), (&translated, TRANSLATED)]
    {
        let client = UdpSocket::bind((host, 0))?;
        client.send_to(b"question", (host, port))?;
        let (_, from) = server.recv_from(&mut [0; 8])?;
        server.send_to(b"answer", from)?;
        let (_, from) = client.recv_from(&mut [0; 6])?;
        assert_eq!(from.port(), port);
    }
    let client = UdpSocket::bind((host, 0))?;
    client.connect((host, 9))?;
    client.send(b"question")?;
    assert!(client.recv(&mut [0; 1]).is_err());
    Ok(())
}
