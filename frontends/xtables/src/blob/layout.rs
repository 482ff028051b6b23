//! From a list of entries to chains.
//!
//! iptables lays a table out as base chains in hook order, each ending in its policy, then user
//! chains, each an ERROR entry with its name, its rules and an unconditional RETURN, then an ERROR
//! entry named ERROR. A header tells where base chains begin and end. The entries form has no such
//! header: there the kernel's `comefrom` tells, the set of hooks that reach an entry. The first
//! rule of a base chain is always reached, and by its own hook alone, because no rule jumps to a
//! base chain; so a base chain begins where a new hook appears.
//!
//! What must hold: every entry belongs to exactly one chain or is a marker between chains.

use super::BlobError;
use super::container::{HOOKS, Hooks};
use super::entry::RawEntry;
use bpfc_ir::{Verdict, raw};
use std::collections::BTreeMap;
use std::ops::Range;

/// Names of base chains by hook number.
pub const BASE_NAMES: [&str; HOOKS] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

const ABSENT: u32 = 0xffff_ffff;
const VERDICT_DROP: i32 = -1;
const VERDICT_ACCEPT: i32 = -2;
const VERDICT_RETURN: i32 = -5;

/// A chain: indices into the list of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawChain {
    /// Its name.
    pub name: String,
    /// A base chain's hook number, policy and the policy's entry; `None` for a user chain.
    pub base: Option<RawBase>,
    /// Its rules, without policy and without the RETURN at a user chain's end.
    pub rules: Range<usize>,
    /// The offset that a jump to the chain names.
    pub start: u32,
}

/// What a base chain has besides rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawBase {
    /// The hook's number.
    pub hook: usize,
    /// The policy.
    pub policy: Verdict,
    /// The policy's entry, which counts for it.
    pub entry: usize,
}

