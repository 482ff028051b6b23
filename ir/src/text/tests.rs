use crate::{Program, verify};
use proptest::prelude::*;

fn error(text: &str) -> String {
    text.parse::<Program>().unwrap_err().to_string()
}

proptest! {
    #[test]
    fn any_tokens_never_panic(words in prop::collection::vec(
        prop::sample::select(vec![
            "fn0", "rule0", "state0", "\"x\"", "ip", "{", "}", "block0", ":", "v0", "=", "and", ",",
            "br", "jump", "return", "@", "entry", "input", "load", ".", "i32", "at", "+", "7", "net",
        ]), 0..40,
    )) {
        let _ = words.join(" ").parse::<Program>();
    }
}

#[test]
fn gaps_are_closed() {
    let text = "fn0 \"f\" ip {
        block7:
            v9 = const.i32 7   # seven
            v3 = cmp eq v9, v9
            br v3, block2, block30
        block30: verdict drop
        block2: return
    }";
    let program: Program = text.parse().unwrap();
    assert_eq!(
        program.to_string(),
        "\nfn0 \"f\" ip {\nblock1:\n    v1 = const.i32 7\n    v0 = cmp eq v1, v1\n    \
         br v0, block0, block2\nblock2:\n    verdict drop\nblock0:\n    return\n}\n"
    );
}

#[test]
fn definitions_may_stand_below_uses_in_the_text() {
    let text = "fn0 \"f\" ip {
        block0: jump block2
        block1: v0 = and v1, v1  v2 = cmp ne v0, v1  br v2, block3, block3
        block2: v1 = load.i16 meta.fragment-offset  jump block1
        block3: return
    }";
    let program: Program = text.parse().unwrap();
    assert_eq!(verify(&program), Ok(()));
}

#[test]
fn switches_are_read_as_they_are_printed() {
    let text = "\nfn0 \"f\" ip {\nblock0:\n    v0 = load.i16 net+2\n    \
                switch v0, { 22: block1, 80..443: block2, 444: block1 }, block2\n\
                block1:\n    verdict drop\nblock2:\n    return\n}\n";
    let program: Program = text.parse().expect("a program");
    assert_eq!(verify(&program), Ok(()));
    assert_eq!(program.to_string(), text);
    assert_eq!(
        error("fn0 \"f\" ip { block0: switch v0, { }, block0 }"),
        "1:35: expected a number, found '}'"
    );
}

#[test]
fn tables_and_contents_are_read_as_they_are_printed() {
    let program = "table0 = \"m\" key i32, i16 prefix fields i8, verdict \"accept\" \"jump x\" \
                   capacity 7\ntable1 = key i128 range capacity 1\n\nfn0 \"f\" ip {\nblock0:\n    \
                   v0 = load.i32 net+12\n    v1 = load.i16 net+2\n    v2 = find table0 (v0, v1)\n    \
                   v3 = found v2\n    br v3, block1, block2\nblock1:\n    v4 = field.i32 v2 1\n    \
                   return\nblock2:\n    return\n}\n";
    let contents = "contents table0 {\n    { 0x0a000001, 16..31: 255, 1 }\n    \
                    { 7, 0..65535: 0, 0 }\n}\ncontents table1 {\n}\n";
    let (read, elements) = crate::parse(&format!("{program}{contents}")).expect("a program");
    assert_eq!(verify(&read), Ok(()));
    assert_eq!((read.to_string(), elements.to_string()), (program.into(), contents.into()));

    assert_eq!(
        error(&format!("table0 = key i8 capacity 1 {contents}")),
        "1:28: contents of tables stand beside a program"
    );
    let refused = |contents: &str| {
        let text = format!("table0 = key i8 capacity 1\n{contents}");
        crate::parse(&text).expect_err("no contents").to_string()
    };
    assert_eq!(refused("contents table1 { }"), "2:10: table1 is not defined");
    assert_eq!(refused("contents table0 { { 256 } }"), "2:10: element 0 does not fit the table");
    let twice = "contents table0 { } contents table0 { }";
    assert_eq!(refused(twice), "2:30: table0 has contents already");
    assert_eq!(refused("contents table0 { } x"), "2:21: expected 'contents' or the end, found 'x'");
}

#[test]
fn verdicts_are_read_as_they_are_printed() {
    for verdict in ["accept", "drop", "reject tcp-reset", "reject icmp 13"] {
        let text = format!("\nfn0 \"f\" ip {{\nblock0:\n    verdict {verdict}\n}}\n");
        assert_eq!(text.parse::<Program>().expect("a program").to_string(), text);
    }
    assert_eq!(
        error("fn0 \"f\" ip { block0: verdict reject icmp 300 }"),
        "1:42: 300 is too large for a code"
    );
    assert_eq!(
        error("fn0 \"f\" ip { block0: verdict reject politely }"),
        "1:37: expected 'tcp-reset', found 'politely'"
    );
}

