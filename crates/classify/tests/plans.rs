//! Plans find what linear search finds, and their checker says so: random rules that stand out of
//! order, nest oddly and have tests of every kind, over layouts of every kind of word.

use bpfc_classify::{
    BuildError, FieldDef, Form, Key, Layout, Options, Plan, Role, Rule, Rules, Test, build, check,
    generate::Numbers, lookup,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// A layout of three words of small fields, in which rules meet often.
fn small() -> Layout {
    let defs = [
        FieldDef::masked(8, Role::Source),
        FieldDef::ranged(6, Role::SourcePort),
        FieldDef::masked(8, Role::Destination),
        FieldDef::ranged(32, Role::Other),
        FieldDef::ranged(6, Role::DestinationPort),
        FieldDef::masked(64, Role::Other),
    ];
    Layout::new(&defs).expect("a layout")
}

/// A test of a field: numbers cluster around few values, so that bounds meet.
fn test(numbers: &mut Numbers, def: FieldDef) -> Vec<Test> {
    let max = def.max();
    let value = numbers.below(8).wrapping_mul(max / 7) ^ numbers.below(4);
    let value = value & max;
    let length = numbers.below(u64::from(def.bits) + 1) as u32;
    let prefix = Test::prefix(value, length, def.bits);
    let end = value + numbers.below((max - value).min(9).saturating_add(1));
    match (numbers.below(8), def.form) {
        (0..3, _) => vec![Test::Any],
        (3, _) => vec![Test::exact(value)],
        (4, _) => vec![prefix],
        (5, Form::Masked) => {
            vec![Test::Mask { mask: numbers.any() & numbers.any() & max, value }]
        }
        (5 | 6, _) => vec![Test::Range { low: value, high: end }],
        // A negation is the ranges beside a number.
        _ => {
            let below = value.checked_sub(1).map(|high| Test::Range { low: 0, high });
            let above = (value < max).then(|| Test::Range { low: value + 1, high: max });
            below.into_iter().chain(above).collect()
        }
    }
}

/// Rules in no order, whose actions are their places.
fn rules(numbers: &mut Numbers, layout: &Layout, count: u64) -> Vec<Rule> {
    let mut made = Vec::new();
    while (made.len() as u64) < count {
        let mut all: Vec<Vec<Test>> = vec![Vec::new()];
        let mut has_many = false;
        for field in layout.fields() {
            let tests = test(numbers, field.def);
            // No more than one field is negated or a range that is many prefixes.
            let is_range = |test: &Test| matches!(test, Test::Range { low, high } if low < high);
            let is_many = tests.iter().any(is_range) && field.def.form == Form::Masked;
            let tests = match tests.len() > 1 || is_many {
                true if all.len() > 1 || has_many => &[Test::Any][..],
                _ => &tests[..],
            };
            has_many |= is_many;
            let longer = |test: &Test| {
                let add = |one: &Vec<Test>| one.iter().chain([test]).copied().collect();
                all.iter().map(add).collect::<Vec<_>>()
            };
            all = tests.iter().flat_map(longer).collect();
        }
        let priority = numbers.below(count / 2 + 1) as u32;
        for tests in all {
            let action = made.len() as u32;
            made.push(Rule { tests, priority, action });
        }
    }
    made
}

/// A key at a corner of some rules, or beside it.
fn key(numbers: &mut Numbers, layout: &Layout, rules: &[Rule]) -> Key {
    let values: Vec<u64> = layout
        .fields()
        .iter()
        .enumerate()
        .map(|(at, field)| {
            let rule = &rules[numbers.below(rules.len() as u64) as usize];
            let (low, high) = match rule.tests[at] {
                Test::Any => (0, field.def.max()),
                Test::Mask { mask, value } => {
                    (value & mask, value & mask | field.def.max() & !mask)
                }
                Test::Range { low, high } => (low, high),
            };
            match numbers.below(6) {
                0 => low,
                1 => high,
                2 => low.saturating_sub(1),
                3 => high.saturating_add(1).min(field.def.max()),
                4 => numbers.between(low, high),
                _ => numbers.any() & field.def.max(),
            }
        })
        .collect();
    layout.key(&values)
}

fn planned(layout: &Layout, rules: &[Rule], options: &Options) -> Result<Plan, BuildError> {
    build(Rules::new(layout.clone(), rules).expect("rules"), options)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, rng_seed: RngSeed::Fixed(11), ..ProptestConfig::default() })]

    #[test]
    fn plans_find_what_linear_search_finds(
        seed: u64,
        which in 0usize..3,
        count in 1u64..120,
        leaf in 1usize..8,
        cells in 1u32..8,
        copies in 4u32..32,
    ) {
        let layout = match which {
            0 => small(),
            1 => Layout::ipv4(),
            _ => Layout::ipv6(),
        };
        let mut numbers = Numbers::new(seed);
        let rules = rules(&mut numbers, &layout, count);
        let options = Options {
            leaf,
            cells: cells.into(),
            copies: copies.into(),
            ..Options::default()
        };
        let plan = planned(&layout, &rules, &options);
        // Rules that overlap as oddly as these may be more than a leaf can hold.
        prop_assume!(plan.is_ok());
        let plan = plan.expect("a plan");
        prop_assert_eq!(check(&plan), Ok(()));
        let by_priority = |key: &Key| {
            // First match of the list as it was given: least priority, then first place.
            let mut first: Option<&Rule> = None;
            for rule in &rules {
                let alone = Rules::new(layout.clone(), std::slice::from_ref(rule)).expect("a rule");
                let is_better = first.is_none_or(|first| rule.priority < first.priority);
                if is_better && alone.first_match(key).is_some() {
                    first = Some(rule);
                }
            }
            first.map(|rule| rule.action)
        };
        for at in 0..400 {
            let key = key(&mut numbers, &layout, &rules);
            let expected = plan.rules.first_match(&key);
            let (found, cost) = lookup(&plan, &key);
            prop_assert_eq!(found, expected);
            if at < 20 {
                prop_assert_eq!(found.map(|found| found.action), by_priority(&key));
            }
            prop_assert!(cost.stages as usize <= plan.stages.len());
        }
        // A plan depends on its rules and options alone.
        let pool = rayon_pool(1 + (seed % 3) as usize);
        prop_assert_eq!(pool(&|| planned(&layout, &rules, &options)), Ok(plan));
    }

    #[test]
    fn what_is_wrong_with_a_table_is_found(seed: u64, which in 0usize..2, count in 20u64..120) {
        let layout = if which == 0 { small() } else { Layout::ipv4() };
        let mut numbers = Numbers::new(seed);
        let rules = rules(&mut numbers, &layout, count);
        let plan = planned(&layout, &rules, &Options::default());
        prop_assume!(plan.is_ok());
        let plan = plan.expect("a plan");
        prop_assert_eq!(check(&plan), Ok(()));
        // Whatever is changed so that some key finds another rule is a flaw.
        for _ in 0..40 {
            let mut other = plan.clone();
            if other.table.is_empty() {
                break;
            }
            let at = numbers.below(other.table.len() as u64) as usize;
            other.table[at] = match numbers.below(3) {
                0 => plan.table[numbers.below(plan.table.len() as u64) as usize],
                1 => plan.table[at] ^ 1 << numbers.below(64),
                _ => 0,
            };
            if check(&other).is_err() {
                continue;
            }
            for _ in 0..200 {
                let key = key(&mut numbers, &layout, &rules);
                prop_assert_eq!(lookup(&other, &key).0, plan.rules.first_match(&key));
            }
        }
    }
}

