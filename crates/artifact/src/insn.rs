//! One eBPF instruction as the kernel stores it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// `struct bpf_insn` (include/uapi/linux/bpf.h, RFC 9669 section 3): eight bytes, in the
/// machine's own byte order. A 64-bit immediate load takes two of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Insn {
    /// Operation, class and source bits.
    pub code: u8,
    /// Destination register, 0 to 10.
    pub dst: u8,
    /// Source register, 0 to 10, or a pseudo value (`BPF_PSEUDO_*`).
    pub src: u8,
    /// Signed offset: bytes for memory access, instructions for jumps.
    pub off: i16,
    /// Signed immediate.
    pub imm: i32,
}

impl Insn {
    /// The eight bytes, little endian.
    pub fn to_le_bytes(self) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[0] = self.code;
        bytes[1] = self.dst & 0xf | self.src << 4;
        bytes[2..4].copy_from_slice(&self.off.to_le_bytes());
        bytes[4..].copy_from_slice(&self.imm.to_le_bytes());
        bytes
    }

    /// The instruction of eight little-endian bytes.
    pub fn from_le_bytes(bytes: [u8; 8]) -> Self {
        Insn {
            code: bytes[0],
            dst: bytes[1] & 0xf,
            src: bytes[1] >> 4,
            off: i16::from_le_bytes([bytes[2], bytes[3]]),
            imm: i32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        }
    }
}

impl fmt::Debug for Insn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04x} r{} r{} {:+} {:#x}", self.code, self.dst, self.src, self.off, self.imm)
    }
}

impl Serialize for Insn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        u64::from_le_bytes(self.to_le_bytes()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Insn {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(|word| Insn::from_le_bytes(word.to_le_bytes()))
    }
}
