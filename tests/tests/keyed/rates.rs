//! Rate limits and what else counts, on two processors at once and over time.
//!
//! No test depends on how fast the machine is: what may pass is bounded by the clock's ticks before
//! and after.

use crate::{artifact, in_lab, on_two_processors, packet};
use bpfc_runtime::{TestPacket, Unattached};
use bpfc_tests::differential::EngineError;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::inject::Frame;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A rule that counts what a match lets through, in a chain that accepts everything.
fn rules(options: &str) -> String {
    format!(
        "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
         -A INPUT {options}\nCOMMIT\n"
    )
}

/// Packets that a rule has counted after so many runs on each of two processors.
fn counted(options: &str, times: u32) -> Result<u64, EngineError> {
    let programs = Unattached::load(&artifact(Family::Ipv4, &rules(options), "xdp")?)?;
    let frame = packet(Family::Ipv4, 9, 53, 64);
    on_two_processors(|| run(&programs, &frame, times))?;
    Ok(programs.counters()?.find("filter/INPUT:1").map_or(0, |count| count.packets))
}

fn run(programs: &Unattached, frame: &Frame, times: u32) -> Result<(), EngineError> {
    let data = TestPacket { data: &frame.for_loopback(), ..TestPacket::default() };
    Ok(programs.run(0, &data, times).map(drop)?)
}

/// What passes of rates that bring nothing in a test's time is the burst, exactly.
#[test]
fn bursts_are_exact_on_two_processors() {
    const TIMES: u32 = 30_000;
    let length = packet(Family::Ipv4, 9, 53, 64).bytes.len() as u64 - 14;
    let fit = |bytes: u64| bytes / length;
    in_lab(|| {
        let key = "-m hashlimit --hashlimit-name x --hashlimit-mode srcip,dstport \
                   --hashlimit-htable-expire 9000000";
        let cases = [
            ("-m limit --limit 1/hour --limit-burst 30".to_owned(), 30),
            (format!("{key} --hashlimit-upto 1/hour --hashlimit-burst 17"), 17),
            (
                format!("{key} --hashlimit-above 1/hour --hashlimit-burst 17"),
                2 * u64::from(TIMES) - 17,
            ),
            (
                format!(
                    "{key} --hashlimit-upto 900/day --hashlimit-burst 5 --hashlimit-rate-match"
                ),
                905,
            ),
            (
                format!(
                    "{key} --hashlimit-upto 64kb/s --hashlimit-rate-match \
                         --hashlimit-rate-interval 9000"
                ),
                fit(64 << 10),
            ),
            ("-m quota --quota 100000".to_owned(), fit(100_000)),
            (
                "-m statistic --mode nth --every 7 --packet 0".to_owned(),
                (2 * u64::from(TIMES)).div_ceil(7),
            ),
            ("-m recent --set --name y".to_owned(), 2 * u64::from(TIMES)),
        ];
        for (options, expected) in cases {
            assert_eq!(counted(&options, TIMES)?, expected, "{options}");
        }
        Ok(())
    });
}

/// What a rate brings in a time, at least and at most: the clock's ticks are up to 10 ms long, and
/// an average is a whole number of credits.
fn brought(elapsed: Duration, per_second: f64) -> (u64, u64) {
    let (least, most) = (elapsed.as_secs_f64() - 0.02, elapsed.as_secs_f64() + 0.02);
    let least = (least * per_second * 0.99).max(0.0);
    (least.floor() as u64, (most * per_second * 1.01).ceil() as u64)
}

/// Over two seconds of packets without pause a limit lets through its burst and its rate.
#[test]
fn rates_hold_over_time() {
    // More than a burst.
    const RUN: u32 = 10_000;
    in_lab(|| {
        let key = "-m hashlimit --hashlimit-name x --hashlimit-mode srcip";
        // A full bucket holds what comes in ten seconds, so that no pause of the machine loses any.
        let cases = [
            ("-m limit --limit 500/second --limit-burst 5000".to_owned(), 5000, 500.0),
            (format!("{key} --hashlimit-upto 700/second --hashlimit-burst 7000"), 7000, 700.0),
        ];
        for (options, burst, per_second) in cases {
            let programs = Unattached::load(&artifact(Family::Ipv4, &rules(&options), "xdp")?)?;
            let frame = packet(Family::Ipv4, 9, 53, 64);
            let start = Instant::now();
            run(&programs, &frame, RUN)?;
            let first = start.elapsed();
            let last = Mutex::new(Duration::ZERO);
            on_two_processors(|| {
                while start.elapsed() < Duration::from_secs(2) {
                    let begun = start.elapsed();
                    run(&programs, &frame, RUN)?;
                    let mut last = last.lock().expect("no panic");
                    *last = begun.max(*last);
                }
                Ok::<_, EngineError>(())
            })?;
            let most = brought(start.elapsed(), per_second).1;
            let last = *last.lock().expect("no panic");
            // The bucket was made in the first run, and all that had come by the last was taken.
            let least = brought(last.saturating_sub(first), per_second).0;
            let passed = programs.counters()?.find("filter/INPUT:1").map_or(0, |c| c.packets);
            let bounds = burst + least..=burst + most;
            assert!(bounds.contains(&passed), "{options}: {passed}, not in {bounds:?}");
        }
        Ok(())
    });
}

/// A bucket of bytes holds what a second brings: no more than that and its rate passes.
#[test]
fn byte_rates_are_not_exceeded() {
    in_lab(|| {
        let options = "-m hashlimit --hashlimit-name x --hashlimit-upto 16000b/s";
        let programs = Unattached::load(&artifact(Family::Ipv4, &rules(options), "xdp")?)?;
        let frame = packet(Family::Ipv4, 9, 53, 64);
        // A packet takes so many of a second's thousand chunks.
        let chunks = (frame.bytes.len() as u64 - 14) / 16 + 1;
        let start = Instant::now();
        on_two_processors(|| {
            while start.elapsed() < Duration::from_secs(1) {
                run(&programs, &frame, 10_000)?;
            }
            Ok::<_, EngineError>(())
        })?;
        let second = 1000 / chunks;
        let most = second + brought(start.elapsed(), second as f64).1 + 1;
        let passed = programs.counters()?.find("filter/INPUT:1").map_or(0, |c| c.packets);
        assert!((second..=most).contains(&passed), "{passed}, not in {second}..={most}");
        Ok(())
    });
}
