//! Random programs that keep every invariant, and packets to run through them, for tests of
//! whatever reads or changes IR.
//!
//! They look like lowered rulesets: chains of rules, each a sequence of guarded tests whose
//! failure leads to the next rule, then effects and a verdict, call or return.

use bpfc_diag::{FileId, Span};
use bpfc_ir::state::wide_bucket::{Measure, WideBucket};
use bpfc_ir::state::{nanosecond_bucket::NanosecondBucket, tick_bucket::TickBucket};
use bpfc_ir::{
    Address, Arm, Base, BaseChain, BinaryOp, Block, CalendarField, ChainData, ChecksumField,
    ChunkFlags, Condition, Contents, Counted, Counter, CtField, CtTuple, Device, Element, Elements,
    Entry, Expiry, Family, FieldDef, Func, Function, FunctionBuilder, Hook, InnerPart, KeyPart,
    Log, LogKind, Lookup, Meta, Object, ObjectDef, ObjectKind, Onward, Op, Probe, ProbeDef,
    Program, Query, RecentAction, RecentList, RecentQuery, Reject, ReversePath, Rewrite, Rule,
    RuleData, RuleKind, Scan, SctpChunks, Shape, SocketField, Source, StateDef, StateKind, Switch,
    Table, TableDef, Terminator, TextSearch, Timeout, Touch, TransformField, Tunnel, TupleField,
    Type, Value, Verdict, Way,
};
use bpfc_packet::{
    Conntrack, Dccp, Extension, InterfaceName, LengthField, Packet, PacketBuilder, Sctp, Tcp,
    Transport, Tuple,
};
use std::net::IpAddr;

/// A source of choices: the same seed gives the same program.
#[derive(Clone, Debug)]
pub struct Choices(u64);

impl Choices {
    /// Choices by a seed.
    pub fn new(seed: u64) -> Self {
        Choices(seed)
    }

    /// A number (SplitMix64: Steele, Lea, Flood 2014).
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound.max(1) as u64) as usize
    }

    /// Whether to do something, once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of several.
    pub fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

/// A program of at most `chains` chains a family, of at most `rules` rules each.
pub fn program(seed: u64, chains: usize, rules: usize) -> Program {
    let mut choices = Choices::new(seed);
    let mut program = Program::new();
    let burst = 1 + choices.below(9) as u32;
    let bytes = choices.once_in(2);
    let rate = if bytes { 2_000 } else { 3 };
    let interval = 1_000_000_000;
    for kind in [
        StateKind::Cycle { period: 3, start: choices.below(3) as u32 },
        StateKind::Quota { bytes: choices.below(9000) as u64 },
        StateKind::TickBucket(TickBucket { average: 3333, burst }),
        StateKind::NanosecondBucket(NanosecondBucket { interval, rate, burst, bytes }),
    ] {
        let name = if choices.once_in(2) { String::new() } else { format!("a {kind}") };
        program.states.push(StateDef { name, kind });
    }
    for (name, kind) in [
        ("a list", ObjectKind::Recent(RecentList { entries: 2, stamps: 8, mask: u128::MAX << 1 })),
        ("", ObjectKind::Connections { family: Family::Ipv4 }),
        ("", ObjectKind::Connections { family: Family::Ipv6 }),
    ] {
        program.objects.push(ObjectDef { name: name.to_owned(), kind });
    }
    program.tables.extend(tables());
    program.tables.extend(touched(&mut choices));
    if let Ok(filter) = "48 0 0 9,21 0 1 6,6 0 0 1,128 0 0 0,22 0 0 0".parse() {
        program.probes.push(ProbeDef::Filter(filter));
    }
    for fold in [false, true] {
        let pattern = (0..1 + choices.below(12)).map(|_| b"aAbB"[choices.below(4)]).collect();
        let (from, to) = (choices.below(60) as u16, 60 + choices.below(9000) as u16);
        program.probes.push(ProbeDef::Text(TextSearch { pattern, from, to, fold }));
    }
    for family in [Family::Ipv4, Family::Ipv6] {
        let first = program.funcs.len();
        let count = 1 + choices.below(chains);
        // The first is the base chain; a chain calls only those after it.
        for at in 0..count {
            let hook = (at == 0).then_some(Hook::Input);
            let (table, name) = ("filter".to_owned(), format!("C{at}"));
            let entity =
                program.chains.push(ChainData { family: family.into(), table, name, hook });
            let chain = Chain {
                family,
                entity,
                base: at == 0,
                callees: (first + at + 1..first + count)
                    .map(|f| Func::from_u32(f as u32))
                    .collect(),
                rules: choices.below(rules + 1),
            };
            let function = function(&mut choices, &mut program, chain);
            program.funcs.push(function.into());
        }
        if choices.once_in(2) {
            let (table, name) = ("filter".to_owned(), "a \"chain\"".to_owned());
            program.chains.push(ChainData { family: family.into(), table, name, hook: None });
        }
        let priority = choices.of(&[0, -300, 50]);
        let chains = vec![BaseChain { priority, ..BaseChain::of(Func::from_u32(first as u32)) }];
        program.entries.push(Entry { hook: Hook::Input, family: family.into(), chains });
    }
    program
}

