//! One broken program for each invariant.

use super::{Violation, verify};
use crate::{
    Base, Block, Chain, Condition, Counted, Counter, CounterList, Family, Func, FunctionBuilder,
    Inst, Log, LogKind, Op, PacketFamily, Probe, Program, Rule, RuleList, State, Terminator, Type,
    Value, Verdict,
};

/// The violations of a program in text form.
fn violations(text: &str) -> Vec<Violation> {
    violations_of(&text.parse().unwrap_or_else(|error| panic!("{error}\n{text}")))
}

fn violations_of(program: &Program) -> Vec<Violation> {
    let errors = verify(program).err().unwrap_or_default();
    errors.into_iter().map(|error| error.violation).collect()
}

/// The violations of one function whose entry block has these instructions.
fn in_block(family: &str, body: &str) -> Vec<Violation> {
    let text = format!(
        "state0 = cycle 9 start 5\nfn0 \"f\" {family} {{ block0: {body}\nblock1: verdict drop\nblock2: return }}"
    );
    violations(&text)
}

#[track_caller]
fn broken(found: Vec<Violation>, expected: Violation) {
    assert_eq!(found, [expected]);
}

#[test]
fn names_are_unique() {
    broken(
        violations(
            "chain0 = ip \"a\" \"b\" chain1 = ip6 \"a\" \"b\" chain2 = ip \"a\" \"b\" hook input",
        ),
        Violation::DuplicateChainName(Chain::from_u32(2)),
    );
    broken(
        violations(
            "chain0 = ip \"a\" \"b\" chain1 = ip \"a\" \"c\" rule0 = chain0 number 1
             rule1 = chain1 number 1 rule2 = chain0 policy rule3 = chain0 number 1",
        ),
        Violation::DuplicateRule(Rule::from_u32(0), Rule::from_u32(3)),
    );
    broken(
        violations(
            "chain0 = ip \"a\" \"b\" rule0 = chain0 policy counter0 = rule0 counter1 = rule0
             counters0 = counter1, counter0 rules0 = rule0, rule0",
        ),
        Violation::DuplicateCounter(Counter::from_u32(0), Counter::from_u32(1)),
    );
    let [mut missing, mut other, mut twice] =
        std::array::from_fn(|_| "chain0 = ip \"a\" \"b\" rule0 = chain0 policy".to_owned());
    missing += " fn0 \"b\" ip { block0: return }";
    let mut program: Program = missing.parse().unwrap();
    program.rules[Rule::from_u32(0)].chain = Chain::from_u32(7);
    broken(violations_of(&program), Violation::MissingChain(Chain::from_u32(7)));
    other += " fn0 \"b\" ip6 of chain0 { block0: return }";
    broken(violations(&other), Violation::WrongFamily(Func::from_u32(0)));
    twice += " fn0 \"b\" ip of chain0 { block0: return } fn1 \"c\" ip of chain0 { block0: return }";
    broken(violations(&twice), Violation::DuplicateName(Func::from_u32(0), Func::from_u32(1)));
    broken(
        violations("fn0 \"f\" ip { block0: return } fn1 \"f\" ip { block0: return }"),
        Violation::DuplicateName(Func::from_u32(0), Func::from_u32(1)),
    );
}

#[test]
fn writes_stay_in_their_headers() {
    assert_eq!(
        in_block(
            "ip",
            "v0 = load.i8 net+8 v1 = load.i16 net+2 store net+8, v0 checksum net+10, v1, v1
             v2 = avail th 18 br v2, block1, block2"
        ),
        []
    );
    let body = |body: &str| in_block("ip", &format!("v0 = const.i32 7 {body} return"));
    broken(body("store net+17, v0"), Violation::OutsideHeader);
    broken(body("store link+0, v0"), Violation::UnguardedLink);
    broken(first(body("store link+12, v0")), Violation::OutsideHeader);
    broken(body("checksum link+0, v0, v0"), Violation::WrittenBase);
    broken(body("store th+14, v0"), Violation::Unguarded(18));
    broken(body("checksum th+16, v0, v0"), Violation::Unguarded(18));
    broken(body("store at v0 + 2, v0"), Violation::Unguarded(6));
    broken(
        first(body("v1 = const.i16 7 store at v1 + 2, v0")),
        Violation::WrongType { value: Value::from_u32(1), found: Type::I16 },
    );
    broken(
        body("v1 = trunc.i32 v0"),
        Violation::WrongType { value: Value::from_u32(0), found: Type::I32 },
    );
    broken(body("insert th+20, v0"), Violation::Unguarded(20));
    broken(body("strip v0, 2 8"), Violation::Unguarded(20));
    broken(first(body("insert th+19, v0")), Violation::InsertedInside);
    broken(body("checksum net+19, v0, v0"), Violation::OutsideHeader);
    broken(
        body("v1 = const.i8 7 checksum net+10, v1, v1"),
        Violation::WrongType { value: Value::from_u32(1), found: Type::I8 },
    );
    broken(
        body("v1 = const.i16 7 checksum net+10, v0, v1"),
        Violation::DifferentTypes(Type::I32, Type::I16),
    );
}

