//! Asking objects: each object and query becomes a function `int query(ctx, packet)` that answers,
//! most of them 1 or 0. It is verified once, however many rules ask; its arguments lie in the
//! packet structure.

mod connections;
mod recent;
pub(crate) mod set;

use crate::emitter::Emitter;
use crate::error::EmitError;
use bpfc_artifact::FunctionIndex;
use bpfc_ir::{Object, ObjectKind, Query};

/// The function of a query.
pub(crate) fn emit(
    emitter: &mut Emitter<'_>,
    object: Object,
    query: &Query,
) -> Result<FunctionIndex, EmitError> {
    let kind = emitter.program.objects[object].kind.clone();
    match (query, kind) {
        (Query::Recent(query), ObjectKind::Recent(list)) => {
            recent::emit(emitter, object, &list, query)
        }
        (Query::Connections, ObjectKind::Connections { family }) => {
            connections::emit(emitter, object, family)
        }
        (Query::Set(query), ObjectKind::Set(set)) => set::emit(emitter, object, &set, query),
        // The IR's verifier refuses them.
        _ => Err(EmitError::Query),
    }
}
