//! Texts of sets: what is read comes out as `ipset save` prints it, and what is wrong is named.

use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_ipset_save::{read, recognise};
use bpfc_ir::SetTable;
use proptest::prelude::*;

fn load(text: &str) -> (SetTable, Vec<String>) {
    let (mut table, mut sources, mut found) =
        (SetTable::default(), SourceMap::new(), Diagnostics::new());
    read("sets", text.as_bytes(), &mut table, &mut sources, &mut found);
    let errors = found.iter().map(|d| {
        let place = d.span.map_or(String::new(), |span| sources.position(span).to_string());
        format!("{place}: {}", d.message)
    });
    (table, errors.collect())
}

fn saved(text: &str) -> String {
    let (table, errors) = load(text);
    assert_eq!(errors, Vec::<String>::new(), "{text}");
    table.iter().map(|set| set.save()).collect()
}

/// What ipset 7.17 saved on Linux 6.18, elements sorted.
const SAVED: &str = "\
create a1 hash:ip family inet hashsize 1024 maxelem 65536 timeout 300 comment skbinfo bucketsize 12 initval 0x03624fe0
add a1 1.2.3.4 timeout 19 comment \"hello x\" skbmark 0x10/0xff skbprio 1:10 skbqueue 3
create a10 hash:net,port family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0xad0b4da7
add a10 1.1.1.0/24,tcp:80
create a11 hash:net,iface family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x1c119895
add a11 1.1.0.0/16,eth wildcard
add a11 0.0.0.0/0,physdev:eth0
add a11 1.1.1.0/24,eth0
create a11b hash:net,iface family inet6 hashsize 1024 maxelem 65536 bucketsize 12 initval 0x5195855d
add a11b ::/0,eth
create a12 list:set size 8 timeout 100 counters
add a12 a3 timeout 99 packets 0 bytes 0
add a12 a1 timeout 99 packets 0 bytes 0
create a13 hash:ip family inet hashsize 1024 maxelem 65536 bitmask 255.255.0.255 bucketsize 12 initval 0x523a8df5
add a13 1.2.0.4
create a2 hash:ip family inet6 hashsize 1024 maxelem 100 netmask 64 bucketsize 12 initval 0xf639e0d7
add a2 2001:db8::
create a3 hash:net family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x76673d3c
add a3 10.0.0.0/8
add a3 10.1.0.0/16 nomatch
add a3 10.1.1.1
create a4 bitmap:port range 1-1024
add a4 22
add a4 80
create a5 bitmap:ip range 10.0.0.0-10.0.255.255 netmask 24
add a5 10.0.3.0
create a6 bitmap:ip,mac range 10.0.0.0-10.0.0.255
add a6 10.0.0.1
add a6 10.0.0.2,AA:BB:CC:DD:EE:FF
create a7 hash:ip,port family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x6472b2a6
add a7 1.1.1.1,gre:0
add a7 1.1.1.1,vrrp:0
add a7 1.1.1.1,200:0
add a7 1.1.1.1,sctp:5
add a7 1.1.1.1,udplite:9
add a7 1.1.1.1,udp:53
add a7 1.1.1.1,tcp:80
add a7 1.1.1.1,icmp:host-unreachable
add a7 1.1.1.1,icmp:echo-request
create a7b hash:ip,port family inet6 hashsize 1024 maxelem 65536 bucketsize 12 initval 0x16115023
add a7b ::1,tcp:80
add a7b ::1,ipv6-icmp:echo-request
add a7b ::1,ipv6-icmp:neighbour-solicitation
create a8 hash:ip,port,ip family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0xba9cc6bf
add a8 1.1.1.1,tcp:80,2.2.2.2
create a9 hash:ip,port,net family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0xf7217fae
add a9 1.1.1.1,tcp:80,2.2.2.0/24
create b5 hash:net,iface family inet hashsize 1024 maxelem 65536 timeout 5 counters comment skbinfo bucketsize 12
add b5 10.0.0.0/8,et timeout 4 nomatch packets 0 bytes 0 skbmark 0x10/0xff skbqueue 1
add b5 10.0.0.0/8,eth timeout 3 nomatch wildcard packets 3 bytes 0 comment \"ab\" skbmark 0x10 skbprio 1:0
";

