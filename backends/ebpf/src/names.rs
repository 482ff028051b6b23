//! Symbol names: C identifiers, unique in an artifact.

use bpfc_artifact::{AttachPoint, Family, Function, Hook, MapDef};
use std::collections::BTreeSet;

/// Longest function name; BTF has no limit of its own, listings do.
const LONGEST: usize = 60;

/// Names given out so far.
#[derive(Debug, Default)]
pub struct Names {
    used: BTreeSet<String>,
}

impl Names {
    /// A C identifier like `wanted` that was not given out before.
    pub fn unique(&mut self, wanted: &str) -> String {
        let mut base: String = wanted
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .take(LONGEST)
            .collect();
        if !base.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            base.insert(0, '_');
        }
        let mut name = base.clone();
        let mut number = 1;
        while !self.used.insert(name.clone()) {
            number += 1;
            name = format!("{base}_{number}");
        }
        name
    }

    /// Gives another name to each function that has a map's: in an object they are symbols alike.
    pub fn part(&mut self, functions: &mut [Function], maps: &[MapDef]) {
        let taken: BTreeSet<&str> = maps.iter().map(|map| map.name.as_str()).collect();
        self.used.extend(taken.iter().map(|&name| name.to_owned()));
        for function in functions.iter_mut().filter(|f| taken.contains(f.name.as_str())) {
            function.name = self.unique(&function.name);
        }
    }
}

/// A program's name, at most 15 bytes.
pub fn program(attach: AttachPoint) -> String {
    match attach {
        AttachPoint::Xdp | AttachPoint::Service => "bpfc_xdp".to_owned(),
        AttachPoint::TcIngress => "bpfc_tc_in".to_owned(),
        AttachPoint::TcEgress => "bpfc_tc_out".to_owned(),
        AttachPoint::Companion => "bpfc_companion".to_owned(),
        AttachPoint::CgroupIngress => "bpfc_cgroup_in".to_owned(),
        AttachPoint::CgroupEgress => "bpfc_cgroup_out".to_owned(),
        AttachPoint::Netfilter { family, hook, .. } => {
            let family = match family {
                Family::Ipv4 => "4",
                Family::Ipv6 => "6",
            };
            let hook = match hook {
                Hook::Ingress => "ingress",
                Hook::Prerouting => "prerout",
                Hook::Input => "input",
                Hook::Forward => "forward",
                Hook::Output => "output",
                Hook::Postrouting => "postrout",
                Hook::Egress => "egress",
            };
            format!("bpfc_{hook}{family}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_identifiers_and_unique() {
        let mut names = Names::default();
        assert_eq!(names.unique("filter/INPUT"), "filter_INPUT");
        assert_eq!(names.unique("filter.INPUT"), "filter_INPUT_2");
        assert_eq!(names.unique("ip6/filter/f2b-sshd"), "ip6_filter_f2b_sshd");
        assert_eq!(names.unique("0"), "_0");
        assert!(names.unique(&"x".repeat(500)).len() <= LONGEST);
    }
}
