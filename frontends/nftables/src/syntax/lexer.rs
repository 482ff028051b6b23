//! Text to tokens.
//!
//! As nft reads it, the longest token wins: an address, a time, a number or a word. Words hold
//! `/ . - _`, so that `mbytes/second` is one of them, and `*` at their end or behind a backslash.
//! Whether a word is a keyword depends on where it stands and is the parser's business.

use bpfc_diag::{FileId, Span};
use std::net::Ipv6Addr;

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A word, an address or a time.
    Word(String),
    /// A number, as it is written.
    Number(String),
    /// Text between quotes.
    Quoted(String),
    /// A word with a wildcard.
    Wildcard(String),
    /// Anything else that has a meaning.
    Sign(&'static str),
    /// The end of a line.
    Newline,
    /// The end of an included file.
    Included,
    /// The end.
    End,
    /// What is nothing of these.
    Junk(char),
}

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub kind: TokenKind,
    pub span: Span,
}

const SIGNS: [&str; 29] = [
    "==", "!=", "<=", ">=", "<<", ">>", ",", ".", ":", ";", "{", "}", "[", "]", "(", ")", "<", ">",
    "^", "&", "|", "!", "/", "-", "*", "@", "$", "=", "+",
];

/// The tokens of a text. The last one is [`TokenKind::End`].
pub(crate) fn tokens(file: FileId, text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let (length, kind) = next(rest);
        if let Some(kind) = kind {
            tokens.push(Token { kind, span: Span::new(file, at, at + length) });
        }
        at += length;
    }
    tokens.push(Token { kind: TokenKind::End, span: Span::new(file, text.len(), text.len()) });
    tokens
}

/// The first token of a text that is not empty, and how long it is. Blanks are none.
fn next(rest: &str) -> (usize, Option<TokenKind>) {
    let first = rest.chars().next().unwrap_or('\n');
    match first {
        ' ' | '\t' => return (1, None),
        '\n' => return (1, Some(TokenKind::Newline)),
        '#' => return (rest.find('\n').unwrap_or(rest.len()), None),
        '\\' if rest[1..].starts_with('\n') => return (2, None),
        '"' => {
            if let Some(length) = rest[1..].find('"') {
                return (length + 2, Some(TokenKind::Quoted(rest[1..length + 1].to_owned())));
            }
        }
        '[' => {
            let end = rest.bytes().take(48).position(|byte| byte == b']');
            if let Some(length) = end.filter(|length| is_ipv6(&rest[1..*length])) {
                return (length + 1, Some(TokenKind::Word(rest[1..length].to_owned())));
            }
        }
        _ => {}
    }
    let word = |length: usize| (length, Some(TokenKind::Word(rest[..length].to_owned())));
    let number = number_length(rest);
    let length = [address_length(rest), time_length(rest), class_length(rest)].into_iter().max();
    let length = length.unwrap_or(0);
    let (name, is_wildcard) = name_length(rest);
    if name.max(length).max(number) == 0 {
        return match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(sign) => (sign.len(), Some(TokenKind::Sign(sign))),
            None => (first.len_utf8(), Some(TokenKind::Junk(first))),
        };
    }
    if name > length && name > number {
        return match is_wildcard {
            true => (name, Some(TokenKind::Wildcard(rest[..name].to_owned()))),
            false if &rest[..name] == "." => (1, Some(TokenKind::Sign("."))),
            false => word(name),
        };
    }
    if number > length || (number == length && number > 0) {
        let text = &rest[..number];
        let is_octal =
            text.len() > 1 && text.starts_with('0') && !text[1..].starts_with(['x', 'X']);
        let is_number = !is_octal || text.bytes().all(|b| b < b'8');
        if is_number {
            return (number, Some(TokenKind::Number(text.to_owned())));
        }
        return word(number);
    }
    word(length)
}

fn count(text: &str, is: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|byte| is(*byte)).count()
}

fn number_length(rest: &str) -> usize {
    if rest.starts_with("0x") || rest.starts_with("0X") {
        let digits = count(&rest[2..], |b| b.is_ascii_hexdigit());
        if digits > 0 {
            return 2 + digits;
        }
    }
    // These two begin with digits and are words.
    for name in ["8021ad", "8021q"] {
        if rest.starts_with(name) {
            return 0;
        }
    }
    count(rest, |b| b.is_ascii_digit())
}

