//! Passes over IR, in one list.
//!
//! A pass takes a program that the verifier accepts and leaves one that the verifier accepts and
//! that decides, counts and marks every packet as before. Rules keep their numbers: an instruction
//! that is copied still counts for the same rule.

mod alike;
mod extract;
mod inline;
mod paths;
mod simplify;
mod trace;

use bpfc_diag::Diagnostic;
use bpfc_ir::{Program, VerifyError, verify};
pub use extract::{ExtractError, Extracted, Reach, extract};
pub use paths::too_many_paths;
pub use simplify::Settled;
pub use trace::trace;

/// One pass.
#[derive(Clone, Copy)]
pub struct Pass {
    /// What `--disable-pass` and `--emit ir` call it.
    pub name: &'static str,
    /// One line for people.
    pub description: &'static str,
    run: fn(&mut Program, &Limits, &mut Settled) -> Result<(), Diagnostic>,
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pass").field("name", &self.name).finish_non_exhaustive()
    }
}

const SIMPLIFY: Pass = Pass {
    name: "simplify",
    description: "fold constants, thread jumps, remove what is unreachable or unused",
    run: |program, _, settled| {
        simplify::run(program, settled);
        Ok(())
    },
};

const ALIKE: Pass = Pass {
    name: "alike",
    description: "make one piece of code of chains that differ in counters and constants alone",
    run: |program, _, _| {
        alike::run(program);
        Ok(())
    },
};

const INLINE: Pass = Pass {
    name: "inline",
    description: "inline chains, so that calls nest within limits, and drop unused ones",
    run: |program, limits, _| inline::run(program, limits),
};

/// Every pass in the order they run; a name may appear more than once.
pub const PASSES: &[Pass] = &[SIMPLIFY, ALIKE, INLINE, SIMPLIFY];

/// What code generation can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Chains that may wait for each other at once: a base chain alone is 1, a base chain whose
    /// callee calls a third chain 3.
    pub depth: usize,
    /// Chains in a program, those of all entries together.
    pub functions: usize,
    /// IR instructions and terminators, in all chains together, that inlining may grow a program
    /// to.
    pub size: u64,
    /// IR instructions and terminators of a chain that is inlined although it need not be,
    /// because it is called from one place only.
    pub small: u64,
    /// Paths of calls, counted once for each chain that they lead to.
    pub paths: u64,
}

impl Default for Limits {
    /// What fits the kernel's 8 frames and 256 subprograms with room for main and for scans, and
    /// its 1,000,000 instructions a program. More paths than these no program may have, however
    /// little code lies on them.
    fn default() -> Self {
        Limits { depth: 6, functions: 200, size: 400_000, small: 24, paths: 100_000_000 }
    }
}

/// Is told of the program after each pass.
pub type Observer<'a> = &'a mut dyn FnMut(&Pass, &Program);

/// How to run the passes.
#[derive(Default)]
pub struct Options<'a> {
    /// Names of passes to leave out.
    pub disabled: Vec<String>,
    /// What code generation can take.
    pub limits: Limits,
    /// Sees the program after each pass that ran.
    pub after: Option<Observer<'a>>,
    /// The functions that are known to be simple already.
    pub settled: Settled,
}

/// Why the passes did not finish.
#[derive(Debug, thiserror::Error)]
pub enum OptError {
    /// A name in [`Options::disabled`] is none of a pass.
    #[error("no pass is called '{0}'")]
    UnknownPass(String),
    /// The program cannot be brought within the limits.
    #[error("{}", .0.message)]
    Diagnostic(Box<Diagnostic>),
    /// A pass broke the program: a defect of the pass. Seen in debug builds only.
    #[error("pass {pass} broke the program: {}", .errors.first().map_or(String::new(), ToString::to_string))]
    Broken {
        /// The pass.
        pass: &'static str,
        /// What the verifier found.
        errors: Vec<VerifyError>,
    },
}

/// Simplifies a program once for all runs on copies of it, for whichever of its hooks and within
/// whichever limits: they are told in [`Options::settled`] what this yields. What the first pass
/// makes of a copy is the same with and without it.
///
/// # Errors
/// When the pass is defective.
pub fn prepare(program: &mut Program, disabled: &[String]) -> Result<Settled, OptError> {
    let mut settled = Settled::default();
    if disabled.iter().all(|name| name != SIMPLIFY.name) {
        step(&SIMPLIFY, program, &Limits::default(), &mut settled)?;
    }
    Ok(settled)
}

fn step(
    pass: &Pass,
    program: &mut Program,
    limits: &Limits,
    settled: &mut Settled,
) -> Result<(), OptError> {
    (pass.run)(program, limits, settled)
        .map_err(|diagnostic| OptError::Diagnostic(Box::new(diagnostic)))?;
    if cfg!(debug_assertions)
        && let Err(errors) = verify(program)
    {
        return Err(OptError::Broken { pass: pass.name, errors });
    }
    Ok(())
}

/// Runs every pass that is not disabled. In debug builds the verifier follows each of them.
///
/// # Errors
/// When a name is unknown, a limit cannot be kept, or a pass is defective.
pub fn run(program: &mut Program, options: &mut Options<'_>) -> Result<(), OptError> {
    if let Some(unknown) =
        options.disabled.iter().find(|name| PASSES.iter().all(|pass| pass.name != **name))
    {
        return Err(OptError::UnknownPass(unknown.clone()));
    }
    // Targets refuse what they do not know: not what no packet has.
    program.settle_absent();
    for pass in PASSES.iter().filter(|pass| options.disabled.iter().all(|name| pass.name != name)) {
        step(pass, program, &options.limits, &mut options.settled)?;
        if let Some(after) = &mut options.after {
            after(pass, program);
        }
    }
    Ok(())
}
