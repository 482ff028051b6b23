//! Lowers the chains of one table.

use super::calls::{Reached, ends_chain};
use super::cx::Firsts;
use super::{RuleCx, header};
use crate::model::{Rule, Table, Target};
use crate::{Unsupported, print};
use bpfc_diag::{Code, Diagnostic, Diagnostics};
use bpfc_ir::{
    Block, Chain, ChainData, Counter, Family, FrontendOptions, Func, Function, FunctionBuilder,
    Hook, ListedRule, Listing, Program, Rule as RuleId, RuleData, RuleKind, Terminator, Verdict,
};

/// Lowers every reached chain; yields the base chains' functions by hook. `None` where an error
/// was reported.
pub fn lower_table(
    family: Family,
    table: &Table,
    reached: &Reached,
    options: &FrontendOptions,
    (program, listing, firsts): (&mut Program, &mut Listing, &mut Firsts),
    diagnostics: &mut Diagnostics,
) -> Option<Vec<(Hook, Func)>> {
    let indices = || (0..table.chains.len()).filter(|&index| reached.contains(index));
    // Functions are declared first, so that calls can name them in any order.
    let mut funcs: Vec<Option<Func>> = vec![None; table.chains.len()];
    let mut chains: Vec<Option<Chain>> = vec![None; table.chains.len()];
    for (index, _) in reached.listed(table).into_iter().enumerate().filter(|(_, listed)| *listed) {
        let of = &table.chains[index];
        let (table, name) = (table.name.clone(), of.name.clone());
        let data =
            ChainData { family: family.into(), table, name, hook: of.base.map(|base| base.hook) };
        chains[index] = Some(program.chains.push(data));
    }
    for index in indices() {
        let Some(chain) = chains[index] else { continue };
        let function = Function::of_chain(chain, &program.chains[chain], family);
        funcs[index] = Some(program.funcs.push(function.into()));
    }
    let errors = diagnostics.error_count();
    let mut base = Vec::new();
    for index in 0..table.chains.len() {
        let Some(entity) = chains[index] else { continue };
        let mut chain = ChainLowering {
            family,
            table,
            index,
            entity,
            funcs: &funcs,
            options,
            program,
            listing,
            firsts,
            diagnostics,
        };
        let Some(func) = funcs[index] else {
            chain.list_rules();
            continue;
        };
        chain.check_hooks(reached);
        let function = chain.lower();
        program.funcs[func] = function.into();
        if let Some(of) = table.chains[index].base {
            base.push((of.hook, func));
        }
    }
    (diagnostics.error_count() == errors).then_some(base)
}

struct ChainLowering<'a> {
    family: Family,
    table: &'a Table,
    index: usize,
    entity: Chain,
    funcs: &'a [Option<Func>],
    options: &'a FrontendOptions,
    program: &'a mut Program,
    listing: &'a mut Listing,
    firsts: &'a mut Firsts,
    diagnostics: &'a mut Diagnostics,
}

