//! Plans of base chains decide and count as the chains do: random programs with every effect there
//! is, and chains of rules as rulesets have them, with negations, calls, returns and rules that
//! count and go on; the same packets with plans and without.

use bpfc_classify::check;
use bpfc_interpret::{
    Environment,
    generate::{self, Choices},
    interpret, interpret_with,
};
use bpfc_ir::{
    Base, BaseChain, Block, ChainData, Condition, Counter, CounterDef, CtField, Entry, Family,
    Func, FunctionBuilder, Hook, Meta, Op, Program, RuleData, RuleKind, Shortcut, Terminator, Type,
    Value, Verdict, verify,
};
use bpfc_opt::{Extracted, Reach, extract};
use bpfc_packet::InterfaceName;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeMap;

/// The plans of a program's base chains, each proved.
fn plans(program: &Program, reach: Reach) -> BTreeMap<Func, Extracted> {
    let chains = program.entries.iter().flat_map(|entry| entry.funcs());
    let plans = chains.filter_map(|chain| {
        let plan = extract(program, chain, reach).ok()?;
        assert_eq!(check(&plan.plan), Ok(()));
        Some((chain, plan))
    });
    plans.collect()
}

/// The same packets with plans and without: verdicts, rules in order, marks, records and counters.
/// Answers how many packets a plan took past its chain's first rules.
fn same(
    program: &Program,
    plans: &BTreeMap<Func, Extracted>,
    seed: u64,
) -> Result<usize, TestCaseError> {
    let mut choices = Choices::new(seed);
    let contents = generate::contents(&mut choices);
    let [mut old, mut new] =
        [program, program].map(|program| Environment::new(program).with_contents(&contents));
    let mut passed = 0;
    for _ in 0..40 {
        let mut packet = generate::packet(&mut choices);
        packet.out_interface = InterfaceName::NONE;
        if let Some(ports) = &mut packet.bridge {
            ports.output = InterfaceName::NONE;
        }
        let expected = interpret(program, Hook::Input, &packet, &mut old);
        let mut shortcut = |chain: Func, read: &dyn Fn(&Op) -> Option<u128>| -> Option<Shortcut> {
            let way = plans.get(&chain)?.way(read).cloned();
            passed += usize::from(way.is_some());
            way
        };
        let found = interpret_with(program, Hook::Input, &packet, &mut new, &mut shortcut);
        prop_assert_eq!(&found, &expected, "{:?}\n{}", packet, program);
    }
    for counter in program.counters.keys() {
        prop_assert_eq!(old.counter(counter), new.counter(counter));
    }
    Ok(passed)
}

/// Chains of rules whose tests are facts; now and then a rule does something besides.
fn ruleset(seed: u64, chains: usize, rules: usize) -> Program {
    let mut choices = Choices::new(seed);
    let mut program = Program::new();
    for family in [Family::Ipv4, Family::Ipv6] {
        let first = program.funcs.len();
        let count = 1 + choices.below(chains);
        for at in 0..count {
            let hook = (at == 0).then_some(Hook::Input);
            let (table, name) = ("filter".to_owned(), format!("C{at}"));
            let data = ChainData { family: family.into(), table, name, hook };
            let chain = program.chains.push(data.clone());
            let mut builder = FunctionBuilder::of_chain(chain, &data, family);
            let callees: Vec<Func> =
                (first + at + 1..first + count).map(|at| Func::from_u32(at as u32)).collect();
            let (mut next, end) = (builder.block(), builder.block());
            for number in 1..=rules as u32 {
                let kind = RuleKind::Rule(number);
                let (rule, counter) =
                    program.counted_rule(RuleData { chain, kind, is_final: false, span: None });
                builder.set_rule(Some(rule));
                builder.switch_to(next);
                next = builder.block();
                for _ in 0..choices.below(4) {
                    test(&mut choices, &mut builder, next, end);
                }
                action(&mut choices, &mut builder, counter, &callees, at == 0, next);
            }
            let kind = RuleKind::Policy;
            let policy = program.rules.push(RuleData { chain, kind, is_final: true, span: None });
            let counter = program.counters.push(CounterDef::only(policy));
            builder.set_rule(Some(policy));
            builder.switch_to(next);
            if at == 0 {
                builder.count(counter);
                builder.verdict(Verdict::Drop);
            } else {
                builder.terminate(Terminator::Return);
            }
            builder.switch_to(end);
            builder.verdict(Verdict::Drop);
            program.funcs.push(builder.finish().into());
        }
        let chains = vec![BaseChain::of(Func::from_u32(first as u32))];
        program.entries.push(Entry { hook: Hook::Input, family: family.into(), chains });
    }
    verify(&program).unwrap_or_else(|errors| panic!("{}\n{program}", errors[0]));
    program
}

