//! What somebody may have meant by a word that nobody knows.

/// The known word that is nearest to another: at most a third of the word's letters, and two at
/// least of longer words, are wrong, missing, too many or in the place of their neighbour. The
/// first of several that are as near.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = word.chars().count();
    let most = match letters {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2.max(letters / 4),
    };
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        // Words of two letters that differ in one are other words.
        if candidate.chars().count() < 2 || candidate == word {
            continue;
        }
        let distance = match candidate.eq_ignore_ascii_case(word) {
            true => 0,
            false => distance(word, candidate),
        };
        let allowed = if distance == 0 { true } else { distance <= most };
        if allowed && best.is_none_or(|(other, _)| distance < other) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// How many letters must be changed, put in, taken out or swapped with their neighbour to make one
/// word of the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    let mut last = None;
    for (at, letter) in left.chars().enumerate() {
        let mut next = vec![at + 1];
        for (to, &other) in right.iter().enumerate() {
            let changed = row[to] + usize::from(letter != other);
            let mut least = changed.min(row[to + 1] + 1).min(next[to] + 1);
            if to > 0 && last == Some(other) && right[to - 1] == letter {
                least = least.min(before[to - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(letter);
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_near() {
        let known = ["dport", "sport", "tcp-flags", "syn", "multiport", "ACCEPT", "tcp", "udp"];
        for (word, meant) in [
            ("dprt", Some("dport")),
            ("dpotr", Some("dport")),
            ("tcp-flag", Some("tcp-flags")),
            ("mulitport", Some("multiport")),
            ("ACEPT", Some("ACCEPT")),
            ("accept", Some("ACCEPT")),
            ("tpc", Some("tcp")),
            ("geoip", None),
            ("xy", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }

    #[test]
    fn a_swap_of_neighbours_is_one_slip() {
        assert_eq!(distance("INPTU", "INPUT"), 1);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
