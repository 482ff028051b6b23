//! Plans of base chains: rulesets whose lists are known.

use bpfc_classify::lookup;
use bpfc_ir::{Func, Program, verify};
use bpfc_opt::{ExtractError, Extracted, Reach, extract};

/// A program of one chain for input of IPv4, and one that it may call.
fn program(base: &str, called: &str) -> Program {
    let mut text = String::from("chain0 = ip \"filter\" \"INPUT\" hook input\n");
    text += "chain1 = ip \"filter\" \"user\"\n";
    for rule in 0..8 {
        let chain = rule / 5;
        text += &format!("rule{rule} = chain{chain} number {}\n", rule % 5 + 1);
    }
    for rule in 0..8 {
        text += &format!("counter{rule} = rule{rule}\n");
    }
    text += "entry input ip: fn0\n";
    text += &format!("fn0 \"filter/INPUT\" ip of chain0 {{\n{base}}}\n");
    if !called.is_empty() {
        text += &format!("fn1 \"filter/user\" ip of chain1 {{\n{called}}}\n");
    }
    let program: Program = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
    verify(&program).unwrap_or_else(|errors| panic!("{}\n{text}", errors[0]));
    program
}

/// The list, a rule a line: what it asks of each fact, and its way.
fn listed(extracted: &Extracted) -> Vec<String> {
    let rules = &extracted.plan.rules;
    let line = |term: u32| {
        let way = &extracted.ways[rules.action(term) as usize];
        format!("{:?} {:?}", way.counters, way.end)
    };
    (0..rules.len() as u32).map(line).collect()
}

/// One rule that tests a field of the header of IPv4 and goes on at another block where it fails.
fn rule(at: usize, offset: usize, number: u32, end: &str, next: usize) -> String {
    format!(
        "block{at}: v{at}0 = load.i32 net+{offset} v{at}1 = const.i32 {number} \
         v{at}2 = cmp eq v{at}0, v{at}1 br v{at}2, block{hit}, block{next}\n\
         block{hit}: {end}\n",
        hit = at + 1
    )
}

#[test]
fn rules_that_end_or_fail_are_a_list_as_long_as_they_are() {
    let base = rule(0, 12, 1, "count counter0 verdict accept", 2)
        + &rule(2, 16, 1, "count counter1 verdict drop", 4)
        + "block4: count counter2 verdict drop\n";
    let extracted =
        extract(&program(&base, ""), Func::from_u32(0), Reach::default()).expect("a plan");
    let expected =
        ["[counter0] Verdict(Accept)", "[counter1] Verdict(Drop)", "[counter2] Verdict(Drop)"];
    assert_eq!(listed(&extracted), expected);
}

#[test]
fn what_counts_and_goes_on_is_on_the_ways_of_what_it_meets() {
    // The first rule's packets meet the second rule, and none of the third's.
    let base = rule(0, 12, 1, "count counter0 jump block2", 2)
        + &rule(2, 16, 1, "count counter1 verdict drop", 4)
        + &rule(4, 12, 2, "count counter2 verdict accept", 6)
        + "block6: count counter3 verdict drop\n";
    let program = program(&base, "");
    let extracted = extract(&program, Func::from_u32(0), Reach::default()).expect("a plan");
    let expected = [
        "[counter0, counter1] Verdict(Drop)",
        "[counter0, counter3] Verdict(Drop)",
        "[counter1] Verdict(Drop)",
        "[counter2] Verdict(Accept)",
        "[counter3] Verdict(Drop)",
    ];
    assert_eq!(listed(&extracted), expected);
}

#[test]
fn chains_are_walked_where_they_are_called_and_return() {
    let base = rule(0, 12, 1, "count counter0 call fn1, block2", 2)
        + "block2: count counter1 verdict drop\n";
    let called = rule(0, 16, 1, "count counter5 return", 2)
        + &rule(2, 16, 2, "count counter6 verdict accept", 4)
        + "block4: return\n";
    let program = program(&base, &called);
    let extracted = extract(&program, Func::from_u32(0), Reach::default()).expect("a plan");
    let expected = [
        "[counter0, counter5, counter1] Verdict(Drop)",
        "[counter0, counter6] Verdict(Accept)",
        "[counter0, counter1] Verdict(Drop)",
        "[counter1] Verdict(Drop)",
    ];
    assert_eq!(listed(&extracted), expected);
}

#[test]
fn where_more_is_done_the_packet_goes_on_in_the_code() {
    let base = rule(0, 12, 1, "count counter0 call fn1, block2", 2)
        + "block2: count counter1 verdict drop\n";
    let called =
        rule(0, 16, 1, "v7 = random v8 = const.i32 7 v9 = cmp lt v7, v8 br v9, block2, block3", 3)
            + "block2: count counter6 verdict accept\nblock3: return\n";
    let program = program(&base, &called);
    let extracted = extract(&program, Func::from_u32(0), Reach::default()).expect("a plan");
    let expected = [
        "[counter0] At([Point { func: fn0, block: block2 }, Point { func: fn1, block: block1 }])",
        "[counter0, counter1] Verdict(Drop)",
        "[counter1] Verdict(Drop)",
    ];
    assert_eq!(listed(&extracted), expected);
}

#[test]
fn values_from_before_are_not_lost() {
    // What defines the mark for a block that sets it cannot be walked, nor what leads there.
    let base = "block0: v0 = load.i32 net+12 v1 = const.i32 1 v2 = cmp eq v0, v1 br v2, block1, block2\n\
                block1: mark v0 verdict accept\nblock2: count counter0 verdict drop\n";
    let nothing = extract(&program(base, ""), Func::from_u32(0), Reach::default());
    assert_eq!(nothing, Err(ExtractError::Nothing));
}

/// Ten thousand rules that fail by one of two tests, counters on the way of every hundredth.
#[test]
fn long_chains_are_long_lists() {
    let rules = 3_000;
    let mut base = String::new();
    for at in 0..rules {
        let (one, next) = (at * 3, at * 3 + 3);
        base += &format!(
            "block{one}: v{one}0 = load.i32 net+12 v{one}1 = const.i32 {at} \
             v{one}2 = cmp eq v{one}0, v{one}1 br v{one}2, block{}, block{next}\n\
             block{}: v{one}3 = load.i32 net+16 v{one}4 = const.i32 0xffffff00 \
             v{one}5 = and v{one}3, v{one}4 v{one}6 = const.i32 {} \
             v{one}7 = cmp eq v{one}5, v{one}6 br v{one}7, block{}, block{next}\n\
             block{}: count counter0 verdict accept\n",
            one + 1,
            one + 1,
            at << 8,
            one + 2,
            one + 2
        );
    }
    base += &format!("block{}: count counter1 verdict drop\n", rules * 3);
    let program = program(&base, "");
    let extracted = extract(&program, Func::from_u32(0), Reach::default()).expect("a plan");
    assert_eq!(extracted.plan.rules.len(), rules + 1);
    assert_eq!(extracted.ways.len(), 2);
    let layout = extracted.plan.rules.layout();
    let key = layout.key(&[17, 17 << 8 | 5]);
    let (found, cost) = lookup(&extracted.plan, &key);
    assert_eq!(found.map(|found| found.term), Some(17));
    assert!(cost.nodes <= 4 && cost.tests <= 8, "{cost:?}");
}
