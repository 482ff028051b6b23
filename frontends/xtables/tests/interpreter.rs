//! Lowering against the reference evaluator: each rule of the shipped rulesets, alone, decides
//! many made-up packets alike in IR and in the reference, and the IR passes the verifier.
//!
//! Packets are made of bytes that the rules ask for, mostly well-formed, and often cut.

mod support;

use bpfc_interpret::{Environment, interpret};
use bpfc_ir::{Family, Hook, Program, verify};
use bpfc_packet::Packet;
use bpfc_xtables::reference::Evaluator;
use support::Rng;
use support::{data, family, lower_text, read_text};

/// Values that headers are filled with: those that the rules compare with, and odd ones.
const BYTES: [u8; 16] = [0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 16, 37, 64, 255];
const V4_PROTOCOLS: [u8; 9] = [6, 17, 1, 50, 51, 33, 132, 132, 47];
const V6_PROTOCOLS: [u8; 10] = [6, 17, 58, 50, 51, 33, 132, 135, 135, 59];
const EXTENSIONS: [u8; 5] = [0, 43, 44, 51, 60];
const ADDRESSES: [[u8; 16]; 4] = [
    [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
    [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4],
];

fn filled(rng: &mut Rng, length: usize) -> Vec<u8> {
    (0..length).map(|_| *rng.pick(&BYTES)).collect()
}

fn transport(rng: &mut Rng, protocol: u8) -> Vec<u8> {
    let mut bytes = filled(rng, 12);
    match protocol {
        132 => {
            for _ in 0..rng.below(4) {
                let kind = *rng.pick(&[0, 1, 1, 3, 6, 14, 64, 192, 193, 9]);
                let flags = *rng.pick(&[0, 1, 2, 3, 4, 0x80]);
                let length = rng.below(9) as u8 + if rng.one_in(9) { 0 } else { 4 };
                bytes.extend([kind, flags, 0, length]);
                let padded = usize::from(length).next_multiple_of(4).saturating_sub(4);
                bytes.extend(filled(rng, padded));
            }
        }
        33 => {
            bytes[4] = rng.below(10) as u8;
            bytes[8] = rng.below(32) as u8;
            let more = rng.below(30) as usize;
            bytes.extend(filled(rng, more));
        }
        135 => {
            bytes[0] = if rng.one_in(8) { 6 } else { 59 };
        }
        6 => {
            bytes[12 - 1] = 0;
            bytes.extend(filled(rng, 8));
            bytes[12] = *rng.pick(&[0x50, 0x60, 0x70, 0x40]);
            let more = rng.below(12) as usize;
            bytes.extend(filled(rng, more));
        }
        _ => {
            let more = rng.below(20) as usize;
            bytes.extend(filled(rng, more));
        }
    }
    bytes
}

fn ipv4(rng: &mut Rng, asked: u8) -> Vec<u8> {
    let protocol = if asked == 0 || rng.one_in(8) { *rng.pick(&V4_PROTOCOLS) } else { asked };
    let options = if rng.one_in(6) { 4 } else { 0 };
    let mut bytes = vec![0; 20 + options];
    bytes[0] = 0x45 + (options / 4) as u8;
    if rng.one_in(6) {
        bytes[7] = rng.below(3) as u8;
    }
    bytes[8] = 64;
    bytes[9] = protocol;
    bytes[12..20].copy_from_slice(&[10, 0, 0, *rng.pick(&BYTES), 192, 0, 2, *rng.pick(&BYTES)]);
    bytes.extend(transport(rng, protocol));
    if rng.one_in(3) {
        bytes.truncate(20 + options + rng.below(bytes.len() as u64 - 19 - options as u64) as usize);
    }
    let length = bytes.len() as u16;
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    let sum = bytes[..20 + options]
        .chunks(2)
        .fold(0u32, |sum, pair| sum + u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !(((sum & 0xffff) + (sum >> 16)) as u16);
    bytes[10..12].copy_from_slice(&sum.to_be_bytes());
    bytes
}

fn extension(rng: &mut Rng, kind: u8) -> Vec<u8> {
    match kind {
        44 => {
            let mut bytes = filled(rng, 8);
            bytes[2] = 0;
            bytes[3] = *rng.pick(&[0, 0, 1, 1, 2, 8, 9]);
            bytes[4..7].fill(0);
            bytes[7] = *rng.pick(&[1, 5, 9, 42]);
            bytes
        }
        51 => {
            let units = rng.below(3) as u8 + 1;
            let mut bytes = filled(rng, usize::from(units + 2) * 4);
            bytes[1] = units;
            bytes[4..7].fill(0);
            bytes
        }
        43 => {
            let count = rng.below(4) as usize;
            let mut bytes = filled(rng, 8);
            bytes[1] = 2 * count as u8 + u8::from(rng.one_in(9));
            bytes[2] = *rng.pick(&[0, 0, 0, 2, 4]);
            if rng.one_in(2) {
                bytes[4..8].fill(0);
            }
            for _ in 0..count {
                bytes.extend(rng.pick::<[u8; 16]>(&ADDRESSES));
            }
            bytes
        }
        _ => {
            let units = rng.below(3) as usize;
            let mut bytes = vec![0, units as u8];
            while bytes.len() < 8 * (units + 1) {
                match *rng.pick(&[0u8, 1, 2, 5, 0xc2]) {
                    0 => bytes.push(0),
                    kind => {
                        let length = *rng.pick(&[0u8, 0, 2, 4]);
                        bytes.extend([kind, length]);
                        bytes.extend(filled(rng, usize::from(length)));
                    }
                }
            }
            bytes.truncate(8 * (units + 1));
            bytes
        }
    }
}

fn ipv6(rng: &mut Rng, asked: u8) -> Vec<u8> {
    let mut kinds: Vec<u8> = (0..rng.below(4)).map(|_| *rng.pick(&EXTENSIONS)).collect();
    kinds.push(if asked == 0 || rng.one_in(8) { *rng.pick(&V6_PROTOCOLS) } else { asked });
    let mut bytes = vec![0; 40];
    bytes[0] = 0x60;
    bytes[6] = kinds[0];
    bytes[7] = 64;
    bytes[8..24].copy_from_slice(rng.pick::<[u8; 16]>(&ADDRESSES));
    bytes[24..40].copy_from_slice(rng.pick::<[u8; 16]>(&ADDRESSES));
    for pair in kinds.windows(2) {
        let mut header = extension(rng, pair[0]);
        header[0] = pair[1];
        bytes.extend(header);
    }
    bytes.extend(transport(rng, *kinds.last().unwrap_or(&59)));
    if rng.one_in(3) {
        bytes.truncate(40 + rng.below(bytes.len() as u64 - 39) as usize);
    }
    let length = (bytes.len() - 40) as u16;
    bytes[4..6].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// A ruleset of one rule of a file, with a verdict, and the rule.
fn single_rules(name: &str, more: &str) -> Vec<String> {
    let text = String::from_utf8(data(name)).expect("text");
    let lines = text.lines().chain(more.lines().map(str::trim_start));
    let rules = lines.filter(|line| line.starts_with("-A "));
    let body = |rule: &str| {
        format!(
            "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{rule}\nCOMMIT\n"
        )
    };
    rules
        .map(|rule| match rule.contains(" -j ") {
            true => body(rule),
            false => body(&format!("{rule} -m comment --comment x -j DROP")),
        })
        .collect()
}

fn check(family: Family, text: &str, rng: &mut Rng, packets: usize) {
    let ruleset = read_text(text, family);
    let program: Program = lower_text(text, family);
    assert_eq!(verify(&program), Ok(()), "{text}");
    // Most packets are of the protocol that the rule asks for.
    let asked = ruleset.tables[0].chains[0].rules[0].header.protocol.number as u8;
    let mut evaluator = Evaluator::new(&ruleset, &["filter"]);
    let mut environment = Environment::new(&program);
    let (mut counted, mut dropped) = (0, 0);
    for _ in 0..packets {
        let bytes = match family {
            Family::Ipv4 => ipv4(rng, asked),
            Family::Ipv6 => ipv6(rng, asked),
        };
        let packet = Packet::from_ip(bytes).expect("a packet");
        let Ok(parsed) = packet.parse() else { continue };
        let expected = evaluator.decide(Hook::Input, parsed);
        let found = interpret(&program, Hook::Input, &packet, &mut environment);
        let found = found.unwrap_or_else(|error| panic!("{text}{:02x?}: {error}", packet.bytes));
        let labels: Vec<String> = found.rules.iter().map(|&rule| program.label(rule)).collect();
        assert_eq!(
            (found.verdict, labels),
            (expected.verdict, expected.rules.clone()),
            "{text}{:02x?}",
            packet.bytes
        );
        match expected.rules.first() {
            Some(label) if label.ends_with(":policy") => {}
            Some(_) => counted += 1,
            None => dropped += 1,
        }
    }
    println!(
        "{counted:5} counted, {dropped:5} dropped uncounted: {}",
        text.lines().nth(4).unwrap_or_default()
    );
}

/// Rules that packets meet more often than those of the shipped rulesets.
const MORE: &str = "\
    -A INPUT -m rt --rt-type 0 --rt-0-addrs fe80::1
    -A INPUT -m rt --rt-type 0 --rt-0-addrs fe80::1,fe80::2
    -A INPUT -m rt --rt-type 0 --rt-0-addrs fe80::2 --rt-0-not-strict
    -A INPUT -m rt --rt-type 0 --rt-0-addrs fe80::1,2001:db8::1 --rt-0-not-strict
    -A INPUT -m hbh --hbh-opts 1
    -A INPUT -m hbh --hbh-opts 0,1:2
    -A INPUT -m hbh --hbh-opts 5:0,1
    -A INPUT -m dst --dst-opts 2:4
    -A INPUT -m dst ! --dst-len 8 --dst-opts 0,0
    -A INPUT -m dst --dst-opts 194,194
    -A INPUT -m ipv6header --header frag,prot
    -A INPUT -m ipv6header ! --header hop,prot
    -A INPUT -m ipv6header --header none --soft
    -A INPUT -m ipv6header --header esp,auth
    -A INPUT -m ipv6header ! --header esp,frag --soft
    -A INPUT -m frag --fragid 5 --fragfirst -m dst --dst-len 8
    -A INPUT -p sctp -m sctp ! --chunk-types only INIT,DATA:e -m statistic --mode nth --every 2 --packet 0
    -A INPUT -p dccp -m dccp ! --dccp-option 4 -m dccp ! --dccp-option 5 -m dccp --sport :4
";

fn check_all(name: &str, more: &str) {
    let mut rng = Rng::new(1);
    for text in single_rules(name, more) {
        // Random numbers are drawn apart.
        if !text.contains("--mode random") {
            check(family(name), &text, &mut rng, 2000);
        }
    }
}

#[test]
fn matches_of_ipv4_mean_in_ir_what_they_mean_in_the_reference() {
    check_all("matches4.rules", "");
}

#[test]
fn matches_of_ipv6_mean_in_ir_what_they_mean_in_the_reference() {
    check_all("matches6.rules", MORE);
}
