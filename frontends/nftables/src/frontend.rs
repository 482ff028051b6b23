//! The front end as the driver sees it.

use crate::interfaces::Interfaces;
use crate::model::Ruleset;
use crate::{Includes, Machine, lower, netlink};
use bpfc_diag::{Code, Diagnostic, Diagnostics, FileId, SourceMap};
use bpfc_ir::{
    Accounts, Files, Frontend, FrontendOptions, Input, InputFormat, Lowered, Recognised, Resolver,
    Zone, raw,
};
use std::net::IpAddr;

/// Reads nftables rulesets.
#[derive(Clone, Copy, Debug, Default)]
pub struct NftablesFrontend;

const TEXT: &str = "nft";
const DUMP: &str = "nft-dump";
const JSON: &str = "nft-json";

const FORMATS: &[InputFormat] = &[
    InputFormat { name: TEXT, description: "what nft reads and `nft list ruleset` prints" },
    InputFormat { name: JSON, description: "what `nft -j` reads and `nft -j list ruleset` prints" },
    InputFormat { name: DUMP, description: "nftables as the kernel tells of it" },
];

/// Files that someone may read.
struct Included(Option<&'static dyn Files>);

impl Includes for Included {
    fn find(
        &mut self,
        path: &str,
        from: FileId,
        sources: &mut SourceMap,
    ) -> Result<Vec<FileId>, String> {
        let files = self.0.ok_or("no files are read here: put them into one")?;
        let found = files.find(path, sources.file(from).name())?;
        Ok(found
            .into_iter()
            .map(|file| sources.add(&file.name, raw::decode(&file.bytes)))
            .collect())
    }
}

/// What rules ask of the machine: its accounts, time and hosts, where someone knows them.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    pub interfaces: &'a Interfaces,
    pub accounts: Option<&'static dyn Accounts>,
    pub zone: Option<&'static dyn Zone>,
    pub resolver: Option<&'static dyn Resolver>,
}

impl Machine for Known<'_> {
    fn interface(&self, name: &str) -> Option<u32> {
        self.interfaces.number(name)
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

    fn utc_offset(&self, at: Option<i64>) -> i32 {
        self.zone.map_or(0, |zone| zone.offset(at))
    }

    fn host(&self, name: &str) -> Option<Result<Vec<IpAddr>, String>> {
        Some(self.resolver?.addresses(name))
    }
}

/// Warns of chains of devices that have none, which Linux 6.18 and nft 1.1 take: devices may be
/// added later.
fn warn_of_no_device(ruleset: &Ruleset, diagnostics: &mut Diagnostics) {
    for table in &ruleset.tables {
        let bases = table.chains.iter().filter_map(|chain| Some((chain, chain.base.as_ref()?)));
        for (chain, base) in bases {
            if matches!(base.hook.as_str(), "ingress" | "egress") && base.devices.is_empty() {
                let label = format!("{}/{}/{}", table.family.name(), table.name, chain.name);
                let message = format!("chain '{label}' has no device: no packet meets it");
                diagnostics.push(Diagnostic::warning(Code::NO_CHAIN, None, message));
            }
        }
    }
}

/// The words that begin a ruleset's commands, but for `table`.
const COMMANDS: [&str; 8] =
    ["add", "create", "insert", "replace", "delete", "destroy", "flush", "rename"];

/// What such commands are about. The commands of ipset have a set's name there.
const OBJECTS: [&str; 14] = [
    "table",
    "tables",
    "chain",
    "rule",
    "set",
    "map",
    "element",
    "ruleset",
    "counter",
    "quota",
    "limit",
    "flowtable",
    "ct",
    "synproxy",
];

