//! A gateway whose nft ruleset is changed under traffic, while `bpfc-watch` keeps an XDP program
//! what it says.
//!
//! What the program lets through is heard behind it and before the kernel's own rules, by a packet
//! socket. At no time is a packet heard that all of the rulesets drop, and none of those that were
//! sent after a swap that the new ruleset drops. Nothing waits for time to pass: packets arrive in
//! the order in which they were sent, so one that is let through shows that those before it are
//! decided.
//!
//! `BPFC_SWAPS` chooses how often the ruleset changes.

use bpfc_driver::{Input, Options as CompileOptions, target};
use bpfc_ir::Hook;
use bpfc_packet::PacketBuilder;
use bpfc_runtime::{Filter, Options, XdpMode, nft_dump};
use bpfc_tests::lab::inject::{INNER_MAC, OUTER_MAC, Wire};
use bpfc_tests::lab::listen::Listener;
use bpfc_tests::lab::namespace::{alone, ip, sysctl};
use bpfc_tests::lab::nft;
use bpfc_tests::lab::packet_sender::PacketSender;
use bpfc_tests::require::{self, Need};
use bpfc_watch::{Event, Source, Watch};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

const NAME: &str = "watched";
/// A port that no ruleset opens, one that every other ruleset opens, and one that all do.
const CLOSED: u16 = 1000;
const CHANGING: u16 = 2000;
const OPEN: u16 = 3000;
/// Who sends a packet to this port is banned, and nothing of it is let through any more.
const TRAP: u16 = 4000;
const BANNED: Ipv4Addr = Ipv4Addr::new(10, 1, 1, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 2, 0, 2);
/// Packets that each ruleset decides at least.
const ENOUGH: u64 = 40;
/// How long anything that must come may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// The ruleset, with these ports open.
fn ruleset(ports: &str) -> String {
    format!(
        "table inet gateway {{
            set banned {{
                type ipv4_addr
                flags dynamic, timeout
                size 1024
                timeout 1h
            }}
            set ports {{
                type inet_service
                elements = {{ {ports} }}
            }}
            chain forward {{
                type filter hook forward priority filter; policy drop;
                ct state vmap {{ invalid : drop, established : accept, related : accept }}
                ip saddr @banned counter drop
                udp dport {TRAP} add @banned {{ ip saddr }} counter drop
                limit rate 5/second log prefix \"gateway \"
                meta l4proto tcp reject with tcp reset
                udp dport @ports counter accept
            }}
        }}\n"
    )
}

/// A change to the ruleset, by turns: of elements alone, and of everything.
fn change(number: usize) -> String {
    match number % 4 {
        0 => format!("delete element inet gateway ports {{ {CHANGING} }}"),
        1 => format!("add element inet gateway ports {{ {CHANGING} }}"),
        2 => format!("delete table inet gateway\n{}", ruleset(&format!("{OPEN}"))),
        _ => format!("delete table inet gateway\n{}", ruleset(&format!("{CHANGING}, {OPEN}"))),
    }
}

/// A packet that was heard.
struct Heard {
    source: Ipv4Addr,
    port: u16,
    /// Its number among all that were sent.
    number: u64,
}

fn heard(frame: &[u8]) -> Option<Heard> {
    let ip = frame.get(14..)?;
    if frame[12..14] != [8, 0] || ip.len() < 36 || ip[9] != 17 {
        return None;
    }
    let source: [u8; 4] = *ip[12..].first_chunk()?;
    let port: [u8; 2] = *ip[22..].first_chunk()?;
    let number: [u8; 8] = *ip[28..].first_chunk()?;
    Some(Heard {
        source: source.into(),
        port: u16::from_be_bytes(port),
        number: u64::from_be_bytes(number),
    })
}

fn frame(source: Ipv4Addr, port: u16, number: u64) -> Vec<u8> {
    let packet = PacketBuilder::ipv4(source, SERVER)
        .ethernet(OUTER_MAC, INNER_MAC)
        .udp(5000, port)
        .payload(number.to_be_bytes());
    packet.bytes()
}

/// Sends packets of sources that were never seen before, so that each begins a connection.
fn send(wire: &Wire, numbers: &AtomicU64, stop: &AtomicBool) {
    wire.outer().enter().expect("the outer namespace can be entered");
    let sender = PacketSender::new(&["o0"]).expect("a packet socket");
    let mut fresh = u32::from(Ipv4Addr::new(10, 1, 2, 0));
    while !stop.load(Ordering::SeqCst) {
        for port in [CLOSED, CHANGING, OPEN] {
            let number = numbers.fetch_add(1, Ordering::SeqCst);
            fresh += 1;
            if fresh == u32::from(Ipv4Addr::new(10, 1, 255, 0)) {
                fresh = u32::from(Ipv4Addr::new(10, 1, 2, 0));
            }
            sender.send(0, &frame(fresh.into(), port, number)).expect("sending");
        }
        let number = numbers.fetch_add(1, Ordering::SeqCst);
        sender.send(0, &frame(BANNED, OPEN, number)).expect("sending");
        std::thread::sleep(Duration::from_micros(300));
    }
}

