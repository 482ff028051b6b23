//! Answers to rejected packets: what the kernel's REJECT would send, made of the packet itself.
//!
//! A chain that rejects a packet leaves with an outcome of its own; main then calls one function
//! for each kind of answer and family, when the frames of all chains are gone. The function asks
//! whether the packet may be answered at all ([`check`]), writes the answer's headers on its stack
//! ([`unreachable`], [`reset`]), and turns the packet around ([`turn`]): what is behind the answer
//! is cut off, the front is moved so that the rest stays where it is, and headers are written over
//! it. Where no answer may be or can be sent the packet is dropped.
//!
//! # Registers and frame
//!
//! r6 and r7 as everywhere; r8 and r9 are scratch. `WALK_NEXT` holds the code of an unreachable
//! destination on entry. The lowest bytes of each frame are [`HEADER`]'s; 16 bytes above it belong
//! to whoever needs them for a few instructions.

mod addresses;
mod check;
pub(crate) mod checksum;
mod hops;
mod reset;
mod turn;
mod unreachable;

use crate::asm::{Asm, Jump, R0, R7, Size, Width};
use crate::chain::outcome;
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::main_function::drop;
use crate::packet::layout;
use crate::packet::needs::Answer;
use crate::routine::{ReplyKey, Routine};
use crate::target::Replies;
use bpfc_artifact::{AttachPoint, FunctionIndex, FunctionKind};
use bpfc_ir::{Family, Hook, Verdict};

/// What emitting an answer's function needs to know.
struct Reply<'a> {
    replies: &'a dyn Replies,
    key: ReplyKey,
    /// The loop body that sums bytes up.
    sum: FunctionIndex,
}

/// Bytes of an IPv4 header without options, an IPv6 header, and an ICMP or ICMPv6 header.
const IPV4_HEADER: i32 = 20;
const IPV6_HEADER: i32 = 40;
const ICMP_HEADER: i32 = 8;
const TCP_HEADER: i32 = 20;

/// Length of a family's header in an answer.
fn network_header(family: Family) -> i32 {
    match family {
        Family::Ipv4 => IPV4_HEADER,
        Family::Ipv6 => IPV6_HEADER,
    }
}

/// Where the headers of an answer lie in the frame: the longest are IPv6's and TCP's. They take
/// the place of `struct bpf_fib_lookup`.
const HEADER: i16 = -80;
/// Two words of the frame for a few instructions; a loop's context takes their place.
const TEMPORARY: i16 = -8;
/// Where the packet's own checksum lies that the device completes, or 0: a word.
const DEFERRED: i16 = -84;

/// In main, with a chain's outcome in r0: calls the function that answers, whose result the
/// program returns.
pub(crate) fn call(
    emitter: &mut Emitter<'_>,
    asm: &mut Asm,
    attach: AttachPoint,
    hook: Hook,
    family: Family,
) -> Result<(), EmitError> {
    let kinds: Vec<Answer> = [Answer::Unreachable, Answer::Reset]
        .into_iter()
        .filter(|&kind| emitter.needs.answers.contains(&(family, kind)))
        .collect();
    let reset = asm.label();
    for (number, &answer) in kinds.iter().enumerate() {
        if answer == Answer::Unreachable {
            if kinds.len() > 1 {
                asm.jump_imm(Jump::Eq, Width::W32, R0, outcome::TCP_RESET, reset);
            }
            asm.store(Size::B, R7, layout::WALK_NEXT, R0);
        } else if number > 0 {
            asm.place(reset);
        }
        let key = ReplyKey { attach, hook, family, answer };
        let function = emitter.routine(Routine::Reply(key));
        emitter::call(asm, function);
        asm.exit();
    }
    Ok(())
}

/// The function of a key.
pub(crate) fn emit(emitter: &mut Emitter<'_>, key: ReplyKey) -> Result<FunctionIndex, EmitError> {
    let (target, attach) = (emitter.target, key.attach);
    let Some(replies) = target.replies() else {
        return Err(EmitError::NoReplies(target.name()));
    };
    let sum = emitter.routine(Routine::Sum);
    let reply = Reply { replies, key, sum };
    let mut asm = Asm::new();
    let [none, null] = std::array::from_fn(|_| asm.label());
    let (text, name) = match key.answer {
        Answer::Reset => ("answer with a TCP reset", "reply_tcp_reset"),
        Answer::Unreachable => ("answer with an ICMP error", "reply_unreachable"),
    };
    emitter.mark_line(&mut asm, None, text);
    emitter::begin(&mut asm, null);
    match key.answer {
        Answer::Reset => reset::emit(emitter, &reply, &mut asm, none),
        Answer::Unreachable => unreachable::emit(emitter, &reply, &mut asm, none),
    }
    replies.send(&mut asm, attach, emitter.needs.echoes);
    asm.exit();
    emitter.mark_line(&mut asm, None, "no answer");
    asm.place(none);
    drop::emit(emitter, &mut asm, attach, key.hook)?;
    asm.place(null);
    asm.mov_imm(R0, target.return_value(Verdict::Drop, attach));
    asm.exit();
    emitter.add(asm, name, FunctionKind::Chain)
}
