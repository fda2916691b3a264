//! The setup of a webhook, step by step.

use serde_json::{Value, json};
use test_support::eventually;

use crate::testing::ApiBench;
use host_model::time::DAY_MS;

const HOOK: &str = "/api/v1/plus/connection/newsletter/consent-webhook";
const SETUP: &str = "/api/v1/connection/newsletter/webhook";

const OPT_OUT: &str = r#"{"email":"ada@example.com","eventName":"emailUnSubscribe","dataFields":{"createdAt":"2026-03-20 23:34:15 +00:00","channelIds":[27447],"email":"ada@example.com"}}"#;

/// The state of each step, in order.
fn states(setup: &Value) -> Vec<&str> {
    setup["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect()
}

fn why<'a>(setup: &'a Value, step: &str) -> &'a str {
    let steps = setup["steps"].as_array().unwrap();
    steps.iter().find(|of| of["step"] == step).unwrap()["why"].as_str().unwrap()
}

async fn change(bench: &ApiBench, key: &str, patch: Value) {
    let changed = bench.send(key, "PATCH", "/api/v1/connection/newsletter", Some(patch)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_of_the_setup_is_done_when_something_shows_it() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let setup = async || bench.get(&key, SETUP).await.json;
    let first = setup().await;
    assert_eq!(first["url"], json!(format!("https://hooks.example.com{HOOK}")));
    assert!(first["at_vendor"].as_str().unwrap().contains("System Webhooks"), "{first}");
    let order: Vec<_> = first["steps"].as_array().unwrap().iter().map(|of| of["step"].clone()).collect();
    let steps = ["address", "reachable", "webhook", "webhook_id", "token", "token_at_vendor", "choices"];
    assert_eq!(order, steps);
    assert_eq!(states(&first), ["done", "unknown", "unknown", "open", "open", "open", "unknown"]);
    assert_eq!((&first["next_rotation_at"], &first["unread"]), (&Value::Null, &json!(0)));

    let issued = bench.get(&key, &format!("{HOOK}/token")).await;
    let token = issued.json["access_token"].as_str().unwrap();
    let shown = setup().await;
    assert_eq!(states(&shown)[4..6], ["done", "open"]);
    assert_eq!(why(&shown, "token_at_vendor"), "enter token 1 at the vendor: no delivery has carried it yet");
    assert!(!shown.to_string().contains(token));

    let header = format!("authorization: Bearer {token}\r\n");
    assert_eq!(bench.raw("POST", HOOK, &header, b"no JSON").await.status, 200);
    let unread = eventually("it is unreadable", setup, |setup| setup["unread"] == 1).await;
    assert_eq!(states(&unread), ["done", "done", "done", "open", "done", "done", "unknown"]);
    assert!(why(&unread, "choices").starts_with("deliveries arrived, but none with a choice"), "{unread}");
    assert!(unread["last_received_at"].is_i64(), "{unread}");

    assert_eq!(bench.raw("POST", HOOK, &header, OPT_OUT.as_bytes()).await.status, 200);
    change(&bench, &key, json!({"settings": {"webhook-id": "4711"}})).await;
    let complete = eventually("a choice arrives", setup, |setup| states(setup)[6] == "done").await;
    assert_eq!(states(&complete), ["done"; 7], "{complete}");
    assert!(!complete.to_string().contains("ada@"), "{complete}");

    change(&bench, &key, json!({"settings": {"webhook-id": "none"}})).await;
    assert_eq!(states(&setup().await)[3], "open", "`none` is how Fides says that there is none");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_the_vendor_cannot_reach_is_named() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    for (url, state) in [
        ("http://127.0.0.1:7400/hook", "open"),
        ("https://localhost/hook", "open"),
        ("https://10.1.2.3/hook", "open"),
        ("https://[::1]/hook", "open"),
        ("https://192.0.2.7/hook", "unknown"),
    ] {
        change(&bench, &key, json!({"webhook_url": url})).await;
        let setup = bench.get(&key, SETUP).await.json;
        assert_eq!((setup["url"].as_str(), states(&setup)[1]), (Some(url), state), "{setup}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_rotation_is_the_daily_check_before_the_token_of_the_vendor_expires() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let id = iterable_stand_in::FIRST_WEBHOOK.to_string();
    change(&bench, &key, json!({"settings": {"webhook-id": id}})).await;
    let rotated = bench.send(&key, "POST", &format!("{HOOK}/token/rotate"), None).await;
    assert_eq!((rotated.status, &rotated.json["outcome"]), (200, &json!("installed")), "{rotated:?}");
    let setup = bench.get(&key, SETUP).await.json;
    assert_eq!(why(&setup, "token_at_vendor"), "the vendor accepted token 1; no delivery has carried it yet");
    let expires = bench.get(&key, &format!("{HOOK}/tokens")).await.json["tokens"][0]["expires_at"].as_i64();
    let at = setup["next_rotation_at"].as_i64().unwrap();
    // A week's window and a day, to the next 02:00.
    let left = expires.unwrap() - at;
    assert!((7 * DAY_MS..=8 * DAY_MS).contains(&left), "{left}");
    assert_eq!(at.rem_euclid(DAY_MS), DAY_MS / 12);
}
