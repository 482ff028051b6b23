//! The reason in a verifier's log.
//!
//! A log is a trace of instructions (with their source lines and what is known of registers), the
//! reason of the refusal in a line or two, and statistics. Since Linux 7.3 paragraphs of advice
//! follow the reason: they are called Reason, At, Causal path and Suggestion, may show instructions
//! once more, and are not what is wrong with a ruleset.

use bpfc_artifact::MOST_PROCESSED;

/// What limits a message of the verifier stands for (kernel/bpf/verifier.c, messages unchanged
/// from Linux 5.10 to 7.3).
const LIMITS: [(&str, &str); 4] = [
    ("BPF program is too large", MOST_PROCESSED),
    ("jumps is too complex", "it has too many pending branches (8,192)"),
    ("frames is too deep", "its chains call each other more than 7 deep"),
    ("Too large", "its nested chains need more than 512 bytes of stack"),
];

/// How lines of statistics begin.
const STATISTICS: [&str; 5] =
    ["processed ", "verification time ", "stack depth ", "max_states_per_insn", "insns processed"];

/// What the paragraphs of advice are called.
const ADVICE: [&str; 4] = ["reason", "at", "causal path", "suggestion"];

/// The reason, the source line that it stands under, and what limit it means; none where the log
/// holds no reason.
pub(crate) fn reason(log: &str) -> Option<String> {
    let lines: Vec<&str> = log.lines().map(str::trim_end).collect();
    let end = lines.iter().position(|line| is_advice(line)).unwrap_or(lines.len());
    let (mut said, mut source) = (None, None);
    // A trace that nothing follows: the verifier had no objection, or the advice alone says it.
    let mut traced = false;
    for line in lines[..end].iter().rev() {
        if line.is_empty() || STATISTICS.iter().any(|start| line.starts_with(start)) {
            continue;
        }
        if let Some(text) = line.strip_prefix("; ") {
            source = Some(text);
            break;
        }
        traced |= said.is_none() && is_trace(line);
        if said.is_none() && !traced {
            said = Some(*line);
        }
    }
    // Where nothing stands above the advice, it says the reason itself.
    let said = said.or_else(|| said_in_advice(&lines[end..]))?;
    let mut text = match LIMITS.iter().find(|(message, _)| said.contains(message)) {
        Some((_, meaning)) => format!("{meaning}: {said}"),
        None => said.to_owned(),
    };
    if let Some(source) = source {
        text.push_str(", in: ");
        text.push_str(source);
    }
    Some(text)
}

/// A heading and what stands on its line, whatever it is decorated with.
fn heading(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_matches(|c: char| c.is_whitespace() || "=-#*[]".contains(c));
    let (name, text) = line.split_once(':').unwrap_or((line, ""));
    let known = ADVICE.iter().any(|known| name.eq_ignore_ascii_case(known));
    known.then_some((name, text.trim()))
}

fn is_advice(line: &str) -> bool {
    heading(line).is_some()
}

/// The text of the paragraph that says the reason.
fn said_in_advice<'l>(lines: &[&'l str]) -> Option<&'l str> {
    let at = lines.iter().position(|line| {
        heading(line).is_some_and(|(name, _)| name.eq_ignore_ascii_case("reason"))
    })?;
    let (_, text) = heading(lines[at])?;
    if !text.is_empty() {
        return Some(text);
    }
    let text = lines[at + 1..].iter().map(|line| line.trim()).find(|line| !line.is_empty())?;
    (!is_advice(text)).then_some(text)
}

/// Whether a line is an instruction, or says what is known before one.
fn is_trace(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let starts = ["from ", "frame", "func#", "Func#", "Validating ", "mark_precise", "last_idx"];
    (rest.len() < line.len() && rest.starts_with(':'))
        || starts.iter().any(|start| line.starts_with(start))
        || line.ends_with(": safe")
        || (line.starts_with('R') && line.contains('=') && line.contains("R10="))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "\
func#0 @0
Validating chain() func#1...
12: R1=ctx() R2=mem_or_null(sz=16) R10=fp0
; -A INPUT -j DROP @ rules:3
13: (71) r1 = *(u8 *)(r2 +3)
";
    const MESSAGE: &str = "R2 invalid mem access 'mem_or_null'\n";
    const END: &str = "processed 16 insns (limit 1000000) max_states_per_insn 1 total_states 2\n\n";
    const EXPECTED: &str = "R2 invalid mem access 'mem_or_null', in: -A INPUT -j DROP @ rules:3";

    #[test]
    fn the_reason_stands_under_the_instruction() {
        let text = reason(&format!("{TRACE}{MESSAGE}{END}"));
        assert_eq!(text.as_deref(), Some(EXPECTED));
    }

    #[test]
    fn advice_is_not_the_reason() {
        for advice in [
            "Reason: the register may be NULL\n\nAt:\n  13: (71) r1 = *(u8 *)(r2 +3)\n\nCausal path:\n  \
             12: R2 was given\n\nSuggestion: compare it with NULL first\n",
            "\n=== Reason ===\nThe register may be NULL.\n=== At ===\n; another line @ x:1\n13: (71) r1 = 0\n\
             === Suggestion ===\nCompare it.\n",
            "REASON\n  it may be NULL\nSUGGESTION\n  compare\n",
        ] {
            let text = reason(&format!("{TRACE}{MESSAGE}{advice}{END}"));
            assert_eq!(text.as_deref(), Some(EXPECTED), "{advice}");
            let text = reason(&format!("{TRACE}{MESSAGE}{END}{advice}"));
            assert_eq!(text.as_deref(), Some(EXPECTED), "{advice}");
        }
    }

    #[test]
    fn advice_says_the_reason_where_nothing_else_does() {
        let text = reason(&format!("{TRACE}Reason: it may be NULL\nSuggestion: compare it\n{END}"));
        assert_eq!(text.as_deref(), Some("it may be NULL, in: -A INPUT -j DROP @ rules:3"));
        let text = reason("Reason:\n\n  it may be NULL\nSuggestion:\n  compare it\n");
        assert_eq!(text.as_deref(), Some("it may be NULL"));
    }

    #[test]
    fn a_log_without_an_objection_has_no_reason() {
        assert_eq!(reason(&format!("{TRACE}14: (95) exit\n{END}")), None);
        assert_eq!(reason(&format!("{TRACE}14: (95) exit\nfrom 3 to 9: safe\n{END}")), None);
        assert_eq!(reason(""), None);
    }

    #[test]
    fn limits_are_explained() {
        let said = |log: &str| reason(log).unwrap_or_default();
        let deep = said("the call stack of 8 frames is too deep !\n");
        assert!(deep.starts_with("its chains call each other more than 7 deep"), "{deep}");
        let branches = said("The sequence of 8193 jumps is too complex.\n");
        assert!(branches.starts_with("it has too many pending branches"), "{branches}");
        let large = said("BPF program is too large. Processed 1000001 insn\n");
        assert!(large.starts_with("the kernel's verifier processes 1,000,000"), "{large}");
        // A word that begins as a heading does is none.
        assert_eq!(said("At least one exit is missing\n"), "At least one exit is missing");
    }
}
