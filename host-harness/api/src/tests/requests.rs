//! Requests from a client's perspective.

use serde_json::{Value, json};
use test_support::eventually;

use crate::testing::ApiBench;

const SUBMIT: &str = "/api/v1/connection/newsletter/requests";

fn erasure(email: &str) -> Value {
    json!({"action": "erasure", "identity": {"email": email}})
}

async fn submit(bench: &ApiBench, key: &str, idempotency_key: &str, body: &Value) -> crate::testing::Answer {
    let headers = format!(
        "authorization: Bearer {key}\r\ncontent-type: application/json\r\nidempotency-key: {idempotency_key}\r\n"
    );
    bench.raw("POST", SUBMIT, &headers, body.to_string().as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_accepted_once_it_is_stored_and_followed_to_its_attempts() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    bench.connect(&operator, "acme", "newsletter").await;
    let taken = bench.send(&operator, "POST", SUBMIT, Some(erasure("ada@example.com"))).await;
    assert_eq!((taken.status, &taken.json["state"]), (202, &json!("waiting")));
    let place = format!("/api/v1/requests/{}", taken.json["id"].as_str().unwrap());
    assert!(taken.headers.contains(&format!("location: {place}")), "{taken:?}");
    let shown = eventually(
        "the erasure is to be confirmed",
        async || bench.get(&operator, &place).await,
        |shown| shown.json["step"] == "confirm",
    )
    .await;
    assert_eq!(shown.json["attempts"].as_array().unwrap().len(), 1);
    let attempt = &shown.json["attempts"][0];
    assert!(attempt["plugin_digest"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!((&attempt["plugin"], attempt["plugin_version"].is_string()), (&json!("iterable"), true));
    let sent = &attempt["observed"]["requests"][0];
    assert_eq!((&sent["method"], &sent["path"]), (&json!("POST"), &json!("/api/users/forget")));
    assert_eq!(shown.json["outcome"]["receipt"]["status"], "accepted");
    assert!(shown.json["forecast"]["runs_at"].is_number());
    assert!(!shown.text.contains("ada@example.com"));
    let listed = bench.get(&operator, "/api/v1/requests?connection=newsletter&limit=1").await;
    assert_eq!(listed.json["requests"][0]["id"], taken.json["id"]);
    assert_eq!(listed.json["requests"][0]["person"], shown.json["person"]);
    let metrics = bench.get(&operator, "/metrics").await.text;
    let line = "connector_host_attempts_total{tenant=\"acme\",connection=\"newsletter\",operation=\"erasure\",status=\"in-progress\"} 1";
    assert!(metrics.lines().any(|told| told == line), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_idempotency_key_is_the_same_request_and_another_body_under_it_is_refused() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    bench.connect(&operator, "acme", "newsletter").await;
    let first = submit(&bench, &operator, "k-1", &erasure("ada@example.com")).await;
    let again = submit(&bench, &operator, "k-1", &erasure("ada@example.com")).await;
    assert_eq!((first.status, again.status), (202, 202));
    assert_eq!((&again.json["id"], &again.json["was_sent_before"]), (&first.json["id"], &json!(true)));
    let other = submit(&bench, &operator, "k-1", &erasure("bob@example.com")).await;
    assert_eq!((other.problem(), &other.json["request"]), ((409, "key-reused"), &first.json["id"]));
    let listed = bench.get(&operator, "/api/v1/requests").await;
    assert_eq!(listed.json["requests"].as_array().unwrap().len(), 1);
    bench.parts.served.host().remove_connection("newsletter");
    let again = submit(&bench, &operator, "k-1", &erasure("ada@example.com")).await;
    assert_eq!(
        (again.status, &again.json["id"]),
        (202, &first.json["id"]),
        "regardless of the connection's state"
    );
    let other = submit(&bench, &operator, "k-1", &erasure("bob@example.com")).await;
    assert_eq!(other.problem(), (409, "key-reused"));
    // Again, since a replica may have served it as it is stored.
    bench.parts.served.host().remove_connection("newsletter");
    assert_ne!(submit(&bench, &operator, "k-2", &erasure("bob@example.com")).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_cannot_be_taken_says_why() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    bench.connect(&operator, "acme", "newsletter").await;
    for (body, problem) in [
        (json!({"action": "erasure", "identity": {}}), (400, "bad-body")),
        (json!({"action": "erasure", "identity": {"email": " "}}), (400, "bad-body")),
        (json!({"action": "forget", "identity": {"email": "ada@example.com"}}), (400, "bad-body")),
        (json!({"action": "erasure", "identity": {"email": "a"}, "extra": 1}), (400, "bad-body")),
    ] {
        assert_eq!(
            bench.send(&operator, "POST", SUBMIT, Some(body.clone())).await.problem(),
            problem,
            "{body}"
        );
    }
    let narrowed = bench.send(
        &operator,
        "PATCH",
        "/api/v1/connection/newsletter",
        Some(json!({"actions": ["consent"]})),
    );
    assert_eq!(narrowed.await.status, 200);
    let refused = bench.send(&operator, "POST", SUBMIT, Some(erasure("ada@example.com"))).await;
    assert_eq!(refused.problem(), (409, "not-enabled"));
    let unknown = bench.send(&operator, "POST", "/api/v1/connection/shop/requests", Some(erasure("a"))).await;
    assert_eq!(unknown.problem(), (404, "unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_request_is_replayed_and_one_that_is_done_is_not() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    bench.connect(&operator, "acme", "newsletter").await;
    let refusal = json!({"code": "BadParams", "msg": "no"});
    bench.stand_in.fault(iterable_stand_in::Fault::Answer(400, refusal), "POST /api/users/forget", 1);
    let taken = bench.send(&operator, "POST", SUBMIT, Some(erasure("ada@example.com"))).await;
    let place = format!("/api/v1/requests/{}", taken.json["id"].as_str().unwrap());
    let shown = async || bench.get(&operator, &place).await.json;
    eventually("the request has failed", shown, |shown| shown["state"] == "failed").await;
    let received_at = bench.get(&operator, &place).await.json["received_at"].clone();
    let replayed = bench.send(&operator, "POST", &format!("{place}/replay"), None).await;
    assert_eq!(replayed.status, 202);
    assert_eq!(bench.get(&operator, &place).await.json["received_at"], received_at);
    eventually("the erasure is to be confirmed", shown, |shown| shown["step"] == "confirm").await;
    let again = bench.send(&operator, "POST", &format!("{place}/replay"), None).await;
    assert_eq!(again.problem(), (409, "not-replayed"));
    assert!(bench.audit("acme").await.iter().any(|record| record["what"] == "request-replayed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_about_one_person_have_one_hash_and_those_of_others_another() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    for key in ["newsletter", "shop"] {
        bench.connect(&operator, "acme", key).await;
    }
    let person = async |connection: &str, email: &str| {
        let path = format!("/api/v1/connection/{connection}/requests");
        let taken = bench.send(&operator, "POST", &path, Some(erasure(email))).await;
        let place = format!("/api/v1/requests/{}", taken.json["id"].as_str().unwrap());
        bench.get(&operator, &place).await.json["person"].as_str().unwrap().to_owned()
    };
    let ada = person("newsletter", "ada@example.com").await;
    assert!(ada.len() == 10 && ada.chars().all(|digit| digit.is_ascii_hexdigit()), "{ada}");
    assert_eq!(person("newsletter", "Ada@example.com").await, ada);
    assert_ne!(person("newsletter", "bob@example.com").await, ada);
    assert_ne!(person("shop", "ada@example.com").await, ada, "a connection's people are its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_ended_long_ago_is_deleted_once_the_operator_says_how_long_requests_are_kept() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let sent = bench.send(&key, "POST", SUBMIT, Some(erasure("ada@example.com"))).await;
    let request = format!("/api/v1/requests/{}", sent.json["id"].as_str().unwrap());
    bench.sql("DELETE FROM open_requests").await;
    bench.sql("UPDATE requests SET state = 'done', finished_at = 1, sealed_details = NULL").await;
    let bench = bench.restarted().await;
    assert_eq!(bench.get(&key, &request).await.status, 200);
    bench.configure("service.keep-requests-days = 31").await;
    let bench = bench.restarted().await;
    let status = async || bench.get(&key, &request).await.status;
    eventually("it is deleted", status, |status| *status == 404).await;
}
