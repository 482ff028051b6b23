//! Front ends and back ends by name: one row each.

use bpfc_ebpf::Target;
use bpfc_ir::{Frontend, Hook, InputFormat, Recognised};
use bpfc_opt::Pass;

/// Every front end, in the order in which formats are recognised.
pub fn frontends() -> &'static [&'static dyn Frontend] {
    &[&bpfc_xtables::XtablesFrontend, &bpfc_nftables::NftablesFrontend]
}

/// Every back end, in the order in which they are listed.
pub fn targets() -> &'static [&'static dyn Target] {
    &[&bpfc_xdp::Xdp, &bpfc_tc::Tc, &bpfc_netfilter::Netfilter, &bpfc_cgroup_skb::CgroupSkb]
}

/// The format of sets, which stand beside rulesets.
pub const SETS: InputFormat =
    InputFormat { name: bpfc_ipset_save::FORMAT, description: "what ipset save prints" };

/// The format of fingerprints of operating systems, which stand beside rulesets.
pub const FINGERPRINTS: InputFormat =
    InputFormat { name: bpfc_osf::FORMAT, description: "fingerprints that nfnl_osf loads" };

/// The back end of a name.
pub fn target(name: &str) -> Option<&'static dyn Target> {
    targets().iter().copied().find(|target| target.name() == name)
}

/// The formats that are read, as `--from` names them.
pub fn formats() -> impl Iterator<Item = InputFormat> {
    frontends().iter().flat_map(|frontend| frontend.formats()).copied().chain([SETS, FINGERPRINTS])
}

/// The front end of a format.
pub(crate) fn frontend_of(format: &str) -> Option<(&'static dyn Frontend, &'static str)> {
    frontends().iter().copied().find_map(|frontend| {
        let found = frontend.formats().iter().find(|f| f.name == format)?;
        Some((frontend, found.name))
    })
}

/// The format of these bytes and the front end that reads it.
pub(crate) fn recognise(bytes: &[u8]) -> Option<(&'static dyn Frontend, Recognised<'static>)> {
    frontends()
        .iter()
        .copied()
        .find_map(|frontend| frontend.recognise(bytes).map(|read_as| (frontend, read_as)))
}

/// The optimiser's passes, each once, as `--disable-pass` names them.
pub fn passes() -> impl Iterator<Item = &'static Pass> {
    let all = bpfc_opt::PASSES;
    all.iter()
        .enumerate()
        .filter(|(i, pass)| all[..*i].iter().all(|p| p.name != pass.name))
        .map(|(_, pass)| pass)
}

/// The targets that can run a hook's chains, by name.
pub fn targets_with(hook: Hook) -> Vec<&'static str> {
    targets().iter().filter(|t| t.hooks().contains(&hook)).map(|t| t.name()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = targets().iter().map(|t| t.name()).collect();
        assert_eq!(names.len(), targets().len());
        let names: BTreeSet<_> = formats().map(|f| f.name).collect();
        assert_eq!(names.len(), formats().count());
        let names: BTreeSet<_> = frontends().iter().map(|f| f.name()).collect();
        assert_eq!(names.len(), frontends().len());
    }

    #[test]
    fn defaults_are_hooks_that_the_target_has() {
        for target in targets() {
            for hook in target.default_hooks().unwrap_or_default() {
                assert!(target.hooks().contains(hook), "{} {hook}", target.name());
            }
        }
    }
}
