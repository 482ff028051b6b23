//! `-m owner`: who opened the socket that sends the packet (net/netfilter/xt_owner.c).
//!
//! A packet without a socket, or whose socket no process has open any more, has no owner: then a
//! rule holds where all its tests are inverted.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::text::c_number;
use crate::{
    Families, Fields, Given, Match, MatchExtension, OptionSpec, Options, Problem, Revision,
    Unsupported,
};
use bpfc_ir::{Accounts, Condition, Hook, Lookup, SocketField, Source, Type};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static OWNER: MatchExtension = MatchExtension {
    name: "owner",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::value("uid-owner").invertible(),
        OptionSpec::value("gid-owner").invertible(),
        OptionSpec::flag("socket-exists").invertible(),
        OptionSpec::flag("suppl-groups"),
    ],
    protocols: &[],
    hooks: &[Hook::Output, Hook::Postrouting],
    parse,
    revisions: &[Revision { number: 1, size: 24, decode: |f, _| decode(f) }],
};

/// `XT_OWNER_*` (include/uapi/linux/netfilter/xt_owner.h).
mod bit {
    pub const UID: u8 = 1;
    pub const GID: u8 = 2;
    pub const SOCKET: u8 = 4;
    pub const SUPPLEMENTARY: u8 = 8;
}

/// A range of user or group numbers, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    low: u32,
    high: u32,
    invert: bool,
}

impl Range {
    fn contains(self, number: u32) -> bool {
        (self.low..=self.high).contains(&number)
    }

    /// No number is -1, which the kernel keeps for "none".
    fn check(self) -> Result<Self, String> {
        match self {
            Range { high: u32::MAX, .. } => Err(format!("{} is no user or group", u32::MAX)),
            Range { low, high, .. } if low > high => {
                Err(format!("the range {low}-{high} is empty"))
            }
            range => Ok(range),
        }
    }

    fn print(self, out: &mut String) {
        let _ = match self.low == self.high {
            true => write!(out, "{}", self.low),
            false => write!(out, "{}-{}", self.low, self.high),
        };
    }
}

#[derive(Debug)]
struct Owner {
    user: Option<Range>,
    group: Option<Range>,
    /// Whether a socket is asked for, and whether it must be absent.
    socket: Option<bool>,
    /// Whether any group of the opener's will do.
    supplementary: bool,
}

/// A number, a range of numbers or a name.
fn parse_range(
    given: &Given<'_>,
    accounts: Option<&dyn Accounts>,
    number_of: fn(&dyn Accounts, &str) -> Option<u32>,
) -> Result<Range, Problem> {
    let text = given.text();
    let number = |text| {
        let (number, rest) = c_number(text)?;
        Some((u32::try_from(number).ok()?, rest))
    };
    let range = match number(text) {
        Some((low, "")) => Some((low, low)),
        Some((low, rest)) => match rest.strip_prefix('-').and_then(number) {
            Some((high, "")) => Some((low, high)),
            _ => None,
        },
        None => None,
    };
    match range {
        Some((low, high)) => {
            Range { low, high, invert: given.invert }.check().map_err(|reason| given.bad(reason))
        }
        None if text == "root" => Ok(Range { low: 0, high: 0, invert: given.invert }),
        None => match accounts.map(|accounts| number_of(accounts, text)) {
            Some(Some(number)) => Ok(Range { low: number, high: number, invert: given.invert }),
            Some(None) => Err(given.bad(format!(
                "'{text}' is no number, no range of numbers and no name that this machine knows: \
                 write the number as iptables-save does"
            ))),
            None => Err(given.unsupported(format!(
                "'{text}' is not a number or a range of numbers, and names cannot be looked up here: write the \
                 number as iptables-save does"
            ))),
        },
    }
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    options.one_of(&["uid-owner", "gid-owner", "socket-exists"])?;
    let range = |id, number_of| {
        let given = options.get(id);
        given.map(|given| parse_range(given, options.accounts, number_of)).transpose()
    };
    let user = range("uid-owner", |accounts, name| accounts.user(name))?;
    let group = range("gid-owner", |accounts, name| accounts.group(name))?;
    let place = |id| options.given.iter().position(|given| given.id == id);
    if let Some(supplementary) = place("suppl-groups")
        && place("gid-owner").is_none_or(|group| group > supplementary)
    {
        return Err(options.bad("--suppl-groups needs --gid-owner before it"));
    }
    Ok(Arc::new(Owner {
        user,
        group,
        socket: options.get("socket-exists").map(|given| given.invert),
        supplementary: options.has("suppl-groups"),
    }))
}

