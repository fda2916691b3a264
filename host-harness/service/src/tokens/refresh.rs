//! Refreshes tokens in two phases: a successor is first offered, so that both sides may use it, and then pushed to the
//! vendor until the vendor accepts it.
//! Tested in `src/tokens/tests.rs`.
//!
//! The previous token stays accepted during that time and for at least a day, so a crash between any two steps leaves
//! a token that both sides accept. A push without an answer is repeated with the same token, never with another.

use futures::{StreamExt, future::BoxFuture};

use super::{
    Tokens,
    generation::{digest, new_token, retire_over},
    settle::{DAMAGED, NO_ROOM, PushOutcome, raise},
};
use crate::served::Served;
use host_harness::sandbox::Calls;
use host_model::{
    release::call_kind::CallKind,
    secret::Secret,
    token::{self, MAX_LIVE_TOKENS, TokenState, TokenView},
};
use host_store::{
    Store, StoreError, Tx,
    tokens::{self, ConnectionTokens, NewToken, Push},
};

/// The maximum number of concurrent pushes: a vendor that does not answer delays the others by its deadline at most.
const MAX_CONCURRENT_PUSHES: usize = 16;

/// Pushes a connection's token to its vendor.
pub(crate) type PushToken = dyn Fn(String, Secret) -> BoxFuture<'static, PushOutcome> + Send + Sync;

/// Returns a function that pushes tokens through the connector.
pub fn by_connector(served: Served) -> Box<PushToken> {
    Box::new(move |connection, token| {
        let of = served.of_connection(&connection);
        Box::pin(async move {
            match of {
                Ok(of) => {
                    let install = async |calls: Calls| calls.installing(token).install_token().await;
                    of.call(CallKind::WebhookToken, install).await.into()
                }
                Err(not_served) => PushOutcome::Failed { reason: not_served.to_string(), asked: None },
            }
        })
    })
}

impl Tokens {
    /// Runs the daily check: retires expired tokens, and offers successors for those that are due.
    pub(crate) async fn look(&self) -> Result<(), StoreError> {
        self.offer_if(token::is_due).await
    }

    /// Runs the check in between: offers successors that cannot wait for the daily check.
    pub(crate) async fn offer_urgent(&self) -> Result<(), StoreError> {
        self.offer_if(token::is_urgent).await
    }

    async fn offer_if(&self, needs: fn(&[TokenView], i64, i64) -> bool) -> Result<(), StoreError> {
        let (now, window) = (self.now(), self.window_ms);
        let vault = self.store.vault().clone();
        let all = self.store.read(|c| Box::pin(async move { tokens::all_live(c, &vault).await }));
        for of in all.await? {
            if !of.damaged.is_empty() {
                self.end_damaged(&of).await?;
            }
            let live: Vec<_> = of.tokens.into_iter().map(|known| known.token).collect();
            let is_offered = live.iter().any(TokenView::is_pending);
            if token::over(&live, now).is_empty() && (is_offered || !needs(&live, window, now)) {
                continue;
            }
            self.offer(of.tenant, of.connection, move |live| needs(live, window, now)).await?;
        }
        Ok(())
    }

    /// Retires damaged tokens and raises an alarm.
    async fn end_damaged(&self, of: &ConnectionTokens) -> Result<(), StoreError> {
        let (now, damaged) = (self.now(), of.damaged.clone());
        let (tenant, connection) = (of.tenant.clone(), of.connection.clone());
        let ended = self.store.write(move |tx| {
            Box::pin(async move {
                for generation in damaged {
                    tokens::end(tx, &connection, generation, TokenState::Retired, now).await?;
                }
                let detail = "a webhook token's row in the database is damaged, so the token was retired: if the \
                              vendor uses that token, issue a new one and enter it there";
                raise(tx, &tenant, &connection, DAMAGED, detail, now).await
            })
        });
        ended.await
    }

    /// Pushes the tokens that are due.
    pub(crate) fn push_due<'a>(&'a self, hand: &'a PushToken) -> BoxFuture<'a, Result<(), StoreError>> {
        // Boxed, because the compiler cannot infer on its own that the future is `Send`.
        Box::pin(async move {
            let now = self.now();
            let due = self.store.read(move |c| Box::pin(tokens::to_push(c, now))).await?;
            let pushes: Vec<_> = due.into_iter().map(|due| self.push_one(due, hand)).collect();
            let mut pushes = futures::stream::iter(pushes).buffer_unordered(MAX_CONCURRENT_PUSHES);
            while let Some(pushed) = pushes.next().await {
                if let Err(error) = pushed {
                    tracing::error!(%error, "result of a token push not stored; the token is pushed again");
                }
            }
            Ok(())
        })
    }

