//! Whose turn it is to exchange a connection's secrets at the vendor. A vendor that issues a successor accepts the secret
//! before it once, so that two replicas must not exchange the same one.

use std::time::Duration;

use host_model::time::millis;

use crate::{database::Tx, error::StoreError, replica_id::ReplicaId, replicas, row_change::RowChange};

/// Gives `replica` the turn of `connection` for at most `lasts`, by the database's clock. Returns its number; `None` while
/// another replica that has not ended has the turn.
pub async fn begin(
    tx: &mut Tx,
    connection: &str,
    replica: &ReplicaId,
    lasts: Duration,
) -> Result<Option<i64>, StoreError> {
    const BEGIN: &str = "INSERT INTO secret_exchanges (connection, replica, turn, lease_until) VALUES ($1, $2, 1, $3) \
         ON CONFLICT (connection) DO UPDATE SET replica = $2, turn = secret_exchanges.turn + 1, lease_until = $3 \
         WHERE secret_exchanges.lease_until <= $4 OR secret_exchanges.replica = $2 \
           OR NOT EXISTS (SELECT 1 FROM replicas r WHERE r.id = secret_exchanges.replica) \
         RETURNING turn";
    let now = replicas::date_ms(tx).await?;
    let begin = sqlx::query_scalar(BEGIN).bind(connection).bind(replica.as_str());
    Ok(begin.bind(now.saturating_add(millis(lasts))).bind(now).fetch_optional(tx).await?)
}

/// Ends the turn with this number, unless a later one has begun.
pub async fn end(tx: &mut Tx, connection: &str, turn: i64) -> Result<(), StoreError> {
    let end = sqlx::query("UPDATE secret_exchanges SET lease_until = 0 WHERE connection = $1 AND turn = $2");
    end.bind(connection).bind(turn).execute(tx).await?;
    Ok(())
}

/// Records that this transaction stores the result of the turn with this number. Unchanged if that of a later turn is stored:
/// a replica that was frozen during its exchange must not put an older secret in the place of a newer one.
pub async fn record_stored(tx: &mut Tx, connection: &str, turn: i64) -> Result<RowChange, StoreError> {
    const RECORD: &str =
        "UPDATE secret_exchanges SET stored_turn = $2 WHERE connection = $1 AND stored_turn <= $2";
    let recorded = sqlx::query(RECORD).bind(connection).bind(turn).execute(tx).await?;
    Ok(if recorded.rows_affected() == 0 { RowChange::Unchanged } else { RowChange::Changed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Store,
        testing::{Folder, write},
    };

    const LONG: Duration = Duration::from_mins(1);

    async fn begins(store: &Store, name: &'static str, lasts: Duration) -> Option<i64> {
        let replica = ReplicaId::named(name);
        write(store, move |tx| Box::pin(async move { begin(tx, "newsletter", &replica, lasts).await })).await
    }

    async fn joined(store: &Store) {
        for name in ["first", "second"] {
            let replica = ReplicaId::named(name);
            write(store, move |tx| Box::pin(async move { replicas::join(tx, &replica, name).await })).await;
        }
    }

    #[tokio::test]
    async fn one_replica_has_the_turn_until_it_ends_it_or_is_gone_or_its_lease_ends() {
        let folder = Folder::new();
        let store = folder.store().await;
        joined(&store).await;
        assert_eq!(begins(&store, "first", LONG).await, Some(1));
        assert_eq!(begins(&store, "second", LONG).await, None);
        assert_eq!(begins(&store, "first", LONG).await, Some(2), "a call of its own was cut off");
        write(&store, |tx| Box::pin(end(tx, "newsletter", 1))).await;
        assert_eq!(
            begins(&store, "second", LONG).await,
            None,
            "the end of an earlier turn ends no later one"
        );
        write(&store, |tx| Box::pin(end(tx, "newsletter", 2))).await;
        assert_eq!(begins(&store, "second", LONG).await, Some(3));
        assert_eq!(begins(&store, "first", LONG).await, None);
        let second = ReplicaId::named("second");
        write(&store, move |tx| Box::pin(async move { replicas::leave(tx, &second).await })).await;
        assert_eq!(begins(&store, "first", Duration::ZERO).await, Some(4), "the second is gone");
        joined_again(&store).await;
        assert_eq!(begins(&store, "second", LONG).await, Some(5), "the lease of the first has ended");
    }

    async fn joined_again(store: &Store) {
        let second = ReplicaId::named("second");
        write(store, move |tx| Box::pin(async move { replicas::join(tx, &second, "second").await })).await;
    }

    #[tokio::test]
    async fn the_result_of_a_turn_is_stored_unless_that_of_a_later_one_is() {
        let folder = Folder::new();
        let store = folder.store().await;
        joined(&store).await;
        for (name, turn) in [("first", 1), ("second", 2)] {
            assert_eq!(begins(&store, name, Duration::ZERO).await, Some(turn));
        }
        let stores =
            async |turn| write(&store, move |tx| Box::pin(record_stored(tx, "newsletter", turn))).await;
        assert_eq!(stores(1).await, RowChange::Changed, "the second has got nothing yet");
        assert_eq!(stores(2).await, RowChange::Changed);
        assert_eq!(stores(1).await, RowChange::Unchanged);
        assert_eq!(stores(2).await, RowChange::Changed);
    }
}
