//! Text from outside: which characters are hidden, how they are escaped for display, and the check of names.

use std::{
    borrow::Cow,
    fmt::{self, Display, Write},
};

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, Emoji, GeneralCategory, PrependedConcatenationMark},
};

/// Maximum length of the id or key of a notice or a system, in characters. A UUID has 36; the platform's keys are words.
pub const MAX_ID: usize = 256;
/// Maximum length of a display name, in characters: as long as a vendor's name for an item may be.
pub const MAX_DISPLAY_NAME: usize = 512;

/// Finds hidden characters one after another: those that are not shown, or that change how others are shown. They are
/// Unicode's control characters, format characters (bidirectional and zero-width ones, tags), line and paragraph
/// separators, and all others that are invisible by default. The two selectors of an emoji's presentation are hidden
/// unless they follow an emoji.
#[derive(Clone, Copy, Debug, Default)]
struct HiddenCharacters {
    before: Option<char>,
}

impl HiddenCharacters {
    /// Returns whether `next`, which follows the characters seen so far, is hidden.
    fn is_hidden(&mut self, next: char) -> bool {
        let before = self.before.replace(next);
        if next.is_ascii() {
            return next.is_ascii_control();
        }
        let selects_presentation = matches!(next, '\u{fe0e}' | '\u{fe0f}');
        !(selects_presentation && before.is_some_and(is_emoji)) && is_invisible(next)
    }
}

fn is_emoji(character: char) -> bool {
    // Digits are also the beginning of keycaps.
    !character.is_ascii() && CodePointSetData::new::<Emoji>().contains(character)
}

fn is_invisible(character: char) -> bool {
    match CodePointMapData::<GeneralCategory>::new().get(character) {
        GeneralCategory::Control | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => {
            true
        }
        // Visible signs above the digits that follow them, such as the Arabic sign for a year.
        GeneralCategory::Format => !CodePointSetData::new::<PrependedConcatenationMark>().contains(character),
        _ => CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character),
    }
}

/// A hidden character in a text that must not contain any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "contains U+{:04X} as its character {position}, which is not allowed: it is invisible or changes how the text is \
     shown",
    u32::from(*.character)
)]
pub struct HiddenCharacter {
    /// The character.
    pub character: char,
    /// Its position, from 1.
    pub position: usize,
}

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitText {
    /// It is a name, and empty.
    #[error("is empty: at least one visible character is required")]
    Empty,
    /// It contains a hidden character.
    #[error(transparent)]
    Hidden(#[from] HiddenCharacter),
    /// It is too long.
    #[error("has {length} characters; at most {limit} are allowed")]
    TooLong {
        /// Its length, in characters.
        length: usize,
        /// The maximum length, in characters.
        limit: usize,
    },
}

/// Checks that `text` contains no hidden character. Returns the first one otherwise.
pub fn check_visible(text: &str) -> Result<(), HiddenCharacter> {
    let mut hidden = HiddenCharacters::default();
    match (1..).zip(text.chars()).find(|(_, character)| hidden.is_hidden(*character)) {
        Some((position, character)) => Err(HiddenCharacter { character, position }),
        None => Ok(()),
    }
}

/// Checks that `text` has at most `limit` characters, of which none is hidden.
pub fn check_bounded(text: &str, limit: usize) -> Result<(), UnfitText> {
    not_longer(text, limit)?;
    Ok(check_visible(text)?)
}

/// Checks that `text` has at most `limit` characters, of which none is a control character. For values that are not
/// names: in some languages, a text needs other hidden characters.
pub fn check_without_control(text: &str, limit: usize) -> Result<(), UnfitText> {
    not_longer(text, limit)?;
    match (1..).zip(text.chars()).find(|(_, character)| character.is_control()) {
        Some((position, character)) => Err(HiddenCharacter { character, position }.into()),
        None => Ok(()),
    }
}

fn not_longer(text: &str, limit: usize) -> Result<(), UnfitText> {
    let length = text.chars().count();
    if length > limit { Err(UnfitText::TooLong { length, limit }) } else { Ok(()) }
}

/// Checks that `name` is [bounded](check_bounded) and not blank.
pub fn check_name(name: &str, limit: usize) -> Result<(), UnfitText> {
    check_bounded(name, limit)?;
    if name.trim().is_empty() { Err(UnfitText::Empty) } else { Ok(()) }
}

/// Returns `text` with each hidden character escaped as in Rust, such as `\u{202e}` or `\n`.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if check_visible(text).is_ok() { Cow::Borrowed(text) } else { Cow::Owned(Escaped(text).to_string()) }
}

/// Returns the beginning of `text`, escaped, in at most `max_bytes` bytes. Cuts neither a character nor an escape.
pub fn escaped_within(text: &str, max_bytes: usize) -> String {
    let mut escaped = EscapingWriter::new(String::new());
    for character in text.chars() {
        let before = escaped.to.len();
        // Writing to a string cannot fail.
        let _written = escaped.write_char(character);
        if escaped.to.len() > max_bytes {
            escaped.to.truncate(before);
            break;
        }
    }
    escaped.to
}