    /// Installs a new token for `connection` now, whether one is due or not. Returns `None` if there was no room for
    /// one.
    pub async fn rotate(
        &self,
        tenant: &str,
        connection: &str,
        hand: &PushToken,
    ) -> Result<Option<PushOutcome>, StoreError> {
        let (this, now) = (self.clone(), self.now());
        let (tenant, connection) = (tenant.to_owned(), connection.to_owned());
        let due = self.store.write(move |tx| {
            Box::pin(async move {
                this.offer_in(tx, &tenant, &connection, |_| true, now).await?;
                tokens::push_now(tx, &connection, now).await?;
                let due = tokens::to_push(tx, now).await?;
                Ok(due.into_iter().find(|due| due.connection == connection))
            })
        });
        match due.await? {
            Some(due) => self.push_one(due, hand).await.map(Some),
            None => Ok(None),
        }
    }

    async fn offer(
        &self,
        tenant: String,
        connection: String,
        needs: impl FnOnce(&[TokenView]) -> bool + Send + 'static,
    ) -> Result<(), StoreError> {
        let (this, now) = (self.clone(), self.now());
        self.store
            .write(move |tx| {
                Box::pin(async move { this.offer_in(tx, &tenant, &connection, needs, now).await })
            })
            .await
    }

    /// Offers `connection` a successor if `needs` returns true for its tokens, unless one is already on its way.
    pub(super) async fn offer_in(
        &self,
        tx: &mut Tx,
        tenant: &str,
        connection: &str,
        needs: impl FnOnce(&[TokenView]) -> bool + Send,
        now: i64,
    ) -> Result<(), StoreError> {
        let live = retire_over(tx, connection, now).await?;
        if live.iter().any(TokenView::is_pending) || !needs(&live) {
            return Ok(());
        }
        self.insert_successor(tx, tenant, connection, &live, now).await
    }

    pub(super) async fn insert_successor(
        &self,
        tx: &mut Tx,
        tenant: &str,
        connection: &str,
        live: &[TokenView],
        now: i64,
    ) -> Result<(), StoreError> {
        if token::accepted(live, now).len() >= MAX_LIVE_TOKENS {
            let Some(leaving) = token::replaced(live, now).or_else(|| token::never_used(live, now)) else {
                let detail = format!(
                    "{MAX_LIVE_TOKENS} tokens are accepted and each may be in use: revoke those that the vendor does not \
                     use"
                );
                return raise(tx, tenant, connection, NO_ROOM, &detail, now).await;
            };
            tokens::end(tx, connection, leaving, TokenState::Retired, now).await?;
        }
        let generation = tokens::next_generation(tx, connection).await?;
        let token = new_token()?;
        let sealed = self.store.vault().seal(&place(connection, generation), token.expose().as_bytes())?;
        let new = NewToken {
            tenant: tenant.to_owned(),
            connection: connection.to_owned(),
            generation,
            digest: digest(&token),
            to_push: Some(sealed),
            issued_at: now,
            expires_at: now.saturating_add(self.lifetime_ms),
        };
        tokens::insert(tx, self.store.vault(), new).await
    }

    async fn push_one(&self, due: Push, hand: &PushToken) -> Result<PushOutcome, StoreError> {
        let token = match open(&self.store, &due) {
            Ok(token) => token,
            Err(error) => return self.set_aside(due, error.to_string()).await,
        };
        let pushed = hand(due.connection.clone(), token).await;
        tracing::info!(
            tenant = due.tenant,
            connection = due.connection,
            operation = "token-push",
            status = pushed.as_ref(),
            generation = due.generation,
            "webhook token pushed"
        );
        let (this, now, outcome) = (self.clone(), self.now(), pushed.clone());
        self.store
            .write(move |tx| Box::pin(async move { this.settle(tx, &due, &outcome, now).await }))
            .await?;
        Ok(pushed)
    }

    /// Sets aside a token that cannot be unsealed, instead of pushing it. A successor is created when one is due.
    async fn set_aside(&self, push: Push, reason: String) -> Result<PushOutcome, StoreError> {
        let (now, why) = (self.now(), reason.clone());
        let set_aside = self.store.write(move |tx| {
            Box::pin(async move {
                tokens::set_aside(tx, &push, &why).await?;
                let detail = format!("a webhook token cannot be pushed to the vendor: {why}");
                raise(tx, &push.tenant, &push.connection, DAMAGED, &detail, now).await
            })
        });
        set_aside.await?;
        Ok(PushOutcome::Failed { reason, asked: None })
    }
}

fn open(store: &Store, push: &Push) -> Result<Secret, StoreError> {
    let opened = store.vault().open(&place(&push.connection, push.generation), &push.sealed_token)?;
    let token = std::str::from_utf8(&opened).ok().and_then(Secret::new);
    token.ok_or_else(|| StoreError::Unreadable("a sealed token".to_owned()))
}

fn place(connection: &str, generation: i64) -> String {
    format!("webhook token {generation} of {connection}")
}
