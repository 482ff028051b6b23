//! What a refusal for want of permission wants: the capabilities that the calling process lacks.
//!
//! The kernel says EPERM whichever is missing. CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON
//! (`bpf_capable` in include/linux/capability.h, Linux 5.8), not for CAP_NET_ADMIN.

use std::fs;

/// What loading filters needs: names and numbers (include/uapi/linux/capability.h).
const NEEDED: [(&str, u32); 4] =
    [("CAP_BPF", 39), ("CAP_NET_ADMIN", 12), ("CAP_PERFMON", 38), ("CAP_SYS_ADMIN", 21)];
const SYS_ADMIN: u32 = 21;
const NET_ADMIN: u32 = 12;

/// Why the calling process may not, in parentheses and behind a space.
pub(crate) fn reason() -> String {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let users = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    explain(&status, &users)
}

fn explain(status: &str, users: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let Some(has) = line.and_then(|text| u64::from_str_radix(text.trim(), 16).ok()) else {
        return " (loading filters needs CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON and CAP_SYS_ADMIN)"
            .into();
    };
    let has = |number: u32| has >> number & 1 == 1;
    let missing: Vec<&str> = NEEDED
        .iter()
        .filter(|(_, number)| !has(*number) && (*number == NET_ADMIN || !has(SYS_ADMIN)))
        .map(|(name, _)| *name)
        .collect();
    match missing[..] {
        [] if !is_initial(users) => " (this process has its capabilities in a user namespace of \
                                     its own; the kernel asks for those of the initial one)"
            .into(),
        [] => " (no capability is missing: a security module, seccomp or lockdown may forbid it)"
            .into(),
        [one] => format!(" ({one} is missing)"),
        [ref most @ .., last] => format!(" ({} and {last} are missing)", most.join(", ")),
    }
}

/// Whether the map of user numbers is the initial user namespace's: everyone is who they are.
fn is_initial(users: &str) -> bool {
    users.split_whitespace().eq(["0", "0", "4294967295"])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "         0          0 4294967295\n";

    fn status(mask: u64) -> String {
        format!("Name:\tbpfc\nCapPrm:\t0000000000000000\nCapEff:\t{mask:016x}\n")
    }

    #[test]
    fn what_is_missing_is_named() {
        let bits = |numbers: &[u32]| numbers.iter().fold(0, |sum, number| sum | 1u64 << number);
        let text = |numbers: &[u32]| explain(&status(bits(numbers)), ALL);
        assert_eq!(text(&[39, 12, 38]), " (CAP_SYS_ADMIN is missing)");
        assert_eq!(text(&[21]), " (CAP_NET_ADMIN is missing)");
        assert_eq!(text(&[39, 21]), " (CAP_NET_ADMIN is missing)");
        assert_eq!(text(&[38, 12]), " (CAP_BPF and CAP_SYS_ADMIN are missing)");
        assert_eq!(
            text(&[]),
            " (CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON and CAP_SYS_ADMIN are missing)"
        );
    }

    #[test]
    fn all_capabilities_may_be_of_no_use() {
        let all = status(u64::MAX >> 23);
        assert!(explain(&all, "0 1000 1\n").contains("user namespace"));
        assert!(explain(&all, ALL).contains("no capability is missing"));
        assert!(explain("", ALL).contains("CAP_BPF"));
    }
}
