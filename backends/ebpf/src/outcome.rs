//! Return values of a chain.

/// Control continues after the call.
pub const RETURN: i32 = 0;
/// The packet is accepted by the base chain.
pub const ACCEPT: i32 = 1;
/// The packet is dropped.
pub const DROP: i32 = 2;
/// A segment's end: control continues in the chain's next segment.
pub const NEXT: i32 = 3;
