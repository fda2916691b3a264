//! The statements that find and claim due requests.

use sqlx::FromRow;

use crate::{
    database::Tx, error::StoreError, lane::Lane, lease::Lease, person::PersonId, placeholders::one_of,
};

/// How many due requests are looked at in one query by a replica that carries out some of them.
const PAGE: i64 = 500;

/// A request that is due.
#[derive(Clone, Debug, FromRow)]
pub struct DueRequest {
    /// Its position in the order of acceptance.
    pub seq: i64,
    /// The person that it is about.
    pub person: PersonId,
    /// The version, as its digest prints, whose effect is to be confirmed; `None` if its step is another one.
    pub acted_by: Option<String>,
    /// The version, as its digest prints, that last reported an outcome of the request that its requests contradict; `None` if
    /// none did.
    pub contradicted_by: Option<String>,
}

/// Visits each connection with waiting requests once per kind of lane, however many requests are waiting there. `MIN` rather
/// than `EXISTS`, for which PostgreSQL looks through all due requests of a lane.
pub const DUE_LANES: &str = "WITH RECURSIVE waiting (connection) AS (\
           SELECT MIN(connection) FROM open_requests WHERE state = 'waiting' UNION ALL \
           SELECT (SELECT MIN(r.connection) FROM open_requests r WHERE r.state = 'waiting' AND r.connection > w.connection) \
           FROM waiting w WHERE w.connection IS NOT NULL), \
         lanes (action, step) AS (SELECT 'erasure', 'act' UNION ALL SELECT 'erasure', 'confirm' \
           UNION ALL SELECT 'consent', 'act' UNION ALL SELECT 'reading', 'act') \
         SELECT c.tenant, c.key, l.action, l.step, c.outcomes, c.open_until \
         FROM waiting w JOIN connections c ON c.key = w.connection CROSS JOIN lanes l \
         WHERE c.enabled = 1 AND c.parked_why IS NULL AND c.paused_why IS NULL AND c.open_until <= $1 \
           AND c.actions LIKE CASE l.action WHEN 'erasure' THEN '%erasure%' ELSE '%consent%' END \
           AND (SELECT MIN(r.next_at) FROM open_requests r WHERE r.connection = c.key AND r.action = l.action \
                  AND r.step = l.step AND r.state = 'waiting') <= $1 AND NOT EXISTS \
           (SELECT 1 FROM gates g WHERE g.connection = c.key AND g.action = l.action AND g.step = l.step AND g.until > $1) \
         ORDER BY c.tenant, c.key, l.action, l.step";

/// The due requests of a lane. `+ 0` prevents SQLite from sorting all due requests instead of going through the lane in the
/// order accepted.
macro_rules! due {
    () => {
        "FROM open_requests r JOIN people p ON p.id = r.person \
           WHERE r.connection = $1 AND r.action = $2 AND r.step = $6 AND r.state = 'waiting' AND r.next_at + 0 <= $3 \
             AND p.settled_at <= $3 \
             AND NOT EXISTS (SELECT 1 FROM open_requests e \
                             WHERE e.person = r.person AND (e.seq < r.seq OR e.seq <> r.seq AND e.state = 'running')) \
             AND EXISTS (SELECT 1 FROM connections c WHERE c.key = $1 AND c.enabled = 1 AND c.parked_why IS NULL \
                           AND c.paused_why IS NULL AND c.open_until <= $3) \
             AND NOT EXISTS (SELECT 1 FROM gates g \
                             WHERE g.connection = $1 AND g.action = $2 AND g.step = $6 AND g.until > $3)"
    };
}

/// Goes through the lane in the order accepted.
pub const CLAIM: &str = concat!(
    "UPDATE open_requests SET state = 'running', generation = generation + 1, lease_until = $4, claimed_by = $7 \
         WHERE seq IN (SELECT r.seq ",
    due!(),
    " ORDER BY r.seq LIMIT $5) RETURNING seq"
);

