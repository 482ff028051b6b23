//! What an object says about the kernel's functions and structures.
//!
//! libbpf resolves kernel functions and structure members by name, and then compares the kinds of
//! types (`bpf_core_types_are_compat`, `bpf_core_fields_are_compat` in its relo_core.c): integers
//! fit integers of any size, pointers to structures fit pointers to structures of any name. So
//! the tables below are right where the kinds are, for every kernel. The prototypes are those
//! of net/netfilter/nf_conntrack_bpf.c, kernel/bpf/helpers.c and net/core/filter.c.

use bpfc_artifact::KernelField;

/// A type in a kernel function's prototype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CType {
    /// `void`.
    Void,
    /// `int`.
    Int,
    /// `u32`.
    U32,
    /// `u64`.
    U64,
    /// `void *`.
    VoidPointer,
    /// `struct NAME *`.
    Pointer(&'static str),
}

/// A kernel function that programs may call.
#[derive(Debug)]
pub struct Prototype {
    /// Its name.
    pub name: &'static str,
    /// Its result.
    pub result: CType,
    /// Its parameters, name and type.
    pub parameters: &'static [(&'static str, CType)],
}

use CType::{Int, Pointer, U32, U64, Void, VoidPointer};

/// All of them, with the kernel version that brought each.
pub const PROTOTYPES: &[Prototype] = &[
    // Linux 5.18
    Prototype {
        name: "bpf_xdp_ct_lookup",
        result: Pointer("nf_conn"),
        parameters: &[
            ("xdp_ctx", Pointer("xdp_md")),
            ("bpf_tuple", Pointer("bpf_sock_tuple")),
            ("tuple__sz", U32),
            ("opts", Pointer("bpf_ct_opts")),
            ("opts__sz", U32),
        ],
    },
    // Linux 5.18
    Prototype {
        name: "bpf_skb_ct_lookup",
        result: Pointer("nf_conn"),
        parameters: &[
            ("skb_ctx", Pointer("__sk_buff")),
            ("bpf_tuple", Pointer("bpf_sock_tuple")),
            ("tuple__sz", U32),
            ("opts", Pointer("bpf_ct_opts")),
            ("opts__sz", U32),
        ],
    },
    // Linux 5.18
    Prototype { name: "bpf_ct_release", result: Void, parameters: &[("nfct", Pointer("nf_conn"))] },
    // Linux 6.4
    Prototype {
        name: "bpf_dynptr_from_skb",
        result: Int,
        parameters: &[
            ("s", Pointer("__sk_buff")),
            ("flags", U64),
            ("ptr__uninit", Pointer("bpf_dynptr")),
        ],
    },
    // Linux 6.4
    Prototype {
        name: "bpf_dynptr_from_xdp",
        result: Int,
        parameters: &[
            ("x", Pointer("xdp_md")),
            ("flags", U64),
            ("ptr__uninit", Pointer("bpf_dynptr")),
        ],
    },
    // Linux 6.4
    Prototype {
        name: "bpf_dynptr_slice",
        result: VoidPointer,
        parameters: &[
            ("p", Pointer("bpf_dynptr")),
            ("offset", U32),
            ("buffer__opt", VoidPointer),
            ("buffer__szk", U32),
        ],
    },
    // Linux 6.5
    Prototype { name: "bpf_dynptr_size", result: U32, parameters: &[("p", Pointer("bpf_dynptr"))] },
    // Linux 6.2
    Prototype {
        name: "bpf_rdonly_cast",
        result: VoidPointer,
        parameters: &[("obj__ign", VoidPointer), ("btf_id__k", U32)],
    },
    // Linux 6.2
    Prototype {
        name: "bpf_cast_to_kern_ctx",
        result: VoidPointer,
        parameters: &[("obj", VoidPointer)],
    },
    // Linux 6.2
    Prototype { name: "bpf_rcu_read_lock", result: Void, parameters: &[] },
    // Linux 6.2
    Prototype { name: "bpf_rcu_read_unlock", result: Void, parameters: &[] },
];

/// The prototype of a kernel function.
pub fn prototype(name: &str) -> Option<&'static Prototype> {
    PROTOTYPES.iter().find(|prototype| prototype.name == name)
}

/// The enumeration of kernel functions that the verifier knows by name (kernel/bpf/verifier.c):
/// kernels with such a function have an enumerator for it.
pub const KNOWN_FUNCTIONS: &str = "special_kfunc_type";

/// The enumerator that stands there for a function.
pub fn known_function(name: &str) -> String {
    format!("KF_{name}")
}

/// Kind of a structure's member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberKind {
    /// An integer of the field's size.
    Integer,
    /// A pointer.
    Pointer,
    /// Characters, such as a name.
    Characters,
    /// A structure or union.
    Structure,
    /// An array of structures.
    Structures,
    /// An array of pointers.
    Pointers,
}

