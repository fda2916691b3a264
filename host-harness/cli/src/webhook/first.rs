//! The wait for a webhook's first delivery.

use std::time::Duration;

use host_api::types::deliveries::{Deliveries, Delivery, DeliveryState};

use crate::{
    client::{Call, Client},
    failure::Failure,
    session::Session,
    shown::heading,
};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// How the wait ended.
pub(super) enum First {
    /// With a delivery, as the service shows it.
    Came(Box<Delivery>),
    /// Without one: the wait was ended.
    NotAwaited,
}

/// The number of the connection's newest delivery; `None` if there is none.
pub(super) async fn newest(client: &Client, key: &str) -> Result<Option<i64>, Failure> {
    Ok(latest(client, key).await?.map(|delivery| delivery.seq))
}

/// The first delivery after `since` that is the vendor's; ctrl-c ends the wait.
pub(super) async fn delivery(
    session: &Session,
    client: &Client,
    key: &str,
    since: Option<i64>,
) -> Result<First, Failure> {
    let waiting = heading("Waiting for a first delivery");
    match session.unless_interrupted(&waiting, later(client, key, since)).await {
        Some(came) => came.map(|delivery| First::Came(Box::new(delivery))),
        None => Ok(First::NotAwaited),
    }
}

async fn later(client: &Client, key: &str, since: Option<i64>) -> Result<Delivery, Failure> {
    loop {
        let latest = latest(client, key).await?;
        if let Some(came) = latest.filter(|delivery| Some(delivery.seq) > since && is_read(delivery)) {
            return Ok(came);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One that waits to be read may turn out not to be the vendor's.
fn is_read(delivery: &Delivery) -> bool {
    !matches!(delivery.state, DeliveryState::Waiting | DeliveryState::Refused)
}

async fn latest(client: &Client, key: &str) -> Result<Option<Delivery>, Failure> {
    let call = Call::get(&["connection", key, "deliveries"]).with("limit", Some(1));
    Ok(client.ask::<Deliveries>(call).await?.value.deliveries.into_iter().next())
}
