//! The assembler: instructions with labels, relocations and source lines, for one function.
//!
//! Opcodes are those of RFC 9669 section 4 and 5. Registers r0 to r9 are general, r10 is the
//! frame pointer; a call clobbers r0 to r5.

pub mod disassemble;

use bpfc_artifact::{
    Function, FunctionIndex, FunctionKind, Insn, KernelField, Line, MapIndex, ProgramKind, Reloc,
    RelocKind,
};
use std::sync::Arc;

/// A register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reg(pub u8);

/// r0 to r10.
pub const R0: Reg = Reg(0);
/// First argument.
pub const R1: Reg = Reg(1);
/// Second argument.
pub const R2: Reg = Reg(2);
/// Third argument.
pub const R3: Reg = Reg(3);
/// Fourth argument.
pub const R4: Reg = Reg(4);
/// Fifth argument.
pub const R5: Reg = Reg(5);
/// Callee-saved.
pub const R6: Reg = Reg(6);
/// Callee-saved.
pub const R7: Reg = Reg(7);
/// Callee-saved.
pub const R8: Reg = Reg(8);
/// Callee-saved.
pub const R9: Reg = Reg(9);
/// The frame pointer.
pub const FP: Reg = Reg(10);

/// Width of a memory access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// One byte.
    B,
    /// Two bytes.
    H,
    /// Four bytes.
    W,
    /// Eight bytes.
    D,
}

impl Size {
    fn bits(self) -> u8 {
        match self {
            Size::W => 0x00,
            Size::H => 0x08,
            Size::B => 0x10,
            Size::D => 0x18,
        }
    }

    /// How many bytes an access is of.
    pub fn bytes(self) -> i16 {
        match self {
            Size::B => 1,
            Size::H => 2,
            Size::W => 4,
            Size::D => 8,
        }
    }

    /// The access of `bytes` bytes: 1, 2, 4 or 8.
    pub fn of(bytes: u16) -> Option<Size> {
        match bytes {
            1 => Some(Size::B),
            2 => Some(Size::H),
            4 => Some(Size::W),
            8 => Some(Size::D),
            _ => None,
        }
    }
}

/// Arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alu {
    /// `+=`
    Add,
    /// `-=`
    Sub,
    /// `*=`
    Mul,
    /// `|=`
    Or,
    /// `&=`
    And,
    /// `<<=`
    Lsh,
    /// `>>=`
    Rsh,
    /// `/=`, unsigned
    Div,
    /// `%=`, unsigned
    Mod,
    /// `^=`
    Xor,
    /// `=`
    Mov,
}

impl Alu {
    fn bits(self) -> u8 {
        match self {
            Alu::Add => 0x00,
            Alu::Sub => 0x10,
            Alu::Mul => 0x20,
            Alu::Or => 0x40,
            Alu::And => 0x50,
            Alu::Lsh => 0x60,
            Alu::Rsh => 0x70,
            Alu::Div => 0x30,
            Alu::Mod => 0x90,
            Alu::Xor => 0xa0,
            Alu::Mov => 0xb0,
        }
    }
}

/// A condition of a jump; orders are unsigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jump {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// A common bit.
    Set,
    /// Signed less.
    Slt,
}

impl Jump {
    fn bits(self) -> u8 {
        match self {
            Jump::Eq => 0x10,
            Jump::Gt => 0x20,
            Jump::Ge => 0x30,
            Jump::Set => 0x40,
            Jump::Ne => 0x50,
            Jump::Lt => 0xa0,
            Jump::Le => 0xb0,
            Jump::Slt => 0xc0,
        }
    }
}

/// Whether arithmetic and jumps look at 32 or 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// The low 32 bits; results are zero-extended.
    W32,
    /// All 64 bits.
    W64,
}

/// A place to jump to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label(u32);

/// Why a function cannot be finished.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AsmError {
    /// A jump spans more instructions than its 16-bit offset holds.
    #[error("function {function} needs a jump over {distance} instructions, more than 32,767")]
    JumpTooFar {
        /// The function.
        function: String,
        /// How far.
        distance: i64,
    },
}

