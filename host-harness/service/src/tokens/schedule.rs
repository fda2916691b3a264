//! Schedules the upkeep of tokens: daily at 02:00 UTC, at start if that was missed, and whenever a token is waiting to
//! be pushed.
//! Tested in `src/tokens/tests.rs`.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{
    Tokens,
    refresh::{PushToken, by_connector},
};
use crate::{served::Served, tasks::pause};
use host_model::{
    time::{DAY_MS, HOUR_MS},
    token::{self, TokenView},
};
use host_store::{StoreError, tokens};

/// The interval between checks of the date, so that a jump is noticed.
const POLL_INTERVAL: Duration = Duration::from_mins(1);

/// The hour of the daily check, in UTC.
const HOUR_OF_LOOK: i64 = 2;

/// Returns the time of the first daily check at `from` or later.
fn next_look(from: i64) -> i64 {
    let days = (from - HOUR_OF_LOOK * HOUR_MS + DAY_MS - 1).div_euclid(DAY_MS);
    days * DAY_MS + HOUR_OF_LOOK * HOUR_MS
}

/// Runs the upkeep of the tokens of all connections until `stop` is cancelled.
pub(crate) async fn run(tokens: Tokens, served: Served, stop: CancellationToken) {
    let hand = by_connector(served);
    while !stop.is_cancelled() {
        if let Err(error) = tokens.pass(&*hand).await {
            tracing::error!(%error, "webhook token upkeep failed");
        }
        pause(&*tokens.clock, POLL_INTERVAL, &stop).await;
    }
}

impl Tokens {
    /// Returns when the host next sends the vendor of a connection with these tokens a new one; `None` if it will not.
    pub(crate) fn next_rotation(&self, tokens: &[TokenView]) -> Option<i64> {
        if let Some(pending) = tokens.iter().find(|token| token.is_pending()) {
            return pending.push_at;
        }
        let due = token::due_from(tokens, self.window_ms)?;
        tokens.iter().any(TokenView::is_in_step).then(|| next_look(due.max(self.now())))
    }

    /// Does what is due. Safe to drop at any point: the next pass does the rest.
    pub(crate) async fn pass(&self, hand: &PushToken) -> Result<(), StoreError> {
        // Runs if the day differs from the last one, whichever way the date jumped: an extra check changes nothing.
        let day = (self.now() - HOUR_OF_LOOK * HOUR_MS).div_euclid(DAY_MS);
        if self.store.read(|c| Box::pin(tokens::last_daily_check(c))).await? != Some(day) {
            self.look().await?;
            self.store
                .write(move |tx| Box::pin(async move { tokens::record_daily_check(tx, day).await }))
                .await?;
        }
        self.offer_urgent().await?;
        self.push_due(hand).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_daily_check_is_at_two_in_the_morning_and_not_before_the_time_asked_for() {
        let two = |day: i64| day * DAY_MS + 2 * HOUR_MS;
        for (from, look) in [(two(3), two(3)), (two(3) + 1, two(4)), (two(3) - 1, two(3)), (0, two(0))] {
            assert_eq!(next_look(from), look, "{from}");
        }
    }
}
