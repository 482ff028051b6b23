//! Tokens to commands: a recursive-descent parser.
//!
//! After an error it goes on behind the statement, so that all errors of a text are told. Nesting
//! is bounded. Variables are known where they are used, or it is an error, so they stand for the
//! expressions that they were defined as; included files are tokens in place of the line that
//! includes them.

mod block;
mod command;
mod expression;
mod object;
mod outside;
mod selector;
mod set;
mod statement;

use super::ast::{Command, Defined, Expr, ExprKind, Name, Statement};
use super::lexer::{Token, TokenKind, tokens};
use super::words;
use bpfc_diag::{Code, Diagnostic, Diagnostics, FileId, SourceMap, Span};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who finds the files that a ruleset includes.
pub trait Includes {
    /// The files that a path means, in order: one, or those that its pattern matches, registered
    /// with `sources`. `from` is the file that includes them. The error is a sentence's part.
    fn find(
        &mut self,
        path: &str,
        from: FileId,
        sources: &mut SourceMap,
    ) -> Result<Vec<FileId>, String>;
}

/// How deep expressions, blocks and included files may nest.
const DEEPEST: u32 = 64;
const DEEPEST_INCLUDE: u32 = 16;
/// How many errors are told.
const MOST_ERRORS: usize = 100;
/// How large a value may grow by variables in variables.
const LARGEST_VALUE: u64 = 5_000_000;
/// How many variables may stand for each other.
const DEEPEST_VALUE: u32 = 32;

type Parsed<T> = Result<T, Diagnostic>;

/// The commands of a file.
pub(crate) fn parse(
    file: FileId,
    sources: &mut SourceMap,
    includes: &mut dyn Includes,
    diagnostics: &mut Diagnostics,
) -> Vec<Command> {
    let tokens = file_tokens(file, sources, diagnostics);
    let mut parser = Parser {
        tokens,
        at: 0,
        depth: 0,
        included: 0,
        scopes: vec![Scope::new()],
        sources,
        includes,
        diagnostics,
        errors: 0,
    };
    parser.commands()
}

/// The tokens of a file. Carriage returns outside of comments and strings, which nft takes for no
/// blanks, are told once and left out.
fn file_tokens(file: FileId, sources: &SourceMap, diagnostics: &mut Diagnostics) -> Vec<Token> {
    let mut tokens = tokens(file, sources.file(file).text());
    let is_return = |token: &Token| token.kind == TokenKind::Junk('\r');
    if let Some(token) = tokens.iter().find(|token| is_return(token)) {
        let error = Diagnostic::error(
            Code::NFT_SYNTAX,
            Some(token.span),
            "the file has the line ends of DOS (CRLF), which nft does not take",
        );
        diagnostics.push(error.with_help("turn them into line feeds: `sed -i 's/\\r$//' FILE`"));
        tokens.retain(|token| !is_return(token));
    }
    tokens
}

/// The statements that a text is which stands in another language, at `span` of it. Files are not
/// included there.
pub(crate) fn parse_statements(
    text: &str,
    span: Span,
    diagnostics: &mut Diagnostics,
) -> Parsed<Vec<Statement>> {
    let mut tokens = tokens(span.file, text);
    tokens.iter_mut().for_each(|token| token.span = span);
    let mut parser = Parser {
        tokens,
        at: 0,
        depth: 0,
        included: 0,
        scopes: vec![Scope::new()],
        sources: &mut SourceMap::new(),
        includes: &mut Nowhere,
        diagnostics,
        errors: 0,
    };
    // The text is of no file.
    let (statements, _) = parser.statements()?;
    if parser.is_end() { Ok(statements) } else { Err(parser.unexpected("a statement")) }
}

/// Where no files are included.
struct Nowhere;

impl Includes for Nowhere {
    fn find(&mut self, _: &str, _: FileId, _: &mut SourceMap) -> Result<Vec<FileId>, String> {
        Err("files are not included here".to_owned())
    }
}

/// The variables of a block, by name.
type Scope = BTreeMap<String, Arc<Defined>>;

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    included: u32,
    scopes: Vec<Scope>,
    sources: &'a mut SourceMap,
    includes: &'a mut dyn Includes,
    diagnostics: &'a mut Diagnostics,
    errors: usize,
}

