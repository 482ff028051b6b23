//! The project's own chores: `cargo xtask generate` makes what is generated and committed,
//! `cargo xtask test` runs every test, `cargo xtask tidy` checks the sources, `cargo xtask install`
//! installs the command.

mod coverage;
mod generate;
mod install;
mod manual;
mod packages;
mod test;
mod tidy;

use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The project's own chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Make manual pages and completions.
    Generate {
        /// Write nothing; fail where something would change.
        #[arg(long)]
        check: bool,
    },
    /// Build the command and install it with its manual pages and completions.
    Install {
        /// What everything is installed below.
        #[arg(long, default_value = "/usr/local", value_name = "DIR")]
        prefix: PathBuf,
        /// A folder that stands for the root, for making packages.
        #[arg(long, default_value = "/", value_name = "DIR")]
        destdir: PathBuf,
    },
    /// Run every test; as root, install what they need first. Says what it skipped.
    ///
    /// With BPFC_REQUIRE_ALL=1 in the environment, what cannot run is a failure.
    Test {
        /// Passed on to `cargo test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Check that every dependency is used and every comment wrapped. `test` does, too.
    Tidy,
}

/// Why a task failed; it has said the rest itself.
type Failure = String;

fn main() -> ExitCode {
    let root = workspace();
    let result = match Cli::parse().task {
        Task::Generate { check } => generate::run(&root, check),
        Task::Install { prefix, destdir } => install::run(&root, &prefix, &destdir),
        Task::Test { arguments } => test::run(&root, &arguments),
        Task::Tidy => tidy::run(&root),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder.
fn workspace() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own).to_owned()
}