/// Runs something on so many threads.
fn rayon_pool<T: Send>(threads: usize) -> impl Fn(&(dyn Fn() -> T + Sync)) -> T {
    move |run| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("threads").install(run)
    }
}

#[test]
fn no_rules_and_rules_of_everything_have_plans() {
    let layout = Layout::ipv4();
    let none = planned(&layout, &[], &Options::default()).expect("a plan");
    assert_eq!(check(&none), Ok(()));
    assert_eq!(lookup(&none, &Key::default()).0, None);
    let all = |action| Rule { tests: vec![Test::Any; 5], priority: 0, action };
    let plan = planned(&layout, &[all(7), all(8)], &Options::default()).expect("a plan");
    assert_eq!(check(&plan), Ok(()));
    assert_eq!(lookup(&plan, &Key::default()).0.map(|found| found.action), Some(7));
}

#[test]
fn rules_that_nothing_tells_apart_are_refused() {
    // Each is wide in what separates the others: three hundred ranges around one number.
    let layout = Layout::new(&[FieldDef::ranged(16, Role::Other); 2]).expect("a layout");
    let range = |at: u64| Test::Range { low: 1000 - at, high: 60_000 + at };
    let nested = (0..300u64).map(|at| Rule {
        tests: vec![range(at), range(300 - at)],
        priority: at as u32,
        action: at as u32,
    });
    let rules = Rules::new(layout, &nested.collect::<Vec<_>>()).expect("rules");
    let plan = build(rules, &Options { copies: 1.0, ..Options::default() });
    assert_eq!(plan.expect_err("refused"), BuildError::Leaf(300));
}
