//! Stable diagnostic codes with their explanations: one table row each.
//!
//! A number is never reused for another meaning.

use std::fmt;

/// A stable code, printed as `BPFC0042`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BPFC{:04}", self.0)
    }
}

impl std::str::FromStr for Code {
    type Err = ();

    /// Reads `BPFC0042`, in either case, and plain `42`.
    fn from_str(s: &str) -> Result<Self, ()> {
        let digits = match s.get(..4) {
            Some(prefix) if prefix.eq_ignore_ascii_case("bpfc") => &s[4..],
            _ => s,
        };
        let number = digits.parse().map(Code).map_err(|_| ())?;
        explain(number).map(|_| number).ok_or(())
    }
}

/// What `bpfc help-code` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The code.
    pub code: Code,
    /// A few words.
    pub title: &'static str,
    /// A paragraph or more, in plain text.
    pub text: &'static str,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $title:literal, $text:literal;)*) => {
        impl Code {
            $(#[doc = $title] pub const $name: Code = Code($number);)*
        }
        /// Every code, ascending.
        pub const EXPLANATIONS: &[Explanation] = &[
            $(Explanation { code: Code($number), title: $title, text: $text },)*
        ];
    };
}

codes! {
    UNREADABLE = 1, "the input cannot be read",
        "The input is missing, is not the text or blob that its format promises, or is too large.\n\
         Check the path; give --from FORMAT where the content is not recognised.";
    SYNTAX = 2, "the ruleset's syntax is wrong",
        "The line cannot be read as the ruleset format says. iptables-restore would refuse it too.\n\
         Correct the line as the message says.";
    UNKNOWN_OPTION = 3, "unknown option",
        "No match or target that the rule names has this option.\n\
         Check the spelling, and that the `-m` that defines the option stands before it.";
    BAD_VALUE = 4, "an option's value is wrong",
        "The option's value is not one that iptables would take.";
    UNKNOWN_EXTENSION = 5, "unknown match or target",
        "No match or target of this name exists in iptables 1.8.9.";
    UNSUPPORTED_EXTENSION = 6, "a match or target is not supported",
        "bpfc knows this match or target and cannot compile it. A rule is never left out: the whole\n\
         ruleset is refused, because the programs would decide differently from the kernel.\n\
         Remove the rule, or keep the ruleset in the kernel.";
    UNSUPPORTED_VALUE = 7, "an option or value is not supported",
        "bpfc knows this match or target, but not with this option or value.";
    MISSING_CHAIN = 8, "a jump leads to a chain that does not exist",
        "A rule jumps or goes to a chain that its table does not hold.";
    CHAIN_LOOP = 9, "chains call each other in a loop",
        "A base chain reaches a loop of jumps; the kernel refuses such a table too.";
    BAD_BLOB = 10, "a kernel blob is damaged",
        "The binary table's sizes, offsets, names or counts contradict each other.";
    TARGET_CANNOT = 11, "the target cannot do this",
        "The rule asks for something that the chosen target's hook cannot know or do. The message\n\
         names the targets and hooks that can.";
    NO_CHAIN = 12, "nothing to compile",
        "The chosen tables hold no base chain on the chosen hooks.\n\
         Choose other hooks with --hook or other tables with --table.";
    TABLE_LEFT_OUT = 13, "a table is left out",
        "The input holds a table that is not compiled. For iptables only `filter` is compiled unless\n\
         --table names others. What the table does must stay in the kernel.";
    SEMANTICS_DIFFER = 14, "the target sees packets differently from the kernel's hook",
        "At this target's hook packets have not yet been defragmented, routed or untagged, or the\n\
         connection is not known. `bpfc semantics` says what is decided in which case.";
    TOO_LARGE = 15, "the ruleset is too large for the target",
        "The programs would exceed a limit of the kernel's verifier. The message gives the number.";
    DEAD_RULE = 16, "a rule can never match",
        "No packet reaches the rule, because of its own contradiction or because rules before it\n\
         decide every packet that it could match.";
    UNUSED_CHAIN = 17, "a chain is never used",
        "No base chain that is compiled reaches this chain, so none of its rules is in the program.";
    NESTING = 18, "chains are nested too deeply",
        "The calls from chain to chain are deeper than eBPF's call stack, and inlining them would\n\
         exceed its budget.";
    KERNEL_REFUSED = 19, "the kernel refused",
        "The kernel did not accept a program, map or link. The message gives the kernel's reason and\n\
         what it usually means.";
    CONFLICT = 20, "two inputs contradict each other",
        "Several inputs compile into one program: an IPv4 and an IPv6 ruleset, or iptables' and nft's,\n\
         for example. Two that hold the same chain cannot: which of them is meant is not known.\n\
         Put both into one file, or compile the inputs one by one.";
    UNSUPPORTED_TABLE = 21, "a table cannot be compiled",
        "Only tables that filter can be compiled. Address translation (`nat`) stays in the kernel.";
    DEFECT = 22, "a defect of bpfc",
        "A stage of the compiler found that another one broke its rules. Nothing is wrong with the\n\
         ruleset, and no program was made.\n\
         Please report it with the ruleset; --disable-pass may help meanwhile.";
    HOOK_LEFT_OUT = 23, "a base chain is left out",
        "A base chain with rules or a policy other than ACCEPT hangs on a hook that is not compiled,\n\
         because --hook or the target's default names other hooks. What the chain does must stay in\n\
         the kernel, or be compiled by naming its hook.";
    REJECT_DROPS = 24, "rejected packets get no answer",
        "With --reject drop every REJECT drops the packet, as DROP does: its sender is told nothing and\n\
         waits. The rules count as before. Targets that can send (xdp and tc) answer without the option.";
    TOO_MANY_PATHS = 25, "chains call each other along too many paths",
        "When a program is loaded, the kernel follows every path of calls from chain to chain, and\n\
         nothing interrupts it. Where each chain calls the next one from two rules the paths double\n\
         with every chain: thirty of them would keep a processor busy for a minute, forty for a day.\n\
         Call the chains on the way from fewer rules, or nest them less.";
    REPEATED = 26, "a table or base chain stands twice",
        "A table that stands twice in one input is flushed before its second part, as iptables-restore\n\
         flushes it: the rules of the last part count. Policies of base chains that the last part does\n\
         not declare stay. A base chain that a table declares twice keeps its rules, and the last policy\n\
         counts.\n\
         Keep the part that is meant.";
    GUESSED_FAMILY = 27, "the family of a ruleset is a guess",
        "Nothing in the input is IPv4's or IPv6's alone, and no comment names the tool that printed it:\n\
         it is compiled as iptables' (IPv4).\n\
         Say what it is: --from iptables-save or --from ip6tables-save.";
    MISSING_TABLE = 28, "a table that was asked for is missing",
        "--table names a table that no input has, or an input says that it could not print it: where\n\
         iptables-nft meets a table that nft changed, it prints `# Table ... is incompatible` in its place.\n\
         Correct the name, or leave the table out of --table and to the kernel.";
    NFT_DIFFERS = 29, "the ruleset decides differently in nftables",
        "The input is a dump of iptables-nft. bpfc decides as the kernel's iptables (legacy) does, which\n\
         in a few cases is not how nftables runs the same rules: the message names the case, and\n\
         `bpfc semantics dumps` lists them.";
    OTHER_RULES = 30, "rules of the other iptables are not read",
        "The kernel holds rules of iptables-legacy and of iptables-nft, or those of iptables-nft alone.\n\
         live:iptables and live:ip6tables read the legacy tables. For the others compile what iptables-save\n\
         prints: `iptables-save | bpfc load -`.";
    OLD_KERNEL = 31, "the kernel is too old for the target",
        "check --kernel was asked about a kernel that lacks what the programs of a target need. The message\n\
         names it and the version that has it first. Another target may do, or rules that ask for less.\n\
         Kernels of distributions may have more than their version says: loading tells.";
    BAD_SET = 40, "a set's definition or element is wrong",
        "A line of the input that defines sets cannot be carried out. ipset restore would refuse it too,\n\
         or it needs a name server, which bpfc never asks.";
    MISSING_SET = 41, "a rule names a set that is not defined",
        "A match or target names a set that no input defines. Give what `ipset save` prints beside the\n\
         ruleset: `bpfc load rules.v4 sets.ipset`. With live:iptables the kernel's own sets are read.";
    BAD_FINGERPRINT = 42, "a fingerprint is wrong",
        "A line of the input that defines fingerprints of operating systems is refused by nfnl_osf or by\n\
         the kernel, or (a warning) says something else to them than it seems to say.";
    MISSING_FINGERPRINTS = 43, "a rule compares packets with fingerprints that are not given",
        "A match `osf` compares packets with the fingerprints that nfnl_osf loads, which the kernel tells\n\
         nobody. Give the file that `nfnl_osf -f` loads beside the ruleset: `bpfc load rules.v4 pf.os`,\n\
         with live:iptables, too.";
    NFT_SYNTAX = 60, "an nftables ruleset's syntax is wrong",
        "The text cannot be read as the language of nft says, or as libnftables-json(5) says of JSON; nft\n\
         would refuse it too, or read something else than it says.\n\
         Correct the place that is marked. What follows the statement is read nevertheless, so that\n\
         all errors are told at once.";
    NFT_COMMAND = 61, "an nftables command is not one that builds a ruleset",
        "A ruleset is what add, create, insert, replace, delete, destroy, flush and rename make.\n\
         Commands that ask for what the kernel holds, such as list and monitor, are nft's.";
    NFT_INCLUDE = 62, "a file cannot be included",
        "A file that an nftables ruleset includes is missing or cannot be read, or files include each\n\
         other too deeply.";
    NFT_UNKNOWN = 63, "an nftables ruleset names what is not there",
        "A variable, table, chain, set, map, object, rule or element is named that nothing before made.\n\
         Check the spelling and the table; variables are defined above where they are used.";
    NFT_EXISTS = 64, "an nftables ruleset makes what is there already",
        "create makes something new, and what is there cannot become something else: a set another type\n\
         of key, for example.\n\
         Use add where what is there is meant, or another name.";
    NFT_VALUE = 65, "a value does not fit",
        "A word means nothing to the datatype that the place asks for, or a number is out of its range.\n\
         The message names the datatype. Names of hosts are not looked up.";
    NFT_TYPE = 66, "an expression's type does not fit",
        "What is compared, looked up or stored must have the datatype of what it is compared with,\n\
         looked up in or stored into, and only some kinds of expressions can stand in each place.";
    NFT_PROTOCOL = 67, "protocols contradict each other",
        "A rule asks for two protocols of the same layer, or for one that its family never sees, so it\n\
         could never match. nft refuses such rules too.";
    NFT_SET = 68, "a set, map or element is wrong",
        "A definition of a set or map is incomplete or contradicts itself, or an element does not fit\n\
         the definition: ranges need `flags interval`, and plain intervals must not overlap.";
    NFT_STATEMENT = 69, "a statement cannot stand here",
        "The statement is wrong in itself, or not possible in this family, chain or place: nothing may\n\
         follow a verdict, for example.";
    NFT_OUTSIDE = 70, "an nftables ruleset does what is not filtering",
        "Programs decide whether packets pass. Address translation, queues to user space, copies and\n\
         redirections of packets, proxies, offload, bridges, ARP, tunnels, helpers and what changes\n\
         connection tracking stay in the kernel. The message names which of them it is.\n\
         Beside chains that filter it is a note: the kernel goes on doing it. It is an error where a\n\
         chain that filters reaches it, and where nothing in the ruleset filters.";
    NFT_SEEMS = 71, "a rule means something else than it seems",
        "The rule is read as nft reads it, which is seldom what such a rule is written for. The message\n\
         says what it matches.";
    NFT_DUMP = 72, "a dump of nf_tables is damaged",
        "The bytes that should be the kernel's messages about nftables are cut off, contradict each\n\
         other, or are of a version that is not read. Take a new one: live:nft reads the kernel.";
    SAME_PRIORITY = 73, "base chains of several inputs have one priority",
        "Base chains of one hook run in the order of their priorities. Of several of one priority the\n\
         kernel runs first what was loaded last, which files do not say: those of the input that is\n\
         given first run first. What a packet's verdict is does not depend on it.";
}

