//! What becomes of a token that was handed to the vendor, and what an operator is told of it.

use std::time::Duration;

use strum::AsRefStr;

use super::{
    Tokens,
    generation::{record, retire_over},
};
use host_harness::sandbox::CallResult;
use host_model::contract::TokenOutcome;
use host_model::{
    time::{DAY_MS, HOUR_MS, millis},
    token,
};
use host_store::{
    Connection, StoreError,
    alarms::{self, Alarm},
    tokens::{self, Push},
};

/// The vendor takes no token from the host, and an operator has to enter one soon.
const BY_HAND: &str = "token-by-hand";
/// The vendor has not taken its new token, and the one before ends soon.
const NOT_TAKEN: &str = "token-not-taken";
/// A token is damaged in the database.
pub(super) const DAMAGED: &str = "token-damaged";
/// No successor can be made.
pub(super) const NO_ROOM: &str = "token-no-room";

/// A vendor that asks for less is asked again after this.
const SHORTEST_WAIT_MS: i64 = 60_000;

/// What became of handing a token to the vendor. Its word is for log lines.
#[derive(Clone, Debug, PartialEq, Eq, AsRefStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Pushed {
    /// The vendor has it.
    Taken,
    /// An operator has to enter one: the vendor takes none from the host.
    ByHand,
    /// The vendor may have it or not.
    Failed {
        /// For an operator.
        reason: String,
        /// How long the vendor asked to wait.
        asked: Option<Duration>,
    },
}

impl From<CallResult<TokenOutcome>> for Pushed {
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
    /// Keeps what became of `push`; nothing where its token is gone.
    pub(super) async fn settle(
        &self,
        tx: &mut Connection,
        push: &Push,
        pushed: &Pushed,
        now: i64,
    ) -> Result<(), StoreError> {
        if !tokens::is_here(tx, push).await? {
            return Ok(());
        }
        match pushed {
            Pushed::Taken => self.taken(tx, push, now).await,
            Pushed::ByHand => by_hand(tx, push, now).await,
            Pushed::Failed { reason, asked } => not_taken(tx, push, (reason, *asked), now).await,
        }
    }

    async fn taken(&self, tx: &mut Connection, push: &Push, now: i64) -> Result<(), StoreError> {
        let Push { tenant, connection, generation, .. } = push;
        tokens::taken(tx, connection, *generation, now).await?;
        let live = retire_over(tx, connection, now).await?;
        if !live.iter().any(|token| token.generation == *generation) {
            // It was revoked on its way: the vendor has one that is refused, and needs another at once.
            return self.insert_successor(tx, tenant, connection, &live, now).await;
        }
        record(tx, tenant, connection, ("token-taken", self.by.clone()), *generation, now).await?;
        all_is_well(tx, connection, now).await
    }
}

async fn by_hand(tx: &mut Connection, push: &Push, now: i64) -> Result<(), StoreError> {
    let Push { tenant, connection, generation, .. } = push;
    tokens::discard(tx, connection, *generation).await?;
    // What the vendor took from the host once is an operator's to replace: no more is made for it each minute.
    tokens::is_left_to_an_operator(tx, connection).await?;
    let left = left(tx, connection, now).await?;
    if left > token::WARNING_MS {
        return Ok(());
    }
    let detail = format!(
        "the webhook token ends in {} days, and the vendor takes none from the host: get a new one and enter it there",
        (left / DAY_MS).max(0)
    );
    raise(tx, tenant, connection, BY_HAND, &detail, now).await
}

async fn not_taken(
    tx: &mut Connection,
    push: &Push,
    (reason, asked): (&str, Option<Duration>),
    now: i64,
) -> Result<(), StoreError> {
    let Push { tenant, connection, generation, .. } = push;
    let left = left(tx, connection, now).await?;
    let again_at = now.saturating_add(wait(asked, left));
    tokens::not_taken(tx, connection, *generation, again_at, reason).await?;
    if left >= token::URGENT_MS {
        return Ok(());
    }
    let detail = format!("the webhook token ends in {} hours: {reason}", (left / HOUR_MS).max(0));
    raise(tx, tenant, connection, NOT_TAKEN, &detail, now).await
}

/// The vendor has a token that lasts.
pub(super) async fn all_is_well(tx: &mut Connection, connection: &str, now: i64) -> Result<(), StoreError> {
    for kind in [BY_HAND, NOT_TAKEN, NO_ROOM] {
        alarms::is_over(tx, now, kind, connection).await?;
    }
    Ok(())
}

pub(super) async fn raise(
    tx: &mut Connection,
    tenant: &str,
    connection: &str,
    kind: &'static str,
    detail: &str,
    now: i64,
) -> Result<(), StoreError> {
    let alarm = Alarm { tenant, connection: Some(connection), kind, about: connection, detail };
    alarms::raise(tx, now, &alarm).await
}

/// How long the vendor has a token yet; without end where it has none from here that could end.
async fn left(tx: &mut Connection, connection: &str, now: i64) -> Result<i64, StoreError> {
    let live: Vec<_> = tokens::live(tx, connection).await?.into_iter().map(|known| known.token).collect();
    Ok(token::end_of_use(&live).map_or(i64::MAX, |end| end.saturating_sub(now)))
}

/// An hour, or what the vendor asked for, as long as that is not most of what is left.
fn wait(asked: Option<Duration>, left: i64) -> i64 {
    let Some(asked) = asked else { return HOUR_MS };
    let asked = millis(asked);
    asked.clamp(SHORTEST_WAIT_MS, DAY_MS).min((left / 2).max(HOUR_MS))
}
