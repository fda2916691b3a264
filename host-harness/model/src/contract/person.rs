//! Types for people. Their `Debug` output shows no personal data.

use std::fmt;

use crate::unread::shown_key;

/// Maximum number of characters of one identifier, and of the name of its kind. An email address has at most 254; no
/// published user id format comes close. The cost of masking a person's identifiers grows with this limit.
pub const MAX_IDENTIFIER_CHARS: usize = 512;

/// Maximum number of identifiers of one person. Platforms know a person by a handful.
pub const MAX_IDENTIFIERS: usize = 32;

/// A person's identifiers exceed the limits. The error shows no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Oversized {
    /// The name of a kind is too long. It is not repeated in the message.
    #[error("a kind of identifier has {chars} characters; at most {MAX_IDENTIFIER_CHARS} are accepted")]
    Kind {
        /// Its length in characters.
        chars: usize,
    },
    /// One value is too long.
    #[error(
        "{}: the identifier has {chars} characters; at most {MAX_IDENTIFIER_CHARS} are accepted",
        shown_key(kind)
    )]
    Value {
        /// Its kind.
        kind: String,
        /// Its length in characters.
        chars: usize,
    },
    /// There are too many identifiers.
    #[error("the person has {count} identifiers; at most {MAX_IDENTIFIERS} are accepted")]
    Count {
        /// How many there are.
        count: usize,
    },
}

/// One way to name a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Identifier {
    /// Such as `email` or `user-id`.
    pub kind: String,
    /// The value as the platform has it, not normalised. Personal data.
    pub value: String,
}

impl Identifier {
    /// Creates an identifier of `kind`.
    pub fn new(kind: impl Into<String>, value: impl Into<String>) -> Self {
        Self { kind: kind.into(), value: value.into() }
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:[personal]", self.kind)
    }
}

/// A person: every identifier that the platform knows, in the platform's order of preference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject(Vec<Identifier>);

impl Subject {
    /// Creates a person with an email address.
    pub fn email(address: impl Into<String>) -> Self {
        Self::default().and("email", address)
    }

    /// Adds an identifier.
    #[must_use]
    pub fn and(mut self, kind: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.push(Identifier::new(kind, value));
        self
    }

    /// Returns the person if its identifiers are within [`MAX_IDENTIFIERS`] and [`MAX_IDENTIFIER_CHARS`].
    pub fn within_bounds(self) -> Result<Self, Oversized> {
        let count = self.0.len();
        if count > MAX_IDENTIFIERS {
            return Err(Oversized::Count { count });
        }
        for Identifier { kind, value } in &self.0 {
            if let Some(chars) = excess(kind) {
                return Err(Oversized::Kind { chars });
            }
            if let Some(chars) = excess(value) {
                return Err(Oversized::Value { kind: kind.clone(), chars });
            }
        }
        Ok(self)
    }

    /// Returns the identifiers, most preferred first.
    pub fn identifiers(&self) -> &[Identifier] {
        &self.0
    }
}

impl From<Vec<Identifier>> for Subject {
    fn from(identifiers: Vec<Identifier>) -> Self {
        Self(identifiers)
    }
}

/// Returns the length of `text` in characters if it exceeds the maximum for an identifier.
fn excess(text: &str) -> Option<usize> {
    let chars = text.chars().count();
    (chars > MAX_IDENTIFIER_CHARS).then_some(chars)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_bounded_in_characters_and_identifiers_and_no_error_shows_a_value() {
        let most = "é".repeat(MAX_IDENTIFIER_CHARS);
        let long = "é".repeat(MAX_IDENTIFIER_CHARS + 1);
        let many = |count| Subject::from(vec![Identifier::new("email", most.clone()); count]);
        assert_eq!(many(MAX_IDENTIFIERS).within_bounds(), Ok(many(MAX_IDENTIFIERS)));
        assert_eq!(
            many(MAX_IDENTIFIERS + 1).within_bounds(),
            Err(Oversized::Count { count: MAX_IDENTIFIERS + 1 })
        );
        let too_long = Subject::default().and("user-id", long.clone()).within_bounds().unwrap_err();
        assert_eq!(too_long, Oversized::Value { kind: "user-id".into(), chars: 513 });
        assert_eq!(
            too_long.to_string(),
            "user-id: the identifier has 513 characters; at most 512 are accepted"
        );
        assert_eq!(Subject::default().and(long, "u-1").within_bounds(), Err(Oversized::Kind { chars: 513 }));
    }

    #[test]
    fn a_person_never_prints() {
        let person = Subject::email("ada@example.com").and("user-id", "u-17");
        assert_eq!(format!("{person:?}"), "Subject([email:[personal], user-id:[personal]])");
    }
}
