//! A decision graph of 100,000 leaves, each with a list of counters, as an optimiser makes of rules
//! that decide by addresses: it loads on every target, and decides and counts as the interpreter
//! does.

use bpfc_driver::targets;
use bpfc_ir::{
    Arm, Base, BaseChain, Block, ChainData, Condition, Contents, Counted, Counter, Entry, Family,
    Func, FunctionBuilder, Hook, Meta, Op, Program, RuleData, RuleKind, Switch, Terminator, Type,
    Value, Verdict, verify,
};
use bpfc_packet::{Packet, PacketBuilder};
use bpfc_tests::ir_program::{compiled, in_the_kernel, interpreted};
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::require;
use bpfc_tests::require::Need;
use std::sync::Arc;

/// Leaves for each of the two protocols that the graph tells apart.
const LEAVES: u32 = 50_000;
/// The first address that has a leaf, and how far two of them are apart.
const FIRST: u32 = 0x0a00_0000;
const STRIDE: u32 = 3;

/// Two trees of leaves by the source address, of which the second also leads into the first: cuts
/// have edges over them. Some leaves ask for four bytes that the packet was asked for once, at the
/// root, so that segments have to carry them.
fn graph() -> Program {
    let mut program = Program::new();
    let chain = ChainData {
        family: Family::Ipv4.into(),
        table: "filter".into(),
        name: "INPUT".into(),
        hook: Some(Hook::Input),
    };
    let entity = program.chains.push(chain.clone());
    let mut counter = |kind| {
        let data = RuleData { chain: entity, kind, is_final: false, span: None };
        program.counted_rule(data).1
    };
    let counters: Vec<Counter> =
        (1..=2 * LEAVES).map(|number| counter(RuleKind::Rule(number))).collect();
    let policy = counter(RuleKind::Policy);

    let mut builder = FunctionBuilder::of_chain(entity, &chain, Family::Ipv4);
    let [root, whole, udp, other] = std::array::from_fn(|_| builder.block());
    let leaves: Vec<Block> = (0..2 * LEAVES).map(|_| builder.block()).collect();
    builder.switch_to(root);
    let there = builder.available(Base::Transport, 24);
    builder.branch(there, whole, other);
    builder.switch_to(whole);
    // Behind what programs copy of the transport header.
    let number = builder.payload(Type::I32, Base::Transport, 20);
    let protocol = builder.meta(Meta::L4Proto);
    let tcp = builder.block();
    let arms = vec![Arm::of(6, tcp), Arm::of(17, udp)];
    builder.terminate(switch(protocol, arms, other));
    let address = |at: u32| u128::from(FIRST + STRIDE * at);
    for (block, second) in [(tcp, false), (udp, true)] {
        builder.switch_to(block);
        let source = builder.payload(Type::I32, Base::Network, 12);
        let arms = (0..LEAVES).map(|at| {
            let leaf = if second && at % 10 != 0 { LEAVES + at } else { at };
            Arm::of(address(at), leaves[leaf as usize])
        });
        builder.terminate(switch(source, arms.collect(), other));
    }
    for (at, &leaf) in leaves.iter().enumerate() {
        // What no edge leads to is left out.
        if at >= LEAVES as usize && at % 10 == 0 {
            continue;
        }
        builder.switch_to(leaf);
        let verdict = if at % 3 == 0 { Verdict::Drop } else { Verdict::Accept };
        if at % 64 == 5 {
            let same = builder.compare_const(Condition::Eq, number, at as u128);
            builder.require(same, other);
        }
        let list = [counters[at], counters[at / 2], policy];
        let list = program.counter_lists.push(list[..1 + at % 3].into());
        builder.push(Op::Count(Counted::All(list)));
        builder.verdict(verdict);
    }
    builder.switch_to(other);
    builder.count(policy);
    builder.verdict(Verdict::Drop);
    let func: Func = program.funcs.push(Arc::new(builder.finish()));
    let chains = vec![BaseChain::of(func)];
    program.entries.push(Entry { hook: Hook::Input, family: Family::Ipv4.into(), chains });
    program
}

fn switch(value: Value, arms: Vec<Arm>, otherwise: Block) -> Terminator {
    Terminator::Switch(Box::new(Switch { value, arms, otherwise }))
}

/// Packets to all kinds of leaves and past them, with the bytes that some leaves ask for.
fn packets() -> Vec<Packet> {
    let mut packets = Vec::new();
    for at in (0..LEAVES).step_by(1_231).chain([0, 5, 69, LEAVES - 1]) {
        for number in [at, at + LEAVES, 7] {
            for past in [0, 1] {
                let source = (FIRST + STRIDE * at + past).to_be_bytes();
                let from = || {
                    let bytes = [[0; 12].as_slice(), &number.to_be_bytes(), &[0; 8]].concat();
                    PacketBuilder::ipv4(source, [10, 9, 9, 9]).payload(bytes)
                };
                packets.push(from().udp(1, 2).build());
                packets.push(from().tcp(1, 2, 2).build());
            }
        }
    }
    packets
}

#[test]
fn a_hundred_thousand_leaves_load_and_decide_right() {
    if !require::met(&[Need::Root]) {
        return;
    }
    let program = graph();
    assert_eq!(verify(&program), Ok(()));
    let (packets, contents) = (packets(), Contents::default());
    let expected = interpreted(&program, &contents, &packets);
    assert!([Verdict::Accept, Verdict::Drop].iter().all(|v| expected.0.contains(v)));
    assert!(expected.1.values().filter(|counts| counts.0 > 0).count() > 80);
    for target in targets() {
        let artifact = compiled(&program, &contents, *target);
        let found = isolated(|| in_the_kernel(&artifact, *target, &packets));
        assert!(found == expected, "{}", target.name());
    }
}
