//! What programs need of a kernel, and the version that has it first.
//!
//! One table of features: what a program needs follows from its instructions, relocations, maps and
//! attach point. Versions are those of the release whose sources have the feature first; kernels of
//! distributions may have more. Companions are left out: kernels without a place for them load the
//! other programs.

use crate::{Artifact, AttachPoint, FunctionIndex, FunctionKind, MapDef, MapKind, RelocKind};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A version of Linux, without what stands behind its second number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KernelVersion {
    /// The first number.
    pub major: u16,
    /// The second one.
    pub minor: u16,
}

impl KernelVersion {
    const fn new(major: u16, minor: u16) -> Self {
        KernelVersion { major, minor }
    }
}

impl fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for KernelVersion {
    type Err = ();

    /// Reads `6.1`, `6.1.0-13-amd64` and what else `uname -r` prints.
    fn from_str(text: &str) -> Result<Self, ()> {
        let numbers = text.split_once(['-', '+', '~', '_']).map_or(text, |(numbers, _)| numbers);
        let numbers: Vec<&str> = numbers.split('.').collect();
        let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse::<u16>().map_err(|_| ()),
            false => Err(()),
        };
        let (2..=4) = numbers.len() else { return Err(()) };
        for further in &numbers[2..] {
            number(further)?;
        }
        Ok(KernelVersion { major: number(numbers[0])?, minor: number(numbers[1])? })
    }
}

/// Something that not every kernel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KernelFeature {
    /// The version that has it first.
    pub since: KernelVersion,
    /// What it is called.
    pub name: &'static str,
    /// What the kernel must be built with besides; empty where nothing is.
    pub with: &'static str,
    /// Where it is to be found in the kernel's sources.
    pub source: &'static str,
}

const fn feature(
    major: u16,
    minor: u16,
    name: &'static str,
    with: &'static str,
    source: &'static str,
) -> KernelFeature {
    KernelFeature { since: KernelVersion::new(major, minor), name, with, source }
}

const LINK: &str = "kernel/bpf/syscall.c, link_create";
/// XDP links.
const XDP: KernelFeature = feature(5, 9, "XDP links", "", LINK);
/// Links of TC programs.
const TCX: KernelFeature = feature(6, 6, "tcx links", "", "kernel/bpf/tcx.c");
/// Netfilter programs.
const NETFILTER: KernelFeature = feature(
    6,
    4,
    "BPF_NETFILTER programs",
    "CONFIG_NETFILTER_BPF_LINK",
    "net/netfilter/nf_bpf_link.c",
);
/// Control group links.
const CGROUP: KernelFeature =
    feature(5, 7, "control group links", "CONFIG_CGROUP_BPF", "kernel/bpf/cgroup.c");
/// Functions that are verified by themselves and take pointers.
const CHAINS: KernelFeature =
    feature(5, 12, "global functions that take pointers", "", "kernel/bpf/btf.c");
const FETCH: KernelFeature =
    feature(5, 12, "atomic instructions that fetch", "", "kernel/bpf/verifier.c");
const LONG_JUMP: KernelFeature = feature(6, 6, "jumps of 32 bits", "", "kernel/bpf/verifier.c");
const RING_BUFFER: KernelFeature = feature(5, 8, "ring buffers", "", "kernel/bpf/ringbuf.c");
const MAPS_OF_MAPS: KernelFeature =
    feature(5, 10, "maps of maps of any size", "", "kernel/bpf/map_in_map.c");
const LOCKS: KernelFeature = feature(5, 1, "locks in map values", "", "kernel/bpf/verifier.c");
/// How frames on the stack are rounded, for programs whose chains need that.
pub const SMALL_FRAMES: KernelFeature = feature(
    6,
    9,
    "stack frames in steps of 16 bytes, with JIT",
    "",
    "kernel/bpf/verifier.c, round_up_stack_depth",
);

