//! `-m recent`: lists of addresses that were seen (net/netfilter/xt_recent.c).
//!
//! A list is one for all rules that name it, of both families and all tables. The first rule's
//! mask is the list's; a rule that counts more packets makes it remember more.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View, address_number};
use crate::text::address;
use crate::{
    Families, Fields, Match, MatchExtension, Memory, OptionSpec, Options, Problem, Revision,
    Unsupported, show_address,
};
use bpfc_ir::{
    Base, BinaryOp, Family, MAX_STAMPS, Meta, ObjectKind, Query, RecentAction, RecentList,
    RecentQuery, Type,
};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static RECENT: MatchExtension = MatchExtension {
    name: "recent",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::flag("set").invertible(),
        OptionSpec::flag("rcheck").invertible(),
        OptionSpec::flag("update").invertible(),
        OptionSpec::flag("remove").invertible(),
        OptionSpec::value("seconds"),
        OptionSpec::flag("reap"),
        OptionSpec::value("hitcount"),
        OptionSpec::flag("rttl"),
        OptionSpec::value("name"),
        OptionSpec::flag("rsource"),
        OptionSpec::flag("rdest"),
        OptionSpec::value("mask"),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[
        Revision { number: 0, size: 216, decode: |f, cx| decode(f, cx.family, u128::MAX) },
        Revision {
            number: 1,
            size: 232,
            decode: |f, cx| decode(f, cx.family, u128::from_be_bytes(f.bytes(212))),
        },
    ],
};

/// Actions with their words in options, in `iptables -L` and their bit in the kernel's struct.
const ACTIONS: [(RecentAction, &str, &str, u8); 4] = [
    (RecentAction::Set, "set", "SET", 2),
    (RecentAction::Check, "rcheck", "CHECK", 1),
    (RecentAction::Update, "update", "UPDATE", 4),
    (RecentAction::Remove, "remove", "REMOVE", 8),
];
const FLAG_TTL: u8 = 16;
const FLAG_REAP: u8 = 32;

/// `XT_RECENT_NAME_LEN`.
const NAME_LENGTH: usize = 200;
/// Addresses in a list where the module is not told otherwise (`ip_list_tot`).
const ENTRIES: u32 = 100;
/// Times of each address where no rule counts (`recent_mt_check`).
const STAMPS: u32 = 32;

#[derive(Debug)]
struct Recent {
    query: RecentQuery,
    destination: bool,
    name: String,
    /// A `union nf_inet_addr`, an IPv4 mask in the upper 32 bits.
    mask: u128,
}

fn decode(f: Fields<'_>, family: Family, mask: u128) -> Result<Arc<dyn Match>, String> {
    let flags = f.u8(8);
    let mut actions = ACTIONS.iter().filter(|(.., bit)| flags & bit != 0);
    let (Some(&(action, ..)), None) = (actions.next(), actions.next()) else {
        return Err(format!("flags {flags:#x} do not say one action"));
    };
    let query = RecentQuery {
        family,
        action,
        invert: f.flag(9)?,
        seconds: f.u32(0),
        hits: f.u32(4),
        ttl: flags & FLAG_TTL != 0,
        reap: flags & FLAG_REAP != 0,
    };
    let destination = match f.u8(210) {
        0 => false,
        1 => true,
        other => return Err(format!("side {other} is neither source nor destination")),
    };
    if flags & 0xc0 != 0 {
        return Err(format!("unknown flags {flags:#x}"));
    }
    let name = f.text(10, NAME_LENGTH).ok_or("its name does not end")?;
    let recent = Recent { query, destination, name, mask };
    recent.check()?;
    Ok(Arc::new(recent))
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let words = ACTIONS.map(|(_, word, ..)| word);
    options.exclusive(&words)?;
    options.one_of(&words)?;
    let given = ACTIONS.iter().find_map(|&(action, word, ..)| Some((action, options.get(word)?)));
    let Some((action, invert)) = given.map(|(action, given)| (action, given.invert)) else {
        return Err(options.bad("no action"));
    };
    if options.has("reap") && !options.has("seconds") {
        return Err(options.bad("--reap needs --seconds"));
    }
    let number = |id: &str, low| options.get(id).map_or(Ok(0), |g| g.number(low, u32::MAX.into()));
    let query = RecentQuery {
        family: options.family,
        action,
        invert,
        seconds: number("seconds", 1)? as u32,
        hits: number("hitcount", 0)? as u32,
        ttl: options.has("rttl"),
        reap: options.has("reap"),
    };
    let mut name = options.get("name").map_or("DEFAULT", |given| given.text()).to_owned();
    while name.len() >= NAME_LENGTH {
        name.pop();
    }
    let mask = match options.get("mask") {
        None => u128::MAX,
        Some(given) => {
            let mask = address(options.family, given.text()).map_err(|text| given.bad(text))?;
            // What an IPv4 mask leaves of the union is zero.
            if options.family == Family::Ipv4 { mask << 96 } else { mask }
        }
    };
    let side = options.given.iter().rev().find(|g| ["rsource", "rdest"].contains(&g.id));
    let destination = side.is_some_and(|given| given.id == "rdest");
    let recent = Recent { query, destination, name, mask };
    recent.check().map_err(|problem| options.bad(problem))?;
    Ok(Arc::new(recent))
}

