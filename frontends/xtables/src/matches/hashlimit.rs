//! `-m hashlimit`: rate limits by address and port (net/netfilter/xt_hashlimit.c).
//!
//! A table of buckets is one for all rules of a family that name it. All but whether a rule wants
//! packets within or above the limit is as the first rule says.

use super::hashlimit_config::{AUTHENTICATION, Config, PORTED, mode};
use super::hashlimit_rate::{Rate, parse_burst, print_bytes, print_rate};
use super::hashlimit_state::Table as Buckets;
use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::text::value;
use crate::{
    Families, Fields, Match, MatchExtension, Memory, OptionSpec, Options, Problem, Revision,
    Unsupported,
};
use bpfc_ir::{Base, Block, Condition, Family, Meta, Scan, Table, Timeout, Touch, Type, Value};
use std::fmt::Write;
use std::sync::Arc;

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::value("hashlimit-upto").invertible(),
    OptionSpec::value("hashlimit-upto").alias("hashlimit").invertible(),
    OptionSpec::value("hashlimit-above").invertible(),
    OptionSpec::value("hashlimit-srcmask"),
    OptionSpec::value("hashlimit-dstmask"),
    OptionSpec::value("hashlimit-burst"),
    OptionSpec::value("hashlimit-htable-size"),
    OptionSpec::value("hashlimit-htable-max"),
    OptionSpec::value("hashlimit-htable-gcinterval"),
    OptionSpec::value("hashlimit-htable-expire"),
    OptionSpec::value("hashlimit-mode"),
    OptionSpec::value("hashlimit-name").mandatory(),
    OptionSpec::flag("hashlimit-rate-match"),
    OptionSpec::value("hashlimit-rate-interval"),
];

/// The descriptor.
pub static HASHLIMIT: MatchExtension = MatchExtension {
    name: "hashlimit",
    aliases: &[],
    families: Families::Both,
    options: OPTIONS,
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[
        // The last 8 bytes are a pointer of the kernel's.
        Revision { number: 2, size: 304, decode: |f, cx| decode(f, cx.family, 0, 292) },
        Revision { number: 3, size: 312, decode: |f, cx| decode(f, cx.family, f.u32(292), 296) },
    ],
};

/// Words of the mode in the order in which they are printed.
const FIELDS: [(&str, u32); 4] = [
    ("srcip", mode::SOURCE),
    ("srcport", mode::SOURCE_PORT),
    ("dstip", mode::DESTINATION),
    ("dstport", mode::DESTINATION_PORT),
];

const NAME_LENGTH: usize = 255;
const GC_INTERVAL: u32 = 1000;
const BURST: u64 = 5;
#[derive(Debug)]
struct HashLimitMatch {
    name: String,
    config: Config,
}

