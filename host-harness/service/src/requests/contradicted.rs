//! Requests that wait for another version of their plugin, because the host saw that the last one reported an outcome
//! that its requests contradict.
//! Tested in `src/requests/worker/tests/contradicted.rs`.

use host_store::{Store, StoreError, alarms, queue};

use crate::served::Served;

/// The kind of the alarm about a version of a connection's plugin that reports outcomes that its requests contradict.
pub(super) const ALARM: &str = "outcome-contradicted";

/// Makes those of the `waiting` requests due whose connection is served by another version than the one that contradicted
/// its record. They are given by connection and version.
pub(super) async fn release(
    store: &Store,
    served: &Served,
    waiting: Vec<(String, String)>,
    now: i64,
) -> Result<(), StoreError> {
    for (connection, digest) in waiting {
        // A connection that cannot be served now has no other version yet.
        let Ok(calls) = served.calls(&connection) else { continue };
        if calls.plugin().digest().to_string() == digest {
            continue;
        }
        tracing::info!(
            connection,
            digest,
            "another plugin version serves: its contradicted requests are due"
        );
        let released = store.write(move |tx| {
            Box::pin(async move {
                alarms::is_over(tx, now, ALARM, &connection).await?;
                queue::release_contradicted(tx, &connection, &digest, now).await
            })
        });
        released.await?;
    }
    Ok(())
}
