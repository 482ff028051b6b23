//! `-m conntrack` and its short form `-m state`: what connection tracking knows of the packet
//! (net/netfilter/xt_conntrack.c, xt_state.c).
//!
//! A packet without a connection can match by its state (INVALID, UNTRACKED, or an inverted
//! test), and then none of the other tests is asked; without a state test it never matches.

use super::conntrack_names::{parse_states, parse_statuses, save_states, save_statuses};
pub use super::conntrack_test::{Bits, Conntrack, TupleAddress, state_bit};
use super::ports::PortRange;
use crate::lower::{Fork, RuleCx};
use crate::reference::{Outcome, View, address_number};
use crate::text::{address_with_prefix, protocol};
use crate::{
    Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
    show_address,
};
use bpfc_ir::{BinaryOp, Condition, CtField, CtTuple, Family, TupleField};
use bpfc_packet::{Conntrack as Entry, Tuple, ct_state};
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

/// The descriptor of `conntrack`.
pub static CONNTRACK: MatchExtension = MatchExtension {
    name: "conntrack",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::value("ctstate").invertible(),
        OptionSpec::value("ctproto").invertible(),
        OptionSpec::value("ctorigsrc").invertible(),
        OptionSpec::value("ctorigdst").invertible(),
        OptionSpec::value("ctreplsrc").invertible(),
        OptionSpec::value("ctrepldst").invertible(),
        OptionSpec::value("ctstatus").invertible(),
        OptionSpec::value("ctexpire").invertible(),
        OptionSpec::value("ctorigsrcport").invertible(),
        OptionSpec::value("ctorigdstport").invertible(),
        OptionSpec::value("ctreplsrcport").invertible(),
        OptionSpec::value("ctrepldstport").invertible(),
        OptionSpec::value("ctdir"),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[
        Revision { number: 1, size: 152, decode: |f, cx| super::conntrack_blob::decode(1, f, cx) },
        Revision { number: 2, size: 160, decode: |f, cx| super::conntrack_blob::decode(2, f, cx) },
        Revision { number: 3, size: 168, decode: |f, cx| super::conntrack_blob::decode(3, f, cx) },
    ],
};

/// The descriptor of `state`, which iptables hands to the kernel as `conntrack`.
pub static STATE: MatchExtension = MatchExtension {
    name: "state",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("state").invertible().mandatory()],
    protocols: &[],
    hooks: &[],
    parse: parse_state,
    revisions: &[Revision {
        number: 0,
        size: 8,
        decode: |f, cx| super::conntrack_blob::decode_state(f, cx),
    }],
};

/// `IPS_SRC_NAT` and `IPS_DST_NAT`.
const SOURCE_NAT: u32 = 1 << 4;
const DESTINATION_NAT: u32 = 1 << 5;

/// The places of a connection's addresses and ports: option name, tuple, address and port.
pub const PLACES: [(&str, CtTuple, TupleField, TupleField); 4] = [
    ("ctorigsrc", CtTuple::Original, TupleField::Source, TupleField::SourcePort),
    ("ctorigdst", CtTuple::Original, TupleField::Destination, TupleField::DestinationPort),
    ("ctreplsrc", CtTuple::Reply, TupleField::Source, TupleField::SourcePort),
    ("ctrepldst", CtTuple::Reply, TupleField::Destination, TupleField::DestinationPort),
];

impl Conntrack {
    /// A match without tests.
    pub fn empty(family: Family) -> Self {
        Conntrack {
            family,
            alias: false,
            state: None,
            protocol: None,
            addresses: [None; 4],
            ports: [None; 4],
            status: None,
            reply: None,
        }
    }

    /// Whether anything besides the state is asked.
    fn asks_connection(&self) -> bool {
        self.protocol.is_some()
            || self.addresses.iter().any(Option::is_some)
            || self.ports.iter().any(Option::is_some)
            || self.status.is_some()
            || self.reply.is_some()
    }
}

