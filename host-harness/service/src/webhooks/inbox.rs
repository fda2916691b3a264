//! The inbox: what is stored is read by its connector, in the order received, and its events handed on in the transaction
//! in which it is marked as read. A delivery that cannot be read stops no other.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    kept,
    reading::{Reading, after_failures},
};
use crate::{
    bell::Bell,
    consent::{arrival::Arrival, inbound},
    served::Served,
    tasks::Tasks,
    telemetry::Telemetry,
    who::Who,
    work,
};
use host_harness::{clock::Clock, door::Admitted};
use host_model::contract::webhook::ConsentEvent;
use host_store::{
    Connection, Keys, Store, StoreError,
    alarms::{self, Alarm},
    audit::{self, Record},
    deliveries::{self, Claim, Damaged, DeliveryState, End, Which},
};

/// Readings at the same time. A reading takes well under a millisecond, unless the vendor is asked who a person is.
const TOGETHER: usize = 16;

/// Of one connection, so that one whose vendor does not answer leaves places to the others.
const OF_CONNECTION: usize = 4;

/// Deliveries of a connection that could not be read.
const UNREAD: &str = "deliveries-unread";

/// The readings under way, each with its connection.
type UnderWay = Tasks<String>;

/// The connections that have all their places.
fn full(under_way: &UnderWay) -> Vec<String> {
    let mut count: HashMap<&String, usize> = HashMap::new();
    for connection in under_way.about() {
        *count.entry(connection).or_default() += 1;
    }
    let full = count.into_iter().filter(|(_, count)| *count >= OF_CONNECTION);
    full.map(|(connection, _)| connection.clone()).collect()
}

/// Reads what was received. Clones share everything.
#[derive(Clone)]
pub struct Inbox {
    pub(crate) served: Served,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) telemetry: Telemetry,
    /// Rung when a delivery may be due.
    pub(crate) arrived: Bell,
    /// Rung when a request may be due: events may ask for work.
    pub(crate) bell: Bell,
}

impl work::Source for Inbox {
    type Subject = String;

    async fn take_back(&mut self) -> Result<(), StoreError> {
        self.store.write(|tx| Box::pin(deliveries::take_back(tx))).await
    }

    async fn begin(&mut self, under_way: &mut UnderWay) -> Result<(), StoreError> {
        let longest_call_ms = self.longest_call_ms();
        while under_way.len() < TOGETHER {
            let (now, full) = (self.clock.date_ms(), full(under_way));
            let lease_until = work::lease_until(now, longest_call_ms);
            let claimed =
                self.store.write(move |tx| Box::pin(async move { next(tx, now, lease_until, &full).await }));
            let Some(claim) = claimed.await? else { return Ok(()) };
            let connection = claim.connection.clone();
            under_way.begin(connection, self.clone().read(claim));
        }
        Ok(())
    }

    async fn hand_back(&mut self) -> Result<(), StoreError> {
        self.store.write(|tx| Box::pin(deliveries::hand_back(tx))).await
    }
}

/// Claims what came first of what is due. A row that is no delivery any more is set aside, and somebody told.
async fn next(
    tx: &mut Connection,
    now: i64,
    lease_until: i64,
    full: &[String],
) -> Result<Option<Claim>, StoreError> {
    loop {
        match deliveries::claim(tx, now, lease_until, full).await?.transpose() {
            Ok(claim) => return Ok(claim),
            Err(damaged) => {
                deliveries::set_aside(tx, &damaged, now).await?;
                let Damaged { tenant, connection, why, .. } = &damaged;
                unread(tx, tenant, connection.as_deref(), &why.to_string(), now).await?;
            }
        }
    }
}

impl Inbox {
    /// Reads deliveries until the service stops; readings under way end within `grace`.
    pub(crate) async fn run(self, stop: CancellationToken, grace: Duration) {
        let (clock, arrived) = (Arc::clone(&self.clock), self.arrived.clone());
        work::run(self, &*clock, &arrived, stop, grace).await;
    }

    async fn read(self, claim: Claim) {
        let (reading, digest) = self.ask(&claim).await;
        self.record(&claim, &reading, digest.as_deref());
        let (id, connection) = (claim.id.clone(), claim.connection.clone());
        if let Err(error) = self.settle(claim, reading, digest).await {
            // Its claim stays, and is taken again when its lease is over.
            tracing::error!(connection, delivery = id, %error, "the end of a reading was not stored");
        }
    }

    /// What a reading came to, in metrics and log. Why it came to that is kept with the delivery.
    fn record(&self, claim: &Claim, reading: &Reading, digest: Option<&str>) {
        let status = reading.word(claim.failures);
        self.telemetry.reading(&claim.tenant, &claim.connection, status);
        tracing::info!(
            tenant = claim.tenant,
            connection = claim.connection,
            operation = "delivery-reading",
            status,
            delivery = claim.id,
            digest,
            "a delivery was read"
        );
    }

