//! How long packets may be on a way that the routing tables lead: to a packet's source as this host
//! itself would find it, or the way that a forwarded packet is about to take.
//!
//! The route is searched as the kernel searches it, for its own MTU. What the kernel has learnt of
//! a path lies in tables that only it can search: `bpf_fib_lookup` tells what was learnt, otherwise
//! the MTU of the nexthop's device. It says which device, so the two can be told apart. It is asked
//! for the table that rules have led to: of IPv6's rules that suppress routes it knows nothing.

use super::flow::{Flow, Labels, Search};
use super::node::{ANYCAST, EXPIRES, LOCAL_BIT, REJECT};
use super::step::{NEXTHOP_DEAD, enter, increase, kind, mode, run};
use super::{metric, node, rules, tree, trie};
use crate::asm::{Alu, Asm, Helper, Jump, Label, R0, R1, R2, R7, R8, R9, Size, Width};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::kernel::{cast, first_nexthop, if_null, load};
use crate::lookup::fib::{self, Question};
use crate::packet::layout;
use crate::packet::region::routed;
use crate::packet::region::walk::{
    DEVICE, FOUND, INDEX, INPUT, KIND, LINKED, MEMBER, MODE, OUT, PARENT, TABLE,
};
use crate::target::Routing;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{Family, Lookup};

/// u32: the route's own MTU, 0 where it has none. Behind the walk the room is free.
const METRIC: i16 = INDEX;
/// u64: the nexthop's `struct lwtunnel_state *`, likewise.
const TUNNEL: i16 = PARENT;

/// `LOOPBACK_IFINDEX`.
const LOOPBACK: i32 = 1;

/// A search.
#[derive(Clone, Copy)]
struct Way<'a> {
    family: Family,
    /// Where the walk's region lies.
    at: i16,
    /// For the way of a forwarded packet: how the target knows where it came in, and where what it
    /// was routed by was noted.
    forwarded: Option<(&'a dyn Routing, i16)>,
    /// Whether rules set marks.
    marks: bool,
}

/// `Lookup::ReturnMtu`.
pub(super) fn of_return(
    emitter: &mut Emitter<'_>,
    family: Family,
) -> Result<FunctionIndex, EmitError> {
    function(emitter, family, None, "return_mtu")
}

/// The MTU of the way that the packet takes, which this program has routed.
pub(super) fn of_forwarded(
    emitter: &mut Emitter<'_>,
    family: Family,
    routing: &dyn Routing,
    noted: i16,
) -> Result<FunctionIndex, EmitError> {
    function(emitter, family, Some((routing, noted)), "forward_mtu")
}

fn function(
    emitter: &mut Emitter<'_>,
    family: Family,
    forwarded: Option<(&dyn Routing, i16)>,
    name: &str,
) -> Result<FunctionIndex, EmitError> {
    let Some(at) = emitter.layout.lookup() else {
        return Err(EmitError::Type("lookup".to_owned(), "a region"));
    };
    let way = Way { family, at, forwarded, marks: emitter.needs.set_mark };
    let body = match family {
        Family::Ipv4 => trie::body(emitter, Some(&way))?,
        Family::Ipv6 => tree::body(emitter, way.flow().destination, Some(&way))?,
    };
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "find the MTU of a way");
    let [null, none, own] = std::array::from_fn(|_| asm.label());
    enter(&mut asm, null);
    for (place, start) in [(KIND, 0), (MODE, mode::RULE), (OUT, 0), (LINKED, 0)] {
        asm.store_imm(Size::W, R7, at + place, start);
    }
    if let Some((routing, _)) = forwarded {
        routing.ifindex(&mut asm, R1);
        asm.store(Size::W, R7, at + INPUT, R1);
    }
    emitter.target.load_net(&mut asm, R8);
    if_null(&mut asm, R8, none);
    rules::begin(&mut asm, &way);
    run(&mut asm, body);

    way.metric(&mut asm, none);
    way.nexthop_facts(emitter, &mut asm, own, none);
    way.ask(emitter, &mut asm, own)?;
    asm.place(own);
    way.own(&mut asm, none);
    asm.place(none);
    asm.place(null);
    asm.constant(R0, Lookup::NO_ROUTE.into());
    asm.exit();
    emitter.add(asm, name, FunctionKind::Chain)
}

