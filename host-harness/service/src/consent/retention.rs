//! How long what is known of people stays.

use std::time::Duration;

use host_model::{
    consent::newest::ECHO_MS,
    time::{DAY_MS, millis},
};
use host_store::{Connection, StoreError, choices, events};

/// How long an event about a write of ours may be late: what is remembered of writes goes after it.
const WRITES_MS: i64 = 30 * DAY_MS;

/// What is older than it may be goes: feed entries and event digests after `keep_events`, writes after a month.
pub(crate) async fn housekeep(
    tx: &mut Connection,
    now: i64,
    keep_events: Duration,
) -> Result<(), StoreError> {
    events::prune(tx, now.saturating_sub(millis(keep_events))).await?;
    let echoes = i64::try_from(ECHO_MS).unwrap_or(i64::MAX);
    choices::prune(tx, now.saturating_sub(WRITES_MS.max(echoes))).await
}
