//! What a program's rules ask for, so that main computes nothing that no rule reads.

use bpfc_artifact::log::OWNER;
use bpfc_ir::{
    Base, CtField, Device, Family, Func, Function, LogKind, Lookup, Meta, Op, Origin, PacketFamily,
    ProbeDef, Program, Query, Region, Reject, Rewrite, Rule, Scan, SocketField, Source, Terminator,
    Value, Verdict, Walk, Way,
};
use cranelift_entity::packed_option::PackedOption;
use std::collections::BTreeSet;

/// The kinds of answers to rejected packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// A TCP segment with RST.
    Reset,
    /// An ICMP error: destination unreachable.
    Unreachable,
}

impl From<Reject> for Answer {
    fn from(reject: Reject) -> Self {
        match reject {
            Reject::TcpReset => Answer::Reset,
            Reject::Icmp(_) => Answer::Unreachable,
        }
    }
}

/// What some rule reads or does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The input interface's name.
    pub in_interface: bool,
    /// The output interface's name.
    pub out_interface: bool,
    /// The Ethernet header.
    pub link: bool,
    /// The VLAN tag that was taken off.
    pub tag: bool,
    /// The packet type.
    pub packet_type: bool,
    /// The firewall mark is read.
    pub mark: bool,
    /// The firewall mark is set.
    pub set_mark: bool,
    /// Frames for others become packets for this host.
    pub to_host: bool,
    /// The connection's mark is set.
    pub set_connection_mark: bool,
    /// Anything of conntrack.
    pub conntrack: bool,
    /// What a connection carries besides: counters, labels, its helper.
    pub extensions: bool,
    /// Its counters.
    pub accounting: bool,
    /// Connections are counted.
    pub counted: bool,
    /// The socket that sends the packet.
    pub socket: bool,
    /// Its class.
    pub socket_class: bool,
    /// Whether chains of frames that leave a device run.
    pub leaving: bool,
    /// Any question to the kernel's tables.
    pub lookup: bool,
    /// Such a one that policy routing rules decide.
    pub rules: bool,
    /// The MTU of the packet's route.
    pub route_mtu: bool,
    /// What packets were routed by, of a program that routes.
    pub flow: bool,
    /// Addresses, ports or protocol of connection tuples.
    pub tuples: bool,
    /// When the connection ends, or its zone.
    pub entry: bool,
    /// The source of the connection that announced the packet's.
    pub initiator: bool,
    /// The bridge ports that it goes by.
    pub ports: bool,
    /// Whether this host forwards the packet.
    pub forwarded: bool,
    /// Log records.
    pub log: bool,
    /// Whether the packet is traced.
    pub trace: bool,
    /// Values that are handed to an object or table at most, or handed back.
    pub arguments: u16,
    /// Bytes of values that segments carry from one to another.
    pub carried: i16,
    /// What rules change.
    pub written: BTreeSet<Region>,
    /// A search for bytes in the packet.
    pub text: bool,
    /// What an authentication header of IPv6 is taken for, where base chains ask for the transport
    /// header.
    pub authentication: bool,
    /// What senders of rejected packets are told.
    pub answers: BTreeSet<(Family, Answer)>,
    /// Whether answers to rejected packets come by one of the artifact's own programs.
    pub echoes: bool,
}

