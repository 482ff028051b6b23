//! What surprises in nft's rulesets, each a trial by the name of what it shows: the kernel and
//! every engine count what stands beside each rule ([`bpfc_tests::annotated`]).

use bpfc_packet::{Extension, PacketBuilder, Transport};
use bpfc_tests::annotated::check;
use bpfc_tests::generate::ruleset::Shape;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::inject::Frame;
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::lab::oracle::Stage;
use bpfc_tests::require::{self, KERNEL_IPTABLES, Need};
use bpfc_tests::traffic;
use libtest_mimic::{Arguments, Failed, Trial};

/// From 10.0.0.2 to 10.0.0.1.
fn ipv4() -> PacketBuilder {
    traffic::packet("10.0.0.2", "10.0.0.1")
}

/// From 2001:db8::2 to 2001:db8::1.
fn ipv6() -> PacketBuilder {
    traffic::packet("2001:db8::2", "2001:db8::1")
}

/// UDP to ports, each datagram without data: 28 bytes.
fn datagrams(ports: &[u16]) -> Vec<PacketBuilder> {
    ports.iter().map(|&port| ipv4().udp(4000, port)).collect()
}

const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;

/// Where packets meet a chain.
#[derive(Clone, Copy)]
enum At {
    Prerouting,
    Input,
    Forward,
    /// Behind the tracker; `true` where only what is known before it is asked.
    Tracked(bool),
}

/// A trap: where its rules stand, rules in chain `c` and what else its table holds, and packets.
struct Trap {
    /// What it shows.
    name: &'static str,
    at: At,
    family: Family,
    table: &'static str,
    /// Sets, objects and other chains.
    beside: &'static str,
    rules: &'static str,
    packets: fn() -> Vec<PacketBuilder>,
}

