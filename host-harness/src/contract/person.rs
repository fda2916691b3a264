//! People, as types that do not print.

use std::fmt;

/// One way to name a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Identifier {
    /// Such as `email` or `user-id`.
    pub kind: String,
    /// As the platform holds it, not normalised. Personal data.
    pub value: String,
}

impl Identifier {
    /// An identifier of `kind`.
    pub fn new(kind: impl Into<String>, value: impl Into<String>) -> Self {
        Self { kind: kind.into(), value: value.into() }
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:[personal]", self.kind)
    }
}

/// A person: every identifier that the platform knows, in its order of preference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject(Vec<Identifier>);

impl Subject {
    /// The person known by an email address.
    pub fn email(address: impl Into<String>) -> Self {
        Self::default().and("email", address)
    }

    /// The same person, known by one more identifier.
    #[must_use]
    pub fn and(mut self, kind: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.push(Identifier::new(kind, value));
        self
    }

    /// The identifiers, most preferred first.
    pub fn identifiers(&self) -> &[Identifier] {
        &self.0
    }
}

impl From<Vec<Identifier>> for Subject {
    fn from(identifiers: Vec<Identifier>) -> Self {
        Self(identifiers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_never_prints() {
        let person = Subject::email("ada@example.com").and("user-id", "u-17");
        assert_eq!(format!("{person:?}"), "Subject([email:[personal], user-id:[personal]])");
    }
}