/// A test as front ends write it: what is not there ends the chain, failing leads to `next`.
fn test(choices: &mut Choices, builder: &mut FunctionBuilder, next: Block, end: Block) {
    let is_ipv4 = builder.family() == Family::Ipv4;
    let condition = match choices.below(8) {
        0 | 1 if is_ipv4 => {
            let address = builder.payload(Type::I32, Base::Network, choices.of(&[12, 16]));
            let mask =
                choices.of(&[0xffff_ffff, 0xffff_fffe, 0xffff_fffc, 0xff00_0000, 0x0000_0001]);
            let number = 0x0a00_0000 | u128::from(choices.number() & 3);
            masked(choices, builder, address, mask, number)
        }
        0 | 1 => {
            let address = builder.payload(Type::I128, Base::Network, choices.of(&[8, 24]));
            let mask = choices.of(&[u128::MAX << 96, u128::MAX << 120, 1, 3]);
            let number = 0x2001_0db8_u128 << 96 | u128::from(choices.number() & 3);
            masked(choices, builder, address, mask, number)
        }
        2 => {
            let protocol = builder.meta(Meta::L4Proto);
            builder.compare_const(Condition::Eq, protocol, choices.of(&[6, 17, 132]))
        }
        3 | 4 => {
            // Ports of what has ports: first fragments, and no truncated headers.
            let protocol = builder.meta(Meta::L4Proto);
            let is_tcp = builder.compare_const(Condition::Eq, protocol, choices.of(&[6, 17]));
            builder.require(is_tcp, next);
            let offset = builder.meta(Meta::FragmentOffset);
            let is_first = builder.compare_const(Condition::Eq, offset, 0);
            builder.require(is_first, next);
            let available = builder.available(Base::Transport, 4);
            builder.require(available, end);
            let port = builder.payload(Type::I16, Base::Transport, choices.of(&[0, 2]));
            match choices.below(3) {
                0 => builder.in_range(port, 22, 400 + choices.below(100) as u128),
                1 => builder.compare_const(
                    choices.of(&[Condition::Lt, Condition::Ge, Condition::Gt, Condition::Le]),
                    port,
                    choices.of(&[22, 53, 443]),
                ),
                _ => builder.compare_const(Condition::Eq, port, choices.of(&[22, 53, 443])),
            }
        }
        5 => {
            let mark = builder.meta(Meta::Mark);
            builder.in_range(mark, choices.below(2) as u128, 1 + choices.below(3) as u128)
        }
        6 => {
            let state = builder.ct(CtField::State);
            let some = builder.mask(state, choices.of(&[6, 8, 12, 65]));
            builder.compare_const(Condition::Ne, some, 0)
        }
        _ => {
            let name = builder.meta(Meta::InInterface);
            let eth = u128::from(u32::from_be_bytes(*b"eth0")) << 96;
            let mask = choices.of(&[u128::MAX, u128::MAX << 104]);
            masked(choices, builder, name, mask, eth)
        }
    };
    if choices.once_in(4) {
        builder.forbid(condition, next);
    } else {
        builder.require(condition, next);
    }
}

fn masked(
    choices: &mut Choices,
    builder: &mut FunctionBuilder,
    value: Value,
    mask: u128,
    number: u128,
) -> Value {
    let value = if builder.ty(value).max() == mask { value } else { builder.mask(value, mask) };
    let condition = choices.of(&[Condition::Eq, Condition::Eq, Condition::Ne]);
    builder.compare_const(condition, value, number & mask)
}

/// What a rule does with what it matches.
fn action(
    choices: &mut Choices,
    builder: &mut FunctionBuilder,
    counter: Counter,
    callees: &[Func],
    is_base: bool,
    next: Block,
) {
    if choices.once_in(12) {
        let mark = builder.constant(Type::I32, choices.below(4) as u128);
        builder.push(Op::SetMark(mark));
    }
    if !choices.once_in(10) {
        builder.count(counter);
    }
    match choices.below(8) {
        0 | 1 => builder.jump(next),
        2 | 3 if !callees.is_empty() => {
            let callee = choices.of(callees);
            builder.terminate(Terminator::Call { callee, next });
        }
        4 if !is_base => builder.terminate(Terminator::Return),
        at => builder.verdict(if at % 2 == 0 { Verdict::Accept } else { Verdict::Drop }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        rng_seed: RngSeed::Fixed(5),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn plans_decide_and_count_as_the_code(
        seed: u64,
        rules in prop_oneof![2usize..20, Just(300)],
        blocks in prop_oneof![1usize..60, Just(2_000)],
        is_simplified: bool,
    ) {
        let mut program = generate::program(seed, 8, 8);
        if is_simplified {
            prop_assert!(bpfc_opt::prepare(&mut program, &[]).is_ok());
        }
        let plans = plans(&program, Reach { rules, terms: 500, blocks });
        same(&program, &plans, seed)?;
    }

    #[test]
    fn plans_of_rulesets_decide_and_count_as_they_do(
        seed: u64,
        chains in 1usize..5,
        length in 1usize..7,
        rules in prop_oneof![2usize..40, Just(400)],
    ) {
        let program = ruleset(seed, chains, length);
        let plans = plans(&program, Reach { rules, terms: 500, blocks: 40_000 });
        same(&program, &plans, seed)?;
    }
}

/// Random programs have effects everywhere, and some plans all the same; rulesets nearly all.
#[test]
fn most_rulesets_have_plans() {
    let reach = Reach { rules: 400, terms: 600, blocks: 40_000 };
    let planned = |program: &Program, seed| {
        let plans = plans(program, reach);
        let ways = plans.values().map(|plan| plan.ways.len()).max().unwrap_or(0);
        (same(program, &plans, seed).expect("the same") > 0).then_some(ways)
    };
    let random = (0..40).filter_map(|seed| planned(&generate::program(seed, 8, 8), seed));
    assert!(random.count() > 3);
    let rulesets: Vec<usize> =
        (0..24).filter_map(|seed| planned(&ruleset(seed, 3, 5), seed)).collect();
    assert!(rulesets.len() > 12, "{rulesets:?}");
    assert!(rulesets.iter().filter(|&&ways| ways > 8).count() > 6, "{rulesets:?}");
}