/// Whether a text is one of nft: its first line says so, or its first command is one.
fn is_text(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    if first.starts_with("#!") {
        return first.contains("nft");
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let command = lines.find(|line| !line.starts_with('#')).unwrap_or_default();
    let mut words = command.split([' ', '\t', ';', '{']).filter(|word| !word.is_empty());
    let [first, second] = [(); 2].map(|()| words.next().unwrap_or_default());
    match first {
        "table" | "define" | "redefine" | "undefine" => !second.is_empty(),
        "include" => second.starts_with('"'),
        _ => COMMANDS.contains(&first) && OBJECTS.contains(&second),
    }
}

impl Frontend for NftablesFrontend {
    fn name(&self) -> &'static str {
        "nftables"
    }

    fn formats(&self) -> &'static [InputFormat] {
        FORMATS
    }

    fn recognise(&self, bytes: &[u8]) -> Option<Recognised<'static>> {
        if netlink::recognise(bytes) {
            return Some(Recognised::sure(DUMP));
        }
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(1 << 16)]);
        match () {
            () if crate::json::is_json(&text) => Some(Recognised::sure(JSON)),
            () if is_text(&text) => Some(Recognised::sure(TEXT)),
            () => None,
        }
    }

    fn lower(
        &self,
        input: &Input,
        read_as: Recognised<'_>,
        options: &FrontendOptions,
        sources: &mut SourceMap,
        diagnostics: &mut Diagnostics,
    ) -> Option<Lowered> {
        self.lower_joined(&[input], read_as, options, sources, diagnostics)
    }

    fn joins(&self, format: &str) -> bool {
        format == TEXT
    }

    fn lower_joined(
        &self,
        inputs: &[&Input],
        read_as: Recognised<'_>,
        options: &FrontendOptions,
        sources: &mut SourceMap,
        diagnostics: &mut Diagnostics,
    ) -> Option<Lowered> {
        let input = inputs.first()?;
        let (ruleset, interfaces, file) = match read_as.format {
            DUMP => netlink::read(&input.name, &input.bytes, sources, diagnostics)?,
            format => {
                let add = |input: &&Input| sources.add(&input.name, raw::decode(&input.bytes));
                let files: Vec<FileId> = inputs.iter().map(add).collect();
                let file = *files.first()?;
                let interfaces = Interfaces::default();
                let FrontendOptions { accounts, zone, resolver, .. } = *options;
                let machine = Known { interfaces: &interfaces, accounts, zone, resolver };
                let mut included = Included(options.files);
                let ruleset = match format {
                    JSON => crate::read_json(file, sources, &machine, diagnostics),
                    _ => crate::read(&files, sources, &mut included, &machine, diagnostics),
                };
                (ruleset?, interfaces, file)
            }
        };
        warn_of_no_device(&ruleset, diagnostics);
        let lowered = lower::lower(&ruleset, &interfaces, options, sources, diagnostics)?;
        if lowered.program.entries.is_empty() {
            let message = "the ruleset has no base chain that is compiled: it decides no packet";
            diagnostics.push(Diagnostic::warning(Code::NO_CHAIN, None, message));
        }
        let lower::Output { program, listing, contents } = lowered;
        Some(Lowered { program, listing, contents, file, too_large: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_of_nft_are_recognised() {
        let format = |text: &str| NftablesFrontend.recognise(text.as_bytes()).map(|as_| as_.format);
        for text in [
            "{\"nftables\": [{\"metainfo\": {}}]}",
            " {\n  \"nftables\" :\n[]}",
            "{\"a\": 1, \"nftables\": [",
        ] {
            assert_eq!(format(text), Some(JSON), "{text}");
        }
        for text in ["{}", "{\"nftables\": {}}", "[\"nftables\", []]", "{\"a\": \"nftables\"}"] {
            assert_eq!(format(text), None, "{text}");
        }
        assert_eq!(format("table t {\n}\n"), Some(TEXT));
    }

    #[test]
    fn rulesets_of_nft_are_recognised() {
        for text in [
            "#!/usr/sbin/nft -f\n",
            "\n# a comment\ntable inet filter {\n}\n",
            "flush ruleset\n",
            "add table ip x",
            "define WAN = eth0\n",
            "include \"/etc/nftables.d/*.nft\"\n",
            "table t{}",
        ] {
            assert!(is_text(text), "{text}");
        }
        for text in [
            "create a hash:ip\n",
            "add a 1.2.3.4\n",
            "*filter\nCOMMIT\n",
            "",
            "table",
            "#!/bin/sh\nadd table x",
        ] {
            assert!(!is_text(text), "{text}");
        }
    }
}
