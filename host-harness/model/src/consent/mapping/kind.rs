//! A manifest's item kinds in Fides' spelling: `message-type` is `Message type`.

use serde::{Deserialize, Deserializer, Serializer};

/// Returns the kind in Fides' spelling: words separated by spaces, with an initial capital.
pub fn spelled(kind: &str) -> String {
    let words = kind.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Parses any spelling of a kind: `Message type`, `MessageType`, `message_type` and `message-type` are the same.
pub fn read(spelling: &str) -> String {
    let mut kind = String::with_capacity(spelling.len() + 1);
    let mut before = None;
    for letter in spelling.trim().chars() {
        let is_gap = letter.is_whitespace() || letter == '_';
        let is_hump = letter.is_uppercase() && before.is_some_and(|before: char| !before.is_uppercase());
        if (is_gap || is_hump) && !kind.is_empty() && !kind.ends_with('-') {
            kind.push('-');
        }
        if !is_gap {
            kind.extend(letter.to_lowercase());
        }
        before = Some(letter);
    }
    kind
}

#[expect(clippy::ptr_arg, reason = "serde passes a reference to the field")]
/// Serializes a kind in Fides' spelling; for `serde(with)`.
pub fn serialize<S: Serializer>(kind: &String, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&spelled(kind))
}

/// Deserializes a kind from any spelling; for `serde(with)`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(read(&String::deserialize(deserializer)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn kinds_are_spelled_as_in_fides_and_read_in_any_spelling() {
        for (kind, spelling) in
            [("channel", "Channel"), ("message-type", "Message type"), ("email-list", "Email list"), ("", "")]
        {
            assert_eq!(spelled(kind), spelling);
            assert_eq!(read(spelling), kind);
            assert_eq!(read(kind), kind);
        }
        for spelling in ["MessageType", "Message Type", "message_type", " message type "] {
            assert_eq!(read(spelling), "message-type");
        }
        assert_eq!(read("SMS list"), "sms-list");
    }

    proptest! {
        #![proptest_config(test_support::cases(256))]

        #[test]
        fn a_kind_comes_back_from_its_spelling(kind in "[a-z][a-z0-9]{0,5}(-[a-z][a-z0-9]{0,5}){0,3}") {
            prop_assert_eq!(read(&spelled(&kind)), kind);
        }
    }
}
