//! Upkeep of deliveries: re-reads those that could not be read, and deletes those that have reached their retention
//! time.
//! Tested in `src/webhooks/receive/tests.rs`.

use std::{sync::Arc, time::Duration};

use futures::future::{BoxFuture, select_all};
use tokio_util::sync::CancellationToken;

use super::inbox::Inbox;
use host_model::time::millis;
use host_store::{
    StoreError,
    alarms::{self, Alarm},
    deliveries::{self, DeliverySelection, LostDeliveries},
};

/// The interval between rounds.
const UPKEEP_INTERVAL: Duration = Duration::from_mins(1);

/// How long a vendor may resend a delivery: the last attempt is after 76 hours in Standard Webhooks, and after 72 at
/// Stripe.
const REPEAT_WINDOW: Duration = Duration::from_hours(7 * 24);

/// The alarm for deliveries of a connection that were never read and are deleted.
const LOST: &str = "deliveries-lost";

/// Runs the upkeep until `stop` is cancelled. Unreadable deliveries are re-read if another version of their plugin runs than the
/// one that could not read them, even if it was swapped in while the host was down.
pub(crate) async fn run(inbox: Inbox, keep: Duration, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let plugins = inbox.served.host().plugins();
        let running: Vec<_> =
            plugins.values().map(|slot| (Arc::clone(slot), slot.current().plugin().digest())).collect();
        let round = async { [inbox.replay_after_swaps().await, inbox.tidy(keep).await] };
        let failed = stop.run_until_cancelled(round).await.into_iter().flatten().filter_map(Result::err);
        failed.for_each(|error| tracing::error!(%error, "delivery upkeep failed"));
        let again_at = inbox.clock.now() + UPKEEP_INTERVAL;
        let again = Box::pin(inbox.served.may_read_again());
        let mut swaps: Vec<BoxFuture<'_, ()>> = vec![inbox.clock.sleep_until(again_at), again];
        for (slot, digest) in &running {
            swaps.push(Box::pin(slot.replaced(*digest)));
        }
        tokio::select! {
            () = stop.cancelled() => {}
            _ = select_all(swaps) => {}
        }
    }
}

impl Inbox {
    /// Re-reads the deliveries that another version of their plugin could not read.
    pub(crate) async fn replay_after_swaps(&self) -> Result<(), StoreError> {
        for (connection, digest) in self.store.read(|c| Box::pin(deliveries::unread(c))).await? {
            let Ok(serving) = self.served.serving(&connection) else { continue };
            let calls = serving.running();
            // During a release, this is the version before: whether the released one is good is open.
            if digest != Some(calls.plugin().digest().to_string()) {
                let tenant = &calls.connection().tenant.0;
                self.replay(tenant, DeliverySelection::LastReadBy(connection, digest), None).await?;
            }
        }
        Ok(())
    }

    /// Deletes the bodies that have reached their retention time, and the other data of deliveries that cannot be
    /// resent any more. Raises an alarm for deliveries that were not read in all that time.
    pub(crate) async fn tidy(&self, keep: Duration) -> Result<(), StoreError> {
        let now = self.clock.date_ms();
        let bodies_before = now.saturating_sub(millis(keep));
        let rows_before = now.saturating_sub(millis(REPEAT_WINDOW));
        let raised = self.store.write(move |tx| {
            Box::pin(async move {
                for lost in deliveries::unread_before(tx, bodies_before).await? {
                    alarms::raise(tx, now, &alarm(&lost, &detail(&lost))).await?;
                }
                Ok(())
            })
        });
        raised.await?;
        self.store
            .write_in_portions(move |tx| Box::pin(deliveries::delete_bodies(tx, bodies_before, now)))
            .await?;
        let received_before = rows_before.min(bodies_before);
        self.store
            .write_in_portions(move |tx| Box::pin(deliveries::prune(tx, received_before, rows_before)))
            .await
    }
}

fn detail(lost: &LostDeliveries) -> String {
    format!(
        "{} deliveries could not be read during their retention time, and their bodies are deleted: their content is \
         available only from the vendor",
        lost.deliveries
    )
}

fn alarm<'a>(lost: &'a LostDeliveries, detail: &'a str) -> Alarm<'a> {
    let LostDeliveries { tenant, connection, .. } = lost;
    Alarm { tenant, connection: Some(connection), kind: LOST, about: connection, detail }
}
