//! Requests in the database: accepted, shown, and ended.

use serde_json::Value;

use crate::{columns::Column, database::Connection, error::StoreError, person::PersonId};
use host_model::requests::{Action, State, Step};

/// A request about to be stored.
pub struct New {
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// The record of its person.
    pub person: PersonId,
    /// What is asked for.
    pub action: Action,
    /// The caller's key by which the same request sent again is recognized; `None` if it gave none.
    pub idempotency_key: Option<String>,
    /// A keyed digest of everything that was asked.
    pub body_digest: [u8; 32],
    /// Whom it is about and what is asked, sealed: see [`Details`](crate::details::Details).
    pub sealed_details: Vec<u8>,
    /// The key to its details, sealed under the master key.
    pub data_key: Vec<u8>,
    /// What is known of the outcome already; `None` if nothing is.
    pub outcome: Option<Value>,
    /// Whether it keeps an event back: see [`Withheld`](crate::details::Withheld).
    pub withholds: bool,
    /// When it was accepted, in milliseconds since 1970 in UTC.
    pub at: i64,
}

/// A request as it may be shown: nothing personal in it. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct View {
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// What was asked.
    #[sqlx(try_from = "Column<Action>")]
    pub action: Action,
    /// Where it stands.
    #[sqlx(try_from = "Column<State>")]
    pub state: State,
    /// What its next attempt does.
    #[sqlx(try_from = "Column<Step>")]
    pub step: Step,
    /// Attempts begun.
    #[sqlx(rename = "generation")]
    pub attempts: i64,
    /// When it was accepted.
    pub received_at: i64,
    /// When its next attempt may begin as far as the request itself goes; what holds its connection back is in
    /// `reason`. `None` unless it waits.
    pub next_at: Option<i64>,
    /// What came of it so far; `None` if nothing did.
    #[sqlx(try_from = "Column<Option<Value>>")]
    pub outcome: Option<Value>,
    /// Why it waits or how it ended, for an operator; `None` if there is nothing to say.
    pub reason: Option<String>,
    /// When it ended; `None` while it has not.
    pub finished_at: Option<i64>,
}

/// One attempt, as it is on record. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct AttemptView {
    /// Its number, from 1.
    #[sqlx(rename = "generation")]
    pub number: i64,
    /// What it did.
    #[sqlx(try_from = "Column<Step>")]
    pub step: Step,
    /// The digest of the plugin that ran.
    #[sqlx(rename = "digest")]
    pub plugin_digest: String,
    /// When it began.
    pub began_at: i64,
    /// When it ended; `None` while it is under way, or if the process ended first.
    pub ended_at: Option<i64>,
    /// What came back; `None` if nothing has.
    #[sqlx(try_from = "Column<Option<Value>>")]
    pub result: Option<Value>,
}

const COLUMNS: &str = "id, tenant, connection, action, state, step, generation, received_at, \
                       CASE state WHEN 'waiting' THEN next_at END AS next_at, outcome, reason, finished_at";

/// Stores `new`. Returns its place in the order of acceptance.
pub async fn insert(tx: &mut Connection, new: &New) -> Result<i64, StoreError> {
    let seq: i64 = sqlx::query_scalar(
        "INSERT INTO requests (id, tenant, connection, person, action, state, step, idempotency_key, body_digest, \
           sealed_details, outcome, received_at, next_at, withholds) \
         VALUES ($1, $2, $3, $4, $5, 'waiting', 'act', $6, $7, $8, $9, $10, $10, $11) RETURNING seq",
    )
    .bind(&new.id)
    .bind(&new.tenant)
    .bind(&new.connection)
    .bind(new.person)
    .bind(new.action.as_ref())
    .bind(new.idempotency_key.as_deref())
    .bind(new.body_digest.to_vec())
    .bind(new.sealed_details.clone())
    .bind(new.outcome.as_ref().map(Value::to_string))
    .bind(new.at)
    .bind(i64::from(new.withholds))
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query("INSERT INTO request_keys (request, data_key) VALUES ($1, $2)")
        .bind(seq)
        .bind(new.data_key.clone())
        .execute(tx)
        .await?;
    Ok(seq)
}

/// The request that `tenant` sent before under the idempotency key `key`, with the digest of what it asked; `None` if
/// there is none.
pub async fn sent_before(
    tx: &mut Connection,
    tenant: &str,
    key: &str,
) -> Result<Option<(View, Vec<u8>)>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS}, body_digest FROM requests WHERE tenant = $1 AND idempotency_key = $2");
    let sent: Option<Sent> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(tenant).bind(key).fetch_optional(tx).await?;
    Ok(sent.map(|sent| (sent.view, sent.body_digest)))
}

#[derive(sqlx::FromRow)]
struct Sent {
    #[sqlx(flatten)]
    view: View,
    body_digest: Vec<u8>,
}

/// The request of that id; `None` if there is none.
pub async fn show(connection: &mut Connection, id: &str) -> Result<Option<View>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM requests WHERE id = $1");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(connection).await?)
}