/// Appends instructions of one function.
#[derive(Debug, Default)]
pub struct Asm {
    insns: Vec<Insn>,
    labels: Vec<Option<u32>>,
    /// By label: whether something jumps to it.
    used: Vec<bool>,
    /// The last load, where nothing but branches that were not taken came behind it: its register
    /// still holds what it loaded.
    held: Option<Insn>,
    fixups: Vec<(u32, Label)>,
    relocs: Vec<Reloc>,
    lines: Vec<Line>,
    /// Whether what is emitted stands behind a test for the kernel's functions, and whether
    /// objects have that.
    optional: Option<bool>,
}

impl Asm {
    /// An empty function.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many instructions there are.
    pub fn len(&self) -> usize {
        self.insns.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.insns.is_empty()
    }

    /// Says which source line the instructions from here on come from.
    pub fn line(&mut self, file: u32, line: u32, column: u32, text: &Arc<str>) {
        let insn = self.insns.len() as u32;
        if let Some(last) = self.lines.last_mut() {
            if last.file == file && last.line == line && last.text == *text {
                return;
            }
            if last.insn == insn {
                *last = Line { insn, file, line, column, text: Arc::clone(text) };
                return;
            }
        }
        self.lines.push(Line { insn, file, line, column, text: Arc::clone(text) });
    }

    fn push(&mut self, code: u8, dst: Reg, src: Reg, off: i16, imm: i32) {
        let insn = Insn { code, dst: dst.0, src: src.0, off, imm };
        self.insns.push(insn);
        self.held = match code & CLASS {
            LDX if insn.dst != insn.src => Some(insn),
            JMP | JMP32 if !matches!(code, CALL | GOTO | EXIT) => self.held,
            _ => None,
        };
    }

    fn reloc(&mut self, kind: RelocKind) {
        self.relocs.push(Reloc { insn: self.insns.len() as u32, kind });
    }

