//! Connections that an operator pauses and resumes, and the list that shows how each stands.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::eventually;

use crate::testing::ApiBench;

const PATH: &str = "/api/v1/connection/newsletter";

async fn connected() -> (ApiBench, String) {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    (bench, key)
}

async fn pause(bench: &ApiBench, key: &str, reason: &str) -> Value {
    let paused = bench.send(key, "POST", &format!("{PATH}/pause"), Some(json!({"reason": reason}))).await;
    assert_eq!(paused.status, 200, "{paused:?}");
    paused.json
}

/// Submits the opt-out of a person. Returns the path of its request.
async fn opt_out(bench: &ApiBench, key: &str, email: &str) -> String {
    let choice = json!({"item": "channel:6539", "choice": "opt_out", "source": "fides"});
    let body = json!({"identity": {"email": email}, "preferences": {"items": [choice]}});
    let taken = bench.send(key, "POST", &format!("{PATH}/consent"), Some(body)).await;
    assert_eq!(taken.status, 202, "{taken:?}");
    format!("/api/v1/requests/{}", taken.json["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_a_paused_connection_wait_with_its_reason_through_a_restart_until_it_is_resumed() {
    let (bench, key) = connected().await;
    assert_eq!(
        pause(&bench, &key, "the vendor migrates").await,
        json!({"key": "newsletter", "was_paused": false})
    );
    let again = pause(&bench, &key, "another reason").await;
    assert_eq!(again["was_paused"], true);
    let request = opt_out(&bench, &key, "ada@example.com").await;
    let bench = bench.restarted().await;
    let shown = bench.get(&key, PATH).await.json;
    assert_eq!((&shown["health"], &shown["health_why"]), (&json!("paused"), &json!("the vendor migrates")));
    assert_eq!(shown["paused_why"], "the vendor migrates", "the first reason stays");
    assert!(shown["paused_by"].as_str().unwrap().starts_with("API key operator ("), "{shown}");
    assert!(shown["paused_at"].as_i64().unwrap() > 0);
    let forecast = bench.get(&key, &request).await.json["forecast"].clone();
    assert_eq!(
        forecast,
        json!({"runs_at": null, "waits_for": "paused", "place": null,
            "held_back_by": "its connection is paused: the vendor migrates"})
    );
    bench.stand_in.requests().clear();
    bench.get(&key, &format!("{PATH}/test")).await;
    assert_eq!(bench.get(&key, PATH).await.json["health"], "paused", "a test that passes ends no pause");
    let waiting = bench.get(&key, &request).await.json;
    assert_eq!((&waiting["state"], &waiting["attempts"]), (&json!("waiting"), &json!([])));

    let resumed = bench.send(&key, "POST", &format!("{PATH}/resume"), None).await;
    assert_eq!(resumed.json, json!({"key": "newsletter", "was_parked": false, "was_paused": true}));
    eventually("it is done", async || bench.get(&key, &request).await.json, |shown| shown["state"] == "done")
        .await;
    let shown = bench.get(&key, PATH).await.json;
    assert_eq!((&shown["health"], &shown["paused_why"]), (&json!("ready"), &Value::Null));
    let records = bench.audit("acme").await;
    let about = |what: &str| records.iter().filter(|record| record["what"] == what).collect::<Vec<_>>();
    let [paused] = about("connection-paused")[..] else { panic!("{records:?}") };
    assert!(paused.to_string().contains("the vendor migrates"), "{paused}");
    assert_eq!(about("connection-resumed").len(), 1, "{records:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opt_out_that_the_vendor_sends_to_a_paused_connection_is_read_and_passed_on() {
    let (bench, key) = connected().await;
    let hook = "/api/v1/plus/connection/newsletter/consent-webhook";
    let issued = bench.get(&key, &format!("{hook}/token")).await;
    let header = format!("authorization: Bearer {}\r\n", issued.json["access_token"].as_str().unwrap());
    pause(&bench, &key, "the vendor migrates").await;
    let delivery = json!({"email": "ada@example.com", "eventName": "emailUnSubscribe",
        "dataFields": {"createdAt": "2026-03-20 23:34:15 +00:00", "channelIds": [27447], "email": "ada@example.com"}});
    assert_eq!(bench.raw("POST", hook, &header, delivery.to_string().as_bytes()).await.status, 200);
    let events = async || bench.get(&key, "/api/v1/consent-events").await.json["events"].clone();
    eventually("the platform sees it", events, |events| events.as_array().unwrap().len() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_is_required_and_a_reader_pauses_nothing() {
    let (bench, key) = connected().await;
    let path = format!("{PATH}/pause");
    for reason in ["", " ", &"x".repeat(501)] {
        let refused = bench.send(&key, "POST", &path, Some(json!({"reason": reason}))).await;
        assert_eq!(refused.problem(), (422, "unfit-text"), "{reason:?}");
        assert_eq!(refused.json["errors"][0]["field"], "reason");
    }
    let reader = bench.reading_key("reader", None).await;
    let refused = bench.send(&reader, "POST", &path, Some(json!({"reason": "r"}))).await;
    assert_eq!(refused.problem(), (403, "read-only"));
    assert_eq!(bench.get(&key, PATH).await.json["health"], "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_listed_by_tenant_plugin_and_health_a_page_at_a_time() {
    let (bench, key) = connected().await;
    for (tenant, name) in [("acme", "billing"), ("other", "surveys"), ("acme", "zoo")] {
        bench.connect(&key, tenant, name).await;
    }
    pause(&bench, &key, "r").await;
    bench.sql("UPDATE connections SET parked_why = 'no key', parked_at = 3 WHERE key IN ('billing', 'newsletter')").await;
    bench.sql("UPDATE connections SET open_until = 5 WHERE key = 'zoo'").await;
    let listed = async |query: &str| -> Vec<String> {
        let listed = bench.get(&key, &format!("/api/v1/connection{query}")).await;
        let connections = listed.json["connections"].as_array().unwrap_or_else(|| panic!("{listed:?}"));
        connections.iter().map(|one| one["key"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed("").await, ["billing", "newsletter", "surveys", "zoo"]);
    assert_eq!(listed("?limit=2").await, ["billing", "newsletter"]);
    assert_eq!(listed("?limit=2&after=newsletter").await, ["surveys", "zoo"]);
    assert_eq!(listed("?tenant=other").await, ["surveys"]);
    assert_eq!(listed("?plugin=other").await, [""; 0]);
    for (health, expected) in
        [("parked", "billing"), ("paused", "newsletter"), ("ready", "surveys"), ("unanswered", "zoo")]
    {
        assert_eq!(listed(&format!("?health={health}&limit=1")).await, [expected], "{health}");
    }
    assert_eq!(bench.get(&key, "/api/v1/connection/zoo").await.json["breaker_open_until"], 5);
    let narrow = bench.key("narrow", Some(&["other"])).await;
    let reached = bench.get(&narrow, "/api/v1/connection").await.json;
    assert_eq!(reached["connections"].as_array().unwrap().len(), 1, "{reached}");
    let wrong = bench.get(&key, "/api/v1/connection?health=good").await;
    assert_eq!(wrong.problem(), (400, "bad-query"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_used_of_a_daily_limit_is_shown_for_each_connection_of_the_account() {
    let (bench, key) = connected().await;
    bench.connect(&key, "acme", "billing").await;
    bench.stand_in.with_project(|project| project.seed(Some("ada@example.com"), None, None));
    let quota = async || bench.get(&key, "/api/v1/connection/billing").await.json["quotas"][0].clone();
    let unused = quota().await;
    assert_eq!((&unused["used"], &unused["resets_at"]), (&json!(0), &Value::Null), "{unused}");
    assert_eq!(unused["limit"]["requests"], 1_000);
    let before = bench.parts.clock.date_ms();
    let erasure = json!({"action": "erasure", "identity": {"email": "ada@example.com"}});
    assert_eq!(bench.send(&key, "POST", &format!("{PATH}/requests"), Some(erasure)).await.status, 202);
    let used = eventually("it is counted", quota, |quota| quota["used"] == 1).await;
    let day = i64::try_from(Duration::from_hours(24).as_millis()).unwrap();
    assert!(used["resets_at"].as_i64().unwrap() > before + day, "{used}");
    assert_eq!(used["room_at"], Value::Null);
}
