//! Target extensions, one module each. ACCEPT, DROP, RETURN, jumps and gotos are no extensions:
//! [`crate::model::Target`] has them.

pub mod classify;
pub mod connmark;
pub mod ecn;
mod header;
pub mod log;
pub mod mark;
pub mod nflog;
pub mod reject;
pub mod set;
pub mod tcpmss;
pub mod tcpoptstrip;
pub mod tos;
pub mod trace;
pub mod ttl;

use crate::{Options, Problem};
use bpfc_ir::raw;

/// A log prefix as iptables reads it into a buffer of `buffer` bytes, NUL included: what does not
/// fit is cut off.
fn prefix(options: &Options<'_>, id: &str, buffer: usize) -> Result<String, Problem> {
    let Some(given) = options.get(id) else { return Ok(String::new()) };
    let text = given.text();
    if text.is_empty() {
        return Err(given.bad("a prefix cannot be empty"));
    }
    if text.contains('\n') {
        return Err(given.bad("a prefix cannot hold a line break"));
    }
    Ok(raw::cut(text, buffer - 1).into_owned())
}