#[test]
fn entries_are_sound() {
    let base = "fn0 \"f\" ip { block0: verdict drop }";
    broken(
        violations(&format!("entry input ip: entry input ip: {base}")),
        Violation::DuplicateEntry(crate::Hook::Input, PacketFamily::Ipv4),
    );
    assert_eq!(violations(&format!("entry input ip: entry output ip: {base}")), []);
    broken(
        violations(&format!("entry input ip: fn0, fn0 {base}")),
        Violation::DuplicateChain(Func::from_u32(0)),
    );
    let two = format!("{base} fn1 \"g\" ip {{ block0: verdict drop }}");
    assert_eq!(violations(&format!("entry input ip: fn1 priority -5, fn0 {two}")), []);
    broken(
        violations(&format!("entry input ip: fn1 priority 1, fn0 {two}")),
        Violation::Unsorted(crate::Hook::Input, PacketFamily::Ipv4),
    );
    broken(
        violations(&format!("entry input ip6: fn0 {base}")),
        Violation::WrongFamily(Func::from_u32(0)),
    );
    let mut program: Program = format!("entry input ip: fn0 {base}").parse().unwrap();
    program.entries[0].chains[0].func = Func::from_u32(9);
    broken(violations_of(&program), Violation::MissingFunction(Func::from_u32(9)));
}

#[test]
fn base_chains_end_in_verdicts() {
    broken(
        violations("entry input ip: fn0 fn0 \"f\" ip { block0: return }"),
        Violation::BaseChainReturns,
    );
    broken(
        violations(
            "entry input ip: fn0 entry output ip: fn1
             fn0 \"f\" ip { block0: verdict drop }
             fn1 \"g\" ip { block0: call fn0, block1 block1: verdict drop }",
        ),
        Violation::BaseChainCalled(Func::from_u32(0)),
    );
}

#[test]
fn calls_form_a_tree_of_one_family() {
    let cycle = "fn0 \"f\" ip { block0: call fn1, block1 block1: verdict drop }
        fn1 \"g\" ip { block0: call fn2, block1 block1: return }
        fn2 \"h\" ip { block0: call fn1, block1 block1: return }";
    broken(violations(&format!("entry input ip: fn0 {cycle}")), Violation::CallCycle);
    assert_eq!(violations(cycle), []);
    broken(
        violations(
            "fn0 \"f\" ip { block0: call fn1, block1 block1: return }
             fn1 \"g\" ip6 { block0: return }",
        ),
        Violation::WrongFamily(Func::from_u32(1)),
    );
    let mut program: Program =
        "fn0 \"f\" ip { block0: call fn0, block1 block1: return }".parse().unwrap();
    let callee = Func::from_u32(7);
    let next = Block::from_u32(1);
    std::sync::Arc::make_mut(&mut program.funcs[Func::from_u32(0)]).blocks[Block::from_u32(0)]
        .terminator = Terminator::Call { callee, next };
    broken(violations_of(&program), Violation::MissingFunction(callee));
}

/// A program with one function of three blocks, changed.
fn changed(change: impl FnOnce(&mut crate::Function)) -> Vec<Violation> {
    let mut program: Program = "fn0 \"f\" ip {
        block0: v0 = const.i32 1  v1 = const.i32 2  v2 = cmp eq v0, v1  br v2, block1, block2
        block1: mark v0 return
        block2: return }"
        .parse()
        .unwrap();
    change(std::sync::Arc::make_mut(&mut program.funcs[Func::from_u32(0)]));
    violations_of(&program)
}

/// The first alone, where further ones follow from it.
fn first(mut violations: Vec<Violation>) -> Vec<Violation> {
    violations.truncate(1);
    violations
}