fn decode(
    f: Fields<'_>,
    family: Family,
    interval: u32,
    masks: usize,
) -> Result<Arc<dyn Match>, String> {
    let config = Config {
        family,
        average: u64::from_ne_bytes(f.bytes(256)),
        burst: u64::from_ne_bytes(f.bytes(264)),
        mode: f.u32(272),
        size: f.u32(276),
        max: f.u32(280),
        gc_interval: f.u32(284),
        expire: f.u32(288),
        interval,
        masks: f.bytes(masks),
    };
    let name = f.text(0, NAME_LENGTH).ok_or("its name does not end")?;
    let found = HashLimitMatch { name, config };
    found.check()?;
    Ok(Arc::new(found))
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    options.exclusive(&["hashlimit-upto", "hashlimit-above"])?;
    options.one_of(&["hashlimit-upto", "hashlimit-above"])?;
    let (upto, above) = (options.get("hashlimit-upto"), options.get("hashlimit-above"));
    let Some(given) = upto.or(above) else { return Err(options.bad("no rate")) };
    let rate = Rate::parse(given.text()).map_err(|problem| given.bad(problem))?;
    let mut mode = if given.invert == upto.is_some() { mode::INVERT } else { 0 };
    if rate.bytes {
        mode |= mode::BYTES;
    }
    if let Some(given) = options.get("hashlimit-mode") {
        for word in given.text().split([',', '|']).filter(|word| !word.is_empty()) {
            let field = FIELDS.iter().find(|(known, _)| *known == word);
            let unknown = || given.bad(format!("'{word}' is not srcip, dstip, srcport or dstport"));
            mode |= field.ok_or_else(unknown)?.1;
        }
    }
    let number = |id: &str, missing: u32| match options.get(id) {
        Some(given) => given.number(0, u32::MAX.into()).map(|number| number as u32),
        None => Ok(missing),
    };
    let bits: u32 = if options.family == Family::Ipv4 { 32 } else { 128 };
    let prefix = |id: &str| match options.get(id) {
        Some(given) => value::prefix(options.family, given.text())
            .and_then(|length| {
                // The kernel refuses it.
                length.ok_or_else(|| format!("'{}' is no prefix of an address", given.text()))
            })
            .map_err(|message| given.bad(message)),
        None => Ok(bits as u8),
    };
    let mut config = Config {
        family: options.family,
        average: rate.average,
        burst: BURST,
        mode,
        size: number("hashlimit-htable-size", 0)?,
        max: number("hashlimit-htable-max", 0)?,
        gc_interval: number("hashlimit-htable-gcinterval", GC_INTERVAL)?,
        expire: number("hashlimit-htable-expire", rate.seconds * 1000)?,
        interval: 0,
        masks: [prefix("hashlimit-srcmask")?, prefix("hashlimit-dstmask")?],
    };
    if let Some(given) = options.get("hashlimit-burst") {
        config.burst = parse_burst(given.text()).map_err(|problem| given.bad(problem))?;
    }
    if rate.bytes {
        config.burst = match options.get("hashlimit-burst") {
            None => 0,
            Some(given) => {
                if !options.has("hashlimit-htable-expire") {
                    config.expire = 60_000;
                }
                rate.refills(config.burst).map_err(|problem| given.bad(problem))?
            }
        };
    } else if config.burst > 1_000_000 {
        return Err(options.bad("--hashlimit-burst is at most 1000000 packets"));
    }
    if let Some(given) = options.get("hashlimit-rate-interval") {
        let digits = given.text().trim_start();
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let seconds: Option<i32> = digits[..end].parse().ok().filter(|&seconds| seconds > 0);
        let bad = || given.bad(format!("'{}' is no number of seconds", given.text()));
        config.interval = seconds.ok_or_else(bad)? as u32;
    }
    if options.has("hashlimit-rate-match") {
        config.mode |= mode::RATE_MATCH;
        if !rate.bytes {
            config.average /= u64::from(rate.seconds);
        }
        if config.interval == 0 {
            config.interval = if rate.bytes { 1 } else { rate.seconds };
        }
    }
    let mut name = options.get("hashlimit-name").map_or("", |given| given.text()).to_owned();
    while name.len() >= NAME_LENGTH {
        name.pop();
    }
    let found = HashLimitMatch { name, config };
    found.check().map_err(|problem| options.bad(problem))?;
    Ok(Arc::new(found))
}

impl HashLimitMatch {
    /// What the kernel refuses (`hashlimit_mt_check_common`).
    fn check(&self) -> Result<(), String> {
        let config = &self.config;
        let bits = if config.family == Family::Ipv4 { 32 } else { 128 };
        if config.gc_interval == 0 || config.expire == 0 {
            return Err("intervals cannot be 0".into());
        }
        if config.mode & !0x7f != 0 || config.masks.iter().any(|&mask| mask > bits) {
            return Err(format!("unknown mode {:#x} or masks {:?}", config.mode, config.masks));
        }
        match self.name.as_str() {
            "" | "." | ".." => return Err(format!("no table can be named {:?}", self.name)),
            name if name.contains('/') => return Err(format!("no table can be named {name:?}")),
            _ => {}
        }
        if !config.bucket().is_taken() {
            return Err("the kernel refuses this rate or burst".into());
        }
        Ok(())
    }

    fn object_name(&self) -> String {
        format!("hashlimit {} {}", self.config.family, self.name)
    }

    fn key_words(&self, separator: &str) -> Option<String> {
        let words = FIELDS.iter().filter(|(_, bit)| self.config.mode & bit != 0);
        let words: Vec<&str> = words.map(|(word, _)| *word).collect();
        (!words.is_empty()).then(|| words.join(separator))
    }

