//! The steps, in order.

mod releases;
mod replicas;
mod service;
mod versions;

use std::{fs, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{
    host::{TOKENS, WEBHOOK_ID},
    step::Demo,
};
use crate::programs::{
    document::{list, says},
    step::Step,
    wait::until,
};

const ADA: &str = "ada@example.com";

/// How long to wait for a delivery before giving up.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) const ALL: &[Step<Demo>] = &[
    ("test the connection", test_connection),
    ("list channels, message types and lists", list_items),
    ("opt a new person out of a channel", opt_out),
    ("read the choice back", read_back),
    ("verify the webhook of a person who unsubscribes", verify_webhook),
    ("erase the person", erase),
    ("confirm the erasure", confirm),
    ("install a new webhook token", install_token),
    ("swap the plugin between two calls", swap),
    ("stop a hostile plugin", stop_hostile),
    ("create a connection through the service's API", service::connect),
    ("map a channel to a privacy notice", service::map_a_notice),
    ("receive a webhook", service::receive),
    ("flip a notice and notify the platform", service::notice_flips),
    ("rotate the webhook's token", service::rotate),
    ("kill the service without losing anything", service::kill),
    ("publish a version that proves itself, under load", versions::publish),
    ("refuse a version that lies about an erasure", versions::refuse_a_lie),
    ("refuse a version that traps", versions::refuse_a_trap),
    ("put an older version back", versions::put_back),
    ("refuse a version without a signature", releases::refuse_unsigned),
    ("release a signed version in steps, under load", releases::release_in_steps),
    ("roll back a version that traps for some people", releases::roll_back),
    ("kill one of two replicas on PostgreSQL", replicas::kill_one),
];

fn test_connection(demo: &Demo) -> Result<String> {
    demo.stand_in
        .post("webhook", &json!({ "id": WEBHOOK_ID, "authType": "OAuth2", "authToken": TOKENS[0] }))?;
    let checks = demo.host.json(&["check", "newsletter"], 0)?;
    let checks = list(&checks, "/checks")?;
    for check in checks {
        says(check, "/outcome", "passed")?;
    }
    Ok(format!("{} checks passed", checks.len()))
}

fn list_items(demo: &Demo) -> Result<String> {
    let items = demo.host.json(&["items", "newsletter"], 0)?;
    let items = list(&items, "/items")?;
    let count =
        |kind: &str| items.iter().filter(|item| item.pointer("/id/kind") == Some(&json!(kind))).count();
    let (channels, types, lists) = (count("channel"), count("message-type"), count("email-list"));
    ensure!(channels > 0 && types > 0 && lists > 0, "{items:?}");
    Ok(format!("{channels} channels, {types} message types, {lists} email lists"))
}

fn opt_out(demo: &Demo) -> Result<String> {
    let report =
        demo.host.json(&["consent", "newsletter", "--email", ADA, "--opt-out", "channel:6539"], 0)?;
    says(&report, "/standing", "created")?;
    for item in list(&report, "/items")? {
        says(item, "/change", "applied")?;
    }
    // Iterable shows a change within a minute.
    demo.stand_in.pass(61)?;
    let truth = demo.stand_in.get(&format!("people/{ADA}"))?;
    ensure!(truth.to_string().contains("6539"), "Iterable has {truth}");
    Ok("created, then opted out of channel:6539".to_owned())
}

fn read_back(demo: &Demo) -> Result<String> {
    let held = demo.host.json(&["choices", "newsletter", "--email", ADA], 0)?;
    let held = list(&held, "/choices")?;
    let out: Vec<_> = held
        .iter()
        .filter(|held| says(held, "/choice", "opt_out").and(says(held, "/item/kind", "channel")).is_ok())
        .filter_map(|held| held.pointer("/item/id")?.as_str())
        .collect();
    ensure!(out == ["6539"], "{held:?}");
    Ok(format!("opted out of channel:6539, {} choices in all", held.len()))
}

fn verify_webhook(demo: &Demo) -> Result<String> {
    demo.stand_in.post("acts", &json!({ "email": ADA, "act": "unsubscribe-by-link", "channel": 6541 }))?;
    let event = verdict_on_last_delivery(demo)?;
    ensure!(event.contains("opt_out") && event.contains("6541"), "{event}");
    Ok("authentic: opt-out of channel:6541".to_owned())
}

