//! The front end as the driver sees it.

use crate::interfaces::Interfaces;
use crate::{Includes, Machine, lower};
use bpfc_diag::{Code, Diagnostic, Diagnostics, FileId, SourceMap};
use bpfc_ir::{Accounts, Frontend, FrontendOptions, Input, InputFormat, Lowered, Recognised, raw};

/// Reads nftables rulesets.
#[derive(Clone, Copy, Debug, Default)]
pub struct NftablesFrontend;

const TEXT: &str = "nft";

const FORMATS: &[InputFormat] =
    &[InputFormat { name: TEXT, description: "what nft reads and `nft list ruleset` prints" }];

/// Files are not read: the driver does no I/O.
struct NoFiles;

impl Includes for NoFiles {
    fn find(&mut self, _: &str, _: FileId, _: &mut SourceMap) -> Result<Vec<FileId>, String> {
        Err("files are not included here: put them into one".to_owned())
    }
}

/// What rules ask of the machine: its accounts, where someone knows them.
#[derive(Debug)]
struct Known<'a> {
    interfaces: &'a Interfaces,
    accounts: Option<&'static dyn Accounts>,
}

impl Machine for Known<'_> {
    fn interface(&self, name: &str) -> Option<u32> {
        Some(self.interfaces.number(name))
    }

    fn user(&self, name: &str) -> Option<u32> {
        self.accounts?.user(name)
    }

    fn group(&self, name: &str) -> Option<u32> {
        self.accounts?.group(name)
    }

    fn control_group(&self, _: &str) -> Option<u64> {
        None
    }

    fn utc_offset(&self) -> i32 {
        0
    }
}

/// The words that begin a ruleset's commands.
const COMMANDS: [&str; 13] = [
    "table", "add", "create", "insert", "replace", "delete", "destroy", "flush", "rename",
    "define", "redefine", "undefine", "include",
];

/// Whether a text is one of nft: its first line says so, or its first word is a command.
fn is_text(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    if first.starts_with("#!") {
        return first.contains("nft");
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let command = lines.find(|line| !line.starts_with('#'));
    let word = command.and_then(|line| line.split([' ', '\t', ';', '{']).next());
    word.is_some_and(|word| COMMANDS.contains(&word))
}

impl Frontend for NftablesFrontend {
    fn name(&self) -> &'static str {
        "nftables"
    }

    fn formats(&self) -> &'static [InputFormat] {
        FORMATS
    }

    fn recognise(&self, bytes: &[u8]) -> Option<Recognised<'static>> {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(1 << 16)]);
        is_text(&text).then(|| Recognised::sure(TEXT))
    }

    fn lower(
        &self,
        input: &Input,
        _: Recognised<'_>,
        options: &FrontendOptions,
        sources: &mut SourceMap,
        diagnostics: &mut Diagnostics,
    ) -> Option<Lowered> {
        let file = sources.add(&input.name, raw::decode(&input.bytes));
        let interfaces = Interfaces::default();
        let machine = Known { interfaces: &interfaces, accounts: options.accounts };
        let ruleset = crate::read(&[file], sources, &mut NoFiles, &machine, diagnostics)?;
        let lowered = lower::lower(&ruleset, &interfaces, options, sources, diagnostics)?;
        if lowered.program.entries.is_empty() {
            let message = "the ruleset has no base chain that is compiled: it decides no packet";
            diagnostics.push(Diagnostic::warning(Code::NO_CHAIN, None, message));
        }
        let lower::Output { program, listing, contents } = lowered;
        Some(Lowered { program, listing, contents, file, too_large: Vec::new() })
    }
}
