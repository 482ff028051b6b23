//! How a vocabulary is written: one word for each value, both ways.

use std::fmt;

/// A word that is none of a vocabulary's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord(pub String);

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown word '{}'", self.0)
    }
}

impl std::error::Error for UnknownWord {}

/// Gives an enum without fields the words of its values: `Display` writes them, `FromStr` reads
/// them, and `ALL` lists the values in the order of the words.
#[macro_export]
macro_rules! words {
    ($ty:ident { $($variant:ident => $word:literal),* $(,)? }) => {
        impl ::std::fmt::Display for $ty {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(match self { $($ty::$variant => $word),* })
            }
        }
        impl ::std::str::FromStr for $ty {
            type Err = $crate::UnknownWord;
            fn from_str(s: &str) -> Result<Self, $crate::UnknownWord> {
                match s {
                    $($word => Ok($ty::$variant),)*
                    _ => Err($crate::UnknownWord(s.to_owned())),
                }
            }
        }
        impl $ty {
            /// Every value, in order.
            pub const ALL: [$ty; [$($ty::$variant),*].len()] = [$($ty::$variant),*];
        }
    };
}
