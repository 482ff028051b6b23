//! What is not in IP headers: mac, eui64, time, pkttype, mark, comment, physdev, policy,
//! cpu and statistic.

use super::Maker;
use crate::lab::Family;
use crate::lab::inject::{INNER_MAC, OUTER_MAC};
use bpfc_ir::CalendarField;
use std::net::Ipv6Addr;
use std::time::SystemTime;

pub(super) fn mac(maker: &mut Maker<'_>) -> String {
    let mut address = OUTER_MAC;
    address[5] = maker.rng.within(2..=5) as u8;
    maker.facet(move |rng, draft| {
        draft.mac_source = address;
        if rng.one_in(3) {
            draft.mac_source[rng.below(6) as usize] ^= 1 << rng.within(1..=7);
        }
    });
    let text = address.map(|byte| format!("{byte:02x}")).join(":");
    format!(" {}--mac-source {text}", maker.rng.negation())
}

/// Sources whose interface identifier is made of the Ethernet source, or nearly.
pub(super) fn eui64(maker: &mut Maker<'_>) -> String {
    maker.facet(|rng, draft| {
        let [a, b, c, d, e, f] = draft.mac_source;
        let mut address = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0).octets();
        address[8..].copy_from_slice(&[a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
        if rng.one_in(3) {
            address[8 + rng.below(8) as usize] ^= 1 << rng.below(8);
        }
        draft.set_source(Ipv6Addr::from(address).into());
    });
    String::new()
}

/// No packet of these comes by a bridge, so that a test holds where all of it is inverted.
pub(super) fn physdev(maker: &mut Maker<'_>) -> String {
    let rng = &mut *maker.rng;
    let mut tests = ["in eth0", "in +", "out eth+", "is-in", "is-out", "is-bridged"].to_vec();
    let mut text = String::new();
    for _ in 0..rng.within(1..=3) {
        let test = tests.remove(rng.below(tests.len() as u64) as usize);
        tests.retain(|other| other.split(' ').next() != test.split(' ').next());
        let negation = if rng.one_in(4) { "" } else { "! " };
        text += &format!(" {negation}--physdev-{test}");
    }
    text
}

/// No packet of these has been or will be protected by IPsec.
pub(super) fn policy(maker: &mut Maker<'_>) -> String {
    let network = match maker.family {
        Family::Ipv4 => "192.0.2.0/24",
        Family::Ipv6 => "2001:db8::/33",
    };
    let rng = &mut *maker.rng;
    let way = *rng.pick(&["in", "out"]);
    if rng.one_in(3) {
        return format!(" --dir {way} --pol none");
    }
    let strict = rng.one_in(2);
    let mut text = format!(" --dir {way} --pol ipsec{}", if strict { " --strict" } else { "" });
    let elements = if strict { rng.within(1..=4) } else { 1 };
    for number in 0..elements {
        text += if number > 0 { " --next" } else { "" };
        text += &format!(" {}--reqid {}", rng.negation(), rng.below(9));
        if rng.one_in(2) {
            text += &format!(" {}--proto {}", rng.negation(), rng.pick(&["esp", "ah", "ipcomp"]));
            text += &format!(" {}--spi {:#x}", rng.negation(), rng.below(1 << 32));
        }
        if rng.one_in(2) {
            let way = *rng.pick(&["src", "dst"]);
            text += &format!(" --mode tunnel {}--tunnel-{way} {network}", rng.negation());
        }
    }
    text
}

pub(super) fn pkttype(maker: &mut Maker<'_>) -> String {
    const BROADCAST: [u8; 6] = [0xff; 6];
    const GROUP: [u8; 6] = [0x01, 0x00, 0x5e, 0, 0, 1];
    maker.facet(|rng, draft| {
        draft.mac_destination = *rng.pick(&[INNER_MAC, BROADCAST, GROUP]);
    });
    let kind = *maker.rng.pick(&["unicast", "broadcast", "multicast"]);
    format!(" {}--pkt-type {kind}", maker.rng.negation())
}

/// Packets arrive without a mark; rules before may set one.
pub(super) fn mark(maker: &mut Maker<'_>) -> String {
    let value = *maker.rng.pick(&[0u32, 1, 2, 3, 0x10, 0xff, 0x8000_0000]);
    let mask = *maker.rng.pick(&[1u32, 3, 0xff, 0xf0, 0xffff_ffff]);
    let negation = maker.rng.negation();
    if maker.rng.one_in(2) {
        format!(" {negation}--mark {value:#x}")
    } else {
        format!(" {negation}--mark {value:#x}/{mask:#x}")
    }
}

pub(super) fn comment(maker: &mut Maker<'_>) -> String {
    let text = *maker.rng.pick(&["web", "\"two words\"", "\"a \\\"quoted\\\" word\"", "\"#no\""]);
    format!(" --comment {text}")
}

pub(super) fn cpu(maker: &mut Maker<'_>) -> String {
    format!(" {}--cpu {}", maker.rng.negation(), maker.rng.below(4))
}

/// Only what is not random: every n-th packet, and probabilities of nothing and everything.
pub(super) fn statistic(maker: &mut Maker<'_>) -> String {
    if maker.rng.one_in(4) {
        let probability = if maker.rng.one_in(2) { "0.0" } else { "1.0" };
        return format!(" --mode random {}--probability {probability}", maker.rng.negation());
    }
    let every = maker.rng.within(1..=5);
    let packet = maker.rng.below(every);
    format!(" --mode nth {}--every {every} --packet {packet}", maker.rng.negation())
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Spans that begin and end far from now, and days that are or are not today. Around midnight the
/// day may change while rules are compared.
pub(super) fn time(maker: &mut Maker<'_>) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_secs() as i64);
    let rng = &mut *maker.rng;
    let mut text = String::new();
    if rng.one_in(2) {
        let distances = [-11 * HOUR, -3 * HOUR, -HOUR / 2, HOUR / 2, 2 * HOUR, 12 * HOUR];
        let mut moment = || (now + *rng.pick(&distances)).rem_euclid(DAY);
        let (start, stop) = (moment(), moment());
        let show = |second: i64| {
            format!("{:02}:{:02}:{:02}", second / HOUR, second / 60 % 60, second % 60)
        };
        text += &format!(" --timestart {} --timestop {}", show(start), show(stop));
        if start >= stop && rng.one_in(2) {
            text += " --contiguous";
        }
    }
    for (option, last) in [("weekdays", 7), ("monthdays", 31)] {
        if rng.one_in(3) {
            let days: Vec<String> =
                (0..rng.within(1..=6)).map(|_| (rng.below(last) + 1).to_string()).collect();
            text += &format!(" {}--{option} {}", rng.negation(), days.join(","));
        }
    }
    for option in ["datestart", "datestop"] {
        if rng.one_in(4) {
            let distance = *rng.pick(&[-400 * DAY, -5 * DAY, -HOUR, HOUR, 3 * DAY, 500 * DAY]);
            text += &format!(" --{option} {}", date(now + distance));
        }
    }
    text + *rng.pick(&["", " --kerneltz", " --utc"])
}

/// A date with the time, as `--datestart` takes it.
fn date(second: i64) -> String {
    let month_day = |day: i64| CalendarField::MonthDay.of((day * DAY) as u64);
    // Months end where the day after is a first.
    let today = second / DAY;
    let months = (1..=today).filter(|&day| month_day(day) == 1).count();
    let (year, month, day) = (1970 + months / 12, months % 12 + 1, month_day(today));
    let (hour, minute) = (second % DAY / HOUR, second / 60 % 60);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}", second % 60)
}
