//! How much a manifest may say, and in which characters.

use crate::egress::declaration::error::ManifestError;

/// More than any vendor has, and less than a page of an operator's patience.
pub(super) const ENTRIES: usize = 200;
/// A sentence or two.
pub(super) const PROSE: usize = 1_000;
/// A word.
pub(super) const WORD: usize = 64;
/// A host setting's value, an option, a parameter's name.
pub(super) const VALUE: usize = 256;

/// Notes what is wrong with `text`, which says `what`.
pub(super) fn prose(what: &str, text: &str, errors: &mut Vec<ManifestError>) {
    if text.chars().count() > PROSE {
        errors.push(ManifestError::TooLong { what: what.to_owned(), limit: PROSE, unit: "characters" });
    } else if !is_plain(text, PROSE) {
        errors.push(ManifestError::NotPlain { what: what.to_owned() });
    }
}

/// Whether `text` shows as what it is, on a terminal too.
pub(super) fn is_plain(text: &str, longest: usize) -> bool {
    text.chars().count() <= longest && !text.chars().any(char::is_control)
}
