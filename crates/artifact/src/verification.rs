//! How many instructions the kernel's verifier will process, which is limited, too.
//!
//! The verifier follows both sides of every branch, the straight one first, and gives a path up
//! where it comes to an instruction that it was at before in the same state (kernel/bpf/verifier.c,
//! `is_state_visited`). It does not remember every state: where branches, their destinations and
//! calls are, two jumps and eight instructions after the last one that it remembered. So it
//! processes some code twice, and how much is a matter of where branches lie. That is done here in
//! the same way, but for the states: two at one instruction are taken as the same. Code of chains
//! is made so that they are, since nothing is in registers where ways meet; elsewhere the kernel
//! may process more (loops whose rounds it counts), or less (branches whose way it knows).
//!
//! Of rulesets whose rules test addresses, ports, interfaces, sets and connections, with the usual
//! targets, Linux 6.18 processed between 0.995 and 1.02 of what is said here, from a thousand rules
//! on.

use crate::{Artifact, Function, FunctionIndex, FunctionKind, RelocKind};
use std::collections::BTreeMap;

/// `BPF_COMPLEXITY_LIMIT_INSNS` (include/linux/bpf.h): instructions that the kernel processes of a
/// program with its functions at most, and that it has at most.
pub const MAX_INSTRUCTIONS: usize = 1_000_000;

/// The limit in words.
pub const MOST_PROCESSED: &str =
    "the kernel's verifier processes 1,000,000 instructions of a program at most";

/// What verifying a program takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification<'a> {
    /// Instructions that the program has.
    pub instructions: usize,
    /// Instructions processed; counting ends a little above twice [`MAX_INSTRUCTIONS`].
    pub processed: usize,
    /// The source line at which [`MAX_INSTRUCTIONS`] is passed, where it is.
    pub passed_at: Option<&'a str>,
}

/// What is known of a program and the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The kernel takes it.
    Fits,
    /// It is too near to the limit to be sure.
    Near,
    /// The kernel refuses it.
    TooLarge,
}

impl Verification<'_> {
    /// Whether the kernel takes the program: below 97% of the limit it does, above 102% it does
    /// not.
    pub fn outcome(&self) -> Outcome {
        const NEAR: usize = MAX_INSTRUCTIONS / 100 * 97;
        const TOO_LARGE: usize = MAX_INSTRUCTIONS / 100 * 102;
        match self.processed {
            _ if self.instructions > MAX_INSTRUCTIONS => Outcome::TooLarge,
            TOO_LARGE.. => Outcome::TooLarge,
            NEAR.. => Outcome::Near,
            _ => Outcome::Fits,
        }
    }
}

impl Artifact {
    /// Estimates what verifying the program with this entry takes.
    ///
    /// # Panics
    /// When an index in the artifact is wrong, or a jump leaves its function.
    pub fn verification(&self, entry: FunctionIndex) -> Verification<'_> {
        let functions = self.closure(entry);
        let size = |index: &FunctionIndex| self.functions[index.0 as usize].insns.len();
        let instructions = functions.iter().map(size).sum();
        let mut verifier = Verifier { artifact: self, static_sizes: BTreeMap::new() };
        let mut found = Verification { instructions, processed: 0, passed_at: None };
        for index in functions {
            let function = &self.functions[index.0 as usize];
            // Other functions are verified where they are called.
            if !matches!(function.kind, FunctionKind::Main | FunctionKind::Chain) {
                continue;
            }
            let left = MAX_INSTRUCTIONS.checked_sub(found.processed);
            let seen = verifier.function(index, left);
            found.processed += seen.processed;
            if let Some(insn) = seen.passed_at {
                found.passed_at = line_of(function, insn);
            }
            if found.processed > 2 * MAX_INSTRUCTIONS {
                break;
            }
        }
        found
    }
}

fn line_of(function: &Function, insn: usize) -> Option<&str> {
    let before = function.lines.iter().take_while(|line| line.insn as usize <= insn);
    before.last().map(|line| &*line.text)
}