#[test]
fn tables_that_packets_touch_are_read_as_they_are_printed() {
    let program = "table0 = key i32 fields i16, state nanosecond-bucket packets 3 every 1000000000 burst 5 \
                   onward enough, state quota 7 onward lacking, state counter capacity 7 dynamic collect 6\n\
                   table1 = \"r\" key i128 fields state wide-bucket bytes average 5 burst 6 interval 2 capacity 1 \
                   dynamic idle 3000 collect 1000\ntable2 = key i8 fields state last, state quota 9, state \
                   counter capacity 1 collect 6\n\nfn0 \"f\" ip {\n\
                   block0:\n    v0 = load.i32 net+12\n    v1 = const.i16 7\n    \
                   v2 = touch table0 update timeout 31536000000 (v0, v1)\n    \
                   v3 = touch table0 existing (v0)\n    remove table0 (v0)\n    v4 = found v3\n    \
                   br v4, block1, block2\n\
                   block1:\n    v5 = field.i32 v3 2\n    return\nblock2:\n    return\n}\n";
    let contents = "contents table2 {\n    { 1: 5, 8, 0x00000000000000020000000000000001 timeout 5000 \
                    left 2 }\n}\n";
    let (read, held) = crate::parse(&format!("{program}{contents}")).expect("a program");
    assert_eq!(verify(&read), Ok(()));
    assert_eq!(read.to_string(), program);
    assert_eq!(held.to_string(), contents);
    for (wrong, message) in [
        ("table1 { { 1: 0 } }", "packets alone add elements to a table where they are idle"),
        ("table2 { { 1: 0, 10, 0 } }", "element 0 does not fit the table"),
        ("table0 { { 1: 0, 1, 0, 0 } }", "element 0 does not fit the table"),
    ] {
        let refused = crate::parse(&format!("{program}contents {wrong}")).expect_err("no element");
        assert!(refused.to_string().ends_with(message), "{refused}");
    }
}

#[test]
fn errors_say_where() {
    assert_eq!(
        error("fn0 \"f\" ip {\n  block0: jmp\n}"),
        "2:11: expected an instruction or terminator, found 'jmp'"
    );
    assert_eq!(error("fn1 \"f\" ip {}"), "1:1: 'fn1' is out of order");
    assert_eq!(error("fn0 \"f\" ip { block0: jump block1 }"), "1:22: block1 is not defined");
    assert_eq!(error("fn0 \"f\" ip { block0: mark v3 return }"), "1:22: v3 is not defined");
    assert_eq!(
        error("fn0 \"f\" ip { block0: v0 = query object0 connections () return }"),
        "1:33: object0 is not defined"
    );
    assert_eq!(error("fn0 \"f\" ip { block0: call fn1, block0 }"), "1:27: fn1 is not defined");
    assert_eq!(
        error("fn0 \"f\" ip { block0: count counter0 return }"),
        "1:28: counter0 is not defined"
    );
    assert_eq!(
        error("fn0 \"f\" ip { block0: return block0: return }"),
        "1:29: block0 is defined twice"
    );
    assert_eq!(
        error("fn0 \"f\" ip { block0: v0 = random v0 = random return }"),
        "1:34: v0 is defined twice"
    );
    assert_eq!(
        error("fn0 \"f\" ip { block0: v0 = and v1, v0 v1 = or v0, v0 return }"),
        "1:22: the type of v0 depends on itself"
    );
    assert_eq!(error("\"open"), "1:1: the string has no end");
    assert_eq!(
        error("state0 = 340282366920938463463374607431768211456"),
        "1:10: '340282366920938463463374607431768211456' is no number of 128 bits"
    );
    assert_eq!(
        error("state0 = quota 18446744073709551616"),
        "1:16: 18446744073709551616 is too large for a number of bytes"
    );
    assert_eq!(
        error("fn4294967295 \"f\" ip {}"),
        "1:1: expected a state, table, object, probe, chain, rule, counter, list, entry or function, found 'fn4294967295'"
    );
}

#[test]
fn what_sets_and_options_are_asked_reads_back() {
    let set = "object0 = \"set/m\" set \"create m hash:ip family inet counters skbinfo\", \
               \"add m 10.0.0.1 skbmark 0x10/0xff skbprio 1:2 skbqueue 3\"
               object1 = \"set/l\" set \"create l list:set skbinfo\", \"add l m skbqueue 1\"";
    let text = format!(
        "{set} fn0 \"f\" ip {{ block0: v0 = load.i32 net+12 v1 = load.i32 meta.mark
            v2 = query object0 test keep-counters packets gt 7 (v0)
            v3 = query object0 mark keep-counters (v0, v1)
            v4 = query object0 priority return-nomatch (v0)
            v7 = query object0 queue keep-counters (v0)
            v8 = query object1 member-queue 0 () v9 = query object1 member-mark 0 (v1)
            mark v3 mark v9 priority v4 queue v7 queue v8 v5 = avail th 20 br v5, block1, block2
            block1: v6 = const.i32 32 strip v6, 2 3 8 255 strip v6, jump block2
            block2: return }}"
    );
    let program: Program = text.parse().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(verify(&program), Ok(()));
    assert_eq!(program.to_string().parse(), Ok(program.clone()));
    // A mark is asked for with the packet's own.
    let program = text.replace("mark keep-counters (v0, v1)", "mark (v0)").parse().unwrap();
    assert!(verify(&program).is_err());
}
