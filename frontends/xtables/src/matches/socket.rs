//! `-m socket`: whether a socket of this host will receive the packet (net/netfilter/xt_socket.c).

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    Families, Fields, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{Condition, Hook, Lookup, Op, Receiver};
use std::sync::Arc;

/// The descriptor.
pub static SOCKET: MatchExtension = MatchExtension {
    name: "socket",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::flag("transparent"),
        OptionSpec::flag("nowildcard"),
        OptionSpec::flag("restore-skmark"),
    ],
    protocols: &[],
    hooks: &[Hook::Prerouting, Hook::Input],
    parse,
    revisions: &[
        Revision { number: 1, size: 8, decode: |f, _| decode(f, 0x1) },
        Revision { number: 2, size: 8, decode: |f, _| decode(f, 0x3) },
        Revision { number: 3, size: 8, decode: |f, _| decode(f, 0x7) },
    ],
};

#[derive(Debug)]
struct Socket {
    transparent: bool,
    /// Whether one that is bound to no address counts, too: what the option's name does not say.
    wildcard: bool,
    restore_mark: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    Ok(Arc::new(Socket {
        transparent: options.has("transparent"),
        wildcard: options.has("nowildcard"),
        restore_mark: options.has("restore-skmark"),
    }))
}

/// `struct xt_socket_mtinfo1` and its kin: a byte of flags, of which each revision knows more.
fn decode(f: Fields<'_>, known: u8) -> Result<Arc<dyn Match>, String> {
    let flags = f.u8(0);
    if flags & !known != 0 {
        return Err(format!("its flags are {flags:#x}, of which the kernel knows {known:#x}"));
    }
    let has = |bit: u8| flags >> bit & 1 != 0;
    Ok(Arc::new(Socket { transparent: has(0), wildcard: has(1), restore_mark: has(2) }))
}

impl Match for Socket {
    fn extension(&self) -> &'static MatchExtension {
        &SOCKET
    }

    fn save(&self, out: &mut String) {
        for (holds, word) in [
            (self.transparent, " --transparent"),
            (self.wildcard, " --nowildcard"),
            (self.restore_mark, " --restore-skmark"),
        ] {
            out.push_str(if holds { word } else { "" });
        }
    }

    fn list(&self, out: &mut String) {
        out.push_str(" socket");
        self.save(out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let receiver = cx.builder().lookup(Lookup::Receiver { transparent: self.transparent });
        for (asks, bit) in [
            (true, Receiver::FOUND),
            (!self.wildcard, Receiver::BOUND),
            (self.transparent, Receiver::TRANSPARENT),
        ] {
            if asks {
                let b = cx.builder();
                let masked = b.mask(receiver, bit.into());
                let holds = b.compare_const(Condition::Ne, masked, 0);
                cx.require(holds);
            }
        }
        if self.restore_mark {
            let b = cx.builder();
            let done = b.block();
            let masked = b.mask(receiver, Receiver::FULL.into());
            let full = b.compare_const(Condition::Ne, masked, 0);
            b.require(full, done);
            let mark = b.lookup(Lookup::ReceiverMark);
            b.push(Op::SetMark(mark));
            b.jump(done);
            b.switch_to(done);
        }
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>, _: &mut u64) -> Outcome {
        let Some(receiver) = &view.packet.packet().receiver else { return Outcome::NoMatch };
        let holds = (self.wildcard || !(receiver.full && receiver.wildcard))
            && (receiver.transparent || !self.transparent);
        if holds && self.restore_mark && receiver.full {
            view.mark.set(receiver.mark);
        }
        Outcome::of(holds)
    }
}
