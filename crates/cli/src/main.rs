//! The `bpfc` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    bpfc_cli::run(std::env::args_os())
}
