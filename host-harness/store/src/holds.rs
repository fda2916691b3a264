//! What keeps a waiting request from running: its connection, the vendor's limits, the person's earlier requests.
//! Attempts record it here when they end, and views of requests show it.
//! Tested in `service/src/requests/worker/tests.rs`.

use sqlx::Row;

use crate::{connections, database::Tx, error::StoreError, requests::RequestView};
use host_model::requests::{
    Action, Step,
    breaker::{Breaker, Reaction},
};

/// The stored reasons that may hold a request back. Times are in milliseconds since the Unix epoch.
pub struct Hold {
    /// Whether its connection is enabled.
    pub is_enabled: bool,
    /// Whether its connection carries out such requests.
    pub is_on_duty: bool,
    /// Why its connection is parked; `None` if it is not.
    pub parked_why: Option<String>,
    /// Why an operator paused its connection; `None` if it is not paused.
    pub paused_why: Option<String>,
    /// Until when the circuit breaker is open; a time in the past if it is closed.
    pub open_until: i64,
    /// Until when a limit of the vendor blocks such requests, and why; the time may be in the past. `None` if no limit
    /// ever blocked them.
    pub gate: Option<(i64, String)>,
    /// How many waiting requests of the same action are ahead of it, at all connections of the vendor account.
    pub ahead: i64,
    /// Whether it has to wait for an earlier request about the same person.
    pub is_behind_same_person: bool,
    /// Until when the vendor may not yet show the last write about the person; 0 if nothing was sent.
    pub settled_at: i64,
}

/// Returns what may hold `view` back; `None` if its connection no longer exists. `sharing` contains the keys of all
/// connections of its vendor account.
pub async fn hold(tx: &mut Tx, view: &RequestView, sharing: &[String]) -> Result<Option<Hold>, StoreError> {
    let row = sqlx::query(
        "SELECT c.enabled, c.actions, c.parked_why, c.paused_why, c.open_until, g.until, g.why, \
           COALESCE((SELECT p.settled_at FROM requests me JOIN people p ON p.id = me.person WHERE me.id = $2), 0) AS settled_at, \
           (SELECT COUNT(*) FROM requests me JOIN requests e ON e.person = me.person AND e.seq < me.seq \
            WHERE me.id = $2 AND e.finished_at IS NULL) AS behind \
         FROM connections c LEFT JOIN gates g ON g.connection = c.key AND g.action = $3 AND g.step = $4 WHERE c.key = $1",
    )
    .bind(&view.connection)
    .bind(&view.id)
    .bind(view.action.as_ref())
    .bind(view.step.as_ref())
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let until: Option<i64> = row.try_get("until")?;
    let why: Option<String> = row.try_get("why")?;
    Ok(Some(Hold {
        is_enabled: row.try_get::<i64, _>("enabled")? != 0,
        is_on_duty: connections::duties_in(row.try_get("actions")?)?.contains(&view.action.duty()),
        parked_why: row.try_get("parked_why")?,
        paused_why: row.try_get("paused_why")?,
        open_until: row.try_get("open_until")?,
        gate: until.zip(why),
        ahead: ahead(tx, view, sharing).await?,
        is_behind_same_person: row.try_get::<i64, _>("behind")? > 0,
        settled_at: row.try_get("settled_at")?,
    }))
}

/// Returns whether the request with this id has to wait for an earlier erasure of the same person.
pub async fn is_behind_erasure(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    let earlier: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM requests me JOIN requests e ON e.person = me.person AND e.seq < me.seq \
         WHERE me.id = $1 AND e.finished_at IS NULL AND e.action = 'erasure'",
    )
    .bind(id)
    .fetch_one(tx)
    .await?;
    Ok(earlier > 0)
}

async fn ahead(tx: &mut Tx, view: &RequestView, sharing: &[String]) -> Result<i64, StoreError> {
    let mut ahead = 0;
    for key in sharing {
        let count: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM requests WHERE connection = $1 AND action = $2 AND step = 'act' \
               AND state = 'waiting' AND seq < (SELECT seq FROM requests WHERE id = $3)",
        )
        .bind(key)
        .bind(view.action.as_ref())
        .bind(&view.id)
        .fetch_one(&mut *tx)
        .await?;
        ahead += count;
    }
    Ok(ahead)
}

/// Holds back requests with this connection, action and step until `until`.
pub async fn hold_back(
    tx: &mut Tx,
    connection: &str,
    action: Action,
    step: Step,
    until: i64,
    why: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO gates (connection, action, step, until, why) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (connection, action, step) DO UPDATE SET until = excluded.until, why = excluded.why",
    )
    .bind(connection)
    .bind(action.as_ref())
    .bind(step.as_ref())
    .bind(until)
    .bind(why)
    .execute(tx)
    .await?;
    Ok(())
}

/// Parks `connection` until an operator resumes it. If it is already parked, the original reason and time are kept.
pub async fn park(tx: &mut Tx, connection: &str, at: i64, why: &str) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE connections SET parked_why = $2, parked_at = $3 WHERE key = $1 AND parked_why IS NULL",
    )
    .bind(connection)
    .bind(why)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Records the vendor's reaction to an attempt in the connection's circuit breaker.
pub async fn record_outcome(
    tx: &mut Tx,
    connection: &str,
    reaction: Reaction,
    at: i64,
) -> Result<(), StoreError> {
    let row: Option<(String, i64)> =
        sqlx::query_as("SELECT outcomes, open_until FROM connections WHERE key = $1")
            .bind(connection)
            .fetch_optional(&mut *tx)
            .await?;
    let Some((outcomes, open_until)) = row else { return Ok(()) };
    let mut breaker = Breaker { outcomes, open_until };
    breaker.record(reaction, at);
    sqlx::query("UPDATE connections SET outcomes = $2, open_until = $3 WHERE key = $1")
        .bind(connection)
        .bind(breaker.outcomes)
        .bind(breaker.open_until)
        .execute(tx)
        .await?;
    Ok(())
}