struct Verifier<'a> {
    artifact: &'a Artifact,
    /// Of functions that are verified at each call.
    static_sizes: BTreeMap<FunctionIndex, usize>,
}

/// What verifying one function takes.
struct Seen {
    processed: usize,
    /// The instruction with which a limit was passed.
    passed_at: Option<usize>,
}

/// Classes and codes of RFC 9669.
const JMP: u8 = 5;
const JMP32: u8 = 6;
const JA: u8 = 0x05;
const JA32: u8 = 0x06;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
const LDDW: u8 = 0x18;

impl Verifier<'_> {
    /// Follows one function, and ends where there are far too many instructions. `left` says after
    /// how many a limit is passed.
    fn function(&mut self, index: FunctionIndex, left: Option<usize>) -> Seen {
        let function = &self.artifact.functions[index.0 as usize];
        let mut calls = BTreeMap::new();
        for reloc in &function.relocs {
            match reloc.kind {
                RelocKind::Call(callee) => {
                    calls.insert(reloc.insn as usize, self.call(callee));
                }
                // A loop's body is processed until its state is one that was seen.
                RelocKind::FunctionPointer(callee) => {
                    calls.insert(reloc.insn as usize, 2 * self.call(callee));
                }
                _ => {}
            }
        }
        let points = pruning_points(function);
        let mut seen = vec![false; function.insns.len()];
        let (mut processed, mut jumps) = (0, 0);
        // Where a state was remembered last.
        let (mut last_processed, mut last_jumps) = (0, 0);
        let mut pending = Vec::new();
        let mut passed_at = None;
        let mut at = 0;
        loop {
            processed += 1;
            if passed_at.is_none() && left.is_some_and(|left| processed > left) {
                passed_at = Some(at);
            }
            if processed > 2 * MAX_INSTRUCTIONS {
                return Seen { processed, passed_at };
            }
            let mut next = None;
            if !(points[at] && seen[at]) {
                if points[at] && jumps - last_jumps >= 2 && processed - last_processed >= 8 {
                    seen[at] = true;
                    (last_processed, last_jumps) = (processed, jumps);
                }
                let insn = function.insns[at];
                if matches!(insn.code & 7, JMP | JMP32) {
                    jumps += 1;
                }
                processed += calls.get(&at).copied().unwrap_or(0);
                next = match insn.code {
                    EXIT => None,
                    JA => Some(target(at, insn.off.into())),
                    JA32 => Some(target(at, insn.imm)),
                    CALL => Some(at + 1),
                    LDDW => Some(at + 2),
                    code if matches!(code & 7, JMP | JMP32) => {
                        pending.push(target(at, insn.off.into()));
                        Some(at + 1)
                    }
                    _ => Some(at + 1),
                };
            }
            at = match next.or_else(|| pending.pop()) {
                Some(next) => next,
                None => return Seen { processed, passed_at },
            };
        }
    }

    /// Instructions processed at a call besides itself.
    fn call(&mut self, callee: FunctionIndex) -> usize {
        if self.artifact.functions[callee.0 as usize].kind == FunctionKind::Chain {
            return 0;
        }
        if let Some(&known) = self.static_sizes.get(&callee) {
            return known;
        }
        let size = self.function(callee, None).processed;
        self.static_sizes.insert(callee, size);
        size
    }
}

fn target(at: usize, distance: i32) -> usize {
    at.wrapping_add(1).wrapping_add_signed(distance as isize)
}

