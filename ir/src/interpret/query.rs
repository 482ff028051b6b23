//! What objects answer.

use super::Run;
use super::recent::Sight;
use crate::limit::Credits;
use crate::{Object, ObjectKind, Query};

impl Run<'_, '_, '_> {
    /// Asks an object; none where there is no such object or it cannot be asked so.
    pub(super) fn query(
        &mut self,
        object: Object,
        query: &Query,
        arguments: &[u128],
    ) -> Option<bool> {
        let arrival = self.packet.packet().arrival;
        let length = u64::from(self.packet.length());
        let (kind, state) = self.environment.objects.get_mut(object)?.as_mut()?;
        match (query, &*kind) {
            (Query::Take, &ObjectKind::Limit { average, burst }) => {
                let limit = Credits::new(average, burst, arrival.ticks_per_second)?;
                let taken = limit.take(*state, arrival.ticks);
                *state = taken.unwrap_or(*state);
                Some(taken.is_some())
            }
            (Query::Take, &ObjectKind::Quota { bytes }) => {
                let enough = *state + length <= bytes;
                *state = if enough { *state + length } else { bytes };
                Some(enough)
            }
            (Query::Recent(query), ObjectKind::Recent(list)) => {
                let &[address, ttl] = arguments else { return None };
                let (now, hertz) = (arrival.ticks, arrival.ticks_per_second);
                let sight = Sight { address, ttl: ttl as u8, now, hertz };
                Some(self.environment.seen[object].ask(list, query, &sight))
            }
            _ => None,
        }
    }
}
