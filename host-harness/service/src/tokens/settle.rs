//! Stores the result of pushing a token to the vendor, and raises the alarms for it.
//! Tested in `src/tokens/tests.rs`.

use std::time::Duration;

use strum::AsRefStr;

use super::{
    Tokens,
    generation::{TokenChange, record, retire_over},
};
use host_harness::sandbox::CallResult;
use host_model::contract::TokenOutcome;
use host_model::{
    time::{DAY_MS, HOUR_MS, millis},
    token,
};
use host_store::{
    StoreError, Tx,
    alarms::{self, Alarm},
    tokens::{self, Push},
};

/// The vendor accepts no token from the host, and an operator must enter one soon.
const BY_HAND: &str = "token-by-hand";
/// The vendor has not accepted its new token, and the previous one expires soon.
const NOT_TAKEN: &str = "token-not-taken";
/// A token is damaged in the database.
pub(super) const DAMAGED: &str = "token-damaged";
/// No successor can be created.
pub(super) const NO_ROOM: &str = "token-no-room";

/// The minimum wait before the next push, even if the vendor asks for less.
const MIN_RETRY_MS: i64 = 60_000;

/// The result of pushing a token to the vendor. Its name is used in log lines.
#[derive(Clone, Debug, PartialEq, Eq, AsRefStr)]
#[strum(serialize_all = "kebab-case")]
pub enum PushOutcome {
    /// The vendor has the token.
    Taken,
    /// An operator must enter a token, because the vendor accepts none from the host.
    ByHand,
    /// The vendor may or may not have the token.
    Failed {
        /// The reason, for an operator.
        reason: String,
        /// How long the vendor asked to wait.
        asked: Option<Duration>,
    },
}

impl From<CallResult<TokenOutcome>> for PushOutcome {
    fn from(answer: CallResult<TokenOutcome>) -> Self {
        use host_model::contract::ErrorKind::Unsupported;
        match answer {
            Ok(Ok(TokenOutcome::Installed)) => Self::Taken,
            Ok(Ok(TokenOutcome::Manual)) => Self::ByHand,
            Ok(Err(error)) if error.kind == Unsupported => Self::ByHand,
            Ok(Err(error)) => Self::Failed {
                reason: error.to_string(),
                asked: error.retry_after_ms.map(Duration::from_millis),
            },
            Err(failure) => Self::Failed { reason: failure.to_string(), asked: None },
        }
    }
}

impl Tokens {
    /// Stores the result of `push`, or nothing if its token no longer exists.
    pub(super) async fn settle(
        &self,
        tx: &mut Tx,
        push: &Push,
        pushed: &PushOutcome,
        now: i64,
    ) -> Result<(), StoreError> {
        if !tokens::is_stored(tx, push).await? {
            return Ok(());
        }
        match pushed {
            PushOutcome::Taken => self.record_taken(tx, push, now).await,
            PushOutcome::ByHand => leave_to_operator(tx, push, now).await,
            PushOutcome::Failed { reason, asked } => record_refusal(tx, push, reason, *asked, now).await,
        }
    }

    async fn record_taken(&self, tx: &mut Tx, push: &Push, now: i64) -> Result<(), StoreError> {
        let Push { tenant, connection, generation, .. } = push;
        tokens::record_taken(tx, connection, *generation, now).await?;
        let live = retire_over(tx, connection, now).await?;
        if !live.iter().any(|token| token.generation == *generation) {
            // The token was revoked during the push: the vendor has one that is refused, and needs another
            // immediately.
            return self.insert_successor(tx, tenant, connection, &live, now).await;
        }
        let (by, generation) = (self.by.clone(), *generation);
        let taken = TokenChange { tenant, connection, what: "token-taken", by, generation };
        record(tx, self.store.vault(), now, taken).await?;
        clear_alarms(tx, connection, now).await
    }
}

async fn leave_to_operator(tx: &mut Tx, push: &Push, now: i64) -> Result<(), StoreError> {
    let Push { tenant, connection, generation, .. } = push;
    tokens::discard(tx, connection, *generation).await?;
    // Replacing a token that the vendor once accepted from the host is now up to an operator: no new one is created
    // every minute.
    tokens::leave_to_operator(tx, connection).await?;
    let left = remaining_life(tx, connection, now).await?;
    if left > token::WARNING_MS {
        return Ok(());
    }
    let detail = format!(
        "the webhook token expires in {} days, and the vendor accepts none from the host: issue a new one and enter \
         it there",
        (left / DAY_MS).max(0)
    );
    raise(tx, tenant, connection, BY_HAND, &detail, now).await
}

async fn record_refusal(
    tx: &mut Tx,
    push: &Push,
    reason: &str,
    asked: Option<Duration>,
    now: i64,
) -> Result<(), StoreError> {
    let Push { tenant, connection, generation, .. } = push;
    let left = remaining_life(tx, connection, now).await?;
    let again_at = now.saturating_add(wait(asked, left));
    tokens::record_not_taken(tx, connection, *generation, again_at, reason).await?;
    if left >= token::URGENT_MS {
        return Ok(());
    }
    let detail = format!("the webhook token expires in {} hours: {reason}", (left / HOUR_MS).max(0));
    raise(tx, tenant, connection, NOT_TAKEN, &detail, now).await
}

/// Clears the alarms of a connection whose vendor has a token that lasts.
pub(super) async fn clear_alarms(tx: &mut Tx, connection: &str, now: i64) -> Result<(), StoreError> {
    for kind in [BY_HAND, NOT_TAKEN, NO_ROOM] {
        alarms::is_over(tx, now, kind, connection).await?;
    }
    Ok(())
}

pub(super) async fn raise(
    tx: &mut Tx,
    tenant: &str,
    connection: &str,
    kind: &'static str,
    detail: &str,
    now: i64,
) -> Result<(), StoreError> {
    let alarm = Alarm { tenant, connection: Some(connection), kind, about: connection, detail };
    alarms::raise(tx, now, &alarm).await
}

/// Returns how long the vendor's token still lasts, or the maximum if the vendor has no token from here that could
/// expire.
async fn remaining_life(tx: &mut Tx, connection: &str, now: i64) -> Result<i64, StoreError> {
    let live = tokens::live(tx, connection).await?;
    Ok(token::end_of_use(&live).map_or(i64::MAX, |end| end.saturating_sub(now)))
}

/// Returns the wait before the next push: an hour, or as long as the vendor asked for, unless that is more than half
/// of the remaining time.
fn wait(asked: Option<Duration>, left: i64) -> i64 {
    let Some(asked) = asked else { return HOUR_MS };
    let asked = millis(asked);
    asked.clamp(MIN_RETRY_MS, DAY_MS).min((left / 2).max(HOUR_MS))
}