#[test]
fn layouts_and_references_are_sound() {
    let (block, inst, value) = (Block::from_u32, Inst::from_u32, Value::from_u32);
    assert_eq!(changed(|_| {}), []);
    broken(changed(|f| f.layout.clear()), Violation::NoBlock);
    broken(changed(|f| f.layout.push(block(1))), Violation::DuplicateBlock(block(1)));
    broken(changed(|f| f.layout.push(block(9))), Violation::MissingBlock(block(9)));
    broken(changed(|f| f.layout.truncate(2)), Violation::MissingBlock(block(2)));
    broken(
        changed(|f| f.blocks[block(1)].terminator = Terminator::Jump(block(8))),
        Violation::MissingBlock(block(8)),
    );
    broken(
        changed(|f| f.blocks[block(1)].origin = Some(Rule::from_u32(3).into()).into()),
        Violation::MissingRule(Rule::from_u32(3)),
    );
    broken(
        changed(|f| f.insts[inst(3)].op = Op::Count(Counted::All(CounterList::from_u32(2)))),
        Violation::MissingCounters(CounterList::from_u32(2)),
    );
    broken(
        changed(|f| f.insts[inst(1)].origin = Some(RuleList::from_u32(4).into()).into()),
        Violation::MissingRules(RuleList::from_u32(4)),
    );
    broken(
        changed(|f| f.insts[inst(1)].origin = Some(Rule::from_u32(3).into()).into()),
        Violation::MissingRule(Rule::from_u32(3)),
    );
    broken(
        changed(|f| f.insts[inst(3)].op = Op::Count(Counted::One(Counter::from_u32(3)))),
        Violation::MissingCounter(Counter::from_u32(3)),
    );
    let log = Log { kind: LogKind::Syslog { level: 4, flags: 0 }, prefix: String::new() };
    broken(
        changed(|f| f.insts[inst(3)].op = Op::Log(Rule::from_u32(3), Box::new(log))),
        Violation::MissingRule(Rule::from_u32(3)),
    );
    broken(changed(|f| f.blocks[block(1)].insts.push(inst(9))), Violation::MissingInst(inst(9)));
    broken(changed(|f| f.blocks[block(1)].insts.push(inst(3))), Violation::DuplicateInst(inst(3)));
    broken(
        changed(|f| f.insts[inst(3)].op = Op::SetMark(value(9))),
        Violation::MissingValue(value(9)),
    );
    broken(
        changed(|f| {
            f.blocks[block(0)].insts.remove(1);
        }),
        Violation::MissingValue(value(1)),
    );
    broken(first(changed(|f| f.insts[inst(0)].result = None.into())), Violation::WrongResult);
    broken(first(changed(|f| f.insts[inst(3)].result = value(0).into())), Violation::WrongResult);
    broken(first(changed(|f| f.values[value(1)].ty = Type::I64)), Violation::WrongResult);
    broken(first(changed(|f| f.values[value(1)].def = inst(0))), Violation::WrongResult);
}

#[test]
fn probes_exist_and_are_sound() {
    let text = "probe0 = text \"61\" from 0 to 9 fold
        entry input ip: fn0
        fn0 \"f\" ip { block0: v0 = scan probe0 verdict accept }";
    let mut program: Program = text.parse().unwrap();
    assert_eq!(verify(&program), Ok(()));
    program.probes.clear();
    let errors = verify(&program).unwrap_err();
    assert_eq!(errors[0].violation, Violation::MissingProbe(Probe::from_u32(0)));
    for definition in ["\"\" from 0 to 9", "\"61\" from 10 to 9"] {
        let program: Program = format!("probe0 = text {definition}").parse().unwrap();
        let errors = verify(&program).unwrap_err();
        assert_eq!(errors[0].violation, Violation::Probe(Probe::from_u32(0)));
    }
    assert!("probe0 = text \"6\" from 0 to 9".parse::<Program>().is_err());
    assert!("probe0 = text \"6x\" from 0 to 9".parse::<Program>().is_err());
}

#[test]
fn states_exist() {
    let mut program: Program =
        "state0 = cycle 3 start 0 fn0 \"f\" ip { block0: v0 = take state0 return }"
            .parse()
            .unwrap();
    assert_eq!(violations_of(&program), []);
    program.states.clear();
    broken(violations_of(&program), Violation::MissingState(State::from_u32(0)));
    for text in [
        "state0 = cycle 3 start 3",
        "state0 = cycle 0 start 0",
        "state0 = tick-bucket average 1 burst 0",
        "state0 = nanosecond-bucket packets 0 every 1000 burst 1",
    ] {
        broken(violations(text), Violation::State(State::from_u32(0)));
    }
    let twice = "state0 = \"a\" quota 5 state1 = \"a\" quota 5";
    broken(violations(twice), Violation::State(State::from_u32(1)));
}