fn parse_state(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let given = options.get("state").ok_or_else(|| options.bad("no state"))?;
    let state = Some(Bits { mask: parse_states(given, false)?, invert: given.invert });
    Ok(Arc::new(Conntrack { alias: true, state, ..Conntrack::empty(options.family) }))
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    if options.given.is_empty() {
        return Err(options.bad("it needs at least one option"));
    }
    let mut made = Conntrack::empty(options.family);
    for given in options.given {
        let invert = given.invert;
        match given.id {
            "ctstate" => {
                made.state = Some(Bits { mask: parse_states(given, true)?, invert });
            }
            "ctstatus" => made.status = Some(Bits { mask: parse_statuses(given)?, invert }),
            "ctproto" => {
                let number = protocol(given.text()).map_err(|problem| given.bad(problem))?;
                made.protocol = Some((number.into(), invert));
            }
            "ctdir" => {
                made.reply = match given.text() {
                    text if text.eq_ignore_ascii_case("ORIGINAL") => Some(false),
                    text if text.eq_ignore_ascii_case("REPLY") => Some(true),
                    text => return Err(given.bad(format!("'{text}' is no direction"))),
                };
            }
            "ctexpire" => {
                return Err(given.unsupported("the lifetime of a connection cannot be seen"));
            }
            id => {
                let (place, port) = match id.strip_suffix("port") {
                    Some(place) => (place, true),
                    None => (id, false),
                };
                let index = PLACES.iter().position(|(name, ..)| *name == place).unwrap_or(0);
                if port {
                    made.ports[index] = Some(PortRange::parse(given)?);
                } else {
                    let (address, mask) = address_with_prefix(options.family, given.text())
                        .map_err(|problem| given.bad(problem))?;
                    made.addresses[index] = Some(TupleAddress { address, mask, invert });
                }
            }
        }
    }
    Ok(Arc::new(made))
}

impl Conntrack {
    /// Appends all options, each with `prefix` before its name.
    fn print(&self, prefix: &str, out: &mut String) {
        let sign = |invert| if invert { " !" } else { "" };
        if let Some(Bits { mask, invert }) = self.state {
            let name = if self.alias { "state" } else { "ctstate" };
            let _ = write!(out, "{} {prefix}{name} ", sign(invert));
            save_states(mask, out);
        }
        if let Some((number, invert)) = self.protocol {
            let _ = write!(out, "{} {prefix}ctproto {number}", sign(invert));
        }
        for ((name, ..), test) in PLACES.iter().zip(&self.addresses) {
            if let Some(test) = test {
                let address = show_address(self.family, test.address);
                let _ = write!(out, "{} {prefix}{name} {address}", sign(test.invert));
                self.print_mask(test.mask, out);
            }
        }
        for ((name, ..), range) in PLACES.iter().zip(&self.ports) {
            if let Some(PortRange { low, high, invert }) = *range {
                let _ = write!(out, "{} {prefix}{name}port {low}", sign(invert));
                if high != 0 && high != low {
                    let _ = write!(out, ":{high}");
                }
            }
        }
        if let Some(Bits { mask, invert }) = self.status {
            let _ = write!(out, "{} {prefix}ctstatus ", sign(invert));
            save_statuses(mask, out);
        }
        if let Some(reply) = self.reply {
            let _ = write!(out, " {prefix}ctdir {}", if reply { "REPLY" } else { "ORIGINAL" });
        }
    }

    fn print_mask(&self, mask: u128, out: &mut String) {
        let full = if self.family == Family::Ipv4 { 32 } else { 128 };
        let _ = match crate::header::prefix_length(self.family, mask) {
            Some(bits) if bits == full => Ok(()),
            Some(bits) => write!(out, "/{bits}"),
            None => write!(out, "/{}", show_address(self.family, mask)),
        };
    }

    /// Emits the state test; control goes on where it holds.
    fn lower_state(&self, cx: &mut RuleCx<'_>, Bits { mask, invert }: Bits) {
        let Fork { matched, held, failed } = cx.fork(invert);
        let untracked =
            if mask & state_bit::UNTRACKED != 0 { ct_state::UNTRACKED.into() } else { 0 };
        let plain = u128::from(mask & 0x0f) | untracked;
        let b = cx.builder();
        if plain != 0 {
            let state = b.ct(CtField::State);
            let masked = b.mask(state, plain);
            let among = b.compare_const(Condition::Ne, masked, 0);
            b.forbid(among, held);
        }
        let nat = nat_bits(mask);
        if nat != 0 {
            cx.require_connection(failed);
            let b = cx.builder();
            let status = b.ct(CtField::Status);
            let masked = b.mask(status, nat.into());
            let translated = b.compare_const(Condition::Ne, masked, 0);
            b.forbid(translated, held);
        }
        cx.builder().jump(failed);
        cx.builder().switch_to(matched);
    }