/// Where the verifier looks whether it has been there (`check_cfg`): at branches, where jumps lead
/// to, behind calls, and at those of functions of the program.
fn pruning_points(function: &Function) -> Vec<bool> {
    let mut points = vec![false; function.insns.len() + 1];
    for (at, insn) in function.insns.iter().enumerate() {
        match insn.code {
            EXIT => {}
            CALL => points[at + 1] = true,
            JA => points[target(at, insn.off.into())] = true,
            JA32 => points[target(at, insn.imm)] = true,
            code if matches!(code & 7, JMP | JMP32) => {
                points[at] = true;
                points[target(at, insn.off.into())] = true;
            }
            _ => {}
        }
    }
    for reloc in &function.relocs {
        match reloc.kind {
            RelocKind::Call(_) => points[reloc.insn as usize] = true,
            RelocKind::FunctionPointer(_) => {
                points[reloc.insn as usize] = true;
                points[reloc.insn as usize + 2] = true;
            }
            _ => {}
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AttachPoint, Insn, Program, ProgramKind};

    fn artifact(insns: Vec<Insn>) -> Artifact {
        Artifact {
            target: "xdp".into(),
            functions: vec![Function {
                name: "f".into(),
                kind: FunctionKind::Main,
                program: ProgramKind::Xdp,
                packet_size: 0,
                insns,
                relocs: Vec::new(),
                lines: Vec::new(),
            }],
            programs: vec![Program {
                name: "p".into(),
                attach: AttachPoint::Xdp,
                entry: FunctionIndex(0),
            }],
            ..Artifact::default()
        }
    }

    const NOP: Insn = Insn { code: 0xb7, dst: 0, src: 0, off: 0, imm: 0 };

    fn branch(off: i16) -> Insn {
        Insn { code: 0x15, dst: 1, src: 0, off, imm: 0 }
    }

    fn processed(insns: Vec<Insn>) -> usize {
        artifact(insns).verification(FunctionIndex(0)).processed
    }

    #[test]
    fn straight_code_is_processed_once() {
        let exit = Insn { code: EXIT, ..NOP };
        assert_eq!(processed(vec![NOP, NOP, exit]), 3);
    }

    #[test]
    fn short_branches_are_processed_again() {
        let exit = Insn { code: EXIT, ..NOP };
        // Both sides lead to the last instruction, too soon for the state to be remembered.
        assert_eq!(processed(vec![branch(1), NOP, NOP, exit]), 4 + 2);
        // After eight instructions and two jumps it is remembered at the last branch. The second
        // one leads there, and on its other side it is known; the first one leads to the second.
        let mut insns = vec![branch(0), branch(9)];
        insns.extend([NOP; 9]);
        insns.extend([branch(0), NOP, exit]);
        let straight = insns.len();
        assert_eq!(processed(insns), straight + 2 + 1 + (1 + 9 + 1 + 1));
    }

    #[test]
    fn calls_are_where_states_are_remembered() {
        // Two branches that lead nowhere else, and many instructions on both sides of the call.
        let exit = Insn { code: EXIT, ..NOP };
        let with = |middle| {
            let mut insns = vec![branch(0), branch(0)];
            insns.extend([NOP; 9]);
            insns.push(middle);
            insns.extend([NOP; 40]);
            insns.push(exit);
            processed(insns)
        };
        assert!(with(Insn { code: CALL, ..NOP }) < with(NOP));
    }

    #[test]
    fn what_is_near_the_limit_is_not_judged() {
        let with = |processed| Verification { instructions: 5, processed, passed_at: None };
        assert_eq!(with(969_999).outcome(), Outcome::Fits);
        assert_eq!(with(1_000_000).outcome(), Outcome::Near);
        assert_eq!(with(1_020_000).outcome(), Outcome::TooLarge);
        let many = Verification { instructions: MAX_INSTRUCTIONS + 1, ..with(0) };
        assert_eq!(many.outcome(), Outcome::TooLarge);
    }

    #[test]
    fn counting_ends_far_above_the_limit() {
        let mut insns = vec![NOP; 3 * MAX_INSTRUCTIONS];
        insns.push(Insn { code: EXIT, ..NOP });
        assert_eq!(processed(insns), 2 * MAX_INSTRUCTIONS + 1);
    }
}
