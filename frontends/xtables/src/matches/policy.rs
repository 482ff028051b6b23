//! `-m policy`: the IPsec policy that a packet came in by or will go by
//! (net/netfilter/xt_policy.c).
//!
//! A rule describes transformations: with `--strict` all of them, from the outermost on, and
//! without it one that may be any of them. What it says of one transformation is an [`Element`].

use super::policy_element::{Address, Element, MODES, PROTOCOLS, Test};
use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::text::{address_with_prefix, protocol};
use crate::{
    DecodeCx, Families, Fields, Given, Match, MatchExtension, OptionSpec, Options, Problem,
    Revision, Unsupported,
};
use bpfc_ir::{Condition, Family, Hook, Lookup, Value, Way};
use bpfc_packet::Transform;
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static POLICY: MatchExtension = MatchExtension {
    name: "policy",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::value("dir").mandatory(),
        OptionSpec::value("pol"),
        OptionSpec::flag("strict"),
        OptionSpec::value("reqid").invertible().repeatable(),
        OptionSpec::value("spi").invertible().repeatable(),
        OptionSpec::value("tunnel-src").invertible().repeatable(),
        OptionSpec::value("tunnel-dst").invertible().repeatable(),
        OptionSpec::value("proto").invertible().repeatable(),
        OptionSpec::value("mode").invertible().repeatable(),
        OptionSpec::flag("next").repeatable(),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision { number: 0, size: 312, decode }],
};

/// What a rule asks.
#[derive(Debug)]
struct Policy {
    family: Family,
    way: Way,
    /// What it says of transformations; empty where there must be none.
    elements: Vec<Element>,
    /// Whether they are all that there are.
    strict: bool,
}

/// `XT_POLICY_MATCH_*` (include/uapi/linux/netfilter/xt_policy.h).
const IN: u16 = 1;
const OUT: u16 = 2;
const NONE: u16 = 4;
const STRICT: u16 = 8;
/// `XT_POLICY_MAX_ELEM`.
const MOST: usize = 4;
/// Bytes of `struct xt_policy_elem`.
const SIZE: usize = 76;

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let family = options.family;
    let way = match options.get("dir").map(|given| (given, given.text())) {
        Some((_, "in")) => Way::In,
        Some((_, "out")) => Way::Out,
        Some((given, other)) => return Err(given.bad(format!("'{other}' is not in or out"))),
        None => return Err(options.bad("it needs --dir")),
    };
    let none = match options.get("pol").map(|given| (given, given.text())) {
        Some((_, "none")) => true,
        None | Some((_, "ipsec")) => false,
        Some((given, other)) => return Err(given.bad(format!("'{other}' is not none or ipsec"))),
    };
    let strict = options.has("strict");
    let mut elements = vec![Element::default()];
    for given in options.given {
        let number = elements.len();
        let Some(element) = elements.last_mut() else { continue };
        match given.id {
            "next" if !strict => return Err(given.bad("it needs --strict")),
            "next" if number == MOST => {
                return Err(given.bad(format!("a rule describes at most {MOST} transformations")));
            }
            "next" => elements.push(Element::default()),
            _ => take(element, family, given)?,
        }
    }
    if none && strict {
        return Err(options.bad("no policy cannot be described, as --strict does"));
    }
    if none {
        // What a rule says of transformations that there must not be does not count.
        elements.clear();
    }
    check(&elements, strict).map_err(|message| options.bad(message))?;
    Ok(Arc::new(Policy { family, way, elements, strict }))
}

/// Takes an option into the transformation that it stands behind.
fn take(element: &mut Element, family: Family, given: &Given<'_>) -> Result<(), Problem> {
    let text = given.text();
    let number = || given.number(0, u32::MAX.into()).map(|number| number as u32);
    let invert = given.invert;
    let address = || -> Result<Test<Address>, Problem> {
        let (address, mask) =
            address_with_prefix(family, text).map_err(|message| given.bad(message))?;
        Ok(Test { value: Address { address, mask }, invert })
    };
    let fresh = match given.id {
        "reqid" => element.request.replace(Test { value: number()?, invert }).is_none(),
        "spi" => element.spi.replace(Test { value: number()?, invert }).is_none(),
        "tunnel-src" => element.source.replace(address()?).is_none(),
        "tunnel-dst" => element.destination.replace(address()?).is_none(),
        "proto" => {
            let value = protocol(text).map_err(|message| given.bad(message))?;
            // Unlike after -p, names are those in small letters alone.
            let is_name = !text.bytes().any(|byte| byte.is_ascii_uppercase());
            if !PROTOCOLS.contains(&value) || !(is_name || text.starts_with("0X")) {
                return Err(given.bad(format!("'{text}' is not ah, esp or ipcomp")));
            }
            element.protocol.replace(Test { value, invert }).is_none()
        }
        "mode" => {
            let Some(value) = MODES.iter().position(|mode| *mode == text) else {
                return Err(given.bad(format!("'{text}' is not transport or tunnel")));
            };
            element.mode.replace(Test { value: value as u8, invert }).is_none()
        }
        _ => true,
    };
    match fresh {
        true => Ok(()),
        false => Err(given.bad("it is given twice for one transformation")),
    }
}

