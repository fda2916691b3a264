//! A lane of the queue.

use crate::columns::Column;
use host_model::requests::{Action, Step, breaker::Breaker};

/// The requests of a connection with the same action and next step, some of which are due.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Lane {
    /// The tenant that the connection belongs to.
    pub tenant: String,
    /// The key of the connection.
    #[sqlx(rename = "key")]
    pub connection: String,
    /// The action of the requests.
    #[sqlx(try_from = "Column<Action>")]
    pub action: Action,
    /// The step of their next attempt.
    #[sqlx(try_from = "Column<Step>")]
    pub step: Step,
    /// The circuit breaker of the connection.
    #[sqlx(flatten, try_from = "BreakerColumns")]
    pub breaker: Breaker,
}

#[derive(sqlx::FromRow)]
struct BreakerColumns {
    outcomes: String,
    open_until: i64,
}

impl From<BreakerColumns> for Breaker {
    fn from(BreakerColumns { outcomes, open_until }: BreakerColumns) -> Self {
        Self { outcomes, open_until }
    }
}
