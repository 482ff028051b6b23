//! `bpfc help-code`: what a diagnostic's code means.

use crate::args::HelpCodeArgs;
use crate::console::{Console, Failure};
use bpfc_diag::{Code, EXPLANATIONS, Explanation, explain};
use serde::Serialize;

#[derive(Serialize)]
struct JsonExplanation {
    code: String,
    title: &'static str,
    text: &'static str,
}

impl From<&Explanation> for JsonExplanation {
    fn from(from: &Explanation) -> Self {
        JsonExplanation { code: from.code.to_string(), title: from.title, text: from.text }
    }
}

pub(super) fn run(args: &HelpCodeArgs, console: &Console) -> Result<(), Failure> {
    let Some(word) = &args.code else {
        return match args.json {
            true => {
                let all: Vec<JsonExplanation> = EXPLANATIONS.iter().map(Into::into).collect();
                console.print_json(&all)
            }
            false => {
                let lines: Vec<String> =
                    EXPLANATIONS.iter().map(|e| format!("{}  {}\n", e.code, e.title)).collect();
                console.print(&lines.concat())
            }
        };
    };
    let found = word.parse::<Code>().ok().and_then(explain);
    let Some(found) = found else {
        return Err(Failure::Usage(format!(
            "there is no code '{word}'; `bpfc help-code` lists them all"
        )));
    };
    match args.json {
        true => console.print_json(&JsonExplanation::from(found)),
        false => console.print(&format!("{}: {}\n\n{}\n", found.code, found.title, found.text)),
    }
}
