//! Requests in the database: storing, showing and replaying them.
//! Tested in `service/src/requests/worker/tests.rs`.

pub mod attempts;
pub mod kept;
pub mod matching;

use serde_json::Value;

use crate::{
    columns::Column, database::Tx, error::StoreError, open_requests, person::PersonId, row_change::RowChange,
};
use host_model::requests::{Action, RequestState, Step, completion::Completion, outcome::Outcome};

/// A request about to be stored.
pub struct NewRequest {
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// The person it is about.
    pub person: PersonId,
    /// The requested action.
    pub action: Action,
    /// The caller's idempotency key, which identifies repeats of the same request; `None` if it gave none.
    pub idempotency_key: Option<String>,
    /// A keyed digest of the contents of the request.
    pub body_digest: [u8; 32],
    /// The person and what is requested, sealed: see [`Details`](crate::details::Details).
    pub sealed_details: Vec<u8>,
    /// The key to its details, sealed under the master key.
    pub data_key: Vec<u8>,
    /// What is already known of the outcome; `None` if nothing is.
    pub outcome: Option<Value>,
    /// Whether it withholds an event: see [`WithheldEvent`](crate::details::WithheldEvent).
    pub withholds: bool,
    /// When it was accepted, in milliseconds since the Unix epoch.
    pub at: i64,
}

/// A request as shown to operators, without personal data. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct RequestView {
    /// Its position in the order of acceptance.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// The person it is about.
    pub person: PersonId,
    /// The requested action.
    #[sqlx(try_from = "Column<Action>")]
    pub action: Action,
    /// Its state.
    #[sqlx(try_from = "Column<RequestState>")]
    pub state: RequestState,
    /// The step of its next attempt.
    #[sqlx(try_from = "Column<Step>")]
    pub step: Step,
    /// The number of attempts started.
    #[sqlx(rename = "generation")]
    pub attempts: i64,
    /// When it was accepted.
    pub received_at: i64,
    /// When its next attempt may begin, regardless of what holds back its connection, which is in `reason`. `None`
    /// unless it is waiting for a time.
    pub next_at: Option<i64>,
    /// Its outcome so far; `None` if there is none.
    #[sqlx(try_from = "Column<Option<Value>>")]
    pub outcome: Option<Value>,
    /// Why it is waiting or how it ended, for an operator; `None` if no reason is recorded.
    pub reason: Option<String>,
    /// When it ended; `None` if it has not ended.
    pub finished_at: Option<i64>,
    /// The digest of the plugin version that it must not be attempted with; `None` if it does not wait for another one.
    pub contradicted_by: Option<String>,
    /// Whether its data is still stored.
    #[sqlx(try_from = "Column<bool>")]
    pub has_data: bool,
}

impl RequestView {
    /// Returns the outcome; `None` if there is none, or if the stored one cannot be read.
    pub fn read_outcome(&self) -> Option<Outcome> {
        serde_json::from_value(self.outcome.clone()?).ok()
    }

    /// Returns whether it was carried out.
    pub fn completion(&self) -> Completion {
        Completion::of(self.action, self.state, self.read_outcome().as_ref(), self.reason.as_deref())
    }
}

const COLUMNS: &str = "r.seq, r.id, r.tenant, r.connection, r.person, r.action, COALESCE(o.state, r.state) AS state, \
                       COALESCE(o.step, r.step) AS step, COALESCE(o.generation, r.generation) AS generation, r.received_at, \
                       CASE WHEN o.state = 'waiting' AND o.contradicted_by IS NULL THEN o.next_at END AS next_at, r.outcome, \
                       r.reason, r.finished_at, o.contradicted_by, \
                       CASE WHEN r.sealed_details IS NULL THEN 0 ELSE 1 END AS has_data";

const TABLES: &str = "requests r LEFT JOIN open_requests o ON o.seq = r.seq";

/// Stores `new`. Returns its position in the order of acceptance.
pub async fn insert(tx: &mut Tx, new: &NewRequest) -> Result<i64, StoreError> {
    let seq: i64 = sqlx::query_scalar(
        "INSERT INTO requests (id, tenant, connection, person, action, state, step, idempotency_key, body_digest, \
           sealed_details, outcome, received_at, withholds) \
         VALUES ($1, $2, $3, $4, $5, 'open', 'act', $6, $7, $8, $9, $10, $11) RETURNING seq",
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
        .execute(&mut *tx)
        .await?;
    open_requests::put(tx, seq, new.at).await?;
    Ok(seq)
}

/// Returns the request that `tenant` sent earlier with the idempotency key `key`, and the digest of its contents;
/// `None` if there is none.
pub async fn sent_before(
    tx: &mut Tx,
    tenant: &str,
    key: &str,
) -> Result<Option<(RequestView, Vec<u8>)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, r.body_digest FROM {TABLES} WHERE r.tenant = $1 AND r.idempotency_key = $2"
    );
    let sent: Option<SentRequest> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(tenant).bind(key).fetch_optional(tx).await?;
    Ok(sent.map(|sent| (sent.view, sent.body_digest)))
}

#[derive(sqlx::FromRow)]
struct SentRequest {
    #[sqlx(flatten)]
    view: RequestView,
    body_digest: Vec<u8>,
}