    /// The options behind the rate; `dashes` stands before each word.
    fn print_rest(&self, dashes: &str, quantum: u64, save: bool, out: &mut String) {
        let config = &self.config;
        let separator = if save { "," } else { "-" };
        if let Some(words) = self.key_words(separator) {
            let _ = write!(out, " {dashes}mode {words}");
        }
        if save {
            let _ = write!(out, " {dashes}name {}", self.name);
        }
        let bits = if config.family == Family::Ipv4 { 32 } else { 128 };
        let numbers = [
            ("htable-size", config.size, 0),
            ("htable-max", config.max, 0),
            ("htable-gcinterval", config.gc_interval, GC_INTERVAL),
            ("htable-expire", config.expire, quantum as u32),
            ("srcmask", config.masks[0].into(), bits),
            ("dstmask", config.masks[1].into(), bits),
        ];
        for (word, number, _) in numbers.into_iter().filter(|(_, number, usual)| number != usual) {
            let _ = write!(out, " {dashes}{word} {number}");
        }
        if config.mode & mode::RATE_MATCH != 0 {
            let _ = write!(out, " {dashes}rate-match");
            if config.interval != 1 {
                let _ = write!(out, " {dashes}rate-interval {}", config.interval);
            }
        }
    }
}

impl Match for HashLimitMatch {
    fn extension(&self) -> &'static MatchExtension {
        &HASHLIMIT
    }

    fn save(&self, out: &mut String) {
        let config = &self.config;
        let above = config.mode & mode::INVERT != 0;
        out.push_str(if above { " --hashlimit-above" } else { " --hashlimit-upto" });
        let quantum = if config.mode & mode::BYTES != 0 {
            print_bytes(config.average, config.burst, "--hashlimit-", out)
        } else {
            let quantum = print_rate(config.average, out);
            let _ = write!(out, " --hashlimit-burst {}", config.burst);
            quantum
        };
        self.print_rest("--hashlimit-", quantum, true, out);
    }

    fn list(&self, out: &mut String) {
        let config = &self.config;
        let above = config.mode & mode::INVERT != 0;
        out.push_str(if above { " limit: above" } else { " limit: up to" });
        let quantum = if config.mode & mode::BYTES != 0 {
            print_bytes(config.average, config.burst, "", out)
        } else {
            let period = config.average.wrapping_mul(u64::from(config.interval.max(1)));
            let quantum = print_rate(period, out);
            let _ = write!(out, " burst {}", config.burst);
            quantum
        };
        self.print_rest("", quantum, false, out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let name = self.object_name();
        let first = cx.first(&name, &self.config);
        let (bucket, own) = (first.bucket(), self.config.bucket());
        if (bucket.measure, bucket.interval.is_some()) != (own.measure, own.interval.is_some()) {
            return Err(Unsupported(format!(
                "'{name}' measures otherwise in a rule before: give this rule a table of its own"
            )));
        }
        if bucket != own && !own.refusing().is_empty() {
            return Err(Unsupported(
                "whether the kernel takes its rate depends on the kernel's clock, and its table is an earlier \
                 rule's with another rate: give it a table of its own"
                    .into(),
            ));
        }
        let table = cx.named_table(first.table(name));
        let matched = cx.builder().block();
        let above = self.config.mode & mode::INVERT != 0;
        let lowering = Lowering { table, config: &first, above };
        lowering.run(cx, matched);
        cx.builder().switch_to(matched);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let ask = |table: &mut Buckets| table.ask(packet);
        let make = || Buckets::new(&self.config);
        let Some(within) = packet.memory.with("hashlimit", &self.object_name(), make, ask) else {
            return Outcome::Hotdrop;
        };
        Outcome::of(within != (self.config.mode & mode::INVERT != 0))
    }

    fn register(&self, memory: &Memory) {
        memory.with("hashlimit", &self.object_name(), || Buckets::new(&self.config), |_| {});
    }
}

struct Lowering<'a> {
    table: Table,
    /// What the first rule that names the table said.
    config: &'a Config,
    above: bool,
}

const NO_NEXT_HEADER: u8 = 59;
const FRAGMENT: u8 = 44;

