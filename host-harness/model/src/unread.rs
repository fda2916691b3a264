//! Explains why serde could not read a document, without the values that it read: a misplaced value may be a secret or
//! personal data.

use std::fmt;

use serde_path_to_error::{Error, Path, Segment};

/// The beginnings of serde's messages that repeat a value. No other messages do.
const ABOUT_A_VALUE: [&str; 5] =
    ["invalid type", "invalid value", "invalid length", "unknown variant", "unknown field"];

/// Serde's names for the types it found. Any other word in that position comes from the document.
const KINDS: [&str; 17] = [
    "boolean",
    "byte array",
    "character",
    "enum",
    "floating point",
    "integer",
    "map",
    "newtype struct",
    "newtype variant",
    "null",
    "Option value",
    "sequence",
    "string",
    "struct variant",
    "tuple variant",
    "unit value",
    "unit variant",
];

/// An error in a document: where it is, what was found and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// A path such as `egress.hosts[1]`; empty for the document as a whole.
    pub place: String,
    /// What was found, such as `invalid type: integer`, or a sentence such as ``missing field `key` ``.
    pub found: String,
    /// What was expected, such as `a whole number above 0`; `None` if `found` is a complete message.
    pub expected: Option<String>,
}

impl Unread {
    /// Creates the error from serde's message about the value at `path`, without the position in the text.
    pub fn new(path: &Path, message: &str) -> Self {
        let place = place(path);
        if !ABOUT_A_VALUE.iter().any(|start| message.starts_with(start)) {
            return Self { place, found: masked(message), expected: None };
        }
        let before_value = message.split(['`', '"', ',']).next().unwrap_or_default().trim_end();
        let field = message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
        let found = match field {
            Some(field) => format!("{before_value} `{}`", shown_key(field)),
            None => match before_value.split_once(": ") {
                Some((what, kind)) if !KINDS.contains(&kind) => format!("{what}: …"),
                _ => before_value.to_owned(),
            },
        };
        let expected = message.rsplit_once(", expected ").map(|(_, expected)| in_words(expected).to_owned());
        // In these messages, a comma can only come from the document.
        let expected = expected.filter(|_| {
            !message.ends_with("there are no fields") && !message.ends_with("there are no variants")
        });
        Self { place, found, expected }
    }

    /// Creates the error from a JSON error.
    pub fn json(error: &Error<serde_json::Error>) -> Self {
        let (path, error) = (error.path(), error.inner());
        let message = error.to_string();
        let position = format!(" at line {} column {}", error.line(), error.column());
        Self::new(path, message.strip_suffix(&position).unwrap_or(&message))
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.found)?;
        self.expected.iter().try_for_each(|expected| write!(f, ", expected {expected}"))
    }
}

/// Translates a type that serde or axum calls `expected` from Rust terms into plain words.
pub fn in_words(expected: &str) -> &str {
    match expected {
        "i64" | "u32" | "u64" | "usize" => "a whole number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "path string" | "a borrowed string" => "a string",
        number if number.starts_with("a nonzero ") => "a whole number above 0",
        of_type if of_type.starts_with("struct ") => "a map",
        other => other,
    }
}

/// Returns `key` if it looks like a field name, or `…` if it may be personal data.
pub fn shown_key(key: &str) -> &str {
    let is_name = key.len() <= 40 && key.chars().all(|c| c.is_ascii_alphabetic() || "-_".contains(c));
    if is_name { key } else { "…" }
}

/// Masks a custom message of a type, which may quote the document.
fn masked(message: &str) -> String {
    let quoted = |text: &str, mark: char| {
        let pieces = text.split(mark).enumerate();
        let shown = pieces.map(|(at, piece)| if at % 2 == 0 { piece } else { shown_key(piece) });
        shown.collect::<Vec<_>>().join(mark.encode_utf8(&mut [0; 4]))
    };
    let without_values = quoted(&quoted(&message.replace("\\\"", ""), '"'), '`');
    let words = without_values.split(' ').map(|word| if word.contains('@') { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

fn place(path: &Path) -> String {
    // The text ends or is invalid before the first key.
    if path.iter().all(|segment| matches!(segment, Segment::Unknown)) {
        return String::new();
    }
    let shown = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("[{index}]"),
        Segment::Map { key } | Segment::Enum { variant: key } => format!(".{}", shown_key(key)),
        Segment::Unknown => ".…".to_owned(),
    };
    path.iter().map(shown).collect::<String>().trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, num::NonZeroU32};

    use serde::{
        Deserialize,
        de::{Error as _, Unexpected},
    };

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    #[expect(dead_code, reason = "the fields are never used")]
    struct Draft {
        name: Option<String>,
        calls: Option<NonZeroU32>,
        state: Option<State>,
        people: Option<BTreeMap<String, Vec<bool>>>,
        nothing: Option<Nothing>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum State {
        Waiting,
        Done,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    #[test]
    fn the_place_and_the_problem_are_shown_and_the_value_read_is_not() {
        for (text, told) in [
            (r#"{"name": 170123}"#, "name: invalid type: integer, expected a string"),
            (
                r#"{"calls": "a `b`, expected \"c\""}"#,
                "calls: invalid type: string, expected a whole number above 0",
            ),
            (r#"{"calls": 0}"#, "calls: invalid value: integer, expected a whole number above 0"),
            (r#"{"state": "k3y-of-mine"}"#, "state: unknown variant, expected `waiting` or `done`"),
            (
                r#"{"people": {"ada@example.com": [true, 1]}}"#,
                "people.…[1]: invalid type: integer, expected true or false",
            ),
            (
                r#"{"people": {"email": "ada@example.com"}}"#,
                "people.email: invalid type: string, expected a list",
            ),
            (r#"{"people": true}"#, "people: invalid type: boolean, expected a map"),
            (
                r#"{"stat": 1}"#,
                "stat: unknown field `stat`, expected one of `name`, `calls`, `state`, `people`, `nothing`",
            ),
            (
                r#"{"k3y-of-mine": 1}"#,
                "…: unknown field `…`, expected one of `name`, `calls`, `state`, `people`, `nothing`",
            ),
            (r#"{"nothing": {"it, expected k3y": 1}}"#, "nothing.…: unknown field `…`"),
            (r#""ada@example.com""#, "invalid type: string, expected a map"),
            (r#"{"name": "ada@example.com""#, "EOF while parsing an object"),
        ] {
            let mut document = serde_json::Deserializer::from_str(text);
            let error = serde_path_to_error::deserialize::<_, Draft>(&mut document).unwrap_err();
            assert_eq!(Unread::json(&error).to_string(), told, "{text}");
        }
    }

    #[test]
    fn a_message_written_by_a_type_is_shown_without_what_it_quotes() {
        let nothing = serde_json::Deserializer::from_str("");
        let path = serde_path_to_error::deserialize::<_, Draft>(&mut { nothing }).unwrap_err().path().clone();
        let other = serde_json::Error::invalid_value(Unexpected::Other("ada@example.com"), &"a name");
        for (message, told) in [
            (other.to_string().as_str(), "invalid value: …, expected a name"),
            ("no address: ada@example.com is taken", "no address: … is taken"),
            (r#"neither "ada \"x\" lovelace" nor `+49 170 123`"#, r#"neither "…" nor `…`"#),
            ("missing field `key`", "missing field `key`"),
            ("an open `k3y", "an open `…"),
            ("unknown variant `a, expected k3y`, there are no variants", "unknown variant"),
            ("invalid length 3, expected 2 elements", "invalid length 3, expected 2 elements"),
        ] {
            assert_eq!(Unread::new(&path, message).to_string(), told);
        }
    }
}