#[test]
fn objects_exist_and_answer_what_they_are_asked() {
    let list = "recent entries 2 stamps 8 mask 0xffffffff000000000000000000000000";
    let text = format!(
        "object0 = \"a\" connections ip object1 = \"a\" {list}
         fn0 \"f\" ip {{ block0: v0 = load.i32 net+12 v1 = query object0 connections (v0) return }}"
    );
    let object = crate::Object::from_u32;
    let mut program: Program = text.parse().unwrap();
    broken(violations_of(&program), Violation::Object(object(1)));
    program.objects[object(1)].name.clear();
    assert_eq!(violations_of(&program), []);
    program.objects.clear();
    broken(violations_of(&program), Violation::MissingObject(object(0)));
    broken(
        violations(
            "object0 = connections ip fn0 \"f\" ip { block0: v1 = query object0 connections () \
             return }",
        ),
        Violation::Query(object(0)),
    );
    let none = "object0 = recent entries 0 stamps 8 mask 1";
    broken(violations(none), Violation::Object(object(0)));
}

#[test]
fn blocks_form_no_cycle() {
    broken(
        violations("fn0 \"f\" ip { block0: jump block1 block1: jump block0 }"),
        Violation::BlockCycle,
    );
    broken(
        violations("fn0 \"f\" ip { block0: return block1: jump block1 }"),
        Violation::BlockCycle,
    );
}

#[test]
fn definitions_dominate_uses() {
    broken(
        violations(
            "fn0 \"f\" ip {
                block0: v0 = load.i8 meta.l4proto v1 = cmp eq v0, v0 br v1, block1, block2
                block1: v2 = random jump block2
                block2: mark v2 return }",
        ),
        Violation::NotDominated(Value::from_u32(2)),
    );
    broken(
        violations("fn0 \"f\" ip { block0: mark v0 v0 = random return }"),
        Violation::NotDominated(Value::from_u32(0)),
    );
    broken(
        violations(
            "fn0 \"f\" ip { block0: jump block1
                block1: br v0, block2, block2
                block2: v1 = random v0 = cmp eq v1, v1 return }",
        ),
        Violation::NotDominated(Value::from_u32(0)),
    );
    // Where no packet gets, nothing is asked.
    assert_eq!(
        violations("fn0 \"f\" ip { block0: return block1: mark v0 v0 = random return }"),
        []
    );
}

#[test]
fn operands_have_the_right_types() {
    let wrong = |number: u32, found| Violation::WrongType { value: Value::from_u32(number), found };
    let flag = "v0 = avail th 4";
    broken(in_block("ip", &format!("{flag} mark v0 return")), wrong(0, Type::Bool));
    broken(in_block("ip", &format!("{flag} v1 = and v0, v0 return")), wrong(0, Type::Bool));
    broken(in_block("ip", &format!("{flag} v1 = cmp eq v0, v0 return")), wrong(0, Type::Bool));
    broken(in_block("ip", &format!("{flag} v1 = range v0, 0..1 return")), wrong(0, Type::Bool));
    broken(in_block("ip", &format!("{flag} v1 = zext.i8 v0 return")), wrong(0, Type::Bool));
    broken(in_block("ip", "v0 = random br v0, block1, block2"), wrong(0, Type::I32));
    broken(
        in_block("ip", "v0 = random v1 = load.i8 meta.l4proto v2 = add v0, v1 return"),
        Violation::DifferentTypes(Type::I32, Type::I8),
    );
    broken(in_block("ip", "v0 = random v1 = zext.i32 v0 return"), wrong(0, Type::I32));
    broken(in_block("ip", "v0 = random v1 = zext.i128 v0 return"), wrong(0, Type::I32));
    let name = "v0 = load.i128 meta.iifname";
    assert_eq!(in_block("ip", &format!("{name} v1 = xor v0, v0 v2 = cmp lt v0, v1 return")), []);
    broken(in_block("ip", &format!("{name} v1 = add v0, v0 return")), wrong(0, Type::I128));
    broken(
        in_block("ip", &format!("{name} v1 = const.i128 3 v2 = shl v0, v1 return")),
        wrong(0, Type::I128),
    );
    broken(in_block("ip", "v0 = load.i8 net+0 v1 = avail at v0 + 3 return"), wrong(0, Type::I8));
}

