//! What may have been meant by a word, found in bounded time.

/// The longest word, and the most names, that are looked at.
const LONGEST: usize = 64;
const MOST: usize = 2000;

/// The known word that is nearest to another; words are cut, and of many names the first count.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    bpfc_names::nearest(word, known.into_iter().take(MOST))
}