/// Helpers by number (`enum bpf_func_id`).
const HELPERS: [(i32, KernelFeature); 36] = {
    const CORE: &str = "kernel/bpf/helpers.c";
    const FILTER: &str = "net/core/filter.c";
    [
        (1, feature(3, 18, "bpf_map_lookup_elem", "", CORE)),
        (2, feature(3, 18, "bpf_map_update_elem", "", CORE)),
        (3, feature(3, 18, "bpf_map_delete_elem", "", CORE)),
        (5, feature(4, 1, "bpf_ktime_get_ns", "", CORE)),
        (7, feature(4, 1, "bpf_get_prandom_u32", "", CORE)),
        (8, feature(4, 1, "bpf_get_smp_processor_id", "", CORE)),
        (9, feature(4, 1, "bpf_skb_store_bytes", "", FILTER)),
        (11, feature(4, 1, "bpf_l4_csum_replace", "", FILTER)),
        (23, feature(4, 4, "bpf_redirect", "", FILTER)),
        (26, feature(4, 5, "bpf_skb_load_bytes", "", FILTER)),
        (28, feature(4, 6, "bpf_csum_diff", "", FILTER)),
        (32, feature(4, 8, "bpf_skb_change_type", "", FILTER)),
        (38, feature(4, 9, "bpf_skb_change_tail", "", FILTER)),
        (40, feature(4, 9, "bpf_csum_update", "", FILTER)),
        (43, feature(4, 10, "bpf_skb_change_head", "", FILTER)),
        (44, feature(4, 10, "bpf_xdp_adjust_head", "", FILTER)),
        (50, feature(4, 13, "bpf_skb_adjust_room", "", FILTER)),
        (65, feature(4, 18, "bpf_xdp_adjust_tail", "", FILTER)),
        (69, feature(4, 18, "bpf_fib_lookup", "", FILTER)),
        (85, feature(4, 20, "bpf_sk_lookup_udp", "", FILTER)),
        (86, feature(4, 20, "bpf_sk_release", "", FILTER)),
        (93, feature(5, 1, "bpf_spin_lock", "", CORE)),
        (94, feature(5, 1, "bpf_spin_unlock", "", CORE)),
        (99, feature(5, 2, "bpf_skc_lookup_tcp", "", FILTER)),
        (113, feature(5, 5, "bpf_probe_read_kernel", "", "kernel/trace/bpf_trace.c")),
        (118, feature(5, 6, "bpf_jiffies64", "", CORE)),
        (125, feature(5, 8, "bpf_ktime_get_boot_ns", "", CORE)),
        (131, feature(5, 8, "bpf_ringbuf_reserve", "", "kernel/bpf/ringbuf.c")),
        (132, feature(5, 8, "bpf_ringbuf_submit", "", "kernel/bpf/ringbuf.c")),
        (164, feature(5, 13, "bpf_for_each_map_elem", "", "kernel/bpf/map_iter.c")),
        (181, feature(5, 17, "bpf_loop", "", "kernel/bpf/bpf_iter.c")),
        (188, feature(5, 18, "bpf_xdp_get_buff_len", "", FILTER)),
        (189, feature(5, 18, "bpf_xdp_load_bytes", "", FILTER)),
        (190, feature(5, 18, "bpf_xdp_store_bytes", "", FILTER)),
        (201, feature(5, 19, "bpf_dynptr_read", "", CORE)),
        (208, feature(6, 1, "bpf_ktime_get_tai_ns", "", CORE)),
    ]
};