/// The attempts of the request of that id, oldest first.
pub async fn attempts(connection: &mut Connection, id: &str) -> Result<Vec<AttemptView>, StoreError> {
    let attempts = sqlx::query_as(
        "SELECT a.generation, a.step, a.digest, a.began_at, a.ended_at, a.result \
         FROM attempts a JOIN requests r ON r.seq = a.request WHERE r.id = $1 ORDER BY a.generation",
    )
    .bind(id)
    .fetch_all(connection)
    .await?;
    Ok(attempts)
}

/// Which requests are listed: those that pass each of these.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those of these tenants; `None` for all tenants.
    pub tenants: Option<Vec<String>>,
    /// Only those of the connection of this key; `None` for all.
    pub connection: Option<String>,
    /// Only those that stand so; `None` for all.
    pub state: Option<State>,
    /// Only those accepted before the request of this id, for paging; `None` for all.
    pub before: Option<String>,
    /// At most so many.
    pub limit: i64,
}

/// The requests that `filter` lets through, newest first.
pub async fn list(connection: &mut Connection, filter: &Filter) -> Result<Vec<View>, StoreError> {
    let tenants = filter.tenants.as_deref();
    let of_tenants = tenants.map_or_else(|| "TRUE".to_owned(), |tenants| one_of("tenant", 5, tenants.len()));
    let sql = format!(
        "SELECT {COLUMNS} FROM requests WHERE ($1 IS NULL OR connection = $1) AND ($2 IS NULL OR state = $2) \
           AND ($3 IS NULL OR seq < (SELECT seq FROM requests WHERE id = $3)) AND {of_tenants} \
         ORDER BY seq DESC LIMIT $4"
    );
    let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(filter.connection.as_deref())
        .bind(filter.state.as_ref().map(AsRef::as_ref))
        .bind(filter.before.as_deref())
        .bind(filter.limit);
    for tenant in tenants.unwrap_or_default() {
        query = query.bind(tenant);
    }
    Ok(query.fetch_all(connection).await?)
}

/// Puts a request that failed or expired back in the queue at `at`, if what it asked is still known. Returns whether it
/// was put back.
pub async fn replay(tx: &mut Connection, id: &str, at: i64) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE requests SET state = 'waiting', next_at = $2, tried_since = $2, failures = 0, kills = 0, \
           alarmed_day = 0, reason = NULL, finished_at = NULL \
         WHERE id = $1 AND state IN ('failed', 'expired') \
           AND EXISTS (SELECT 1 FROM request_keys k WHERE k.request = requests.seq)",
    )
    .bind(id)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether a request of `person` waits that writes the choice `what` again: see [`restores`].
pub async fn is_waiting_to_restore(
    tx: &mut Connection,
    person: PersonId,
    what: &str,
) -> Result<bool, StoreError> {
    let waiting: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM requests WHERE person = $1 AND finished_at IS NULL AND state = 'waiting' AND restores = $2",
    )
    .bind(person)
    .bind(what)
    .fetch_one(tx)
    .await?;
    Ok(waiting > 0)
}

/// Records that the request of that id writes the choice `what` again, which the vendor may have gone over.
pub async fn restores(tx: &mut Connection, id: &str, what: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE requests SET restores = $2 WHERE id = $1").bind(id).bind(what).execute(tx).await?;
    Ok(())
}

/// Whether a request waits that reads what the vendor holds for `person`.
pub async fn is_waiting_to_read(tx: &mut Connection, person: PersonId) -> Result<bool, StoreError> {
    let waiting: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM requests \
         WHERE person = $1 AND finished_at IS NULL AND state = 'waiting' AND action = 'reading'",
    )
    .bind(person)
    .fetch_one(tx)
    .await?;
    Ok(waiting > 0)
}

/// A request that ended without having looked, and keeps an event back.
#[derive(sqlx::FromRow)]
pub struct Withholding {
    /// Its place in the order of acceptance.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// The record of its person.
    pub person: PersonId,
    /// Whom it is about and what it keeps back, sealed: see [`Details`](crate::details::Details).
    pub sealed_details: Vec<u8>,
    /// The key to its details, sealed under the master key.
    pub data_key: Vec<u8>,
}

/// Every such request.
pub async fn withholding(connection: &mut Connection) -> Result<Vec<Withholding>, StoreError> {
    let withholding = sqlx::query_as(
        "SELECT r.seq, r.id, r.tenant, r.connection, r.person, r.sealed_details, k.data_key FROM requests r \
         JOIN request_keys k ON k.request = r.seq \
         WHERE r.withholds = 1 AND r.state IN ('failed', 'expired') AND r.sealed_details IS NOT NULL ORDER BY r.seq",
    )
    .fetch_all(connection)
    .await?;
    Ok(withholding)
}

/// Records that the request keeps no event back any more. Returns how many did: 1, or 0 if it kept none back.
pub async fn release(tx: &mut Connection, seq: i64) -> Result<u64, StoreError> {
    let released = sqlx::query("UPDATE requests SET withholds = 0 WHERE seq = $1 AND withholds = 1");
    Ok(released.bind(seq).execute(tx).await?.rows_affected())
}

/// `column IN ($first, …)` for `count` values; never true if there are none.
pub fn one_of(column: &str, first: usize, count: usize) -> String {
    let places: Vec<_> = (first..first + count).map(|place| format!("${place}")).collect();
    if places.is_empty() { "FALSE".to_owned() } else { format!("{column} IN ({})", places.join(", ")) }
}
