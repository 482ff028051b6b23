//! When devices come, go or get other names.

use crate::netlink::{self, Subscription};
use bpfc_artifact::raw;
use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// `RTNLGRP_LINK`, and `IFLA_IFNAME`.
const GROUP: u32 = 1;
const NAME: u16 = 3;

#[derive(Debug)]
pub(super) struct Links {
    socket: Subscription,
    /// Number and name of each.
    known: BTreeSet<(u32, String)>,
}

impl Links {
    pub fn new() -> io::Result<Links> {
        Ok(Links { socket: Subscription::to_routes(GROUP)?, known: look()? })
    }

    /// Whether there are others than at the last question. The kernel tells of much else: counters,
    /// carriers, addresses.
    pub fn changed(&mut self) -> io::Result<bool> {
        let mut told = false;
        let told_all = self.socket.read(|_| told = true)?;
        if told_all && !told {
            return Ok(false);
        }
        let now = look()?;
        let changed = now != self.known;
        self.known = now;
        Ok(changed)
    }
}

fn look() -> io::Result<BTreeSet<(u32, String)>> {
    let mut found = BTreeSet::new();
    netlink::links(|number, _, attributes| {
        let name = netlink::attributes(attributes).find(|(kind, _)| *kind == NAME);
        if let Some((_, [name @ .., 0])) = name {
            found.insert((number, raw::decode(name).into_owned()));
        }
    })?;
    Ok(found)
}

impl AsFd for Links {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