/// One thing that a rule asks of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// The output interface as the kernel keeps it, which its name alone does not give.
    OutDevice,
    /// What a connection carries besides: counters, labels, its helper.
    ConntrackExtension,
    /// Counting the connections that live.
    CountConnections,
    /// The socket that sends the packet.
    Socket,
    /// The socket that will receive the packet.
    Receiver,
    /// The route that was found for the packet.
    Route,
    /// The packet's priority.
    Priority,
    /// The input interface's number.
    InIndex,
    /// The hardware type of the device that the packet is at.
    DeviceType,
    /// The bridge ports that the packet goes by.
    BridgePorts,
    /// The IPsec transformations that were undone when the packet came in.
    Undone,
    /// The IPsec transformations that the packet's route will apply.
    Ahead,
    /// How long packets may be on the packet's route.
    RouteMtu,
    /// How long packets may be on the way back to the packet's source.
    ReturnMtu,
    /// The input interface's name.
    InInterface,
    /// The output interface's name.
    OutInterface,
    /// The Ethernet header.
    Link,
    /// The VLAN tag that was taken off.
    VlanTag,
    /// The packet type.
    PacketType,
    /// Reading the firewall mark.
    Mark,
    /// Setting the firewall mark.
    SetMark,
    /// Setting the mark of the packet's connection, of TCP or UDP.
    SetConnectionMark,
    /// Making a frame for others a packet for this host.
    ToHost,
    /// Conntrack.
    Conntrack,
    /// Whether the packet is a fragment.
    Fragments,
    /// Writing the packet.
    Rewrite,
    /// Writing what packets are routed and tracked by: addresses and ports.
    RewriteAddress,
    /// Writing for whom a frame is, or what it carries.
    RewriteAddressee,
    /// Correcting a transport checksum.
    TransportChecksum,
    /// Answering the sender of a rejected packet.
    Reject,
    /// Setting the packet's priority.
    SetPriority,
    /// Choosing the packet's transmit queue.
    SetQueue,
    /// Log records.
    Log,
    /// The owner of a logged packet's socket.
    LogOwner,
    /// Dropping packets.
    Drop,
    /// How many packets there are, or how long they are.
    Size,
}

impl Feature {
    /// For "X is not known at ...".
    pub fn describe(self) -> &'static str {
        match self {
            Feature::ConntrackExtension => "a connection's counters, labels and helper",
            Feature::CountConnections => "counting connections",
            Feature::Socket => "the socket that sends the packet",
            Feature::Receiver => "the socket that will receive the packet",
            Feature::Route => "the packet's route",
            Feature::Priority => "the packet's priority",
            Feature::InIndex => "the input interface's number",
            Feature::DeviceType => "the type of the device that the packet is at",
            Feature::BridgePorts => "the bridge ports that the packet goes by",
            Feature::Undone => "the IPsec policy that the packet came in by",
            Feature::Ahead => "the IPsec policy that the packet will go by",
            Feature::RouteMtu => "the MTU of the packet's route",
            Feature::ReturnMtu => "the MTU of the way back",
            Feature::InInterface => "the input interface",
            Feature::OutInterface => "the output interface",
            Feature::OutDevice => "the output interface's group and addresses",
            Feature::Link => "the Ethernet header",
            Feature::VlanTag => "the VLAN tag",
            Feature::PacketType => "the packet type",
            Feature::Mark => "the packet's mark",
            Feature::SetMark => "setting the packet's mark",
            Feature::SetConnectionMark => "setting the connection's mark",
            Feature::ToHost => "making a frame for a group a packet for this host",
            Feature::Conntrack => "connection tracking",
            Feature::Fragments => "telling fragments from whole packets",
            Feature::Rewrite => "writing the packet",
            Feature::RewriteAddress => "writing addresses or ports",
            Feature::RewriteAddressee => "writing the Ethernet destination or type",
            Feature::SetPriority => "setting the packet's priority",
            Feature::SetQueue => "choosing the packet's transmit queue",
            Feature::TransportChecksum => "correcting a transport checksum",
            Feature::Reject => "answering a rejected packet",
            Feature::Log => "logging packets",
            Feature::LogOwner => "logging who owns the packet's socket",
            Feature::Drop => "dropping packets",
            Feature::Size => "counting and measuring packets",
        }
    }
}

/// Where addresses begin in an IP header.
fn addresses(family: PacketFamily) -> u16 {
    if family == PacketFamily::Ipv4 { 12 } else { 8 }
}