#[test]
fn what_ipset_saves_is_read_and_saved_alike() {
    // Members of a list must come before it, as ipset itself prints them.
    let (lists, others): (Vec<&str>, Vec<&str>) =
        SAVED.lines().partition(|line| line.contains(" a12 "));
    let text = [others, lists].concat().join("\n");
    assert_eq!(saved(&text), SAVED);
    assert!(recognise(text.as_bytes()));
}

#[test]
fn ranges_and_names_are_what_ipset_makes_of_them() {
    let text = "\
create n hash:net
add n 192.168.0.3-192.168.0.9
create i hash:ip
add i 10.0.0.0/30
create p bitmap:port range 0-1024
add p http-82
create q hash:ip,port
add q 10.0.0.1-10.0.0.2,udp:53-54
create m hash:ip netmask 24
add m 10.0.0.1-10.0.2.9
";
    let elements: Vec<String> = saved(text)
        .lines()
        .filter_map(|line| line.strip_prefix("add "))
        .map(str::to_owned)
        .collect();
    assert_eq!(
        elements,
        [
            "i 10.0.0.0",
            "i 10.0.0.1",
            "i 10.0.0.2",
            "i 10.0.0.3",
            "m 10.0.0.0",
            "m 10.0.1.0",
            "m 10.0.2.0",
            "n 192.168.0.3",
            "n 192.168.0.4/30",
            "n 192.168.0.8/31",
            "p 80",
            "p 81",
            "p 82",
            "q 10.0.0.1,udp:53",
            "q 10.0.0.1,udp:54",
            "q 10.0.0.2,udp:53",
            "q 10.0.0.2,udp:54",
        ]
    );
}

#[test]
fn commands_are_carried_out_in_order() {
    let text = "\
create a hash:ip
create b hash:ip
add a 1.1.1.1
test a 1.1.1.1
add -exist a 1.1.1.1
add a 1.1.1.2
del a 1.1.1.2
add b 2.2.2.2
swap a b
rename b c
create l list:set
add l a
add l c before a
create x hash:ip
flush x
destroy x
";
    let lines: Vec<String> =
        saved(text).lines().filter(|l| l.starts_with("add")).map(str::to_owned).collect();
    assert_eq!(lines, ["add a 2.2.2.2", "add c 1.1.1.1", "add l c", "add l a"]);
}

#[test]
fn older_forms_are_taken() {
    let lines = |text: &str| {
        let saved = saved(text);
        saved.lines().filter(|line| line.starts_with("add")).map(str::to_owned).collect::<Vec<_>>()
    };
    let version4 = "# Generated by ipset 4.5\n-N b iphash --hashsize 1024 --probes 8\n-A b 192.0.2.1\n\
                    -A b 010.0.0.1\nCOMMIT\n";
    assert_eq!(lines(version4), ["add b 8.0.0.1", "add b 192.0.2.1"]);
    let scripts = [
        "-X\n-F\n-N a nethash -6\n-A a 2001:db8::/0x20\n",
        "x\nc a hash:net --family inet6\na a 2001:db8::/32\n",
        "destroy\n-exist create a hash:net -6\ncreate a hash:net -6\nadd a 2001:db8::/32\n\
         create b hash:ip\nadd a 2001:db8::/32\ndestroy b\n",
    ];
    for script in scripts {
        assert!(recognise(script.as_bytes()), "{script}");
        assert_eq!(lines(script), ["add a 2001:db8::/32"], "{script}");
    }
    let list = "-N l setlist\n-N b iphash\n-N c iphash\n-A l b\n-A l c,before,b\n-E l m\n";
    assert_eq!(lines(list), ["add m c", "add m b"]);
    let quoted = "create a hash:ip comment\nadd a 1.1.1.1 comment x\"y z\"\n";
    assert_eq!(lines(quoted), ["add a 1.1.1.1 comment \"xy z\""]);
}

