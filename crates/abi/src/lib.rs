//! The words that netfilter and its users have for what every crate here speaks of: families,
//! hooks and verdicts, with what the kernel fixes of them, and how their texts, which are bytes,
//! stand in strings ([`raw`]).
//!
//! This crate depends on none of the others, so that the IR, the artifact, packets and the runtime
//! mean the same types. Artifacts, pins and the text form of the IR hold the words: a word never
//! changes.

mod family;
mod hook;
pub mod raw;
mod table_family;
mod verdict;
mod words;

pub use family::{Family, PacketFamily};
pub use hook::Hook;
pub use table_family::TableFamily;
pub use verdict::{Reject, Verdict};
pub use words::UnknownWord;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_hold_the_same_words_as_texts() {
        for family in Family::ALL {
            assert_eq!(serde_json::to_string(&family).unwrap(), format!("\"{family}\""));
        }
        for family in TableFamily::ALL {
            assert_eq!(serde_json::to_string(&family).unwrap(), format!("\"{family}\""));
        }
        for hook in Hook::ALL {
            assert_eq!(serde_json::to_string(&hook).unwrap(), format!("\"{hook}\""));
            assert_eq!(hook.to_string().parse(), Ok(hook));
        }
        assert_eq!("ip5".parse::<Family>(), Err(UnknownWord("ip5".to_owned())));
    }
}