/// The feature that an operation of a function asks for, if any.
fn feature(function: &Function, op: &Op) -> Option<Feature> {
    match op {
        Op::Load(_, Source::Payload(Base::Link, _)) => Some(Feature::Link),
        Op::Load(_, Source::Meta(meta)) => match meta {
            Meta::InInterface | Meta::InGroup => Some(Feature::InInterface),
            Meta::OutInterface => Some(Feature::OutInterface),
            Meta::OutGroup | Meta::OutType | Meta::OutIndex => Some(Feature::OutDevice),
            Meta::InIndex => Some(Feature::InIndex),
            Meta::DeviceType => Some(Feature::DeviceType),
            Meta::Priority => Some(Feature::Priority),
            Meta::Realm => Some(Feature::Route),
            Meta::Bridged | Meta::InPort | Meta::OutPort => Some(Feature::BridgePorts),
            Meta::Mark => Some(Feature::Mark),
            Meta::VlanTag => Some(Feature::VlanTag),
            Meta::PacketType => Some(Feature::PacketType),
            Meta::LinkHeader => Some(Feature::Link),
            Meta::FragmentOffset => Some(Feature::Fragments),
            Meta::L4Proto
            | Meta::WalkFailed
            | Meta::TransportOffset
            | Meta::Length
            | Meta::Protocol
            | Meta::Cpu
            | Meta::Clock
            | Meta::LocalClock
            | Meta::Nanoseconds
            | Meta::Forwarded => None,
        },
        Op::Load(_, Source::Socket(_))
        | Op::Lookup(Lookup::SocketGroup { .. })
        | Op::ControlGroup(_) => Some(Feature::Socket),
        Op::Load(_, Source::Ct(field)) if field.is_late() => Some(Feature::ConntrackExtension),
        Op::Load(_, Source::Ct(_)) => Some(Feature::Conntrack),
        Op::Lookup(Lookup::Receiver { .. } | Lookup::ReceiverMark) => Some(Feature::Receiver),
        Op::Lookup(Lookup::ReversePath(_)) => Some(Feature::InInterface),
        Op::Lookup(Lookup::Transforms(way) | Lookup::Transform { way, .. }) => Some(match way {
            Way::In => Feature::Undone,
            Way::Out => Feature::Ahead,
        }),
        Op::Lookup(Lookup::RouteMtu) => Some(Feature::RouteMtu),
        Op::Lookup(Lookup::ReturnMtu) => Some(Feature::ReturnMtu),
        Op::Lookup(Lookup::AddressType(_, device)) => device.map(|device| match device {
            Device::In => Feature::InInterface,
            Device::Out => Feature::OutDevice,
        }),
        Op::Query(_, query, _) => match &**query {
            Query::Connections => Some(Feature::CountConnections),
            Query::Recent(query) if query.hits > 1 => Some(Feature::Size),
            Query::Recent(_) | Query::Set(_) => None,
        },
        Op::Take(_) | Op::Touch(..) | Op::Random => Some(Feature::Size),
        Op::SetMark(_) => Some(Feature::SetMark),
        Op::SetConnectionMark(_) => Some(Feature::SetConnectionMark),
        Op::ToHost => Some(Feature::ToHost),
        Op::Rewrite(Rewrite::Checksum(field, ..)) if field.base == Base::Transport => {
            Some(Feature::TransportChecksum)
        }
        Op::Rewrite(Rewrite::Strip(..)) => Some(Feature::TransportChecksum),
        Op::Rewrite(Rewrite::Priority(_)) => Some(Feature::SetPriority),
        Op::Rewrite(Rewrite::Queue(_)) => Some(Feature::SetQueue),
        Op::Rewrite(Rewrite::Store(Base::Link, offset, _)) if !(6..12).contains(offset) => {
            Some(Feature::RewriteAddressee)
        }
        Op::Rewrite(Rewrite::Store(base, offset, _))
            if *base == Base::Transport && *offset < 4
                || *base == Base::Network && *offset >= addresses(function.family) =>
        {
            Some(Feature::RewriteAddress)
        }
        Op::Rewrite(_) => Some(Feature::Rewrite),
        Op::Log(_, log) => Some(match log.kind {
            LogKind::Syslog { flags, .. } if flags & OWNER != 0 => Feature::LogOwner,
            _ => Feature::Log,
        }),
        Op::Load(_, Source::Payload(Base::Network | Base::Transport, _))
        | Op::Const(..)
        | Op::LoadAt(..)
        | Op::Binary(..)
        | Op::Extend(..)
        | Op::Calendar(..)
        | Op::Hash(..)
        | Op::Truncate(..)
        | Op::Compare(..)
        | Op::InRange(..)
        | Op::Available(..)
        | Op::AvailableAt(..)
        | Op::Scan(_)
        | Op::Find(..)
        | Op::Remove(..)
        | Op::Found(_)
        | Op::Field(..)
        | Op::Count(_)
        | Op::CountAt(..)
        | Op::Choose(..)
        | Op::Trace => None,
    }
}

