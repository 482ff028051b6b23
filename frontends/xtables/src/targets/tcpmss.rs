//! `-j TCPMSS`: lowers the maximum segment size that a SYN offers, and adds the option where there
//! is none and no data (net/netfilter/xt_TCPMSS.c).

use crate::lower::RuleCx;
use crate::reference::View;
use crate::{
    Action, ActionExtension, Families, Match, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{
    Base, BinaryOp, ChecksumField, Condition, Family, Hook, Lookup, Op, Rewrite, Scan, Type, Value,
    Verdict,
};
use bpfc_packet::{Found, find_tcp_mss, replace_checksum};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static TCPMSS: ActionExtension = ActionExtension {
    name: "TCPMSS",
    families: Families::Both,
    options: &[OptionSpec::value("set-mss"), OptionSpec::flag("clamp-mss-to-pmtu")],
    tables: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 8,
        decode: |f, cx| {
            let protocol = cx.header.protocol;
            if protocol.number != 6 || protocol.invert {
                return Err("the rule is not for TCP alone".to_owned());
            }
            Ok(Arc::new(TcpMss { size: f.u16(0) }))
        },
    }],
};

/// `XT_TCPMSS_CLAMP_PMTU`.
const CLAMP: u16 = 0xffff;

/// The size, or [`CLAMP`].
#[derive(Debug)]
struct TcpMss {
    size: u16,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Action>, Problem> {
    options.exclusive(&["set-mss", "clamp-mss-to-pmtu"])?;
    options.one_of(&["set-mss", "clamp-mss-to-pmtu"])?;
    let protocol = options.header.protocol;
    if protocol.number != 6 || protocol.invert {
        return Err(options.bad("the rule must also say -p tcp"));
    }
    // What an IP packet holds besides its fixed header.
    let largest = match options.family {
        Family::Ipv4 => 65_515,
        Family::Ipv6 => 65_495,
    };
    let size = match options.get("set-mss") {
        Some(given) => given.number(0, largest)? as u16,
        None => CLAMP,
    };
    Ok(Arc::new(TcpMss { size }))
}

/// The size that a missing option stands for: no more is offered where nothing was.
fn assumed(family: Family) -> u16 {
    match family {
        Family::Ipv4 => 536,
        Family::Ipv6 => 1220,
    }
}

/// Bytes of both fixed headers, which an MTU covers as well.
fn headers(family: Family) -> u16 {
    match family {
        Family::Ipv4 => 20 + 20,
        Family::Ipv6 => 40 + 20,
    }
}

/// An option's kind and length, in front of a size of 0.
const OPTION: u32 = 0x0204_0000;

impl TcpMss {
    /// The size to set, an i32 of 16 bits: the given one, or what fits the packet's way and the way
    /// back; the packet is dropped where nothing does.
    fn lower_size(&self, cx: &mut RuleCx<'_>) -> Value {
        let headers = headers(cx.family()).into();
        if self.size != CLAMP {
            return cx.builder().constant(Type::I32, self.size.into());
        }
        let b = cx.builder();
        let back = b.lookup(Lookup::ReturnMtu);
        let there = b.lookup(Lookup::RouteMtu);
        let mtu = b.binary(BinaryOp::Min, there, back);
        let enough = b.compare_const(Condition::Gt, mtu, headers);
        cx.require_or_drop(enough);
        let b = cx.builder();
        let headers = b.constant(Type::I32, headers);
        let size = b.binary(BinaryOp::Sub, mtu, headers);
        b.mask(size, 0xffff)
    }

    /// The same of a packet; none where it is dropped.
    fn size(&self, packet: &View<'_>, family: Family) -> Option<u16> {
        if self.size != CLAMP {
            return Some(self.size);
        }
        let mtu = packet.packet.packet().route_mtu.min(packet.packet.packet().return_mtu);
        let size = mtu.checked_sub(headers(family).into()).filter(|&size| size > 0)?;
        Some(size as u16)
    }
}

impl Action for TcpMss {
    fn extension(&self) -> &'static ActionExtension {
        &TCPMSS
    }

    fn save(&self, out: &mut String) {
        let _ = match self.size {
            CLAMP => write!(out, " --clamp-mss-to-pmtu"),
            size => write!(out, " --set-mss {size}"),
        };
    }

    fn list(&self, out: &mut String) {
        let _ = match self.size {
            CLAMP => write!(out, " TCPMSS clamp to PMTU"),
            size => write!(out, " TCPMSS set {size}"),
        };
    }

