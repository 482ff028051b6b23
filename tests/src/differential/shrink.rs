//! Making a difference small: taking packets, rules, matches and options away for as long as the
//! two engines still differ.

use super::{Difference, Engine, EngineError, Ruleset, compare};
use crate::lab::inject::Frame;

/// Which packets [`shrink`] may take away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packets {
    /// Any.
    Any,
    /// The last ones, where what goes on needs all that went before.
    Last,
}

/// Takes away what the difference does not need. Rulesets that an engine refuses on the way are
/// passed over.
pub fn shrink(
    engines: [&mut dyn Engine; 2],
    difference: Difference,
    packets: Packets,
) -> Result<Difference, EngineError> {
    let [left, right] = engines;
    let mut still = |ruleset: &Ruleset, frames: &[Frame]| {
        compare([&mut *left, &mut *right], ruleset, frames).ok().flatten()
    };
    let mut best = difference;
    loop {
        let size = (best.frames.len(), best.ruleset.text.len());
        best = match packets {
            Packets::Any => fewer_frames(best, &mut still),
            Packets::Last => fewer_last_frames(best, &mut still),
        };
        best = fewer_lines(best, &mut still);
        best = fewer_words(best, &mut still);
        if (best.frames.len(), best.ruleset.text.len()) == size {
            return Ok(best);
        }
    }
}

type Still<'a> = &'a mut dyn FnMut(&Ruleset, &[Frame]) -> Option<Difference>;

/// Delta debugging over packets: tries to do without ever smaller pieces.
fn fewer_frames(mut best: Difference, still: Still<'_>) -> Difference {
    let mut piece = best.frames.len() / 2;
    while piece > 0 {
        let mut start = 0;
        while start < best.frames.len() {
            let mut frames = best.frames.clone();
            frames.drain(start..(start + piece).min(frames.len()));
            match still(&best.ruleset, &frames) {
                Some(smaller) => best = smaller,
                None => start += piece,
            }
        }
        piece /= 2;
    }
    best
}

/// Tries to do without ever fewer of the last packets.
fn fewer_last_frames(mut best: Difference, still: Still<'_>) -> Difference {
    let mut piece = best.frames.len() / 2;
    while piece > 0 {
        let kept = best.frames.len().saturating_sub(piece);
        match still(&best.ruleset, &best.frames[..kept]) {
            Some(smaller) => best = smaller,
            None => piece /= 2,
        }
    }
    best
}

/// Tries to do without each rule and each user chain, the last first.
fn fewer_lines(mut best: Difference, still: Still<'_>) -> Difference {
    let count = best.ruleset.text.lines().count();
    for index in (0..count).rev() {
        let lines: Vec<&str> = best.ruleset.text.lines().collect();
        // Rules of nft stand deepest.
        let of_nft = lines[index].strip_prefix("        ");
        let removable = lines[index].starts_with("-A")
            || lines[index].starts_with(':') && lines[index].contains(" - ")
            || of_nft.is_some_and(|rule| !rule.starts_with("type "));
        if !removable {
            continue;
        }
        let kept = lines.iter().enumerate().filter(|(other, _)| *other != index);
        let text: String = kept.map(|(_, line)| format!("{line}\n")).collect();
        let ruleset = Ruleset { text, ..best.ruleset.clone() };
        if let Some(smaller) = still(&ruleset, &best.frames) {
            best = smaller;
        }
    }
    best
}

/// Tries to do without each option of each rule: an option is a word with a dash in front, the
/// `!` before it and the words after it; a match goes with all of its options.
fn fewer_words(mut best: Difference, still: Still<'_>) -> Difference {
    for index in 0..best.ruleset.text.lines().count() {
        let mut part = 1;
        loop {
            let lines: Vec<&str> = best.ruleset.text.lines().collect();
            if !lines[index].starts_with("-A") {
                break;
            }
            let parts = options(lines[index]);
            if part >= parts.len() {
                break;
            }
            let mut shorter = parts.clone();
            let whole_match = parts[part].starts_with("-m ");
            let end = match whole_match {
                true => (part + 1..parts.len())
                    .find(|&at| !parts[at].trim_start_matches("! ").starts_with("--"))
                    .unwrap_or(parts.len()),
                false => part + 1,
            };
            shorter.drain(part..end);
            let text: String = lines
                .iter()
                .enumerate()
                .map(|(at, line)| match at == index {
                    true => format!("{}\n", shorter.join(" ")),
                    false => format!("{line}\n"),
                })
                .collect();
            let ruleset = Ruleset { text, ..best.ruleset.clone() };
            match still(&ruleset, &best.frames) {
                Some(smaller) => best = smaller,
                None => part += 1,
            }
        }
    }
    best
}

/// A rule's options, each with its `!` and its values.
fn options(line: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut negated = false;
    for word in line.split(' ') {
        if word == "!" {
            negated = true;
            continue;
        }
        if word.starts_with('-') && word.len() > 1 {
            parts.push(if negated { format!("! {word}") } else { word.to_owned() });
        } else if let Some(part) = parts.last_mut() {
            part.push(' ');
            part.push_str(word);
        }
        negated = false;
    }
    parts
}
