//! Carries acts out, each request in a transaction of its own that also stores its result, so that a restart repeats none
//! and one odd request stops no other.

use std::time::Duration;

use host_model::bulk::{BulkKind, KEEP_ENDED_MS};
use host_model::requests::RequestState;
use host_store::{
    RowChange, StoreError, Tx, Vault,
    bulk_acts::{self, BulkAct},
    requests,
};
use tokio_util::sync::CancellationToken;

use super::{ActLine, BulkActs, record};
use crate::requests::replay;

/// How often to look for acts that expire: nobody rings for them.
const LOOK_INTERVAL: Duration = Duration::from_mins(1);

/// How many requests are read at once.
const BATCH: i64 = 100;

/// What is left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Something,
    Nothing,
}

impl BulkActs {
    /// Carries acts out until the service stops.
    pub(crate) async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.step(&stop).await {
                Ok(Left::Something) => continue,
                Ok(Left::Nothing) => {}
                Err(error) => {
                    tracing::error!(%error, "carrying out bulk acts failed; it is tried again in a minute");
                }
            }
            let clock = &self.requests.clock;
            let again_at = clock.now() + LOOK_INTERVAL;
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.bell.rung() => {}
                () = clock.sleep_until(again_at) => {}
            }
        }
    }

    /// Carries out the next requests of the oldest running act.
    async fn step(&self, stop: &CancellationToken) -> Result<Left, StoreError> {
        self.expire().await?;
        let store = &self.requests.store;
        let next = store.read(|c| {
            Box::pin(async move {
                let Some(act) = bulk_acts::running(c).await? else { return Ok(None) };
                let open = bulk_acts::open_requests(c, act.seq, BATCH).await?;
                Ok(Some((act, open)))
            })
        });
        let Some((act, open)) = next.await? else {
            let before = self.requests.clock.date_ms().saturating_sub(KEEP_ENDED_MS);
            store.write_in_portions(move |tx| Box::pin(bulk_acts::prune(tx, before))).await?;
            return Ok(Left::Nothing);
        };
        if open.is_empty() {
            self.end(&act).await?;
        }
        for (request, id) in open {
            if stop.is_cancelled() {
                return Ok(Left::Nothing);
            }
            self.carry_out(&act, request, &id).await?;
        }
        Ok(Left::Something)
    }

    async fn carry_out(&self, act: &BulkAct, request: i64, id: &str) -> Result<(), StoreError> {
        let (seq, kind, by) = (act.seq, act.kind, format!("{}, bulk act {}", act.made_by, act.id));
        let (at, vault) = (self.requests.clock.date_ms(), self.requests.store.vault().clone());
        let of = id.to_owned();
        let done = self.requests.store.write(move |tx| {
            Box::pin(async move {
                let refused = match kind {
                    BulkKind::Replay => replayed(tx, &vault, &of, &by, at).await?,
                };
                bulk_acts::record(tx, seq, request, refused.as_deref()).await
            })
        });
        let Err(error) = done.await else {
            self.requests.bell.ring();
            return Ok(());
        };
        // The database may respond again in a minute. A request that cannot be read would stop the act for ever.
        if !error.is_about_one_row() {
            return Err(error);
        }
        tracing::error!(request = id, %error, "a request of a bulk act failed");
        let why = format!("it failed: {error}");
        let recorded = self
            .requests
            .store
            .write(move |tx| Box::pin(async move { bulk_acts::record(tx, seq, request, Some(&why)).await }));
        recorded.await.map(drop)
    }

    async fn end(&self, act: &BulkAct) -> Result<(), StoreError> {
        let (id, at) = (act.id.clone(), self.requests.clock.date_ms());
        let vault = self.requests.store.vault().clone();
        let ended = self.requests.store.write(move |tx| {
            Box::pin(async move {
                if bulk_acts::end(tx, &id, at).await? == RowChange::Changed {
                    record(tx, &vault, &id, &ActLine { what: "bulk-act-done", by: None, at }).await?;
                }
                Ok(())
            })
        });
        ended.await
    }
}

/// Puts the request with this id back in the queue. Returns why that was not possible; `None` if it was.
async fn replayed(
    tx: &mut Tx,
    vault: &Vault,
    id: &str,
    by: &str,
    at: i64,
) -> Result<Option<String>, StoreError> {
    let Some(view) = requests::show(tx, id).await? else {
        return Ok(Some("it no longer exists".to_owned()));
    };
    if replay::put_back(tx, vault, &view, by, at).await?.is_some() {
        return Ok(None);
    }
    Ok(Some(match view.state {
        RequestState::Failed | RequestState::Expired => {
            "its person is no longer known here: send a new request instead".to_owned()
        }
        state => format!("it is {state}: only a failed or expired request can be replayed"),
    }))
}

#[cfg(test)]
mod tests;