/// Members whose kind their size does not tell.
pub const MEMBERS: &[(&str, &str, u32, MemberKind)] = &[
    ("sk_buff", "_nfct", 8, MemberKind::Integer),
    ("cred", "fsgid", 4, MemberKind::Structure),
    ("cred", "fsuid", 4, MemberKind::Structure),
    ("nf_conn", "status", 8, MemberKind::Integer),
    ("nf_conn", "zone", 4, MemberKind::Structure),
    ("nf_conn", "tuplehash", 112, MemberKind::Structures),
    ("nf_conn", "proto", 0, MemberKind::Structure),
    ("ip_ct_tcp", "seen", 0, MemberKind::Structures),
    ("nf_ct_udp", "stream_ts", 8, MemberKind::Integer),
    ("nf_conntrack_tuple_hash", "tuple", 40, MemberKind::Structure),
    ("nf_conntrack_tuple", "src", 20, MemberKind::Structure),
    ("nf_conntrack_tuple", "dst", 20, MemberKind::Structure),
    ("net", "ipv4", 0, MemberKind::Structure),
    ("net", "ipv6", 0, MemberKind::Structure),
    ("inet6_dev", "cnf", 0, MemberKind::Structure),
    ("net", "ct", 0, MemberKind::Structure),
    ("netns_ct", "nf_ct_proto", 0, MemberKind::Structure),
    ("nf_ip_net", "tcp", 0, MemberKind::Structure),
    ("nf_ip_net", "sctp", 0, MemberKind::Structure),
    ("nf_ip_net", "dccp", 0, MemberKind::Structure),
    ("nf_ip_net", "gre", 0, MemberKind::Structure),
    ("nf_conn", "ct_net", 8, MemberKind::Structure),
    ("net_device", "nd_net", 8, MemberKind::Structure),
    ("net_device", "adj_list.upper", 16, MemberKind::Structure),
    ("netdev_adjacent", "list", 16, MemberKind::Structure),
    ("key_vector", "leaf", 8, MemberKind::Structure),
    ("tnode", "kv", 0, MemberKind::Structures),
    ("fib_info", "fib_nh", 0, MemberKind::Structures),
    ("nh_group", "nh_entries", 0, MemberKind::Structures),
    ("nh_info", "fib_nhc", 0, MemberKind::Structure),
    ("fib6_table", "tb6_root", 0, MemberKind::Structure),
    ("fib6_info", "fib6_dst", 20, MemberKind::Structure),
    ("fib6_info", "fib6_nh", 0, MemberKind::Structures),
    ("fib6_info", "fib6_src", 20, MemberKind::Structure),
    ("inet6_dev", "addr_list", 16, MemberKind::Structure),
    ("inet6_ifaddr", "addr", 16, MemberKind::Structure),
    ("inet6_ifaddr", "addr_lst", 16, MemberKind::Structure),
    ("inet6_ifaddr", "if_list", 16, MemberKind::Structure),
    ("fib6_info", "expires", 8, MemberKind::Integer),
    ("nf_ct_ext", "offset", 0, MemberKind::Characters),
    ("skb_ext", "offset", 0, MemberKind::Characters),
    ("sec_path", "xvec", 0, MemberKind::Pointers),
    ("xfrm_state", "props.saddr", 16, MemberKind::Structure),
    ("xfrm_state", "id.daddr", 16, MemberKind::Structure),
    ("sock_common", "skc_net", 8, MemberKind::Structure),
    ("sock", "sk_cgrp_data", 0, MemberKind::Structure),
    ("cred", "fsuid", 4, MemberKind::Structure),
    ("cred", "fsgid", 4, MemberKind::Structure),
    ("sock_common", "skc_v6_rcv_saddr", 16, MemberKind::Structure),
    ("inet_sock", "inet_flags", 8, MemberKind::Integer),
    ("group_info", "gid", 0, MemberKind::Structures),
    ("sk_buff", "_skb_refdst", 8, MemberKind::Integer),
    ("rt6key", "addr", 16, MemberKind::Structure),
    ("net_device", "nd_net", 8, MemberKind::Structure),
    ("net_device", "index_hlist", 16, MemberKind::Structure),
    ("fib_rule", "tun_id", 8, MemberKind::Integer),
    ("fib_rule", "uid_range", 8, MemberKind::Structure),
    ("fib_rule", "sport_range", 4, MemberKind::Structure),
    ("fib_rule", "dport_range", 4, MemberKind::Structure),
    ("fib6_rule", "dst", 20, MemberKind::Structure),
    ("fib6_rule", "src", 20, MemberKind::Structure),
    ("fib_rules_ops", "rules_list", 16, MemberKind::Structure),
    ("kernfs_node", "id", 8, MemberKind::Integer),
    ("cgroup", "ancestors", 0, MemberKind::Pointers),
];

/// Kind of a member: from the table, or else by its size, 8 bytes being a pointer.
pub fn member_kind(field: &KernelField) -> MemberKind {
    let known = MEMBERS
        .iter()
        .find(|(structure, member, ..)| *structure == field.structure && *member == field.member);
    match (known, field.size) {
        (Some((.., kind)), _) => *kind,
        (None, 8) => MemberKind::Pointer,
        (None, 1 | 2 | 4) => MemberKind::Integer,
        (None, _) => MemberKind::Characters,
    }
}
