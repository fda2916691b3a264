//! What looks after deliveries that were not read, and those whose time is over.

use std::{sync::Arc, time::Duration};

use futures::future::{BoxFuture, select_all};
use tokio_util::sync::CancellationToken;

use super::inbox::Inbox;
use host_model::time::millis;
use host_store::{
    StoreError,
    alarms::{self, Alarm},
    deliveries::{self, Lost, Which},
};

/// How often it looks.
const LOOK: Duration = Duration::from_mins(1);

/// A vendor may send a delivery again for so long: Standard Webhooks' last try is after 76 hours, Stripe's after 72.
const REPEATED_FOR: Duration = Duration::from_hours(7 * 24);

/// Deliveries of a connection that were never read and are gone.
const LOST: &str = "deliveries-lost";

/// Looks after deliveries until `stop` says so. What could not be read is read again once another version of its plugin
/// serves, also where that came while the host was down.
pub(crate) async fn run(inbox: Inbox, keep: Duration, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let plugins = inbox.served.host().plugins();
        let running: Vec<_> =
            plugins.values().map(|slot| (Arc::clone(slot), slot.current().plugin().digest())).collect();
        for done in [inbox.replay_after_swaps().await, inbox.tidy(keep).await] {
            if let Err(error) = done {
                tracing::error!(%error, "deliveries cannot be looked after");
            }
        }
        let again_at = inbox.clock.now() + LOOK;
        let mut swaps: Vec<BoxFuture<'_, ()>> = vec![inbox.clock.sleep_until(again_at)];
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
    /// Has read again whatever another version of its plugin could not read.
    pub(crate) async fn replay_after_swaps(&self) -> Result<(), StoreError> {
        for (connection, digest) in self.store.read(|c| Box::pin(deliveries::unread(c))).await? {
            let Ok(calls) = self.served.calls(&connection) else { continue };
            if digest != Some(calls.plugin().digest().to_string()) {
                let tenant = &calls.connection().tenant.0;
                self.replay(tenant, Which::OfConnection(connection), None).await?;
            }
        }
        Ok(())
    }

    /// Deletes the bodies whose time is over, and what else is known of a delivery once it cannot come again. Somebody is told
    /// of what nothing could read in all that time.
    pub(crate) async fn tidy(&self, keep: Duration) -> Result<(), StoreError> {
        let now = self.clock.date_ms();
        let bodies_before = now.saturating_sub(millis(keep));
        let rows_before = now.saturating_sub(millis(REPEATED_FOR));
        let tidied = self.store.write(move |tx| {
            Box::pin(async move {
                for lost in deliveries::tidy(tx, bodies_before, rows_before, now).await? {
                    alarms::raise(tx, now, &alarm(&lost, &detail(&lost))).await?;
                }
                Ok(())
            })
        });
        tidied.await
    }
}

fn detail(lost: &Lost) -> String {
    format!(
        "{} deliveries could not be read for as long as they are kept, and their bodies are deleted: what they said is to be \
         had from the vendor only",
        lost.deliveries
    )
}

fn alarm<'a>(lost: &'a Lost, detail: &'a str) -> Alarm<'a> {
    let Lost { tenant, connection, .. } = lost;
    Alarm { tenant, connection: Some(connection), kind: LOST, about: connection, detail }
}
