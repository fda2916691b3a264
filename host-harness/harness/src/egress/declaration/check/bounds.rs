//! Limits on the length and the characters of a manifest's text.
//! Tested in `src/egress/declaration/check/tests/text.rs`.

use std::fmt::Display;

use crate::egress::declaration::error::ManifestError;
use host_model::text;

/// Maximum number of entries in a list: more than any vendor needs, and few enough for an operator to read.
pub(super) const MAX_ENTRIES: usize = 200;
/// Maximum length of one or two sentences, in characters.
pub(super) const MAX_PROSE: usize = 1_000;
/// Maximum length of a word, in characters.
pub(super) const MAX_WORD: usize = 64;
/// Maximum length of a host setting's value, an option, or the name of a parameter, header or field, in characters.
pub(super) const MAX_VALUE: usize = 256;
/// Maximum length of the value of a field, such as a GraphQL query, in characters.
pub(super) const MAX_FIELD_VALUE: usize = 4_000;
/// Maximum length of a content type, in characters.
pub(super) const MAX_CONTENT_TYPE: usize = 200;

/// Records what is wrong with the sentence `text`, which is called `what`.
pub(super) fn prose(what: &str, text: &str, errors: &mut Vec<ManifestError>) {
    bounded(what, text, MAX_PROSE, errors);
}

/// Records if `text`, which is called `what`, has more than `limit` characters or a hidden one.
pub(super) fn bounded(what: &str, text: &str, limit: usize, errors: &mut Vec<ManifestError>) {
    if let Err(why) = text::check_bounded(text, limit) {
        errors.push(ManifestError::UnfitText { what: what.to_owned(), why });
    }
}

/// Records if `text`, a host or a link that is called `what`, has characters outside ASCII, since it could be taken for
/// another one. `ascii` is the form with the host in punycode.
pub(super) fn in_ascii(what: &str, text: &str, ascii: impl Display, errors: &mut Vec<ManifestError>) {
    if !text.is_ascii() {
        errors.push(ManifestError::NotAscii { what: what.to_owned(), ascii: ascii.to_string() });
    }
}