impl Recent {
    /// What the kernel refuses (`recent_mt_check`).
    fn check(&self) -> Result<(), String> {
        let RecentQuery { action, seconds, hits, ttl, reap, .. } = self.query;
        if matches!(action, RecentAction::Set | RecentAction::Remove)
            && (seconds != 0 || hits != 0 || ttl || reap)
        {
            return Err("--seconds, --hitcount, --rttl and --reap need --rcheck or --update".into());
        }
        if reap && seconds == 0 {
            return Err("--reap needs --seconds".into());
        }
        if hits >= MAX_STAMPS {
            return Err(format!("--hitcount {hits} is more than {}", MAX_STAMPS - 1));
        }
        match self.name.as_str() {
            "" | "." | ".." => Err(format!("no list can be named {:?}", self.name)),
            name if name.contains('/') => Err(format!("no list can be named {name:?}")),
            _ => Ok(()),
        }
    }

    fn list_definition(&self) -> RecentList {
        let stamps = match self.query.hits {
            0 => STAMPS,
            hits => hits.next_power_of_two(),
        };
        RecentList { entries: ENTRIES, stamps, mask: self.mask }
    }

    fn shown_mask(&self) -> String {
        let mask = match self.query.family {
            Family::Ipv4 => self.mask >> 96,
            Family::Ipv6 => self.mask,
        };
        show_address(self.query.family, mask)
    }

    fn words(&self) -> (&'static str, &'static str) {
        let found = ACTIONS.iter().find(|(action, ..)| *action == self.query.action);
        found.map_or(("", ""), |&(_, option, listed, _)| (option, listed))
    }
}

impl Match for Recent {
    fn extension(&self) -> &'static MatchExtension {
        &RECENT
    }

    fn save(&self, out: &mut String) {
        let query = &self.query;
        let sign = if query.invert { " !" } else { "" };
        let _ = write!(out, "{sign} --{}", self.words().0);
        if query.seconds != 0 {
            let _ = write!(out, " --seconds {}", query.seconds);
        }
        if query.reap {
            out.push_str(" --reap");
        }
        if query.hits != 0 {
            let _ = write!(out, " --hitcount {}", query.hits);
        }
        if query.ttl {
            out.push_str(" --rttl");
        }
        let side = if self.destination { "--rdest" } else { "--rsource" };
        let _ = write!(out, " --name {} --mask {} {side}", self.name, self.shown_mask());
    }

    fn list(&self, out: &mut String) {
        let query = &self.query;
        let sign = if query.invert { " !" } else { "" };
        let _ = write!(out, "{sign} recent: {}", self.words().1);
        if query.seconds != 0 {
            let _ = write!(out, " seconds: {}", query.seconds);
        }
        if query.reap {
            out.push_str(" reap");
        }
        if query.hits != 0 {
            let _ = write!(out, " hit_count: {}", query.hits);
        }
        if query.ttl {
            out.push_str(" TTL-Match");
        }
        let side = if self.destination { "dest" } else { "source" };
        let _ = write!(out, " name: {} side: {side} mask: {}", self.name, self.shown_mask());
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let list = ObjectKind::Recent(self.list_definition());
        let object = cx.named_object(&format!("recent {}", self.name), list)?;
        let (ty, source, destination, ttl) = match self.query.family {
            Family::Ipv4 => (Type::I32, 12, 16, 8),
            Family::Ipv6 => (Type::I128, 8, 24, 7),
        };
        let side = if self.destination { destination } else { source };
        let b = cx.builder();
        let address = b.payload(ty, Base::Network, side);
        let ttl = b.payload(Type::I8, Base::Network, ttl);
        let forwarded = b.meta(Meta::Forwarded);
        let ttl = b.binary(BinaryOp::Add, ttl, forwarded);
        let answer = cx.query(object, Query::Recent(self.query.clone()), vec![address, ttl]);
        cx.require(answer);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let view = &packet.packet;
        let side = if self.destination { view.destination() } else { view.source() };
        let ttl = view.bytes()[if self.query.family == Family::Ipv4 { 8 } else { 7 }];
        let ttl = ttl.wrapping_add(view.packet().forwarded.into());
        let clock = view.packet().arrival;
        let age = self.query.seconds.wrapping_mul(clock.ticks_per_second);
        let sight = Sight { ttl, now: clock.ticks, oldest: clock.ticks.wrapping_sub(age.into()) };
        let make = || Table::new(&self.list_definition());
        let address = address_number(side);
        let ask = |table: &mut Table| table.ask(&self.query, address, &sight);
        Outcome::of(packet.memory.with("recent", &self.name, make, ask))
    }

    fn register(&self, memory: &Memory) {
        let list = self.list_definition();
        let grow = |table: &mut Table| table.stamps = table.stamps.max(list.stamps as usize);
        memory.with("recent", &self.name, || Table::new(&list), grow);
    }
}

