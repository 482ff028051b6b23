//! Blobs that contradict themselves: each kind of lie is found, and the error says where.
//!
//! `chains4.live` has its entries from byte 124 on; offsets below count from there.

mod support;

use bpfc_diag::{Code, Diagnostics, SourceMap};
use bpfc_ir::{Family, SetTable};
use bpfc_xtables::blob;
use support::{data, lower};

/// Where the entries begin in the live form.
const ENTRIES: usize = 124;
/// In an entry of IPv4: flags, inversions, offsets of target and next entry, hooks.
const FLAGS: usize = 82;
const INVERSIONS: usize = 83;
const TARGET: usize = 88;
const NEXT: usize = 90;
const COME_FROM: usize = 92;
/// The target of an entry without matches, and what is in it.
const FIRST_TARGET: usize = 112;
const VERDICT: usize = FIRST_TARGET + 32;

/// A place in the file with the bytes to put there.
type Change = (usize, Vec<u8>);

fn byte(place: usize, value: u8) -> Change {
    (place, vec![value])
}

fn half(place: usize, value: u16) -> Change {
    (place, value.to_le_bytes().to_vec())
}

fn word(place: usize, value: u32) -> Change {
    (place, value.to_le_bytes().to_vec())
}

/// The one error of a changed file.
fn lie(name: &str, changes: &[Change]) -> String {
    let mut bytes = data(name);
    for (place, value) in changes {
        bytes[*place..place + value.len()].copy_from_slice(value);
    }
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let read = blob::read(
        "lie",
        &bytes,
        Family::Ipv4,
        &SetTable::default(),
        None,
        &mut sources,
        &mut diagnostics,
    );
    assert!(read.is_none(), "{changes:?} was believed");
    let errors: Vec<(Code, String)> =
        diagnostics.iter().map(|error| (error.code, error.message.clone())).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].0, Code::BAD_BLOB, "{}", errors[0].1);
    errors[0].1.trim_start_matches("lie: ").to_owned()
}

#[track_caller]
fn says(change: Change, expected: &str) {
    let found = lie("chains4.live", &[change]);
    assert!(found.contains(expected), "{found}");
}

#[test]
fn headers() {
    says(word(80, 4409), "the table's size is 4408 here and 4409 before (at byte 116)");
    says(word(76, 27), "there are 26 entries, not 27");
    says(word(32, 0x2e), "the set of hooks 0x2e is not one");
    says(word(32, 0x0f), "PREROUTING begins at 4294967295");
    says(word(32, 0x06), "OUTPUT has no chain, but its hook leads to one");
    says(word(40, 152), "INPUT does not begin where the chain before it ends");
    says(word(40, 151), "INPUT begins at 151 and ends at 1416, where no rule is");
    says(word(60, 1264), "FORWARD does not begin where the chain before it ends");
    says(word(60, 1568), "INPUT does not end in a policy (at byte 1692)");
    says(byte(0, b'x'), "bytes follow the table");
    let renamed = [(0, b"nosuch\0".to_vec()), (84, b"nosuch\0".to_vec())];
    assert!(lie("chains4.live", &renamed).contains("no table is named 'nosuch'"));
    let renamed = [(0, b"mangle\0".to_vec()), (84, b"mangle\0".to_vec())];
    let found = lie("chains4.live", &renamed);
    assert!(found.contains("the table 'mangle' has the base chains INPUT, FORWARD, OUTPUT"));
}

#[test]
fn entries() {
    let first = ENTRIES;
    says(half(first + TARGET, 104), "the entry's target lies at 104");
    says(half(first + TARGET, 120), "8 bytes are left where a match must stand (at byte 236)");
    says(half(first + NEXT, 0), "the entry's target lies at 112 and its end at 0");
    says(half(first + NEXT, 160), "the entry goes on after its target");
    says(half(first + NEXT, 0xfff8), "which cannot be");
    says(half(first + FIRST_TARGET, 8), "a match or target of 8 bytes");
    says(half(first + FIRST_TARGET, 48), "a match or target of 48 bytes");
    says(byte(first + FIRST_TARGET + 2, 200), "the name of a match or target is not one");
    says(word(first + COME_FROM, 4), "hooks 0x4 reach an entry that they cannot");
    says(word(ENTRIES + 3488 + COME_FROM, 0x40), "hooks 0x40 reach an entry that they cannot");
    says(byte(first + FLAGS, 0x80), "unknown flags 0x80");
    says(byte(first + INVERSIONS, 0x04), "inversion flags 0x4");
    says(byte(first + INVERSIONS, 0x20), "an inverted fragment test that is not there");
    says(byte(first + INVERSIONS, 0x40), "the protocol 0 is compared with nothing");
    says(byte(first + 81, 1), "the protocol 256 is compared with nothing");
    says(byte(first, 10), "an address has bits outside its mask");
    says(byte(first + 16, b' '), "an interface name or its mask is not one");
    says(byte(first + 20, b'x'), "an interface name or its mask is not one");
    says(byte(first + 50, 0), "an interface name or its mask is not one");
    says(byte(first + 48 + 9, 1), "an interface name or its mask is not one");
}

