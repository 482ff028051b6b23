//! Prototypes of an artifact's functions.
//!
//! What the kernel asks of them (kernel/bpf/btf.c, `btf_prepare_func_args` and
//! `btf_is_prog_ctx_type`; unchanged from Linux 6.1 to 6.18): a global function returns an
//! integer, its context argument is a pointer to a structure of the program type's own name
//! whatever its members, and a pointer to any other structure is that many bytes of memory that
//! may be null. A function that `bpf_loop` calls must have an integer result; arguments of static
//! functions are for people only.

use super::builder::{Builder, Linkage, TypeId, VOID};
use crate::{Function, FunctionKind, ProgramKind};

/// Name of the structure that chains take.
pub const PACKET_STRUCT: &str = "bpfc_packet";

const ARGUMENT_NAMES: [&str; 5] = ["a1", "a2", "a3", "a4", "a5"];

/// The types that functions of one blob share, each added when first asked for.
#[derive(Debug, Default)]
pub struct FunctionTypes {
    int: Option<TypeId>,
    long: Option<TypeId>,
    u8: Option<TypeId>,
    u32: Option<TypeId>,
    u64: Option<TypeId>,
    void_pointer: Option<TypeId>,
    loop_body: Option<TypeId>,
    /// By structure name.
    contexts: Vec<(&'static str, TypeId)>,
    mains: Vec<(&'static str, TypeId)>,
    /// By size: blobs with functions of several sizes have several structures of one name.
    packets: Vec<(u32, TypeId)>,
    chains: Vec<((&'static str, u32), TypeId)>,
    /// By number of arguments.
    statics: [Option<TypeId>; 6],
}

impl FunctionTypes {
    /// No types yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// `int`.
    pub fn int(&mut self, btf: &mut Builder) -> TypeId {
        *self.int.get_or_insert_with(|| btf.int("int", 4, true))
    }

    /// `unsigned char`.
    pub fn u8(&mut self, btf: &mut Builder) -> TypeId {
        *self.u8.get_or_insert_with(|| btf.int("unsigned char", 1, false))
    }

    /// `unsigned int`.
    pub fn u32(&mut self, btf: &mut Builder) -> TypeId {
        *self.u32.get_or_insert_with(|| btf.int("unsigned int", 4, false))
    }

    /// `unsigned long long`.
    pub fn u64(&mut self, btf: &mut Builder) -> TypeId {
        *self.u64.get_or_insert_with(|| btf.int("unsigned long long", 8, false))
    }

    /// `void *`.
    pub fn void_pointer(&mut self, btf: &mut Builder) -> TypeId {
        *self.void_pointer.get_or_insert_with(|| btf.pointer(VOID))
    }

    fn long(&mut self, btf: &mut Builder) -> TypeId {
        *self.long.get_or_insert_with(|| btf.int("long", 8, true))
    }

    /// Adds the function with its prototype, under `name`.
    pub fn add(&mut self, btf: &mut Builder, name: &str, function: &Function) -> TypeId {
        let (prototype, linkage) = match function.kind {
            FunctionKind::Main => (self.main(btf, function.program), Linkage::Global),
            FunctionKind::Chain => {
                (self.chain(btf, function.program, function.packet_size), Linkage::Global)
            }
            FunctionKind::Static { arguments } => {
                (self.static_function(btf, arguments), Linkage::Static)
            }
            FunctionKind::LoopBody => (self.loop_body(btf), Linkage::Static),
        };
        btf.function(name, prototype, linkage)
    }

    /// A pointer to the context structure of a program type. The structure is declared with one
    /// member only: its name is all that counts.
    pub fn context(&mut self, btf: &mut Builder, program: ProgramKind) -> TypeId {
        let name = program.context_struct();
        if let Some((_, known)) = self.contexts.iter().find(|(known, _)| *known == name) {
            return *known;
        }
        let structure = match program {
            ProgramKind::SchedCls | ProgramKind::CgroupSkb => {
                let u32 = self.u32(btf);
                btf.structure(name, 4, &[("len", u32, 0)])
            }
            ProgramKind::Xdp => {
                let u32 = self.u32(btf);
                btf.structure(name, 4, &[("data", u32, 0)])
            }
            ProgramKind::Netfilter => {
                let pointer = self.void_pointer(btf);
                btf.structure(name, 8, &[("state", pointer, 0)])
            }
        };
        let pointer = btf.pointer(structure);
        self.contexts.push((name, pointer));
        pointer
    }

    fn packet(&mut self, btf: &mut Builder, size: u32) -> TypeId {
        if let Some((_, known)) = self.packets.iter().find(|(known, _)| *known == size) {
            return *known;
        }
        let (u8, u32) = (self.u8(btf), self.u32(btf));
        let bytes = btf.array(u8, u32, size);
        let structure = btf.structure(PACKET_STRUCT, size, &[("bytes", bytes, 0)]);
        let pointer = btf.pointer(structure);
        self.packets.push((size, pointer));
        pointer
    }

    fn main(&mut self, btf: &mut Builder, program: ProgramKind) -> TypeId {
        let key = program.context_struct();
        if let Some((_, known)) = self.mains.iter().find(|(known, _)| *known == key) {
            return *known;
        }
        let (int, context) = (self.int(btf), self.context(btf, program));
        let prototype = btf.prototype(int, &[("ctx", context)]);
        self.mains.push((key, prototype));
        prototype
    }

    fn chain(&mut self, btf: &mut Builder, program: ProgramKind, size: u32) -> TypeId {
        let key = (program.context_struct(), size);
        if let Some((_, known)) = self.chains.iter().find(|(known, _)| *known == key) {
            return *known;
        }
        let int = self.int(btf);
        let (context, packet) = (self.context(btf, program), self.packet(btf, size));
        let prototype = btf.prototype(int, &[("ctx", context), ("packet", packet)]);
        self.chains.push((key, prototype));
        prototype
    }

    fn static_function(&mut self, btf: &mut Builder, arguments: u8) -> TypeId {
        let arguments = usize::from(arguments).min(ARGUMENT_NAMES.len());
        if let Some(known) = self.statics[arguments] {
            return known;
        }
        let (long, u64) = (self.long(btf), self.u64(btf));
        let parameters: Vec<_> =
            ARGUMENT_NAMES[..arguments].iter().map(|&name| (name, u64)).collect();
        let prototype = btf.prototype(long, &parameters);
        self.statics[arguments] = Some(prototype);
        prototype
    }

    fn loop_body(&mut self, btf: &mut Builder) -> TypeId {
        if let Some(known) = self.loop_body {
            return known;
        }
        let (long, u64, pointer) = (self.long(btf), self.u64(btf), self.void_pointer(btf));
        let prototype = btf.prototype(long, &[("index", u64), ("context", pointer)]);
        self.loop_body = Some(prototype);
        prototype
    }
}