    fn hooks(&self) -> &'static [Hook] {
        match self.size {
            CLAMP => &[Hook::Forward, Hook::Output, Hook::Postrouting],
            _ => &[],
        }
    }

    fn check(&self, matches: &[Arc<dyn Match>]) -> Result<(), String> {
        match matches.iter().any(|matched| matched.asks_for_syn()) {
            true => Ok(()),
            false => Err("TCPMSS works on SYN packets only: the rule must ask for them, as with \
                          '-p tcp --syn'"
                .to_owned()),
        }
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let family = cx.family();
        let checksum = |field, old, new| Op::Rewrite(Rewrite::Checksum(field, old, new));
        let done = cx.builder().block();
        let (header, length) = cx.tcp_header_or_drop();
        let size = self.lower_size(cx);
        let b = cx.builder();
        let option = b.scan(Scan::TcpMss);
        let absent = b.compare_const(Condition::Eq, option, Scan::ABSENT.into());
        let missing = b.block();
        b.forbid(absent, missing);

        // Only ever lowered.
        let there = b.available_at(option, 4);
        b.require(there, done);
        let old = b.load_at(Type::I32, option, 0);
        let offered = b.mask(old, 0xffff);
        let more = b.compare(Condition::Gt, offered, size);
        b.require(more, done);
        let kind = b.constant(Type::I32, OPTION.into());
        let new = b.binary(BinaryOp::Or, size, kind);
        b.push(checksum(ChecksumField::TCP, old, new));
        b.push(Op::Rewrite(Rewrite::StoreAt(option, 0, new)));
        b.jump(done);

        b.switch_to(missing);
        let data = b.compare(Condition::Gt, length, header);
        b.forbid(data, done);
        let full = b.compare_const(Condition::Ge, header, 60);
        b.forbid(full, done);
        let four = b.constant(Type::I32, 4);
        let longer = b.binary(BinaryOp::Add, length, four);
        b.push(checksum(ChecksumField::TCP_PSEUDO, length, longer));
        let nothing = b.constant(Type::I32, 0);
        let assumed = b.constant(Type::I32, assumed(family).into());
        let offered = b.binary(BinaryOp::Min, size, assumed);
        let kind = b.constant(Type::I32, OPTION.into());
        let option = b.binary(BinaryOp::Or, offered, kind);
        b.push(checksum(ChecksumField::TCP, nothing, option));
        let old = b.payload(Type::I16, Base::Transport, 12);
        let one = b.constant(Type::I16, 0x1000);
        let new = b.binary(BinaryOp::Add, old, one);
        b.push(checksum(ChecksumField::TCP, old, new));
        b.push(Op::Rewrite(Rewrite::Store(Base::Transport, 12, new)));
        b.push(Op::Rewrite(Rewrite::Insert(20, option)));
        b.jump(done);
        b.switch_to(done);
        Ok(())
    }

    fn evaluate(&self, packet: &mut View<'_>) -> Option<Verdict> {
        let (bytes, at) = (packet.packet.bytes(), packet.packet.transport());
        let length = packet.packet.available(at);
        let Some(fixed) = packet.packet.transport_slice(0, 20) else { return Some(Verdict::Drop) };
        let header = usize::from(fixed[12] >> 4) * 4;
        if header < 20 || length < header {
            return Some(Verdict::Drop);
        }
        let family = packet.packet.ip();
        let field = match family {
            Family::Ipv4 => 2,
            Family::Ipv6 => 4,
        };
        let Some(size) = self.size(packet, family) else { return Some(Verdict::Drop) };
        match find_tcp_mss(bytes, at) {
            Found::Broken => return Some(Verdict::Drop),
            Found::At(option) => {
                let old = number(bytes, option + 2);
                if old > size {
                    packet.rewrite(|bytes| {
                        correct(bytes, at + 16, old.into(), size.into());
                        set(bytes, option + 2, size);
                    });
                }
            }
            Found::Absent if length > header || header == 60 => {}
            Found::Absent => packet.rewrite(|bytes| {
                let old = number(bytes, field);
                set(bytes, field, old + 4);
                if family == Family::Ipv4 {
                    correct(bytes, 10, old.into(), u32::from(old) + 4);
                }
                let option = OPTION | u32::from(size.min(assumed(family)));
                let flags = number(bytes, at + 12);
                set(bytes, at + 12, flags + 0x1000);
                correct(bytes, at + 16, length as u32, length as u32 + 4);
                correct(bytes, at + 16, 0, option);
                correct(bytes, at + 16, flags.into(), u32::from(flags) + 0x1000);
                bytes.splice(at + 20..at + 20, option.to_be_bytes());
            }),
        }
        None
    }
}

fn number(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn set(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

/// Corrects the checksum at an offset.
fn correct(bytes: &mut [u8], at: usize, old: u32, new: u32) {
    set(bytes, at, replace_checksum(number(bytes, at), old, new));
}
