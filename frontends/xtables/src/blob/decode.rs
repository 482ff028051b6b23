//! From a table as the kernel keeps it to the ruleset model.
//!
//! A rule's packet part becomes its [`Header`], each match and target is read by the extension of
//! its name, revision and size. What no rule of iptables looks like is an error, even where the
//! kernel would give it a meaning: a mask with holes in an interface name, address bits outside
//! their mask, a protocol that nothing compares.

use super::entry::{RawEntry, RawExtension, RawHeader};
use super::layout::{RawChain, jump_targets};
use super::opaque::{opaque_action, opaque_match};
use super::{BlobError, RawTable};
use crate::model::{Base, Chain, Counters, Rule, Table, Target, base_chains};
use crate::registry::{self, Known};
use crate::{
    AddressTest, DecodeCx, Fields, FragmentTest, Header, InterfaceTest, Match, ProtocolTest,
    Revision,
};
use bpfc_diag::Code;
use bpfc_ir::{Family, SetTable};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Something wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleProblem {
    /// The index of its chain.
    pub chain: usize,
    /// Its index in the chain.
    pub rule: usize,
    /// A diagnostic's code.
    pub code: Code,
    /// A sentence.
    pub message: String,
    /// What it would need, for what is not supported.
    pub note: Option<String>,
}

/// The model of a table, with what is wrong with its rules. Where there is a problem, the rule
/// stands in the model only to be shown.
pub fn table(
    raw: &RawTable<'_>,
    family: Family,
    sets: &SetTable,
    problems: &mut Vec<RuleProblem>,
) -> Result<Table, BlobError> {
    let expected = base_chains(raw.name);
    if expected.is_empty() {
        let message = format!("no table is named '{}'", raw.name);
        return Err(BlobError::new(raw.start, message));
    }
    let base = raw.chains.iter().filter(|chain| chain.base.is_some());
    let names: Vec<&str> = base.map(|chain| chain.name.as_str()).collect();
    if !names.iter().copied().eq(expected.iter().map(|(name, _)| *name)) {
        let message = format!("the table '{}' has the base chains {}", raw.name, names.join(", "));
        return Err(BlobError::new(raw.start, message));
    }
    let jumps = jump_targets(&raw.chains);
    let mut chains = Vec::new();
    for (index, chain) in raw.chains.iter().enumerate() {
        let mut reader =
            RuleReader { raw, family, sets, jumps: &jumps, chain: index, rule: 0, problems };
        chains.push(reader.chain(chain));
    }
    Ok(Table { name: raw.name.to_owned(), chains, span: None, unread: 0 })
}

struct RuleReader<'a, 'p> {
    raw: &'a RawTable<'a>,
    family: Family,
    sets: &'a SetTable,
    jumps: &'a BTreeMap<u32, usize>,
    chain: usize,
    rule: usize,
    problems: &'p mut Vec<RuleProblem>,
}

impl RuleReader<'_, '_> {
    fn problem(&mut self, code: Code, message: String, note: Option<String>) {
        let (chain, rule) = (self.chain, self.rule);
        self.problems.push(RuleProblem { chain, rule, code, message, note });
    }

    fn damaged(&mut self, offset: usize, message: impl Into<String>) {
        let message = BlobError::new(offset, message).to_string();
        self.problem(Code::BAD_BLOB, message, None);
    }