/// The version that carried out what is to be confirmed, and the one that last contradicted an outcome. No text of a connector
/// looks like the member `contradicted` of a result: its quotes are escaped.
macro_rules! versions_of {
    ($request:literal, $step:literal) => {
        concat!(
            "CASE WHEN ", $step, " = 'confirm' THEN (SELECT a.digest FROM attempts a WHERE a.request = ", $request,
            " AND a.step = 'act' ORDER BY a.generation DESC LIMIT 1) END AS acted_by, \
             (SELECT a.digest FROM attempts a WHERE a.request = ", $request,
            " AND a.result LIKE '{\"ended-by-sandbox\":{%\"contradicted\":%' ORDER BY a.generation DESC LIMIT 1) \
             AS contradicted_by "
        )
    };
}

/// The same requests, after the position `$4`.
const DUE: &str = concat!(
    "SELECT r.seq, r.person, ",
    versions_of!("r.seq", "r.step"),
    due!(),
    " AND r.seq > $4 ORDER BY r.seq LIMIT $5"
);

/// Reads claimed requests, up to the condition on `o.seq`.
pub(super) const CLAIMED: &str = concat!(
    "SELECT o.seq, r.id, o.tenant, o.connection, o.person, o.action, o.step, o.generation, r.failures, r.acknowledged, \
           r.reference, r.reference_by, r.outcome, r.sealed_details, \
           (SELECT v.digest FROM connections n JOIN versions v ON v.plugin = n.plugin JOIN components c ON c.digest = v.digest \
             WHERE n.key = o.connection AND v.digest = r.reference_by AND v.withdrawn_at IS NULL \
               AND o.step = 'confirm' AND r.writer_contradicted = 0) AS writer, \
           (SELECT a.digest FROM attempts a WHERE a.request = o.seq AND a.step = o.step AND a.generation < o.generation \
             ORDER BY a.generation DESC LIMIT 1) AS tried_by, \
           ",
    versions_of!("o.seq", "o.step"),
    ", \
           (SELECT data_key FROM request_keys k WHERE k.request = o.seq) AS data_key \
         FROM open_requests o JOIN requests r ON r.seq = o.seq WHERE "
);

/// Claims at most `most` due requests of `lane`, in the order accepted. Returns their positions.
pub(super) async fn claim(
    tx: &mut Tx,
    lane: &Lane,
    most: usize,
    lease: &Lease,
) -> Result<Vec<i64>, StoreError> {
    let claimed = sqlx::query_scalar(CLAIM)
        .bind(&lane.connection)
        .bind(lane.action.as_ref())
        .bind(lease.now)
        .bind(lease.until)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .bind(lane.step.as_ref())
        .bind(lease.replica.as_str());
    Ok(claimed.fetch_all(tx).await?)
}

/// Returns requests of `lane` that are due at `now`, after the position `after`, in the order accepted.
pub(super) async fn page(
    tx: &mut Tx,
    lane: &Lane,
    now: i64,
    after: i64,
) -> Result<Vec<DueRequest>, StoreError> {
    let page = sqlx::query_as(DUE)
        .bind(&lane.connection)
        .bind(lane.action.as_ref())
        .bind(now)
        .bind(after)
        .bind(PAGE)
        .bind(lane.step.as_ref());
    Ok(page.fetch_all(tx).await?)
}

/// Claims the due requests at these positions, which were found in the same transaction.
pub(super) async fn claim_these(tx: &mut Tx, positions: &[i64], lease: &Lease) -> Result<(), StoreError> {
    let claim = format!(
        "UPDATE open_requests SET state = 'running', generation = generation + 1, lease_until = $1, claimed_by = $2 WHERE {}",
        one_of("seq", 3, positions.len())
    );
    let claim = sqlx::query(sqlx::AssertSqlSafe(claim)).bind(lease.until).bind(lease.replica.as_str());
    positions.iter().fold(claim, |claim, seq| claim.bind(*seq)).execute(tx).await?;
    Ok(())
}
