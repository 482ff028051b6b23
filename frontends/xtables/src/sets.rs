//! What `-m set` and `-j SET` share: naming a set with the packet's fields to look up in it, and
//! taking those fields from a packet.
//!
//! A field that the packet does not have (a port in a fragment, an Ethernet address on a tunnel)
//! means that it is not in the set (net/netfilter/ipset/ip_set_getport.c and each type's `kadt`).
//! A set with more parts than the rule has words holds no packet.

use crate::lower::RuleCx;
use crate::options::{Given, Problem};
use crate::reference::View;
use crate::{DecodeCx, Fields};
use bpfc_ipset::{Part, Probe, Set, SetDef, Test};
use bpfc_ir::{
    Base, BinaryOp, Block, Condition, Family, Meta, Object, ObjectKind, Op, Query, Rewrite,
    SetInfo, SetQuery, Type, Value, raw,
};
use bpfc_packet::Parsed;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

/// Longest name, in bytes, without its NUL (`IPSET_MAXNAMELEN`).
const LONGEST_NAME: usize = 31;
/// Most words like `src` (`IPSET_DIM_MAX`).
const MOST_PARTS: usize = 6;
/// `IPSET_INVALID_ID`.
pub(crate) const NO_SET: u16 = u16::MAX;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
const NO_NEXT_HEADER: u8 = 59;
const SCTP: u8 = 132;
const UDPLITE: u8 = 136;

/// A set and, for each part of its elements, whether the packet's source is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetRef {
    pub(crate) name: String,
    pub(crate) sources: Vec<bool>,
}

