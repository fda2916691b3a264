//! The inbox: the connector reads stored deliveries in the order received, and their events are processed in the
//! transaction that marks them as read. A delivery that cannot be read does not affect the others.
//! Tested in `src/webhooks/receive/tests.rs`.

use host_store::RowChange;
use std::{collections::HashMap, mem, sync::Arc, time::Duration};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    read_by::{ReadBy, read_by},
    reading::{DeliveryReading, after_failures},
    stored_delivery,
};
use crate::{
    bell::Bell,
    consent::{arrival::DeliveryArrival, inbound},
    served::{Served, ServingState},
    tasks::Tasks,
    telemetry::Telemetry,
    who::Who,
    work,
};
use host_harness::clock::Clock;
use host_model::{contract::webhook::ConsentEvent, digest::Digest};
use host_store::{
    Keys, Store, StoreError, Tx,
    alarms::{self, Alarm},
    audit::{self, Record},
    deliveries::{self, ClaimedDelivery, DamagedRow, DeliverySelection, DeliveryState, ReadingEnd},
    lease::Lease,
};

/// The maximum number of concurrent readings. A reading takes well under a millisecond, unless the vendor is asked who
/// a person is.
const MAX_CONCURRENT_READINGS: usize = 16;

/// The maximum number of concurrent readings of one connection, so that a vendor that does not answer leaves room for
/// the others.
const MAX_CONCURRENT_PER_CONNECTION: usize = 4;

/// The alarm for deliveries of a connection that could not be read.
const UNREAD: &str = "deliveries-unread";

/// The readings in progress, each with its connection and the position of its delivery.
type ReadingTasks = Tasks<(String, i64)>;

/// How many readings are in progress, by connection.
#[derive(Default)]
struct ReadingCounts(HashMap<String, usize>);

impl ReadingCounts {
    fn of(under_way: &ReadingTasks) -> Self {
        let mut counts = Self::default();
        for (connection, _) in under_way.about() {
            counts.add(connection);
        }
        counts
    }

    fn add(&mut self, connection: &str) {
        *self.0.entry(connection.to_owned()).or_default() += 1;
    }

    /// Returns the connections that have reached their maximum.
    fn full(&self) -> Vec<String> {
        let full = self.0.iter().filter(|(_, count)| **count >= MAX_CONCURRENT_PER_CONNECTION);
        full.map(|(connection, _)| connection.clone()).collect()
    }

    /// Returns how many readings may begin.
    fn room(&self) -> usize {
        MAX_CONCURRENT_READINGS.saturating_sub(self.0.values().sum())
    }
}

/// Reads received deliveries. Clones share everything.
#[derive(Clone)]
pub struct Inbox {
    pub(crate) served: Served,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) telemetry: Telemetry,
    /// Rung when a delivery may be due.
    pub(crate) arrived: Bell,
    /// Rung when a request may be due, because events may lead to requests.
    pub(crate) bell: Bell,
    /// Where it goes on.
    pub(crate) turn: InboxTurn,
}

/// Where an inbox goes on with its next claim.
#[derive(Clone, Default)]
pub(crate) struct InboxTurn {
    /// The connection of the last claim: the next one is of one of those after it, so that no connection waits for others
    /// with more deliveries.
    claimed_at: String,
    /// The longest time that a call may take, since connections last changed.
    longest_call_ms: u64,
    connections: Option<ServingState>,
}

impl work::Source for Inbox {
    type Subject = (String, i64);

    async fn reclaim(&mut self, under_way: &ReadingTasks) -> Result<(), StoreError> {
        let replica = self.store.replica().clone();
        let under_way: Vec<i64> = under_way.about().map(|(_, delivery)| *delivery).collect();
        let taken = self.store.write(move |tx| {
            Box::pin(async move {
                deliveries::reclaim(tx, &replica).await?;
                deliveries::requeue_lost(tx, &replica, &under_way).await
            })
        });
        taken.await
    }

    async fn begin(&mut self, under_way: &mut ReadingTasks) -> Result<(), StoreError> {
        // What was changed may not have reached this replica: others go on.
        if !self.served.sync().is_current().await {
            return Ok(());
        }
        let counts = ReadingCounts::of(under_way);
        if counts.room() == 0 {
            return Ok(());
        }
        let longest_call_ms = self.longest_call_ms();
        let lease = work::lease(&self.store, self.clock.date_ms(), longest_call_ms);
        let after = mem::take(&mut self.turn.claimed_at);
        let claimed =
            self.store.write(move |tx| Box::pin(async move { claim_all(tx, &lease, counts, after).await }));
        let claims = claimed.await?;
        self.telemetry.claimed("deliveries", claims.len());
        for claim in claims {
            let about = (claim.connection.clone(), claim.seq);
            self.turn.claimed_at.clone_from(&about.0);
            under_way.begin(about, self.clone().read(claim));
        }
        Ok(())
    }

