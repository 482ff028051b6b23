//! Rules and the kernel's expressions that they become, as `nft --debug=netlink` shows them.

mod support;

use bpfc_nftables::model::{Family, Ruleset, elements_text, expression_text};
use support::read_all;

/// The expressions of all rules of a chain, behind the elements of the sets that they hold.
fn lines(ruleset: &Ruleset, family: &str, table: &str, chain: &str) -> Vec<String> {
    let family = Family::by_name(family).expect("a family");
    let table = ruleset.table(family, table).expect("the table is there");
    let sets = table.anonymous.iter().map(|set| format!("{{ {} }}", elements_text(set).join(", ")));
    let rules = &table.chain(chain).expect("the chain is there").rules;
    let expressions = rules.iter().flat_map(|rule| &rule.expressions);
    sets.chain(expressions.map(|expression| expression_text(expression, table))).collect()
}

#[track_caller]
fn becomes(family: &str, rule: &str, wanted: &[&str]) {
    let text = format!("table {family} t {{\n chain d {{\n }}\n chain c {{\n {rule}\n }}\n}}\n");
    let (ruleset, _, errors) = read_all(&text);
    let ruleset = ruleset.unwrap_or_else(|| panic!("{rule}: {errors:?}"));
    assert_eq!(lines(&ruleset, family, "t", "c"), wanted, "{rule}");
}

#[test]
fn a_port_implies_its_protocol() {
    let dport = ["payload load 2b @ transport header + 2 => reg 1", "cmp eq reg 1 0x0016"];
    let tcp = ["meta load l4proto => reg 1", "cmp eq reg 1 0x06"];
    for family in ["ip", "inet", "netdev"] {
        becomes(family, "tcp dport ssh", &[tcp, dport].concat());
    }
    becomes("inet", "th dport 22", &dport);
    let byte = ["payload load 1b @ network header + 9 => reg 1", "cmp eq reg 1 0x06"];
    becomes("ip", "ip protocol tcp tcp dport 22", &[byte, dport].concat());
}

#[test]
fn an_address_implies_its_family() {
    let load = ["payload load 4b @ network header + 12 => reg 1", "cmp eq reg 1 0xc0000201"];
    becomes("ip", "ip saddr 192.0.2.1", &load);
    let nfproto = ["meta load nfproto => reg 1", "cmp eq reg 1 0x02"];
    becomes("inet", "ip saddr 192.0.2.1", &[nfproto, load].concat());
    let protocol = ["meta load protocol => reg 1", "cmp eq reg 1 0x0800"];
    becomes("netdev", "ip saddr 192.0.2.1", &[protocol, load].concat());
}

#[test]
fn prefixes_load_the_bytes_that_matter() {
    becomes(
        "ip",
        "ip daddr 10.0.0.0/8",
        &["payload load 1b @ network header + 16 => reg 1", "cmp eq reg 1 0x0a"],
    );
    becomes(
        "ip",
        "ip daddr != 10.128.0.0/9",
        &[
            "payload load 4b @ network header + 16 => reg 1",
            "bitwise reg 1 = ( reg 1 & 0xff800000 ) ^ 0x00000000",
            "cmp neq reg 1 0x0a800000",
        ],
    );
    becomes(
        "ip",
        "iifname \"br*\" oifname \"br\\*\"",
        &[
            "meta load iifname => reg 1",
            "cmp eq reg 1 0x6272",
            "meta load oifname => reg 1",
            "cmp eq reg 1 0x62722a00 0x00000000 0x00000000 0x00000000",
        ],
    );
}