/// Returns the verdict of `verify-webhook` on the last delivery of the stand-in.
fn verdict_on_last_delivery(demo: &Demo) -> Result<String> {
    // A delivery has its headers once it is sent, which happens after the act is answered.
    let last = until("the last delivery", PATIENCE, || {
        let deliveries = demo.stand_in.get("deliveries")?;
        let last = deliveries.as_array().and_then(|all| all.last());
        Ok(last.filter(|last| says(last, "/outcome", "waiting").is_err()).cloned())
    })?;
    let part = |pointer| {
        last.pointer(pointer).map(Value::to_string).with_context(|| format!("no {pointer} in {last}"))
    };
    let headers = part("/headers")?;
    let scheme = "OAuth2 ";
    let start = headers.find(scheme).with_context(|| format!("no token in {headers}"))? + scheme.len();
    let token: String = headers.chars().skip(start).take_while(|c| *c != '"').collect();
    let body = demo.host.file("delivery.json");
    fs::write(&body, part("/body")?)?;
    let header = format!("Authorization: {scheme}{token}");
    let body = body.to_string_lossy();
    let verdict =
        demo.host.json(&["verify-webhook", "newsletter", "--header", &header, "--body", &body], 0)?;
    says(&verdict, "/verdict", "authentic")?;
    Ok(format!("{token} {verdict}"))
}

fn erase(demo: &Demo) -> Result<String> {
    demo.stand_in.pass(61)?;
    // Exit code 4: accepted, but not yet proven.
    let receipt = demo.host.json(&["erase", "newsletter", "--email", ADA], 4)?;
    says(&receipt, "/status", "accepted")?;
    let wait = receipt.pointer("/confirm_after_ms").and_then(Value::as_u64);
    let wait = wait.with_context(|| format!("no /confirm-after-ms in {receipt}"))?;
    Ok(format!("accepted, to be confirmed in {} minutes", wait.div_ceil(60_000)))
}

fn confirm(demo: &Demo) -> Result<String> {
    // Ten minutes to forget, and one more until reads show it.
    demo.stand_in.pass(660)?;
    let receipt = demo.host.json(&["confirm", "newsletter", "--email", ADA], 0)?;
    says(&receipt, "/status", "erased")?;
    let refused =
        demo.host.json(&["consent", "newsletter", "--email", ADA, "--opt-in", "channel:6539"], 1)?;
    says(&refused, "/standing", "forgotten")?;
    Ok("erased and listed as forgotten; a consent does not bring the person back".to_owned())
}

fn install_token(demo: &Demo) -> Result<String> {
    let outcome = demo.host.json(&["install-token", "newsletter"], 0)?;
    says(&outcome, "/outcome", "installed")?;
    // Senders take a while to switch to it.
    demo.stand_in.pass(61)?;
    demo.stand_in.post(
        "acts",
        &json!({ "email": "bob@example.com", "act": "unsubscribe-by-link", "channel": 6539 }),
    )?;
    let event = verdict_on_last_delivery(demo)?;
    ensure!(event.starts_with(TOKENS[1]), "the delivery carries another token");
    Ok("installed; the next delivery carries it and is authentic".to_owned())
}

fn swap(demo: &Demo) -> Result<String> {
    let told = demo.host.hot_swap()?;
    let versions = told.split_once(" answered, then ");
    let (before, rest) = versions.with_context(|| told.clone())?;
    let after = rest.split(',').next().unwrap_or_default();
    ensure!(before != after && after.ends_with("+next"), "{told}");
    Ok(told)
}

fn stop_hostile(demo: &Demo) -> Result<String> {
    let output = demo.host.run(&["check", "hostile"], 3)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let line = errors
        .lines()
        .find(|line| line.contains("the sandbox ended the call"))
        .with_context(|| errors.to_string())?;
    // The host keeps running: the next call of another connection is served.
    demo.host.json(&["check", "newsletter"], 0)?;
    Ok(line.split("the sandbox ended the call: ").last().unwrap_or(line).to_owned())
}
