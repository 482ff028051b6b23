//! States.

use super::{Parser, Result};
use crate::state::nanosecond_bucket::NanosecondBucket;
use crate::state::tick_bucket::TickBucket;
use crate::state::wide_bucket::{Measure, WideBucket};
use crate::text::lexer::Token;
use crate::{StateDef, StateKind};

impl Parser {
    /// What stands after `stateN =`.
    pub(super) fn state_def(&mut self) -> Result<StateDef> {
        let name = match self.peek() {
            Token::Text(_) => self.string("a name")?,
            _ => String::new(),
        };
        Ok(StateDef { name, kind: self.state_kind()? })
    }

    /// A state's kind, of its own or of a table's elements.
    pub(super) fn state_kind(&mut self) -> Result<StateKind> {
        if self.eat_word("tick-bucket") {
            self.keyword("average")?;
            let average = self.number("a packet's time")?;
            self.keyword("burst")?;
            let burst = self.number("a number of packets")?;
            Ok(StateKind::TickBucket(TickBucket { average, burst }))
        } else if self.eat_word("nanosecond-bucket") {
            let bytes = self.eat_word("bytes");
            if !bytes {
                self.keyword("packets")?;
            }
            let rate = self.number("a rate")?;
            self.keyword("every")?;
            let interval = self.number("a number of nanoseconds")?;
            self.keyword("burst")?;
            let burst = self.number("a burst")?;
            Ok(StateKind::NanosecondBucket(NanosecondBucket { interval, rate, burst, bytes }))
        } else if self.eat_word("wide-bucket") {
            self.wide_bucket().map(StateKind::WideBucket)
        } else if self.eat_word("quota") {
            Ok(StateKind::Quota { bytes: self.number("a number of bytes")? })
        } else if self.eat_word("cycle") {
            let period = self.number("a period")?;
            self.keyword("start")?;
            Ok(StateKind::Cycle { period, start: self.number("a number")? })
        } else if self.eat_word("counter") {
            Ok(StateKind::Counter)
        } else if self.eat_word("last") {
            Ok(StateKind::Last)
        } else {
            self.expected("a kind of state")
        }
    }

    fn wide_bucket(&mut self) -> Result<WideBucket> {
        let measure = if self.eat_word("bytes") {
            Measure::Bytes
        } else {
            self.keyword("packets")?;
            Measure::Packets
        };
        self.keyword("average")?;
        let average = self.number("an average")?;
        self.keyword("burst")?;
        let burst = self.number("a burst")?;
        let interval = match self.eat_word("interval") {
            true => Some(self.number("a number of seconds")?),
            false => None,
        };
        Ok(WideBucket { measure, average, burst, interval })
    }
}
