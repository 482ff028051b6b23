//! Passes do not change what a program does: random programs decide, count and mark random
//! packets before as after.

use bpfc_interpret::{
    Environment,
    generate::{self, Choices},
    interpret,
};
use bpfc_ir::{Hook, Program};
use bpfc_opt::{Limits, OptError, Options, PASSES, prepare, run};
use bpfc_packet::InterfaceName;
use proptest::prelude::*;

/// Two programs, the same packets: verdicts, rules in order, marks and counters.
fn same(before: &Program, after: &Program, seed: u64) -> Result<(), TestCaseError> {
    let mut choices = Choices::new(seed);
    let contents = generate::contents(&mut choices);
    let [mut old, mut new] =
        [before, after].map(|program| Environment::new(program).with_contents(&contents));
    for _ in 0..20 {
        let mut packet = generate::packet(&mut choices);
        // As at the kernel's hook: nothing of a packet's way out is known.
        packet.out_interface = InterfaceName::NONE;
        if let Some(ports) = &mut packet.bridge {
            ports.output = InterfaceName::NONE;
        }
        let expected = interpret(before, Hook::Input, &packet, &mut old);
        let found = interpret(after, Hook::Input, &packet, &mut new);
        prop_assert_eq!(&found, &expected, "{:?}\n{}\n{}", packet, before, after);
    }
    for counter in before.counters.keys() {
        prop_assert_eq!(old.counter(counter), new.counter(counter));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn passes_keep_the_meaning(
        seed: u64,
        disabled in prop::option::of(0..PASSES.len()),
        depth in 1usize..4,
        functions in 2usize..12,
    ) {
        let before = generate::program(seed, 8, 8);
        let mut after = before.clone();
        let limits = Limits { depth, functions, ..Limits::default() };
        let disabled = disabled.map(|at| PASSES[at].name.to_owned()).into_iter().collect();
        let mut seen = 0;
        let mut observe = |_: &bpfc_opt::Pass, _: &Program| seen += 1;
        let mut options = Options {
            disabled,
            limits,
            after: Some(&mut observe),
            ..Options::default()
        };
        let inlines = !options.disabled.iter().any(|name| name == "inline");
        match run(&mut after, &mut options) {
            Ok(()) => {}
            Err(OptError::Diagnostic(_)) => return Ok(()),
            Err(error) => prop_assert!(false, "{}\n{}", error, after),
        }
        prop_assert!(seen >= 1);
        same(&before, &after, seed)?;
        if inlines {
            prop_assert!(after.funcs.len() <= functions);
            prop_assert!(nesting(&after) <= depth);
        }
        let text = after.to_string();
        let read = text.parse::<Program>();
        prop_assert_eq!(read.as_ref(), Ok(&after));
    }

    #[test]
    fn what_is_prepared_once_becomes_the_same(seed: u64, left_out: usize) {
        let whole = generate::program(seed, 8, 8);
        let mut prepared = whole.clone();
        let settled = prepare(&mut prepared, &[]).expect("simplified");
        let part = |program: &Program| {
            let mut part = program.clone();
            part.entries.remove(left_out % part.entries.len());
            part
        };
        let mut alone = part(&whole);
        let mut shared = part(&prepared);
        prop_assert!(run(&mut alone, &mut Options::default()).is_ok());
        let mut options = Options { settled, ..Options::default() };
        prop_assert!(run(&mut shared, &mut options).is_ok());
        prop_assert!(alone == shared, "{}\n{}", alone, shared);
    }

    #[test]
    fn what_is_simplified_stays_as_it_is(seed: u64) {
        let mut program = generate::program(seed, 8, 8);
        let simplify = || Options { disabled: vec!["inline".to_owned()], ..Options::default() };
        prop_assert!(run(&mut program, &mut simplify()).is_ok());
        let once = program.clone();
        prop_assert!(run(&mut program, &mut simplify()).is_ok());
        prop_assert!(program == once, "{}\n{}", once, program);
    }
}

/// How many chains wait at once at most.
fn nesting(program: &Program) -> usize {
    let mut heights = vec![0; program.funcs.len()];
    for func in program.reachable().expect("no cycle") {
        let below = program.funcs[func].callees().map(|callee| heights[callee.as_u32() as usize]);
        heights[func.as_u32() as usize] = 1 + below.max().unwrap_or(0);
    }
    heights.into_iter().max().unwrap_or(0)
}

/// Chains that nest a thousand times deeper than eBPF's stack, and one that is called from
/// everywhere.
#[test]
fn deep_nesting_is_flattened_quickly() {
    let chains = 5_000;
    let mut text = String::from("entry input ip: fn0\n");
    for at in 0..chains {
        let call = if at + 1 < chains {
            format!("call fn{}, block1", at + 1)
        } else {
            "jump block1".to_owned()
        };
        let end = if at == 0 { "verdict drop" } else { "return" };
        text += &format!("fn{at} \"c{at}\" ip {{ block0: {call} block1: {end} }}\n");
    }
    let mut program: Program = text.parse().expect("a program");
    let start = std::time::Instant::now();
    run(&mut program, &mut Options::default()).expect("single calls do not grow");
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    assert!(nesting(&program) <= Limits::default().depth);
}

#[test]
fn unknown_passes_are_refused() {
    let mut options = Options { disabled: vec!["simplfy".to_owned()], ..Options::default() };
    let error = run(&mut Program::new(), &mut options).expect_err("no such pass");
    assert_eq!(error.to_string(), "no pass is called 'simplfy'");
}
