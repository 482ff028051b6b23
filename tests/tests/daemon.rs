//! The example daemon of `bpfc-driver`, in a network namespace of its own: it loads, prints what is
//! counted, stays with what it has where a ruleset has errors, swaps, and ends with the filter.

#[path = "../../crates/driver/examples/daemon.rs"]
#[allow(dead_code)]
mod daemon;

use bpfc_runtime::{Filter, Options};
use bpfc_tests::lab::namespace::alone;
use bpfc_tests::require::{self, Need};
use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::time::Duration;

const NAME: &str = "daemon";

fn rules(verdict: &str) -> String {
    format!("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p udp -j {verdict}\nCOMMIT\n")
}

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let path = std::env::temp_dir().join(format!("bpfc-daemon-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// Puts a ruleset in the place of what the daemon reads.
    fn put(&self, text: &str) -> PathBuf {
        let (new, path) = (self.0.join("new"), self.0.join("rules.v4"));
        fs::write(&new, text).unwrap();
        fs::rename(new, &path).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Sends a datagram to a socket of our own; whether it arrives.
fn passes() -> bool {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    socket.send_to(b"packet", socket.local_addr().unwrap()).unwrap();
    socket.recv(&mut [0; 64]).is_ok()
}

/// What the daemon says, line by line.
struct Said(io::Lines<BufReader<io::PipeReader>>);

impl Said {
    /// Reads on until a line has all of these words.
    fn until(&mut self, words: &[&str]) {
        let mut lines = self.0.by_ref().map(Result::unwrap);
        assert!(
            lines.any(|line| words.iter().all(|word| line.contains(word))),
            "the daemon ended before it said {words:?}"
        );
    }
}

fn follow(folder: &Folder, said: &mut Said) {
    said.until(&["filter/INPUT:1", "-j ACCEPT"]);
    assert!(passes());
    said.until(&[" 1 ", "filter/INPUT:1", "-j ACCEPT"]);

    folder.put(&rules("NOWHERE"));
    said.until(&["error[BPFC"]);
    assert!(passes());
    said.until(&[" 2 ", "filter/INPUT:1", "-j ACCEPT"]);

    folder.put(&rules("DROP"));
    said.until(&["filter/INPUT:1", "-j DROP"]);
    assert!(!passes());
    said.until(&["filter/INPUT:1", "-j DROP"]);

    Filter::unload_named(NAME).unwrap();
    assert!(passes());
    // It ends by itself.
    said.0.by_ref().for_each(|line| drop(line.unwrap()));
}

fn run(path: &Path, mut out: io::PipeWriter) {
    let path = path.to_str().unwrap();
    daemon::run(path, "netfilter", &Options::new(NAME), &mut out).unwrap();
}

#[test]
fn the_daemon_loads_counts_and_swaps() {
    if !require::met(&[Need::Root, Need::Tool("ip")]) {
        return;
    }
    alone(|| {
        let folder = Folder::new();
        let path = folder.put(&rules("ACCEPT"));
        let (reader, writer) = io::pipe().unwrap();
        std::thread::scope(|scope| {
            let daemon = scope.spawn(|| run(&path, writer));
            let mut said = Said(BufReader::new(reader).lines());
            let followed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                follow(&folder, &mut said)
            }));
            // A daemon whose output nobody reads ends, too.
            drop(said);
            let ended = daemon.join();
            followed.unwrap();
            ended.unwrap();
        });
    });
}