#[test]
fn flags_have_six_forms() {
    let load = [
        "meta load l4proto => reg 1",
        "cmp eq reg 1 0x06",
        "payload load 1b @ transport header + 13 => reg 1",
    ];
    let masked = |mask: &str, compare: &str| {
        let mask = format!("bitwise reg 1 = ( reg 1 & {mask} ) ^ 0x00");
        [load.map(str::to_owned).to_vec(), vec![mask, compare.to_owned()]].concat()
    };
    let check = |rule: &str, wanted: Vec<String>| {
        becomes("ip", rule, &wanted.iter().map(String::as_str).collect::<Vec<_>>());
    };
    check("tcp flags syn", masked("0x02", "cmp neq reg 1 0x00"));
    check("tcp flags syn,ack", masked("0x12", "cmp neq reg 1 0x00"));
    check("tcp flags ! syn", masked("0x02", "cmp eq reg 1 0x00"));
    check("tcp flags syn / syn,ack", masked("0x12", "cmp eq reg 1 0x02"));
    check("tcp flags & (syn | ack) != syn", masked("0x12", "cmp neq reg 1 0x02"));
    let exact =
        |compare: &str| [load.map(str::to_owned).to_vec(), vec![compare.to_owned()]].concat();
    check("tcp flags == syn", exact("cmp eq reg 1 0x02"));
    check("tcp flags != syn", exact("cmp neq reg 1 0x02"));
    becomes(
        "ip",
        "ct state established,related accept",
        &[
            "ct load state => reg 1",
            "bitwise reg 1 = ( reg 1 & 0x00000006 ) ^ 0x00000000",
            "cmp neq reg 1 0x00000000",
            "immediate reg 0 accept",
        ],
    );
    becomes(
        "ip",
        "ct state != established,related",
        &["ct load state => reg 1", "cmp neq reg 1 0x00000006"],
    );
}

#[test]
fn sets_and_maps_are_held() {
    becomes(
        "ip",
        "th dport { 22, 50-60, 53, 61 }",
        &[
            "{ 0000 flags 1, 0016, 0017 flags 1, 0032, 003e flags 1 }",
            "payload load 2b @ transport header + 2 => reg 1",
            "lookup reg 1 set __set%d",
        ],
    );
    becomes(
        "ip",
        "ct state vmap { new : jump d, invalid : drop }",
        &[
            "{ 00000008 : jump -> d, 00000001 : drop }",
            "ct load state => reg 1",
            "lookup reg 1 set __map%d dreg 0",
        ],
    );
    becomes(
        "ip",
        "ip saddr . th dport { 10.0.0.0/8 . 53, 192.0.2.1 . 1-9 } drop",
        &[
            "{ 0a000000 . 0035 - 0affffff . 0035, c0000201 . 0001 - c0000201 . 0009 }",
            "payload load 4b @ network header + 12 => reg 1",
            "payload load 2b @ transport header + 2 => reg 9",
            "lookup reg 1 set __set%d",
            "immediate reg 0 drop",
        ],
    );
    becomes(
        "ip",
        "meta mark set ip dscp map { cs1 : 1, ef : 2 }",
        &[
            "{ 20 : 00000001, b8 : 00000002 }",
            "payload load 1b @ network header + 1 => reg 1",
            "bitwise reg 1 = ( reg 1 & 0xfc ) ^ 0x00",
            "lookup reg 1 set __map%d dreg 1",
            "meta set mark with reg 1",
        ],
    );
}

#[test]
fn statements_are_one_expression_each() {
    becomes(
        "ip",
        "limit rate over 10 mbytes/minute burst 2 kbytes counter quota 1 mbytes",
        &[
            "limit rate 10485760/minute burst 2048 type bytes flags 0x1",
            "counter pkts 0 bytes 0",
            "quota bytes 1048576 consumed 0 flags 0",
        ],
    );
    becomes(
        "ip",
        "log prefix \"in: \" level info flags tcp options",
        &["log prefix in:  level 6 tcpopt"],
    );
    becomes(
        "ip",
        "limit rate 3/second ct count over 4 last",
        &[
            "limit rate 3/second burst 5 type packets flags 0x0",
            "connlimit count 4 flags 1",
            "last never",
        ],
    );
}

