//! Objects and what is asked of them.

use super::{Parser, Result};
use crate::text::lexer::Token;
use crate::{ObjectDef, ObjectKind, Op, Query};

impl Parser {
    /// What stands after `objectN =`.
    pub(super) fn object_def(&mut self) -> Result<ObjectDef> {
        let name = match self.peek() {
            Token::Text(_) => self.string("a name")?,
            _ => String::new(),
        };
        Ok(ObjectDef { name, kind: self.object_kind()? })
    }

    fn object_kind(&mut self) -> Result<ObjectKind> {
        if self.eat_word("limit") {
            self.keyword("average")?;
            let average = self.number("a packet's time")?;
            self.keyword("burst")?;
            Ok(ObjectKind::Limit { average, burst: self.number("a number of packets")? })
        } else if self.eat_word("quota") {
            Ok(ObjectKind::Quota { bytes: self.number("a number of bytes")? })
        } else {
            self.expected("a kind of object")
        }
    }

    /// What stands after `query`.
    pub(super) fn query(&mut self) -> Result<Op> {
        let object = self.object()?;
        let query = if self.eat_word("take") {
            Query::Take
        } else {
            return self.expected("a query");
        };
        self.punct("(")?;
        let mut arguments = Vec::new();
        if !self.eat(")") {
            arguments.push(self.value()?);
            while self.eat(",") {
                arguments.push(self.value()?);
            }
            self.punct(")")?;
        }
        Ok(Op::Query(object, query, arguments))
    }
}