/// What iptables checks of all elements.
fn check(elements: &[Element], strict: bool) -> Result<(), String> {
    for element in elements {
        if strict && element.is_empty() {
            return Err("with --strict something must be said of each transformation".to_owned());
        }
        let is_tunnel = element.mode.is_some_and(|mode| (mode.value == 1) != mode.invert);
        if (element.source.is_some() || element.destination.is_some()) && !is_tunnel {
            return Err("--tunnel-src and --tunnel-dst need --mode tunnel".to_owned());
        }
    }
    Ok(())
}

/// `struct xt_policy_info`: four elements, flags, number of elements.
fn decode(f: Fields<'_>, cx: &DecodeCx<'_>) -> Result<Arc<dyn Match>, String> {
    let (flags, length) = (f.u16(304), usize::from(f.u16(306)));
    let way = match flags & (IN | OUT) {
        IN => Way::In,
        OUT => Way::Out,
        _ => return Err("it names no direction, or both".to_owned()),
    };
    if flags & !(IN | OUT | NONE | STRICT) != 0 {
        return Err(format!("its flags are {flags:#x}, of which the kernel knows 0xf"));
    }
    let (none, strict) = (flags & NONE != 0, flags & STRICT != 0);
    let fits = match (none, strict) {
        (true, false) => length == 0,
        (true, true) => false,
        (false, false) => length == 1,
        (false, true) => (1..=MOST).contains(&length),
    };
    if !fits {
        return Err(format!("it has {length} elements with flags {flags:#x}"));
    }
    let element = |number| Element::decode(f.slice(number * SIZE, SIZE), cx.family);
    let elements = (0..length).map(element).collect::<Result<Vec<_>, _>>()?;
    check(&elements, strict)?;
    Ok(Arc::new(Policy { family: cx.family, way, elements, strict }))
}

impl Policy {
    fn print_flags(&self, prefix: &str, out: &mut String) {
        let kind = if self.elements.is_empty() { "none" } else { "ipsec" };
        let _ = write!(out, " {prefix}dir {} {prefix}pol {kind}", self.way);
        if self.strict {
            let _ = write!(out, " {prefix}strict");
        }
    }

    /// The transformation that an element is about, with `--strict`: what came in was undone from
    /// the outermost on, and the kernel compares from the last one that was.
    fn place(&self, element: usize) -> usize {
        match self.way {
            Way::In => self.elements.len() - 1 - element,
            Way::Out => element,
        }
    }

    fn holds(&self, transforms: Option<&[Transform]>) -> bool {
        let Some(transforms) = transforms else { return self.elements.is_empty() };
        let matches = |element: &Element, transform| element.matches(transform, self.family);
        match (self.strict, &self.elements[..]) {
            (_, []) => false,
            (false, [first, ..]) => transforms.iter().any(|transform| matches(first, transform)),
            (true, all) => {
                let place = |at| transforms.get(self.place(at));
                all.len() == transforms.len()
                    && all.iter().enumerate().all(|(at, element)| {
                        place(at).is_some_and(|transform| matches(element, transform))
                    })
            }
        }
    }
}

impl Match for Policy {
    fn extension(&self) -> &'static MatchExtension {
        &POLICY
    }

    /// The kernel refuses a direction that a hook's packets do not know.
    fn hooks(&self) -> &'static [Hook] {
        match self.way {
            Way::In => &[Hook::Prerouting, Hook::Input, Hook::Forward],
            Way::Out => &[Hook::Forward, Hook::Output, Hook::Postrouting],
        }
    }

    fn save(&self, out: &mut String) {
        self.print_flags("--", out);
        for (number, element) in self.elements.iter().enumerate() {
            out.push_str(if number > 0 { " --next" } else { "" });
            element.print("--", self.family, false, out);
        }
    }

    fn list(&self, out: &mut String) {
        out.push_str(" policy match");
        self.print_flags("", out);
        for (number, element) in self.elements.iter().enumerate() {
            if self.elements.len() > 1 {
                let _ = write!(out, " [{number}]");
            }
            element.print("", self.family, true, out);
        }
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let fork = cx.fork(false);
        let count = cx.builder().lookup(Lookup::Transforms(self.way));
        let compare = |cx: &mut RuleCx<'_>, condition, number: u32| -> Value {
            cx.builder().compare_const(condition, count, number.into())
        };
        let absent = compare(cx, Condition::Eq, Lookup::NONE);
        match &self.elements[..] {
            [] => cx.require(absent),
            [first, ..] if !self.strict => {
                cx.forbid(absent);
                if first.is_empty() {
                    let some = compare(cx, Condition::Ne, 0);
                    cx.require(some);
                } else {
                    for index in 0..Way::MOST {
                        let next = cx.builder().block();
                        let there = compare(cx, Condition::Gt, index.into());
                        cx.builder().require(there, fork.failed);
                        first.lower(cx, self.way, index, next);
                        cx.builder().jump(fork.matched);
                        cx.builder().switch_to(next);
                    }
                    cx.builder().jump(fork.failed);
                    cx.builder().switch_to(fork.matched);
                    return Ok(());
                }
            }
            all => {
                let equal = compare(cx, Condition::Eq, all.len() as u32);
                cx.require(equal);
                for (number, element) in all.iter().enumerate() {
                    element.lower(cx, self.way, self.place(number) as u8, fork.failed);
                }
            }
        }
        cx.builder().jump(fork.matched);
        cx.builder().switch_to(fork.matched);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let transforms = &packet.packet.packet().transforms;
        Outcome::of(self.holds(match self.way {
            Way::In => transforms.undone.as_deref(),
            Way::Out => transforms.ahead.as_deref(),
        }))
    }
}