/// Goes on with a set's object and what the packet is looked up by.
type Then<'a> = &'a dyn Fn(&mut RuleCx<'_>, Object, Vec<Value>);

impl SetRef {
    /// Reads `NAME src,dst`.
    pub(crate) fn parse(given: &Given<'_>) -> Result<SetRef, Problem> {
        let name = given.text().to_owned();
        if raw::length(&name) > LONGEST_NAME {
            return Err(given.bad(format!("'{name}' is longer than {LONGEST_NAME} bytes")));
        }
        let words = given.values.get(1).map_or("", |word| word.text.as_ref());
        let sources = words
            .split(',')
            .map(|word| match word {
                "src" => Ok(true),
                "dst" => Ok(false),
                _ => Err(given.bad(format!("'{words}' is not a list of src and dst"))),
            })
            .collect::<Result<Vec<bool>, Problem>>()?;
        if sources.len() > MOST_PARTS {
            return Err(given.bad(format!("at most {MOST_PARTS} of src and dst can be given")));
        }
        Ok(SetRef { name, sources })
    }

    /// Reads `struct xt_set_info`: index, dimension and flags; none where it names no set.
    pub(crate) fn decode(
        fields: Fields<'_>,
        at: usize,
        cx: &DecodeCx<'_>,
    ) -> Result<Option<(SetRef, bool)>, String> {
        let (number, parts, flags) = (fields.u16(at), fields.u8(at + 2), fields.u8(at + 3));
        if number == NO_SET {
            return Ok(None);
        }
        if usize::from(parts) > MOST_PARTS {
            return Err(format!("a set with {parts} parts"));
        }
        if flags >> 1 >= 1 << parts {
            return Err(format!("flags {flags:#x} of {parts} parts"));
        }
        let name = match cx.sets.name_of(number) {
            Some(name) => name.to_owned(),
            None => format!("#{number}"),
        };
        let sources = (1..=parts).map(|part| flags & 1 << part != 0).collect();
        Ok(Some((SetRef { name, sources }, flags & 1 != 0)))
    }

    /// Appends ` NAME src,dst`.
    pub(crate) fn print(&self, out: &mut String) {
        let _ = write!(out, " {}", self.name);
        for (index, source) in self.sources.iter().enumerate() {
            out.push(if index == 0 { ' ' } else { ',' });
            out.push_str(if *source { "src" } else { "dst" });
        }
    }

    /// Whether a packet of this family can be looked up in such a set at all.
    pub(crate) fn fits(&self, def: &SetDef, family: Family) -> bool {
        self.sources.len() >= def.kind.dimension() && def.takes(family)
    }

    /// Emits a test: control goes to `found` or to `missed`, and no block is open.
    pub(crate) fn lower_test(
        &self,
        cx: &mut RuleCx<'_>,
        test: &Test,
        keep_members: bool,
        found: Block,
        missed: Block,
    ) -> Option<()> {
        let set = cx.set(&self.name)?;
        if !set.def.kind.is_list() {
            self.ask(cx, &set, SetQuery::Test(*test), found, missed)?;
            return Some(());
        }
        let list = object(cx, &set)?;
        // Members' own counters are never compared.
        let inner = Test {
            packets: None,
            bytes: None,
            keep_counters: test.keep_counters || keep_members,
            ..*test
        };
        self.each_member(cx, list, &set, found, missed, |position| {
            (SetQuery::Test(inner), Some(SetQuery::Hit(position, *test)))
        })
    }

    /// Emits an addition or deletion; control goes to `done` in any case.
    pub(crate) fn lower_change(
        &self,
        cx: &mut RuleCx<'_>,
        query: &SetQuery,
        done: Block,
    ) -> Option<()> {
        let set = cx.set(&self.name)?;
        if !set.def.kind.is_list() {
            self.ask(cx, &set, query.clone(), done, done)?;
            return Some(());
        }
        let list = object(cx, &set)?;
        self.each_member(cx, list, &set, done, done, |_| (query.clone(), None))
    }

    /// Emits what a set's element makes of the packet: its mark, its priority, its transmit queue.
    /// Control goes to `done` in any case.
    ///
    /// # Errors
    /// A sentence, for a list of which the kernel may take what another member says.
    pub(crate) fn lower_map(
        &self,
        cx: &mut RuleCx<'_>,
        wanted: [bool; 3],
        done: Block,
    ) -> Result<(), String> {
        let Some(set) = cx.set(&self.name) else {
            cx.builder().jump(done);
            return Ok(());
        };
        // The packet is counted once.
        let told = |info| SetQuery::Info(info, Test { keep_counters: true, ..Test::default() });
        let found = SetQuery::Test(Test::default());
        if !set.def.kind.is_list() {
            let then = |cx: &mut RuleCx<'_>, object, values: Vec<Value>| {
                let found = cx.query(object, Query::Set(found.clone()), values.clone());
                cx.builder().require(found, done);
                map(cx, object, wanted, &told, &values);
                cx.builder().jump(done);
            };
            if self.look_up(cx, &set, done, &then).is_none() {
                cx.builder().jump(done);
            }
            return Ok(());
        }
        let list = object(cx, &set).ok_or("the list is another one in a rule before")?;
        // A member whose exceptions say something.
        let mut excepting: Option<String> = None;
        for (position, name) in (0u32..).zip(set.members()) {
            let Some(member) = cx.set(&name) else { continue };
            if !self.fits(&member.def, cx.family()) || member.def.kind.is_list() {
                continue;
            }
            let of_list = set.def.options.skbinfo;
            let silent = !member.def.options.skbinfo || member.def.layout().value_mac.is_some();
            if let (false, true, Some(other)) = (of_list, silent, &excepting) {
                return Err(format!(
                    "an exception in the set {other} says what becomes of packets that are found in \
                     {name} behind it: create {name}, or the list {}, with skbinfo, or place {name} \
                     before {other}",
                    self.name
                ));
            }
            if member.def.options.skbinfo && member.def.kind.takes_nomatch() {
                excepting = Some(name);
            }
            let next = cx.builder().block();
            let there = cx.query(list, Query::Set(SetQuery::Member(position)), Vec::new());
            cx.builder().require(there, next);
            let then = |cx: &mut RuleCx<'_>, object, values: Vec<Value>| {
                let found = cx.query(object, Query::Set(found.clone()), values.clone());
                cx.builder().require(found, next);
                let hit = SetQuery::Hit(position, Test::default());
                let counted = cx.query(list, Query::Set(hit), Vec::new());
                cx.builder().require(counted, next);
                match of_list {
                    true => {
                        let told = |info| SetQuery::MemberInfo(position, info);
                        map(cx, list, wanted, &told, &[]);
                    }
                    false => map(cx, object, wanted, &told, &values),
                }
                cx.builder().jump(done);
            };
            if self.look_up(cx, &member, next, &then).is_none() {
                cx.builder().jump(next);
            }
            cx.builder().switch_to(next);
        }
        cx.builder().jump(done);
        Ok(())
    }

    /// Asks a list's members in turn until one answers yes, and then the list.
    fn each_member(
        &self,
        cx: &mut RuleCx<'_>,
        list: Object,
        set: &Set,
        found: Block,
        missed: Block,
        queries: impl Fn(u32) -> (SetQuery, Option<SetQuery>),
    ) -> Option<()> {
        for (position, name) in (0u32..).zip(set.members()) {
            let member = cx.set(&name)?;
            if !self.fits(&member.def, cx.family()) || member.def.kind.is_list() {
                continue;
            }
            let (first, then) = queries(position);
            let next = cx.builder().block();
            let there = cx.query(list, Query::Set(SetQuery::Member(position)), Vec::new());
            cx.builder().require(there, next);
            match then {
                None => self.ask(cx, &member, first, found, next)?,
                Some(then) => {
                    let hit = cx.builder().block();
                    self.ask(cx, &member, first, hit, next)?;
                    cx.builder().switch_to(hit);
                    let counted = cx.query(list, Query::Set(then), Vec::new());
                    cx.builder().branch(counted, found, next);
                }
            }
            cx.builder().switch_to(next);
        }
        cx.builder().jump(missed);
        Some(())
    }

    /// Asks one set that is no list.
    fn ask(
        &self,
        cx: &mut RuleCx<'_>,
        set: &Arc<Set>,
        query: SetQuery,
        found: Block,
        missed: Block,
    ) -> Option<()> {
        let ask = |cx: &mut RuleCx<'_>, object, values| {
            let answer = cx.query(object, Query::Set(query.clone()), values);
            cx.builder().branch(answer, found, missed);
        };
        self.look_up(cx, set, missed, &ask)
    }

    /// Finds what the packet is looked up by in one set that is no list, and goes on with it in one
    /// or several blocks; at `missed` where the packet lacks something.
    fn look_up(
        &self,
        cx: &mut RuleCx<'_>,
        set: &Arc<Set>,
        missed: Block,
        then: Then<'_>,
    ) -> Option<()> {
        if !self.fits(&set.def, cx.family()) {
            cx.builder().jump(missed);
            return Some(());
        }
        let object = object(cx, set)?;
        let parts = set.def.kind.parts();
        let port = parts.iter().position(|part| matches!(part, Part::Port | Part::PlainPort));
        let Some(at) = port else {
            self.look_up_with(cx, object, &set.def, missed, None, then);
            return Some(());
        };
        for (block, kind) in ports(cx, parts[at], missed) {
            cx.builder().switch_to(block);
            let b = cx.builder();
            let protocol = b.meta(Meta::L4Proto);
            let number = match kind {
                PortKind::Ports => {
                    let there = b.available(Base::Transport, 4);
                    b.require(there, missed);
                    let offset = if self.sources[at] { 0 } else { 2 };
                    b.payload(Type::I16, Base::Transport, offset)
                }
                PortKind::Icmp => {
                    let there = b.available(Base::Transport, 8);
                    b.require(there, missed);
                    b.payload(Type::I16, Base::Transport, 0)
                }
                PortKind::None => b.constant(Type::I16, 0),
            };
            let values = Some((protocol, number));
            self.look_up_with(cx, object, &set.def, missed, values, then);
        }
        Some(())
    }

    fn look_up_with(
        &self,
        cx: &mut RuleCx<'_>,
        object: Object,
        def: &SetDef,
        missed: Block,
        port: Option<(Value, Value)>,
        then: Then<'_>,
    ) {
        let family = cx.family();
        let mut values = Vec::new();
        for (part, &source) in def.kind.parts().iter().zip(&self.sources) {
            let b = cx.builder();
            match part {
                Part::Address | Part::Network => values.push(match family {
                    Family::Ipv4 => {
                        b.payload(Type::I32, Base::Network, if source { 12 } else { 16 })
                    }
                    Family::Ipv6 => {
                        b.payload(Type::I128, Base::Network, if source { 8 } else { 24 })
                    }
                }),
                Part::Port => values.extend(port.into_iter().flat_map(|(p, n)| [p, n])),
                Part::PlainPort => values.extend(port.map(|(_, number)| number)),
                Part::Mac | Part::OptionalMac => {
                    let there = b.meta(Meta::LinkHeader);
                    let there = b.compare_const(Condition::Ne, there, 0);
                    b.require(there, missed);
                    // The address and the two bytes behind it.
                    let eight = b.payload(Type::I64, Base::Link, if source { 6 } else { 0 });
                    let sixteen = b.constant(Type::I64, 16);
                    let address = b.binary(BinaryOp::Shr, eight, sixteen);
                    let given = b.compare_const(Condition::Ne, address, 0);
                    b.require(given, missed);
                    values.push(address);
                }
                Part::Mark => values.push(b.meta(Meta::Mark)),
                Part::Interface => {
                    let name = b.meta(match source {
                        true => Meta::InInterface,
                        false => Meta::OutInterface,
                    });
                    let given = b.compare_const(Condition::Ne, name, 0);
                    b.require(given, missed);
                    values.push(name);
                }
                Part::Name => {}
            }
        }
        then(cx, object, values);
    }

    /// What a packet is looked up by in the set of this name, which is the reference's or a member
    /// of its list; none where the packet cannot be in that set.
    pub(crate) fn probe_in(&self, view: &View<'_>, name: &str) -> Option<Probe> {
        let def = view.sets.with(name, |state| state.def().clone())?;
        let looks = self.fits(&def, view.family()) && !def.kind.is_list();
        if looks { self.probe(view, &def) } else { None }
    }

    /// What a packet is looked up by; none where it lacks something.
    fn probe(&self, view: &View<'_>, def: &SetDef) -> Option<Probe> {
        let packet = &view.packet;
        let mut probe = Probe::default();
        let mut address = 0;
        for (part, &source) in def.kind.parts().iter().zip(&self.sources) {
            match part {
                Part::Address | Part::Network => {
                    let found = if source { packet.source() } else { packet.destination() };
                    probe.addresses[address] = match found {
                        IpAddr::V4(address) => u32::from(address).into(),
                        IpAddr::V6(address) => u128::from(address),
                    };
                    address += 1;
                }
                Part::Port => probe.port = packet_port(packet, source)?,
                Part::PlainPort => {
                    let (protocol, port) = packet_port(packet, source)?;
                    if !matches!(protocol, TCP | UDP) {
                        return None;
                    }
                    probe.port.1 = port;
                }
                Part::Mac | Part::OptionalMac => {
                    packet.link_slice(0, 14)?;
                    let found = packet.link_slice(if source { 6 } else { 0 }, 6)?;
                    probe.mac = found.try_into().ok().filter(|mac| *mac != [0; 6])?;
                }
                Part::Mark => probe.mark = view.mark.get(),
                Part::Interface => {
                    let found = packet.packet();
                    let name = if source { found.in_interface } else { found.out_interface };
                    if !name.is_some() {
                        return None;
                    }
                    probe.interface = name.number().to_be_bytes();
                }
                Part::Name => {}
            }
        }
        Some(probe)
    }
}

