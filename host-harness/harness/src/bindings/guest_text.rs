//! The limits of a guest's words and sentences.
//! Tested in `tests/all/limits`.

use crate::sandbox::masks::Masks;
use host_model::text::{self, UnfitText};

/// Maximum length of a guest's sentence, in characters. It fits on an operator's screen.
pub(super) const MAX_SENTENCE: usize = 2_000;
/// Maximum length of a guest's word, such as a code, an id or a kind, in characters.
pub(super) const MAX_WORD: usize = 256;
/// Maximum length of a vendor's name for an item, in characters.
const MAX_NAME: usize = 512;
/// Maximum length of an identifier in an event, in characters. Anything that fits into a delivery is accepted: a
/// delivery is not rejected because of its length.
pub(super) const MAX_IDENTIFIER: usize = 256 << 10;
/// Maximum length of the reference that `confirm` continues with, such as a cursor or a job number, in characters.
pub(super) const MAX_REFERENCE: usize = 4_096;

/// A name in a guest's answer is too long or contains control characters.
#[derive(Debug, thiserror::Error)]
#[error("{what} {unfit}")]
pub(crate) struct OutOfBounds {
    what: &'static str,
    unfit: UnfitText,
}

pub(super) fn name(what: &'static str, text: String, limit: usize) -> Result<String, OutOfBounds> {
    match text::check_without_control(&text, limit) {
        Ok(()) => Ok(text),
        Err(unfit) => Err(OutOfBounds { what, unfit }),
    }
}

/// Masks a guest's text, limits it to `limit` characters and escapes hidden characters, because it is written to the
/// store, to terminals and to logs. Masking comes before truncation: half a secret would not be found.
pub(super) fn prose(text: &str, limit: usize, masks: &Masks) -> String {
    sentence(&masks.text(text), limit)
}

pub(super) fn sentence(text: &str, limit: usize) -> String {
    let one_line: String =
        text.chars().take(limit).map(|c| if matches!(c, '\n' | '\t') { ' ' } else { c }).collect();
    text::escaped(&one_line).into_owned()
}

/// Masks the vendor's name for an item, limits it and escapes its control characters. Other hidden characters stay, such
/// as those that join an emoji, because the name is not ours: it is escaped where it is shown.
pub(super) fn vendors_name(text: &str, masks: &Masks) -> String {
    let mut own = String::new();
    for character in masks.text(text).chars().take(MAX_NAME) {
        if character.is_control() {
            own.extend(character.escape_default());
        } else {
            own.push(character);
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_is_called_too_long_and_a_control_character_is_named() {
        let error = |text: &str| name("an item id", text.to_owned(), 3).unwrap_err().to_string();
        assert_eq!(error("äöüä"), "an item id has 4 characters; at most 3 are allowed");
        let control = "an item id contains U+000A as its character 2, which is not allowed: it is invisible or changes \
                       how the text is shown";
        assert_eq!(error("a\nb"), control);
        assert_eq!(name("an item id", "äöü".to_owned(), 3).unwrap(), "äöü");
    }
}