#[test]
fn rejects_fit_what_is_known_of_the_packet() {
    becomes("ip", "reject", &["reject type 0 code 3"]);
    becomes("ip6", "reject", &["reject type 0 code 4"]);
    becomes("inet", "reject", &["reject type 2 code 1"]);
    becomes(
        "inet",
        "log reject with tcp reset",
        &["meta load l4proto => reg 1", "cmp eq reg 1 0x06", "log", "reject type 1 code 0"],
    );
    becomes(
        "inet",
        "meta nfproto ipv6 reject",
        &["meta load nfproto => reg 1", "cmp eq reg 1 0x0a", "reject type 0 code 4"],
    );
}

#[test]
fn fields_of_odd_widths_are_written_as_words() {
    becomes(
        "ip",
        "ip ttl set 64",
        &[
            "payload load 2b @ network header + 8 => reg 1",
            "bitwise reg 1 = ( reg 1 & 0x00ff ) ^ 0x4000",
            "payload write reg 1 => 2b @ network header + 8 csum_type 1 csum_off 10 csum_flags 0x0",
        ],
    );
    becomes(
        "ip",
        "meta mark set (meta mark & 0xff) | 0x100",
        &[
            "meta load mark => reg 1",
            "bitwise reg 1 = ( reg 1 & 0x000000ff ) ^ 0x00000100",
            "meta set mark with reg 1",
        ],
    );
    becomes(
        "ip",
        "ct mark set meta mark | ct mark",
        &[
            "meta load mark => reg 1",
            "ct load mark => reg 2",
            "bitwise reg 1 = ( reg 1 | reg 2 )",
            "ct set mark with reg 1",
        ],
    );
}

#[test]
fn neighbouring_bytes_are_compared_at_once() {
    becomes(
        "ip",
        "udp sport 53 udp dport 53 counter",
        &[
            "meta load l4proto => reg 1",
            "cmp eq reg 1 0x11",
            "payload load 4b @ transport header + 0 => reg 1",
            "cmp eq reg 1 0x00350035",
            "counter pkts 0 bytes 0",
        ],
    );
}

#[test]
fn texts_are_bytes() {
    // A byte that is not UTF-8 stands as one character of the last private plane.
    becomes(
        "ip",
        "iifname \"caf\u{10ffe9}\"",
        &["meta load iifname => reg 1", "cmp eq reg 1 0x636166e9 0x00000000 0x00000000 0x00000000"],
    );
}

#[test]
fn hours_past_midnight_are_all_but_the_day() {
    // The tests' machine is two hours ahead of UTC.
    becomes(
        "ip",
        "meta hour \"22:00\"-\"06:00\"",
        &[
            "meta load hour => reg 1",
            "byteorder reg 1 = hton(reg 1, 4, 4)",
            "range neq reg 1 0x00003840 0x00011940",
        ],
    );
}

#[test]
fn commands_are_one_transaction() {
    let (ruleset, _, errors) = read_all(
        "flush ruleset\n\
         define ports = { 22, 80 }\n\
         add table inet t\n\
         add chain inet t c { type filter hook input priority filter + 5; policy drop; }\n\
         add set inet t s { type ipv4_addr; flags interval; auto-merge; }\n\
         add element inet t s { 10.0.0.0/9, 10.128.0.0/9 }\n\
         add rule inet t c tcp dport $ports accept comment \"web\"\n\
         insert rule inet t c ip saddr @s drop\n\
         add chain inet t gone; delete chain inet t gone\n\
         destroy table ip absent\n",
    );
    let ruleset = ruleset.unwrap_or_else(|| panic!("{errors:?}"));
    let table = ruleset.table(Family::Inet, "t").expect("is there");
    let base = table.chain("c").and_then(|chain| chain.base.as_ref()).expect("hangs on a hook");
    assert_eq!((base.hook.as_str(), base.priority, base.drops), ("input", 5, true));
    assert!(table.chain("gone").is_none());
    assert_eq!(
        elements_text(table.set("s").expect("is there")),
        ["00000000 flags 1", "0a000000", "0b000000 flags 1"]
    );
    let rules = &table.chain("c").expect("is there").rules;
    assert_eq!(
        rules.iter().map(|rule| rule.comment.as_deref()).collect::<Vec<_>>(),
        [None, Some("web")]
    );
    assert!(ruleset.table(Family::Ip, "absent").is_none());
}
