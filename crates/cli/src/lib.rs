//! The `bpfc` command: reads what was typed, does the input and output, calls the driver and the
//! runtime. What a ruleset means is decided elsewhere.
//!
//! It is a library so that its manual pages and completions can be made from the same
//! definitions.

mod accounts;
mod args;
mod commands;
mod console;
mod inputs;
mod ipset_words;
mod listing;
mod progress;
mod review;

use args::{Cli, Command, ConntrackCommand, RecentCommand};
use bpfc_runtime::{Waiting, on_waiting};
use clap::{CommandFactory as _, Parser as _};
use console::{Console, Failure, say};
use serde_json::json;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the command line and answers its exit status: 0 done, 1 the input or the kernel said no,
/// 2 the command line is wrong.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = ipset_words::translate(arguments.into_iter().collect());
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are printed to standard output and are no failure.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    let console = Console::new(cli.color, is_json(&cli.command));
    let waiting: fn(&Waiting) = match is_json(&cli.command) {
        true => |waiting: &Waiting| say(&format!("{}\n", json!({ "note": waiting.to_string() }))),
        false => |waiting: &Waiting| say(&format!("note: {waiting}\n")),
    };
    // Whoever calls this twice in a process has said so before.
    let _ = on_waiting(waiting);
    let failure = match commands::run(&cli.command, &console) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(failure) => failure,
    };
    match failure {
        Failure::PipeClosed => ExitCode::SUCCESS,
        Failure::Said => ExitCode::from(1),
        Failure::Refused(message) => {
            console.failure(&message);
            ExitCode::from(1)
        }
        Failure::Usage(message) => {
            console.failure(&message);
            ExitCode::from(2)
        }
    }
}

/// The command's definition, for manual pages and completions.
pub fn definition() -> clap::Command {
    Cli::command()
}

fn is_json(command: &Command) -> bool {
    match command {
        Command::Check(args) => args.json,
        Command::Load(args) => args.json,
        Command::Status(args) => args.json,
        Command::Counters(args) => args.json,
        Command::Log(args) => args.json,
        Command::Recent(args) => matches!(args.command, RecentCommand::List { json: true, .. }),
        Command::Replay(args) => args.json,
        Command::Explain(args) => args.json,
        Command::Set(args) => args.json(),
        Command::Conntrack(args) => {
            matches!(args.command, ConntrackCommand::Status { json: true })
        }
        Command::HelpCode(args) => args.json,
        Command::Compile(_)
        | Command::Unload(_)
        | Command::Snapshot(_)
        | Command::Completions(_) => false,
    }
}
