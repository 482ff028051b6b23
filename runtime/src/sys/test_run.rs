//! `BPF_PROG_TEST_RUN`: a program on one packet, without attaching it.

use super::{Program, address, address_mut, attr, bpf};
use aya_obj::generated::bpf_cmd;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};

/// The command's arguments.
#[derive(Clone, Copy, Debug)]
pub struct TestRun<'a> {
    /// The packet.
    pub data: &'a [u8],
    /// The program type's context structure as user space fills it; empty for none.
    pub context: &'a [u8],
    /// How often; at least 1.
    pub repeat: u32,
    /// True where the kernel writes the context back.
    pub context_out: bool,
}

/// The outcome of a test run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestRunResult {
    /// What the program returned.
    pub retval: u32,
    /// Mean time of a run in nanoseconds.
    pub duration: u32,
    /// The packet after the last run. Empty for program types that do not give it.
    pub data: Vec<u8>,
    /// The context after the last run, if it was asked for.
    pub context: Vec<u8>,
}

/// Room for what a program may add to a packet.
const HEADROOM: usize = 512;

impl Program {
    /// Runs the program (Linux 4.12; netfilter programs 6.4).
    pub fn test_run(&self, run: &TestRun<'_>) -> io::Result<TestRunResult> {
        let mut data = vec![0; run.data.len() + HEADROOM];
        let mut context = vec![0; if run.context_out { run.context.len() } else { 0 }];
        let mut attr = attr();
        attr.test.prog_fd = self.as_fd().as_raw_fd() as u32;
        attr.test.repeat = run.repeat.max(1);
        attr.test.data_in = address(run.data);
        attr.test.data_size_in = run.data.len() as u32;
        attr.test.data_out = address_mut(&mut data);
        attr.test.data_size_out = data.len() as u32;
        if !run.context.is_empty() {
            attr.test.ctx_in = address(run.context);
            attr.test.ctx_size_in = run.context.len() as u32;
        }
        if !context.is_empty() {
            attr.test.ctx_out = address_mut(&mut context);
            attr.test.ctx_size_out = context.len() as u32;
        }
        // SAFETY: all four buffers are slices whose lengths stand beside them.
        unsafe { bpf(bpf_cmd::BPF_PROG_TEST_RUN, &mut attr)? };
        // SAFETY: the kernel has written this member, which consists of integers.
        let test = unsafe { attr.test };
        data.truncate(test.data_size_out as usize);
        context.truncate(test.ctx_size_out as usize);
        Ok(TestRunResult { retval: test.retval, duration: test.duration, data, context })
    }
}
