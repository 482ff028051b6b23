//! Why code generation stops.

use crate::asm::AsmError;
use bpfc_artifact::{MAX_INSTRUCTIONS, MOST_PROCESSED};

/// Why a function cannot be emitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// An expression needs more registers than there are.
    #[error("an expression of {0} is nested too deeply")]
    TooDeep(String),
    /// The frame would exceed the kernel's 512 bytes.
    #[error("{0} needs {1} bytes of stack, more than the 512 that eBPF has")]
    Frame(String, i32),
    /// A chain has more instructions than a program may have.
    #[error("chain {0} takes more than {max} instructions: {MOST_PROCESSED}", max = MAX_INSTRUCTIONS)]
    TooLarge(String),
    /// The assembler refused.
    #[error(transparent)]
    Asm(#[from] AsmError),
    /// An object was asked what it cannot answer; the IR verifier refuses it.
    #[error("an object is asked what it cannot answer")]
    Query,
    /// A construct that this type does not allow reached selection; the IR verifier refuses it.
    #[error("{0}: {1} is not defined for this type")]
    Type(String, &'static str),
    /// Chains of several received hooks reached a target that cannot tell them apart; hooks are
    /// checked before.
    #[error("target {0} cannot route packets")]
    NoRouting(&'static str),
    /// Something reached a target that refuses it; features are checked before.
    #[error("target {0} has no way of {1}")]
    Lacks(&'static str, &'static str),
    /// A rejection reached a target that refuses it; features are checked before.
    #[error("target {0} cannot answer rejected packets")]
    NoReplies(&'static str),
}
