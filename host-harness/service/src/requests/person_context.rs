//! The person that a request or an event is about.

use host_model::contract::Subject;
use host_store::{PersonName, person::PersonId};

/// The person that a request or an event is about, and when it was received.
#[derive(Clone, Copy, Debug)]
pub struct PersonContext<'a> {
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
    /// The time of receipt, in milliseconds since the Unix epoch.
    pub at: i64,
}
