//! `-j TTL` and `-j HL`: write IPv4's time to live and IPv6's hop limit (net/netfilter/xt_HL.c).

use super::header::{set_ipv4_byte, store_ipv4_byte};
use crate::lower::RuleCx;
use crate::reference::View;
use crate::{
    Action, ActionExtension, Families, Fields, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{
    Base, BinaryOp, Condition, Family, FunctionBuilder, Op, Rewrite, Type, Value, Verdict,
};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor of `TTL`.
pub static TTL: ActionExtension = ActionExtension {
    name: "TTL",
    families: Families::Ipv4,
    options: &[
        OptionSpec::value("ttl-set"),
        OptionSpec::value("ttl-dec"),
        OptionSpec::value("ttl-inc"),
    ],
    tables: &["mangle"],
    parse: |options| parse(options, ["ttl-set", "ttl-inc", "ttl-dec"], Family::Ipv4),
    revisions: &[Revision { number: 0, size: 8, decode: |f, _| decode(f, Family::Ipv4) }],
};

/// The descriptor of `HL`.
pub static HL: ActionExtension = ActionExtension {
    name: "HL",
    families: Families::Ipv6,
    options: &[
        OptionSpec::value("hl-set"),
        OptionSpec::value("hl-dec"),
        OptionSpec::value("hl-inc"),
    ],
    tables: &["mangle"],
    parse: |options| parse(options, ["hl-set", "hl-inc", "hl-dec"], Family::Ipv6),
    revisions: &[Revision { number: 0, size: 8, decode: |f, _| decode(f, Family::Ipv6) }],
};

/// What the field becomes, as the kernel numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Set,
    /// 255 at most.
    Increase,
    /// 0 at least.
    Decrease,
}

/// Another number of hops.
#[derive(Debug)]
struct Hops {
    mode: Mode,
    by: u8,
    family: Family,
}

fn parse(
    options: &Options<'_>,
    names: [&'static str; 3],
    family: Family,
) -> Result<Arc<dyn Action>, Problem> {
    options.exclusive(&names)?;
    options.one_of(&names)?;
    let Some(given) = options.given.last() else { return Err(options.bad("no number")) };
    let mode = match names.iter().position(|&name| name == given.id) {
        Some(1) => Mode::Increase,
        Some(2) => Mode::Decrease,
        _ => Mode::Set,
    };
    let by = given.number(u64::from(mode != Mode::Set), 255)? as u8;
    Ok(Arc::new(Hops { mode, by, family }))
}

fn decode(f: Fields<'_>, family: Family) -> Result<Arc<dyn Action>, String> {
    let mode = match f.u8(0) {
        0 => Mode::Set,
        1 => Mode::Increase,
        2 => Mode::Decrease,
        other => return Err(format!("its mode is {other}, not 0 to 2")),
    };
    match f.u8(1) {
        0 if mode != Mode::Set => Err("it changes the field by 0".to_owned()),
        by => Ok(Arc::new(Hops { mode, by, family })),
    }
}

impl Hops {
    /// Emits: the field becomes `new`.
    fn store(&self, b: &mut FunctionBuilder, old: Value, new: Value) {
        match self.family {
            Family::Ipv4 => store_ipv4_byte(b, 8, old, new),
            Family::Ipv6 => {
                b.push(Op::Rewrite(Rewrite::Store(Base::Network, 7, new)));
            }
        }
    }
}

impl Action for Hops {
    fn extension(&self) -> &'static ActionExtension {
        match self.family {
            Family::Ipv4 => &TTL,
            Family::Ipv6 => &HL,
        }
    }

    fn save(&self, out: &mut String) {
        let name = match self.family {
            Family::Ipv4 => "ttl",
            Family::Ipv6 => "hl",
        };
        let mode = match self.mode {
            Mode::Set => "set",
            Mode::Increase => "inc",
            Mode::Decrease => "dec",
        };
        let _ = write!(out, " --{name}-{mode} {}", self.by);
    }

    fn list(&self, out: &mut String) {
        let mode = match self.mode {
            Mode::Set => "set to",
            Mode::Increase => "increment by",
            Mode::Decrease => "decrement by",
        };
        let _ = write!(out, " {} {mode} {}", self.extension().name, self.by);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let offset = match self.family {
            Family::Ipv4 => 8,
            Family::Ipv6 => 7,
        };
        let b = cx.builder();
        let old = b.payload(Type::I8, Base::Network, offset);
        let done = b.block();
        let (limit, condition, op) = match self.mode {
            Mode::Set => (self.by, None, BinaryOp::Add),
            Mode::Increase => (255, Some((Condition::Gt, 255 - self.by)), BinaryOp::Add),
            Mode::Decrease => (0, Some((Condition::Lt, self.by)), BinaryOp::Sub),
        };
        if let Some((condition, bound)) = condition {
            let limited = b.block();
            let beyond = b.compare_const(condition, old, bound.into());
            b.forbid(beyond, limited);
            let by = b.constant(Type::I8, self.by.into());
            let new = b.binary(op, old, by);
            self.store(b, old, new);
            b.jump(done);
            b.switch_to(limited);
        }
        let same = b.compare_const(Condition::Eq, old, limit.into());
        b.forbid(same, done);
        let new = b.constant(Type::I8, limit.into());
        self.store(b, old, new);
        b.jump(done);
        b.switch_to(done);
        Ok(())
    }

    fn evaluate(&self, packet: &mut View<'_>) -> Option<Verdict> {
        let at = match packet.packet.ip() {
            Family::Ipv4 => 8,
            Family::Ipv6 => 7,
        };
        let old = packet.packet.bytes()[at];
        let new = match self.mode {
            Mode::Set => self.by,
            Mode::Increase => old.saturating_add(self.by),
            Mode::Decrease => old.saturating_sub(self.by),
        };
        if new != old {
            packet.rewrite(|bytes| match self.family {
                Family::Ipv4 => set_ipv4_byte(bytes, at, new),
                Family::Ipv6 => bytes[at] = new,
            });
        }
        None
    }
}
