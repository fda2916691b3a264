//! Re-reading deliveries that could not be read.

use serde_json::{Value, json};
use test_support::eventually;

use crate::testing::ApiBench;

const HOOK: &str = "/api/v1/plus/connection/newsletter/consent-webhook";
const DELIVERIES: &str = "/api/v1/connection/newsletter/deliveries";

async fn list(bench: &ApiBench, key: &str, query: &str) -> Vec<Value> {
    let listed = bench.get(key, &format!("{DELIVERIES}{query}")).await;
    listed.json["deliveries"].as_array().unwrap_or_else(|| panic!("{listed:?}")).clone()
}

/// Sends a delivery that no connector understands. Returns when it was received, once a reading of it has ended.
async fn unreadable(bench: &ApiBench, key: &str, header: &str, body: &str) -> i64 {
    let before = list(bench, key, "").await.len();
    assert_eq!(bench.raw("POST", HOOK, header, body.as_bytes()).await.status, 200);
    let read = |listed: &Vec<Value>| listed.len() > before && listed[0]["state"] == "unreadable";
    eventually("it is unreadable", async || list(bench, key, "").await, read).await[0]["received_at"]
        .as_i64()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_deliveries_are_listed_counted_and_read_again_since_a_time() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let issued = bench.get(&key, &format!("{HOOK}/token")).await;
    let header = format!("authorization: Bearer {}\r\n", issued.json["access_token"].as_str().unwrap());
    let first = unreadable(&bench, &key, &header, "no JSON").await;
    eventually("the clock moves on", async || bench.parts.clock.date_ms(), |now| *now > first).await;
    let second = unreadable(&bench, &key, &header, "nor this").await;
    assert_eq!(bench.raw("POST", HOOK, &header, b"{\"eventName\": \"emailOpen\"}").await.status, 200);
    let all = async || list(&bench, &key, "").await;
    eventually("it is read", all, |listed| listed[0]["state"] == "of_no_concern").await;

    let unread = list(&bench, &key, "?unread=true").await;
    let received: Vec<_> = unread.iter().map(|delivery| delivery["received_at"].as_i64().unwrap()).collect();
    assert_eq!(received, [second, first]);
    assert_eq!(list(&bench, &key, "?unread=true&state=stuck").await, [Value::Null; 0]);

    let replay = async |query: &str| {
        let replayed = bench.send(&key, "POST", &format!("{DELIVERIES}/replay{query}"), None).await;
        assert_eq!(replayed.status, 200, "{replayed:?}");
        replayed.json["deliveries"].as_i64().unwrap()
    };
    let counts = async |query: &str| replay(&format!("?dry_run=true{query}")).await;
    let since = [first, second, second + 1].map(|since| format!("&since={since}"));
    assert_eq!([counts("").await, counts(&since[0]).await], [2, 2]);
    assert_eq!([counts(&since[1]).await, counts(&since[2]).await], [1, 0]);
    let readings = |listed: &Vec<Value>| {
        let of = |at: usize| listed[at]["readings"].as_i64().unwrap();
        (of(1), of(2))
    };
    assert_eq!(readings(&all().await), (1, 1), "a dry run changes nothing");
    assert_eq!(replay(&format!("?since={second}")).await, 1);
    let again = |listed: &Vec<Value>| readings(listed) == (2, 1) && listed[1]["state"] == "unreadable";
    eventually("only the second is read again", all, again).await;
    let lines = bench.audit("acme").await;
    let line = lines.iter().find(|line| line["what"] == "deliveries-replayed").unwrap();
    assert_eq!((&line["detail"]["since"], &line["detail"]["deliveries"]), (&json!(second), &json!(1)));
    let reader = bench.reading_key("reader", None).await;
    let refused = bench.send(&reader, "POST", &format!("{DELIVERIES}/replay?dry_run=true"), None).await;
    assert_eq!(refused.problem(), (403, "read-only"));
}
