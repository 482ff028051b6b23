//! Options of IPv4, TCP and DCCP, and chunks of SCTP.

use super::{Extension, Field, field};
use crate::datatype::*;

const fn number(name: &'static str, offset: u32, bits: u32) -> Field {
    field(name, offset, bits, &INTEGER)
}

/// An option of TCP by name. The blocks of `sack` are named by their number.
pub(crate) fn tcp_option(name: &str) -> Option<&'static Extension> {
    let name = match name {
        "mss" => "maxseg",
        "noop" => "nop",
        "sack-permitted" => "sack-perm",
        name => name,
    };
    TCP_OPTIONS.iter().find(|option| option.name == name)
}

/// The name of the option of TCP of a number.
pub(crate) fn tcp_option_name(number: u8) -> Option<&'static str> {
    TCP_OPTIONS.iter().find(|option| option.kind == number).map(|option| option.name)
}

/// The option of TCP and its field that lie at a field's place.
pub(crate) fn tcp_option_field(number: u8, field: &Field) -> Option<(&'static str, &'static str)> {
    let is_it = |known: &&Field| (known.offset, known.bits) == (field.offset, field.bits);
    let mut options = TCP_OPTIONS.iter().filter(|option| option.kind == number);
    options.find_map(|option| {
        let named = option.fields.iter().find(is_it).filter(|field| field.name != "kind")?;
        Some((option.name, named.name))
    })
}

/// The fields that an option of TCP has whatever its kind.
pub(crate) fn tcp_option_raw() -> &'static [Field] {
    COMMON
}

const KIND: Field = number("kind", 0, 8);
const COMMON: &[Field] = &[KIND, number("length", 8, 8)];

static TCP_OPTIONS: &[Extension] = &[
    Extension { name: "eol", kind: 0, fields: &[KIND] },
    Extension { name: "nop", kind: 1, fields: &[KIND] },
    Extension { name: "maxseg", kind: 2, fields: &[COMMON[0], COMMON[1], number("size", 16, 16)] },
    Extension { name: "window", kind: 3, fields: &[COMMON[0], COMMON[1], number("count", 16, 8)] },
    Extension { name: "sack-perm", kind: 4, fields: COMMON },
    Extension { name: "sack", kind: 5, fields: SACK0 },
    Extension { name: "sack0", kind: 5, fields: SACK0 },
    Extension { name: "sack1", kind: 5, fields: SACK1 },
    Extension { name: "sack2", kind: 5, fields: SACK2 },
    Extension { name: "sack3", kind: 5, fields: SACK3 },
    Extension { name: "echo", kind: 6, fields: COMMON },
    Extension { name: "timestamp", kind: 8, fields: TIMESTAMP },
    Extension { name: "md5sig", kind: 19, fields: COMMON },
    Extension { name: "mptcp", kind: 30, fields: MPTCP },
    Extension { name: "fastopen", kind: 34, fields: COMMON },
];

const SACK0: &[Field] = &[COMMON[0], COMMON[1], number("left", 16, 32), number("right", 48, 32)];
const SACK1: &[Field] = &[COMMON[0], COMMON[1], number("left", 80, 32), number("right", 112, 32)];
const SACK2: &[Field] = &[COMMON[0], COMMON[1], number("left", 144, 32), number("right", 176, 32)];
const SACK3: &[Field] = &[COMMON[0], COMMON[1], number("left", 208, 32), number("right", 240, 32)];
const TIMESTAMP: &[Field] =
    &[COMMON[0], COMMON[1], number("tsval", 16, 32), number("tsecr", 48, 32)];
const MPTCP: &[Field] = &[COMMON[0], COMMON[1], field("subtype", 16, 4, &MPTCP_SUBTYPE)];

/// An option of IPv4 by name.
pub(crate) fn ip_option(name: &str) -> Option<&'static Extension> {
    IP_OPTIONS.iter().find(|option| option.name == name)
}

/// The name of the option of IPv4 of a number.
pub(crate) fn ip_option_name(number: u8) -> Option<&'static str> {
    IP_OPTIONS.iter().find(|option| option.kind == number).map(|option| option.name)
}

