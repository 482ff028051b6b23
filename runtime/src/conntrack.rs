//! Keeps connection tracking switched on where a filter asks for it.
//!
//! A network namespace tracks connections only while something in it uses conntrack. Who replaces
//! the kernel's own rules by programs takes that user away, and every packet would read as
//! invalid. So a filter that needs conntrack brings a table of its own, `inet bpfc-NAME`, with one
//! rule that asks for a packet's connection state. The kernel counts the rule as a user from the
//! moment that it exists (`nft_ct_get_init` in net/netfilter/nft_ct.c takes a reference for the
//! whole namespace); its chain is hooked nowhere, so that no packet ever runs it.

use crate::netlink::{self, APPEND, Attributes, Batch, CREATE, NF_TABLES};
use crate::{Error, pins};
use std::{fmt, io};

/// `NFPROTO_INET`: both families.
pub(crate) const INET: u8 = 1;
/// `NFT_MSG_*`.
const NEW_TABLE: u16 = 0;
const GET_TABLE: u16 = 1;
const DELETE_TABLE: u16 = 2;
const NEW_CHAIN: u16 = 3;
const NEW_RULE: u16 = 6;
/// `NFTA_TABLE_NAME`.
const TABLE_NAME: u16 = 1;
/// `NFTA_CHAIN_TABLE` and `NFTA_CHAIN_NAME`.
const CHAIN_TABLE: u16 = 1;
const CHAIN_NAME: u16 = 3;
/// `NFTA_RULE_TABLE`, `NFTA_RULE_CHAIN` and `NFTA_RULE_EXPRESSIONS`.
const RULE_TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_EXPRESSIONS: u16 = 4;
/// `NFTA_LIST_ELEM`.
const ELEMENT: u16 = 1;
/// `NFTA_EXPR_NAME` and `NFTA_EXPR_DATA`.
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;
/// `NFTA_CT_DREG` and `NFTA_CT_KEY`.
const CT_REGISTER: u16 = 1;
const CT_KEY: u16 = 2;
/// `NFT_REG_1` and `NFT_CT_STATE`.
const REGISTER_1: u32 = 1;
const STATE: u32 = 0;

const CHAIN: &str = "conntrack";

fn table(filter: &str) -> String {
    format!("bpfc-{filter}")
}

/// Makes the calling thread's network namespace track connections for the filter of this name.
/// Doing so twice is fine. Loads nf_tables and nf_conntrack where they are modules.
pub(crate) fn enable(filter: &str) -> Result<(), Error> {
    renew(&table(filter))
}

/// Makes a table, anew where it was there.
fn renew(table: &str) -> Result<(), Error> {
    let name = Attributes::default().string(TABLE_NAME, table);
    let mut batch = Batch::new();
    // Added, so that it can be deleted, so that it is new; all in one step.
    batch.add(NEW_TABLE, CREATE, INET, &name);
    batch.add(DELETE_TABLE, 0, INET, &name);
    add(&mut batch, table);
    batch.send().map_err(Error::Conntrack)
}

/// Adds a table with the rule that uses conntrack.
fn add(batch: &mut Batch, table: &str) {
    let name = Attributes::default().string(TABLE_NAME, table);
    let chain = Attributes::default().string(CHAIN_TABLE, table).string(CHAIN_NAME, CHAIN);
    let state = Attributes::default().number(CT_REGISTER, REGISTER_1).number(CT_KEY, STATE);
    let expression =
        Attributes::default().string(EXPRESSION_NAME, "ct").nested(EXPRESSION_DATA, state);
    let rule = Attributes::default()
        .string(RULE_TABLE, table)
        .string(RULE_CHAIN, CHAIN)
        .nested(RULE_EXPRESSIONS, Attributes::default().nested(ELEMENT, expression));
    batch.add(NEW_TABLE, CREATE, INET, &name);
    batch.add(NEW_CHAIN, CREATE, INET, &chain);
    batch.add(NEW_RULE, CREATE | APPEND, INET, &rule);
}

/// Who keeps connection tracking on by a table of bpfc's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConntrackKeeper {
    /// A filter of this name.
    Filter(String),
    /// [`keep_conntrack`] for this name.
    Name(String),
}

impl fmt::Display for ConntrackKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConntrackKeeper::Filter(name) => write!(f, "filter {name}"),
            ConntrackKeeper::Name(name) => f.write_str(name),
        }
    }
}

/// What the tables of [`keep_conntrack`] are called; those of filters begin with `bpfc-`.
const KEPT: &str = "bpfc_conntrack_";