#[test]
fn extensions() {
    // The second rule's only match is tcp.
    let tcp = ENTRIES + 152 + 112;
    says(half(tcp, 56), "a match or target of 56 bytes, where 48 are left");
    says(half(tcp, 40), "bytes are left where a match must stand");
    says(byte(tcp + 32 + 11, 0x10), "match 'tcp': unknown inversion flags 0x10");
    says(byte(ENTRIES + 152 + 80, 17), "the match 'tcp' is in a rule of another protocol");
    says(byte(ENTRIES + 152 + INVERSIONS, 0x40), "the match 'tcp' is in a rule of another");
}

#[test]
fn verdicts() {
    // The third rule jumps to `web`.
    let jump = ENTRIES + 352;
    says(word(jump + VERDICT, 3489), "a jump to 3489, where no chain begins (at byte 588)");
    says(word(jump + VERDICT, 3312), "where no chain begins");
    says(word(jump + VERDICT, 3640), "where no chain begins");
    says(word(jump + VERDICT, 1568), "where no chain begins");
    says(word(jump + VERDICT, i32::MAX as u32), "where no chain begins");
    says(word(jump + VERDICT, (-3i32) as u32), "the verdict -3 is none");
    says(word(jump + VERDICT, i32::MIN as u32), "is none");
    // The first rule accepts, the fourth has no target.
    says(byte(ENTRIES + FLAGS, 0x02), "a goto that leads to no chain");
    says(byte(ENTRIES + 504 + FLAGS, 0x02), "a jump to 656, where no chain begins");
}

#[test]
fn chains() {
    let name = |offset: usize, text: &str| (ENTRIES + offset + VERDICT, text.as_bytes().to_vec());
    says(name(2352, "loopb\0"), "a second chain is named 'loopb'");
    says(name(2352, "INPUT\0"), "a second chain is named 'INPUT'");
    says(name(2352, "\0"), "a chain's name is not one");
    says(name(2352, "a b\0"), "a chain's name is not one");
    says(name(2352, "-a\0"), "a chain's name is not one");
    says(name(2352, &"x".repeat(32)), "the chain's name has no end");
    says(name(4232, "END\0"), "the table does not end with an ERROR entry");
    says(byte(ENTRIES + 2352 + FLAGS, 1), "a chain's name is not one");
    says(word(ENTRIES + 2680 + VERDICT, 0xffff_fffe), "the chain 'loopa' does not end in a RETURN");
    says(word(ENTRIES + 1416 + VERDICT, 0xffff_fffb), "INPUT does not end in a policy");
    says(byte(ENTRIES + 1416 + 80, 6), "INPUT does not end in a policy");
}

#[test]
fn without_hooks_the_kernels_hook_sets_must_be_there() {
    let place = 40 + COME_FROM;
    let found = lie("chains4.entries", &[word(place, 0)]);
    assert!(found.contains("neither hooks nor a comefrom that the kernel wrote"), "{found}");
    let found = lie("chains4.entries", &[word(place, 1)]);
    assert!(found.contains("PREROUTING does not end in a policy"), "{found}");
    let found = lie("chains4.entries", &[word(place, 3)]);
    assert!(found.contains("neither hooks"), "{found}");
    let found = lie("chains4.entries", &[word(place + 1872, 2)]);
    assert!(found.contains("a rule of INPUT is among those of FORWARD"), "{found}");
}

#[test]
fn a_loop_is_an_error_only_where_packets_reach_it() {
    let bytes = data("chains4.live");
    assert!(lower(bytes.clone(), "iptables-blob").is_ok());
    let mut looped = bytes;
    let verdict = ENTRIES + 352 + VERDICT;
    looped[verdict..verdict + 4].copy_from_slice(&2528u32.to_le_bytes());
    let errors = lower(looped, "iptables-blob").expect_err("a loop");
    assert!(errors.contains(&Code::CHAIN_LOOP.to_string()), "{errors}");
}
