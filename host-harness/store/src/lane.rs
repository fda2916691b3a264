//! A lane of the queue.

use host_model::requests::{Action, Step, breaker::Breaker};

/// A connection's requests whose next attempt does the same, some of which are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// What is asked for.
    pub action: Action,
    /// What the next attempt does.
    pub step: Step,
    /// The circuit breaker of the connection.
    pub breaker: Breaker,
}