/// Makes the calling thread's network namespace track connections until [`release_conntrack`], or
/// as long as it is there. Doing so twice is fine. Programs that another loader attaches need
/// it; [`crate::Filter::load`] does so by itself.
///
/// # Errors
/// [`Error::Options`] for what cannot be a name, [`Error::Conntrack`].
pub fn keep_conntrack(name: &str) -> Result<(), Error> {
    pins::check_name(name)?;
    renew(&format!("{KEPT}{name}"))
}

/// Undoes [`keep_conntrack`]; nothing to undo is fine.
///
/// # Errors
/// As of [`keep_conntrack`].
pub fn release_conntrack(name: &str) -> Result<(), Error> {
    pins::check_name(name)?;
    remove(&format!("{KEPT}{name}"))
}

/// Whether the table of a name in the family inet may be one of those that keep connection tracking
/// on.
pub(crate) fn is_keeper(table: &str) -> bool {
    table.starts_with("bpfc-") || table.starts_with(KEPT) || table.starts_with("bpfc~")
}

/// Who keeps connection tracking on in the calling thread's network namespace, filters first. Rules
/// of others may do so as well.
///
/// # Errors
/// [`Error::Conntrack`].
pub fn conntrack_keepers() -> Result<Vec<ConntrackKeeper>, Error> {
    /// `NLM_F_DUMP`.
    const DUMP: u16 = 0x300;
    let mut found = Vec::new();
    let result = netlink::ask(NF_TABLES, GET_TABLE, DUMP, &Attributes::default(), |message| {
        let name = netlink::attributes(message).find(|(kind, _)| *kind == TABLE_NAME);
        let name = name.and_then(|(_, text)| std::str::from_utf8(text).ok());
        let name = name.map_or("", |name| name.trim_end_matches('\0'));
        if let Some(filter) = name.strip_prefix("bpfc-") {
            found.push(ConntrackKeeper::Filter(filter.to_owned()));
        } else if let Some(name) = name.strip_prefix(KEPT) {
            found.push(ConntrackKeeper::Name(name.to_owned()));
        }
        Ok(())
    });
    result.map_err(Error::Conntrack)?;
    found.sort();
    Ok(found)
}

/// Has the kernel load nf_tables and nf_conntrack where they are modules, whose kernel functions
/// programs call. Leaves nothing behind, whenever it dies: the table comes and goes in one step.
pub(crate) fn provide() -> Result<(), Error> {
    if std::path::Path::new("/proc/sys/net/netfilter/nf_conntrack_max").exists() {
        return Ok(());
    }
    // No filter's table is called so.
    let table = format!("bpfc~{}", std::process::id());
    let mut batch = Batch::new();
    add(&mut batch, &table);
    batch.add(DELETE_TABLE, 0, INET, &Attributes::default().string(TABLE_NAME, &table));
    batch.send().map_err(Error::Conntrack)
}

/// True where the calling thread's network namespace has the filter's table. Whoever flushes all of
/// nftables' rules takes it away.
pub(crate) fn is_on(filter: &str) -> Result<bool, Error> {
    let name = Attributes::default().string(TABLE_NAME, &table(filter));
    match netlink::ask_family(INET, NF_TABLES, GET_TABLE, 0, &name, |_| Ok(())) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::Conntrack(error)),
    }
}

/// Makes the calling thread's network namespace count packets and bytes of connections that begin
/// from now on, as the kernel does for a rule that asks for them (net/netfilter/xt_connbytes.c). It
/// stays on, as it does there.
pub(crate) fn count() -> Result<(), Error> {
    std::fs::write("/proc/sys/net/netfilter/nf_conntrack_acct", "1").map_err(Error::Conntrack)
}

/// Takes the table away; none is fine. Connections are tracked as long as anyone else asks.
pub(crate) fn disable(filter: &str) -> Result<(), Error> {
    remove(&table(filter))
}

fn remove(table: &str) -> Result<(), Error> {
    let mut batch = Batch::new();
    batch.add(DELETE_TABLE, 0, INET, &Attributes::default().string(TABLE_NAME, table));
    match batch.send() {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::Conntrack(error)),
        _ => Ok(()),
    }
}

/// Tracking for the time of an attempt: switched off again when dropped, unless kept.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    filter: Option<&'a str>,
}

impl<'a> Attempt<'a> {
    /// Switches tracking on where `needed`.
    pub fn begin(filter: &'a str, needed: bool) -> Result<Attempt<'a>, Error> {
        if needed {
            enable(filter)?;
        }
        Ok(Attempt { filter: needed.then_some(filter) })
    }

    /// Leaves it on.
    pub fn keep(mut self) {
        self.filter = None;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(filter) = self.filter {
            // There is no one to tell; a table that stays does no harm.
            let _ = disable(filter);
        }
    }
}
