//! `bpfc completions`: a shell's completion script.
//!
//! What clap makes knows commands, options and words that are the same everywhere. Around it stands
//! a function that first asks the command itself (`bpfc __complete`) for what only this machine
//! knows: filters, their sets and lists, interfaces.

use crate::args::CompletionsArgs;
use crate::console::{Console, Failure};
use clap_complete::Shell;

pub(super) fn run(args: &CompletionsArgs, console: &Console) -> Result<(), Failure> {
    console.print_bytes(&script(args.shell))
}

/// The script, as text.
pub fn script(shell: Shell) -> Vec<u8> {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut crate::definition(), "bpfc", &mut bytes);
    let Ok(script) = String::from_utf8(bytes.clone()) else { return bytes };
    match shell {
        Shell::Bash => {
            script.replace("complete -F _bpfc ", "complete -F _bpfc_here ") + "\n" + BASH
        }
        Shell::Zsh => {
            let script = script.replace("\n_bpfc() {\n", "\n_bpfc_static() {\n");
            let end = script.rfind("\nif [ \"$funcstack[1]\"").unwrap_or(script.len());
            format!("{}\n{ZSH}{}", &script[..end], &script[end..])
        }
        Shell::Fish => script + FISH,
        _ => script,
    }
    .into_bytes()
}

const BASH: &str = "\
_bpfc_here() {
    local names
    names=$(\"${COMP_WORDS[0]}\" __complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)
    if [[ -n $names ]]; then
        COMPREPLY=( $(compgen -W \"$names\" -- \"${COMP_WORDS[COMP_CWORD]}\") )
    else
        _bpfc \"$@\"
    fi
}
";

const ZSH: &str = "\
_bpfc() {
    local -a names
    names=(${(f)\"$($words[1] __complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)\"})
    if (( $#names )); then
        compadd -a names
    else
        _bpfc_static \"$@\"
    fi
}
";

const FISH: &str = "\
function __fish_bpfc_here
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete -- $words[2..] 2>/dev/null
end
complete -c bpfc -f -n \"__fish_bpfc_here | string length -q\" -a \"(__fish_bpfc_here)\"
";
