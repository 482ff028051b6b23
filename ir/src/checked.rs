//! A program that keeps every invariant, as what it is: code generation takes nothing else.

use crate::{Func, Function, Program, VerifyError, verify};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A program that the verifier has accepted.
#[derive(Clone, Debug)]
pub struct Checked<'a> {
    program: &'a Program,
    order: Vec<Func>,
}

/// Functions that the verifier has accepted, as parts of a program with the same rules, counters,
/// tables and so on as the one that they are parts of now.
#[derive(Clone, Debug, Default)]
pub struct Verified(Vec<Arc<Function>>);

impl Verified {
    pub(crate) fn pointers(&self) -> BTreeSet<*const Function> {
        self.0.iter().map(Arc::as_ptr).collect()
    }
}

impl<'a> Checked<'a> {
    /// Checks a program. Linear in its size.
    ///
    /// # Errors
    /// Everything that is broken, in order of functions.
    pub fn new(program: &'a Program) -> Result<Checked<'a>, Vec<VerifyError>> {
        Checked::since(program, &Verified::default())
    }

    /// Checks a program of whose functions some are known to be sound: the program as a whole, and
    /// those that are not among them.
    ///
    /// # Errors
    /// Everything that is broken, in order of functions.
    pub fn since(
        program: &'a Program,
        verified: &Verified,
    ) -> Result<Checked<'a>, Vec<VerifyError>> {
        let order = verify::verify_since(program, &verified.pointers())?;
        Ok(Checked { program, order })
    }

    /// The program.
    pub fn program(&self) -> &'a Program {
        self.program
    }

    /// The functions that the entries reach, callees before callers, each once.
    pub fn order(&self) -> &[Func] {
        &self.order
    }

    /// Its functions, for copies of the program of which a pass changes some.
    pub fn verified(&self) -> Verified {
        Verified(self.program.funcs.values().map(Arc::clone).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Terminator, Violation};

    #[test]
    fn what_is_broken_is_not_checked() {
        let sound: Program = "entry input ip: fn0 fn0 \"f\" ip { block0: verdict drop }
                              fn1 \"unused\" ip { block0: return }"
            .parse()
            .expect("a program");
        let checked = Checked::new(&sound).expect("a sound program");
        assert_eq!(checked.order(), [Func::from_u32(0)]);
        let broken: Program =
            "entry input ip: fn0 fn0 \"f\" ip { block0: return }".parse().expect("a program");
        let errors = Checked::new(&broken).expect_err("a base chain that returns");
        assert_eq!(errors[0].violation, Violation::BaseChainReturns);
    }

    #[test]
    fn what_a_pass_changed_is_checked_again() {
        let mut program: Program = "entry input ip: fn0 fn0 \"f\" ip { block0: verdict drop }
                                    fn1 \"g\" ip { block0: return }"
            .parse()
            .expect("a program");
        let verified = Checked::new(&program).expect("a sound program").verified();
        let changed = Arc::make_mut(&mut program.funcs[Func::from_u32(1)]);
        let block = changed.layout[0];
        changed.blocks[block].terminator = Terminator::Jump(block);
        let errors = Checked::since(&program, &verified).expect_err("a cycle");
        assert_eq!(errors[0].violation, Violation::BlockCycle);
    }
}
