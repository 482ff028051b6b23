//! Log records.

use super::{Parser, Result};
use crate::{Log, LogKind};

impl Parser {
    /// What stands after `log ruleN`.
    pub(super) fn log(&mut self) -> Result<Log> {
        let kind = if self.eat_word("syslog") {
            self.keyword("level")?;
            let level = self.number("a level")?;
            self.keyword("flags")?;
            LogKind::Syslog { level, flags: self.number("flags")? }
        } else if self.eat_word("trace") {
            LogKind::Trace
        } else if self.eat_word("fingerprint") {
            let ttl = match self.eat_word("ttl") {
                true => Some(self.number("a time to live")?),
                false => None,
            };
            LogKind::Fingerprint { ttl }
        } else if self.eat_word("group") {
            let group = self.number("a group")?;
            self.keyword("threshold")?;
            let threshold = self.number("a number of records")?;
            let size = match self.eat_word("size") {
                true => Some(self.number("a number of bytes")?),
                false => None,
            };
            LogKind::Group { group, threshold, size }
        } else {
            return self.expected("a kind of log");
        };
        self.keyword("prefix")?;
        Ok(Log { kind, prefix: self.string("a prefix")? })
    }
}
