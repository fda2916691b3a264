//! Setting up consent at the service through its API: a notice, an item that stands for it, and the vendor's webhook.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{
    client::Client,
    document::{says, text},
    stand_in::StandIn,
};

/// The channel of the stand-in that stands for the notice.
pub(crate) const CHANNEL: &str = "6539";
/// The data use of the notice and of the system.
pub(crate) const DATA_USE: &str = "marketing.advertising";

/// Registers a system `crm` and a notice with the key `marketing`.
pub(crate) fn register_notice(api: &Client, tenant: &str, id: &str) -> Result<()> {
    let uses = json!([DATA_USE]);
    let system = json!({ "fides_key": "crm", "name": "CRM", "data_uses": uses });
    api.put(&format!("/api/v1/tenants/{tenant}/systems/crm"), &system)?;
    let notice = json!({ "id": id, "notice_key": "marketing", "name": "Marketing", "data_uses": uses,
        "enforcement_level": "system_wide" });
    api.put(&format!("/api/v1/tenants/{tenant}/notices/{id}"), &notice)?;
    Ok(())
}

/// Maps the [`CHANNEL`] of a connection to a notice.
pub(crate) fn map_channel(api: &Client, connection: &str, notice: &str) -> Result<()> {
    let items = format!("/api/v1/plus/connection/{connection}/consentable-items");
    let mut mapping = api.get(&items)?;
    let channels = mapping.as_array_mut().context("no items")?;
    let mapped = channels.iter_mut().filter(|channel| says(channel, "/external_id", CHANNEL).is_ok());
    for notice_id in mapped.filter_map(|channel| channel.pointer_mut("/notice_id")) {
        *notice_id = Value::from(notice);
    }
    api.put(&items, &mapping)?;
    Ok(())
}

/// Has a webhook of the stand-in post to a connection, with the connection's token.
pub(crate) fn aim_webhook(api: &Client, stand_in: &StandIn, connection: &str, webhook: i64) -> Result<()> {
    let path = format!("/api/v1/plus/connection/{connection}/consent-webhook");
    let token = api.get(&format!("{path}/token"))?;
    let token = text(&token, "/access_token")?;
    let endpoint = format!("{}{path}", api.address);
    stand_in.post(
        "webhook",
        &json!({ "id": webhook, "endpoint": endpoint, "authType": "OAuth2", "authToken": token }),
    )
}

/// Has a person leave the [`CHANNEL`] by the link in a mail, which the webhook reports.
pub(crate) fn unsubscribe(stand_in: &StandIn, email: &str) -> Result<()> {
    stand_in.post("acts", &json!({ "email": email, "act": "unsubscribe-by-link", "channel": 6539 }))
}

/// Has the vendor refuse the next request to a route, such as `POST /api/users/forget`.
pub(crate) fn refuse_once(stand_in: &StandIn, route: &str) -> Result<()> {
    let answer = json!({ "code": "BadParams", "msg": "", "params": null });
    stand_in.post("faults", &json!({ "fault": { "answer": [400, answer] }, "on": route, "times": 1 }))
}
