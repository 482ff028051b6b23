//! When the ruleset of nf_tables changes.
//!
//! The kernel tells of each change of a transaction, and at its end of the new generation
//! (`NFT_MSG_NEWGEN`, Linux 4.7). The tables by which filters keep connection tracking on are the
//! runtime's own: a transaction that changes nothing else is passed over.

use crate::conntrack::{INET, is_keeper};
use crate::netlink::{self, Attributes, NF_TABLES, Subscription};
use bpfc_artifact::raw;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// `NFNLGRP_NFTABLES`.
const GROUP: u32 = 7;
/// `NFT_MSG_NEWGEN`.
const NEW_GENERATION: u16 = NF_TABLES << 8 | 15;
/// The name of the table, in every message but that.
const TABLE: u16 = 1;

#[derive(Debug)]
pub(super) struct Tables {
    socket: Subscription,
    /// Whether the transaction of which the kernel tells changes something of others.
    is_theirs: bool,
}

impl Tables {
    pub fn new() -> io::Result<Tables> {
        // Where nf_tables is a module nobody has loaded, a question loads it.
        netlink::ask(NF_TABLES, 16, 0, &Attributes::default(), |_| Ok(()))?;
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
                        *is_theirs |= message.family != INET || !names_keeper(message.attributes);
                    }
                    _ => {}
                }
            }
        })?;
        Ok(changed || !told_all)
    }
}

/// Whether a message is about a table that keeps connection tracking on.
fn names_keeper(attributes: &[u8]) -> bool {
    let name = netlink::attributes(attributes).find(|(kind, _)| *kind == TABLE);
    name.and_then(|(_, name)| name.strip_suffix(&[0]))
        .is_some_and(|name| is_keeper(&raw::decode(name)))
}

impl AsFd for Tables {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
