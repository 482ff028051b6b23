//! Tokens of the text form, with their positions.

use super::ParseError;
use bpfc_diag::LineColumn;

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Letters, digits, `-` and `_`, starting with a letter.
    Word(String),
    /// Decimal, or hexadecimal after `0x`.
    Number(u128),
    /// A string, unescaped.
    Text(String),
    /// `= , : { } + - . .. @`.
    Punct(&'static str),
    /// After the last.
    End,
}

impl Token {
    /// How it is named in an error.
    pub(super) fn describe(&self) -> String {
        match self {
            Token::Word(word) => format!("'{word}'"),
            Token::Number(number) => format!("number {number}"),
            Token::Text(_) => "a string".to_owned(),
            Token::Punct(punct) => format!("'{punct}'"),
            Token::End => "the end".to_owned(),
        }
    }
}

/// Splits a text into tokens; the last is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, LineColumn)>, ParseError> {
    let mut lexer = Lexer { chars: text.chars().peekable(), at: LineColumn { line: 1, column: 1 } };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_space();
        let at = lexer.at;
        let token = lexer.token()?;
        let end = token == Token::End;
        tokens.push((token, at));
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    at: LineColumn,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        if c == '\n' {
            self.at = LineColumn { line: self.at.line.saturating_add(1), column: 1 };
        } else {
            self.at.column = self.at.column.saturating_add(1);
        }
        Some(c)
    }

    fn next_if(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        if self.chars.peek().is_some_and(|&c| wanted(c)) { self.next() } else { None }
    }

    fn skip_space(&mut self) {
        loop {
            if self.next_if(char::is_whitespace).is_some() {
                continue;
            }
            if self.next_if(|c| c == '#').is_none() {
                return;
            }
            while self.next_if(|c| c != '\n').is_some() {}
        }
    }

    fn token(&mut self) -> Result<Token, ParseError> {
        let at = self.at;
        let Some(c) = self.next() else { return Ok(Token::End) };
        let punct = match c {
            '=' => "=",
            ',' => ",",
            ':' => ":",
            '{' => "{",
            '}' => "}",
            '(' => "(",
            ')' => ")",
            '+' => "+",
            '-' => "-",
            '@' => "@",
            '.' if self.next_if(|c| c == '.').is_some() => "..",
            '.' => ".",
            '"' => return self.string(at),
            c if c.is_ascii_digit() => return self.number(c, at),
            c if c.is_ascii_alphabetic() => {
                let mut word = String::from(c);
                let inside = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
                while let Some(c) = self.next_if(inside) {
                    word.push(c);
                }
                return Ok(Token::Word(word));
            }
            c => return Err(ParseError::new(at, format!("unexpected character {c:?}"))),
        };
        Ok(Token::Punct(punct))
    }

    fn number(&mut self, first: char, at: LineColumn) -> Result<Token, ParseError> {
        let mut digits = String::from(first);
        while let Some(c) = self.next_if(|c| c.is_ascii_alphanumeric()) {
            digits.push(c);
        }
        let number = match digits.strip_prefix("0x") {
            Some(hexadecimal) => u128::from_str_radix(hexadecimal, 16),
            None => digits.parse(),
        };
        match number {
            Ok(number) => Ok(Token::Number(number)),
            Err(_) => Err(ParseError::new(at, format!("'{digits}' is no number of 128 bits"))),
        }
    }

    fn string(&mut self, at: LineColumn) -> Result<Token, ParseError> {
        let mut text = String::new();
        loop {
            let here = self.at;
            match self.next() {
                None => return Err(ParseError::new(at, "the string has no end".to_owned())),
                Some('"') => return Ok(Token::Text(text)),
                Some('\\') => text.push(self.escape(here)?),
                Some(c) => text.push(c),
            }
        }
    }

    fn escape(&mut self, at: LineColumn) -> Result<char, ParseError> {
        let wrong = || ParseError::new(at, "unknown escape in a string".to_owned());
        match self.next() {
            Some('n') => Ok('\n'),
            Some('t') => Ok('\t'),
            Some(c @ ('"' | '\\')) => Ok(c),
            Some('u') => {
                self.next_if(|c| c == '{').ok_or_else(wrong)?;
                let mut digits = String::new();
                while let Some(c) = self.next_if(|c| c.is_ascii_hexdigit()) {
                    digits.push(c);
                }
                self.next_if(|c| c == '}').ok_or_else(wrong)?;
                u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).ok_or_else(wrong)
            }
            _ => Err(wrong()),
        }
    }
}
