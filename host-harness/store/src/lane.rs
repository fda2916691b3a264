//! A lane of the queue.

use crate::columns::Column;
use host_model::requests::{Action, Step, breaker::Breaker};

/// A connection's requests whose next attempt does the same, some of which are due.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Lane {
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    #[sqlx(rename = "key")]
    pub connection: String,
    /// What is asked for.
    #[sqlx(try_from = "Column<Action>")]
    pub action: Action,
    /// What the next attempt does.
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
