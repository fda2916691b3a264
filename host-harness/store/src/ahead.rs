//! Times that a clock which ran ahead left in the database. They would postpone work until the date that the clock had.

use std::time::Duration;

use host_model::time::millis;

use crate::{database::Tx, error::StoreError};

/// The longest wait that this program schedules is a day, and a lease is a little longer: a due time further ahead was
/// written by a clock that ran ahead.
const MAX_WAIT: Duration = Duration::from_hours(25);

/// How far ahead a time of something that has happened may be: the API takes choices dated up to 5 minutes ahead.
const MAX_AHEAD: Duration = Duration::from_hours(1);

/// Due times further ahead than `$2`, which become `$1`: everything that depends on another condition checks it again.
const DUE: [&str; 12] = [
    "UPDATE requests SET next_at = $1 WHERE state = 'waiting' AND next_at > $2",
    "UPDATE requests SET lease_until = $1 WHERE state = 'running' AND lease_until > $2",
    "UPDATE deliveries SET next_at = $1 WHERE state = 'waiting' AND next_at > $2",
    "UPDATE deliveries SET lease_until = $1 WHERE state = 'waiting' AND lease_until > $2",
    "UPDATE people SET settled_at = $1 WHERE settled_at > $2",
    "UPDATE gates SET until = $1 WHERE until > $2",
    "UPDATE connections SET open_until = $1 WHERE open_until > $2",
    "UPDATE tokens SET push_at = $1 WHERE push_at > $2",
    "UPDATE alarms SET post_next_at = $1 WHERE posted_at IS NULL AND post_next_at > $2",
    "UPDATE forwards SET next_at = $1 WHERE next_at > $2",
    "UPDATE forwards SET failing_since = $1 WHERE failing_since > $2",
    "UPDATE sends SET at = $1 WHERE at > $2",
];

/// Times of what has happened that are further ahead than `$2`, which become `$1`: they begin a deadline or a retention
/// period, or decide which choice is newer.
const PAST: [&str; 8] = [
    "UPDATE requests SET finished_at = $1 WHERE finished_at > $2",
    "UPDATE deliveries SET ended_at = $1 WHERE ended_at > $2",
    "UPDATE requests SET tried_since = $1 WHERE finished_at IS NULL AND COALESCE(tried_since, received_at) > $2",
    "UPDATE deliveries SET received_at = $1 WHERE received_at > $2",
    "UPDATE events SET received_at = $1 WHERE received_at > $2",
    "UPDATE event_keys SET heard_at = $1 WHERE heard_at > $2",
    "UPDATE choices SET chosen_at = $1 WHERE chosen_at > $2",
    "UPDATE notice_choices SET chosen_at = $1 WHERE chosen_at > $2",
];

/// Brings every time that lies too far ahead of `now`, in milliseconds since the Unix epoch, back to it. Returns how many
/// there were.
pub async fn bring_back(tx: &mut Tx, now: i64) -> Result<u64, StoreError> {
    let mut count = 0;
    for (statements, ahead) in [(&DUE[..], MAX_WAIT), (&PAST[..], MAX_AHEAD)] {
        let latest = now.saturating_add(millis(ahead));
        for statement in statements.iter().copied() {
            count += sqlx::query(statement).bind(now).bind(latest).execute(&mut *tx).await?.rows_affected();
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests;
