//! Lowers a ruleset to IR: one function a chain, rules tested in order as the kernel's
//! `ipt_do_table` and `ip6t_do_table` do (net/ipv4/netfilter/ip_tables.c,
//! net/ipv6/netfilter/ip6_tables.c).
//!
//! A rule's tests run header first, then its matches in order; when all hold it is counted, then
//! its target runs. A user chain's end returns; a base chain's end, a RETURN in it and the end of
//! a chain that it went to by goto lead to its policy, which is counted. Only what a packet can
//! reach is emitted: a chain that nothing calls and rules after an unconditional verdict have no
//! code, though both still have their entities, so that listings hold every rule of a table.

mod calls;
mod chain;
mod cx;
mod header;

pub(crate) use cx::holds_transport;
pub use cx::{Fork, RuleCx};

use crate::model::{Ruleset, Table};
use bpfc_diag::{Code, Diagnostic, Diagnostics, Span};
use bpfc_ir::{BaseChain, Entry, Family, FrontendOptions, Hook, Listing, Program, Verdict};
use calls::Reached;
use std::collections::BTreeMap;

/// The tables that are compiled, in the order in which they run, with the priorities of their base
/// chains (`NF_IP_PRI_RAW` and so on, include/uapi/linux/netfilter_ipv4.h; those of IPv6 are the
/// same).
const PRIORITY: [(&str, i32); 4] =
    [("raw", -300), ("mangle", -150), ("filter", 0), ("security", 50)];

/// The names of the tables that can be compiled.
fn known_tables() -> impl Iterator<Item = &'static str> {
    PRIORITY.iter().map(|(name, _)| *name)
}

/// The names of the tables that are compiled.
pub fn compiled_tables(options: &FrontendOptions) -> Vec<String> {
    options.tables.clone().unwrap_or_else(|| vec!["filter".to_owned()])
}

/// Lowers the chosen tables and hooks of a ruleset into `program`, with what is shown of their
/// rules in `listing`, without those hooks that are `too_large`. `span` stands for the whole input.
/// `None` where an error was reported.
pub fn lower(
    ruleset: &Ruleset,
    options: &FrontendOptions,
    too_large: &[Hook],
    span: Option<Span>,
    (program, listing): (&mut Program, &mut Listing),
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    let mut failed = false;
    let tables = choose_tables(ruleset, options, diagnostics, &mut failed);
    let mut firsts = cx::Firsts::default();
    let mut entries: BTreeMap<Hook, Vec<BaseChain>> = BTreeMap::new();
    for table in tables {
        let wanted = |hook: Hook| options.hooks.as_ref().is_none_or(|hooks| hooks.contains(&hook));
        note_left_out(table, wanted, diagnostics);
        let lowered = |hook: Hook| wanted(hook) && !too_large.contains(&hook);
        let Ok(reached) = Reached::of(table, lowered, diagnostics) else {
            failed = true;
            continue;
        };
        let family = ruleset.family;
        let into = (&mut *program, &mut *listing, &mut firsts);
        let Some(base) = chain::lower_table(family, table, &reached, options, into, diagnostics)
        else {
            failed = true;
            continue;
        };
        let priority = PRIORITY.iter().find(|(name, _)| *name == table.name);
        let priority = priority.map_or(0, |(_, priority)| *priority);
        for (hook, func) in base {
            entries.entry(hook).or_default().push(BaseChain { priority, ..BaseChain::of(func) });
        }
    }
    if failed {
        return None;
    }
    if entries.is_empty() {
        // Where lines could not be read, the chains may be missing for that.
        if !diagnostics.has_errors() && too_large.is_empty() {
            diagnostics.push(no_chain(ruleset, options, span));
        }
        return None;
    }
    let family = ruleset.family;
    program.entries.extend(entries.into_iter().map(|(hook, chains)| Entry {
        hook,
        family: family.into(),
        chains,
    }));
    Some(())
}

