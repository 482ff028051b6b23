//! The bytes of registers, sets and maps.

use std::fmt;

/// The byte order of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endian {
    /// Least significant byte first, as on x86.
    Little,
    /// Most significant byte first.
    Big,
}

/// A value that takes some bytes of a register.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    /// The bytes, most significant first; text has its first character first.
    pub bytes: Vec<u8>,
    /// Whether the kernel holds them in the machine's byte order, else as they stand here.
    pub is_host: bool,
}

impl Part {
    /// The lowest bytes of a number.
    pub fn number(value: u128, bytes: usize, is_host: bool) -> Part {
        let all = value.to_be_bytes();
        let mut held = vec![0; bytes.saturating_sub(all.len())];
        held.extend_from_slice(&all[all.len() - bytes.min(all.len())..]);
        Part { bytes: held, is_host }
    }

    /// The bytes as the kernel of a machine holds them.
    pub fn in_memory(&self, endian: Endian) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        if self.is_host && endian == Endian::Little {
            bytes.reverse();
        }
        bytes
    }
}

/// The content of registers: one value, or the values of a concatenation, each of which begins at a
/// multiple of four bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Data {
    /// The values.
    pub parts: Vec<Part>,
}

impl Data {
    /// One number.
    pub fn number(value: u128, bytes: usize, is_host: bool) -> Data {
        Data { parts: vec![Part::number(value, bytes, is_host)] }
    }

    /// The bytes as the kernel of a machine holds them.
    pub fn in_memory(&self, endian: Endian) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in &self.parts {
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend(part.in_memory(endian));
        }
        if self.parts.len() > 1 {
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    /// Writes the values as hexadecimal words, each with a prefix.
    pub(super) fn write(&self, f: &mut dyn fmt::Write, prefix: &str) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            f.write_str(if index > 0 { " . " } else { "" })?;
            for (word, bytes) in part.bytes.chunks(4).enumerate() {
                f.write_str(if word > 0 { " " } else { "" })?;
                f.write_str(prefix)?;
                for byte in bytes {
                    write!(f, "{byte:02x}")?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, "0x")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concatenations_are_padded_and_host_numbers_are_turned() {
        let parts = vec![Part::number(0x0016, 2, false), Part::number(0x1234, 4, true)];
        let data = Data { parts };
        assert_eq!(data.to_string(), "0x0016 . 0x00001234");
        assert_eq!(data.in_memory(Endian::Little), [0, 0x16, 0, 0, 0x34, 0x12, 0, 0]);
        assert_eq!(data.in_memory(Endian::Big), [0, 0x16, 0, 0, 0, 0, 0x12, 0x34]);
    }
}
