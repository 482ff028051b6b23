//! Reads what nf_tables holds from the running kernel: all tables with chains, sets, elements,
//! objects and rules, as the messages in which the kernel tells of them.
//!
//! The answer is in the format that `bpfc-nftables` reads (`netlink/container.rs` there has it): a
//! header of 16 bytes, then the messages. It can be kept in a file, too, and compiled elsewhere.
//!
//! One question is not enough for it all, so the ruleset may change between two answers: each
//! change gives it another generation, and what was told of two of them is asked for again.
//! The tables by which filters keep connection tracking on are no rules, and are left out.
//!
//! The ruleset is that of the calling thread's network namespace. CAP_NET_ADMIN in it is needed.

use crate::conntrack::{self, INET};
use crate::netlink::{self, Attributes, NF_TABLES, Recorded, Recorder};
use bpfc_artifact::raw;
use std::collections::BTreeSet;
use std::io;

/// Why the kernel's ruleset cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The kernel does not tell.
    #[error("the kernel does not tell of its nftables ruleset: {0}")]
    Read(#[from] io::Error),
    /// Others changed the ruleset again and again while it was read.
    #[error("the kernel's nftables ruleset kept changing while it was read")]
    Changing,
}

/// How a dump begins.
const MAGIC: &[u8; 8] = b"nftdump\0";
const VERSION: u16 = 1;
/// How often it is read at most.
const ATTEMPTS: usize = 32;

/// `NFT_MSG_GET*`.
const GET_TABLE: u16 = 1;
const GET_CHAIN: u16 = 4;
const GET_RULE: u16 = 7;
const GET_SET: u16 = 10;
const GET_ELEMENTS: u16 = 13;
const GET_GENERATION: u16 = 16;
const GET_OBJECT: u16 = 19;
const GET_FLOWTABLE: u16 = 23;
/// `NFT_MSG_NEWGEN` and `NFT_MSG_NEWCHAIN`.
pub(crate) const NEW_GENERATION: u16 = NF_TABLES << 8 | 15;
const NEW_CHAIN: u16 = NF_TABLES << 8 | 3;
/// `NFTA_GEN_ID`; the name of their table in all others; `NFTA_SET_NAME`, which is that of lists of
/// elements, too; `NFTA_CHAIN_HOOK`.
const GENERATION: u16 = 1;
const TABLE: u16 = 1;
const SET_NAME: u16 = 2;
const CHAIN_HOOK: u16 = 4;

/// All of this network namespace's ruleset, of one generation.
///
/// # Errors
/// Where the kernel does not tell, for want of CAP_NET_ADMIN or of nf_tables; where the ruleset
/// changes all the time.
pub fn dump() -> Result<Vec<u8>, DumpError> {
    let mut start = MAGIC.to_vec();
    start.extend(1u16.to_ne_bytes());
    start.extend(VERSION.to_ne_bytes());
    start.extend([0; 4]);
    let start = Recorder::links(start)?;
    for _ in 0..ATTEMPTS {
        if let Some(messages) = attempt()? {
            return Ok([start, messages].concat());
        }
    }
    Err(DumpError::Changing)
}

/// The generation of this network namespace's ruleset: another number after each change.
///
/// # Errors
/// Where the kernel does not tell.
pub fn generation() -> io::Result<u32> {
    let mut recorder = Recorder::of_netfilter()?;
    recorder.ask(NF_TABLES << 8 | GET_GENERATION, 0, false, &Attributes::default())?;
    let mut found = netlink::recorded(&recorder.messages);
    let found = found.find_map(|message| {
        let mut attributes = netlink::attributes(message.attributes);
        let (_, number) = attributes.find(|(kind, _)| *kind == GENERATION)?;
        number.first_chunk().map(|number| u32::from_be_bytes(*number))
    });
    found
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the kernel names no generation"))
}

/// The ruleset's messages; `None` where it changed meanwhile.
fn attempt() -> Result<Option<Vec<u8>>, DumpError> {
    let before = generation()?;
    let told = tell();
    let is_same = generation()? == before;
    match told {
        Ok(messages) => Ok(messages.filter(|_| is_same)),
        // What was named is not there any more.
        Err(_) if !is_same => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn tell() -> io::Result<Option<Vec<u8>>> {
    let mut recorder = Recorder::of_netfilter()?;
    let nothing = Attributes::default();
    let all =
        |recorder: &mut Recorder, what: u16| recorder.ask(NF_TABLES << 8 | what, 0, true, &nothing);
    recorder.ask(NF_TABLES << 8 | GET_GENERATION, 0, false, &nothing)?;
    all(&mut recorder, GET_TABLE)?;
    all(&mut recorder, GET_CHAIN)?;
    let start = all(&mut recorder, GET_SET)?;
    let sets: Vec<(u8, String, String)> =
        netlink::recorded(&recorder.messages[start..]).filter_map(set).collect();
    for (family, table, name) in sets {
        let which = Attributes::default().string(TABLE, &table).string(SET_NAME, &name);
        recorder.ask(NF_TABLES << 8 | GET_ELEMENTS, family, true, &which)?;
    }
    all(&mut recorder, GET_OBJECT)?;
    all(&mut recorder, GET_FLOWTABLE)?;
    all(&mut recorder, GET_RULE)?;
    let Recorder { messages, is_interrupted, .. } = recorder;
    Ok((!is_interrupted).then(|| without_keepers(messages)))
}

fn text(payload: &[u8]) -> Option<String> {
    let end = payload.iter().position(|&byte| byte == 0)?;
    Some(raw::decode(&payload[..end]).into_owned())
}

/// The attribute of a type as a text.
fn text_of(message: &Recorded<'_>, wanted: u16) -> Option<String> {
    let (_, payload) = netlink::attributes(message.attributes).find(|(kind, _)| *kind == wanted)?;
    text(payload)
}

/// The family, table and name of a set.
fn set(message: Recorded<'_>) -> Option<(u8, String, String)> {
    Some((message.family, text_of(&message, TABLE)?, text_of(&message, SET_NAME)?))
}

/// The table that a message is about, where it has the name of one that keeps connection tracking
/// on.
pub(crate) fn keeper(message: &Recorded<'_>) -> Option<String> {
    let is_named = message.kind != NEW_GENERATION && message.family == INET;
    is_named.then(|| text_of(message, TABLE))?.filter(|name| conntrack::is_keeper(name))
}

/// Leaves out the tables that keep connection tracking on: those of a keeper's name of which no
/// chain hangs on a hook, so that no packet meets them.
fn without_keepers(messages: Vec<u8>) -> Vec<u8> {
    let is_hooked = |message: &Recorded<'_>| {
        message.kind == NEW_CHAIN
            && netlink::attributes(message.attributes).any(|(kind, _)| kind == CHAIN_HOOK)
    };
    let hooked: BTreeSet<String> =
        netlink::recorded(&messages).filter(is_hooked).filter_map(|chain| keeper(&chain)).collect();
    let is_ours =
        |message: &Recorded<'_>| keeper(message).is_some_and(|name| !hooked.contains(&name));
    if !netlink::recorded(&messages).any(|message| is_ours(&message)) {
        return messages;
    }
    let mut kept = Vec::with_capacity(messages.len());
    for message in netlink::recorded(&messages).filter(|message| !is_ours(message)) {
        kept.extend(message.whole);
        kept.resize(kept.len().next_multiple_of(4), 0);
    }
    kept
}