static IP_OPTIONS: &[Extension] = &[
    Extension { name: "lsrr", kind: 131, fields: ROUTE },
    Extension { name: "rr", kind: 7, fields: ROUTE },
    Extension { name: "ssrr", kind: 137, fields: ROUTE },
    Extension {
        name: "ra",
        kind: 148,
        fields: &[number("type", 0, 8), number("length", 8, 8), number("value", 16, 16)],
    },
];

const ROUTE: &[Field] = &[
    number("type", 0, 8),
    number("length", 8, 8),
    number("ptr", 16, 8),
    field("addr", 24, 32, &IPV4_ADDRESS),
];

/// The field of an option of DCCP that is asked for its presence.
pub(crate) fn dccp_option() -> Field {
    number("type", 0, 8)
}

/// A chunk of SCTP by name.
pub(crate) fn sctp_chunk(name: &str) -> Option<&'static Extension> {
    SCTP_CHUNKS.iter().find(|chunk| chunk.name == name)
}

/// The name of the chunk of SCTP of a number.
pub(crate) fn sctp_chunk_name(number: u8) -> Option<&'static str> {
    SCTP_CHUNKS.iter().find(|chunk| chunk.kind == number).map(|chunk| chunk.name)
}

const TYPE: Field = number("type", 0, 8);
const FLAGS: Field = number("flags", 8, 8);
const LENGTH: Field = number("length", 16, 16);
const PLAIN: &[Field] = &[TYPE, FLAGS, LENGTH];

static SCTP_CHUNKS: &[Extension] = &[
    Extension { name: "data", kind: 0, fields: DATA },
    Extension { name: "init", kind: 1, fields: INIT },
    Extension { name: "init-ack", kind: 2, fields: INIT },
    Extension { name: "sack", kind: 3, fields: SACK },
    Extension { name: "heartbeat", kind: 4, fields: PLAIN },
    Extension { name: "heartbeat-ack", kind: 5, fields: PLAIN },
    Extension { name: "abort", kind: 6, fields: PLAIN },
    Extension { name: "shutdown", kind: 7, fields: SHUTDOWN },
    Extension { name: "shutdown-ack", kind: 8, fields: PLAIN },
    Extension { name: "error", kind: 9, fields: PLAIN },
    Extension { name: "cookie-echo", kind: 10, fields: PLAIN },
    Extension { name: "cookie-ack", kind: 11, fields: PLAIN },
    Extension { name: "ecne", kind: 12, fields: LOWEST },
    Extension { name: "cwr", kind: 13, fields: LOWEST },
    Extension { name: "shutdown-complete", kind: 14, fields: PLAIN },
    Extension { name: "asconf-ack", kind: 128, fields: NUMBERED },
    Extension { name: "forward-tsn", kind: 192, fields: FORWARD },
    Extension { name: "asconf", kind: 193, fields: NUMBERED },
];

const DATA: &[Field] = &[
    TYPE,
    FLAGS,
    LENGTH,
    number("tsn", 32, 32),
    number("stream", 64, 16),
    number("ssn", 80, 16),
    number("ppid", 96, 32),
];
const INIT: &[Field] = &[
    TYPE,
    FLAGS,
    LENGTH,
    number("init-tag", 32, 32),
    number("a-rwnd", 64, 32),
    number("num-outbound-streams", 96, 16),
    number("num-inbound-streams", 112, 16),
    number("initial-tsn", 128, 32),
];
const SACK: &[Field] = &[
    TYPE,
    FLAGS,
    LENGTH,
    number("cum-tsn-ack", 32, 32),
    number("a-rwnd", 64, 32),
    number("num-gap-ack-blocks", 96, 16),
    number("num-dup-tsns", 112, 16),
];
const SHUTDOWN: &[Field] = &[TYPE, FLAGS, LENGTH, number("cum-tsn-ack", 32, 32)];
const LOWEST: &[Field] = &[TYPE, FLAGS, LENGTH, number("lowest-tsn", 32, 32)];
const NUMBERED: &[Field] = &[TYPE, FLAGS, LENGTH, number("seqno", 32, 32)];
const FORWARD: &[Field] = &[TYPE, FLAGS, LENGTH, number("new-cum-tsn", 32, 32)];
