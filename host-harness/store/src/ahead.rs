//! Times that a clock which ran ahead left in the database. They would postpone work until the date that the clock had.
//!
//! A clock that is behind sees correct times the same way, so only what can be repeated or made up for is changed: work
//! becomes due too early rather than too late. Retention and deadlines are left alone, since data that they delete is
//! gone when the clock is right again.

use std::time::Duration;

use host_model::time::millis;

use crate::{database::Tx, error::StoreError};

/// The longest wait that this program schedules is a day, and a lease is a little longer: a due time further ahead was
/// written by a clock that ran ahead.
const MAX_WAIT: Duration = Duration::from_hours(25);

/// How far ahead the time of a choice may be: the API takes choices dated up to 5 minutes ahead.
const MAX_AHEAD: Duration = Duration::from_hours(1);

/// Due times further ahead than `$2`, which become `$1`: everything that depends on another condition checks it again.
const DUE: [&str; 13] = [
    "UPDATE open_requests SET next_at = $1 WHERE state = 'waiting' AND contradicted_by IS NULL AND next_at > $2",
    "UPDATE open_requests SET lease_until = $1 WHERE state = 'running' AND lease_until > $2",
    "UPDATE deliveries SET next_at = $1 WHERE state = 'waiting' AND next_at > $2",
    "UPDATE deliveries SET lease_until = $1 WHERE state = 'waiting' AND lease_until > $2",
    "UPDATE people SET settled_at = $1 WHERE settled_at > $2",
    "UPDATE gates SET until = $1 WHERE until > $2",
    "UPDATE connections SET open_until = $1 WHERE open_until > $2",
    "UPDATE tokens SET push_at = $1 WHERE push_at > $2",
    "UPDATE alarms SET post_next_at = $1 WHERE posted_at IS NULL AND post_next_at > $2",
    "UPDATE forwards SET next_at = $1 WHERE next_at > $2",
    "UPDATE callbacks SET next_at = $1 WHERE ended_at IS NULL AND next_at > $2",
    "UPDATE sends SET at = $1 WHERE at > $2",
    "UPDATE secret_exchanges SET lease_until = $1 WHERE lease_until > $2",
];

/// Opt-ins dated further ahead than `$2`, which become `$1`: a later opt-out would lose to them. Opt-outs stay, which
/// protects the person.
const OPT_INS: [&str; 2] = [
    "UPDATE choices SET chosen_at = $1 WHERE choice = 'opt-in' AND chosen_at > $2",
    "UPDATE notice_choices SET chosen_at = $1 WHERE choice = 'opt-in' AND chosen_at > $2",
];

/// Makes work due at `now` that is due further ahead than this program ever schedules. Returns how much there was.
pub async fn make_due(tx: &mut Tx, now: i64) -> Result<u64, StoreError> {
    run(tx, &DUE, now, MAX_WAIT).await
}

/// Dates opt-ins from the future back to `now`. To be called when the clock was seen to be set back. Returns how many
/// there were.
pub async fn date_back_opt_ins(tx: &mut Tx, now: i64) -> Result<u64, StoreError> {
    run(tx, &OPT_INS, now, MAX_AHEAD).await
}

async fn run(tx: &mut Tx, statements: &[&'static str], now: i64, ahead: Duration) -> Result<u64, StoreError> {
    let (mut count, latest) = (0, now.saturating_add(millis(ahead)));
    for statement in statements.iter().copied() {
        count += sqlx::query(statement).bind(now).bind(latest).execute(&mut *tx).await?.rows_affected();
    }
    Ok(count)
}

#[cfg(test)]
mod tests;
