//! Reads `struct xt_conntrack_mtinfo1` to 3 and `struct xt_state_info`
//! (include/uapi/linux/netfilter/xt_conntrack.h, xt_state.h).
//!
//! Revision 1 has byte-wide masks; revisions 1 and 2 have one port in network order where 3 has a
//! range in the machine's.

use super::conntrack_test::{Bits, Conntrack, TupleAddress, state_bit};
use super::ports::PortRange;
use crate::{DecodeCx, Fields, Match};
use std::sync::Arc;

/// `XT_CONNTRACK_*` flags by what they ask for.
mod flag {
    pub const STATE: u16 = 1 << 0;
    pub const PROTO: u16 = 1 << 1;
    pub const ADDRESSES: [u16; 4] = [1 << 2, 1 << 3, 1 << 4, 1 << 5];
    pub const STATUS: u16 = 1 << 6;
    pub const EXPIRES: u16 = 1 << 7;
    pub const PORTS: [u16; 4] = [1 << 8, 1 << 9, 1 << 10, 1 << 11];
    pub const DIRECTION: u16 = 1 << 12;
    pub const STATE_ALIAS: u16 = 1 << 13;
    pub const ALL: u16 = (1 << 14) - 1;
}

/// The struct of a revision from 1 to 3.
pub fn decode(revision: u8, f: Fields<'_>, cx: &DecodeCx<'_>) -> Result<Arc<dyn Match>, String> {
    let (asked, inverted) = (f.u16(146), f.u16(148));
    if (asked | inverted) & !flag::ALL != 0 {
        return Err(format!("unknown flags {:#x}", asked | inverted));
    }
    if asked & flag::EXPIRES != 0 {
        return Err("the lifetime of a connection (--ctexpire) cannot be seen".to_owned());
    }
    let has = |flag: u16| asked & flag != 0;
    let invert = |flag: u16| inverted & flag != 0;
    let (states, statuses) = match revision {
        1 => (f.u8(150).into(), f.u8(151).into()),
        _ => (f.u16(150), f.u16(152)),
    };
    let mut made = Conntrack::empty(cx.family);
    made.alias = has(flag::STATE_ALIAS);
    made.state = has(flag::STATE).then(|| Bits { mask: states, invert: invert(flag::STATE) });
    made.status = has(flag::STATUS).then(|| Bits { mask: statuses, invert: invert(flag::STATUS) });
    made.protocol = has(flag::PROTO).then(|| (f.u16(136), invert(flag::PROTO)));
    made.reply = has(flag::DIRECTION).then(|| invert(flag::DIRECTION));
    for (index, &bit) in flag::ADDRESSES.iter().enumerate() {
        made.addresses[index] = has(bit).then(|| TupleAddress {
            address: f.address(cx.family, 32 * index),
            mask: f.address(cx.family, 32 * index + 16),
            invert: invert(bit),
        });
    }
    for (index, &bit) in flag::PORTS.iter().enumerate() {
        let at = 138 + 2 * index;
        let (low, high) = match revision {
            3 => (f.u16(at), f.u16(154 + 2 * index)),
            _ => (f.be16(at), f.be16(at)),
        };
        made.ports[index] = has(bit).then(|| PortRange { low, high, invert: invert(bit) });
    }
    Ok(Arc::new(made))
}

/// `struct xt_state_info`: one mask, in which bit 6 is UNTRACKED.
pub fn decode_state(f: Fields<'_>, cx: &DecodeCx<'_>) -> Result<Arc<dyn Match>, String> {
    let mask = f.u32(0);
    let untracked = if mask & (1 << 6) != 0 { state_bit::UNTRACKED } else { 0 };
    let mut made = Conntrack::empty(cx.family);
    made.alias = true;
    made.state = Some(Bits { mask: (mask & 0x0f) as u16 | untracked, invert: false });
    Ok(Arc::new(made))
}
