//! Programs, the functions they consist of, and what in them waits for load time.

use crate::{Insn, MapIndex};
use bpfc_abi::{Family, Hook};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Index into [`crate::Artifact::functions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FunctionIndex(pub u32);

/// How a program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AttachPoint {
    /// `BPF_XDP` link on an interface; Linux 5.9.
    Xdp,
    /// `BPF_TCX_INGRESS` link; Linux 6.6.
    TcIngress,
    /// `BPF_TCX_EGRESS` link; Linux 6.6.
    TcEgress,
    /// `BPF_NETFILTER` link on one family's hook; Linux 6.4.
    Netfilter {
        /// The family, one of the two.
        family: Family,
        /// One of the five netfilter hooks.
        hook: Hook,
        /// `bpf_attr.link_create.netfilter.priority`, the default that load may override.
        priority: i32,
    },
    /// `BPF_CGROUP_INET_INGRESS` link; Linux 5.7.
    CgroupIngress,
    /// `BPF_CGROUP_INET_EGRESS` link; Linux 5.7.
    CgroupEgress,
    /// `BPF_TCX_EGRESS` link in front of others, on the interfaces that the artifact's other
    /// programs are attached to; Linux 6.6. It notes what the others want to know of packets that
    /// come in, and lets everything pass: without it they know less.
    Companion,
    /// Nowhere: an XDP program that whoever loads the artifact runs by `BPF_PROG_TEST_RUN`.
    Service,
}

/// The kernel's program type (`enum bpf_prog_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProgramKind {
    /// `BPF_PROG_TYPE_SCHED_CLS`, 3.
    SchedCls,
    /// `BPF_PROG_TYPE_XDP`, 6.
    Xdp,
    /// `BPF_PROG_TYPE_CGROUP_SKB`, 8.
    CgroupSkb,
    /// `BPF_PROG_TYPE_NETFILTER`, 32.
    Netfilter,
}

impl ProgramKind {
    /// The number in `enum bpf_prog_type`.
    pub fn number(self) -> u32 {
        match self {
            ProgramKind::SchedCls => 3,
            ProgramKind::Xdp => 6,
            ProgramKind::CgroupSkb => 8,
            ProgramKind::Netfilter => 32,
        }
    }

    /// The kernel's name of the structure that the context argument points at; the BTF of a
    /// global function must use this name (kernel/bpf/btf.c, `find_canonical_prog_ctx_type`).
    pub fn context_struct(self) -> &'static str {
        match self {
            ProgramKind::SchedCls | ProgramKind::CgroupSkb => "__sk_buff",
            ProgramKind::Xdp => "xdp_md",
            ProgramKind::Netfilter => "bpf_nf_ctx",
        }
    }
}

impl AttachPoint {
    /// The program type that this attach point takes.
    pub fn kind(self) -> ProgramKind {
        match self {
            AttachPoint::Xdp | AttachPoint::Service => ProgramKind::Xdp,
            AttachPoint::TcIngress | AttachPoint::TcEgress | AttachPoint::Companion => {
                ProgramKind::SchedCls
            }
            AttachPoint::Netfilter { .. } => ProgramKind::Netfilter,
            AttachPoint::CgroupIngress | AttachPoint::CgroupEgress => ProgramKind::CgroupSkb,
        }
    }

    /// `enum bpf_attach_type`.
    pub fn attach_type(self) -> u32 {
        match self {
            AttachPoint::CgroupIngress => 0,
            AttachPoint::CgroupEgress => 1,
            AttachPoint::Xdp | AttachPoint::Service => 37,
            AttachPoint::Netfilter { .. } => 45,
            AttachPoint::TcIngress => 46,
            AttachPoint::TcEgress | AttachPoint::Companion => 47,
        }
    }
}

/// One program: what is attached and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// Unique in the artifact; a C identifier of at most 15 bytes, such as `bpfc_input_v4`.
    pub name: String,
    /// Where it goes.
    pub attach: AttachPoint,
    /// Its main function, of kind [`FunctionKind::Main`].
    pub entry: FunctionIndex,
}

/// How a function is called; BTF prototypes and linkage follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FunctionKind {
    /// A program's entry: `int f(struct CTX *ctx)`, global.
    Main,
    /// A chain: `int f(struct CTX *ctx, struct bpfc_packet *packet)`, global, verified once by
    /// itself whatever the number of its callers.
    Chain,
    /// `static long f(arguments)`: up to five u64 arguments, verified at each call.
    Static {
        /// Number of arguments, 0 to 5, all declared u64.
        arguments: u8,
    },
    /// A `bpf_loop` callback: `static long f(u64 index, void *context)`.
    LoopBody,
}

