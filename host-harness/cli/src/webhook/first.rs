//! The wait for a webhook's first delivery.
//! Tested in `src/tests/server/webhooks.rs`.

use std::time::Duration;

use host_api::types::deliveries::{Deliveries, Delivery, DeliveryState};

use crate::{
    client::{ApiCall, Client},
    failure::Failure,
    output::heading,
    session::Session,
};

/// The interval between two polls.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How the wait ended.
pub(super) enum FirstDelivery {
    /// With a delivery, as the service shows it.
    Came(Box<Delivery>),
    /// Without one: the wait was interrupted.
    NotAwaited,
}

/// The number of the connection's newest delivery; `None` if there is none.
pub(super) async fn newest(client: &Client, key: &str) -> Result<Option<i64>, Failure> {
    Ok(latest(client, key).await?.map(|delivery| delivery.seq))
}

/// Waits for the first delivery after `since` that comes from the vendor; ctrl-c ends the wait.
pub(super) async fn delivery(
    session: &Session,
    client: &Client,
    key: &str,
    since: Option<i64>,
) -> Result<FirstDelivery, Failure> {
    let waiting = heading("Waiting for a first delivery");
    match session.unless_interrupted(&waiting, later(client, key, since)).await {
        Some(came) => came.map(|delivery| FirstDelivery::Came(Box::new(delivery))),
        None => Ok(FirstDelivery::NotAwaited),
    }
}

async fn later(client: &Client, key: &str, since: Option<i64>) -> Result<Delivery, Failure> {
    loop {
        let latest = latest(client, key).await?;
        if let Some(came) = latest.filter(|delivery| Some(delivery.seq) > since && is_read(delivery)) {
            return Ok(came);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// A delivery that is still waiting may turn out not to come from the vendor.
fn is_read(delivery: &Delivery) -> bool {
    !matches!(delivery.state, DeliveryState::Waiting | DeliveryState::Refused)
}

async fn latest(client: &Client, key: &str) -> Result<Option<Delivery>, Failure> {
    let call = ApiCall::get(&["connection", key, "deliveries"]).with("limit", Some(1));
    Ok(client.ask::<Deliveries>(call).await?.value.deliveries.into_iter().next())
}
