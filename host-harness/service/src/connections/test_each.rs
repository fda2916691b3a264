//! Tests every connection of a plugin on a new version before it serves, if an operator asks for it. Only reads reach
//! the vendor.
//! Tested in `api/src/tests/tested_connections.rs`.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use host_model::{contract::CheckOutcome, time::millis_u64};
use host_store::{StoreError, connections};
use tokio::time::{Instant, timeout_at};

use super::{
    Connections,
    candidate::Candidate,
    tested::{TestStatus, TestedConnection},
    tried::{TestReport, tried},
};

/// Maximum number of tests at once: they share the vendors' limits and the host's pool with real calls.
const MAX_CONCURRENT_TESTS: usize = 4;

/// How long all tests together may take.
const MAX_TESTS: Duration = Duration::from_mins(2);

impl Connections {
    /// Tests the connections of the plugin `name` on `candidate`, in the order of their keys.
    pub(super) async fn test_each(
        &self,
        name: &str,
        candidate: &Candidate,
    ) -> Result<Vec<TestedConnection>, StoreError> {
        let mut keys = self.keys_of(name);
        keys.sort();
        let (count, over_at, done) = (keys.len(), Instant::now() + MAX_TESTS, &AtomicUsize::new(0));
        let enabled = &self.enabled(keys.clone()).await?;
        let tests = stream::iter(keys).map(|key| async move {
            let tested = self.tested(key, enabled, candidate, over_at).await;
            let done = done.fetch_add(1, Relaxed) + 1;
            tracing::info!(plugin = name, done, count, "connection tested on a new version");
            tested
        });
        Ok(tests.buffered(MAX_CONCURRENT_TESTS).collect().await)
    }

    /// Returns those of `keys` whose connections are enabled.
    async fn enabled(&self, keys: Vec<String>) -> Result<BTreeSet<String>, StoreError> {
        let enabled = self.store.read(move |connection| {
            Box::pin(async move {
                let mut enabled = BTreeSet::new();
                for key in keys {
                    let duties = connections::duties(connection, &key).await?;
                    enabled.extend(duties.filter(|(is_enabled, _)| *is_enabled).map(|_| key));
                }
                Ok(enabled)
            })
        });
        enabled.await
    }

    async fn tested(
        &self,
        key: String,
        enabled: &BTreeSet<String>,
        candidate: &Candidate,
        over_at: Instant,
    ) -> TestedConnection {
        let begun = Instant::now();
        let tested = TestedConnection {
            connection: key,
            status: TestStatus::Failed,
            failed_checks: Vec::new(),
            reason: None,
            took_ms: 0,
        };
        let because =
            |status, reason: String| TestedConnection { status, reason: Some(reason), ..tested.clone() };
        let tested = if enabled.contains(&tested.connection) {
            match self.calls_on(&tested.connection, candidate) {
                Err(why) => because(TestStatus::Failed, why.to_string()),
                Ok(calls) => match timeout_at(over_at, tried(&tested.connection, &calls)).await {
                    Ok(report) => of_report(tested.clone(), report),
                    Err(_) => because(
                        TestStatus::Failed,
                        format!("the {} s of all tests have passed", MAX_TESTS.as_secs()),
                    ),
                },
            }
        } else {
            because(TestStatus::Skipped, "it is not enabled".to_owned())
        };
        TestedConnection { took_ms: millis_u64(begun.elapsed()), ..tested }
    }

    /// Returns the keys of the connections that the plugin `name` serves.
    pub(super) fn keys_of(&self, name: &str) -> Vec<String> {
        let slot = self.served.host().plugin(name);
        let generation = slot.map(|slot| slot.current());
        let keys =
            generation.iter().flat_map(|generation| generation.connections().map(|one| one.key.clone()));
        keys.collect()
    }
}

fn of_report(tested: TestedConnection, report: TestReport) -> TestedConnection {
    let TestReport { test_status: status, failure_reason, checks, .. } = report;
    let failed = checks.into_iter().filter(|check| check.outcome == CheckOutcome::Failed);
    let failed_checks = failed.map(|check| check.name).collect();
    let reason = match status {
        TestStatus::Skipped => Some("it has nothing to test".to_owned()),
        TestStatus::Succeeded | TestStatus::Failed => failure_reason,
    };
    TestedConnection { status, failed_checks, reason, ..tested }
}