/// Keeps the filter what nft's ruleset says until it is unloaded, and tells of each swap.
fn watch(mode: XdpMode, swapped: &Sender<Result<(), String>>) {
    let read = || {
        let bytes = nft_dump::dump().map_err(|error| error.to_string())?;
        let (name, format) = ("live:nft".to_owned(), Some("nft-dump".to_owned()));
        Ok(vec![Input { name, bytes, format }])
    };
    let compile = CompileOptions { hooks: Some(vec![Hook::Forward]), ..CompileOptions::default() };
    let mut options = Options::new(NAME).interface("eth0");
    options.xdp_mode = mode;
    let xdp = target("xdp").expect("a target");
    let mut watch =
        Watch::new(vec![Source::Nftables], read, xdp, compile, options).expect("it is followed");
    let mut event = watch.load().expect("it is followed");
    loop {
        let told = match event {
            Event::Loaded(_) => Ok(()),
            Event::Unloaded => return,
            Event::Refused(compilation) => Err(compilation.result().unwrap_err().to_string()),
            event => Err(format!("{event:?}")),
        };
        // Nobody listens where the test has failed.
        let _ = swapped.send(told);
        event = loop {
            if let Some(event) = watch.next(None, None).expect("it is followed") {
                break event;
            }
        };
    }
}

struct Gateway<'a> {
    listener: Listener,
    numbers: &'a AtomicU64,
    swapped: Receiver<Result<(), String>>,
    /// What was heard since the last look.
    heard: Vec<Heard>,
}

impl Gateway<'_> {
    /// Waits for the next swap.
    fn swap(&self) {
        let told = self.swapped.recv_timeout(PATIENCE).expect("the filter follows the ruleset");
        told.unwrap_or_else(|error| panic!("{error}"));
    }

    fn listen(&mut self) {
        let frames = self.listener.heard_from(OUTER_MAC).expect("listening");
        self.heard.extend(frames.iter().filter_map(|frame| heard(frame)));
    }

    /// Listens until everything that was sent by now is decided; yields the next number then.
    fn settle(&mut self) -> u64 {
        let end = self.numbers.load(Ordering::SeqCst);
        let start = std::time::Instant::now();
        loop {
            self.listen();
            if self.heard.iter().any(|heard| heard.port == OPEN && heard.number >= end) {
                return end;
            }
            assert!(start.elapsed() < PATIENCE, "no packet is let through any more");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn run(mode: XdpMode) {
    let swaps = std::env::var("BPFC_SWAPS").ok().and_then(|swaps| swaps.parse().ok()).unwrap_or(8);
    sysctl("ipv4/ip_forward", "1").expect("a setting");
    let wire = Wire::new(&["eth0", "eth1"]).expect("a wire");
    ip("addr add 10.1.0.1/16 dev eth0\n\
        addr add 10.2.0.1/24 dev eth1\n\
        neigh add 10.2.0.2 lladdr 02:00:00:00:00:02 dev eth1\n")
    .expect("addresses");
    nft::load(&ruleset(&format!("{CHANGING}, {OPEN}"))).expect("a ruleset");
    let (numbers, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let (tell, swapped) = channel();
    let mut gateway = Gateway {
        listener: Listener::new().expect("a packet socket"),
        numbers: &numbers,
        swapped,
        heard: Vec::new(),
    };
    std::thread::scope(|scope| {
        let (wire, numbers, stop) = (&wire, &numbers, &stop);
        scope.spawn(move || watch(mode, &tell));
        /// Ends the others, however the test ends.
        struct End<'a>(&'a AtomicBool);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
                let _ = Filter::unload_named(NAME);
            }
        }
        let _end = End(stop);
        gateway.swap();
        let trap = || {
            wire.outer().enter().expect("the outer namespace can be entered");
            let sender = PacketSender::new(&["o0"]).expect("a packet socket");
            sender.send(0, &frame(BANNED, TRAP, 0)).expect("sending");
        };
        scope.spawn(trap).join().expect("a packet is sent");
        scope.spawn(move || send(wire, numbers, stop));
        gateway.settle();
        for number in 0..swaps {
            nft::change(&change(number)).expect("a change");
            gateway.swap();
            let start = numbers.load(Ordering::SeqCst);
            let mut end = gateway.settle();
            while end < start + ENOUGH {
                end = gateway.settle();
            }
            let all = std::mem::take(&mut gateway.heard);
            let opens = number % 2 == 1;
            let now = |port: u16| {
                let is_now = |heard: &&Heard| (start..end).contains(&heard.number);
                all.iter().filter(is_now).filter(|heard| heard.port == port).count()
            };
            assert_eq!(now(CHANGING) > 0, opens, "after change {number}");
            assert!(!all.iter().any(|heard| heard.port == CLOSED), "before change {number}");
            assert!(!all.iter().any(|heard| heard.source == BANNED), "before change {number}");
        }
    });
}

#[test]
fn nothing_passes_that_the_rulesets_drop() {
    if !require::met(&[Need::Root, Need::Tool("ip"), Need::Tool("nft")]) {
        return;
    }
    for mode in [XdpMode::Native, XdpMode::Generic] {
        alone(|| run(mode));
    }
}
