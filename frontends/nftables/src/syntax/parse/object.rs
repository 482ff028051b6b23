//! Objects, and the statements with a state that they hold.

use super::super::ast::*;
use super::super::lexer::TokenKind;
use super::{Parsed, Parser};
use crate::model::ObjectKind;

impl Parser<'_> {
    /// An object: its name, and its state behind it or in a block.
    pub(super) fn object(&mut self, kind: ObjectKind) -> Parsed<Object> {
        let name = self.name("the name of an object")?;
        let mut object = Object { kind, name, statement: None, comment: None };
        if !self.is_sign("{") {
            if !self.is_separator() && !self.is_end() {
                object.statement = Some(self.state(kind)?);
            }
            return Ok(object);
        }
        self.block(|parser| {
            match parser.word() {
                "comment" => object.comment = parser.comment()?,
                _ => object.statement = Some(parser.state(kind)?),
            }
            if parser.is_sign("}") { Ok(()) } else { parser.separator_in_block() }
        })?;
        Ok(object)
    }

    /// The state of an object, without the word that names its kind.
    fn state(&mut self, kind: ObjectKind) -> Parsed<Statement> {
        let start = self.span();
        let kind = match kind {
            ObjectKind::Counter => {
                self.expect_word("packets")?;
                let packets = self.number(u64::MAX)?;
                self.expect_word("bytes")?;
                StatementKind::Counter { packets, bytes: self.number(u64::MAX)? }
            }
            ObjectKind::Quota => self.quota()?,
            ObjectKind::Limit => self.limit()?,
        };
        Ok(Statement { kind, span: self.since(start) })
    }

    /// A statement with a state, where one stands here: such as sets' elements may have.
    pub(super) fn stateful(&mut self) -> Parsed<Option<Statement>> {
        let start = self.span();
        let kind = match self.word() {
            "counter" => {
                self.advance();
                let (mut packets, mut bytes) = (0, 0);
                loop {
                    if self.take_word("packets") {
                        packets = self.number(u64::MAX)?;
                    } else if self.take_word("bytes") {
                        bytes = self.number(u64::MAX)?;
                    } else {
                        break StatementKind::Counter { packets, bytes };
                    }
                }
            }
            "limit" => {
                self.advance();
                self.limit()?
            }
            "quota" => {
                self.advance();
                self.quota()?
            }
            "last" => {
                self.advance();
                let used = match self.take_word("used") {
                    true if self.take_word("never") => None,
                    true => Some(self.duration()?),
                    false => None,
                };
                StatementKind::Last { used }
            }
            "ct" if self.word_ahead(1) == "count" => {
                self.advance();
                self.advance();
                let is_over = self.take_word("over");
                StatementKind::Connlimit { count: self.number32()?, is_over }
            }
            _ => return Ok(None),
        };
        Ok(Some(Statement { kind, span: self.since(start) }))
    }

    /// `rate over 10 mbytes/second burst 5 kbytes`.
    fn limit(&mut self) -> Parsed<StatementKind> {
        self.expect_word("rate")?;
        let is_over = self.mode();
        let mut rate = self.number(u64::MAX)?;
        // A unit of bytes and the time are one word with a slash in it.
        let words = match self.take_sign("/") {
            true => format!("/{}", self.word()),
            false => self.word().to_owned(),
        };
        let (bytes, time) = match words.split_once('/') {
            Some((bytes, time)) if !time.is_empty() => (bytes.to_owned(), time.to_owned()),
            _ => {
                let bytes = words.trim_end_matches('/').to_owned();
                self.advance();
                if !words.ends_with('/') {
                    self.expect_sign("/")?;
                }
                (bytes, self.word().to_owned())
            }
        };
        let factor = match bytes.as_str() {
            "" => None,
            unit => Some(self.factor_of(unit)?),
        };
        rate = match rate.checked_mul(factor.unwrap_or(1)) {
            Some(rate) => rate,
            None => return Err(self.error(self.span(), "the rate is too large")),
        };
        let seconds = match time.as_str() {
            "second" => 1,
            "minute" => 60,
            "hour" => 3600,
            "day" => 86_400,
            "week" => 604_800,
            _ => return Err(self.unexpected("a time: second, minute, hour, day or week")),
        };
        self.advance();
        let mut burst = None;
        if self.take_word("burst") {
            let span = self.span();
            let value = self.number(u32::MAX.into())?;
            let unit = match factor {
                None => {
                    self.expect_word("packets")?;
                    if value == 0 {
                        let message = "the burst of a limit of packets is 1 at least";
                        return Err(self.error(span, message));
                    }
                    1
                }
                Some(_) => self.byte_unit()?,
            };
            match value.checked_mul(unit).and_then(|burst| u32::try_from(burst).ok()) {
                Some(value) => burst = Some(value),
                None => return Err(self.error(span, "the burst is too large")),
            }
        }
        Ok(StatementKind::Limit { rate, seconds, burst, is_bytes: factor.is_some(), is_over })
    }

    /// `over` or `until`, which is the default.
    fn mode(&mut self) -> bool {
        let is_over = self.take_word("over");
        if !is_over {
            self.take_word("until");
        }
        is_over
    }

    fn factor_of(&self, unit: &str) -> Parsed<u64> {
        match unit {
            "bytes" => Ok(1),
            "kbytes" => Ok(1 << 10),
            "mbytes" => Ok(1 << 20),
            _ => Err(self.unexpected("a unit: bytes, kbytes or mbytes")),
        }
    }

    fn byte_unit(&mut self) -> Parsed<u64> {
        let factor = self.factor_of(self.word())?;
        self.advance();
        Ok(factor)
    }

    /// `over 25 mbytes used 10 kbytes`.
    fn quota(&mut self) -> Parsed<StatementKind> {
        let is_over = self.mode();
        let bytes = self.bytes()?;
        let used = if self.take_word("used") { self.bytes()? } else { 0 };
        Ok(StatementKind::Quota { bytes, used, is_over })
    }

    fn bytes(&mut self) -> Parsed<u64> {
        let span = self.span();
        if !matches!(self.token().kind, TokenKind::Number(_)) {
            return Err(self.unexpected("a number"));
        }
        let value = self.number(u64::MAX)?;
        match value.checked_mul(self.byte_unit()?) {
            Some(bytes) => Ok(bytes),
            None => Err(self.error(span, "the number of bytes is too large")),
        }
    }
}