    async fn release_claims(&mut self) -> Result<(), StoreError> {
        let replica = self.store.replica().clone();
        self.store
            .write(move |tx| Box::pin(async move { deliveries::release_claims(tx, &replica).await }))
            .await
    }
}

/// Claims due deliveries in one transaction, one after the other at each of the connections after `after`, as long as there
/// is room besides the readings that `counts` counts.
async fn claim_all(
    tx: &mut Tx,
    lease: &Lease,
    mut counts: ReadingCounts,
    mut after: String,
) -> Result<Vec<ClaimedDelivery>, StoreError> {
    let mut claims = Vec::new();
    while counts.room() > 0 {
        let Some(claim) = next(tx, lease, &counts.full(), &after).await? else { break };
        counts.add(&claim.connection);
        after.clone_from(&claim.connection);
        claims.push(claim);
    }
    Ok(claims)
}

/// Claims the oldest delivery that is due at one of the connections after `after`. A row that is not a valid delivery is set
/// aside with an alarm.
async fn next(
    tx: &mut Tx,
    lease: &Lease,
    full: &[String],
    after: &str,
) -> Result<Option<ClaimedDelivery>, StoreError> {
    let now = lease.now;
    loop {
        match deliveries::claim(tx, lease, full, after).await?.transpose() {
            Ok(claim) => return Ok(claim),
            Err(damaged) => {
                deliveries::set_aside(tx, &damaged, now).await?;
                let DamagedRow { tenant, connection, why, .. } = &damaged;
                raise_unread(tx, tenant, connection.as_deref(), &why.to_string(), now).await?;
            }
        }
    }
}

impl Inbox {
    /// Reads deliveries until the service stops. Readings in progress end within `grace`.
    pub(crate) async fn run(self, stop: CancellationToken, grace: Duration) {
        let (clock, arrived) = (Arc::clone(&self.clock), self.arrived.clone());
        work::run(self, &*clock, &arrived, stop, grace).await;
    }

    async fn read(self, claim: ClaimedDelivery) {
        let (reading, version) = self.ask(&claim).await;
        let digest = version.map(|version| version.to_string());
        self.record(&claim, &reading, digest.as_deref());
        let stored =
            work::store_result(&*self.clock, || self.settle(claim.clone(), reading.clone(), digest.clone()));
        match stored.await {
            Ok(()) => {
                if let (DeliveryReading::Unreadable(_), Some(version)) = (&reading, version) {
                    self.served.could_not_read(&claim.connection, version);
                }
            }
            // The claim remains, and is taken again when its lease expires.
            Err(error) => tracing::error!(
                connection = claim.connection, delivery = claim.id, %error, "result of a reading not stored"
            ),
        }
    }

    /// Records the result of a reading in metrics and the log. The reason is stored with the delivery.
    fn record(&self, claim: &ClaimedDelivery, reading: &DeliveryReading, digest: Option<&str>) {
        let status = reading.word(claim.failures);
        self.telemetry.reading(&claim.tenant, &claim.connection, status);
        tracing::info!(
            tenant = claim.tenant,
            connection = claim.connection,
            operation = "delivery-reading",
            status,
            delivery = claim.id,
            digest,
            "delivery read"
        );
    }

    /// Re-reads unreadable deliveries of `tenant`, on behalf of `by`, or of the host itself if `None`. Returns the
    /// number of deliveries.
    pub async fn replay(
        &self,
        tenant: &str,
        which: DeliverySelection,
        by: Option<Who>,
    ) -> Result<usize, StoreError> {
        let (now, tenant) = (self.clock.date_ms(), tenant.to_owned());
        let vault = self.store.vault().clone();
        let replayed = self.store.write(move |tx| {
            Box::pin(async move {
                let replayed = deliveries::replay(tx, &which, now).await?;
                let Some(connection) = replayed.first().cloned() else { return Ok(0) };
                let of_connection = DeliverySelection::OfConnection(connection.clone());
                if deliveries::replayable(tx, &of_connection).await? == 0 {
                    // Raised again if they still cannot be read.
                    alarms::is_over(tx, now, UNREAD, &connection).await?;
                }
                let (delivery, since) = match which {
                    DeliverySelection::One(delivery) => (Some(delivery), None),
                    DeliverySelection::OfConnection(_) | DeliverySelection::LastReadBy(..) => (None, None),
                    DeliverySelection::OfConnectionSince(_, since) => (None, Some(since)),
                };
                let (count, by) = (replayed.len(), by.map(|Who(name)| name));
                let detail = json!({ "delivery": delivery, "since": since, "deliveries": count, "by": by });
                let record =
                    Record { connection: Some(connection), detail, ..Record::of("deliveries-replayed") };
                audit::append(tx, &vault, &tenant, now, &record).await?;
                Ok(count)
            })
        });
        let replayed = replayed.await?;
        self.arrived.ring();
        Ok(replayed)
    }