/// Kernel functions, which programs find by name.
const FUNCTIONS: [KernelFeature; 8] = {
    const LOOKUP: &str = "net/netfilter/nf_conntrack_bpf.c";
    const WITH: &str =
        "CONFIG_NF_CONNTRACK and CONFIG_DEBUG_INFO_BTF_MODULES, once nf_conntrack is loaded";
    const CORE: &str = "kernel/bpf/helpers.c";
    [
        feature(5, 18, "bpf_xdp_ct_lookup", WITH, LOOKUP),
        feature(5, 18, "bpf_skb_ct_lookup", WITH, LOOKUP),
        feature(5, 18, "bpf_ct_release", WITH, LOOKUP),
        feature(6, 2, "bpf_cast_to_kern_ctx", "", CORE),
        feature(6, 2, "bpf_rdonly_cast", "", CORE),
        feature(6, 4, "bpf_dynptr_from_skb", "", "net/core/filter.c"),
        feature(6, 4, "bpf_dynptr_from_xdp", "", "net/core/filter.c"),
        feature(6, 4, "bpf_dynptr_slice", "", CORE),
    ]
};

/// Members of structures that came later than what they are used for: structure, feature.
const MEMBERS: [(&str, KernelFeature); 2] = [
    ("bpf_ct_opts", feature(6, 11, "ct_zone_id", "", "net/netfilter/nf_conntrack_bpf.c")),
    ("cgroup", feature(6, 1, "ancestors", "", "include/linux/cgroup-defs.h")),
];

/// A helper's feature, by its number in `enum bpf_func_id`.
pub fn helper(number: i32) -> Option<&'static KernelFeature> {
    HELPERS.iter().find(|(known, _)| *known == number).map(|(_, feature)| feature)
}

/// A kernel function's feature, by its name.
pub fn kernel_function(name: &str) -> Option<&'static KernelFeature> {
    FUNCTIONS.iter().find(|feature| feature.name == name)
}

/// The feature that a structure's member is, where it came later than its structure's use.
pub fn member(structure: &str, member: &str) -> Option<&'static KernelFeature> {
    let of = MEMBERS.iter().find(|(of, feature)| *of == structure && feature.name == member);
    of.map(|(_, feature)| feature)
}

/// What attaching at a point needs.
pub fn attaching(attach: AttachPoint) -> Option<&'static KernelFeature> {
    match attach {
        AttachPoint::Xdp => Some(&XDP),
        AttachPoint::TcIngress | AttachPoint::TcEgress | AttachPoint::Companion => Some(&TCX),
        AttachPoint::Netfilter { .. } => Some(&NETFILTER),
        AttachPoint::CgroupIngress | AttachPoint::CgroupEgress => Some(&CGROUP),
        AttachPoint::Service => None,
    }
}

/// Every feature of the table, in the order of versions.
pub fn features() -> Vec<&'static KernelFeature> {
    let others = [
        &XDP,
        &TCX,
        &NETFILTER,
        &CGROUP,
        &CHAINS,
        &FETCH,
        &LONG_JUMP,
        &RING_BUFFER,
        &MAPS_OF_MAPS,
        &LOCKS,
        &SMALL_FRAMES,
    ];
    let helpers = HELPERS.iter().map(|(_, feature)| feature);
    let members = MEMBERS.iter().map(|(_, feature)| feature);
    let mut all: Vec<&KernelFeature> =
        others.into_iter().chain(helpers).chain(&FUNCTIONS).chain(members).collect();
    all.sort_unstable();
    all
}

/// Operation codes of RFC 9669.
const CALL: u8 = 0x85;
const JA32: u8 = 0x06;
const ATOMIC32: u8 = 0xc3;
const ATOMIC64: u8 = 0xdb;
/// `BPF_FETCH`, which exchanges have, too.
const FETCHES: i32 = 0x01;

