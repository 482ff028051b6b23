//! The code of every routine.

use crate::chain::count_list;
use crate::effect::{front, log, strip};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::kernel::device;
use crate::lookup::control_group;
use crate::main_function::{addressee, authentication, bridge, route, socket};
use crate::routine::Routine;
use crate::scan::{text, walk};
use crate::{conntrack, lookup, query, reply, scan, state, table};
use bpfc_artifact::FunctionIndex;

/// Emits a routine. Its function is the last that is added.
pub(crate) fn emit(
    emitter: &mut Emitter<'_>,
    routine: &Routine,
) -> Result<FunctionIndex, EmitError> {
    match *routine {
        Routine::Fetch => emitter.emit_fetch(),
        Routine::Walk => walk::emit(emitter, None),
        Routine::Authentication => authentication::emit(emitter),
        Routine::Scan(ref scan) => scan::emit(emitter, scan),
        Routine::Text(group) => text::emit(emitter, group),
        Routine::Lookup(lookup, family) => lookup::emit(emitter, lookup, family),
        Routine::RoutingTableStep => lookup::trie::emit_step(emitter),
        Routine::ControlGroup(ref path) => control_group::emit(emitter, path),
        Routine::Socket => socket::emit(emitter),
        Routine::BridgePorts => bridge::emit(emitter),
        Routine::DeviceSearch(way) => device::emit_search(emitter, way),
        Routine::Connection(source, family) => conntrack::emit(emitter, source, family),
        Routine::ConnectionStep => conntrack::table::emit_step(emitter),
        Routine::ConnectionMark(family) => conntrack::mark::emit(emitter, family),
        Routine::Route(family) => route::emit(emitter, family),
        Routine::Take(state) => state::emit(emitter, state),
        Routine::Query(object, ref query) => query::emit(emitter, object, query),
        Routine::Find(table) => table::find(emitter, table),
        Routine::Touch(table, how) => table::touch(emitter, table, how),
        Routine::Remove(table) => table::remove(emitter, table),
        Routine::CountList => count_list::emit(emitter),
        Routine::Log => log::emit(emitter),
        Routine::StripOptions(kinds, stripped) => strip::emit(emitter, kinds, stripped),
        Routine::Room => front::emit(emitter),
        Routine::Drop => addressee::emit_drop(emitter),
        Routine::Sum => reply::checksum::emit_sum(emitter),
        Routine::Reply(key) => reply::emit(emitter, key),
    }
}
