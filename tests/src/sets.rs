//! The sets that rules of generated rulesets name: one text for the kernel's ipset and for bpfc.
//!
//! Their addresses are those that packets have, so that packets meet elements, exceptions and what
//! lies beside them.

use crate::lab::LabError;
use crate::lab::namespace::run;
use bpfc_ir::{Input, SetTable};

/// Every set. Names of IPv6 sets end in 6. An element of a bitmap that is added anew keeps its
/// counters in the kernel, unless they are given.
pub const SETS: &str = "\
create ip hash:ip family inet
add ip 10.0.0.1-10.0.0.4
add ip 192.168.0.2
create ip24 hash:ip family inet netmask 24
add ip24 10.0.0.0
add ip24 203.0.0.9
create ipb hash:ip family inet bitmask 255.0.0.255
add ipb 10.0.0.3
create net hash:net family inet
add net 10.0.0.0/8
add net 10.1.0.0/16 nomatch
add net 10.1.0.4/30
add net 172.16.0.5
add net 128.0.0.0/1 nomatch
add net 192.168.0.0/29
create bip bitmap:ip range 10.0.0.0/24 timeout 0 counters
add bip 10.0.0.2-10.0.0.5 packets 0 bytes 0
create bnet bitmap:ip range 10.0.0.0/8 netmask 16
add bnet 10.1.0.0
create bport bitmap:port range 0-1023
add bport 22-80
create ipport hash:ip,port family inet timeout 0
add ipport 10.0.0.1-10.0.0.7,tcp:20-80
add ipport 10.0.0.1-10.0.0.7,udp:53
add ipport 10.0.0.1-10.0.0.7,icmp:echo-request
add ipport 10.0.0.1-10.0.0.7,sctp:80
add ipport 10.0.0.1-10.0.0.7,gre:0
add ipport 10.0.0.1-10.0.0.7,esp:0
create ipportip hash:ip,port,ip family inet
add ipportip 10.0.0.1-10.0.0.7,udp:53,10.0.0.2
add ipportip 10.0.0.1-10.0.0.7,udp:53,10.1.0.2
create ipportnet hash:ip,port,net family inet
add ipportnet 10.0.0.1-10.0.0.7,udp:53,10.0.0.0/8
add ipportnet 10.0.0.1-10.0.0.7,udp:53,10.1.0.0/16 nomatch
add ipportnet 10.0.0.1-10.0.0.7,tcp:80,172.16.0.0/12
create netport hash:net,port family inet
add netport 10.0.0.0/8,udp:53
add netport 10.0.0.0/29,udp:53 nomatch
add netport 192.168.0.0/16,tcp:80
create netif hash:net,iface family inet
add netif 10.0.0.0/8,eth0
add netif 0.0.0.0/0,wlan0
add netif 10.1.0.0/16,eth0 nomatch
add netif 172.16.0.0/12,eth wildcard
create count hash:ip family inet counters
add count 10.0.0.1
add count 10.0.0.2 packets 5 bytes 1000
add count 10.0.0.3 packets 2 bytes 100
create countnet hash:net family inet counters comment
add countnet 10.0.0.0/30 packets 3 comment \"a few\"
add countnet 10.0.0.0/8
create info hash:ip family inet skbinfo
add info 10.0.0.1 skbmark 0x1/0xff skbprio 1:1
add info 10.0.0.2 skbmark 0x10/0xf0 skbprio 1:2 skbqueue 3
add info 10.0.0.3 skbmark 0x3
add info 192.168.0.2 skbprio 1:a3
create infonet hash:net family inet timeout 0 counters skbinfo
add infonet 10.0.0.0/8 packets 2 skbmark 0x2/0x3 skbprio 1:1
add infonet 10.1.0.0/16 nomatch skbmark 0x1/0x1
add infonet 10.1.0.4/30 skbmark 0x80000000/0xff000000 skbprio 1:2
create infoport hash:ip,port family inet skbinfo
add infoport 10.0.0.1-10.0.0.4,udp:53 skbmark 0xff/0xffff
add infoport 10.0.0.1-10.0.0.4,icmp:echo-request skbprio 1:2
create few hash:ip family inet maxelem 3
create mac bitmap:ip,mac range 10.0.0.0/24
add mac 10.0.0.1
add mac 10.0.0.2
add mac 10.0.0.3,02:00:00:00:00:01
create infomac bitmap:ip,mac range 10.0.0.0/24 timeout 0 counters skbinfo
add infomac 10.0.0.1 packets 5 bytes 700 skbmark 0x5/0xff skbprio 1:1 skbqueue 1
add infomac 10.0.0.2,02:00:00:00:00:01 packets 0 bytes 0 skbmark 0x60/0xf0 skbprio 1:2
add infomac 10.0.0.3 packets 0 bytes 0
add infomac 10.0.0.4,02:00:00:00:00:02 packets 2 bytes 100 skbmark 0x700/0xf00
create list list:set counters
add list ip packets 1
add list net
add list ipport
add list bport
create infolist list:set counters skbinfo
add infolist infonet packets 2 skbmark 0x20/0xf0 skbprio 1:1
add infolist ip
add infolist infoport skbmark 0x8/0xf skbprio 1:2 skbqueue 2
create deeplist list:set
add deeplist ip24
add deeplist infoport
add deeplist info
add deeplist ip
create netlist list:set
add netlist infonet
add netlist info
create maclist list:set
add maclist ipportip
add maclist infomac
add maclist info
create ip6 hash:ip family inet6
add ip6 2001:db8::1
add ip6 2001:db8::2
add ip6 fd00:1::3
create ip646 hash:ip family inet6 netmask 64
add ip646 2001:db9::
create net6 hash:net family inet6
add net6 2001:db8::/32
add net6 2001:db8::/125 nomatch
add net6 2001:db8::3
add net6 fd00::/8
add net6 8000::/1 nomatch
create info6 hash:net family inet6 skbinfo
add info6 2001:db8::/32 skbmark 0x1/0xff skbprio 1:1
add info6 2001:db8::/125 nomatch
add info6 2001:db8::3 skbmark 0x3 skbprio 1:2
add info6 fd00::/8 skbmark 0x10/0xf0 skbprio 1:a3
create ipport6 hash:ip,port family inet6
add ipport6 2001:db8::1,tcp:20-80
add ipport6 2001:db8::2,udp:53
add ipport6 2001:db8::3,icmpv6:echo-request
add ipport6 2001:db8::3,gre:0
create ipportip6 hash:ip,port,ip family inet6
add ipportip6 2001:db8::1,udp:53,2001:db8::2
create ipportnet6 hash:ip,port,net family inet6
add ipportnet6 2001:db8::1,udp:53,2001:db8::/32
add ipportnet6 2001:db8::2,udp:53,2001:db8::/126 nomatch
add ipportnet6 2001:db8::2,udp:53,2000::/3
create netport6 hash:net,port family inet6
add netport6 2001:db8::/32,udp:53
add netport6 2001:db8::/126,udp:53 nomatch
create netif6 hash:net,iface family inet6
add netif6 2001:db8::/32,eth0
add netif6 ::/0,wlan0
add netif6 fd00::/8,eth wildcard
create count6 hash:ip family inet6 counters timeout 0
add count6 2001:db8::1
add count6 2001:db8::2 packets 5 bytes 1000
create infolist6 list:set skbinfo
add infolist6 ip6 skbmark 0x4/0xf skbprio 1:2
add infolist6 info6 skbmark 0x40/0xf0
create deeplist6 list:set counters
add deeplist6 ipport6
add deeplist6 info6
create list6 list:set
add list6 ip6
add list6 net6
add list6 bport
add list6 ip
";

