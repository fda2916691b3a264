//! Acts on many requests at once: stored with their requests, carried out one request after another.
//! Tested in `api/src/tests/bulk_acts.rs`.

use sqlx::FromRow;

use crate::{
    columns::{Column, column, word},
    database::Tx,
    error::StoreError,
    grant::KeyReach,
    list_place::place_of,
    portion::{self, Portion},
    requests::matching::{self, RequestFilter},
    row_change::RowChange,
};
use host_model::bulk::{BulkKind, BulkResult, BulkState};

/// The maximum number of requests of an act: those that can be counted.
pub const MAX_REQUESTS: i64 = matching::MAX_COUNTED;

/// An act about to be stored.
#[derive(Clone, Debug)]
pub struct NewBulkAct {
    /// Its id.
    pub id: String,
    /// What is done with each request.
    pub kind: BulkKind,
    /// Its first state: pending or running.
    pub state: BulkState,
    /// The id of the API key that makes it.
    pub api_key: String,
    /// Who makes it, as in the audit chain.
    pub made_by: String,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
    /// When it expires if it is still pending.
    pub expires_at: i64,
}

/// An act. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct BulkAct {
    /// Its position in the order in which acts were made.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// What is done with each request.
    #[sqlx(rename = "act", try_from = "Column<BulkKind>")]
    pub kind: BulkKind,
    /// Its state.
    #[sqlx(try_from = "Column<BulkState>")]
    pub state: BulkState,
    /// The id of the API key that made it.
    pub api_key: String,
    /// Who made it.
    pub made_by: String,
    /// When it was made.
    pub made_at: i64,
    /// When it expires if it is still pending.
    pub expires_at: i64,
    /// The API key that approved or withdrew it; `None` if none has.
    pub decided_by: Option<String>,
    /// When that was.
    pub decided_at: Option<i64>,
    /// When it ended; `None` if it has not.
    pub ended_at: Option<i64>,
    /// The number of its requests.
    pub total: i64,
    /// How many of them were carried out.
    pub done: i64,
    /// How many of them were refused.
    pub refused: i64,
}

column!(BulkKind: String, |stored| word("what an act does", &stored));
column!(BulkState: String, |stored| word("the state of an act", &stored));
column!(Option<BulkResult>: Option<String>, |stored| {
    stored.map(|stored| word("the result of an act", &stored)).transpose()
});

/// A request of an act.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct BulkRequest {
    /// The request's position in the order of acceptance.
    pub request: i64,
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// The result; `None` until it is its turn.
    #[sqlx(try_from = "Column<Option<BulkResult>>")]
    pub result: Option<BulkResult>,
    /// Why it was refused; `None` if it was not.
    pub why: Option<String>,
}

const COLUMNS: &str = "a.seq, a.id, a.act, a.state, a.api_key, a.made_by, a.made_at, a.expires_at, a.decided_by, \
                       a.decided_at, a.ended_at, a.total, a.done, a.refused";

/// Stores `new` with the requests that match `filter`, up to one more than [`MAX_REQUESTS`]. Returns the number of requests.
pub async fn insert(tx: &mut Tx, new: &NewBulkAct, filter: &RequestFilter) -> Result<i64, StoreError> {
    let seq: i64 = sqlx::query_scalar(
        "INSERT INTO bulk_acts (id, act, state, api_key, made_by, made_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING seq",
    )
    .bind(&new.id)
    .bind(new.kind.as_ref())
    .bind(new.state.as_ref())
    .bind(&new.api_key)
    .bind(&new.made_by)
    .bind(new.at)
    .bind(new.expires_at)
    .fetch_one(&mut *tx)
    .await?;
    let total = matching::copy_to_act(tx, filter, seq, MAX_REQUESTS + 1).await?;
    let set = sqlx::query("UPDATE bulk_acts SET total = $2 WHERE seq = $1");
    set.bind(seq).bind(total).execute(tx).await?;
    Ok(total)
}

