//! The bytes of registers, sets and maps.
//!
//! Sets have a million elements, so that what a key holds lies in one piece, and short ones lie in
//! the element itself.

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part<'d> {
    /// The bytes, most significant first; text has its first character first.
    pub bytes: &'d [u8],
    /// Whether the kernel holds them in the machine's byte order, else as they stand here.
    pub is_host: bool,
}

impl Part<'_> {
    /// The bytes as the kernel of a machine holds them.
    pub fn in_memory(&self, endian: Endian) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        if self.is_host && endian == Endian::Little {
            bytes.reverse();
        }
        bytes
    }
}

/// The content of registers: one value, or the values of a concatenation, each of which begins at a
/// multiple of four bytes.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Data {
    /// Its parts, one after the other: the length of each, doubled, and 1 more where it is in the
    /// machine's order (two bytes, most significant first), and its bytes.
    packed: Packed,
}

/// Bytes, few of them without memory of their own.
#[derive(Clone)]
enum Packed {
    Short(u8, [u8; Packed::SHORT]),
    Long(Box<[u8]>),
}

impl Packed {
    /// As many as leave it the size of a vector.
    const SHORT: usize = 22;

    fn extend(&mut self, more: &[u8]) {
        match self {
            Packed::Short(length, bytes) => {
                let begin = usize::from(*length);
                match bytes.get_mut(begin..begin + more.len()) {
                    Some(room) => {
                        room.copy_from_slice(more);
                        *length += more.len() as u8;
                    }
                    None => *self = Packed::Long([&bytes[..begin], more].concat().into()),
                }
            }
            Packed::Long(bytes) => *self = Packed::Long([&bytes[..], more].concat().into()),
        }
    }
}

impl Default for Packed {
    fn default() -> Packed {
        Packed::Short(0, [0; Packed::SHORT])
    }
}

impl std::ops::Deref for Packed {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Packed::Short(length, bytes) => &bytes[..usize::from(*length)],
            Packed::Long(bytes) => bytes,
        }
    }
}

impl PartialEq for Packed {
    fn eq(&self, other: &Packed) -> bool {
        **self == **other
    }
}

impl Eq for Packed {}

impl std::hash::Hash for Packed {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl Data {
    /// One number.
    pub fn number(value: u128, bytes: usize, is_host: bool) -> Data {
        let mut data = Data::default();
        data.push_number(value, bytes, is_host);
        data
    }

    /// One value.
    pub fn bytes(bytes: &[u8], is_host: bool) -> Data {
        let mut data = Data::default();
        data.push(bytes, is_host);
        data
    }

    /// Adds a value.
    pub fn push(&mut self, bytes: &[u8], is_host: bool) {
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX).min(u16::MAX >> 1);
        self.packed.extend(&(length << 1 | u16::from(is_host)).to_be_bytes());
        self.packed.extend(&bytes[..usize::from(length)]);
    }

    /// Adds the lowest bytes of a number.
    pub fn push_number(&mut self, value: u128, bytes: usize, is_host: bool) {
        let all = value.to_be_bytes();
        match bytes.checked_sub(all.len()) {
            None | Some(0) => self.push(&all[all.len() - bytes..], is_host),
            Some(before) => self.push(&[&vec![0; before][..], &all].concat(), is_host),
        }
    }

    /// The values.
    pub fn parts(&self) -> Parts<'_> {
        Parts { rest: &self.packed }
    }

    /// The only value, where there is one.
    pub fn only(&self) -> Option<Part<'_>> {
        let mut parts = self.parts();
        parts.next().filter(|_| parts.rest.is_empty())
    }

    /// The bytes as the kernel of a machine holds them.
    pub fn in_memory(&self, endian: Endian) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in self.parts() {
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend(part.in_memory(endian));
        }
        if self.parts().count() > 1 {
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    /// Writes the values as hexadecimal words, each with a prefix.
    pub(super) fn write(&self, f: &mut dyn fmt::Write, prefix: &str) -> fmt::Result {
        for (index, part) in self.parts().enumerate() {
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

/// The values of data.
#[derive(Clone, Debug)]
pub struct Parts<'d> {
    rest: &'d [u8],
}

impl<'d> Iterator for Parts<'d> {
    type Item = Part<'d>;

    fn next(&mut self) -> Option<Part<'d>> {
        let (head, rest) = self.rest.split_first_chunk()?;
        let head = u16::from_be_bytes(*head);
        let (bytes, rest) = rest.split_at(rest.len().min((head >> 1).into()));
        self.rest = rest;
        Some(Part { bytes, is_host: head & 1 != 0 })
    }
}

impl PartialOrd for Data {
    fn partial_cmp(&self, other: &Data) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Data {
    fn cmp(&self, other: &Data) -> std::cmp::Ordering {
        self.parts().cmp(other.parts())
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, "0x")
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.parts()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concatenations_are_padded_and_host_numbers_are_turned() {
        let mut data = Data::number(0x0016, 2, false);
        data.push_number(0x1234, 4, true);
        assert_eq!(data.to_string(), "0x0016 . 0x00001234");
        assert_eq!(data.in_memory(Endian::Little), [0, 0x16, 0, 0, 0x34, 0x12, 0, 0]);
        assert_eq!(data.in_memory(Endian::Big), [0, 0x16, 0, 0, 0, 0, 0x12, 0x34]);
    }

    #[test]
    fn any_length_is_held_and_compared_by_values() {
        assert_eq!(size_of::<Option<Data>>(), 24);
        for length in [0, 1, 16, 20, 21, 22, 64, 300] {
            let bytes: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
            let mut data = Data::bytes(&bytes, length % 2 == 0);
            assert_eq!(data.only(), Some(Part { bytes: &bytes, is_host: length % 2 == 0 }));
            data.push_number(7, 17, true);
            let parts: Vec<Part<'_>> = data.parts().collect();
            assert_eq!(parts[0].bytes, bytes);
            assert_eq!(parts[1].bytes, [&[0; 16][..], &[7]].concat());
            assert_eq!(data.only(), None);
        }
        // By bytes, before their number.
        assert!(Data::bytes(&[1, 2, 3], false) < Data::bytes(&[2], false));
        assert!(Data::bytes(&[1], false) < Data::bytes(&[1, 0], false));
    }
}
