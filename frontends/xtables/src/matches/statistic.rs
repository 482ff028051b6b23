//! `-m statistic`: a share of the packets, at random or counted (net/netfilter/xt_statistic.c).
//!
//! Of counted packets one in each `--every N` matches, over all processors together: the first is
//! packet number `--packet P`, from 0.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported};
use bpfc_ir::{Condition, StateKind};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static STATISTIC: MatchExtension = MatchExtension {
    name: "statistic",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::value("mode").mandatory(),
        OptionSpec::value("probability").invertible(),
        OptionSpec::value("every").invertible(),
        OptionSpec::value("packet"),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        // The last 8 bytes are a pointer of the kernel's.
        size: 24,
        decode: |f, _| {
            let (mode, flags) = (f.u16(0), f.u16(2));
            if flags & !1 != 0 {
                return Err(format!("unknown flags {flags:#x}"));
            }
            let mode = match mode {
                0 => Mode::Random { probability: f.u32(4) },
                1 => {
                    let (last, packet, count) = (f.u32(4), f.u32(8), f.u32(12));
                    if last == u32::MAX || packet > last || count != last - packet {
                        return Err(format!("packet {packet} at {count} of {last} in a round"));
                    }
                    Mode::Nth { every: last + 1, packet }
                }
                other => return Err(format!("mode {other} is none")),
            };
            Ok(Arc::new(Statistic { mode, invert: flags != 0 }))
        },
    }],
};

/// One in 2^31 packets.
const WHOLE: u32 = 1 << 31;

#[derive(Debug)]
struct Statistic {
    mode: Mode,
    invert: bool,
}

#[derive(Debug)]
enum Mode {
    /// So many of 2^31 packets.
    Random { probability: u32 },
    /// One of `every` packets.
    Nth { every: u32, packet: u32 },
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    options.exclusive(&["probability", "every"])?;
    options.exclusive(&["probability", "packet"])?;
    let missing = |what| options.bad(format!("it needs {what}"));
    let mode = options.get("mode").ok_or_else(|| missing("--mode"))?;
    let (mode, invert) = match mode.text() {
        "random" => {
            let given = options.get("probability").ok_or_else(|| missing("--probability"))?;
            let number = given.text().parse().ok().filter(|share| (0.0..=1.0).contains(share));
            let Some(share): Option<f64> = number else {
                return Err(given.bad(format!("'{}' is not a number from 0 to 1", given.text())));
            };
            let probability = (f64::from(WHOLE) * share).round() as u32;
            (Mode::Random { probability }, given.invert)
        }
        "nth" => {
            let given = options.get("every").ok_or_else(|| missing("--every"))?;
            let every = given.number(1, u32::MAX.into())? as u32;
            let packet = options.get("packet").ok_or_else(|| missing("--packet"))?;
            let first = packet.number(0, (every - 1).into())? as u32;
            (Mode::Nth { every, packet: first }, given.invert)
        }
        other => return Err(mode.bad(format!("'{other}' is neither random nor nth"))),
    };
    Ok(Arc::new(Statistic { mode, invert }))
}

impl Statistic {
    fn print(&self, prefix: &str, out: &mut String) {
        let sign = if self.invert { " !" } else { "" };
        let _ = match self.mode {
            Mode::Random { probability } => {
                let share = f64::from(probability) / f64::from(WHOLE);
                write!(out, " {prefix}mode random{sign} {prefix}probability {share:.11}")
            }
            Mode::Nth { every, packet } => {
                let _ = write!(out, " {prefix}mode nth{sign} {prefix}every {every}");
                match packet {
                    0 if prefix.is_empty() => Ok(()),
                    packet => write!(out, " {prefix}packet {packet}"),
                }
            }
        };
    }
}

impl Match for Statistic {
    fn extension(&self) -> &'static MatchExtension {
        &STATISTIC
    }

    fn save(&self, out: &mut String) {
        self.print("--", out);
    }

    fn list(&self, out: &mut String) {
        out.push_str(" statistic");
        self.print("", out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let hit = match self.mode {
            Mode::Random { probability } => {
                let number = cx.builder().random();
                let number = cx.builder().mask(number, (WHOLE - 1).into());
                cx.builder().compare_const(Condition::Lt, number, probability.into())
            }
            Mode::Nth { every, packet } => {
                let start = every - 1 - packet;
                let state = cx.state(StateKind::Cycle { period: every, start });
                let number = cx.builder().take(state);
                cx.builder().compare_const(Condition::Eq, number, 0)
            }
        };
        cx.expect(hit, !self.invert);
        Ok(())
    }

    fn evaluate(&self, _: &View<'_>, state: &mut u64) -> Outcome {
        let hit = match self.mode {
            Mode::Random { probability } => {
                // Xorshift; any even distribution will do.
                *state ^= *state << 13;
                *state ^= *state >> 7;
                *state ^= *state << 17;
                ((*state >> 16) as u32 & (WHOLE - 1)) < probability
            }
            Mode::Nth { every, .. } => {
                *state = (*state + 1) % u64::from(every);
                *state == 0
            }
        };
        Outcome::of(hit != self.invert)
    }

    fn initial_state(&self) -> u64 {
        match self.mode {
            Mode::Random { .. } => 0x9e37_79b9_7f4a_7c15,
            Mode::Nth { every, packet } => (every - 1 - packet).into(),
        }
    }
}
