//! `-m set`: whether addresses, ports and more of the packet are in a set of ipset's
//! (net/netfilter/xt_set.c, net/netfilter/ipset/ip_set_core.c).

use crate::lower::{Fork, RuleCx};
use crate::reference::{Outcome, View};
use crate::sets::SetRef;
use crate::{
    DecodeCx, Families, Fields, Given, Match, MatchExtension, OptionSpec, Options, Problem,
    Revision, Unsupported,
};
use bpfc_ipset::{Comparison, Counts, Test};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static SET: MatchExtension = MatchExtension {
    name: "set",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::pair("match-set").invertible().mandatory(),
        // The name of old.
        OptionSpec::pair("match-set").alias("set").invertible(),
        OptionSpec::flag("return-nomatch"),
        OptionSpec::flag("update-counters").invertible(),
        OptionSpec::flag("update-subcounters").invertible(),
        OptionSpec::value("packets-eq").invertible(),
        OptionSpec::value("packets-lt"),
        OptionSpec::value("packets-gt"),
        OptionSpec::value("bytes-eq").invertible(),
        OptionSpec::value("bytes-lt"),
        OptionSpec::value("bytes-gt"),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[
        Revision {
            number: 1,
            size: 8,
            decode: |f, cx| {
                let mut set = decode_set(f, cx, 0x80)?;
                set.test.return_nomatch = f.u8(3) & 0x80 != 0;
                Ok(Arc::new(set))
            },
        },
        Revision {
            number: 2,
            size: 8,
            decode: |f, cx| {
                let mut set = decode_set(f, cx, 0)?;
                set.flags(f.u32(4))?;
                Ok(Arc::new(set))
            },
        },
        Revision {
            number: 4,
            size: 48,
            decode: |f, cx| {
                let mut set = decode_set(f, cx, 0)?;
                set.test.packets = decode_comparison(f, 8)?;
                set.test.bytes = decode_comparison(f, 24)?;
                set.flags(f.u32(40))?;
                Ok(Arc::new(set))
            },
        },
    ],
};

/// `enum ipset_cmd_flags` (include/uapi/linux/netfilter/ipset/ip_set.h).
const SKIP_COUNTER_UPDATE: u32 = 1 << 3;
const SKIP_SUBCOUNTER_UPDATE: u32 = 1 << 4;
const RETURN_NOMATCH: u32 = 1 << 7;

#[derive(Debug)]
struct SetMatch {
    set: SetRef,
    invert: bool,
    test: Test,
    /// `! --update-subcounters`: what the members of a list hold is not counted.
    keep_members: bool,
}

fn decode_set(f: Fields<'_>, cx: &DecodeCx<'_>, ignored: u8) -> Result<SetMatch, String> {
    let mut bytes: [u8; 4] = f.bytes(0);
    bytes[3] &= !ignored;
    let decoded = SetRef::decode(Fields(&bytes), 0, cx)?;
    let (set, invert) = decoded.ok_or_else(|| "it names no set".to_owned())?;
    Ok(SetMatch { set, invert, test: Test::default(), keep_members: false })
}

/// `struct ip_set_counter_match`: a value and an operation.
fn decode_comparison(f: Fields<'_>, at: usize) -> Result<Option<Comparison>, String> {
    let value = u64::from_ne_bytes(f.bytes(at));
    Ok(match f.u8(at + 8) {
        0 => None,
        1 => Some(Comparison::Equal(value)),
        2 => Some(Comparison::NotEqual(value)),
        3 => Some(Comparison::Less(value)),
        4 => Some(Comparison::Greater(value)),
        other => return Err(format!("comparison {other} is none")),
    })
}

