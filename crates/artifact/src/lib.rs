//! What a compilation produces: programs, the functions they are made of, maps and rules.
//!
//! An [`Artifact`] is plain data without file descriptors or kernel addresses. `bpfc-object`
//! writes it as an ELF object and reads it back, `bpfc-runtime` loads it; both see the same
//! thing, so `load RULESET` and `load OBJECT` cannot differ. Instructions hold placeholders
//! where a map, a function, a kernel function or a kernel structure's offset is meant, and a
//! [`Reloc`] beside them says which.
//!
//! Of the compiler's crates this one depends on the words of `bpfc-abi` and the data of
//! `bpfc-ipset` alone, so that a daemon links little.

pub mod btf;
mod entries;
mod input;
mod insn;
mod json;
pub mod kernel;
pub mod log;
mod map;
mod named_set;
mod program;
pub mod recent;
mod rule;
mod set;
mod verification;
mod walk;

pub use bpfc_abi::{Family, Hook, TableFamily, raw};
pub use entries::Entries;
pub use input::InputFile;
pub use insn::Insn;
pub use json::{JsonError, VERSION as JSON_VERSION};
pub use kernel::{KernelFeature, KernelVersion};
pub use map::{MapDef, MapIndex, MapKind, MapRole};
pub use named_set::{
    ElementPlace, GroupPlace, LeadPlace, NamedSet, PartPlace, RangePlace, StatePlace, StateWords,
    Stored, TableEntry, prefixes,
};
pub use program::{
    AttachPoint, Function, FunctionIndex, FunctionKind, KernelField, Line, Program, ProgramKind,
    Reloc, RelocKind,
};
pub use rule::{
    CounterEntry, CounterSlot, ObjectEntry, ObjectKind, RefusedRate, RuleEntry, RuleKind,
    RuleTable, Start, UserChain,
};
pub use set::{MaskList, SetEntry, SetState};
pub use verification::{MAX_INSTRUCTIONS, MOST_PROCESSED, Outcome, Verification};
pub use walk::LONGEST_WALK;

use serde::{Deserialize, Serialize};

/// One compiled ruleset for one target. [`Artifact::write`] and [`Artifact::read`] give it the form
/// of a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// The target's name, as `--target` takes it: `xdp`, `tc`, `netfilter`, `cgroup-skb`.
    pub target: String,
    /// The functions of all programs; programs and call relocations name them by index.
    pub functions: Vec<Function>,
    /// What is attached, each with its entry function.
    pub programs: Vec<Program>,
    /// The maps, named by index in relocations.
    pub maps: Vec<MapDef>,
    /// Every rule and policy with its counter's place, in ruleset order.
    pub rules: RuleTable,
    /// Every set that a rule names, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<SetEntry>,
    /// True where a program asks conntrack: whoever loads it makes sure that the network
    /// namespace tracks connections.
    pub needs_conntrack: bool,
    /// True where a program asks for a connection's counters: whoever loads it makes the network
    /// namespace count (`nf_conntrack_acct`).
    #[serde(default)]
    pub needs_accounting: bool,
    /// True where a program sends packets of its own: answers to rejected ones.
    #[serde(default)]
    pub sends: bool,
    /// True where XDP programs ask whether a frame has a link header: without, they can be at
    /// Ethernet devices alone. What earlier versions wrote does not ask.
    #[serde(default)]
    pub asks_for_link: bool,
    /// Names of the source files that [`Line`]s index.
    pub sources: Vec<String>,
    /// What it was compiled from; empty where that is not known, as in what earlier versions wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<InputFile>,
}

impl Artifact {
    /// Whether one of the programs notes for the others what leaves.
    pub fn has_companion(&self) -> bool {
        self.programs.iter().any(|program| program.attach == AttachPoint::Companion)
    }

    /// The functions that `entry` reaches through calls, `entry` first, each once, in the order
    /// of their first call. This is the set that one program load contains.
    ///
    /// # Panics
    /// When an index does not lie in [`Artifact::functions`].
    pub fn closure(&self, entry: FunctionIndex) -> Vec<FunctionIndex> {
        let mut order = vec![entry];
        let mut next = 0;
        while next < order.len() {
            for reloc in &self.functions[order[next].0 as usize].relocs {
                if let RelocKind::Call(callee) | RelocKind::FunctionPointer(callee) = &reloc.kind
                    && !order.contains(callee)
                {
                    order.push(*callee);
                }
            }
            next += 1;
        }
        order
    }
}
