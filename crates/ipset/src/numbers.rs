//! Numbers as ipset reads them: what strtoull makes of them.

/// A number in decimal, in octal behind `0`, or in hexadecimal behind `0x`. A minus sign wraps
/// around.
pub(crate) fn parse_number(text: &str) -> Option<u64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = match (hexadecimal, text.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (text, 10),
    };
    // A second sign is none of strtoull's.
    let number = digits.starts_with(|c: char| c.is_ascii_hexdigit());
    let number = u64::from_str_radix(digits, radix).ok().filter(|_| number)?;
    Some(if negative { number.wrapping_neg() } else { number })
}

/// A number within bounds.
pub(crate) fn parse_within(text: &str, low: u64, high: u64) -> Option<u64> {
    parse_number(text).filter(|number| (low..=high).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_strtoull_does() {
        let numbers = [("010", 8), ("0x1F", 31), ("+5", 5), ("0", 0), ("-1", u64::MAX), ("00", 0)];
        for (text, number) in numbers {
            assert_eq!(parse_number(text), Some(number), "{text}");
        }
        for bad in ["", "08", "0x", "5x", "--1", "+-1", "0x+1", "18446744073709551616", " 1"] {
            assert_eq!(parse_number(bad), None, "{bad}");
        }
    }
}
