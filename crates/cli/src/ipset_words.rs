//! What people who know ipset type: its `-exist` and `-!` are no options that clap could describe.
//!
//! ipset takes them anywhere on the command line, behind the element, too, where every word
//! belongs to the element otherwise.

use std::ffi::OsString;

/// Whether a word is ipset's option to take what is there already.
pub fn is_exist(word: &str) -> bool {
    matches!(word, "-exist" | "--exist" | "-!" | "--!")
}

/// The command line with ipset's spellings of `bpfc set` replaced by `--exist` before the rest.
pub fn translate(arguments: Vec<OsString>) -> Vec<OsString> {
    let Some(command) = first_word(&arguments).filter(|at| arguments[*at] == "set") else {
        return arguments;
    };
    let end = arguments.iter().position(|word| word == "--").unwrap_or(arguments.len());
    let (mut before, mut behind) = (arguments, Vec::new());
    let rest = before.split_off(command + 1);
    let end = end.saturating_sub(command + 1);
    let mut exist = false;
    for (at, word) in rest.into_iter().enumerate() {
        match at < end && word.to_str().is_some_and(is_exist) {
            true => exist = true,
            false => behind.push(word),
        }
    }
    before.extend(exist.then(|| "--exist".into()));
    before.append(&mut behind);
    before
}

/// Where the command stands.
fn first_word(arguments: &[OsString]) -> Option<usize> {
    let mut at = 1;
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
    fn exist_stands_anywhere() {
        let expected = "bpfc set --exist add web banned 10.0.0.1 timeout 5";
        for line in [
            "bpfc set -! add web banned 10.0.0.1 timeout 5",
            "bpfc set add -exist web banned 10.0.0.1 timeout 5",
            "bpfc set add web banned -exist 10.0.0.1 timeout 5",
            "bpfc set add web banned 10.0.0.1 timeout 5 --exist",
            "bpfc set add web banned 10.0.0.1 -! timeout 5 -exist",
        ] {
            assert_eq!(translated(line), expected, "{line}");
        }
        let colored = "bpfc --color never set del web banned 10.0.0.1 -exist";
        assert!(translated(colored).starts_with("bpfc --color never set --exist del"));
    }

    #[test]
    fn nothing_else_is_touched() {
        for line in [
            "bpfc",
            "bpfc load set -exist",
            "bpfc set add web banned 10.0.0.1",
            "bpfc set add web banned -- -exist",
            "bpfc help set -exist",
        ] {
            assert_eq!(translated(line), line);
        }
    }
}
