//! Small artifacts written by hand, with everything that an artifact may hold.

use bpfc_artifact::*;

/// Size of `struct bpfc_packet` here.
pub const PACKET_SIZE: u32 = 96;

/// A function under assembly.
#[derive(Default)]
pub struct Code {
    pub insns: Vec<Insn>,
    pub relocs: Vec<Reloc>,
    pub lines: Vec<Line>,
}

const fn insn(code: u8, dst: u8, src: u8, off: i16, imm: i32) -> Insn {
    Insn { code, dst, src, off, imm }
}

impl Code {
    pub fn op(&mut self, code: u8, dst: u8, src: u8, off: i16, imm: i32) -> &mut Self {
        self.insns.push(insn(code, dst, src, off, imm));
        self
    }

    fn reloc(&mut self, kind: RelocKind) -> &mut Self {
        self.relocs.push(Reloc { insn: self.insns.len() as u32, kind });
        self
    }

    pub fn line(&mut self, line: u32, text: &str) -> &mut Self {
        let insn = self.insns.len() as u32;
        self.lines.push(Line { insn, file: 0, line, column: 1, text: text.into() });
        self
    }

    pub fn mov(&mut self, dst: u8, src: u8) -> &mut Self {
        self.op(0xbf, dst, src, 0, 0)
    }

    pub fn set(&mut self, dst: u8, imm: i32) -> &mut Self {
        self.op(0xb7, dst, 0, 0, imm)
    }

    pub fn add(&mut self, dst: u8, imm: i32) -> &mut Self {
        self.op(0x07, dst, 0, 0, imm)
    }

    /// `dst = fp + offset`
    pub fn stack(&mut self, dst: u8, offset: i32) -> &mut Self {
        self.mov(dst, 10).add(dst, offset)
    }

    /// Zeroes the eight bytes at `fp + offset`.
    pub fn clear(&mut self, offset: i16) -> &mut Self {
        self.op(0x7a, 10, 0, offset, 0)
    }

    pub fn load(&mut self, code: u8, dst: u8, src: u8, off: i16) -> &mut Self {
        self.op(code, dst, src, off, 0)
    }

    /// Skips `count` instructions when `dst` is 0.
    pub fn skip_if_zero(&mut self, dst: u8, count: i16) -> &mut Self {
        self.op(0x15, dst, 0, count, 0)
    }

    pub fn exit(&mut self) -> &mut Self {
        self.op(0x95, 0, 0, 0, 0)
    }

    pub fn helper(&mut self, number: i32) -> &mut Self {
        self.op(0x85, 0, 0, 0, number)
    }

    pub fn call(&mut self, callee: u32) -> &mut Self {
        self.reloc(RelocKind::Call(FunctionIndex(callee))).op(0x85, 0, 1, 0, 0)
    }

    pub fn kfunc(&mut self, name: &str) -> &mut Self {
        self.reloc(RelocKind::Kfunc(name.into())).op(0x85, 0, 2, 0, 0)
    }

    pub fn lddw(&mut self, dst: u8, kind: RelocKind, offset: i32) -> &mut Self {
        self.reloc(kind).op(0x18, dst, 0, 0, 0).op(0, 0, 0, 0, offset)
    }

    pub fn field(&mut self, structure: &str, member: &str, size: u32) -> &mut Self {
        let (structure, member) = (structure.into(), member.into());
        self.reloc(RelocKind::FieldOffset(KernelField { structure, member, size }))
    }

    /// `dst = TYPE_ID(structure)`
    pub fn type_id(&mut self, dst: u8, structure: &str) -> &mut Self {
        self.reloc(RelocKind::TypeId(structure.into())).set(dst, 0)
    }

    pub fn function(&mut self, name: &str, kind: FunctionKind, program: ProgramKind) -> Function {
        Function {
            name: name.into(),
            kind,
            program,
            packet_size: PACKET_SIZE,
            insns: std::mem::take(&mut self.insns),
            relocs: std::mem::take(&mut self.relocs),
            lines: std::mem::take(&mut self.lines),
        }
    }
}

