//! The wait for a webhook's first delivery.

use std::time::Duration;

use serde_json::Value;

use crate::{
    client::{Call, Client},
    document::{list, text},
    failure::Failure,
    session::Session,
    shown::heading,
};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// How the wait ended.
pub(super) enum First {
    /// With a delivery, as the service shows it.
    Came(Value),
    /// Without one: nobody waits any more.
    NotAwaited,
}

/// The number of the connection's newest delivery, where there is any.
pub(super) async fn newest(client: &Client, key: &str) -> Result<Option<i64>, Failure> {
    Ok(latest(client, key).await?.as_ref().and_then(number))
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
        Some(came) => came.map(First::Came),
        None => Ok(First::NotAwaited),
    }
}

async fn later(client: &Client, key: &str, since: Option<i64>) -> Result<Value, Failure> {
    loop {
        let latest = latest(client, key).await?;
        if let Some(came) = latest.filter(|delivery| number(delivery) > since && is_read(delivery)) {
            return Ok(came);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One that waits to be read may turn out not to be the vendor's.
fn is_read(delivery: &Value) -> bool {
    !["waiting", "refused"].contains(&text(delivery, "state").as_str())
}

fn number(delivery: &Value) -> Option<i64> {
    delivery.get("seq").and_then(Value::as_i64)
}

async fn latest(client: &Client, key: &str) -> Result<Option<Value>, Failure> {
    let page = client.ask(Call::get(&["connection", key, "deliveries"]).with("limit", Some(1))).await?;
    Ok(list(&page, "deliveries").first().cloned())
}
