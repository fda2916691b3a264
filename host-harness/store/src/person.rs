//! The number of a person.

/// A person of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct PersonId(pub(crate) i64);

impl std::fmt::Display for PersonId {
    /// As a number, which names nobody outside this database.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Stands for the person of an event that identifies nobody. No person has this number.
pub const NOBODY: PersonId = PersonId(0);
