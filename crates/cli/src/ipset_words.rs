//! What people who know ipset type: its options stand anywhere on the command line, behind the
//! element, too, and are no options that clap could describe (`-exist`, `-!`).
//!
//! What else begins with a dash is a name or belongs to the element, as for ipset, where a set can
//! be called `-x`.

use bpfc_ipset::take_options;
use bpfc_runtime::raw;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

/// Whether a word is ipset's option to take what is there already.
fn is_exist(word: &str) -> bool {
    matches!(word, "-exist" | "--exist" | "-!" | "--!")
}

/// Commands that have no option but ipset's.
const PLAIN: [&str; 5] = ["add", "del", "test", "flush", "swap"];

/// Commands whose words are names of files, too.
const OF_FILES: [&str; 2] = ["restore", "replace"];

/// The command line with ipset's spellings of `bpfc set` replaced by ours before the rest.
pub fn translate(arguments: Vec<OsString>) -> Vec<OsString> {
    let Some(set) = first_word(&arguments, 1).filter(|at| arguments[*at] == "set") else {
        return arguments;
    };
    let mut arguments = arguments;
    if first_word(&arguments, set + 1)
        .is_none_or(|at| !OF_FILES.iter().any(|c| arguments[at] == *c))
    {
        // Names, elements and comments are bytes.
        for word in &mut arguments[set + 1..] {
            *word = raw::decode(word.as_bytes()).into_owned().into();
        }
    }
    let end = arguments.iter().position(|word| word == "--").unwrap_or(arguments.len());
    let command = first_word(&arguments, set + 1).filter(|at| *at < end);
    let plain = command.is_some_and(|at| PLAIN.iter().any(|plain| arguments[at] == *plain));
    let mut before: Vec<OsString> = arguments[..=set].to_vec();
    let (mut exist, mut behind) = (false, Vec::new());
    let mut words = arguments[set + 1..end.max(set + 1)].iter().enumerate().peekable();
    while let Some((at, word)) = words.next() {
        match word.to_str().unwrap_or_default() {
            text if is_exist(text) => exist = true,
            "-q" | "-quiet" | "--quiet" => before.push("--quiet".into()),
            _ if !plain => behind.push(word.clone()),
            _ if command == Some(set + 1 + at) => {}
            "--color" => {
                before.push(word.clone());
                before.extend(words.next().map(|(_, value)| value.clone()));
            }
            "-h" | "--help" => before.push(word.clone()),
            text if text.starts_with("--color=") => before.push(word.clone()),
            text if is_printing(text, words.peek().map(|(_, next)| next.as_os_str())) => {
                if matches!(text.trim_start_matches('-'), "o" | "output") {
                    words.next();
                }
            }
            _ => behind.push(word.clone()),
        }
    }
    let raw = arguments.get(end + 1..).unwrap_or_default();
    before.extend(exist.then(|| "--exist".into()));
    match command.filter(|_| plain) {
        Some(command) => {
            before.push(arguments[command].clone());
            if !behind.is_empty() || !raw.is_empty() {
                before.push("--".into());
            }
            before.append(&mut behind);
            before.extend_from_slice(raw);
        }
        None => {
            before.append(&mut behind);
            before.extend_from_slice(arguments.get(end..).unwrap_or_default());
        }
    }
    before
}

/// Whether a word, with what follows it, is an option of ipset's that only changes what is printed.
fn is_printing(word: &str, next: Option<&OsStr>) -> bool {
    let mut words: Vec<&str> = vec![word];
    words.extend(next.and_then(OsStr::to_str));
    let count = words.len();
    let found = word.starts_with('-') && take_options(&mut words).is_ok();
    found && words.len() < count && words.first() != Some(&word)
}

/// Where the first word from one on stands that is no option.
fn first_word(arguments: &[OsString], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(word) = arguments.get(at) {
        match word.as_encoded_bytes() {
            // It has a value of its own.
            b"--color" => at += 2,
            [b'-', ..] => at += 1,
            _ => return Some(at),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    fn translated(line: &str) -> String {
        let words = translate(line.split(' ').map(OsString::from).collect());
        words.join(OsStr::new(" ")).into_string().expect("text")
    }

    #[test]
    fn options_stand_anywhere() {
        let expected = "bpfc set --exist add -- web banned 10.0.0.1 timeout 5";
        for line in [
            "bpfc set -! add web banned 10.0.0.1 timeout 5",
            "bpfc set add -exist web banned 10.0.0.1 timeout 5",
            "bpfc set add web banned -exist 10.0.0.1 timeout 5",
            "bpfc set add web banned 10.0.0.1 timeout 5 --exist",
            "bpfc set add web banned 10.0.0.1 -! timeout 5 -exist",
            "bpfc set add web -s banned 10.0.0.1 -output save timeout 5 -! -t",
        ] {
            assert_eq!(translated(line), expected, "{line}");
        }
        let colored = "bpfc --color never set del web banned 10.0.0.1 -exist";
        assert!(translated(colored).starts_with("bpfc --color never set --exist del"));
        assert_eq!(translated("bpfc set test w b 10.1 -q"), "bpfc set --quiet test -- w b 10.1");
        assert_eq!(
            translated("bpfc set add --color never w b 1"),
            "bpfc set --color never add -- w b 1"
        );
        assert_eq!(
            translated("bpfc set add w b 1 --color=never"),
            "bpfc set --color=never add -- w b 1"
        );
        assert_eq!(translated("bpfc set restore w -exist"), "bpfc set --exist restore w");
        assert_eq!(translated("bpfc set add -h"), "bpfc set -h add");
    }

    #[test]
    fn what_else_begins_with_a_dash_is_a_word() {
        for (line, expected) in [
            ("bpfc set add web -x 1.1.1.1", "bpfc set add -- web -x 1.1.1.1"),
            ("bpfc set add web -x -- -exist", "bpfc set add -- web -x -exist"),
            ("bpfc set add web x 1 -o json", "bpfc set add -- web x 1 -o json"),
            ("bpfc set swap web -x -y", "bpfc set swap -- web -x -y"),
        ] {
            assert_eq!(translated(line), expected);
        }
    }

    #[test]
    fn nothing_else_is_touched() {
        for line in [
            "bpfc",
            "bpfc set",
            "bpfc set add",
            "bpfc load set -exist",
            "bpfc set list web --json -x",
            "bpfc set list web -- -exist",
            "bpfc help set -exist",
        ] {
            assert_eq!(translated(line), line);
        }
    }
}