/// The tables of every program.
fn tables() -> [TableDef; 3] {
    let part = |ty, shape| KeyPart { ty, shape };
    let table = |name: &str, key, fields| TableDef {
        name: name.to_owned(),
        key,
        fields,
        capacity: 32,
        expiry: None,
        is_dynamic: false,
    };
    let names = ["accept", "jump \"a chain\""].map(str::to_owned).to_vec();
    [
        table(
            "marks",
            vec![part(Type::I8, Shape::Exact), part(Type::I16, Shape::Prefix)],
            vec![FieldDef::Data(Type::I32), FieldDef::Data(Type::I128)],
        ),
        table("", vec![part(Type::I32, Shape::Range)], vec![FieldDef::Verdict(names)]),
        table("", vec![part(Type::I128, Shape::Exact)], Vec::new()),
    ]
}

/// What is in the tables of [`program`].
pub fn contents(choices: &mut Choices) -> Contents {
    let mut contents = Contents::default();
    for (table, def) in (0..).map(Table::from_u32).zip(tables()) {
        let mut all: Vec<Element> = Vec::new();
        for _ in 0..choices.below(20) {
            let mut number =
                |ty: Type| choices.of(&[0, 1, 6, 17, 0x100, 0x0a00_0000, u128::MAX]) & ty.max();
            let mut key: Vec<(u128, u128)> =
                def.key.iter().map(|part| (number(part.ty), 0)).collect();
            key.iter_mut().for_each(|ends| ends.1 = ends.0);
            let fields = def.fields.iter().map(|field| match field {
                FieldDef::Data(ty) => number(*ty),
                FieldDef::Verdict(names) => number(Type::I8) % names.len() as u128,
                FieldDef::State(..) => 0,
            });
            let fields = fields.collect();
            let free = (1u128 << choices.below(10)) - 1;
            match (key.last_mut(), def.key.last().map(|part| part.shape)) {
                (Some(last), Some(Shape::Prefix)) => *last = (last.0 & !free, last.0 | free),
                (Some(last), Some(Shape::Range)) => last.1 = (last.0 + free).min(u32::MAX.into()),
                _ => {}
            }
            all.push(Element { key, fields, life: None });
            if Elements::new(&def, all.clone()).is_err() {
                all.pop();
            }
        }
        if let Ok(elements) = Elements::new(&def, all) {
            contents.set(table, elements);
        }
    }
    contents
}

/// The types of the keys of [`touched`].
const TOUCHED: [&[Type]; 2] =
    [&[Type::I32, Type::I32, Type::I16, Type::I16], &[Type::I128, Type::I8]];
/// The types of the fields of [`touched`], and how many of them packets hand over.
const TOUCHED_FIELDS: [(&[Type], usize); 2] =
    [(&[Type::I32], 0), (&[Type::I16, Type::I32, Type::I32, Type::I128], 2)];