/// `struct xt_owner_match_info`: four ends of ranges, what is tested, what of it is inverted.
fn decode(f: Fields<'_>) -> Result<Arc<dyn Match>, String> {
    let (tested, inverted) = (f.u8(16), f.u8(17));
    let known = bit::UID | bit::GID | bit::SOCKET | bit::SUPPLEMENTARY;
    if tested & !known != 0 {
        return Err(format!("it tests {tested:#x}, of which the kernel knows {known:#x}"));
    }
    if inverted & !tested != 0 || inverted & bit::SUPPLEMENTARY != 0 {
        return Err(format!("it inverts {inverted:#x}, where it tests {tested:#x}"));
    }
    let range = |bit: u8, offset: usize| {
        let range =
            Range { low: f.u32(offset), high: f.u32(offset + 4), invert: inverted & bit != 0 };
        (tested & bit != 0).then(|| range.check()).transpose()
    };
    Ok(Arc::new(Owner {
        user: range(bit::UID, 0)?,
        group: range(bit::GID, 8)?,
        socket: (tested & bit::SOCKET != 0).then_some(inverted & bit::SOCKET != 0),
        supplementary: tested & bit::SUPPLEMENTARY != 0,
    }))
}

impl Owner {
    /// Whether the rule holds for packets without a socket: nothing is tested that is not
    /// inverted. Supplementary groups count as a test of their own, as in the kernel.
    fn holds_without_socket(&self) -> bool {
        self.holds_without_file() && self.socket.is_none_or(|absent| absent) && !self.supplementary
    }

    /// Whether it holds for packets of a socket that no process has open.
    fn holds_without_file(&self) -> bool {
        [self.user, self.group].into_iter().flatten().all(|range| range.invert)
    }

    fn print_group(&self, words: [&str; 2], suffix: &str, out: &mut String) {
        if let Some(range) = self.group {
            out.push_str(words[usize::from(range.invert)]);
            range.print(out);
            if self.supplementary {
                out.push_str(suffix);
            }
        }
    }
}

impl Match for Owner {
    fn extension(&self) -> &'static MatchExtension {
        &OWNER
    }

    fn save(&self, out: &mut String) {
        if let Some(absent) = self.socket {
            out.push_str(if absent { " ! --socket-exists" } else { " --socket-exists" });
        }
        if let Some(range) = self.user {
            out.push_str(if range.invert { " ! --uid-owner " } else { " --uid-owner " });
            range.print(out);
        }
        self.print_group([" --gid-owner ", " ! --gid-owner "], " --suppl-groups", out);
    }

    fn list(&self, out: &mut String) {
        if let Some(absent) = self.socket {
            out.push_str(if absent { " ! owner socket exists" } else { " owner socket exists" });
        }
        if let Some(range) = self.user {
            out.push_str(if range.invert { " ! owner UID match " } else { " owner UID match " });
            range.print(out);
        }
        let words = [" owner GID match ", " ! owner GID match "];
        self.print_group(words, " incl. suppl. groups", out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let no_match = cx.no_match();
        let b = cx.builder();
        let matched = b.block();
        let way = |holds| if holds { matched } else { no_match };
        let present = b.load(Type::I8, Source::Socket(SocketField::Present));
        let present = b.compare_const(Condition::Ne, present, 0);
        b.require(present, way(self.holds_without_socket()));
        if self.socket == Some(true) {
            b.jump(no_match);
            b.switch_to(matched);
            return Ok(());
        }
        if self.user.is_some() || self.group.is_some() {
            let open = b.load(Type::I8, Source::Socket(SocketField::Open));
            let open = b.compare_const(Condition::Ne, open, 0);
            b.require(open, way(self.holds_without_file()));
        }
        if let Some(range) = self.user {
            let user = cx.builder().load(Type::I32, Source::Socket(SocketField::User));
            cx.expect_range(user, range.low.into(), range.high.into(), !range.invert);
        }
        if let Some(range) = self.group {
            let b = cx.builder();
            let group = b.load(Type::I32, Source::Socket(SocketField::Group));
            if self.supplementary {
                let (held, failed) =
                    if range.invert { (no_match, matched) } else { (matched, no_match) };
                let next = b.block();
                let own = b.in_range(group, range.low.into(), range.high.into());
                b.branch(own, held, next);
                b.switch_to(next);
                let found = b.lookup(Lookup::SocketGroup { low: range.low, high: range.high });
                let found = b.compare_const(Condition::Ne, found, 0);
                b.branch(found, held, failed);
                b.switch_to(matched);
                return Ok(());
            }
            cx.expect_range(group, range.low.into(), range.high.into(), !range.invert);
        }
        let b = cx.builder();
        b.jump(matched);
        b.switch_to(matched);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let Some(socket) = &packet.packet.packet().socket else {
            return Outcome::of(self.holds_without_socket());
        };
        if self.socket == Some(true) {
            return Outcome::NoMatch;
        }
        let Some(owner) = &socket.owner else {
            return Outcome::of(self.holds_without_file());
        };
        let user = self.user.is_none_or(|range| range.contains(owner.user) != range.invert);
        let group = self.group.is_none_or(|range| {
            let own = range.contains(owner.group);
            let other = || owner.groups.iter().any(|&group| range.contains(group));
            (own || self.supplementary && other()) != range.invert
        });
        Outcome::of(user && group)
    }
}