    /// Returns how many deliveries [`Self::replay`] would re-read.
    pub async fn replayable(&self, which: DeliverySelection) -> Result<usize, StoreError> {
        let count = self
            .store
            .read(move |c| Box::pin(async move { deliveries::replayable(c, &which).await }))
            .await?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// Returns the longest time that a call of any connection may take. Looks at all of them only after a change.
    fn longest_call_ms(&mut self) -> u64 {
        let state = self.served.state();
        if self.turn.connections.as_ref() != Some(&state) {
            let calls = self.served.keys().into_iter().filter_map(|key| self.served.calls(&key).ok());
            self.turn.longest_call_ms =
                calls.map(|calls| calls.connection().limits.wall_ms).max().unwrap_or(0);
            self.turn.connections = Some(state);
        }
        self.turn.longest_call_ms
    }

    /// Returns the result of the connector's reading, and the connector's digest.
    async fn ask(&self, claim: &ClaimedDelivery) -> (DeliveryReading, Option<Digest>) {
        let delivery = match stored_delivery::open(self.store.vault(), &claim.id, &claim.sealed) {
            Ok(delivery) => delivery,
            Err(error) => return (DeliveryReading::Unopened(error.to_string()), None),
        };
        let of = match self.served.of_connection(&claim.connection) {
            Ok(of) => of,
            Err(not_served) => return (DeliveryReading::unserved(&not_served), None),
        };
        let ReadBy { reading, version } = read_by(&of, claim, delivery, &*self.clock).await;
        (reading, Some(version))
    }

    async fn settle(
        &self,
        claim: ClaimedDelivery,
        reading: DeliveryReading,
        digest: Option<String>,
    ) -> Result<(), StoreError> {
        let now = self.clock.date_ms();
        let keys = self.store.keys(&claim.tenant).await?;
        let store = self.store.clone();
        let settled = store.write(move |tx| {
            Box::pin(async move {
                let end = |state, reason| ReadingEnd { state, digest: digest.clone(), reason, events: 0 };
                match reading {
                    DeliveryReading::Events(events) => {
                        store_reading(tx, &claim, digest, &keys, events, now).await
                    }
                    DeliveryReading::Refused(why) => {
                        let end = end(DeliveryState::Refused, Some(why));
                        deliveries::finish(tx, &claim, &end, now).await.map(drop)
                    }
                    DeliveryReading::Unreadable(why) => {
                        give_up(tx, &claim, &end(DeliveryState::Unreadable, Some(why)), now).await
                    }
                    DeliveryReading::Unopened(why) => {
                        give_up(tx, &claim, &end(DeliveryState::Damaged, Some(why)), now).await
                    }
                    DeliveryReading::Failed(failed) => {
                        let Some(wait) = after_failures(&failed, claim.failures) else {
                            return give_up(tx, &claim, &end(DeliveryState::Stuck, Some(failed.why)), now)
                                .await;
                        };
                        let next_at = now.saturating_add(wait);
                        let again = deliveries::retry_at(tx, &claim, next_at, digest.as_deref(), &failed.why);
                        again.await.map(drop)
                    }
                }
            })
        });
        settled.await?;
        // Its events may have led to requests.
        self.bell.ring();
        Ok(())
    }
}

/// Marks the delivery as read and processes its events, unless the claim was lost in the meantime.
async fn store_reading(
    tx: &mut Tx,
    claim: &ClaimedDelivery,
    digest: Option<String>,
    keys: &Keys,
    events: Vec<ConsentEvent>,
    now: i64,
) -> Result<(), StoreError> {
    let state = if events.is_empty() { DeliveryState::OfNoConcern } else { DeliveryState::Read };
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let end = ReadingEnd { state, digest, reason: None, events: count };
    if deliveries::finish(tx, claim, &end, now).await? == RowChange::Unchanged {
        return Ok(());
    }
    let arrival = DeliveryArrival {
        tenant: &claim.tenant,
        connection: &claim.connection,
        delivery: &claim.id,
        received_at: claim.received_at,
    };
    inbound::process_delivery(tx, keys, arrival, events).await
}

/// Keeps the delivery as it is and raises an alarm.
async fn give_up(tx: &mut Tx, claim: &ClaimedDelivery, end: &ReadingEnd, now: i64) -> Result<(), StoreError> {
    if deliveries::finish(tx, claim, end, now).await? == RowChange::Unchanged {
        return Ok(());
    }
    let why = end.reason.as_deref().unwrap_or_default();
    raise_unread(tx, &claim.tenant, Some(&claim.connection), why, now).await
}

/// Raises the alarm that a delivery of `connection` could not be read.
async fn raise_unread(
    tx: &mut Tx,
    tenant: &str,
    connection: Option<&str>,
    why: &str,
    now: i64,
) -> Result<(), StoreError> {
    let detail = format!(
        "a delivery could not be read ({why}); it is kept and is read again by a replay or after a plugin swap"
    );
    let about = connection.unwrap_or_default();
    alarms::raise(tx, now, &Alarm { tenant, connection, kind: UNREAD, about, detail: &detail }).await
}