impl Parser<'_> {
    fn token(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn ahead(&self, by: usize) -> &TokenKind {
        &self.tokens[(self.at + by).min(self.tokens.len() - 1)].kind
    }

    fn span(&self) -> Span {
        self.token().span
    }

    /// From a place to the end of the last token read.
    fn since(&self, start: Span) -> Span {
        let last = self.tokens[self.at.saturating_sub(1)].span;
        if last.file == start.file && last.end >= start.start { start.to(last) } else { start }
    }

    fn advance(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        while self.token().kind == TokenKind::Included {
            self.included = self.included.saturating_sub(1);
            self.at += 1;
        }
    }

    fn is_end(&self) -> bool {
        self.token().kind == TokenKind::End
    }

    /// The word here, or `""`.
    fn word(&self) -> &str {
        self.word_ahead(0)
    }

    fn word_ahead(&self, by: usize) -> &str {
        match self.ahead(by) {
            TokenKind::Word(word) => word,
            _ => "",
        }
    }

    fn is_sign(&self, sign: &str) -> bool {
        self.is_sign_ahead(0, sign)
    }

    fn is_sign_ahead(&self, by: usize, sign: &str) -> bool {
        matches!(self.ahead(by), TokenKind::Sign(found) if *found == sign)
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let is = self.is_sign(sign);
        if is {
            self.advance();
        }
        is
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is = self.word() == word;
        if is {
            self.advance();
        }
        is
    }

    fn expect_sign(&mut self, sign: &str) -> Parsed<()> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn expect_word(&mut self, word: &str) -> Parsed<()> {
        if self.take_word(word) { Ok(()) } else { Err(self.unexpected(&format!("`{word}`"))) }
    }

    /// One of some words.
    fn one_of(&mut self, words: &[&'static str], what: &str) -> Parsed<&'static str> {
        match words.iter().find(|word| **word == self.word()) {
            Some(word) => {
                self.advance();
                Ok(word)
            }
            None => {
                let error = self.unexpected(what);
                let near = crate::nearest::nearest(&short(self.word()), words.iter().copied());
                Err(match near {
                    Some(near) => error.with_help(format!("did you mean `{near}`?")),
                    None => error,
                })
            }
        }
    }

    fn error(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(Code::NFT_SYNTAX, Some(span), message)
    }

    /// The error that something else stands here than what is wanted.
    fn unexpected(&self, wanted: &str) -> Diagnostic {
        let found = match &self.token().kind {
            TokenKind::Word(text) | TokenKind::Number(text) | TokenKind::Wildcard(text) => {
                format!("`{}`", short(text))
            }
            TokenKind::Quoted(text) => format!("\"{}\"", short(text)),
            TokenKind::Sign(sign) => format!("`{sign}`"),
            TokenKind::Junk(character) => format!("{character:?}"),
            TokenKind::Newline => "the end of the line".to_owned(),
            TokenKind::End | TokenKind::Included => "the end of the ruleset".to_owned(),
        };
        let label = format!("expected {wanted}");
        self.error(self.span(), format!("expected {wanted}, found {found}")).with_label(label)
    }

    fn report(&mut self, error: Diagnostic) {
        self.errors += 1;
        if self.errors <= MOST_ERRORS {
            self.diagnostics.push(error);
        }
    }

    /// One more level of nesting around what `read` reads.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEEPEST {
            let message = format!("this is nested more than {DEEPEST} levels deep");
            return Err(self.error(self.span(), message));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Passes over the rest of a statement, with the blocks in it.
    fn recover(&mut self) {
        let mut open = 0u32;
        while !self.is_end() {
            match &self.token().kind {
                TokenKind::Sign("{") => open += 1,
                TokenKind::Sign("}") if open == 0 => return,
                TokenKind::Sign("}") => open -= 1,
                TokenKind::Newline | TokenKind::Sign(";") if open == 0 => return,
                _ => {}
            }
            self.advance();
        }
    }

    fn is_separator(&self) -> bool {
        self.is_sign(";") || self.token().kind == TokenKind::Newline
    }

    /// A separator, or the end of a ruleset.
    fn separator(&mut self) -> Parsed<()> {
        if self.is_separator() {
            self.advance();
            return Ok(());
        }
        if self.is_end() { Ok(()) } else { Err(self.unexpected("`;` or the end of the line")) }
    }

    fn skip_newlines(&mut self) {
        while self.token().kind == TokenKind::Newline {
            self.advance();
        }
    }

    /// A name: a word that means nothing else.
    fn name(&mut self, what: &str) -> Parsed<Name> {
        let span = self.span();
        match &self.token().kind {
            TokenKind::Word(word) if word == "last" || !words::is_reserved(word) => {
                let text = word.clone();
                self.advance();
                Ok(Name { text, span })
            }
            TokenKind::Word(word) => {
                let word = word.clone();
                let error = self.unexpected(what);
                Err(error.with_note(format!("`{word}` is a word of the language, not a name")))
            }
            _ => Err(self.unexpected(what)),
        }
    }

    /// Text: a word, with or without quotes.
    fn text(&mut self, what: &str) -> Parsed<String> {
        let text = match &self.token().kind {
            TokenKind::Quoted(text) | TokenKind::Wildcard(text) => text.clone(),
            TokenKind::Word(text) if !words::is_reserved(text) => text.clone(),
            _ => return Err(self.unexpected(what)),
        };
        self.advance();
        Ok(text)
    }

    /// A number not above a limit.
    fn number(&mut self, most: u64) -> Parsed<u64> {
        let TokenKind::Number(text) = &self.token().kind else {
            return Err(self.unexpected("a number"));
        };
        match crate::datatype::integer(text) {
            Some(value) if value <= most.into() => {
                self.advance();
                Ok(value as u64)
            }
            _ => {
                let message = format!("`{}` is larger than {most}", short(text));
                Err(self.error(self.span(), message))
            }
        }
    }

    fn number32(&mut self) -> Parsed<u32> {
        self.number(u32::MAX.into()).map(|value| value as u32)
    }

    fn duration(&mut self) -> Parsed<u64> {
        let time = match &self.token().kind {
            TokenKind::Word(text) => crate::datatype::duration(text),
            _ => None,
        };
        let time = time.ok_or_else(|| self.unexpected("a time such as 1h30m"))?;
        self.advance();
        Ok(time)
    }

    /// `include`, `define`, `redefine` and `undefine`; `None` where none of them stands here.
    fn common(&mut self) -> Option<Parsed<()>> {
        match self.word() {
            "include" => Some(self.include()),
            "define" => Some(self.define(false)),
            "redefine" => Some(self.define(true)),
            "undefine" => Some(self.undefine()),
            _ => None,
        }
    }

    fn include(&mut self) -> Parsed<()> {
        self.advance();
        let span = self.span();
        let TokenKind::Quoted(path) = &self.token().kind else {
            return Err(self.unexpected("a path in quotes"));
        };
        let path = path.clone();
        self.advance();
        self.separator()?;
        let refuse =
            |message: String| Err(Diagnostic::error(Code::NFT_INCLUDE, Some(span), message));
        if self.included >= DEEPEST_INCLUDE {
            return refuse(format!("files include each other more than {DEEPEST_INCLUDE} deep"));
        }
        let files = match self.includes.find(&path, span.file, self.sources) {
            Ok(files) => files,
            Err(why) => return refuse(format!("`{}` cannot be included: {why}", short(&path))),
        };
        let mut spliced = Vec::new();
        for file in files {
            let mut read = file_tokens(file, self.sources, self.diagnostics);
            let end = read.pop().map_or(span, |end| end.span);
            spliced.extend(read);
            spliced.push(Token { kind: TokenKind::Newline, span: end });
        }
        self.included += 1;
        spliced.push(Token { kind: TokenKind::Included, span });
        self.tokens.splice(self.at..self.at, spliced);
        if self.token().kind == TokenKind::Included {
            self.included -= 1;
            self.at += 1;
        }
        Ok(())
    }

    fn define(&mut self, again: bool) -> Parsed<()> {
        self.advance();
        let name = self.name("the name of a variable")?;
        self.expect_sign("=")?;
        let value = self.initializer()?;
        self.separator()?;
        let extent = value.extent();
        if extent.size > LARGEST_VALUE {
            let message =
                format!("the value of `{}` has more than {LARGEST_VALUE} parts", name.text);
            return Err(self.error(value.span, message));
        }
        if extent.depth > DEEPEST_VALUE {
            let message = format!("more than {DEEPEST_VALUE} variables stand for each other");
            return Err(self.error(value.span, message));
        }
        let scope = self.scopes.last_mut().expect("there is always a scope");
        if !again && scope.contains_key(&name.text) {
            let message = format!("`{}` is defined already", name.text);
            let help = "use redefine where that is meant";
            return Err(self.error(name.span, message).with_help(help));
        }
        scope.insert(name.text, Arc::new(Defined { value, extent }));
        Ok(())
    }

    fn undefine(&mut self) -> Parsed<()> {
        self.advance();
        let name = self.name("the name of a variable")?;
        self.separator()?;
        let scope = self.scopes.last_mut().expect("there is always a scope");
        match scope.remove(&name.text) {
            Some(_) => Ok(()),
            None => Err(self.unknown_variable(&name)),
        }
    }

    fn unknown_variable(&self, name: &Name) -> Diagnostic {
        let known = self.scopes.iter().flat_map(Scope::keys).map(String::as_str);
        let near = crate::nearest::nearest(&short(&name.text), known);
        let message = format!("there is no variable `{}`", short(&name.text));
        let error = Diagnostic::error(Code::NFT_UNKNOWN, Some(name.span), message);
        match near {
            Some(near) => error.with_help(format!("did you mean `${near}`?")),
            None => error.with_note("variables are defined above where they are used"),
        }
    }

    /// `$name`.
    fn variable(&mut self) -> Parsed<Expr> {
        let start = self.span();
        self.expect_sign("$")?;
        let name = self.name("the name of a variable")?;
        let found = self.scopes.iter().rev().find_map(|scope| scope.get(&name.text));
        match found {
            Some(defined) => {
                let kind = ExprKind::Variable(defined.clone());
                Ok(Expr { kind, span: self.since(start) })
            }
            None => Err(self.unknown_variable(&name)),
        }
    }
}

/// The beginning of a word, for messages.
pub(crate) fn short(word: &str) -> String {
    match word.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &word[..end]),
        None => word.to_owned(),
    }
}
