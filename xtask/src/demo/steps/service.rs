//! The steps of the service: create a connection, receive a webhook, flip a notice and notify the platform, rotate a
//! token, and kill the process.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::super::{host::WEBHOOK_ID, service::connection, step::Demo};
use crate::programs::{
    document::{list, says, text},
    setup,
};

const EVE: &str = "eve@example.com";
const MARKETING: &str = "n-marketing";
/// The path of the webhook's address at the service.
const WEBHOOK: &str = "/api/v1/plus/connection/marketing/consent-webhook";
/// The number of people who opt out while the service is killed.
const MANY: usize = 20;

pub(super) fn connect(demo: &Demo) -> Result<String> {
    let body = connection(demo.stand_in.host(), &demo.stand_in.key, WEBHOOK_ID);
    let made = demo.service.api.post("/api/v1/connection", &body)?;
    says(&made, "/secrets/api-key", "**********")?;
    let tested = demo.service.api.get("/api/v1/connection/marketing/test")?;
    let checks = list(&tested, "/checks")?.len();
    Ok(format!("created; its key is not shown again; {checks} checks run"))
}

pub(super) fn map_a_notice(demo: &Demo) -> Result<String> {
    setup::register_notice(&demo.service.api, "acme", MARKETING)?;
    setup::map_channel(&demo.service.api, "marketing", MARKETING)?;
    Ok("channel 6539 is mapped to the notice Marketing".to_owned())
}

pub(super) fn receive(demo: &Demo) -> Result<String> {
    setup::aim_webhook(&demo.service.api, &demo.stand_in, "marketing", WEBHOOK_ID)?;
    demo.stand_in.post("people", &json!({ "email": EVE, "unsubscribedChannelIds": [] }))?;
    setup::unsubscribe(&demo.stand_in, EVE)?;
    let deliveries =
        demo.service.api.once("/api/v1/connection/marketing/deliveries?state=read", |answer| {
            list(answer, "/deliveries").is_ok_and(|deliveries| !deliveries.is_empty())
        })?;
    Ok(format!("{} delivery stored, acknowledged and read", list(&deliveries, "/deliveries")?.len()))
}

pub(super) fn notice_flips(demo: &Demo) -> Result<String> {
    let flipped = |event: &Value| event.pointer("/notice_id_map") == Some(&json!({ MARKETING: "opt_out" }));
    demo.service.api.once("/api/v1/consent-events?after=0", |page| {
        list(page, "/events").is_ok_and(|events| events.iter().any(flipped))
    })?;
    let told = demo.service.received(flipped)?;
    says(&told, "/identity_map/email", EVE)?;
    Ok("Marketing is opt_out in the feed; the platform received it, signed".to_owned())
}

pub(super) fn rotate(demo: &Demo) -> Result<String> {
    let rotated = demo.service.api.post(&format!("{WEBHOOK}/token/rotate"), &json!({}))?;
    says(&rotated, "/outcome", "installed")?;
    // Senders take a while to switch to it; both tokens are accepted in the meantime.
    for email in ["frank@example.com", "grace@example.com"] {
        setup::unsubscribe(&demo.stand_in, email)?;
        demo.stand_in.pass(61)?;
    }
    demo.service.api.once("/api/v1/connection/marketing/deliveries?state=read", |answer| {
        list(answer, "/deliveries").is_ok_and(|deliveries| deliveries.len() >= 3)
    })?;
    Ok("installed at the vendor; deliveries before and after the switch are accepted".to_owned())
}

pub(super) fn kill(demo: &Demo) -> Result<String> {
    let mut ids = Vec::new();
    for n in 0..MANY {
        let body = json!({ "identity": { "email": format!("person-{n}@example.com") }, "preferences": { "items": [
            { "item": { "kind": "channel", "id": "6541" }, "choice": "opt_out", "chosen_at_ms": 1_790_000_000_000_u64,
              "source": "demo" }] } });
        let taken = demo.service.api.post("/api/v1/connection/marketing/consent", &body)?;
        ids.push(text(&taken, "/id")?.to_owned());
    }
    demo.service.kill_and_restart()?;
    for id in &ids {
        let path = format!("/api/v1/requests/{id}");
        let ended = demo
            .service
            .api
            .once(&path, |request| request.pointer("/finished_at").is_some_and(Value::is_number))?;
        says(&ended, "/state", "done")?;
    }
    for n in 0..MANY {
        let truth = demo.stand_in.get(&format!("people/person-{n}@example.com"))?.to_string();
        ensure!(truth.contains("6541"), "Iterable has {truth}");
    }
    Ok(format!("{MANY} accepted, then killed and restarted: all {MANY} done, also at the vendor"))
}
