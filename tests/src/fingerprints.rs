//! The fingerprints that rules of generated rulesets compare packets with: one text for the
//! kernel's nfnl_osf and for bpfc.
//!
//! The kernel has one list for all network namespaces. Whoever uses it holds a lock in common with
//! others, and the last one takes the fingerprints out again. Others than tests may have put theirs
//! there, which nobody can list: packets that the kernel knows without those here are left out
//! (`Oracle::strangers`).

use crate::generate::draft::Draft;
use crate::lab::LabError;
use crate::lab::namespace::run;
use bpfc_ir::{Fingerprint, Input, TcpOption, Window};
use std::fs::File;

/// Fingerprints of no real system: every kind of window, options in every order, and what no packet
/// can meet.
pub const FINGERPRINTS: &str = "\
# window:ttl:df:length:options:genre:version:subtype:details

S4:64:1:60:M*,S,T,N,W7:	Alpha:1::multiples of the segment
S10:64:1:60:M1460,S,T0,N,W*:	Alpha:2:late:multiples of the segment
S4:64:1:60:M*,S,T,N,W7:	Alpha:1::multiples of the segment
T4:128:1:48:M*,N,N,S:		Beta:1::multiples of the packet
T5:128:0:48:M*,N,N,S:		Beta:2::without the bit
%8192:255:1:48:M*,W%2,N:	Gamma:1::a power of two
%1000:255:0:48:M*,W0,N:	Gamma:2::no power of two
%70000:30:0:48:M*,W0,N:	Gamma:3::only 0
%1:77:0:44:M*:	Gamma:4::everything
16384:64:0:40:.:	Delta:1::no options
1234:60:0:40:.:	Delta:1::no options, another ttl
5840:64:0:45:.:	Delta:2::with data
*:64:1:64:M*,N,W1,N,N,T,N,N,S:	@Delta:3::any window
*:32:1:64:M*,N,N,S,N,W3,N,N,T:	*Delta:4:x:any window
S3:64:0:40:.:	Epsilon:1::a multiple of no size
T3:64:0:40:.:	Epsilon:2::a multiple of no packet
S*:64:0:44:M*:	Epsilon:3::a multiple that is 0
S2:64:1:48:M*,M*:	Epsilon:4::two sizes
T4294967295:64:1:44:M*:	Epsilon:5::beyond 32 bits
S70000:64:1:44:M*:	Epsilon:6::beyond 16 bits
8192:64:1:48:M*,N,W,E:	Epsilon:7::an end
8192:64:1:48:M*, S,?,N,N:	Epsilon:8::white space, and what is no option
8192:64:1:43:S,N:	Epsilon:9::no whole words
8192:64:1:20:.:	Epsilon:10::too short
8192:64:1:80:T,T,T,T:	Epsilon:11::as many options as there is room for
";

/// Whether a ruleset compares packets with fingerprints.
pub fn are_named(ruleset: &str) -> bool {
    ruleset.contains("-m osf ")
}

/// The input beside rulesets that do.
pub fn input() -> Input {
    Input {
        name: "fingerprints".to_owned(),
        bytes: FINGERPRINTS.as_bytes().to_vec(),
        format: Some("pf.os".to_owned()),
    }
}

/// The fingerprints as rulesets see them.
pub fn list() -> Vec<Fingerprint> {
    let found = bpfc_driver::Inputs::read(&[input()]).fingerprints;
    found.map_or(Vec::new(), |list| list.to_vec())
}

/// Makes a packet one that a fingerprint describes, with this maximum segment size where it
/// announces one and `times` that a window is a multiple of something. False where no packet can be
/// so.
pub fn describe(draft: &mut Draft, fingerprint: &Fingerprint, size: u16, times: u16) -> bool {
    let mut options = Vec::new();
    let mut announced = 0;
    for option in &fingerprint.options {
        options.extend_from_slice(match option {
            TcpOption::End => &[0],
            TcpOption::Nop => &[1],
            TcpOption::SegmentSize => &[2, 4, 0, 0],
            TcpOption::WindowScale => &[3, 3, 7],
            TcpOption::SackPermitted => &[4, 2],
            TcpOption::Timestamp => &[8, 10, 0, 1, 2, 3, 4, 5, 6, 7],
        });
        if *option == TcpOption::SegmentSize {
            announced = size;
            let place = options.len() - 2;
            options[place..].copy_from_slice(&size.to_be_bytes());
        }
    }
    let length = 40 + options.len();
    let possible = options.len().is_multiple_of(4) && length <= fingerprint.length.into();
    let announced = u32::from(announced);
    let window = match fingerprint.window {
        Window::Any => times.into(),
        Window::Exactly(number) => number,
        Window::Segments(factor) => factor.wrapping_mul(announced),
        Window::Packets(factor) => factor.wrapping_mul(announced + 40),
        Window::Multiple(number) => number.wrapping_mul(times.into()),
    };
    let tcp = draft.tcp();
    tcp.flags = 2;
    tcp.window = window as u16;
    tcp.options = options;
    tcp.data_offset = None;
    draft.payload = vec![0x61; usize::from(fingerprint.length).saturating_sub(length)];
    *draft.ttl() = fingerprint.ttl;
    if let Some(header) = draft.ipv4() {
        header.dont_fragment = fingerprint.dont_fragment;
        header.options.clear();
        header.fragment_offset = 0;
        header.more_fragments = false;
    }
    possible && window <= u16::MAX.into()
}

/// The fingerprints in the kernel, until it is dropped.
#[derive(Debug)]
pub struct Loaded(File);

const FILE: [&str; 2] = ["-f", "/dev/stdin"];

/// Loads the fingerprints into the kernel.
pub fn load() -> Result<Loaded, LabError> {
    let lock = lock_file()?;
    lock.lock_shared().map_err(LabError::io("lock"))?;
    run("nfnl_osf", &FILE, FINGERPRINTS)?;
    Ok(Loaded(lock))
}

/// Does something while the kernel holds none of the fingerprints; waits for those who use them.
pub fn without<T>(body: impl FnOnce() -> Result<T, LabError>) -> Result<T, LabError> {
    let lock = lock_file()?;
    lock.lock().map_err(LabError::io("lock"))?;
    // Tests that were killed may have left them.
    remove()?;
    body()
}

fn remove() -> Result<(), LabError> {
    run("nfnl_osf", &[FILE[0], FILE[1], "-d"], FINGERPRINTS).map(drop)
}

fn lock_file() -> Result<File, LabError> {
    let path = std::env::temp_dir().join("bpfc-tests-fingerprints.lock");
    let file = File::options().create(true).append(true).open(&path);
    file.map_err(LabError::io(path.display().to_string()))
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // Whoever has the lock in between takes them out.
        if self.0.unlock().is_ok() && self.0.try_lock().is_ok() {
            let _ = remove();
        }
    }
}