/// Tables whose elements packets add, touch and remove.
fn touched(choices: &mut Choices) -> [TableDef; 2] {
    let exact = |&ty: &Type| KeyPart { ty, shape: Shape::Exact };
    let bucket = WideBucket {
        measure: choices.of(&[Measure::Packets, Measure::Bytes]),
        average: choices.of(&[1000, 5_000_000]),
        burst: 1 + choices.below(5) as u64,
        interval: choices.of(&[None, None, Some(1)]),
    };
    let onward = choices.of(&[Onward::All, Onward::Enough, Onward::Lacking]);
    let quota = StateKind::Quota { bytes: choices.below(2_000) as u64 };
    let behind = match choices.below(3) {
        0 => StateKind::Cycle { period: 3, start: 1 },
        1 => StateKind::Counter,
        _ => StateKind::Last,
    };
    [
        TableDef {
            name: "buckets".into(),
            key: TOUCHED[0].iter().map(exact).collect(),
            fields: vec![FieldDef::State(StateKind::WideBucket(bucket), Onward::All)],
            capacity: 1 + choices.below(5) as u32,
            expiry: Some(Expiry::Idle { idle: 3000, collect: 1000 }),
            is_dynamic: true,
        },
        TableDef {
            name: String::new(),
            key: TOUCHED[1].iter().map(exact).collect(),
            fields: vec![
                FieldDef::Data(Type::I16),
                FieldDef::State(quota, onward),
                FieldDef::State(behind, Onward::All),
                FieldDef::Data(Type::I128),
            ],
            capacity: 1 + choices.below(5) as u32,
            expiry: Some(Expiry::Own { collect: 1000 }),
            is_dynamic: true,
        },
    ]
}

/// A packet: whole, a fragment or cut short, with connection, link header and mark or without.
pub fn packet(choices: &mut Choices) -> Packet {
    let port = |choices: &mut Choices| choices.of(&[0, 22, 53, 443, 40_000]);
    let (source, destination) = (port(choices), port(choices));
    let transport = match choices.below(6) {
        0 => Transport::Udp { source, destination },
        1 => Transport::Icmp { kind: 8, code: 0, rest: [0; 4] },
        2 => Transport::Sctp(Sctp { chunks: vec![0, 1, 0, 4, 2, 0, 0, 5], ..Sctp::default() }),
        3 => Transport::Dccp(Dccp { kind: 3, options: vec![2, 4, 0, 0], ..Dccp::default() }),
        _ => {
            let options = choices.of(&[&[][..], &[2, 4, 5, 180, 1, 8, 2], &[8, 0, 2]]).to_vec();
            Transport::Tcp(Tcp { source, destination, flags: 2, options, ..Tcp::default() })
        }
    };
    let mut builder = if choices.once_in(2) {
        PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, choices.below(4) as u8])
    } else {
        PacketBuilder::ipv6(
            "2001:db8::1".parse().expect("an address"),
            "2001:db8::2".parse().expect("an address"),
        )
    };
    let offset = choices.of(&[0, 0, 0, 5]);
    builder = builder.with_ipv4(|ip| {
        ip.fragment_offset = offset;
        ip.options = choices.of(&[&[][..], &[1, 1, 1, 0]]).to_vec();
    });
    let is_ipv6 = builder.build().family == Family::Ipv6;
    let family = if is_ipv6 { Family::Ipv6 } else { Family::Ipv4 };
    for _ in 0..choices.below(3) {
        if family == Family::Ipv6 {
            builder = builder.extension(match choices.below(4) {
                0 => Extension::DestinationOptions(vec![1, 4, 0, 0, 0, 0]),
                1 => Extension::Routing { kind: 0, segments_left: 0, data: vec![0; 4] },
                2 => Extension::Fragment { offset, more: true, identification: 1 },
                _ => Extension::Authentication { spi: 7, sequence: 1, icv: vec![0; 4] },
            });
        }
    }
    builder = builder.transport(transport).payload(vec![7; choices.below(9)]);
    if choices.once_in(2) {
        builder = builder.ethernet([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    }
    let mut packet = builder.build();
    if choices.once_in(3) {
        let length = 40 + choices.below(40);
        packet = packet.truncated(length, LengthField::Adjusted);
    }
    packet.in_interface = InterfaceName::new("eth0").unwrap_or_default();
    packet.mark = choices.below(3) as u32;
    packet.untracked = choices.once_in(4);
    if choices.once_in(2) {
        let address = |last: u8| match family {
            Family::Ipv4 => IpAddr::from([10, 0, 0, last]),
            Family::Ipv6 => IpAddr::from([last; 16]),
        };
        let tuple = Tuple {
            source: address(1),
            destination: address(2),
            source_port: source,
            destination_port: destination,
        };
        packet.conntrack = Some(Conntrack {
            state: choices.of(&[2, 4, 8]),
            status: choices.number() as u32,
            reply: choices.once_in(2),
            mark: choices.below(3) as u32,
            protocol: 6,
            original: tuple,
            replies: tuple,
        });
    }
    packet
}

struct Chain {
    family: Family,
    entity: bpfc_ir::Chain,
    base: bool,
    callees: Vec<Func>,
    rules: usize,
}

/// A rule or policy; one rule in eight is an end, where its chain has none.
fn rule(
    choices: &mut Choices,
    program: &mut Program,
    chain: &Chain,
    is_policy: bool,
) -> (Rule, Counter) {
    let number = program.rules.len();
    let span = Span::new(FileId(0), number * 10, number * 10 + 9);
    let has_end = program
        .rules
        .values()
        .any(|rule| rule.chain == chain.entity && matches!(rule.kind, RuleKind::End(_)));
    program.counted_rule(RuleData {
        chain: chain.entity,
        kind: match choices.below(8) {
            _ if is_policy => RuleKind::Policy,
            0 if !has_end => RuleKind::End(number as u32),
            _ => RuleKind::Rule(number as u32),
        },
        is_final: choices.once_in(4),
        span: (!choices.once_in(4)).then_some(span),
    })
}

fn function(choices: &mut Choices, program: &mut Program, chain: Chain) -> Function {
    let mut body = Body {
        family: chain.family,
        builder: FunctionBuilder::of_chain(
            chain.entity,
            &program.chains[chain.entity],
            chain.family,
        ),
        choices,
        values: Vec::new(),
        transport: 0,
        link: false,
        connection: false,
    };
    let entry = body.builder.block();
    body.builder.switch_to(entry);
    for _ in 0..chain.rules {
        let (rule, counter) = rule(body.choices, program, &chain, false);
        body.builder.set_rule((!body.choices.once_in(6)).then_some(rule));
        let counted = match body.choices.below(5) {
            0 => {
                let earlier = Counter::from_u32(body.choices.below(program.counters.len()) as u32);
                Counted::All(program.counter_lists.push([earlier, counter].into()))
            }
            _ => Counted::One(counter),
        };
        if body.choices.once_in(8) {
            let several = program.rule_lists.push([rule, Rule::from_u32(0)].into());
            body.builder.set_origin(Some(several.into()));
        }
        body.rule(rule, counted, &chain);
    }
    body.builder.set_rule(None);
    if chain.base {
        let (_, policy) = rule(body.choices, program, &chain, true);
        body.builder.count(policy);
        let verdict = body.choices.of(&[Verdict::Accept, Verdict::Drop]);
        body.builder.verdict(verdict);
    } else {
        body.builder.terminate(Terminator::Return);
    }
    body.builder.finish()
}

struct Body<'a> {
    family: Family,
    builder: FunctionBuilder,
    choices: &'a mut Choices,
    /// Numbers that are defined wherever the builder stands.
    values: Vec<(Value, Type)>,
    /// What is proved where the builder stands.
    transport: u16,
    link: bool,
    connection: bool,
}

