//! The `bpfc` command: reads what was typed, does the input and output, calls the driver and the
//! runtime. What a ruleset means is decided elsewhere.
//!
//! It is a library so that its manual pages and completions can be made from the same
//! definitions.

mod accounts;
mod args;
mod commands;
mod console;
mod included;
mod inputs;
mod ipset_words;
mod listing;
mod nft_listing;
mod nft_saved;
mod nft_sets;
mod progress;
mod resolver;
mod review;
mod saved;
mod words;
mod zone;

use args::{Cli, Command, ConntrackCommand, RecentCommand};
use bpfc_runtime::{Waiting, on_waiting};
use clap::{CommandFactory as _, FromArgMatches as _};
use console::{Console, Failure, say};
use serde_json::json;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the command line and answers its exit status: 0 done, 1 the input or the kernel said no,
/// 2 the command line is wrong.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = ipset_words::translate(arguments.into_iter().collect());
    let parsed = Cli::command().version(VERSION).try_get_matches_from(arguments);
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are printed to standard output and are no failure.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    let console = Console::new(cli.color, is_json(&cli.command), cli.quiet);
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

/// What `--version` prints: the version and, where the sources are a commit's, that commit and its
/// day.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), env!("BPFC_COMMIT"));

/// The command's definition, for manual pages and completions: the same for every commit.
pub fn definition() -> clap::Command {
    Cli::command()
}

/// A shell's completion script.
pub fn completion_script(shell: clap_complete::Shell) -> Vec<u8> {
    commands::completion_script(shell)
}

fn is_json(command: &Command) -> bool {
    match command {
        Command::Check(args) => args.json,
        Command::Load(args) => args.place.json,
        Command::Watch(args) => args.place.json,
        Command::Status(args) => args.json,
        Command::Counters(args) => args.json,
        Command::Save(args) => args.json,
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
        | Command::Semantics(_)
        | Command::Complete(_)
        | Command::Completions(_) => false,
    }
}