/// The evaluator's list, the address that was seen longest ago first.
#[derive(Debug)]
struct Table {
    mask: u128,
    stamps: usize,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    family: Family,
    address: u128,
    ttl: u8,
    /// A ring of times, and where the next one goes.
    stamps: Vec<u64>,
    index: usize,
}

/// A packet's time to live, the time, and the time from which on stamps count.
struct Sight {
    ttl: u8,
    now: u64,
    oldest: u64,
}

impl Sight {
    fn is_before(&self, stamp: u64) -> bool {
        (stamp.wrapping_sub(self.oldest) as i64) < 0
    }
}

impl Table {
    fn new(list: &RecentList) -> Table {
        Table { mask: list.mask, stamps: list.stamps as usize, entries: Vec::new() }
    }

    fn ask(&mut self, query: &RecentQuery, address: u128, sight: &Sight) -> bool {
        let address = match query.family {
            Family::Ipv4 => address << 96,
            Family::Ipv6 => address,
        } & self.mask;
        let ttl = if query.ttl { sight.ttl } else { 0 };
        let is_it = |entry: &Entry| {
            entry.family == query.family
                && entry.address == address
                && (ttl == entry.ttl || ttl == 0 || entry.ttl == 0)
        };
        let mut answer = query.invert;
        let Some(at) = self.entries.iter().position(is_it) else {
            if query.action == RecentAction::Set {
                if self.entries.len() >= ENTRIES as usize {
                    self.entries.remove(0);
                }
                let (family, stamps) = (query.family, vec![sight.now]);
                self.entries.push(Entry { family, address, ttl: sight.ttl, stamps, index: 1 });
                answer = !answer;
            }
            return answer;
        };
        let mut update = query.action == RecentAction::Set;
        match query.action {
            RecentAction::Set => answer = !answer,
            RecentAction::Remove => {
                self.entries.remove(at);
                return !answer;
            }
            RecentAction::Check | RecentAction::Update => {
                let mut hits = 0;
                for &stamp in &self.entries[at].stamps {
                    if query.seconds != 0 && sight.is_before(stamp) {
                        continue;
                    }
                    hits += 1;
                    if query.hits == 0 || hits >= query.hits {
                        answer = !answer;
                        break;
                    }
                }
                update = query.action == RecentAction::Update && answer;
            }
        }
        let oldest = &self.entries[0];
        let gone =
            query.reap && !(at == 0 && update) && sight.is_before(oldest.stamps[oldest.index - 1]);
        if update {
            let mut entry = self.entries.remove(at);
            entry.index %= self.stamps;
            match entry.stamps.get_mut(entry.index) {
                Some(stamp) => *stamp = sight.now,
                None => entry.stamps.push(sight.now),
            }
            entry.index += 1;
            entry.ttl = sight.ttl;
            self.entries.push(entry);
        }
        if gone {
            self.entries.remove(0);
        }
        answer
    }
}