/// Returns the act with this id; `None` if there is none, or if one of its requests is beyond `reach`.
pub async fn show(tx: &mut Tx, id: &str, reach: &KeyReach) -> Result<Option<BulkAct>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM bulk_acts a WHERE a.id = $1 AND {}", within(reach, 2));
    let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id);
    for value in reach.values() {
        query = query.bind(value);
    }
    Ok(query.fetch_optional(tx).await?)
}

/// Selects the acts to list: those that match every field.
#[derive(Clone, Debug, Default)]
pub struct BulkActFilter {
    /// Only those all of whose requests belong to this.
    pub reach: KeyReach,
    /// Only those in this state; `None` for all.
    pub state: Option<BulkState>,
    /// Only those made before the one with this id; `None` for all.
    pub before: Option<String>,
    /// The maximum number of acts.
    pub limit: i64,
}

/// Returns the acts that match `filter`, newest first.
pub async fn list(tx: &mut Tx, filter: &BulkActFilter) -> Result<Vec<BulkAct>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM bulk_acts a WHERE ($1 IS NULL OR a.state = $1) \
           AND ($2 IS NULL OR a.seq < {}) AND {} \
         ORDER BY a.seq DESC LIMIT $3",
        place_of("bulk_acts", "$2"),
        within(&filter.reach, 4)
    );
    let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(filter.state.as_ref().map(AsRef::as_ref))
        .bind(filter.before.as_deref())
        .bind(filter.limit);
    for value in filter.reach.values() {
        query = query.bind(value);
    }
    Ok(query.fetch_all(tx).await?)
}

/// The condition that all requests of the act `a` belong to `reach`, whose values are bound from `first` on.
fn within(reach: &KeyReach, first: usize) -> String {
    if reach.is_everything() {
        return "TRUE".to_owned();
    }
    format!(
        "NOT EXISTS (SELECT 1 FROM bulk_act_requests b WHERE b.bulk_act = a.seq AND NOT {})",
        reach.condition("b.tenant", "b.connection", first)
    )
}

/// Selects the requests of an act to list.
#[derive(Clone, Debug)]
pub struct BulkRequestFilter {
    /// Only those with this result; `None` for all.
    pub result: Option<BulkResult>,
    /// Only those accepted after the request with this id; `None` for all.
    pub after: Option<String>,
    /// The maximum number of requests.
    pub limit: i64,
}

/// Returns the requests of the act with the position `act` that match `filter`, in the order of acceptance.
pub async fn requests(
    tx: &mut Tx,
    act: i64,
    filter: &BulkRequestFilter,
) -> Result<Vec<BulkRequest>, StoreError> {
    let listed = sqlx::query_as(
        "SELECT request, id, tenant, connection, result, why FROM bulk_act_requests \
         WHERE bulk_act = $1 AND ($2 IS NULL OR result = $2) \
           AND ($3 IS NULL OR request > (SELECT request FROM bulk_act_requests WHERE bulk_act = $1 AND id = $3)) ORDER BY request LIMIT $4",
    )
    .bind(act)
    .bind(filter.result.as_ref().map(AsRef::as_ref))
    .bind(filter.after.as_deref())
    .bind(filter.limit);
    Ok(listed.fetch_all(tx).await?)
}

/// Returns the tenants whose requests the act with this id is about, with the number of each.
pub async fn tenants(tx: &mut Tx, id: &str) -> Result<Vec<(String, i64)>, StoreError> {
    let sql = "SELECT b.tenant, COUNT(*) FROM bulk_act_requests b JOIN bulk_acts a ON a.seq = b.bulk_act \
               WHERE a.id = $1 GROUP BY b.tenant ORDER BY b.tenant";
    Ok(sqlx::query_as(sql).bind(id).fetch_all(tx).await?)
}

/// What becomes of a pending act.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Its new state.
    pub state: BulkState,
    /// Who decided; `None` if it only expired.
    pub by: Option<String>,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
}

