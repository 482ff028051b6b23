//! Effects that take more than a few instructions: log records, TCP options that go, room for what
//! is inserted.

pub(crate) mod front;
pub(crate) mod log;
pub(crate) mod strip;
