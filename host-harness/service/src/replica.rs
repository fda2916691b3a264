//! This process as a replica among those that serve the database: its signs of life, its watch over the others, and its
//! clock, which is the database's.
//! Tested in `src/replica/tests.rs`.

mod beats;
mod fenced;
mod notifications;
mod others;

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use host_harness::clock::Clock;
use host_store::{
    RowChange, Store, StoreError, Tenure, changes, cut_off, deliveries,
    replicas::{self, Beat, ServedVersions, SignOfLife},
};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use self::{beats::Beats, others::Others};
pub(crate) use self::{fenced::Fenced, notifications::Notifications};
use crate::{bell::Bell, sending_right::SendingRight, served::Served, sync_state::SyncState, tasks::pause};

/// How often a replica gives a sign of life: others take over its work after twenty without one.
const INTERVAL: Duration = Duration::from_secs(1);

/// The interval for a database that is a file, which no other process serves, unless the versions change: each sign of life is a
/// write to the disk.
const ALONE_INTERVAL: Duration = Duration::from_mins(1);

/// How long one sign of life may take.
const MAX_BEAT: Duration = Duration::from_secs(5);

/// An exchange that is this short sets the replica's clock, which is off by half of it at most. On a slower network, one that
/// takes at most twice as long as the shortest does. It takes three round trips, so that 17 ms each are short enough.
const SHORT_EXCHANGE: Duration = Duration::from_millis(50);

/// This process among those that serve the database. It gives signs of life from when it joins until it leaves.
pub(crate) struct Membership {
    store: Store,
    beats: Beats,
    sending_right: SendingRight,
    sync: SyncState,
    tenure: watch::Receiver<Option<Tenure>>,
    serving: Arc<OnceLock<Serving>>,
    /// Ends the signs of life.
    end: CancellationToken,
    signs_of_life: AbortOnDropHandle<()>,
}

/// What a replica serves once it has started.
struct Serving {
    served: Served,
    /// Rung when work of a replica that is gone has been taken back.
    bells: [Bell; 2],
}

/// Enters this process among those that serve the database, and sets `clock` to the database's. It gives signs of life from
/// then on: a start may take longer than the others wait for one.
pub(crate) async fn join(store: &Store, clock: Arc<dyn Clock>) -> Result<Membership, StoreError> {
    let begun = Instant::now();
    store.serve_as(name()).await?;
    // Before anything is loaded: what is changed from now on is served by a look at the changes.
    let applied = store.read(|c| Box::pin(changes::last(c))).await?;
    let beats = Beats::of(store);
    let first = beats.give(ServedVersions::new(), applied).await?.tenure;
    let (sending_right, sync) = (SendingRight::of(store), SyncState::of(store, applied));
    sending_right.renew(begun);
    let mut clock_exchanges = ClockExchanges::default();
    clock_exchanges.follow(store, &*clock).await?;
    let (tenure, tenures) = watch::channel(first);
    let (serving, end) = (Arc::default(), CancellationToken::new());
    let signs = SignsOfLife {
        store: store.clone(),
        beats: beats.clone(),
        clock,
        sending_right: sending_right.clone(),
        sync: sync.clone(),
        serving: Arc::clone(&serving),
        tenure,
        others: Others::default(),
        clock_exchanges,
    };
    let signs_of_life = AbortOnDropHandle::new(tokio::spawn(signs.give(end.clone())));
    let store = store.clone();
    Ok(Membership { store, beats, sending_right, sync, tenure: tenures, serving, end, signs_of_life })
}

impl Membership {
    /// Returns the right to send, which the signs of life renew.
    pub(crate) fn sending_right(&self) -> SendingRight {
        self.sending_right.clone()
    }

    /// Returns how far this replica serves the changes of the others.
    pub(crate) fn sync(&self) -> SyncState {
        self.sync.clone()
    }

    /// Returns the current tenure of this replica; `None` while another one leads.
    pub(crate) fn tenures(&self) -> watch::Receiver<Option<Tenure>> {
        self.tenure.clone()
    }

    /// Returns whether this replica leads.
    pub(crate) fn leads(&self) -> bool {
        self.tenure.borrow().is_some()
    }

    /// Shows from now on what is `served`, and rings `bells` when work has been taken over.
    pub(crate) async fn serve(&self, served: Served, bells: [Bell; 2]) -> Result<(), StoreError> {
        let versions = versions(&served);
        // A process starts once.
        let _served_before = self.serving.set(Serving { served, bells });
        self.beats.give(versions, self.sync.applied()).await.map(drop)
    }

    /// Completes if the others have taken over the work of this replica, or the database was set back.
    pub(crate) async fn lost(&mut self) {
        // A failed join is a panic, which the log has.
        let _ended = (&mut self.signs_of_life).await;
    }

    /// Ends the signs of life, and removes this process from those that serve the database. To be called once it has done
    /// everything else.
    pub(crate) async fn leave(self) {
        let Self { store, end, signs_of_life, .. } = self;
        end.cancel();
        drop(signs_of_life);
        let replica = store.replica().clone();
        let left = store.write(move |tx| Box::pin(async move { replicas::leave(tx, &replica).await }));
        match timeout(MAX_BEAT, left).await {
            Ok(Ok(()) | Err(StoreError::TakenOver)) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the others find out by themselves that this replica has ended");
            }
            Err(_) => tracing::warn!("the others find out by themselves that this replica has ended"),
        }
    }
}