/// The chains of a table: base chains in hook order, then user chains. `at` is where in the file
/// the entries begin.
pub fn chains(
    entries: &[RawEntry<'_>],
    hooks: Option<&Hooks>,
    at: usize,
) -> Result<Vec<RawChain>, BlobError> {
    let Some((last, body)) = entries.split_last() else {
        return Err(BlobError::new(at, "the table has no entries"));
    };
    if last.error_name().as_deref() != Some("ERROR") || !last.is_unconditional() {
        let message = "the table does not end with an ERROR entry";
        return Err(BlobError::new(at + last.offset as usize, message));
    }
    let base_end = body.iter().position(|entry| entry.target.name == "ERROR");
    let base_end = base_end.unwrap_or(body.len());
    let mut chains = match hooks {
        Some(hooks) => from_hooks(body, base_end, hooks, at)?,
        None => from_come_from(body, base_end, at)?,
    };
    check_come_from(entries, &chains, at)?;
    user_chains(body, base_end, at, &mut chains)?;
    Ok(chains)
}

/// The index of a chain by the offset that jumps to it name; base chains are not there, because
/// no rule may jump to one.
pub fn jump_targets(chains: &[RawChain]) -> BTreeMap<u32, usize> {
    let user = chains.iter().enumerate().filter(|(_, chain)| chain.base.is_none());
    user.map(|(index, chain)| (chain.start, index)).collect()
}

fn from_hooks(
    entries: &[RawEntry<'_>],
    base_end: usize,
    hooks: &Hooks,
    at: usize,
) -> Result<Vec<RawChain>, BlobError> {
    if hooks.valid >> HOOKS != 0 || hooks.valid == 0 {
        let message = format!("the set of hooks {:#x} is not one", hooks.valid);
        return Err(BlobError::new(at, message));
    }
    let find = |offset: u32| entries[..base_end].binary_search_by_key(&offset, |e| e.offset).ok();
    let mut chains = Vec::new();
    let mut next = 0;
    for (hook, name) in BASE_NAMES.iter().enumerate() {
        let (start, end) = (hooks.entry[hook], hooks.underflow[hook]);
        if hooks.valid & 1 << hook == 0 {
            if start != ABSENT && start != 0 || end != ABSENT && end != 0 {
                let message = format!("{name} has no chain, but its hook leads to one");
                return Err(BlobError::new(at, message));
            }
            continue;
        }
        let (Some(first), Some(last)) = (find(start), find(end)) else {
            let message = format!("{name} begins at {start} and ends at {end}, where no rule is");
            return Err(BlobError::new(at, message));
        };
        if first != next || last < first {
            let message = format!("{name} does not begin where the chain before it ends");
            return Err(BlobError::new(at + start as usize, message));
        }
        chains.push(base_chain(entries, hook, first..last + 1, at)?);
        next = last + 1;
    }
    if next != base_end {
        let offset = entries[next].offset as usize;
        return Err(BlobError::new(at + offset, "this entry belongs to no chain"));
    }
    Ok(chains)
}

fn from_come_from(
    entries: &[RawEntry<'_>],
    base_end: usize,
    at: usize,
) -> Result<Vec<RawChain>, BlobError> {
    let mut starts: Vec<(usize, usize)> = Vec::new();
    for (index, entry) in entries[..base_end].iter().enumerate() {
        let offset = at + entry.offset as usize;
        if entry.come_from == 0 && !starts.is_empty() {
            continue;
        }
        let hook = entry.come_from.trailing_zeros() as usize;
        if hook >= HOOKS || entry.come_from != 1 << hook {
            let message = "the blob does not say where its base chains begin: it has neither hooks \
                           nor a comefrom that the kernel wrote";
            return Err(BlobError::new(offset, message));
        }
        match starts.last() {
            Some(&(known, _)) if known == hook => {}
            Some(&(known, _)) if known > hook => {
                let message = format!(
                    "a rule of {} is among those of {}",
                    BASE_NAMES[hook], BASE_NAMES[known]
                );
                return Err(BlobError::new(offset, message));
            }
            _ => starts.push((hook, index)),
        }
    }
    let ends = starts.iter().skip(1).map(|&(_, index)| index).chain([base_end]);
    let ranges = starts.iter().zip(ends);
    ranges.map(|(&(hook, first), end)| base_chain(entries, hook, first..end, at)).collect()
}

/// Checks the sets of hooks that the kernel wrote, or that nobody did: a base chain's entries are
/// reached by their own hook alone, and there are no more hooks than five.
fn check_come_from(
    entries: &[RawEntry<'_>],
    base: &[RawChain],
    at: usize,
) -> Result<(), BlobError> {
    let wrong = |entry: &&RawEntry<'_>, known: u32| entry.come_from & !known != 0;
    let of_base = base.iter().flat_map(|chain| {
        let of = chain.base.map_or(0..0, |base| chain.rules.start..base.entry + 1);
        let known = chain.base.map_or(0, |base| 1 << base.hook);
        entries[of].iter().find(|entry| wrong(entry, known))
    });
    let of_all = entries.iter().find(|entry| wrong(entry, (1 << HOOKS) - 1));
    match of_base.chain(of_all).next() {
        None => Ok(()),
        Some(entry) => {
            let message = format!("hooks {:#x} reach an entry that they cannot", entry.come_from);
            Err(BlobError::new(at + entry.offset as usize, message))
        }
    }
}

/// The base chain of a hook; the last of its entries is the policy.
fn base_chain(
    entries: &[RawEntry<'_>],
    hook: usize,
    range: Range<usize>,
    at: usize,
) -> Result<RawChain, BlobError> {
    let last = range.end - 1;
    let policy = match entries[last].verdict() {
        Some(VERDICT_ACCEPT) => Some(Verdict::Accept),
        Some(VERDICT_DROP) => Some(Verdict::Drop),
        _ => None,
    };
    let Some(policy) = policy.filter(|_| entries[last].is_unconditional()) else {
        let message = format!("{} does not end in a policy", BASE_NAMES[hook]);
        return Err(BlobError::new(at + entries[last].offset as usize, message));
    };
    Ok(RawChain {
        name: BASE_NAMES[hook].to_owned(),
        base: Some(RawBase { hook, policy, entry: last }),
        rules: range.start..last,
        start: entries[range.start].offset,
    })
}

fn user_chains(
    entries: &[RawEntry<'_>],
    base_end: usize,
    at: usize,
    chains: &mut Vec<RawChain>,
) -> Result<(), BlobError> {
    let mut names: BTreeMap<String, ()> =
        chains.iter().map(|chain| (chain.name.clone(), ())).collect();
    let mut head = base_end;
    while head < entries.len() {
        let offset = at + entries[head].offset as usize;
        let name = entries[head].error_name().filter(|name| is_chain_name(name));
        let Some(name) = name.filter(|_| entries[head].is_unconditional()) else {
            return Err(BlobError::new(offset, "a chain's name is not one"));
        };
        if names.insert(name.to_string(), ()).is_some() {
            return Err(BlobError::new(offset, format!("a second chain is named '{name}'")));
        }
        let rest = &entries[head + 1..];
        let length = rest.iter().position(|entry| entry.target.name == "ERROR");
        let length = length.unwrap_or(rest.len());
        let end = rest[..length]
            .last()
            .filter(|entry| entry.verdict() == Some(VERDICT_RETURN) && entry.is_unconditional());
        if end.is_none() {
            let message = format!("the chain '{name}' does not end in a RETURN");
            return Err(BlobError::new(offset, message));
        }
        chains.push(RawChain {
            name: name.into_owned(),
            base: None,
            rules: head + 1..head + length,
            start: rest[0].offset,
        });
        head += 1 + length;
    }
    Ok(())
}

/// Whether iptables would take the name, so that the chain can be printed and read again.
fn is_chain_name(name: &str) -> bool {
    !name.is_empty()
        && raw::length(name) <= 28
        && !name.starts_with(['-', '!'])
        && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '"' || c == '\'')
}
