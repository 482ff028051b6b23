//! `bpfc completions`: a shell's completion script.

use crate::args::CompletionsArgs;
use crate::console::{Console, Failure};

pub(super) fn run(args: &CompletionsArgs, console: &Console) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::definition(), "bpfc", &mut script);
    console.print_bytes(&script)
}