#[test]
fn numbers_fit() {
    broken(in_block("ip", "v0 = const.i8 256 return"), Violation::TooLarge(Type::I8));
    broken(in_block("ip", "v0 = const.bool 2 return"), Violation::TooLarge(Type::Bool));
    let byte = "v0 = load.i8 meta.l4proto";
    broken(in_block("ip", &format!("{byte} v1 = range v0, 3..2 return")), Violation::EmptyRange);
    broken(
        in_block("ip", &format!("{byte} v1 = range v0, 3..256 return")),
        Violation::TooLarge(Type::I8),
    );
    broken(
        in_block("ip", &format!("{byte} v1 = const.i8 8 v2 = shr v0, v1 return")),
        Violation::ShiftAmount,
    );
    broken(in_block("ip", &format!("{byte} v1 = shl v0, v0 return")), Violation::ShiftAmount);
    broken(in_block("ip", "v0 = lookup transform in 6 spi return"), Violation::NoTransform);
    broken(in_block("ip6", "v0 = lookup transform out 0 saddr 4 return"), Violation::NoTransform);
    assert_eq!(in_block("ip", "v0 = lookup transform out 5 daddr 3 return"), []);
    assert_eq!(in_block("ip", "v0 = take state0 return"), []);
    let hash = |bytes: u16| {
        let text =
            format!("{byte} v1 = const.i64 1 v2 = jhash (v0, v1) bytes {bytes} seed 7 return");
        in_block("ip", &text)
    };
    assert_eq!(hash(12), []);
    broken(hash(8), Violation::HashLength(8));
    broken(hash(13), Violation::HashLength(13));
}

#[test]
fn arms_of_switches_fit_their_number() {
    let switch = |ty: &str, arms: &str| {
        in_block("ip", &format!("v0 = const.{ty} 1 switch v0, {{ {arms} }}, block2"))
    };
    assert_eq!(switch("i8", "0: block1, 1..254: block2, 255: block1"), []);
    broken(switch("i8", "256: block1"), Violation::Arms);
    broken(switch("i16", "3..5: block1, 5: block2"), Violation::Arms);
    broken(switch("i16", "9: block1, 5: block2"), Violation::Arms);
    broken(
        switch("bool", "0: block1"),
        Violation::WrongType { value: Value::from_u32(0), found: Type::Bool },
    );
}

#[test]
fn arms_without_0_guard() {
    let guarded = |arms: &str, other: &str| {
        violations(&format!(
            "fn0 \"f\" ip {{ block0: v0 = load.i8 meta.link-header switch v0, {{ {arms} }}, {other}
             block1: v1 = load.i16 link+12 return
             block2: verdict drop }}"
        ))
    };
    assert_eq!(guarded("1: block1, 5..255: block1", "block2"), []);
    assert_eq!(guarded("0: block2", "block1"), []);
    broken(guarded("0..1: block1", "block2"), Violation::UnguardedLink);
    broken(guarded("1: block1", "block1"), Violation::UnguardedLink);
}

#[test]
fn tables_are_sound() {
    let table = |text: &str| violations(&format!("table0 = {text} capacity 1"));
    let broken_table = || Violation::Table(crate::Table::from_u32(0));
    assert_eq!(table("key i8, i128, i128, i64, i32, i128 prefix"), []);
    for text in [
        "key i8 prefix, i8",
        "key bool",
        "key i8, element",
        "key i8, i128, i128, i128, i64, i32, i8",
        "key i8 fields element",
    ] {
        broken(table(text), broken_table());
    }
    broken(violations("table0 = key i8 capacity 0"), broken_table());
    broken(
        violations("table0 = \"t\" key i8 capacity 1 table1 = \"t\" key i8 capacity 1"),
        Violation::Table(crate::Table::from_u32(1)),
    );
}

#[test]
fn fields_are_read_of_elements_that_are_found() {
    let found = |key: &str, asked: &str, field: &str| {
        violations(&format!(
            "table0 = key i8 fields i32 capacity 1
             fn0 \"f\" ip {{ block0: v0 = const.i8 1 v1 = const.i16 1 v2 = find table0 ({key})
             v3 = find table0 (v0) v4 = found {asked} br v4, block1, block2
             block1: {field} return block2: verdict drop }}"
        ))
    };
    let [v0, v1, v2] = [0, 1, 2].map(Value::from_u32);
    assert_eq!(found("v0", "v2", "v5 = field.i32 v2 0"), []);
    broken(found("v0", "v3", "v5 = field.i32 v2 0"), Violation::UnguardedElement(v2));
    broken(found("v0", "v2", "v5 = field.i64 v2 0"), Violation::Field(0));
    broken(found("v0", "v2", "v5 = field.i32 v2 1"), Violation::Field(1));
    broken(found("v1", "v2", ""), Violation::WrongType { value: v1, found: Type::I16 });
    broken(found("v0, v0", "v2", ""), Violation::Key(crate::Table::from_u32(0)));
    broken(found("v0", "v0", ""), Violation::WrongType { value: v0, found: Type::I8 });
    broken(
        found("v0", "v2", "v5 = zext.i32 v2"),
        Violation::WrongType { value: v2, found: Type::Element },
    );
    broken(found("v0", "v2", "v5 = const.element 0"), Violation::SourceType(Type::Element));
}

