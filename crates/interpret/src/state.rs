//! What states without a key yield.

use crate::Run;
use crate::query::nanoseconds;
use bpfc_ir::state::tick_bucket::Credits;
use bpfc_ir::{State, StateKind};

impl Run<'_, '_, '_> {
    /// Takes from a state; none for one that the program does not define, or whose rate the
    /// kernel of the packet would not take.
    pub(crate) fn take(&mut self, state: State) -> Option<u32> {
        let arrival = self.packet.packet().arrival;
        let length = self.packet.length();
        let kind = &self.program.states.get(state)?.kind;
        let value = &mut self.environment.states[state];
        let taken = match kind {
            StateKind::TickBucket(bucket) => {
                Credits::new(bucket, arrival.ticks_per_second)?.take(*value, arrival.ticks)
            }
            StateKind::NanosecondBucket(bucket) => {
                bucket.take(*value, nanoseconds(arrival), length)
            }
            StateKind::Quota { bytes } => {
                let used = *value + u64::from(length);
                let enough = used <= *bytes;
                *value = used.min(*bytes);
                return Some(enough.into());
            }
            StateKind::Cycle { period, .. } => {
                *value = (*value + 1) % u64::from((*period).max(1));
                return Some(*value as u32);
            }
        };
        *value = taken.unwrap_or(*value);
        Some(taken.is_some().into())
    }
}
