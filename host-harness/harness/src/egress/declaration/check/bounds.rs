//! Limits on the length and the characters of a manifest's text.
//! Tested in `src/egress/declaration/check/tests.rs`.

use crate::egress::declaration::error::ManifestError;

/// Maximum number of entries in a list: more than any vendor needs, and few enough for an operator to read.
pub(super) const MAX_ENTRIES: usize = 200;
/// Maximum length of one or two sentences, in characters.
pub(super) const MAX_PROSE: usize = 1_000;
/// Maximum length of a word, in characters.
pub(super) const MAX_WORD: usize = 64;
/// Maximum length of a host setting's value, an option or a parameter's name, in characters.
pub(super) const MAX_VALUE: usize = 256;

/// Records what is wrong with `text`, which belongs to `what`.
pub(super) fn prose(what: &str, text: &str, errors: &mut Vec<ManifestError>) {
    if text.chars().count() > MAX_PROSE {
        errors.push(ManifestError::TooLong { what: what.to_owned(), limit: MAX_PROSE, unit: "characters" });
    } else if !is_plain(text, MAX_PROSE) {
        errors.push(ManifestError::NotPlain { what: what.to_owned() });
    }
}

/// Returns whether `text` is short enough and contains no control characters, which could change a terminal's output.
pub(super) fn is_plain(text: &str, longest: usize) -> bool {
    text.chars().count() <= longest && !text.chars().any(char::is_control)
}
