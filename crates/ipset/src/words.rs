//! A line as words: a comment in quotation marks is one word.

use std::borrow::Cow;

/// Splits a line. The error is the offset of a quotation mark that nothing closes. Empty words do
/// not count, as ipset has none.
pub fn split_words<'a>(line: &'a str, words: &mut Vec<&'a str>) -> Result<(), usize> {
    words.clear();
    let mut rest = line.trim_ascii_start();
    while !rest.is_empty() {
        let (word, tail) = match rest.strip_prefix('"') {
            Some(quoted) => match quoted.split_once('"') {
                Some(parts) => parts,
                None => return Err(line.len() - rest.len()),
            },
            None => {
                let end = rest.bytes().position(|byte| byte.is_ascii_whitespace());
                rest.split_at(end.unwrap_or(rest.len()))
            }
        };
        if !word.is_empty() {
            words.push(word);
        }
        rest = tail.trim_ascii_start();
    }
    Ok(())
}

/// A line whose quotation marks stand around whole words, as [`split_words`] wants them. In ipset
/// each one begins or ends what may hold spaces, wherever it stands: `x"y z"` is one word. A mark
/// that nothing closes stays for [`split_words`] to find.
pub fn plain_quotes(line: &str) -> Cow<'_, str> {
    if !line.contains('"') {
        return Cow::Borrowed(line);
    }
    let is_space = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_whitespace);
    let bytes = line.as_bytes();
    let mut quoted = false;
    let plain = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'"').all(|(at, _)| {
        quoted = !quoted;
        match quoted {
            true => at == 0 || is_space(bytes.get(at - 1)),
            false => is_space(bytes.get(at + 1)),
        }
    });
    if plain || bytes.iter().filter(|byte| **byte == b'"').count() % 2 == 1 {
        return Cow::Borrowed(line);
    }
    quoted = false;
    let mut words = vec![String::new()];
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            letter if letter.is_ascii_whitespace() && !quoted => words.push(String::new()),
            letter => words.last_mut().into_iter().for_each(|word| word.push(letter)),
        }
    }
    let words = words.into_iter().filter(|word| !word.is_empty());
    let words: Vec<String> = words
        .map(|word| match word.contains(|letter: char| letter.is_ascii_whitespace()) {
            true => format!("\"{word}\""),
            false => word,
        })
        .collect();
    Cow::Owned(words.join(" "))
}

/// The words of a list's member in today's form: older versions wrote `NAME,before,OTHER`.
pub fn expand_member<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let mut expanded = Vec::with_capacity(words.len() + 2);
    for (index, word) in words.iter().enumerate() {
        let parts: Vec<&str> = word.split(',').collect();
        match parts[..] {
            [member, place @ ("before" | "after"), other] if index == 0 => {
                expanded.extend([member, place, other]);
            }
            _ => expanded.push(word),
        }
    }
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        let line = plain_quotes(line);
        let mut words = Vec::new();
        split_words(&line, &mut words).expect("closed quotation marks");
        words.into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn quotation_marks_hold_words_together() {
        assert_eq!(words("add a \"x  y\" z"), ["add", "a", "x  y", "z"]);
        assert_eq!(words("x\"y z\"w \"a\"\"b\" \"\""), ["xy zw", "ab"]);
        assert_eq!(words("\ta \"\" b\r"), ["a", "b"]);
        assert!(matches!(plain_quotes("a \"b c\" d"), Cow::Borrowed(_)));
        let mut found = Vec::new();
        assert_eq!(split_words("a \"b", &mut found), Err(2));
    }

    #[test]
    fn members_have_an_older_form() {
        assert_eq!(
            expand_member(&["b,after,c", "timeout", "5"]),
            ["b", "after", "c", "timeout", "5"]
        );
        assert_eq!(expand_member(&["b", "before", "c"]), ["b", "before", "c"]);
        assert_eq!(expand_member(&["b,c"]), ["b,c"]);
    }
}
