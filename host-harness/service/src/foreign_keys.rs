//! Reports API keys that were changed or inserted in the database from outside. They are refused in any case.
//! Tested in `api/src/tests/keys.rs`.

use std::{sync::Arc, time::Duration};

use host_harness::clock::Clock;
use host_store::{
    Store, StoreError,
    alarms::{self, Alarm},
    authentic,
};

use tokio_util::sync::CancellationToken;

use crate::tasks::pause;

/// How often the keys are checked: they are few.
const INTERVAL: Duration = Duration::from_mins(1);

/// Raises alarms until the service stops.
pub(crate) async fn run(store: Store, clock: Arc<dyn Clock>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = report(&store, clock.date_ms()).await {
            tracing::error!(%error, "the API keys cannot be checked");
        }
        pause(&*clock, INTERVAL, &stop).await;
    }
}

/// Raises an alarm for each such key.
async fn report(store: &Store, at: i64) -> Result<(), StoreError> {
    let vault = store.vault().clone();
    let raised = store.write(move |tx| {
        Box::pin(async move {
            for row in authentic::foreign_api_keys(tx, &vault).await? {
                let alarm = Alarm {
                    tenant: &row.tenant,
                    connection: None,
                    kind: "api-key-not-authentic",
                    about: &row.what,
                    detail: &format!(
                        "{}: it was changed or inserted in the database from outside and is refused; revoke it, and find \
                         out who can write the database",
                        row.why
                    ),
                };
                alarms::raise(tx, at, &alarm).await?;
            }
            Ok(())
        })
    });
    raised.await
}
