//! What the kernel knows of a packet beside its bytes, as tables: keys of `meta`, `ct`, `rt`,
//! `socket` and `ipsec`, each with the kernel's number and name.

pub(crate) mod meta;
mod state;

pub use meta::MetaKey;
pub use state::Key;
pub(crate) use state::{CT_L3PROTOCOL, ct_key, rt_key, socket_key, xfrm_key};
pub(crate) use state::{ct_key_of, rt_key_of, socket_key_of, xfrm_key_of};
