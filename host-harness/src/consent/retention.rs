//! How long what is known of people stays.

use std::time::Duration;

use super::newest::ECHO_MS;
use crate::store::{Connection, StoreError, choices, events, people::PersonId};

/// How long an event about a write of ours may be late: what is remembered of writes goes after it.
const WRITES_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// Nothing of the person's choices, feed entries and remembered events stays.
pub(crate) async fn forget(tx: &mut Connection, person: PersonId) -> Result<(), StoreError> {
    choices::forget(tx, person).await
}

/// What is older than it may be goes: feed entries and event digests after `keep_events`, writes after a month.
pub(crate) async fn housekeep(
    tx: &mut Connection,
    now: i64,
    keep_events: Duration,
) -> Result<(), StoreError> {
    let kept = i64::try_from(keep_events.as_millis()).unwrap_or(i64::MAX);
    events::prune(tx, now.saturating_sub(kept)).await?;
    let echoes = i64::try_from(ECHO_MS).unwrap_or(i64::MAX);
    choices::prune(tx, now.saturating_sub(WRITES_MS.max(echoes))).await
}