/// One eBPF function. Jumps stay inside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// Unique in the artifact and a C identifier, for symbols and BTF.
    pub name: String,
    /// How it is called.
    pub kind: FunctionKind,
    /// The program type that it was emitted for; its context argument's type follows.
    pub program: ProgramKind,
    /// Size in bytes of `struct bpfc_packet` that a [`FunctionKind::Chain`] takes.
    pub packet_size: u32,
    /// The instructions, relocations pending.
    pub insns: Vec<Insn>,
    /// What waits for load time, ascending by instruction.
    pub relocs: Vec<Reloc>,
    /// Source lines, ascending by instruction; the first covers instruction 0.
    pub lines: Vec<Line>,
}

/// One place to patch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reloc {
    /// Index into [`Function::insns`].
    pub insn: u32,
    /// What belongs there.
    pub kind: RelocKind,
}

/// What belongs into an instruction when it is loaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RelocKind {
    /// On an `lddw`: `src = BPF_PSEUDO_MAP_FD`, `imm = fd`.
    Map(MapIndex),
    /// On an `lddw`: `src = BPF_PSEUDO_MAP_VALUE`, `imm = fd`; the second instruction's `imm`
    /// already holds the offset into entry 0 (array maps only).
    MapValue(MapIndex),
    /// On a `call`: `src = BPF_PSEUDO_CALL`, `imm` = distance.
    Call(FunctionIndex),
    /// On an `lddw`: `src = BPF_PSEUDO_FUNC`, `imm` = distance.
    FunctionPointer(FunctionIndex),
    /// On a `call`: `src = BPF_PSEUDO_KFUNC_CALL`, `imm` = BTF identifier of the kernel function,
    /// `off` = index into `fd_array` for a module's function, 0 for vmlinux.
    Kfunc(String),
    /// As [`RelocKind::Kfunc`], behind a test for one that came with the same kernel
    /// ([`RelocKind::FunctionExists`]): where the kernel has it not, it is no error, and the
    /// program must not come there.
    OptionalKfunc {
        /// The function.
        name: String,
        /// As of the test.
        in_objects: bool,
    },
    /// On a `mov` with immediate: 1 where the kernel has a function of this name, otherwise 0. The
    /// function is one that the verifier knows by name (`enum special_kfunc_type`), so that
    /// other loaders find out by `BPF_CORE_ENUMVAL_EXISTS`.
    FunctionExists {
        /// The function.
        name: String,
        /// Whether other loaders find out. Where not, an object says 0, and the functions behind
        /// the test are none of its external ones: loaders that know no kernel functions take it.
        in_objects: bool,
    },
    /// On an `add` or a memory access: the byte offset of a kernel structure's field, into `imm`
    /// for an arithmetic instruction and into `off` for a memory access
    /// (`BPF_CORE_FIELD_BYTE_OFFSET`).
    FieldOffset(KernelField),
    /// On a `mov` with immediate: BTF identifier of a kernel structure
    /// (`BPF_CORE_TYPE_ID_TARGET`).
    TypeId(String),
    /// On a `mov` with immediate: the value of an enumerator of a kernel's enumeration
    /// (`BPF_CORE_ENUMVAL_VALUE`).
    EnumValue {
        /// The enumeration, such as `nf_ct_ext_id`.
        enumeration: String,
        /// The enumerator.
        enumerator: String,
    },
    /// On a `mov` with immediate: the size of a kernel structure in bytes (`BPF_CORE_TYPE_SIZE`).
    TypeSize(String),
    /// On a `mov` with immediate: 1 where the kernel's structure has the field, otherwise 0
    /// (`BPF_CORE_FIELD_EXISTS`). Where it has not, [`RelocKind::FieldOffset`] of the same field is
    /// no error: the program must not come there.
    FieldExists(KernelField),
    /// On an `lddw`: the address of a u32 that holds the value of an option that the kernel was
    /// built with, such as `CONFIG_HZ`; the program may only read it.
    Kconfig(String),
}

/// A field of a kernel structure, found by name in BTF. Unnamed members are looked through.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KernelField {
    /// The structure, such as `sk_buff`.
    pub structure: String,
    /// The member, such as `_nfct`.
    pub member: String,
    /// Size of the member in bytes, for BTF of our own; 8 for pointers.
    pub size: u32,
}

/// From which line the instructions from `insn` on come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// First instruction, index into [`Function::insns`].
    pub insn: u32,
    /// Index into [`crate::Artifact::sources`].
    pub file: u32,
    /// Line, from 1; 0 where nothing in a file corresponds.
    pub line: u32,
    /// Column, from 1; 0 where unknown. BTF keeps 10 bits: larger ones are clamped there.
    pub column: u32,
    /// What to show: the rule as the user wrote it, or what the compiler does there.
    pub text: Arc<str>,
}