    fn chain(&mut self, chain: &RawChain) -> Chain {
        let base = chain.base.map(|base| {
            let entry = &self.raw.entries[base.entry];
            let hook = base_chains(self.raw.name).iter().find(|(name, _)| *name == chain.name);
            Base {
                hook: hook.map_or(bpfc_ir::Hook::Input, |&(_, hook)| hook),
                policy: base.policy,
                counters: Counters { packets: entry.packets, bytes: entry.bytes },
            }
        });
        let entries = &self.raw.entries[chain.rules.clone()];
        let mut rules = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            self.rule = index;
            rules.push(self.rule(entry));
        }
        Chain { name: chain.name.clone(), base, rules, span: None }
    }

    fn rule(&mut self, entry: &RawEntry<'_>) -> Rule {
        let header = match header(&entry.header, self.family) {
            Ok(header) => header,
            Err(message) => {
                self.damaged(self.raw.start + entry.offset as usize, message);
                Header::default()
            }
        };
        let matches = entry.matches.iter().map(|raw| self.matched(raw, &header)).collect();
        let goto = entry.header.flags & goto_flag(self.family) != 0;
        let target = self.target(entry, goto, &header);
        let counters = Counters { packets: entry.packets, bytes: entry.bytes };
        Rule { header, matches, target, counters, span: None, refused: Vec::new() }
    }

    fn matched(&mut self, raw: &RawExtension<'_>, header: &Header) -> Arc<dyn Match> {
        let known = registry::find_match(raw.name, self.family);
        let Known::Supported(extension) = known else {
            self.refuse("match", raw, known);
            return opaque_match(raw.name);
        };
        let protocol = header.protocol;
        let right = u8::try_from(protocol.number).is_ok_and(|n| extension.protocols.contains(&n));
        if !extension.protocols.is_empty() && (!right || protocol.invert) {
            let message = format!("the match '{}' is in a rule of another protocol", raw.name);
            self.damaged(raw.offset, message);
        }
        let decoded = self.decode("match", raw, extension.revisions, header);
        let Some(made) = decoded else { return opaque_match(raw.name) };
        if !made.tables().is_empty() && !made.tables().contains(&self.raw.name) {
            let message = format!("the match '{}' is in the table '{}'", raw.name, self.raw.name);
            self.damaged(raw.offset, message);
        }
        made
    }

    fn target(&mut self, entry: &RawEntry<'_>, goto: bool, header: &Header) -> Target {
        let raw = &entry.target;
        let Some(verdict) = entry.verdict() else {
            return self.action(raw, goto, header);
        };
        let verdict = match u32::try_from(verdict) {
            Ok(offset) if offset == entry.next && !goto => return Target::None,
            Ok(offset) => match self.jumps.get(&offset) {
                Some(&chain) if goto => return Target::Goto(chain),
                Some(&chain) => return Target::Jump(chain),
                None => {
                    self.damaged(raw.offset, format!("a jump to {offset}, where no chain begins"));
                    return Target::None;
                }
            },
            Err(_) => verdict,
        };
        if goto {
            self.damaged(raw.offset, "a goto that leads to no chain");
        }
        match verdict {
            -1 => Target::Drop,
            -2 => Target::Accept,
            -5 => Target::Return,
            -4 => {
                self.refuse("target", raw, registry::find_action("QUEUE", self.family));
                Target::Action(opaque_action("QUEUE"))
            }
            other => {
                self.damaged(raw.offset, format!("the verdict {other} is none"));
                Target::None
            }
        }
    }

    fn action(&mut self, raw: &RawExtension<'_>, goto: bool, header: &Header) -> Target {
        if goto {
            self.damaged(raw.offset, "a goto that leads to no chain");
        }
        let known = registry::find_action(raw.name, self.family);
        let Known::Supported(extension) = known else {
            self.refuse("target", raw, known);
            return Target::Action(opaque_action(raw.name));
        };
        let decoded = self.decode("target", raw, extension.revisions, header);
        let tables = decoded.as_ref().map_or(extension.tables, |made| made.tables());
        if !tables.is_empty() && !tables.contains(&self.raw.name) {
            let message = format!("the target '{}' is in the table '{}'", raw.name, self.raw.name);
            self.damaged(raw.offset, message);
        }
        Target::Action(decoded.unwrap_or_else(|| opaque_action(raw.name)))
    }

    fn decode<T: ?Sized>(
        &mut self,
        what: &str,
        raw: &RawExtension<'_>,
        revisions: &[Revision<T>],
        header: &Header,
    ) -> Option<Arc<T>> {
        let name = raw.name;
        let mut same = revisions.iter().filter(|known| known.number == raw.revision).peekable();
        if same.peek().is_none() {
            let message =
                format!("revision {} of the {what} '{name}' is not supported", raw.revision);
            self.problem(Code::UNSUPPORTED_EXTENSION, message, None);
            return None;
        }
        let Some(revision) = same.find(|known| known.size == raw.data.len()) else {
            let message = format!(
                "revision {} of the {what} '{name}' does not have {} bytes",
                raw.revision,
                raw.data.len()
            );
            self.damaged(raw.offset, message);
            return None;
        };
        let cx = DecodeCx { family: self.family, header, sets: self.sets };
        match (revision.decode)(Fields(raw.data), &cx) {
            Ok(instance) => Some(instance),
            Err(message) => {
                self.damaged(raw.offset, format!("{what} '{name}': {message}"));
                None
            }
        }
    }

    fn refuse<T>(&mut self, what: &str, raw: &RawExtension<'_>, known: Known<T>) {
        let name = if raw.name.is_empty() { "QUEUE" } else { raw.name };
        match known {
            Known::Unsupported(row) => {
                let note = match row.way_out {
                    Some(way_out) => format!("{}; {way_out}", row.reason),
                    None => row.reason.to_owned(),
                };
                let note = Some(note);
                let message = format!("{what} '{name}' is not supported");
                self.problem(Code::UNSUPPORTED_EXTENSION, message, note);
            }
            Known::OtherFamily => {
                let message = format!("{what} '{name}' belongs to the other family's tables");
                self.damaged(raw.offset, message);
            }
            Known::Unknown | Known::Supported(_) => {
                let message = format!("unknown {what} '{name}' (at byte {})", raw.offset);
                self.problem(Code::UNKNOWN_EXTENSION, message, None);
            }
        }
    }
}

