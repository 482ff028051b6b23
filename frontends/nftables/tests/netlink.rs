//! What kernels tell of rulesets: `dumps/NAME.dump` is what a kernel (Linux 6.18) told of
//! `rulesets/NAME.nft`, which nft 1.1.6 had loaded two hours ahead of UTC. Both are one model.
//!
//! `bpfc compile live:nft --emit input -o NAME.dump` writes such a file. `BPFC_SEED` chooses how
//! they are damaged.

mod support;

use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_ir::{Frontend, FrontendOptions, Input, Recognised};
use bpfc_nftables::model::{Operation, Ruleset, Set};
use bpfc_nftables::{NftablesFrontend, read_dump};
use std::fs;
use std::path::{Path, PathBuf};
use support::{Included, read_all_with};

const NAMES: [&str; 5] = ["commands", "expressions", "server", "services", "zones"];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn dump(bytes: &[u8]) -> (Option<Ruleset>, SourceMap, Diagnostics) {
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let ruleset = read_dump("test.dump", bytes, &mut sources, &mut diagnostics);
    (ruleset, sources, diagnostics)
}

/// The text of a model without what the kernel alone decides or nobody's reader can know: handles,
/// the order of devices and of elements in hashes, widths of fields that are no whole bytes.
fn shown(mut ruleset: Ruleset) -> Vec<String> {
    for table in &mut ruleset.tables {
        // The process that owned it has ended.
        table.flags.retain(|flag| flag != "owner");
        let sort = |set: &mut Set| {
            if !(set.flags.interval && set.key.len() > 1) {
                set.elements
                    .sort_by(|a, b| (a.key.is_none(), &a.key).cmp(&(b.key.is_none(), &b.key)));
            }
            for part in set.key.iter_mut().chain(&mut set.data) {
                part.bits = part.bits.next_multiple_of(8);
            }
            if set.flags.dynamic {
                // What nft gives to sets that say none.
                set.size.get_or_insert(65_535);
            }
            for element in &mut set.elements {
                // How much of it is left.
                if let Some(more) = &mut element.more {
                    more.expires = None;
                }
            }
        };
        table.sets.iter_mut().chain(&mut table.anonymous).for_each(sort);
        for base in table.chains.iter_mut().filter_map(|chain| chain.base.as_mut()) {
            base.devices.sort();
        }
        for rule in table.chains.iter_mut().flat_map(|chain| &mut chain.rules) {
            rule.handle = 0;
            for expression in &mut rule.expressions {
                // The level that rules have which name none.
                if let Operation::Log { level: level @ Some(4), .. } = &mut expression.operation {
                    *level = None;
                }
            }
        }
    }
    ruleset.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn what_the_kernel_tells_is_what_the_text_says() {
    for name in NAMES {
        let text = folder("rulesets").join(name).with_extension("nft");
        let text = fs::read_to_string(text).expect("is text");
        let (wanted, _, diagnostics) = read_all_with(&text, &mut Included(folder("rulesets")));
        let wanted = shown(wanted.unwrap_or_else(|| panic!("{name}: {diagnostics:?}")));
        let bytes = fs::read(folder("dumps").join(name).with_extension("dump")).expect("is there");
        let (found, _, diagnostics) = dump(&bytes);
        let found = shown(found.unwrap_or_else(|| panic!("{name}: {diagnostics:?}")));
        for (wanted, found) in wanted.iter().zip(&found) {
            assert_eq!(wanted, found, "{name}");
        }
        assert_eq!(wanted.len(), found.len(), "{name}");
    }
}

/// Numbers of a seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Bytes with a few of them changed, cut off, repeated or left out.
fn damaged(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len());
        match numbers.below(8) {
            0 => bytes.truncate(at.max(16)),
            1 => drop(bytes.drain(at..(at + 4 * numbers.below(40)).min(bytes.len()))),
            2 => {
                let end = (at + 4 * numbers.below(40)).min(bytes.len());
                bytes.extend_from_within(at..end);
            }
            3 => bytes[at] = 0,
            4 => bytes[at] = 0xff,
            5 => bytes[at & !3] = numbers.below(32) as u8,
            _ => bytes[at] = numbers.below(256) as u8,
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

#[test]
fn damaged_dumps_are_read_or_refused() {
    let seed = std::env::var("BPFC_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut numbers = Numbers(seed.unwrap_or(16));
    let (mut read, mut refused) = (0, 0);
    for name in NAMES {
        let whole = fs::read(folder("dumps").join(name).with_extension("dump")).expect("is there");
        for _ in 0..1_500 {
            let input = Input {
                name: name.to_owned(),
                bytes: damaged(&whole, &mut numbers),
                format: Some("nft-dump".to_owned()),
            };
            let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
            let (format, options) = (Recognised::sure("nft-dump"), FrontendOptions::default());
            let lowered =
                NftablesFrontend.lower(&input, format, &options, &mut sources, &mut diagnostics);
            assert_eq!(lowered.is_none(), diagnostics.has_errors(), "{diagnostics:?}");
            match lowered {
                Some(lowered) => {
                    read += 1;
                    assert_eq!(bpfc_ir::verify(&lowered.program), Ok(()));
                }
                None => refused += 1,
            }
        }
    }
    assert!(read > 50 && refused > 1_000, "{read} read, {refused} refused");
}
