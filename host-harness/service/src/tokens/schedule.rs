//! When tokens are looked at: daily at 02:00 UTC, at start if that was missed, and whenever one waits to be handed over.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{
    Tokens,
    refresh::{Hand, by_connector},
};
use crate::{served::Served, tasks::pause};
use host_model::time::{DAY_MS, HOUR_MS};
use host_store::{StoreError, tokens};

/// How often the date is asked, so that one that jumps is noticed.
const LOOK: Duration = Duration::from_mins(1);

/// The hour of the daily look, after midnight in UTC.
const HOUR_OF_LOOK: i64 = 2;

/// Looks after the tokens of all connections until `stop` says so.
pub(crate) async fn run(tokens: Tokens, served: Served, stop: CancellationToken) {
    let hand = by_connector(served);
    while !stop.is_cancelled() {
        if let Err(error) = tokens.pass(&*hand).await {
            tracing::error!(%error, "webhook tokens cannot be looked after");
        }
        pause(&*tokens.clock, LOOK, &stop).await;
    }
}

impl Tokens {
    /// Does what is due. Dropped anywhere, it is done again.
    pub(crate) async fn pass(&self, hand: &Hand) -> Result<(), StoreError> {
        // Another day than the last one's, whichever way a date jumped: looking once more changes nothing.
        let day = (self.now() - HOUR_OF_LOOK * HOUR_MS).div_euclid(DAY_MS);
        if self.store.read(|c| Box::pin(tokens::last_look(c))).await? != Some(day) {
            self.look().await?;
            self.store.write(move |tx| Box::pin(async move { tokens::looked(tx, day).await })).await?;
        }
        self.look_for_urgent().await?;
        self.push_due(hand).await
    }
}