fn goto_flag(family: Family) -> u8 {
    match family {
        Family::Ipv4 => 0x02,
        Family::Ipv6 => 0x04,
    }
}

/// The header that a rule's packet part means; the error is a sentence.
fn header(raw: &RawHeader, family: Family) -> Result<Header, String> {
    const IN: u8 = 0x01;
    const OUT: u8 = 0x02;
    const SOURCE: u8 = 0x08;
    const DESTINATION: u8 = 0x10;
    const FRAGMENT: u8 = 0x20;
    const PROTOCOL: u8 = 0x40;
    let inverse = |bit| raw.inverse & bit != 0;
    let (flags, inversions) = match family {
        Family::Ipv4 => (0x03, IN | OUT | SOURCE | DESTINATION | FRAGMENT | PROTOCOL),
        Family::Ipv6 => (0x05, IN | OUT | SOURCE | DESTINATION | PROTOCOL),
    };
    if raw.flags & !flags != 0 || raw.inverse & !inversions != 0 || raw.traffic_class != 0 {
        return Err(format!(
            "unknown flags {:#x} or inversion flags {:#x} in a rule",
            raw.flags, raw.inverse
        ));
    }
    let first_flag = raw.flags & 0x01 != 0;
    let (walk, later) = match family {
        Family::Ipv4 => (false, first_flag),
        Family::Ipv6 => (first_flag, false),
    };
    let compared = raw.protocol != 0 && (family == Family::Ipv4 || walk);
    if raw.protocol > 0xff || (raw.protocol != 0 || inverse(PROTOCOL)) && !compared {
        return Err(format!("the protocol {} is compared with nothing", raw.protocol));
    }
    if inverse(FRAGMENT) && !later {
        return Err("an inverted fragment test that is not there".to_owned());
    }
    Ok(Header {
        source: address(raw.source, raw.source_mask, inverse(SOURCE))?,
        destination: address(raw.destination, raw.destination_mask, inverse(DESTINATION))?,
        input: InterfaceTest::of_bytes(raw.input.name, raw.input.mask, inverse(IN))?,
        output: InterfaceTest::of_bytes(raw.output.name, raw.output.mask, inverse(OUT))?,
        protocol: ProtocolTest { number: raw.protocol, invert: inverse(PROTOCOL), walk },
        fragment: FragmentTest { later, invert: inverse(FRAGMENT) },
    })
}

fn address(address: u128, mask: u128, invert: bool) -> Result<AddressTest, String> {
    if address & !mask != 0 {
        return Err("an address has bits outside its mask".to_owned());
    }
    Ok(AddressTest { address, mask, invert })
}