/// Returns the request with this id; `None` if there is none.
pub async fn show(connection: &mut Tx, id: &str) -> Result<Option<RequestView>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE r.id = $1");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(connection).await?)
}

/// Returns the requests about one of `people`, newest first, at most `limit`.
pub async fn about(
    connection: &mut Tx,
    people: &[PersonId],
    limit: usize,
) -> Result<Vec<RequestView>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE r.person = $1 ORDER BY r.seq DESC LIMIT $2");
    let mut found: Vec<RequestView> = Vec::new();
    for person in people {
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(*person);
        found.extend(query.bind(i64::try_from(limit).unwrap_or(i64::MAX)).fetch_all(&mut *connection).await?);
    }
    found.sort_by(|one, other| (other.received_at, &other.id).cmp(&(one.received_at, &one.id)));
    found.truncate(limit);
    Ok(found)
}

/// The data of a request, sealed.
#[derive(sqlx::FromRow)]
pub struct SealedData {
    /// The person and what is requested: see [`Details`](crate::details::Details).
    pub sealed_details: Vec<u8>,
    /// The key to its details, sealed under the master key.
    pub data_key: Vec<u8>,
}

/// Returns the data of the request with this id; `None` if it was destroyed.
pub async fn data(connection: &mut Tx, id: &str) -> Result<Option<SealedData>, StoreError> {
    let data = sqlx::query_as(
        "SELECT r.sealed_details, k.data_key FROM requests r JOIN request_keys k ON k.request = r.seq \
         WHERE r.id = $1 AND r.sealed_details IS NOT NULL",
    );
    Ok(data.bind(id).fetch_optional(connection).await?)
}

/// Puts a failed or expired request back in the queue at `at`, if its details are still kept.
pub async fn replay(tx: &mut Tx, id: &str, at: i64) -> Result<RowChange, StoreError> {
    let replayed: Option<i64> = sqlx::query_scalar(
        "UPDATE requests SET state = 'open', tried_since = $2, failures = 0, kills = 0, alarmed_day = 0, reason = NULL, \
           finished_at = NULL \
         WHERE id = $1 AND state IN ('failed', 'expired') \
           AND EXISTS (SELECT 1 FROM request_keys k WHERE k.request = requests.seq) \
         RETURNING seq",
    )
    .bind(id)
    .bind(at)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(seq) = replayed else { return Ok(RowChange::Unchanged) };
    open_requests::put(tx, seq, at).await?;
    Ok(RowChange::Changed)
}

/// Lets another request be sent with the idempotency key of the request with this id.
pub async fn release_key(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE requests SET idempotency_key = NULL WHERE id = $1").bind(id).execute(tx).await?;
    Ok(())
}

/// Returns whether a request of `person` is waiting that writes the choice `what` again: see [`restores`].
pub async fn is_waiting_to_restore(tx: &mut Tx, person: PersonId, what: &str) -> Result<bool, StoreError> {
    let waiting: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM open_requests o JOIN requests r ON r.seq = o.seq \
         WHERE o.person = $1 AND o.state = 'waiting' AND r.restores = $2",
    )
    .bind(person)
    .bind(what)
    .fetch_one(tx)
    .await?;
    Ok(waiting > 0)
}

/// Records that the request with this id writes the choice `what` again, because the vendor may have overwritten it.
pub async fn restores(tx: &mut Tx, id: &str, what: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE requests SET restores = $2 WHERE id = $1").bind(id).bind(what).execute(tx).await?;
    Ok(())
}

/// Returns whether a request is waiting that reads the choices of `person` from the vendor.
pub async fn is_waiting_to_read(tx: &mut Tx, person: PersonId) -> Result<bool, StoreError> {
    let waiting: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM open_requests WHERE person = $1 AND state = 'waiting' AND action = 'reading'",
    )
    .bind(person)
    .fetch_one(tx)
    .await?;
    Ok(waiting > 0)
}

/// A request that ended before it could read from the vendor, and still withholds an event.
#[derive(sqlx::FromRow)]
pub struct WithholdingRequest {
    /// Its position in the order of acceptance.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// The person it is about.
    pub person: PersonId,
    /// The person and the withheld event, sealed: see [`Details`](crate::details::Details).
    pub sealed_details: Vec<u8>,
    /// The key to its details, sealed under the master key.
    pub data_key: Vec<u8>,
}

/// Returns all requests that ended and still withhold an event.
pub async fn withholding(connection: &mut Tx) -> Result<Vec<WithholdingRequest>, StoreError> {
    let withholding = sqlx::query_as(
        "SELECT r.seq, r.id, r.tenant, r.connection, r.person, r.sealed_details, k.data_key FROM requests r \
         JOIN request_keys k ON k.request = r.seq \
         WHERE r.withholds = 1 AND r.state IN ('failed', 'expired') AND r.sealed_details IS NOT NULL ORDER BY r.seq",
    )
    .fetch_all(connection)
    .await?;
    Ok(withholding)
}

/// Records that the request no longer withholds an event. Returns the number of requests changed: 1, or 0 if it
/// withheld none.
pub async fn release(tx: &mut Tx, seq: i64) -> Result<u64, StoreError> {
    let released = sqlx::query("UPDATE requests SET withholds = 0 WHERE seq = $1 AND withholds = 1");
    Ok(released.bind(seq).execute(tx).await?.rows_affected())
}