    /// Emits the tests of the connection, which must be there.
    fn lower_connection(&self, cx: &mut RuleCx<'_>) {
        if let Some(reply) = self.reply {
            let direction = cx.builder().ct(CtField::Direction);
            let is_reply = cx.builder().compare_const(Condition::Ne, direction, 0);
            cx.expect(is_reply, reply);
        }
        for ((_, tuple, field, _), test) in PLACES.iter().zip(&self.addresses) {
            if let Some(test) = test {
                let b = cx.builder();
                let address = b.ct(CtField::Tuple(*tuple, *field));
                let masked = b.mask(address, test.mask);
                let equal = b.compare_const(Condition::Eq, masked, test.address & test.mask);
                cx.expect(equal, !test.invert);
            }
        }
        if let Some((number, invert)) = self.protocol {
            let value = cx.builder().ct(CtField::Protocol);
            let (low, high) = (u128::from(number), u128::from(number).min(0xff));
            cx.expect_range(value, low, high, !invert);
        }
        for ((_, tuple, _, field), range) in PLACES.iter().zip(&self.ports) {
            if let Some(range) = range {
                let port = cx.builder().ct(CtField::Tuple(*tuple, *field));
                cx.expect_range(port, range.low.into(), range.high.into(), !range.invert);
            }
        }
        if let Some(Bits { mask, invert }) = self.status {
            let b = cx.builder();
            let status = b.ct(CtField::Status);
            let bits = b.constant(bpfc_ir::Type::I32, mask.into());
            let masked = b.binary(BinaryOp::And, status, bits);
            let set = b.compare_const(Condition::Ne, masked, 0);
            cx.expect(set, !invert);
        }
    }

    /// Decides the tests of the connection.
    fn evaluate_connection(&self, entry: &Entry) -> bool {
        let reply = self.reply.is_none_or(|reply| entry.reply == reply);
        let place = |index: usize| -> (IpAddr, u16) {
            let tuple: &Tuple = if index < 2 { &entry.original } else { &entry.replies };
            match index % 2 {
                0 => (tuple.source, tuple.source_port),
                _ => (tuple.destination, tuple.destination_port),
            }
        };
        let address = |(index, test): (usize, &Option<TupleAddress>)| {
            test.as_ref().is_none_or(|test| {
                let differing = address_number(place(index).0) ^ test.address;
                (differing & test.mask == 0) != test.invert
            })
        };
        let port = |(index, range): (usize, &Option<PortRange>)| {
            range.as_ref().is_none_or(|range| range.contains(place(index).1))
        };
        reply
            && self.addresses.iter().enumerate().all(address)
            && self
                .protocol
                .is_none_or(|(number, invert)| (u16::from(entry.protocol) == number) != invert)
            && self.ports.iter().enumerate().all(port)
            && self
                .status
                .is_none_or(|bits| (u32::from(bits.mask) & entry.status != 0) != bits.invert)
    }
}

/// The status bits that the states SNAT and DNAT ask for.
fn nat_bits(states: u16) -> u32 {
    let bit = |state, status| if states & state != 0 { status } else { 0 };
    bit(state_bit::SNAT, SOURCE_NAT) | bit(state_bit::DNAT, DESTINATION_NAT)
}

impl Match for Conntrack {
    fn extension(&self) -> &'static MatchExtension {
        &CONNTRACK
    }

    fn name(&self) -> &'static str {
        if self.alias { "state" } else { "conntrack" }
    }

    fn save(&self, out: &mut String) {
        self.print("--", out);
    }

    fn list(&self, out: &mut String) {
        self.print("", out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        if let Some(state) = self.state {
            self.lower_state(cx, state);
        } else if !self.asks_connection() {
            // Only a blob can ask for nothing: any connection matches.
            cx.require_connection(cx.no_match());
        }
        if !self.asks_connection() {
            return Ok(());
        }
        let done = cx.builder().block();
        let without = if self.state.is_some() { done } else { cx.no_match() };
        cx.require_connection(without);
        self.lower_connection(cx);
        cx.builder().jump(done);
        cx.builder().switch_to(done);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = packet.packet.packet();
        if let Some(Bits { mask, invert }) = self.state {
            let mut states = match packet.ct_state() {
                ct_state::UNTRACKED => state_bit::UNTRACKED,
                state => state.into(),
            };
            if let Some(entry) = &packet.conntrack {
                let bit = |status, state| if entry.status & status != 0 { state } else { 0 };
                states |= bit(SOURCE_NAT, state_bit::SNAT) | bit(DESTINATION_NAT, state_bit::DNAT);
            }
            if (mask & states != 0) == invert {
                return Outcome::NoMatch;
            }
        }
        match &packet.conntrack {
            Some(entry) => Outcome::of(self.evaluate_connection(entry)),
            None => Outcome::of(self.state.is_some()),
        }
    }
}