impl Way<'_> {
    /// `METRIC` = the MTU of the route that was found; jumps to `none` without a route.
    fn metric(&self, asm: &mut Asm, none: Label) {
        let (structure, metrics) = match self.family {
            Family::Ipv4 => ("fib_info", "fib_metrics"),
            Family::Ipv6 => ("fib6_info", "fib6_metrics"),
        };
        let absent = asm.label();
        asm.load(Size::W, R9, R7, self.at + KIND);
        if_null(asm, R9, none);
        asm.load(Size::D, R1, R7, self.at + FOUND);
        cast(asm, R1, structure);
        asm.mov(R8, R0);
        load(asm, R1, R8, structure, metrics, 8);
        asm.mov_imm(R2, 0);
        if_null(asm, R1, absent);
        if self.family == Family::Ipv4 {
            // What goes to all or to a group has no route's metrics (`__mkroute_output`).
            asm.jump_imm(Jump::Eq, Width::W64, R9, kind::BROADCAST, absent);
            asm.jump_imm(Jump::Eq, Width::W64, R9, kind::MULTICAST, absent);
        }
        metric::load_metric(asm, R2, R1, metric::MTU);
        asm.place(absent);
        asm.store(Size::W, R7, self.at + METRIC, R2);
    }

    /// r8 = route, r9 = its kind: `DEVICE` and `TUNNEL` are of its first nexthop; the loopback
    /// device is that of a route to this host, for which it goes on at `own`.
    fn nexthop_facts(&self, emitter: &Emitter<'_>, asm: &mut Asm, own: Label, none: Label) {
        let foreign = asm.label();
        asm.store_imm(Size::D, R7, self.at + TUNNEL, 0);
        asm.jump_imm(Jump::Ne, Width::W64, R9, kind::LOCAL, foreign);
        emitter.target.load_net(asm, R8);
        load(asm, R1, R8, "net", "loopback_dev", 8);
        asm.store(Size::D, R7, self.at + DEVICE, R1);
        asm.goto(own);
        asm.place(foreign);
        match self.family {
            Family::Ipv4 => {
                asm.mov(R1, R8);
                first_nexthop(asm);
            }
            Family::Ipv6 => node::member(asm, self.at, none, none),
        }
        load(asm, R1, R0, "fib_nh_common", "nhc_dev", 8);
        asm.store(Size::D, R7, self.at + DEVICE, R1);
        load(asm, R1, R0, "fib_nh_common", "nhc_lwtstate", 8);
        asm.store(Size::D, R7, self.at + TUNNEL, R1);
    }

    /// Answers what was learnt of the path, where something was. Goes on at `own` or falls through
    /// otherwise, `DEVICE` being the nexthop's that the kernel chooses.
    fn ask(&self, emitter: &mut Emitter<'_>, asm: &mut Asm, own: Label) -> Result<(), EmitError> {
        let answered = asm.label();
        let flow = self.flow();
        let question = Question {
            family: self.family,
            destination: flow.destination,
            source: flow.source,
            header: flow.header,
            transport: self.forwarded.is_some(),
            mark: None,
            mtu: true,
            table: Some(self.at + TABLE),
        };
        match self.forwarded {
            Some(_) => asm.load(Size::W, R1, R7, self.at + INPUT),
            None => asm.mov_imm(R1, LOOPBACK),
        }
        fib::ask(asm, &question);
        if self.forwarded.is_none() {
            // It asks whether the device forwards: the loopback device does where all do.
            asm.jump_imm(Jump::Ne, Width::W64, R0, fib::FORWARDING_DISABLED, answered);
            asm.load(Size::D, R1, R7, self.at + DEVICE);
            if_null(asm, R1, own);
            cast(asm, R1, "net_device");
            load(asm, R1, R0, "net_device", "ifindex", 4);
            fib::ask(asm, &question);
        }
        asm.place(answered);
        asm.jump_imm(Jump::Ne, Width::W64, R0, fib::SUCCESS, own);
        fib::find_device(emitter, asm, own)?;
        asm.store(Size::D, R7, self.at + DEVICE, R8);
        asm.store_imm(Size::D, R7, self.at + TUNNEL, 0);
        metric::device_mtu(asm, self.family);
        if self.family == Family::Ipv6 {
            let long = asm.label();
            asm.jump_imm(Jump::Ge, Width::W64, R1, metric::IPV6_LEAST, long);
            asm.mov_imm(R1, metric::IPV6_LEAST);
            asm.place(long);
        }
        fib::mtu(asm, R0);
        asm.jump(Jump::Eq, Width::W64, R0, R1, own);
        asm.jump_imm(Jump::Eq, Width::W64, R0, 0, own);
        asm.exit();
        Ok(())
    }

    /// Answers the route's MTU, otherwise its device's, less what a tunnel adds.
    fn own(&self, asm: &mut Asm, none: Label) {
        let known = asm.label();
        asm.load(Size::W, R1, R7, self.at + METRIC);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, known);
        asm.load(Size::D, R8, R7, self.at + DEVICE);
        if_null(asm, R8, none);
        metric::device_mtu(asm, self.family);
        asm.place(known);
        metric::limit(asm, self.family);
        asm.mov(R9, R1);
        asm.load(Size::D, R1, R7, self.at + TUNNEL);
        metric::less_headroom(asm);
        asm.mov(R0, R9);
        asm.exit();
    }
}

