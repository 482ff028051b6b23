//! Where chains hang: hooks, priorities, policies and devices.

use super::{Evaluated, error};
use crate::model::{BaseChain, Family};
use crate::syntax::ast;
use bpfc_diag::Code;

/// What a chain's block says of where it hangs.
pub(super) fn base_chain(family: Family, chain: &ast::Chain) -> Evaluated<Option<BaseChain>> {
    let Some(hook) = &chain.hook else {
        if let Some(policy) = &chain.policy {
            let message = "a policy is for chains with a hook";
            return Err(error(Code::NFT_STATEMENT, policy.span, message));
        }
        return Ok(None);
    };
    let hooks: &[&str] = match family {
        Family::Ip | Family::Ip6 => &["prerouting", "input", "forward", "output", "postrouting"],
        Family::Inet => &["ingress", "prerouting", "input", "forward", "output", "postrouting"],
        Family::Arp => &["input", "output"],
        Family::Bridge => &["prerouting", "input", "forward", "output", "postrouting"],
        Family::Netdev => &["ingress", "egress"],
    };
    let name = hook.name.text.as_str();
    if !hooks.contains(&name) {
        let message = format!("the family {} has no hook `{name}`", family.name());
        let mut diagnostic = error(Code::NFT_UNKNOWN, hook.name.span, message);
        diagnostic.help = Some(format!("its hooks are {}", hooks.join(", ")));
        return Err(diagnostic);
    }
    if hook.kind == "route" && !(name == "output" && family != Family::Netdev) {
        let message = "chains of the type route hang on the hook output";
        return Err(error(Code::NFT_STATEMENT, hook.name.span, message));
    }
    let takes_devices = matches!(name, "ingress" | "egress");
    let mut devices = Vec::new();
    for device in &chain.devices {
        if !takes_devices {
            let message = format!("chains of the hook {name} have no devices");
            return Err(error(Code::NFT_STATEMENT, device.span, message));
        }
        device_names(device, &mut devices)?;
    }
    Ok(Some(BaseChain {
        kind: hook.kind.clone(),
        hook: name.to_owned(),
        priority: priority(family, name, &hook.priority, hook.offset)?,
        drops: match &chain.policy {
            Some(policy) => policy_drops(policy)?,
            None => false,
        },
        devices,
        offload: chain.offload,
    }))
}

fn symbol_of(expr: &ast::Expr) -> Option<&str> {
    match &expr.kind {
        ast::ExprKind::Symbol(word) => Some(word),
        ast::ExprKind::Variable(value) => symbol_of(value),
        _ => None,
    }
}

pub(super) fn policy_drops(policy: &ast::Expr) -> Evaluated<bool> {
    match symbol_of(policy) {
        Some("accept") => Ok(false),
        Some("drop") => Ok(true),
        _ => Err(error(Code::NFT_VALUE, policy.span, "a policy is accept or drop")),
    }
}

fn device_names(device: &ast::Expr, names: &mut Vec<String>) -> Evaluated<()> {
    match &device.kind {
        ast::ExprKind::Symbol(name) if name.len() < 16 => names.push(name.clone()),
        ast::ExprKind::Variable(value) => device_names(value, names)?,
        ast::ExprKind::Set(items) => {
            for key in items.iter().filter_map(|item| item.key.as_ref()) {
                device_names(key, names)?;
            }
        }
        _ => {
            let message = "the name of a device has 15 characters at most";
            return Err(error(Code::NFT_VALUE, device.span, message));
        }
    }
    Ok(())
}

/// A priority by name or number.
fn priority(family: Family, hook: &str, expr: &ast::Expr, offset: i64) -> Evaluated<i32> {
    let word = symbol_of(expr).unwrap_or_default();
    let (word, offset) = match word.split_once(' ') {
        // A variable may hold a sum.
        Some((name, sum)) => {
            let digits: String = sum.chars().filter(|c| !c.is_whitespace() && *c != '+').collect();
            (name, digits.parse::<i64>().unwrap_or(0))
        }
        None => (word, offset),
    };
    let named = match (family, word) {
        (Family::Bridge, "dstnat") => Some(-300),
        (Family::Bridge, "filter") => Some(-200),
        (Family::Bridge, "out") => Some(100),
        (Family::Bridge, "srcnat") => Some(300),
        (_, "filter") => Some(0),
        (Family::Arp | Family::Netdev, _) => None,
        (_, "raw") => Some(-300),
        (_, "mangle") => Some(-150),
        (_, "dstnat") if ["prerouting", "output"].contains(&hook) => Some(-100),
        (_, "security") => Some(50),
        (_, "srcnat") if ["postrouting", "input"].contains(&hook) => Some(100),
        _ => None,
    };
    let base = named.or_else(|| word.parse::<i64>().ok());
    let priority = base.and_then(|base| i32::try_from(base.checked_add(offset)?).ok());
    priority.ok_or_else(|| {
        let message = format!("`{word}` is not a priority of the hook {hook}");
        let mut diagnostic = error(Code::NFT_VALUE, expr.span, message);
        let names = ["raw", "mangle", "dstnat", "filter", "security", "srcnat"];
        let near = crate::nearest::nearest(word, names);
        diagnostic.help =
            near.filter(|near| *near != word).map(|near| format!("did you mean `{near}`?"));
        diagnostic
    })
}
