//! Whether a text is one of sets.

use bpfc_ipset::{LineCommand as Command, SetKind, plain_quotes, split_words, take_options};

/// Whether a text is of this format: its first line that creates a set, or adds to one, does so in
/// ipset's words, and before it stand only lines that empty or destroy sets, as scripts begin that
/// make their sets anew.
pub fn recognise(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(64 << 10)];
    let text = String::from_utf8_lossy(head);
    let lines = text.lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let line = plain_quotes(line);
        let mut words = Vec::new();
        if split_words(&line, &mut words).is_err() || take_options(&mut words).is_err() {
            return false;
        }
        let command = words.first().and_then(|word| Command::of(word));
        match (command, &words.get(1..).unwrap_or_default()) {
            (Some(Command::Flush | Command::Destroy), [] | [_]) => {}
            (Some(Command::Create), [_, kind, ..]) => {
                let is_kind = kind.parse::<SetKind>().is_ok();
                return is_kind || is_kind_of_other_versions(kind);
            }
            // Sets that are in the kernel, or in another file.
            (Some(Command::Add), [_, element, ..]) => {
                let short = |word: &&str| word.starts_with('-') && !word.starts_with("--");
                return element.contains([':', '.']) && !words[1..].iter().any(short);
            }
            _ => return false,
        }
    }
    false
}

/// Types that ipset had once, or may have later.
fn is_kind_of_other_versions(kind: &str) -> bool {
    let method = kind.split_once(':').map(|(method, _)| method);
    matches!(method, Some("hash" | "bitmap" | "list")) || matches!(kind, "iptree" | "iptreemap")
}