impl Lowering<'_> {
    fn is_key(&self, bit: u32) -> bool {
        self.config.mode & bit != 0
    }

    /// Leads to `matched` where the rule matches.
    fn run(&self, cx: &mut RuleCx<'_>, matched: Block) {
        if !self.is_key(mode::SOURCE_PORT | mode::DESTINATION_PORT) {
            return self.ask(cx, None, matched);
        }
        let plain = cx.builder().block();
        if self.config.family == Family::Ipv6 {
            self.skip_fragments(cx, plain);
        }
        let protocol = cx.builder().meta(Meta::L4Proto);
        if self.config.family == Family::Ipv6 {
            let none = cx.builder().compare_const(Condition::Eq, protocol, NO_NEXT_HEADER.into());
            cx.forbid_or_drop(none);
        }
        let first = cx.builder().block();
        for number in PORTED {
            let is = cx.builder().compare_const(Condition::Eq, protocol, number.into());
            cx.builder().forbid(is, first);
        }
        if self.config.family == Family::Ipv4 {
            let second = cx.builder().compare_const(Condition::Eq, protocol, AUTHENTICATION.into());
            cx.builder().require(second, plain);
            self.ask(cx, Some(4), matched);
        } else {
            cx.builder().jump(plain);
        }
        cx.builder().switch_to(first);
        self.ask(cx, Some(0), matched);
        cx.builder().switch_to(plain);
        self.ask(cx, None, matched);
    }

    /// Leads later IPv6 fragments, which have no ports, to `plain`. `ipv6_skip_exthdr` ends there
    /// whatever follows, where `ipv6_find_hdr` fails before another extension header.
    fn skip_fragments(&self, cx: &mut RuleCx<'_>, plain: Block) {
        let offset = cx.builder().meta(Meta::FragmentOffset);
        let later = cx.builder().compare_const(Condition::Ne, offset, 0);
        cx.builder().forbid(later, plain);
        let walked = cx.builder().block();
        let failed = cx.builder().meta(Meta::WalkFailed);
        let failed = cx.builder().compare_const(Condition::Ne, failed, 0);
        cx.builder().require(failed, walked);
        let header = cx.builder().scan(Scan::Ipv6Header(FRAGMENT));
        let found = cx.builder().compare_const(Condition::Lt, header, Scan::BROKEN.into());
        cx.require_or_drop(found);
        let there = cx.builder().available_at(header, 4);
        cx.require_or_drop(there);
        let offset = cx.builder().load_at(Type::I16, header, 2);
        let offset = cx.builder().mask(offset, 0xfff8);
        let later = cx.builder().compare_const(Condition::Ne, offset, 0);
        cx.require_or_drop(later);
        cx.builder().jump(plain);
        cx.builder().switch_to(walked);
    }

    /// Asks with the ports at an offset in the transport header, or with none.
    fn ask(&self, cx: &mut RuleCx<'_>, ports: Option<u16>, matched: Block) {
        if let Some(offset) = ports {
            cx.transport_or_drop(offset + 4);
        }
        let (source, destination, ty) = match self.config.family {
            Family::Ipv4 => (12, 16, Type::I32),
            Family::Ipv6 => (8, 24, Type::I128),
        };
        let [source_prefix, destination_prefix] = self.config.masks;
        let address = |cx: &mut RuleCx<'_>, bit, offset, prefix: u8| -> Value {
            let bits = ty.bytes() * 8;
            if !self.is_key(bit) || prefix == 0 {
                return cx.builder().constant(ty, 0);
            }
            let address = cx.builder().payload(ty, Base::Network, offset);
            let host = u32::from(bits) - u32::from(prefix);
            cx.builder().mask(address, ty.max() >> host << host)
        };
        let port = |cx: &mut RuleCx<'_>, bit, place: u16| -> Value {
            match ports.filter(|_| self.is_key(bit)) {
                Some(offset) => cx.builder().payload(Type::I16, Base::Transport, offset + place),
                None => cx.builder().constant(Type::I16, 0),
            }
        };
        let arguments = vec![
            address(cx, mode::SOURCE, source, source_prefix),
            address(cx, mode::DESTINATION, destination, destination_prefix),
            port(cx, mode::SOURCE_PORT, 0),
            port(cx, mode::DESTINATION_PORT, 2),
        ];
        let bucket = cx.builder().touch(self.table, Touch::Update(Timeout::NEVER), arguments);
        let fits = cx.builder().found(bucket);
        cx.require_or_drop(fits);
        let within = cx.builder().field(Type::I32, bucket, 0);
        let within = cx.builder().compare_const(Condition::Ne, within, 0);
        cx.expect(within, !self.above);
        cx.builder().jump(matched);
    }
}
