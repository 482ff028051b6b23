//! One module a command.

mod again;
mod check;
mod compile;
mod complete;
mod completions;
mod conntrack;
mod counters;
mod explain;
mod help_code;
mod kernel;
mod load;
mod log;
mod recent;
mod replay;
mod save;
mod semantics;
mod set;
mod snapshot;
mod status;
mod unload;
mod watch;

pub use completions::script as completion_script;

use crate::args::Command;
use crate::console::{Console, Failure};

/// Runs a command.
pub fn run(command: &Command, console: &Console) -> Result<(), Failure> {
    match command {
        Command::Compile(args) => compile::run(args, console),
        Command::Check(args) => check::run(args, console),
        Command::Load(args) => load::run(args, console),
        Command::Watch(args) => watch::run(args, console),
        Command::Unload(args) => unload::run(args, console),
        Command::Status(args) => status::run(args, console),
        Command::Counters(args) => counters::run(args, console),
        Command::Save(args) => save::run(args, console),
        Command::Log(args) => log::run(args, console),
        Command::Recent(args) => recent::run(args, console),
        Command::Replay(args) => replay::run(args, console),
        Command::Set(args) => set::run(args, console),
        Command::Conntrack(args) => conntrack::run(args, console),
        Command::Explain(args) => explain::run(args, console),
        Command::Snapshot(args) => snapshot::run(args, console),
        Command::HelpCode(args) => help_code::run(args, console),
        Command::Semantics(args) => semantics::run(args, console),
        Command::Completions(args) => completions::run(args, console),
        Command::Complete(args) => complete::run(args, console),
    }
}
