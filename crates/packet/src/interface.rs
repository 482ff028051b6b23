//! Interface names as the kernel keeps them: at most 15 bytes, NUL padded to 16.

use std::fmt;

/// The name of a network interface, or no interface at all (all bytes NUL).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct InterfaceName([u8; 16]);

/// A name that no interface can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InterfaceNameError {
    /// More than 15 bytes.
    #[error("interface name '{0}' is longer than 15 bytes")]
    TooLong(String),
    /// A NUL byte inside.
    #[error("interface name '{0}' has a NUL byte")]
    Nul(String),
}

impl InterfaceName {
    /// No interface, such as the output of a packet that is received.
    pub const NONE: InterfaceName = InterfaceName([0; 16]);

    /// The loopback device, as the kernel names it in every network namespace.
    pub const LOOPBACK: InterfaceName = InterfaceName(*b"lo\0\0\0\0\0\0\0\0\0\0\0\0\0\0");

    /// A name of up to 15 bytes; the empty name is [`InterfaceName::NONE`].
    ///
    /// # Errors
    /// When it is too long or has a NUL byte.
    pub fn new(name: &str) -> Result<Self, InterfaceNameError> {
        if name.len() > 15 {
            return Err(InterfaceNameError::TooLong(name.to_owned()));
        }
        if name.bytes().any(|byte| byte == 0) {
            return Err(InterfaceNameError::Nul(name.to_owned()));
        }
        let mut bytes = [0; 16];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Ok(InterfaceName(bytes))
    }

    /// Whether there is an interface.
    pub fn is_some(self) -> bool {
        self.0[0] != 0
    }

    /// The loopback device, by its name.
    pub fn is_loopback(self) -> bool {
        self.0.starts_with(b"lo\0")
    }

    /// The 16 bytes, NUL padded.
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// The 16 bytes as one number, the first character most significant.
    pub fn number(self) -> u128 {
        u128::from_be_bytes(self.0)
    }
}

impl std::str::FromStr for InterfaceName {
    type Err = InterfaceNameError;
    fn from_str(name: &str) -> Result<Self, InterfaceNameError> {
        Self::new(name)
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.0.iter().position(|&byte| byte == 0).unwrap_or(16);
        f.write_str(&String::from_utf8_lossy(&self.0[..length]))
    }
}

impl fmt::Debug for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_padded_number() {
        let name = InterfaceName::new("eth0").unwrap();
        assert_eq!(name.number() >> 96, 0x6574_6830);
        assert_eq!(name.number() & ((1 << 96) - 1), 0);
        assert_eq!(name.to_string(), "eth0");
        assert!(InterfaceName::new("lo").unwrap().is_loopback());
        assert!(!InterfaceName::new("lo0").unwrap().is_loopback());
        assert!(!InterfaceName::NONE.is_some());
        assert!(InterfaceName::new("sixteen-bytes-xx").is_err());
        assert!(InterfaceName::new("a\0b").is_err());
    }
}