impl Artifact {
    /// What loading and attaching the programs needs of a kernel, latest first.
    ///
    /// # Panics
    /// When an index in the artifact is wrong.
    pub fn kernel_needs(&self) -> Vec<&'static KernelFeature> {
        let mut needs: BTreeSet<&'static KernelFeature> = BTreeSet::new();
        let decides = |attach: &AttachPoint| *attach != AttachPoint::Companion;
        let mut functions: BTreeSet<FunctionIndex> = BTreeSet::new();
        for program in self.programs.iter().filter(|program| decides(&program.attach)) {
            needs.extend(attaching(program.attach));
            functions.extend(self.closure(program.entry));
        }
        for index in functions {
            self.function_needs(index, &mut needs);
        }
        for map in &self.maps {
            map_needs(map, &mut needs);
        }
        let mut needs: Vec<_> = needs.into_iter().collect();
        needs.sort_by_key(|feature| std::cmp::Reverse(feature.since));
        needs
    }

    /// The first kernel that has all that the programs need.
    ///
    /// # Panics
    /// When an index in the artifact is wrong.
    pub fn least_kernel(&self) -> Option<KernelVersion> {
        self.kernel_needs().first().map(|feature| feature.since)
    }

    fn function_needs(&self, index: FunctionIndex, needs: &mut BTreeSet<&'static KernelFeature>) {
        let function = &self.functions[index.0 as usize];
        if function.kind == FunctionKind::Chain {
            needs.insert(&CHAINS);
        }
        for insn in &function.insns {
            match insn.code {
                CALL if insn.src == 0 => needs.extend(helper(insn.imm)),
                JA32 => {
                    needs.insert(&LONG_JUMP);
                }
                ATOMIC32 | ATOMIC64 if insn.imm & FETCHES != 0 => {
                    needs.insert(&FETCH);
                }
                _ => {}
            }
        }
        let optional = function.relocs.iter().filter_map(|reloc| match &reloc.kind {
            RelocKind::FieldExists(field) => Some(field),
            _ => None,
        });
        let optional: Vec<_> = optional.collect();
        for reloc in &function.relocs {
            match &reloc.kind {
                RelocKind::Kfunc(name) => needs.extend(kernel_function(name)),
                RelocKind::FieldOffset(field) if !optional.contains(&field) => {
                    needs.extend(member(&field.structure, &field.member));
                }
                _ => {}
            }
        }
    }
}

