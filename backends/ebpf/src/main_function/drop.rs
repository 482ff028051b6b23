//! The end of a program that drops a packet.

use crate::asm::{Asm, R0};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::main_function::addressee;
use crate::target::Addressing;
use bpfc_artifact::AttachPoint;
use bpfc_ir::{Hook, Verdict};

/// Drops the packet in r6 and r7, as a hook's rules said, and ends the program.
pub(crate) fn emit(
    emitter: &mut Emitter<'_>,
    asm: &mut Asm,
    attach: AttachPoint,
    hook: Hook,
) -> Result<(), EmitError> {
    if hook.is_received() && emitter.target.addressing(attach) == Some(Addressing::Type) {
        addressee::drop(emitter, asm, hook == Hook::Input)?;
    } else {
        asm.mov_imm(R0, emitter.target.return_value(Verdict::Drop, attach));
    }
    asm.exit();
    Ok(())
}