#[test]
fn packets_touch_elements_that_can_change() {
    let touched = |table: &str, op: &str, field: &str| {
        violations(&format!(
            "table0 = key {table}
             fn0 \"f\" ip {{ block0: v0 = const.i8 1 v4 = const.i32 1 v1 = {op} v2 = found v1
             br v2, block1, block2 block1: {field} return block2: verdict drop }}"
        ))
    };
    let table = crate::Table::from_u32(0);
    let (add, existing) = ("touch table0 add (v0)", "touch table0 existing (v0)");
    let (one, both) = ("fields state quota 1", "fields i32, state quota 1");
    let fixed = |fields: &str| format!("i8 {fields} capacity 1");
    let dynamic = |fields: &str| format!("i8 {fields} capacity 1 dynamic");
    assert_eq!(touched(&dynamic(one), add, "v3 = field.i32 v1 0"), []);
    assert_eq!(touched(&fixed(both), existing, "v3 = field.i32 v1 1"), []);
    assert_eq!(touched(&dynamic(""), add, "remove table0 (v0)"), []);
    assert_eq!(touched(&dynamic(both), "touch table0 add (v0, v4)", ""), []);
    let hour = "touch table0 update timeout 3600000 (v0)";
    assert_eq!(touched("i8 capacity 1 dynamic collect 9", hour, ""), []);
    // A search takes from no state, a packet says an element's numbers, and some never change.
    let find = "find table0 (v0)";
    broken(touched(&fixed(one), find, "v3 = field.i32 v1 0"), Violation::Field(0));
    broken(touched(&dynamic(both), add, ""), Violation::Key(table));
    broken(touched(&dynamic("fields verdict \"a\""), add, ""), Violation::Key(table));
    broken(touched(&fixed(one), add, ""), Violation::Key(table));
    broken(touched(&fixed(""), find, "remove table0 (v0)"), Violation::Key(table));
    broken(touched(&dynamic(one), hour, ""), Violation::Key(table));
    broken(touched("i8 prefix capacity 1", existing, ""), Violation::Key(table));
    // What a table cannot keep.
    let definition = |text: &str| violations(&format!("table0 = key i8 {text}"));
    let wide = "fields state wide-bucket packets average 1000 burst 5 capacity 1";
    assert_eq!(definition(&format!("{wide} dynamic idle 1 collect 1")), []);
    assert_eq!(definition("range capacity 1 collect 1"), []);
    for text in [
        wide,
        &format!("{wide} dynamic collect 1"),
        &format!("{wide} idle 1 collect 1"),
        &format!("{wide} dynamic idle 0 collect 1"),
        &format!("{wide} dynamic idle 1 collect 0"),
        "prefix fields state quota 1 capacity 1",
        "range capacity 1 dynamic",
        "fields state cycle 3 start 3 capacity 1",
    ] {
        broken(definition(text), Violation::Table(table));
    }
    broken(
        violations("state0 = wide-bucket packets average 1000 burst 5"),
        Violation::State(crate::State::from_u32(0)),
    );
}

#[test]
fn loads_fit_their_source() {
    broken(in_block("ip", "v0 = load.i16 meta.l4proto return"), Violation::SourceType(Type::I8));
    broken(in_block("ip", "v0 = load.bool net+0 return"), Violation::SourceType(Type::Bool));
    broken(in_block("ip", "v0 = load.i32 net+17 return"), Violation::OutsideHeader);
    assert_eq!(in_block("ip6", "v0 = load.i128 net+24 return"), []);
    broken(in_block("ip6", "v0 = load.i128 net+25 return"), Violation::OutsideHeader);
    broken(in_block("ip", "v0 = avail net 20 return"), Violation::AvailableBase);
    let tuple = "ct.original.saddr";
    let test = "v0 = load.i8 ct.present v1 = const.i8 0 v2 = cmp ne v0, v1 br v2, block3, block1
        block3:";
    assert_eq!(in_block("ip", &format!("{test} v3 = load.i32 {tuple} return")), []);
    broken(
        in_block("ip6", &format!("{test} v3 = load.i32 {tuple} return")),
        Violation::SourceType(Type::I128),
    );
}

