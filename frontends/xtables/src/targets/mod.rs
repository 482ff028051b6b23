//! Target extensions, one module each. ACCEPT, DROP, RETURN, jumps and gotos are no extensions:
//! [`crate::model::Target`] has them.

pub mod classify;
pub mod connmark;
pub mod ecn;
mod header;
pub mod mark;
pub mod reject;
pub mod tcpmss;
pub mod tos;
pub mod ttl;
