//! `-j TCPOPTSTRIP`: overwrites TCP options with ones that do nothing
//! (net/netfilter/xt_TCPOPTSTRIP.c).

use crate::lower::RuleCx;
use crate::reference::View;
use crate::{
    Action, ActionExtension, DecodeCx, Families, Fields, OptionSpec, Options, Problem, Revision,
    Unsupported,
};
use bpfc_ir::{Condition, Meta, Op, OptionKinds, Rewrite, Stripped, Verdict};
use bpfc_packet::replace_checksum;
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static TCPOPTSTRIP: ActionExtension = ActionExtension {
    name: "TCPOPTSTRIP",
    families: Families::Both,
    options: &[OptionSpec::value("strip-options")],
    tables: &["mangle"],
    parse,
    revisions: &[Revision { number: 0, size: 32, decode }],
};

/// Names that iptables takes for kinds; it prints numbers.
const NAMES: [(&str, u8); 6] =
    [("wscale", 3), ("mss", 2), ("sack-permitted", 4), ("sack", 5), ("timestamp", 8), ("md5", 19)];

/// The kind of an option that does nothing.
const NO_OPERATION: u8 = 1;

#[derive(Debug)]
struct TcpOptStrip {
    kinds: OptionKinds,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Action>, Problem> {
    let protocol = options.header.protocol;
    if protocol.number != 6 || protocol.invert {
        return Err(options.bad("the rule must also say -p tcp"));
    }
    let mut kinds = OptionKinds::default();
    if let Some(given) = options.get("strip-options") {
        for word in given.text().split(',') {
            let named = NAMES.iter().find(|(name, _)| *name == word);
            let kind = match named {
                Some(&(_, kind)) => kind,
                None => match number(word) {
                    Some(kind) => kind,
                    None => return Err(given.bad(format!("'{word}' is no kind of TCP option"))),
                },
            };
            if kind <= NO_OPERATION {
                return Err(given.bad("options of kind 0 and 1 cannot be stripped"));
            }
            if !kinds.insert(kind) {
                return Err(given.bad(format!("it names '{word}' twice")));
            }
        }
    }
    Ok(Arc::new(TcpOptStrip { kinds }))
}

/// A number as C writes it, decimal, octal or hexadecimal, of one byte.
fn number(text: &str) -> Option<u8> {
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    match (hexadecimal, text.strip_prefix('0')) {
        (Some(digits), _) => u8::from_str_radix(digits, 16).ok(),
        (None, Some(digits)) if !digits.is_empty() => u8::from_str_radix(digits, 8).ok(),
        _ => text.parse().ok(),
    }
}

/// `struct xt_tcpoptstrip_target_info`: eight words of 32 bits, the lowest bit for kind 0.
fn decode(f: Fields<'_>, cx: &DecodeCx<'_>) -> Result<Arc<dyn Action>, String> {
    let protocol = cx.header.protocol;
    if protocol.number != 6 || protocol.invert {
        return Err("the rule is not for TCP alone".to_owned());
    }
    let bit = |kind: &u8| f.u32(usize::from(kind / 32) * 4) >> (kind % 32) & 1 == 1;
    Ok(Arc::new(TcpOptStrip { kinds: (0..=u8::MAX).filter(bit).collect() }))
}

impl TcpOptStrip {
    fn print(&self, lead: &str, out: &mut String) {
        for (at, kind) in self.kinds.iter().enumerate() {
            let _ = write!(out, "{}{kind}", if at == 0 { lead } else { "," });
        }
    }
}

impl Action for TcpOptStrip {
    fn extension(&self) -> &'static ActionExtension {
        &TCPOPTSTRIP
    }

    fn save(&self, out: &mut String) {
        self.print(" --strip-options ", out);
    }

    fn list(&self, out: &mut String) {
        self.print(" TCPOPTSTRIP options ", out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let b = cx.builder();
        let done = b.block();
        let fragment = b.meta(Meta::FragmentOffset);
        let first = b.compare_const(Condition::Eq, fragment, 0);
        b.require(first, done);
        let (header, _) = cx.tcp_header_or_drop();
        let b = cx.builder();
        if !self.kinds.is_empty() {
            b.push(Op::Rewrite(Rewrite::Strip(header, Box::new(self.kinds), Stripped::Every)));
        }
        b.jump(done);
        b.switch_to(done);
        Ok(())
    }

    fn evaluate(&self, packet: &mut View<'_>) -> Option<Verdict> {
        if packet.packet.fragment_offset() != 0 {
            return None;
        }
        let at = packet.packet.transport();
        let Some(fixed) = packet.packet.transport_slice(0, 20) else { return Some(Verdict::Drop) };
        let header = usize::from(fixed[12] >> 4) * 4;
        if header < 20 || packet.packet.available(at) < header {
            return Some(Verdict::Drop);
        }
        let mut bytes = packet.packet.bytes()[at..at + header].to_vec();
        let mut sum = u16::from_be_bytes([bytes[16], bytes[17]]);
        let (mut option, mut changed) = (20, false);
        // The last byte begins no option.
        while option + 1 < header {
            let length = match bytes[option..option + 2] {
                [kind, length] if kind > NO_OPERATION && length > 0 => usize::from(length),
                _ => 1,
            };
            if option + length > header {
                break;
            }
            if self.kinds.contains(bytes[option]) {
                changed = true;
                for (at, byte) in bytes[option..option + length].iter_mut().enumerate() {
                    let shift = if (option + at).is_multiple_of(2) { 8 } else { 0 };
                    let (old, new) = (u32::from(*byte), u32::from(NO_OPERATION));
                    sum = replace_checksum(sum, old << shift, new << shift);
                    *byte = NO_OPERATION;
                }
            }
            option += length;
        }
        bytes[16..18].copy_from_slice(&sum.to_be_bytes());
        if changed {
            packet.rewrite(|whole| whole[at..at + header].copy_from_slice(&bytes));
        }
        None
    }
}