#[test]
fn transport_loads_are_guarded() {
    let guard = "v0 = avail th 4 br v0, block3, block1 block3:";
    assert_eq!(in_block("ip", &format!("{guard} v1 = load.i16 th+2 return")), []);
    broken(in_block("ip", &format!("{guard} v1 = load.i16 th+3 return")), Violation::Unguarded(5));
    broken(in_block("ip", "v1 = load.i8 th+0 return"), Violation::Unguarded(1));
    broken(
        in_block("ip", "v0 = avail th 4 br v0, block1, block3 block3: v1 = load.i8 th+0 return"),
        Violation::Unguarded(1),
    );
    // The edge must lead to the load alone.
    broken(
        in_block("ip", "v0 = avail th 4 br v0, block3, block3 block3: v1 = load.i8 th+0 return"),
        Violation::Unguarded(1),
    );
    broken(
        in_block("ip", &format!("{guard} v1 = scan tcp-option 2 return")),
        Violation::Unguarded(20),
    );
    broken(
        in_block("ip", &format!("{guard} v1 = scan dccp-option 2 return")),
        Violation::Unguarded(12),
    );
    broken(
        in_block("ip", &format!("{guard} v1 = scan sctp-chunk \"{{1}}\" return")),
        Violation::Unguarded(12),
    );
    // Two tests: the larger holds.
    let wide = "v0 = avail th 20 br v0, block3, block1
        block3: v1 = avail th 4 br v1, block4, block1 block4:";
    assert_eq!(in_block("ip", &format!("{wide} v2 = load.i64 th+12 return")), []);
}

#[test]
fn loads_at_offsets_are_guarded_by_the_same_value() {
    let guard = "v0 = scan ipv6-header 43 v9 = scan ipv6-header 44 v1 = avail at v0 + 4
        br v1, block3, block1 block3:";
    assert_eq!(in_block("ip6", &format!("{guard} v2 = load.i16 at v0 + 2 return")), []);
    broken(
        in_block("ip6", &format!("{guard} v2 = load.i16 at v0 + 3 return")),
        Violation::Unguarded(5),
    );
    broken(
        in_block("ip6", &format!("{guard} v2 = load.i8 at v9 + 0 return")),
        Violation::Unguarded(1),
    );
    // What one branch proves is forgotten in the other.
    broken(
        in_block(
            "ip6",
            "v0 = scan ipv6-header 43 v1 = avail at v0 + 4 br v1, block3, block4
             block3: v2 = load.i32 at v0 + 0 jump block1
             block4: v3 = load.i32 at v0 + 0 jump block1",
        ),
        Violation::Unguarded(4),
    );
}

#[test]
fn link_loads_are_guarded() {
    let test = "v0 = load.i8 meta.link-header v1 = const.i8 1";
    for guard in [
        "v2 = cmp eq v0, v1 br v2, block3, block1",
        "v2 = cmp ne v0, v1 br v2, block1, block3",
        "v2 = cmp gt v1, v0 br v2, block1, block3",
        "v2 = range v0, 1..1 br v2, block3, block1",
    ] {
        assert_eq!(
            in_block("ip", &format!("{test} {guard} block3: v3 = load.i16 link+12 return")),
            []
        );
    }
    broken(
        in_block(
            "ip",
            &format!(
                "{test} v2 = cmp eq v0, v1 br v2, block1, block3 block3: v3 = load.i8 link+0 return"
            ),
        ),
        Violation::UnguardedLink,
    );
    broken(in_block("ip", "v3 = load.i8 link+0 return"), Violation::UnguardedLink);
    broken(
        in_block(
            "ip",
            &format!(
                "{test} v2 = cmp eq v0, v1 br v2, block3, block1 block3: v3 = load.i16 link+13 return"
            ),
        ),
        Violation::OutsideHeader,
    );
}

#[test]
fn log_records_are_such_as_the_kernel_takes() {
    let with = |log: &str| {
        let text = format!(
            "chain0 = ip \"filter\" \"a\" rule0 = chain0 policy
             fn0 \"f\" ip {{ block0: log rule0 {log} return }}"
        );
        violations_of(&text.parse().unwrap())
    };
    assert_eq!(with("syslog level 7 flags 255 prefix \"x\""), []);
    assert_eq!(with("group 65535 threshold 0 prefix \"\""), []);
    broken(with("syslog level 8 flags 0 prefix \"x\""), Violation::Log);
    broken(
        with(&format!("group 1 threshold 2 size 3 prefix \"{}\"", "x".repeat(128))),
        Violation::Log,
    );
}

#[test]
fn connection_loads_are_guarded() {
    assert_eq!(in_block("ip", "v0 = load.i8 ct.state return"), []);
    broken(in_block("ip", "v0 = load.i32 ct.mark return"), Violation::UnguardedConnection);
    broken(in_block("ip", "v0 = const.i32 1 ct-mark v0 return"), Violation::UnguardedConnection);
    broken(
        in_block(
            "ip",
            "v0 = load.i8 ct.state v1 = const.i8 0 v2 = cmp ne v0, v1 br v2, block3, block1
             block3: v3 = load.i8 ct.protocol return",
        ),
        Violation::UnguardedConnection,
    );
}

