//! The lines of what `ipset restore` takes: the command that each one begins with, in any of its
//! spellings, the options that stand anywhere, and what `-exist` counts for.

/// Most bytes of a line that ipset takes (its `MAX_CMDLINE_CHARS`).
pub const MOST_BYTES: usize = 1022;
/// Most words of a line that ipset takes (its `MAX_ARGS`).
pub const MOST_WORDS: usize = 30;

/// What a line does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineCommand {
    /// `create`: makes a set.
    Create,
    /// `add`: adds an element.
    Add,
    /// `del`: deletes an element.
    Delete,
    /// `test`: says whether an element is there.
    Test,
    /// `destroy`: removes sets.
    Destroy,
    /// `list`: prints sets for people.
    List,
    /// `save`: prints sets for `restore`.
    Save,
    /// `flush`: deletes all elements.
    Flush,
    /// `rename`: names a set anew.
    Rename,
    /// `swap`: exchanges the elements of two sets.
    Swap,
    /// `restore`, `help`, `version`, which a file cannot hold, and `quit`.
    Other,
}

/// Commands with their names, in the order in which ipset looks for one that begins as a word does.
const COMMANDS: &[(LineCommand, &[&str])] = &[
    (LineCommand::Create, &["create", "new", "-N"]),
    (LineCommand::Add, &["add", "-A"]),
    (LineCommand::Delete, &["del", "-D"]),
    (LineCommand::Test, &["test", "-T"]),
    (LineCommand::Destroy, &["destroy", "x", "-X"]),
    (LineCommand::List, &["list", "-L"]),
    (LineCommand::Save, &["save", "-S"]),
    (LineCommand::Other, &["restore", "-R"]),
    (LineCommand::Flush, &["flush", "-F"]),
    (LineCommand::Rename, &["rename", "e", "-E"]),
    (LineCommand::Swap, &["swap", "w", "-W"]),
    (LineCommand::Other, &["help", "-h", "-H"]),
    (LineCommand::Other, &["version", "-v", "-V"]),
    (LineCommand::Other, &["quit"]),
];

impl LineCommand {
    /// The command of a word, which may be cut short and have two dashes in front.
    pub fn of(word: &str) -> Option<LineCommand> {
        if word == "add" {
            return Some(LineCommand::Add);
        }
        let short = word.strip_prefix("--").unwrap_or(word);
        if short.is_empty() || short == "-" {
            return None;
        }
        let begins = |names: &[&str]| names.iter().any(|name| name.starts_with(short));
        COMMANDS.iter().find(|(_, names)| begins(names)).map(|(command, _)| *command)
    }

    /// How many words it takes, those of an element or of options aside.
    pub fn arguments(self) -> std::ops::RangeInclusive<usize> {
        match self {
            LineCommand::Create | LineCommand::Add | LineCommand::Delete | LineCommand::Test => {
                2..=usize::MAX
            }
            LineCommand::Rename | LineCommand::Swap => 2..=2,
            LineCommand::Destroy | LineCommand::List | LineCommand::Save | LineCommand::Flush => {
                0..=1
            }
            LineCommand::Other => 0..=usize::MAX,
        }
    }
}

/// Takes the options out of a line that may stand anywhere in it, and says whether `-exist` was
/// there: the others only change what ipset prints. The error is the word at fault and a sentence.
pub fn take_options<'a>(words: &mut Vec<&'a str>) -> Result<bool, (&'a str, String)> {
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

/// Which lines may add what is there already, and delete what is not there.
///
/// `-exist` counts for its line and all later ones. ipset sends lines that add to one set, or
/// delete from one, together, and takes the first one's word for all of them.
#[derive(Clone, Debug, Default)]
pub struct Together {
    exist: bool,
    /// The command and the set of the lines that are sent together, and whether `-exist` counts.
    sent: Option<(LineCommand, String, bool)>,
}

impl Together {
    /// Lines of which all are taken so where `exist` is true.
    pub fn new(exist: bool) -> Together {
        Together { exist, sent: None }
    }

    /// A line says `-exist`.
    pub fn say_exist(&mut self) {
        self.exist = true;
    }

    /// What was sent is carried out (`COMMIT`).
    pub fn commit(&mut self) {
        self.sent = None;
    }

    /// Whether `-exist` counts for the line of a command with these words behind it.
    pub fn is_exist(&mut self, command: LineCommand, arguments: &[&str]) -> bool {
        let set = match (command, arguments.first()) {
            (LineCommand::Add | LineCommand::Delete, Some(set)) => *set,
            _ => {
                self.sent = None;
                return self.exist;
            }
        };
        match &self.sent {
            Some((with, name, exist)) if *with == command && name == set => *exist,
            _ => {
                self.sent = Some((command, set.to_owned(), self.exist));
                self.exist
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_may_be_cut_short() {
        let commands = [
            ("c", LineCommand::Create),
            ("n", LineCommand::Create),
            ("--create", LineCommand::Create),
            ("-N", LineCommand::Create),
            ("d", LineCommand::Delete),
            ("des", LineCommand::Destroy),
            ("x", LineCommand::Destroy),
            ("r", LineCommand::Other),
            ("ren", LineCommand::Rename),
            ("s", LineCommand::Save),
            ("sw", LineCommand::Swap),
            ("w", LineCommand::Swap),
            ("--flush", LineCommand::Flush),
        ];
        for (word, command) in commands {
            assert_eq!(LineCommand::of(word), Some(command), "{word}");
        }
        for word in ["-", "--", "", "--N", "creates", "COMMIT", "-a"] {
            assert_eq!(LineCommand::of(word), None, "{word}");
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