impl Body<'_> {
    fn rule(&mut self, rule: Rule, counted: Counted, chain: &Chain) {
        let next = self.builder.block();
        let (values, facts) = (self.values.len(), (self.transport, self.link, self.connection));
        for _ in 0..self.choices.below(4) {
            self.test(next);
        }
        self.builder.push(Op::Count(counted));
        if self.choices.once_in(4) {
            let mark = self.number(Type::I32);
            self.builder.push(Op::SetMark(mark));
        } else if self.choices.once_in(20) {
            self.builder.push(Op::ToHost);
        }
        if self.connection && self.choices.once_in(3) {
            let mark = self.number(Type::I32);
            self.builder.push(Op::SetConnectionMark(mark));
        }
        if self.choices.once_in(4) {
            self.rewrite();
        }
        if self.choices.once_in(5) {
            if self.choices.once_in(3) {
                self.builder.push(Op::Trace);
            }
            let kind = match self.choices.below(4) {
                3 => LogKind::Fingerprint { ttl: self.choices.of(&[None, Some(64)]) },
                0 => LogKind::Syslog { level: 4, flags: 0x2f },
                1 => LogKind::Trace,
                _ => LogKind::Group { group: 5, threshold: 1, size: Some(60) },
            };
            let prefix = self.choices.of(&["", "a \"b\" "]).to_owned();
            self.builder.push(Op::Log(rule, Box::new(Log { kind, prefix })));
        }
        match self.choices.below(6) {
            0 => self.builder.verdict(Verdict::Accept),
            1 => {
                let icmp = Reject::Icmp(self.choices.below(7) as u8);
                let all = [Verdict::Drop, icmp.into(), Reject::TcpReset.into()];
                let verdict = self.choices.of(&all);
                self.builder.verdict(verdict);
            }
            2 if !chain.base => self.builder.terminate(Terminator::Return),
            3 | 4 if !chain.callees.is_empty() => {
                let callee = self.choices.of(&chain.callees);
                self.builder.terminate(Terminator::Call { callee, next });
            }
            _ => self.builder.jump(next),
        }
        self.values.truncate(values);
        (self.transport, self.link, self.connection) = facts;
        self.builder.switch_to(next);
    }

    /// A store that leaves version, lengths and the way to the transport header alone, or a
    /// checksum.
    fn rewrite(&mut self) {
        let transport = self.transport >= 18 && self.choices.once_in(2);
        let rewrite = if self.choices.once_in(8) {
            let number = self.number(Type::I32);
            let queue = self.choices.once_in(3);
            if queue { Rewrite::Queue(number) } else { Rewrite::Priority(number) }
        } else if self.choices.once_in(2) {
            let ty = self.choices.of(&[Type::I8, Type::I16]);
            let value = self.number(ty);
            let network = match self.family {
                Family::Ipv4 => [4, 8, 10, 12],
                Family::Ipv6 => [8, 10, 22, 38],
            };
            let offset = self.choices.of(if transport { &[0, 4, 13, 16] } else { &network });
            Rewrite::Store(if transport { Base::Transport } else { Base::Network }, offset, value)
        } else {
            let ty = self.choices.of(&[Type::I16, Type::I32]);
            let (old, new) = (self.number(ty), self.number(ty));
            let field = if transport { ChecksumField::TCP } else { ChecksumField::IPV4 };
            let pseudo = transport && self.choices.once_in(2);
            let nonzero = self.choices.once_in(2);
            Rewrite::Checksum(ChecksumField { pseudo, nonzero, ..field }, old, new)
        };
        self.builder.push(Op::Rewrite(rewrite));
    }

    /// A switch some of whose arms lead away, as its other numbers may.
    fn switch(&mut self, away: Block) {
        let ty = self.choices.of(&[Type::I8, Type::I16, Type::I32, Type::I64, Type::I128]);
        let value = self.number(ty);
        let next = self.builder.block();
        let count = 1 + 2 * self.choices.below(6);
        let mut ends: Vec<u128> = (0..count * 2).map(|_| self.any_number(ty)).collect();
        ends.sort_unstable();
        ends.dedup();
        let arms = ends.chunks(2).map(|ends| {
            let (low, high) = (ends[0], *ends.last().unwrap_or(&ends[0]));
            let high = if self.choices.once_in(2) { low } else { high };
            Arm { low, high, to: self.choices.of(&[next, away]) }
        });
        let arms = arms.collect();
        let otherwise = self.choices.of(&[next, away]);
        let switch = Switch { value, arms, otherwise };
        self.builder.terminate(Terminator::Switch(Box::new(switch)));
        self.builder.switch_to(next);
    }

    /// A touch of an element, whose fields are numbers where it is found, or its end.
    fn touch(&mut self, away: Block) {
        let at = self.choices.below(TOUCHED.len());
        let (fields, handed) = TOUCHED_FIELDS[at];
        let key: Vec<Value> = TOUCHED[at].iter().map(|&ty| self.number(ty)).collect();
        let table = Table::from_u32((tables().len() + at) as u32);
        if self.choices.once_in(6) {
            return self.builder.remove(table, key);
        }
        let hour = Timeout::new(3_600_000).unwrap_or_default();
        let timeout =
            if at == 0 { Timeout::NEVER } else { self.choices.of(&[Timeout::NEVER, hour]) };
        let touch =
            self.choices.of(&[Touch::Add(timeout), Touch::Update(timeout), Touch::Existing]);
        let mut values = key;
        if touch != Touch::Existing && handed > 0 {
            values.extend([fields[0], fields[fields.len() - 1]].map(|ty| self.number(ty)));
        }
        let element = self.builder.touch(table, touch, values);
        let found = self.builder.found(element);
        self.builder.require(found, away);
        for (place, &ty) in (0..).zip(fields) {
            let value = self.builder.field(ty, element, place);
            self.values.push((value, ty));
        }
    }

    /// A search for an element, whose fields are numbers where it is found.
    fn find(&mut self, away: Block) {
        let tables = tables();
        let at = self.choices.below(tables.len());
        let key = tables[at].key.iter().map(|part| self.number(part.ty)).collect();
        let element = self.builder.find(Table::from_u32(at as u32), key);
        let found = self.builder.found(element);
        self.builder.require(found, away);
        for (place, field) in (0..).zip(&tables[at].fields) {
            let value = self.builder.field(field.ty(), element, place);
            self.values.push((value, field.ty()));
        }
    }

    /// A test whose failure leads away.
    fn test(&mut self, otherwise: Block) {
        match self.choices.below(13) {
            10 => self.switch(otherwise),
            12 => self.touch(otherwise),
            11 => self.find(otherwise),
            0 => {
                let bytes = self.choices.of(&[1, 4, 8, 12, 20, 24]);
                let there = self.builder.available(Base::Transport, bytes);
                self.builder.require(there, otherwise);
                self.transport = self.transport.max(bytes);
            }
            1 => {
                let link = self.builder.meta(Meta::LinkHeader);
                let there = self.builder.compare_const(Condition::Ne, link, 0);
                self.builder.require(there, otherwise);
                self.link = true;
            }
            2 => {
                let present = self.builder.ct(CtField::Present);
                if self.choices.once_in(2) {
                    let absent = self.builder.compare_const(Condition::Eq, present, 0);
                    self.builder.forbid(absent, otherwise);
                } else {
                    let there = self.builder.in_range(present, 1, 1);
                    self.builder.require(there, otherwise);
                }
                self.connection = true;
            }
            3 => {
                let offset = self.number(Type::I32);
                let there = self.builder.available_at(offset, 4);
                self.builder.require(there, otherwise);
                let value = self.builder.load_at(Type::I16, offset, 2);
                self.values.push((value, Type::I16));
            }
            _ => {
                let ty = self.choices.of(&[Type::I8, Type::I16, Type::I32, Type::I64, Type::I128]);
                let value = self.number(ty);
                let condition = if self.choices.once_in(3) {
                    let (a, b) = (self.any_number(ty), self.any_number(ty));
                    self.builder.in_range(value, a.min(b), a.max(b))
                } else {
                    let condition = self.choices.of(&[
                        Condition::Eq,
                        Condition::Ne,
                        Condition::Lt,
                        Condition::Le,
                        Condition::Gt,
                        Condition::Ge,
                    ]);
                    let other = self.number(ty);
                    self.builder.compare(condition, value, other)
                };
                match self.choices.once_in(2) {
                    true => self.builder.require(condition, otherwise),
                    false => self.builder.forbid(condition, otherwise),
                }
            }
        }
    }

    fn any_number(&mut self, ty: Type) -> u128 {
        let wide = u128::from(self.choices.number()) << 64 | u128::from(self.choices.number());
        self.choices.of(&[0, 1, 2, 6, 17, 64, wide, u128::MAX]) & ty.max()
    }

    /// A number of a type: one that is there, or a new one.
    fn number(&mut self, ty: Type) -> Value {
        let known = self.values.len();
        if known > 0 && self.choices.once_in(3) {
            let (value, found) = self.values[self.choices.below(known)];
            if found == ty {
                return value;
            }
        }
        let value = self.new_number(ty);
        self.values.push((value, ty));
        value
    }

    fn new_number(&mut self, ty: Type) -> Value {
        match self.choices.below(8) {
            0 => {
                let number = self.any_number(ty);
                self.builder.constant(ty, number)
            }
            1 | 2 => self.load(ty),
            3 if ty != Type::I128 && ty != Type::I8 => {
                let narrower = match ty {
                    Type::I16 => Type::I8,
                    Type::I32 => Type::I16,
                    _ => Type::I32,
                };
                let value = self.number(narrower);
                self.builder.extend(ty, value)
            }
            7 if matches!(ty, Type::I8 | Type::I16 | Type::I32) => {
                let wider = self.choices.of(&[Type::I64, Type::I128]);
                let value = self.load(wider);
                self.builder.truncate(ty, value)
            }
            4 => {
                let logic = [BinaryOp::And, BinaryOp::Or, BinaryOp::Xor];
                let all = [
                    BinaryOp::And,
                    BinaryOp::Add,
                    BinaryOp::Sub,
                    BinaryOp::Mul,
                    BinaryOp::Rem,
                    BinaryOp::Min,
                ];
                let op = self.choices.of(if ty == Type::I128 { &logic } else { &all });
                let (a, b) = (self.load(ty), self.load(ty));
                self.builder.binary(op, a, b)
            }
            5 if ty != Type::I128 => {
                let op = self.choices.of(&[BinaryOp::Shl, BinaryOp::Shr]);
                let value = self.load(ty);
                let amount = self.choices.below(usize::from(ty.bytes()) * 8);
                let amount = self.builder.constant(ty, amount as u128);
                self.builder.binary(op, value, amount)
            }
            6 if ty == Type::I32 && self.choices.once_in(3) => {
                let lookup = self.lookup();
                self.builder.lookup(lookup)
            }
            6 if ty == Type::I32 && self.choices.once_in(3) => {
                let time = self.load(Type::I64);
                let field = self.choices.of(&CalendarField::ALL);
                self.builder.calendar(field, time)
            }
            6 if ty == Type::I32 && self.choices.once_in(3) => {
                let types = [Type::I8, Type::I16, Type::I32, Type::I64, Type::I128];
                let (mut values, mut bytes) = (Vec::new(), 0);
                for _ in 0..1 + self.choices.below(3) {
                    let ty = self.choices.of(&types);
                    values.push(self.load(ty));
                    bytes = u16::next_multiple_of(bytes, 4) + ty.bytes();
                }
                let seed = self.choices.number() as u32;
                self.builder.hash(values, bytes, seed)
            }
            6 if ty == Type::I32 && self.choices.once_in(6) => {
                let path = self.choices.of(&["", "/a b/\"c\"", "system.slice"]);
                self.builder.control_group(path)
            }
            6 if ty == Type::I32 => {
                let scan = self.scan();
                self.builder.scan(scan)
            }
            7 if ty == Type::I32 && self.choices.once_in(2) => self.builder.random(),
            7 if ty == Type::I32 && self.choices.once_in(3) => self.seen(),
            7 if ty == Type::I32 && self.choices.once_in(3) => self.counted(),
            7 if ty == Type::I32 => {
                let state = self.choices.below(4) as u32;
                self.builder.take(bpfc_ir::State::from_u32(state))
            }
            _ => self.load(ty),
        }
    }

    fn lookup(&mut self) -> Lookup {
        let devices: &[Option<Device>] = match self.family {
            Family::Ipv4 => &[None, Some(Device::In), Some(Device::Out)],
            Family::Ipv6 => &[None],
        };
        if self.choices.once_in(3) {
            let low = self.choices.below(10) as u32;
            return Lookup::SocketGroup { low, high: low + self.choices.below(10) as u32 };
        }
        if self.choices.once_in(5) {
            return self.choices.of(&[
                Lookup::ReceiverMark,
                Lookup::RouteMtu,
                Lookup::ReturnMtu,
                Lookup::Receiver { transparent: true },
                Lookup::Receiver { transparent: false },
            ]);
        }
        if self.choices.once_in(4) {
            let way = self.choices.of(&[Way::In, Way::Out]);
            let word = self.choices.below(4) as u8;
            let field = self.choices.of(&[
                TransformField::RequestId,
                TransformField::Spi,
                TransformField::Protocol,
                TransformField::Mode,
                TransformField::Family,
                TransformField::Address(Address::Source, word),
                TransformField::Address(Address::Destination, word),
            ]);
            return match self.choices.below(usize::from(Way::MOST) + 1) as u8 {
                Way::MOST => Lookup::Transforms(way),
                index => Lookup::Transform { way, index, field },
            };
        }
        if self.choices.once_in(3) {
            return Lookup::ReversePath(ReversePath {
                loose: self.choices.once_in(2),
                valid_mark: self.choices.once_in(2),
                accept_local: self.choices.once_in(2),
                other_kinds: self.choices.once_in(2),
            });
        }
        Lookup::AddressType(self.choices.of(&Address::ALL), self.choices.of(devices))
    }

    /// Counts the packet's connection.
    fn counted(&mut self) -> Value {
        let (object, address) = match self.family {
            Family::Ipv4 => (1, Type::I32),
            Family::Ipv6 => (2, Type::I128),
        };
        let arguments = vec![self.load(address)];
        self.builder.query(Object::from_u32(object), Query::Connections, arguments)
    }

    /// Asks the list of seen addresses.
    fn seen(&mut self) -> Value {
        let family = self.family;
        let (action, _) = self.choices.of(&RecentAction::ALL);
        let reads = matches!(action, RecentAction::Check | RecentAction::Update);
        let seconds = if reads { self.choices.of(&[0, 1, 60]) } else { 0 };
        let query = RecentQuery {
            family,
            action,
            invert: self.choices.once_in(3),
            seconds,
            hits: if reads { self.choices.of(&[0, 1, 3]) } else { 0 },
            ttl: reads && self.choices.once_in(2),
            reap: seconds > 0 && self.choices.once_in(2),
        };
        let address = match family {
            Family::Ipv4 => Type::I32,
            Family::Ipv6 => Type::I128,
        };
        let arguments = vec![self.load(address), self.load(Type::I8)];
        self.builder.query(Object::from_u32(0), Query::Recent(query), arguments)
    }

    fn scan(&mut self) -> Scan {
        let kind = self.choices.of(&[0, 2, 8, 43, 44, 60]);
        let chunks = SctpChunks::none().with(kind);
        let flags = ChunkFlags { kind, mask: 3, value: 1 };
        match self.choices.below(9) {
            6 => Scan::Probe(Probe::from_u32(self.choices.below(3) as u32)),
            0 if self.transport >= 20 && kind == 2 => Scan::TcpMss,
            0 if self.transport >= 20 => Scan::TcpOption(kind),
            1 if self.transport >= 12 => Scan::DccpOption(kind),
            2 if self.transport >= 12 => {
                let chunks = chunks.where_flags(flags).unwrap_or(chunks).complement();
                Scan::SctpChunk(Box::new(chunks))
            }
            7 => Scan::Payload,
            8 => {
                let all = [Tunnel::Vxlan, Tunnel::Geneve, Tunnel::Gre, Tunnel::Gretap];
                let parts = [
                    InnerPart::Tunnel,
                    InnerPart::Link,
                    InnerPart::Network,
                    InnerPart::Transport,
                    InnerPart::Protocol,
                    InnerPart::L4Proto,
                ];
                Scan::Inner(self.choices.of(&all), self.choices.of(&parts))
            }
            _ if self.family == Family::Ipv4 => self.scan_or(Scan::TcpOption(2)),
            3 => Scan::Ipv6Headers,
            _ => Scan::Ipv6Header(kind),
        }
    }

    /// A scan that every IPv4 function may have, below its guard.
    fn scan_or(&mut self, scan: Scan) -> Scan {
        if self.transport < 20 {
            let otherwise = self.builder.block();
            let there = self.builder.available(Base::Transport, 20);
            self.builder.require(there, otherwise);
            let here = self.builder.block();
            self.builder.jump(here);
            self.builder.switch_to(otherwise);
            self.builder.verdict(Verdict::Drop);
            self.builder.switch_to(here);
            self.transport = 20;
        }
        scan
    }

    fn load(&mut self, ty: Type) -> Value {
        let family = self.family;
        let fixed = match family {
            Family::Ipv4 => 20,
            Family::Ipv6 => 40,
        };
        let bytes = usize::from(ty.bytes());
        let mut sources = vec![
            Source::Payload(Base::Network, self.choices.below(fixed + 1 - bytes) as u16),
            Source::Payload(Base::Network, 0),
        ];
        if usize::from(self.transport) >= bytes {
            let room = usize::from(self.transport) + 1 - bytes;
            sources.push(Source::Payload(Base::Transport, self.choices.below(room) as u16));
        }
        if self.link && bytes <= 14 {
            sources.push(Source::Payload(Base::Link, self.choices.below(15 - bytes) as u16));
        }
        let fields = SocketField::ALL.iter().filter(|field| field.ty() == ty);
        sources.extend(fields.map(|&field| Source::Socket(field)));
        sources.extend(Meta::ALL.iter().filter(|meta| meta.ty() == ty).map(|&m| Source::Meta(m)));
        let part = self.choices.of(&TupleField::ALL);
        let tuple = CtField::Tuple(self.choices.of(&CtTuple::ALL), part);
        let always = [CtField::Present, CtField::State];
        let guarded = [
            CtField::Status,
            CtField::Direction,
            CtField::Mark,
            CtField::Protocol,
            tuple,
            CtField::Counted,
            CtField::Bytes(CtTuple::Reply),
            CtField::Packets(CtTuple::Original),
            CtField::Initiator,
            CtField::Helper,
            CtField::Labels,
            CtField::Expiration,
            CtField::Zone(None),
            CtField::Zone(Some(CtTuple::Reply)),
        ];
        let guarded = if self.connection { &guarded[..] } else { &[] };
        let facts = always.iter().chain(guarded).filter(|field| field.ty(family) == ty);
        sources.extend(facts.map(|&field| Source::Ct(field)));
        let source = self.choices.of(&sources);
        self.builder.load(ty, source)
    }
}