#[test]
fn ipv6_headers_are_searched_in_ipv6() {
    broken(in_block("ip", "v0 = scan ipv6-header 43 return"), Violation::NotIpv6);
    broken(in_block("ip", "v0 = scan ipv6-headers return"), Violation::NotIpv6);
}

#[test]
fn other_frames_have_nothing_of_ip() {
    for body in [
        "v0 = scan tcp-mss return",
        "v0 = load.i8 ct.state return",
        "v0 = lookup address-type daddr return",
        "verdict reject tcp-reset",
    ] {
        assert_ne!(in_block("other", body), [], "{body}");
    }
    broken(in_block("other", "v0 = load.i8 ct.state return"), Violation::NotIp);
    broken(in_block("other", "v0 = load.i16 net+0 return"), Violation::OutsideHeader);
    assert_eq!(in_block("other", "v0 = load.i16 meta.protocol return"), []);
    broken(in_block("ip", "v0 = avail link 20 return"), Violation::AvailableBase);
    let behind = |bytes: u16| {
        let body = format!(
            "v0 = load.i8 meta.link-header v1 = const.i8 0 v2 = cmp ne v0, v1 br v2, block3, block1
            block3: v3 = avail link {bytes} br v3, block4, block1
            block4: v4 = load.i16 link+14 return"
        );
        in_block("other", &body)
    };
    assert_eq!(behind(16), []);
    broken(behind(15), Violation::Unguarded(16));
    let entry = "entry ingress other: fn0 fn0 \"f\" other { block0: verdict drop }";
    assert_eq!(violations(entry), []);
}

#[test]
fn devices_of_address_types_are_ipv4s() {
    let text = "v0 = lookup address-type daddr iif return";
    broken(in_block("ip6", text), Violation::NotIpv4);
}

#[test]
fn rejections_have_codes_of_their_family() {
    for (family, last) in [("ip", 15), ("ip6", 8)] {
        assert_eq!(in_block(family, "verdict reject tcp-reset"), []);
        assert_eq!(in_block(family, &format!("verdict reject icmp {last}")), []);
        let beyond = format!("verdict reject icmp {}", last + 1);
        broken(in_block(family, &beyond), Violation::RejectCode(family.parse().expect("a family")));
    }
}

/// A chain of rules whose failures all lead to the next rule and whose truncations all lead to
/// one block: the dominator tree is as deep as the chain, and one block has an edge from each.
#[test]
fn a_long_chain_is_checked_in_linear_time() {
    let rules = 100_000;
    let mut builder = FunctionBuilder::new("f", Family::Ipv4);
    let hotdrop = builder.block();
    let entry = builder.block();
    builder.switch_to(entry);
    for _ in 0..rules {
        let next = builder.block();
        let there = builder.available(Base::Transport, 4);
        builder.require(there, hotdrop);
        let port = builder.payload(Type::I16, Base::Transport, 2);
        let hit = builder.compare_const(Condition::Eq, port, 22);
        builder.require(hit, next);
        builder.jump(next);
        builder.switch_to(next);
    }
    builder.terminate(Terminator::Return);
    builder.switch_to(hotdrop);
    builder.verdict(Verdict::Drop);
    let mut program = Program::new();
    program.funcs.push(builder.finish().into());
    let start = std::time::Instant::now();
    assert_eq!(verify(&program), Ok(()));
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

#[test]
fn a_switch_of_many_arms_is_checked_in_linear_time() {
    use std::fmt::Write;
    let (mut arms, mut blocks) = (String::new(), String::new());
    for at in 0..100_000 {
        let _ = write!(arms, "{}{at}: block{}", if at == 0 { "" } else { ", " }, at + 2);
        let _ = writeln!(blocks, "block{}: verdict drop", at + 2);
    }
    let text = format!(
        "fn0 \"f\" ip {{ block0: v0 = load.i32 net+12 switch v0, {{ {arms} }}, block1
         block1: return {blocks} }}"
    );
    let program: Program = text.parse().expect("a program");
    let start = std::time::Instant::now();
    assert_eq!(verify(&program), Ok(()));
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn errors_cite_the_invariant_by_name() {
    let program: Program = "entry input ip: fn0 fn0 \"a\" ip { block0: return }".parse().unwrap();
    let errors = verify(&program).unwrap_err();
    assert_eq!(errors[0].to_string(), "fn0 block0: a base chain returns, against base-chains");
}
