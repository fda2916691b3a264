//! Requests that wait for another version of their plugin, because the host saw that the last one reported an outcome
//! that its requests contradict.
//! Tested in `api/src/tests/vouching.rs`.

use host_store::{Store, StoreError, Tx, alarms, queue};

use crate::served::Served;

/// The kind of the alarm about a version of a connection's plugin that reports outcomes that its requests contradict.
pub(super) const ALARM: &str = "outcome-contradicted";

/// Makes those of the waiting requests due whose plugin runs another version than the one that contradicted its record. During
/// a release, this is the version before, which takes up what the released one failed at.
pub(super) async fn release(store: &Store, served: &Served, now: i64) -> Result<(), StoreError> {
    let waiting = store.read(|connection| Box::pin(queue::contradicted(connection))).await?;
    for (connection, digest) in waiting {
        // A connection that cannot be served now has no other version yet.
        let Ok(serving) = served.serving(&connection) else { continue };
        if serving.running().plugin().digest().to_string() == digest {
            continue;
        }
        tracing::info!(
            connection,
            digest,
            "another plugin version serves: its contradicted requests are due"
        );
        let released = store.write(move |tx| {
            Box::pin(async move {
                queue::release_contradicted(tx, &connection, &digest, now).await?;
                end_alarm(tx, &connection, now).await
            })
        });
        released.await?;
    }
    Ok(())
}

/// Ends the alarm about `connection` if no request of it waits for another version any more.
pub(super) async fn end_alarm(tx: &mut Tx, connection: &str, now: i64) -> Result<(), StoreError> {
    if queue::are_contradicted(tx, connection).await? {
        return Ok(());
    }
    alarms::is_over(tx, now, ALARM, connection).await
}
