//! Runs the command.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What a run left.
pub struct Ran {
    /// Exit status.
    pub status: i32,
    /// Standard output, not necessarily text.
    pub bytes: Vec<u8>,
    /// Standard output as text.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Ran {
            status: output.status.code().expect("an exit status"),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            bytes: output.stdout,
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// Fails unless the command did what was asked.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, 0, "{}{}", self.out, self.err);
        self
    }

    /// Fails unless the exit status is this one.
    #[track_caller]
    pub fn fails(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{}{}", self.out, self.err);
        self
    }
}

/// The command with arguments.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bpfc"));
    command.args(arguments).env_remove("NO_COLOR").current_dir(root());
    command
}

/// Runs it in the workspace's folder.
pub fn bpfc(arguments: &[&str]) -> Ran {
    command(arguments).output().expect("bpfc runs").into()
}

/// Runs it with something on standard input.
pub fn bpfc_with(arguments: &[&str], input: &str) -> Ran {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("bpfc runs");
    let mut stdin = child.stdin.take().expect("standard input");
    // A command that does not read its input closes it.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("bpfc ends").into()
}

/// Runs a script of bash with a network, mounts and filters that nobody else sees; `$BPFC` is the
/// command, and variables are what `variables` gives. None where that is not possible here, which
/// with `BPFC_REQUIRE_ALL=1` is a failure.
pub fn alone(script: &str, variables: &[(&str, &str)]) -> Option<Ran> {
    if !nix::unistd::Uid::effective().is_root() {
        assert_ne!(std::env::var("BPFC_REQUIRE_ALL").as_deref(), Ok("1"), "root is needed");
        eprintln!("skipped: root is needed");
        return None;
    }
    let run = || {
        Command::new("bash")
            .args(["-ec", script])
            .envs(variables.iter().copied())
            .env("BPFC", env!("CARGO_BIN_EXE_bpfc"))
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir(root())
            .output()
    };
    // Not `unshare`: it wants a root that is a mount point.
    Some(bpfc_tests::lab::namespace::alone(run).expect("bash runs").into())
}

/// The workspace's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A folder for one test's files.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder for files")
}

/// Writes a file and gives its path as text.
pub fn file(folder: &tempfile::TempDir, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, content).expect("a file is written");
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// A small ruleset.
pub const RULES: &str = "\
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:ssh - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ssh
-A INPUT -i eth0 -p udp -m udp --dport 53 -j ACCEPT
-A ssh -s 10.0.0.0/8 -j ACCEPT
COMMIT
";
