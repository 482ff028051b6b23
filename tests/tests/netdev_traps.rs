//! What surprises in chains of devices, each a trial by the name of what it shows: the kernel and
//! every engine count what stands beside each rule ([`bpfc_tests::annotated`]).

use bpfc_ir::Hook;
use bpfc_packet::PacketBuilder;
use bpfc_tests::annotated::check_at_device;
use bpfc_tests::lab::inject::{Frame, OUTER_MAC};
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::require::{self, KERNEL_IPTABLES, Need};
use bpfc_tests::traffic;
use libtest_mimic::{Arguments, Trial};

/// From 10.0.0.2 to 10.0.0.1.
fn ipv4() -> PacketBuilder {
    traffic::packet("10.0.0.2", "10.0.0.1")
}

const SYN: u8 = 0x02;

/// A trap at a device: rules of a chain, and the frames that come or go by eth0.
struct Trap {
    name: &'static str,
    hook: Hook,
    table: &'static str,
    rules: &'static str,
    frames: fn() -> Vec<Vec<u8>>,
}

/// A datagram of 28 bytes in a frame as short as a wire takes none: padding follows.
fn padded() -> Vec<u8> {
    let mut frame = ipv4().udp(4000, 53).bytes();
    frame.resize(60, 0);
    frame
}

const TRAPS: &[Trap] = &[
    Trap {
        name: "bytes_at_ingress_are_those_behind_the_link_header_with_padding",
        hook: Hook::Ingress,
        table: "netdev",
        rules: "
            meta length 46 counter # 1/46
            ip length 28 counter # 1/46
            udp dport 53 counter # 1/46",
        frames: || vec![padded()],
    },
    Trap {
        name: "bytes_at_egress_are_those_of_the_frame",
        hook: Hook::Egress,
        table: "netdev",
        rules: "
            meta length 42 counter # 1/42
            ip length 28 counter # 1/42
            udp dport 53 counter # 1/42",
        frames: || vec![ipv4().udp(4000, 53).bytes()],
    },
    Trap {
        name: "no_packet_has_a_connection_at_ingress",
        hook: Hook::Ingress,
        table: "inet",
        rules: "
            ct state invalid counter # 2
            ct state != invalid counter # 0
            ct state established,new counter # 0
            udp dport 53 ct state invalid counter # 1",
        frames: || vec![padded(), ipv4().tcp(4000, 22, SYN).bytes()],
    },
    Trap {
        name: "what_is_no_sound_packet_has_a_network_header_alone",
        hook: Hook::Ingress,
        table: "netdev",
        rules: "
            counter # 2
            meta l4proto 0 counter # 0
            meta l4proto != 6 counter # 0
            @th,0,8 0-255 counter # 0
            udp dport 53 counter # 0
            @nh,0,16 1 counter # 1
            ip saddr 10.0.0.2 counter # 1
            ip protocol udp counter # 1",
        frames: || {
            let arp = [&[0xff; 6][..], &OUTER_MAC, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &[0; 20]];
            let mut cut = ipv4().udp(4000, 53).payload(vec![7; 40]).bytes();
            cut.truncate(14 + 40);
            vec![arp.concat(), cut]
        },
    },
    Trap {
        name: "ip_behind_llc_and_snap_is_none",
        hook: Hook::Ingress,
        table: "netdev",
        rules: "
            meta protocol ip counter # 0
            meta protocol != ip counter # 2
            meta protocol 4 counter # 2
            ip saddr 10.0.0.2 counter # 0
            meta l4proto udp counter # 0
            udp dport 53 counter # 0
            @nh,0,24 0xaaaa03 counter # 2
            @nh,48,16 0x0800 counter # 2
            @nh,64,8 0x45 counter # 2
            counter # 2",
        frames: || {
            let packet = ipv4().udp(4000, 53).payload(vec![7; 20]).bytes();
            let carried = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &packet[14..]].concat();
            let length = (carried.len() as u16).to_be_bytes();
            let mut frame = [&packet[..12], &length, &carried].concat();
            let short = frame.clone();
            frame.resize(80, 0);
            vec![short, frame]
        },
    },
];

fn trap(trap: &'static Trap) -> Trial {
    Trial::test(trap.name, move || {
        if !require::met(&[KERNEL_IPTABLES, &[Need::Tool("nft")]].concat()) {
            return Ok(());
        }
        let Trap { hook, table, rules, frames, .. } = trap;
        let text = format!(
            "table {table} t {{
    chain c {{
        type filter hook {hook} devices = {{ eth0, wlan0 }} priority 0; policy accept;
        meta protocol 0x88b5 accept
        {}
    }}
}}
",
            rules.trim_start(),
        );
        let frames: Vec<_> = frames().into_iter().map(|bytes| Frame { port: 0, bytes }).collect();
        isolated(|| check_at_device(*hook, &text, &frames).map_err(|error| error.to_string()))?;
        Ok(())
    })
}

fn main() {
    let trials = TRAPS.iter().map(trap).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
