//! `-j CONNMARK`: between the packet's mark and its connection's (net/netfilter/xt_connmark.c).
//!
//! A packet without a connection stays as it is. The kernel lets programs look connections up, and
//! only then write to them: those of TCP and UDP alone, so that rules that set or save a mark must
//! say `-p tcp` or `-p udp`.

use super::mark;
use crate::lower::RuleCx;
use crate::reference::View;
use crate::{
    Action, ActionExtension, Families, Fields, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{BinaryOp, CtField, FunctionBuilder, Meta, Op, Type, Value, Verdict};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static CONNMARK: ActionExtension = ActionExtension {
    name: "CONNMARK",
    families: Families::Both,
    options: &[
        OptionSpec::value("set-xmark"),
        OptionSpec::value("set-mark"),
        OptionSpec::value("and-mark"),
        OptionSpec::value("or-mark"),
        OptionSpec::value("xor-mark"),
        OptionSpec::flag("save-mark"),
        OptionSpec::flag("restore-mark"),
        OptionSpec::value("left-shift-mark"),
        OptionSpec::value("right-shift-mark"),
        OptionSpec::value("ctmask"),
        OptionSpec::value("nfmask"),
        OptionSpec::value("mask"),
    ],
    tables: &[],
    parse,
    revisions: &[
        Revision { number: 1, size: 16, decode: |f, _| decode(f, false) },
        Revision { number: 2, size: 16, decode: |f, _| decode(f, true) },
    ],
};

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Which mark becomes what, as the kernel numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Set,
    Save,
    Restore,
}

/// `struct xt_connmark_tginfo2`.
#[derive(Debug)]
struct ConnMark {
    mode: Mode,
    mark: u32,
    ct_mask: u32,
    packet_mask: u32,
    /// Towards the lower bits.
    right: bool,
    /// Below 32.
    shift: u8,
}

const MODES: [&str; 7] =
    ["set-xmark", "set-mark", "and-mark", "or-mark", "xor-mark", "save-mark", "restore-mark"];

fn parse(options: &Options<'_>) -> Result<Arc<dyn Action>, Problem> {
    options.exclusive(&MODES)?;
    options.one_of(&MODES)?;
    options.exclusive(&["mask", "ctmask"])?;
    options.exclusive(&["mask", "nfmask"])?;
    let (mut mode, mut mark) = (Mode::Set, 0);
    let (mut ct_mask, mut packet_mask) = (u32::MAX, u32::MAX);
    for given in options.given {
        let bits = || given.number(0, u32::MAX.into()).map(|number| number as u32);
        match given.id {
            "save-mark" => mode = Mode::Save,
            "restore-mark" => mode = Mode::Restore,
            "ctmask" => ct_mask = bits()?,
            "nfmask" => packet_mask = bits()?,
            "mask" => (ct_mask, packet_mask) = (bits()?, bits()?),
            "left-shift-mark" | "right-shift-mark" => {}
            _ => (mark, ct_mask) = mark::change(given)?,
        }
    }
    let mut shift = (false, 0);
    for (id, right) in [("left-shift-mark", false), ("right-shift-mark", true)] {
        if let Some(given) = options.get(id) {
            shift = (right, given.number(0, 31)? as u8);
        }
    }
    let (right, shift) = shift;
    Ok(Arc::new(ConnMark { mode, mark, ct_mask, packet_mask, right, shift }))
}

fn decode(f: Fields<'_>, shifts: bool) -> Result<Arc<dyn Action>, String> {
    let mode = match f.u8(12) {
        0 => Mode::Set,
        1 => Mode::Save,
        2 => Mode::Restore,
        other => return Err(format!("its mode is {other}, not 0 to 2")),
    };
    let (direction, shift) = if shifts { (f.u8(13), f.u8(14)) } else { (0, 0) };
    if shift > 31 || direction > 1 {
        return Err(format!("it shifts by {shift} bits in direction {direction}"));
    }
    let right = direction == 1;
    let (mark, ct_mask, packet_mask) = (f.u32(0), f.u32(4), f.u32(8));
    Ok(Arc::new(ConnMark { mode, mark, ct_mask, packet_mask, right, shift }))
}

impl ConnMark {
    fn shifted(&self, mark: u32) -> u32 {
        if self.right { mark >> self.shift } else { mark << self.shift }
    }

    fn shift(&self, b: &mut FunctionBuilder, mark: Value) -> Value {
        if self.shift == 0 {
            return mark;
        }
        let amount = b.constant(Type::I32, self.shift.into());
        b.binary(if self.right { BinaryOp::Shr } else { BinaryOp::Shl }, mark, amount)
    }

    fn direction(&self) -> &'static str {
        if self.right { "right" } else { "left" }
    }
}