/// A word's length, and whether it has a wildcard.
fn name_length(rest: &str) -> (usize, bool) {
    for name in ["8021ad", "8021q", "\\*"] {
        if rest.starts_with(name) {
            return (name.len(), name == "\\*");
        }
    }
    let plain = |text: &str| match text.bytes().next() {
        Some(b) if b.is_ascii_alphabetic() || b == b'_' || b == b'.' => {
            count(text, |b| b.is_ascii_alphanumeric() || b"/-_.".contains(&b))
        }
        _ => 0,
    };
    let length = plain(rest);
    if length == 0 {
        return (0, false);
    }
    match &rest[length..] {
        tail if tail.starts_with('*') => (length + 1, true),
        tail if tail.starts_with("\\*") => (length + 2 + plain(&tail[2..]), true),
        _ => (length, false),
    }
}

/// A time such as `1d12h`, each unit once and in this order.
fn time_length(rest: &str) -> usize {
    let mut at = 0;
    for unit in ["d", "h", "m", "s", "ms"] {
        let digits = count(&rest[at..], |b| b.is_ascii_digit());
        let tail = &rest[at + digits..];
        let is_unit =
            digits > 0 && tail.starts_with(unit) && !(unit == "m" && tail.starts_with("ms"));
        if is_unit {
            at += digits + unit.len();
        }
    }
    at
}

/// A traffic class such as `1:2`, where nothing that could be an address follows.
fn class_length(rest: &str) -> usize {
    let major = count(rest, |b| b.is_ascii_hexdigit());
    if !(1..=4).contains(&major) || !rest[major..].starts_with(':') {
        return 0;
    }
    let minor = count(&rest[major + 1..], |b| b.is_ascii_hexdigit());
    let end = major + 1 + minor;
    let is_over = rest[end..].starts_with([' ', '\t', '\n', ':', '-', '}', ',']);
    if (1..=4).contains(&minor) && is_over { end } else { 0 }
}

/// The longest address that a text begins with: MAC, IPv4 or IPv6.
fn address_length(rest: &str) -> usize {
    let run = count(rest, |b| b.is_ascii_hexdigit() || b == b':' || b == b'.');
    if !rest[..run].contains([':', '.']) {
        return 0;
    }
    let longest = run.min(46);
    let is_address = |length: &usize| {
        let text = &rest[..*length];
        is_mac(text) || is_ipv4(text) || is_ipv6(text)
    };
    (2..=longest).rev().find(is_address).unwrap_or(0)
}

fn is_mac(text: &str) -> bool {
    let part =
        |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit());
    text.split(':').count() == 6 && text.split(':').all(part)
}

fn is_ipv4(text: &str) -> bool {
    let part =
        |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    text.split('.').count() == 4 && text.split('.').all(part)
}

fn is_ipv6(text: &str) -> bool {
    text.contains(':') && text.parse::<Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<TokenKind> {
        let mut kinds: Vec<_> =
            tokens(FileId(0), text).into_iter().map(|token| token.kind).collect();
        assert_eq!(kinds.pop(), Some(TokenKind::End));
        kinds
    }

    fn word(text: &str) -> TokenKind {
        TokenKind::Word(text.to_owned())
    }

    fn number(text: &str) -> TokenKind {
        TokenKind::Number(text.to_owned())
    }

    #[test]
    fn the_longest_token_wins() {
        let sign = TokenKind::Sign;
        assert_eq!(kinds("10.0.0.1-10.0.0.9"), [word("10.0.0.1"), sign("-"), word("10.0.0.9")]);
        assert_eq!(kinds("22:accept"), [number("22"), sign(":"), word("accept")]);
        assert_eq!(kinds("2001:db8::/32"), [word("2001:db8::"), sign("/"), number("32")]);
        assert_eq!(kinds("00:11:22:33:44:55"), [word("00:11:22:33:44:55")]);
        assert_eq!(kinds("1h30m"), [word("1h30m")]);
        assert_eq!(kinds("1:2 "), [word("1:2")]);
        assert_eq!(kinds("mbytes/second"), [word("mbytes/second")]);
        assert_eq!(kinds("eth*"), [TokenKind::Wildcard("eth*".into())]);
        assert_eq!(kinds("0x1f 010 08"), [number("0x1f"), number("010"), word("08")]);
        assert_eq!(kinds("tcp . udp"), [word("tcp"), sign("."), word("udp")]);
        assert_eq!(kinds("8021q"), [word("8021q")]);
    }

    #[test]
    fn comments_and_continued_lines_are_passed_over() {
        assert_eq!(kinds("a # b\nc \\\nd"), [word("a"), TokenKind::Newline, word("c"), word("d")]);
        assert_eq!(kinds("\"a # b\""), [TokenKind::Quoted("a # b".into())]);
        assert_eq!(kinds("\"a"), [TokenKind::Junk('"'), word("a")]);
    }
}
