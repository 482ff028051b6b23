use super::*;
use crate::generate::{self, Choices};
use bpfc_ir::{Counter, verify};
use bpfc_packet::{Conntrack, InterfaceName, PacketBuilder, Tuple, ct_state};
use proptest::prelude::*;

fn tcp(port: u16) -> Packet {
    let mut packet = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2]).tcp(4000, port, 2).build();
    packet.in_interface = InterfaceName::new("eth0").unwrap();
    packet
}

/// A program of a base chain's blocks, with three rules and a user chain.
fn program(blocks: &str) -> Program {
    let text = format!(
        "state0 = cycle 3 start 1 chain0 = ip \"filter\" \"base\"
         rule0 = chain0 number 1 rule1 = chain0 number 2 rule2 = chain0 policy
         counter0 = rule0 counter1 = rule1 counter2 = rule2
         entry input ip: fn0
         fn0 \"base\" ip {{ {blocks} }}
         fn1 \"user\" ip {{
             block0: count counter1 v0 = load.i16 net+2 v1 = const.i16 50
                 v2 = cmp lt v0, v1 br v2, block1, block2
             block1: return
             block2: verdict drop }}"
    );
    text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn run(program: &Program, packet: &Packet) -> Result<Outcome, InterpretError> {
    interpret(program, Hook::Input, packet, &mut Environment::new(program))
}

