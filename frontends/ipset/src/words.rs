//! The words of a line that every command of ipset has: the command itself, in any of its
//! spellings, and the options that stand anywhere.

/// What a line does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Create,
    Add,
    Delete,
    Test,
    Destroy,
    List,
    Save,
    Flush,
    Rename,
    Swap,
    /// `restore`, `help`, `version`, which a file cannot hold, and `quit`.
    Other,
}

/// Commands with their names, in the order in which ipset looks for one that begins as a word does.
const COMMANDS: &[(Command, &[&str])] = &[
    (Command::Create, &["create", "new", "-N"]),
    (Command::Add, &["add", "-A"]),
    (Command::Delete, &["del", "-D"]),
    (Command::Test, &["test", "-T"]),
    (Command::Destroy, &["destroy", "x", "-X"]),
    (Command::List, &["list", "-L"]),
    (Command::Save, &["save", "-S"]),
    (Command::Other, &["restore", "-R"]),
    (Command::Flush, &["flush", "-F"]),
    (Command::Rename, &["rename", "e", "-E"]),
    (Command::Swap, &["swap", "w", "-W"]),
    (Command::Other, &["help", "-h", "-H"]),
    (Command::Other, &["version", "-v", "-V"]),
    (Command::Other, &["quit"]),
];

impl Command {
    /// The command of a word, which may be cut short and have two dashes in front.
    pub(crate) fn of(word: &str) -> Option<Command> {
        if word == "add" {
            return Some(Command::Add);
        }
        let short = word.strip_prefix("--").unwrap_or(word);
        if short.is_empty() || short == "-" {
            return None;
        }
        let begins = |names: &[&str]| names.iter().any(|name| name.starts_with(short));
        COMMANDS.iter().find(|(_, names)| begins(names)).map(|(command, _)| *command)
    }

    /// How many words it takes, those of an element or of options aside.
    pub(crate) fn arguments(self) -> std::ops::RangeInclusive<usize> {
        match self {
            Command::Create | Command::Add | Command::Delete | Command::Test => 2..=usize::MAX,
            Command::Rename | Command::Swap => 2..=2,
            Command::Destroy | Command::List | Command::Save | Command::Flush => 0..=1,
            Command::Other => 0..=usize::MAX,
        }
    }
}

/// Takes the options out of a line that may stand anywhere in it, and says whether `-exist` was
/// there: the others only change what ipset prints. The error is the word at fault and a sentence.
pub(crate) fn take_options<'a>(words: &mut Vec<&'a str>) -> Result<bool, (&'a str, String)> {
    // In ipset's order: what one takes with it is not there for the next.
    const OPTIONS: [[&str; 2]; 8] = [
        ["-o", "-output"],
        ["-s", "-sorted"],
        ["-q", "-quiet"],
        ["-r", "-resolve"],
        ["-!", "-exist"],
        ["-n", "-name"],
        ["-t", "-terse"],
        ["-f", "-file"],
    ];
    let mut exist = false;
    if !words.iter().any(|word| word.starts_with('-')) {
        return Ok(exist);
    }
    for names in OPTIONS {
        let is_it = |word: &str| {
            let word = if word.starts_with("--") { &word[1..] } else { word };
            names.contains(&word)
        };
        while let Some(at) = words.iter().position(|word| is_it(word)) {
            let word = words.remove(at);
            match names[0] {
                "-!" => exist = true,
                "-o" if at < words.len() => {
                    let mode = words.remove(at);
                    if !matches!(mode, "plain" | "save" | "xml") {
                        return Err((mode, format!("'{mode}' is no output mode")));
                    }
                }
                "-o" => return Err((word, format!("'{word}' needs a value"))),
                "-f" => return Err((word, "a line of a file names no other file".into())),
                _ => {}
            }
        }
    }
    Ok(exist)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_may_be_cut_short() {
        let commands = [
            ("c", Command::Create),
            ("n", Command::Create),
            ("--create", Command::Create),
            ("-N", Command::Create),
            ("d", Command::Delete),
            ("des", Command::Destroy),
            ("x", Command::Destroy),
            ("r", Command::Other),
            ("ren", Command::Rename),
            ("s", Command::Save),
            ("sw", Command::Swap),
            ("w", Command::Swap),
            ("--flush", Command::Flush),
        ];
        for (word, command) in commands {
            assert_eq!(Command::of(word), Some(command), "{word}");
        }
        for word in ["-", "--", "", "--N", "creates", "COMMIT", "-a"] {
            assert_eq!(Command::of(word), None, "{word}");
        }
    }

    #[test]
    fn options_stand_anywhere() {
        let taken = |line: &'static str| {
            let mut words = line.split(' ').collect();
            take_options(&mut words).map(|exist| (exist, words.join(" ")))
        };
        assert_eq!(taken("-! add -q a x"), Ok((true, "add a x".into())));
        assert_eq!(taken("add a x --exist -o save"), Ok((true, "add a x".into())));
        assert_eq!(taken("add a ---exist"), Ok((false, "add a ---exist".into())));
        assert!(taken("add -o foo").is_err() && taken("add -o").is_err());
        assert!(taken("add a x -f y").is_err());
    }
}