impl Search for Way<'_> {
    fn at(&self) -> i16 {
        self.at
    }

    fn family(&self) -> Family {
        self.family
    }

    fn flow(&self) -> Flow {
        let [source, destination] = match self.family {
            Family::Ipv4 => [12, 16],
            Family::Ipv6 => [8, 24],
        }
        .map(|offset| layout::NETWORK + offset);
        match self.forwarded {
            None => Flow {
                input: None,
                destination: source,
                source: None,
                header: None,
                mark: None,
                protocol: None,
                ports: None,
            },
            Some((_, noted)) => Flow {
                input: Some(self.at + INPUT),
                destination,
                source: Some(source),
                header: Some(noted + routed::HEADER),
                mark: self.marks.then_some(noted + routed::MARK),
                protocol: Some(layout::L4_PROTO),
                ports: Some(layout::TRANSPORT),
            },
        }
    }

    fn ipv4_route(&self, asm: &mut Asm, _again: Label, next: Label, end: Label) {
        asm.jump_imm(Jump::Eq, Width::W64, R9, kind::THROW, next);
        asm.jump_imm(Jump::Ge, Width::W64, R9, kind::BLACKHOLE, end);
        rules::unless_ipv4_suppressed(asm, self.at, next);
        asm.store(Size::W, R7, self.at + KIND, R9);
        asm.goto(end);
    }

    /// Never asked for: which of several nexthops it is, the kernel says.
    fn nexthop(&self, asm: &mut Asm, _again: Label, end: Label) {
        asm.goto(end);
    }

    /// As `find_match` takes them (net/ipv6/route.c): the first that has not expired and whose
    /// nexthop lives.
    fn ipv6_route(&self, asm: &mut Asm, labels: &Labels) {
        let Labels { again, up, next, end } = *labels;
        let [lasting, another, other, leads, foreign] = std::array::from_fn(|_| asm.label());
        asm.load(Size::D, R1, R7, self.at + FOUND);
        if_null(asm, R1, up);
        node::none_is_no_route(asm, self.at, R1, up);
        cast(asm, R1, "fib6_info");
        asm.mov(R8, R0);
        load(asm, R1, R8, "fib6_info", "fib6_flags", 4);
        asm.alu_imm(Alu::And, Width::W64, R1, EXPIRES);
        if_null(asm, R1, lasting);
        asm.helper(Helper::Jiffies);
        load(asm, R1, R8, "fib6_info", "expires", 8);
        asm.jump(Jump::Gt, Width::W64, R0, R1, other);
        asm.place(lasting);
        node::member(asm, self.at, other, end);
        load(asm, R9, R0, "fib_nh_common", "nhc_dev", 8);
        load(asm, R1, R0, "fib_nh_common", "nhc_flags", 1);
        asm.jump_imm(Jump::Set, Width::W64, R1, NEXTHOP_DEAD, another);
        load(asm, R1, R8, "fib6_info", "fib6_flags", 4);
        asm.alu_imm(Alu::And, Width::W64, R1, REJECT);
        if_null(asm, R1, leads);
        load(asm, R1, R8, "fib6_info", "fib6_type", 1);
        asm.jump_imm(Jump::Eq, Width::W64, R1, kind::THROW, next);
        asm.goto(end);

        asm.place(leads);
        rules::unless_ipv6_suppressed(asm, self.at, next);
        load(asm, R1, R8, "fib6_info", "fib6_flags", 4);
        asm.store_imm(Size::W, R7, self.at + KIND, kind::LOCAL);
        asm.mov(R2, R1);
        asm.alu_imm(Alu::And, Width::W64, R2, ANYCAST);
        asm.jump_imm(Jump::Ne, Width::W64, R2, 0, end);
        asm.alu_imm(Alu::Rsh, Width::W64, R1, LOCAL_BIT);
        if_null(asm, R1, foreign);
        asm.goto(end);
        asm.place(foreign);
        asm.store_imm(Size::W, R7, self.at + KIND, kind::UNICAST);
        asm.goto(end);

        asm.place(another);
        increase(asm, self.at + MEMBER);
        asm.goto(again);
        asm.place(other);
        load(asm, R1, R8, "fib6_info", "fib6_next", 8);
        asm.store(Size::D, R7, self.at + FOUND, R1);
        asm.store_imm(Size::W, R7, self.at + MEMBER, 0);
        asm.goto(again);
    }
}