    /// A new label, to be placed once.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        self.used.push(false);
        Label(self.labels.len() as u32 - 1)
    }

    /// Places a label before the next instruction.
    pub fn place(&mut self, label: Label) {
        debug_assert!(self.labels[label.0 as usize].is_none(), "a label is placed once");
        self.labels[label.0 as usize] = Some(self.insns.len() as u32);
        self.held = None;
    }

    /// Places a label before the next instruction to which nothing will jump that is emitted
    /// later. Where nothing has jumped to it yet either, the instruction runs behind the last one
    /// alone.
    pub fn place_behind(&mut self, label: Label) {
        let held = self.held.filter(|_| !self.is_used(label));
        self.place(label);
        self.held = held;
    }

    /// Notes that the next instruction jumps to a label.
    fn will_jump(&mut self, label: Label) {
        self.fixups.push((self.insns.len() as u32, label));
        self.used[label.0 as usize] = true;
    }

    /// Whether something jumps to a label so far. The verifier refuses code that nothing reaches.
    pub fn is_used(&self, label: Label) -> bool {
        self.used[label.0 as usize]
    }

    /// `dst OP= src`.
    pub fn alu(&mut self, op: Alu, width: Width, dst: Reg, src: Reg) {
        let class = if width == Width::W64 { 0x07 } else { 0x04 };
        self.push(op.bits() | 0x08 | class, dst, src, 0, 0);
    }

    /// `dst OP= imm`, the immediate sign-extended for 64 bits.
    pub fn alu_imm(&mut self, op: Alu, width: Width, dst: Reg, imm: i32) {
        let class = if width == Width::W64 { 0x07 } else { 0x04 };
        self.push(op.bits() | class, dst, R0, 0, imm);
    }

    /// `dst = src`, all 64 bits.
    pub fn mov(&mut self, dst: Reg, src: Reg) {
        self.alu(Alu::Mov, Width::W64, dst, src);
    }

    /// `dst` = the address of a place in the frame.
    pub fn frame_address(&mut self, dst: Reg, place: i16) {
        self.mov(dst, FP);
        self.alu_imm(Alu::Add, Width::W64, dst, i32::from(place));
    }

    /// `dst = imm`, sign-extended.
    pub fn mov_imm(&mut self, dst: Reg, imm: i32) {
        self.alu_imm(Alu::Mov, Width::W64, dst, imm);
    }

    /// `dst = value`, in the shortest form.
    pub fn constant(&mut self, dst: Reg, value: u64) {
        if let Ok(small) = i32::try_from(value as i64) {
            self.mov_imm(dst, small);
        } else if let Ok(word) = u32::try_from(value) {
            self.alu_imm(Alu::Mov, Width::W32, dst, word as i32);
        } else {
            self.wide(dst, R0, value);
        }
    }

    fn wide(&mut self, dst: Reg, src: Reg, value: u64) {
        self.push(0x18, dst, src, 0, value as u32 as i32);
        self.push(0, R0, R0, 0, (value >> 32) as u32 as i32);
    }

    /// `dst = bswap(dst)` from network order, for 16, 32 or 64 bits; zero-extended.
    pub fn from_big_endian(&mut self, dst: Reg, bits: i32) {
        self.push(0xdc, dst, R0, 0, bits);
    }

    /// `dst = *(SIZE *)(base + off)`; nothing where dst holds that from the load before, of memory
    /// that nothing has written since.
    pub fn load(&mut self, size: Size, dst: Reg, base: Reg, off: i16) {
        let (code, dst, src) = (0x61 | size.bits(), dst.0, base.0);
        if self.held != Some(Insn { code, dst, src, off, imm: 0 }) {
            self.push(code, Reg(dst), base, off, 0);
        }
    }

    /// `*(SIZE *)(base + off) = src`.
    pub fn store(&mut self, size: Size, base: Reg, off: i16, src: Reg) {
        self.push(0x63 | size.bits(), base, src, off, 0);
    }

    /// `*(SIZE *)(base + off) = imm`.
    pub fn store_imm(&mut self, size: Size, base: Reg, off: i16, imm: i32) {
        self.push(0x62 | size.bits(), base, R0, off, imm);
    }

    /// `lock *(u64 *)(base + off) += src`.
    pub fn atomic_add(&mut self, base: Reg, off: i16, src: Reg) {
        self.push(0xdb, base, src, off, 0x00);
    }

    /// `src = fetch_and_add(*(u64 *)(base + off), src)`; Linux 5.12.
    pub fn atomic_fetch_add(&mut self, base: Reg, off: i16, src: Reg) {
        self.push(0xdb, base, src, off, 0x01);
    }

    /// `r0 = compare_and_exchange(*(u64 *)(base + off), r0, src)`: stores src where the value is
    /// r0, and r0 is the value that was there; Linux 5.12.
    pub fn atomic_exchange(&mut self, base: Reg, off: i16, src: Reg) {
        self.push(0xdb, base, src, off, 0xf1);
    }

    /// `goto label`.
    pub fn goto(&mut self, label: Label) {
        self.will_jump(label);
        self.push(GOTO, R0, R0, 0, 0);
    }

    /// `if a COND b goto label`.
    pub fn jump(&mut self, cond: Jump, width: Width, a: Reg, b: Reg, label: Label) {
        let class = if width == Width::W64 { 0x05 } else { 0x06 };
        self.will_jump(label);
        self.push(cond.bits() | 0x08 | class, a, b, 0, 0);
    }

    /// `if a COND imm goto label`; the immediate is sign-extended for 64 bits.
    pub fn jump_imm(&mut self, cond: Jump, width: Width, a: Reg, imm: i32, label: Label) {
        let class = if width == Width::W64 { 0x05 } else { 0x06 };
        self.will_jump(label);
        self.push(cond.bits() | class, a, R0, 0, imm);
    }

    /// Calls a helper (`enum bpf_func_id`).
    pub fn helper(&mut self, id: Helper) {
        self.push(0x85, R0, R0, 0, id as i32);
    }

    /// Calls a kernel function by name.
    pub fn kfunc(&mut self, name: &str) {
        let name = name.to_owned();
        self.reloc(match self.optional {
            Some(in_objects) => RelocKind::OptionalKfunc { name, in_objects },
            None => RelocKind::Kfunc(name),
        });
        self.push(0x85, R0, Reg(2), 0, 0);
    }

    /// Jumps to `other` where the kernel lacks a function. What `with` emits calls only such kernel
    /// functions as came with that. `in_objects` says whether other loaders find out, or take it
    /// for absent. Clobbers r0.
    pub fn unless_kernel_has<T>(
        &mut self,
        function: &str,
        in_objects: bool,
        other: Label,
        with: impl FnOnce(&mut Asm) -> T,
    ) -> T {
        self.reloc(RelocKind::FunctionExists { name: function.to_owned(), in_objects });
        self.mov_imm(R0, 0);
        self.jump_imm(Jump::Eq, Width::W64, R0, 0, other);
        let before = self.optional.replace(in_objects);
        let result = with(self);
        self.optional = before;
        result
    }

    /// Says that the whole function is reached from behind such a test alone.
    pub(crate) fn stand_behind_test(&mut self, in_objects: bool) {
        self.optional = Some(in_objects);
    }

    /// Calls another function of the artifact.
    pub fn call(&mut self, function: FunctionIndex) {
        self.reloc(RelocKind::Call(function));
        self.push(0x85, R0, R1, 0, -1);
    }

    /// `dst = &function`, for callbacks.
    pub fn function_pointer(&mut self, dst: Reg, function: FunctionIndex) {
        self.reloc(RelocKind::FunctionPointer(function));
        self.wide(dst, Reg(4), 0);
    }

    /// `dst = map`.
    pub fn map(&mut self, dst: Reg, map: MapIndex) {
        self.reloc(RelocKind::Map(map));
        self.wide(dst, R1, 0);
    }

    /// `dst = &value of entry 0 + offset`, for array maps.
    pub fn map_value(&mut self, dst: Reg, map: MapIndex, offset: u32) {
        self.reloc(RelocKind::MapValue(map));
        self.wide(dst, R2, u64::from(offset) << 32);
    }

    /// `dst = *(SIZE *)(base + offset of a kernel structure's field)`.
    pub fn load_field(&mut self, size: Size, dst: Reg, base: Reg, field: KernelField) {
        self.reloc(RelocKind::FieldOffset(field));
        self.push(0x61 | size.bits(), dst, base, 0, 0);
        self.held = None;
    }

    /// `*(SIZE *)(base + offset of a kernel structure's field) = src`.
    pub fn store_field(&mut self, size: Size, base: Reg, field: KernelField, src: Reg) {
        self.reloc(RelocKind::FieldOffset(field));
        self.store(size, base, 0, src);
    }

    /// `dst += offset of a kernel structure's field`.
    pub fn add_field_offset(&mut self, dst: Reg, field: KernelField) {
        self.reloc(RelocKind::FieldOffset(field));
        self.alu_imm(Alu::Add, Width::W64, dst, 0);
    }

    /// `dst = BTF identifier of a kernel structure`.
    pub fn type_id(&mut self, dst: Reg, structure: &str) {
        self.reloc(RelocKind::TypeId(structure.to_owned()));
        self.mov_imm(dst, 0);
    }

    /// `dst = bytes of a kernel structure`.
    pub fn type_size(&mut self, dst: Reg, structure: &str) {
        self.reloc(RelocKind::TypeSize(structure.to_owned()));
        self.mov_imm(dst, 0);
    }

    /// `dst = 1` where the kernel's structure has the field, otherwise 0. Behind it the field may
    /// be used where it is.
    pub fn field_exists(&mut self, dst: Reg, field: KernelField) {
        self.reloc(RelocKind::FieldExists(field));
        self.mov_imm(dst, 1);
    }

    /// `dst = &u32 with the value of an option of the kernel's configuration`.
    pub fn kconfig(&mut self, dst: Reg, option: &str) {
        self.reloc(RelocKind::Kconfig(option.to_owned()));
        self.wide(dst, R2, 0);
    }

    /// `dst = number of an enumerator of a kernel's enumeration`.
    pub fn enum_value(&mut self, dst: Reg, enumeration: &str, enumerator: &str) {
        self.reloc(RelocKind::EnumValue {
            enumeration: enumeration.to_owned(),
            enumerator: enumerator.to_owned(),
        });
        self.mov_imm(dst, 0);
    }

    /// `exit`.
    pub fn exit(&mut self) {
        self.push(EXIT, R0, R0, 0, 0);
    }

    /// Resolves the labels.
    ///
    /// # Errors
    /// When a jump is too far.
    ///
    /// # Panics
    /// When a label that is jumped to was not placed.
    pub fn finish(
        mut self,
        name: String,
        kind: FunctionKind,
        program: ProgramKind,
        packet_size: u32,
    ) -> Result<Function, AsmError> {
        // Calls of the kernel before each instruction; those of functions of ours stay one
        // instruction.
        let mut calls = vec![0];
        for insn in &self.insns {
            let before = calls[calls.len() - 1];
            calls.push(before + i64::from(insn.code == CALL && insn.src != OWN_FUNCTION));
        }
        for (insn, label) in self.fixups {
            let target = self.labels[label.0 as usize].expect("a placed label");
            let distance = i64::from(target) - i64::from(insn) - 1;
            let crossed = (calls[target as usize] - calls[insn as usize]).abs();
            let Ok(off) = i16::try_from(distance) else {
                return Err(AsmError::JumpTooFar { function: name, distance });
            };
            if distance.abs() + crossed * CALL_GROWTH > i64::from(i16::MAX) {
                return Err(AsmError::JumpTooFar { function: name, distance });
            }
            self.insns[insn as usize].off = off;
        }
        Ok(Function {
            name,
            kind,
            program,
            packet_size,
            insns: self.insns,
            relocs: self.relocs,
            lines: self.lines,
        })
    }
}

