//! How long the kernel walks through a program's calls when it looks for the deepest stack.
//!
//! It follows every path from the entry, instruction by instruction (kernel/bpf/verifier.c,
//! `check_max_stack_depth`), before it verifies anything. No limit stops that and no signal: with
//! two calls of the next function in each of them the paths double, so that thirty functions
//! below each other take a minute and forty a day. What is longer than [`LONGEST_WALK`] is
//! therefore never given to the kernel.

use crate::{Artifact, FunctionIndex, Program, RelocKind};
use std::collections::BTreeMap;

/// The instructions on all paths of calls that the kernel is asked to walk at most for the programs
/// of an artifact, which takes it about a second.
pub const LONGEST_WALK: u64 = 800_000_000;

impl Artifact {
    /// How many instructions lie on all paths of calls from `entry`: those of each function as
    /// often as paths lead to it. `u64::MAX` stands for all that is more, and for endless calls.
    ///
    /// # Panics
    /// When an index does not lie in [`Artifact::functions`].
    pub fn walk(&self, entry: FunctionIndex) -> u64 {
        // Callers wait on a stack of their own: an artifact may come from a file and nest deeply.
        let mut known: BTreeMap<FunctionIndex, Option<u64>> = BTreeMap::from([(entry, None)]);
        let mut waiting = vec![(entry, self.callees(entry))];
        while let Some((function, callees)) = waiting.last_mut() {
            if let Some(callee) = callees.pop() {
                match known.get(&callee) {
                    // It waits itself: they call each other in a loop.
                    Some(None) => return u64::MAX,
                    Some(Some(_)) => {}
                    None => {
                        known.insert(callee, None);
                        waiting.push((callee, self.callees(callee)));
                    }
                }
                continue;
            }
            let function = *function;
            let own = self.functions[function.0 as usize].insns.len() as u64;
            let below = self.callees(function).into_iter().filter_map(|callee| known[&callee]);
            let walk = below.fold(own, u64::saturating_add);
            known.insert(function, Some(walk));
            waiting.pop();
        }
        known[&entry].unwrap_or(u64::MAX)
    }

    /// The program with which the kernel would walk too far; `None` where it may load all.
    ///
    /// # Panics
    /// When an index does not lie in [`Artifact::functions`].
    pub fn walks_too_far(&self) -> Option<&Program> {
        let mut walked = 0u64;
        self.programs.iter().find(|program| {
            walked = walked.saturating_add(self.walk(program.entry));
            walked > LONGEST_WALK
        })
    }

    /// What a function calls, once for each call.
    fn callees(&self, function: FunctionIndex) -> Vec<FunctionIndex> {
        let relocs = self.functions[function.0 as usize].relocs.iter();
        relocs
            .filter_map(|reloc| match reloc.kind {
                RelocKind::Call(callee) | RelocKind::FunctionPointer(callee) => Some(callee),
                _ => None,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Function, FunctionKind, Insn, ProgramKind, Reloc};

    /// Functions of one instruction for each call, and one more.
    fn artifact(calls: &[&[u32]]) -> Artifact {
        let insn = Insn { code: 0x85, dst: 0, src: 1, off: 0, imm: 0 };
        let functions = calls.iter().map(|callees| Function {
            name: "f".into(),
            kind: FunctionKind::Main,
            program: ProgramKind::Xdp,
            packet_size: 0,
            insns: vec![insn; callees.len() + 1],
            relocs: (0..)
                .zip(*callees)
                .map(|(insn, &callee)| Reloc { insn, kind: RelocKind::Call(FunctionIndex(callee)) })
                .collect(),
            lines: Vec::new(),
        });
        Artifact { target: "xdp".into(), functions: functions.collect(), ..Artifact::default() }
    }

    #[test]
    fn each_path_counts() {
        let calls: [&[u32]; 4] = [&[1, 2, 1], &[3, 3], &[3], &[]];
        // 4 of its own, twice 3 and two more, 2 and one more.
        assert_eq!(artifact(&calls).walk(FunctionIndex(0)), 4 + 2 * (3 + 2) + (2 + 1));
        assert_eq!(artifact(&calls).walk(FunctionIndex(3)), 1);
    }

    #[test]
    fn what_doubles_a_hundred_times_saturates_at_once() {
        let levels: Vec<[u32; 2]> = (1..=100).map(|next| [next, next]).collect();
        let mut calls: Vec<&[u32]> = levels.iter().map(<[u32; 2]>::as_slice).collect();
        calls.push(&[]);
        let artifact = artifact(&calls);
        assert_eq!(artifact.walk(FunctionIndex(0)), u64::MAX);
        // Three instructions a function, but one in the last, and 2^10 paths to that.
        assert_eq!(artifact.walk(FunctionIndex(90)), 3 * 1023 + 1024);
    }

    #[test]
    fn endless_calls_are_endless() {
        assert_eq!(artifact(&[&[1], &[2], &[1]]).walk(FunctionIndex(0)), u64::MAX);
    }
}