/// Decides about the act with this id, if it is still pending.
pub async fn decide(tx: &mut Tx, id: &str, decision: &Decision) -> Result<RowChange, StoreError> {
    let Decision { state, by, at } = decision;
    let ended_at = (*state != BulkState::Running).then_some(*at);
    let decided = sqlx::query(
        "UPDATE bulk_acts SET state = $2, decided_by = $3, decided_at = CASE WHEN $3 IS NULL THEN NULL ELSE $4 END, \
           ended_at = $5 WHERE id = $1 AND state = 'pending'",
    )
    .bind(id)
    .bind(state.as_ref())
    .bind(by.as_deref())
    .bind(*at)
    .bind(ended_at)
    .execute(tx)
    .await?;
    Ok(RowChange::of(decided.rows_affected()))
}

/// Returns the ids of pending acts that expire by `now`.
pub async fn overdue(tx: &mut Tx, now: i64) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT id FROM bulk_acts WHERE state = 'pending' AND ended_at IS NULL AND expires_at <= $1";
    Ok(sqlx::query_scalar(sql).bind(now).fetch_all(tx).await?)
}

/// Returns the oldest act that is running; `None` if none is.
pub async fn running(tx: &mut Tx) -> Result<Option<BulkAct>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM bulk_acts a WHERE a.state = 'running' AND a.ended_at IS NULL ORDER BY a.seq LIMIT 1"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_optional(tx).await?)
}

/// Returns the ids of at most `limit` requests of the act with the position `act` whose turn it is.
pub async fn open_requests(tx: &mut Tx, act: i64, limit: i64) -> Result<Vec<(i64, String)>, StoreError> {
    let sql = "SELECT request, id FROM bulk_act_requests WHERE bulk_act = $1 AND result IS NULL ORDER BY request LIMIT $2";
    Ok(sqlx::query_as(sql).bind(act).bind(limit).fetch_all(tx).await?)
}

/// Records the result for a request of an act, with `why` if it was refused, unless it has one.
pub async fn record(tx: &mut Tx, act: i64, request: i64, why: Option<&str>) -> Result<RowChange, StoreError> {
    let result = if why.is_some() { BulkResult::Refused } else { BulkResult::Done };
    let recorded = sqlx::query(
        "UPDATE bulk_act_requests SET result = $3, why = $4 WHERE bulk_act = $1 AND request = $2 AND result IS NULL",
    )
    .bind(act)
    .bind(request)
    .bind(result.as_ref())
    .bind(why)
    .execute(&mut *tx)
    .await?;
    if recorded.rows_affected() == 0 {
        return Ok(RowChange::Unchanged);
    }
    let counted = match result {
        BulkResult::Done => "UPDATE bulk_acts SET done = done + 1 WHERE seq = $1",
        BulkResult::Refused => "UPDATE bulk_acts SET refused = refused + 1 WHERE seq = $1",
    };
    sqlx::query(counted).bind(act).execute(tx).await?;
    Ok(RowChange::Changed)
}

/// Ends the act with this id, if it is running.
pub async fn end(tx: &mut Tx, id: &str, at: i64) -> Result<RowChange, StoreError> {
    let ended =
        sqlx::query("UPDATE bulk_acts SET state = 'done', ended_at = $2 WHERE id = $1 AND state = 'running'");
    Ok(RowChange::of(ended.bind(id).bind(at).execute(tx).await?.rows_affected()))
}

/// Deletes a portion of the acts that ended before `before`, each after its requests.
pub async fn prune(tx: &mut Tx, before: i64) -> Result<Portion, StoreError> {
    const REQUESTS: &str = "DELETE FROM bulk_act_requests WHERE (bulk_act, request) IN \
                              (SELECT r.bulk_act, r.request FROM bulk_acts a JOIN bulk_act_requests r ON r.bulk_act = a.seq \
                               WHERE a.ended_at < $1 LIMIT $2)";
    const ACTS: &str = "DELETE FROM bulk_acts WHERE ended_at < $1 \
                          AND NOT EXISTS (SELECT 1 FROM bulk_act_requests r WHERE r.bulk_act = bulk_acts.seq)";
    let requests = portion::delete_before(tx, REQUESTS, before).await?;
    sqlx::query(ACTS).bind(before).execute(tx).await?;
    Ok(requests)
}
