//! `-j ECN`: writes the congestion bits of IPv4's and TCP's headers (net/ipv4/netfilter/ipt_ECN.c).
//!
//! iptables documents `--ecn-tcp-remove` alone; it takes and prints the other options all the same.

use super::header::{lower_traffic_class, set_traffic_class};
use crate::lower::RuleCx;
use crate::reference::View;
use crate::{
    Action, ActionExtension, DecodeCx, Families, Fields, Header, OptionSpec, Options, Problem,
    Revision, Unsupported,
};
use bpfc_ir::{Base, BinaryOp, ChecksumField, Condition, Op, Rewrite, Type, Verdict};
use bpfc_packet::replace_checksum;
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static ECN: ActionExtension = ActionExtension {
    name: "ECN",
    families: Families::Ipv4,
    options: &[
        OptionSpec::flag("ecn-tcp-remove"),
        OptionSpec::value("ecn-tcp-cwr"),
        OptionSpec::value("ecn-tcp-ece"),
        OptionSpec::value("ecn-ip-ect"),
    ],
    tables: &["mangle"],
    parse,
    revisions: &[Revision { number: 0, size: 8, decode }],
};

/// Bits of the kernel's `operation`: set the code point of the IP header, the flag ECE, the flag
/// CWR.
const SET_IP: u8 = 0x01;
const SET_ECE: u8 = 0x10;
const SET_CWR: u8 = 0x20;

/// The flags in bytes 12 and 13 of the TCP header.
const ECE: u16 = 0x40;
const CWR: u16 = 0x80;

/// What is set, and to what; `None` is left alone.
#[derive(Debug)]
struct Ecn {
    code_point: Option<u8>,
    ece: Option<bool>,
    cwr: Option<bool>,
}

impl Ecn {
    /// The TCP flags that are written, and what they become.
    fn flags(&self) -> (u16, u16) {
        let bits = |flag: Option<bool>, bit| match flag {
            None => (0, 0),
            Some(set) => (bit, if set { bit } else { 0 }),
        };
        let (ece, cwr) = (bits(self.ece, ECE), bits(self.cwr, CWR));
        (ece.0 | cwr.0, ece.1 | cwr.1)
    }

    fn check(self, header: &Header) -> Result<Arc<dyn Action>, String> {
        let tcp = header.protocol.number == 6 && !header.protocol.invert;
        if self.flags().0 != 0 && !tcp {
            return Err("setting TCP flags needs -p tcp in the rule".to_owned());
        }
        Ok(Arc::new(self))
    }
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Action>, Problem> {
    options.exclusive(&["ecn-tcp-remove", "ecn-tcp-cwr"])?;
    options.exclusive(&["ecn-tcp-remove", "ecn-tcp-ece"])?;
    if options.given.is_empty() {
        return Err(options.bad("it needs something to do, such as --ecn-tcp-remove"));
    }
    let number = |id, high| options.get(id).map(|given| given.number(0, high)).transpose();
    let remove = options.has("ecn-tcp-remove").then_some(false);
    let code_point = number("ecn-ip-ect", 3)?.map(|point| point as u8);
    let ece = number("ecn-tcp-ece", 1)?.map(|set| set == 1).or(remove);
    let cwr = number("ecn-tcp-cwr", 1)?.map(|set| set == 1).or(remove);
    Ecn { code_point, ece, cwr }.check(options.header).map_err(|message| options.bad(message))
}

/// `struct ipt_ECN_info`: operation, code point, then ECE and CWR, the lowest bits of a byte.
fn decode(f: Fields<'_>, cx: &DecodeCx<'_>) -> Result<Arc<dyn Action>, String> {
    let operation = f.u8(0);
    if operation & !(SET_IP | SET_ECE | SET_CWR) != 0 {
        return Err(format!("its operation is {operation:#04x}"));
    }
    if f.u8(1) > 3 {
        return Err(format!("the code point {} is more than 3", f.u8(1)));
    }
    // Bits of one byte.
    let bit = |flag, at: u8| (operation & flag != 0).then_some(f.u8(2) >> at & 1 == 1);
    Ecn {
        code_point: (operation & SET_IP != 0).then_some(f.u8(1)),
        ece: bit(SET_ECE, 0),
        cwr: bit(SET_CWR, 1),
    }
    .check(cx.header)
}

impl Action for Ecn {
    fn extension(&self) -> &'static ActionExtension {
        &ECN
    }

    fn save(&self, out: &mut String) {
        if let Ecn { code_point: None, ece: Some(false), cwr: Some(false) } = self {
            out.push_str(" --ecn-tcp-remove");
            return;
        }
        let options = [("tcp-ece", self.ece), ("tcp-cwr", self.cwr)];
        let options = options.map(|(name, flag)| (name, flag.map(u8::from)));
        for (name, value) in options.into_iter().chain([("ip-ect", self.code_point)]) {
            let _ = value.map(|value| write!(out, " --ecn-{name} {value}"));
        }
    }

    fn list(&self, out: &mut String) {
        out.push_str(" ECN");
        if let Ecn { code_point: None, ece: Some(false), cwr: Some(false) } = self {
            out.push_str(" TCP remove");
            return;
        }
        let options = [("ECE", self.ece), ("CWR", self.cwr)];
        let options = options.map(|(name, flag)| (name, flag.map(u8::from)));
        for (name, value) in options.into_iter().chain([("ECT codepoint", self.code_point)]) {
            let _ = value.map(|value| write!(out, " {name}={value}"));
        }
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        if let Some(point) = self.code_point {
            lower_traffic_class(cx, 3, point);
        }
        let (mask, set) = self.flags();
        if mask == 0 {
            return Ok(());
        }
        // A header that is cut short drops the packet, as do later fragments too short for one.
        cx.transport_or_drop(20);
        let b = cx.builder();
        let done = b.block();
        let old = b.payload(Type::I16, Base::Transport, 12);
        let kept = b.mask(old, (!mask).into());
        let bits = b.constant(Type::I16, set.into());
        let new = b.binary(BinaryOp::Or, kept, bits);
        let same = b.compare(Condition::Eq, old, new);
        b.forbid(same, done);
        b.push(Op::Rewrite(Rewrite::Checksum(ChecksumField::TCP, old, new)));
        b.push(Op::Rewrite(Rewrite::Store(Base::Transport, 12, new)));
        b.jump(done);
        b.switch_to(done);
        Ok(())
    }

    fn evaluate(&self, packet: &mut View<'_>) -> Option<Verdict> {
        if let Some(point) = self.code_point {
            set_traffic_class(packet, 3, point);
        }
        let (mask, set) = self.flags();
        if mask == 0 {
            return None;
        }
        let at = packet.packet.transport();
        let Some(header) = packet.packet.slice(at, 20) else { return Some(Verdict::Drop) };
        let old = u16::from_be_bytes([header[12], header[13]]);
        let new = old & !mask | set;
        let sum = u16::from_be_bytes([header[16], header[17]]);
        if new != old {
            packet.rewrite(|bytes| {
                bytes[at + 12..at + 14].copy_from_slice(&new.to_be_bytes());
                let sum = replace_checksum(sum, old.into(), new.into());
                bytes[at + 16..at + 18].copy_from_slice(&sum.to_be_bytes());
            });
        }
        None
    }
}
