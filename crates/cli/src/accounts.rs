//! The users and groups of this machine, as getpwnam(3) and getgrnam(3) find them.

use bpfc_ir::Accounts;
use nix::unistd::{Group, User};

/// This machine.
#[derive(Debug)]
pub struct System;

impl Accounts for System {
    fn user(&self, name: &str) -> Option<u32> {
        User::from_name(name).ok().flatten().map(|user| user.uid.as_raw())
    }

    fn group(&self, name: &str) -> Option<u32> {
        Group::from_name(name).ok().flatten().map(|group| group.gid.as_raw())
    }
}
