//! Has every other replica load a version before it serves.
//! Tested in `api/src/tests/replicas.rs`.

use std::time::Duration;

use host_model::digest::Digest;
use host_store::{
    StoreError,
    changes::{self, ChangeKind},
    preparations::{self, Preparation},
};
use tokio::time::{Instant, sleep};

use super::{Connections, publish_error::PublishError};

/// How often to look at what came of it.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long the replicas may take: they compile at the same time, each as long as the one that has published it.
pub(super) const MAX_PREPARATION: Duration = Duration::from_mins(2);

/// How long a version that served before waits for the replicas: it is put back because the one that serves misbehaves.
pub(super) const MAX_WAIT_TO_PUT_BACK: Duration = Duration::from_secs(10);

impl Connections {
    /// Has all other replicas load a stored version. Returns once they have, for at most `limit`. Fails if the version does
    /// not load at one of them, or not in time.
    pub(super) async fn prepared(
        &self,
        name: &str,
        digest: Digest,
        limit: Duration,
    ) -> Result<(), PublishError> {
        if !self.store.is_shared() || self.preparations(name, digest).await?.is_empty() {
            return Ok(());
        }
        let change = self.new_change(ChangeKind::Version, &changes::version(name, digest));
        let plugin = name.to_owned();
        let begun = self.store.write(move |tx| {
            Box::pin(async move {
                preparations::begin(tx, &plugin, digest).await?;
                change.record(tx).await
            })
        });
        begun.await?;
        self.bell.ring();
        let end = Instant::now() + limit;
        loop {
            let others = self.preparations(name, digest).await?;
            for Preparation { name: replica, problem, .. } in &others {
                if let Some(why) = problem {
                    return Err(PublishError::NotPrepared { replica: replica.clone(), why: why.clone() });
                }
            }
            let late: Vec<_> = others.into_iter().filter(|one| !one.is_over).map(|one| one.name).collect();
            if late.is_empty() {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(PublishError::Unprepared { replicas: late, seconds: limit.as_secs() });
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn preparations(&self, name: &str, digest: Digest) -> Result<Vec<Preparation>, StoreError> {
        let (replica, name) = (self.store.replica().clone(), name.to_owned());
        let read = self.store.read(move |c| {
            Box::pin(async move { preparations::at_others(c, &replica, &name, digest).await })
        });
        read.await
    }
}