pub fn map(name: &str, kind: MapKind, role: MapRole, value_size: u32, max_entries: u32) -> MapDef {
    MapDef { value_size, max_entries, ..MapDef::new(name, kind, role) }
}

/// What the filters of [`filter`] return to accept.
fn accept(attach: AttachPoint) -> i32 {
    match attach {
        AttachPoint::Xdp | AttachPoint::Service => 2,
        AttachPoint::TcIngress | AttachPoint::TcEgress | AttachPoint::Companion => -1,
        AttachPoint::Netfilter { .. } | AttachPoint::CgroupIngress | AttachPoint::CgroupEgress => 1,
    }
}

/// Number of the chain in the artifact of [`filter`].
const CHAIN: u32 = 0;
const WALK: u32 = 1;
const STEP: u32 = 2;

/// The chain, its static function and its callback.
fn callees(program: ProgramKind) -> Vec<Function> {
    let mut code = Code::default();
    code.line(2, "-A INPUT -s 10.0.0.1/32 -j DROP").mov(6, 1).mov(7, 2).skip_if_zero(7, 27);
    // Counter 0, one packet.
    code.op(0x62, 10, 0, -4, 0).stack(2, -4).lddw(1, RelocKind::Map(MapIndex(0)), 0).helper(1);
    code.skip_if_zero(0, 20).load(0x79, 1, 0, 0).add(1, 1).op(0x7b, 0, 1, 0, 0);
    // Shared state at offset 8.
    code.line(3, "-A INPUT -m statistic --mode nth --every 2 --packet 0 -j ACCEPT");
    code.lddw(1, RelocKind::MapValue(MapIndex(1)), 8).set(2, 1).op(0xdb, 1, 2, 0, 0);
    code.set(1, 4).lddw(2, RelocKind::FunctionPointer(FunctionIndex(STEP)), 0);
    code.clear(-16).stack(3, -16).set(4, 0).helper(181);
    code.set(1, 1).set(2, 2).set(3, 3).call(WALK);
    code.load(0x61, 1, 7, 0).set(0, 0).exit();
    let chain = code.function("filter_INPUT", FunctionKind::Chain, program);
    code.line(0, "walk").mov(0, 1).op(0x0f, 0, 2, 0, 0).exit();
    let walk = code.function("walk", FunctionKind::Static { arguments: 3 }, program);
    code.line(0, "step").set(0, 0).exit();
    let step = code.function("step", FunctionKind::LoopBody, program);
    vec![chain, walk, step]
}

/// Begins a main function: context in r6, a packet of zeroes on the stack, the chain called.
fn begin(code: &mut Code) {
    code.line(1, "parse the packet").mov(6, 1);
    for at in 0..PACKET_SIZE as i16 / 8 {
        code.clear(at * 8 - PACKET_SIZE as i16);
    }
    code.mov(1, 6).stack(2, -(PACKET_SIZE as i32)).line(1, "-P INPUT ACCEPT").call(CHAIN);
}

/// Looks a connection up, reads its status and mark and lets it go.
fn lookup(code: &mut Code, kfunc: &str) {
    for offset in [-112, -120, -128, -136] {
        code.clear(offset);
    }
    code.mov(1, 6).stack(2, -120).set(3, 12).stack(4, -136).set(5, 12).kfunc(kfunc);
    code.skip_if_zero(0, 4).mov(8, 0);
    code.field("nf_conn", "status", 8).load(0x79, 1, 8, 0).mov(1, 8).kfunc("bpf_ct_release");
}

/// Reads the packet and its connection as a netfilter program does. The connection's type is got
/// at through a structure that points at one: its own name is ambiguous.
fn inspect(code: &mut Code) {
    code.field("bpf_nf_ctx", "skb", 8).load(0x79, 7, 6, 0);
    code.field("sk_buff", "len", 4).load(0x61, 1, 7, 0);
    code.mov(1, 7).set(2, 0).stack(3, -112).kfunc("bpf_dynptr_from_skb");
    code.stack(1, -112).set(2, 0).stack(3, -136).set(4, 20).kfunc("bpf_dynptr_slice");
    code.field("sk_buff", "_nfct", 8).load(0x79, 8, 7, 0).op(0x57, 8, 0, 0, -8);
    code.op(0x7b, 10, 8, -144, 0).stack(1, -144).type_id(2, "nf_ct_event");
    code.kfunc("bpf_rdonly_cast").field("nf_ct_event", "ct", 8).load(0x79, 1, 0, 0);
    code.field("nf_conn", "tuplehash", 112).add(1, 0).load(0x79, 2, 1, 0);
}

