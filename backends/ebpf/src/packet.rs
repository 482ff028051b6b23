//! What a program knows of a packet: which of it rules need, where it lies in `struct bpfc_packet`,
//! and how bytes get there.

pub mod layout;
pub mod linear;
pub mod needs;
pub(crate) mod region;
