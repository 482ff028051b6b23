//! Which function lies where in an object.
//!
//! The main function of each program lies in the section of its attach point, under the program's
//! name, because libbpf names programs after symbols; two programs with one main function have
//! two copies. All other functions lie in `.text`, where libbpf looks for callees. The order is
//! that of the artifact.

use crate::TEXT_SECTION;
use bpfc_artifact::{Artifact, AttachPoint, Function, FunctionIndex, FunctionKind};

/// One copy of one function.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The symbol.
    pub symbol: &'a str,
    /// The function.
    pub function: FunctionIndex,
    /// Where its first instruction lies in the section, in units of 8 bytes.
    pub start: u32,
}

/// A section with code.
#[derive(Debug, PartialEq, Eq)]
pub struct CodeSection<'a> {
    /// Its name, by which libbpf knows the program type.
    pub name: &'static str,
    /// What lies in it, ascending.
    pub pieces: Vec<Piece<'a>>,
    /// Its length in units of 8 bytes.
    pub length: u32,
}

impl<'a> CodeSection<'a> {
    fn push(&mut self, symbol: &'a str, index: FunctionIndex, function: &Function) {
        self.pieces.push(Piece { symbol, function: index, start: self.length });
        self.length += function.insns.len() as u32;
    }
}

/// All sections with code, those of programs first.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout<'a> {
    /// The sections; `.text` only where something lies in it.
    pub sections: Vec<CodeSection<'a>>,
    /// For each function of the artifact its place in `.text`, in units of 8 bytes; 0 for main
    /// functions, which nothing points at.
    pub text_start: Vec<u32>,
    /// For each function whether calls of it name `.text` and its place there, as those of clang do
    /// where a function is static, and not its symbol: cilium/ebpf takes no local one.
    pub called_by_place: Vec<bool>,
}

/// Places the functions of a valid artifact, in sections named as objects of a version have them.
pub fn layout(artifact: &Artifact, version: u32) -> Layout<'_> {
    let mut sections: Vec<CodeSection> = Vec::new();
    // Companions stay out: a kernel without tcx would refuse the whole object for one.
    let programs = artifact.programs.iter();
    for program in programs.filter(|program| program.attach != AttachPoint::Companion) {
        let name = section_name(program.attach, version);
        let at = sections.iter().position(|section| section.name == name).unwrap_or_else(|| {
            sections.push(CodeSection { name, pieces: Vec::new(), length: 0 });
            sections.len() - 1
        });
        let main = &artifact.functions[program.entry.0 as usize];
        sections[at].push(&program.name, program.entry, main);
    }
    let mut text = CodeSection { name: TEXT_SECTION, pieces: Vec::new(), length: 0 };
    let mut text_start = Vec::with_capacity(artifact.functions.len());
    for (index, function) in (0..).map(FunctionIndex).zip(&artifact.functions) {
        if function.kind == FunctionKind::Main {
            text_start.push(0);
            continue;
        }
        text_start.push(text.length);
        text.push(&function.name, index, function);
    }
    if !text.pieces.is_empty() {
        sections.push(text);
    }
    let called_by_place = artifact.functions.iter().map(|function| {
        let is_local =
            matches!(function.kind, FunctionKind::Static { .. } | FunctionKind::LoopBody);
        is_local && version > 1
    });
    Layout { sections, text_start, called_by_place: called_by_place.collect() }
}

/// The name of an attach point's section, by which loaders know the program type: one that all of
/// them read, libbpf before 1.3, aya and iproute2 too. `classifier` does not say which way, and a
/// netfilter section not which hook: the attacher chooses.
fn section_name(attach: AttachPoint, version: u32) -> &'static str {
    match attach {
        AttachPoint::Xdp | AttachPoint::Service => "xdp",
        AttachPoint::TcIngress if version == 1 => "tcx/ingress",
        AttachPoint::TcEgress if version == 1 => "tcx/egress",
        AttachPoint::TcIngress | AttachPoint::TcEgress | AttachPoint::Companion => "classifier",
        AttachPoint::Netfilter { .. } => "netfilter",
        AttachPoint::CgroupIngress => "cgroup_skb/ingress",
        AttachPoint::CgroupEgress => "cgroup_skb/egress",
    }
}