impl Action for ConnMark {
    fn extension(&self) -> &'static ActionExtension {
        &CONNMARK
    }

    fn save(&self, out: &mut String) {
        let ConnMark { mark, ct_mask, packet_mask, shift, .. } = *self;
        let _ = match self.mode {
            Mode::Set => write!(out, " --set-xmark 0x{mark:x}/0x{ct_mask:x}"),
            Mode::Save => {
                write!(out, " --save-mark --nfmask 0x{packet_mask:x} --ctmask 0x{ct_mask:x}")
            }
            Mode::Restore => {
                write!(out, " --restore-mark --nfmask 0x{packet_mask:x} --ctmask 0x{ct_mask:x}")
            }
        };
        if shift != 0 {
            let _ = write!(out, " --{}-shift-mark {shift}", self.direction());
        }
    }

    fn list(&self, out: &mut String) {
        let ConnMark { mark, ct_mask, packet_mask, shift, .. } = *self;
        let all = packet_mask == u32::MAX && ct_mask == u32::MAX;
        let same = packet_mask == ct_mask;
        let _ = match (self.mode, mark, ct_mask) {
            (Mode::Set, 0, mask) => write!(out, " CONNMARK and 0x{:x}", !mask),
            (Mode::Set, mark, mask) if mark == mask => write!(out, " CONNMARK or 0x{mark:x}"),
            (Mode::Set, mark, 0) => write!(out, " CONNMARK xor 0x{mark:x}"),
            (Mode::Set, mark, u32::MAX) => write!(out, " CONNMARK set 0x{mark:x}"),
            (Mode::Set, mark, mask) => write!(out, " CONNMARK xset 0x{mark:x}/0x{mask:x}"),
            (Mode::Save, ..) if all => write!(out, " CONNMARK save"),
            (Mode::Save, _, mask) if same => write!(out, " CONNMARK save mask 0x{mask:x}"),
            (Mode::Save, _, mask) => {
                write!(out, " CONNMARK save nfmask 0x{packet_mask:x} ctmask ~0x{mask:x}")
            }
            (Mode::Restore, ..) if all => write!(out, " CONNMARK restore"),
            (Mode::Restore, _, mask) if same => write!(out, " CONNMARK restore mask 0x{mask:x}"),
            (Mode::Restore, _, mask) => {
                write!(out, " CONNMARK restore ctmask 0x{mask:x} nfmask ~0x{packet_mask:x}")
            }
        };
        if shift != 0 {
            let _ = write!(out, " {}-shift-mark {shift}", self.direction());
        }
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        if self.mode != Mode::Restore && !matches!(cx.protocol(), Some(TCP | UDP)) {
            return Err(Unsupported(
                "CONNMARK marks connections of every protocol here, and programs can write to those \
                 of TCP and UDP alone: say -p tcp or -p udp in the rule"
                    .to_owned(),
            ));
        }
        let done = cx.builder().block();
        cx.require_connection(done);
        let b = cx.builder();
        let saved = b.ct(CtField::Mark);
        match self.mode {
            Mode::Set => {
                let kept = b.mask(saved, (!self.ct_mask).into());
                let value = b.constant(Type::I32, self.mark.into());
                let set = b.binary(BinaryOp::Xor, kept, value);
                let set = self.shift(b, set);
                b.push(Op::SetConnectionMark(set));
            }
            Mode::Save => {
                let mark = b.meta(Meta::Mark);
                let mark = b.mask(mark, self.packet_mask.into());
                let mark = self.shift(b, mark);
                let kept = b.mask(saved, (!self.ct_mask).into());
                let set = b.binary(BinaryOp::Xor, kept, mark);
                b.push(Op::SetConnectionMark(set));
            }
            Mode::Restore => {
                let saved = b.mask(saved, self.ct_mask.into());
                let saved = self.shift(b, saved);
                let mark = b.meta(Meta::Mark);
                let kept = b.mask(mark, (!self.packet_mask).into());
                let set = b.binary(BinaryOp::Xor, kept, saved);
                b.push(Op::SetMark(set));
            }
        }
        b.jump(done);
        b.switch_to(done);
        Ok(())
    }

    fn evaluate(&self, packet: &mut View<'_>) -> Option<Verdict> {
        let connection = packet.connection_mark()?;
        let mark = packet.mark.get();
        match self.mode {
            Mode::Set => {
                let set = self.shifted((connection & !self.ct_mask) ^ self.mark);
                packet.set_connection_mark = Some(set);
            }
            Mode::Save => {
                let set = (connection & !self.ct_mask) ^ self.shifted(mark & self.packet_mask);
                packet.set_connection_mark = Some(set);
            }
            Mode::Restore => {
                let set = (mark & !self.packet_mask) ^ self.shifted(connection & self.ct_mask);
                packet.mark.set(set);
            }
        }
        None
    }
}