    /// Has deliveries of `tenant` that could not be read read again, as somebody asks, or the host itself; how many.
    pub async fn replay(&self, tenant: &str, which: Which, by: Option<Who>) -> Result<usize, StoreError> {
        let (now, tenant) = (self.clock.date_ms(), tenant.to_owned());
        let replayed = self.store.write(move |tx| {
            Box::pin(async move {
                let replayed = deliveries::replay(tx, &which, now).await?;
                let Some(connection) = replayed.first().cloned() else { return Ok(0) };
                if !deliveries::are_unread(tx, &connection).await? {
                    // Raised again where they still cannot be read.
                    alarms::is_over(tx, now, UNREAD, &connection).await?;
                }
                let delivery = match which {
                    Which::One(delivery) => Some(delivery),
                    Which::OfConnection(_) => None,
                };
                let (count, by) = (replayed.len(), by.map(|Who(name)| name));
                let detail = json!({ "delivery": delivery, "deliveries": count, "by": by });
                let record =
                    Record { connection: Some(connection), detail, ..Record::of("deliveries-replayed") };
                audit::append(tx, &tenant, now, &record).await?;
                Ok(count)
            })
        });
        let replayed = replayed.await?;
        self.arrived.ring();
        Ok(replayed)
    }

    /// No call takes longer, whichever connection's.
    fn longest_call_ms(&self) -> u64 {
        let calls = self.served.keys().into_iter().filter_map(|key| self.served.calls(&key).ok());
        calls.map(|calls| calls.connection().limits.wall_ms).max().unwrap_or(0)
    }

    /// What the connector makes of the delivery, and its digest.
    async fn ask(&self, claim: &Claim) -> (Reading, Option<String>) {
        let delivery = match kept::open(self.store.vault(), &claim.id, &claim.sealed) {
            Ok(delivery) => delivery,
            Err(error) => return (Reading::Unopened(error.to_string()), None),
        };
        let calls = match self.served.calls(&claim.connection) {
            Ok(calls) => calls,
            Err(unknown) => return (Reading::uncarried(&unknown), None),
        };
        let digest = calls.plugin().digest().to_string();
        let verdict = calls.verify(&Admitted::from_store(calls.connection(), delivery, claim.accepted)).await;
        (Reading::of(verdict, claim.proven), Some(digest))
    }

    async fn settle(&self, claim: Claim, reading: Reading, digest: Option<String>) -> Result<(), StoreError> {
        let now = self.clock.date_ms();
        let keys = self.store.keys(&claim.tenant).await?;
        let store = self.store.clone();
        let settled = store.write(move |tx| {
            Box::pin(async move {
                let end = |state, reason| End { state, digest: digest.clone(), reason, events: 0 };
                match reading {
                    Reading::Events(events) => hand_on(tx, &claim, digest, &keys, events, now).await,
                    Reading::Refused(why) => {
                        let end = end(DeliveryState::Refused, Some(why));
                        deliveries::finish(tx, &claim, &end, now).await.map(drop)
                    }
                    Reading::Unreadable(why) => {
                        give_up(tx, &claim, &end(DeliveryState::Unreadable, Some(why)), now).await
                    }
                    Reading::Unopened(why) => {
                        give_up(tx, &claim, &end(DeliveryState::Damaged, Some(why)), now).await
                    }
                    Reading::Failed(failed) => {
                        let Some(wait) = after_failures(&failed, claim.failures) else {
                            return give_up(tx, &claim, &end(DeliveryState::Stuck, Some(failed.why)), now)
                                .await;
                        };
                        let next_at = now.saturating_add(wait);
                        let again = deliveries::again(tx, &claim, next_at, digest.as_deref(), &failed.why);
                        again.await.map(drop)
                    }
                }
            })
        });
        settled.await?;
        // Its events may have asked for work.
        self.bell.ring();
        Ok(())
    }
}

/// Marks the delivery as read and takes its events in, unless the claim was lost meanwhile.
async fn hand_on(
    tx: &mut Connection,
    claim: &Claim,
    digest: Option<String>,
    keys: &Keys,
    events: Vec<ConsentEvent>,
    now: i64,
) -> Result<(), StoreError> {
    let state = if events.is_empty() { DeliveryState::OfNoConcern } else { DeliveryState::Read };
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let end = End { state, digest, reason: None, events: count };
    if !deliveries::finish(tx, claim, &end, now).await? {
        return Ok(());
    }
    let arrival = Arrival {
        tenant: &claim.tenant,
        connection: &claim.connection,
        delivery: &claim.id,
        received_at: claim.received_at,
    };
    inbound::take(tx, keys, arrival, events).await
}

/// The delivery is kept as it is, and somebody told.
async fn give_up(tx: &mut Connection, claim: &Claim, end: &End, now: i64) -> Result<(), StoreError> {
    if !deliveries::finish(tx, claim, end, now).await? {
        return Ok(());
    }
    let why = end.reason.as_deref().unwrap_or_default();
    unread(tx, &claim.tenant, Some(&claim.connection), why, now).await
}

/// A delivery of `connection` could not be read.
async fn unread(
    tx: &mut Connection,
    tenant: &str,
    connection: Option<&str>,
    why: &str,
    now: i64,
) -> Result<(), StoreError> {
    let detail = format!(
        "a delivery could not be read ({why}); it is kept, and read again by a replay or after a swap"
    );
    let about = connection.unwrap_or_default();
    alarms::raise(tx, now, &Alarm { tenant, connection, kind: UNREAD, about, detail: &detail }).await
}