const TRAPS: &[Trap] = &[
    Trap {
        name: "bytes_of_later_fragments_are_ports_in_the_kernel_alone",
        at: At::Prerouting,
        family: Family::Ipv4,
        table: "ip",
        beside: "",
        rules: "
            udp dport 53 counter # 1 here 0
            udp sport . udp dport { 4000 . 53 } counter # 1 here 0
            udp dport != 53 counter # 0
            @th,0,64 0x0fa0003500080000 counter # 0
            meta l4proto udp counter # 1/28
            ip frag-off & 0x1fff != 0 counter # 1",
        packets: || vec![ipv4().udp(4000, 53).with_ipv4(|header| header.fragment_offset = 1)],
    },
    Trap {
        name: "flow_labels_are_ports_of_later_fragments_in_the_kernel_alone",
        at: At::Prerouting,
        family: Family::Ipv6,
        table: "ip6",
        beside: "",
        rules: "
            udp dport 0x1234 counter # 1 here 0
            udp sport 0x6000 counter # 1 here 0
            udp dport 53 counter # 0
            meta l4proto udp counter # 1
            exthdr frag exists counter # 1",
        packets: || {
            let later = Extension::Fragment { offset: 1, more: false, identification: 7 };
            let labelled = ipv6().with_ipv6(|header| header.flow_label = 0x1234);
            vec![labelled.extension(later).udp(4000, 53)]
        },
    },
    Trap {
        name: "of_equal_priorities_the_last_chain_runs_first",
        at: At::Input,
        family: Family::Ipv4,
        table: "ip",
        beside: "
    chain z {
        type filter hook input priority 0; policy accept;
        counter # 0
    }
    chain y {
        type filter hook input priority 0; policy accept;
        counter drop # 2
    }",
        rules: "counter # 2",
        packets: || datagrams(&[53, 54]),
    },
    Trap {
        name: "continue_goes_on_in_the_rule_and_a_miss_ends_it",
        at: At::Input,
        family: Family::Ipv4,
        table: "ip",
        beside: "
    counter seen { }
    chain u {
        counter # 2
        counter return # 2
    }",
        rules: "
            meta l4proto vmap { udp : continue } counter # 2
            meta l4proto vmap { tcp : continue } counter # 0
            counter name udp dport map { 99 : \"seen\" } counter # 0
            counter name udp dport map { 53 : \"seen\" } counter # 1
            meta l4proto vmap { udp : jump u } counter # 0
            counter # 2",
        packets: || datagrams(&[53, 54]),
    },
    Trap {
        name: "flags_have_six_forms_and_sets_hold_exact_values",
        at: At::Input,
        family: Family::Ipv4,
        table: "ip",
        beside: "",
        rules: "
            tcp flags syn counter # 2
            tcp flags syn,ack counter # 3
            tcp flags == syn counter # 1
            tcp flags != syn counter # 2
            tcp flags ! syn counter # 1
            tcp flags { syn, ack } counter # 2
            tcp flags != { syn, ack } counter # 1
            tcp flags vmap { syn : continue, ack : continue } counter # 2
            tcp flags & (syn | ack) == syn counter # 1
            tcp flags syn / syn,ack counter # 1",
        packets: || [SYN, SYN_ACK, 0x10].map(|flags| ipv4().tcp(4000, 22, flags)).to_vec(),
    },
    Trap {
        name: "states_behind_not_are_one_number_and_in_sets_exact",
        at: At::Tracked(true),
        family: Family::Ipv4,
        table: "ip",
        beside: "",
        rules: "
            ct state != established,related counter # 1
            ct state != { established, related } counter # 1
            ct state != new,established counter # 1
            ct state new,established counter # 1
            ct state { new, established } counter # 1",
        packets: || datagrams(&[53]),
    },
    Trap {
        name: "status_in_sets_is_exact",
        at: At::Tracked(false),
        family: Family::Ipv4,
        table: "ip",
        beside: "",
        rules: "
            ct status { snat, dnat } counter # 0
            ct status != { snat, dnat } counter # 1
            ct status snat,dnat counter # 0
            ct status ! snat counter # 1",
        packets: || datagrams(&[53]),
    },
    Trap {
        name: "next_header_is_the_first_one_and_l4proto_the_last",
        at: At::Input,
        family: Family::Ipv6,
        table: "ip6",
        beside: "",
        rules: "
            ip6 nexthdr tcp tcp dport 22 counter # 0
            tcp dport 22 counter # 1
            meta l4proto tcp counter # 1
            ip6 nexthdr 0 counter # 1",
        packets: || vec![ipv6().extension(Extension::HopByHop(vec![1, 4])).tcp(4000, 22, SYN)],
    },
    Trap {
        name: "th_asks_for_no_protocol",
        at: At::Input,
        family: Family::Ipv4,
        table: "ip",
        beside: "",
        rules: "
            th sport 0x0803 counter # 1
            udp sport 0x0803 counter # 0
            tcp dport != 1 counter # 0
            ip protocol icmp icmp type 8 counter # 1
            meta l4proto icmp icmp code 3 counter # 1",
        packets: || vec![ipv4().transport(Transport::Icmp { kind: 8, code: 3, rest: [0; 4] })],
    },
    Trap {
        name: "bytes_are_those_of_the_packet_at_input",
        at: At::Input,
        family: Family::Ipv4,
        table: "ip",
        beside: "",
        rules: "
            meta length 28 counter # 1/28
            udp length 8 counter # 1/28
            counter # 1/28",
        packets: || datagrams(&[53]),
    },
    Trap {
        name: "byte_limits_hold_rate_and_burst",
        at: At::Input,
        family: Family::Ipv4,
        table: "ip",
        beside: "
    limit shared {
        rate 1/hour burst 1 packets
    }",
        rules: "
            limit rate 30 bytes/hour burst 30 bytes counter # 2/56
            limit rate 30 bytes/hour counter # 1/28
            limit rate 1/hour counter # 5
            limit rate over 1/hour burst 2 packets counter # 5
            counter limit rate 1/hour burst 3 packets counter # 7, 3
            udp dport 54 limit rate 1/hour burst 2 packets counter # 1
            limit name \"shared\" counter # 1
            limit name \"shared\" counter # 0",
        packets: || datagrams(&[53, 53, 53, 53, 53, 53, 54]),
    },
    Trap {
        name: "a_quota_counts_what_is_over_it_too",
        at: At::Input,
        family: Family::Ipv4,
        table: "ip",
        beside: "
    quota shared {
        56 bytes
    }",
        rules: "
            quota 56 bytes counter # 2/56
            quota 55 bytes counter # 1/28
            quota over 56 bytes counter # 2/56
            quota over 55 bytes counter # 3
            udp dport 53 quota name \"shared\" counter # 1
            quota name \"shared\" counter # 1",
        packets: || datagrams(&[53, 53, 53, 54]),
    },
    Trap {
        name: "a_full_set_ends_the_rule",
        at: At::Input,
        family: Family::Ipv4,
        table: "ip",
        beside: "
    set full {
        type inet_service
        size 1
        flags dynamic
    }
    set limited {
        type inet_service
        size 1
        flags dynamic
    }",
        rules: "
            add @full { udp dport } counter # 2
            update @full { udp dport } counter # 2
            udp dport @full counter # 2
            add @limited { udp dport limit rate 1/hour burst 1 packets } counter # 1
            counter # 3",
        packets: || datagrams(&[53, 54, 53]),
    },
    Trap {
        name: "a_full_meter_matches_nothing",
        at: At::Input,
        family: Family::Ipv4,
        table: "ip",
        beside: "",
        rules: "
            meter m size 1 { udp dport limit rate over 1/hour burst 1 packets } counter # 1
            meter n size 1 { udp dport limit rate 1/hour burst 5 packets } counter # 2
            counter # 3",
        packets: || datagrams(&[53, 54, 53]),
    },
    Trap {
        name: "nothing_is_in_an_empty_set",
        at: At::Input,
        family: Family::Ipv4,
        table: "ip",
        beside: "
    set e {
        type inet_service
    }
    set r {
        type ipv4_addr
        flags interval
    }",
        rules: "
            udp dport @e counter # 0
            udp dport != @e counter # 1
            tcp dport != @e counter # 0
            ip saddr @r counter # 0
            ip saddr != @r counter # 1",
        packets: || datagrams(&[53]),
    },
    Trap {
        name: "what_a_packet_lacks_is_not_unequal_either",
        at: At::Input,
        family: Family::Ipv4,
        table: "ip",
        beside: "",
        rules: "
            tcp dport != 81 counter # 0
            meta l4proto tcp counter # 1
            tcp option maxseg size != 1 counter # 0
            tcp option maxseg missing counter # 1
            oif 0 counter # 1
            oifname != \"eth0\" counter # 1
            oif != lo counter # 1
            oifgroup != 7 counter # 0
            meta oiftype != ppp counter # 0",
        packets: || vec![ipv4().transport(Transport::Raw { protocol: 6, bytes: vec![0, 1] })],
    },
    Trap {
        name: "without_a_socket_no_owner_is_unequal",
        at: At::Forward,
        family: Family::Ipv4,
        table: "ip",
        beside: "",
        rules: "
            meta skuid != 0 counter # 0
            meta skuid 0-4294967295 counter # 0
            meta skgid != 0 counter # 0
            counter # 1",
        packets: || datagrams(&[53]),
    },
    Trap {
        name: "an_address_of_the_other_family_is_not_unequal",
        at: At::Input,
        family: Family::Ipv6,
        table: "inet",
        beside: "",
        rules: "
            meta nfproto ipv4 accept
            ip saddr != 10.0.0.1 counter # 0
            ip6 saddr != ::1 counter # 1
            icmp type != 3 counter # 0
            udp dport 53 counter # 1",
        packets: || vec![ipv6().udp(4000, 53)],
    },
    Trap {
        name: "untracked_packets_have_their_state_alone",
        at: At::Tracked(false),
        family: Family::Ipv4,
        table: "ip",
        beside: "",
        rules: "
            ct state untracked counter # 1
            ct state != untracked counter # 0
            ct state invalid,untracked counter # 1
            ct direction original counter # 0
            ct direction != original counter # 0
            ct protocol != tcp counter # 0
            ct zone 0 counter # 0
            ct zone != 0 counter # 0",
        packets: || datagrams(&[123]),
    },
    Trap {
        name: "untracked_packets_have_neither_mark_nor_status",
        at: At::Tracked(false),
        family: Family::Ipv4,
        table: "ip",
        beside: "",
        rules: "
            ct mark 0 counter # 0
            ct mark != 1 counter # 0
            ct status confirmed counter # 0
            ct status ! snat counter # 0
            ct packets < 9 counter # 0
            ct state untracked counter # 1",
        packets: || datagrams(&[123]),
    },
    Trap {
        name: "of_ranges_that_overlap_the_first_is_found",
        at: At::Input,
        family: Family::Ipv4,
        table: "ip",
        beside: "
    map wide {
        type ipv4_addr . inet_service : verdict
        flags interval
        elements = { 10.0.0.0/8 . 53 : jump one, 10.9.0.0/16 . 50-60 : jump two }
    }
    map narrow {
        type ipv4_addr . inet_service : verdict
        flags interval
        elements = { 10.9.0.0/16 . 50-60 : jump two, 10.0.0.0/8 . 53 : jump one }
    }
    chain one {
        counter # 3
    }
    chain two {
        counter # 3
    }",
        rules: "
            ip saddr . udp dport vmap @wide
            ip saddr . udp dport vmap @narrow
            udp dport { 22, 50-60, 53 } counter # 3",
        packets: || {
            let from = |source: &str, port| traffic::packet(source, "10.0.0.1").udp(4000, port);
            vec![from("10.9.0.2", 53), from("10.9.0.2", 54), from("10.8.0.2", 53)]
        },
    },
    Trap {
        name: "a_catchall_is_found_on_a_miss_alone",
        at: At::Input,
        family: Family::Ipv4,
        table: "ip",
        beside: "
    chain one {
        counter # 1
    }
    chain two {
        counter # 2
    }",
        rules: "
            udp dport vmap { 53 : jump one, * : jump two }
            udp dport { 53, * } counter # 3
            udp dport != { 53, * } counter # 0
            counter # 3",
        packets: || datagrams(&[53, 54, 55]),
    },
    Trap {
        name: "an_escaped_star_is_a_star",
        at: At::Input,
        family: Family::Ipv4,
        table: "ip",
        beside: "
    set names {
        type ifname
        flags interval
        elements = { \"e*\", \"wlan0\" }
    }",
        rules: r#"
            iifname "e*" counter # 2
            iifname "e\*" counter # 0
            iifname != "e\*" counter # 2
            iifname { "eth*", "lo" } counter # 2
            iifname @names counter # 2"#,
        packets: || datagrams(&[53, 54]),
    },
    Trap {
        name: "numbers_of_bits_are_shifted_to_their_place",
        at: At::Input,
        family: Family::Ipv4,
        table: "ip",
        beside: "",
        rules: "
            ip dscp cs1 counter # 1
            ip dscp 8 counter # 1
            ip dscp 8-9 counter # 1
            ip dscp != 8-9 counter # 0
            @nh,8,8 0x21 counter # 1
            ip ecn ect1 counter # 1
            meta length < 29 counter # 1
            meta length 28-255 counter # 1
            meta length 0x1c counter # 1
            meta mark < 256 counter # 1
            meta mark 0-0xff counter # 1",
        packets: || vec![ipv4().udp(4000, 53).with_ipv4(|header| header.tos = 0x21)],
    },
    Trap {
        name: "hours_are_in_universal_time_and_days_have_two_ends",
        at: At::Input,
        family: Family::Ipv4,
        table: "ip",
        beside: "",
        rules: "
            meta hour \"00:00:00\"-\"23:59:59\" counter # 1
            meta hour != \"00:00:00\"-\"23:59:59\" counter # 0
            meta day 0-6 counter # 1
            meta day { 0, 1, 2, 3, 4, 5, 6 } counter # 1
            meta time > 0 counter # 1",
        packets: || datagrams(&[53]),
    },
    Trap {
        name: "return_in_a_base_chain_is_its_policy_and_goto_leaves_the_caller_behind",
        at: At::Input,
        family: Family::Ipv4,
        table: "ip",
        beside: "
    chain end {
        counter # 1
    }
    chain leave {
        counter # 1
    }
    chain middle {
        udp dport 55 counter goto leave # 1
        counter # 1
    }
    chain second {
        type filter hook input priority 10; policy accept;
        udp dport 53 counter # 1
        counter drop # 5
    }",
        rules: "
            udp dport 53 counter accept # 1
            udp dport 54 counter return # 1
            udp dport { 55, 56 } counter jump middle # 2
            udp dport { 55, 56 } counter accept # 2
            udp dport 57 counter goto end # 1
            counter # 0",
        packets: || datagrams(&[53, 54, 55, 56, 57]),
    },
    Trap {
        name: "keys_of_up_to_64_bytes_are_compared_whole",
        at: At::Input,
        family: Family::Ipv6,
        table: "ip6",
        beside: "
    set pairs {
        type ipv6_addr . ipv6_addr . inet_service
        elements = { 2001:db8::2 . 2001:db8::1 . 53, 2001:db8::2 . 2001:db8::1 . 60 }
    }
    set nets {
        type ipv6_addr . ipv6_addr . inet_service . inet_service
        flags interval
        elements = { 2001:db8::/64 . 2001:db8::1 . 4000 . 50-60,
            2001:db8::2 . 2001:db8::/32 . 0-65535 . 70 }
    }
    set seen {
        type ipv6_addr . ipv6_addr . inet_service . inet_service . ifname
        size 100
        flags dynamic
    }",
        rules: "
            ip6 saddr . ip6 daddr . udp dport @pairs counter # 2
            ip6 saddr . ip6 daddr . udp dport != @pairs counter # 2
            ip6 saddr . ip6 daddr . udp sport . udp dport @nets counter # 3
            udp dport 53 add @seen { ip6 saddr . ip6 daddr . udp sport . udp dport . iifname } counter # 1
            ip6 saddr . ip6 daddr . udp sport . udp dport . iifname @seen counter # 1",
        packets: || [53, 60, 70, 80].map(|port| ipv6().udp(4000, port)).to_vec(),
    },
    Trap {
        name: "each_numgen_counts_its_own_evaluations_from_nought",
        at: At::Input,
        family: Family::Ipv4,
        table: "ip",
        beside: "",
        rules: "
            numgen inc mod 3 0 counter # 2
            numgen inc mod 3 0 counter # 2
            udp dport 54 numgen inc mod 3 0 counter # 1
            numgen inc mod 3 2 counter # 1
            numgen inc mod 3 offset 5 6 counter # 1",
        packets: || datagrams(&[53, 53, 53, 54]),
    },
];

fn trap(trap: &'static Trap) -> Trial {
    Trial::test(trap.name, move || {
        let mut needs = [KERNEL_IPTABLES, &[Need::Tool("nft")]].concat();
        let (hook, priority, stage, orderly) = match trap.at {
            At::Prerouting => ("prerouting", -300, Stage::Prerouting, false),
            At::Input => ("input", 0, Stage::Input, false),
            At::Forward => ("forward", 0, Stage::Forward, false),
            At::Tracked(orderly) => ("input", 0, Stage::TrackedInput, orderly),
        };
        if stage.is_tracked() {
            needs.push(Need::Tool("conntrack"));
        }
        if !require::met(&needs) {
            return Ok(());
        }
        let Trap { family, table, beside, rules, packets, .. } = trap;
        let text = format!(
            "table {table} t {{{beside}
    chain c {{
        type filter hook {hook} priority {priority}; policy accept;
        {}
    }}
}}
",
            rules.trim_start(),
        );
        let packets = packets().into_iter();
        let frames: Vec<Frame> = packets.map(|it| Frame { port: 0, bytes: it.bytes() }).collect();
        let shape = Shape { marks: false, orderly, ..Shape::new(*family, stage) };
        isolated(|| check(shape, &text, &frames).map_err(|error| error.to_string()))?;
        Ok(())
    })
}

/// Chains that jump to each other so many times, and count at the last.
fn nested(jumps: usize) -> String {
    let chain = |number: usize| {
        let next = match number == jumps {
            true => "counter # 1".to_owned(),
            false => format!("counter jump n{} # 1", number + 1),
        };
        format!("    chain n{number} {{\n        {next}\n    }}\n")
    };
    let chains: String = (1..=jumps).rev().map(chain).collect();
    format!(
        "table ip t {{
{chains}    chain c {{
        type filter hook input priority 0; policy accept;
        counter jump n1 # 1
        counter # 1
    }}
}}
"
    )
}

fn fifteen_jumps() -> Result<(), Failed> {
    let shape = Shape { marks: false, ..Shape::new(Family::Ipv4, Stage::Input) };
    let frames = [Frame { port: 0, bytes: ipv4().udp(4000, 53).bytes() }];
    isolated(|| check(shape, &nested(15), &frames).map_err(|error| error.to_string()))?;
    Ok(())
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials: Vec<Trial> = TRAPS.iter().map(trap).collect();
    trials.push(Trial::test("fifteen_jumps_run", || {
        match require::met(&[KERNEL_IPTABLES, &[Need::Tool("nft")]].concat()) {
            true => fifteen_jumps(),
            false => Ok(()),
        }
    }));
    libtest_mimic::run(&arguments, trials).exit();
}
