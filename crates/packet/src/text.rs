//! The search for bytes in a packet as the kernel's textsearch does it (net/core/skbuff.c,
//! `skb_find_text`).

use crate::Found;

/// `toupper` of the kernel (include/linux/ctype.h, lib/ctype.c): Latin-1, where 0xdf and 0xff count
/// as lower case letters too, whatever that makes of them.
pub fn kernel_upper(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | 0xdf..=0xf6 | 0xf8..=0xff => byte - 0x20,
        other => other,
    }
}

/// Where the pattern first begins among the bytes from `from` up to, not including, `to`; it must
/// end there, too. With `fold` the packet's bytes are turned to upper case, as the pattern must
/// have been.
pub fn find_text(bytes: &[u8], pattern: &[u8], from: u16, to: u16, fold: bool) -> Found {
    let (from, to) = (usize::from(from), usize::from(to).min(bytes.len()));
    let Some(part) = bytes.get(from..to) else { return Found::Absent };
    let same = |(&byte, &wanted): (&u8, &u8)| {
        let byte = if fold { kernel_upper(byte) } else { byte };
        byte == wanted
    };
    let begins = |window: &[u8]| window.iter().zip(pattern).all(same);
    if pattern.is_empty() {
        return Found::Absent;
    }
    match part.windows(pattern.len()).position(begins) {
        Some(at) => Found::At(from + at),
        None => Found::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_occurrence_lies_wholly_between_the_offsets() {
        let find = |from, to| find_text(b"xxabcxabc", b"abc", from, to, false);
        assert_eq!(find(0, 65535), Found::At(2));
        assert_eq!(find(2, 5), Found::At(2));
        assert_eq!(find(2, 4), Found::Absent);
        assert_eq!(find(3, 9), Found::At(6));
        assert_eq!(find(7, 9), Found::Absent);
        assert_eq!(find(40, 50), Found::Absent);
    }

    #[test]
    fn case_is_that_of_latin_1() {
        let find = |text: &[u8], pattern: &[u8]| find_text(text, pattern, 0, 99, true);
        assert_eq!(find(b"gEt", b"GET"), Found::At(0));
        assert_eq!(find(b"get", b"get"), Found::Absent);
        assert_eq!(find(&[0xe4, 0xf7, 0xff], &[0xc4, 0xf7, 0xdf]), Found::At(0));
        assert_eq!(find(&[0xdf], &[0xdf]), Found::Absent);
        assert_eq!(find_text(b"gEt", b"GET", 0, 99, false), Found::Absent);
    }
}