/// Whether an operation asks for what stands behind IPv6's extension headers.
fn is_behind(op: &Op) -> bool {
    match op {
        Op::Load(_, Source::Payload(Base::Transport, _))
        | Op::Available(Base::Transport, _)
        | Op::Scan(Scan::TcpOption(_) | Scan::TcpMss | Scan::DccpOption(_) | Scan::SctpChunk(_)) => {
            true
        }
        Op::Load(_, Source::Meta(meta)) => matches!(
            meta,
            Meta::L4Proto | Meta::WalkFailed | Meta::FragmentOffset | Meta::TransportOffset
        ),
        _ => false,
    }
}

/// Whether an operation compares the packet's length with a number.
fn measures(function: &Function, op: &Op) -> bool {
    let is_length = |value: Value| {
        matches!(function.definition(value), Op::Load(_, Source::Meta(Meta::Length)))
    };
    let is_number = |value: Value| matches!(function.definition(value), Op::Const(..));
    match *op {
        Op::InRange(value, ..) => is_length(value),
        Op::Compare(_, value, number) => is_length(value) && is_number(number),
        _ => false,
    }
}

impl Needs {
    /// What these functions need, with the first rule that asks for each feature.
    pub fn of(program: &Program, funcs: &[Func]) -> (Needs, Vec<(Feature, Option<Rule>)>) {
        let is_walked = program.entries.iter().any(|entry| {
            entry.family == PacketFamily::Ipv6
                && entry.chains.iter().any(|chain| chain.walk == Walk::ToAuthentication)
        });
        let mut needs = Needs::default();
        let mut asked: Vec<(Feature, Option<Rule>)> = Vec::new();
        let rule_of = |origin: PackedOption<Origin>| origin.expand()?.first(program);
        for &func in funcs {
            let function = &program.funcs[func];
            for &block in &function.layout {
                for &inst in &function.blocks[block].insts {
                    let data = &function.insts[inst];
                    needs.tuples |= matches!(
                        data.op,
                        Op::Load(_, Source::Ct(CtField::Tuple(..) | CtField::Protocol))
                    );
                    needs.forwarded |=
                        matches!(data.op, Op::Load(_, Source::Meta(Meta::Forwarded)));
                    needs.trace |=
                        matches!(&data.op, Op::Log(_, log) if log.kind == LogKind::Trace);
                    needs.trace |= data.op == Op::Trace;
                    match &data.op {
                        Op::Query(_, _, arguments) => needs.hand_over(arguments.len()),
                        Op::Hash(values, ..) => needs.hand_over(values.len()),
                        Op::Find(table, key) => {
                            needs.hand_over(key.len());
                            needs.hand_over(program.tables[*table].fields.len());
                        }
                        Op::Remove(_, key) => needs.hand_over(key.len()),
                        Op::Touch(table, _, values) => {
                            needs.hand_over(values.len());
                            needs.hand_over(crate::table::arguments(&program.tables[*table]));
                        }
                        _ => {}
                    }
                    needs.written.extend(data.op.writes(function));
                    needs.authentication |=
                        is_walked && function.family == PacketFamily::Ipv6 && is_behind(&data.op);
                    needs.text |= match data.op {
                        Op::Scan(Scan::Probe(probe)) => {
                            matches!(program.probes.get(probe), Some(ProbeDef::Text(_)))
                        }
                        _ => false,
                    };
                    if let Op::Load(_, Source::Ct(field)) = data.op {
                        needs.extensions |= field.is_extension();
                        needs.accounting |= matches!(
                            field,
                            CtField::Counted | CtField::Packets(_) | CtField::Bytes(_)
                        );
                        needs.entry |= matches!(field, CtField::Expiration | CtField::Zone(_));
                        needs.initiator |= field == CtField::Initiator;
                    }
                    if let Op::Load(_, Source::Socket(field)) = data.op {
                        needs.socket = true;
                        needs.socket_class |= field == SocketField::Class;
                    }
                    needs.lookup |= matches!(data.op, Op::Lookup(_) | Op::ControlGroup(_));
                    let receiver = matches!(
                        data.op,
                        Op::Lookup(Lookup::Receiver { .. } | Lookup::ReceiverMark)
                    );
                    if receiver && function.family == Family::Ipv4 {
                        // Answers to translated connections are looked up by those.
                        needs.add(Feature::Conntrack);
                        needs.tuples = true;
                        asked.push((Feature::Conntrack, rule_of(data.origin)));
                    }
                    if let Op::Lookup(Lookup::ReversePath(path)) = data.op {
                        needs.rules = true;
                        if path.valid_mark {
                            needs.add(Feature::Mark);
                            asked.push((Feature::Mark, rule_of(data.origin)));
                        }
                    }
                    if measures(function, &data.op) {
                        asked.push((Feature::Size, rule_of(data.origin)));
                    }
                    if let Some(feature) = feature(function, &data.op) {
                        needs.add(feature);
                        asked.push((feature, rule_of(data.origin)));
                    }
                }
                let end = &function.blocks[block];
                if let Terminator::Verdict(Verdict::Drop | Verdict::Reject(_)) = end.terminator {
                    asked.push((Feature::Drop, rule_of(end.origin)));
                }
                if let Terminator::Verdict(Verdict::Reject(reject)) = end.terminator {
                    needs.add(Feature::Reject);
                    needs.answers.extend(function.family.ip().map(|ip| (ip, reject.into())));
                    asked.push((Feature::Reject, rule_of(end.origin)));
                }
            }
        }
        (needs, asked)
    }

