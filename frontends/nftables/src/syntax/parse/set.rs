//! Sets, maps and their elements.

use super::super::ast::*;
use super::super::lexer::TokenKind;
use super::command::object_kind;
use super::expression::Side;
use super::{Parsed, Parser};
use crate::model::SetFlags;

impl Parser<'_> {
    /// A set or map: its name and block.
    pub(super) fn set_block(&mut self, is_map: bool) -> Parsed<Set> {
        let name = self.name(if is_map { "the name of a map" } else { "the name of a set" })?;
        let mut set = Set {
            name,
            is_map,
            key: None,
            data: None,
            flags: SetFlags::default(),
            auto_merge: false,
            timeout: None,
            gc_interval: None,
            size: None,
            statements: Vec::new(),
            comment: None,
            elements: None,
            is_broken: false,
        };
        let errors = self.errors;
        self.block(|parser| parser.set_line(&mut set))?;
        set.is_broken = self.errors > errors;
        Ok(set)
    }

    fn set_line(&mut self, set: &mut Set) -> Parsed<()> {
        match self.word() {
            "type" => {
                self.advance();
                set.key = Some(SetType::Named(self.type_names()?));
                self.map_data(set, false)?;
            }
            "typeof" => {
                self.advance();
                set.key = Some(SetType::Of(self.typeof_expression()?));
                self.map_data(set, true)?;
            }
            "flags" => {
                self.advance();
                loop {
                    let words = ["constant", "interval", "timeout", "dynamic"];
                    match self.one_of(&words, "a flag of a set")? {
                        "constant" => set.flags.constant = true,
                        "interval" => set.flags.interval = true,
                        "timeout" => set.flags.timeout = true,
                        _ => set.flags.dynamic = true,
                    }
                    if !self.take_sign(",") {
                        break;
                    }
                }
            }
            "timeout" => {
                self.advance();
                set.timeout = Some(self.duration()?);
            }
            "gc-interval" => {
                self.advance();
                set.gc_interval = Some(self.duration()?);
            }
            "elements" => {
                self.advance();
                self.expect_sign("=")?;
                set.elements = Some(self.set_or_variable()?);
                return Ok(());
            }
            "auto-merge" => {
                self.advance();
                set.auto_merge = true;
                return Ok(());
            }
            "policy" => {
                self.advance();
                self.one_of(&["performance", "memory"], "a policy of sets")?;
            }
            "size" => {
                self.advance();
                set.size = Some(self.number32()?);
            }
            "comment" => set.comment = self.comment()?,
            _ => {
                while let Some(statement) = self.stateful()? {
                    set.statements.push(statement);
                }
                if set.statements.is_empty() {
                    return Err(self.unexpected("what a set holds, such as `type` or `elements`"));
                }
            }
        }
        self.separator_in_block()
    }

    fn type_names(&mut self) -> Parsed<Vec<Name>> {
        let mut names = Vec::new();
        loop {
            let span = self.span();
            let is_type = |word: &str| {
                !super::words::is_reserved(word)
                    || ["time", "mark", "ecn", "hour", "day"].contains(&word)
            };
            match &self.token().kind {
                TokenKind::Word(word) if is_type(word) => {
                    names.push(Name { text: word.clone(), span });
                }
                _ => return Err(self.unexpected("a datatype")),
            }
            self.advance();
            if !self.take_sign(".") {
                return Ok(names);
            }
        }
    }

    fn typeof_expression(&mut self) -> Parsed<Expr> {
        let start = self.span();
        let mut parts = vec![self.selector_expression()?];
        while self.take_sign(".") {
            parts.push(self.selector_expression()?);
        }
        let span = self.since(start);
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => Expr { kind: ExprKind::Concat(parts), span },
        })
    }

    /// What stands behind the colon of a map's type.
    fn map_data(&mut self, set: &mut Set, is_typeof: bool) -> Parsed<()> {
        if !set.is_map {
            return Ok(());
        }
        self.expect_sign(":")?;
        let word = self.word().to_owned();
        set.data = Some(match word.as_str() {
            "counter" | "quota" | "limit" => {
                self.advance();
                MapData::Object(object_kind(&word))
            }
            "secmark" | "synproxy" | "queue" => {
                return Err(crate::outside::outside(&word, self.span()));
            }
            "ct" if self.word_ahead(1) == "timeout" || self.word_ahead(1) == "expectation" => {
                return Err(crate::outside::outside(self.word_ahead(1), self.span()));
            }
            _ => {
                let is_range = self.take_word("interval");
                let is_verdict = self.word() == "verdict";
                let data = match is_typeof && !is_verdict {
                    true => SetType::Of(self.typeof_expression()?),
                    false => SetType::Named(self.type_names()?),
                };
                MapData::Type { data, is_range }
            }
        });
        Ok(())
    }

    pub(super) fn set_or_variable(&mut self) -> Parsed<Expr> {
        if self.is_sign("$") { self.variable() } else { self.set_expression() }
    }

    /// `{ a, b : c }`.
    pub(super) fn set_expression(&mut self) -> Parsed<Expr> {
        let start = self.span();
        self.expect_sign("{")?;
        let items = self.nested(|parser| {
            let mut items = Vec::new();
            loop {
                parser.skip_newlines();
                if parser.take_sign("}") {
                    return Ok(items);
                }
                items.push(parser.set_item()?);
                parser.skip_newlines();
                if !parser.take_sign(",") && !parser.is_sign("}") {
                    return Err(parser.unexpected("`,` or `}`"));
                }
            }
        })?;
        Ok(Expr { kind: ExprKind::Set(items), span: self.since(start) })
    }

    fn set_item(&mut self) -> Parsed<SetItem> {
        let start = self.span();
        let key = match () {
            () if self.take_sign("*") => None,
            () if self.is_sign("{") => Some(self.set_expression()?),
            () => Some(self.concat(Side::Right)?),
        };
        let mut statements = Vec::new();
        while let Some(statement) = self.stateful()? {
            statements.push(statement);
        }
        let options = self.item_options()?;
        while let Some(statement) = self.stateful()? {
            statements.push(statement);
        }
        self.skip_newlines();
        let data = match self.take_sign(":") {
            true => {
                self.skip_newlines();
                Some(Box::new(match self.verdict()? {
                    Some(verdict) => verdict,
                    None => self.concat(Side::Right)?,
                }))
            }
            false => None,
        };
        let is_plain = statements.is_empty() && options.is_none();
        let more = (!is_plain).then(|| Box::new(ItemMore { options, statements }));
        Ok(SetItem { key, data, more, span: self.since(start) })
    }

    /// What may stand behind a key: how long it lives, and a comment.
    pub(super) fn item_options(&mut self) -> Parsed<ItemOptions> {
        let mut options = ItemOptions::default();
        loop {
            match self.word() {
                "timeout" => {
                    self.advance();
                    options.timeout = Some(match self.take_word("never") {
                        true => 0,
                        false => self.duration()?,
                    });
                }
                "expires" => {
                    self.advance();
                    options.expires = Some(self.duration()?);
                }
                "comment" => options.comment = self.comment()?,
                _ => return Ok(options),
            }
        }
    }
}
