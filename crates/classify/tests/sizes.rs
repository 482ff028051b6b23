//! What lookups cost, in steps that no machine changes: over filter sets of every shape, and over
//! ClassBench's own where `BPFC_CLASSBENCH` names a folder of them.

use bpfc_classify::{
    Cost, Key, Layout, Options, Plan, Rules, build, check,
    generate::{Filter, Numbers, Packet, Shape},
    lookup,
};

/// Means of stages, nodes and tests of packets of the filters, and the most that any packet took.
fn measure(plan: &Plan, filters: &[Filter], key: impl Fn(&Packet) -> Key) -> ([f64; 3], [u32; 3]) {
    let mut numbers = Numbers::new(1);
    let of = |numbers: &mut Numbers| {
        filters[numbers.below(filters.len() as u64) as usize].packet(numbers)
    };
    let figures = |cost: Cost| [cost.stages, cost.nodes, cost.tests];
    let (mut sums, mut most) = ([0u64; 3], [0u32; 3]);
    let mut take = |packet: &Packet, counts: bool| {
        let key = key(packet);
        let (found, cost) = lookup(plan, &key);
        if is_sampled(&key) {
            assert_eq!(found, plan.rules.first_match(&key));
        }
        for (at, figure) in figures(cost).into_iter().enumerate() {
            sums[at] += if counts { u64::from(figure) } else { 0 };
            most[at] = most[at].max(figure);
        }
    };
    const PACKETS: u64 = 16_384;
    for _ in 0..PACKETS {
        let packet = of(&mut numbers);
        take(&packet, true);
        // What no filter was made for: fields of several.
        let (other, third) = (of(&mut numbers), of(&mut numbers));
        take(&Packet { destination: other.destination, ..packet }, false);
        take(&Packet { source: packet.source, destination: other.destination, ..third }, false);
        take(&Packet::any(&mut numbers), false);
    }
    (sums.map(|sum| sum as f64 / PACKETS as f64), most)
}

/// One key in 64 is looked for by linear search, too.
fn is_sampled(key: &Key) -> bool {
    key.0.iter().fold(0u64, |all, word| (all ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 58 == 0
}

fn plan(layout: Layout, rules: Vec<bpfc_classify::Rule>) -> Plan {
    let rules = Rules::new(layout, &rules).expect("rules");
    build(rules, &Options::default()).expect("a plan")
}

fn report(name: &str, plan: &Plan, means: [f64; 3], most: [u32; 3]) {
    println!(
        "{name}: {} terms, {} KB, leaves of {}, depth {}; mean stages {:.2} nodes {:.2} tests {:.2}, \
         most {most:?}",
        plan.rules.len(),
        plan.table.len() / 128,
        plan.longest,
        plan.depth,
        means[0],
        means[1],
        means[2]
    );
}

fn gate(name: &str, plan: &Plan, (means, most): ([f64; 3], [u32; 3])) {
    report(name, plan, means, most);
    assert!(means[1] <= 4.0 && means[2] <= 4.0, "{name}: {means:?}");
    assert!(most[1] <= 20 && most[2] <= 40, "{name}: {most:?}");
}

#[test]
fn ten_thousand_rules_take_four_nodes_and_four_tests() {
    for (shape, seed) in Shape::ALL.into_iter().flat_map(|shape| [(shape, 7), (shape, 8)]) {
        let filters = shape.filters(seed, 10_000);
        let numbered = || (0..).zip(&filters);
        let layout = Layout::ipv4();
        let rules = numbered().map(|(at, filter)| filter.rule(at, at)).collect();
        let four = plan(layout.clone(), rules);
        assert_eq!(check(&four), Ok(()));
        gate(shape.name(), &four, measure(&four, &filters, |packet| packet.key(&layout)));
        let layout = Layout::ipv6();
        let rules = numbered().map(|(at, filter)| filter.rule6(at, at)).collect();
        let six = plan(layout.clone(), rules);
        assert_eq!(check(&six), Ok(()));
        gate(shape.name(), &six, measure(&six, &filters, |packet| packet.key6(&layout)));
    }
}

/// A line of ClassBench: `@SRC/LEN DST/LEN LOW : HIGH LOW : HIGH PROTO/MASK FLAGS/MASK`.
fn filter(line: &str) -> Option<Vec<Filter>> {
    let mut words = line.strip_prefix('@')?.split_whitespace().filter(|word| *word != ":");
    let mut prefix = || {
        let (address, length) = words.next()?.split_once('/')?;
        let address = address.parse::<std::net::Ipv4Addr>().ok()?.to_bits();
        let length: u32 = length.parse().ok()?;
        Some((address & !u32::MAX.checked_shr(length).unwrap_or(0), length))
    };
    let (source, destination) = (prefix()?, prefix()?);
    let mut ports = || Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?));
    let (source_ports, destination_ports): ((u16, u16), (u16, u16)) = (ports()?, ports()?);
    let (number, mask) = words.next()?.split_once('/')?;
    let number = u8::from_str_radix(number.strip_prefix("0x")?, 16).ok()?;
    let any = (0, u16::MAX);
    let protocols = match (mask, (source_ports, destination_ports) == (any, any)) {
        ("0xFF", _) => vec![Some(number)],
        (_, true) => vec![None],
        // Ports are those of two protocols.
        (_, false) => vec![Some(6), Some(17)],
    };
    let made = protocols.into_iter().map(|protocol| {
        let has_ports = matches!(protocol, Some(6 | 17));
        let ports = |ports| if has_ports { ports } else { any };
        let (source_ports, destination_ports) = (ports(source_ports), ports(destination_ports));
        Filter { source, destination, protocol, destination_ports, source_ports }
    });
    Some(made.collect())
}

#[test]
fn classbench_takes_no_more() {
    let Some(folder) = std::env::var_os("BPFC_CLASSBENCH") else {
        return;
    };
    let files = std::fs::read_dir(&folder).expect("a folder");
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("text");
        let filters: Vec<Filter> = text.lines().filter_map(filter).flatten().collect();
        if filters.is_empty() {
            continue;
        }
        let layout = Layout::ipv4();
        let numbered = (0..).zip(&filters);
        let start = std::time::Instant::now();
        let plan = plan(layout.clone(), numbered.map(|(at, filter)| filter.rule(at, at)).collect());
        println!("built in {:?}", start.elapsed());
        assert_eq!(check(&plan), Ok(()));
        gate(
            &path.display().to_string(),
            &plan,
            measure(&plan, &filters, |packet| packet.key(&layout)),
        );
    }
}
