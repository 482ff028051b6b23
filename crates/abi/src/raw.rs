//! Texts of rulesets, which are bytes, as Rust's strings, which are UTF-8.
//!
//! Log prefixes, comments, search texts and names of chains may hold any byte but NUL. What is
//! UTF-8 stands in a string as itself, every other byte as one character: U+10FF00 and the byte,
//! at the end of the last plane for private use. Those characters themselves, should an input have
//! them, stand as their four bytes, so that strings give back exactly the bytes that they were
//! made from. Artifacts and pins hold such strings; who writes to a terminal, a file or the kernel
//! turns them back.

use std::borrow::Cow;

/// What the characters of bytes have in common.
const BASE: u32 = 0x10_ff00;

/// The byte that a character stands for, where it stands for one.
pub fn byte(c: char) -> Option<u8> {
    u8::try_from(u32::from(c).wrapping_sub(BASE)).ok().filter(|byte| *byte >= 0x80)
}

/// The character of a byte that is not ASCII.
fn character(byte: u8) -> char {
    char::from_u32(BASE + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Whether all of a text is UTF-8.
pub fn is_utf8(text: &str) -> bool {
    // The first byte of the last plane's characters.
    !text.as_bytes().contains(&0xf4) || !text.chars().any(|c| byte(c).is_some())
}

/// Bytes as a string.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes)
        && is_utf8(text)
    {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match byte(c) {
                None => text.push(c),
                Some(_) => {
                    text.extend(c.encode_utf8(&mut [0; 4]).bytes().map(character));
                }
            }
        }
        text.extend(chunk.invalid().iter().copied().map(character));
    }
    Cow::Owned(text)
}

/// The bytes of a string.
pub fn encode(text: &str) -> Cow<'_, [u8]> {
    if is_utf8(text) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match byte(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// How many bytes a string stands for.
pub fn length(text: &str) -> usize {
    text.len() - 3 * text.chars().filter(|c| byte(*c).is_some()).count()
}

/// The first `most` bytes of a string, as C cuts texts: also within a character.
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match length(text) > most {
        true => Cow::Owned(decode(&encode(text)[..most]).into_owned()),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        let all: Vec<u8> = (0..=255).collect();
        let own: String = (0x80..=0xff).map(character).collect();
        let noise: Vec<u8> =
            (0..4096u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for bytes in [
            &b""[..],
            b"plain",
            "caf\u{e9} \u{10fe80}".as_bytes(),
            b"caf\xe9",
            b"\xf4\x8f\xbe",
            b"\xed\xa0\x80",
            b"\xc3",
            own.as_bytes(),
            &all,
            &noise,
        ] {
            let text = decode(bytes);
            assert_eq!(encode(&text), bytes);
            assert_eq!(length(&text), bytes.len());
            for most in 0..bytes.len().min(300) {
                assert_eq!(encode(&cut(&text, most)), &bytes[..most]);
            }
        }
    }

    #[test]
    fn what_is_utf_8_is_itself() {
        let text = "a\u{e9}\u{10fe80}\u{10ff7f}";
        assert!(matches!(decode(text.as_bytes()), Cow::Borrowed(same) if same == text));
        assert!(is_utf8(text) && !is_utf8(&decode(b"\xff")));
        assert_eq!(decode(b"a\x80\xff"), "a\u{10ff80}\u{10ffff}");
        assert_eq!([byte('a'), byte('\u{10ff7f}'), byte('\u{10ffe9}')], [None, None, Some(0xe9)]);
    }
}
