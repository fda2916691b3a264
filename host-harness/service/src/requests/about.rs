//! Whom something is about, and when it was received.

use host_model::contract::Subject;
use host_store::{PersonName, person::PersonId};

/// Whom something is about, and when it was received.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// The key of the connection.
    pub connection: &'a str,
    /// The person's record.
    pub person: PersonId,
    /// The person.
    pub subject: &'a Subject,
    /// The names of `subject` that identify the person.
    pub names: &'a [PersonName],
    /// In milliseconds since 1970 in UTC.
    pub at: i64,
}
