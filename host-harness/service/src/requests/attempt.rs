//! One attempt: the claimed requests of a lane, carried out by their handler.

use std::{sync::Arc, time::Duration};

use host_harness::{clock::Clock, sandbox::Calls};
use host_model::requests::{
    Action, State,
    outcome::AttemptResult,
    retry::{self, After},
};
use host_store::{
    Store, StoreError,
    details::{Details, key_context},
    queue::Claim,
};

use super::{
    end::end,
    handler::{Came, Handlers},
};
use crate::{bell::Bell, telemetry::Telemetry};

/// What an attempt is made with.
#[derive(Clone)]
pub(crate) struct Attempts {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) handlers: Handlers,
    pub(crate) telemetry: Telemetry,
    /// Rung when an attempt has ended.
    pub(crate) bell: Bell,
}

impl Attempts {
    /// Carries out `claims`, which are all of one lane, on the plugin of `calls`. Confirmations go in one call.
    pub(super) async fn attempt(self, calls: Calls, action: Action, claims: Vec<Claim>) {
        let began = self.clock.now();
        for (claim, came) in self.ask(&calls, action, claims).await {
            let digest = calls.plugin().digest().to_string();
            self.record(&claim, &came, &digest, began);
            if let Err(error) = end(&self.store, &*self.clock, &claim, came, digest).await {
                // Its claim stays, and is taken back when its lease is over.
                tracing::error!(connection = claim.connection, request = claim.id, %error, "an attempt's end was not stored");
            }
        }
        self.bell.ring();
    }

    /// Records how an attempt ended, in metrics and log, with the keys that all of them share.
    fn record(&self, claim: &Claim, came: &Came, digest: &str, began: Duration) {
        let status = match &came.after {
            After::Finished { state, .. } => state.as_ref(),
            After::Again { cause, .. } => cause.as_ref(),
        };
        let took = self.clock.now().saturating_sub(began);
        let operation = claim.action.as_ref();
        self.telemetry.attempt(&claim.tenant, &claim.connection, operation, status, took);
        tracing::info!(
            tenant = claim.tenant,
            connection = claim.connection,
            operation,
            status,
            request = claim.id,
            attempt = claim.generation,
            digest,
            "an attempt ended"
        );
    }

    async fn ask(&self, calls: &Calls, action: Action, claims: Vec<Claim>) -> Vec<(Claim, Came)> {
        let handler = self.handlers.of(action);
        let mut opened = Vec::new();
        let mut came = Vec::new();
        for claim in claims {
            match self.open(&claim) {
                Ok(details) => opened.push((claim, details)),
                Err(error) => {
                    let unopened = Came { settle: handler.settle_unreadable(), ..unopened(&error) };
                    came.push((claim, unopened));
                }
            }
        }
        if !opened.is_empty() {
            came.extend(handler.attempt(calls, opened).await);
        }
        came
    }

    fn open(&self, claim: &Claim) -> Result<Details, StoreError> {
        let key = self.store.vault().data_key(&key_context(&claim.id), &claim.data_key)?;
        Details::open(&key, &claim.id, &claim.sealed_details)
    }
}

fn unopened(error: &StoreError) -> Came {
    let after = retry::finished(State::Failed, Some(error.to_string()));
    Came::of(after, AttemptResult::Unreadable(error.to_string()))
}
