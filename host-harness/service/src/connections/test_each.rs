//! Tests every connection of a plugin on a new version before it serves, if an operator asks for it. Only reads reach
//! the vendor.
//! Tested in `api/src/tests/tested_connections.rs`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use futures::{StreamExt as _, stream};
use host_harness::plugin::Plugin;
use host_model::{contract::CheckOutcome, time::millis_u64};
use host_store::{StoreError, connections};
use tokio::time::{Instant, timeout_at};

use super::{
    Connections,
    tested::{TestStatus, TestedConnection},
    tried::{TestReport, tried},
};

/// Maximum number of tests at once: they share the vendors' limits and the host's pool with real calls.
const MAX_CONCURRENT_TESTS: usize = 4;

/// How long all tests together may take.
const MAX_TESTS: Duration = Duration::from_mins(2);

impl Connections {
    /// Tests the connections of the plugin `name` on `plugin`, in the order of their keys.
    pub(super) async fn test_each(
        &self,
        name: &str,
        plugin: &Arc<Plugin>,
    ) -> Result<Vec<TestedConnection>, StoreError> {
        let mut keys = self.keys_of(name);
        keys.sort();
        let (count, over_at, done) = (keys.len(), Instant::now() + MAX_TESTS, &AtomicUsize::new(0));
        let tests = stream::iter(keys).map(|key| async move {
            let tested = self.tested(key, plugin, over_at).await;
            let done = done.fetch_add(1, Relaxed) + 1;
            tracing::info!(plugin = name, done, count, "connection tested on a new version");
            tested
        });
        let tested: Vec<_> = tests.buffered(MAX_CONCURRENT_TESTS).collect().await;
        tested.into_iter().collect()
    }

    async fn tested(
        &self,
        key: String,
        plugin: &Arc<Plugin>,
        over_at: Instant,
    ) -> Result<TestedConnection, StoreError> {
        let begun = Instant::now();
        let of = key.clone();
        let duties =
            self.store.read(move |tx| Box::pin(async move { connections::duties(tx, &of).await })).await?;
        let tested = TestedConnection {
            connection: key,
            status: TestStatus::Failed,
            failed_checks: Vec::new(),
            reason: None,
            took_ms: 0,
        };
        let because =
            |status, reason: String| TestedConnection { status, reason: Some(reason), ..tested.clone() };
        let tested = if duties.is_some_and(|(is_enabled, _)| !is_enabled) {
            because(TestStatus::Skipped, "it is not enabled".to_owned())
        } else {
            match self.served.host().connection_on(&tested.connection, plugin) {
                Err(why) => because(TestStatus::Failed, why.to_string()),
                Ok(calls) => match timeout_at(over_at, tried(&tested.connection, &calls)).await {
                    Ok(report) => of_report(tested.clone(), report),
                    Err(_) => because(
                        TestStatus::Failed,
                        format!("the {} s of all tests have passed", MAX_TESTS.as_secs()),
                    ),
                },
            }
        };
        Ok(TestedConnection { took_ms: millis_u64(begun.elapsed()), ..tested })
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