fn fault(blocks: &str) -> Fault {
    match run(&program(blocks), &tcp(22)) {
        Err(InterpretError::Fault { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rules_decide_count_and_mark() {
    let program = program(
        "block0: v0 = avail th 4 br v0, block1, block4
         block1: v1 = load.i16 th+2 v2 = range v1, 20..23 br v2, block2, block3
         block2: count counter0 @rule0 log rule0 syslog level 4 flags 1 prefix \"ssh: \" v3 = const.i32 7 mark v3 v4 = load.i32 meta.mark
                 v5 = cmp eq v4, v3 br v5, block5, block4
         block5: call fn1, block3
         block3: count counter2 verdict accept
         block4: verdict drop",
    );
    assert_eq!(verify(&program), Ok(()));
    let rules = |numbers: &[u32]| numbers.iter().map(|&n| Rule::from_u32(n)).collect::<Vec<_>>();
    let mut environment = Environment::new(&program);
    let mut go = |packet: &Packet| interpret(&program, Hook::Input, packet, &mut environment);
    assert_eq!(
        go(&tcp(22)),
        Ok(Outcome {
            verdict: Verdict::Accept,
            rules: rules(&[0, 1, 2]),
            logs: rules(&[0]),
            mark: 7,
            connection_mark: None,
            priority: None,
            queue: None,
            rewritten: None
        })
    );
    assert_eq!(
        go(&tcp(80)),
        Ok(Outcome {
            verdict: Verdict::Accept,
            rules: rules(&[2]),
            logs: vec![],
            mark: 0,
            connection_mark: None,
            priority: None,
            queue: None,
            rewritten: None
        })
    );
    let mut long = PacketBuilder::ipv4([1, 1, 1, 1], [2, 2, 2, 2]).tcp(1, 22, 2);
    long = long.payload(vec![0; 10]);
    assert_eq!(
        go(&long.build()),
        Ok(Outcome {
            verdict: Verdict::Drop,
            rules: rules(&[0, 1]),
            logs: rules(&[0]),
            mark: 7,
            connection_mark: None,
            priority: None,
            queue: None,
            rewritten: None
        })
    );
    assert_eq!(environment.counter(Counter::from_u32(0)), Counts { packets: 2, bytes: 40 + 50 });
}

#[test]
fn later_loads_see_what_was_written() {
    let program = program(
        "block0: v0 = avail th 18 br v0, block1, block3
         block1: v1 = load.i8 net+8 v2 = const.i8 5 store net+8, v2
                 v3 = zext.i16 v1 v4 = const.i16 8 v5 = shl v3, v4
                 v6 = const.i16 0x0500 checksum net+10, v5, v6
                 v7 = load.i16 th+2 v8 = const.i16 80 store th+2, v8 checksum th+16, v7, v8
                 v9 = load.i8 net+8 v10 = cmp eq v9, v2 br v10, block2, block3
         block2: verdict accept
         block3: verdict drop",
    );
    assert_eq!(verify(&program), Ok(()));
    let wanted = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2])
        .with_ipv4(|header| header.ttl = 5)
        .tcp(4000, 80, 2);
    let outcome = run(&program, &tcp(22)).unwrap();
    assert_eq!(outcome.verdict, Verdict::Accept);
    assert_eq!(outcome.rewritten.unwrap().bytes, wanted.build().bytes);
}

#[test]
fn a_connection_that_was_marked_has_that_mark() {
    let program = program(
        "block0: v0 = load.i8 ct.present v1 = const.i8 0 v2 = cmp ne v0, v1 br v2, block1, block3
         block1: v3 = load.i32 ct.mark v4 = const.i32 6 v5 = xor v3, v4 ct-mark v5
                 v6 = load.i32 ct.mark v7 = cmp eq v6, v5 br v7, block2, block3
         block2: verdict drop
         block3: verdict accept",
    );
    assert_eq!(verify(&program), Ok(()));
    let outcome = run(&program, &tcp(22)).unwrap();
    assert_eq!((outcome.verdict, outcome.connection_mark), (Verdict::Accept, None));
    let mut packet = tcp(22);
    let tuple = Tuple {
        source: [10, 0, 0, 1].into(),
        destination: [10, 0, 0, 2].into(),
        source_port: 1,
        destination_port: 22,
    };
    packet.conntrack = Some(Conntrack {
        state: ct_state::NEW,
        status: 0,
        reply: false,
        mark: 3,
        protocol: 6,
        original: tuple,
        replies: tuple,
    });
    let outcome = run(&program, &packet).unwrap();
    assert_eq!((outcome.verdict, outcome.connection_mark), (Verdict::Drop, Some(5)));
}

#[test]
fn states_step_over_packets() {
    let program = program(
        "block0: v0 = take state0 v1 = const.i32 0 v2 = cmp eq v0, v1 br v2, block1, block2
         block1: verdict accept
         block2: verdict drop",
    );
    let mut environment = Environment::new(&program);
    let verdicts: Vec<_> = (0..7)
        .map(|_| interpret(&program, Hook::Input, &tcp(1), &mut environment).unwrap().verdict)
        .map(|verdict| verdict == Verdict::Accept)
        .collect();
    assert_eq!(verdicts, [false, true, false, false, true, false, false]);
}

#[test]
fn without_an_entry_packets_pass() {
    let program = program("block0: verdict drop");
    let packet = tcp(1);
    let mut environment = Environment::new(&program);
    let outcome = interpret(&program, Hook::Forward, &packet, &mut environment).unwrap();
    assert_eq!(
        outcome,
        Outcome {
            verdict: Verdict::Accept,
            rules: vec![],
            logs: vec![],
            mark: 0,
            connection_mark: None,
            priority: None,
            queue: None,
            rewritten: None
        }
    );
    assert_eq!(run(&program, &packet).unwrap().verdict, Verdict::Drop);
    let mut broken = packet.clone();
    broken.bytes[10] ^= 1;
    assert_eq!(run(&program, &broken), Err(InterpretError::NotDelivered(NotDelivered::Checksum)));
}

#[test]
fn later_base_chains_run_after_an_accept() {
    let mut program: Program = "entry input ip: fn0, fn1
        fn0 \"a\" ip { block0: verdict accept }
        fn1 \"b\" ip { block0: verdict drop }"
        .parse()
        .unwrap();
    assert_eq!(run(&program, &tcp(1)).unwrap().verdict, Verdict::Drop);
    program.entries[0].chains.swap(0, 1);
    assert_eq!(run(&program, &tcp(1)).unwrap().verdict, Verdict::Drop);
}

#[test]
fn broken_programs_are_errors() {
    let inst = Inst::from_u32;
    assert_eq!(fault("block0: v0 = load.i32 th+18 return"), Fault::Unguarded(inst(0)));
    assert_eq!(fault("block0: v0 = load.i32 ct.mark return"), Fault::Unguarded(inst(0)));
    assert_eq!(fault("block0: v0 = load.i8 link+0 return"), Fault::Unguarded(inst(0)));
    assert_eq!(fault("block0: v0 = load.i64 net+33 return"), Fault::Unguarded(inst(0)));
    assert_eq!(fault("block0: v0 = const.i8 256 return"), Fault::Operands(inst(0)));
    assert_eq!(
        fault("block0: v0 = const.i32 0xffffffff v1 = load.i8 at v0 + 0 return"),
        Fault::Unguarded(inst(1))
    );
    assert_eq!(fault("block0: v0 = const.i8 8 v1 = shl v0, v0 return"), Fault::Operands(inst(1)));
    assert_eq!(fault("block0: return"), Fault::BaseChainReturns);
    assert_eq!(fault("block0: jump block0"), Fault::Endless);
    assert_eq!(fault("block0: call fn0, block0"), Fault::Endless);
    assert_eq!(
        fault("block0: mark v0 return block1: v0 = random return"),
        Fault::Undefined(Value::from_u32(0))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn verified_programs_have_no_faults(seed: u64) {
        let program = generate::program(seed, 5, 12);
        let mut choices = Choices::new(seed);
        let contents = generate::contents(&mut choices);
        let mut environment = Environment::new(&program).with_contents(&contents);
        for _ in 0..20 {
            let packet = generate::packet(&mut choices);
            match interpret(&program, Hook::Input, &packet, &mut environment) {
                Ok(_) | Err(InterpretError::NotDelivered(_)) => {}
                Err(error) => prop_assert!(false, "{} on {:?} in {}", error, packet, program),
            }
        }
    }

    #[test]
    fn damaged_programs_never_panic(seed: u64, at: prop::sample::Index, new in "[0-9a-z .]") {
        let text = generate::program(seed, 2, 4).to_string();
        let mut chars: Vec<char> = text.chars().collect();
        let at = at.index(chars.len());
        chars.splice(at..=at, new.chars());
        let text: String = chars.into_iter().collect();
        if let Ok(program) = text.parse::<Program>() {
            let mut choices = Choices::new(seed);
            for _ in 0..5 {
                let _ = run(&program, &generate::packet(&mut choices));
            }
        }
    }
}
