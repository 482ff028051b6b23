//! Routines: the functions that chains, main and each other call for what takes more than a few
//! instructions. Each is named by what it does and with which parameters, is emitted when it is
//! first asked for, and is verified once, however many ask.

use crate::chain::count_list;
use crate::effect::{front, log, strip};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::kernel::device;
use crate::lookup::control_group;
use crate::main_function::{addressee, bridge, route, socket};
use crate::scan::{text, walk};
use crate::target::ConntrackSource;
use crate::{Answer, conntrack, lookup, query, reply, scan, state, table};
use bpfc_artifact::{AttachPoint, FunctionIndex};
use bpfc_ir::{Family, Hook, Lookup, Object, OptionKinds, Query, Scan, State, Table};

/// What a routine does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Routine {
    /// Fetches bytes of the packet, where that takes more than a call.
    Fetch,
    /// Walks to the transport header of an IPv6 packet.
    Walk,
    /// Searches options or headers.
    Scan(Scan),
    /// Searches for texts, by case folding and group.
    Text(text::Group),
    /// Asks the kernel's tables.
    Lookup(Lookup, Family),
    /// One step in the local table of IPv4 routes.
    RoutingTableStep,
    /// Asks for a control group, by its path.
    ControlGroup(Box<str>),
    /// Finds the packet's socket.
    Socket,
    /// Finds the bridge ports that the packet goes by.
    BridgePorts,
    /// One step of a search for a device.
    DeviceSearch,
    /// Finds the packet's connection.
    Connection(ConntrackSource, Family),
    /// Looks at one entry of conntrack's table.
    ConnectionStep,
    /// Sets the connection's mark.
    ConnectionMark(Family),
    /// Routes the packet.
    Route(Family),
    /// Takes from a state.
    Take(State),
    /// Asks an object.
    Query(Object, Query),
    /// Looks up an element.
    Find(Table),
    /// Counts by a list.
    CountList,
    /// Writes log records.
    Log,
    /// Strips TCP options.
    StripOptions(OptionKinds),
    /// Makes room in front of the packet.
    Room,
    /// Drops for this host alone.
    Drop,
    /// Adds up a part of the packet for a checksum.
    Sum,
    /// Answers a rejected packet.
    Reply(ReplyKey),
}

/// What tells a function that answers from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReplyKey {
    /// Where the program is attached.
    pub(crate) attach: AttachPoint,
    /// The hook whose rules reject.
    pub(crate) hook: Hook,
    /// The packet's family.
    pub(crate) family: Family,
    /// What the sender is told.
    pub(crate) answer: Answer,
}

impl Emitter<'_> {
    /// The function of a routine.
    pub(crate) fn routine(&mut self, routine: Routine) -> Result<FunctionIndex, EmitError> {
        if let Some(&known) = self.routines.get(&routine) {
            return Ok(known);
        }
        let function = emit(self, &routine)?;
        self.routines.insert(routine, function);
        Ok(function)
    }
}

fn emit(emitter: &mut Emitter<'_>, routine: &Routine) -> Result<FunctionIndex, EmitError> {
    match *routine {
        Routine::Fetch => emitter.emit_fetch(),
        Routine::Walk => walk::emit(emitter, None),
        Routine::Scan(ref scan) => scan::emit(emitter, scan),
        Routine::Text(group) => text::emit(emitter, group),
        Routine::Lookup(lookup, family) => lookup::emit(emitter, lookup, family),
        Routine::RoutingTableStep => lookup::trie::emit_step(emitter),
        Routine::ControlGroup(ref path) => control_group::emit(emitter, path),
        Routine::Socket => socket::emit(emitter),
        Routine::BridgePorts => bridge::emit(emitter),
        Routine::DeviceSearch => device::emit_search(emitter),
        Routine::Connection(source, family) => conntrack::emit(emitter, source, family),
        Routine::ConnectionStep => conntrack::table::emit_step(emitter),
        Routine::ConnectionMark(family) => conntrack::mark::emit(emitter, family),
        Routine::Route(family) => route::emit(emitter, family),
        Routine::Take(state) => state::emit(emitter, state),
        Routine::Query(object, ref query) => query::emit(emitter, object, query),
        Routine::Find(table) => table::emit(emitter, table),
        Routine::CountList => count_list::emit(emitter),
        Routine::Log => log::emit(emitter),
        Routine::StripOptions(kinds) => strip::emit(emitter, kinds),
        Routine::Room => front::emit(emitter),
        Routine::Drop => addressee::emit_drop(emitter),
        Routine::Sum => reply::checksum::emit_sum(emitter),
        Routine::Reply(key) => reply::emit(emitter, key),
    }
}
