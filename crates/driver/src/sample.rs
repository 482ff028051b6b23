//! Small programs for this crate's tests, built as a front end would.

use bpfc_ir::{
    Base, Block, Condition, Entry, Family, Func, FunctionBuilder, Hook, Meta, Program, RuleData,
    RuleKind, Terminator, Verdict,
};

/// What a matching rule does.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    Accept,
    Drop,
    Continue,
    Call(Func),
}

/// A rule: TCP destination ports, and what then.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    pub ports: Option<(u16, u16)>,
    pub then: Then,
}

impl Line {
    pub(crate) fn port(port: u16, then: Then) -> Self {
        Line { ports: Some((port, port)), then }
    }

    pub(crate) fn ports(low: u16, high: u16, then: Then) -> Self {
        Line { ports: Some((low, high)), then }
    }

    pub(crate) fn any(then: Then) -> Self {
        Line { ports: None, then }
    }

    fn text(&self, chain: &str, program: &Program) -> String {
        let ports = match self.ports {
            Some((low, high)) if low == high => format!(" -p tcp -m tcp --dport {low}"),
            Some((low, high)) => format!(" -p tcp -m tcp --dport {low}:{high}"),
            None => String::new(),
        };
        format!("-A {chain}{ports} -j {}", self.target(program))
    }

    fn target(&self, program: &Program) -> String {
        match self.then {
            Then::Accept => "ACCEPT".into(),
            Then::Drop => "DROP".into(),
            Then::Continue => "CONTINUE".into(),
            Then::Call(func) => chain_of(&program.funcs[func].name).into(),
        }
    }
}

fn chain_of(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, chain)| chain)
}

fn prefix(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "",
        Family::Ipv6 => "ip6/",
    }
}

/// A program of one base chain whose policy is to drop.
pub(crate) fn program(family: Family, hook: Hook, lines: &[Line]) -> Program {
    let mut program = Program::new();
    let chain = hook.to_string().to_uppercase();
    let func = add_chain(&mut program, family, &chain, Some(hook), lines);
    program.entries.push(Entry { hook, family, chains: vec![func] });
    program
}

/// Adds a chain; a base chain where `hook` is given.
pub(crate) fn add_chain(
    program: &mut Program,
    family: Family,
    chain: &str,
    hook: Option<Hook>,
    lines: &[Line],
) -> Func {
    let name = format!("{}filter/{chain}", prefix(family));
    let mut builder = FunctionBuilder::new(&name, family);
    let mut data = RuleData {
        label: String::new(),
        family,
        table: "filter".into(),
        chain: chain.into(),
        hook,
        kind: RuleKind::Policy,
        text: "".into(),
        verdict: String::new(),
        columns: [].into(),
        span: None,
    };
    let mut block = builder.block();
    for (index, line) in lines.iter().enumerate() {
        data.label = format!("{name}:{}", index + 1);
        data.kind = RuleKind::Rule(index as u32 + 1);
        data.text = line.text(chain, program).into();
        data.verdict = line.target(program);
        let rule = program.rules.push(data.clone().into());
        builder.set_rule(Some(rule));
        let next = builder.block();
        builder.switch_to(block);
        if let Some((low, high)) = line.ports {
            tcp_ports(&mut builder, low, high, next);
        }
        builder.push(bpfc_ir::Op::Count(rule));
        match line.then {
            Then::Accept => builder.verdict(Verdict::Accept),
            Then::Drop => builder.verdict(Verdict::Drop),
            Then::Continue => builder.jump(next),
            Then::Call(callee) => builder.terminate(Terminator::Call { callee, next }),
        }
        block = next;
    }
    builder.set_rule(None);
    builder.switch_to(block);
    if hook.is_some() {
        data.label = format!("{name}:policy");
        data.kind = RuleKind::Policy;
        data.text = "DROP".into();
        data.verdict = "DROP".into();
        let rule = program.rules.push(data.into());
        builder.set_rule(Some(rule));
        builder.push(bpfc_ir::Op::Count(rule));
        builder.verdict(Verdict::Drop);
    } else {
        builder.terminate(Terminator::Return);
    }
    program.funcs.push(builder.finish().into())
}

fn tcp_ports(builder: &mut FunctionBuilder, low: u16, high: u16, next: Block) {
    let protocol = builder.meta(Meta::L4Proto);
    let tcp = builder.compare_const(Condition::Eq, protocol, 6);
    builder.require(tcp, next);
    let there = builder.available(Base::Transport, 20);
    let truncated = builder.block();
    builder.require(there, truncated);
    let port = builder.payload(bpfc_ir::Type::I16, Base::Transport, 2);
    let hit = builder.in_range(port, low.into(), high.into());
    let matched = builder.block();
    builder.branch(hit, matched, next);
    builder.switch_to(truncated);
    builder.verdict(Verdict::Drop);
    builder.switch_to(matched);
}
