//! Tables and, in a section of their own behind the program, what is in them.

use super::{Parser, Result};
use crate::text::ParseError;
use crate::text::lexer::Token;
use crate::{
    Element, Elements, Expiry, FieldDef, KeyPart, Life, Onward, Program, Shape, Table, TableDef,
    Timeout, Type,
};

impl Parser {
    /// What stands after `tableN =`.
    pub(super) fn table_def(&mut self) -> Result<TableDef> {
        let name = match self.peek() {
            Token::Text(_) => self.string("a name")?,
            _ => String::new(),
        };
        self.keyword("key")?;
        let key = self.list(Self::key_part)?.into();
        let fields = match self.eat_word("fields") {
            true => self.list(Self::field_def)?.into(),
            false => Vec::new(),
        };
        self.keyword("capacity")?;
        let capacity = self.number("a number of elements")?;
        let is_dynamic = self.eat_word("dynamic");
        let mut idle = None;
        if self.eat_word("idle") {
            idle = Some(self.number("a number of milliseconds")?);
            self.keyword("collect")?;
        } else if !self.eat_word("collect") {
            return Ok(TableDef { name, key, fields, capacity, expiry: None, is_dynamic });
        }
        let collect = self.number("a number of milliseconds")?;
        let expiry = match idle {
            Some(idle) => Expiry::Idle { idle, collect },
            None => Expiry::Own { collect },
        };
        Ok(TableDef { name, key, fields, capacity, expiry: Some(expiry), is_dynamic })
    }

    fn key_part(&mut self) -> Result<KeyPart> {
        let ty: Type = self.word("a type")?;
        let shape = match self.peek_word() {
            Some("prefix") => Shape::Prefix,
            Some("range") => Shape::Range,
            _ => return Ok(KeyPart { ty, shape: Shape::Exact }),
        };
        self.advance();
        Ok(KeyPart { ty, shape })
    }

    fn field_def(&mut self) -> Result<FieldDef> {
        if self.eat_word("state") {
            let kind = self.state_kind()?;
            let onward = match self.eat_word("onward") {
                true if self.eat_word("enough") => Onward::Enough,
                true => {
                    self.keyword("lacking")?;
                    Onward::Lacking
                }
                false => Onward::All,
            };
            return Ok(FieldDef::State(kind, onward));
        }
        if !self.eat_word("verdict") {
            return self.word("a type").map(FieldDef::Data);
        }
        let mut names = vec![self.string("a verdict's name")?];
        while matches!(self.peek(), Token::Text(_)) {
            names.push(self.string("a verdict's name")?);
        }
        Ok(FieldDef::Verdict(names))
    }

    /// What stands after `contents`.
    pub(super) fn contents(&mut self, program: &Program) -> Result<(Table, Elements)> {
        let at = self.at();
        let table = self.table()?;
        let Some(def) = program.tables.get(table) else {
            return Err(ParseError::new(at, format!("{table} is not defined")));
        };
        self.punct("{")?;
        let mut elements = Vec::new();
        while self.eat("{") {
            let key = self.list(Self::ends)?.into();
            let fields = match self.eat(":") {
                true => self.list(|parser| parser.number("a field"))?.into(),
                false => Vec::new(),
            };
            let life = match self.eat_word("timeout") {
                true => {
                    let timeout = self.number("a number of milliseconds")?;
                    self.keyword("left")?;
                    Some(Life { timeout, left: self.number("a number of milliseconds")? })
                }
                false => None,
            };
            self.punct("}")?;
            elements.push(Element { key, fields, life });
        }
        self.punct("}")?;
        let elements = Elements::new(def, elements);
        let elements = elements.map_err(|error| ParseError::new(at, error.to_string()))?;
        Ok((table, elements))
    }

    /// How long an element lives that a packet adds; 0 where nothing says so.
    pub(super) fn timeout(&mut self) -> Result<Timeout> {
        if !self.eat_word("timeout") {
            return Ok(Timeout::NEVER);
        }
        let at = self.at();
        let timeout = Timeout::new(self.number("a number of milliseconds")?);
        timeout.ok_or_else(|| ParseError::new(at, "no such timeout".to_owned()))
    }

    fn ends(&mut self) -> Result<(u128, u128)> {
        let low = self.number("a number")?;
        let high = if self.eat("..") { self.number("the end of a range")? } else { low };
        Ok((low, high))
    }
}