impl ChainLowering<'_> {
    /// The kernel refuses a match or target in a chain that packets of another hook than its own
    /// reach, and targets in rules without what they need.
    fn check_hooks(&mut self, reached: &Reached) {
        for rule in &self.table.chains[self.index].rules {
            if let (Target::Action(action), true) = (&rule.target, rule.refused.is_empty())
                && let Err(message) = action.check(&rule.matches)
            {
                self.diagnostics.push(Diagnostic::error(Code::BAD_VALUE, rule.span, message));
            }
            let matches = rule.matches.iter();
            let mut parts: Vec<(&str, &str, &[Hook])> =
                matches.map(|m| ("match", m.name(), m.hooks())).collect();
            if let Target::Action(action) = &rule.target {
                parts.push(("target", action.extension().name, action.hooks()));
            }
            for (what, name, allowed) in parts {
                let wrong =
                    |hook: &&Hook| !allowed.contains(hook) && reached.sees_hook(self.index, **hook);
                if allowed.is_empty() {
                    continue;
                }
                if let Some(hook) = Hook::ALL.iter().find(wrong) {
                    let names: Vec<String> = allowed.iter().map(Hook::to_string).collect();
                    self.diagnostics.push(
                        Diagnostic::error(
                            Code::BAD_VALUE,
                            rule.span,
                            format!(
                                "{what} '{name}' cannot be used where packets of the {hook} hook \
                                 come through"
                            ),
                        )
                        .with_help(format!("the kernel takes it on {} only", names.join(", "))),
                    );
                }
            }
        }
    }

    /// Every set that a rule names must be defined, the members of lists included.
    fn check_sets(&mut self, rule: &Rule) {
        let mut names: Vec<&str> = rule.matches.iter().flat_map(|matched| matched.sets()).collect();
        if let Target::Action(action) = &rule.target {
            names.extend(action.sets());
        }
        for name in names {
            let missing = match self.options.sets.get(name) {
                None => vec![name.to_owned()],
                Some(set) if !set.def.takes(self.family) => {
                    let family = match self.family {
                        Family::Ipv4 => "IPv6",
                        Family::Ipv6 => "IPv4",
                    };
                    let message =
                        format!("set '{name}' is of {family}, which these rules never see");
                    self.diagnostics.push(Diagnostic::error(Code::BAD_VALUE, rule.span, message));
                    continue;
                }
                Some(set) => {
                    let members = set.members().into_iter();
                    members.filter(|member| self.options.sets.get(member).is_none()).collect()
                }
            };
            for name in missing {
                let message = format!("there is no set '{name}'");
                let error = Diagnostic::error(Code::MISSING_SET, rule.span, message);
                self.diagnostics.push(error.with_help(
                    "give what `ipset save` prints beside the ruleset, as a further input",
                ));
            }
        }
    }

    /// A rule that compares packets with fingerprints needs some.
    fn check_fingerprints(&mut self, rule: &Rule) {
        let needs = rule.matches.iter().any(|matched| matched.needs_fingerprints());
        if needs && self.options.fingerprints.is_none() {
            let message = "no input holds fingerprints of operating systems";
            let error = Diagnostic::error(Code::MISSING_FINGERPRINTS, rule.span, message);
            self.diagnostics.push(error.with_help(
                "give the file that `nfnl_osf -f` loads (pf.os) beside the ruleset, as a further input",
            ));
        }
    }

    /// Gives the rules of a chain without code their entities.
    fn list_rules(&mut self) {
        for (number, rule) in (1u32..).zip(&self.table.chains[self.index].rules) {
            self.rule_data(RuleKind::Rule(number), Some(rule));
        }
    }

    fn lower(&mut self) -> Function {
        let chain = &self.table.chains[self.index];
        let mut builder =
            FunctionBuilder::of_chain(self.entity, &self.program.chains[self.entity], self.family);
        let mut hotdrop = None;
        let mut block = builder.block();
        // Where a RETURN or the end of a chain gone to leads in a base chain.
        let end = builder.block();
        let mut live = true;
        for (number, rule) in (1u32..).zip(&chain.rules) {
            let (id, counter) = self.rule_data(RuleKind::Rule(number), Some(rule));
            for error in &rule.refused {
                self.diagnostics.push(error.clone());
            }
            if !live || !rule.refused.is_empty() {
                continue;
            }
            builder.set_rule(Some(id));
            builder.switch_to(block);
            live = !ends_chain(rule);
            block = if live { builder.block() } else { end };
            self.lower_rule(&mut builder, counter, rule, block, end, &mut hotdrop);
        }
        if live {
            builder.set_rule(None);
            builder.switch_to(block);
            // A block of its own, for packets that pass the last rule.
            builder.jump(end);
        }
        self.lower_end(&mut builder, end);
        if let Some(hotdrop) = hotdrop {
            builder.set_rule(None);
            builder.switch_to(hotdrop);
            builder.verdict(Verdict::Drop);
        }
        builder.finish()
    }

    fn lower_rule(
        &mut self,
        builder: &mut FunctionBuilder,
        counter: Counter,
        rule: &Rule,
        next: Block,
        end: Block,
        hotdrop: &mut Option<Block>,
    ) {
        self.check_sets(rule);
        self.check_fingerprints(rule);
        let protocol = rule.header.protocol.only(self.family);
        let options = self.options;
        let into = (&mut *self.program, &mut *self.firsts);
        let mut cx = RuleCx::new(builder, into, options, next, hotdrop, protocol);
        header::lower(&rule.header, &mut cx);
        let mut result = lower_matches(rule, 0, &mut cx);
        cx.builder().count(counter);
        if let (Ok(()), Target::Action(action)) = (&result, &rule.target) {
            result = action.lower(&mut cx);
        }
        if let Err(problem) = result {
            self.diagnostics.push(Diagnostic::error(
                Code::UNSUPPORTED_VALUE,
                rule.span,
                problem.to_string(),
            ));
        }
        let call = |chain: usize, next| match self.funcs[chain] {
            Some(callee) => Terminator::Call { callee, next },
            // A chain that a live rule calls is reached.
            None => Terminator::Jump(next),
        };
        cx.builder().terminate(match &rule.target {
            Target::None => Terminator::Jump(next),
            Target::Action(action) => match action.verdict() {
                Some(verdict) => Terminator::Verdict(verdict),
                None => Terminator::Jump(next),
            },
            Target::Accept => Terminator::Verdict(Verdict::Accept),
            Target::Drop => Terminator::Verdict(Verdict::Drop),
            Target::Return => Terminator::Jump(end),
            Target::Jump(chain) => call(*chain, next),
            Target::Goto(chain) => call(*chain, end),
        });
        while let Some(first) = cx.begin_late() {
            // The first lowering has reported what cannot be lowered.
            let _ = lower_matches(rule, first, &mut cx);
            cx.builder().count(counter);
            let mut verdict = None;
            if let Target::Action(action) = &rule.target {
                let _ = action.lower(&mut cx);
                verdict = action.verdict();
            }
            // The target does what it does; then the packet is dropped all the same.
            match verdict {
                Some(verdict @ Verdict::Reject(_)) => cx.builder().verdict(verdict),
                _ => {
                    let drop = cx.hotdrop();
                    cx.builder().jump(drop);
                }
            }
        }
    }

    /// A base chain's end counts and applies the policy; a user chain's returns.
    fn lower_end(&mut self, builder: &mut FunctionBuilder, end: Block) {
        match self.table.chains[self.index].base {
            Some(base) => {
                let (id, counter) = self.rule_data(RuleKind::Policy, None);
                builder.set_rule(Some(id));
                builder.switch_to(end);
                builder.count(counter);
                builder.verdict(base.policy);
            }
            None => {
                builder.set_rule(None);
                builder.switch_to(end);
                builder.terminate(Terminator::Return);
            }
        }
    }

    fn rule_data(&mut self, kind: RuleKind, rule: Option<&Rule>) -> (RuleId, Counter) {
        let chain = &self.table.chains[self.index];
        let policy = match chain.base {
            Some(base) if base.policy == Verdict::Drop => "DROP",
            _ => "ACCEPT",
        };
        let listed = match rule {
            Some(rule) => ListedRule {
                text: print::rule(self.family, self.table, &chain.name, rule).into(),
                verdict: print::target_word(self.table, &rule.target).to_owned(),
                columns: print::columns(self.family, rule).into(),
                ..ListedRule::default()
            },
            None => ListedRule {
                text: format!("-P {} {policy}", chain.name).into(),
                verdict: policy.to_owned(),
                ..ListedRule::default()
            },
        };
        self.listing.push(listed);
        let ends =
            |target: &Target| matches!(target, Target::Accept | Target::Drop | Target::Return);
        self.program.counted_rule(RuleData {
            chain: self.entity,
            kind,
            is_final: rule.is_none_or(|rule| ends(&rule.target) && rule.is_unconditional()),
            span: rule.map_or(chain.span, |rule| rule.span),
        })
    }
}

/// Lowers a rule's matches from an index on.
fn lower_matches(rule: &Rule, first: usize, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
    for (index, matched) in rule.matches.iter().enumerate().skip(first) {
        cx.begin_match(index);
        matched.lower(cx)?;
    }
    Ok(())
}
