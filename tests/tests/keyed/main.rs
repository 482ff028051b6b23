//! What outlives a packet under a key: contents as the kernel has them, changes at run time, and
//! exact results where two processors work on it at once.

mod recent;

use bpfc_tests::differential::EngineError;
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::require;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// Runs a test in a namespace of its own, where the machine has what it needs.
fn in_lab(test: impl FnOnce() -> Result<(), EngineError> + Send) {
    if require::met(require::KERNEL_IPTABLES) {
        isolated(test).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// Does the same on two processors at once, where the machine has two.
fn on_two_processors<E: Send>(work: impl Fn() -> Result<(), E> + Sync) -> Result<(), E> {
    std::thread::scope(|scope| {
        let work = &work;
        let threads = [0, 1].map(|processor| {
            scope.spawn(move || {
                let mut processors = CpuSet::new();
                processors.set(processor).expect("a processor's number");
                // With one processor both take turns on it.
                let _ = sched_setaffinity(Pid::from_raw(0), &processors);
                work()
            })
        });
        threads.into_iter().try_for_each(|thread| thread.join().expect("a thread"))
    })
}