/// Emits what an element makes of the packet: mark, priority, queue, those that are wanted.
fn map(
    cx: &mut RuleCx<'_>,
    object: Object,
    [mark, priority, queue]: [bool; 3],
    told: &dyn Fn(SetInfo) -> SetQuery,
    values: &[Value],
) {
    let b = cx.builder();
    if queue {
        let number = b.query(object, Query::Set(told(SetInfo::Queue)), values.to_vec());
        b.push(Op::Rewrite(Rewrite::Queue(number)));
    }
    if priority {
        let number = b.query(object, Query::Set(told(SetInfo::Priority)), values.to_vec());
        b.push(Op::Rewrite(Rewrite::Priority(number)));
    }
    if mark {
        let own = b.meta(Meta::Mark);
        let values = values.iter().copied().chain([own]).collect();
        let mark = b.query(object, Query::Set(told(SetInfo::Mark)), values);
        b.push(Op::SetMark(mark));
    }
}

fn object(cx: &mut RuleCx<'_>, set: &Arc<Set>) -> Option<Object> {
    let name = format!("set/{}", set.def.name);
    cx.named_object(&name, ObjectKind::Set(Arc::clone(set))).ok()
}

/// What a packet has in a port's place.
#[derive(Clone, Copy)]
enum PortKind {
    Ports,
    Icmp,
    None,
}