/// Returns what operators call this process.
pub(crate) fn name() -> String {
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{machine}:{}", std::process::id())
}

/// The exchanges with the database in which its clock was read.
#[derive(Debug, Default)]
struct ClockExchanges {
    /// The time that the shortest one took; `None` before the first.
    shortest: Option<Duration>,
}

impl ClockExchanges {
    /// Sets `clock` to the database's, if other processes serve it too: their leases, windows and due times are compared.
    async fn follow(&mut self, store: &Store, clock: &dyn Clock) -> Result<(), StoreError> {
        if !store.is_shared() {
            return Ok(());
        }
        let begun = Instant::now();
        let date = store.read(|c| Box::pin(replicas::date_ms(c))).await?;
        let exchange = begun.elapsed();
        // It grows slowly, so that a route that became slower for good is followed again.
        let shortest = self.shortest.map_or(exchange, |shortest| exchange.min(shortest + shortest / 16));
        self.shortest = Some(shortest);
        if exchange <= SHORT_EXCHANGE.max(shortest * 2) {
            let date = Duration::from_millis(u64::try_from(date).unwrap_or_default());
            // It was read at some moment of the exchange.
            clock.set_date(SystemTime::UNIX_EPOCH + date + exchange / 2, exchange / 2);
        }
        Ok(())
    }
}

/// The task that gives the signs of life of this process, and watches those of the others.
struct SignsOfLife {
    store: Store,
    beats: Beats,
    clock: Arc<dyn Clock>,
    sending_right: SendingRight,
    sync: SyncState,
    serving: Arc<OnceLock<Serving>>,
    tenure: watch::Sender<Option<Tenure>>,
    others: Others,
    clock_exchanges: ClockExchanges,
}

impl SignsOfLife {
    /// Gives signs of life until `end`. Returns early if the others have taken over this replica's work, or
    /// the database was set back.
    async fn give(mut self, end: CancellationToken) {
        let mut last: Option<(Instant, ServedVersions)> = None;
        while !end.is_cancelled() {
            let versions = self.serving.get().map(|serving| versions(&serving.served)).unwrap_or_default();
            let is_needless = !self.store.is_shared()
                && last
                    .as_ref()
                    .is_some_and(|(at, shown)| at.elapsed() < ALONE_INTERVAL && *shown == versions);
            if is_needless {
                pause(&*self.clock, INTERVAL, &end).await;
                continue;
            }
            match timeout(MAX_BEAT, self.look(versions.clone())).await {
                Ok(Ok(())) => last = Some((Instant::now(), versions)),
                Ok(Err(error @ (StoreError::TakenOver | StoreError::SetBack))) => {
                    tracing::error!(%error, "this replica ends");
                    self.tenure.send_replace(None);
                    return;
                }
                Ok(Err(error)) => tracing::warn!(%error, "no sign of life in the database"),
                Err(_) => tracing::warn!("no sign of life in the database, which does not respond"),
            }
            pause(&*self.clock, INTERVAL, &end).await;
        }
    }

    async fn look(&mut self, versions: ServedVersions) -> Result<(), StoreError> {
        let begun = Instant::now();
        let Beat { others, tenure, .. } = self.beats.give(versions, self.sync.applied()).await?;
        self.sending_right.renew(begun);
        self.tenure.send_if_modified(|current| {
            let is_new = *current != tenure;
            *current = tenure;
            is_new
        });
        let silent = self.others.silent(others, begun);
        if !silent.is_empty() {
            self.take_over(silent).await?;
        }
        self.clock_exchanges.follow(&self.store, &*self.clock).await
    }

    /// Removes replicas that give no sign of life, and takes back what they have claimed.
    async fn take_over(&self, silent: Vec<SignOfLife>) -> Result<(), StoreError> {
        let (at, vault, replica) =
            (self.clock.date_ms(), self.store.vault().clone(), self.store.replica().clone());
        let removed = self.store.write(move |tx| {
            Box::pin(async move {
                let mut removed = Vec::new();
                for last in silent {
                    if replicas::remove(tx, &last, at).await? == RowChange::Changed {
                        removed.push(last.id);
                    }
                }
                if !removed.is_empty() {
                    cut_off::reclaim_ended(tx, &vault, &replica, at).await?;
                    deliveries::reclaim(tx, &replica).await?;
                }
                Ok(removed)
            })
        });
        for replica in removed.await? {
            tracing::warn!(%replica, "replica gives no sign of life; its work is taken over");
        }
        if let Some(serving) = self.serving.get() {
            serving.bells.iter().for_each(Bell::ring_here);
        }
        Ok(())
    }
}

/// Returns the version that each plugin runs.
fn versions(served: &Served) -> ServedVersions {
    let plugins = served.host().plugins();
    plugins.iter().map(|(name, slot)| (name.clone(), slot.current().plugin().digest().to_string())).collect()
}

#[cfg(test)]
mod tests;
