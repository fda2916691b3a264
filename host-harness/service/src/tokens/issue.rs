//! Tokens made, listed, revoked and accepted.

use std::time::Duration;

use super::{
    Tokens,
    generation::{digest, new_token, record, retire_over},
    settle,
};
use host_model::{
    secret::Secret,
    time::HOUR_MS,
    token::{self, MOST_LIVE, TokenState, TokenView},
};
use host_store::{
    Connection, StoreError, alarms,
    tokens::{self, Known, NewToken},
};

/// A token as whoever asked for it is shown it, once.
#[derive(Debug)]
pub struct Issued {
    /// The token.
    pub token: Secret,
    /// Which one of its connection.
    pub generation: i64,
    /// How long it lasts.
    pub lifetime: Duration,
    /// In milliseconds since 1970 in UTC.
    pub expires_at: i64,
}

/// Why no token was made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// As many as may be are accepted already.
    #[error(
        "{MOST_LIVE} tokens of this connection are accepted (generations {}): revoke one that the vendor does not use",
        .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    TooMany(Vec<i64>),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Tokens {
    /// A new token for `connection`, to be entered at the vendor by hand. Accepted from now on, beside those before.
    pub async fn issue(&self, tenant: &str, connection: &str) -> Result<Issued, IssueError> {
        let (now, token) = (self.now(), new_token()?);
        let expires_at = now.saturating_add(self.lifetime_ms);
        let (tenant, connection) = (tenant.to_owned(), connection.to_owned());
        let (digest, by) = (digest(&token), self.by.clone());
        let issued = self.store.try_write(move |tx| {
            Box::pin(async move {
                let tokens = retire_over(tx, &connection, now).await?;
                let accepted = token::accepted(&tokens, now);
                if accepted.len() >= MOST_LIVE {
                    let Some(replaced) = token::replaced(&tokens, now) else {
                        return Err(IssueError::TooMany(accepted));
                    };
                    tokens::end(tx, &connection, replaced, TokenState::Retired, now).await?;
                }
                let generation = tokens::next_generation(tx, &connection).await?;
                record(tx, &tenant, &connection, ("token-issued", by), generation, now).await?;
                let issued_at = now;
                let new =
                    NewToken { tenant, connection, generation, digest, to_push: None, issued_at, expires_at };
                tokens::insert(tx, new).await?;
                Ok(generation)
            })
        });
        let generation = issued.await?;
        let lifetime = Duration::from_millis(self.lifetime_ms.unsigned_abs());
        Ok(Issued { token, generation, lifetime, expires_at })
    }

    /// All tokens of `connection`, oldest first.
    pub async fn list(&self, connection: &str) -> Result<Vec<TokenView>, StoreError> {
        let connection = connection.to_owned();
        self.store.read(|c| Box::pin(async move { tokens::list(c, &connection).await })).await
    }

    /// Ends a token at once; whether it was accepted until now. Where it is the one in use, the vendor's deliveries are
    /// refused until it has another one: where the host handed it over, its successor is offered with its end.
    pub async fn revoke(&self, tenant: &str, connection: &str, generation: i64) -> Result<bool, StoreError> {
        let (this, now) = (self.clone(), self.now());
        let (tenant, connection) = (tenant.to_owned(), connection.to_owned());
        let revoked = self.store.write(move |tx| {
            Box::pin(async move {
                let live = tokens::live(tx, &connection).await?;
                let was_live = tokens::end(tx, &connection, generation, TokenState::Revoked, now).await?;
                if was_live {
                    alarms::is_over(tx, now, settle::NO_ROOM, &connection).await?;
                    let by = this.by.clone();
                    record(tx, &tenant, &connection, ("token-revoked", by), generation, now).await?;
                }
                if live.iter().any(|known| known.token.generation == generation && known.token.is_in_step()) {
                    this.offer_in(tx, &tenant, &connection, |_| true, now).await?;
                }
                Ok(was_live)
            })
        });
        revoked.await
    }

    /// What a delivery to `connection` may carry now.
    pub(crate) async fn accepted(&self, connection: &str) -> Result<Vec<Known>, StoreError> {
        let (now, connection) = (self.now(), connection.to_owned());
        let mut live =
            self.store.read(|c| Box::pin(async move { tokens::live(c, &connection).await })).await?;
        live.retain(|known| known.token.is_accepted(now));
        Ok(live)
    }
}

/// A delivery carried `carried`: then the vendor has it.
pub(crate) async fn seen(
    tx: &mut Connection,
    tenant: &str,
    connection: &str,
    carried: &TokenView,
    now: i64,
) -> Result<(), StoreError> {
    if carried.state == TokenState::Offered && tokens::taken(tx, connection, carried.generation, now).await? {
        record(tx, tenant, connection, ("token-taken", None), carried.generation, now).await?;
        settle::all_is_well(tx, connection, now).await?;
    }
    // To the hour: a write for each delivery would cost more than it tells.
    if carried.seen_at.is_none_or(|seen| now < seen || seen.saturating_add(HOUR_MS) <= now) {
        tokens::seen(tx, connection, carried.generation, now).await?;
    }
    Ok(())
}
