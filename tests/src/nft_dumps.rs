//! What the kernel tells of a ruleset of nft beside the ruleset's text: both must be one program.

use crate::lab::namespace::{ip, isolated};
use crate::lab::{LabError, nft};
use bpfc_driver::{Input, Lowering, Options, Renderer, lower};
use bpfc_ir::Shape;
use bpfc_runtime::nft_dump;
use std::fmt::Write;

/// Interfaces that rules name by their index.
const INTERFACES: &[[&str; 2]] = &[["eth0", "eth1"], ["wlan0", "wan0"]];

/// What a ruleset is as text and as the kernel tells of it.
#[derive(Clone, Debug)]
pub struct Both {
    /// The program of the text, or its errors.
    pub text: String,
    /// That of the kernel's messages.
    pub dump: String,
}

impl Both {
    /// The lines that are in one of the two alone, with a few before the first; empty where the two
    /// are the same.
    pub fn difference(&self) -> String {
        let (text, dump): (Vec<&str>, Vec<&str>) =
            (self.text.lines().collect(), self.dump.lines().collect());
        let same = text.iter().zip(&dump).take_while(|(a, b)| a == b).count();
        if same == text.len() && same == dump.len() {
            return String::new();
        }
        let mut shown = String::new();
        for line in &text[same.saturating_sub(6)..same] {
            let _ = writeln!(shown, "  {line}");
        }
        for (sign, lines) in [("text", &text), ("dump", &dump)] {
            for line in lines.iter().skip(same).take(8) {
                let _ = writeln!(shown, "{sign}: {line}");
            }
        }
        shown
    }
}

/// A lowered ruleset without the places of its rules: the program and what is in its tables, or the
/// errors.
fn shown(input: Input, options: &Options) -> String {
    let Lowering { program, contents, diagnostics, sources, .. } = lower(&[input], options);
    let Some(mut program) = program else {
        return Renderer::new(false).render_all(&diagnostics, &sources);
    };
    for rule in program.rules.values_mut() {
        rule.span = None;
    }
    let mut text = program.to_string();
    for (table, elements) in contents.iter() {
        let mut elements: Vec<_> = elements.iter().collect();
        // A hash has no order, and the kernel's is its own.
        if program.tables[table].key.iter().all(|part| part.shape == Shape::Exact) {
            elements.sort_by(|a, b| a.key.cmp(&b.key));
        }
        for mut element in elements {
            // How much is left of it when it is asked for.
            if let Some(life) = &mut element.life {
                life.left = 0;
            }
            let _ = writeln!(text, "{table} {element:?}");
        }
    }
    text
}

/// Loads a ruleset in the calling thread's namespace and reads it back.
///
/// # Errors
/// Where nft refuses it or the kernel does not tell.
pub fn both(ruleset: &str) -> Result<Both, LabError> {
    nft::load(ruleset)?;
    let bytes = nft_dump::dump().map_err(|error| LabError::Output {
        tool: "nf_tables".to_owned(),
        line: error.to_string(),
    })?;
    let input = |bytes: Vec<u8>| Input { name: "ruleset".to_owned(), bytes, format: None };
    let options = Options::default();
    let show = |bytes| shown(input(bytes), &options);
    Ok(Both { text: show(ruleset.as_bytes().to_vec()), dump: show(bytes) })
}

/// The same in a namespace of its own, with interfaces for rules to name.
///
/// # Errors
/// As of [`both`].
pub fn both_apart(ruleset: &str) -> Result<Both, LabError> {
    isolated(|| {
        let pair = |[a, b]: &[&str; 2]| format!("link add {a} type veth peer name {b}\n");
        let lines = INTERFACES.iter().map(pair);
        ip(&lines.collect::<String>())?;
        both(ruleset)
    })
}