/// A filter of one program for each attach point, all of one type, with a chain, a static
/// function, a callback, counters and state.
pub fn filter(target: &str, points: &[AttachPoint]) -> Artifact {
    let program = points[0].kind();
    let mut functions = callees(program);
    let mut programs = Vec::new();
    for (index, &attach) in (0..).zip(points) {
        let mut code = Code::default();
        begin(&mut code);
        match program {
            ProgramKind::Xdp => lookup(&mut code, "bpf_xdp_ct_lookup"),
            ProgramKind::SchedCls => lookup(&mut code, "bpf_skb_ct_lookup"),
            ProgramKind::Netfilter => inspect(&mut code),
            ProgramKind::CgroupSkb => {}
        }
        code.set(0, accept(attach)).exit();
        let name = format!("bpfc_input_{index}");
        let entry = FunctionIndex(functions.len() as u32);
        functions.push(code.function(&name, FunctionKind::Main, program));
        programs.push(Program { name, attach, entry });
    }
    Artifact {
        target: target.into(),
        functions,
        programs,
        maps: vec![
            map("bpfc_counters", MapKind::PerCpuArray, MapRole::Counters, 16384, 2),
            map("bpfc_state", MapKind::Array, MapRole::RuleState, 64, 1),
        ],
        rules: rules(),
        sets: Vec::new(),
        needs_conntrack: program != ProgramKind::CgroupSkb,
        needs_accounting: false,
        sends: true,
        asks_for_link: true,
        sources: vec!["rules.v4".into()],
        inputs: vec![bpfc_artifact::InputFile { name: "web.rules".into(), sha256: "00".into() }],
    }
}

fn rules() -> RuleTable {
    let entry = |label: &str, kind, text: &str, counter| RuleEntry {
        label: label.into(),
        family: Family::Ipv4.into(),
        table: "filter".into(),
        chain: "INPUT".into(),
        hook: Some(Hook::Input),
        kind,
        text: text.into(),
        verdict: "DROP".into(),
        columns: ["all".to_owned(), "--".into(), "any".into()].into(),
        file: "rules.v4".into(),
        line: 2,
        counter,
    };
    let slot = CounterSlot { chunk: 0, offset: 0 };
    RuleTable {
        entries: vec![
            entry("filter/INPUT:1", RuleKind::Rule(1), "-s 10.0.0.1/32 -j DROP", Some(slot)),
            entry("filter/INPUT:policy", RuleKind::Policy, "ACCEPT", None),
        ],
        chains: vec![UserChain {
            family: Family::Ipv4.into(),
            table: "filter".into(),
            name: "later".into(),
        }],
        rates: vec![RefusedRate { rule: 0, ticks: vec![100, 300] }],
        ..RuleTable::default()
    }
}

/// One artifact for each program type, with its libbpf section names.
pub fn all() -> Vec<(Artifact, &'static [&'static str])> {
    let netfilter = |family, hook, priority| AttachPoint::Netfilter { family, hook, priority };
    let (v4, v6) = (Family::Ipv4, Family::Ipv6);
    vec![
        (filter("xdp", &[AttachPoint::Xdp]), &["xdp"]),
        (
            filter("tc", &[AttachPoint::TcIngress, AttachPoint::TcEgress]),
            &["classifier", "classifier"],
        ),
        (
            filter("netfilter", &[netfilter(v4, Hook::Input, 1), netfilter(v6, Hook::Forward, -5)]),
            &["netfilter", "netfilter"],
        ),
        (
            filter("cgroup-skb", &[AttachPoint::CgroupIngress, AttachPoint::CgroupEgress]),
            &["cgroup_skb/ingress", "cgroup_skb/egress"],
        ),
    ]
}
