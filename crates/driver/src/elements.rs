//! Elements of nft's sets as texts: what listing and changing those of a loaded filter takes.

pub use bpfc_nftables::{ReadElement, SetBlock, Values, bytes, read_elements, time};
