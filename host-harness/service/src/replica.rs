//! This process as a replica among those that serve the database: its signs of life, its watch over the others, and its
//! clock, which is the database's.
//! Tested in `src/replica/tests.rs`.

mod fenced;
mod notifications;
mod others;
mod sending_right;

use std::{
    sync::Arc,
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
use tokio_util::sync::CancellationToken;

use self::others::Others;
pub(crate) use self::{fenced::Fenced, notifications::Notifications, sending_right::SendingRight};
use crate::{bell::Bell, served::Served, sync_state::SyncState, tasks::pause};

/// How often a replica gives a sign of life: others take over its work after fifteen without one.
const INTERVAL: Duration = Duration::from_secs(1);

/// The interval for a database that is a file, which no other process serves: each sign of life is a write to the disk.
const ALONE_INTERVAL: Duration = Duration::from_mins(1);

/// How long one sign of life may take.
const MAX_BEAT: Duration = Duration::from_secs(5);

/// An exchange that is this short sets the replica's clock, which is off by half of it at most. On a slower network, one that
/// takes at most twice as long as the shortest does.
const SHORT_EXCHANGE: Duration = Duration::from_millis(50);

/// This process among those that serve the database.
pub(crate) struct Membership {
    store: Store,
    clock: Arc<dyn Clock>,
    sending_right: SendingRight,
    served: Served,
    sync: SyncState,
    /// Rung when work of a replica that is gone has been taken back.
    bells: [Bell; 2],
    tenure: watch::Sender<Option<Tenure>>,
    others: Others,
    clock_exchanges: ClockExchanges,
}

/// What a process knows once it has joined the replicas.
pub(crate) struct Joined {
    pub(crate) sending_right: SendingRight,
    pub(crate) sync: SyncState,
    /// Its tenure; `None` if another one leads.
    pub(crate) tenure: Option<Tenure>,
}

/// Enters this process among those that serve the database, and sets `clock` to the database's.
pub(crate) async fn join(store: &Store, clock: &dyn Clock) -> Result<Joined, StoreError> {
    let begun = Instant::now();
    store.serve_as(name()).await?;
    // Before anything is loaded: what is changed from now on is served by a look at the changes.
    let applied = store.read(|c| Box::pin(changes::last(c))).await?;
    let tenure = beat(store, ServedVersions::new(), applied).await?.tenure;
    let sending_right = SendingRight::of(store);
    sending_right.renew(begun);
    ClockExchanges::default().follow(store, clock).await?;
    Ok(Joined { sending_right, sync: SyncState::of(store, applied), tenure })
}

/// Returns what operators call this process.
fn name() -> String {
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{machine}:{}", std::process::id())
}

/// Gives a sign of life.
async fn beat(store: &Store, versions: ServedVersions, applied: i64) -> Result<Beat, StoreError> {
    let replica = store.replica().clone();
    store
        .write(move |tx| Box::pin(async move { replicas::beat(tx, &replica, &versions, applied).await }))
        .await
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
        let shortest = self.shortest.map_or(exchange, |shortest| shortest.min(exchange));
        self.shortest = Some(shortest);
        if exchange <= SHORT_EXCHANGE.max(shortest * 2) {
            let date = Duration::from_millis(u64::try_from(date).unwrap_or_default());
            clock.set_date(SystemTime::UNIX_EPOCH + date + exchange / 2);
        }
        Ok(())
    }
}

impl Membership {
    /// Creates the membership of a process that has joined, and leads if it has a `tenure`.
    pub(crate) fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        sending_right: SendingRight,
        served: Served,
        sync: SyncState,
        bells: [Bell; 2],
        tenure: Option<Tenure>,
    ) -> Self {
        let tenure = watch::Sender::new(tenure);
        Self {
            store,
            clock,
            sending_right,
            served,
            sync,
            bells,
            tenure,
            others: Others::default(),
            clock_exchanges: ClockExchanges::default(),
        }
    }

    /// Returns the current tenure of this replica; `None` while another one leads.
    pub(crate) fn tenure(&self) -> watch::Receiver<Option<Tenure>> {
        self.tenure.subscribe()
    }

    /// Gives signs of life, and watches those of the others, until the service stops. Returns early if the others have
    /// taken over this replica's work.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let interval = if self.store.is_shared() { INTERVAL } else { ALONE_INTERVAL };
        while !stop.is_cancelled() {
            match timeout(MAX_BEAT, self.look()).await {
                Ok(Ok(())) => {}
                Ok(Err(error @ StoreError::TakenOver)) => {
                    tracing::error!(%error, "work taken over by other replicas");
                    return;
                }
                Ok(Err(error)) => tracing::warn!(%error, "no sign of life in the database"),
                Err(_) => tracing::warn!("no sign of life in the database, which does not respond"),
            }
            pause(&*self.clock, interval, &stop).await;
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let begun = Instant::now();
        let Beat { others, tenure } = beat(&self.store, versions(&self.served), self.sync.applied()).await?;
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
                    if replicas::remove(tx, &last).await? == RowChange::Changed {
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
        self.bells.iter().for_each(Bell::ring_here);
        Ok(())
    }
}

/// Removes this process from those that serve the database, once it has done everything else.
pub(crate) async fn leave(store: &Store) {
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

/// Returns the version that each plugin runs.
fn versions(served: &Served) -> ServedVersions {
    let plugins = served.host().plugins();
    plugins.iter().map(|(name, slot)| (name.clone(), slot.current().plugin().digest().to_string())).collect()
}

#[cfg(test)]
mod tests;
