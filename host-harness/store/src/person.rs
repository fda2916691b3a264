//! The number of a person.

/// The number of a person of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct PersonId(pub(crate) i64);

impl PersonId {
    /// Returns the number itself, by which a release in steps knows the person.
    pub fn number(self) -> i64 {
        self.0
    }
}

impl std::fmt::Display for PersonId {
    /// Formats the number, which identifies no one outside this database.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The placeholder for the person of an event that identifies no one. No person has this number.
pub const UNIDENTIFIED: PersonId = PersonId(0);
