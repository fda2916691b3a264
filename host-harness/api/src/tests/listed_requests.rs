//! The list of requests: its filters, and what each row says about what comes next.

use serde_json::{Value, json};

use crate::testing::ApiBench;

/// Sends erasures of people, which something holds back.
async fn waiting(bench: &ApiBench, key: &str, people: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    for person in people {
        let erasure = json!({"action": "erasure", "identity": {"email": person}});
        let sent = bench.send(key, "POST", "/api/v1/connection/newsletter/requests", Some(erasure)).await;
        ids.push(sent.json["id"].as_str().unwrap().to_owned());
    }
    ids
}

fn ids(listed: &Value) -> Vec<&str> {
    listed["requests"].as_array().unwrap().iter().map(|request| request["id"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_says_what_holds_it_back_as_the_request_itself_does() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    bench
        .sql(
            "INSERT INTO gates (connection, action, step, until, why) \
              VALUES ('newsletter', 'erasure', 'act', 4102444800000, 'the daily limit is reached')",
        )
        .await;
    let sent = waiting(&bench, &key, &["ada@example.com", "bob@example.com", "eve@example.com"]).await;
    let listed = bench.get(&key, "/api/v1/requests?state=waiting&waits_for=limit").await.json;
    assert_eq!(ids(&listed), sent.iter().rev().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((&listed["count"], &listed["count_is_exact"]), (&json!(3), &json!(true)));
    for row in listed["requests"].as_array().unwrap() {
        let single = bench.get(&key, &format!("/api/v1/requests/{}", row["id"].as_str().unwrap())).await.json;
        assert_eq!(row["forecast"], single["forecast"]);
        assert_eq!((&row["forecast"]["waits_for"], &row["days_left"]), (&json!("limit"), &json!(30)));
        assert_eq!(row["forecast"]["runs_at"], 4_102_444_800_000_i64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_found_by_each_filter() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    bench.park(1, "the key is wrong").await;
    let sent = waiting(&bench, &key, &["ada@example.com", "bob@example.com"]).await;
    bench.sql("UPDATE requests SET received_at = received_at - 23 * 86400000 WHERE seq = 1").await;
    bench.sql("UPDATE open_requests SET received_at = received_at - 23 * 86400000 WHERE seq = 1").await;
    let both = vec![sent[1].as_str(), sent[0].as_str()];
    for (query, expected) in [
        ("waits_for=parked", both.clone()),
        ("waits_for=limit", vec![]),
        ("tenant=acme&action=erasure", both.clone()),
        ("tenant=other", vec![]),
        ("action=consent", vec![]),
        ("late=true", vec![both[1]]),
        ("late=false&state=waiting", both.clone()),
        ("limit=1", vec![both[0]]),
    ] {
        let listed = bench.get(&key, &format!("/api/v1/requests?{query}")).await.json;
        assert_eq!(ids(&listed), expected, "{query}");
        let count = if query == "limit=1" { 2 } else { expected.len() };
        assert_eq!(listed["count"], count, "{query}");
    }
    let row = &bench.get(&key, "/api/v1/requests?late=true").await.json["requests"][0];
    assert_eq!((&row["days_left"], &row["forecast"]["runs_at"]), (&json!(7), &Value::Null));
    assert_eq!(row["forecast"]["held_back_by"], "its connection is parked: the key is wrong");
    let wrong = bench.get(&key, "/api/v1/requests?waits_for=godot").await;
    assert_eq!(wrong.problem(), (400, "bad-query"));
}