/// Returns the JSON document `json` with each hidden character in its strings escaped as in JSON, such as `\u202e`. It
/// stays the same document: JSON has no hidden characters outside of strings except the white space that is kept.
pub fn escaped_json(json: &str) -> String {
    let mut hidden = HiddenCharacters::default();
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if hidden.is_hidden(character) && !matches!(character, '\n' | '\r' | '\t') {
            let mut units = [0; 2];
            escaped.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Displays a value with each hidden character escaped.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<T>(pub T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(EscapingWriter::new(f), "{}", self.0)
    }
}

/// Escapes what is written through it.
#[derive(Debug)]
pub struct EscapingWriter<W> {
    to: W,
    hidden: HiddenCharacters,
}

impl<W: Write> EscapingWriter<W> {
    /// Creates a writer that writes to `to`.
    pub fn new(to: W) -> Self {
        Self { to, hidden: HiddenCharacters::default() }
    }
}

impl<W: Write> Write for EscapingWriter<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| self.write_char(character))
    }

    fn write_char(&mut self, character: char) -> fmt::Result {
        if !self.hidden.is_hidden(character) {
            return self.to.write_char(character);
        }
        match character {
            '\n' | '\r' | '\t' => write!(self.to, "{}", character.escape_default()),
            other => write!(self.to, "{}", other.escape_unicode()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_character_that_is_invisible_or_reorders_text_is_hidden() {
        let hidden = [
            "\0\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1b}\u{7f}\u{80}\u{85}\u{9b}\u{9f}",
            "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}",
            "\u{ad}\u{200b}\u{200c}\u{200d}\u{2060}\u{2061}\u{2064}\u{206a}\u{feff}\u{180e}",
            "\u{2028}\u{2029}\u{fff9}\u{fffb}\u{e0001}\u{e0020}\u{e007f}\u{e0100}\u{e01ef}",
            "\u{34f}\u{115f}\u{1160}\u{17b4}\u{17b5}\u{180b}\u{3164}\u{ffa0}\u{fe00}\u{fe0f}\u{1d173}",
        ];
        for character in hidden.concat().chars() {
            let found = HiddenCharacter { character, position: 2 };
            assert_eq!(check_visible(&format!("a{character}b")), Err(found), "{character:?}");
        }
    }

    #[test]
    fn text_of_people_in_any_script_is_visible_and_so_are_emoji_with_their_presentation() {
        for text in [
            "Newsletter – “weekly” & more…",
            "Überraschungs-E-Mails für José",
            "नमस्ते",
            "خبرنامه",
            "ニュースレター",
            "😀 ❤️ ☎︎ ©️",
            "e\u{301}",
            "\u{a0}\u{3000}",
            "\u{600}\u{6dd}",
        ] {
            assert_eq!(check_visible(text), Ok(()), "{text}");
            assert!(matches!(escaped(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn a_selector_of_presentation_is_hidden_unless_it_follows_an_emoji() {
        assert_eq!(
            escaped("a\u{fe0f} \u{fe0f} ❤\u{fe0f}\u{fe0f}"),
            "a\\u{fe0f} \\u{fe0f} ❤\u{fe0f}\\u{fe0f}"
        );
    }

    #[test]
    fn hidden_characters_are_escaped_as_in_rust() {
        assert_eq!(
            escaped("a\r\n\tb\u{1b}[31m\u{202e}c\u{e0041}"),
            "a\\r\\n\\tb\\u{1b}[31m\\u{202e}c\\u{e0041}"
        );
        assert_eq!(
            Escaped(format_args!("{}-{}", "❤", "\u{fe0f}\u{200b}")).to_string(),
            "❤-\\u{fe0f}\\u{200b}"
        );
    }

    #[test]
    fn a_beginning_cuts_neither_a_character_nor_an_escape() {
        assert_eq!(escaped_within("ééé", 5), "éé");
        assert_eq!(escaped_within("a\u{1b}b", 6), "a");
        assert_eq!(escaped_within("a\u{1b}b", 7), "a\\u{1b}");
        assert_eq!(escaped_within("❤\u{fe0f}!", 9), "❤\u{fe0f}!");
    }

    #[test]
    fn a_refused_name_is_explained_by_the_character_its_position_or_the_length() {
        let refused = |text: &str| super::check_name(text, 5).unwrap_err().to_string();
        assert_eq!(
            refused("ab\u{202e}"),
            "contains U+202E as its character 3, which is not allowed: it is invisible or changes how the text is shown"
        );
        assert_eq!(refused("abcdef"), "has 6 characters; at most 5 are allowed");
        assert_eq!(refused(" "), "is empty: at least one visible character is required");
        assert_eq!(super::check_name("ééééé", 5), Ok(()));
    }

    proptest! {
        #![proptest_config(test_support::cases(256))]

        #[test]
        fn escaped_text_is_visible_and_stays_as_it_is(text in "\\PC{0,8}[\u{0}-\u{ff}\u{200b}-\u{202f}\u{fe00}-\u{fe0f}]{0,8}\\PC{0,8}") {
            let shown = escaped(&text);
            prop_assert_eq!(check_visible(&shown), Ok(()));
            prop_assert_eq!(escaped(&shown), shown.clone());
        }

        #[test]
        fn an_escaped_json_document_is_the_same_document_without_hidden_characters(text in any::<String>(), key in any::<String>()) {
            let document = serde_json::json!({key: [text, {"\u{202e}": "\u{e0041}\u{7f}"}]});
            for json in [document.to_string(), format!("{document:#}")] {
                let escaped = escaped_json(&json);
                prop_assert_eq!(check_visible(&escaped.replace('\n', "")), Ok(()));
                prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), &document);
            }
        }
    }
}
