//! What is counted of the calls of both versions of a release.
//! Tested in `src/releases/tests.rs`.

use std::collections::BTreeMap;

use host_model::release::{
    call_kind::CallKind, compared::CountPlace, counts::CallCounts, plan::Side, share::Share,
};
use serde_json::json;

use crate::{
    columns::{Column, column, word},
    database::Tx,
    error::StoreError,
    row_change::RowChange,
};

/// An erasure that was accepted during a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedErasure {
    /// The position of its request.
    pub request: i64,
    /// The version that carried it out.
    pub side: Side,
    /// The share of the release at that time.
    pub share: Share,
    /// When, in milliseconds since the Unix epoch.
    pub accepted_at: i64,
}

column!(Side: String, |stored| word("the side of a release", &stored));
column!(CallKind: String, |stored| word("the kind of a call", &stored));
column!(Share: i64, |stored| {
    let share = u16::try_from(stored).ok().and_then(|points| Share::try_from(points).ok());
    share.ok_or_else(|| StoreError::Unreadable(format!("{stored} is not a share")))
});
column!(CallCounts: String, |stored| {
    serde_json::from_str(&stored).map_err(|_| StoreError::Unreadable("the counts of a release".to_owned()))
});

#[derive(sqlx::FromRow)]
struct StoredCounts {
    #[sqlx(try_from = "Column<Side>")]
    side: Side,
    #[sqlx(try_from = "Column<Share>")]
    share: Share,
    #[sqlx(try_from = "Column<CallKind>")]
    kind: CallKind,
    connection: String,
    #[sqlx(try_from = "Column<CallCounts>")]
    counts: CallCounts,
}

#[derive(sqlx::FromRow)]
struct StoredProofs {
    #[sqlx(try_from = "Column<Side>")]
    side: Side,
    #[sqlx(try_from = "Column<Share>")]
    share: Share,
    due: i64,
    proven: i64,
}

/// Stores `totals`, what the process with the id `process` counted in all at each place, and the erasures that were accepted.
/// Nothing is stored if the release with this id is not in progress. What is stored again counts once.
pub async fn put(
    tx: &mut Tx,
    release: &str,
    process: &str,
    totals: &BTreeMap<CountPlace, CallCounts>,
    accepted: &[AcceptedErasure],
) -> Result<RowChange, StoreError> {
    let in_progress = "SELECT COUNT(*) FROM releases WHERE id = $1 AND ended_at IS NULL";
    let in_progress: i64 = sqlx::query_scalar(in_progress).bind(release).fetch_one(&mut *tx).await?;
    if in_progress == 0 {
        return Ok(RowChange::Unchanged);
    }
    for (CountPlace { side, share, kind, connection }, total) in totals {
        let put = "INSERT INTO release_counts (release, process, side, share, kind, connection, counts) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7) \
                   ON CONFLICT (release, process, side, share, kind, connection) DO UPDATE SET counts = $7";
        let put = sqlx::query(put).bind(release).bind(process).bind(side.as_ref());
        let put = put.bind(i64::from(u16::from(*share))).bind(kind.as_ref());
        let put = put.bind(connection.as_deref().unwrap_or_default()).bind(json!(total).to_string());
        put.execute(&mut *tx).await?;
    }
    for AcceptedErasure { request, side, share, accepted_at } in accepted {
        let add = "INSERT INTO release_erasures (release, request, side, share, accepted_at) \
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT (release, request) DO NOTHING";
        let add = sqlx::query(add).bind(release).bind(*request).bind(side.as_ref());
        add.bind(i64::from(u16::from(*share))).bind(*accepted_at).execute(&mut *tx).await?;
    }
    Ok(RowChange::Changed)
}

/// Returns all that the processes counted of the release with this id. The accepted erasures are in it whose time of `proof_within_ms`
/// has passed at `now`.
pub async fn of_release(
    connection: &mut Tx,
    release: &str,
    proof_within_ms: i64,
    now: i64,
) -> Result<BTreeMap<CountPlace, CallCounts>, StoreError> {
    let counted = "SELECT side, share, kind, connection, counts FROM release_counts WHERE release = $1";
    let counted: Vec<StoredCounts> =
        sqlx::query_as(counted).bind(release).fetch_all(&mut *connection).await?;
    let mut sums: BTreeMap<CountPlace, CallCounts> = BTreeMap::new();
    for StoredCounts { side, share, kind, connection, counts } in counted {
        let connection = Some(connection).filter(|key| !key.is_empty());
        sums.entry(CountPlace { side, share, kind, connection }).or_default().merge(&counts);
    }
    let proofs = "SELECT e.side, e.share, COUNT(*) AS due, \
                    COALESCE(SUM(CASE WHEN r.state = 'done' AND r.finished_at <= e.accepted_at + $2 THEN 1 ELSE 0 END), 0) \
                      AS proven \
                  FROM release_erasures e JOIN requests r ON r.seq = e.request \
                  WHERE e.release = $1 AND e.accepted_at + $2 <= $3 GROUP BY e.side, e.share";
    let proofs = sqlx::query_as(proofs).bind(release).bind(proof_within_ms).bind(now);
    let proofs: Vec<StoredProofs> = proofs.fetch_all(connection).await?;
    for StoredProofs { side, share, due, proven } in proofs {
        let place = CountPlace { side, share, kind: CallKind::Erasure, connection: None };
        let counts = sums.entry(place).or_default();
        counts.proofs_due = due.unsigned_abs();
        counts.proven = proven.unsigned_abs();
    }
    Ok(sums)
}