/// Names with the words that a rule gives at least, for IPv4.
pub const NAMES4: &[(&str, usize)] = &[
    ("ip", 1),
    ("ip24", 1),
    ("ipb", 1),
    ("net", 1),
    ("bip", 1),
    ("bnet", 1),
    ("bport", 1),
    ("ipport", 2),
    ("ipportip", 3),
    ("ipportnet", 3),
    ("netport", 2),
    ("count", 1),
    ("countnet", 1),
    ("info", 1),
    ("infonet", 1),
    ("infoport", 2),
    ("list", 2),
    ("infolist", 2),
    ("deeplist", 2),
    ("netlist", 2),
];

/// As [`NAMES4`], for IPv6.
pub const NAMES6: &[(&str, usize)] = &[
    ("ip6", 1),
    ("ip646", 1),
    ("net6", 1),
    ("bport", 1),
    ("ipport6", 2),
    ("ipportip6", 3),
    ("ipportnet6", 3),
    ("netport6", 2),
    ("count6", 1),
    ("info6", 1),
    ("list6", 2),
    ("infolist6", 2),
    ("deeplist6", 2),
];

/// Whether a ruleset names sets.
pub fn are_named(ruleset: &str) -> bool {
    ruleset.contains("-set ")
}

/// The input beside rulesets that name sets.
pub fn input() -> Input {
    Input {
        name: "sets".to_owned(),
        bytes: SETS.as_bytes().to_vec(),
        format: Some("ipset-save".to_owned()),
    }
}

/// The sets as rulesets see them.
pub fn table() -> SetTable {
    SetTable::clone(&bpfc_driver::Inputs::read(&[input()]).sets)
}

/// Puts the sets into the calling thread's namespace, as they are at first.
pub fn restore() -> Result<(), LabError> {
    let fresh = run("ipset", &["list", "-n"], "")?.is_empty();
    let flush = if fresh { "" } else { "flush\n" };
    let exist = |line: &str| match line.strip_prefix("create ") {
        Some(rest) => format!("create -exist {rest}\n"),
        None => String::new(),
    };
    let create: String = SETS.lines().map(exist).collect();
    let add = SETS.lines().filter(|line| line.starts_with("add "));
    let add: String = add.map(|line| format!("{line}\n")).collect();
    run("ipset", &["restore"], &format!("{create}{flush}{add}")).map(drop)
}