#[test]
fn texts_of_other_programs_are_not_recognised() {
    let others = [
        "flush ruleset\ntable inet filter {\n}\n",
        "add table inet filter\nadd chain inet filter input\n",
        "add element inet filter blocked { 192.0.2.1 }\n",
        "create table inet filter\n",
        "destroy table inet filter\n",
        "-P INPUT ACCEPT\n-N ssh\n-A INPUT -j ssh\n",
        "-N ssh\n-A ssh -j ACCEPT\n",
        "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n",
        "-F\n-X\n-A INPUT -s 10.0.0.1 -j DROP\n",
        "flush\n",
        "",
    ];
    for text in others {
        assert!(!recognise(text.as_bytes()), "{text}");
    }
    for text in ["create a iptree\n", "-q -N a macipmap --network 10.0.0.0/8\n", "add a 1.2.3.4\n"]
    {
        assert!(recognise(text.as_bytes()), "{text}");
    }
}

#[test]
fn exist_counts_for_what_is_sent_together() {
    let refused = |text: &str| load(text).1.len();
    assert_eq!(refused("create a hash:ip\nadd a 1.1.1.1\nadd a 1.1.1.1 -exist\n"), 1);
    assert_eq!(refused("create a hash:ip\nadd a 1.1.1.1 -exist\nadd a 1.1.1.1\n"), 0);
    let apart = "create a hash:ip\nadd a 1.1.1.1\ncreate b hash:ip\nadd a 1.1.1.1 -exist\n";
    assert_eq!(refused(apart), 0);
    assert_eq!(refused("create a hash:ip\ndel a 1.1.1.1 --exist\ndel a 1.1.1.1\n"), 0);
}

#[test]
fn full_sets_make_room_where_they_are_to() {
    let text = "create a hash:ip maxelem 2 forceadd\nadd a 1.1.1.1\nadd a 1.1.1.2\nadd a 1.1.1.3\n";
    assert_eq!(saved(text).lines().skip(1).collect::<Vec<_>>(), ["add a 1.1.1.2", "add a 1.1.1.3"]);
    let text = "create a hash:ip maxelem 1\nadd a 1.1.1.1 -exist\nadd a 1.1.1.1\n";
    assert_eq!(saved(text).lines().count(), 2);
}

#[test]
fn elements_that_are_refused_leave_nothing_behind() {
    let (table, errors) = load(
        "create a hash:ip maxelem 5\nadd a 2.2.2.2\nadd a 10.0.0.0/2\nadd a 3.3.3.3 timeout 1\nadd a 1.1.1.1\n",
    );
    assert_eq!(errors.len(), 2, "{errors:?}");
    let read: Vec<String> = table.iter().map(|set| set.save()).collect();
    let left =
        "create a hash:ip family inet hashsize 1024 maxelem 5\nadd a 1.1.1.1\nadd a 2.2.2.2\n";
    assert_eq!(read, [left]);
}