/// The bits of an instruction's class (RFC 9669).
const CLASS: u8 = 7;
/// `BPF_LDX`.
const LDX: u8 = 1;
/// `BPF_JMP`.
const JMP: u8 = 5;
/// `BPF_JMP32`.
const JMP32: u8 = 6;
/// `BPF_JMP | BPF_JA`.
const GOTO: u8 = 0x05;
/// `BPF_JMP | BPF_EXIT`.
const EXIT: u8 = 0x95;
/// `BPF_JMP | BPF_CALL`.
const CALL: u8 = 0x85;
/// `BPF_PSEUDO_CALL`.
const OWN_FUNCTION: u8 = 1;
/// Instructions by which the kernel's verifier may lengthen the code of one call when it inlines
/// a helper, such as a map lookup (kernel/bpf/arraymap.c, `percpu_array_map_gen_lookup`) or a
/// loop (kernel/bpf/verifier.c, `inline_bpf_loop`). Jumps across it must still reach.
const CALL_GROWTH: i64 = 16;

/// The helpers that bpfc calls, with their numbers (`enum bpf_func_id`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Helper {
    /// `bpf_map_lookup_elem`, Linux 3.18.
    MapLookup = 1,
    /// `bpf_map_update_elem`, Linux 3.18.
    MapUpdate = 2,
    /// `bpf_map_delete_elem`, Linux 3.18.
    MapDelete = 3,
    /// `bpf_ktime_get_ns`, Linux 4.1.
    Nanoseconds = 5,
    /// `bpf_get_prandom_u32`, Linux 4.1.
    Random = 7,
    /// `bpf_get_smp_processor_id`, Linux 4.1.
    ProcessorId = 8,
    /// `bpf_skb_store_bytes`, Linux 4.1.
    SkbStoreBytes = 9,
    /// `bpf_l4_csum_replace`, Linux 4.1.
    L4ChecksumReplace = 11,
    /// `bpf_redirect`, Linux 4.4.
    Redirect = 23,
    /// `bpf_skb_load_bytes`, Linux 4.5.
    SkbLoadBytes = 26,
    /// `bpf_csum_diff`, Linux 4.6.
    CsumDiff = 28,
    /// `bpf_skb_change_type`, Linux 4.8.
    SkbChangeType = 32,
    /// `bpf_skb_change_tail`, Linux 4.9.
    SkbChangeTail = 38,
    /// `bpf_csum_update`, Linux 4.9.
    ChecksumUpdate = 40,
    /// `bpf_skb_change_head`, Linux 4.10.
    SkbChangeHead = 43,
    /// `bpf_xdp_adjust_head`, Linux 4.10.
    XdpAdjustHead = 44,
    /// `bpf_skb_adjust_room`, Linux 4.13.
    SkbAdjustRoom = 50,
    /// `bpf_xdp_adjust_tail`, Linux 4.18.
    XdpAdjustTail = 65,
    /// `bpf_fib_lookup`, Linux 4.18.
    FibLookup = 69,
    /// `bpf_sk_lookup_udp`, Linux 4.20.
    SkLookupUdp = 85,
    /// `bpf_sk_release`, Linux 4.20.
    SkRelease = 86,
    /// `bpf_skc_lookup_tcp`, Linux 5.2.
    SkcLookupTcp = 99,
    /// `bpf_spin_lock`, Linux 5.1.
    SpinLock = 93,
    /// `bpf_spin_unlock`, Linux 5.1.
    SpinUnlock = 94,
    /// `bpf_probe_read_kernel`, Linux 5.5.
    ProbeReadKernel = 113,
    /// `bpf_jiffies64`, Linux 5.6.
    Jiffies = 118,
    /// `bpf_ktime_get_boot_ns`, Linux 5.8.
    BootTime = 125,
    /// `bpf_ringbuf_reserve`, Linux 5.8.
    RingBufReserve = 131,
    /// `bpf_ringbuf_submit`, Linux 5.8.
    RingBufSubmit = 132,
    /// `bpf_for_each_map_elem`, Linux 5.13.
    ForEachMapElement = 164,
    /// `bpf_loop`, Linux 5.17.
    Loop = 181,
    /// `bpf_xdp_get_buff_len`, Linux 5.18.
    XdpBufferLength = 188,
    /// `bpf_xdp_load_bytes`, Linux 5.18.
    XdpLoadBytes = 189,
    /// `bpf_xdp_store_bytes`, Linux 5.18.
    XdpStoreBytes = 190,
    /// `bpf_ktime_get_tai_ns`, Linux 6.1.
    TaiNanoseconds = 208,
    /// `bpf_dynptr_read`, Linux 5.19.
    DynptrRead = 201,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(asm: Asm) -> Result<Function, AsmError> {
        asm.finish("f".to_owned(), FunctionKind::Chain, ProgramKind::Xdp, 0)
    }

    #[test]
    fn jumps_count_from_the_next_instruction() {
        let mut asm = Asm::new();
        let (start, end) = (asm.label(), asm.label());
        asm.place(start);
        asm.jump_imm(Jump::Eq, Width::W32, R1, 5, end);
        asm.goto(start);
        asm.place(end);
        asm.exit();
        let function = finish(asm).expect("short jumps");
        assert_eq!(function.insns.iter().map(|insn| insn.off).collect::<Vec<_>>(), [1, -2, 0]);
    }

    #[test]
    fn a_jump_beyond_16_bits_is_an_error() {
        let mut asm = Asm::new();
        let end = asm.label();
        asm.goto(end);
        for _ in 0..40_000 {
            asm.mov(R1, R2);
        }
        asm.place(end);
        asm.exit();
        assert_eq!(
            finish(asm),
            Err(AsmError::JumpTooFar { function: "f".to_owned(), distance: 40_000 })
        );
    }

    #[test]
    fn constants_take_the_shortest_form() {
        let length = |value| {
            let mut asm = Asm::new();
            asm.constant(R1, value);
            asm.len()
        };
        assert_eq!(length(5), 1);
        assert_eq!(length(u64::MAX), 1);
        assert_eq!(length(0xffff_ffff), 1);
        assert_eq!(length(0x1_0000_0000), 2);
    }
}
