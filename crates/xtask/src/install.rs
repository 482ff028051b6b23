//! `cargo xtask install`: the command, its manual pages and completions, below a prefix.

use crate::Failure;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the command and copies everything below `destdir` and `prefix`.
pub fn run(root: &Path, prefix: &Path, destdir: &Path) -> Result<(), Failure> {
    let status = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["build", "--release", "--locked", "-p", "bpfc"])
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !status.success() {
        return Err("the command cannot be built".into());
    }
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let below = destdir.join(prefix.strip_prefix("/").unwrap_or(prefix));
    copy(&root.join(target).join("release/bpfc"), &below.join("bin/bpfc"), 0o755)?;
    let pages = root.join("docs/man");
    for entry in
        std::fs::read_dir(&pages).map_err(|error| format!("{}: {error}", pages.display()))?
    {
        let name = entry.map_err(|error| error.to_string())?.file_name();
        copy(&pages.join(&name), &below.join("share/man/man1").join(&name), 0o644)?;
    }
    for (from, to) in [
        ("bpfc.bash", "share/bash-completion/completions/bpfc"),
        ("_bpfc", "share/zsh/site-functions/_bpfc"),
        ("bpfc.fish", "share/fish/vendor_completions.d/bpfc.fish"),
    ] {
        copy(&root.join("completions").join(from), &below.join(to), 0o644)?;
    }
    println!("installed below {}", below.display());
    Ok(())
}

/// Copies a file, in place of what is there; a running program goes on.
fn copy(from: &Path, to: &Path, mode: u32) -> Result<(), Failure> {
    let copied = || {
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let new = to.with_extension("new");
        std::fs::copy(from, &new)?;
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(mode))?;
        std::fs::rename(&new, to)
    };
    copied().map_err(|error: std::io::Error| {
        format!("cannot copy '{}' to '{}': {error}", from.display(), to.display())
    })
}
