//! Attempts: the handler carries out the claimed requests of a lane.
//! Tested in `src/requests/worker/tests.rs`.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Release},
    },
    time::Duration,
};

use host_harness::{
    clock::Clock,
    sandbox::{Calls, CallsRecord, Recorder},
};
use host_model::{
    contract::observed::Observed,
    digest::Digest,
    requests::{
        Action, RequestState,
        outcome::AttemptResult,
        retry::{self, NextStep, RetryCause},
    },
};
use host_store::{
    Store, StoreError,
    details::{Details, key_context},
    queue::ClaimedRequest,
};

use super::{
    counted,
    end::end,
    ends::Ends,
    handler::{Handlers, RequestOutcome},
};
use crate::{
    bell::Bell, connections::loaded::LoadedVersions, served::serving::ServingCalls, telemetry::Telemetry,
    work,
};

/// The resources of an attempt.
#[derive(Clone)]
pub(crate) struct Attempts {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) handlers: Handlers,
    /// Loads the versions that confirm what they gave a reference for.
    pub(crate) versions: LoadedVersions,
    /// Set when the outcome of an attempt was contradicted.
    pub(crate) has_contradicted: Arc<AtomicBool>,
    pub(crate) telemetry: Telemetry,
    /// Rung when an attempt has ended.
    pub(crate) bell: Bell,
    /// Announces the ends of requests.
    pub(crate) ends: Ends,
}

/// The version on which an attempt runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum RunsOn {
    /// The one that gave the reference and is to confirm it.
    Writer(Digest),
    /// One that serves the connection.
    Serving(Digest),
}

impl Attempts {
    /// Carries out `claims`, all of one lane: each on the version that is to confirm it, or else on the one of `serving` that
    /// serves it. Confirmations on one version share a call.
    pub(super) async fn attempt(self, serving: ServingCalls, action: Action, claims: Vec<ClaimedRequest>) {
        let mut by_version: BTreeMap<RunsOn, Vec<ClaimedRequest>> = BTreeMap::new();
        for claim in claims {
            let on =
                claim.writer.map_or_else(|| RunsOn::Serving(serving.version_for(&claim)), RunsOn::Writer);
            by_version.entry(on).or_default().push(claim);
        }
        for (on, claims) in by_version {
            let on = match on {
                RunsOn::Writer(writer) => self.on_writer(serving.running(), writer).await,
                RunsOn::Serving(version) => {
                    let Some(calls) = serving.on(version) else {
                        // The claims remain, and are taken back with the next upkeep. They are not carried out by the version
                        // before: its people do not move back.
                        tracing::error!(%version, claims = claims.len(), "requests were claimed for a version that is not loaded here");
                        continue;
                    };
                    calls.clone()
                }
            };
            self.attempt_on(&serving, on, action, claims).await;
        }
        self.bell.ring();
    }

    /// Returns the calls of the connection on the version `writer`, or `running` if it does not load.
    async fn on_writer(&self, running: &Calls, writer: Digest) -> Calls {
        let connection = &running.connection().key;
        match self.versions.calls(connection, writer).await {
            Ok(calls) => calls,
            Err(error) => {
                tracing::warn!(
                    connection, digest = %writer, %error,
                    "plugin version that gave references not usable; the serving one confirms the erasures"
                );
                running.clone()
            }
        }
    }

    async fn attempt_on(
        &self,
        serving: &ServingCalls,
        calls: Calls,
        action: Action,
        claims: Vec<ClaimedRequest>,
    ) {
        let began = self.clock.now();
        let recorder = Recorder::default();
        let calls = calls.recorded(recorder.clone());
        let ended = self.ask(&calls, action, claims).await;
        let CallsRecord { observed, was_host_unavailable } = recorder.take();
        let digest = calls.plugin().digest();
        if serving.is_in_release() && !was_host_unavailable {
            let took = self.clock.now().saturating_sub(began);
            counted::count(serving, digest, &ended, took, self.clock.date_ms());
        }
        for (claim, mut came) in ended {
            if was_host_unavailable {
                came.after = came.after.of_unavailable_host();
            }
            self.record(&claim, &came, digest, began);
            came.observed.get_or_insert_with(|| observed.clone());
            let is_contradicted =
                matches!(came.after, NextStep::Again { cause: RetryCause::Contradicted, .. });
            let came = Arc::new(came);
            let stored = work::store_result(&*self.clock, || {
                end(&self.store, &*self.clock, &claim, Arc::clone(&came), digest)
            });
            match stored.await {
                Ok(()) if is_contradicted => self.has_contradicted.store(true, Release),
                Ok(()) => self.ends.announce(&claim.id),
                // The claim remains, and is taken back with the next upkeep.
                Err(error) => {
                    tracing::error!(connection = claim.connection, request = claim.id, %error, "attempt result not stored");
                }
            }
        }
    }

    /// Records the result of an attempt in metrics and the log, under the keys that both share.
    fn record(&self, claim: &ClaimedRequest, came: &RequestOutcome, digest: Digest, began: Duration) {
        let status = match &came.after {
            NextStep::Finished { state, .. } => state.as_ref(),
            NextStep::Again { cause, .. } => cause.as_ref(),
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
            %digest,
            "attempt ended"
        );
    }

    async fn ask(
        &self,
        calls: &Calls,
        action: Action,
        claims: Vec<ClaimedRequest>,
    ) -> Vec<(ClaimedRequest, RequestOutcome)> {
        let handler = self.handlers.of(action);
        let mut opened = Vec::new();
        let mut came = Vec::new();
        for claim in claims {
            match self.open(&claim) {
                Ok(details) => opened.push((claim, details)),
                Err(error) => {
                    let unopened = RequestOutcome {
                        settle: handler.settle_unreadable(),
                        observed: Some(Observed::default()),
                        ..unopened(&error)
                    };
                    came.push((claim, unopened));
                }
            }
        }
        if !opened.is_empty() {
            came.extend(handler.attempt(calls, opened).await);
        }
        came
    }

    fn open(&self, claim: &ClaimedRequest) -> Result<Details, StoreError> {
        let key = self.store.vault().data_key(&key_context(&claim.id), &claim.data_key)?;
        Details::open(&key, &claim.id, &claim.sealed_details)
    }
}

fn unopened(error: &StoreError) -> RequestOutcome {
    let after = retry::finished(RequestState::Failed, Some(error.to_string()));
    RequestOutcome::of(after, AttemptResult::Unreadable(error.to_string()))
}