fn comparison(options: &Options<'_>, what: &str) -> Result<Option<Comparison>, Problem> {
    let mut found = None;
    for given in options.given.iter().filter(|given| given.id.starts_with(what)) {
        if found.is_some() {
            return Err(given.bad(format!("only one of --{what}-eq, -lt and -gt can be given")));
        }
        let number = given.number(0, u64::MAX)?;
        found = Some(match (&given.id[what.len()..], given.invert) {
            ("-eq", false) => Comparison::Equal(number),
            ("-eq", true) => Comparison::NotEqual(number),
            ("-lt", _) => Comparison::Less(number),
            _ => Comparison::Greater(number),
        });
    }
    Ok(found)
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let given = options.get("match-set").ok_or_else(|| options.bad("it needs --match-set"))?;
    let inverted = |id: &str| options.get(id).is_some_and(|given: &Given<'_>| given.invert);
    Ok(Arc::new(SetMatch {
        set: SetRef::parse(given)?,
        invert: given.invert,
        test: Test {
            return_nomatch: options.has("return-nomatch"),
            keep_counters: inverted("update-counters"),
            packets: comparison(options, "packets")?,
            bytes: comparison(options, "bytes")?,
        },
        keep_members: inverted("update-subcounters"),
    }))
}

impl SetMatch {
    fn flags(&mut self, flags: u32) -> Result<(), String> {
        let known = SKIP_COUNTER_UPDATE | SKIP_SUBCOUNTER_UPDATE | RETURN_NOMATCH;
        if flags & !known != 0 {
            return Err(format!("unknown flags {:#x}", flags & !known));
        }
        self.test.keep_counters = flags & SKIP_COUNTER_UPDATE != 0;
        self.test.return_nomatch = flags & RETURN_NOMATCH != 0;
        self.keep_members = flags & SKIP_SUBCOUNTER_UPDATE != 0;
        Ok(())
    }

    fn print(&self, prefix: &str, out: &mut String) {
        let _ = write!(out, "{} {prefix}match-set", if self.invert { " !" } else { "" });
        self.set.print(out);
        if self.test.return_nomatch {
            let _ = write!(out, " {prefix}return-nomatch");
        }
        if self.test.keep_counters {
            let _ = write!(out, " ! {prefix}update-counters");
        }
        if self.keep_members {
            let _ = write!(out, " ! {prefix}update-subcounters");
        }
        for (what, comparison) in [("packets", self.test.packets), ("bytes", self.test.bytes)] {
            let _ = match comparison {
                None => Ok(()),
                Some(Comparison::Equal(n)) => write!(out, " {prefix}{what}-eq {n}"),
                Some(Comparison::NotEqual(n)) => write!(out, " ! {prefix}{what}-eq {n}"),
                Some(Comparison::Less(n)) => write!(out, " {prefix}{what}-lt {n}"),
                Some(Comparison::Greater(n)) => write!(out, " {prefix}{what}-gt {n}"),
            };
        }
    }

    /// Whether a packet is in the set.
    fn holds(&self, view: &View<'_>) -> Option<bool> {
        let arrival = view.now();
        let counts = Counts { bytes: view.packet.length(), now: arrival };
        let ask = |name: &str, test: &Test| {
            let Some(probe) = self.set.probe_in(view, name) else { return Some(false) };
            view.sets.with(name, |state| state.test(&probe, test, counts))
        };
        let (def, members) = view.sets.shape(&self.set.name, arrival)?;
        if !def.kind.is_list() {
            return ask(&self.set.name, &self.test);
        }
        let keep_counters = self.test.keep_counters || self.keep_members;
        let inner = Test { packets: None, bytes: None, keep_counters, ..self.test };
        for (key, name) in members {
            if ask(&name, &inner)?
                && view.sets.with(&self.set.name, |list| list.hit(&key, &self.test, counts))?
            {
                return Some(true);
            }
        }
        Some(false)
    }
}

impl Match for SetMatch {
    fn extension(&self) -> &'static MatchExtension {
        &SET
    }

    fn save(&self, out: &mut String) {
        self.print("--", out);
    }

    fn list(&self, out: &mut String) {
        self.print("", out);
    }

    fn sets(&self) -> Vec<&str> {
        vec![&self.set.name]
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let Fork { matched, held, failed } = cx.fork(self.invert);
        if self.set.lower_test(cx, &self.test, self.keep_members, held, failed).is_none() {
            // That the set is missing has been reported.
            cx.builder().jump(matched);
        }
        cx.builder().switch_to(matched);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        Outcome::of(self.holds(packet).unwrap_or(false) != self.invert)
    }
}
