//! Connections that are counted while they live: on two processors at once, and more of them than
//! there is room for.

use crate::{artifact, in_lab, on_two_processors};
use bpfc_packet::PacketBuilder;
use bpfc_runtime::{TestPacket, Unattached};
use bpfc_tests::differential::EngineError;
use bpfc_tests::lab::inject::OUTER_MAC;
use bpfc_tests::lab::namespace::run as run_tool;
use bpfc_tests::lab::{Family, LabError};
use bpfc_tests::traffic::packet;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Barrier;
use std::time::Duration;

const PORT: u16 = 5353;

/// A packet to this host for the loopback device, on which test runs take place.
fn on_loopback(source: &str) -> PacketBuilder {
    packet(source, "127.0.0.1").ethernet(OUTER_MAC, [0; 6])
}

fn rules(limits: &[&str]) -> String {
    let mut text = String::from("*filter\n:INPUT ACCEPT [0:0]\n");
    for limit in limits {
        text += &format!("-A INPUT -p udp -m connlimit {limit}\n");
    }
    text + "COMMIT\n"
}

fn load(limits: &[&str], target: &str) -> Result<Unattached, EngineError> {
    Ok(Unattached::load(&artifact(Family::Ipv4, &rules(limits), target)?)?)
}

fn counted(programs: &Unattached, rule: &str) -> Result<u64, EngineError> {
    let label = format!("filter/INPUT:{rule}");
    Ok(programs.counters()?.find(&label).map_or(0, |count| count.packets))
}

/// Runs the program on a packet of a connection of this host with itself.
fn see(programs: &Unattached, from: u16, times: u32) -> Result<i32, EngineError> {
    let frame = on_loopback("127.0.0.1").udp(from, PORT).bytes();
    let data = TestPacket { data: &frame, ..TestPacket::default() };
    Ok(programs.run(0, &data, times)?.verdict)
}

/// Longer than a connection has to reach the tracker.
fn pause() {
    std::thread::sleep(Duration::from_millis(30));
}

/// Connections that the tracker knows: both processors meet each at the same time.
fn each_counts_once(target: &str) -> Result<(), EngineError> {
    const CONNECTIONS: u16 = 200;
    const FIRST: u16 = 20_000;
    const ROUNDS: u32 = 2;
    const REPEAT: u32 = 10;
    let limits = ["--connlimit-above 200", "--connlimit-above 199", "--connlimit-upto 136"];
    let programs = load(&limits, target)?;
    let io = || LabError::io("a datagram over lo");
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, PORT)).map_err(io())?;
    for port in FIRST..FIRST + CONNECTIONS {
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).map_err(io())?;
        client.send_to(b"x", (Ipv4Addr::LOCALHOST, PORT)).map_err(io())?;
        server.recv(&mut [0; 1]).map_err(io())?;
    }
    let start = Barrier::new(2);
    on_two_processors(|| {
        for _ in 0..ROUNDS {
            for at in 0..CONNECTIONS {
                start.wait();
                see(&programs, FIRST + at, REPEAT)?;
            }
        }
        Ok::<_, EngineError>(())
    })?;
    assert_eq!(counted(&programs, "1")?, 0, "more than there are");
    let before = counted(&programs, "2")?;
    see(&programs, FIRST, 1)?;
    assert_eq!(counted(&programs, "2")?, before + 1, "fewer than there are");
    // Nothing was dropped for want of a lock.
    let all = 2 * ROUNDS * u32::from(CONNECTIONS) * REPEAT + 1;
    assert_eq!(counted(&programs, "policy")?, u64::from(all));

    run_tool("conntrack", &["-F"], "")?;
    pause();
    let before = counted(&programs, "3")?;
    see(&programs, FIRST, 1)?;
    // No more than 65 are removed at once, and the packet's is new.
    assert_eq!(counted(&programs, "3")?, before + 1, "those that are gone still count");
    Ok(())
}

#[test]
fn each_connection_counts_once_on_two_processors() {
    in_lab(|| ["xdp", "tc"].into_iter().try_for_each(each_counts_once));
}

/// What no tracker knows is counted and forgotten all the time, on both processors in one list.
#[test]
fn processors_wait_for_each_other() {
    const TIMES: u32 = 50_000;
    in_lab(|| {
        let programs = load(&["--connlimit-above 4000000000"], "xdp")?;
        on_two_processors(|| see(&programs, 30_000, TIMES).map(drop))?;
        assert_eq!(counted(&programs, "policy")?, 2 * u64::from(TIMES));
        assert_eq!(counted(&programs, "1")?, 0);
        Ok(())
    });
}

/// As many connections as there is room for; more when they are gone.
#[test]
fn a_full_table_drops_until_connections_are_gone() {
    const ROOM: u8 = 8;
    const DROP: i32 = 1;
    in_lab(|| {
        let rules = rules(&["--connlimit-above 0"]);
        let mut artifact = artifact(Family::Ipv4, &rules, "xdp")?;
        for map in &mut artifact.maps {
            if ["counted", "count_lists"].contains(&map.name.as_str()) {
                map.max_entries = ROOM.into();
            }
        }
        let programs = Unattached::load(&artifact)?;
        let io = || LabError::io("a datagram over lo");
        let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, PORT)).map_err(io())?;
        let see = |last: u8| {
            let source = Ipv4Addr::new(127, 0, 0, last);
            let client = UdpSocket::bind((source, 0)).map_err(io())?;
            client.send_to(b"x", (Ipv4Addr::LOCALHOST, PORT)).map_err(io())?;
            server.recv(&mut [0; 1]).map_err(io())?;
            let from = client.local_addr().map_err(io())?.port();
            let frame = on_loopback(&source.to_string()).udp(from, PORT).bytes();
            let data = TestPacket { data: &frame, ..TestPacket::default() };
            Ok::<_, EngineError>(programs.run(0, &data, 1)?.verdict)
        };
        for last in 1..=2 * ROOM {
            assert_eq!(see(last)? == DROP, last > ROOM, "packet {last}");
        }
        // Nobody else's room is taken by a rule that drops.
        assert_eq!(counted(&programs, "1")?, u64::from(ROOM));
        run_tool("conntrack", &["-F"], "")?;
        pause();
        let mut attempts = 0;
        for last in 101..=100 + ROOM {
            while see(last)? == DROP {
                attempts += 1;
                assert!(attempts < 100_000, "what is gone stays");
            }
        }
        assert!(attempts > 0);
        Ok(())
    });
}

/// A processor that never gets the lock gives up: the packet cannot be counted.
#[test]
fn waiting_has_an_end() {
    const DROP: i32 = 1;
    in_lab(|| {
        let mut artifact = artifact(Family::Ipv4, &rules(&["--connlimit-above 0"]), "xdp")?;
        let locks = artifact.maps.iter_mut().find(|map| map.name == "count_locks");
        let locks = locks.expect("the map of locks");
        // As if other processors held all of them.
        let value = vec![1; locks.value_size as usize];
        locks.initial = [([0; 4], value)].into_iter().collect();
        let programs = Unattached::load(&artifact)?;
        assert_eq!(see(&programs, 30_000, 1)?, DROP);
        assert_eq!(counted(&programs, "1")?, 0);
        assert_eq!(counted(&programs, "policy")?, 0);
        Ok(())
    });
}
