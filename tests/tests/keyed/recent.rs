//! Lists of recently seen addresses.

use crate::{artifact, in_lab, on_two_processors, packet, source};
use bpfc_runtime::{Filter, Options, RecentAddress, RecentEdit, TestPacket, Unattached};
use bpfc_tests::differential::EngineError;
use bpfc_tests::lab::inject::Frame;
use bpfc_tests::lab::oracle::{Oracle, Stage};
use bpfc_tests::lab::{Family, LabError};
use std::fs;

/// A ruleset that keeps the list `x` of at most 100 addresses.
const RULES: &str = "*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p udp -m udp --dport 1 -m recent --remove --name x
-A INPUT -p udp -m udp --dport 2 -m recent --update --rttl --name x
-A INPUT -p udp -m udp --dport 53 -m recent --set --name x
COMMIT
";

/// More addresses than a list holds, some of them several times, some removed again.
fn packets(family: Family) -> Vec<Frame> {
    let mut frames = Vec::new();
    for number in 10..=150 {
        frames.push(packet(family, number, 53, number));
        if number % 3 == 0 {
            frames.push(packet(family, number - 2, 53, 7));
        }
        if number % 7 == 0 {
            frames.push(packet(family, number - 5, 1, 9));
        }
        if number % 5 == 0 {
            frames.push(packet(family, number - 1, 2, number - 1));
        }
    }
    for _ in 0..40 {
        frames.push(packet(family, 149, 53, 3));
    }
    frames
}

fn kernel_list() -> Result<Vec<String>, EngineError> {
    let path = "/proc/thread-self/net/xt_recent/x";
    let text = fs::read_to_string(path).map_err(LabError::io(path))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Lines without what depends on the moment, sorted: the kernel lists by hash.
fn shapes(lines: impl IntoIterator<Item = String>) -> Vec<String> {
    let number = |word: &str| word.trim_end_matches(',').parse::<u64>().is_ok_and(|n| n > 1 << 20);
    let shape = |line: String| {
        let words = line.split(' ').map(|word| if number(word) { "TIME" } else { word });
        words.collect::<Vec<_>>().join(" ")
    };
    let mut lines: Vec<String> = lines.into_iter().map(shape).collect();
    lines.sort();
    lines
}

fn printed(list: Vec<RecentAddress>) -> Vec<String> {
    shapes(list.iter().map(RecentAddress::to_string))
}

fn write_list(text: &str) -> Result<(), EngineError> {
    let path = "/proc/thread-self/net/xt_recent/x";
    Ok(fs::write(path, text).map_err(LabError::io(path))?)
}

/// The kernel's list and ours after the same packets and the same changes by hand.
fn lists_are_the_kernels(family: Family) -> Result<(), EngineError> {
    let mut oracle = Oracle::new(family, Stage::Input)?;
    let frames = packets(family);
    let (plain, known, other) = (source(family, 201), source(family, 149), source(family, 202));

    oracle.load(RULES)?;
    oracle.run(&frames)?;
    let mut expected = vec![shapes(kernel_list()?)];
    for edit in [format!("+{plain}\n"), format!("+{known}\n"), format!("-{known}\n"), "/".into()] {
        write_list(&edit)?;
        expected.push(shapes(kernel_list()?));
    }
    oracle.load(Stage::Input.empty_ruleset().as_str())?;
    assert_eq!(expected[0].len(), 100);

    let artifact = artifact(family, RULES, "netfilter")?;
    let filter = Filter::load(&artifact, &Options::new("lists"))?;
    oracle.run(&frames)?;
    assert_eq!(filter.recent_lists()?, ["x"]);
    assert_eq!(printed(filter.recent("x")?), expected[0]);
    let edits = [
        RecentEdit::Add(plain),
        RecentEdit::Add(known),
        RecentEdit::Delete(known),
        RecentEdit::Flush,
    ];
    for (edit, expected) in edits.into_iter().zip(&expected[1..]) {
        filter.edit_recent("x", edit)?;
        assert_eq!(&printed(filter.recent("x")?), expected, "{edit:?}");
    }
    filter.edit_recent("x", RecentEdit::Delete(other))?;
    assert!(filter.recent("y").is_err());

    // A replacement takes the list over.
    filter.edit_recent("x", RecentEdit::Add(other))?;
    filter.replace(&artifact)?;
    assert_eq!(filter.recent("x")?.len(), 1);
    filter.unload()?;
    Ok(())
}

#[test]
fn ipv4_lists_are_the_kernels() {
    in_lab(|| lists_are_the_kernels(Family::Ipv4));
}

#[test]
fn ipv6_lists_are_the_kernels() {
    in_lab(|| lists_are_the_kernels(Family::Ipv6));
}

/// Two threads on two processors each see an address so often.
#[test]
fn no_sight_is_lost_between_processors() {
    const TIMES: u32 = 20_001;
    in_lab(|| {
        let rules = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
            -A INPUT -m recent --update --hitcount 65535 --name x\n\
            -A INPUT -m recent --set --name x\nCOMMIT\n";
        let programs = Unattached::load(&artifact(Family::Ipv4, rules, "xdp")?)?;
        let frame = packet(Family::Ipv4, 9, 53, 64);
        let see = |programs: &Unattached| {
            let data = TestPacket { data: &frame.for_loopback(), ..TestPacket::default() };
            programs.run(0, &data, TIMES).map(drop)
        };
        on_two_processors(|| see(&programs))?;
        let list = programs.recent("x")?.expect("the list");
        let [seen] = &list[..] else { panic!("one address") };
        assert_eq!(seen.stamps.len() as u32, 2 * TIMES);
        assert_eq!(seen.index, 2 * TIMES);
        assert!(seen.stamps.is_sorted());
        Ok(())
    });
}