/// Emits the choice by protocol: the blocks that go on, each for packets of one kind. Packets
/// without what a port needs go to `missed`.
fn ports(cx: &mut RuleCx<'_>, part: Part, missed: Block) -> Vec<(Block, PortKind)> {
    let family = cx.family();
    let b = cx.builder();
    let protocol = b.meta(Meta::L4Proto);
    let whole = [b.block(), b.block()];
    let mut out = vec![(b.block(), PortKind::Ports)];
    let ports = out[0].0;
    // Later fragments have no ports; of IPv6 packets they are looked up by nothing.
    let later = b.meta(Meta::FragmentOffset);
    let later = b.compare_const(Condition::Ne, later, 0);
    if family == Family::Ipv6 {
        let failed = b.meta(Meta::WalkFailed);
        let failed = b.compare_const(Condition::Ne, failed, 0);
        b.forbid(failed, missed);
        b.forbid(later, missed);
        let nothing = b.compare_const(Condition::Eq, protocol, NO_NEXT_HEADER.into());
        b.forbid(nothing, missed);
    }
    let nothing = b.compare_const(Condition::Eq, protocol, 0);
    b.forbid(nothing, missed);
    let mut with_ports = vec![(TCP, 20), (UDP, 8)];
    if part == Part::Port {
        with_ports.extend([(SCTP, 12), (UDPLITE, 8)]);
    }
    for (number, header) in with_ports {
        let (same, next) = (b.block(), b.block());
        let equal = b.compare_const(Condition::Eq, protocol, number.into());
        b.branch(equal, same, next);
        b.switch_to(same);
        b.forbid(later, missed);
        let there = b.available(Base::Transport, header);
        b.branch(there, ports, missed);
        b.switch_to(next);
    }
    if part == Part::PlainPort {
        b.jump(missed);
        // Unused blocks must end, too.
        for block in whole {
            b.switch_to(block);
            b.jump(missed);
        }
        return out;
    }
    let icmp = whole[0];
    let equal = b.compare_const(Condition::Eq, protocol, ICMP.into());
    let next = b.block();
    let same = b.block();
    b.branch(equal, same, next);
    b.switch_to(same);
    b.forbid(later, missed);
    b.jump(icmp);
    out.push((icmp, PortKind::Icmp));
    b.switch_to(next);
    let other = whole[1];
    let equal = b.compare_const(Condition::Eq, protocol, ICMPV6.into());
    let same = b.block();
    b.branch(equal, same, other);
    b.switch_to(same);
    // An IPv4 fragment of ICMPv6 counts as one of any protocol.
    b.branch(later, other, icmp);
    out.push((other, PortKind::None));
    out
}

