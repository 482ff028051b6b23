//! `bpfc unload`: detaches a filter and removes it.

use crate::args::UnloadArgs;
use crate::console::{Console, Failure, refused};
use bpfc_runtime::Filter;

pub(super) fn run(args: &UnloadArgs, console: &Console) -> Result<(), Failure> {
    Filter::unload_named(&args.name).map_err(refused)?;
    console.done(&format!("unloaded {}\n", args.name))
}
