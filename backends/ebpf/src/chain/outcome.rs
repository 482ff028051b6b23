//! Return values of a chain.

/// Control continues after the call.
pub const RETURN: i32 = 0;
/// The packet is accepted by the base chain.
pub const ACCEPT: i32 = 1;
/// The packet is dropped.
pub const DROP: i32 = 2;
/// A segment's end: control continues in the chain's next segment, at its first block.
pub const NEXT: i32 = 3;
/// The packet is rejected: this and more, by what its sender is told.
pub const REJECT: i32 = 0x100;
/// With a TCP reset; with an ICMP error of code C it is [`REJECT`] and C.
pub const TCP_RESET: i32 = 0x1ff;

/// A segment's end where chains are no sequence of segments: this and the number, among all entries
/// of the chain's segments, of that where control continues.
pub const ENTRY: i32 = 0x1_0000;

/// The outcome of a verdict.
pub fn of_verdict(verdict: bpfc_ir::Verdict) -> i32 {
    match verdict {
        bpfc_ir::Verdict::Accept => ACCEPT,
        bpfc_ir::Verdict::Drop => DROP,
        bpfc_ir::Verdict::Reject(reject) => of_reject(reject),
    }
}

/// The outcome of a rejection.
pub fn of_reject(reject: bpfc_ir::Reject) -> i32 {
    match reject {
        bpfc_ir::Reject::TcpReset => TCP_RESET,
        bpfc_ir::Reject::Icmp(code) => REJECT | i32::from(code),
    }
}
