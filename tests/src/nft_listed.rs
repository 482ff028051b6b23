//! What nft lists of a ruleset, as text and as JSON, through the compiler.

use crate::lab::nft::listed;
use bpfc_driver::{Options, lower};
use bpfc_ir::{Hook, Input};

/// Compares the IR of what nft lists as text and as JSON of the ruleset in place. An error says how
/// they differ, or why one is refused.
pub fn compile_alike(hooks: &[Hook]) -> Result<(), String> {
    let list = |as_json| listed(as_json).map_err(|error| error.to_string());
    let [text, json] = [list(false)?, list(true)?];
    let has_devices = text.lines().any(|line| line.contains("gress device"));
    let of_text = ir(text, "nft", hooks)?;
    if has_devices && !json.contains("\"dev\"") {
        // nft before 1.1.0 leaves them out.
        return match ir(json, "nft-json", hooks) {
            Err(said) if said.contains("one of devices, and none is named") => Ok(()),
            read => Err(format!("JSON without devices: {read:?}")),
        };
    }
    let of_json = ir(json, "nft-json", hooks)?;
    match of_text == of_json {
        true => Ok(()),
        false => Err(format!("of text:\n{of_text}\nof JSON:\n{of_json}")),
    }
}

/// The IR before any pass, without what only quotes the ruleset.
fn ir(text: String, format: &str, hooks: &[Hook]) -> Result<String, String> {
    let input =
        Input { name: "listed".to_owned(), bytes: text.into(), format: Some(format.to_owned()) };
    let options = Options { hooks: Some(hooks.to_vec()), ..Options::default() };
    let lowered = lower(&[input], &options);
    let said = || format!("{format}: {:?}", lowered.diagnostics);
    let program = lowered.program.as_ref().ok_or_else(said)?.to_string();
    let quotes = |line: &&str| line.starts_with("rule") && line.contains(" = ");
    Ok(program.lines().filter(|line| !quotes(line)).collect::<Vec<_>>().join("\n"))
}
