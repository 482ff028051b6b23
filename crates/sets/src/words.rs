//! A line as words: a comment in quotation marks is one word.

/// Splits a line. The error is the offset of a quotation mark that nothing closes.
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
        words.push(word);
        rest = tail.trim_ascii_start();
    }
    Ok(())
}
