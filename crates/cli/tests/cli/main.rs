//! The command as scripts see it: arguments, exit status, standard output and standard error.

mod check;
mod compile;
mod conntrack;
mod counters;
mod explain;
mod fingerprints;
mod formats;
mod json;
mod life;
mod loaders;
mod log;
mod misc;
mod mounts;
mod nft;
mod nft_sets;
mod recent;
mod recognition;
mod replacement;
mod replay;
mod run;
mod save;
mod set;
mod snapshot;
mod watch;
