//! Numbers as C's `strtoul` reads them, by which `nfnl_osf` reads fields.

/// A number of a field: what `strtoul` yields, 64 bits, and whether the text is that number and
/// nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) value: u64,
    pub(crate) whole: bool,
}

/// Reads a decimal number at the beginning of a text: white space, a sign, digits. Without digits
/// it is 0; where it is too large it is the largest; a minus sign turns it around.
pub(crate) fn read(text: &str) -> Number {
    let trimmed = text.trim_start_matches(is_space);
    let (negative, digits) = match trimmed.as_bytes().first() {
        Some(b'-') => (true, &trimmed[1..]),
        Some(b'+') => (false, &trimmed[1..]),
        _ => (false, trimmed),
    };
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let number = digits[..length].bytes().try_fold(0u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    let value = match (number, negative) {
        (None, _) => u64::MAX,
        (Some(number), false) => number,
        (Some(number), true) => number.wrapping_neg(),
    };
    let rest = digits[length..].trim_end_matches(is_space);
    let whole = number.is_some() && length > 0 && !negative && rest.is_empty();
    Number { value, whole }
}

/// What C's `isspace` takes for white space.
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_strtoul() {
        let cases = [
            ("64", 64, true),
            (" \t64 ", 64, true),
            ("+64", 64, true),
            ("64+", 64, false),
            ("0x10", 0, false),
            ("", 0, false),
            ("*", 0, false),
            ("-1", u64::MAX, false),
            ("18446744073709551615", u64::MAX, true),
            ("18446744073709551616", u64::MAX, false),
            ("-18446744073709551616", u64::MAX, false),
        ];
        for (text, value, whole) in cases {
            assert_eq!(read(text), Number { value, whole }, "{text:?}");
        }
    }
}