#[test]
fn names_and_comments_may_be_any_bytes() {
    let (mut table, mut sources, mut found) =
        (SetTable::default(), SourceMap::new(), Diagnostics::new());
    let bytes = b"create a\xe9 hash:ip family inet hashsize 1024 maxelem 65536 comment\n# \xff\n\
                  add a\xe9 1.1.1.1 comment \"\xfe\"\ncreate l list:set size 8\nadd l a\xe9\n";
    read("sets", bytes, &mut table, &mut sources, &mut found);
    assert!(!found.has_errors(), "{found:?}");
    let saved: String = table.iter().map(|set| set.save()).collect();
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let kept = [lines[0], lines[2], lines[3], lines[4], b""].join(&b'\n');
    assert_eq!(bpfc_ir::raw::encode(&saved), kept);
    let wrong = b"create a hash:ip \xfe\nadd a 1.1.1.1\xfe\ncreate b hash:net,iface\n\
                  add b 10.0.0.0/8,eth\xfe\ncreate 0123456789012345678901234567\xe9\xe9\xe9\xe9 hash:ip\n";
    let mut found = Diagnostics::new();
    read("sets", wrong, &mut table, &mut sources, &mut found);
    assert_eq!(found.error_count(), 3, "{found:?}");
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let cases = [
        ("add a 1.1.1.1", "1:5: there is no set 'a'"),
        (
            "create a hash:ip\nrename a a2345678901234567890123456789012",
            "2:10: 'a2345678901234567890123456789012' cannot be the name of a set: it has 1 to 31 \
             bytes",
        ),
        ("create a hash:ip\nadd a 1.1.1.1.1", "2:7: '1.1.1.1.1' is no IPv4 address"),
        ("create a hash:ip\nadd a example.org", "2:7: 'example.org' is no IPv4 address"),
        ("create a hash:ip\nadd a 1.1.1.1 timeout 5", "2:15: the set was created without timeout"),
        ("create a hash:ip\nadd a 1.1.1.1 nomatch", "2:15: an element of hash:ip has no 'nomatch'"),
        (
            "create a hash:ip\nadd a 1.1.1.1,80",
            "2:7: '1.1.1.1,80' has too many parts: an element of hash:ip is ip",
        ),
        (
            "create a hash:ip,port\nadd a 1.1.1.1",
            "2:7: the second part of '1.1.1.1' is missing: an element of hash:ip,port is ip,port",
        ),
        (
            "create a hash:ip maxelem 2\nadd a 1.1.1.1-1.1.1.2\nadd a 1.1.1.3",
            "3:7: the set is full: it holds 2 elements",
        ),
        (
            "create a hash:ip\nadd a 1.1.1.1\nadd a 1.1.1.1",
            "3:1: the element is already in set 'a'",
        ),
        ("create a hash:ip\ncreate a hash:ip", "2:8: there is a set 'a' already"),
        ("create a hash:net\nadd a 0.0.0.0/0", "2:7: '0' is not a prefix length from 1 to 32"),
        (
            "create a hash:ip comment\nadd a 1.1.1.1 comment \"x",
            "2:23: a quotation mark is not closed",
        ),
        ("frobnicate a", "1:1: there is no command 'frobnicate' in a file of sets"),
        (
            "create a list:set\ncreate b list:set\nadd a b",
            "3:7: 'b' is a list, and a list holds no lists",
        ),
        ("create a hash:ip\ndel a 1.1.1.1", "2:7: '1.1.1.1' is not in the set"),
        (
            "create a hash:ip\ncreate b hash:net\nswap a b",
            "3:6: 'a' and 'b' cannot be swapped: their types or families do not match",
        ),
        (
            "create l list:set\ncreate a hash:ip\nadd l a\ndestroy",
            "4:1: 'a' cannot be destroyed: it is a member of the list 'l'",
        ),
        (
            "create l list:set\ncreate a hash:ip\nadd l a\nrename a b",
            "4:8: 'a' cannot be renamed: it is a member of the list 'l'",
        ),
        (
            "create a hash:ip\ncreate a hash:ip timeout 5 -exist",
            "2:8: there is a set 'a' already with another definition",
        ),
        (
            "create a hash:ip\nadd a 1.1.1.1\nadd a 1.1.1.1\nflush",
            "3:1: the element is already in set 'a'",
        ),
        (
            "create a hash:ip\nadd a 1.1.1.1\ndel a 1.1.1.1 timeout 5",
            "3:15: del takes no 'timeout'",
        ),
        ("create a hash:ip\ntest a 1.1.1.1", "2:8: 1.1.1.1 is NOT in set a"),
        (
            "create a hash:ip\nrestore",
            "2:1: the command 'restore' does not stand in a file of sets",
        ),
        ("flush a b", "1:1: 'flush' takes no 'b'"),
        ("create a", "1:1: 'create' needs more words"),
    ];
    for (text, expected) in cases {
        assert_eq!(load(text).1, [expected], "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "[ -~\n]{0,200}") {
        load(&text);
    }

    #[test]
    fn any_element_is_read_without_a_panic(
        kind in 0usize..16,
        element in "[-0-9a-f.:/,\\[\\]xtcpudi]{0,40}",
        words in "( (timeout|nomatch|comment|skbmark|skbprio|packets|before) [0-9a-fx/:\"]{0,6}){0,3}",
    ) {
        let kind = bpfc_ipset::SetKind::all().nth(kind).unwrap();
        let range = if kind.is_bitmap() { "range 0-100" } else { "" };
        let range = if kind.name().starts_with("bitmap:ip") { "range 10.0.0.0/24" } else { range };
        let text = format!("create a {kind} {range} timeout 0 comment counters skbinfo\nadd a {element}{words}\n");
        let (table, errors) = load(&text);
        if errors.is_empty() {
            // What is printed is read as the same set.
            let printed: String = table.iter().map(|set| set.save()).collect();
            let again: String = load(&printed).0.iter().map(|set| set.save()).collect();
            prop_assert_eq!(printed, again);
        }
    }
}
