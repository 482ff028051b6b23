//! `-j TCPMSS`: lowers the maximum segment size that a SYN offers, and adds the option where there
//! is none and no data (net/netfilter/xt_TCPMSS.c).

use crate::lower::RuleCx;
use crate::reference::View;
use crate::{
    Action, ActionExtension, Families, Match, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{
    Base, BinaryOp, ChecksumField, Condition, Family, Hook, Op, Rewrite, Scan, Type, Verdict,
};
use bpfc_packet::{Found, IpVersion, find_tcp_mss, replace_checksum};
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

impl TcpMss {
    /// What is offered where nothing was: not more than the size that a missing option stands for.
    fn offered(&self, family: Family) -> u16 {
        self.size.min(match family {
            Family::Ipv4 => 536,
            Family::Ipv6 => 1220,
        })
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
        if self.size == CLAMP {
            return Err(Unsupported(
                "--clamp-mss-to-pmtu asks for the MTU of the packet's route and of the way back, \
                 which the kernel does not tell programs; use --set-mss with the smallest MTU less \
                 40, or less 60 for IPv6"
                    .to_owned(),
            ));
        }
        let family = cx.family();
        let size = u128::from(self.size);
        let checksum = |field, old, new| Op::Rewrite(Rewrite::Checksum(field, old, new));
        let done = cx.builder().block();
        let (header, length) = cx.tcp_header_or_drop();
        let b = cx.builder();
        let option = b.scan(Scan::TcpMss);
        let absent = b.compare_const(Condition::Eq, option, Scan::ABSENT.into());
        let missing = b.block();
        b.forbid(absent, missing);

        // Only ever lowered.
        let there = b.available_at(option, 4);
        b.require(there, done);
        let old = b.load_at(Type::I16, option, 2);
        let more = b.compare_const(Condition::Gt, old, size);
        b.require(more, done);
        let new = b.constant(Type::I16, size);
        b.push(checksum(ChecksumField::TCP, old, new));
        b.push(Op::Rewrite(Rewrite::StoreOption(option, 2, new)));
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
        let option = b.constant(Type::I32, 0x0204_0000 | u128::from(self.offered(family)));
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
        let version = packet.packet.version();
        match find_tcp_mss(bytes, at) {
            Found::Broken => return Some(Verdict::Drop),
            Found::At(option) => {
                let old = number(bytes, option + 2);
                if old > self.size {
                    packet.rewrite(|bytes| {
                        correct(bytes, at + 16, old.into(), self.size.into());
                        set(bytes, option + 2, self.size);
                    });
                }
            }
            Found::Absent if length > header || header == 60 => {}
            Found::Absent => packet.rewrite(|bytes| {
                let (field, family) = match version {
                    IpVersion::V4 => (2, Family::Ipv4),
                    IpVersion::V6 => (4, Family::Ipv6),
                };
                let old = number(bytes, field);
                set(bytes, field, old + 4);
                if version == IpVersion::V4 {
                    correct(bytes, 10, old.into(), u32::from(old) + 4);
                }
                let option = 0x0204_0000 | u32::from(self.offered(family));
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
