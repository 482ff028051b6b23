//! Small programs for this crate's tests, built as a front end would.

use bpfc_ir::{
    Base, Block, Chain, ChainData, Condition, Counter, Entry, Family, Func, FunctionBuilder, Hook,
    ListedRule, Listing, Meta, Program, Rule, RuleData, RuleKind, Terminator, Verdict,
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

/// A program with its rules as listings show them.
#[derive(Default)]
pub(crate) struct Sample {
    pub program: Program,
    pub listing: Listing,
}

/// A program of one base chain whose policy is to drop.
pub(crate) fn sample(family: Family, hook: Hook, lines: &[Line]) -> Sample {
    let mut sample = Sample::default();
    let chain = hook.to_string().to_uppercase();
    let func = sample.add_chain(family, &chain, Some(hook), lines);
    sample.program.entries.push(Entry::of(hook, family, func));
    sample
}

impl Sample {
    fn rule(
        &mut self,
        chain: Chain,
        kind: RuleKind,
        text: String,
        verdict: &str,
    ) -> (Rule, Counter) {
        let (text, verdict, columns) = (text.into(), verdict.into(), [].into());
        self.listing.push(ListedRule { text, verdict, columns, statements: Vec::new() });
        let is_final = kind == RuleKind::Policy;
        self.program.counted_rule(RuleData { chain, kind, is_final, span: None })
    }

    /// Adds a chain; a base chain where `hook` is given.
    pub(crate) fn add_chain(
        &mut self,
        family: Family,
        name: &str,
        hook: Option<Hook>,
        lines: &[Line],
    ) -> Func {
        let data =
            ChainData { family: family.into(), table: "filter".into(), name: name.into(), hook };
        let chain = self.program.chains.push(data);
        let mut builder = FunctionBuilder::of_chain(chain, &self.program.chains[chain], family);
        let mut block = builder.block();
        for (number, line) in (1u32..).zip(lines) {
            let (text, target) = (line.text(name, &self.program), line.target(&self.program));
            let (rule, counter) = self.rule(chain, RuleKind::Rule(number), text, &target);
            builder.set_rule(Some(rule));
            let next = builder.block();
            builder.switch_to(block);
            if let Some((low, high)) = line.ports {
                tcp_ports(&mut builder, low, high, next);
            }
            builder.count(counter);
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
            let (rule, counter) = self.rule(chain, RuleKind::Policy, "DROP".to_owned(), "DROP");
            builder.set_rule(Some(rule));
            builder.count(counter);
            builder.verdict(Verdict::Drop);
        } else {
            builder.terminate(Terminator::Return);
        }
        self.program.funcs.push(builder.finish().into())
    }
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
