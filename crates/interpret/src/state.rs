//! What states without a key yield.

use crate::Run;
use crate::query::nanoseconds;
use bpfc_ir::{Moment, State};

impl Run<'_, '_, '_> {
    pub(crate) fn moment(&self) -> Moment {
        let arrival = self.packet.packet().arrival;
        Moment {
            ticks: arrival.ticks,
            ticks_per_second: arrival.ticks_per_second,
            nanoseconds: nanoseconds(arrival),
            length: self.packet.length(),
        }
    }

    /// Takes from a state; none for one that the program does not define.
    pub(crate) fn take(&mut self, state: State) -> Option<u32> {
        let kind = &self.program.states.get(state)?.kind;
        let now = self.moment();
        Some(kind.take(&mut self.environment.states[state], &now))
    }
}
