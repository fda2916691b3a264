//! Issues, lists, revokes and accepts tokens.
//! Tested in `src/tokens/tests.rs`.

use host_store::RowChange;
use std::time::Duration;

use super::{
    Tokens,
    generation::{TokenChange, digest, new_token, record, retire_over},
    settle,
};
use host_model::{
    secret::Secret,
    time::HOUR_MS,
    token::{self, MAX_LIVE_TOKENS, TokenState, TokenView},
};
use host_store::{
    StoreError, Tx, Vault, alarms,
    tokens::{self, AcceptableToken, NewToken},
};

/// A new token, as it is shown to the caller once.
#[derive(Debug)]
pub struct IssuedWebhookToken {
    /// The token.
    pub token: Secret,
    /// The token's generation within its connection.
    pub generation: i64,
    /// The lifetime of the token.
    pub lifetime: Duration,
    /// The time at which the token expires, in milliseconds since the Unix epoch.
    pub expires_at: i64,
}

/// The reason that no token was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The connection already has the maximum number of accepted tokens.
    #[error(
        "{MAX_LIVE_TOKENS} tokens of this connection are accepted (generations {}): revoke one that the vendor does not use",
        .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    TooMany(Vec<i64>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Tokens {
    /// Issues a new token for `connection`, to be entered at the vendor by hand. It is accepted from now on, in
    /// addition to the existing ones.
    pub async fn issue(&self, tenant: &str, connection: &str) -> Result<IssuedWebhookToken, IssueError> {
        let (now, token) = (self.now(), new_token()?);
        let expires_at = now.saturating_add(self.lifetime_ms);
        let (tenant, connection) = (tenant.to_owned(), connection.to_owned());
        let (vault, digest, by) = (self.store.vault().clone(), digest(&token), self.by.clone());
        let issued = self.store.try_write(move |tx| {
            Box::pin(async move {
                let tokens = retire_over(tx, &connection, now).await?;
                let accepted = token::accepted(&tokens, now);
                if accepted.len() >= MAX_LIVE_TOKENS {
                    let Some(replaced) = token::replaced(&tokens, now) else {
                        return Err(IssueError::TooMany(accepted));
                    };
                    tokens::end(tx, &connection, replaced, TokenState::Retired, now).await?;
                }
                let generation = tokens::next_generation(tx, &connection).await?;
                let what = "token-issued";
                let issued = TokenChange { tenant: &tenant, connection: &connection, what, by, generation };
                record(tx, &vault, now, issued).await?;
                let issued_at = now;
                let new =
                    NewToken { tenant, connection, generation, digest, to_push: None, issued_at, expires_at };
                tokens::insert(tx, &vault, new).await?;
                Ok(generation)
            })
        });
        let generation = issued.await?;
        let lifetime = Duration::from_millis(self.lifetime_ms.unsigned_abs());
        Ok(IssuedWebhookToken { token, generation, lifetime, expires_at })
    }

    /// Returns all tokens of `connection`, oldest first.
    pub async fn list(&self, connection: &str) -> Result<Vec<TokenView>, StoreError> {
        let connection = connection.to_owned();
        self.store.read(|c| Box::pin(async move { tokens::list(c, &connection).await })).await
    }

    /// Revokes a token immediately, if it has not ended. If it is the one in use, the vendor's
    /// deliveries are refused until the vendor has another one; if the host installed it, a successor is offered at
    /// the same time.
    pub async fn revoke(
        &self,
        tenant: &str,
        connection: &str,
        generation: i64,
    ) -> Result<RowChange, StoreError> {
        let (this, now) = (self.clone(), self.now());
        let (tenant, connection) = (tenant.to_owned(), connection.to_owned());
        let revoked = self.store.write(move |tx| {
            Box::pin(async move {
                let live = tokens::live(tx, &connection).await?;
                let change = tokens::end(tx, &connection, generation, TokenState::Revoked, now).await?;
                if change == RowChange::Changed {
                    alarms::is_over(tx, now, settle::NO_ROOM, &connection).await?;
                    let (what, by) = ("token-revoked", this.by.clone());
                    let revoked =
                        TokenChange { tenant: &tenant, connection: &connection, what, by, generation };
                    record(tx, this.store.vault(), now, revoked).await?;
                }
                if live.iter().any(|token| token.generation == generation && token.is_in_step()) {
                    this.offer_in(tx, &tenant, &connection, |_| true, now).await?;
                }
                Ok(change)
            })
        });
        revoked.await
    }

    /// Returns the tokens that a delivery to `connection` may carry now.
    pub(crate) async fn accepted(&self, connection: &str) -> Result<Vec<AcceptableToken>, StoreError> {
        let now = self.now();
        let mut live = self.acceptable.carry_out(connection.to_owned()).await?;
        live.retain(|known| known.token.is_accepted(now));
        Ok(live)
    }
}

/// Returns whether [`record_seen`] records anything about a token that a delivery carried.
pub(crate) fn is_news(carried: &TokenView, now: i64) -> bool {
    carried.state == TokenState::Offered || is_seen_anew(carried, now)
}

/// Recorded to the hour: a write for each delivery would cost more than it is worth.
fn is_seen_anew(carried: &TokenView, now: i64) -> bool {
    carried.seen_at.is_none_or(|seen| now < seen || seen.saturating_add(HOUR_MS) <= now)
}

/// Records that a delivery carried `carried`, which shows that the vendor has the token.
pub(crate) async fn record_seen(
    tx: &mut Tx,
    vault: &Vault,
    tenant: &str,
    connection: &str,
    carried: &TokenView,
    now: i64,
) -> Result<(), StoreError> {
    if carried.state == TokenState::Offered
        && tokens::record_taken(tx, connection, carried.generation, now).await? == RowChange::Changed
    {
        let (what, generation) = ("token-taken", carried.generation);
        record(tx, vault, now, TokenChange { tenant, connection, what, by: None, generation }).await?;
        settle::clear_alarms(tx, connection, now).await?;
    }
    if is_seen_anew(carried, now) {
        tokens::record_seen(tx, connection, carried.generation, now).await?;
    }
    Ok(())
}