    /// So many numbers are handed to a function, or back.
    fn hand_over(&mut self, numbers: usize) {
        self.arguments = self.arguments.max(numbers as u16);
    }

    /// Whether a rule changes what an operation reads.
    pub fn changes(&self, op: &Op) -> bool {
        op.reads().any(|read| self.written.iter().any(|written| written.overlaps(read)))
    }

    fn add(&mut self, feature: Feature) {
        match feature {
            Feature::InInterface => self.in_interface = true,
            Feature::BridgePorts => self.ports = true,
            Feature::OutInterface => self.out_interface = true,
            Feature::Link => self.link = true,
            Feature::VlanTag => self.tag = true,
            Feature::PacketType => self.packet_type = true,
            Feature::Mark => self.mark = true,
            Feature::SetMark => self.set_mark = true,
            Feature::SetConnectionMark => {
                self.set_connection_mark = true;
                self.conntrack = true;
            }
            Feature::ToHost => {
                self.to_host = true;
                self.packet_type = true;
            }
            Feature::Conntrack => self.conntrack = true,
            Feature::Log | Feature::LogOwner => self.log = true,
            // Every packet's fragment offset is there; what is written is noted by itself.
            Feature::ConntrackExtension => self.conntrack = true,
            Feature::CountConnections => self.counted = true,
            Feature::Undone | Feature::Ahead => {}
            Feature::RouteMtu => self.route_mtu = true,
            Feature::ReturnMtu => self.rules = true,
            Feature::Socket | Feature::Receiver | Feature::Route | Feature::OutDevice => {}
            Feature::Priority | Feature::InIndex | Feature::DeviceType => {}
            Feature::Fragments
            | Feature::Rewrite
            | Feature::RewriteAddress
            | Feature::RewriteAddressee
            | Feature::TransportChecksum
            | Feature::SetPriority
            | Feature::SetQueue
            | Feature::Drop
            | Feature::Size => {}
            // Only packets that are for this host alone are answered.
            Feature::Reject => self.packet_type = true,
        }
    }
}
