//! Artifacts as an older kernel takes them: what such a kernel has not is asked for by a name that
//! no kernel knows, so that programs go the other way.

use bpfc_artifact::{Artifact, RelocKind};

/// No function of any kernel.
const LATER: &str = "bpf_of_a_later_kernel";

/// Makes programs of an artifact do without the kernel functions that they can do without. Yields
/// how often they ask for some.
pub fn age(artifact: &mut Artifact) -> usize {
    let mut asked = 0;
    for reloc in artifact.functions.iter_mut().flat_map(|function| &mut function.relocs) {
        match &mut reloc.kind {
            RelocKind::FunctionExists { name, .. } => {
                *name = LATER.to_owned();
                asked += 1;
            }
            RelocKind::OptionalKfunc { name, .. } => *name = LATER.to_owned(),
            _ => {}
        }
    }
    asked
}
