//! When the ruleset of nf_tables changes.
//!
//! The kernel tells of each change of a transaction, and at its end of the new generation
//! (`NFT_MSG_NEWGEN`, Linux 4.7). The tables by which filters keep connection tracking on are the
//! runtime's own: a transaction that changes nothing else is passed over.

use crate::netlink::{self, NF_TABLES, Subscription};
use crate::nft_dump::{self, NEW_GENERATION, keeper};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// `NFNLGRP_NFTABLES`.
const GROUP: u32 = 7;

#[derive(Debug)]
pub(super) struct Tables {
    socket: Subscription,
    /// Whether the transaction of which the kernel tells changes something of others.
    is_theirs: bool,
}

impl Tables {
    pub fn new() -> io::Result<Tables> {
        // Where nf_tables is a module nobody has loaded, a question loads it.
        nft_dump::generation()?;
        Ok(Tables { socket: Subscription::to_netfilter(GROUP)?, is_theirs: false })
    }

    /// Whether a transaction of others has ended since the last question.
    pub fn changed(&mut self) -> io::Result<bool> {
        let mut changed = false;
        let is_theirs = &mut self.is_theirs;
        let told_all = self.socket.read(|bytes| {
            for message in netlink::recorded(bytes) {
                match message.kind {
                    NEW_GENERATION => changed |= std::mem::take(is_theirs),
                    kind if kind >> 8 == NF_TABLES => {
                        *is_theirs |= keeper(&message).is_none();
                    }
                    _ => {}
                }
            }
        })?;
        Ok(changed || !told_all)
    }
}

impl AsFd for Tables {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