/// Protocol and port of a packet (net/netfilter/ipset/ip_set_getport.c).
fn packet_port(packet: &Parsed<'_>, source: bool) -> Option<(u8, u16)> {
    let protocol = packet.protocol();
    let v6 = packet.source().is_ipv6();
    let later = packet.fragment_offset() != 0;
    if protocol == 0 || packet.walk_failed() || v6 && (later || protocol == NO_NEXT_HEADER) {
        return None;
    }
    let header = match protocol {
        TCP => 20,
        UDP | UDPLITE | ICMP => 8,
        SCTP => 12,
        ICMPV6 if !later => 8,
        _ => return Some((protocol, 0)),
    };
    if later {
        return None;
    }
    let header = packet.transport_slice(0, header)?;
    let at = match protocol {
        ICMP | ICMPV6 => 0,
        _ if source => 0,
        _ => 2,
    };
    Some((protocol, u16::from_be_bytes([header[at], header[at + 1]])))
}

/// A list's member: its element's key and its name.
pub(crate) type Member = (Vec<u8>, String);

/// The sets that a reference evaluator's rules look packets up in, as they are now.
#[derive(Debug, Default)]
pub struct SetStates {
    states: RefCell<BTreeMap<String, bpfc_ipset::State>>,
}

impl SetStates {
    /// The sets of a table, loaded at `now` in nanoseconds.
    pub fn new<'a>(sets: impl IntoIterator<Item = &'a Arc<Set>>, now: u64) -> Self {
        let states = sets
            .into_iter()
            .map(|set| (set.def.name.clone(), bpfc_ipset::State::new(set, now)))
            .collect();
        SetStates { states: RefCell::new(states) }
    }

    /// Does something with the set of a name; none where there is no such set.
    pub(crate) fn with<T>(
        &self,
        name: &str,
        act: impl FnOnce(&mut bpfc_ipset::State) -> T,
    ) -> Option<T> {
        self.states.borrow_mut().get_mut(name).map(act)
    }

    /// The definition of a set, and the keys and names of its members where it is a list.
    pub(crate) fn shape(&self, name: &str, now: u64) -> Option<(SetDef, Vec<Member>)> {
        self.with(name, |state| {
            let def = state.def().clone();
            let layout = def.layout();
            let members = match def.kind.is_list() {
                true => state
                    .elements(now)
                    .map(|(key, value)| (key.to_vec(), def.show_key(&layout, key, value)))
                    .collect(),
                false => Vec::new(),
            };
            (def, members)
        })
    }
}
