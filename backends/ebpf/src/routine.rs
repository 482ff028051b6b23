//! Routines: the functions that chains, main and each other call for what takes more than a few
//! instructions. Each is named by what it does and with which parameters. It gets its number when
//! it is first asked for, its code when all chains have theirs (`bodies`), and is verified once,
//! however many ask.

use crate::kernel::Way;
use crate::packet::needs::Answer;
use crate::target::ConntrackSource;
use bpfc_artifact::AttachPoint;
use bpfc_ir::{
    Family, Hook, Lookup, Object, OptionKinds, Query, Scan, State, Stripped, Table, Touch,
};

/// Searches for texts that are made at once: whether case is folded, and the group's number.
pub(crate) type TextGroup = (bool, usize);

/// What a routine does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Routine {
    /// Fetches bytes of the packet, where that takes more than a call.
    Fetch,
    /// Walks to the transport header of an IPv6 packet.
    Walk,
    /// Exchanges the facts about the transport header for those about an authentication header.
    Authentication,
    /// Searches options or headers.
    Scan(Scan),
    /// Searches for texts, by case folding and group.
    Text(TextGroup),
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
    DeviceSearch(Way),
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
    /// Takes from an element's states.
    Touch(Table, Touch),
    /// Takes an element away.
    Remove(Table),
    /// Counts by a list.
    CountList,
    /// Writes log records.
    Log,
    /// Strips TCP options.
    StripOptions(OptionKinds, Stripped),
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