fn map_needs(map: &MapDef, needs: &mut BTreeSet<&'static KernelFeature>) {
    match map.kind {
        MapKind::RingBuf => {
            needs.insert(&RING_BUFFER);
        }
        MapKind::ArrayOfMaps => {
            needs.insert(&MAPS_OF_MAPS);
        }
        _ => {}
    }
    if map.locked {
        needs.insert(&LOCKS);
    }
    if let Some(inner) = &map.inner {
        map_needs(inner, needs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Function, Insn, KernelField, MapRole, Program, ProgramKind, Reloc};

    fn artifact(attach: AttachPoint, insns: &[(u8, i32)], relocs: Vec<RelocKind>) -> Artifact {
        let insn = |&(code, imm): &(u8, i32)| Insn { code, dst: 0, src: 0, off: 0, imm };
        Artifact {
            target: "t".into(),
            functions: vec![Function {
                name: "f".into(),
                kind: FunctionKind::Main,
                program: ProgramKind::Xdp,
                packet_size: 0,
                insns: insns.iter().map(insn).collect(),
                relocs: relocs.into_iter().map(|kind| Reloc { insn: 0, kind }).collect(),
                lines: Vec::new(),
            }],
            programs: vec![Program { name: "p".into(), attach, entry: FunctionIndex(0) }],
            ..Artifact::default()
        }
    }

    fn names(artifact: &Artifact) -> Vec<&'static str> {
        artifact.kernel_needs().iter().map(|feature| feature.name).collect()
    }

    #[test]
    fn needs_follow_from_what_programs_do() {
        let least = |artifact: &Artifact| artifact.least_kernel().map(|least| least.to_string());
        let plain = artifact(AttachPoint::Xdp, &[(0x95, 0)], Vec::new());
        assert_eq!(names(&plain), ["XDP links"]);
        let mut more = artifact(AttachPoint::Xdp, &[(CALL, 181), (CALL, 208)], Vec::new());
        assert_eq!(names(&more), ["bpf_ktime_get_tai_ns", "bpf_loop", "XDP links"]);
        more.maps.push(MapDef::new("m", MapKind::RingBuf, MapRole::Log));
        assert!(names(&more).contains(&"ring buffers"));
        assert_eq!(least(&more).as_deref(), Some("6.1"));
        let calls = vec![RelocKind::Kfunc("bpf_rdonly_cast".into())];
        assert_eq!(
            least(&artifact(AttachPoint::CgroupEgress, &[(CALL, 0)], calls)).as_deref(),
            Some("6.2")
        );
        let tc = artifact(AttachPoint::TcEgress, &[(JA32, 5), (ATOMIC64, 1)], Vec::new());
        assert_eq!(names(&tc), ["jumps of 32 bits", "tcx links", "atomic instructions that fetch"]);
        // Kernels without a place for companions do without them.
        let companion = artifact(AttachPoint::Companion, &[(CALL, 208)], Vec::new());
        assert_eq!(least(&companion), None);
    }

    #[test]
    fn members_that_are_asked_for_first_are_not_needed() {
        let field =
            KernelField { structure: "bpf_ct_opts".into(), member: "ct_zone_id".into(), size: 2 };
        let reads = RelocKind::FieldOffset(field.clone());
        let needed = artifact(AttachPoint::Xdp, &[(0x79, 0)], vec![reads.clone()]);
        assert_eq!(names(&needed), ["ct_zone_id", "XDP links"]);
        let asks = vec![RelocKind::FieldExists(field), reads];
        assert_eq!(names(&artifact(AttachPoint::Xdp, &[(0x79, 0)], asks)), ["XDP links"]);
    }

    #[test]
    fn functions_that_are_asked_for_first_are_not_needed() {
        let name = || "bpf_rdonly_cast".to_owned();
        let asks = vec![
            RelocKind::FunctionExists { name: name(), in_objects: true },
            RelocKind::OptionalKfunc { name: name(), in_objects: true },
        ];
        assert_eq!(names(&artifact(AttachPoint::Xdp, &[(CALL, 0)], asks)), ["XDP links"]);
    }

    #[test]
    fn versions_are_read_as_uname_prints_them() {
        for (text, major, minor) in [
            ("6.1", 6, 1),
            ("6.1.0-13-amd64", 6, 1),
            ("7.0", 7, 0),
            ("5.10.0", 5, 10),
            ("6.12.117+deb13-cloud-amd64", 6, 12),
            ("6.18.44-fc-v782", 6, 18),
            ("7.0-rc3", 7, 0),
        ] {
            assert_eq!(text.parse(), Ok(KernelVersion { major, minor }), "{text}");
        }
        for text in [
            "",
            "6",
            "6.",
            ".1",
            "6.x",
            "six",
            "6.1foo",
            "-1.2",
            "6.1.x",
            "6,1",
            "99999999.1",
            "+6.1",
        ] {
            assert_eq!(text.parse::<KernelVersion>(), Err(()), "{text}");
        }
        assert!(KernelVersion::new(6, 9) < KernelVersion::new(6, 12));
        assert_eq!(KernelVersion::new(6, 12).to_string(), "6.12");
    }

    #[test]
    fn the_documentation_has_the_table() {
        let page = include_str!("../../../docs/semantics.md");
        for feature in features() {
            let version = feature.since.to_string();
            let row = |line: &&str| {
                line.starts_with(&format!("| {version} |")) && line.contains(feature.name)
            };
            let oldest = KernelVersion::new(5, 18);
            assert!(
                feature.since < oldest || page.lines().any(|line| row(&line)),
                "{version} {}",
                feature.name
            );
        }
    }

    #[test]
    fn each_feature_stands_once() {
        let mut names: Vec<&str> = features().iter().map(|feature| feature.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(HELPERS.is_sorted_by_key(|(number, _)| *number));
    }
}
