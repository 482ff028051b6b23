//! nft's numbers of datatypes, which the kernel keeps for it (include/datatype.h there).

use crate::datatype::{BITS as BITS_TYPE, *};

/// The bits of a number that name one part of a concatenation.
const WIDTH: u32 = 6;

/// The datatypes of a key or of a map's data: one, or those of a concatenation. A number has room
/// for five of them.
pub(super) fn parts(number: u32, count: usize) -> Vec<&'static Datatype> {
    let part = |at: usize| match WIDTH as usize * (count - 1 - at) {
        shift @ ..=24 => datatype(number >> shift & ((1 << WIDTH) - 1)),
        _ => &INTEGER,
    };
    (0..count).map(part).collect()
}

/// How many parts a number names.
pub(super) fn count(number: u32) -> usize {
    (u32::BITS - number.leading_zeros()).div_ceil(WIDTH).max(1) as usize
}

/// The datatype of a number; bytes of which no more is known are an integer.
fn datatype(number: u32) -> &'static Datatype {
    match number {
        2 => &NETFILTER_PROTOCOL,
        3 => &BITS_TYPE,
        5 => &STRING,
        6 => &LINK_ADDRESS,
        7 => &IPV4_ADDRESS,
        8 => &IPV6_ADDRESS,
        9 => &ETHER_ADDRESS,
        10 => &ETHER_TYPE,
        11 => &ARP_OPERATION,
        12 => &PROTOCOL,
        13 => &SERVICE,
        14 => &ICMP_TYPE,
        15 => &TCP_FLAGS,
        16 => &DCCP_TYPE,
        17 => &MOBILITY_TYPE,
        18 => &DURATION,
        19 => &MARK,
        20 => &INTERFACE_INDEX,
        21 => &INTERFACE_TYPE,
        22 => &REALM,
        23 => &CLASS_ID,
        24 => &USER,
        25 => &GROUP,
        26 => &CT_STATE,
        27 => &CT_DIRECTION,
        28 => &CT_STATUS,
        29 => &ICMPV6_TYPE,
        30 => &CT_LABEL,
        31 => &PACKET_TYPE,
        32 => &ICMP_CODE,
        33 => &ICMPV6_CODE,
        34 => &ICMPX_CODE,
        35 => &DEVICE_GROUP,
        36 => &DSCP,
        37 => &ECN,
        38 => &FIB_TYPE,
        39 => &BOOLEAN,
        40 => &CT_EVENT,
        41 => &INTERFACE_NAME,
        42 => &IGMP_TYPE,
        43 => &DATE,
        44 => &HOUR,
        45 => &DAY,
        46 => &CGROUP_PATH,
        _ => &INTEGER,
    }
}