/// The explanation of a code.
pub fn explain(code: Code) -> Option<&'static Explanation> {
    EXPLANATIONS.iter().find(|explanation| explanation.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_once() {
        for pair in EXPLANATIONS.windows(2) {
            assert!(pair[0].code < pair[1].code, "{} and {}", pair[0].code, pair[1].code);
            assert_ne!(pair[0].title, pair[1].title);
        }
        for explanation in EXPLANATIONS {
            assert!(!explanation.title.trim().is_empty(), "{}", explanation.code);
            assert!(!explanation.title.ends_with('.'), "{}", explanation.title);
            assert!(explanation.text.trim().ends_with('.'), "{}", explanation.code);
        }
    }

    #[test]
    fn codes_are_read_as_they_are_printed() {
        for explanation in EXPLANATIONS {
            let printed = explanation.code.to_string();
            assert_eq!(printed.parse(), Ok(explanation.code));
            assert_eq!(printed.to_lowercase().parse(), Ok(explanation.code));
            assert_eq!(explanation.code.0.to_string().parse(), Ok(explanation.code));
        }
        assert_eq!("BPFC9999".parse::<Code>(), Err(()));
        assert_eq!("".parse::<Code>(), Err(()));
        assert_eq!("bpfcü".parse::<Code>(), Err(()));
    }
}