/// The tables of a ruleset that are compiled, in priority order.
pub fn chosen_tables<'a>(
    ruleset: &'a Ruleset,
    options: &FrontendOptions,
) -> impl Iterator<Item = &'a Table> {
    let compiled = compiled_tables(options);
    let chosen = known_tables().filter(move |name| compiled.iter().any(|table| table == name));
    chosen.filter_map(|name| ruleset.table(name))
}

/// The tables to compile, in priority order; what is left out is noted.
fn choose_tables<'a>(
    ruleset: &'a Ruleset,
    options: &FrontendOptions,
    diagnostics: &mut Diagnostics,
    failed: &mut bool,
) -> Vec<&'a Table> {
    let compiled = compiled_tables(options);
    let chosen = |name: &str| compiled.iter().any(|table| table == name);
    for table in &ruleset.tables {
        let known = known_tables().any(|name| name == table.name);
        if !chosen(&table.name) {
            diagnostics.push(left_out(table));
        } else if !known {
            *failed = true;
            diagnostics.push(
                Diagnostic::error(
                    Code::UNSUPPORTED_TABLE,
                    table.span,
                    format!("table '{}' cannot be compiled", table.name),
                )
                .with_help(format!(
                    "the tables that can be compiled are {}",
                    known_tables().collect::<Vec<_>>().join(", ")
                )),
            );
        }
    }
    chosen_tables(ruleset, options).collect()
}

/// That a table is not compiled, and what must stay in the kernel for it.
fn left_out(table: &Table) -> Diagnostic {
    let read: usize = table.chains.iter().map(|chain| chain.rules.len()).sum();
    let drops = table
        .chains
        .iter()
        .find(|chain| chain.base.is_some_and(|base| base.policy != Verdict::Accept));
    let stays = match (read + table.unread, drops) {
        (0, None) => "it has no rules".to_owned(),
        (0, Some(chain)) => {
            format!("it has no rules; the policy DROP of {} must stay in the kernel", chain.name)
        }
        (1, _) => "its rule must stay in the kernel".to_owned(),
        (rules, _) => format!("its {rules} rules must stay in the kernel"),
    };
    let message = format!("table '{}' is not compiled", table.name);
    Diagnostic::note(Code::TABLE_LEFT_OUT, table.span, message).with_note(stays)
}

/// Names the base chains that stay in the kernel because their hook is not compiled.
fn note_left_out(table: &Table, wanted: impl Fn(Hook) -> bool, diagnostics: &mut Diagnostics) {
    for chain in &table.chains {
        let Some(base) = chain.base.filter(|base| !wanted(base.hook)) else { continue };
        if chain.rules.is_empty() && base.policy == Verdict::Accept {
            continue;
        }
        diagnostics.push(
            Diagnostic::note(
                Code::HOOK_LEFT_OUT,
                chain.span,
                format!("chain '{}' of table '{}' is not compiled", chain.name, table.name),
            )
            .with_note(format!("the {} hook is not chosen", base.hook)),
        );
    }
}

fn no_chain(ruleset: &Ruleset, options: &FrontendOptions, span: Option<Span>) -> Diagnostic {
    let tables: Vec<&str> = ruleset.tables.iter().map(|table| table.name.as_str()).collect();
    let hooks = match &options.hooks {
        Some(hooks) if hooks.len() == 1 => format!("on the hook {}", hooks[0]),
        Some(hooks) => {
            let names: Vec<String> = hooks.iter().map(Hook::to_string).collect();
            format!("on the hooks {}", names.join(", "))
        }
        None => "on any hook".to_owned(),
    };
    let wanted = compiled_tables(options).join(", ");
    let kind = match ruleset.family {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
    };
    Diagnostic::error(
        Code::NO_CHAIN,
        span,
        format!("the {kind} ruleset has no base chain {hooks} in table {wanted}"),
    )
    .with_note(if tables.is_empty() {
        "it has no tables".to_owned()
    } else {
        format!("it has the tables {}", tables.join(", "))
    })
}
