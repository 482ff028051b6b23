//! What an object holds, before it is ELF: code, the types that go with it, where both lie.
//!
//! Writing needs it to write, reading to compare. Some instructions hold the numbers of types, so
//! that code is complete only when the types are.

use crate::check::map_use;
use crate::code::{self, Code};
use crate::layout::{Layout, layout};
use crate::types::{self, Types};
use bpfc_artifact::{Artifact, MapIndex};
use std::collections::BTreeMap;

/// An object's content.
#[derive(Debug)]
pub struct Content<'a> {
    /// Which function lies where.
    pub layout: Layout<'a>,
    /// The code of the layout's sections.
    pub codes: Vec<Code<'a>>,
    /// Maps whose values code addresses, with the names of their data sections.
    pub value_maps: BTreeMap<MapIndex, String>,
    /// BTF.
    pub types: Types,
}

impl<'a> Content<'a> {
    /// The content of a valid artifact's object of a version.
    pub fn of(artifact: &'a Artifact, version: u32) -> Self {
        let layout = layout(artifact, version);
        let sections = layout.sections.iter();
        let mut codes: Vec<Code> =
            sections.map(|section| code::of_section(artifact, &layout, section)).collect();
        let value_maps = value_maps(artifact);
        let types = types::describe(artifact, &layout, &codes, &value_maps);
        if version > 1 {
            for (code, numbers) in codes.iter_mut().zip(&types.numbers) {
                code.place_numbers(numbers);
            }
        }
        Content { layout, codes, value_maps, types }
    }
}

/// libbpf makes an array of one entry of each data section. Older ones know sections `.data.NAME`
/// but not `.bss.NAME`.
fn value_maps(artifact: &Artifact) -> BTreeMap<MapIndex, String> {
    (0..)
        .map(MapIndex)
        .zip(&artifact.maps)
        .filter(|(index, _)| map_use(artifact, *index).by_value)
        .map(|(index, map)| (index, format!(".data.{}", map.name)))
        .collect()
}
