//! `-j TOS` and `-j DSCP`: write IPv4's type of service and IPv6's traffic class, or its upper six
//! bits (net/netfilter/xt_DSCP.c).

use super::header::{lower_traffic_class, set_traffic_class};
use crate::lower::RuleCx;
use crate::matches::tos::{parse_point, parse_value_and_mask};
use crate::reference::View;
use crate::{
    Action, ActionExtension, Families, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::Verdict;
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor of `TOS`.
pub static TOS: ActionExtension = ActionExtension {
    name: "TOS",
    families: Families::Both,
    options: &[
        OptionSpec::value("set-tos"),
        OptionSpec::value("and-tos"),
        OptionSpec::value("or-tos"),
        OptionSpec::value("xor-tos"),
    ],
    tables: &["mangle"],
    parse: parse_tos,
    revisions: &[Revision {
        number: 1,
        size: 8,
        decode: |f, _| Ok(Arc::new(Tos { value: f.u8(0), mask: f.u8(1), dscp: false })),
    }],
};

/// The descriptor of `DSCP`.
pub static DSCP: ActionExtension = ActionExtension {
    name: "DSCP",
    families: Families::Both,
    options: &[OptionSpec::value("set-dscp"), OptionSpec::value("set-dscp-class")],
    tables: &["mangle"],
    parse: parse_dscp,
    revisions: &[Revision {
        number: 0,
        size: 8,
        decode: |f, _| match f.u8(0) {
            point @ 0..=63 => Ok(Arc::new(Tos::of_point(point))),
            point => Err(format!("code point {point} is more than 63")),
        },
    }],
};

/// `class = class & !mask ^ value`.
#[derive(Debug)]
struct Tos {
    value: u8,
    mask: u8,
    dscp: bool,
}

impl Tos {
    fn of_point(point: u8) -> Self {
        Tos { value: point << 2, mask: 0xfc, dscp: true }
    }
}

fn parse_tos(options: &Options<'_>) -> Result<Arc<dyn Action>, Problem> {
    const MODES: [&str; 4] = ["set-tos", "and-tos", "or-tos", "xor-tos"];
    options.exclusive(&MODES)?;
    options.one_of(&MODES)?;
    let Some(given) = options.given.last() else { return Err(options.bad("no value")) };
    let number = || given.number(0, 255).map(|number| number as u8);
    let (value, mask) = match given.id {
        "set-tos" => parse_value_and_mask(given)?,
        "and-tos" => (0, !number()?),
        "or-tos" => number().map(|bits| (bits, bits))?,
        _ => (number()?, 0),
    };
    Ok(Arc::new(Tos { value, mask, dscp: false }))
}

fn parse_dscp(options: &Options<'_>) -> Result<Arc<dyn Action>, Problem> {
    const MODES: [&str; 2] = ["set-dscp", "set-dscp-class"];
    options.exclusive(&MODES)?;
    options.one_of(&MODES)?;
    let Some(given) = options.given.last() else { return Err(options.bad("no value")) };
    Ok(Arc::new(Tos::of_point(parse_point(given, given.id == "set-dscp-class")?)))
}

impl Action for Tos {
    fn extension(&self) -> &'static ActionExtension {
        if self.dscp { &DSCP } else { &TOS }
    }

    fn save(&self, out: &mut String) {
        let _ = match self.dscp {
            true => write!(out, " --set-dscp 0x{:02x}", self.value >> 2),
            false => write!(out, " --set-tos 0x{:02x}/0x{:02x}", self.value, self.mask),
        };
    }

    fn list(&self, out: &mut String) {
        let _ = match self.dscp {
            true => write!(out, " DSCP set 0x{:02x}", self.value >> 2),
            false => write!(out, " TOS set 0x{:02x}/0x{:02x}", self.value, self.mask),
        };
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        lower_traffic_class(cx, self.mask, self.value);
        Ok(())
    }

    fn evaluate(&self, packet: &mut View<'_>) -> Option<Verdict> {
        set_traffic_class(packet, self.mask, self.value);
        None
    }
}
