//! Keeps the erasure ledger up to date while the service runs.
//! Tested in `api/src/tests/erasure_ledger.rs`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use host_harness::clock::Clock;
use host_store::{
    Store, StoreError,
    alarms::{self, Alarm},
    erasures::ledger::{ErasureLedger, LedgerError, LedgerFile},
};
use tokio_util::sync::CancellationToken;

use crate::tasks::pause;

/// How often the ledger is written: an erasure that a crash of the whole machine keeps out of it is known by the database
/// alone.
const INTERVAL: Duration = Duration::from_secs(1);

const NOT_WRITTEN: &str = "erasure-ledger-not-written";

/// The ledger of the service.
pub(crate) struct LedgerUpkeep {
    ledger: ErasureLedger,
    store: Store,
    clock: Arc<dyn Clock>,
}

/// Keeps the ledger in the file `path` up to date until `stop` is cancelled, and tries again if it cannot be opened.
pub(crate) async fn run(store: Store, path: PathBuf, clock: Arc<dyn Clock>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match LedgerUpkeep::open(&store, &path, Arc::clone(&clock)).await {
            Ok(upkeep) => upkeep.run(&stop).await,
            Err(error) => {
                if let Err(error) = report(&store, clock.date_ms(), Some(error)).await {
                    tracing::error!(%error, "the state of the erasure ledger cannot be recorded");
                }
            }
        }
        pause(&*clock, INTERVAL, &stop).await;
    }
}

impl LedgerUpkeep {
    /// Opens the ledger in the file `path`, and writes everything into it that the database knows.
    pub(crate) async fn open(store: &Store, path: &Path, clock: Arc<dyn Clock>) -> Result<Self, LedgerError> {
        let (ledger, file) = ErasureLedger::open(store, path).await?;
        if file == LedgerFile::Incomplete {
            tracing::warn!(
                file = %path.display(),
                "erasure ledger missing or older than the database; writing what the database knows anew"
            );
        }
        let mut upkeep = Self { ledger, store: store.clone(), clock };
        upkeep.ledger.catch_up().await?;
        report(store, upkeep.clock.date_ms(), None).await?;
        Ok(upkeep)
    }

    /// Writes erasures into the ledger until the service stops. An alarm is open while that fails.
    async fn run(mut self, stop: &CancellationToken) {
        let mut has_alarm = false;
        while !stop.is_cancelled() {
            let failure = self.ledger.catch_up().await.err();
            if failure.is_some() != has_alarm {
                let is_failing = failure.is_some();
                match report(&self.store, self.clock.date_ms(), failure).await {
                    Ok(()) => has_alarm = is_failing,
                    Err(error) => {
                        tracing::error!(%error, "the state of the erasure ledger cannot be recorded");
                    }
                }
            }
            pause(&*self.clock, INTERVAL, stop).await;
        }
    }
}

/// Raises the alarm about `failure`, or clears it if there is none any more.
async fn report(store: &Store, at: i64, failure: Option<LedgerError>) -> Result<(), StoreError> {
    if let Some(error) = &failure {
        tracing::error!(%error, "erasure ledger not written");
    }
    let reported = store.write(move |tx| {
        Box::pin(async move {
            let Some(error) = failure else {
                return alarms::is_over(tx, at, NOT_WRITTEN, NOT_WRITTEN).await;
            };
            let detail = format!("a backup that is restored now brings erased people back: {error}");
            let alarm = Alarm::of_service(NOT_WRITTEN, NOT_WRITTEN, &detail);
            alarms::raise(tx, at, &alarm).await
        })
    });
    reported.await
}
