//! Bytes written as hexadecimal digits.

/// The bytes of text that is pairs of hexadecimal digits and nothing else, the first digit of a
/// pair the more significant.
pub fn bytes_from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let pairs = digits?;
    let pairs = pairs.chunks(2).map(|pair| match *pair {
        [high, low] => Some(high << 4 | low),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pairs_of_digits_are_bytes() {
        assert_eq!(bytes_from_hex("00fF1a"), Some(vec![0, 255, 26]));
        assert_eq!(bytes_from_hex(""), Some(Vec::new()));
        for wrong in ["0", "123", "+1", "0x", "1 2", "\u{e4}1"] {
            assert_eq!(bytes_from_hex(wrong), None, "{wrong}");
        }
    }
}
